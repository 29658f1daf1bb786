//! Operations on vector registers that map to one or two host instructions. All others go to the interpreter's executor.

use a64::{Op, Word};
use dynasmrt::{DynasmApi, dynasm};

use super::{Emitter, x64};
use crate::decode::Context;
use crate::regs::{RAX, ZR, host_v, slot_v};

/// An operation with two vector sources, or a move between register files.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    kind: Kind,
    /// All 128 bits; else the upper half of the result is zero.
    q: bool,
    /// log2 of the bytes of an element.
    size: u8,
    rd: u8,
    rn: u8,
    rm: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    And,
    Bic,
    Or,
    Xor,
    Add,
    Sub,
    Equal,
    Greater,
    /// General register `rn` to vector register `rd`.
    FromGeneral,
    /// Low element of vector register `rn` to general register `rd`.
    ToGeneral,
    /// Low element of vector register `rn`, the rest zero.
    Scalar,
}

/// What has an operation of its own.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Vector> {
    if context.mode.fp_trapped() {
        return None;
    }
    let (rd, rn, rm) = (w.rd() as u8, w.rn() as u8, w.rm() as u8);
    let size = w.esize() as u8;
    let vector = |kind, size| Some(Vector { kind, q: w.q(), size, rd, rn, rm });
    let lanes = |kind| if size == 3 && !w.q() { None } else { vector(kind, size) };
    let general = |n: usize| if n == 31 { ZR } else { n as u8 };
    match op {
        Op::AndVec => vector(Kind::And, 0),
        Op::BicVec => vector(Kind::Bic, 0),
        Op::OrrVec => vector(Kind::Or, 0),
        Op::EorVec => vector(Kind::Xor, 0),
        Op::AddVec => lanes(Kind::Add),
        Op::SubVec => lanes(Kind::Sub),
        Op::CmeqVec => lanes(Kind::Equal),
        Op::CmgtVec => lanes(Kind::Greater),
        // ftype 0 with W registers, 1 with X registers; bit 16 is the direction.
        Op::FmovGeneral if w.ftype() == u32::from(w.sf()) => {
            let size = if w.sf() { 3 } else { 2 };
            Some(if w.bit(16) {
                Vector { kind: Kind::FromGeneral, q: true, size, rd, rn: general(w.rn()), rm: 0 }
            } else {
                Vector { kind: Kind::ToGeneral, q: true, size, rd: general(w.rd()), rn, rm: 0 }
            })
        }
        Op::FmovFp if w.ftype() < 2 => {
            Some(Vector { kind: Kind::Scalar, q: true, size: 2 + w.ftype() as u8, rd, rn, rm: 0 })
        }
        _ => None,
    }
}

impl Vector {
    /// Whether the host code for it leaves EFLAGS alone.
    pub fn keeps_eflags(&self) -> bool {
        true
    }
}

impl Emitter<'_> {
    /// The host register that has vector register `v`: its own, or `t` after loading it.
    fn read_v(&mut self, v: u8, t: u8) -> u8 {
        match host_v(v) {
            Some(h) => h,
            None => {
                x64!(self; vmovdqa Rx(t), [rbp + slot_v(v)]);
                t
            }
        }
    }

    pub(super) fn vector(&mut self, v: Vector) {
        if v.kind == Kind::ToGeneral {
            let (n, d) = (self.read_v(v.rn, 0), self.target(v.rd, RAX));
            if v.size == 3 {
                x64!(self; vmovq Rq(d), Rx(n));
            } else {
                x64!(self; vmovd Rd(d), Rx(n));
            }
            self.write(v.rd, d);
            return;
        }
        let own = host_v(v.rd);
        let d = own.unwrap_or(0);
        match v.kind {
            Kind::FromGeneral => {
                let n = self.read(v.rn, RAX);
                if v.size == 3 {
                    x64!(self; vmovq Rx(d), Rq(n));
                } else {
                    x64!(self; vmovd Rx(d), Rd(n));
                }
            }
            Kind::Scalar => {
                let n = self.read_v(v.rn, 0);
                if v.size == 3 {
                    x64!(self; vmovq Rx(d), Rx(n));
                } else {
                    x64!(self; vmovd eax, Rx(n); vmovd Rx(d), eax);
                }
            }
            _ => {
                let (n, m) = (self.read_v(v.rn, 0), self.read_v(v.rm, 1));
                match (v.kind, v.size) {
                    (Kind::And, _) => x64!(self; vpand Rx(d), Rx(n), Rx(m)),
                    (Kind::Bic, _) => x64!(self; vpandn Rx(d), Rx(m), Rx(n)),
                    (Kind::Or, _) if v.rn == v.rm => x64!(self; vmovdqa Rx(d), Rx(n)),
                    (Kind::Or, _) => x64!(self; vpor Rx(d), Rx(n), Rx(m)),
                    (Kind::Xor, _) => x64!(self; vpxor Rx(d), Rx(n), Rx(m)),
                    (Kind::Add, 0) => x64!(self; vpaddb Rx(d), Rx(n), Rx(m)),
                    (Kind::Add, 1) => x64!(self; vpaddw Rx(d), Rx(n), Rx(m)),
                    (Kind::Add, 2) => x64!(self; vpaddd Rx(d), Rx(n), Rx(m)),
                    (Kind::Add, _) => x64!(self; vpaddq Rx(d), Rx(n), Rx(m)),
                    (Kind::Sub, 0) => x64!(self; vpsubb Rx(d), Rx(n), Rx(m)),
                    (Kind::Sub, 1) => x64!(self; vpsubw Rx(d), Rx(n), Rx(m)),
                    (Kind::Sub, 2) => x64!(self; vpsubd Rx(d), Rx(n), Rx(m)),
                    (Kind::Sub, _) => x64!(self; vpsubq Rx(d), Rx(n), Rx(m)),
                    (Kind::Equal, 0) => x64!(self; vpcmpeqb Rx(d), Rx(n), Rx(m)),
                    (Kind::Equal, 1) => x64!(self; vpcmpeqw Rx(d), Rx(n), Rx(m)),
                    (Kind::Equal, 2) => x64!(self; vpcmpeqd Rx(d), Rx(n), Rx(m)),
                    (Kind::Equal, _) => x64!(self; vpcmpeqq Rx(d), Rx(n), Rx(m)),
                    (_, 0) => x64!(self; vpcmpgtb Rx(d), Rx(n), Rx(m)),
                    (_, 1) => x64!(self; vpcmpgtw Rx(d), Rx(n), Rx(m)),
                    (_, 2) => x64!(self; vpcmpgtd Rx(d), Rx(n), Rx(m)),
                    _ => x64!(self; vpcmpgtq Rx(d), Rx(n), Rx(m)),
                }
            }
        }
        if !v.q {
            x64!(self; vmovq Rx(d), Rx(d));
        }
        if own.is_none() {
            x64!(self; vmovdqa [rbp + slot_v(v.rd)], Rx(d));
        }
    }
}
