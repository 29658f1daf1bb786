//! An IPSW, wherever it is: an archive file, bytes in memory, an unpacked folder, or a pipe.

use crate::digest::{DigestCheck, HEAD, Verdict};
use crate::folder::Folder;
use crate::manifest::{self, BUILD_MANIFEST, BuildManifest, Component, OTA_FOLDER};
use crate::plist::MAX_PLIST;
use crate::restore::{RESTORE, Restore};
use crate::zip::stream::Stream;
use crate::zip::{self, Entry, MemberReader};
use crate::{Error, ReadAt, Result};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// An opened IPSW.
pub struct Ipsw {
    source: Source,
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
    /// Members that a pipe brought but that were not kept.
    passed: Vec<Entry>,
    manifest: BuildManifest,
    restore: Option<Restore>,
    /// Where the manifest and what it names is.
    base: String,
}

enum Source {
    Archive(Arc<dyn ReadAt>),
    Folder(Folder),
}

impl std::fmt::Debug for Ipsw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ipsw").field("build", &self.manifest.build).finish_non_exhaustive()
    }
}

/// Says by its path whether a member of an archive in a pipe is to be kept.
pub type Wanted = Box<dyn Fn(&str) -> bool>;

/// Decides what is wanted, once the manifest is known.
pub type Keep<'a> = &'a mut dyn FnMut(&BuildManifest) -> Result<Wanted>;

impl Ipsw {
    /// Opens an archive: a file, or bytes in memory.
    pub fn open(source: impl ReadAt + 'static) -> Result<Ipsw> {
        Self::open_shared(Arc::new(source))
    }

    /// Opens an archive whose bytes others read, too.
    pub fn open_shared(source: Arc<dyn ReadAt>) -> Result<Ipsw> {
        let entries = zip::directory(&source)?;
        Self::new(Source::Archive(source), entries, Vec::new())
    }

    /// Opens any zip archive as if its manifest named nothing: its files can be read, and that is all.
    pub fn open_plain(source: Arc<dyn ReadAt>) -> Result<Ipsw> {
        let entries = zip::directory(&source)?;
        let index = entries.iter().enumerate().map(|(i, e)| (e.name.clone(), i)).collect();
        Ok(Ipsw {
            source: Source::Archive(source),
            entries,
            index,
            passed: Vec::new(),
            manifest: BuildManifest::default(),
            restore: None,
            base: String::new(),
        })
    }

    /// Opens a folder into which an archive was unpacked. Links that lead out of it are not followed.
    pub fn open_folder(path: &Path) -> Result<Ipsw> {
        let folder = Folder::new(path)?;
        let entries = folder.entries()?;
        Self::new(Source::Folder(folder), entries, Vec::new())
    }

    /// Reads an archive from a pipe to its end. As soon as the manifest has come, `keep` says which members are wanted;
    /// they go to `spool`, still packed, which is a temporary file. Members before the manifest are kept up to
    /// `early_limit` bytes (packed) each.
    pub fn from_stream(
        input: impl Read,
        spool: std::fs::File,
        early_limit: u64,
        keep: Keep<'_>,
    ) -> Result<Ipsw> {
        let mut stream = Stream::new(input);
        let (mut entries, mut passed, mut place) = (Vec::new(), Vec::new(), 0u64);
        let mut wanted: Option<Wanted> = None;
        let mut out = &spool;
        loop {
            let mut choose = |name: &str, packed: Option<u64>| match &wanted {
                _ if of_base(name, BUILD_MANIFEST) || of_base(name, RESTORE) => true,
                Some(wanted) => wanted(name),
                None => packed.is_none_or(|n| n <= early_limit),
            };
            let Some((entry, kept, written)) = stream.next(&mut choose, &mut out, place)? else { break };
            if !kept {
                passed.push(entry);
                continue;
            }
            place = place.saturating_add(written);
            if wanted.is_none() && of_base(&entry.name, BUILD_MANIFEST) {
                let bytes = read_member(&spool, &entry)?;
                let mut manifest = BuildManifest::parse(&bytes)?;
                manifest.rebase(entry.name.strip_suffix(BUILD_MANIFEST).unwrap_or_default());
                wanted = Some(keep(&manifest)?);
            }
            entries.push(entry);
        }
        stream.drain()?;
        Self::new(Source::Archive(Arc::new(spool)), entries, passed)
    }

    fn new(source: Source, entries: Vec<Entry>, passed: Vec<Entry>) -> Result<Ipsw> {
        let index = entries.iter().enumerate().map(|(i, e)| (e.name.clone(), i)).collect();
        let base = manifest::base(entries.iter().map(|e| e.name.as_str())).unwrap_or_default();
        let (manifest, restore) = (BuildManifest::default(), None);
        let mut ipsw = Ipsw { source, entries, index, passed, manifest, restore, base };
        let path = |name: &str| format!("{}{name}", ipsw.base);
        let mut manifest = BuildManifest::parse(&ipsw.read(&path(BUILD_MANIFEST), MAX_PLIST)?)?;
        let restore = path(RESTORE);
        manifest.rebase(&ipsw.base);
        ipsw.manifest = manifest;
        if ipsw.index.contains_key(&restore) {
            ipsw.restore = Some(Restore::parse(&ipsw.read(&restore, MAX_PLIST)?)?);
        }
        Ok(ipsw)
    }

    /// All files that can be read, in the order of the archive.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Files that came through a pipe but were not kept: known, but not to be read.
    pub fn passed(&self) -> &[Entry] {
        &self.passed
    }

