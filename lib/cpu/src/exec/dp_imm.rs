//! Data processing with an immediate. Arm manual C4.1.92, C3.4.

use a64::{Op, Word, decode_bit_masks};

use super::alu::{add_with_carry, logic_flags};
use crate::exception::{Exception, Step};
use crate::{Cpu, State};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    let s = &mut cpu.state;
    match op {
        Op::AddImm => set_sp(s, w, s.xsp(w.rn()).wrapping_add(imm(w))),
        Op::SubImm => set_sp(s, w, s.xsp(w.rn()).wrapping_sub(imm(w))),
        Op::AddsImm => flags(s, w, add_with_carry(w.sf(), s.xsp(w.rn()), imm(w), false)),
        Op::SubsImm => flags(s, w, add_with_carry(w.sf(), s.xsp(w.rn()), !imm(w), true)),
        Op::AndImm => set_sp(s, w, s.x(w.rn()) & mask(w)?),
        Op::OrrImm => set_sp(s, w, s.x(w.rn()) | mask(w)?),
        Op::EorImm => set_sp(s, w, s.x(w.rn()) ^ mask(w)?),
        Op::AndsImm => {
            let value = s.x(w.rn()) & mask(w)?;
            s.nzcv = logic_flags(w.sf(), value);
            s.set_r(w.rd(), w.sf(), value);
        }
        Op::Movz => s.set_r(w.rd(), w.sf(), w.imm16() << hw(w)),
        Op::Movn => s.set_r(w.rd(), w.sf(), !(w.imm16() << hw(w))),
        Op::Movk => {
            let kept = s.x(w.rd()) & !(0xffff << hw(w));
            s.set_r(w.rd(), w.sf(), kept | w.imm16() << hw(w));
        }
        Op::Sbfm | Op::Bfm | Op::Ubfm => bitfield(s, op, w)?,
        Op::Extr => {
            let (high, low, by) = (s.r(w.rn(), w.sf()), s.r(w.rm(), w.sf()), w.imms());
            let value = match (w.sf(), by) {
                (_, 0) => low,
                (true, _) => low >> by | high << (64 - by),
                (false, _) => low >> (by & 31) | high << (32 - (by & 31)),
            };
            s.set_r(w.rd(), w.sf(), value);
        }
        Op::Adr => s.set_x(w.rd(), s.pc.wrapping_add_signed(w.simm21())),
        Op::Adrp => s.set_x(w.rd(), (s.pc & !0xfff).wrapping_add_signed(w.simm21() << 12)),
        _ => return Err(Exception::undefined()),
    }
    Ok(())
}

/// imm12, shifted left by 12 when sh (bit 22) is set.
#[inline(always)]
fn imm(w: Word) -> u64 {
    if w.bit(22) { w.imm12() << 12 } else { w.imm12() }
}

/// The bit position of a wide move's immediate.
#[inline(always)]
fn hw(w: Word) -> u32 {
    w.bits(22, 21) * 16
}

#[inline(always)]
fn mask(w: Word) -> Result<u64, Exception> {
    match decode_bit_masks(w.n(), w.imms(), w.immr(), true, if w.sf() { 64 } else { 32 }) {
        Some((mask, _)) => Ok(mask),
        None => Err(Exception::undefined()),
    }
}

#[inline(always)]
fn set_sp(s: &mut State, w: Word, value: u64) {
    s.set_xsp(w.rd(), if w.sf() { value } else { value & 0xffff_ffff });
}

#[inline(always)]
fn flags(s: &mut State, w: Word, (value, nzcv): (u64, u32)) {
    s.nzcv = nzcv;
    s.set_r(w.rd(), w.sf(), value);
}

fn bitfield(s: &mut State, op: Op, w: Word) -> Step {
    let (r, n) = (w.immr(), w.imms());
    let masks = decode_bit_masks(w.n(), n, r, false, if w.sf() { 64 } else { 32 });
    let Some((wmask, tmask)) = masks else { return Err(Exception::undefined()) };
    let src = s.r(w.rn(), w.sf());
    let rotated = if w.sf() { src.rotate_right(r) } else { u64::from((src as u32).rotate_right(r)) };
    let bot = rotated & wmask;
    let value = match op {
        Op::Ubfm => bot & tmask,
        Op::Sbfm => {
            let top = if src >> (n & 63) & 1 != 0 { u64::MAX } else { 0 };
            top & !tmask | bot & tmask
        }
        _ => {
            let dst = s.r(w.rd(), w.sf());
            let bot = dst & !wmask | bot;
            dst & !tmask | bot & tmask
        }
    };
    s.set_r(w.rd(), w.sf(), value);
    Ok(())
}
