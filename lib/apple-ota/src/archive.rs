//! Apple Archive: entries, each a head of fields and then the bytes ("blobs") that some of the fields announce.
//!
//! ```text
//! "AA01" or "YAA1"  u16 size of the head, from the magic on
//! fields:           three letters that say what it is, one that says how it is written
//! ```
//! Numbers are little-endian. How: `1 2 4 8` a number of so many bytes, `P` a text with its length (u16), `S` and `T` a
//! time (8 or 12 bytes), `A B C` the size (2, 4 or 8 bytes) of a blob, `F G H I J` a digest (CRC-32, SHA-1, SHA-256,
//! -384, -512), `*` nothing: being there is all.

use crate::error::fill;
use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::io::{self, Read};

const LAYER: &str = "archive";

/// What an entry is: its `TYP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// `F`.
    File,
    /// `D`.
    Folder,
    /// `L`, symbolic.
    Link,
    /// `M`: not a thing of a file system; in updates, an operation and its data.
    Metadata,
    /// A device, pipe or socket, by its letter.
    Special(u8),
}

/// An entry's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it begins in the archive, in bytes.
    pub offset: u64,
    /// What it is.
    pub kind: EntryKind,
    /// `PAT`, relative to where the archive is put; empty for that place itself.
    pub path: String,
    /// `LNK`, where a link leads.
    pub link: Option<String>,
    /// `MOD`, permission bits.
    pub mode: Option<u32>,
    /// `UID`.
    pub uid: Option<u64>,
    /// `GID`.
    pub gid: Option<u64>,
    /// `MTM`, seconds since 1970.
    pub modified: Option<i64>,
    /// Bytes of contents: `DAT`. (`SIZ`, in manifests, is the size of another thing.)
    pub size: u64,
    /// `SH2`, SHA-256 of the contents.
    pub sha256: Option<[u8; 32]>,
    /// `YOP`, an update's operation: `E` extract, `M` manifest, `P` patch, `R` remove, ...
    pub operation: Option<u8>,
    /// `LBL`.
    pub label: Option<String>,
    /// All announced bytes in order: field and size.
    blobs: Vec<([u8; 3], u64)>,
}

/// Reads entry after entry.
pub struct Archive<R> {
    input: R,
    /// Bytes read so far.
    at: u64,
    /// Blobs of the last entry that were not read.
    left: Vec<([u8; 3], u64)>,
}

impl<R> std::fmt::Debug for Archive<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The fields of a head.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the head begins in the archive.
    base: u64,
}

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.saturating_add(n);
        let slice = self.bytes.get(self.at..end).ok_or_else(|| Error::Damaged {
            layer: LAYER,
            offset: self.base.saturating_add(self.at as u64),
            what: "a field runs out of its entry's head".into(),
        })?;
        self.at = end;
        Ok(slice)
    }

    fn number(&mut self, n: usize) -> Result<u64> {
        Ok(self.take(n)?.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b)))
    }
}

impl<R: Read> Archive<R> {
    /// For a stream that begins with an entry.
    pub fn new(input: R) -> Archive<R> {
        Archive { input, at: 0, left: Vec::new() }
    }

    /// The next entry, past what was not read of the last one; `None` at the end.
    ///
    /// # Errors
    /// Damage, or an early end.
    pub fn next_entry(&mut self) -> Result<Option<Entry>> {
        let mut data = Data { archive: self, until: None, left: 0, hash: None };
        io::copy(&mut data, &mut io::sink()).map_err(Error::io)?;
        let offset = self.at;
        let mut start = [0; 6];
        if !fill(&mut self.input, &mut start, LAYER, offset, "an entry's head")? {
            return Ok(None);
        }
        let bad = |what: &str| Error::Damaged { layer: LAYER, offset, what: what.into() };
        let [magic @ .., a, b] = start;
        if !matches!(&magic, b"AA01" | b"YAA1") {
            return Err(bad("not an entry (AA01, YAA1)"));
        }
        let size = usize::from(u16::from_le_bytes([a, b]));
        let mut head =
            vec![0; size.checked_sub(6).ok_or_else(|| bad("an entry whose head is shorter than itself"))?];
        if !fill(&mut self.input, &mut head, LAYER, offset, "an entry's head")? && !head.is_empty() {
            return Err(Error::Truncated { layer: LAYER, offset, what: "an entry's head" });
        }
        self.at = offset.saturating_add(size as u64);
        let entry = entry(&head, offset)?;
        self.left.clone_from(&entry.blobs);
        Ok(Some(entry))
    }

    /// The contents of the last entry. Compared with its digest if it has one: the read that would give the last
    /// bytes fails if it is another.
    pub fn data(&mut self, entry: &Entry) -> Data<'_, R> {
        let hash = entry.sha256.map(|should| (Sha256::new(), should));
        Data { archive: self, until: Some(entry.size), left: entry.size, hash }
    }
}

