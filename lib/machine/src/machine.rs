//! A running machine: CPUs in the board's sockets, and the loop that runs them.
//!
//! CPUs take turns on one thread. While all of them wait, guest time jumps to the next timer instead of passing
//! ([`Options::realtime`] off), for at most ten minutes of guest time without console traffic, or one once somebody has
//! typed: so a boot is not held up by its own delays, and an idle shell does not run hot. While the host has that thread
//! wait for others, guest time stands still: a kernel that counts how long interrupts are masked, or a lock is held, does not hold a busy
//! host against its own code.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cpu::shootdown::Shootdown;
use cpu::trace::Tracer;
use cpu::{Connections, Cpu, Engine, Firmware, Stop};
use devices::framebuffer::Picture;
use mem::Lines;

use crate::Error;
use crate::board::{Board, Entry, Port};
use crate::firmware::{Power, Services};
use crate::hook::{self, Hook};

/// Instructions that a CPU runs before another has its turn.
const TURN: u64 = 20_000;
/// Instructions that a CPU runs alone before the host is looked at.
const ALONE: u64 = 1_000_000;
/// Guest seconds that are skipped without any console traffic, once somebody has typed.
const PATIENCE: u64 = 60;
/// The same before anybody has: a boot without drivers and with few words adds up waits of 30 s each.
const BOOT_PATIENCE: u64 = 600;

/// Which engine executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineKind {
    /// The translator where the host can, else the interpreter.
    #[default]
    Auto,
    /// The reference interpreter.
    Interpreter,
    /// The translator to x86-64; the interpreter on hosts without what it needs.
    Jit,
}

impl EngineKind {
    /// Names on the command line.
    pub const NAMES: &[&str] = &["auto", "interpreter", "jit"];

    /// The engine of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "interpreter" => Some(Self::Interpreter),
            "jit" => Some(Self::Jit),
            _ => None,
        }
    }

    fn make(self) -> Box<dyn Engine> {
        match self {
            Self::Interpreter => Box::new(cpu::Interpreter::new()),
            #[cfg(target_arch = "x86_64")]
            Self::Auto | Self::Jit => match jit::Jit::new() {
                Ok(jit) => Box::new(jit),
                Err(_) => Box::new(cpu::Interpreter::new()),
            },
            #[cfg(not(target_arch = "x86_64"))]
            Self::Auto | Self::Jit => Box::new(cpu::Interpreter::new()),
        }
    }
}

/// What the user may choose about the way a machine runs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which engine executes.
    pub engine: EngineKind,
    /// Waiting takes as long as it says.
    pub realtime: bool,
    /// HLT #0xf000 is semihosting.
    pub semihosting: bool,
    /// Observer of all CPUs.
    pub tracer: Option<Arc<dyn Tracer>>,
    /// What the host does at certain addresses.
    pub hooks: Vec<Hook>,
}

/// How long the host may sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: CPUs have work.
    No,
    /// Until something comes from outside, at most so long.
    For(Duration),
    /// Until something comes from outside.
    Forever,
}

/// What the host says when it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Go on.
    Continue,
    /// Stop running: [`Exit::Host`].
    Quit,
    /// What [`Host::watch`] named is ready: [`Exit::Attention`].
    Attend,
}

/// The world outside: console and clock.
pub trait Host {
    /// The guest sent bytes on a port (index into [`Board::ports`], 0 is the console).
    fn output(&mut self, port: usize, bytes: &[u8]);
    /// Bytes for the console that have come in.
    fn input(&mut self) -> Vec<u8>;
    /// Looks around, sleeping at most so long. `machine` may be looked at.
    fn poll(&mut self, machine: &Machine, wait: Wait) -> Action;
    /// Whether input can still come.
    fn may_wake(&self) -> bool;
    /// Whether nobody is at the other end of the console any more.
    fn hung_up(&self) -> bool;
    /// Has [`Host::poll`] watch a file too, and say [`Action::Attend`] when it can be read; None: no longer.
    fn watch(&mut self, _file: Option<OwnedFd>) {}
    /// Answers a line that a debugger's user typed.
    fn command(&mut self, _machine: &Machine, _line: &str) -> String {
        "no monitor here".into()
    }
}

/// Why a machine stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The guest ended it, with this status.
    Guest(u32),
    /// The guest wants to start over: build the machine again.
    Reset,
    /// All CPUs wait and nothing can wake them.
    Asleep,
    /// The host said so.
    Host,
    /// What [`Host::watch`] named is ready; the machine can run on.
    Attention,
    /// A hook of the host's ended the run.
    Hook,
    /// A debugger's event on this CPU.
    Debug {
        /// Index of the CPU.
        cpu: usize,
        /// What happened.
        stop: Stop,
    },
}

/// A CPU and its engine.
#[derive(Debug)]
struct Processor {
    cpu: Cpu,
    engine: Box<dyn Engine>,
    on: bool,
    /// It executed WFI and nothing has woken it.
    waits: bool,
    /// A debugger lets others run, but not this one.
    held: bool,
}

