//! What an image holds.

use crate::{Args, failed};
use bootimg::{Header, Part};
use cli::{Io, Result};
use serde_json::{Value, json};
use std::fmt::Write;

/// Prints the list. Only the header is needed; the rest of a pipe is read so that its writer can finish.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let fail = |e| failed(&name, e);
    let header = if let Some(mut file) = input.seekable() {
        let header = Header::read(&mut file).map_err(fail)?;
        let len = file.metadata().map_err(|e| cli::Error::io(&name, e))?.len();
        header.check_len(len).map_err(fail)?;
        header
    } else {
        let mut reader = bootimg::Reader::new(input).map_err(fail)?;
        let header = reader.header().clone();
        while reader.next_part().map_err(fail)?.is_some() {}
        reader.drain().map_err(fail)?;
        header
    };
    if args.json {
        let mut text = serde_json::to_string_pretty(&as_json(&header)).unwrap_or_default();
        text.push('\n');
        return io.print(&text);
    }
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = as_text(&name, io.verbosity() > 0, &header, &mut text);
    io.print(
        &text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect::<String>(),
    )
}

fn as_text(name: &str, verbose: bool, h: &Header, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{name}: {}", h.description)?;
    writeln!(out, "header {} bytes, {} parts, timestamp {}\n", h.len, h.parts.len(), h.timestamp)?;
    let width = h.parts.iter().map(|p| p.name.len()).max().unwrap_or(0).clamp(4, 40);
    writeln!(out, "{:<width$}  {:<10}  {:>10}  {:>11}  TYPE  FORMAT", "PART", "KIND", "OFFSET", "SIZE")?;
    for p in &h.parts {
        let (kind, t) = (p.kind.name(), p.im4p_type.as_deref().unwrap_or("-"));
        let format = p.format.as_deref().unwrap_or("-");
        write!(out, "{:<width$}  {kind:<10}  {:>#10x}  {:>11}  {t:<4}  {format}", p.name, p.offset, p.size)?;
        if p.compression != "none" {
            write!(out, ", compressed with {} by FIT", p.compression)?;
        }
        writeln!(out, "{}", if p.is_mappable() { "" } else { " (not on a 16 KiB page)" })?;
        for d in p.digests.iter().filter(|_| verbose) {
            writeln!(out, "{:width$}  {d}", "")?;
        }
        for (what, text) in details(p).iter().filter(|_| verbose) {
            writeln!(out, "{:width$}  {what}: {text}", "")?;
        }
    }
    for c in &h.configurations {
        let mark = if h.default.as_deref() == Some(&c.name) { " (default)" } else { "" };
        writeln!(out, "\nconfiguration {}{mark}: {}", c.name, c.description)?;
        writeln!(out, "  parts: {}", c.parts.join(", "))?;
        let lines = [("machine", &c.machine), ("boot arguments", &c.bootargs)];
        for (what, text) in lines.iter().filter_map(|(w, t)| t.as_ref().map(|t| (w, t))) {
            writeln!(out, "  {what}: {text}")?;
        }
    }
    Ok(())
}

/// What is only shown on request.
fn details(p: &Part) -> Vec<(&'static str, String)> {
    let hex = |n: u64| format!("{n:#x}");
    let all = [
        ("description", Some(p.description.clone()).filter(|d| !d.is_empty())),
        ("source", p.source.clone()),
        ("IM4P description", p.im4p_description.clone()),
        ("load address", p.load.map(hex)),
        ("entry point", p.entry.map(hex)),
        ("digests not checked", Some(p.unknown_digests.join(", ")).filter(|d| !d.is_empty())),
    ];
    all.into_iter().filter_map(|(w, t)| t.map(|t| (w, t))).collect()
}

fn as_json(h: &Header) -> Value {
    let part = |p: &Part| {
        let digests: serde_json::Map<String, Value> =
            p.digests.iter().map(|d| (d.algorithm.name().to_string(), d.hex().into())).collect();
        json!({
            "name": p.name,
            "kind": p.kind.name(),
            "offset": p.offset,
            "size": p.size,
            "digests": digests,
            "format": p.format,
            "im4p_type": p.im4p_type,
            "im4p_description": p.im4p_description,
            "description": p.description,
            "source": p.source,
            "fit_type": p.fit_type,
            "compression": p.compression,
            "load": p.load,
            "entry": p.entry,
        })
    };
    let configuration = |c: &bootimg::Configuration| {
        json!({
            "name": c.name,
            "description": c.description,
            "parts": c.parts,
            "bootargs": c.bootargs,
            "machine": c.machine,
            "build": c.build,
            "product": c.product,
        })
    };
    json!({
        "description": h.description,
        "timestamp": h.timestamp,
        "header_size": h.len,
        "default": h.default,
        "bootargs": h.bootargs,
        "machine": h.machine,
        "parts": h.parts.iter().map(part).collect::<Vec<_>>(),
        "configurations": h.configurations.iter().map(configuration).collect::<Vec<_>>(),
    })
}