fn entry(head: &[u8], offset: u64) -> Result<Entry> {
    let mut fields = Fields { bytes: head, at: 0, base: offset.saturating_add(6) };
    let mut entry = Entry {
        offset,
        kind: EntryKind::Special(b'?'),
        path: String::new(),
        link: None,
        mode: None,
        uid: None,
        gid: None,
        modified: None,
        size: 0,
        sha256: None,
        operation: None,
        label: None,
        blobs: Vec::new(),
    };
    let bad = |what: String| Error::Damaged { layer: LAYER, offset, what };
    let mut typed = false;
    while fields.at < head.len() {
        let &[a, b, c, how] = fields.take(4)? else { return Err(bad("a field".into())) };
        let what = [a, b, c];
        let (mut number, mut text, mut bytes) = (None, None, &[][..]);
        match how {
            b'*' => {}
            b'1' | b'2' | b'4' | b'8' => number = Some(fields.number(usize::from(how - b'0'))?),
            b'P' => {
                let size = fields.number(2)?;
                let raw = fields.take(usize::try_from(size).unwrap_or(usize::MAX))?;
                let raw = std::str::from_utf8(raw).map_err(|_| bad("a text that is not UTF-8".into()))?;
                text = Some(raw.to_string());
            }
            b'S' => bytes = fields.take(8)?,
            b'T' => bytes = fields.take(12)?,
            b'A' | b'B' | b'C' => {
                let size = fields.number(2 << (how - b'A'))?;
                entry.blobs.push((what, size));
                number = Some(size);
            }
            b'F' => bytes = fields.take(4)?,
            b'G' => bytes = fields.take(20)?,
            b'H' => bytes = fields.take(32)?,
            b'I' => bytes = fields.take(48)?,
            b'J' => bytes = fields.take(64)?,
            _ => {
                let name = [a, b, c, how].escape_ascii().to_string();
                return Err(bad(format!("field {name}, which is written in an unknown way")));
            }
        }
        let small = |n: Option<u64>| n.and_then(|n| u8::try_from(n).ok());
        match &what {
            b"TYP" => {
                typed = true;
                entry.kind = match small(number) {
                    Some(b'F') => EntryKind::File,
                    Some(b'D') => EntryKind::Folder,
                    Some(b'L') => EntryKind::Link,
                    Some(b'M') => EntryKind::Metadata,
                    other => EntryKind::Special(other.unwrap_or(b'?')),
                };
            }
            b"PAT" => entry.path = text.unwrap_or_default(),
            b"LNK" => entry.link = text,
            b"LBL" => entry.label = text,
            b"MOD" => entry.mode = number.and_then(|n| u32::try_from(n).ok()),
            b"UID" => entry.uid = number,
            b"GID" => entry.gid = number,
            b"YOP" => entry.operation = small(number),
            b"MTM" => entry.modified = bytes.first_chunk().map(|b| i64::from_le_bytes(*b)),
            b"SH2" => entry.sha256 = bytes.try_into().ok(),
            b"DAT" => entry.size = number.unwrap_or(0),
            _ => {}
        }
    }
    if !typed {
        return Err(bad("an entry without a type".into()));
    }
    Ok(entry)
}

/// The contents of an entry, as a stream.
pub struct Data<'a, R> {
    archive: &'a mut Archive<R>,
    /// `Some`: the blob DAT, of this size. `None`: everything that is left.
    until: Option<u64>,
    left: u64,
    hash: Option<(Sha256, [u8; 32])>,
}

impl<R> std::fmt::Debug for Data<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Data").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<R: Read> Data<'_, R> {
    /// Reads from the first blob that has bytes left.
    fn some(&mut self, buf: &mut [u8]) -> Result<usize> {
        let Some((_, size)) = self.archive.left.first_mut() else { return Ok(0) };
        let want = usize::try_from(*size).unwrap_or(usize::MAX).min(buf.len());
        let n = loop {
            match self.archive.input.read(buf.get_mut(..want).unwrap_or_default()) {
                Ok(n) => break n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(e)),
            }
        };
        if n == 0 {
            return Err(Error::Truncated {
                layer: LAYER,
                offset: self.archive.at,
                what: "an entry's contents",
            });
        }
        *size = size.saturating_sub(n as u64);
        self.archive.at = self.archive.at.saturating_add(n as u64);
        Ok(n)
    }
}

impl<R: Read> Read for Data<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let whole = self.until.is_none();
        loop {
            while self.archive.left.first().is_some_and(|(_, n)| *n == 0) {
                self.archive.left.remove(0);
            }
            let Some((what, _)) = self.archive.left.first() else { return Ok(0) };
            if whole || what == b"DAT" {
                break;
            }
            if self.left == 0 || !self.archive.left.iter().any(|(w, _)| w == b"DAT") {
                return Ok(0);
            }
            // What stands before the contents: attributes and the like.
            let mut passed = [0; 4096];
            self.some(&mut passed)?;
        }
        if buf.is_empty() || (!whole && self.left == 0) {
            return Ok(0);
        }
        let n = self.some(buf)?;
        self.left = self.left.saturating_sub(n as u64);
        if let Some((hash, _)) = &mut self.hash {
            hash.update(buf.get(..n).unwrap_or_default());
        }
        if self.left == 0
            && let Some((hash, should)) = self.hash.take()
            && <[u8; 32]>::from(hash.finalize()) != should
        {
            let what = "the contents have another SHA-256 than their entry says".into();
            return Err(Error::Damaged { layer: LAYER, offset: self.archive.at, what }.into());
        }
        Ok(n)
    }
}
