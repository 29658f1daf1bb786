//! The encoding table, one file per group of Arm's index, one line per encoding.
//!
//! A line is: Arm's name, mask, value, operation, feature, text template, reserved patterns. Within the set of words that match
//! mask and value, a word that matches one of the reserved patterns is unallocated.

mod apple;
mod atomics;
mod control;
mod crypto;
mod dpimm;
mod dpreg;
mod fp;
mod ldst;
mod ldst_simd;
mod simd_scalar;
mod simd_vector;

use crate::encoding::Encoding;

const PARTS: [&[Encoding]; 11] = [
    control::TABLE,
    dpimm::TABLE,
    dpreg::TABLE,
    ldst::TABLE,
    atomics::TABLE,
    ldst_simd::TABLE,
    simd_vector::TABLE,
    simd_scalar::TABLE,
    fp::TABLE,
    crypto::TABLE,
    apple::TABLE,
];

/// Number of encodings in [`ENCODINGS`].
pub const COUNT: usize = {
    let mut n = 0;
    let mut part = 0;
    while part < PARTS.len() {
        n += PARTS[part].len();
        part += 1;
    }
    n
};

/// Every encoding the emulator knows, in the order of Arm's groups.
pub static ENCODINGS: &[Encoding] = &ALL;

pub(crate) static ALL: [Encoding; COUNT] = {
    let mut all = [PARTS[0][0]; COUNT];
    let (mut n, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[n] = PARTS[part][i];
            n += 1;
            i += 1;
        }
        part += 1;
    }
    all
};
