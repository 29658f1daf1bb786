//! Which words are floating-point operations of their own.

use super::*;
use crate::emit::vex;

/// What has an operation of its own. Half precision (ftype 3) has none but for conversions.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Float> {
    if context.mode.fp_trapped() {
        return None;
    }
    let f = Float {
        kind: Kind::Sqrt,
        double: false,
        lanes: Lanes::Scalar,
        rd: w.rd() as u8,
        rn: w.rn() as u8,
        rm: w.rm() as u8,
        ra: w.ra() as u8,
        lane: None,
    };
    if let Some(f) = moves(f, op, w) {
        return Some(f);
    }
    if context.mode.fp_unusual() {
        return None;
    }
    scalar(f, op, w).or_else(|| conversion(f, op, w)).or_else(|| vector(f, op, w))
}

/// What FPCR does not matter to.
fn moves(f: Float, op: Op, w: Word) -> Option<Float> {
    let double = w.ftype() == 1;
    let scalar = |kind| (w.ftype() < 2).then_some(Float { kind, double, ..f });
    match op {
        Op::FabsFp => scalar(Kind::Abs),
        Op::FnegFp => scalar(Kind::Neg),
        Op::Fcsel => scalar(Kind::Select { cond: w.cond() as u8 }),
        Op::FmovImmFp => {
            let imm8 = w.bits(20, 13) as u8;
            scalar(Kind::Immediate(if double {
                vfp_expand_imm64(imm8)
            } else {
                u64::from(vfp_expand_imm32(imm8))
            }))
        }
        Op::FabsVec => lanes(f, w, Kind::Abs),
        Op::FnegVec => lanes(f, w, Kind::Neg),
        _ => None,
    }
}

fn scalar(f: Float, op: Op, w: Word) -> Option<Float> {
    let double = w.ftype() == 1;
    let (cond, nzcv) = (w.cond() as u8, w.nzcv() as u8);
    let of = |kind| (w.ftype() < 2).then_some(Float { kind, double, ..f });
    match op {
        Op::FaddFp => of(Kind::Two(vex::ADD)),
        Op::FsubFp => of(Kind::Two(vex::SUB)),
        Op::FmulFp => of(Kind::Two(vex::MUL)),
        Op::FdivFp => of(Kind::Two(vex::DIV)),
        Op::FnmulFp => of(Kind::NegatedProduct),
        Op::FsqrtFp => of(Kind::Sqrt),
        // A quiet NaN makes the difference between FMAX and FMAXNM, and goes to the executor.
        Op::FmaxFp | Op::FmaxnmFp => of(Kind::Extreme { max: true }),
        Op::FminFp | Op::FminnmFp => of(Kind::Extreme { max: false }),
        Op::Fmadd => of(Kind::Fused(vex::FMADD231)),
        Op::Fmsub => of(Kind::Fused(vex::FNMADD231)),
        Op::Fnmadd => of(Kind::Fused(vex::FNMSUB231)),
        Op::Fnmsub => of(Kind::Fused(vex::FMSUB231)),
        Op::Fcmp => of(Kind::Compare { signal: false, zero: w.bit(3) }),
        Op::Fcmpe => of(Kind::Compare { signal: true, zero: w.bit(3) }),
        Op::Fccmp => of(Kind::CompareIf { signal: false, cond, nzcv }),
        Op::Fccmpe => of(Kind::CompareIf { signal: true, cond, nzcv }),
        Op::FrintnFp => of(Kind::Round(Round::Nearest, false)),
        Op::FrintpFp => of(Kind::Round(Round::Up, false)),
        Op::FrintmFp => of(Kind::Round(Round::Down, false)),
        Op::FrintzFp => of(Kind::Round(Round::Zero, false)),
        Op::FrintaFp => of(Kind::Round(Round::Away, false)),
        Op::FrintxFp => of(Kind::Round(Round::Current, true)),
        Op::FrintiFp => of(Kind::Round(Round::Current, false)),
        _ => None,
    }
}

