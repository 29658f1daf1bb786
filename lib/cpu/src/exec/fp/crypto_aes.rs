//! Cryptographic AES: one round's halves each. FIPS 197.

use a64::{Op, Word};

use super::simd_lanes::write;
use crate::State;
use crate::exception::{Exception, Step};

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let result = match op {
        Op::Aese => substitute(&SBOX, shift_rows(d ^ n, 1)),
        Op::Aesd => substitute(&INVERSE_SBOX, shift_rows(d ^ n, 3)),
        Op::Aesmc => mix_columns(n),
        Op::Aesimc => unmix_columns(n),
        _ => return Err(Exception::undefined()),
    };
    write(state, w, result);
    Ok(())
}

/// Multiplication in GF(2^8) modulo x^8 + `poly`.
pub(super) const fn field_product(mut a: u8, mut b: u8, poly: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { poly } else { 0 };
        b >>= 1;
    }
    product
}

/// The inverse in GF(2^8) modulo x^8 + `poly`, zero for zero: the 254th power.
pub(super) const fn field_inverse(a: u8, poly: u8) -> u8 {
    let (mut power, mut result, mut exponent) = (a, 1, 254u32);
    while exponent != 0 {
        if exponent & 1 != 0 {
            result = field_product(result, power, poly);
        }
        power = field_product(power, power, poly);
        exponent >>= 1;
    }
    result
}

/// AES's reduction polynomial: x^8 + x^4 + x^3 + x + 1.
const POLY: u8 = 0x1b;

const SBOX: [u8; 256] = sbox();
const INVERSE_SBOX: [u8; 256] = inverted(&SBOX);

const fn sbox() -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let x = field_inverse(i as u8, POLY);
        let spread = x.rotate_left(1) ^ x.rotate_left(2) ^ x.rotate_left(3) ^ x.rotate_left(4);
        table[i] = x ^ spread ^ 0x63;
        i += 1;
    }
    table
}

const fn inverted(sbox: &[u8; 256]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[sbox[i] as usize] = i as u8;
        i += 1;
    }
    table
}

fn substitute(table: &[u8; 256], block: u128) -> u128 {
    u128::from_le_bytes(block.to_le_bytes().map(|x| table[x as usize]))
}

/// Turns row `r` of the column-major block by `r * step` columns.
fn shift_rows(block: u128, step: usize) -> u128 {
    let bytes = block.to_le_bytes();
    u128::from_le_bytes(std::array::from_fn(|i| bytes[(i + 4 * step * (i % 4)) % 16]))
}

/// Every byte times x in AES's field.
fn times_x(block: u128) -> u128 {
    let ones = u128::MAX / 255;
    ((block & (ones * 0x7f)) << 1) ^ ((block >> 7 & ones) * POLY as u128)
}

/// Moves every byte of every column up by `rows` rows, around.
fn turn_columns(block: u128, rows: u32) -> u128 {
    let bytes = 8 * rows;
    let low = (u32::MAX >> bytes) as u128 * (u128::MAX / u32::MAX as u128);
    (block >> bytes & low) | (block << (32 - bytes) & !low)
}

/// MixColumns: rows times 2, 3, 1 and 1.
fn mix_columns(block: u128) -> u128 {
    let doubled = times_x(block);
    doubled ^ turn_columns(doubled ^ block, 1) ^ turn_columns(block, 2) ^ turn_columns(block, 3)
}

/// InvMixColumns: 14, 11, 13 and 9, which is MixColumns after a multiplication by 5, 0, 4 and 0.
fn unmix_columns(block: u128) -> u128 {
    mix_columns(block ^ times_x(times_x(block ^ turn_columns(block, 2))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_encrypts_as_in_fips_197() {
        // Appendix B: the first two rounds' intermediate values.
        let input = u128::from_be_bytes(0x3243f6a8_885a308d_313198a2_e0370734u128.to_le_bytes());
        let key = u128::from_be_bytes(0x2b7e1516_28aed2a6_abf71588_09cf4f3cu128.to_le_bytes());
        let mixed = mix_columns(substitute(&SBOX, shift_rows(input ^ key, 1)));
        assert_eq!(mixed.to_le_bytes(), 0x046681e5_e0cb199a_48f8d37a_2806264cu128.to_be_bytes());
        // And back.
        let unmixed = unmix_columns(mixed);
        assert_eq!(substitute(&INVERSE_SBOX, shift_rows(unmixed, 3)), input ^ key);
    }
}
