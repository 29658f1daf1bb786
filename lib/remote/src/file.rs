//! A file of which any part can be had.

use crate::client::{About, Client};
use crate::{Error, Result};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard};

/// Answers that are being read and lie idle, at most; the oldest goes.
const MAX_STREAMS: usize = 16;
/// Announcements that have not been read yet, at most.
const MAX_PLANS: usize = 64;
/// Bytes that are kept: what was read without announcement, since directories are looked at more than once, and the start
/// of what was announced, since a file's head is often looked at before the file is read.
const MAX_KEPT: usize = 8 << 20;
/// In so many pieces, which are looked through one after the other.
const MAX_PIECES: usize = 256;
/// How much of the start of an answer is kept.
const HEAD: u64 = 512 << 10;
/// What is left of an answer and is read rather than losing the connection for it.
const REST: u64 = 16 << 10;

/// A file on a server, read at any place, by several readers at once.
///
/// A read without announcement costs a request. Bytes that were announced ([`RemoteFile::will_read`]) cost one for all
/// of them, and no byte more is asked for than was announced.
#[derive(Debug)]
pub struct RemoteFile {
    client: Client,
    about: About,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    streams: VecDeque<Stream>,
    plans: VecDeque<Range<u64>>,
    kept: VecDeque<(u64, Vec<u8>)>,
}

/// An answer that is being read.
struct Stream {
    start: u64,
    at: u64,
    end: u64,
    /// `None` before the request, and after its connection was lost.
    body: Option<Box<dyn Read + Send + Sync>>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({:#x}..{:#x})", self.at, self.end)
    }
}

impl RemoteFile {
    pub(crate) fn new(client: Client, about: About) -> RemoteFile {
        RemoteFile { client, about, inner: Mutex::default() }
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.about.size
    }

    /// Its URL, without secrets.
    pub fn name(&self) -> String {
        self.client.name()
    }

    /// Requests made so far, and bytes of the file received.
    pub fn traffic(&self) -> (u64, u64) {
        self.client.traffic()
    }

    /// Says that these bytes are going to be read in order, from their start: they then come in one answer.
    pub fn will_read(&self, range: Range<u64>) {
        let range = range.start..range.end.min(self.about.size);
        if let Ok(mut inner) = self.inner.lock()
            && !range.is_empty()
        {
            if inner.plans.len() >= MAX_PLANS {
                inner.plans.pop_front();
            }
            inner.plans.push_back(range);
        }
    }

    fn lock(&self) -> Result<MutexGuard<'_, Inner>> {
        self.inner.lock().map_err(|_| Error::Answer {
            url: self.client.name(),
            offset: 0,
            what: "another reader of it failed".into(),
        })
    }

    /// Reads some bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// What remains after all retries, or a file that changed; an [`Error`] inside.
    pub fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.about.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let want = left.min(buf.len());
        let buf = buf.get_mut(..want).unwrap_or_default();
        if buf.is_empty() {
            return Ok(0);
        }
        let (mut stream, planned) = {
            let mut inner = self.lock()?;
            if let Some(n) = inner.kept(buf, offset) {
                return Ok(n);
            }
            inner.take(offset, offset.saturating_add(want as u64))
        };
        if !planned {
            // All of it, and kept.
            let mut filled = 0;
            while let Some(rest) = buf.get_mut(filled..).filter(|r| !r.is_empty()) {
                filled = filled.saturating_add(self.fill(&mut stream, rest)?);
            }
            self.finish(&mut stream);
            self.lock()?.keep(offset, buf.to_vec());
            return Ok(filled);
        }
        let n = self.fill(&mut stream, buf)?;
        if stream.at.saturating_sub(stream.start) <= HEAD {
            self.lock()?.keep(offset, buf.get(..n).unwrap_or_default().to_vec());
        }
        if stream.at == stream.end {
            self.finish(&mut stream);
        } else if stream.end.saturating_sub(stream.at) <= REST {
            // What is left is less than a new connection costs.
            let mut rest = vec![0; usize::try_from(stream.end.saturating_sub(stream.at)).unwrap_or(0)];
            let (at, mut filled) = (stream.at, 0);
            while let Some(part) = rest.get_mut(filled..).filter(|r| !r.is_empty()) {
                filled = filled.saturating_add(self.fill(&mut stream, part)?);
            }
            self.finish(&mut stream);
            self.lock()?.keep(at, rest);
        } else {
            let mut inner = self.lock()?;
            if inner.streams.len() >= MAX_STREAMS {
                inner.streams.pop_front();
            }
            inner.streams.push_back(stream);
        }
        Ok(n)
    }

    /// Reads at least a byte of an answer, asking for the rest of it again whenever the connection is lost.
    fn fill(&self, stream: &mut Stream, buf: &mut [u8]) -> Result<usize> {
        let left = usize::try_from(stream.end.saturating_sub(stream.at)).unwrap_or(usize::MAX);
        let want = left.min(buf.len());
        let buf = buf.get_mut(..want).unwrap_or_default();
        let mut patience = self.client.patience();
        loop {
            let body = match &mut stream.body {
                Some(body) => body,
                none => none.insert(self.client.range(stream.at, stream.end, &self.about)?.body),
            };
            let error = match body.read(buf) {
                Ok(0) => "the connection was closed".to_string(),
                Ok(n) => {
                    self.client.count(n);
                    stream.at = stream.at.saturating_add(n as u64);
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => e.to_string(),
            };
            stream.body = None;
            if !patience.again(None) {
                let (url, tries) = (self.client.name(), patience.tries);
                return Err(Error::Lost { url, offset: stream.at, tries, error });
            }
        }
    }

    /// Sees the end of an answer, after which its connection is free.
    fn finish(&self, stream: &mut Stream) {
        if let Some(mut body) = stream.body.take() {
            let _ = body.read(&mut [0]);
        }
    }
}

impl Inner {
    /// Bytes that are there already.
    fn kept(&self, buf: &mut [u8], offset: u64) -> Option<usize> {
        self.kept.iter().rev().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            let have = bytes.get(from..).filter(|h| !h.is_empty())?;
            let n = have.len().min(buf.len());
            buf.get_mut(..n)?.copy_from_slice(have.get(..n)?);
            Some(n)
        })
    }

    fn keep(&mut self, offset: u64, bytes: Vec<u8>) {
        self.kept.push_back((offset, bytes));
        let mut total: usize = self.kept.iter().map(|(_, b)| b.len()).sum();
        while total > MAX_KEPT || self.kept.len() > MAX_PIECES {
            let Some((_, old)) = self.kept.pop_front() else { break };
            total = total.saturating_sub(old.len());
        }
    }

    /// The answer that is at this place, or one to ask for; and whether it was announced.
    fn take(&mut self, offset: u64, end: u64) -> (Stream, bool) {
        if let Some(i) = self.streams.iter().position(|s| s.at == offset)
            && let Some(stream) = self.streams.remove(i)
        {
            return (stream, true);
        }
        if let Some(i) = self.plans.iter().position(|p| p.start == offset)
            && let Some(plan) = self.plans.remove(i)
        {
            return (Stream { start: offset, at: offset, end: plan.end, body: None }, true);
        }
        (Stream { start: offset, at: offset, end, body: None }, false)
    }
}
