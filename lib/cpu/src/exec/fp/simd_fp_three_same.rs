//! Advanced SIMD three registers of the same type: floating point, vector and scalar, all precisions.

use a64::{Op, Word};

use super::simd_lanes::{Lanes, part, single_or_double, size_of_format, with_env, write};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::{self, Env, Format, Order};

/// What an operation computes from a lane of the destination and one of each operand.
pub(super) type Function = fn(Format, u64, u64, u64, &mut Env) -> u64;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    // The half-precision class has bit 21 clear.
    let format = if w.bit(21) { single_or_double(w) } else { Format::Half };
    let lanes = Lanes::of(w, size_of_format(format));
    let (d, n, m) = (state.v[w.rd()], state.v[w.rn()], state.v[w.rm()]);
    let function = lookup(op).ok_or(Exception::undefined())?;
    let (n, m) = if is_pairwise(op) {
        let pairs = |odd| lanes.build(|i| lanes.of_pair(n, m, 2 * i + odd));
        (pairs(0), pairs(1))
    } else {
        (n, m)
    };
    let result = apply(state, format, lanes, function, d, n, m);
    write(state, w, result);
    Ok(())
}

/// Applies `function` to every lane.
pub(super) fn apply(
    state: &mut State,
    format: Format,
    lanes: Lanes,
    function: Function,
    d: u128,
    n: u128,
    m: u128,
) -> u128 {
    with_env(state, |env| {
        lanes.build(|i| function(format, lanes.get(d, i), lanes.get(n, i), lanes.get(m, i), env))
    })
}

fn is_pairwise(op: Op) -> bool {
    use Op::*;
    matches!(
        op,
        FaddpVec
            | FaddpVecHalf
            | FmaxpVec
            | FmaxpVecHalf
            | FminpVec
            | FminpVecHalf
            | FmaxnmpVec
            | FmaxnmpVecHalf
            | FminnmpVec
            | FminnmpVecHalf
    )
}

/// All ones for true.
fn mask(condition: bool) -> u64 {
    (condition as u64).wrapping_neg()
}

/// Whether the comparison that FCMGE and FACGE make holds.
fn at_least(order: Order) -> u64 {
    mask(matches!(order, Order::Greater | Order::Equal))
}

