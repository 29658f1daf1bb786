//! Vector, floating-point and cryptographic instructions, interpreter against translator, with operands that are meant to
//! tell the two apart: NaNs of both kinds, infinities, denormals, numbers whose products are the smallest normal ones, ties,
//! the borders of integers; every rounding mode, flushing, default NaNs, flags already set.
//!
//! Each block of code, one instruction or a short sequence, is translated once and run from many states. A failure names the
//! instruction. `VECTOR_SEED` in the environment gives other blocks and states.

use std::sync::Arc;

use a64::Encoding;
use cpu::model::Model;
use cpu::{Connections, Cpu, Engine, reg};
use jit::Jit;
use mem::{Bus, Clock, Lines, Memory, Region};
use recorder::choose;
use recorder::rng::Rng;

const CODE: u64 = 0x4000_0000;
const DATA: u64 = 0x4008_0000;
/// `b .`
const HERE: u32 = 0x1400_0000;

/// Bytes of memory that structure loads and stores find.
const WINDOW: usize = 0x400;

/// What an instruction of these classes may read or change.
#[derive(Clone, PartialEq)]
struct Regs {
    memory: Vec<u8>,
    x: [u64; 32],
    v: [u128; 32],
    nzcv: u32,
    fpsr: u32,
    fpcr: u32,
}

struct Machine {
    cpu: Cpu,
    memory: Arc<Memory>,
    /// Where the next block goes: each has a place of its own.
    next: u64,
}

impl Machine {
    fn new() -> Machine {
        let regions = [Region { base: CODE, len: 1 << 20 }];
        let memory = Arc::new(Memory::new(&regions).expect("memory"));
        let io = Connections::new(
            Arc::new(Bus::ram(Arc::clone(&memory))),
            Arc::new(Clock::counted(1_000_000, 1_000_000_000)),
            Lines::new(),
        );
        let model = Model::named("max").expect("a model").with_levels(false, false);
        let mut cpu = Cpu::new(Arc::new(model), 0, 0, io);
        cpu.start_at(CODE, 1);
        assert!(cpu.write_system(reg::CPACR_EL1, 3 << 20));
        Machine { cpu, memory, next: CODE }
    }

    /// Puts a block into memory; its address.
    fn place(&mut self, words: &[u32]) -> u64 {
        let at = self.next;
        self.next = if at + 0x100 >= DATA { CODE } else { at + 0x80 };
        for (n, word) in words.iter().chain([&HERE]).enumerate() {
            self.memory.write_u32(at + 4 * n as u64, *word).expect("in memory");
        }
        at
    }

    fn run(&mut self, engine: &mut dyn Engine, at: u64, words: &[u32], before: &Regs) -> Regs {
        let state = &mut self.cpu.state;
        (state.x, state.v) = (before.x, before.v);
        (state.nzcv, state.fpsr, state.fpcr) = (before.nzcv, before.fpsr, before.fpcr);
        self.cpu.set_pc(at);
        self.memory.write_bytes(DATA, &before.memory).expect("in memory");
        let times = if is_loop(words) { TURNS } else { 1 };
        engine.run(&mut self.cpu, words.len() as u64 * times + 2);
        let mut memory = before.memory.clone();
        self.memory.read_bytes(DATA, &mut memory).expect("in memory");
        let state = &self.cpu.state;
        Regs { memory, x: state.x, v: state.v, nzcv: state.nzcv, fpsr: state.fpsr, fpcr: state.fpcr }
    }
}

/// Turns of a loop.
const TURNS: u64 = 3;

/// `subs x28, x28, #1`
const COUNT: u32 = 0xf100_079c;

/// Makes a loop of a block that leaves X28 alone.
fn looped(mut words: Vec<u32>) -> Vec<u32> {
    let back = (words.len() as u32 + 1).wrapping_neg() & 0x7_ffff;
    words.extend([COUNT, 0x5400_0001 | back << 5]);
    words
}

fn is_loop(words: &[u32]) -> bool {
    words.iter().rev().nth(1) == Some(&COUNT)
}

/// Data processing of the vector and floating-point groups, and CRC-32.
fn encodings() -> Vec<&'static Encoding> {
    let wanted = |e: &&Encoding| matches!(e.value >> 25 & 15, 7 | 15) || e.name.starts_with("CRC32");
    choose::encodings().into_iter().filter(wanted).collect()
}

