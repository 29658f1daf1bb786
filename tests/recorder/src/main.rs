//! `recorder -o FILE [--seed N] [--tests N] [--sequences] QEMU [QEMU ...]`: records with each given qemu-aarch64 and keeps
//! what all agree on. Needs Debian's `gcc-aarch64-linux-gnu` for the harness.
//!
//! What the emulators disagree on, and what they say against the table, is listed on standard error by encoding.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use recorder::rng::Rng;
use recorder::state::{self, CODE, CODE_LEN, Regs, WINDOW, WINDOW_LEN};
use recorder::{Outcome, Recording, Test, choose};

const HARNESS: &str = include_str!("harness.c");
const BRK: u32 = 0xd420_0000;
/// The harness's `struct state` and `struct result`.
const STATE: usize = 8 * 34 + 8 + 512;
const ROOM: usize = 1024;
const RESULT: usize = STATE + 16 + ROOM;

type Failure = Box<dyn std::error::Error>;

struct Options {
    out: PathBuf,
    seed: u64,
    tests: u64,
    sequences: bool,
    emulators: Vec<PathBuf>,
}

fn options() -> Result<Options, Failure> {
    let mut o = Options { out: PathBuf::new(), seed: 1, tests: 144, sequences: false, emulators: Vec::new() };
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg}: needs a value"));
        match arg.as_str() {
            "-o" => o.out = value()?.into(),
            "--seed" => o.seed = value()?.parse()?,
            "--tests" => o.tests = value()?.parse()?,
            "--sequences" => o.sequences = true,
            _ => o.emulators.push(arg.into()),
        }
    }
    if o.out.as_os_str().is_empty() || o.emulators.is_empty() {
        return Err(
            "usage: recorder -o FILE [--seed N] [--tests PER_ENCODING] [--sequences] QEMU [QEMU ...]".into(),
        );
    }
    Ok(o)
}

fn main() -> ExitCode {
    match options().and_then(|o| record(&o)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("recorder: {e}");
            ExitCode::from(2)
        }
    }
}

fn record(o: &Options) -> Result<(), Failure> {
    let dir = env::temp_dir().join(format!("recorder-{}", std::process::id()));
    fs::create_dir_all(&dir)?;
    let harness = compile(&dir)?;
    let all = if o.sequences { choose_sequences(o) } else { choose_words(o) };
    let slots = (CODE_LEN / state::slot_len(if o.sequences { 2 } else { 1 })) as usize;
    let mut report = Report::default();
    let mut tests = Vec::new();
    for (chunk, words) in all.chunks(slots).enumerate() {
        let first = (chunk * slots) as u64;
        let runs: Result<Vec<_>, _> =
            o.emulators.iter().map(|qemu| run(qemu, &harness, &dir, words, first, o.seed)).collect();
        let mut runs = runs?.into_iter();
        let Some(mut kept) = runs.next() else { break };
        for other in runs {
            for (a, b) in kept.iter_mut().zip(other) {
                if a.as_ref() != b.as_ref() {
                    report.note("emulators disagree", a.as_ref().or(b.as_ref()));
                    *a = None;
                }
            }
        }
        for test in kept.into_iter().flatten() {
            if report.check(&test) {
                tests.push(test);
            }
        }
    }
    fs::remove_dir_all(&dir)?;
    report.print();
    eprintln!("{} tests of {} kept", tests.len(), all.len());
    let mut out = fs::File::create(&o.out)?;
    Recording { seed: o.seed, tests }.write(&mut out)?;
    Ok(())
}

fn choose_words(o: &Options) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    let mut rng = Rng::new(o.seed, u64::MAX);
    for round in 0..o.tests {
        for e in choose::encodings() {
            let (_, pc) = state::place(all.len() as u64, 1);
            if let Some(word) = (0..64).find_map(|_| choose::word(e, pc, &mut rng)) {
                all.push(vec![word]);
            }
        }
        for _ in 0..if round % 4 == 0 { 200 } else { 0 } {
            all.push(vec![choose::unallocated(&mut rng)]);
        }
    }
    all
}

fn choose_sequences(o: &Options) -> Vec<Vec<u32>> {
    let mut rng = Rng::new(o.seed, u64::MAX - 1);
    (0..o.tests).map(|_| choose::sequence(&mut rng)).collect()
}

fn compile(dir: &Path) -> Result<PathBuf, Failure> {
    let (source, program) = (dir.join("harness.c"), dir.join("harness"));
    fs::write(&source, HARNESS)?;
    let status = Command::new("aarch64-linux-gnu-gcc")
        .args(["-O2", "-static", "-w", "-o"])
        .arg(&program)
        .args([
            format!("-DCODE={CODE}ull"),
            format!("-DWINDOW={WINDOW}ull"),
            format!("-DWINDOW_LEN={WINDOW_LEN}"),
        ])
        .arg(&source)
        .status()?;
    if !status.success() {
        return Err("aarch64-linux-gnu-gcc: cannot compile the harness".into());
    }
    Ok(program)
}

