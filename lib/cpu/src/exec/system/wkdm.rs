//! WKdm: the page compressor that Apple's kernels use, in software (XNU osfmk/arm64/WKdmCompress_16k.s) and, from A12 on,
//! as two instructions.
//!
//! Wilson and Kaplan, "The Case for Compressed Caching in Virtual Memory Systems", 1999, with XNU's variants: a page of
//! one value is only reported, a mostly zero page becomes a list of words. The algorithm is here; memory and registers
//! are [`super::apple`]'s.
//!
//! ```text
//! word 0   offset of the dictionary positions, in words     word 3    tags, two bits a word of the page, sixteen a word:
//! word 1   offset of the low bits                                     tag n in byte n % 4, bits 2 * (n / 4)
//! word 2   offset of the end                                then      words that missed the dictionary
//!                                                           then      positions, four bits each: n % 4, 4 * (n / 4)
//!                                                           then      low ten bits, three a word
//! ```
//! or the magic number 17185 and pairs of a word and its 16-bit offset in bytes, without padding.

/// Tags.
const ZERO: u8 = 0;
const PARTIAL: u8 = 1;
const MISS: u8 = 2;
const EXACT: u8 = 3;
/// First word of a mostly zero page.
const SPARSE: u32 = 17185;
/// Words of the header.
const HEADER: usize = 3;

/// Dictionary position of a word by its bits 17:10, four bits each: WKdm's hash table, as in XNU osfmk/arm64/WKdmData.s.
const POSITIONS: [u64; 16] = [
    0xf8ab_6c91_5734_e2d0,
    0x3aed_8bc6_94f1_5732,
    0xa21b_a965_8e7f_d4c2,
    0xa247_3ce4_6d91_b58f,
    0x82ca_efc6_5db1_3879,
    0x25c1_334d_6fe5_b197,
    0xbaf6_598a_e7b9_6f4d,
    0x549d_a873_e72c_184d,
    0xe5f4_7692_3be6_f12c,
    0x7f69_2e3a_bdb1_3ca8,
    0xbce4_1296_3fd4_581c,
    0x1bd4_ae67_9387_58da,
    0x26a1_79b8_53dc_c2f5,
    0xec73_5b6d_1a28_94fe,
    0x783a_26be_45cf_d1f4,
    0xebca_d279_f451_3869,
];

fn position(word: u32) -> usize {
    let n = (word >> 10 & 0xff) as usize;
    (POSITIONS[n / 16] >> (4 * (n % 16)) & 15) as usize
}

/// What became of a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Compressed {
    /// One value fills it.
    SingleValue,
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It does not fit.
    TooBig,
}

/// Compresses a page into at most `budget` bytes.
pub fn compress(page: &[u32], budget: usize) -> Compressed {
    let mut dictionary = [1u32; 16];
    let (mut tags, mut places) = (Vec::with_capacity(page.len()), Vec::new());
    let (mut misses, mut low_bits) = (Vec::new(), Vec::new());
    for &word in page {
        let at = position(word);
        let known = dictionary[at];
        if word == 0 {
            tags.push(ZERO);
        } else if word == known {
            tags.push(EXACT);
            places.push(at as u8);
        } else if word >> 10 == known >> 10 {
            tags.push(PARTIAL);
            places.push(at as u8);
            low_bits.push(word & 0x3ff);
            dictionary[at] = word;
        } else {
            tags.push(MISS);
            misses.push(word);
            dictionary[at] = word;
        }
    }
    if page.windows(2).all(|pair| pair[0] == pair[1]) {
        return Compressed::SingleValue;
    }
    let sparse = (misses.len() + places.len()) * 6 + 4;
    let packed = 4 * (HEADER + tags.len().div_ceil(16) + misses.len());
    let bytes = if sparse <= packed + places.len() / 2 + low_bits.len() * 4 / 3 {
        let mut bytes = SPARSE.to_le_bytes().to_vec();
        for (n, word) in page.iter().enumerate().filter(|(_, word)| **word != 0) {
            bytes.extend(word.to_le_bytes());
            bytes.extend((4 * n as u16).to_le_bytes());
        }
        bytes
    } else {
        let mut words = vec![0; HEADER];
        words.extend(pack_bytes(&tags, 2));
        words.extend(misses);
        words[0] = words.len() as u32;
        words.extend(pack_bytes(&places, 4));
        words[1] = words.len() as u32;
        let three = |t: &[u32]| t.iter().rev().fold(0, |word, bits| word << 10 | bits);
        words.extend(low_bits.chunks(3).map(three));
        words[2] = words.len() as u32;
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    };
    if bytes.len() > budget { Compressed::TooBig } else { Compressed::Bytes(bytes) }
}

