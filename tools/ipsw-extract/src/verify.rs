//! `--verify`: every file of an IPSW, read once: its CRC-32 and size, and all of BuildManifest's digests for it.

use crate::{Args, Opened, failed, parallel};
use apple_ipsw::{Component, DigestCheck, Entry, HEAD, Ipsw, Verdict};
use cli::{Code, Error, Io, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Read;

/// What came of one file.
struct Row<'a> {
    entry: &'a Entry,
    /// Digests: the components that have it, and how it compares.
    digests: Vec<(Vec<&'a str>, std::result::Result<Verdict, String>)>,
    /// Reading failed: damage, or the connection.
    error: Option<apple_ipsw::Error>,
}

/// A digest that a file must have, under a type, for these components.
struct Wanted<'a> {
    digest: &'a [u8],
    im4p_type: Option<&'a str>,
    components: Vec<&'a str>,
}

/// Everything that BuildManifest says of files, by path; of all identities that fit.
fn wanted<'a>(components: impl Iterator<Item = &'a Component>) -> HashMap<&'a str, Vec<Wanted<'a>>> {
    let mut all: HashMap<&str, Vec<Wanted<'_>>> = HashMap::new();
    for c in components {
        let Some(path) = c.path.as_deref() else { continue };
        let of_path = all.entry(path).or_default();
        let Some(digest) = c.digest.as_deref() else { continue };
        let im4p_type = c.im4p_type.as_deref();
        match of_path.iter_mut().find(|w| w.digest == digest && w.im4p_type == im4p_type) {
            Some(w) if w.components.contains(&c.name.as_str()) => {}
            Some(w) => w.components.push(&c.name),
            None => of_path.push(Wanted { digest, im4p_type, components: vec![&c.name] }),
        }
    }
    all
}

/// Reads every file and reports.
pub fn run(args: &Args, io: &Io, opened: &Opened) -> Result<()> {
    let (name, ipsw) = (opened.name.as_str(), &opened.ipsw);
    // A manifest without identities says nothing of files, which have their CRC-32 anyway.
    let fitting = match ipsw.manifest().fitting(&args.choice()) {
        Err(_) if ipsw.manifest().identities.is_empty() => Vec::new(),
        fitting => fitting.map_err(|e| failed(name, e))?,
    };
    let wanted = wanted(fitting.iter().flat_map(|i| &i.components));
    let chosen = |e: &&Entry| {
        !e.is_folder() && (args.names.is_empty() || args.names.iter().any(|n| crate::glob::fits(n, &e.name)))
    };
    let entries: Vec<&Entry> = ipsw.entries().iter().filter(chosen).collect();
    if entries.is_empty() {
        return Err(Error::not_found(name, format_args!("no file {} in it", args.names.join(", "))));
    }
    let bar = io.progress("verifying", entries.iter().map(|e| e.size).fold(0, u64::saturating_add));
    let rows = parallel::map(opened.jobs(args), &entries, |entry| {
        let none = Vec::new();
        one(ipsw, entry, wanted.get(entry.name.as_str()).unwrap_or(&none), &|n| bar.add(n))
    });
    drop(bar);
    let mut missing: Vec<(&str, Vec<&str>)> = wanted
        .iter()
        .filter(|(path, _)| args.names.is_empty() && ipsw.entry(path).is_err())
        .map(|(path, w)| (*path, w.iter().flat_map(|w| w.components.iter().copied()).collect()))
        .collect();
    missing.sort_unstable();
    let text = if args.json { as_json(name, &rows, &missing) } else { as_text(&rows, &missing) };
    io.print(&text)?;
    // A lost connection says nothing of the file.
    if let Some(lost) = rows.iter().find_map(|r| r.error.as_ref().filter(|e| is_io(e))) {
        return Err(Error::new(Code::Io, format_args!("{name}: {lost}")));
    }
    let bad = rows.iter().filter(|r| r.is_bad()).count();
    if bad > 0 {
        let message = format_args!("{bad} of {} files are not what they should be", rows.len());
        return Err(Error::damaged(name, message));
    }
    if !missing.is_empty() {
        let message = format_args!("{} files that BuildManifest names are not in it", missing.len());
        return Err(Error::not_found(name, message));
    }
    Ok(())
}

fn is_io(e: &apple_ipsw::Error) -> bool {
    e.kind() == apple_ipsw::ErrorKind::Io
}

impl Row<'_> {
    fn is_bad(&self) -> bool {
        self.error.is_some() || self.digests.iter().any(|(_, v)| v.is_err())
    }
}

