//! Making volumes, and changing those that are there.
//!
//! Both collect a whole volume in memory (names and attributes, not contents) and write it out as new. An input is
//! never written into: what replaces it gets its name when it is complete and on the disk.

use crate::import::{Importer, Taking, host};
use crate::put::Wrapping;
use crate::text::{self, Size};
use crate::{Args, Job, fail, sign, source};
use apple_fs::hfsplus::write::{Attributes, Builder};
use apple_fs::hfsplus::{self, HfsPlus};
use apple_fs::{Image, Kind, Source as _};
use cli::{Error, Io, Result, Status};
use std::path::{Path, PathBuf};

/// Options that make a volume.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Making a volume")]
pub struct Make {
    /// Make an HFSX volume of these folders, tar (also .tar.gz) and cpio archives, later ones over earlier ones;
    /// standard input if none or '-'. Owners, modes, dates, links, devices and extended attributes are taken over.
    #[arg(long, value_name = "SOURCE", num_args = 0.., visible_alias = "make", aliases = ["build", "mkfs", "from"])]
    pub create: Option<Vec<PathBuf>>,
    /// Name of the volume; 'ramdisk' if a new one is given none.
    #[arg(long, value_name = "NAME", visible_alias = "volname", alias = "label")]
    pub volume_name: Option<String>,
    /// Make an HFS+ volume, in which names that differ only in case are the same.
    #[arg(long, requires = "create", alias = "ignore-case")]
    pub case_insensitive: bool,
    /// Bytes of an allocation block: a power of two from 512 to 65536, 4096 if absent.
    #[arg(long, value_name = "BYTES", requires = "create", value_parser = text::size)]
    pub block_size: Option<u64>,
    /// Size of the volume: 64M, +16M, -16M, or 'min' for no free space at all. A new volume has none if this is absent,
    /// a changed one keeps its size, or grows when that is too small.
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, visible_alias = "resize", aliases = ["grow", "shrink"], value_parser = text::volume_size)]
    pub size: Option<Size>,
    /// Leave this much free beyond what is needed.
    #[arg(long, value_name = "SIZE", conflicts_with = "size", value_parser = text::size)]
    pub free: Option<u64>,
    /// Everything that is put in belongs to root (0:0).
    #[arg(long, alias = "root-owned")]
    pub all_root: bool,
    /// Leave out what is called so; *, ?, [...] and ** stand for names.
    #[arg(long, value_name = "PATTERN")]
    pub exclude: Vec<String>,
    /// What to write: 'raw', 'im4p' (an IM4P around it), 'dmg' (a UDIF disk image, compressed with zlib) or 'udif' (the
    /// same, stored). A changed IM4P stays one.
    #[arg(long, value_name = "FORMAT", value_parser = ["raw", "im4p", "dmg", "udif"])]
    pub format: Option<String>,
    /// Type of a new IM4P, such as rdsk, trst, rtsc or ltrs; implies '--format im4p'.
    #[arg(long = "type", value_name = "FOURCC", alias = "fourcc")]
    pub kind: Option<String>,
    /// Description in a new IM4P.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
}

/// Options that change a volume.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Changing a volume (in this order)")]
pub struct Change {
    /// Remove these files, and folders with everything below them.
    #[arg(long, value_name = "PATH", num_args = 1.., visible_alias = "rm", aliases = ["delete", "del"])]
    pub remove: Vec<String>,
    /// Give something another name or folder.
    #[arg(long = "move", value_names = ["FROM", "TO"], num_args = 2, visible_alias = "mv", alias = "rename")]
    pub rename: Vec<String>,
    /// Make folders, and those above them.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub mkdir: Vec<String>,
    /// Put a file in, or everything of a folder, tar or cpio archive (with a slash behind PATH the file itself). A file
    /// that replaces one keeps that one's owner, mode and attributes; a new one belongs to root.
    #[arg(long, value_names = ["SOURCE", "PATH"], num_args = 2, visible_alias = "put", aliases = ["replace", "untar"])]
    pub add: Vec<PathBuf>,
    /// Make a symbolic link, as `ln -s` does.
    #[arg(long, value_names = ["TARGET", "PATH"], num_args = 2, visible_alias = "ln", allow_hyphen_values = true)]
    pub symlink: Vec<String>,
    /// Give a file another name, as `ln` does.
    #[arg(long, value_names = ["FILE", "PATH"], num_args = 2, alias = "link")]
    pub hard_link: Vec<String>,
    /// Change permissions: octal or as chmod takes them.
    #[arg(long, value_names = ["MODE", "PATH"], num_args = 2, allow_hyphen_values = true)]
    pub chmod: Vec<String>,
    /// Change owner and group, by numbers.
    #[arg(long, value_names = ["UID:GID", "PATH"], num_args = 2)]
    pub chown: Vec<String>,
    /// --chmod and --chown change everything below a folder too.
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Set an extended attribute: NAME=text, NAME=0x00ff, NAME=0sBASE64, NAME=@FILE.
    #[arg(long, value_names = ["NAME=VALUE", "PATH"], num_args = 2, visible_alias = "setxattr", alias = "xattr")]
    pub set_xattr: Vec<String>,
    /// Remove an extended attribute.
    #[arg(long, value_names = ["NAME", "PATH"], num_args = 2, alias = "rmxattr")]
    pub remove_xattr: Vec<String>,
    /// Change the named file itself: it is replaced when the new one is complete.
    #[arg(short, long, conflicts_with = "output")]
    pub in_place: bool,
    /// Change a volume with faults or a journal that is not empty too: what can be read is kept, the journal dropped.
    #[arg(long)]
    pub salvage: bool,
}

