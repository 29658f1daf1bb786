//! A laid-out volume that reads its parts from where they are.

use crate::bytes::index;
use crate::{Error, Result, Shared, Source};

/// A new volume: metadata in memory, contents still in their sources, zeros between.
#[derive(Debug)]
pub struct NewVolume {
    len: u64,
    /// First byte and source, in order, without overlaps.
    pieces: Vec<(u64, Shared)>,
}

impl NewVolume {
    pub(super) fn new(len: u64, mut pieces: Vec<(u64, Shared)>) -> Self {
        pieces.retain(|p| !p.1.is_empty());
        pieces.sort_by_key(|p| p.0);
        NewVolume { len, pieces }
    }

    /// The first piece that ends behind `offset`.
    fn at(&self, offset: u64) -> usize {
        self.pieces.partition_point(|(start, s)| start.saturating_add(s.len()) <= offset)
    }
}

impl Source for NewVolume {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(Error::Truncated { offset, what: "the new volume", len: self.len });
        }
        buf.fill(0);
        let end = offset.saturating_add(buf.len() as u64);
        for (start, source) in self.pieces.iter().skip(self.at(offset)) {
            if *start >= end {
                break;
            }
            // What of the piece and of the buffer overlaps.
            let from = offset.max(*start);
            let to = end.min(start.saturating_add(source.len()));
            let part = index(from.saturating_sub(offset))..index(to.saturating_sub(offset));
            if let Some(part) = buf.get_mut(part) {
                source.read_at(from.saturating_sub(*start), part)?;
            }
        }
        Ok(())
    }

    fn zeros_at(&self, offset: u64) -> u64 {
        match self.pieces.get(self.at(offset)) {
            Some((start, _)) if *start > offset => start.saturating_sub(offset),
            Some((start, source)) => source.zeros_at(offset.saturating_sub(*start)),
            None => self.len.saturating_sub(offset),
        }
    }
}
