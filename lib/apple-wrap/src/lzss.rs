//! `complzss`: Apple's frame around Okumura's LZSS of 1989, decoded and encoded.
//!
//! All header numbers are big-endian: the name in 8 bytes, adler32 and size of the uncompressed data, size of the
//! compressed data, a version (1; 0 in some old files), zeros up to 0x180, then the stream. What follows the stream
//! is not part of it: kernelcaches of A7 to A9 devices have the secure monitor there.

use crate::{Error, Kind, Result, u32_be};
use std::ops::Range;

/// Size of the header.
pub(crate) const HEADER: usize = 0x180;
const RING: usize = 4096;
/// Longest match.
const LONGEST: usize = 18;
/// Shortest match.
const SHORTEST: usize = 3;
/// Where the ring is first written; before it are blanks, from it on nothing.
const START: usize = RING - LONGEST;

/// What a `complzss` header declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub adler32: u32,
    pub size: u32,
    /// The compressed stream, in the frame's bytes.
    pub stream: Range<usize>,
}

/// Reads the header and checks that the stream is there and can hold what it declares.
pub(crate) fn frame(data: &[u8], base: u64) -> Result<Frame> {
    let field = |at| u32_be(data, at).filter(|_| data.len() >= HEADER);
    let (Some(adler32), Some(size), Some(packed)) = (field(8), field(12), field(16)) else {
        return Err(Error::Truncated {
            layer: Kind::CompLzss,
            offset: base,
            what: "the header",
            have: data.len() as u64,
            need: HEADER as u64,
        });
    };
    let end = usize::try_from(packed).ok().and_then(|n| n.checked_add(HEADER));
    let Some(end) = end.filter(|end| *end <= data.len()) else {
        return Err(Error::Truncated {
            layer: Kind::CompLzss,
            offset: base.saturating_add(HEADER as u64),
            what: "the compressed data",
            have: data.len().saturating_sub(HEADER) as u64,
            need: packed.into(),
        });
    };
    // Seventeen bytes give at most eight matches of eighteen.
    let most = u64::from(packed).saturating_mul(9);
    if u64::from(size) > most {
        let offset = base.saturating_add(12);
        return Err(Error::BadField {
            layer: Kind::CompLzss,
            offset,
            what: "the uncompressed size (more than the stream can hold)",
            value: size.into(),
        });
    }
    Ok(Frame { adler32, size, stream: HEADER..end })
}

/// Decodes the stream of a frame, and checks its size and sum.
pub(crate) fn checked(data: &[u8], frame: &Frame, base: u64) -> Result<Vec<u8>> {
    let stream = data.get(frame.stream.clone()).unwrap_or_default();
    let size = usize::try_from(frame.size).unwrap_or(usize::MAX);
    let out = decode(stream, size);
    if out.len() != size {
        return Err(Error::BadStream {
            layer: Kind::CompLzss,
            offset: base.saturating_add(HEADER as u64),
            why: format!("it ends before the {size:#x} bytes it should give"),
            decoded: out.len() as u64,
        });
    }
    let found = adler32(&out);
    if found != frame.adler32 {
        return Err(Error::Mismatch {
            layer: Kind::CompLzss,
            offset: base.saturating_add(8),
            what: "adler32",
            declared: frame.adler32.into(),
            found: found.into(),
        });
    }
    Ok(out)
}

/// Decodes a stream into exactly `size` bytes, or fewer if it ends early.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "the inner loop of a kernel's decompression; every index is bounded by the lines above it"
)]
pub(crate) fn decode(stream: &[u8], size: usize) -> Vec<u8> {
    // A flag byte and eight units: the most that one round reads and writes.
    const ROUND_IN: usize = 1 + 8 * 2;
    const ROUND_OUT: usize = 8 * LONGEST;
    // Room for the last match to be copied in full.
    let mut out = vec![0u8; size.saturating_add(LONGEST)];
    let (mut at, mut next) = (0, 0);
    while next + ROUND_IN <= stream.len() && at + ROUND_OUT <= size {
        let flags = stream[next];
        next += 1;
        if flags == 0xff {
            out[at..at + 8].copy_from_slice(&stream[next..next + 8]);
            (at, next) = (at + 8, next + 8);
            continue;
        }
        for bit in 0..8 {
            if flags >> bit & 1 != 0 {
                out[at] = stream[next];
                (at, next) = (at + 1, next + 1);
            } else {
                at += copy_match(&mut out, at, stream[next], stream[next + 1]);
                next += 2;
            }
        }
    }
    // The last rounds, with a look at both ends before each unit.
    let mut input = stream.get(next..).unwrap_or_default().iter().copied();
    'rounds: while at < size {
        let Some(flags) = input.next() else { break };
        for bit in 0..8 {
            if at >= size {
                break 'rounds;
            }
            let Some(first) = input.next() else { break 'rounds };
            if flags >> bit & 1 != 0 {
                out[at] = first;
                at += 1;
            } else {
                let Some(second) = input.next() else { break 'rounds };
                at += copy_match(&mut out, at, first, second);
            }
        }
    }
    out.truncate(at.min(size));
    out
}

/// Copies the match of two bytes to `at`, where there is room for the longest one, and gives its length. Bytes behind
/// it may be overwritten too: they are not decoded yet.
#[inline]
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "distances are at most `at`, and the caller leaves room for the longest match"
)]
fn copy_match(out: &mut [u8], at: usize, low: u8, high: u8) -> usize {
    let position = usize::from(low) | usize::from(high & 0xf0) << 4;
    let length = usize::from(high & 0x0f) + SHORTEST;
    // The ring position as a distance back from here: 1 to 4096.
    let distance = ((START + at).wrapping_sub(position + 1) & (RING - 1)) + 1;
    if distance > at {
        for i in 0..length {
            out[at + i] = match (at + i).checked_sub(distance) {
                Some(from) => out[from],
                None => before_start((position + i) % RING),
            };
        }
    } else if distance >= LONGEST {
        let from = at - distance;
        out.copy_within(from..from + LONGEST, at);
    } else {
        for i in at..at + length {
            out[i] = out[i - distance];
        }
    }
    length
}

