//! Permutations, table lookups, copies between lanes and registers.

use dynasmrt::{DynasmApi, dynasm};

use crate::emit::vex::{self, Constant, Rm};
use crate::emit::{Emitter, x64};
use crate::regs::RAX;

use super::{Kind, Permute, Vector};

impl Emitter<'_> {
    pub(super) fn permutes(&mut self, v: Vector) {
        match v.kind {
            Kind::Permute(Permute::Zip, second) => {
                let (n, m) = (self.read_v(v.rn, 1), self.src(v.rm));
                let size = usize::from(v.size & 3);
                let insn = if second && v.q { vex::PUNPCKH[size] } else { vex::PUNPCKL[size] };
                self.v(insn, 0, n, m);
                if second && !v.q {
                    self.vshift(vex::PSRLDQ, 0, 0, 8);
                }
                self.finish(v, 0);
            }
            Kind::Permute(Permute::Uzp, odd) => {
                self.unzip(0, v, odd);
                self.finish(v, 0);
            }
            Kind::Permute(Permute::Trn, odd) => self.transpose(v, odd),
            Kind::Extract(by) => {
                let (n, m) = (self.read_v(v.rn, 1), self.read_v(v.rm, 2));
                if v.q {
                    self.vi(vex::PALIGNR, 0, m, n, by);
                } else {
                    self.v(vex::PUNPCKL[3], 0, n, m);
                    self.vshift(vex::PSRLDQ, 0, 0, by);
                }
                self.finish(v, 0);
            }
            Kind::Table(registers, keep) => self.table(v, registers, keep),
            Kind::Reverse(order) => {
                let (n, order) = (self.read_v(v.rn, 1), self.pool(order));
                self.v(vex::PSHUFB, 0, n, order);
                self.finish(v, 0);
            }
            Kind::ReverseWords => {
                let n = self.src(v.rn);
                self.vi(vex::PSHUFD, 0, 0, n, 0xb1);
                self.finish(v, 0);
            }
            Kind::Dup(lane) => {
                self.broadcast(0, v.rn, v.size, lane);
                self.finish(v, 0);
            }
            Kind::DupGeneral => {
                let n = self.read(v.rn, RAX);
                if v.size == 3 {
                    x64!(self; vmovq xmm0, Rq(n));
                } else {
                    x64!(self; vmovd xmm0, Rd(n));
                }
                self.v(vex::PBROADCAST[usize::from(v.size & 3)], 0, 0, 0);
                self.finish(v, 0);
            }
            Kind::Scalar(lane) => {
                let mut n = self.read_v(v.rn, 0);
                if lane != 0 {
                    self.vshift(vex::PSRLDQ, 0, n, lane << v.size);
                    n = 0;
                }
                self.finish_scalar(v, n, v.size);
            }
            Kind::Insert(lane) => self.insert_lane(v, lane),
            Kind::InsertElement(to, from) => self.insert_element(v, to, from),
            Kind::FromGeneral => {
                let (mut n, d) = (self.read(v.rn, RAX), self.target_v(v.rd, 0));
                if v.size == 1 {
                    x64!(self; movzx eax, Rw(n));
                    n = RAX;
                }
                if v.size == 3 {
                    x64!(self; vmovq Rx(d), Rq(n));
                } else {
                    x64!(self; vmovd Rx(d), Rd(n));
                }
                self.write_v(v.rd, d);
                self.zeros.note(v.rd, v.size == 3);
            }
            Kind::OrImmediate(value) => {
                let d = self.src(v.rd);
                self.constant_v(0, value, true);
                self.v(vex::POR, 0, 0, d);
                self.finish(v, 0);
            }
            Kind::AndImmediate(value) => {
                let d = self.src(v.rd);
                self.constant_v(0, value, true);
                self.v(vex::PAND, 0, 0, d);
                self.finish(v, 0);
            }
            // `vector` and `lanes` have done all others.
            _ => {}
        }
    }

    /// UZP1 or UZP2 to `t`, xmm0 or xmm1. Spoils xmm2 and xmm3.
    pub(super) fn unzip(&mut self, t: u8, v: Vector, odd: bool) {
        let (n, m) = (self.read_v(v.rn, 2), self.src(v.rm));
        let half = if odd { vex::PUNPCKH[3] } else { vex::PUNPCKL[3] };
        let sort = self.pool(if v.size == 0 { Constant::Sort8 } else { Constant::Sort16 });
        match (v.size, v.q) {
            (3, _) => self.v(half, t, n, m),
            (2, true) => self.vi(vex::SHUFPS, t, n, m, if odd { 0xdd } else { 0x88 }),
            (_, true) => {
                let m = self.read_v(v.rm, 3);
                self.v(vex::PSHUFB, t, n, sort);
                self.v(vex::PSHUFB, 3, m, sort);
                self.v(half, t, t, 3);
            }
            (size, false) => {
                self.v(vex::PUNPCKL[3], t, n, m);
                if size == 2 {
                    self.vi(vex::PSHUFD, t, 0, t, 0xd8);
                } else {
                    self.v(vex::PSHUFB, t, t, sort);
                }
                if odd {
                    self.vshift(vex::PSRLDQ, t, t, 8);
                }
            }
        }
    }

    fn transpose(&mut self, v: Vector, odd: bool) {
        let (n, m) = (self.read_v(v.rn, 2), self.read_v(v.rm, 1));
        match (v.size, odd) {
            (3, false) => self.v(vex::PUNPCKL[3], 0, n, m),
            (3, true) => self.v(vex::PUNPCKH[3], 0, n, m),
            (size, false) => {
                // Even elements of m one place up, between those of n.
                self.vshift(vex::PSLL[usize::from(size) + 1], 3, m, 8 << size);
                self.alternate(size, Rm::X(n), 3);
            }
            (size, true) => {
                self.vshift(vex::PSRL[usize::from(size) + 1], 0, n, 8 << size);
                self.alternate(size, Rm::X(0), m);
            }
        }
        self.finish(v, 0);
    }

    /// Even elements of `even` and odd ones of `odd`, to xmm0. Spoils xmm2 and xmm3.
    fn alternate(&mut self, size: u8, even: Rm, odd: u8) {
        let Rm::X(even) = even else { return };
        match size {
            0 => {
                let low = self.pool(Constant::Low8Of16);
                self.v(vex::PAND, 0, even, low);
                self.v(vex::MOVAPS, 2, 0, low);
                self.v(vex::PANDN, 2, 2, odd);
                self.v(vex::POR, 0, 0, 2);
            }
            1 => self.vi(vex::PBLENDW, 0, even, odd, 0xaa),
            _ => self.vi(vex::PBLENDD, 0, even, odd, 0xa),
        }
    }

    /// TBL and TBX. Indices are brought down by 16 for each register; the host takes those below 16 and, with bit 7 set, none.
    fn table(&mut self, v: Vector, registers: u8, keep: bool) {
        let clamp = self.pool(Constant::Clamp);
        if registers == 1 && !keep {
            let (m, n) = (self.read_v(v.rm, 1), self.read_v(v.rn, 2));
            self.v(vex::PADDUS[0], 0, m, clamp);
            self.v(vex::PSHUFB, 0, n, 0);
            self.finish(v, 0);
            return;
        }
        let m = self.read_v(v.rm, 1);
        self.copy_v(1, m);
        for n in 0..registers {
            if n > 0 {
                let step = self.pool(Constant::Bytes16);
                self.v(vex::PSUB[0], 1, 1, step);
            }
            let table = self.read_v((v.rn + n) & 31, 2);
            self.v(vex::PADDUS[0], 0, 1, clamp);
            if n == 0 {
                self.v(vex::PSHUFB, 3, table, 0);
            } else {
                self.v(vex::PSHUFB, 0, table, 0);
                self.v(vex::POR, 3, 3, 0);
            }
        }
        if keep {
            let last = [Constant::Last1, Constant::Last2, Constant::Last3, Constant::Last4];
            let last = self.pool(last[usize::from(registers - 1) & 3]);
            let (m, d) = (self.read_v(v.rm, 1), self.read_v(v.rd, 2));
            self.v(vex::PMINU[0], 0, m, last);
            self.v(vex::PCMPEQ[0], 0, 0, m);
            self.vi(vex::BLENDVB, 3, d, 3, 0);
        }
        self.finish(v, 3);
    }

    /// A general register to one lane.
    fn insert_lane(&mut self, v: Vector, lane: u8) {
        let (n, d) = (self.read(v.rn, RAX), self.read_v(v.rd, 0));
        self.insert_general(d, n, v.size, lane);
        self.write_v(v.rd, d);
    }

    /// The low part of general host register `n` to `lane` of vector host register `d`.
    pub(in crate::emit) fn insert_general(&mut self, d: u8, n: u8, size: u8, lane: u8) {
        let lane = lane as i8;
        match size {
            0 => x64!(self; vpinsrb Rx(d), Rx(d), Rd(n), BYTE lane),
            1 => x64!(self; vpinsrw Rx(d), Rx(d), Rd(n), BYTE lane),
            2 => x64!(self; vpinsrd Rx(d), Rx(d), Rd(n), BYTE lane),
            _ => x64!(self; vpinsrq Rx(d), Rx(d), Rq(n), BYTE lane),
        }
    }

    fn insert_element(&mut self, v: Vector, to: u8, from: u8) {
        let (n, d) = (self.read_v(v.rn, 1), self.read_v(v.rd, 0));
        match (v.size, to, from) {
            (3, 0, 0) => self.vi(vex::PBLENDW, d, d, n, 0x0f),
            (3, 0, _) => {
                // The upper half of n below the upper half of d.
                self.v(vex::PUNPCKH[3], d, n, d);
            }
            (3, _, 0) => self.v(vex::PUNPCKL[3], d, d, n),
            (3, ..) => self.vi(vex::PBLENDW, d, d, n, 0xf0),
            (2, ..) => self.vi(vex::INSERTPS, d, d, n, from << 6 | to << 4),
            (size, ..) => {
                self.extract_lane(RAX, n, size, from, 0);
                self.insert_general(d, RAX, size, to);
            }
        }
        self.write_v(v.rd, d);
    }

    /// Lane `lane` of `n` to general host register `d`, zero-extended or as `sign` says.
    pub(in crate::emit) fn extract_lane(&mut self, d: u8, n: u8, size: u8, lane: u8, sign: u8) {
        let at = lane as i8;
        match size {
            0 => x64!(self; vpextrb Rd(d), Rx(n), BYTE at),
            1 => x64!(self; vpextrw Rd(d), Rx(n), BYTE at),
            2 if lane == 0 => x64!(self; vmovd Rd(d), Rx(n)),
            2 => x64!(self; vpextrd Rd(d), Rx(n), BYTE at),
            _ if lane == 0 => x64!(self; vmovq Rq(d), Rx(n)),
            _ => x64!(self; vpextrq Rq(d), Rx(n), BYTE at),
        }
        match (size, sign) {
            (0, 1) => x64!(self; movsx Rd(d), Rb(d)),
            (0, 2) => x64!(self; movsx Rq(d), Rb(d)),
            (1, 1) => x64!(self; movsx Rd(d), Rw(d)),
            (1, 2) => x64!(self; movsx Rq(d), Rw(d)),
            (2, 2) => x64!(self; movsxd Rq(d), Rd(d)),
            _ => {}
        }
    }

    pub(super) fn move_to_general(&mut self, v: Vector, lane: u8, sign: u8) {
        let (n, d) = (self.read_v(v.rn, 0), self.target(v.rd, RAX));
        self.extract_lane(d, n, v.size, lane, sign);
        self.write(v.rd, d);
    }
}