impl Change {
    /// Whether anything is to be changed.
    pub fn is_wanted(&self) -> bool {
        let pairs = [&self.rename, &self.symlink, &self.hard_link, &self.chmod, &self.chown, &self.set_xattr];
        pairs.iter().any(|p| !p.is_empty())
            || [&self.remove, &self.mkdir, &self.remove_xattr].iter().any(|p| !p.is_empty())
            || !self.add.is_empty()
    }
}

impl Make {
    /// Whether something of a volume that is there is to be changed.
    pub fn changes(&self) -> bool {
        self.size.is_some() || self.free.is_some() || self.volume_name.is_some()
    }
}

/// `--create`.
pub fn create(args: &Args, io: &mut Io) -> Result<Status> {
    let make = &args.make;
    let name = make.volume_name.as_deref().unwrap_or("ramdisk");
    let mut builder = match make.case_insensitive {
        true => Builder::case_insensitive(name),
        false => Builder::new(name),
    };
    if let Some(n) = make.block_size {
        builder.block_size(u32::try_from(n).unwrap_or(0)).map_err(Error::usage)?;
    }
    let mut sources = args.named(&make.create);
    if sources.is_empty() {
        sources.push("-".into());
    }
    let mut newest = 0;
    for source in sources {
        let mut importer = importer(&mut builder, args, "", args.make.all_root);
        importer.take(&source, io)?;
        newest = newest.max(importer.newest);
    }
    builder.date(date(newest));
    edit(&mut builder, args, io)?;
    sign::tree(&mut builder, args, io)?;
    match make.size {
        None => {
            builder.spare(make.free.unwrap_or(0));
        }
        Some(Size::Smallest) => {}
        Some(Size::Bytes(n)) => {
            builder.size(n);
        }
        Some(Size::More(n)) => {
            builder.spare(n);
        }
        Some(Size::Less(_)) => {
            return Err(Error::usage("--size: a new volume has nothing to take away from"));
        }
    }
    let volume = builder.lay_out().map_err(|e| fail("the new volume", &e))?;
    let output = args.output.as_deref();
    crate::put::write(&volume, &Wrapping::of(args, None)?, args, output, io)
}

