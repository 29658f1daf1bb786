//! The guest as `gdbstub` wants it: threads are CPUs, thread n + 1 is CPU n.

use gdbstub::common::{Signal, Tid};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::multithread::{
    MultiThreadBase, MultiThreadResume, MultiThreadResumeOps, MultiThreadSchedulerLocking,
    MultiThreadSchedulerLockingOps, MultiThreadSingleStep, MultiThreadSingleStepOps,
};
use gdbstub::target::ext::base::single_register_access::{SingleRegisterAccess, SingleRegisterAccessOps};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps, SwBreakpoint,
    SwBreakpointOps, WatchKind,
};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln};
use gdbstub::target::ext::thread_extra_info::{ThreadExtraInfo, ThreadExtraInfoOps};
use gdbstub::target::{self, TargetError, TargetResult};

use cpu::Cpu;
use cpu::debug::Watch;
use cpu::state::pending;

use crate::arch::{AArch64, CoreRegisters, Register};
use crate::target::Target;
use crate::{inspect, system};

/// Breakpoints and watchpoints that a client may set: more is a mistake or malice.
const MOST_POINTS: usize = 4096;
/// Longest range of one watchpoint.
const LONGEST_WATCH: u64 = 1 << 30;
/// errno values that clients know.
const EFAULT: u8 = 14;
const EINVAL: u8 = 22;

/// Bits of PSTATE that a client may change through `cpsr`: flags and masks. EL and stack pointer are the guest's.
const CPSR_DAIF: u32 = 0x3c0;
const CPSR_NZCV: u32 = 0xf000_0000;

/// Places where LLDB looks for the address of a Darwin kernel's header: `lgStext` in the low globals, for 4 and 16 KiB pages
/// (LLDB's `DynamicLoaderDarwinKernel.cpp`; XNU's `osfmk/arm64/lowglobals.h`). Release kernels leave these unmapped.
const LOW_GLOBALS: [u64; 3] = [0xffff_fff0_0000_2010, 0xffff_fff0_0000_4010, 0xffff_fe00_0000_4010];

/// A watchpoint and the kind that the client calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Point {
    watch: Watch,
    kind: WatchKind,
}

/// One client's view of the guest.
pub(crate) struct Stub<'a> {
    pub guest: &'a mut dyn Target,
    breakpoints: Vec<u64>,
    points: Vec<Point>,
    /// The CPU to step at the next resumption.
    step: Option<usize>,
    /// CPUs that the client named to run.
    named: Vec<usize>,
    /// Only the CPUs named run.
    locked: bool,
}

/// The CPU of a thread.
fn index(tid: Tid) -> usize {
    tid.get() - 1
}

/// The thread of a CPU.
pub(crate) fn thread(cpu: usize) -> Tid {
    Tid::MIN.saturating_add(cpu)
}

impl<'a> Stub<'a> {
    pub fn new(guest: &'a mut dyn Target) -> Self {
        Self {
            guest,
            breakpoints: Vec::new(),
            points: Vec::new(),
            step: None,
            named: Vec::new(),
            locked: false,
        }
    }

    fn cpu(&self, tid: Tid) -> TargetResult<&Cpu, Self> {
        self.guest.cpu(index(tid)).ok_or(TargetError::Errno(EINVAL))
    }

    fn cpu_mut(&mut self, tid: Tid) -> TargetResult<&mut Cpu, Self> {
        self.guest.cpu_mut(index(tid)).ok_or(TargetError::Errno(EINVAL))
    }

    fn each(&mut self, mut change: impl FnMut(&mut Cpu)) {
        for n in 0..self.guest.cpus() {
            if let Some(cpu) = self.guest.cpu_mut(n) {
                change(cpu);
            }
        }
    }

    /// Tells the CPUs again what the client asked for: a machine that restarted has new ones.
    pub fn arm(&mut self) {
        let (breakpoints, points) = (self.breakpoints.clone(), self.points.clone());
        self.each(|cpu| {
            breakpoints.iter().for_each(|at| cpu.set_breakpoint(*at, true));
            points.iter().for_each(|p| cpu.set_watch(p.watch, true));
        });
    }

