//! The reference interpreter: what every instruction means, one at a time.
//!
//! Instructions are decoded once and kept by *physical* page, so that neither TLB maintenance nor a change of address space
//! throws them away; only a write to the page does. A page being executed is marked in [`mem::Memory`], stores to
//! it take the slow path, and the log of such stores is followed with a cursor. A page that comes back after a write
//! is compared word by word, so pages that mix code and data cost little.
//!
//! The inner loop stays in one page and leaves it at branches out of it, at the end of the slice, and when
//! `state.pending` asks for attention; interrupts are looked at after taken branches and at slice ends.

use std::collections::HashMap;

use mem::{CODE_PAGE, CodeWrites};

use crate::Cpu;
use crate::engine::{Engine, Stop};
use crate::exception::Exception;
use crate::exec::Decoded;
use crate::state::pending;

/// Instructions in a page.
const SLOTS: usize = (CODE_PAGE / 4) as usize;

/// Instructions between looks at the clock.
const SLICE: u64 = 2048;

/// Decoded pages kept; beyond that, all are dropped.
const PAGES: usize = 16384;

/// The decoded instructions of one physical page.
struct Page {
    slots: Box<[Option<Decoded>]>,
    /// Written to since it was marked: words must be compared before use.
    stale: bool,
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let decoded = self.slots.iter().flatten().count();
        write!(f, "Page {{ decoded: {decoded}, stale: {} }}", self.stale)
    }
}

/// The interpreter. One may serve several CPUs that take turns.
#[derive(Debug, Default)]
pub struct Interpreter {
    pages: Vec<Page>,
    /// Physical page to index in `pages`.
    index: HashMap<u64, usize>,
    /// The last page used and its index.
    last: Option<(u64, usize)>,
    /// Place in the log of code writes.
    cursor: u64,
    /// Marked pages seen, to notice those that other CPUs marked.
    marks: u64,
}

/// Why the inner loop ended.
enum Leave {
    /// Look at pending work, the clock and the next page.
    Continue,
    /// An instruction raised an exception.
    Exception(Exception),
}

impl Interpreter {
    /// An interpreter that knows no code yet.
    pub fn new() -> Interpreter {
        Interpreter::default()
    }

    /// Takes note of writes to code pages since the last time.
    fn follow_writes(&mut self, cpu: &mut Cpu) {
        cpu.state.pending &= !pending::CODE;
        let memory = cpu.io.bus.memory();
        if memory.code_epoch() == self.cursor {
            return;
        }
        match memory.code_writes(&mut self.cursor) {
            CodeWrites::Pages(written) => {
                for pa in written {
                    if let Some(page) = self.index.get(&pa).and_then(|&i| self.pages.get_mut(i)) {
                        page.stale = true;
                    }
                }
            }
            CodeWrites::All => self.pages.iter_mut().for_each(|p| p.stale = true),
        }
        self.last = None;
    }

    /// The index of the decoded page at physical page `pa`, made, marked and up to date; None when it is not RAM.
    fn page(&mut self, cpu: &mut Cpu, pa: u64) -> Option<usize> {
        if let Some((last, index)) = self.last
            && last == pa
        {
            return Some(index);
        }
        let memory = cpu.io.bus.memory();
        if !memory.contains(pa, CODE_PAGE) {
            return None;
        }
        let index = match self.index.get(&pa) {
            Some(&index) => index,
            None => {
                if self.pages.len() >= PAGES {
                    self.flush();
                }
                self.pages.push(Page { slots: vec![None; SLOTS].into_boxed_slice(), stale: true });
                self.index.insert(pa, self.pages.len() - 1);
                self.pages.len() - 1
            }
        };
        let page = self.pages.get_mut(index)?;
        if page.stale {
            // Mark first: a write between mark and compare is then logged and makes the page stale again.
            if memory.mark_code(pa) {
                self.marks += 1;
            }
            page.stale = false;
            for (n, slot) in page.slots.iter_mut().enumerate() {
                if let Some(decoded) = slot
                    && memory.read_u32(pa + 4 * n as u64).ok() != Some(decoded.word.0)
                {
                    *slot = None;
                }
            }
            cpu.protect_code(pa);
        }
        self.last = Some((pa, index));
        Some(index)
    }

