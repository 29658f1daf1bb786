//! Blocks of an APFS container and their checksums.

use crate::bytes::{View, index};
use crate::source::{Shared, read_vec};
use crate::{Error, Result};

/// Object types, the low half of the type field.
pub(super) mod kind {
    pub(in super::super) const NX_SUPERBLOCK: u16 = 1;
    pub(in super::super) const BTREE: u16 = 2;
    pub(in super::super) const BTREE_NODE: u16 = 3;
    pub(in super::super) const OMAP: u16 = 11;
    pub(in super::super) const FS: u16 = 13;
}

/// A container's blocks.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    pub(super) source: Shared,
    pub(super) size: u32,
}

impl Blocks {
    /// Reads the object in a block, with its checksum and type verified.
    pub(super) fn object(&self, block: u64, kinds: &[u16], what: &'static str) -> Result<Object> {
        let offset = block.checked_mul(self.size.into()).filter(|&o| o < self.source.len()).ok_or(
            Error::Truncated { offset: block.saturating_mul(self.size.into()), what, len: self.source.len() },
        )?;
        let bytes = read_vec(self.source.as_ref(), offset, self.size.into())?;
        verify(&bytes, offset, what)?;
        let object = Object { bytes, offset, what };
        let v = object.view();
        let kind = v.le32(24)? as u16;
        if !kinds.contains(&kind) {
            return Err(v.bad(24, "the type of an APFS object", kind));
        }
        Ok(object)
    }
}

/// A block that was read.
pub(super) struct Object {
    bytes: Vec<u8>,
    offset: u64,
    what: &'static str,
}

impl Object {
    pub(super) fn view(&self) -> View<'_> {
        View::new(&self.bytes, self.offset, self.what)
    }

    /// The transaction that wrote it.
    pub(super) fn xid(&self) -> Result<u64> {
        self.view().le64(16)
    }
}

/// Compares the Fletcher-64 sum of a block with the stored one.
fn verify(block: &[u8], offset: u64, what: &'static str) -> Result<()> {
    let stored = View::new(block, offset, what).le64(0)?;
    let computed = fletcher64(block.get(8..).unwrap_or_default());
    if stored != computed {
        return Err(Error::Checksum { offset, what: what.into(), stored, computed });
    }
    Ok(())
}

/// Fletcher's checksum with 32-bit words modulo 2^32 - 1, in the form that makes the sum of the whole block zero.
pub(super) fn fletcher64(bytes: &[u8]) -> u64 {
    const M: u64 = 0xffff_ffff;
    let (mut a, mut b) = (0u64, 0u64);
    // The second sum grows by at most 2^32 times the number of words: 1024 words stay far below 2^64.
    for part in bytes.chunks(4096) {
        for word in part.chunks_exact(4) {
            a = a.saturating_add(word.iter().rev().fold(0u64, |n, &x| n << 8 | u64::from(x)));
            b = b.saturating_add(a);
        }
        a %= M;
        b %= M;
    }
    let first = M - (a + b) % M;
    let second = M - (a + first) % M;
    second << 32 | first
}

/// A length on the container, as an index.
pub(super) fn usize_of(n: u64) -> usize {
    index(n)
}
