//! Apple's device tree ("ADT"): parse, look up, edit, write back to the identical bytes, and a text form that
//! compiles back to the identical bytes.
//!
//! It holds no opinion on what a tree should say: what a kernel wants in it is `xnu-boot`'s business. It takes no
//! wrapping off (`apple-wrap` does). Flattened device trees are another format, which [`flat`] turns into this one and
//! back.
//!
//! The byte layout is that of `apple-oss-distributions/xnu` (`pexpert/pexpert/device_tree.h`): everything
//! little-endian, no magic, no total size.
//!
//! ```text
//! node:      u32 number of properties, u32 number of children, properties, children (depth first)
//! property:  char name[32], u32 length (bit 31: placeholder), value, zero padding to a multiple of 4
//! ```
//!
//! Bit 31 of a length marks a *placeholder*: the value is a text such as `syscfg/SrNm/0x20,zeroes/0x20` that the boot
//! loader replaces (see [`placeholder`]).
//!
//! ```
//! # fn main() -> Result<(), apple_dt::Error> {
//! let mut tree = apple_dt::compile(r#"
//!     /apple-dt/ 1;
//!     device-tree {
//!         model = "iPhone10,3";
//!         chosen { debug-enabled = u32(0); }
//!     }
//! "#)?;
//! let script = apple_dt::Script::parse("set /chosen:debug-enabled = u32(1)   # let kexts believe in debugging")?;
//! let changes = script.apply(&mut tree)?;
//! assert_eq!(changes.len(), 1);
//! let bytes = tree.to_bytes();
//! assert_eq!(apple_dt::Tree::parse(&bytes)?, tree);
//! # Ok(()) }
//! ```
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

mod bytes;
mod diff;
mod edit;
mod error;
pub mod flat;
mod json;
pub mod placeholder;
mod script;
mod select;
mod syntax;
mod text;
mod tree;
mod value;

pub use bytes::{MAX_CHILDREN, MAX_DEPTH, MAX_PROPERTIES, MAX_SIZE, looks_like};
pub use diff::{Difference, diff};
pub use edit::{Action, Change, Edit};
pub use error::{Error, ErrorKind};
pub use json::to_json;
pub use placeholder::Values;
pub use script::{Script, parse_edit, parse_value};
pub use select::{Selector, Target, glob};
pub use text::{compile, is_text, print, print_node, print_value};
pub use tree::{Name, Node, Property, Tree};
pub use value::{Context, Term, Value};

/// The result of this crate's fallible functions.
pub type Result<T> = core::result::Result<T, Error>;

#[cfg(test)]
mod tests;
