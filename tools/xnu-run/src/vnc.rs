//! `--vnc`: the framebuffer for VNC clients of this host, and their keys as console input.
//!
//! Clients are served by threads of their own that look at the guest's RAM, as a monitor would: the guest does not notice, and
//! a slow client slows nobody. There is no authentication, so only loopback addresses are taken.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cli::{Code, Error};
use machine::Screen;

/// Where VNC's displays begin.
const BASE: u16 = 5900;
/// How often a client's screen is looked at.
const EVERY: Duration = Duration::from_millis(33);
/// Most clients at a time.
const MOST: usize = 8;

/// Where clients connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl FromStr for Address {
    type Err = String;

    /// `:DISPLAY` (5900 and up), `PORT`, `HOST:PORT`, `HOST`.
    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?}: a port, HOST:PORT, or :DISPLAY");
        let (host, port) = if let Some(display) = text.strip_prefix(':') {
            let display: u16 = display.parse().map_err(|_| form())?;
            ("127.0.0.1", BASE.checked_add(display).ok_or_else(form)?)
        } else if let Ok(port) = text.parse() {
            ("127.0.0.1", port)
        } else {
            match text.rsplit_once(':') {
                Some((host, port)) => (host, port.parse().map_err(|_| form())?),
                None => (text, BASE),
            }
        };
        let host = match host.trim_matches(['[', ']']) {
            "localhost" => "127.0.0.1",
            host => host,
        };
        let ip: IpAddr = host.parse().map_err(|_| form())?;
        if !ip.is_loopback() {
            return Err(format!(
                "{text:?}: there is no password, so only loopback: use ssh -L from elsewhere"
            ));
        }
        Ok(Self(SocketAddr::new(ip, port)))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    screen: Mutex<Option<Screen>>,
    clients: AtomicUsize,
    keys: Mutex<UnixStream>,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: Address,
    /// What clients typed.
    pub keys: UnixStream,
}

impl Server {
    /// Listens. Threads end with the process.
    ///
    /// # Errors
    /// An address that cannot be listened at.
    pub fn start(address: Address) -> Result<Self, Error> {
        let failed = |e: std::io::Error| Error::new(Code::Io, format_args!("--vnc {address}: {e}"));
        let listener = TcpListener::bind(address.0).map_err(failed)?;
        let address = Address(listener.local_addr().map_err(failed)?);
        let (keys, theirs) = UnixStream::pair().map_err(failed)?;
        keys.set_nonblocking(true).map_err(failed)?;
        theirs.set_nonblocking(true).map_err(failed)?;
        let shared = Arc::new(Shared {
            screen: Mutex::new(None),
            clients: AtomicUsize::new(0),
            keys: Mutex::new(theirs),
        });
        let of_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("vnc".into())
            .spawn(move || accept(&listener, &of_thread))
            .map_err(failed)?;
        Ok(Self { shared, address, keys })
    }

    /// Where clients can connect.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Shows this screen from now on.
    pub fn show(&self, screen: Option<Screen>) {
        *lock(&self.shared.screen) = screen;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        // A connection that failed is its client's affair; one too many is hung up on.
        let Ok(stream) = stream else { continue };
        if shared.clients.fetch_add(1, Ordering::Relaxed) >= MOST {
            shared.clients.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let of_thread = Arc::clone(shared);
        let serving = std::thread::Builder::new().name("vnc client".into()).spawn(move || {
            // How a client leaves interests nobody.
            let _ = serve(stream, &of_thread);
            of_thread.clients.fetch_sub(1, Ordering::Relaxed);
        });
        if serving.is_err() {
            shared.clients.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(EVERY))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let screen = lock(&shared.screen).clone();
    let (width, height) = screen.as_ref().map_or((640, 480), Screen::size);
    let pixels = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    let mut session = rfb::Session::new("xnu-run", pixels(width), pixels(height));
    let mut keyboard = rfb::Keyboard::default();
    let mut looked = Instant::now();
    let mut buffer = [0; 4096];
    loop {
        stream.write_all(&session.take_output())?;
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                let bytes = buffer.get(..n).unwrap_or_default();
                let events = session.receive(bytes).map_err(std::io::Error::other)?;
                for event in events {
                    if let rfb::Event::Key { down, keysym } = event {
                        // A guest that reads nothing has a full queue: further keys are lost, as on a real console.
                        let _ = lock(&shared.keys).write(&keyboard.bytes(down, keysym));
                    }
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => return Err(e),
        }
        if session.wants_update() && looked.elapsed() >= EVERY {
            looked = Instant::now();
            let screen = lock(&shared.screen).clone();
            if let Some(Ok(picture)) = screen.map(|s| s.picture()) {
                session.update(&picture.rgb);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_ports_displays_and_loopback_only() {
        for (text, address) in [
            ("5901", "127.0.0.1:5901"),
            (":2", "127.0.0.1:5902"),
            ("localhost:0", "127.0.0.1:0"),
            ("[::1]:5900", "[::1]:5900"),
            ("127.0.0.1", "127.0.0.1:5900"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), address);
        }
        for text in ["", ":x", "0.0.0.0:5900", "192.0.2.1:5900", ":65000", "host:1", "99999"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
