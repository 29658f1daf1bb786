//! Registers that only remember: for blocks whose drivers read back what they wrote, and no more.
//!
//! Also the shared helpers for 32-bit register blocks and for counting senseless accesses.

use std::collections::BTreeMap;

use mem::{Access, Device, Size};

/// Most distinct registers remembered by one block; more are counted as senseless.
const LIMIT: usize = 1 << 16;

/// Counts accesses that make no sense.
#[derive(Debug, Default, Clone, Copy)]
pub struct Stray(u64);

impl Stray {
    /// Counts one; what a senseless read gives.
    pub fn note(&mut self) -> u64 {
        self.0 = self.0.saturating_add(1);
        0
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0
    }
}

/// Whether an access is one to a 32-bit register: aligned and of 4 bytes.
pub fn is_word(offset: u64, access: Access) -> bool {
    access.size == Size::Word && offset.is_multiple_of(4)
}

/// A sparse block of 32-bit registers that read back what was written, and 0 (or a preset) before.
///
/// Wider and narrower accesses, aligned to their width, see the same bytes.
#[derive(Debug)]
pub struct Registers {
    name: String,
    presets: BTreeMap<u64, u32>,
    values: BTreeMap<u64, u32>,
    stray: Stray,
}

impl Registers {
    /// An empty block.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), presets: BTreeMap::new(), values: BTreeMap::new(), stray: Stray::default() }
    }

    /// Gives the register at `offset` a value at reset.
    pub fn preset(mut self, offset: u64, value: u32) -> Self {
        self.presets.insert(offset & !3, value);
        self
    }

    /// The 32-bit value at `offset` (rounded down to 4).
    pub fn get(&self, offset: u64) -> u32 {
        let offset = offset & !3;
        self.values.get(&offset).or_else(|| self.presets.get(&offset)).copied().unwrap_or(0)
    }

    /// Sets the 32-bit value at `offset` (rounded down to 4).
    pub fn set(&mut self, offset: u64, value: u32) {
        if self.values.len() >= LIMIT && !self.values.contains_key(&(offset & !3)) {
            self.stray.note();
            return;
        }
        self.values.insert(offset & !3, value);
    }
}

impl Device for Registers {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        if !offset.is_multiple_of(access.size.bytes()) {
            return self.stray.note();
        }
        let low = u64::from(self.get(offset));
        match access.size {
            Size::Double => low | u64::from(self.get(offset.saturating_add(4))) << 32,
            _ => low >> (8 * (offset & 3)) & access.size.mask(),
        }
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        if !offset.is_multiple_of(access.size.bytes()) {
            self.stray.note();
            return;
        }
        match access.size {
            Size::Double => {
                self.set(offset, value as u32);
                self.set(offset.saturating_add(4), (value >> 32) as u32);
            }
            size => {
                let shift = 8 * (offset & 3);
                let mask = size.mask() << shift;
                let old = u64::from(self.get(offset));
                self.set(offset, (old & !mask | (value << shift) & mask) as u32);
            }
        }
    }

    fn reset(&mut self) {
        self.values.clear();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{B, D, H, W};

    #[test]
    fn all_widths_see_the_same_bytes() {
        let mut r = Registers::new("r").preset(8, 0x55);
        assert_eq!(r.read(8, W), 0x55);
        r.write(0, 0x1122_3344_5566_7788, D);
        assert_eq!(r.read(0, W), 0x5566_7788);
        assert_eq!(r.read(6, H), 0x1122);
        r.write(5, 0xaa, B);
        assert_eq!(r.read(0, D), 0x1122_aa44_5566_7788);
        assert_eq!(r.read(2, W), 0);
        assert_eq!(r.stray(), 1);
        r.reset();
        assert_eq!((r.read(0, D), r.read(8, W)), (0, 0x55));
    }

    #[test]
    fn a_guest_cannot_grow_it_without_end() {
        let mut r = Registers::new("r");
        for i in 0..LIMIT as u64 + 10 {
            r.write(i * 4, 1, W);
        }
        assert_eq!(r.values.len(), LIMIT);
        assert_eq!(r.stray(), 10);
        r.write(u64::MAX - 7, 1, D);
    }
}
