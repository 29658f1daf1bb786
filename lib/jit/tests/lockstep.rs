//! Random programs through both engines: every few hundred instructions everything that a guest could see must be equal.
//!
//! A program is a page of random words with the MMU on, run at EL1 or EL0: data processing of all classes, loads and
//! stores to memory that is there, read-only, device memory or absent, branches, exceptions, system registers, masks, FPCR,
//! exclusives, cache and TLB maintenance, and stores into the program itself. Registers turn into rubbish quickly, so
//! faults in the middle of blocks are the rule; a handler adds what it saw to a register and goes on behind the instruction.
//!
//! `LOCKSTEP_SEED` in the environment gives other programs, `LOCKSTEP_PROGRAMS` more of them, and a failure names the
//! number of its program, which `LOCKSTEP_ONLY` runs alone.

use std::sync::Arc;

use a64::{Encoding, disassemble};
use cpu::model::Model;
use cpu::{Connections, Cpu, Engine, Interpreter, reg};
use jit::Jit;
use mem::{Bus, Clock, Lines, Memory, Region};
use recorder::choose;
use recorder::rng::Rng;

/// RAM: tables, the kernel's page with vectors, then the program's pages and data.
const RAM: u64 = 0x4000_0000;
const RAM_LEN: u64 = 0x40_0000;
const TABLES: u64 = RAM;
const KERNEL: u64 = RAM + 0x8000;
const CODE: u64 = RAM + 0x1_0000;
const CODE_PAGES: u64 = 2;
const DATA: u64 = RAM + 0x2_0000;
const DATA_PAGES: u64 = 8;
/// The program and its data once more where EL0 may use them.
const USER: u64 = 0x4000_0000;

const WORDS: usize = CODE_PAGES as usize * 1024;
/// How many times the engines are compared, and instructions between.
const ROUNDS: u64 = 12;
const STEP: u64 = 250;

/// Descriptor bits.
const PAGE: u64 = 3 | 1 << 10 | 3 << 8;
const DEVICE: u64 = 1 << 2;
const EL0: u64 = 1 << 6;
const READ_ONLY: u64 = 1 << 7;
const UXN: u64 = 1 << 54;
const PXN: u64 = 1 << 53;

/// The handler of every exception: adds syndrome, address and place to TPIDRRO_EL0, skips the instruction unless it was
/// SVC, and where there is no instruction goes to the start of the program. Scratch are registers that programs leave alone.
/// ```text
/// msr tpidr_el1, x0; msr par_el1, x1; mrs x0, esr_el1; mrs x1, far_el1; add x0, x0, x1; mrs x1, elr_el1
/// eor x0, x1, x0, ror #7; mrs x1, tpidrro_el0; eor x0, x0, x1, ror #21; msr tpidrro_el0, x0
/// mrs x0, spsr_el1; and x0, x0, #~(1 << 20); msr spsr_el1, x0
/// mrs x0, esr_el1; lsr x0, x0, #26; cmp x0, #0x15; b.eq out; mrs x1, elr_el1; add x1, x1, #4
/// and x0, x0, #0x3c; cmp x0, #0x20; b.ne set; mrs x1, contextidr_el1; set: msr elr_el1, x1
/// out: mrs x0, tpidr_el1; mrs x1, par_el1; eret
/// ```
const HANDLER: [u32; 27] = [
    0xd518_d080,
    0xd518_7401,
    0xd538_5200,
    0xd538_6001,
    0x8b01_0000,
    0xd538_4021,
    0xcac0_1c20,
    0xd53b_d061,
    0xcac1_5400,
    0xd51b_d060,
    0xd538_4000,
    0x926b_f800,
    0xd518_4000,
    0xd538_5200,
    0xd35a_fc00,
    0xf100_541f,
    0x5400_0100,
    0xd538_4021,
    0x9100_1021,
    0x927e_0c00,
    0xf100_801f,
    0x5400_0041,
    0xd538_d021,
    0xd518_4021,
    0xd538_d080,
    0xd538_7401,
    0xd69f_03e0,
];

/// A machine with one CPU that has run nothing.
struct Machine {
    cpu: Cpu,
    memory: Arc<Memory>,
}

