//! Addition, subtraction, logic, and what depends on their flags.

use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Emitter, Flags, Form, x64};
use crate::ir::{Logic, Operand, Select};
use crate::regs::{RAX, RCX, RDX, SP, ZR, host, slot};

/// Whether `value` is a sign-extended 32-bit immediate of an operation of this width.
fn fits(sf: bool, value: u64) -> bool {
    !sf || i64::from(value as i32) as u64 == value
}

/// Where an operand is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Host(u8),
    /// The slot of a guest register.
    Slot(u8),
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
                    _ if self.keep => self.shift_keeping(sf, kind, t, h, n as u8),
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
                match n {
                    0 => {}
                    _ if self.keep => self.shift_keeping(true, 0, t, t, n),
                    _ => x64!(self; shl Rq(t), BYTE n as i8),
                }
                t
            }
        }
    }

    /// `t = h shifted by n` (LSL, LSR, ASR) without touching EFLAGS. Spoils rdx.
    pub(super) fn shift_keeping(&mut self, sf: bool, kind: u8, t: u8, h: u8, n: u8) {
        x64!(self; mov edx, i32::from(n));
        match (kind, sf) {
            (0, true) => x64!(self; shlx Rq(t), Rq(h), rdx),
            (0, false) => x64!(self; shlx Rd(t), Rd(h), edx),
            (1, true) => x64!(self; shrx Rq(t), Rq(h), rdx),
            (1, false) => x64!(self; shrx Rd(t), Rd(h), edx),
            (_, true) => x64!(self; sarx Rq(t), Rq(h), rdx),
            (_, false) => x64!(self; sarx Rd(t), Rd(h), edx),
        }
    }

    /// A register operand that may stay in memory, or what [`Emitter::operand`] makes of the others.
    fn source(&mut self, sf: bool, b: Operand, t: u8) -> Source {
        match b {
            Operand::Reg(r) if r != ZR && host(r).is_none() => Source::Slot(r),
            _ => Source::Host(self.operand(sf, b, t)),
        }
    }

    /// `h = h op source`, for the operations of x86's first group by number (see [`Emitter::with_immediate`]).
    fn combine(&mut self, digit: u8, sf: bool, h: u8, source: Source) {
        let rex = 0x40 | u8::from(sf) << 3 | h >> 3 << 2;
        match source {
            Source::Host(m) => {
                self.asm.push(rex | m >> 3);
                self.asm.push(digit << 3 | 3);
                self.asm.push(0xc0 | (h & 7) << 3 | m & 7);
            }
            Source::Slot(r) => {
                self.asm.push(rex);
                self.asm.push(digit << 3 | 3);
                // rbp and a signed byte.
                self.asm.push(0x45 | (h & 7) << 3);
                self.asm.push_i8(slot(r));
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
            _ if self.keep => {
                let m = self.operand(sf, b, RCX);
                let a = self.read(rn, RAX);
                match (sub, sf) {
                    (false, true) => x64!(self; lea Rq(d), [Rq(a) + Rq(m)]),
                    (false, false) => x64!(self; lea Rd(d), [Rq(a) + Rq(m)]),
                    _ => {
                        // a - m = a + ~m + 1.
                        self.copy(true, RCX, m);
                        x64!(self; not rcx);
                        if sf {
                            x64!(self; lea Rq(d), [Rq(a) + rcx + 1])
                        } else {
                            x64!(self; lea Rd(d), [Rq(a) + rcx + 1])
                        }
                    }
                }
            }
            _ => {
                let m = self.source(sf, b, RCX);
                let d = if m == Source::Host(d) && host(rn) != Some(d) { RAX } else { d };
                if let Source::Host(m) = m
                    && rn == ZR
                    && sub
                {
                    self.copy(sf, d, m);
                    if sf { x64!(self; neg Rq(d)) } else { x64!(self; neg Rd(d)) }
                } else {
                    let a = self.read(rn, RAX);
                    self.copy(true, d, a);
                    self.combine(if sub { 5 } else { 0 }, sf, d, m);
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
            let m = self.source(sf, b, RCX);
            if rd == ZR && sub {
                let a = self.read(rn, RAX);
                self.combine(7, sf, a, m);
            } else {
                let d = self.target(rd, RAX);
                let d = if m == Source::Host(d) && host(rn) != Some(d) { RAX } else { d };
                let a = self.read(rn, RAX);
                self.copy(true, d, a);
                self.combine(if sub { 5 } else { 0 }, sf, d, m);
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
                let digit = match op {
                    Logic::And => 4,
                    Logic::Or => 1,
                    Logic::Xor => 6,
                };
                self.combine(digit, sf, d, Source::Host(m));
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

    /// `d = cond ? h : d`, all 64 bits.
    fn cmov_to(&mut self, cond: u8, d: u8, h: u8) {
        /// The host's number of each guest condition, for flags in borrow form.
        const HOST: [u8; 14] = [4, 5, 3, 2, 8, 9, 0, 1, 7, 6, 13, 12, 15, 14];
        match HOST.get(usize::from(cond)) {
            Some(cc) => {
                self.asm.push(0x48 | d >> 3 << 2 | h >> 3);
                self.asm.push(0x0f);
                self.asm.push(0x40 | cc);
                self.asm.push(0xc0 | (d & 7) << 3 | h & 7);
            }
            None => x64!(self; mov Rq(d), Rq(h)),
        }
    }

    pub(super) fn select(&mut self, sf: bool, kind: Select, rd: u8, rn: u8, rm: u8, cond: u8) {
        self.want_flags(matches!(cond >> 1, 1 | 4));
        if kind == Select::Plain && rd != ZR {
            // In place, where one of the sources is the destination.
            if let (Some(d), true) = (host(rd), rd == rm || rd == rn) {
                let (cond, other) = if rd == rm { (cond, rn) } else { (cond ^ 1, rm) };
                if cond < 14 {
                    let h = self.read(other, RCX);
                    self.cmov_to(cond, d, h);
                    if !sf {
                        x64!(self; mov Rd(d), Rd(d));
                    }
                    return;
                }
            }
        }
        if rn == ZR && rm == ZR && kind == Select::Increment && cond < 14 {
            // CSET: 1 when the condition does not hold.
            let d = self.target(rd, RAX);
            self.set(cond ^ 1);
            x64!(self; movzx Rd(d), al);
            self.write(rd, d);
            return;
        }
        let a = self.read(rn, RCX);
        // Straight into the destination, if that is not needed as a source.
        let d = match host(rd) {
            Some(d) if d != a => d,
            _ => RAX,
        };
        self.load(d, rm);
        match kind {
            Select::Plain => {}
            Select::Increment => x64!(self; lea Rq(d), [BYTE Rq(d) + 1]),
            Select::Invert => x64!(self; not Rq(d)),
            Select::Negate => x64!(self; not Rq(d); lea Rq(d), [BYTE Rq(d) + 1]),
        }
        self.cmov_to(cond, d, a);
        if !sf {
            x64!(self; mov Rd(d), Rd(d));
        }
        self.write(rd, d);
    }

    /// al = 1 if the condition holds, else 0.
    fn set(&mut self, cond: u8) {
        match cond {
            0 => x64!(self; sete al),
            1 => x64!(self; setne al),
            2 => x64!(self; setae al),
            3 => x64!(self; setb al),
            4 => x64!(self; sets al),
            5 => x64!(self; setns al),
            6 => x64!(self; seto al),
            7 => x64!(self; setno al),
            8 => x64!(self; seta al),
            9 => x64!(self; setbe al),
            10 => x64!(self; setge al),
            11 => x64!(self; setl al),
            12 => x64!(self; setg al),
            _ => x64!(self; setle al),
        }
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
