//! `fixups`: chained pointers resolved, or listed.

use crate::args::Fixups as Args;
use crate::load::{self, kernel_error};
use crate::report::pretty;
use apple_kc::{Auth, Fixup, Target};
use cli::{Error, Io, Result, Status};
use serde_json::{Value, json};
use std::io::Write;

/// Writes the resolved kernel, or the list of its pointers.
pub fn run(args: &Args, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let place = loaded.place();
    let fail = |e: apple_kc::Error| kernel_error(place.clone(), &e);
    let (opened, kernel) = loaded.kernel(&args.unwrap, io)?;
    if !args.list {
        let mut bytes = opened.payload.into_owned();
        resolve(&kernel, &mut bytes, &place, io)?;
        load::write(io, args.output.as_deref(), &bytes)?;
        return Ok(Status::Done);
    }
    if !kernel.has_fixups() {
        return Err(Error::not_found(place, "no chained pointers: this kernel has plain ones"));
    }
    let bytes = &opened.payload[..];
    let mut fixups = kernel.fixups(bytes).map_err(fail)?;
    if args.json {
        let formats: Vec<&str> = fixups.formats().iter().map(|f| f.name()).collect();
        let mut all = Vec::new();
        while let Some(fixup) = fixups.next(bytes) {
            all.push(as_json(&fixup.map_err(fail)?));
        }
        io.print(&pretty(
            &json!({ "file": loaded.name, "part": loaded.part, "formats": formats, "fixups": all }),
        ))?;
        return Ok(Status::Done);
    }
    // A cache has a million of them: they are written as they come.
    let out = io.text_output(None)?;
    let name = out.name().to_string();
    let mut out = std::io::BufWriter::new(out);
    let failed = |e| Error::io(&name, e);
    writeln!(out, "address            target             signed").map_err(failed)?;
    while let Some(fixup) = fixups.next(bytes) {
        let fixup = fixup.map_err(fail)?;
        let target = match fixup.target {
            Target::Address(a) => format!("{a:#018x}"),
            Target::Collection(level, offset) => format!("collection {level} + {offset:#x}"),
            Target::Import(n) => format!("import {n}"),
        };
        let auth =
            fixup.auth.map_or(String::new(), |a| format!("{} {:#06x}{}", key(a), a.diversity, diversity(a)));
        writeln!(out, "{}", format!("{:#018x} {target:<18} {auth}", fixup.vmaddr).trim_end())
            .map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(Status::Done)
}

/// Resolves the pointers of a kernel and says how many.
pub fn resolve(kernel: &apple_kc::KernelCache, bytes: &mut [u8], place: &str, io: &Io) -> Result<()> {
    let done = kernel.resolve_fixups(bytes).map_err(|e| kernel_error(place.to_string(), &e))?;
    if done.formats.is_empty() {
        io.warn(format_args!("{place}: no chained pointers: the kernel is written as it is"));
    } else {
        io.verbose(format_args!(
            "{place}: {} pointers resolved, {} of them signed ({})",
            done.pointers,
            done.signed,
            done.formats.join(", ")
        ));
    }
    if done.elsewhere > 0 {
        io.warn(format_args!("{place}: {} pointers into other collections stay as they are", done.elsewhere));
    }
    Ok(())
}

fn key(a: Auth) -> &'static str {
    match a.key {
        0 => "IA",
        1 => "IB",
        2 => "DA",
        _ => "DB",
    }
}

fn diversity(a: Auth) -> &'static str {
    if a.address_diversity { " address" } else { "" }
}

fn as_json(f: &Fixup) -> Value {
    let (target, collection, import) = match f.target {
        Target::Address(a) => (Some(format!("{a:#x}")), None, None),
        Target::Collection(level, offset) => (Some(format!("{offset:#x}")), Some(level), None),
        Target::Import(n) => (None, None, Some(n)),
    };
    json!({
        "address": format!("{:#x}", f.vmaddr),
        "fileoff": f.offset,
        "target": target,
        "collection": collection,
        "import": import,
        "auth": f.auth.map(|a| json!({
            "key": key(a), "diversity": a.diversity, "address_diversity": a.address_diversity
        })),
    })
}
