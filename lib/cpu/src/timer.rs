//! Generic timers and the performance monitors' counters, as the CPU sees them.
//!
//! Time is [`mem::Clock`]; a timer's output is a wire. The engine calls [`Cpu::update_timers`] when the nearest deadline
//! is reached and whenever a register that matters was written. Arm manual D12.

use crate::Cpu;
use crate::state::pending;
use crate::sys::timer;

/// CNTx_CTL.ENABLE.
const ENABLE: u64 = 1;
/// CNTx_CTL.IMASK.
const IMASK: u64 = 2;

impl Cpu {
    /// Tells a counted clock about the instructions executed since it last heard.
    #[inline]
    pub fn sync_clock(&mut self) {
        let new = self.state.instructions.wrapping_sub(self.counted);
        if new != 0 {
            self.io.clock.count(new);
            self.counted = self.state.instructions;
        }
    }

    /// CNTPCT_EL0 now.
    pub fn physical_count(&mut self) -> u64 {
        self.sync_clock();
        self.io.clock.now()
    }

    /// CNTPCT_EL0 or CNTVCT_EL0 as an MRS reads it at the current EL, for engines that have checked that it is not trapped.
    pub fn counter(&mut self, physical: bool) -> u64 {
        self.note_counter_read();
        if physical { self.physical_count() } else { self.virtual_count() }
    }

    /// What is subtracted from the physical count for timer `index`.
    fn offset(&self, index: usize) -> u64 {
        if index == timer::VIRTUAL && self.model.has_el2 { self.sys.cntvoff } else { 0 }
    }

    /// CNTVCT_EL0 now, as read at the current EL: a host at EL2 sees no offset.
    pub(crate) fn virtual_count(&mut self) -> u64 {
        let e2h = self.hcr() >> 34 & 1 != 0;
        let offset = match self.state.el {
            2 if e2h => 0,
            0 if self.in_host() => 0,
            _ => self.offset(timer::VIRTUAL),
        };
        self.physical_count().wrapping_sub(offset)
    }

    /// The count that timer `index` compares with.
    pub(crate) fn timer_count(&mut self, index: usize) -> u64 {
        self.physical_count().wrapping_sub(self.offset(index))
    }

    /// CNTx_CTL with ISTATUS.
    pub(crate) fn timer_control(&mut self, index: usize) -> u64 {
        let count = self.timer_count(index);
        let t = self.sys.timers[index % timer::COUNT];
        let status = t.ctl & ENABLE != 0 && count >= t.cval;
        t.ctl | u64::from(status) << 2
    }

    /// Drives the timers' wires and finds the next moment at which one will change.
    pub fn update_timers(&mut self) {
        let now = self.physical_count();
        let mut next = u64::MAX;
        for index in 0..timer::COUNT {
            let t = self.sys.timers[index];
            let offset = self.offset(index);
            let active = t.ctl & ENABLE != 0 && t.ctl & IMASK == 0;
            let due = now.wrapping_sub(offset) >= t.cval;
            self.io.timers[index].set(active && due);
            if active && !due {
                // Saturating: a compare value that the offset pushes beyond the end never comes.
                next = next.min(t.cval.saturating_add(offset));
            }
        }
        self.deadline = next;
        self.state.pending |= pending::INTERRUPT;
    }

    /// The physical count at which the next timer interrupt of this CPU is due, if one is armed and not due yet.
    pub fn next_deadline(&self) -> Option<u64> {
        (self.deadline != u64::MAX).then_some(self.deadline)
    }
}
