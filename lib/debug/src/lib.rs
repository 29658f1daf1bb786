//! Looking into a running guest, from outside it: a GDB remote stub, and what a person asks a machine at a prompt.
//!
//! [`serve`] serves one client of the remote protocol (GDB, LLDB) on a [`Target`]; [`inspect`] and [`tables`] write
//! registers, memory, instructions and page tables as text; [`Symbols`] names addresses. The guest never notices:
//! breakpoints and watchpoints are hooks of the CPU, memory is read through page tables without side effects, guest
//! time stands still while a client holds the machine.
//!
//! The crate knows CPUs and memory. It knows no board and no run loop: whoever has those implements [`Target`].
//! Protocol facts: GDB manual, appendix E; LLDB's extensions from its `docs/resources/lldbgdbremote.md`.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]

mod arch;
mod error;
pub mod inspect;
mod listen;
mod lldb;
mod packet;
mod session;
mod stub;
mod symbols;
pub mod system;
pub mod tables;
mod target;

pub use error::Error;
pub use listen::{Address, Client, Server};
pub use session::{Outcome, serve};
pub use symbols::{Near, Symbols};
pub use target::{Event, Kernel, Target};

/// An instruction as text, at address `pc`.
pub fn disassemble(word: u32, pc: u64) -> String {
    a64::disassemble(word, pc).to_string()
}

/// The name of a system register by its packed encoding (`cpu::reg::pack`).
pub fn register_name(register: u16) -> String {
    a64::SysReg(register).to_string()
}

#[cfg(test)]
mod tests;
