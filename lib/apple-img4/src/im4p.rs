//! IM4P: a payload with its type, and what is needed to decrypt and decompress it.

use crate::property::{self, Property};
use crate::tlv::{self, Cursor, Tlv, unsigned};
use crate::{ErrorKind, FourCc, Result};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use der::{Tag, TagNumber};

/// Real files have two keybags.
const MAX_KEYBAGS: usize = 16;
/// Elements after the known ones.
const MAX_EXTRA: usize = 16;

/// Which key a keybag's contents are wrapped with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeybagKind {
    /// 1: devices as sold.
    Production,
    /// 2: devices fused for development.
    Development,
    /// Any other number.
    Other(u64),
}

impl fmt::Display for KeybagKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeybagKind::Production => f.write_str("production"),
            KeybagKind::Development => f.write_str("development"),
            KeybagKind::Other(n) => write!(f, "kind {n}"),
        }
    }
}

/// A keybag: IV and key, both encrypted with the device's own key and so useless without the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keybag<'a> {
    /// Which key it is wrapped with.
    pub kind: KeybagKind,
    /// The wrapped initialisation vector, 16 bytes in all known files.
    pub iv: &'a [u8],
    /// The wrapped key, 32 bytes in all known files.
    pub key: &'a [u8],
}

/// A compression method's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 0: LZSS, in a `complzss` frame.
    Lzss,
    /// 1: LZFSE.
    Lzfse,
    /// Any other number.
    Other(u64),
}

impl Algorithm {
    /// The number in the file.
    pub fn number(self) -> u64 {
        match self {
            Algorithm::Lzss => 0,
            Algorithm::Lzfse => 1,
            Algorithm::Other(n) => n,
        }
    }

    fn from_number(n: u64) -> Algorithm {
        match n {
            0 => Algorithm::Lzss,
            1 => Algorithm::Lzfse,
            n => Algorithm::Other(n),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algorithm::Lzss => f.write_str("lzss"),
            Algorithm::Lzfse => f.write_str("lzfse"),
            Algorithm::Other(n) => write!(f, "algorithm {n}"),
        }
    }
}

/// How the payload is compressed, where the file says so. Files before iOS 10, and many later ones, do not: look at
/// the payload too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// The method.
    pub algorithm: Algorithm,
    /// Bytes after decompression.
    pub uncompressed_size: u64,
}

/// An IM4P, borrowed from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Im4p<'a> {
    /// The whole container, without anything that follows it.
    pub raw: &'a [u8],
    /// Where it starts, from the start of the input.
    pub offset: u64,
    /// What the payload is: `krnl`, `dtre`, `rdsk`…
    pub kind: FourCc,
    /// Where the four characters of the type are, from the start of the input.
    pub kind_offset: u64,
    /// The description's bytes, mostly text such as `KernelCacheBuilder-960.40.11`.
    pub description: &'a [u8],
    /// The payload as it stands: maybe encrypted, maybe compressed.
    pub payload: &'a [u8],
    /// Where the payload starts, from the start of the input.
    pub payload_offset: u64,
    /// Keybags. If there are any, the payload was encrypted when Apple shipped it.
    pub keybags: Vec<Keybag<'a>>,
    /// The OCTET STRING of the keybags, whole.
    pub keybags_raw: Option<&'a [u8]>,
    /// Compression, if declared.
    pub compression: Option<Compression>,
    /// The compression SEQUENCE, whole.
    pub compression_raw: Option<&'a [u8]>,
    /// Payload properties (`PAYP`, iOS 14 on).
    pub properties: Vec<Property<'a>>,
    /// The `[0]` element of the payload properties, whole.
    pub properties_raw: Option<&'a [u8]>,
    /// Elements after these that this reader does not know, whole, in order.
    pub extra: Vec<&'a [u8]>,
    /// Bytes of the input after the container.
    pub trailing: u64,
}

impl<'a> Im4p<'a> {
    /// The container's name.
    pub const MAGIC: FourCc = FourCc(*b"IM4P");

