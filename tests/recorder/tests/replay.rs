//! The recordings in tests/a64, through the interpreter.

use cpu::interpreter::Interpreter;
use recorder::{Player, Recording};

fn replay(file: &str) {
    let path = std::env::var("A64_VECTORS")
        .unwrap_or_else(|_| format!("{}/../a64/{file}", env!("CARGO_MANIFEST_DIR")));
    let bytes = std::fs::read(&path).expect("the recording is in the repository");
    let recording = Recording::read(&bytes).expect("it is whole");
    let mut player = Player::new("max").expect("a machine");
    let mut shown = std::collections::BTreeMap::new();
    let wrong = player
        .play(&recording, &mut Interpreter::new(), |test, mismatch| {
            let name = test.words.first().and_then(|&w| a64::decode(w)).map_or("unallocated", |e| e.name);
            let times = shown.entry(name).or_insert(0);
            *times += 1;
            if *times == 1 {
                eprintln!("{}", mismatch.describe(test));
            }
        })
        .expect("memory");
    for (name, times) in &shown {
        eprintln!("{name}: {times}");
    }
    assert_eq!(wrong, 0, "of {} tests", recording.tests.len());
}

#[test]
fn every_recorded_instruction_does_what_was_recorded() {
    replay("vectors.bin");
}
