//! Makes HFSX and HFS+ volumes: clean, without a journal, the same bytes for the same input.
//!
//! Names compare with case, as on Apple's ramdisks, or without on request. Every fork is one run of blocks, so the
//! extents overflow file stays empty; catalog and attributes trees have as many levels as they need.
//!
//! An existing volume is changed by reading it into a [`Builder`] ([`Builder::load`]), changing that, and laying a new
//! volume out: contents stay where they are until the new volume, which is a [`Source`], is read. So nothing of the
//! old volume is ever overwritten, and what comes out is without journal, holes and fragments.
//!
//! ```
//! use apple_fs::hfsplus::write::{Attributes, Builder};
//! use apple_fs::{Bytes, FileSystem, hfsplus::HfsPlus};
//! # fn main() -> apple_fs::Result<()> {
//! let mut volume = Builder::new("ramdisk");
//! volume.file("/sbin/launchd", &Attributes::new(0o755), "#!/bin/sh\n")?;
//! volume.symlink("/etc", &Attributes::new(0o755), "private/etc")?;
//! let image = volume.build()?;
//!
//! let volume = HfsPlus::open(Bytes::shared(image))?;
//! let launchd = volume.tree().find("/sbin/launchd").map(|i| &volume.tree().entries()[i]);
//! assert_eq!(launchd.map(|e| e.meta.size), Some(10));
//!
//! let mut changed = Builder::load(&volume)?;
//! changed.remove("/etc")?;
//! changed.size(16 << 20);
//! assert_eq!(changed.build()?.len(), 16 << 20);
//! # Ok(()) }
//! ```

mod btree;
mod edit;
mod layout;
mod load;
mod names;
mod paths;
mod records;
mod volume;

pub use edit::Node;
pub use volume::NewVolume;

use crate::source::{Bytes, Shared};
use crate::{Error, Kind, Result, Source};
use std::collections::BTreeMap;

/// Largest volume: blocks are numbered with 32 bits.
pub const MAX_SIZE: u64 = 1 << 41;

/// Type and creator of a hard link's record.
const HARD_LINK: &[u8; 8] = b"hlnkhfs+";

/// The longest symbolic link target, in bytes.
const MAX_TARGET: usize = 1024;

/// Permissions, owner and dates of a file or folder. Dates are in seconds since 1970; one that is `None` is the
/// date of the contents, which in turn is the volume's when `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes {
    /// Permission bits (07777).
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// BSD flags; those above 16 bits are `SF_` ones.
    pub flags: u32,
    /// When the contents changed.
    pub modified: Option<i64>,
    /// When it was made; the volume's date when `None`.
    pub created: Option<i64>,
    /// When anything of it changed.
    pub changed: Option<i64>,
    /// When it was last read.
    pub accessed: Option<i64>,
}

impl Attributes {
    /// Owned by root, with the volume's date.
    pub fn new(mode: u16) -> Self {
        Attributes { mode, ..Self::default() }
    }
}

/// A file, folder or link, whatever names it has.
#[derive(Debug, Clone)]
struct Object {
    kind: Kind,
    attributes: Attributes,
    data: Shared,
    resource: Shared,
    /// Finder information, as the record holds it.
    finder: [u8; 32],
    device: u32,
    xattrs: BTreeMap<Vec<u16>, Shared>,
    /// How many names lead to it.
    names: u32,
    /// The number that it had in the volume it comes from.
    id: Option<u32>,
}

impl Object {
    fn new(kind: Kind, attributes: &Attributes) -> Self {
        Object {
            kind,
            attributes: *attributes,
            data: Bytes::shared([]),
            resource: Bytes::shared([]),
            finder: [0; 32],
            device: 0,
            xattrs: BTreeMap::new(),
            names: 1,
            id: None,
        }
    }
}

/// A name in a folder.
#[derive(Debug, Clone)]
struct Name {
    /// As stored: decomposed.
    units: Vec<u16>,
    object: usize,
}

