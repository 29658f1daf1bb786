//! Reading an image in one forward pass, as from a pipe. Files can be read so too, or by [`crate::Part::offset`].

use crate::header::read_header;
use crate::{Error, Header, Part, Result};
use std::io::{self, Read};

/// An image that streams by.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    header: Header,
    /// Bytes of the image read so far.
    at: u64,
    /// Index of the part to come.
    next: usize,
}

impl<R: Read> Reader<R> {
    /// Reads the header. If bytes were already read to recognise the input, chain them back before it.
    pub fn new(mut input: R) -> Result<Self> {
        let bytes = read_header(&mut input)?;
        let header = Header::parse(&bytes)?;
        Ok(Reader { input, at: bytes.len() as u64, header, next: 0 })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The part that [`Reader::next_part`] will give.
    pub fn peek(&self) -> Option<&Part> {
        self.header.parts.get(self.next)
    }

    /// Goes to the next part, over whatever is left of the one before.
    pub fn next_part(&mut self) -> Result<Option<PartReader<'_, R>>> {
        let Some(part) = self.header.parts.get(self.next) else { return Ok(None) };
        skip(&mut self.input, &mut self.at, part)?;
        self.next += 1;
        Ok(Some(PartReader { input: &mut self.input, at: &mut self.at, left: part.size, part }))
    }

    /// Reads on to the end of the input, so that whoever writes into our pipe is not cut off before the padding.
    pub fn drain(mut self) -> Result<()> {
        io::copy(&mut self.input, &mut io::sink()).map(|_| ()).map_err(Error::Read)
    }

    pub(crate) fn into_parts(self) -> (R, Header, u64, usize) {
        (self.input, self.header, self.at, self.next)
    }
}

/// Reads on to where `part` starts.
pub(crate) fn skip(input: &mut impl Read, at: &mut u64, part: &Part) -> Result<()> {
    let gap = part.offset.saturating_sub(*at);
    let skipped = io::copy(&mut input.by_ref().take(gap), &mut io::sink()).map_err(Error::Read)?;
    *at = at.saturating_add(skipped);
    if skipped < gap {
        return Err(Error::Truncated { offset: *at, what: format!("what lies before part {}", part.name) });
    }
    Ok(())
}

/// One part of a streaming image: reads its bytes and then ends.
#[derive(Debug)]
pub struct PartReader<'a, R> {
    input: &'a mut R,
    at: &'a mut u64,
    left: u64,
    part: &'a Part,
}

impl<R: Read> PartReader<'_, R> {
    /// Which part it is.
    pub fn part(&self) -> &Part {
        self.part
    }

    /// Reads what is left of the part into memory, refusing more than `limit` bytes. Digests are not looked at.
    pub fn read_bytes(&mut self, limit: u64) -> Result<Vec<u8>> {
        if self.left > limit {
            return Err(Error::OverLimit { part: self.part.name.clone(), size: self.left, limit });
        }
        let mut bytes = Vec::new();
        // Memory grows with what really comes, not with what the header claims.
        self.read_to_end(&mut bytes).map_err(|e| self.error(e))?;
        Ok(bytes)
    }

    /// Reads the whole part into memory and compares it with its digests.
    pub fn read_verified(&mut self, limit: u64) -> Result<Vec<u8>> {
        let bytes = self.read_bytes(limit)?;
        self.part.verify(&bytes)?;
        Ok(bytes)
    }

    /// Fills exactly `place` from the part, for instance guest memory.
    pub fn read_into(&mut self, place: &mut [u8]) -> Result<()> {
        self.read_exact(place).map_err(|e| self.error(e))
    }

    /// Tells an early end of the image, which `Read` can only report as an I/O error, from a real one.
    fn error(&self, e: io::Error) -> Error {
        if e.kind() == io::ErrorKind::UnexpectedEof {
            Error::Truncated { offset: *self.at, what: format!("part {}", self.part.name) }
        } else {
            Error::Read(e)
        }
    }
}

impl<R: Read> Read for PartReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let Some(place) = buf.get_mut(..want).filter(|p| !p.is_empty()) else { return Ok(0) };
        let n = self.input.read(place)?;
        if n == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("offset {:#x}: the image ends in the middle of part {}", self.at, self.part.name),
            ));
        }
        self.left = self.left.saturating_sub(n as u64);
        *self.at = self.at.saturating_add(n as u64);
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
