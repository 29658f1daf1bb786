//! Rounding to integral values, and conversions: to and from integers, and between formats.

use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use crate::emit::vex::{self, Constant, Rm};
use crate::emit::{Emitter, x64};
use crate::regs::{RAX, RCX};

use super::{Float, Kind, Lanes, Rare, Round};

/// Of the immediate of ROUND: do not report inexactness.
const SILENT: u8 = 8;

/// The immediate of ROUND for a mode that it has.
fn immediate(mode: Round) -> u8 {
    match mode {
        Round::Nearest => 0,
        Round::Down => 1,
        Round::Up => 2,
        Round::Zero | Round::Away => 3,
        Round::Current => 4,
    }
}

impl Emitter<'_> {
    /// FRINT*.
    pub(super) fn round(&mut self, f: Float, mode: Round, exact: bool, rare: &Rare) {
        let n = self.float_n(f, f.rn, 2);
        if mode == Round::Away {
            self.round_away(f, n, rare);
        } else {
            self.round_to(f, n, immediate(mode) | if exact { 0 } else { SILENT });
            self.check(f, 0, false, rare);
        }
        let clean = self.zeros.known(f.rn, f.double);
        self.float_result(f, 0, clean && mode != Round::Away);
    }

    fn round_to(&mut self, f: Float, n: u8, imm: u8) {
        let scalar = f.lanes == Lanes::Scalar;
        self.vi(vex::round(scalar, f.double), 0, if scalar { n } else { 0 }, n, imm);
    }

    /// `n` rounded to the nearest, ties away from zero, to xmm0: what is cut off decides whether one is added. Numbers without a
    /// fraction stay, NaNs go the rare way. Raises nothing. Spoils xmm1 and xmm3.
    fn round_away(&mut self, f: Float, n: u8, rare: &Rare) {
        let pick = |single, double| if f.double { double } else { single };
        let [abs, sign, whole, half, one] = [
            pick(Constant::AbsSingle, Constant::AbsDouble),
            pick(Constant::SignSingle, Constant::SignDouble),
            pick(Constant::WholeSingle, Constant::WholeDouble),
            pick(Constant::HalfSingle, Constant::HalfDouble),
            pick(Constant::OneSingle, Constant::OneDouble),
        ]
        .map(|c| self.pool(c));
        let scalar = f.lanes == Lanes::Scalar;
        let (from, done) = (rare.0, self.asm.new_dynamic_label());
        self.v(vex::PAND, 1, n, abs);
        if scalar {
            self.copy_v(0, n);
            self.v(vex::ucomi(f.double), 1, 0, whole);
            x64!(self; jp =>from; jae =>done);
        } else {
            // Any large number sends the whole vector to the executor.
            self.vi(vex::float(vex::CMP, false, f.double), 3, 1, whole, vex::NOT_LESS);
            self.v(vex::PTEST, 3, 0, 3);
            x64!(self; jnz =>from);
        }
        self.round_to(f, n, immediate(Round::Zero) | SILENT);
        self.v(vex::float(vex::SUB, scalar, f.double), 1, n, 0);
        self.v(vex::PAND, 1, 1, abs);
        self.vi(vex::float(vex::CMP, scalar, f.double), 1, 1, half, vex::AT_LEAST);
        self.v(vex::PAND, 1, 1, one);
        self.v(vex::PAND, 3, n, sign);
        self.v(vex::POR, 1, 1, 3);
        self.v(vex::float(vex::ADD, scalar, f.double), 0, 0, 1);
        x64!(self; =>done);
    }

    /// CVTTSS2SI or CVTTSD2SI.
    fn truncate_to(&mut self, d: u8, n: u8, double: bool, wide: bool) {
        match (double, wide) {
            (false, false) => x64!(self; vcvttss2si Rd(d), Rx(n)),
            (false, true) => x64!(self; vcvttss2si Rq(d), Rx(n)),
            (true, false) => x64!(self; vcvttsd2si Rd(d), Rx(n)),
            (true, true) => x64!(self; vcvttsd2si Rq(d), Rx(n)),
        }
    }

    /// FCVTZS and so on.
    pub(super) fn integer_of(&mut self, f: Float, rare: &Rare) {
        let Kind::ToInt { mode, unsigned, sf, fraction, vector } = f.kind else { return };
        if f.lanes != Lanes::Scalar {
            self.integers_of(f, mode, unsigned, fraction, rare);
            return;
        }
        let from = rare.0;
        let n = self.read_v(f.rn, 2);
        let n = self.scaled(f, n, fraction, rare);
        let mut rounded = n;
        // Rounding comes first and is silent; truncating the operand reports inexactness at the end.
        let first = mode != Round::Zero || unsigned;
        if mode == Round::Away {
            self.round_away(f, n, rare);
            rounded = 0;
        } else if first {
            self.round_to(f, n, immediate(mode) | SILENT);
            rounded = 0;
        }
        match (unsigned, sf) {
            // The host's answer to what does not fit is the smallest integer.
            (false, true) => {
                self.truncate_to(RAX, rounded, f.double, true);
                x64!(self; cmp rax, 1; jo =>from);
            }
            (false, false) => {
                self.truncate_to(RAX, rounded, f.double, false);
                x64!(self; cmp eax, 1; jo =>from);
            }
            (true, false) => {
                self.truncate_to(RAX, rounded, f.double, true);
                x64!(self; mov ecx, eax; cmp rcx, rax; jne =>from);
            }
            (true, true) => {
                let limit = self.pool(if f.double { Constant::Double63 } else { Constant::Single63 });
                self.v(vex::ucomi(f.double), rounded, 0, limit);
                x64!(self; jp =>from; jae =>from);
                self.truncate_to(RAX, rounded, f.double, true);
                x64!(self; test rax, rax; js =>from);
            }
        }
        if first {
            self.truncate_to(RCX, n, f.double, true);
        }
        if !vector {
            self.write(f.rd, RAX);
            return;
        }
        let d = self.target_v(f.rd, 0);
        if sf {
            x64!(self; vmovq Rx(d), rax);
        } else {
            x64!(self; vmovd Rx(d), eax);
        }
        self.write_v(f.rd, d);
        self.zeros.note(f.rd, sf);
    }

    /// `n` times 2^`fraction`: itself, or in xmm2. Large numbers, which do not fit anyway, go the rare way.
    fn scaled(&mut self, f: Float, n: u8, fraction: u8, rare: &Rare) -> u8 {
        if fraction == 0 {
            return n;
        }
        self.bounded(f, &[Rm::X(n)], rare);
        let scale = if f.double {
            (1023 + u64::from(fraction)) << 52
        } else {
            ((127 + u64::from(fraction)) << 23) * 0x1_0000_0001
        };
        self.constant_v(1, scale, true);
        self.v(vex::float(vex::MUL, f.lanes == Lanes::Scalar, f.double), 2, n, 1);
        2
    }

    /// Vectors: of singles any mode, of doubles signed.
    fn integers_of(&mut self, f: Float, mode: Round, unsigned: bool, fraction: u8, rare: &Rare) {
        let from = rare.0;
        let n = self.float_n(f, f.rn, 2);
        let n = self.scaled(f, n, fraction, rare);
        let mut rounded = n;
        let first = mode != Round::Zero || unsigned;
        if mode == Round::Away {
            self.round_away(f, n, rare);
            rounded = 0;
        } else if first {
            self.round_to(f, n, immediate(mode) | SILENT);
            rounded = 0;
        }
        if f.double {
            self.vshift(vex::PSRLDQ, 1, rounded, 8);
            self.truncate_to(RAX, rounded, true, true);
            x64!(self; cmp rax, 1; jo =>from);
            self.truncate_to(RCX, 1, true, true);
            x64!(self; cmp rcx, 1; jo =>from; vmovq xmm0, rax; vmovq xmm1, rcx);
            self.v(vex::PUNPCKL[3], 0, 0, 1);
            if first {
                self.vshift(vex::PSRLDQ, 1, n, 8);
                self.truncate_to(RAX, n, true, true);
                self.truncate_to(RCX, 1, true, true);
            }
        } else {
            if unsigned {
                let limit = self.pool(Constant::Single31);
                self.vi(vex::float(vex::CMP, false, false), 1, rounded, limit, vex::NOT_LESS);
                self.v(vex::PTEST, 1, 0, 1);
                x64!(self; jnz =>from);
            }
            self.v(vex::CVTTPS2DQ, 0, 0, rounded);
            let sign = self.pool(Constant::SignSingle);
            if unsigned {
                self.v(vex::PAND, 1, 0, sign);
            } else {
                self.v(vex::PCMPEQ[2], 1, 0, sign);
            }
            self.v(vex::PTEST, 1, 0, 1);
            x64!(self; jnz =>from);
            if first {
                self.v(vex::CVTTPS2DQ, 1, 0, n);
            }
        }
        self.float_result(f, 0, false);
    }

    /// SCVTF and UCVTF: rounded once by the conversion; a division by a power of two is exact.
    pub(super) fn float_of(&mut self, f: Float) {
        let Kind::FromInt { unsigned, sf, fraction, vector } = f.kind else { return };
        if f.lanes != Lanes::Scalar {
            self.floats_of(f, unsigned);
        } else if vector {
            let n = self.read_v(f.rn, 1);
            if sf {
                x64!(self; vmovq rax, Rx(n));
            } else {
                x64!(self; vmovd eax, Rx(n));
            }
            self.convert_general(0, RAX, f.double, unsigned, sf);
        } else {
            let n = self.read(f.rn, RAX);
            self.convert_general(0, n, f.double, unsigned, sf);
        }
        if fraction != 0 {
            let exponent = |bias: u64| bias - u64::from(fraction);
            let scale = if f.double { exponent(1023) << 52 } else { (exponent(127) << 23) * 0x1_0000_0001 };
            self.constant_v(1, scale, true);
            self.v(vex::float(vex::MUL, f.lanes == Lanes::Scalar, f.double), 0, 0, 1);
        }
        self.float_result(f, 0, true);
    }

    /// The integer in general host register `n` to `t`, zeros above. Spoils rax and rcx, and with 64 unsigned bits EFLAGS.
    fn convert_general(&mut self, t: u8, n: u8, double: bool, unsigned: bool, sf: bool) {
        self.v(vex::PXOR, t, t, t);
        if unsigned && sf {
            // Half of it, the lowest bit kept for rounding, doubled afterwards.
            let (small, done) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
            self.copy(true, RAX, n);
            x64!(self
                ; test rax, rax
                ; jns =>small
                ; mov rcx, rax
                ; shr rcx, 1
                ; and eax, 1
                ; or rcx, rax
            );
            self.convert(t, RCX, double, true);
            self.v(vex::float(vex::ADD, true, double), t, t, t);
            x64!(self; jmp =>done; =>small);
            self.convert(t, RAX, double, true);
            x64!(self; =>done);
        } else if unsigned {
            x64!(self; mov eax, Rd(n));
            self.convert(t, RAX, double, true);
        } else {
            self.convert(t, n, double, sf);
        }
    }

    /// CVTSI2SS or CVTSI2SD.
    fn convert(&mut self, t: u8, n: u8, double: bool, wide: bool) {
        match (double, wide) {
            (false, false) => x64!(self; vcvtsi2ss Rx(t), Rx(t), Rd(n)),
            (false, true) => x64!(self; vcvtsi2ss Rx(t), Rx(t), Rq(n)),
            (true, false) => x64!(self; vcvtsi2sd Rx(t), Rx(t), Rd(n)),
            (true, true) => x64!(self; vcvtsi2sd Rx(t), Rx(t), Rq(n)),
        }
    }

    fn floats_of(&mut self, f: Float, unsigned: bool) {
        let n = self.float_n(f, f.rn, 2);
        if f.double {
            x64!(self; vmovq rax, Rx(n));
            self.convert_general(0, RAX, true, unsigned, true);
            x64!(self; vpextrq rax, Rx(n), 1);
            self.convert_general(1, RAX, true, unsigned, true);
            self.v(vex::PUNPCKL[3], 0, 0, 1);
        } else if unsigned {
            // The upper 16 bits and the lower ones are exact; their sum is rounded.
            let (low, scale) = (self.pool(Constant::Low16Of32), self.pool(Constant::Single65536));
            self.vshift(vex::PSRL[2], 0, n, 16);
            self.v(vex::PAND, 1, n, low);
            self.v(vex::CVTDQ2PS, 0, 0, 0);
            self.v(vex::CVTDQ2PS, 1, 0, 1);
            self.v(vex::float(vex::MUL, false, false), 0, 0, scale);
            self.v(vex::float(vex::ADD, false, false), 0, 0, 1);
        } else {
            self.v(vex::CVTDQ2PS, 0, 0, n);
        }
    }

    /// Conversions between formats.
    pub(super) fn reformat(&mut self, f: Float, rare: &Rare) {
        let from = rare.0;
        let single = Float { double: false, ..f };
        let double = Float { double: true, ..f };
        match f.kind {
            Kind::Lengthen => {
                let n = self.read_v(f.rn, 2);
                self.v(vex::CVTSS2SD, 0, n, n);
                self.check(double, 0, false, rare);
                self.float_result(double, 0, false);
            }
            Kind::Shorten => {
                let n = self.read_v(f.rn, 2);
                self.v(vex::CVTSD2SS, 0, n, n);
                self.check(single, 0, true, rare);
                self.float_result(single, 0, false);
            }
            Kind::FromHalf => {
                let n = self.read_v(f.rn, 2);
                x64!(self; vpextrw eax, Rx(n), 0; vmovd xmm0, eax);
                self.v(vex::CVTPH2PS, 0, 0, 0);
                if f.double {
                    self.v(vex::CVTSS2SD, 0, 0, 0);
                }
                self.check(f, 0, false, rare);
                self.float_result(f, 0, false);
            }
            Kind::ToHalf => {
                let n = self.read_v(f.rn, 2);
                self.vi(vex::INSERTPS, 0, n, n, 0x0e);
                x64!(self
                    ; vcvtps2ph xmm0, xmm0, 4
                    ; vmovd eax, xmm0
                    ; and eax, 0x7fff
                    ; cmp eax, 0x400
                    ; je =>from
                    ; cmp eax, 0x7c00
                    ; ja =>from
                );
                self.write_v(f.rd, 0);
                self.zeros.note(f.rd, false);
            }
            Kind::VectorLengthen { half, upper } => {
                let n = match self.src(f.rn) {
                    Rm::X(h) if upper => {
                        self.vshift(vex::PSRLDQ, 0, h, 8);
                        Rm::X(0)
                    }
                    Rm::State(slot) if upper => Rm::State(slot + 8),
                    n => n,
                };
                self.v(if half { vex::CVTPH2PS } else { vex::CVTPS2PD }, 0, 0, n);
                let f = Float { lanes: Lanes::Full, double: !half, ..f };
                self.check(f, 0, false, rare);
                self.float_result(f, 0, false);
            }
            Kind::VectorShorten { half, upper } => {
                let n = self.read_v(f.rn, 2);
                if half {
                    let [abs, least, infinity] =
                        [Constant::AbsHalf, Constant::LeastHalf, Constant::InfinityHalf]
                            .map(|c| self.pool(c));
                    x64!(self; vcvtps2ph xmm0, Rx(n), 4);
                    self.v(vex::PAND, 1, 0, abs);
                    self.v(vex::PCMPEQ[1], 3, 1, least);
                    self.v(vex::PCMPGT[1], 1, 1, infinity);
                    self.v(vex::POR, 1, 1, 3);
                    self.v(vex::PTEST, 1, 0, 1);
                    x64!(self; jnz =>from);
                } else {
                    self.v(vex::CVTPD2PS, 0, 0, n);
                    self.check(Float { lanes: Lanes::Full, ..single }, 0, true, rare);
                }
                self.write_half(f.rd, 0, upper);
            }
            _ => {}
        }
    }
}
