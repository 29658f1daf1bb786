//! IM4R: restore information, in practice the boot nonce's generator.

use crate::property::{self, Property};
use crate::tlv::{self, Cursor, Tlv};
use crate::{FourCc, Result};
use alloc::vec::Vec;
use der::Tag;

/// An IM4R, borrowed from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Im4r<'a> {
    /// The whole container.
    pub raw: &'a [u8],
    /// Where it starts, from the start of the input.
    pub offset: u64,
    /// Its properties in file order. iPhone 14 and later have more than `BNCN`.
    pub properties: Vec<Property<'a>>,
    /// Bytes of the input after the container.
    pub trailing: u64,
}

impl<'a> Im4r<'a> {
    /// The container's name.
    pub const MAGIC: FourCc = FourCc(*b"IM4R");

    /// Reads an IM4R.
    ///
    /// # Errors
    /// Not an IM4R, truncated, or an element outside the one around it; the error says which and where.
    pub fn parse(data: &'a [u8]) -> Result<Im4r<'a>> {
        let (outer, inside) = tlv::container(data, Self::MAGIC, "IM4R")?;
        Self::read(outer, inside, data.len().saturating_sub(outer.raw.len()) as u64)
    }

    pub(crate) fn read(outer: Tlv<'a>, mut inside: Cursor<'a>, trailing: u64) -> Result<Im4r<'a>> {
        let set = inside.expect(Tag::Set, "IM4R properties")?;
        let properties = property::read_set(&set, "IM4R property")?;
        Ok(Im4r { raw: outer.raw, offset: outer.offset as u64, properties, trailing })
    }

    /// The property of this name.
    pub fn property(&self, name: FourCc) -> Option<&Property<'a>> {
        property::find(&self.properties, name)
    }

    /// The generator of the boot nonce: `BNCN`, eight bytes, little-endian.
    pub fn generator(&self) -> Option<u64> {
        self.property(FourCc(*b"BNCN"))?.octets()?.try_into().ok().map(u64::from_le_bytes)
    }
}