/// A number of a format with `exp` exponent bits and `frac` fraction bits.
fn number(rng: &mut Rng, exp: u32, frac: u32) -> u64 {
    let ones = |n: u32| (1u64 << n) - 1;
    let (most, bias) = (ones(exp), ones(exp - 1));
    let fraction = match rng.below(6) {
        0 => 0,
        1 => ones(frac),
        2 => 1,
        3 => 1 << rng.below(frac.into()),
        4 => ones(frac) << rng.below(frac.into()) & ones(frac),
        _ => rng.next() & ones(frac),
    };
    let exponent = match rng.below(12) {
        0 => 0,
        1 => most,
        2 => 1,
        // Products and squares about the smallest normal number, and about the largest.
        3 => bias / 2 + rng.below(4) - 1,
        4 => bias + bias / 2 + rng.below(4) - 1,
        // The smallest numbers of the next narrower format.
        5 if exp == 11 => 1023 - 127 + rng.below(4) - 1,
        5 if exp == 8 => 127 - 15 + rng.below(4) - 1,
        6 => most - 1 - rng.below(2),
        // Integers, and where they end.
        7 => bias + rng.below(66).min(bias),
        8 | 9 => bias - 1 + rng.below(3),
        _ => rng.below(most + 1),
    };
    (rng.next() & 1) << (exp + frac) | exponent << frac | fraction
}

fn integer(rng: &mut Rng, bits: u32) -> u64 {
    let top = 1u64 << (bits - 1);
    match rng.below(6) {
        0 => 0,
        1 => top,
        2 => top - 1,
        3 => top.wrapping_mul(2).wrapping_sub(rng.below(3)),
        4 => rng.below(2 * u64::from(bits)).wrapping_sub(bits.into()),
        _ => rng.next(),
    }
}

fn vector(rng: &mut Rng) -> u128 {
    let kind = rng.below(8);
    let bits: u32 = match kind {
        0..3 => 64,
        3..5 => 32,
        5 => 16,
        _ => 8 << rng.below(4),
    };
    let mask = u64::MAX >> (64 - bits);
    let lanes = 128 / bits;
    let same = rng.one_in(8).then(|| rng.next() & mask);
    (0..lanes).fold(0, |v, _| {
        let lane = match kind {
            0..3 => number(rng, 11, 52),
            3..5 => number(rng, 8, 23),
            5 => number(rng, 5, 10),
            _ => integer(rng, bits),
        };
        v << (bits - 1) << 1 | u128::from(same.unwrap_or(lane & mask))
    })
}

fn state(rng: &mut Rng) -> Regs {
    let mut regs = Regs {
        memory: Vec::new(),
        x: std::array::from_fn(|_| integer(rng, 64)),
        v: std::array::from_fn(|_| vector(rng)),
        nzcv: (rng.next() as u32) << 28,
        fpsr: 0,
        fpcr: (rng.next() as u32 & 3) << 22,
    };
    if rng.one_in(3) {
        // Everything inexact already, so that nothing else is hidden by it.
        regs.fpsr = 0x10;
    }
    match rng.below(8) {
        0 => regs.fpcr |= 1 << 25,
        1 => regs.fpcr |= 1 << 24,
        2 => regs.fpcr |= rng.next() as u32 & 0x0708_0000,
        3..6 => regs.fpcr = 0,
        _ => {}
    }
    if rng.one_in(8) {
        tiny_products(&mut regs, rng);
    }
    // Equal operands, and opposite ones.
    for _ in 0..4 {
        let (a, b) = (rng.below(32) as usize, rng.below(32) as usize);
        regs.v[a] = if rng.one_in(2) { regs.v[b] } else { regs.v[b] ^ 1 << 127 ^ 1 << 63 };
    }
    regs
}

/// Fills the vector registers with two numbers whose product lies just below the smallest normal number, and zeros: there
/// rounding makes it normal, and tininess depends on when it is looked for.
fn tiny_products(regs: &mut Regs, rng: &mut Rng) {
    let double = rng.one_in(2);
    let pair = if double {
        let a = 1.0 + (rng.next() >> 12) as f64 / 2f64.powi(52);
        let scale = 2f64.powi(-511);
        [(a * scale).to_bits(), (2.0 / a * scale / 2.0).to_bits()]
    } else {
        let a = 1.0 + (rng.next() >> 41) as f32 / 2f32.powi(23);
        let scale = 2f32.powi(-63);
        [(a * scale).to_bits(), (2.0 / a * scale / 2.0).to_bits()].map(u64::from)
    };
    let bits = if double { 64 } else { 32 };
    for v in &mut regs.v {
        *v = (0..128 / bits).fold(0, |v, _| {
            let sign = (rng.next() & 1) << (bits - 1);
            let number = if rng.one_in(5) { 0 } else { rng.pick(&pair) };
            v << bits | u128::from(sign | number)
        });
    }
}

