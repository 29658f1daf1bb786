//! What a CPU tells an observer: exceptions, instructions, and what it does not implement (`-d int,exec,unimp`).

use crate::Cpu;
use crate::entry::Interrupt;
use crate::exception::Exception;

/// An observer. Methods do nothing unless implemented.
pub trait Tracer: Send + Sync + std::fmt::Debug {
    /// A synchronous exception is taken to `target`; ESR, ELR of the target are not written yet, `cpu.state.pc` is the instruction.
    fn exception(&self, _cpu: &Cpu, _e: &Exception, _target: u8) {}
    /// An interrupt is taken.
    fn interrupt(&self, _cpu: &Cpu, _kind: Interrupt, _target: u8) {}
    /// Whether [`Tracer::instruction`] is wanted: execution is then much slower.
    fn wants_instructions(&self) -> bool {
        false
    }
    /// The instruction at `cpu.state.pc` is about to run.
    fn instruction(&self, _cpu: &Cpu, _word: u32) {}
    /// The instruction at `cpu.state.pc` has accessed something that is not RAM: `size` bytes at physical address `pa`.
    fn device(&self, _cpu: &Cpu, _pa: u64, _size: u64, _value: u64, _write: bool) {}
    /// An instruction word that is not allocated or not implemented was executed.
    fn undefined(&self, _cpu: &Cpu, _word: u32) {}
    /// An IMPLEMENTATION DEFINED register is touched for the first time.
    fn implementation_defined(&self, _cpu: &Cpu, _reg: u16) {}
}

impl Cpu {
    pub(crate) fn trace_exception(&self, e: &Exception, target: u8) {
        if let Some(tracer) = &self.io.tracer {
            tracer.exception(self, e, target);
        }
    }

    pub(crate) fn trace_interrupt(&self, kind: Interrupt, target: u8) {
        if let Some(tracer) = &self.io.tracer {
            tracer.interrupt(self, kind, target);
        }
    }

    pub(crate) fn trace_device(&self, pa: u64, size: u64, value: u64, write: bool) {
        if let Some(tracer) = &self.io.tracer {
            tracer.device(self, pa, size, value, write);
        }
    }

    /// Reports an instruction word that has no meaning here.
    #[cold]
    pub(crate) fn note_undefined(&self, word: u32) {
        if let Some(tracer) = &self.io.tracer {
            tracer.undefined(self, word);
        }
    }

    #[cold]
    pub(crate) fn note_implementation_defined(&self, reg: u16) {
        if let Some(tracer) = &self.io.tracer {
            tracer.implementation_defined(self, reg);
        }
    }
}
