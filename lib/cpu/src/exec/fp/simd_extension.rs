//! Advanced SIMD three-register extension: RDM, dot products, matrices, complex numbers, bfloat16.

use a64::{Op, Word};

use super::simd_fp_three_same as float;
use super::simd_lanes::{Lanes, write};
use super::simd_three_same;
use crate::State;
use crate::exception::Step;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n, m) = (state.v[w.rd()], state.v[w.rn()], state.v[w.rm()]);
    if let Some(result) = simd_three_same::dot(op, Lanes::of(w, 2), d, n, m) {
        write(state, w, result);
        return Ok(());
    }
    match op {
        Op::FcmlaVec | Op::FcaddVec => float::execute_complex(state, op, w),
        Op::BfdotVec | Op::BfmmlaVec | Op::BfmlalVec => float::bfloat(state, op, w, m),
        _ => simd_three_same::execute(state, op, w),
    }
}