/// Options that change what is there.
pub fn change(args: &Args, io: &mut Io) -> Result<Status> {
    let file = args.file.as_deref();
    if args.change.in_place && file.is_none_or(|f| f.as_os_str() == "-") {
        return Err(Error::usage("--in-place needs the name of a file"));
    }
    let mut input = io.input(file)?;
    let name = input.name().to_string();
    if args.change.in_place && input.seekable().is_none() {
        return Err(Error::usage(format_args!("--in-place: {name} is no regular file")));
    }
    let opened = source::open(args, &mut input, !args.bare)?;
    opened.tell(&name, io);
    let image = Image::open(opened.source.clone()).map_err(|e| fail(&name, &e))?;
    for layer in image.layers() {
        io.verbose(format_args!("{name}: {layer}"));
    }
    if !hfsplus::probe(image.content().as_ref()) {
        let what = format!(
            "only HFS+ and HFSX volumes are changed; make one of it: rd-extract {name} --tar | rd-extract --create - -o NEW"
        );
        return Err(Error::unsupported(name, what));
    }
    let volume = HfsPlus::open(image.content().clone()).map_err(|e| fail(&name, &e))?;
    let mut builder = match args.change.salvage {
        true => {
            if volume.has_full_journal() {
                io.warn(format_args!("{name}: the journal, which is not empty, is dropped"));
            }
            for warning in &apple_fs::FileSystem::volume(&volume).warnings {
                io.warn(format_args!("{name}: {warning}"));
            }
            Builder::salvage(&volume)
        }
        false => Builder::load(&volume).map_err(|e| match e.kind() {
            apple_fs::ErrorKind::Unsupported => apple_fs::Error::Unsupported {
                what: e.to_string(),
                remedy: " (--salvage keeps what can be read)",
            },
            _ => e,
        }),
    }
    .map_err(|e| fail(&name, &e))?;
    if let Some(volume_name) = &args.make.volume_name {
        builder.volume_name(volume_name);
    }
    let newest = edit(&mut builder, args, io)?;
    sign::tree(&mut builder, args, io)?;
    let v = apple_fs::FileSystem::volume(&volume);
    let old_date = v.modified.map_or(0, |t| t.seconds);
    builder.date(date(old_date.max(newest)));
    let old = v.total_blocks.saturating_mul(v.block_size.into());
    resize(&mut builder, &args.make, old, &name, io)?;
    let new = builder.lay_out().map_err(|e| fail(&name, &e))?;
    let output = if args.change.in_place { file } else { args.output.as_deref() };
    if image.udif().is_some() && args.make.format.is_none() && args.make.kind.is_none() {
        if args.change.in_place {
            return Err(Error::usage(format_args!(
                "{name} is a disk image: say what is to be written, --format dmg, udif or raw"
            )));
        }
        io.warn(format_args!(
            "{name}: a disk image: the bare volume is written (--format dmg makes one again)"
        ));
    } else if image.content().len() != opened.source.len() && image.udif().is_none() {
        io.warn(format_args!("{name}: the partition map around the volume is left out"));
    }
    let wrapping = Wrapping::of(args, opened.original.as_ref())?;
    if let Some(packed) = opened.packed {
        let job = Job { args, name: &name, limit: u64::MAX };
        return job.repack(packed, &new, &wrapping, output, io);
    }
    crate::put::write(&new, &wrapping, args, output, io)
}

/// Sets the size of a changed volume.
fn resize(builder: &mut Builder, make: &Make, old: u64, name: &str, io: &Io) -> Result<()> {
    let needed = {
        builder.size(0).spare(make.free.unwrap_or(0));
        builder.lay_out().map_err(|e| fail(name, &e))?.len()
    };
    let wanted = match make.size {
        Some(Size::Smallest) => return Ok(()),
        Some(Size::Bytes(n)) => n,
        Some(Size::More(n)) => old.saturating_add(n),
        Some(Size::Less(n)) => old.saturating_sub(n),
        None if make.free.is_some() => return Ok(()),
        None if needed > old => {
            io.warn(format_args!("{name}: the volume grows from {old} to {needed} bytes"));
            return Ok(());
        }
        None => old,
    };
    if wanted < needed {
        return Err(Error::new(
            cli::Code::Usage,
            format_args!(
                "{name}: the files need {needed} bytes, --resize gives {wanted}; 'min' is as small as can be"
            ),
        ));
    }
    builder.size(wanted);
    Ok(())
}

/// The date of a volume: what the environment says for reproducible builds, or the newest file's.
fn date(newest: i64) -> i64 {
    std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|d| d.parse().ok()).unwrap_or(newest)
}

fn importer<'a>(builder: &'a mut Builder, args: &'a Args, below: &str, all_root: bool) -> Importer<'a> {
    let taking = Taking { all_root, exclude: &args.make.exclude, limit: args.max_size };
    Importer { builder, taking, below: below.trim_matches('/').to_string(), newest: 0, count: 0 }
}

