//! Which device registers were accessed last, how often, and from where.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use cpu::Cpu;
use cpu::entry::Interrupt;
use cpu::exception::Exception;
use cpu::trace::Tracer;

/// Most registers remembered; then the least recent half goes.
const MOST: usize = 512;

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

#[derive(Debug, Default)]
struct Log {
    registers: HashMap<u64, Recent>,
    total: u64,
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
        let mut all: Vec<Recent> = self.log().registers.values().copied().collect();
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
            if log.registers.len() >= MOST && !log.registers.contains_key(&pa) {
                let old = when.saturating_sub(MOST as u64);
                let mut times: Vec<u64> = log.registers.values().map(|r| r.when).collect();
                times.sort_unstable();
                let limit = times.get(MOST / 2).copied().unwrap_or(old);
                log.registers.retain(|_, r| r.when >= limit);
            }
            let r = log.registers.entry(pa).or_default();
            if write {
                r.writes = r.writes.saturating_add(1);
            } else {
                r.reads = r.reads.saturating_add(1);
            }
            *r = Recent { pa, value, pc: cpu.state.pc, when, ..*r };
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
