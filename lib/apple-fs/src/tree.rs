//! The tree of files of a volume, the same for all file systems: entries in depth-first order, children by name.
//!
//! Built once from the volume's own records, with everything checked that could hurt a later reader: each folder has
//! one place, nothing is its own ancestor, depth and path length are bounded.

use crate::{Error, Result};
use std::collections::HashMap;
use std::ops::Range;

/// Folders nested deeper than this are refused. Apple's own limit on a path is 1024 bytes.
pub const MAX_DEPTH: usize = 1024;

/// Paths longer than this many bytes are refused.
pub const MAX_PATH: usize = 16 << 10;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A second place of a folder (HFS+ hard link to a directory), whose contents are listed at the first one.
    DirectoryLink,
}

impl Kind {
    /// From the type bits of a `mode_t`; `None` for none or unknown ones.
    pub fn from_mode(mode: u16) -> Option<Kind> {
        Some(match mode & 0o170_000 {
            0o010_000 => Kind::Fifo,
            0o020_000 => Kind::CharDevice,
            0o040_000 => Kind::Directory,
            0o060_000 => Kind::BlockDevice,
            0o100_000 => Kind::File,
            0o120_000 => Kind::Symlink,
            0o140_000 => Kind::Socket,
            _ => return None,
        })
    }

    /// The letter that `ls -l` shows.
    pub fn letter(self) -> char {
        match self {
            Kind::File => '-',
            Kind::Directory => 'd',
            Kind::Symlink => 'l',
            Kind::CharDevice => 'c',
            Kind::BlockDevice => 'b',
            Kind::Fifo => 'p',
            Kind::Socket => 's',
            Kind::DirectoryLink => 'D',
        }
    }

    /// A word for it, as in `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "symlink",
            Kind::CharDevice => "character device",
            Kind::BlockDevice => "block device",
            Kind::Fifo => "fifo",
            Kind::Socket => "socket",
            Kind::DirectoryLink => "directory link",
        }
    }
}

/// A moment: seconds since 1970-01-01 UTC, and nanoseconds after that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds, negative before 1970.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// What a file system says of an object, whatever its names are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// Permission bits (07777).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// BSD flags (`chflags`): 0x20 is compressed, 0x2 immutable.
    pub flags: u32,
    /// Bytes of the data fork, as reading gives them (for a compressed file the size it decompresses to; for a
    /// symbolic link the length of its target).
    pub size: u64,
    /// Bytes of the resource fork.
    pub resource_size: u64,
    /// Names that the object has; 1 for folders.
    pub links: u32,
    /// When it was made.
    pub created: Option<Time>,
    /// When its contents changed.
    pub modified: Option<Time>,
    /// When anything of it changed.
    pub changed: Option<Time>,
    /// When it was last read.
    pub accessed: Option<Time>,
    /// Device number of a device: major in the top 8 bits, minor below.
    pub device: u32,
    /// decmpfs type when it is transparently compressed.
    pub compression: Option<u32>,
    /// Whether it has extended attributes.
    pub has_xattrs: bool,
    /// Where the file system finds it again.
    pub(crate) place: u64,
}

impl Meta {
    pub(crate) fn new(kind: Kind, mode: u16) -> Self {
        Meta {
            kind,
            mode,
            uid: 0,
            gid: 0,
            flags: 0,
            size: 0,
            resource_size: 0,
            links: 1,
            created: None,
            modified: None,
            changed: None,
            accessed: None,
            device: 0,
            compression: None,
            has_xattrs: false,
            place: 0,
        }
    }
}

/// A name in a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Number of the object (inode or CNID); two entries of one object are hard links.
    pub id: u64,
    /// The last part of its path; empty for the root.
    pub name: String,
    /// What the object is.
    pub meta: Meta,
    parent: usize,
    /// The first index after its subtree.
    end: usize,
}

/// A name as a file system's records give it.
pub(crate) struct Record {
    pub(crate) parent: u64,
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) meta: Meta,
}

/// All entries of a volume, in depth-first order, children ordered by the bytes of their names. Entry 0 is the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
    orphans: usize,
}

impl Tree {
    /// Orders the records into a tree below the folder `root_id`.
    pub(crate) fn build(root_id: u64, root: Meta, mut records: Vec<Record>) -> Result<Tree> {
        records.sort_by(|a, b| a.parent.cmp(&b.parent).then_with(|| a.name.cmp(&b.name)));
        let mut children: HashMap<u64, Range<usize>> = HashMap::new();
        for (i, r) in records.iter().enumerate() {
            children.entry(r.parent).or_insert(i..i).end = i.saturating_add(1);
        }
        let total = records.len();
        let mut records: Vec<Option<Record>> = records.into_iter().map(Some).collect();
        let mut entries = Vec::with_capacity(total.saturating_add(1));
        entries.push(Entry { id: root_id, name: String::new(), meta: root, parent: 0, end: 1 });
        // (entry, its children not yet visited, length of its path)
        let mut stack = vec![(0usize, children.remove(&root_id).unwrap_or(0..0), 0usize)];
        while let Some((parent, range, length)) = stack.last_mut() {
            let (parent, length) = (*parent, *length);
            let Some(next) = range.next() else {
                let end = entries.len();
                if let Some(e) = entries.get_mut(parent) {
                    e.end = end;
                }
                stack.pop();
                continue;
            };
            let Some(record) = records.get_mut(next).and_then(Option::take) else { continue };
            let length = length.saturating_add(record.name.len()).saturating_add(1);
            let (id, folder, place) = (record.id, record.meta.kind == Kind::Directory, record.meta.place);
            let at = entries.len();
            entries.push(Entry {
                id,
                name: record.name,
                meta: record.meta,
                parent,
                end: at.saturating_add(1),
            });
            if length > MAX_PATH {
                return Err(limit("the length of a path", place, length, MAX_PATH));
            }
            if folder {
                if stack.len() >= MAX_DEPTH {
                    return Err(limit("the depth of folders", place, stack.len(), MAX_DEPTH));
                }
                // A folder's children are taken when it is first met: a second folder with the same number, which no
                // honest volume has, is empty. So nothing is visited twice and nothing is its own ancestor.
                stack.push((at, children.remove(&id).unwrap_or(0..0), length));
            }
        }
        let orphans = total.saturating_sub(entries.len().saturating_sub(1));
        Ok(Tree { entries, orphans })
    }

