//! What can be wrong with a kernel file.

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file contradicts itself or ends early.
    Damaged,
    /// The file is no kernel.
    NotFound,
    /// The file is well-formed but of a kind that cannot be used.
    Unsupported,
}

/// A kernel file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not a Mach-O at all.
    #[error(
        "not a 64-bit Mach-O: it starts {0:02x?} (a wrapped kernelcache must be unwrapped first: kc-decompress)"
    )]
    NotMachO(Vec<u8>),
    /// A 32-bit kernel.
    #[error("a 32-bit (armv7) kernel: only arm64 kernels can be used")]
    Arm32,
    /// Another processor.
    #[error("a Mach-O for CPU type {0:#x}, not arm64 (0x100000c)")]
    WrongCpu(u32),
    /// The file ends before something it declares.
    #[error("offset {offset:#x}: the file ends in the middle of {what} ({len:#x} bytes long)")]
    Truncated {
        /// Where the thing starts.
        offset: u64,
        /// What it is.
        what: &'static str,
        /// The length of the file.
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
    /// More load commands, segments or sections than any kernel has.
    #[error("offset {offset:#x}: too many {what} ({count})")]
    TooMany {
        /// Where they start.
        offset: u64,
        /// What they are.
        what: &'static str,
        /// How many are declared.
        count: u64,
    },
    /// The prelink information is not what the kernel's serialiser writes.
    #[error("offset {offset:#x}: the prelink information cannot be read: {what}")]
    BadPrelink {
        /// Where.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// Nothing says which kexts there are.
    #[error("no kexts: {0}")]
    NoKexts(&'static str),
    /// No kext of this name.
    #[error("no kext called {0:?}: `kc-decompress kexts FILE` lists them")]
    NoSuchKext(String),
    /// A kext that has no code of its own in the cache.
    #[error("{0} has no executable in this cache: it is part of the kernel, or has no code")]
    NoExecutable(String),
    /// Pointers that wait for other images.
    #[error(
        "offset {offset:#x}: import number {number}: this image is not linked yet, so its pointers have no values"
    )]
    Imports {
        /// Where the word is.
        offset: u64,
        /// Number of the import.
        number: u32,
    },
    /// A Mach-O without anything to load.
    #[error("no segment with a size: this Mach-O holds nothing to load")]
    NoSegments,
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::NotMachO(_) | Error::NoKexts(_) | Error::NoSuchKext(_) | Error::NoExecutable(_) => {
                ErrorKind::NotFound
            }
            Error::Arm32 | Error::WrongCpu(_) | Error::Imports { .. } => ErrorKind::Unsupported,
            _ => ErrorKind::Damaged,
        }
    }
}
