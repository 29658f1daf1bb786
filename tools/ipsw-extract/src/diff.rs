//! `--diff`: two IPSWs by build, identity, component, file, kernel, kext and device tree.

use crate::{Args, Opened, failed, open_path, parallel};
use apple_dt::{Difference, Tree};
use apple_ipsw::{Component, Identity, Ipsw};
use apple_kc::KernelCache;
use cli::{Code, Error, Io, Result, Status};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The largest kernelcache or device tree that is unpacked to be compared.
const MAX_COMPONENT: u64 = 512 << 20;
/// How many differences of a device tree are shown without -v.
const SHOWN: usize = 40;

/// One thing that is different.
struct Change {
    /// `removed`, `added` or `changed`.
    what: &'static str,
    name: String,
    old: Option<String>,
    new: Option<String>,
    /// For which boards and ways to install, or what else is to be said.
    note: String,
}

/// Everything that was compared.
#[derive(Default)]
struct Report {
    builds: Vec<Change>,
    identities: Vec<Change>,
    components: Vec<Change>,
    files: Vec<Change>,
    same_files: usize,
    kernels: Vec<Kernel>,
    trees: Vec<Trees>,
}

/// A kernelcache in both.
struct Kernel {
    name: String,
    versions: [std::result::Result<String, String>; 2],
    kexts: Vec<Change>,
    same_kexts: usize,
    /// Why there are no kexts to compare.
    problem: Option<String>,
}

/// A device tree in both.
struct Trees {
    name: String,
    differences: std::result::Result<Vec<Difference>, String>,
}

/// Compares; the exit status is that of diff(1).
pub fn run(args: &Args, io: &Io, old: &Path, new: &Path) -> Result<Status> {
    let trouble = |e: Error| match e.code() {
        // 1 is "they differ"; what diff(1) calls trouble is 2.
        Code::NotFound => Error::new(Code::Usage, e),
        _ => e,
    };
    let (a, b) = (open_path(args, io, old).map_err(trouble)?, open_path(args, io, new).map_err(trouble)?);
    let identities = |o: &'_ Opened| -> Result<()> {
        if o.plain {
            return Ok(());
        }
        o.ipsw.manifest().fitting(&args.choice()).map(|_| ()).map_err(|e| trouble(failed(&o.name, e)))
    };
    identities(&a)?;
    identities(&b)?;
    let report = compare(args, &a, &b);
    let text =
        if args.json { as_json(&report, &a, &b) } else { as_text(&report, &a, &b, io.verbosity() > 0) };
    io.print(&text)?;
    a.say_traffic(io);
    b.say_traffic(io);
    Ok(if report.is_empty() { Status::Done } else { Status::NothingFound })
}

impl Report {
    fn is_empty(&self) -> bool {
        let lists = [&self.builds, &self.identities, &self.components, &self.files];
        lists.iter().all(|l| l.is_empty())
            && self.kernels.iter().all(|k| k.kexts.is_empty() && k.versions[0] == k.versions[1])
            && self.trees.iter().all(|t| t.differences.as_ref().is_ok_and(Vec::is_empty))
    }
}

