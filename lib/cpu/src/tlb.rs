//! The soft TLB: guest virtual page to host pointer, in tables that translated code can read inline.
//!
//! Shape (jit-design.md 5.3): 2^12 entries of 16 bytes `{tag, addend}`, one array each for reads, writes and
//! instruction fetches. An access hits when `va & (page mask | size - 1) == tag`; the host address is `va + addend`.
//! A page that is device memory, holds translated code (writes) or is watched is absent from its array, so the
//! fast path needs no further check. A *context* is the set of registers that give an address its meaning; each
//! remembered context keeps its own arrays, so an ASID or TCR change is a change of pointer, not a flush.

/// Entries of each array.
pub const ENTRIES: usize = 1 << 12;

/// A tag that no address can equal (pages are aligned, this is not).
pub const NO_TAG: u64 = u64::MAX;

/// One translation.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Entry {
    /// Virtual page address, or [`NO_TAG`].
    pub tag: u64,
    /// Host address minus virtual address, wrapping.
    pub addend: u64,
}

impl Entry {
    /// An entry that never hits.
    pub const NONE: Entry = Entry { tag: NO_TAG, addend: 0 };
}

/// The arrays of one context.
#[derive(Debug)]
#[repr(C)]
pub struct Arrays {
    /// Pages that may be read.
    pub read: [Entry; ENTRIES],
    /// Pages that may be written.
    pub write: [Entry; ENTRIES],
    /// Pages that may be executed.
    pub fetch: [Entry; ENTRIES],
}

/// Pointer to the arrays in use, as kept in [`crate::State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tables(pub *mut Arrays);

impl Tables {
    /// No arrays: only before the first context is chosen.
    pub const fn none() -> Tables {
        Tables(std::ptr::null_mut())
    }
}

// SAFETY: the pointer names arrays owned by the same `Cpu` and is only followed through it.
unsafe impl Send for Tables {}

impl Arrays {
    /// Empty arrays, made on the heap (192 KiB are too much for a stack).
    fn boxed() -> Box<Arrays> {
        let mut arrays = Box::<Arrays>::new_uninit();
        let p = arrays.as_mut_ptr();
        for i in 0..ENTRIES {
            // SAFETY: `p` is valid for writes of a whole `Arrays`, `i` is in range; each element is written once.
            unsafe {
                (&raw mut (*p).read[i]).write(Entry::NONE);
                (&raw mut (*p).write[i]).write(Entry::NONE);
                (&raw mut (*p).fetch[i]).write(Entry::NONE);
            }
        }
        // SAFETY: every element of the three arrays was written above, and there is nothing else in it.
        unsafe { arrays.assume_init() }
    }
}

/// The contexts a CPU remembers.
#[derive(Debug)]
pub struct Tlb {
    arrays: Vec<Box<Arrays>>,
}

impl Tlb {
    /// One empty context.
    pub(crate) fn new() -> Tlb {
        Tlb { arrays: vec![Arrays::boxed()] }
    }

    /// Pointer to the arrays of the current context.
    pub(crate) fn tables(&mut self) -> Tables {
        self.arrays.first_mut().map_or(Tables::none(), |a| Tables(&raw mut **a))
    }
}
