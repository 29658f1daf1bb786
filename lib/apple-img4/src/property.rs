//! Properties: named values in the sets of manifests, restore information and payloads.

use crate::tlv::{Cursor, Tlv, unsigned};
use crate::{Error, ErrorKind, FourCc, Result};
use alloc::vec::Vec;
use der::Tag;

/// A set of a manifest has a few dozen elements; this is far beyond any.
const MAX_PROPERTIES: usize = 4096;
/// Sets inside property values are not deeper than one in any known file.
const MAX_DEPTH: usize = 8;

/// What a property holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A BOOLEAN (any non-zero byte is true).
    Boolean(bool),
    /// An INTEGER that is not negative and fits 64 bits.
    Integer(u64),
    /// Any other INTEGER: its big-endian two's complement bytes.
    BigInteger(&'a [u8]),
    /// An OCTET STRING.
    Octets(&'a [u8]),
    /// An IA5String or UTF8String.
    Text(&'a str),
    /// A SET of further properties.
    Set(Vec<Property<'a>>),
    /// Anything else: the whole element.
    Other(&'a [u8]),
}

/// A named value: `[PRIVATE 'name'] SEQUENCE { IA5String name, value }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property<'a> {
    /// Its name.
    pub name: FourCc,
    /// What it holds.
    pub value: Value<'a>,
    /// The whole element, as it stands in the file.
    pub raw: &'a [u8],
    /// Where it starts, from the start of the input.
    pub offset: u64,
}

impl Property<'_> {
    /// The value, if it is octets.
    pub fn octets(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Octets(o) => Some(o),
            _ => None,
        }
    }

    /// The value, if it is a number of at most 64 bits.
    pub fn integer(&self) -> Option<u64> {
        match self.value {
            Value::Integer(n) => Some(n),
            _ => None,
        }
    }

    /// The value, if it is a boolean.
    pub fn boolean(&self) -> Option<bool> {
        match self.value {
            Value::Boolean(b) => Some(b),
            _ => None,
        }
    }
}

/// The property of this name.
pub(crate) fn find<'p, 'a>(properties: &'p [Property<'a>], name: FourCc) -> Option<&'p Property<'a>> {
    properties.iter().find(|p| p.name == name)
}

/// Opens `[PRIVATE name] SEQUENCE { name, value }`: the name and the value's element.
pub(crate) fn tagged<'a>(element: &Tlv<'a>, field: &'static str) -> Result<(FourCc, Tlv<'a>)> {
    let Some(name) = element.private() else {
        return element.fail(ErrorKind::Unexpected, field);
    };
    let sequence = element.inside().expect(Tag::Sequence, field)?;
    let mut inside = sequence.inside();
    let (inner, string) = inside.name(field)?;
    if inner != name {
        return string.fail(ErrorKind::NameMismatch(inner), field);
    }
    Ok((name, inside.next(field)?))
}

/// Reads the properties of a set, in file order.
pub(crate) fn read_set<'a>(set: &Tlv<'a>, field: &'static str) -> Result<Vec<Property<'a>>> {
    read_elements(set.inside(), field, 0)
}

fn read_elements<'a>(
    mut elements: Cursor<'a>,
    field: &'static str,
    depth: usize,
) -> Result<Vec<Property<'a>>> {
    let mut properties = Vec::new();
    if depth > MAX_DEPTH {
        return Err(Error::new(ErrorKind::TooDeep, field, elements.offset()));
    }
    while !elements.is_empty() {
        let element = elements.next(field)?;
        if properties.len() >= MAX_PROPERTIES {
            return element.fail(ErrorKind::TooMany, field);
        }
        let (name, value) = tagged(&element, field)?;
        let value = read_value(&value, field, depth)?;
        properties.push(Property { name, value, raw: element.raw, offset: element.offset as u64 });
    }
    Ok(properties)
}

fn read_value<'a>(element: &Tlv<'a>, field: &'static str, depth: usize) -> Result<Value<'a>> {
    Ok(match element.tag {
        Tag::Boolean => match element.value {
            [b] => Value::Boolean(*b != 0),
            _ => return element.fail(ErrorKind::BadNumber, field),
        },
        Tag::Integer => match unsigned(element.value) {
            Some(n) => Value::Integer(n),
            None if element.value.is_empty() => return element.fail(ErrorKind::BadNumber, field),
            None => Value::BigInteger(element.value),
        },
        Tag::OctetString => Value::Octets(element.value),
        Tag::Ia5String | Tag::Utf8String => match core::str::from_utf8(element.value) {
            Ok(text) => Value::Text(text),
            Err(_) => Value::Other(element.raw),
        },
        Tag::Set => Value::Set(read_elements(element.inside(), field, depth.saturating_add(1))?),
        _ => Value::Other(element.raw),
    })
}
