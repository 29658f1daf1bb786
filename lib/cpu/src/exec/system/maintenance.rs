//! SYS and SYSL: cache and TLB maintenance, address translation.
//!
//! Caches do not exist here and stores into decoded code are noticed where they happen, so cache maintenance only checks
//! its rights. TLB maintenance always acts on this CPU at once; the shareable forms also post a request to the others.
//! An unknown TLBI flushes everything. Arm manual C5.3 to C5.5.

use a64::Word;

use super::access::{crm, crn, op1, op2};
use crate::Cpu;
use crate::access::Kind;
use crate::exception::{Exception, Step, system_iss};
use crate::mmu::walk::{Actor, HCR_TGE, Intent, Leaf, Regime};
use crate::reg::{of_word, pack};
use crate::state::pending;
use crate::tlb::Invalidate;

const IC_IALLUIS: u16 = pack(1, 0, 7, 1, 0);
const IC_IALLU: u16 = pack(1, 0, 7, 5, 0);
const DC_IVAC: u16 = pack(1, 0, 7, 6, 1);
const DC_ISW: u16 = pack(1, 0, 7, 6, 2);
const DC_CSW: u16 = pack(1, 0, 7, 10, 2);
const DC_CISW: u16 = pack(1, 0, 7, 14, 2);
const DC_ZVA: u16 = pack(1, 3, 7, 4, 1);
const IC_IVAU: u16 = pack(1, 3, 7, 5, 1);
const DC_CVAC: u16 = pack(1, 3, 7, 10, 1);
const DC_CVAU: u16 = pack(1, 3, 7, 11, 1);
const DC_CVAP: u16 = pack(1, 3, 7, 12, 1);
const DC_CVADP: u16 = pack(1, 3, 7, 13, 1);
const DC_CIVAC: u16 = pack(1, 3, 7, 14, 1);
const CFP_RCTX: u16 = pack(1, 3, 7, 3, 4);
const DVP_RCTX: u16 = pack(1, 3, 7, 3, 5);
const CPP_RCTX: u16 = pack(1, 3, 7, 3, 7);

/// Bytes that DC ZVA clears: DCZID_EL0.BS is 4.
const ZVA: u64 = 64;

/// SYS with Xt as argument.
pub fn sys(cpu: &mut Cpu, w: Word) -> Step {
    let code = of_word(w.0);
    let value = cpu.state.x(w.rt());
    let el = cpu.state.el;
    match (crn(code), op1(code)) {
        (7, 3) => user_maintenance(cpu, code, value, w.0),
        (7, 0) if matches!(crm(code), 8 | 9) => {
            privileged(cpu)?;
            at(cpu, code, value)
        }
        (7, 0) => {
            privileged(cpu)?;
            kernel_maintenance(cpu, code, value, w.0)
        }
        (7, 4 | 6) if crm(code) == 8 => {
            if el < if op1(code) == 6 { 3 } else { 2 } {
                return Err(Exception::undefined());
            }
            at(cpu, code, value)
        }
        (8 | 9, 0 | 4 | 6) => tlbi(cpu, code, value, w.0),
        (11 | 15, _) => {
            // IMPLEMENTATION DEFINED maintenance: nothing to maintain.
            privileged(cpu)?;
            cpu.note_undefined(w.0);
            Ok(())
        }
        _ => {
            cpu.note_undefined(w.0);
            Err(Exception::undefined())
        }
    }
}

/// SYSL: only IMPLEMENTATION DEFINED ones could exist; they read as zero.
pub fn sysl(cpu: &mut Cpu, w: Word) -> Step {
    privileged(cpu)?;
    cpu.note_undefined(w.0);
    if matches!(crn(of_word(w.0)), 11 | 15) {
        cpu.state.set_x(w.rt(), 0);
        return Ok(());
    }
    Err(Exception::undefined())
}

fn privileged(cpu: &Cpu) -> Step {
    if cpu.state.el == 0 { Err(Exception::undefined()) } else { Ok(()) }
}

/// Whether HCR_EL2 bit `n` traps this CPU now.
fn hcr_traps(cpu: &Cpu, n: u32) -> bool {
    cpu.state.el < 2 && !cpu.in_host() && cpu.hcr() >> n & 1 != 0
}

