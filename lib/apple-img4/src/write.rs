//! Writers. Lengths are minimal; everything given as raw bytes is put in verbatim.

use crate::im4p::PAYP_TAG;
use crate::img4::{MANIFEST_TAG, RESTORE_TAG};
use crate::{Compression, Error, ErrorKind, FourCc, Im4m, Im4p, Im4r, Img4, Result, Value};
use alloc::vec::Vec;
use der::{Encode, Header, Length, Tag, TagNumber};

/// An element's tag and length.
fn header(tag: Tag, length: usize) -> Result<Vec<u8>> {
    let too_large = |_| Error::new(ErrorKind::TooLarge, "the file to write", 0);
    let length = Length::try_from(length).map_err(too_large)?;
    Header::new(tag, length).to_der().map_err(too_large)
}

fn element(tag: Tag, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let mut out = header(tag, parts.iter().map(|p| p.len()).sum())?;
    out.reserve_exact(parts.iter().map(|p| p.len()).sum());
    parts.iter().for_each(|p| out.extend_from_slice(p));
    Ok(out)
}

fn string(text: &[u8]) -> Result<Vec<u8>> {
    element(Tag::Ia5String, &[text])
}

fn integer(n: u64) -> Result<Vec<u8>> {
    let bytes = n.to_be_bytes();
    let skip = usize::try_from(n.leading_zeros() / 8).unwrap_or(0).min(7);
    let digits = bytes.get(skip..).unwrap_or_default();
    // A set top bit would make it negative.
    let sign: &[u8] = if digits.first().is_some_and(|b| *b >= 0x80) { &[0] } else { &[] };
    element(Tag::Integer, &[sign, digits])
}

/// Everything an IM4P holds, to be written. Start with [`Im4pParts::new`] or, to change a file, [`Im4p::parts`].
#[derive(Debug, Clone)]
pub struct Im4pParts<'a> {
    /// What the payload is.
    pub kind: FourCc,
    /// Description, ASCII.
    pub description: &'a [u8],
    /// The payload as it is to stand in the file (compressed already).
    pub payload: &'a [u8],
    /// The OCTET STRING of the keybags, whole.
    pub keybags_raw: Option<&'a [u8]>,
    /// Compression to declare.
    pub compression: Option<Compression>,
    /// The compression SEQUENCE, whole; stands in the place of `compression` if it is there.
    pub compression_raw: Option<&'a [u8]>,
    /// The `[0]` element of payload properties, whole.
    pub properties_raw: Option<&'a [u8]>,
    /// Further elements, whole.
    pub extra: Vec<&'a [u8]>,
}

impl<'a> Im4pParts<'a> {
    /// A plain payload.
    pub fn new(kind: FourCc, description: &'a str, payload: &'a [u8]) -> Im4pParts<'a> {
        Im4pParts {
            kind,
            description: description.as_bytes(),
            payload,
            keybags_raw: None,
            compression: None,
            compression_raw: None,
            properties_raw: None,
            extra: Vec::new(),
        }
    }

    /// The IM4P's bytes.
    ///
    /// # Errors
    /// More than 4 GiB.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let head = [
            string(&Im4p::MAGIC.0)?,
            string(&self.kind.0)?,
            string(self.description)?,
            header(Tag::OctetString, self.payload.len())?,
        ]
        .concat();
        let mut tail = self.keybags_raw.unwrap_or_default().to_vec();
        if let Some(raw) = self.compression_raw {
            tail.extend_from_slice(raw);
        } else if let Some(c) = self.compression {
            let fields = [integer(c.algorithm.number())?, integer(c.uncompressed_size)?];
            tail.extend(element(Tag::Sequence, &[&fields.concat()])?);
        }
        tail.extend_from_slice(self.properties_raw.unwrap_or_default());
        self.extra.iter().for_each(|e| tail.extend_from_slice(e));
        element(Tag::Sequence, &[&head, self.payload, &tail])
    }
}

impl<'a> Im4p<'a> {
    /// The parts of this file, to be written again with changes. Unchanged they give the same bytes if the file's
    /// lengths are minimal, as Apple's are.
    ///
    /// Who replaces the payload must set `compression` to what the new one is and drop `compression_raw`, and drop
    /// the keybags of a payload that is not encrypted.
    pub fn parts(&self) -> Im4pParts<'a> {
        Im4pParts {
            kind: self.kind,
            description: self.description,
            payload: self.payload,
            keybags_raw: self.keybags_raw,
            compression: self.compression,
            compression_raw: self.compression_raw,
            properties_raw: self.properties_raw,
            extra: self.extra.clone(),
        }
    }
}

