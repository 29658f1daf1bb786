//! Vectors as lanes: what the Advanced SIMD executors share.
//!
//! Integer operations are written once for signed and unsigned elements of every size, as the Arm manual
//! writes them: elements become unbounded integers (`i128` is wide enough), the operation is exact, and
//! the result is cut or saturated to the lane.

use a64::Word;

use crate::State;
use crate::fp::{Env, Format, QC};

/// The low half of a vector.
pub(super) const LOW: u128 = u64::MAX as u128;

/// An arrangement: how many lanes of which size an instruction works on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes {
    /// log2 of a lane's bytes, 0 to 4.
    pub size: u32,
    /// Number of lanes; 1 in the scalar forms.
    pub count: u32,
}

impl Lanes {
    /// Lanes of `size` in the 64 or 128 bits that Q selects, or one in the scalar forms (bit 28).
    pub fn of(w: Word, size: u32) -> Lanes {
        if w.bit(28) { Lanes { size, count: 1 } } else { Lanes::vector(size, w.q()) }
    }

    /// Lanes of `size` in 64 bits, or in 128 with `full`.
    pub fn vector(size: u32, full: bool) -> Lanes {
        Lanes { size, count: (8 << full as u32) >> size }
    }

    /// The arrangement of as many lanes of twice the size.
    pub fn wider(self) -> Lanes {
        Lanes { size: self.size + 1, ..self }
    }

    /// Bits in a lane.
    pub fn bits(self) -> u32 {
        8 << self.size
    }

    /// Lane `i` of `v`, zero-extended. Lanes of up to 64 bits.
    pub fn get(self, v: u128, i: u32) -> u64 {
        // No lane straddles the halves, and 64-bit shifts are cheap.
        let (bits, at) = (self.bits(), i << (self.size + 3));
        let half = if at < 64 { v as u64 } else { (v >> 64) as u64 };
        half >> (at & 63) & u64::MAX >> 64u32.saturating_sub(bits)
    }

    /// Lane `i` of `v` as an integer.
    pub fn int(self, v: u128, i: u32, unsigned: bool) -> i128 {
        let lane = self.get(v, i);
        if unsigned { lane as i128 } else { self.sign(lane) as i128 }
    }

    /// Sign-extends a lane.
    pub fn sign(self, lane: u64) -> i64 {
        let above = 64u32.saturating_sub(self.bits());
        (lane << above) as i64 >> above
    }

    /// The vector whose lanes `f` computes from their number; what lies above them is zero.
    pub fn build(self, mut f: impl FnMut(u32) -> u64) -> u128 {
        let mask = u64::MAX >> 64u32.saturating_sub(self.bits());
        let mut halves = [0u64; 2];
        for i in 0..self.count {
            let at = i << (self.size + 3);
            halves[(at >> 6 & 1) as usize] |= (f(i) & mask) << (at & 63);
        }
        (halves[1] as u128) << 64 | halves[0] as u128
    }

    /// As [`Lanes::build`] with each lane computed from one of `n`.
    pub fn map(self, n: u128, mut f: impl FnMut(u64) -> u64) -> u128 {
        self.build(|i| f(self.get(n, i)))
    }

    /// `v` with what lies above the lanes cleared.
    pub fn clip(self, v: u128) -> u128 {
        v & u128::MAX >> (128 - self.bits() * self.count)
    }

    /// Lane `i` of the lanes of `n` followed by those of `m`.
    pub fn of_pair(self, n: u128, m: u128, i: u32) -> u64 {
        if i < self.count { self.get(n, i) } else { self.get(m, i - self.count) }
    }

    /// All lanes equal to `lane`.
    pub fn replicate(self, lane: u64) -> u128 {
        self.build(|_| lane)
    }
}

/// The half of `v` that Vpart reads: the upper one with `upper`.
pub(super) fn part(v: u128, upper: bool) -> u128 {
    if upper { v >> 64 } else { v & LOW }
}

/// What an integer operation knows of its lane, and the saturation it reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// Bits of the result's lane.
    pub bits: u32,
    /// Whether the operands and the saturated result are unsigned.
    pub unsigned: bool,
    /// Whether a result did not fit.
    pub saturated: bool,
}

impl Lane {
    /// A lane of `bits` bits.
    pub fn new(bits: u32, unsigned: bool) -> Lane {
        Lane { bits, unsigned, saturated: false }
    }

    /// SatQ: the nearest value that fits.
    pub fn saturate(&mut self, value: i128) -> i128 {
        self.saturate_as(self.unsigned, value)
    }

    /// [`Lane::saturate`] to a signed or unsigned range, whatever the operands are.
    pub fn saturate_as(&mut self, unsigned: bool, value: i128) -> i128 {
        let (low, high) = match unsigned {
            true => (0, (1i128 << self.bits) - 1),
            false => (-1i128 << (self.bits - 1), (1i128 << (self.bits - 1)) - 1),
        };
        let fitting = value.clamp(low, high);
        self.saturated |= fitting != value;
        fitting
    }

    /// Sets FPSR.QC if anything saturated.
    pub fn report(self, state: &mut State) {
        if self.saturated {
            state.fpsr |= QC;
        }
    }
}

/// All ones for true, as comparisons write it.
pub(super) fn mask(condition: bool) -> i128 {
    -(condition as i128)
}

/// A shift to the left, or for a negative amount to the right, of a lane of `bits` bits; with `round`
/// half a unit is added before bits are dropped. Exact, except that what is shifted out of every lane
/// becomes some number outside all of them.
pub(super) fn shift(value: i128, by: i32, round: bool, bits: u32) -> i128 {
    let bits = bits as i32;
    if by >= bits {
        return value.signum() << 100;
    }
    if by >= 0 {
        return value << by;
    }
    match -by {
        right if round && right > bits => 0,
        right if round => (value + (1 << (right - 1))) >> right,
        right => value >> right.min(bits),
    }
}

/// Runs floating-point operations in the CPU's environment.
pub(super) fn with_env<R>(state: &mut State, f: impl FnOnce(&mut Env) -> R) -> R {
    let mut env = Env::new(state.fpcr, state.fpsr);
    let result = f(&mut env);
    state.fpsr = env.fpsr;
    result
}

/// Single or double by the sz bit, bit 22.
pub(super) fn single_or_double(w: Word) -> Format {
    if w.bit(22) { Format::Double } else { Format::Single }
}

/// log2 of a format's bytes.
pub(super) fn size_of_format(format: Format) -> u32 {
    match format {
        Format::Half | Format::Bfloat => 1,
        Format::Single => 2,
        Format::Double => 3,
    }
}

/// Replaces Vd.
pub(super) fn write(state: &mut State, w: Word, value: u128) {
    state.v[w.rd()] = value;
}

/// Writes a 64-bit result of a narrowing instruction: the whole register, or with Q the upper half.
pub(super) fn write_part(state: &mut State, w: Word, value: u128) {
    let low = state.v[w.rd()] & LOW;
    state.v[w.rd()] = if w.q() && !w.bit(28) { low | value << 64 } else { value };
}
