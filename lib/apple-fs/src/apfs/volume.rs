//! A volume of a container as a file system.

use super::btree;
use super::object::{Blocks, kind, usize_of};
use super::records::{Extent, Inode, Records, SYMLINK, Value};
use super::{CASE_INSENSITIVE, Container, NORMALIZATION_INSENSITIVE, VolumeInfo, object_map};
use crate::decmpfs::{self, RESOURCE_FORK};
use crate::fs::{FileSystem, Format, MAX_XATTR, Volume, Xattr};
use crate::source::{read_up_to, read_vec};
use crate::tree::{Entry, Kind, Meta, Tree};
use crate::{Bytes, Error, Result, Shared, Source, Stream};
use std::io::Read;
use std::sync::Arc;

const TREE: &str = "the file-system tree of an APFS volume";

/// The number of the root folder.
const ROOT: u64 = 2;

/// An APFS volume opened for reading.
#[derive(Debug)]
pub struct ApfsVolume {
    blocks: Blocks,
    volume: Volume,
    tree: Tree,
    records: Records,
}

impl ApfsVolume {
    pub(super) fn open(container: &Container, info: &VolumeInfo) -> Result<ApfsVolume> {
        let blocks = container.blocks.clone();
        let superblock = blocks.object(info.block, &[kind::FS], "an APFS volume superblock")?;
        let v = superblock.view();
        let hashed = v.le64(56)? & (CASE_INSENSITIVE | NORMALIZATION_INSENSITIVE) != 0;
        let map = object_map(&blocks, v.le64(128)?, container.xid)?;
        let root_tree = v.le64(136)?;
        let root = *map.get(&root_tree).ok_or_else(|| v.bad(136, "the root tree of a volume", root_tree))?;
        let mut records = Records::default();
        btree::walk(&blocks, root, Some(&map), TREE, |r| records.add(&r, hashed))?;
        for list in records.extents.values_mut() {
            list.sort_by_key(|e| e.logical);
        }
        let mut warnings = container.warnings.clone();
        for (id, contents, size) in std::mem::take(&mut records.headers) {
            let source = contents_of(&blocks, &records, contents, size);
            let header = read_up_to(&source, 0, decmpfs::Header::LEN as u64);
            match header.map(|h| decmpfs::Header::parse(&h)) {
                Ok(Some(header)) => records.compressed(id, header),
                _ => warnings.push(format!("the compression header of inode {id} cannot be read")),
            }
        }
        let (names, lost) = records.names();
        let root = match records.inodes.get(&ROOT) {
            Some(inode) => inode.meta.clone(),
            None => {
                warnings.push("the volume has no record of its root folder".into());
                Meta::new(Kind::Directory, 0o755)
            }
        };
        // The container's own folders lie beside the root, under number 1.
        let names: Vec<_> = names.into_iter().filter(|n| n.parent != 1).collect();
        let tree = Tree::build(ROOT, root, names)?;
        if tree.orphans() > 0 || lost > 0 {
            warnings.push(format!(
                "{} names lead to no folder or no file of the volume and are left out",
                tree.orphans().saturating_add(lost)
            ));
        }
        let time = |at| -> Result<_> {
            let ns = v.le64(at)?.cast_signed();
            Ok((ns != 0).then(|| crate::Time {
                seconds: ns.div_euclid(1_000_000_000),
                nanoseconds: ns.rem_euclid(1_000_000_000) as u32,
            }))
        };
        let volume = Volume {
            format: Format::Apfs,
            name: info.name.clone(),
            block_size: blocks.size,
            total_blocks: container.total_blocks,
            free_blocks: None,
            case_sensitive: info.case_sensitive,
            // The date of the software's record of formatting; the last change.
            created: time(304)?,
            modified: time(256)?,
            warnings,
        };
        Ok(ApfsVolume { blocks, volume, tree, records })
    }

    fn inode(&self, id: u64) -> Result<&Inode> {
        self.records
            .inodes
            .get(&id)
            .ok_or_else(|| Error::NotFound(format!("inode {id} is not in the volume")))
    }

    fn contents(&self, id: u64, size: u64) -> Contents {
        let extents = self.records.extents.get(&id).cloned().unwrap_or_default();
        Contents {
            source: self.blocks.source.clone(),
            block_size: self.blocks.size.into(),
            extents,
            len: size,
        }
    }

    fn value(&self, place: (u64, u32)) -> Result<Shared> {
        Ok(match btree::at(&self.blocks, place, TREE, |v| Value::parse(&v))? {
            Value::Embedded(bytes) => Bytes::shared(bytes),
            Value::Stream { id, size } => Arc::new(self.contents(id, size)),
        })
    }

