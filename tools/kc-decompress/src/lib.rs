//! kc-decompress: a kernelcache in any wrapping becomes the Mach-O that is inside.
//!
//! A bare file gives a bare Mach-O; a packed boot image gives the image again with only its kernel part replaced and
//! every other part passed through. What the kernel says of itself is printed by `--info` (module `info`).
#![forbid(unsafe_code)]

mod info;
mod report;
mod source;

use apple_wrap::{Kind, Opened, Options};
use bootimg::{PartKind, Rewriter, names};
use cli::{Doc, Error, Example, Io, MAX_COMPONENT, Result, Status};
use source::Source;
use std::io::Read;
use std::path::PathBuf;

/// Command line of `kc-decompress`.
#[derive(Debug, clap::Parser)]
#[command(
    long_about = "Takes the wrappings off a kernelcache: IMG4, IM4P, IMG3, complzss, LZFSE, a fat file's slice, in any \
order and depth, recognised by content. A bare file gives a bare Mach-O. A packed boot image gives the image again with \
only its kernel part replaced; everything else passes through byte for byte.\n\n\
If you know `img4 -i IN -o OUT`, `pyimg4 im4p extract` or `ipsw kernel dec`: this is the same job."
)]
pub struct Args {
    /// The kernelcache or packed boot image; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List the wrappings and what is inside, and write nothing.
    #[arg(short, long, conflicts_with_all = ["info", "output"])]
    pub list: bool,
    /// Print what the kernel says of itself (version, train, SoC, layout, entry, segments) and write nothing.
    #[arg(short, long, conflicts_with = "output")]
    pub info: bool,
    /// With --list or --info: print JSON. Addresses are strings of hexadecimal digits.
    #[arg(long)]
    pub json: bool,
    /// Do everything but write; say what would be written.
    #[arg(short = 'n', long, conflicts_with_all = ["list", "info"])]
    pub dry_run: bool,
    /// Write the image that stands behind the compressed kernel (the secure monitor of A7 to A9) to a file of its own.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "info"])]
    pub monitor: Option<PathBuf>,
    /// Key of an encrypted payload: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY.
    #[arg(short, long, value_name = "IVKEY")]
    pub key: Option<String>,
    /// IV of an encrypted payload, if --key holds the key alone.
    #[arg(long, value_name = "HEX", requires = "key")]
    pub iv: Option<String>,
    /// Slice to take of a fat file with several, such as arm64e.
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Part of a packed boot image to work on; the kernel of its default configuration if absent.
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// Of a packed boot image write the bare Mach-O alone.
    #[arg(short, long)]
    pub bare: bool,
    /// Physical address that --info puts the kernel collection's base at.
    #[arg(long, value_name = "ADDRESS", default_value = "0x800000000", value_parser = address)]
    pub phys_base: u64,
    /// Options that every tool has.
    #[command(flatten)]
    pub common: cli::Common,
}

impl cli::HasCommon for Args {
    fn common(&self) -> &cli::Common {
        &self.common
    }
}

fn address(text: &str) -> std::result::Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(&digits.replace('_', ""), 16),
        None => text.parse(),
    };
    parsed.map_err(|e| format!("{e}: give a number such as 0x800000000"))
}

/// What the manual page adds to the options.
pub const DOC: Doc = Doc {
    name: "kc-decompress",
    summary: "turn a kernelcache in any wrapping into a Mach-O",
    examples: &[
        Example { command: "kc-decompress kernelcache -o kernel.macho", what: "Takes every wrapping off." },
        Example {
            command: "kc-decompress --info kernelcache",
            what: "Prints version, SoC, layout and segments.",
        },
        Example {
            command: "kc-decompress -l --json kernelcache",
            what: "Lists the wrappings as JSON, outermost first.",
        },
        Example {
            command: "ipsw-extract demo.ipsw | kc-decompress > unpacked.fit",
            what: "Replaces the kernel part of a packed boot image as it streams by.",
        },
        Example {
            command: "kc-decompress --bare boot.fit | head -c 4 | od -t x1",
            what: "Takes the bare kernel out of a packed boot image: cf fa ed fe.",
        },
    ],
    exit_status: &[],
    see_also: &["ipsw-extract(1)", "bootimg-pack(1)", "xnu-run(1)", "bootimg(5)"],
};

