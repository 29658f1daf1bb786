//! rd-extract: a restore ramdisk in any wrapping becomes the raw image inside, or its files, without mounting it; and
//! the other way, files become a ramdisk, with signed programs and a trust cache.
//!
//! Recognition, readers and writers are `apple-wrap`'s, `apple-fs`'s and `code-signature`'s; this is the command line,
//! the listing, the tar stream, the reading of folders and archives (module `import`) and the writing of files into a
//! folder (module `extract`, which trusts no name and no link of the image).
#![forbid(unsafe_code)]

mod extract;
mod import;
mod list;
mod make;
mod put;
mod raw;
mod select;
mod sign;
mod source;
mod tape;
mod text;
mod trust;
mod why;

use apple_fs::{ErrorKind, FileSystem, Image};
use cli::{Code, Doc, Error, Example, Io, Result, Status};
use select::Selection;
use source::Source;
use std::path::PathBuf;

/// Command line of `rd-extract`.
#[derive(Debug, clap::Parser)]
#[command(
    long_about = "Reads restore ramdisks and disk images: HFS+, HFSX and APFS volumes, bare or in a partition map, a UDIF \
disk image (.dmg), an IM4P, IMG4 or IMG3, or a packed boot image; all recognised by content. Without another request it \
writes the raw image of the file system. Of a packed boot image it writes the image again with only the ramdisk replaced \
by its raw form, or with --bare the raw image alone.\n\n\
It makes HFSX and HFS+ volumes of folders, tar and cpio archives (--create), changes and resizes those that are there, \
signs programs ad hoc (--sign) and makes the trust cache for them (--trust-cache). Nothing of that needs a Mac, a mount \
or root; an input is never written into, but replaced when the new one is complete.\n\n\
If you know `7z l`, `7z x`, `hfsplus IMG ls` or `hdiutil attach`: -l, -x and --cat do their work, and --tar keeps \
owners, modes, links, times and attributes without being root. For `hdiutil create -srcfolder` there is --create, for \
`hfsplus IMG add`, `rm`, `mkdir`, `mv`, `chmod`, `grow` and `untar` --add, --rm, --mkdir, --mv, --chmod and --resize with \
-i; for `ldid -S` and `codesign -s -` --sign; for `trustcache create`, `append` and `info` --trust-cache and -l."
)]
pub struct Args {
    /// The ramdisk, disk image or packed boot image; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// More files, where there can be several: with --create, --sign and --trust-cache.
    pub more: Vec<PathBuf>,
    /// Where to write the raw image, tar stream or file; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List the files, and write nothing; of a Mach-O show the signatures and check them, of a trust cache the entries.
    #[arg(short, long, conflicts_with_all = ["output", "cat", "tar", "directory"])]
    pub list: bool,
    /// Say what is recognised at each layer, and where and why reading stops.
    #[arg(long, conflicts_with_all = ["output", "list", "extract", "cat", "tar"])]
    pub why: bool,
    /// With --list: print JSON.
    #[arg(long, requires = "list")]
    pub json: bool,
    /// Extract these files and folders with all below them; *, ?, [...] and ** stand for names. '/' is everything.
    #[arg(short = 'x', long = "extract", value_name = "PATH", num_args = 1.., conflicts_with = "cat")]
    pub extract: Vec<String>,
    /// Folder to extract into; made if it is not there.
    #[arg(short = 'C', long, value_name = "DIR", requires = "extract", conflicts_with_all = ["tar", "output"])]
    pub directory: Option<PathBuf>,
    /// Write the contents of one file. Symbolic links are followed inside the image.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tar", "directory"])]
    pub cat: Option<String>,
    /// Write a tar stream, of everything or of what --extract names. It holds owners, modes, links, devices, times and
    /// extended attributes (pax, SCHILY.xattr).
    #[arg(short, long)]
    pub tar: bool,
    /// Do everything but write; say what would be written.
    #[arg(short = 'n', long, conflicts_with_all = ["list", "cat"])]
    pub dry_run: bool,
    /// With --extract: replace files that are there already.
    #[arg(short, long)]
    pub force: bool,
    /// With --extract: give files their owners and set-id bits, for which one must be root.
    #[arg(long)]
    pub owner: bool,
    /// Volume of an APFS container: its name, role (system, data, ...) or number; the first readable one if absent.
    #[arg(long, value_name = "VOLUME")]
    pub volume: Option<String>,
    /// Show what only serves an HFS+ volume itself too: files behind hard links, the journal.
    #[arg(long)]
    pub private: bool,
    /// Write the whole disk with its partition map, not only the file system.
    #[arg(long, conflicts_with_all = ["list", "extract", "cat", "tar"])]
    pub whole: bool,
    /// Do not compare a disk image's checksums before writing the raw image.
    #[arg(long)]
    pub no_verify: bool,
    /// The most bytes to write; the default is 1 GiB and 200 times the size of the input.
    #[arg(long, value_name = "BYTES")]
    pub max_size: Option<u64>,
    /// Key of an encrypted IM4P or IMG3: IV and key as one run of hexadecimal digits (96 for AES-256), or IV:KEY.
    #[arg(short, long, value_name = "IVKEY")]
    pub key: Option<String>,
    /// Part of a packed boot image to work on; the ramdisk of its default configuration if absent.
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// Of a packed boot image write the raw image alone.
    #[arg(short, long)]
    pub bare: bool,
    /// Options that every tool has.
    #[command(flatten)]
    pub common: cli::Common,
    /// Making volumes.
    #[command(flatten)]
    pub make: make::Make,
    /// Changing volumes.
    #[command(flatten)]
    pub change: make::Change,
    /// Signing.
    #[command(flatten)]
    pub sign: sign::Sign,
    /// Trust caches.
    #[command(flatten)]
    pub trust: trust::Trust,
}

