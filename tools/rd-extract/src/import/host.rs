//! A folder of the host. Links in it are taken as links, never followed.

use super::{Importer, Item, What, device};
use apple_fs::hfsplus::write::Attributes;
use apple_fs::{Kind, Shared, Source};
use cli::{Error, Io, Result};
use rustix::fs::{lgetxattr, llistxattr, major, minor};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest value of an extended attribute that is taken.
const MAX_XATTR: usize = 16 << 20;

/// A file that is opened when it is read.
#[derive(Debug)]
pub struct HostFile {
    path: PathBuf,
    len: u64,
}

impl HostFile {
    /// The file as it is long now.
    pub fn shared(path: &Path, len: u64) -> Shared {
        Arc::new(HostFile { path: path.to_path_buf(), len })
    }
}

impl Source for HostFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> apple_fs::Result<()> {
        let fail = |e: std::io::Error| {
            let why = match e.kind() {
                std::io::ErrorKind::UnexpectedEof => "it became shorter meanwhile".to_string(),
                _ => e.to_string(),
            };
            apple_fs::Error::Io { offset, why: format!("{}: {why}", self.path.display()) }
        };
        File::open(&self.path).and_then(|f| f.read_exact_at(buf, offset)).map_err(fail)
    }
}

/// What the host says of a file.
pub fn attributes(meta: &Metadata) -> Attributes {
    let mut a = Attributes::new((meta.mode() & 0o7777) as u16);
    (a.uid, a.gid) = (meta.uid(), meta.gid());
    // The host's own date of creation is that of the copy.
    a.modified = Some(meta.mtime());
    a.created = Some(meta.mtime());
    a
}

impl Importer<'_> {
    pub(super) fn folder(&mut self, root: &Path, name: &str, io: &Io) -> Result<()> {
        let mut first: HashMap<(u64, u64), String> = HashMap::new();
        let mut todo = vec![(root.to_path_buf(), String::new())];
        while let Some((host, path)) = todo.pop() {
            let failed = |e| Error::io(host.display(), e);
            // The root may be a link that was named; nothing below is followed.
            let meta =
                if path.is_empty() { host.metadata() } else { host.symlink_metadata() }.map_err(failed)?;
            let kind = meta.file_type();
            let linked = !kind.is_dir() && meta.nlink() > 1;
            let what = if kind.is_dir() {
                let mut below = Vec::new();
                for entry in host.read_dir().map_err(failed)? {
                    let file = entry.map_err(failed)?.file_name();
                    let Some(text) = file.to_str() else {
                        let what = format!(
                            "{}: its name is not UTF-8, which HFS+ cannot hold",
                            host.join(&file).display()
                        );
                        return Err(Error::unsupported(name, what));
                    };
                    let path = if path.is_empty() { text.to_string() } else { format!("{path}/{text}") };
                    if !self.excluded(&path) {
                        below.push((host.join(&file), path));
                    }
                }
                below.sort_by(|a, b| b.1.cmp(&a.1));
                todo.extend(below);
                What::Folder
            } else if let Some(to) = first.get(&(meta.dev(), meta.ino())).filter(|_| linked && kind.is_file())
            {
                What::HardLink(to.clone())
            } else if kind.is_file() {
                What::File(HostFile::shared(&host, meta.len()))
            } else if kind.is_symlink() {
                let target = host.read_link().map_err(failed)?;
                What::Symlink(target.to_str().map(String::from).ok_or_else(|| {
                    Error::unsupported(host.display(), "its target is not UTF-8, which HFS+ cannot hold")
                })?)
            } else {
                let number = || device(major(meta.rdev()).into(), minor(meta.rdev()).into());
                let special = if kind.is_char_device() {
                    number().map(|n| (Kind::CharDevice, n))
                } else if kind.is_block_device() {
                    number().map(|n| (Kind::BlockDevice, n))
                } else if kind.is_fifo() {
                    Ok((Kind::Fifo, 0))
                } else {
                    Ok((Kind::Socket, 0))
                };
                match special {
                    Ok((kind, number)) => What::Special(kind, number),
                    Err(why) => {
                        io.warn(format_args!("{}: left out: {why}", host.display()));
                        continue;
                    }
                }
            };
            if linked && matches!(what, What::File(_)) {
                first.insert((meta.dev(), meta.ino()), path.clone());
            }
            let xattrs = if matches!(what, What::HardLink(_)) { Vec::new() } else { xattrs(&host, io) };
            self.put(Item { path, what, attributes: attributes(&meta), xattrs }, name)?;
        }
        Ok(())
    }
}

/// The extended attributes that are a file's own; those of the host's system stay behind.
pub fn xattrs(host: &Path, io: &Io) -> Vec<(String, Vec<u8>)> {
    let read =
        |value: &mut Vec<u8>, f: &dyn Fn(&mut [u8]) -> rustix::io::Result<usize>| -> rustix::io::Result<()> {
            value.resize(f(&mut [])?.min(MAX_XATTR), 0);
            let n = f(value)?;
            value.truncate(n);
            Ok(())
        };
    let mut list = Vec::new();
    // A file system without extended attributes has none.
    if read(&mut list, &|b| llistxattr(host, b)).is_err() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for name in list.split(|&b| b == 0).filter(|n| !n.is_empty()) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        if ["security.", "system.", "trusted."].iter().any(|p| name.starts_with(p)) {
            continue;
        }
        let mut value = Vec::new();
        match read(&mut value, &|b| lgetxattr(host, name, b)) {
            Ok(()) => all.push((name.to_string(), value)),
            Err(e) => io.warn(format_args!("{}: attribute {name} left out: {e}", host.display())),
        }
    }
    all.sort();
    all
}

/// Whether a file of the host is a tar or cpio archive, by its content.
pub fn is_archive(path: &Path) -> bool {
    let mut start = [0; 512];
    let n = File::open(path).and_then(|f| super::read_start(&f, &mut start)).unwrap_or(0);
    let start = start.get(..n).unwrap_or_default();
    let zeros = start.iter().all(|&b| b == 0);
    start.starts_with(b"07070") || start.starts_with(&[0x1f, 0x8b, 8]) || super::is_tar(start) && !zeros
}
