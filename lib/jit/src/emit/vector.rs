//! Integer operations on vector registers, and moves between vector and general registers.
//!
//! [`decode`] says what is translated, `emit` how: most become one to six host instructions in xmm0 to xmm3 and the registers'
//! own. Nothing here can fault. What is left to the interpreter's executors: shifts by registers of bytes and halves,
//! saturating shifts by registers and left, polynomial products of bytes, and scalar forms narrower than 64 bits.
//!
//! Facts: Arm manual C7.2 for the guest, AMD64 manual volume 4 for the host.

use a64::{Op, Word, advsimd_expand_imm, vfp_expand_imm16};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use super::vex::{self, Constant, Family, Insn, Rm};
use super::{Emitter, x64};
use crate::decode::Context;
use crate::regs::{RAX, ZR, field};

mod lanes;
mod permute;
mod shift;

/// An operation on vector registers.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    kind: Kind,
    /// All 128 bits; else the upper half of the result is zero. In widening and narrowing operations: the "2" form.
    q: bool,
    /// log2 of the bytes of an element; of the narrower one where there are two kinds.
    size: u8,
    rd: u8,
    rn: u8,
    rm: u8,
    /// By element: which one of `rm`.
    lane: Option<u8>,
    /// Only the lowest element counts; the rest of the result is zero.
    alone: bool,
}

/// What is done with a product, or another value, and the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Merge {
    Replace,
    Add,
    Subtract,
}

/// Which elements a permutation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permute {
    Zip,
    Uzp,
    Trn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `d = insn(n, m)`.
    Two(Insn),
    /// `d = insn(m, n)`.
    Swapped(Insn),
    /// `d = n | !m`.
    OrNot,
    /// BSL 1, BIT 2, BIF 3.
    Mix(u8),
    Not,
    /// `d = !insn(m, n)`.
    NotSwapped(Insn),
    /// `d = (insn(n, m) == n)`, and the same inverted with `insn` the minimum: a comparison of unequal.
    AtLeast(Insn),
    Above(Insn),
    /// CMHS and CMHI of 64 bits.
    Unsigned64 {
        equal: bool,
    },
    Test,
    /// `d = insn(n, 0)`; second: inverted.
    WithZero(Insn, bool),
    /// `d = insn(0, n)`; second: inverted.
    ZeroWith(Insn, bool),
    Abs,
    /// SABD, UABD, SABA, UABA.
    Difference {
        signed: bool,
        into: Merge,
    },
    /// SHADD and so on.
    Halve {
        signed: bool,
        round: bool,
        sub: bool,
    },
    /// SQADD and so on.
    Saturate {
        signed: bool,
        sub: bool,
    },
    Mul(Merge),
    /// SQDMULH and SQRDMULH.
    DoubleHigh {
        round: bool,
    },
    /// Pairs of the two operands put end to end.
    Pairs(Insn),
    PairsAdd,
    /// ADDP of two doublewords to one.
    PairScalar,
    /// SADDLP, UADDLP, SADALP, UADALP.
    PairsLong {
        signed: bool,
        into: Merge,
    },
    /// ADDV, SMAXV and so on.
    Across(Insn),
    AcrossLong {
        signed: bool,
    },
    Dot {
        signed: bool,
    },
    Count,
    ReverseBits,
    /// CLZ, and CLS.
    LeadingZeros,
    LeadingSigns,
    /// SQABS and SQNEG.
    AbsSaturated,
    NegSaturated,

    ShiftLeft(u8),
    ShiftRight {
        by: u8,
        signed: bool,
        round: bool,
        into: Merge,
    },
    InsertLeft(u8),
    InsertRight(u8),
    /// SSHL and USHL, SRSHL and URSHL.
    ShiftBy {
        signed: bool,
        round: bool,
    },
    /// SQSHL, UQSHL and SQSHLU by an immediate.
    ShiftLeftSaturating {
        by: u8,
        from_signed: bool,
        to_signed: bool,
    },
    /// SSHLL, USHLL, SHLL (by all bits).
    Widen {
        signed: bool,
        by: u8,
    },
    /// SADDL, SSUBL and the unsigned ones; `wide`: the first operand is wide already.
    Long {
        signed: bool,
        sub: bool,
        wide: bool,
    },
    LongDifference {
        signed: bool,
        into: Merge,
    },
    LongMul {
        signed: bool,
        into: Merge,
    },
    LongDouble {
        into: Merge,
    },
    /// ADDHN and so on.
    HighHalf {
        sub: bool,
        round: bool,
    },
    /// XTN, SHRN, RSHRN.
    Narrow {
        by: u8,
        round: bool,
    },
    /// SQXTN, SQSHRN and so on.
    NarrowSaturating {
        by: u8,
        round: bool,
        from_signed: bool,
        to_signed: bool,
    },
    /// PMULL of 64 bits.
    Carryless,

    Permute(Permute, bool),
    Extract(u8),
    /// TBL and TBX: registers in the table, and whether bytes out of range stay.
    Table(u8, bool),
    Reverse(Constant),
    /// REV64 of words.
    ReverseWords,
    /// Element of `rn` to all.
    Dup(u8),
    DupGeneral,
    /// Element of `rn` alone, the rest zero.
    Scalar(u8),
    /// General register `rn` to one element, the others stay.
    Insert(u8),
    /// Element of `rn` (second) to element (first) of `rd`.
    InsertElement(u8, u8),
    /// General register `rn` to the low element, the rest zero.
    FromGeneral,
    /// Element of `rn` to general register `rd`; sign extension: 0 none, 1 to 32 bits, 2 to 64 bits.
    ToGeneral(u8, u8),
    /// MOVI, MVNI, FMOV.
    Immediate(u64),
    OrImmediate(u64),
    /// The complement is ANDed.
    AndImmediate(u64),
}

