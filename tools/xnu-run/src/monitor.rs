//! The monitor: what one types after Ctrl-A c. It looks and changes nothing.

use std::fmt::Write as _;
use std::io::{self, Write};

use machine::Machine;

/// Most bytes that one `x` shows.
const MOST: u64 = 4096;

const HELP: &str = "\
registers [CPU]      general registers, PSTATE, exception registers
x ADDRESS [LENGTH]   memory at a virtual address of CPU 0's current context
xp ADDRESS [LENGTH]  memory at a physical address
map                  what is where in the physical address space
census               registers touched that no device has
cpus                 state of all CPUs
cont                 back to the guest
quit                 end the machine
";

/// Reads commands from standard input until one leads back. True: end the machine.
pub fn run(machine: &Machine) -> bool {
    let mut line = String::new();
    loop {
        print!("\nxnu-run> ");
        // Prompts that cannot be written are nobody's loss.
        let _ = io::stdout().flush();
        line.clear();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
        match line.trim() {
            "" => {}
            "cont" | "c" => return false,
            "quit" | "q" => return true,
            command => print!("{}", answer(machine, command)),
        }
    }
}

/// The answer to a command.
pub fn answer(machine: &Machine, command: &str) -> String {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let numbers: Option<Vec<u64>> = words.map(number).collect();
    let Some(numbers) = numbers else { return "numbers are decimal, or hexadecimal with 0x\n".into() };
    let first = numbers.first().copied();
    match (name, first) {
        ("registers" | "r", cpu) => registers(machine, cpu.unwrap_or(0)),
        ("x", Some(va)) => memory(machine, va, numbers.get(1).copied(), true),
        ("xp", Some(pa)) => memory(machine, pa, numbers.get(1).copied(), false),
        ("map", _) => map(machine),
        ("census", _) => census(machine),
        ("cpus", _) => cpus(machine),
        ("help" | "h" | "?", _) => HELP.into(),
        _ => format!("no such command\n{HELP}"),
    }
}

fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => word.parse().ok(),
    }
}

/// The registers of a CPU, as a table.
pub fn registers(machine: &Machine, index: u64) -> String {
    let Some(cpu) = usize::try_from(index).ok().and_then(|n| machine.cpu(n)) else {
        return format!("no CPU {index}\n");
    };
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
        let _ = writeln!(
            out,
            "EL{el}: SCTLR {:x} TCR {:x} TTBR0 {:x} TTBR1 {:x} VBAR {:x}\n     ELR {:x} SPSR {:x} ESR {:x} FAR {:x}",
            at(&cpu.sys.sctlr),
            at(&cpu.sys.tcr),
            at(&cpu.sys.ttbr0),
            at(&cpu.sys.ttbr1),
            at(&cpu.sys.vbar),
            at(&cpu.sys.elr),
            at(&cpu.sys.spsr),
            at(&cpu.sys.esr),
            at(&cpu.sys.far)
        );
    }
    out
}

fn memory(machine: &Machine, address: u64, len: Option<u64>, is_virtual: bool) -> String {
    let mut out = String::new();
    let len = len.unwrap_or(64).min(MOST);
    let byte = |at: u64| {
        let pa = if is_virtual { machine.cpu(0)?.debug_translate(at)? } else { at };
        machine.board().bus.memory().read(pa, machine::Size::Byte)
    };
    for row in 0..len.div_ceil(16) {
        let start = address.wrapping_add(row * 16);
        let _ = write!(out, "{start:016x} ");
        let mut text = String::new();
        for n in 0..16.min(len - row * 16) {
            match byte(start.wrapping_add(n)) {
                Some(b) => {
                    let _ = write!(out, " {b:02x}");
                    text.push(char::from_u32(b as u32).filter(|c| (' '..='~').contains(c)).unwrap_or('.'));
                }
                None => out.push_str(" ??"),
            }
        }
        let _ = writeln!(out, "  {text}");
    }
    out
}

fn map(machine: &Machine) -> String {
    let mut out = String::new();
    for r in machine.board().bus.memory().regions() {
        let _ = writeln!(out, "{:#014x}-{:#014x} RAM", r.base, r.base.saturating_add(r.len - 1));
    }
    for m in machine.board().bus.devices() {
        let end = m.base.saturating_add(m.len - 1);
        let _ = writeln!(out, "{:#014x}-{end:#014x} {} ({} senseless accesses)", m.base, m.name, m.stray());
    }
    out
}

/// Registers touched that no device has, a line each.
pub fn census(machine: &Machine) -> String {
    let mut out = String::new();
    let Some(unmapped) = &machine.board().unmapped else { return out };
    let unmapped = unmapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for (pa, name, offset, t) in unmapped.census() {
        let _ = write!(out, "{pa:#014x} {name}+{offset:#x}: {} reads, {} writes", t.reads, t.writes);
        let _ = if t.writes > 0 { writeln!(out, ", last {:#x}", t.written) } else { writeln!(out) };
    }
    out
}

fn cpus(machine: &Machine) -> String {
    let mut out = String::new();
    for index in 0..machine.cpus() {
        let Some(cpu) = machine.cpu(index) else { continue };
        let state = if machine.is_on(index) { "on" } else { "off" };
        let _ = writeln!(
            out,
            "cpu {index}: {state}, EL{}, pc {:#x}, {} instructions",
            cpu.state.el, cpu.state.pc, cpu.state.instructions
        );
    }
    out
}
