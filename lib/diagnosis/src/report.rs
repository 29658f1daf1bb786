//! The screen: what each CPU does, what the kernel said, which devices it used last, what to try.

use std::fmt::Write;

use debug::inspect;
use machine::{Cpu, Machine};
use mem::{FIQ, IRQ};
use xnu_boot::Plan;

use crate::advice::{self, Advice};
use crate::esr;
use crate::names::Names;
use crate::panic::{Panic, panic_log};
use crate::recorder::Recorder;
use crate::watch::Finding;

/// Device registers shown.
const DEVICES: usize = 12;
/// Unmodelled registers shown.
const CENSUS: usize = 8;
/// Instructions of a loop that are looked through.
const LOOP: u64 = 64;
/// Instructions around a loop as it was seen.
const AROUND: u64 = 6;
/// Frames shown of each CPU.
const FRAMES: usize = 6;

/// What a report is made of.
pub struct Evidence<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// Its plan.
    pub plan: Option<&'a Plan>,
    /// The end of what the console showed.
    pub console: &'a str,
    /// Names of addresses.
    pub names: &'a Names,
    /// Device accesses.
    pub recorder: Option<&'a Recorder>,
    /// What was found to be stuck.
    pub finding: Option<Finding>,
    /// What is known of a program in the root file system: path → words.
    pub program: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Evidence<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("finding", &self.finding).finish_non_exhaustive()
    }
}

impl Evidence<'_> {
    /// The name of an address as a CPU uses it: while the MMU is off it is a physical one, which has the name of its virtual
    /// twin under the kernel's first map.
    fn name(&self, address: u64) -> String {
        match self.plan {
            Some(plan) if plan.kind == "XNU" && plan.dram.contains(address) => {
                format!("{address:#x} = {}", self.names.of(plan.va(address)))
            }
            _ => self.names.of(address),
        }
    }
}

