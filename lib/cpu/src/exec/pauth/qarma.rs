//! QARMA-64 as pointer authentication uses it: Avanzi, "The QARMA Block Cipher Family", IACR ToSC 2017, and the Arm
//! manual's ComputePAC. QARMA5 has five rounds and S-box sigma 2, QARMA3 three rounds and sigma 1.
//!
//! Cells are the paper's: cell 0 is the most significant nibble.

use std::sync::LazyLock;

const ALPHA: u64 = 0xc0ac_29b7_c97c_50dd;
const ROUND: [u64; 5] =
    [0, 0x1319_8a2e_0370_7344, 0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89, 0x4528_21e6_38d0_1377];
const SIGMA1: [u8; 16] = [10, 13, 14, 6, 15, 7, 3, 5, 9, 8, 0, 12, 11, 1, 2, 4];
const SIGMA2: [u8; 16] = [11, 6, 8, 15, 12, 0, 9, 14, 3, 7, 4, 5, 13, 2, 1, 10];
/// Which input cell each output cell of the shuffle takes (tau).
const TAU: [u8; 16] = [0, 11, 6, 13, 10, 1, 12, 7, 5, 14, 3, 8, 15, 4, 9, 2];
/// The tweak's permutation (h).
const H: [u8; 16] = [6, 5, 14, 15, 0, 1, 2, 3, 7, 12, 13, 4, 8, 9, 10, 11];
/// Cells of the permuted tweak that step the LFSR (omega).
const LFSR: [usize; 7] = [0, 1, 3, 4, 8, 11, 13];

type Cells = [u8; 16];

fn cells(x: u64) -> Cells {
    std::array::from_fn(|i| (x >> (60 - 4 * i)) as u8 & 15)
}

fn word(c: Cells) -> u64 {
    c.iter().fold(0, |x, &cell| x << 4 | u64::from(cell))
}

fn permute(c: Cells, by: &[u8; 16]) -> Cells {
    std::array::from_fn(|i| c[usize::from(by[i] & 15)])
}

fn inverse(by: &[u8; 16]) -> [u8; 16] {
    let mut out = [0; 16];
    for (i, &from) in by.iter().enumerate() {
        out[usize::from(from & 15)] = i as u8;
    }
    out
}

fn rotate(cell: u8, by: u32) -> u8 {
    (cell << by | cell >> (4 - by)) & 15
}

/// The involution M = circ(0, rho, rho^2, rho) on each column.
fn mix(c: Cells) -> Cells {
    std::array::from_fn(|i| {
        let (row, col) = (i / 4, i % 4);
        let at = |r: usize| c[(row + r) % 4 * 4 + col];
        rotate(at(1), 1) ^ rotate(at(2), 2) ^ rotate(at(3), 1)
    })
}

fn substitute(c: Cells, sbox: &[u8; 16]) -> Cells {
    c.map(|cell| sbox[usize::from(cell & 15)])
}

fn tweak_forward(tweak: u64) -> u64 {
    let mut c = permute(cells(tweak), &H);
    for i in LFSR {
        c[i] = c[i] >> 1 | ((c[i] ^ c[i] >> 1) & 1) << 3;
    }
    word(c)
}

/// Functions of 64 bits that are sums of functions of their bytes: all the linear layers, with or without the S-box
/// (which works on halves of bytes) before them.
type Bytes = [[u64; 256]; 8];

fn tabulate(f: impl Fn(u64) -> u64) -> Box<Bytes> {
    let at_zero = f(0);
    let mut table = vec![[0u64; 256]; 8];
    for (position, row) in table.iter_mut().enumerate() {
        for (value, entry) in row.iter_mut().enumerate() {
            // The constant part is counted once, with byte 0.
            let constant = if position == 0 { 0 } else { at_zero };
            *entry = f((value as u64) << (8 * position)) ^ constant;
        }
    }
    table.into_boxed_slice().try_into().unwrap_or_else(|_| Box::new([[0; 256]; 8]))
}

#[inline]
fn apply(table: &Bytes, x: u64) -> u64 {
    table.iter().zip(x.to_le_bytes()).fold(0, |sum, (row, byte)| sum ^ row[usize::from(byte)])
}

/// The layers of a cipher with one of the S-boxes.
struct Layers {
    /// S-box, then shuffle and mix.
    sub_forward: Box<Bytes>,
    /// Inverse S-box, then mix and unshuffle.
    unsub_backward: Box<Bytes>,
    /// The inverse S-box alone.
    unsub: Box<Bytes>,
    /// Shuffle and mix.
    forward: Box<Bytes>,
    unshuffle: Box<Bytes>,
    tweak: Box<Bytes>,
}

