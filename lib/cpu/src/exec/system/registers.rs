//! MRS and MSR: what reading and writing a system register does.

use a64::Word;

use super::access::{self, crm, crn, is_implementation_defined, op0, op1, op2};
use crate::Cpu;
use crate::exception::{Exception, Step};
use crate::model::Pac;
use crate::reg::*;
use crate::state::pending;
use crate::sys::{Sys, timer};
use crate::tlb::Invalidate;

/// MRS: reads a system register into Xt.
pub fn mrs(cpu: &mut Cpu, w: Word) -> Step {
    let reg = of_word(w.0);
    if crn(reg) == 4 && op1(reg) == 3 && op0(reg) == 3 && matches!(reg, FPCR | FPSR) {
        super::super::check_fp(cpu)?;
    }
    access::check(cpu, reg, true, w.0)?;
    let value = read(cpu, reg).ok_or_else(|| cpu.unknown_register(w.0, reg, true))?;
    cpu.state.set_x(w.rt(), value);
    Ok(())
}

/// MSR (register): writes Xt to a system register.
pub fn msr(cpu: &mut Cpu, w: Word) -> Step {
    let reg = of_word(w.0);
    if matches!(reg, FPCR | FPSR) {
        super::super::check_fp(cpu)?;
    }
    access::check(cpu, reg, false, w.0)?;
    let value = cpu.state.x(w.rt());
    if write(cpu, reg, value) { Ok(()) } else { Err(cpu.unknown_register(w.0, reg, false)) }
}

/// Reads a register as an MRS at the current EL would, access checks aside. For debuggers too. None = no such register.
pub fn read(cpu: &mut Cpu, reg: u16) -> Option<u64> {
    for hook in 0..cpu.io.hooks.len() {
        cpu.sync_clock();
        if let Some(value) = cpu.io.hooks.get(hook).and_then(|h| h.read(cpu.index, reg)) {
            return Some(value);
        }
    }
    let reg = access::redirect(cpu, reg);
    if let Some(value) = slot(&mut cpu.sys, reg) {
        return Some(*value);
    }
    if let Some(value) = identity(cpu, reg) {
        return Some(value);
    }
    if let Some(value) = process_state(cpu, reg).or_else(|| timers(cpu, reg)).or_else(|| cpu.pmu_read(reg)) {
        return Some(value);
    }
    if let Some((key, shift)) = Sys::key_slot(reg) {
        return (cpu.model.pac != Pac::Absent).then(|| (cpu.sys.keys[key] >> shift) as u64);
    }
    Some(match reg {
        PAR_EL1 => cpu.sys.par,
        SP_EL0 => cpu.sys.sp[0],
        SP_EL1 => cpu.sys.sp[1],
        SP_EL2 => cpu.sys.sp[2],
        ISR_EL1 => {
            // A timer's condition may have been met since the wires were last driven.
            cpu.update_timers();
            cpu.isr()
        }
        OSLSR_EL1 => 8 | u64::from(cpu.sys.os_lock) << 1,
        RVBAR_EL1 | RVBAR_EL2 | RVBAR_EL3 => cpu.sys.rvbar,
        RNDR | RNDRRS if cpu.model.features.rndr => {
            cpu.state.set_nzcv(false, false, false, false);
            cpu.sys.random()
        }
        DBGCLAIMSET_EL1 => 0xff,
        ICH_VTR_EL2 if has_virtual_gic(cpu) => ICH_VTR,
        ICH_ELRSR_EL2 if has_virtual_gic(cpu) => empty_list_registers(cpu),
        ICH_MISR_EL2 | ICH_EISR_EL2 if has_virtual_gic(cpu) => 0,
        MDCCSR_EL0 | MDRAR_EL1 | DBGAUTHSTATUS_EL1 | OSLAR_EL1 => 0,
        _ if op0(reg) == 2 => return debug_register(&mut cpu.sys, reg).map(|v| *v),
        _ if is_implementation_defined(reg) => return Some(cpu.apple_read(reg)),
        _ if is_storage(cpu, reg) => cpu.sys.other.get(&reg).copied().unwrap_or(0),
        _ => return None,
    })
}

