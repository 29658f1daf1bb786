//! Advanced SIMD shift by immediate, vector and scalar.

use a64::{Op, Word};

use super::simd_fp_two_reg_misc;
use super::simd_lanes::{Lane, Lanes, part, shift, write, write_part};
use crate::State;
use crate::exception::{Exception, Step};

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    use Op::*;
    if matches!(op, ScvtfFixedVec | ScvtfFixedScalar | UcvtfFixedVec | UcvtfFixedScalar)
        || matches!(op, FcvtzsFixedVec | FcvtzsFixedScalar | FcvtzuFixedVec | FcvtzuFixedScalar)
    {
        return simd_fp_two_reg_misc::execute_fixed(state, op, w);
    }
    // The highest bit of immh names the size; what follows is the amount.
    let immhb = w.immhb() as i32;
    let size = match immhb >> 3 {
        0 => return Err(Exception::undefined()),
        immh => immh.ilog2(),
    };
    let bits = 8 << size;
    let (left, right) = (immhb - bits, 2 * bits - immhb);
    if let Some(narrowing) = narrowing(op) {
        narrow(state, w, size, right, narrowing);
        return Ok(());
    }
    let n = state.v[w.rn()];
    if matches!(op, SshllImmVec | UshllImmVec) {
        let narrow = Lanes::vector(size, false);
        let low = part(n, w.q());
        write(state, w, narrow.wider().build(|i| (narrow.int(low, i, w.bit(29)) << left) as u64));
        return Ok(());
    }
    let lanes = Lanes::of(w, size);
    let (amount, function) = lookup(op, left, -right).ok_or(Exception::undefined())?;
    let unsigned = w.bit(29);
    let d = state.v[w.rd()];
    let mut lane = Lane::new(lanes.bits(), unsigned);
    let result = lanes
        .build(|i| function(&mut lane, lanes.int(d, i, unsigned), lanes.int(n, i, unsigned), amount) as u64);
    lane.report(state);
    write(state, w, result);
    Ok(())
}

/// What an operation computes from a lane of the destination, one of the operand, and the amount.
type Function = fn(&mut Lane, i128, i128, i32) -> i128;

/// The amount (to the left if positive) and function of an operation within one lane size.
fn lookup(op: Op, left: i32, right: i32) -> Option<(i32, Function)> {
    use Op::*;
    Some(match op {
        SshrImmVec | SshrImmScalar | UshrImmVec | UshrImmScalar => {
            (right, |lane, _, n, by| shift(n, by, false, lane.bits))
        }
        SrshrImmVec | SrshrImmScalar | UrshrImmVec | UrshrImmScalar => {
            (right, |lane, _, n, by| shift(n, by, true, lane.bits))
        }
        SsraImmVec | SsraImmScalar | UsraImmVec | UsraImmScalar => {
            (right, |lane, d, n, by| d + shift(n, by, false, lane.bits))
        }
        SrsraImmVec | SrsraImmScalar | UrsraImmVec | UrsraImmScalar => {
            (right, |lane, d, n, by| d + shift(n, by, true, lane.bits))
        }
        ShlImmVec | ShlImmScalar => (left, |_, _, n, by| n << by),
        SqshlImmVec | SqshlImmScalar | UqshlImmVec | UqshlImmScalar => {
            (left, |lane, _, n, by| lane.saturate(n << by))
        }
        SqshluImmVec | SqshluImmScalar => (left, |lane, _, n, by| {
            // The operand is signed although U is set; the result saturates as unsigned.
            let above = 128 - lane.bits;
            lane.saturate((n << above >> above) << by)
        }),
        SliImmVec | SliImmScalar => (left, |_, d, n, by| n << by | d & ((1 << by) - 1)),
        SriImmVec | SriImmScalar => (right, |lane, d, n, by| {
            let kept = ((1i128 << lane.bits) - 1) >> -by;
            n >> -by & kept | d & !kept
        }),
        _ => return None,
    })
}

/// How a narrowing shift rounds, reads and saturates.
#[derive(Clone, Copy)]
struct Narrowing {
    round: bool,
    unsigned_operand: bool,
    /// Whether the result saturates to an unsigned range; `None`: it does not saturate.
    saturation: Option<bool>,
}

fn narrowing(op: Op) -> Option<Narrowing> {
    use Op::*;
    let (round, unsigned_operand, saturation) = match op {
        ShrnImmVec => (false, true, None),
        RshrnImmVec => (true, true, None),
        SqshrnImmVec | SqshrnImmScalar => (false, false, Some(false)),
        SqrshrnImmVec | SqrshrnImmScalar => (true, false, Some(false)),
        UqshrnImmVec | UqshrnImmScalar => (false, true, Some(true)),
        UqrshrnImmVec | UqrshrnImmScalar => (true, true, Some(true)),
        SqshrunImmVec | SqshrunImmScalar => (false, false, Some(true)),
        SqrshrunImmVec | SqrshrunImmScalar => (true, false, Some(true)),
        _ => return None,
    };
    Some(Narrowing { round, unsigned_operand, saturation })
}

fn narrow(state: &mut State, w: Word, size: u32, right: i32, kind: Narrowing) {
    let narrow = if w.bit(28) { Lanes::of(w, size) } else { Lanes::vector(size, false) };
    let wide = narrow.wider();
    let n = state.v[w.rn()];
    let mut lane = Lane::new(narrow.bits(), false);
    let result = narrow.build(|i| {
        let value = shift(wide.int(n, i, kind.unsigned_operand), -right, kind.round, wide.bits());
        kind.saturation.map_or(value, |unsigned| lane.saturate_as(unsigned, value)) as u64
    });
    lane.report(state);
    write_part(state, w, result);
}