/// Runs the tool.
///
/// # Errors
/// Damage, encryption, a file without a kernel; see the exit statuses.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    let options = Options { key: key(&args)?, arch: args.arch.clone(), max_output: MAX_COMPONENT };
    if args.json && !(args.list || args.info) {
        return Err(Error::usage("--json goes with --list or --info"));
    }
    let mut input = io.input(args.file.as_deref())?;
    let name = input.name().to_string();
    match source::read(&mut input)? {
        Source::Bare(data) => {
            if args.part.is_some() {
                return Err(Error::usage("--part goes with a packed boot image; this is a single component"));
            }
            let job = Job { args: &args, name: &name, part: None };
            let opened = job.open(&data, &options, io)?;
            job.finish(&opened, io)
        }
        Source::Packed(stream) => packed(&args, &name, stream, &options, io),
    }
}

fn key(args: &Args) -> Result<Option<apple_wrap::Key>> {
    let Some(key) = &args.key else {
        return Ok(None);
    };
    let text = args.iv.as_ref().map_or_else(|| key.clone(), |iv| format!("{iv}:{key}"));
    apple_wrap::Key::parse(&text).map(Some).map_err(Error::usage)
}

/// One kernel, wherever it came from.
struct Job<'a> {
    args: &'a Args,
    /// The file, for messages.
    name: &'a str,
    /// The part of a packed image.
    part: Option<&'a str>,
}

