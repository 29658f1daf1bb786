//! Plays recordings through an engine: a CPU at EL0 with an identity map, each test ended by an exception to EL1.
//!
//! Nothing here reaches into an engine. It runs from the test's first word until the CPU is at EL1, whose vectors
//! wait for an interrupt that never comes; ESR_EL1 says how the test ended. So the same player serves the
//! interpreter, where a test is one instruction, and a translator, where it is a block.

use std::sync::Arc;

use cpu::model::Model;
use cpu::{Connections, Cpu, Engine, reg};
use mem::{Bus, Clock, Lines, Memory, Region};

use crate::file::{Outcome, Recording, Test};
use crate::state::{CODE, CODE_LEN, Regs, WINDOW, WINDOW_LEN, slot_len, window};

/// Page tables of levels 1, 2 and 3, and vectors: four pages, out of the tests' reach.
const TABLE: u64 = 0x6000_0000;
const VECTORS: u64 = TABLE + 0x3000;
/// Attributes of pages and blocks: normal memory, inner shareable, accessed.
const NORMAL: u64 = 1 << 10 | 3 << 8;
const BRK: u32 = 0xd420_0000;
const WFI: u32 = 0xd503_207f;

/// A test whose result is not the recorded one.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// What happened instead.
    pub outcome: Option<Outcome>,
    /// The registers at the end.
    pub regs: Regs,
    /// The window at the end, if it is not as recorded.
    pub memory: Option<Vec<u8>>,
}

impl Mismatch {
    /// One line for each thing that differs.
    pub fn describe(&self, test: &Test) -> String {
        let words: Vec<String> = test.words.iter().map(|w| format!("{w:08x}")).collect();
        let name = test.words.first().and_then(|&w| a64::decode(w)).map_or("unallocated", |e| e.name);
        let mut out = format!("test {} {} {name}:", test.index, words.join(" "));
        if self.outcome != Some(test.outcome) {
            out += &format!("\n  ended {:?}, recorded {:?}", self.outcome, test.outcome);
        }
        let (got, want, before) = (&self.regs, &test.after, &test.before);
        let mut line = |what: String, got: u128, want: u128, before: u128| {
            if got != want {
                out += &format!("\n  {what} {got:#x}, recorded {want:#x}, before {before:#x}");
            }
        };
        for n in 0..31 {
            line(format!("x{n}"), got.x[n].into(), want.x[n].into(), before.x[n].into());
        }
        line("sp".into(), got.sp.into(), want.sp.into(), before.sp.into());
        line("pc".into(), got.pc.into(), want.pc.into(), before.pc.into());
        line("nzcv".into(), got.nzcv.into(), want.nzcv.into(), before.nzcv.into());
        line("fpsr".into(), got.fpsr.into(), want.fpsr.into(), before.fpsr.into());
        for n in 0..32 {
            line(format!("v{n}"), got.v[n], want.v[n], before.v[n]);
        }
        if let [word] = test.words[..] {
            let w = a64::Word(word);
            for (field, n) in [("n", w.rn()), ("m", w.rm()), ("a", w.ra())] {
                out += &format!("\n  {field}: v{n} {:#x}", before.v[n]);
            }
        }
        out += &format!("\n  fpcr {:#x}", before.fpcr);
        if let Some(memory) = &self.memory {
            let expected = expected_window(test);
            for (n, (got, want)) in memory.iter().zip(&expected).enumerate() {
                if got != want {
                    out += &format!("\n  window+{n:#x}: {got:#04x}, recorded {want:#04x}");
                }
            }
        }
        out
    }
}

fn expected_window(test: &Test) -> Vec<u8> {
    let mut bytes = window();
    if let Some((offset, new)) = &test.memory
        && let Some(to) = bytes.get_mut(usize::from(*offset)..usize::from(*offset) + new.len())
    {
        to.copy_from_slice(new);
    }
    bytes
}

/// Neighbours of an embedded word.
const BEFORE: u64 = 3;
const AFTER: u64 = 2;

/// A word that changes nothing, chosen by `n`.
fn neighbour(n: u64) -> u32 {
    let (kind, r) = (n % 6, (n / 6 % 31) as u32);
    let cond = (n / 7 % 14) as u32;
    match kind {
        0 => 0xd503_201f,                                     // nop
        1 => 0xaa00_03e0 | r << 16 | r,                       // mov xr, xr
        2 => 0x9a80_0000 | r << 16 | cond << 12 | r << 5 | r, // csel xr, xr, xr, cond
        3 => 0x4ea0_1c00 | r << 16 | r << 5 | r,              // mov vr.16b, vr.16b
        4 => 0x9100_0000 | r << 5 | r,                        // add xr, xr, #0
        _ => 0xca1f_0000 | r << 5 | r,                        // eor xr, xr, xzr
    }
}

