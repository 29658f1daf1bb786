//! IM4M: the manifest that personalises images for one device ("APTicket").

use crate::property::{self, Property, tagged};
use crate::tlv::{self, Cursor, Tlv, unsigned};
use crate::{Error, ErrorKind, FourCc, Result};
use alloc::vec::Vec;
use der::Tag;

/// A manifest names some dozens of images; this is far beyond any.
const MAX_OBJECTS: usize = 4096;

/// An image named by a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<'a> {
    /// The image's type: `krnl`, `dtre`…
    pub name: FourCc,
    /// Its properties in file order: `DGST`, `EKEY`, `EPRO`, `ESEC`…
    pub properties: Vec<Property<'a>>,
    /// The whole element.
    pub raw: &'a [u8],
    /// Where it starts, from the start of the input.
    pub offset: u64,
}

impl<'a> Object<'a> {
    /// The property of this name.
    pub fn property(&self, name: FourCc) -> Option<&Property<'a>> {
        property::find(&self.properties, name)
    }

    /// The digest of the whole IM4P: SHA-1 (20 bytes) up to A9, SHA-384 (48 bytes) later, 32 bytes for some.
    pub fn digest(&self) -> Option<&[u8]> {
        self.property(FourCc(*b"DGST"))?.octets()
    }
}

/// An IM4M, borrowed from its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Im4m<'a> {
    /// The whole container.
    pub raw: &'a [u8],
    /// Where it starts, from the start of the input.
    pub offset: u64,
    /// Format version, 0.
    pub version: u64,
    /// Manifest properties (`MANP`): `BNCH`, `BORD`, `CHIP`, `ECID`…
    pub properties: Vec<Property<'a>>,
    /// Images, in file order.
    pub objects: Vec<Object<'a>>,
    /// The set that is signed, whole.
    pub body: &'a [u8],
    /// The signature: 256 bytes (RSA-2048) up to A9, 512 later.
    pub signature: &'a [u8],
    /// The certificates, each a whole X.509 element.
    pub certificates: Vec<&'a [u8]>,
    /// Bytes of the input after the container.
    pub trailing: u64,
}

impl<'a> Im4m<'a> {
    /// The container's name.
    pub const MAGIC: FourCc = FourCc(*b"IM4M");

    /// Reads an IM4M. Nothing is verified.
    ///
    /// # Errors
    /// Not an IM4M, truncated, or an element outside the one around it; the error says which and where.
    pub fn parse(data: &'a [u8]) -> Result<Im4m<'a>> {
        let (outer, inside) = tlv::container(data, Self::MAGIC, "IM4M")?;
        Self::read(outer, inside, data.len().saturating_sub(outer.raw.len()) as u64)
    }

    pub(crate) fn read(outer: Tlv<'a>, mut inside: Cursor<'a>, trailing: u64) -> Result<Im4m<'a>> {
        let version = inside.expect(Tag::Integer, "IM4M version")?;
        let Some(version) = unsigned(version.value) else {
            return version.fail(ErrorKind::BadNumber, "IM4M version");
        };
        let body = inside.expect(Tag::Set, "IM4M body")?;
        let signature = inside.expect(Tag::OctetString, "IM4M signature")?;
        let mut chain = inside.expect(Tag::Sequence, "IM4M certificates")?.inside();
        let mut certificates = Vec::new();
        while !chain.is_empty() {
            let certificate = chain.next("IM4M certificates")?;
            if certificates.len() >= 16 {
                return certificate.fail(ErrorKind::TooMany, "IM4M certificates");
            }
            certificates.push(certificate.raw);
        }
        let (properties, objects) = read_body(&body)?;
        Ok(Im4m {
            raw: outer.raw,
            offset: outer.offset as u64,
            version,
            properties,
            objects,
            body: body.raw,
            signature: signature.value,
            certificates,
            trailing,
        })
    }

    /// The manifest property of this name.
    pub fn property(&self, name: FourCc) -> Option<&Property<'a>> {
        property::find(&self.properties, name)
    }

    /// The image of this type.
    pub fn object(&self, name: FourCc) -> Option<&Object<'a>> {
        self.objects.iter().find(|o| o.name == name)
    }

    /// The digest an IM4P of this type must have.
    pub fn digest(&self, name: FourCc) -> Option<&[u8]> {
        self.object(name)?.digest()
    }
}

/// The set holds one element, `MANB`, which holds a set of `MANP` and the images.
fn read_body<'a>(body: &Tlv<'a>) -> Result<(Vec<Property<'a>>, Vec<Object<'a>>)> {
    const FIELD: &str = "MANB";
    let element = body.inside().next(FIELD)?;
    let (name, set) = tagged(&element, FIELD)?;
    if name != FourCc(*b"MANB") {
        return element.fail(ErrorKind::WrongMagic(name), FIELD);
    }
    if set.tag != Tag::Set {
        return set.fail(ErrorKind::Unexpected, FIELD);
    }
    let mut properties = Vec::new();
    let mut objects = Vec::new();
    let mut elements = set.inside();
    while !elements.is_empty() {
        let element = elements.next("manifest object")?;
        let (name, set) = tagged(&element, "manifest object")?;
        if set.tag != Tag::Set {
            return set.fail(ErrorKind::Unexpected, "manifest object");
        }
        let inside = property::read_set(&set, "manifest property")?;
        if name == FourCc(*b"MANP") {
            properties = inside;
        } else if objects.len() < MAX_OBJECTS {
            objects.push(Object {
                name,
                properties: inside,
                raw: element.raw,
                offset: element.offset as u64,
            });
        } else {
            return Err(Error::new(ErrorKind::TooMany, "manifest object", element.offset));
        }
    }
    Ok((properties, objects))
}