/// Collects the files of a new volume.
#[derive(Debug, Clone)]
pub struct Builder {
    volume: Vec<u16>,
    date: i64,
    created: Option<i64>,
    block_size: u32,
    size: u64,
    spare: u64,
    case_sensitive: bool,
    /// Some names of the volume it was loaded from are not in the form that we would store.
    odd_names: bool,
    /// Finder information of the volume: eight numbers, such as the folder that it starts from.
    finder: [u8; 32],
    /// The first number for a new object.
    next_id: u32,
    /// The first is the root folder.
    objects: Vec<Object>,
    /// By folder and by the name as it is compared.
    names: BTreeMap<(usize, Vec<u16>), Name>,
}

impl Builder {
    /// An empty volume whose names compare with case (HFSX). Characters that a name cannot hold are left out of the
    /// volume's name.
    pub fn new(volume: &str) -> Self {
        let mut root = Object::new(Kind::Directory, &Attributes::new(0o755));
        root.id = Some(super::cnid::ROOT);
        let mut builder = Builder {
            volume: Vec::new(),
            date: 0,
            created: None,
            block_size: 4096,
            size: 0,
            spare: 0,
            case_sensitive: true,
            odd_names: false,
            finder: [0; 32],
            next_id: super::cnid::FIRST_USER,
            objects: vec![root],
            names: BTreeMap::new(),
        };
        builder.volume_name(volume);
        builder
    }

    /// An empty volume whose names compare without case (HFS+).
    pub fn case_insensitive(volume: &str) -> Self {
        Builder { case_sensitive: false, ..Builder::new(volume) }
    }

    /// Whether names that differ only in case are different names.
    pub fn is_case_sensitive(&self) -> bool {
        self.case_sensitive
    }

    /// Gives the volume another name.
    pub fn volume_name(&mut self, volume: &str) -> &mut Self {
        let name: String = volume.chars().filter(|&c| c != '/' && c != '\0').take(127).collect();
        self.volume = names::stored(if name.is_empty() { "untitled" } else { &name });
        self
    }

    /// The date of the volume and of everything that is given none, in seconds since 1970 (default 0).
    pub fn date(&mut self, seconds: i64) -> &mut Self {
        self.date = seconds;
        self
    }

    /// Makes the volume this many bytes long, rounded down to its blocks; [`Builder::build`] fails if that is too
    /// little. Without it the volume is as small as can be.
    pub fn size(&mut self, bytes: u64) -> &mut Self {
        self.size = bytes;
        self
    }

    /// Leaves this many bytes free beyond what is needed.
    pub fn spare(&mut self, bytes: u64) -> &mut Self {
        self.spare = bytes;
        self
    }

    /// Uses another allocation block size: a power of two from 512 to 64 KiB (default 4096).
    pub fn block_size(&mut self, bytes: u32) -> Result<&mut Self> {
        if !bytes.is_power_of_two() || !(512..=65536).contains(&bytes) {
            return Err(Error::Invalid(format!(
                "{bytes} is no block size: a power of two from 512 to 65536 is"
            )));
        }
        self.block_size = bytes;
        Ok(self)
    }

    /// Adds a folder, or changes the attributes of one that was made for a file in it. `/` is the root folder.
    pub fn directory(&mut self, path: &str, attributes: &Attributes) -> Result<()> {
        if let paths::Found::There { object, .. } = self.locate(path, false)? {
            let o = self.object(object)?;
            if o.kind != Kind::Directory {
                return Err(Error::Invalid(format!("{path} is there already and no folder")));
            }
            o.attributes = *attributes;
            return Ok(());
        }
        self.add(path, Object::new(Kind::Directory, attributes))
    }

    /// Adds a regular file. Folders above it that are not there yet are made, with mode 0755 and owned by root.
    pub fn file(&mut self, path: &str, attributes: &Attributes, contents: impl Into<Vec<u8>>) -> Result<()> {
        self.file_from(path, attributes, Bytes::shared(contents))
    }

