//! Exceptions as values: what an instruction reports instead of finishing.
//!
//! An [`Exception`] says what happened (syndrome and address); [`crate::Cpu::take_exception`] decides
//! which EL receives it and changes the registers. Arm manual D1.3 (entry) and D24.2 ESR_ELx (syndromes).

/// Exception classes: the EC field of ESR_ELx. Where the class has a "same EL" twin, the lower-EL number is used
/// here and entry adds one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// Unknown reason: undefined instructions.
    Unknown = 0x00,
    /// Trapped WFI, WFE, WFIT or WFET.
    Wfx = 0x01,
    /// FP and SIMD trapped by CPACR, CPTR.
    FpAccess = 0x07,
    /// Trapped use of pointer authentication.
    Pac = 0x09,
    /// Branch target exception.
    BranchTarget = 0x0d,
    /// PSTATE.IL was set.
    IllegalState = 0x0e,
    /// SVC.
    Svc = 0x15,
    /// HVC.
    Hvc = 0x16,
    /// SMC.
    Smc = 0x17,
    /// Trapped MSR, MRS or system instruction.
    SystemRegister = 0x18,
    /// ERET, ERETAA or ERETAB trapped by HCR_EL2.NV.
    Eret = 0x1a,
    /// A failed authentication with FEAT_FPAC.
    PacFail = 0x1c,
    /// Instruction abort (lower EL; +1 = same EL).
    InstructionAbort = 0x20,
    /// Misaligned PC.
    PcAlignment = 0x22,
    /// Data abort (lower EL; +1 = same EL).
    DataAbort = 0x24,
    /// Misaligned SP.
    SpAlignment = 0x26,
    /// Trapped floating-point exception.
    FpException = 0x2c,
    /// SError.
    SError = 0x2f,
    /// Hardware breakpoint (lower EL; +1 = same EL).
    Breakpoint = 0x30,
    /// Software step (lower EL; +1 = same EL).
    SoftwareStep = 0x32,
    /// Watchpoint (lower EL; +1 = same EL).
    Watchpoint = 0x34,
    /// BRK.
    Brk = 0x3c,
    /// Not architectural: a fetch from what only Apple's guarded mode may execute, which enters that mode.
    GuardedAbort = 0x3f,
    /// Not architectural: an outside debugger's watchpoint. Nothing is taken; the instruction has not happened.
    Debugger = 0xff,
}

impl Class {
    /// Whether ESR's EC is one higher when taken from the EL that receives it.
    pub fn has_same_el_form(self) -> bool {
        matches!(
            self,
            Class::InstructionAbort
                | Class::DataAbort
                | Class::Breakpoint
                | Class::SoftwareStep
                | Class::Watchpoint
        )
    }
}

/// What stopped an instruction.
///
/// Sixteen bytes, so that a `Result<(), Exception>` comes back in two registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Exception class.
    pub class: Class,
    /// Lowest EL that may take it (1 to 3): more than 1 for traps that EL2 or EL3 asked for.
    pub target: u8,
    /// Whether the abort comes from stage 2 (then HPFAR_EL2 is written from the CPU's last stage 2 fault).
    pub stage2: bool,
    /// ISS, bits 24:0 of ESR_ELx.
    pub iss: u32,
    /// FAR_ELx for aborts, alignment and watchpoints.
    pub address: u64,
}

/// Result of one instruction.
pub type Step = Result<(), Exception>;

impl Exception {
    const fn new(class: Class, target: u8, iss: u32) -> Exception {
        Exception { class, target, stage2: false, iss, address: 0 }
    }

    /// An unallocated or disabled instruction.
    #[cold]
    pub const fn undefined() -> Exception {
        Exception::new(Class::Unknown, 1, 0)
    }

    /// SVC with its immediate.
    pub const fn svc(imm16: u32) -> Exception {
        Exception::new(Class::Svc, 1, imm16)
    }

    /// HVC with its immediate.
    pub const fn hvc(imm16: u32) -> Exception {
        Exception::new(Class::Hvc, 2, imm16)
    }

    /// SMC with its immediate.
    pub const fn smc(imm16: u32) -> Exception {
        Exception::new(Class::Smc, 3, imm16)
    }

    /// BRK with its immediate.
    pub const fn brk(imm16: u32) -> Exception {
        Exception::new(Class::Brk, 1, imm16)
    }

