//! Trust caches: made of what is signed in folders and ramdisks, merged, shown, searched.

use crate::put::{Wrapping, finish};
use crate::sign::{MAX_PROGRAM, failure, host_files};
use crate::source::{self, Source};
use crate::{Args, fail, text};
use apple_fs::trustcache::{Entry, HashType, TrustCache};
use apple_fs::{FileSystem, Image, Kind};
use cli::{Error, Io, MAX_COMPONENT, Result, Status};
use code_signature::{CdHash, Digest, is_macho};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Options for trust caches.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Trust caches")]
pub struct Trust {
    /// Write a trust cache of everything signed in these folders, ramdisks and Mach-O files; trust caches among them are
    /// merged into it. With --list the cdhashes and their files are shown.
    #[arg(short = 'T', long, value_name = "SOURCE", num_args = 0.., alias = "trustcache")]
    pub trust_cache: Option<Vec<PathBuf>>,
    /// Version of the trust cache: 0, 1 or 2; the highest of those merged, or 1.
    #[arg(long, value_name = "N", requires = "trust_cache", value_parser = clap::value_parser!(u32).range(0..=2))]
    pub cache_version: Option<u32>,
    /// UUID of the trust cache; made of its entries if absent, so that the same entries have the same.
    #[arg(long, value_name = "UUID", requires = "trust_cache", value_parser = uuid)]
    pub uuid: Option<[u8; 16]>,
    /// Look these cdhashes, or those of Mach-O files, up in a trust cache.
    #[arg(long, value_name = "HASH|FILE", num_args = 1.., visible_alias = "lookup")]
    pub find: Vec<String>,
}

fn uuid(text: &str) -> std::result::Result<[u8; 16], String> {
    let bytes = text::hex(&text.replace('-', ""));
    bytes.and_then(|b| b.try_into().ok()).ok_or_else(|| "32 hexadecimal digits are needed".into())
}

/// A code hash and where it is from.
struct Found {
    entry: Entry,
    path: String,
    arch: String,
}

#[derive(Default)]
struct Collected {
    found: Vec<Found>,
    merged: Vec<TrustCache>,
    unsigned: Vec<String>,
}

/// `--trust-cache`.
pub fn make(args: &Args, io: &Io) -> Result<Status> {
    let mut sources = args.named(&args.trust.trust_cache);
    if sources.is_empty() {
        sources.push("-".into());
    }
    let mut all = Collected::default();
    for source in sources {
        all.take(&source, args, io)?;
    }
    match all.unsigned.as_slice() {
        [] => {}
        [one] => io.warn(format_args!("{one}: not signed, so it has no cdhash (--sign makes one)")),
        [first, rest @ ..] => {
            io.warn(format_args!("{first} and {} more are not signed, so they have no cdhash", rest.len()));
        }
    }
    if args.list {
        return list(&all, args, io);
    }
    let mut entries: Vec<Entry> = all.found.iter().map(|f| f.entry).collect();
    entries.extend(all.merged.iter().flat_map(|m| m.entries.iter().copied()));
    if entries.is_empty() {
        io.warn("nothing is signed: there is nothing to put into a trust cache");
        return Ok(Status::NothingFound);
    }
    let highest = all.merged.iter().map(|m| m.version).max();
    let version = args.trust.cache_version.or(highest).unwrap_or(1);
    let mut cache = TrustCache::new(version, [0; 16], entries);
    cache.uuid = args.trust.uuid.unwrap_or_else(|| {
        let hash = Digest::Sha256.hash(&cache.to_bytes());
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(hash) {
            *to = from;
        }
        // As a random UUID is marked.
        id[6] = id[6] & 0x0f | 0x40;
        id[8] = id[8] & 0x3f | 0x80;
        id
    });
    io.verbose(format_args!("{} entries", cache.entries.len()));
    let bytes = Wrapping::with(args, None, *b"trst")?.around("the trust cache", cache.to_bytes())?;
    if args.dry_run {
        io.print(&format!("a trust cache of {} entries would be written\n", cache.entries.len()))?;
        return Ok(Status::Done);
    }
    let mut out = io.output(args.output.as_deref())?;
    out.put(&bytes)?;
    finish(out)?;
    Ok(Status::Done)
}

