//! The host side of a running machine: console, patience, signals.

use std::io;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cli::{Error, Io};
use machine::{Action, Host, Machine, Wait};
use regex::bytes::Regex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::diagnose::Diagnosis;
use crate::monitor;
use crate::names::Names;
use crate::serial::Console;
use crate::terminal::ESCAPE;

/// Console output kept for `--until`.
const KEPT: usize = 64 << 10;
/// How often the host is looked at while CPUs have work.
const GLANCE: Duration = Duration::from_millis(2);

/// Why the host ended the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The text of `--until` appeared.
    Found,
    /// `--timeout` is over.
    TimedOut,
    /// The user left by Ctrl-A x, or nobody reads our output any more.
    Left,
    /// This signal came.
    Signal(i32),
}

/// The host.
#[derive(Debug)]
pub struct Terminal {
    console: Console,
    until: Option<Regex>,
    seen: Vec<u8>,
    deadline: Option<Instant>,
    last_glance: Instant,
    typed: Vec<u8>,
    /// The last byte typed was Ctrl-A.
    escaped: bool,
    /// The user asked for the monitor.
    monitor: bool,
    signals: Vec<(i32, Arc<AtomicBool>)>,
    /// What a debugger is connected or will connect at.
    watched: Option<OwnedFd>,
    /// `watched` can be read.
    attend: bool,
    /// What users of the screen typed.
    pub keys: Option<UnixStream>,
    /// Why the guest gets no further.
    pub diagnosis: Option<Diagnosis>,
    /// What the monitor calls things.
    pub names: Names,
    /// Why the run ended, if the host ended it.
    pub end: Option<End>,
    /// What could not be written.
    pub failed: Option<io::Error>,
}

impl Terminal {
    /// With a console; `until` ends the run with success, `timeout` without.
    pub fn new(console: Console, until: Option<Regex>, timeout: Option<Duration>) -> Result<Self, Error> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        let now = Instant::now();
        let mut signals = Vec::new();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let flag = Arc::new(AtomicBool::new(false));
            signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(|e| Error::io("signals", e))?;
            signals.push((signal, flag));
        }
        Ok(Self {
            console,
            until,
            seen: Vec::new(),
            deadline: timeout.and_then(|t| now.checked_add(t)),
            last_glance: now,
            typed: Vec::new(),
            escaped: false,
            monitor: false,
            signals,
            watched: None,
            attend: false,
            keys: None,
            diagnosis: None,
            names: Names::default(),
            end: None,
            failed: None,
        })
    }

    /// Notices the text that ends the run.
    fn watch(&mut self, bytes: &[u8]) {
        let Some(until) = &self.until else { return };
        self.seen.extend_from_slice(bytes);
        if until.is_match(&self.seen) {
            self.end.get_or_insert(End::Found);
        }
        if self.seen.len() > KEPT {
            self.seen.drain(..self.seen.len() - KEPT / 2);
        }
    }

    /// Takes what was typed; on a terminal Ctrl-A and the key after it are ours.
    fn keys(&mut self, bytes: Vec<u8>) {
        if !self.console.is_terminal() {
            self.typed.extend(bytes);
            return;
        }
        for byte in bytes {
            if !std::mem::take(&mut self.escaped) {
                if byte == ESCAPE {
                    self.escaped = true;
                } else {
                    self.typed.push(byte);
                }
                continue;
            }
            match byte {
                ESCAPE => self.typed.push(ESCAPE),
                b'x' | b'X' => {
                    self.end.get_or_insert(End::Left);
                }
                b'c' | b'C' => self.monitor = true,
                _ => self.say(
                    "\r\nCtrl-A h  this help\r\nCtrl-A x  end the machine\r\nCtrl-A c  monitor: look at registers and \
                     memory\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n",
                ),
            }
        }
    }

    fn say(&mut self, text: &str) {
        if let Err(e) = self.console.write(text.as_bytes()) {
            self.fail(e);
        }
    }

    fn fail(&mut self, e: io::Error) {
        self.end.get_or_insert(End::Left);
        if e.kind() != io::ErrorKind::BrokenPipe {
            self.failed.get_or_insert(e);
        }
    }

    /// How long to sleep: as the machine says, but not beyond the deadline.
    fn sleep(&self, wait: Wait) -> Option<Duration> {
        let left = self.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        let wanted = match wait {
            Wait::No => Some(Duration::ZERO),
            Wait::For(d) => Some(d),
            Wait::Forever => None,
        };
        match (wanted, left) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn wait(&mut self, sleep: Option<Duration>) {
        let timeout = sleep.and_then(|d| Timespec::try_from(d).ok());
        let console = self.console.wait_on();
        if console.is_none() && self.watched.is_none() && self.keys.is_none() && sleep == Some(Duration::ZERO)
        {
            return;
        }
        let mut fds: Vec<PollFd<'_>> = console
            .iter()
            .chain(&self.watched.as_ref().map(AsFd::as_fd))
            .chain(&self.keys.as_ref().map(AsFd::as_fd))
            .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
            .collect();
        // EINTR and timeout alike: the caller looks around again.
        let ready = poll(&mut fds, timeout.as_ref()).is_ok_and(|n| n > 0);
        let mut events = fds.iter().map(PollFd::revents).map(|e| if ready { e } else { PollFlags::empty() });
        let typed = console.and_then(|_| events.next()).unwrap_or(PollFlags::empty());
        let attend = self.watched.as_ref().and_then(|_| events.next()).is_some_and(|e| !e.is_empty());
        let pressed = events.next().is_some_and(|e| !e.is_empty());
        self.attend = attend;
        if pressed && let Some(keys) = &mut self.keys {
            let mut buffer = [0; 256];
            let n = keys.read(&mut buffer).unwrap_or(0);
            self.typed.extend(buffer.get(..n).unwrap_or_default());
        }
        if typed.is_empty() {
            return;
        }
        let idle = typed.contains(PollFlags::HUP) && !typed.contains(PollFlags::IN);
        let bytes = self.console.read();
        if idle && bytes.is_empty() && sleep != Some(Duration::ZERO) {
            // A pseudo-terminal that nobody has open is always "ready".
            let _ = poll(&mut [], Timespec::try_from(Duration::from_millis(20)).ok().as_ref());
        }
        self.keys(bytes);
    }

    /// Puts the terminal back for good.
    pub fn finish(&mut self, io: &Io) {
        self.console.suspend();
        if let Some(e) = self.failed.take() {
            io.warn(format_args!("console: {e}"));
        }
    }
}

