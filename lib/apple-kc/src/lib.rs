//! Kernelcaches: what a bare Mach-O kernel says about itself.
//!
//! Takes the Mach-O that is left when every wrapping is off, fat files included (`apple-wrap`), and reads layout,
//! segments, entry, version string, symbols, kexts and identification. It resolves chained pointers on request, so that
//! other programs can read the file, and takes kexts out as files of their own. It does not slide or patch, and it
//! knows nothing of how a kernel is started.
//!
//! The three layouts (split, merged, fileset) are told apart by content, never by version, since their eras overlap
//! by SoC. Facts: the layouts and load commands as in `apple-oss-distributions/xnu` (`EXTERNAL_HEADERS/mach-o`,
//! `libkern/libkern/prelink.h`, `osfmk/arm/arm_init.c` of xnu-4903 and xnu-7195).
//!
//! ```
//! # fn main() -> Result<(), apple_kc::Error> {
//! # let bytes = apple_kc::test_support::tiny_kernel();
//! let kernel = apple_kc::KernelCache::parse(&bytes)?;
//! assert_eq!(kernel.entry, Some(0xffff_fff0_0700_8000));
//! assert_eq!(kernel.kc_base(), 0xffff_fff0_0600_0000);
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
mod extract;
mod fixups;
mod image;
mod kexts;
mod prelink;
mod segment;
mod soc;
mod symbols;
#[doc(hidden)]
pub mod test_support;
mod version;

pub use error::{Error, ErrorKind};
pub use fixups::{Auth, Fixup, Fixups, Format, Resolved, Target};
pub use image::{Arch, FilesetEntry, KernelCache, Layout};
pub use kexts::{Kext, Kexts};
pub use prelink::{Prelink, Value, base64};
pub use segment::{Section, Segment};
pub use soc::chip_name;
pub use symbols::{Symbol, SymbolEntry, SymbolKind, Symbols, Symtab};
pub use version::Version;

/// The result of this crate's readers.
pub type Result<T> = std::result::Result<T, Error>;

/// The unit in which XNU's bootstrap maps itself: an L2 block of 16 KiB pages. The base of a kernel collection is its
/// lowest address rounded down to this (`osfmk/arm64/start.s`).
pub const KC_BASE_ALIGN: u64 = 0x200_0000;
