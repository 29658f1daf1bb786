//! The packed boot image: everything that one boot needs, in one file or one stream.
//!
//! It is a U-Boot FIT with external data in our profile (manual page bootimg(5)): a flattened device tree that says
//! what there is, padded to 16 KiB, then the parts, each on a 16 KiB boundary, the small and often edited first. So it
//! goes through a pipe in one forward pass, and each part of a file can be mapped onto guest memory in place.
//!
//! This crate reads ([`Header`], [`Reader`]), writes ([`Builder`]) and changes ([`Rewriter`]) such images, through
//! `Read` and `Write` only. It does not look into the parts, and it decides no addresses: that is `xnu-boot`'s.
//!
//! ```
//! use bootimg::{Builder, ConfigurationSpec, PartKind, PartSpec, Reader, Rewriter};
//!
//! // Make one.
//! let mut builder = Builder::new("example");
//! builder.add(PartSpec::of_bytes("devicetree", PartKind::DeviceTree, b"tree"))?;
//! builder.add(PartSpec::of_bytes("kernel", PartKind::Kernel, b"kernel code"))?;
//! builder.configure(ConfigurationSpec::new("default").bootargs("serial=3"))?;
//! let mut image = Vec::new();
//! let mut writer = builder.write(&mut image)?;
//! writer.part(&mut &b"tree"[..])?; // in the order of `builder.parts()`
//! writer.part(&mut &b"kernel code"[..])?;
//! writer.finish()?;
//!
//! // Change one part; everything else passes through.
//! let mut rewriter = Rewriter::new(&image[..])?;
//! let tree = rewriter.read("devicetree", 1 << 20)?;
//! rewriter.replace("devicetree", [&tree[..], b" with leaves"].concat())?;
//! let mut changed = Vec::new();
//! rewriter.finish(&mut changed)?;
//!
//! // Read it in one forward pass.
//! let mut reader = Reader::new(&changed[..])?;
//! let boot = reader.header().select(None)?;
//! assert_eq!(boot.bootargs, Some("serial=3"));
//! assert_eq!(boot.part(PartKind::DeviceTree).map(|p| p.size), Some(16));
//! while let Some(mut part) = reader.next_part()? {
//!     let bytes = part.read_verified(1 << 20)?;
//!     assert_eq!(bytes.len() as u64, part.part().size);
//! }
//! # Ok::<(), bootimg::Error>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")
)]

mod builder;
mod digest;
mod error;
mod header;
mod reader;
mod rewrite;
pub mod tree;

pub use builder::{Builder, ConfigurationSpec, PartSpec, Writer};
pub use digest::{Algorithm, Digest, Hasher};
pub use error::{Error, ErrorKind, Result};
pub use header::{Configuration, Header, Part, PartKind, Selection, Verifier};
pub use reader::{PartReader, Reader};
pub use rewrite::Rewriter;

/// Every part starts on a multiple of this, and the image ends on one: the page size of the guest.
pub const PAGE: u64 = 16 << 10;

/// The largest header that is read: 1 MiB. A real one is a few KiB.
pub const MAX_HEADER: u64 = 1 << 20;

/// The largest part that is written: one byte below 2 GiB, since U-Boot's tools show more as negative.
pub const MAX_PART: u64 = (1 << 31) - 1;

/// Property names of our own and of FIT.
pub mod names {
    /// What a part is to the boot: see [`crate::PartKind::name`].
    pub const KIND: &str = "xnuboot,kind";
    /// What a part's bytes are.
    pub const FORMAT: &str = "xnuboot,format";
    /// Four-letter IM4P type under which the boot loads the part.
    pub const IM4P_TYPE: &str = "xnuboot,im4p-type";
    /// Description string of the IM4P.
    pub const IM4P_DESCRIPTION: &str = "xnuboot,im4p-description";
    /// Path inside the IPSW.
    pub const SOURCE: &str = "xnuboot,source";
    /// XNU boot arguments, in a configuration or in the root.
    pub const BOOTARGS: &str = "xnuboot,bootargs";
    /// Machine to emulate, in a configuration or in the root.
    pub const MACHINE: &str = "xnuboot,machine";
    /// Source build, such as `15C114`, in a configuration.
    pub const BUILD: &str = "xnuboot,build";
    /// Product type, such as `iPhone10,3`, in a configuration.
    pub const PRODUCT: &str = "xnuboot,product";
    /// FIT's properties of a configuration that name parts.
    pub const ROLES: [&str; 5] = ["kernel", "fdt", "ramdisk", "firmware", "loadables"];
}

/// Whether `prefix` starts as a flattened device tree does.
pub fn is_fdt(prefix: &[u8]) -> bool {
    prefix.starts_with(&tree::MAGIC)
}

/// Whether `prefix` starts as a packed image does: a flattened device tree with an `images` node.
///
/// With 4 KiB or more of prefix the answer is good; with less it may be `true` for another device tree blob.
pub fn sniff(prefix: &[u8]) -> bool {
    // BEGIN_NODE and the name, as they stand in the structure block.
    const IMAGES: &[u8] = b"\0\0\0\x01images\0\0";
    if !is_fdt(prefix) {
        return false;
    }
    let total =
        prefix.get(4..8).and_then(|b| b.try_into().ok()).map_or(u64::MAX, |b| u32::from_be_bytes(b).into());
    let found = prefix.windows(IMAGES.len()).step_by(4).any(|w| w == IMAGES);
    found || ((prefix.len() as u64) < total && prefix.len() < 4096)
}

/// The `timestamp` for a new image: `SOURCE_DATE_EPOCH` if the environment has it, else 0, never the clock.
pub fn timestamp_from_env() -> u32 {
    std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|s| s.trim().parse().ok()).unwrap_or(0)
}
