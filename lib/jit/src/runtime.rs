//! What generated code calls, and the structure through which it and the dispatcher talk.

use std::collections::BTreeMap;
use std::mem::offset_of;

use a64::{Op, Word};
use cpu::exec::Handler;
use cpu::state::pending;
use cpu::{Cpu, State};

use crate::block::Exit;
use crate::cache::Cache;
use crate::emit::pointer::{BRANCHES, Pointer};
use crate::numbers::{Context, Numbers};
use crate::regs::ZR;

/// Entries of the table of indirect targets.
pub const TARGETS: usize = 4096;

/// Where a guest address was translated to, under one number of translations.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Target {
    /// pc with the number in bits 62:48, see [`key`].
    pub tag: u64,
    /// Host address.
    pub code: usize,
}

impl Target {
    /// Never matches: the tag of no canonical pc has bits 1:0 set.
    pub const NONE: Target = Target { tag: u64::MAX, code: 0 };
}

/// What pc is XORed with to give a tag, for a number of translations (below 2^15).
pub fn key(number: u32) -> u64 {
    u64::from(number) << 48
}

/// Index of a pc in the table; generated code computes the same.
pub fn target_index(pc: u64) -> usize {
    (pc >> 2) as usize & (TARGETS - 1)
}

/// Entries of the table of signed pointers.
pub const SIGNED: usize = 2048;
/// The bits of `(4 * pointer + modifier) * 2` that give the offset of an entry.
pub const SIGNED_MASK: i32 = ((SIGNED - 1) * size_of::<Signed>()) as i32;

/// What an instruction made of a pointer.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Signed {
    pub pointer: u64,
    pub modifier: u64,
    /// `State::pac_context` plus the kind of the instruction; 0 matches nothing.
    pub tag: u64,
    pub result: u64,
}

/// Where a pointer and a modifier are in the table; generated code computes the same.
fn signed_index(pointer: u64, modifier: u64, kind: u8) -> usize {
    let offset = pointer.wrapping_mul(4).wrapping_add(modifier).wrapping_mul(2) as usize;
    // A signed pointer has the low bits of the plain one: the kind keeps them apart.
    ((offset / size_of::<Signed>()) & (SIGNED - 1)) ^ usize::from(kind / 4)
}

