//! Catalog records: what is said of each folder and file, and the hard links between them.

use super::btree::Record;
use super::header::{Fork, cnid, time};
use crate::bytes::View;
use crate::decmpfs::{self, UF_COMPRESSED};
use crate::tree::{self, Kind, Meta};
use crate::{Result, Time};
use std::collections::{HashMap, HashSet};

/// The folder that holds the files behind hard links.
pub(crate) const PRIVATE_FILES: &str = "\u{2400}\u{2400}\u{2400}\u{2400}HFS+ Private Data";
/// The folder that holds the folders behind directory hard links.
pub(crate) const PRIVATE_FOLDERS: &str = ".HFS+ Private Directory Data\r";

/// Bits of a record's flags.
mod flags {
    pub(super) const HAS_ATTRIBUTES: u16 = 0x04;
    pub(super) const HAS_SECURITY: u16 = 0x08;
    pub(super) const EXPANDED_TIMES: u16 = 0x1000;
}

/// Lengths of a folder's and a file's record.
const FOLDER_LEN: usize = 88;
const FILE_LEN: usize = 248;

/// What a link record stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    None,
    /// `iNode<n>` in the folder of linked files.
    File(u32),
    /// `dir_<n>` in the folder of linked folders.
    Folder(u32),
}

/// A folder's or file's record.
struct Raw {
    parent: u32,
    id: u32,
    name: String,
    meta: Meta,
    link: Link,
}

/// A name in UTF-16BE as POSIX shows it: `/` and `:` change places on Apple's systems. A stored `:`, which no volume
/// should have, stays one, so that no name ever holds a `/`. NUL is shown as its picture.
pub(crate) fn name(units: &[u8]) -> String {
    let posix = |c| match c {
        '/' => ':',
        '\0' => '\u{2400}',
        c => c,
    };
    text(units).chars().map(posix).collect()
}

