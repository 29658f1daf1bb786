//! What is inside members: archives within the archive, payloads of over-the-air updates. A name for it has two
//! slashes between the member and what is in it: `Firmware/*.bbfw//*.elf`, `//usr/lib/dyld`.

use crate::extract::make_parents;
use crate::{Args, Opened, failed, glob};
use apple_ipsw::{Archive, Entry, is_safe_name};
use apple_ota::{EntryKind, is_payload, walk};
use cli::{Code, Error, Io, Output, Result};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// What separates a member from what is in it.
const MARK: &str = "//";
/// Members that are looked into when none is named.
const LIKELY: [&str; 8] = ["zip", "ipsw", "bbfw", "aa", "aar", "yaa", "pbzx", "ota"];
/// No honest archive unpacks to more than this.
const MAX_TOTAL: u64 = 256 << 30;

/// Whether a name means something inside a member.
pub fn is_inner(name: &str) -> bool {
    name.contains(MARK) && !name.contains("://")
}

/// Something inside a member.
struct Item {
    member: String,
    path: String,
    size: u64,
    kind: &'static str,
    link: Option<String>,
    mode: Option<u32>,
}

/// What is done with the items that fit.
enum Job<'a> {
    List(Vec<Item>),
    /// Into a folder: what was written, and how much.
    Files {
        folder: PathBuf,
        written: HashSet<PathBuf>,
        skipped: usize,
    },
    /// The one that fits, to standard output.
    One(&'a mut Output),
}

/// Lists or takes out what names with two slashes mean.
pub fn run(args: &Args, io: &Io, opened: &Opened) -> Result<()> {
    if let Some(other) = args.names.iter().find(|n| !is_inner(n)) {
        let message = format_args!(
            "{other}: names of members and of what is in them ('MEMBER//PATTERN') cannot be mixed"
        );
        return Err(Error::usage(message));
    }
    let mut list = Job::List(Vec::new());
    let folder = args.output.clone().filter(|_| !args.to_stdout());
    if args.is_listing() || args.dry_run || folder.is_none() {
        each(args, opened, &mut list)?;
    }
    let Job::List(items) = list else { return Ok(()) };
    let looks = args.is_listing() || args.dry_run;
    if looks || folder.is_none() {
        if items.is_empty() {
            return Err(nothing(args, opened));
        }
        if looks {
            return io.print(&listing(args, &items));
        }
        let files = items.iter().filter(|i| i.kind == "file").count();
        if files != 1 {
            let message = format_args!(
                "{files} files fit and cannot go to standard output: use -o DIR, or -l to list them"
            );
            return Err(Error::usage(message));
        }
        let mut out = io.output(args.output.as_deref())?;
        each(args, opened, &mut Job::One(&mut out))?;
        return out.finish();
    }
    let folder = folder.unwrap_or_default();
    let mut job = Job::Files { folder, written: HashSet::new(), skipped: 0 };
    each(args, opened, &mut job)?;
    let Job::Files { written, skipped, .. } = job else { return Ok(()) };
    if written.is_empty() {
        return Err(nothing(args, opened));
    }
    if skipped > 0 {
        io.warn(format_args!("{}: {skipped} links and special files were not made", opened.name));
    }
    io.verbose(format_args!("{}: {} files", opened.name, written.len()));
    Ok(())
}

fn nothing(args: &Args, opened: &Opened) -> Error {
    Error::not_found(&opened.name, format_args!("nothing in it fits {}", args.names.join(", ")))
}

/// Opens every member that the names mean, once.
fn each(args: &Args, opened: &Opened, job: &mut Job<'_>) -> Result<()> {
    let mut total = 0u64;
    for entry in opened.ipsw.entries().iter().filter(|e| !e.is_folder()) {
        let patterns: Vec<&str> = args
            .names
            .iter()
            .filter_map(|n| n.split_once(MARK))
            .filter(|(m, _)| means(m, &entry.name))
            .map(|(_, p)| p)
            .collect();
        if !patterns.is_empty() {
            member(args, opened, entry, &patterns, job, &mut total)?;
        }
    }
    Ok(())
}

/// Whether a member is meant: by a pattern, or, without one, by looking like something that holds files.
fn means(pattern: &str, name: &str) -> bool {
    if !pattern.is_empty() {
        return pattern == name || glob::fits(pattern, name);
    }
    let file = name.rsplit('/').next().unwrap_or(name);
    let extension = file.rsplit_once('.').map_or("", |(_, e)| e);
    let numbered = file.starts_with("payload") && (file == "payload" || extension.parse::<u32>().is_ok());
    numbered || LIKELY.iter().any(|l| extension.eq_ignore_ascii_case(l))
}