impl Args {
    /// The files that are named: those without an option, and then those of `list`.
    fn named(&self, list: &Option<Vec<PathBuf>>) -> Vec<PathBuf> {
        self.file.iter().chain(&self.more).chain(list.iter().flatten()).cloned().collect()
    }
}

impl cli::HasCommon for Args {
    fn common(&self) -> &cli::Common {
        &self.common
    }
}

/// What the manual page adds to the options.
pub const DOC: Doc = Doc {
    name: "rd-extract",
    summary: "read, make and change restore ramdisks and disk images without mounting them",
    examples: &[
        Example {
            command: "rd-extract -l ramdisk.dmg",
            what: "Lists the files of a ramdisk as it is in an IPSW.",
        },
        Example {
            command: "rd-extract ramdisk.dmg -o ramdisk.raw",
            what: "Takes the wrappings off: the result is the bare file system.",
        },
        Example {
            command: "rd-extract ramdisk.dmg -x / -C files",
            what: "Extracts everything into the folder 'files'.",
        },
        Example {
            command: "rd-extract ramdisk.dmg --tar | tar -tv",
            what: "Gives a tar stream with owners, modes, links and attributes.",
        },
        Example {
            command: "rd-extract -l --json ramdisk.dmg | grep '\"path\"'",
            what: "Lists the files for another program.",
        },
        Example {
            command: "ipsw-extract demo.ipsw | rd-extract --bare > ramdisk.raw",
            what: "Takes the raw ramdisk out of a packed boot image as it streams by.",
        },
        Example {
            command: "rd-extract ramdisk.dmg --tar | rd-extract --create - --volume-name New -o new.hfs",
            what: "Makes an HFSX volume of a tar stream: here of another volume, which could be APFS.",
        },
        Example {
            command: "rd-extract ramdisk.dmg --add boot.fit /usr/share/ --rm /private/etc/motd -o changed.dmg",
            what: "Puts a file into a ramdisk and takes one out; the result is wrapped as the input is.",
        },
        Example {
            command: "cp ramdisk.dmg r.dmg && rd-extract r.dmg -i --resize +16M --chmod u+s /sbin/launchd",
            what: "Makes a ramdisk larger and changes a mode, in place.",
        },
        Example {
            command: "rd-extract ramdisk.dmg --cat /sbin/launchd -o hello && rd-extract --sign hello --identifier org.example.hello",
            what: "Signs a program ad hoc.",
        },
        Example {
            command: "rd-extract ramdisk.dmg --trust-cache --type rtsc -o ramdisk.trustcache",
            what: "Makes the trust cache that belongs to a ramdisk, as an IM4P.",
        },
        Example {
            command: "rd-extract trustcache.im4p --find $(rd-extract ramdisk.dmg --trust-cache -l | cut -d ' ' -f 1)",
            what: "Looks the programs of a ramdisk up in a trust cache.",
        },
    ],
    exit_status: &[],
    see_also: &["ipsw-extract(1)", "bootimg-pack(1)", "xnu-run(1)", "bootimg(5)"],
};

