//! Which system register may be accessed where, and which accesses are trapped to a higher EL.

use crate::Cpu;
use crate::exception::{Exception, Step, system_iss};
use crate::mmu::walk::HCR_TGE;
use crate::reg::*;

/// The fields of a packed encoding.
pub(super) fn op0(reg: u16) -> u16 {
    reg >> 14 & 3
}
pub(super) fn op1(reg: u16) -> u16 {
    reg >> 11 & 7
}
pub(super) fn crn(reg: u16) -> u16 {
    reg >> 7 & 15
}
pub(super) fn crm(reg: u16) -> u16 {
    reg >> 3 & 15
}
pub(super) fn op2(reg: u16) -> u16 {
    reg & 7
}

/// Whether `reg` is in the space for IMPLEMENTATION DEFINED registers.
pub(super) fn is_implementation_defined(reg: u16) -> bool {
    op0(reg) == 3 && matches!(crn(reg), 11 | 15)
}

/// Apple's registers that EL0 may access (xnu-machine.md 6.2).
const APPLE_EL0: [u16; 6] = [
    pack(3, 4, 15, 10, 5),
    pack(3, 4, 15, 10, 6),
    pack(3, 6, 15, 2, 5),
    pack(3, 5, 15, 10, 1),
    pack(3, 4, 15, 2, 6),
    pack(3, 4, 15, 2, 7),
];

/// The lowest EL that the encoding itself allows, by op1 (Arm manual D24.1.2).
fn lowest_el(reg: u16) -> u8 {
    match op1(reg) {
        3 => 0,
        4 | 5 => 2,
        6 => 3,
        _ => 1,
    }
}

/// Checks that the current EL may read or write `reg`; `word` is the instruction, for the trap's syndrome.
pub(super) fn check(cpu: &Cpu, reg: u16, read: bool, word: u32) -> Step {
    let el = cpu.state.el;
    if is_implementation_defined(reg) {
        return if el > 0 || cpu.model.apple && APPLE_EL0.contains(&reg) {
            Ok(())
        } else {
            Err(Exception::undefined())
        };
    }
    // The debug registers of op0 = 2 use op1 = 3 for those that EL0 may reach.
    if el < lowest_el(reg) {
        return Err(Exception::undefined());
    }
    if op1(reg) == 5 && (el < 2 || cpu.sys.hcr >> 34 & 1 == 0) {
        return Err(Exception::undefined());
    }
    if op1(reg) == 4 && !cpu.model.has_el2 && el < 3 {
        return Err(Exception::undefined());
    }
    let trap = |target: u8| Err(Exception::system(target, system_iss(word)));
    if el == 0 && !user_may(cpu, reg, read) {
        return trap(if cpu.hcr() & HCR_TGE != 0 { 2 } else { 1 });
    }
    if el < 2 && cpu.el2_enabled() && !cpu.in_host() && trapped_to_el2(cpu, reg, read) {
        return trap(2);
    }
    if el < 3 && cpu.model.has_el3 && trapped_to_el3(cpu, reg) {
        return trap(3);
    }
    Ok(())
}

/// The enables that EL1 (or a host at EL2) has over EL0's accesses.
fn user_may(cpu: &Cpu, reg: u16, read: bool) -> bool {
    let sctlr = cpu.sctlr();
    let kctl = if cpu.in_host() { cpu.sys.cnthctl } else { cpu.sys.cntkctl };
    let pmu = cpu.sys.pmu.userenr;
    match reg {
        CTR_EL0 => sctlr >> 15 & 1 != 0,
        DAIF => sctlr >> 9 & 1 != 0,
        CNTFRQ_EL0 => kctl & 3 != 0,
        CNTPCT_EL0 | CNTPCTSS_EL0 => kctl & 1 != 0,
        CNTVCT_EL0 | CNTVCTSS_EL0 => kctl >> 1 & 1 != 0,
        CNTV_TVAL_EL0 | CNTV_CTL_EL0 | CNTV_CVAL_EL0 => kctl >> 8 & 1 != 0,
        CNTP_TVAL_EL0 | CNTP_CTL_EL0 | CNTP_CVAL_EL0 => kctl >> 9 & 1 != 0,
        PMUSERENR_EL0 => read,
        PMCCNTR_EL0 => pmu & 1 != 0 || pmu >> 2 & 1 != 0 && read,
        PMXEVCNTR_EL0 => pmu & 1 != 0 || pmu >> 3 & 1 != 0 && read,
        PMSWINC_EL0 => pmu & 1 != 0 || pmu >> 1 & 1 != 0,
        PMSELR_EL0 => pmu & 1 != 0 || pmu >> 3 & 1 != 0,
        _ if op0(reg) == 3 && op1(reg) == 3 && (crn(reg) == 9 || crn(reg) == 14 && crm(reg) >= 8) => {
            pmu & 1 != 0
        }
        MDCCSR_EL0 | DBGDTR_EL0 | DBGDTRTX_EL0 => cpu.sys.mdscr >> 12 & 1 == 0,
        TPIDRRO_EL0 => read,
        _ => true,
    }
}

/// Whether `reg` is one of the registers that HCR_EL2.TVM and TRVM watch.
fn is_translation_control(reg: u16) -> bool {
    matches!(
        reg,
        SCTLR_EL1
            | TTBR0_EL1
            | TTBR1_EL1
            | TCR_EL1
            | ESR_EL1
            | FAR_EL1
            | AFSR0_EL1
            | AFSR1_EL1
            | MAIR_EL1
            | AMAIR_EL1
            | CONTEXTIDR_EL1
    )
}

