//! `conformance [FOLDER]`: plays the recordings of tests/a64 through the interpreter and the translator and prints the
//! report that docs/conformance.md keeps. Exit status 1 when anything differs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use a64::{ENCODINGS, Encoding, Feature, decode};
use cpu::Engine;
use cpu::interpreter::Interpreter;
use recorder::{Mismatch, Player, Recording, Test, choose};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../a64"), PathBuf::from);
    match report(&folder) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(e) => {
            eprintln!("conformance: {e}");
            ExitCode::from(2)
        }
    }
}

/// One way of playing a recording.
struct Run {
    engine: &'static str,
    what: &'static str,
    tests: usize,
    words: usize,
    wrong: u64,
}

fn report(folder: &Path) -> Result<u64, Failure> {
    let singles = Recording::read(&fs::read(folder.join("vectors.bin"))?)?;
    let sequences = Recording::read(&fs::read(folder.join("sequences.bin"))?)?;
    let mut differing: BTreeMap<&str, u64> = BTreeMap::new();
    let mut runs = Vec::new();
    for engine_name in ["interpreter", "translator"] {
        for (what, recording, embedded) in [
            ("single instructions", &singles, false),
            ("the same among neighbours", &singles, true),
            ("sequences of 8 to 32", &sequences, false),
        ] {
            let Some(mut engine) = engine(engine_name)? else { continue };
            let mut player = Player::new("max")?;
            let differs = |test: &Test, mismatch: &Mismatch| {
                let times = differing.entry(name(test)).or_default();
                *times += 1;
                if *times == 1 {
                    eprintln!("{engine_name}, {what}: {}", mismatch.describe(test));
                }
            };
            let wrong = if embedded {
                player.play_embedded(recording, &mut *engine, differs)?
            } else {
                player.play(recording, &mut *engine, differs)?
            };
            let words = recording.tests.iter().map(|t| t.words.len()).sum();
            runs.push(Run { engine: engine_name, what, tests: recording.tests.len(), words, wrong });
        }
    }
    print(&singles, &sequences, &runs);
    for (name, times) in &differing {
        println!("* differs: {name}, {times} times");
    }
    Ok(runs.iter().map(|r| r.wrong).sum())
}

/// A new engine, or nothing where there is no such for this host.
fn engine(name: &str) -> Result<Option<Box<dyn Engine>>, Failure> {
    if name == "interpreter" {
        return Ok(Some(Box::new(Interpreter::new())));
    }
    #[cfg(target_arch = "x86_64")]
    return Ok(Some(Box::new(jit::Jit::new()?)));
    #[cfg(not(target_arch = "x86_64"))]
    Ok(None)
}

fn name(test: &Test) -> &'static str {
    test.words.first().and_then(|&w| decode(w)).map_or("(unallocated)", |e| e.name)
}

/// What came with Armv8.3 or before, with the optional extensions that an A12 has.
fn in_v8_3(feature: Feature) -> bool {
    use Feature::*;
    matches!(
        feature,
        Base | Fp
            | AdvSimd
            | Crc32
            | Lse
            | Lor
            | Rdm
            | Fp16
            | Aes
            | Sha1
            | Sha256
            | Jscvt
            | Fcma
            | Pauth
            | Lrcpc
            | Ras
    )
}

/// Branches, system instructions, hints, barriers and exception generation are under op0 = 101x.
fn is_control(e: &Encoding) -> bool {
    e.value >> 26 & 7 == 5
}

/// Why a line of the table has no recording, or None when it should have one.
fn reason(e: &Encoding) -> &'static str {
    match e.feature {
        Feature::Apple => "Apple's own: no emulator to record from",
        Feature::Pauth => {
            "pointer authentication: keys and algorithm differ; tested by rule and by QARMA's own vectors"
        }
        _ if is_control(e) => "system instructions, hints, barriers, exceptions: tested by guest programs",
        _ => "store exclusives: tested in sequences",
    }
}

fn print(singles: &Recording, sequences: &Recording, runs: &[Run]) {
    let recorded: BTreeMap<&str, usize> =
        count(singles.tests.iter().filter_map(|t| decode(*t.words.first()?)));
    let in_sequences: BTreeSet<&str> =
        sequences.tests.iter().flat_map(|t| &t.words).filter_map(|&w| decode(w)).map(|e| e.name).collect();
    let undefined = singles.tests.iter().filter(|t| name(t) == "(unallocated)").count();

    println!("# Conformance of the A64 core\n");
    println!(
        "Printed by `cargo run --release -p recorder --bin conformance`. The recordings are what QEMU 7.2.22 and"
    );
    println!("10.0.13 both did; how they were made is in tests/recorder.\n");
    println!("| engine | played | tests | instructions | differences |");
    println!("|---|---|---:|---:|---:|");
    for run in runs {
        println!("| {} | {} | {} | {} | {} |", run.engine, run.what, run.tests, run.words, run.wrong);
    }
    println!("\n{undefined} of the single tests are unallocated words, which must be undefined.\n");

    println!("| encodings | in the table | recorded |");
    println!("|---|---:|---:|");
    let line = |what: &str, keep: &dyn Fn(&Encoding) -> bool| {
        let all: Vec<_> = ENCODINGS.iter().filter(|e| keep(e)).collect();
        let covered =
            all.iter().filter(|e| recorded.contains_key(e.name) || in_sequences.contains(e.name)).count();
        println!("| {what} | {} | {covered} |", all.len());
    };
    line("Armv8.3 with the extensions of an A12, without system instructions", &|e| {
        in_v8_3(e.feature) && !is_control(e)
    });
    line("everything", &|_| true);
    let features: BTreeSet<_> = ENCODINGS.iter().map(|e| e.feature).collect();
    for feature in features {
        line(&format!("{feature:?}"), &|e| e.feature == feature);
    }

    println!("\nNot recorded:\n");
    let mut missing: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for e in ENCODINGS {
        if !recorded.contains_key(e.name) && !in_sequences.contains(e.name) {
            missing.entry(reason(e)).or_default().push(e.mnemonic());
        }
    }
    for (reason, names) in missing {
        let unique: BTreeSet<_> = names.iter().copied().collect();
        println!("* {reason} ({}): {}", names.len(), unique.into_iter().collect::<Vec<_>>().join(", "));
    }
    let least = choose::encodings().iter().map(|e| recorded.get(e.name).copied().unwrap_or(0)).min();
    println!("\nEvery recordable encoding has at least {} single tests.\n", least.unwrap_or(0));
}

fn count<'a>(encodings: impl Iterator<Item = &'a Encoding>) -> BTreeMap<&'a str, usize> {
    encodings.fold(BTreeMap::new(), |mut all, e| {
        *all.entry(e.name).or_default() += 1;
        all
    })
}
