//! Pointer authentication. Arm manual D8.9 and shared pseudocode (AddPAC, Auth, Strip, ComputePAC).

mod qarma;

use std::cell::Cell;

use a64::{Op, Word};

use crate::Cpu;
use crate::exception::{Exception, Step};
use crate::model::Pac;

/// A key; the number is its place in `Sys::keys`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// APIAKey.
    Ia = 0,
    /// APIBKey.
    Ib = 1,
    /// APDAKey.
    Da = 2,
    /// APDBKey.
    Db = 3,
}

impl Key {
    fn is_data(self) -> bool {
        matches!(self, Key::Da | Key::Db)
    }

    fn is_b(self) -> bool {
        matches!(self, Key::Ib | Key::Db)
    }

    /// The bit of SCTLR_ELx that enables the key: EnIA, EnIB, EnDA, EnDB.
    fn enable_bit(self) -> u32 {
        match self {
            Key::Ia => 31,
            Key::Ib => 30,
            Key::Da => 27,
            Key::Db => 13,
        }
    }
}

/// APGAKey's place in `Sys::keys`.
const GENERIC: usize = 4;

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    if cpu.model.pac == Pac::Absent {
        // The hint forms are NOPs, the others undefined.
        return if w.0 >> 12 == 0xd5032 { Ok(()) } else { Err(Exception::undefined()) };
    }
    let s = &cpu.state;
    let (n, sp, x30) = (s.xsp(w.rn()), s.x[31], s.x[30]);
    match op {
        Op::Pacia | Op::Pacib | Op::Pacda | Op::Pacdb | Op::Paciza | Op::Pacizb | Op::Pacdza | Op::Pacdzb => {
            let modifier = if w.bit(13) { 0 } else { n };
            let value = add(cpu, s.x(w.rd()), modifier, key_of(w))?;
            cpu.state.set_x(w.rd(), value);
        }
        Op::Autia | Op::Autib | Op::Autda | Op::Autdb | Op::Autiza | Op::Autizb | Op::Autdza | Op::Autdzb => {
            let modifier = if w.bit(13) { 0 } else { n };
            let value = auth(cpu, s.x(w.rd()), modifier, key_of(w), false)?;
            cpu.state.set_x(w.rd(), value);
        }
        Op::Xpaci | Op::Xpacd => {
            let value = strip(cpu, s.x(w.rd()), op == Op::Xpacd);
            cpu.state.set_x(w.rd(), value);
        }
        Op::Xpaclri => cpu.state.x[30] = strip(cpu, x30, false),
        Op::Pacga => {
            trap(cpu)?;
            let code = match cpu.model.pac {
                Pac::Off => 0,
                _ => compute(cpu, s.x(w.rn()), s.xsp(w.rm()), key_value(cpu, GENERIC)),
            };
            cpu.state.set_x(w.rd(), code & 0xffff_ffff_0000_0000);
        }
        Op::Pacia1716 => cpu.state.x[17] = add(cpu, s.x[17], s.x[16], Key::Ia)?,
        Op::Pacib1716 => cpu.state.x[17] = add(cpu, s.x[17], s.x[16], Key::Ib)?,
        Op::Autia1716 => cpu.state.x[17] = auth(cpu, s.x[17], s.x[16], Key::Ia, false)?,
        Op::Autib1716 => cpu.state.x[17] = auth(cpu, s.x[17], s.x[16], Key::Ib, false)?,
        Op::Paciasp => cpu.state.x[30] = add(cpu, x30, sp, Key::Ia)?,
        Op::Pacibsp => cpu.state.x[30] = add(cpu, x30, sp, Key::Ib)?,
        Op::Paciaz => cpu.state.x[30] = add(cpu, x30, 0, Key::Ia)?,
        Op::Pacibz => cpu.state.x[30] = add(cpu, x30, 0, Key::Ib)?,
        Op::Autiasp => cpu.state.x[30] = auth(cpu, x30, sp, Key::Ia, false)?,
        Op::Autibsp => cpu.state.x[30] = auth(cpu, x30, sp, Key::Ib, false)?,
        Op::Autiaz => cpu.state.x[30] = auth(cpu, x30, 0, Key::Ia, false)?,
        Op::Autibz => cpu.state.x[30] = auth(cpu, x30, 0, Key::Ib, false)?,
        _ => return Err(Exception::undefined()),
    }
    Ok(())
}

