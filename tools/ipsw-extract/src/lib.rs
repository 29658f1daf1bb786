//! `ipsw-extract`: lists an IPSW, and takes out of it components, files, or the whole boot set as a packed image.
#![forbid(unsafe_code)]

mod diff;
mod extract;
mod glob;
mod inner;
mod list;
mod parallel;
mod remote;
mod select;
mod verify;
mod why;

use ::remote::is_url;
use apple_ipsw::{Choice, ErrorKind, Ipsw, ReadAt};
use cli::{Code, Doc, Error, Example, Io, Result, Status};
use pipeline::BootOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// In a pipe, members before the manifest are kept up to this packed size each: kernelcaches and ramdisks, not the
/// system's disk image.
const EARLY_LIMIT: u64 = 512 << 20;

/// Command line of `ipsw-extract`.
#[derive(Debug, Clone, Default, clap::Parser)]
#[command(
    long_about = "Lists an IPSW, and takes components, files or the whole boot set out of it. The IPSW is a file, a pipe, a \
folder into which it was unpacked, or an http(s) URL, of which only what is needed is read: the directory at its end, the \
manifests, and the members that are wanted. A lost connection is taken up where it was; a file that changes on the server is \
an error. Proxies are those of http_proxy, https_proxy, all_proxy and no_proxy.\n\n\
Over-the-air archives (zip, manifest in AssetData/boot) are read like IPSWs. What is inside members is named by two slashes: \
'Firmware/*.bbfw//*.elf' for archives in the archive, '//usr/lib/dyld' for the payloads of updates (pbzx, Apple Archive).\n\n\
If you know ipsw: 'ipsw extract --kernel --dtree --iboot --sep --dmg rdisk --files --pattern' have their like here (--pattern \
is a shell's pattern); 'ipsw diff A B' is 'ipsw-extract diff A B', 'ipsw ota ls OTA' is \"ipsw-extract -l OTA '//'\". The verbs \
extract, list, info, verify, diff and pack work. If you know remotezip: URLs are taken as they are."
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
    /// Read every file: compare its CRC-32 and size, and all of BuildManifest's digests for it; NAMEs are patterns of paths.
    #[arg(long, conflicts_with_all = ["output", "pack", "list", "check"])]
    pub verify: bool,
    /// Compare two IPSWs: builds, identities, components, files, kernel and kext versions, device trees; exit status 1 if
    /// they differ.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["output", "pack", "list", "check", "input"])]
    pub diff: Vec<PathBuf>,
    /// Say what the archive and what is wanted of it were recognised as, layer by layer, and what is in the way.
    #[arg(long, conflicts_with_all = ["output", "pack", "list", "check", "verify", "json"])]
    pub why: bool,
    /// How many files to read at once; 0 is as many as there are processors.
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub jobs: usize,
    /// The kernelcache, as if KernelCache were named.
    #[arg(long, hide_short_help = true)]
    pub kernel: bool,
    /// The device tree.
    #[arg(long, hide_short_help = true, alias = "devicetree")]
    pub dtree: bool,
    /// The boot loaders (iBoot, iBEC, iBSS, LLB).
    #[arg(long, hide_short_help = true)]
    pub iboot: bool,
    /// The secure enclave's firmware.
    #[arg(long, hide_short_help = true)]
    pub sep: bool,
    /// A disk image: fs (the system), rdisk (the restore ramdisk), app or sys (cryptexes).
    #[arg(long, hide_short_help = true, value_name = "WHICH", value_parser = ["fs", "rdisk", "app", "sys"])]
    pub dmg: Vec<String>,
    /// A pattern of paths, as if it were named.
    #[arg(long, hide_short_help = true, value_name = "GLOB")]
    pub pattern: Vec<String>,
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
            command: "ipsw-extract --verify demo.ipsw",
            what: "Read every file: CRC-32, sizes, digests.",
        },
        Example {
            command: "ipsw-extract --diff demo.ipsw demo.ipsw && echo the same",
            what: "Compare two IPSWs; either may be a URL.",
        },
        Example {
            command: "ipsw-extract --why demo.ipsw kernel ramdisk",
            what: "What they are wrapped in, layer by layer.",
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
    exit_status: &[(1, "with --diff: the IPSWs differ")],
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
        self.list || (self.json && !self.verify) || self.files
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
    let args = arranged(args)?;
    if let [old, new] = args.diff.as_slice() {
        return diff::run(&args, io, old, new);
    }
    let opened = open(&args, io)?;
    let (name, ipsw) = (&opened.name, &opened.ipsw);
    // Of any other zip archive there are the files, and what is in them.
    let by_path = args.names.iter().all(|n| select::is_pattern(n)) && !args.names.is_empty() && !args.pack;
    if opened.plain && !by_path && !args.verify && !args.files && !args.why {
        let message = "no file BuildManifest.plist in it: no IPSW; --files lists it, patterns take files out";
        return Err(Error::not_found(name, message));
    }
    let mut status = Status::Done;
    let result = if args.why {
        why::run(&args, io, &opened).map(|s| status = s)
    } else if args.verify {
        verify::run(&args, io, &opened)
    } else if args.names.iter().any(|n| inner::is_inner(n)) {
        inner::run(&args, io, &opened)
    } else if args.is_listing() {
        list::run(&args, io, name, ipsw)
    } else if args.check {
        extract::check(&args, io, name, ipsw)
    } else if args.packs() {
        extract::pack(&args, io, name, ipsw)
    } else {
        extract::files(&args, io, &opened)
    };
    opened.say_traffic(io);
    result.map(|()| status)
}

