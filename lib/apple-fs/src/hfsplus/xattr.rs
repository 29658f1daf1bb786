//! Extended attributes: the attributes B-tree.

use super::btree::{BTree, Record};
use super::catalog::{Compressed, text_at};
use super::header::{Extent, Fork, ForkSource, Header, extents};
use crate::{Bytes, Error, Result, Shared, Xattr, decmpfs, fs::MAX_XATTR, source::read_vec};
use std::collections::HashMap;

/// Record types.
const INLINE: u32 = 0x10;
const FORK: u32 = 0x20;
const EXTENTS: u32 = 0x30;

/// One attribute: its name, its record, and the extents that did not fit into it.
#[derive(Debug)]
struct Attribute {
    name: String,
    place: u64,
    overflow: Vec<(u32, [Extent; 8])>,
}

/// Which attributes each file has.
#[derive(Debug, Default)]
pub(crate) struct Index {
    files: HashMap<u32, Vec<Attribute>>,
}

impl Index {
    /// Reads the whole tree; values stay where they are, but the headers of compressed files are noted.
    pub(crate) fn read(tree: &BTree, volume: &Shared, header: &Header) -> Result<(Index, Compressed)> {
        let mut index = Index::default();
        let mut compressed = Compressed::new();
        let mut later = Vec::new();
        tree.leaves(|Record { place, key, data }| {
            let file = key.be32(2)?;
            let start = key.be32(6)?;
            let name = text_at(&key, 10)?;
            let list = index.files.entry(file).or_default();
            match data.be32(0)? {
                INLINE | FORK => {
                    if name == decmpfs::XATTR {
                        if data.be32(0)? != INLINE {
                            later.push(file);
                        } else if let Some(header) = decmpfs::Header::parse(inline(&data)?) {
                            compressed.insert(file, header);
                        }
                    }
                    list.push(Attribute { name, place, overflow: Vec::new() });
                }
                // Comes after the record it continues: same file and name, higher block.
                EXTENTS => {
                    if let Some(last) = list.last_mut()
                        && last.name == name
                    {
                        last.overflow.push((start, extents(&data, 8)?));
                    }
                }
                kind => return Err(data.bad(0, "the type of an attribute record", kind)),
            }
            Ok(())
        })?;
        // A header in blocks of its own: one that cannot be read leaves the file as if it were not compressed.
        for file in later {
            if let Ok(Some(value)) = index.value(tree, volume, header, file, decmpfs::XATTR)
                && let Some(header) = decmpfs::Header::parse(&value)
            {
                compressed.insert(file, header);
            }
        }
        Ok((index, compressed))
    }

    /// All attributes of a file with their values; `wanted` says of which names.
    pub(crate) fn values(
        &self,
        tree: &BTree,
        volume: &Shared,
        header: &Header,
        file: u32,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Xattr>> {
        let all = self.files.get(&file).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|a| wanted(&a.name))
            .map(|a| Ok(Xattr { name: a.name.clone(), value: a.value(tree, volume, header)? }))
            .collect()
    }

    /// All attributes of a file, their values not yet read.
    pub(crate) fn sources(
        &self,
        tree: &BTree,
        volume: &Shared,
        header: &Header,
        file: u32,
    ) -> Result<Vec<(String, Shared)>> {
        let all = self.files.get(&file).map(Vec::as_slice).unwrap_or_default();
        all.iter().map(|a| Ok((a.name.clone(), a.source(tree, volume, header)?))).collect()
    }

    /// The value of one attribute.
    pub(crate) fn value(
        &self,
        tree: &BTree,
        volume: &Shared,
        header: &Header,
        file: u32,
        name: &str,
    ) -> Result<Option<Vec<u8>>> {
        let found = self.files.get(&file).and_then(|l| l.iter().find(|a| a.name == name));
        found.map(|a| a.value(tree, volume, header)).transpose()
    }
}

impl Attribute {
    fn source(&self, tree: &BTree, volume: &Shared, header: &Header) -> Result<Shared> {
        let fork = tree.at(self.place, |r| {
            Ok(match r.data.be32(0)? {
                INLINE => Err(Bytes::shared(inline(&r.data)?)),
                _ => Ok(Fork::parse(&r.data, 8)?),
            })
        })?;
        match fork {
            Err(value) => Ok(value),
            Ok(fork) => Ok(std::sync::Arc::new(ForkSource::new(volume, header, &fork, &self.overflow)?)),
        }
    }

    fn value(&self, tree: &BTree, volume: &Shared, header: &Header) -> Result<Vec<u8>> {
        let source = self.source(tree, volume, header)?;
        if source.len() > MAX_XATTR {
            let what = "the size of an extended attribute";
            return Err(Error::Limit { offset: self.place, what, value: source.len(), limit: MAX_XATTR });
        }
        read_vec(source.as_ref(), 0, source.len())
    }
}

/// The value in an inline record.
fn inline<'a>(data: &crate::bytes::View<'a>) -> Result<&'a [u8]> {
    data.slice(16, crate::bytes::index(data.be32(12)?.into()))
}
