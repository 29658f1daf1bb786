//! Hashes computed with the instructions, and rules that single results show. Every encoding against
//! recorded results of other emulators is in the replay tests of the workspace.

use std::sync::Arc;

use a64::{Op, Word};

use super::*;
use crate::State;
use crate::fp::QC;

type Execute = fn(&mut State, Op, Word) -> Step;

/// Runs a class function with V0 to V3 as d, n, m, a and `extra` bits in the word; returns V0.
fn run(execute: Execute, op: Op, extra: u32, operands: [u128; 4]) -> u128 {
    let mut state = State::default();
    state.v[..4].copy_from_slice(&operands);
    execute(&mut state, op, Word(extra | 2 << 16 | 3 << 10 | 1 << 5)).expect("defined");
    state.v[0]
}

fn sha(op: Op, d: u128, n: u128, m: u128) -> u128 {
    run(crypto_sha::execute, op, 0, [d, n, m, 0])
}

fn sha512(op: Op, d: u128, n: u128, m: u128) -> u128 {
    run(crypto_sha::execute_512, op, 0, [d, n, m, 0])
}

fn four(op: Op, n: u64, m: u64, a: u64) -> u64 {
    run(crypto_sha::execute_four, op, 0, [0, n.into(), m.into(), a.into()]) as u64
}

/// Lanes of 32 bits, first one lowest.
fn words(lanes: [u32; 4]) -> u128 {
    lanes.iter().rev().fold(0, |v, &x| v << 32 | u128::from(x))
}

fn lanes(v: u128) -> [u32; 4] {
    std::array::from_fn(|i| (v >> (32 * i)) as u32)
}

fn add_words(a: u128, b: u128) -> u128 {
    let (a, b) = (lanes(a), lanes(b));
    words(std::array::from_fn(|i| a[i].wrapping_add(b[i])))
}

fn add_doubles(a: u128, b: u128) -> u128 {
    let low = (a as u64).wrapping_add(b as u64);
    let high = ((a >> 64) as u64).wrapping_add((b >> 64) as u64);
    u128::from(high) << 64 | u128::from(low)
}

/// EXT by `bytes`.
fn extract(low: u128, high: u128, bytes: u32) -> u128 {
    low >> (8 * bytes) | high << (128 - 8 * bytes)
}

/// The padded block of the message "abc", for hashes with words of 32 bits.
fn abc() -> [u128; 4] {
    [words([0x6162_6380, 0, 0, 0]), 0, 0, words([0, 0, 0, 24])]
}

#[test]
fn sha1_of_abc_is_the_standards() {
    let mut w = abc().to_vec();
    for i in 4..20 {
        w.push(sha(Op::Sha1su1, sha(Op::Sha1su0, w[i - 4], w[i - 3], w[i - 2]), w[i - 1], 0));
    }
    let first = words([0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476]);
    let (mut state, mut e) = (first, 0xc3d2_e1f0);
    for (i, &schedule) in w.iter().enumerate() {
        let (op, k) = [
            (Op::Sha1c, 0x5a82_7999),
            (Op::Sha1p, 0x6ed9_eba1),
            (Op::Sha1m, 0x8f1b_bcdc),
            (Op::Sha1p, 0xca62_c1d6),
        ][i / 5];
        let next = sha(Op::Sha1h, 0, state, 0);
        (state, e) = (sha(op, state, e, add_words(schedule, words([k; 4]))), next);
    }
    assert_eq!(lanes(add_words(state, first)), [0xa999_3e36, 0x4706_816a, 0xba3e_2571, 0x7850_c26c]);
    assert_eq!((e as u32).wrapping_add(0xc3d2_e1f0), 0x9cd0_d89d);
}

/// SHA-512's constants; SHA-256's are the upper halves of the first 64.
#[rustfmt::skip]
const K: [u64; 80] = [
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
];

#[test]
fn sha256_of_abc_is_the_standards() {
    let mut w = abc().to_vec();
    for i in 4..16 {
        w.push(sha(Op::Sha256su1, sha(Op::Sha256su0, w[i - 4], w[i - 3], 0), w[i - 2], w[i - 1]));
    }
    let first = [
        words([0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a]),
        words([0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19]),
    ];
    let [mut abcd, mut efgh] = first;
    for (i, &schedule) in w.iter().enumerate() {
        let keyed = add_words(schedule, words(std::array::from_fn(|j| (K[4 * i + j] >> 32) as u32)));
        (abcd, efgh) = (sha(Op::Sha256h, abcd, efgh, keyed), sha(Op::Sha256h2, efgh, abcd, keyed));
    }
    assert_eq!(lanes(add_words(abcd, first[0])), [0xba78_16bf, 0x8f01_cfea, 0x4141_40de, 0x5dae_2223]);
    assert_eq!(lanes(add_words(efgh, first[1])), [0xb003_61a3, 0x9617_7a9c, 0xb410_ff61, 0xf200_15ad]);
}

