//! What generated code calls, and the structure through which it and the dispatcher talk.

use std::mem::offset_of;

use a64::{Op, Word};
use cpu::exec::Handler;
use cpu::{Cpu, Exception, State};

use crate::block::Exit;
use crate::cache::Cache;

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
    /// Out: an exception that was raised.
    pub exception: Option<Exception>,
    /// For patching.
    pub cache: *mut Cache,
    /// Slow calls, for statistics.
    pub calls: u64,
    /// MXCSR that generated code runs with: see [`mxcsr`].
    pub mxcsr: u32,
}

pub const STATE: i32 = offset_of!(Frame, state) as i32;
pub const BUDGET: i32 = offset_of!(Frame, budget) as i32;
pub const KEYS: i32 = offset_of!(Frame, keys) as i32;
pub const TARGETS_AT: i32 = offset_of!(Frame, targets) as i32;
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
    /// The half of the address space that the inline lookup tries.
    pub half: u8,
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

/// Executes the instruction of `record`. 0: go on; 1: leave, `state.pc` and the frame say how.
///
/// # Safety
/// Called by generated code only: `frame` and `record` are those it was made with, and the CPU is not borrowed elsewhere.
pub unsafe extern "C" fn exec(frame: *mut Frame, record: *mut Record, budget: i64, va: u64) -> u32 {
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
    let result = (record.handler)(cpu, record.op, record.word);
    cpu.state.instructions += 1;
    if fold {
        set_mxcsr(frame.mxcsr);
    }
    frame.budget = left - 1;
    match result {
        Ok(()) => {
            let fell_through = cpu.state.next_pc == record.pc.wrapping_add(4);
            cpu.state.pc = cpu.state.next_pc;
            if cpu.state.pending != 0 || !fell_through {
                frame.exit = std::ptr::null();
                return 1;
            }
            let half = (va >> 55 & 1) as u8;
            if record.site != 0 && record.half != half {
                record.half = half;
                let offset = offset_of!(State, tables) + 8 * usize::from(half);
                // SAFETY: the cache outlives all code in it, and nothing else refers to it while code runs.
                let cache = unsafe { &mut *frame.cache };
                cache.patch(record.site, crate::regs::field(offset as i32 as usize) as u32);
            }
            0
        }
        Err(e) => {
            frame.exception = Some(e);
            frame.exit = std::ptr::null();
            1
        }
    }
}
