//! What stands in for firmware: PSCI, semihosting, and the calls that Apple's kernels make of a monitor.
//!
//! Sources: Arm DEN 0022 (PSCI 1.1), DEN 0028 (SMC calling convention), "Semihosting for AArch32 and AArch64";
//! XNU osfmk/arm64/machine_routines_asm.s (`monitor_call`) and osfmk/arm64/hv_hvc.h for Apple's.

mod hypercall;

use std::sync::{Arc, Mutex, MutexGuard};

use cpu::{Conduit, Cpu, Firmware, Stop};
use devices::cpu_control::CpuControl;
use devices::serial::Outbox;

/// PSCI functions; bit 30 (64-bit arguments) is masked off before comparing.
const PSCI_VERSION: u32 = 0x8400_0000;
const CPU_SUSPEND: u32 = 0x8400_0001;
const CPU_OFF: u32 = 0x8400_0002;
const CPU_ON: u32 = 0x8400_0003;
const AFFINITY_INFO: u32 = 0x8400_0004;
const MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
const SYSTEM_OFF: u32 = 0x8400_0008;
const SYSTEM_RESET: u32 = 0x8400_0009;
const PSCI_FEATURES: u32 = 0x8400_000a;
const SYSTEM_RESET2: u32 = 0x8400_0012;
const SMCCC_VERSION: u32 = 0x8000_0000;

const SUCCESS: i64 = 0;
const NOT_SUPPORTED: i64 = -1;
const INVALID_PARAMETERS: i64 = -2;
const ALREADY_ON: i64 = -4;

/// Affinity bits of MPIDR.
const AFFINITY: u64 = 0xff_00ff_ffff;

/// Longest text that one semihosting call prints.
const MAX_TEXT: u64 = 64 << 10;
/// ADP_Stopped_ApplicationExit.
const APPLICATION_EXIT: u64 = 0x2_0026;

/// Where a CPU that is switched on begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// First instruction.
    pub pc: u64,
    /// x0 there.
    pub x0: u64,
}

/// Whose conventions firmware follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// Arm's: PSCI and nothing else.
    #[default]
    Standard,
    /// Apple's chips: KPP's monitor calls are answered too.
    Apple,
    /// Apple's virtual machines: hypercalls too.
    AppleVirtual,
}

/// Which CPUs are on, and which shall be.
#[derive(Debug)]
pub struct Power {
    cpus: Mutex<Vec<CpuPower>>,
    /// Registers that show a CPU's state, where the machine has them.
    controls: Vec<Arc<CpuControl>>,
}

#[derive(Debug, Clone, Copy)]
struct CpuPower {
    affinity: u64,
    on: bool,
    start: Option<Start>,
}

impl Power {
    /// CPUs with these MPIDRs, all off.
    pub fn new(mpidrs: &[u64]) -> Self {
        let cpu = |m: &u64| CpuPower { affinity: m & AFFINITY, on: false, start: None };
        Self { cpus: Mutex::new(mpidrs.iter().map(cpu).collect()), controls: Vec::new() }
    }

    /// With registers that show each CPU's state.
    #[must_use]
    pub fn with_controls(self, controls: Vec<Arc<CpuControl>>) -> Self {
        Self { controls, ..self }
    }

