//! The records of a volume's file-system tree.

use super::btree::Record;
use crate::bytes::View;
use crate::decmpfs;
use crate::tree::{self, Kind, Meta};
use crate::{Result, Time};
use std::collections::HashMap;

/// Record types: the top four bits of a key's first number.
mod kind {
    pub(super) const INODE: u64 = 3;
    pub(super) const XATTR: u64 = 4;
    pub(super) const EXTENT: u64 = 8;
    pub(super) const DIR_ENTRY: u64 = 9;
}

/// The attribute that holds a symbolic link's target.
pub(super) const SYMLINK: &str = "com.apple.fs.symlink";

/// Where a run of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// First byte in the file.
    pub(super) logical: u64,
    /// Bytes.
    pub(super) len: u64,
    /// Its block; 0 for a hole.
    pub(super) block: u64,
}

/// An extended attribute: its name and its record.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) place: (u64, u32),
}

/// The value of an attribute.
#[derive(Debug)]
pub(super) enum Value {
    Embedded(Vec<u8>),
    /// Contents kept like a file's: their number and size.
    Stream {
        id: u64,
        size: u64,
    },
}

impl Value {
    pub(super) fn parse(v: &View<'_>) -> Result<Value> {
        const STREAM: u16 = 1;
        if v.le16(0)? & STREAM != 0 {
            return Ok(Value::Stream { id: v.le64(4)?, size: v.le64(12)? });
        }
        Ok(Value::Embedded(v.slice(4, v.le16(2)?.into())?.to_vec()))
    }

    fn len(&self) -> u64 {
        match self {
            Value::Embedded(bytes) => bytes.len() as u64,
            Value::Stream { size, .. } => *size,
        }
    }
}

/// What is said of an inode.
#[derive(Debug, Clone)]
pub(super) struct Inode {
    pub(super) meta: Meta,
    /// The number under which its contents are.
    pub(super) contents: u64,
}

/// Everything of the tree that is needed.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) inodes: HashMap<u64, Inode>,
    pub(super) extents: HashMap<u64, Vec<Extent>>,
    pub(super) attributes: HashMap<u64, Vec<Attribute>>,
    /// Folder, object, name.
    names: Vec<(u64, u64, String)>,
    /// Sizes that only attributes tell: of a compressed file, and of a link's target.
    compressed: HashMap<u64, decmpfs::Header>,
    targets: HashMap<u64, u64>,
    forks: HashMap<u64, u64>,
    /// Headers of compressed files that lie in contents of their own: file, number, size.
    pub(super) headers: Vec<(u64, u64, u64)>,
}

impl Records {
    /// Takes one record. `hashed`: keys of names carry a hash.
    pub(super) fn add(&mut self, r: &Record<'_>, hashed: bool) -> Result<()> {
        let word = r.key.le64(0)?;
        let id = word & (u64::MAX >> 4);
        match word >> 60 {
            kind::INODE => {
                self.inodes.insert(id, inode(&r.value, id)?);
            }
            kind::XATTR => self.attribute(id, r)?,
            kind::EXTENT => self.extents.entry(id).or_default().push(Extent {
                logical: r.key.le64(8)?,
                len: r.value.le64(0)? & (u64::MAX >> 8),
                block: r.value.le64(8)?,
            }),
            kind::DIR_ENTRY => {
                let name = if hashed {
                    r.key.slice(12, (r.key.le32(8)? & 0x3ff) as usize)?
                } else {
                    r.key.slice(10, r.key.le16(8)?.into())?
                };
                self.names.push((id, r.value.le64(0)?, text(name)));
            }
            _ => {}
        }
        Ok(())
    }

