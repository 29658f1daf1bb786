//! The zip container: its directory, read as hostile input.
//!
//! Own code rather than the `zip` crate, because that crate merges members of one name, needs exclusive access to
//! read, cannot read members with data descriptors from a pipe, and names no offsets; the tests hold this reader
//! against it. Read are stored and deflated members and zip64; not read are encryption, other methods, archives in
//! several pieces, and archives behind other data. Facts: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
//!
//! Refused as a whole: unsafe names, two members of one name, members whose bytes overlap (that is how a zip bomb
//! gets beyond the 1:1032 of deflate), sizes that deflate cannot reach.

use crate::{Error, ReadAt, Result};
use std::collections::HashSet;

pub(crate) mod member;
pub(crate) mod stream;

pub use member::MemberReader;

/// `PK\3\4`.
pub(crate) const LOCAL: u32 = 0x0403_4b50;
/// `PK\1\2`.
const CENTRAL: u32 = 0x0201_4b50;
/// `PK\5\6`.
const END: u32 = 0x0605_4b50;
/// `PK\6\6`.
const END64: u32 = 0x0606_4b50;
/// `PK\6\7`.
const LOCATOR64: u32 = 0x0706_4b50;
/// `PK\7\8`.
pub(crate) const DESCRIPTOR: u32 = 0x0807_4b50;
/// Length of a local header without name and extra field.
pub(crate) const LOCAL_LEN: u64 = 30;
const CENTRAL_LEN: usize = 46;
pub(crate) const END_LEN: usize = 22;

/// Real IPSWs have some thousands of members.
const MAX_MEMBERS: u64 = 1 << 20;
/// The directory of those, at most.
const MAX_DIRECTORY: u64 = 256 << 20;
/// No byte of deflate makes more than this many.
const MAX_RATIO: u64 = 1032;
/// General purpose bit 0.
pub(crate) const FLAG_ENCRYPTED: u16 = 1;
/// General purpose bit 3: sizes follow the data.
pub(crate) const FLAG_DESCRIPTOR: u16 = 8;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflated.
    Deflate,
    /// A method number that is not read.
    Other(u16),
}

impl Method {
    pub(crate) fn from_number(n: u16) -> Method {
        match n {
            0 => Method::Stored,
            8 => Method::Deflate,
            n => Method::Other(n),
        }
    }
}

/// A member of the archive, or a file of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path, with `/`, checked to be relative and without `..`; ends in `/` for a folder.
    pub name: String,
    /// Size in bytes when unpacked.
    pub size: u64,
    /// CRC-32 of the unpacked bytes; `None` for a file of a folder, which has none.
    pub crc32: Option<u32>,
    /// Size in bytes as packed.
    pub packed_size: u64,
    /// How it is packed.
    pub method: Method,
    /// Modification time, MS-DOS date (high half) and time, as zip has it.
    pub dos_time: u32,
    /// Whether it is a symbolic link (unix mode in the directory). It is never made into one.
    pub is_symlink: bool,
    pub(crate) encrypted: bool,
    /// Where its local header is.
    pub(crate) offset: u64,
}

impl Entry {
    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> Error {
        Error::Member { name: self.name.clone(), offset: self.offset, what: what.into() }
    }
}

/// Little-endian fields of a record that was read whole.
pub(crate) struct Record<'a>(pub &'a [u8]);

impl Record<'_> {
    pub fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(self.0.get(at..at.checked_add(2)?)?.try_into().ok()?))
    }

    pub fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(self.0.get(at..at.checked_add(4)?)?.try_into().ok()?))
    }

    pub fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(self.0.get(at..at.checked_add(8)?)?.try_into().ok()?))
    }
}

/// Whether a path is relative, stays below where it starts, and can be shown.
pub fn is_safe_name(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    let drive = path.as_bytes().get(1) == Some(&b':');
    !path.is_empty()
        && name.len() <= 1024
        && !drive
        && !name.contains('\\')
        && !name.chars().any(char::is_control)
        && path.split('/').all(|c| !c.is_empty() && c != "." && c != "..")
}

/// Reads the directory at the end of an archive.
pub fn directory(source: &dyn ReadAt) -> Result<Vec<Entry>> {
    let io = |e| Error::io("zip directory", e);
    let len = source.size().map_err(io)?;
    let end = End::find(source, len)?;
    let size = usize::try_from(end.size).ok().filter(|_| end.size <= MAX_DIRECTORY);
    let Some(size) = size.filter(|_| end.members <= MAX_MEMBERS) else {
        return Err(Error::OverLimit { name: "zip directory".into(), size: end.size, limit: MAX_DIRECTORY });
    };
    if end.start.checked_add(end.size).is_none_or(|e| e > end.at) {
        return Err(Error::Zip { offset: end.at, what: "the directory it points to is outside the archive" });
    }
    let mut bytes = vec![0; size];
    source.read_exact_at(&mut bytes, end.start).map_err(io)?;
    let mut entries = Vec::new();
    let mut at = 0usize;
    for _ in 0..end.members {
        let rest = bytes.get(at..).unwrap_or_default();
        let offset = end.start.saturating_add(at as u64);
        let (entry, used) = central(rest, offset)?;
        entries.push(entry);
        at = at.saturating_add(used);
    }
    if at != size {
        return Err(Error::Zip {
            offset: end.start.saturating_add(at as u64),
            what: "the directory is longer than its members",
        });
    }
    check(&entries, end.start)?;
    Ok(entries)
}

