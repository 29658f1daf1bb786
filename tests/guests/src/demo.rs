//! The demo: an IPSW that is small but built like a real one.
//!
//! Two build identities (Erase and Update) of one board, each with kernelcache (LZFSE in an IM4P, used as `krnl` and
//! `rkrn`), device tree (used as `dtre` and `rdtr`), restore ramdisk (raw HFSX in an IM4P) and its trust cache. The
//! digests in the manifest are right, the program on the ramdisk is signed ad hoc and its hash is in the trust cache.

use crate::code_signature::sign;
use crate::macho;
use crate::manifest::{self, Component, Identity};
use crate::symbols::Symbols;
use apple_img4::{Algorithm, Compression, FourCc};
use sha2::{Digest, Sha384};
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const KERNEL: &[u8] = include_bytes!("../bin/demo-kernel.bin");
const KERNEL_SYMBOLS: &str = include_str!("../bin/demo-kernel.sym");
const LAUNCHD: &[u8] = include_bytes!("../bin/demo-launchd.bin");
const LAUNCHD_SYMBOLS: &str = include_str!("../bin/demo-launchd.sym");
const TREE: &str = include_str!("../trees/demo.adt.txt");

const KERNEL_PATH: &str = "kernelcache.release.iphone9";
const TREE_PATH: &str = "Firmware/all_flash/DeviceTree.d10ap.im4p";
const ERASE_PATH: &str = "048-00001-001.dmg";
const UPDATE_PATH: &str = "048-00002-001.dmg";
const ERASE_TRUST_PATH: &str = "Firmware/048-00001-001.dmg.trustcache";
const UPDATE_TRUST_PATH: &str = "Firmware/048-00002-001.dmg.trustcache";

/// Why the demo could not be packed: a defect of this workspace, never of the user's input.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An IM4P.
    #[error("demo: IM4P: {0}")]
    Im4p(#[from] apple_img4::Error),
    /// The device tree's text.
    #[error("demo: device tree: {0}")]
    Tree(#[from] apple_dt::Error),
    /// The ramdisk.
    #[error("demo: ramdisk: {0}")]
    Ramdisk(#[from] apple_fs::Error),
    /// A property list.
    #[error("demo: property list: {0}")]
    Plist(#[from] plist::Error),
    /// The archive.
    #[error("demo: archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// Compression.
    #[error("demo: {0}")]
    Io(#[from] std::io::Error),
}

type Result<T> = std::result::Result<T, Error>;

/// The demo kernel as a Mach-O.
pub fn kernel() -> Vec<u8> {
    macho::kernel(KERNEL, &Symbols::parse(KERNEL_SYMBOLS)).to_bytes()
}

/// The demo's first program, signed, and its cdhash.
pub fn launchd() -> crate::code_signature::Signed {
    let program = macho::program(LAUNCHD, &Symbols::parse(LAUNCHD_SYMBOLS)).to_bytes();
    sign(program, "org.xnuboot.demo.launchd")
}

/// The demo's device tree, as a boot loader finds it.
pub fn device_tree() -> Result<Vec<u8>> {
    Ok(apple_dt::compile(TREE)?.to_bytes())
}
