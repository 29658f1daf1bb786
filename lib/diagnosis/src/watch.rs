//! Noticing that a machine will not get any further by itself.
//!
//! Looked at ten times a second, a machine that works shows ever other registers. One whose CPU shows the same few states for
//! many looks, without a word on the console, loops; where it loops says why. A CPU that waits in WFI is not looked at: that is
//! what idle systems do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use machine::{Cpu, Machine};

use crate::recorder::Recorder;

/// How often a machine is looked at.
const EVERY: Duration = Duration::from_millis(100);
/// Different register states of a loop that changes nothing; a loop that waits for a device reads the same, too.
const FEW: usize = 6;
/// Bytes of the exception vectors (Arm manual D1.3.1).
const VECTORS: u64 = 0x800;
/// Bytes that a loop may span.
const LOOP: u64 = 0x1000;
/// Share of all device accesses, in percent, that one register must have to be what is waited for.
const SHARE: u64 = 90;
/// Fewest reads of a register that is waited for.
const READS: u64 = 10_000;

/// What never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// An exception was taken at EL1 before the MMU was on.
    Early {
        /// Index of the CPU.
        cpu: usize,
        /// Its syndrome, address and return address.
        esr: u64,
        /// FAR_EL1.
        far: u64,
        /// ELR_EL1.
        elr: u64,
    },
    /// The CPU does not leave its exception vectors.
    Vectors {
        /// Index of the CPU.
        cpu: usize,
        /// ESR_EL1.
        esr: u64,
        /// FAR_EL1.
        far: u64,
        /// ELR_EL1.
        elr: u64,
    },
    /// A device register is read again and again.
    Polling {
        /// Its physical address.
        pa: u64,
        /// Reads in the time.
        reads: u64,
        /// The instruction that reads it.
        pc: u64,
        /// What it reads.
        value: u64,
    },
    /// A loop that changes nothing.
    Spin {
        /// Index of the CPU.
        cpu: usize,
        /// Lowest address of the loop seen.
        from: u64,
        /// Highest.
        to: u64,
    },
}

/// What one CPU showed.
#[derive(Debug, Clone, Default)]
struct Seen {
    looks: usize,
    from: u64,
    to: u64,
    states: Vec<u64>,
    in_vectors: usize,
}

impl Seen {
    fn look(&mut self, cpu: &Cpu) {
        let pc = cpu.state.pc;
        let state = fingerprint(cpu);
        let (from, to) = (self.from.min(pc), self.to.max(pc));
        let same = self.looks > 0 && to.wrapping_sub(from) < LOOP;
        if !same || (!self.states.contains(&state) && self.states.len() >= FEW) {
            *self = Seen { looks: 0, from: pc, to: pc, states: Vec::new(), in_vectors: 0 };
        } else {
            (self.from, self.to) = (from, to);
        }
        if !self.states.contains(&state) {
            self.states.push(state);
        }
        let vbar = cpu.sys.vbar.get(1).copied().unwrap_or(0);
        self.in_vectors = if pc.wrapping_sub(vbar) < VECTORS { self.in_vectors.saturating_add(1) } else { 0 };
        self.looks = self.looks.saturating_add(1);
    }
}

