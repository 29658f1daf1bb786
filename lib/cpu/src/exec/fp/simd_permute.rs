//! Advanced SIMD permute, extract and table lookup.

use a64::{Op, Word};

use super::simd_lanes::{Lanes, write};
use crate::State;
use crate::exception::{Exception, Step};

/// ZIP1, ZIP2, UZP1, UZP2, TRN1 and TRN2.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    let (n, m) = (state.v[w.rn()], state.v[w.rm()]);
    let lanes = Lanes::of(w, w.esize());
    let (count, zip) =
        (lanes.count, |i: u32| if i & 1 == 0 { lanes.get(n, i / 2) } else { lanes.get(m, i / 2) });
    let transpose = |i: u32, odd: u32| lanes.get(if i & 1 == 0 { n } else { m }, (i & !1) | odd);
    let result = match op {
        Op::Zip1 => lanes.build(zip),
        Op::Zip2 => lanes.build(|i| zip(count + i)),
        Op::Uzp1 => lanes.build(|i| lanes.of_pair(n, m, 2 * i)),
        Op::Uzp2 => lanes.build(|i| lanes.of_pair(n, m, 2 * i + 1)),
        Op::Trn1 => lanes.build(|i| transpose(i, 0)),
        Op::Trn2 => lanes.build(|i| transpose(i, 1)),
        _ => return Err(Exception::undefined()),
    };
    write(state, w, result);
    Ok(())
}

/// EXT: bytes from the middle of the two operands put end to end.
pub(super) fn execute_extract(state: &mut State, _: Op, w: Word) -> Step {
    let position = w.bits(14, 11);
    if !w.q() && position > 7 {
        return Err(Exception::undefined());
    }
    let (n, m) = (state.v[w.rn()], state.v[w.rm()]);
    let bytes = Lanes::of(w, 0);
    write(state, w, bytes.build(|i| bytes.of_pair(n, m, position + i)));
    Ok(())
}

/// TBL and TBX: bytes looked up in one to four consecutive registers; an index beyond them gives zero,
/// or with TBX leaves the destination's byte.
pub(super) fn execute_table(state: &mut State, op: Op, w: Word) -> Step {
    let bytes = Lanes::of(w, 0);
    let table = Lanes::vector(0, true);
    let (d, m) = (state.v[w.rd()], state.v[w.rm()]);
    let registers = w.bits(14, 13) + 1;
    let result = bytes.build(|i| {
        let index = bytes.get(m, i) as u32;
        if index < 16 * registers {
            // Register numbers wrap around after 31.
            table.get(state.v[(w.rn() + index as usize / 16) & 31], index % 16)
        } else if op == Op::Tbx {
            bytes.get(d, i)
        } else {
            0
        }
    });
    write(state, w, result);
    Ok(())
}
