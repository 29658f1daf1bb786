//! HFS+ and HFSX volumes.
//!
//! Reading walks the leaves of the three B-trees once, keeps names and attributes of files, and finds contents again
//! by the place of their records. No journal is replayed and nothing is written into an existing volume;
//! [`write::Builder`] makes new ones, also out of existing ones. Facts: `apple-oss-distributions/hfs:core/hfs_format.h`, Apple's technical note
//! TN1150.

mod btree;
mod catalog;
mod fold;
mod header;
mod journal;
pub mod write;
mod xattr;

use crate::decmpfs::{self, RESOURCE_FORK};
use crate::fs::{FileSystem, Format, MAX_XATTR, Volume, Xattr};
use crate::tree::{Entry, Kind, Tree};
use crate::{Error, Result, Shared, Source, Stream, source::read_vec};
use btree::BTree;
use header::{Fork, ForkKind, ForkSource, Header, Overflow, attributes, cnid};
use std::io::Read;
use std::sync::Arc;

/// Name of the attribute that shows Finder information.
const FINDER_INFO: &str = "com.apple.FinderInfo";

/// An HFS+ or HFSX volume opened for reading.
#[derive(Debug)]
pub struct HfsPlus {
    source: Shared,
    header: Header,
    overflow: Overflow,
    catalog: BTree,
    attributes: Option<(BTree, xattr::Index)>,
    volume: Volume,
    tree: Tree,
}

/// Whether an HFS+ volume, or the older HFS, starts at the beginning of the source.
pub fn probe(source: &dyn Source) -> bool {
    read_vec(source, header::HEADER_AT, 2).is_ok_and(|s| matches!(s.as_slice(), b"H+" | b"HX" | b"BD"))
}

impl HfsPlus {
    /// Opens a volume. What serves only the file system (the folders behind hard links, the journal) is not shown.
    pub fn open(source: Shared) -> Result<HfsPlus> {
        Self::open_with(source, false)
    }

    /// Opens a volume; with `private` also what serves only the file system is shown.
    pub fn open_with(source: Shared, private: bool) -> Result<HfsPlus> {
        let source = match read_vec(source.as_ref(), header::HEADER_AT, 2)?.as_slice() {
            b"BD" => header::unwrap_hfs(&source)?,
            _ => source,
        };
        let (header, note) = Header::read(source.as_ref())?;
        let mut warnings: Vec<String> = note.into_iter().collect();
        if header.attributes & attributes::UNMOUNTED == 0 {
            let journal = match header.attributes & attributes::JOURNALED {
                0 => "",
                _ => " and its journal, which is not replayed, may hold newer data",
            };
            warnings.push(format!("the volume was not cleanly unmounted{journal}"));
        }
        if header.attributes & attributes::INCONSISTENT != 0 {
            warnings.push("the volume is marked inconsistent".into());
        }
        let needed = u64::from(header.block_size).saturating_mul(header.total_blocks.into());
        if source.len() < needed {
            warnings
                .push(format!("the image is cut: the volume has {needed} bytes, {} are there", source.len()));
        }
        let fork = |f: &Fork, overflow: &[_]| ForkSource::new(&source, &header, f, overflow);
        let extents = BTree::open(fork(&header.extents, &[])?, "the extents overflow file")?;
        let overflow = read_overflow(&extents)?;
        let special = |id| overflow.get(&(ForkKind::Data, id)).map(Vec::as_slice).unwrap_or_default();
        let catalog = BTree::open(fork(&header.catalog, special(cnid::CATALOG))?, "the catalog")?;
        let (attributes, compressed) = match header.attributes_file.blocks {
            0 => (None, Default::default()),
            _ => {
                let fork = fork(&header.attributes_file, special(cnid::ATTRIBUTES))?;
                let tree = BTree::open(fork, "the attributes file")?;
                let (index, compressed) = xattr::Index::read(&tree, &source, &header)?;
                (Some((tree, index)), compressed)
            }
        };
        let mut records = catalog::Catalog::default();
        catalog.leaves(|r| records.add(&r, &compressed))?;
        let catalog::Resolved { name, root, records, warnings: more } = records.resolve(private);
        warnings.extend(more);
        let tree = Tree::build(cnid::ROOT.into(), root, records)?;
        if tree.orphans() > 0 {
            warnings
                .push(format!("{} names lead to no folder of the volume and are left out", tree.orphans()));
        }
        let case_sensitive = header.case_sensitive_format && catalog.compare == 0xbc;
        let volume = Volume {
            format: if header.case_sensitive_format { Format::HfsX } else { Format::HfsPlus },
            name,
            block_size: header.block_size,
            total_blocks: header.total_blocks.into(),
            free_blocks: Some(header.free_blocks.into()),
            case_sensitive,
            created: header.created,
            modified: header.modified,
            warnings,
        };
        Ok(HfsPlus { source, header, overflow, catalog, attributes, volume, tree })
    }