    /// Runs inside one page until something else must be looked at; `wires` are the interrupt wires already looked at.
    #[inline(never)]
    fn run_page(&mut self, cpu: &mut Cpu, pa: u64, limit: u64, wires: u32) -> Leave {
        let Some(index) = self.page(cpu, pa & !(CODE_PAGE - 1)) else {
            return self.run_outside(cpu, pa);
        };
        let Some(page) = self.pages.get_mut(index) else { return Leave::Continue };
        let base = pa & !(CODE_PAGE - 1);
        let mut pc = cpu.state.pc;
        loop {
            let slot = &mut page.slots[(pc >> 2) as usize % SLOTS];
            let decoded = match slot {
                Some(decoded) => *decoded,
                None => {
                    let Ok(word) = cpu.io.bus.memory().read_u32(base | pc & (CODE_PAGE - 4)) else {
                        return Leave::Continue;
                    };
                    *slot.insert(Decoded::of(&cpu.model, word))
                }
            };
            let next = pc.wrapping_add(4);
            cpu.state.next_pc = next;
            let result = (decoded.handler)(cpu, decoded.op, decoded.word);
            cpu.state.instructions += 1;
            if let Err(e) = result {
                return Leave::Exception(e);
            }
            let new = cpu.state.next_pc;
            cpu.state.pc = new;
            if cpu.state.pending != 0 || cpu.state.instructions >= limit {
                return Leave::Continue;
            }
            if new != next {
                // A taken branch: the place to notice interrupts and to leave for another page.
                if cpu.state.btype != 0 || cpu.io.lines.get() != wires || (new ^ pc) & !(CODE_PAGE - 4) != 0 {
                    return Leave::Continue;
                }
            } else if next & (CODE_PAGE - 1) == 0 {
                return Leave::Continue;
            }
            pc = new;
        }
    }

    /// One instruction from a page that is not RAM.
    fn run_outside(&mut self, cpu: &mut Cpu, pa: u64) -> Leave {
        let word = match cpu.fetch_word(pa, cpu.state.pc) {
            Ok(word) => word,
            Err(e) => return Leave::Exception(e),
        };
        execute_word(cpu, word)
    }
}

/// Executes one instruction the careful way: debugging, tracing, guarded pages, code outside RAM, and whatever exceptions
/// come of it. Interrupts and the clock are the caller's. What engines call for what their fast path cannot do.
pub fn step(cpu: &mut Cpu) -> Option<Stop> {
    cpu.state.pc = cpu.branch_address(cpu.state.pc);
    let result = match cpu.fetch_address(cpu.state.pc) {
        Ok((pa, guarded)) => step_at(cpu, pa, guarded),
        // A breakpoint or a pending step comes before the fault of the fetch.
        Err(fault) => match cpu.debug_before() {
            Ok(Some(stop)) => Err(stop),
            Ok(None) if cpu.state.il != 0 => Ok(Leave::Exception(Exception::illegal_state())),
            Ok(None) => {
                cpu.state.instructions += 1;
                Ok(Leave::Exception(fault))
            }
            Err(debug) => Ok(Leave::Exception(debug)),
        },
    };
    match result {
        Err(stop) => return Some(stop),
        Ok(Leave::Exception(e)) => cpu.take_exception(e),
        Ok(Leave::Continue) => {}
    }
    cpu.debug_after()
}

/// One instruction with everything that debugging, BTI and pending state want before and after it.
fn step_at(cpu: &mut Cpu, pa: u64, guarded: bool) -> Result<Leave, Stop> {
    if cpu.debug_wanted() {
        match cpu.debug_before() {
            Ok(None) => {}
            Ok(Some(stop)) => return Err(stop),
            Err(e) => return Ok(Leave::Exception(e)),
        }
    }
    if cpu.state.il != 0 {
        return Ok(Leave::Exception(Exception::illegal_state()));
    }
    let word = match cpu.fetch_word(pa, cpu.state.pc) {
        Ok(word) => word,
        Err(e) => return Ok(Leave::Exception(e)),
    };
    if let Some(tracer) = &cpu.io.tracer
        && tracer.wants_instructions()
    {
        tracer.instruction(cpu, word);
    }
    let btype = std::mem::take(&mut cpu.state.btype);
    if guarded && btype != 0 && !is_landing(cpu, word, btype) {
        cpu.state.btype = btype;
        return Ok(Leave::Exception(Exception::branch_target(btype)));
    }
    let leave = execute_word(cpu, word);
    if matches!(leave, Leave::Continue) {
        cpu.step_advance();
    }
    Ok(leave)
}

