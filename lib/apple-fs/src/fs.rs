//! The one face of all file systems.

use crate::{Entry, Error, Result, Time, Tree};
use std::fmt;
use std::io::Read;

/// The most that an extended attribute may hold to be read into memory: 16 MiB, the limit of a classic resource fork.
pub const MAX_XATTR: u64 = 16 << 20;

/// Which file system a volume has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HFS+, names compare without case.
    HfsPlus,
    /// HFSX with names that compare with case.
    HfsX,
    /// Apple File System.
    Apfs,
}

impl Format {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Format::HfsPlus => "HFS+",
            Format::HfsX => "HFSX",
            Format::Apfs => "APFS",
        }
    }
}

/// What a volume says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its file system.
    pub format: Format,
    /// Its name.
    pub name: String,
    /// Bytes of an allocation block.
    pub block_size: u32,
    /// Allocation blocks (of the container for APFS).
    pub total_blocks: u64,
    /// Allocation blocks that are free, where known.
    pub free_blocks: Option<u64>,
    /// Whether names that differ only in case are different names.
    pub case_sensitive: bool,
    /// When it was made.
    pub created: Option<Time>,
    /// When it was last changed.
    pub modified: Option<Time>,
    /// What is not as it should be, though the volume can be read: one sentence each.
    pub warnings: Vec<String>,
}

/// An extended attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xattr {
    /// Name, such as `com.apple.FinderInfo`.
    pub name: String,
    /// Contents.
    pub value: Vec<u8>,
}

/// A volume opened for reading. Nothing is ever written.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// What the volume says of itself.
    fn volume(&self) -> &Volume;

    /// All its files.
    fn tree(&self) -> &Tree;

    /// A stream of the contents of a regular file, decompressed if the file system compressed it, or of a symbolic
    /// link's target. It gives exactly `entry.meta.size` bytes or fails with an error that
    /// [`Error::from_io`] turns back into this crate's.
    fn open(&self, entry: &Entry) -> Result<Box<dyn Read + Send + '_>>;

    /// The extended attributes of an entry, ordered by name. A resource fork is `com.apple.ResourceFork` and Finder
    /// information `com.apple.FinderInfo`, as macOS shows them; what only serves transparent compression is left out.
    fn xattrs(&self, entry: &Entry) -> Result<Vec<Xattr>>;

    /// The contents of a file of at most `limit` bytes.
    fn read(&self, entry: &Entry, limit: u64) -> Result<Vec<u8>> {
        if entry.meta.size > limit {
            let offset = entry.meta.place;
            return Err(Error::Limit { offset, what: "the size of the file", value: entry.meta.size, limit });
        }
        let mut data = Vec::new();
        self.open(entry)?.take(limit).read_to_end(&mut data).map_err(|e| Error::from_io(&e))?;
        Ok(data)
    }

    /// Where a symbolic link points, as its bytes are (trailing NULs cut).
    fn link_target(&self, entry: &Entry) -> Result<Vec<u8>> {
        let mut target = self.read(entry, 16 << 10)?;
        while target.last() == Some(&0) {
            target.pop();
        }
        Ok(target)
    }
}
