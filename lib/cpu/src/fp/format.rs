//! Formats, the environment of an operation, and the two ends of every operation: unpacking and rounding.

/// FPSR.IOC, Invalid Operation cumulative bit.
pub const IOC: u32 = 1 << 0;
/// FPSR.DZC, Divide by Zero cumulative bit.
pub const DZC: u32 = 1 << 1;
/// FPSR.OFC, Overflow cumulative bit.
pub const OFC: u32 = 1 << 2;
/// FPSR.UFC, Underflow cumulative bit.
pub const UFC: u32 = 1 << 3;
/// FPSR.IXC, Inexact cumulative bit.
pub const IXC: u32 = 1 << 4;
/// FPSR.IDC, Input Denormal cumulative bit.
pub const IDC: u32 = 1 << 7;
/// FPSR.QC, cumulative saturation bit of the Advanced SIMD integer instructions.
pub const QC: u32 = 1 << 27;

/// A binary floating-point format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// IEEE half precision, 16 bits (or Arm's alternative half precision, in conversions only).
    Half,
    /// bfloat16: the upper half of a single.
    Bfloat,
    /// IEEE single precision, 32 bits.
    Single,
    /// IEEE double precision, 64 bits.
    Double,
}

impl Format {
    /// Width of the exponent field in bits.
    pub const fn exp_bits(self) -> u32 {
        match self {
            Format::Half => 5,
            Format::Bfloat | Format::Single => 8,
            Format::Double => 11,
        }
    }

    /// Width of the fraction field in bits.
    pub const fn frac_bits(self) -> u32 {
        match self {
            Format::Half => 10,
            Format::Bfloat => 7,
            Format::Single => 23,
            Format::Double => 52,
        }
    }

    /// Width of the whole value in bits.
    pub const fn width(self) -> u32 {
        1 + self.exp_bits() + self.frac_bits()
    }

    /// Largest value of the exponent field: the one of infinities and NaNs.
    pub(super) const fn exp_max(self) -> i32 {
        (1 << self.exp_bits()) - 1
    }

    /// Exponent bias.
    pub(super) const fn bias(self) -> i32 {
        self.exp_max() >> 1
    }

    /// The sign bit in place.
    pub const fn sign_mask(self) -> u64 {
        1 << (self.width() - 1)
    }

    /// Mask of the fraction field.
    pub(super) const fn frac_mask(self) -> u64 {
        (1 << self.frac_bits()) - 1
    }

    /// The fraction bit that makes a NaN quiet.
    pub(super) const fn quiet_bit(self) -> u64 {
        1 << (self.frac_bits() - 1)
    }

    /// Puts sign, exponent field and fraction field together.
    pub(super) const fn pack(self, sign: bool, exp: u64, frac: u64) -> u64 {
        (sign as u64) << (self.width() - 1) | exp << self.frac_bits() | frac
    }

    /// The exponent field of `bits`.
    pub(super) const fn exp_field(self, bits: u64) -> i32 {
        (bits >> self.frac_bits()) as i32 & self.exp_max()
    }

    /// FPDefaultNaN: positive, quiet, no payload.
    pub const fn default_nan(self) -> u64 {
        self.pack(false, self.exp_max() as u64, self.quiet_bit())
    }

    /// FPInfinity.
    pub const fn infinity(self, sign: bool) -> u64 {
        self.pack(sign, self.exp_max() as u64, 0)
    }

    /// FPMaxNormal.
    pub const fn max_normal(self, sign: bool) -> u64 {
        self.pack(sign, self.exp_max() as u64 - 1, self.frac_mask())
    }

    /// FPZero.
    pub const fn zero(self, sign: bool) -> u64 {
        self.pack(sign, 0, 0)
    }

    /// A power of two whose exponent the format can hold as a normal number.
    pub(super) const fn power_of_two(self, sign: bool, exp: i32) -> u64 {
        self.pack(sign, (exp + self.bias()) as u64, 0)
    }

    /// FPAbs: the value without its sign; NaNs included.
    pub const fn abs(self, bits: u64) -> u64 {
        bits & !self.sign_mask()
    }

    /// FPNeg: the value with its sign flipped; NaNs included.
    pub const fn neg(self, bits: u64) -> u64 {
        bits ^ self.sign_mask()
    }
}

/// How a result that does not fit is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the nearest, ties to even (FPCR.RMode 0).
    NearestEven,
    /// Towards plus infinity (FPCR.RMode 1).
    PlusInfinity,
    /// Towards minus infinity (FPCR.RMode 2).
    MinusInfinity,
    /// Towards zero (FPCR.RMode 3).
    Zero,
    /// To the nearest, ties away from zero (FRINTA, FCVTA*).
    NearestAway,
    /// To odd, overflow to the largest normal number (FCVTXN).
    Odd,
    /// To odd, overflow to infinity (BFDOT, BFMMLA).
    OddInfinity,
}

