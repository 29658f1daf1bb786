//! The recordings in tests/a64, through the interpreter.

use std::collections::BTreeMap;

use cpu::interpreter::Interpreter;
use recorder::{Mismatch, Player, Recording, Test};

/// Reads a recording of tests/a64, or the one that A64_VECTORS names (a fresh one, say).
fn recording(file: &str) -> Recording {
    let path = std::env::var("A64_VECTORS")
        .unwrap_or_else(|_| format!("{}/../a64/{file}", env!("CARGO_MANIFEST_DIR")));
    let bytes = std::fs::read(&path).expect("the recording is in the repository");
    Recording::read(&bytes).expect("it is whole")
}

/// Plays it; prints the first difference of each encoding and how many there are.
fn replay(recording: &Recording) -> u64 {
    replay_with(recording, false)
}

fn replay_with(recording: &Recording, embedded: bool) -> u64 {
    let mut player = Player::new("max").expect("a machine");
    let mut seen = BTreeMap::new();
    let differs = |test: &Test, mismatch: &Mismatch| {
        let name = test.words.first().and_then(|&w| a64::decode(w)).map_or("unallocated", |e| e.name);
        let times = seen.entry(name).or_insert(0);
        if *times == 0 {
            eprintln!("{}", mismatch.describe(test));
        }
        *times += 1;
    };
    let engine = &mut Interpreter::new();
    let wrong = if embedded {
        player.play_embedded(recording, engine, differs)
    } else {
        player.play(recording, engine, differs)
    };
    let wrong = wrong.expect("memory");
    for (name, times) in &seen {
        eprintln!("{name}: {times}");
    }
    wrong
}

#[test]
fn every_recorded_instruction_does_what_was_recorded() {
    let recording = recording("vectors.bin");
    let encodings: std::collections::BTreeSet<_> =
        recording.tests.iter().filter_map(|t| a64::decode(*t.words.first()?)).map(|e| e.name).collect();
    println!("{} tests over {} encodings of {}", recording.tests.len(), encodings.len(), a64::COUNT);
    assert!(recording.tests.len() > 200_000 && encodings.len() > 1_400);
    assert_eq!(replay(&recording), 0, "of {} tests", recording.tests.len());
}

#[test]
fn neighbours_change_nothing() {
    assert_eq!(replay_with(&recording("vectors.bin"), true), 0);
}

#[test]
fn every_recorded_sequence_ends_as_recorded() {
    let recording = recording("sequences.bin");
    assert!(recording.tests.len() > 9_000);
    assert_eq!(replay(&recording), 0, "of {} tests", recording.tests.len());
}

#[test]
fn a_result_that_differs_in_anything_is_noticed() {
    let Recording { seed, tests } = recording("vectors.bin");
    let mut tests: Vec<_> = tests.into_iter().step_by(5000).collect();
    for (n, test) in tests.iter_mut().enumerate() {
        let after = &mut test.after;
        match n % 7 {
            0 => after.x[n % 31] ^= 1 << 40,
            1 => after.sp ^= 16,
            2 => after.pc ^= 4,
            3 => after.nzcv ^= 1 << 28,
            4 => after.fpsr ^= 1 << 27,
            5 => after.v[n % 32] ^= 1 << 127,
            _ => {
                let old = recorder::state::window().first().copied().unwrap_or(0);
                test.memory = match test.memory.take() {
                    Some((at, bytes)) => Some((at ^ 1, bytes)),
                    None => Some((0, vec![old ^ 1])),
                };
            }
        }
    }
    let recording = Recording { seed, tests };
    assert_eq!(replay(&recording), recording.tests.len() as u64);
}