    /// Takes back everything that was asked of the CPUs.
    pub fn disarm(&mut self) {
        self.breakpoints.clear();
        self.points.clear();
        self.each(Cpu::clear_debugger);
        for n in 0..self.guest.cpus() {
            self.guest.hold(n, false);
        }
    }

    /// After a stop: no CPU is to step on its own later.
    pub fn stopped(&mut self) {
        self.each(|cpu| cpu.set_step(false));
    }

    /// How the client calls a watchpoint that was hit: its kind, and an address inside it.
    pub fn hit(&self, address: u64, write: bool) -> (WatchKind, u64) {
        let inside = |p: &&Point| {
            let wanted = if write { p.watch.write } else { p.watch.read };
            // Sixty-four bytes is the longest access there is (LD4 of four registers, DC ZVA).
            wanted
                && address < p.watch.address.saturating_add(p.watch.len)
                && p.watch.address < address.saturating_add(64)
        };
        match self.points.iter().find(inside) {
            Some(p) => (p.kind, address.max(p.watch.address)),
            None => (if write { WatchKind::Write } else { WatchKind::Read }, address),
        }
    }

    fn set_breakpoint(&mut self, at: u64) -> TargetResult<bool, Self> {
        if self.breakpoints.len() >= MOST_POINTS {
            return Ok(false);
        }
        if !self.breakpoints.contains(&at) {
            self.breakpoints.push(at);
        }
        self.each(|cpu| cpu.set_breakpoint(at, true));
        Ok(true)
    }

    fn clear_breakpoint(&mut self, at: u64) -> TargetResult<bool, Self> {
        self.breakpoints.retain(|b| *b != at);
        self.each(|cpu| cpu.set_breakpoint(at, false));
        Ok(true)
    }

    /// What LLDB is told where it looks for a kernel and the guest has nothing.
    fn low_globals(&self, at: u64, data: &mut [u8]) -> bool {
        let Some(kernel) = self.guest.kernel() else { return false };
        let Some(bytes) = data.first_chunk_mut::<8>() else { return false };
        if !LOW_GLOBALS.contains(&at) {
            return false;
        }
        *bytes = kernel.header.to_le_bytes();
        true
    }
}

impl target::Target for Stub<'_> {
    type Arch = AArch64;
    type Error = &'static str;

    fn base_ops(&mut self) -> BaseOps<'_, AArch64, Self::Error> {
        BaseOps::MultiThread(self)
    }

    fn guard_rail_implicit_sw_breakpoints(&self) -> bool {
        true
    }

    fn use_fork_stop_reason(&self) -> bool {
        false
    }

    fn use_vfork_stop_reason(&self) -> bool {
        false
    }

    fn use_vforkdone_stop_reason(&self) -> bool {
        false
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadBase for Stub<'_> {
    fn read_registers(&mut self, regs: &mut CoreRegisters, tid: Tid) -> TargetResult<(), Self> {
        let s = &self.cpu(tid)?.state;
        for (n, x) in regs.x.iter_mut().enumerate() {
            *x = s.x(n);
        }
        (regs.sp, regs.pc, regs.cpsr) = (s.xsp(31), s.pc, s.spsr() as u32);
        (regs.v, regs.fpsr, regs.fpcr) = (s.v, s.fpsr, s.fpcr);
        Ok(())
    }

    fn write_registers(&mut self, regs: &CoreRegisters, tid: Tid) -> TargetResult<(), Self> {
        let cpu = self.cpu_mut(tid)?;
        for (n, x) in regs.x.iter().enumerate() {
            cpu.state.set_x(n, *x);
        }
        cpu.state.set_xsp(31, regs.sp);
        cpu.state.v = regs.v;
        (cpu.state.fpsr, cpu.state.fpcr) = (regs.fpsr, regs.fpcr);
        set_cpsr(cpu, regs.cpsr);
        if regs.pc != cpu.state.pc {
            cpu.set_pc(regs.pc);
        }
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, Tid, Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8], tid: Tid) -> TargetResult<usize, Self> {
        let mut n = inspect::read(self.cpu(tid)?, start, data);
        if n == 0 && self.low_globals(start, data) {
            n = 8;
        }
        if n == 0 && !data.is_empty() { Err(TargetError::Errno(EFAULT)) } else { Ok(n) }
    }

    fn write_addrs(&mut self, start: u64, data: &[u8], tid: Tid) -> TargetResult<(), Self> {
        if inspect::write(self.cpu(tid)?, start, data) { Ok(()) } else { Err(TargetError::Errno(EFAULT)) }
    }

    fn list_active_threads(&mut self, thread_is_active: &mut dyn FnMut(Tid)) -> Result<(), Self::Error> {
        let current = self.guest.current();
        thread_is_active(thread(current));
        for n in (0..self.guest.cpus()).filter(|n| *n != current) {
            if self.guest.is_on(n) {
                thread_is_active(thread(n));
            }
        }
        Ok(())
    }

    fn support_resume(&mut self) -> Option<MultiThreadResumeOps<'_, Self>> {
        Some(self)
    }

    fn support_thread_extra_info(&mut self) -> Option<ThreadExtraInfoOps<'_, Self>> {
        Some(self)
    }
}

