//! What `-d ITEMS` writes: one line an event, to a log that all CPUs and devices share.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use cpu::entry::Interrupt;
use cpu::trace::Tracer;
use cpu::{Cpu, Exception};
use devices::unmapped::OnFirst;

use crate::Error;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Items {
    /// Every instruction, before it runs: address, word, text.
    pub exec: bool,
    /// Each instruction the first time it runs at its address would be the translator's; here as `exec`, without
    /// repetition of the same address in a row.
    pub in_asm: bool,
    /// Exceptions and interrupts.
    pub int: bool,
    /// Aborts only: translation, permission and other faults.
    pub mmu: bool,
    /// Instructions and registers that are not implemented.
    pub unimp: bool,
    /// The first access to each register of no modelled device.
    pub mmio: bool,
}

impl Items {
    /// Names on the command line.
    pub const NAMES: &[&str] = &["exec", "in_asm", "int", "mmu", "unimp", "mmio"];

    /// From a list like `int,mmio`.
    pub fn parse(list: &str) -> Result<Self, Error> {
        let mut items = Self::default();
        for name in list.split(',').filter(|n| !n.is_empty()) {
            match name {
                "exec" => items.exec = true,
                "in_asm" => items.in_asm = true,
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

/// The observer of the CPUs.
#[derive(Debug)]
pub struct Trace {
    items: Items,
    log: Log,
}

impl Trace {
    /// Writes `items` to `log`.
    pub fn new(items: Items, log: Log) -> Arc<Self> {
        Arc::new(Self { items, log })
    }
}

impl Tracer for Trace {
    fn exception(&self, cpu: &Cpu, e: &Exception, target: u8) {
        let abort =
            matches!(e.class, cpu::exception::Class::DataAbort | cpu::exception::Class::InstructionAbort);
        if self.items.int || self.items.mmu && abort {
            self.log.line(format_args!(
                "int: cpu {} {:?} from EL{} to EL{target} at {:#018x}, iss {:#x}, address {:#x}",
                cpu.index, e.class, cpu.state.el, cpu.state.pc, e.iss, e.address
            ));
        }
    }

    fn interrupt(&self, cpu: &Cpu, kind: Interrupt, target: u8) {
        if self.items.int {
            let (el, pc) = (cpu.state.el, cpu.state.pc);
            self.log.line(format_args!(
                "int: cpu {} {kind:?} from EL{el} to EL{target} at {pc:#018x}",
                cpu.index
            ));
        }
    }

    fn wants_instructions(&self) -> bool {
        self.items.exec || self.items.in_asm
    }

    fn instruction(&self, cpu: &Cpu, word: u32) {
        let pc = cpu.state.pc;
        let name = a64::decode(word).map_or("undefined", |e| e.name);
        self.log
            .line(format_args!("exec: cpu {} EL{} {pc:#018x} {word:08x} {name}", cpu.index, cpu.state.el));
    }

    fn undefined(&self, cpu: &Cpu, word: u32) {
        if self.items.unimp {
            let (el, pc) = (cpu.state.el, cpu.state.pc);
            self.log.line(format_args!("unimp: cpu {} EL{el} {pc:#018x} instruction {word:08x}", cpu.index));
        }
    }

    fn implementation_defined(&self, cpu: &Cpu, reg: u16) {
        if self.items.unimp {
            self.log.line(format_args!(
                "unimp: cpu {} {:#018x} register S{}_{}_C{}_C{}_{}",
                cpu.index,
                cpu.state.pc,
                reg >> 14,
                reg >> 11 & 7,
                reg >> 7 & 15,
                reg >> 3 & 15,
                reg & 7
            ));
        }
    }
}
