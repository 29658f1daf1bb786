//! IMG3, the container before Image4 (iOS 2 to 9 on 32-bit devices). Read only.
//!
//! Little-endian; four-character codes are numbers and so stand reversed. A header of 0x14 bytes (magic, full size,
//! size of the tags, size of the signed area, type), then tags of {magic, whole length, data length, data, padding}.

use crate::{Error, Kind, Result, u32_le};
use std::ops::Range;

const HEADER: usize = 0x14;
const TAG_HEADER: usize = 12;
/// Real files have about a dozen tags.
const MAX_TAGS: usize = 256;

/// A tag of an IMG3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its name: `DATA`, `VERS`, `KBAG`…
    pub name: [u8; 4],
    /// Where its data is in the file.
    pub data: Range<usize>,
}

/// What an IMG3 holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Img3 {
    /// Type: `krnl`, `logo`…
    pub ident: [u8; 4],
    /// All of it.
    pub size: usize,
    /// The DATA tag's data.
    pub data: Range<usize>,
    /// The DATA tag's data and padding: what is encrypted, in whole blocks.
    pub padded: Range<usize>,
    /// Key bits of each KBAG.
    pub keybags: Vec<u32>,
    /// `VERS`, the description.
    pub version: Option<String>,
    /// All tags in order.
    pub tags: Vec<Tag>,
}

/// Reads an IMG3; `base` is its offset, for messages.
///
/// # Errors
/// A damaged file, or one without DATA.
pub fn parse(bytes: &[u8], base: u64) -> Result<Img3> {
    let at = |offset: usize| base.saturating_add(offset as u64);
    let truncated = |offset: usize, what, have: usize, need: usize| Error::Truncated {
        layer: Kind::Img3,
        offset: at(offset),
        what,
        have: have as u64,
        need: need as u64,
    };
    let header = |offset| u32_le(bytes, offset).ok_or(truncated(0, "the header", bytes.len(), HEADER));
    let size = usize::try_from(header(4)?).unwrap_or(usize::MAX);
    let ident = reversed(header(16)?);
    let whole = bytes.get(..size).ok_or(truncated(0, "the file", bytes.len(), size))?;
    let mut img3 =
        Img3 { ident, size, data: 0..0, padded: 0..0, keybags: Vec::new(), version: None, tags: Vec::new() };
    let mut offset = HEADER;
    let mut found = false;
    while offset < whole.len() {
        let tag = whole.get(offset..).unwrap_or_default();
        let field = |n| u32_le(tag, n).map(|v| usize::try_from(v).unwrap_or(usize::MAX));
        let (Some(total), Some(length)) = (field(4), field(8)) else {
            return Err(truncated(offset, "a tag", tag.len(), TAG_HEADER));
        };
        if length.checked_add(TAG_HEADER).is_none_or(|n| n > total) || img3.tags.len() >= MAX_TAGS {
            return Err(Error::BadField {
                layer: Kind::Img3,
                offset: at(offset.saturating_add(4)),
                what: "a tag's length",
                value: total as u64,
            });
        }
        let body = tag.get(TAG_HEADER..total).ok_or(truncated(offset, "a tag", tag.len(), total))?;
        let name = reversed(u32_le(tag, 0).unwrap_or(0));
        let start = offset.saturating_add(TAG_HEADER);
        match &name {
            b"DATA" if !found => {
                found = true;
                img3.data = start..start.saturating_add(length);
                img3.padded = start..start.saturating_add(body.len());
            }
            b"KBAG" => img3.keybags.push(u32_le(body, 4).unwrap_or(0)),
            b"VERS" => {
                let length = u32_le(body, 0).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                let text = body.get(4..).unwrap_or_default();
                let text = text.get(..length.min(text.len())).unwrap_or_default();
                img3.version = Some(String::from_utf8_lossy(text).trim_end_matches('\0').to_string());
            }
            _ => {}
        }
        img3.tags.push(Tag { name, data: start..start.saturating_add(length) });
        offset = offset.saturating_add(total);
    }
    if !found {
        return Err(truncated(HEADER, "the tags (there is no DATA among them)", 0, TAG_HEADER));
    }
    Ok(img3)
}

fn reversed(v: u32) -> [u8; 4] {
    v.to_be_bytes()
}