fn conversion(f: Float, op: Op, w: Word) -> Option<Float> {
    let general = |n: usize| if n == 31 { ZR } else { n as u8 };
    let (double, sf, unsigned) = (w.ftype() == 1, w.sf(), w.bit(16));
    let to = |mode| {
        let kind = Kind::ToInt { mode, unsigned, sf, fraction: 0, vector: false };
        (w.ftype() < 2).then_some(Float { kind, double, rd: general(w.rd()), ..f })
    };
    let to_fixed = || {
        let kind =
            Kind::ToInt { mode: Round::Zero, unsigned, sf, fraction: (64 - w.imms()) as u8, vector: false };
        (w.ftype() < 2 && (sf || w.imms() >= 32)).then_some(Float { kind, double, rd: general(w.rd()), ..f })
    };
    let from = |fraction| {
        let kind = Kind::FromInt { unsigned, sf, fraction, vector: false };
        (w.ftype() < 2).then_some(Float { kind, double, rn: general(w.rn()), ..f })
    };
    match op {
        Op::FcvtnsInt | Op::FcvtnuInt => to(Round::Nearest),
        Op::FcvtpsInt | Op::FcvtpuInt => to(Round::Up),
        Op::FcvtmsInt | Op::FcvtmuInt => to(Round::Down),
        Op::FcvtzsInt | Op::FcvtzuInt => to(Round::Zero),
        Op::FcvtasInt | Op::FcvtauInt => to(Round::Away),
        Op::ScvtfInt | Op::UcvtfInt => from(0),
        Op::ScvtfFixed | Op::UcvtfFixed if sf || w.imms() >= 32 => from((64 - w.imms()) as u8),
        Op::FcvtzsFixed | Op::FcvtzuFixed => to_fixed(),
        Op::FcvtFp => match (w.ftype(), w.bits(16, 15)) {
            (0, 1) => Some(Float { kind: Kind::Lengthen, ..f }),
            (1, 0) => Some(Float { kind: Kind::Shorten, ..f }),
            (3, to @ 0..=1) => Some(Float { kind: Kind::FromHalf, double: to == 1, ..f }),
            (0, 3) => Some(Float { kind: Kind::ToHalf, ..f }),
            _ => None,
        },
        _ => None,
    }
}

/// A vector operation: two doubles need all 128 bits.
fn lanes(f: Float, w: Word, kind: Kind) -> Option<Float> {
    let double = w.bit(22);
    let lanes = if w.q() { Lanes::Full } else { Lanes::Half };
    (w.q() || !double).then_some(Float { kind, double, lanes, ..f })
}

