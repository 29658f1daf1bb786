//! kc-decompress: a kernelcache in any wrapping becomes the Mach-O that is inside.
//!
//! A bare file gives a bare Mach-O; a packed boot image gives the image again with only its kernel part replaced and
//! every other part passed through. What the kernel says of itself is printed by `--info` (module `info`). Commands
//! (module `args`) do everything else that is done with kernelcaches and the containers of Apple's firmware.
#![forbid(unsafe_code)]

mod args;
mod change;
mod container;
mod fixups;
mod info;
mod kexts;
mod layout;
mod load;
mod picture;
mod report;
mod source;
mod symbols;
mod why;

pub use args::{Command, Compress, Form, Unwrap};

use apple_kc::KernelCache;
use apple_wrap::{Opened, Options};
use bootimg::{Rewriter, names};
use cli::{Doc, Error, Example, Io, MAX_COMPONENT, Result, Status};
use load::{Loaded, check, image_error, kernel_error, place};
use source::Source;
use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

/// Command line of `kc-decompress`.
#[derive(Debug, clap::Parser)]
#[command(
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    long_about = "Takes the wrappings off a kernelcache: IMG4, IM4P, IMG3, complzss, LZFSE, a fat file's slice, in any \
order and depth, recognised by content. A bare file gives a bare Mach-O. A packed boot image gives the image again with \
only its kernel part replaced; everything else passes through byte for byte.\n\n\
Commands look into the kernel (kexts, symbols, fixups, layout), and make, change, compare and check containers. Each has \
its own --help. A file that is called like a command is given as ./NAME.\n\n\
If you know other tools:\n  \
`img4 -i IN -o OUT`, `ipsw kernel dec IN`: kc-decompress IN -o OUT\n  \
`pyimg4 im4p extract -i IN -o OUT`, `img4tool -e`: kc-decompress extract IN -o OUT\n  \
`pyimg4 im4p info`, `img4tool -a`, `img4 -v`: kc-decompress info IN\n  \
`pyimg4 im4p create --fourcc krnl --lzss`, `img4tool -c -t`: kc-decompress create IN -t krnl --compress lzss\n  \
`pyimg4 img4 create -p IM4P -m IM4M`, `img4 -A -T rdsk -M`: kc-decompress create IM4P -m IM4M\n  \
`img4 -T rkrn`, `img4tool -n`: kc-decompress retype IN rkrn\n  \
`img4 -J`, `img4 -U`: kc-decompress rewrap IN --compress lzss, or none\n  \
`img4 -w`, `pyimg4 --extra`: kc-decompress IN --monitor FILE\n  \
`img4tool -v`, `img4 -c`, `img4 -f`: kc-decompress verify IM4M IMAGE...\n  \
`ipsw kernel kexts`, `joker -m`: kc-decompress kexts IN\n  \
`ipsw kernel extract IN ID`, `joker -K ID`: kc-decompress extract IN ID"
)]
pub struct Args {
    /// What else to do.
    #[command(subcommand)]
    pub command: Option<Command>,
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
    /// With --list, --info, --kexts, --symbols, --why or --layout: print JSON. Addresses are strings of hexadecimal
    /// digits.
    #[arg(long)]
    pub json: bool,
    /// Do everything but write; say what would be written.
    #[arg(short = 'n', long, conflicts_with_all = ["list", "info"])]
    pub dry_run: bool,
    /// Write the image that stands behind the compressed kernel (the secure monitor of A7 to A9) to a file of its own.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["list", "info"])]
    pub monitor: Option<PathBuf>,
    /// Resolve chained pointers in the kernel that is written, so that a disassembler reads them.
    #[arg(long, visible_alias = "rebase", conflicts_with_all = ["list", "info"])]
    pub fixups: bool,
    /// List the kexts and write nothing: the command 'kexts'.
    #[arg(long, conflicts_with_all = ["list", "info", "output", "dry_run", "monitor", "fixups"])]
    pub kexts: bool,
    /// Write this kext instead of the kernel: the command 'extract'. Several go into the folder --output.
    #[arg(long, value_name = "ID", conflicts_with_all = ["list", "info", "json", "kexts", "dry_run", "monitor", "fixups", "bare"])]
    pub kext: Vec<String>,
    /// Print the symbols and write nothing: the command 'symbols'.
    #[arg(long, conflicts_with_all = ["list", "info", "kexts", "kext", "output", "dry_run", "monitor", "fixups"])]
    pub symbols: bool,
    /// Draw what lies where in memory: the command 'layout'. SVG for '=svg' or an output called .svg.
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "auto",
          conflicts_with_all = ["list", "info", "kexts", "kext", "symbols", "dry_run", "monitor", "fixups"])]
    pub layout: Option<Form>,
    /// Say what is recognised at each layer and by what, and why it stops there: the command 'why'.
    #[arg(long, conflicts_with_all = ["list", "info", "kexts", "kext", "symbols", "layout", "output", "dry_run", "monitor", "fixups"])]
    pub why: bool,
    /// Write the IM4P or IMG4 with another type instead: the command 'retype'.
    #[arg(long, value_name = "TYPE", value_parser = args::four,
          conflicts_with_all = ["list", "info", "kexts", "kext", "symbols", "layout", "why", "dry_run", "monitor", "fixups", "bare"])]
    pub retype: Option<[u8; 4]>,
    /// Write the IM4P or IMG4 with its payload compressed so instead: the command 'rewrap'.
    #[arg(long, value_enum, visible_alias = "recompress",
          conflicts_with_all = ["list", "info", "kexts", "kext", "symbols", "layout", "why", "dry_run", "monitor", "fixups", "bare"])]
    pub compress: Option<Compress>,
    /// How to get at what is inside.
    #[command(flatten)]
    pub unwrap: Unwrap,
    /// Of a packed boot image write the bare Mach-O alone.
    #[arg(short, long)]
    pub bare: bool,
    /// Physical address that --info and --layout put the kernel collection's base at.
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
        Example {
            command: "kc-decompress kernelcache --layout -o layout.svg",
            what: "Draws the memory layout.",
        },
        Example {
            command: "kc-decompress --why devicetree.im4p",
            what: "Says what is recognised at each layer.",
        },
        Example {
            command: "kc-decompress retype kernelcache rkrn -o rkrn.im4p && kc-decompress rewrap kernelcache -d test \
                      --compress lzfse -o lzfse.im4p",
            what: "Changes four bytes; then compresses the payload anew and leaves everything else.",
        },
        Example {
            command: "kc-decompress extract devicetree.im4p | kc-decompress create -t dtre -d mine --compress lzss -o new.im4p",
            what: "Takes a payload out and wraps it anew.",
        },
        Example {
            command: "kc-decompress create kernelcache --nonce 0x1111111111111111 -o kernel.img4 && kc-decompress split \
                      kernel.img4 -o parts && kc-decompress diff parts/kernel.im4p kernelcache",
            what: "Makes an IMG4 and takes it apart again.",
        },
    ],
    exit_status: &[],
    see_also: &[
        "ipsw-extract(1)",
        "bootimg-pack(1)",
        "dt-patch(1)",
        "rd-extract(1)",
        "xnu-run(1)",
        "bootimg(5)",
    ],
};