    fn attribute(&self, id: u64, name: &str) -> Result<Option<Shared>> {
        let list = self.records.attributes.get(&id);
        match list.and_then(|l| l.iter().find(|a| a.name == name)) {
            Some(a) => self.value(a.place).map(Some),
            None => Ok(None),
        }
    }

    fn attribute_bytes(&self, id: u64, name: &str) -> Result<Vec<u8>> {
        match self.attribute(id, name)? {
            Some(source) => bounded(source.as_ref(), id),
            None => Ok(Vec::new()),
        }
    }
}

fn contents_of(blocks: &Blocks, records: &Records, id: u64, size: u64) -> Contents {
    let extents = records.extents.get(&id).cloned().unwrap_or_default();
    Contents { source: blocks.source.clone(), block_size: blocks.size.into(), extents, len: size }
}

fn bounded(source: &dyn Source, id: u64) -> Result<Vec<u8>> {
    if source.len() > MAX_XATTR {
        let what = "the size of an extended attribute";
        return Err(Error::Limit { offset: id, what, value: source.len(), limit: MAX_XATTR });
    }
    read_vec(source, 0, source.len())
}

impl FileSystem for ApfsVolume {
    fn volume(&self) -> &Volume {
        &self.volume
    }

    fn tree(&self) -> &Tree {
        &self.tree
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + Send + '_>> {
        match entry.meta.kind {
            Kind::Symlink => {
                let mut target = self.attribute_bytes(entry.id, SYMLINK)?;
                target.truncate(usize_of(entry.meta.size));
                Ok(Box::new(std::io::Cursor::new(target)))
            }
            Kind::File if entry.meta.compression.is_some() => {
                let value = self.attribute_bytes(entry.id, decmpfs::XATTR)?;
                let fork = self.attribute(entry.id, RESOURCE_FORK)?;
                Ok(Box::new(decmpfs::Reader::open(&value, fork)?))
            }
            Kind::File => {
                let id = self.inode(entry.id)?.contents;
                Ok(Box::new(Stream::new(Arc::new(self.contents(id, entry.meta.size)))))
            }
            other => Err(Error::NotFound(format!("a {} has no contents", other.name()))),
        }
    }

    fn xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>> {
        let compressed = entry.meta.compression.is_some();
        let mut all = Vec::new();
        for a in self.records.attributes.get(&entry.id).into_iter().flatten() {
            let machinery = a.name == SYMLINK && entry.meta.kind == Kind::Symlink
                || compressed && (a.name == decmpfs::XATTR || a.name == RESOURCE_FORK);
            if !machinery {
                let value = bounded(self.value(a.place)?.as_ref(), entry.id)?;
                all.push(Xattr { name: a.name.clone(), value });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
}

/// The contents of a file: what no extent speaks of is zeros.
#[derive(Debug)]
struct Contents {
    source: Shared,
    block_size: u64,
    extents: Vec<Extent>,
    len: u64,
}

impl Source for Contents {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset.checked_add(buf.len() as u64).is_none_or(|end| end > self.len) {
            return Err(Error::Truncated { offset, what: "a file's contents", len: self.len });
        }
        let (mut buf, mut at) = (buf, offset);
        let mut i = self.extents.partition_point(|e| e.logical.saturating_add(e.len) <= at);
        while !buf.is_empty() {
            let left = buf.len() as u64;
            let extent = self.extents.get(i);
            let n = match extent {
                None => left,
                Some(e) if at < e.logical => e.logical.saturating_sub(at),
                Some(e) => e.logical.saturating_add(e.len).saturating_sub(at),
            };
            let (now, later) = buf.split_at_mut(usize_of(n.min(left)));
            if let Some(e) = extent.filter(|e| at >= e.logical) {
                i = i.saturating_add(1);
                if e.block == 0 {
                    now.fill(0);
                } else {
                    let start = e.block.saturating_mul(self.block_size);
                    self.source.read_at(start.saturating_add(at.saturating_sub(e.logical)), now)?;
                }
            } else {
                now.fill(0);
            }
            at = at.saturating_add(now.len() as u64);
            buf = later;
        }
        Ok(())
    }

    fn zeros_at(&self, offset: u64) -> u64 {
        let i = self.extents.partition_point(|e| e.logical.saturating_add(e.len) <= offset);
        match self.extents.get(i) {
            None => self.len.saturating_sub(offset),
            Some(e) if offset < e.logical => e.logical.saturating_sub(offset),
            Some(e) if e.block == 0 => e.logical.saturating_add(e.len).saturating_sub(offset),
            Some(_) => 0,
        }
    }
}
