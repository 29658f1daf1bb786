//! The command line: the default action's options, and what each command takes.

use apple_wrap::write::Method;
use std::path::PathBuf;

/// How to get at what is inside a file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Unwrap {
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
}

/// How a layout is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// By the output's name: SVG for one that ends in .svg, else text.
    Auto,
    /// A line for each area.
    Text,
    /// A drawing.
    Svg,
    /// For programs.
    Json,
}

/// A compression to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Compress {
    /// Plain.
    None,
    /// LZSS in a complzss frame, as kernelcaches up to iOS 12.
    #[value(alias = "complzss")]
    Lzss,
    /// LZFSE, as kernelcaches from iOS 13.
    #[value(alias = "bvx2")]
    Lzfse,
}

impl From<Compress> for Method {
    fn from(c: Compress) -> Method {
        match c {
            Compress::None => Method::None,
            Compress::Lzss => Method::Lzss,
            Compress::Lzfse => Method::Lzfse,
        }
    }
}

/// What else can be done; without a command the kernel is unwrapped.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// List the kexts of a cache; with -o, take them out.
    #[command(visible_aliases = ["kext", "list-kexts"])]
    Kexts(Kexts),
    /// Write what is inside any container or wrapping, or, with identifiers, kexts.
    ///
    /// Takes what is no kernel too: device trees, pictures, ramdisks, IMG3. Kexts become Mach-O files of their own, with
    /// pointers resolved and only their own symbols.
    #[command(visible_aliases = ["x", "payload"])]
    Extract(Extract),
    /// Print the symbols of the kernel and its kexts, as nm does.
    #[command(visible_aliases = ["nm", "syms"])]
    Symbols(Symbols),
    /// Write the kernel with its chained pointers resolved, for disassemblers; or list them.
    #[command(visible_aliases = ["rebase"])]
    Fixups(Fixups),
    /// Draw what lies where in memory: segments, kexts, free space.
    #[command(visible_aliases = ["map"])]
    Layout(Layout),
    /// Say what is recognised at each layer and by what, and why it stops there.
    #[command(visible_aliases = ["explain"])]
    Why(Look),
    /// Print every field of an IM4P, IM4M, IM4R, IMG4, IMG3 or SHSH file, and what the kernel inside says of itself.
    #[command(visible_aliases = ["show"])]
    Info(Info),
    /// Make an IM4P of a bare file, an IMG4 of an IM4P and its manifest, or an IM4R of a nonce.
    #[command(visible_aliases = ["make", "wrap"])]
    Create(Create),
    /// Give an IM4P another type; nothing else changes.
    #[command(visible_aliases = ["rename"])]
    Retype(Retype),
    /// Change an IM4P or IMG4 and leave the rest byte for byte: nothing is compressed anew unless you ask.
    #[command(visible_aliases = ["edit", "recompress"])]
    Rewrap(Rewrap),
    /// Take an IMG4 or SHSH file apart into IM4P, IM4M and IM4R.
    #[command(visible_aliases = ["unpack"])]
    Split(Split),
    /// Compare two containers field by field. Exit status 1 if they differ.
    #[command(visible_aliases = ["compare", "cmp"])]
    Diff(Diff),
    /// Check a manifest: its signature and certificates, and whether it allows the images given.
    #[command(visible_aliases = ["check"])]
    Verify(Verify),
    /// Turn boot pictures (iBootIm) into PNG files.
    #[command(visible_aliases = ["png", "logo"])]
    Picture(Picture),
}

