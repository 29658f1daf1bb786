//! decmpfs: files that HFS+ and APFS keep compressed behind the back of their readers.
//!
//! Such a file has the BSD flag `UF_COMPRESSED`, an empty data fork and the attribute `com.apple.decmpfs`: a header
//! (magic, type, size, all little-endian) with the compressed bytes behind it (odd types) or in the resource fork
//! (even types) in chunks of 64 KiB. Facts: `apple-oss-distributions/xnu:bsd/sys/decmpfs.h`, `blacktop/go-apfs`,
//! `libyal/libfsapfs` documentation.

use crate::{Error, Result, Shared, bytes::View, bytes::index, codec, source::read_vec};
use std::io::{self, Read};

/// The BSD flag of a compressed file.
pub const UF_COMPRESSED: u32 = 0x20;

/// The attribute with the header.
pub const XATTR: &str = "com.apple.decmpfs";

/// The attribute under which a resource fork is shown.
pub const RESOURCE_FORK: &str = "com.apple.ResourceFork";

/// Uncompressed bytes of every chunk but the last.
const CHUNK: u64 = 64 << 10;

/// The header of a compressed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// decmpfs type: 3 zlib in the attribute, 4 zlib in the resource fork, and so on.
    pub kind: u32,
    /// Size that it decompresses to.
    pub size: u64,
}

impl Header {
    /// Length of the header in the attribute.
    pub const LEN: usize = 16;

    /// Reads the header at the start of the attribute's value; `None` when it is none.
    pub fn parse(value: &[u8]) -> Option<Header> {
        let v = View::new(value, 0, "the decmpfs header");
        if v.slice(0, 4).ok()? != b"fpmc" {
            return None;
        }
        Some(Header { kind: v.le32(4).ok()?, size: v.le64(8).ok()? })
    }
}

/// The name of a decmpfs type, for listings.
pub fn kind_name(kind: u32) -> &'static str {
    match kind {
        1 | 9 | 10 => "stored",
        3 | 4 => "zlib",
        5 => "generation store",
        7 | 8 => "LZVN",
        11 | 12 => "LZFSE",
        13 | 14 => "LZBITMAP",
        0x8000_0001 | 0x8000_0002 => "dataless",
        _ => "unknown",
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Zlib,
    Lzvn,
    Lzfse,
    /// Chunks that begin with a marker byte and are stored.
    Stored,
}

impl Method {
    fn chunk(self, data: &[u8], size: usize) -> std::result::Result<Vec<u8>, String> {
        let stored = |data: &[u8]| match data.get(1..) {
            // In a resource fork the last chunk may be followed by padding.
            Some(rest) if rest.len() >= size => Ok(rest.get(..size).unwrap_or_default().to_vec()),
            _ => Err(format!("it holds {} stored bytes, {size} are declared", data.len().saturating_sub(1))),
        };
        match (self, data.first().copied().unwrap_or(0)) {
            (Method::Zlib, b) if b & 0xf == 0xf => stored(data),
            (Method::Zlib, _) => codec::zlib(data, size),
            (Method::Lzvn, 0x06) => stored(data),
            (Method::Lzvn, _) => codec::lzvn(data, size),
            (Method::Lzfse, _) if data.starts_with(b"bvx") => codec::lzfse(data, size),
            (Method::Lzfse, 0xff) | (Method::Stored, _) => stored(data),
            (Method::Lzfse, b) => Err(format!("it is no LZFSE stream (first byte {b:#04x})")),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Method::Zlib => "a zlib chunk of a decmpfs file",
            Method::Lzvn => "an LZVN chunk of a decmpfs file",
            Method::Lzfse => "an LZFSE chunk of a decmpfs file",
            Method::Stored => "a stored chunk of a decmpfs file",
        }
    }
}

#[derive(Debug)]
enum Chunks {
    /// One chunk.
    Inline(Vec<u8>),
    /// Offsets and lengths within the resource fork.
    Fork(Shared, Vec<(u64, u64)>),
}

/// A stream of the decompressed contents. One chunk is in memory at a time.
#[derive(Debug)]
pub struct Reader {
    method: Method,
    chunks: Chunks,
    size: u64,
    next: u64,
    current: Vec<u8>,
    used: usize,
}

impl Reader {
    /// Opens a compressed file by its attribute and, for the types that need it, its resource fork.
    pub fn open(value: &[u8], fork: Option<Shared>) -> Result<Reader> {
        let header = Header::parse(value).ok_or_else(|| Error::Inconsistent {
            offset: 0,
            what: "the attribute com.apple.decmpfs of a compressed file has no header".into(),
        })?;
        let method = match header.kind {
            1 | 9 | 10 => Method::Stored,
            3 | 4 => Method::Zlib,
            7 | 8 => Method::Lzvn,
            11 | 12 => Method::Lzfse,
            kind => return Err(unsupported(kind)),
        };
        let chunks = if header.kind % 2 == 1 {
            let mut data = value.get(Header::LEN..).unwrap_or_default().to_vec();
            if header.kind == 1 {
                // The one type without a marker byte.
                data.insert(0, 0xcc);
            }
            if header.size > 1 << 20 {
                return Err(Error::Limit {
                    offset: 0,
                    what: "the size of a decmpfs file kept in its attribute",
                    value: header.size,
                    limit: 1 << 20,
                });
            }
            Chunks::Inline(data)
        } else {
            let fork = fork.ok_or_else(|| Error::Inconsistent {
                offset: 0,
                what: format!("a file of decmpfs type {} has no resource fork", header.kind),
            })?;
            let table = match header.kind {
                4 => zlib_table(fork.as_ref(), header.size)?,
                _ => offset_table(fork.as_ref(), header.size)?,
            };
            Chunks::Fork(fork, table)
        };
        Ok(Reader { method, chunks, size: header.size, next: 0, current: Vec::new(), used: 0 })
    }

