//! Where clients come from: a TCP port, on the loopback interface unless told otherwise, or a Unix socket.
//!
//! There is no password: whoever can connect owns the guest. So the default is loopback, and a Unix socket is better.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// The port that GDB's users expect.
const PORT: u16 = 1234;
/// A client that leaves our answers unread so long is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where to listen: `PORT`, `HOST:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket, made here and removed at the end.
    Unix(PathBuf),
}

impl Default for Address {
    fn default() -> Self {
        Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)))
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Address(text.to_owned());
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Address::Unix(path.into())) };
        }
        // As QEMU writes it: tcp::1234.
        let text = text.strip_prefix("tcp:").unwrap_or(text);
        let port = text.strip_prefix(':').or_else(|| text.strip_prefix("localhost:")).unwrap_or(text);
        if let Ok(port) = port.parse::<u16>() {
            return Ok(Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
        }
        text.parse().map(Address::Tcp).map_err(|_| wrong())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => address.fmt(f),
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Waits for clients, one at a time.
#[derive(Debug)]
pub struct Server {
    listener: Listener,
    address: Address,
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub fn bind(address: &Address) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address: address.to_string(), source };
        let (listener, address) = match address {
            Address::Tcp(at) => {
                let listener = TcpListener::bind(at).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                let at = listener.local_addr().map_err(failed)?;
                (Listener::Tcp(listener), Address::Tcp(at))
            }
            Address::Unix(path) => {
                let listener = UnixListener::bind(path).map_err(failed)?;
                listener.set_nonblocking(true).map_err(failed)?;
                (Listener::Unix(listener), address.clone())
            }
        };
        Ok(Self { listener, address })
    }

    /// Where it listens; the port is the real one if 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The client that has connected, if one has.
    ///
    /// # Errors
    /// [`Error::Connection`].
    pub fn accept(&self) -> Result<Option<Client>, Error> {
        let stream = match &self.listener {
            Listener::Tcp(listener) => listener.accept().map(|(s, _)| Stream::Tcp(s)),
            Listener::Unix(listener) => listener.accept().map(|(s, _)| Stream::Unix(s)),
        };
        match stream {
            Ok(stream) => Client::new(stream).map(Some).map_err(Error::Connection),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            // The client went away before we came to it.
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => Ok(None),
            Err(e) => Err(Error::Connection(e)),
        }
    }
}

impl AsFd for Server {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.listener {
            Listener::Tcp(listener) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Address::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connected client.
#[derive(Debug)]
pub struct Client(Stream);

impl Client {
    fn new(stream: Stream) -> io::Result<Self> {
        // Reads happen when there is something to read; the timeouts are for clients that play games.
        match &stream {
            Stream::Tcp(s) => {
                s.set_nonblocking(false)?;
                s.set_nodelay(true)?;
                s.set_read_timeout(Some(PATIENCE))?;
                s.set_write_timeout(Some(PATIENCE))?;
            }
            Stream::Unix(s) => {
                s.set_nonblocking(false)?;
                s.set_read_timeout(Some(PATIENCE))?;
                s.set_write_timeout(Some(PATIENCE))?;
            }
        }
        Ok(Self(stream))
    }

    /// A client at the other end of a pair of sockets, for programs that debug what they run themselves.
    ///
    /// # Errors
    /// The socket's.
    pub fn pair() -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self::new(Stream::Unix(ours))?, theirs))
    }

    pub(crate) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Stream::Tcp(s) => s.read(into),
            Stream::Unix(s) => s.read(into),
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Stream::Tcp(s) => s.write_all(bytes),
            Stream::Unix(s) => s.write_all(bytes),
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Stream::Tcp(s) => s.as_fd(),
            Stream::Unix(s) => s.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_loopback_unless_they_say_otherwise() {
        let local = |port| Address::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        for text in ["1234", ":1234", "localhost:1234", "tcp::1234", "127.0.0.1:1234"] {
            assert_eq!(text.parse::<Address>().unwrap(), local(1234), "{text}");
        }
        assert_eq!(Address::default(), local(1234));
        assert_eq!("[::1]:9".parse::<Address>().unwrap().to_string(), "[::1]:9");
        assert_eq!("unix:/tmp/s".parse::<Address>().unwrap(), Address::Unix("/tmp/s".into()));
        for bad in ["", "unix:", "host", "example.org:1", "70000", "1:2:3"] {
            assert!(matches!(bad.parse::<Address>(), Err(Error::Address(_))), "{bad}");
        }
    }

    #[test]
    fn a_unix_socket_is_removed_at_the_end() {
        let path = std::env::temp_dir().join(format!("xnuboot-debug-{}", std::process::id()));
        let server = Server::bind(&Address::Unix(path.clone())).unwrap();
        assert!(path.exists() && server.accept().unwrap().is_none());
        let _client = UnixStream::connect(&path).unwrap();
        assert!(server.accept().unwrap().is_some());
        assert!(Server::bind(&Address::Unix(path.clone())).is_err(), "not taken from another program");
        drop(server);
        assert!(!path.exists());
    }
}
