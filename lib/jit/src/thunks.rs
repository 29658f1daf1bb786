//! The few pieces of code that all blocks share: entry, exits, and the call into Rust.
//!
//! Stack of generated code: a handful of slots above rsp, see the constants. rsp is 16-byte aligned in blocks.

use std::mem::offset_of;

use cpu::State;
use dynasmrt::x64::X64Relocation;
use dynasmrt::{DynasmApi, DynasmLabelApi, VecAssembler, dynasm};

use crate::Error;
use crate::cache::Cache;
use crate::emit::fp::estimate;
use crate::emit::structures::THREES;
use crate::emit::vex::POOL;
use crate::regs::{PINNED, PINNED_V, field, slot, slot_v};
use crate::runtime::{
    BUDGET, CONTROL, EXIT, KEYS, LINES_AT, SIGNED_AT, STATE, TARGETS as TARGET_COUNT, TARGETS_AT, counter,
    exec,
};

pub type Assembler = VecAssembler<X64Relocation>;

/// NZCV in the host's form: N, Z and the *borrow* (not C) as AH of LAHF, V in bit 0.
pub const NZCV: i8 = 0;
/// Key of the upper half; that of the lower half follows.
pub const KEY: i8 = 8;
/// Table of indirect targets.
pub const TARGETS: i8 = 24;
/// The frame.
pub const FRAME: i8 = 32;
/// Address of an access on its way to the slow path.
pub const VA: i8 = 40;
/// The word of interrupt wires.
pub const LINES: i8 = 48;
/// The table of signed pointers.
pub const SIGNED: i8 = 56;
/// Bytes of all slots, such that rsp is aligned after six pushes and the return address.
const SLOTS: i32 = 72;

/// Bits of the host form: SF, ZF, CF of AH, OF in AL.
pub const MASK: i32 = 0xc101;

/// Addresses of the thunks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thunks {
    /// `extern "sysv64" fn(frame, code)`.
    pub enter: usize,
    /// rax = record: executes it and returns, or leaves.
    pub exec: usize,
    /// eax = instructions from this one to the block's end, ecx = physical: the counter to rax.
    pub counter: usize,
    /// rax = exit: leaves.
    pub exit: usize,
    /// rax = guest pc: leaves.
    pub indirect: usize,
    /// The pool of constants, which generated code reaches from rip.
    pub pool: usize,
    /// Tables of estimates.
    pub estimates: usize,
}

/// Offset of NZCV from rbp.
const STATE_NZCV: i32 = field(offset_of!(State, nzcv));
const STATE_PC: i32 = field(offset_of!(State, pc));

fn store_all(asm: &mut Assembler, pushed: i8) {
    for (guest, host) in PINNED {
        dynasm!(asm; .arch x64; mov [BYTE rbp + slot(guest)], Rq(host));
    }
    for (guest, host) in PINNED_V {
        dynasm!(asm; .arch x64; vmovaps [rbp + slot_v(guest)], Rx(host));
    }
    dynasm!(asm; .arch x64
        ; movzx edx, WORD [BYTE rsp + NZCV + pushed]
        ; mov ecx, MASK
        ; pext edx, edx, ecx
        ; xor edx, 2
        ; shl edx, 28
        ; mov [rbp + STATE_NZCV], edx
    );
}

fn load_all(asm: &mut Assembler, pushed: i8) {
    for (guest, host) in PINNED {
        dynasm!(asm; .arch x64; mov Rq(host), [BYTE rbp + slot(guest)]);
    }
    for (guest, host) in PINNED_V {
        dynasm!(asm; .arch x64; vmovaps Rx(host), [rbp + slot_v(guest)]);
    }
    dynasm!(asm; .arch x64
        ; mov eax, [rbp + STATE_NZCV]
        ; shr eax, 28
        ; xor eax, 2
        ; mov ecx, MASK
        ; pdep eax, eax, ecx
        ; mov [BYTE rsp + NZCV + pushed], ax
    );
}

/// Looks guest pc rax up in the table of targets: equal, and rdx points to its entry, or not equal. Spoils rcx.
pub fn probe(asm: &mut Assembler) {
    let mask = (TARGET_COUNT as i32 - 1) << 4;
    dynasm!(asm; .arch x64
        ; mov rdx, rax
        ; sar rdx, 63
        ; mov rcx, rax
        ; xor rcx, [BYTE rsp + rdx * 8 + KEY + 8]
        ; lea edx, [rax * 4]
        ; and edx, mask
        ; add rdx, [BYTE rsp + TARGETS]
        ; cmp rcx, [rdx]
    );
}