/// Words of small values: value n in byte n % 4, `width * (n / 4)` bits up.
fn pack_bytes(values: &[u8], width: u32) -> impl Iterator<Item = u32> {
    values.chunks(32 / width as usize).map(move |some| {
        some.iter().enumerate().fold(0, |word, (n, &value)| {
            word | u32::from(value) << (8 * (n as u32 % 4) + width * (n as u32 / 4))
        })
    })
}

fn unpack_bytes(words: &[u32], width: u32) -> impl Iterator<Item = u8> {
    let mask = (1u32 << width) - 1;
    words.iter().flat_map(move |word| {
        (0..32 / width).map(move |n| (word >> (8 * (n % 4) + width * (n / 4)) & mask) as u8)
    })
}

/// Decompresses into a page of `words` words; None for what no page compresses to.
pub fn decompress(bytes: &[u8], words: usize) -> Option<Vec<u32>> {
    let word_at = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    if word_at(0)? == SPARSE {
        let mut page = vec![0; words];
        let mut at = 4;
        // The list's end is nowhere said: a zero word ends it.
        while let (Some(word @ 1..), Some(low), Some(high)) =
            (word_at(at), bytes.get(at + 4), bytes.get(at + 5))
        {
            let offset = usize::from(u16::from_le_bytes([*low, *high]));
            *page.get_mut(offset / 4)? = word;
            at += 6;
        }
        return Some(page);
    }
    let all: Vec<u32> = (0..bytes.len() / 4).filter_map(|n| word_at(4 * n)).collect();
    let end = |n: usize| all.get(n).map(|&w| w as usize);
    let tags_end = HEADER + words.div_ceil(16);
    let (places, low_bits, last) = (end(0)?, end(1)?, end(2)?);
    let tags = unpack_bytes(all.get(HEADER..tags_end)?, 2).take(words);
    let mut misses = all.get(tags_end..places)?.iter().copied();
    let mut places = unpack_bytes(all.get(places..low_bits)?, 4);
    let mut low_bits =
        all.get(low_bits..last)?.iter().flat_map(|w| [w & 0x3ff, w >> 10 & 0x3ff, w >> 20 & 0x3ff]);
    let mut dictionary = [1u32; 16];
    tags.map(|tag| {
        Some(match tag {
            ZERO => 0,
            MISS => {
                let word = misses.next()?;
                dictionary[position(word)] = word;
                word
            }
            tag => {
                let known = &mut dictionary[usize::from(places.next()? & 15)];
                if tag == PARTIAL {
                    *known = *known & !0x3ff | low_bits.next()?;
                }
                *known
            }
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: usize = 4096;

    fn round_trip(page: &[u32]) -> usize {
        let Compressed::Bytes(mut bytes) = compress(page, 1 << 20) else { panic!("{:?}", &page[..8]) };
        let len = bytes.len();
        bytes.resize(0x4000, 0);
        assert!(decompress(&bytes, WORDS).as_deref() == Some(page));
        len
    }

    #[test]
    fn the_position_of_zero_is_zero_and_all_sixteen_occur() {
        assert_eq!((position(0), position(1 << 10)), (0, 13));
        let seen = (0..256u32).fold(0u32, |seen, n| seen | 1 << position(n << 10));
        assert_eq!(seen, 0xffff);
    }

    #[test]
    fn pages_come_back_as_they_were() {
        let pointers: Vec<u32> = (0..WORDS as u32).map(|n| 0x8000_0000 + (n % 7) * 0x400 + n % 5).collect();
        assert!(round_trip(&pointers) < 0x3000);
        let sparse: Vec<u32> = (0..WORDS as u32).map(|n| if n % 800 == 9 { n } else { 0 }).collect();
        assert_eq!(round_trip(&sparse), 4 + 6 * 6);
        let text: Vec<u32> = (0..WORDS as u32).map(|n| (n / 3 % 61) * 0x0101_0101 + n % 3).collect();
        round_trip(&text);
    }

    #[test]
    fn a_page_of_one_value_is_said_to_be_one_and_noise_does_not_fit() {
        for value in [0, 1, 7, 0xdead_beef] {
            assert_eq!(compress(&[value; WORDS], 0x4000), Compressed::SingleValue);
        }
        let noise: Vec<u32> = (0..WORDS as u32).map(|n| n.wrapping_mul(0x9e37_79b9) ^ 0x5555_0000).collect();
        assert_eq!(compress(&noise, 0x3000), Compressed::TooBig);
    }

    #[test]
    fn damaged_input_is_refused_or_gives_some_page() {
        let page: Vec<u32> = (0..WORDS as u32).map(|n| n * 3).collect();
        let Compressed::Bytes(bytes) = compress(&page, 1 << 20) else { panic!() };
        for at in 0..bytes.len().min(64) {
            let mut bad = bytes.clone();
            bad[at] ^= 0x81;
            _ = decompress(&bad, WORDS);
            _ = decompress(&bytes[..at], WORDS);
        }
        assert_eq!(decompress(&[], WORDS), None);
        assert_eq!(decompress(&[0xff; 64], WORDS), None);
    }
}
