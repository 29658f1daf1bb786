//! What can go wrong with a file on a server.

use std::io;

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What was given is no URL, proxy or header.
    Usage,
    /// The server does not have the file.
    NotFound,
    /// Something that cannot be done, here or by the server.
    Unsupported,
    /// The connection, the server, or a file that changed meanwhile.
    Io,
}

/// A file that could not be read. Whoever shows it says of which URL (see [`crate::shown`]); the fields have it without
/// user name and password.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a URL that can be asked for.
    #[error("{why}")]
    Url {
        /// What was given.
        url: String,
        /// Why it cannot be.
        why: String,
    },
    /// A proxy of the environment that cannot be used.
    #[error("proxy {proxy}: {why}")]
    Proxy {
        /// What the environment says.
        proxy: String,
        /// What is wrong with it.
        why: String,
    },
    /// A header that cannot be sent.
    #[error("header {0:?}: not 'Name: value' of printable characters")]
    Header(String),
    /// An https URL, and no TLS in this build.
    #[error("an https URL, and this build has no TLS (feature https): use http, or a build with it")]
    NoTls(String),
    /// The server says no.
    #[error("the server says {status}{}", if *tries > 1 { format!(" ({tries} tries)") } else { String::new() })]
    Status {
        /// Of what.
        url: String,
        /// Status and reason.
        status: String,
        /// Whether that means that there is no such file.
        missing: bool,
        /// How often it was asked.
        tries: u32,
    },
    /// Redirections that lead nowhere.
    #[error("{url}: {why}")]
    Redirect {
        /// Where the last one came from.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// An answer that contradicts itself or the question.
    #[error("offset {offset:#x}: {what}")]
    Answer {
        /// From where.
        url: String,
        /// Place in the file that was asked for.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// The file is no longer the one whose start was read.
    #[error("the file changed on the server while it was read ({what}): start again")]
    Changed {
        /// Which file.
        url: String,
        /// How that is known.
        what: String,
    },
    /// The connection was lost too often.
    #[error("offset {offset:#x}: {error} (gave up after {tries} {})", if *tries == 1 { "try" } else { "tries" })]
    Lost {
        /// From where.
        url: String,
        /// Place in the file that was to be read.
        offset: u64,
        /// How often it was tried in a row.
        tries: u32,
        /// What happened the last time.
        error: String,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Url { .. } | Error::Proxy { .. } | Error::Header(_) => ErrorKind::Usage,
            Error::Status { missing: true, .. } => ErrorKind::NotFound,
            Error::NoTls(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        }
    }
}

/// Readers can only report `io::Error`: ours travels inside.
impl From<Error> for io::Error {
    fn from(e: Error) -> io::Error {
        io::Error::other(e)
    }
}