/// The function of an operation; pairwise and by-element forms are the same functions.
pub(super) fn lookup(op: Op) -> Option<Function> {
    use Op::*;
    Some(match op {
        FaddVec | FaddVecHalf | FaddpVec | FaddpVecHalf | FaddpScalar | FaddpScalarHalf => {
            |f, _, a, b, env| fp::add(f, a, b, env)
        }
        FsubVec | FsubVecHalf => |f, _, a, b, env| fp::sub(f, a, b, env),
        FmulVec | FmulVecHalf | FmulElem | FmulElemHalf | FmulElemScalar | FmulElemScalarHalf => {
            |f, _, a, b, env| fp::mul(f, a, b, env)
        }
        FmulxVec | FmulxVecHalf | FmulxScalar | FmulxScalarHalf | FmulxElem | FmulxElemHalf
        | FmulxElemScalar | FmulxElemScalarHalf => |f, _, a, b, env| fp::mulx(f, a, b, env),
        FdivVec | FdivVecHalf => |f, _, a, b, env| fp::div(f, a, b, env),
        FmlaVec | FmlaVecHalf | FmlaElem | FmlaElemHalf | FmlaElemScalar | FmlaElemScalarHalf => {
            |f, d, a, b, env| fp::mul_add(f, d, a, b, env)
        }
        FmlsVec | FmlsVecHalf | FmlsElem | FmlsElemHalf | FmlsElemScalar | FmlsElemScalarHalf => {
            |f, d, a, b, env| fp::mul_add(f, d, f.neg(a), b, env)
        }
        FmaxVec | FmaxVecHalf | FmaxpVec | FmaxpVecHalf | FmaxpScalar | FmaxpScalarHalf | Fmaxv
        | FmaxvHalf => |f, _, a, b, env| fp::max(f, a, b, env),
        FminVec | FminVecHalf | FminpVec | FminpVecHalf | FminpScalar | FminpScalarHalf | Fminv
        | FminvHalf => |f, _, a, b, env| fp::min(f, a, b, env),
        FmaxnmVec | FmaxnmVecHalf | FmaxnmpVec | FmaxnmpVecHalf | FmaxnmpScalar | FmaxnmpScalarHalf
        | Fmaxnmv | FmaxnmvHalf => |f, _, a, b, env| fp::max_num(f, a, b, env),
        FminnmVec | FminnmVecHalf | FminnmpVec | FminnmpVecHalf | FminnmpScalar | FminnmpScalarHalf
        | Fminnmv | FminnmvHalf => |f, _, a, b, env| fp::min_num(f, a, b, env),
        FabdVec | FabdVecHalf | FabdScalar | FabdScalarHalf => |f, _, a, b, env| f.abs(fp::sub(f, a, b, env)),
        FrecpsVec | FrecpsVecHalf | FrecpsScalar | FrecpsScalarHalf => {
            |f, _, a, b, env| fp::recip_step(f, a, b, env)
        }
        FrsqrtsVec | FrsqrtsVecHalf | FrsqrtsScalar | FrsqrtsScalarHalf => {
            |f, _, a, b, env| fp::rsqrt_step(f, a, b, env)
        }
        FcmeqVec | FcmeqVecHalf | FcmeqScalar | FcmeqScalarHalf => {
            |f, _, a, b, env| mask(fp::compare_quiet(f, a, b, env) == Order::Equal)
        }
        FcmgeVec | FcmgeVecHalf | FcmgeScalar | FcmgeScalarHalf => {
            |f, _, a, b, env| at_least(fp::compare_signalling(f, a, b, env))
        }
        FcmgtVec | FcmgtVecHalf | FcmgtScalar | FcmgtScalarHalf => {
            |f, _, a, b, env| mask(fp::compare_signalling(f, a, b, env) == Order::Greater)
        }
        FacgeVec | FacgeVecHalf | FacgeScalar | FacgeScalarHalf => {
            |f, _, a, b, env| at_least(fp::compare_signalling(f, f.abs(a), f.abs(b), env))
        }
        FacgtVec | FacgtVecHalf | FacgtScalar | FacgtScalarHalf => {
            |f, _, a, b, env| mask(fp::compare_signalling(f, f.abs(a), f.abs(b), env) == Order::Greater)
        }
        _ => return None,
    })
}

/// FMLAL, FMLSL and the forms of their upper halves: products of halves added to singles.
pub(super) fn execute_long(state: &mut State, op: Op, w: Word) -> Step {
    let m = state.v[w.rm()];
    run_long(state, op, w, m)
}

/// [`execute_long`] with `m` as the second operand.
pub(super) fn run_long(state: &mut State, op: Op, w: Word, m: u128) -> Step {
    let (negate, upper) = match op {
        Op::FmlalVec | Op::FmlalElem => (false, false),
        Op::FmlslVec | Op::FmlslElem => (true, false),
        Op::Fmlal2Vec | Op::Fmlal2Elem => (false, true),
        Op::Fmlsl2Vec | Op::Fmlsl2Elem => (true, true),
        _ => return Err(Exception::undefined()),
    };
    let singles = Lanes::vector(2, w.q());
    let halves = Lanes { size: 1, ..singles };
    let first = if upper { singles.count } else { 0 };
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let result = with_env(state, |env| {
        singles.build(|i| {
            let a = halves.get(n, first + i);
            let a = if negate { Format::Half.neg(a) } else { a };
            fp::mul_add_half(singles.get(d, i), a, halves.get(m, first + i), env)
        })
    });
    write(state, w, result);
    Ok(())
}

/// FCMLA and FCADD: lanes in pairs are complex numbers, real part first.
pub(super) fn execute_complex(state: &mut State, op: Op, w: Word) -> Step {
    let m = state.v[w.rm()];
    match op {
        Op::FcmlaVec => complex_multiply(state, w, w.esize(), m, w.bits(12, 11)),
        Op::FcaddVec => complex_add(state, w, m),
        _ => Err(Exception::undefined()),
    }
}