fn list(all: &Collected, args: &Args, io: &Io) -> Result<Status> {
    let merged = all.merged.iter().flat_map(|m| &m.entries);
    if args.json {
        let mut values: Vec<Value> = all
            .found
            .iter()
            .map(|f| {
                let mut v = entry(&f.entry);
                if let Some(map) = v.as_object_mut() {
                    map.insert("path".into(), f.path.clone().into());
                    map.insert("arch".into(), f.arch.clone().into());
                }
                v
            })
            .collect();
        values.extend(merged.map(entry));
        let text = serde_json::to_string_pretty(&json!({"entries": values, "unsigned": all.unsigned}));
        io.print(&format!("{}\n", text.unwrap_or_default()))?;
        return Ok(Status::Done);
    }
    let mut text = String::new();
    for f in &all.found {
        let (hash, path) = (text::to_hex(&f.entry.cdhash), crate::list::visible(&f.path));
        let _ = writeln!(text, "{hash} {} {} {path}", f.entry.hash_type, f.arch);
    }
    for e in merged {
        let _ = writeln!(text, "{} {}", text::to_hex(&e.cdhash), e.hash_type);
    }
    io.print(&text)?;
    Ok(if text.is_empty() { Status::NothingFound } else { Status::Done })
}

impl Collected {
    fn take(&mut self, path: &Path, args: &Args, io: &Io) -> Result<()> {
        let name = path.display().to_string();
        if path.is_dir() {
            for file in host_files(path)? {
                let shown = file.display().to_string();
                let mut from = std::fs::File::open(&file).map_err(|e| Error::io(&shown, e))?;
                let size = from.metadata().map_or(0, |m| m.len());
                self.program(&shown, size, &mut from, io).map_err(|e| Error::io(&shown, e))?;
            }
            return Ok(());
        }
        let mut input = io.input(Some(path))?;
        let mut start = [0; 8];
        let peeked = input
            .seekable()
            .is_some_and(|f| std::os::unix::fs::FileExt::read_exact_at(f, &mut start, 0).is_ok());
        if peeked && is_macho(&start) {
            let data = input.read_all(MAX_COMPONENT)?;
            let hashes = code_signature::cdhashes(&data).map_err(|e| failure(&name, &e))?;
            self.add(&name, hashes);
            return Ok(());
        }
        let opened = source::open(args, &mut input, false)?;
        opened.tell(&name, io);
        if opened.trust_cache {
            self.merged.push(read(&name, &opened)?);
            return Ok(());
        }
        let image = Image::open(opened.source.clone()).map_err(|e| fail(&name, &e))?;
        let fs = image.mount(args.volume.as_deref(), false).map_err(|e| fail(&name, &e))?;
        self.volume(&name, fs.as_ref(), io)
    }

    fn volume(&mut self, name: &str, fs: &dyn FileSystem, io: &Io) -> Result<()> {
        for warning in &fs.volume().warnings {
            io.warn(format_args!("{name}: {warning}"));
        }
        let mut seen = HashSet::new();
        for (i, e) in fs.tree().entries().iter().enumerate() {
            if e.meta.kind != Kind::File || !seen.insert(e.id) {
                continue;
            }
            let path = fs.tree().path(i);
            let fail = |e: &apple_fs::Error| fail(&format!("{name}: {path}"), e);
            let mut from = fs.open(e).map_err(|e| fail(&e))?;
            self.program(&path, e.meta.size, &mut from, io)
                .map_err(|e| fail(&apple_fs::Error::from_io(&e)))?;
        }
        Ok(())
    }

