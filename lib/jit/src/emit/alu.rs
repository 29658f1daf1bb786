//! Addition, subtraction, logic, and what depends on their flags.

use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Emitter, Flags, Form, x64};
use crate::ir::{Logic, Operand, Select};
use crate::regs::{RAX, RCX, RDX, SP, ZR, host};

/// Whether `value` is a sign-extended 32-bit immediate of an operation of this width.
fn fits(sf: bool, value: u64) -> bool {
    !sf || i64::from(value as i32) as u64 == value
}

impl Emitter<'_> {
    /// The host register that holds an operand: a guest register's own, or `t` after computing it there.
    pub(super) fn operand(&mut self, sf: bool, b: Operand, t: u8) -> u8 {
        match b {
            Operand::Imm(value) => {
                self.immediate(t, value);
                t
            }
            Operand::Reg(r) => self.read(r, t),
            Operand::Shifted(r, kind, n) => {
                let (h, n) = (self.read(r, t), n as i8);
                match (kind, sf) {
                    (3, true) => x64!(self; rorx Rq(t), Rq(h), BYTE n),
                    (3, false) => x64!(self; rorx Rd(t), Rd(h), BYTE n),
                    _ => {
                        if h != t {
                            x64!(self; mov Rq(t), Rq(h));
                        }
                        match (kind, sf) {
                            (0, true) => x64!(self; shl Rq(t), BYTE n),
                            (0, false) => x64!(self; shl Rd(t), BYTE n),
                            (1, true) => x64!(self; shr Rq(t), BYTE n),
                            (1, false) => x64!(self; shr Rd(t), BYTE n),
                            (_, true) => x64!(self; sar Rq(t), BYTE n),
                            (_, false) => x64!(self; sar Rd(t), BYTE n),
                        }
                    }
                }
                t
            }
            Operand::Extended(r, option, n) => {
                let h = self.read(r, t);
                match option {
                    0 => x64!(self; movzx Rd(t), Rb(h)),
                    1 => x64!(self; movzx Rd(t), Rw(h)),
                    2 => x64!(self; mov Rd(t), Rd(h)),
                    4 => x64!(self; movsx Rq(t), Rb(h)),
                    5 => x64!(self; movsx Rq(t), Rw(h)),
                    6 => x64!(self; movsxd Rq(t), Rd(h)),
                    _ => {
                        if h != t {
                            x64!(self; mov Rq(t), Rq(h));
                        }
                    }
                }
                if n != 0 {
                    x64!(self; shl Rq(t), BYTE n as i8);
                }
                t
            }
        }
    }

    /// `d = a`, width by `sf`.
    pub(super) fn copy(&mut self, sf: bool, d: u8, a: u8) {
        if !sf {
            x64!(self; mov Rd(d), Rd(a));
        } else if d != a {
            x64!(self; mov Rq(d), Rq(a));
        }
    }

    /// `h = h op n` for the operations of x86's first group by number (0 ADD, 1 OR, 4 AND, 5 SUB, 6 XOR, 7 CMP), in the
    /// shorter form where the immediate allows.
    pub(super) fn with_immediate(&mut self, digit: u8, sf: bool, h: u8, n: i32) {
        let short = i8::try_from(n).is_ok();
        self.asm.push(0x40 | u8::from(sf) << 3 | h >> 3);
        self.asm.push(if short { 0x83 } else { 0x81 });
        self.asm.push(0xc0 | digit << 3 | h & 7);
        if short { self.asm.push_i8(n as i8) } else { self.asm.push_i32(n) }
    }

    pub(super) fn add_sub(&mut self, sf: bool, sub: bool, flags: bool, rd: u8, rn: u8, b: Operand) {
        if flags {
            self.add_sub_flags(sf, sub, rd, rn, b);
            return;
        }
        let aligned = self.sp_aligned && rd == SP && rn == SP && matches!(b, Operand::Imm(n) if n % 16 == 0);
        let d = self.target(rd, RAX);
        match b {
            Operand::Imm(n) => {
                let n = if sub { -(n as i32) } else { n as i32 };
                let a = self.read(rn, RAX);
                match (n, sf) {
                    (0, _) => self.copy(sf, d, a),
                    (-128..=127, true) => x64!(self; lea Rq(d), [BYTE Rq(a) + n as i8]),
                    (-128..=127, false) => x64!(self; lea Rd(d), [BYTE Rq(a) + n as i8]),
                    (_, true) => x64!(self; lea Rq(d), [Rq(a) + n]),
                    (_, false) => x64!(self; lea Rd(d), [Rq(a) + n]),
                }
            }
            Operand::Reg(ZR) => {
                let a = self.read(rn, RAX);
                self.copy(sf, d, a);
            }
            Operand::Reg(m) if !sub => {
                let (a, m) = (self.read(rn, RAX), self.read(m, RCX));
                if sf {
                    x64!(self; lea Rq(d), [Rq(a) + Rq(m)])
                } else {
                    x64!(self; lea Rd(d), [Rq(a) + Rq(m)])
                }
            }
            Operand::Shifted(m, 0, n @ 1..=3) if !sub && (sf || n < 32) => {
                let (a, m) = (self.read(rn, RAX), self.read(m, RCX));
                match (n, sf) {
                    (1, true) => x64!(self; lea Rq(d), [Rq(a) + Rq(m) * 2]),
                    (1, false) => x64!(self; lea Rd(d), [Rq(a) + Rq(m) * 2]),
                    (2, true) => x64!(self; lea Rq(d), [Rq(a) + Rq(m) * 4]),
                    (2, false) => x64!(self; lea Rd(d), [Rq(a) + Rq(m) * 4]),
                    (_, true) => x64!(self; lea Rq(d), [Rq(a) + Rq(m) * 8]),
                    (_, false) => x64!(self; lea Rd(d), [Rq(a) + Rq(m) * 8]),
                }
            }
            _ => {
                let m = self.operand(sf, b, RCX);
                let d = if d == m && host(rn) != Some(d) { RAX } else { d };
                if rn == ZR && sub {
                    self.copy(sf, d, m);
                    if sf { x64!(self; neg Rq(d)) } else { x64!(self; neg Rd(d)) }
                } else {
                    let a = self.read(rn, RAX);
                    self.copy(true, d, a);
                    match (sub, sf) {
                        (false, true) => x64!(self; add Rq(d), Rq(m)),
                        (false, false) => x64!(self; add Rd(d), Rd(m)),
                        (true, true) => x64!(self; sub Rq(d), Rq(m)),
                        (true, false) => x64!(self; sub Rd(d), Rd(m)),
                    }
                }
                self.write(rd, d);
                return;
            }
        }
        self.write(rd, d);
        if rd == SP {
            self.sp_aligned = aligned;
        }
    }

    fn add_sub_flags(&mut self, sf: bool, sub: bool, rd: u8, rn: u8, b: Operand) {
        let form = if sub { Form::Borrow } else { Form::Carry };
        if let Operand::Imm(n) = b {
            let n = n as i32;
            let a = self.read(rn, RAX);
            if rd == ZR && sub {
                self.with_immediate(7, sf, a, n);
            } else {
                let d = self.target(rd, RAX);
                self.copy(true, d, a);
                self.with_immediate(if sub { 5 } else { 0 }, sf, d, n);
                self.write(rd, d);
            }
        } else {
            let m = self.operand(sf, b, RCX);
            if rd == ZR && sub {
                let a = self.read(rn, RAX);
                if sf { x64!(self; cmp Rq(a), Rq(m)) } else { x64!(self; cmp Rd(a), Rd(m)) }
            } else {
                let d = self.target(rd, RAX);
                let d = if d == m && host(rn) != Some(d) { RAX } else { d };
                let a = self.read(rn, RAX);
                self.copy(true, d, a);
                match (sub, sf) {
                    (false, true) => x64!(self; add Rq(d), Rq(m)),
                    (false, false) => x64!(self; add Rd(d), Rd(m)),
                    (true, true) => x64!(self; sub Rq(d), Rq(m)),
                    (true, false) => x64!(self; sub Rd(d), Rd(m)),
                }
                self.write(rd, d);
            }
        }
        self.flags = Flags::Host(form);
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of the operation")]
    pub(super) fn logic(
        &mut self,
        sf: bool,
        op: Logic,
        invert: bool,
        flags: bool,
        rd: u8,
        rn: u8,
        b: Operand,
    ) {
        // Moves and inversions.
        if rn == ZR && !flags && op != Logic::And {
            if let Operand::Imm(value) = b {
                let value = if invert { !value } else { value };
                self.constant_or_sp(rd, if sf { value } else { value & 0xffff_ffff });
                return;
            }
            let m = self.operand(sf, b, RCX);
            let d = self.target(rd, RAX);
            self.copy(sf, d, m);
            match (invert, sf) {
                (true, true) => x64!(self; not Rq(d)),
                (true, false) => x64!(self; not Rd(d)),
                _ => {}
            }
            self.write(rd, d);
            return;
        }
        if let Operand::Imm(value) = b
            && fits(sf, value)
        {
            let a = self.read(rn, RAX);
            let n = value as i32;
            if flags && rd == ZR {
                if sf { x64!(self; test Rq(a), DWORD n) } else { x64!(self; test Rd(a), DWORD n) }
            } else {
                let d = self.target(rd, RAX);
                self.copy(true, d, a);
                let digit = match op {
                    Logic::And => 4,
                    Logic::Or => 1,
                    Logic::Xor => 6,
                };
                self.with_immediate(digit, sf, d, n);
                self.write(rd, d);
            }
        } else {
            let mut m = self.operand(sf, b, RCX);
            if invert && op != Logic::And {
                self.copy(true, RCX, m);
                x64!(self; not rcx);
                m = RCX;
            }
            let d = self.target(rd, RAX);
            if invert && op == Logic::And {
                let a = self.read(rn, RAX);
                if sf { x64!(self; andn Rq(d), Rq(m), Rq(a)) } else { x64!(self; andn Rd(d), Rd(m), Rd(a)) }
            } else if flags && rd == ZR {
                let a = self.read(rn, RAX);
                if sf { x64!(self; test Rq(a), Rq(m)) } else { x64!(self; test Rd(a), Rd(m)) }
            } else {
                let d = if d == m && host(rn) != Some(d) { RAX } else { d };
                let a = self.read(rn, RAX);
                self.copy(true, d, a);
                match (op, sf) {
                    (Logic::And, true) => x64!(self; and Rq(d), Rq(m)),
                    (Logic::And, false) => x64!(self; and Rd(d), Rd(m)),
                    (Logic::Or, true) => x64!(self; or Rq(d), Rq(m)),
                    (Logic::Or, false) => x64!(self; or Rd(d), Rd(m)),
                    (Logic::Xor, true) => x64!(self; xor Rq(d), Rq(m)),
                    (Logic::Xor, false) => x64!(self; xor Rd(d), Rd(m)),
                }
                self.write(rd, d);
                if flags {
                    self.flags = Flags::Host(Form::Logic);
                }
                return;
            }
            if rd != ZR {
                self.write(rd, d);
            }
        }
        if flags {
            self.flags = Flags::Host(Form::Logic);
        }
    }

    fn constant_or_sp(&mut self, rd: u8, value: u64) {
        if rd == SP {
            self.sp_aligned = value.is_multiple_of(16);
        }
        self.constant(rd, value);
    }

    pub(super) fn add_carry(&mut self, sf: bool, sub: bool, flags: bool, rd: u8, rn: u8, rm: u8) {
        self.want_flags(true);
        if !flags && self.live {
            // The sum spoils EFLAGS.
            if let Flags::Host(form) = self.flags {
                self.save_form(form);
                x64!(self; movzx eax, WORD [BYTE rsp + crate::thunks::NZCV]; add al, 0x7f; sahf);
            }
        }
        let m = self.read(rm, RCX);
        let a = self.read(rn, RDX);
        self.copy(true, RAX, a);
        match (sub, sf) {
            // CF is the borrow; an addition wants the carry.
            (false, true) => x64!(self; cmc; adc rax, Rq(m)),
            (false, false) => x64!(self; cmc; adc eax, Rd(m)),
            (true, true) => x64!(self; sbb rax, Rq(m)),
            (true, false) => x64!(self; sbb eax, Rd(m)),
        }
        self.write(rd, RAX);
        self.flags = match (flags, sub) {
            (true, true) => Flags::Host(Form::Borrow),
            (true, false) => Flags::Host(Form::Carry),
            (false, _) => Flags::Slot,
        };
    }

    /// `rax = cond ? h : rax`.
    pub(super) fn cmov(&mut self, cond: u8, h: u8) {
        match cond {
            0 => x64!(self; cmove rax, Rq(h)),
            1 => x64!(self; cmovne rax, Rq(h)),
            2 => x64!(self; cmovae rax, Rq(h)),
            3 => x64!(self; cmovb rax, Rq(h)),
            4 => x64!(self; cmovs rax, Rq(h)),
            5 => x64!(self; cmovns rax, Rq(h)),
            6 => x64!(self; cmovo rax, Rq(h)),
            7 => x64!(self; cmovno rax, Rq(h)),
            8 => x64!(self; cmova rax, Rq(h)),
            9 => x64!(self; cmovbe rax, Rq(h)),
            10 => x64!(self; cmovge rax, Rq(h)),
            11 => x64!(self; cmovl rax, Rq(h)),
            12 => x64!(self; cmovg rax, Rq(h)),
            13 => x64!(self; cmovle rax, Rq(h)),
            _ => x64!(self; mov rax, Rq(h)),
        }
    }

    pub(super) fn select(&mut self, sf: bool, kind: Select, rd: u8, rn: u8, rm: u8, cond: u8) {
        self.want_flags(matches!(cond >> 1, 1 | 4));
        self.load(RAX, rm);
        match kind {
            Select::Plain => {}
            Select::Increment => x64!(self; lea rax, [rax + 1]),
            Select::Invert => x64!(self; not rax),
            Select::Negate => x64!(self; not rax; lea rax, [rax + 1]),
        }
        let a = self.read(rn, RCX);
        self.cmov(cond, a);
        if !sf {
            x64!(self; mov eax, eax);
        }
        self.write(rd, RAX);
    }

    pub(super) fn ccmp(&mut self, sf: bool, sub: bool, rn: u8, b: Operand, cond: u8, nzcv: u8) {
        let form = if sub { Form::Borrow } else { Form::Carry };
        let otherwise = self.asm.new_dynamic_label();
        let done = self.asm.new_dynamic_label();
        if cond < 14 {
            self.want_flags(matches!(cond >> 1, 1 | 4));
            self.jcc(cond ^ 1, otherwise);
        }
        let m = self.operand(sf, b, RCX);
        let a = self.read(rn, RAX);
        match (sub, sf) {
            (true, true) => x64!(self; cmp Rq(a), Rq(m)),
            (true, false) => x64!(self; cmp Rd(a), Rd(m)),
            (false, true) => x64!(self; mov rax, Rq(a); add rax, Rq(m)),
            (false, false) => x64!(self; mov eax, Rd(a); add eax, Rd(m)),
        }
        if form == Form::Carry {
            x64!(self; cmc);
        }
        if cond < 14 {
            let image = super::image(nzcv);
            x64!(self
                ; jmp =>done
                ; =>otherwise
                ; mov eax, image
                ; add al, 0x7f
                ; sahf
                ; =>done
            );
        }
        self.flags = Flags::Host(Form::Borrow);
    }
}
