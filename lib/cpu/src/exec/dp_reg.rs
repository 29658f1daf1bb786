//! Data processing with registers. Arm manual C4.1.95, C3.5.

use a64::{Op, Word};

use super::alu::{add_with_carry, extend, logic_flags, shift};
use super::crc::{crc32, crc32c};
use super::pauth;
use crate::exception::Step;
use crate::{Cpu, State};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    let s = &mut cpu.state;
    let sf = w.sf();
    match op {
        Op::AddShift => s.set_r(w.rd(), sf, s.x(w.rn()).wrapping_add(shifted(s, w))),
        Op::SubShift => s.set_r(w.rd(), sf, s.x(w.rn()).wrapping_sub(shifted(s, w))),
        Op::AddsShift => flags(s, w, add_with_carry(sf, s.x(w.rn()), shifted(s, w), false)),
        Op::SubsShift => flags(s, w, add_with_carry(sf, s.x(w.rn()), !shifted(s, w), true)),
        Op::AndShift => s.set_r(w.rd(), sf, s.x(w.rn()) & shifted(s, w)),
        Op::BicShift => s.set_r(w.rd(), sf, s.x(w.rn()) & !shifted(s, w)),
        Op::OrrShift => s.set_r(w.rd(), sf, s.x(w.rn()) | shifted(s, w)),
        Op::OrnShift => s.set_r(w.rd(), sf, s.x(w.rn()) | !shifted(s, w)),
        Op::EorShift => s.set_r(w.rd(), sf, s.x(w.rn()) ^ shifted(s, w)),
        Op::EonShift => s.set_r(w.rd(), sf, s.x(w.rn()) ^ !shifted(s, w)),
        Op::AndsShift => ands(s, w, shifted(s, w)),
        Op::BicsShift => ands(s, w, !shifted(s, w)),
        Op::AddExt => set_sp(s, w, s.xsp(w.rn()).wrapping_add(extended(s, w))),
        Op::SubExt => set_sp(s, w, s.xsp(w.rn()).wrapping_sub(extended(s, w))),
        Op::AddsExt => flags(s, w, add_with_carry(sf, s.xsp(w.rn()), extended(s, w), false)),
        Op::SubsExt => flags(s, w, add_with_carry(sf, s.xsp(w.rn()), !extended(s, w), true)),
        Op::Adc => s.set_r(w.rd(), sf, add_with_carry(sf, s.x(w.rn()), s.x(w.rm()), s.carry()).0),
        Op::Sbc => s.set_r(w.rd(), sf, add_with_carry(sf, s.x(w.rn()), !s.x(w.rm()), s.carry()).0),
        Op::Adcs => flags(s, w, add_with_carry(sf, s.x(w.rn()), s.x(w.rm()), s.carry())),
        Op::Sbcs => flags(s, w, add_with_carry(sf, s.x(w.rn()), !s.x(w.rm()), s.carry())),
        Op::CcmnReg => compare(s, w, s.x(w.rm()), false),
        Op::CcmpReg => compare(s, w, !s.x(w.rm()), true),
        Op::CcmnImm => compare(s, w, w.rm() as u64, false),
        Op::CcmpImm => compare(s, w, !(w.rm() as u64), true),
        Op::Csel => select(s, w, |x| x),
        Op::Csinc => select(s, w, |x| x.wrapping_add(1)),
        Op::Csinv => select(s, w, |x| !x),
        Op::Csneg => select(s, w, u64::wrapping_neg),
        Op::Rmif | Op::Setf8 | Op::Setf16 | Op::Cfinv | Op::Xaflag | Op::Axflag => flag_ops(s, op, w),
        Op::Udiv | Op::Sdiv => s.set_r(w.rd(), sf, divide(op, sf, s.r(w.rn(), sf), s.r(w.rm(), sf))),
        Op::Lslv => s.set_r(w.rd(), sf, shift(sf, s.x(w.rn()), 0, s.x(w.rm()) as u32)),
        Op::Lsrv => s.set_r(w.rd(), sf, shift(sf, s.x(w.rn()), 1, s.x(w.rm()) as u32)),
        Op::Asrv => s.set_r(w.rd(), sf, shift(sf, s.x(w.rn()), 2, s.x(w.rm()) as u32)),
        Op::Rorv => s.set_r(w.rd(), sf, shift(sf, s.x(w.rn()), 3, s.x(w.rm()) as u32)),
        Op::Crc32b | Op::Crc32h | Op::Crc32w | Op::Crc32x => {
            s.set_w(w.rd(), crc32(s.w(w.rn()), s.x(w.rm()), 1 << w.bits(11, 10)));
        }
        Op::Crc32cb | Op::Crc32ch | Op::Crc32cw | Op::Crc32cx => {
            s.set_w(w.rd(), crc32c(s.w(w.rn()), s.x(w.rm()), 1 << w.bits(11, 10)));
        }
        Op::Madd => s.set_r(w.rd(), sf, s.x(w.ra()).wrapping_add(s.x(w.rn()).wrapping_mul(s.x(w.rm())))),
        Op::Msub => s.set_r(w.rd(), sf, s.x(w.ra()).wrapping_sub(s.x(w.rn()).wrapping_mul(s.x(w.rm())))),
        Op::Smaddl => s.set_x(w.rd(), s.x(w.ra()).wrapping_add(signed_product(s, w))),
        Op::Smsubl => s.set_x(w.rd(), s.x(w.ra()).wrapping_sub(signed_product(s, w))),
        Op::Umaddl => s.set_x(w.rd(), s.x(w.ra()).wrapping_add(product(s, w))),
        Op::Umsubl => s.set_x(w.rd(), s.x(w.ra()).wrapping_sub(product(s, w))),
        Op::Smulh => {
            let product = i128::from(s.x(w.rn()) as i64) * i128::from(s.x(w.rm()) as i64);
            s.set_x(w.rd(), (product >> 64) as u64);
        }
        Op::Umulh => {
            let product = u128::from(s.x(w.rn())) * u128::from(s.x(w.rm()));
            s.set_x(w.rd(), (product >> 64) as u64);
        }
        Op::Rbit | Op::Rev16 | Op::Rev32 | Op::Rev | Op::Clz | Op::Cls => one_source(s, op, w),
        _ => return pauth::execute(cpu, op, w),
    }
    Ok(())
}

