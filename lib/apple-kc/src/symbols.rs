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
    fn truncated_tables_give_fewer_symbols() {
        let (file, symtab) = file();
        for n in 0..file.len() {
            assert!(Symbols::new(&file[..n], Some(symtab)).count() <= 2);
        }
        let far = Symtab { symoff: u32::MAX, nsyms: u32::MAX, stroff: u32::MAX, strsize: u32::MAX };
        assert_eq!(Symbols::new(&file, Some(far)).count(), 0);
    }
}
