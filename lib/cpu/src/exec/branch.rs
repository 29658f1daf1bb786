//! Branches. Arm manual C4.1.94, C3.1; BTYPE: D8.8.
//!
//! The engine clears PSTATE.BTYPE before it executes an instruction (having checked it), so only the branches that
//! set it appear here.

use a64::{Op, Word};

use super::pauth::{self, Key};
use crate::Cpu;
use crate::exception::{Exception, Step};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    let s = &mut cpu.state;
    match op {
        Op::B => s.branch(s.pc.wrapping_add_signed(w.simm26())),
        Op::Bl => {
            s.x[30] = s.pc.wrapping_add(4);
            s.branch(s.pc.wrapping_add_signed(w.simm26()));
        }
        Op::BCond => {
            if s.holds(w.bits(3, 0)) {
                s.branch(s.pc.wrapping_add_signed(w.simm19()));
            }
        }
        Op::Cbz | Op::Cbnz => {
            if (s.r(w.rt(), w.sf()) == 0) == (op == Op::Cbz) {
                s.branch(s.pc.wrapping_add_signed(w.simm19()));
            }
        }
        Op::Tbz | Op::Tbnz => {
            let bit = w.bits(31, 31) << 5 | w.bits(23, 19);
            if (s.x(w.rt()) >> bit & 1 == 0) == (op == Op::Tbz) {
                s.branch(s.pc.wrapping_add_signed(w.simm14()));
            }
        }
        Op::Ret => {
            let target = s.x(w.rn());
            to(cpu, target);
        }
        Op::Br => {
            let target = s.x(w.rn());
            indirect(cpu, w, target);
        }
        Op::Blr => {
            let target = s.x(w.rn());
            call(cpu, target);
        }
        Op::Retaa | Op::Retab => {
            pauth::require(cpu)?;
            let target = pauth::auth(cpu, s_x30(cpu), cpu.state.xsp(31), key(op == Op::Retab), true)?;
            to(cpu, target);
        }
        Op::Braa | Op::Brab | Op::Braaz | Op::Brabz => {
            let target = authenticated(cpu, w, matches!(op, Op::Brab | Op::Brabz))?;
            indirect(cpu, w, target);
        }
        Op::Blraa | Op::Blrab | Op::Blraaz | Op::Blrabz => {
            let target = authenticated(cpu, w, matches!(op, Op::Blrab | Op::Blrabz))?;
            call(cpu, target);
        }
        _ => return Err(Exception::undefined()),
    }
    Ok(())
}

fn s_x30(cpu: &Cpu) -> u64 {
    cpu.state.x[30]
}

fn key(b: bool) -> Key {
    if b { Key::Ib } else { Key::Ia }
}

/// Rn authenticated with the modifier Rm (or SP), or zero in the Z forms, which have bit 24 clear.
fn authenticated(cpu: &mut Cpu, w: Word, b: bool) -> Result<u64, Exception> {
    pauth::require(cpu)?;
    let modifier = if w.bit(24) { cpu.state.xsp(w.rd()) } else { 0 };
    pauth::auth(cpu, cpu.state.x(w.rn()), modifier, key(b), true)
}

/// BR: from a guarded page only X16 and X17 may reach a landing pad for calls.
fn indirect(cpu: &mut Cpu, w: Word, target: u64) {
    if cpu.model.features.bti {
        let veneer = matches!(w.rn(), 16 | 17);
        cpu.state.btype = if !veneer && in_guarded_page(cpu) { 3 } else { 1 };
    }
    to(cpu, target);
}

/// Whether the instruction being executed lies in a guarded page. The soft TLB holds no guarded page for fetches.
fn in_guarded_page(cpu: &mut Cpu) -> bool {
    let pc = cpu.state.pc;
    cpu.fetch_hit(pc).is_none() && cpu.fetch_address(pc).is_ok_and(|(_, guarded)| guarded)
}

fn call(cpu: &mut Cpu, target: u64) {
    cpu.state.x[30] = cpu.state.pc.wrapping_add(4);
    if cpu.model.features.bti {
        cpu.state.btype = 2;
    }
    to(cpu, target);
}

#[inline(always)]
fn to(cpu: &mut Cpu, target: u64) {
    let target = cpu.branch_address(target);
    cpu.state.branch(target);
}
