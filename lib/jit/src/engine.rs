//! The engine: finds or makes blocks, runs them, and does between them what every engine must.

use cpu::state::pending;
use cpu::{Cpu, Engine, Stop};
use mem::{CODE_PAGE, CodeWrites, Memory};

use crate::Error;
use crate::block::{Block, Blocks, Exit, Key};
use crate::cache::Cache;
use crate::decode;
use crate::emit;
use crate::mode::Mode;
use crate::numbers::{Context, Numbers};
use crate::regs::BIAS;
use crate::runtime::{Frame, MXCSR, SIGNED, Signed, TARGETS, Target, fold_mxcsr, key, mxcsr, target_index};
use crate::thunks::Thunks;

/// Instructions between looks at the clock when time is the host's.
const SLICE: u64 = 8192;
/// The same when time is counted, as the interpreter has it: interrupts come at the same instructions.
const COUNTED_SLICE: u64 = 2048;

/// No check of a chained jump matches this.
const NO_NUMBER: u32 = u32::MAX;

/// What a link request needs to know: an exit by block and number.
type Pending = (u32, u32);

/// The translator. One serves one CPU.
pub struct Jit {
    cache: Cache,
    thunks: Thunks,
    blocks: Blocks,
    targets: Box<[Target; TARGETS]>,
    /// The blocks that the targets are.
    target_blocks: Box<[u32; TARGETS]>,
    signed: Box<[Signed; SIGNED]>,
    frame: Frame,
    numbers: Numbers,
    /// The numbers now: lower and upper half.
    now: [u32; 2],
    /// Place in the log of code writes.
    cursor: u64,
    marks: u64,
    statistics: Statistics,
}

/// Counts of what costs time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Statistics {
    /// Blocks made.
    pub translated: u64,
    /// Guest instructions in them.
    pub instructions: u64,
    /// Times that generated code was entered.
    pub entries: u64,
    /// Blocks that were made invalid by writes to their pages.
    pub invalidated: u64,
    /// Times that everything was dropped.
    pub flushes: u64,
    /// Calls of the interpreter's executors from generated code.
    pub calls: u64,
}

// SAFETY: the raw pointers in the frame are set on each run and name what `run` was given or what this value owns.
unsafe impl Send for Jit {}

impl std::fmt::Debug for Jit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jit").field("statistics", &self.statistics).finish_non_exhaustive()
    }
}

impl Drop for Jit {
    fn drop(&mut self) {
        if std::env::var_os("XNUBOOT_JIT_STATISTICS").is_some() {
            eprintln!("{:?}", self.statistics());
            let mut calls: Vec<_> = self.frame.histogram.iter().flat_map(|h| h.iter()).collect();
            calls.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
            for ((name, how), n) in calls.iter().take(60) {
                eprintln!("{n:12} {name} ({how})");
            }
        }
    }
}

