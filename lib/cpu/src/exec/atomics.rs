//! Exclusives, ordered accesses, compare and swap, LSE atomics. Arm manual C3.2.6, C3.2.8 to C3.2.12.
//!
//! Ordering costs nothing here: CPUs take turns on one host thread, and every access is at least as strong as
//! the guest asked for.

use a64::{Op, Word};

use super::ldst::{base, load, load_signed, store};
use crate::Cpu;
use crate::access::{Int, Kind};
use crate::exception::{Exception, Step};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    match op {
        Op::Ldxr | Op::Ldaxr => load_exclusive(cpu, w),
        Op::Stxr | Op::Stlxr => store_exclusive(cpu, w),
        Op::Ldxp | Op::Ldaxp => load_exclusive_pair(cpu, w),
        Op::Stxp | Op::Stlxp => store_exclusive_pair(cpu, w),
        Op::Ldar | Op::Ldlar | Op::Ldapr => {
            let address = base(cpu, w)?;
            let value = load(cpu, w.size(), address, Kind::ORDERED)?;
            cpu.state.set_x(w.rt(), value);
            Ok(())
        }
        Op::Stlr | Op::Stllr => {
            let address = base(cpu, w)?;
            store(cpu, w.size(), address, cpu.state.x(w.rt()), Kind::ORDERED)
        }
        Op::Ldapur => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            let value = load(cpu, w.size(), address, Kind::ORDERED)?;
            cpu.state.set_x(w.rt(), value);
            Ok(())
        }
        Op::Ldapurs => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            let value = load_signed(cpu, w.size(), address, Kind::ORDERED)?;
            cpu.state.set_r(w.rt(), !w.bit(22), value);
            Ok(())
        }
        Op::Stlur => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            store(cpu, w.size(), address, cpu.state.x(w.rt()), Kind::ORDERED)
        }
        Op::Cas => compare_and_swap(cpu, w),
        Op::Casp => compare_and_swap_pair(cpu, w),
        Op::Ldadd => update(cpu, w, |_, old, x| old.wrapping_add(x)),
        Op::Ldclr => update(cpu, w, |_, old, x| old & !x),
        Op::Ldeor => update(cpu, w, |_, old, x| old ^ x),
        Op::Ldset => update(cpu, w, |_, old, x| old | x),
        Op::Ldsmax => {
            update(cpu, w, |bits, old, x| if signed(bits, old) > signed(bits, x) { old } else { x })
        }
        Op::Ldsmin => {
            update(cpu, w, |bits, old, x| if signed(bits, old) < signed(bits, x) { old } else { x })
        }
        Op::Ldumax => update(cpu, w, |_, old, x| old.max(x)),
        Op::Ldumin => update(cpu, w, |_, old, x| old.min(x)),
        Op::Swp => update(cpu, w, |_, _, x| x),
        _ => Err(Exception::undefined()),
    }
}

/// The low `bits` bits as a signed number.
fn signed(bits: u32, value: u64) -> i64 {
    (value << (64 - bits)) as i64 >> (64 - bits)
}

/// An LSE read-modify-write: `f(bits, old, Rs)` is the new value; Rt gets the old one.
#[inline(always)]
fn update(cpu: &mut Cpu, w: Word, f: impl Fn(u32, u64, u64) -> u64) -> Step {
    let address = base(cpu, w)?;
    let x = cpu.state.x(w.rs());
    let old = match w.size() {
        0 => modify::<u8>(cpu, address, x, f)?,
        1 => modify::<u16>(cpu, address, x, f)?,
        2 => modify::<u32>(cpu, address, x, f)?,
        _ => modify::<u64>(cpu, address, x, f)?,
    };
    cpu.state.set_x(w.rt(), old);
    Ok(())
}