    /// Adds a regular file whose contents are read when the volume is.
    pub fn file_from(&mut self, path: &str, attributes: &Attributes, contents: Shared) -> Result<()> {
        let mut object = Object::new(Kind::File, attributes);
        object.data = contents;
        self.add(path, object)
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &str, attributes: &Attributes, target: &str) -> Result<()> {
        if target.is_empty() || target.len() > MAX_TARGET || target.contains('\0') {
            return Err(Error::Invalid(format!(
                "{path}: a symbolic link's target has 1 to {MAX_TARGET} bytes and no NUL"
            )));
        }
        let mut object = Object::new(Kind::Symlink, attributes);
        object.data = Bytes::shared(target);
        self.add(path, object)
    }

    /// Adds a device, pipe or socket. `device` holds the major number in its top 8 bits and the minor one below.
    pub fn special(&mut self, path: &str, attributes: &Attributes, kind: Kind, device: u32) -> Result<()> {
        if !matches!(kind, Kind::CharDevice | Kind::BlockDevice | Kind::Fifo | Kind::Socket) {
            return Err(Error::Invalid(format!("{path}: a {} is no special file", kind.name())));
        }
        let mut object = Object::new(kind, attributes);
        object.device = device;
        self.add(path, object)
    }

    /// Adds another name of the regular file `existing`.
    pub fn hard_link(&mut self, path: &str, existing: &str) -> Result<()> {
        let object = self.find(existing)?;
        let o = self.object(object)?;
        if o.kind != Kind::File {
            return Err(Error::Invalid(format!("{existing} is a {}: only files are linked", o.kind.name())));
        }
        self.name(path, object)
    }

    /// Sets an extended attribute. `com.apple.FinderInfo` (32 bytes) and `com.apple.ResourceFork` go where HFS+ keeps
    /// them.
    pub fn xattr(&mut self, path: &str, name: &str, value: &[u8]) -> Result<()> {
        let units: Vec<u16> = name.encode_utf16().collect();
        if units.is_empty() || units.len() > 127 || name.contains('\0') {
            return Err(Error::Invalid(format!(
                "{path}: an attribute's name has 1 to 127 characters and no NUL"
            )));
        }
        let object = self.find(path)?;
        let o = self.object(object)?;
        match name {
            super::FINDER_INFO if value.starts_with(HARD_LINK) => {
                return Err(Error::Invalid(format!("{path}: {name} would make it a hard link")));
            }
            super::FINDER_INFO => {
                o.finder = value.try_into().map_err(|_| {
                    Error::Invalid(format!("{path}: {name} has {} bytes instead of 32", value.len()))
                })?;
            }
            crate::decmpfs::RESOURCE_FORK if o.kind == Kind::File => o.resource = Bytes::shared(value),
            _ => {
                o.xattrs.insert(units, Bytes::shared(value));
            }
        }
        Ok(())
    }

    /// Lays the volume out: what comes out is read like any image, and reads the contents of files as it is read.
    pub fn lay_out(&self) -> Result<NewVolume> {
        layout::build(self)
    }

    /// Lays the volume out and gives its bytes.
    pub fn build(&self) -> Result<Vec<u8>> {
        let volume = self.lay_out()?;
        let len = usize::try_from(volume.len()).ok();
        let len = len.ok_or_else(|| Error::Invalid("the volume does not fit into memory".into()))?;
        let mut bytes = vec![0; len];
        volume.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    fn object(&mut self, index: usize) -> Result<&mut Object> {
        self.objects.get_mut(index).ok_or_else(|| Error::Invalid("no such object".into()))
    }

    fn add(&mut self, path: &str, object: Object) -> Result<()> {
        // An object whose name is refused stays behind nameless and never reaches the volume.
        self.objects.push(Object { names: 0, ..object });
        let index = self.objects.len().saturating_sub(1);
        self.name(path, index)
    }
}

#[cfg(test)]
mod tests;