#[test]
fn sha512_of_abc_is_the_standards() {
    let pair = |low: u64, high: u64| u128::from(high) << 64 | u128::from(low);
    let mut w = vec![0; 8];
    w[0] = pair(0x6162_6380_0000_0000, 0);
    w[7] = pair(0, 24);
    for i in 8..40 {
        let started = sha512(Op::Sha512su0, w[i - 8], w[i - 7], 0);
        w.push(sha512(Op::Sha512su1, started, w[i - 1], extract(w[i - 4], w[i - 3], 8)));
    }
    let first = [
        pair(0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b),
        pair(0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1),
        pair(0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f),
        pair(0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179),
    ];
    let [mut ab, mut cd, mut ef, mut gh] = first;
    for (i, &schedule) in w.iter().enumerate() {
        let keyed = add_doubles(schedule, pair(K[2 * i], K[2 * i + 1]));
        let sum = add_doubles(gh, keyed.rotate_left(64));
        let sum = sha512(Op::Sha512h, sum, extract(ef, gh, 8), extract(cd, ef, 8));
        (ab, cd, ef, gh) = (sha512(Op::Sha512h2, sum, cd, ab), ab, add_doubles(cd, sum), ef);
    }
    assert_eq!(add_doubles(ab, first[0]), pair(0xddaf_35a1_9361_7aba, 0xcc41_7349_ae20_4131));
    assert_eq!(add_doubles(cd, first[1]), pair(0x12e6_fa4e_89a9_7ea2, 0x0a9e_eee6_4b55_d39a));
    assert_eq!(add_doubles(ef, first[2]), pair(0x2192_992a_274f_c1a8, 0x36ba_3c23_a3fe_ebbd));
    assert_eq!(add_doubles(gh, first[3]), pair(0x454d_4423_643c_e80e, 0x2a9a_c94f_a54c_a49f));
}

#[test]
fn sha3_256_of_nothing_is_the_standards() {
    let mut a = [0u64; 25];
    (a[0], a[16]) = (6, 1 << 63);
    let mut lfsr = 1u32;
    for _ in 0..24 {
        let c: [u64; 5] = std::array::from_fn(|x| {
            four(Op::Eor3, four(Op::Eor3, a[x], a[x + 5], a[x + 10]), a[x + 15], a[x + 20])
        });
        let d: [u64; 5] =
            std::array::from_fn(|x| sha512(Op::Rax1, 0, c[(x + 4) % 5].into(), c[(x + 1) % 5].into()) as u64);
        // Rho and pi walk the lanes from (1, 0).
        let mut b = [0; 25];
        b[0] = a[0] ^ d[0];
        let (mut x, mut y) = (1, 0);
        for t in 1..25 {
            let left = t * (t + 1) / 2 % 64;
            let mut state = State::default();
            (state.v[1], state.v[2]) = (a[x + 5 * y].into(), d[x].into());
            let word = Word(2 << 16 | ((64 - left) % 64) << 10 | 1 << 5);
            crypto_sha::execute_four(&mut state, Op::Xar, word).expect("defined");
            let (to_x, to_y) = (y, (2 * x + 3 * y) % 5);
            b[to_x + 5 * to_y] = state.v[0] as u64;
            (x, y) = (to_x, to_y);
        }
        a = std::array::from_fn(|i| {
            let row = i / 5 * 5;
            four(Op::Bcax, b[i], b[row + (i + 2) % 5], b[row + (i + 1) % 5])
        });
        for j in 0..7 {
            a[0] ^= u64::from(lfsr & 1) << ((1 << j) - 1);
            lfsr = lfsr << 1 ^ if lfsr & 0x80 != 0 { 0x171 } else { 0 };
        }
    }
    assert_eq!(a[0].swap_bytes(), 0xa7ff_c6f8_bf1e_d766);
    assert_eq!(a[3].swap_bytes(), 0x82d8_0a4b_80f8_434a);
}

