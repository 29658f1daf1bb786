//! Random programs at EL1, through the interpreter and the translator: faults and exceptions in the middle of blocks, code
//! that changes itself, system registers, FPCR, atomics, signed pointers, and stops after any instruction.
//!
//! The programs loop, so blocks are chained and found again. Both sides stop after the same number of instructions, several
//! times, and must then agree on registers, system registers and memory.

use std::sync::Arc;

use cpu::{Connections, Cpu, Engine, Interpreter, Model, Pac, Stop};
use jit::Jit;
use mem::{Bus, Clock, Lines, Memory, Region};

const BASE: u64 = 0x4000_0000;
const LEN: u64 = 8 << 20;
const CODE: u64 = BASE + 0x1_0000;
const VECTORS: u64 = BASE + 0x8000;
const TABLE: u64 = BASE + 0x4000;
const DATA: u64 = BASE + (2 << 20) + 0x3f40;
const READ_ONLY: u64 = BASE + (4 << 20);
/// Not mapped.
const NOWHERE: u64 = BASE + (6 << 20) + 8;
/// Instructions of a program.
const WORDS: u64 = 300;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Below `n`.
    fn below(&mut self, n: u64) -> u32 {
        (self.next() >> 20) as u32 % n as u32
    }
}

/// A register that programs may change: X0 to X15.
fn free(r: &mut Rng) -> u32 {
    r.below(16)
}