/// Whether a test can be played among neighbours.
fn embeddable(test: &Test) -> bool {
    match test.words[..] {
        [word] => a64::decode(word).is_none_or(|e| !e.name.contains("branch")),
        _ => false,
    }
}

/// A machine that plays tests.
#[derive(Debug)]
pub struct Player {
    /// Its only processor.
    pub cpu: Cpu,
    memory: Arc<Memory>,
    pattern: Vec<u8>,
}

impl Player {
    /// A machine around a processor of the named model. Tests were recorded on one with everything: use `max`.
    ///
    /// Errors: the model is unknown, or guest memory cannot be had.
    pub fn new(model: &str) -> Result<Player, Box<dyn std::error::Error>> {
        let region = |base, len| Region { base, len };
        let regions = [region(WINDOW, WINDOW_LEN), region(CODE, CODE_LEN), region(TABLE, 0x4000)];
        let memory = Arc::new(Memory::new(&regions)?);
        // At 0x4000_0000 the window and the code by pages, for user and kernel; nothing else there.
        memory.write_u64(TABLE + 8, (TABLE + 0x1000) | 3)?;
        memory.write_u64(TABLE + 0x1000, (TABLE + 0x2000) | 3)?;
        for page in (WINDOW..WINDOW + WINDOW_LEN).chain(CODE..CODE + CODE_LEN).step_by(0x1000) {
            memory.write_u64(TABLE + 0x2000 + (page >> 12 & 0x1ff) * 8, page | NORMAL | 1 << 6 | 3)?;
        }
        // At 0x8000_0000 all of it once more, for the kernel only: the vectors.
        memory.write_u64(TABLE + 16, 0x4000_0000 | NORMAL | 1 << 54 | 1)?;
        for vector in 0..16 {
            memory.write_u32(VECTORS + 0x80 * vector, WFI)?;
        }
        let pattern = window();
        memory.write_bytes(WINDOW, &pattern)?;
        let io = Connections::new(
            Arc::new(Bus::ram(Arc::clone(&memory))),
            Arc::new(Clock::counted(1_000_000, 1_000_000_000)),
            Lines::new(),
        );
        let model = Model::named(model).ok_or("no such CPU model")?.with_levels(false, false);
        let mut cpu = Cpu::new(Arc::new(model), 0, 0, io);
        for (register, value) in [
            (reg::MAIR_EL1, 0xff),
            // 39-bit addresses below, 4 KiB granule, nothing above.
            (reg::TCR_EL1, 25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 25 << 16),
            (reg::TTBR0_EL1, TABLE),
            (reg::VBAR_EL1, VECTORS + 0x4000_0000),
            (reg::CPACR_EL1, 3 << 20),
            // MMU and caches on; EL0 may use WFI, WFE, DC ZVA, cache maintenance, CTR.
            (
                reg::SCTLR_EL1,
                0x30d0_0800 | 1 | 1 << 2 | 1 << 12 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 26,
            ),
        ] {
            if !cpu.write_system(register, value) {
                return Err(format!("system register {register:#x} cannot be written").into());
            }
        }
        Ok(Player { cpu, memory, pattern })
    }

    /// Plays all tests through `engine`; calls `differs` for each whose result is not the recorded one. Returns how many.
    pub fn play(
        &mut self,
        recording: &Recording,
        engine: &mut dyn Engine,
        differs: impl FnMut(&Test, &Mismatch),
    ) -> Result<u64, mem::Error> {
        self.play_with(recording, engine, false, differs)
    }

    /// The same with every single word among neighbours that change nothing, three before and two after, so that a
    /// translator sees a block: moves of registers onto themselves and selections by the flags. Branches are left out: they would land
    /// among neighbours.
    pub fn play_embedded(
        &mut self,
        recording: &Recording,
        engine: &mut dyn Engine,
        differs: impl FnMut(&Test, &Mismatch),
    ) -> Result<u64, mem::Error> {
        self.play_with(recording, engine, true, differs)
    }