/// Where the end record is in the last bytes of an archive: the last one whose comment ends with the archive.
pub(crate) fn end_record(tail: &[u8]) -> Option<usize> {
    (0..=tail.len().checked_sub(END_LEN)?).rev().find(|&i| {
        let r = Record(tail.get(i..).unwrap_or_default());
        r.u32(0) == Some(END) && r.u16(20).map(usize::from) == r.0.len().checked_sub(END_LEN)
    })
}

/// Where the directory is.
struct End {
    /// Where this record is: the directory ends before it.
    at: u64,
    start: u64,
    size: u64,
    members: u64,
}

impl End {
    fn find(source: &dyn ReadAt, len: u64) -> Result<End> {
        let io = |e| Error::io("zip directory", e);
        let tail_len = len.min(END_LEN as u64 + u64::from(u16::MAX));
        let tail_at = len - tail_len;
        let mut tail = vec![0; usize::try_from(tail_len).unwrap_or(0)];
        source.read_exact_at(&mut tail, tail_at).map_err(io)?;
        let Some(i) = end_record(&tail) else {
            let mut first = [0; 4];
            let started = source.read_exact_at(&mut first, 0).is_ok() && u32::from_le_bytes(first) == LOCAL;
            return Err(Error::NotZip { started });
        };
        let at = tail_at.saturating_add(i as u64);
        let r = Record(tail.get(i..).unwrap_or_default());
        let short = || Error::Zip { offset: at, what: "the end record is cut off" };
        let cell = |o| r.u16(o).ok_or_else(short);
        let wide = |o| r.u32(o).ok_or_else(short);
        let (disk, start_disk, members) = (cell(4)?, cell(6)?, cell(10)?);
        let (size, start) = (wide(12)?, wide(16)?);
        let zip64 = disk == u16::MAX
            || start_disk == u16::MAX
            || members == u16::MAX
            || size == u32::MAX
            || start == u32::MAX;
        if zip64 && let Some(end) = Self::zip64(source, at)? {
            return Ok(end);
        }
        if disk != 0 || start_disk != 0 {
            return Err(Error::Zip { offset: at, what: "an archive in several pieces" });
        }
        Ok(End { at, start: start.into(), size: size.into(), members: members.into() })
    }

    /// The zip64 record, if the locator before `end_at` names one.
    fn zip64(source: &dyn ReadAt, end_at: u64) -> Result<Option<End>> {
        let io = |e| Error::io("zip directory", e);
        let mut locator = [0; 20];
        let Some(locator_at) = end_at.checked_sub(20) else { return Ok(None) };
        source.read_exact_at(&mut locator, locator_at).map_err(io)?;
        let r = Record(&locator);
        if r.u32(0) != Some(LOCATOR64) {
            return Ok(None);
        }
        let bad = |what| Error::Zip { offset: locator_at, what };
        let at = r.u64(8).ok_or_else(|| bad("the zip64 locator is cut off"))?;
        if r.u32(4) != Some(0) || r.u32(16).is_none_or(|disks| disks > 1) {
            return Err(bad("an archive in several pieces"));
        }
        let mut record = [0; 56];
        if at.checked_add(56).is_none_or(|e| e > locator_at) {
            return Err(bad("the zip64 locator points outside the archive"));
        }
        source.read_exact_at(&mut record, at).map_err(io)?;
        let r = Record(&record);
        if r.u32(0) != Some(END64) {
            return Err(Error::Zip { offset: at, what: "not a zip64 end record" });
        }
        let field = |o| r.u64(o).ok_or(Error::Zip { offset: at, what: "the zip64 end record is cut off" });
        Ok(Some(End { at, members: field(32)?, size: field(40)?, start: field(48)? }))
    }
}

