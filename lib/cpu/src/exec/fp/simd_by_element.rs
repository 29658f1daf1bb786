//! Advanced SIMD vector by indexed element, vector and scalar.
//!
//! The element is repeated in all lanes; what follows is the operation of the class without an index.

use a64::{Op, Word};

use super::simd_fp_three_same as float;
use super::simd_lanes::{Lanes, size_of_format, write};
use super::{simd_three_different, simd_three_same};
use crate::State;
use crate::exception::{Exception, Step};
use crate::fp::Format;

/// Executes `op`.
pub(super) fn execute(state: &mut State, op: Op, w: Word) -> Step {
    use Op::*;
    match op {
        SdotElem | UdotElem | UsdotElem | SudotElem => {
            let m = repeated(state, 2, w.rm(), h_l(w));
            let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
            let result = simd_three_same::dot(op, Lanes::of(w, 2), d, n, m).ok_or(Exception::undefined())?;
            write(state, w, result);
            Ok(())
        }
        BfdotElem => {
            let m = repeated(state, 2, w.rm(), h_l(w));
            float::bfloat(state, op, w, m)
        }
        BfmlalElem => {
            let m = half_element(state, w);
            float::bfloat(state, op, w, m)
        }
        FmlalElem | FmlslElem | Fmlal2Elem | Fmlsl2Elem => {
            let m = half_element(state, w);
            float::run_long(state, op, w, m)
        }
        FcmlaElem => {
            // The index counts complex numbers, that is pairs of elements.
            let size = w.esize();
            let index = if size == 1 { h_l(w) } else { w.bit(11) as u32 };
            let m = repeated(state, size + 1, w.rm(), index);
            float::complex_multiply(state, w, size, m, w.bits(14, 13))
        }
        FmlaElemHalf | FmlsElemHalf | FmulElemHalf | FmulxElemHalf | FmlaElemScalarHalf
        | FmlsElemScalarHalf | FmulElemScalarHalf | FmulxElemScalarHalf => {
            let m = half_element(state, w);
            float_lanes(state, op, w, Format::Half, m)
        }
        FmlaElem | FmlsElem | FmulElem | FmulxElem | FmlaElemScalar | FmlsElemScalar | FmulElemScalar
        | FmulxElemScalar => {
            let double = w.bit(22);
            let index = if double { w.bit(11) as u32 } else { h_l(w) };
            let m = repeated(state, if double { 3 } else { 2 }, w.rm(), index);
            float_lanes(state, op, w, if double { Format::Double } else { Format::Single }, m)
        }
        _ => integer(state, op, w),
    }
}

fn integer(state: &mut State, op: Op, w: Word) -> Step {
    let size = w.esize();
    let m = match size {
        1 => half_element(state, w),
        2 => repeated(state, 2, w.rm(), h_l(w)),
        _ => return Err(Exception::undefined()),
    };
    let Some((function, unsigned)) = simd_three_same::lookup(op, w) else {
        return simd_three_different::run(state, op, w, size, m);
    };
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let result = simd_three_same::apply(state, Lanes::of(w, size), unsigned, function, d, n, m);
    write(state, w, result);
    Ok(())
}

fn float_lanes(state: &mut State, op: Op, w: Word, format: Format, m: u128) -> Step {
    let function = float::lookup(op).ok_or(Exception::undefined())?;
    let lanes = Lanes::of(w, size_of_format(format));
    let (d, n) = (state.v[w.rd()], state.v[w.rn()]);
    let result = float::apply(state, format, lanes, function, d, n, m);
    write(state, w, result);
    Ok(())
}

/// The index H:L.
fn h_l(w: Word) -> u32 {
    (w.bit(11) as u32) << 1 | w.bit(21) as u32
}

/// The 16-bit element H:L:M of one of V0 to V15, repeated.
fn half_element(state: &State, w: Word) -> u128 {
    repeated(state, 1, w.rm() & 15, h_l(w) << 1 | w.bit(20) as u32)
}

/// Element `index` of Vm with lanes of `size`, repeated in all 128 bits.
fn repeated(state: &State, size: u32, register: usize, index: u32) -> u128 {
    let lanes = Lanes::vector(size, true);
    lanes.replicate(lanes.get(state.v[register & 31], index))
}