/// Makes all changes; gives the newest date of what came in.
fn edit(builder: &mut Builder, args: &Args, io: &Io) -> Result<i64> {
    let change = &args.change;
    let at = |path: &str, e: apple_fs::Error| match e {
        // The library's words name the path already.
        e if e.to_string().contains(path) => fail("the volume", &e),
        e => fail(path, &e),
    };
    let pairs = |list: &[String]| -> Vec<(String, String)> {
        list.chunks_exact(2).filter_map(|p| Some((p.first()?.clone(), p.get(1)?.clone()))).collect()
    };
    for path in &change.remove {
        builder.remove(path).map_err(|e| at(path, e))?;
    }
    for (from, to) in pairs(&change.rename) {
        builder.rename(&from, &into(builder, &to, &from)).map_err(|e| at(&to, e))?;
    }
    for path in &change.mkdir {
        if !builder.is_folder(path) {
            builder.directory(path, &Attributes::new(0o755)).map_err(|e| at(path, e))?;
        }
    }
    let mut newest = 0;
    for pair in change.add.chunks_exact(2) {
        let (Some(source), Some(path)) = (pair.first(), pair.get(1)) else { continue };
        newest = newest.max(add(builder, args, source, path, io)?);
    }
    for (target, path) in pairs(&change.symlink) {
        let path = into(builder, &path, &target);
        if builder.kind(&path) == Some(Kind::Symlink) {
            builder.remove(&path).map_err(|e| at(&path, e))?;
        }
        builder.symlink(&path, &Attributes::new(0o755), &target).map_err(|e| at(&path, e))?;
    }
    for (existing, path) in pairs(&change.hard_link) {
        let path = into(builder, &path, &existing);
        builder.hard_link(&path, &existing).map_err(|e| at(&path, e))?;
    }
    for (mode, path) in pairs(&change.chmod) {
        // Said once for what it is, before anything is changed.
        text::chmod(&mode, Kind::File, 0).map_err(Error::usage)?;
        let apply = |kind, a: &mut Attributes| {
            if kind != Kind::Symlink {
                a.mode = text::chmod(&mode, kind, a.mode).unwrap_or(a.mode);
            }
        };
        builder.change(&path, change.recursive, apply).map_err(|e| at(&path, e))?;
    }
    for (owner, path) in pairs(&change.chown) {
        let (uid, gid) = text::owner(&owner).map_err(Error::usage)?;
        let apply = |_, a: &mut Attributes| {
            a.uid = uid.unwrap_or(a.uid);
            a.gid = gid.unwrap_or(a.gid);
        };
        builder.change(&path, change.recursive, apply).map_err(|e| at(&path, e))?;
    }
    for (setting, path) in pairs(&change.set_xattr) {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Error::usage(format_args!("--set-xattr {setting}: NAME=VALUE is needed")))?;
        let value = match value.strip_prefix('@') {
            Some(file) => io.input(Some(Path::new(file)))?.read_all(apple_fs::MAX_XATTR)?,
            None => text::value(value).map_err(Error::usage)?,
        };
        builder.xattr(&path, name, &value).map_err(|e| at(&path, e))?;
    }
    for (name, path) in pairs(&change.remove_xattr) {
        if !builder.remove_xattr(&path, &name).map_err(|e| at(&path, e))? {
            return Err(Error::not_found(path, format_args!("it has no attribute {name}")));
        }
    }
    Ok(newest)
}

/// A path that names a folder, or ends with a slash, with the last part of `like` behind it, as cp and mv take it.
fn into(builder: &Builder, path: &str, like: &str) -> String {
    let last = like.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    match path.ends_with('/') || builder.is_folder(path) {
        true if !last.is_empty() && last != ".." => format!("{}/{last}", path.trim_end_matches('/')),
        _ => path.to_string(),
    }
}

/// `--add`.
fn add(builder: &mut Builder, args: &Args, source: &Path, path: &Path, io: &Io) -> Result<i64> {
    let path = path.to_str().ok_or_else(|| Error::usage("--add: the path in the volume is not UTF-8"))?;
    let name = source.display().to_string();
    let is_file = source.as_os_str() != "-" && source.is_file();
    let itself = path.ends_with('/') && !path.trim_matches('/').is_empty();
    let archive = !is_file || !itself && builder.is_folder(path) && host::is_archive(source);
    if archive {
        if !source.is_dir() && builder.kind(path).is_some() && !builder.is_folder(path) {
            return Err(Error::usage(format_args!("--add {name} {path}: an archive goes into a folder")));
        }
        // Files of the host belong to root, those of an archive to whom it says.
        let root = args.make.all_root || source.is_dir();
        let mut importer = importer(builder, args, path, root);
        importer.take(source, io)?;
        return Ok(importer.newest);
    }
    let meta = source.metadata().map_err(|e| Error::io(&name, e))?;
    let path = into(builder, path, source.file_name().and_then(|n| n.to_str()).unwrap_or("file"));
    let contents = host::HostFile::shared(source, meta.len());
    let mut a = host::attributes(&meta);
    (a.uid, a.gid) = (0, 0);
    let modified = a.modified;
    let done = if builder.exists(&path) {
        builder.replace(&path, contents).and_then(|()| {
            builder.change(&path, false, |_, old| {
                old.modified = modified;
                old.changed = None;
                old.accessed = None;
            })
        })
    } else {
        builder.file_from(&path, &a, contents)
    };
    done.map_err(|e| fail(&format!("{name}: {path}"), &e))?;
    Ok(modified.unwrap_or(0))
}

#[cfg(test)]
mod tests;
