//! Addition, multiplication, division, square root, and the fused forms.

use super::format::{Class, process_nan, process_nans, round, unpack};
use super::format::{DZC, Env, Format, IOC, Rounding, Unpacked};
use super::host;

/// The sign of an exact zero that came from operands of different sign.
fn zero_sum(format: Format, env: &Env) -> u64 {
    format.zero(env.rounding == Rounding::MinusInfinity)
}

/// Brings `wide / 2^125 * 2^exp` to a mantissa of 64 bits (bit 0 sticky) and its exponent.
fn narrow(exp: i32, wide: u128) -> (i32, u64) {
    let up = wide.leading_zeros();
    let wide = wide << up;
    (exp + 2 - up as i32, (wide >> 64) as u64 | (wide as u64 != 0) as u64)
}

/// `value >> by`, keeping the knowledge of lost ones in bit 0.
fn shift_right_jam(value: u128, by: u32) -> u128 {
    if by >= 128 {
        return (value != 0) as u128;
    }
    value >> by | (value & !(u128::MAX << by) != 0) as u128
}

/// A magnitude and its sign: `wide / 2^125 * 2^exp`. A zero has `wide` 0.
///
/// A product of two mantissas below 2 stays below 2^127, so that a sum of two of these fits.
#[derive(Clone, Copy)]
struct Wide {
    sign: bool,
    exp: i32,
    wide: u128,
}

impl Wide {
    fn of(value: &Unpacked) -> Wide {
        Wide { sign: value.sign, exp: value.exp, wide: (value.mant as u128) << 62 }
    }

    fn product(a: &Unpacked, b: &Unpacked) -> Wide {
        // Mantissas have at most 53 bits in use: the halving loses nothing.
        let wide = (a.mant as u128 * b.mant as u128) >> 1;
        Wide { sign: a.sign != b.sign, exp: a.exp + b.exp, wide }
    }

    /// The sum, exact but for a sticky bit 0 where the operands lie too far apart to matter.
    fn plus(self, other: Wide) -> Wide {
        if self.wide == 0 {
            return other;
        }
        if other.wide == 0 {
            return self;
        }
        let (big, small) = if self.exp >= other.exp { (self, other) } else { (other, self) };
        let low = shift_right_jam(small.wide, (big.exp - small.exp) as u32);
        if big.sign == small.sign {
            Wide { wide: big.wide + low, ..big }
        } else if big.wide >= low {
            Wide { wide: big.wide - low, ..big }
        } else {
            Wide { sign: small.sign, exp: big.exp, wide: low - big.wide }
        }
    }

    fn round(self, format: Format, env: &mut Env) -> u64 {
        if self.wide == 0 {
            return zero_sum(format, env);
        }
        let (exp, mant) = narrow(self.exp, self.wide);
        round(format, self.sign, exp, mant, env)
    }
}

/// FPAdd.
pub fn add(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    match host::add(format, a, b, env) {
        Some(sum) => sum,
        None => add_or_sub(format, a, b, false, env),
    }
}

/// FPSub.
pub fn sub(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    match host::sub(format, a, b, env) {
        Some(difference) => difference,
        None => add_or_sub(format, a, b, true, env),
    }
}

pub(super) fn add_or_sub(format: Format, a: u64, b: u64, negate: bool, env: &mut Env) -> u64 {
    let x = unpack(format, a, env);
    let mut y = unpack(format, b, env);
    if let Some(nan) = process_nans(format, &[(x, a), (y, b)], env) {
        return nan;
    }
    y.sign ^= negate;
    match (x.class, y.class) {
        (Class::Infinity, Class::Infinity) if x.sign != y.sign => env.invalid(format),
        (Class::Infinity, _) => format.infinity(x.sign),
        (_, Class::Infinity) => format.infinity(y.sign),
        (Class::Zero, Class::Zero) if x.sign == y.sign => format.zero(x.sign),
        _ => Wide::of(&x).plus(Wide::of(&y)).round(format, env),
    }
}

/// FPMul.
pub fn mul(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    match host::mul(format, a, b, env) {
        Some(product) => product,
        None => mul_soft(format, a, b, false, env),
    }
}

/// FPMulX: as [`mul`], but infinity times zero is two.
pub fn mulx(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    mul_soft(format, a, b, true, env)
}

pub(super) fn mul_soft(format: Format, a: u64, b: u64, extended: bool, env: &mut Env) -> u64 {
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    if let Some(nan) = process_nans(format, &[(x, a), (y, b)], env) {
        return nan;
    }
    let sign = x.sign != y.sign;
    if infinity_times_zero(&x, &y) {
        return if extended { format.power_of_two(sign, 1) } else { env.invalid(format) };
    }
    if x.is_infinity() || y.is_infinity() {
        return format.infinity(sign);
    }
    if x.is_zero() || y.is_zero() {
        return format.zero(sign);
    }
    Wide::product(&x, &y).round(format, env)
}

fn infinity_times_zero(x: &Unpacked, y: &Unpacked) -> bool {
    x.is_infinity() && y.is_zero() || x.is_zero() && y.is_infinity()
}

/// FPDiv.
pub fn div(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    match host::div(format, a, b, env) {
        Some(quotient) => quotient,
        None => div_soft(format, a, b, env),
    }
}

