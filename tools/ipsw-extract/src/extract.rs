//! Writing files and packed images, and checking without writing.

use crate::select::{self, Item};
use crate::{Args, Opened, failed, parallel};
use apple_ipsw::{Component, Ipsw, Verdict};
use cli::{Code, Error, Io, Output, Result};
use pipeline::BootSet;
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// No honest IPSW unpacks to more than this.
const MAX_TOTAL: u64 = 256 << 30;

/// Writes the packed image.
pub fn pack(args: &Args, io: &Io, name: &str, ipsw: &Ipsw) -> Result<()> {
    let fail = |e| match e {
        pipeline::Error::Ipsw(e) => failed(name, e),
        pipeline::Error::BootImage(bootimg::Error::Write(e)) => Error::io("standard output", e),
        e => Error::unsupported(name, e),
    };
    let set = BootSet::new(ipsw, &args.boot_options()).map_err(fail)?;
    if args.dry_run {
        let header = set.header().map_err(fail)?;
        let mut text = String::new();
        for p in &header.parts {
            let source = p.source.as_deref().unwrap_or_default();
            text.push_str(&format!("{:<12} {:>11}  {source}\n", p.name, p.size));
        }
        for c in &header.configurations {
            text.push_str(&format!("configuration {}: {}\n", c.name, c.description));
        }
        return io.print(&text);
    }
    let mut out = io.output(args.output.as_deref())?;
    let bar = io.progress("packing", set.total());
    let mut note = |c: &Component, v: Verdict| {
        io.verbose(format_args!("{} ({}): {}", c.path.as_deref().unwrap_or_default(), c.name, v.text()));
    };
    let target = out.name().to_string();
    set.write(&mut out, &mut |n| bar.add(n), &mut note).map_err(|e| match e {
        pipeline::Error::BootImage(bootimg::Error::Write(e)) => Error::io(&target, e),
        e => fail(e),
    })?;
    out.finish()
}

/// Writes files into a folder, or one to standard output.
pub fn files(args: &Args, io: &Io, opened: &Opened) -> Result<()> {
    let (name, ipsw) = (opened.name.as_str(), &opened.ipsw);
    let items = select::items(args, ipsw).map_err(|e| failed(name, e))?;
    let size = |i: &Item<'_>| ipsw.entry(&i.path).map_or(0, |e| e.size);
    let total = items.iter().map(size).fold(0, u64::saturating_add);
    if total > MAX_TOTAL {
        let message = format_args!("{total} bytes to write, more than any IPSW holds: refused as a zip bomb");
        return Err(Error::damaged(name, message));
    }
    let folder = args.output.as_deref().filter(|_| !args.to_stdout());
    if folder.is_none() && items.len() > 1 {
        let message = format!(
            "{} files cannot go to standard output: use -o DIR, or --pack for a packed image",
            items.len()
        );
        return Err(Error::usage(message));
    }
    let targets = targets(args, &items, folder)?;
    if args.dry_run {
        let line = |(i, t): (&Item<'_>, &Option<PathBuf>)| {
            let to = t.as_ref().map_or("standard output".into(), |t| t.display().to_string());
            format!("{:>11}  {} -> {to}\n", size(i), i.path)
        };
        return io.print(&items.iter().zip(&targets).map(line).collect::<String>());
    }
    let bar = io.progress("extracting", total);
    if let Some(folder) = folder {
        for target in targets.iter().flatten() {
            make_parents(folder, target)?;
        }
    }
    let work: Vec<(&Item<'_>, &Option<PathBuf>)> = items.iter().zip(&targets).collect();
    let stop = AtomicBool::new(false);
    let results = parallel::map(opened.jobs(args), &work, |(item, target)| {
        // After a failure nothing more is begun.
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let done = one(args, io, opened, item, target.as_deref(), &|n| bar.add(n));
        stop.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    });
    results.into_iter().collect()
}

/// Writes one file.
fn one(
    args: &Args,
    io: &Io,
    opened: &Opened,
    item: &Item<'_>,
    target: Option<&Path>,
    progress: &dyn Fn(u64),
) -> Result<()> {
    let (name, ipsw) = (opened.name.as_str(), &opened.ipsw);
    let mut out = io.output(target)?;
    let verdict = copy(args, name, ipsw, item, &mut out, &mut |n| progress(n))?;
    if let Some(file) = out.as_file().filter(|_| target.is_some())
        && let Some(time) = ipsw.entry(&item.path).ok().and_then(|e| unix_time(e.dos_time))
    {
        // The time is a nicety: a file system that cannot keep it is no failure.
        let _ = file.set_modified(time);
    }
    let to = out.name().to_string();
    out.finish()?;
    io.verbose(format_args!("{} -> {to}: {}", item.path, verdict.text()));
    Ok(())
}

/// Where each file goes; an error if two would go to one place.
fn targets(args: &Args, items: &[Item<'_>], folder: Option<&Path>) -> Result<Vec<Option<PathBuf>>> {
    let Some(folder) = folder else { return Ok(items.iter().map(|_| None).collect()) };
    let mut used = HashSet::new();
    let mut targets = Vec::new();
    for item in items {
        let path = if args.flat { item.path.rsplit('/').next().unwrap_or(&item.path) } else { &item.path };
        if !used.insert(path.to_string()) {
            return Err(Error::usage(format_args!("two files are named {path}: leave out --flat")));
        }
        targets.push(Some(folder.join(path)));
    }
    Ok(targets)
}

/// Makes the folders above `target`, from `folder` on, and refuses to go through links below it.
pub fn make_parents(folder: &Path, target: &Path) -> Result<()> {
    let io = |p: &Path, e| Error::io(p.display(), e);
    std::fs::create_dir_all(folder).map_err(|e| io(folder, e))?;
    let below = target.parent().and_then(|p| p.strip_prefix(folder).ok()).unwrap_or(Path::new(""));
    let mut path = folder.to_path_buf();
    for step in below {
        path.push(step);
        match std::fs::symlink_metadata(&path) {
            Ok(m) if m.is_dir() => {}
            Ok(_) => {
                let message = format_args!(
                    "{}: is a link or a file, not a folder; nothing is written through it",
                    path.display()
                );
                return Err(Error::new(Code::Io, message));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir(&path).map_err(|e| io(&path, e))?;
            }
            Err(e) => return Err(io(&path, e)),
        }
    }
    match std::fs::symlink_metadata(target) {
        Ok(m) if m.is_symlink() => Err(Error::new(
            Code::Io,
            format_args!("{}: is a link; nothing is written through it", target.display()),
        )),
        _ => Ok(()),
    }
}

/// Copies a file, comparing it with its digest.
fn copy(
    args: &Args,
    name: &str,
    ipsw: &Ipsw,
    item: &Item<'_>,
    out: &mut Output,
    progress: &mut dyn FnMut(u64),
) -> Result<Verdict> {
    let fail = |e| failed(name, e);
    let target = out.name().to_string();
    let mut write = |b: &[u8]| {
        progress(b.len() as u64);
        out.write_all(b).map_err(|e| Error::io(&target, e))
    };
    match item.component.filter(|_| !args.no_verify) {
        Some(c) => {
            let mut reader = ipsw.component_reader(c).map_err(fail)?;
            pump(&mut reader, name, &item.path, &mut write)?;
            Ok(reader.verdict().unwrap_or(Verdict::Absent))
        }
        None => {
            pump(&mut ipsw.reader(&item.path).map_err(fail)?, name, &item.path, &mut write)?;
            Ok(Verdict::Absent)
        }
    }
}

/// Reads to the end in large pieces.
fn pump(r: &mut dyn Read, name: &str, path: &str, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        match r.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => sink(buffer.get(..n).unwrap_or_default())?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(failed(name, apple_ipsw::Error::io(path, e))),
        }
    }
}

