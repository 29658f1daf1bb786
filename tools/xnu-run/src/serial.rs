//! Where the guest's serial console goes: `--serial`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use cli::{Error, Io};

use crate::terminal::Keyboard;

/// What `--serial` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spec {
    /// The terminal.
    Stdio,
    /// A file for the output; nothing is typed.
    File(PathBuf),
    /// A socket that we make; one client at a time.
    Unix(PathBuf),
    /// A pseudo-terminal, whose name is printed.
    Pty,
    /// Nowhere.
    None,
}

impl std::str::FromStr for Spec {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s.split_once(':') {
            None if s == "stdio" => Ok(Self::Stdio),
            None if s == "pty" => Ok(Self::Pty),
            None if s == "none" => Ok(Self::None),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            _ => Err("stdio, file:PATH, unix:PATH, pty or none".into()),
        }
    }
}

/// An opened console.
#[derive(Debug)]
pub enum Console {
    /// The terminal, or pipes in its place.
    Stdio {
        /// None once its end was reached, or when there never was one.
        keyboard: Option<Keyboard>,
    },
    /// A file.
    File(File),
    /// A socket's client, when there is one, and where the next comes from.
    Unix {
        /// Where clients come from.
        listener: UnixListener,
        /// The client.
        client: Option<UnixStream>,
        /// To be removed at the end.
        path: PathBuf,
    },
    /// The controlling side of a pseudo-terminal.
    Pty(File),
    /// Nowhere.
    None,
}

impl Console {
    /// Opens what `spec` says.
    pub fn open(spec: &Spec, stdin_is_taken: bool, io: &Io) -> Result<Self, Error> {
        Ok(match spec {
            Spec::Stdio => {
                let mut keyboard = Keyboard::open(stdin_is_taken);
                if let Some(k) = &mut keyboard {
                    k.raw().map_err(|e| Error::io("terminal", e))?;
                }
                Self::Stdio { keyboard }
            }
            Spec::File(path) => Self::File(File::create(path).map_err(|e| Error::io(path.display(), e))?),
            Spec::Unix(path) => {
                let listener = UnixListener::bind(path).map_err(|e| Error::io(path.display(), e))?;
                listener.set_nonblocking(true).map_err(|e| Error::io(path.display(), e))?;
                io.warn(format_args!("console at unix socket {}", path.display()));
                Self::Unix { listener, client: None, path: path.clone() }
            }
            Spec::Pty => {
                let (file, name) = pty().map_err(|e| Error::io("pseudo-terminal", e))?;
                io.warn(format_args!("console at {name}"));
                Self::Pty(file)
            }
            Spec::None => Self::None,
        })
    }

    /// Whether a person types on it, so that Ctrl-A is ours.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Stdio { keyboard: Some(k) } if k.is_terminal())
    }

    /// Whether something can still be typed.
    pub fn may_type(&self) -> bool {
        match self {
            Self::Stdio { keyboard } => keyboard.is_some(),
            Self::Unix { .. } | Self::Pty(_) => true,
            Self::File(_) | Self::None => false,
        }
    }

    /// What to wait on for input.
    pub fn wait_on(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Stdio { keyboard } => keyboard.as_ref().map(|k| k.file().as_fd()),
            Self::Unix { client: Some(client), .. } => Some(client.as_fd()),
            Self::Unix { listener, .. } => Some(listener.as_fd()),
            Self::Pty(file) => Some(file.as_fd()),
            Self::File(_) | Self::None => None,
        }
    }

    /// Reads what there is, after `wait_on` was ready.
    pub fn read(&mut self) -> Vec<u8> {
        let mut buffer = [0; 4096];
        let result = match self {
            Self::Stdio { keyboard: Some(k) } => k.file().read(&mut buffer),
            Self::Pty(file) => match file.read(&mut buffer) {
                // Nobody has the other side open yet.
                Ok(0) | Err(_) => return Vec::new(),
                ok => ok,
            },
            Self::Unix { client: Some(stream), .. } => stream.read(&mut buffer),
            Self::Unix { listener, client, .. } => {
                if let Ok((stream, _)) = listener.accept() {
                    *client = stream.set_nonblocking(true).is_ok().then_some(stream);
                }
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        match result {
            Ok(0) => self.ended(),
            Ok(n) => return buffer.get(..n).unwrap_or_default().to_vec(),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.ended(),
        }
        Vec::new()
    }

    fn ended(&mut self) {
        match self {
            Self::Stdio { keyboard } => *keyboard = None,
            Self::Unix { client, .. } => *client = None,
            _ => {}
        }
    }

    /// Writes output. A socket without a client and a pseudo-terminal that nobody reads lose it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdio { .. } => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
            Self::File(file) => file.write_all(bytes),
            Self::Pty(file) => {
                let _ = file.write(bytes);
                Ok(())
            }
            Self::Unix { client: Some(stream), .. } => {
                if stream.write_all(bytes).is_err() {
                    self.ended();
                }
                Ok(())
            }
            Self::Unix { .. } | Self::None => Ok(()),
        }
    }

    /// Puts a terminal back for as long as something else is printed; [`Console::resume`] takes it again.
    pub fn suspend(&mut self) {
        if let Self::Stdio { keyboard: Some(k) } = self {
            k.cooked();
        }
    }

    /// See [`Console::suspend`].
    pub fn resume(&mut self) {
        if let Self::Stdio { keyboard: Some(k) } = self {
            // It was possible before.
            let _ = k.raw();
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if let Self::Unix { path, .. } = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A pseudo-terminal: our side, and the name of the other.
fn pty() -> io::Result<(File, String)> {
    use rustix::fs::OFlags;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let fd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&fd)?;
    unlockpt(&fd)?;
    // Until the other side sets its own modes: no echo, or the guest would be sent its own output as input.
    let mut modes = rustix::termios::tcgetattr(&fd)?;
    modes.make_raw();
    rustix::termios::tcsetattr(&fd, rustix::termios::OptionalActions::Now, &modes)?;
    let name = ptsname(&fd, Vec::new())?.to_string_lossy().into_owned();
    rustix::fs::fcntl_setfl(&fd, OFlags::NONBLOCK)?;
    Ok((File::from(fd), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_are_read_and_others_refused() {
        assert_eq!("stdio".parse(), Ok(Spec::Stdio));
        assert_eq!("file:/tmp/a:b".parse(), Ok(Spec::File("/tmp/a:b".into())));
        assert_eq!("unix:x".parse(), Ok(Spec::Unix("x".into())));
        for bad in ["", "file:", "file", "tcp:1", "stdio:1"] {
            assert!(bad.parse::<Spec>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pseudo_terminal_carries_bytes_both_ways() {
        let (file, name) = pty().unwrap();
        let mut console = Console::Pty(file);
        let mut other = File::options().read(true).write(true).open(name).unwrap();
        console.write(b"out\n").unwrap();
        let mut got = [0; 8];
        let n = other.read(&mut got).unwrap();
        assert_eq!(&got[..n], b"out\n");
        other.write_all(b"in\n").unwrap();
        let mut typed = Vec::new();
        for _ in 0..100 {
            typed.extend(console.read());
            if typed.ends_with(b"in\n") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(typed, b"in\n", "the other side's bytes, and no echo of ours");
    }
}
