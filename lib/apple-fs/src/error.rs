//! What can be wrong with an image, a volume or a file in it.

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The image contradicts itself or ends early.
    Damaged,
    /// The image holds no file system, or not the thing that was asked for.
    NotFound,
    /// Recognised, but encrypted or of a kind that is not supported.
    Unsupported,
    /// What was asked of a writer cannot be.
    Invalid,
    /// Reading the image failed.
    Io,
}

/// A failure of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The image ends before something it declares.
    #[error("offset {offset:#x}: the data ends in the middle of {what} ({len:#x} bytes are there)")]
    Truncated {
        /// Where the thing starts or was wanted.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// How many bytes there are altogether.
        len: u64,
    },
    /// A field has an impossible value.
    #[error("offset {offset:#x}: {what} is {value:#x}, which cannot be")]
    BadField {
        /// Where the field is.
        offset: u64,
        /// Its name.
        what: &'static str,
        /// What it holds.
        value: u64,
    },
    /// Two things of the image contradict each other.
    #[error("offset {offset:#x}: {what}")]
    Inconsistent {
        /// Where it was noticed.
        offset: u64,
        /// The contradiction.
        what: String,
    },
    /// A checksum does not fit its data.
    #[error(
        "offset {offset:#x}: checksum of {what} is {computed:#x}, but {stored:#x} is stored: the data is damaged"
    )]
    Checksum {
        /// Where the data is.
        offset: u64,
        /// What was summed.
        what: String,
        /// The stored sum.
        stored: u64,
        /// The sum of what is there.
        computed: u64,
    },
    /// Compressed data that does not decompress to what was declared.
    #[error("offset {offset:#x}: {what} does not decompress: {why}")]
    Decompress {
        /// Where the compressed data is.
        offset: u64,
        /// What it is, with its method.
        what: &'static str,
        /// The decompressor's complaint.
        why: String,
    },
    /// A size or number that no honest image has.
    #[error("offset {offset:#x}: {what} is {value}, more than the limit of {limit}")]
    Limit {
        /// Where it is declared.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// What is declared.
        value: u64,
        /// What is accepted.
        limit: u64,
    },
    /// Encrypted content.
    #[error("{what} is encrypted: {remedy}")]
    Encrypted {
        /// What is encrypted.
        what: String,
        /// What the user can do.
        remedy: &'static str,
    },
    /// Recognised, but not supported.
    #[error("{what} is not supported{remedy}")]
    Unsupported {
        /// What it is.
        what: String,
        /// What the user can do, beginning with punctuation; may be empty.
        remedy: &'static str,
    },
    /// Nothing of what was looked for.
    #[error("{0}")]
    NotFound(String),
    /// A writer was asked for something the format cannot hold.
    #[error("{0}")]
    Invalid(String),
    /// Reading the image failed.
    #[error("offset {offset:#x}: cannot read: {why}")]
    Io {
        /// Where.
        offset: u64,
        /// The system's reason.
        why: String,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Encrypted { .. } | Error::Unsupported { .. } => ErrorKind::Unsupported,
            Error::NotFound(_) => ErrorKind::NotFound,
            Error::Invalid(_) => ErrorKind::Invalid,
            Error::Io { .. } => ErrorKind::Io,
            _ => ErrorKind::Damaged,
        }
    }

    /// The error that a file's reader passed through [`std::io::Read`], or one made from the system's.
    pub fn from_io(error: &std::io::Error) -> Error {
        match error.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
            Some(e) => e.clone(),
            None => Error::Io { offset: 0, why: error.to_string() },
        }
    }
}

impl From<Error> for std::io::Error {
    fn from(e: Error) -> Self {
        std::io::Error::new(std::io::ErrorKind::InvalidData, e)
    }
}
