//! Apple's own: guarded execution, WKdm, and the registers in the IMPLEMENTATION DEFINED space.
//!
//! Any register there stores, status registers read zero, the few with a meaning to kernels have it; names and encodings
//! are those of XNU's headers (osfmk/arm64/proc_reg.h, pexpert/pexpert/arm64/apple_arm64_regs.h at xnu-7195) and of m1n1's
//! list. What APRR, SPRR and KTRR do to pages is in [`crate::mmu::overlay`]. Guarded mode (GXF) swaps the bank of EL1's
//! exception registers and its stack pointer. Locks of registers (VMSA_LOCK, SPRR's) are storage: nothing is locked.

use a64::{Op, Word};

use super::access::{crm, crn, op1, op2};
use super::wkdm::{self, Compressed};
use crate::Cpu;
use crate::access::Kind;
use crate::exception::{Exception, Step};
use crate::mmu::overlay;
use crate::reg::pack;
use crate::state::pending;

/// PMCR0: bit 11 (PMI active) reads zero.
const PMCR0: u16 = pack(3, 1, 15, 0, 0);
const PMSR: u16 = pack(3, 1, 15, 13, 0);
/// Fixed counters: cycles, instructions.
const PMC0: u16 = pack(3, 2, 15, 0, 0);
const PMC1: u16 = pack(3, 2, 15, 1, 0);
const APCTL: u16 = pack(3, 4, 15, 0, 4);
const APSTS: u16 = pack(3, 6, 15, 12, 4);
const UPMSR: u16 = pack(3, 7, 15, 6, 4);
const ACNTPCT: u16 = pack(3, 4, 15, 10, 5);
const ACNTVCT: u16 = pack(3, 4, 15, 10, 6);
const GXF_STATUS: u16 = pack(3, 6, 15, 8, 0);
const GXF_ENTRY: u16 = pack(3, 6, 15, 8, 1);
/// Where a fetch from what only guarded mode may execute goes (GXF_PABENTRY, GXF_ABORT).
const GXF_ABORT: u16 = pack(3, 6, 15, 8, 2);
/// ASPSR_GL1 under its other name.
const GXF_ASPSR: u16 = pack(3, 6, 15, 8, 3);

/// Bytes that the page compressor works on.
const PAGE: u64 = 0x4000;
/// What the decompressor leaves in its register when the input is no page.
const DAMAGED: u64 = 0x3000;

/// Error status registers: reads zero, write one to clear.
const ERROR_STATUS: [u16; 11] = [
    pack(3, 3, 15, 0, 0),
    pack(3, 3, 15, 2, 0),
    pack(3, 3, 15, 8, 0),
    pack(3, 3, 15, 9, 0),
    pack(3, 3, 15, 10, 0),
    pack(3, 4, 15, 0, 0),
    pack(3, 4, 15, 0, 2),
    pack(3, 5, 15, 0, 5),
    pack(3, 6, 15, 0, 0),
    pack(3, 6, 15, 2, 0),
    PMSR,
];

/// The registers of EL1 that have a second bank for guarded mode.
#[derive(Clone, Copy, Debug, Default)]
pub struct GuardedBank {
    vbar: u64,
    spsr: u64,
    esr: u64,
    elr: u64,
    far: u64,
    tpidr: u64,
    sp: u64,
    aspsr: u64,
}

/// Executes one of Apple's instructions.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    if !cpu.model.apple {
        return Err(Exception::undefined());
    }
    match op {
        Op::Sdsb if cpu.state.el > 0 => Ok(()),
        Op::Genter if cpu.model.guarded && cpu.state.el > 0 => genter(cpu, w.bits(4, 0)),
        Op::Gexit if cpu.model.guarded && cpu.state.guarded != 0 => gexit(cpu),
        Op::Wkdmc if cpu.state.el > 0 => compress(cpu, w.rt(), w.rn()),
        Op::Wkdmd if cpu.state.el > 0 => decompress(cpu, w.rt(), w.rn()),
        Op::AtAs1elx if cpu.state.el > 0 => {
            // As AT S1E1R with the register in the low bits as operand; the answer is in PAR_EL1.
            let va = cpu.state.x(w.rt());
            let at = 0xd508_7800 | w.0 & 31;
            cpu.state.set_x(w.rt(), va);
            super::maintenance::sys(cpu, Word(at))
        }
        _ => {
            cpu.note_undefined(w.0);
            Err(Exception::undefined())
        }
    }
}

