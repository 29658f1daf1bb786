//! Output: standard output, or a file that appears under its name only when it is complete.

use crate::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// An opened output. Write to it, then call [`Output::finish`]; dropped without that, a file output leaves
/// nothing behind and a file that was there before stays as it was.
#[derive(Debug)]
pub struct Output {
    name: String,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stdout(File),
    /// A device or pipe that was named: written directly.
    Direct(File),
    File {
        file: File,
        temporary: PathBuf,
        path: PathBuf,
    },
    Finished,
}

impl Output {
    /// `binary`: refuse a terminal.
    pub(crate) fn create(path: Option<&Path>, binary: bool) -> Result<Output> {
        match path {
            Some(p) if p.as_os_str() != "-" => Self::file(p),
            _ => {
                let stdout = io::stdout();
                if binary && stdout.is_terminal() {
                    return Err(Error::usage(
                        "will not write binary data to a terminal: use -o FILE, or pipe it into the next tool",
                    ));
                }
                let fd = std::os::fd::AsFd::as_fd(&stdout)
                    .try_clone_to_owned()
                    .map_err(|e| Error::io("standard output", e))?;
                Ok(Output { name: "standard output".into(), target: Target::Stdout(File::from(fd)) })
            }
        }
    }

    /// Opens a file by its path, as one of several that are written.
    pub fn to(path: &Path) -> Result<Output> {
        Self::file(path)
    }

    fn file(path: &Path) -> Result<Output> {
        let name = path.display().to_string();
        // Through a symbolic link the file behind it is replaced, not the link.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if let Ok(meta) = path.metadata()
            && !meta.is_file()
        {
            let file = OpenOptions::new().write(true).open(&path).map_err(|e| Error::io(&name, e))?;
            return Ok(Output { name, target: Target::Direct(file) });
        }
        let (file, temporary) = create_beside(&path).map_err(|e| Error::io(&name, e))?;
        if let Ok(meta) = path.metadata() {
            // Keep the mode of what is replaced; failing that, the default is fine.
            let _ = file.set_permissions(meta.permissions());
        }
        Ok(Output { name, target: Target::File { file, temporary, path } })
    }

    /// What to call it in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file descriptor behind it, for `copy_file_range` and its like.
    pub fn as_file(&self) -> Option<&File> {
        match &self.target {
            Target::Stdout(f) | Target::Direct(f) | Target::File { file: f, .. } => Some(f),
            Target::Finished => None,
        }
    }

    /// Writes all of `data`, with the output's name in the error.
    pub fn put(&mut self, data: &[u8]) -> Result<()> {
        self.write_all(data).map_err(|e| Error::io(&self.name, e))
    }

    /// Makes the output final: a file gets its name now.
    pub fn finish(mut self) -> Result<()> {
        match std::mem::replace(&mut self.target, Target::Finished) {
            Target::File { file, temporary, path } => {
                drop(file);
                std::fs::rename(&temporary, &path).map_err(|e| {
                    let _ = std::fs::remove_file(&temporary);
                    Error::io(&self.name, e)
                })
            }
            Target::Stdout(mut f) | Target::Direct(mut f) => f.flush().map_err(|e| Error::io(&self.name, e)),
            Target::Finished => Ok(()),
        }
    }
}

fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let stem = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    for n in 0..1000u32 {
        let mut name = std::ffi::OsString::from(".");
        name.push(stem);
        name.push(format!(".{}-{n}", std::process::id()));
        let temporary = folder.join(name);
        match OpenOptions::new().read(true).write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Stdout(f) | Target::Direct(f) | Target::File { file: f, .. } => f.write(buf),
            Target::Finished => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout(f) | Target::Direct(f) | Target::File { file: f, .. } => f.flush(),
            Target::Finished => Ok(()),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Target::File { temporary, .. } = &self.target {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let p = std::env::temp_dir().join(format!("cli-output-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&p).unwrap();
        p
    }

    #[test]
    fn an_unfinished_output_leaves_the_old_file_and_no_other() {
        let dir = folder("unfinished");
        let path = dir.join("out");
        std::fs::write(&path, b"old").unwrap();
        let mut out = Output::create(Some(&path), true).unwrap();
        out.put(b"half").unwrap();
        drop(out);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_finished_output_replaces_the_old_file_and_keeps_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = folder("finished");
        let path = dir.join("out");
        std::fs::write(&path, b"old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut out = Output::create(Some(&path), true).unwrap();
        out.put(b"new").unwrap();
        out.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(dir).unwrap();
    }
}
