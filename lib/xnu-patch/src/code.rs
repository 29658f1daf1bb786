//! What can be read off A64 code without running it: where functions begin, where branches go, which code refers to
//! an address.

use crate::image::{Code, Image};
use crate::pattern::Words;

const PACIBSP: u32 = 0xd503_237f;
/// Farthest back that a function's start is looked for.
const LONGEST_FUNCTION: usize = 1 << 16;
/// Farthest that ADD may follow the ADRP of its register.
const NEAR: usize = 16;

/// The target of a branch at instruction `n`, as an instruction number that may lie outside.
fn branch(word: u32, n: usize) -> Option<i64> {
    let n = i64::try_from(n).ok()?;
    // The immediate at the top of a word, brought down with its sign.
    let offset = if word & 0x7c00_0000 == 0x1400_0000 {
        (word << 6) as i32 >> 6
    } else if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
        (word << 8) as i32 >> 13
    } else if word & 0x7e00_0000 == 0x3600_0000 {
        (word << 13) as i32 >> 18
    } else {
        return None;
    };
    n.checked_add(offset.into())
}

/// Whether nothing runs on after this word: B, BR, RET in all their forms, and what is no instruction.
fn ends(word: u32) -> bool {
    let jump = word & 0xfc00_0000 == 0x1400_0000;
    // BR, RET, BRAA and so on: all but the calls (opc 0001) and what returns from exceptions.
    let register = word & 0xfe00_0000 == 0xd600_0000 && word >> 21 & 0xf != 1 && word >> 21 & 0xf != 9;
    jump || register || word == 0 || word & 0xffe0_001f == 0xd420_0000
}

/// A call or jump's target address, for BL and B.
pub fn target(code: &Code<'_>, n: usize) -> Option<u64> {
    let word = code.word(n)?;
    if word & 0x7c00_0000 != 0x1400_0000 {
        return None;
    }
    let offset = branch(word, n)?.checked_sub(i64::try_from(n).ok()?)?.checked_mul(4)?;
    Some(code.at(n).wrapping_add_signed(offset))
}

/// The word that jumps where the conditional branch `word` may go.
pub fn unconditional(word: u32) -> Option<u32> {
    if word & 0x7c00_0000 == 0x1400_0000 {
        return None;
    }
    let offset = branch(word, 0)?;
    Some(0x1400_0000 | (offset as u32) & 0x3ff_ffff)
}

/// Whether a function may begin with this word: it makes a frame or signs the return address.
fn opens(word: u32) -> bool {
    let saves_link = word & 0xfe40_7fff == 0xa800_7bfd;
    word == PACIBSP || saves_link
}

/// Whether the word belongs to what precedes the saving of the link register: other pairs stored, room made.
fn belongs_to_opening(word: u32) -> bool {
    let pair_to_stack = word & 0x3a40_03e0 == 0x2800_03e0;
    let room = word & 0xff80_03ff == 0xd100_03ff;
    pair_to_stack || room || word == PACIBSP
}

/// The first instruction of the function that instruction `n` is in.
///
/// Back from `n` the nearest PACIBSP, or saving of x29 and x30 with what belongs to it, is a candidate. From there the code
/// must run on to `n`: if an instruction that ends a path comes with no branch seen to beyond it, the function ends
/// there, and `n` is in one without a frame that begins after it.
pub fn function(code: &Code<'_>, n: usize) -> Option<usize> {
    let low = n.saturating_sub(LONGEST_FUNCTION);
    let mut start = (low..=n).rev().find(|at| code.word(*at).is_some_and(opens))?;
    if code.word(start)? != PACIBSP {
        while let Some(before) = start.checked_sub(1).filter(|b| *b >= low)
            && code.word(before).is_some_and(belongs_to_opening)
        {
            start = before;
        }
    }
    let mut reach = i64::try_from(start).ok()?;
    let mut first = start;
    for at in start..n {
        let word = code.word(at)?;
        let here = i64::try_from(at).ok()?;
        if word & 0xfc00_0000 != 0x9400_0000
            && word & 0xfc00_0000 != 0x1400_0000
            && let Some(to) = branch(word, at)
        {
            reach = reach.max(to);
        }
        if ends(word) && reach <= here {
            first = at.saturating_add(1);
            reach = i64::try_from(first).ok()?;
        }
    }
    Some(first)
}

