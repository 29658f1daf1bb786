//! Reciprocal and reciprocal square root estimates, floating point and unsigned fixed point.

use super::format::{Class, DZC, IXC, OFC, UFC, process_nan, unpack};
use super::format::{Env, Format};

/// RecipEstimate: the estimate of `2^17 / a` for `a` in 256..512, in 256..512.
fn recip_table(a: u64) -> u64 {
    let a = a * 2 + 1;
    ((1 << 19) / a).div_ceil(2)
}

/// RecipSqrtEstimate: for `a` in 128..512, the estimate in 256..512.
fn rsqrt_table(a: u64) -> u64 {
    RSQRT.get(a as usize).copied().unwrap_or(0).into()
}

/// RecipSqrtEstimate's values by operand; below 128 there are none.
const RSQRT: [u16; 512] = {
    let mut table = [0; 512];
    let mut operand = 128;
    while operand < 512 {
        let a = if operand < 256 { operand * 2 + 1 } else { (operand | 1) * 2 };
        // The largest b whose square times a stays below 2^28.
        let mut b = 512;
        while a * (b + 1) * (b + 1) < 1 << 28 {
            b += 1;
        }
        table[operand] = b.div_ceil(2) as u16;
        operand += 1;
    }
    table
};

/// The fraction of `bits` moved up to 52 bits.
fn wide_fraction(format: Format, bits: u64) -> u64 {
    (bits & format.frac_mask()) << (52 - format.frac_bits())
}

const FRACTION: u64 = (1 << 52) - 1;

/// FPRecipEstimate (FRECPE).
pub fn recip_estimate(format: Format, bits: u64, env: &mut Env) -> u64 {
    let value = unpack(format, bits, env);
    match value.class {
        Class::QuietNan | Class::SignallingNan => return process_nan(format, &value, bits, env),
        Class::Infinity => return format.zero(value.sign),
        Class::Zero => {
            env.raise(DZC);
            return format.infinity(value.sign);
        }
        Class::Finite => (),
    }
    // Below 2^-(bias + 1) the reciprocal is too large for the format.
    if value.exp < -(format.bias() + 1) {
        env.raise(OFC | IXC);
        return match env.rounding.overflows_to_infinity(value.sign) {
            true => format.infinity(value.sign),
            false => format.max_normal(value.sign),
        };
    }
    // From 2^(bias - 1) on the result is a denormal.
    if env.flushes(format) && value.exp >= format.bias() - 1 {
        env.raise(UFC);
        return format.zero(value.sign);
    }
    let mut exp = format.exp_field(bits);
    let mut fraction = wide_fraction(format, bits);
    if exp == 0 {
        // Only two binades of denormals get here.
        let up = if fraction >> 51 & 1 == 0 { 2 } else { 1 };
        exp = 1 - up;
        fraction = fraction << up & FRACTION;
    }
    let estimate = recip_table(0x100 | fraction >> 44);
    let mut fraction = (estimate & 0xff) << 44;
    let mut result_exp = 2 * format.bias() - 1 - exp;
    if result_exp <= 0 {
        fraction = (1 << 52 | fraction) >> (1 - result_exp);
        result_exp = 0;
    }
    format.pack(value.sign, result_exp as u64, fraction >> (52 - format.frac_bits()))
}

/// FPRSqrtEstimate (FRSQRTE).
pub fn rsqrt_estimate(format: Format, bits: u64, env: &mut Env) -> u64 {
    let value = unpack(format, bits, env);
    match value.class {
        Class::QuietNan | Class::SignallingNan => return process_nan(format, &value, bits, env),
        Class::Zero => {
            env.raise(DZC);
            return format.infinity(value.sign);
        }
        _ if value.sign => return env.invalid(format),
        Class::Infinity => return format.zero(false),
        Class::Finite => (),
    }
    // The biased exponent as if denormals were normalised; its parity picks the table's half.
    let exp = value.exp + format.bias();
    let fraction = value.mant << 1 >> 12;
    let scaled = if exp & 1 == 0 { 0x100 | fraction >> 44 } else { 0x80 | fraction >> 45 };
    let result_exp = (3 * format.bias() - 1 - exp) >> 1;
    let fraction = (rsqrt_table(scaled) & 0xff) << 44;
    format.pack(false, result_exp as u64, fraction >> (52 - format.frac_bits()))
}

/// FPRecpX (FRECPX): the exponent's complement, for scaling before a division.
pub fn recip_exponent(format: Format, bits: u64, env: &mut Env) -> u64 {
    let value = unpack(format, bits, env);
    if value.is_nan() {
        return process_nan(format, &value, bits, env);
    }
    let exp = match format.exp_field(bits) {
        0 => format.exp_max() - 1,
        exp => !exp & format.exp_max(),
    };
    format.pack(value.sign, exp as u64, 0)
}

/// UnsignedRecipEstimate (URECPE): of a fraction below one half the result is all ones.
pub fn unsigned_recip_estimate(operand: u32) -> u32 {
    if operand >> 31 == 0 {
        return u32::MAX;
    }
    (recip_table((operand >> 23) as u64) as u32) << 23
}

/// UnsignedRSqrtEstimate (URSQRTE): of a fraction below one quarter the result is all ones.
pub fn unsigned_rsqrt_estimate(operand: u32) -> u32 {
    if operand >> 30 == 0 {
        return u32::MAX;
    }
    (rsqrt_table((operand >> 23) as u64) as u32) << 23
}
