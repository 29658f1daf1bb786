//! UDIF disk images (`.dmg`): any byte of the disk, decompressed as it is asked for.
//!
//! A trailer (`koly`) leads to a property list, that to tables (`mish`) of chunks, each zeros, stored or compressed.
//! Encrypted images and the old form without a property list are refused by name. Facts: `Lekensteyn/dmg2img`,
//! `libyal/libmodi` (whose offsets of the chunk table are off by 96), and the samples of other projects.

mod table;
pub mod write;

use crate::bytes::{View, index};
use crate::codec;
use crate::source::{Shared, Source, read_vec};
use crate::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use table::Chunk;
pub use table::Table;

/// Length of the trailer, which is the end of the file.
const KOLY: u64 = 512;
/// Bytes of a sector.
const SECTOR: u64 = 512;
/// Largest disk: 2 TiB.
const MAX_DISK: u64 = 1 << 41;
/// Largest property list.
const MAX_PLIST: u64 = 64 << 20;
/// Largest chunk that has to be decompressed as a whole. Usual are 256 KiB to 1 MiB.
const MAX_CHUNK: u64 = 8 << 20;
/// Decompressed chunks that are kept, in bytes.
const CACHE: usize = 64 << 20;

/// How a chunk is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Zeros that count as data.
    Zero,
    /// As it is.
    Stored,
    /// Unallocated: reads as zeros, and checksums pass over it.
    Ignore,
    /// Apple Data Compression.
    Adc,
    /// zlib.
    Zlib,
    /// bzip2.
    Bzip2,
    /// LZFSE.
    Lzfse,
    /// LZMA in an xz stream.
    Lzma,
}

impl Method {
    fn from_type(kind: u32) -> Option<Method> {
        Some(match kind {
            0 => Method::Zero,
            1 => Method::Stored,
            2 => Method::Ignore,
            0x8000_0004 => Method::Adc,
            0x8000_0005 => Method::Zlib,
            0x8000_0006 => Method::Bzip2,
            0x8000_0007 => Method::Lzfse,
            0x8000_0008 => Method::Lzma,
            _ => return None,
        })
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Zero => "zero",
            Method::Stored => "stored",
            Method::Ignore => "unallocated",
            Method::Adc => "ADC",
            Method::Zlib => "zlib",
            Method::Bzip2 => "bzip2",
            Method::Lzfse => "LZFSE",
            Method::Lzma => "LZMA",
        }
    }

    fn is_compressed(self) -> bool {
        self >= Method::Adc
    }
}

/// A checksum as the image stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sum {
    kind: u32,
    value: u32,
}

impl Sum {
    const CRC32: u32 = 2;

    fn parse(v: &View<'_>, at: usize) -> Result<Sum> {
        Ok(Sum { kind: v.be32(at)?, value: v.be32(at.saturating_add(8))? })
    }

    fn crc32(self) -> Option<u32> {
        (self.kind == Sum::CRC32).then_some(self.value)
    }
}

type Cache = VecDeque<(usize, Arc<Vec<u8>>)>;

/// An opened disk image; as a [`Source`] it is the disk.
#[derive(Debug)]
pub struct Udif {
    source: Shared,
    len: u64,
    data: (u64, u64),
    data_sum: Sum,
    master: Sum,
    tables: Vec<Table>,
    chunks: Vec<Chunk>,
    cache: Mutex<Cache>,
}

/// Whether the source ends with the trailer of a disk image.
pub fn probe(source: &dyn Source) -> bool {
    source.len().checked_sub(KOLY).is_some_and(|at| read_vec(source, at, 4).is_ok_and(|m| m == b"koly"))
}

/// The error for an encrypted image, when the source is one.
pub fn encrypted(source: &dyn Source) -> Option<Error> {
    let start = read_vec(source, 0, 8).ok()?;
    let end = source.len().checked_sub(8).and_then(|at| read_vec(source, at, 8).ok())?;
    let what = match (start.as_slice(), end.as_slice()) {
        (b"encrcdsa", _) => {
            // Version 2 says how long its keys are.
            let bits =
                read_vec(source, 24, 4).ok().and_then(|b| View::new(&b, 24, "the header").be32(0).ok());
            match bits {
                Some(bits @ (128 | 256)) => format!("the disk image (encrcdsa, AES-{bits})"),
                _ => "the disk image (encrcdsa)".into(),
            }
        }
        (_, b"cdsaencr") => "the disk image (cdsaencr)".into(),
        _ => return None,
    };
    Some(Error::Encrypted {
        what,
        remedy: "decrypt it first (hdiutil convert on a Mac, or dmg2img's vfdecrypt, with its pass phrase or key)",
    })
}

