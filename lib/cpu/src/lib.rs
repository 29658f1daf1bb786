//! The AArch64 processor: state, exceptions, MMU and the reference interpreter.
//!
//! [`Cpu`] is one processor of a machine: [`State`] (what instructions touch), [`Sys`] (system registers), a soft
//! TLB, and its connections. [`Interpreter`] executes it and is the definition of what every instruction means;
//! a translator is another [`Engine`] over the same `Cpu`.
//!
//! The crate knows the Arm architecture and nothing else: no board, no device, no Apple file format.
//! AArch32 is not implemented. Facts are from the Arm Architecture Reference Manual for A-profile (cited as "Arm
//! manual") unless a comment names another source.
#![deny(unsafe_op_in_unsafe_fn)]

pub mod access;
mod cpu;
pub mod debug;
pub mod engine;
pub mod entry;
pub mod exception;
pub mod exec;
pub mod fp;
pub mod interpreter;
pub mod mmu;
pub mod model;
pub mod pmu;
pub mod reg;
pub mod shootdown;
mod spin;
pub mod state;
pub mod sys;
mod timer;
pub mod tlb;
pub mod trace;

pub use access::{Int, Kind};
pub use cpu::{Conduit, Connections, Cpu, Firmware, SystemRegisterHook};
pub use engine::{Engine, Stop};
pub use exception::{Exception, Step};
pub use interpreter::Interpreter;
pub use model::{Model, Pac};
pub use state::State;
pub use sys::Sys;

#[cfg(test)]
mod tests;
