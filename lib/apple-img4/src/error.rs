//! What can be wrong with an Image4 file.

use crate::FourCc;
use core::fmt;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file ends before the element does.
    Truncated,
    /// An element that does not lie within the one around it.
    OutOfBounds,
    /// A length that is indefinite or wider than 8 bytes.
    BadLength,
    /// A tag that no Image4 file has.
    BadTag,
    /// The element is of another kind than the format asks for.
    Unexpected,
    /// The first string is not the container's name.
    WrongMagic(FourCc),
    /// A name that is not four characters long.
    BadName,
    /// The name inside a property differs from its tag.
    NameMismatch(FourCc),
    /// A number wider than its field.
    BadNumber,
    /// Sets within sets deeper than any real file.
    TooDeep,
    /// More elements than any real file has.
    TooMany,
    /// The output would pass the largest length DER can express here (4 GiB).
    TooLarge,
}

/// An Image4 file that could not be read: what is wrong, with which field, at which offset of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The field it is wrong with.
    pub field: &'static str,
    /// Where the field starts, from the start of the input.
    pub offset: u64,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, field: &'static str, offset: usize) -> Error {
        Error { kind, field, offset: offset as u64 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {:#x}: {}: ", self.offset, self.field)?;
        match self.kind {
            ErrorKind::Truncated => f.write_str("the file ends in the middle of it"),
            ErrorKind::OutOfBounds => f.write_str("it is longer than the element around it"),
            ErrorKind::BadLength => f.write_str("its DER length is indefinite or too wide"),
            ErrorKind::BadTag => f.write_str("its DER tag is not one that Image4 files have"),
            ErrorKind::Unexpected => f.write_str("missing, or of another DER type"),
            ErrorKind::WrongMagic(found) => write!(f, "\"{found}\" stands in its place"),
            ErrorKind::BadName => f.write_str("the name is not four characters"),
            ErrorKind::NameMismatch(found) => write!(f, "the name inside is \"{found}\", unlike the tag"),
            ErrorKind::BadNumber => f.write_str("the number is negative or wider than 64 bits"),
            ErrorKind::TooDeep => f.write_str("nested too deeply"),
            ErrorKind::TooMany => f.write_str("too many elements"),
            ErrorKind::TooLarge => f.write_str("larger than 4 GiB"),
        }
    }
}

impl core::error::Error for Error {}
