//! What volumes are made of: folders, tar and cpio archives, read into a volume under construction.
//!
//! Contents are not read here: a file of a folder is opened when the volume is written, a member of an archive is a
//! part of the archive. An archive that comes through a pipe or out of gzip goes into an unnamed file first. What
//! comes later replaces what is there, as unpacking over it would; links above the last name are followed inside the
//! volume, never outside.

mod cpio;
pub mod host;
mod tape;

use apple_fs::hfsplus::write::{Attributes, Builder};
use apple_fs::{FileSource, Kind, Shared};
use cli::{Code, Error, Io, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

/// How sources are taken.
#[derive(Debug, Clone, Default)]
pub struct Taking<'a> {
    /// Everything belongs to root (0:0).
    pub all_root: bool,
    /// Names and paths that are left out.
    pub exclude: &'a [String],
    /// The most bytes that a compressed archive may become; without it 1 GiB and 200 times its size.
    pub limit: Option<u64>,
}

/// Reads sources into a volume.
pub struct Importer<'a> {
    pub builder: &'a mut Builder,
    pub taking: Taking<'a>,
    /// Where in the volume the source's root goes.
    pub below: String,
    /// The newest date of what was taken.
    pub newest: i64,
    /// Names taken.
    pub count: usize,
}

/// Something to be put into the volume.
struct Item {
    /// Path from the source's root; empty for the root itself.
    path: String,
    what: What,
    attributes: Attributes,
    xattrs: Vec<(String, Vec<u8>)>,
}

enum What {
    Folder,
    File(Shared),
    Symlink(String),
    /// Another name of what is at this path of the source.
    HardLink(String),
    Special(Kind, u32),
}

impl Importer<'_> {
    /// Takes everything of one source: a folder, an archive, or `-` for an archive from standard input.
    pub fn take(&mut self, source: &Path, io: &Io) -> Result<()> {
        let name = source.display().to_string();
        if source.as_os_str() != "-" && source.is_dir() {
            return self.folder(source, &name, io);
        }
        let mut input = io.input(Some(source))?;
        let name = input.name().to_string();
        let mut start = [0; 512];
        let file = match input.seekable() {
            Some(file) => file.try_clone().map_err(|e| Error::io(&name, e))?,
            None => spool(&mut input, &name, u64::MAX)?,
        };
        let n = read_start(&file, &mut start).map_err(|e| Error::io(&name, e))?;
        let mut file = file;
        let mut start = start.get(..n).unwrap_or_default().to_vec();
        if start.starts_with(&[0x1f, 0x8b]) {
            file.seek(SeekFrom::Start(0)).map_err(|e| Error::io(&name, e))?;
            let size = file.metadata().map_err(|e| Error::io(&name, e))?.len();
            let limit = self.taking.limit.unwrap_or_else(|| size.saturating_mul(200).saturating_add(1 << 30));
            file = spool(&mut flate2::read::MultiGzDecoder::new(file), &name, limit)?;
            start = vec![0; 512];
            let n = read_start(&file, &mut start).map_err(|e| Error::io(&name, e))?;
            start.truncate(n);
        }
        let before = self.count;
        match start.as_slice() {
            [b'0', b'7', b'0', b'7', b'0', ..] => self.cpio(&file, &name, io)?,
            s if is_tar(s) => self.tape(&file, &name, io)?,
            s => {
                let what = match s {
                    [0xfd, b'7', b'z', b'X', ..] => {
                        "compressed with xz: `xz -dc FILE | rd-extract --create -`"
                    }
                    [b'B', b'Z', b'h', ..] => {
                        "compressed with bzip2: `bzip2 -dc FILE | rd-extract --create -`"
                    }
                    [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                        "compressed with zstd: `zstd -dc FILE | rd-extract --create -`"
                    }
                    [] => "empty: a folder, tar or cpio archive is needed",
                    _ => "no folder, tar or cpio archive",
                };
                return Err(Error::unsupported(name, what));
            }
        }
        if self.count == before {
            io.warn(format_args!("{name}: the archive holds no files"));
        }
        Ok(())
    }

    /// Puts an item into the volume.
    fn put(&mut self, item: Item, name: &str) -> Result<()> {
        let path = format!("{}/{}", self.below, item.path);
        let fail = |e: apple_fs::Error| crate::fail(&format!("{name}: {}", item.path), &e);
        if self.excluded(&item.path) {
            return Ok(());
        }
        let mut a = item.attributes;
        if self.taking.all_root {
            (a.uid, a.gid) = (0, 0);
        }
        let there = self.builder.kind(&path);
        let folder = matches!(item.what, What::Folder);
        match there {
            // A link to a folder stands for it.
            Some(Kind::Symlink) if folder && self.builder.is_folder(&path) => return Ok(()),
            Some(Kind::Directory) if !folder => {
                return Err(Error::new(
                    Code::Usage,
                    format_args!("{name}: {}: a folder is there already, and is not replaced", item.path),
                ));
            }
            Some(Kind::Directory) | None => {}
            // Another name of the same file is no reason to remove it first.
            Some(_) if matches!(&item.what, What::HardLink(to) if same(to, &item.path)) => return Ok(()),
            Some(_) => {
                self.builder.remove(&path).map_err(fail)?;
            }
        }
        match item.what {
            What::Folder => self.builder.directory(&path, &a),
            What::File(data) => self.builder.file_from(&path, &a, data),
            What::Symlink(target) => self.builder.symlink(&path, &a, &target),
            What::HardLink(to) => self.builder.hard_link(&path, &format!("{}/{to}", self.below)),
            What::Special(kind, device) => self.builder.special(&path, &a, kind, device),
        }
        .map_err(fail)?;
        for (key, value) in &item.xattrs {
            self.builder.xattr(&path, key, value).map_err(fail)?;
        }
        self.newest = self.newest.max(a.modified.unwrap_or(0));
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Whether a pattern fits the path, its last name, or a folder above it.
    fn excluded(&self, path: &str) -> bool {
        let mut part = path;
        while !part.is_empty() {
            let (above, last) = part.rsplit_once('/').unwrap_or(("", part));
            if self
                .taking
                .exclude
                .iter()
                .any(|p| crate::select::fits(p, part) || crate::select::fits(p, last))
            {
                return true;
            }
            part = above;
        }
        false
    }
}