impl Jit {
    /// A translator, if the host's processor has what it needs.
    pub fn new() -> Result<Jit, Error> {
        for (present, name) in [
            (std::is_x86_feature_detected!("avx2"), "AVX2"),
            (std::is_x86_feature_detected!("bmi1"), "BMI1"),
            (std::is_x86_feature_detected!("bmi2"), "BMI2"),
            (std::is_x86_feature_detected!("lzcnt"), "LZCNT"),
            (std::is_x86_feature_detected!("fma"), "FMA"),
            (std::is_x86_feature_detected!("f16c"), "F16C"),
            (std::is_x86_feature_detected!("aes"), "AES"),
            (std::is_x86_feature_detected!("pclmulqdq"), "PCLMULQDQ"),
            (std::is_x86_feature_detected!("sse4.2"), "SSE4.2"),
        ] {
            if !present {
                return Err(Error::Host(name));
            }
        }
        let mut cache = Cache::new()?;
        let thunks = Thunks::new(&mut cache)?;
        Ok(Jit {
            cache,
            thunks,
            blocks: Blocks::default(),
            targets: vec![Target::NONE; TARGETS]
                .into_boxed_slice()
                .try_into()
                .unwrap_or_else(|_| unreachable!()),
            target_blocks: vec![0; TARGETS].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!()),
            signed: vec![Signed::default(); SIGNED]
                .into_boxed_slice()
                .try_into()
                .unwrap_or_else(|_| unreachable!()),
            frame: Frame {
                cpu: std::ptr::null_mut(),
                state: std::ptr::null_mut(),
                budget: 0,
                keys: [0; 2],
                targets: std::ptr::null(),
                exit: std::ptr::null(),
                end: 0,
                lines: std::ptr::null(),
                signed: std::ptr::null_mut(),
                numbers: std::ptr::null_mut(),
                epoch: 0,
                armed: None,
                cache: std::ptr::null_mut(),
                calls: 0,
                mxcsr: MXCSR,
                histogram: std::env::var_os("XNUBOOT_JIT_STATISTICS").map(|_| Default::default()),
            },
            numbers: Numbers::new(),
            now: [0; 2],
            cursor: 0,
            marks: 0,
            statistics: Statistics::default(),
        })
    }

    /// Counts since the engine was made.
    pub fn statistics(&self) -> Statistics {
        Statistics { calls: self.frame.calls, ..self.statistics }
    }

    /// Forgets all code.
    fn drop_all(&mut self) {
        self.blocks.clear();
        self.targets.fill(Target::NONE);
        self.cache.clear();
        self.signed.fill(Signed::default());
        self.statistics.flushes += 1;
    }

    /// Takes note of writes to code pages since the last time.
    fn follow_writes(&mut self, cpu: &mut Cpu) {
        cpu.state.pending &= !pending::CODE;
        let memory = cpu.io.bus.memory();
        if memory.code_epoch() == self.cursor {
            return;
        }
        match memory.code_writes(&mut self.cursor) {
            CodeWrites::Pages(written) => written.into_iter().for_each(|pa| self.invalidate_page(pa)),
            CodeWrites::All => {
                let pages: Vec<u64> = self.blocks.pages.keys().copied().collect();
                pages.into_iter().for_each(|pa| self.invalidate_page(pa));
            }
        }
    }

    fn invalidate_page(&mut self, pa: u64) {
        let Some(page) = self.blocks.pages.get_mut(&pa) else { return };
        page.marked = 0;
        let blocks = std::mem::take(&mut page.blocks);
        for &index in &blocks {
            self.invalidate(index);
        }
        if let Some(page) = self.blocks.pages.get_mut(&pa) {
            page.blocks = blocks;
        }
    }

    /// Makes sure that nothing reaches block `index` but through [`Jit::find`].
    fn invalidate(&mut self, index: u32) {
        let Some(block) = self.blocks.all.get_mut(index as usize) else { return };
        if !block.valid {
            return;
        }
        block.valid = false;
        self.statistics.invalidated += 1;
        let incoming = std::mem::take(&mut block.incoming);
        let target = &mut self.targets[target_index(block.pc)];
        if target.code == block.entry {
            *target = Target::NONE;
        }
        for (from, exit) in incoming {
            if let Some(exit) = self.blocks.exit(from, exit) {
                let (site, stub) = (exit.site, exit.stub);
                self.cache.patch(site, relative(site, stub));
            }
        }
    }

    /// Brings the numbers of the translations now up to date.
    fn update_now(&mut self, cpu: &Cpu) -> Mode {
        let context = Context::of(cpu);
        let numbers = match self.numbers.of(context) {
            Some(numbers) => Some(numbers),
            None => {
                // All are given out: nothing may hold one any more.
                self.numbers.clear();
                self.targets.fill(Target::NONE);
                for block in &self.blocks.all {
                    for exit in block.exits.iter().filter(|e| e.check != 0) {
                        self.cache.patch(exit.check, NO_NUMBER);
                    }
                }
                self.numbers.of(context)
            }
        };
        self.now = numbers.unwrap_or_default();
        context.mode
    }

    /// A valid block for `pc` at physical address `pa`.
    fn find(&mut self, cpu: &mut Cpu, pc: u64, pa: u64, mode: Mode) -> Option<u32> {
        let key: Key = (pc, pa, mode.0);
        if let Some(&index) = self.blocks.by_key.get(&key) {
            let block = self.blocks.get(index)?;
            if block.valid {
                return Some(index);
            }
            // The page was written to: mark first, so that a write after the comparison is noticed.
            let len = 4 * block.words.len() as u64;
            self.mark(cpu, pa, len);
            let memory = cpu.io.bus.memory();
            let block = self.blocks.all.get_mut(index as usize)?;
            if same_words(memory, block.pa, &block.words) {
                block.valid = true;
                return Some(index);
            }
            self.blocks.by_key.remove(&key);
            if let Some(page) = self.blocks.pages.get_mut(&(pa & !(CODE_PAGE - 1))) {
                page.blocks.retain(|&i| i != index);
            }
        }
        self.translate(cpu, pc, pa, mode)
    }

    /// Makes stores to the page of `pa` take the slow path, and notes that its `len` bytes are code.
    fn mark(&mut self, cpu: &mut Cpu, pa: u64, len: u64) {
        let page = pa & !(CODE_PAGE - 1);
        let known = self.blocks.pages.entry(page).or_default();
        let lines = u64::MAX >> (63 - ((pa - page + len - 1) / 64).min(63)) & u64::MAX << ((pa - page) / 64);
        if known.marked & lines == lines {
            return;
        }
        let first = known.marked == 0;
        known.marked |= lines;
        if cpu.io.bus.memory().mark_code_lines(pa, len) {
            self.marks += 1;
        }
        if first {
            cpu.protect_code(page);
        }
    }

    fn translate(&mut self, cpu: &mut Cpu, pc: u64, pa: u64, mode: Mode) -> Option<u32> {
        let (mut ops, mut words) = decode::block(cpu, pc, pa, mode)?;
        self.mark(cpu, pa, 4 * words.len() as u64);
        if !same_words(cpu.io.bus.memory(), pa, &words) {
            // Written to in between, by a device: the page is marked now.
            (ops, words) = decode::block(cpu, pc, pa, mode)?;
            self.mark(cpu, pa, 4 * words.len() as u64);
        }
        for _ in 0..2 {
            let index = self.blocks.all.len() as u32;
            let made = emit::block(&ops, &words, pc, mode, index, self.cache.next(), &self.thunks);
            let Ok(code) = made else { return None };
            if !self.cache.push(&code.bytes) {
                self.drop_all();
                self.mark(cpu, pa, 4 * words.len() as u64);
                continue;
            }
            self.statistics.translated += 1;
            self.statistics.instructions += words.len() as u64;
            self.blocks.by_key.insert((pc, pa, mode.0), index);
            self.blocks.pages.entry(pa & !(CODE_PAGE - 1)).or_default().blocks.push(index);
            self.blocks.all.push(Block {
                pc,
                pa,
                words: words.into_boxed_slice(),
                entry: code.entry,
                exits: code.exits,
                _records: code.records,
                incoming: Vec::new(),
                valid: true,
            });
            return Some(index);
        }
        None
    }

    /// Chains an exit to a block.
    fn link(&mut self, from: Pending, to: u32) {
        let (Some(exit), Some(block)) = (self.blocks.exit(from.0, from.1), self.blocks.get(to)) else {
            return;
        };
        // The block that was left may have been dropped or replaced meanwhile.
        let half = (exit.pc >> 55 & 1) as usize;
        if exit.site == 0 || exit.pc != block.pc || !block.valid {
            return;
        }
        let (site, check, entry) = (exit.site, exit.check, block.entry);
        self.cache.patch(site, relative(site, entry));
        if check != 0 {
            self.cache.patch(check, self.now[half] << 16);
        }
        if let Some(block) = self.blocks.all.get_mut(to as usize)
            && !block.incoming.contains(&from)
        {
            block.incoming.push(from);
        }
    }

    /// Runs generated code from block `index` until it comes back; says by which exit, if it can be chained.
    fn enter(&mut self, cpu: &mut Cpu, index: u32, slice_end: u64, armed: Option<u64>) -> Option<Pending> {
        let entry = self.blocks.get(index)?.entry;
        self.statistics.entries += 1;
        let frame = &mut self.frame;
        frame.budget = slice_end.wrapping_sub(cpu.state.instructions) as i64;
        frame.end = slice_end;
        frame.keys = [key(self.now[1]), key(self.now[0])];
        frame.signed = &raw mut *self.signed;
        frame.lines = cpu.io.lines.as_ptr();
        frame.numbers = &raw mut self.numbers;
        frame.epoch = self.cursor;
        frame.exit = std::ptr::null();
        frame.cache = &raw mut self.cache;
        frame.armed = armed;
        frame.targets = self.targets.as_ptr();
        frame.mxcsr = mxcsr(cpu.state.fpcr);
        frame.state = (&raw mut cpu.state).cast::<u8>().wrapping_add(BIAS as usize);
        frame.cpu = cpu;
        // SAFETY: the thunk has this signature; `entry` was made by `emit` for this cache, which is alive; the frame's
        // pointers were just set and nothing else uses the CPU or the cache until the call returns.
        let exit: *const Exit = unsafe {
            let enter: extern "sysv64" fn(*mut Frame, usize) = std::mem::transmute(self.thunks.enter);
            enter(frame, entry);
            frame.exit
        };
        cpu.state.instructions = slice_end.wrapping_sub(frame.budget as u64);
        // SAFETY: an exit belongs to a block, and blocks are only dropped by the dispatcher.
        let exit = unsafe { exit.as_ref() }?;
        cpu.state.pc = exit.pc;
        Some((exit.block, exit.index))
    }
}

