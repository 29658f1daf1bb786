//! Cpio archives: `newc`, `crc` and `odc`. Several of them one after another, as in an initramfs, are one.
//!
//! Facts: Linux, Documentation/driver-api/early-userspace/buffer-format.rst; cpio(5).

use super::{Importer, Item, What, device, inside, shared};
use apple_fs::hfsplus::write::Attributes;
use apple_fs::{Bytes, Kind, Part, Shared};
use cli::{Error, Io, Result};
use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

/// The longest name, and the longest target of a link.
const MAX_NAME: u64 = 4096;

/// A member's header.
struct Header {
    ino: u64,
    mode: u64,
    uid: u64,
    gid: u64,
    links: u64,
    date: u64,
    size: u64,
    dev: (u64, u64),
    rdev: (u64, u64),
    name: u64,
    /// Bytes of the header.
    len: u64,
    /// What name and contents are padded to.
    align: u64,
}

impl Importer<'_> {
    pub(super) fn cpio(&mut self, file: &File, name: &str, io: &Io) -> Result<()> {
        let source = shared(file, name)?;
        let read = |at: u64, len: u64| -> Result<Vec<u8>> {
            if at.checked_add(len).is_none_or(|end| end > source.len()) {
                return Err(Error::damaged(
                    name,
                    format_args!("cpio: it ends at {:#x}, in the middle of a member", source.len()),
                ));
            }
            let mut data = vec![0; usize::try_from(len).unwrap_or(0)];
            source.read_at(at, &mut data).map_err(|e| crate::fail(name, &e))?;
            Ok(data)
        };
        let mut first: HashMap<(u64, (u64, u64)), String> = HashMap::new();
        let mut at = 0u64;
        while at < source.len() {
            let magic = read(at, 6.min(source.len().saturating_sub(at)))?;
            let header = match magic.as_slice() {
                b"070701" | b"070702" => newc(&read(at, 110)?),
                b"070707" => odc(&read(at, 76)?),
                // Zeros pad an archive, and may lie between two.
                m if m.iter().take(4).all(|&b| b == 0) => {
                    at = at.saturating_add(4);
                    continue;
                }
                _ => None,
            };
            let bad = || Error::damaged(name, format_args!("cpio: offset {at:#x}: no header of a member"));
            let h = header.ok_or_else(bad)?;
            if h.name == 0 || h.name > MAX_NAME {
                return Err(Error::damaged(
                    name,
                    format_args!("cpio: offset {at:#x}: a name of {} bytes", h.name),
                ));
            }
            let mut raw = read(at.saturating_add(h.len), h.name)?;
            raw.truncate(raw.iter().position(|&b| b == 0).unwrap_or(raw.len()));
            let up = |n: u64| n.checked_next_multiple_of(h.align).unwrap_or(u64::MAX);
            let data_at = at.saturating_add(up(h.len.saturating_add(h.name)));
            let next = data_at.saturating_add(up(h.size));
            if data_at.saturating_add(h.size) > source.len() {
                return Err(Error::damaged(
                    name,
                    format_args!("cpio: it ends in the middle of {:?}", String::from_utf8_lossy(&raw)),
                ));
            }
            at = next;
            if raw == b"TRAILER!!!" {
                first.clear();
                continue;
            }
            let shown = String::from_utf8_lossy(&raw).into_owned();
            let refuse = |why: String| Error::unsupported(name, format_args!("{shown}: {why}"));
            let path = inside(&raw).map_err(refuse)?;
            let contents = || -> Shared {
                match h.size {
                    0 => Bytes::shared([]),
                    n => Arc::new(Part::new(source.clone(), data_at, n)),
                }
            };
            let linked = h.links > 1;
            let kind = Kind::from_mode((h.mode & 0o170_000) as u16);
            let what = match kind {
                Some(Kind::Directory) => What::Folder,
                Some(Kind::File) | None => match first.get(&(h.ino, h.dev)).filter(|_| linked) {
                    Some(to) => {
                        // The contents come with one of the names, mostly the last.
                        if h.size > 0 {
                            let there = format!("{}/{to}", self.below);
                            self.builder.replace(&there, contents()).map_err(|e| crate::fail(&shown, &e))?;
                        }
                        What::HardLink(to.clone())
                    }
                    None => What::File(contents()),
                },
                Some(Kind::Symlink) => {
                    if h.size > MAX_NAME {
                        return Err(Error::damaged(
                            name,
                            format_args!("{shown}: a target of {} bytes", h.size),
                        ));
                    }
                    let target = read(data_at, h.size)?;
                    What::Symlink(
                        String::from_utf8(target).map_err(|_| refuse("its target is not UTF-8".into()))?,
                    )
                }
                Some(kind @ (Kind::CharDevice | Kind::BlockDevice)) => match device(h.rdev.0, h.rdev.1) {
                    Ok(number) => What::Special(kind, number),
                    Err(why) => {
                        io.warn(format_args!("{name}: {shown}: left out: {why}"));
                        continue;
                    }
                },
                Some(kind) => What::Special(kind, 0),
            };
            if linked && matches!(what, What::File(_)) {
                first.insert((h.ino, h.dev), path.clone());
            }
            let mut a = Attributes::new((h.mode & 0o7777) as u16);
            (a.uid, a.gid) = (h.uid as u32, h.gid as u32);
            a.modified = i64::try_from(h.date).ok();
            a.created = a.modified;
            self.put(Item { path, what, attributes: a, xattrs: Vec::new() }, name)?;
        }
        Ok(())
    }
}

fn number(text: Option<&[u8]>, radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(text?).ok()?;
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u64::from_str_radix(text, radix).ok()).flatten()
}

fn newc(h: &[u8]) -> Option<Header> {
    let f = |i: usize| number(h.get(6 + 8 * i..14 + 8 * i), 16);
    Some(Header {
        ino: f(0)?,
        mode: f(1)?,
        uid: f(2)?,
        gid: f(3)?,
        links: f(4)?,
        date: f(5)?,
        size: f(6)?,
        dev: (f(7)?, f(8)?),
        rdev: (f(9)?, f(10)?),
        name: f(11)?,
        len: 110,
        align: 4,
    })
}

fn odc(h: &[u8]) -> Option<Header> {
    let f = |at: usize, len: usize| number(h.get(at..at + len), 8);
    let rdev = f(42, 6)?;
    Some(Header {
        dev: (0, f(6, 6)?),
        ino: f(12, 6)?,
        mode: f(18, 6)?,
        uid: f(24, 6)?,
        gid: f(30, 6)?,
        links: f(36, 6)?,
        rdev: (rdev >> 8, rdev & 0xff),
        date: f(48, 11)?,
        name: f(59, 6)?,
        size: f(65, 11)?,
        len: 76,
        align: 1,
    })
}
