//! System registers that have a meaning of their own, as plain values.
//!
//! Registers banked by EL are arrays indexed by it (slot 0 unused unless said). What a guest may read or write, and
//! what a write does, is in [`crate::exec::system`]; registers that only store live in [`Sys::other`].

use std::collections::BTreeMap;

use crate::exec::system::apple::GuardedBank;
use crate::mmu::overlay::Overlay;
use crate::pmu::Pmu;

/// One generic timer (CNTx_CTL, CNTx_CVAL).
#[derive(Clone, Copy, Debug, Default)]
pub struct Timer {
    /// Bit 0 ENABLE, bit 1 IMASK; ISTATUS is computed.
    pub ctl: u64,
    /// Compare value in ticks.
    pub cval: u64,
}

/// Index of a timer in [`Sys::timers`] and of its output wire.
pub mod timer {
    /// CNTP: non-secure EL1 physical.
    pub const PHYSICAL: usize = 0;
    /// CNTV: virtual.
    pub const VIRTUAL: usize = 1;
    /// CNTHP: EL2 physical.
    pub const HYPERVISOR: usize = 2;
    /// CNTHV: EL2 virtual.
    pub const HYPERVISOR_VIRTUAL: usize = 3;
    /// CNTPS: secure EL1 physical.
    pub const SECURE: usize = 4;
    /// Number of timers.
    pub const COUNT: usize = 5;
}

/// What Apple's hypervisor keeps of its guests' pointer authentication keys (XNU osfmk/arm64/hv_hvc.h): a value that
/// makes the keys of EL0 differ from those of EL1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserKeys {
    /// The value of EL0.
    pub el0: u64,
    /// A value that applies at EL1: the kernel signs for a program.
    pub at_el1: Option<u64>,
}

impl UserKeys {
    /// What the keys differ by at this EL.
    pub fn at(self, el: u8) -> u64 {
        match (el, self.at_el1) {
            (0, _) => self.el0,
            (1, Some(value)) => value,
            _ => 0,
        }
    }
}

/// A 128-bit pointer authentication key.
pub type Key = u128;

/// System registers of one CPU.
#[derive(Clone, Debug, Default)]
pub struct Sys {
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// SCTLR_ELx.
    pub sctlr: [u64; 4],
    /// TCR_ELx.
    pub tcr: [u64; 4],
    /// TTBR0_ELx.
    pub ttbr0: [u64; 4],
    /// TTBR1_ELx (EL1, EL2 only).
    pub ttbr1: [u64; 4],
    /// MAIR_ELx.
    pub mair: [u64; 4],
    /// VBAR_ELx.
    pub vbar: [u64; 4],
    /// ELR_ELx.
    pub elr: [u64; 4],
    /// SPSR_ELx.
    pub spsr: [u64; 4],
    /// ESR_ELx.
    pub esr: [u64; 4],
    /// FAR_ELx.
    pub far: [u64; 4],
    /// SP_ELx, those not selected now (the selected one is in `State::x[31]`); slot 0 is SP_EL0.
    pub sp: [u64; 4],
    /// TPIDR_ELx; slot 0 is TPIDR_EL0.
    pub tpidr: [u64; 4],
    /// TPIDRRO_EL0.
    pub tpidrro: u64,
    /// CONTEXTIDR_ELx (EL1, EL2 only).
    pub contextidr: [u64; 4],
    /// CPACR_EL1.
    pub cpacr: u64,
    /// CPTR_EL2.
    pub cptr2: u64,
    /// CPTR_EL3.
    pub cptr3: u64,
    /// HCR_EL2.
    pub hcr: u64,
    /// SCR_EL3.
    pub scr: u64,
    /// HPFAR_EL2.
    pub hpfar: u64,
    /// What HPFAR_EL2 becomes when the stage 2 fault just found is taken to EL2.
    pub hpfar_pending: u64,
    /// MDSCR_EL1.
    pub mdscr: u64,
    /// MDCR_EL2.
    pub mdcr2: u64,
    /// MDCR_EL3.
    pub mdcr3: u64,
    /// VTCR_EL2.
    pub vtcr: u64,
    /// VTTBR_EL2.
    pub vttbr: u64,
    /// PAR_EL1.
    pub par: u64,
    /// APIA, APIB, APDA, APDB, APGA: low register in the low half.
    pub keys: [Key; 5],
    /// CNTKCTL_EL1.
    pub cntkctl: u64,
    /// CNTHCTL_EL2.
    pub cnthctl: u64,
    /// CNTVOFF_EL2.
    pub cntvoff: u64,
    /// CNTFRQ_EL0.
    pub cntfrq: u64,
    /// VPIDR_EL2.
    pub vpidr: u64,
    /// VMPIDR_EL2.
    pub vmpidr: u64,
    /// CSSELR_EL1.
    pub csselr: u64,
    /// RVBAR_ELx: where a reset begins.
    pub rvbar: u64,
    /// ID_AA64PFR0_EL1.GIC: 1 when the machine has the system registers of a GICv3.
    pub gic_version: u64,
    /// Performance monitors.
    pub pmu: Pmu,
    /// Apple's guarded mode: the bank of EL1 registers not in use.
    pub guarded: GuardedBank,
    /// Apple's page permissions as the registers make them.
    pub overlay: Overlay,
    /// Ranges locked by KTRR and CTRR are protected.
    pub enforce_locks: bool,
    /// Pointer authentication keys of a hypervisor that keeps them: see [`UserKeys`].
    pub user_keys: UserKeys,
    /// State of RNDR's generator.
    pub seed: u64,
    /// See [`timer`].
    pub timers: [Timer; timer::COUNT],
    /// Whether the OS lock is on.
    pub os_lock: bool,
    /// DBGBVR, DBGBCR.
    pub breakpoints: [(u64, u64); 16],
    /// DBGWVR, DBGWCR.
    pub watchpoints: [(u64, u64); 16],
    /// Registers that only store, by encoding (see [`crate::reg::pack`]).
    pub other: BTreeMap<u16, u64>,
}

impl Sys {
    /// The next number of RNDR: splitmix64, the same in every run unless [`Sys::seed`] is set.
    pub(crate) fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// The half of a pointer authentication key that `reg` names (APIAKeyLo_EL1 to APGAKeyHi_EL1): key and shift.
    pub(crate) fn key_slot(reg: u16) -> Option<(usize, u32)> {
        let (crm, op2) = (usize::from(reg >> 3 & 15), usize::from(reg & 7));
        if reg & !0x7f != crate::reg::pack(3, 0, 2, 0, 0) || !(1..=3).contains(&crm) || op2 > 3 {
            return None;
        }
        let key = (crm - 1) * 2 + (op2 >> 1);
        (key < 5).then_some((key, (op2 as u32 & 1) * 64))
    }
}
