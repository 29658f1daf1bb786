//! `picture`: boot pictures to PNG.

use crate::args::Picture as Args;
use crate::load::{self, wrap_error};
use crate::report::pretty;
use apple_wrap::Kind;
use apple_wrap::picture::{Picture, pictures};
use cli::{Code, Error, Io, MAX_COMPONENT, Result, Status};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Turns the pictures of a file into PNG files, or lists them.
pub fn run(args: &Args, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let place = loaded.place();
    let opened = loaded.open(&load::options(&args.unwrap)?, io)?;
    if opened.kind != Kind::IBootIm {
        return Err(Error::not_found(place, format_args!("no picture: the content is {}", opened.kind)));
    }
    let (all, left) = pictures(&opened.payload, MAX_COMPONENT).map_err(|e| wrap_error(place.clone(), &e))?;
    if left > 0 {
        io.warn(format_args!("{place}: {left} bytes after the last picture are left out"));
    }
    if args.list {
        io.print(&list(&loaded.name, &all, args.json))?;
        return Ok(Status::Done);
    }
    if all.len() > 1 && args.output.as_deref().is_none_or(|o| o.as_os_str() == "-") {
        return Err(Error::usage(format_args!(
            "{place} has {} pictures: name a file or folder with -o",
            all.len()
        )));
    }
    for (n, picture) in (1u32..).zip(&all) {
        let target = target(args, all.len() > 1, n);
        load::write(io, target.as_deref(), &png(picture)?)?;
    }
    Ok(Status::Done)
}

/// The file of a picture: the one named, with a number if there are several.
fn target(args: &Args, several: bool, n: u32) -> Option<PathBuf> {
    let output = args.output.as_deref()?;
    let stem =
        |p: &Path| p.file_stem().map_or_else(|| "picture".into(), |s| s.to_string_lossy().into_owned());
    if output.is_dir() {
        let name = args.file.as_deref().map_or_else(|| "picture".to_string(), stem);
        return Some(output.join(if several { format!("{name}-{n}.png") } else { format!("{name}.png") }));
    }
    if !several {
        return Some(output.to_path_buf());
    }
    let extension = output.extension().map_or_else(|| "png".into(), |e| e.to_string_lossy().into_owned());
    Some(output.with_file_name(format!("{}-{n}.{extension}", stem(output))))
}

fn png(picture: &Picture) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, picture.width.into(), picture.height.into());
    encoder.set_color(if picture.grey { png::ColorType::GrayscaleAlpha } else { png::ColorType::Rgba });
    encoder.set_depth(png::BitDepth::Eight);
    let fail = |e| Error::new(Code::Unsupported, format_args!("a picture that PNG cannot hold: {e}"));
    let mut writer = encoder.write_header().map_err(fail)?;
    writer.write_image_data(&picture.pixels).map_err(fail)?;
    writer.finish().map_err(fail)?;
    Ok(out)
}

fn list(name: &str, all: &[Picture], as_json: bool) -> String {
    if as_json {
        let all: Vec<Value> = all
            .iter()
            .map(|p| json!({ "width": p.width, "height": p.height, "x": p.x, "y": p.y, "grey": p.grey }))
            .collect();
        return pretty(&json!({ "file": name, "pictures": all }));
    }
    let mut text = String::from("picture    width   height        x        y  pixels\n");
    for (n, p) in (1u32..).zip(all) {
        let kind = if p.grey { "grey" } else { "colour" };
        text.push_str(&format!("{n:>7} {:>8} {:>8} {:>8} {:>8}  {kind}\n", p.width, p.height, p.x, p.y));
    }
    text
}