fn change(name: impl Into<String>, old: Option<String>, new: Option<String>, note: &str) -> Option<Change> {
    let what = match (&old, &new) {
        (None, None) => return None,
        (Some(a), Some(b)) if a == b => return None,
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    Some(Change { what, name: name.into(), old, new, note: note.into() })
}

fn compare(args: &Args, a: &Opened, b: &Opened) -> Report {
    let mut report = Report::default();
    let (ma, mb) = (a.ipsw.manifest(), b.ipsw.manifest());
    for (name, old, new) in [
        ("version", ma.version.clone(), mb.version.clone()),
        ("build", ma.build.clone(), mb.build.clone()),
        ("products", ma.products.join(", "), mb.products.join(", ")),
    ] {
        report.builds.extend(change(name, Some(old), Some(new), ""));
    }
    let old = by_place(args, &a.ipsw);
    let new = by_place(args, &b.ipsw);
    let places: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    let mut pairs = Vec::new();
    for place in places {
        let told = |i: &&Identity| i.variant.clone();
        let (x, y) = (old.get(place).copied(), new.get(place).copied());
        match (x, y) {
            (Some(x), Some(y)) => pairs.push((x, y)),
            _ => {
                let name = format!("{} {}", place.0, place.1);
                report.identities.extend(change(name, x.as_ref().map(told), y.as_ref().map(told), ""));
            }
        }
    }
    report.components = components(a, b, &pairs);
    files(a, b, &mut report);
    let jobs = a.jobs(args).min(b.jobs(args));
    // Of files that are the same nothing need be read.
    let changed = |(x, y): &(&Component, &Component)| {
        let entry = |o: &'_ Opened, c: &Component| o.ipsw.component_entry(c).map(|e| (e.size, e.crc32)).ok();
        let (p, q) = (entry(a, x), entry(b, y));
        match (p, q) {
            (Some((_, Some(_))), Some((_, Some(_)))) => p != q,
            // Files of a folder have no CRC-32: the manifests' word is all there is.
            _ => x.digest.is_none() || x.digest != y.digest || x.im4p_type != y.im4p_type,
        }
    };
    let mut kernels = of_both(&pairs, &["KernelCache", "RestoreKernelCache"]);
    kernels.retain(changed);
    report.kernels = parallel::map(jobs, &kernels, |(x, y)| kernel(a, b, x, y));
    let mut trees = of_both(&pairs, &["DeviceTree", "RestoreDeviceTree"]);
    trees.retain(changed);
    report.trees = parallel::map(jobs, &trees, |(x, y)| Trees {
        name: pair_name(x, y),
        differences: tree_pair(a, b, x, y),
    });
    report
}

/// Identities by board and way to install; of several of both, the first.
fn by_place<'i>(args: &Args, ipsw: &'i Ipsw) -> BTreeMap<(String, String), &'i Identity> {
    let mut all = BTreeMap::new();
    for i in ipsw.manifest().fitting(&args.choice()).unwrap_or_default() {
        all.entry((i.board.clone(), i.way().to_string())).or_insert(i);
    }
    all
}

/// A component's file and digest in words.
fn told(o: &Opened, c: &Component) -> String {
    let path = c.path.as_deref().unwrap_or("no file");
    let entry = c.path.as_deref().and_then(|p| o.ipsw.entry(p).ok());
    let size = entry.map_or(String::new(), |e| format!(", {} bytes", e.size));
    let digest = match (&c.digest, entry.and_then(|e| e.crc32)) {
        (Some(d), _) => {
            format!(", digest {}", d.iter().take(8).map(|b| format!("{b:02x}")).collect::<String>())
        }
        (None, Some(crc)) => format!(", CRC-32 {crc:08x}"),
        _ => String::new(),
    };
    format!("{path}{size}{digest}")
}

/// Components that differ, those that differ in the same way for several identities once.
fn components(a: &Opened, b: &Opened, pairs: &[(&Identity, &Identity)]) -> Vec<Change> {
    let mut found: BTreeMap<(String, Option<String>, Option<String>), Vec<String>> = BTreeMap::new();
    for (x, y) in pairs {
        let by_name = |i: &'_ Identity, o: &Opened| -> BTreeMap<String, (String, Option<Vec<u8>>)> {
            i.components.iter().map(|c| (c.name.clone(), (told(o, c), c.digest.clone()))).collect()
        };
        let (old, new) = (by_name(x, a), by_name(y, b));
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (p, q) = (old.get(name), new.get(name));
            if p == q {
                continue;
            }
            let key = (name.clone(), p.map(|p| p.0.clone()), q.map(|q| q.0.clone()));
            found.entry(key).or_default().push(format!("{} {}", x.board, x.way()));
        }
    }
    let all = found.into_iter().filter_map(|((name, old, new), whose)| {
        let same = whose.len() == pairs.len();
        change(name, old, new, &if same { String::new() } else { whose.join(", ") })
    });
    all.collect()
}

