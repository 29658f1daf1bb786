//! What a line of the table is, and the way from an instruction word to its line.
//!
//! The lookup is two array reads and a short scan: the first level is indexed by bits 31:21, crowded entries are
//! divided again by bits 15:10. Both levels are computed by the compiler from the table, so there is nothing to
//! keep in step.

use crate::op::Op;
use crate::table::{ALL, COUNT, ENCODINGS};

/// The architectural feature that brought an encoding. A CPU model without it treats the word as undefined, except
/// in the hint space (see [`Encoding::is_hint`]), where it is a NOP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Feature {
    /// Armv8.0 integer and system instructions.
    Base,
    /// FEAT_FP: scalar floating-point.
    Fp,
    /// FEAT_AdvSIMD.
    AdvSimd,
    /// FEAT_CRC32.
    Crc32,
    /// FEAT_LSE: large system extensions (atomics).
    Lse,
    /// FEAT_LOR: limited ordering regions.
    Lor,
    /// FEAT_RDM: rounding double multiply accumulate.
    Rdm,
    /// FEAT_FP16: half-precision arithmetic.
    Fp16,
    /// FEAT_AES. The 64-bit form of PMULL is FEAT_PMULL and is not told apart here: its line is `AdvSimd`.
    Aes,
    /// FEAT_SHA1.
    Sha1,
    /// FEAT_SHA256.
    Sha256,
    /// FEAT_SHA512.
    Sha512,
    /// FEAT_SHA3.
    Sha3,
    /// FEAT_SM3.
    Sm3,
    /// FEAT_SM4.
    Sm4,
    /// FEAT_DotProd.
    DotProd,
    /// FEAT_FHM: half-precision multiply into single precision.
    Fhm,
    /// FEAT_JSCVT.
    Jscvt,
    /// FEAT_FCMA: complex numbers.
    Fcma,
    /// FEAT_PAuth.
    Pauth,
    /// FEAT_LRCPC.
    Lrcpc,
    /// FEAT_LRCPC2.
    Lrcpc2,
    /// FEAT_FlagM.
    FlagM,
    /// FEAT_FlagM2.
    FlagM2,
    /// FEAT_FRINTTS.
    Frintts,
    /// FEAT_I8MM.
    I8mm,
    /// FEAT_BF16.
    Bf16,
    /// FEAT_BTI.
    Bti,
    /// FEAT_SB.
    Sb,
    /// FEAT_RAS.
    Ras,
    /// Apple's own instructions.
    Apple,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Encoding {
    /// Arm's name of the encoding, such as `ADD_64_addsub_shift`.
    pub name: &'static str,
    /// The fixed bits.
    pub mask: u32,
    /// Their values.
    pub value: u32,
    /// What it does.
    pub op: Op,
    /// What a CPU must have to execute it.
    pub feature: Feature,
    /// Template of the disassembly text, see [`crate::disassemble`].
    pub text: &'static str,
    /// Patterns (mask, value) of reserved field values: a word that matches one is unallocated.
    pub reserved: &'static [(u32, u32)],
}

pub(crate) const fn e(
    name: &'static str,
    mask: u32,
    value: u32,
    op: Op,
    feature: Feature,
    text: &'static str,
    reserved: &'static [(u32, u32)],
) -> Encoding {
    Encoding { name, mask, value, op, feature, text, reserved }
}

impl Encoding {
    /// Whether `word` is this encoding, as far as this line alone can tell (a more specific line may claim it).
    #[inline]
    pub fn matches(&self, word: u32) -> bool {
        word & self.mask == self.value && !self.is_reserved(word)
    }

    /// Whether `word` has a reserved field value.
    #[inline]
    fn is_reserved(&self, word: u32) -> bool {
        self.reserved.iter().any(|&(mask, value)| word & mask == value)
    }

    /// Whether the encoding lies in the hint space, where CPUs without the feature execute NOP.
    pub fn is_hint(&self) -> bool {
        self.value & 0xffff_f01f == 0xd503_201f
    }

