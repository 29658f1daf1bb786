//! Exclusives, compare and swap, and the read-modify-write instructions of LSE.
//!
//! CPUs take turns on one host thread, so no access here needs a LOCK prefix or a fence: between two instructions of a
//! block nobody else runs. Everything that is not a hit in the soft TLB goes to the interpreter's executor.

use std::mem::offset_of;

use a64::{Op, Word};
use cpu::State;
use cpu::state::Exclusive;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Emitter, Flags, x64};
use crate::ir::Address;
use crate::regs::{RCX, RDX, ZR, field};

const VALUE: i32 = field(offset_of!(State, exclusive) + offset_of!(Exclusive, value));
const ADDRESS: i32 = field(offset_of!(State, exclusive) + offset_of!(Exclusive, address));
const SIZE: i32 = field(offset_of!(State, exclusive) + offset_of!(Exclusive, size));

/// What an LSE instruction makes of the old value and its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    Add,
    Clear,
    Xor,
    Set,
    SignedMax,
    SignedMin,
    Max,
    Min,
    Swap,
}

/// One instruction. Registers are numbers of the IR, `rn` counts 31 as SP; `size` is log2 of the bytes of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomic {
    Load {
        size: u8,
        rt: u8,
        rt2: Option<u8>,
        rn: u8,
    },
    Store {
        size: u8,
        rs: u8,
        rt: u8,
        rt2: Option<u8>,
        rn: u8,
    },
    Update {
        op: Update,
        size: u8,
        rs: u8,
        rt: u8,
        rn: u8,
    },
    Swap {
        size: u8,
        rs: u8,
        rt: u8,
        rn: u8,
    },
    /// CASP of two 64-bit registers each.
    SwapPair {
        rs: [u8; 2],
        rt: [u8; 2],
        rn: u8,
    },
}

/// The operation of an atomic instruction, if it has one.
pub fn decode(op: Op, w: Word) -> Option<Atomic> {
    let z = |n: usize| if n == 31 { ZR } else { n as u8 };
    let (rs, rt, rn, size) = (z(w.rs()), z(w.rt()), w.rn() as u8, w.size() as u8);
    let update = |op| Some(Atomic::Update { op, size, rs, rt, rn });
    match op {
        Op::Ldxr | Op::Ldaxr => Some(Atomic::Load { size, rt, rt2: None, rn }),
        Op::Stxr | Op::Stlxr => Some(Atomic::Store { size, rs, rt, rt2: None, rn }),
        Op::Ldxp | Op::Ldaxp => {
            Some(Atomic::Load { size: 2 + u8::from(w.bit(30)), rt, rt2: Some(z(w.rt2())), rn })
        }
        Op::Stxp | Op::Stlxp => {
            Some(Atomic::Store { size: 2 + u8::from(w.bit(30)), rs, rt, rt2: Some(z(w.rt2())), rn })
        }
        Op::Cas => Some(Atomic::Swap { size, rs, rt, rn }),
        Op::Casp if w.bit(30) && w.rs() & 1 == 0 && w.rt() & 1 == 0 => {
            Some(Atomic::SwapPair { rs: [rs, z(w.rs() + 1)], rt: [rt, z(w.rt() + 1)], rn })
        }
        Op::Ldadd => update(Update::Add),
        Op::Ldclr => update(Update::Clear),
        Op::Ldeor => update(Update::Xor),
        Op::Ldset => update(Update::Set),
        Op::Ldsmax => update(Update::SignedMax),
        Op::Ldsmin => update(Update::SignedMin),
        Op::Ldumax => update(Update::Max),
        Op::Ldumin => update(Update::Min),
        Op::Swp => update(Update::Swap),
        _ => None,
    }
}