/// Runs one chunk; None for a test whose stores did not fit the result or that ended oddly.
fn run(
    qemu: &Path,
    harness: &Path,
    dir: &Path,
    words: &[Vec<u32>],
    first: u64,
    seed: u64,
) -> Result<Vec<Option<Test>>, Failure> {
    let mut code: Vec<u8> = BRK.to_le_bytes().repeat(CODE_LEN as usize / 4);
    let mut states = Vec::new();
    let mut befores = Vec::new();
    for (index, words) in (first..).zip(words) {
        let before = state::initial(words, index, seed);
        let at = (before.pc - CODE) as usize;
        for (i, word) in words.iter().enumerate() {
            code[at + 4 * i..at + 4 * i + 4].copy_from_slice(&word.to_le_bytes());
        }
        put(&mut states, &before);
        befores.push(before);
    }
    let (input, output) = (dir.join("in"), dir.join("out"));
    let mut file = Vec::new();
    file.extend((words.len() as u32).to_le_bytes());
    file.extend((CODE_LEN as u32).to_le_bytes());
    file.extend(code);
    file.extend(states);
    fs::write(&input, file)?;
    let status = Command::new(qemu)
        .args(["-seed", "1", "-cpu", "max,sve=off,sme=off"])
        .args([harness, &input, &output])
        .status()?;
    if !status.success() {
        return Err(format!("{}: the harness ended with {status}", qemu.display()).into());
    }
    let results = fs::read(&output)?;
    let mut tests = Vec::new();
    for (((index, words), before), result) in
        (first..).zip(words).zip(befores).zip(results.chunks_exact(RESULT))
    {
        tests.push(judge(index, words, before, result));
    }
    Ok(tests)
}

fn put(out: &mut Vec<u8>, regs: &Regs) {
    let general = regs.x.iter().chain([&regs.sp, &regs.pc]).copied().chain([u64::from(regs.nzcv)]);
    general.for_each(|x| out.extend(x.to_le_bytes()));
    out.extend(regs.fpsr.to_le_bytes());
    out.extend(regs.fpcr.to_le_bytes());
    regs.v.iter().for_each(|v| out.extend(v.to_le_bytes()));
}

fn judge(index: u64, words: &[u32], before: Regs, result: &[u8]) -> Option<Test> {
    let u64_at = |at: usize| result[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
    let u32_at = |at: usize| u64_at(at) as u32;
    let after = Regs {
        x: std::array::from_fn(|i| u64_at(8 * i)),
        sp: u64_at(8 * 31),
        pc: u64_at(8 * 32),
        nzcv: u32_at(8 * 33),
        fpsr: u32_at(8 * 34),
        fpcr: before.fpcr,
        v: std::array::from_fn(|i| {
            let at = 8 * 35 + 16 * i;
            u128::from(u64_at(at + 8)) << 64 | u128::from(u64_at(at))
        }),
    };
    let (signal, start, len) = (u32_at(STATE), u32_at(STATE + 4), u32_at(STATE + 8) as usize);
    let last = before.pc + 4 * words.len() as u64;
    let inside = (before.pc..last).contains(&after.pc);
    let outcome = match signal {
        4 => Outcome::Undefined,
        7 | 11 if inside => Outcome::Fault,
        5 | 11 if !inside => Outcome::Done,
        _ => return None,
    };
    if len > ROOM {
        return None;
    }
    let memory = (len > 0).then(|| (start as u16, result[STATE + 16..STATE + 16 + len].to_vec()));
    Some(Test { index, words: words.to_vec(), before, outcome, after, memory })
}

/// What there is to say about the emulators, by encoding.
#[derive(Default)]
struct Report {
    notes: BTreeMap<(&'static str, String), (u64, u32)>,
    covered: BTreeMap<&'static str, u64>,
}

impl Report {
    fn note(&mut self, what: &'static str, test: Option<&Test>) {
        let Some(word) = test.and_then(|t| t.words.first()) else { return };
        let name = a64::decode(*word).map_or("(unallocated)", |e| e.name);
        let entry = self.notes.entry((what, name.to_owned())).or_insert((0, *word));
        entry.0 += 1;
    }

    /// Whether a test is worth keeping: not so an instruction that the table leaves out on purpose (memory tagging).
    fn check(&mut self, test: &Test) -> bool {
        let [word] = test.words[..] else { return true };
        match (a64::decode(word), test.outcome) {
            (Some(e), Outcome::Undefined) if e.op != a64::Op::Udf => {
                self.note("undefined, but in the table", Some(test));
            }
            (None, Outcome::Done | Outcome::Fault) => {
                self.note("runs, but not in the table", Some(test));
                return false;
            }
            _ => {}
        }
        if let Some(e) = a64::decode(word) {
            *self.covered.entry(e.name).or_default() += 1;
        }
        true
    }

    fn print(&self) {
        for ((what, name), (count, word)) in &self.notes {
            eprintln!("{what}: {name}, {count} times, for example {word:08x}");
        }
        eprintln!("{} encodings covered of {}", self.covered.len(), a64::COUNT);
    }
}
