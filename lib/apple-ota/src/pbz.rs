//! Apple's chunked compression: `pbz` and a letter for the method, the size of a chunk, and chunks of that size, each
//! packed for itself, all numbers big-endian.
//!
//! ```text
//! "pbzx"  u64 size of a chunk unpacked
//! chunk:  u64 size unpacked, u64 size packed, bytes (as they are if the two sizes are equal)
//! ```

use crate::error::fill;
use crate::{Error, Result};
use std::io::{self, Read};

const LAYER: &str = "pbzx";
/// Chunks of updates have 1 to 16 MiB.
const MAX_CHUNK: u64 = 64 << 20;

/// Unpacks a stream as it is read.
pub struct Pbz<R> {
    input: R,
    method: u8,
    chunk: u64,
    /// Bytes of the packed stream read so far.
    offset: u64,
    unpacked: Vec<u8>,
    at: usize,
}

impl<R> std::fmt::Debug for Pbz<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pbz").field("method", &char::from(self.method)).field("offset", &self.offset).finish()
    }
}

impl<R: Read> Pbz<R> {
    /// Reads the head of a stream.
    ///
    /// # Errors
    /// Not such a stream, or a method that is not read (LZ4, LZVN, LZBITMAP).
    pub fn new(mut input: R) -> Result<Pbz<R>> {
        let mut head = [0; 12];
        if !fill(&mut input, &mut head, LAYER, 0, "its head")? {
            return Err(Error::Truncated { layer: LAYER, offset: 0, what: "its head" });
        }
        let [b'p', b'b', b'z', method, size @ ..] = head else {
            return Err(Error::Unsupported("not a pbzx stream".into()));
        };
        let name = match method {
            b'x' | b'e' | b'z' | b'-' => "",
            b'4' => "LZ4",
            b'b' => "LZBITMAP",
            b'f' => "LZVN",
            _ => "an unknown method",
        };
        if !name.is_empty() {
            let letter = method.escape_ascii();
            return Err(Error::Unsupported(format!("pbz{letter}: packed with {name}, which is not read")));
        }
        let chunk = u64::from_be_bytes(size);
        if !(1..=MAX_CHUNK).contains(&chunk) {
            let what = format!("chunks of {chunk:#x} bytes, which cannot be (at most {MAX_CHUNK:#x})");
            return Err(Error::Damaged { layer: LAYER, offset: 4, what });
        }
        Ok(Pbz { input, method, chunk, offset: 12, unpacked: Vec::new(), at: 0 })
    }

    /// Unpacks the next chunk; false at the end.
    fn next(&mut self) -> Result<bool> {
        let mut sizes = [0; 16];
        if !fill(&mut self.input, &mut sizes, LAYER, self.offset, "a chunk's head")? {
            return Ok(false);
        }
        let offset = self.offset;
        let number = |n: &[u8]| n.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
        let (raw, packed) = sizes.split_at(8);
        let (raw, packed) = (number(raw), number(packed));
        let bad = |what: String| Error::Damaged { layer: LAYER, offset, what };
        if raw == 0 || raw > self.chunk || packed == 0 || packed > raw {
            return Err(bad(format!(
                "a chunk of {packed:#x} bytes that become {raw:#x}, of at most {:#x}",
                self.chunk
            )));
        }
        // Grows with what is there, not with what is said.
        let mut bytes = Vec::new();
        (&mut self.input).take(packed).read_to_end(&mut bytes).map_err(Error::io)?;
        if (bytes.len() as u64) < packed {
            return Err(Error::Truncated { layer: LAYER, offset, what: "a chunk" });
        }
        self.offset = offset.saturating_add(16).saturating_add(packed);
        let size = usize::try_from(raw).unwrap_or(usize::MAX);
        self.unpacked = match self.method {
            _ if raw == packed => bytes,
            b'x' => apple_fs::codec::xz(&bytes, size).map_err(bad)?,
            b'e' => apple_fs::codec::lzfse(&bytes, size).map_err(bad)?,
            b'z' => apple_fs::codec::zlib(&bytes, size).map_err(bad)?,
            _ => return Err(bad("not packed, but said to become larger".into())),
        };
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Pbz<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || (self.at == self.unpacked.len() && !self.next()?) {
            return Ok(0);
        }
        let have = self.unpacked.get(self.at..).unwrap_or_default();
        let n = have.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), have.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}
