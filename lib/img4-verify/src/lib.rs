//! Checks what an Image4 manifest says: who signed it, whether the signature and the certificates in it hold, and
//! whether images are those that it allows.
//!
//! A manifest brings the certificate of its signer, on older devices also that of the signer's authority; Apple's root
//! is in the device and not in the file. So the chain is followed as far as it goes, and as far as the root
//! certificates that the caller gives; that it ends without one is said and is not an error. Dates and the constraints
//! in the certificates are not looked at: a device does that when it matters.
//!
//! Facts, tried on manifests of A7 to A11: the signature covers the whole SET element that holds `MANB`; RSA with
//! PKCS #1 v1.5 padding, SHA-1 with 2048-bit keys and SHA-384 with 4096-bit keys; later chips have ECDSA. A `DGST` is
//! the digest of the whole IM4P, which has the type that the manifest's entry is called (`rdtr`, not `dtre`).
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

use apple_img4::x509::{Certificate, PublicKey};
use apple_img4::{FourCc, Im4m, Im4p, edit};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

/// Ways to sign, by name.
type Way = (&'static str, &'static dyn VerificationAlgorithm);

const RSA: [Way; 4] = [
    ("RSA, SHA-384", &signature::RSA_PKCS1_2048_8192_SHA384),
    ("RSA, SHA-256", &signature::RSA_PKCS1_2048_8192_SHA256),
    ("RSA, SHA-1", &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
    ("RSA, SHA-512", &signature::RSA_PKCS1_2048_8192_SHA512),
];
const P256: [Way; 2] = [
    ("ECDSA P-256, SHA-256", &signature::ECDSA_P256_SHA256_ASN1),
    ("ECDSA P-256, SHA-384", &signature::ECDSA_P256_SHA384_ASN1),
];
const P384: [Way; 2] = [
    ("ECDSA P-384, SHA-384", &signature::ECDSA_P384_SHA384_ASN1),
    ("ECDSA P-384, SHA-256", &signature::ECDSA_P384_SHA256_ASN1),
];

/// What checking a signature gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, made in this way.
    Good(&'static str),
    /// It does not hold.
    Bad,
    /// It cannot be checked, for this reason.
    Unknown(String),
}

impl Verdict {
    /// Whether the signature was checked and does not hold.
    pub fn is_bad(&self) -> bool {
        *self == Verdict::Bad
    }
}

/// Checks a signature with a key, in whichever way it was made.
pub fn check(key: &PublicKey<'_>, signed: &[u8], signature: &[u8]) -> Verdict {
    let (bytes, ways): (&[u8], &[Way]) = match key {
        PublicKey::Rsa(_, bits) if *bits < 2048 => {
            return Verdict::Unknown(format!("an RSA key of {bits} bits, which is too short to be checked"));
        }
        PublicKey::Rsa(key, _) => (key, &RSA),
        PublicKey::P256(key) => (key, &P256),
        PublicKey::P384(key) => (key, &P384),
        _ => return Verdict::Unknown("a key that is neither RSA nor on P-256 or P-384".into()),
    };
    let good =
        ways.iter().find(|(_, way)| UnparsedPublicKey::new(*way, bytes).verify(signed, signature).is_ok());
    good.map_or(Verdict::Bad, |(name, _)| Verdict::Good(name))
}

/// A link of the chain: one certificate, and whether its own signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whom the certificate is for.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// What kind of key it certifies.
    pub key: String,
    /// Whether the certificate's signature holds.
    pub verdict: Verdict,
    /// Whether its signer is one of the roots given.
    pub rooted: bool,
}

/// What checking a manifest gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whether the manifest's signature holds, by its first certificate.
    pub signature: Verdict,
    /// The certificates, the signer's first.
    pub chain: Vec<Link>,
}

impl Report {
    /// Whether nothing that could be checked was wrong.
    pub fn is_good(&self) -> bool {
        matches!(self.signature, Verdict::Good(_)) && !self.chain.iter().any(|l| l.verdict.is_bad())
    }

    /// Whether the chain holds up to one of the roots given.
    pub fn is_rooted(&self) -> bool {
        self.is_good() && self.chain.iter().any(|l| l.rooted && matches!(l.verdict, Verdict::Good(_)))
    }
}

fn describe(key: &PublicKey<'_>) -> String {
    match key {
        PublicKey::Rsa(_, bits) => format!("RSA {bits}"),
        PublicKey::P256(_) => "P-256".into(),
        PublicKey::P384(_) => "P-384".into(),
        _ => "unknown".into(),
    }
}