/// The key of a one-source instruction: bits 11:10 are data and B.
fn key_of(w: Word) -> Key {
    match w.bits(11, 10) {
        0 => Key::Ia,
        1 => Key::Ib,
        2 => Key::Da,
        _ => Key::Db,
    }
}

/// Undefined on models without pointer authentication: for the combined instructions.
pub fn require(cpu: &Cpu) -> Step {
    if cpu.model.pac == Pac::Absent { Err(Exception::undefined()) } else { Ok(()) }
}

/// Whether at this EL signing and authenticating leave every pointer as it is, and nothing traps them.
pub fn is_nothing(cpu: &Cpu) -> bool {
    let enables = [Key::Ia, Key::Ib, Key::Da, Key::Db].map(|k| 1u64 << k.enable_bit());
    let enabled = cpu.sys.sctlr[regime(cpu).el] & enables.iter().fold(0, |all, bit| all | bit) != 0;
    match cpu.model.pac {
        Pac::Absent => false,
        Pac::Off => !enabled || trap(cpu).is_ok(),
        _ => !enabled,
    }
}

/// All that signing and authenticating depend on, besides what the instruction names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Everything {
    keys: [u128; 5],
    /// What a hypervisor's keys of EL0 differ by, where they are used.
    diversifier: u64,
    /// SCTLR, TCR, HCR, SCR.
    control: [u64; 4],
    el: usize,
    user: bool,
}

/// Numbers for the contexts seen lately. A number is never given to another context.
#[derive(Clone, Debug, Default)]
pub struct Contexts {
    known: Vec<(Everything, u64)>,
    given: u64,
    oldest: usize,
}

impl Contexts {
    /// Two for each of a few processes.
    const KEPT: usize = 16;

    fn number(&mut self, of: &Everything) -> u64 {
        if let Some((_, number)) = self.known.iter().find(|(known, _)| known == of) {
            return *number;
        }
        self.given += 16;
        let new = (*of, self.given);
        if self.known.len() < Self::KEPT {
            self.known.push(new);
        } else if let Some(old) = self.known.get_mut(self.oldest) {
            *old = new;
            self.oldest = (self.oldest + 1) % Self::KEPT;
        }
        self.given
    }
}

impl Cpu {
    /// The number of all that decides what pointer authentication makes of a pointer and a modifier, kept in
    /// [`crate::State::pac_context`] until something of it changes. EL0 and EL1 share one unless EL0 belongs to EL2,
    /// or a hypervisor's keys differ between them.
    pub fn pac_context(&mut self) -> u64 {
        if self.state.pac_context == 0 {
            let (r, sys) = (regime(self), &self.sys);
            let everything = Everything {
                keys: sys.keys,
                diversifier: sys.user_keys.at(self.state.el),
                control: [sys.sctlr[r.el], sys.tcr[r.el], sys.hcr, sys.scr],
                el: r.el,
                user: r.el != 1 && self.state.el == 0,
            };
            self.state.pac_context = self.contexts.number(&everything);
        }
        self.state.pac_context
    }
}

/// The registers that control addresses at this EL.
#[derive(Clone, Copy, Debug)]
pub struct Regime {
    /// EL whose SCTLR, TCR apply: 1 to 3.
    pub el: usize,
    /// Whether there are two ranges (TTBR0 and TTBR1).
    pub two_ranges: bool,
}

/// The translation regime of the current EL.
pub fn regime(cpu: &Cpu) -> Regime {
    let host = cpu.model.has_el2 && cpu.sys.hcr >> 34 & 1 != 0;
    match cpu.state.el {
        0 if host && cpu.sys.hcr >> 27 & 1 != 0 => Regime { el: 2, two_ranges: true },
        0 | 1 => Regime { el: 1, two_ranges: true },
        2 => Regime { el: 2, two_ranges: host },
        _ => Regime { el: 3, two_ranges: false },
    }
}

