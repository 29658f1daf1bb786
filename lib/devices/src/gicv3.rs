//! GICv3: distributor, redistributors and the CPU interface behind system registers, without ITS and LPIs.
//!
//! One security state (GICD_CTLR.DS = 1), affinity routing always on. Group 0 is FIQ, group 1 is IRQ.
//! Source: Arm IHI 0069H, chapter 12.

use std::sync::{Arc, Mutex, MutexGuard};

use mem::{Access, Device, Line, LineSink, Size};

use crate::gic::{self, BitArray, Core, CpuLines, Route, SPURIOUS};
use crate::registers::Stray;

/// Distributor control: group enables in bits 1:0, ARE (bit 4) and DS (bit 6) are set.
pub const GICD_CTLR: u64 = 0x0000;
/// Distributor type.
pub const GICD_TYPER: u64 = 0x0004;
/// Distributor implementer.
pub const GICD_IIDR: u64 = 0x0008;
/// Priorities, one byte each (here and in the redistributor's second frame).
pub const GICD_IPRIORITYR: u64 = 0x0400;
/// Trigger, two bits each (here and in the redistributor's second frame).
pub const GICD_ICFGR: u64 = 0x0c00;
/// Routes of shared interrupts, 8 bytes each, from number 32 on.
pub const GICD_IROUTER: u64 = 0x6000;
/// Identification: PIDR2 says architecture version 3 (in all frames).
pub const PIDR2: u64 = 0xffe8;

/// Redistributor control.
pub const GICR_CTLR: u64 = 0x0000;
/// Redistributor implementer.
pub const GICR_IIDR: u64 = 0x0004;
/// Redistributor type: affinity, number, last.
pub const GICR_TYPER: u64 = 0x0008;
/// Redistributor power: bit 1 sleep, bit 2 children asleep.
pub const GICR_WAKER: u64 = 0x0014;
/// The redistributor's second frame: SGIs and PPIs.
pub const SGI_FRAME: u64 = 0x1_0000;
/// Bytes of one redistributor: two frames of 64 KiB.
pub const REDISTRIBUTOR: u64 = 0x2_0000;

const WAKER_SLEEP: u32 = 1 << 1;
const WAKER_ASLEEP: u32 = 1 << 2;
const ROUTE_ANY: u64 = 1 << 31;

/// The names of system registers, packed as in MRS: op0 15:14, op1 13:11, CRn 10:7, CRm 6:3, op2 2:0.
const fn icc(crn: u16, crm: u16, op2: u16) -> u16 {
    3 << 14 | crn << 7 | crm << 3 | op2
}

const ICC_PMR_EL1: u16 = icc(4, 6, 0);
const ICC_IAR0_EL1: u16 = icc(12, 8, 0);
const ICC_EOIR0_EL1: u16 = icc(12, 8, 1);
const ICC_HPPIR0_EL1: u16 = icc(12, 8, 2);
const ICC_BPR0_EL1: u16 = icc(12, 8, 3);
const ICC_AP0R0_EL1: u16 = icc(12, 8, 4);
const ICC_AP0R3_EL1: u16 = icc(12, 8, 7);
const ICC_AP1R0_EL1: u16 = icc(12, 9, 0);
const ICC_AP1R3_EL1: u16 = icc(12, 9, 3);
const ICC_DIR_EL1: u16 = icc(12, 11, 1);
const ICC_RPR_EL1: u16 = icc(12, 11, 3);
const ICC_SGI1R_EL1: u16 = icc(12, 11, 5);
const ICC_ASGI1R_EL1: u16 = icc(12, 11, 6);
const ICC_SGI0R_EL1: u16 = icc(12, 11, 7);
const ICC_IAR1_EL1: u16 = icc(12, 12, 0);
const ICC_EOIR1_EL1: u16 = icc(12, 12, 1);
const ICC_HPPIR1_EL1: u16 = icc(12, 12, 2);
const ICC_BPR1_EL1: u16 = icc(12, 12, 3);
const ICC_CTLR_EL1: u16 = icc(12, 12, 4);
const ICC_SRE_EL1: u16 = icc(12, 12, 5);
const ICC_IGRPEN0_EL1: u16 = icc(12, 12, 6);
const ICC_IGRPEN1_EL1: u16 = icc(12, 12, 7);
const ICC_SRE_EL2: u16 = 3 << 14 | 4 << 11 | 12 << 7 | 9 << 3 | 5;
const ICC_SRE_EL3: u16 = 3 << 14 | 6 << 11 | 12 << 7 | 12 << 3 | 5;

