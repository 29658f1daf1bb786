//! What can be wrong with a payload.

use std::io;

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It contradicts itself or ends early.
    Damaged,
    /// Well-formed or not, of a kind that is not read.
    Unsupported,
    /// Reading it failed, or whoever looked at an entry.
    Io,
}

/// A payload that could not be read. Offsets are of the layer named, unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It ends inside something.
    #[error("{layer} offset {offset:#x}: it ends in the middle of {what}")]
    Truncated {
        /// `pbzx` or `archive`.
        layer: &'static str,
        /// Where the thing starts.
        offset: u64,
        /// What it is.
        what: &'static str,
    },
    /// Something that cannot be.
    #[error("{layer} offset {offset:#x}: {what}")]
    Damaged {
        /// `pbzx` or `archive`.
        layer: &'static str,
        /// Where.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// A compression method or form that is known, or not, and not read.
    #[error("{0}")]
    Unsupported(String),
    /// Reading failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Truncated { .. } | Error::Damaged { .. } => ErrorKind::Damaged,
            Error::Unsupported(_) => ErrorKind::Unsupported,
            Error::Io(_) => ErrorKind::Io,
        }
    }

    /// An error of ours that came through `io::Error` is unpacked again.
    pub fn io(error: io::Error) -> Error {
        match error.downcast::<Error>() {
            Ok(ours) => ours,
            Err(error) => Error::Io(error),
        }
    }
}

/// Readers can only report `io::Error`: ours travels inside.
impl From<Error> for io::Error {
    fn from(e: Error) -> io::Error {
        match e {
            Error::Io(e) => e,
            e => io::Error::new(io::ErrorKind::InvalidData, e),
        }
    }
}

/// Reads until `buf` is full; false if there is no byte at all.
pub(crate) fn fill(
    input: &mut dyn io::Read,
    buf: &mut [u8],
    layer: &'static str,
    offset: u64,
    what: &'static str,
) -> Result<bool> {
    let mut filled = 0;
    while let Some(rest) = buf.get_mut(filled..).filter(|r| !r.is_empty()) {
        match input.read(rest) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(Error::Truncated { layer, offset, what }),
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::io(e)),
        }
    }
    Ok(true)
}
