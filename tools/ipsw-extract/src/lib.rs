//! `ipsw-extract`: lists an IPSW, and takes out of it components, files, or the whole boot set as a packed image.
#![forbid(unsafe_code)]

mod extract;
mod glob;
mod list;
mod remote;
mod select;

use ::remote::is_url;
use apple_ipsw::{Choice, ErrorKind, Ipsw};
use cli::{Code, Doc, Error, Example, Io, Result, Status};
use pipeline::BootOptions;
use std::path::PathBuf;
use std::sync::Arc;

/// In a pipe, members before the manifest are kept up to this packed size each: kernelcaches and ramdisks, not the
/// system's disk image.
const EARLY_LIMIT: u64 = 512 << 20;

/// Command line of `ipsw-extract`.
#[derive(Debug, Default, clap::Parser)]
#[command(
    long_about = "Lists an IPSW, and takes components, files or the whole boot set out of it. The IPSW is a file, a pipe, a \
folder into which it was unpacked, or an http(s) URL, of which only what is needed is read: the directory at its end, the \
manifests, and the members that are wanted. A lost connection is taken up where it was; a file that changes on the server is \
an error. Proxies are those of http_proxy, https_proxy, all_proxy and no_proxy."
)]
pub struct Args {
    /// IPSW, a folder into which one was unpacked, or its http(s) URL; '-' or nothing is standard input.
    #[arg(value_name = "IPSW")]
    pub input: Option<PathBuf>,
    /// Components (KernelCache, RestoreRamDisk, ...; kernel, devicetree, ramdisk, trustcache for short) or patterns of
    /// paths ('*.im4p', 'Firmware/**'). One goes to standard output if there is no -o.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// List builds, devices, identities and components.
    #[arg(short, long)]
    pub list: bool,
    /// List all files of the archive, too.
    #[arg(long)]
    pub files: bool,
    /// List as JSON.
    #[arg(long)]
    pub json: bool,
    /// Compare every component's file with BuildManifest's digest; write nothing.
    #[arg(long, conflicts_with_all = ["output", "pack", "list", "json"])]
    pub check: bool,
    /// Folder to write the files into, made if missing; with --pack, the file to write. '-' is standard output.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Leave out the folders of the archive: all files directly into the output folder.
    #[arg(long)]
    pub flat: bool,
    /// Write the boot set as a packed image, with the components named added to it. This is what happens anyway when
    /// neither names nor -o are given.
    #[arg(long)]
    pub pack: bool,
    /// Only say what would be written.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
    /// Product type, such as iPhone10,3.
    #[arg(long, value_name = "TYPE")]
    pub device: Option<String>,
    /// Board, such as d22ap or d22.
    #[arg(long, value_name = "BOARD")]
    pub board: Option<String>,
    /// Erase (the default), Update, Recovery or other words of the variant; or the number of the identity.
    #[arg(long, visible_alias = "identity", value_name = "WAY")]
    pub variant: Option<String>,
    /// Pack one configuration for each way to install.
    #[arg(long)]
    pub all_variants: bool,
    /// Boot arguments to put into the packed image.
    #[arg(long, allow_hyphen_values = true, visible_alias = "bootargs", value_name = "TEXT")]
    pub append: Option<String>,
    /// Machine to put into the packed image, as 'xnu-run -M' takes it.
    #[arg(short = 'M', long, value_name = "MACHINE")]
    pub machine: Option<String>,
    /// Do not compare files with BuildManifest's digests (CRC-32 and sizes are always compared).
    #[arg(long)]
    pub no_verify: bool,
    /// The IPSW's http(s) URL, of which only what is needed is read; IPSW is then the first NAME.
    #[arg(long, value_name = "URL")]
    pub remote: Option<String>,
    /// If the server sends no parts of files, take all of it, in order.
    #[arg(long)]
    pub allow_full_download: bool,
    /// Header to send to the server, such as 'Authorization: Bearer ...'.
    #[arg(long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
    /// How often in a row to ask a server again when it fails or the connection is lost.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub retries: u32,
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
    name: "ipsw-extract",
    summary: "list an IPSW and take components out of it",
    examples: &[
        Example {
            command: "ipsw-extract -l demo.ipsw",
            what: "What it is for, which identities and components it has.",
        },
        Example {
            command: "ipsw-extract demo.ipsw > boot.fit",
            what: "The boot set (kernelcache, device tree, restore ramdisk, trust cache) as a packed image.",
        },
        Example {
            command: "ipsw-extract demo.ipsw kernel | kc-decompress > kernel.macho",
            what: "One component through a pipe. (ipsw users: 'ipsw extract --kernel', then 'ipsw kernel dec'.)",
        },
        Example {
            command: "ipsw-extract demo.ipsw '*.im4p' 'Firmware/*.trustcache' -o files",
            what: "All files that fit patterns, into a folder.",
        },
        Example {
            command: "cat demo.ipsw | ipsw-extract --variant Update | bootimg-pack -l",
            what: "From a pipe: only what is wanted is kept.",
        },
        Example {
            command: "ipsw-extract --check demo.ipsw",
            what: "Compare all files with BuildManifest's digests.",
        },
        Example {
            command: "ipsw-extract --json demo.ipsw | grep -c RestoreRamDisk",
            what: "The list for programs.",
        },
    ],
    exit_status: &[],
    see_also: &["bootimg-pack(1)", "kc-decompress(1)", "rd-extract(1)", "bootimg(5)", "xnu-run(7)"],
};

