//! Symbols: `LC_SYMTAB` and its `nlist_64` entries (`EXTERNAL_HEADERS/mach-o/nlist.h`).

use crate::image::u32_le;

/// Size of an `nlist_64`.
const ENTRY: usize = 16;
/// Symbol names of C++ are long; longer than this is damage.
const MAX_NAME: usize = 4096;
/// `n_type` bits that mark a debugger's entry.
const N_STAB: u8 = 0xe0;
/// `n_type` bits of the type, and the type "defined in a section".
const N_TYPE: u8 = 0x0e;
const N_SECT: u8 = 0x0e;

/// Where the symbols are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symtab {
    /// File offset of the entries.
    pub symoff: u32,
    /// How many there are.
    pub nsyms: u32,
    /// File offset of the names.
    pub stroff: u32,
    /// Bytes of the names.
    pub strsize: u32,
}

/// A symbol that is defined in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Name, with the leading underscore that C names have.
    pub name: &'a str,
    /// Virtual address.
    pub vmaddr: u64,
    /// Whether other files may refer to it.
    pub external: bool,
}

/// What an entry of the symbol table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// Defined elsewhere.
    Undefined,
    /// A number that is no place.
    Absolute,
    /// A place in the section of this number, counted from 1 over all segments.
    Section(u8),
    /// Another name for a symbol.
    Indirect,
    /// A debugger's entry: its `n_type`.
    Debug(u8),
    /// None of these: its `n_type`.
    Other(u8),
}

/// An entry of the symbol table, whatever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolEntry<'a> {
    /// Name; bytes that are not UTF-8 are escaped.
    pub name: std::borrow::Cow<'a, str>,
    /// Address or number.
    pub value: u64,
    /// What it is.
    pub kind: SymbolKind,
    /// Whether other files may refer to it.
    pub external: bool,
}

/// The defined symbols of an image, in file order.
#[derive(Debug, Clone)]
pub struct Symbols<'a> {
    entries: std::slice::ChunksExact<'a, u8>,
    names: &'a [u8],
}

impl<'a> Symbols<'a> {
    pub(crate) fn new(file: &'a [u8], symtab: Option<Symtab>) -> Symbols<'a> {
        let part = |offset: u32, size: u64| {
            let start = usize::try_from(offset).ok()?;
            let rest = file.get(start..)?;
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            rest.get(..size.min(rest.len()))
        };
        let (entries, names) = symtab
            .and_then(|s| {
                let entries = part(s.symoff, u64::from(s.nsyms).saturating_mul(ENTRY as u64))?;
                Some((entries, part(s.stroff, s.strsize.into())?))
            })
            .unwrap_or_default();
        Symbols { entries: entries.chunks_exact(ENTRY), names }
    }
}

impl<'a> Symbols<'a> {
    /// Every entry that is left, undefined symbols and debugger's entries too.
    pub fn entries(self) -> impl Iterator<Item = SymbolEntry<'a>> {
        let names = self.names;
        self.entries.filter_map(move |entry| {
            let at = usize::try_from(u32_le(entry, 0)?).ok()?;
            let (kind, section) = (*entry.get(4)?, *entry.get(5)?);
            let value = u64::from_le_bytes(*entry.get(8..)?.first_chunk()?);
            let rest = names.get(at..).unwrap_or_default();
            let rest = rest.get(..rest.len().min(MAX_NAME)).unwrap_or_default();
            let name = rest.split(|b| *b == 0).next().unwrap_or_default();
            let name = match std::str::from_utf8(name) {
                Ok(name) => name.into(),
                Err(_) => name.escape_ascii().to_string().into(),
            };
            let external = kind & 1 != 0;
            let kind = match kind {
                k if k & N_STAB != 0 => SymbolKind::Debug(k),
                k => match k & N_TYPE {
                    0x0 | 0xc => SymbolKind::Undefined,
                    0x2 => SymbolKind::Absolute,
                    0xa => SymbolKind::Indirect,
                    N_SECT => SymbolKind::Section(section),
                    _ => SymbolKind::Other(k),
                },
            };
            Some(SymbolEntry { name, value, kind, external })
        })
    }
}

impl<'a> Iterator for Symbols<'a> {
    type Item = Symbol<'a>;

    fn next(&mut self) -> Option<Symbol<'a>> {
        loop {
            let entry = self.entries.next()?;
            let kind = *entry.get(4)?;
            if kind & N_STAB != 0 || kind & N_TYPE != N_SECT {
                continue;
            }
            let at = usize::try_from(u32_le(entry, 0)?).ok()?;
            let rest = self.names.get(at..).unwrap_or_default();
            let end = rest.iter().take(MAX_NAME).position(|b| *b == 0);
            let Some(name) = end.and_then(|n| rest.get(..n)).and_then(|n| std::str::from_utf8(n).ok()) else {
                continue;
            };
            let vmaddr = u64::from_le_bytes(*entry.get(8..)?.first_chunk()?);
            return Some(Symbol { name, vmaddr, external: kind & 1 != 0 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (Vec<u8>, Symtab) {
        let mut f = vec![0; 8];
        for (strx, kind, value) in
            [(1u32, 0x0fu8, 0xffff_0000u64), (8, 0x0e, 0x10), (8, 0x24, 0), (99, 0x0f, 1)]
        {
            f.extend(strx.to_le_bytes());
            f.extend([kind, 1, 0, 0]);
            f.extend(value.to_le_bytes());
        }
        let stroff = f.len() as u32;
        f.extend(b"\0_panic\0_local\0");
        (f, Symtab { symoff: 8, nsyms: 4, stroff, strsize: 15 })
    }

    #[test]
    fn defined_symbols_are_listed_with_their_addresses() {
        let (file, symtab) = file();
        let all: Vec<_> = Symbols::new(&file, Some(symtab)).map(|s| (s.name, s.vmaddr, s.external)).collect();
        assert_eq!(all, [("_panic", 0xffff_0000, true), ("_local", 0x10, false)]);
        assert_eq!(Symbols::new(&file, None).count(), 0);
    }

    #[test]
    fn every_entry_can_be_had_with_what_it_is() {
        let (file, symtab) = file();
        let all: Vec<_> =
            Symbols::new(&file, Some(symtab)).entries().map(|s| (s.name.into_owned(), s.kind)).collect();
        let expected = [
            ("_panic", SymbolKind::Section(1)),
            ("_local", SymbolKind::Section(1)),
            ("_local", SymbolKind::Debug(0x24)),
            ("", SymbolKind::Section(1)),
        ];
        assert_eq!(all, expected.map(|(n, k)| (n.to_string(), k)));
    }

    #[test]
    fn truncated_tables_give_fewer_symbols() {
        let (file, symtab) = file();
        for n in 0..file.len() {
            assert!(Symbols::new(&file[..n], Some(symtab)).count() <= 2);
        }
        let far = Symtab { symoff: u32::MAX, nsyms: u32::MAX, stroff: u32::MAX, strsize: u32::MAX };
        assert_eq!(Symbols::new(&file, Some(far)).count(), 0);
    }
}
