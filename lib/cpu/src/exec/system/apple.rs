//! Apple's own: guarded execution, WKdm, and the registers in the IMPLEMENTATION DEFINED space.
//!
//! Policy of xnu-machine.md 6: any register there stores, status registers read zero, the few with a meaning to kernels
//! have it. APRR and SPRR are storage only: their pages have Arm permissions at least as wide as their users need.
//! Guarded mode (GXF) swaps the bank of EL1's exception registers. The WKdm page compressor is not here: kernels fall back
//! to software when asked, and the instruction is undefined with a word in the log.

use a64::{Op, Word};

use super::access::{crm, crn, op1, op2};
use crate::Cpu;
use crate::exception::{Exception, Step};
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

fn swap_bank(cpu: &mut Cpu) {
    let sys = &mut cpu.sys;
    let bank = &mut sys.guarded;
    std::mem::swap(&mut sys.vbar[1], &mut bank.vbar);
    std::mem::swap(&mut sys.spsr[1], &mut bank.spsr);
    std::mem::swap(&mut sys.esr[1], &mut bank.esr);
    std::mem::swap(&mut sys.elr[1], &mut bank.elr);
    std::mem::swap(&mut sys.far[1], &mut bank.far);
    std::mem::swap(&mut sys.tpidr[1], &mut bank.tpidr);
    std::mem::swap(&mut cpu.state.x[31], &mut bank.sp);
}

/// Enters guarded mode: return state to the guarded bank, everything masked, at GXF_ENTRY.
fn genter(cpu: &mut Cpu, imm: u32) -> Step {
    if cpu.state.guarded != 0 {
        return Err(Exception::undefined());
    }
    let (spsr, elr) = (cpu.state.spsr(), cpu.state.next_pc);
    cpu.state.guarded = 1;
    swap_bank(cpu);
    cpu.sys.spsr[1] = spsr;
    cpu.sys.elr[1] = elr;
    cpu.sys.esr[1] = cpu.sys.esr[1] & !31 | u64::from(imm);
    cpu.state.daif = 0x3c0;
    cpu.state.next_pc = cpu.sys.other.get(&GXF_ENTRY).copied().unwrap_or(0);
    cpu.update_debug();
    cpu.state.pending |= pending::CONTEXT;
    Ok(())
}

/// Leaves guarded mode for what the guarded bank's ELR and SPSR say (flags and masks; the EL stays).
fn gexit(cpu: &mut Cpu) -> Step {
    let (spsr, elr) = (cpu.sys.spsr[1], cpu.sys.elr[1]);
    swap_bank(cpu);
    cpu.state.guarded = 0;
    cpu.state.nzcv = spsr as u32 & 0xf000_0000;
    cpu.state.daif = spsr as u32 & 0x3c0;
    cpu.state.next_pc = elr;
    cpu.update_debug();
    cpu.state.pending |= pending::CONTEXT | pending::INTERRUPT;
    Ok(())
}

impl Cpu {
    /// A register of the guarded bank, as named by its own encoding; outside guarded mode, the bank is the hidden one.
    fn guarded_slot(&mut self, reg: u16) -> Option<&mut u64> {
        if !self.model.guarded || op1(reg) != 6 || crn(reg) != 15 || !matches!(crm(reg), 9 | 10) {
            return None;
        }
        let inside = self.state.guarded != 0;
        let (sys, state) = (&mut self.sys, &mut self.state);
        let bank = &mut sys.guarded;
        Some(match op2(reg) {
            0 if inside => &mut state.x[31],
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
            APSTS if self.model.apple => stored | 1,
            UPMSR => 0,
            ACNTPCT => self.physical_count(),
            ACNTVCT => self.virtual_count(),
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
        self.sys.other.insert(reg, value);
    }
}
