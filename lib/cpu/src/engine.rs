//! What runs a CPU: the interface of the interpreter and of the translator.

use crate::Cpu;

/// Why [`Engine::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The budget is used up.
    Budget,
    /// The CPU waits for an interrupt (WFI) and none is pending.
    Wfi,
    /// The guest asked for the machine to end, with this exit status.
    Exit(u32),
    /// The guest asked for a machine reset.
    Reset,
    /// This CPU was switched off (PSCI CPU_OFF).
    Off,
    /// The CPU waits for an event or yields: another CPU may go on.
    Yield,
    /// A debugger's breakpoint at the current pc, which has not been executed.
    Breakpoint,
    /// A hook of the host's at the current pc, which has not been executed ([`Cpu::set_hook`]).
    Hook,
    /// A debugger's watchpoint: the instruction at the current pc wants to access `address` and has not finished.
    Watchpoint {
        /// Address accessed.
        address: u64,
        /// Whether it was a write.
        write: bool,
    },
    /// The one instruction of a debugger's step was executed.
    Step,
    /// Somebody raised `mem::KICK`.
    Kick,
}

/// Executes instructions of a CPU.
pub trait Engine: Send + std::fmt::Debug {
    /// Runs at most about `budget` instructions and says why it stopped.
    fn run(&mut self, cpu: &mut Cpu, budget: u64) -> Stop;
    /// Forgets everything derived from guest code.
    fn flush(&mut self) {}
}
