//! What GICv2 and GICv3 have in common: the state of interrupts and which one a CPU shall take.
//!
//! One security state, two groups: group 0 may be signalled as FIQ, group 1 is IRQ. Five bits of priority.
//! Numbers below 32 (SGIs, PPIs) are banked by CPU. Source: Arm IHI 0048B and IHI 0069H.
//!
//! Not modelled: security extensions, virtualization extensions, LPIs.

use mem::Line;

/// Implemented bits of a priority.
pub const PRIORITY_MASK: u8 = 0xf8;
/// What an acknowledge gives when there is nothing to take.
pub const SPURIOUS: u32 = 1023;
/// Priority when nothing is active.
pub const IDLE_PRIORITY: u8 = 0xff;

/// 32 interrupts, one bit each.
#[derive(Debug, Clone)]
pub struct Bank {
    /// May be forwarded.
    pub enabled: u32,
    /// Latched pending state: edges, and what software set.
    pub pending: u32,
    /// Level of the input wires.
    pub level: u32,
    /// Acknowledged and not yet deactivated.
    pub active: u32,
    /// Group 1 (else group 0).
    pub group: u32,
    /// Edge-triggered (else level-sensitive).
    pub edge: u32,
    /// Priorities, lower is more urgent.
    pub priority: [u8; 32],
}

impl Bank {
    fn new() -> Self {
        Self { enabled: 0, pending: 0, level: 0, active: 0, group: 0, edge: 0, priority: [0; 32] }
    }

    /// All that are pending, by latch or by level.
    pub fn all_pending(&self) -> u32 {
        self.pending | self.level & !self.edge
    }

    fn set_level(&mut self, bit: u32, level: bool) {
        if level {
            // A rising edge of an edge-triggered input is remembered.
            self.pending |= bit & self.edge & !self.level;
            self.level |= bit;
        } else {
            self.level &= !bit;
        }
    }
}

/// Where a shared interrupt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Any of these CPUs, one bit each.
    Mask(u64),
    /// Any CPU of the machine.
    Any,
}

impl Route {
    fn reaches(self, cpu: usize) -> bool {
        match self {
            Route::Mask(mask) => cpu < 64 && mask & 1 << cpu != 0,
            Route::Any => true,
        }
    }
}

/// A CPU interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Groups enabled at this CPU.
    pub group_enabled: [bool; 2],
    /// Interrupts of this priority and less urgent ones are not signalled.
    pub priority_mask: u8,
    /// Binary points of both groups: how many low bits of the priority do not preempt, less 1.
    pub binary_point: [u8; 2],
    /// End of interrupt only drops the priority; deactivation is separate.
    pub split_eoi: bool,
    /// Group 0 is signalled as FIQ.
    pub group0_fiq: bool,
    /// Priorities being handled (already masked by the binary point) and their group, most urgent last.
    active: Vec<(u8, u8)>,
}

impl Interface {
    fn new(group0_fiq: bool) -> Self {
        Self {
            group_enabled: [false; 2],
            priority_mask: 0,
            binary_point: [0, 0],
            split_eoi: false,
            group0_fiq,
            active: Vec::new(),
        }
    }

    /// Priority of what is being handled.
    pub fn running_priority(&self) -> u8 {
        self.active.last().map_or(IDLE_PRIORITY, |a| a.0)
    }

    fn preemption_mask(&self, group: usize) -> u8 {
        let point = self.binary_point.get(group).copied().unwrap_or(0).min(7);
        // Group 0's point n leaves bits 7:n+1; group 1's counts one less.
        let low = if group == 0 { u32::from(point) + 1 } else { u32::from(point) };
        (0xff_u32 << low) as u8 & PRIORITY_MASK
    }

    /// The active priorities of a group, one bit a level (32 levels): the APR registers.
    pub fn active_priorities(&self, group: u8) -> u32 {
        self.active.iter().filter(|a| a.1 == group).fold(0, |bits, a| bits | 1 << (a.0 >> 3))
    }

    /// Writes the active priorities of a group: only a restore of what was read makes sense.
    pub fn set_active_priorities(&mut self, group: u8, bits: u32) {
        self.active.retain(|a| a.1 != group);
        self.active.extend((0..32).filter(|n| bits & 1 << n != 0).map(|n| ((n as u8) << 3, group)));
        self.active.sort_by_key(|a| std::cmp::Reverse(a.0));
    }
}

/// What a CPU would acknowledge next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Interrupt number.
    pub number: u32,
    /// Its priority.
    pub priority: u8,
    /// Its group.
    pub group: u8,
}

/// The state of a controller.
#[derive(Debug)]
pub struct Core {
    /// SGIs and PPIs of each CPU.
    pub private: Vec<Bank>,
    /// Interrupts 32 and up.
    pub shared: Vec<Bank>,
    /// Route of each shared interrupt.
    pub routes: Vec<Route>,
    /// One a CPU.
    pub interfaces: Vec<Interface>,
    /// Groups enabled at the distributor.
    pub group_enabled: [bool; 2],
    lines: Vec<CpuLines>,
}

