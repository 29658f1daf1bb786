//! Recordings of what A64 instructions do, and the states they start from.
//!
//! A recording holds, for each test, the instruction words and what changed: registers, flags, FPSR, memory, the next
//! address, or that the word is undefined. The state before is not stored: [`state::initial`] derives it from
//! the recording's seed, the test's number and its words. So 14 bytes a test suffice, and replaying needs
//! no emulator and no cross-compiler.
//!
//! The program `recorder` (main.rs) makes recordings by running a small process (harness.c) under qemu-aarch64, two
//! versions of it, and keeps only what both agree on. What is not here: instructions of EL1 and above, system registers,
//! counters, pointer authentication codes (their keys and algorithm differ), hints and barriers.
#![forbid(unsafe_code)]

pub mod choose;
pub mod file;
pub mod replay;
pub mod rng;
pub mod state;

pub use file::{Outcome, Recording, Test};
pub use replay::{Mismatch, Player};
pub use state::Regs;
