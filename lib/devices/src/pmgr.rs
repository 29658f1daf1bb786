//! Power manager: power states that are reached at once, and the release of CPUs from reset.
//!
//! A power-state register holds the wanted state in bits 3:0 and the actual one in bits 7:4; drivers write
//! the first and wait for the second. Everything else is storage. Source: the public emulators'
//! observation for T8030 (power states at 0x80000 to 0x8c000), and Linux
//! drivers/pmdomain/apple/pmgr-pwrstate.c.
//!
//! The block that starts CPUs is at an offset that depends on the chip: at 4 a mask of cores by number, at 8 + 4n a
//! mask of the cores of cluster n. Either starts a core (m1n1 src/smp.c writes both; Inferno listens to the first).

use mem::{Access, Device, Line};

use crate::registers::{Registers, is_word};

/// First power-state register.
pub const STATES: u64 = 0x8_0000;
/// End of the power-state registers.
pub const STATES_END: u64 = 0x8_c000;

/// A core that the power manager can release from reset.
#[derive(Debug, Clone)]
pub struct Core {
    /// Its cluster.
    pub cluster: u32,
    /// Its number in the cluster.
    pub core: u32,
    /// Pulled to start it.
    pub start: Line,
}

impl Core {
    /// Its bit in the mask of all cores.
    fn bit(&self) -> u32 {
        1u32.checked_shl(4 * self.cluster + self.core).unwrap_or(0)
    }
}

/// Clusters that the block has a register for.
const CLUSTERS: u64 = 4;

/// The power manager's registers.
#[derive(Debug)]
pub struct Pmgr {
    registers: Registers,
    /// Offset of the block that starts CPUs.
    start: u64,
    cores: Vec<Core>,
}

impl Pmgr {
    /// All power states 0; no CPUs to start.
    pub fn new() -> Self {
        Self { registers: Registers::new("pmgr"), start: 0, cores: Vec::new() }
    }

    /// With CPUs to start by the block at `offset`.
    pub fn with_cores(self, offset: u64, cores: Vec<Core>) -> Self {
        Self { start: offset, cores, ..self }
    }

    /// Starts what a write to the block asks for.
    fn start(&self, offset: u64, value: u32) {
        let Some(at) = offset.checked_sub(self.start).filter(|at| (4..8 + 4 * CLUSTERS).contains(at)) else {
            return;
        };
        for core in &self.cores {
            let asked = match at {
                4 => value & core.bit() != 0,
                _ => {
                    u64::from(core.cluster) == (at - 8) / 4
                        && value.checked_shr(core.core).unwrap_or(0) & 1 != 0
                }
            };
            if asked {
                core.start.set(true);
                core.start.set(false);
            }
        }
    }
}

impl Default for Pmgr {
    fn default() -> Self {
        Self::new()
    }
}

impl Device for Pmgr {
    fn name(&self) -> &str {
        self.registers.name()
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        self.registers.read(offset, access)
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        if is_word(offset, access) && (STATES..STATES_END).contains(&offset) {
            let wanted = value & 0xf;
            self.registers.write(offset, value & !0xff | wanted << 4 | wanted, access);
        } else {
            self.registers.write(offset, value, access);
            if is_word(offset, access) {
                self.start(offset, value as u32);
            }
        }
    }

    fn reset(&mut self) {
        self.registers.reset();
    }

    fn stray(&self) -> u64 {
        self.registers.stray()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::W;

    #[test]
    fn cores_are_started_by_number_and_by_cluster() {
        /// Remembers which wires were ever raised.
        struct Raised(std::sync::atomic::AtomicU64);
        impl mem::LineSink for Raised {
            fn set(&self, index: u32, level: bool) {
                if level {
                    self.0.fetch_or(1 << index, std::sync::atomic::Ordering::Relaxed);
                }
            }
        }
        let raised = std::sync::Arc::new(Raised(0.into()));
        let line = |n| Line::new(std::sync::Arc::<Raised>::clone(&raised), n);
        let core = |cluster, core, n| Core { cluster, core, start: line(n) };
        let mut p = Pmgr::new().with_cores(0xd_4000, vec![core(0, 1, 0), core(1, 0, 1), core(0, 5, 2)]);
        let after = |p: &mut Pmgr, offset, value| {
            raised.0.store(0, std::sync::atomic::Ordering::Relaxed);
            p.write(offset, value, W);
            raised.0.load(std::sync::atomic::Ordering::Relaxed)
        };
        assert_eq!(after(&mut p, 0xd_4004, 1 << 1), 1);
        assert_eq!(after(&mut p, 0xd_4004, 1 << 4), 2);
        assert_eq!(after(&mut p, 0xd_4008, 1 << 5 | 1 << 1), 5);
        assert_eq!(after(&mut p, 0xd_400c, 1), 2);
        assert_eq!(after(&mut p, 0xd_4000, !0), 0, "stops, which is not modelled");
        assert_eq!(after(&mut p, 0x4, !0), 0);
    }

    #[test]
    fn the_actual_power_state_follows_the_wanted_one() {
        let mut p = Pmgr::new();
        p.write(STATES + 8, 0x1000_000f, W);
        assert_eq!(p.read(STATES + 8, W), 0x1000_00ff);
        p.write(0x10, 0xf, W);
        assert_eq!(p.read(0x10, W), 0xf, "storage");
    }
}