impl Machine {
    fn new(words: &[u32], data: &[u8], registers: &Registers) -> Machine {
        let memory = Arc::new(Memory::new(&[Region { base: RAM, len: RAM_LEN }]).expect("memory"));
        let put = |at: u64, value: u64| memory.write_u64(at, value).expect("in RAM");
        // Level 1; then for the kernel's half and EL0's, at 1 GiB each, levels 2 and 3.
        for (gib, user) in [(1, false), (2, true)] {
            let (middle, leaves) = (TABLES + 0x1000 * (2 * gib - 1), TABLES + 0x2000 * gib);
            put(TABLES + 8 * gib, middle | 3);
            put(middle, leaves | 3);
            let map = |pa: u64, attributes: u64| put(leaves + (pa >> 12 & 0x1ff) * 8, pa | PAGE | attributes);
            if !user {
                map(KERNEL, UXN);
            }
            for page in 0..CODE_PAGES {
                map(CODE + (page << 12), if user { EL0 } else { UXN });
            }
            for page in 0..DATA_PAGES {
                let kind = [0, 0, 0, READ_ONLY, 0, DEVICE, 0, 0][page as usize];
                // One page is only the kernel's, and the one behind the last is absent.
                let who = if user && page != 6 { EL0 } else { 0 };
                map(DATA + (page << 12), kind | who | UXN | PXN);
            }
        }
        for vector in 0..16 {
            // A vector of 128 bytes holds the handler.
            for (n, word) in HANDLER.iter().enumerate() {
                memory.write_u32(KERNEL + 0x80 * vector + 4 * n as u64, *word).expect("in RAM");
            }
        }
        for (n, word) in words.iter().enumerate() {
            memory.write_u32(CODE + 4 * n as u64, *word).expect("in RAM");
        }
        memory.write_bytes(DATA, data).expect("in RAM");
        let io = Connections::new(
            Arc::new(Bus::ram(Arc::clone(&memory))),
            Arc::new(Clock::counted(1_000_000, 1_000_000_000)),
            Lines::new(),
        );
        let model = Model::named("max").expect("a model").with_levels(false, false);
        let mut cpu = Cpu::new(Arc::new(model), 0, 0, io);
        cpu.start_at(CODE, 1);
        for (register, value) in [
            (reg::MAIR_EL1, 0x00ff),
            (reg::TCR_EL1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 25 << 16),
            (reg::TTBR0_EL1, TABLES),
            (reg::VBAR_EL1, KERNEL),
            (reg::CPACR_EL1, 3 << 20),
            (
                reg::SCTLR_EL1,
                0x30d0_0800 | 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26,
            ),
        ] {
            assert!(cpu.write_system(register, value), "{register:#x}");
        }
        cpu.sys.sp[0] = registers.sp;
        cpu.sys.contextidr[1] = CODE + if registers.user { USER } else { 0 };
        if registers.user {
            cpu.sys.spsr[1] = 0x3c0;
            cpu.exception_return(CODE + USER);
            cpu.set_pc(CODE + USER);
        }
        cpu.state.x = registers.x;
        cpu.state.v = registers.v;
        cpu.state.fpcr = registers.fpcr;
        Machine { cpu, memory }
    }

    /// What must be equal, as lines of text. BTYPE is not there: an indirect branch to a block that is known writes it only
    /// where somebody could check it, so it is lost when the engine stops in between.
    fn look(&self) -> Vec<String> {
        let (state, sys) = (&self.cpu.state, &self.cpu.sys);
        let mut lines =
            vec![format!("instructions {} pc {:#x} el {}", state.instructions, state.pc, state.el)];
        lines.extend(state.x.iter().enumerate().map(|(n, x)| format!("x{n} {x:#x}")));
        lines.extend(state.v.iter().enumerate().map(|(n, v)| format!("v{n} {v:#x}")));
        lines.push(format!(
            "nzcv {:#x} fpsr {:#x} fpcr {:#x} daif {:#x} pan {} uao {} il {} ssbs {} dit {} spsel {}",
            state.nzcv,
            state.fpsr,
            state.fpcr,
            state.daif,
            state.pan,
            state.uao,
            state.il,
            state.ssbs,
            state.dit,
            state.spsel
        ));
        lines.push(format!(
            "sp {:x?} elr {:x?} spsr {:x?} esr {:x?} far {:x?} tpidr {:x?} seen {:#x} monitor {}",
            sys.sp, sys.elr, sys.spsr, sys.esr, sys.far, sys.tpidr, sys.tpidrro, state.exclusive.size
        ));
        let mut bytes = vec![0; (DATA_PAGES << 12) as usize];
        self.memory.read_bytes(DATA, &mut bytes).expect("in RAM");
        for (n, line) in bytes.chunks(32).enumerate() {
            lines.push(format!("data+{:#x} {line:02x?}", 32 * n));
        }
        let mut code = vec![0; WORDS * 4];
        self.memory.read_bytes(CODE, &mut code).expect("in RAM");
        for (n, line) in code.chunks(32).enumerate() {
            lines.push(format!("code+{:#x} {line:02x?}", 32 * n));
        }
        lines
    }
}

/// What a program starts with.
struct Registers {
    user: bool,
    x: [u64; 32],
    v: [u128; 32],
    sp: u64,
    fpcr: u32,
}

