//! Finds the file system in an image: through a disk image, through a partition map, or right there.

use crate::apfs::{self, Container};
use crate::hfsplus::{self, HfsPlus};
use crate::partition::{self, Partition};
use crate::source::{Part, Shared, Source, read_up_to};
use crate::udif::{self, Udif};
use crate::{Error, FileSystem, Result};
use std::sync::Arc;

/// What holds the volumes.
#[derive(Debug)]
enum Content {
    Hfs,
    Apfs(Container),
}

/// An image whose file system was found.
#[derive(Debug)]
pub struct Image {
    layers: Vec<String>,
    disk: Shared,
    content: Shared,
    udif: Option<Arc<Udif>>,
    kind: Content,
}

impl Image {
    /// Opens an image. Of a disk with several partitions the first with a file system that can be read is taken.
    pub fn open(source: Shared) -> Result<Image> {
        let mut layers = Vec::new();
        if let Some(e) = udif::encrypted(source.as_ref()) {
            return Err(e);
        }
        let udif = match udif::probe(source.as_ref()) {
            true => Some(Arc::new(Udif::open(source.clone())?)),
            false => None,
        };
        let disk: Shared = match &udif {
            Some(udif) => {
                let methods: Vec<_> = udif.methods().iter().map(|m| m.name()).collect();
                layers.push(format!("disk image (UDIF: {})", methods.join(", ")));
                udif.clone()
            }
            None => source.clone(),
        };
        let content = Self::volume(&disk, &mut layers)?;
        let kind = if apfs::probe(content.as_ref()) {
            let container = Container::open(content.clone())?;
            layers.push(format!("APFS container with {} volumes", container.volumes().len()));
            Content::Apfs(container)
        } else {
            Content::Hfs
        };
        Ok(Image { layers, disk, content, udif, kind })
    }

    /// The part of the disk that holds a file system.
    fn volume(disk: &Shared, layers: &mut Vec<String>) -> Result<Shared> {
        let found = |source: &dyn Source| apfs::probe(source) || hfsplus::probe(source);
        if found(disk.as_ref()) {
            return Ok(disk.clone());
        }
        let Some((scheme, partitions)) = partition::read(disk.as_ref())? else { return Err(unknown(disk)) };
        for (i, Partition { name, kind, start, len }) in partitions.iter().enumerate() {
            let part = Part::new(disk.clone(), *start, *len);
            if found(&part) {
                layers.push(format!(
                    "{}, partition {} {name:?} ({kind})",
                    scheme.name(),
                    i.saturating_add(1)
                ));
                return Ok(Arc::new(part));
            }
        }
        let kinds: Vec<_> = partitions.iter().map(|p| p.kind.as_str()).collect();
        Err(Error::NotFound(format!(
            "none of the {} partitions ({}) holds HFS+, HFSX or APFS",
            partitions.len(),
            kinds.join(", ")
        )))
    }

    /// What was found on the way to the file system, from the outside in.
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// The whole disk, without the disk image's compression.
    pub fn disk(&self) -> &Shared {
        &self.disk
    }

    /// The part of the disk that holds the file system: what a kernel would mount.
    pub fn content(&self) -> &Shared {
        &self.content
    }

    /// The disk image, if there is one.
    pub fn udif(&self) -> Option<&Udif> {
        self.udif.as_deref()
    }

    /// The volumes of an APFS container; empty for HFS+, which has one volume.
    pub fn apfs_volumes(&self) -> &[apfs::VolumeInfo] {
        match &self.kind {
            Content::Apfs(container) => container.volumes(),
            Content::Hfs => &[],
        }
    }

    /// Opens a volume: of an APFS container the one with this name, role or number (from 1), or without it the first
    /// that can be read. With `private`, also what only serves an HFS+ volume itself is shown.
    pub fn mount(&self, volume: Option<&str>, private: bool) -> Result<Box<dyn FileSystem>> {
        match (&self.kind, volume) {
            (Content::Hfs, _) => {
                let hfs = HfsPlus::open_with(self.content.clone(), private)?;
                match volume.filter(|v| *v != hfs.volume().name && *v != "1") {
                    Some(v) => Err(Error::NotFound(format!(
                        "there is no volume {v:?}, only {:?}",
                        hfs.volume().name
                    ))),
                    None => Ok(Box::new(hfs)),
                }
            }
            (Content::Apfs(container), Some(wanted)) => {
                let number = wanted.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
                let all = container.volumes();
                let index = all
                    .iter()
                    .position(|v| v.name == wanted)
                    .or_else(|| all.iter().position(|v| v.role == wanted))
                    .or(number.filter(|&n| n < all.len()))
                    .ok_or_else(|| {
                        let names: Vec<_> = all.iter().map(|v| format!("{:?}", v.name)).collect();
                        Error::NotFound(format!("there is no volume {wanted:?}, only {}", names.join(", ")))
                    })?;
                Ok(Box::new(container.open_volume(index)?))
            }
            (Content::Apfs(container), None) => {
                let readable = container.volumes().iter().position(|v| !v.encrypted && !v.sealed);
                Ok(Box::new(container.open_volume(readable.unwrap_or(0))?))
            }
        }
    }
}

fn unknown(disk: &Shared) -> Error {
    let start = read_up_to(disk.as_ref(), 0, 16).unwrap_or_default();
    if start.starts_with(b"AEA1") {
        let what = match crate::aea::Head::read(disk.as_ref()) {
            Ok(Some(head)) => format!(
                "the Apple Encrypted Archive (profile {}: {}; missing is {})",
                head.profile,
                head.profile_name(),
                head.missing()
            ),
            _ => "the Apple Encrypted Archive, whose head is damaged,".into(),
        };
        return Error::Encrypted { what, remedy: "the restore ramdisks of the same IPSW are not" };
    }
    if start.iter().all(|&b| b == 0) && disk.len() < 2048 {
        return Error::NotFound("no file system: the image is empty".into());
    }
    Error::NotFound(format!(
        "no HFS+, HFSX or APFS file system, disk image or partition map was recognised (it starts {start:02x?})"
    ))
}

#[cfg(test)]
mod tests;