/// The registers as one number, pc aside.
fn fingerprint(cpu: &Cpu) -> u64 {
    // FNV-1a over words: equal states are equal, others hardly ever.
    let words = cpu.state.x.iter().take(32);
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The watcher of a machine.
#[derive(Debug)]
pub struct Watch {
    patience: Duration,
    recorder: Option<Arc<Recorder>>,
    next: Instant,
    quiet_since: Instant,
    console: u64,
    seen: Vec<Seen>,
    early: bool,
    told: bool,
    /// Accesses, and reads of the most read register, when quiet began.
    accesses: u64,
    reads: Vec<(u64, u64)>,
}

impl Watch {
    /// One that speaks after so long without progress.
    pub fn new(patience: Duration, recorder: Option<Arc<Recorder>>) -> Self {
        let now = Instant::now();
        Self {
            patience,
            recorder,
            next: now,
            quiet_since: now,
            console: 0,
            seen: Vec::new(),
            early: false,
            told: false,
            accesses: 0,
            reads: Vec::new(),
        }
    }

    /// Looks at the machine; `console` is how many bytes it has sent. Says each thing once: an exception before the MMU is on at
    /// once, the others after the patience that it was made with.
    pub fn look(&mut self, machine: &Machine, console: u64, now: Instant) -> Option<Finding> {
        if now < self.next {
            return None;
        }
        self.next = now + EVERY;
        let cpus = machine.cpus().min(64);
        self.seen.resize(cpus, Seen::default());
        if !self.early {
            let early = (0..cpus).find_map(|n| early(n, machine.cpu(n)?));
            if early.is_some() {
                self.early = true;
                return early;
            }
        }
        if console != self.console {
            // Whoever speaks goes on.
            self.console = console;
            self.quiet_since = now;
            self.seen.fill(Seen::default());
            self.told = false;
            self.remember();
            return None;
        }
        for (n, seen) in self.seen.iter_mut().enumerate() {
            match machine.cpu(n).filter(|_| machine.is_on(n) && !machine.waits(n)) {
                Some(cpu) => seen.look(cpu),
                None => *seen = Seen::default(),
            }
        }
        if self.told || now.duration_since(self.quiet_since) < self.patience {
            return None;
        }
        let finding = self.stuck(machine);
        self.told = finding.is_some();
        finding
    }

    /// What the machine is stuck in now, if it is; as [`Watch::look`] says it, but at any time.
    pub fn stuck(&self, machine: &Machine) -> Option<Finding> {
        let enough = self.looks();
        for (n, seen) in self.seen.iter().enumerate().filter(|(_, s)| s.in_vectors >= enough) {
            let Some(cpu) = machine.cpu(n) else { continue };
            let at = |values: &[u64]| values.get(1).copied().unwrap_or(0);
            let s = &cpu.sys;
            let _ = seen;
            return Some(Finding::Vectors { cpu: n, esr: at(&s.esr), far: at(&s.far), elr: at(&s.elr) });
        }
        if let Some(polling) = self.polling() {
            return Some(polling);
        }
        let spins = self.seen.iter().enumerate().find(|(_, s)| s.looks >= enough);
        spins.map(|(cpu, s)| Finding::Spin { cpu, from: s.from, to: s.to })
    }

    /// Looks in the time of patience, less what may be missed.
    fn looks(&self) -> usize {
        let all = self.patience.as_millis() / EVERY.as_millis().max(1);
        usize::try_from(all).unwrap_or(usize::MAX).saturating_mul(3).checked_div(4).unwrap_or(0).max(5)
    }

    fn remember(&mut self) {
        let Some(recorder) = &self.recorder else { return };
        self.accesses = recorder.total();
        self.reads = recorder.latest(64).iter().map(|r| (r.pa, r.reads)).collect();
    }

    fn polling(&self) -> Option<Finding> {
        let recorder = self.recorder.as_ref()?;
        let accesses = recorder.total().saturating_sub(self.accesses);
        let before = |pa: u64| self.reads.iter().find(|(p, _)| *p == pa).map_or(0, |(_, n)| *n);
        let all = recorder.latest(64).into_iter().map(|r| (r.reads.saturating_sub(before(r.pa)), r));
        let (reads, r) = all.max_by_key(|(reads, _)| *reads)?;
        (reads >= READS && reads.saturating_mul(100) >= accesses.saturating_mul(SHARE))
            .then_some(Finding::Polling { pa: r.pa, reads, pc: r.pc, value: r.value })
    }
}

/// An exception at EL1 with the MMU off.
fn early(n: usize, cpu: &Cpu) -> Option<Finding> {
    let at = |values: &[u64]| values.get(1).copied().unwrap_or(0);
    let s = &cpu.sys;
    let off = at(&s.sctlr) & 1 == 0;
    (off && cpu.state.el == 1 && at(&s.elr) != 0 && at(&s.esr) != 0).then_some(Finding::Early {
        cpu: n,
        esr: at(&s.esr),
        far: at(&s.far),
        elr: at(&s.elr),
    })
}

#[cfg(test)]
mod tests {
    use machine::{Action, Config, Exit, Host, Media, Options, Wait, m1};

    use super::*;

    /// A host that watches, and ends the run at the first finding or when its time is over.
    struct Watcher {
        watch: Watch,
        found: Vec<Finding>,
        deadline: Instant,
    }

    impl Host for Watcher {
        fn output(&mut self, _: usize, _: &[u8]) {}
        fn input(&mut self) -> Vec<u8> {
            Vec::new()
        }
        fn poll(&mut self, machine: &Machine, _: Wait) -> Action {
            self.found.extend(self.watch.look(machine, 0, Instant::now()));
            let late = Instant::now() > self.deadline;
            if late || self.found.iter().any(|f| !matches!(f, Finding::Early { .. })) {
                Action::Quit
            } else {
                Action::Continue
            }
        }
        fn hung_up(&self) -> bool {
            false
        }
        fn may_wake(&self) -> bool {
            true
        }
    }

    /// Runs a program at EL1 with the MMU off; what is found within a few seconds.
    fn watch(words: &[u32]) -> (Vec<Finding>, Machine) {
        let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let image = Media::bytes(&bytes).unwrap();
        let options = m1::Options { memory: 64 << 20, dtb: None, command_line: String::new() };
        let recorder = Recorder::new(None);
        let board = m1::build(&image, &options, Config::new()).unwrap();
        let tracer = Some(Arc::clone(&recorder) as _);
        let mut machine = Machine::new(board, Options { tracer, ..Options::default() });
        let mut host = Watcher {
            watch: Watch::new(Duration::from_millis(700), Some(recorder)),
            found: Vec::new(),
            deadline: Instant::now() + Duration::from_secs(20),
        };
        assert_eq!(machine.run(&mut host), Exit::Host);
        (host.found, machine)
    }

    const START: u64 = m1::RAM + m1::IMAGE;

    #[test]
    fn a_register_that_is_read_for_ever_is_found_with_its_reader() {
        // mov x1, #0x2_0000_0000; ldr w3, [x1, #0x44]; b .-4
        let (found, machine) = watch(&[0xd2c0_0041, 0xb940_4423, 0x17ff_ffff]);
        let [Finding::Polling { pa, reads, pc, value }] = found[..] else { panic!("{found:?}") };
        assert_eq!((pa, pc, value), (0x2_0000_0044, START + 4, 0));
        assert!(reads >= READS && machine.board().unmapped.is_some());
    }

    #[test]
    fn a_branch_to_itself_is_a_loop_and_a_counter_is_not() {
        let (found, _) = watch(&[0x1400_0000]);
        assert_eq!(found, [Finding::Spin { cpu: 0, from: START, to: START }]);
        // add x0, x0, #1 for ever: something changes, so nothing is said. Ends by the deadline, which is shortened here.
        let mut seen = Seen::default();
        let (_, mut machine) = watch(&[0x1400_0000]);
        for n in 0..50 {
            let cpu = machine.cpu_mut(0).unwrap();
            cpu.state.set_x(0, n);
            seen.look(cpu);
        }
        assert!(seen.looks <= FEW, "{seen:?}");
    }

    #[test]
    fn an_exception_with_the_mmu_off_is_told_at_once_and_then_where_it_hangs() {
        // adr x1, .+0x800; msr vbar_el1, x1; udf; the vectors behind hold branches to themselves.
        let mut program = vec![0x1000_4001, 0xd518_c001, 0];
        program.resize(0x800 / 4, 0);
        program.extend([0x1400_0000; 0x200]);
        let (found, _) = watch(&program);
        assert!(
            matches!(found[0], Finding::Early { cpu: 0, esr: 0x200_0000, elr, .. } if elr == START + 8),
            "{found:?}"
        );
        assert!(matches!(found[1], Finding::Vectors { cpu: 0, .. }), "{found:?}");
    }
}