/// Runs the tool.
///
/// # Errors
/// Damage, encryption, a file without a kernel; see the exit statuses.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    let args = match args.command {
        Some(command) => return run_command(&command, io),
        None => args,
    };
    if let Some(command) = instead(&args) {
        return run_command(&command, io);
    }
    let options = load::options(&args.unwrap)?;
    if args.json && !(args.list || args.info) {
        return Err(Error::usage("--json goes with --list, --info, --kexts, --symbols, --why or --layout"));
    }
    if args.retype.is_some() || args.compress.is_some() {
        let (file, output, key) = (args.file.as_deref(), args.output.as_deref(), args.unwrap.key.as_deref());
        return change::shortcut(file, output, args.retype, args.compress, key, io);
    }
    let mut input = io.input(args.file.as_deref())?;
    let name = input.name().to_string();
    match source::read(&mut input)? {
        Source::Bare(data) => {
            if args.unwrap.part.is_some() {
                return Err(Error::usage("--part goes with a packed boot image; this is a single component"));
            }
            let loaded = Loaded { name, part: None, data };
            let job = Job { args: &args, name: &loaded.name, part: None };
            let opened = loaded.open(&options, io)?;
            job.finish(opened, io)
        }
        Source::Packed(stream) => packed(&args, &name, stream, &options, io),
    }
}

fn run_command(command: &Command, io: &Io) -> Result<Status> {
    match command {
        Command::Kexts(args) => kexts::run(args, io),
        Command::Extract(args) => change::extract(args, io),
        Command::Symbols(args) => symbols::run(args, io),
        Command::Fixups(args) => fixups::run(args, io),
        Command::Layout(args) => layout::run(args, io),
        Command::Why(args) => why::run(args, io),
        Command::Info(args) => container::info(args, io),
        Command::Create(args) => change::create(args, io),
        Command::Retype(args) => change::retype(args, io),
        Command::Rewrap(args) => change::rewrap(args, io),
        Command::Split(args) => container::split(args, io),
        Command::Diff(args) => container::diff(args, io),
        Command::Verify(args) => container::verify(args, io),
        Command::Picture(args) => picture::run(args, io),
    }
}