impl PartialEq for Constant {
    fn eq(&self, other: &Constant) -> bool {
        *self as usize == *other as usize
    }
}

impl Eq for Constant {}

/// What has an operation of its own.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Vector> {
    if context.mode.fp_trapped() {
        return None;
    }
    let v = Vector {
        kind: Kind::Not,
        q: w.q(),
        size: w.esize() as u8,
        rd: w.rd() as u8,
        rn: w.rn() as u8,
        rm: w.rm() as u8,
        lane: None,
        alone: false,
    };
    same(v, op, w)
        .or_else(|| by_element(v, op, w))
        .or_else(|| one_source(v, op, w))
        .or_else(|| different(v, op, w))
        .or_else(|| shifts(v, op, w))
        .or_else(|| moves(v, op, w))
}

/// Three registers of the same type.
fn same(v: Vector, op: Op, w: Word) -> Option<Vector> {
    use Kind::*;
    let (size, u) = (usize::from(v.size), w.bit(29));
    let signed = !u;
    let of = |kind| Some(Vector { kind, ..v });
    // Scalar forms (bit 28) are of 64 bits; vectors of one doubleword do not exist.
    let scalar = w.bit(28);
    let narrow = || (size < 3 && !scalar).then_some(());
    let fits = if scalar { size == 3 } else { size < 3 || v.q };
    let lanes = || fits.then_some(());
    let family = |f: &Family| f.get(size).copied();
    let short = |f: &[Insn]| f.get(size).copied();
    let v = if scalar { Vector { q: false, ..v } } else { v };
    let of_lanes = |kind| Some(Vector { kind, ..v });
    let alone = |kind| Some(Vector { kind, alone: true, ..v });
    match op {
        Op::AndVec => of(Two(vex::PAND)),
        Op::BicVec => of(Swapped(vex::PANDN)),
        Op::OrrVec => of(Two(vex::POR)),
        Op::OrnVec => of(OrNot),
        Op::EorVec => of(Two(vex::PXOR)),
        Op::BslVec => of(Mix(1)),
        Op::BitVec => of(Mix(2)),
        Op::BifVec => of(Mix(3)),
        Op::AddVec | Op::AddScalar => lanes().and(of_lanes(Two(family(&vex::PADD)?))),
        Op::SubVec | Op::SubScalar => lanes().and(of_lanes(Two(family(&vex::PSUB)?))),
        Op::CmeqVec | Op::CmeqScalar => lanes().and(of_lanes(Two(family(&vex::PCMPEQ)?))),
        Op::CmgtVec | Op::CmgtScalar => lanes().and(of_lanes(Two(family(&vex::PCMPGT)?))),
        Op::CmgeVec | Op::CmgeScalar => lanes().and(of_lanes(match short(&vex::PMAXS) {
            Some(max) => AtLeast(max),
            None => NotSwapped(family(&vex::PCMPGT)?),
        })),
        Op::CmhsVec | Op::CmhsScalar => lanes().and(of_lanes(match short(&vex::PMAXU) {
            Some(max) => AtLeast(max),
            None => Unsigned64 { equal: true },
        })),
        Op::CmhiVec | Op::CmhiScalar => lanes().and(of_lanes(match short(&vex::PMINU) {
            Some(min) => Above(min),
            None => Unsigned64 { equal: false },
        })),
        Op::CmtstVec | Op::CmtstScalar => lanes().and(of_lanes(Test)),
        Op::SmaxVec => narrow().and(of(Two(short(&vex::PMAXS)?))),
        Op::UmaxVec => narrow().and(of(Two(short(&vex::PMAXU)?))),
        Op::SminVec => narrow().and(of(Two(short(&vex::PMINS)?))),
        Op::UminVec => narrow().and(of(Two(short(&vex::PMINU)?))),
        Op::SmaxpVec => narrow().and(of(Pairs(short(&vex::PMAXS)?))),
        Op::UmaxpVec => narrow().and(of(Pairs(short(&vex::PMAXU)?))),
        Op::SminpVec => narrow().and(of(Pairs(short(&vex::PMINS)?))),
        Op::UminpVec => narrow().and(of(Pairs(short(&vex::PMINU)?))),
        Op::AddpVec => lanes().and(of(PairsAdd)),
        Op::AddpScalar => of(PairScalar),
        Op::SabdVec | Op::UabdVec => narrow().and(of(Difference { signed, into: Merge::Replace })),
        Op::SabaVec | Op::UabaVec => narrow().and(of(Difference { signed, into: Merge::Add })),
        Op::ShaddVec | Op::UhaddVec => narrow().and(of(Halve { signed, round: false, sub: false })),
        Op::SrhaddVec | Op::UrhaddVec => narrow().and(of(Halve { signed, round: true, sub: false })),
        Op::ShsubVec | Op::UhsubVec => narrow().and(of(Halve { signed, round: false, sub: true })),
        Op::SqaddVec => lanes().and(of(Saturate { signed: true, sub: false })),
        Op::SqsubVec => lanes().and(of(Saturate { signed: true, sub: true })),
        Op::UqaddVec => narrow().and(of(Saturate { signed: false, sub: false })),
        Op::UqsubVec => narrow().and(of(Saturate { signed: false, sub: true })),
        Op::MulVec => narrow().and(of(Mul(Merge::Replace))),
        Op::MlaVec => narrow().and(of(Mul(Merge::Add))),
        Op::MlsVec => narrow().and(of(Mul(Merge::Subtract))),
        Op::SqdmulhVec if size == 1 || size == 2 => narrow().and(of(DoubleHigh { round: false })),
        Op::SqrdmulhVec if size == 1 || size == 2 => narrow().and(of(DoubleHigh { round: true })),
        Op::SshlVec | Op::UshlVec | Op::SshlScalar | Op::UshlScalar if size >= 2 => {
            lanes().and(of_lanes(ShiftBy { signed, round: false }))
        }
        Op::SrshlVec if size == 2 => of(ShiftBy { signed, round: true }),
        Op::UrshlVec | Op::UrshlScalar if size >= 2 => lanes().and(of_lanes(ShiftBy { signed, round: true })),
        Op::SqaddScalar => alone(Saturate { signed: true, sub: false }),
        Op::SqsubScalar => alone(Saturate { signed: true, sub: true }),
        Op::UqaddScalar if size < 3 => alone(Saturate { signed: false, sub: false }),
        Op::UqsubScalar if size < 3 => alone(Saturate { signed: false, sub: true }),
        Op::SqdmulhScalar if size == 1 || size == 2 => alone(DoubleHigh { round: false }),
        Op::SqrdmulhScalar if size == 1 || size == 2 => alone(DoubleHigh { round: true }),
        Op::SdotVec | Op::UdotVec => of(Dot { signed }),
        _ => None,
    }
}