pub(super) fn div_soft(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    if let Some(nan) = process_nans(format, &[(x, a), (y, b)], env) {
        return nan;
    }
    let sign = x.sign != y.sign;
    match (x.class, y.class) {
        (Class::Infinity, Class::Infinity) | (Class::Zero, Class::Zero) => env.invalid(format),
        (Class::Infinity, _) => format.infinity(sign),
        (_, Class::Zero) => {
            env.raise(DZC);
            format.infinity(sign)
        }
        (Class::Zero, _) | (_, Class::Infinity) => format.zero(sign),
        _ => {
            let dividend = (x.mant as u128) << 63;
            let divisor = y.mant as u128;
            // Between 2^62 and 2^64: at least 63 bits of quotient, and the remainder as the sticky bit.
            let quotient = (dividend / divisor) << 1 | !dividend.is_multiple_of(divisor) as u128;
            let (exp, mant) = narrow(x.exp - y.exp, quotient << 61);
            round(format, sign, exp, mant, env)
        }
    }
}

/// FPSqrt.
pub fn sqrt(format: Format, a: u64, env: &mut Env) -> u64 {
    match host::sqrt(format, a, env) {
        Some(root) => root,
        None => sqrt_soft(format, a, env),
    }
}

pub(super) fn sqrt_soft(format: Format, a: u64, env: &mut Env) -> u64 {
    let x = unpack(format, a, env);
    if x.is_nan() {
        return process_nan(format, &x, a, env);
    }
    if x.is_zero() {
        return format.zero(x.sign);
    }
    if x.sign {
        return env.invalid(format);
    }
    if x.is_infinity() {
        return format.infinity(false);
    }
    // An even exponent, so that it can be halved: the radicand is in [2^126, 2^128).
    let radicand = (x.mant as u128) << if x.exp & 1 == 0 { 63 } else { 64 };
    let root = radicand.isqrt();
    let sticky = (root * root != radicand) as u64;
    // The root has 64 bits with bit 63 set; bit 0 is far below any format's last place.
    round(format, false, x.exp >> 1, root as u64 | sticky, env)
}

/// FPMulAdd: `addend + a * b`, rounded once.
pub fn mul_add(format: Format, addend: u64, a: u64, b: u64, env: &mut Env) -> u64 {
    match host::mul_add(format, addend, a, b, env) {
        Some(sum) => sum,
        None => mul_add_soft(format, addend, a, b, env),
    }
}

pub(super) fn mul_add_soft(format: Format, addend: u64, a: u64, b: u64, env: &mut Env) -> u64 {
    let c = unpack(format, addend, env);
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    mul_add_unpacked(format, [(c, addend), (x, a), (y, b)], env)
}

/// FPMulAddH: a single plus the product of two halves, rounded once.
pub fn mul_add_half(addend: u64, a: u64, b: u64, env: &mut Env) -> u64 {
    let format = Format::Single;
    let c = unpack(format, addend, env);
    let x = unpack(Format::Half, a, env);
    let y = unpack(Format::Half, b, env);
    mul_add_unpacked(format, [(c, addend), (x, widen_nan(a)), (y, widen_nan(b))], env)
}

/// The single whose NaN payload and kind are those of a half; meaningless for other values.
fn widen_nan(half: u64) -> u64 {
    let (half_format, single) = (Format::Half, Format::Single);
    let frac = (half & half_format.frac_mask()) << (single.frac_bits() - half_format.frac_bits());
    single.pack(half & half_format.sign_mask() != 0, single.exp_max() as u64, frac)
}

fn mul_add_unpacked(format: Format, operands: [(Unpacked, u64); 3], env: &mut Env) -> u64 {
    let [(c, _), (x, _), (y, _)] = operands;
    let invalid_product = infinity_times_zero(&x, &y);
    if let Some(nan) = process_nans(format, &operands, env) {
        // A quiet NaN addend does not hide an invalid product.
        return if c.class == Class::QuietNan && invalid_product { env.invalid(format) } else { nan };
    }
    let sign = x.sign != y.sign;
    let infinite_product = x.is_infinity() || y.is_infinity();
    if invalid_product || c.is_infinity() && infinite_product && c.sign != sign {
        env.raise(IOC);
        return format.default_nan();
    }
    if c.is_infinity() {
        return format.infinity(c.sign);
    }
    if infinite_product {
        return format.infinity(sign);
    }
    let zero_product = x.is_zero() || y.is_zero();
    if c.is_zero() && zero_product && c.sign == sign {
        return format.zero(sign);
    }
    Wide::of(&c).plus(Wide::product(&x, &y)).round(format, env)
}

/// FPRecipStepFused: `2 - a * b`, the Newton-Raphson step of a reciprocal.
pub fn recip_step(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    step(format, a, b, Unpacked::power_of_two(1), 0, env)
}

/// FPRSqrtStepFused: `(3 - a * b) / 2`, the Newton-Raphson step of a reciprocal square root.
pub fn rsqrt_step(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    let three = Unpacked { mant: 3 << 62, ..Unpacked::power_of_two(1) };
    step(format, a, b, three, 1, env)
}

/// `(constant - a * b) / 2^halvings`; infinity times zero counts as a product of zero.
fn step(format: Format, a: u64, b: u64, constant: Unpacked, halvings: i32, env: &mut Env) -> u64 {
    let a = format.neg(a);
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    if let Some(nan) = process_nans(format, &[(x, a), (y, b)], env) {
        return nan;
    }
    let mut sum = Wide::of(&constant);
    if !infinity_times_zero(&x, &y) {
        if x.is_infinity() || y.is_infinity() {
            return format.infinity(x.sign != y.sign);
        }
        sum = sum.plus(Wide::product(&x, &y));
    }
    sum.exp -= halvings;
    sum.round(format, env)
}