/// Checks the signature of a manifest and the chain of its certificates, with the roots that are trusted.
///
/// # Errors
/// A certificate that cannot be read.
pub fn manifest(manifest: &Im4m<'_>, roots: &[Certificate<'_>]) -> apple_img4::Result<Report> {
    let all = manifest
        .certificates
        .iter()
        .map(|c| Certificate::parse(c))
        .collect::<apple_img4::Result<Vec<_>>>()?;
    // Files hold the chain from either end: the signer is who signed for nobody else in it.
    let signs = |c: &Certificate<'_>| all.iter().any(|o| o.names.1 == c.names.0 && o.names.0 != c.names.0);
    let signer = all.iter().find(|c| !signs(c));
    let signature = signer.map_or_else(
        || Verdict::Unknown("the manifest has no certificate".into()),
        |c| check(&c.key, manifest.body, manifest.signature),
    );
    let mut chain = Vec::new();
    let mut current = signer;
    while let Some(certificate) = current.filter(|_| chain.len() < all.len()) {
        let own = all.iter().find(|c| c.names.0 == certificate.names.1);
        let root = roots.iter().find(|c| c.names.0 == certificate.names.1);
        let verdict = root.or(own).map_or_else(
            || Verdict::Unknown("its signer's certificate is not in the file: give it with --root".into()),
            |c| check(&c.key, certificate.signed, certificate.signature),
        );
        chain.push(Link {
            subject: certificate.subject.clone(),
            issuer: certificate.issuer.clone(),
            key: describe(&certificate.key),
            verdict,
            rooted: root.is_some(),
        });
        current = own.filter(|c| root.is_none() && c.names.0 != certificate.names.0);
    }
    Ok(Report { signature, chain })
}

/// The digest of some bytes that has this length: SHA-1 (20), SHA-256 (32), SHA-384 (48), SHA-512 (64).
pub fn digest(bytes: &[u8], length: usize) -> Option<Vec<u8>> {
    Some(match length {
        20 => Sha1::digest(bytes).to_vec(),
        32 => Sha256::digest(bytes).to_vec(),
        48 => Sha384::digest(bytes).to_vec(),
        64 => Sha512::digest(bytes).to_vec(),
        _ => return None,
    })
}

/// Whether a manifest allows an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// The entry of its type has its digest.
    Yes(FourCc),
    /// Another entry has the digest that the image has under that entry's name: a restore image that was not retyped.
    As(FourCc),
    /// The entry of its type has another digest.
    No {
        /// The entry.
        name: FourCc,
        /// The digest it has.
        wanted: Vec<u8>,
        /// The digest the image has.
        found: Vec<u8>,
    },
    /// No entry has its type or its digest.
    Absent(FourCc),
}

/// Compares an IM4P with a manifest's digests, under its own type and under that of every entry.
///
/// # Errors
/// An IM4P that cannot be read.
pub fn image(manifest: &Im4m<'_>, im4p: &[u8]) -> apple_img4::Result<Allowed> {
    let parsed = Im4p::parse(im4p)?;
    let (kind, raw) = (parsed.kind, parsed.raw);
    let own = manifest.object(kind).and_then(|o| o.digest());
    let found = own.and_then(|wanted| digest(raw, wanted.len()));
    if own.is_some() && found.as_deref() == own {
        return Ok(Allowed::Yes(kind));
    }
    let mut renamed = raw.to_vec();
    for object in manifest.objects.iter().filter(|o| o.name != kind && related(kind, o.name)) {
        let Some(wanted) = object.digest() else { continue };
        edit::retype(&mut renamed, object.name)?;
        if digest(&renamed, wanted.len()).as_deref() == Some(wanted) {
            return Ok(Allowed::As(object.name));
        }
    }
    Ok(match own.zip(found) {
        Some((wanted, found)) => Allowed::No { name: kind, wanted: wanted.to_vec(), found },
        None => Allowed::Absent(kind),
    })
}

/// Whether an image of one type is installed under another: the restore and update twins of the common ones. Hashing a
/// ramdisk once for each of forty entries would take a while.
fn related(a: FourCc, b: FourCc) -> bool {
    const TWINS: [&[&[u8; 4]]; 8] = [
        &[b"krnl", b"rkrn"],
        &[b"dtre", b"rdtr"],
        &[b"logo", b"rlgo"],
        &[b"sepi", b"rsep"],
        &[b"trst", b"rtsc", b"ltrs", b"dtrs", b"ptrs"],
        &[b"ibot", b"ibec", b"ibss", b"illb"],
        &[b"rdsk", b"rosi", b"rfcu"],
        &[b"isys", b"csys", b"bsys", b"rans"],
    ];
    TWINS.iter().any(|twins| twins.contains(&&a.0) && twins.contains(&&b.0))
}

#[cfg(test)]
mod tests;
