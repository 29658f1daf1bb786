//! Makes new HFSX volumes: clean, without a journal, the same bytes for the same input.
//!
//! Names compare with case, as on Apple's ramdisks. Every fork is one run of blocks, so the extents overflow file
//! stays empty; catalog and attributes trees have as many levels as they need. Existing volumes are not changed here.
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
//! # Ok(()) }
//! ```

mod btree;
mod layout;
mod names;
mod records;

use crate::{Error, Kind, Result};
use std::collections::{BTreeMap, HashMap};

/// Largest volume: blocks are numbered with 32 bits.
pub const MAX_SIZE: u64 = 1 << 41;

/// The longest symbolic link target, in bytes.
const MAX_TARGET: usize = 1024;

/// Permissions, owner and date of a file or folder.
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
    /// When the contents changed, in seconds since 1970; the volume's date when `None`.
    pub modified: Option<i64>,
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
    data: Vec<u8>,
    resource: Vec<u8>,
    finder: Option<[u8; 32]>,
    device: u32,
    xattrs: BTreeMap<Vec<u16>, Vec<u8>>,
    /// How many names lead to it.
    names: u32,
}

impl Object {
    fn new(kind: Kind, attributes: &Attributes) -> Self {
        Object {
            kind,
            attributes: *attributes,
            data: Vec::new(),
            resource: Vec::new(),
            finder: None,
            device: 0,
            xattrs: BTreeMap::new(),
            names: 1,
        }
    }
}

/// A name in a folder.
#[derive(Debug, Clone)]
struct Name {
    /// The object of the folder.
    parent: usize,
    /// As stored: decomposed.
    units: Vec<u16>,
    object: usize,
}

/// Collects the files of a new volume.
#[derive(Debug, Clone)]
pub struct Builder {
    volume: Vec<u16>,
    date: i64,
    block_size: u32,
    size: u64,
    spare: u64,
    /// The first is the root folder.
    objects: Vec<Object>,
    names: Vec<Name>,
    places: HashMap<(usize, Vec<u16>), usize>,
}

impl Builder {
    /// An empty volume. Characters that a name cannot hold are left out of the volume's name.
    pub fn new(volume: &str) -> Self {
        let name: String = volume.chars().filter(|&c| c != '/' && c != '\0').take(127).collect();
        let name = if name.is_empty() { "untitled".into() } else { name };
        Builder {
            volume: names::stored(&name),
            date: 0,
            block_size: 4096,
            size: 0,
            spare: 0,
            objects: vec![Object::new(Kind::Directory, &Attributes::new(0o755))],
            names: Vec::new(),
            places: HashMap::new(),
        }
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
        if let Ok(object) = self.find(path) {
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
        let mut object = Object::new(Kind::File, attributes);
        object.data = contents.into();
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
        object.data = target.into();
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
            super::FINDER_INFO => {
                o.finder = Some(value.try_into().map_err(|_| {
                    Error::Invalid(format!("{path}: {name} has {} bytes instead of 32", value.len()))
                })?);
            }
            crate::decmpfs::RESOURCE_FORK if o.kind == Kind::File => o.resource = value.to_vec(),
            _ => {
                o.xattrs.insert(units, value.to_vec());
            }
        }
        Ok(())
    }

    /// Lays the volume out and gives its bytes.
    pub fn build(&self) -> Result<Vec<u8>> {
        layout::build(self)
    }

    fn object(&mut self, index: usize) -> Result<&mut Object> {
        self.objects.get_mut(index).ok_or_else(|| Error::Invalid("no such object".into()))
    }

    /// The object at a path.
    fn find(&self, path: &str) -> Result<usize> {
        let mut at = 0;
        for part in path.split('/').filter(|p| !p.is_empty()) {
            at = *self
                .places
                .get(&(at, names::checked(part)?))
                .ok_or_else(|| Error::NotFound(format!("{path} is not in the volume")))?;
        }
        Ok(at)
    }

    fn add(&mut self, path: &str, object: Object) -> Result<()> {
        // An object whose name is refused stays behind nameless and never reaches the volume.
        self.objects.push(Object { names: 0, ..object });
        let index = self.objects.len().saturating_sub(1);
        self.name(path, index)
    }

    fn name(&mut self, path: &str, object: usize) -> Result<()> {
        let mut parts = path.split('/').filter(|p| !p.is_empty()).map(names::checked);
        let mut parent = 0;
        let mut part =
            parts.next().ok_or_else(|| Error::Invalid("the root folder is there already".into()))??;
        for next in parts {
            let next = next?;
            parent = match self.places.get(&(parent, part.clone())) {
                Some(&there) => there,
                None => self.folder_above(parent, part),
            };
            if self.objects.get(parent).is_none_or(|o| o.kind != Kind::Directory) {
                return Err(Error::Invalid(format!("{path} lies in something that is no folder")));
            }
            part = next;
        }
        if self.places.contains_key(&(parent, part.clone())) {
            return Err(Error::Invalid(format!("{path} is there already")));
        }
        self.places.insert((parent, part.clone()), object);
        self.names.push(Name { parent, units: part, object });
        let o = self.object(object)?;
        o.names = o.names.saturating_add(1);
        Ok(())
    }

    fn folder_above(&mut self, parent: usize, units: Vec<u16>) -> usize {
        let object = self.objects.len();
        self.objects.push(Object::new(Kind::Directory, &Attributes::new(0o755)));
        self.places.insert((parent, units.clone()), object);
        self.names.push(Name { parent, units, object });
        object
    }
}

#[cfg(test)]
mod tests;
