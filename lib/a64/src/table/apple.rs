//! Encodings: Apple's own instructions, in the space Arm leaves unallocated under op0 = 0000.
//!
//! Source: the Asahi Linux project's page on Apple's instructions (`docs/hw/cpu/apple-instructions.md`).
//! MUL53 and the AMX coprocessor are not here: kernels do not use them, so they are undefined.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    e("WKDMC_apple", 0xfffffc00, 0x00200800, Op::Wkdmc, Apple, "wkdmc {xd}, {xn}", &[]),
    e("WKDMD_apple", 0xfffffc00, 0x00200c00, Op::Wkdmd, Apple, "wkdmd {xd}, {xn}", &[]),
    e("GEXIT_apple", 0xffffffff, 0x00201400, Op::Gexit, Apple, "gexit", &[]),
    e("GENTER_apple", 0xffffffe0, 0x00201420, Op::Genter, Apple, "genter #{u4:0}", &[]),
    e("AT_AS1ELX_apple", 0xffffffe0, 0x00201440, Op::AtAs1elx, Apple, "at_as1elx {xd}", &[]),
    e("SDSB_apple", 0xfffffffc, 0x00201460, Op::Sdsb, Apple, "sdsb #{u1:0}", &[]),
];
