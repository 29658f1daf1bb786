//! A place in an archive, which moves as the `zip` crate reads: that wants `Read` and `Seek`.

use crate::ReadAt;
use std::io::{self, Read, Seek, SeekFrom};

/// The crate reads a header field by field, so it reads from pieces of this size.
const WINDOW: usize = 64 << 10;

/// A place in an archive.
pub(super) struct Cursor<'a> {
    source: &'a dyn ReadAt,
    /// Length of the archive in bytes.
    pub len: u64,
    /// Where the next byte is read.
    at: u64,
    /// Where the last read was: what an error is about.
    pub read_at: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Cursor<'a> {
    pub fn new(source: &'a dyn ReadAt) -> io::Result<Cursor<'a>> {
        Ok(Cursor { source, len: source.size()?, at: 0, read_at: 0, window: Vec::new(), window_at: 0 })
    }
}

impl Read for Cursor<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_at = self.at;
        let inside = |at: u64, start: u64| usize::try_from(at.checked_sub(start)?).ok();
        let have = inside(self.at, self.window_at).and_then(|i| self.window.get(i..));
        let have = match have.filter(|h| !h.is_empty()) {
            Some(have) => have,
            None if buf.len() >= WINDOW => {
                let n = self.source.read_at(buf, self.at)?;
                self.at = self.at.saturating_add(n as u64);
                return Ok(n);
            }
            None => {
                self.window.resize(WINDOW, 0);
                self.window_at = self.at;
                // Empty while it is not known how much was read.
                let mut window = std::mem::take(&mut self.window);
                let n = self.source.read_at(&mut window, self.at)?;
                window.truncate(n);
                self.window = window;
                self.window.as_slice()
            }
        };
        let n = have.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..n), have.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.len.checked_add_signed(n),
            SeekFrom::Current(n) => self.at.checked_add_signed(n),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
