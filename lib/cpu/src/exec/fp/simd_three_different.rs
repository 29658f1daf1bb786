//! Advanced SIMD three registers of different types: widening and narrowing, vector, scalar and by element.

use a64::{Op, Word};

use super::simd_lanes::{LOW, Lane, Lanes, part, write, write_part};
use super::simd_three_same::polynomial_product;
use crate::State;
use crate::exception::{Exception, Step};

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let m = state.v[w.rm()];
    run(state, op, w, w.esize(), m)
}

/// Executes `op` on lanes of `size` with `m` as the second operand.
pub(super) fn run(state: &mut State, op: Op, w: Word, size: u32, m: u128) -> Step {
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    // The narrow operands: the lower or, with Q, the upper half of the registers.
    let upper = w.q() && !w.bit(28);
    let narrow = if w.bit(28) { Lanes::of(w, size) } else { Lanes::vector(size, false) };
    if op == Op::PmullVec {
        let result = match size {
            0 => product_of_bytes(part(n, upper), part(m, upper)),
            _ => polynomial_product(part(n, upper) as u64, part(m, upper) as u64),
        };
        write(state, w, result);
        return Ok(());
    }
    if let Some(result) = high_half(op, narrow, n, m) {
        write_part(state, w, result);
        return Ok(());
    }
    let (function, wide_n) = lookup(op).ok_or(Exception::undefined())?;
    let unsigned = w.bit(29);
    let wide = narrow.wider();
    let mut lane = Lane::new(wide.bits(), unsigned);
    let (low_n, low_m) = (part(n, upper), part(m, upper));
    let result = wide.build(|i| {
        let a = if wide_n { wide.int(n, i, unsigned) } else { narrow.int(low_n, i, unsigned) };
        function(&mut lane, wide.int(d, i, unsigned), a, narrow.int(low_m, i, unsigned)) as u64
    });
    lane.report(state);
    write(state, w, result);
    Ok(())
}

type Function = fn(&mut Lane, i128, i128, i128) -> i128;

/// The function of a widening operation, and whether its first operand is wide already.
fn lookup(op: Op) -> Option<(Function, bool)> {
    use Op::*;
    Some(match op {
        SaddlVec | UaddlVec => (|_, _, a, b| a + b, false),
        SsublVec | UsublVec => (|_, _, a, b| a - b, false),
        SaddwVec | UaddwVec => (|_, _, a, b| a + b, true),
        SsubwVec | UsubwVec => (|_, _, a, b| a - b, true),
        SabdlVec | UabdlVec => (|_, _, a, b| (a - b).abs(), false),
        SabalVec | UabalVec => (|_, d, a, b| d + (a - b).abs(), false),
        SmullVec | UmullVec | SmullElem | UmullElem => (|_, _, a, b| a * b, false),
        SmlalVec | UmlalVec | SmlalElem | UmlalElem => (|_, d, a, b| d + a * b, false),
        SmlslVec | UmlslVec | SmlslElem | UmlslElem => (|_, d, a, b| d - a * b, false),
        SqdmullVec | SqdmullScalar | SqdmullElem | SqdmullElemScalar => {
            (|lane, _, a, b| lane.saturate(2 * a * b), false)
        }
        SqdmlalVec | SqdmlalScalar | SqdmlalElem | SqdmlalElemScalar => (
            |lane, d, a, b| {
                let product = lane.saturate(2 * a * b);
                lane.saturate(d + product)
            },
            false,
        ),
        SqdmlslVec | SqdmlslScalar | SqdmlslElem | SqdmlslElemScalar => (
            |lane, d, a, b| {
                let product = lane.saturate(2 * a * b);
                lane.saturate(d - product)
            },
            false,
        ),
        _ => return None,
    })
}

/// ADDHN, SUBHN and their rounding forms: the upper halves of wide sums.
fn high_half(op: Op, narrow: Lanes, n: u128, m: u128) -> Option<u128> {
    let (subtract, round) = match op {
        Op::AddhnVec => (false, false),
        Op::RaddhnVec => (false, true),
        Op::SubhnVec => (true, false),
        Op::RsubhnVec => (true, true),
        _ => return None,
    };
    let wide = narrow.wider();
    let half = if round { 1u64 << (narrow.bits() - 1) } else { 0 };
    Some(narrow.build(|i| {
        let (a, b) = (wide.get(n, i), wide.get(m, i));
        let sum = if subtract { a.wrapping_sub(b) } else { a.wrapping_add(b) };
        sum.wrapping_add(half) >> narrow.bits()
    }))
}

fn product_of_bytes(n: u128, m: u128) -> u128 {
    let bytes = Lanes::vector(0, false);
    bytes.wider().build(|i| (polynomial_product(bytes.get(n, i), bytes.get(m, i)) & LOW) as u64)
}