/// The wires to a CPU.
#[derive(Debug, Clone)]
pub struct CpuLines {
    /// To its IRQ input.
    pub irq: Line,
    /// To its FIQ input.
    pub fiq: Line,
}

impl Core {
    /// `numbers` interrupts (rounded up to 32, at most 1,020), one CPU a pair of lines.
    pub fn new(numbers: u32, lines: Vec<CpuLines>, group0_fiq: bool) -> Self {
        let shared = (numbers.min(1020).div_ceil(32).max(2) - 1) as usize;
        let cpus = lines.len();
        let mut sgi = Bank::new();
        // SGIs are edge-triggered, always.
        sgi.edge = 0xffff;
        Self {
            private: vec![sgi; cpus],
            shared: vec![Bank::new(); shared],
            routes: vec![Route::Mask(0); shared * 32],
            interfaces: vec![Interface::new(group0_fiq); cpus],
            group_enabled: [false; 2],
            lines,
        }
    }

    /// Back to power-on; wires keep their levels.
    pub fn reset(&mut self, group0_fiq: bool) {
        for (cpu, bank) in self.private.iter_mut().enumerate() {
            let level = bank.level;
            *bank = Bank { level, edge: 0xffff, ..Bank::new() };
            if let Some(interface) = self.interfaces.get_mut(cpu) {
                *interface = Interface::new(group0_fiq);
            }
        }
        for bank in &mut self.shared {
            *bank = Bank { level: bank.level, ..Bank::new() };
        }
        self.routes.fill(Route::Mask(0));
        self.group_enabled = [false; 2];
        self.update();
    }

    /// How many interrupt numbers there are, a multiple of 32.
    pub fn numbers(&self) -> u32 {
        (self.shared.len() as u32 + 1) * 32
    }

    /// The bank of 32 interrupts that `cpu` sees at `index` (0 = its own).
    pub fn bank(&self, cpu: usize, index: usize) -> Option<&Bank> {
        if index == 0 { self.private.get(cpu) } else { self.shared.get(index - 1) }
    }

    /// As [`Core::bank`], to change it; call [`Core::update`] afterwards.
    pub fn bank_mut(&mut self, cpu: usize, index: usize) -> Option<&mut Bank> {
        if index == 0 { self.private.get_mut(cpu) } else { self.shared.get_mut(index - 1) }
    }

    /// A wire changes: a PPI of `cpu` when `number` is below 32, else a shared one.
    pub fn set_level(&mut self, cpu: usize, number: u32, level: bool) {
        if let Some(bank) = self.bank_mut(cpu, number as usize / 32) {
            bank.set_level(1 << (number % 32), level);
            self.update();
        }
    }

    /// The most urgent interrupt that is pending, enabled and goes to `cpu`, whatever its interface masks.
    pub fn most_urgent(&self, cpu: usize) -> Option<Candidate> {
        let mut best: Option<Candidate> = None;
        for index in 0..=self.shared.len() {
            let Some(bank) = self.bank(cpu, index) else { continue };
            let mut bits = bank.all_pending() & bank.enabled & !bank.active;
            while bits != 0 {
                let bit = bits.trailing_zeros();
                bits &= bits - 1;
                let number = index as u32 * 32 + bit;
                if index > 0 && !self.routes.get(number as usize - 32).is_some_and(|r| r.reaches(cpu)) {
                    continue;
                }
                let group = (bank.group >> bit & 1) as u8;
                if !self.group_enabled.get(usize::from(group)).is_some_and(|&on| on) {
                    continue;
                }
                let priority = bank.priority.get(bit as usize).copied().unwrap_or(0);
                if best.is_none_or(|b| priority < b.priority) {
                    best = Some(Candidate { number, priority, group });
                }
            }
        }
        best
    }

    /// What would be signalled to `cpu` now.
    pub fn signalled(&self, cpu: usize) -> Option<Candidate> {
        let interface = self.interfaces.get(cpu)?;
        let c = self.most_urgent(cpu)?;
        let group = usize::from(c.group);
        let enabled = interface.group_enabled.get(group).is_some_and(|&on| on);
        let preempts = c.priority & interface.preemption_mask(group) < interface.running_priority();
        (enabled && c.priority < interface.priority_mask && preempts).then_some(c)
    }

    /// Drives the wires to all CPUs after a change.
    pub fn update(&self) {
        for (cpu, lines) in self.lines.iter().enumerate() {
            let signalled = self.signalled(cpu);
            let fiq = signalled
                .is_some_and(|c| c.group == 0 && self.interfaces.get(cpu).is_some_and(|i| i.group0_fiq));
            lines.fiq.set(fiq);
            lines.irq.set(signalled.is_some() && !fiq);
        }
    }

