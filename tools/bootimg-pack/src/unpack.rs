//! Taking parts out of an image, as they are.

use crate::{Args, failed};
use bootimg::{PartReader, Reader};
use cli::{Code, Error, Io, Output, Result};
use std::io::{Read, Write};
use std::path::Path;

/// Writes every part into a folder under its name.
pub fn all(args: &Args, io: &Io, folder: &Path) -> Result<()> {
    let input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let mut reader = Reader::new(input).map_err(|e| failed(&name, e))?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    while let Some(part) = reader.next_part().map_err(|e| failed(&name, e))? {
        let file = part.part().name.clone();
        // Node names cannot hold a slash in images of honest makers; others exist.
        if file.is_empty() || file.contains('/') || file.starts_with('.') {
            return Err(Error::damaged(&name, format_args!("part {file:?}: an unsafe name for a file")));
        }
        let path = folder.join(&file);
        if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            let message = format_args!("{}: is a link; nothing is written through it", path.display());
            return Err(Error::new(Code::Io, message));
        }
        let mut out = io.output(Some(&path))?;
        copy(&name, part, &mut out)?;
        out.finish()?;
        io.verbose(format_args!("{file} -> {}", path.display()));
    }
    reader.drain().map_err(|e| failed(&name, e))
}

/// Writes one part to the output.
pub fn one(args: &Args, io: &Io, wanted: &str) -> Result<()> {
    let input = io.input(args.image.as_deref())?;
    let name = input.name().to_string();
    let mut reader = Reader::new(input).map_err(|e| failed(&name, e))?;
    let wanted = reader.header().part(wanted).map_err(|e| failed(&name, e))?.name.clone();
    let mut out = io.output(args.output.as_deref())?;
    while let Some(part) = reader.next_part().map_err(|e| failed(&name, e))? {
        if part.part().name == wanted {
            copy(&name, part, &mut out)?;
            out.finish()?;
            return reader.drain().map_err(|e| failed(&name, e));
        }
    }
    Ok(())
}

/// Copies a part; damage is found before the output is finished, so a file appears only when it is right.
fn copy<R: Read>(name: &str, mut part: PartReader<'_, R>, out: &mut Output) -> Result<()> {
    let what = part.part().clone();
    let target = out.name().to_string();
    let mut verifier = what.verifier();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n = match part.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Err(Error::damaged(name, e)),
            Err(e) => return Err(Error::io(name, e)),
        };
        let bytes = buffer.get(..n).unwrap_or_default();
        verifier.update(bytes);
        out.write_all(bytes).map_err(|e| Error::io(&target, e))?;
    }
    verifier.finish().map_err(|e| failed(name, e))
}
