//! `--why`: what is recognised at each layer, and where and why reading stops.

use crate::{Args, fail, list::visible, source};
use apple_fs::{ErrorKind, FileSystem, Image, Kind, aea::Head, decmpfs, hfsplus, partition, udif};
use cli::{Error, Input, Io, Result, Status};
use std::collections::BTreeMap;

/// Explains an input.
pub fn why(args: &Args, input: &mut Input, io: &Io) -> Result<Status> {
    let name = input.name().to_string();
    let say = |depth: usize, what: &str| io.print(&format!("{}{}\n", "  ".repeat(depth), visible(what)));
    say(0, &name)?;
    if source::is_macho(input) {
        say(1, "a Mach-O: a program, no ramdisk. -l shows its signature, --sign makes one")?;
        return Ok(Status::NothingFound);
    }
    let stop = |depth: usize, e: Error| -> Result<Status> {
        say(depth, &format!("stops here: {e}"))?;
        Err(e)
    };
    let opened = match source::open(args, input, false) {
        Ok(opened) => opened,
        Err(e) => return stop(1, e),
    };
    let mut depth = 1usize;
    for layer in &opened.layers {
        say(depth, layer)?;
        depth = depth.saturating_add(1);
    }
    for warning in &opened.warnings {
        say(depth, &format!("odd: {warning}"))?;
    }
    let len = opened.source.len();
    if opened.trust_cache {
        let cache = crate::trust::read(&name, &opened)?;
        let sorted = if cache.is_sorted() { "sorted" } else { "not sorted" };
        say(
            depth,
            &format!(
                "a trust cache, version {}, {} entries, {sorted}: -l prints it",
                cache.version,
                cache.entries.len()
            ),
        )?;
        return Ok(Status::NothingFound);
    }
    say(depth, &format!("{len} bytes of a disk or file system"))?;
    if let Ok(Some(head)) = Head::read(opened.source.as_ref()) {
        say(
            depth,
            &format!("an Apple Encrypted Archive, profile {}: {}", head.profile, head.profile_name()),
        )?;
        for (key, value) in &head.fields {
            let text = String::from_utf8_lossy(value);
            say(depth.saturating_add(1), &format!("{key}: {text}"))?;
        }
    }
    if udif::probe(opened.source.as_ref()) {
        say(depth, "a UDIF disk image: its last 512 bytes begin with koly")?;
    }
    let image = match Image::open(opened.source.clone()) {
        Ok(image) => image,
        Err(e) => {
            if e.kind() == ErrorKind::NotFound
                && let Ok(Some((scheme, partitions))) = partition::read(opened.source.as_ref())
            {
                say(depth, scheme.name())?;
                for p in partitions {
                    say(
                        depth.saturating_add(1),
                        &format!("{:?} ({}) at {:#x}, {} bytes", p.name, p.kind, p.start, p.len),
                    )?;
                }
            }
            return stop(depth, fail(&name, &e));
        }
    };
    for layer in image.layers() {
        say(depth, layer)?;
        depth = depth.saturating_add(1);
    }
    for (i, v) in image.apfs_volumes().iter().enumerate() {
        let n = i.saturating_add(1);
        let state = match (v.encrypted, v.sealed) {
            (true, _) => "encrypted: its key is missing",
            (_, true) => "sealed: not read",
            _ => "readable",
        };
        say(depth, &format!("APFS volume {n} {:?} ({}), {state}", v.name, v.role))?;
    }
    let fs = match image.mount(args.volume.as_deref(), false) {
        Ok(fs) => fs,
        Err(e) => return stop(depth, fail(&name, &e)),
    };
    describe(fs.as_ref(), |what| say(depth, what))?;
    if hfsplus::probe(image.content().as_ref())
        && let Ok(volume) = hfsplus::HfsPlus::open(image.content().clone())
    {
        let changed = match hfsplus::write::Builder::load(&volume) {
            Ok(_) => "it can be changed".to_string(),
            Err(e) => format!("it cannot be changed: {e}"),
        };
        say(depth, &changed)?;
    } else {
        say(depth, "it cannot be changed: only HFS+ and HFSX are (--tar | --create makes one)")?;
    }
    say(depth, "nothing stops reading: every layer was opened")?;
    Ok(Status::Done)
}

/// What a volume holds.
fn describe(fs: &dyn FileSystem, say: impl Fn(&str) -> Result<()>) -> Result<()> {
    let v = fs.volume();
    let case = if v.case_sensitive { "names compare with case" } else { "names compare without case" };
    say(&format!(
        "{} volume {:?}, {} blocks of {}, {case}",
        v.format.name(),
        v.name,
        v.total_blocks,
        v.block_size
    ))?;
    for warning in &v.warnings {
        say(&format!("odd: {warning}"))?;
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let mut compressed: BTreeMap<u32, usize> = BTreeMap::new();
    for e in fs.tree().entries().iter().skip(1) {
        let n = kinds.entry(e.meta.kind.name()).or_default();
        *n = n.saturating_add(1);
        if let Some(kind) = e.meta.compression.filter(|_| e.meta.kind == Kind::File) {
            let n = compressed.entry(kind).or_default();
            *n = n.saturating_add(1);
        }
    }
    let counts: Vec<String> = kinds.iter().map(|(k, n)| format!("{k} {n}")).collect();
    say(&format!("names in it: {}", if counts.is_empty() { "none".into() } else { counts.join(", ") }))?;
    for (kind, n) in compressed {
        let can = match kind {
            1 | 3 | 4 | 7..=12 => "read",
            _ => "not read",
        };
        say(&format!("{n} files compressed by decmpfs type {kind} ({}): {can}", decmpfs::kind_name(kind)))?;
    }
    Ok(())
}