    fn chunk(&self) -> Result<Vec<u8>> {
        let left = self.size.saturating_sub(self.next.saturating_mul(CHUNK));
        let failed = |offset| move |why| Error::Decompress { offset, what: self.method.name(), why };
        match &self.chunks {
            Chunks::Inline(data) => self.method.chunk(data, index(self.size)).map_err(failed(0)),
            Chunks::Fork(fork, table) => {
                let (at, len) = table.get(index(self.next)).copied().unwrap_or((0, 0));
                let data = read_vec(fork.as_ref(), at, len)?;
                self.method.chunk(&data, index(left.min(CHUNK))).map_err(failed(at))
            }
        }
    }

    fn finished(&self) -> bool {
        match &self.chunks {
            Chunks::Inline(_) => self.next > 0 || self.size == 0,
            Chunks::Fork(..) => self.next.saturating_mul(CHUNK) >= self.size,
        }
    }
}

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.used >= self.current.len() {
            if self.finished() {
                return Ok(0);
            }
            self.current = self.chunk()?;
            self.next = self.next.saturating_add(1);
            self.used = 0;
        }
        let left = self.current.get(self.used..).unwrap_or_default();
        let n = left.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), left.get(..n)) {
            to.copy_from_slice(from);
        }
        self.used = self.used.saturating_add(n);
        Ok(n)
    }
}

fn unsupported(kind: u32) -> Error {
    let (what, remedy) = match kind {
        5 => ("a file of decmpfs type 5 (its contents are in a generation store)", ""),
        13 | 14 => ("LZBITMAP compression (decmpfs types 13 and 14)", ": decompress the file on a Mac"),
        0x8000_0001 | 0x8000_0002 => ("a dataless file (its contents are not in the image)", ""),
        _ => return Error::Unsupported { what: format!("decmpfs type {kind:#x}"), remedy: "" },
    };
    Error::Unsupported { what: what.into(), remedy }
}

fn count(size: u64, fork: &dyn crate::Source, per_chunk: u64) -> Result<u64> {
    let n = size.div_ceil(CHUNK);
    let limit = fork.len() / per_chunk;
    if n > limit {
        return Err(Error::Limit {
            offset: 0,
            what: "the number of chunks of a decmpfs file",
            value: n,
            limit,
        });
    }
    Ok(n)
}

/// Type 4: a classic resource fork with one resource: big-endian header, then a little-endian table of chunks.
fn zlib_table(fork: &dyn crate::Source, size: u64) -> Result<Vec<(u64, u64)>> {
    let n = count(size, fork, 8)?;
    let head = read_vec(fork, 0, 16.min(fork.len()))?;
    let data = u64::from(View::new(&head, 0, "the resource fork of a decmpfs file").be32(0)?);
    let base = data.saturating_add(4);
    let table = read_vec(fork, base, n.saturating_mul(8).saturating_add(4))?;
    let v = View::new(&table, base, "the chunk table of a decmpfs file");
    let there = v.le32(0)?;
    if u64::from(there) < n {
        return Err(v.bad(0, "the number of chunks of a decmpfs file", there));
    }
    (0..index(n))
        .map(|i| {
            let at = i.saturating_mul(8).saturating_add(4);
            let offset = base.saturating_add(u64::from(v.le32(at)?));
            chunk_place(fork, &v, at, offset, u64::from(v.le32(at.saturating_add(4))?))
        })
        .collect()
}

/// Types 8, 10, 12: little-endian offsets, one more than there are chunks.
fn offset_table(fork: &dyn crate::Source, size: u64) -> Result<Vec<(u64, u64)>> {
    let n = count(size, fork, 4)?;
    if n == 0 {
        return Ok(Vec::new());
    }
    let table = read_vec(fork, 0, n.saturating_add(1).saturating_mul(4))?;
    let v = View::new(&table, 0, "the chunk table of a decmpfs file");
    (0..index(n))
        .map(|i| {
            let at = i.saturating_mul(4);
            let (start, end) = (u64::from(v.le32(at)?), u64::from(v.le32(at.saturating_add(4))?));
            let len = end.checked_sub(start).ok_or_else(|| v.bad(at, "a chunk's offset", start))?;
            chunk_place(fork, &v, at, start, len)
        })
        .collect()
}

/// No chunk is longer than what it decompresses to by more than its stored marker and the padding behind it.
fn chunk_place(
    fork: &dyn crate::Source,
    v: &View<'_>,
    at: usize,
    offset: u64,
    len: u64,
) -> Result<(u64, u64)> {
    let end = offset.checked_add(len);
    if end.is_none_or(|end| end > fork.len()) || len > CHUNK.saturating_mul(2) {
        return Err(v.bad(at, "the place of a decmpfs chunk", offset));
    }
    Ok((offset, len))
}

#[cfg(test)]
mod tests;
