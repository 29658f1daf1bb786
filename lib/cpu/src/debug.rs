//! Debug: software step, hardware breakpoints and watchpoints of the architecture, and the hooks of an outside debugger.
//!
//! The architecture's part follows Arm manual D2. The debugger's part never changes guest memory: breakpoints, hooks and
//! watchpoints keep their pages out of the soft TLB, so that instructions of those pages alone go the slow way, one at a
//! time ([`crate::interpreter::step`]). While the architecture's debugging or a debugger's step is in use,
//! [`pending::DEBUG`] makes engines take every instruction so.

use std::collections::BTreeSet;

use crate::Cpu;
use crate::engine::Stop;
use crate::exception::{Exception, Step};
use crate::state::pending;

/// MDSCR_EL1.SS.
const MDSCR_SS: u64 = 1;
/// MDSCR_EL1.KDE.
const MDSCR_KDE: u64 = 1 << 13;
/// MDSCR_EL1.MDE.
const MDSCR_MDE: u64 = 1 << 15;

/// A debugger's watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// First byte, as the guest names it.
    pub address: u64,
    /// Bytes.
    pub len: u64,
    /// Stop on reads.
    pub read: bool,
    /// Stop on writes.
    pub write: bool,
}

/// What an outside debugger asked for.
#[derive(Clone, Debug, Default)]
pub struct Debugger {
    breakpoints: BTreeSet<u64>,
    /// Addresses at which the host wants to do something; not a debugger's, and not forgotten with its wishes.
    hooks: BTreeSet<u64>,
    watches: Vec<Watch>,
    /// Stop after one instruction, during which no interrupt is taken.
    pub step: bool,
    /// The breakpoint that was reported last, and the instructions executed by then: running on from it does not report it
    /// again, coming back to it does.
    reported: Option<(u64, u64)>,
    /// The same of hooks.
    hooked: Option<(u64, u64)>,
}

impl Debugger {
    /// Whether there is a breakpoint or a hook in `[page, page + size)`.
    fn stops_in(&self, page: u64, size: u64) -> bool {
        let last = page.saturating_add(size.wrapping_sub(1));
        let any = |set: &BTreeSet<u64>| set.range(page..=last).next().is_some();
        any(&self.breakpoints) || any(&self.hooks)
    }
}

impl Cpu {
    /// Sets or removes a breakpoint at a virtual address.
    pub fn set_breakpoint(&mut self, address: u64, on: bool) {
        let d = &mut self.debugger;
        if on {
            d.breakpoints.insert(address);
        } else {
            d.breakpoints.remove(&address);
            // Set again, it must be reported again, even when nothing ran through this in between.
            d.reported = d.reported.filter(|(reported, _)| *reported != address);
        }
        // The page goes out of the soft TLB, or may come back; translations chained to each other notice it, too.
        self.tlb.invalidate(crate::tlb::Invalidate::All);
    }

    /// Sets or removes a hook at a virtual address: [`Stop::Hook`] before the instruction there. Hooks are the host's, not a
    /// debugger's: [`Cpu::clear_debugger`] leaves them.
    pub fn set_hook(&mut self, address: u64, on: bool) {
        let d = &mut self.debugger;
        if on {
            d.hooks.insert(address);
        } else {
            d.hooks.remove(&address);
            d.hooked = None;
        }
        self.tlb.invalidate(crate::tlb::Invalidate::All);
    }

    /// Whether instructions of the page of `va` must be executed one at a time, for breakpoints and hooks in it.
    #[inline]
    pub fn stops_in_page(&self, va: u64) -> bool {
        let d = &self.debugger;
        if d.breakpoints.is_empty() && d.hooks.is_empty() {
            return false;
        }
        let mask = self.state.page_mask;
        d.stops_in(va & mask, (!mask).wrapping_add(1))
    }

    /// Sets or removes a watchpoint.
    pub fn set_watch(&mut self, watch: Watch, on: bool) {
        self.debugger.watches.retain(|w| *w != watch);
        if on {
            self.debugger.watches.push(watch);
        }
        self.tlb.invalidate(crate::tlb::Invalidate::All);
        self.update_debug();
    }

    /// Stops after the next instruction (or exception entry), once. Interrupts wait meanwhile: who steps through a function
    /// does not want to find himself in a handler.
    pub fn set_step(&mut self, on: bool) {
        self.debugger.step = on;
        self.update_debug();
    }