/// Verbs, options that stand for names, and a URL that takes the place of the IPSW.
fn arranged(mut args: Args) -> Result<Args> {
    let words = |args: &mut Args| {
        let mut words: Vec<PathBuf> = args.input.take().into_iter().collect();
        words.extend(args.names.drain(..).map(PathBuf::from));
        words
    };
    let verb = args.input.as_deref().filter(|p| !p.exists()).and_then(|p| p.to_str()).unwrap_or_default();
    let known = ["extract", "list", "ls", "info", "verify", "diff", "pack"];
    if let Some(verb) = known.into_iter().find(|k| *k == verb) {
        let mut rest = words(&mut args).into_iter().skip(1);
        match verb {
            "list" | "ls" | "info" => args.list = true,
            "verify" => args.verify = true,
            "pack" => args.pack = true,
            "diff" => {
                args.diff = rest.collect();
                return match args.diff.len() {
                    2 => Ok(args),
                    _ => Err(Error::usage("diff wants two IPSWs: ipsw-extract diff OLD NEW")),
                };
            }
            _ => {}
        }
        args.input = if args.remote.is_some() { None } else { rest.next() };
        args.names = rest.map(|p| p.display().to_string()).collect();
    } else if args.remote.is_some() {
        args.names = words(&mut args).into_iter().map(|p| p.display().to_string()).collect();
    }
    let mut more = Vec::new();
    for (wanted, names) in [
        (args.kernel, &["KernelCache"][..]),
        (args.dtree, &["DeviceTree"]),
        (args.iboot, &["iBoot", "iBEC", "iBSS", "LLB"]),
        (args.sep, &["SEP"]),
    ] {
        more.extend(names.iter().filter(|_| wanted).map(ToString::to_string));
    }
    for which in &args.dmg {
        more.push(match which.as_str() {
            "rdisk" => "RestoreRamDisk".into(),
            "app" => "Cryptex1,AppOS".into(),
            "sys" => "Cryptex1,SystemOS".into(),
            _ => "OS".into(),
        });
    }
    more.extend(args.pattern.iter().cloned());
    args.names.extend(more);
    Ok(args)
}

/// An IPSW and what to call it.
struct Opened {
    name: String,
    ipsw: Ipsw,
    server: Option<Arc<::remote::RemoteFile>>,
    /// A zip archive without a BuildManifest.
    plain: bool,
}

impl Opened {
    /// How many files to read at once: a server is not asked for more than a few unless the user wants it.
    fn jobs(&self, args: &Args) -> usize {
        match args.jobs {
            0 => {
                let processors = std::thread::available_parallelism().map_or(1, usize::from);
                processors.min(if self.server.is_some() { 4 } else { 16 })
            }
            n => n,
        }
    }

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
    match (&args.remote, &args.input) {
        (Some(url), _) => remote::open(args, io, url),
        (None, Some(path)) => open_path(args, io, path),
        (None, None) => open_path(args, io, Path::new("-")),
    }
}

/// Opens what a path means.
fn open_path(args: &Args, io: &Io, path: &Path) -> Result<Opened> {
    if let Some(url) = path.to_str().filter(|p| is_url(p)) {
        return remote::open(args, io, url);
    }
    let local = |name: String, ipsw| Opened { name, ipsw, server: None, plain: false };
    if path.is_dir() {
        let name = path.display().to_string();
        let ipsw = Ipsw::open_folder(path).map_err(|e| failed(&name, e))?;
        return Ok(local(name, ipsw));
    }
    let input = io.input(Some(path))?;
    let name = input.name().to_string();
    if let Some(file) = input.seekable() {
        let file = file.try_clone().map_err(|e| Error::io(&name, e))?;
        return of_archive(name, Arc::new(file), io);
    }
    let ipsw = spooled(args, &name, input)?;
    Ok(local(name, ipsw))
}

/// An archive that can be read at any place: an IPSW, one that holds a single IPSW, or any other zip.
fn of_archive(name: String, source: Arc<dyn ReadAt>, io: &Io) -> Result<Opened> {
    let missing = match Ipsw::open_shared(source.clone()) {
        Ok(ipsw) => return Ok(Opened { name, ipsw, server: None, plain: false }),
        Err(e @ apple_ipsw::Error::NoFile(_)) => e,
        Err(e) => return Err(failed(&name, e)),
    };
    let archive = Ipsw::open_plain(source).map_err(|e| failed(&name, e))?;
    let inside = |e: &&apple_ipsw::Entry| e.name.to_ascii_lowercase().ends_with(".ipsw") && !e.is_symlink;
    let mut inner = archive.entries().iter().filter(inside);
    if let (Some(entry), None) = (inner.next(), inner.next()) {
        io.verbose(format_args!("{name}: {missing}; taking {} in it", entry.name));
        let name = format!("{name}//{}", entry.name);
        let source = archive.inner(&entry.name, &mut tempfile::tempfile).map_err(|e| failed(&name, e))?;
        let ipsw = Ipsw::open_shared(source).map_err(|e| failed(&name, e))?;
        return Ok(Opened { name, ipsw, server: None, plain: false });
    }
    Ok(Opened { name, ipsw: archive, server: None, plain: true })
}

/// Reads an archive from start to end, keeping what is wanted of it.
fn spooled(args: &Args, name: &str, input: impl std::io::Read) -> Result<Ipsw> {
    let spool = tempfile::tempfile().map_err(|e| Error::io("temporary file", e))?;
    let mut keep = |manifest: &apple_ipsw::BuildManifest| select::wanted_paths(args, manifest);
    let early = match (args.verify, args.is_listing()) {
        (true, _) => u64::MAX,
        (_, true) => 0,
        _ => EARLY_LIMIT,
    };
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