impl Emitter<'_> {
    pub(super) fn atomic(&mut self, a: Atomic) {
        let (rn, bytes, write) = match a {
            Atomic::Load { size, rt2, rn, .. } => (rn, 1u64 << size << u8::from(rt2.is_some()), false),
            Atomic::Store { size, rt2, rn, .. } => (rn, 1u64 << size << u8::from(rt2.is_some()), true),
            Atomic::Update { size, rn, .. } | Atomic::Swap { size, rn, .. } => (rn, 1u64 << size, true),
            Atomic::SwapPair { rn, .. } => (rn, 16, true),
        };
        let slow = self.asm.new_dynamic_label();
        self.check_sp(rn, slow);
        self.address(Address::Offset(rn, 0));
        if let Atomic::Store { .. } = a {
            // Not what was marked: the executor says what happens.
            x64!(self
                ; cmp rax, [rbp + ADDRESS]
                ; jne =>slow
                ; cmp QWORD [rbp + SIZE], DWORD bytes as i32
                ; jne =>slow
            );
        }
        let lookup = self.look_up(slow, write, bytes, bytes);
        match a {
            Atomic::Load { size, rt, rt2, rn } => self.load_exclusive(size, rt, rt2, rn, bytes),
            Atomic::Store { size, rs, rt, rt2, .. } => self.store_exclusive(size, rs, rt, rt2),
            Atomic::Update { op, size, rs, rt, .. } => self.update(op, size, rs, rt),
            Atomic::Swap { size, rs, rt, .. } => self.swap(size, rs, rt),
            Atomic::SwapPair { rs, rt, .. } => self.swap_pair(rs, rt),
        }
        self.looked_up(lookup);
        self.flags = Flags::Slot;
    }

    /// Memory at rax to `t`, zero-extended.
    fn load_wide(&mut self, size: u8, t: u8) {
        match size {
            0 => x64!(self; movzx Rd(t), BYTE [rax]),
            1 => x64!(self; movzx Rd(t), WORD [rax]),
            2 => x64!(self; mov Rd(t), [rax]),
            _ => x64!(self; mov Rq(t), [rax]),
        }
    }

    /// `h` to memory at rax.
    fn store_narrow(&mut self, size: u8, h: u8) {
        match size {
            0 => x64!(self; mov [rax], Rb(h)),
            1 => x64!(self; mov [rax], Rw(h)),
            2 => x64!(self; mov [rax], Rd(h)),
            _ => x64!(self; mov [rax], Rq(h)),
        }
    }

    fn load_exclusive(&mut self, size: u8, rt: u8, rt2: Option<u8>, rn: u8, bytes: u64) {
        let n = self.read(rn, RCX);
        x64!(self
            ; mov [rbp + ADDRESS], Rq(n)
            ; mov QWORD [rbp + SIZE], DWORD bytes as i32
        );
        match (rt2, size) {
            (None, _) => {
                self.load_wide(size, RCX);
                x64!(self; mov [rbp + VALUE], rcx; mov QWORD [rbp + VALUE + 8], DWORD 0);
                self.write(rt, RCX);
            }
            (Some(rt2), 3) => {
                x64!(self
                    ; mov rcx, [rax]
                    ; mov rdx, [rax + 8]
                    ; mov [rbp + VALUE], rcx
                    ; mov [rbp + VALUE + 8], rdx
                );
                self.write(rt, RCX);
                self.write(rt2, RDX);
            }
            (Some(rt2), _) => {
                x64!(self
                    ; mov rdx, [rax]
                    ; mov [rbp + VALUE], rdx
                    ; mov QWORD [rbp + VALUE + 8], DWORD 0
                    ; mov ecx, edx
                    ; shr rdx, BYTE 32
                );
                self.write(rt, RCX);
                self.write(rt2, RDX);
            }
        }
    }

    fn store_exclusive(&mut self, size: u8, rs: u8, rt: u8, rt2: Option<u8>) {
        let (fail, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        x64!(self; mov rcx, [rbp + VALUE]);
        match (rt2, size) {
            (None, 0) => x64!(self; cmp [rax], cl),
            (None, 1) => x64!(self; cmp [rax], cx),
            (None, 2) => x64!(self; cmp [rax], ecx),
            _ => x64!(self; cmp [rax], rcx),
        }
        x64!(self; jne =>fail);
        match rt2 {
            None => {
                let h = self.read(rt, RCX);
                self.store_narrow(size, h);
            }
            Some(rt2) => {
                if size == 3 {
                    x64!(self; mov rcx, [rbp + VALUE + 8]; cmp [rax + 8], rcx; jne =>fail);
                }
                let (h, h2) = (self.read(rt, RCX), self.read(rt2, RDX));
                if size == 3 {
                    x64!(self; mov [rax], Rq(h); mov [rax + 8], Rq(h2));
                } else {
                    x64!(self; mov [rax], Rd(h); mov [rax + 4], Rd(h2));
                }
            }
        }
        x64!(self
            ; xor ecx, ecx
            ; jmp =>done
            ; =>fail
            ; mov ecx, 1
            ; =>done
            ; mov QWORD [rbp + SIZE], DWORD 0
        );
        self.write(rs, RCX);
    }

    fn update(&mut self, op: Update, size: u8, rs: u8, rt: u8) {
        self.load(RCX, rs);
        self.load_wide(size, RDX);
        match op {
            Update::Add => x64!(self; add rcx, rdx),
            Update::Clear => x64!(self; not rcx; and rcx, rdx),
            Update::Xor => x64!(self; xor rcx, rdx),
            Update::Set => x64!(self; or rcx, rdx),
            Update::Swap => {}
            Update::SignedMax | Update::SignedMin | Update::Max | Update::Min => {
                match size {
                    0 => x64!(self; cmp dl, cl),
                    1 => x64!(self; cmp dx, cx),
                    2 => x64!(self; cmp edx, ecx),
                    _ => x64!(self; cmp rdx, rcx),
                }
                match op {
                    Update::SignedMax => x64!(self; cmovg rcx, rdx),
                    Update::SignedMin => x64!(self; cmovl rcx, rdx),
                    Update::Max => x64!(self; cmova rcx, rdx),
                    _ => x64!(self; cmovb rcx, rdx),
                }
            }
        }
        self.store_narrow(size, RCX);
        self.write(rt, RDX);
    }

    fn swap(&mut self, size: u8, rs: u8, rt: u8) {
        let skip = self.asm.new_dynamic_label();
        self.load_wide(size, RDX);
        let h = self.read(rs, RCX);
        match size {
            0 => x64!(self; cmp dl, Rb(h)),
            1 => x64!(self; cmp dx, Rw(h)),
            2 => x64!(self; cmp edx, Rd(h)),
            _ => x64!(self; cmp rdx, Rq(h)),
        }
        x64!(self; jne =>skip);
        let h = self.read(rt, RCX);
        self.store_narrow(size, h);
        x64!(self; =>skip);
        self.write(rs, RDX);
    }

    fn swap_pair(&mut self, rs: [u8; 2], rt: [u8; 2]) {
        let (other, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        let (h, h2) = (self.read(rs[0], RCX), self.read(rs[1], RDX));
        x64!(self
            ; cmp [rax], Rq(h)
            ; jne =>other
            ; cmp [rax + 8], Rq(h2)
            ; jne =>other
        );
        let (h, h2) = (self.read(rt[0], RCX), self.read(rt[1], RDX));
        x64!(self
            ; mov [rax], Rq(h)
            ; mov [rax + 8], Rq(h2)
            ; jmp =>done
            ; =>other
            ; mov rcx, [rax]
            ; mov rdx, [rax + 8]
        );
        self.write(rs[0], RCX);
        self.write(rs[1], RDX);
        x64!(self; =>done);
    }

    pub(super) fn clear_exclusive(&mut self) {
        x64!(self; mov QWORD [rbp + SIZE], DWORD 0);
    }
}
