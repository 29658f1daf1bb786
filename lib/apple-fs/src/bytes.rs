//! Fields of a structure, read with the bounds checked and the absolute offset in every error.

use crate::{Error, Result};

/// Some bytes of an image and where they came from.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    bytes: &'a [u8],
    base: u64,
    what: &'static str,
}

macro_rules! field {
    ($name:ident, $type:ty, $from:ident, $n:literal) => {
        pub(crate) fn $name(&self, at: usize) -> Result<$type> {
            self.array::<$n>(at).map(<$type>::$from)
        }
    };
}

impl<'a> View<'a> {
    /// `what` names the structure in errors; `base` is where in the image it starts.
    pub(crate) fn new(bytes: &'a [u8], base: u64, what: &'static str) -> Self {
        View { bytes, base, what }
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The absolute offset of the byte at `at`.
    pub(crate) fn offset(&self, at: usize) -> u64 {
        self.base.saturating_add(at as u64)
    }

    pub(crate) fn slice(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        at.checked_add(len).and_then(|end| self.bytes.get(at..end)).ok_or(Error::Truncated {
            offset: self.offset(at),
            what: self.what,
            len: self.bytes.len() as u64,
        })
    }

    /// A part as a view of its own, which keeps absolute offsets.
    pub(crate) fn part(&self, at: usize, len: usize, what: &'static str) -> Result<View<'a>> {
        Ok(View { bytes: self.slice(at, len)?, base: self.offset(at), what })
    }

    /// Everything from `at` on.
    pub(crate) fn rest(&self, at: usize) -> Result<View<'a>> {
        self.part(at, self.bytes.len().saturating_sub(at), self.what)
    }

    fn array<const N: usize>(&self, at: usize) -> Result<[u8; N]> {
        let mut a = [0; N];
        a.copy_from_slice(self.slice(at, N)?);
        Ok(a)
    }

    pub(crate) fn u8(&self, at: usize) -> Result<u8> {
        self.array::<1>(at).map(|[b]| b)
    }

    field!(be16, u16, from_be_bytes, 2);
    field!(be32, u32, from_be_bytes, 4);
    field!(be64, u64, from_be_bytes, 8);
    field!(le16, u16, from_le_bytes, 2);
    field!(le32, u32, from_le_bytes, 4);
    field!(le64, u64, from_le_bytes, 8);

    /// The error for a field of this structure with an impossible value.
    pub(crate) fn bad(&self, at: usize, what: &'static str, value: impl Into<u64>) -> Error {
        Error::BadField { offset: self.offset(at), what, value: value.into() }
    }
}

/// A length as an index: lengths that do not fit become one that no slice has.
pub(crate) fn index(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
