//! Advanced SIMD three registers of the same type: integers, vector and scalar.
//!
//! The operations of the by-element class that work lane by lane are these too, with the element
//! repeated in every lane of the second operand.

use a64::{Op, Word};

use super::simd_lanes::{Lane, Lanes, mask, shift, write};
use crate::State;
use crate::exception::{Exception, Step};

/// What an operation computes from a lane of the destination and one of each operand.
pub(super) type Function = fn(&mut Lane, i128, i128, i128) -> i128;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n, m) = (state.v[w.rd()], state.v[w.rn()], state.v[w.rm()]);
    let lanes = Lanes::of(w, w.esize());
    let result = match logical(op, d, n, m) {
        Some(result) => lanes.clip(result),
        None => {
            let (function, unsigned) = lookup(op, w).ok_or(Exception::undefined())?;
            match op {
                Op::AddpVec | Op::SmaxpVec | Op::SminpVec | Op::UmaxpVec | Op::UminpVec => {
                    let pairs = |odd| lanes.build(|i| lanes.of_pair(n, m, 2 * i + odd));
                    apply(state, lanes, unsigned, function, d, pairs(0), pairs(1))
                }
                _ => apply(state, lanes, unsigned, function, d, n, m),
            }
        }
    };
    write(state, w, result);
    Ok(())
}

/// Applies `function` to every lane and reports saturation.
pub(super) fn apply(
    state: &mut State,
    lanes: Lanes,
    unsigned: bool,
    function: Function,
    d: u128,
    n: u128,
    m: u128,
) -> u128 {
    let mut lane = Lane::new(lanes.bits(), unsigned);
    let int = |v, i| lanes.int(v, i, unsigned);
    let result = lanes.build(|i| function(&mut lane, int(d, i), int(n, i), int(m, i)) as u64);
    lane.report(state);
    result
}

/// The operations that know no lanes.
fn logical(op: Op, d: u128, n: u128, m: u128) -> Option<u128> {
    Some(match op {
        Op::AndVec => n & m,
        Op::BicVec => n & !m,
        Op::OrrVec => n | m,
        Op::OrnVec => n | !m,
        Op::EorVec => n ^ m,
        Op::BslVec => m ^ (m ^ n) & d,
        Op::BitVec => d ^ (d ^ n) & m,
        Op::BifVec => d ^ (d ^ n) & !m,
        _ => return None,
    })
}