/// An IM4P of a payload that is compressed already, as `compression` says.
///
/// # Errors
/// More than 4 GiB.
pub fn im4p(
    kind: FourCc,
    description: &str,
    payload: &[u8],
    compression: Option<Compression>,
) -> Result<Vec<u8>> {
    Im4pParts { compression, ..Im4pParts::new(kind, description, payload) }.to_bytes()
}

/// An IMG4 of whole containers.
///
/// # Errors
/// More than 4 GiB.
pub fn img4(im4p: &[u8], im4m: Option<&[u8]>, im4r: Option<&[u8]>) -> Result<Vec<u8>> {
    let magic = string(&Img4::MAGIC.0)?;
    let manifest = im4m.map_or(Ok(Vec::new()), |m| element(MANIFEST_TAG, &[m]))?;
    let restore = im4r.map_or(Ok(Vec::new()), |r| element(RESTORE_TAG, &[r]))?;
    element(Tag::Sequence, &[&magic, im4p, &manifest, &restore])
}

/// A property: `[PRIVATE name] SEQUENCE { name, value }`.
///
/// # Errors
/// More than 4 GiB.
pub fn property(name: FourCc, value: &Value<'_>) -> Result<Vec<u8>> {
    let value = match value {
        Value::Boolean(b) => element(Tag::Boolean, &[&[if *b { 0xff } else { 0 }]])?,
        Value::Integer(n) => integer(*n)?,
        Value::BigInteger(bytes) => element(Tag::Integer, &[bytes])?,
        Value::Octets(bytes) => element(Tag::OctetString, &[bytes])?,
        Value::Text(text) => string(text.as_bytes())?,
        Value::Set(properties) => {
            let inside: Vec<&[u8]> = properties.iter().map(|p| p.raw).collect();
            element(Tag::Set, &inside)?
        }
        Value::Other(raw) => raw.to_vec(),
    };
    private(name, &value)
}

/// A set of finished properties under a name: an image of a manifest, or its `MANP`.
///
/// # Errors
/// More than 4 GiB.
pub fn object(name: FourCc, properties: &[Vec<u8>]) -> Result<Vec<u8>> {
    private(name, &element(Tag::Set, &[&properties.concat()])?)
}

fn private(name: FourCc, value: &[u8]) -> Result<Vec<u8>> {
    let sequence = element(Tag::Sequence, &[&string(&name.0)?, value])?;
    let tag = Tag::Private { constructed: true, number: TagNumber(name.number()) };
    element(tag, &[&sequence])
}

/// The OCTET STRING of keybags, for [`Im4pParts::keybags_raw`]: number, IV, key of each.
///
/// # Errors
/// More than 4 GiB.
pub fn keybags(bags: &[(u64, &[u8], &[u8])]) -> Result<Vec<u8>> {
    let mut inside = Vec::new();
    for (number, iv, key) in bags {
        let fields =
            [integer(*number)?, element(Tag::OctetString, &[iv])?, element(Tag::OctetString, &[key])?];
        inside.extend(element(Tag::Sequence, &[&fields.concat()])?);
    }
    element(Tag::OctetString, &[&element(Tag::Sequence, &[&inside])?])
}

/// The `[0]` element of payload properties, for [`Im4pParts::properties_raw`], of finished properties.
///
/// # Errors
/// More than 4 GiB.
pub fn payload_properties(properties: &[Vec<u8>]) -> Result<Vec<u8>> {
    let set = element(Tag::Set, &[&properties.concat()])?;
    element(PAYP_TAG, &[&element(Tag::Sequence, &[&string(b"PAYP")?, &set])?])
}

/// An IM4M of finished objects (the first of them `MANP`), with the signature and certificates given. Nothing is
/// signed here: no device accepts a manifest that Apple did not sign, but this project's machine does.
///
/// # Errors
/// More than 4 GiB.
pub fn im4m(objects: &[Vec<u8>], signature: &[u8], certificates: &[&[u8]]) -> Result<Vec<u8>> {
    let body = element(Tag::Set, &[&object(FourCc(*b"MANB"), objects)?])?;
    let parts = [
        string(&Im4m::MAGIC.0)?,
        integer(0)?,
        body,
        element(Tag::OctetString, &[signature])?,
        element(Tag::Sequence, certificates)?,
    ];
    element(Tag::Sequence, &[&parts.concat()])
}

/// An IM4R with the boot nonce's generator.
///
/// # Errors
/// More than 4 GiB.
pub fn im4r(generator: u64) -> Result<Vec<u8>> {
    let nonce = property(FourCc(*b"BNCN"), &Value::Octets(&generator.to_le_bytes()))?;
    element(Tag::Sequence, &[&string(&Im4r::MAGIC.0)?, &element(Tag::Set, &[&nonce])?])
}
