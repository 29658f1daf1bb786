//! Registers, memory and instructions as text, for a prompt or a log.
//!
//! Everything here looks and changes nothing, not even a device register: memory means RAM.

use std::fmt::Write;

use cpu::Cpu;
use cpu::mmu::walk::{Intent, Regime};
use mem::{Memory, Size};

use crate::Symbols;

/// Most bytes that one dump shows.
const MOST_BYTES: u64 = 4096;
/// Most instructions that one listing shows.
const MOST_INSTRUCTIONS: u64 = 256;
/// Most frames that a backtrace shows.
const MOST_FRAMES: usize = 64;

/// The physical address of `va` as a debugger wants it: in the current translation regime, permissions aside, or else in
/// that of EL1 and EL0, so that a kernel can be read while a hypervisor or a monitor runs. None: unmapped.
pub fn translate(cpu: &Cpu, va: u64) -> Option<u64> {
    cpu.debug_translate(va).or_else(|| {
        let other = cpu.regime() != Regime::El10;
        let leaf = other.then(|| cpu.walker().look_up(va, Regime::El10, false, Intent::Read).ok()).flatten();
        leaf.map(|leaf| leaf.pa)
    })
}

/// Calls `part` for each piece of `[va, va + len)` that lies in one page of 4 KiB (no translation is finer), with its physical
/// address, offset and length, until it or the translation fails. Returns the bytes done.
fn each_piece(cpu: &Cpu, va: u64, len: usize, mut part: impl FnMut(u64, usize, usize) -> bool) -> usize {
    let mut done = 0;
    while done < len {
        let Some(at) = va.checked_add(done as u64) else { break };
        let piece = (4096 - (at & 4095) as usize).min(len - done);
        let Some(pa) = translate(cpu, at) else { break };
        if !part(pa, done, piece) {
            break;
        }
        done += piece;
    }
    done
}

/// Reads guest memory at a virtual address. Returns how many bytes could be read: up to the first that is unmapped or not RAM.
pub fn read(cpu: &Cpu, va: u64, into: &mut [u8]) -> usize {
    let memory = cpu.io.bus.memory();
    each_piece(cpu, va, into.len(), |pa, at, len| {
        into.get_mut(at..at + len).is_some_and(|bytes| memory.read_bytes(pa, bytes).is_ok())
    })
}

/// Writes guest memory at a virtual address, all or nothing; false when part of it is unmapped or not RAM.
pub fn write(cpu: &Cpu, va: u64, bytes: &[u8]) -> bool {
    let memory = cpu.io.bus.memory();
    let all = |done| done == bytes.len();
    all(each_piece(cpu, va, bytes.len(), |pa, _, len| memory.contains(pa, len as u64)))
        && all(each_piece(cpu, va, bytes.len(), |pa, at, len| {
            bytes.get(at..at + len).is_some_and(|part| memory.write_bytes(pa, part).is_ok())
        }))
}

/// The registers of a CPU, as a table.
pub fn registers(cpu: &Cpu) -> String {
    let mut out = String::new();
    let s = &cpu.state;
    for row in 0..8 {
        for n in (row * 4)..(row * 4 + 4) {
            let name = if n == 31 { "sp".into() } else { format!("x{n}") };
            // Writing to a String cannot fail; so below.
            let _ = write!(out, "{name:>4} {:016x}", s.x.get(n).copied().unwrap_or(0));
        }
        out.push('\n');
    }
    let flag = |bit: u32, on: char| if s.nzcv >> bit & 1 != 0 { on } else { '-' };
    let _ = writeln!(
        out,
        "  pc {:016x}  EL{}{} {}{}{}{} daif {:x}  {} instructions",
        s.pc,
        s.el,
        if s.spsel == 0 { 't' } else { 'h' },
        flag(31, 'N'),
        flag(30, 'Z'),
        flag(29, 'C'),
        flag(28, 'V'),
        s.daif >> 6,
        s.instructions
    );
    for el in 1..=3usize.min(cpu.model.highest().into()) {
        let at = |values: &[u64]| values.get(el).copied().unwrap_or(0);
        let sys = &cpu.sys;
        let _ = writeln!(
            out,
            "EL{el}: SCTLR {:x} TCR {:x} TTBR0 {:x} TTBR1 {:x} VBAR {:x}\n     ELR {:x} SPSR {:x} ESR {:x} FAR {:x}",
            at(&sys.sctlr),
            at(&sys.tcr),
            at(&sys.ttbr0),
            at(&sys.ttbr1),
            at(&sys.vbar),
            at(&sys.elr),
            at(&sys.spsr),
            at(&sys.esr),
            at(&sys.far)
        );
    }
    out
}