/// What the actions share.
struct Job<'a> {
    args: &'a Args,
    /// The input, for messages.
    name: &'a str,
    /// The most bytes to write.
    limit: u64,
}

/// Runs the tool.
///
/// # Errors
/// Damage, encryption, an input without a file system, files that are not there; see the exit statuses.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    if args.directory.is_none() && !args.extract.is_empty() && !args.tar && !args.list {
        return Err(Error::usage("say where to extract to: -C DIR, or --tar for a stream"));
    }
    let reads = args.list || args.tar || args.cat.is_some() || !args.extract.is_empty() || args.why;
    let changes = args.change.is_wanted() || args.make.changes();
    let cache = args.trust.trust_cache.is_some();
    // What else the command line asks for; making a volume may change and sign it at once.
    let wanted: Vec<&str> = [
        (args.make.create.is_some(), "--create"),
        (changes && args.make.create.is_none(), "changing a volume"),
        (args.sign.sign.is_some() && !changes && args.make.create.is_none(), "--sign"),
        (cache, "--trust-cache"),
        (!args.trust.find.is_empty(), "--find"),
        (reads && !(cache && args.list), "reading"),
    ]
    .into_iter()
    .filter_map(|(wanted, what)| wanted.then_some(what))
    .collect();
    if !args.more.is_empty() && !matches!(wanted.as_slice(), ["--create" | "--sign" | "--trust-cache"]) {
        return Err(Error::usage("several files go with --create, --sign and --trust-cache"));
    }
    match wanted.as_slice() {
        [] | ["reading"] if args.change.in_place => {
            return Err(Error::usage("--in-place: say what is to be changed"));
        }
        [] | ["reading"] => {}
        ["--create"] if args.change.in_place => {
            return Err(Error::usage("--in-place goes with changes of a volume, not with --create"));
        }
        ["--create"] => return make::create(&args, io),
        ["changing a volume"] => return make::change(&args, io),
        ["--sign"] => return sign::files(&args, io),
        ["--trust-cache"] => return trust::make(&args, io),
        ["--find"] => return trust::find(&args, io),
        many => return Err(Error::usage(format_args!("one thing at a time: {}", many.join(" or ")))),
    }
    let mut input = io.input(args.file.as_deref())?;
    let name = input.name().to_string();
    if args.why {
        return why::why(&args, &mut input, io);
    }
    if args.list && source::is_macho(&input) {
        let file = input.read_all(cli::MAX_COMPONENT)?;
        return sign::show(&name, &file, args.json, io);
    }
    let raw = !args.list && !args.tar && args.cat.is_none() && args.extract.is_empty();
    let opened = source::open(&args, &mut input, raw && !args.bare)?;
    opened.tell(&name, io);
    let size = opened.source.len();
    let limit = args.max_size.unwrap_or_else(|| size.saturating_mul(200).saturating_add(1 << 30));
    let job = Job { args: &args, name: &name, limit };
    if opened.trust_cache {
        return job.trust_cache(&opened, io);
    }
    let image = Image::open(opened.source.clone()).map_err(|e| fail(&name, &e))?;
    for layer in image.layers() {
        io.verbose(format_args!("{name}: {layer}"));
    }
    if raw {
        return job.raw(&image, opened, io);
    }
    let fs = image.mount(args.volume.as_deref(), args.private).map_err(|e| fail(&name, &e))?;
    for warning in &fs.volume().warnings {
        io.warn(format_args!("{name}: {warning}"));
    }
    job.files(&opened, &image, fs.as_ref(), io)
}