/// Writes a register as an MSR at the current EL would, access checks aside. False = no such register.
pub fn write(cpu: &mut Cpu, reg: u16, value: u64) -> bool {
    for hook in 0..cpu.io.hooks.len() {
        cpu.sync_clock();
        if cpu.io.hooks.get(hook).is_some_and(|h| h.write(cpu.index, reg, value)) {
            cpu.state.pending |= pending::INTERRUPT;
            return true;
        }
    }
    let reg = access::redirect(cpu, reg);
    let value = sanitize(cpu, reg, value);
    if let Some(place) = slot(&mut cpu.sys, reg) {
        let old = std::mem::replace(place, value);
        if old != value {
            changed(cpu, reg);
        }
        return true;
    }
    if write_process_state(cpu, reg, value) || write_timers(cpu, reg, value) || cpu.pmu_write(reg, value) {
        return true;
    }
    if let Some((key, shift)) = Sys::key_slot(reg) {
        let place = &mut cpu.sys.keys[key];
        *place = *place & !(u128::from(u64::MAX) << shift) | u128::from(value) << shift;
        cpu.state.pac_context = 0;
        return cpu.model.pac != Pac::Absent;
    }
    match reg {
        PAR_EL1 => cpu.sys.par = value,
        SP_EL0 => cpu.sys.sp[0] = value,
        SP_EL1 => cpu.sys.sp[1] = value,
        SP_EL2 => cpu.sys.sp[2] = value,
        OSLAR_EL1 => {
            cpu.sys.os_lock = value & 1 != 0;
            cpu.update_debug();
        }
        DBGCLAIMSET_EL1 | DBGCLAIMCLR_EL1 | DBGDTR_EL0 | DBGDTRTX_EL0 => {}
        _ if op0(reg) == 2 => {
            let Some(place) = debug_register(&mut cpu.sys, reg) else { return false };
            *place = value;
            if matches!(op2(reg), 6 | 7) {
                // Pages with watchpoints must leave the soft TLB.
                cpu.invalidate(Invalidate::All);
            }
            cpu.update_debug();
        }
        _ if is_implementation_defined(reg) => cpu.apple_write(reg, value),
        _ if is_storage(cpu, reg) => {
            cpu.sys.other.insert(reg, value);
        }
        _ => return false,
    }
    true
}

/// Registers that read back what was written, whatever else they do.
fn slot(sys: &mut Sys, reg: u16) -> Option<&mut u64> {
    Some(match reg {
        SCTLR_EL1 => &mut sys.sctlr[1],
        SCTLR_EL2 => &mut sys.sctlr[2],
        SCTLR_EL3 => &mut sys.sctlr[3],
        TCR_EL1 => &mut sys.tcr[1],
        TCR_EL2 => &mut sys.tcr[2],
        TCR_EL3 => &mut sys.tcr[3],
        TTBR0_EL1 => &mut sys.ttbr0[1],
        TTBR0_EL2 => &mut sys.ttbr0[2],
        TTBR0_EL3 => &mut sys.ttbr0[3],
        TTBR1_EL1 => &mut sys.ttbr1[1],
        TTBR1_EL2 => &mut sys.ttbr1[2],
        MAIR_EL1 => &mut sys.mair[1],
        MAIR_EL2 => &mut sys.mair[2],
        MAIR_EL3 => &mut sys.mair[3],
        VBAR_EL1 => &mut sys.vbar[1],
        VBAR_EL2 => &mut sys.vbar[2],
        VBAR_EL3 => &mut sys.vbar[3],
        ELR_EL1 => &mut sys.elr[1],
        ELR_EL2 => &mut sys.elr[2],
        ELR_EL3 => &mut sys.elr[3],
        SPSR_EL1 => &mut sys.spsr[1],
        SPSR_EL2 => &mut sys.spsr[2],
        SPSR_EL3 => &mut sys.spsr[3],
        ESR_EL1 => &mut sys.esr[1],
        ESR_EL2 => &mut sys.esr[2],
        ESR_EL3 => &mut sys.esr[3],
        FAR_EL1 => &mut sys.far[1],
        FAR_EL2 => &mut sys.far[2],
        FAR_EL3 => &mut sys.far[3],
        TPIDR_EL0 => &mut sys.tpidr[0],
        TPIDR_EL1 => &mut sys.tpidr[1],
        TPIDR_EL2 => &mut sys.tpidr[2],
        TPIDR_EL3 => &mut sys.tpidr[3],
        TPIDRRO_EL0 => &mut sys.tpidrro,
        CONTEXTIDR_EL1 => &mut sys.contextidr[1],
        CONTEXTIDR_EL2 => &mut sys.contextidr[2],
        CPACR_EL1 => &mut sys.cpacr,
        CPTR_EL2 => &mut sys.cptr2,
        CPTR_EL3 => &mut sys.cptr3,
        HCR_EL2 => &mut sys.hcr,
        SCR_EL3 => &mut sys.scr,
        HPFAR_EL2 => &mut sys.hpfar,
        MDSCR_EL1 => &mut sys.mdscr,
        MDCR_EL2 => &mut sys.mdcr2,
        MDCR_EL3 => &mut sys.mdcr3,
        VTCR_EL2 => &mut sys.vtcr,
        VTTBR_EL2 => &mut sys.vttbr,
        CNTKCTL_EL1 => &mut sys.cntkctl,
        CNTHCTL_EL2 => &mut sys.cnthctl,
        CNTVOFF_EL2 => &mut sys.cntvoff,
        CNTFRQ_EL0 => &mut sys.cntfrq,
        VPIDR_EL2 => &mut sys.vpidr,
        VMPIDR_EL2 => &mut sys.vmpidr,
        CSSELR_EL1 => &mut sys.csselr,
        _ => return None,
    })
}

