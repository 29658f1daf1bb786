//! What `-d ITEMS` writes: one line an event, to a log that all CPUs and devices share.

use std::collections::HashSet;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use cpu::entry::Interrupt;
use cpu::exception::Class;
use cpu::trace::Tracer;
use cpu::{Cpu, Exception};
use debug::Symbols;
use devices::unmapped::OnFirst;

use crate::Error;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Items {
    /// Every instruction, before it runs.
    pub exec: bool,
    /// Every instruction the first time it runs at its address.
    pub in_asm: bool,
    /// The registers before every instruction.
    pub cpu: bool,
    /// Exceptions and interrupts.
    pub int: bool,
    /// Aborts of data accesses and fetches, with what the tables say.
    pub mmu: bool,
    /// Instructions and registers that are not implemented.
    pub unimp: bool,
    /// Every access to a device, and to registers that no device has.
    pub mmio: bool,
}

impl Items {
    /// Names on the command line.
    pub const NAMES: &[&str] = &["in_asm", "exec", "cpu", "int", "mmu", "unimp", "mmio"];

    /// From a list like `int,mmio`.
    pub fn parse(list: &str) -> Result<Self, Error> {
        let mut items = Self::default();
        for name in list.split(',').filter(|n| !n.is_empty()) {
            match name {
                "exec" => items.exec = true,
                "in_asm" => items.in_asm = true,
                "cpu" => items.cpu = true,
                "int" => items.int = true,
                "mmu" => items.mmu = true,
                "unimp" => items.unimp = true,
                "mmio" => items.mmio = true,
                _ => {
                    return Err(Error::Unknown {
                        option: "-d",
                        value: name.to_owned(),
                        known: Self::NAMES.join(", "),
                    });
                }
            }
        }
        Ok(items)
    }
}

/// Where events go. Clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Box<dyn Write + Send>>>);

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Log")
    }
}

impl Log {
    /// A log into `to`, which should be buffered if `exec` is wanted.
    pub fn new(to: Box<dyn Write + Send>) -> Self {
        Self(Arc::new(Mutex::new(to)))
    }

    /// Writes a line. A log that cannot be written is silent: the guest goes on.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        let mut to = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let _ = to.write_fmt(text).and_then(|()| to.write_all(b"\n"));
    }

    /// Writes out what is buffered.
    pub fn flush(&self) {
        let _ = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).flush();
    }

    /// What to give to [`crate::Config::on_unmapped`].
    pub fn on_unmapped(&self) -> OnFirst {
        let log = self.clone();
        Box::new(move |name, offset, value, access| {
            let bits = access.size.bytes() * 8;
            let cpu = access.cpu;
            match value {
                Some(value) => {
                    log.line(format_args!("mmio: cpu {cpu} {name}+{offset:#x} <- {value:#x} ({bits} bits)"));
                }
                None => log.line(format_args!("mmio: cpu {cpu} {name}+{offset:#x} read ({bits} bits)")),
            }
        })
    }
}

/// Instructions remembered as seen for `in_asm`; beyond that, all are forgotten and shown again.
const SEEN: usize = 1 << 20;

/// The observer of the CPUs.
#[derive(Debug)]
pub struct Trace {
    items: Items,
    log: Log,
    symbols: Symbols,
    /// Address and word of instructions shown already.
    seen: Mutex<HashSet<(u64, u32)>>,
}

impl Trace {
    /// Writes `items` to `log`, with names from `symbols`.
    pub fn new(items: Items, log: Log, symbols: Symbols) -> Arc<Self> {
        Arc::new(Self { items, log, symbols, seen: Mutex::default() })
    }

    /// An address, with its name in angle brackets if it has one.
    fn place(&self, address: u64) -> String {
        let near = self.symbols.near(address);
        match near.symbol {
            Some(_) => format!("{address:#018x} <{near}>"),
            None => format!("{address:#018x}"),
        }
    }

    fn is_new(&self, pc: u64, word: u32) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if seen.len() >= SEEN {
            seen.clear();
        }
        seen.insert((pc, word))
    }
}

impl Tracer for Trace {
    fn exception(&self, cpu: &Cpu, e: &Exception, target: u8) {
        let abort = matches!(e.class, Class::DataAbort | Class::InstructionAbort);
        let (n, el, pc) = (cpu.index, cpu.state.el, self.place(cpu.state.pc));
        if self.items.int {
            let (class, iss, address) = (e.class, e.iss, e.address);
            self.log.line(format_args!(
                "int: cpu {n} {class:?} from EL{el} to EL{target} at {pc}, iss {iss:#x}, address {address:#x}"
            ));
        }
        if self.items.mmu && abort {
            let what = match (e.class, e.iss >> 6 & 1) {
                (Class::InstructionAbort, _) => "fetch",
                (_, 0) => "read",
                _ => "write",
            };
            let tables = debug::tables::explain(cpu, e.address);
            self.log.line(format_args!("mmu: cpu {n} EL{el} {what} at {pc}: {}", tables.trim_end()));
        }
    }

    fn interrupt(&self, cpu: &Cpu, kind: Interrupt, target: u8) {
        if self.items.int {
            let (n, el, pc) = (cpu.index, cpu.state.el, self.place(cpu.state.pc));
            self.log.line(format_args!("int: cpu {n} {kind:?} from EL{el} to EL{target} at {pc}"));
        }
    }

    fn wants_instructions(&self) -> bool {
        self.items.exec || self.items.in_asm || self.items.cpu
    }

    fn instruction(&self, cpu: &Cpu, word: u32) {
        let pc = cpu.state.pc;
        if self.items.cpu {
            self.log.line(format_args!(
                "cpu: cpu {}\n{}",
                cpu.index,
                debug::inspect::registers(cpu).trim_end()
            ));
        }
        if self.items.exec || self.items.in_asm && self.is_new(pc, word) {
            let kind = if self.items.exec { "exec" } else { "in_asm" };
            let (n, el, text) = (cpu.index, cpu.state.el, a64::disassemble(word, pc));
            self.log.line(format_args!("{kind}: cpu {n} EL{el} {} {word:08x} {text}", self.place(pc)));
        }
    }

    fn device(&self, cpu: &Cpu, pa: u64, size: u64, value: u64, write: bool) {
        if !self.items.mmio {
            return;
        }
        let place = cpu.io.bus.devices().find(|m| pa.checked_sub(m.base).is_some_and(|at| at < m.len));
        let name = match place {
            Some(m) => format!("{}+{:#x}", m.name, pa - m.base),
            None => format!("{pa:#x}"),
        };
        let (n, pc, arrow) = (cpu.index, self.place(cpu.state.pc), if write { "<-" } else { "->" });
        self.log.line(format_args!("mmio: cpu {n} {name} {arrow} {value:#x} ({} bits) at {pc}", size * 8));
    }

    fn undefined(&self, cpu: &Cpu, word: u32) {
        if self.items.unimp {
            let (n, el, pc) = (cpu.index, cpu.state.el, self.place(cpu.state.pc));
            self.log.line(format_args!("unimp: cpu {n} EL{el} {pc} instruction {word:08x}"));
        }
    }

    fn implementation_defined(&self, cpu: &Cpu, reg: u16) {
        if self.items.unimp {
            let (n, pc) = (cpu.index, self.place(cpu.state.pc));
            self.log.line(format_args!("unimp: cpu {n} {pc} register {}", a64::SysReg(reg)));
        }
    }
}
