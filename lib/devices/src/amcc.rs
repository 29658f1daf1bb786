//! Memory controller registers that protect the kernel's text (KTRR, CTRR): readable, lockable, not enforced.
//!
//! Kernels of A10 and later read the range that the boot loader may have set, set it themselves, and lock
//! it. Enforcement is not needed to boot and would only hide the guest's own page permissions. Source:
//! XNU osfmk/arm64/amcc_rorgn.c and pexpert/pexpert/arm64/AMCC.h at 4903 to 7195; which of the blocks a
//! chip has differs, all of them are storage here.

use mem::{Access, Device};

use crate::registers::Registers;

/// Bit 0: the memory cache is off while set (KTRR chips); reads as 0.
pub const AMCC_STATUS: u64 = 0x780;
/// First 16 KiB page of the read-only range, counted from the DRAM base.
pub const RORGN_BASE: u64 = 0x7e4;
/// Last page of the read-only range.
pub const RORGN_END: u64 = 0x7e8;
/// Bit 0 locks the two above until reset.
pub const RORGN_LOCK: u64 = 0x7ec;

/// CTRR's lower limit on A13, a page number as above.
pub const CTRR_LOWER: u64 = 0x680;
/// CTRR's upper limit on A13, the last page.
pub const CTRR_UPPER: u64 = 0x684;

/// One memory controller.
#[derive(Debug)]
pub struct Amcc(Registers);

impl Amcc {
    /// No range, not locked.
    pub fn new(name: impl Into<String>) -> Self {
        Self(Registers::new(name))
    }

    /// Gives a register the value that the boot loader left in it.
    pub fn with(self, offset: u64, value: u32) -> Self {
        Self(self.0.preset(offset, value))
    }

    fn is_locked(&self) -> bool {
        self.0.get(RORGN_LOCK) & 1 != 0
    }
}

impl Device for Amcc {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        self.0.read(offset, access)
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        match offset & !3 {
            RORGN_BASE | RORGN_END | RORGN_LOCK if self.is_locked() => {}
            AMCC_STATUS => {}
            _ => self.0.write(offset, value, access),
        }
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn stray(&self) -> u64 {
        self.0.stray()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::W;

    #[test]
    fn a_locked_range_stays_until_reset() {
        let mut a = Amcc::new("mcc").with(RORGN_END, 9);
        assert_eq!((a.read(RORGN_LOCK, W), a.read(RORGN_END, W)), (0, 9));
        a.write(RORGN_BASE, 0x11, W);
        a.write(RORGN_END, 0x22, W);
        a.write(RORGN_LOCK, 1, W);
        a.write(RORGN_BASE, 0, W);
        a.write(RORGN_LOCK, 0, W);
        assert_eq!((a.read(RORGN_BASE, W), a.read(RORGN_END, W), a.read(RORGN_LOCK, W)), (0x11, 0x22, 1));
        a.reset();
        assert_eq!(a.read(RORGN_LOCK, W), 0);
    }

    #[test]
    fn the_memory_cache_is_never_off() {
        let mut a = Amcc::new("mcc");
        a.write(AMCC_STATUS, 1, W);
        assert_eq!(a.read(AMCC_STATUS, W), 0);
    }
}