    fn fork(&self, entry: &Entry, kind: ForkKind) -> Result<ForkSource> {
        let at = match kind {
            ForkKind::Data => 88,
            ForkKind::Resource => 168,
        };
        let (id, fork) =
            self.catalog.at(entry.meta.place, |r| Ok((r.data.be32(8)?, Fork::parse(&r.data, at)?)))?;
        let more = self.overflow.get(&(kind, id)).map(Vec::as_slice).unwrap_or_default();
        ForkSource::new(&self.source, &self.header, &fork, more)
    }

    /// Whether its journal holds changes that are not in the volume itself: it was not unmounted, and has a journal
    /// that is not empty, or that cannot be read.
    pub fn has_full_journal(&self) -> bool {
        self.header.attributes & attributes::JOURNALED != 0
            && !journal::is_empty(self.source.as_ref(), &self.header).unwrap_or(false)
    }

    /// The volume's own record of an entry: its Finder information as stored.
    fn raw_finder(&self, entry: &Entry) -> Result<[u8; 32]> {
        let mut info = [0; 32];
        if entry.meta.place != 0 {
            self.catalog.at(entry.meta.place, |r| {
                info.copy_from_slice(r.data.slice(48, 32)?);
                Ok(())
            })?;
        }
        Ok(info)
    }

    fn attribute(&self, entry: &Entry, name: &str) -> Result<Option<Vec<u8>>> {
        let Some((tree, index)) = &self.attributes else { return Ok(None) };
        let id = u32::try_from(entry.id).unwrap_or(0);
        index.value(tree, &self.source, &self.header, id, name)
    }

    /// The 32 bytes of Finder information of a file or folder, when there is any.
    fn finder_info(&self, entry: &Entry) -> Result<Option<Vec<u8>>> {
        if !matches!(entry.meta.kind, Kind::File | Kind::Directory) || entry.meta.place == 0 {
            return Ok(None);
        }
        let info = self
            .catalog
            .at(entry.meta.place, |r| Ok(catalog::finder_info(r.data.slice(48, 32)?).to_vec()))?;
        Ok(info.iter().any(|&b| b != 0).then_some(info))
    }
}

fn read_overflow(tree: &BTree) -> Result<Overflow> {
    let mut overflow = Overflow::new();
    tree.leaves(|r| {
        let kind = match r.key.u8(0)? {
            0 => ForkKind::Data,
            0xff => ForkKind::Resource,
            other => return Err(r.key.bad(0, "the fork of an extents key", other)),
        };
        let list = overflow.entry((kind, r.key.be32(2)?)).or_default();
        list.push((r.key.be32(6)?, header::extents(&r.data, 0)?));
        Ok(())
    })?;
    Ok(overflow)
}

impl FileSystem for HfsPlus {
    fn volume(&self) -> &Volume {
        &self.volume
    }

    fn tree(&self) -> &Tree {
        &self.tree
    }

    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + Send + '_>> {
        if !matches!(entry.meta.kind, Kind::File | Kind::Symlink) {
            return Err(Error::NotFound(format!("a {} has no contents", entry.meta.kind.name())));
        }
        if entry.meta.compression.is_some() {
            let value = self.attribute(entry, decmpfs::XATTR)?.unwrap_or_default();
            let fork = self.fork(entry, ForkKind::Resource)?;
            return Ok(Box::new(decmpfs::Reader::open(&value, Some(Arc::new(fork)))?));
        }
        Ok(Box::new(Stream::new(Arc::new(self.fork(entry, ForkKind::Data)?))))
    }

    fn xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>> {
        let mut all = Vec::new();
        let compressed = entry.meta.compression.is_some();
        if let Some((tree, index)) = &self.attributes {
            let id = u32::try_from(entry.id).unwrap_or(0);
            let wanted = |name: &str| !(compressed && name == decmpfs::XATTR);
            all = index.values(tree, &self.source, &self.header, id, wanted)?;
        }
        if let Some(value) = self.finder_info(entry)? {
            all.push(Xattr { name: FINDER_INFO.into(), value });
        }
        if entry.meta.kind == Kind::File && entry.meta.resource_size > 0 {
            let fork = self.fork(entry, ForkKind::Resource)?;
            if fork.len() > MAX_XATTR {
                let (offset, value) = (entry.meta.place, fork.len());
                return Err(Error::Limit {
                    offset,
                    what: "the size of a resource fork",
                    value,
                    limit: MAX_XATTR,
                });
            }
            all.push(Xattr { name: RESOURCE_FORK.into(), value: read_vec(&fork, 0, fork.len())? });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
