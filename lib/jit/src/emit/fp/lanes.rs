//! Maximum and minimum, pairs, and across lanes.

use dynasmrt::{DynasmLabelApi, dynasm};

use crate::emit::vex::{self, Insn, Rm};
use crate::emit::{Emitter, x64};

use super::{Float, Kind, Lanes, Rare};

impl Emitter<'_> {
    /// The greater or smaller of `n` and `m`, two registers, to xmm0, where neither is a NaN. Spoils xmm3.
    ///
    /// Of two zeros the host takes the second operand: taken both ways round, AND makes the greater one and OR the smaller.
    fn extreme_of(&mut self, f: Float, max: bool, n: u8, m: u8) {
        let insn = vex::float(if max { vex::MAX } else { vex::MIN }, f.lanes == Lanes::Scalar, f.double);
        self.v(insn, 3, m, n);
        self.v(insn, 0, n, m);
        self.v(if max { vex::PAND } else { vex::POR }, 0, 0, 3);
    }

    /// Goes the rare way if `n` or `m` is a NaN. Of signalling ones the host notes an invalid operation, as Arm does.
    fn check_operands(&mut self, f: Float, n: u8, m: u8, rare: &Rare) {
        let from = rare.0;
        if f.lanes == Lanes::Scalar {
            self.v(vex::ucomi(f.double), n, 0, m);
            x64!(self; jp =>from);
        } else {
            self.vi(vex::float(vex::CMP, false, f.double), 3, n, m, vex::UNORDERED);
            self.v(vex::PTEST, 3, 0, 3);
            x64!(self; jnz =>from);
        }
    }

    pub(super) fn extreme(&mut self, f: Float, max: bool, rare: &Rare) {
        let n = self.float_n(f, f.rn, 1);
        let m = self.float_n(f, f.rm, 2);
        self.check_operands(f, n, m, rare);
        self.extreme_of(f, max, n, m);
        let clean = self.zeros.known(f.rn, f.double) && self.zeros.known(f.rm, f.double);
        self.float_result(f, 0, clean);
    }

    /// FADDP.
    pub(super) fn pairs_add(&mut self, f: Float, rare: &Rare) {
        if f.kind == Kind::PairAdd {
            let n = self.read_v(f.rn, 2);
            self.vshift(vex::PSRLDQ, 1, n, if f.double { 8 } else { 4 });
            self.v(vex::float(vex::ADD, true, f.double), 0, n, 1);
            self.check(f, 0, false, rare);
            self.float_result(f, 0, false);
            return;
        }
        let (n, m) = (self.read_v(f.rn, 1), self.src(f.rm));
        if f.lanes == Lanes::Half {
            self.v(vex::PUNPCKL[3], 0, n, m);
            self.v(vex::HADDPS, 0, 0, 0);
        } else {
            self.v(if f.double { vex::HADDPD } else { vex::HADDPS }, 0, n, m);
        }
        self.check(f, 0, false, rare);
        self.float_result(f, 0, false);
    }

    /// FMAXP and so on, of vectors and of the two elements of one.
    pub(super) fn pairs_extreme(&mut self, f: Float, max: bool, rare: &Rare) {
        if f.kind == (Kind::PairExtreme { max }) {
            let n = self.read_v(f.rn, 2);
            self.vshift(vex::PSRLDQ, 1, n, if f.double { 8 } else { 4 });
            self.check_operands(f, n, 1, rare);
            self.extreme_of(f, max, n, 1);
            self.float_result(f, 0, false);
            return;
        }
        let (n, m) = (self.read_v(f.rn, 1), self.src(f.rm));
        match f.lanes {
            Lanes::Half => {
                self.v(vex::PUNPCKL[3], 0, n, m);
                self.shuffle(vex::SHUFPS, 1, 0, Rm::X(0), 0x88);
                self.shuffle(vex::SHUFPS, 2, 0, Rm::X(0), 0xdd);
            }
            _ if f.double => {
                self.v(vex::PUNPCKH[3], 2, n, m);
                self.v(vex::PUNPCKL[3], 1, n, m);
            }
            _ => {
                self.shuffle(vex::SHUFPS, 2, n, m, 0xdd);
                self.shuffle(vex::SHUFPS, 1, n, m, 0x88);
            }
        }
        self.check_operands(f, 1, 2, rare);
        self.extreme_of(f, max, 1, 2);
        self.float_result(f, 0, false);
    }

    fn shuffle(&mut self, insn: Insn, d: u8, n: u8, m: Rm, order: u8) {
        self.vi(insn, d, n, m, order);
    }

    /// FMAXV and so on: four singles.
    pub(super) fn across_extreme(&mut self, f: Float, max: bool, rare: &Rare) {
        let all = Float { lanes: Lanes::Full, ..f };
        let n = self.read_v(f.rn, 1);
        self.check_operands(all, n, n, rare);
        self.vi(vex::PSHUFD, 2, 0, n, 0x4e);
        self.extreme_of(all, max, n, 2);
        self.copy_v(1, 0);
        self.vi(vex::PSHUFD, 2, 0, 1, 0xb1);
        self.extreme_of(all, max, 1, 2);
        self.float_result(f, 0, false);
    }
}