impl Job<'_> {
    fn place(&self) -> String {
        match self.part {
            Some(part) => format!("{}: part {part}", self.name),
            None => self.name.to_string(),
        }
    }

    fn open<'d>(&self, data: &'d [u8], options: &Options, io: &Io) -> Result<Opened<'d>> {
        let opened = apple_wrap::open(data, options).map_err(|e| wrap_error(self.place(), &e))?;
        for layer in &opened.layers {
            io.verbose(format_args!(
                "{}: {} at offset {:#x}, {} bytes: {}",
                self.place(),
                layer.kind,
                layer.offset,
                layer.size,
                report::clean(&layer.detail)
            ));
        }
        io.verbose(format_args!("{}: {}, {} bytes", self.place(), opened.kind, opened.payload.len()));
        for warning in &opened.warnings {
            io.warn(format_args!("{}: {warning}", self.place()));
        }
        Ok(opened)
    }

    /// Refuses what is no kernel.
    fn check(&self, opened: &Opened<'_>) -> Result<()> {
        if opened.kind == Kind::MachO {
            return Ok(());
        }
        let what = match opened.im4p_type.map(|t| String::from_utf8_lossy(&t).into_owned()) {
            Some(t) => format!("{} of type {t}", opened.kind),
            None => opened.kind.to_string(),
        };
        let hint = match opened.kind {
            Kind::Zip => "; take the kernel out with ipsw-extract first",
            Kind::AppleDeviceTree => "; dt-patch is the tool for it",
            kind if kind.is_disk() => "; rd-extract is the tool for it",
            _ => "",
        };
        Err(Error::not_found(self.place(), format_args!("no kernel: the content is {what}{hint}")))
    }

    /// Prints a report if one is wanted.
    fn report(&self, opened: &Opened<'_>, io: &Io) -> Result<bool> {
        if self.args.list {
            io.print(&report::list(self.name, self.part, opened, self.args.json))?;
            return Ok(true);
        }
        if self.args.info {
            self.check(opened)?;
            let kernel =
                apple_kc::KernelCache::parse(&opened.payload).map_err(|e| kernel_error(self.place(), &e))?;
            let text = info::print(self.name, self.part, opened, &kernel, self.args);
            io.print(&text)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What to do with the monitor, before anything is written.
    fn monitor(&self, opened: &Opened<'_>, io: &Io) -> Result<()> {
        match (&self.args.monitor, &opened.monitor) {
            (Some(_), None) => {
                Err(Error::not_found(self.place(), "no monitor image stands behind the compressed kernel"))
            }
            (Some(path), Some(monitor)) if !self.args.dry_run => {
                let mut out = io.output(Some(path))?;
                out.put(monitor)?;
                out.finish()
            }
            (None, Some(monitor)) => {
                io.warn(format_args!(
                    "{}: the monitor image behind the kernel ({} bytes) is left out: --monitor FILE keeps it",
                    self.place(),
                    monitor.len()
                ));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Everything for a bare file.
    fn finish(&self, opened: &Opened<'_>, io: &Io) -> Result<Status> {
        if self.report(opened, io)? {
            return Ok(Status::Done);
        }
        self.check(opened)?;
        if self.args.dry_run {
            self.monitor(opened, io)?;
            return self.would_write(&format!("a Mach-O of {} bytes", opened.payload.len()), opened, io);
        }
        // A terminal is refused before the monitor is written.
        let mut out = io.output(self.args.output.as_deref())?;
        self.monitor(opened, io)?;
        out.put(&opened.payload)?;
        out.finish()?;
        Ok(Status::Done)
    }

    fn would_write(&self, what: &str, opened: &Opened<'_>, io: &Io) -> Result<Status> {
        let target = |path: Option<&PathBuf>| match path {
            Some(p) if p.as_os_str() != "-" => p.display().to_string(),
            _ => "standard output".to_string(),
        };
        let mut text = format!("would write {what} to {}\n", target(self.args.output.as_ref()));
        if let (Some(path), Some(monitor)) = (&self.args.monitor, &opened.monitor) {
            text.push_str(&format!(
                "would write a monitor of {} bytes to {}\n",
                monitor.len(),
                target(Some(path))
            ));
        }
        io.print(&text)?;
        Ok(Status::Done)
    }
}

/// A packed boot image: only the kernel part is held in memory, with what lies before it.
fn packed(args: &Args, name: &str, stream: impl Read, options: &Options, io: &mut Io) -> Result<Status> {
    let fail = |e: bootimg::Error| image_error(name, e);
    let mut image = Rewriter::new(stream).map_err(fail)?;
    let part = match &args.part {
        Some(part) => image.header().part(part).map_err(fail)?.name.clone(),
        None => {
            let selection = image.header().select(None).map_err(fail)?;
            let kernel = selection.part(PartKind::Kernel);
            kernel
                .ok_or_else(|| Error::not_found(name, "the packed boot image has no kernel part"))?
                .name
                .clone()
        }
    };
    let data = image.read(&part, MAX_COMPONENT).map_err(fail)?;
    let job = Job { args, name, part: Some(&part) };
    let opened = job.open(&data, options, io)?;
    if args.bare || args.list || args.info {
        return job.finish(&opened, io);
    }
    job.check(&opened)?;
    let size = opened.payload.len();
    if args.dry_run {
        job.monitor(&opened, io)?;
        return job.would_write(
            &format!("a packed boot image with its part {part} as {size} bytes of Mach-O"),
            &opened,
            io,
        );
    }
    let mut out = io.output(args.output.as_deref())?;
    job.monitor(&opened, io)?;
    image.replace(&part, opened.payload.into_owned()).map_err(fail)?;
    image.set_property(&part, names::FORMAT, Some("macho")).map_err(fail)?;
    image.finish(&mut out).map_err(|e| output_error(name, out_name(args), e))?;
    out.finish()?;
    Ok(Status::Done)
}

fn out_name(args: &Args) -> String {
    args.output.as_ref().map_or_else(|| "standard output".into(), |p| p.display().to_string())
}

fn wrap_error(place: String, e: &apple_wrap::Error) -> Error {
    match e.kind() {
        apple_wrap::ErrorKind::Damaged => Error::damaged(place, e),
        apple_wrap::ErrorKind::NotFound => Error::not_found(place, e),
        apple_wrap::ErrorKind::Encrypted | apple_wrap::ErrorKind::Unsupported => Error::unsupported(place, e),
    }
}

fn kernel_error(place: String, e: &apple_kc::Error) -> Error {
    match e.kind() {
        apple_kc::ErrorKind::Damaged => Error::damaged(place, e),
        apple_kc::ErrorKind::NotFound => Error::not_found(place, e),
        apple_kc::ErrorKind::Unsupported => Error::unsupported(place, e),
    }
}

fn image_error(name: &str, e: bootimg::Error) -> Error {
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

fn output_error(name: &str, out: String, e: bootimg::Error) -> Error {
    match e {
        bootimg::Error::Write(e) => Error::io(out, e),
        e => image_error(name, e),
    }
}