/// wkdmc: the page at Xt into the rest of the page at Xn, which must be as small as that; then Xt is the size in units of
/// 64 bytes, 0 for a page of one value, or -1 for one that does not fit. Behaviour as Inferno has it
/// (ChefKissInc/QEMUAppleSilicon), whose guests' kernels use it.
fn compress(cpu: &mut Cpu, rt: usize, rn: usize) -> Step {
    let from = cpu.state.xsp(rt) & !(PAGE - 1);
    let to = cpu.state.xsp(rn) & !63;
    let mut words = Vec::with_capacity(PAGE as usize / 4);
    for n in 0..PAGE / 4 {
        words.push(cpu.load::<u32>(from.wrapping_add(4 * n), Kind::NORMAL)?);
    }
    let budget = PAGE - to % PAGE;
    let status = match wkdm::compress(&words, budget as usize) {
        Compressed::SingleValue => 0,
        Compressed::TooBig => u64::MAX,
        Compressed::Bytes(mut bytes) => {
            let len = bytes.len().next_multiple_of(64).min(budget as usize);
            bytes.resize(len, 0);
            write(cpu, to, &bytes)?;
            len as u64 / 64
        }
    };
    cpu.state.set_x(rt, status);
    Ok(())
}

/// wkdmd: what is at Xt into the page at Xn; then Xt is 0, or not.
fn decompress(cpu: &mut Cpu, rt: usize, rn: usize) -> Step {
    let from = cpu.state.xsp(rt) & !63;
    let to = cpu.state.xsp(rn) & !(PAGE - 1);
    let mut bytes = Vec::with_capacity(PAGE as usize);
    for at in (0..PAGE - from % PAGE).step_by(4) {
        bytes.extend(cpu.load::<u32>(from.wrapping_add(at), Kind::NORMAL)?.to_le_bytes());
    }
    let status = match wkdm::decompress(&bytes, PAGE as usize / 4) {
        None => DAMAGED,
        Some(words) => {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
            write(cpu, to, &bytes)?;
            0
        }
    };
    cpu.state.set_x(rt, status);
    Ok(())
}

/// Stores whole words.
fn write(cpu: &mut Cpu, to: u64, bytes: &[u8]) -> Step {
    for (n, word) in bytes.chunks_exact(4).enumerate() {
        let word = word.iter().rev().fold(0u32, |w, b| w << 8 | u32::from(*b));
        cpu.store(to.wrapping_add(4 * n as u64), word, Kind::NORMAL)?;
    }
    Ok(())
}

/// Exchanges the bank of EL1's registers; SP_EL0 is selected meanwhile, so that both stack pointers are in their banks.
fn swap_bank(cpu: &mut Cpu) {
    let el = cpu.state.el;
    cpu.set_el(el, 0);
    let sys = &mut cpu.sys;
    let bank = &mut sys.guarded;
    std::mem::swap(&mut sys.vbar[1], &mut bank.vbar);
    std::mem::swap(&mut sys.spsr[1], &mut bank.spsr);
    std::mem::swap(&mut sys.esr[1], &mut bank.esr);
    std::mem::swap(&mut sys.elr[1], &mut bank.elr);
    std::mem::swap(&mut sys.far[1], &mut bank.far);
    std::mem::swap(&mut sys.tpidr[1], &mut bank.tpidr);
    std::mem::swap(&mut sys.sp[1], &mut bank.sp);
}

/// Enters guarded mode at `vector`: return state to the guarded bank, everything masked, its stack pointer selected.
fn enter_guarded(cpu: &mut Cpu, spsr: u64, elr: u64, vector: u64) {
    swap_bank(cpu);
    cpu.state.guarded = 1;
    cpu.sys.spsr[1] = spsr;
    cpu.sys.elr[1] = elr;
    cpu.state.daif = 0x3c0;
    cpu.state.btype = 0;
    let el = cpu.state.el;
    cpu.set_el(el, 1);
    cpu.update_overlay();
    cpu.update_debug();
    cpu.state.next_pc = vector;
    cpu.state.pending |= pending::CONTEXT;
}

/// genter: enters guarded mode at GXF_ENTRY.
fn genter(cpu: &mut Cpu, imm: u32) -> Step {
    if cpu.state.guarded != 0 {
        return Err(Exception::undefined());
    }
    let vector = cpu.sys.other.get(&GXF_ENTRY).copied().unwrap_or(0);
    enter_guarded(cpu, cpu.state.spsr(), cpu.state.next_pc, vector);
    cpu.sys.esr[1] = cpu.sys.esr[1] & !31 | u64::from(imm);
    Ok(())
}

