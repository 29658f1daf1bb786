//! One processor: its registers, what it is connected to, and the few operations that tie them together.

use std::sync::Arc;

use mem::{Bus, Clock, Line, Lines};

use crate::debug::Debugger;
use crate::engine::Stop;
use crate::exec::pauth::{Codes, Contexts};
use crate::model::Model;
use crate::shootdown::Shootdown;
use crate::spin::Spin;
use crate::state::{State, pending};
use crate::sys::{Sys, timer};
use crate::tlb::{Invalidate, Tlb};
use crate::trace::Tracer;

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
    /// Mailboxes for TLB invalidations, shared by all CPUs of the machine.
    pub shootdown: Arc<Shootdown>,
    /// Observer, if any.
    pub tracer: Option<Arc<dyn Tracer>>,
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
            shootdown: Arc::new(Shootdown::new(1)),
            tracer: None,
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
    /// What an outside debugger asked for.
    pub(crate) debugger: Debugger,
    /// Pointer authentication codes computed lately.
    pub(crate) codes: Codes,
    /// Numbers of contexts of pointer authentication.
    pub(crate) contexts: Contexts,
    /// Why the engine should return, with [`pending::STOP`].
    pub(crate) stop: Option<Stop>,
    /// The event register of WFE.
    pub(crate) event: bool,
    /// Software step: an instruction was just stepped (ISV of the syndrome).
    pub(crate) stepped: bool,
    /// Physical count at which a timer wire changes next.
    pub(crate) deadline: u64,
    /// `state.instructions` that the clock knows about.
    pub(crate) counted: u64,
    /// Whether it polls the counter.
    pub(crate) spin: Spin,
}

impl Cpu {
    /// A CPU of `model` in the state of a cold reset, with `mpidr` as its affinity (bit 31 is set here).
    pub fn new(model: Arc<Model>, index: usize, mpidr: u64, io: Connections) -> Cpu {
        let mut cpu = Cpu {
            state: State::default(),
            sys: Sys { mpidr: mpidr | 1 << 31, ..Sys::default() },
            index,
            model,
            io,
            tlb: Tlb::new(),
            debugger: Debugger::default(),
            codes: Codes::default(),
            contexts: Contexts::default(),
            stop: None,
            event: false,
            stepped: false,
            deadline: u64::MAX,
            counted: 0,
            spin: Spin::default(),
        };
        cpu.reset();
        cpu
    }

    /// Cold reset: highest EL, everything masked, MMU off, pc at RVBAR (0 unless [`Sys::rvbar`] was set before).
    pub fn reset(&mut self) {
        /// RES1 bits of SCTLR_ELx with nTWE, nTWI and SPAN set, so that code that never heard of them runs as before.
        const SCTLR: u64 = 0x30d5_0980;
        let instructions = self.state.instructions;
        self.state = State { instructions, ..State::default() };
        self.sys = Sys {
            mpidr: self.sys.mpidr,
            rvbar: self.sys.rvbar,
            gic_version: self.sys.gic_version,
            enforce_locks: self.sys.enforce_locks,
            cntfrq: self.io.clock.frequency(),
            vpidr: self.model.midr,
            vmpidr: self.sys.mpidr,
            cnthctl: 3,
            sctlr: [0, SCTLR, SCTLR, SCTLR],
            cpacr: if self.model.apple { 3 << 20 } else { 0 },
            cptr2: 0x33ff & !(1 << 10) & !(1 << 8),
            hcr: 1 << 31,
            // HPMN: all counters belong to EL1 and EL0.
            mdcr2: 6,
            os_lock: true,
            other: self.model.resets.iter().copied().collect(),
            ..Sys::default()
        };
        self.event = false;
        self.stepped = false;
        self.stop = None;
        self.tlb.invalidate(Invalidate::All);
        self.state.el = self.model.highest();
        self.state.pc = self.sys.rvbar;
        self.state.next_pc = self.sys.rvbar;
        self.update_overlay();
        self.el_changed();
        self.update_timers();
    }

    /// Puts the CPU at `pc` in `el` with its own stack pointer selected, as the firmware of higher ELs would have left it:
    /// lower ELs are AArch64 and non-secure, EL2 (if skipped) traps nothing, counters are accessible.
    pub fn start_at(&mut self, pc: u64, el: u8) {
        let el = el.clamp(1, self.model.highest());
        if el < 3 && self.model.has_el3 {
            // NS, RES1, HCE, RW, APK, API; SMC stays enabled for the firmware hook.
            self.sys.scr = 1 | 3 << 4 | 1 << 8 | 1 << 10 | 3 << 16;
            self.sys.cptr3 = 0;
        }
        if el < 2 && self.model.has_el2 {
            // RW, APK, API.
            self.sys.hcr = 1 << 31 | 3 << 40;
        }
        self.set_el(el, 1);
        self.state.daif = 0x3c0;
        self.state.pc = pc;
        self.state.next_pc = pc;
        self.el_changed();
    }

    /// Moves execution to `pc`, for debuggers and loaders.
    pub fn set_pc(&mut self, pc: u64) {
        self.state.pc = pc;
        self.state.next_pc = pc;
        self.state.pending |= pending::CONTEXT;
    }

    /// Asks the engine to return with `stop` before the next instruction.
    pub fn request_stop(&mut self, stop: Stop) {
        self.stop = Some(stop);
        self.state.pending |= pending::STOP;
    }

    /// Takes the reason to stop, if there is one.
    pub fn take_stop(&mut self) -> Option<Stop> {
        self.state.pending &= !pending::STOP;
        self.stop.take()
    }

    /// Signals an event: a CPU waiting in WFE goes on.
    pub fn send_event(&mut self) {
        self.event = true;
    }

    /// Posts a TLB invalidation to the other CPUs.
    pub(crate) fn broadcast(&self, what: Invalidate) {
        self.io.shootdown.post(self.index, what);
    }

    /// Performs what other CPUs posted.
    pub fn take_shootdowns(&mut self) {
        for what in self.io.shootdown.take(self.index) {
            self.invalidate(what);
        }
    }

    /// Reads a system register by its packed encoding as the current EL sees it; None when it does not exist.
    pub fn read_system(&mut self, reg: u16) -> Option<u64> {
        crate::exec::system::registers::read(self, reg)
    }

    /// Writes a system register by its packed encoding; false when it does not exist.
    pub fn write_system(&mut self, reg: u16, value: u64) -> bool {
        crate::exec::system::registers::write(self, reg, value)
    }
}
