//! What the framebuffer shows, as a PNG file.

use std::path::Path;

use cli::{Code, Error, Io};
use machine::Machine;

/// The picture as a PNG file.
///
/// # Errors
/// When the machine has no framebuffer, or it lies outside RAM.
pub fn png(machine: &Machine) -> Result<Vec<u8>, Error> {
    let picture = match machine.picture() {
        None => return Err(Error::usage("--screenshot: this machine has no framebuffer")),
        Some(picture) => picture.map_err(|e| Error::new(Code::Io, format_args!("--screenshot: {e}")))?,
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut w| {
        w.write_image_data(&picture.rgb)?;
        w.finish()
    });
    written.map_err(|e| Error::new(Code::Io, format_args!("--screenshot: {e}")))?;
    Ok(bytes)
}

/// Writes the picture.
///
/// # Errors
/// See [`png()`]; and when the file cannot be written.
pub fn write(machine: &Machine, path: &Path, io: &Io) -> Result<(), Error> {
    let bytes = png(machine)?;
    let mut out = io.output(Some(path))?;
    out.put(&bytes)?;
    out.finish()
}