/// A file to look at.
#[derive(Debug, Clone, clap::Args)]
pub struct Look {
    /// The file; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `kexts`.
#[derive(Debug, Clone, clap::Args)]
pub struct Kexts {
    /// The kernelcache; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Only these kexts: bundle identifiers, or their last parts.
    pub ids: Vec<String>,
    /// Take this kext out, to --output or standard output. May be repeated.
    #[arg(short = 'x', long, value_name = "ID")]
    pub extract: Vec<String>,
    /// Take the kexts out: one to this file, several or all into this folder, made if missing.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Of kexts taken out leave chained pointers as they are.
    #[arg(long)]
    pub no_fixups: bool,
    /// Print JSON. Addresses are strings of hexadecimal digits.
    #[arg(long, conflicts_with_all = ["output", "extract"])]
    pub json: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `extract`.
#[derive(Debug, Clone, clap::Args)]
pub struct Extract {
    /// The file; '-' is standard input.
    pub file: Option<PathBuf>,
    /// Kexts to take out: bundle identifiers, or their last parts. Without any, the payload is written.
    pub ids: Vec<String>,
    /// The same as an identifier after the file.
    #[arg(long, value_name = "ID")]
    pub kext: Vec<String>,
    /// Take out all kexts.
    #[arg(short, long, conflicts_with_all = ["ids", "kext"])]
    pub all: bool,
    /// Where to write: a file, or a folder for several kexts; standard output if absent or '-'.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Write the payload as it stands in its container, compressed or encrypted.
    #[arg(long, conflicts_with_all = ["ids", "kext", "all", "key"])]
    pub raw: bool,
    /// Leave chained pointers of kexts as they are.
    #[arg(long)]
    pub no_fixups: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `symbols`.
#[derive(Debug, Clone, clap::Args)]
pub struct Symbols {
    /// The kernelcache; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Only the symbols of this kext ('com.apple.kernel' is the kernel).
    #[arg(long, value_name = "ID")]
    pub kext: Option<String>,
    /// Print C++ names as they were written.
    #[arg(short = 'C', long)]
    pub demangle: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `fixups`.
#[derive(Debug, Clone, clap::Args)]
pub struct Fixups {
    /// The kernelcache; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// List the pointers instead: address, target, how it is signed.
    #[arg(short, long, conflicts_with = "output")]
    pub list: bool,
    /// With --list: print JSON.
    #[arg(long, requires = "list")]
    pub json: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `layout`.
#[derive(Debug, Clone, clap::Args)]
pub struct Layout {
    /// The kernelcache; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How to draw it.
    #[arg(short, long, value_enum, default_value_t = Form::Auto)]
    pub form: Form,
    /// Draw SVG.
    #[arg(long, conflicts_with_all = ["form", "json"])]
    pub svg: bool,
    /// Print JSON.
    #[arg(long, conflicts_with = "form")]
    pub json: bool,
    /// Physical address that the kernel collection's base is shown at.
    #[arg(long, value_name = "ADDRESS", default_value = "0x800000000", value_parser = crate::address)]
    pub phys_base: u64,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `info`.
#[derive(Debug, Clone, clap::Args)]
pub struct Info {
    /// The file; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Physical address that the kernel collection's base is shown at.
    #[arg(long, value_name = "ADDRESS", default_value = "0x800000000", value_parser = crate::address)]
    pub phys_base: u64,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// `create`.
#[derive(Debug, Clone, clap::Args)]
pub struct Create {
    /// The bare file, or an IM4P to put into an IMG4; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Type of the IM4P: four characters such as krnl, rkrn, dtre, rdsk, trst.
    #[arg(short = 't', long = "type", visible_alias = "fourcc", value_name = "TYPE", value_parser = four)]
    pub kind: Option<[u8; 4]>,
    /// Description of the IM4P.
    #[arg(short, long, value_name = "TEXT", default_value = "")]
    pub description: String,
    /// Compress the payload.
    #[arg(short, long, value_enum, default_value_t = Compress::None, visible_alias = "compression")]
    pub compress: Compress,
    /// Image to stand behind the compressed kernel (the secure monitor of A7 to A9).
    #[arg(long, value_name = "FILE", visible_alias = "extra")]
    pub monitor: Option<PathBuf>,
    /// Manifest (IM4M, SHSH, or the one in an IMG4): makes an IMG4.
    #[arg(short = 'm', long, value_name = "FILE", visible_alias = "manifest")]
    pub im4m: Option<PathBuf>,
    /// Restore information (IM4R) for the IMG4.
    #[arg(short = 'r', long, value_name = "FILE")]
    pub im4r: Option<PathBuf>,
    /// Boot nonce's generator, such as 0x1111111111111111: makes the IM4R, alone or for the IMG4.
    #[arg(long, value_name = "NUMBER", value_parser = crate::address, conflicts_with = "im4r")]
    pub nonce: Option<u64>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `retype`.
#[derive(Debug, Clone, clap::Args)]
pub struct Retype {
    /// The IM4P or IMG4; '-' is standard input.
    pub file: PathBuf,
    /// The new type: four characters.
    #[arg(value_name = "TYPE", value_parser = four)]
    pub kind: [u8; 4],
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Change the file itself.
    #[arg(short, long, conflicts_with = "output")]
    pub in_place: bool,
}

/// `rewrap`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Rewrap {
    /// The IM4P or IMG4; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Another type.
    #[arg(short = 't', long = "type", visible_alias = "fourcc", value_name = "TYPE", value_parser = four)]
    pub kind: Option<[u8; 4]>,
    /// Another description.
    #[arg(short, long, value_name = "TEXT")]
    pub description: Option<String>,
    /// Another payload, put in as it is, or compressed if --compress is given.
    #[arg(short, long, value_name = "FILE", visible_alias = "replace")]
    pub payload: Option<PathBuf>,
    /// Decompress the payload and compress it so.
    #[arg(short, long, value_enum, visible_alias = "compression")]
    pub compress: Option<Compress>,
    /// Another image behind the compressed kernel.
    #[arg(long, value_name = "FILE", visible_alias = "extra")]
    pub monitor: Option<PathBuf>,
    /// Take the image behind the compressed kernel away.
    #[arg(long, conflicts_with = "monitor")]
    pub no_monitor: bool,
    /// Decrypt the payload for good, with IV and key as one run of hexadecimal digits, or IV:KEY.
    #[arg(short, long, value_name = "IVKEY")]
    pub key: Option<String>,
    /// Where to write; standard output if absent or '-'.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Change the file itself; it is replaced when the new one is complete.
    #[arg(short, long, conflicts_with = "output")]
    pub in_place: bool,
}

/// `split`.
#[derive(Debug, Clone, clap::Args)]
pub struct Split {
    /// The IMG4 or SHSH file; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Folder for all parts, made if missing: NAME.im4p, NAME.im4m, NAME.im4r.
    #[arg(short, long, value_name = "DIR", required_unless_present_any = ["im4p", "im4m", "im4r"])]
    pub output: Option<PathBuf>,
    /// Write the payload's container to this file.
    #[arg(short = 'p', long, value_name = "FILE", conflicts_with = "output")]
    pub im4p: Option<PathBuf>,
    /// Write the manifest to this file.
    #[arg(short = 'm', long, value_name = "FILE", conflicts_with = "output")]
    pub im4m: Option<PathBuf>,
    /// Write the restore information to this file.
    #[arg(short = 'r', long, value_name = "FILE", conflicts_with = "output")]
    pub im4r: Option<PathBuf>,
}

/// `diff`.
#[derive(Debug, Clone, clap::Args)]
pub struct Diff {
    /// One container.
    pub old: PathBuf,
    /// The other.
    pub new: PathBuf,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `verify`.
#[derive(Debug, Clone, clap::Args)]
pub struct Verify {
    /// The manifest: IM4M, SHSH, or an IMG4, whose own image is checked too.
    pub manifest: PathBuf,
    /// Images (IM4P or IMG4) that it should allow.
    pub images: Vec<PathBuf>,
    /// Certificate to trust as a root, DER or PEM.
    #[arg(long, value_name = "FILE")]
    pub root: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `picture`.
#[derive(Debug, Clone, clap::Args)]
pub struct Picture {
    /// The picture, in any wrapping; standard input if absent or '-'.
    pub file: Option<PathBuf>,
    /// Where to write the PNG; several pictures get numbers before the last dot. A folder takes NAME-1.png and so on.
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// List the pictures and write nothing.
    #[arg(short, long, conflicts_with = "output")]
    pub list: bool,
    /// With --list: print JSON.
    #[arg(long, requires = "list")]
    pub json: bool,
    #[command(flatten)]
    pub unwrap: Unwrap,
}

/// A four-character code.
pub fn four(text: &str) -> Result<[u8; 4], String> {
    match <[u8; 4]>::try_from(text.as_bytes()) {
        Ok(code) if code.is_ascii() && !code.iter().any(u8::is_ascii_control) => Ok(code),
        _ => Err("a type is four ASCII characters, such as krnl".into()),
    }
}