/// Vector by indexed element: halves are of V0 to V15.
fn by_element(v: Vector, op: Op, w: Word) -> Option<Vector> {
    let high_low = u8::from(w.bit(11)) << 1 | u8::from(w.bit(21));
    let signed = !w.bit(29);
    let (rm, lane) = match v.size {
        1 => (v.rm & 15, high_low << 1 | u8::from(w.bit(20))),
        _ => (v.rm, high_low),
    };
    let of = |kind| (v.size == 1 || v.size == 2).then_some(Vector { kind, rm, lane: Some(lane), ..v });
    match op {
        Op::MulElem => of(Kind::Mul(Merge::Replace)),
        Op::MlaElem => of(Kind::Mul(Merge::Add)),
        Op::MlsElem => of(Kind::Mul(Merge::Subtract)),
        Op::SqdmulhElem => of(Kind::DoubleHigh { round: false }),
        Op::SqrdmulhElem => of(Kind::DoubleHigh { round: true }),
        Op::SmullElem | Op::UmullElem => of(Kind::LongMul { signed, into: Merge::Replace }),
        Op::SmlalElem | Op::UmlalElem => of(Kind::LongMul { signed, into: Merge::Add }),
        Op::SmlslElem | Op::UmlslElem => of(Kind::LongMul { signed, into: Merge::Subtract }),
        Op::SqdmullElem => of(Kind::LongDouble { into: Merge::Replace }),
        Op::SqdmlalElem => of(Kind::LongDouble { into: Merge::Add }),
        Op::SqdmlslElem => of(Kind::LongDouble { into: Merge::Subtract }),
        Op::SdotElem | Op::UdotElem => Some(Vector { kind: Kind::Dot { signed }, lane: Some(high_low), ..v }),
        _ => None,
    }
}

