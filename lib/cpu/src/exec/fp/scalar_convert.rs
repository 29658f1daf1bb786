//! Conversion between scalar floating point and general registers: integers, fixed point, bits.

use a64::{Op, Word};

use super::scalar_data::{format, read};
use super::simd_lanes::{LOW, with_env, write};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::{self, Rounding};

/// Conversions to and from fixed point.
pub(super) fn execute_fixed(state: &mut State, op: Op, w: Word) -> Step {
    let fbits = 64 - w.imms();
    if !w.sf() && fbits > 32 {
        return Err(Exception::undefined());
    }
    match op {
        Op::FcvtzsFixed | Op::FcvtzuFixed => to_general(state, w, fbits, Rounding::Zero),
        Op::ScvtfFixed | Op::UcvtfFixed => from_general(state, w, fbits),
        _ => Err(Exception::undefined()),
    }
}

/// Conversions to and from integers, FJCVTZS, and moves of bits.
pub(super) fn execute_integer(state: &mut State, op: Op, w: Word) -> Step {
    use Op::*;
    let mode = match op {
        FcvtnsInt | FcvtnuInt => Rounding::NearestEven,
        FcvtpsInt | FcvtpuInt => Rounding::PlusInfinity,
        FcvtmsInt | FcvtmuInt => Rounding::MinusInfinity,
        FcvtzsInt | FcvtzuInt => Rounding::Zero,
        FcvtasInt | FcvtauInt => Rounding::NearestAway,
        ScvtfInt | UcvtfInt => return from_general(state, w, 0),
        FmovGeneral => return move_bits(state, w),
        Fjcvtzs => {
            let n = state.v[w.rn()] as u64;
            let (int, exact) = with_env(state, |env| fp::float_to_int_javascript(n, env));
            state.set_w(w.rd(), int);
            state.nzcv = fp::jcvt_nzcv(exact) << 28;
            return Ok(());
        }
        _ => return Err(Exception::undefined()),
    };
    to_general(state, w, 0, mode)
}

/// Bit 16 is U in all these conversions.
fn to_general(state: &mut State, w: Word, fbits: u32, mode: Rounding) -> Step {
    let format = format(w.ftype())?;
    let n = read(state, w.rn(), format);
    let width = if w.sf() { 64 } else { 32 };
    let result = with_env(state, |env| fp::float_to_fixed(format, n, fbits, w.bit(16), width, mode, env));
    state.set_x(w.rd(), result);
    Ok(())
}

fn from_general(state: &mut State, w: Word, fbits: u32) -> Step {
    let format = format(w.ftype())?;
    let n = state.x(w.rn());
    let width = if w.sf() { 64 } else { 32 };
    let result = with_env(state, |env| fp::fixed_to_float(format, n, fbits, w.bit(16), width, env));
    write(state, w, result as u128);
    Ok(())
}

/// FMOV between a general and a SIMD&FP register: opcode<0> is the direction, ftype 2 the upper half.
fn move_bits(state: &mut State, w: Word) -> Step {
    let to_vector = w.bit(16);
    if w.ftype() == 2 {
        if to_vector {
            let low = state.v[w.rd()] & LOW;
            let n = state.x(w.rn());
            write(state, w, low | (n as u128) << 64);
        } else {
            state.set_x(w.rd(), (state.v[w.rn()] >> 64) as u64);
        }
        return Ok(());
    }
    let format = format(w.ftype())?;
    if to_vector {
        let n = state.x(w.rn()) & u64::MAX >> (64 - format.width());
        write(state, w, n as u128);
    } else {
        let n = read(state, w.rn(), format);
        state.set_x(w.rd(), n);
    }
    Ok(())
}
