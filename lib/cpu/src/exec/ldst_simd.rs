//! Loads and stores of SIMD&FP registers, and of structures (LD1 to LD4, ST1 to ST4). Arm manual C3.2.4, C3.2.13.
//!
//! All loads of an instruction happen before the first register changes.

use a64::{Op, Word};

use super::ldst::{base, register_offset};
use crate::Cpu;
use crate::access::Kind;
use crate::exception::{Exception, Step};

/// Executes one instruction of this group.
pub fn execute(cpu: &mut Cpu, op: Op, w: Word) -> Step {
    match op {
        Op::LdrFpImmUnsigned | Op::StrFpImmUnsigned => {
            let address = base(cpu, w)?.wrapping_add(w.imm12() << scale(w));
            single(cpu, w, address)
        }
        Op::LdurFp | Op::SturFp => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            single(cpu, w, address)
        }
        Op::LdrFpImmPre | Op::StrFpImmPre => {
            let address = base(cpu, w)?.wrapping_add_signed(w.simm9());
            single(cpu, w, address)?;
            cpu.state.set_xsp(w.rn(), address);
            Ok(())
        }
        Op::LdrFpImmPost | Op::StrFpImmPost => {
            let address = base(cpu, w)?;
            single(cpu, w, address)?;
            cpu.state.set_xsp(w.rn(), address.wrapping_add_signed(w.simm9()));
            Ok(())
        }
        Op::LdrFpReg | Op::StrFpReg => {
            let address = base(cpu, w)?.wrapping_add(register_offset(&cpu.state, w, scale(w)));
            single(cpu, w, address)
        }
        Op::LdrFpLiteral => {
            let address = cpu.state.pc.wrapping_add_signed(w.simm19());
            let value = load(cpu, w.size() + 2, address)?;
            cpu.state.set_q(w.rt(), value);
            Ok(())
        }
        Op::LdpFpOffset | Op::LdpFpPre | Op::LdpFpPost | Op::LdnpFp => pair(cpu, w, true),
        Op::StpFpOffset | Op::StpFpPre | Op::StpFpPost | Op::StnpFp => pair(cpu, w, false),
        Op::LdStructMultiple | Op::StStructMultiple => multiple(cpu, w),
        Op::LdStructSingle | Op::StStructSingle => one_lane(cpu, w),
        Op::LdStructReplicate => replicate(cpu, w),
        _ => Err(Exception::undefined()),
    }
}

/// log2 of the bytes of a single register: opc<1>:size.
#[inline(always)]
fn scale(w: Word) -> u32 {
    w.bits(23, 23) << 2 | w.size()
}

/// Loads 1 << `scale` bytes, zero-extended.
#[inline(always)]
fn load(cpu: &mut Cpu, scale: u32, address: u64) -> Result<u128, Exception> {
    Ok(match scale {
        0 => u128::from(cpu.load::<u8>(address, Kind::NORMAL)?),
        1 => u128::from(cpu.load::<u16>(address, Kind::NORMAL)?),
        2 => u128::from(cpu.load::<u32>(address, Kind::NORMAL)?),
        3 => u128::from(cpu.load::<u64>(address, Kind::NORMAL)?),
        _ => cpu.load::<u128>(address, Kind::NORMAL)?,
    })
}

/// Stores the low 1 << `scale` bytes of `value`.
#[inline(always)]
fn store(cpu: &mut Cpu, scale: u32, address: u64, value: u128) -> Step {
    match scale {
        0 => cpu.store(address, value as u8, Kind::NORMAL),
        1 => cpu.store(address, value as u16, Kind::NORMAL),
        2 => cpu.store(address, value as u32, Kind::NORMAL),
        3 => cpu.store(address, value as u64, Kind::NORMAL),
        _ => cpu.store(address, value, Kind::NORMAL),
    }
}

#[inline(always)]
fn single(cpu: &mut Cpu, w: Word, address: u64) -> Step {
    if w.bit(22) {
        let value = load(cpu, scale(w), address)?;
        cpu.state.set_q(w.rt(), value);
        Ok(())
    } else {
        store(cpu, scale(w), address, cpu.state.q(w.rt()))
    }
}

/// Pairs: opc (bits 31:30) is 0 for S, 1 for D, 2 for Q registers; bits 24:23 as for general registers.
fn pair(cpu: &mut Cpu, w: Word, is_load: bool) -> Step {
    let scale = w.size() + 2;
    let start = base(cpu, w)?;
    let moved = start.wrapping_add_signed(w.simm7() << scale);
    let address = if w.bits(24, 23) == 1 { start } else { moved };
    let next = address.wrapping_add(1 << scale);
    if is_load {
        let first = load(cpu, scale, address)?;
        let second = load(cpu, scale, next)?;
        cpu.state.set_q(w.rt(), first);
        cpu.state.set_q(w.rt2(), second);
    } else {
        store(cpu, scale, address, cpu.state.q(w.rt()))?;
        store(cpu, scale, next, cpu.state.q(w.rt2()))?;
    }
    if w.bit(23) {
        cpu.state.set_xsp(w.rn(), moved);
    }
    Ok(())
}

