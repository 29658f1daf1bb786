//! The performance monitors (PMUv3): a cycle counter and six event counters.
//!
//! One instruction is one cycle. Events counted: CPU_CYCLES and INST_RETIRED, at the ELs that the filter of each counter
//! asks for. Counters advance when they are looked at and when the EL changes; an overflow is therefore noticed then, and
//! drives the wire.

use crate::Cpu;
use crate::reg::*;

/// Event counters besides the cycle counter.
const COUNTERS: usize = 6;
/// Bit of the cycle counter in the set registers.
const CYCLE: u64 = 1 << 31;
/// All counters.
const ALL: u64 = CYCLE | ((1 << COUNTERS) - 1);
/// PMCR_EL0.E, P, C, LC.
const E: u64 = 1;
const P: u64 = 2;
const C: u64 = 4;
const LC: u64 = 1 << 6;
/// Event numbers.
const INST_RETIRED: u64 = 0x08;
const CPU_CYCLES: u64 = 0x11;
const SW_INCR: u64 = 0;

/// Registers of the performance monitors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pmu {
    pmcr: u64,
    enabled: u64,
    interrupts: u64,
    overflowed: u64,
    select: u64,
    /// PMUSERENR_EL0.
    pub userenr: u64,
    cycles: u64,
    cycle_filter: u64,
    counters: [u64; COUNTERS],
    types: [u64; COUNTERS],
    /// Instructions accounted for.
    seen: u64,
}

/// Whether a filter (PMCCFILTR, PMEVTYPER) counts at `el`: P and U take EL1 and EL0 out, NSH lets EL2 in, M differs from
/// P for EL3. All is non-secure, where NSK and NSU turn P and U round.
fn counts_at(filter: u64, el: u8) -> bool {
    let bit = |n: u32| filter >> n & 1 != 0;
    match el {
        0 => bit(30) == bit(28),
        1 => bit(31) == bit(29),
        2 => bit(27),
        _ => bit(31) == bit(26),
    }
}

impl Pmu {
    /// Whether anything is counted.
    pub(crate) fn is_running(&self) -> bool {
        self.pmcr & E != 0
    }

    fn advance(&mut self, instructions: u64, el: u8) {
        let new = instructions.wrapping_sub(self.seen);
        self.seen = instructions;
        if self.pmcr & E == 0 || new == 0 {
            return;
        }
        if self.enabled & CYCLE != 0 && counts_at(self.cycle_filter, el) {
            let (value, carried) = self.cycles.overflowing_add(new);
            let long = self.pmcr & LC != 0;
            if carried || !long && value >> 32 != self.cycles >> 32 {
                self.overflowed |= CYCLE;
            }
            self.cycles = value;
        }
        for n in 0..COUNTERS {
            let counts = matches!(self.types[n] & 0xffff, INST_RETIRED | CPU_CYCLES);
            if self.enabled >> n & 1 != 0 && counts && counts_at(self.types[n], el) {
                self.add(n, new);
            }
        }
    }

    fn add(&mut self, n: usize, new: u64) {
        let value = self.counters[n].wrapping_add(new);
        if value >> 32 != 0 {
            self.overflowed |= 1 << n;
        }
        self.counters[n] = value & 0xffff_ffff;
    }

    /// The counter selected by PMSELR, or None for the cycle counter and absent ones.
    fn selected(&self) -> Option<usize> {
        usize::try_from(self.select).ok().filter(|&n| n < COUNTERS)
    }
}

/// PMEVCNTRn (CRm 8 to 11) or PMEVTYPERn (CRm 12 to 15) with its number.
fn numbered(reg: u16) -> Option<(bool, usize)> {
    let crm = usize::from(reg >> 3 & 15);
    if reg & !0x7f != pack(3, 3, 14, 0, 0) || crm < 8 {
        return None;
    }
    let n = (crm & 3) << 3 | usize::from(reg & 7);
    (n < COUNTERS).then_some((crm >= 12, n))
}

impl Cpu {
    /// Lets the counters catch up, for the EL that the CPU has been at since the last time.
    pub(crate) fn pmu_sync(&mut self) {
        self.sys.pmu.advance(self.state.instructions, self.state.el);
        let p = &self.sys.pmu;
        self.io.pmu.set(p.pmcr & E != 0 && p.overflowed & p.interrupts != 0);
    }