/// Whether the top byte of `address` is ignored by data accesses, or by instruction fetches (EffectiveTBI).
pub fn top_byte_ignored(cpu: &Cpu, address: u64, data: bool) -> bool {
    let r = regime(cpu);
    let tcr = cpu.sys.tcr[r.el];
    let (tbi, tbid) = match (r.two_ranges, address >> 55 & 1 != 0) {
        (true, false) => (tcr >> 37 & 1, tcr >> 51 & 1),
        (true, true) => (tcr >> 38 & 1, tcr >> 52 & 1),
        (false, _) => (tcr >> 20 & 1, tcr >> 29 & 1),
    };
    tbi != 0 && (data || tbid == 0 || level(cpu) == 0)
}

/// The level of pointer authentication that the ID registers promise: 1 basic, 2 EPAC, 3 PAuth2, 4 FPAC, 5 combined.
fn level(cpu: &Cpu) -> u64 {
    let ids = &cpu.model.ids;
    (ids.isar1 >> 4 & 15).max(ids.isar1 >> 8 & 15).max(ids.isar2 >> 12 & 15)
}

/// The lowest bit of the code: where addresses of this range end.
fn bottom_bit(cpu: &Cpu, high: bool) -> u32 {
    let r = regime(cpu);
    let tcr = cpu.sys.tcr[r.el];
    let tsz = if r.two_ranges && high { tcr >> 16 } else { tcr } & 63;
    let most = if cpu.model.features.ttst { 48 } else { 39 };
    64 - (tsz as u32).clamp(16, most)
}

/// Traps to EL2 and EL3 (HCR_EL2.API, SCR_EL3.API).
fn trap(cpu: &Cpu) -> Step {
    let sys = &cpu.sys;
    let el2 = cpu.model.has_el2 && (!cpu.model.has_el3 || sys.scr & 1 != 0 || sys.scr >> 18 & 1 != 0);
    let host_user = cpu.state.el == 0 && sys.hcr >> 27 & 1 != 0 && sys.hcr >> 34 & 1 != 0;
    if cpu.state.el < 2 && el2 && sys.hcr >> 41 & 1 == 0 && !host_user {
        return Err(Exception::pac_trap(2));
    }
    if cpu.state.el < 3 && cpu.model.has_el3 && sys.scr >> 17 & 1 == 0 {
        return Err(Exception::pac_trap(3));
    }
    Ok(())
}

/// Whether `key` is enabled at this EL; if it is, use may be trapped.
fn enabled(cpu: &Cpu, key: Key) -> Result<bool, Exception> {
    if cpu.sys.sctlr[regime(cpu).el] >> key.enable_bit() & 1 == 0 {
        return Ok(false);
    }
    trap(cpu)?;
    Ok(cpu.model.pac != Pac::Off)
}

/// The key in `Sys::keys`, as EL0's diversifier changes it.
fn key_value(cpu: &Cpu, key: usize) -> u128 {
    let stored = cpu.sys.keys.get(key).copied().unwrap_or(0);
    let user = cpu.sys.user_keys;
    if key == GENERIC { stored } else { stored ^ u128::from(user.at(cpu.state.el)) }
}

fn compute(cpu: &Cpu, data: u64, modifier: u64, key: u128) -> u64 {
    let cipher = match cpu.model.pac {
        Pac::Qarma5 => qarma::qarma5,
        Pac::Qarma3 => qarma::qarma3,
        _ => return hash(data, modifier, key),
    };
    cpu.codes.get(data, modifier, key, cipher)
}

/// Codes computed before: what one function signs on entry another instruction authenticates soon after.
#[derive(Clone)]
pub struct Codes(Box<[Cell<Code>; Codes::KEPT]>);

/// One code and what it was computed from.
#[derive(Clone, Copy, Default)]
struct Code {
    data: u64,
    modifier: u64,
    key: u128,
    code: u64,
    known: bool,
}

impl std::fmt::Debug for Codes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codes").finish_non_exhaustive()
    }
}

impl Default for Codes {
    fn default() -> Codes {
        Codes(Box::new(
            [const { Cell::new(Code { data: 0, modifier: 0, key: 0, code: 0, known: false }) }; Codes::KEPT],
        ))
    }
}

impl Codes {
    /// A power of two.
    const KEPT: usize = 1024;