fn trapped_to_el2(cpu: &Cpu, reg: u16, read: bool) -> bool {
    let hcr = cpu.sys.hcr;
    let bit = |n: u32| hcr >> n & 1 != 0;
    let id_group = op0(reg) == 3 && op1(reg) == 0 && crn(reg) == 0 && crm(reg) >= 1;
    let debug = cpu.sys.mdcr2;
    match reg {
        _ if is_translation_control(reg) => {
            if read {
                bit(30)
            } else {
                bit(26)
            }
        }
        _ if id_group => bit(18),
        REVIDR_EL1 | AIDR_EL1 => bit(16),
        CTR_EL0 | CCSIDR_EL1 | CLIDR_EL1 | CSSELR_EL1 => bit(17),
        ACTLR_EL1 => bit(21),
        APIAKEYLO_EL1..=APGAKEYHI_EL1 => !bit(40),
        CPACR_EL1 => cpu.sys.cptr2 >> 31 & 1 != 0,
        CNTPCT_EL0 | CNTPCTSS_EL0 => cpu.sys.cnthctl & if bit(34) { 1 << 10 } else { 1 } == 0,
        CNTP_TVAL_EL0 | CNTP_CTL_EL0 | CNTP_CVAL_EL0 => {
            cpu.sys.cnthctl & if bit(34) { 1 << 11 } else { 2 } == 0
        }
        OSLAR_EL1 | OSLSR_EL1 | OSDLR_EL1 | DBGPRCR_EL1 => debug >> 10 & 1 != 0 || debug >> 8 & 1 != 0,
        MDRAR_EL1 => debug >> 11 & 1 != 0 || debug >> 8 & 1 != 0,
        _ if op0(reg) == 2 => debug >> 9 & 1 != 0 || debug >> 8 & 1 != 0,
        PMCR_EL0 => debug >> 5 & 3 != 0,
        _ if is_pmu(reg) => debug >> 6 & 1 != 0,
        LORSA_EL1..=LORC_EL1 | LORID_EL1 => bit(35),
        _ => false,
    }
}

fn is_pmu(reg: u16) -> bool {
    op0(reg) == 3
        && (crn(reg) == 9 && crm(reg) >= 12 && matches!(op1(reg), 0 | 3)
            || crn(reg) == 14 && crm(reg) >= 8 && op1(reg) == 3)
}

fn trapped_to_el3(cpu: &Cpu, reg: u16) -> bool {
    let scr = cpu.sys.scr;
    let mdcr = cpu.sys.mdcr3;
    match reg {
        APIAKEYLO_EL1..=APGAKEYHI_EL1 => scr >> 16 & 1 == 0,
        CPACR_EL1 | CPTR_EL2 => cpu.sys.cptr3 >> 31 & 1 != 0,
        OSLAR_EL1 | OSLSR_EL1 | OSDLR_EL1 | DBGPRCR_EL1 => mdcr >> 10 & 1 != 0,
        _ if op0(reg) == 2 => mdcr >> 9 & 1 != 0,
        _ if is_pmu(reg) => mdcr >> 6 & 1 != 0,
        _ => false,
    }
}

/// The register that a name reaches: with HCR_EL2.E2H, EL1's names at EL2 mean EL2's registers, and the _EL12 and
/// _EL02 names mean EL1's.
pub(super) fn redirect(cpu: &Cpu, reg: u16) -> u16 {
    let e2h = cpu.sys.hcr >> 34 & 1 != 0 && cpu.model.has_el2;
    if !e2h {
        return reg;
    }
    if op1(reg) == 5 && op0(reg) == 3 && !is_implementation_defined(reg) {
        // _EL12: op1 0; the _EL02 timers: op1 3.
        let op1 = if crn(reg) == 14 && crm(reg) != 1 { 3 } else { 0 };
        return reg & !(7 << 11) | op1 << 11;
    }
    let timer = |reg: u16| match reg {
        CNTP_TVAL_EL0 => CNTHP_TVAL_EL2,
        CNTP_CTL_EL0 => CNTHP_CTL_EL2,
        CNTP_CVAL_EL0 => CNTHP_CVAL_EL2,
        CNTV_TVAL_EL0 => CNTHV_TVAL_EL2,
        CNTV_CTL_EL0 => CNTHV_CTL_EL2,
        CNTV_CVAL_EL0 => CNTHV_CVAL_EL2,
        other => other,
    };
    if cpu.state.el == 0 && cpu.in_host() {
        return timer(reg);
    }
    if cpu.state.el != 2 {
        return reg;
    }
    match reg {
        SCTLR_EL1 | TTBR0_EL1 | TTBR1_EL1 | TCR_EL1 | SPSR_EL1 | ELR_EL1 | AFSR0_EL1 | AFSR1_EL1
        | ESR_EL1 | FAR_EL1 | MAIR_EL1 | AMAIR_EL1 | VBAR_EL1 | CONTEXTIDR_EL1 => reg | 4 << 11,
        CPACR_EL1 => CPTR_EL2,
        CNTKCTL_EL1 => CNTHCTL_EL2,
        other => timer(other),
    }
}
