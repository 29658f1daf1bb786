//! Cryptographic SHA-1, SHA-256, SHA-512 and SHA-3. FIPS 180-4 and 202.

use a64::{Op, Word};

use super::simd_lanes::{Lanes, write};
use crate::State;
use crate::exception::{Exception, Step};

const WORDS: Lanes = Lanes { size: 2, count: 4 };
const DOUBLES: Lanes = Lanes { size: 3, count: 2 };

/// Two and three-register SHA-1 and SHA-256.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n, m) = (state.v[w.rd()], state.v[w.rn()], state.v[w.rm()]);
    let result = match op {
        Op::Sha1c => sha1_rounds(d, n as u32, m, choose),
        Op::Sha1p => sha1_rounds(d, n as u32, m, |x, y, z| x ^ y ^ z),
        Op::Sha1m => sha1_rounds(d, n as u32, m, majority),
        Op::Sha1h => (n as u32).rotate_left(30) as u128,
        Op::Sha1su0 => (n << 64 | d >> 64) ^ d ^ m,
        Op::Sha1su1 => {
            let t = d ^ n >> 32;
            let turned = WORDS.map(t, |x| (x as u32).rotate_left(1) as u64);
            turned ^ ((t as u32).rotate_left(2) as u128) << 96
        }
        Op::Sha256h => sha256_rounds(d, n, m).0,
        Op::Sha256h2 => sha256_rounds(n, d, m).1,
        Op::Sha256su0 => {
            let t = n << 96 | d >> 32;
            WORDS.build(|i| {
                let x = word(t, i);
                let sigma = x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
                sigma.wrapping_add(word(d, i)) as u64
            })
        }
        Op::Sha256su1 => {
            let t0 = m << 96 | n >> 32;
            // Words 2 and 3 continue from words 0 and 1 of the result.
            let mut previous = [word(m, 2), word(m, 3)];
            WORDS.build(|i| {
                let x = previous[i as usize % 2];
                let sigma = x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
                let sum = sigma.wrapping_add(word(d, i)).wrapping_add(word(t0, i));
                previous[i as usize % 2] = sum;
                sum as u64
            })
        }
        _ => return Err(Exception::undefined()),
    };
    write(state, w, result);
    Ok(())
}

/// SHA-512 and the two-register-and-rotate of SHA-3.
pub(super) fn execute_512(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n, m) = (state.v[w.rd()], state.v[w.rn()], state.v[w.rm()]);
    let (dl, dh) = halves(d);
    let (nl, nh) = halves(n);
    let (ml, mh) = halves(m);
    let (low, high) = match op {
        Op::Sha512h => {
            let sigma = |x: u64| x.rotate_right(14) ^ x.rotate_right(18) ^ x.rotate_right(41);
            let high = (mh & nl ^ !mh & nh).wrapping_add(sigma(mh)).wrapping_add(dh);
            let t = high.wrapping_add(ml);
            let low = (t & mh ^ !t & nl).wrapping_add(sigma(t)).wrapping_add(dl);
            (low, high)
        }
        Op::Sha512h2 => {
            let sigma = |x: u64| x.rotate_right(28) ^ x.rotate_right(34) ^ x.rotate_right(39);
            let majority = |x: u64, y: u64, z: u64| x & y ^ x & z ^ y & z;
            let high = majority(nl, mh, ml).wrapping_add(sigma(ml)).wrapping_add(dh);
            let low = majority(high, ml, mh).wrapping_add(sigma(high)).wrapping_add(dl);
            (low, high)
        }
        Op::Sha512su0 => {
            let sigma = |x: u64| x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
            (dl.wrapping_add(sigma(dh)), dh.wrapping_add(sigma(nl)))
        }
        Op::Sha512su1 => {
            let sigma = |x: u64| x.rotate_right(19) ^ x.rotate_right(61) ^ x >> 6;
            (dl.wrapping_add(sigma(nl)).wrapping_add(ml), dh.wrapping_add(sigma(nh)).wrapping_add(mh))
        }
        Op::Rax1 => (nl ^ ml.rotate_left(1), nh ^ mh.rotate_left(1)),
        _ => return super::crypto_sm::execute(state, op, w),
    };
    write(state, w, (high as u128) << 64 | low as u128);
    Ok(())
}

/// EOR3, BCAX and XAR of SHA-3, and the four-register SM3.
pub(super) fn execute_four(state: &mut State, op: Op, w: Word) -> Step {
    let (n, m, a) = (state.v[w.rn()], state.v[w.rm()], state.v[w.ra()]);
    let result = match op {
        Op::Eor3 => n ^ m ^ a,
        Op::Bcax => n ^ m & !a,
        Op::Xar => DOUBLES.map(n ^ m, |x| x.rotate_right(w.imms())),
        _ => return super::crypto_sm::execute(state, op, w),
    };
    write(state, w, result);
    Ok(())
}

/// 32-bit lane `i`.
pub(super) fn word(v: u128, i: u32) -> u32 {
    WORDS.get(v, i) as u32
}

fn halves(v: u128) -> (u64, u64) {
    (v as u64, (v >> 64) as u64)
}

fn choose(x: u32, y: u32, z: u32) -> u32 {
    (y ^ z) & x ^ z
}

/// Also SM3's.
pub(super) fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y | (x | y) & z
}

/// Four rounds of SHA-1 on A to D in `x` and E in `y`.
fn sha1_rounds(mut x: u128, mut y: u32, schedule: u128, f: fn(u32, u32, u32) -> u32) -> u128 {
    for i in 0..4 {
        let t = f(word(x, 1), word(x, 2), word(x, 3));
        y = y.wrapping_add(word(x, 0).rotate_left(5)).wrapping_add(t).wrapping_add(word(schedule, i));
        let turned = word(x, 1).rotate_left(30) as u128;
        x = x & !(0xffff_ffff << 32) | turned << 32;
        (x, y) = (x << 32 | y as u128, word(x, 3));
    }
    x
}

/// Four rounds of SHA-256 on A to D in `x` and E to H in `y`.
fn sha256_rounds(mut x: u128, mut y: u128, schedule: u128) -> (u128, u128) {
    let top = |v: u128, value: u32| v << 32 >> 32 | (value as u128) << 96;
    for i in 0..4 {
        let (a, e) = (word(x, 0), word(y, 0));
        let sigma1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let sigma0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t = word(y, 3)
            .wrapping_add(sigma1)
            .wrapping_add(choose(e, word(y, 1), word(y, 2)))
            .wrapping_add(word(schedule, i));
        let new_e = t.wrapping_add(word(x, 3));
        let new_a = t.wrapping_add(sigma0).wrapping_add(majority(a, word(x, 1), word(x, 2)));
        (x, y) = (top(x, new_e), top(y, new_a));
        (x, y) = (x << 32 | y >> 96, y << 32 | x >> 96);
    }
    (x, y)
}
