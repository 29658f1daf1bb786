//! Translates AArch64 code to x86-64 while it runs: an [`Engine`](cpu::Engine) with the interpreter's answers.
//!
//! A *block* is a run of guest instructions in one page: `decode` turns each into a typed operation (`ir`),
//! `liveness` finds where NZCV is needed, and `emit` writes x86-64 for it. What is not translated calls the
//! interpreter's own executor for that instruction and goes on, so everything works and only speed differs.
//!
//! Shape (figures and reasons: jit-design of the project's notes):
//! * Blocks are found by virtual pc, guest physical address and the few state bits that code depends on (`mode`),
//!   so neither TLB maintenance nor a change of address space throws code away; only a write to its page does.
//! * Some guest registers live in host registers everywhere (`regs`), all others in `cpu::State`. So at every
//!   instruction it is known where everything is: exceptions are precise without side tables.
//! * Floating point is the host's, under FPCR's rounding mode, with MXCSR's sticky bits for FPSR's; what the host does not do as
//!   Arm is noticed by the result and goes to the executor (`emit::fp`). Loops may exchange vector registers (`emit::layout`).
//! * Direct branches are chained; across pages behind one compare with the number of the current translations.
//!   Indirect ones probe a table in line. Memory accesses look the soft TLB up in line.
//! * Calls into Rust are leaf calls that store the pinned registers first. Nothing unwinds through generated code.
//!   An exception, its return, or a change of translations is dealt with in such a call, which then goes on at the new
//!   pc through the table of targets; only what must be looked at (interrupts, stops, new code) goes to the dispatcher.
//! * MXCSR is all-masked while generated code runs, with FPCR's rounding mode; its sticky bits are brought to FPSR at
//!   every call and exit that may look at it. There is no signal handler.
//! * Code lies in a memfd mapped twice, written through one view and run through the other.
//!
//! Interrupts are noticed between blocks, and the instruction count is exact at every exit.
#![cfg(target_arch = "x86_64")]
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(clippy::useless_conversion, reason = "the assembler's macro converts every dynamic register")]

mod block;
mod cache;
mod decode;
mod emit;
mod engine;
mod ir;
mod liveness;
mod mode;
mod numbers;
mod regs;
mod runtime;
mod schedule;
mod thunks;

pub use engine::Jit;

/// Why there is no translator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The host's processor lacks an instruction set that generated code uses.
    #[error("host processor: no {0}")]
    Host(&'static str),
    /// Memory for generated code cannot be had.
    #[error("code cache: {0}")]
    Memory(#[from] mem::Error),
    /// The assembler refused its input: a fault of this crate.
    #[error("code generation: {0}")]
    Assembler(String),
}
