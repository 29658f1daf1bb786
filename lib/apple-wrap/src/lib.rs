//! Recognises what a piece of firmware is and takes its wrappings off: IMG4, IM4P, IMG3, `complzss`, LZFSE and
//! one-slice fat files, in any order and depth, until a bare component is left.
//!
//! It recognises disk images, archives and packed boot images but does not open them: they are components, or
//! containers of many. It verifies no signature and knows no keys.
//!
//! Facts: `xerub/img4lib`, `m1stadev/PyIMG4` (payload, keybags, complzss header), `lzfse/lzfse` (block headers),
//! `planetbeing/xpwn` (IMG3), Okumura's LZSS of 1989.
//!
//! ```
//! use apple_wrap::{Kind, Options, open};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let tree = [&[1u32, 0].map(u32::to_le_bytes).concat()[..], b"name", &[0; 28], &5u32.to_le_bytes(), b"root\0\0\0\0"].concat();
//! let file = apple_wrap::write::im4p(*b"dtre", "EmbeddedDeviceTrees-1", &tree, apple_wrap::write::Method::Lzfse)?;
//! let opened = open(&file, &Options::default())?;
//! assert_eq!(opened.kind, Kind::AppleDeviceTree);
//! assert_eq!(*opened.payload, *tree);
//! assert_eq!(opened.layers.iter().map(|l| l.kind).collect::<Vec<_>>(), [Kind::Im4p, Kind::Lzfse]);
//! # Ok(()) }
//! ```
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

mod error;
mod fat;
pub mod img3;
mod key;
mod kind;
mod lzfse;
mod lzss;
mod open;
pub mod picture;
mod tree;
pub mod write;

pub use error::{Error, ErrorKind};
pub use fat::Slice;
pub use key::Key;
pub use kind::{Kind, sniff};
pub use open::{Layer, Opened, Options, explain, open};
pub use write::rewrap;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// A little-endian number at an offset.
pub(crate) fn u32_le(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// A big-endian number at an offset.
pub(crate) fn u32_be(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_be_bytes)
}
