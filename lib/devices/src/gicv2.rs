//! GICv2: distributor and CPU interfaces (GIC-400 as QEMU's `virt` has it, without virtualization).
//!
//! Source: Arm IHI 0048B, chapter 4.

use std::sync::{Arc, Mutex, MutexGuard};

use mem::{Access, Device, Line, LineSink, Size};

use crate::gic::{self, BitArray, Core, CpuLines, Route, SPURIOUS};
use crate::registers::Stray;

/// Distributor: group enables in bits 1:0.
pub const GICD_CTLR: u64 = 0x000;
/// Distributor: numbers of interrupts and CPUs.
pub const GICD_TYPER: u64 = 0x004;
/// Distributor: implementer.
pub const GICD_IIDR: u64 = 0x008;
/// Distributor: priorities, one byte each.
pub const GICD_IPRIORITYR: u64 = 0x400;
/// Distributor: target CPUs, one byte each.
pub const GICD_ITARGETSR: u64 = 0x800;
/// Distributor: trigger, two bits each.
pub const GICD_ICFGR: u64 = 0xc00;
/// Distributor: sends an SGI.
pub const GICD_SGIR: u64 = 0xf00;
/// Distributor: clears pending SGIs, one byte of sources each.
pub const GICD_CPENDSGIR: u64 = 0xf10;
/// Distributor: sets pending SGIs.
pub const GICD_SPENDSGIR: u64 = 0xf20;
/// Distributor: identification; ICPIDR2 says architecture version 2.
pub const GICD_ICPIDR2: u64 = 0xfe8;

/// CPU interface: group enables, FIQ enable (bit 3), EOI mode (bit 9).
pub const GICC_CTLR: u64 = 0x00;
/// CPU interface: priority mask.
pub const GICC_PMR: u64 = 0x04;
/// CPU interface: binary point of group 0.
pub const GICC_BPR: u64 = 0x08;
/// CPU interface: acknowledge.
pub const GICC_IAR: u64 = 0x0c;
/// CPU interface: end of interrupt.
pub const GICC_EOIR: u64 = 0x10;
/// CPU interface: running priority.
pub const GICC_RPR: u64 = 0x14;
/// CPU interface: highest pending.
pub const GICC_HPPIR: u64 = 0x18;
/// CPU interface: binary point of group 1.
pub const GICC_ABPR: u64 = 0x1c;
/// CPU interface: acknowledge group 1.
pub const GICC_AIAR: u64 = 0x20;
/// CPU interface: end of interrupt of group 1.
pub const GICC_AEOIR: u64 = 0x24;
/// CPU interface: highest pending of group 1.
pub const GICC_AHPPIR: u64 = 0x28;
/// CPU interface: active priorities of group 0.
pub const GICC_APR0: u64 = 0xd0;
/// CPU interface: active priorities of group 1.
pub const GICC_NSAPR0: u64 = 0xe0;
/// CPU interface: implementer.
pub const GICC_IIDR: u64 = 0xfc;
/// CPU interface: deactivate.
pub const GICC_DIR: u64 = 0x1000;

/// Most CPUs that the architecture allows.
pub const MAX_CPUS: usize = 8;

#[derive(Debug)]
struct State {
    core: Core,
    /// For each CPU and SGI, which CPUs sent it (one bit each).
    sources: Vec<[u8; 16]>,
}

impl State {
    fn set_sgi(&mut self, target: usize, sgi: usize, source: u8, pending: bool) {
        let Some(sources) = self.sources.get_mut(target).and_then(|s| s.get_mut(sgi)) else { return };
        if pending {
            *sources |= source
        } else {
            *sources &= !source
        }
        let any = *sources != 0;
        if let Some(bank) = self.core.private.get_mut(target) {
            let bit = 1 << sgi;
            if any { bank.pending |= bit } else { bank.pending &= !bit }
        }
    }

    /// The value of an acknowledge register: number, and for SGIs the sender in bits 12:10.
    fn acknowledge(&mut self, cpu: usize, group: Option<u8>) -> u32 {
        let Some(c) = self.core.acknowledge(cpu, group) else { return SPURIOUS };
        let mut value = c.number;
        let sgi = self.sources.get_mut(cpu).and_then(|s| s.get_mut(c.number as usize));
        if let Some(sources) = sgi {
            let sender = sources.trailing_zeros() & 7;
            *sources &= !(1 << sender);
            value |= sender << 10;
            // Another sender's request stays pending.
            if *sources != 0
                && let Some(bank) = self.core.private.get_mut(cpu)
            {
                bank.pending |= 1 << c.number;
            }
        }
        value
    }
}

/// The controller; both halves and all wires share it.
#[derive(Debug, Clone)]
pub struct Gicv2(Arc<Mutex<State>>);

/// The distributor as a device, 4 KiB.
#[derive(Debug)]
pub struct Distributor {
    gic: Gicv2,
    stray: Stray,
}

