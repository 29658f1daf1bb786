//! The bytes of one member, unpacked and compared with size and CRC-32 as they are read.

use super::{Entry, LOCAL_LEN, Method};
use crate::{Error, ReadAt, Result};
use ::zip::unstable::format::blocks::ZipLocalEntryBlock;
use flate2::{Decompress, FlushDecompress, Status};
use std::io::{self, Read};

/// Packed bytes are fetched in pieces of this size.
const BUFFER: u64 = 256 << 10;
/// Room for a local header's extra field in what is announced.
const EXTRA: u64 = 64;

/// Reads a member. An error of this crate comes inside `io::Error` (see [`Error::io`]). The read that would give the
/// last byte fails if size or CRC-32 are not right, so nobody gets a whole wrong file.
pub struct MemberReader<'a> {
    source: &'a dyn ReadAt,
    entry: &'a Entry,
    /// Where the next packed byte is, and how many are left.
    at: u64,
    packed_left: u64,
    /// Unpacked bytes still to give.
    left: u64,
    crc: crc32fast::Hasher,
    inflate: Option<Inflate>,
}

struct Inflate {
    state: Decompress,
    buffer: Vec<u8>,
    /// Unused part of the buffer.
    from: usize,
    to: usize,
}

impl std::fmt::Debug for MemberReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberReader").field("entry", &self.entry.name).field("left", &self.left).finish()
    }
}

impl<'a> MemberReader<'a> {
    /// Opens a member, comparing its local header with the directory.
    pub(crate) fn new(source: &'a dyn ReadAt, entry: &'a Entry) -> Result<MemberReader<'a>> {
        let unsupported = |what: String| Err(Error::UnsupportedMember { name: entry.name.clone(), what });
        if entry.encrypted {
            return unsupported("encrypted with a zip password; that is not supported".into());
        }
        let inflate = match entry.method {
            Method::Stored => None,
            Method::Deflate => Some(Inflate {
                state: Decompress::new(false),
                buffer: vec![0; usize::try_from(BUFFER.min(entry.packed_size)).unwrap_or(0)],
                from: 0,
                to: 0,
            }),
            Method::Other(n) => return unsupported(format!("packed with method {n}; only 0 and 8 are read")),
        };
        // The length of the extra field is only in the local header; it is seldom longer than this.
        let end = [LOCAL_LEN, entry.name.len() as u64, EXTRA, entry.packed_size];
        let end = end.iter().fold(entry.offset, |a, b| a.saturating_add(*b));
        source.will_read(entry.offset..if entry.limit > entry.offset { end.min(entry.limit) } else { end });
        let mut header = [0; LOCAL_LEN as usize];
        let io = |e| Error::io(&entry.name, e);
        source.read_exact_at(&mut header, entry.offset).map_err(io)?;
        let Ok(local) = ZipLocalEntryBlock::parse(&mut &header[..]) else {
            return Err(entry.damaged("no local header where the directory says"));
        };
        let mut name = vec![0; local.file_name_length.into()];
        source.read_exact_at(&mut name, entry.offset.saturating_add(LOCAL_LEN)).map_err(io)?;
        if name != entry.name.as_bytes() || Method::from_number(local.compression_method) != entry.method {
            return Err(entry.damaged("its local header has another name or method than the directory"));
        }
        let at = entry
            .offset
            .saturating_add(LOCAL_LEN)
            .saturating_add(local.file_name_length.into())
            .saturating_add(local.extra_field_length.into());
        Ok(MemberReader {
            source,
            entry,
            at,
            packed_left: entry.packed_size,
            left: entry.size,
            crc: crc32fast::Hasher::new(),
            inflate,
        })
    }

    /// Where its packed bytes begin, and how many they are.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.at, self.packed_left)
    }

    fn read_some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Some(inflate) = &mut self.inflate else {
            let n = self.source.read_at(buf, self.at)?;
            self.at = self.at.saturating_add(n as u64);
            return Ok(n);
        };
        loop {
            if inflate.from == inflate.to && self.packed_left > 0 {
                let want = usize::try_from(self.packed_left).unwrap_or(usize::MAX).min(inflate.buffer.len());
                let n = self.source.read_at(inflate.buffer.get_mut(..want).unwrap_or_default(), self.at)?;
                (inflate.from, inflate.to) = (0, n);
                self.at = self.at.saturating_add(n as u64);
                self.packed_left = if n == 0 { 0 } else { self.packed_left.saturating_sub(n as u64) };
            }
            let input = inflate.buffer.get(inflate.from..inflate.to).unwrap_or_default();
            let input_is_empty = input.is_empty();
            let (before_in, before_out) = (inflate.state.total_in(), inflate.state.total_out());
            let status = inflate
                .state
                .decompress(input, buf, FlushDecompress::None)
                .map_err(|e| self.entry.damaged(format!("its deflated bytes are damaged ({e})")))?;
            let used = inflate.state.total_in().saturating_sub(before_in);
            let made = inflate.state.total_out().saturating_sub(before_out);
            inflate.from =
                inflate.from.saturating_add(usize::try_from(used).unwrap_or(usize::MAX)).min(inflate.to);
            let out_of_input = inflate.from == inflate.to && self.packed_left == 0;
            let stuck = used == 0 && made == 0 && !input_is_empty;
            if stuck || made > 0 || status == Status::StreamEnd || out_of_input {
                return Ok(usize::try_from(made).unwrap_or(0));
            }
        }
    }

    /// What is checked when the last byte is there.
    fn at_end(&mut self) -> Result<()> {
        if self.inflate.is_some() {
            let mut more = [0; 1];
            let n = self.read_some(&mut more).map_err(|e| Error::io(&self.entry.name, e))?;
            if n != 0 {
                return Err(self
                    .entry
                    .damaged(format!("it is longer than the {} bytes it should have", self.entry.size)));
            }
        }
        let is = self.crc.clone().finalize();
        match self.entry.crc32 {
            Some(should) if is != should => {
                Err(self.entry.damaged(format!("CRC-32 is {is:08x}, should be {should:08x}")))
            }
            _ => Ok(()),
        }
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(buf) = buf.get_mut(..want).filter(|b| !b.is_empty()) else { return Ok(0) };
        let n = self.read_some(buf)?;
        if n == 0 {
            let there = self.entry.size.saturating_sub(self.left);
            return Err(self
                .entry
                .damaged(format!("it ends after {there} of {} bytes", self.entry.size))
                .into());
        }
        self.crc.update(buf.get(..n).unwrap_or_default());
        self.left = self.left.saturating_sub(n as u64);
        if self.left == 0 {
            self.at_end()?;
        }
        Ok(n)
    }
}