    /// FP or SIMD use trapped to `target` (ISS: CV = 1, COND = 14).
    pub const fn fp_access(target: u8) -> Exception {
        Exception::new(Class::FpAccess, target, 0x1e << 20)
    }

    /// A trapped system register access or system instruction; `iss` as in the word (see [`system_iss`]).
    pub const fn system(target: u8, iss: u32) -> Exception {
        Exception::new(Class::SystemRegister, target, iss)
    }

    /// WFI (ti = 0), WFE (1), WFIT (2), WFET (3) trapped to `target`.
    pub const fn wfx(target: u8, ti: u32) -> Exception {
        Exception::new(Class::Wfx, target, 0x1e << 20 | ti)
    }

    /// Pointer authentication trapped to `target`.
    pub const fn pac_trap(target: u8) -> Exception {
        Exception::new(Class::Pac, target, 0)
    }

    /// Failed authentication with FEAT_FPAC: bit 1 = instruction (0) or data (1) key, bit 0 = A (0) or B (1).
    pub const fn pac_fail(data_key: bool, b_key: bool) -> Exception {
        Exception::new(Class::PacFail, 1, (data_key as u32) << 1 | b_key as u32)
    }

    /// A branch to an instruction that is no valid target for `btype`.
    pub const fn branch_target(btype: u8) -> Exception {
        Exception::new(Class::BranchTarget, 1, btype as u32)
    }

    /// Instruction executed with PSTATE.IL set.
    pub const fn illegal_state() -> Exception {
        Exception::new(Class::IllegalState, 1, 0)
    }

    /// PC not a multiple of four.
    pub const fn pc_alignment(pc: u64) -> Exception {
        Exception { address: pc, ..Exception::new(Class::PcAlignment, 1, 0) }
    }

    /// SP used as a base while not a multiple of sixteen.
    pub const fn sp_alignment() -> Exception {
        Exception::new(Class::SpAlignment, 1, 0)
    }

    /// A data abort: ISS as built by the MMU, faulting address.
    pub const fn data_abort(iss: u32, address: u64) -> Exception {
        Exception { address, ..Exception::new(Class::DataAbort, 1, iss) }
    }

    /// An instruction abort: ISS as built by the MMU, faulting address.
    pub const fn instruction_abort(iss: u32, address: u64) -> Exception {
        Exception { address, ..Exception::new(Class::InstructionAbort, 1, iss) }
    }

    /// An instruction abort at a page that only guarded mode may execute.
    pub const fn guarded_abort(iss: u32, address: u64) -> Exception {
        Exception { address, ..Exception::new(Class::GuardedAbort, 1, iss) }
    }

    /// Watchpoint hit by an access to `address`.
    pub const fn watchpoint(write: bool, address: u64) -> Exception {
        Exception { address, ..Exception::new(Class::Watchpoint, 1, 0x22 | (write as u32) << 6) }
    }

    /// An access that an outside debugger watches: the instruction is abandoned, the guest notices nothing.
    pub const fn debugger() -> Exception {
        Exception::new(Class::Debugger, 1, 0)
    }

    /// Hardware breakpoint.
    pub const fn breakpoint() -> Exception {
        Exception::new(Class::Breakpoint, 1, 0x22)
    }

    /// Software step; `valid` with `exclusive` = the stepped instruction was a load exclusive.
    pub const fn software_step(valid: bool, exclusive: bool) -> Exception {
        Exception::new(Class::SoftwareStep, 1, (valid as u32) << 24 | (exclusive as u32) << 6 | 0x22)
    }

    /// The same exception, to be taken no lower than `el`.
    #[must_use]
    pub const fn to(mut self, el: u8) -> Exception {
        self.target = el;
        self
    }
}

/// ISS of class 0x18 for the MSR, MRS or SYS word `word` (all fields come from the instruction itself).
pub const fn system_iss(word: u32) -> u32 {
    let (op0, op1, crn) = (word >> 19 & 3, word >> 16 & 7, word >> 12 & 15);
    let (crm, op2, rt, read) = (word >> 8 & 15, word >> 5 & 7, word & 31, word >> 21 & 1);
    op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_fits_two_registers() {
        assert_eq!(size_of::<Step>(), 16);
    }

    #[test]
    fn a_trapped_mrs_names_its_register() {
        // mrs x5, sctlr_el1: op0 3, op1 0, CRn 1, CRm 0, op2 0
        assert_eq!(system_iss(0xd538_1005), 3 << 20 | 1 << 10 | 5 << 5 | 1);
    }
}
