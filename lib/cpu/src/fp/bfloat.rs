//! bfloat16 as FEAT_BF16 without FEAT_EBF16 has it: dot products with fixed rules, and conversions.

use super::arith::{add_or_sub, mul_soft};
use super::convert::convert;
use super::format::{Env, Format, Rounding};

/// The environment of BFDOT and BFMMLA, whatever FPCR holds: round to odd, denormals flushed on both
/// sides, default NaN. The flags it collects are dropped.
const FIXED: Env = Env {
    rounding: Rounding::OddInfinity,
    default_nan: true,
    flush: true,
    flush_half: true,
    alternative_half: false,
    fpsr: 0,
};

/// The single that a bfloat16 stands for.
pub const fn bfloat_to_single(bits: u16) -> u32 {
    (bits as u32) << 16
}

/// BFDotAdd: `addend + (a.0 * b.0 + a.1 * b.1)`, each step rounded to odd; FPCR and FPSR play no part.
pub fn bfloat_dot(addend: u32, a: (u16, u16), b: (u16, u16)) -> u32 {
    let mut env = FIXED;
    let format = Format::Single;
    let mut product =
        |x, y| mul_soft(format, bfloat_to_single(x) as u64, bfloat_to_single(y) as u64, false, &mut env);
    let (first, second) = (product(a.0, b.0), product(a.1, b.1));
    let sum = add_or_sub(format, first, second, false, &mut env);
    add_or_sub(format, addend as u64, sum, false, &mut env) as u32
}

/// FPConvertBF (BFCVT): a single rounded to bfloat16 in FPCR's rounding mode.
pub fn single_to_bfloat(bits: u32, env: &mut Env) -> u16 {
    convert(Format::Single, Format::Bfloat, bits as u64, env.rounding, env) as u16
}
