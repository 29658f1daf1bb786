//! What is wrong with a patch file.

/// An error of a patch file. What a kernel lacks is no error: it is an [`crate::Outcome`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is no TOML of the known shape.
    #[error("{file}: {why}")]
    File {
        /// The file.
        file: String,
        /// The reader's words, with line and column.
        why: String,
    },
    /// A patch cannot be understood.
    #[error("{file}: patch {patch:?}: {field}: {why}")]
    Patch {
        /// The file.
        file: String,
        /// The patch.
        patch: String,
        /// The field of the patch or of its variant.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A patch was asked for that there is not.
    #[error("no patch or set of patches is called {name:?}; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
}
