//! Bitfields, shifts, multiplication, division and single-operand integer operations.

use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::{Emitter, x64};
use crate::ir::{Factors, Unary};
use crate::regs::{RAX, RCX, RDX, ZR};

impl Emitter<'_> {
    pub(super) fn movk(&mut self, sf: bool, rd: u8, shift: u8, imm: u16) {
        if rd == ZR {
            return;
        }
        let d = self.target(rd, RAX);
        let a = self.read(rd, RAX);
        self.copy(sf, d, a);
        let mask = !(0xffffu64 << shift);
        let value = u64::from(imm) << shift;
        self.immediate(RCX, mask);
        if sf {
            x64!(self; and Rq(d), rcx)
        } else {
            x64!(self; and Rd(d), ecx)
        }
        if imm != 0 {
            self.immediate(RCX, value);
            if sf { x64!(self; or Rq(d), rcx) } else { x64!(self; or Rd(d), ecx) }
        }
        self.write(rd, d);
    }

    pub(super) fn extract(&mut self, sf: bool, signed: bool, rd: u8, rn: u8, immr: u8, imms: u8) {
        let width: u8 = if sf { 64 } else { 32 };
        let a = self.read(rn, RAX);
        let d = self.target(rd, RAX);
        match (signed, immr, imms) {
            (false, 0, 7) => x64!(self; movzx Rd(d), Rb(a)),
            (false, 0, 15) => x64!(self; movzx Rd(d), Rw(a)),
            (false, 0, 31) => x64!(self; mov Rd(d), Rd(a)),
            (true, 0, 7) if sf => x64!(self; movsx Rq(d), Rb(a)),
            (true, 0, 15) if sf => x64!(self; movsx Rq(d), Rw(a)),
            (true, 0, 7) => x64!(self; movsx Rd(d), Rb(a)),
            (true, 0, 15) => x64!(self; movsx Rd(d), Rw(a)),
            (true, 0, 31) if sf => x64!(self; movsxd Rq(d), Rd(a)),
            _ => {
                // Field to the top, then down to its place.
                let (up, down) = if imms >= immr {
                    (width - 1 - imms, width - 1 - imms + immr)
                } else {
                    (width - 1 - imms, immr - imms - 1)
                };
                if self.keep {
                    self.shift_keeping(sf, 0, RAX, a, up);
                    self.shift_keeping(sf, if signed { 2 } else { 1 }, d, RAX, down);
                    self.write(rd, d);
                    return;
                }
                self.copy(sf, d, a);
                if up != 0 {
                    if sf {
                        x64!(self; shl Rq(d), BYTE up as i8)
                    } else {
                        x64!(self; shl Rd(d), BYTE up as i8)
                    }
                }
                if down != 0 {
                    match (signed, sf) {
                        (false, true) => x64!(self; shr Rq(d), BYTE down as i8),
                        (false, false) => x64!(self; shr Rd(d), BYTE down as i8),
                        (true, true) => x64!(self; sar Rq(d), BYTE down as i8),
                        (true, false) => x64!(self; sar Rd(d), BYTE down as i8),
                    }
                }
            }
        }
        self.write(rd, d);
    }

    pub(super) fn insert(&mut self, sf: bool, rd: u8, rn: u8, immr: u8, imms: u8) {
        let width: u8 = if sf { 64 } else { 32 };
        let (bits, at) = if imms >= immr { (imms - immr + 1, 0) } else { (imms + 1, width - immr) };
        let mask = (u64::MAX >> (64 - bits)) << at;
        self.load(RAX, rn);
        if imms >= immr {
            if immr != 0 {
                if sf { x64!(self; shr rax, BYTE immr as i8) } else { x64!(self; shr eax, BYTE immr as i8) }
            }
        } else if at != 0 {
            x64!(self; shl rax, BYTE at as i8);
        }
        // rax = (rax ^ d) & mask ^ d.
        let d = self.read(rd, RDX);
        self.immediate(RCX, mask);
        if sf {
            x64!(self; xor rax, Rq(d); and rax, rcx; xor rax, Rq(d));
        } else {
            x64!(self; xor eax, Rd(d); and eax, ecx; xor eax, Rd(d));
        }
        self.write(rd, RAX);
    }

    pub(super) fn extr(&mut self, sf: bool, rd: u8, rn: u8, rm: u8, by: u8) {
        let m = self.read(rm, RAX);
        if rn == rm {
            let d = self.target(rd, RAX);
            if sf {
                x64!(self; rorx Rq(d), Rq(m), BYTE by as i8)
            } else {
                x64!(self; rorx Rd(d), Rd(m), BYTE by as i8)
            }
            self.write(rd, d);
            return;
        }
        self.copy(true, RAX, m);
        let n = self.read(rn, RCX);
        match (sf, by) {
            (true, 0) => {}
            (false, 0) => x64!(self; mov eax, eax),
            (true, _) => x64!(self; shrd rax, Rq(n), BYTE by as i8),
            (false, _) => x64!(self; shrd eax, Rd(n), BYTE by as i8),
        }
        self.write(rd, RAX);
    }

    pub(super) fn shift(&mut self, sf: bool, kind: u8, rd: u8, rn: u8, rm: u8) {
        let a = self.read(rn, RAX);
        if kind == 3 {
            self.load(RCX, rm);
            self.copy(true, RAX, a);
            if sf {
                x64!(self; ror rax, cl)
            } else {
                x64!(self; ror eax, cl; mov eax, eax)
            }
            self.write(rd, RAX);
            return;
        }
        let m = self.read(rm, RCX);
        let d = self.target(rd, RAX);
        match (kind, sf) {
            (0, true) => x64!(self; shlx Rq(d), Rq(a), Rq(m)),
            (0, false) => x64!(self; shlx Rd(d), Rd(a), Rd(m)),
            (1, true) => x64!(self; shrx Rq(d), Rq(a), Rq(m)),
            (1, false) => x64!(self; shrx Rd(d), Rd(a), Rd(m)),
            (_, true) => x64!(self; sarx Rq(d), Rq(a), Rq(m)),
            (_, false) => x64!(self; sarx Rd(d), Rd(a), Rd(m)),
        }
        self.write(rd, d);
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of the operation")]
    pub(super) fn mul(&mut self, sf: bool, factors: Factors, sub: bool, rd: u8, rn: u8, rm: u8, ra: u8) {
        let (n, m) = (self.read(rn, RAX), self.read(rm, RCX));
        match factors {
            Factors::Whole => {
                self.copy(true, RAX, n);
                if sf { x64!(self; imul rax, Rq(m)) } else { x64!(self; imul eax, Rd(m)) }
            }
            Factors::SignedLow => x64!(self; movsxd rax, Rd(n); movsxd rcx, Rd(m); imul rax, rcx),
            Factors::UnsignedLow => x64!(self; mov eax, Rd(n); mov ecx, Rd(m); imul rax, rcx),
        }
        if ra != ZR || sub {
            let a = self.read(ra, RDX);
            match (sub, sf) {
                (false, true) => x64!(self; add rax, Rq(a)),
                (false, false) => x64!(self; add eax, Rd(a)),
                (true, true) => x64!(self; neg rax; add rax, Rq(a)),
                (true, false) => x64!(self; neg eax; add eax, Rd(a)),
            }
        }
        self.write(rd, RAX);
    }

    pub(super) fn mul_high(&mut self, signed: bool, rd: u8, rn: u8, rm: u8) {
        self.load(RAX, rn);
        let m = self.read(rm, RCX);
        if signed {
            x64!(self; imul Rq(m))
        } else {
            x64!(self; mul Rq(m))
        }
        self.write(rd, RDX);
    }

    pub(super) fn div(&mut self, sf: bool, signed: bool, rd: u8, rn: u8, rm: u8) {
        let (zero, minus, done) =
            (self.asm.new_dynamic_label(), self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        self.load(RCX, rm);
        self.load(RAX, rn);
        if sf {
            x64!(self; test rcx, rcx)
        } else {
            x64!(self; test ecx, ecx)
        }
        x64!(self; jz =>zero);
        if signed {
            // The quotient that overflows would trap; dividing by -1 is negation.
            if sf {
                x64!(self; cmp rcx, BYTE -1)
            } else {
                x64!(self; cmp ecx, BYTE -1)
            }
            x64!(self; je =>minus);
        }
        match (signed, sf) {
            (true, true) => x64!(self; cqo; idiv rcx),
            (true, false) => x64!(self; cdq; idiv ecx),
            (false, true) => x64!(self; xor edx, edx; div rcx),
            (false, false) => x64!(self; xor edx, edx; div ecx),
        }
        x64!(self; jmp =>done);
        if signed {
            x64!(self; =>minus);
            if sf {
                x64!(self; neg rax)
            } else {
                x64!(self; neg eax)
            }
            x64!(self; jmp =>done);
        }
        x64!(self; =>zero; xor eax, eax; =>done);
        self.write(rd, RAX);
    }

    /// Exchanges neighbouring groups of `by` bits of rax.
    fn exchange(&mut self, mask: u64, by: i8) {
        self.immediate(RDX, mask);
        x64!(self
            ; mov rcx, rax
            ; shr rcx, BYTE by
            ; and rcx, rdx
            ; and rax, rdx
            ; shl rax, BYTE by
            ; or rax, rcx
        );
    }

    pub(super) fn unary(&mut self, sf: bool, op: Unary, rd: u8, rn: u8) {
        self.load(RAX, rn);
        match (op, sf) {
            (Unary::Rev, true) => x64!(self; bswap rax),
            (Unary::Rev, false) => x64!(self; bswap eax),
            (Unary::Rev32, _) => x64!(self; bswap rax; ror rax, BYTE 32),
            (Unary::Rev16, true) => self.exchange(0x00ff_00ff_00ff_00ff, 8),
            (Unary::Rev16, false) => {
                x64!(self; mov eax, eax);
                self.exchange(0x00ff_00ff_00ff_00ff, 8);
            }
            (Unary::Clz, true) => x64!(self; lzcnt rax, rax),
            (Unary::Clz, false) => x64!(self; lzcnt eax, eax),
            (Unary::Cls, true) => {
                x64!(self; mov rcx, rax; sar rcx, BYTE 1; xor rax, rcx; lzcnt rax, rax; sub eax, BYTE 1)
            }
            (Unary::Cls, false) => {
                x64!(self; mov ecx, eax; sar ecx, BYTE 1; xor eax, ecx; lzcnt eax, eax; sub eax, BYTE 1)
            }
            (Unary::Rbit, _) => {
                if sf {
                    x64!(self; bswap rax)
                } else {
                    x64!(self; bswap eax)
                }
                self.exchange(0x0f0f_0f0f_0f0f_0f0f, 4);
                self.exchange(0x3333_3333_3333_3333, 2);
                self.exchange(0x5555_5555_5555_5555, 1);
            }
        }
        self.write(rd, RAX);
    }

    pub(super) fn crc32c(&mut self, rd: u8, rn: u8, rm: u8, size: u8) {
        self.load(RAX, rn);
        let m = self.read(rm, RCX);
        match size {
            0 => x64!(self; mov eax, eax; crc32 eax, Rb(m)),
            1 => x64!(self; mov eax, eax; crc32 eax, Rw(m)),
            2 => x64!(self; mov eax, eax; crc32 eax, Rd(m)),
            _ => x64!(self; mov eax, eax; crc32 rax, Rq(m)),
        }
        self.write(rd, RAX);
    }
}
