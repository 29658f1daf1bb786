//! Advanced SIMD two-register miscellaneous: floating point, vector and scalar, all precisions.

use a64::{Op, Word};

use super::simd_lanes::{Lanes, part, single_or_double, size_of_format, with_env, write, write_part};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::{self, Env, Format, Order, Rounding};

/// What an operation computes from a lane.
type Function = fn(Format, u64, &mut Env) -> u64;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    use Op::*;
    match op {
        FcvtnVec | FcvtxnVec | FcvtxnScalar | BfcvtnVec => {
            narrow(state, op, w);
            return Ok(());
        }
        FcvtlVec => {
            lengthen(state, w);
            return Ok(());
        }
        UrecpeVec => return estimate(state, w, fp::unsigned_recip_estimate),
        UrsqrteVec => return estimate(state, w, fp::unsigned_rsqrt_estimate),
        _ => (),
    }
    let format = match is_half(w) {
        true => Format::Half,
        false => single_or_double(w),
    };
    let lanes = Lanes::of(w, size_of_format(format));
    let n = state.v[w.rn()];
    let width = lanes.bits();
    let result = if let Some(mode) = conversion(op) {
        let unsigned = w.bit(29);
        with_env(state, |env| lanes.map(n, |x| fp::float_to_fixed(format, x, 0, unsigned, width, mode, env)))
    } else if matches!(op, ScvtfVec | ScvtfVecHalf | ScvtfScalar | ScvtfScalarHalf | UcvtfVec | UcvtfVecHalf)
        || matches!(op, UcvtfScalar | UcvtfScalarHalf)
    {
        let unsigned = w.bit(29);
        with_env(state, |env| lanes.map(n, |x| fp::fixed_to_float(format, x, 0, unsigned, width, env)))
    } else {
        let function = lookup(op).ok_or(Exception::undefined())?;
        with_env(state, |env| lanes.map(n, |x| function(format, x, env)))
    };
    write(state, w, result);
    Ok(())
}

/// The half-precision class has bits 21:17 = 11100, where the other has 10000.
fn is_half(w: Word) -> bool {
    w.bit(20) && w.bit(19)
}

/// The rounding mode of a conversion to integers.
fn conversion(op: Op) -> Option<Rounding> {
    use Op::*;
    Some(match op {
        FcvtnsVec | FcvtnsVecHalf | FcvtnsScalar | FcvtnsScalarHalf | FcvtnuVec | FcvtnuVecHalf
        | FcvtnuScalar | FcvtnuScalarHalf => Rounding::NearestEven,
        FcvtmsVec | FcvtmsVecHalf | FcvtmsScalar | FcvtmsScalarHalf | FcvtmuVec | FcvtmuVecHalf
        | FcvtmuScalar | FcvtmuScalarHalf => Rounding::MinusInfinity,
        FcvtpsVec | FcvtpsVecHalf | FcvtpsScalar | FcvtpsScalarHalf | FcvtpuVec | FcvtpuVecHalf
        | FcvtpuScalar | FcvtpuScalarHalf => Rounding::PlusInfinity,
        FcvtasVec | FcvtasVecHalf | FcvtasScalar | FcvtasScalarHalf | FcvtauVec | FcvtauVecHalf
        | FcvtauScalar | FcvtauScalarHalf => Rounding::NearestAway,
        FcvtzsVec | FcvtzsVecHalf | FcvtzsScalar | FcvtzsScalarHalf | FcvtzuVec | FcvtzuVecHalf
        | FcvtzuScalar | FcvtzuScalarHalf => Rounding::Zero,
        _ => return None,
    })
}

/// All ones for true.
fn mask(condition: bool) -> u64 {
    (condition as u64).wrapping_neg()
}

fn signalling(format: Format, x: u64, env: &mut Env) -> Order {
    fp::compare_signalling(format, x, 0, env)
}

