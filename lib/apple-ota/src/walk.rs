//! Whatever a payload is, one layer within the other.

use crate::error::fill;
use crate::{Archive, Entry, EntryKind, Error, Pbz, Result};
use std::io::{self, Read};

/// Updates nest three deep: a compressed archive whose entries are compressed archives.
const MAX_NESTING: usize = 6;

/// What is called with each entry and its contents, of which it may read as much as it wants.
pub type Visit<'v> = dyn FnMut(&Entry, &mut dyn Read) -> io::Result<()> + 'v;

/// Whether a file begins as something that [`walk`] opens.
pub fn is_payload(head: &[u8]) -> bool {
    head.starts_with(b"pbz") || head.starts_with(b"AA01") || head.starts_with(b"YAA1")
}

/// Shows every entry of a payload, in order. What an update is to extract (operation `E`), an archive itself, is opened in
/// its place.
///
/// # Errors
/// Damage, a kind that is not read, what `visit` gives.
pub fn walk(input: &mut dyn Read, visit: &mut Visit<'_>) -> Result<()> {
    let mut head = [0; 4];
    if !fill(input, &mut head, "payload", 0, "its head")? {
        return Err(Error::Truncated { layer: "payload", offset: 0, what: "its head" });
    }
    level(head, input, visit, 0)
}

/// Recursion is bounded by [`MAX_NESTING`].
fn level(head: [u8; 4], input: &mut dyn Read, visit: &mut Visit<'_>, depth: usize) -> Result<()> {
    if depth > MAX_NESTING {
        return Err(Error::Unsupported(format!("layers within each other, more than {MAX_NESTING}")));
    }
    let mut whole = io::Cursor::new(head).chain(input);
    match &head {
        [b'p', b'b', b'z', _] => {
            let mut unpacked = Pbz::new(&mut whole as &mut dyn Read)?;
            let mut head = [0; 4];
            // A stream of nothing has no entries.
            match fill(&mut unpacked, &mut head, "payload", 0, "its head")? {
                true => level(head, &mut unpacked, visit, depth + 1),
                false => Ok(()),
            }
        }
        b"AA01" | b"YAA1" => {
            let mut archive = Archive::new(&mut whole as &mut dyn Read);
            while let Some(entry) = archive.next_entry()? {
                let mut data = archive.data(&entry);
                // Manifests and fix-ups have the form of archives, too, but say only what a device has already.
                if entry.kind != EntryKind::Metadata || entry.operation != Some(b'E') || entry.size < 4 {
                    visit(&entry, &mut data).map_err(Error::io)?;
                    continue;
                }
                let mut head = [0; 4];
                fill(&mut data, &mut head, "archive", entry.offset, "an entry's contents")?;
                if is_payload(&head) {
                    level(head, &mut data, visit, depth + 1)?;
                } else {
                    visit(&entry, &mut io::Cursor::new(head).chain(&mut data)).map_err(Error::io)?;
                }
            }
            Ok(())
        }
        // Big-endian 0x1001..., 0x1002..., 0x1003...: the entries of older updates.
        [0x10, 1..=3, 0, 0] => Err(Error::Unsupported(
            "the payload of an update before iOS 14, whose entries have another form: not read".into(),
        )),
        other => {
            Err(Error::Unsupported(format!("begins with {}: no payload that is known", other.escape_ascii())))
        }
    }
}