/// ICC_CTLR_EL1 read-only part: 5 bits of priority, affinity 3 valid, 16 bits of interrupt number.
const ICC_CTLR_FIXED: u64 = 4 << 8 | 1 << 15;
const ICC_CTLR_EOIMODE: u64 = 1 << 1;

#[derive(Debug)]
struct State {
    core: Core,
    /// Affinity of each CPU as in MPIDR: Aff3 39:32, Aff2 23:16, Aff1 15:8, Aff0 7:0.
    affinity: Vec<u64>,
    waker: Vec<u32>,
    /// What GICD_IROUTER reads back.
    routers: Vec<u64>,
}

impl State {
    fn generate(&mut self, cpu: usize, value: u64, group: u8) {
        let sgi = value >> 24 & 15;
        let bit = 1u32 << sgi;
        let all_but_self = value & 1 << 40 != 0;
        let cluster = (value >> 48 & 0xff) << 32 | (value >> 32 & 0xff) << 16 | (value >> 16 & 0xff) << 8;
        let first = (value >> 44 & 15) * 16;
        for (target, (affinity, bank)) in self.affinity.iter().zip(&mut self.core.private).enumerate() {
            let aff0 = affinity & 0xff;
            let listed = affinity & !0xff == cluster
                && aff0 >= first
                && aff0 < first + 16
                && value & 1 << (aff0 - first) != 0;
            let chosen = if all_but_self { target != cpu } else { listed };
            if chosen && (bank.group >> sgi & 1) as u8 == group {
                bank.pending |= bit;
            }
        }
        self.core.update();
    }

    fn set_router(&mut self, shared: usize, value: u64) {
        let value = value & (ROUTE_ANY | 0xff_00ff_ffff);
        let route = if value & ROUTE_ANY != 0 {
            Route::Any
        } else {
            Route::Mask(self.affinity.iter().position(|a| *a == value).map_or(0, |cpu| 1 << cpu.min(63)))
        };
        if let (Some(r), Some(v)) = (self.core.routes.get_mut(shared), self.routers.get_mut(shared)) {
            *r = route;
            *v = value;
        }
    }
}

/// The controller; all its parts and wires share it.
#[derive(Debug, Clone)]
pub struct Gicv3(Arc<Mutex<State>>);

/// The distributor as a device, 64 KiB.
#[derive(Debug)]
pub struct Distributor {
    gic: Gicv3,
    stray: Stray,
}

/// All redistributors as one device, 128 KiB a CPU, in order.
#[derive(Debug)]
pub struct Redistributors {
    gic: Gicv3,
    stray: Stray,
}

struct Inputs {
    gic: Gicv3,
    cpu: usize,
    base: u32,
}

impl LineSink for Inputs {
    fn set(&self, index: u32, level: bool) {
        let mut state = self.gic.lock();
        state.core.set_level(self.cpu, self.base.saturating_add(index), level);
    }
}

