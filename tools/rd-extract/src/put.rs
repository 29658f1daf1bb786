//! Writing a new volume, bare or wrapped.

use crate::raw::copy_disk;
use crate::source::{Packed, pack_error};
use crate::{Args, Job, fail};
use apple_fs::udif::write as udif;
use apple_fs::{Bytes, Source};
use cli::{Error, Io, MAX_COMPONENT, Output, Result, Status};
use std::io::Write;
use std::path::Path;

/// What goes around a volume or trust cache.
#[derive(Debug, Clone)]
pub enum Wrapping {
    /// Nothing.
    Raw,
    /// A new IM4P.
    Im4p([u8; 4], String),
    /// The container that was around the input.
    As(Bytes),
    /// A disk image; whether it is compressed.
    Udif(bool),
}

impl Wrapping {
    /// What the options say; `original` is the input with its container.
    pub fn of(args: &Args, original: Option<&Bytes>) -> Result<Wrapping> {
        Self::with(args, original, *b"rdsk")
    }

    /// The same, with another type for a new IM4P that is given none.
    pub fn with(args: &Args, original: Option<&Bytes>, default: [u8; 4]) -> Result<Wrapping> {
        let make = &args.make;
        let kind = match make.kind.as_deref().map(str::as_bytes) {
            None => default,
            Some(&[a, b, c, d]) => [a, b, c, d],
            Some(_) => return Err(Error::usage("--type: four characters are needed, such as rdsk")),
        };
        if !kind.iter().all(u8::is_ascii_graphic) {
            return Err(Error::usage("--type: four characters without blanks are needed, such as rdsk"));
        }
        Ok(match (make.format.as_deref(), make.kind.is_some(), original) {
            (Some("im4p"), ..) | (None, true, _) => Wrapping::Im4p(kind, make.description.clone()),
            (Some("dmg"), false, _) => Wrapping::Udif(true),
            (Some("udif"), false, _) => Wrapping::Udif(false),
            (Some(_), true, _) => return Err(Error::usage("--type goes with --format im4p")),
            (Some(_), false, _) => Wrapping::Raw,
            (None, false, Some(original)) => Wrapping::As(original.clone()),
            (None, false, None) => Wrapping::Raw,
        })
    }

    /// A component in memory, wrapped.
    pub fn around(&self, name: &str, payload: Vec<u8>) -> Result<Vec<u8>> {
        let fail = |e: apple_wrap::Error| Error::unsupported(name, e);
        match self {
            Wrapping::Im4p(kind, description) => {
                apple_wrap::write::im4p(*kind, description, &payload, apple_wrap::write::Method::None)
                    .map_err(fail)
            }
            Wrapping::As(original) => apple_wrap::rewrap(original.as_slice(), &payload).map_err(fail),
            Wrapping::Udif(compress) => {
                udif::to_bytes(&Bytes::new(payload), *compress).map_err(|e| crate::fail(name, &e))
            }
            Wrapping::Raw => Ok(payload),
        }
    }
}

/// All of a source in memory.
fn read_all(volume: &dyn Source) -> Result<Vec<u8>> {
    if volume.len() > MAX_COMPONENT {
        let what = format!("{} bytes are more than the {MAX_COMPONENT} that a container takes", volume.len());
        return Err(Error::unsupported("the new volume", what));
    }
    let mut bytes = vec![0; usize::try_from(volume.len()).unwrap_or(0)];
    volume.read_at(0, &mut bytes).map_err(|e| fail("the new volume", &e))?;
    Ok(bytes)
}

/// Writes a volume.
pub fn write(
    volume: &dyn Source,
    wrapping: &Wrapping,
    args: &Args,
    output: Option<&Path>,
    io: &Io,
) -> Result<Status> {
    if args.dry_run {
        io.print(&format!("a volume of {} bytes would be written\n", volume.len()))?;
        return Ok(Status::Done);
    }
    let mut out = io.output(output)?;
    match wrapping {
        Wrapping::Raw => {
            copy_disk(volume, &mut out, output, "the new volume", io)?;
        }
        Wrapping::Udif(compress) => {
            udif::write(volume, *compress, &mut out).map_err(|e| match e.get_ref() {
                Some(inner) if inner.is::<apple_fs::Error>() => {
                    fail("the new volume", &apple_fs::Error::from_io(&e))
                }
                _ => Error::io(out.name(), e),
            })?;
        }
        _ => out.put(&wrapping.around("the new volume", read_all(volume)?)?)?,
    }
    finish(out)?;
    Ok(Status::Done)
}

/// Makes an output final; a file's bytes are on the disk before it gets its name.
pub fn finish(mut out: Output) -> Result<()> {
    out.flush().map_err(|e| Error::io(out.name(), e))?;
    if let Some(file) = out.as_file().filter(|f| f.metadata().is_ok_and(|m| m.is_file())) {
        file.sync_all().map_err(|e| Error::io(out.name(), e))?;
    }
    out.finish()
}

impl Job<'_> {
    /// Writes a volume into its place in the packed boot image that it came from.
    pub fn repack(
        &self,
        (mut rewriter, part): (Packed<'_>, String),
        volume: &dyn Source,
        wrapping: &Wrapping,
        output: Option<&Path>,
        io: &Io,
    ) -> Result<Status> {
        let bytes = wrapping.around(self.name, read_all(volume)?)?;
        if self.args.dry_run {
            io.print(&format!("{} bytes would be written into part {part:?}\n", bytes.len()))?;
            return Ok(Status::Done);
        }
        let error = |e| pack_error(self.name, &e);
        rewriter.replace(&part, bytes).map_err(error)?;
        if matches!(wrapping, Wrapping::Raw) {
            rewriter.set_property(&part, bootimg::names::FORMAT, Some("raw")).map_err(error)?;
        }
        let mut out = io.output(output)?;
        rewriter.finish(&mut out).map_err(error)?;
        finish(out)?;
        Ok(Status::Done)
    }
}