/// Write-back of the post-indexed forms (bit 23): by Rm, or by the bytes transferred when Rm is 31.
fn write_back(cpu: &mut Cpu, w: Word, start: u64, bytes: u64) {
    if w.bit(23) {
        let by = if w.rm() == 31 { bytes } else { cpu.state.x(w.rm()) };
        cpu.state.set_xsp(w.rn(), start.wrapping_add(by));
    }
}

/// Whole structures: `selem` registers of interleaved elements, or `rpt` registers one after another.
fn multiple(cpu: &mut Cpu, w: Word) -> Step {
    let (rpt, selem) = match w.bits(15, 12) {
        0b0000 => (1, 4),
        0b0010 => (4, 1),
        0b0100 => (1, 3),
        0b0110 => (3, 1),
        0b0111 => (1, 1),
        0b1000 => (1, 2),
        0b1010 => (2, 1),
        _ => return Err(Exception::undefined()),
    };
    let is_load = w.bit(22);
    let start = base(cpu, w)?;
    let width = if w.q() { 16 } else { 8 };
    let count = rpt * selem;
    let mut regs = [0u128; 4];
    if !is_load {
        for (i, reg) in regs.iter_mut().enumerate().take(count) {
            *reg = cpu.state.q(w.rt() + i);
        }
    }
    // Registers that are contiguous in memory move whole, unless the address is not even aligned for that: an
    // alignment check would be of elements.
    let whole = selem == 1 && start.is_multiple_of(width);
    let step = if whole { if w.q() { 4 } else { 3 } } else { w.bits(11, 10) };
    let bytes = 1u64 << step;
    let mut address = start;
    for r in 0..rpt {
        for e in 0..width / bytes {
            for s in 0..selem {
                let Some(reg) = regs.get_mut(r + s) else { return Err(Exception::undefined()) };
                let at = (e * bytes * 8) as u32;
                if is_load {
                    *reg |= load(cpu, step, address)? << at;
                } else {
                    store(cpu, step, address, *reg >> at)?;
                }
                address = address.wrapping_add(bytes);
            }
        }
    }
    if is_load {
        for (i, reg) in regs.into_iter().enumerate().take(count) {
            cpu.state.set_q(w.rt() + i, reg);
        }
    }
    write_back(cpu, w, start, width * count as u64);
    Ok(())
}

/// One lane of `selem` registers; the other lanes stay.
fn one_lane(cpu: &mut Cpu, w: Word) -> Step {
    let selem = (w.bits(13, 13) << 1 | w.bits(21, 21)) as usize + 1;
    let (q, s, size) = (w.bits(30, 30), w.bits(12, 12), w.bits(11, 10));
    let (step, index) = match w.bits(15, 14) {
        0 => (0, q << 3 | s << 2 | size),
        1 => (1, q << 2 | s << 1 | size >> 1),
        _ if size & 1 == 0 => (2, q << 1 | s),
        _ => (3, q),
    };
    let bytes = 1u64 << step;
    let at = (index * 8) << step;
    let start = base(cpu, w)?;
    let mut lanes = [0u128; 4];
    let mut address = start;
    for (i, lane) in lanes.iter_mut().enumerate().take(selem) {
        if w.bit(22) {
            *lane = load(cpu, step, address)?;
        } else {
            store(cpu, step, address, cpu.state.q(w.rt() + i) >> at)?;
        }
        address = address.wrapping_add(bytes);
    }
    if w.bit(22) {
        let mask = (u128::MAX >> (128 - 8 * bytes)) << at;
        for (i, lane) in lanes.into_iter().enumerate().take(selem) {
            let kept = cpu.state.q(w.rt() + i) & !mask;
            cpu.state.set_q(w.rt() + i, kept | lane << at);
        }
    }
    write_back(cpu, w, start, bytes * selem as u64);
    Ok(())
}

/// LD1R to LD4R: one element to all lanes of each register.
fn replicate(cpu: &mut Cpu, w: Word) -> Step {
    let selem = (w.bits(13, 13) << 1 | w.bits(21, 21)) as usize + 1;
    let step = w.bits(11, 10);
    let bytes = 1u64 << step;
    let start = base(cpu, w)?;
    let mut values = [0u128; 4];
    let mut address = start;
    for value in values.iter_mut().take(selem) {
        *value = load(cpu, step, address)?;
        address = address.wrapping_add(bytes);
    }
    for (i, mut value) in values.into_iter().enumerate().take(selem) {
        let mut bits = 8 * bytes as u32;
        while bits < if w.q() { 128 } else { 64 } {
            value |= value << bits;
            bits *= 2;
        }
        cpu.state.set_q(w.rt() + i, value);
    }
    write_back(cpu, w, start, bytes * selem as u64);
    Ok(())
}