/// An address in data, mostly aligned, sometimes at the border of a page or outside.
fn address(rng: &mut Rng, user: bool) -> u64 {
    let base = if user { DATA + USER } else { DATA };
    let page = rng.below(DATA_PAGES + 1) << 12;
    base + page + if rng.one_in(6) { 0xfe0 + rng.below(0x40) } else { rng.below(0x200) << 3 }
}

fn movz(register: u32, value: u64) -> [u32; 2] {
    let half = |n: u64| (value >> (16 * n) & 0xffff) as u32;
    [0xd280_0000 | half(0) << 5 | register, 0xf2a0_0000 | half(1) << 5 | register]
}

/// A word with random fields under a mask.
fn fields(value: u32, mask: u32, rng: &mut Rng) -> u32 {
    value | rng.next() as u32 & mask
}

/// Instructions of the system's side, and other patterns that random words seldom make.
fn special(rng: &mut Rng, user: bool, at: usize, out: &mut Vec<u32>) {
    let r = rng.below(31) as u32;
    match rng.below(24) {
        // A register gets an address again: several, since all others do something with them.
        0..=7 => out.extend(movz(r, address(rng, user))),
        8 => out.push(0xd400_0001 | (rng.below(99) as u32) << 5), // svc
        9 => out.push(rng.pick(&[0xd420_0000, 0x0000_0000, 0xd503_201f, 0xd503_203f, 0xd503_205f & !0x60])), // brk, udf, nop, yield
        10 => out.push(fields(rng.pick(&[0xd53b_4200, 0xd51b_4200]), 31, rng)), // nzcv
        11 => out.push(fields(rng.pick(&[0xd53b_4420, 0xd51b_4420, 0xd53b_4400]), 31, rng)), // fpsr, fpcr
        12 => {
            // FPCR: modes one after the other.
            let mode = rng.pick(&[0u64, 1 << 22, 2 << 22, 3 << 22, 1 << 24, 1 << 25, 1 << 19, 3 << 24]);
            out.extend(movz(r, mode));
            out.push(0xd51b_4400 | r);
        }
        13 => out.push(rng.pick(&[
            0xd503_4fdf,
            0xd503_4fff,
            0xd500_409f,
            0xd500_419f,
            0xd500_407f,
            0xd500_417f,
        ])), // daif, pan, uao
        14 => out.push(fields(
            rng.pick(&[0xd53b_d040, 0xd51b_d040, 0xd538_4100, 0xd538_4240, 0xd53b_e000]),
            31,
            rng,
        )), // tpidr_el0, sp_el0, CurrentEL, cntfrq
        15 => out.push(fields(0xd50b_7420, 31, rng)), // dc zva
        16 => out.push(rng.pick(&[
            0xd503_3f9f,
            0xd503_3bbf,
            0xd503_3fdf,
            0xd508_871f,
            0xd508_831f,
            0xd503_3f5f,
        ])), // dsb, dmb, isb, tlbi, clrex
        17 => {
            // An exclusive pair on one address.
            out.extend(movz(r, address(rng, user) & !15));
            let (status, value) = ((r + 1) % 31, (r + 2) % 31);
            let size = (rng.below(4) as u32) << 30;
            out.push(0x085f_7c00 | size | (rng.below(2) as u32) << 15 | r << 5 | value);
            if rng.one_in(2) {
                out.push(0x9100_0400 | value << 5 | value);
            }
            out.push(0x0800_7c00 | size | status << 16 | (rng.below(2) as u32) << 15 | r << 5 | value);
        }
        18 | 19 => {
            // A store into the program ahead, then what the architecture asks for.
            let target = (at as u64 + 6 + rng.below(40)) * 4 % (4 * WORDS as u64);
            let word = rng.pick(&[0xd503_201f, 0x9100_0400 | r << 5 | r, 0xd400_0001, 0x5ac0_1000 | r]);
            let (other, alias) = ((r + 1) % 31, if user { USER } else { 0 });
            out.extend(movz(r, CODE + alias + target));
            out.extend(movz(other, u64::from(word)));
            out.push(0xb900_0000 | r << 5 | other);
            if rng.one_in(2) {
                out.extend([0xd50b_7b20 | r, 0xd503_3b9f, 0xd50b_7520 | r, 0xd503_3b9f]);
            }
            out.push(0xd503_3fdf);
        }
        20 => {
            // An indirect branch or call into the program.
            let target = rng.below(WORDS as u64) * 4 + if rng.one_in(20) { 2 } else { 0 };
            out.extend(movz(r, CODE + if user { USER } else { 0 } + target));
            out.push(rng.pick(&[0xd61f_0000, 0xd63f_0000, 0xd65f_0000]) | r << 5);
        }
        21 => out.push(0x9400_0000 | (rng.next() as u32 & 63)), // bl ahead
        22 => out.push(0xd65f_03c0),                            // ret
        _ => {
            // An exception return to the program, with any flags.
            if user {
                return out.push(0xd69f_03e0);
            }
            let other = (r + 1) % 31;
            out.extend(movz(r, CODE + rng.below(WORDS as u64) * 4));
            out.extend(movz(
                other,
                0x3c5 | rng.next() & 0xf000_0000 | if rng.one_in(8) { 1 << 20 } else { 0 },
            ));
            out.extend([0xd518_4020 | r, 0xd518_4000 | other, 0xd69f_03e0]);
        }
    }
}