    /// Forgets everything that a debugger asked for.
    pub fn clear_debugger(&mut self) {
        if !self.debugger.watches.is_empty() || !self.debugger.breakpoints.is_empty() {
            self.tlb.invalidate(crate::tlb::Invalidate::All);
        }
        let (hooks, hooked) = (std::mem::take(&mut self.debugger.hooks), self.debugger.hooked);
        self.debugger = Debugger { hooks, hooked, ..Debugger::default() };
        if matches!(self.stop, Some(Stop::Watchpoint { .. })) {
            self.take_stop();
        }
        self.update_debug();
    }

    /// Whether interrupts wait because a debugger steps.
    pub(crate) fn holds_interrupts(&self) -> bool {
        self.debugger.step
    }

    /// The EL that debug exceptions go to.
    fn debug_target(&self) -> u8 {
        let routed = self.el2_enabled() && (self.sys.mdcr2 >> 8 & 1 != 0 || self.hcr() >> 27 & 1 != 0);
        if routed { 2 } else { 1 }
    }

    /// Whether breakpoint, watchpoint and step exceptions are enabled at `el` with PSTATE.D = `masked`.
    fn debug_enabled(&self, el: u8, masked: bool) -> bool {
        if self.sys.os_lock {
            return false;
        }
        let target = self.debug_target();
        match el.cmp(&target) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => self.sys.mdscr & MDSCR_KDE != 0 && !masked,
            std::cmp::Ordering::Greater => false,
        }
    }

    fn debug_enabled_now(&self) -> bool {
        self.debug_enabled(self.state.el, self.state.daif >> 9 & 1 != 0)
    }

    fn step_active(&self) -> bool {
        self.sys.mdscr & MDSCR_SS != 0 && self.debug_enabled_now()
    }

    /// Recomputes [`pending::DEBUG`]: to be called when EL, PSTATE.D or a debug register changed.
    pub(crate) fn update_debug(&mut self) {
        let hardware = self.sys.mdscr & MDSCR_MDE != 0 && self.sys.breakpoints.iter().any(|b| b.1 & 1 != 0);
        let d = &self.debugger;
        if hardware || d.step || self.sys.mdscr & MDSCR_SS != 0 {
            self.state.pending |= pending::DEBUG;
        } else {
            self.state.pending &= !pending::DEBUG;
        }
    }

    /// Whether [`Cpu::debug_before`] has something to look at.
    pub(crate) fn debug_wanted(&self) -> bool {
        let d = &self.debugger;
        self.state.pending & pending::DEBUG != 0 || !d.breakpoints.is_empty() || !d.hooks.is_empty()
    }

    /// What must happen before the instruction at `state.pc` when [`Cpu::debug_wanted`].
    pub(crate) fn debug_before(&mut self) -> Result<Option<Stop>, Exception> {
        let pc = self.state.pc;
        let now = Some((pc, self.state.instructions));
        if self.debugger.hooks.contains(&pc) && self.debugger.hooked != now {
            self.debugger.hooked = now;
            return Ok(Some(Stop::Hook));
        }
        if self.debugger.breakpoints.contains(&pc) && self.debugger.reported != now {
            self.debugger.reported = now;
            return Ok(Some(Stop::Breakpoint));
        }
        if self.step_active() && self.state.ss == 0 {
            return Err(Exception::software_step(self.stepped, false));
        }
        self.stepped = false;
        if self.sys.mdscr & MDSCR_MDE != 0 && self.debug_enabled_now() && self.breakpoint_hit(pc) {
            return Err(Exception::breakpoint());
        }
        Ok(None)
    }

    /// What must happen after an instruction when [`pending::DEBUG`] was set.
    pub(crate) fn debug_after(&mut self) -> Option<Stop> {
        if std::mem::take(&mut self.debugger.step) {
            self.update_debug();
            // A watchpoint kept the instruction from finishing: that is the news, and it is told once.
            return Some(match self.stop {
                Some(stop @ Stop::Watchpoint { .. }) => {
                    self.take_stop();
                    stop
                }
                _ => Stop::Step,
            });
        }
        None
    }

    /// An instruction finishes under software step: active-not-pending becomes active-pending.
    pub(crate) fn step_advance(&mut self) {
        if self.state.ss != 0 && self.sys.mdscr & MDSCR_SS != 0 {
            self.state.ss = 0;
            self.stepped = true;
        }
    }

    /// PSTATE.SS after an exception return to `to` with `spsr`.
    pub(crate) fn step_on_return(&self, spsr: u64, to: u8) -> u8 {
        let stepping = self.sys.mdscr & MDSCR_SS != 0;
        let enabled_there = self.debug_enabled(to, spsr >> 9 & 1 != 0);
        if stepping && !self.debug_enabled_now() && enabled_there { (spsr >> 21 & 1) as u8 } else { 0 }
    }

    /// Whether a control register's HMC, SSC and PMC (or PAC) select the current EL.
    fn selects_el(&self, control: u64) -> bool {
        let (pmc, hmc) = (control >> 1 & 3, control >> 13 & 1 != 0);
        match self.state.el {
            0 => pmc >> 1 & 1 != 0,
            1 => pmc & 1 != 0,
            2 => hmc,
            _ => hmc && control >> 14 & 3 != 3,
        }
    }

    fn breakpoint_hit(&self, pc: u64) -> bool {
        let count = self.model.breakpoints();
        self.sys.breakpoints.iter().take(count).any(|&(value, control)| {
            if control & 1 == 0 || !self.selects_el(control) {
                return false;
            }
            let linked = || {
                let other =
                    self.sys.breakpoints.get((control >> 16 & 15) as usize).copied().unwrap_or_default();
                self.context_matches(other.0)
            };
            match control >> 20 & 15 {
                0 => same_address(value, pc),
                1 => same_address(value, pc) && linked(),
                2 => self.context_matches(value),
                _ => false,
            }
        })
    }

    fn context_matches(&self, value: u64) -> bool {
        let el = if self.in_host() || self.state.el == 2 { 2 } else { 1 };
        value as u32 == self.sys.contextidr[el] as u32
    }

    /// Whether any watchpoint, of the architecture or of a debugger, lies in `[page, page + size)`.
    pub(crate) fn watched(&self, page: u64, size: u64) -> bool {
        let page = canonical(page);
        let overlaps =
            |start: u64, len: u64| start < page.saturating_add(size) && page < start.saturating_add(len);
        self.debugger.watches.iter().any(|w| overlaps(w.address, w.len))
            || self.sys.watchpoints.iter().take(self.model.watchpoints()).any(|&(value, control)| {
                control & 1 != 0 && {
                    let (start, len) = watch_range(value, control);
                    overlaps(start, len)
                }
            })
    }

    /// Checks an access of the slow path against all watchpoints.
    pub(crate) fn check_watchpoints(&mut self, va: u64, size: u64, write: bool) -> Step {
        let at = canonical(va);
        let overlaps =
            |start: u64, len: u64| start < at.saturating_add(size) && at < start.saturating_add(len);
        let hit = self
            .debugger
            .watches
            .iter()
            .find(|w| (if write { w.write } else { w.read }) && overlaps(w.address, w.len))
            .copied();
        if hit.is_some() {
            // As the architecture's own watchpoints: the access does not happen, the instruction has not finished.
            self.request_stop(Stop::Watchpoint { address: va, write });
            return Err(Exception::debugger());
        }
        if self.sys.mdscr & MDSCR_MDE == 0 || !self.debug_enabled_now() {
            return Ok(());
        }
        let count = self.model.watchpoints();
        for &(value, control) in self.sys.watchpoints.iter().take(count) {
            let wanted = control >> 3 & if write { 2 } else { 1 } != 0;
            if control & 1 == 0 || !wanted || !self.selects_el(control) {
                continue;
            }
            let (start, len) = watch_range(value, control);
            if overlaps(start, len) {
                return Err(Exception::watchpoint(write, va));
            }
        }
        Ok(())
    }
}

