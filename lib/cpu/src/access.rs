//! Memory as instructions see it: typed loads and stores at virtual addresses, with every fault.
//!
//! The fast path is one lookup in the soft TLB and one host access. All else (misses, devices, misaligned and
//! page-crossing accesses, watchpoints, pages that hold translated code) goes through [`Cpu::load_slow`] and
//! [`Cpu::store_slow`]. Values are little-endian; SCTLR_ELx.EE is not supported (no guest of ours sets it).
//! Arm manual B2.5 (alignment), B2.9 (exclusives), D8 (translation).

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::exception::Exception;
use crate::tlb::{ENTRIES, Entry};
use crate::{Cpu, mmu};

/// What kind of access an instruction makes, beyond its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(u8);

impl Kind {
    /// Ordinary load or store.
    pub const NORMAL: Kind = Kind(0);
    /// LDTR, STTR and friends: as if from EL0 (unless PSTATE.UAO or the EL says otherwise).
    pub const UNPRIVILEGED: Kind = Kind(1);
    /// Load-acquire and store-release that is not exclusive: must be aligned (within 16 bytes with FEAT_LSE2).
    pub const ORDERED: Kind = Kind(2);
    /// Exclusives and atomics: must be aligned to their size, always.
    pub const ATOMIC: Kind = Kind(4);
    /// DC and IC instructions by address: no alignment, faults have ISS.CM set.
    pub const CACHE: Kind = Kind(8);

    /// Whether all kinds of `other` are in this one.
    #[inline(always)]
    pub const fn has(self, other: Kind) -> bool {
        self.0 & other.0 == other.0 && other.0 != 0
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Kind) -> Kind {
        Kind(self.0 | other.0)
    }
}

/// The integers memory can be accessed as.
pub trait Int: Copy + Default + Eq + std::fmt::Debug + sealed::Sealed {
    /// Bytes.
    const SIZE: u64;
    /// Zero-extended.
    fn wide(self) -> u128;
    /// Low bits of a wider value.
    fn narrow(value: u128) -> Self;
    /// Reads guest memory.
    ///
    /// # Safety
    /// `p` must be valid for reading `SIZE` bytes of guest RAM; any alignment.
    unsafe fn read(p: *const u8) -> Self;
    /// Writes guest memory.
    ///
    /// # Safety
    /// `p` must be valid for writing `SIZE` bytes of guest RAM; any alignment.
    unsafe fn write(p: *mut u8, value: Self);
    /// Compare and swap; returns what memory held.
    ///
    /// # Safety
    /// `p` must be valid for `SIZE` bytes of guest RAM and aligned to `SIZE`.
    unsafe fn compare_exchange(p: *mut u8, old: Self, new: Self) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! int {
    ($($t:ty, $atomic:ty);*) => {$(
        impl sealed::Sealed for $t {}
        impl Int for $t {
            const SIZE: u64 = size_of::<$t>() as u64;
            #[inline(always)]
            fn wide(self) -> u128 {
                u128::from(self)
            }
            #[inline(always)]
            fn narrow(value: u128) -> $t {
                value as $t
            }
            #[inline(always)]
            unsafe fn read(p: *const u8) -> $t {
                // SAFETY: the caller vouches for the range; volatile because the guest shares it.
                <$t>::from_le(unsafe { p.cast::<Unaligned<$t>>().read_volatile() }.0)
            }
            #[inline(always)]
            unsafe fn write(p: *mut u8, value: $t) {
                // SAFETY: as above.
                unsafe { p.cast::<Unaligned<$t>>().write_volatile(Unaligned(value.to_le())) }
            }
            #[inline(always)]
            unsafe fn compare_exchange(p: *mut u8, old: $t, new: $t) -> $t {
                // SAFETY: the caller vouches for range and alignment.
                let cell = unsafe { <$atomic>::from_ptr(p.cast()) };
                match cell.compare_exchange(old.to_le(), new.to_le(), Ordering::SeqCst, Ordering::SeqCst) {
                    Ok(was) | Err(was) => <$t>::from_le(was),
                }
            }
        }
    )*};
}

/// Lets one pointer access have any alignment.
#[derive(Clone, Copy)]
#[repr(C, packed)]
struct Unaligned<T>(T);

int!(u8, AtomicU8; u16, AtomicU16; u32, AtomicU32; u64, AtomicU64);

impl sealed::Sealed for u128 {}
impl Int for u128 {
    const SIZE: u64 = 16;
    #[inline(always)]
    fn wide(self) -> u128 {
        self
    }
    #[inline(always)]
    fn narrow(value: u128) -> u128 {
        value
    }
    #[inline(always)]
    unsafe fn read(p: *const u8) -> u128 {
        // SAFETY: the caller vouches for sixteen bytes.
        let (low, high) = unsafe { (u64::read(p), u64::read(p.add(8))) };
        u128::from(high) << 64 | u128::from(low)
    }
    #[inline(always)]
    unsafe fn write(p: *mut u8, value: u128) {
        // SAFETY: the caller vouches for sixteen bytes.
        unsafe {
            u64::write(p, value as u64);
            u64::write(p.add(8), (value >> 64) as u64);
        }
    }
    unsafe fn compare_exchange(p: *mut u8, old: u128, new: u128) -> u128 {
        // CPUs share one host thread today, so two halves are one access to the guest.
        // SAFETY: the caller vouches for sixteen bytes.
        unsafe {
            let was = u128::read(p);
            if was == old {
                u128::write(p, new);
            }
            was
        }
    }
}

impl Cpu {
    /// The arrays for `va`: user or kernel half, unprivileged or not.
    #[inline(always)]
    fn arrays(&self, va: u64, kind: Kind) -> *mut crate::tlb::Arrays {
        let half = (va >> 55 & 1) as usize;
        let tables =
            if kind.has(Kind::UNPRIVILEGED) { &self.state.unprivileged_tables } else { &self.state.tables };
        tables[half].0
    }

