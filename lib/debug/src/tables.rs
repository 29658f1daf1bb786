//! The page tables of a CPU as a map: which virtual addresses lead where, with which rights.
//!
//! The map is made by asking the CPU's own walker for one address after another and leaping over what each answer covers, so
//! it shows exactly what an access would meet, stage 2 included. Tables come from the guest and may be absurd (cycles,
//! billions of pages): the number of steps and of lines is bounded, and a map that was cut says so.

use std::fmt;

use cpu::Cpu;
use cpu::mmu::walk::{Fault, Half, Intent, Leaf, Regime, fsc, perm};

/// Most look-ups for one map.
const MOST_STEPS: u32 = 4_000_000;
/// Most lines of one map.
const MOST_LINES: usize = 10_000;

/// A range of virtual addresses that leads to a range of physical ones in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First virtual address.
    pub va: u64,
    /// Bytes.
    pub len: u64,
    /// Where the first byte leads.
    pub pa: u64,
    /// log2 of the smallest page or block in it.
    pub shift: u32,
    /// Rights and attributes; None: the access flag is clear, the first access faults.
    pub leaf: Option<Attributes>,
}

/// What a range is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Rights of EL0, [`perm`] bits.
    pub user: u8,
    /// Rights of the privileged EL, [`perm`] bits.
    pub privileged: u8,
    /// MAIR attribute byte.
    pub memory: u8,
    /// Belongs to one ASID.
    pub not_global: bool,
    /// Guarded for BTI.
    pub guarded: bool,
}

impl Attributes {
    fn of(leaf: &Leaf) -> Self {
        let actor = |user| cpu::mmu::walk::Actor { user, pan: false };
        Self {
            user: leaf.rights(actor(true)),
            privileged: leaf.rights(actor(false)),
            memory: leaf.attributes,
            not_global: leaf.not_global,
            guarded: leaf.guarded,
        }
    }
}

fn rights(bits: u8) -> [char; 3] {
    let flag = |bit, on| if bits & bit != 0 { on } else { '-' };
    [flag(perm::READ, 'r'), flag(perm::WRITE, 'w'), flag(perm::EXECUTE, 'x')]
}

fn size(shift: u32) -> String {
    match shift {
        0..10 => format!("{}", 1u64 << shift),
        10..20 => format!("{}K", 1u64 << (shift - 10)),
        20..30 => format!("{}M", 1u64 << (shift - 20)),
        _ => format!("{}G", 1u64 << (shift - 30)),
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [pr, pw, px] = rights(self.privileged);
        let [ur, uw, ux] = rights(self.user);
        write!(f, "{pr}{pw}{px} EL0 {ur}{uw}{ux} ")?;
        match self.memory {
            0x00 => f.write_str("Device-nGnRnE")?,
            0x04 => f.write_str("Device-nGnRE")?,
            0x08 => f.write_str("Device-nGRE")?,
            0x0c => f.write_str("Device-GRE")?,
            0x44 => f.write_str("Normal, not cached")?,
            0xff => f.write_str("Normal")?,
            other => write!(f, "attributes {other:#04x}")?,
        }
        if self.not_global {
            f.write_str(", of this ASID")?;
        }
        if self.guarded {
            f.write_str(", guarded")?;
        }
        Ok(())
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.va.wrapping_add(self.len.wrapping_sub(1));
        write!(f, "{:016x}-{last:016x} ", self.va)?;
        match &self.leaf {
            Some(leaf) => write!(f, "{:012x} {:>4} {leaf}", self.pa, size(self.shift)),
            None => write!(f, "{:>12} {:>4} access flag clear", "-", size(self.shift)),
        }
    }
}

/// A map of everything that is mapped.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// By rising virtual address.
    pub ranges: Vec<Range>,
    /// The tables lead to more than is shown.
    pub cut: bool,
}

impl Map {
    fn add(&mut self, next: Range) {
        if let Some(last) = self.ranges.last_mut() {
            let follows = last.va.wrapping_add(last.len) == next.va
                && (last.leaf.is_none() || last.pa.wrapping_add(last.len) == next.pa);
            if follows && last.leaf == next.leaf {
                last.len = last.len.wrapping_add(next.len);
                last.shift = last.shift.min(next.shift);
                return;
            }
        }
        if self.ranges.len() >= MOST_LINES {
            self.cut = true;
        } else {
            self.ranges.push(next);
        }
    }
}

/// log2 of what one descriptor of `level` covers.
fn covered(half: &Half, level: u32) -> u32 {
    half.granule + (half.granule - 3) * (3 - level.min(3))
}

/// How far a fault says that nothing is mapped, as log2; and whether the page is there but its access flag clear.
fn leap(half: &Half, fault: &Fault) -> (u32, bool) {
    if fault.stage2 {
        return (half.granule, false);
    }
    let level = fault.fsc & 3;
    match fault.fsc & !3 {
        fsc::ACCESS_FLAG => (covered(half, level), true),
        // A table that cannot be read: all that the descriptor above it covers.
        fsc::EXTERNAL_WALK => (covered(half, level.saturating_sub(1)), false),
        _ => (covered(half, level), false),
    }
}