/// One central directory header at the start of `bytes`; gives its length too.
fn central(bytes: &[u8], offset: u64) -> Result<(Entry, usize)> {
    let r = Record(bytes);
    let short = || Error::Zip { offset, what: "the directory is cut off in a member" };
    if r.u32(0) != Some(CENTRAL) {
        return Err(Error::Zip { offset, what: "not a directory entry" });
    }
    let half = |o| r.u16(o).ok_or_else(short);
    let word = |o| r.u32(o).ok_or_else(short);
    let (flags, method) = (half(8)?, half(10)?);
    let (name_len, extra_len, comment_len) = (half(28)?, half(30)?, half(32)?);
    let name_end = CENTRAL_LEN + usize::from(name_len);
    let extra_end = name_end + usize::from(extra_len);
    let end = extra_end + usize::from(comment_len);
    let name = bytes.get(CENTRAL_LEN..name_end).ok_or_else(short)?;
    let extra = bytes.get(name_end..extra_end).ok_or_else(short)?;
    bytes.get(..end).ok_or_else(short)?;
    let name = safe_name(name, offset)?;
    let mut sizes = Sizes {
        size: word(24)?.into(),
        packed: word(20)?.into(),
        offset: Some(word(42)?.into()),
        zip64: false,
    };
    sizes.widen(extra).ok_or_else(|| Error::Member {
        name: name.clone(),
        offset,
        what: "its zip64 field is cut off".into(),
    })?;
    // Upper byte of "version made by": 3 is Unix; the mode is then in the upper half of the external attributes.
    let is_symlink = half(4)? >> 8 == 3 && (word(38)? >> 28) == 0o12;
    let entry = Entry {
        name,
        size: sizes.size,
        crc32: Some(word(16)?),
        packed_size: sizes.packed,
        method: Method::from_number(method),
        dos_time: word(12)?,
        is_symlink,
        encrypted: flags & FLAG_ENCRYPTED != 0,
        offset: sizes.offset.unwrap_or(0),
    };
    Ok((entry, end))
}

pub(crate) fn safe_name(name: &[u8], offset: u64) -> Result<String> {
    match std::str::from_utf8(name) {
        Ok(n) if is_safe_name(n) => Ok(n.to_string()),
        _ => Err(Error::UnsafeName(String::from_utf8_lossy(name).into_owned(), offset)),
    }
}

/// Sizes and place of a member, as its fixed fields have them.
pub(crate) struct Sizes {
    pub size: u64,
    pub packed: u64,
    /// Only central headers have it.
    pub offset: Option<u64>,
    /// Whether a zip64 extra field was there.
    pub zip64: bool,
}

impl Sizes {
    /// Replaces the fields that are all ones by those of the zip64 extra field; `None` if that is too short.
    pub fn widen(&mut self, extra: &[u8]) -> Option<()> {
        const ONES: u64 = u32::MAX as u64;
        let mut rest = extra;
        while let [a, b, c, d, tail @ ..] = rest {
            let (id, len) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
            // Padding after the last field is common and harmless.
            let Some(value) = tail.get(..len) else { break };
            rest = tail.get(len..)?;
            if id != 1 {
                continue;
            }
            self.zip64 = true;
            let mut at = 0;
            let fields = [Some(&mut self.size), Some(&mut self.packed), self.offset.as_mut()];
            for field in fields.into_iter().flatten() {
                if *field == ONES {
                    *field = Record(value).u64(at)?;
                    at += 8;
                }
            }
            break;
        }
        Some(())
    }
}

/// What no honest archive has.
fn check(entries: &[Entry], directory_at: u64) -> Result<()> {
    let mut names = HashSet::new();
    let mut places: Vec<(u64, u64, &Entry)> = Vec::new();
    for e in entries {
        if !names.insert(e.name.as_str()) {
            return Err(Error::DuplicateName(e.name.clone()));
        }
        check_sizes(e)?;
        let header = LOCAL_LEN.saturating_add(e.name.len() as u64);
        let end = e.offset.checked_add(header).and_then(|o| o.checked_add(e.packed_size));
        match end.filter(|end| *end <= directory_at) {
            Some(end) => places.push((e.offset, end, e)),
            None => {
                return Err(e.damaged("its bytes run into the directory or beyond the end of the archive"));
            }
        }
    }
    places.sort_unstable_by_key(|p| (p.0, p.1));
    for pair in places.windows(2) {
        if let [(_, end, first), (start, _, second)] = pair
            && end > start
        {
            return Err(second.damaged(format!("its bytes overlap those of {}: a zip bomb?", first.name)));
        }
    }
    Ok(())
}

pub(crate) fn check_sizes(e: &Entry) -> Result<()> {
    match e.method {
        Method::Stored if e.size != e.packed_size => {
            Err(e.damaged(format!("stored, but {} bytes are said to become {}", e.packed_size, e.size)))
        }
        Method::Deflate if e.size > e.packed_size.saturating_mul(MAX_RATIO) => Err(e.damaged(format!(
            "{} bytes are said to become {}, more than deflate can do: a zip bomb?",
            e.packed_size, e.size
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
