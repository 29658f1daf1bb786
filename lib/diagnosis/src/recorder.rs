//! Which device registers were accessed last, how often, and from where.

use std::sync::{Arc, Mutex, MutexGuard};

use cpu::Cpu;
use cpu::entry::Interrupt;
use cpu::exception::Exception;
use cpu::trace::Tracer;

/// Most registers remembered, a power of two: each has one place, which the latest that belongs there takes. Every access of
/// a guest to a device comes by here, so looking for it may cost next to nothing.
const MOST: usize = 1024;

/// Accesses of one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recent {
    /// Physical address.
    pub pa: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// The value read or written last.
    pub value: u64,
    /// The instruction that did.
    pub pc: u64,
    /// Accesses of all registers by then: larger is later.
    pub when: u64,
}

#[derive(Debug)]
struct Log {
    registers: Box<[Recent]>,
    total: u64,
}

impl Default for Log {
    fn default() -> Log {
        Log { registers: vec![Recent::default(); MOST].into_boxed_slice(), total: 0 }
    }
}

/// Where the register at `pa` is remembered. Devices lie on borders of pages, so those bits count too.
fn place(pa: u64) -> usize {
    ((pa >> 2) ^ (pa >> 12) ^ (pa >> 24)) as usize % MOST
}

/// An observer that remembers device accesses, and passes everything on to another one.
#[derive(Debug, Default)]
pub struct Recorder {
    log: Mutex<Log>,
    next: Option<Arc<dyn Tracer>>,
}

impl Recorder {
    /// One before `next`.
    pub fn new(next: Option<Arc<dyn Tracer>>) -> Arc<Self> {
        Arc::new(Self { log: Mutex::default(), next })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The registers accessed last, the latest first.
    pub fn latest(&self, most: usize) -> Vec<Recent> {
        let mut all: Vec<Recent> = self.log().registers.iter().filter(|r| r.when != 0).copied().collect();
        all.sort_by_key(|r| std::cmp::Reverse(r.when));
        all.truncate(most);
        all
    }

    /// Accesses so far.
    pub fn total(&self) -> u64 {
        self.log().total
    }
}

impl Tracer for Recorder {
    fn exception(&self, cpu: &Cpu, e: &Exception, target: u8) {
        if let Some(next) = &self.next {
            next.exception(cpu, e, target);
        }
    }

    fn interrupt(&self, cpu: &Cpu, kind: Interrupt, target: u8) {
        if let Some(next) = &self.next {
            next.interrupt(cpu, kind, target);
        }
    }

    fn wants_instructions(&self) -> bool {
        self.next.as_ref().is_some_and(|n| n.wants_instructions())
    }

    fn instruction(&self, cpu: &Cpu, word: u32) {
        if let Some(next) = &self.next {
            next.instruction(cpu, word);
        }
    }

    fn device(&self, cpu: &Cpu, pa: u64, size: u64, value: u64, write: bool) {
        {
            let mut log = self.log();
            log.total = log.total.saturating_add(1);
            let when = log.total;
            if let Some(r) = log.registers.get_mut(place(pa)) {
                let known = if r.pa == pa { *r } else { Recent::default() };
                let (reads, writes) = (u64::from(!write), u64::from(write));
                *r = Recent {
                    pa,
                    reads: known.reads.saturating_add(reads),
                    writes: known.writes.saturating_add(writes),
                    value,
                    pc: cpu.state.pc,
                    when,
                };
            }
        }
        if let Some(next) = &self.next {
            next.device(cpu, pa, size, value, write);
        }
    }

    fn undefined(&self, cpu: &Cpu, word: u32) {
        if let Some(next) = &self.next {
            next.undefined(cpu, word);
        }
    }

    fn implementation_defined(&self, cpu: &Cpu, reg: u16) {
        if let Some(next) = &self.next {
            next.implementation_defined(cpu, reg);
        }
    }
}