/// Two-register miscellaneous and across lanes.
fn one_source(v: Vector, op: Op, w: Word) -> Option<Vector> {
    use Kind::*;
    let (size, signed) = (usize::from(v.size), !w.bit(29));
    let scalar = w.bit(28);
    let fits = if scalar { size == 3 } else { size < 3 || v.q };
    let v = if scalar { Vector { q: false, ..v } } else { v };
    let of = |kind| Some(Vector { kind, ..v });
    let lanes = |kind| fits.then_some(Vector { kind, ..v });
    let family = |f: &Family| f.get(size).copied();
    let long = |into| (size < 3).then_some(Vector { kind: PairsLong { signed, into }, ..v });
    let across = |f: &[Insn]| Some(Vector { kind: Across(f.get(size).copied()?), ..v });
    match op {
        Op::NotVec => of(Not),
        Op::CntVec => of(Count),
        Op::RbitVec => of(ReverseBits),
        Op::ClzVec if size < 3 => of(LeadingZeros),
        Op::ClsVec if size < 3 => of(LeadingSigns),
        Op::SqabsVec if size < 3 => of(AbsSaturated),
        Op::SqnegVec if fits => of(NegSaturated),
        Op::AbsVec | Op::AbsScalar => lanes(Abs),
        Op::NegVec | Op::NegScalar => lanes(ZeroWith(family(&vex::PSUB)?, false)),
        Op::CmgtZeroVec | Op::CmgtZeroScalar => lanes(WithZero(family(&vex::PCMPGT)?, false)),
        Op::CmleZeroVec | Op::CmleZeroScalar => lanes(WithZero(family(&vex::PCMPGT)?, true)),
        Op::CmeqZeroVec | Op::CmeqZeroScalar => lanes(WithZero(family(&vex::PCMPEQ)?, false)),
        Op::CmltZeroVec | Op::CmltZeroScalar => lanes(ZeroWith(family(&vex::PCMPGT)?, false)),
        Op::CmgeZeroVec | Op::CmgeZeroScalar => lanes(ZeroWith(family(&vex::PCMPGT)?, true)),
        Op::SaddlpVec | Op::UaddlpVec => long(Merge::Replace),
        Op::SadalpVec | Op::UadalpVec => long(Merge::Add),
        Op::Rev16Vec => of(Reverse(Constant::Reverse16)),
        Op::Rev32Vec if size == 0 => of(Reverse(Constant::Reverse32)),
        Op::Rev32Vec => of(Reverse(Constant::Reverse32Of16)),
        Op::Rev64Vec if size == 0 => of(Reverse(Constant::Reverse64)),
        Op::Rev64Vec if size == 1 => of(Reverse(Constant::Reverse64Of16)),
        Op::Rev64Vec => of(ReverseWords),
        Op::Addv => across(&vex::PADD),
        Op::Smaxv => across(&vex::PMAXS),
        Op::Umaxv => across(&vex::PMAXU),
        Op::Sminv => across(&vex::PMINS),
        Op::Uminv => across(&vex::PMINU),
        Op::Saddlv => of(AcrossLong { signed: true }),
        Op::Uaddlv => of(AcrossLong { signed: false }),
        Op::XtnVec if size < 3 => of(Narrow { by: 0, round: false }),
        Op::ShllVec if size < 3 => of(Widen { signed: false, by: 8 << size }),
        Op::SqxtnVec | Op::UqxtnVec | Op::SqxtunVec if size < 3 => of(NarrowSaturating {
            by: 0,
            round: false,
            from_signed: op != Op::UqxtnVec,
            to_signed: op == Op::SqxtnVec,
        }),
        _ => None,
    }
}