/// The function of a lane-wise operation, and whether its operands are unsigned.
pub(super) fn lookup(op: Op, w: Word) -> Option<(Function, bool)> {
    use Op::*;
    // Where an operation has a signed and an unsigned form, bit 29 (U) tells them apart.
    let u = w.bit(29);
    Some(match op {
        ShaddVec | UhaddVec => (|_, _, a, b| (a + b) >> 1, u),
        SrhaddVec | UrhaddVec => (|_, _, a, b| (a + b + 1) >> 1, u),
        ShsubVec | UhsubVec => (|_, _, a, b| (a - b) >> 1, u),
        SqaddVec | SqaddScalar | UqaddVec | UqaddScalar => (|lane, _, a, b| lane.saturate(a + b), u),
        SqsubVec | SqsubScalar | UqsubVec | UqsubScalar => (|lane, _, a, b| lane.saturate(a - b), u),
        CmgtVec | CmgtScalar | CmhiVec | CmhiScalar => (|_, _, a, b| mask(a > b), u),
        CmgeVec | CmgeScalar | CmhsVec | CmhsScalar => (|_, _, a, b| mask(a >= b), u),
        CmtstVec | CmtstScalar => (|_, _, a, b| mask(a & b != 0), true),
        CmeqVec | CmeqScalar => (|_, _, a, b| mask(a == b), true),
        SshlVec | SshlScalar | UshlVec | UshlScalar => {
            (|lane, _, a, b| shift(a, b as i8 as i32, false, lane.bits), u)
        }
        SrshlVec | SrshlScalar | UrshlVec | UrshlScalar => {
            (|lane, _, a, b| shift(a, b as i8 as i32, true, lane.bits), u)
        }
        SqshlVec | SqshlScalar | UqshlVec | UqshlScalar => {
            (|lane, _, a, b| lane.saturate(shift(a, b as i8 as i32, false, lane.bits)), u)
        }
        SqrshlVec | SqrshlScalar | UqrshlVec | UqrshlScalar => {
            (|lane, _, a, b| lane.saturate(shift(a, b as i8 as i32, true, lane.bits)), u)
        }
        SmaxVec | UmaxVec | SmaxpVec | UmaxpVec => (|_, _, a, b| a.max(b), u),
        SminVec | UminVec | SminpVec | UminpVec => (|_, _, a, b| a.min(b), u),
        SabdVec | UabdVec => (|_, _, a, b| (a - b).abs(), u),
        SabaVec | UabaVec => (|_, d, a, b| d + (a - b).abs(), u),
        AddVec | AddScalar | AddpVec => (|_, _, a, b| a + b, true),
        SubVec | SubScalar => (|_, _, a, b| a - b, true),
        MulVec | MulElem => (|_, _, a, b| a * b, false),
        MlaVec | MlaElem => (|_, d, a, b| d + a * b, false),
        MlsVec | MlsElem => (|_, d, a, b| d - a * b, false),
        PmulVec => (|_, _, a, b| polynomial_product(a as u64, b as u64) as i128, true),
        SqdmulhVec | SqdmulhScalar | SqdmulhElem | SqdmulhElemScalar => {
            (|lane, _, a, b| lane.saturate((2 * a * b) >> lane.bits), false)
        }
        SqrdmulhVec | SqrdmulhScalar | SqrdmulhElem | SqrdmulhElemScalar => {
            (|lane, _, a, b| lane.saturate((2 * a * b + (1 << (lane.bits - 1))) >> lane.bits), false)
        }
        SqrdmlahVec | SqrdmlahScalar | SqrdmlahElem | SqrdmlahElemScalar => {
            (|lane, d, a, b| rounding_accumulate(lane, d, 2 * a * b), false)
        }
        SqrdmlshVec | SqrdmlshScalar | SqrdmlshElem | SqrdmlshElemScalar => {
            (|lane, d, a, b| rounding_accumulate(lane, d, -2 * a * b), false)
        }
        _ => return None,
    })
}

/// The high half of `d:0 + product`, rounded and saturated.
fn rounding_accumulate(lane: &mut Lane, d: i128, product: i128) -> i128 {
    lane.saturate(((d << lane.bits) + product + (1 << (lane.bits - 1))) >> lane.bits)
}

/// PolynomialMult: the product of two polynomials over GF(2), one bit a coefficient.
pub(super) fn polynomial_product(a: u64, b: u64) -> u128 {
    let (mut rest, mut product) = (a, 0);
    while rest != 0 {
        product ^= (b as u128) << rest.trailing_zeros();
        rest &= rest - 1;
    }
    product
}

/// The dot products and matrix products of 8-bit integers: groups of four products added to a 32-bit lane.
pub(super) fn dot(op: Op, lanes: Lanes, d: u128, n: u128, m: u128) -> Option<u128> {
    let (unsigned_n, unsigned_m) = match op {
        Op::SdotVec | Op::SdotElem | Op::SmmlaVec => (false, false),
        Op::UdotVec | Op::UdotElem | Op::UmmlaVec => (true, true),
        Op::UsdotVec | Op::UsdotElem | Op::UsmmlaVec => (true, false),
        Op::SudotElem => (false, true),
        _ => return None,
    };
    let bytes = Lanes::vector(0, true);
    let sum = |i: u32, j: u32, count: u32| -> i128 {
        let product = |k| bytes.int(n, i + k, unsigned_n) * bytes.int(m, j + k, unsigned_m);
        (0..count).map(product).sum()
    };
    let matrix = matches!(op, Op::SmmlaVec | Op::UmmlaVec | Op::UsmmlaVec);
    Some(lanes.build(|i| {
        // A matrix product takes row i / 2 of n and row i % 2 of m, eight bytes each.
        let products = if matrix { sum(i / 2 * 8, i % 2 * 8, 8) } else { sum(i * 4, i * 4, 4) };
        (lanes.get(d, i) as i128 + products) as u64
    }))
}
