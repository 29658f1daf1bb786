//! Finding places in stripped XNU kernels, and what to change there.
//!
//! Kernels of iPhones have no symbols and another address for everything in every build. What stays are strings, the code
//! that refers to them, and the shapes of a few instruction sequences. A [`Catalog`] of patches, all of it data
//! ([`catalog`]), says how to find each place; [`look`] finds it in an [`Image`] or says why not: a place that is not found,
//! or found more often than it may, is never written to. [`Report`] says which variant found it and what would change.
//!
//! Nothing is written by this crate, and no patch is done unless somebody asks for it by name: where a property of the device
//! tree, a trust cache or a device of the machine does the same, that survives kernel versions and a patch does not.
//! There is no patch here that gets around activation or locks of a device.
//!
//! Facts on places: public descriptions of kernels in checkra1n/PongoOS and ChefKissInc/QEMUAppleSilicon, and XNU's source;
//! each patch names its own.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects
    )
)]

pub mod catalog;
mod code;
mod error;
mod find;
mod image;
pub mod pattern;

pub use catalog::{Catalog, Locator, Patch, Set, Variant};
pub use error::Error;
pub use find::{Edit, Hit, Outcome, Report, locate, look};
pub use image::{Code, Image, KERNEL, Module};