    /// The host address of an aligned access that hits the soft TLB.
    #[inline(always)]
    fn hit<T: Int>(&self, va: u64, kind: Kind, write: bool) -> Option<*mut u8> {
        let arrays = self.arrays(va, kind);
        let index = (va >> self.state.page_shift) as usize & (ENTRIES - 1);
        // SAFETY: the pointer is never null once the CPU is built and names arrays this CPU owns; the index is in range.
        let entry: Entry = unsafe {
            if write {
                (&raw const (*arrays).write[index]).read()
            } else {
                (&raw const (*arrays).read[index]).read()
            }
        };
        let tag = va & (self.state.page_mask | (T::SIZE - 1));
        (entry.tag == tag).then(|| va.wrapping_add(entry.addend) as *mut u8)
    }

    /// Loads a value.
    #[inline(always)]
    pub fn load<T: Int>(&mut self, va: u64, kind: Kind) -> Result<T, Exception> {
        match self.hit::<T>(va, kind, false) {
            // SAFETY: a hit names at least SIZE bytes of guest RAM (entries cover whole pages, the access is aligned).
            Some(p) => Ok(unsafe { T::read(p) }),
            None => self.load_slow(va, kind, T::SIZE).map(T::narrow),
        }
    }

    /// Stores a value.
    #[inline(always)]
    pub fn store<T: Int>(&mut self, va: u64, value: T, kind: Kind) -> Result<(), Exception> {
        match self.hit::<T>(va, kind, true) {
            Some(p) => {
                // SAFETY: as in `load`.
                unsafe { T::write(p, value) };
                Ok(())
            }
            None => self.store_slow(va, kind, T::SIZE, value.wide()),
        }
    }

    /// Loads a value for an exclusive and marks its address. A pair of registers is one value of twice the size.
    pub fn load_exclusive<T: Int>(&mut self, va: u64) -> Result<T, Exception> {
        let value: T = self.load(va, Kind::ATOMIC)?;
        self.state.exclusive = crate::state::Exclusive { value: value.wide(), address: va, size: T::SIZE };
        Ok(value)
    }

    /// Stores exclusively; true when the store happened. The monitor is open afterwards.
    pub fn store_exclusive<T: Int>(&mut self, va: u64, value: T) -> Result<bool, Exception> {
        let monitor = self.state.exclusive;
        if monitor.size != T::SIZE || monitor.address != va {
            // The architecture lets a failing store exclusive skip its faults, except alignment.
            if !va.is_multiple_of(T::SIZE) {
                return Err(mmu::alignment_fault(va, true));
            }
            self.state.clear_exclusive();
            return Ok(false);
        }
        let old = T::narrow(monitor.value);
        let was = self.compare_and_swap(va, old, value, Kind::ATOMIC)?;
        self.state.clear_exclusive();
        Ok(was == old)
    }

    /// Replaces the value at `va` by `f` of it, as one atomic access; returns the old value.
    pub fn atomic<T: Int>(&mut self, va: u64, kind: Kind, f: impl Fn(T) -> T) -> Result<T, Exception> {
        let mut old: T = self.load_for_update(va, kind)?;
        loop {
            let was = self.compare_and_swap(va, old, f(old), kind)?;
            if was == old {
                return Ok(old);
            }
            old = was;
        }
    }

    /// Stores `new` if memory holds `old`; returns what it held. Always needs write permission.
    pub fn compare_and_swap<T: Int>(&mut self, va: u64, old: T, new: T, kind: Kind) -> Result<T, Exception> {
        let kind = kind.and(Kind::ATOMIC);
        match self.hit::<T>(va, kind, true) {
            // SAFETY: a hit is SIZE bytes of RAM aligned to SIZE (the compare includes the low address bits).
            Some(p) => Ok(unsafe { T::compare_exchange(p, old, new) }),
            None => {
                let was: T = self.load_for_update(va, kind)?;
                if was == old {
                    self.store_slow(va, kind, T::SIZE, new.wide())?;
                }
                Ok(was)
            }
        }
    }

    /// The load half of a read-modify-write: a fault that only the write would cause is reported as a write.
    fn load_for_update<T: Int>(&mut self, va: u64, kind: Kind) -> Result<T, Exception> {
        let kind = kind.and(Kind::ATOMIC);
        let value = self.load(va, kind)?;
        if self.hit::<T>(va, kind, true).is_none() {
            self.probe_write(va, kind, T::SIZE)?;
        }
        Ok(value)
    }

    /// Raises the exception for a misaligned SP if SP is `n`, 31, and the check is enabled at this EL.
    #[inline(always)]
    pub fn check_sp(&self, n: usize) -> Result<(), Exception> {
        if n == 31 && self.state.x[31] & 15 != 0 && self.sp_alignment_checked() {
            return Err(Exception::sp_alignment());
        }
        Ok(())
    }
}