fn format_of_size(size: u32) -> Result<Format, Exception> {
    match size {
        1 => Ok(Format::Half),
        2 => Ok(Format::Single),
        3 => Ok(Format::Double),
        _ => Err(Exception::undefined()),
    }
}

/// FCMLA with a rotation of `rot` quarter turns: half of a complex product added to the destination.
pub(super) fn complex_multiply(state: &mut State, w: Word, size: u32, m: u128, rot: u32) -> Step {
    let format = format_of_size(size)?;
    let lanes = Lanes::vector(size, w.q());
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let negate_if = |condition, value| if condition { format.neg(value) } else { value };
    let result = with_env(state, |env| {
        lanes.build(|i| {
            let (real, imaginary) = (i & !1, i | 1);
            // Turns 1 and 3 multiply by the imaginary part of n, crossing the parts of m over.
            let factor = lanes.get(n, if rot & 1 == 0 { real } else { imaginary });
            let other = lanes.get(m, if rot & 1 == 0 { i } else { i ^ 1 });
            let negative = match rot {
                0 => false,
                1 => i == real,
                2 => true,
                _ => i == imaginary,
            };
            fp::mul_add(format, lanes.get(d, i), factor, negate_if(negative, other), env)
        })
    });
    write(state, w, result);
    Ok(())
}

/// FCADD: adds m turned by 90 degrees, or with bit 12 by 270.
fn complex_add(state: &mut State, w: Word, m: u128) -> Step {
    let format = format_of_size(w.esize())?;
    let lanes = Lanes::vector(w.esize(), w.q());
    let n = state.v[w.rn()];
    let result = with_env(state, |env| {
        lanes.build(|i| {
            let turned = lanes.get(m, i ^ 1);
            let negative = (i & 1 == 0) != w.bit(12);
            fp::add(format, lanes.get(n, i), if negative { format.neg(turned) } else { turned }, env)
        })
    });
    write(state, w, result);
    Ok(())
}

/// BFDOT, BFMMLA, BFMLALB and BFMLALT, with `m` as the second operand.
pub(super) fn bfloat(state: &mut State, op: Op, w: Word, m: u128) -> Step {
    let singles = Lanes::vector(2, w.q());
    let halves = Lanes { size: 1, ..singles };
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let pair = |v, i| (halves.get(v, i) as u16, halves.get(v, i + 1) as u16);
    let result = match op {
        Op::BfdotVec | Op::BfdotElem => {
            singles.build(|i| fp::bfloat_dot(singles.get(d, i) as u32, pair(n, 2 * i), pair(m, 2 * i)) as u64)
        }
        Op::BfmmlaVec => singles.build(|i| {
            let (row, column) = (i / 2 * 4, i % 2 * 4);
            let first = fp::bfloat_dot(singles.get(d, i) as u32, pair(n, row), pair(m, column));
            fp::bfloat_dot(first, pair(n, row + 2), pair(m, column + 2)) as u64
        }),
        Op::BfmlalVec | Op::BfmlalElem => {
            // Bottom or, with Q, top of each pair; always four lanes, and an ordinary fused multiply-add.
            let singles = Lanes::vector(2, true);
            let wide = |v, i| fp::bfloat_to_single(halves.get(v, 2 * i + w.q() as u32) as u16) as u64;
            with_env(state, |env| {
                singles.build(|i| fp::mul_add(Format::Single, singles.get(d, i), wide(n, i), wide(m, i), env))
            })
        }
        _ => return Err(Exception::undefined()),
    };
    write(state, w, result);
    Ok(())
}

/// The scalar pairwise class: one operation on the two lowest lanes.
pub(super) fn execute_scalar_pair(state: &mut State, op: Op, w: Word) -> Step {
    let n = state.v[w.rn()];
    if op == Op::AddpScalar {
        write(state, w, (n as u64).wrapping_add(part(n, true) as u64) as u128);
        return Ok(());
    }
    // The half-precision forms have U clear.
    let format = if w.bit(29) { single_or_double(w) } else { Format::Half };
    let lanes = Lanes { size: size_of_format(format), count: 1 };
    let function = lookup(op).ok_or(Exception::undefined())?;
    let result = apply(state, format, lanes, function, 0, n, lanes.get(n, 1) as u128);
    write(state, w, result);
    Ok(())
}
