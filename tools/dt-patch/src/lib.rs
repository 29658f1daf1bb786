//! dt-patch: an Apple device tree as text, as JSON, or edited where it is.
//!
//! What comes in as a file goes out as one; a packed boot image goes out as the image again, with only its device tree
//! parts (and boot arguments) changed. The edits are `apple-dt`'s, the presets `xnu-boot`'s; this is the command line.
#![forbid(unsafe_code)]

mod diff;
mod edits;
mod formats;
mod look;
mod show;
mod source;
mod values;

use apple_dt::{Change, Tree};
use bootimg::Rewriter;
use cli::{Doc, Error, Example, Io, Result, Status};
use edits::Wanted;
pub use formats::Format;
use pipeline::{PatchedTree, TreeError};
use source::Source;
use std::borrow::Cow;
use std::io::Read;
use std::path::PathBuf;

/// Command line of `dt-patch`.
#[derive(Debug, clap::Parser)]
#[command(
    long_about = "Edits Apple device trees: bare, in an IM4P or IMG4, in text form, as a flattened device tree or its source, \
or as a part of a packed boot image, recognised by content. A tree gives a tree; a packed boot image gives the image again \
with only its device tree parts changed, everything else passes through byte for byte.\n\n\
Edits are done in this order: --values, presets, scripts, --fill, --insert, --rename, --delete, --set. Paths, values, the text \
form and the files of values are described in dt-patch(5).\n\n\
If you know dtc: '-I dtb|dts|adt' and '-O dtb|dts|adt' mean the same here. If you know ipsw: 'ipsw dtree FILE' is \
'dt-patch -l FILE', and --json, --summary and --filter are the same. 'dt-patch diff OLD NEW', 'dt-patch list FILE', \
'dt-patch decompile FILE' and 'dt-patch compile FILE' work, too."
)]
pub struct Args {
    /// The device tree or packed boot image; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// What follows a verb.
    #[arg(hide = true)]
    pub more: Vec<PathBuf>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List the nodes, with numbers of properties and placeholders, and write nothing.
    #[arg(short, long, conflicts_with_all = ["text", "compile", "print", "output"])]
    pub list: bool,
    /// Print what matters of a tree: model, SoC, CPUs, console, memory map, what is left to fill in.
    #[arg(long, conflicts_with_all = ["list", "text", "compile", "print", "output"])]
    pub summary: bool,
    /// Print the tree as JSON (with --list, --summary and --diff: those).
    #[arg(long, conflicts_with_all = ["compile", "print"])]
    pub json: bool,
    /// Write the tree in text form, which compiles back to the identical bytes.
    #[arg(short, long, visible_alias = "decompile", conflicts_with_all = ["json", "compile", "print"])]
    pub text: bool,
    /// Write the tree as bytes although it came in another form.
    #[arg(short, long, conflicts_with = "print")]
    pub compile: bool,
    /// Form to write: Apple's bytes, text, json, a flattened device tree (fdt, dtb) or its source (dts). The last two are
    /// turned back into the identical Apple tree.
    #[arg(short = 'O', long, value_name = "FORM", conflicts_with_all = ["text", "json", "compile", "print", "list"])]
    pub to: Option<Format>,
    /// Form of the input, instead of what it looks like. Another maker's flattened device tree must be named.
    #[arg(short = 'I', long, value_name = "FORM")]
    pub from: Option<Format>,
    /// Compare two trees, phandles followed to the nodes they mean; exit status 1 if they differ.
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"], conflicts_with_all = ["file", "output", "print"])]
    pub diff: Vec<PathBuf>,
    /// Show only nodes whose names fit a pattern, with what is below them; a pattern that begins with '/' is a path.
    #[arg(long, value_name = "GLOB")]
    pub filter: Vec<String>,
    /// Say what the file was recognised as, layer by layer, and what is in the way.
    #[arg(long, conflicts_with_all = ["list", "summary", "json", "text", "compile", "to", "print", "output"])]
    pub why: bool,
    /// Print a node, or one property's value.
    #[arg(short, long, value_name = "PATH[:PROPERTY]", conflicts_with = "output")]
    pub print: Vec<String>,
    /// A device's data (SysCfg keys, MAC addresses), seeds and properties, in TOML, JSON or a property list: placeholders
    /// are expanded with them as the boot loader does.
    #[arg(long, value_name = "FILE")]
    pub values: Vec<PathBuf>,
    /// Do a preset's edits; a packed image without boot arguments of its own gets the preset's.
    #[arg(short = 'P', long, value_name = "NAME|FILE")]
    pub preset: Vec<String>,
    /// List the presets.
    #[arg(long, exclusive = true)]
    pub list_presets: bool,
    /// Do the edits of a script.
    #[arg(short, long, value_name = "FILE")]
    pub script: Vec<PathBuf>,
    /// Fill in what a boot loader would that does not depend on the machine. xnu-run does this by itself.
    #[arg(long)]
    pub fill: bool,
    /// Set a property: a value of dt-patch(5), a number, or else a text.
    #[arg(long, value_name = "PATH:PROPERTY=VALUE")]
    pub set: Vec<String>,
    /// Delete nodes or properties.
    #[arg(long, value_name = "PATH[:PROPERTY]")]
    pub delete: Vec<String>,
    /// Rename nodes or a property.
    #[arg(long, value_name = "PATH[:PROPERTY]=NAME")]
    pub rename: Vec<String>,
    /// Make a node, with its missing parents.
    #[arg(long, value_name = "PATH")]
    pub insert: Vec<String>,
    /// Leave a packed image's boot arguments alone.
    #[arg(long)]
    pub keep_bootargs: bool,
    /// Keep the container (IM4P, IMG4) that the tree came in; its signature then no longer fits.
    #[arg(short, long)]
    pub wrap: bool,
    /// Part of a packed boot image to work on; every device tree if absent.
    #[arg(long, value_name = "NAME")]
    pub part: Option<String>,
    /// Of a packed boot image write the device tree alone.
    #[arg(short, long)]
    pub bare: bool,
    /// Key of an encrypted tree: IV and key as one run of hexadecimal digits, or IV:KEY.
    #[arg(short, long, value_name = "IVKEY")]
    pub key: Option<String>,
    /// Say what would change, and write nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
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
    name: "dt-patch",
    summary: "edit Apple device trees, as text, as JSON or in place",
    examples: &[
        Example {
            command: "ipsw-extract demo.ipsw | dt-patch --preset serial-only > patched.fit",
            what: "Prepares a packed boot image for its first boot as it streams by.",
        },
        Example {
            command: "dt-patch -n --preset serial-only devicetree.im4p",
            what: "Says what the preset would change, each edit with its reason.",
        },
        Example {
            command: "dt-patch --text devicetree.im4p -o tree.txt && dt-patch --compile tree.txt -o tree.bin",
            what: "Makes a text to edit, and bytes of it again.",
        },
        Example {
            command: "dt-patch --print /chosen --print /arm-io/uart0:reg devicetree.im4p",
            what: "Prints a node, and a property.",
        },
        Example {
            command: "dt-patch --set /chosen:debug-enabled=1 --set /:model=iPhone10,6 --delete /backlight devicetree.im4p -o tree.bin",
            what: "Edits a tree and writes it bare.",
        },
        Example {
            command: "dt-patch --wrap --rename /arm-io/wdt=watchdog devicetree.im4p > new.im4p",
            what: "Keeps the container.",
        },
        Example {
            command: "dt-patch --bare boot.fit | dt-patch -l",
            what: "Lists the device tree of a packed boot image.",
        },
        Example {
            command: "dt-patch -O dts devicetree.im4p > tree.dts && dt-patch -I dts tree.dts -o tree.bin",
            what: "As device tree source, for dtc and its users, and back to the identical bytes.",
        },
        Example {
            command: "dt-patch --preset serial-only devicetree.im4p -o new.bin; dt-patch --diff devicetree.im4p new.bin || true",
            what: "What a preset did; the exit status says whether there is a difference.",
        },
        Example {
            command: "echo 'SrNm = \"C39TEST00000\"' > values.toml && dt-patch --values values.toml devicetree.im4p -o tree.bin",
            what: "Expands placeholders with a device's data.",
        },
        Example {
            command: "dt-patch --summary devicetree.im4p && dt-patch -l --filter 'uart*' devicetree.im4p",
            what: "A tree at a glance, and a part of it.",
        },
        Example { command: "dt-patch --list-presets", what: "Lists the presets." },
    ],
    exit_status: &[(1, "with --diff: the trees differ")],
    see_also: &["dt-patch(5)", "ipsw-extract(1)", "bootimg-pack(1)", "xnu-run(1)", "bootimg(5)"],
};

