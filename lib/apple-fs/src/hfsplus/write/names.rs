//! Names as HFS+ stores them: decomposed, in UTF-16, with `:` and `/` changed.

use crate::{Error, Result};
use unicode_normalization::UnicodeNormalization;

/// The longest name, in UTF-16 units.
const MAX_NAME: usize = 255;

/// Characters that HFS+ leaves composed (TN1150: the ranges excluded from decomposition).
fn left_composed(c: char) -> bool {
    matches!(c, '\u{2000}'..='\u{2fff}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2faff}')
}

/// A POSIX name as it is stored.
pub(super) fn stored(name: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(name.len());
    let mut push = |c: char| {
        let c = if c == ':' { '/' } else { c };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    };
    for part in name.split_inclusive(left_composed) {
        let (rest, last) = match part.chars().next_back() {
            Some(c) if left_composed(c) => (part.strip_suffix(c).unwrap_or(part), Some(c)),
            _ => (part, None),
        };
        rest.nfd().for_each(&mut push);
        last.into_iter().for_each(&mut push);
    }
    units
}

/// A stored name as POSIX shows it.
pub(super) fn shown(units: &[u16]) -> String {
    let swap = |c| if c == '/' { ':' } else { c };
    char::decode_utf16(units.iter().copied())
        .map(|c| swap(c.unwrap_or(char::REPLACEMENT_CHARACTER)))
        .collect()
}

/// A name that another volume stores, as its reader shows it: back in its stored form, whatever that is.
pub(super) fn kept(name: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(name.len());
    for c in name.chars() {
        let c = if c == ':' { '/' } else { c };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    units
}

/// A name as it is stored, or why it cannot be one.
pub(super) fn checked(name: &str) -> Result<Vec<u16>> {
    if name == "." || name == ".." || name.contains('\0') {
        return Err(Error::Invalid(format!("{name:?} cannot be a file's name")));
    }
    let units = stored(name);
    if units.len() > MAX_NAME {
        return Err(Error::Invalid(format!(
            "a name of {} UTF-16 units is longer than {MAX_NAME}: {name}",
            units.len()
        )));
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        String::from_utf16(&stored(name)).unwrap()
    }

    #[test]
    fn names_are_decomposed_except_in_the_excluded_ranges() {
        assert_eq!(text("A\u{e7}a\u{ed}"), "Ac\u{327}ai\u{301}");
        assert_eq!(text("\u{d55c}"), "\u{1112}\u{1161}\u{11ab}");
        assert_eq!(text("\u{e9}\u{212b}\u{f900}\u{e9}"), "e\u{301}\u{212b}\u{f900}e\u{301}");
        assert_eq!(text("a:b"), "a/b");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        assert!(checked("..").is_err() && checked("a\0").is_err());
        assert!(checked(&"x".repeat(255)).is_ok() && checked(&"x".repeat(256)).is_err());
        assert!(checked(&"\u{e9}".repeat(128)).is_err(), "its length counts decomposed");
    }
}
