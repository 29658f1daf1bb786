//! What `-l` and `--json` show.

use crate::{Args, failed};
use apple_ipsw::{Component, Entry, Identity, Ipsw, Method};
use cli::{Io, Result};
use serde_json::{Value, json};
use std::fmt::Write;

/// Prints the list.
pub fn run(args: &Args, io: &Io, name: &str, ipsw: &Ipsw) -> Result<()> {
    let fitting = match ipsw.manifest().fitting(&args.choice()) {
        Err(_) if ipsw.manifest().identities.is_empty() => Vec::new(),
        fitting => fitting.map_err(|e| failed(name, e))?,
    };
    if args.json {
        let mut text = serde_json::to_string_pretty(&as_json(ipsw, &fitting)).unwrap_or_default();
        text.push('\n');
        return io.print(&text);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = as_text(args, io.verbosity() > 0, name, ipsw, &fitting, &mut text);
    io.print(&printable(&text))
}

/// Texts of a manifest may hold anything; a terminal must not obey it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The name of a digest by its length.
fn algorithm(digest: &[u8]) -> &'static str {
    match digest.len() {
        20 => "sha1",
        32 => "sha256",
        48 => "sha384",
        _ => "unknown",
    }
}

/// The entry of a component, also when a pipe has passed over it.
fn entry<'a>(ipsw: &'a Ipsw, c: &Component) -> Option<&'a Entry> {
    let path = c.path.as_deref()?;
    ipsw.entry(path).ok().or_else(|| ipsw.passed().iter().find(|e| e.name == path))
}

fn as_text(
    args: &Args,
    verbose: bool,
    name: &str,
    ipsw: &Ipsw,
    fitting: &[&Identity],
    out: &mut String,
) -> std::fmt::Result {
    let m = ipsw.manifest();
    writeln!(out, "{name}: {} ({}) for {}", m.version, m.build, m.products.join(", "))?;
    if let Some(restore) = ipsw.restore() {
        for d in &restore.devices {
            let id = |n: Option<u64>| n.map_or("?".into(), |n| format!("{n:#x}"));
            writeln!(
                out,
                "device {} ({}), chip {}, board {}",
                d.board,
                d.platform,
                id(d.chip_id),
                id(d.board_id)
            )?;
        }
        for (image, system) in &restore.file_systems {
            writeln!(out, "disk image {image}: {system}")?;
        }
    }
    writeln!(out, "\nidentities:\n   #  BOARD     CHIP    VARIANT")?;
    for i in fitting {
        let chip = i.chip_id.map_or("?".into(), |n| format!("{n:#06x}"));
        writeln!(out, "{:>4}  {:<8}  {chip}  {}", i.index, i.board, i.variant)?;
    }
    // One identity's components, unless the user wants all or has chosen.
    let chosen = m.choose(&args.choice(), &[]).ok();
    for i in fitting.iter().filter(|i| verbose || chosen.is_none_or(|c| c.index == i.index)) {
        writeln!(out, "\ncomponents of identity {} ({}, {}):", i.index, i.board, i.way())?;
        let width = i.components.iter().map(|c| c.name.len()).max().unwrap_or(0).min(40);
        for c in &i.components {
            let size = entry(ipsw, c).map_or("-".into(), |e| e.size.to_string());
            let path = c.path.as_deref().unwrap_or("(no file)");
            let kind = c.im4p_type.as_deref().unwrap_or("-");
            write!(out, "  {:<width$}  {kind:<4}  {size:>11}  {path}", c.name)?;
            if let Some(d) = &c.digest {
                let digits = if verbose { hex(d) } else { hex(d.get(..8).unwrap_or(d)) + "..." };
                write!(out, "  {}:{digits}", algorithm(d))?;
            }
            writeln!(out)?;
        }
    }
    if !verbose && fitting.len() > 1 {
        writeln!(out, "\n(-v lists the components of all identities)")?;
    }
    if args.files {
        writeln!(out, "\nfiles:\n       SIZE      PACKED  CRC-32    PATH")?;
        for e in all_files(ipsw) {
            let crc = e.crc32.map_or("-       ".into(), |c| format!("{c:08x}"));
            writeln!(out, "{:>11} {:>11}  {crc}  {}", e.size, e.packed_size, e.name)?;
        }
    }
    Ok(())
}

fn all_files(ipsw: &Ipsw) -> impl Iterator<Item = &Entry> {
    ipsw.entries().iter().chain(ipsw.passed()).filter(|e| !e.is_folder())
}

fn as_json(ipsw: &Ipsw, fitting: &[&Identity]) -> Value {
    let m = ipsw.manifest();
    let devices = ipsw.restore().map(|r| {
        let device = |d: &apple_ipsw::Device| {
            json!({ "board": d.board, "board_id": d.board_id, "chip_id": d.chip_id, "platform": d.platform })
        };
        r.devices.iter().map(device).collect::<Vec<_>>()
    });
    let component = |c: &Component| {
        json!({
            "name": c.name,
            "path": c.path,
            "size": entry(ipsw, c).map(|e| e.size),
            "im4p_type": c.im4p_type,
            "digest": c.digest.as_deref().map(hex),
            "digest_algorithm": c.digest.as_deref().map(algorithm),
            "trusted": c.trusted,
            "firmware": c.is_firmware,
            "fud_firmware": c.is_fud,
            "build_string": c.build_string,
        })
    };
    let identity = |i: &&Identity| {
        json!({
            "index": i.index,
            "board": i.board,
            "board_id": i.board_id,
            "chip_id": i.chip_id,
            "security_domain": i.security_domain,
            "product": i.product,
            "behavior": i.behavior,
            "variant": i.variant,
            "build": i.build,
            "train": i.train,
            "components": i.components.iter().map(component).collect::<Vec<_>>(),
        })
    };
    let file = |e: &Entry| {
        json!({
            "path": e.name,
            "size": e.size,
            "packed_size": e.packed_size,
            "crc32": e.crc32.map(|c| format!("{c:08x}")),
            "method": match e.method {
                Method::Stored => "stored".into(),
                Method::Deflate => "deflate".into(),
                Method::Other(n) => n.to_string(),
            },
            "symlink": e.is_symlink,
        })
    };
    json!({
        "version": m.version,
        "build": m.build,
        "products": m.products,
        "devices": devices,
        "identities": fitting.iter().map(identity).collect::<Vec<_>>(),
        "files": all_files(ipsw).map(file).collect::<Vec<_>>(),
    })
}
