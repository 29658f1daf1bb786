//! Input files: a path, or standard input when there is none or it is `-`.

use crate::{Code, Error, Result};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

/// The most that a tool reads into memory as one component: 2 GiB, the limit of a part of a packed image.
pub const MAX_COMPONENT: u64 = 1 << 31;

/// An opened input. `Read` reads on from where it is; [`Input::seekable`] gives the file when it is a regular one.
#[derive(Debug)]
pub struct Input {
    name: String,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// A regular file, named or redirected to standard input.
    File(File),
    /// A pipe, terminal or socket.
    Stream(File),
}

impl Input {
    pub(crate) fn open(path: Option<&Path>) -> Result<Input> {
        let (name, file) = match path {
            Some(p) if p.as_os_str() != "-" => {
                let name = p.display().to_string();
                let file = File::open(p).map_err(|e| Error::io(&name, e))?;
                (name, file)
            }
            _ => {
                let stdin = io::stdin();
                if stdin.is_terminal() {
                    return Err(Error::usage(
                        "no input: name a file, or send one through a pipe (standard input is a terminal)",
                    ));
                }
                let fd = std::os::fd::AsFd::as_fd(&stdin)
                    .try_clone_to_owned()
                    .map_err(|e| Error::io("standard input", e))?;
                ("standard input".to_string(), File::from(fd))
            }
        };
        let meta = file.metadata().map_err(|e| Error::io(&name, e))?;
        if meta.is_dir() {
            return Err(Error::new(Code::Io, format_args!("{name}: is a folder")));
        }
        let source = if meta.is_file() { Source::File(file) } else { Source::Stream(file) };
        Ok(Input { name, source })
    }

    /// What to call it in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file, when it is a regular one and can be read at any place. Positional reads do not move it.
    pub fn seekable(&self) -> Option<&File> {
        match &self.source {
            Source::File(f) => Some(f),
            Source::Stream(_) => None,
        }
    }

    /// Reads everything that is left, refusing more than `limit` bytes.
    pub fn read_all(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        if let Source::File(f) = &self.source {
            let len = f.metadata().map_err(|e| Error::io(&self.name, e))?.len();
            if len <= limit {
                data.try_reserve_exact(usize::try_from(len).unwrap_or(0).saturating_add(1))
                    .map_err(|e| Error::new(Code::Io, format_args!("{}: {e}", self.name)))?;
            }
        }
        let name = self.name.clone();
        self.by_ref()
            .take(limit.saturating_add(1))
            .read_to_end(&mut data)
            .map_err(|e| Error::io(&name, e))?;
        if data.len() as u64 > limit {
            return Err(Error::unsupported(
                &self.name,
                format_args!("larger than {limit} bytes, the most this tool takes"),
            ));
        }
        Ok(data)
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.source {
            Source::File(f) | Source::Stream(f) => f.read(buf),
        }
    }
}