/// Three registers of different types.
fn different(v: Vector, op: Op, w: Word) -> Option<Vector> {
    use Kind::*;
    let signed = !w.bit(29);
    // The sizes that are not allocated are those of 64 bits, and of bytes with doubling.
    let of = |kind| (v.size < 3 && !w.bit(28)).then_some(Vector { kind, ..v });
    let doubling = |into| if v.size == 0 { None } else { of(LongDouble { into }) };
    match op {
        Op::SaddlVec | Op::UaddlVec => of(Long { signed, sub: false, wide: false }),
        Op::SsublVec | Op::UsublVec => of(Long { signed, sub: true, wide: false }),
        Op::SaddwVec | Op::UaddwVec => of(Long { signed, sub: false, wide: true }),
        Op::SsubwVec | Op::UsubwVec => of(Long { signed, sub: true, wide: true }),
        Op::SabdlVec | Op::UabdlVec => of(LongDifference { signed, into: Merge::Replace }),
        Op::SabalVec | Op::UabalVec => of(LongDifference { signed, into: Merge::Add }),
        Op::SmullVec | Op::UmullVec => of(LongMul { signed, into: Merge::Replace }),
        Op::SmlalVec | Op::UmlalVec => of(LongMul { signed, into: Merge::Add }),
        Op::SmlslVec | Op::UmlslVec => of(LongMul { signed, into: Merge::Subtract }),
        Op::SqdmullVec => doubling(Merge::Replace),
        Op::SqdmlalVec => doubling(Merge::Add),
        Op::SqdmlslVec => doubling(Merge::Subtract),
        Op::AddhnVec => of(HighHalf { sub: false, round: false }),
        Op::RaddhnVec => of(HighHalf { sub: false, round: true }),
        Op::SubhnVec => of(HighHalf { sub: true, round: false }),
        Op::RsubhnVec => of(HighHalf { sub: true, round: true }),
        Op::PmullVec if v.size == 3 => Some(Vector { kind: Carryless, ..v }),
        _ => None,
    }
}

/// Shifts by immediates: the highest set bit of immh names the size.
fn shifts(v: Vector, op: Op, w: Word) -> Option<Vector> {
    use Kind::*;
    let immhb = w.immhb() as u8;
    if immhb >> 3 == 0 || w.0 >> 23 & 0x3f != if w.bit(28) { 0x3e } else { 0x1e } {
        return None;
    }
    let size = (immhb >> 3).ilog2() as u8;
    let bits = 8 << size;
    let (left, right) = (immhb - bits, (2 * u32::from(bits) - u32::from(immhb)) as u8);
    let (scalar, signed) = (w.bit(28), !w.bit(29));
    let fits = if scalar { size == 3 } else { size < 3 || v.q };
    let v = Vector { size, q: v.q && !scalar, ..v };
    let of = |kind| fits.then_some(Vector { kind, ..v });
    let to_right =
        |round, into| fits.then_some(Vector { kind: ShiftRight { by: right, signed, round, into }, ..v });
    let narrow = |kind| (size < 3 && !scalar).then_some(Vector { kind, ..v });
    let saturating = |round, from_signed, to_signed| {
        (size < 3 && !scalar)
            .then_some(Vector { kind: NarrowSaturating { by: right, round, from_signed, to_signed }, ..v })
    };
    match op {
        Op::ShlImmVec | Op::ShlImmScalar => of(ShiftLeft(left)),
        Op::SshrImmVec | Op::SshrImmScalar | Op::UshrImmVec | Op::UshrImmScalar => {
            to_right(false, Merge::Replace)
        }
        Op::SrshrImmVec | Op::SrshrImmScalar | Op::UrshrImmVec | Op::UrshrImmScalar => {
            to_right(true, Merge::Replace)
        }
        Op::SsraImmVec | Op::SsraImmScalar | Op::UsraImmVec | Op::UsraImmScalar => {
            to_right(false, Merge::Add)
        }
        Op::SrsraImmVec | Op::SrsraImmScalar | Op::UrsraImmVec | Op::UrsraImmScalar => {
            to_right(true, Merge::Add)
        }
        Op::SliImmVec | Op::SliImmScalar => of(InsertLeft(left)),
        Op::SriImmVec | Op::SriImmScalar => of(InsertRight(right)),
        Op::SshllImmVec | Op::UshllImmVec => narrow(Widen { signed, by: left }),
        Op::ShrnImmVec => narrow(Narrow { by: right, round: false }),
        Op::RshrnImmVec => narrow(Narrow { by: right, round: true }),
        Op::SqshlImmVec if size < 3 => {
            of(ShiftLeftSaturating { by: left, from_signed: true, to_signed: true })
        }
        Op::UqshlImmVec if size < 3 => {
            of(ShiftLeftSaturating { by: left, from_signed: false, to_signed: false })
        }
        Op::SqshluImmVec if size < 3 => {
            of(ShiftLeftSaturating { by: left, from_signed: true, to_signed: false })
        }
        Op::SqshrnImmVec => saturating(false, true, true),
        Op::SqrshrnImmVec => saturating(true, true, true),
        Op::UqshrnImmVec => saturating(false, false, false),
        Op::UqrshrnImmVec => saturating(true, false, false),
        Op::SqshrunImmVec => saturating(false, true, false),
        Op::SqrshrunImmVec => saturating(true, true, false),
        _ => None,
    }
}

