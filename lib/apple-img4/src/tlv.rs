//! Tag, length, value: a cursor over DER elements that keeps their offsets.

use crate::{Error, ErrorKind, FourCc, Result};
use der::{Decode, SliceReader, Tag};

/// One DER element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tlv<'a> {
    pub tag: Tag,
    /// Where its tag starts in the whole input.
    pub offset: usize,
    /// Where its value starts in the whole input.
    pub value_offset: usize,
    /// All of it, header included.
    pub raw: &'a [u8],
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// A cursor over the elements inside.
    pub(crate) fn inside(&self) -> Cursor<'a> {
        Cursor { bytes: self.value, pos: 0, base: self.value_offset, nested: true }
    }

    /// The code of a private tag.
    pub(crate) fn private(&self) -> Option<FourCc> {
        match self.tag {
            Tag::Private { constructed: true, number } => Some(FourCc::from_number(number.0)),
            _ => None,
        }
    }

    pub(crate) fn fail<T>(&self, kind: ErrorKind, field: &'static str) -> Result<T> {
        Err(Error::new(kind, field, self.offset))
    }
}

/// Walks elements that follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pos: usize,
    base: usize,
    nested: bool,
}

/// A tag of a 32-bit number takes 6 bytes, a length at most 9.
const MAX_HEADER: usize = 16;

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, pos: 0, base: 0, nested: false }
    }

    /// Where the next element starts in the whole input.
    pub(crate) fn offset(&self) -> usize {
        self.base.saturating_add(self.pos)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pos >= self.bytes.len()
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.pos..).unwrap_or_default()
    }

    fn end(&self) -> ErrorKind {
        if self.nested { ErrorKind::OutOfBounds } else { ErrorKind::Truncated }
    }

    /// The next element's tag and the size of its header, which need not be followed by its value.
    pub(crate) fn header(&mut self) -> Result<(Tag, usize)> {
        self.peek("the container").map(|(tag, header, _)| (tag, header))
    }

    fn peek(&self, field: &'static str) -> Result<(Tag, usize, u64)> {
        let fail = |kind| Error::new(kind, field, self.offset());
        let rest = self.rest();
        let head = rest.get(..rest.len().min(MAX_HEADER)).unwrap_or_default();
        if head.is_empty() {
            return Err(fail(self.end()));
        }
        let mut reader = SliceReader::new(head).map_err(|_| fail(ErrorKind::BadTag))?;
        let tag = Tag::decode(&mut reader).map_err(|e| {
            fail(if matches!(e.kind(), der::ErrorKind::Incomplete { .. }) && head.len() < MAX_HEADER {
                self.end()
            } else {
                ErrorKind::BadTag
            })
        })?;
        let tag_len = usize::try_from(der::Reader::position(&reader)).map_err(|_| fail(ErrorKind::BadTag))?;
        let after = head.get(tag_len..).unwrap_or_default();
        let (&first, after) = after.split_first().ok_or(fail(self.end()))?;
        let header = tag_len.saturating_add(1);
        if first < 0x80 {
            return Ok((tag, header, first.into()));
        }
        let wide = usize::from(first & 0x7f);
        if wide == 0 || wide > 8 {
            return Err(fail(ErrorKind::BadLength));
        }
        let bytes = after.get(..wide).ok_or(fail(self.end()))?;
        let length = bytes.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
        Ok((tag, header.saturating_add(wide), length))
    }

    /// Reads the next element.
    pub(crate) fn next(&mut self, field: &'static str) -> Result<Tlv<'a>> {
        let (tag, header, length) = self.peek(field)?;
        let offset = self.offset();
        let fail = || Error::new(self.end(), field, offset);
        let size = usize::try_from(length).ok().and_then(|n| n.checked_add(header)).ok_or_else(fail)?;
        let raw = self.rest().get(..size).ok_or_else(fail)?;
        let value = raw.get(header..).unwrap_or_default();
        self.pos = self.pos.saturating_add(size);
        Ok(Tlv { tag, offset, value_offset: offset.saturating_add(header), raw, value })
    }

    /// Reads the next element, which must have this tag.
    pub(crate) fn expect(&mut self, tag: Tag, field: &'static str) -> Result<Tlv<'a>> {
        if self.is_empty() {
            return Err(Error::new(ErrorKind::Unexpected, field, self.offset()));
        }
        let element = self.next(field)?;
        if element.tag != tag {
            return element.fail(ErrorKind::Unexpected, field);
        }
        Ok(element)
    }

    /// Reads the next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: Tag, field: &'static str) -> Result<Option<Tlv<'a>>> {
        if self.is_empty() || self.peek(field)?.0 != tag {
            return Ok(None);
        }
        self.next(field).map(Some)
    }

    /// Reads a string of four characters.
    pub(crate) fn name(&mut self, field: &'static str) -> Result<(FourCc, Tlv<'a>)> {
        let string = self.expect(Tag::Ia5String, field)?;
        match string.value.try_into() {
            Ok(code) => Ok((FourCc(code), string)),
            Err(_) => string.fail(ErrorKind::BadName, field),
        }
    }
}

/// Opens a container: the outer sequence, and a cursor after its name, which must be `magic`.
pub(crate) fn container<'a>(
    data: &'a [u8],
    magic: FourCc,
    field: &'static str,
) -> Result<(Tlv<'a>, Cursor<'a>)> {
    let outer = Cursor::new(data).expect(Tag::Sequence, field)?;
    named(outer, magic, field)
}

/// A cursor after the name of a sequence already read.
pub(crate) fn named<'a>(outer: Tlv<'a>, magic: FourCc, field: &'static str) -> Result<(Tlv<'a>, Cursor<'a>)> {
    let mut inside = outer.inside();
    let (name, string) = inside.name(field)?;
    if name != magic {
        return string.fail(ErrorKind::WrongMagic(name), field);
    }
    Ok((outer, inside))
}

/// An integer of up to 64 bits, not negative.
pub(crate) fn unsigned(bytes: &[u8]) -> Option<u64> {
    let (&first, _) = bytes.split_first()?;
    if first >= 0x80 {
        return None;
    }
    let digits = bytes.iter().position(|&b| b != 0).and_then(|n| bytes.get(n..)).unwrap_or_default();
    (digits.len() <= 8).then(|| digits.iter().fold(0u64, |n, &b| n << 8 | u64::from(b)))
}