impl Udif {
    /// Opens an image: reads its trailer, property list and tables, and checks that they fit together.
    pub fn open(source: Shared) -> Result<Udif> {
        let at = source.len().checked_sub(KOLY).ok_or(Error::Truncated {
            offset: 0,
            what: "the trailer of a disk image",
            len: source.len(),
        })?;
        let bytes = read_vec(source.as_ref(), at, KOLY)?;
        let koly = View::new(&bytes, at, "the trailer of a disk image");
        if koly.slice(0, 4)? != b"koly" {
            return Err(koly.bad(0, "the signature of a disk image's trailer", koly.be32(0)?));
        }
        if koly.be32(60)? > 1 {
            return Err(Error::Unsupported {
                what: format!("a disk image in {} segments", koly.be32(60)?),
                remedy: ": join them first (hdiutil convert on a Mac)",
            });
        }
        let data = (koly.be64(24)?, koly.be64(32)?);
        let (plist_at, plist_len) = (koly.be64(216)?, koly.be64(224)?);
        if plist_len == 0 {
            return Err(Error::Unsupported {
                what: "a disk image whose tables are in a resource fork".into(),
                remedy: ": flatten it first (hdiutil flatten on a Mac)",
            });
        }
        if plist_len > MAX_PLIST {
            let what = "the length of a disk image's property list";
            return Err(Error::Limit { offset: koly.offset(224), what, value: plist_len, limit: MAX_PLIST });
        }
        let plist = read_vec(source.as_ref(), plist_at, plist_len)?;
        let (tables, mut chunks) = table::read(&plist, plist_at, data.0)?;
        chunks.sort_by_key(|c| c.start);
        let mut end = 0u64;
        for c in &chunks {
            if c.start < end {
                return Err(Error::Inconsistent {
                    offset: c.start,
                    what: "two chunks of a disk image are for the same sectors".into(),
                });
            }
            end = c.start.saturating_add(c.len);
            check_chunk(c, source.len())?;
        }
        let sectors = koly.be64(492)?;
        let len = sectors.saturating_mul(SECTOR).max(end);
        if len > MAX_DISK {
            let what = "the size of a disk image's contents in bytes";
            return Err(Error::Limit { offset: koly.offset(492), what, value: len, limit: MAX_DISK });
        }
        Ok(Udif {
            len,
            data,
            data_sum: Sum::parse(&koly, 80)?,
            master: Sum::parse(&koly, 352)?,
            tables,
            chunks,
            cache: Mutex::default(),
            source,
        })
    }

    /// The tables, one for each part of the disk.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The methods that the image's chunks use, without repetition.
    pub fn methods(&self) -> Vec<Method> {
        let mut all: Vec<Method> = self.chunks.iter().map(|c| c.method).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Checks the sum over the stored bytes if there is one, or else the sums over the contents. Gives whether there
    /// was any.
    pub fn verify(&self) -> Result<bool> {
        let Some(stored) = self.data_sum.crc32() else { return self.verify_contents() };
        let mut hasher = crc32fast::Hasher::new();
        let mut buf = vec![0; 1 << 20];
        let (mut at, end) = (self.data.0, self.data.0.saturating_add(self.data.1));
        while at < end {
            let n = index(end.saturating_sub(at)).min(buf.len());
            let part = buf.get_mut(..n).unwrap_or_default();
            self.source.read_at(at, part)?;
            hasher.update(part);
            at = at.saturating_add(n as u64);
        }
        compare(self.data.0, "the image's stored data".into(), stored, hasher.finalize())?;
        Ok(true)
    }

    /// Checks the sums over the contents, which decompresses all of them. Gives whether there were any.
    pub fn verify_contents(&self) -> Result<bool> {
        let mut any = false;
        let mut all = Vec::new();
        let mut buf = vec![0; 1 << 20];
        for (i, table) in self.tables.iter().enumerate() {
            all.extend_from_slice(&table.sum.value.to_be_bytes());
            let Some(stored) = table.sum.crc32() else { continue };
            any = true;
            let mut hasher = crc32fast::Hasher::new();
            for c in self.chunks.iter().filter(|c| c.table == i && c.method != Method::Ignore) {
                let (mut at, end) = (c.start, c.start.saturating_add(c.len));
                while at < end {
                    let n = index(end.saturating_sub(at)).min(buf.len());
                    let part = buf.get_mut(..n).unwrap_or_default();
                    self.read_at(at, part)?;
                    hasher.update(part);
                    at = at.saturating_add(n as u64);
                }
            }
            compare(table.start, format!("the contents of {:?}", table.name), stored, hasher.finalize())?;
        }
        if let (true, Some(stored)) = (any, self.master.crc32()) {
            compare(0, "the tables' checksums".into(), stored, crc32fast::hash(&all))?;
        }
        Ok(any)
    }

    fn decompressed(&self, i: usize, c: &Chunk) -> Result<Arc<Vec<u8>>> {
        let lock = || self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, data)) = lock().iter().find(|(n, _)| *n == i) {
            return Ok(data.clone());
        }
        let packed = read_vec(self.source.as_ref(), c.offset, c.packed)?;
        let size = index(c.len);
        let (what, result) = match c.method {
            Method::Adc => ("an ADC chunk of a disk image", codec::adc(&packed, size)),
            Method::Zlib => ("a zlib chunk of a disk image", codec::zlib(&packed, size)),
            Method::Bzip2 => ("a bzip2 chunk of a disk image", codec::bzip2(&packed, size)),
            Method::Lzfse => ("an LZFSE chunk of a disk image", codec::lzfse(&packed, size)),
            _ => ("an LZMA chunk of a disk image", codec::xz(&packed, size)),
        };
        let data = Arc::new(result.map_err(|why| Error::Decompress { offset: c.offset, what, why })?);
        let mut cache = lock();
        cache.push_front((i, data.clone()));
        let mut bytes = 0usize;
        cache.retain(|(_, d)| {
            let keep = bytes == 0 || bytes.saturating_add(d.len()) <= CACHE;
            bytes = bytes.saturating_add(d.len());
            keep
        });
        Ok(data)
    }
}

