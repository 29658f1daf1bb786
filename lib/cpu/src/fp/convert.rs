//! Conversions: between formats, and between floating point and integers or fixed point.

use super::format::{Class, IOC, IXC, process_nan, round_convert, round_in, unpack, unpack_convert};
use super::format::{Env, Format, Rounding, Unpacked};
use super::round::to_integer;

/// FPConvert and FPConvertBF: from one format to another.
///
/// `mode` is the rounding mode: that of FPCR, or [`Rounding::Odd`] for FCVTXN.
pub fn convert(from: Format, to: Format, bits: u64, mode: Rounding, env: &mut Env) -> u64 {
    let value = unpack_convert(from, bits, env);
    // The alternative half has neither infinities nor NaNs.
    let alternative = to == Format::Half && env.alternative_half;
    match value.class {
        Class::QuietNan | Class::SignallingNan if alternative => {
            env.raise(IOC);
            to.zero(value.sign)
        }
        Class::QuietNan | Class::SignallingNan => convert_nan(from, to, &value, bits, env),
        Class::Infinity if alternative => {
            env.raise(IOC);
            to.pack(value.sign, to.exp_max() as u64, to.frac_mask())
        }
        Class::Infinity => to.infinity(value.sign),
        Class::Zero => to.zero(value.sign),
        Class::Finite => round_convert(to, value.sign, value.exp, value.mant, mode, env),
    }
}

/// FPConvertNaN: keeps the sign and as much of the top of the payload as there is room for.
fn convert_nan(from: Format, to: Format, value: &Unpacked, bits: u64, env: &mut Env) -> u64 {
    let quiet = process_nan(from, value, bits, env);
    if env.default_nan {
        return to.default_nan();
    }
    let frac = (quiet & from.frac_mask()) << (63 - from.frac_bits()) >> (63 - to.frac_bits());
    to.pack(value.sign, to.exp_max() as u64, frac)
}

/// FPToFixed: to an integer of `width` bits (16, 32 or 64) with `fbits` fraction bits, saturating.
/// The result is zero-extended from `width`.
pub fn float_to_fixed(
    format: Format,
    bits: u64,
    fbits: u32,
    unsigned: bool,
    width: u32,
    mode: Rounding,
    env: &mut Env,
) -> u64 {
    let mask = u64::MAX >> (64 - width);
    let mut value = unpack(format, bits, env);
    value.exp += fbits as i32;
    // Magnitudes of the extremes in each direction.
    let (low, high) = match unsigned {
        true => (0, mask as u128),
        false => (1u128 << (width - 1), (1u128 << (width - 1)) - 1),
    };
    let limit = if value.sign { low } else { high };
    let magnitude = match value.class {
        Class::QuietNan | Class::SignallingNan => {
            env.raise(IOC);
            0
        }
        Class::Zero => 0,
        _ => match (value.class == Class::Finite).then(|| to_integer(&value, mode)).flatten() {
            Some((magnitude, inexact)) if magnitude <= limit => {
                if inexact {
                    env.raise(IXC);
                }
                magnitude
            }
            _ => {
                env.raise(IOC);
                limit
            }
        },
    };
    let magnitude = magnitude as u64;
    (if value.sign { magnitude.wrapping_neg() } else { magnitude }) & mask
}

/// FixedToFP: from an integer of `width` bits (16, 32 or 64) with `fbits` fraction bits, in FPCR's
/// rounding mode. Bits of `int` above `width` are ignored.
pub fn fixed_to_float(
    format: Format,
    int: u64,
    fbits: u32,
    unsigned: bool,
    width: u32,
    env: &mut Env,
) -> u64 {
    let above = 64 - width;
    let (sign, magnitude) = match unsigned {
        true => (false, int << above >> above),
        false => {
            let int = (int << above) as i64 >> above;
            (int < 0, int.unsigned_abs())
        }
    };
    if magnitude == 0 {
        return format.zero(false);
    }
    let up = magnitude.leading_zeros();
    let exp = 63 - up as i32 - fbits as i32;
    round_in(format, sign, exp, magnitude << up, env.rounding, env)
}

/// FPToFixedJS, the conversion of FJCVTZS: a double to a 32-bit integer modulo 2^32, rounding towards
/// zero, and whether the conversion was exact (what PSTATE.Z becomes).
pub fn float_to_int_javascript(bits: u64, env: &mut Env) -> (u32, bool) {
    let value = unpack(Format::Double, bits, env);
    match value.class {
        Class::Zero => return (0, bits == 0),
        Class::Finite => (),
        _ => {
            env.raise(IOC);
            return (0, false);
        }
    }
    let magnitude = to_integer(&value, Rounding::Zero);
    let limit = if value.sign { 1 << 31 } else { (1 << 31) - 1 };
    let exact = match magnitude {
        Some((magnitude, inexact)) if magnitude <= limit => {
            if inexact {
                env.raise(IXC);
            }
            !inexact
        }
        _ => {
            env.raise(IOC);
            false
        }
    };
    let low = match (magnitude, value.exp) {
        (Some((magnitude, _)), _) => magnitude as u32,
        // The lowest of the 64 bits of the mantissa weighs 2^(exp - 63).
        (None, 64..95) => (value.mant << (value.exp - 63)) as u32,
        (None, _) => 0,
    };
    (if value.sign { low.wrapping_neg() } else { low }, exact)
}

/// NZCV (bits 3 to 0) as FJCVTZS sets it.
pub const fn jcvt_nzcv(exact: bool) -> u32 {
    (exact as u32) << 2
}