/// What the ring holds where nothing was written yet.
fn before_start(ring: usize) -> u8 {
    if ring < START { b' ' } else { 0 }
}

/// Encodes: greedy, with chains of equal three-byte starts. Apple's own encoder chooses other matches.
#[allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "our own data, bounded by the lines above"
)]
pub(crate) fn encode(data: &[u8]) -> Vec<u8> {
    const NONE: u32 = u32::MAX;
    const TRIES: usize = 32;
    let hash = |at: usize| {
        let v = u32::from(data[at]) | u32::from(data[at + 1]) << 8 | u32::from(data[at + 2]) << 16;
        (v.wrapping_mul(0x9e37_79b1) >> 17) as usize
    };
    let mut heads = vec![NONE; 1 << 15];
    let mut chain = vec![NONE; RING];
    let mut out = Vec::with_capacity(data.len() / 2 + 16);
    let (mut flags_at, mut bit) = (0, 8);
    let mut at = 0;
    while at < data.len() {
        if bit == 8 {
            flags_at = out.len();
            out.push(0);
            bit = 0;
        }
        let most = LONGEST.min(data.len() - at);
        let (mut best, mut best_at) = (0, 0);
        if most >= SHORTEST {
            let mut candidate = heads[hash(at)];
            for _ in 0..TRIES {
                // A match may not reach a ring place that is being overwritten.
                if candidate == NONE || at - candidate as usize > RING - LONGEST {
                    break;
                }
                let from = candidate as usize;
                let n = (0..most).take_while(|i| data[from + i] == data[at + i]).count();
                if n > best {
                    (best, best_at) = (n, from);
                }
                candidate = chain[from % RING];
                if candidate != NONE && candidate as usize >= from {
                    break;
                }
            }
        }
        let step = if best >= SHORTEST {
            let position = (START + best_at) % RING;
            out.push(position as u8);
            out.push((position >> 4) as u8 & 0xf0 | (best - SHORTEST) as u8);
            best
        } else {
            out[flags_at] |= 1 << bit;
            out.push(data[at]);
            1
        };
        bit += 1;
        for i in at..(at + step).min(data.len().saturating_sub(2)) {
            let h = hash(i);
            chain[i % RING] = heads[h];
            heads[h] = i as u32;
        }
        at += step;
    }
    out
}

/// The header for a stream.
pub(crate) fn header(data: &[u8], packed: usize) -> Option<Vec<u8>> {
    let mut out = b"complzss".to_vec();
    for v in [adler32(data), u32::try_from(data.len()).ok()?, u32::try_from(packed).ok()?, 1] {
        out.extend(v.to_be_bytes());
    }
    out.resize(HEADER, 0);
    Some(out)
}

/// Adler-32 as zlib's, initial value 1.
pub(crate) fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    // The longest run after which the sums cannot have passed 32 bits.
    const RUN: usize = 5552;
    let (mut a, mut b) = (1u32, 0u32);
    for run in data.chunks(RUN) {
        for &byte in run {
            a = a.wrapping_add(byte.into());
            b = b.wrapping_add(a);
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_vector_needs_the_blanks_before_the_start() {
        let stream = [
            0xdf, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0xed, 0xff, 0x2c, 0x20, 0x7f, 0x6b, 0x65, 0x72, 0x6e, 0x65,
            0x6c, 0x0a,
        ];
        let text = b"hello hello hello hello, kernel\n";
        assert_eq!(decode(&stream, 32), text);
        assert_eq!(adler32(text), 0xc416_0b88);
    }

    #[test]
    fn what_is_encoded_is_decoded_again() {
        let mut x = 12345u32;
        let mut noise = |n: u32| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 16) % n
        };
        for size in [0usize, 1, 2, 3, 17, 18, 19, 4095, 4096, 4097, 9000, 70_000] {
            for alphabet in [1, 2, 5, 256] {
                let data: Vec<u8> = (0..size).map(|_| noise(alphabet) as u8).collect();
                assert_eq!(decode(&encode(&data), size), data, "{size} bytes of {alphabet}");
            }
        }
    }

    #[test]
    fn any_stream_decodes_to_no_more_than_asked_for() {
        let mut x = 1u32;
        for n in 0..3000usize {
            let stream: Vec<u8> = (0..n % 97)
                .map(|_| {
                    x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (x >> 24) as u8
                })
                .collect();
            assert!(decode(&stream, n).len() <= n);
        }
    }
}