/// One instruction, not a branch. X20 points to data, X21 to what cannot be written, X22 nowhere, X25 into the code,
/// X26 is an instruction.
fn straight(r: &mut Rng) -> u32 {
    let (d, n, m, a) = (free(r), free(r), free(r), free(r));
    let (sf, cond, shift) = (r.below(2) << 31, r.below(14), r.below(32));
    let (v, w, u) = (r.below(24), r.below(24), r.below(24));
    let size = r.below(4);
    let offset = r.below(32);
    match r.below(62) {
        0 => 0x0b00_0000 | sf | r.below(4) << 29 | m << 16 | shift << 10 | n << 5 | d,
        1 => {
            0x0a00_0000
                | sf
                | r.below(4) << 29
                | r.below(2) << 21
                | r.below(4) << 22
                | m << 16
                | shift << 10
                | n << 5
                | d
        }
        2 => 0x1a00_0000 | sf | r.below(4) << 29 | m << 16 | n << 5 | d,
        3 => 0x5280_0000 | sf | r.below(0x10000) << 5 | d,
        4 => 0x7280_0000 | sf | r.below(2) << 21 | r.below(0x10000) << 5 | d,
        5 => 0x5300_0000 | r.below(32) << 16 | shift << 10 | n << 5 | d,
        6 => 0x9340_0000 | r.below(64) << 16 | r.below(64) << 10 | n << 5 | d,
        7 => 0xb340_0000 | r.below(64) << 16 | r.below(64) << 10 | n << 5 | d,
        8 => 0x1a80_0000 | sf | r.below(2) << 30 | m << 16 | cond << 12 | r.below(2) << 10 | n << 5 | d,
        9 => 0x1a9f_07e0 | sf | cond << 12 | d,
        10 => {
            0x3a40_0000
                | sf
                | r.below(2) << 30
                | m << 16
                | cond << 12
                | r.below(2) << 11
                | n << 5
                | r.below(16)
        }
        11 => 0x1ac0_2000 | sf | m << 16 | r.below(4) << 10 | n << 5 | d,
        12 => 0x1ac0_0800 | sf | m << 16 | r.below(2) << 10 | n << 5 | d,
        13 => 0x1b00_0000 | sf | m << 16 | r.below(2) << 15 | a << 10 | n << 5 | d,
        14 => 0x9b20_0000 | r.below(2) << 23 | m << 16 | r.below(2) << 15 | a << 10 | n << 5 | d,
        15 => 0x5ac0_0000 | sf | [0, 0x400, 0x800, 0x1000, 0x1400][r.below(5) as usize] | n << 5 | d,
        16 | 17 => 0x6b00_001f | sf | m << 16 | n << 5,
        18 => 0x6a00_001f | sf | m << 16 | n << 5,
        19 => 0x7100_0000 | sf | r.below(4096) << 10 | n << 5 | d,
        // Loads and stores of X20's data.
        20..=22 => 0x3900_0000 | size << 30 | r.below(2) << 22 | offset << 10 | 20 << 5 | d,
        23 => 0x3800_0000 | size << 30 | r.below(2) << 22 | r.below(512) << 12 | 20 << 5 | d,
        24 => {
            0x2900_0000
                | r.below(2) << 31
                | r.below(2) << 22
                | r.below(64) << 15
                | a << 10
                | 20 << 5
                | (d ^ u32::from(d == a))
        }
        25 => 0x3980_0000 | r.below(3) << 30 | offset << 10 | 20 << 5 | d,
        26 => 0x3c00_0000 | r.below(2) << 23 | r.below(2) << 22 | r.below(512) << 12 | 20 << 5 | v,
        27 => {
            0xad00_0000 | r.below(2) << 22 | r.below(16) << 15 | w << 10 | 20 << 5 | (v ^ u32::from(v == w))
        }
        // Write-back: X24 starts anew from X20.
        28 => 0x9100_0000 | r.below(64) << 10 | 20 << 5 | 24,
        29 => {
            0x3800_0400 | size << 30 | r.below(2) << 22 | r.below(64) << 12 | r.below(2) << 11 | 24 << 5 | d
        }
        // On the stack, whose pointer is sometimes misaligned.
        30 => 0xf940_03e0 | r.below(16) << 10 | d,
        31 => 0x9100_03ff | [0, 8, 16, 32][r.below(4) as usize] << 10 | r.below(2) << 30,
        // Faults.
        32 => 0xf940_02c0 | r.below(4) << 10 | d,
        33 => 0xf900_02a0 | r.below(4) << 10 | d,
        34 => 0xf940_02a0 | r.below(4) << 10 | d,
        35 => 0xf840_7280 | d,
        36 => [0xd400_0001, 0xd420_0020, 0x0000_0000][r.below(3) as usize],
        // Atomics; X20 is aligned to 64.
        37 => 0x085f_7c00 | size << 30 | r.below(2) << 15 | 20 << 5 | d,
        38 => 0x0800_7c00 | size << 30 | 16 << 16 | r.below(2) << 15 | 20 << 5 | d,
        39 => 0x3820_0000 | size << 30 | r.below(4) << 22 | m << 16 | r.below(9).min(8) << 12 | 20 << 5 | d,
        40 => 0x08a0_7c00 | size << 30 | m << 16 | 20 << 5 | d,
        41 => 0x4820_7c00 | 2 << 16 | 20 << 5 | 4,
        42 => 0xc87f_0000 | 5 << 10 | 20 << 5 | 4,
        43 => 0xc820_0000 | 17 << 16 | 7 << 10 | 20 << 5 | 6,
        // System registers: NZCV, DAIF, TPIDR_EL0, TPIDR_EL1, SP_EL0, ESR, FAR, CurrentEL, SPSel, FPSR, CNTVCT.
        44 | 45 => {
            const READ: [u32; 11] = [
                0xd53b_4200,
                0xd53b_4220,
                0xd53b_d040,
                0xd538_d080,
                0xd538_4100,
                0xd538_5200,
                0xd538_6000,
                0xd538_4240,
                0xd538_4200,
                0xd53b_4420,
                0xd53b_e040,
            ];
            READ[r.below(11) as usize] | d
        }
        46 => [0xd51b_4200, 0xd51b_d040, 0xd518_d080, 0xd518_6000][r.below(4) as usize] | n,
        47 => 0xd503_40df | r.below(16) << 8 | r.below(2) << 5,
        48 => 0xd51b_4220 | n,
        49 => 0xd500_40bf | r.below(2) << 8,
        // FPCR from X19, which only holds what exists of it.
        50 => 0xd51b_4413,
        51 => [0xd503_3fdf, 0xd503_3f9f, 0xd503_201f, 0xd503_3f5f][r.below(4) as usize],
        // DC ZVA, DC CVAU, IC IVAU of X20's data, TLBI VMALLE1.
        52 => [0xd50b_7434, 0xd50b_7b34, 0xd50b_7534, 0xd508_871f][r.below(4) as usize],
        // Signed pointers.
        53 => 0xdac1_0000 | r.below(8) << 10 | n << 5 | d,
        54 => [0xd503_233f, 0xd503_23bf, 0xd503_211f, 0xdac1_43e0][r.below(4) as usize],
        // FP and vectors.
        55 => 0x1e60_0800 | [0, 0x1000, 0x2000, 0x3000][r.below(4) as usize] | u << 16 | w << 5 | v,
        56 => 0x1e60_2000 | u << 16 | w << 5,
        57 => 0x9e62_0000 | n << 5 | v,
        58 => 0x4e20_8400 | r.below(4) << 22 | u << 16 | w << 5 | v,
        59 => {
            [0x4ea1_c800, 0x4e20_1c00, 0x6e20_1c00][r.below(3) as usize] & !0x001f_0000 | w << 5 | v | 1 << 16
        }
        // Code that is changed ahead or behind: X26 to where X25 points.
        60 => 0xb900_033a | r.below(16) << 10,
        _ => 0x9100_0000 | r.below(4096) << 10 | n << 5 | d,
    }
}

