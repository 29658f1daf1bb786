//! What is recognised in each part of an image, by what, and why it stops there.

use crate::{Args, failed};
use apple_wrap::{Kind, explain, sniff};
use bootimg::Reader;
use cli::{Error, Io, MAX_COMPONENT, Result};
use serde_json::{Value, json};
use std::io::Read;

/// Bytes that tell what a file is that is no packed image.
const HEAD: u64 = 1 << 20;

/// Explains an image, part by part.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let mut input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let mut head = Vec::new();
    input.by_ref().take(HEAD).read_to_end(&mut head).map_err(|e| Error::io(&name, e))?;
    if !bootimg::sniff(&head) {
        let kind = sniff(&head);
        let why = match kind {
            Kind::FlatDeviceTree => "a flattened device tree without /images is no packed image".to_string(),
            Kind::Zip => "an archive: ipsw-extract makes packed images of IPSWs".to_string(),
            kind => format!("{kind} ({}): one component, which a packed image is made of", kind.mark()),
        };
        return Err(Error::not_found(name, format_args!("not a packed boot image: {why}")));
    }
    let fail = |e| failed(&name, e);
    let mut reader = Reader::new(head.chain(input)).map_err(fail)?;
    let header = reader.header().clone();
    let mut parts = Vec::new();
    let mut text = format!(
        "{name}: packed boot image ({}), {} parts, {} configurations\n",
        Kind::BootImage.mark(),
        header.parts.len(),
        header.configurations.len()
    );
    while let Some(mut part) = reader.next_part().map_err(fail)? {
        let what = part.part().clone();
        let digests: Vec<&str> = what.digests.iter().map(|d| d.algorithm.name()).collect();
        let bytes = match part.read_verified(MAX_COMPONENT) {
            Ok(bytes) => bytes,
            Err(e) => {
                text.push_str(&format!("part {}: {e}\n", what.name));
                parts.push(json!({ "part": what.name, "error": e.to_string() }));
                print(io, args, &name, &text, parts)?;
                return Err(fail(e));
            }
        };
        let (opened, error) = explain(&bytes, &apple_wrap::Options::default());
        let end = match &error {
            Some(e) => e.to_string(),
            None => format!("{}: {}", opened.kind, opened.kind.mark()),
        };
        let checked = if digests.is_empty() {
            "no digest to check".into()
        } else {
            format!("{} right", digests.join(", "))
        };
        text.push_str(&format!("part {}, {} bytes at {:#x}, {checked}\n", what.name, what.size, what.offset));
        for layer in &opened.layers {
            let (kind, mark) = (layer.kind, layer.kind.mark());
            text.push_str(&format!(
                "  {kind} at {:#x}, {} bytes: {mark}; {}\n",
                layer.offset, layer.size, layer.detail
            ));
        }
        text.push_str(&format!("  stops: {end}, {} bytes\n", opened.payload.len()));
        let layers: Vec<Value> = opened
            .layers
            .iter()
            .map(|l| json!({ "kind": l.kind.name(), "offset": l.offset, "size": l.size, "why": l.kind.mark(), "detail": l.detail }))
            .collect();
        parts.push(json!({
            "part": what.name,
            "size": what.size,
            "layers": layers,
            "kind": opened.kind.name(),
            "why": opened.kind.mark(),
            "stops": end,
            "error": error.map(|e| e.to_string()),
        }));
    }
    reader.drain().map_err(fail)?;
    print(io, args, &name, &text, parts)
}

fn print(io: &Io, args: &Args, name: &str, text: &str, parts: Vec<Value>) -> Result<()> {
    if args.json {
        return io.print(&format!("{:#}\n", json!({ "file": name, "parts": parts })));
    }
    io.print(
        &text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect::<String>(),
    )
}