fn program(rng: &mut Rng, encodings: &[&'static Encoding], user: bool) -> Vec<u32> {
    let mut words = Vec::with_capacity(WORDS);
    // Some programs are mostly of one class.
    let class: Vec<_> = (0..6).map(|_| rng.pick(encodings)).collect();
    let narrow = rng.one_in(3);
    while words.len() < WORDS - 1 {
        if rng.one_in(3) {
            special(rng, user, words.len(), &mut words);
        } else {
            let e = if narrow && rng.one_in(2) { rng.pick(&class) } else { rng.pick(encodings) };
            words.extend(choose::word(e, CODE + 4 * words.len() as u64, rng));
        }
    }
    words.truncate(WORDS - 1);
    words.push(0x1400_0000 | ((1 << 26) - (WORDS as u32 - 1)));
    words
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs program `index` on both engines; the first difference.
fn compare(seed: u64, index: u64, encodings: &[&'static Encoding]) -> Result<(), String> {
    let rng = &mut Rng::new(seed, index);
    let user = rng.one_in(2);
    let words = program(rng, encodings, user);
    let data: Vec<u8> = (0..DATA_PAGES << 9).flat_map(|_| rng.next().to_le_bytes()).collect();
    let registers = Registers {
        user,
        x: std::array::from_fn(|n| if n % 3 == 0 { rng.next() } else { address(rng, user) }),
        v: std::array::from_fn(|_| u128::from(rng.next()) << 64 | u128::from(rng.next())),
        sp: address(rng, user) & !15,
        fpcr: rng.pick(&[0, 0, 0, 1 << 24, 1 << 25, 2 << 22]),
    };
    let mut tested = Machine::new(&words, &data, &registers);
    let mut reference = Machine::new(&words, &data, &registers);
    let (mut jit, mut interpreter) = (Jit::new().expect("a translator"), Interpreter::new());
    for round in 0..ROUNDS {
        let before = reference.cpu.state.pc;
        let stop = jit.run(&mut tested.cpu, STEP);
        // The translator stops between blocks: the interpreter goes as far.
        while reference.cpu.state.instructions < tested.cpu.state.instructions {
            let left = tested.cpu.state.instructions - reference.cpu.state.instructions;
            interpreter.run(&mut reference.cpu, left);
        }
        let (got, want) = (tested.look(), reference.look());
        if got != want {
            let mut text = format!("program {index}, round {round} from {before:#x}, stopped by {stop:?}:");
            for (got, want) in got.iter().zip(&want).filter(|(got, want)| got != want).take(12) {
                text += &format!("\n  got  {got}\n  want {want}");
            }
            return Err(text);
        }
    }
    Ok(())
}

#[test]
fn the_handler_is_what_its_comment_says() {
    let text: Vec<String> =
        HANDLER.iter().map(|w| disassemble(*w, 0).to_string().to_lowercase().replace('\t', " ")).collect();
    let mnemonics: Vec<&str> = text.iter().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        mnemonics.join(" "),
        "msr msr mrs mrs add mrs eor mrs eor msr mrs and msr mrs lsr cmp b.eq mrs add and cmp b.ne mrs msr mrs mrs eret",
        "{text:#?}"
    );
}

#[test]
fn random_programs_do_in_both_engines_what_they_do_in_one() {
    let seed = number("LOCKSTEP_SEED").unwrap_or(1);
    // LDG and the like are not here; what reads the time differs by when it is asked.
    let encodings = choose::encodings();
    let programs = match number("LOCKSTEP_ONLY") {
        Some(only) => only..only + 1,
        None => 0..number("LOCKSTEP_PROGRAMS").unwrap_or(150),
    };
    let wrong: Vec<String> = programs.filter_map(|index| compare(seed, index, &encodings).err()).collect();
    for text in wrong.iter().take(5) {
        eprintln!("{text}");
    }
    assert!(wrong.is_empty(), "{} programs differ", wrong.len());
}