    /// Reads an IM4P. Bytes after it are counted in [`Im4p::trailing`] and not looked at.
    ///
    /// # Errors
    /// Not an IM4P, truncated, or an element outside the one around it; the error says which and where.
    pub fn parse(data: &'a [u8]) -> Result<Im4p<'a>> {
        let (outer, inside) = tlv::container(data, Self::MAGIC, "IM4P")?;
        Self::read(outer, inside, data.len().saturating_sub(outer.raw.len()) as u64)
    }

    pub(crate) fn read(outer: Tlv<'a>, mut inside: Cursor<'a>, trailing: u64) -> Result<Im4p<'a>> {
        let (kind, name) = inside.name("IM4P type")?;
        let description = inside.expect(Tag::Ia5String, "IM4P description")?;
        let payload = inside.expect(Tag::OctetString, "IM4P payload")?;
        let keybags = inside.optional(Tag::OctetString, "IM4P keybags")?;
        let compression = inside.optional(Tag::Sequence, "IM4P compression")?;
        let properties = inside.optional(PAYP_TAG, "IM4P properties")?;
        let mut extra = Vec::new();
        while !inside.is_empty() {
            let element = inside.next("IM4P, after its known elements")?;
            if extra.len() >= MAX_EXTRA {
                return element.fail(ErrorKind::TooMany, "IM4P, after its known elements");
            }
            extra.push(element.raw);
        }
        Ok(Im4p {
            raw: outer.raw,
            offset: outer.offset as u64,
            kind,
            kind_offset: name.value_offset as u64,
            description: description.value,
            payload: payload.value,
            payload_offset: payload.value_offset as u64,
            keybags: keybags.map_or(Ok(Vec::new()), |k| read_keybags(&k))?,
            keybags_raw: keybags.map(|k| k.raw),
            compression: compression.map(|c| read_compression(&c)).transpose()?,
            compression_raw: compression.map(|c| c.raw),
            properties: properties.map_or(Ok(Vec::new()), |p| read_properties(&p))?,
            properties_raw: properties.map(|p| p.raw),
            extra,
            trailing,
        })
    }

    /// The description as text; bytes that are not UTF-8 are replaced.
    pub fn description_text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.description)
    }

    /// Whether the payload was encrypted when Apple shipped it. Files that others decrypted may keep their keybags.
    pub fn has_keybags(&self) -> bool {
        self.keybags_raw.is_some()
    }
}

pub(crate) const PAYP_TAG: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };

fn read_keybags<'a>(octets: &Tlv<'a>) -> Result<Vec<Keybag<'a>>> {
    const FIELD: &str = "IM4P keybags";
    let mut bags = Vec::new();
    let mut elements = octets.inside().expect(Tag::Sequence, FIELD)?.inside();
    while !elements.is_empty() {
        let bag = elements.expect(Tag::Sequence, FIELD)?;
        if bags.len() >= MAX_KEYBAGS {
            return bag.fail(ErrorKind::TooMany, FIELD);
        }
        let mut fields = bag.inside();
        let number = fields.expect(Tag::Integer, "keybag number")?;
        let iv = fields.expect(Tag::OctetString, "keybag IV")?;
        let key = fields.expect(Tag::OctetString, "keybag key")?;
        let kind = match unsigned(number.value) {
            Some(1) => KeybagKind::Production,
            Some(2) => KeybagKind::Development,
            Some(n) => KeybagKind::Other(n),
            None => return number.fail(ErrorKind::BadNumber, "keybag number"),
        };
        bags.push(Keybag { kind, iv: iv.value, key: key.value });
    }
    Ok(bags)
}

fn read_compression(sequence: &Tlv<'_>) -> Result<Compression> {
    let mut fields = sequence.inside();
    let mut number = |field| {
        let element = fields.expect(Tag::Integer, field)?;
        unsigned(element.value).map_or_else(|| element.fail(ErrorKind::BadNumber, field), Ok)
    };
    let algorithm = Algorithm::from_number(number("compression algorithm")?);
    Ok(Compression { algorithm, uncompressed_size: number("uncompressed size")? })
}

fn read_properties<'a>(element: &Tlv<'a>) -> Result<Vec<Property<'a>>> {
    const FIELD: &str = "IM4P properties";
    let sequence = element.inside().expect(Tag::Sequence, FIELD)?;
    let (_, mut inside) = tlv::named(sequence, FourCc(*b"PAYP"), FIELD)?;
    property::read_set(&inside.expect(Tag::Set, FIELD)?, FIELD)
}