/// RES0 and RES1 bits, and what the model lacks.
fn sanitize(cpu: &Cpu, reg: u16, value: u64) -> u64 {
    match reg {
        // AArch64 only: ITD and SED are RES1, CP15BEN is RES0; big-endian data is not implemented (EE, E0E).
        SCTLR_EL1 => (value | 1 << 7 | 1 << 8) & !(1 << 5 | 3 << 24),
        SCTLR_EL2 if cpu.sys.hcr >> 34 & 1 != 0 => (value | 1 << 7 | 1 << 8) & !(1 << 5 | 3 << 24),
        SCTLR_EL2 | SCTLR_EL3 => value & !(1 << 25),
        // RW is RAO; NV, NV1, NV2, FWB and memory tagging are absent.
        HCR_EL2 => {
            let absent = 1 << 42
                | 1 << 43
                | 1 << 45
                | 1 << 46
                | 1 << 56
                | 3 << 57
                | if cpu.model.features.vhe { 0 } else { 1 << 34 };
            (value | 1 << 31) & !absent
        }
        SCR_EL3 => value | 1 << 10 | 3 << 4,
        VBAR_EL1 | VBAR_EL2 | VBAR_EL3 => value & !0x7ff,
        CNTKCTL_EL1 => value & 0x3_ffff,
        CSSELR_EL1 => value & 0xf,
        CPTR_EL2 if cpu.sys.hcr >> 34 & 1 == 0 => value & 0xffff_ffff | 0x32ff & !0x100,
        ESR_EL1 | ESR_EL2 | ESR_EL3 => value & 0x00ff_ffff_ffff_ffff,
        _ => value,
    }
}

/// What follows from a changed register.
fn changed(cpu: &mut Cpu, reg: u16) {
    match reg {
        SCTLR_EL1 | SCTLR_EL2 | SCTLR_EL3 | TCR_EL1 | TCR_EL2 | TCR_EL3 | TTBR0_EL1 | TTBR0_EL2
        | TTBR0_EL3 | TTBR1_EL1 | TTBR1_EL2 | MAIR_EL1 | MAIR_EL2 | MAIR_EL3 | VTCR_EL2 | VTTBR_EL2 => {
            cpu.update_translation();
            cpu.state.pending |= pending::CONTEXT;
        }
        HCR_EL2 | SCR_EL3 => {
            cpu.el_changed();
            cpu.update_timers();
        }
        CPACR_EL1 | CPTR_EL2 | CPTR_EL3 => {
            cpu.update_fp_trap();
            cpu.state.pending |= pending::CONTEXT;
        }
        MDSCR_EL1 | MDCR_EL2 | MDCR_EL3 => cpu.update_debug(),
        CNTVOFF_EL2 | CNTHCTL_EL2 => cpu.update_timers(),
        _ => {}
    }
}

