//! Files behind HTTP, read at any place: what an archive on a server takes to be listed and to give one member, and no
//! more.
//!
//! [`open`] asks for the first byte. A server that answers with a range gives a [`RemoteFile`]: reads at any place,
//! several at once, each resumed where it was when its connection is lost. A server that sends the file whole gives a
//! [`WholeFile`], which reads once from start to end. That the file stays the same is held by `If-Range` and by comparing
//! what each answer says of it.
//!
//! Proxies are those of the environment (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`); up to ten redirections are
//! followed, never from https to http.
//!
//! It is not a download manager: it writes no files, keeps no cache between runs, and knows nothing of what it reads.
//! Facts: RFC 9110 (ranges: chapter 14, validators: 8.8, `If-Range`: 13.1.5), RFC 9112 (`absolute-form`: 3.2.2).
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(
    test,
    allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")
)]

mod client;
mod error;
mod file;
mod proxy;
mod url;
mod whole;

pub use error::{Error, ErrorKind, Result};
pub use file::RemoteFile;
pub use url::{is_url, shown};
pub use whole::WholeFile;

use std::time::Duration;

/// How to ask.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often in a row an answer may fail, or a connection be lost without a byte, before it is given up.
    pub retries: u32,
    /// What is waited before the first retry, doubled with each, up to half a minute.
    pub backoff: Duration,
    /// How long to wait for a connection, and for any byte of an answer.
    pub timeout: Duration,
    /// Headers for every request to the host that was named, such as `Authorization`.
    pub headers: Vec<(String, String)>,
    /// Proxies; those of the environment by default.
    pub proxies: Proxies,
}

pub use proxy::Proxies;

impl Default for Options {
    fn default() -> Self {
        Options {
            retries: 5,
            backoff: Duration::from_millis(250),
            timeout: Duration::from_secs(30),
            headers: Vec::new(),
            proxies: Proxies::from_env(),
        }
    }
}

/// An opened file: how its server lets it be read.
#[derive(Debug)]
pub enum Opened {
    /// At any place.
    Ranges(RemoteFile),
    /// From start to end.
    Whole(WholeFile),
}

/// Opens a file by its URL.
///
/// # Errors
/// Not a URL, no connection after all retries, an answer that is no file.
pub fn open(url: &str, options: Options) -> Result<Opened> {
    let client = client::Client::new(url, options)?;
    match client.first()? {
        client::First::Ranges(about) => Ok(Opened::Ranges(RemoteFile::new(client, about))),
        client::First::Whole(answer) => Ok(Opened::Whole(WholeFile::new(client, answer))),
    }
}

#[cfg(test)]
mod tests;
