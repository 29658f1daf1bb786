//! `--diff`: two trees, whatever form each has.

use crate::formats::{of_dts, of_fdt};
use crate::source::{self, Source};
use crate::{Args, edits, look};
use apple_dt::{Difference, Tree};
use bootimg::Rewriter;
use cli::{Code, Error, Io, Result, Status};
use serde_json::{Value, json};
use std::path::Path;

/// Compares two files; the exit status is that of diff(1).
pub(crate) fn run(args: &Args, old: &Path, new: &Path, io: &Io) -> Result<Status> {
    let trouble = |e: Error| match e.code() {
        // 1 is "they differ"; what diff(1) calls trouble is 2.
        Code::NotFound => Error::new(Code::Usage, e),
        _ => e,
    };
    let (mut a, mut b) = (load(args, old, io).map_err(trouble)?, load(args, new, io).map_err(trouble)?);
    let same_bytes = a.to_bytes() == b.to_bytes();
    if !args.filter.is_empty() {
        (a, b) = (look::filtered(&a, &args.filter)?, look::filtered(&b, &args.filter)?);
    }
    let found = apple_dt::diff(&a, &b);
    if args.json {
        let list: Vec<Value> = found.iter().map(as_json).collect();
        let all = json!({
            "old": old.display().to_string(),
            "new": new.display().to_string(),
            "identical": same_bytes,
            "differences": list,
        });
        io.print(&format!("{all:#}\n"))?;
    } else if !found.is_empty() {
        let mut text = format!("--- {}\n+++ {}\n", old.display(), new.display());
        found.iter().for_each(|d| text.push_str(&d.to_string()));
        io.print(&text)?;
    }
    if found.is_empty() && !same_bytes && args.filter.is_empty() {
        io.verbose(
            "the trees say the same; their bytes differ (order of properties, numbers of phandles, padding)",
        );
    }
    Ok(if found.is_empty() { Status::Done } else { Status::NothingFound })
}

fn as_json(d: &Difference) -> Value {
    let hex =
        |b: &Option<Vec<u8>>| b.as_ref().map(|b| b.iter().map(|b| format!("{b:02x}")).collect::<String>());
    let change = match (&d.old, &d.new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    json!({
        "change": change,
        "path": d.path,
        "property": d.property,
        "old": d.old,
        "new": d.new,
        "old_hex": hex(&d.old_bytes),
        "new_hex": hex(&d.new_bytes),
    })
}

/// A tree in whatever form it comes; of a packed image the one that boots.
fn load(args: &Args, path: &Path, io: &Io) -> Result<Tree> {
    let mut input = io.input(Some(path))?;
    let name = input.name().to_string();
    match source::read(&mut input, None)? {
        Source::Text(text) => apple_dt::compile(&text).map_err(|e| Error::damaged(&name, e)),
        Source::Dts(text) => of_dts(&name, &text),
        Source::Fdt(data) => of_fdt(&name, &data),
        Source::Bytes(data) => {
            let options = edits::open_options(args)?;
            let opened = pipeline::open_tree(&data, &options);
            opened.map(|(_, tree)| tree).map_err(|e| crate::tree_error(&name, e))
        }
        Source::Packed(stream) => {
            let fail = |e: bootimg::Error| crate::tree_error(&name, e.into());
            let mut image = Rewriter::new(stream).map_err(fail)?;
            let part = match &args.part {
                Some(part) => part.clone(),
                None => crate::default_part(image.header()).map_err(|e| crate::tree_error(&name, e))?,
            };
            let data = image.read(&part, apple_dt::MAX_SIZE as u64).map_err(fail)?;
            let opened = pipeline::open_tree(&data, &edits::open_options(args)?);
            opened.map(|(_, tree)| tree).map_err(|e| crate::tree_error(&name, e))
        }
    }
}
