//! `kexts`, and the kexts of `extract`.

use crate::args::{Extract, Kexts as Args, Unwrap};
use crate::load::{self, Loaded, kernel_error, safe_name};
use crate::report::{clean, pretty, uuid};
use apple_kc::{KernelCache, Kext, Kexts};
use cli::{Error, Io, Result, Status};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Lists kexts, or takes them out when an output is named.
pub fn run(args: &Args, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    if args.output.is_some() || !args.extract.is_empty() {
        let ids = [&args.extract[..], &args.ids].concat();
        return take_out(loaded, &ids, args.output.as_deref(), args.no_fixups, &args.unwrap, io);
    }
    list(&loaded, &args.ids, args.json, &args.unwrap, io)
}

/// Takes kexts out for `extract`.
pub fn extract(args: &Extract, loaded: Loaded, io: &Io) -> Result<Status> {
    let ids = [&args.ids[..], &args.kext].concat();
    take_out(loaded, &ids, args.output.as_deref(), args.no_fixups, &args.unwrap, io)
}

/// Prints the list; what could not be read is an error after it.
pub fn list(loaded: &Loaded, ids: &[String], as_json: bool, unwrap: &Unwrap, io: &Io) -> Result<Status> {
    let place = loaded.place();
    let (opened, kernel) = loaded.look(unwrap, io)?;
    let list = kernel.kexts(&opened.payload).map_err(|e| kernel_error(place.clone(), &e))?;
    let kexts = wanted(&list, ids).map_err(|e| kernel_error(place.clone(), &e))?;
    let text = if as_json {
        let all: Vec<Value> = kexts.iter().map(|k| json(k)).collect();
        pretty(&json!({
            "file": loaded.name,
            "part": loaded.part,
            "layout": kernel.layout.name(),
            "declared": list.declared,
            "kexts": all,
            "problems": list.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }))
    } else {
        text(&kexts)
    };
    if as_json || !kexts.is_empty() {
        io.print(&text)?;
    }
    problems(&list, &place)?;
    let code = list.kexts.iter().filter(|k| k.has_code()).count();
    io.verbose(format_args!("{place}: {} kexts, {code} with code of their own", list.kexts.len()));
    Ok(Status::Done)
}

/// What could not be read, as one error.
fn problems(list: &Kexts, place: &str) -> Result<()> {
    let Some(first) = list.problems.first() else { return Ok(()) };
    let error = kernel_error(place.to_string(), first);
    match list.declared.filter(|n| *n > list.kexts.len() as u64) {
        Some(n) => Err(Error::new(
            error.code(),
            format_args!("{place}: {} of {n} kexts could be listed: {first}", list.kexts.len()),
        )),
        None => Err(error),
    }
}

fn wanted<'k>(list: &'k Kexts, ids: &[String]) -> apple_kc::Result<Vec<&'k Kext>> {
    if ids.is_empty() {
        return Ok(list.kexts.iter().collect());
    }
    ids.iter().map(|id| list.find(id)).collect()
}

fn hex(v: Option<u64>) -> Option<String> {
    v.map(|v| format!("{v:#x}"))
}

fn json(k: &Kext) -> Value {
    json!({
        "id": k.id,
        "version": k.version,
        "vmaddr": hex(k.vmaddr),
        "fileoff": k.fileoff,
        "size": k.size,
        "uuid": k.uuid.as_ref().map(uuid),
        "kmod_info": hex(k.kmod_info),
        "start": hex(k.start),
        "stop": hex(k.stop),
        "module": k.module,
        "path": k.path,
        "executable": k.executable,
        "libraries": k.libraries,
    })
}

fn text(kexts: &[&Kext]) -> String {
    let version = |k: &Kext| k.version.as_deref().unwrap_or("-").chars().count();
    let width = kexts.iter().map(|k| version(k)).max().unwrap_or(0).clamp(7, 24);
    let mut text = format!("{:<18} {:>10} {:<width$} identifier\n", "address", "size", "version");
    for k in kexts {
        let (address, size) = match k.vmaddr.filter(|_| k.has_code()) {
            Some(a) => (format!("{a:#018x}"), format!("{:#x}", k.size)),
            None => ("-".into(), "-".into()),
        };
        let version = clean(k.version.as_deref().unwrap_or("-"));
        text.push_str(&format!("{address:<18} {size:>10} {version:<width$} {}\n", clean(&k.id)));
    }
    text
}

/// Where an extracted kext goes.
fn target(output: Option<&Path>, one: bool, id: &str, place: &str) -> Result<Option<PathBuf>> {
    match output {
        Some(folder) if !one || folder.is_dir() => Ok(Some(folder.join(safe_name(id, place)?))),
        output => Ok(output.map(Path::to_path_buf)),
    }
}

fn take_out(
    loaded: Loaded,
    ids: &[String],
    output: Option<&Path>,
    no_fixups: bool,
    unwrap: &Unwrap,
    io: &Io,
) -> Result<Status> {
    let place = loaded.place();
    let fail = |e: apple_kc::Error| kernel_error(place.clone(), &e);
    let one = ids.len() == 1;
    if !one && output.is_none_or(|o| o.as_os_str() == "-") {
        return Err(Error::usage("several kexts go into a folder: name one with -o DIR"));
    }
    let (opened, kernel) = loaded.kernel(unwrap, io)?;
    let mut bytes = opened.payload;
    if !no_fixups && kernel.has_fixups() {
        kernel.resolve_fixups(bytes.to_mut()).map_err(|e| {
            let e = fail(e);
            Error::new(e.code(), format_args!("{e} (--no-fixups takes kexts out with pointers as they are)"))
        })?;
    }
    let kernel = KernelCache::parse(&bytes).map_err(fail)?;
    let list = kernel.kexts(&bytes).map_err(fail)?;
    let kexts = wanted(&list, ids).map_err(fail)?;
    let kexts: Vec<&Kext> =
        if ids.is_empty() { kexts.into_iter().filter(|k| k.has_code()).collect() } else { kexts };
    if let (Some(folder), false) = (output, one) {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    }
    // Kexts do not share segments: together they are not much longer than the cache.
    let mut left = most(bytes.len());
    for kext in &kexts {
        let image = kernel.extract_kext(&bytes, kext).map_err(fail)?;
        left = left.checked_sub(image.len()).ok_or_else(|| overlapping(&place))?;
        let target = target(output, one, &kext.id, &place)?;
        if let Some(path) = target.as_deref().filter(|p| p.symlink_metadata().is_ok_and(|m| m.is_symlink())) {
            let message = format_args!("{}: is a link; nothing is written through it", path.display());
            return Err(Error::new(cli::Code::Io, message));
        }
        load::write(io, target.as_deref(), &image)?;
        io.verbose(format_args!("{place}: {}, {} bytes", clean(&kext.id), image.len()));
    }
    problems(&list, &place)?;
    if kexts.is_empty() {
        return Err(Error::not_found(place, "no kext with code of its own"));
    }
    Ok(Status::Done)
}

/// The most that all kexts of a cache together may be: four times the cache, and room for page boundaries.
pub fn most(cache: usize) -> usize {
    cache.saturating_mul(4).saturating_add(256 << 20)
}

/// The error for kexts that are longer than [`most`].
pub fn overlapping(place: &str) -> Error {
    Error::damaged(place, "its kexts are together many times longer than the cache: they overlap")
}
