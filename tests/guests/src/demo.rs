//! The demo: an IPSW that is small but built like a real one.
//!
//! Two build identities (Erase and Update) of one board, each with kernelcache (LZFSE in an IM4P, used as `krnl` and
//! `rkrn`), device tree (used as `dtre` and `rdtr`), restore ramdisk (raw HFSX in an IM4P) and its trust cache. The
//! digests in the manifest are right, the program on the ramdisk is signed ad hoc and its hash is in the trust cache.

use crate::macho;
use crate::manifest::{self, Component, Identity, Product};
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
    /// The first program's signature.
    #[error("demo: code signature: {0}")]
    Signature(#[from] code_signature::Error),
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

/// The result of what packs.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The demo kernel as a Mach-O.
pub fn kernel() -> Vec<u8> {
    macho::kernel(KERNEL, &Symbols::parse(KERNEL_SYMBOLS)).to_bytes()
}

/// The demo's first program, signed ad hoc.
pub fn launchd() -> Result<Vec<u8>> {
    let program = macho::program(LAUNCHD, &Symbols::parse(LAUNCHD_SYMBOLS)).to_bytes();
    let mut signer = code_signature::Signer::new("org.xnuboot.demo.launchd");
    signer.page_shift = 14;
    Ok(signer.sign(&program)?)
}

/// The cdhashes that its trust cache lists.
fn cdhashes() -> Result<Vec<[u8; 20]>> {
    let hashes = code_signature::cdhashes(&launchd()?)?;
    Ok(hashes.into_iter().filter_map(|(_, hash)| Some(hash?.bytes)).collect())
}

/// The demo's device tree, as a boot loader finds it.
pub fn device_tree() -> Result<Vec<u8>> {
    Ok(apple_dt::compile(TREE)?.to_bytes())
}

/// The restore ramdisk: an HFSX volume with the first program and a few files to read.
fn ramdisk(behavior: &str) -> Result<Vec<u8>> {
    use apple_fs::hfsplus::write::{Attributes, Builder};
    let (folder, file) = (Attributes::new(0o755), Attributes::new(0o644));
    let mut volume = Builder::new("DemoRamDisk");
    for path in ["/sbin", "/private", "/private/etc", "/private/var", "/usr", "/usr/share"] {
        volume.directory(path, &folder)?;
    }
    let motd = format!("welcome to the {behavior} ramdisk of the xnuboot demo\n");
    volume.file("/private/etc/motd", &file, motd)?;
    volume.file("/private/etc/fstab", &file, "/dev/md0 / hfs ro 0 1\n")?;
    volume.file("/sbin/launchd", &folder, launchd()?)?;
    volume.file("/usr/share/numbers", &file, (1..=5000).map(|n| format!("{n}\n")).collect::<String>())?;
    volume.symlink("/etc", &folder, "private/etc")?;
    volume.symlink("/var", &folder, "private/var")?;
    volume.hard_link("/usr/share/also-numbers", "/usr/share/numbers")?;
    volume.xattr("/sbin/launchd", "org.xnuboot.demo", b"an extended attribute")?;
    Ok(volume.build()?)
}

/// A static trust cache module, version 1, that lists the cdhashes (sorted, as the kernel searches by halves).
fn trust_cache(hashes: &[[u8; 20]]) -> Vec<u8> {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    let mut out = 1u32.to_le_bytes().to_vec();
    out.extend(*b"xnuboot demo tc.");
    out.extend((sorted.len() as u32).to_le_bytes());
    for hash in sorted {
        out.extend(hash);
        out.extend([2, 0]); // SHA-256, no flags
    }
    out
}

/// The parts of the demo as they lie in its IPSW (of the Erase identity where there are two).
#[derive(Debug)]
pub struct Parts {
    /// IM4P `krnl`, LZFSE.
    pub kernelcache: Vec<u8>,
    /// IM4P `dtre`.
    pub device_tree: Vec<u8>,
    /// IM4P `rdsk`.
    pub ramdisk: Vec<u8>,
    /// IM4P `trst`.
    pub trust_cache: Vec<u8>,
}

/// Makes the parts of the Erase identity.
pub fn parts() -> Result<Parts> {
    parts_for("Erase")
}

fn parts_for(behavior: &str) -> Result<Parts> {
    pack("demo", &kernel(), &device_tree()?, &ramdisk(behavior)?)
}

/// The ramdisk of a kernel that reads nothing of it but its signature.
pub(crate) fn small_ramdisk(name: &str) -> Result<Vec<u8>> {
    use apple_fs::hfsplus::write::{Attributes, Builder};
    let mut volume = Builder::new("ContractDisk");
    volume.directory("/sbin", &Attributes::new(0o755))?;
    volume.file("/sbin/launchd", &Attributes::new(0o755), launchd()?)?;
    volume.file("/motd", &Attributes::new(0o644), format!("the ramdisk of the {name} kernels\n"))?;
    Ok(volume.build()?)
}

/// IM4Ps of these parts.
pub(crate) fn pack(name: &str, kernel: &[u8], tree: &[u8], ramdisk: &[u8]) -> Result<Parts> {
    let mut compressed = Vec::new();
    lzfse_rust::LzfseEncoder::default().encode_bytes(kernel, &mut compressed)?;
    let compression = Compression { algorithm: Algorithm::Lzfse, uncompressed_size: kernel.len() as u64 };
    let plain = |kind: &[u8; 4], what: &str, payload: &[u8]| {
        apple_img4::write::im4p(FourCc(*kind), what, payload, None)
    };
    Ok(Parts {
        kernelcache: apple_img4::write::im4p(
            FourCc(*b"krnl"),
            &format!("KernelCacheBuilder-xnuboot-{name}"),
            &compressed,
            Some(compression),
        )?,
        device_tree: plain(b"dtre", &format!("EmbeddedDeviceTrees-xnuboot-{name}"), tree)?,
        ramdisk: plain(b"rdsk", &format!("xnuboot {name} ramdisk"), ramdisk)?,
        trust_cache: plain(b"trst", &format!("xnuboot {name}"), &trust_cache(&cdhashes()?))?,
    })
}

/// SHA-384 of an IM4P with another type, as a manifest states it.
fn digest(im4p: &[u8], used_as: Option<&str>) -> Result<Vec<u8>> {
    let Some(used_as) = used_as else { return Ok(Sha384::digest(im4p).to_vec()) };
    let mut kind = FourCc(*b"????");
    for (to, from) in kind.0.iter_mut().zip(used_as.bytes()) {
        *to = from;
    }
    let mut changed = apple_img4::Im4p::parse(im4p)?.parts();
    changed.kind = kind;
    Ok(Sha384::digest(changed.to_bytes()?).to_vec())
}

fn identity(product: &Product, behavior: &'static str, parts: &Parts) -> Result<Identity> {
    let (ramdisk_path, trust_path) =
        if behavior == "Erase" { (ERASE_PATH, ERASE_TRUST_PATH) } else { (UPDATE_PATH, UPDATE_TRUST_PATH) };
    let mut components = Vec::new();
    for (name, path, used_as, data) in [
        ("KernelCache", kernel_path(product), None, &parts.kernelcache),
        ("RestoreKernelCache", kernel_path(product), Some("rkrn"), &parts.kernelcache),
        ("DeviceTree", tree_path(product), None, &parts.device_tree),
        ("RestoreDeviceTree", tree_path(product), Some("rdtr"), &parts.device_tree),
        ("RestoreRamDisk", ramdisk_path.to_owned(), None, &parts.ramdisk),
        ("RestoreTrustCache", trust_path.to_owned(), Some("rtsc"), &parts.trust_cache),
    ] {
        components.push(Component { name, path, used_as, digest: digest(data, used_as)? });
    }
    Ok(Identity { behavior, components })
}

fn kernel_path(product: &Product) -> String {
    format!("kernelcache.release.{}", product.family)
}

fn tree_path(product: &Product) -> String {
    format!("Firmware/all_flash/DeviceTree.{}.im4p", product.board)
}

/// The whole IPSW.
///
/// # Errors
/// Only a defect of this workspace gives one.
pub fn ipsw() -> Result<Vec<u8>> {
    archive(&manifest::DEMO, &parts_for("Erase")?, Some(&parts_for("Update")?))
}

/// An IPSW of these parts: one build identity, or two.
pub(crate) fn archive(product: &Product, erase: &Parts, update: Option<&Parts>) -> Result<Vec<u8>> {
    let mut identities = vec![identity(product, "Erase", erase)?];
    if let Some(update) = update {
        identities.push(identity(product, "Update", update)?);
    }
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let deflated = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let mut put = |path: &str, options, data: &[u8]| -> Result<()> {
        archive.start_file(path, options)?;
        Ok(archive.write_all(data)?)
    };
    let (kernel, tree) = (kernel_path(product), tree_path(product));
    let update_path = if update.is_some() { UPDATE_PATH } else { ERASE_PATH };
    put("BuildManifest.plist", deflated, &xml(&manifest::build_manifest(product, &identities))?)?;
    put("Restore.plist", deflated, &xml(&manifest::restore(product, &kernel, ERASE_PATH, update_path))?)?;
    put(&kernel, stored, &erase.kernelcache)?;
    put(&tree, deflated, &erase.device_tree)?;
    put(ERASE_PATH, deflated, &erase.ramdisk)?;
    put(ERASE_TRUST_PATH, stored, &erase.trust_cache)?;
    if let Some(update) = update {
        put(UPDATE_PATH, deflated, &update.ramdisk)?;
        put(UPDATE_TRUST_PATH, stored, &update.trust_cache)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn xml(value: &plist::Value) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    value.to_writer_xml(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_the_same_each_time() {
        assert!(ipsw().unwrap() == ipsw().unwrap());
    }

    #[test]
    fn the_kernel_is_a_mach_o_that_enters_in_its_text() {
        let kernel = kernel();
        assert_eq!(kernel.get(..4), Some(&0xfeed_facf_u32.to_le_bytes()[..]));
        assert!(launchd().unwrap().len() > 0x4000 && cdhashes().unwrap().len() == 1);
    }
}