impl Gicv3 {
    /// `numbers` interrupts; one CPU a pair of lines and an affinity (as in MPIDR_EL1).
    pub fn new(numbers: u32, cpus: Vec<(u64, CpuLines)>) -> Self {
        let affinity: Vec<u64> = cpus.iter().map(|(mpidr, _)| mpidr & 0xff_00ff_ffff).collect();
        let core = Core::new(numbers, cpus.into_iter().map(|(_, lines)| lines).collect(), true);
        let waker = vec![WAKER_SLEEP | WAKER_ASLEEP; affinity.len()];
        let routers = vec![0; core.routes.len()];
        let gic = Self(Arc::new(Mutex::new(State { core, affinity, waker, routers })));
        gic.reset();
        gic
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn reset(&self) {
        let mut state = self.lock();
        state.core.reset(true);
        state.waker.fill(WAKER_SLEEP | WAKER_ASLEEP);
        for shared in 0..state.routers.len() {
            state.set_router(shared, 0);
        }
    }

    /// The distributor.
    pub fn distributor(&self) -> Distributor {
        Distributor { gic: self.clone(), stray: Stray::default() }
    }

    /// The redistributors.
    pub fn redistributors(&self) -> Redistributors {
        Redistributors { gic: self.clone(), stray: Stray::default() }
    }

    /// The wire of shared interrupt `32 + index`.
    pub fn spi(&self, index: u32) -> Line {
        Line::new(Arc::new(Inputs { gic: self.clone(), cpu: 0, base: 32 }), index)
    }

    /// The wire of private interrupt `16 + index` of `cpu`.
    pub fn ppi(&self, cpu: usize, index: u32) -> Line {
        Line::new(Arc::new(Inputs { gic: self.clone(), cpu, base: 16 }), index & 15)
    }

    /// Reads a system register of `cpu`'s interface; `reg` packed as in MRS. None: not one of them.
    pub fn read_register(&self, cpu: usize, reg: u16) -> Option<u64> {
        let mut state = self.lock();
        let own = state.core.interfaces.get(cpu)?;
        let point = |n: usize| own.binary_point.get(n).copied().unwrap_or(0).into();
        let enabled = |n: usize| own.group_enabled.get(n).is_some_and(|&on| on).into();
        let pending = |group: u8| {
            let c = state.core.most_urgent(cpu).filter(|c| c.group == group);
            c.map_or(SPURIOUS, |c| c.number).into()
        };
        Some(match reg {
            ICC_PMR_EL1 => own.priority_mask.into(),
            ICC_BPR0_EL1 => point(0),
            ICC_BPR1_EL1 => point(1),
            ICC_AP0R0_EL1 => own.active_priorities(0).into(),
            ICC_AP1R0_EL1 => own.active_priorities(1).into(),
            ICC_AP0R0_EL1..=ICC_AP0R3_EL1 | ICC_AP1R0_EL1..=ICC_AP1R3_EL1 => 0,
            ICC_RPR_EL1 => own.running_priority().into(),
            ICC_CTLR_EL1 => ICC_CTLR_FIXED | if own.split_eoi { ICC_CTLR_EOIMODE } else { 0 },
            ICC_SRE_EL1 => 7,
            ICC_SRE_EL2 | ICC_SRE_EL3 => 0xf,
            ICC_IGRPEN0_EL1 => enabled(0),
            ICC_IGRPEN1_EL1 => enabled(1),
            ICC_HPPIR0_EL1 => pending(0),
            ICC_HPPIR1_EL1 => pending(1),
            ICC_IAR0_EL1 => state.core.acknowledge(cpu, Some(0)).map_or(SPURIOUS, |c| c.number).into(),
            ICC_IAR1_EL1 => state.core.acknowledge(cpu, Some(1)).map_or(SPURIOUS, |c| c.number).into(),
            _ => return None,
        })
    }

    /// Writes a system register of `cpu`'s interface; false: not one of them.
    pub fn write_register(&self, cpu: usize, reg: u16, value: u64) -> bool {
        let mut state = self.lock();
        let Some(own) = state.core.interfaces.get_mut(cpu) else { return false };
        match reg {
            ICC_PMR_EL1 => own.priority_mask = value as u8 & gic::PRIORITY_MASK,
            ICC_BPR0_EL1 => own.binary_point[0] = (value & 7) as u8,
            ICC_BPR1_EL1 => own.binary_point[1] = (value & 7) as u8,
            ICC_AP0R0_EL1 => own.set_active_priorities(0, value as u32),
            ICC_AP1R0_EL1 => own.set_active_priorities(1, value as u32),
            ICC_AP0R0_EL1..=ICC_AP0R3_EL1 | ICC_AP1R0_EL1..=ICC_AP1R3_EL1 => {}
            ICC_CTLR_EL1 => own.split_eoi = value & ICC_CTLR_EOIMODE != 0,
            ICC_SRE_EL1 | ICC_SRE_EL2 | ICC_SRE_EL3 => {}
            ICC_IGRPEN0_EL1 => own.group_enabled[0] = value & 1 != 0,
            ICC_IGRPEN1_EL1 => own.group_enabled[1] = value & 1 != 0,
            ICC_EOIR0_EL1 | ICC_EOIR1_EL1 => {
                // The special numbers end nothing.
                if value & 0xff_ffff < 1020 {
                    state.core.end(cpu, value as u32 & 0x3ff);
                }
            }
            ICC_DIR_EL1 => state.core.deactivate(cpu, value as u32 & 0x3ff),
            ICC_SGI1R_EL1 => state.generate(cpu, value, 1),
            ICC_SGI0R_EL1 | ICC_ASGI1R_EL1 => state.generate(cpu, value, 0),
            _ => return false,
        }
        state.core.update();
        true
    }
}

impl Device for Distributor {
    fn name(&self) -> &str {
        "gicv3-distributor"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        let state = self.gic.lock();
        let core = &state.core;
        let bytes = a.size.bytes();
        let value = match (offset, a.size) {
            _ if !offset.is_multiple_of(bytes) => None,
            (GICD_IPRIORITYR..0x0800, Size::Byte | Size::Half | Size::Word) => {
                Some(match (offset - GICD_IPRIORITYR) as u32 {
                    // Private ones are the redistributors'.
                    0..32 => 0,
                    first => gic::read_priorities(core, a.cpu, first, bytes),
                })
            }
            (GICD_IROUTER..0x8000, Size::Word | Size::Double) => {
                let shared = ((offset - GICD_IROUTER) / 8).checked_sub(32);
                let value = shared.and_then(|n| state.routers.get(n as usize)).copied().unwrap_or(0);
                Some(value >> (8 * (offset & 4)))
            }
            (_, Size::Word) => match (BitArray::at(offset), offset) {
                (Some((_, 0)), _) => Some(0),
                (Some((array, word)), _) => Some(core.bank(a.cpu, word).map_or(0, |b| array.read(b)).into()),
                (_, GICD_CTLR) => {
                    let groups = core.group_enabled.iter().enumerate();
                    Some(groups.fold(1 << 6 | 1 << 4, |v, (n, &on)| v | u64::from(on) << n))
                }
                // IDbits 9:0 of 10 bits, no message-based interrupts, no 1-of-N restriction.
                (_, GICD_TYPER) => Some(u64::from(core.numbers() / 32 - 1) | 9 << 19),
                (_, GICD_IIDR) => Some(0x43b),
                (_, GICD_ICFGR..0x0d00) => {
                    let word = (offset - GICD_ICFGR) as usize / 4;
                    Some(if word < 2 { 0 } else { gic::read_config(core, a.cpu, word).into() })
                }
                (_, PIDR2) => Some(0x3b),
                (_, 0x000c..0x0080 | 0x0d00..0x0f30 | 0xffd0..0x1_0000) => Some(0),
                _ => None,
            },
            _ => None,
        };
        drop(state);
        value.unwrap_or_else(|| self.stray.note())
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        let mut guard = self.gic.lock();
        let state = &mut *guard;
        let core = &mut state.core;
        let bytes = a.size.bytes();
        let known = match (offset, a.size) {
            _ if !offset.is_multiple_of(bytes) => false,
            (GICD_IPRIORITYR..0x0800, Size::Byte | Size::Half | Size::Word) => {
                let first = (offset - GICD_IPRIORITYR) as u32;
                if first >= 32 {
                    gic::write_priorities(core, a.cpu, first, bytes, value);
                }
                true
            }
            (GICD_IROUTER..0x8000, Size::Word | Size::Double) => {
                if let Some(shared) = ((offset - GICD_IROUTER) / 8).checked_sub(32).map(|n| n as usize) {
                    let old = state.routers.get(shared).copied().unwrap_or(0);
                    let value = match (a.size, offset & 4) {
                        (Size::Double, _) => value,
                        (_, 0) => old & !0xffff_ffff | value,
                        _ => old & 0xffff_ffff | value << 32,
                    };
                    state.set_router(shared, value);
                }
                true
            }
            (_, Size::Word) => match (BitArray::at(offset), offset) {
                (Some((_, 0)), _) => true,
                (Some((array, word)), _) => {
                    if let Some(bank) = core.bank_mut(a.cpu, word) {
                        array.write(bank, value as u32);
                    }
                    true
                }
                (_, GICD_CTLR) => {
                    core.group_enabled = [value & 1 != 0, value & 2 != 0];
                    true
                }
                (_, GICD_ICFGR..0x0d00) => {
                    let word = (offset - GICD_ICFGR) as usize / 4;
                    if word >= 2 {
                        gic::write_config(core, a.cpu, word, value as u32);
                    }
                    true
                }
                (_, 0x0004..0x0080 | 0x0d00..0x0f30 | 0xffd0..0x1_0000) => true,
                _ => false,
            },
            _ => false,
        };
        if known {
            state.core.update();
        } else {
            self.stray.note();
        }
    }

