//! What can go wrong in a step.

/// What a fallible function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A step that failed: the error of the library that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading the IPSW.
    #[error(transparent)]
    Ipsw(#[from] apple_ipsw::Error),
    /// Making or reading the packed image.
    #[error(transparent)]
    BootImage(#[from] bootimg::Error),
}

impl Error {
    /// Whether the reader of our output went away, which filters count as success.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::BootImage(e) if e.is_closed_pipe())
    }
}