#[inline(always)]
fn modify<T: Int>(
    cpu: &mut Cpu,
    address: u64,
    x: u64,
    f: impl Fn(u32, u64, u64) -> u64,
) -> Result<u64, Exception> {
    let x = T::narrow(u128::from(x)).wide() as u64;
    let bits = T::SIZE as u32 * 8;
    let old =
        cpu.atomic::<T>(address, Kind::ATOMIC, |old| T::narrow(u128::from(f(bits, old.wide() as u64, x))))?;
    Ok(old.wide() as u64)
}

fn load_exclusive(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let value = match w.size() {
        0 => u64::from(cpu.load_exclusive::<u8>(address)?),
        1 => u64::from(cpu.load_exclusive::<u16>(address)?),
        2 => u64::from(cpu.load_exclusive::<u32>(address)?),
        _ => cpu.load_exclusive::<u64>(address)?,
    };
    cpu.state.set_x(w.rt(), value);
    Ok(())
}

fn store_exclusive(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let value = cpu.state.x(w.rt());
    let stored = match w.size() {
        0 => cpu.store_exclusive(address, value as u8)?,
        1 => cpu.store_exclusive(address, value as u16)?,
        2 => cpu.store_exclusive(address, value as u32)?,
        _ => cpu.store_exclusive(address, value)?,
    };
    cpu.state.set_x(w.rs(), u64::from(!stored));
    Ok(())
}

/// A pair is one value of twice the size; bit 30 is the 64-bit form.
fn load_exclusive_pair(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let (first, second) = if w.bit(30) {
        let value = cpu.load_exclusive::<u128>(address)?;
        (value as u64, (value >> 64) as u64)
    } else {
        let value = cpu.load_exclusive::<u64>(address)?;
        (value & 0xffff_ffff, value >> 32)
    };
    cpu.state.set_x(w.rt(), first);
    cpu.state.set_x(w.rt2(), second);
    Ok(())
}

fn store_exclusive_pair(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let (first, second) = (cpu.state.x(w.rt()), cpu.state.x(w.rt2()));
    let stored = if w.bit(30) {
        cpu.store_exclusive(address, u128::from(second) << 64 | u128::from(first))?
    } else {
        cpu.store_exclusive(address, second << 32 | first & 0xffff_ffff)?
    };
    cpu.state.set_x(w.rs(), u64::from(!stored));
    Ok(())
}

fn compare_and_swap(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let (old, new) = (cpu.state.x(w.rs()), cpu.state.x(w.rt()));
    let kind = Kind::ATOMIC;
    let was = match w.size() {
        0 => u64::from(cpu.compare_and_swap(address, old as u8, new as u8, kind)?),
        1 => u64::from(cpu.compare_and_swap(address, old as u16, new as u16, kind)?),
        2 => u64::from(cpu.compare_and_swap(address, old as u32, new as u32, kind)?),
        _ => cpu.compare_and_swap(address, old, new, kind)?,
    };
    cpu.state.set_x(w.rs(), was);
    Ok(())
}

/// CASP: Rs and Rt are even, the pairs are (Rs, Rs+1) and (Rt, Rt+1), 31 being the zero register.
fn compare_and_swap_pair(cpu: &mut Cpu, w: Word) -> Step {
    let address = base(cpu, w)?;
    let (rs, rt) = (w.rs(), w.rt());
    let s = &cpu.state;
    let (old, new) = ([s.x(rs), s.x(rs + 1)], [s.x(rt), s.x(rt + 1)]);
    let was = if w.bit(30) {
        let wide = |p: [u64; 2]| u128::from(p[1]) << 64 | u128::from(p[0]);
        let was = cpu.compare_and_swap(address, wide(old), wide(new), Kind::ATOMIC)?;
        [was as u64, (was >> 64) as u64]
    } else {
        let wide = |p: [u64; 2]| p[1] << 32 | p[0] & 0xffff_ffff;
        let was = cpu.compare_and_swap(address, wide(old), wide(new), Kind::ATOMIC)?;
        [was & 0xffff_ffff, was >> 32]
    };
    cpu.state.set_x(rs, was[0]);
    cpu.state.set_x(rs + 1, was[1]);
    Ok(())
}
