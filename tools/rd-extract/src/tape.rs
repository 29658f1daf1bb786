//! The tar stream: pax format, with everything that a volume says of its files.

use crate::select::Selection;
use crate::{Job, copy, extract, fail};
use apple_fs::{Entry, FileSystem, Kind, Xattr};
use cli::{Error, Io, Output, Result};
use std::collections::HashMap;
use tar::{EntryType, Header};

/// Files up to this size are read before their header is written, so that one that cannot be read is left out
/// instead of breaking the stream.
const BUFFERED: u64 = 16 << 20;
/// The largest number of a header's field of eight bytes.
const MAX_FIELD: u64 = 0o7_777_777;
/// The largest size in a header.
const MAX_SIZE: u64 = 0o77_777_777_777;

/// The stream under construction.
struct Tape<'a> {
    out: Option<&'a mut Output>,
    io: &'a Io,
    /// The first path of each file with several.
    first: HashMap<u64, String>,
    /// Bytes of attributes so far; those of files were looked at before.
    attributes: u64,
}

impl Job<'_> {
    /// Writes the chosen entries.
    pub fn tar(&self, fs: &dyn FileSystem, selection: &Selection, io: &Io) -> Result<()> {
        let mut out = match self.args.dry_run {
            true => None,
            false => Some(io.output(self.args.output.as_deref())?),
        };
        let mut tape = Tape { out: out.as_mut(), io, first: HashMap::new(), attributes: 0 };
        let mut failures = extract::Failures::default();
        for &i in &selection.entries {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            let path = fs.tree().path(i);
            if let Err(why) = extract::check_path(&path) {
                failures.add(io, &path, why);
                continue;
            }
            match self.record(fs, e, &path, &mut tape) {
                Ok(()) => {}
                Err(Problem::Skip(why)) => io.warn(format_args!("{path}: left out: {why}")),
                Err(Problem::Entry(e)) => failures.add(io, &path, e),
                Err(Problem::Stream(e)) => return Err(e),
            }
        }
        if let Some(mut out) = out {
            // Two empty blocks end a tape.
            out.put(&[0; 1024])?;
            out.finish()?;
        }
        failures.result(self.name)
    }

    fn record(
        &self,
        fs: &dyn FileSystem,
        e: &Entry,
        path: &str,
        tape: &mut Tape<'_>,
    ) -> std::result::Result<(), Problem> {
        let m = &e.meta;
        let mut name = path.trim_start_matches('/').to_string();
        let mut header = Header::new_ustar();
        let mut target = Vec::new();
        let mut size = 0;
        let mut contents: Option<Box<dyn std::io::Read + Send + '_>> = None;
        let kind = match m.kind {
            Kind::Directory => {
                name = if name.is_empty() { "./".into() } else { name + "/" };
                EntryType::Directory
            }
            Kind::Symlink => {
                target = fs.link_target(e)?;
                EntryType::Symlink
            }
            Kind::File => match tape.first.get(&e.id) {
                Some(first) => {
                    target = first.clone().into_bytes();
                    EntryType::Link
                }
                None => {
                    size = m.size;
                    contents = Some(match size {
                        0..=BUFFERED => Box::new(std::io::Cursor::new(fs.read(e, BUFFERED)?)),
                        _ => fs.open(e)?,
                    });
                    EntryType::Regular
                }
            },
            Kind::CharDevice => EntryType::Char,
            Kind::BlockDevice => EntryType::Block,
            Kind::Fifo => EntryType::Fifo,
            Kind::Socket | Kind::DirectoryLink => return Err(Problem::Skip("tar has no such thing")),
        };
        if matches!(m.kind, Kind::CharDevice | Kind::BlockDevice) {
            let set = header.set_device_major(m.device >> 24).and(match m.device & 0xff_ffff {
                minor if u64::from(minor) <= MAX_FIELD => header.set_device_minor(minor),
                _ => return Err(Problem::Skip("its minor number is too large for tar")),
            });
            set.map_err(|_| Problem::Skip("tar cannot hold its device number"))?;
        }
        let xattrs = if kind == EntryType::Link { Vec::new() } else { fs.xattrs(e)? };
        let bytes = xattrs.iter().map(|x| x.value.len() as u64).sum::<u64>();
        tape.attributes = tape.attributes.saturating_add(bytes);
        self.within_limit(tape.attributes).map_err(Problem::Stream)?;
        let Some(out) = tape.out.as_mut() else {
            tape.io.print(&format!("{name}\n")).map_err(Problem::Stream)?;
            return Ok(());
        };
        header.set_entry_type(kind);
        header.set_mode(m.mode.into());
        let mut pax = Pax::default();
        fill(&mut header, &mut pax, &name, &target, e, size, xattrs);
        header.set_cksum();
        let stream = Problem::Stream;
        pax.write(&name, out).map_err(stream)?;
        out.put(header.as_bytes()).map_err(stream)?;
        if let Some(mut contents) = contents {
            let n =
                copy(&mut contents, |bytes| out.put(bytes), |e| self.fail_at(path, &e)).map_err(stream)?;
            if n != size {
                let what = format!("{path}: {n} of {size} bytes could be read");
                return Err(stream(Error::damaged(self.name, what)));
            }
            pad(out, size).map_err(stream)?;
        }
        if m.kind == Kind::File && kind == EntryType::Regular && m.links > 1 {
            tape.first.insert(e.id, name);
        }
        Ok(())
    }
}