/// Permutations, copies and immediates.
fn moves(v: Vector, op: Op, w: Word) -> Option<Vector> {
    use Kind::*;
    let of = |kind| Some(Vector { kind, ..v });
    let lanes = |kind| (v.size < 3 || v.q).then_some(Vector { kind, ..v });
    let general = |n: usize| if n == 31 { ZR } else { n as u8 };
    // DUP, INS, SMOV and UMOV: the lowest set bit of imm5 names the size, the bits above it are the index.
    let imm5 = w.bits(20, 16);
    let element = || {
        let size = imm5.trailing_zeros() as u8;
        (size < 4).then(|| (size, (imm5 >> (size + 1)) as u8))
    };
    match op {
        Op::Zip1 => lanes(Permute(self::Permute::Zip, false)),
        Op::Zip2 => lanes(Permute(self::Permute::Zip, true)),
        Op::Uzp1 => lanes(Permute(self::Permute::Uzp, false)),
        Op::Uzp2 => lanes(Permute(self::Permute::Uzp, true)),
        Op::Trn1 => lanes(Permute(self::Permute::Trn, false)),
        Op::Trn2 => lanes(Permute(self::Permute::Trn, true)),
        Op::Ext => {
            let by = w.bits(14, 11) as u8;
            (v.q || by < 8).then_some(Vector { kind: Extract(by), ..v })
        }
        Op::Tbl => of(Table(w.bits(14, 13) as u8 + 1, false)),
        Op::Tbx => of(Table(w.bits(14, 13) as u8 + 1, true)),
        Op::DupElem | Op::DupScalar | Op::DupGeneral | Op::InsGeneral | Op::InsElem | Op::Umov | Op::Smov => {
            let (size, index) = element()?;
            let v = Vector { size, ..v };
            match op {
                Op::DupElem if size < 3 || v.q => Some(Vector { kind: Dup(index), ..v }),
                Op::DupScalar => Some(Vector { kind: Scalar(index), ..v }),
                Op::DupGeneral if size < 3 || v.q => {
                    Some(Vector { kind: DupGeneral, rn: general(w.rn()), ..v })
                }
                Op::InsGeneral => Some(Vector { kind: Insert(index), rn: general(w.rn()), ..v }),
                Op::InsElem => {
                    Some(Vector { kind: InsertElement(index, (w.bits(14, 11) >> size) as u8), ..v })
                }
                Op::Umov if (size == 3) == v.q => {
                    Some(Vector { kind: ToGeneral(index, 0), rd: general(w.rd()), ..v })
                }
                Op::Smov if size < 2 || v.q && size == 2 => {
                    Some(Vector { kind: ToGeneral(index, 1 + u8::from(v.q)), rd: general(w.rd()), ..v })
                }
                _ => None,
            }
        }
        // ftype 0 with W registers, 1 with X registers, 2 the upper half; bit 16 is the direction.
        Op::FmovGeneral if w.ftype() == u32::from(w.sf()) => {
            let v = Vector { size: if w.sf() { 3 } else { 2 }, ..v };
            Some(if w.bit(16) {
                Vector { kind: FromGeneral, rn: general(w.rn()), ..v }
            } else {
                Vector { kind: ToGeneral(0, 0), rd: general(w.rd()), ..v }
            })
        }
        Op::FmovGeneral if w.ftype() == 3 => {
            // A half, whatever the width of the general register.
            let v = Vector { size: 1, ..v };
            Some(if w.bit(16) {
                Vector { kind: FromGeneral, rn: general(w.rn()), ..v }
            } else {
                Vector { kind: ToGeneral(0, 0), rd: general(w.rd()), ..v }
            })
        }
        Op::FmovGeneral if w.ftype() == 2 && w.sf() => {
            let v = Vector { size: 3, ..v };
            Some(if w.bit(16) {
                Vector { kind: Insert(1), rn: general(w.rn()), ..v }
            } else {
                Vector { kind: ToGeneral(1, 0), rd: general(w.rd()), ..v }
            })
        }
        Op::FmovFp if w.ftype() == 3 => Some(Vector { kind: Scalar(0), size: 1, ..v }),
        Op::FmovFp if w.ftype() < 2 => Some(Vector { kind: Scalar(0), size: 2 + w.ftype() as u8, ..v }),
        Op::FmovImmVec if w.bit(11) => {
            of(Immediate(u64::from(vfp_expand_imm16(w.abcdefgh())) * 0x0001_0001_0001_0001))
        }
        Op::MoviVec | Op::FmovImmVec => of(Immediate(immediate(w))),
        Op::MvniVec => of(Immediate(!immediate(w))),
        Op::OrrImmVec => of(OrImmediate(immediate(w))),
        Op::BicImmVec => of(AndImmediate(!immediate(w))),
        _ => None,
    }
}