/// The report, about one screen of text.
pub fn report(e: &Evidence<'_>) -> String {
    let mut out = String::new();
    let logged = panic_in_ram(e);
    let panic = Panic::find(e.console).or_else(|| logged.as_deref().and_then(Panic::find));
    let mut tips: Vec<Advice> = Vec::new();
    let _ = writeln!(out, "diagnosis: {}", headline(e, panic.as_ref()));
    if let Some(finding) = e.finding {
        out.push_str(&tell(e, finding, &mut tips));
    }
    if let Some(panic) = &panic {
        out.push_str(&indent(&panic.describe(&|a| e.names.of(a))));
        if Panic::find(e.console).is_none() {
            let _ = writeln!(out, "  (from the panic log in RAM: the console did not show it)");
        }
    }
    let mut waiting = Vec::new();
    for n in 0..e.machine.cpus() {
        if let Some(cpu) = e.machine.cpu(n) {
            out.push_str(&describe_cpu(e, n, cpu, &mut waiting));
        }
    }
    out.push_str(&devices(e));
    if let Some(line) = e.console.lines().rev().find(|l| !l.trim().is_empty()) {
        let shown: String = line.trim_end().chars().take(160).collect();
        let _ = writeln!(out, "  last line of the console: {shown}");
    } else {
        let _ = writeln!(out, "  the console has shown nothing");
    }
    if let Some(plan) = e.plan {
        let _ = writeln!(out, "  kernel: {}", plan.kernel);
        let _ = writeln!(out, "  boot arguments: {}", plan.command_line);
    }
    if panic.is_none() {
        tips.append(&mut waiting);
    }
    tips.extend(advice::of_text(e.console));
    tips.extend(logged.as_deref().map(advice::of_text).unwrap_or_default());
    let mut programs = Vec::new();
    for line in e.console.lines().chain(logged.as_deref().unwrap_or_default().lines()) {
        if let Some((path, _)) = advice::failed_exec(line)
            && !programs.contains(&path)
        {
            programs.push(path);
            let told = (e.program)(path);
            let _ = told.map(|words| writeln!(out, "  {path}: {words}"));
        }
    }
    tips.extend(e.plan.map(advice::of_plan).unwrap_or_default());
    let mut said: Vec<&Advice> = Vec::new();
    for tip in &tips {
        // Two ways to the same remedy are one thing to try.
        if said.iter().any(|s| s.remedy == tip.remedy) {
            continue;
        }
        said.push(tip);
        let _ = writeln!(out, "  likely: {}", tip.means);
        let _ = writeln!(out, "    try: {}", tip.remedy);
    }
    if said.is_empty() {
        let _ = writeln!(
            out,
            "    try: -d int,mmu,unimp -D FILE for what led here; -v for the plan; the monitor (Ctrl-A c)"
        );
    }
    out
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// The text of the panic log in RAM.
fn panic_in_ram(e: &Evidence<'_>) -> Option<String> {
    let log = e.plan?.reserved.iter().find(|r| r.what == "panic log")?;
    let ram = e.machine.board().bus.memory().read_vec(log.range.base, log.range.size).ok()?;
    panic_log(&ram)
}

fn headline(e: &Evidence<'_>, panic: Option<&Panic>) -> String {
    if let Some(panic) = panic {
        return format!("the kernel panicked: {}", panic.message);
    }
    match e.finding {
        Some(Finding::Early { .. }) => "an exception before the MMU was on".into(),
        Some(Finding::Vectors { .. }) => "an exception that the kernel's vectors do not get past".into(),
        Some(Finding::Polling { pa, .. }) => format!("the guest waits for a register: {}", place(e, pa)),
        Some(Finding::Spin { cpu, .. }) => format!("cpu {cpu} loops and changes nothing"),
        None if all_wait(e.machine) => "every CPU waits for an interrupt (WFI)".into(),
        None => "no sign of what is wrong; this is where it stands".into(),
    }
}

fn all_wait(machine: &Machine) -> bool {
    let on = || (0..machine.cpus()).filter(|n| machine.is_on(*n));
    on().next().is_some() && on().all(|n| machine.waits(n))
}

/// The finding in detail.
fn tell(e: &Evidence<'_>, finding: Finding, tips: &mut Vec<Advice>) -> String {
    let mut out = String::new();
    match finding {
        Finding::Early { cpu, esr, far, elr } | Finding::Vectors { cpu, esr, far, elr } => {
            let _ = writeln!(out, "  cpu {cpu}: {} (ESR {esr:#x})", esr::describe(esr));
            let _ = writeln!(out, "    address FAR {far:#x}, at ELR {}", e.name(elr));
            if let Some(cpu) = e.machine.cpu(cpu)
                && let Some(word) = instruction(cpu, elr)
            {
                let _ = writeln!(out, "    instruction {word:08x} {}", debug::disassemble(word, elr));
            }
            tips.push(early_advice(esr));
        }
        Finding::Polling { pa, reads, pc, value } => {
            let _ = writeln!(
                out,
                "  {} was read {reads} times, always or last {value:#x}, at {}",
                place(e, pa),
                e.name(pc)
            );
            let (name, _) = named(e, pa);
            tips.push(Advice {
                means: format!(
                    "a driver waits for device {name}, which is not modelled or does not do what it wants"
                ),
                remedy: format!(
                    "take its driver away: dt-patch -e 'delete /arm-io/{name}', or --preset serial-only"
                ),
            });
        }
        Finding::Spin { cpu, from, to } => {
            let _ = writeln!(out, "  cpu {cpu}: between {} and {}", e.name(from), e.name(to));
            if let Some(c) = e.machine.cpu(cpu) {
                out.push_str(&loop_registers(c, from, to, tips));
            }
        }
    }
    out
}

fn early_advice(esr: u64) -> Advice {
    let (means, remedy) = match esr >> 26 & 0x3f {
        0x00 => (
            "an instruction that the CPU model does not have, in the kernel's first steps",
            "a kernel for a newer chip: choose its --cpu, see -d unimp",
        ),
        0x07 => (
            "FP is off (CPACR_EL1), which A7 to A9 kernels expect their monitor to have set",
            "choose the chip's --cpu",
        ),
        0x17 => ("a call to a monitor at EL3 that is not there", "choose the chip's --cpu"),
        0x20..=0x25 => (
            "the kernel's first map does not have this address: wrong physical or virtual base, too little memory, or a kernel that was not unwrapped whole",
            "look at the plan (--dry-run); give more with --memory; boot with slide 0",
        ),
        _ => ("the kernel's first steps failed", "look at the plan (--dry-run), and at -d int,unimp"),
    };
    Advice { means: means.into(), remedy: remedy.into() }
}

fn instruction(cpu: &Cpu, at: u64) -> Option<u32> {
    let mut word = [0; 4];
    (inspect::read(cpu, at, &mut word) == 4).then(|| u32::from_le_bytes(word))
}

/// Which system registers a loop reads: what it may wait for.
fn loop_registers(cpu: &Cpu, from: u64, to: u64, tips: &mut Vec<Advice>) -> String {
    let mut out = String::new();
    // Looks see a loop at the same place each time, if it is short: what is around belongs to it.
    let from = from.wrapping_sub(4 * AROUND);
    let count = (to.wrapping_sub(from) / 4).saturating_add(1 + AROUND).min(LOOP);
    let mut all = Vec::new();
    for n in 0..count {
        let at = from.wrapping_add(n.wrapping_mul(4));
        let Some(word) = instruction(cpu, at) else { continue };
        // MRS; its operand is bits 19:5, op0's high bit implied.
        if word & 0xfff0_0000 == 0xd530_0000 {
            let register = (word >> 5 & 0xffff) as u16 | 0x8000;
            if !all.contains(&register) {
                all.push(register);
            }
        }
    }
    for register in all {
        let name = debug::register_name(register);
        let _ = writeln!(out, "    the loop reads {name}");
        match register {
            // S3_4_C15_C0_4
            0xe784 => tips.push(Advice {
                means: "the kernel waits for the bit \"M key valid\" of APCTL_EL1, which A12 and A13 set by themselves".into(),
                remedy: "choose the chip's --cpu (a12, a13)".into(),
            }),
            // CNTPCT_EL0, CNTVCT_EL0
            0xdf01 | 0xdf02 => tips.push(Advice {
                means: "the kernel waits for time to pass".into(),
                remedy: "the tree's timebase-frequency must be the counter's rate, and not 0".into(),
            }),
            _ => {}
        }
    }
    out
}

/// The device register at an address, in words.
fn place(e: &Evidence<'_>, pa: u64) -> String {
    let (name, offset) = named(e, pa);
    format!("{name}+{offset:#x}")
}

fn named(e: &Evidence<'_>, pa: u64) -> (String, u64) {
    let bus = &e.machine.board().bus;
    let unmodelled = |name: &str| name == "unmapped" || name == "unknown";
    let found = bus.devices().find(|m| pa.checked_sub(m.base).is_some_and(|at| at < m.len));
    if let Some(m) = found.filter(|m| !unmodelled(&m.name)) {
        return (m.name.to_string(), pa.wrapping_sub(m.base));
    }
    let Some(unmapped) = &e.machine.board().unmapped else { return (format!("{pa:#x}"), 0) };
    let unmapped = unmapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (name, offset) = unmapped.name_of(pa);
    (name.to_owned(), offset)
}

fn describe_cpu(e: &Evidence<'_>, n: usize, cpu: &Cpu, tips: &mut Vec<Advice>) -> String {
    let mut out = String::new();
    if !e.machine.is_on(n) {
        let _ = writeln!(out, "  cpu {n}: off");
        return out;
    }
    let s = &cpu.state;
    let masked: String = [(9, 'D'), (8, 'A'), (7, 'I'), (6, 'F')]
        .iter()
        .filter(|(bit, _)| s.daif >> bit & 1 != 0)
        .map(|(_, c)| *c)
        .collect();
    let masked = if masked.is_empty() { "none".to_owned() } else { masked };
    let waits = if e.machine.waits(n) { ", in WFI" } else { "" };
    let mmu = if cpu.sys.sctlr.get(1).copied().unwrap_or(0) & 1 == 0 { ", MMU off" } else { "" };
    let _ = writeln!(out, "  cpu {n}: EL{}{waits}{mmu}, masked {masked}, pc {}", s.el, e.name(s.pc));
    let calls = inspect::backtrace(cpu, &e.names.symbols);
    for line in calls.lines().skip(1).take(FRAMES) {
        let address = line.split_whitespace().nth(1).and_then(|a| u64::from_str_radix(a, 16).ok());
        if let Some(address) = address.filter(|a| *a != 0) {
            let _ = writeln!(out, "    from {}", e.name(address));
        }
    }
    let (esr, elr, far) = (at(&cpu.sys.esr), at(&cpu.sys.elr), at(&cpu.sys.far));
    if esr != 0 {
        let _ =
            writeln!(out, "    last exception: {}, FAR {far:#x}, ELR {}", esr::describe(esr), e.name(elr));
    }
    out.push_str(&timers(e, n, cpu, tips));
    out
}

fn at(values: &[u64]) -> u64 {
    values.get(1).copied().unwrap_or(0)
}

/// Timers of a CPU and where their interrupt is.
fn timers(e: &Evidence<'_>, n: usize, cpu: &Cpu, tips: &mut Vec<Advice>) -> String {
    let mut out = String::new();
    let now = e.machine.board().clock.now();
    let rate = e.machine.board().clock.frequency().max(1);
    let mut due = false;
    for (index, name) in [(cpu::sys::timer::PHYSICAL, "CNTP"), (cpu::sys::timer::VIRTUAL, "CNTV")] {
        let Some(t) = cpu.sys.timers.get(index) else { continue };
        let (enabled, unmasked) = (t.ctl & 1 != 0, t.ctl & 2 == 0);
        if !enabled || !unmasked {
            continue;
        }
        let ms = |ticks: u64| ticks.saturating_mul(1000) / rate;
        if t.cval <= now {
            due = true;
            let _ = writeln!(out, "    timer {name}: due {} ms ago", ms(now - t.cval));
        } else {
            let _ = writeln!(out, "    timer {name}: in {} ms", ms(t.cval - now));
        }
    }
    let lines = e.machine.lines(n).map_or(0, |l| l.get());
    let (irq, fiq) = (lines & IRQ != 0, lines & FIQ != 0);
    let (irq_masked, fiq_masked) = (cpu.state.daif >> 7 & 1 != 0, cpu.state.daif >> 6 & 1 != 0);
    for (pending, masked, name) in [(irq, irq_masked, "IRQ"), (fiq, fiq_masked, "FIQ")] {
        if pending {
            let _ = writeln!(out, "    {name} pending{}", if masked { ", masked" } else { "" });
        }
    }
    if due && irq && !fiq && e.machine.board().family != machine::firmware::Family::Standard {
        tips.push(Advice {
            means: "the timer's interrupt comes as IRQ; XNU takes its timers as FIQ and waits for ever"
                .into(),
            remedy: "the timers must be wired to FIQ (machine apple does that unless told otherwise)".into(),
        });
    } else if due && fiq && fiq_masked && e.finding.is_some() {
        tips.push(Advice {
            means: "a timer is due, and the CPU has its interrupt masked".into(),
            remedy: "see what the loop above waits for".into(),
        });
    }
    if !due && e.machine.waits(n) && cpu.next_deadline().is_none() && all_wait(e.machine) {
        tips.push(Advice {
            means: "no timer is set and every CPU waits: only a device could wake them".into(),
            remedy:
                "see the devices used last; a driver may wait for an interrupt that its device never raises"
                    .into(),
        });
    }
    out
}

/// The device registers accessed last, and those that nothing answers.
fn devices(e: &Evidence<'_>) -> String {
    let mut out = String::new();
    let latest = e.recorder.map(|r| r.latest(DEVICES)).unwrap_or_default();
    if !latest.is_empty() {
        let _ = writeln!(out, "  devices used last:");
    }
    for r in latest {
        let _ = writeln!(
            out,
            "    {}: {} reads, {} writes, last {:#x} at {}",
            place(e, r.pa),
            r.reads,
            r.writes,
            r.value,
            e.name(r.pc)
        );
    }
    let Some(unmapped) = &e.machine.board().unmapped else { return out };
    let unmapped = unmapped.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut census: Vec<_> =
        unmapped.census().map(|(_, name, offset, t)| (t.reads + t.writes, name, offset)).collect();
    census.sort_by_key(|(count, _, _)| std::cmp::Reverse(*count));
    if !census.is_empty() {
        let _ = writeln!(out, "  registers that no device has: {}", census.len());
    }
    for (count, name, offset) in census.into_iter().take(CENSUS) {
        let _ = writeln!(out, "    {name}+{offset:#x}: {count} accesses");
    }
    out
}
