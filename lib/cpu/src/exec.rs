//! The meaning of instructions: one function per group of Arm's encoding index, one file per group.
//!
//! Every group is a function `execute(cpu, op, word) -> Step`. It finds `cpu.state.pc` at the instruction's own
//! address and `next_pc` at the following one; branches replace `next_pc` (`State::branch`). An `Err` leaves
//! the registers as they were before the instruction (loads first, then writeback), so that it can be
//! restarted. UNDEFINED field combinations return `Exception::undefined()`.
//! FP and SIMD groups are called only when CPACR, CPTR allow them at the current EL.

pub mod system;
