//! A file that its server sends only as a whole.

use crate::Error;
use crate::client::{Answer, Client};
use std::io::{self, Read};

/// Reads from start to end. When the connection is lost, the file is asked for again, from its start, and what was
/// read already is passed over.
#[derive(Debug)]
pub struct WholeFile {
    client: Client,
    answer: Answer,
    at: u64,
    /// Bytes to be passed over.
    skip: u64,
    ended: bool,
}

impl WholeFile {
    pub(crate) fn new(client: Client, answer: Answer) -> WholeFile {
        WholeFile { client, answer, at: 0, skip: 0, ended: false }
    }

    /// Length in bytes, if the server says it.
    pub fn size(&self) -> Option<u64> {
        self.answer.sized.then_some(self.answer.about.size)
    }

    /// Its URL, without secrets.
    pub fn name(&self) -> String {
        self.client.name()
    }

    /// Requests made so far, and bytes received.
    pub fn traffic(&self) -> (u64, u64) {
        self.client.traffic()
    }

    fn some(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = if self.skip > 0 {
            let mut passed = vec![0; usize::try_from(self.skip).unwrap_or(usize::MAX).min(256 << 10)];
            let n = self.answer.body.read(&mut passed)?;
            self.skip = self.skip.saturating_sub(n as u64);
            self.client.count(n);
            return if n == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(0) };
        } else {
            self.answer.body.read(buf)?
        };
        self.client.count(n);
        self.at = self.at.saturating_add(n as u64);
        self.ended = n == 0 && self.size().is_none_or(|size| self.at >= size);
        if n == 0 && !self.ended { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(n) }
    }
}

impl Read for WholeFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.ended {
            return Ok(0);
        }
        let url = self.client.name();
        let mut tries = 0;
        loop {
            let error = match self.some(buf) {
                Ok(0) if !self.ended => continue,
                Ok(n) => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => e.to_string(),
            };
            let mut patience = self.client.patience();
            patience.tries = tries;
            if !patience.again(None) {
                return Err(Error::Lost { url, offset: self.at, tries: patience.tries, error }.into());
            }
            tries = patience.tries;
            self.answer = self.client.again(&self.answer.about, self.answer.sized)?;
            self.skip = self.at;
        }
    }
}
