//! Power manager: power states that are reached at once.
//!
//! A power-state register holds the wanted state in bits 3:0 and the actual one in bits 7:4; drivers write
//! the first and wait for the second. Everything else is storage. Source: the public emulators'
//! observation for T8030 (power states at 0x80000 to 0x8c000), and Linux
//! drivers/pmdomain/apple/pmgr-pwrstate.c.

use mem::{Access, Device};

use crate::registers::{Registers, is_word};

/// First power-state register.
pub const STATES: u64 = 0x8_0000;
/// End of the power-state registers.
pub const STATES_END: u64 = 0x8_c000;

/// The power manager's registers.
#[derive(Debug)]
pub struct Pmgr(Registers);

impl Pmgr {
    /// All power states 0.
    pub fn new() -> Self {
        Self(Registers::new("pmgr"))
    }
}

impl Default for Pmgr {
    fn default() -> Self {
        Self::new()
    }
}

impl Device for Pmgr {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        self.0.read(offset, access)
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        if is_word(offset, access) && (STATES..STATES_END).contains(&offset) {
            let wanted = value & 0xf;
            self.0.write(offset, value & !0xff | wanted << 4 | wanted, access);
        } else {
            self.0.write(offset, value, access);
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
    fn the_actual_power_state_follows_the_wanted_one() {
        let mut p = Pmgr::new();
        p.write(STATES + 8, 0x1000_000f, W);
        assert_eq!(p.read(STATES + 8, W), 0x1000_00ff);
        p.write(0x10, 0xf, W);
        assert_eq!(p.read(0x10, W), 0xf, "storage");
    }
}
