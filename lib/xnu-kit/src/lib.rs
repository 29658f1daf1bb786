//! The core library under one name: every crate of the toolchain, re-exported, in the order in which data flows.
//!
//! An outside program depends on this crate alone; inside the workspace each crate names what it needs, so that
//! `tests/layering.rs` can hold the walls.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use xnu_kit::{apple_dt, apple_img4, apple_wrap};
//!
//! let tree = apple_dt::compile(r#"/apple-dt/ 1; device-tree { model = "iPhone9,1"; }"#)?.to_bytes();
//! let im4p = apple_img4::write::im4p(apple_img4::FourCc(*b"dtre"), "a tree", &tree, None)?;
//! let opened = apple_wrap::open(&im4p, &apple_wrap::Options::default())?;
//! assert_eq!(opened.kind, apple_wrap::Kind::AppleDeviceTree);
//! assert_eq!(*opened.payload, *tree);
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

// Formats: bytes in, structures out.
pub use apple_dt;
pub use apple_fs;
pub use apple_img4;
pub use apple_ipsw;
pub use apple_kc;
pub use apple_ota;
pub use apple_wrap;
pub use bootimg;
pub use code_signature;
pub use img4_verify;
pub use memory_chart;

// Where the bytes may be.
pub use remote;

// From files to a plan.
pub use pipeline;
pub use xnu_boot;
pub use xnu_patch;

// The machine: instructions, memory, devices, and what ties them together.
pub use a64;
pub use cpu;
pub use debug;
pub use devices;
pub use diagnosis;
pub use jit;
pub use machine;
pub use mem;
pub use rfb;