    /// Arm's class name: the last part of the name but for its suffixes, `addsub_shift` for instance.
    pub fn mnemonic(&self) -> &'static str {
        match self.name.find('_') {
            Some(end) => self.name.get(..end).unwrap_or(self.name),
            None => self.name,
        }
    }
}

/// The line that `word` belongs to, or `None` for an unallocated word, which is UNDEFINED.
///
/// Where two lines match, the one with more fixed bits has it: `NOP` before `HINT`.
#[inline]
pub fn decode(word: u32) -> Option<&'static Encoding> {
    let mut slot = INDEX.first[(word >> 21) as usize];
    if slot & SPLIT != 0 {
        slot = *INDEX.second.get((slot & !SPLIT) as usize + (word >> 10 & 63) as usize)?;
    }
    let (start, len) = ((slot & 0xffff) as usize, (slot >> 16) as usize);
    INDEX.list.get(start..start + len)?.iter().map(|&id| &ENCODINGS[id as usize]).find(|e| e.matches(word))
}

/// Set in a first-level slot that points to 64 second-level slots.
const SPLIT: u32 = 1 << 31;
/// Lists longer than this are divided by bits 15:10.
const CROWDED: u32 = 8;
const SECOND: usize = 8192;
const LIST: usize = 10240;

/// `first` by bits 31:21; a slot is `length << 16 | start` in `list`, or [`SPLIT`] and a position in `second`.
struct Index {
    first: [u32; 2048],
    second: [u32; SECOND],
    list: [u16; LIST],
}

static INDEX: Index = build();

/// Lays the lists out, encodings with more fixed bits first within each.
#[allow(long_running_const_eval, reason = "some 300,000 steps in the compiler")]
const fn build() -> Index {
    let order = by_fixed_bits();
    let mut index = Index { first: [0; 2048], second: [0; SECOND], list: [0; LIST] };
    // How many encodings each first-level slot has, then where its list starts.
    let mut len = [0u32; 2048];
    walk(&order, &mut len, None);
    let mut cursor = [0u32; 2048];
    let (mut used, mut splits, mut top) = (0u32, 0u32, 0);
    while top < 2048 {
        cursor[top] = used;
        index.first[top] = len[top] << 16 | used;
        used += len[top];
        top += 1;
    }
    walk(&order, &mut cursor, Some(&mut index.list));
    // The crowded ones once more, divided.
    top = 0;
    while top < 2048 {
        if len[top] > CROWDED {
            let (from, to) = (cursor[top] - len[top], cursor[top]);
            index.first[top] = SPLIT | splits;
            let mut low = 0;
            while low < 64 {
                let start = used;
                let mut i = from;
                while i < to {
                    let id = index.list[i as usize];
                    let e = &ALL[id as usize];
                    if (low << 10 ^ e.value) & e.mask & 0xfc00 == 0 {
                        index.list[used as usize] = id;
                        used += 1;
                    }
                    i += 1;
                }
                index.second[(splits + low) as usize] = (used - start) << 16 | start;
                low += 1;
            }
            splits += 64;
        }
        top += 1;
    }
    index
}

/// Visits every first-level slot of every encoding: advances the slot's cursor and, given a list, notes the encoding there.
const fn walk(order: &[u16; COUNT], cursor: &mut [u32; 2048], mut list: Option<&mut [u16; LIST]>) {
    let mut n = 0;
    while n < COUNT {
        let e = &ALL[order[n] as usize];
        let (value, free) = (e.value >> 21, !e.mask >> 21);
        let mut sub = free;
        loop {
            let slot = (value | sub) as usize;
            if let Some(list) = &mut list {
                list[cursor[slot] as usize] = order[n];
            }
            cursor[slot] += 1;
            if sub == 0 {
                break;
            }
            sub = (sub - 1) & free;
        }
        n += 1;
    }
}

/// Indexes of [`ALL`], most fixed bits first.
const fn by_fixed_bits() -> [u16; COUNT] {
    let mut order = [0u16; COUNT];
    let (mut used, mut bits) = (0, 33);
    while bits > 0 {
        bits -= 1;
        let mut n = 0;
        while n < COUNT {
            if ALL[n].mask.count_ones() == bits {
                order[used] = n as u16;
                used += 1;
            }
            n += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests;