/// Shared by dispatcher and generated code, which knows it by offsets.
#[derive(Debug)]
#[repr(C)]
pub struct Frame {
    pub cpu: *mut Cpu,
    /// `State` plus the bias.
    pub state: *mut u8,
    /// Instructions left in the slice: in and out.
    pub budget: i64,
    /// Keys of the upper and the lower half.
    pub keys: [u64; 2],
    pub targets: *const Target,
    /// Out: the exit taken; null when `state.pc` says where to go.
    pub exit: *const Exit,
    /// `state.instructions` when the budget will be 0.
    pub end: u64,
    /// The CPU's word of interrupt wires.
    pub lines: *const u32,
    /// What was signed and authenticated lately.
    pub signed: *mut [Signed; SIGNED],
    /// Numbers of translations.
    pub numbers: *mut Numbers,
    /// Place in the log of code writes that blocks are up to date with.
    pub epoch: u64,
    /// The timer deadline that the budget was made for.
    pub armed: Option<u64>,
    /// For patching.
    pub cache: *mut Cache,
    /// Slow calls, for statistics.
    pub calls: u64,
    /// MXCSR that generated code runs with: see [`mxcsr`].
    pub mxcsr: u32,
    /// The same by instruction, if somebody asked.
    pub histogram: Option<BTreeMap<(String, &'static str), u64>>,
}

pub const STATE: i32 = offset_of!(Frame, state) as i32;
pub const BUDGET: i32 = offset_of!(Frame, budget) as i32;
pub const KEYS: i32 = offset_of!(Frame, keys) as i32;
pub const TARGETS_AT: i32 = offset_of!(Frame, targets) as i32;
pub const SIGNED_AT: i32 = offset_of!(Frame, signed) as i32;
pub const LINES_AT: i32 = offset_of!(Frame, lines) as i32;
pub const EXIT: i32 = offset_of!(Frame, exit) as i32;
pub const CONTROL: i32 = offset_of!(Frame, mxcsr) as i32;

/// One instruction that may be executed by the interpreter's executor.
#[derive(Debug)]
#[repr(C)]
pub struct Record {
    pub handler: Handler,
    pub op: Op,
    pub word: Word,
    pub pc: u64,
    /// Instructions of the block from this one to the end, which the budget was already charged for.
    pub rest: u32,
    /// It touches FP state: MXCSR's sticky bits must be brought in before.
    pub fp: bool,
    /// It changes nothing but registers and FPSR and cannot fail: the block goes on whatever is pending, and NZCV need not be
    /// right, neither here nor afterwards.
    pub pure: bool,
    /// The half of the address space that the inline lookup tries.
    pub half: u8,
    /// It signs or authenticates, and its result is to be remembered.
    pub pointer: Option<Pointer>,
    /// Offset in `State` of the pair of tables that the lookup uses.
    pub tables: u32,
    /// Executable address of the displacement that selects the half; 0 when there is no lookup.
    pub site: usize,
}

/// MXCSR as Rust code expects it: all exceptions masked, nearest, no sticky bit.
pub const MXCSR: u32 = 0x1f80;

/// MXCSR for generated code under an FPCR: the same with its rounding mode. FPCR.RMode is nearest, up, down, zero; the host's
/// RC nearest, down, up, zero.
pub fn mxcsr(fpcr: u32) -> u32 {
    let mode = fpcr >> 22 & 3;
    MXCSR | (mode << 1 & 2 | mode >> 1) << 13
}

/// Moves the sticky bits of MXCSR to FPSR, and gives MXCSR its default value.
pub fn fold_mxcsr(state: &mut State) {
    let mut csr = 0u32;
    // SAFETY: stores four bytes to a local.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &mut csr, options(nostack)) };
    if csr & 0x3d != 0 {
        // IE, ZE, OE, UE, PE are bits 0, 2 to 5; IOC, DZC, OFC, UFC, IXC are 0 to 4.
        state.fpsr |= csr & 1 | csr >> 1 & 0x1e;
    }
    if csr != MXCSR {
        set_mxcsr(MXCSR);
    }
}

/// Sets MXCSR: anything but [`MXCSR`] only on the way to generated code, since Rust code expects that.
fn set_mxcsr(csr: u32) {
    // SAFETY: masks all exceptions; whoever sets another rounding mode leaves for generated code at once.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &csr, options(nostack, readonly)) };
}

/// What generated code does after [`exec`].
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The instruction that follows.
    On = 0,
    /// Leave: the dispatcher has something to look at.
    Leave = 1,
    /// Go on at `state.pc` with the frame's keys.
    Elsewhere = 2,
}

