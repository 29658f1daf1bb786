//! Branches, and the ways out of a block.

use std::mem::offset_of;

use cpu::State;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

use super::{Cold, Emitter, Flags, x64};
use crate::block::Exit;
use crate::regs::{RAX, RCX, ZR, field, host, slot};
use crate::thunks::{KEY, probe};

impl Emitter<'_> {
    /// Jumps if condition `cond` holds for flags in borrow form.
    pub(super) fn jcc(&mut self, cond: u8, to: DynamicLabel) {
        match cond {
            0 => x64!(self; je =>to),
            1 => x64!(self; jne =>to),
            2 => x64!(self; jae =>to),
            3 => x64!(self; jb =>to),
            4 => x64!(self; js =>to),
            5 => x64!(self; jns =>to),
            6 => x64!(self; jo =>to),
            7 => x64!(self; jno =>to),
            8 => x64!(self; ja =>to),
            9 => x64!(self; jbe =>to),
            10 => x64!(self; jge =>to),
            11 => x64!(self; jl =>to),
            12 => x64!(self; jg =>to),
            13 => x64!(self; jle =>to),
            _ => x64!(self; jmp =>to),
        }
    }

    /// Leaves for `pc` without a chance of chaining.
    pub(super) fn leave(&mut self, pc: u64) {
        self.exchange_out();
        let exit = self.exit(pc);
        let label = self.asm.new_dynamic_label();
        x64!(self; jmp =>label);
        self.cold.push(Cold::Unlinked { from: label, exit });
    }

    fn exit(&mut self, pc: u64) -> usize {
        let index = self.exits.len();
        self.exits.push(Exit { pc, block: self.index, index: index as u32, site: 0, stub: 0, check: 0 });
        index
    }

    /// Goes on at `pc`, in another block or this one again.
    pub(super) fn jump_out(&mut self, pc: u64) {
        if pc == self.start {
            let again = self.again;
            x64!(self; jmp =>again);
            return;
        }
        self.exchange_out();
        let exit = self.exit(pc);
        let label = self.asm.new_dynamic_label();
        let mut check = 0;
        if (pc ^ self.start) >> 12 != 0 {
            // Another page: right only as long as translations are the same.
            let half = if pc >> 55 & 1 != 0 { KEY } else { KEY + 8 };
            x64!(self; cmp DWORD [BYTE rsp + half + 4], DWORD -1);
            check = self.base + self.asm.offset().0 - 4;
            x64!(self; jne =>label);
        }
        x64!(self; jmp =>label);
        let site = self.base + self.asm.offset().0 - 4;
        if let Some(exit) = self.exits.get_mut(exit) {
            exit.site = site;
            exit.check = check;
        }
        self.cold.push(Cold::Unlinked { from: label, exit });
    }

    pub(super) fn b(&mut self, target: u64, link: bool) {
        self.save_flags();
        if link {
            self.constant(30, self.pc.wrapping_add(4));
        }
        self.jump_out(target);
    }

    /// A label for leaving to `target` from here.
    pub(super) fn side(&mut self, target: u64) -> DynamicLabel {
        let save = match self.flags {
            Flags::Host(form) => Some(form),
            _ => None,
        };
        let unused = self.rest as i32 - 1;
        if target == self.start && save.is_none() && unused == 0 {
            return self.again;
        }
        let from = self.asm.new_dynamic_label();
        self.cold.push(Cold::Side { from, pc: target, save, unused });
        from
    }

    pub(super) fn b_cond(&mut self, cond: u8, target: u64) {
        if self.float_branch(cond, target) {
            return;
        }
        self.want_flags(matches!(cond >> 1, 1 | 4));
        let out = self.side(target);
        self.jcc(cond, out);
    }

    pub(super) fn cbz(&mut self, sf: bool, nonzero: bool, rt: u8, target: u64) {
        let out = self.side(target);
        match host(rt) {
            _ if rt == ZR => x64!(self; cmp eax, eax),
            Some(h) if sf => x64!(self; test Rq(h), Rq(h)),
            Some(h) => x64!(self; test Rd(h), Rd(h)),
            None if sf => x64!(self; cmp QWORD [BYTE rbp + slot(rt)], BYTE 0),
            None => x64!(self; cmp DWORD [BYTE rbp + slot(rt)], BYTE 0),
        }
        self.jcc(u8::from(nonzero), out);
    }

    pub(super) fn tbz(&mut self, nonzero: bool, rt: u8, bit: u8, target: u64) {
        let out = self.side(target);
        let h = self.read(rt, RAX);
        if bit < 31 {
            x64!(self; test Rd(h), DWORD 1 << bit);
            self.jcc(u8::from(nonzero), out);
        } else {
            x64!(self; bt Rq(h), BYTE bit as i8);
            self.jcc(if nonzero { 3 } else { 2 }, out);
        }
    }

    pub(super) fn indirect(&mut self, rn: u8, link: bool, btype: u8) {
        self.save_flags();
        self.load(RAX, rn);
        self.indirect_to_rax(link, btype);
    }

    /// The same, when the target is in rax and flags are in their slot.
    pub(super) fn indirect_to_rax(&mut self, link: bool, btype: u8) {
        if link {
            self.constant_keeping_rax(30, self.pc.wrapping_add(4));
        }
        let miss = self.asm.new_dynamic_label();
        let thunk = self.thunks.indirect;
        probe(&mut self.asm);
        x64!(self
            ; jne =>miss
            ; jmp QWORD [BYTE rdx + 8]
            ; =>miss
        );
        if btype != 0 {
            x64!(self; mov BYTE [rbp + field(offset_of!(State, btype))], btype as i8);
        }
        x64!(self; jmp extern thunk);
    }

    /// A constant, without rax.
    fn constant_keeping_rax(&mut self, rd: u8, value: u64) {
        if host(rd).is_some() {
            self.constant(rd, value);
        } else {
            self.immediate(RCX, value);
            self.write(rd, RCX);
        }
    }
}