/// What went wrong with an entry.
enum Problem {
    /// It has no place in a tar stream.
    Skip(&'static str),
    /// It cannot be read; the stream is as it was before it.
    Entry(apple_fs::Error),
    /// The stream is broken.
    Stream(Error),
}

impl From<apple_fs::Error> for Problem {
    fn from(e: apple_fs::Error) -> Self {
        Problem::Entry(e)
    }
}

/// Fills the header; what does not fit goes into pax records.
fn fill(h: &mut Header, pax: &mut Pax, name: &str, target: &[u8], e: &Entry, size: u64, xattrs: Vec<Xattr>) {
    let m = &e.meta;
    let cut = |pax: &mut Pax, key: &str, bytes: &[u8], field: &mut [u8]| {
        if bytes.len() > field.len() || !bytes.is_ascii() {
            pax.add(key, bytes);
        }
        for (to, from) in field.iter_mut().zip(bytes) {
            *to = *from;
        }
    };
    let fields = h.as_old_mut();
    cut(pax, "path", name.as_bytes(), &mut fields.name);
    cut(pax, "linkpath", target, &mut fields.linkname);
    let mut number = |key: &str, value: u64, limit: u64| -> u64 {
        if value > limit {
            pax.add(key, value.to_string().as_bytes());
        }
        value.min(limit)
    };
    h.set_uid(number("uid", m.uid.into(), MAX_FIELD));
    h.set_gid(number("gid", m.gid.into(), MAX_FIELD));
    h.set_size(number("size", size, MAX_SIZE));
    let time = m.modified.unwrap_or(apple_fs::Time { seconds: 0, nanoseconds: 0 });
    h.set_mtime(u64::try_from(time.seconds).unwrap_or(0).min(MAX_SIZE));
    if time.seconds < 0 || time.nanoseconds != 0 {
        // A negative time with a fraction counts from the second above it.
        let text = match (time.seconds, time.nanoseconds) {
            (s, 0) => s.to_string(),
            (s, n) if s < 0 => format!("-{}.{:09}", -(s + 1), 1_000_000_000 - n),
            (s, n) => format!("{s}.{n:09}"),
        };
        pax.add("mtime", text.as_bytes());
    }
    for x in xattrs {
        // An equals sign in a name would end it early.
        if !x.name.contains('=') {
            pax.add(&format!("SCHILY.xattr.{}", x.name), &x.value);
        }
    }
}

/// The records of a pax header.
#[derive(Default)]
struct Pax(Vec<u8>);

impl Pax {
    /// `LENGTH KEY=VALUE` and a line feed; the length counts itself.
    fn add(&mut self, key: &str, value: &[u8]) {
        let rest = key.len() + value.len() + 3;
        let mut len = rest + 1;
        while len != rest + len.to_string().len() {
            len = rest + len.to_string().len();
        }
        self.0.extend_from_slice(format!("{len} {key}=").as_bytes());
        self.0.extend_from_slice(value);
        self.0.push(b'\n');
    }

    fn write(&self, name: &str, out: &mut Output) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut h = Header::new_ustar();
        h.set_entry_type(EntryType::XHeader);
        h.set_mode(0o644);
        h.set_uid(0);
        h.set_gid(0);
        h.set_mtime(0);
        h.set_size(self.0.len() as u64);
        let field = &mut h.as_old_mut().name;
        for (to, from) in
            field.iter_mut().zip(b"PaxHeaders/".iter().chain(name.trim_end_matches('/').as_bytes()))
        {
            *to = *from;
        }
        h.set_cksum();
        out.put(h.as_bytes())?;
        out.put(&self.0)?;
        pad(out, self.0.len() as u64)
    }
}

/// Zeros to the next multiple of 512.
fn pad(out: &mut Output, size: u64) -> Result<()> {
    let n = usize::try_from(size.wrapping_neg() % 512).unwrap_or(0);
    out.put([0; 512].get(..n).unwrap_or_default())
}

impl extract::Failures {
    /// Success, or the failure that stands for all.
    pub fn result(self, name: &str) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some((path, e)) if self.count == 1 => Err(fail(&format!("{name}: {path}"), &e)),
            Some((path, e)) => Err(fail(
                &format!("{name}: {} files could not be extracted, the first {path}", self.count),
                &e,
            )),
        }
    }
}