impl Rounding {
    /// The rounding mode that a two-bit RMode field selects.
    pub const fn from_rmode(rmode: u32) -> Rounding {
        match rmode & 3 {
            0 => Rounding::NearestEven,
            1 => Rounding::PlusInfinity,
            2 => Rounding::MinusInfinity,
            _ => Rounding::Zero,
        }
    }

    /// Whether the magnitude goes up, given the discarded part `rest` where `half` is a half unit.
    pub(super) const fn rounds_up(self, sign: bool, odd: bool, rest: u64, half: u64) -> bool {
        match self {
            Rounding::NearestEven => rest > half || (rest == half && odd),
            Rounding::NearestAway => rest >= half,
            Rounding::PlusInfinity => rest != 0 && !sign,
            Rounding::MinusInfinity => rest != 0 && sign,
            Rounding::Zero | Rounding::Odd | Rounding::OddInfinity => false,
        }
    }

    /// Whether an overflowing result becomes infinity rather than the largest normal number.
    pub(super) const fn overflows_to_infinity(self, sign: bool) -> bool {
        match self {
            Rounding::NearestEven | Rounding::NearestAway | Rounding::OddInfinity => true,
            Rounding::PlusInfinity => !sign,
            Rounding::MinusInfinity => sign,
            Rounding::Zero | Rounding::Odd => false,
        }
    }
}

/// What an operation reads from FPCR, and the FPSR bits it sets.
#[derive(Clone, Copy, Debug)]
pub struct Env {
    /// FPCR.RMode.
    pub rounding: Rounding,
    /// FPCR.DN: every NaN result is the default NaN.
    pub default_nan: bool,
    /// FPCR.FZ: denormals of single and double are flushed to zero.
    pub flush: bool,
    /// FPCR.FZ16: denormals of half precision are flushed to zero, except in conversions.
    pub flush_half: bool,
    /// FPCR.AHP: conversions from and to half precision use the alternative format.
    pub alternative_half: bool,
    /// FPSR: cumulative bits are added, never removed.
    pub fpsr: u32,
}

impl Env {
    /// The environment that an FPCR value describes, adding to `fpsr`.
    pub const fn new(fpcr: u32, fpsr: u32) -> Env {
        Env {
            rounding: Rounding::from_rmode(fpcr >> 22),
            default_nan: fpcr >> 25 & 1 != 0,
            flush: fpcr >> 24 & 1 != 0,
            flush_half: fpcr >> 19 & 1 != 0,
            alternative_half: fpcr >> 26 & 1 != 0,
            fpsr,
        }
    }

    /// FPProcessException for exceptions that are not trapped: sets cumulative bits.
    pub(super) const fn raise(&mut self, bits: u32) {
        self.fpsr |= bits;
    }

    /// Whether denormals of `format` are flushed.
    pub(super) const fn flushes(&self, format: Format) -> bool {
        match format {
            Format::Half => self.flush_half,
            _ => self.flush,
        }
    }

    /// The result of an invalid operation: IOC and the default NaN.
    pub(super) const fn invalid(&mut self, format: Format) -> u64 {
        self.raise(IOC);
        format.default_nan()
    }
}

/// What kind of value an operand is (FPType).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Zero,
    Finite,
    Infinity,
    QuietNan,
    SignallingNan,
}

/// An operand taken apart.
///
/// For [`Class::Finite`] the magnitude is `mant / 2^63 * 2^exp` with bit 63 of `mant` set; otherwise
/// both are zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpacked {
    pub class: Class,
    pub sign: bool,
    pub exp: i32,
    pub mant: u64,
}

impl Unpacked {
    pub const fn is_nan(&self) -> bool {
        matches!(self.class, Class::QuietNan | Class::SignallingNan)
    }

    pub const fn is_infinity(&self) -> bool {
        matches!(self.class, Class::Infinity)
    }

    pub const fn is_zero(&self) -> bool {
        matches!(self.class, Class::Zero)
    }

    /// The finite number 2^exp.
    pub const fn power_of_two(exp: i32) -> Unpacked {
        Unpacked { class: Class::Finite, sign: false, exp, mant: 1 << 63 }
    }
}

/// FPUnpack: takes an operand of an arithmetic operation apart, flushing denormals as FPCR says.
pub(super) fn unpack(format: Format, bits: u64, env: &mut Env) -> Unpacked {
    let flush = env.flushes(format);
    unpack_base(format, bits, flush, false, env)
}

/// FPUnpackCV: as [`unpack`] for the operand of a conversion between formats, where FZ16 has no effect
/// and AHP has.
pub(super) fn unpack_convert(format: Format, bits: u64, env: &mut Env) -> Unpacked {
    let half = format == Format::Half;
    unpack_base(format, bits, env.flush && !half, env.alternative_half && half, env)
}

