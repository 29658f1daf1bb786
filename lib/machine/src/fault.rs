//! Faults of Apple's machine that a user can ask for, to see how a boot ends without what the machine otherwise has.
//!
//! Each is an obstacle that stopped somebody's first boot: timers on IRQ, registers of the read-only range that do not read
//! back, the bit that says that the pointer authentication keys are there.

use std::sync::Arc;

use cpu::SystemRegisterHook;

use crate::Error;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Timers and inter-processor interrupts come as IRQ rather than FIQ.
    TimerIrq,
    /// S3_4_C15_C2_0 to C2_7 (APRR, KTRR, CTRR) read 0 whatever was written.
    Ktrr,
    /// S3_4_C15_C0_4 (APCTL_EL1) reads 0: the M key is never valid.
    Apctl,
}

impl Fault {
    /// Names on the command line.
    pub const NAMES: &[&str] = &["timer-irq", "ktrr", "apctl"];

    /// The fault of this name.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn named(name: &str) -> Result<Self, Error> {
        match name {
            "timer-irq" => Ok(Self::TimerIrq),
            "ktrr" => Ok(Self::Ktrr),
            "apctl" => Ok(Self::Apctl),
            _ => Err(Error::Unknown { option: "--break", value: name.into(), known: Self::NAMES.join(", ") }),
        }
    }

    /// The registers that it takes away.
    pub(crate) fn hook(self) -> Option<Arc<dyn SystemRegisterHook>> {
        match self {
            Self::TimerIrq => None,
            Self::Ktrr => Some(Arc::new(Unreadable { register: cpu::reg::pack(3, 4, 15, 2, 0), mask: !7 })),
            Self::Apctl => Some(Arc::new(Unreadable { register: cpu::reg::pack(3, 4, 15, 0, 4), mask: !0 })),
        }
    }
}

/// Registers that read 0 and keep nothing.
#[derive(Debug)]
struct Unreadable {
    register: u16,
    mask: u16,
}

impl SystemRegisterHook for Unreadable {
    fn read(&self, _cpu: usize, reg: u16) -> Option<u64> {
        (reg & self.mask == self.register).then_some(0)
    }

    fn write(&self, _cpu: usize, reg: u16, _value: u64) -> bool {
        reg & self.mask == self.register
    }
}