    /// Reads a register of the performance monitors.
    pub(crate) fn pmu_read(&mut self, reg: u16) -> Option<u64> {
        let known = matches!(
            reg,
            PMCR_EL0
                | PMCNTENSET_EL0
                | PMCNTENCLR_EL0
                | PMOVSCLR_EL0
                | PMOVSSET_EL0
                | PMSELR_EL0
                | PMSWINC_EL0
                | PMCEID0_EL0
                | PMCEID1_EL0
                | PMCCNTR_EL0
                | PMXEVTYPER_EL0
                | PMXEVCNTR_EL0
                | PMUSERENR_EL0
                | PMCCFILTR_EL0
                | PMINTENSET_EL1
                | PMINTENCLR_EL1
                | PMMIR_EL1
        );
        let numbered = numbered(reg);
        if !known && numbered.is_none() {
            return None;
        }
        self.pmu_sync();
        let implementer = self.model.midr >> 24 & 0xff;
        let p = &self.sys.pmu;
        Some(match reg {
            PMCR_EL0 => p.pmcr | implementer << 24 | (COUNTERS as u64) << 11,
            PMCNTENSET_EL0 | PMCNTENCLR_EL0 => p.enabled,
            PMOVSCLR_EL0 | PMOVSSET_EL0 => p.overflowed,
            PMINTENSET_EL1 | PMINTENCLR_EL1 => p.interrupts,
            PMSELR_EL0 => p.select,
            PMCEID0_EL0 => 1 << SW_INCR | 1 << INST_RETIRED | 1 << CPU_CYCLES,
            PMCCNTR_EL0 => p.cycles,
            PMUSERENR_EL0 => p.userenr,
            PMCCFILTR_EL0 => p.cycle_filter,
            PMXEVCNTR_EL0 => p.selected().map_or(0, |n| p.counters[n]),
            PMXEVTYPER_EL0 if p.select == 31 => p.cycle_filter,
            PMXEVTYPER_EL0 => p.selected().map_or(0, |n| p.types[n]),
            _ => match numbered {
                Some((true, n)) => p.types[n],
                Some((false, n)) => p.counters[n],
                None => 0,
            },
        })
    }

    /// Writes a register of the performance monitors; false when it is none.
    pub(crate) fn pmu_write(&mut self, reg: u16, value: u64) -> bool {
        self.pmu_sync();
        let numbered = numbered(reg);
        let p = &mut self.sys.pmu;
        match reg {
            PMCR_EL0 => {
                if value & P != 0 {
                    p.counters = [0; COUNTERS];
                }
                if value & C != 0 {
                    p.cycles = 0;
                }
                p.pmcr = value & (E | 0x78);
            }
            PMCNTENSET_EL0 => p.enabled |= value & ALL,
            PMCNTENCLR_EL0 => p.enabled &= !value,
            PMOVSCLR_EL0 => p.overflowed &= !value,
            PMOVSSET_EL0 => p.overflowed |= value & ALL,
            PMINTENSET_EL1 => p.interrupts |= value & ALL,
            PMINTENCLR_EL1 => p.interrupts &= !value,
            PMSELR_EL0 => p.select = value & 31,
            PMCCNTR_EL0 => p.cycles = value,
            PMUSERENR_EL0 => p.userenr = value & 15,
            PMCCFILTR_EL0 => p.cycle_filter = value & 0xff00_0000,
            PMXEVTYPER_EL0 if p.select == 31 => p.cycle_filter = value & 0xff00_0000,
            PMXEVTYPER_EL0 => {
                if let Some(n) = p.selected() {
                    p.types[n] = value & 0xff00_ffff;
                }
            }
            PMXEVCNTR_EL0 => {
                if let Some(n) = p.selected() {
                    p.counters[n] = value & 0xffff_ffff;
                }
            }
            PMSWINC_EL0 => {
                for n in 0..COUNTERS {
                    let counts = p.pmcr & E != 0 && p.enabled >> n & 1 != 0 && p.types[n] & 0xffff == SW_INCR;
                    if value >> n & 1 != 0 && counts {
                        p.add(n, 1);
                    }
                }
            }
            _ => match numbered {
                Some((true, n)) => p.types[n] = value & 0xff00_ffff,
                Some((false, n)) => p.counters[n] = value & 0xffff_ffff,
                None => return false,
            },
        }
        self.pmu_sync();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_takes_levels_out_and_lets_the_hypervisor_in() {
        let levels = |filter: u64| [0, 1, 2, 3].map(|el| counts_at(filter, el));
        assert_eq!(levels(0), [true, true, false, true]);
        assert_eq!(levels(1 << 31), [true, false, false, false]);
        assert_eq!(levels(1 << 30), [false, true, false, true]);
        assert_eq!(levels(1 << 27), [true, true, true, true]);
        assert_eq!(levels(3 << 30 | 3 << 28), [true, true, false, false]);
    }

    #[test]
    fn counters_count_at_the_level_that_they_are_set_to() {
        let mut pmu = Pmu { pmcr: E | LC, enabled: CYCLE | 3, cycle_filter: 1 << 31, ..Pmu::default() };
        pmu.types[0] = INST_RETIRED;
        pmu.types[1] = INST_RETIRED | 1 << 30;
        pmu.advance(10, 1);
        pmu.advance(15, 0);
        assert_eq!((pmu.cycles, pmu.counters[0], pmu.counters[1]), (5, 15, 10));
    }
}
