//! The registers of one CPU that another may reach: where it starts, and whether it runs (`cpu-impl-reg` of the tree).
//!
//! Offset 0 is RVBAR (64 bits: address in bits 47:12, bit 0 locks it until reset), offset 0x100 the core's state, not 0
//! while it runs. Everything else is storage. Source: Asahi Linux docs/hw/cpu/smp.md, m1n1 src/smp.c.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mem::{Access, Device, Size};

use crate::registers::Registers;

/// Reset vector.
pub const RVBAR: u64 = 0;
/// State of the core: bits 7:0 are not 0 while it is on.
pub const STATUS: u64 = 0x100;
/// RVBAR: the address.
const ADDRESS: u64 = 0xffff_ffff_f000;
/// RVBAR: locked.
const LOCK: u64 = 1;

/// What a CPU and its control registers share.
#[derive(Debug, Default)]
pub struct CpuControl {
    rvbar: AtomicU64,
    on: AtomicBool,
}

impl CpuControl {
    /// A CPU that is off and will start at `rvbar`.
    pub fn new(rvbar: u64) -> Arc<Self> {
        Arc::new(Self { rvbar: AtomicU64::new(rvbar & ADDRESS), on: AtomicBool::new(false) })
    }

    /// The address at which it comes out of reset.
    pub fn reset_vector(&self) -> u64 {
        self.rvbar.load(Ordering::Acquire) & ADDRESS
    }

    /// Says whether it runs.
    pub fn set_on(&self, on: bool) {
        self.on.store(on, Ordering::Release);
    }

    fn write(&self, value: u64) {
        if self.rvbar.load(Ordering::Acquire) & LOCK == 0 {
            self.rvbar.store(value & (ADDRESS | LOCK), Ordering::Release);
        }
    }
}

/// The control registers of one CPU.
#[derive(Debug)]
pub struct CpuRegisters {
    control: Arc<CpuControl>,
    rest: Registers,
    start: u64,
}

impl CpuRegisters {
    /// Those of this CPU.
    pub fn new(control: Arc<CpuControl>) -> Self {
        let start = control.reset_vector();
        Self { control, rest: Registers::new("cpu-impl"), start }
    }
}

impl Device for CpuRegisters {
    fn name(&self) -> &str {
        self.rest.name()
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        let rvbar = self.control.rvbar.load(Ordering::Acquire);
        match offset {
            RVBAR => rvbar & access.size.mask(),
            4 if access.size == Size::Word => rvbar >> 32,
            STATUS => u64::from(self.control.on.load(Ordering::Acquire)),
            _ => self.rest.read(offset, access),
        }
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        let old = self.control.rvbar.load(Ordering::Acquire);
        match (offset, access.size) {
            (RVBAR, Size::Double) => self.control.write(value),
            (RVBAR, Size::Word) => self.control.write(old & !0xffff_ffff | value),
            (4, Size::Word) => self.control.write(old & 0xffff_ffff | value << 32),
            (STATUS, _) => {}
            _ => self.rest.write(offset, value, access),
        }
    }

    fn reset(&mut self) {
        self.rest.reset();
        self.control.rvbar.store(self.start, Ordering::Release);
    }

    fn stray(&self) -> u64 {
        self.rest.stray()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{D, W};

    #[test]
    fn the_vector_is_written_until_it_is_locked() {
        let control = CpuControl::new(0x8_0400_4000);
        let mut r = CpuRegisters::new(Arc::clone(&control));
        assert_eq!(r.read(RVBAR, D), 0x8_0400_4000);
        r.write(RVBAR, 0x8_1234_5fff, D);
        assert_eq!((r.read(RVBAR, D), control.reset_vector()), (0x8_1234_5001, 0x8_1234_5000));
        r.write(RVBAR, 0, D);
        r.write(4, 0, W);
        assert_eq!(control.reset_vector(), 0x8_1234_5000, "locked");
        control.set_on(true);
        assert_eq!(r.read(STATUS, W), 1);
        r.reset();
        assert_eq!(control.reset_vector(), 0x8_0400_4000);
    }
}
