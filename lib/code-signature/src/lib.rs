//! Code signatures of Mach-O files: read, checked by the rules of XNU, and made "ad hoc", that is without a
//! certificate, as programs are signed that a trust cache vouches for.
//!
//! [`MachO`] finds the slices of a file, [`Signature`] reads what `LC_CODE_SIGNATURE` leads to and compares its hashes
//! with the code, [`Signer`] makes a new one. The cdhash of [`Signature::cdhash`] is what trust caches list.
//!
//! No certificate, CMS signature or requirement is evaluated, and nothing is signed with a key. Facts: XNU's
//! `osfmk/kern/cs_blobs.h`, `bsd/kern/ubc_subr.c` (`cs_validate_csblob` and what it calls), `mach-o/loader.h`; Apple's
//! technical note TN3125 for entitlements in DER.
//!
//! ```no_run
//! use code_signature::{MachO, Signer};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let unsigned = std::fs::read("hello")?;
//! let signed = Signer::new("org.example.hello").sign(&unsigned)?;
//! for slice in MachO::parse(&signed)?.slices() {
//!     if let Some(signature) = slice.signature()? {
//!         println!("{} {} {}", slice.name(), signature.best().identifier, signature.cdhash());
//!         assert!(signature.check(slice.bytes())?.is_good());
//!     }
//! }
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::string_slice)
)]

mod bytes;
mod digest;
mod entitlements;
mod error;
mod macho;
#[cfg(test)]
mod sample;
mod sign;
mod signature;

pub use digest::Digest;
pub use entitlements::Entitlements;
pub use error::{Error, ErrorKind};
pub use macho::{MachO, Slice, is_macho};
pub use sign::Signer;
pub use signature::{Blob, Check, Directory, Signature, Slot, SlotState, flags, slot_name};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// First 20 bytes of the hash of a code directory, and how it was made: what a trust cache lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CdHash {
    /// The bytes.
    pub bytes: [u8; 20],
    /// The digest of the code directory, of which they are the first bytes.
    pub digest: Digest,
}

impl std::fmt::Display for CdHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The cdhashes of all signed slices of a file, with the slices' names; a slice without a signature has none.
///
/// # Errors
/// The file is no Mach-O, or a signature in it is damaged.
pub fn cdhashes(file: &[u8]) -> Result<Vec<(String, Option<CdHash>)>> {
    let parsed = MachO::parse(file)?;
    let one = |s: &Slice<'_>| Ok((s.name(), s.signature()?.map(|s| s.cdhash())));
    parsed.slices().iter().map(one).collect()
}