fn unpack_base(format: Format, bits: u64, flush: bool, alternative: bool, env: &mut Env) -> Unpacked {
    let sign = bits & format.sign_mask() != 0;
    let field = format.exp_field(bits);
    let frac = bits & format.frac_mask();
    let special = |class| Unpacked { class, sign, exp: 0, mant: 0 };
    if field == 0 {
        if frac == 0 {
            return special(Class::Zero);
        }
        if flush {
            // Half precision flushes silently.
            if format != Format::Half {
                env.raise(IDC);
            }
            return special(Class::Zero);
        }
        let up = frac.leading_zeros();
        let exp = 1 - format.bias() + (63 - format.frac_bits() as i32) - up as i32;
        return Unpacked { class: Class::Finite, sign, exp, mant: frac << up };
    }
    if field == format.exp_max() && !alternative {
        return special(match frac {
            0 => Class::Infinity,
            _ if frac & format.quiet_bit() != 0 => Class::QuietNan,
            _ => Class::SignallingNan,
        });
    }
    let mant = (1 << 63) | frac << (63 - format.frac_bits());
    Unpacked { class: Class::Finite, sign, exp: field - format.bias(), mant }
}

/// FPProcessNaN: the result that a NaN operand gives.
pub(super) fn process_nan(format: Format, operand: &Unpacked, bits: u64, env: &mut Env) -> u64 {
    if operand.class == Class::SignallingNan {
        env.raise(IOC);
    }
    if env.default_nan { format.default_nan() } else { bits | format.quiet_bit() }
}

/// FPProcessNaNs and FPProcessNaNs3: the first signalling NaN of the operands decides, else the first
/// quiet one, else there is no NaN and `None` says so.
pub(super) fn process_nans(format: Format, operands: &[(Unpacked, u64)], env: &mut Env) -> Option<u64> {
    let first = |class| operands.iter().find(|(operand, _)| operand.class == class);
    let (operand, bits) = first(Class::SignallingNan).or_else(|| first(Class::QuietNan))?;
    Some(process_nan(format, operand, *bits, env))
}

/// A shift to the right that keeps the knowledge of lost ones in bit 0.
const fn shift_right_jam(value: u64, by: u32) -> u64 {
    if by >= 64 {
        return (value != 0) as u64;
    }
    value >> by | (value & !(u64::MAX << by) != 0) as u64
}

/// FPRound: rounds `mant / 2^63 * 2^exp` (bit 63 of `mant` set, bit 0 sticky) in the mode of FPCR.
pub(super) fn round(format: Format, sign: bool, exp: i32, mant: u64, env: &mut Env) -> u64 {
    round_in(format, sign, exp, mant, env.rounding, env)
}

/// [`round`] in a given mode.
pub(super) fn round_in(
    format: Format,
    sign: bool,
    exp: i32,
    mant: u64,
    mode: Rounding,
    env: &mut Env,
) -> u64 {
    let flush = env.flushes(format);
    round_base(format, sign, exp, mant, mode, flush, false, env)
}

/// FPRoundCV: as [`round_in`] for the result of a conversion between formats.
pub(super) fn round_convert(
    format: Format,
    sign: bool,
    exp: i32,
    mant: u64,
    mode: Rounding,
    env: &mut Env,
) -> u64 {
    let half = format == Format::Half;
    round_base(format, sign, exp, mant, mode, env.flush && !half, env.alternative_half && half, env)
}

#[expect(clippy::too_many_arguments, reason = "the number and the four things FPRoundBase depends on")]
fn round_base(
    format: Format,
    sign: bool,
    exp: i32,
    mant: u64,
    mode: Rounding,
    flush: bool,
    alternative: bool,
    env: &mut Env,
) -> u64 {
    let minimum = 1 - format.bias();
    if flush && exp < minimum {
        env.raise(UFC);
        return format.zero(sign);
    }
    let frac_bits = format.frac_bits();
    let (mut biased, mant) = match exp < minimum {
        true => (0, shift_right_jam(mant, (minimum - exp) as u32)),
        false => (exp - minimum + 1, mant),
    };
    let dropped = 63 - frac_bits;
    let mut int = mant >> dropped;
    let rest = mant & !(u64::MAX << dropped);
    let mut inexact = rest != 0;
    // Tininess is detected before rounding.
    if biased == 0 && inexact {
        env.raise(UFC);
    }
    if mode.rounds_up(sign, int & 1 != 0, rest, 1 << (dropped - 1)) {
        int += 1;
        if int == 1 << frac_bits {
            biased = 1;
        }
        if int == 2 << frac_bits {
            biased += 1;
            int >>= 1;
        }
    }
    if inexact && matches!(mode, Rounding::Odd | Rounding::OddInfinity) {
        int |= 1;
    }
    let result = if alternative && biased > format.exp_max() {
        env.raise(IOC);
        inexact = false;
        format.pack(sign, format.exp_max() as u64, format.frac_mask())
    } else if !alternative && biased >= format.exp_max() {
        env.raise(OFC);
        inexact = true;
        match mode.overflows_to_infinity(sign) {
            true => format.infinity(sign),
            false => format.max_normal(sign),
        }
    } else {
        format.pack(sign, biased as u64, int & format.frac_mask())
    };
    if inexact {
        env.raise(IXC);
    }
    result
}
