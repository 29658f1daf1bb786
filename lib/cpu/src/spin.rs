//! Whether a CPU waits for time to pass without saying so.
//!
//! WFI says it. A kernel that may not use WFI polls the counter instead: XNU's idle loop does as long as no driver has
//! enabled the CPU's signals (`osfmk/arm64/cpu.c`: `cpu_idle` returns at once while `SIGPdisabled` is set), which without
//! drivers is for ever, and so does every delay loop. A machine that would skip the time of a WFI can skip this time too.
//!
//! A CPU is taken to spin when, for a long while, it has read the counter again and again in one thread of a kernel, and
//! has taken no exception and touched no device. This is a guess, and a cheap one: who skips time by it must be sure that a
//! wrong one does no harm.

use crate::Cpu;

/// Instructions after which a CPU that only reads the counter is taken to spin.
const LONG: u64 = 1_000_000;
/// Most instructions between two reads of the counter.
const OFTEN: u64 = 4096;

/// What is known of a CPU's reads of the counter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spin {
    /// Instructions executed when it last did something else.
    since: u64,
    /// Instructions executed at the last read.
    last: u64,
    /// TPIDR_ELx at the last read: the thread, in XNU.
    thread: u64,
}

impl Cpu {
    /// The counter is read by an instruction.
    #[inline]
    pub(crate) fn note_counter_read(&mut self) {
        let now = self.state.instructions;
        let thread = self.sys.tpidr[usize::from(self.state.el & 3)];
        if now.wrapping_sub(self.spin.last) > OFTEN || self.spin.thread != thread || self.state.el == 0 {
            self.spin.since = now;
        }
        self.spin.last = now;
        self.spin.thread = thread;
    }

    /// Something happened that a loop which only waits for time does not do.
    #[inline]
    pub(crate) fn note_progress(&mut self) {
        self.spin.since = self.state.instructions;
    }

    /// Whether this CPU does nothing but watch time pass.
    pub fn spins(&self) -> bool {
        let now = self.state.instructions;
        now.wrapping_sub(self.spin.last) <= OFTEN && now.wrapping_sub(self.spin.since) >= LONG
    }
}
