//! Tar archives: ustar, GNU and pax, with owners, links, devices, dates and extended attributes.

use super::{Importer, Item, What, device, inside, shared};
use apple_fs::hfsplus::write::Attributes;
use apple_fs::{Bytes, Kind, Part};
use cli::{Error, Io, Result};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;
use tar::{Entry, EntryType};

/// A sparse member, which has to be put together, may be this large.
const MAX_SPARSE: u64 = 1 << 30;

impl Importer<'_> {
    pub(super) fn tape(&mut self, file: &File, name: &str, io: &Io) -> Result<()> {
        let source = shared(file, name)?;
        let mut reader = file.try_clone().map_err(|e| Error::io(name, e))?;
        reader.seek(SeekFrom::Start(0)).map_err(|e| Error::io(name, e))?;
        let mut archive = tar::Archive::new(BufReader::with_capacity(1 << 16, reader));
        let damaged = |e: std::io::Error| Error::damaged(name, format_args!("tar: {e}"));
        for entry in archive.entries_with_seek().map_err(damaged)? {
            let mut entry = entry.map_err(damaged)?;
            let raw = entry.path_bytes().into_owned();
            let shown = String::from_utf8_lossy(&raw).into_owned();
            let refuse = |why: String| Error::unsupported(name, format_args!("{shown}: {why}"));
            let extra = Extra::of(&mut entry).map_err(damaged)?;
            if extra.sparse {
                return Err(refuse("a sparse member in pax form: make the archive without --sparse".into()));
            }
            let path = inside(&raw).map_err(refuse)?;
            let target = |e: &Entry<'_, _>| {
                let t = e.link_name_bytes().unwrap_or_default().into_owned();
                String::from_utf8(t).map_err(|_| refuse("its target is not UTF-8".into()))
            };
            let header = entry.header().clone();
            let special = |kind| {
                let number = |n: std::io::Result<Option<u32>>| n.ok().flatten().unwrap_or(0).into();
                device(number(header.device_major()), number(header.device_minor()))
                    .map(|n| What::Special(kind, n))
            };
            let what = match header.entry_type() {
                EntryType::Directory => What::Folder,
                EntryType::Symlink => What::Symlink(target(&entry)?),
                EntryType::Link => What::HardLink(inside(target(&entry)?.as_bytes()).map_err(refuse)?),
                EntryType::Fifo => What::Special(Kind::Fifo, 0),
                EntryType::Char | EntryType::Block => {
                    let char = header.entry_type() == EntryType::Char;
                    match special(if char { Kind::CharDevice } else { Kind::BlockDevice }) {
                        Ok(what) => what,
                        Err(why) => {
                            io.warn(format_args!("{name}: {shown}: left out: {why}"));
                            continue;
                        }
                    }
                }
                EntryType::GNUSparse => {
                    let mut data = Vec::new();
                    entry
                        .by_ref()
                        .take(MAX_SPARSE.saturating_add(1))
                        .read_to_end(&mut data)
                        .map_err(damaged)?;
                    if data.len() as u64 > MAX_SPARSE {
                        return Err(refuse(format!("a sparse member of more than {MAX_SPARSE} bytes")));
                    }
                    What::File(Bytes::shared(data))
                }
                EntryType::Regular | EntryType::Continuous => {
                    let (at, size) = (entry.raw_file_position(), entry.size());
                    // A directory of very old archives ends in a slash.
                    if size == 0 && raw.ends_with(b"/") {
                        What::Folder
                    } else if at.checked_add(size).is_none_or(|end| end > source.len()) {
                        return Err(Error::damaged(
                            name,
                            format_args!("tar: it ends in the middle of {shown}"),
                        ));
                    } else {
                        What::File(Arc::new(Part::new(source.clone(), at, size)))
                    }
                }
                EntryType::XGlobalHeader => continue,
                other => {
                    io.warn(format_args!("{name}: {shown}: left out: a member of the kind {other:?}"));
                    continue;
                }
            };
            let field = |n: std::io::Result<u64>| n.map_err(damaged);
            let mut a = Attributes::new((header.mode().map_err(damaged)? & 0o7777) as u16);
            a.uid = extra.uid.unwrap_or(field(header.uid())?) as u32;
            a.gid = extra.gid.unwrap_or(field(header.gid())?) as u32;
            let modified =
                extra.modified.unwrap_or(i64::try_from(field(header.mtime())?).unwrap_or(i64::MAX));
            a.modified = Some(modified);
            a.created = extra.created.or(Some(modified));
            (a.changed, a.accessed) = (extra.changed, extra.accessed);
            self.put(Item { path, what, attributes: a, xattrs: extra.xattrs }, name)?;
        }
        Ok(())
    }
}

/// What pax records add to a header.
#[derive(Default)]
struct Extra {
    uid: Option<u64>,
    gid: Option<u64>,
    modified: Option<i64>,
    changed: Option<i64>,
    accessed: Option<i64>,
    created: Option<i64>,
    xattrs: Vec<(String, Vec<u8>)>,
    sparse: bool,
}

impl Extra {
    fn of<R: Read>(entry: &mut Entry<'_, R>) -> std::io::Result<Extra> {
        let mut x = Extra::default();
        let mut base64 = Vec::new();
        let Some(records) = entry.pax_extensions()? else { return Ok(x) };
        for record in records {
            let record = record?;
            let Ok(key) = record.key() else { continue };
            let bytes = record.value_bytes();
            let number = || std::str::from_utf8(bytes).ok().and_then(|s| s.parse().ok());
            let date = || std::str::from_utf8(bytes).ok().and_then(seconds);
            match key {
                "uid" => x.uid = number(),
                "gid" => x.gid = number(),
                "mtime" => x.modified = date(),
                "ctime" => x.changed = date(),
                "atime" => x.accessed = date(),
                "LIBARCHIVE.creationtime" => x.created = date(),
                _ if key.starts_with("GNU.sparse.") => x.sparse = true,
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        x.xattrs.push((name.into(), bytes.to_vec()));
                    } else if let Some(name) = key.strip_prefix("LIBARCHIVE.xattr.") {
                        base64.push((name.to_string(), bytes.to_vec()));
                    }
                }
            }
        }
        // bsdtar writes both forms; this one only where the other could not be.
        for (name, value) in base64 {
            if let (Some(name), Some(value)) = (percent(&name), crate::text::base64(&value))
                && !x.xattrs.iter().any(|(n, _)| *n == name)
            {
                x.xattrs.push((name, value));
            }
        }
        // What belongs to the system of the host that made the archive.
        x.xattrs.retain(|(n, _)| !["security.", "system.", "trusted."].iter().any(|p| n.starts_with(p)));
        Ok(x)
    }
}

/// The whole seconds of a pax date, those before 1970 rounded down.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let below = whole.starts_with('-') && fraction.bytes().any(|b| b != b'0');
    Some(seconds.saturating_sub(below.into()))
}

/// A name with `%xx` escapes.
fn percent(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        if b != b'%' {
            out.push(b);
            continue;
        }
        let mut digit = || (bytes.next()? as char).to_digit(16);
        out.push((digit()? << 4 | digit()?) as u8);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_rounded_down_and_names_unescaped() {
        assert_eq!(
            [seconds("12.9"), seconds("-1.5"), seconds("-1.0"), seconds("x")],
            [Some(12), Some(-2), Some(-1), None]
        );
        assert_eq!(percent("a%20b").as_deref(), Some("a b"));
        assert!(percent("%2").is_none() && percent("%zz").is_none());
    }
}
