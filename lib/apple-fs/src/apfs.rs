//! APFS containers and the volumes in them.
//!
//! Reads the newest checkpoint of a container. Encrypted and sealed volumes are listed but not opened; snapshots and
//! Fusion drives are not read. Every block's checksum is verified. Facts: Apple File System Reference (2020-06-22),
//! `sgan81/apfs-fuse:ApfsLib/DiskStruct.h`, `linux-apfs/apfsprogs:include/apfs/raw.h`.

mod btree;
mod object;
mod records;
mod volume;

use crate::bytes::View;
use crate::source::{Shared, Source, read_vec};
use crate::{Error, Result};
use object::{Blocks, Object, kind};

pub use volume::ApfsVolume;

/// Most volumes of a container.
const MAX_VOLUMES: usize = 100;

/// What is known of a volume before it is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Its name.
    pub name: String,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// Whether it is sealed by hashes (system volumes since iOS 15 and macOS 11).
    pub sealed: bool,
    /// Whether names that differ only in case are different names.
    pub case_sensitive: bool,
    /// What it is for: `system`, `data`, `preboot` and so on; empty for none.
    pub role: &'static str,
    /// Files, folders and symbolic links, as the volume counts them.
    pub counts: [u64; 3],
    block: u64,
}

/// A container opened for reading.
#[derive(Debug)]
pub struct Container {
    blocks: Blocks,
    xid: u64,
    total_blocks: u64,
    volumes: Vec<VolumeInfo>,
    warnings: Vec<String>,
}

/// Whether an APFS container starts at the beginning of the source.
pub fn probe(source: &dyn Source) -> bool {
    read_vec(source, 32, 4).is_ok_and(|m| m == b"NXSB")
}

/// Volume flags and features.
const UNENCRYPTED: u64 = 1;
const CASE_INSENSITIVE: u64 = 1;
const NORMALIZATION_INSENSITIVE: u64 = 8;
const SEALED: u64 = 0x20;

impl Container {
    /// Opens the newest checkpoint whose superblock is whole.
    pub fn open(source: Shared) -> Result<Container> {
        let head = read_vec(source.as_ref(), 0, 4096.min(source.len()))?;
        let v = View::new(&head, 0, "the APFS container superblock");
        if v.slice(32, 4)? != b"NXSB" {
            return Err(v.bad(32, "the signature of an APFS container", v.le32(32)?));
        }
        let size = v.le32(36)?;
        if !size.is_power_of_two() || !(4096..=65536).contains(&size) {
            return Err(v.bad(36, "the block size of an APFS container", size));
        }
        let blocks = Blocks { source, size };
        let mut warnings = Vec::new();
        let newest = newest(&blocks, &v, &mut warnings)?;
        let v = newest.view();
        if v.le64(64)? & 0x100 != 0 {
            return Err(Error::Unsupported {
                what: "an APFS container that spans two disks (Fusion)".into(),
                remedy: "",
            });
        }
        let map = object_map(&blocks, v.le64(160)?, newest.xid()?)?;
        let mut volumes = Vec::new();
        for i in 0..MAX_VOLUMES {
            let at = i.saturating_mul(8).saturating_add(184);
            let oid = v.le64(at)?;
            if oid == 0 {
                continue;
            }
            match map.get(&oid) {
                Some(&block) => volumes.push(info(&blocks, block)?),
                None => warnings.push(format!("volume {i} of the container leads nowhere")),
            }
        }
        let (xid, total_blocks) = (newest.xid()?, v.le64(40)?);
        Ok(Container { xid, total_blocks, volumes, warnings, blocks })
    }

    /// The volumes, in the order of the container.
    pub fn volumes(&self) -> &[VolumeInfo] {
        &self.volumes
    }

    /// Opens a volume by its index in [`Container::volumes`].
    pub fn open_volume(&self, index: usize) -> Result<ApfsVolume> {
        let info = self
            .volumes
            .get(index)
            .ok_or_else(|| Error::NotFound(format!("the container has {} volumes", self.volumes.len())))?;
        if info.encrypted {
            return Err(Error::Encrypted {
                what: format!("the APFS volume {:?}", info.name),
                remedy: "only unencrypted volumes can be read",
            });
        }
        if info.sealed {
            return Err(btree::sealed());
        }
        ApfsVolume::open(self, info)
    }
}