/// The CPU interfaces as a device, 8 KiB, banked by CPU.
#[derive(Debug)]
pub struct CpuInterface {
    gic: Gicv2,
    stray: Stray,
}

/// Wires of one CPU's PPIs, or of the shared interrupts.
struct Inputs {
    gic: Gicv2,
    cpu: usize,
    base: u32,
}

impl LineSink for Inputs {
    fn set(&self, index: u32, level: bool) {
        let mut state = self.gic.lock();
        state.core.set_level(self.cpu, self.base.saturating_add(index), level);
    }
}

impl Gicv2 {
    /// `numbers` interrupts; CPUs beyond the eighth get none.
    pub fn new(numbers: u32, mut lines: Vec<CpuLines>) -> Self {
        lines.truncate(MAX_CPUS);
        let sources = vec![[0; 16]; lines.len()];
        Self(Arc::new(Mutex::new(State { core: Core::new(numbers, lines, false), sources })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The distributor.
    pub fn distributor(&self) -> Distributor {
        Distributor { gic: self.clone(), stray: Stray::default() }
    }

    /// The CPU interfaces.
    pub fn cpu_interface(&self) -> CpuInterface {
        CpuInterface { gic: self.clone(), stray: Stray::default() }
    }

    /// The wire of shared interrupt `32 + index`.
    pub fn spi(&self, index: u32) -> Line {
        Line::new(Arc::new(Inputs { gic: self.clone(), cpu: 0, base: 32 }), index)
    }

    /// The wire of private interrupt `16 + index` of `cpu`.
    pub fn ppi(&self, cpu: usize, index: u32) -> Line {
        Line::new(Arc::new(Inputs { gic: self.clone(), cpu, base: 16 }), index & 15)
    }
}

impl Device for Distributor {
    fn name(&self) -> &str {
        "gicv2-distributor"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        let state = self.gic.lock();
        let core = &state.core;
        let bytes = a.size.bytes();
        let byte_wise = (GICD_IPRIORITYR..GICD_ICFGR).contains(&offset)
            || (GICD_CPENDSGIR..GICD_ICPIDR2 - 0x18).contains(&offset);
        if !offset.is_multiple_of(bytes) || a.size == Size::Double || (a.size != Size::Word && !byte_wise) {
            drop(state);
            return self.stray.note();
        }
        if let Some((array, word)) = BitArray::at(offset) {
            return core.bank(a.cpu, word).map_or(0, |bank| array.read(bank)).into();
        }
        match offset {
            GICD_CTLR => core.group_enabled.iter().enumerate().fold(0, |v, (n, &on)| v | u64::from(on) << n),
            GICD_TYPER => {
                let cpus = state.sources.len().saturating_sub(1) as u64;
                u64::from(core.numbers() / 32 - 1) | cpus << 5
            }
            GICD_IIDR => 0x0200_043b,
            GICD_IPRIORITYR..GICD_ITARGETSR => {
                gic::read_priorities(core, a.cpu, (offset - GICD_IPRIORITYR) as u32, bytes)
            }
            GICD_ITARGETSR..GICD_ICFGR => (0..bytes).fold(0, |value, i| {
                let number = (offset - GICD_ITARGETSR + i) as usize;
                let target = match number.checked_sub(32) {
                    // One's own: reads as oneself.
                    None => 1 << (a.cpu & 7),
                    Some(shared) => match core.routes.get(shared) {
                        Some(&Route::Mask(mask)) => mask & 0xff,
                        _ => 0,
                    },
                };
                value | target << (8 * i)
            }),
            GICD_ICFGR..0xd00 => gic::read_config(core, a.cpu, (offset - GICD_ICFGR) as usize / 4).into(),
            GICD_CPENDSGIR..0xf30 => (0..bytes).fold(0, |value, i| {
                let sgi = ((offset + i) & 15) as usize;
                let sources = state.sources.get(a.cpu).and_then(|s| s.get(sgi)).copied().unwrap_or(0);
                value | u64::from(sources) << (8 * i)
            }),
            GICD_ICPIDR2 => 0x2b,
            0xfd0..0x1000 | 0x00c..0x080 | 0xd00..0xf00 => 0,
            _ => {
                drop(state);
                self.stray.note()
            }
        }
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        let mut guard = self.gic.lock();
        let state = &mut *guard;
        let core = &mut state.core;
        let bytes = a.size.bytes();
        let byte_wise =
            (GICD_IPRIORITYR..GICD_ICFGR).contains(&offset) || (GICD_CPENDSGIR..0xf30).contains(&offset);
        if !offset.is_multiple_of(bytes) || a.size == Size::Double || (a.size != Size::Word && !byte_wise) {
            self.stray.note();
            return;
        }
        if let Some((array, word)) = BitArray::at(offset) {
            let mut value = value as u32;
            if word == 0 {
                match array {
                    // SGIs are always enabled; their pending state has registers of its own.
                    BitArray::Enable(false) | BitArray::Pending(_) => value &= 0xffff_0000,
                    _ => {}
                }
            }
            if let Some(bank) = core.bank_mut(a.cpu, word) {
                array.write(bank, value);
            }
            core.update();
            return;
        }
        match offset {
            GICD_CTLR => core.group_enabled = [value & 1 != 0, value & 2 != 0],
            GICD_IPRIORITYR..GICD_ITARGETSR => {
                gic::write_priorities(core, a.cpu, (offset - GICD_IPRIORITYR) as u32, bytes, value);
            }
            GICD_ITARGETSR..GICD_ICFGR => {
                for i in 0..bytes {
                    let shared = (offset - GICD_ITARGETSR + i).checked_sub(32).map(|n| n as usize);
                    if let Some(route) = shared.and_then(|n| core.routes.get_mut(n)) {
                        *route = Route::Mask(value >> (8 * i) & 0xff);
                    }
                }
            }
            GICD_ICFGR..0xd00 => {
                gic::write_config(core, a.cpu, (offset - GICD_ICFGR) as usize / 4, value as u32);
            }
            GICD_SGIR => {
                let own = 1u64 << (a.cpu & 7);
                let targets = match value >> 24 & 3 {
                    0 => value >> 16 & 0xff,
                    1 => 0xff & !own,
                    2 => own,
                    _ => 0,
                };
                for cpu in (0..MAX_CPUS).filter(|cpu| targets & 1 << cpu != 0) {
                    state.set_sgi(cpu, (value & 15) as usize, own as u8, true);
                }
            }
            GICD_CPENDSGIR..0xf30 => {
                for i in 0..bytes {
                    let sgi = ((offset + i) & 15) as usize;
                    state.set_sgi(a.cpu, sgi, (value >> (8 * i)) as u8, offset >= GICD_SPENDSGIR);
                }
            }
            GICD_TYPER | GICD_IIDR | 0x00c..0x080 | 0xd00..0xf00 | 0xfd0..0x1000 => {}
            _ => {
                self.stray.note();
                return;
            }
        }
        state.core.update();
    }

    fn reset(&mut self) {
        let mut state = self.gic.lock();
        state.sources.fill([0; 16]);
        state.core.reset(false);
        for bank in &mut state.core.private {
            bank.enabled = 0xffff;
        }
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

impl Device for CpuInterface {
    fn name(&self) -> &str {
        "gicv2-cpu-interface"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        let mut state = self.gic.lock();
        let Some(own) = state.core.interfaces.get(a.cpu).filter(|_| a.size == Size::Word) else {
            drop(state);
            return self.stray.note();
        };
        let point = |n: usize| own.binary_point.get(n).copied().unwrap_or(0).into();
        let pending = |group: Option<u8>| {
            let c = state.core.most_urgent(a.cpu).filter(|c| group.is_none_or(|g| g == c.group));
            c.map_or(SPURIOUS, |c| c.number)
        };
        let value = match offset {
            GICC_CTLR => {
                let bits = own.group_enabled.iter().enumerate().fold(0, |v, (n, &on)| v | u32::from(on) << n);
                bits | u32::from(own.group0_fiq) << 3 | u32::from(own.split_eoi) << 9
            }
            GICC_PMR => own.priority_mask.into(),
            GICC_BPR => point(0),
            GICC_ABPR => point(1),
            GICC_RPR => own.running_priority().into(),
            GICC_APR0 => own.active_priorities(0),
            GICC_NSAPR0 => own.active_priorities(1),
            GICC_HPPIR => pending(None),
            GICC_AHPPIR => pending(Some(1)),
            GICC_IIDR => 0x0202_043b,
            GICC_IAR => state.acknowledge(a.cpu, None),
            GICC_AIAR => state.acknowledge(a.cpu, Some(1)),
            0xd4..0xe0 | 0xe4..0xf0 => 0,
            _ => {
                drop(state);
                return self.stray.note();
            }
        };
        value.into()
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        let mut state = self.gic.lock();
        let Some(own) = state.core.interfaces.get_mut(a.cpu).filter(|_| a.size == Size::Word) else {
            self.stray.note();
            return;
        };
        match offset {
            GICC_CTLR => {
                own.group_enabled = [value & 1 != 0, value & 2 != 0];
                own.group0_fiq = value & 8 != 0;
                own.split_eoi = value & 1 << 9 != 0;
            }
            GICC_PMR => own.priority_mask = value as u8 & gic::PRIORITY_MASK,
            GICC_BPR => own.binary_point[0] = (value & 7) as u8,
            GICC_ABPR => own.binary_point[1] = (value & 7) as u8,
            GICC_EOIR | GICC_AEOIR => state.core.end(a.cpu, value as u32 & 0x3ff),
            GICC_DIR => state.core.deactivate(a.cpu, value as u32 & 0x3ff),
            GICC_APR0 => own.set_active_priorities(0, value as u32),
            GICC_NSAPR0 => own.set_active_priorities(1, value as u32),
            0xd4..0xe0 | 0xe4..0xf0 => {}
            _ => {
                self.stray.note();
                return;
            }
        }
        state.core.update();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests;
