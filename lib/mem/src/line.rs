//! Level-triggered wires: from devices to interrupt controllers, and from those to CPUs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Bit of [`Lines`]: an IRQ is asserted.
pub const IRQ: u32 = 1 << 0;
/// Bit of [`Lines`]: an FIQ is asserted.
pub const FIQ: u32 = 1 << 1;
/// Bit of [`Lines`]: a physical SError is pending.
pub const SERROR: u32 = 1 << 2;
/// Bit of [`Lines`]: the machine wants the CPU to be reset.
pub const RESET: u32 = 1 << 8;
/// Bit of [`Lines`]: the machine wants the CPU's engine to return soon.
pub const KICK: u32 = 1 << 9;

/// Something that takes the levels of numbered wires: an interrupt controller, a CPU.
pub trait LineSink: Send + Sync {
    /// Wire `index` now has this level. Called on changes only, from any thread.
    fn set(&self, index: u32, level: bool);
}

/// One end of a wire, held by the device that drives it.
#[derive(Clone)]
pub struct Line {
    end: Option<(Arc<dyn LineSink>, u32)>,
    level: Arc<AtomicBool>,
}

impl Line {
    /// A wire into input `index` of `sink`.
    pub fn new(sink: Arc<dyn LineSink>, index: u32) -> Self {
        Self { end: Some((sink, index)), level: Arc::default() }
    }

    /// A wire that ends nowhere; its level can still be read.
    pub fn unconnected() -> Self {
        Self { end: None, level: Arc::default() }
    }

    /// Drives the wire.
    pub fn set(&self, level: bool) {
        if self.level.swap(level, Ordering::AcqRel) != level
            && let Some((sink, index)) = &self.end
        {
            sink.set(*index, level);
        }
    }

    /// The level last driven.
    pub fn get(&self) -> bool {
        self.level.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.end {
            Some((_, index)) => write!(f, "Line {index}: {}", self.get()),
            None => write!(f, "Line to nowhere: {}", self.get()),
        }
    }
}

/// The wires that end at one CPU, in one word so that it polls them with one load.
///
/// As a [`LineSink`] the index is the bit number: 0 IRQ, 1 FIQ, 2 SError.
#[derive(Debug, Default)]
pub struct Lines {
    word: AtomicU32,
}

impl Lines {
    /// All wires low.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// All wires: a combination of [`IRQ`], [`FIQ`], [`SERROR`], [`RESET`], [`KICK`].
    #[inline]
    pub fn get(&self) -> u32 {
        self.word.load(Ordering::Acquire)
    }

    /// Raises these bits.
    pub fn raise(&self, bits: u32) {
        self.word.fetch_or(bits, Ordering::AcqRel);
    }

    /// Lowers these bits.
    pub fn lower(&self, bits: u32) {
        self.word.fetch_and(!bits, Ordering::AcqRel);
    }

    /// Raises or lowers these bits.
    pub fn set_bits(&self, bits: u32, level: bool) {
        if level { self.raise(bits) } else { self.lower(bits) }
    }

    /// A wire to one of this CPU's inputs; `bit` is [`IRQ`], [`FIQ`] or another single bit.
    pub fn line(self: &Arc<Self>, bit: u32) -> Line {
        Line::new(Arc::<Self>::clone(self) as Arc<dyn LineSink>, bit.trailing_zeros())
    }

    /// The address of the word, for generated code that polls it with one load instruction.
    pub fn as_ptr(&self) -> *const u32 {
        self.word.as_ptr().cast_const()
    }
}

impl LineSink for Lines {
    fn set(&self, index: u32, level: bool) {
        if let Some(bit) = 1u32.checked_shl(index) {
            self.set_bits(bit, level);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_its_bit_of_the_cpu_word() {
        let lines = Lines::new();
        let fiq = lines.line(FIQ);
        fiq.set(true);
        assert_eq!(lines.get(), FIQ);
        lines.raise(IRQ);
        fiq.set(false);
        assert_eq!(lines.get(), IRQ);
        assert!(!fiq.get());
    }

    #[test]
    fn clones_of_a_line_are_one_wire() {
        let lines = Lines::new();
        let (a, b) = (lines.line(IRQ), lines.line(IRQ));
        let c = a.clone();
        a.set(true);
        assert!(c.get() && !b.get());
        c.set(false);
        assert_eq!(lines.get(), 0);
    }

    #[test]
    fn an_index_beyond_the_word_is_ignored() {
        let lines = Lines::new();
        LineSink::set(&*lines, 32, true);
        assert_eq!(lines.get(), 0);
    }
}