fn trap(cpu: &Cpu, target: u8, word: u32) -> Step {
    let target = if target == 1 && cpu.hcr() & HCR_TGE != 0 { 2 } else { target };
    Err(Exception::system(target, system_iss(word)))
}

fn user_maintenance(cpu: &mut Cpu, code: u16, va: u64, word: u32) -> Step {
    let el = cpu.state.el;
    match code {
        DC_ZVA => {
            if el == 0 && cpu.sctlr() >> 14 & 1 == 0 {
                return trap(cpu, 1, word);
            }
            if hcr_traps(cpu, 28) {
                return trap(cpu, 2, word);
            }
            zero_block(cpu, va)
        }
        IC_IVAU | DC_CVAC | DC_CVAU | DC_CVAP | DC_CVADP | DC_CIVAC => {
            if el == 0 && cpu.sctlr() >> 26 & 1 == 0 {
                return trap(cpu, 1, word);
            }
            // TPU (24) for the point of unification, TPC (23) for the point of coherency.
            let to_unification = matches!(code, IC_IVAU | DC_CVAU);
            if hcr_traps(cpu, if to_unification { 24 } else { 23 }) {
                return trap(cpu, 2, word);
            }
            if code == IC_IVAU {
                cpu.state.pending |= pending::CONTEXT;
            }
            cpu.probe_cache(va)
        }
        CFP_RCTX | DVP_RCTX | CPP_RCTX => {
            if el == 0 && cpu.sctlr() >> 10 & 1 == 0 {
                return trap(cpu, 1, word);
            }
            Ok(())
        }
        _ => {
            cpu.note_undefined(word);
            Err(Exception::undefined())
        }
    }
}

fn kernel_maintenance(cpu: &mut Cpu, code: u16, va: u64, word: u32) -> Step {
    match code {
        IC_IALLUIS | IC_IALLU => {
            if hcr_traps(cpu, 24) {
                return trap(cpu, 2, word);
            }
            cpu.state.pending |= pending::CONTEXT;
            Ok(())
        }
        DC_IVAC => {
            if hcr_traps(cpu, 23) {
                return trap(cpu, 2, word);
            }
            cpu.probe_cache(va)
        }
        DC_ISW | DC_CSW | DC_CISW => {
            if hcr_traps(cpu, 22) {
                return trap(cpu, 2, word);
            }
            Ok(())
        }
        _ if cpu.model.apple => {
            cpu.note_undefined(word);
            Ok(())
        }
        _ => {
            cpu.note_undefined(word);
            Err(Exception::undefined())
        }
    }
}

/// DC ZVA: the block of 64 bytes around `va` becomes zero. Device memory raises an alignment fault.
fn zero_block(cpu: &mut Cpu, va: u64) -> Step {
    let start = va & !(ZVA - 1);
    cpu.probe_zero(va)?;
    for at in (0..ZVA).step_by(16) {
        cpu.store::<u128>(start + at, 0, Kind::NORMAL)?;
    }
    Ok(())
}

/// AT: translates and leaves the answer in PAR_EL1.
fn at(cpu: &mut Cpu, code: u16, va: u64) -> Step {
    let host = cpu.regime_of(2) == Regime::El20;
    let pan = cpu.state.pan != 0;
    let el10 = if cpu.in_host() || host && cpu.state.el == 2 && cpu.hcr() & HCR_TGE != 0 {
        Regime::El20
    } else {
        Regime::El10
    };
    let plain = |user: bool| Actor { user, pan: false };
    let (regime, actor, stage2) = match (op1(code), crm(code), op2(code)) {
        (0, 8, 0 | 1) => (el10, plain(false), false),
        (0, 8, 2 | 3) => (el10, plain(true), false),
        (0, 9, 0 | 1) if cpu.model.features.pan => (el10, Actor { user: false, pan }, false),
        (4, 8, 0 | 1) => (cpu.regime_of(2), plain(false), false),
        (4, 8, 4 | 5) => (el10, plain(false), true),
        (4, 8, 6 | 7) => (el10, plain(true), true),
        (6, 8, 0 | 1) => (Regime::El3, plain(false), false),
        _ => return Err(Exception::undefined()),
    };
    let intent = if op2(code) & 1 == 0 { Intent::Read } else { Intent::Write };
    let walker = cpu.walker();
    let result = if stage2 {
        walker.translate(va, regime, actor, intent)
    } else {
        walker.translate_stage1(va, regime, actor, intent)
    };
    cpu.sys.par = match result {
        Ok(leaf) => par_of(&leaf),
        Err(fault) => {
            1 | u64::from(fault.fsc) << 1
                | u64::from(fault.s1ptw) << 8
                | u64::from(fault.stage2) << 9
                | 1 << 11
        }
    };
    Ok(())
}

