//! Writes files into a folder.
//!
//! Nothing of the image is trusted. Names that are no plain names are refused; a folder that is there already must be
//! one and no symbolic link; files are only ever created anew (`O_EXCL`, which follows no link); symbolic links are
//! made last, so that none of ours can be walked through. What cannot be read or written is counted and told, and the
//! rest still extracted.

use crate::select::Selection;
use crate::{Job, copy, fail};
use apple_fs::{Entry, Error, FileSystem, Kind, Meta};
use cli::{Io, Result};
use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Failures that did not end the run.
#[derive(Debug, Default)]
pub struct Failures {
    /// How many.
    pub count: usize,
    /// The first, with its path.
    pub first: Option<(String, Error)>,
}

impl Failures {
    /// Tells a failure and counts it.
    pub fn add(&mut self, io: &Io, path: &str, e: Error) {
        io.warn(format_args!("{}", fail(path, &e)));
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert((path.into(), e));
    }
}

/// Refuses paths that could mean anything but a place below a folder.
pub fn check_path(path: &str) -> std::result::Result<(), Error> {
    for part in path.split('/').filter(|p| !p.is_empty()) {
        if part == "." || part == ".." || part.contains('\0') {
            return Err(Error::Inconsistent { offset: 0, what: format!("{part:?} is no name for a file") });
        }
    }
    match path.trim_start_matches('/').split('/').any(str::is_empty) && path != "/" {
        true => Err(Error::Inconsistent { offset: 0, what: "a file in the image has an empty name".into() }),
        false => Ok(()),
    }
}

struct Extraction<'a> {
    fs: &'a dyn FileSystem,
    folder: &'a Path,
    owner: bool,
    force: bool,
    /// What was written in this run, by device and inode: on a host that does not tell cases apart, or with a damaged
    /// image, a second entry may lead to the same place.
    made: HashSet<(u64, u64)>,
    /// Where the first name of each file with several is.
    first: HashMap<u64, PathBuf>,
    skipped: usize,
    attributes: usize,
}

impl Job<'_> {
    /// Extracts the chosen entries.
    pub fn extract(&self, fs: &dyn FileSystem, selection: &Selection, io: &Io) -> Result<()> {
        let folder = self.args.directory.as_deref().unwrap_or(Path::new("."));
        let mut x = Extraction {
            fs,
            folder,
            owner: self.args.owner,
            force: self.args.force,
            made: HashSet::new(),
            first: HashMap::new(),
            skipped: 0,
            attributes: 0,
        };
        if self.args.dry_run {
            for &i in &selection.entries {
                io.print(&format!("{}\n", folder.join(relative(&fs.tree().path(i))).display()))?;
            }
            return Ok(());
        }
        fs::create_dir_all(folder).map_err(|e| cli::Error::io(folder.display(), e))?;
        let mut failures = Failures::default();
        let mut folders = Vec::new();
        let mut links = Vec::new();
        let chosen: HashSet<usize> = selection.entries.iter().copied().collect();
        let mut all: Vec<usize> = selection.entries.iter().chain(&selection.above).copied().collect();
        all.sort_unstable();
        let bar = io.progress("extracting", selection.bytes(fs.tree()));
        // Below a folder that could not be made nothing is tried.
        let mut lost = 0usize;
        for i in all {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            if i < lost {
                continue;
            }
            let path = fs.tree().path(i);
            let result = check_path(&path).and_then(|()| match e.meta.kind {
                Kind::Directory => x.directory(&path).map(|()| {
                    if chosen.contains(&i) {
                        folders.push(i);
                    }
                }),
                Kind::Symlink => {
                    links.push(i);
                    Ok(())
                }
                Kind::File => x.file(e, &path).map(|()| bar.add(e.meta.size)),
                _ => {
                    x.skipped = x.skipped.saturating_add(1);
                    io.verbose(format_args!("{path}: left out: a {}", e.meta.kind.name()));
                    Ok(())
                }
            });
            if let Err(why) = result {
                failures.add(io, &path, why);
                lost = fs.tree().subtree(i).end;
            }
        }
        for i in links {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            let path = fs.tree().path(i);
            if let Err(why) = x.symlink(e, &path) {
                failures.add(io, &path, why);
            }
        }
        // Children first: a folder that may not be written comes after what is in it.
        for i in folders.into_iter().rev() {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            let path = fs.tree().path(i);
            let at = x.place(&path);
            let done = File::open(&at).and_then(|f| apply(&f, &e.meta, x.owner));
            if let Err(why) = done {
                failures.add(io, &path, system(&why));
            }
        }
        if x.skipped > 0 {
            io.warn(format_args!("{} devices, pipes and sockets were left out: --tar keeps them", x.skipped));
        }
        if x.attributes > 0 {
            io.verbose(format_args!(
                "{} files have extended attributes, which only --tar keeps",
                x.attributes
            ));
        }
        failures.result(self.name)
    }
}