/// Runs the tool.
///
/// # Errors
/// Damage, wrong usage, edits that match nothing; see the exit statuses.
pub fn run(args: Args, io: &mut Io) -> Result<Status> {
    if args.list_presets {
        io.print(&show::presets()?)?;
        return Ok(Status::Done);
    }
    let args = verbs(args)?;
    if let [old, new] = args.diff.as_slice() {
        return diff::run(&args, old, new, io);
    }
    let wanted = Wanted::new(&args, io)?;
    let mut input = io.input(args.file.as_deref())?;
    let name = input.name().to_string();
    let job = Job { args: &args, name: &name, wanted };
    match source::read(&mut input, args.from)? {
        Source::Packed(stream) => job.packed(stream, io),
        Source::Text(text) => {
            let tree = apple_dt::compile(&text).map_err(|e| Error::damaged(&name, e))?;
            job.unpacked(tree, "a tree in text form", io)
        }
        Source::Dts(text) => job.unpacked(formats::of_dts(&name, &text)?, "device tree source", io),
        Source::Fdt(data) => job.unpacked(formats::of_fdt(&name, &data)?, "a flattened device tree", io),
        Source::Bytes(data) => job.bytes(&data, io),
    }
}

/// `dt-patch diff OLD NEW` and its like, unless there is a file of the verb's name.
fn verbs(mut args: Args) -> Result<Args> {
    let verb = args.file.as_deref().filter(|f| !f.exists()).and_then(|f| f.to_str()).unwrap_or_default();
    let mut more = std::mem::take(&mut args.more);
    match verb {
        "diff" if more.len() == 2 => args.diff = std::mem::take(&mut more),
        "diff" => return Err(Error::usage("diff wants two files: dt-patch diff OLD NEW")),
        "list" | "ls" => args.list = !args.json && !args.summary,
        "info" => args.summary = true,
        "decompile" | "print" | "text" => args.text = args.to.is_none() && !args.json,
        "compile" | "build" | "repack" => args.compile = args.to.is_none(),
        "edit" | "patch" | "dtree" => {}
        _ => {
            return match more.first() {
                Some(other) => {
                    let other = other.display();
                    Err(Error::usage(format_args!(
                        "{other}: one file at a time (verbs: diff list info decompile compile)"
                    )))
                }
                None => Ok(args),
            };
        }
    }
    if !args.diff.is_empty() {
        args.file = None;
        return Ok(args);
    }
    let mut more = more.into_iter();
    args.file = more.next();
    match more.next() {
        Some(other) => Err(Error::usage(format_args!("{}: one file at a time", other.display()))),
        None => Ok(args),
    }
}

