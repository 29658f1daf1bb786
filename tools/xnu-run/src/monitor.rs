//! The monitor: what one types after Ctrl-A c. It looks and changes nothing, but
//! for what reading a device's register does.

use std::fmt::Write as _;
use std::io::{self, Write};

use debug::{Symbols, inspect, tables};
use machine::{Machine, Size};

use crate::diagnose::Diagnosis;

const HELP: &str = "\
registers [CPU]      general registers, PSTATE, exception registers
vectors [CPU]        FP and SIMD registers
system [CPU]         system registers
dis [ADDRESS [N]]    instructions, from pc or ADDRESS on
bt [CPU]             calls that led here
pt [ADDRESS]         page tables: everything mapped, or one address
x ADDRESS [LENGTH]   memory at a virtual address of CPU 0's current context
xp ADDRESS [LENGTH]  memory at a physical address
xd ADDRESS [BYTES]   a device's register at a physical address, of 1, 2, 4 or 8 bytes; reading may have effects
map                  what is where in the physical address space
census               registers touched that no device has
cpus                 state of all CPUs
why                  where the guest stands, and why it gets no further
screenshot FILE      what the framebuffer shows, as PNG (not over a debugger's connection)
cont                 back to the guest
quit                 end the machine
";

/// Reads commands from standard input until one leads back. True: end the machine.
pub fn run(machine: &Machine, symbols: &Symbols, diagnosis: Option<&Diagnosis>) -> bool {
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
        if let Some(path) = line.trim().strip_prefix("screenshot ") {
            print!("{}", screenshot(machine, path.trim()));
            continue;
        }
        match line.trim() {
            "" => {}
            "cont" | "c" => return false,
            "quit" | "q" => return true,
            command => print!("{}", answer(machine, command, symbols, diagnosis)),
        }
    }
}

fn screenshot(machine: &Machine, path: &str) -> String {
    let written = crate::screenshot::png(machine).map_err(|e| e.to_string());
    match written.and_then(|png| std::fs::write(path, png).map_err(|e| format!("{path}: {e}"))) {
        Ok(()) => String::new(),
        Err(e) => format!("{e}\n"),
    }
}

/// The answer to a command.
pub fn answer(machine: &Machine, command: &str, symbols: &Symbols, diagnosis: Option<&Diagnosis>) -> String {
    let mut words = command.split_whitespace();
    let name = words.next().unwrap_or_default();
    let numbers: Option<Vec<u64>> =
        words.map(|word| number(word).or_else(|| symbols.address(word))).collect();
    let Some(numbers) = numbers else {
        return "numbers are decimal, hexadecimal with 0x, or names of symbols\n".into();
    };
    let first = numbers.first().copied();
    let second = numbers.get(1).copied();
    match (name, first) {
        ("registers" | "r", cpu) => registers(machine, cpu.unwrap_or(0)),
        ("vectors", cpu) => on_cpu(machine, cpu.unwrap_or(0), inspect::vectors),
        ("system", cpu) => on_cpu(machine, cpu.unwrap_or(0), inspect::system_registers),
        ("x", Some(va)) => on_cpu(machine, 0, |cpu| inspect::memory(cpu, va, second.unwrap_or(64))),
        ("xp", Some(pa)) => inspect::physical(machine.board().bus.memory(), pa, second.unwrap_or(64)),
        ("xd", Some(pa)) => device(machine, pa, second.unwrap_or(4)),
        ("dis", va) => on_cpu(machine, 0, |cpu| {
            inspect::disassembly(cpu, va.unwrap_or(cpu.state.pc), second.unwrap_or(16), symbols)
        }),
        ("bt", cpu) => on_cpu(machine, cpu.unwrap_or(0), |cpu| inspect::backtrace(cpu, symbols)),
        ("pt", None) => on_cpu(machine, 0, tables::dump),
        ("pt", Some(va)) => on_cpu(machine, 0, |cpu| tables::explain(cpu, va)),
        ("map", _) => map(machine),
        ("census", _) => census(machine),
        ("cpus", _) => cpus(machine),
        ("why" | "diagnose", _) => match diagnosis {
            Some(diagnosis) => diagnosis.report(machine),
            None => "not with --no-diagnosis\n".into(),
        },
        ("help" | "h" | "?", _) => HELP.into(),
        _ => format!("no such command\n{HELP}"),
    }
}

/// Reads a device's register as CPU 0 would.
fn device(machine: &Machine, pa: u64, bytes: u64) -> String {
    let size = match bytes {
        1 => Size::Byte,
        2 => Size::Half,
        4 => Size::Word,
        8 => Size::Double,
        _ => return "a register has 1, 2, 4 or 8 bytes\n".into(),
    };
    let name = machine.board().bus.devices().find(|m| pa.checked_sub(m.base).is_some_and(|at| at < m.len));
    match (name, machine.board().read_device(pa, size)) {
        (Some(m), Some(value)) => format!("{pa:#014x} {}+{:#x}: {value:#x}\n", m.name, pa - m.base),
        _ => format!("{pa:#x}: no device answers there\n"),
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
    on_cpu(machine, index, inspect::registers)
}

fn on_cpu(machine: &Machine, index: u64, answer: impl Fn(&machine::Cpu) -> String) -> String {
    match usize::try_from(index).ok().and_then(|n| machine.cpu(n)) {
        Some(cpu) => answer(cpu),
        None => format!("no CPU {index}\n"),
    }
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
