//! Shifts, widening and narrowing.

use crate::emit::Emitter;
use crate::emit::vex::{self, Constant, Rm};

use super::lanes::LARGEST;
use super::{Kind, Merge, Vector};

/// `lane` of 8 << `size` bits, repeated to 64.
fn repeat(lane: u64, size: u8) -> u64 {
    let bits = 8u32 << size;
    let (mut out, mut at) = (0, 0);
    while at < 64 {
        out |= (lane & u64::MAX >> (64 - bits)) << at;
        at += bits;
    }
    out
}

impl Emitter<'_> {
    pub(super) fn shifts(&mut self, v: Vector) {
        let size = v.size & 3;
        let wide = usize::from(size + 1) & 3;
        match v.kind {
            Kind::ShiftLeft(by) => {
                let n = self.read_v(v.rn, 1);
                self.shift_left(n, size, by);
                self.finish(v, 0);
            }
            Kind::ShiftRight { by, signed, round, into } => {
                let n = self.read_v(v.rn, 2);
                self.shift_right(n, size, by, signed, round);
                self.merge(into, v.rd, 0, size);
                self.finish(v, 0);
            }
            Kind::InsertLeft(by) => {
                let n = self.read_v(v.rn, 1);
                self.shift_left(n, size, by);
                self.keep(v, repeat((1 << by) - 1, size));
            }
            Kind::InsertRight(by) => {
                let n = self.read_v(v.rn, 2);
                self.shift_right(n, size, by, false, false);
                let bits = 8u32 << size;
                let kept = if u32::from(by) == bits { u64::MAX } else { !(u64::MAX >> (64 - bits) >> by) };
                self.keep(v, repeat(kept, size));
            }
            Kind::ShiftBy { signed, round } => self.shift_by(v, signed, round),
            Kind::ShiftLeftSaturating { by, from_signed, to_signed } => {
                self.shift_left_saturating(v, by, from_signed, to_signed);
            }
            Kind::Widen { signed, by } => {
                let n = self.src(v.rn);
                self.widen(0, n, size, signed, v.q);
                if by != 0 {
                    self.vshift(vex::PSLL[wide], 0, 0, by);
                }
                self.write_v(v.rd, 0);
            }
            Kind::Long { signed, sub, wide: first_wide } => {
                let m = self.src(v.rm);
                self.widen(2, m, size, signed, v.q);
                let n = if first_wide {
                    self.read_v(v.rn, 1)
                } else {
                    let n = self.src(v.rn);
                    self.widen(1, n, size, signed, v.q);
                    1
                };
                self.v(if sub { vex::PSUB[wide] } else { vex::PADD[wide] }, 0, n, 2);
                self.write_v(v.rd, 0);
            }
            Kind::LongDifference { signed, into } => {
                self.difference(v, signed);
                self.widen(0, Rm::X(0), size, false, v.q);
                self.merge(into, v.rd, 0, size + 1);
                self.write_v(v.rd, 0);
            }
            Kind::LongMul { signed, into } => {
                self.long_product(v, signed);
                self.merge(into, v.rd, 0, size + 1);
                self.write_v(v.rd, 0);
            }
            Kind::LongDouble { into } => self.long_double(v, into),
            Kind::HighHalf { sub, round } => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                self.v(if sub { vex::PSUB[wide] } else { vex::PADD[wide] }, 0, n, m);
                let bits = 8 << size;
                if round {
                    self.constant_v(1, repeat(1 << (bits - 1), size + 1), true);
                    self.v(vex::PADD[wide], 0, 0, 1);
                }
                self.vshift(vex::PSRL[wide], 0, 0, bits);
                self.truncate(size);
                self.finish_part(v, 0);
            }
            Kind::Narrow { by, round } => {
                let n = self.read_v(v.rn, 2);
                self.shift_right(n, size + 1, by, false, round);
                self.truncate(size);
                self.finish_part(v, 0);
            }
            Kind::NarrowSaturating { by, round, from_signed, to_signed } => {
                let n = self.read_v(v.rn, 2);
                self.shift_right(n, size + 1, by, from_signed, round);
                self.narrow_saturating(v, from_signed, to_signed);
            }
            Kind::Carryless => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                self.vi(vex::PCLMULQDQ, 0, n, m, if v.q { 0x11 } else { 0 });
                self.write_v(v.rd, 0);
            }
            _ => self.permutes(v),
        }
    }

    /// Ends an insertion: bits of the destination where `mask` has ones, else those of xmm0.
    fn keep(&mut self, v: Vector, mask: u64) {
        let d = self.src(v.rd);
        self.constant_v(1, mask, true);
        self.v(vex::PAND, 1, 1, d);
        self.v(vex::POR, 0, 0, 1);
        self.finish(v, 0);
    }

    /// `n << by` to xmm0. Spoils xmm1 of bytes.
    fn shift_left(&mut self, n: u8, size: u8, by: u8) {
        self.vshift(vex::PSLL[usize::from(size & 3)], 0, n, by);
        if size == 0 && by != 0 {
            self.constant_v(1, repeat(0xff << by, 0), true);
            self.v(vex::PAND, 0, 0, 1);
        }
    }

    /// `n >> by` to xmm0, 0 to all bits. Spoils xmm1 and xmm3; `n` is neither.
    pub(super) fn shift_right(&mut self, n: u8, size: u8, by: u8, signed: bool, round: bool) {
        let bits = 8u8 << size;
        let index = usize::from(size & 3);
        if by == 0 {
            self.copy_v(0, n);
            return;
        }
        match (signed, size) {
            (false, _) if by == bits => self.v(vex::PXOR, 0, 0, 0),
            (false, 0) => {
                self.vshift(vex::PSRL[1], 0, n, by);
                self.constant_v(1, repeat(0xff >> by, 0), true);
                self.v(vex::PAND, 0, 0, 1);
            }
            (false, _) => self.vshift(vex::PSRL[index], 0, n, by),
            (true, 0) => {
                // Odd bytes in place, even ones from the top.
                let by = by.min(7);
                self.vshift(vex::PSLL[1], 1, n, 8);
                self.vshift(vex::PSRA[1], 0, n, by);
                self.vshift(vex::PSRA[1], 1, 1, by);
                let low = self.pool(Constant::Low8Of16);
                self.v(vex::MOVAPS, 3, 0, low);
                self.v(vex::PANDN, 0, 3, 0);
                self.vshift(vex::PSRL[1], 1, 1, 8);
                self.v(vex::POR, 0, 0, 1);
            }
            (true, 3) => {
                self.v(vex::PXOR, 1, 1, 1);
                self.v(vex::PCMPGT[3], 1, 1, n);
                if by == bits {
                    self.copy_v(0, 1);
                } else {
                    self.vshift(vex::PSRL[3], 0, n, by);
                    self.vshift(vex::PSLL[3], 1, 1, bits - by);
                    self.v(vex::POR, 0, 0, 1);
                }
            }
            (true, _) => self.vshift(vex::PSRA[index.min(2)], 0, n, by.min(bits - 1)),
        }
        if round {
            // The highest bit that was shifted out.
            let one = [Constant::Ones8, Constant::Ones16, Constant::Ones32, Constant::Ones64][index];
            let one = self.pool(one);
            if by == 1 {
                self.v(vex::PAND, 1, n, one);
            } else {
                self.vshift(vex::PSRL[index], 1, n, by - 1);
                self.v(vex::PAND, 1, 1, one);
            }
            self.v(vex::PADD[index], 0, 0, 1);
        }
    }

    /// SSHL and USHL of words and doublewords: by the low byte of each lane of `m`, to the right if it is negative. The host
    /// takes amounts beyond the size, so that of an amount and its negative, both as unsigned bytes, at most one counts.
    fn shift_by(&mut self, v: Vector, signed: bool, round: bool) {
        let long = v.size == 3;
        let at = usize::from(long);
        let (byte, sign) = if long { (0xff, 56) } else { (0xff_0000_00ff, 24) };
        let one = self.pool(if long { Constant::Ones64 } else { Constant::Ones32 });
        let (n, m) = (self.read_v(v.rn, 3), self.read_v(v.rm, 2));
        // The negative is the complement plus one; of zero it comes out as 256.
        self.constant_v(1, byte, true);
        self.v(vex::PAND, 0, m, 1);
        self.v(vex::PANDN, 1, m, 1);
        self.v(vex::PADD[2 + at], 1, 1, one);
        match (signed, long) {
            (false, _) => {
                self.v(vex::PSLLV[at], 0, n, 0);
                if round {
                    self.rounding(n, at, vex::PSRLV[at], one);
                } else {
                    self.v(vex::PSRLV[at], 1, n, 1);
                }
                self.v(vex::POR, 0, 0, 1);
            }
            (true, false) => {
                self.v(vex::PSLLV[at], 0, n, 0);
                if round {
                    self.rounding(n, at, vex::PSRAVD, one);
                } else {
                    self.v(vex::PSRAVD, 1, n, 1);
                }
                let m = self.read_v(v.rm, 2);
                self.vshift(vex::PSLL[2], 2, m, sign);
                self.vi(vex::BLENDVPS, 0, 0, 1, 2 << 4);
            }
            (true, true) => {
                // The sign in xmm0: what is shifted is never negative, and gets its sign back.
                self.v(vex::PXOR, 0, 0, 0);
                self.v(vex::PCMPGT[3], 0, 0, n);
                self.v(vex::PXOR, 2, n, 0);
                self.v(vex::PSRLV[1], 2, 2, 1);
                self.v(vex::PXOR, 2, 2, 0);
                self.constant_v(1, byte, true);
                let m = self.read_v(v.rm, 0);
                self.v(vex::PAND, 1, 1, m);
                self.v(vex::PSLLV[1], 1, n, 1);
                self.vshift(vex::PSLL[3], 0, m, sign);
                self.vi(vex::BLENDVPD, 0, 1, 2, 0);
            }
        }
        self.finish(v, 0);
    }

    /// `n` shifted right by xmm1 with `insn`, rounded, to xmm1: the last bit that goes out is added. Spoils xmm2.
    fn rounding(&mut self, n: u8, at: usize, insn: vex::Insn, one: Rm) {
        self.v(vex::PSUB[2 + at], 2, 1, one);
        self.v(insn, 2, n, 2);
        self.v(vex::PAND, 2, 2, one);
        self.v(insn, 1, n, 1);
        self.v(vex::PADD[2 + at], 1, 1, 2);
    }

    /// SQSHL, UQSHL, SQSHLU: where an operand is beyond the limit shifted the other way, the result is the limit.
    fn shift_left_saturating(&mut self, v: Vector, by: u8, from_signed: bool, to_signed: bool) {
        let size = usize::from(v.size).min(2);
        let bits = 8u32 << size;
        let n = self.read_v(v.rn, 2);
        let ones = self.pool(Constant::Ones);
        if to_signed {
            let largest = u64::MAX >> (65 - bits);
            self.constant_v(1, repeat(largest >> by, v.size), true);
            self.v(vex::PMINS[size], 0, n, 1);
            // The smallest number is the complement of the largest.
            self.v(vex::PXOR, 1, 1, ones);
            self.v(vex::PMAXS[size], 0, 0, 1);
        } else {
            self.constant_v(1, repeat((u64::MAX >> (64 - bits)) >> by, v.size), true);
            self.v(vex::PMINU[size], 0, n, 1);
        }
        self.v(vex::PCMPEQ[size], 3, 0, n);
        self.shift_left(n, v.size, by);
        // The sign of n.
        self.v(vex::PXOR, 1, 1, 1);
        if from_signed {
            self.v(vex::PCMPGT[size], 1, 1, n);
        }
        if to_signed {
            let largest = self.pool(LARGEST[size]);
            self.v(vex::PXOR, 1, 1, largest);
            self.vi(vex::BLENDVB, 0, 1, 0, 3 << 4);
            self.v(vex::PXOR, 3, 3, ones);
        } else {
            // Negative numbers never fit, and become zero.
            self.v(vex::PANDN, 3, 1, 3);
            self.v(vex::PXOR, 3, 3, ones);
            self.v(vex::POR, 0, 0, 3);
            self.v(vex::PANDN, 0, 1, 0);
        }
        self.report_any(3, v.q);
        self.finish(v, 0);
    }

    /// The lower half of `n`, or with `upper` the upper one, with elements of `size` made twice as wide, to `t`.
    pub(super) fn widen(&mut self, t: u8, n: Rm, size: u8, signed: bool, upper: bool) {
        let size = usize::from(size).min(2);
        let insn = if signed { vex::PMOVSX[size] } else { vex::PMOVZX[size] };
        match n {
            Rm::X(h) if upper => {
                self.vshift(vex::PSRLDQ, t, h, 8);
                self.v(insn, t, 0, t);
            }
            Rm::State(slot) if upper => self.v(insn, t, 0, Rm::State(slot + 8)),
            n => self.v(insn, t, 0, n),
        }
    }

    /// Products twice as wide, to xmm0. Spoils xmm1 and xmm2.
    fn long_product(&mut self, v: Vector, signed: bool) {
        let m = self.second(v, v.size);
        self.widen(2, m, v.size, signed, v.q && v.lane.is_none());
        let n = self.src(v.rn);
        self.widen(1, n, v.size, signed, v.q);
        let insn = match (v.size, signed) {
            (0, _) => vex::PMULLW,
            (1, _) => vex::PMULLD,
            (_, true) => vex::PMULDQ,
            (_, false) => vex::PMULUDQ,
        };
        self.v(insn, 0, 1, 2);
    }

    /// SQDMULL, SQDMLAL, SQDMLSL: only the product of the two smallest numbers saturates, and comes out as the smallest.
    fn long_double(&mut self, v: Vector, into: Merge) {
        let wide = usize::from(v.size + 1).min(3);
        self.long_product(v, true);
        self.v(vex::PADD[wide], 0, 0, 0);
        let least = self.pool(if wide == 2 { Constant::SignSingle } else { Constant::SignDouble });
        self.v(vex::PCMPEQ[wide], 1, 0, least);
        self.v(vex::PXOR, 0, 0, 1);
        self.report_any(1, true);
        if into != Merge::Replace {
            self.copy_v(2, 0);
            let d = self.read_v(v.rd, 3);
            self.saturate(d, Rm::X(2), wide, true, into == Merge::Subtract, true);
        }
        self.write_v(v.rd, 0);
    }

    /// The lower half of each lane of xmm0, lanes of twice `size`, to the low half of xmm0.
    pub(super) fn truncate(&mut self, size: u8) {
        match size {
            0 => {
                let sort = self.pool(Constant::Sort8);
                self.v(vex::PSHUFB, 0, 0, sort);
            }
            1 => {
                let sort = self.pool(Constant::Sort16);
                self.v(vex::PSHUFB, 0, 0, sort);
            }
            _ => self.vi(vex::PSHUFD, 0, 0, 0, 0xd8),
        }
    }

    /// The lanes of xmm0, halves or words, saturated to half the width; FPSR.QC.
    fn narrow_saturating(&mut self, v: Vector, from_signed: bool, to_signed: bool) {
        if v.size == 2 {
            self.narrow_words(v, from_signed, to_signed);
            return;
        }
        let size = usize::from(v.size & 1);
        if to_signed {
            self.v(vex::PACKSS[size], 1, 0, 0);
            self.v(vex::PMOVSX[size], 2, 0, 1);
        } else {
            if !from_signed {
                let limit = self.pool(if size == 0 { Constant::Low8Of16 } else { Constant::Low16Of32 });
                self.v(vex::PMINU[size + 1], 1, 0, limit);
                self.v(vex::PACKUS[size], 1, 1, 1);
            } else {
                self.v(vex::PACKUS[size], 1, 0, 0);
            }
            self.v(vex::PMOVZX[size], 2, 0, 1);
        }
        self.v(vex::PXOR, 2, 2, 0);
        self.report_any(2, true);
        self.finish_part(v, 1);
    }

    /// The doublewords of xmm0, for which the host has no packing.
    fn narrow_words(&mut self, v: Vector, from_signed: bool, to_signed: bool) {
        let ones = self.pool(Constant::Ones);
        // The upper words in both places: zero, or the sign of the lower ones, if the number fits.
        self.vi(vex::PSHUFD, 1, 0, 0, 0xf5);
        if to_signed {
            self.vi(vex::PSHUFD, 2, 0, 0, 0xa0);
            self.vshift(vex::PSRA[2], 2, 2, 31);
            self.v(vex::PCMPEQ[2], 2, 2, 1);
            let largest = self.pool(Constant::Largest32);
            self.vshift(vex::PSRA[2], 1, 1, 31);
            self.v(vex::PXOR, 1, 1, largest);
            self.vi(vex::BLENDVB, 0, 1, 0, 2 << 4);
            self.v(vex::PXOR, 2, 2, ones);
        } else {
            self.v(vex::PXOR, 2, 2, 2);
            self.v(vex::PCMPEQ[2], 2, 2, 1);
            self.v(vex::PXOR, 2, 2, ones);
            self.v(vex::POR, 0, 0, 2);
            if from_signed {
                self.vshift(vex::PSRA[2], 1, 1, 31);
                self.v(vex::PANDN, 0, 1, 0);
            }
        }
        self.report_any(2, true);
        self.truncate(2);
        self.finish_part(v, 0);
    }
}
