//! IPSW archives: what is in them, for which device, and the files themselves, checked as they are read.
//!
//! An [`Ipsw`] is opened from a file, from memory, from an unpacked folder or from a pipe. Its [`BuildManifest`] says
//! which components each board and way of installing has; [`Choice`] picks one. Files are read by place, many at once,
//! never the whole archive; sizes, CRC-32 and the manifest's digests are compared on the way.
//!
//! It does not look into the files (that is `apple-wrap`'s), does not fetch anything, and knows no signatures.
//!
//! ```no_run
//! use apple_ipsw::{Choice, Ipsw};
//! use std::io::Read;
//!
//! let ipsw = Ipsw::open(std::fs::File::open("iPhone.ipsw")?)?;
//! let choice = Choice { board: Some("d22ap".into()), ..Choice::default() };
//! let identity = ipsw.manifest().choose(&choice, &["KernelCache"])?;
//! let mut kernel = Vec::new();
//! ipsw.component_reader(identity.component("KernelCache")?)?.read_to_end(&mut kernel)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")
)]

mod archive;
mod choice;
pub mod devices;
mod digest;
mod error;
mod folder;
mod ipsw;
mod manifest;
mod plist;
mod read_at;
mod restore;
#[cfg(test)]
mod test_support;
mod zip;

pub use archive::Archive;
pub use choice::Choice;
pub use digest::{DigestCheck, HEAD, Mismatch, Verdict, type_offset};
pub use error::{Error, ErrorKind, Result};
pub use ipsw::{ComponentReader, Ipsw, Keep, Wanted};
pub use manifest::{BUILD_MANIFEST, BuildManifest, Component, Identity, OTA_FOLDER};
pub use read_at::ReadAt;
pub use restore::{Device, RESTORE, Restore};
pub use zip::{Entry, MemberReader, Method, is_safe_name};