fn set_cpsr(cpu: &mut Cpu, value: u32) {
    cpu.state.nzcv = value & CPSR_NZCV;
    cpu.state.daif = value & CPSR_DAIF;
    cpu.state.pending |= pending::INTERRUPT;
}

/// Copies a register's bytes into what `gdbstub` gives for it.
fn put(buf: &mut [u8], bytes: &[u8]) -> usize {
    let n = bytes.len().min(buf.len());
    buf.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    n
}

fn wide(bytes: &[u8]) -> Result<u64, TargetError<&'static str>> {
    bytes.try_into().map(u64::from_le_bytes).map_err(|_| TargetError::Errno(EINVAL))
}

fn narrow(bytes: &[u8]) -> Result<u32, TargetError<&'static str>> {
    bytes.try_into().map(u32::from_le_bytes).map_err(|_| TargetError::Errno(EINVAL))
}

impl SingleRegisterAccess<Tid> for Stub<'_> {
    fn read_register(&mut self, tid: Tid, register: Register, buf: &mut [u8]) -> TargetResult<usize, Self> {
        let cpu = self.cpu(tid)?;
        let s = &cpu.state;
        Ok(match register {
            Register::X(n) => put(buf, &s.x(n.into()).to_le_bytes()),
            Register::Sp => put(buf, &s.xsp(31).to_le_bytes()),
            Register::Pc => put(buf, &s.pc.to_le_bytes()),
            Register::Cpsr => put(buf, &(s.spsr() as u32).to_le_bytes()),
            Register::V(n) => put(buf, &s.q(n.into()).to_le_bytes()),
            Register::Fpsr => put(buf, &s.fpsr.to_le_bytes()),
            Register::Fpcr => put(buf, &s.fpcr.to_le_bytes()),
            Register::System(n) => {
                let system = system::find(n).ok_or(TargetError::Errno(EINVAL))?;
                put(buf, &system.value(cpu).to_le_bytes())
            }
        })
    }

    fn write_register(&mut self, tid: Tid, register: Register, val: &[u8]) -> TargetResult<(), Self> {
        let cpu = self.cpu_mut(tid)?;
        match register {
            Register::X(n) => cpu.state.set_x(n.into(), wide(val)?),
            Register::Sp => cpu.state.set_xsp(31, wide(val)?),
            Register::Pc => cpu.set_pc(wide(val)?),
            Register::Cpsr => set_cpsr(cpu, narrow(val)?),
            Register::V(n) => {
                let value = val.try_into().map_err(|_| TargetError::Errno(EINVAL))?;
                cpu.state.set_q(n.into(), u128::from_le_bytes(value));
            }
            Register::Fpsr => cpu.state.fpsr = narrow(val)?,
            Register::Fpcr => cpu.state.fpcr = narrow(val)?,
            // As the guest would write it at its EL: what depends on it follows.
            Register::System(n) => {
                if system::find(n).is_none() || !cpu.write_system(n, wide(val)?) {
                    return Err(TargetError::Errno(EINVAL));
                }
            }
        }
        Ok(())
    }
}