fn compare(offset: u64, what: String, stored: u32, computed: u32) -> Result<()> {
    if stored == computed {
        return Ok(());
    }
    Err(Error::Checksum { offset, what, stored: stored.into(), computed: computed.into() })
}

/// That a chunk's bytes are in the file, and that it can be decompressed in memory.
fn check_chunk(c: &Chunk, file: u64) -> Result<()> {
    if matches!(c.method, Method::Zero | Method::Ignore) {
        return Ok(());
    }
    if c.offset.checked_add(c.packed).is_none_or(|end| end > file) {
        return Err(Error::Truncated { offset: c.offset, what: "a chunk of the disk image", len: file });
    }
    if c.method == Method::Stored && c.packed < c.len {
        return Err(Error::Inconsistent {
            offset: c.offset,
            what: format!("a stored chunk has {} bytes for {} of the disk", c.packed, c.len),
        });
    }
    if c.method.is_compressed() {
        let size = c.len.max(c.packed);
        if size > MAX_CHUNK {
            let what = "the size of a compressed chunk";
            return Err(Error::Limit { offset: c.offset, what, value: size, limit: MAX_CHUNK });
        }
    }
    Ok(())
}

impl Source for Udif {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(Error::Truncated { offset, what: "the disk in the image", len: self.len });
        }
        let (mut buf, mut at) = (buf, offset);
        let mut i = self.chunks.partition_point(|c| c.start.saturating_add(c.len) <= at);
        while !buf.is_empty() {
            let left = buf.len() as u64;
            let chunk = self.chunks.get(i);
            let n = match chunk {
                // Sectors that no chunk speaks of are zeros.
                None => left,
                Some(c) if at < c.start => c.start.saturating_sub(at),
                Some(c) => c.start.saturating_add(c.len).saturating_sub(at),
            };
            let (now, later) = buf.split_at_mut(index(n.min(left)));
            match chunk.filter(|c| at >= c.start) {
                None => now.fill(0),
                Some(c) => {
                    let skip = at.saturating_sub(c.start);
                    match c.method {
                        Method::Zero | Method::Ignore => now.fill(0),
                        Method::Stored => self.source.read_at(c.offset.saturating_add(skip), now)?,
                        _ => {
                            let data = self.decompressed(i, c)?;
                            let from = index(skip);
                            let part = data.get(from..from.saturating_add(now.len())).unwrap_or_default();
                            if part.len() == now.len() {
                                now.copy_from_slice(part);
                            }
                        }
                    }
                    i = i.saturating_add(1);
                }
            }
            at = at.saturating_add(now.len() as u64);
            buf = later;
        }
        Ok(())
    }

    fn zeros_at(&self, offset: u64) -> u64 {
        let i = self.chunks.partition_point(|c| c.start.saturating_add(c.len) <= offset);
        match self.chunks.get(i) {
            None => self.len.saturating_sub(offset),
            Some(c) if offset < c.start => c.start.saturating_sub(offset),
            Some(c) if matches!(c.method, Method::Zero | Method::Ignore) => {
                c.start.saturating_add(c.len).saturating_sub(offset)
            }
            Some(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