fn member(
    args: &Args,
    opened: &Opened,
    entry: &Entry,
    patterns: &[&str],
    job: &mut Job<'_>,
    total: &mut u64,
) -> Result<()> {
    let name = &opened.name;
    let place = format!("{name}: {}", entry.name);
    let fail = |e: apple_ipsw::Error| failed(name, e);
    let fits = |path: &str| patterns.iter().any(|p| p.is_empty() || *p == path || glob::fits(p, path));
    let mut head = Vec::new();
    let read = |e: io::Error| fail(apple_ipsw::Error::io(&entry.name, e));
    let mut reader = opened.ipsw.reader(&entry.name).map_err(fail)?;
    (&mut reader).take(4).read_to_end(&mut head).map_err(read)?;
    let mut grow = |n: u64| {
        *total = total.saturating_add(n);
        let message = format_args!("more than {MAX_TOTAL} bytes in it: refused as a zip bomb");
        if *total > MAX_TOTAL { Err(Error::damaged(&place, message)) } else { Ok(()) }
    };
    if head.starts_with(b"PK\x03\x04") {
        drop(reader);
        let inner = opened.ipsw.inner(&entry.name, &mut tempfile::tempfile).map_err(fail)?;
        let archive = Archive::open(inner).map_err(|e| failed(&place, e))?;
        for e in archive.entries().iter().filter(|e| !e.is_folder() && fits(&e.name)) {
            grow(e.size)?;
            let (member, path, link) = (entry.name.clone(), e.name.clone(), None);
            let kind = if e.is_symlink { "link" } else { "file" };
            let item = Item { member, path, size: e.size, kind, link, mode: None };
            if matches!(job, Job::List(_)) {
                take(args, job, item, &mut io::empty())?;
                continue;
            }
            let mut reader = archive.reader(&e.name).map_err(|e| failed(&place, e))?;
            take(args, job, item, &mut reader)?;
        }
        return Ok(());
    }
    if !is_payload(&head) && head.first() != Some(&0x10) {
        let message = "neither an archive nor an update's payload: there is nothing in it to be taken out";
        return Err(Error::not_found(&place, message));
    }
    // An error of ours comes back as it was.
    let mut ours: Option<Error> = None;
    let mut whole = io::Cursor::new(head).chain(reader);
    let walked = walk(&mut whole, &mut |e, data| {
        if e.path.is_empty() || !fits(&e.path) || e.kind == EntryKind::Folder {
            return Ok(());
        }
        let mut one = || {
            grow(e.size)?;
            let kind = match e.kind {
                EntryKind::File => "file",
                EntryKind::Link => "link",
                EntryKind::Metadata => "metadata",
                _ => "special",
            };
            let (member, path, link) = (entry.name.clone(), e.path.clone(), e.link.clone());
            take(args, job, Item { member, path, size: e.size, kind, link, mode: e.mode }, data)
        };
        one().map_err(|e| {
            ours = Some(e);
            io::Error::other("stopped")
        })
    });
    match (ours, walked) {
        (Some(e), _) => Err(e),
        (None, Ok(())) => Ok(()),
        (None, Err(e)) => {
            let code = match e.kind() {
                apple_ota::ErrorKind::Damaged => Code::Damaged,
                apple_ota::ErrorKind::Unsupported => Code::Unsupported,
                apple_ota::ErrorKind::Io => match e {
                    apple_ota::Error::Io(e) => return Err(read(e)),
                    _ => Code::Io,
                },
            };
            Err(Error::new(code, format_args!("{place}: {e}")))
        }
    }
}

/// Does with an item what is to be done.
fn take(args: &Args, job: &mut Job<'_>, item: Item, data: &mut dyn Read) -> Result<()> {
    match job {
        Job::List(items) => items.push(item),
        Job::One(out) if item.kind == "file" => {
            let target = out.name().to_string();
            copy(&item, data, &mut |b| out.write_all(b).map_err(|e| Error::io(&target, e)))?;
        }
        Job::One(_) => {}
        Job::Files { skipped, .. } if item.kind != "file" => *skipped += 1,
        Job::Files { folder, written, .. } => {
            if !is_safe_name(&item.path) {
                let message = format_args!("{:?}: an unsafe name; nothing more is taken out", item.path);
                return Err(Error::damaged(&item.member, message));
            }
            let path =
                if args.flat { item.path.rsplit('/').next().unwrap_or(&item.path) } else { &item.path };
            let target = folder.join(path);
            if !written.insert(target.clone()) {
                return Err(Error::usage(format_args!(
                    "two files are named {path}: take them out one after the other"
                )));
            }
            make_parents(folder, &target)?;
            let mut out = Output::to(&target)?;
            let name = out.name().to_string();
            copy(&item, data, &mut |b| out.write_all(b).map_err(|e| Error::io(&name, e)))?;
            out.finish()?;
        }
    }
    Ok(())
}

fn copy(item: &Item, data: &mut dyn Read, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match data.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => sink(buffer.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                let place = format!("{}//{}", item.member, item.path);
                let damaged = e.kind() == io::ErrorKind::InvalidData;
                return Err(if damaged { Error::damaged(place, e) } else { Error::io(place, e) });
            }
        }
    }
}

fn listing(args: &Args, items: &[Item]) -> String {
    if args.json {
        let list: Vec<Value> = items
            .iter()
            .map(|i| {
                json!({"member": i.member, "path": i.path, "size": i.size, "kind": i.kind, "link": i.link,
                    "mode": i.mode.map(|m| format!("{m:04o}"))})
            })
            .collect();
        return format!("{:#}\n", Value::Array(list));
    }
    let mut text = String::new();
    for i in items {
        let link = i.link.as_ref().map_or(String::new(), |l| format!(" -> {l}"));
        let kind = if i.kind == "file" { String::new() } else { format!(" ({})", i.kind) };
        text.push_str(&format!("{:>11}  {}//{}{link}{kind}\n", i.size, i.member, i.path));
    }
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}
