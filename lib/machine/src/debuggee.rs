//! A machine as a debugger sees it: [`debug::Target`] for a [`Machine`] and its [`Host`].

use std::os::fd::BorrowedFd;

use cpu::Cpu;
use debug::{Event, Kernel, Target};

use crate::machine::{Action, Exit, Host, Machine, Wait};

/// A machine under a debugger.
pub struct Debuggee<'a> {
    /// The machine; replaced when the guest resets it.
    pub machine: &'a mut Machine,
    /// The world outside.
    pub host: &'a mut dyn Host,
    /// Puts a new machine in place of one that was reset; false: the run ends there.
    pub restart: &'a mut dyn FnMut(&mut Machine) -> bool,
    /// Where the kernel is.
    pub kernel: Option<Kernel>,
    /// How the machine ended, when it did.
    pub exit: Option<Exit>,
    last: usize,
}

impl std::fmt::Debug for Debuggee<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Debuggee").field("exit", &self.exit).finish_non_exhaustive()
    }
}

impl<'a> Debuggee<'a> {
    /// A machine that stands still, its host, and what to do about resets.
    pub fn new(
        machine: &'a mut Machine,
        host: &'a mut dyn Host,
        restart: &'a mut dyn FnMut(&mut Machine) -> bool,
    ) -> Self {
        let last = machine.board().boot_cpu;
        Self { machine, host, restart, kernel: None, exit: None, last }
    }

    /// Has the host watch `input`; when that fails nothing but the machine's own events ends a wait.
    fn watch(&mut self, input: BorrowedFd<'_>) {
        self.host.watch(input.try_clone_to_owned().ok());
    }
}

impl Target for Debuggee<'_> {
    fn cpus(&self) -> usize {
        self.machine.cpus()
    }

    fn cpu(&self, index: usize) -> Option<&Cpu> {
        self.machine.cpu(index)
    }

    fn cpu_mut(&mut self, index: usize) -> Option<&mut Cpu> {
        self.machine.cpu_mut(index)
    }

    fn is_on(&self, index: usize) -> bool {
        self.machine.is_on(index)
    }

    fn waits(&self, index: usize) -> bool {
        self.machine.waits(index)
    }

    fn current(&self) -> usize {
        let on = |n: &usize| self.machine.is_on(*n);
        Some(self.last).filter(on).or_else(|| (0..self.machine.cpus()).find(on)).unwrap_or(0)
    }

    fn hold(&mut self, index: usize, held: bool) {
        self.machine.hold(index, held);
    }

    fn run(&mut self, input: BorrowedFd<'_>) -> Event {
        self.watch(input);
        let exit = self.machine.run(self.host);
        self.host.watch(None);
        match exit {
            Exit::Attention => Event::Input,
            Exit::Debug { cpu, stop } => {
                self.last = cpu;
                Event::Stop { cpu, stop }
            }
            Exit::Reset if (self.restart)(self.machine) => Event::Restarted,
            Exit::Guest(status) => {
                self.exit = Some(exit);
                Event::Ended(status)
            }
            Exit::Host | Exit::Reset | Exit::Asleep | Exit::Hook => {
                self.exit = Some(exit);
                Event::Left
            }
        }
    }

    fn wait(&mut self, input: BorrowedFd<'_>) -> bool {
        self.watch(input);
        let ready = loop {
            match self.host.poll(self.machine, Wait::Forever) {
                Action::Continue => {}
                Action::Attend => break true,
                Action::Quit => {
                    self.exit = Some(Exit::Host);
                    break false;
                }
            }
        };
        self.host.watch(None);
        ready
    }

    fn command(&mut self, line: &str) -> String {
        self.host.command(self.machine, line)
    }

    fn is_apple(&self) -> bool {
        self.machine.board().family != crate::firmware::Family::Standard
    }

    fn kernel(&self) -> Option<Kernel> {
        self.kernel
    }
}