/// UTF-16BE as it is.
fn text(units: &[u8]) -> String {
    let units = units.chunks_exact(2).map(|u| match u {
        [a, b] => u16::from_be_bytes([*a, *b]),
        _ => 0,
    });
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// A name with its length before it, as keys and threads hold it.
pub(crate) fn name_at(v: &View<'_>, at: usize) -> Result<String> {
    let len = usize::from(v.be16(at)?);
    Ok(name(v.slice(at.saturating_add(2), len.saturating_mul(2))?))
}

/// As [`name_at`], for what is no file's name: nothing changes places.
pub(crate) fn text_at(v: &View<'_>, at: usize) -> Result<String> {
    let len = usize::from(v.be16(at)?);
    Ok(text(v.slice(at.saturating_add(2), len.saturating_mul(2))?))
}

/// What the attributes file said about compressed files: type and size by file.
pub(crate) type Compressed = HashMap<u32, decmpfs::Header>;

/// All of the catalog that is needed to list a volume.
#[derive(Default)]
pub(crate) struct Catalog {
    records: Vec<Raw>,
    root: Option<(String, Meta)>,
    pub(crate) warnings: Vec<String>,
}

impl Catalog {
    /// Takes one leaf record.
    pub(crate) fn add(&mut self, record: &Record<'_>, compressed: &Compressed) -> Result<()> {
        let parent = record.key.be32(0)?;
        let data = &record.data;
        let kind = data.be16(0)?;
        let (id, meta, link) = match kind {
            1 => {
                let v = data.part(0, FOLDER_LEN, "a folder's record")?;
                (v.be32(8)?, meta(&v, record.place, true)?, Link::None)
            }
            2 => {
                let v = data.part(0, FILE_LEN, "a file's record")?;
                let id = v.be32(8)?;
                let mut meta = meta(&v, record.place, false)?;
                meta.size = Fork::parse(&v, 88)?.size;
                meta.resource_size = Fork::parse(&v, 168)?.size;
                if meta.flags & UF_COMPRESSED != 0
                    && let Some(header) = compressed.get(&id)
                {
                    meta.size = header.size;
                    meta.resource_size = 0;
                    meta.compression = Some(header.kind);
                }
                (id, meta, link(&v)?)
            }
            3 | 4 => return Ok(()),
            _ => return Err(data.bad(0, "the type of a catalog record", kind)),
        };
        let name = name_at(&record.key, 4)?;
        if parent == cnid::ROOT_PARENT && id == cnid::ROOT {
            self.root = Some((name, meta));
        } else {
            self.records.push(Raw { parent, id, name, meta, link });
        }
        Ok(())
    }

    /// The volume's name, the root folder, and all names with hard links resolved. Unless `private`, what only serves
    /// the file system is left out.
    pub(crate) fn resolve(mut self, private: bool) -> Resolved {
        let (name, root) = self.root.take().unwrap_or_else(|| {
            self.warnings.push("the catalog has no record of the root folder".into());
            (String::new(), Meta::new(Kind::Directory, 0o755))
        });
        let folder = |name: &str| {
            self.records
                .iter()
                .find(|r| r.parent == cnid::ROOT && r.name == name && r.meta.kind == Kind::Directory)
                .map(|r| r.id)
        };
        let (files, folders) = (folder(PRIVATE_FILES), folder(PRIVATE_FOLDERS));
        let mut inodes = HashMap::new();
        let mut linked = HashMap::new();
        for r in &self.records {
            if Some(r.parent) == files
                && let Some(n) = r.name.strip_prefix("iNode").and_then(|n| n.parse::<u32>().ok())
            {
                inodes.insert(n, (r.id, r.meta.clone()));
            }
            if Some(r.parent) == folders
                && let Some(n) = r.name.strip_prefix("dir_").and_then(|n| n.parse::<u32>().ok())
            {
                linked.insert(n, (r.id, r.meta.clone()));
            }
        }
        let mut placed = HashSet::new();
        let mut broken = 0usize;
        let mut records = Vec::with_capacity(self.records.len());
        for mut r in self.records {
            let hidden = [files, folders].iter().flatten().any(|&f| r.id == f || r.parent == f)
                || r.parent == cnid::ROOT && matches!(r.name.as_str(), ".journal" | ".journal_info_block");
            if hidden && !private {
                continue;
            }
            let target = match r.link {
                Link::None => None,
                Link::File(n) => Some(inodes.get(&n)),
                Link::Folder(n) => Some(linked.get(&n)),
            };
            match target {
                None => {}
                Some(None) => broken = broken.saturating_add(1),
                Some(Some((id, meta))) => {
                    r.meta = meta.clone();
                    if meta.kind == Kind::Directory && !placed.insert(*id) {
                        r.meta.kind = Kind::DirectoryLink;
                    }
                    r.id = *id;
                }
            }
            records.push(tree::Record {
                parent: r.parent.into(),
                id: r.id.into(),
                name: r.name,
                meta: r.meta,
            });
        }
        if broken > 0 {
            self.warnings.push(format!("{broken} hard links lead to files that are not there"));
        }
        Resolved { name, root, records, warnings: self.warnings }
    }
}

/// What [`Catalog::resolve`] gives.
pub(crate) struct Resolved {
    pub(crate) name: String,
    pub(crate) root: Meta,
    pub(crate) records: Vec<tree::Record>,
    pub(crate) warnings: Vec<String>,
}

fn link(v: &View<'_>) -> Result<Link> {
    Ok(match v.slice(48, 8)? {
        b"hlnkhfs+" => Link::File(v.be32(44)?),
        b"fdrpMACS" if v.be16(2)? & 0x20 != 0 => Link::Folder(v.be32(44)?),
        _ => Link::None,
    })
}

/// The Finder information as macOS shows it: without the dates and counts that the system keeps there for itself
/// (`hfs_xattr.c` hides them likewise).
pub(crate) fn finder_info(record: &[u8]) -> [u8; 32] {
    let mut info = [0; 32];
    for (i, (to, from)) in info.iter_mut().zip(record).enumerate() {
        *to = if matches!(i, 16..24 | 28..32) { 0 } else { *from };
    }
    info
}

fn meta(v: &View<'_>, place: u64, folder: bool) -> Result<Meta> {
    let record_flags = v.be16(2)?;
    let mode = v.be16(42)?;
    // No type bits: made by a system without POSIX permissions.
    let (kind, mode) = match Kind::from_mode(mode) {
        Some(Kind::Directory) if !folder => (Kind::File, mode & 0o7777),
        Some(kind) if folder == (kind == Kind::Directory) => (kind, mode & 0o7777),
        _ if folder => (Kind::Directory, 0o755),
        _ => (Kind::File, 0o644),
    };
    let special = v.be32(44)?;
    let expanded = record_flags & flags::EXPANDED_TIMES != 0;
    let date = |at| -> Result<Option<Time>> { Ok(time(v.be32(at)?, expanded)) };
    let device = matches!(kind, Kind::CharDevice | Kind::BlockDevice);
    let mut meta = Meta::new(kind, mode);
    meta.place = place;
    meta.uid = v.be32(32)?;
    meta.gid = v.be32(36)?;
    meta.flags = u32::from(v.u8(41)?) | u32::from(v.u8(40)?) << 16;
    meta.links = if kind == Kind::File { special.max(1) } else { 1 };
    meta.device = if device { special } else { 0 };
    meta.created = date(12)?;
    meta.modified = date(16)?;
    meta.changed = date(20)?;
    meta.accessed = date(24)?;
    let finder =
        matches!(kind, Kind::File | Kind::Directory) && finder_info(v.slice(48, 32)?).iter().any(|&b| b != 0);
    meta.has_xattrs = record_flags & (flags::HAS_ATTRIBUTES | flags::HAS_SECURITY) != 0 || finder;
    Ok(meta)
}
