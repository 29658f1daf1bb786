//! What the framebuffer shows, as a PNG file.

use std::path::Path;

use cli::{Code, Error, Io};
use machine::Machine;

/// Writes the picture.
pub fn write(machine: &Machine, path: &Path, io: &Io) -> Result<(), Error> {
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
    written.map_err(|e| Error::new(Code::Io, format_args!("{}: {e}", path.display())))?;
    let mut out = io.output(Some(path))?;
    out.put(&bytes)?;
    out.finish()
}