/// A program: straight instructions and branches forward, then back to the start.
fn program(r: &mut Rng) -> Vec<u32> {
    let mut words = Vec::new();
    for at in 0..WORDS {
        let ahead = (2 + r.below(6)).min((WORDS - at) as u32);
        words.push(match r.below(12) {
            0 => 0x5400_0000 | ahead << 5 | r.below(15),
            1 => match r.below(4) {
                0 => 0x3400_0000 | r.below(2) << 31 | r.below(2) << 24 | ahead << 5 | free(r),
                1 => {
                    0x3600_0000
                        | r.below(2) << 31
                        | r.below(2) << 24
                        | r.below(32) << 19
                        | ahead << 5
                        | free(r)
                }
                2 => 0x1400_0000 | r.below(2) << 31 | ahead,
                // ADR X18, ahead, then BR, BLR or RET to it: a pair.
                _ => 0x1000_0012 | (ahead + 1) << 5,
            },
            2 => [0xd61f_0240, 0xd63f_0240, 0xd65f_0240][r.below(3) as usize],
            _ => straight(r),
        });
    }
    // A branch through X18 must follow an ADR that sets it.
    for at in 0..words.len() {
        let indirect = words[at] & 0xff9f_ffff == 0xd61f_0240 || words[at] == 0xd65f_0240;
        let fresh = at > 0 && words[at - 1] & 0x9f00_001f == 0x1000_0012;
        if indirect && !fresh {
            words[at] = 0xd503_201f;
        }
    }
    words.push(0x1400_0000 | (-(WORDS as i32) & 0x3ff_ffff) as u32);
    words
}

/// A machine with tables for 2 MiB blocks: code, data, read-only, nothing.
fn machine(words: &[u32], seed: u64) -> (Cpu, Arc<Memory>) {
    let memory = Arc::new(Memory::new(&[Region { base: BASE, len: LEN }]).expect("RAM"));
    let bus = Arc::new(Bus::ram(Arc::clone(&memory)));
    let io = Connections::new(bus, Arc::new(Clock::counted(24_000_000, 240_000_000)), Lines::new());
    let model = Model::named("max").expect("model").with_levels(false, false).with_pac(Pac::Qarma5);
    let mut cpu = Cpu::new(Arc::new(model), 0, 0, io);
    memory.write_u64(TABLE + 8, (TABLE + 0x1000) | 3).unwrap();
    // Block, AF, inner shareable, attribute 0 (AttrIndx); AP 2 is read-only.
    let block = |pa: u64, more: u64| pa | 1 | 1 << 10 | 3 << 8 | more;
    for (n, more) in [(0u64, 0u64), (1, 1 << 53), (2, 1 << 53 | 2 << 6)] {
        memory.write_u64(TABLE + 0x1000 + 8 * n, block(BASE + (n << 21), more)).unwrap();
    }
    // The handler goes on after the instruction, and counts syndromes in X29.
    let handler = [0xd538_403c, 0x9100_139c, 0xd518_403c, 0xd538_521b, 0x8b1b_03bd, 0xd69f_03e0];
    for vector in [0, 0x200] {
        for (n, word) in handler.iter().enumerate() {
            memory.write_u32(VECTORS + vector + 4 * n as u64, *word).unwrap();
        }
    }
    for (n, word) in words.iter().enumerate() {
        memory.write_u32(CODE + 4 * n as u64, *word).unwrap();
    }
    let mut r = Rng(seed | 1);
    for at in (0..0x8000).step_by(8) {
        memory.write_u64(DATA - 0x3f40 + at, r.next()).unwrap();
    }
    cpu.start_at(CODE, 1);
    cpu.sys.vbar[1] = VECTORS;
    cpu.sys.mair[1] = 0xff;
    cpu.sys.keys = [3, 5, 7, 11, 13].map(|n: u128| n * 0x0123_4567_89ab_cdef_0011_2233_4455_6677);
    for (reg, value) in [
        (cpu::reg::CPACR_EL1, 3 << 20),
        // T0SZ 25, 4 KiB, upper half off.
        (cpu::reg::TCR_EL1, 25 | 3 << 12 | 1 << 10 | 1 << 8 | 1 << 23 | 25 << 16 | 2 << 32),
        (cpu::reg::TTBR0_EL1, TABLE),
        // M, SA, DZE, UCI and all four keys, beside RES1.
        (
            cpu::reg::SCTLR_EL1,
            0x30d5_0980 | 1 | 1 << 3 | 1 << 14 | 1 << 26 | 1 << 31 | 1 << 30 | 1 << 27 | 1 << 13,
        ),
    ] {
        assert!(cpu.write_system(reg, value));
    }
    for x in 0..18 {
        cpu.state.x[x] = r.next() >> (r.below(4) * 16);
    }
    for v in 0..32 {
        cpu.state.v[v] =
            u128::from(r.next()) << 64 | u128::from(f64::from(r.below(1000) as f32 / 7.0).to_bits());
    }
    cpu.state.x[18] = CODE;
    cpu.state.x[19] = u64::from(r.below(4)) << 22;
    cpu.state.x[20] = DATA;
    cpu.state.x[21] = READ_ONLY;
    cpu.state.x[22] = NOWHERE;
    cpu.state.x[24] = DATA;
    cpu.state.x[25] = CODE + 4 * u64::from(r.below(WORDS - 20));
    cpu.state.x[26] = [0xd503_201f, 0x9100_0421, 0x1400_0002][r.below(3) as usize];
    cpu.state.x[31] = DATA;
    cpu.sys.sp[0] = DATA + 0x100;
    (cpu, memory)
}

