//! The state that generated code takes for granted: part of a block's key.

use cpu::Cpu;

/// A few bits of CPU state. Whatever changes one of them ends a block and goes through the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode(pub u32);

const FP_TRAPPED: u32 = 1;
const STRICT: u32 = 2;
const SP_CHECKED: u32 = 4;
const FP_UNUSUAL: u32 = 8;

/// FPCR.FZ and AHP. DN needs no translation of its own: all NaN results go to the executors. FZ16 concerns
/// half-precision arithmetic only, which is not translated.
const UNUSUAL_FPCR: u32 = 1 << 24 | 1 << 26;

impl Mode {
    /// The mode of a CPU now.
    pub fn of(cpu: &Cpu) -> Mode {
        let s = &cpu.state;
        let sctlr = cpu.sctlr();
        let bit = |condition: bool, bit: u32| if condition { bit } else { 0 };
        let sp_bit = if s.el == 0 { 4 } else { 3 };
        Mode(
            bit(s.fp_trap != 0, FP_TRAPPED)
                // SCTLR_ELx.A, or no MMU (all memory is device memory then): misaligned accesses fault.
                | bit(sctlr & 2 != 0 || sctlr & 1 == 0, STRICT)
                | bit(sctlr >> sp_bit & 1 != 0, SP_CHECKED)
                | bit(s.fpcr & UNUSUAL_FPCR != 0, FP_UNUSUAL)
                // FPCR.RMode.
                | (s.fpcr >> 22 & 3) << 16
                | u32::from(s.el) << 4
                | s.page_shift << 8,
        )
    }

    /// FP and SIMD instructions raise exceptions.
    pub fn fp_trapped(self) -> bool {
        self.0 & FP_TRAPPED != 0
    }

    /// FPCR asks for something that the host's arithmetic does not do as Arm's: the interpreter's executors compute.
    pub fn fp_unusual(self) -> bool {
        self.0 & FP_UNUSUAL != 0
    }

    /// Misaligned accesses may fault, or nothing is known of it.
    pub fn strict(self) -> bool {
        self.0 & STRICT != 0
    }

    /// A misaligned stack pointer as base faults.
    pub fn sp_checked(self) -> bool {
        self.0 & SP_CHECKED != 0
    }

    /// log2 of the page size of the soft TLB.
    pub fn page_shift(self) -> u32 {
        self.0 >> 8 & 31
    }
}
