//! What can go wrong before the first instruction.

/// Building a machine failed. What happens afterwards is the guest's and no error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// RAM, the physical map, or putting something there.
    #[error("{what}: {source}")]
    Memory {
        /// What was being done.
        what: String,
        /// Why it failed.
        #[source]
        source: mem::Error,
    },
    /// The plan asks for bytes that were not given.
    #[error("{what}: the plan needs {part}, which was not given")]
    NoMedia {
        /// The load.
        what: String,
        /// The part it comes from.
        part: &'static str,
    },
    /// An unknown name.
    #[error("{option}: no {value:?}; known: {known}")]
    Unknown {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What could have been.
        known: String,
    },
    /// An option that this machine cannot honour.
    #[error("{option}: {why}")]
    Option {
        /// The option.
        option: &'static str,
        /// Why, and what to do.
        why: String,
    },
    /// A flattened device tree that cannot be read.
    #[error("device tree: {0}")]
    Tree(#[from] bootimg::Error),
    /// Reading a host file.
    #[error("{what}: {source}")]
    Host {
        /// Which file.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Names what was being done when memory failed.
    pub(crate) fn memory(what: impl Into<String>) -> impl FnOnce(mem::Error) -> Error {
        let what = what.into();
        move |source| Error::Memory { what, source }
    }
}
