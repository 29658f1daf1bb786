//! Floating point as the A64 architecture defines it, in integers: same bits and same FPSR on any host.
//!
//! One piece of code serves half, bfloat, single and double precision: a value travels as raw bits in
//! the low end of a `u64`, with a [`Format`] beside it, and every operation takes an [`Env`] made from
//! FPCR which collects the cumulative FPSR bits. Functions are named after what they compute; the Arm
//! pseudocode function each one follows (FPAdd, FPRound, ...) is named in its documentation.
//!
//! What is deliberately absent: trapped exceptions (no implementation we model has them, the enable
//! bits of FPCR read as zero), and FEAT_AFP's alternative handling (FPCR.AH, FIZ and NEP).
//!
//! The facts come from the shared pseudocode of the Arm Architecture Reference Manual for A-profile,
//! "shared/functions/float".

mod arith;
mod bfloat;
mod compare;
mod convert;
mod estimate;
mod format;
mod host;
mod round;
#[cfg(test)]
mod tests;

pub use arith::{add, div, mul, mul_add, mul_add_half, mulx, recip_step, rsqrt_step, sqrt, sub};
pub use bfloat::{bfloat_dot, bfloat_to_single, single_to_bfloat};
pub use compare::{Order, compare, compare_quiet, compare_signalling, max, max_num, min, min_num};
pub use convert::{convert, fixed_to_float, float_to_fixed, float_to_int_javascript, jcvt_nzcv};
pub use estimate::{
    recip_estimate, recip_exponent, rsqrt_estimate, unsigned_recip_estimate, unsigned_rsqrt_estimate,
};
pub use format::{DZC, Env, Format, IDC, IOC, IXC, OFC, QC, Rounding, UFC};
pub use round::{round_to_int, round_to_int_sized};
