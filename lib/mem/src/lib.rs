//! Guest memory: RAM, the physical address space, interrupt wires and guest time.
//!
//! This crate is what CPUs and devices share, and nothing more. It knows no instruction, no page
//! table and no file format: an address here is always a *physical* address of the guest (`pa`), a
//! `u64`, and a length is a `u64` of bytes.
//!
//! * [`Memory`]: guest RAM in one memfd, files mapped into it in place, and the bookkeeping that
//!   tells engines when translated code was overwritten;
//! * [`Bus`]: RAM plus [`Device`]s, immutable once built;
//! * [`Line`], [`Lines`]: level-triggered wires, and the word of them that a CPU polls;
//! * [`Clock`]: guest time in counter ticks, from the host or from counted instructions.
//!
//! Everything is used through `&self` and is `Send + Sync`. RAM is never lent out as a Rust
//! reference: other CPUs (threads, later) may write it at any moment. Accesses copy values in and
//! out, and the one place that makes raw pointers into RAM is `Memory::host`.
#![deny(unsafe_op_in_unsafe_fn)]

mod bus;
mod clock;
mod code;
mod executable;
mod line;
mod map;
mod memory;

pub use bus::{Access, Bus, BusBuilder, BusFault, Device, Mapping, Size};
pub use clock::Clock;
pub use code::{CODE_PAGE, CodeWrites};
pub use executable::Executable;
pub use line::{FIQ, IRQ, KICK, Line, LineSink, Lines, RESET, SERROR};
pub use map::memory_file;
pub use memory::{Memory, Region};

/// What can go wrong with guest memory. Guest accesses do not end here: they become [`BusFault`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A range is not, or not wholly, RAM.
    #[error("physical range {pa:#x}+{len:#x}: not in guest RAM")]
    NotRam {
        /// First byte of the range.
        pa: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// A RAM region is empty, unaligned, or goes beyond the address space.
    #[error("RAM region {base:#x}+{len:#x}: base and length must be nonzero multiples of {granule:#x}")]
    BadRegion {
        /// First byte of the region.
        base: u64,
        /// Its length in bytes.
        len: u64,
        /// What both must be a multiple of.
        granule: u64,
    },
    /// Two ranges of the physical map overlap.
    #[error("{what} at {base:#x}+{len:#x}: overlaps {other}")]
    Overlap {
        /// The range that came second.
        what: String,
        /// Its first byte.
        base: u64,
        /// Its length in bytes.
        len: u64,
        /// The range that was there.
        other: String,
    },
    /// A file ends before the part that was to be loaded.
    #[error("file part at offset {offset:#x}: {len:#x} bytes wanted, file has {available:#x}")]
    ShortFile {
        /// Where in the file the part begins.
        offset: u64,
        /// How many bytes were wanted.
        len: u64,
        /// How many are there.
        available: u64,
    },
    /// The host refused memory or a mapping.
    #[error("{what}: {source}")]
    Host {
        /// What was being done.
        what: &'static str,
        /// The host's reason.
        #[source]
        source: std::io::Error,
    },
}