fn immediate(w: Word) -> u64 {
    advsimd_expand_imm(w.bit(29), w.cmode(), w.abcdefgh())
}

impl Vector {
    /// Where a copy of a whole register goes, and from where.
    pub fn copied(&self) -> Option<(u8, u8)> {
        (self.kind == Kind::Two(vex::POR) && self.q && self.rn == self.rm).then_some((self.rd, self.rn))
    }

    /// The vector registers that it names.
    pub fn vectors(&self) -> Vec<u8> {
        let (rd, rn, rm) = (self.rd, self.rn, self.rm);
        match self.kind {
            Kind::Immediate(_) | Kind::FromGeneral | Kind::DupGeneral | Kind::Insert(_) => vec![rd],
            Kind::OrImmediate(_) | Kind::AndImmediate(_) => vec![rd, rd],
            Kind::ToGeneral(..) => vec![rn],
            Kind::Table(registers, _) => (0..registers).map(|n| (rn + n) & 31).chain([rd, rm]).collect(),
            Kind::Not
            | Kind::WithZero(..)
            | Kind::ZeroWith(..)
            | Kind::Abs
            | Kind::AbsSaturated
            | Kind::NegSaturated
            | Kind::PairScalar
            | Kind::PairsLong { .. }
            | Kind::Across(_)
            | Kind::AcrossLong { .. }
            | Kind::Count
            | Kind::ReverseBits
            | Kind::LeadingZeros
            | Kind::LeadingSigns
            | Kind::ShiftLeft(_)
            | Kind::ShiftLeftSaturating { .. }
            | Kind::ShiftRight { .. }
            | Kind::InsertLeft(_)
            | Kind::InsertRight(_)
            | Kind::Widen { .. }
            | Kind::Narrow { .. }
            | Kind::NarrowSaturating { .. }
            | Kind::Reverse(_)
            | Kind::ReverseWords
            | Kind::Dup(_)
            | Kind::Scalar(_)
            | Kind::InsertElement(..) => vec![rd, rn],
            _ => vec![rd, rn, rm],
        }
    }

    /// Whether the host code for it leaves EFLAGS alone: all but that which looks for saturation.
    pub fn keeps_eflags(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Saturate { .. }
                | Kind::AbsSaturated
                | Kind::NegSaturated
                | Kind::ShiftLeftSaturating { .. }
                | Kind::DoubleHigh { .. }
                | Kind::LongDouble { .. }
                | Kind::NarrowSaturating { .. }
        )
    }
}

/// FPSR.QC.
const QC: i32 = 1 << 27;

