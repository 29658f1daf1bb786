//! What can be wrong with a packed image.

use std::io;

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Which kind of failure an [`Error`] is: tools turn it into an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The image contradicts itself or ends early.
    Damaged,
    /// There is no part or configuration of that name.
    NotFound,
    /// Well-formed, but outside what a packed image can be.
    Unsupported,
    /// The caller asked for something that cannot be (a bad name, two parts of one name).
    Usage,
    /// Reading or writing failed.
    Io,
}

/// A packed image that could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a flattened device tree.
    #[error("not a packed image: it starts {0:02x?}, not d0 0d fe ed")]
    NotFit(Vec<u8>),
    /// A device tree blob, but no FIT.
    #[error("a device tree blob without /images: not a packed image")]
    NoImages,
    /// The header is larger than any sensible one.
    #[error(
        "field totalsize: a header of {0:#x} bytes is over the limit of {max:#x} (parts inside the tree? build with `mkimage -E`)",
        max = crate::MAX_HEADER
    )]
    HeaderTooLarge(u64),
    /// The stream or file ended early.
    #[error("offset {offset:#x}: the image ends in the middle of {what}")]
    Truncated {
        /// Where the end is, bytes from the start of the image.
        offset: u64,
        /// What it ended in.
        what: String,
    },
    /// The tree's encoding is damaged.
    #[error("header offset {offset:#x}: {what}")]
    Tree {
        /// Bytes from the start of the image.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// A property has not the shape it must have.
    #[error("property {property} of {node}: {what}")]
    Property {
        /// Path of the node.
        node: String,
        /// Name of the property.
        property: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A part's bytes are in the tree.
    #[error("part {0}: its bytes are inside the tree; build with `mkimage -E -B 4000` (external data)")]
    EmbeddedData(String),
    /// Two parts share bytes, or a part lies in the header.
    #[error("part {part}: its bytes at offset {offset:#x} overlap {with}")]
    Overlap {
        /// The later one.
        part: String,
        /// Where it starts.
        offset: u64,
        /// What it overlaps.
        with: String,
    },
    /// A part's bytes are not those that were hashed.
    #[error("part {part}: {algorithm} is {is}, the header says {should}: the part is damaged")]
    Digest {
        /// Name of the part.
        part: String,
        /// Which digest.
        algorithm: &'static str,
        /// What the bytes give.
        is: String,
        /// What the header says.
        should: String,
    },
    /// No such part.
    #[error("no part {name}; it holds: {parts}")]
    NoPart {
        /// What was asked for.
        name: String,
        /// What there is.
        parts: String,
    },
    /// No such configuration.
    #[error("no configuration {name}; it has: {configurations}")]
    NoConfiguration {
        /// What was asked for.
        name: String,
        /// What there is.
        configurations: String,
    },
    /// A part too large for the 32-bit cells of a FIT.
    #[error("part {part}: {size} bytes; a part must be below 2 GiB and the image below 4 GiB")]
    TooLarge {
        /// Name of the part.
        part: String,
        /// Its size in bytes.
        size: u64,
    },
    /// A part to be kept in memory is over the caller's limit.
    #[error("part {part}: {size} bytes do not fit the limit of {limit} bytes for parts held in memory")]
    OverLimit {
        /// Name of the part.
        part: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A name that a device tree node cannot have.
    #[error("name {0:?}: use 1 to 63 letters, digits or one of , . _ + -")]
    BadName(String),
    /// Two parts or configurations of one name.
    #[error("two parts or configurations are named {0}")]
    DuplicateName(String),
    /// The bytes given for a part are not as many as its size.
    #[error("part {part}: {got} bytes were given, {size} were announced")]
    WrongSize {
        /// Name of the part.
        part: String,
        /// Bytes given (at least).
        got: u64,
        /// Bytes announced in the header.
        size: u64,
    },
    /// The parts were not all written, or more than all.
    #[error("{0} of the announced parts were written")]
    WrongCount(usize),
    /// Reading the input failed.
    #[error("reading: {0}")]
    Read(#[source] io::Error),
    /// Writing the output failed.
    #[error("writing: {0}")]
    Write(#[source] io::Error),
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotFit(_)
            | Error::NoImages
            | Error::Truncated { .. }
            | Error::Tree { .. }
            | Error::Property { .. }
            | Error::Overlap { .. }
            | Error::Digest { .. } => ErrorKind::Damaged,
            Error::NoPart { .. } | Error::NoConfiguration { .. } => ErrorKind::NotFound,
            Error::HeaderTooLarge(_)
            | Error::EmbeddedData(_)
            | Error::TooLarge { .. }
            | Error::OverLimit { .. } => ErrorKind::Unsupported,
            Error::BadName(_) | Error::DuplicateName(_) | Error::WrongSize { .. } | Error::WrongCount(_) => {
                ErrorKind::Usage
            }
            Error::Read(_) | Error::Write(_) => ErrorKind::Io,
        }
    }

    /// Whether the reader of our output went away, which filters count as success.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Write(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}
