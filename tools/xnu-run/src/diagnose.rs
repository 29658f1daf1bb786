//! Diagnosis of boots that go nowhere: watching while the guest runs, and the report at the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use diagnosis::{Evidence, Finding, Module, Names, Panic, Recorder, Watch};
use machine::{Machine, trace};
use xnu_boot::Plan;

/// Console text that is kept.
const KEPT: usize = 64 << 10;
/// How long a guest may loop before it is said, unless the user says how long.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What is known of a program in the root file system: path → words.
pub type Program = Box<dyn Fn(&str) -> Option<String>>;

/// The diagnosis of a run.
pub struct Diagnosis {
    watch: Option<Watch>,
    recorder: Arc<Recorder>,
    plan: Option<Plan>,
    names: Names,
    program: Program,
    console: Vec<u8>,
    sent: u64,
    finding: Option<Finding>,
    told: bool,
    /// Report at the end whatever happened.
    pub always: bool,
}

impl std::fmt::Debug for Diagnosis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Diagnosis").field("finding", &self.finding).finish_non_exhaustive()
    }
}

impl Diagnosis {
    /// Of a run of `plan`; without patience nothing is watched while it runs.
    pub fn new(
        plan: Option<&Plan>,
        names: &crate::names::Names,
        modules: Vec<Module>,
        recorder: Arc<Recorder>,
        patience: Option<Duration>,
        program: Program,
    ) -> Self {
        let slide = plan.map_or(0, |p| p.slide);
        Self {
            watch: patience.map(|p| Watch::new(p, Some(Arc::clone(&recorder)))),
            recorder,
            plan: plan.cloned(),
            names: Names { symbols: names.symbols.clone(), modules, slide },
            program,
            console: Vec::new(),
            sent: 0,
            finding: None,
            told: false,
            always: false,
        }
    }

    /// Takes note of console output.
    pub fn output(&mut self, bytes: &[u8]) {
        self.told = false;
        self.sent = self.sent.saturating_add(bytes.len() as u64);
        self.console.extend_from_slice(bytes);
        if self.console.len() > KEPT {
            self.console.drain(..self.console.len() - KEPT / 2);
        }
    }

    /// Forgets a machine that was reset.
    pub fn restart(&mut self) {
        self.console.clear();
        (self.finding, self.told) = (None, false);
    }

    /// Looks at the running machine. A report, when it is found to be stuck.
    pub fn look(&mut self, machine: &Machine) -> Option<String> {
        let finding = self.watch.as_mut()?.look(machine, self.sent, Instant::now())?;
        self.finding = Some(finding);
        self.told = true;
        Some(self.report(machine))
    }

    /// The report of where the machine stands.
    pub fn report(&self, machine: &Machine) -> String {
        let console = String::from_utf8_lossy(&self.console);
        let finding = self.finding.or_else(|| self.watch.as_ref().and_then(|w| w.stuck(machine)));
        diagnosis::report(&Evidence {
            machine,
            plan: self.plan.as_ref(),
            console: &console,
            names: &self.names,
            recorder: Some(&self.recorder),
            finding,
            program: &*self.program,
        })
    }

    /// The report at the end of a run: if it was wanted, if `failed` (the run did not come to a good end), or if the kernel
    /// panicked. Once is enough.
    pub fn at_end(&self, machine: &Machine, failed: bool) -> Option<String> {
        let panicked = Panic::find(&String::from_utf8_lossy(&self.console)).is_some();
        ((self.always || failed || panicked) && !self.told).then(|| self.report(machine))
    }
}

/// An observer that remembers device accesses, before the trace that the user asked for.
pub fn recorder(trace: Option<Arc<trace::Trace>>) -> Arc<Recorder> {
    Recorder::new(trace.map(|t| t as _))
}