    /// `cpu` takes what is signalled, if its group is `group` (None = either): active, no longer pending.
    pub fn acknowledge(&mut self, cpu: usize, group: Option<u8>) -> Option<Candidate> {
        let c = self.signalled(cpu).filter(|c| group.is_none_or(|g| g == c.group))?;
        let bit = 1 << (c.number % 32);
        if let Some(bank) = self.bank_mut(cpu, c.number as usize / 32) {
            bank.pending &= !bit;
            bank.active |= bit;
        }
        if let Some(interface) = self.interfaces.get_mut(cpu) {
            let level = c.priority & interface.preemption_mask(usize::from(c.group));
            interface.active.push((level, c.group));
        }
        self.update();
        Some(c)
    }

    /// Drops the running priority of `cpu` and, unless that is separate, deactivates `number`.
    pub fn end(&mut self, cpu: usize, number: u32) {
        let Some(interface) = self.interfaces.get_mut(cpu) else { return };
        interface.active.pop();
        if !interface.split_eoi {
            self.deactivate(cpu, number);
        }
        self.update();
    }

    /// `number` is no longer active.
    pub fn deactivate(&mut self, cpu: usize, number: u32) {
        if let Some(bank) = self.bank_mut(cpu, number as usize / 32) {
            bank.active &= !(1 << (number % 32));
        }
        self.update();
    }
}

/// A register of one bit an interrupt, at one of the places that both distributors share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitArray {
    /// IGROUPR.
    Group,
    /// ISENABLER (set) and ICENABLER.
    Enable(bool),
    /// ISPENDR (set) and ICPENDR.
    Pending(bool),
    /// ISACTIVER (set) and ICACTIVER.
    Active(bool),
}

impl BitArray {
    /// Which array holds distributor offset `offset`, and which of its words.
    pub fn at(offset: u64) -> Option<(Self, usize)> {
        let word = (offset & 0x7c) as usize / 4;
        let array = match offset & !0x7f {
            0x080 => Self::Group,
            0x100 => Self::Enable(true),
            0x180 => Self::Enable(false),
            0x200 => Self::Pending(true),
            0x280 => Self::Pending(false),
            0x300 => Self::Active(true),
            0x380 => Self::Active(false),
            _ => return None,
        };
        Some((array, word))
    }

    /// Reads the word of a bank.
    pub fn read(self, bank: &Bank) -> u32 {
        match self {
            Self::Group => bank.group,
            Self::Enable(_) => bank.enabled,
            Self::Pending(_) => bank.all_pending(),
            Self::Active(_) => bank.active,
        }
    }

    /// Writes the word of a bank.
    pub fn write(self, bank: &mut Bank, value: u32) {
        match self {
            Self::Group => bank.group = value,
            Self::Enable(true) => bank.enabled |= value,
            Self::Enable(false) => bank.enabled &= !value,
            Self::Pending(true) => bank.pending |= value,
            Self::Pending(false) => bank.pending &= !value,
            Self::Active(true) => bank.active |= value,
            Self::Active(false) => bank.active &= !value,
        }
    }
}

/// Reads up to four priorities, one a byte, from interrupt `first` on.
pub fn read_priorities(core: &Core, cpu: usize, first: u32, bytes: u64) -> u64 {
    (0..bytes).fold(0, |value, i| {
        let number = first as usize + i as usize;
        let bank = core.bank(cpu, number / 32);
        let priority = bank.and_then(|b| b.priority.get(number % 32)).copied().unwrap_or(0);
        value | u64::from(priority) << (8 * i)
    })
}

/// Writes up to four priorities.
pub fn write_priorities(core: &mut Core, cpu: usize, first: u32, bytes: u64, value: u64) {
    for i in 0..bytes {
        let number = first as usize + i as usize;
        if let Some(p) = core.bank_mut(cpu, number / 32).and_then(|b| b.priority.get_mut(number % 32)) {
            *p = (value >> (8 * i)) as u8 & PRIORITY_MASK;
        }
    }
}

/// ICFGR: two bits an interrupt, the upper one is "edge". `word` is the register's index.
pub fn read_config(core: &Core, cpu: usize, word: usize) -> u32 {
    let edge = core.bank(cpu, word / 2).map_or(0, |b| b.edge) >> (16 * (word % 2));
    (0..16).fold(0, |value, n| value | (edge >> n & 1) << (2 * n + 1))
}

/// Writes ICFGR; the SGIs' word is read-only.
pub fn write_config(core: &mut Core, cpu: usize, word: usize, value: u32) {
    if word == 0 {
        return;
    }
    let edge = (0..16).fold(0, |bits, n| bits | (value >> (2 * n + 1) & 1) << n);
    let shift = 16 * (word % 2);
    if let Some(bank) = core.bank_mut(cpu, word / 2) {
        bank.edge = bank.edge & !(0xffff << shift) | edge << shift;
    }
}