struct Job<'a> {
    args: &'a Args,
    name: &'a str,
    wanted: Wanted,
}

impl Job<'_> {
    /// A tree that came in another form than bytes: text goes out as text, the others as bytes, unless the user says
    /// otherwise.
    fn unpacked(&self, mut tree: Tree, what: &str, io: &mut Io) -> Result<Status> {
        self.no_part()?;
        if self.args.why {
            let (nodes, properties) = tree.counts();
            let text = format!(
                "{}: {what}\n  Apple device tree, {nodes} nodes, {properties} properties: nothing is in the way\n",
                self.name
            );
            io.print(&text)?;
            return Ok(Status::Done);
        }
        let changes = self.wanted.edits.apply(&mut tree).map_err(|e| self.error(e))?;
        if let Some(status) = self.shown(&tree, &[], &changes, io)? {
            return Ok(status);
        }
        let is_text = what.ends_with("text form");
        if is_text && self.wanted.none() && !self.args.text && !self.args.compile && self.args.to.is_none() {
            return Err(Error::usage(format_args!(
                "{}: a tree in text form: --compile makes bytes of it",
                self.name
            )));
        }
        let form = match self.form() {
            Some(form) => form,
            None if is_text => Format::Text,
            None => Format::Adt,
        };
        self.write_as(&tree, form, &tree.to_bytes(), io)
    }

    fn bytes(&self, data: &[u8], io: &mut Io) -> Result<Status> {
        self.no_part()?;
        if self.args.why {
            let (text, good) = look::why(self.name, data, &self.wanted.edits.open);
            io.print(&text)?;
            return Ok(if good { Status::Done } else { Status::NothingFound });
        }
        let patched = self.wanted.edits.patch(data).map_err(|e| self.error(e))?;
        self.finish(&patched, io)
    }

    /// A single tree goes out.
    fn finish(&self, patched: &PatchedTree, io: &mut Io) -> Result<Status> {
        if let Some(status) =
            self.shown(&patched.tree, std::slice::from_ref(patched), &patched.changes, io)?
        {
            return Ok(status);
        }
        self.write_as(&patched.tree, self.form().unwrap_or(Format::Adt), &patched.bytes, io)
    }

    /// The form that the user asks for.
    fn form(&self) -> Option<Format> {
        match (self.args.text, self.args.compile) {
            (true, _) => Some(Format::Text),
            (_, true) => Some(Format::Adt),
            _ => self.args.to,
        }
    }

    /// Writes a tree, of which `bytes` are Apple's.
    fn write_as(&self, tree: &Tree, form: Format, bytes: &[u8], io: &mut Io) -> Result<Status> {
        if !self.args.filter.is_empty() && matches!(form, Format::Adt | Format::Fdt) {
            let message = "--filter shows a part of a tree (--list, --text, --json, -O dts); it cuts no bytes: 'keep' in a script does";
            return Err(Error::usage(message));
        }
        let part = self.part_of(tree)?;
        match formats::as_text(&part, form) {
            Some(text) => self.write_text(&text, io),
            None if form == Format::Fdt => self.write(&apple_dt::flat::export(tree).to_bytes(), io),
            None => self.write(bytes, io),
        }
    }

    /// What is to be shown of a tree.
    fn part_of<'t>(&self, tree: &'t Tree) -> Result<Cow<'t, Tree>> {
        if self.args.filter.is_empty() {
            return Ok(Cow::Borrowed(tree));
        }
        let part = look::filtered(tree, &self.args.filter)?;
        if part.root.properties.is_empty() && part.root.children.is_empty() {
            let patterns = self.args.filter.join(", ");
            return Err(Error::not_found(self.name, format_args!("no node fits {patterns}")));
        }
        Ok(Cow::Owned(part))
    }

    /// The ways to look at a tree that end the run. `None`: something is to be written.
    fn shown(
        &self,
        tree: &Tree,
        patched: &[PatchedTree],
        changes: &[Change],
        io: &mut Io,
    ) -> Result<Option<Status>> {
        for change in changes {
            io.verbose(format_args!("{}: {change}", self.name));
        }
        if self.args.summary {
            let text = if self.args.json {
                format!("{:#}\n", look::summary_json(self.name, tree, patched))
            } else {
                look::summary(self.name, tree, patched)
            };
            io.print(&text)?;
        } else if self.args.list {
            let tree = &*self.part_of(tree)?;
            let text = if self.args.json {
                show::list_json(self.name, tree, patched)
            } else {
                show::list(self.name, tree, patched)
            };
            io.print(&text)?;
        } else if !self.args.print.is_empty() {
            return self.printed(tree, io).map(Some);
        } else if self.args.dry_run {
            io.print(&show::changes(changes, None))?;
        } else if self.args.json {
            return self.write_as(tree, Format::Json, &[], io).map(Some);
        } else {
            return Ok(None);
        }
        Ok(Some(Status::Done))
    }

    fn printed(&self, tree: &Tree, io: &mut Io) -> Result<Status> {
        let mut text = String::new();
        for path in &self.args.print {
            let found =
                show::print(tree, path).map_err(|e| Error::usage(format_args!("--print {path}: {e}")))?;
            if found.is_empty() {
                return Err(Error::not_found(self.name, format_args!("nothing matches {path}")));
            }
            text.push_str(&found);
        }
        io.print(&text)?;
        Ok(Status::Done)
    }

    fn packed(&self, stream: impl Read, io: &mut Io) -> Result<Status> {
        let mut image = Rewriter::new(stream).map_err(|e| self.error(e.into()))?;
        let args = self.args;
        let looks = args.list || args.summary || args.json || args.text || args.why || !args.print.is_empty();
        // Any form but Apple's bytes is that of one tree.
        let form = args.to.is_some_and(|f| f != Format::Adt);
        if looks || form || args.bare {
            let name = match &self.args.part {
                Some(name) => name.clone(),
                None => default_part(image.header()).map_err(|e| self.error(e))?,
            };
            let data = image.read(&name, apple_dt::MAX_SIZE as u64).map_err(|e| self.error(e.into()))?;
            if args.why {
                let what = format!("{}: packed boot image, part {name}", self.name);
                let (text, good) = look::why(&what, &data, &self.wanted.edits.open);
                io.print(&text)?;
                return Ok(if good { Status::Done } else { Status::NothingFound });
            }
            let mut patched = self.wanted.edits.patch(&data).map_err(|e| self.error(e))?;
            patched.part = Some(name);
            return self.finish(&patched, io);
        }
        if self.wanted.none() {
            return Err(Error::usage(format_args!(
                "{}: a packed boot image and nothing to do: name a preset or an edit, or --bare, --text, --list",
                self.name
            )));
        }
        let done = pipeline::patch_device_tree(&mut image, &self.wanted.edits).map_err(|e| self.error(e))?;
        let mut would = String::new();
        for tree in &done.trees {
            let part = tree.part.as_deref().unwrap_or_default();
            for change in &tree.changes {
                io.verbose(format_args!("{}: part {part}: {change}", self.name));
            }
            would.push_str(&show::changes(&tree.changes, Some(part)));
        }
        if let Some((old, new)) = &done.bootargs {
            let line = format!("boot arguments: {new} (were: {})", old.as_deref().unwrap_or("none"));
            io.verbose(format_args!("{}: {line}", self.name));
            would.push_str(&format!("{line}\n"));
        }
        if self.args.dry_run {
            io.print(&would)?;
            return Ok(Status::Done);
        }
        let mut out = io.output(self.args.output.as_deref())?;
        let target = out.name().to_string();
        image.finish(&mut out).map_err(|e| match e {
            bootimg::Error::Write(e) => Error::io(target, e),
            e => self.error(e.into()),
        })?;
        out.finish()?;
        Ok(Status::Done)
    }

    fn no_part(&self) -> Result<()> {
        match self.args.part {
            Some(_) => {
                Err(Error::usage("--part goes with a packed boot image; this is a single device tree"))
            }
            None => Ok(()),
        }
    }

    fn write(&self, bytes: &[u8], io: &mut Io) -> Result<Status> {
        let mut out = io.output(self.args.output.as_deref())?;
        out.put(bytes)?;
        out.finish()?;
        Ok(Status::Done)
    }

    fn write_text(&self, text: &str, io: &mut Io) -> Result<Status> {
        let mut out = io.text_output(self.args.output.as_deref())?;
        out.put(text.as_bytes())?;
        out.finish()?;
        Ok(Status::Done)
    }

    fn error(&self, e: TreeError) -> Error {
        tree_error(self.name, e)
    }
}