/// Calls `found` with the number of each instruction that makes `address` by ADR or by ADRP and ADD: for the pair, the ADRP's.
pub fn references(code: &Code<'_>, address: u64, mut found: impl FnMut(usize)) {
    // For each register: the page that ADRP put there, and where.
    let mut pages = [(0u64, usize::MAX); 32];
    for n in 0..code.len() {
        let Some(word) = code.word(n) else { return };
        let rd = (word & 31) as usize;
        match word & 0x9f00_0000 {
            0x9000_0000 => {
                let immediate = i64::from((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3) << 43 >> 31;
                if let Some(slot) = pages.get_mut(rd) {
                    *slot = ((code.at(n) & !0xfff).wrapping_add_signed(immediate), n);
                }
            }
            0x1000_0000 => {
                let immediate = i64::from((word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3) << 43 >> 43;
                if code.at(n).wrapping_add_signed(immediate) == address {
                    found(n);
                }
            }
            _ if word & 0xff80_0000 == 0x9100_0000 => {
                let page = pages.get((word >> 5 & 31) as usize).copied().unwrap_or_default();
                let shift = if word >> 22 & 1 != 0 { 12 } else { 0 };
                let sum = page.0.wrapping_add(u64::from(word >> 10 & 0xfff) << shift);
                if page.1 != usize::MAX && n.saturating_sub(page.1) <= NEAR && sum == address {
                    found(page.1);
                }
            }
            _ => {}
        }
    }
}

/// Addresses of BL and B instructions that go to `address`, at most `most`.
pub fn callers(image: &Image<'_>, address: u64, most: usize) -> Vec<u64> {
    let all = image
        .code()
        .iter()
        .flat_map(|c| (0..c.len()).filter(move |n| target(c, *n) == Some(address)).map(move |n| c.at(n)));
    all.take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RET: u32 = 0xd65f_03c0;
    const NOP: u32 = 0xd503_201f;

    fn code(bytes: &[u8]) -> Code<'_> {
        Code { address: 0xffff_fff0_0700_8000, segment: "__TEXT_EXEC", bytes }
    }

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn functions_begin_with_what_makes_their_frame() {
        // sub sp, sp, #0x30; stp x20, x19, [sp, #0x10]; stp x29, x30, [sp, #0x20]; nop; ret
        let b = bytes(&[RET, 0xd100_c3ff, 0xa901_4ff4, 0xa902_7bfd, NOP, RET]);
        assert_eq!(function(&code(&b), 4), Some(1));
        // pacibsp; stp x29, x30, [sp, #-0x10]!; nop
        let b = bytes(&[NOP, RET, PACIBSP, 0xa9bf_7bfd, NOP]);
        assert_eq!(function(&code(&b), 4), Some(2));
        assert_eq!(function(&code(&b), 0), None);
    }

    #[test]
    fn a_return_in_the_middle_does_not_end_a_function_but_the_last_one_does() {
        // pacibsp; cbz x0, +3; ret; nop(dead); nop; ret; then a function without frame: mov w0, #1; ret
        let b = bytes(&[PACIBSP, 0xb400_0060, RET, NOP, NOP, RET, 0x5280_0020, RET]);
        assert_eq!(function(&code(&b), 4), Some(0));
        assert_eq!(function(&code(&b), 6), Some(6));
        assert_eq!(function(&code(&b), 7), Some(6));
    }

    #[test]
    fn references_are_adrp_with_add_and_adr() {
        let base = 0xffff_fff0_0700_8000u64;
        // adrp x1, -1 page; nop; add x1, x1, #0x123; adr x2, .+8; adrp x3, ...; add x4, x5 (another register)
        let b = bytes(&[0xf0ff_ffe1, NOP, 0x9104_8c21, 0x1000_0042, 0xf0ff_ffe3, 0x9104_8ca4]);
        let mut hits = Vec::new();
        references(&code(&b), base - 0x1000 + 0x123, |n| hits.push(n));
        assert_eq!(hits, [0]);
        let mut hits = Vec::new();
        references(&code(&b), base + 12 + 8, |n| hits.push(n));
        assert_eq!(hits, [3]);
    }

    #[test]
    fn conditional_branches_can_be_made_to_be_taken() {
        assert_eq!(unconditional(0x3400_0088), Some(0x1400_0004), "cbz w8, +4");
        assert_eq!(unconditional(0x3607_ffe8), Some(0x17ff_ffff), "tbz w8, #0, -1");
        assert_eq!(unconditional(0x5400_0040), Some(0x1400_0002), "b.eq +2");
        assert_eq!(unconditional(0x1400_0002), None);
        assert_eq!(unconditional(NOP), None);
    }
}