/// The superblock with the highest transaction among those of the checkpoint area and the one in block 0.
fn newest(blocks: &Blocks, v: &View<'_>, warnings: &mut Vec<String>) -> Result<Object> {
    const WHAT: &str = "the APFS container superblock";
    let first = blocks.object(0, &[kind::NX_SUPERBLOCK], WHAT);
    let (count, base) = (v.le32(104)?, v.le64(112)?);
    let mut best: Option<Object> = None;
    if count & 0x8000_0000 != 0 {
        warnings.push("the checkpoint area is in pieces: only the superblock in block 0 is looked at".into());
    } else {
        let room = blocks.source.len() / u64::from(blocks.size);
        for block in base..base.saturating_add(u64::from(count)).min(room) {
            // Other blocks of the area, and half-written ones, are passed over.
            let Ok(object) = blocks.object(block, &[kind::NX_SUPERBLOCK], WHAT) else { continue };
            let v = object.view();
            if v.slice(32, 4)? != b"NXSB" || v.le32(36)? != blocks.size {
                continue;
            }
            if best.as_ref().map_or(Ok(0), Object::xid)? < object.xid()? {
                best = Some(object);
            }
        }
    }
    match (best, first) {
        (Some(b), Ok(f)) => Ok(if f.xid()? > b.xid()? { f } else { b }),
        (Some(b), Err(e)) => {
            warnings.push(format!(
                "the first superblock is damaged ({e}); the one of the last checkpoint was used"
            ));
            Ok(b)
        }
        (None, first) => first,
    }
}

/// Reads an object map: for each object the block of its newest version up to transaction `xid`.
fn object_map(blocks: &Blocks, block: u64, xid: u64) -> Result<btree::Map> {
    let omap = blocks.object(block, &[kind::OMAP], "an APFS object map")?;
    let root = omap.view().le64(48)?;
    let mut newest: std::collections::HashMap<u64, (u64, u64)> = std::collections::HashMap::new();
    btree::walk(blocks, root, None, "the tree of an APFS object map", |r| {
        let (oid, version) = (r.key.le64(0)?, r.key.le64(8)?);
        let (flags, at) = (r.value.le32(0)?, r.value.le64(8)?);
        // Bit 0: deleted in that transaction.
        if version <= xid && flags & 1 == 0 {
            let slot = newest.entry(oid).or_insert((version, at));
            if slot.0 <= version {
                *slot = (version, at);
            }
        }
        Ok(())
    })?;
    Ok(newest.into_iter().map(|(oid, (_, at))| (oid, at)).collect())
}

fn info(blocks: &Blocks, block: u64) -> Result<VolumeInfo> {
    let object = blocks.object(block, &[kind::FS], "an APFS volume superblock")?;
    let v = object.view();
    if v.slice(32, 4)? != b"APSB" {
        return Err(v.bad(32, "the signature of an APFS volume", v.le32(32)?));
    }
    let features = v.le64(56)?;
    let name = v.slice(704, 256)?;
    let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    Ok(VolumeInfo {
        name: String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned(),
        encrypted: v.le64(264)? & UNENCRYPTED == 0,
        sealed: features & SEALED != 0,
        case_sensitive: features & CASE_INSENSITIVE == 0,
        role: role(v.le16(964)?),
        counts: [v.le64(184)?, v.le64(192)?, v.le64(200)?],
        block,
    })
}

fn role(role: u16) -> &'static str {
    match role {
        0x01 => "system",
        0x02 => "user",
        0x04 => "recovery",
        0x08 => "vm",
        0x10 => "preboot",
        0x20 => "installer",
        0x40 => "data",
        0x80 => "baseband",
        0xc0 => "update",
        0x100 => "xart",
        0x140 => "hardware",
        0x180 => "backup",
        0x240 => "enterprise",
        0x2c0 => "prelogin",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