/// Whether memory at `pa` still holds these words.
fn same_words(memory: &Memory, pa: u64, words: &[u32]) -> bool {
    (pa..).step_by(4).zip(words).all(|(pa, w)| memory.read_u32(pa).ok() == Some(*w))
}

/// The displacement at `site` of a jump to `to`.
fn relative(site: usize, to: usize) -> u32 {
    (to as u64).wrapping_sub(site as u64 + 4) as u32
}

impl Engine for Jit {
    fn run(&mut self, cpu: &mut Cpu, budget: u64) -> Stop {
        let stop = self.run_slices(cpu, budget);
        cpu.sync_clock();
        stop
    }

    fn flush(&mut self) {
        self.drop_all();
    }
}

impl Jit {
    fn run_slices(&mut self, cpu: &mut Cpu, budget: u64) -> Stop {
        let end = cpu.state.instructions.saturating_add(budget);
        let mut slice_end = cpu.state.instructions;
        cpu.take_shootdowns();
        let marks = cpu.io.bus.memory().mark_epoch();
        if marks != self.marks {
            self.marks = marks;
            cpu.protect_all_code();
        }
        self.follow_writes(cpu);
        cpu.state.pending |= pending::INTERRUPT;
        let counted = cpu.io.clock.is_counted();
        let slice = if counted { COUNTED_SLICE } else { SLICE };
        let mut link: Option<Pending> = None;
        let mut wires = cpu.io.lines.get();
        let mut armed = cpu.next_deadline();
        loop {
            if cpu.state.instructions >= slice_end || cpu.next_deadline() != armed {
                cpu.sync_clock();
                if cpu.state.instructions >= end {
                    return Stop::Budget;
                }
                let deadline = cpu.next_deadline().unwrap_or(u64::MAX);
                if cpu.io.clock.now() >= deadline {
                    cpu.update_timers();
                }
                armed = cpu.next_deadline();
                let deadline = armed.unwrap_or(u64::MAX);
                let until = cpu.io.clock.instructions_until(deadline).unwrap_or(slice);
                slice_end = cpu.state.instructions.saturating_add(until.min(slice)).min(end);
                cpu.state.pending |= pending::INTERRUPT;
            }
            if cpu.state.pending != 0 || cpu.io.lines.get() != wires {
                wires = cpu.io.lines.get();
                if cpu.state.pending & pending::STOP != 0
                    && let Some(stop) = cpu.take_stop()
                {
                    return stop;
                }
                // A device may have written to code pages too.
                if cpu.state.pending & pending::CODE != 0 || cpu.io.bus.memory().code_epoch() != self.cursor {
                    self.follow_writes(cpu);
                    link = None;
                }
                if cpu.io.lines.get() & mem::KICK != 0 {
                    cpu.io.lines.lower(mem::KICK);
                    return Stop::Kick;
                }
                cpu.state.pending &= !(pending::INTERRUPT | pending::CONTEXT);
                if let Some((kind, target)) = cpu.interrupt() {
                    cpu.take_interrupt(kind, target);
                    cpu.state.pending &= !(pending::INTERRUPT | pending::CONTEXT);
                    link = None;
                }
                let tracing = cpu.io.tracer.as_ref().is_some_and(|t| t.wants_instructions());
                if tracing || cpu.state.pending & (pending::DEBUG | pending::ILLEGAL) != 0 {
                    link = None;
                    if let Some(stop) = cpu::interpreter::step(cpu) {
                        return stop;
                    }
                    cpu.state.pending |= pending::INTERRUPT;
                    continue;
                }
            }
            self.update_now(cpu);
            let pc = cpu.state.pc;
            let index = match self.known(pc) {
                Some(index) => index,
                None => match self.look_for(cpu, &mut link) {
                    Ok(index) => index,
                    Err(None) => continue,
                    Err(stop) => return stop.unwrap_or(Stop::Budget),
                },
            };
            if let Some(from) = link.take() {
                self.link(from, index);
            }
            let len = match self.blocks.get(index) {
                Some(block) => block.words.len() as u64,
                None => continue,
            };
            let left = slice_end - cpu.state.instructions;
            if left < len {
                // The slice ends inside the block.
                if counted {
                    for _ in 0..left {
                        if let Some(stop) = cpu::interpreter::step(cpu) {
                            return stop;
                        }
                        if cpu.state.pending != 0 {
                            break;
                        }
                    }
                    cpu.state.pending |= pending::INTERRUPT;
                    continue;
                }
                if slice_end != end {
                    slice_end = cpu.state.instructions;
                    continue;
                }
                slice_end = cpu.state.instructions + len;
            }
            // The first instruction's business is done; had the slice ended here, it would not be.
            cpu.state.btype = 0;
            link = self.enter(cpu, index, slice_end, armed);
            fold_mxcsr(&mut cpu.state);
        }
    }

