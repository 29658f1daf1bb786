//! As much of X.509 certificates as the chains of manifests need: names, public key, what is signed and by what.
//! Reads and checks nothing: signatures are verified by crates above, and dates and constraints by nobody, since a
//! manifest is to be readable long after its certificates ran out.
//!
//! Facts: RFC 5280 section 4.1, RFC 8017, RFC 5480.

use crate::tlv::{Cursor, Tlv};
use crate::{ErrorKind, Result};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use der::{Tag, TagNumber};

/// OBJECT IDENTIFIER contents.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
/// `1.2.840.113635.100.6.1.15`: the extension in which Apple's signing certificates say what they may sign.
const IMAGE4: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x63, 0x64, 6, 1, 0x0f];
const VERSION: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
const EXTENSIONS: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };
const FIELD: &str = "certificate";

/// A public key, of the kinds that are used for manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey<'a> {
    /// RSA: the `RSAPublicKey` structure (modulus and exponent), and the modulus' size in bits.
    Rsa(&'a [u8], usize),
    /// An uncompressed point on NIST P-256.
    P256(&'a [u8]),
    /// An uncompressed point on NIST P-384.
    P384(&'a [u8]),
    /// Of an algorithm that is not used here: its identifier's bytes.
    Other(&'a [u8]),
}

/// A certificate, borrowed from its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Common name of whom it is for.
    pub subject: String,
    /// Common name of who signed it.
    pub issuer: String,
    /// The whole subject and issuer, to be compared.
    pub names: (&'a [u8], &'a [u8]),
    /// The key that it certifies.
    pub key: PublicKey<'a>,
    /// What is signed: the `TBSCertificate`, whole.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// The extension that restricts what manifests it may sign, if there is one.
    pub image4: Option<&'a [u8]>,
}

impl<'a> Certificate<'a> {
    /// Reads a DER certificate.
    ///
    /// # Errors
    /// Not a certificate, or a damaged one; the error says which and where.
    pub fn parse(data: &'a [u8]) -> Result<Certificate<'a>> {
        let mut outer = Cursor::new(data).expect(Tag::Sequence, FIELD)?.inside();
        let signed = outer.expect(Tag::Sequence, FIELD)?;
        outer.expect(Tag::Sequence, "signature algorithm")?;
        let signature = bits(&outer.expect(Tag::BitString, "certificate signature")?)?;
        let mut inside = signed.inside();
        inside.optional(VERSION, FIELD)?;
        inside.expect(Tag::Integer, "serial number")?;
        inside.expect(Tag::Sequence, "signature algorithm")?;
        let issuer = inside.expect(Tag::Sequence, "issuer")?;
        inside.expect(Tag::Sequence, "validity")?;
        let subject = inside.expect(Tag::Sequence, "subject")?;
        let key = public_key(&inside.expect(Tag::Sequence, "public key")?)?;
        let mut image4 = None;
        while !inside.is_empty() {
            let element = inside.next(FIELD)?;
            if element.tag == EXTENSIONS {
                image4 = extension(&element, IMAGE4)?;
            }
        }
        Ok(Certificate {
            subject: common_name(&subject)?,
            issuer: common_name(&issuer)?,
            names: (subject.raw, issuer.raw),
            key,
            signed: signed.raw,
            signature,
            image4,
        })
    }

    /// Whether it names itself as its signer.
    pub fn is_self_signed(&self) -> bool {
        self.names.0 == self.names.1
    }
}

/// The contents of a BIT STRING of whole bytes.
fn bits<'a>(element: &Tlv<'a>) -> Result<&'a [u8]> {
    match element.value.split_first() {
        Some((0, bytes)) => Ok(bytes),
        _ => element.fail(ErrorKind::Unexpected, "bit string"),
    }
}

/// The common name in a distinguished name; empty if there is none.
fn common_name(name: &Tlv<'_>) -> Result<String> {
    let mut sets = name.inside();
    while !sets.is_empty() {
        let mut attributes = sets.expect(Tag::Set, "name")?.inside();
        while !attributes.is_empty() {
            let mut attribute = attributes.expect(Tag::Sequence, "name")?.inside();
            let kind = attribute.expect(Tag::ObjectIdentifier, "name")?;
            let value = attribute.next("name")?;
            if kind.value == COMMON_NAME {
                return Ok(String::from_utf8_lossy(value.value).to_string());
            }
        }
    }
    Ok(String::new())
}

fn public_key<'a>(element: &Tlv<'a>) -> Result<PublicKey<'a>> {
    let mut inside = element.inside();
    let mut algorithm = inside.expect(Tag::Sequence, "key algorithm")?.inside();
    let kind = algorithm.expect(Tag::ObjectIdentifier, "key algorithm")?;
    let key = bits(&inside.expect(Tag::BitString, "public key")?)?;
    if kind.value == RSA {
        let modulus = Cursor::new(key)
            .expect(Tag::Sequence, "RSA key")?
            .inside()
            .expect(Tag::Integer, "RSA modulus")?;
        let digits: Vec<u8> = modulus.value.iter().copied().skip_while(|b| *b == 0).collect();
        let unused = digits.first().map_or(0, |b| usize::try_from(b.leading_zeros()).unwrap_or(0));
        return Ok(PublicKey::Rsa(key, digits.len().saturating_mul(8).saturating_sub(unused)));
    }
    if kind.value == EC {
        let curve = algorithm.expect(Tag::ObjectIdentifier, "curve")?;
        match curve.value {
            P256 => return Ok(PublicKey::P256(key)),
            P384 => return Ok(PublicKey::P384(key)),
            _ => {}
        }
    }
    Ok(PublicKey::Other(kind.value))
}

/// The contents of an extension.
fn extension<'a>(extensions: &Tlv<'a>, wanted: &[u8]) -> Result<Option<&'a [u8]>> {
    let mut all = extensions.inside().expect(Tag::Sequence, "extensions")?.inside();
    while !all.is_empty() {
        let mut one = all.expect(Tag::Sequence, "extension")?.inside();
        let kind = one.expect(Tag::ObjectIdentifier, "extension")?;
        one.optional(Tag::Boolean, "extension")?;
        let value = one.expect(Tag::OctetString, "extension")?;
        if kind.value == wanted {
            return Ok(Some(value.value));
        }
    }
    Ok(None)
}