/// Reads every component of the fitting identities and compares; the first that is wrong stands for all.
pub fn check(args: &Args, io: &Io, name: &str, ipsw: &Ipsw) -> Result<()> {
    let fitting = ipsw.manifest().fitting(&args.choice()).map_err(|e| failed(name, e))?;
    let mut seen = HashSet::new();
    let components: Vec<&Component> = fitting
        .iter()
        .flat_map(|i| &i.components)
        .filter(|c| c.path.is_some() && seen.insert((c.path.clone(), c.im4p_type.clone(), c.digest.clone())))
        .filter(|c| args.names.is_empty() || args.names.iter().any(|n| n.eq_ignore_ascii_case(&c.name)))
        .collect();
    if components.is_empty() {
        return Err(Error::not_found(name, "no such component with a file to check"));
    }
    let total = components.iter().filter_map(|c| ipsw.component_entry(c).ok()).map(|e| e.size).sum();
    let bar = io.progress("checking", total);
    let mut worst: Option<Error> = None;
    for c in components {
        let path = c.path.as_deref().unwrap_or_default();
        let one = || -> Result<Verdict> {
            let mut reader = ipsw.component_reader(c).map_err(|e| failed(name, e))?;
            pump(&mut reader, name, path, &mut |b| {
                bar.add(b.len() as u64);
                Ok(())
            })?;
            Ok(reader.verdict().unwrap_or(Verdict::Absent))
        };
        match one() {
            Ok(v) => io.print(&format!("{:<24} {}: {}\n", c.name, path, v.text()))?,
            Err(e) => {
                let missing = e.code() == Code::NotFound;
                let word = if missing { "missing" } else { "FAILED" };
                io.print(&format!("{:<24} {path}: {word}\n", c.name))?;
                // What is wrong says more than what is not there.
                if worst.as_ref().is_none_or(|w| w.code() == Code::NotFound) {
                    worst = Some(e);
                }
            }
        }
    }
    worst.map_or(Ok(()), Err)
}

/// An MS-DOS date and time, which has no time zone, taken as UTC; `None` for one that says nothing.
fn unix_time(dos: u32) -> Option<SystemTime> {
    let (date, time) = (u64::from(dos >> 16), u64::from(dos & 0xffff));
    let (year, month, day) = (1980 + (date >> 9), date >> 5 & 15, date & 31);
    // 1 January 1980 is what writers put who have no time.
    if !(1..=12).contains(&month) || day == 0 || dos == 0x0021_0000 {
        return None;
    }
    // Days since 1970 by the civil calendar, years beginning in March so that leap days come last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let seconds = (days - 719_468) * 86_400 + (time >> 11) * 3600 + (time >> 5 & 63) * 60 + (time & 31) * 2;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times_are_those_of_the_calendar() {
        let unix = |dos| {
            unix_time(dos).and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|d| d.as_secs())
        };
        assert_eq!(unix(0x0022_0000), Some(315_619_200), "2 January 1980");
        let (date, time) = (37 << 9 | 12 << 5 | 2, 13 << 11 | 30 << 5 | 5);
        assert_eq!(unix(date << 16 | time), Some(1_512_221_410), "2 December 2017, 13:30:10");
        assert_eq!((unix(0), unix(0x0021_0000)), (None, None));
    }
}
