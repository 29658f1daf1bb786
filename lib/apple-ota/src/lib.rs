//! Payloads of over-the-air updates: Apple Archive (`YAA1`, `AA01`) in Apple's chunked compression (`pbzx` and its
//! like), read as a stream, once, from start to end.
//!
//! [`walk`] opens whatever of these a stream is, one within the other, and shows each entry with its contents. It makes
//! no files, follows no links, and applies no patches: entries that only change what a device has already are shown as
//! what they are.
//!
//! Facts, none of them checked on a file of Apple's (there is none here): `blacktop/ipsw` (`pkg/ota/pbzx`,
//! `pkg/ota/yaa`) and `nlitsme/AppleC4000` (`aa01tool.py`), the field types of `0xilis/libNeoAppleArchive`'s documentation; the letters of compression methods
//! as `dhinakg/templates:aea.tcl` names them for the same library's other container. The archives of updates before iOS
//! 14 have another form, which is named and not read.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")
)]

mod archive;
mod error;
mod pbz;
mod walk;

pub use archive::{Archive, Data, Entry, EntryKind};
pub use error::{Error, ErrorKind, Result};
pub use pbz::Pbz;
pub use walk::{Visit, is_payload, walk};

#[cfg(test)]
mod tests;