impl Host for Terminal {
    fn output(&mut self, port: usize, bytes: &[u8]) {
        if port != 0 {
            return;
        }
        if let Err(e) = self.console.write(bytes) {
            self.fail(e);
        }
        self.watch(bytes);
        if let Some(diagnosis) = &mut self.diagnosis {
            diagnosis.output(bytes);
        }
    }

    fn input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.typed)
    }

    fn poll(&mut self, machine: &Machine, wait: Wait) -> Action {
        let now = Instant::now();
        if self.end.is_none() && (wait != Wait::No || now.duration_since(self.last_glance) >= GLANCE) {
            self.last_glance = now;
            self.wait(self.sleep(wait));
            if let Some((signal, _)) = self.signals.iter().find(|(_, flag)| flag.load(Ordering::Relaxed)) {
                self.end.get_or_insert(End::Signal(*signal));
            }
            if self.deadline.is_some_and(|d| Instant::now() >= d) {
                self.end.get_or_insert(End::TimedOut);
            }
            if let Some(text) = self.diagnosis.as_mut().and_then(|d| d.look(machine)) {
                self.console.suspend();
                for line in text.trim_end().lines() {
                    eprintln!("xnu-run: {line}");
                }
                self.console.resume();
            }
            if std::mem::take(&mut self.monitor) {
                self.console.suspend();
                if monitor::run(machine, &self.names.symbols, self.diagnosis.as_ref()) {
                    self.end.get_or_insert(End::Left);
                }
                self.console.resume();
            }
        }
        match (self.end, std::mem::take(&mut self.attend)) {
            (Some(_), _) => Action::Quit,
            (None, true) => Action::Attend,
            (None, false) => Action::Continue,
        }
    }

    fn hung_up(&self) -> bool {
        !self.console.may_type() && self.keys.is_none()
    }

    fn may_wake(&self) -> bool {
        self.console.may_type() || self.deadline.is_some() || self.watched.is_some() || self.keys.is_some()
    }

    fn watch(&mut self, file: Option<OwnedFd>) {
        self.watched = file;
        self.attend = false;
    }

    fn command(&mut self, machine: &Machine, line: &str) -> String {
        monitor::answer(machine, line, &self.names.symbols, self.diagnosis.as_ref())
    }
}
