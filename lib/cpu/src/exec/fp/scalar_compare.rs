//! Scalar floating-point compare and conditional compare.

use a64::{Op, Word};

use super::scalar_data::{format, read};
use super::simd_lanes::with_env;
use crate::State;
use crate::exception::Step;
use crate::fp;

/// FCMP and FCMPE: sets NZCV. Bit 3 asks for a comparison with zero.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    compare(state, w, op == Op::Fcmpe, w.bit(3))
}

/// FCCMP and FCCMPE: compares if the condition holds, else NZCV is the immediate.
pub(super) fn execute_conditional(state: &mut State, op: Op, w: Word) -> Step {
    format(w.ftype())?;
    if state.holds(w.cond()) {
        return compare(state, w, op == Op::Fccmpe, false);
    }
    state.nzcv = w.nzcv() << 28;
    Ok(())
}

fn compare(state: &mut State, w: Word, signal: bool, with_zero: bool) -> Step {
    let format = format(w.ftype())?;
    let n = read(state, w.rn(), format);
    let m = if with_zero { 0 } else { read(state, w.rm(), format) };
    let order = with_env(state, |env| fp::compare(format, n, m, signal, env));
    state.nzcv = order.nzcv() << 28;
    Ok(())
}