    fn attribute(&mut self, id: u64, r: &Record<'_>) -> Result<()> {
        let name = text(r.key.slice(10, r.key.le16(8)?.into())?);
        let value = Value::parse(&r.value)?;
        match (name.as_str(), &value) {
            (decmpfs::XATTR, Value::Embedded(bytes)) => {
                if let Some(header) = decmpfs::Header::parse(bytes) {
                    self.compressed.insert(id, header);
                }
            }
            (decmpfs::XATTR, Value::Stream { id: contents, size }) => {
                self.headers.push((id, *contents, *size))
            }
            (SYMLINK, Value::Embedded(bytes)) => {
                let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |i| i.saturating_add(1));
                self.targets.insert(id, end as u64);
            }
            (decmpfs::RESOURCE_FORK, value) => {
                self.forks.insert(id, value.len());
            }
            _ => {}
        }
        self.attributes.entry(id).or_default().push(Attribute { name, place: r.place });
        Ok(())
    }

    /// Notes the header of a compressed file.
    pub(super) fn compressed(&mut self, id: u64, header: decmpfs::Header) {
        self.compressed.insert(id, header);
    }

    /// The names with what is said of their objects, and how many names lead to none.
    pub(super) fn names(&mut self) -> (Vec<tree::Record>, usize) {
        for (id, inode) in &mut self.inodes {
            let meta = &mut inode.meta;
            let compressed = meta.flags & decmpfs::UF_COMPRESSED != 0 && self.compressed.contains_key(id);
            let own = |name: &str| match name {
                SYMLINK => meta.kind == Kind::Symlink,
                decmpfs::XATTR | decmpfs::RESOURCE_FORK => compressed,
                _ => false,
            };
            meta.has_xattrs = self.attributes.get(id).is_some_and(|l| l.iter().any(|a| !own(&a.name)));
            meta.resource_size = self.forks.get(id).copied().unwrap_or(0);
            if meta.kind == Kind::Symlink {
                meta.size = self.targets.get(id).copied().unwrap_or(0);
            }
            if meta.flags & decmpfs::UF_COMPRESSED != 0
                && let Some(header) = self.compressed.get(id)
            {
                meta.size = header.size;
                meta.compression = Some(header.kind);
                meta.resource_size = 0;
            }
        }
        let mut lost = 0usize;
        let mut records = Vec::with_capacity(self.names.len());
        for (parent, id, name) in std::mem::take(&mut self.names) {
            match self.inodes.get(&id) {
                Some(inode) => records.push(tree::Record { parent, id, name, meta: inode.meta.clone() }),
                None => lost = lost.saturating_add(1),
            }
        }
        (records, lost)
    }
}

/// A name: UTF-8 with a NUL behind it. A `/`, which no volume should have in a name, becomes a `:`.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).replace('/', ":")
}

fn time(nanoseconds: u64) -> Option<Time> {
    let n = nanoseconds.cast_signed();
    (n != 0).then(|| Time {
        seconds: n.div_euclid(1_000_000_000),
        nanoseconds: n.rem_euclid(1_000_000_000) as u32,
    })
}

fn inode(v: &View<'_>, id: u64) -> Result<Inode> {
    let mode = v.le16(80)?;
    let kind = Kind::from_mode(mode).unwrap_or(Kind::File);
    let mut meta = Meta::new(kind, mode & 0o7777);
    meta.place = id;
    meta.created = time(v.le64(16)?);
    meta.modified = time(v.le64(24)?);
    meta.changed = time(v.le64(32)?);
    meta.accessed = time(v.le64(40)?);
    meta.links = if kind == Kind::Directory { 1 } else { v.le32(56)?.max(1) };
    meta.flags = v.le32(68)?;
    meta.uid = v.le32(72)?;
    meta.gid = v.le32(76)?;
    if v.len() > 92 {
        fields(v, &mut meta)?;
    }
    Ok(Inode { meta, contents: v.le64(8)? })
}

/// Extended fields behind the inode: those that matter are the size of the contents and a device's number.
fn fields(v: &View<'_>, meta: &mut Meta) -> Result<()> {
    const STREAM: u8 = 8;
    const DEVICE: u8 = 14;
    let count = usize::from(v.le16(92)?);
    let mut data = count.saturating_mul(4).saturating_add(96);
    for i in 0..count {
        let at = i.saturating_mul(4).saturating_add(96);
        let size = usize::from(v.le16(at.saturating_add(2))?);
        match v.u8(at)? {
            STREAM => meta.size = v.le64(data)?,
            DEVICE => meta.device = v.le32(data)?,
            _ => {}
        }
        data = data.saturating_add(size.saturating_add(7) & !7);
    }
    Ok(())
}
