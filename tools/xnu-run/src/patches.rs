//! `--patch`, `--patch-file`, `--list-patches` and `--hook`: places in the kernel, found by pattern.

use std::fmt::Write as _;
use std::path::Path;

use apple_kc::KernelCache;
use cli::{Code, Error, Io, Status};
use machine::hook::{Action, Hook};
use machine::trace::Log;
use xnu_patch::{Catalog, Edit, Image, Locator, Outcome, Patch, Report};

use crate::Args;
use crate::source::Named;

/// Largest patch file.
const LIMIT: u64 = 1 << 20;
/// Most places that one hook may name.
const MOST_PLACES: usize = 256;

/// The built-in patches and those of the user's files; a folder stands for its .toml files.
///
/// # Errors
/// Files that cannot be read or understood.
pub fn catalog(args: &Args) -> Result<Catalog, Error> {
    let mut catalog = Catalog::builtin().map_err(|e| Error::new(Code::Damaged, e))?;
    for path in &args.patch_file {
        let failed = |e| Error::io(path.display(), e);
        let mut files = vec![path.clone()];
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(failed)?;
            files = entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().map_err(failed)?;
            files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
            files.sort();
            if files.is_empty() {
                return Err(Error::not_found(path.display(), "no .toml files in this folder"));
            }
        }
        for file in files {
            let text = read(&file)?;
            catalog.add(&file.display().to_string(), &text).map_err(|e| Error::new(Code::Damaged, e))?;
        }
    }
    Ok(catalog)
}

fn read(file: &Path) -> Result<String, Error> {
    let failed = |e| Error::io(file.display(), e);
    if std::fs::metadata(file).map_err(failed)?.len() > LIMIT {
        return Err(Error::usage(format_args!("{}: too large for a patch file", file.display())));
    }
    std::fs::read_to_string(file).map_err(failed)
}

/// `--list-patches`: what there is, and with a kernel what of it would match.
///
/// # Errors
/// A kernel that is none.
pub fn list(args: &Args, kernel: Option<&Named>, io: &Io) -> Result<Status, Error> {
    let catalog = catalog(args)?;
    let chosen: Vec<&Patch> = match args.patch.as_slice() {
        [] => catalog.patches.iter().collect(),
        names => catalog.chosen(names).map_err(Error::usage)?,
    };
    let Some(kernel) = kernel else {
        io.print(&if args.json { json(&catalog, None) } else { names(&catalog, &chosen) })?;
        return Ok(Status::Done);
    };
    let reports =
        with_image(kernel, |image| chosen.iter().map(|p| xnu_patch::look(p, image)).collect::<Vec<_>>())?;
    io.print(&if args.json { json(&catalog, Some(&reports)) } else { reports.iter().map(text).collect() })?;
    Ok(Status::Done)
}

fn with_image<T>(kernel: &Named, with: impl FnOnce(&Image<'_>) -> T) -> Result<T, Error> {
    let bytes = kernel.media.to_vec(cli::MAX_COMPONENT).map_err(|e| Error::io(&kernel.name, e))?;
    let parsed = KernelCache::parse(&bytes).map_err(|e| Error::damaged(&kernel.name, e))?;
    let inner = Image::inner(&parsed, &bytes);
    Ok(with(&Image::new(&parsed, &bytes, &inner)))
}

fn names(catalog: &Catalog, chosen: &[&Patch]) -> String {
    let mut out = String::new();
    for p in chosen {
        let _ = writeln!(out, "{:<20} {}", p.name, p.what);
    }
    for s in &catalog.sets {
        let _ = writeln!(out, "{:<20} {}: {}", s.name, s.what, s.patches.join(", "));
    }
    out
}

/// A report as text: a line, its places, what would be written there.
fn text(report: &Report) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:<20} {}: {}", report.name, report.outcome.text(), report.what);
    for hit in &report.hits {
        let module = hit.module.as_deref().unwrap_or("?");
        let _ = writeln!(out, "    {:#x} in {module}, variant {:?}", hit.address, hit.variant);
        for e in &hit.edits {
            let _ = writeln!(out, "        {:#x} {}", e.address, change(e));
        }
    }
    if let Some(instead) = &report.instead {
        let _ = writeln!(out, "    without it: {instead}");
    }
    for note in &report.notes {
        let _ = writeln!(out, "    {note}");
    }
    out
}

/// An edit in words: instructions if it is one, else the text.
fn change(edit: &Edit) -> String {
    match (edit.old.first_chunk::<4>(), edit.new.first_chunk::<4>()) {
        (Some(old), Some(new)) if edit.old.len() == 4 => {
            let show = |word: &[u8; 4]| {
                let word = u32::from_le_bytes(*word);
                format!("{word:08x} {}", a64::disassemble(word, edit.address))
            };
            format!("{} -> {}", show(old), show(new))
        }
        _ => format!("\"{}\" -> \"{}\"", edit.old.escape_ascii(), edit.new.escape_ascii()),
    }
}

