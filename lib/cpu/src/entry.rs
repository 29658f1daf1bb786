//! Exception entry and return, and the choice of the interrupt to take.
//!
//! Arm manual D1.3 (routing, entry, return), G for nothing: AArch32 is absent everywhere. Secure state is told apart only
//! as far as SCR_EL3.NS decides whether EL2 exists.

use crate::Cpu;
use crate::exception::{Class, Exception};
use crate::mmu::walk::{HCR_E2H, HCR_TGE};
use crate::state::pending;
use crate::sys::UserKeys;

/// HCR_EL2.FMO.
const HCR_FMO: u64 = 1 << 3;
/// HCR_EL2.IMO.
const HCR_IMO: u64 = 1 << 4;
/// HCR_EL2.AMO.
const HCR_AMO: u64 = 1 << 5;
/// HCR_EL2.VF.
const HCR_VF: u64 = 1 << 6;
/// HCR_EL2.VI.
const HCR_VI: u64 = 1 << 7;
/// HCR_EL2.VSE.
const HCR_VSE: u64 = 1 << 8;
/// HCR_EL2.TEA.
const HCR_TEA: u64 = 1 << 37;

/// SCR_EL3.IRQ.
const SCR_IRQ: u64 = 1 << 1;
/// SCR_EL3.FIQ.
const SCR_FIQ: u64 = 1 << 2;
/// SCR_EL3.EA.
const SCR_EA: u64 = 1 << 3;

/// PSTATE.D, A, I, F as in DAIF.
const MASK_A: u32 = 1 << 8;
const MASK_I: u32 = 1 << 7;
const MASK_F: u32 = 1 << 6;
/// All four.
const MASK_ALL: u32 = 0xf << 6;

/// SCTLR_ELx.SPAN.
const SCTLR_SPAN: u64 = 1 << 23;
/// SCTLR_ELx.DSSBS.
const SCTLR_DSSBS: u64 = 1 << 44;

/// The kinds of asynchronous exception, with their offset in the vector table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// IRQ or virtual IRQ.
    Irq,
    /// FIQ or virtual FIQ.
    Fiq,
    /// SError or virtual SError.
    SError,
}

impl Cpu {
    /// Selects EL and stack pointer: banks SP, and recomputes what depends on the EL.
    pub(crate) fn set_el(&mut self, el: u8, spsel: u8) {
        if el != self.state.el && self.sys.pmu.is_running() {
            self.pmu_sync();
        }
        if el != self.state.el && self.sys.user_keys != UserKeys::default() {
            self.state.pac_context = 0;
        }
        let regime = self.regime();
        let state = &mut self.state;
        let bank = |el: u8, spsel: u8| if spsel != 0 { usize::from(el & 3) } else { 0 };
        self.sys.sp[bank(state.el, state.spsel)] = state.x[31];
        let same_el = state.el == el;
        state.el = el;
        state.spsel = spsel;
        state.x[31] = self.sys.sp[bank(el, spsel)];
        if same_el {
            return;
        }
        if self.regime() == regime {
            // The tables stay as they are: only who asks has changed.
            self.update_fp_trap();
            self.update_view();
            self.update_debug();
            self.state.pending |= pending::INTERRUPT | pending::CONTEXT;
        } else {
            self.el_changed();
        }
    }

    /// Recomputes what depends on the EL, TGE and the traps.
    pub(crate) fn el_changed(&mut self) {
        self.update_fp_trap();
        self.update_translation();
        self.update_debug();
        self.state.pending |= pending::INTERRUPT | pending::CONTEXT;
    }

    /// The EL that an exception reported at the current EL goes to.
    fn route(&self, e: &Exception) -> u8 {
        let from = self.state.el;
        let hcr = self.hcr();
        let mut target = e.target.max(1).max(from);
        if target == 1 && from == 0 && hcr & HCR_TGE != 0 {
            target = 2;
        }
        let debug =
            matches!(e.class, Class::Breakpoint | Class::Watchpoint | Class::SoftwareStep | Class::Brk);
        if target == 1 && debug && self.el2_enabled() && (self.sys.mdcr2 >> 8 & 1 != 0 || hcr & HCR_TGE != 0)
        {
            target = 2;
        }
        let abort = matches!(e.class, Class::DataAbort | Class::InstructionAbort);
        if abort && matches!(e.iss & 0x3f, 0x10 | 0x14..=0x17) {
            if self.model.has_el3 && self.sys.scr & SCR_EA != 0 {
                target = 3;
            } else if target == 1 && hcr & HCR_TEA != 0 {
                target = 2;
            }
        }
        target
    }

