//! Fields of hostile structures, with the bounds checked.

use crate::{Error, Result};

/// Bytes and the name that they have in errors. Offsets are those of the bytes' start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) what: &'static str,
}

impl<'a> View<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        View { bytes, what }
    }

    pub(crate) fn slice(&self, at: u64, len: u64) -> Result<&'a [u8]> {
        let range = at.checked_add(len).and_then(|end| {
            let (at, end) = (usize::try_from(at).ok()?, usize::try_from(end).ok()?);
            self.bytes.get(at..end)
        });
        range.ok_or(Error::Truncated { offset: at, what: self.what })
    }

    fn array<const N: usize>(&self, at: u64) -> Result<[u8; N]> {
        let mut a = [0; N];
        a.copy_from_slice(self.slice(at, N as u64)?);
        Ok(a)
    }

    pub(crate) fn u8(&self, at: u64) -> Result<u8> {
        self.array::<1>(at).map(|[b]| b)
    }

    pub(crate) fn be32(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(crate) fn be64(&self, at: u64) -> Result<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    pub(crate) fn le32(&self, at: u64) -> Result<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(crate) fn le64(&self, at: u64) -> Result<u64> {
        self.array(at).map(u64::from_le_bytes)
    }

    pub(crate) fn bad(&self, at: u64, what: &'static str, value: impl Into<u64>) -> Error {
        Error::BadField { offset: at, what, value: value.into() }
    }
}

/// A length as an index; one that no memory holds becomes one that no slice has.
pub(crate) fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
