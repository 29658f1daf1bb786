//! Rounding to an integral value in floating point: the FRINT family.

use super::format::{Class, IOC, IXC, process_nan, round_in, unpack};
use super::format::{Env, Format, Rounding, Unpacked};

/// Splits the magnitude `mant / 2^63 * 2^exp` in its integer part and its fraction in units of 2^-64,
/// the fraction with a sticky bit 0. `None` when the integer part needs more than 64 bits.
pub(super) fn split(exp: i32, mant: u64) -> Option<(u64, u64)> {
    match exp {
        64.. => None,
        63 => Some((mant, 0)),
        0..63 => Some((mant >> (63 - exp), mant << (exp + 1))),
        -1 => Some((0, mant)),
        // Below a half; how far below matters to no rounding mode.
        _ => Some((0, 1)),
    }
}

/// One half in the units of the fraction that [`split`] returns.
const HALF: u64 = 1 << 63;

/// The magnitude rounded to an integer, and whether that was inexact. `None`: more than 64 bits, and
/// then it is an integer already.
pub(super) fn to_integer(value: &Unpacked, mode: Rounding) -> Option<(u128, bool)> {
    let (int, rest) = split(value.exp, value.mant)?;
    let up = mode.rounds_up(value.sign, int & 1 != 0, rest, HALF);
    Some((int as u128 + up as u128, rest != 0))
}

/// The floating-point number of a magnitude that the format holds exactly.
fn from_integer(format: Format, sign: bool, magnitude: u128, env: &mut Env) -> u64 {
    if magnitude == 0 {
        return format.zero(sign);
    }
    let up = magnitude.leading_zeros();
    let mant = ((magnitude << up) >> 64) as u64;
    round_in(format, sign, 127 - up as i32, mant, Rounding::Zero, env)
}

/// FPRoundInt: with `exact`, a result that differs from the operand is inexact (FRINTX).
pub fn round_to_int(format: Format, bits: u64, mode: Rounding, exact: bool, env: &mut Env) -> u64 {
    let value = unpack(format, bits, env);
    match value.class {
        Class::QuietNan | Class::SignallingNan => return process_nan(format, &value, bits, env),
        Class::Infinity => return format.infinity(value.sign),
        Class::Zero => return format.zero(value.sign),
        Class::Finite => (),
    }
    let Some((magnitude, inexact)) = to_integer(&value, mode) else {
        return bits;
    };
    if inexact && exact {
        env.raise(IXC);
    }
    from_integer(format, value.sign, magnitude, env)
}

/// FPRoundIntN: rounds to an integral value that fits a signed integer of `size` bits (32 or 64);
/// anything else is invalid and gives the most negative of them.
pub fn round_to_int_sized(format: Format, bits: u64, mode: Rounding, size: u32, env: &mut Env) -> u64 {
    let value = unpack(format, bits, env);
    let limit = 1u128 << (size - 1);
    let fits = |magnitude: u128| magnitude < limit || value.sign && magnitude == limit;
    let result = match value.class {
        Class::Zero => Some((0, false)),
        Class::Finite => to_integer(&value, mode).filter(|(magnitude, _)| fits(*magnitude)),
        _ => None,
    };
    let Some((magnitude, inexact)) = result else {
        env.raise(IOC);
        return format.power_of_two(true, size as i32 - 1);
    };
    if inexact {
        env.raise(IXC);
    }
    from_integer(format, value.sign, magnitude, env)
}
