//! Comparison, maximum and minimum.

use super::format::{Class, Env, Format, Unpacked, process_nans, round, unpack};
use super::format::{IOC, Rounding};

/// How two operands relate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// The first is smaller.
    Less,
    /// They are equal (zeros of either sign are).
    Equal,
    /// The first is greater.
    Greater,
    /// At least one is a NaN.
    Unordered,
}

impl Order {
    /// NZCV as FCMP sets it, in bits 3 to 0.
    pub const fn nzcv(self) -> u32 {
        match self {
            Order::Less => 0b1000,
            Order::Equal => 0b0110,
            Order::Greater => 0b0010,
            Order::Unordered => 0b0011,
        }
    }
}

/// A key that orders finite numbers, zeros and infinities as their values.
fn key(format: Format, value: &Unpacked, bits: u64) -> i64 {
    let magnitude = if value.is_zero() { 0 } else { format.abs(bits) as i64 };
    if value.sign { -magnitude } else { magnitude }
}

fn order(format: Format, x: &Unpacked, a: u64, y: &Unpacked, b: u64) -> Order {
    if x.is_nan() || y.is_nan() {
        return Order::Unordered;
    }
    match key(format, x, a).cmp(&key(format, y, b)) {
        std::cmp::Ordering::Less => Order::Less,
        std::cmp::Ordering::Equal => Order::Equal,
        std::cmp::Ordering::Greater => Order::Greater,
    }
}

/// FPCompare: with `signal` any NaN is an invalid operation, else only a signalling one.
pub fn compare(format: Format, a: u64, b: u64, signal: bool, env: &mut Env) -> Order {
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    let order = order(format, &x, a, &y, b);
    let signalling = x.class == Class::SignallingNan || y.class == Class::SignallingNan;
    if order == Order::Unordered && (signal || signalling) {
        env.raise(IOC);
    }
    order
}

/// The comparison of FPCompareEQ: quiet NaNs compare silently.
pub fn compare_quiet(format: Format, a: u64, b: u64, env: &mut Env) -> Order {
    compare(format, a, b, false, env)
}

/// The comparison of FPCompareGE and FPCompareGT: every NaN is an invalid operation.
pub fn compare_signalling(format: Format, a: u64, b: u64, env: &mut Env) -> Order {
    compare(format, a, b, true, env)
}

/// FPMax: a NaN operand makes the result a NaN, and plus zero is greater than minus zero.
pub fn max(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    pick(format, a, b, Order::Greater, env)
}

/// FPMin: a NaN operand makes the result a NaN, and minus zero is smaller than plus zero.
pub fn min(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    pick(format, a, b, Order::Less, env)
}

/// FPMaxNum: as [`max`], but a number wins over a quiet NaN.
pub fn max_num(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    let (a, b) = replace_quiet(format, a, b, format.infinity(true), env);
    max(format, a, b, env)
}

/// FPMinNum: as [`min`], but a number wins over a quiet NaN.
pub fn min_num(format: Format, a: u64, b: u64, env: &mut Env) -> u64 {
    let (a, b) = replace_quiet(format, a, b, format.infinity(false), env);
    min(format, a, b, env)
}

fn pick(format: Format, a: u64, b: u64, wanted: Order, env: &mut Env) -> u64 {
    let x = unpack(format, a, env);
    let y = unpack(format, b, env);
    if let Some(nan) = process_nans(format, &[(x, a), (y, b)], env) {
        return nan;
    }
    let winner = if order(format, &x, a, &y, b) == wanted { x } else { y };
    match winner.class {
        Class::Infinity => format.infinity(winner.sign),
        Class::Zero => match wanted {
            Order::Greater => format.zero(x.sign && y.sign),
            _ => format.zero(x.sign || y.sign),
        },
        _ => round(format, winner.sign, winner.exp, winner.mant, env),
    }
}

/// Puts `neutral` in place of an operand that is the only quiet NaN.
fn replace_quiet(format: Format, a: u64, b: u64, neutral: u64, env: &Env) -> (u64, u64) {
    // Only the kind of NaN matters here; flags are raised by the comparison that follows.
    let mut silent = Env { rounding: Rounding::NearestEven, ..*env };
    let quiet = |bits, env: &mut Env| unpack(format, bits, env).class == Class::QuietNan;
    match (quiet(a, &mut silent), quiet(b, &mut silent)) {
        (true, false) => (neutral, b),
        (false, true) => (a, neutral),
        _ => (a, b),
    }
}
