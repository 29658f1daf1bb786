//! `bootimg-pack`: makes packed boot images, and lists, checks, unpacks and changes them.
#![forbid(unsafe_code)]

mod change;
mod check;
mod list;
mod pack;
mod plan;
mod sources;
mod unpack;
mod why;

use bootimg::ErrorKind;
use cli::{Code, Doc, Error, Example, Io, Result, Status};
use std::path::PathBuf;

/// Command line of `bootimg-pack`.
#[derive(Debug, Default, clap::Parser)]
pub struct Args {
    /// Packed image to look at or change; '-' or nothing is standard input. If no image is named but parts are, a new
    /// one is made.
    #[arg(value_name = "IMAGE")]
    pub image: Option<PathBuf>,

    /// Kernel or kernelcache, in any wrapping.
    #[arg(short, long, value_name = "FILE", help_heading = "Parts", visible_alias = "kernelcache")]
    pub kernel: Option<PathBuf>,
    /// Apple device tree, in any wrapping.
    #[arg(short, long, value_name = "FILE", help_heading = "Parts", visible_alias = "dtree")]
    pub devicetree: Option<PathBuf>,
    /// Ramdisk, in any wrapping.
    #[arg(short, long, value_name = "FILE", help_heading = "Parts", visible_alias = "initrd")]
    pub ramdisk: Option<PathBuf>,
    /// Trust cache, in any wrapping.
    #[arg(short, long, value_name = "FILE", help_heading = "Parts")]
    pub trustcache: Option<PathBuf>,
    /// Manifest (IM4M or another file about the parts).
    #[arg(long, value_name = "FILE", help_heading = "Parts")]
    pub manifest: Option<PathBuf>,
    /// Any other part; in an image that has a part of this name, it is replaced.
    #[arg(long = "part", value_name = "NAME=FILE", help_heading = "Parts")]
    pub parts: Vec<String>,
    /// Replace a part of an image (of standard input, if none is named).
    #[arg(long, value_name = "NAME=FILE", help_heading = "Parts")]
    pub replace: Vec<String>,
    /// Take a part out.
    #[arg(long, value_name = "NAME", help_heading = "Parts")]
    pub remove: Vec<String>,

    /// Boot arguments. With a --configuration, only that one's.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, visible_aliases = ["bootargs", "set-bootargs"], help_heading = "Properties")]
    pub append: Option<String>,
    /// Machine to emulate, as 'xnu-run -M' takes it.
    #[arg(short = 'M', long, value_name = "MACHINE", help_heading = "Properties")]
    pub machine: Option<String>,
    /// Any property of the configurations; without '=VALUE' it is removed.
    #[arg(long, value_name = "PROPERTY[=VALUE]", help_heading = "Properties")]
    pub set: Vec<String>,
    /// Configuration to change, to plan, or to name in a new image.
    #[arg(short, long, value_name = "NAME", help_heading = "Properties")]
    pub configuration: Option<String>,
    /// Configuration that is booted when nobody chooses.
    #[arg(long, value_name = "NAME", help_heading = "Properties")]
    pub default: Option<String>,
    /// Description of a new image.
    #[arg(long, value_name = "TEXT", help_heading = "Properties")]
    pub description: Option<String>,

    /// List parts and configurations (what happens when nothing else is asked for).
    #[arg(short, long)]
    pub list: bool,
    /// List as JSON; with --dry-run, the plan.
    #[arg(long)]
    pub json: bool,
    /// Compare every part with its digests.
    #[arg(long)]
    pub check: bool,
    /// Write all parts into a folder, made if missing.
    #[arg(long, value_name = "DIR")]
    pub unpack: Option<PathBuf>,
    /// Write one part, as it is, to the output.
    #[arg(short = 'x', long, value_name = "NAME")]
    pub extract: Option<String>,
    /// Print the load plan: file, virtual and physical address of everything, slide, gaps and overlaps.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// With --dry-run: draw the load plan to this SVG file too; '-' is standard output, and then nothing else is printed.
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    pub svg: Option<PathBuf>,
    /// Say of every part what is recognised in it at each layer and by what, and why it stops there.
    #[arg(long)]
    pub why: bool,
    /// Output file; '-' or nothing is standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Change the image itself; it is replaced when the new one is complete.
    #[arg(short, long, conflicts_with = "output", requires = "image")]
    pub in_place: bool,