fn describe(words: &[u32], before: &Regs, want: &Regs, got: &Regs) -> String {
    let text: Vec<String> =
        words.iter().map(|&w| format!("{w:08x} {}", a64::decode(w).map_or("?", |e| e.name))).collect();
    let mut out = format!("{}\n  fpcr {:x}", text.join(", "), before.fpcr);
    if want.fpsr != got.fpsr {
        out += &format!("\n  fpsr {:x}, interpreter {:x}, before {:x}", got.fpsr, want.fpsr, before.fpsr);
    }
    if want.nzcv != got.nzcv {
        out += &format!("\n  nzcv {:x}, interpreter {:x}", got.nzcv, want.nzcv);
    }
    for n in 0..32 {
        if want.x[n] != got.x[n] {
            out += &format!("\n  x{n} {:x}, interpreter {:x}", got.x[n], want.x[n]);
        }
        if want.v[n] != got.v[n] {
            out += &format!("\n  v{n} {:032x}, interpreter {:032x}", got.v[n], want.v[n]);
        }
    }
    if let Some(n) = (0..want.memory.len()).find(|&n| want.memory[n] != got.memory[n]) {
        out += &format!("\n  memory+{n:#x} {:x}, interpreter {:x}", got.memory[n], want.memory[n]);
    }
    if let [word] = words {
        let w = a64::Word(*word);
        for (field, n) in [("d", w.rd()), ("n", w.rn()), ("m", w.rm()), ("a", w.ra())] {
            out += &format!("\n  {field}: v{n} {:032x}, x{n} {:x}", before.v[n], before.x[n]);
        }
    }
    out
}

/// Gives the loads and stores of a block memory: their base registers point into it, and what is added to them is small. Now and
/// then the address is not aligned, which without an MMU raises an exception.
fn prepare(regs: &mut Regs, words: &[u32], rng: &mut Rng) {
    if is_loop(words) {
        regs.x[28] = TURNS;
    }
    if !words.iter().any(|w| is_structure(*w)) {
        return;
    }
    regs.memory = (0..WINDOW).map(|_| rng.next() as u8).collect();
    for w in words.iter().map(|&w| a64::Word(w)).filter(|w| is_structure(w.0)) {
        regs.x[w.rm()] = 16 * rng.below(4);
        regs.x[w.rn()] = DATA + 0x100 + if rng.one_in(8) { rng.below(16) } else { 16 * rng.below(8) };
    }
}

/// LD1 to LD4 and ST1 to ST4.
fn is_structure(word: u32) -> bool {
    word & 0xbe00_0000 == 0x0c00_0000
}

/// Runs `blocks` from `states` states each and returns what differs: for each first word's encoding the first case.
fn differences(
    blocks: &[Vec<u32>],
    states: u64,
    rng: &mut Rng,
) -> std::collections::BTreeMap<String, String> {
    let mut machine = Machine::new();
    let (mut interpreter, mut jit) = (cpu::Interpreter::new(), Jit::new().expect("a translator"));
    let mut seen = std::collections::BTreeMap::new();
    for words in blocks {
        let at = machine.place(words);
        for _ in 0..states {
            let mut before = state(rng);
            prepare(&mut before, words, rng);
            let want = machine.run(&mut interpreter, at, words, &before);
            let got = machine.run(&mut jit, at, words, &before);
            if want != got {
                let name = words.first().and_then(|&w| a64::decode(w)).map_or("?", |e| e.name);
                seen.entry(name.to_string()).or_insert_with(|| describe(words, &before, &want, &got));
            }
        }
    }
    seen
}

