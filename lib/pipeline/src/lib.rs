//! The steps of the chain as functions, so that tools and `xnu-run --demo` run the same code: an IPSW becomes a
//! packed image ([`BootSet`]), and a packed image becomes another.
//!
//! It decides which files make a boot; what they contain is the format crates' business, where they go in memory is
//! `xnu-boot`'s. Input and output are `Read` and `Write`.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")
)]

mod boot_set;
mod device_tree;
mod error;

pub use boot_set::{BootOptions, BootSet, boot_paths};
pub use device_tree::{
    PatchedImage, PatchedTree, TREE_FORMAT, TreeEdits, TreeError, open_tree, patch_device_tree, tree_parts,
};
pub use error::{Error, Result};