impl Thunks {
    /// Writes the thunks to the beginning of a cache.
    pub fn new(cache: &mut Cache) -> Result<Thunks, Error> {
        let base = cache.next();
        let mut asm = Assembler::new(base);
        let mut thunks = Thunks { enter: base, ..Thunks::default() };
        dynasm!(asm; .arch x64
            ; push rbx ; push rbp ; push r12 ; push r13 ; push r14 ; push r15
            ; sub rsp, SLOTS
            ; mov [BYTE rsp + FRAME], rdi
            ; mov rax, [rdi + KEYS]
            ; mov rcx, [rdi + KEYS + 8]
            ; mov [BYTE rsp + KEY], rax
            ; mov [BYTE rsp + KEY + 8], rcx
            ; mov rax, [rdi + TARGETS_AT]
            ; mov [BYTE rsp + TARGETS], rax
            ; mov rax, [rdi + SIGNED_AT]
            ; mov [BYTE rsp + SIGNED], rax
            ; mov rax, [rdi + LINES_AT]
            ; mov [BYTE rsp + LINES], rax
            ; mov r15, [rdi + BUDGET]
            ; mov rbp, [rdi + STATE]
            ; mov rdx, rsi
            ; mov QWORD [BYTE rsp + NZCV], 0
            ; ldmxcsr [rdi + CONTROL]
        );
        load_all(&mut asm, 0);
        dynasm!(asm; .arch x64; jmp rdx; .align 16);

        thunks.exec = base + asm.offset().0;
        store_all(&mut asm, 8);
        dynasm!(asm; .arch x64
            ; mov rdi, [BYTE rsp + FRAME + 8]
            ; mov rsi, rax
            ; mov rdx, r15
            ; mov rcx, [BYTE rsp + VA + 8]
            ; sub rsp, 8
            ; mov rax, QWORD exec as *const () as i64
            ; call rax
            ; add rsp, 8
            ; test eax, eax
            ; jne >elsewhere
        );
        load_all(&mut asm, 8);
        dynasm!(asm; .arch x64
            ; ret
            ; elsewhere:
            ; add rsp, 8
            ; cmp eax, 1
            ; je >leave
            // Go on at state.pc, with other keys perhaps, if that is translated.
            ; mov rdi, [BYTE rsp + FRAME]
            ; mov rax, [rdi + KEYS]
            ; mov rcx, [rdi + KEYS + 8]
            ; mov [BYTE rsp + KEY], rax
            ; mov [BYTE rsp + KEY + 8], rcx
            ; mov rax, [rbp + STATE_PC]
        );
        probe(&mut asm);
        dynasm!(asm; .arch x64
            ; jne >leave
            ; mov r15, [rdi + BUDGET]
            ; mov [BYTE rsp + VA], rdx
        );
        load_all(&mut asm, 0);
        dynasm!(asm; .arch x64
            ; mov rdx, [BYTE rsp + VA]
            ; jmp QWORD [BYTE rdx + 8]
            ; .align 16
        );

        thunks.counter = base + asm.offset().0;
        // Integers only: what a Rust function may spoil is kept, but flags are in their slot already.
        for (_, host) in PINNED.into_iter().filter(|p| matches!(p.1, 6..=11)) {
            dynasm!(asm; .arch x64; push Rq(host));
        }
        let pushed = 8 * (1 + PINNED.into_iter().filter(|p| matches!(p.1, 6..=11)).count() as i32);
        for (guest, host) in PINNED_V {
            dynasm!(asm; .arch x64; vmovaps [rbp + slot_v(guest)], Rx(host));
        }
        let padding = (16 - (pushed & 15)) & 15;
        dynasm!(asm; .arch x64
            ; mov rdi, [rsp + i32::from(FRAME) + pushed]
            ; lea rsi, [r15 + rax]
            ; mov edx, ecx
            ; sub rsp, padding
            ; mov rax, QWORD counter as *const () as i64
            ; call rax
            ; add rsp, padding
        );
        for (guest, host) in PINNED_V {
            dynasm!(asm; .arch x64; vmovaps Rx(host), [rbp + slot_v(guest)]);
        }
        for (_, host) in PINNED.into_iter().rev().filter(|p| matches!(p.1, 6..=11)) {
            dynasm!(asm; .arch x64; pop Rq(host));
        }
        dynasm!(asm; .arch x64; ret; .align 16);

        thunks.indirect = base + asm.offset().0;
        dynasm!(asm; .arch x64
            ; mov [rbp + STATE_PC], rax
            ; xor eax, eax
        );
        thunks.exit = base + asm.offset().0;
        store_all(&mut asm, 0);
        dynasm!(asm; .arch x64
            ; mov rdi, [BYTE rsp + FRAME]
            ; mov [rdi + EXIT], rax
            ; mov [rdi + BUDGET], r15
            ; leave:
            ; add rsp, SLOTS
            ; pop r15 ; pop r14 ; pop r13 ; pop r12 ; pop rbp ; pop rbx
            ; ret
            ; .align 16
        );
        thunks.pool = base + asm.offset().0;
        for constant in POOL.iter().chain(&THREES) {
            asm.push_u64(*constant as u64);
            asm.push_u64((*constant >> 64) as u64);
        }
        thunks.estimates = base + asm.offset().0;
        for entry in estimate::tables() {
            asm.push(entry);
        }
        let code = asm.finalize().map_err(|e| Error::Assembler(e.to_string()))?;
        if !cache.push(&code) {
            return Err(Error::Assembler("no room for the thunks".into()));
        }
        cache.keep();
        Ok(thunks)
    }
}
