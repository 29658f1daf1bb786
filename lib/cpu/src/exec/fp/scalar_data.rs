//! Scalar floating-point data processing with one, two and three sources, select and immediate.

use a64::{Op, Word, vfp_expand_imm16, vfp_expand_imm32, vfp_expand_imm64};

use super::simd_fp_two_reg_misc;
use super::simd_lanes::{with_env, write};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::{self, Format};

/// The format that the ftype field names.
pub(super) fn format(ftype: u32) -> Result<Format, Exception> {
    match ftype {
        0 => Ok(Format::Single),
        1 => Ok(Format::Double),
        3 => Ok(Format::Half),
        _ => Err(Exception::undefined()),
    }
}

/// The low bits of V register `n` that a format takes.
pub(super) fn read(state: &State, n: usize, format: Format) -> u64 {
    state.v[n & 31] as u64 & u64::MAX >> (64 - format.width())
}

/// One source: moves, FABS, FNEG, FSQRT, FRINT* and the conversions between formats.
pub(super) fn execute_one_source(state: &mut State, op: Op, w: Word) -> Step {
    let from = format(w.ftype())?;
    let n = read(state, w.rn(), from);
    let result = match op {
        Op::FmovFp => n,
        Op::FcvtFp => {
            let to = format(w.bits(16, 15))?;
            with_env(state, |env| fp::convert(from, to, n, env.rounding, env))
        }
        Op::BfcvtFp => with_env(state, |env| fp::single_to_bfloat(n as u32, env) as u64),
        _ => {
            let function = simd_fp_two_reg_misc::lookup(op).ok_or(Exception::undefined())?;
            with_env(state, |env| function(from, n, env))
        }
    };
    write(state, w, result as u128);
    Ok(())
}

/// Two sources.
pub(super) fn execute_two_sources(state: &mut State, op: Op, w: Word) -> Step {
    let format = format(w.ftype())?;
    let (n, m) = (read(state, w.rn(), format), read(state, w.rm(), format));
    let function = match op {
        Op::FmulFp | Op::FnmulFp => fp::mul,
        Op::FdivFp => fp::div,
        Op::FaddFp => fp::add,
        Op::FsubFp => fp::sub,
        Op::FmaxFp => fp::max,
        Op::FminFp => fp::min,
        Op::FmaxnmFp => fp::max_num,
        Op::FminnmFp => fp::min_num,
        _ => return Err(Exception::undefined()),
    };
    let result = with_env(state, |env| function(format, n, m, env));
    let result = if op == Op::FnmulFp { format.neg(result) } else { result };
    write(state, w, result as u128);
    Ok(())
}

/// Three sources: the fused multiply-adds.
pub(super) fn execute_three_sources(state: &mut State, op: Op, w: Word) -> Step {
    let format = format(w.ftype())?;
    let (negate_addend, negate_product) = match op {
        Op::Fmadd => (false, false),
        Op::Fmsub => (false, true),
        Op::Fnmadd => (true, true),
        Op::Fnmsub => (true, false),
        _ => return Err(Exception::undefined()),
    };
    let operand = |register, negate| {
        let bits = read(state, register, format);
        if negate { format.neg(bits) } else { bits }
    };
    let (addend, n) = (operand(w.ra(), negate_addend), operand(w.rn(), negate_product));
    let m = operand(w.rm(), false);
    let result = with_env(state, |env| fp::mul_add(format, addend, n, m, env));
    write(state, w, result as u128);
    Ok(())
}

/// FCSEL.
pub(super) fn execute_select(state: &mut State, _: Op, w: Word) -> Step {
    let format = format(w.ftype())?;
    let register = if state.holds(w.cond()) { w.rn() } else { w.rm() };
    let result = read(state, register, format);
    write(state, w, result as u128);
    Ok(())
}

/// FMOV with an immediate.
pub(super) fn execute_immediate(state: &mut State, _: Op, w: Word) -> Step {
    let imm8 = w.bits(20, 13) as u8;
    let result = match format(w.ftype())? {
        Format::Double => vfp_expand_imm64(imm8),
        Format::Single => u64::from(vfp_expand_imm32(imm8)),
        Format::Half | Format::Bfloat => u64::from(vfp_expand_imm16(imm8)),
    };
    write(state, w, result as u128);
    Ok(())
}
