//! Loads and stores of general registers. Arm manual C4.1.96, C3.2.
//!
//! The base register is written back after the access, so a fault leaves it alone. Write-back to a register that is
//! also loaded is CONSTRAINED UNPREDICTABLE: the address wins, as in QEMU.

use a64::{Op, Word};

use super::alu::extend;
use super::pauth::{self, Key};
use crate::access::Kind;
use crate::exception::{Exception, Step};
use crate::{Cpu, State};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    match op {
        Op::LdrImmUnsigned | Op::StrImmUnsigned | Op::LdrsImmUnsigned => {
            let address = base(cpu, w)?.wrapping_add(w.imm12() << w.size());
            single(cpu, w, address, Kind::NORMAL)
        }
        Op::Ldur | Op::Stur | Op::Ldurs => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            single(cpu, w, address, Kind::NORMAL)
        }
        Op::LdrImmPre | Op::StrImmPre | Op::LdrsImmPre => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            single(cpu, w, address, Kind::NORMAL)?;
            cpu.state.set_xsp(w.rn(), address);
            Ok(())
        }
        Op::LdrImmPost | Op::StrImmPost | Op::LdrsImmPost => {
            let address = base(cpu, w)?;
            single(cpu, w, address, Kind::NORMAL)?;
            cpu.state.set_xsp(w.rn(), address.wrapping_add_signed(w.simm9()));
            Ok(())
        }
        Op::LdrReg | Op::StrReg | Op::LdrsReg => {
            let address = base(cpu, w)?.wrapping_add(register_offset(&cpu.state, w, w.size()));
            single(cpu, w, address, Kind::NORMAL)
        }
        Op::Ldtr | Op::Sttr | Op::Ldtrs => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            single(cpu, w, address, Kind::UNPRIVILEGED)
        }
        Op::LdpOffset | Op::LdpPre | Op::LdpPost | Op::Ldnp => pair(cpu, w, load_pair),
        Op::LdpswOffset | Op::LdpswPre | Op::LdpswPost => pair(cpu, w, load_pair_signed),
        Op::StpOffset | Op::StpPre | Op::StpPost | Op::Stnp => pair(cpu, w, store_pair),
        Op::LdrLiteral => {
            let address = cpu.state.pc.wrapping_add_signed(w.simm19());
            let value = if w.bit(30) {
                cpu.load::<u64>(address, Kind::NORMAL)?
            } else {
                u64::from(cpu.load::<u32>(address, Kind::NORMAL)?)
            };
            cpu.state.set_x(w.rt(), value);
            Ok(())
        }
        Op::LdrsLiteral => {
            let address = cpu.state.pc.wrapping_add_signed(w.simm19());
            let value = cpu.load::<u32>(address, Kind::NORMAL)?;
            cpu.state.set_x(w.rt(), value as i32 as u64);
            Ok(())
        }
        Op::Ldraa | Op::Ldrab => load_authenticated(cpu, op, w),
        // Prefetches are hints; they do not even check their base register.
        Op::PrfmImm | Op::PrfmReg | Op::PrfmLiteral | Op::Prfum => Ok(()),
        _ => Err(Exception::undefined()),
    }
}

/// The base register, with the alignment check of SP.
#[inline(always)]
pub(super) fn base(cpu: &Cpu, w: Word) -> Result<u64, Exception> {
    cpu.check_sp(w.rn())?;
    Ok(cpu.state.xsp(w.rn()))
}

/// The offset of the register forms: Rm extended by option, shifted by `scale` when S (bit 12) is set.
#[inline(always)]
pub(super) fn register_offset(s: &State, w: Word, scale: u32) -> u64 {
    extend(s.x(w.rm()), w.option(), if w.bit(12) { scale } else { 0 })
}

/// One register at `address`. Stores have bits 23:22 = 00, plain loads 01, sign-extending loads 10 (to 64 bits) and
/// 11 (to 32 bits), in all forms but the atomic ones.
#[inline(always)]
fn single(cpu: &mut Cpu, w: Word, address: u64, kind: Kind) -> Step {
    match w.bits(23, 22) {
        0 => store(cpu, w.size(), address, cpu.state.x(w.rt()), kind),
        1 => {
            let value = load(cpu, w.size(), address, kind)?;
            cpu.state.set_x(w.rt(), value);
            Ok(())
        }
        opc => {
            let value = load_signed(cpu, w.size(), address, kind)?;
            cpu.state.set_r(w.rt(), opc == 2, value);
            Ok(())
        }
    }
}

