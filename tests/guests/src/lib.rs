//! Guest programs of our own, and the demo IPSW made of them.
//!
//! The sources of the guests are in `demo/` beside this crate, their checked-in binaries in `bin/` (built by `build.sh`),
//! device trees in `trees/`. This crate packs them into what Apple's tools would have made of them: Mach-O files, an
//! HFS+ ramdisk, a trust cache, IM4Ps, and an IPSW around all. Everything is reproducible: no time, no host, no
//! randomness.
//!
//! It writes formats; reading them is the business of the libraries, so that the demo exercises the code that a real
//! IPSW goes through.
#![forbid(unsafe_code)]

pub mod contract;
pub mod demo;
pub mod macho;
mod manifest;
pub mod obstacles;
pub mod symbols;
