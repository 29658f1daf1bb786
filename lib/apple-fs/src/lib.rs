//! Disk images and file systems of ramdisks: UDIF, GPT, HFS+, HFSX, APFS, decmpfs; and trust caches.
//!
//! [`Image::open`] finds the file system in an image of any of these forms, [`Image::mount`] gives it as a
//! [`FileSystem`]: a tree of entries and streams of their contents. Nothing is mounted, nothing in an image is changed;
//! [`hfsplus::write`] makes new volumes. IM4P and the like are not known here (`apple-wrap` takes them off).
//!
//! Images are taken for hostile: no length or count is believed before it is compared with what is there, nothing
//! recurses with the input, everything decompresses to a size known beforehand.
//!
//! ```
//! use apple_fs::{Bytes, Image, Kind, hfsplus::write::{Attributes, Builder}};
//! # fn main() -> apple_fs::Result<()> {
//! # let mut builder = Builder::new("ramdisk");
//! # builder.file("/sbin/launchd", &Attributes::new(0o755), "text")?;
//! # let bytes = builder.build()?;
//! let image = Image::open(Bytes::shared(bytes))?;
//! let volume = image.mount(None, false)?;
//! for (i, entry) in volume.tree().entries().iter().enumerate() {
//!     if entry.meta.kind == Kind::File {
//!         println!("{} {}", entry.meta.size, volume.tree().path(i));
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

pub mod aea;
pub mod apfs;
mod bytes;
pub mod codec;
pub mod decmpfs;
mod error;
mod fs;
pub mod hfsplus;
mod image;
pub mod partition;
mod source;
#[cfg(test)]
mod test_support;
mod tree;
pub mod trustcache;
pub mod udif;

pub use error::{Error, ErrorKind};
pub use fs::{FileSystem, Format, MAX_XATTR, Volume, Xattr};
pub use image::Image;
pub use source::{Bytes, FileSource, Part, Shared, Source, Stream};
pub use tree::{Entry, Kind, MAX_DEPTH, MAX_PATH, Meta, Time, Tree};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