    fn reset(&mut self) {
        self.gic.reset();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

impl Device for Redistributors {
    fn name(&self) -> &str {
        "gicv3-redistributors"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        let state = self.gic.lock();
        let cpu = (offset / REDISTRIBUTOR) as usize;
        let at = offset % REDISTRIBUTOR;
        let bytes = a.size.bytes();
        let value = match (at, a.size) {
            _ if cpu >= state.affinity.len() || !at.is_multiple_of(bytes) => None,
            (GICR_TYPER, Size::Word | Size::Double) | (0x000c, Size::Word) => {
                let affinity = state.affinity.get(cpu).copied().unwrap_or(0);
                let packed = (affinity >> 32 << 24 | affinity & 0xff_ffff) << 32;
                let last = u64::from(cpu + 1 == state.affinity.len());
                Some((packed | (cpu as u64) << 8 | last << 4) >> (8 * (at & 4)))
            }
            (0x1_0400..0x1_0420, Size::Byte | Size::Half | Size::Word) => {
                Some(gic::read_priorities(&state.core, cpu, (at - 0x1_0400) as u32, bytes))
            }
            (_, Size::Word) => match at {
                GICR_CTLR | 0x0010 | 0xffd0..0xffe8 | 0xffec..0x1_0000 => Some(0),
                GICR_IIDR => Some(0x43b),
                GICR_WAKER => state.waker.get(cpu).map(|&w| w.into()),
                PIDR2 | 0x1_ffe8 => Some(0x3b),
                0x1_0c00 | 0x1_0c04 => Some(gic::read_config(&state.core, cpu, (at & 4) as usize / 4).into()),
                SGI_FRAME.. => match BitArray::at(at - SGI_FRAME) {
                    Some((array, 0)) => state.core.private.get(cpu).map(|bank| array.read(bank).into()),
                    _ => Some(0),
                },
                _ => None,
            },
            _ => None,
        };
        drop(state);
        value.unwrap_or_else(|| self.stray.note())
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        let mut state = self.gic.lock();
        let cpu = (offset / REDISTRIBUTOR) as usize;
        let at = offset % REDISTRIBUTOR;
        let bytes = a.size.bytes();
        let known = match (at, a.size) {
            _ if cpu >= state.affinity.len() || !at.is_multiple_of(bytes) => false,
            (0x1_0400..0x1_0420, Size::Byte | Size::Half | Size::Word) => {
                gic::write_priorities(&mut state.core, cpu, (at - 0x1_0400) as u32, bytes, value);
                true
            }
            (_, Size::Word) => match at {
                GICR_CTLR | GICR_IIDR | GICR_TYPER | 0x000c | 0x0010 => true,
                GICR_WAKER => {
                    if let Some(waker) = state.waker.get_mut(cpu) {
                        let asleep = value as u32 & WAKER_SLEEP != 0;
                        *waker = if asleep { WAKER_SLEEP | WAKER_ASLEEP } else { 0 };
                    }
                    true
                }
                0x1_0c00 | 0x1_0c04 => {
                    gic::write_config(&mut state.core, cpu, (at & 4) as usize / 4, value as u32);
                    true
                }
                SGI_FRAME.. => match (BitArray::at(at - SGI_FRAME), state.core.private.get_mut(cpu)) {
                    (Some((array, 0)), Some(bank)) => {
                        array.write(bank, value as u32);
                        true
                    }
                    (Some(_), _) => true,
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        };
        if known {
            state.core.update();
        } else {
            self.stray.note();
        }
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests;
