//! The recordings in tests/a64, through the translator: single instructions, among neighbours, and sequences.

use std::collections::BTreeMap;

use jit::Jit;
use recorder::{Mismatch, Player, Recording, Test};

fn recording(file: &str) -> Recording {
    let path = format!("{}/../../tests/a64/{file}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).expect("the recording is in the repository");
    Recording::read(&bytes).expect("it is whole")
}

/// Plays it; prints the first difference of each encoding and how many there are.
fn replay(recording: &Recording, embedded: bool) -> u64 {
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
    let engine = &mut Jit::new().expect("a translator");
    let wrong = if embedded {
        player.play_embedded(recording, engine, differs)
    } else {
        player.play(recording, engine, differs)
    };
    for (name, times) in &seen {
        eprintln!("{name}: {times}");
    }
    wrong.expect("memory")
}

#[test]
fn every_recorded_instruction_does_what_was_recorded() {
    let recording = recording("vectors.bin");
    assert_eq!(replay(&recording, false), 0, "of {} tests", recording.tests.len());
}

#[test]
fn neighbours_change_nothing() {
    assert_eq!(replay(&recording("vectors.bin"), true), 0);
}

#[test]
fn every_recorded_sequence_ends_as_recorded() {
    let recording = recording("sequences.bin");
    assert_eq!(replay(&recording, false), 0, "of {} tests", recording.tests.len());
}