fn json(catalog: &Catalog, reports: Option<&[Report]>) -> String {
    let sets: Vec<_> = catalog
        .sets
        .iter()
        .map(|s| serde_json::json!({ "name": s.name, "what": s.what, "patches": s.patches }))
        .collect();
    let patches = match reports {
        Some(reports) => serde_json::json!(reports),
        None => catalog
            .patches
            .iter()
            .map(|p| serde_json::json!({ "name": p.name, "what": p.what, "instead": p.instead, "source": p.source }))
            .collect(),
    };
    format!("{:#}\n", serde_json::json!({ "patches": patches, "sets": sets }))
}

/// What `--patch` writes into the kernel: addresses without slide.
///
/// # Errors
/// Unknown names; a patch asked for by its own name whose place is not found, or found too often. Members of sets may be
/// missing, as long as one of them is there.
pub fn edits(args: &Args, kernel: Option<&Named>, io: &Io) -> Result<Vec<Edit>, Error> {
    if args.patch.is_empty() {
        return Ok(Vec::new());
    }
    let catalog = catalog(args)?;
    let kernel = kernel.ok_or_else(|| Error::usage("--patch: there is no kernel"))?;
    let mut all = Vec::new();
    for name in &args.patch {
        let chosen = catalog.chosen(&[name]).map_err(|e| Error::usage(format_args!("--patch: {e}")))?;
        let alone = catalog.patches.iter().any(|p| p.name == *name);
        let reports =
            with_image(kernel, |image| chosen.iter().map(|p| xnu_patch::look(p, image)).collect::<Vec<_>>())?;
        let mut done = 0;
        for report in &reports {
            let fail = |why: &str| {
                let places = report.hits.iter().map(|h| format!("{:#x}", h.address)).collect::<Vec<_>>();
                let places =
                    if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
                let patch = &report.name;
                Error::not_found(
                    &kernel.name,
                    format_args!("--patch {patch}: its place is {why}{places}; see --list-patches"),
                )
            };
            match report.outcome {
                Outcome::Found => {
                    done += 1;
                    for hit in &report.hits {
                        io.verbose(format_args!(
                            "patch {} at {:#x}: {}",
                            report.name, hit.address, report.what
                        ));
                    }
                    all.extend(report.edits().cloned());
                }
                Outcome::Already => {
                    done += 1;
                    io.verbose(format_args!("patch {}: done already", report.name));
                }
                Outcome::Ambiguous => return Err(fail(Outcome::Ambiguous.text())),
                missing if alone => return Err(fail(missing.text())),
                missing => {
                    io.verbose(format_args!("patch {} of set {name}: {}", report.name, missing.text()))
                }
            }
        }
        if done == 0 {
            return Err(Error::not_found(
                &kernel.name,
                format_args!("--patch {name}: no place of this set is there; see --list-patches"),
            ));
        }
    }
    Ok(all)
}

/// The kexts of a kernel by address, with slide; none of what is no Mach-O.
pub fn modules(kernel: Option<&Named>, slide: u64) -> Vec<diagnosis::Module> {
    let all = kernel.and_then(|k| with_image(k, |image| image.modules().to_vec()).ok()).unwrap_or_default();
    let slid = |m: xnu_patch::Module| diagnosis::Module {
        name: m.name,
        ranges: m.ranges.into_iter().map(|(a, b)| (a.wrapping_add(slide), b.wrapping_add(slide))).collect(),
    };
    all.into_iter().map(slid).collect()
}

/// The hooks of `--hook`, at addresses with slide.
///
/// # Errors
/// Specifications that cannot be understood, places that are not in the kernel.
pub fn hooks(args: &Args, kernel: Option<&Named>, slide: u64, log: &Log) -> Result<Vec<Hook>, Error> {
    let mut hooks = Vec::new();
    for text in &args.hook {
        let usage = |e: String| Error::usage(format_args!("--hook {text:?}: {e}"));
        let (place, actions) = text.split_once(':').ok_or_else(|| usage("PLACE: ACTIONS".into()))?;
        let locator = Locator::parse(place.trim()).map_err(usage)?;
        let (actions, left) = Action::parse_list(actions).map_err(usage)?;
        let places = match (locator.address(), kernel) {
            // Programs and firmware have addresses, too.
            (Some(address), _) => vec![address],
            (None, Some(kernel)) => with_image(kernel, |image| xnu_patch::locate(&locator, image))?
                .into_iter()
                .map(|a| a.wrapping_add(slide))
                .collect(),
            (None, None) => return Err(usage("there is no kernel to look into".into())),
        };
        if places.is_empty() || places.len() > MOST_PLACES {
            let why = format!("{} places, rather than one or a few", places.len());
            return Err(Error::new(Code::NotFound, format_args!("--hook {text:?}: {why}")));
        }
        let hook = |address| Hook {
            address,
            name: place.trim().into(),
            actions: actions.clone(),
            left,
            log: log.clone(),
        };
        hooks.extend(places.into_iter().map(hook));
    }
    Ok(hooks)
}