    /// The block that the table of targets has for `pc` in the present context.
    fn known(&self, pc: u64) -> Option<u32> {
        let slot = target_index(pc);
        let half = (pc >> 55 & 1) as usize;
        (self.targets[slot].tag == pc ^ key(self.now[half])).then(|| self.target_blocks[slot])
    }

    /// Fetches at the current pc the long way, finds or makes the block there and puts it into the table of targets. Else what
    /// could be done without a block was done: `Err` is why to stop, if at all.
    fn look_for(&mut self, cpu: &mut Cpu, link: &mut Option<Pending>) -> Result<u32, Option<Stop>> {
        let mut step = |cpu: &mut Cpu| {
            *link = None;
            let stop = cpu::interpreter::step(cpu);
            cpu.state.pending |= pending::INTERRUPT;
            Err(stop)
        };
        let pa = match cpu.fetch_hit(cpu.state.pc) {
            Some(pa) => pa,
            None => {
                cpu.state.pc = cpu.branch_address(cpu.state.pc);
                match cpu.fetch_address(cpu.state.pc) {
                    Err(e) => {
                        // Counted, or vectors that cannot be fetched would keep this loop busy for ever.
                        cpu.state.instructions += 1;
                        cpu.take_exception(e);
                        *link = None;
                        return Err(None);
                    }
                    Ok((pa, false)) if cpu.fetch_hit(cpu.state.pc).is_some() => pa,
                    Ok(_) => return step(cpu),
                }
            }
        };
        let pc = cpu.state.pc;
        let mode = self.update_now(cpu);
        let flushes = self.statistics.flushes;
        // None: not RAM.
        let Some(index) = self.find(cpu, pc, pa, mode) else { return step(cpu) };
        if flushes != self.statistics.flushes {
            *link = None;
        }
        if let Some(block) = self.blocks.get(index) {
            let half = (pc >> 55 & 1) as usize;
            let slot = target_index(pc);
            self.targets[slot] = Target { tag: pc ^ key(self.now[half]), code: block.entry };
            self.target_blocks[slot] = index;
        }
        Ok(index)
    }
}
