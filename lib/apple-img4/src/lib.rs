//! Image4: IM4P payloads, IM4M manifests, IM4R restore information and IMG4 files, read and written.
//!
//! Reads borrow from the input and keep every offset and every raw byte, so that a manifest can be put back exactly
//! as it came: Apple's sets are not always in DER order and are never sorted here. It does no I/O, decompresses and
//! decrypts nothing, and verifies no signature: those are the business of crates above.
//!
//! Tags come from the `der` crate (private tags whose number is a four-character code); lengths are read here, since
//! files made by other tools are not always minimal, which `der` refuses.
//!
//! Facts: the item tables of `xerub/img4lib` (`libvfs/vfs_img4.c`), `m1stadev/PyIMG4` (`pyimg4/parser.py`) and
//! `tihmstar/img4tool`, compared with files of iOS 11.2.
//!
#![doc = include_str!("../README.md")]
#![no_std]
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

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod edit;
mod error;
mod fields;
mod fourcc;
mod im4m;
mod im4p;
mod im4r;
mod img4;
mod property;
mod tlv;
pub mod write;
pub mod x509;

pub use error::{Error, ErrorKind};
pub use fields::{Difference, Field, FieldValue, diff, fields};
pub use fourcc::FourCc;
pub use im4m::{Im4m, Object};
pub use im4p::{Algorithm, Compression, Im4p, Keybag, KeybagKind};
pub use im4r::Im4r;
pub use img4::Img4;
pub use property::{Property, Value};

/// The result of this crate's readers and writers.
pub type Result<T> = core::result::Result<T, Error>;

/// Which Image4 container the bytes start with: its four-character code, if it is one of the four.
///
/// Looks at the outer `SEQUENCE` and its first string only; the rest may be damaged or missing.
pub fn sniff(data: &[u8]) -> Option<FourCc> {
    let mut outer = tlv::Cursor::new(data);
    let (tag, header) = outer.header().ok()?;
    if tag != der::Tag::Sequence {
        return None;
    }
    let magic = data.get(header..)?.get(..6)?;
    let code = FourCc(*magic.strip_prefix(&[0x16, 4])?.first_chunk()?);
    [Im4p::MAGIC, Im4m::MAGIC, Im4r::MAGIC, Img4::MAGIC].contains(&code).then_some(code)
}
