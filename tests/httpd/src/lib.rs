//! A small HTTP/1.1 server with faults to order, for the tests of what reads from servers: with and without ranges, with
//! connections that break, files that change, redirections, and as a proxy. It counts what it sends.
//!
//! For tests alone: it trusts its clients, and panics where a test should see it.
#![forbid(unsafe_code)]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub mod sparse;

/// What is served.
pub enum Content {
    /// From memory.
    Bytes(Vec<u8>),
    /// From a file, which may have holes.
    File(File),
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::Bytes(b) => b.len() as u64,
            Content::File(f) => f.metadata().expect("a file").len(),
        }
    }

    fn read(&self, offset: u64, buf: &mut [u8]) {
        match self {
            Content::Bytes(b) => buf.copy_from_slice(&b[offset as usize..offset as usize + buf.len()]),
            Content::File(f) => f.read_exact_at(buf, offset).expect("within the file"),
        }
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Content({} bytes)", self.size())
    }
}

/// Faults and features.
#[derive(Debug, Clone, Default)]
pub struct Behaviour {
    /// Takes no notice of `Range`.
    pub no_ranges: bool,
    /// `ETag` of the file.
    pub etag: Option<String>,
    /// `ETag` from this request on (counted from 0): the file has changed.
    pub other_etag: Option<(u64, String)>,
    /// `Last-Modified` of the file.
    pub modified: Option<String>,
    /// Breaks every body off after so many bytes.
    pub drop_after: Option<u64>,
    /// So many requests are answered with 503 first.
    pub unavailable: u64,
    /// Sends bodies in chunks of unknown total length.
    pub chunked: bool,
    /// Wants this `Authorization`.
    pub authorization: Option<String>,
}

#[derive(Debug, Default)]
struct Seen {
    lines: Mutex<Vec<String>>,
    bytes: AtomicU64,
    requests: AtomicU64,
    connections: AtomicU64,
}

/// A running server; it ends with the test's process.
#[derive(Debug)]
pub struct Server {
    port: u16,
    seen: Arc<Seen>,
}

impl Server {
    /// Serves `content` under every path, but for `/redirect` (to `/file`), `/loop` (to itself) and `/missing`. A
    /// request for a whole URL is answered as a proxy would, for whatever host.
    pub fn start(content: Content, behaviour: Behaviour) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let (content, behaviour, log) = (Arc::new(content), Arc::new(behaviour), seen.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (content, behaviour, log) = (content.clone(), behaviour.clone(), log.clone());
                log.connections.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || serve(stream, &content, &behaviour, &log));
            }
        });
        Server { port, seen }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Bytes of bodies sent.
    pub fn bytes(&self) -> u64 {
        self.seen.bytes.load(Ordering::SeqCst)
    }

    /// Requests served.
    pub fn requests(&self) -> u64 {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Connections taken.
    pub fn connections(&self) -> u64 {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// The first lines of all requests.
    pub fn lines(&self) -> Vec<String> {
        self.seen.lines.lock().expect("not poisoned").clone()
    }
}

/// Serves one connection until it closes; an error ends it.
fn serve(stream: TcpStream, content: &Content, how: &Behaviour, log: &Seen) -> Option<()> {
    // Answers are written in pieces; without this they wait for each other's acknowledgements.
    stream.set_nodelay(true).ok()?;
    let mut input = BufReader::new(stream.try_clone().ok()?);
    let mut out = stream;
    loop {
        let mut first = String::new();
        input.read_line(&mut first).ok().filter(|n| *n > 0)?;
        let (mut range, mut if_range, mut authorization) = (None, None, None);
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok().filter(|n| *n > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let value = value.trim().to_string();
            match name.to_ascii_lowercase().as_str() {
                "range" => range = Some(value),
                "if-range" => if_range = Some(value),
                "authorization" => authorization = Some(value),
                _ => {}
            }
        }
        log.lines.lock().ok()?.push(first.trim_end().to_string());
        let number = log.requests.fetch_add(1, Ordering::SeqCst);
        let target = first.split(' ').nth(1)?.to_string();
        let path = match target.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("/", |i| &rest[i..]).to_string(),
            None => target,
        };
        let simple =
            |status: &str, more: &str| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n{more}\r\n");
        let refused = how.authorization.is_some() && how.authorization != authorization;
        let short = match path.as_str() {
            _ if number < how.unavailable => Some(simple("503 Service Unavailable", "")),
            "/redirect" => Some(simple("302 Found", "Location: file\r\n")),
            "/loop" => Some(simple("302 Found", "Location: /loop\r\n")),
            "/missing" => Some(simple("404 Not Found", "")),
            _ if refused => Some(simple("401 Unauthorized", "")),
            _ => None,
        };
        if let Some(answer) = short {
            out.write_all(answer.as_bytes()).ok()?;
            continue;
        }
        let etag = match &how.other_etag {
            Some((from, tag)) if number >= *from => Some(tag.clone()),
            _ => how.etag.clone(),
        };
        let size = content.size();
        let fresh = if_range.is_none_or(|v| Some(&v) == etag.as_ref() || Some(&v) == how.modified.as_ref());
        let asked = range.filter(|_| fresh && !how.no_ranges).and_then(|r| {
            let (a, b) = r.strip_prefix("bytes=")?.split_once('-')?;
            let start = a.parse::<u64>().ok()?;
            Some((start, b.parse::<u64>().map_or(size, |b| (b + 1).min(size))))
        });
        let (start, end) = asked.unwrap_or((0, size));
        if start >= end && asked.is_some() {
            let range = format!("Content-Range: bytes */{size}\r\n");
            out.write_all(simple("416 Range Not Satisfiable", &range).as_bytes()).ok()?;
            continue;
        }
        let mut head = match asked {
            Some(_) => {
                format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{size}\r\n", end - 1)
            }
            None => "HTTP/1.1 200 OK\r\n".to_string(),
        };
        head += &match how.chunked {
            true => "Transfer-Encoding: chunked\r\n".to_string(),
            false => format!("Content-Length: {}\r\n", end - start),
        };
        for (name, value) in [("ETag", &etag), ("Last-Modified", &how.modified)] {
            head += &value.as_ref().map_or(String::new(), |v| format!("{name}: {v}\r\n"));
        }
        out.write_all((head + "\r\n").as_bytes()).ok()?;
        let stop = how.drop_after.map_or(end, |n| end.min(start.saturating_add(n)));
        let mut buffer = vec![0; 256 << 10];
        let mut at = start;
        while at < stop {
            let n = usize::try_from(stop - at).unwrap_or(usize::MAX).min(buffer.len());
            content.read(at, &mut buffer[..n]);
            // Before they are sent, so that whoever has them sees them counted.
            log.bytes.fetch_add(n as u64, Ordering::SeqCst);
            if how.chunked {
                out.write_all(format!("{n:x}\r\n").as_bytes()).ok()?;
            }
            out.write_all(&buffer[..n]).ok()?;
            if how.chunked {
                out.write_all(b"\r\n").ok()?;
            }
            at += n as u64;
        }
        if stop < end {
            return None;
        }
        if how.chunked {
            out.write_all(b"0\r\n\r\n").ok()?;
        }
    }
}