/// Identity registers.
fn identity(cpu: &Cpu, reg: u16) -> Option<u64> {
    let ids = &cpu.model.ids;
    let virtualized = cpu.state.el == 1 && cpu.el2_enabled();
    Some(match reg {
        MIDR_EL1 if virtualized => cpu.sys.vpidr,
        MPIDR_EL1 if virtualized => cpu.sys.vmpidr,
        MIDR_EL1 => cpu.model.midr,
        MPIDR_EL1 => cpu.sys.mpidr,
        REVIDR_EL1 => 0,
        ID_AA64PFR0_EL1 => {
            ids.pfr0 & !0xff00
                | u64::from(cpu.model.has_el2) << 8
                | u64::from(cpu.model.has_el3) << 12
                | cpu.sys.gic_version << 24
        }
        ID_AA64PFR1_EL1 => ids.pfr1,
        ID_AA64DFR0_EL1 => ids.dfr0,
        ID_AA64ISAR0_EL1 => ids.isar0,
        ID_AA64ISAR1_EL1 => ids.isar1,
        ID_AA64ISAR2_EL1 => ids.isar2,
        ID_AA64MMFR0_EL1 => ids.mmfr0,
        ID_AA64MMFR1_EL1 => ids.mmfr1,
        ID_AA64MMFR2_EL1 => ids.mmfr2,
        AIDR_EL1 => ids.aidr,
        CTR_EL0 => ids.ctr,
        CLIDR_EL1 => ids.clidr,
        CCSIDR_EL1 => match cpu.sys.csselr {
            0 => ids.ccsidr[0],
            1 => ids.ccsidr[1],
            2 => ids.ccsidr[2],
            _ => 0,
        },
        DCZID_EL0 => {
            let prohibited = cpu.state.el == 0 && cpu.sctlr() >> 14 & 1 == 0
                || cpu.state.el < 2 && !cpu.in_host() && cpu.hcr() >> 28 & 1 != 0;
            4 | u64::from(prohibited) << 4
        }
        // The rest of the identification space reads as zero: no such feature.
        _ if op0(reg) == 3 && op1(reg) == 0 && crn(reg) == 0 && (1..=7).contains(&crm(reg)) => 0,
        _ => return None,
    })
}

/// The pieces of PSTATE and the FP registers.
fn process_state(cpu: &Cpu, reg: u16) -> Option<u64> {
    let (state, features) = (&cpu.state, &cpu.model.features);
    Some(match reg {
        NZCV => state.nzcv.into(),
        DAIF => state.daif.into(),
        CURRENTEL => u64::from(state.el) << 2,
        SPSEL => state.spsel.into(),
        PAN if features.pan => u64::from(state.pan) << 22,
        UAO if features.uao => u64::from(state.uao) << 23,
        DIT if features.dit => u64::from(state.dit) << 24,
        SSBS if features.ssbs => u64::from(state.ssbs) << 12,
        FPCR => state.fpcr.into(),
        FPSR => state.fpsr.into(),
        _ => return None,
    })
}

/// FPCR bits that exist: AHP, DN, FZ, RMode, Stride and Len are RES0, FZ16 with half precision; no trap enables.
const FPCR_MASK: u64 = 0x07c8_0000;
/// FPSR: QC and the cumulative exception bits.
const FPSR_MASK: u64 = 0x0800_009f;

fn write_process_state(cpu: &mut Cpu, reg: u16, value: u64) -> bool {
    let features = cpu.model.features;
    match reg {
        NZCV => cpu.state.nzcv = value as u32 & 0xf000_0000,
        DAIF => {
            cpu.state.daif = value as u32 & 0x3c0;
            cpu.update_debug();
            cpu.state.pending |= pending::INTERRUPT;
        }
        SPSEL => {
            let el = cpu.state.el;
            cpu.set_el(el, (value & 1) as u8);
        }
        PAN if features.pan => {
            cpu.state.pan = (value >> 22 & 1) as u8;
            cpu.update_view();
        }
        UAO if features.uao => {
            cpu.state.uao = (value >> 23 & 1) as u8;
            cpu.update_view();
        }
        DIT if features.dit => cpu.state.dit = (value >> 24 & 1) as u8,
        SSBS if features.ssbs => cpu.state.ssbs = (value >> 12 & 1) as u8,
        FPCR => {
            cpu.state.fpcr = (value & FPCR_MASK) as u32;
            cpu.state.pending |= pending::CONTEXT;
        }
        FPSR => cpu.state.fpsr = (value & FPSR_MASK) as u32,
        _ => return false,
    }
    true
}

/// The timer that a register belongs to, and which of TVAL (0), CTL (1), CVAL (2) it is.
fn timer_of(reg: u16) -> Option<(usize, u16)> {
    let index = match reg & !7 {
        r if r == CNTP_TVAL_EL0 => timer::PHYSICAL,
        r if r == CNTV_TVAL_EL0 => timer::VIRTUAL,
        r if r == CNTHP_TVAL_EL2 => timer::HYPERVISOR,
        r if r == CNTHV_TVAL_EL2 => timer::HYPERVISOR_VIRTUAL,
        r if r == CNTPS_TVAL_EL1 => timer::SECURE,
        _ => return None,
    };
    (op2(reg) <= 2).then_some((index, op2(reg)))
}

fn timers(cpu: &mut Cpu, reg: u16) -> Option<u64> {
    match reg {
        CNTPCT_EL0 | CNTPCTSS_EL0 => return Some(cpu.counter(true)),
        CNTVCT_EL0 | CNTVCTSS_EL0 => return Some(cpu.counter(false)),
        _ => {}
    }
    let (index, which) = timer_of(reg)?;
    Some(match which {
        0 => cpu.sys.timers[index].cval.wrapping_sub(cpu.timer_count(index)) & 0xffff_ffff,
        1 => cpu.timer_control(index),
        _ => cpu.sys.timers[index].cval,
    })
}