/// Files of the archives, compared by size and CRC-32 (of a folder, which has none, by size).
fn files(a: &Opened, b: &Opened, report: &mut Report) {
    let list = |o: &'_ Opened| -> BTreeMap<String, (u64, Option<u32>)> {
        let files = o.ipsw.entries().iter().filter(|e| !e.is_folder());
        files.map(|e| (e.name.clone(), (e.size, e.crc32))).collect()
    };
    let (old, new) = (list(a), list(b));
    let text = |(size, crc): &(u64, Option<u32>)| {
        format!("{size} bytes{}", crc.map_or(String::new(), |c| format!(", CRC-32 {c:08x}")))
    };
    for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        let (x, y) = (old.get(name), new.get(name));
        let unknown = |v: Option<&(u64, Option<u32>)>| v.is_some_and(|(_, crc)| crc.is_none());
        let same = match (x, y) {
            (Some(x), Some(y)) if unknown(Some(x)) || unknown(Some(y)) => x.0 == y.0,
            (x, y) => x == y,
        };
        if same {
            report.same_files += 1;
        } else {
            report.files.extend(change(name, x.map(text), y.map(text), ""));
        }
    }
}

/// Pairs of the files of a component, each once.
fn of_both<'i>(
    pairs: &[(&'i Identity, &'i Identity)],
    names: &[&str],
) -> Vec<(&'i Component, &'i Component)> {
    let mut found: Vec<(&Component, &Component)> = Vec::new();
    for (x, y) in pairs {
        let of =
            |i: &'i Identity| names.iter().find_map(|n| i.component(n).ok().filter(|c| c.path.is_some()));
        if let (Some(p), Some(q)) = (of(x), of(y))
            && !found.iter().any(|(r, s)| r.path == p.path && s.path == q.path)
        {
            found.push((p, q));
        }
    }
    found
}

fn pair_name(x: &Component, y: &Component) -> String {
    let (p, q) = (x.path.as_deref().unwrap_or_default(), y.path.as_deref().unwrap_or_default());
    if p == q { p.to_string() } else { format!("{p} -> {q}") }
}

/// A component's bytes without any wrapping.
fn unwrapped(o: &Opened, c: &Component) -> std::result::Result<Vec<u8>, String> {
    let path = c.path.as_deref().unwrap_or_default();
    let bytes = o.ipsw.read(path, MAX_COMPONENT).map_err(|e| e.to_string())?;
    let options = apple_wrap::Options { max_output: MAX_COMPONENT, ..apple_wrap::Options::default() };
    let opened = apple_wrap::open(&bytes, &options).map_err(|e| e.to_string())?;
    Ok(opened.payload.into_owned())
}

fn kernel(a: &Opened, b: &Opened, x: &Component, y: &Component) -> Kernel {
    let read =
        |o: &Opened, c: &Component| -> std::result::Result<(String, BTreeMap<String, String>), String> {
            let bytes = unwrapped(o, c)?;
            let kernel = KernelCache::parse(&bytes).map_err(|e| e.to_string())?;
            let version = kernel.version.as_ref().map_or("no version string".to_string(), |v| v.text.clone());
            let kexts = kernel.kexts(&bytes).map(|k| k.kexts).unwrap_or_default();
            let list = kexts.into_iter().map(|k| (k.id, k.version.unwrap_or_else(|| "no version".into())));
            Ok((version, list.collect()))
        };
    let (old, new) = (read(a, x), read(b, y));
    let version = |r: &std::result::Result<(String, BTreeMap<String, String>), String>| match r {
        Ok((version, _)) => Ok(version.clone()),
        Err(e) => Err(e.clone()),
    };
    let mut it = Kernel {
        name: pair_name(x, y),
        versions: [version(&old), version(&new)],
        kexts: Vec::new(),
        same_kexts: 0,
        problem: None,
    };
    let (Ok((_, old)), Ok((_, new))) = (old, new) else { return it };
    if old.is_empty() && new.is_empty() {
        it.problem = Some("no list of kexts in either".into());
    }
    for id in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match change(id, old.get(id).cloned(), new.get(id).cloned(), "") {
            Some(c) => it.kexts.push(c),
            None => it.same_kexts += 1,
        }
    }
    it
}

fn tree_pair(
    a: &Opened,
    b: &Opened,
    x: &Component,
    y: &Component,
) -> std::result::Result<Vec<Difference>, String> {
    let tree = |o: &Opened, c: &Component| Tree::parse(&unwrapped(o, c)?).map_err(|e| e.to_string());
    Ok(apple_dt::diff(&tree(a, x)?, &tree(b, y)?))
}