fn seed() -> u64 {
    std::env::var("VECTOR_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1)
}

fn report(seen: &std::collections::BTreeMap<String, String>) {
    for text in seen.values() {
        eprintln!("{text}");
    }
    assert!(seen.is_empty(), "{} kinds of blocks differ", seen.len());
}

#[test]
fn every_vector_instruction_has_the_interpreters_answer_and_flags() {
    let mut rng = Rng::new(seed(), 0);
    let mut blocks = Vec::new();
    for e in encodings() {
        for _ in 0..4 {
            blocks.extend(choose::word(e, CODE, &mut rng).map(|w| vec![w]));
        }
    }
    report(&differences(&blocks, 40, &mut rng));
}

#[test]
fn sequences_of_vector_instructions_end_as_in_the_interpreter() {
    let mut rng = Rng::new(seed(), 1);
    let all = encodings();
    let blocks: Vec<Vec<u32>> = (0..1500)
        .map(|_| {
            let len = 2 + rng.below(12);
            let mut words = Vec::new();
            while words.len() < len as usize {
                let e = rng.pick(&all);
                words.extend(choose::word(e, CODE, &mut rng));
            }
            words
        })
        .collect();
    report(&differences(&blocks, 12, &mut rng));
}

#[test]
fn loads_and_stores_of_structures_move_what_the_interpreter_moves() {
    let mut rng = Rng::new(seed(), 2);
    let mut blocks = Vec::new();
    for e in choose::encodings().into_iter().filter(|e| is_structure(e.value)) {
        for _ in 0..12 {
            blocks.extend(choose::word(e, CODE, &mut rng).map(|w| vec![w]));
        }
    }
    report(&differences(&blocks, 8, &mut rng));
}

#[test]
fn loops_of_vector_instructions_end_as_in_the_interpreter() {
    let mut rng = Rng::new(seed(), 3);
    let all = encodings();
    let blocks: Vec<Vec<u32>> = (0..700)
        .map(|_| {
            let len = 1 + rng.below(14);
            // Few registers, so that some are used often.
            let few = [rng.below(32), rng.below(32), rng.below(32), rng.below(32)].map(|n| n as u32);
            let mut words = Vec::new();
            while words.len() < len as usize {
                let e = rng.pick(&all);
                let Some(word) = choose::word(e, CODE, &mut rng) else { continue };
                let (d, n, m) = (rng.pick(&few), rng.pick(&few), rng.pick(&few));
                let renamed = (word & !0x1f_03ff | d | n << 5 | m << 16) & !e.mask | word & e.mask;
                if renamed & 31 != 28 && a64::decode(renamed).is_some_and(|d| d.name == e.name) {
                    words.push(renamed);
                }
            }
            looped(words)
        })
        .collect();
    report(&differences(&blocks, 10, &mut rng));
}

#[test]
fn branches_after_comparisons_go_where_the_interpreter_goes() {
    let mut rng = Rng::new(seed(), 4);
    let compares =
        encodings().into_iter().filter(|e| e.name.contains("floatcmp") || e.name.contains("floatccmp"));
    let mut blocks = Vec::new();
    for e in compares {
        for cond in 0..14 {
            let Some(word) = choose::word(e, CODE, &mut rng) else { continue };
            // Over an addition; another look at the flags behind it.
            blocks.push(vec![word, 0x5400_0040 | cond, 0x9100_0400, 0x9a9f_07e1 | (cond ^ 4) << 12]);
            // Something in between that may need the executor.
            blocks.push(vec![word, 0x1e62_2820, 0x5400_0040 | cond, 0x9100_0400]);
        }
    }
    report(&differences(&blocks, 12, &mut rng));
}

#[test]
fn rounds_of_sha256_and_aes_that_go_together_do_what_they_do_apart() {
    let mut rng = Rng::new(seed(), 5);
    let mut blocks = Vec::new();
    for _ in 0..300 {
        // Few registers, so that they meet in all the wrong ways too.
        let few = [0u32, 1, 2, 3, 9, 22];
        let mut r = || rng.pick(&few);
        let (kept, abcd, efgh, m) = (r(), r(), r(), r());
        let third = if r() == 0 { r() } else { m };
        let mov = 0x4ea0_1c00 | abcd << 16 | abcd << 5 | kept;
        let first = 0x5e00_4000 | m << 16 | efgh << 5 | abcd;
        blocks.push(vec![mov, first, 0x5e00_5000 | third << 16 | kept << 5 | efgh]);
        let aes = [(0x4e28_4800, 0x4e28_6800), (0x4e28_5800, 0x4e28_7800), (0x4e28_4800, 0x4e28_7800)];
        let (round, mix) = rng.pick(&aes);
        blocks.push(vec![round | m << 5 | abcd, mix | abcd << 5 | abcd, mix | abcd << 5 | efgh]);
    }
    report(&differences(&blocks, 3, &mut rng));
}
