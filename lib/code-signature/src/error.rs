//! What can be wrong with a Mach-O, its signature, or the wish to sign it.

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file is no Mach-O at all.
    NotMachO,
    /// The file contradicts itself or ends early.
    Damaged,
    /// What was asked of the signer cannot be.
    Invalid,
}

/// A failure of this crate. Offsets count from the start of the slice, those of signatures from their own start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No Mach-O or fat file.
    #[error("no Mach-O (it starts {0:02x?})")]
    NotMachO(Vec<u8>),
    /// The data ends before something that it declares.
    #[error("offset {offset:#x}: the data ends in the middle of {what}")]
    Truncated {
        /// Where the thing starts.
        offset: u64,
        /// What it is.
        what: &'static str,
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
    /// XNU refuses such a signature.
    #[error("code signature, offset {offset:#x}: {what}: XNU refuses it")]
    Refused {
        /// Where in the signature.
        offset: u64,
        /// Why.
        what: String,
    },
    /// The signer was asked for something that cannot be, or the file cannot be signed.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotMachO(_) => ErrorKind::NotMachO,
            Error::Invalid(_) => ErrorKind::Invalid,
            _ => ErrorKind::Damaged,
        }
    }
}