    /// Takes a synchronous exception raised by the instruction at `state.pc`.
    pub fn take_exception(&mut self, e: Exception) {
        if e.class == Class::Debugger {
            return;
        }
        let mut e = e;
        if e.class == Class::GuardedAbort {
            if self.enter_guarded_by_abort(&e) {
                return;
            }
            e.class = Class::InstructionAbort;
        }
        let target = self.route(&e);
        let from = self.state.el;
        let completed = match e.class {
            Class::Svc | Class::Hvc => true,
            Class::Smc => target == 3 && e.target == 3,
            _ => false,
        };
        if completed {
            self.step_advance();
        }
        let elr = if completed { self.state.pc.wrapping_add(4) } else { self.state.pc };
        let mut ec = u64::from(e.class as u8);
        if e.class.has_same_el_form() && from == target {
            ec += 1;
        }
        let el = usize::from(target);
        self.sys.esr[el] = ec << 26 | 1 << 25 | u64::from(e.iss | self.access_syndrome(&e));
        if matches!(
            e.class,
            Class::DataAbort | Class::InstructionAbort | Class::PcAlignment | Class::Watchpoint
        ) {
            self.sys.far[el] = e.address;
        }
        if e.stage2 {
            self.sys.hpfar = self.sys.hpfar_pending;
        }
        self.trace_exception(&e, target);
        self.enter(target, 0, elr);
    }

    /// ISS[24:14] of a stage 2 data abort: what a hypervisor needs to emulate the access without decoding it. Zero (ISV
    /// clear) for everything but loads and stores of one general register without write-back, and for faults of a walk.
    fn access_syndrome(&self, e: &Exception) -> u32 {
        let s1ptw = e.iss >> 7 & 1 != 0;
        let cache = e.iss >> 8 & 1 != 0;
        if e.class != Class::DataAbort || !e.stage2 || s1ptw || cache {
            return 0;
        }
        let Some(pa) = self.debug_translate(self.state.pc) else { return 0 };
        let Ok(word) = self.io.bus.memory().read_u32(pa) else { return 0 };
        let (size, opc) = (word >> 30, word >> 22 & 3);
        let mode = word >> 10 & 3;
        let (sign, wide, ordered) = match word >> 24 & 0x3f {
            // LDAR, STLR and the LO forms.
            0b00_1000 if word >> 21 & 5 == 4 => (false, size == 3, word >> 15 & 1 != 0),
            // Unsigned offset; unscaled, unprivileged, register offset. PRFM never faults.
            0b11_1001 => (opc > 1, if opc > 1 { opc == 2 } else { size == 3 }, false),
            0b11_1000 if if word >> 21 & 1 == 0 { mode & 1 == 0 } else { mode == 2 } => {
                (opc > 1, if opc > 1 { opc == 2 } else { size == 3 }, false)
            }
            _ => return 0,
        };
        1 << 24
            | size << 22
            | u32::from(sign) << 21
            | (word & 31) << 16
            | u32::from(wide) << 15
            | u32::from(ordered) << 14
    }

    /// Takes an interrupt before the instruction at `state.pc`.
    pub fn take_interrupt(&mut self, kind: Interrupt, target: u8) {
        let offset = match kind {
            Interrupt::Irq => 0x80,
            Interrupt::Fiq => 0x100,
            Interrupt::SError => 0x180,
        };
        if kind == Interrupt::SError {
            self.sys.esr[usize::from(target & 3)] = u64::from(Class::SError as u8) << 26 | 1 << 25;
        }
        self.trace_interrupt(kind, target);
        let pc = self.state.pc;
        self.enter(target, offset, pc);
    }