/// The FP and SIMD registers of a CPU.
pub fn vectors(cpu: &Cpu) -> String {
    let mut out = String::new();
    for (n, v) in cpu.state.v.iter().enumerate() {
        let _ = writeln!(out, "{:>4} {v:032x}", format!("v{n}"));
    }
    let _ = writeln!(out, "fpcr {:08x}  fpsr {:08x}", cpu.state.fpcr, cpu.state.fpsr);
    out
}

/// The system registers that a debugger sees.
pub fn system_registers(cpu: &Cpu) -> String {
    let mut out = String::new();
    for r in crate::system::REGISTERS {
        let _ = writeln!(out, "{:<16} {:016x}", r.name, r.value(cpu));
    }
    out
}

fn dump(start: u64, len: u64, byte: impl Fn(u64) -> Option<u64>) -> String {
    let mut out = String::new();
    let len = len.min(MOST_BYTES);
    for row in 0..len.div_ceil(16) {
        let first = start.wrapping_add(row * 16);
        let _ = write!(out, "{first:016x} ");
        let mut text = String::new();
        for n in 0..16.min(len - row * 16) {
            match byte(first.wrapping_add(n)).and_then(|b| u8::try_from(b).ok()) {
                Some(b) => {
                    let _ = write!(out, " {b:02x}");
                    text.push(if (b' '..=b'~').contains(&b) { char::from(b) } else { '.' });
                }
                None => out.push_str(" ??"),
            }
        }
        let _ = writeln!(out, "  {text}");
    }
    out
}

/// Memory at a virtual address, as `cpu` sees it; `??` is not RAM.
pub fn memory(cpu: &Cpu, va: u64, len: u64) -> String {
    dump(va, len, |at| cpu.io.bus.memory().read(translate(cpu, at)?, Size::Byte))
}

/// Memory at a physical address.
pub fn physical(memory: &Memory, pa: u64, len: u64) -> String {
    dump(pa, len, |at| memory.read(at, Size::Byte))
}

/// `count` instructions from `va` on; the one at pc is marked.
pub fn disassembly(cpu: &Cpu, va: u64, count: u64, symbols: &Symbols) -> String {
    let mut out = String::new();
    for n in 0..count.min(MOST_INSTRUCTIONS) {
        let at = va.wrapping_add(n * 4);
        if let Some(name) = symbols.exactly(at) {
            let _ = writeln!(out, "{name}:");
        }
        let mark = if at == cpu.state.pc { "=>" } else { "  " };
        let mut word = [0; 4];
        if read(cpu, at, &mut word) < 4 {
            let _ = writeln!(out, "{mark} {at:016x}  ????????");
            break;
        }
        let word = u32::from_le_bytes(word);
        let _ = writeln!(out, "{mark} {at:016x}  {word:08x}  {}", a64::disassemble(word, at));
    }
    out
}

/// The calls that led to pc, by frame pointers (AAPCS64 6.4.6: X29 points to the caller's X29 and return address).
/// Signatures of pointer authentication are taken off.
pub fn backtrace(cpu: &Cpu, symbols: &Symbols) -> String {
    let mut out = String::new();
    let mut line = |n: usize, pc: u64, what: &str| {
        let _ = writeln!(out, "{n:>3} {pc:016x} {}{what}", symbols.near(pc));
    };
    line(0, cpu.state.pc, "");
    line(1, strip(cpu, cpu.state.x(30)), " (x30)");
    let mut frame = strip(cpu, cpu.state.x(29));
    for n in 2..MOST_FRAMES {
        let mut record = [0; 16];
        if frame == 0 || frame & 7 != 0 || read(cpu, frame, &mut record) < 16 {
            break;
        }
        let (next, back) = record.split_at(8);
        let word = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).unwrap_or(0);
        let back = strip(cpu, word(back));
        if back == 0 {
            break;
        }
        line(n, back, "");
        let next = strip(cpu, word(next));
        // Stacks grow down: a frame that is not above the last is damage, or another stack's beginning.
        if next <= frame {
            break;
        }
        frame = next;
    }
    out
}

/// Bits of a virtual address that are not signature or tag, in the half of `va`.
pub fn address_bits(cpu: &Cpu, va: u64) -> u32 {
    if !cpu.walker().stage1_on(cpu.regime()) {
        return 64;
    }
    64 - cpu.walker().half(cpu.regime(), va).tsz.clamp(16, 48)
}

/// `pointer` without signature or tag.
pub fn strip(cpu: &Cpu, pointer: u64) -> u64 {
    let bits = address_bits(cpu, pointer);
    let mask = if bits >= 64 { 0 } else { u64::MAX << bits };
    if pointer >> 55 & 1 != 0 { pointer | mask } else { pointer & !mask }
}