/// A machine.
#[derive(Debug)]
pub struct Machine {
    board: Board,
    processors: Vec<Processor>,
    power: Arc<Power>,
    options: Options,
    typed: VecDeque<u8>,
    /// Guest time of the last console traffic.
    last_traffic: u64,
    /// Somebody has typed.
    interactive: bool,
    /// Index of the CPU whose turn it is.
    turn: usize,
}

impl Machine {
    /// Puts CPUs into a board's sockets; the boot CPU is at its entry, the others are off.
    pub fn new(board: Board, options: Options) -> Self {
        let mpidrs: Vec<u64> = board.sockets.iter().map(|s| s.mpidr).collect();
        let power = board.power.clone().unwrap_or_else(|| Arc::new(Power::new(&mpidrs)));
        let outbox = board.ports.first().map(|p| p.outbox.clone()).unwrap_or_default();
        let services: Arc<dyn Firmware> = Arc::new(Services {
            power: Arc::clone(&power),
            semihosting: options.semihosting,
            family: board.family,
            outbox,
        });
        let model = Arc::new(board.model.clone());
        board.bus.reset();
        let shootdown = Arc::new(Shootdown::new(board.sockets.len()));
        let processors = board
            .sockets
            .iter()
            .enumerate()
            .map(|(index, socket)| {
                let io = Connections {
                    timers: socket.timers.clone(),
                    pmu: socket.pmu.clone(),
                    hooks: board.hooks.clone(),
                    firmware: Some(Arc::clone(&services)),
                    shootdown: Arc::clone(&shootdown),
                    tracer: options.tracer.clone(),
                    ..Connections::new(
                        Arc::clone(&board.bus),
                        Arc::clone(&board.clock),
                        Arc::clone(&socket.lines),
                    )
                };
                let model = match socket.midr {
                    Some(midr) => Arc::new(cpu::Model { midr, ..board.model.clone() }),
                    None => Arc::clone(&model),
                };
                let mut cpu = Cpu::new(model, index, socket.mpidr, io);
                cpu.sys.enforce_locks = board.enforce_locks;
                options.hooks.iter().for_each(|h| cpu.set_hook(h.address, true));
                Processor { cpu, engine: options.engine.make(), on: false, waits: false, held: false }
            })
            .collect();
        let boot = board.boot_cpu;
        let mut machine = Self {
            board,
            processors,
            power,
            options,
            typed: VecDeque::new(),
            last_traffic: 0,
            interactive: false,
            turn: boot,
        };
        machine.start(boot, machine.board.entry);
        machine
    }

    /// Brings CPU `index` out of reset at `entry`.
    fn start(&mut self, index: usize, entry: Entry) {
        let board = &self.board;
        if let Some(p) = self.processors.get_mut(index) {
            p.cpu.sys.rvbar = board.reset_vector;
            p.cpu.sys.gic_version = board.gic;
            p.cpu.reset();
            p.cpu.start_at(entry.pc, board.entry_level);
            p.cpu.state.set_x(0, entry.x0);
            p.engine.flush();
            p.on = true;
            p.waits = false;
        }
        self.power.set(index, true);
    }

    /// The board.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// CPU `index`.
    pub fn cpu(&self, index: usize) -> Option<&Cpu> {
        self.processors.get(index).map(|p| &p.cpu)
    }

    /// CPU `index`, to be changed by a debugger.
    pub fn cpu_mut(&mut self, index: usize) -> Option<&mut Cpu> {
        self.processors.get_mut(index).map(|p| &mut p.cpu)
    }

    /// Number of CPUs.
    pub fn cpus(&self) -> usize {
        self.processors.len()
    }

    /// Whether CPU `index` is switched on.
    pub fn is_on(&self, index: usize) -> bool {
        self.processors.get(index).is_some_and(|p| p.on)
    }

    /// Whether CPU `index` waits for an interrupt.
    pub fn waits(&self, index: usize) -> bool {
        self.processors.get(index).is_some_and(|p| p.waits)
    }

    /// Keeps CPU `index` from running, or lets it run again: a debugger's wish.
    pub fn hold(&mut self, index: usize, held: bool) {
        if let Some(p) = self.processors.get_mut(index) {
            p.held = held;
        }
    }

    /// Instructions executed by all CPUs.
    pub fn instructions(&self) -> u64 {
        self.processors.iter().map(|p| p.cpu.state.instructions).sum()
    }

    /// What the screen shows; None when there is none.
    pub fn picture(&self) -> Option<Result<Picture, Error>> {
        self.board.screen().map(|s| s.picture())
    }

