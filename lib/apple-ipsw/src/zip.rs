//! The zip container, read as hostile input by the `zip` crate.
//!
//! The crate reads the directory ([`directory`]), local headers, and archives that come through a pipe ([`stream`]).
//! Of it `unstable::read::ZipIterable` is used and not `ZipArchive`, because that merges members of one name and makes
//! room for as many members as an archive claims; hence the exact version in the workspace's manifest. Added here is
//! what the crate leaves to its users: unsafe names, twins, members whose bytes overlap (that is how a zip bomb gets
//! beyond the 1:1032 of deflate) and sizes that deflate cannot reach refuse an archive as a whole. Members are
//! inflated by `flate2` ([`MemberReader`]): the crate's reader borrows its source alone, so that there could be only
//! one, and finds a wrong CRC-32 after the last byte was given away.
//!
//! Read are stored and deflated members and zip64; not read are encryption, other methods, archives in several pieces,
//! and archives behind other data. Facts: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.

use crate::{Error, ReadAt, Result};
use ::zip::CompressionMethod;
use ::zip::read::{ArchiveOffset, Config, ZipFileEntry};
use ::zip::result::ZipError;
use ::zip::unstable::read::ZipIterable;
use std::collections::HashSet;

mod cursor;
pub(crate) mod member;
pub(crate) mod stream;

use cursor::Cursor;
pub use member::MemberReader;

/// Length of a local header without name and extra field.
pub(crate) const LOCAL_LEN: u64 = 30;
/// Length of the end record without comment.
pub(crate) const END_LEN: usize = 22;
/// Length of what may precede it: the locator of the zip64 end record.
const LOCATOR_LEN: usize = 20;

/// Real IPSWs have some thousands of members.
const MAX_MEMBERS: usize = 1 << 20;
/// The directory of those, at most.
const MAX_DIRECTORY: u64 = 256 << 20;
/// No byte of deflate makes more than this many.
const MAX_RATIO: u64 = 1032;

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

    #[allow(
        deprecated,
        reason = "the number of a method that the crate does not read is to be had in no other way"
    )]
    fn of(method: CompressionMethod) -> Method {
        Method::from_number(method.to_u16())
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
    /// Where at the latest its bytes end: the next member, or the directory.
    pub(crate) limit: u64,
}