    /// All entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Number of names that lead to no root: left out of the tree. Not 0 only in a damaged volume.
    pub fn orphans(&self) -> usize {
        self.orphans
    }

    /// The folder that holds entry `index`; the root holds itself.
    pub fn parent(&self, index: usize) -> usize {
        self.entries.get(index).map_or(0, |e| e.parent)
    }

    /// The entry and everything below it.
    pub fn subtree(&self, index: usize) -> Range<usize> {
        index..self.entries.get(index).map_or(index, |e| e.end)
    }

    /// The entries directly below `index`.
    pub fn children(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        let Range { start, end } = self.subtree(index);
        let mut next = start.saturating_add(1);
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let at = next;
            next = self.subtree(at).end.max(at.saturating_add(1));
            Some(at)
        })
    }

    /// The path of an entry, `/` for the root. Names are as the volume spells them.
    pub fn path(&self, index: usize) -> String {
        let mut names = Vec::new();
        let mut at = index;
        while at != 0 {
            let Some(e) = self.entries.get(at) else { break };
            names.push(e.name.as_str());
            at = e.parent;
        }
        let mut path = String::new();
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        if path.is_empty() {
            path.push('/');
        }
        path
    }

    /// The entry of a path; of two with one name the first. Names compare by their composed form, so that a typed
    /// `é` finds the decomposed one that HFS+ stores. Symbolic links are not followed.
    pub fn find(&self, path: &str) -> Option<usize> {
        path.split('/').filter(|p| !p.is_empty() && *p != ".").try_fold(0, |at, name| self.find_in(at, name))
    }

    /// The entry called `name` in the folder `folder`, found as [`Tree::find`] does.
    pub fn find_in(&self, folder: usize, name: &str) -> Option<usize> {
        use unicode_normalization::UnicodeNormalization;
        let named = |fits: &dyn Fn(&str) -> bool| {
            self.children(folder).find(|&i| self.entries.get(i).is_some_and(|e| fits(&e.name)))
        };
        named(&|n| n == name).or_else(|| named(&|n| n.nfc().eq(name.nfc())))
    }
}

fn limit(what: &'static str, place: u64, value: usize, limit: usize) -> Error {
    Error::Limit { offset: place, what, value: value as u64, limit: limit as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(parent: u64, id: u64, name: &str, kind: Kind) -> Record {
        Record { parent, id, name: name.into(), meta: Meta::new(kind, 0o755) }
    }

    fn build(records: Vec<Record>) -> Result<Tree> {
        Tree::build(2, Meta::new(Kind::Directory, 0o755), records)
    }

    fn paths(t: &Tree) -> Vec<String> {
        (0..t.entries().len()).map(|i| t.path(i)).collect()
    }

    #[test]
    fn entries_come_depth_first_and_by_name() {
        let t = build(vec![
            record(10, 12, "b", Kind::File),
            record(2, 11, "z", Kind::File),
            record(2, 10, "a", Kind::Directory),
            record(10, 13, "a", Kind::File),
        ])
        .unwrap();
        assert_eq!(paths(&t), ["/", "/a", "/a/a", "/a/b", "/z"]);
        assert_eq!(t.children(0).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(t.subtree(1), 1..4);
        assert_eq!((t.parent(3), t.parent(1), t.orphans()), (1, 0, 0));
        assert_eq!((t.find("a/b"), t.find("/"), t.find("/a/c")), (Some(3), Some(0), None));
    }

    #[test]
    fn folders_that_hold_each_other_are_left_out_and_counted() {
        let t =
            build(vec![record(20, 21, "x", Kind::Directory), record(21, 20, "y", Kind::Directory)]).unwrap();
        assert_eq!((t.entries().len(), t.orphans()), (1, 2));
    }

    #[test]
    fn a_folder_number_used_twice_gives_its_contents_once() {
        let t = build(vec![
            record(2, 10, "a", Kind::Directory),
            record(2, 10, "b", Kind::Directory),
            record(10, 10, "self", Kind::Directory),
            record(10, 2, "root", Kind::Directory),
        ])
        .unwrap();
        assert_eq!(paths(&t), ["/", "/a", "/a/root", "/a/self", "/b"]);
    }

    #[test]
    fn too_deep_a_tree_and_too_long_a_path_are_refused() {
        let deep =
            (0..2000).map(|i| record(if i == 0 { 2 } else { 100 + i - 1 }, 100 + i, "d", Kind::Directory));
        assert!(matches!(build(deep.collect()), Err(Error::Limit { .. })));
        let name = "n".repeat(700);
        let long =
            (0..30).map(|i| record(if i == 0 { 2 } else { 100 + i - 1 }, 100 + i, &name, Kind::Directory));
        assert!(matches!(build(long.collect()), Err(Error::Limit { .. })));
    }

    #[test]
    fn a_composed_name_finds_the_decomposed_one() {
        let t = build(vec![record(2, 20, "Ac\u{327}ai\u{301}", Kind::File)]).unwrap();
        assert_eq!(t.find("A\u{e7}a\u{ed}"), Some(1));
    }
}