#[inline(always)]
fn shifted(s: &State, w: Word) -> u64 {
    shift(w.sf(), s.x(w.rm()), w.bits(23, 22), w.imms())
}

#[inline(always)]
fn extended(s: &State, w: Word) -> u64 {
    extend(s.x(w.rm()), w.option(), w.bits(12, 10))
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

#[inline(always)]
fn ands(s: &mut State, w: Word, operand: u64) {
    let value = s.x(w.rn()) & operand;
    s.nzcv = logic_flags(w.sf(), value);
    s.set_r(w.rd(), w.sf(), value);
}

/// Conditional compare: the flags of a sum, or the literal ones when the condition fails.
#[inline(always)]
fn compare(s: &mut State, w: Word, operand: u64, carry: bool) {
    s.nzcv = if s.holds(w.cond()) {
        add_with_carry(w.sf(), s.x(w.rn()), operand, carry).1
    } else {
        w.nzcv() << 28
    };
}

#[inline(always)]
fn select(s: &mut State, w: Word, otherwise: impl Fn(u64) -> u64) {
    let value = if s.holds(w.cond()) { s.x(w.rn()) } else { otherwise(s.x(w.rm())) };
    s.set_r(w.rd(), w.sf(), value);
}

/// UDIV and SDIV: division by zero gives zero, the overflowing quotient wraps.
fn divide(op: Op, sf: bool, a: u64, b: u64) -> u64 {
    if b == 0 {
        return 0;
    }
    match (op == Op::Sdiv, sf) {
        (false, _) => a / b,
        (true, true) => (a as i64).wrapping_div(b as i64) as u64,
        (true, false) => u64::from((a as i32).wrapping_div(b as i32) as u32),
    }
}

#[inline(always)]
fn product(s: &State, w: Word) -> u64 {
    u64::from(s.w(w.rn())) * u64::from(s.w(w.rm()))
}

#[inline(always)]
fn signed_product(s: &State, w: Word) -> u64 {
    (i64::from(s.w(w.rn()) as i32) * i64::from(s.w(w.rm()) as i32)) as u64
}

fn one_source(s: &mut State, op: Op, w: Word) {
    let x = s.r(w.rn(), w.sf());
    let value = match (op, w.sf()) {
        (Op::Rbit, true) => x.reverse_bits(),
        (Op::Rbit, false) => u64::from((x as u32).reverse_bits()),
        (Op::Rev16, _) => x >> 8 & 0x00ff_00ff_00ff_00ff | (x & 0x00ff_00ff_00ff_00ff) << 8,
        (Op::Rev32, _) => x.swap_bytes().rotate_right(32),
        (Op::Rev, true) => x.swap_bytes(),
        (Op::Rev, false) => u64::from((x as u32).swap_bytes()),
        (Op::Clz, true) => u64::from(x.leading_zeros()),
        (Op::Clz, false) => u64::from((x as u32).leading_zeros()),
        (_, true) => u64::from((x ^ (x as i64 >> 1) as u64).leading_zeros() - 1),
        (_, false) => {
            let x = x as u32;
            u64::from((x ^ (x as i32 >> 1) as u32).leading_zeros() - 1)
        }
    };
    s.set_r(w.rd(), w.sf(), value);
}

/// FEAT_FlagM and FEAT_FlagM2.
fn flag_ops(s: &mut State, op: Op, w: Word) {
    let bit = |n: u32| s.nzcv >> n & 1 != 0;
    let (z, c, v) = (bit(30), bit(29), bit(28));
    match op {
        Op::Cfinv => s.nzcv ^= 1 << 29,
        Op::Xaflag => s.set_nzcv(!c && !z, z && c, c || z, !c && z),
        Op::Axflag => s.set_nzcv(false, z || v, c && !v, false),
        Op::Rmif => {
            let value = s.x(w.rn()).rotate_right(w.bits(20, 15)) as u32;
            let mask = w.nzcv();
            s.nzcv = s.nzcv & !(mask << 28) | (value & mask) << 28;
        }
        _ => {
            let top = if op == Op::Setf8 { 7 } else { 15 };
            let x = s.w(w.rn());
            let (n, next) = (x >> top & 1, x >> (top + 1) & 1);
            let zero = x & ((2 << top) - 1) == 0;
            s.set_nzcv(n != 0, zero, c, n != next);
        }
    }
}