    /// Starts CPU `index` at `pc` unless it is on: a release from reset.
    pub fn release(&self, index: usize, pc: u64) {
        if let Some(cpu) = self.lock().get_mut(index).filter(|c| !c.on && c.start.is_none()) {
            cpu.start = Some(Start { pc, x0: 0 });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<CpuPower>> {
        self.cpus.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Says that CPU `index` is on or off now.
    pub fn set(&self, index: usize, on: bool) {
        if let Some(cpu) = self.lock().get_mut(index) {
            cpu.on = on;
        }
        if let Some(control) = self.controls.get(index) {
            control.set_on(on);
        }
    }

    /// Takes the wish to start CPU `index`, if there is one.
    pub fn take_start(&self, index: usize) -> Option<Start> {
        self.lock().get_mut(index)?.start.take()
    }

    fn start(&self, target: u64, start: Start) -> i64 {
        let mut cpus = self.lock();
        match cpus.iter_mut().find(|c| c.affinity == target & AFFINITY) {
            None => INVALID_PARAMETERS,
            Some(c) if c.on || c.start.is_some() => ALREADY_ON,
            Some(c) => {
                c.start = Some(start);
                SUCCESS
            }
        }
    }

    fn info(&self, target: u64) -> i64 {
        match self.lock().iter().find(|c| c.affinity == target & AFFINITY) {
            None => INVALID_PARAMETERS,
            Some(c) if c.on => 0,
            Some(c) if c.start.is_some() => 2,
            Some(_) => 1,
        }
    }
}

/// The firmware of a machine.
#[derive(Debug)]
pub struct Services {
    /// Power state of the CPUs.
    pub power: Arc<Power>,
    /// HLT #0xf000 is semihosting.
    pub semihosting: bool,
    /// Who answers calls that are not PSCI's.
    pub family: Family,
    /// Where semihosting prints.
    pub outbox: Outbox,
}

impl Services {
    fn psci(&self, cpu: &mut Cpu) -> Option<i64> {
        let function = cpu.state.x(0) as u32;
        let [x1, x2, x3] = [1, 2, 3].map(|n| cpu.state.x(n));
        Some(match function & !(1 << 30) {
            PSCI_VERSION => 0x1_0001,
            SMCCC_VERSION => 0x1_0001,
            CPU_SUSPEND => {
                cpu.request_stop(Stop::Wfi);
                SUCCESS
            }
            CPU_OFF => {
                cpu.request_stop(Stop::Off);
                SUCCESS
            }
            CPU_ON => self.power.start(x1, Start { pc: x2, x0: x3 }),
            AFFINITY_INFO => self.power.info(x1),
            // No trusted OS to migrate.
            MIGRATE_INFO_TYPE => 2,
            SYSTEM_OFF => {
                cpu.request_stop(Stop::Exit(0));
                SUCCESS
            }
            SYSTEM_RESET | SYSTEM_RESET2 => {
                cpu.request_stop(Stop::Reset);
                SUCCESS
            }
            PSCI_FEATURES => match x1 as u32 & !(1 << 30) {
                PSCI_VERSION | CPU_SUSPEND | CPU_OFF | CPU_ON | AFFINITY_INFO | MIGRATE_INFO_TYPE
                | SYSTEM_OFF | SYSTEM_RESET | PSCI_FEATURES | SYSTEM_RESET2 | SMCCC_VERSION => SUCCESS,
                _ => NOT_SUPPORTED,
            },
            _ => return None,
        })
    }

    fn semihost(&self, cpu: &mut Cpu) -> i64 {
        let byte = |cpu: &mut Cpu, va: u64| {
            let pa = cpu.debug_translate(va)?;
            cpu.io.bus.memory().read(pa, mem::Size::Byte).map(|b| b as u8)
        };
        let word = |cpu: &mut Cpu, va: u64| {
            let pa = cpu.debug_translate(va)?;
            cpu.io.bus.memory().read(pa, mem::Size::Double)
        };
        let parameter = cpu.state.x(1);
        match cpu.state.x(0) as u32 {
            // SYS_WRITEC
            0x03 => {
                if let Some(b) = byte(cpu, parameter) {
                    self.outbox.send(b);
                }
                0
            }
            // SYS_WRITE0
            0x04 => {
                for at in 0..MAX_TEXT {
                    match byte(cpu, parameter.wrapping_add(at)) {
                        None | Some(0) => break,
                        Some(b) => self.outbox.send(b),
                    }
                }
                0
            }
            // SYS_EXIT, SYS_EXIT_EXTENDED: two words, the reason and the exit status.
            0x18 | 0x20 => {
                let reason = word(cpu, parameter);
                let status = word(cpu, parameter.wrapping_add(8));
                let status = match (reason, status) {
                    (Some(APPLICATION_EXIT), Some(status)) => status as u32,
                    _ => 1,
                };
                cpu.request_stop(Stop::Exit(status));
                0
            }
            _ => -1,
        }
    }
}

impl Firmware for Services {
    fn call(&self, cpu: &mut Cpu, conduit: Conduit) -> bool {
        let result = match conduit {
            Conduit::Hlt(0xf000) if self.semihosting && cpu.state.el > 0 => self.semihost(cpu),
            Conduit::Hlt(_) => return false,
            // KPP's monitor (A7 to A9): there is none, and 0 is what its callers take for success.
            Conduit::Smc(0x11) if self.family == Family::Apple => 0,
            Conduit::Hvc(_) if self.family == Family::AppleVirtual && hypercall::is_apples(cpu) => {
                hypercall::call(cpu);
                return true;
            }
            Conduit::Hvc(_) | Conduit::Smc(_) => match self.psci(cpu) {
                Some(result) => result,
                // Unknown hypervisor calls get "not supported", never a trap: XNU's probe of its host relies on it.
                None => NOT_SUPPORTED,
            },
        };
        cpu.state.set_x(0, result as u64);
        true
    }
}
