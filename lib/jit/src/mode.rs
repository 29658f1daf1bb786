//! The state that generated code takes for granted: part of a block's key.

use cpu::Cpu;

/// A few bits of CPU state. Whatever changes one of them ends a block and goes through the dispatcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode(pub u32);

const FP_TRAPPED: u32 = 1;
const STRICT: u32 = 2;
const SP_CHECKED: u32 = 4;
const FP_UNUSUAL: u32 = 8;
const DEFAULT_NAN: u32 = 1 << 6;

/// FPCR.FZ and AHP. FZ16 concerns half-precision arithmetic only, which is not translated.
const UNUSUAL_FPCR: u32 = 1 << 24 | 1 << 26;
/// From bit 18, above what floating point keeps at 16.
const PLAIN: u32 = 1 << 18;
const ZEROES: u32 = 1 << 19;
const MAINTAINS: u32 = 1 << 20;
const PAC_IS_NOTHING: u32 = 1 << 21;
const VIRTUAL_COUNTER: u32 = 1 << 22;
const PHYSICAL_COUNTER: u32 = 1 << 23;

/// The bits of HCR_EL2 that trap or redirect what EL1 does with its system registers and caches, or that make interrupts
/// pending: VF, VI, VSE, TID1 to TID3, TPC, TPU, TVM, TGE, TRVM.
const HCR_MEDDLES: u64 = 7 << 6 | 7 << 16 | 3 << 23 | 1 << 26 | 1 << 27 | 1 << 30;
/// HCR_EL2.TDZ.
const HCR_TDZ: u64 = 1 << 28;

impl Mode {
    /// The mode of a CPU now.
    pub fn of(cpu: &Cpu) -> Mode {
        let s = &cpu.state;
        let sctlr = cpu.sctlr();
        let bit = |condition: bool, bit: u32| if condition { bit } else { 0 };
        let sp_bit = if s.el == 0 { 4 } else { 3 };
        let hcr = cpu.hcr();
        // EL1 and EL0 as if there were no EL2.
        let plain = s.el < 2 && hcr & HCR_MEDDLES == 0;
        let user = s.el == 0;
        let counters = if user { cpu.sys.cntkctl } else { 3 };
        let physical = !cpu.el2_enabled() || cpu.sys.cnthctl & 1 != 0 && hcr >> 34 & 1 == 0;
        Mode(
            bit(s.fp_trap != 0, FP_TRAPPED)
                // SCTLR_ELx.A, or no MMU (all memory is device memory then): misaligned accesses fault.
                | bit(sctlr & 2 != 0 || sctlr & 1 == 0, STRICT)
                | bit(sctlr >> sp_bit & 1 != 0, SP_CHECKED)
                | bit(s.fpcr & UNUSUAL_FPCR != 0, FP_UNUSUAL)
                // FPCR.DN and RMode.
                | bit(s.fpcr >> 25 & 1 != 0, DEFAULT_NAN)
                | (s.fpcr >> 22 & 3) << 16
                | bit(plain, PLAIN)
                | bit(plain && hcr & HCR_TDZ == 0 && (!user || sctlr >> 14 & 1 != 0), ZEROES)
                | bit(plain && (!user || sctlr >> 26 & 1 != 0), MAINTAINS)
                | bit(cpu::exec::pauth::is_nothing(cpu), PAC_IS_NOTHING)
                | bit(plain && counters & 2 != 0, VIRTUAL_COUNTER)
                | bit(plain && physical && counters & 1 != 0, PHYSICAL_COUNTER)
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

    /// FPCR.DN: NaN results are the default NaN.
    pub fn default_nan(self) -> bool {
        self.0 & DEFAULT_NAN != 0
    }

    /// Misaligned accesses may fault, or nothing is known of it.
    pub fn strict(self) -> bool {
        self.0 & STRICT != 0
    }

    /// A misaligned stack pointer as base faults.
    pub fn sp_checked(self) -> bool {
        self.0 & SP_CHECKED != 0
    }

    /// The current EL.
    pub fn el(self) -> u8 {
        (self.0 >> 4 & 3) as u8
    }

    /// EL0 or EL1, of whose ordinary system registers no access is trapped or redirected by EL2, and to whom EL2 signals no
    /// virtual interrupt.
    pub fn plain(self) -> bool {
        self.0 & PLAIN != 0
    }

    /// DC ZVA is not trapped.
    pub fn zeroes(self) -> bool {
        self.0 & ZEROES != 0
    }

    /// Cache maintenance by address is not trapped.
    pub fn maintains(self) -> bool {
        self.0 & MAINTAINS != 0
    }

    /// Signing and authenticating leaves pointers as they are and is not trapped.
    pub fn pac_is_nothing(self) -> bool {
        self.0 & PAC_IS_NOTHING != 0
    }

    /// CNTVCT_EL0 may be read.
    pub fn virtual_counter(self) -> bool {
        self.0 & VIRTUAL_COUNTER != 0
    }

    /// CNTPCT_EL0 may be read.
    pub fn physical_counter(self) -> bool {
        self.0 & PHYSICAL_COUNTER != 0
    }

    /// log2 of the page size of the soft TLB.
    pub fn page_shift(self) -> u32 {
        self.0 >> 8 & 31
    }
}