    /// Takes a file if it is a program.
    fn program(&mut self, path: &str, size: u64, from: &mut dyn Read, io: &Io) -> std::io::Result<()> {
        if !(32..=MAX_PROGRAM).contains(&size) {
            return Ok(());
        }
        let mut data = vec![0; 8];
        from.read_exact(&mut data)?;
        if !is_macho(&data) {
            return Ok(());
        }
        from.take(MAX_PROGRAM).read_to_end(&mut data)?;
        match code_signature::cdhashes(&data) {
            Ok(hashes) => self.add(path, hashes),
            // One bad program of many is no reason to leave out the others.
            Err(e) => io.warn(format_args!("{path}: left out: {e}")),
        }
        Ok(())
    }

    fn add(&mut self, path: &str, hashes: Vec<(String, Option<CdHash>)>) {
        for (arch, hash) in hashes {
            match hash {
                Some(h) => {
                    let entry = Entry::new(h.bytes, HashType::from_number(h.digest.number()));
                    self.found.push(Found { entry, path: path.into(), arch });
                }
                None => self.unsigned.push(path.to_string()),
            }
        }
    }
}

/// The trust cache that an input holds.
pub fn read(name: &str, opened: &Source<'_>) -> Result<TrustCache> {
    let mut bytes = vec![0; usize::try_from(opened.source.len()).unwrap_or(0)];
    opened.source.read_at(0, &mut bytes).map_err(|e| fail(name, &e))?;
    TrustCache::parse(&bytes).map_err(|e| fail(name, &e))
}

fn entry(e: &Entry) -> Value {
    json!({"cdhash": text::to_hex(&e.cdhash), "hash_type": e.hash_type.number(), "hash": e.hash_type.to_string(),
           "flags": e.flags, "category": e.category})
}

/// `--list` of a trust cache.
pub fn show(cache: &TrustCache, json: bool, io: &Io) -> Result<Status> {
    if !json {
        io.print(&format!("{cache}\n"))?;
        return Ok(Status::Done);
    }
    let entries: Vec<Value> = cache.entries.iter().map(entry).collect();
    let value = json!({"version": cache.version, "uuid": text::to_hex(&cache.uuid), "sorted": cache.is_sorted(),
                       "entries": entries});
    io.print(&format!("{}\n", serde_json::to_string_pretty(&value).unwrap_or_default()))?;
    Ok(Status::Done)
}

/// `--find`.
pub fn find(args: &Args, io: &Io) -> Result<Status> {
    let mut input = io.input(args.file.as_deref())?;
    let name = input.name().to_string();
    let opened = source::open(args, &mut input, false)?;
    opened.tell(&name, io);
    if !opened.trust_cache {
        return Err(Error::not_found(name, "no trust cache, in which alone can be looked up"));
    }
    let cache = read(&name, &opened)?;
    let mut missing = false;
    let mut text = String::new();
    for wanted in &args.trust.find {
        let hashes: Vec<([u8; 20], String)> = match text::hex(wanted).filter(|h| h.len() >= 20) {
            Some(h) => {
                let mut hash = [0; 20];
                for (to, from) in hash.iter_mut().zip(h) {
                    *to = from;
                }
                vec![(hash, String::new())]
            }
            None => {
                let data = io.input(Some(Path::new(wanted)))?.read_all(MAX_COMPONENT)?;
                let all = code_signature::cdhashes(&data).map_err(|e| failure(wanted, &e))?;
                let named =
                    |(arch, h): (String, Option<CdHash>)| Some((h?.bytes, format!(" {wanted} ({arch})")));
                all.into_iter().filter_map(named).collect()
            }
        };
        if hashes.is_empty() {
            io.warn(format_args!("{wanted}: not signed, so it has no cdhash"));
            missing = true;
        }
        for (hash, what) in hashes {
            match cache.find(&hash) {
                Some(e) => {
                    let _ =
                        writeln!(text, "{} {} flags {:#x}{what}", text::to_hex(&hash), e.hash_type, e.flags);
                }
                None => {
                    io.warn(format_args!("{name}: {}{what} is not in it", text::to_hex(&hash)));
                    missing = true;
                }
            }
        }
    }
    io.print(&text)?;
    Ok(if missing { Status::NothingFound } else { Status::Done })
}
