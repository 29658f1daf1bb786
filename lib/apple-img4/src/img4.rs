//! IMG4: a payload together with the manifest that allows it on one device.

use crate::tlv::{self, Cursor, Tlv};
use crate::{ErrorKind, FourCc, Im4m, Im4p, Im4r, Result};
use der::{Tag, TagNumber};

/// An IMG4, borrowed from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Img4<'a> {
    /// The whole container.
    pub raw: &'a [u8],
    /// The payload.
    pub im4p: Im4p<'a>,
    /// The manifest.
    pub im4m: Option<Im4m<'a>>,
    /// The restore information.
    pub im4r: Option<Im4r<'a>>,
    /// Bytes of the input after the container.
    pub trailing: u64,
}

pub(crate) const MANIFEST_TAG: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
pub(crate) const RESTORE_TAG: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(1) };

impl<'a> Img4<'a> {
    /// The container's name.
    pub const MAGIC: FourCc = FourCc(*b"IMG4");

    /// Reads an IMG4 and everything in it.
    ///
    /// # Errors
    /// Not an IMG4, truncated, or an element outside the one around it; the error says which and where.
    pub fn parse(data: &'a [u8]) -> Result<Img4<'a>> {
        let (outer, mut inside) = tlv::container(data, Self::MAGIC, "IMG4")?;
        let payload = inside.expect(Tag::Sequence, "IM4P")?;
        let (payload, cursor) = tlv::named(payload, Im4p::MAGIC, "IM4P")?;
        let im4p = Im4p::read(payload, cursor, 0)?;
        let (mut im4m, mut im4r) = (None, None);
        while !inside.is_empty() {
            let element = inside.next("IMG4 element")?;
            match element.tag {
                MANIFEST_TAG if im4m.is_none() => {
                    let (outer, cursor) = wrapped(&element, Im4m::MAGIC, "IM4M")?;
                    im4m = Some(Im4m::read(outer, cursor, 0)?);
                }
                RESTORE_TAG if im4r.is_none() => {
                    let (outer, cursor) = wrapped(&element, Im4r::MAGIC, "IM4R")?;
                    im4r = Some(Im4r::read(outer, cursor, 0)?);
                }
                _ => return element.fail(ErrorKind::Unexpected, "IMG4 element"),
            }
        }
        let trailing = data.len().saturating_sub(outer.raw.len()) as u64;
        Ok(Img4 { raw: outer.raw, im4p, im4m, im4r, trailing })
    }
}

fn wrapped<'a>(element: &Tlv<'a>, magic: FourCc, field: &'static str) -> Result<(Tlv<'a>, Cursor<'a>)> {
    let outer = element.inside().expect(Tag::Sequence, field)?;
    tlv::named(outer, magic, field)
}