    /// The part of entry that all exceptions share; `pc` and `next_pc` become the vector.
    fn enter(&mut self, target: u8, offset: u64, elr: u64) {
        self.note_progress();
        let from = self.state.el;
        let el = usize::from(target & 3);
        self.sys.spsr[el] = self.state.spsr();
        self.sys.elr[el] = elr;
        let group = match (from == target, self.state.spsel) {
            (true, 0) => 0,
            (true, _) => 0x200,
            (false, _) => 0x400,
        };
        let sctlr = self.sys.sctlr[el];
        self.state.daif = MASK_ALL;
        self.state.il = 0;
        self.state.ss = 0;
        self.state.btype = 0;
        self.state.uao = 0;
        self.state.ssbs = u8::from(self.model.features.ssbs && sctlr & SCTLR_DSSBS != 0);
        let host = target == 2 && self.sys.hcr & (HCR_E2H | HCR_TGE) == HCR_E2H | HCR_TGE;
        if self.model.features.pan && sctlr & SCTLR_SPAN == 0 && (target == 1 || host) {
            self.state.pan = 1;
        }
        self.set_el(target, 1);
        self.update_view();
        self.update_debug();
        let vector = (self.sys.vbar[el] & !0x7ff).wrapping_add(group + offset);
        self.state.pc = vector;
        self.state.next_pc = vector;
        self.state.pending = (self.state.pending & !pending::ILLEGAL) | pending::INTERRUPT;
    }

    /// ERET: returns to what SPSR and ELR of the current EL say; `target` is ELR, authenticated where asked.
    pub fn exception_return(&mut self, target: u64) {
        let el = usize::from(self.state.el);
        let spsr = self.sys.spsr[el];
        self.state.clear_exclusive();
        self.restore_pstate(spsr);
        self.state.next_pc = self.branch_address(target);
        self.event = true;
        self.state.pending |= pending::INTERRUPT | pending::CONTEXT;
    }

    fn restore_pstate(&mut self, spsr: u64) {
        let from = self.state.el;
        let (to, spsel) = ((spsr >> 2 & 3) as u8, (spsr & 1) as u8);
        let illegal = spsr >> 4 & 1 != 0
            || spsr >> 1 & 1 != 0
            || to > from
            || to == 0 && spsel == 1
            || to == 2 && !self.el2_enabled()
            || to == 1 && self.hcr() & HCR_TGE != 0;
        let ss = self.step_on_return(spsr, if illegal { from } else { to });
        let features = self.model.features;
        let bit = |n: u32| (spsr >> n & 1) as u8;
        self.state.nzcv = spsr as u32 & 0xf << 28;
        self.state.daif = spsr as u32 & MASK_ALL;
        self.state.ss = ss;
        if illegal {
            self.state.il = 1;
        } else {
            self.state.il = bit(20);
            self.state.pan = u8::from(features.pan) & bit(22);
            self.state.uao = u8::from(features.uao) & bit(23);
            self.state.dit = u8::from(features.dit) & bit(24);
            self.state.ssbs = u8::from(features.ssbs) & bit(12);
            self.state.btype = if features.bti { (spsr >> 10 & 3) as u8 } else { 0 };
            self.set_el(to, spsel);
        }
        if self.state.il != 0 {
            self.state.pending |= pending::ILLEGAL;
        }
        self.update_view();
        self.update_debug();
    }

    /// What the program counter becomes when a branch goes to `target` at the current EL: tag bits are removed where
    /// TBI applies to instruction addresses.
    pub fn branch_address(&self, target: u64) -> u64 {
        let sign = target as i64 >> 55;
        if target >> 56 == (sign as u64) & 0xff {
            return target;
        }
        let regime = self.regime();
        if !self.walker().half(regime, target).ignore_top_fetch {
            return target;
        }
        if regime.has_two_halves() { ((target << 8) as i64 >> 8) as u64 } else { target << 8 >> 8 }
    }

    /// Which EL traps FP and SIMD now (0 = none).
    pub(crate) fn update_fp_trap(&mut self) {
        self.state.fp_trap = self.fp_trap();
    }