/// Executes one word, and moves on when it raised nothing.
fn execute_word(cpu: &mut Cpu, word: u32) -> Leave {
    let decoded = Decoded::of(&cpu.model, word);
    cpu.state.next_pc = cpu.state.pc.wrapping_add(4);
    let result = (decoded.handler)(cpu, decoded.op, decoded.word);
    cpu.state.instructions += 1;
    match result {
        Ok(()) => {
            cpu.state.pc = cpu.state.next_pc;
            Leave::Continue
        }
        Err(e) => Leave::Exception(e),
    }
}

/// Whether `word` may be the target of an indirect branch that left `btype`, in a guarded page (Arm manual D8.4.4).
fn is_landing(cpu: &Cpu, word: u32, btype: u8) -> bool {
    // SCTLR_ELx.BT0 (EL0) and BT1 decide whether PACIxSP accepts BTYPE 3.
    let strict_bit = if cpu.state.el == 0 { 35 } else { 36 };
    let strict = cpu.sctlr() >> strict_bit & 1 != 0;
    match word {
        // BTI: op2 bits 7:6 say c (1), j (2), jc (3); plain BTI (0) accepts nothing.
        0xd503_245f => btype != 3,
        0xd503_249f => btype != 2,
        0xd503_24df => true,
        0xd503_233f | 0xd503_237f => btype != 3 || !strict,
        // BRK and HLT report themselves.
        _ => word & 0xffe0_001f == 0xd420_0000 || word & 0xffe0_001f == 0xd440_0000,
    }
}

impl Engine for Interpreter {
    fn run(&mut self, cpu: &mut Cpu, budget: u64) -> Stop {
        let end = cpu.state.instructions.saturating_add(budget);
        let mut slice_end = cpu.state.instructions;
        let mut armed = cpu.deadline;
        // What happened while this CPU was not running.
        cpu.take_shootdowns();
        let marks = cpu.io.bus.memory().mark_epoch();
        if marks != self.marks {
            self.marks = marks;
            cpu.protect_all_code();
        }
        self.follow_writes(cpu);
        cpu.state.pending |= pending::INTERRUPT;
        loop {
            if cpu.state.instructions >= slice_end || cpu.deadline != armed {
                cpu.sync_clock();
                if cpu.state.instructions >= end {
                    return Stop::Budget;
                }
                if cpu.io.clock.now() >= cpu.deadline {
                    cpu.update_timers();
                }
                armed = cpu.deadline;
                let until = cpu.io.clock.instructions_until(cpu.deadline).unwrap_or(SLICE);
                slice_end = cpu.state.instructions.saturating_add(until.min(SLICE)).min(end);
                cpu.state.pending |= pending::INTERRUPT;
            }
            if cpu.state.pending & pending::STOP != 0
                && let Some(stop) = cpu.take_stop()
            {
                cpu.sync_clock();
                return stop;
            }
            if cpu.state.pending & pending::CODE != 0 {
                self.follow_writes(cpu);
            }
            let wires = cpu.io.lines.get();
            if wires & mem::KICK != 0 {
                cpu.io.lines.lower(mem::KICK);
                cpu.sync_clock();
                return Stop::Kick;
            }
            cpu.state.pending &= !(pending::INTERRUPT | pending::CONTEXT);
            if let Some((kind, target)) = cpu.interrupt() {
                cpu.take_interrupt(kind, target);
                cpu.state.pending &= !(pending::INTERRUPT | pending::CONTEXT);
            }
            let tracing = cpu.io.tracer.as_ref().is_some_and(|t| t.wants_instructions());
            let pc = cpu.state.pc;
            let slow = tracing || cpu.state.pending & (pending::DEBUG | pending::ILLEGAL) != 0;
            let found = match cpu.fetch_hit(pc) {
                _ if slow => None,
                Some(pa) => Some(pa),
                None => {
                    cpu.state.pc = cpu.branch_address(pc);
                    match cpu.fetch_address(cpu.state.pc) {
                        Ok((pa, false)) if !cpu.stops_in_page(cpu.state.pc) => Some(pa),
                        Ok(_) => None,
                        Err(e) => {
                            // Counted, or vectors that cannot be fetched would keep this loop busy for ever.
                            cpu.state.instructions += 1;
                            cpu.take_exception(e);
                            continue;
                        }
                    }
                }
            };
            let Some(pa) = found else {
                if let Some(stop) = step(cpu) {
                    cpu.sync_clock();
                    return stop;
                }
                continue;
            };
            cpu.state.btype = 0;
            if let Leave::Exception(e) = self.run_page(cpu, pa, slice_end, wires) {
                cpu.take_exception(e);
            }
        }
    }

    fn flush(&mut self) {
        self.pages.clear();
        self.index.clear();
        self.last = None;
    }
}