    fn play_with(
        &mut self,
        recording: &Recording,
        engine: &mut dyn Engine,
        embed: bool,
        mut differs: impl FnMut(&Test, &Mismatch),
    ) -> Result<u64, mem::Error> {
        let mut wrong = 0;
        let mut tests = &recording.tests[..];
        while let Some(first) = tests.first() {
            let per_chunk = CODE_LEN / slot_len(first.words.len());
            let chunk = first.index / per_chunk;
            let len = tests.iter().take_while(|t| t.index / per_chunk == chunk).count();
            let (now, rest) = tests.split_at(len);
            tests = rest;
            let mut code = BRK.to_le_bytes().repeat(CODE_LEN as usize / 4);
            for test in now {
                if embed && !embeddable(test) {
                    continue;
                }
                let mut words = test.words.clone();
                if embed {
                    words.splice(0..0, (0..BEFORE).map(|n| neighbour(test.index * 5 + n)));
                    words.extend((0..AFTER).map(|n| neighbour(test.index * 5 + BEFORE + n)));
                }
                let at = test.before.pc - CODE - if embed { 4 * BEFORE } else { 0 };
                let bytes = words.iter().flat_map(|w| w.to_le_bytes());
                code.iter_mut().skip(at as usize).zip(bytes).for_each(|(to, from)| *to = from);
            }
            self.memory.write_bytes(CODE, &code)?;
            for test in now {
                if embed && !embeddable(test) {
                    continue;
                }
                if let Some(mismatch) = self.one(test, engine, embed)? {
                    wrong += 1;
                    differs(test, &mismatch);
                }
            }
        }
        Ok(wrong)
    }

    fn one(
        &mut self,
        test: &Test,
        engine: &mut dyn Engine,
        embedded: bool,
    ) -> Result<Option<Mismatch>, mem::Error> {
        let (lead, trail) = if embedded { (4 * BEFORE, 4 * AFTER) } else { (0, 0) };
        self.load(&test.before, test.before.pc - lead);
        for _ in 0..4 {
            if self.cpu.state.el == 1 {
                break;
            }
            engine.run(&mut self.cpu, 64);
        }
        let mut regs = self.save(&test.before);
        if test.outcome == Outcome::Done {
            regs.pc = regs.pc.wrapping_sub(trail);
        }
        let class = self.cpu.sys.esr[1] >> 26 & 63;
        let inside = (test.before.pc..test.before.pc + 4 * test.words.len() as u64).contains(&regs.pc);
        let outcome = match class {
            _ if self.cpu.state.el != 1 => None,
            0x3c => Some(Outcome::Done),
            0x20 if !inside => Some(Outcome::Done),
            0x00 => Some(Outcome::Undefined),
            0x24 => Some(Outcome::Fault),
            _ => None,
        };
        let mut memory = vec![0; WINDOW_LEN as usize];
        self.memory.read_bytes(WINDOW, &mut memory)?;
        let as_recorded = match &test.memory {
            None => memory == self.pattern,
            Some(_) => memory == expected_window(test),
        };
        if memory != self.pattern {
            self.memory.write_bytes(WINDOW, &self.pattern)?;
        }
        if outcome == Some(test.outcome) && regs == test.after && as_recorded {
            return Ok(None);
        }
        let memory = (!as_recorded).then_some(memory);
        Ok(Some(Mismatch { outcome, regs, memory }))
    }

    /// Puts the CPU at EL0 with these registers.
    fn load(&mut self, regs: &Regs, pc: u64) {
        let cpu = &mut self.cpu;
        if cpu.state.el != 1 {
            cpu.start_at(VECTORS, 1);
        }
        cpu.sys.spsr[1] = u64::from(regs.nzcv) | 0x3c0;
        cpu.sys.sp[0] = regs.sp;
        cpu.exception_return(pc);
        cpu.set_pc(pc);
        for (to, from) in cpu.state.x.iter_mut().zip(&regs.x) {
            *to = *from;
        }
        cpu.state.v = regs.v;
        cpu.state.fpcr = regs.fpcr;
        cpu.state.fpsr = regs.fpsr;
    }

    /// The registers of the test, now that the CPU is at EL1.
    fn save(&self, before: &Regs) -> Regs {
        let (state, sys) = (&self.cpu.state, &self.cpu.sys);
        let mut x = before.x;
        for (to, from) in x.iter_mut().zip(&state.x) {
            *to = *from;
        }
        Regs {
            x,
            sp: sys.sp[0],
            pc: sys.elr[1],
            nzcv: sys.spsr[1] as u32 & 0xf000_0000,
            fpsr: state.fpsr,
            fpcr: state.fpcr,
            v: state.v,
        }
    }
}