impl Job<'_> {
    /// What is done with the files of a volume.
    fn files(&self, opened: &Source<'_>, image: &Image, fs: &dyn FileSystem, io: &mut Io) -> Result<Status> {
        if let Some(path) = &self.args.cat {
            return self.cat(fs, path, io);
        }
        let selection = Selection::new(fs.tree(), &self.args.extract);
        for pattern in &selection.missing {
            io.warn(format_args!("{}: nothing is called {pattern:?}", self.name));
        }
        if selection.is_empty() {
            return Ok(Status::NothingFound);
        }
        if self.args.list {
            self.list(opened, image, fs, &selection, io)?;
        } else {
            self.within_limit(selection.bytes(fs.tree()))?;
            if self.args.tar {
                self.tar(fs, &selection, io)?;
            } else {
                self.extract(fs, &selection, io)?;
            }
        }
        Ok(if selection.missing.is_empty() { Status::Done } else { Status::NothingFound })
    }

    fn cat(&self, fs: &dyn FileSystem, path: &str, io: &Io) -> Result<Status> {
        let index = select::resolve(fs, path).map_err(|e| fail(self.name, &e))?;
        let entry = fs.tree().entries().get(index).ok_or_else(|| Error::not_found(self.name, path))?;
        self.within_limit(entry.meta.size)?;
        let mut contents = fs.open(entry).map_err(|e| self.fail_at(path, &e))?;
        let mut out = io.text_output(self.args.output.as_deref())?;
        copy(&mut contents, |bytes| out.put(bytes), |e| self.fail_at(path, &e))?;
        out.finish()?;
        Ok(Status::Done)
    }

    /// Refuses what would write more than the limit.
    fn within_limit(&self, bytes: u64) -> Result<()> {
        if bytes <= self.limit {
            return Ok(());
        }
        Err(Error::unsupported(
            self.name,
            format_args!(
                "{bytes} bytes would be written, more than the limit of {}: a bomb, or give --max-size {bytes}",
                self.limit
            ),
        ))
    }

    fn fail_at(&self, path: &str, e: &apple_fs::Error) -> Error {
        fail(&format!("{}: {path}", self.name), e)
    }
}

/// Copies a stream; `fail` makes the error for a failed read, `put` that for a failed write.
fn copy<E>(
    from: &mut dyn std::io::Read,
    mut put: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    fail: impl Fn(apple_fs::Error) -> E,
) -> std::result::Result<u64, E> {
    let mut buf = vec![0; 256 << 10];
    let mut total = 0u64;
    loop {
        let n = match from.read(&mut buf) {
            Ok(0) => return Ok(total),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(fail(apple_fs::Error::from_io(&e))),
        };
        put(buf.get(..n).unwrap_or_default())?;
        total = total.saturating_add(n as u64);
    }
}

/// A library's failure as the tool's.
fn fail(file: &str, e: &apple_fs::Error) -> Error {
    let code = match e.kind() {
        ErrorKind::Damaged => Code::Damaged,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::Unsupported => Code::Unsupported,
        ErrorKind::Invalid => Code::Usage,
        ErrorKind::Io => Code::Io,
    };
    Error::new(code, format_args!("{file}: {e}"))
}

#[cfg(test)]
mod tests;
