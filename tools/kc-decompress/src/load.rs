//! Files as the commands take them: read, opened, and their errors told.

use crate::args::Unwrap;
use crate::report;
use crate::source::{self, Source};
use apple_kc::KernelCache;
use apple_wrap::{Kind, Opened, Options};
use bootimg::{PartKind, Rewriter};
use cli::{Error, Io, MAX_COMPONENT, Result};
use std::path::Path;

/// A component in memory.
pub struct Loaded {
    /// What to call it in messages.
    pub name: String,
    /// The part of a packed boot image that it was.
    pub part: Option<String>,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Reads a component, or the part of a packed image that is meant.
pub fn load(io: &Io, file: Option<&Path>, part: Option<&str>) -> Result<Loaded> {
    let mut input = io.input(file)?;
    let name = input.name().to_string();
    match source::read(&mut input)? {
        Source::Bare(data) => {
            if part.is_some() {
                return Err(Error::usage("--part goes with a packed boot image; this is a single component"));
            }
            Ok(Loaded { name, part: None, data })
        }
        Source::Packed(stream) => {
            let fail = |e: bootimg::Error| image_error(&name, e);
            let mut image = Rewriter::new(stream).map_err(fail)?;
            let part = chosen(image.header(), part, &name)?;
            let data = image.read(&part, MAX_COMPONENT).map_err(fail)?;
            Ok(Loaded { part: Some(part), data, name })
        }
    }
}

/// The part of a packed image to work on.
pub fn chosen(header: &bootimg::Header, wanted: Option<&str>, name: &str) -> Result<String> {
    let fail = |e: bootimg::Error| image_error(name, e);
    if let Some(part) = wanted {
        return Ok(header.part(part).map_err(fail)?.name.clone());
    }
    let kernel = header.select(None).map_err(fail)?.part(PartKind::Kernel);
    let none = || Error::not_found(name, "the packed boot image has no kernel part");
    Ok(kernel.ok_or_else(none)?.name.clone())
}

/// A file read whole, which is no packed image.
pub fn read(io: &Io, file: &Path) -> Result<Vec<u8>> {
    io.input(Some(file))?.read_all(MAX_COMPONENT)
}

/// The options of the library for those of the command line.
pub fn options(unwrap: &Unwrap) -> Result<Options> {
    let key = key(unwrap.key.as_deref(), unwrap.iv.as_deref())?;
    Ok(Options { key, arch: unwrap.arch.clone(), max_output: MAX_COMPONENT })
}

/// A key of the command line.
pub fn key(key: Option<&str>, iv: Option<&str>) -> Result<Option<apple_wrap::Key>> {
    let Some(key) = key else { return Ok(None) };
    let text = iv.map_or_else(|| key.to_string(), |iv| format!("{iv}:{key}"));
    apple_wrap::Key::parse(&text).map(Some).map_err(Error::usage)
}

impl Loaded {
    /// File, and part.
    pub fn place(&self) -> String {
        place(&self.name, self.part.as_deref())
    }

    /// Takes the wrappings off; says with `-v` which.
    pub fn open(&self, options: &Options, io: &Io) -> Result<Opened<'_>> {
        open(&self.data, &self.place(), options, io)
    }

    /// Takes the wrappings off and reads the kernel inside.
    pub fn kernel(&self, unwrap: &Unwrap, io: &Io) -> Result<(Opened<'_>, KernelCache)> {
        let (opened, kernel) = self.look(unwrap, io)?;
        match kernel.damage.first() {
            Some(e) => Err(kernel_error(self.place(), e)),
            None => Ok((opened, kernel)),
        }
    }

    /// Takes the wrappings off and reads as much of the kernel inside as there is; says what is damaged.
    pub fn look(&self, unwrap: &Unwrap, io: &Io) -> Result<(Opened<'_>, KernelCache)> {
        let opened = self.open(&options(unwrap)?, io)?;
        check(&opened, &self.place())?;
        let kernel = KernelCache::look(&opened.payload).map_err(|e| kernel_error(self.place(), &e))?;
        for e in &kernel.damage {
            io.warn(format_args!("{}: passed over: {e}", self.place()));
        }
        Ok((opened, kernel))
    }
}

