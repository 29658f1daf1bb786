//! Advanced SIMD copy and modified immediate: DUP, INS, SMOV, UMOV, MOVI and its kin.

use a64::{Op, Word, advsimd_expand_imm, vfp_expand_imm16};

use super::simd_lanes::{Lanes, write};
use crate::State;
use crate::exception::{Exception, Step};

/// DUP, INS, SMOV and UMOV: the lowest bit set in imm5 names the size, the bits above it are the index.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let imm5 = w.bits(20, 16);
    let size = imm5.trailing_zeros();
    if size > 3 {
        return Err(Exception::undefined());
    }
    let index = imm5 >> (size + 1);
    let whole = Lanes::vector(size, true);
    let lanes = Lanes::of(w, size);
    let element = whole.get(state.v[w.rn()], index);
    let general = state.x(w.rn());
    match op {
        Op::DupElem | Op::DupScalar => write(state, w, lanes.replicate(element)),
        Op::DupGeneral => write(state, w, lanes.replicate(general)),
        Op::InsGeneral => insert(state, w, whole, index, general),
        Op::InsElem => {
            let source = whole.get(state.v[w.rn()], w.bits(14, 11) >> size);
            insert(state, w, whole, index, source);
        }
        Op::Umov => state.set_x(w.rd(), element),
        Op::Smov => state.set_r(w.rd(), w.q(), whole.sign(element) as u64),
        _ => return Err(Exception::undefined()),
    }
    Ok(())
}

fn insert(state: &mut State, w: Word, lanes: Lanes, index: u32, value: u64) {
    let d = state.v[w.rd()];
    write(state, w, lanes.build(|i| if i == index { value } else { lanes.get(d, i) }));
}

/// MOVI, MVNI, ORR, BIC and FMOV with an immediate.
pub(super) fn execute_immediate(state: &mut State, op: Op, w: Word) -> Step {
    let lanes = Lanes::vector(3, w.q());
    let d = state.v[w.rd()];
    let immediate = if op == Op::FmovImmVec && w.bit(11) {
        // The half-precision form is not part of AdvSIMDExpandImm.
        u64::from(vfp_expand_imm16(w.abcdefgh())) * 0x0001_0001_0001_0001
    } else {
        advsimd_expand_imm(w.bit(29), w.cmode(), w.abcdefgh())
    };
    let result = match op {
        Op::MoviVec | Op::FmovImmVec => lanes.replicate(immediate),
        Op::MvniVec => lanes.replicate(!immediate),
        Op::OrrImmVec => lanes.map(d, |x| x | immediate),
        Op::BicImmVec => lanes.map(d, |x| x & !immediate),
        _ => return Err(Exception::undefined()),
    };
    write(state, w, result);
    Ok(())
}