#[test]
fn sm3_of_abc_is_the_standards() {
    let mut w = abc().to_vec();
    for i in 4..17 {
        let (s0, s1, s2, s3) = (w[i - 4], w[i - 3], w[i - 2], w[i - 1]);
        let started = sha512(Op::Sm3partw1, extract(s1, s2, 12), s0, s3);
        w.push(sha512(Op::Sm3partw2, started, extract(s2, s3, 8), extract(s0, s1, 12)));
    }
    // The instructions keep A and E in the highest lane.
    let first = [
        words([0xda8a_0600, 0x1724_42d7, 0x4914_b2b9, 0x7380_166f]),
        words([0xb0fb_0e4e, 0xe38d_ee4d, 0x1631_38aa, 0xa96f_30bc]),
    ];
    let [mut abcd, mut efgh] = first;
    for j in 0..64u32 {
        let (early, group) = (j < 16, j as usize / 4);
        let constant: u32 = if early { 0x79cc_4519 } else { 0x7a87_9d8a };
        let turned = u128::from(constant.rotate_left(j % 32)) << 96;
        let ss1 = run(crypto_sha::execute_four, Op::Sm3ss1, 0, [0, abcd, efgh, turned]);
        let (tt1, tt2) = if early { (Op::Sm3tt1a, Op::Sm3tt2a) } else { (Op::Sm3tt1b, Op::Sm3tt2b) };
        let index = (j % 4) << 12;
        let tt = |op, d, m| {
            let mut state = State::default();
            (state.v[0], state.v[1], state.v[2]) = (d, ss1, m);
            crypto_sha::execute_512(&mut state, op, Word(2 << 16 | index | 1 << 5)).expect("defined");
            state.v[0]
        };
        abcd = tt(tt1, abcd, w[group] ^ w[group + 1]);
        efgh = tt(tt2, efgh, w[group]);
    }
    assert_eq!(lanes(abcd ^ first[0]), [0xdc10_e4e2, 0xd1f2_d46b, 0x62ee_edd9, 0x66c7_f0f4]);
    assert_eq!(lanes(efgh ^ first[1]), [0x8f4b_a8e0, 0x297d_a02b, 0x5cf2_f7a2, 0x4167_c487]);
}

#[test]
fn saturation_sets_qc_and_nothing_else_clears_it() {
    let mut state = State::default();
    (state.v[1], state.v[2]) = (0x7f, 0x01);
    let sqadd = Word(0x0e22_0c20);
    simd_three_same::execute(&mut state, Op::SqaddVec, sqadd).expect("defined");
    assert_eq!((state.v[0], state.fpsr), (0x7f, QC));
    state.v[1] = 0;
    simd_three_same::execute(&mut state, Op::SqaddVec, sqadd).expect("defined");
    assert_eq!((state.v[0], state.fpsr), (1, QC));
}

#[test]
fn narrowing_into_the_upper_half_keeps_the_lower() {
    let mut state = State::default();
    (state.v[0], state.v[1]) = (u128::MAX, 0x0001_0002_0003_0004);
    simd_two_reg_misc::execute(&mut state, Op::XtnVec, Word(0x4e21_2820)).expect("defined");
    assert_eq!(state.v[0], 0x0102_0304 << 64 | u128::from(u64::MAX));
    simd_two_reg_misc::execute(&mut state, Op::XtnVec, Word(0x0e21_2820)).expect("defined");
    assert_eq!(state.v[0], 0x0102_0304);
}

fn cpu() -> Cpu {
    let region = mem::Region { base: 0, len: 0x1_0000 };
    let memory = mem::Memory::new(&[region]).expect("memory");
    let bus = Arc::new(mem::Bus::ram(Arc::new(memory)));
    let clock = Arc::new(mem::Clock::counted(1_000_000, 1_000_000));
    let model = crate::model::Model::named("max").expect("a model");
    let connections = crate::Connections::new(bus, clock, mem::Lines::new());
    Cpu::new(Arc::new(model), 0, 0, connections)
}

#[test]
fn every_encoding_of_the_group_finds_its_executor() {
    let mut cpu = cpu();
    cpu.state.fp_trap = 0;
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for encoding in a64::ENCODINGS.iter().filter(|encoding| encoding.value >> 25 & 7 == 7) {
        for _ in 0..64 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let word = encoding.value | random as u32 & !encoding.mask;
            if a64::decode(word).is_some_and(|found| std::ptr::eq(found, encoding)) {
                let result = handler(Word(word))(&mut cpu, encoding.op, Word(word));
                assert_eq!(result, Ok(()), "{} {word:08x}", encoding.name);
            }
        }
    }
}

#[test]
fn a_trap_of_fp_comes_before_the_instruction() {
    let mut cpu = cpu();
    (cpu.state.fp_trap, cpu.state.v[1]) = (1, 5);
    let mov = Word(0x1e20_4020);
    assert!(handler(mov)(&mut cpu, Op::FmovFp, mov).is_err());
    cpu.state.fp_trap = 0;
    assert_eq!(handler(mov)(&mut cpu, Op::FmovFp, mov), Ok(()));
    assert_eq!(cpu.state.v[0], 5);
}
