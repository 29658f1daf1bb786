//! Pointer authentication: what an instruction once made of a pointer is remembered and found again in line.
//!
//! The table is keyed by pointer, modifier, kind of instruction and the number of everything else that matters (keys,
//! SCTLR, TCR, regime: [`cpu::State::pac_context`]). What is not in it the interpreter's executor computes, and remembers.

use std::mem::offset_of;

use a64::{Op, Word};
use cpu::State;
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Cold, Emitter, Flags, x64};
use crate::decode::Context;
use crate::regs::{RAX, RDX, SP, ZR, field};
use crate::runtime::{SIGNED_MASK, Signed};
use crate::thunks::SIGNED;

/// One instruction that signs or authenticates a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// 0 to 3: signs with key IA, IB, DA, DB; 4 to 7: authenticates; 8 and 9: authenticates with IA or IB and branches.
    pub kind: u8,
    /// Register of the pointer.
    pub register: u8,
    /// Register of the modifier: [`SP`] and [`ZR`] too.
    pub modifier: u8,
    /// Of a branch: it links; and the BTYPE it leaves.
    pub link: bool,
    pub btype: u8,
}

/// The lowest kind that branches.
pub const BRANCHES: u8 = 8;

/// The operation of an instruction of pointer authentication, if it has one. Where it does nothing it is none.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Pointer> {
    if context.no_pac {
        return None;
    }
    let register = |n: usize| if n == 31 { ZR } else { n as u8 };
    let key = w.bits(11, 10) as u8;
    let modifier = if w.bit(13) { ZR } else { w.rn() as u8 };
    let plain = |kind, register, modifier| Pointer { kind, register, modifier, link: false, btype: 0 };
    let branch = |b: bool, link, btype| Pointer {
        kind: BRANCHES + u8::from(b),
        register: register(w.rn()),
        modifier: if w.bit(24) { w.rd() as u8 } else { ZR },
        link,
        btype: if context.bti { btype } else { 0 },
    };
    Some(match op {
        Op::Pacia | Op::Pacib | Op::Pacda | Op::Pacdb | Op::Paciza | Op::Pacizb | Op::Pacdza | Op::Pacdzb => {
            plain(key, register(w.rd()), modifier)
        }
        Op::Autia | Op::Autib | Op::Autda | Op::Autdb | Op::Autiza | Op::Autizb | Op::Autdza | Op::Autdzb => {
            plain(4 + key, register(w.rd()), modifier)
        }
        Op::Paciasp => plain(0, 30, SP),
        Op::Pacibsp => plain(1, 30, SP),
        Op::Paciaz => plain(0, 30, ZR),
        Op::Pacibz => plain(1, 30, ZR),
        Op::Pacia1716 => plain(0, 17, 16),
        Op::Pacib1716 => plain(1, 17, 16),
        Op::Autiasp => plain(4, 30, SP),
        Op::Autibsp => plain(5, 30, SP),
        Op::Autiaz => plain(4, 30, ZR),
        Op::Autibz => plain(5, 30, ZR),
        Op::Autia1716 => plain(4, 17, 16),
        Op::Autib1716 => plain(5, 17, 16),
        Op::Retaa => Pointer { modifier: SP, register: 30, ..branch(false, false, 0) },
        Op::Retab => Pointer { modifier: SP, register: 30, ..branch(true, false, 0) },
        Op::Braa | Op::Braaz => branch(false, false, 1),
        Op::Brab | Op::Brabz => branch(true, false, 1),
        Op::Blraa | Op::Blraaz => branch(false, true, 2),
        Op::Blrab | Op::Blrabz => branch(true, true, 2),
        _ => return None,
    })
}

impl Emitter<'_> {
    pub(super) fn pointer(&mut self, p: Pointer) {
        self.save_flags();
        let slow = self.asm.new_dynamic_label();
        let resume = self.asm.new_dynamic_label();
        let decoded = self.decoded();
        let record = self.record(decoded, 0);
        if let Some(record) = self.records.get_mut(record) {
            record.pointer = Some(p);
        }
        self.load(RAX, p.register);
        self.load(RDX, p.modifier);
        x64!(self
            ; lea rcx, [rax * 4 + rdx]
            ; shl ecx, 1
            ; and ecx, SIGNED_MASK
            ; xor ecx, BYTE (p.kind / 4) as i8 * size_of::<Signed>() as i8
            ; add rcx, [BYTE rsp + SIGNED]
            ; cmp [rcx], rax
            ; jne =>slow
            ; cmp [BYTE rcx + 8], rdx
            ; jne =>slow
            ; mov rdx, [rbp + field(offset_of!(State, pac_context))]
            ; add rdx, BYTE p.kind as i8
            ; cmp [BYTE rcx + 16], rdx
            ; jne =>slow
        );
        self.cold.push(Cold::Exec { from: slow, resume, record, keep_va: false });
        if p.kind < BRANCHES {
            let d = self.target(p.register, RAX);
            x64!(self; mov Rq(d), [BYTE rcx + 24]);
            self.write(p.register, d);
            x64!(self; =>resume);
            self.flags = Flags::Slot;
            return;
        }
        x64!(self; mov rax, [BYTE rcx + 24]);
        self.indirect_to_rax(p.link, p.btype);
        // The executor came back: so it branched to the next instruction.
        x64!(self; =>resume);
        self.flags = Flags::Slot;
        self.jump_out(self.pc.wrapping_add(4));
    }
}
