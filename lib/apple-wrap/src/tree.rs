//! Recognising Apple's device tree, which has no magic number.
//!
//! Only the start is looked at: a tree that is damaged further on is still a tree, and its own reader says what is
//! wrong with it. Layout: property and child counts, then properties of a 32-byte name, a length and a value.

use crate::u32_le;

/// More than any node of a real tree has, and few enough to keep random bytes out.
const MAX_PROPERTIES: u32 = 4096;
const MAX_CHILDREN: u32 = 65_536;
/// How many properties of the root are looked at.
const LOOK_AT: usize = 4;

pub(crate) fn looks_like_tree(data: &[u8]) -> bool {
    let (Some(properties), Some(children)) = (u32_le(data, 0), u32_le(data, 4)) else {
        return false;
    };
    if !(1..=MAX_PROPERTIES).contains(&properties) || children > MAX_CHILDREN {
        return false;
    }
    let wanted = LOOK_AT.min(usize::try_from(properties).unwrap_or(LOOK_AT));
    let mut rest = data.get(8..).unwrap_or_default();
    let mut good = 0usize;
    while good < wanted {
        let Some((name, after)) = rest.split_first_chunk::<32>() else {
            break;
        };
        if !is_name(name) {
            return false;
        }
        let Some(length) = u32_le(after, 0) else {
            break;
        };
        // Bit 31 marks a placeholder; the value is padded to 4 bytes.
        let length = (length & 0x7fff_ffff).saturating_add(3) & !3;
        let next = usize::try_from(length).ok().and_then(|n| n.checked_add(4));
        let Some(next) = next.and_then(|n| after.get(n..)) else {
            // A value beyond the end: of a cut-off tree if something good came before.
            break;
        };
        rest = next;
        good = good.saturating_add(1);
    }
    good > 0
}

/// At least one printable character, and nothing but zeros after them.
fn is_name(name: &[u8; 32]) -> bool {
    let end = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    let (text, fill) = name.split_at_checked(end).unwrap_or_default();
    !text.is_empty() && text.iter().all(|b| (b'!'..=b'~').contains(b)) && fill.iter().all(|b| *b == 0)
}

#[cfg(test)]
mod tests {
    use crate::{Kind, sniff};

    fn tree() -> Vec<u8> {
        let mut t = [2u32, 0].map(u32::to_le_bytes).concat();
        for (name, value) in [("compatible", &b"J1"[..]), ("name", b"device-tree\0")] {
            let mut field = [0; 32];
            field[..name.len()].copy_from_slice(name.as_bytes());
            t.extend(field);
            t.extend((value.len() as u32).to_le_bytes());
            t.extend(value);
            t.resize(t.len().next_multiple_of(4), 0);
        }
        t
    }

    #[test]
    fn a_tree_is_recognised_even_with_its_end_cut_off() {
        let tree = tree();
        assert_eq!(sniff(&tree), Kind::AppleDeviceTree);
        assert_eq!(sniff(&tree[..tree.len() - 20]), Kind::AppleDeviceTree);
        assert_eq!(sniff(&tree[..30]), Kind::Unknown);
    }

    #[test]
    fn names_that_are_not_text_are_no_tree() {
        let mut t = tree();
        t[8] = 0x07;
        assert_eq!(sniff(&t), Kind::Unknown);
        let mut t = tree();
        t[39] = b'x';
        assert_eq!(sniff(&t), Kind::Unknown);
    }
}
