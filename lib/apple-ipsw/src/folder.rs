//! An IPSW that someone has unpacked.

use crate::zip::{Entry, Method, is_safe_name};
use crate::{Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Deepest and largest folder that is walked.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 1 << 20;

/// A folder, by its real path.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Result<Folder> {
        path.canonicalize().map(Folder).map_err(|e| Error::io(path.display().to_string(), e))
    }

    /// Every file in it, sorted by path.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folders = vec![(self.0.clone(), String::new(), 0usize)];
        while let Some((folder, prefix, depth)) = folders.pop() {
            let io = |e| Error::io(folder.display().to_string(), e);
            for item in std::fs::read_dir(&folder).map_err(io)? {
                let item = item.map_err(io)?;
                // Names that an archive could not have are no part of an IPSW.
                let Some(name) = item.file_name().to_str().map(|n| format!("{prefix}{n}")) else { continue };
                if !is_safe_name(&name) {
                    continue;
                }
                let kind = item.file_type().map_err(io)?;
                if kind.is_dir() && depth < MAX_DEPTH {
                    folders.push((item.path(), format!("{name}/"), depth + 1));
                } else if kind.is_file() || kind.is_symlink() {
                    // What a link leads to is looked at when it is opened.
                    let size = std::fs::metadata(item.path()).map_or(0, |m| m.len());
                    entries.push(Entry {
                        name,
                        size,
                        crc32: None,
                        packed_size: size,
                        method: Method::Stored,
                        dos_time: 0,
                        is_symlink: false,
                        encrypted: false,
                        offset: 0,
                        limit: 0,
                    });
                }
                if entries.len() > MAX_FILES {
                    let (size, limit) = (entries.len() as u64, MAX_FILES as u64);
                    return Err(Error::OverLimit { name: "files in the folder".into(), size, limit });
                }
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    pub fn open(&self, name: &str) -> Result<File> {
        let io = |e| Error::io(name, e);
        let path = self.0.join(name).canonicalize().map_err(io)?;
        if !path.starts_with(&self.0) {
            return Err(Error::Escape(name.into()));
        }
        File::open(path).map_err(io)
    }
}