fn par_of(leaf: &Leaf) -> u64 {
    // Device and non-cacheable memory is outer shareable whatever the descriptor says.
    let shareability = if leaf.device || leaf.attributes == 0x44 { 2 } else { leaf.shareability };
    leaf.pa & 0xffff_ffff_f000 | u64::from(leaf.attributes) << 56 | u64::from(shareability) << 7 | 1 << 11
}

/// TLBI in all its forms.
fn tlbi(cpu: &mut Cpu, code: u16, value: u64, word: u32) -> Step {
    let el = cpu.state.el;
    let lowest = match op1(code) {
        0 => 1,
        4 => 2,
        _ => 3,
    };
    if el < lowest {
        return Err(Exception::undefined());
    }
    if hcr_traps(cpu, 25) {
        return trap(cpu, 2, word);
    }
    let what = decode_tlbi(cpu, code, value);
    cpu.invalidate(what);
    // CRm 1, 2: outer shareable and inner shareable range; 0, 3: inner shareable; 5: outer range; 6, 7: this CPU only.
    if crm(code) < 6 {
        cpu.broadcast(what);
    }
    Ok(())
}

fn decode_tlbi(cpu: &Cpu, code: u16, value: u64) -> Invalidate {
    let el10 = if cpu.state.el == 2 && cpu.in_host() { Regime::El20 } else { Regime::El10 };
    let el2 = cpu.regime_of(2);
    let asid = (value >> 48) as u16;
    let sixteen = |regime: Regime| cpu.sys.tcr[regime.controlling_el()] >> 36 & 1 != 0;
    let trim = |regime: Regime| if sixteen(regime) { asid } else { asid & 0xff };
    let address = |regime: Regime, by_asid: bool| {
        let (va, len) =
            if matches!(crm(code), 2 | 5 | 6) { range(value) } else { ((value << 20) as i64 >> 8, 1) };
        let asid = (by_asid && regime.has_two_halves()).then(|| trim(regime));
        Invalidate::Address { regime, va: va as u64, len, asid }
    };
    match (op1(code), crm(code), op2(code)) {
        (0, 1 | 3 | 7, 0) => Invalidate::Regime(el10),
        (0, 1 | 3 | 7, 2) => Invalidate::Asid(el10, trim(el10)),
        (0, 1 | 2 | 3 | 5 | 6 | 7, 1 | 5) => address(el10, true),
        (0, 1 | 2 | 3 | 5 | 6 | 7, 3 | 7) => address(el10, false),
        (4, 1 | 3 | 7, 0) => Invalidate::Regime(el2),
        (4, 1 | 2 | 3 | 5 | 6 | 7, 1 | 5) => address(el2, true),
        (4, 0 | 4, _) | (4, 1 | 3 | 7, 4 | 6) => Invalidate::Regime(Regime::El10),
        (6, 1 | 3 | 7, 0) => Invalidate::Regime(Regime::El3),
        (6, 1 | 2 | 3 | 5 | 6 | 7, 1 | 5) => address(Regime::El3, false),
        _ => Invalidate::All,
    }
}

/// First address and length of a range TLBI.
fn range(value: u64) -> (i64, u64) {
    let granule = match value >> 46 & 3 {
        2 => 14,
        3 => 16,
        _ => 12,
    };
    let (num, scale) = (value >> 39 & 31, value >> 44 & 3);
    let base = (value << 27) as i64 >> 27 << granule;
    (base, (num + 1) << (5 * scale + 1) << granule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_what_num_and_scale_say() {
        // 16 KiB granule, SCALE 1, NUM 2: 3 * 2^6 pages from page 5 of the upper half's last pages.
        let page = (1u64 << 37) - 16;
        assert_eq!(range(2 << 46 | 1 << 44 | 2 << 39 | page), (-16 << 14, (3 << 6) << 14));
    }
}