    /// Memory of the machine for --dry-run, such as 2G.
    #[arg(short, long, value_name = "SIZE", help_heading = "Plan", value_parser = plan::size)]
    pub memory: Option<u64>,
    /// KASLR slide for --dry-run.
    #[arg(long, value_name = "BYTES", help_heading = "Plan", value_parser = plan::size)]
    pub slide: Option<u64>,

    /// Options that every tool has.
    #[command(flatten)]
    pub common: cli::Common,
}

impl cli::HasCommon for Args {
    fn common(&self) -> &cli::Common {
        &self.common
    }
}

/// What the manual page adds to the options.
pub const DOC: Doc = Doc {
    name: "bootimg-pack",
    summary: "pack, list, check and change packed boot images",
    examples: &[
        Example {
            command: "bootimg-pack --kernel kernelcache --devicetree devicetree.im4p --ramdisk ramdisk.dmg \
                      --trustcache trustcache.im4p --append 'serial=3 rd=md0' -o new.fit",
            what: "Make an image of files.",
        },
        Example { command: "bootimg-pack -l boot.fit", what: "List parts and configurations." },
        Example { command: "bootimg-pack --check boot.fit", what: "Compare every part with its digest." },
        Example {
            command: "bootimg-pack boot.fit -x kernel | kc-decompress --info",
            what: "One part through a pipe.",
        },
        Example {
            command: "bootimg-pack boot.fit --in-place --append 'serial=3 -v'",
            what: "Change the boot arguments in the file itself. (Not with fdtput: it cuts off the parts.)",
        },
        Example {
            command: "bootimg-pack boot.fit --replace devicetree=devicetree.im4p -o changed.fit",
            what: "Replace one part; all others stay byte for byte.",
        },
        Example {
            command: "ipsw-extract demo.ipsw | bootimg-pack --dry-run",
            what: "What would be loaded where, without running anything.",
        },
        Example { command: "bootimg-pack boot.fit --dry-run --svg plan.svg", what: "The same, drawn too." },
        Example { command: "bootimg-pack boot.fit --why", what: "What is in each part, layer by layer." },
    ],
    exit_status: &[],
    see_also: &["ipsw-extract(1)", "xnu-run(1)", "dt-patch(1)", "bootimg(5)"],
};

impl Args {
    /// Whether parts or properties are to be set.
    fn changes(&self) -> bool {
        self.has_parts()
            || !self.remove.is_empty()
            || !self.set.is_empty()
            || self.append.is_some()
            || self.machine.is_some()
            || self.default.is_some()
    }

    fn has_parts(&self) -> bool {
        let files = [&self.kernel, &self.devicetree, &self.ramdisk, &self.trustcache, &self.manifest];
        files.iter().any(|f| f.is_some()) || !self.parts.is_empty() || !self.replace.is_empty()
    }

    /// Whether a new image is made: no image is named, parts are, and nothing is said of replacing.
    fn makes(&self) -> bool {
        self.image.is_none() && self.has_parts() && self.replace.is_empty()
    }
}

/// Runs the tool.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    let looks = [
        args.list || (args.json && !args.dry_run && !args.why),
        args.check,
        args.unpack.is_some(),
        args.extract.is_some(),
        args.why,
    ];
    if looks.iter().filter(|l| **l).count() > 1 {
        return Err(Error::usage("--list, --check, --unpack, --extract and --why do not go together"));
    }
    if args.changes() && looks.contains(&true) {
        return Err(Error::usage("looking at an image and changing it do not go together: change it first"));
    }
    if args.dry_run {
        plan::run(&args, io)?;
    } else if args.makes() {
        pack::run(&args, io)?;
    } else if args.changes() {
        change::run(&args, io)?;
    } else if args.why {
        why::run(&args, io)?;
    } else if args.check {
        check::run(&args, io)?;
    } else if let Some(folder) = &args.unpack {
        unpack::all(&args, io, folder)?;
    } else if let Some(name) = &args.extract {
        unpack::one(&args, io, name)?;
    } else {
        list::run(&args, io)?;
    }
    Ok(Status::Done)
}

/// An error of the library as the tool tells it.
fn failed(name: &str, e: bootimg::Error) -> Error {
    let code = match e {
        bootimg::Error::Read(e) => return Error::io(name, e),
        bootimg::Error::Write(e) => return Error::io("output", e),
        ref e => match e.kind() {
            ErrorKind::Damaged => Code::Damaged,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::Unsupported => Code::Unsupported,
            ErrorKind::Usage => Code::Usage,
            ErrorKind::Io => Code::Io,
        },
    };
    Error::new(code, format_args!("{name}: {e}"))
}