    /// The folder of the archive in which the manifest is, and below which everything is that it names: empty in an
    /// IPSW.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is an over-the-air archive.
    pub fn is_ota(&self) -> bool {
        self.base == OTA_FOLDER
    }

    /// A file's bytes to be read at any place, for archives within the archive: see [`crate::Archive::inner`].
    pub fn inner(
        &self,
        path: &str,
        spool: &mut dyn FnMut() -> io::Result<std::fs::File>,
    ) -> Result<Arc<dyn ReadAt>> {
        let entry = self.entry(path)?;
        match &self.source {
            Source::Archive(source) => crate::archive::inner(source, entry, spool),
            Source::Folder(folder) => Ok(Arc::new(folder.open(&entry.name)?)),
        }
    }

    /// The build manifest.
    pub fn manifest(&self) -> &BuildManifest {
        &self.manifest
    }

    /// Restore.plist, if there is one.
    pub fn restore(&self) -> Option<&Restore> {
        self.restore.as_ref()
    }

    /// A file by its path.
    pub fn entry(&self, path: &str) -> Result<&Entry> {
        match self.index.get(path).and_then(|i| self.entries.get(*i)) {
            Some(e) => Ok(e),
            None if self.passed.iter().any(|e| e.name == path) => Err(Error::NotKept(path.into())),
            None => Err(Error::NoFile(path.into())),
        }
    }

    /// Reads a file; size and CRC-32 are checked on the way. Errors come inside `io::Error`: see [`Error::io`].
    pub fn reader(&self, path: &str) -> Result<Box<dyn Read + '_>> {
        let entry = self.entry(path)?;
        if entry.is_symlink {
            return Err(Error::UnsupportedMember {
                name: entry.name.clone(),
                what: "a symbolic link; it is not followed".into(),
            });
        }
        match &self.source {
            Source::Archive(source) => Ok(Box::new(MemberReader::new(source.as_ref(), entry)?)),
            Source::Folder(folder) => Ok(Box::new(folder.open(&entry.name)?)),
        }
    }

    /// Reads a file into memory, refusing more than `limit` bytes.
    pub fn read(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let size = self.entry(path)?.size;
        if size > limit {
            return Err(Error::OverLimit { name: path.into(), size, limit });
        }
        let mut bytes = Vec::new();
        self.reader(path)?.take(limit).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
        Ok(bytes)
    }

    /// The file of a component.
    pub fn component_entry(&self, component: &Component) -> Result<&Entry> {
        let path = component.path.as_deref().ok_or_else(|| Error::NoPath(component.name.clone()))?;
        self.entry(path)
    }

    /// Reads a component's file and compares it with BuildManifest's digest on the way.
    pub fn component_reader<'a>(&'a self, component: &'a Component) -> Result<ComponentReader<'a>> {
        let entry = self.component_entry(component)?;
        let mut reader = self.reader(&entry.name)?;
        let (mut head, mut check) = (Vec::new(), None);
        if let Some(digest) = &component.digest {
            // Read once only: what is behind a network, or deflated, is not read twice for its head.
            (&mut reader).take(HEAD as u64).read_to_end(&mut head).map_err(|e| Error::io(&entry.name, e))?;
            check = Some(DigestCheck::new(digest, component.im4p_type.as_deref(), &head));
        }
        Ok(ComponentReader {
            inner: Box::new(io::Cursor::new(head).chain(reader)),
            component,
            left: entry.size,
            verdict: check.is_none().then_some(Verdict::Absent),
            check,
        })
    }
}

/// Whether a member is that file of an IPSW or of an over-the-air archive.
fn of_base(name: &str, file: &str) -> bool {
    name.strip_suffix(file).is_some_and(|folder| folder.is_empty() || folder == OTA_FOLDER)
}

fn read_member(spool: &std::fs::File, entry: &Entry) -> Result<Vec<u8>> {
    if entry.size > MAX_PLIST {
        return Err(Error::OverLimit { name: entry.name.clone(), size: entry.size, limit: MAX_PLIST });
    }
    let mut bytes = Vec::new();
    MemberReader::new(spool, entry)?.read_to_end(&mut bytes).map_err(|e| Error::io(&entry.name, e))?;
    Ok(bytes)
}

/// Reads a component's file. If the digest is wrong, the read that would give the last bytes fails instead.
pub struct ComponentReader<'a> {
    inner: Box<dyn Read + 'a>,
    component: &'a Component,
    left: u64,
    check: Option<DigestCheck>,
    verdict: Option<Verdict>,
}

impl std::fmt::Debug for ComponentReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentReader").field("component", &self.component.name).finish_non_exhaustive()
    }
}

impl ComponentReader<'_> {
    /// How the file compares, once it was read to its end.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Copies the whole file.
    pub fn copy_to(&mut self, out: &mut impl Write) -> io::Result<u64> {
        let mut buffer = vec![0; 256 << 10];
        let mut total = 0u64;
        loop {
            match self.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => {
                    out.write_all(buffer.get(..n).unwrap_or_default())?;
                    total = total.saturating_add(n as u64);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Read for ComponentReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.left = self.left.saturating_sub(n as u64);
        if let Some(check) = &mut self.check {
            check.update(buf.get(..n).unwrap_or_default());
        }
        // A file of no bytes gives its verdict at its first read.
        if self.left == 0
            && let Some(check) = self.check.take()
        {
            let verdict = check.finish().map_err(|m| Error::Digest {
                path: self.component.path.clone().unwrap_or_default(),
                component: self.component.name.clone(),
                algorithm: m.algorithm,
                is: m.is,
                should: m.should,
            })?;
            self.verdict = Some(verdict);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