/// The path without the slash before it.
fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

const SAME_NAME: &str = "another entry of the image has this name";

fn system(e: &io::Error) -> Error {
    Error::Io { offset: 0, why: e.to_string() }
}

fn refused(why: &str) -> Error {
    Error::Invalid(why.into())
}

impl Extraction<'_> {
    fn place(&self, path: &str) -> PathBuf {
        match relative(path) {
            "" => self.folder.to_path_buf(),
            path => self.folder.join(path),
        }
    }

    fn directory(&mut self, path: &str) -> std::result::Result<(), Error> {
        if path == "/" {
            return Ok(());
        }
        let at = self.place(path);
        let made = DirBuilder::new().mode(0o700).create(&at);
        match made {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(system(&e)),
            _ => {}
        }
        // Not `metadata`: a link to a folder is no folder of ours.
        let there = fs::symlink_metadata(&at).map_err(|e| system(&e))?;
        if !there.is_dir() {
            return Err(refused("something that is no folder is there already"));
        }
        if !self.made.insert((there.dev(), there.ino())) {
            return Err(refused(SAME_NAME));
        }
        Ok(())
    }

    /// Makes room for a new file or link.
    fn clear(&self, at: &Path) -> std::result::Result<(), Error> {
        let there = match fs::symlink_metadata(at) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(system(&e)),
            Ok(there) => there,
        };
        if self.made.contains(&(there.dev(), there.ino())) {
            return Err(refused(SAME_NAME));
        }
        if there.is_dir() || !self.force {
            return Err(refused("it is there already (--force replaces files)"));
        }
        fs::remove_file(at).map_err(|e| system(&e))
    }

    fn note(&mut self, there: io::Result<fs::Metadata>) {
        if let Ok(there) = there {
            self.made.insert((there.dev(), there.ino()));
        }
    }

    fn file(&mut self, e: &Entry, path: &str) -> std::result::Result<(), Error> {
        let at = self.place(path);
        if let Some(first) = self.first.get(&e.id).cloned() {
            self.clear(&at)?;
            return fs::hard_link(first, &at).map_err(|e| system(&e));
        }
        let mut contents = self.fs.open(e)?;
        self.clear(&at)?;
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at).map_err(|e| system(&e))?;
        let result = self.fill(&mut file, contents.as_mut(), e);
        if result.is_err() {
            // Nothing half-written stays.
            let _ = fs::remove_file(&at);
        } else {
            self.note(file.metadata());
            if e.meta.links > 1 {
                self.first.insert(e.id, at);
            }
        }
        self.attributes = self.attributes.saturating_add(usize::from(e.meta.has_xattrs));
        result
    }

    fn fill(
        &self,
        file: &mut File,
        contents: &mut dyn io::Read,
        e: &Entry,
    ) -> std::result::Result<(), Error> {
        let write = |bytes: &[u8]| io::Write::write_all(file, bytes).map_err(|e| system(&e));
        let n = copy(contents, write, |e| e)?;
        if n != e.meta.size {
            let what = format!("{n} of its {} bytes could be read", e.meta.size);
            return Err(Error::Inconsistent { offset: 0, what });
        }
        apply(file, &e.meta, self.owner).map_err(|e| system(&e))
    }

    fn symlink(&mut self, e: &Entry, path: &str) -> std::result::Result<(), Error> {
        let target = self.fs.link_target(e)?;
        if target.is_empty() || target.contains(&0) {
            return Err(Error::Inconsistent {
                offset: 0,
                what: "a symbolic link has no usable target".into(),
            });
        }
        let at = self.place(path);
        self.clear(&at)?;
        std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&target), &at).map_err(|e| system(&e))?;
        self.note(fs::symlink_metadata(&at));
        if self.owner {
            std::os::unix::fs::lchown(&at, Some(e.meta.uid), Some(e.meta.gid)).map_err(|e| system(&e))?;
        }
        Ok(())
    }
}

/// Gives an open file or folder its owner, mode and times.
fn apply(file: &File, m: &Meta, owner: bool) -> io::Result<()> {
    if owner {
        std::os::unix::fs::fchown(file, Some(m.uid), Some(m.gid))?;
    }
    // Set-id bits without the owner they were meant for would be a trap.
    let mode = if owner { m.mode & 0o7777 } else { m.mode & 0o777 };
    file.set_permissions(Permissions::from_mode(mode.into()))?;
    if let Some(t) = m.modified {
        let nanoseconds = Duration::from_nanos(t.nanoseconds.into());
        let time = match u64::try_from(t.seconds) {
            Ok(s) => SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(s)),
            Err(_) => SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(t.seconds.unsigned_abs())),
        };
        if let Some(time) = time.and_then(|t| t.checked_add(nanoseconds)) {
            // A file system that cannot hold the date is no reason to fail.
            let _ = file.set_times(FileTimes::new().set_modified(time).set_accessed(time));
        }
    }
    Ok(())
}