/// gexit: leaves guarded mode for what the guarded bank's ELR and SPSR say; the EL stays.
fn gexit(cpu: &mut Cpu) -> Step {
    let (spsr, elr) = (cpu.sys.spsr[1], cpu.sys.elr[1]);
    swap_bank(cpu);
    cpu.state.guarded = 0;
    let features = cpu.model.features;
    let bit = |n: u32| (spsr >> n & 1) as u8;
    cpu.state.nzcv = spsr as u32 & 0xf000_0000;
    cpu.state.daif = spsr as u32 & 0x3c0;
    cpu.state.pan = u8::from(features.pan) & bit(22);
    cpu.state.uao = u8::from(features.uao) & bit(23);
    cpu.state.dit = u8::from(features.dit) & bit(24);
    cpu.state.ssbs = u8::from(features.ssbs) & bit(12);
    let el = cpu.state.el;
    cpu.set_el(el, bit(0));
    cpu.update_overlay();
    cpu.update_view();
    cpu.update_debug();
    cpu.state.next_pc = elr;
    cpu.state.pending |= pending::CONTEXT | pending::INTERRUPT;
    Ok(())
}

impl Cpu {
    /// Takes a fetch from a page that only guarded mode may execute: enters it at its own vector. False when there is
    /// none: then it is an abort like others.
    pub(crate) fn enter_guarded_by_abort(&mut self, e: &Exception) -> bool {
        let vector = self.sys.other.get(&GXF_ABORT).copied().unwrap_or(0);
        if vector == 0 {
            return false;
        }
        self.trace_exception(e, self.state.el);
        enter_guarded(self, self.state.spsr(), self.state.pc, vector);
        // An instruction abort at the same EL.
        self.sys.esr[1] = 0x21 << 26 | 1 << 25 | u64::from(e.iss);
        self.sys.far[1] = e.address;
        self.state.pc = vector;
        true
    }

    /// A register of the guarded bank, as named by its own encoding; outside guarded mode, the bank is the hidden one.
    /// The A13's are at c9, those of A14 and M1 at c10 (emulators of the A13, m1n1): both names reach them.
    fn guarded_slot(&mut self, reg: u16) -> Option<&mut u64> {
        if !self.model.guarded || op1(reg) != 6 || crn(reg) != 15 {
            return None;
        }
        if reg == GXF_ASPSR {
            return Some(&mut self.sys.guarded.aspsr);
        }
        if !matches!(crm(reg), 9 | 10) {
            return None;
        }
        let inside = self.state.guarded != 0;
        let selected = self.state.spsel != 0 && self.state.el == 1;
        let (sys, state) = (&mut self.sys, &mut self.state);
        let bank = &mut sys.guarded;
        Some(match op2(reg) {
            0 if inside && selected => &mut state.x[31],
            0 if inside => &mut sys.sp[1],
            0 => &mut bank.sp,
            1 if inside => &mut sys.tpidr[1],
            1 => &mut bank.tpidr,
            2 if inside => &mut sys.vbar[1],
            2 => &mut bank.vbar,
            3 if inside => &mut sys.spsr[1],
            3 => &mut bank.spsr,
            4 => &mut bank.aspsr,
            5 if inside => &mut sys.esr[1],
            5 => &mut bank.esr,
            6 if inside => &mut sys.elr[1],
            6 => &mut bank.elr,
            _ if inside => &mut sys.far[1],
            _ => &mut bank.far,
        })
    }

    /// Reads an IMPLEMENTATION DEFINED register.
    pub(super) fn apple_read(&mut self, reg: u16) -> u64 {
        if let Some(place) = self.guarded_slot(reg) {
            return *place;
        }
        let stored = self.sys.other.get(&reg).copied();
        if stored.is_none() {
            self.note_implementation_defined(reg);
        }
        let stored = stored.unwrap_or(0);
        match reg {
            PMCR0 => stored & !(1 << 11),
            PMC0 | PMC1 => stored.wrapping_add(self.state.instructions) & 0xffff_ffff_ffff,
            // Keys are valid: from A14 on kernels wait for it here.
            APSTS if self.model.apple => stored | 1,
            UPMSR => 0,
            ACNTPCT => self.counter(true),
            ACNTVCT => self.counter(false),
            GXF_STATUS => self.state.guarded.into(),
            _ if ERROR_STATUS.contains(&reg) => 0,
            _ => stored,
        }
    }

    /// Writes an IMPLEMENTATION DEFINED register.
    pub(super) fn apple_write(&mut self, reg: u16, value: u64) {
        if let Some(place) = self.guarded_slot(reg) {
            *place = value;
            return;
        }
        if !self.sys.other.contains_key(&reg) {
            self.note_implementation_defined(reg);
        }
        let value = match reg {
            PMC0 | PMC1 => value.wrapping_sub(self.state.instructions),
            // The M key's valid bit cannot be written.
            APCTL => value & !2 | self.model.resets.iter().find(|r| r.0 == APCTL).map_or(0, |r| r.1 & 2),
            _ => value,
        };
        let old = self.sys.other.insert(reg, value);
        if old != Some(value) && overlay::is_source(&self.model, reg) {
            self.update_overlay();
        }
    }
}
