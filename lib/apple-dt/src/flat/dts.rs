//! Device tree source: what `dtc -O dts` writes and `dtc -I dts` reads.

use super::parse;
use super::{Flat, FlatNode};
use crate::Result;
use alloc::string::String;
use core::fmt::Write;

/// Whether bytes are device tree source: the first thing that is no blank or comment is `/dts-v1/`.
pub fn is_dts(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let valid = match core::str::from_utf8(head) {
        Ok(s) => s,
        Err(e) => core::str::from_utf8(head.get(..e.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    };
    parse::starts(valid)
}

/// The tree as source, which compiles to the identical properties.
pub fn to_dts(flat: &Flat) -> String {
    let mut out = String::from("/dts-v1/;\n\n");
    for (address, size) in &flat.reservations {
        _ = writeln!(out, "/memreserve/ {address:#x} {size:#x};");
    }
    node(&mut out, &flat.root, 0);
    out
}

/// Reads source: labels and references, `/bits/`, expressions, `/delete-node/` and `/delete-property/`, nodes given
/// piece by piece. What the preprocessor and `/include/` bring must have been put in before.
///
/// # Errors
/// [`crate::Error::Syntax`] with line and column.
pub fn from_dts(text: &str) -> Result<Flat> {
    parse::parse(text)
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push('\t');
    }
}

fn node(out: &mut String, it: &FlatNode, depth: usize) {
    indent(out, depth);
    out.push_str(if depth == 0 { "/" } else { &it.name });
    out.push_str(" {\n");
    for (name, value) in &it.properties {
        indent(out, depth.saturating_add(1));
        out.push_str(name);
        if !value.is_empty() {
            out.push_str(" = ");
            write_value(out, value);
        }
        out.push_str(";\n");
    }
    for (i, child) in it.children.iter().enumerate() {
        if i > 0 || !it.properties.is_empty() {
            out.push('\n');
        }
        node(out, child, depth.saturating_add(1));
    }
    indent(out, depth);
    out.push_str("};\n");
}

/// Texts, cells or bytes, whatever shows it best.
fn write_value(out: &mut String, value: &[u8]) {
    if let Some(body) = value.strip_suffix(&[0]).filter(|b| is_texts(b)) {
        for (i, text) in body.split(|b| *b == 0).enumerate() {
            out.push_str(if i > 0 { ", \"" } else { "\"" });
            for &b in text {
                match b {
                    b'\n' => out.push_str("\\n"),
                    b'\t' => out.push_str("\\t"),
                    b'"' => out.push_str("\\\""),
                    b'\\' => out.push_str("\\\\"),
                    _ => out.push(char::from(b)),
                }
            }
            out.push('"');
        }
    } else if value.len().is_multiple_of(4) {
        out.push('<');
        for (i, cell) in value.chunks_exact(4).filter_map(|c| c.first_chunk()).enumerate() {
            _ = write!(out, "{}{:#x}", if i > 0 { " " } else { "" }, u32::from_be_bytes(*cell));
        }
        out.push('>');
    } else {
        out.push('[');
        for (i, b) in value.iter().enumerate() {
            _ = write!(out, "{}{b:02x}", if i > 0 { " " } else { "" });
        }
        out.push(']');
    }
}

fn is_texts(body: &[u8]) -> bool {
    let printable = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\n');
    body.split(|b| *b == 0).all(|s| !s.is_empty() && s.iter().all(printable))
}
