//! Where bytes come from: memory, a file, a part of another source, a disk image's contents.

use crate::{Error, Result, bytes::index};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes that can be read at any place, by several readers at once.
pub trait Source: fmt::Debug + Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on. Reading past the end is [`Error::Truncated`].
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes from `offset` on are known to be zeros without reading them; 0 when nothing is known.
    fn zeros_at(&self, offset: u64) -> u64 {
        let _ = offset;
        0
    }
}

/// A source as it is passed around.
pub type Shared = Arc<dyn Source>;

fn check(offset: u64, want: usize, len: u64) -> Result<()> {
    match offset.checked_add(want as u64) {
        Some(end) if end <= len => Ok(()),
        _ => Err(Error::Truncated { offset, what: "the image", len }),
    }
}

/// Bytes in memory; a clone shares them.
#[derive(Clone)]
pub struct Bytes(Arc<Vec<u8>>);

impl Bytes {
    /// Takes the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Bytes(Arc::new(bytes.into()))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The same, ready to be passed around.
    pub fn shared(bytes: impl Into<Vec<u8>>) -> Shared {
        Arc::new(Self::new(bytes))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Source for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check(offset, buf.len(), self.len())?;
        let at = index(offset);
        if let Some(bytes) = self.0.get(at..at.saturating_add(buf.len())) {
            buf.copy_from_slice(bytes);
        }
        Ok(())
    }
}

/// An open file, read positionally: its own position is neither used nor moved.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    len: u64,
}

impl FileSource {
    /// Uses `file` as it is long now.
    pub fn new(file: File) -> Result<Self> {
        let len = file.metadata().map_err(|e| Error::Io { offset: 0, why: e.to_string() })?.len();
        Ok(FileSource { file, len })
    }
}

impl Source for FileSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check(offset, buf.len(), self.len)?;
        self.file.read_exact_at(buf, offset).map_err(|e| Error::Io { offset, why: e.to_string() })
    }
}

/// A part of another source.
#[derive(Debug, Clone)]
pub struct Part {
    source: Shared,
    start: u64,
    len: u64,
}

impl Part {
    /// `len` bytes of `source` from `start` on; both are cut to what there is.
    pub fn new(source: Shared, start: u64, len: u64) -> Self {
        let start = start.min(source.len());
        let len = len.min(source.len().saturating_sub(start));
        Part { source, start, len }
    }
}

impl Source for Part {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        check(offset, buf.len(), self.len)?;
        self.source.read_at(self.start.saturating_add(offset), buf)
    }

    fn zeros_at(&self, offset: u64) -> u64 {
        let left = self.len.saturating_sub(offset);
        self.source.zeros_at(self.start.saturating_add(offset)).min(left)
    }
}

/// Reads up to `limit` bytes from `offset` on: fewer where the source ends.
pub(crate) fn read_up_to(source: &dyn Source, offset: u64, limit: u64) -> Result<Vec<u8>> {
    let len = limit.min(source.len().saturating_sub(offset));
    read_vec(source, offset, len)
}

/// Reads exactly `len` bytes; the length is checked against the source before anything is allocated.
pub(crate) fn read_vec(source: &dyn Source, offset: u64, len: u64) -> Result<Vec<u8>> {
    if offset.checked_add(len).is_none_or(|end| end > source.len()) {
        return Err(Error::Truncated { offset, what: "the image", len: source.len() });
    }
    let mut data = vec![0; index(len)];
    source.read_at(offset, &mut data)?;
    Ok(data)
}

/// A source as a stream from its beginning. Errors carry this crate's [`Error`] inside.
#[derive(Debug)]
pub struct Stream<S> {
    source: S,
    position: u64,
    len: u64,
}

impl<S: std::ops::Deref<Target: Source>> Stream<S> {
    /// Starts at the first byte.
    pub fn new(source: S) -> Self {
        let len = source.len();
        Stream { source, position: 0, len }
    }
}

impl<S: std::ops::Deref<Target: Source>> Read for Stream<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = index(self.len.saturating_sub(self.position)).min(buf.len());
        let Some(buf) = buf.get_mut(..n) else { return Ok(0) };
        self.source.read_at(self.position, buf)?;
        self.position = self.position.saturating_add(n as u64);
        Ok(n)
    }
}