    fn get(&self, data: u64, modifier: u64, key: u128, cipher: fn(u64, u64, u128) -> u64) -> u64 {
        let mixed = (data ^ modifier.rotate_left(32) ^ key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = &self.0[(mixed >> 40) as usize % Codes::KEPT];
        let found = slot.get();
        if found.known && found.data == data && found.modifier == modifier && found.key == key {
            return found.code;
        }
        let code = cipher(data, modifier, key);
        slot.set(Code { data, modifier, key, code, known: true });
        code
    }
}

/// The IMPLEMENTATION DEFINED algorithm: two rounds of multiply and fold. No secret is safe behind it.
fn hash(data: u64, modifier: u64, key: u128) -> u64 {
    let round = |x: u64, k: u64| {
        let wide = u128::from(x ^ k) * 0x9e37_79b9_7f4a_7c15;
        (wide as u64) ^ (wide >> 64) as u64
    };
    let x = round(data, key as u64) ^ modifier.rotate_left(29);
    round(x, (key >> 64) as u64) ^ round(modifier, key as u64).rotate_left(17)
}

/// Bits `high` to `low` set, both below 64.
fn field(high: u32, low: u32) -> u64 {
    if low > high { 0 } else { u64::MAX >> (63 - high) & u64::MAX << low }
}

/// Signs `ptr` (AddPAC).
pub fn add(cpu: &Cpu, ptr: u64, modifier: u64, key: Key) -> Result<u64, Exception> {
    if !enabled(cpu, key)? {
        return Ok(ptr);
    }
    let data = key.is_data();
    let tbi = top_byte_ignored(cpu, ptr, data);
    let r = regime(cpu);
    // With tags in use in either range, bit 55 selects the range; else bit 63 does.
    let selector = if r.two_ranges {
        let either = top_byte_ignored(cpu, 0, data) || top_byte_ignored(cpu, 1 << 55, data);
        if either { 55 } else { 63 }
    } else if tbi {
        55
    } else {
        63
    };
    let high = ptr >> selector & 1 != 0;
    let bottom = bottom_bit(cpu, high);
    let top = if tbi { 55 } else { 63 };
    let code_bits = field(54, bottom) | if tbi { 0 } else { field(63, 56) };
    let extension = field(top, bottom);
    let extended = ptr & !extension | if high { extension } else { 0 };
    let mut code = compute(cpu, extended, modifier, key_value(cpu, key as usize));
    let level = level(cpu);
    let present = ptr & extension;
    if present != 0 && present != extension {
        match level {
            2 => code = 0,
            0 | 1 => code ^= 1 << (top - 1),
            _ => {}
        }
    }
    if level >= 3 {
        code ^= ptr;
    }
    let side = if high { 1 << 55 } else { 0 };
    Ok(ptr & !code_bits & !(1 << 55) | code & code_bits | side)
}

/// Authenticates `ptr`. `combined` for the instructions that branch or load with the result.
pub fn auth(cpu: &Cpu, ptr: u64, modifier: u64, key: Key, combined: bool) -> Result<u64, Exception> {
    if !enabled(cpu, key)? {
        return Ok(ptr);
    }
    let tbi = top_byte_ignored(cpu, ptr, key.is_data());
    let high = ptr >> 55 & 1 != 0;
    let bottom = bottom_bit(cpu, high);
    let extension = field(if tbi { 55 } else { 63 }, bottom);
    let code_bits = extension & !(1 << 55);
    let original = ptr & !extension | if high { extension } else { 0 };
    let code = compute(cpu, original, modifier, key_value(cpu, key as usize));
    let level = level(cpu);
    if level < 3 {
        if (code ^ ptr) & code_bits == 0 {
            return Ok(original);
        }
        // The error code makes the address non-canonical: 01 for the A keys, 10 for the B keys.
        let error = if key.is_b() { 2 } else { 1 };
        let at = if tbi { 53 } else { 61 };
        return Ok(original & !(3 << at) | error << at);
    }
    let result = ptr ^ code & code_bits;
    let good = result & extension == original & extension;
    if !good && level >= if combined { 5 } else { 4 } {
        return Err(Exception::pac_fail(key.is_data(), key.is_b()));
    }
    Ok(result)
}

/// Removes the code, right or wrong (XPAC).
pub fn strip(cpu: &Cpu, ptr: u64, data: bool) -> u64 {
    let high = ptr >> 55 & 1 != 0;
    let top = if top_byte_ignored(cpu, ptr, data) { 55 } else { 63 };
    let extension = field(top, bottom_bit(cpu, high));
    ptr & !extension | if high { extension } else { 0 }
}

#[cfg(test)]
mod tests;