fn canonical(va: u64) -> u64 {
    ((va << 8) as i64 >> 8) as u64
}

fn same_address(value: u64, pc: u64) -> bool {
    // Bits 55:2; the top byte is a sign extension in the register.
    (value ^ pc) << 8 & !0x3ff == 0
}

/// The bytes a watchpoint covers: a naturally aligned block by MASK, or the contiguous bytes of BAS.
fn watch_range(value: u64, control: u64) -> (u64, u64) {
    let mask = control >> 24 & 31;
    if mask >= 3 {
        let len = 1u64 << mask;
        return (canonical(value) & !(len - 1), len);
    }
    let bas = control >> 5 & 0xff;
    let base = canonical(value) & !3;
    if bas == 0 {
        return (base, 0);
    }
    let first = u64::from(bas.trailing_zeros());
    let last = 63 - u64::from(bas.leading_zeros());
    (base + first, last - first + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watched_bytes_are_those_that_bas_selects() {
        assert_eq!(watch_range(0x1000, 0b0000_1100 << 5), (0x1002, 2));
        assert_eq!(watch_range(0x1000, 0xff << 5), (0x1000, 8));
        assert_eq!(watch_range(0x1234, 12 << 24 | 0xff << 5), (0x1000, 0x1000));
    }

    #[test]
    fn a_breakpoint_ignores_the_top_byte_and_the_low_bits() {
        assert!(same_address(0x00ff_ffff_f000_1000, 0xffff_ffff_f000_1000));
        assert!(!same_address(0x1000, 0x1004));
    }
}
