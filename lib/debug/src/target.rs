//! What a debugger works on.

use std::os::fd::BorrowedFd;

use cpu::{Cpu, Stop};

/// Why [`Target::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client's connection has something to read, or was closed.
    Input,
    /// A breakpoint, a watchpoint or the end of a step.
    Stop {
        /// Index of the CPU.
        cpu: usize,
        /// What happened.
        stop: Stop,
    },
    /// The guest reset the machine, which starts over: what was asked of its CPUs is forgotten.
    Restarted,
    /// The guest is gone, with this exit status.
    Ended(u32),
    /// The user ended the run.
    Left,
}

/// The kernel, as far as a debugger wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Virtual address of its Mach-O header.
    pub header: u64,
    /// `LC_UUID`, if it has one.
    pub uuid: Option<[u8; 16]>,
}

/// A guest with its CPUs, and the run loop around it.
pub trait Target {
    /// Number of CPUs, at least one.
    fn cpus(&self) -> usize;
    /// CPU `index`.
    fn cpu(&self, index: usize) -> Option<&Cpu>;
    /// CPU `index`, to be changed.
    fn cpu_mut(&mut self, index: usize) -> Option<&mut Cpu>;
    /// Whether CPU `index` is switched on.
    fn is_on(&self, index: usize) -> bool;
    /// Whether CPU `index` waits for an interrupt.
    fn waits(&self, index: usize) -> bool;
    /// The CPU to look at when nothing points to another.
    fn current(&self) -> usize;
    /// Keeps CPU `index` from running, or lets it run again.
    fn hold(&mut self, index: usize, held: bool);
    /// Runs until something happens; `input` is the client's connection, to be watched meanwhile.
    fn run(&mut self, input: BorrowedFd<'_>) -> Event;
    /// Waits, the guest standing still, until `input` has something to read (true) or the user ends the run (false).
    fn wait(&mut self, input: BorrowedFd<'_>) -> bool;
    /// Answers a line of the user's (`monitor` in GDB).
    fn command(&mut self, line: &str) -> String;
    /// Whether the guest is Apple's, so that LLDB takes its names and conventions for granted.
    fn is_apple(&self) -> bool;
    /// The kernel, when it is known.
    fn kernel(&self) -> Option<Kernel>;
}
