//! Arithmetic in lanes: comparisons, halving, saturation, products, pairs, sums across.

use crate::emit::Emitter;
use crate::emit::vex::{self, Constant, Insn, Rm};

use super::{Kind, Vector};

/// The largest signed numbers of 8, 16 and 32 bits.
pub(super) const LARGEST: [Constant; 3] = [Constant::Largest8, Constant::Largest16, Constant::Largest32];

impl Emitter<'_> {
    pub(super) fn lanes(&mut self, v: Vector) {
        let size = usize::from(v.size & 3);
        match v.kind {
            Kind::OrNot => {
                let (m, n) = (self.src(v.rm), self.src(v.rn));
                self.constant_v(0, u64::MAX, true);
                self.v(vex::PXOR, 0, 0, m);
                self.v(vex::POR, 0, 0, n);
                self.finish(v, 0);
            }
            Kind::Not => {
                let n = self.src(v.rn);
                self.constant_v(0, u64::MAX, true);
                self.v(vex::PXOR, 0, 0, n);
                self.finish(v, 0);
            }
            Kind::Mix(which) => self.mix(v, which),
            Kind::NotSwapped(insn) => {
                let (m, n) = (self.read_v(v.rm, 1), self.src(v.rn));
                self.v(insn, 0, m, n);
                self.finish_not(v);
            }
            Kind::AtLeast(insn) => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                self.v(insn, 0, n, m);
                self.v(vex::PCMPEQ[size], 0, 0, n);
                self.finish(v, 0);
            }
            Kind::Above(insn) => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                self.v(insn, 0, n, m);
                self.v(vex::PCMPEQ[size], 0, 0, n);
                self.finish_not(v);
            }
            Kind::Unsigned64 { equal } => {
                let (n, m) = (self.read_v(v.rn, 1), self.read_v(v.rm, 2));
                let sign = self.pool(Constant::SignDouble);
                self.v(vex::PXOR, 0, n, sign);
                self.v(vex::PXOR, 2, m, sign);
                if equal {
                    self.v(vex::PCMPGT[3], 0, 2, 0);
                    self.finish_not(v);
                } else {
                    self.v(vex::PCMPGT[3], 0, 0, 2);
                    self.finish(v, 0);
                }
            }
            Kind::Test => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                let zero = self.pool(Constant::Zero);
                self.v(vex::PAND, 0, n, m);
                self.v(vex::PCMPEQ[size], 0, 0, zero);
                self.finish_not(v);
            }
            Kind::WithZero(insn, inverted) => {
                let n = self.read_v(v.rn, 1);
                let zero = self.pool(Constant::Zero);
                self.v(insn, 0, n, zero);
                if inverted {
                    self.finish_not(v);
                } else {
                    self.finish(v, 0);
                }
            }
            Kind::ZeroWith(insn, inverted) => {
                let n = self.src(v.rn);
                self.v(vex::PXOR, 0, 0, 0);
                self.v(insn, 0, 0, n);
                if inverted {
                    self.finish_not(v);
                } else {
                    self.finish(v, 0);
                }
            }
            Kind::Abs => {
                let n = self.src(v.rn);
                match vex::PABS.get(size) {
                    Some(&insn) => self.v(insn, 0, 0, n),
                    None => {
                        self.v(vex::PXOR, 1, 1, 1);
                        self.v(vex::PCMPGT[3], 1, 1, n);
                        self.v(vex::PXOR, 0, 1, n);
                        self.v(vex::PSUB[3], 0, 0, 1);
                    }
                }
                self.finish(v, 0);
            }
            Kind::Difference { signed, into } => {
                self.difference(v, signed);
                self.merge(into, v.rd, 0, v.size);
                self.finish(v, 0);
            }
            Kind::Halve { signed, round, sub } => self.halve(v, signed, round, sub),
            Kind::Saturate { signed, sub } => {
                let (mut n, mut m) = (self.read_v(v.rn, 3), self.src(v.rm));
                if v.alone {
                    self.isolate(3, v.rn, v.size);
                    self.isolate(2, v.rm, v.size);
                    (n, m) = (3, Rm::X(2));
                }
                self.saturate(n, m, size, signed, sub, v.q);
                self.finish(v, 0);
            }
            Kind::NegSaturated => {
                let n = self.read_v(v.rn, 2);
                self.v(vex::PXOR, 3, 3, 3);
                self.saturate(3, Rm::X(n), size, true, true, v.q);
                self.finish(v, 0);
            }
            Kind::AbsSaturated => {
                let n = self.src(v.rn);
                // As an unsigned number the smallest one's is one too large.
                let largest = self.pool(LARGEST[size.min(2)]);
                self.v(vex::PABS[size.min(2)], 1, 0, n);
                self.v(vex::PMINU[size.min(2)], 0, 1, largest);
                self.v(vex::PXOR, 1, 1, 0);
                self.report_any(1, v.q);
                self.finish(v, 0);
            }
            Kind::Mul(into) => {
                let m = self.second(v, v.size);
                let n = self.read_v(v.rn, 1);
                self.product(n, m, size);
                self.merge(into, v.rd, 0, v.size);
                self.finish(v, 0);
            }
            Kind::DoubleHigh { round } => {
                let mut m = self.second(v, v.size);
                let mut n = self.read_v(v.rn, 3);
                if v.alone {
                    self.isolate(3, v.rn, v.size);
                    self.isolate(2, v.rm, v.size);
                    (n, m) = (3, Rm::X(2));
                }
                self.double_high(v, n, m, round);
            }
            Kind::Pairs(insn) => {
                self.pairs(v);
                self.v(insn, 0, 0, 1);
                self.finish(v, 0);
            }
            Kind::PairsAdd => match (size, v.q) {
                (1 | 2, true) => {
                    let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                    self.v(if size == 1 { vex::PHADDW } else { vex::PHADDD }, 0, n, m);
                    self.finish(v, 0);
                }
                _ => {
                    self.pairs(v);
                    self.v(vex::PADD[size], 0, 0, 1);
                    self.finish(v, 0);
                }
            },
            Kind::PairScalar => {
                let n = self.read_v(v.rn, 1);
                self.vshift(vex::PSRLDQ, 0, n, 8);
                self.v(vex::PADD[3], 0, 0, n);
                self.finish_scalar(v, 0, 3);
            }
            Kind::PairsLong { signed, into } => {
                self.pairs_long(v, signed);
                self.merge(into, v.rd, 0, v.size + 1);
                self.finish(v, 0);
            }
            Kind::Across(insn) => {
                let n = self.read_v(v.rn, 0);
                if insn == vex::PADD[0] {
                    self.sum_of_bytes(v, n);
                } else {
                    self.fold(n, insn, v.size, v.q);
                }
                self.finish_scalar(v, 0, v.size);
            }
            Kind::AcrossLong { signed } => {
                if v.size == 0 && !signed {
                    let n = self.read_v(v.rn, 0);
                    self.sum_of_bytes(v, n);
                } else {
                    self.pairs_long(v, signed);
                    let mut size = v.size + 1;
                    if size == 1 {
                        let ones = self.pool(Constant::Ones16);
                        self.v(vex::PMADDWD, 0, 0, ones);
                        size = 2;
                    }
                    self.fold(0, vex::PADD[usize::from(size & 3)], size, v.q);
                }
                self.finish_scalar(v, 0, v.size + 1);
            }
            Kind::Dot { signed } => self.dot(v, signed),
            Kind::Count => {
                self.nibbles(v.rn);
                let table = self.pool(Constant::CountNibbles);
                self.v(vex::MOVAPS, 2, 0, table);
                self.v(vex::PSHUFB, 0, 2, 0);
                self.v(vex::PSHUFB, 1, 2, 1);
                self.v(vex::PADD[0], 0, 0, 1);
                self.finish(v, 0);
            }
            Kind::ReverseBits => {
                self.nibbles(v.rn);
                let (low, high) = (self.pool(Constant::FlipNibblesUp), self.pool(Constant::FlipNibbles));
                self.v(vex::MOVAPS, 2, 0, low);
                self.v(vex::PSHUFB, 0, 2, 0);
                self.v(vex::MOVAPS, 2, 0, high);
                self.v(vex::PSHUFB, 1, 2, 1);
                self.v(vex::POR, 0, 0, 1);
                self.finish(v, 0);
            }
            Kind::LeadingSigns => {
                // The zeros above the highest bit that differs from its neighbour, less the one at the sign.
                let n = self.read_v(v.rn, 2);
                self.shift_right(n, v.size, 1, true, false);
                self.v(vex::PXOR, 2, 0, n);
                self.leading_zeros(2, size);
                let ones = self.pool(Constant::Ones);
                self.v(vex::PADD[size], 0, 0, ones);
                self.finish(v, 0);
            }
            Kind::LeadingZeros => {
                let n = self.read_v(v.rn, 2);
                self.leading_zeros(n, size);
                self.finish(v, 0);
            }
            _ => self.shifts(v),
        }
    }

    /// The complement of xmm0 as the result.
    fn finish_not(&mut self, v: Vector) {
        let ones = self.pool(Constant::Ones);
        self.v(vex::PXOR, 0, 0, ones);
        self.finish(v, 0);
    }

    /// BSL, BIT and BIF: bits of one operand where a third one has ones, else of another.
    fn mix(&mut self, v: Vector, which: u8) {
        let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
        match which {
            1 => {
                let (m, d) = (self.read_v(v.rm, 2), self.src(v.rd));
                self.v(vex::PXOR, 0, n, m);
                self.v(vex::PAND, 0, 0, d);
                self.v(vex::PXOR, 0, 0, m);
            }
            2 => {
                let d = self.read_v(v.rd, 2);
                self.v(vex::PXOR, 0, n, d);
                self.v(vex::PAND, 0, 0, m);
                self.v(vex::PXOR, 0, 0, d);
            }
            _ => {
                let (m, d) = (self.read_v(v.rm, 3), self.read_v(v.rd, 2));
                self.v(vex::PXOR, 0, n, d);
                self.v(vex::PANDN, 0, m, 0);
                self.v(vex::PXOR, 0, 0, d);
            }
        }
        self.finish(v, 0);
    }

    /// |n - m| to xmm0. Spoils xmm1.
    pub(super) fn difference(&mut self, v: Vector, signed: bool) {
        let size = usize::from(v.size & 3).min(2);
        let (n, m) = (self.read_v(v.rn, 2), self.src(v.rm));
        let (max, min) =
            if signed { (vex::PMAXS[size], vex::PMINS[size]) } else { (vex::PMAXU[size], vex::PMINU[size]) };
        self.v(max, 0, n, m);
        self.v(min, 1, n, m);
        self.v(vex::PSUB[size], 0, 0, 1);
    }

    /// SHADD, SRHADD, SHSUB and the unsigned ones.
    fn halve(&mut self, v: Vector, signed: bool, round: bool, sub: bool) {
        let size = usize::from(v.size & 3);
        let (mut n, mut m) = (self.read_v(v.rn, 1), self.read_v(v.rm, 2));
        if size == 2 {
            let shift = if signed { vex::PSRA[2] } else { vex::PSRL[2] };
            self.v(vex::PXOR, 3, n, m);
            if sub {
                // (n - m) / 2 = (n ^ m) / 2 - (~n & m).
                self.v(vex::PANDN, 0, n, m);
                self.vshift(shift, 3, 3, 1);
                self.v(vex::PSUB[2], 0, 3, 0);
            } else {
                self.v(if round { vex::POR } else { vex::PAND }, 0, n, m);
                self.vshift(shift, 3, 3, 1);
                self.v(if round { vex::PSUB[2] } else { vex::PADD[2] }, 0, 0, 3);
            }
            self.finish(v, 0);
            return;
        }
        // The host averages unsigned numbers, rounding up: signed ones are moved there and back.
        let average = vex::PAVG[size & 1];
        let sign = self.pool(if size == 0 { Constant::Sign8 } else { Constant::Sign16 });
        if signed {
            self.v(vex::PXOR, 1, n, sign);
            self.v(vex::PXOR, 2, m, sign);
            (n, m) = (1, 2);
        }
        if sub {
            // The average of n and the complement of m is (n - m) / 2 plus half the range, signed or not.
            let ones = self.pool(Constant::Ones);
            self.v(vex::PXOR, 2, m, ones);
            self.v(average, 0, n, 2);
            self.v(vex::PXOR, 0, 0, sign);
        } else {
            self.v(average, 0, n, m);
            if !round {
                let one = self.pool(if size == 0 { Constant::Ones8 } else { Constant::Ones16 });
                self.v(vex::PXOR, 3, n, m);
                self.v(vex::PAND, 3, 3, one);
                self.v(vex::PSUB[size], 0, 0, 3);
            }
            if signed {
                self.v(vex::PXOR, 0, 0, sign);
            }
        }
        self.finish(v, 0);
    }

    /// `n + m` or `n - m` saturated, to xmm0; FPSR.QC. `n` may be xmm3 and, of words and doublewords, `m` xmm2. Spoils xmm1 and xmm2.
    pub(super) fn saturate(&mut self, n: u8, m: Rm, size: usize, signed: bool, sub: bool, q: bool) {
        let wrapped = if sub { vex::PSUB[size & 3] } else { vex::PADD[size & 3] };
        if size < 2 {
            let saturated = match (signed, sub) {
                (true, false) => vex::PADDS[size],
                (true, true) => vex::PSUBS[size],
                (false, false) => vex::PADDUS[size],
                (false, true) => vex::PSUBUS[size],
            };
            self.v(saturated, 0, n, m);
            self.v(wrapped, 1, n, m);
            self.v(vex::PXOR, 1, 1, 0);
            self.report_any(1, q);
            return;
        }
        if !signed {
            // n + min(m, ~n), n - min(m, n).
            self.v(wrapped, 1, n, m);
            if sub {
                self.v(vex::PMINU[2], 0, n, m);
            } else {
                self.constant_v(0, u64::MAX, true);
                self.v(vex::PXOR, 0, 0, n);
                self.v(vex::PMINU[2], 0, 0, m);
            }
            self.v(wrapped, 0, n, 0);
            self.v(vex::PXOR, 1, 1, 0);
            self.report_any(1, q);
            return;
        }
        // A sum overflows when it differs in sign from both operands, a difference from the first when the second does.
        self.v(wrapped, 0, n, m);
        if sub {
            self.v(vex::PXOR, 1, n, m);
            self.v(vex::PXOR, 2, n, 0);
        } else {
            self.v(vex::PXOR, 1, 0, m);
            self.v(vex::PXOR, 2, 0, n);
        }
        self.v(vex::PAND, 1, 1, 2);
        // The limit has the sign of n.
        let (largest, blend) = if size == 2 {
            self.vshift(vex::PSRA[2], 2, n, 31);
            (self.pool(Constant::Largest32), vex::BLENDVPS)
        } else {
            self.v(vex::PXOR, 2, 2, 2);
            self.v(vex::PCMPGT[3], 2, 2, n);
            (self.pool(Constant::Largest64), vex::BLENDVPD)
        };
        self.v(vex::PXOR, 2, 2, largest);
        self.vi(blend, 0, 0, 2, 1 << 4);
        let sign = self.pool(if size == 2 { Constant::SignSingle } else { Constant::SignDouble });
        self.v(vex::PAND, 1, 1, sign);
        self.report_any(1, q);
    }

    /// `n * m` in lanes, to xmm0; `n` in a register, which is not xmm3. Spoils xmm3 and, of bytes, xmm1.
    fn product(&mut self, n: u8, m: Rm, size: usize) {
        match size {
            0 => {
                self.copy_v(3, m);
                self.v(vex::PMULLW, 0, n, 3);
                self.vshift(vex::PSRL[1], 3, 3, 8);
                self.vshift(vex::PSRL[1], 1, n, 8);
                self.v(vex::PMULLW, 1, 1, 3);
                let low = self.pool(Constant::Low8Of16);
                self.v(vex::PAND, 0, 0, low);
                self.vshift(vex::PSLL[1], 1, 1, 8);
                self.v(vex::POR, 0, 0, 1);
            }
            1 => self.v(vex::PMULLW, 0, n, m),
            _ => self.v(vex::PMULLD, 0, n, m),
        }
    }

    /// SQDMULH and SQRDMULH: only the product of the two smallest numbers saturates, and comes out as the smallest.
    fn double_high(&mut self, v: Vector, n: u8, m: Rm, round: bool) {
        if v.size == 1 {
            if round {
                self.v(vex::PMULHRSW, 0, n, m);
            } else {
                self.v(vex::PMULHW, 0, n, m);
                self.v(vex::PMULLW, 1, n, m);
                self.vshift(vex::PSLL[1], 0, 0, 1);
                self.vshift(vex::PSRL[1], 1, 1, 15);
                self.v(vex::POR, 0, 0, 1);
            }
            let least = self.pool(Constant::Sign16);
            self.v(vex::PCMPEQ[1], 1, 0, least);
        } else {
            self.copy_v(2, m);
            self.v(vex::PMULDQ, 0, n, 2);
            self.vi(vex::PSHUFD, 1, 0, n, 0xf5);
            self.vi(vex::PSHUFD, 2, 0, 2, 0xf5);
            self.v(vex::PMULDQ, 1, 1, 2);
            self.v(vex::PADD[3], 0, 0, 0);
            self.v(vex::PADD[3], 1, 1, 1);
            if round {
                self.constant_v(2, 1 << 31, true);
                self.v(vex::PADD[3], 0, 0, 2);
                self.v(vex::PADD[3], 1, 1, 2);
            }
            self.vshift(vex::PSRL[3], 0, 0, 32);
            self.vi(vex::PBLENDD, 0, 0, 1, 0xa);
            let least = self.pool(Constant::SignSingle);
            self.v(vex::PCMPEQ[2], 1, 0, least);
        }
        self.v(vex::PXOR, 0, 0, 1);
        self.report_any(1, v.q);
        self.finish(v, 0);
    }

    /// Even elements of the two operands put end to end to xmm0, odd ones to xmm1.
    fn pairs(&mut self, v: Vector) {
        self.unzip(0, v, false);
        self.unzip(1, v, true);
    }

    /// Sums of neighbours, twice as wide, to xmm0. Spoils xmm1.
    fn pairs_long(&mut self, v: Vector, signed: bool) {
        let n = self.src(v.rn);
        match (v.size, signed) {
            (0, true) => {
                // The first operand counts as unsigned.
                let ones = self.pool(Constant::Ones8);
                self.v(vex::MOVAPS, 0, 0, ones);
                self.v(vex::PMADDUBSW, 0, 0, n);
            }
            (0, false) => {
                let (n, ones) = (self.read_v(v.rn, 1), self.pool(Constant::Ones8));
                self.v(vex::PMADDUBSW, 0, n, ones);
            }
            (1, true) => {
                let (n, ones) = (self.read_v(v.rn, 1), self.pool(Constant::Ones16));
                self.v(vex::PMADDWD, 0, n, ones);
            }
            (1, false) => {
                let (n, low) = (self.read_v(v.rn, 1), self.pool(Constant::Low16Of32));
                self.v(vex::PAND, 0, n, low);
                self.vshift(vex::PSRL[2], 1, n, 16);
                self.v(vex::PADD[2], 0, 0, 1);
            }
            (_, true) => {
                let (n, ones) = (self.read_v(v.rn, 1), self.pool(Constant::Ones64));
                self.v(vex::PMULDQ, 0, n, ones);
                self.vshift(vex::PSRL[3], 1, n, 32);
                self.v(vex::PMULDQ, 1, 1, ones);
                self.v(vex::PADD[3], 0, 0, 1);
            }
            (_, false) => {
                let (n, low) = (self.read_v(v.rn, 1), self.pool(Constant::Low32Of64));
                self.v(vex::PAND, 0, n, low);
                self.vshift(vex::PSRL[3], 1, n, 32);
                self.v(vex::PADD[3], 0, 0, 1);
            }
        }
    }

    /// Combines all lanes of `n`, with Q clear those of the low half, in the lowest lane of xmm0. Spoils xmm1.
    pub(in crate::emit) fn fold(&mut self, n: u8, insn: Insn, size: u8, q: bool) {
        let mut n = n;
        let mut by = if q { 8 } else { 4 };
        while by >= 1 << size {
            self.vshift(vex::PSRLDQ, 1, n, by);
            self.v(insn, 0, 1, n);
            n = 0;
            by /= 2;
        }
        self.copy_v(0, n);
    }

    /// The sum of the bytes of `n`, with Q clear those of the low half, in the low part of xmm0.
    fn sum_of_bytes(&mut self, v: Vector, n: u8) {
        if v.q {
            self.v(vex::PXOR, 1, 1, 1);
            self.v(vex::PSADBW, 0, n, 1);
            self.vshift(vex::PSRLDQ, 1, 0, 8);
            self.v(vex::PADD[2], 0, 0, 1);
        } else {
            self.v(vex::MOVQ, 0, 0, n);
            self.v(vex::PXOR, 1, 1, 1);
            self.v(vex::PSADBW, 0, 0, 1);
        }
    }

    /// SDOT and UDOT: products of bytes, four to a word. Even and odd bytes are multiplied apart, as halves.
    fn dot(&mut self, v: Vector, signed: bool) {
        let m = self.second(v, 2);
        let n = self.read_v(v.rn, 3);
        if signed {
            self.copy_v(2, m);
            self.vshift(vex::PSRA[1], 0, n, 8);
            self.vshift(vex::PSRA[1], 1, 2, 8);
            self.v(vex::PMADDWD, 0, 0, 1);
            self.vshift(vex::PSLL[1], 1, n, 8);
            self.vshift(vex::PSLL[1], 2, 2, 8);
            self.vshift(vex::PSRA[1], 1, 1, 8);
            self.vshift(vex::PSRA[1], 2, 2, 8);
        } else {
            self.copy_v(2, m);
            self.vshift(vex::PSRL[1], 0, n, 8);
            self.vshift(vex::PSRL[1], 1, 2, 8);
            self.v(vex::PMADDWD, 0, 0, 1);
            let low = self.pool(Constant::Low8Of16);
            self.v(vex::PAND, 1, n, low);
            self.v(vex::PAND, 2, 2, low);
        }
        self.v(vex::PMADDWD, 1, 1, 2);
        self.v(vex::PADD[2], 0, 0, 1);
        let d = self.src(v.rd);
        self.v(vex::PADD[2], 0, 0, d);
        self.finish(v, 0);
    }

    /// Leading zeros of the lanes of `n` to xmm0: of nibbles by a table, of anything larger the lower half's where the upper
    /// half has nothing but zeros. Spoils all scratch registers.
    fn leading_zeros(&mut self, n: u8, size: usize) {
        self.nibbles_of(n);
        let table = self.pool(Constant::ZerosOfNibbles);
        self.v(vex::PXOR, 3, 3, 3);
        self.v(vex::PCMPEQ[0], 3, 3, 1);
        self.v(vex::MOVAPS, 2, 0, table);
        self.v(vex::PSHUFB, 0, 2, 0);
        self.v(vex::PSHUFB, 1, 2, 1);
        self.v(vex::PAND, 0, 0, 3);
        self.v(vex::PADD[0], 0, 0, 1);
        let steps = [(Constant::Low8Of16, Constant::Eight16), (Constant::Low16Of32, Constant::Sixteen32)];
        for (wide, (low, all)) in (1..=size).zip(steps) {
            let (low, all) = (self.pool(low), self.pool(all));
            self.vshift(vex::PSRL[wide], 1, 0, 4 << wide);
            self.v(vex::PCMPEQ[wide], 2, 1, all);
            self.v(vex::PAND, 0, 0, low);
            self.v(vex::PAND, 0, 0, 2);
            self.v(vex::PADD[wide], 0, 0, 1);
        }
    }

    /// Lower nibbles of the bytes of guest register `n` to xmm0, upper ones to xmm1.
    fn nibbles(&mut self, n: u8) {
        let n = self.read_v(n, 2);
        self.nibbles_of(n);
    }

    /// The same of host register `n`.
    fn nibbles_of(&mut self, n: u8) {
        let mask = self.pool(Constant::LowNibbles);
        self.vshift(vex::PSRL[1], 1, n, 4);
        self.v(vex::PAND, 0, n, mask);
        self.v(vex::PAND, 1, 1, mask);
    }
}
