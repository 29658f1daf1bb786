//! Boards: a load plan becomes RAM, devices and CPUs that run.
//!
//! A board is built once ([`apple::build`], [`virt::build`]), holds everything loaded and wired ([`Board`]), and
//! becomes a [`Machine`] when CPUs are put into its sockets. [`Machine::run`] goes on until the guest ends it or
//! the [`Host`] does. Decisions about addresses are not made here: they come from `xnu_boot::Plan`.
#![forbid(unsafe_code)]

pub mod apple;
pub mod board;
pub mod debuggee;
mod error;
mod fault;
pub mod firmware;
pub mod hook;
pub mod m1;
pub mod machine;
pub mod media;
pub mod trace;
pub mod virt;
pub mod wires;

pub use board::{Board, Config, Screen};
pub use cpu::{Cpu, Pac};
pub use debuggee::Debuggee;
pub use error::Error;
pub use fault::Fault;
pub use machine::{Action, EngineKind, Exit, Host, Machine, Options, Wait};
pub use media::{Media, Parts};
pub use mem::Size;
