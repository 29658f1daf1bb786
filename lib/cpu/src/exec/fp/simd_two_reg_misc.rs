//! Advanced SIMD two-register miscellaneous: integers, vector and scalar.

use a64::{Op, Word};

use super::simd_fp_two_reg_misc;
use super::simd_lanes::{Lane, Lanes, mask, part, write, write_part};
use crate::State;
use crate::exception::Step;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let lanes = Lanes::of(w, w.esize());
    if let Some(result) = bits(op, lanes, n) {
        write(state, w, result);
        return Ok(());
    }
    match op {
        Op::SaddlpVec | Op::UaddlpVec | Op::SadalpVec | Op::UadalpVec => {
            let wide = Lanes { size: lanes.size + 1, count: lanes.count / 2 };
            let unsigned = w.bit(29);
            let accumulate = matches!(op, Op::SadalpVec | Op::UadalpVec);
            let result = wide.build(|i| {
                let sum = lanes.int(n, 2 * i, unsigned) + lanes.int(n, 2 * i + 1, unsigned);
                (if accumulate { sum + wide.get(d, i) as i128 } else { sum }) as u64
            });
            write(state, w, result);
        }
        Op::ShllVec => {
            let narrow = Lanes::vector(lanes.size, false);
            let n = part(n, w.q());
            write(state, w, narrow.wider().build(|i| narrow.get(n, i) << narrow.bits()));
        }
        _ => match narrowing(op) {
            Some(kind) => narrow(state, w, kind),
            None => {
                let Some(function) = lookup(op) else {
                    return simd_fp_two_reg_misc::execute(state, op, w);
                };
                let mut lane = Lane::new(lanes.bits(), w.bit(29));
                let result = lanes
                    .build(|i| function(&mut lane, lanes.int(d, i, false), lanes.int(n, i, false)) as u64);
                lane.report(state);
                write(state, w, result);
            }
        },
    }
    Ok(())
}

/// What an operation computes from a lane of the destination and one of the operand, both read as signed.
type Function = fn(&mut Lane, i128, i128) -> i128;

fn lookup(op: Op) -> Option<Function> {
    use Op::*;
    /// A lane read as signed, as an unsigned number.
    fn unsigned(lane: &Lane, value: i128) -> i128 {
        value & ((1 << lane.bits) - 1)
    }
    Some(match op {
        SuqaddVec | SuqaddScalar => |lane, d, n| lane.saturate_as(false, d + unsigned(lane, n)),
        UsqaddVec | UsqaddScalar => |lane, d, n| lane.saturate_as(true, unsigned(lane, d) + n),
        SqabsVec | SqabsScalar => |lane, _, n| lane.saturate_as(false, n.abs()),
        SqnegVec | SqnegScalar => |lane, _, n| lane.saturate_as(false, -n),
        AbsVec | AbsScalar => |_, _, n| n.abs(),
        NegVec | NegScalar => |_, _, n| -n,
        CmgtZeroVec | CmgtZeroScalar => |_, _, n| mask(n > 0),
        CmgeZeroVec | CmgeZeroScalar => |_, _, n| mask(n >= 0),
        CmeqZeroVec | CmeqZeroScalar => |_, _, n| mask(n == 0),
        CmleZeroVec | CmleZeroScalar => |_, _, n| mask(n <= 0),
        CmltZeroVec | CmltZeroScalar => |_, _, n| mask(n < 0),
        _ => return None,
    })
}

/// The operations on bit patterns.
fn bits(op: Op, lanes: Lanes, n: u128) -> Option<u128> {
    let above = 64u32.saturating_sub(lanes.bits());
    Some(match op {
        Op::NotVec => lanes.clip(!n),
        Op::Rev64Vec => reversed(lanes, 3, n),
        Op::Rev32Vec => reversed(lanes, 2, n),
        Op::Rev16Vec => reversed(lanes, 1, n),
        Op::ClzVec => lanes.map(n, |x| (x.leading_zeros() - above) as u64),
        Op::ClsVec => lanes.map(n, |x| {
            let x = lanes.sign(x);
            // The sign bits beyond the first one.
            ((x ^ x >> 1) as u64).leading_zeros().saturating_sub(above + 1).min(lanes.bits() - 1) as u64
        }),
        // The size field of these two tells them from NOT; they work on bytes.
        Op::CntVec => bytes(lanes).map(n, |x| x.count_ones() as u64),
        Op::RbitVec => bytes(lanes).map(n, |x| (x as u8).reverse_bits() as u64),
        _ => return None,
    })
}

fn bytes(lanes: Lanes) -> Lanes {
    Lanes { size: 0, count: lanes.count << lanes.size }
}

/// Reverses the order of the lanes within groups of 2^`group` bytes.
fn reversed(lanes: Lanes, group: u32, n: u128) -> u128 {
    let flip = (1 << group.saturating_sub(lanes.size)) - 1;
    lanes.build(|i| lanes.get(n, i ^ flip))
}

/// How a narrowing operation reads and saturates: `None` just truncates.
#[derive(Clone, Copy)]
struct Narrowing {
    unsigned_operand: bool,
    /// Whether the result saturates to an unsigned range; `None`: it does not saturate.
    saturation: Option<bool>,
}

fn narrowing(op: Op) -> Option<Narrowing> {
    use Op::*;
    let (unsigned_operand, saturation) = match op {
        XtnVec => (true, None),
        SqxtnVec | SqxtnScalar => (false, Some(false)),
        UqxtnVec | UqxtnScalar => (true, Some(true)),
        SqxtunVec | SqxtunScalar => (false, Some(true)),
        _ => return None,
    };
    Some(Narrowing { unsigned_operand, saturation })
}

fn narrow(state: &mut State, w: Word, kind: Narrowing) {
    let narrow = if w.bit(28) { Lanes::of(w, w.esize()) } else { Lanes::vector(w.esize(), false) };
    let wide = narrow.wider();
    let n = state.v[w.rn()];
    let mut lane = Lane::new(narrow.bits(), false);
    let result = narrow.build(|i| {
        let value = wide.int(n, i, kind.unsigned_operand);
        kind.saturation.map_or(value, |unsigned| lane.saturate_as(unsigned, value)) as u64
    });
    lane.report(state);
    write_part(state, w, result);
}