impl Emitter<'_> {
    pub(super) fn vector(&mut self, v: Vector) {
        match v.kind {
            Kind::Two(insn) => {
                let (n, m, d) = (self.read_v(v.rn, 1), self.src(v.rm), self.target_v(v.rd, 0));
                if insn == vex::POR && v.rn == v.rm {
                    self.finish_from(v, Rm::X(n));
                    return;
                }
                self.v(insn, d, n, m);
                self.finish(v, d);
            }
            Kind::Swapped(insn) => {
                let (m, n, d) = (self.read_v(v.rm, 1), self.src(v.rn), self.target_v(v.rd, 0));
                self.v(insn, d, m, n);
                self.finish(v, d);
            }
            Kind::ToGeneral(lane, sign) => self.move_to_general(v, lane, sign),
            Kind::Immediate(value) => {
                let d = self.target_v(v.rd, 0);
                self.constant_v(d, value, v.q);
                self.write_v(v.rd, d);
                if !v.q {
                    self.zeros.note(v.rd, true);
                }
            }
            _ => self.lanes(v),
        }
    }

    /// Ends a result in host register `h`, of which without Q only the low half counts.
    fn finish(&mut self, v: Vector, h: u8) {
        if v.alone {
            self.finish_scalar(v, h, v.size);
            return;
        }
        self.finish_from(v, Rm::X(h));
    }

    fn finish_from(&mut self, v: Vector, from: Rm) {
        if v.q {
            let d = self.target_v(v.rd, 0);
            self.copy_v(d, from);
            self.write_v(v.rd, d);
            return;
        }
        let d = self.target_v(v.rd, 0);
        self.v(vex::MOVQ, d, 0, from);
        self.write_v(v.rd, d);
        self.zeros.note(v.rd, true);
    }

    /// Ends a result of which only the low element counts.
    fn finish_scalar(&mut self, v: Vector, h: u8, size: u8) {
        let d = self.target_v(v.rd, 0);
        match size {
            0 | 1 => {
                let by = 16 - (1 << size);
                self.vshift(vex::PSLLDQ, d, h, by);
                self.vshift(vex::PSRLDQ, d, d, by);
            }
            2 => self.vi(vex::INSERTPS, d, h, h, 0x0e),
            _ => self.v(vex::MOVQ, d, 0, h),
        }
        self.write_v(v.rd, d);
        self.zeros.note(v.rd, size == 3);
    }

    /// Ends a narrow result in the low half of `h`: it becomes the upper half of the destination with Q, else all of it.
    fn finish_part(&mut self, v: Vector, h: u8) {
        self.write_half(v.rd, h, v.q);
    }

    /// Adds a value in `h` to the destination, or subtracts it, in lanes of `size`; the result is in xmm0.
    fn merge(&mut self, into: Merge, rd: u8, h: u8, size: u8) {
        let size = usize::from(size & 3);
        match into {
            Merge::Replace => self.copy_v(0, h),
            Merge::Add => {
                let d = self.src(rd);
                self.v(vex::PADD[size], 0, h, d);
            }
            Merge::Subtract => {
                let d = self.read_v(rd, 3);
                self.v(vex::PSUB[size], 0, d, h);
            }
        }
    }

    /// A 64-bit constant to both halves of `t`, or to the low one. Keeps EFLAGS, spoils rax.
    pub(super) fn constant_v(&mut self, t: u8, value: u64, both: bool) {
        match value {
            0 => self.v(vex::PXOR, t, t, t),
            u64::MAX if both => self.v(vex::PCMPEQ[2], t, t, t),
            _ => {
                self.immediate(RAX, value);
                x64!(self; vmovq Rx(t), rax);
                if both {
                    self.v(vex::PUNPCKL[3], t, t, t);
                }
            }
        }
    }

    /// The element of the second operand in all lanes of xmm2, if it is by element; else the operand itself.
    fn second(&mut self, v: Vector, size: u8) -> Rm {
        match v.lane {
            Some(lane) => {
                self.broadcast(2, v.rm, size, lane);
                Rm::X(2)
            }
            None => self.src(v.rm),
        }
    }

    /// Element `lane` of guest vector register `m` to all lanes of `t`.
    pub(super) fn broadcast(&mut self, t: u8, m: u8, size: u8, lane: u8) {
        let all = vex::PBROADCAST[usize::from(size & 3)];
        let h = match self.src(m) {
            Rm::State(slot) => {
                self.v(all, t, 0, Rm::State(slot + (i32::from(lane) << size)));
                return;
            }
            Rm::X(h) => h,
            _ => return,
        };
        match (size, lane) {
            (2, _) => self.vi(vex::PSHUFD, t, 0, h, lane * 0x55),
            (_, 0) => self.v(all, t, 0, h),
            (3, _) => self.v(vex::PUNPCKH[3], t, h, h),
            _ => {
                self.vshift(vex::PSRLDQ, t, h, lane << size);
                self.v(all, t, 0, t);
            }
        }
    }

    /// The lowest element of guest register `r` to `t`, zeros above it.
    fn isolate(&mut self, t: u8, r: u8, size: u8) {
        let h = self.read_v(r, t);
        match size {
            0 | 1 => {
                let by = 16 - (1 << size);
                self.vshift(vex::PSLLDQ, t, h, by);
                self.vshift(vex::PSRLDQ, t, t, by);
            }
            2 => self.vi(vex::INSERTPS, t, h, h, 0x0e),
            _ => self.v(vex::MOVQ, t, 0, h),
        }
    }

    /// Sets FPSR.QC if any bit of `t` is set: in its low half, or with `q` anywhere. Spoils `t` and EFLAGS.
    fn report_any(&mut self, t: u8, q: bool) {
        if !q {
            self.v(vex::MOVQ, t, 0, t);
        }
        self.v(vex::PTEST, t, 0, t);
        let fine = self.asm.new_dynamic_label();
        let fpsr = field(std::mem::offset_of!(cpu::State, fpsr));
        x64!(self
            ; jz =>fine
            ; or DWORD [rbp + fpsr], QC
            ; =>fine
        );
    }
}
