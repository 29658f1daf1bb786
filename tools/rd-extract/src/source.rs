//! From the input to the bytes of the disk: through a packed boot image and the wrappings of firmware.

use crate::Args;
use apple_fs::{Bytes, FileSource, Part, Shared};
use apple_wrap::{Kind, Options};
use bootimg::{PartKind, Reader, Rewriter};
use cli::{Code, Error, Input, Io, MAX_COMPONENT, Result};
use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// What is read to recognise an input.
const PREFIX: usize = 4096;

/// The rest of a packed boot image that is to be written again.
pub type Packed<'a> = Rewriter<Box<dyn Read + 'a>>;

/// An input, with its wrappings off.
pub struct Source<'a> {
    /// The bytes of the disk or file system.
    pub source: Shared,
    /// What was taken off, from the outside in.
    pub layers: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
    /// The packed boot image around it, and the name of its part, when it is to be written again.
    pub packed: Option<(Packed<'a>, String)>,
    /// It is no disk but a trust cache.
    pub trust_cache: bool,
    /// The component with its containers, when there are any.
    pub original: Option<Bytes>,
}

impl Source<'_> {
    /// Tells what was taken off, and what is odd.
    pub fn tell(&self, name: &str, io: &Io) {
        for layer in &self.layers {
            io.verbose(format_args!("{name}: {layer}"));
        }
        for warning in &self.warnings {
            io.warn(format_args!("{name}: {warning}"));
        }
    }
}

/// Opens the input. `repack`: a packed boot image is to be written again.
pub fn open<'a>(args: &Args, input: &'a mut Input, repack: bool) -> Result<Source<'a>> {
    let name = input.name().to_string();
    let options = Options { key: key(args)?, max_output: MAX_COMPONENT, ..Options::default() };
    let mut start = vec![0; PREFIX];
    let n = match input.seekable() {
        Some(file) => read_start(file, &mut start).map_err(|e| Error::io(&name, e))?,
        None => 0,
    };
    start.truncate(n);
    if n > 0 && !bootimg::sniff(&start) && !apple_wrap::sniff(&start).is_wrapper() {
        if args.part.is_some() {
            return Err(not_packed());
        }
        // Nothing to take off: read in place, whatever its size.
        let file =
            input.seekable().map(std::fs::File::try_clone).transpose().map_err(|e| Error::io(&name, e))?;
        if let Some(file) = file {
            let source = Arc::new(FileSource::new(file).map_err(|e| crate::fail(&name, &e))?);
            return Ok(bare(source, &start));
        }
    }
    let mut start = Vec::new();
    input.by_ref().take(PREFIX as u64).read_to_end(&mut start).map_err(|e| Error::io(&name, e))?;
    if bootimg::sniff(&start) {
        let stream: Box<dyn Read + 'a> = Box::new(Cursor::new(start).chain(input));
        return packed(args, &name, stream, repack, &options);
    }
    if args.part.is_some() {
        return Err(not_packed());
    }
    let mut data = start;
    input.by_ref().take(MAX_COMPONENT).read_to_end(&mut data).map_err(|e| Error::io(&name, e))?;
    if data.len() as u64 > MAX_COMPONENT {
        let what = format!(
            "larger than {MAX_COMPONENT} bytes, the most that is taken from a pipe: name the file, or unwrap it first"
        );
        return Err(Error::unsupported(name, what));
    }
    if data.is_empty() {
        return Err(Error::damaged(name, "empty: nothing to read"));
    }
    unwrap(&name, data, &options)
}

/// Whether a file is a Mach-O.
pub fn is_macho(input: &Input) -> bool {
    let mut start = [0; 8];
    let n = input.seekable().and_then(|f| read_start(f, &mut start).ok()).unwrap_or(0);
    n == start.len() && code_signature::is_macho(&start)
}

fn not_packed() -> Error {
    Error::usage("--part goes with a packed boot image; this is a single component")
}

fn key(args: &Args) -> Result<Option<apple_wrap::Key>> {
    args.key.as_deref().map(|k| apple_wrap::Key::parse(k).map_err(Error::usage)).transpose()
}