/// Everything that must be equal, as text that shows where it is not.
fn describe(cpu: &mut Cpu) -> Vec<String> {
    let s = &cpu.state;
    let mut lines = vec![
        format!("pc {:x} instructions {} el {} spsel {}", s.pc, s.instructions, s.el, s.spsel),
        // Not BTYPE: translated code keeps none between blocks of unguarded pages, where nothing asks for it.
        format!("nzcv {:x} daif {:x} fpcr {:x} fpsr {:x}", s.nzcv, s.daif, s.fpcr, s.fpsr),
        format!("exclusive {} {:x} {:x}", s.exclusive.size, s.exclusive.address, s.exclusive.value),
        format!("sp {:x?} elr {:x?} spsr {:x?}", cpu.sys.sp[0], cpu.sys.elr[1], cpu.sys.spsr[1]),
        format!("esr {:x?} far {:x?} tpidr {:x?}", cpu.sys.esr[1], cpu.sys.far[1], cpu.sys.tpidr),
    ];
    lines.extend(s.x.iter().enumerate().map(|(n, x)| format!("x{n} {x:x}")));
    lines.extend(s.v.iter().enumerate().map(|(n, v)| format!("v{n} {v:x}")));
    lines
}

fn compare(seed: u64, runs: u64) {
    let mut r = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let words = program(&mut r);
    let ((mut one, memory_one), (mut two, memory_two)) = (machine(&words, seed), machine(&words, seed));
    let (mut interpreter, mut jit) = (Interpreter::new(), Jit::new().expect("a translator"));
    for run in 0..runs {
        let budget = 100 + u64::from(r.below(900));
        assert_eq!(interpreter.run(&mut one, budget), Stop::Budget);
        assert_eq!(jit.run(&mut two, budget), Stop::Budget);
        let (left, right) = (describe(&mut one), describe(&mut two));
        for (left, right) in left.iter().zip(&right) {
            assert_eq!(left, right, "seed {seed} run {run}");
        }
    }
    for (from, len) in [(CODE, 4 * WORDS + 64), (DATA - 0x3f40, 0x8000)] {
        let (left, right) =
            (memory_one.read_vec(from, len).unwrap(), memory_two.read_vec(from, len).unwrap());
        assert!(left == right, "seed {seed}: memory at {from:x}");
    }
}

#[test]
fn random_programs_end_alike_wherever_they_are_stopped() {
    let seeds = std::env::var("XNUBOOT_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for seed in 1..=seeds {
        compare(seed, 12);
    }
}