fn lines(text: &mut String, title: &str, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    text.push_str(&format!("\n{title}:\n"));
    for c in changes {
        let note = if c.note.is_empty() { String::new() } else { format!(" ({})", c.note) };
        let line = match (&c.old, &c.new) {
            (Some(old), Some(new)) => format!("  {}: {old} -> {new}{note}\n", c.name),
            (Some(old), None) => format!("- {}: {old}{note}\n", c.name),
            (None, Some(new)) => format!("+ {}: {new}{note}\n", c.name),
            (None, None) => String::new(),
        };
        text.push_str(&line);
    }
}

fn as_text(r: &Report, a: &Opened, b: &Opened, verbose: bool) -> String {
    let mut text = format!("--- {}\n+++ {}\n", a.name, b.name);
    if r.is_empty() {
        return String::new();
    }
    lines(&mut text, "builds", &r.builds);
    lines(&mut text, "identities", &r.identities);
    lines(&mut text, "components", &r.components);
    lines(&mut text, &format!("files ({} are the same)", r.same_files), &r.files);
    for k in &r.kernels {
        text.push_str(&format!("\nkernel {}:\n", k.name));
        match &k.versions {
            [Ok(old), Ok(new)] if old == new => text.push_str(&format!("  {old}\n")),
            [old, new] => {
                for (mark, version) in [('-', old), ('+', new)] {
                    let told = version.as_ref().map_or_else(|e| format!("cannot be read: {e}"), Clone::clone);
                    text.push_str(&format!("{mark} {told}\n"));
                }
            }
        }
        match &k.problem {
            Some(p) => text.push_str(&format!("  kexts: {p}\n")),
            None => {
                lines(&mut text, &format!("kexts of {} ({} are the same)", k.name, k.same_kexts), &k.kexts)
            }
        }
    }
    for t in &r.trees {
        text.push_str(&format!("\ndevice tree {}:\n", t.name));
        match &t.differences {
            Err(e) => text.push_str(&format!("  cannot be compared: {e}\n")),
            Ok(list) if list.is_empty() => text.push_str("  no difference\n"),
            Ok(list) => {
                let most = if verbose { list.len() } else { SHOWN };
                list.iter().take(most).for_each(|d| text.push_str(&d.to_string()));
                if list.len() > most {
                    text.push_str(&format!("  ... and {} more (-v shows all)\n", list.len() - most));
                }
            }
        }
    }
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn as_json(r: &Report, a: &Opened, b: &Opened) -> String {
    let list = |changes: &[Change]| -> Vec<Value> {
        let one = |c: &Change| {
            json!({"change": c.what, "name": c.name, "old": c.old, "new": c.new,
                "of": if c.note.is_empty() { None } else { Some(&c.note) }})
        };
        changes.iter().map(one).collect()
    };
    let side = |v: &std::result::Result<String, String>| match v {
        Ok(version) => json!({"version": version}),
        Err(e) => json!({"error": e}),
    };
    let kernel = |k: &Kernel| {
        let [old, new] = &k.versions;
        json!({"path": k.name, "old": side(old), "new": side(new), "kexts": list(&k.kexts), "same_kexts": k.same_kexts,
            "problem": k.problem})
    };
    let tree = |t: &Trees| match &t.differences {
        Err(e) => json!({"path": t.name, "error": e}),
        Ok(all) => {
            let one =
                |d: &Difference| json!({"path": d.path, "property": d.property, "old": d.old, "new": d.new});
            json!({"path": t.name, "differences": all.iter().map(one).collect::<Vec<_>>()})
        }
    };
    let all = json!({
        "old": a.name,
        "new": b.name,
        "same": r.is_empty(),
        "builds": list(&r.builds),
        "identities": list(&r.identities),
        "components": list(&r.components),
        "files": list(&r.files),
        "same_files": r.same_files,
        "kernels": r.kernels.iter().map(kernel).collect::<Vec<_>>(),
        "device_trees": r.trees.iter().map(tree).collect::<Vec<_>>(),
    });
    format!("{all:#}\n")
}