fn read_start(file: &std::fs::File, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut n = 0;
    while let Some(rest) = buf.get_mut(n..).filter(|r| !r.is_empty()) {
        match file.read_at(rest, n as u64) {
            Ok(0) => break,
            Ok(more) => n = n.saturating_add(more),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(n)
}

fn bare<'a>(source: Shared, start: &[u8]) -> Source<'a> {
    let trust_cache = source.len() <= start.len() as u64 && apple_wrap::sniff(start) == Kind::TrustCache;
    Source { source, layers: Vec::new(), warnings: Vec::new(), packed: None, trust_cache, original: None }
}

/// Takes the wrappings off a component in memory; a payload that is part of it is not copied.
fn unwrap<'a>(name: &str, data: Vec<u8>, options: &Options) -> Result<Source<'a>> {
    let opened = apple_wrap::open(&data, options).map_err(|e| wrap_error(name, &e))?;
    let layers = opened
        .layers
        .iter()
        .map(|l| {
            format!("{} at {:#x}, {} bytes {}", l.kind, l.offset, l.size, l.detail).trim_end().to_string()
        })
        .collect();
    let trust_cache = opened.kind == Kind::TrustCache;
    let warnings = opened.warnings;
    let (start, len) = match &opened.payload {
        std::borrow::Cow::Borrowed(part) => {
            ((part.as_ptr() as usize).saturating_sub(data.as_ptr() as usize), part.len())
        }
        std::borrow::Cow::Owned(_) => (0, 0),
    };
    let wrapped = matches!(apple_wrap::sniff(&data), Kind::Im4p | Kind::Img4 | Kind::Img3);
    let unwrapped = match opened.payload {
        std::borrow::Cow::Owned(bytes) => Some(bytes),
        std::borrow::Cow::Borrowed(_) => None,
    };
    let data = Bytes::new(data);
    let original = wrapped.then(|| data.clone());
    let source: Shared = match unwrapped {
        Some(bytes) => Bytes::shared(bytes),
        None => Arc::new(Part::new(Arc::new(data), start as u64, len as u64)),
    };
    Ok(Source { source, layers, warnings, packed: None, trust_cache, original })
}

fn packed<'a>(
    args: &Args,
    name: &str,
    stream: Box<dyn Read + 'a>,
    repack: bool,
    options: &Options,
) -> Result<Source<'a>> {
    let fail = |e: bootimg::Error| pack_error(name, &e);
    let choose = |header: &bootimg::Header| -> Result<String> {
        if let Some(part) = &args.part {
            return header.part(part).map(|p| p.name.clone()).map_err(fail);
        }
        let selection = header.select(None).map_err(fail)?;
        let part = selection.part(PartKind::Ramdisk);
        part.map(|p| p.name.clone())
            .ok_or_else(|| Error::not_found(name, "the packed boot image has no ramdisk"))
    };
    if repack {
        let mut rewriter = Rewriter::new(stream).map_err(fail)?;
        let part = choose(rewriter.header())?;
        let data = rewriter.read(&part, MAX_COMPONENT).map_err(fail)?;
        let mut source = unwrap(name, data, options)?;
        source.layers.insert(0, format!("packed boot image, part {part:?}"));
        source.packed = Some((rewriter, part));
        return Ok(source);
    }
    let mut reader = Reader::new(stream).map_err(fail)?;
    let part = choose(reader.header())?;
    while let Some(mut p) = reader.next_part().map_err(fail)? {
        if p.part().name == part {
            let data = p.read_verified(MAX_COMPONENT).map_err(fail)?;
            reader.drain().map_err(fail)?;
            let mut source = unwrap(name, data, options)?;
            source.layers.insert(0, format!("packed boot image, part {part:?}"));
            return Ok(source);
        }
    }
    Err(Error::not_found(name, format_args!("part {part:?} is not in the packed boot image")))
}

fn wrap_error(name: &str, e: &apple_wrap::Error) -> Error {
    let code = match e.kind() {
        apple_wrap::ErrorKind::NotFound => Code::NotFound,
        apple_wrap::ErrorKind::Encrypted | apple_wrap::ErrorKind::Unsupported => Code::Unsupported,
        _ => Code::Damaged,
    };
    Error::new(code, format_args!("{name}: {e}"))
}

pub fn pack_error(name: &str, e: &bootimg::Error) -> Error {
    if let bootimg::Error::Write(e) = e {
        return Error::io("output", std::io::Error::new(e.kind(), e.to_string()));
    }
    let code = match e.kind() {
        bootimg::ErrorKind::NotFound => Code::NotFound,
        bootimg::ErrorKind::Unsupported => Code::Unsupported,
        bootimg::ErrorKind::Usage => Code::Usage,
        bootimg::ErrorKind::Io => Code::Io,
        _ => Code::Damaged,
    };
    Error::new(code, format_args!("{name}: {e}"))
}
