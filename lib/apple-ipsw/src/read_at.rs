//! Where an archive's bytes are: read at any place, by several readers at once.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that can be read at any place without moving anything.
pub trait ReadAt: Send + Sync {
    /// Reads some bytes from `offset` on; 0 at the end.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;

    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Says that these bytes are going to be read in order, from their start: where each read is a request over a
    /// network, they can then come in one. Nothing need be done.
    fn will_read(&self, range: Range<u64>) {
        let _ = range;
    }

    /// Fills `buf` from `offset` on.
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            match self.read_at(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = buf.get_mut(n..).unwrap_or_default();
                    offset = offset.saturating_add(n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl ReadAt for File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.get(o..)).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl<T: ReadAt + ?Sized> ReadAt for Arc<T> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        (**self).read_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn will_read(&self, range: Range<u64>) {
        (**self).will_read(range);
    }
}

/// A part of something larger, such as a stored member that is an archive itself.
pub(crate) struct Slice<T> {
    pub source: T,
    pub start: u64,
    pub len: u64,
}

impl<T: ReadAt> ReadAt for Slice<T> {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let want = left.min(buf.len());
        self.source.read_at(buf.get_mut(..want).unwrap_or_default(), self.start.saturating_add(offset))
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn will_read(&self, range: Range<u64>) {
        let at = |n: u64| self.start.saturating_add(n.min(self.len));
        self.source.will_read(at(range.start)..at(range.end));
    }
}
