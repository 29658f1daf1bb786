//! One processor: its registers, what it is connected to, and the few operations that tie them together.

use std::sync::Arc;

use mem::{Bus, Clock, Line, Lines};

use crate::engine::Stop;
use crate::model::Model;
use crate::state::{State, pending};
use crate::sys::{Sys, timer};
use crate::tlb::Tlb;

/// System registers that belong to something outside the CPU (GICv3's ICC registers, Apple's IPI registers ...).
///
/// Hooks are asked first, so they can also replace a register that the CPU would treat as storage.
pub trait SystemRegisterHook: Send + Sync + std::fmt::Debug {
    /// Value of register `reg` ([`crate::reg::pack`]) for CPU `cpu`, or None when it is not the hook's.
    fn read(&self, cpu: usize, reg: u16) -> Option<u64>;
    /// Writes it; false when it is not the hook's.
    fn write(&self, cpu: usize, reg: u16, value: u64) -> bool;
}

/// The instruction that called firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// HVC #imm.
    Hvc(u16),
    /// SMC #imm.
    Smc(u16),
    /// HLT #imm: 0xf000 is semihosting.
    Hlt(u16),
}

/// What stands in for firmware: PSCI, semihosting, KPP's monitor, a hypervisor's calls.
pub trait Firmware: Send + Sync + std::fmt::Debug {
    /// Handles the call (arguments in X0 and on, results written back there) and says true, or says false: then the
    /// instruction does what the architecture says. To stop the machine set [`Cpu::request_stop`].
    fn call(&self, cpu: &mut Cpu, conduit: Conduit) -> bool;
}

/// What a CPU is connected to.
#[derive(Debug, Clone)]
pub struct Connections {
    /// Physical address space.
    pub bus: Arc<Bus>,
    /// Guest time.
    pub clock: Arc<Clock>,
    /// Interrupt inputs of this CPU.
    pub lines: Arc<Lines>,
    /// Outputs of the generic timers, by [`timer`] index.
    pub timers: [Line; timer::COUNT],
    /// Output of the PMU's overflow interrupt.
    pub pmu: Line,
    /// Registers outside the CPU, asked in order.
    pub hooks: Vec<Arc<dyn SystemRegisterHook>>,
    /// Firmware, if any.
    pub firmware: Option<Arc<dyn Firmware>>,
}

impl Connections {
    /// A CPU alone with memory: timers go nowhere, no hooks, no firmware.
    pub fn new(bus: Arc<Bus>, clock: Arc<Clock>, lines: Arc<Lines>) -> Connections {
        Connections {
            bus,
            clock,
            lines,
            timers: std::array::from_fn(|_| Line::unconnected()),
            pmu: Line::unconnected(),
            hooks: Vec::new(),
            firmware: None,
        }
    }
}

/// One AArch64 processor.
#[derive(Debug)]
pub struct Cpu {
    /// Registers that instructions touch directly.
    pub state: State,
    /// System registers.
    pub sys: Sys,
    /// Index of the CPU in its machine.
    pub index: usize,
    /// Identity and features.
    pub model: Arc<Model>,
    /// What it is connected to.
    pub io: Connections,
    /// Soft TLB.
    pub(crate) tlb: Tlb,
    /// Why the engine should return, with [`pending::STOP`].
    pub(crate) stop: Option<Stop>,
}

impl Cpu {
    /// A CPU of `model` in the state of a cold reset, with `mpidr` as its affinity.
    pub fn new(model: Arc<Model>, index: usize, mpidr: u64, io: Connections) -> Cpu {
        let mut cpu = Cpu {
            state: State::default(),
            sys: Sys::default(),
            index,
            model,
            io,
            tlb: Tlb::new(),
            stop: None,
        };
        cpu.sys.mpidr = mpidr;
        cpu.reset();
        cpu
    }

    /// Cold reset: highest EL, interrupts masked, MMU off.
    pub fn reset(&mut self) {
        self.state = State::default();
        let tables = self.tlb.tables();
        self.state.tables = [tables; 2];
        self.state.unprivileged_tables = [tables; 2];
    }

    /// Asks the engine to return with `stop` before the next instruction.
    pub fn request_stop(&mut self, stop: Stop) {
        self.stop = Some(stop);
        self.state.pending |= pending::STOP;
    }

    /// Counts an unallocated instruction word for `-d unimp`.
    pub(crate) fn note_undefined(&mut self, _word: u32) {}

    /// Takes the reason to stop, if there is one.
    pub fn take_stop(&mut self) -> Option<Stop> {
        self.state.pending &= !pending::STOP;
        self.stop.take()
    }
}