impl MultiThreadResume for Stub<'_> {
    fn resume(&mut self) -> Result<(), Self::Error> {
        for n in 0..self.guest.cpus() {
            let runs = !self.locked || self.step == Some(n) || self.named.contains(&n);
            self.guest.hold(n, !runs);
            if let Some(cpu) = self.guest.cpu_mut(n) {
                cpu.set_step(self.step == Some(n));
            }
        }
        Ok(())
    }

    fn clear_resume_actions(&mut self) -> Result<(), Self::Error> {
        (self.step, self.locked) = (None, false);
        self.named.clear();
        Ok(())
    }

    fn set_resume_action_continue(&mut self, tid: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        if !self.named.contains(&index(tid)) && index(tid) < self.guest.cpus() {
            self.named.push(index(tid));
        }
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<MultiThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_scheduler_locking(&mut self) -> Option<MultiThreadSchedulerLockingOps<'_, Self>> {
        Some(self)
    }
}

impl MultiThreadSingleStep for Stub<'_> {
    fn set_resume_action_step(&mut self, tid: Tid, _: Option<Signal>) -> Result<(), Self::Error> {
        self.step = Some(index(tid)).filter(|n| *n < self.guest.cpus());
        Ok(())
    }
}

impl MultiThreadSchedulerLocking for Stub<'_> {
    fn set_resume_action_scheduler_lock(&mut self) -> Result<(), Self::Error> {
        self.locked = true;
        Ok(())
    }
}

impl ThreadExtraInfo for Stub<'_> {
    fn thread_extra_info(&self, tid: Tid, buf: &mut [u8]) -> Result<usize, Self::Error> {
        let n = index(tid);
        let text = match self.guest.cpu(n) {
            None => format!("no CPU {n}"),
            Some(_) if !self.guest.is_on(n) => format!("CPU {n}: off"),
            Some(cpu) => {
                let waits = if self.guest.waits(n) { ", waits" } else { "" };
                format!("CPU {n}: EL{}{waits}", cpu.state.el)
            }
        };
        Ok(put(buf, text.as_bytes()))
    }
}

impl Breakpoints for Stub<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Stub<'_> {
    fn add_sw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        self.set_breakpoint(at)
    }

    fn remove_sw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        self.clear_breakpoint(at)
    }
}

impl HwBreakpoint for Stub<'_> {
    fn add_hw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        self.set_breakpoint(at)
    }

    fn remove_hw_breakpoint(&mut self, at: u64, _: usize) -> TargetResult<bool, Self> {
        self.clear_breakpoint(at)
    }
}

fn point(address: u64, len: u64, kind: WatchKind) -> Point {
    let (read, write) = (kind != WatchKind::Write, kind != WatchKind::Read);
    Point { watch: Watch { address, len, read, write }, kind }
}

impl HwWatchpoint for Stub<'_> {
    fn add_hw_watchpoint(&mut self, address: u64, len: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        if self.points.len() >= MOST_POINTS || len == 0 || len > LONGEST_WATCH {
            return Ok(false);
        }
        let point = point(address, len, kind);
        if !self.points.contains(&point) {
            self.points.push(point);
        }
        self.each(|cpu| cpu.set_watch(point.watch, true));
        Ok(true)
    }

    fn remove_hw_watchpoint(&mut self, address: u64, len: u64, kind: WatchKind) -> TargetResult<bool, Self> {
        let point = point(address, len, kind);
        self.points.retain(|p| *p != point);
        self.each(|cpu| cpu.set_watch(point.watch, false));
        Ok(true)
    }
}

impl MonitorCmd for Stub<'_> {
    fn handle_monitor_cmd(&mut self, cmd: &[u8], mut out: ConsoleOutput<'_>) -> Result<(), Self::Error> {
        let line = String::from_utf8_lossy(cmd);
        let answer = self.guest.command(line.trim());
        outputln!(out, "{}", answer.trim_end());
        Ok(())
    }
}