/// File, and part.
pub fn place(name: &str, part: Option<&str>) -> String {
    part.map_or_else(|| name.to_string(), |part| format!("{name}: part {part}"))
}

/// Takes the wrappings off; says with `-v` which.
pub fn open<'d>(data: &'d [u8], place: &str, options: &Options, io: &Io) -> Result<Opened<'d>> {
    let opened = apple_wrap::open(data, options).map_err(|e| wrap_error(place.to_string(), &e))?;
    for layer in &opened.layers {
        io.verbose(format_args!(
            "{place}: {} at offset {:#x}, {} bytes: {}",
            layer.kind,
            layer.offset,
            layer.size,
            report::clean(&layer.detail)
        ));
    }
    io.verbose(format_args!("{place}: {}, {} bytes", opened.kind, opened.payload.len()));
    for warning in &opened.warnings {
        io.warn(format_args!("{place}: {warning}"));
    }
    Ok(opened)
}

/// Refuses what is no kernel.
pub fn check(opened: &Opened<'_>, place: &str) -> Result<()> {
    if opened.kind == Kind::MachO {
        return Ok(());
    }
    let what = match opened.im4p_type.map(|t| String::from_utf8_lossy(&t).into_owned()) {
        Some(t) => format!("{} of type {t}", opened.kind),
        None => opened.kind.to_string(),
    };
    let hint = match opened.kind {
        Kind::Zip => "; take the kernel out with ipsw-extract first",
        Kind::AppleDeviceTree => "; dt-patch is the tool for it, and 'kc-decompress extract' unwraps it",
        Kind::IBootIm => "; 'kc-decompress picture' turns it into PNG",
        kind if kind.is_disk() => "; rd-extract is the tool for it",
        _ => "; 'kc-decompress extract' writes it all the same, 'kc-decompress info' shows containers",
    };
    Err(Error::not_found(place, format_args!("no kernel: the content is {what}{hint}")))
}

/// An error of a wrapping.
pub fn wrap_error(place: String, e: &apple_wrap::Error) -> Error {
    match e.kind() {
        apple_wrap::ErrorKind::Damaged => Error::damaged(place, e),
        apple_wrap::ErrorKind::NotFound => Error::not_found(place, e),
        apple_wrap::ErrorKind::Encrypted | apple_wrap::ErrorKind::Unsupported => Error::unsupported(place, e),
    }
}

/// An error of a kernel.
pub fn kernel_error(place: String, e: &apple_kc::Error) -> Error {
    match e.kind() {
        apple_kc::ErrorKind::Damaged => Error::damaged(place, e),
        apple_kc::ErrorKind::NotFound => Error::not_found(place, e),
        apple_kc::ErrorKind::Unsupported => Error::unsupported(place, e),
    }
}

/// An error of a packed image.
pub fn image_error(name: &str, e: bootimg::Error) -> Error {
    match e {
        bootimg::Error::Read(e) => Error::io(name, e),
        e => match e.kind() {
            bootimg::ErrorKind::NotFound => Error::not_found(name, e),
            bootimg::ErrorKind::Unsupported => Error::unsupported(name, e),
            bootimg::ErrorKind::Usage => Error::usage(e),
            bootimg::ErrorKind::Damaged | bootimg::ErrorKind::Io => Error::damaged(name, e),
        },
    }
}

/// Writes bytes to a file or standard output, which may not be a terminal.
pub fn write(io: &Io, output: Option<&Path>, bytes: &[u8]) -> Result<()> {
    let mut out = io.output(output)?;
    out.put(bytes)?;
    out.finish()
}

/// Writes text to a file or standard output.
pub fn write_text(io: &Io, output: Option<&Path>, text: &str) -> Result<()> {
    let mut out = io.text_output(output)?;
    out.put(text.as_bytes())?;
    out.finish()
}

/// A file's name in a folder for a name that comes from a stranger.
pub fn safe_name<'n>(name: &'n str, place: &str) -> Result<&'n str> {
    let bad = name.is_empty() || name.len() > 200 || name.starts_with('.') || name.contains(['/', '\\']);
    if bad || name.chars().any(char::is_control) {
        return Err(Error::damaged(place, format_args!("{name:?} is no safe name for a file")));
    }
    Ok(name)
}