impl Args {
    fn choice(&self) -> Choice {
        let index = self.variant.as_ref().and_then(|v| v.parse().ok());
        Choice {
            device: self.device.clone(),
            board: self.board.clone(),
            variant: self.variant.clone().filter(|_| index.is_none()),
            identity: index,
        }
    }

    fn boot_options(&self) -> BootOptions {
        BootOptions {
            choice: self.choice(),
            all_ways: self.all_variants,
            extra: self.names.clone(),
            bootargs: self.append.clone(),
            machine: self.machine.clone(),
            verify: !self.no_verify,
            timestamp: bootimg::timestamp_from_env(),
        }
    }

    fn is_listing(&self) -> bool {
        self.list || self.json || self.files
    }

    /// Whether the result is a packed image.
    fn packs(&self) -> bool {
        self.pack || (self.names.is_empty() && self.to_stdout())
    }

    fn to_stdout(&self) -> bool {
        self.output.as_ref().is_none_or(|o| o.as_os_str() == "-")
    }
}

/// Runs the tool.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    let mut args = args;
    if args.remote.is_some()
        && let Some(first) = args.input.take()
    {
        args.names.insert(0, first.display().to_string());
    }
    let opened = open(&args, io)?;
    let (name, ipsw) = (&opened.name, &opened.ipsw);
    let result = if args.is_listing() {
        list::run(&args, io, name, ipsw)
    } else if args.check {
        extract::check(&args, io, name, ipsw)
    } else if args.packs() {
        extract::pack(&args, io, name, ipsw)
    } else {
        extract::files(&args, io, name, ipsw)
    };
    opened.say_traffic(io);
    result.map(|()| Status::Done)
}

/// An IPSW and what to call it.
struct Opened {
    name: String,
    ipsw: Ipsw,
    server: Option<Arc<::remote::RemoteFile>>,
}

impl Opened {
    fn say_traffic(&self, io: &Io) {
        if let Some(server) = &self.server {
            let (requests, bytes) = server.traffic();
            let size = server.size();
            io.verbose(format_args!("{}: {bytes} bytes of {size} in {requests} requests", self.name));
        }
    }
}

/// Opens the URL, folder, file or pipe.
fn open(args: &Args, io: &Io) -> Result<Opened> {
    let url = args.remote.as_deref().or(args.input.as_deref().and_then(|p| p.to_str()).filter(|p| is_url(p)));
    if let Some(url) = url {
        return remote::open(args, url);
    }
    let local = |name: String, ipsw| Opened { name, ipsw, server: None };
    if let Some(path) = args.input.as_deref().filter(|p| p.is_dir()) {
        let name = path.display().to_string();
        let ipsw = Ipsw::open_folder(path).map_err(|e| failed(&name, e))?;
        return Ok(local(name, ipsw));
    }
    let input = io.input(args.input.as_deref())?;
    let name = input.name().to_string();
    if let Some(file) = input.seekable() {
        let file = file.try_clone().map_err(|e| Error::io(&name, e))?;
        let ipsw = Ipsw::open(file).map_err(|e| failed(&name, e))?;
        return Ok(local(name, ipsw));
    }
    let ipsw = spooled(args, &name, input)?;
    Ok(local(name, ipsw))
}

/// Reads an archive from start to end, keeping what is wanted of it.
fn spooled(args: &Args, name: &str, input: impl std::io::Read) -> Result<Ipsw> {
    let spool = tempfile::tempfile().map_err(|e| Error::io("temporary file", e))?;
    let mut keep = |manifest: &apple_ipsw::BuildManifest| select::wanted_paths(args, manifest);
    let early = if args.is_listing() { 0 } else { EARLY_LIMIT };
    Ipsw::from_stream(input, spool, early, &mut keep).map_err(|e| failed(name, e))
}

/// An error of the library as the tool tells it.
fn failed(name: &str, e: apple_ipsw::Error) -> Error {
    let code = match e.kind() {
        ErrorKind::Damaged => Code::Damaged,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Unsupported => Code::Unsupported,
        ErrorKind::Ambiguous => Code::Usage,
        ErrorKind::Io => Code::Io,
    };
    Error::new(code, format_args!("{name}: {e}"))
}