fn write_timers(cpu: &mut Cpu, reg: u16, value: u64) -> bool {
    let Some((index, which)) = timer_of(reg) else { return false };
    match which {
        0 => {
            let count = cpu.timer_count(index);
            cpu.sys.timers[index].cval = count.wrapping_add(value as u32 as i32 as u64);
        }
        1 => cpu.sys.timers[index].ctl = value & 3,
        _ => cpu.sys.timers[index].cval = value,
    }
    cpu.update_timers();
    true
}

/// DBGBVR, DBGBCR, DBGWVR, DBGWCR, and the debug registers that only store.
fn debug_register(sys: &mut Sys, reg: u16) -> Option<&mut u64> {
    let n = usize::from(crm(reg));
    if op1(reg) == 0 && crn(reg) == 0 {
        return match op2(reg) {
            4 => Some(&mut sys.breakpoints[n].0),
            5 => Some(&mut sys.breakpoints[n].1),
            6 => Some(&mut sys.watchpoints[n].0),
            7 => Some(&mut sys.watchpoints[n].1),
            _ => Some(sys.other.entry(reg).or_insert(0)),
        };
    }
    matches!(
        reg,
        OSDLR_EL1 | DBGPRCR_EL1 | DBGCLAIMCLR_EL1 | DBGVCR32_EL2 | OSECCR_EL1 | DBGDTR_EL0 | DBGDTRTX_EL0
    )
    .then(|| sys.other.entry(reg).or_insert(0))
}

/// ICH_VTR_EL2: four list registers, five bits of priority and preemption, 16 bits of interrupt number.
const ICH_VTR: u64 = 4 << 29 | 4 << 26 | 3;

/// Whether EL2 has the registers of GICv3's virtual interface. They store; no virtual interrupt comes of them, for
/// that is the interrupt controller's part, whose hook is asked first.
fn has_virtual_gic(cpu: &Cpu) -> bool {
    cpu.sys.gic_version != 0 && cpu.model.has_el2
}

/// ICH_ELRSR_EL2: a bit for each list register whose state is invalid.
fn empty_list_registers(cpu: &Cpu) -> u64 {
    let empty = |n: u16| cpu.sys.other.get(&(ICH_LR0_EL2 + n)).is_none_or(|lr| lr >> 62 == 0);
    (0..=(ICH_VTR & 31) as u16).fold(0, |bits, n| bits | u64::from(empty(n)) << n)
}

/// Architectural registers that exist and only store.
fn is_storage(cpu: &Cpu, reg: u16) -> bool {
    match reg {
        ACTLR_EL1 | ACTLR_EL2 | ACTLR_EL3 | AFSR0_EL1 | AFSR1_EL1 | AFSR0_EL2 | AFSR1_EL2 | AFSR0_EL3
        | AFSR1_EL3 | AMAIR_EL1 | AMAIR_EL2 | AMAIR_EL3 | HACR_EL2 | HSTR_EL2 | DACR32_EL2 | IFSR32_EL2
        | FPEXC32_EL2 | SPSR_IRQ | SPSR_ABT | SPSR_UND | SPSR_FIQ | SDER32_EL3 | RMR_EL1 | RMR_EL2
        | RMR_EL3 | DSPSR_EL0 | DLR_EL0 => true,
        LORSA_EL1 | LOREA_EL1 | LORN_EL1 | LORC_EL1 | LORID_EL1 => cpu.model.features.lor,
        ICH_AP0R0_EL2 | ICH_AP1R0_EL2 | ICH_HCR_EL2 | ICH_VMCR_EL2 => has_virtual_gic(cpu),
        ICH_LR0_EL2..=ICH_LR3_EL2 => has_virtual_gic(cpu),
        DISR_EL1 | VDISR_EL2 | VSESR_EL2 | ERRIDR_EL1 | ERRSELR_EL1 => cpu.model.features.ras,
        SCXTNUM_EL0 | SCXTNUM_EL1 | SCXTNUM_EL2 | SCXTNUM_EL3 => cpu.model.ids.pfr0 >> 56 & 15 >= 2,
        _ => false,
    }
}

impl Cpu {
    /// An access to a register that does not exist: undefined.
    fn unknown_register(&mut self, word: u32, _reg: u16, _read: bool) -> Exception {
        self.note_undefined(word);
        Exception::undefined()
    }
}
