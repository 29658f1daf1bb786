//! The host's arithmetic where it is provably the same: round to nearest, operands that are zeros or normal
//! numbers, results that are normal, and FPSR.IXC already set so that inexactness need not be known.
//!
//! IEEE 754 then leaves no freedom: the host's basic operations on `f32` and `f64` are correctly
//! rounded, and a result that is zero or a normal number below the largest has raised neither overflow
//! nor (away from the smallest normal number) underflow. Everything else is refused and goes the long way.

use super::format::{Env, Format, IXC, Rounding};

/// Whether the environment allows the short way at all.
fn allowed(env: &Env) -> bool {
    env.fpsr & IXC != 0 && env.rounding == Rounding::NearestEven
}

macro_rules! host_binary {
    ($name:ident, $operator:tt) => {
        /// The result, or `None` where the host's answer might not be Arm's.
        pub(super) fn $name(format: Format, a: u64, b: u64, env: &Env) -> Option<u64> {
            if !allowed(env) {
                return None;
            }
            match format {
                Format::Single => {
                    let (a, b) = (single(a)?, single(b)?);
                    single_result(a $operator b)
                }
                Format::Double => {
                    let (a, b) = (double(a)?, double(b)?);
                    double_result(a $operator b)
                }
                _ => None,
            }
        }
    };
}

host_binary!(add, +);
host_binary!(sub, -);
host_binary!(mul, *);
host_binary!(div, /);

/// The square root, or `None` where the host's answer might not be Arm's.
pub(super) fn sqrt(format: Format, a: u64, env: &Env) -> Option<u64> {
    if !allowed(env) {
        return None;
    }
    match format {
        Format::Single => single_result(single(a)?.sqrt()),
        Format::Double => double_result(double(a)?.sqrt()),
        _ => None,
    }
}

/// `addend + a * b` rounded once, or `None` where the host's answer might not be Arm's.
pub(super) fn mul_add(format: Format, addend: u64, a: u64, b: u64, env: &Env) -> Option<u64> {
    if !allowed(env) {
        return None;
    }
    match format {
        Format::Single => single_result(single(a)?.mul_add(single(b)?, single(addend)?)),
        Format::Double => double_result(double(a)?.mul_add(double(b)?, double(addend)?)),
        _ => None,
    }
}

/// The operand, if it is a normal number or zero.
fn single(bits: u64) -> Option<f32> {
    Some(f32::from_bits(bits as u32)).filter(|value| value.is_normal() || *value == 0.0)
}

fn double(bits: u64) -> Option<f64> {
    Some(f64::from_bits(bits)).filter(|value| value.is_normal() || *value == 0.0)
}

/// The result, if it lies clear of underflow and overflow. Zeros are refused too: one may be an
/// underflowed product.
fn single_result(value: f32) -> Option<u64> {
    (value.is_normal() && value.abs() > f32::MIN_POSITIVE).then_some(value.to_bits() as u64)
}

fn double_result(value: f64) -> Option<u64> {
    (value.is_normal() && value.abs() > f64::MIN_POSITIVE).then_some(value.to_bits())
}
