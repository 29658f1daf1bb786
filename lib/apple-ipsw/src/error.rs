//! What can be wrong with an IPSW.

use std::io;

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Which kind of failure an [`Error`] is: tools turn it into an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The archive or a file in it contradicts itself, ends early or was changed.
    Damaged,
    /// It does not hold what was asked for.
    NotFound,
    /// Well-formed, but of a kind that is not read.
    Unsupported,
    /// More than one thing fits what was asked for.
    Ambiguous,
    /// Reading failed.
    Io,
}

/// An IPSW that could not be read, or in which something was not found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a zip archive.
    #[error("not an IPSW: no zip directory at its end{}", if *.started { " (it starts as a zip archive: is the download complete?)" } else { "" })]
    NotZip {
        /// Whether it at least starts as one.
        started: bool,
    },
    /// The zip archive's structure is damaged.
    #[error("zip offset {offset:#x}: {what}")]
    Zip {
        /// Bytes from the start of the archive.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// A member of the archive is damaged or hostile.
    #[error("zip member {name} at offset {offset:#x}: {what}")]
    Member {
        /// Its name, as far as it can be told.
        name: String,
        /// Where its header is.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A member that is packed in a way we do not read.
    #[error("zip member {name}: {what}")]
    UnsupportedMember {
        /// Its name.
        name: String,
        /// What it is.
        what: String,
    },
    /// A name that would leave the output folder, or that no file should have.
    #[error("zip member {0:?} at offset {1:#x}: an unsafe name; the archive is refused")]
    UnsafeName(String, u64),
    /// Two members of one name.
    #[error("zip member {0} is there twice; the archive is refused")]
    DuplicateName(String),
    /// A file is over a limit.
    #[error("{name}: {size} bytes are over the limit of {limit}")]
    OverLimit {
        /// Which file.
        name: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A property list that cannot be read.
    #[error("{file}: {what}")]
    Plist {
        /// Which file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// A file's digest is not what BuildManifest says.
    #[error(
        "{path} ({component}): {algorithm} is {is}, BuildManifest says {should}: the file was changed or is damaged"
    )]
    Digest {
        /// Path in the archive.
        path: String,
        /// Name of the component.
        component: String,
        /// Which digest.
        algorithm: &'static str,
        /// What the file gives.
        is: String,
        /// What BuildManifest says.
        should: String,
    },
    /// There is no such file.
    #[error("no file {0} in it")]
    NoFile(String),
    /// BuildManifest names a file that was not kept when the archive came through a pipe.
    #[error(
        "{0} lies before BuildManifest.plist in the archive and is too large to keep: name the file instead of a pipe"
    )]
    NotKept(String),
    /// There is no such component.
    #[error("no component {name}; there are: {components}")]
    NoComponent {
        /// What was asked for.
        name: String,
        /// What there is.
        components: String,
    },
    /// A component without a file.
    #[error("component {0} has no file of its own")]
    NoPath(String),
    /// No build identity fits.
    #[error("no build identity for {wanted}; there are: {there}")]
    NoIdentity {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
    },
    /// Several devices fit, and what they need differs.
    #[error("it is for several devices; choose one with --board or --device: {there}")]
    Ambiguous {
        /// What there is.
        there: String,
    },
    /// A path in a folder that leads out of it.
    #[error("{0}: a link that leads out of the folder; it is not followed")]
    Escape(String),
    /// Reading failed.
    #[error("{name}: {error}")]
    Io {
        /// Which file.
        name: String,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotZip { .. }
            | Error::Zip { .. }
            | Error::Member { .. }
            | Error::UnsafeName(..)
            | Error::DuplicateName(_)
            | Error::Plist { .. }
            | Error::Digest { .. }
            | Error::Escape(_) => ErrorKind::Damaged,
            Error::NoFile(_) | Error::NoComponent { .. } | Error::NoPath(_) | Error::NoIdentity { .. } => {
                ErrorKind::NotFound
            }
            Error::UnsupportedMember { .. } | Error::OverLimit { .. } | Error::NotKept(_) => {
                ErrorKind::Unsupported
            }
            Error::Ambiguous { .. } => ErrorKind::Ambiguous,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// An I/O error of a file; an error of ours that came through `io::Error` is unpacked again.
    pub fn io(name: impl Into<String>, error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) => Error::Io { name: name.into(), error },
        }
    }
}

/// Readers can only report `io::Error`: ours travels inside.
impl From<Error> for io::Error {
    fn from(e: Error) -> io::Error {
        let kind = match e.kind() {
            ErrorKind::Damaged => io::ErrorKind::InvalidData,
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, e)
    }
}
