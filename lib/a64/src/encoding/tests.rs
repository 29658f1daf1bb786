extern crate std;

use super::*;
use std::collections::BTreeSet;
use std::vec::Vec;

/// A deterministic stand-in for random words.
fn words(seed: u32) -> impl Iterator<Item = u32> {
    let mut x = 0x9e37_79b9u32 ^ seed;
    core::iter::from_fn(move || {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        Some(x)
    })
}

#[test]
fn values_lie_within_masks_and_names_are_unique() {
    let names: BTreeSet<_> = ENCODINGS.iter().map(|e| e.name).collect();
    assert_eq!(names.len(), ENCODINGS.len());
    for e in ENCODINGS {
        assert_eq!(e.value & !e.mask, 0, "{}", e.name);
        for (mask, value) in e.reserved {
            assert_eq!((mask & e.mask, value & !mask), (0, 0), "{}", e.name);
        }
    }
}

#[test]
fn every_line_decodes_to_itself() {
    for (n, e) in ENCODINGS.iter().enumerate() {
        let mut seen = 0;
        for w in words(n as u32).take(4000) {
            let w = w & !e.mask | e.value;
            if e.is_reserved(w) {
                continue;
            }
            let got = decode(w).expect(e.name);
            // A more specific line may own some words of a general one.
            if got.name == e.name {
                seen += 1;
            } else {
                assert!(got.mask & e.mask == e.mask, "{w:08x}: {} or {}", e.name, got.name);
            }
        }
        assert!(seen > 0, "{} owns no word", e.name);
    }
}

#[test]
fn no_two_lines_overlap_without_one_being_more_specific() {
    for (n, a) in ENCODINGS.iter().enumerate() {
        for b in &ENCODINGS[..n] {
            let (mask, value) = (a.mask | b.mask, a.value | b.value);
            let disjoint = (a.value ^ b.value) & a.mask & b.mask != 0;
            let nested = a.mask != b.mask && (mask == a.mask || mask == b.mask);
            let kept_apart =
                a.reserved.iter().chain(b.reserved).any(|(m, v)| m & !mask == 0 && value & m == *v);
            assert!(disjoint || nested || kept_apart, "{} and {}", a.name, b.name);
        }
    }
}

#[test]
fn index_finds_what_a_plain_search_finds() {
    for w in words(1).take(20_000) {
        let plain: Vec<_> = ENCODINGS.iter().filter(|e| e.matches(w)).collect();
        let best = plain.iter().max_by_key(|e| e.mask.count_ones());
        assert_eq!(decode(w).map(|e| e.name), best.map(|e| e.name), "{w:08x}");
    }
}

#[test]
fn known_words_have_their_encodings() {
    let name = |w| decode(w).map(|e| e.name);
    assert_eq!(name(0x9100_0400), Some("ADD_64_addsub_imm"));
    assert_eq!(name(0xd503_201f), Some("NOP_HI_hints"));
    assert_eq!(name(0xd503_27ff), Some("HINT_HM_hints"));
    assert_eq!(name(0xd65f_03c0), Some("RET_64R_branch_reg"));
    assert_eq!(name(0x0000_0000), Some("UDF_only_perm_undef"));
    assert_eq!(name(0x0020_1400), Some("GEXIT_apple"));
    assert_eq!(name(0x4f00_e7e0), Some("MOVI_asimdimm_N_b"));
}

#[test]
fn unallocated_words_have_none() {
    for w in [
        0xffff_ffff,
        0x1e00_0020,           // ADD-like with ftype of no type
        0x0b20_1400,           // ADD (extended register) by more than 4
        0x9240_fc00,           // AND with an all-ones immediate
        0x0f00_0400 | 1 << 22, // SSHR of doublewords in 64 bits
        0x0400_0000,           // SVE
        0xc000_0000,           // SME
    ] {
        assert_eq!(decode(w).map(|e| e.name), None, "{w:08x}");
    }
}
