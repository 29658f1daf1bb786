//! Disk images and file systems of ramdisks: UDIF, GPT, HFS+, APFS, decmpfs, trust caches.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::string_slice)
)]

mod bytes;
mod codec;
pub mod decmpfs;
mod error;
mod fs;
pub mod hfsplus;
mod source;
mod tree;

pub use error::{Error, ErrorKind};
pub use fs::{FileSystem, Format, MAX_XATTR, Volume, Xattr};
pub use source::{Bytes, FileSource, Part, Shared, Source, Stream};
pub use tree::{Entry, Kind, MAX_DEPTH, MAX_PATH, Meta, Time, Tree};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
