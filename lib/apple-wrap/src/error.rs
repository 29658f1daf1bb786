//! Why something could not be opened.

use crate::Kind;

/// Which kind of failure an [`Error`] is, and so which exit status a tool gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file contradicts itself or ends early.
    Damaged,
    /// Well-formed, but encrypted: a key is needed.
    Encrypted,
    /// Well-formed, but of a kind that cannot be opened, or larger than allowed.
    Unsupported,
    /// The file does not hold what was asked for.
    NotFound,
}

/// A file whose wrappings could not be taken off.
///
/// Offsets count from the start of the file as long as nothing was decompressed or decrypted on the way, else from
/// the start of the decompressed bytes that the layer stands in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file ends before something it declares.
    #[error(
        "{layer}, offset {offset:#x}: the file ends in the middle of {what} ({have:#x} of {need:#x} bytes)"
    )]
    Truncated {
        /// The wrapping.
        layer: Kind,
        /// Where the thing starts.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// Bytes that are there.
        have: u64,
        /// Bytes that should be.
        need: u64,
    },
    /// A field has an impossible value.
    #[error("{layer}, offset {offset:#x}: {what} is {value:#x}, which cannot be")]
    BadField {
        /// The wrapping.
        layer: Kind,
        /// Where the field is.
        offset: u64,
        /// Its name.
        what: &'static str,
        /// What it holds.
        value: u64,
    },
    /// The decompressed bytes are not those that were compressed.
    #[error(
        "{layer}, offset {offset:#x}: {what} is {found:#x}, the header says {declared:#x}: the data is damaged"
    )]
    Mismatch {
        /// The wrapping.
        layer: Kind,
        /// Where the declaring field is.
        offset: u64,
        /// What differs.
        what: &'static str,
        /// What the header declares.
        declared: u64,
        /// What was found.
        found: u64,
    },
    /// A compressed stream that makes no sense.
    #[error(
        "{layer}, offset {offset:#x}: the compressed data is damaged ({why}; {decoded:#x} bytes were decoded)"
    )]
    BadStream {
        /// The wrapping.
        layer: Kind,
        /// Where the stream starts.
        offset: u64,
        /// What the decoder says.
        why: String,
        /// Bytes decoded before it.
        decoded: u64,
    },
    /// An Image4 container that could not be read.
    #[error("{layer}, {error}")]
    Image4 {
        /// Which container.
        layer: Kind,
        /// What is wrong, with the offset from the start of the file.
        error: apple_img4::Error,
    },
    /// Encrypted, and no key was given.
    #[error("{layer}, offset {offset:#x}: encrypted ({what}); {remedy}")]
    Encrypted {
        /// The wrapping.
        layer: Kind,
        /// Where the encrypted bytes start.
        offset: u64,
        /// What is known of it.
        what: String,
        /// What the user can do.
        remedy: &'static str,
    },
    /// The key given does not fit.
    #[error("{layer}, offset {offset:#x}: {why}")]
    WrongKey {
        /// The wrapping.
        layer: Kind,
        /// Where the encrypted bytes start.
        offset: u64,
        /// Why it does not fit.
        why: &'static str,
    },
    /// A key that is not one.
    #[error(
        "the key is {0}: give IV and key as one run of hexadecimal digits (96 for AES-256), or as IV:KEY"
    )]
    BadKey(&'static str),
    /// A kind that is recognised and cannot be opened.
    #[error("{layer}, offset {offset:#x}: {why}")]
    Unsupported {
        /// The kind.
        layer: Kind,
        /// Where it starts.
        offset: u64,
        /// Why, and what to do.
        why: &'static str,
    },
    /// It would decompress to more than the limit, or to more than its compressed size can hold.
    #[error("{layer}, offset {offset:#x}: decompresses to {size:#x} bytes, more than the {limit:#x} allowed")]
    TooLarge {
        /// The wrapping.
        layer: Kind,
        /// Where it starts.
        offset: u64,
        /// Declared size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A fat file whose slice must be chosen.
    #[error("a fat file with several slices that could be meant ({}): choose one with --arch", .slices.join(", "))]
    AmbiguousSlices {
        /// Names of the slices.
        slices: Vec<String>,
    },
    /// A fat file without the slice that is wanted.
    #[error("a fat file without a slice for {wanted}; it has {}", .slices.join(", "))]
    NoSlice {
        /// The wanted architecture.
        wanted: String,
        /// Names of the slices.
        slices: Vec<String>,
    },
    /// Wrappings within wrappings.
    #[error("offset {offset:#x}: more than {limit} wrappings around each other")]
    TooDeep {
        /// Where the first one too many starts.
        offset: u64,
        /// How many are allowed.
        limit: usize,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Encrypted { .. } | Error::WrongKey { .. } | Error::BadKey(_) => ErrorKind::Encrypted,
            Error::Unsupported { .. } | Error::TooLarge { .. } | Error::TooDeep { .. } => {
                ErrorKind::Unsupported
            }
            Error::AmbiguousSlices { .. } | Error::NoSlice { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Damaged,
        }
    }
}
