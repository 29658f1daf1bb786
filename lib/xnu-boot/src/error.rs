//! Why a boot cannot be planned.

/// Which kind of failure an [`Error`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// An input is damaged.
    Damaged,
    /// Something needed is not there.
    NotFound,
    /// An option that makes no sense here.
    Usage,
    /// A kernel or machine that cannot be booted this way.
    Unsupported,
}

/// Why a boot cannot be planned. Messages say what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The kernel's Mach-O.
    #[error("kernel: {0}")]
    Kernel(#[from] apple_kc::Error),
    /// The device tree.
    #[error("device tree: {0}")]
    Tree(#[from] apple_dt::Error),
    /// An input that is not what it should be.
    #[error("{input}: {why}")]
    Input {
        /// Which input.
        input: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
    /// An input that is needed and not there.
    #[error("no {input}: {why}")]
    Missing {
        /// Which input.
        input: &'static str,
        /// What to do.
        why: String,
    },
    /// An option that makes no sense here.
    #[error("{option}: {why}")]
    Option {
        /// Which option.
        option: &'static str,
        /// What is wrong and what to do.
        why: String,
    },
    /// Boot arguments that this kernel's `boot_args` cannot hold.
    #[error("the boot arguments have {length} bytes; this kernel's boot_args hold {limit}: shorten them")]
    CommandLine {
        /// Their length.
        length: usize,
        /// The most.
        limit: usize,
    },
    /// Not enough memory.
    #[error(
        "{memory:#x} bytes of memory are too few: {needed:#x} are needed for {what}; give more with --memory"
    )]
    Memory {
        /// What there is.
        memory: u64,
        /// What is needed.
        needed: u64,
        /// What for.
        what: &'static str,
    },
    /// Two things at one place.
    #[error("{first} and {second} overlap at physical address {pa:#x}")]
    Overlap {
        /// The lower one.
        first: String,
        /// The higher one.
        second: String,
        /// Where.
        pa: u64,
    },
    /// A rule of the boot protocol is broken.
    #[error("{rule}: {why}")]
    Rule {
        /// What the kernel demands.
        rule: &'static str,
        /// How it is broken and what to do.
        why: String,
    },
    /// A kernel that cannot be booted this way.
    #[error("{0}")]
    Unsupported(String),
    /// A preset file.
    #[error("preset {name}: {why}")]
    Preset {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
}

impl Error {
    /// Which kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Kernel(e) => match e.kind() {
                apple_kc::ErrorKind::Damaged => ErrorKind::Damaged,
                apple_kc::ErrorKind::NotFound => ErrorKind::NotFound,
                apple_kc::ErrorKind::Unsupported => ErrorKind::Unsupported,
            },
            Error::Tree(_) | Error::Input { .. } | Error::Overlap { .. } => ErrorKind::Damaged,
            Error::Missing { .. } => ErrorKind::NotFound,
            Error::Unsupported(_) => ErrorKind::Unsupported,
            _ => ErrorKind::Usage,
        }
    }
}