    fn fp_trap(&self) -> u8 {
        let el = self.state.el;
        // FPEN: 0 and 2 trap EL0 and EL1, 1 traps EL0 only, 3 traps nothing.
        let traps = |fpen: u64, el: u8| match fpen & 3 {
            3 => false,
            1 => el == 0,
            _ => true,
        };
        let hcr = self.hcr();
        if el <= 1 && !self.in_host() && traps(self.sys.cpacr >> 20, el) {
            return if el == 0 && hcr & HCR_TGE != 0 { 2 } else { 1 };
        }
        if el <= 2 && self.el2_enabled() {
            let trapped = if self.sys.hcr & HCR_E2H != 0 {
                match self.sys.cptr2 >> 20 & 3 {
                    3 => false,
                    1 => el == 0 && hcr & HCR_TGE != 0,
                    _ => true,
                }
            } else {
                self.sys.cptr2 >> 10 & 1 != 0
            };
            if trapped {
                return 2;
            }
        }
        if self.model.has_el3 && self.sys.cptr3 >> 10 & 1 != 0 { 3 } else { 0 }
    }

    /// The interrupt to take now, if any is pending and not masked, and its target EL. Physical ones first.
    pub fn interrupt(&self) -> Option<(Interrupt, u8)> {
        if self.holds_interrupts() {
            return None;
        }
        let wires = self.io.lines.get();
        let el = self.state.el;
        let hcr = self.hcr();
        let daif = self.state.daif;
        let mask = |kind| match kind {
            Interrupt::Irq => MASK_I,
            Interrupt::Fiq => MASK_F,
            Interrupt::SError => MASK_A,
        };
        let physical = [
            (Interrupt::SError, mem::SERROR, SCR_EA, HCR_AMO),
            (Interrupt::Fiq, mem::FIQ, SCR_FIQ, HCR_FMO),
            (Interrupt::Irq, mem::IRQ, SCR_IRQ, HCR_IMO),
        ];
        for (kind, wire, scr, route) in physical {
            if wires & wire == 0 {
                continue;
            }
            let target = if self.model.has_el3 && self.sys.scr & scr != 0 {
                3
            } else if self.el2_enabled() && hcr & (route | HCR_TGE) != 0 {
                2
            } else {
                1
            };
            // Masked by PSTATE only at the target's own EL (and at EL0 for EL1); never taken to a lower EL.
            let taken = match el.cmp(&target) {
                std::cmp::Ordering::Greater => false,
                std::cmp::Ordering::Equal => daif & mask(kind) == 0,
                std::cmp::Ordering::Less => target > 1 || daif & mask(kind) == 0,
            };
            if taken {
                return Some((kind, target));
            }
        }
        if el <= 1 && hcr & HCR_TGE == 0 {
            let virtuals = [
                (Interrupt::SError, HCR_VSE, HCR_AMO),
                (Interrupt::Fiq, HCR_VF, HCR_FMO),
                (Interrupt::Irq, HCR_VI, HCR_IMO),
            ];
            for (kind, pending, route) in virtuals {
                if hcr & pending != 0 && hcr & route != 0 && daif & mask(kind) == 0 {
                    return Some((kind, 1));
                }
            }
        }
        None
    }

    /// Whether WFI must not wait: an interrupt is pending for this CPU, masked or not.
    pub fn has_wakeup(&self) -> bool {
        let virtual_pending = self.state.el < 2 && self.hcr() & (HCR_VI | HCR_VF | HCR_VSE) != 0;
        self.io.lines.get() & (mem::IRQ | mem::FIQ | mem::SERROR | mem::RESET) != 0 || virtual_pending
    }

    /// ISR_EL1: what is pending, seen from here.
    pub(crate) fn isr(&self) -> u64 {
        let wires = self.io.lines.get();
        let hcr = if self.state.el == 1 { self.hcr() } else { 0 };
        let bit = |wire: u32, route: u64, pending: u64| {
            let set = if hcr & route != 0 { hcr & pending != 0 } else { wires & wire != 0 };
            u64::from(set)
        };
        bit(mem::SERROR, HCR_AMO, HCR_VSE) << 8
            | bit(mem::IRQ, HCR_IMO, HCR_VI) << 7
            | bit(mem::FIQ, HCR_FMO, HCR_VF) << 6
    }
}