/// The map of one half of a regime's addresses, `upper` as TTBR1 has it.
fn half_map(cpu: &Cpu, regime: Regime, upper: bool, map: &mut Map, steps: &mut u32) {
    let walker = cpu.walker();
    let half = walker.half(regime, if upper { 1 << 55 } else { 0 });
    if half.disabled {
        return;
    }
    let bits = 64 - half.tsz.clamp(16, 48);
    let end = 1u64 << bits;
    let base = if upper { u64::MAX << bits } else { 0 };
    let mut at = 0u64;
    while at < end {
        if *steps == 0 || map.cut {
            map.cut = true;
            return;
        }
        *steps -= 1;
        let va = base | at;
        let (shift, found) = match walker.look_up(va, regime, false, Intent::Read) {
            Ok(leaf) => {
                let start = leaf.pa & !((1 << leaf.shift) - 1);
                (leaf.shift, Some((start, Some(Attributes::of(&leaf)))))
            }
            Err(fault) => {
                let (shift, present) = leap(&half, &fault);
                (shift, present.then_some((0, None)))
            }
        };
        let shift = shift.clamp(12, 63);
        let next = (at & !((1u64 << shift) - 1)).saturating_add(1 << shift);
        let len = next.min(end) - at;
        if let Some((pa, leaf)) = found {
            map.add(Range { va, len, pa, shift, leaf });
        }
        at = next;
    }
}

/// Everything that the current regime of `cpu` maps (with the MMU off: nothing).
pub fn map(cpu: &Cpu) -> Map {
    let regime = cpu.regime();
    let mut map = Map::default();
    if !cpu.walker().stage1_on(regime) {
        return map;
    }
    let mut steps = MOST_STEPS;
    half_map(cpu, regime, false, &mut map, &mut steps);
    if regime.has_two_halves() {
        half_map(cpu, regime, true, &mut map, &mut steps);
    }
    map
}

/// The map as text, a line a range.
pub fn dump(cpu: &Cpu) -> String {
    use fmt::Write;
    let regime = cpu.regime();
    if !cpu.walker().stage1_on(regime) {
        return format!("{regime:?}: the MMU is off, addresses are physical\n");
    }
    let map = map(cpu);
    let mut out = String::new();
    let el = regime.controlling_el();
    let of = |values: &[u64]| values.get(el).copied().unwrap_or(0);
    // Writing to a String cannot fail; so below.
    let _ = writeln!(
        out,
        "{regime:?}: TCR {:x}, TTBR0 {:x}, TTBR1 {:x}; virtual, physical, page, rights",
        of(&cpu.sys.tcr),
        of(&cpu.sys.ttbr0),
        of(&cpu.sys.ttbr1)
    );
    for range in &map.ranges {
        let _ = writeln!(out, "{range}");
    }
    if map.cut {
        out.push_str("... more than is shown here\n");
    }
    out
}

/// What the tables say of one address, as text.
pub fn explain(cpu: &Cpu, va: u64) -> String {
    let regime = cpu.regime();
    let walker = cpu.walker();
    let half = walker.half(regime, va);
    let on = walker.stage1_on(regime);
    match walker.look_up(va, regime, false, Intent::Read) {
        Ok(leaf) if on => format!(
            "{va:016x} -> {:x}, in a {} page or block, EL{} {}\n",
            leaf.pa,
            size(leaf.shift),
            regime.controlling_el(),
            Attributes::of(&leaf)
        ),
        Ok(leaf) => format!("{va:016x} -> {:x}, the MMU is off\n", leaf.pa),
        Err(fault) => {
            let kind = match fault.fsc & !3 {
                fsc::ADDRESS_SIZE => "address size fault",
                fsc::TRANSLATION => "translation fault",
                fsc::ACCESS_FLAG => "access flag fault",
                fsc::PERMISSION => "permission fault",
                fsc::EXTERNAL_WALK => "the table is not in RAM",
                _ => "fault",
            };
            let stage = if fault.stage2 { "stage 2" } else { "stage 1" };
            format!(
                "{va:016x}: {kind}, {stage}, level {} (TTBR {:x}, TxSZ {}, granule {})\n",
                fault.fsc & 3,
                half.ttbr,
                half.tsz,
                size(half.granule)
            )
        }
    }
}

/// The page, block or hole that `va` lies in.
pub fn region(cpu: &Cpu, va: u64) -> Range {
    let regime = cpu.regime();
    let walker = cpu.walker();
    if !walker.stage1_on(regime) {
        let all = perm::READ | perm::WRITE | perm::EXECUTE;
        let leaf = Attributes { user: all, privileged: all, memory: 0, not_global: false, guarded: false };
        return Range { va: 0, len: u64::MAX, pa: 0, shift: 63, leaf: Some(leaf) };
    }
    let half = walker.half(regime, va);
    let bits = 64 - half.tsz.clamp(16, 48);
    let upper = u64::MAX << bits;
    if va >> bits != 0 && va & upper != upper {
        // Between the halves.
        return Range { va: 1 << bits, len: upper - (1 << bits), pa: 0, shift: 12, leaf: None };
    }
    let (shift, pa, leaf) = match walker.look_up(va, regime, false, Intent::Read) {
        Ok(leaf) => (leaf.shift, leaf.pa & !((1 << leaf.shift) - 1), Some(Attributes::of(&leaf))),
        Err(fault) => (leap(&half, &fault).0, 0, None),
    };
    let shift = shift.clamp(12, 63);
    Range { va: va & !((1 << shift) - 1), len: 1 << shift, pa, shift, leaf }
}