impl Layers {
    fn new(sbox: &[u8; 16]) -> Layers {
        let (inverse_sbox, unshuffle) = (inverse(sbox), inverse(&TAU));
        let forward = |x: u64| word(mix(permute(cells(x), &TAU)));
        let backward = |x: u64| word(permute(mix(cells(x)), &unshuffle));
        let sub = |x: u64| word(substitute(cells(x), sbox));
        let unsub = |x: u64| word(substitute(cells(x), &inverse_sbox));
        Layers {
            sub_forward: tabulate(|x| forward(sub(x))),
            unsub_backward: tabulate(|x| backward(unsub(x))),
            unsub: tabulate(unsub),
            forward: tabulate(forward),
            unshuffle: tabulate(|x| word(permute(cells(x), &unshuffle))),
            tweak: tabulate(tweak_forward),
        }
    }
}

static WITH_SIGMA1: LazyLock<Layers> = LazyLock::new(|| Layers::new(&SIGMA1));
static WITH_SIGMA2: LazyLock<Layers> = LazyLock::new(|| Layers::new(&SIGMA2));

fn qarma(data: u64, tweak: u64, key: u128, rounds: usize, layers: &Layers) -> u64 {
    let (w0, k0) = ((key >> 64) as u64, key as u64);
    let w1 = w0.rotate_right(1) ^ w0 >> 63;
    // The round's tweak, and the one after the last.
    let mut tweaks = [tweak; ROUND.len() + 1];
    for i in 0..rounds.min(ROUND.len()) {
        tweaks[i + 1] = apply(&layers.tweak, tweaks[i]);
    }
    let last = tweaks[rounds.min(ROUND.len())];
    // Each round adds, goes forward (but the first) and substitutes; mixing is linear, so what is added can be mixed instead.
    let mut x = data ^ w0 ^ k0 ^ tweak ^ ROUND[0];
    for (constant, tweak) in ROUND.iter().zip(tweaks).take(rounds).skip(1) {
        x = apply(&layers.sub_forward, x) ^ apply(&layers.forward, k0 ^ tweak ^ constant);
    }
    // The middle: one round, the reflector, one round back.
    x = apply(&layers.sub_forward, x) ^ apply(&layers.forward, w1 ^ last);
    x = apply(&layers.sub_forward, x) ^ k0;
    x = apply(&layers.unshuffle, x);
    x = apply(&layers.unsub_backward, x) ^ w0 ^ last;
    for (constant, tweak) in ROUND.iter().zip(tweaks).take(rounds).skip(1).rev() {
        x = apply(&layers.unsub_backward, x) ^ k0 ^ tweak ^ constant ^ ALPHA;
    }
    apply(&layers.unsub, x) ^ k0 ^ tweak ^ ROUND[0] ^ ALPHA ^ w1
}

/// The code of QARMA5.
pub fn qarma5(data: u64, modifier: u64, key: u128) -> u64 {
    qarma(data, modifier, key, 5, &WITH_SIGMA2)
}

/// The code of QARMA3.
pub fn qarma3(data: u64, modifier: u64, key: u128) -> u64 {
    qarma(data, modifier, key, 3, &WITH_SIGMA1)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The paper's test vector (appendix, QARMA-64).
    const DATA: u64 = 0xfb62_3599_da6e_8127;
    const TWEAK: u64 = 0x477d_469d_ec0b_8762;
    const KEY: u128 = 0x84be_85ce_9804_e94b_ec28_02d4_e0a4_88e9;

    #[test]
    fn five_rounds_give_the_papers_ciphertexts() {
        assert_eq!(qarma5(DATA, TWEAK, KEY), 0xc003_b939_99b3_3765);
        assert_eq!(qarma(DATA, TWEAK, KEY, 5, &WITH_SIGMA1), 0x544b_0ab9_5bda_7c3a);
    }

    #[test]
    fn three_rounds_differ_from_five_and_depend_on_everything() {
        let code = qarma3(DATA, TWEAK, KEY);
        assert_ne!(code, qarma(DATA, TWEAK, KEY, 5, &WITH_SIGMA1));
        assert_ne!(code, qarma3(DATA ^ 1, TWEAK, KEY));
        assert_ne!(code, qarma3(DATA, TWEAK ^ 1, KEY));
        assert_ne!(code, qarma3(DATA, TWEAK, KEY ^ 1));
    }
}