impl Entry {
    /// From the directory; what a local header says is brought into this form by [`stream`].
    fn new(file: &ZipFileEntry<'_>) -> Result<Entry> {
        Ok(Entry {
            name: safe_name(file.name_raw(), file.central_header_start())?,
            size: file.size(),
            crc32: Some(file.crc32()),
            packed_size: file.compressed_size(),
            method: Method::of(file.compression()),
            dos_time: dos_time(file.last_modified()),
            is_symlink: file.is_symlink(),
            encrypted: file.encrypted(),
            offset: file.header_start(),
            limit: 0,
        })
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    pub(crate) fn damaged(&self, what: impl Into<String>) -> Error {
        Error::Member { name: self.name.clone(), offset: self.offset, what: what.into() }
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
    let mut cursor = Cursor::new(source).map_err(|e| Error::io("zip directory", e))?;
    let directory = check_end(source, cursor.len)?;
    source.will_read(directory..cursor.len);
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let opened = ZipIterable::try_new(&mut cursor, config);
    let mut archive = match opened {
        Ok(archive) => archive,
        Err(e) => return Err(zip_error(e, cursor.read_at)),
    };
    if archive.len() > MAX_MEMBERS {
        let (size, limit) = (archive.len() as u64, MAX_MEMBERS as u64);
        return Err(Error::OverLimit { name: "zip directory (members)".into(), size, limit });
    }
    let mut entries = Vec::new();
    let mut start = None;
    let files = match archive.files() {
        Ok(files) => files,
        Err(e) => return Err(zip_error(e, 0)),
    };
    while let Some(file) = files.next() {
        let file = file.map_err(|e| zip_error(e, files.reader_mut().read_at))?;
        let at = file.central_header_start();
        let size = at.saturating_sub(*start.get_or_insert(at));
        if size > MAX_DIRECTORY {
            return Err(Error::OverLimit { name: "zip directory".into(), size, limit: MAX_DIRECTORY });
        }
        entries.push(Entry::new(&file)?);
    }
    check(&mut entries, start.unwrap_or(0))?;
    Ok(entries)
}

/// What the crate says, with the place in the archive that it last looked at.
pub(crate) fn zip_error(error: ZipError, offset: u64) -> Error {
    let what = match error {
        ZipError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => "the archive ends here".into(),
        ZipError::Io(e) => return Error::io("zip directory", e),
        ZipError::InvalidArchive(what) => what.into_owned(),
        ZipError::UnsupportedArchive(what) => what.into(),
        e => e.to_string(),
    };
    Error::Zip { offset, what: what.replace(char::is_control, "?") }
}

/// The end of an archive without comment, and then some: what is read first, since a server is asked for each read.
const SHORT_TAIL: u64 = 1024;

/// Where the directory begins, by the end record; an error unless the archive ends with one: tells a file that is no
/// zip, or was cut off, from a damaged one. Also, the crate makes room for whatever is said to lie between the zip64 end
/// record and its locator.
fn check_end(source: &dyn ReadAt, len: u64) -> Result<u64> {
    let io = |e| Error::io("zip directory", e);
    let most = (LOCATOR_LEN + END_LEN) as u64 + u64::from(u16::MAX);
    let mut found = None;
    for tail_len in [SHORT_TAIL, most] {
        let tail_at = len.saturating_sub(tail_len);
        let mut tail = vec![0; usize::try_from(len - tail_at).unwrap_or(0)];
        source.read_exact_at(&mut tail, tail_at).map_err(io)?;
        // What may precede the end record must be seen too.
        if let Some(end) = end_record(&tail).filter(|e| *e >= LOCATOR_LEN || tail_at == 0 || tail_len == most)
        {
            found = Some((tail_at, tail, end));
            break;
        }
    }
    let Some((tail_at, tail, end)) = found else {
        let mut first = [0; 4];
        let started = source.read_exact_at(&mut first, 0).is_ok() && &first == b"PK\x03\x04";
        return Err(Error::NotZip { started });
    };
    let number = |at: usize, n: usize| {
        let bytes = tail.get(at..at.saturating_add(n)).unwrap_or_default();
        bytes.iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b))
    };
    let mut directory = number(end.saturating_add(16), 4);
    let Some(at) = end.checked_sub(LOCATOR_LEN) else { return Ok(directory) };
    let locator = tail.get(at..end).unwrap_or_default();
    if locator.starts_with(b"PK\x06\x07") {
        let record = number(at.saturating_add(8), 8);
        let offset = tail_at.saturating_add(at as u64);
        if offset.saturating_sub(record) > most {
            return Err(Error::Zip { offset, what: "the zip64 end record is not before its locator".into() });
        }
        if directory == u64::from(u32::MAX) {
            let mut place = [0; 8];
            // The crate says what is wrong with a record that cannot be read.
            let read = source.read_exact_at(&mut place, record.saturating_add(48));
            directory = if read.is_ok() { u64::from_le_bytes(place) } else { len };
        }
    }
    Ok(directory)
}

/// Where the end record is in the last bytes of an archive: the last one whose comment ends with the archive.
pub(crate) fn end_record(tail: &[u8]) -> Option<usize> {
    (0..=tail.len().checked_sub(END_LEN)?).rev().find(|&at| {
        let record = tail.get(at..).unwrap_or_default();
        let comment = record.get(20..22).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes);
        record.starts_with(b"PK\x05\x06") && comment.map(usize::from) == record.len().checked_sub(END_LEN)
    })
}

pub(crate) fn safe_name(name: &[u8], offset: u64) -> Result<String> {
    match std::str::from_utf8(name) {
        Ok(n) if is_safe_name(n) => Ok(n.to_string()),
        _ => Err(Error::UnsafeName(String::from_utf8_lossy(name).into_owned(), offset)),
    }
}

/// Date and time as zip has them; 0 for none, or for one that is no date.
pub(crate) fn dos_time(time: Option<::zip::DateTime>) -> u32 {
    time.map_or(0, |t| u32::from(t.datepart()) << 16 | u32::from(t.timepart()))
}

/// What no honest archive has.
fn check(entries: &mut [Entry], directory_at: u64) -> Result<()> {
    let mut names = HashSet::new();
    let mut places: Vec<(u64, u64, &Entry)> = Vec::new();
    for e in entries.iter() {
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
    let starts: Vec<u64> = places.iter().map(|p| p.0).collect();
    for e in entries {
        let next = starts.partition_point(|s| *s <= e.offset);
        e.limit = starts.get(next).copied().unwrap_or(directory_at);
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