/// Executes the instruction of `record`, takes the exception that it raises, and says what next.
///
/// # Safety
/// Called by generated code only: `frame` and `record` are those it was made with, and the CPU is not borrowed elsewhere.
pub unsafe extern "C" fn exec(frame: *mut Frame, record: *mut Record, budget: i64, va: u64) -> Next {
    // SAFETY: as the function's contract says; the dispatcher holds no reference while generated code runs.
    let (frame, record) = unsafe { (&mut *frame, &mut *record) };
    // SAFETY: as above.
    let cpu = unsafe { &mut *frame.cpu };
    frame.calls += 1;
    let fold = record.fp || frame.mxcsr != MXCSR;
    if fold {
        fold_mxcsr(&mut cpu.state);
    }
    let left = budget + i64::from(record.rest);
    cpu.state.pc = record.pc;
    cpu.state.next_pc = record.pc.wrapping_add(4);
    cpu.state.instructions = frame.end.wrapping_sub(left as u64);
    let fpcr = cpu.state.fpcr;
    let before = record
        .pointer
        .map(|p| (p, cpu.pac_context(), guest(&cpu.state, p.register), guest(&cpu.state, p.modifier)));
    let result = (record.handler)(cpu, record.op, record.word);
    cpu.state.instructions += 1;
    if fold {
        set_mxcsr(frame.mxcsr);
    }
    frame.budget = left - 1;
    if let (Some((p, context, pointer, modifier)), Ok(())) = (before, &result) {
        let made = if p.kind < BRANCHES { guest(&cpu.state, p.register) } else { cpu.state.next_pc };
        // SAFETY: set for this run; nothing else refers to it while code runs.
        let table = unsafe { &mut *frame.signed };
        table[signed_index(pointer, modifier, p.kind)] =
            Signed { pointer, modifier, tag: context + u64::from(p.kind), result: made };
    }
    let next = match result {
        Ok(()) => {
            let fell_through = cpu.state.next_pc == record.pc.wrapping_add(4);
            cpu.state.pc = cpu.state.next_pc;
            if record.pure || cpu.state.pending == 0 && fell_through && cpu.state.btype == 0 {
                Next::On
            } else {
                match resume(frame, cpu) {
                    Next::On if !fell_through => Next::Elsewhere,
                    next => next,
                }
            }
        }
        Err(e) => {
            cpu.take_exception(e);
            match resume(frame, cpu) {
                Next::On => Next::Elsewhere,
                next => next,
            }
        }
    };
    if next == Next::On {
        let half = (va >> 55 & 1) as u8;
        if record.site != 0 && record.half != half {
            record.half = half;
            let offset = record.tables as usize + 8 * usize::from(half);
            // SAFETY: the cache outlives all code in it, and nothing else refers to it while code runs.
            let cache = unsafe { &mut *frame.cache };
            cache.patch(record.site, crate::regs::field(offset) as u32);
        }
    }
    if let Some(histogram) = &mut frame.histogram {
        let name = match record.word.0 >> 22 {
            // MSR, MRS, SYS: by register.
            0x354 => format!("{:?} {:#x}", record.op, record.word.0 & !31),
            _ => format!("{:?}", record.op),
        };
        let how = ["on", "leave", "elsewhere"].get(next as usize).copied().unwrap_or_default();
        *histogram.entry((name, how)).or_default() += 1;
    }
    if cpu.state.fpcr != fpcr && next != Next::On {
        // Rounding belongs to the frame.
        frame.exit = std::ptr::null();
        return Next::Leave;
    }
    if next == Next::Leave {
        frame.exit = std::ptr::null();
    }
    next
}

/// Does what the dispatcher would between two blocks, when there is nothing but a change of context: [`Next::On`] when even
/// the keys are the same.
fn resume(frame: &mut Frame, cpu: &mut Cpu) -> Next {
    const HARMLESS: u32 = pending::INTERRUPT | pending::CONTEXT;
    if cpu.state.pending & !HARMLESS != 0
        || frame.budget <= 0
        || cpu.state.btype != 0
        || cpu.next_deadline() != frame.armed
        || cpu.io.lines.get() & mem::KICK != 0
        || cpu.io.bus.memory().code_epoch() != frame.epoch
        || cpu.interrupt().is_some()
    {
        return Next::Leave;
    }
    // SAFETY: set for this run; nothing else refers to it while code runs.
    let numbers = unsafe { &mut *frame.numbers };
    let Some([low, high]) = numbers.of(Context::of(cpu)) else { return Next::Leave };
    cpu.state.pending &= !HARMLESS;
    let keys = [key(high), key(low)];
    if frame.keys == keys {
        return Next::On;
    }
    frame.keys = keys;
    Next::Elsewhere
}

/// A general register by its number in the IR.
fn guest(state: &State, register: u8) -> u64 {
    if register == ZR { 0 } else { state.x[usize::from(register & 31)] }
}

/// The counter, read by an instruction that `left` instructions of the slice are left at.
///
/// # Safety
/// As for [`exec`].
pub unsafe extern "C" fn counter(frame: *mut Frame, left: u64, physical: u32) -> u64 {
    // SAFETY: as for `exec`.
    let frame = unsafe { &mut *frame };
    // SAFETY: as above.
    let cpu = unsafe { &mut *frame.cpu };
    cpu.state.instructions = frame.end.wrapping_sub(left);
    cpu.counter(physical != 0)
}