/// Loads 1 << `size` bytes, zero-extended.
#[inline(always)]
pub(super) fn load(cpu: &mut Cpu, size: u32, address: u64, kind: Kind) -> Result<u64, Exception> {
    Ok(match size {
        0 => u64::from(cpu.load::<u8>(address, kind)?),
        1 => u64::from(cpu.load::<u16>(address, kind)?),
        2 => u64::from(cpu.load::<u32>(address, kind)?),
        _ => cpu.load::<u64>(address, kind)?,
    })
}

/// Loads 1 << `size` bytes, sign-extended to 64 bits.
#[inline(always)]
pub(super) fn load_signed(cpu: &mut Cpu, size: u32, address: u64, kind: Kind) -> Result<u64, Exception> {
    Ok(match size {
        0 => cpu.load::<u8>(address, kind)? as i8 as u64,
        1 => cpu.load::<u16>(address, kind)? as i16 as u64,
        _ => cpu.load::<u32>(address, kind)? as i32 as u64,
    })
}

/// Stores the low 1 << `size` bytes of `value`.
#[inline(always)]
pub(super) fn store(cpu: &mut Cpu, size: u32, address: u64, value: u64, kind: Kind) -> Step {
    match size {
        0 => cpu.store(address, value as u8, kind),
        1 => cpu.store(address, value as u16, kind),
        2 => cpu.store(address, value as u32, kind),
        _ => cpu.store(address, value, kind),
    }
}

/// A pair: bits 24:23 are 00 no-allocate, 01 post-index, 10 offset, 11 pre-index; bit 31 is the 64-bit form
/// (LDPSW, which transfers words, has 01 in bits 31:30).
#[inline(always)]
fn pair(cpu: &mut Cpu, w: Word, access: fn(&mut Cpu, Word, u64) -> Step) -> Step {
    let start = base(cpu, w)?;
    let moved = start.wrapping_add_signed(w.simm7() << if w.bit(31) { 3 } else { 2 });
    let post = w.bits(24, 23) == 1;
    access(cpu, w, if post { start } else { moved })?;
    if w.bit(23) {
        cpu.state.set_xsp(w.rn(), moved);
    }
    Ok(())
}

/// Both loads happen before the first register changes.
fn load_pair(cpu: &mut Cpu, w: Word, address: u64) -> Step {
    let (first, second) = if w.bit(31) {
        let first = cpu.load::<u64>(address, Kind::NORMAL)?;
        (first, cpu.load::<u64>(address.wrapping_add(8), Kind::NORMAL)?)
    } else {
        let first = cpu.load::<u32>(address, Kind::NORMAL)?;
        (u64::from(first), u64::from(cpu.load::<u32>(address.wrapping_add(4), Kind::NORMAL)?))
    };
    cpu.state.set_x(w.rt(), first);
    cpu.state.set_x(w.rt2(), second);
    Ok(())
}

fn load_pair_signed(cpu: &mut Cpu, w: Word, address: u64) -> Step {
    let first = cpu.load::<u32>(address, Kind::NORMAL)?;
    let second = cpu.load::<u32>(address.wrapping_add(4), Kind::NORMAL)?;
    cpu.state.set_x(w.rt(), first as i32 as u64);
    cpu.state.set_x(w.rt2(), second as i32 as u64);
    Ok(())
}

fn store_pair(cpu: &mut Cpu, w: Word, address: u64) -> Step {
    let (first, second) = (cpu.state.x(w.rt()), cpu.state.x(w.rt2()));
    if w.bit(31) {
        cpu.store(address, first, Kind::NORMAL)?;
        cpu.store(address.wrapping_add(8), second, Kind::NORMAL)
    } else {
        cpu.store(address, first as u32, Kind::NORMAL)?;
        cpu.store(address.wrapping_add(4), second as u32, Kind::NORMAL)
    }
}

/// LDRAA and LDRAB: the base is authenticated with modifier zero; the write-back form (bit 11) keeps the result.
fn load_authenticated(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    pauth::require(cpu)?;
    let key = if op == Op::Ldrab { Key::Db } else { Key::Da };
    let pointer = base(cpu, w)?;
    let offset = (w.sbits(22, 22) << 9 | i64::from(w.bits(20, 12))) << 3;
    let address = pauth::auth(cpu, pointer, 0, key, true)?.wrapping_add_signed(offset);
    let value = cpu.load::<u64>(address, Kind::NORMAL)?;
    cpu.state.set_x(w.rt(), value);
    if w.bit(11) {
        cpu.state.set_xsp(w.rn(), address);
    }
    Ok(())
}
