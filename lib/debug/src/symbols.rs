//! Names of addresses.

use std::fmt;

/// Farther than this from a symbol, an address is not part of what the symbol names.
const REACH: u64 = 16 << 20;
/// Longest name shown.
const LONGEST: usize = 200;

/// A table of symbols, sorted by address.
#[derive(Debug, Clone, Default)]
pub struct Symbols(Vec<(u64, String)>);

/// An address as symbol and offset; displays as nothing when there is no name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near<'a> {
    /// The symbol at or before the address.
    pub symbol: Option<&'a str>,
    /// Bytes from the symbol to the address.
    pub offset: u64,
}

impl fmt::Display for Near<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.symbol, self.offset) {
            (None, _) => Ok(()),
            (Some(name), 0) => f.write_str(name),
            (Some(name), offset) => write!(f, "{name}+{offset:#x}"),
        }
    }
}

impl Symbols {
    /// A table of addresses and names in any order; of several names for an address the first stays.
    pub fn new(symbols: impl IntoIterator<Item = (u64, String)>) -> Self {
        let mut all: Vec<_> = symbols.into_iter().filter(|(_, name)| !name.is_empty()).collect();
        for (_, name) in &mut all {
            if let Some((at, _)) = name.char_indices().nth(LONGEST) {
                name.truncate(at);
            }
        }
        all.sort_by_key(|(address, _)| *address);
        all.dedup_by_key(|(address, _)| *address);
        Self(all)
    }

    /// From lines `ADDRESS NAME` or `ADDRESS TYPE NAME` (`nm`), addresses hexadecimal, with or without 0x. Lines of another
    /// form are passed over.
    pub fn parse(text: &str) -> Self {
        Self::new(text.lines().filter_map(|line| {
            let (address, rest) = line.trim().split_once(char::is_whitespace)?;
            let address = u64::from_str_radix(address.trim_start_matches("0x"), 16).ok()?;
            let rest = rest.trim();
            let name = match rest.split_once(char::is_whitespace) {
                Some((kind, name)) if kind.len() == 1 => name.trim(),
                _ => rest,
            };
            Some((address, name.to_owned()))
        }))
    }

    /// The same names, all `by` bytes higher (modulo 2^64): a kernel that slid.
    #[must_use]
    pub fn slid(mut self, by: u64) -> Self {
        self.0.iter_mut().for_each(|(address, _)| *address = address.wrapping_add(by));
        self.0.sort_by_key(|(address, _)| *address);
        self
    }

    /// All of them, by rising address.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &str)> {
        self.0.iter().map(|(address, name)| (*address, name.as_str()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name of exactly this address.
    pub fn exactly(&self, address: u64) -> Option<&str> {
        let near = self.near(address);
        near.symbol.filter(|_| near.offset == 0)
    }

    /// The symbol at or before an address.
    pub fn near(&self, address: u64) -> Near<'_> {
        let after = self.0.partition_point(|(at, _)| *at <= address);
        let found = after.checked_sub(1).and_then(|n| self.0.get(n));
        match found.filter(|(at, _)| address - at < REACH) {
            Some((at, name)) => Near { symbol: Some(name), offset: address - at },
            None => Near { symbol: None, offset: 0 },
        }
    }

    /// The address of a name, also without the underscore that C names have in Mach-O.
    pub fn address(&self, name: &str) -> Option<u64> {
        let same = |n: &str| n == name || n.strip_prefix('_') == Some(name);
        self.0.iter().find(|(_, n)| same(n)).map(|(address, _)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "fffffff007004000 text_start\n0xfffffff007008000 T _start\n\nnonsense\nfffffff00700a0a0 t -[a b]\n";

    #[test]
    fn addresses_have_the_name_before_them_and_an_offset() {
        let symbols = Symbols::parse(TEXT);
        assert_eq!(symbols.len(), 3);
        assert_eq!(symbols.near(0xffff_fff0_0700_8010).to_string(), "_start+0x10");
        assert_eq!(symbols.near(0xffff_fff0_0700_a0a0).to_string(), "-[a b]");
        assert_eq!(symbols.near(0xffff_fff0_0700_3fff).to_string(), "");
        assert_eq!(symbols.near(0xffff_ffff_ffff_ffff).to_string(), "", "too far from any symbol");
        assert_eq!(symbols.exactly(0xffff_fff0_0700_8010), None);
    }

    #[test]
    fn names_have_their_address_with_and_without_underscore() {
        let symbols = Symbols::parse(TEXT).slid(0x200_0000);
        assert_eq!(symbols.address("start"), Some(0xffff_fff0_0900_8000));
        assert_eq!(symbols.address("_start"), symbols.address("start"));
        assert_eq!(symbols.address("stop"), None);
    }
}