fn vector(f: Float, op: Op, w: Word) -> Option<Float> {
    let double = w.bit(22);
    let of = |kind| lanes(f, w, kind);
    let one = |kind| Some(Float { kind, double, ..f });
    // Scalar forms (bit 28) and vectors are the same operations.
    let any = |kind| if w.bit(28) { one(kind) } else { of(kind) };
    let index = match double {
        true => u8::from(w.bit(11)),
        false => u8::from(w.bit(11)) << 1 | u8::from(w.bit(21)),
    };
    let element = |kind| any(kind).map(|f| Float { lane: Some(index), ..f });
    let mask = |predicate| any(Kind::Mask { predicate, magnitudes: false, zero: false });
    let zero = |predicate| any(Kind::Mask { predicate, magnitudes: false, zero: true });
    let magnitudes = |predicate| any(Kind::Mask { predicate, magnitudes: true, zero: false });
    let accumulate = |f: Option<Float>| f.map(|f| Float { ra: f.rd, ..f });
    let unsigned = w.bit(29);
    let to = |mode| {
        let vector = any(Kind::ToInt { mode, unsigned, sf: double, fraction: 0, vector: true });
        // Of unsigned doubles only scalars.
        vector.filter(|f| f.lanes == Lanes::Scalar || !(double && unsigned))
    };
    let from = |fraction| any(Kind::FromInt { unsigned, sf: double, fraction, vector: true });
    match op {
        Op::FaddVec => of(Kind::Two(vex::ADD)),
        Op::FsubVec => of(Kind::Two(vex::SUB)),
        Op::FmulVec => of(Kind::Two(vex::MUL)),
        Op::FdivVec => of(Kind::Two(vex::DIV)),
        Op::FsqrtVec => of(Kind::Sqrt),
        Op::FabdVec | Op::FabdScalar => any(Kind::Difference),
        Op::FmulxVec | Op::FmulxScalar => any(Kind::MulExtended),
        Op::FmulxElem | Op::FmulxElemScalar => element(Kind::MulExtended),
        Op::FrecpeVec | Op::FrecpeScalar => any(Kind::Estimate { root: false }),
        Op::FrsqrteVec | Op::FrsqrteScalar => any(Kind::Estimate { root: true }),
        Op::FrecpsVec | Op::FrecpsScalar => any(Kind::Step { root: false }),
        Op::FrsqrtsVec | Op::FrsqrtsScalar => any(Kind::Step { root: true }),
        Op::FmaxVec | Op::FmaxnmVec => of(Kind::Extreme { max: true }),
        Op::FminVec | Op::FminnmVec => of(Kind::Extreme { max: false }),
        Op::FmlaVec => accumulate(of(Kind::Fused(vex::FMADD231))),
        Op::FmlsVec => accumulate(of(Kind::Fused(vex::FNMADD231))),
        Op::FmulElem | Op::FmulElemScalar => element(Kind::Two(vex::MUL)),
        Op::FmlaElem | Op::FmlaElemScalar => accumulate(element(Kind::Fused(vex::FMADD231))),
        Op::FmlsElem | Op::FmlsElemScalar => accumulate(element(Kind::Fused(vex::FNMADD231))),
        Op::FcmeqVec | Op::FcmeqScalar => mask(vex::EQUAL),
        Op::FcmgeVec | Op::FcmgeScalar => mask(vex::AT_LEAST),
        Op::FcmgtVec | Op::FcmgtScalar => mask(vex::GREATER),
        Op::FacgeVec | Op::FacgeScalar => magnitudes(vex::AT_LEAST),
        Op::FacgtVec | Op::FacgtScalar => magnitudes(vex::GREATER),
        Op::FcmeqZeroVec | Op::FcmeqZeroScalar => zero(vex::EQUAL),
        Op::FcmgeZeroVec | Op::FcmgeZeroScalar => zero(vex::AT_LEAST),
        Op::FcmgtZeroVec | Op::FcmgtZeroScalar => zero(vex::GREATER),
        Op::FcmleZeroVec | Op::FcmleZeroScalar => zero(vex::AT_MOST),
        Op::FcmltZeroVec | Op::FcmltZeroScalar => zero(vex::LESS),
        Op::FaddpVec => of(Kind::PairsAdd),
        Op::FaddpScalar => one(Kind::PairAdd),
        Op::FmaxpVec | Op::FmaxnmpVec => of(Kind::PairsExtreme { max: true }),
        Op::FminpVec | Op::FminnmpVec => of(Kind::PairsExtreme { max: false }),
        Op::FmaxpScalar | Op::FmaxnmpScalar => one(Kind::PairExtreme { max: true }),
        Op::FminpScalar | Op::FminnmpScalar => one(Kind::PairExtreme { max: false }),
        Op::Fmaxv | Op::Fmaxnmv => Some(Float { kind: Kind::Across { max: true }, ..f }),
        Op::Fminv | Op::Fminnmv => Some(Float { kind: Kind::Across { max: false }, ..f }),
        Op::FrintnVec => of(Kind::Round(Round::Nearest, false)),
        Op::FrintpVec => of(Kind::Round(Round::Up, false)),
        Op::FrintmVec => of(Kind::Round(Round::Down, false)),
        Op::FrintzVec => of(Kind::Round(Round::Zero, false)),
        Op::FrintaVec => of(Kind::Round(Round::Away, false)),
        Op::FrintxVec => of(Kind::Round(Round::Current, true)),
        Op::FrintiVec => of(Kind::Round(Round::Current, false)),
        Op::FcvtnsVec | Op::FcvtnsScalar | Op::FcvtnuVec | Op::FcvtnuScalar => to(Round::Nearest),
        Op::FcvtpsVec | Op::FcvtpsScalar | Op::FcvtpuVec | Op::FcvtpuScalar => to(Round::Up),
        Op::FcvtmsVec | Op::FcvtmsScalar | Op::FcvtmuVec | Op::FcvtmuScalar => to(Round::Down),
        Op::FcvtzsVec | Op::FcvtzsScalar | Op::FcvtzuVec | Op::FcvtzuScalar => to(Round::Zero),
        Op::FcvtasVec | Op::FcvtasScalar | Op::FcvtauVec | Op::FcvtauScalar => to(Round::Away),
        Op::ScvtfVec | Op::ScvtfScalar | Op::UcvtfVec | Op::UcvtfScalar => from(0),
        Op::ScvtfFixedVec
        | Op::ScvtfFixedScalar
        | Op::UcvtfFixedVec
        | Op::UcvtfFixedScalar
        | Op::FcvtzsFixedVec
        | Op::FcvtzsFixedScalar
        | Op::FcvtzuFixedVec
        | Op::FcvtzuFixedScalar => {
            // immh:immb is twice the width less the fraction bits.
            let immhb = w.immhb() as u8;
            let double = immhb >> 6 != 0;
            let fraction = if double { 128 - immhb } else { 64u8.checked_sub(immhb)? };
            let to = matches!(
                op,
                Op::FcvtzsFixedVec | Op::FcvtzsFixedScalar | Op::FcvtzuFixedVec | Op::FcvtzuFixedScalar
            );
            let kind = if to {
                if double && unsigned && !w.bit(28) {
                    return None;
                }
                Kind::ToInt { mode: Round::Zero, unsigned, sf: double, fraction, vector: true }
            } else {
                Kind::FromInt { unsigned, sf: double, fraction, vector: true }
            };
            let lanes = match (w.bit(28), w.q()) {
                (true, _) => Lanes::Scalar,
                (false, true) => Lanes::Full,
                (false, false) if !double => Lanes::Half,
                _ => return None,
            };
            (immhb >= 32).then_some(Float { kind, double, lanes, ..f })
        }
        Op::FcvtlVec => Some(Float { kind: Kind::VectorLengthen { half: !double, upper: w.q() }, ..f }),
        Op::FcvtnVec => Some(Float { kind: Kind::VectorShorten { half: !double, upper: w.q() }, ..f }),
        _ => None,
    }
}