/// The device tree of what boots by default.
pub(crate) fn default_part(header: &bootimg::Header) -> std::result::Result<String, TreeError> {
    let selection = header.select(None)?;
    let part = selection.part(bootimg::PartKind::DeviceTree).map(|p| p.name.clone());
    part.or_else(|| pipeline::tree_parts(header).into_iter().next()).ok_or(TreeError::NoTreePart)
}

/// An error of the library as the tool tells it.
pub(crate) fn tree_error(name: &str, e: TreeError) -> Error {
    match e {
        TreeError::Image(bootimg::Error::Read(e)) => Error::io(name, e),
        TreeError::Image(e) => match e.kind() {
            bootimg::ErrorKind::Damaged => Error::damaged(name, e),
            bootimg::ErrorKind::NotFound => Error::not_found(name, e),
            bootimg::ErrorKind::Unsupported => Error::unsupported(name, e),
            bootimg::ErrorKind::Usage | bootimg::ErrorKind::Io => Error::usage(format_args!("{name}: {e}")),
        },
        TreeError::Wrap(e) => match e.kind() {
            apple_wrap::ErrorKind::Damaged => Error::damaged(name, e),
            apple_wrap::ErrorKind::NotFound => Error::not_found(name, e),
            apple_wrap::ErrorKind::Encrypted | apple_wrap::ErrorKind::Unsupported => {
                Error::unsupported(name, e)
            }
        },
        TreeError::Tree(e) => match e.kind() {
            apple_dt::ErrorKind::Damaged => Error::damaged(name, e),
            apple_dt::ErrorKind::NotFound => Error::not_found(name, e),
            apple_dt::ErrorKind::Syntax | apple_dt::ErrorKind::Edit => {
                Error::usage(format_args!("{name}: {e}"))
            }
        },
        e @ (TreeError::NotATree(_) | TreeError::NoTreePart | TreeError::NothingMatches(_)) => {
            Error::not_found(name, e)
        }
    }
}
