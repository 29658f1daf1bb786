//! The order of names that compare without case: HFS+'s own folding, frozen with its first version.
//!
//! Each UTF-16 unit is folded alone; some are ignored. What is not listed stays as it is. The ranges are those of the
//! lower-case table of technical note TN1150 (`FastUnicodeCompare`), which is Unicode's simple case mapping of 1996
//! for characters without a decomposition, with Georgian folded to its later letters.

/// First, last, step, what is added.
#[rustfmt::skip]
const RANGES: &[(u16, u16, u16, u16)] = &[
    (0x0041, 0x005a, 1, 32), (0x00c6, 0x00c6, 1, 32), (0x00d0, 0x00d0, 1, 32), (0x00d8, 0x00d8, 1, 32),
    (0x00de, 0x00de, 1, 32), (0x0110, 0x0110, 1, 1), (0x0126, 0x0126, 1, 1), (0x0132, 0x0132, 1, 1),
    (0x013f, 0x0141, 2, 1), (0x014a, 0x014a, 1, 1), (0x0152, 0x0152, 1, 1), (0x0166, 0x0166, 1, 1),
    (0x0181, 0x0181, 1, 210), (0x0182, 0x0184, 2, 1), (0x0186, 0x0186, 1, 206), (0x0187, 0x0187, 1, 1),
    (0x0189, 0x018a, 1, 205), (0x018b, 0x018b, 1, 1), (0x018e, 0x018e, 1, 79), (0x018f, 0x018f, 1, 202),
    (0x0190, 0x0190, 1, 203), (0x0191, 0x0191, 1, 1), (0x0193, 0x0193, 1, 205), (0x0194, 0x0194, 1, 207),
    (0x0196, 0x0196, 1, 211), (0x0197, 0x0197, 1, 209), (0x0198, 0x0198, 1, 1), (0x019c, 0x019c, 1, 211),
    (0x019d, 0x019d, 1, 213), (0x019f, 0x019f, 1, 214), (0x01a2, 0x01a4, 2, 1), (0x01a7, 0x01a7, 1, 1),
    (0x01a9, 0x01a9, 1, 218), (0x01ac, 0x01ac, 1, 1), (0x01ae, 0x01ae, 1, 218), (0x01b1, 0x01b2, 1, 217),
    (0x01b3, 0x01b5, 2, 1), (0x01b7, 0x01b7, 1, 219), (0x01b8, 0x01b8, 1, 1), (0x01bc, 0x01bc, 1, 1),
    (0x01c4, 0x01c4, 1, 2), (0x01c5, 0x01c5, 1, 1), (0x01c7, 0x01c7, 1, 2), (0x01c8, 0x01c8, 1, 1),
    (0x01ca, 0x01ca, 1, 2), (0x01cb, 0x01cb, 1, 1), (0x01e4, 0x01e4, 1, 1), (0x01f1, 0x01f1, 1, 2),
    (0x01f2, 0x01f2, 1, 1), (0x0391, 0x03a1, 1, 32), (0x03a3, 0x03a9, 1, 32), (0x03e2, 0x03ee, 2, 1),
    (0x0402, 0x0404, 2, 80), (0x0405, 0x0406, 1, 80), (0x0408, 0x040b, 1, 80), (0x040f, 0x040f, 1, 80),
    (0x0410, 0x0418, 1, 32), (0x041a, 0x042f, 1, 32), (0x0460, 0x0474, 2, 1), (0x0478, 0x0480, 2, 1),
    (0x0490, 0x04be, 2, 1), (0x04c3, 0x04c3, 1, 1), (0x04c7, 0x04c7, 1, 1), (0x04cb, 0x04cb, 1, 1),
    (0x0531, 0x0556, 1, 48), (0x10a0, 0x10c5, 1, 48), (0x2160, 0x216f, 1, 16), (0xff21, 0xff3a, 1, 32),
];

/// A unit as it is compared; `None` for one that is ignored.
fn unit(c: u16) -> Option<u16> {
    match c {
        // NUL, which the folder of linked files has in its name, goes behind everything.
        0 => return Some(0xffff),
        0x200c..=0x200f | 0x202a..=0x202e | 0x206a..=0x206f | 0xfeff => return None,
        _ => {}
    }
    let i = RANGES.partition_point(|r| r.1 < c);
    match RANGES.get(i) {
        Some(&(first, _, step, add)) if c >= first && (c - first).is_multiple_of(step) => {
            Some(c.wrapping_add(add))
        }
        _ => Some(c),
    }
}

/// A name as it is compared: such sequences are equal when the names are, and in the order of the names.
pub(crate) fn fold(units: &[u16]) -> Vec<u16> {
    units.iter().filter_map(|&c| unit(c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(s: &str) -> Vec<u16> {
        fold(&s.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn names_that_differ_in_case_or_in_ignored_characters_are_equal() {
        for (a, b) in [
            ("README", "readme"),
            ("\u{c6}\u{de}", "\u{e6}\u{fe}"),
            ("\u{391}\u{3a9}", "\u{3b1}\u{3c9}"),
            ("\u{416}\u{42f}\u{480}", "\u{436}\u{44f}\u{481}"),
            ("a\u{200d}b\u{feff}", "ab"),
            ("\u{ff21}\u{10a0}\u{1c4}", "\u{ff41}\u{10d0}\u{1c6}"),
        ] {
            assert_eq!(folded(a), folded(b), "{a} {b}");
        }
        for (a, b) in [("a", "b"), ("\u{df}", "ss"), ("\u{3c2}", "\u{3c3}"), ("\u{1e00}", "\u{1e01}")] {
            assert_ne!(folded(a), folded(b), "{a} {b}");
        }
        assert!(folded("z") < folded("\0") && folded("B") < folded("c") && folded("_") < folded("A"));
    }

    #[test]
    fn the_ranges_are_in_order() {
        assert!(RANGES.iter().all(|r| r.0 <= r.1 && (r.1 - r.0) % r.2 == 0));
        assert!(RANGES.is_sorted_by(|a, b| a.1 < b.0));
    }
}