/// The function of an operation from one format to itself, or of a comparison with zero. Scalar
/// floating-point data processing with one source has the same ones.
pub(super) fn lookup(op: Op) -> Option<Function> {
    use Op::*;
    Some(match op {
        FabsVec | FabsVecHalf | FabsFp => |f, x, _| f.abs(x),
        FnegVec | FnegVecHalf | FnegFp => |f, x, _| f.neg(x),
        FsqrtVec | FsqrtVecHalf | FsqrtFp => |f, x, env| fp::sqrt(f, x, env),
        FrintnVec | FrintnVecHalf | FrintnFp => {
            |f, x, env| fp::round_to_int(f, x, Rounding::NearestEven, false, env)
        }
        FrintpVec | FrintpVecHalf | FrintpFp => {
            |f, x, env| fp::round_to_int(f, x, Rounding::PlusInfinity, false, env)
        }
        FrintmVec | FrintmVecHalf | FrintmFp => {
            |f, x, env| fp::round_to_int(f, x, Rounding::MinusInfinity, false, env)
        }
        FrintzVec | FrintzVecHalf | FrintzFp => {
            |f, x, env| fp::round_to_int(f, x, Rounding::Zero, false, env)
        }
        FrintaVec | FrintaVecHalf | FrintaFp => {
            |f, x, env| fp::round_to_int(f, x, Rounding::NearestAway, false, env)
        }
        FrintxVec | FrintxVecHalf | FrintxFp => |f, x, env| fp::round_to_int(f, x, env.rounding, true, env),
        FrintiVec | FrintiVecHalf | FrintiFp => |f, x, env| fp::round_to_int(f, x, env.rounding, false, env),
        Frint32zVec | Frint32zFp => |f, x, env| fp::round_to_int_sized(f, x, Rounding::Zero, 32, env),
        Frint32xVec | Frint32xFp => |f, x, env| fp::round_to_int_sized(f, x, env.rounding, 32, env),
        Frint64zVec | Frint64zFp => |f, x, env| fp::round_to_int_sized(f, x, Rounding::Zero, 64, env),
        Frint64xVec | Frint64xFp => |f, x, env| fp::round_to_int_sized(f, x, env.rounding, 64, env),
        FrecpeVec | FrecpeVecHalf | FrecpeScalar | FrecpeScalarHalf => {
            |f, x, env| fp::recip_estimate(f, x, env)
        }
        FrsqrteVec | FrsqrteVecHalf | FrsqrteScalar | FrsqrteScalarHalf => {
            |f, x, env| fp::rsqrt_estimate(f, x, env)
        }
        FrecpxScalar | FrecpxScalarHalf => |f, x, env| fp::recip_exponent(f, x, env),
        FcmeqZeroVec | FcmeqZeroVecHalf | FcmeqZeroScalar | FcmeqZeroScalarHalf => {
            |f, x, env| mask(fp::compare_quiet(f, x, 0, env) == Order::Equal)
        }
        FcmgtZeroVec | FcmgtZeroVecHalf | FcmgtZeroScalar | FcmgtZeroScalarHalf => {
            |f, x, env| mask(signalling(f, x, env) == Order::Greater)
        }
        FcmgeZeroVec | FcmgeZeroVecHalf | FcmgeZeroScalar | FcmgeZeroScalarHalf => {
            |f, x, env| mask(matches!(signalling(f, x, env), Order::Greater | Order::Equal))
        }
        FcmltZeroVec | FcmltZeroVecHalf | FcmltZeroScalar | FcmltZeroScalarHalf => {
            |f, x, env| mask(signalling(f, x, env) == Order::Less)
        }
        FcmleZeroVec | FcmleZeroVecHalf | FcmleZeroScalar | FcmleZeroScalarHalf => {
            |f, x, env| mask(matches!(signalling(f, x, env), Order::Less | Order::Equal))
        }
        _ => return None,
    })
}

/// FCVTN, FCVTXN, BFCVTN and their second forms: to half the width.
fn narrow(state: &mut State, op: Op, w: Word) {
    let (from, to) = match (op, w.bit(22)) {
        (Op::BfcvtnVec, _) => (Format::Single, Format::Bfloat),
        (_, false) => (Format::Single, Format::Half),
        (_, true) => (Format::Double, Format::Single),
    };
    let narrow = match w.bit(28) {
        true => Lanes::of(w, size_of_format(to)),
        false => Lanes::vector(size_of_format(to), false),
    };
    let wide = narrow.wider();
    let n = state.v[w.rn()];
    let to_odd = matches!(op, Op::FcvtxnVec | Op::FcvtxnScalar);
    let result = with_env(state, |env| {
        let mode = if to_odd { Rounding::Odd } else { env.rounding };
        narrow.build(|i| fp::convert(from, to, wide.get(n, i), mode, env))
    });
    write_part(state, w, result);
}

/// FCVTL and FCVTL2: to twice the width.
fn lengthen(state: &mut State, w: Word) {
    let (from, to) = match w.bit(22) {
        false => (Format::Half, Format::Single),
        true => (Format::Single, Format::Double),
    };
    let narrow = Lanes::vector(size_of_format(from), false);
    let n = part(state.v[w.rn()], w.q());
    let result = with_env(state, |env| {
        narrow.wider().build(|i| fp::convert(from, to, narrow.get(n, i), env.rounding, env))
    });
    write(state, w, result);
}

/// URECPE and URSQRTE.
fn estimate(state: &mut State, w: Word, function: fn(u32) -> u32) -> Step {
    let n = state.v[w.rn()];
    write(state, w, Lanes::of(w, 2).map(n, |x| function(x as u32) as u64));
    Ok(())
}

/// Conversion between floating point and fixed point with immh:immb giving the fraction bits.
pub(super) fn execute_fixed(state: &mut State, op: Op, w: Word) -> Step {
    let immhb = w.immhb();
    let format = match immhb >> 3 {
        0b1000.. => Format::Double,
        0b0100.. => Format::Single,
        0b0010.. => Format::Half,
        _ => return Err(Exception::undefined()),
    };
    let lanes = Lanes::of(w, size_of_format(format));
    let width = lanes.bits();
    let fbits = 2 * width - immhb;
    let (n, unsigned) = (state.v[w.rn()], w.bit(29));
    use Op::*;
    let result = with_env(state, |env| match op {
        FcvtzsFixedVec | FcvtzsFixedScalar | FcvtzuFixedVec | FcvtzuFixedScalar => {
            lanes.map(n, |x| fp::float_to_fixed(format, x, fbits, unsigned, width, Rounding::Zero, env))
        }
        _ => lanes.map(n, |x| fp::fixed_to_float(format, x, fbits, unsigned, width, env)),
    });
    write(state, w, result);
    Ok(())
}
