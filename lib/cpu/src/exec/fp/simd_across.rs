//! Advanced SIMD across lanes: one result from all lanes of a vector.

use a64::{Op, Word};

use super::simd_fp_three_same;
use super::simd_lanes::{Lanes, size_of_format, with_env, write};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::{Env, Format};

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    use Op::*;
    let n = state.v[w.rn()];
    if let Some(function) = simd_fp_three_same::lookup(op) {
        // The half-precision forms have U clear.
        let format = if w.bit(29) { Format::Single } else { Format::Half };
        let lanes = Lanes::of(w, size_of_format(format));
        let result = with_env(state, |env| reduce(lanes, format, function, n, 0, lanes.count, env));
        write(state, w, result as u128);
        return Ok(());
    }
    let lanes = Lanes::of(w, w.esize());
    let unsigned = w.bit(29);
    let ints = (0..lanes.count).map(|i| lanes.int(n, i, unsigned));
    let (result, size) = match op {
        Saddlv | Uaddlv => (ints.sum(), lanes.size + 1),
        Addv => (ints.sum(), lanes.size),
        Smaxv | Umaxv => (ints.max().unwrap_or(0), lanes.size),
        Sminv | Uminv => (ints.min().unwrap_or(0), lanes.size),
        _ => return Err(Exception::undefined()),
    };
    write(state, w, Lanes { size, count: 1 }.clip(result as u128));
    Ok(())
}

/// Reduce: halves first, so that the order of operands decides between NaNs as the manual says.
fn reduce(
    lanes: Lanes,
    format: Format,
    function: simd_fp_three_same::Function,
    n: u128,
    first: u32,
    count: u32,
    env: &mut Env,
) -> u64 {
    if count <= 1 {
        return lanes.get(n, first);
    }
    let half = count / 2;
    let low = reduce(lanes, format, function, n, first, half, env);
    let high = reduce(lanes, format, function, n, first + half, half, env);
    function(format, 0, low, high, env)
}