/// Reads a file to its end, comparing it with everything that is said of it.
fn one<'a>(ipsw: &Ipsw, entry: &'a Entry, wanted: &[Wanted<'a>], progress: &dyn Fn(u64)) -> Row<'a> {
    let mut row = Row { entry, digests: Vec::new(), error: None };
    let read = || -> apple_ipsw::Result<Vec<DigestCheck>> {
        let mut reader = ipsw.reader(&entry.name)?;
        let mut buffer = vec![0; 256 << 10];
        let mut head = Vec::new();
        let io = |e| apple_ipsw::Error::io(&entry.name, e);
        (&mut reader).take(HEAD as u64).read_to_end(&mut head).map_err(io)?;
        let mut checks: Vec<DigestCheck> =
            wanted.iter().map(|w| DigestCheck::new(w.digest, w.im4p_type, &head)).collect();
        checks.iter_mut().for_each(|c| c.update(&head));
        progress(head.len() as u64);
        loop {
            let n = match reader.read(&mut buffer) {
                Ok(0) => return Ok(checks),
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(io(e)),
            };
            let bytes = buffer.get(..n).unwrap_or_default();
            checks.iter_mut().for_each(|c| c.update(bytes));
            progress(n as u64);
        }
    };
    match read() {
        Ok(checks) => {
            let verdict = |(w, c): (&Wanted<'a>, DigestCheck)| {
                let told =
                    c.finish().map_err(|m| format!("{} is {}, should be {}", m.algorithm, m.is, m.should));
                (w.components.clone(), told)
            };
            row.digests = wanted.iter().zip(checks).map(verdict).collect();
        }
        Err(e) => row.error = Some(e),
    }
    row
}

fn as_text(rows: &[Row<'_>], missing: &[(&str, Vec<&str>)]) -> String {
    let mut text = String::new();
    let (mut compared, mut bytes) = (0usize, 0u64);
    for row in rows {
        let mut words = Vec::new();
        match (&row.error, row.entry.crc32) {
            (Some(e), _) => words.push(format!("FAILED ({e})")),
            (None, Some(_)) => words.push("CRC-32 ok".to_string()),
            (None, None) => words.push("read".to_string()),
        }
        for (components, verdict) in &row.digests {
            let whose = components.join(", ");
            match verdict {
                Ok(v) => words.push(format!("{whose}: {}", v.text())),
                Err(e) => words.push(format!("{whose}: FAILED ({e})")),
            }
            compared += usize::from(*verdict == Ok(Verdict::Match));
        }
        bytes = bytes.saturating_add(row.entry.size);
        text.push_str(&format!("{}: {}\n", row.entry.name, words.join("; ")));
    }
    for (path, components) in missing {
        text.push_str(&format!("{path}: missing ({})\n", components.join(", ")));
    }
    let bad = rows.iter().filter(|r| r.is_bad()).count();
    text.push_str(&format!(
        "{} files, {bytes} bytes: {bad} bad, {} missing, {compared} digests ok\n",
        rows.len(),
        missing.len()
    ));
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn as_json(name: &str, rows: &[Row<'_>], missing: &[(&str, Vec<&str>)]) -> String {
    let digest = |(components, verdict): &(Vec<&str>, std::result::Result<Verdict, String>)| {
        json!({
            "components": components,
            "ok": match verdict {
                Ok(Verdict::Match) => Some(true),
                Ok(_) => None,
                Err(_) => Some(false),
            },
            "verdict": verdict.as_ref().map_or_else(Clone::clone, |v| v.text().to_string()),
        })
    };
    let files: Vec<Value> = rows
        .iter()
        .map(|r| {
            json!({
                "path": r.entry.name,
                "size": r.entry.size,
                "crc32": r.entry.crc32.map(|c| format!("{c:08x}")),
                "ok": !r.is_bad(),
                "error": r.error.as_ref().map(ToString::to_string),
                "digests": r.digests.iter().map(digest).collect::<Vec<_>>(),
            })
        })
        .collect();
    let missing: Vec<Value> = missing.iter().map(|(p, c)| json!({"path": p, "components": c})).collect();
    let bad = rows.iter().filter(|r| r.is_bad()).count();
    let all = json!({
        "file": name,
        "ok": bad == 0 && missing.is_empty(),
        "bad": bad,
        "missing": missing,
        "files": files,
    });
    format!("{all:#}\n")
}
