//! The system registers that a debugger sees: a choice, by name and encoding, read without side effects.
//!
//! A client may write those that the guest could write at its current EL, with all that follows from it there.

use cpu::Cpu;
use cpu::reg;

/// A system register as a debugger sees it.
#[derive(Clone, Copy)]
pub struct SystemRegister {
    /// Arm's name, or Apple's.
    pub name: &'static str,
    /// See [`cpu::reg`].
    pub encoding: u16,
    value: fn(&Cpu) -> u64,
}

impl SystemRegister {
    /// Its value, whatever the current EL may read.
    pub fn value(&self, cpu: &Cpu) -> u64 {
        (self.value)(cpu)
    }
}

impl std::fmt::Debug for SystemRegister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:#06x})", self.name, self.encoding)
    }
}

/// The stack pointer of slot `n` of [`cpu::Sys::sp`], also when it is the selected one.
fn sp(cpu: &Cpu, n: usize) -> u64 {
    let selected = if cpu.state.spsel == 0 { 0 } else { usize::from(cpu.state.el) };
    if n == selected { cpu.state.x[31] } else { cpu.sys.sp.get(n).copied().unwrap_or(0) }
}

/// A register that the CPU only stores.
fn stored(cpu: &Cpu, encoding: u16) -> u64 {
    cpu.sys.other.get(&encoding).copied().unwrap_or(0)
}

macro_rules! registers {
    ($($name:ident = |$cpu:ident| $value:expr;)*) => {
        /// The registers, in the order in which they are shown.
        pub const REGISTERS: &[SystemRegister] = &[
            $(SystemRegister { name: stringify!($name), encoding: reg::$name, value: |$cpu| $value },)*
            SystemRegister { name: "APCTL_EL1", encoding: APCTL_EL1, value: |cpu| stored(cpu, APCTL_EL1) },
            SystemRegister { name: "APSTS_EL1", encoding: APSTS_EL1, value: |cpu| stored(cpu, APSTS_EL1) },
            SystemRegister { name: "HID0", encoding: HID0, value: |cpu| stored(cpu, HID0) },
            SystemRegister { name: "HID1", encoding: HID1, value: |cpu| stored(cpu, HID1) },
            SystemRegister { name: "HID4", encoding: HID4, value: |cpu| stored(cpu, HID4) },
            SystemRegister { name: "HID5", encoding: HID5, value: |cpu| stored(cpu, HID5) },
        ];
    };
}

// Apple's (xnu-machine.md 6; names as in a64's table).
const APCTL_EL1: u16 = reg::pack(3, 4, 15, 0, 4);
const APSTS_EL1: u16 = reg::pack(3, 6, 15, 12, 4);
const HID0: u16 = reg::pack(3, 0, 15, 0, 0);
const HID1: u16 = reg::pack(3, 0, 15, 1, 0);
const HID4: u16 = reg::pack(3, 0, 15, 4, 0);
const HID5: u16 = reg::pack(3, 0, 15, 5, 0);

registers! {
    CURRENTEL = |cpu| u64::from(cpu.state.el) << 2;
    SP_EL0 = |cpu| sp(cpu, 0);
    SP_EL1 = |cpu| sp(cpu, 1);
    ELR_EL1 = |cpu| cpu.sys.elr[1];
    SPSR_EL1 = |cpu| cpu.sys.spsr[1];
    ESR_EL1 = |cpu| cpu.sys.esr[1];
    FAR_EL1 = |cpu| cpu.sys.far[1];
    VBAR_EL1 = |cpu| cpu.sys.vbar[1];
    SCTLR_EL1 = |cpu| cpu.sys.sctlr[1];
    TCR_EL1 = |cpu| cpu.sys.tcr[1];
    TTBR0_EL1 = |cpu| cpu.sys.ttbr0[1];
    TTBR1_EL1 = |cpu| cpu.sys.ttbr1[1];
    MAIR_EL1 = |cpu| cpu.sys.mair[1];
    TPIDR_EL0 = |cpu| cpu.sys.tpidr[0];
    TPIDRRO_EL0 = |cpu| cpu.sys.tpidrro;
    TPIDR_EL1 = |cpu| cpu.sys.tpidr[1];
    CONTEXTIDR_EL1 = |cpu| cpu.sys.contextidr[1];
    CPACR_EL1 = |cpu| cpu.sys.cpacr;
    PAR_EL1 = |cpu| cpu.sys.par;
    MIDR_EL1 = |cpu| cpu.model.midr;
    MPIDR_EL1 = |cpu| cpu.sys.mpidr;
    CNTV_CTL_EL0 = |cpu| cpu.sys.timers[cpu::sys::timer::VIRTUAL].ctl;
    CNTV_CVAL_EL0 = |cpu| cpu.sys.timers[cpu::sys::timer::VIRTUAL].cval;
    CNTP_CTL_EL0 = |cpu| cpu.sys.timers[cpu::sys::timer::PHYSICAL].ctl;
    CNTP_CVAL_EL0 = |cpu| cpu.sys.timers[cpu::sys::timer::PHYSICAL].cval;
    HCR_EL2 = |cpu| cpu.sys.hcr;
    SP_EL2 = |cpu| sp(cpu, 2);
    ELR_EL2 = |cpu| cpu.sys.elr[2];
    SPSR_EL2 = |cpu| cpu.sys.spsr[2];
    ESR_EL2 = |cpu| cpu.sys.esr[2];
    FAR_EL2 = |cpu| cpu.sys.far[2];
    VBAR_EL2 = |cpu| cpu.sys.vbar[2];
    SCTLR_EL2 = |cpu| cpu.sys.sctlr[2];
    TCR_EL2 = |cpu| cpu.sys.tcr[2];
    TTBR0_EL2 = |cpu| cpu.sys.ttbr0[2];
    TTBR1_EL2 = |cpu| cpu.sys.ttbr1[2];
    VTTBR_EL2 = |cpu| cpu.sys.vttbr;
}

/// The register of an encoding.
pub fn find(encoding: u16) -> Option<&'static SystemRegister> {
    REGISTERS.iter().find(|r| r.encoding == encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_encodings_agree_with_the_instruction_sets_table() {
        for r in REGISTERS {
            let named = a64::SysReg::named(r.name).unwrap_or_else(|| panic!("{} has no encoding", r.name));
            assert_eq!(named.0, r.encoding, "{}", r.name);
        }
    }

    #[test]
    fn no_register_is_listed_twice() {
        let encodings: std::collections::BTreeSet<_> = REGISTERS.iter().map(|r| r.encoding).collect();
        assert_eq!(encodings.len(), REGISTERS.len());
    }
}
