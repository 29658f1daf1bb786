//! Cryptographic SM3 and SM4. GB/T 32905-2016 and GB/T 32907-2016.

use a64::{Op, Word};

use super::crypto_aes::field_inverse;
use super::crypto_sha::{majority, word};
use super::simd_lanes::write;
use crate::State;
use crate::exception::{Exception, Step};

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n) = (words(state.v[w.rd()]), words(state.v[w.rn()]));
    let (m, a) = (words(state.v[w.rm()]), words(state.v[w.ra()]));
    let result = match op {
        Op::Sm3ss1 => {
            let sum = n[3].rotate_left(12).wrapping_add(m[3]).wrapping_add(a[3]);
            [0, 0, 0, sum.rotate_left(7)]
        }
        Op::Sm3tt1a | Op::Sm3tt1b => {
            let mixed = if op == Op::Sm3tt1a { d[1] ^ d[2] ^ d[3] } else { majority(d[3], d[1], d[2]) };
            let ss2 = n[3] ^ d[3].rotate_left(12);
            let tt1 = mixed.wrapping_add(d[0]).wrapping_add(ss2).wrapping_add(scheduled(w, m));
            [d[1], d[2].rotate_left(9), d[3], tt1]
        }
        Op::Sm3tt2a | Op::Sm3tt2b => {
            let mixed = if op == Op::Sm3tt2a { d[1] ^ d[2] ^ d[3] } else { d[3] & d[2] | !d[3] & d[1] };
            let tt2 = mixed.wrapping_add(d[0]).wrapping_add(n[3]).wrapping_add(scheduled(w, m));
            [d[1], d[2].rotate_left(19), d[3], tt2 ^ tt2.rotate_left(9) ^ tt2.rotate_left(17)]
        }
        Op::Sm3partw1 => {
            let mut result = [0; 4];
            for i in 0..4 {
                // The last word needs the first one of the result.
                let x = d[i] ^ n[i] ^ if i < 3 { m[i + 1] } else { result[0] }.rotate_left(15);
                result[i] = x ^ x.rotate_left(15) ^ x.rotate_left(23);
            }
            result
        }
        Op::Sm3partw2 => {
            let t: [u32; 4] = std::array::from_fn(|i| n[i] ^ m[i].rotate_left(7));
            let x = t[0].rotate_left(15);
            let last = x ^ x.rotate_left(15) ^ x.rotate_left(23);
            [d[0] ^ t[0], d[1] ^ t[1], d[2] ^ t[2], d[3] ^ t[3] ^ last]
        }
        Op::Sm4e => sm4_rounds(d, n, |x| {
            x ^ x.rotate_left(2) ^ x.rotate_left(10) ^ x.rotate_left(18) ^ x.rotate_left(24)
        }),
        Op::Sm4ekey => sm4_rounds(n, m, |x| x ^ x.rotate_left(13) ^ x.rotate_left(23)),
        _ => return Err(Exception::undefined()),
    };
    let joined = result.iter().rev().fold(0u128, |v, &x| v << 32 | x as u128);
    write(state, w, joined);
    Ok(())
}

fn words(v: u128) -> [u32; 4] {
    std::array::from_fn(|i| word(v, i as u32))
}

/// The word of the message schedule that imm2, bits 13:12, selects.
fn scheduled(w: Word, m: [u32; 4]) -> u32 {
    m[w.bits(13, 12) as usize]
}

/// Four rounds of SM4, of the cipher or of the key schedule by their linear function.
fn sm4_rounds(mut block: [u32; 4], keys: [u32; 4], linear: fn(u32) -> u32) -> [u32; 4] {
    for key in keys {
        let mixed = block[1] ^ block[2] ^ block[3] ^ key;
        let substituted = u32::from_le_bytes(mixed.to_le_bytes().map(|x| SBOX[x as usize]));
        block = [block[1], block[2], block[3], block[0] ^ linear(substituted)];
    }
    block
}

/// SM4's reduction polynomial: x^8 + x^7 + x^6 + x^5 + x^4 + x^2 + 1.
const POLY: u8 = 0xf5;

const SBOX: [u8; 256] = sbox();

/// The inverse in GF(2^8) between two passes of the same affine function.
const fn sbox() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = affine(field_inverse(affine(i as u8), POLY));
        i += 1;
    }
    table
}

const fn affine(x: u8) -> u8 {
    let mut result = 0;
    let mut i = 0;
    while i < 8 {
        let parity = (ROW.rotate_left(i) & x).count_ones() & 1;
        result |= (parity as u8) << i;
        i += 1;
    }
    result ^ 0xd3
}

/// First row of the affine function's circulant matrix.
const ROW: u8 = 0xa7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sm4_cipher_gives_the_standards_example() {
        // GB/T 32907 appendix A: key and plaintext 0123456789abcdeffedcba9876543210.
        let example = [0x0123_4567, 0x89ab_cdef, 0xfedc_ba98, 0x7654_3210];
        let fk = [0xa3b1_bac6, 0x56aa_3350, 0x677d_9197, 0xb270_22dc];
        let ck = |i: u32| (0..4).fold(0u32, |x, j| x << 8 | (((4 * i + j) * 7) & 0xff));
        let mut key: [u32; 4] = std::array::from_fn(|i| example[i] ^ fk[i]);
        let mut block = example;
        for round in 0..8 {
            key = sm4_rounds(key, std::array::from_fn(|i| ck(4 * round + i as u32)), |x| {
                x ^ x.rotate_left(13) ^ x.rotate_left(23)
            });
            block = sm4_rounds(block, key, |x| {
                x ^ x.rotate_left(2) ^ x.rotate_left(10) ^ x.rotate_left(18) ^ x.rotate_left(24)
            });
        }
        block.reverse();
        assert_eq!(block, [0x681e_df34, 0xd206_965e, 0x86b3_e94f, 0x536e_4246]);
    }
}