fn same(a: &str, b: &str) -> bool {
    let parts =
        |p: &str| p.split('/').filter(|x| !x.is_empty() && *x != ".").map(String::from).collect::<Vec<_>>();
    parts(a) == parts(b)
}

/// A path of an archive as one from its root: without `.`, and refused when it leads out.
fn inside(path: &[u8]) -> std::result::Result<String, String> {
    let path = std::str::from_utf8(path).map_err(|_| "its name is not UTF-8".to_string())?;
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    match parts.contains(&"..") {
        true => Err("its path leads out of the archive".into()),
        false => Ok(parts.join("/")),
    }
}

/// A tar header has its checksum at 148 (and `ustar` at 257, but for old ones).
fn is_tar(start: &[u8]) -> bool {
    let Some(header) = start.first_chunk::<512>() else { return false };
    let field: &[u8] = header.get(148..156).unwrap_or_default();
    let text: String = field.iter().map(|&b| b as char).collect();
    let stored = u32::from_str_radix(text.trim_matches([' ', '\0']), 8);
    let sum = header
        .iter()
        .enumerate()
        .map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u32::from(b) })
        .sum();
    // An empty archive is two blocks of zeros.
    stored == Ok(sum) || header.iter().all(|&b| b == 0)
}

fn read_start(file: &File, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while let Some(rest) = buf.get_mut(n..).filter(|r| !r.is_empty()) {
        match file.read_at(rest, n as u64) {
            Ok(0) => break,
            Ok(more) => n = n.saturating_add(more),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

/// A stream as a file without a name.
fn spool(from: &mut dyn Read, name: &str, limit: u64) -> Result<File> {
    let mut file = tempfile::tempfile().map_err(|e| Error::io("temporary file", e))?;
    let mut buf = vec![0; 1 << 20];
    let mut total = 0u64;
    loop {
        let n = match from.read(&mut buf) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::InvalidInput | std::io::ErrorKind::UnexpectedEof
                ) =>
            {
                return Err(Error::damaged(name, format_args!("gzip: {e}")));
            }
            Err(e) => return Err(Error::io(name, e)),
        };
        total = total.saturating_add(n as u64);
        if total > limit {
            return Err(Error::unsupported(
                name,
                format_args!("it becomes larger than {limit} bytes: a bomb, or give --max-size"),
            ));
        }
        file.write_all(buf.get(..n).unwrap_or_default()).map_err(|e| Error::io("temporary file", e))?;
    }
    Ok(file)
}

/// A file as a source.
fn shared(file: &File, name: &str) -> Result<Shared> {
    let file = file.try_clone().map_err(|e| Error::io(name, e))?;
    Ok(Arc::new(FileSource::new(file).map_err(|e| crate::fail(name, &e))?))
}

/// A host's or archive's device number as HFS+ holds it: major in the top 8 bits.
fn device(major: u64, minor: u64) -> std::result::Result<u32, String> {
    match (u32::try_from(major), u32::try_from(minor)) {
        (Ok(major @ 0..=0xff), Ok(minor @ 0..=0xff_ffff)) => Ok(major << 24 | minor),
        _ => Err(format!("the device number {major}, {minor} is too large for HFS+")),
    }
}