/// The command that an option of the default action stands for.
fn instead(args: &Args) -> Option<Command> {
    let (file, unwrap, json) = (args.file.clone(), args.unwrap.clone(), args.json);
    if args.why {
        return Some(Command::Why(args::Look { file, json, unwrap }));
    }
    if args.kexts {
        let (ids, extract, output, no_fixups) = (Vec::new(), Vec::new(), None, false);
        return Some(Command::Kexts(args::Kexts { file, ids, extract, output, no_fixups, json, unwrap }));
    }
    if !args.kext.is_empty() {
        let (ids, kext, output) = (Vec::new(), args.kext.clone(), args.output.clone());
        let (all, raw, no_fixups) = (false, false, false);
        return Some(Command::Extract(args::Extract {
            file,
            ids,
            kext,
            all,
            output,
            raw,
            no_fixups,
            unwrap,
        }));
    }
    if args.symbols {
        return Some(Command::Symbols(args::Symbols { file, kext: None, demangle: false, json, unwrap }));
    }
    args.layout.map(|form| {
        let (output, phys_base) = (args.output.clone(), args.phys_base);
        Command::Layout(args::Layout { file, output, form, svg: false, json, phys_base, unwrap })
    })
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
        place(self.name, self.part)
    }

    /// Prints a report if one is wanted.
    fn report(&self, opened: &Opened<'_>, io: &Io) -> Result<bool> {
        if self.args.list {
            io.print(&report::list(self.name, self.part, opened, self.args.json))?;
            return Ok(true);
        }
        if self.args.info {
            check(opened, &self.place())?;
            let kernel = KernelCache::look(&opened.payload).map_err(|e| kernel_error(self.place(), &e))?;
            for e in &kernel.damage {
                io.warn(format_args!("{}: passed over: {e}", self.place()));
            }
            let text = info::print(self.name, self.part, opened, &kernel, self.args);
            io.print(&text)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Resolves chained pointers, if that is wanted.
    fn fixups(&self, opened: &mut Opened<'_>, io: &Io) -> Result<()> {
        if !self.args.fixups {
            return Ok(());
        }
        let kernel = KernelCache::parse(&opened.payload).map_err(|e| kernel_error(self.place(), &e))?;
        fixups::resolve(&kernel, opened.payload.to_mut(), &self.place(), io)
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
    fn finish(&self, mut opened: Opened<'_>, io: &Io) -> Result<Status> {
        if self.report(&opened, io)? {
            return Ok(Status::Done);
        }
        check(&opened, &self.place())?;
        self.fixups(&mut opened, io)?;
        if self.args.dry_run {
            self.monitor(&opened, io)?;
            return self.would_write(&format!("a Mach-O of {} bytes", opened.payload.len()), &opened, io);
        }
        // A terminal is refused before the monitor is written.
        let mut out = io.output(self.args.output.as_deref())?;
        self.monitor(&opened, io)?;
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
    let part = load::chosen(image.header(), args.unwrap.part.as_deref(), name)?;
    let data = image.read(&part, MAX_COMPONENT).map_err(fail)?;
    let job = Job { args, name, part: Some(&part) };
    let mut opened = load::open(&data, &job.place(), options, io)?;
    if args.bare || args.list || args.info {
        return job.finish(opened, io);
    }
    check(&opened, &job.place())?;
    job.fixups(&mut opened, io)?;
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
    let payload = std::mem::replace(&mut opened.payload, Cow::Borrowed(&[])).into_owned();
    image.replace(&part, payload).map_err(fail)?;
    image.set_property(&part, names::FORMAT, Some("macho")).map_err(fail)?;
    image.finish(&mut out).map_err(|e| output_error(name, out_name(args), e))?;
    out.finish()?;
    Ok(Status::Done)
}

fn out_name(args: &Args) -> String {
    args.output.as_ref().map_or_else(|| "standard output".into(), |p| p.display().to_string())
}

fn output_error(name: &str, out: String, e: bootimg::Error) -> Error {
    match e {
        bootimg::Error::Write(e) => Error::io(out, e),
        e => image_error(name, e),
    }
}