    /// Runs until something ends it.
    pub fn run(&mut self, host: &mut dyn Host) -> Exit {
        loop {
            let round = if self.options.realtime {
                self.round()
            } else {
                let clock = Arc::clone(&self.board.clock);
                clock.follow_thread();
                let round = self.round();
                clock.follow_host();
                round
            };
            if let Some(exit) = round {
                self.traffic(host);
                return exit;
            }
            self.traffic(host);
            let wait = match self.idle(host) {
                Ok(wait) => wait,
                Err(exit) => return exit,
            };
            match host.poll(self, wait) {
                Action::Continue => {}
                Action::Quit => return Exit::Host,
                Action::Attend => return Exit::Attention,
            }
            self.traffic(host);
        }
    }

    /// Gives every CPU that can run its turn.
    fn round(&mut self) -> Option<Exit> {
        let count = self.processors.len();
        let alone = self.processors.iter().filter(|p| p.on).count() <= 1;
        for _ in 0..count {
            let index = self.turn;
            self.turn = (index + 1) % count.max(1);
            if let Some(start) = self.power.take_start(index) {
                self.start(index, Entry { pc: start.pc, x0: start.x0 });
            }
            let clock = Arc::clone(&self.board.clock);
            let Some(p) = self.processors.get_mut(index).filter(|p| p.on && !p.held) else { continue };
            p.cpu.update_timers();
            if p.waits && !p.cpu.has_wakeup() {
                continue;
            }
            p.waits = false;
            let mut budget = if alone { ALONE } else { TURN };
            if clock.is_counted() {
                let until = p.cpu.next_deadline().and_then(|d| clock.instructions_until(d));
                budget = budget.min(TURN).min(until.unwrap_or(TURN));
            }
            let stop = p.engine.run(&mut p.cpu, budget);
            p.cpu.sync_clock();
            match stop {
                Stop::Budget | Stop::Yield | Stop::Kick => {}
                Stop::Wfi => p.waits = true,
                Stop::Off => {
                    p.on = false;
                    self.power.set(index, false);
                }
                Stop::Exit(status) => return Some(Exit::Guest(status)),
                Stop::Reset => return Some(Exit::Reset),
                Stop::Hook if hook::run(&mut self.options.hooks, &mut p.cpu) => return Some(Exit::Hook),
                Stop::Hook => {}
                Stop::Breakpoint | Stop::Watchpoint { .. } | Stop::Step => {
                    return Some(Exit::Debug { cpu: index, stop });
                }
            }
        }
        None
    }

    /// How long the host may sleep: until a CPU has work. Skips guest time where nobody minds.
    fn idle(&mut self, host: &dyn Host) -> Result<Wait, Exit> {
        if self.processors.iter().any(|p| p.on && !p.waits && !p.held && !p.cpu.spins()) {
            return Ok(Wait::No);
        }
        if self.processors.iter_mut().any(|p| p.on && p.cpu.has_wakeup()) {
            return Ok(Wait::No);
        }
        // A CPU that polls the counter may have its time skipped like one in WFI, but may not be put to sleep.
        let spinning = self.processors.iter().any(|p| p.on && !p.waits && !p.held);
        let deadline = self.processors.iter().filter(|p| p.on).filter_map(|p| p.cpu.next_deadline()).min();
        let clock = &self.board.clock;
        let Some(deadline) = deadline else {
            if spinning {
                return Ok(Wait::No);
            }
            let any_on = self.processors.iter().any(|p| p.on);
            return if any_on && host.may_wake() { Ok(Wait::Forever) } else { Err(Exit::Asleep) };
        };
        let now = clock.now();
        let ticks = deadline.saturating_sub(now);
        let patience = if self.interactive { PATIENCE } else { BOOT_PATIENCE };
        let patient = now.saturating_sub(self.last_traffic) < patience.saturating_mul(clock.frequency());
        if !self.options.realtime && (patient || clock.is_counted()) {
            clock.warp_to(deadline);
            return Ok(Wait::No);
        }
        Ok(if ticks == 0 || spinning { Wait::No } else { Wait::For(clock.duration(ticks)) })
    }

    /// Carries bytes between ports and host.
    fn traffic(&mut self, host: &mut dyn Host) {
        let mut any = false;
        for (index, port) in self.board.ports.iter().enumerate() {
            let bytes = port.outbox.take();
            if !bytes.is_empty() {
                host.output(index, &bytes);
                any = true;
            }
        }
        let typed = host.input();
        any |= !typed.is_empty();
        self.interactive |= !typed.is_empty();
        self.typed.extend(typed);
        if !self.typed.is_empty()
            && let Some(port) = self.board.ports.first()
        {
            let n = give(port, self.typed.make_contiguous());
            self.typed.drain(..n);
        } else if let Some(port) = self.board.ports.first() {
            lock(&port.device).hang_up(host.hung_up());
        }
        if any {
            self.last_traffic = self.board.clock.now();
        }
    }

    /// The interrupt inputs of CPU `index`.
    pub fn lines(&self, index: usize) -> Option<&Arc<Lines>> {
        self.board.sockets.get(index).map(|s| &s.lines)
    }
}

fn give(port: &Port, bytes: &[u8]) -> usize {
    lock(&port.device).receive(bytes)
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests;
