//! Against `rustc_apfloat`, an independent implementation of IEEE 754, and rules that are Arm's alone.

use rustc_apfloat::ieee;
use rustc_apfloat::{Float, FloatConvert, Round, Status, StatusAnd};

use super::format::{DZC, IDC, IOC, IXC, OFC, UFC};
use super::*;

const MODES: [(Rounding, Round); 5] = [
    (Rounding::NearestEven, Round::NearestTiesToEven),
    (Rounding::PlusInfinity, Round::TowardPositive),
    (Rounding::MinusInfinity, Round::TowardNegative),
    (Rounding::Zero, Round::TowardZero),
    (Rounding::NearestAway, Round::NearestTiesToAway),
];

/// A xorshift generator: tests repeat exactly.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// An operand: now and then a border of the format, often close to another in magnitude.
    fn operand(&mut self, format: Format) -> u64 {
        let random = self.next();
        let mask = u64::MAX >> (64 - format.width());
        let sign = random << 7 & format.sign_mask();
        let frac = format.frac_mask();
        let one = format.power_of_two(false, 0);
        sign ^ match random >> 58 {
            0 => 0,
            1 => 1,
            2 => frac,
            3 => frac + 1,
            4 => frac + 2,
            5 => format.infinity(false),
            6 => format.default_nan(),
            7 => format.infinity(false) | 1,
            8 => format.max_normal(false),
            9 => one,
            10..16 => random >> 3 & frac,
            16..36 => one - (2 << format.frac_bits()) + (random >> 3 & (frac << 2 | 3)),
            36..40 => format.power_of_two(false, (random >> 20) as i32 % 15),
            _ => random & mask & !format.sign_mask(),
        }
    }
}

fn env(rounding: Rounding) -> Env {
    Env { rounding, ..Env::new(0, 0) }
}

/// What a reference status sets in FPSR.
fn flags(status: Status) -> u32 {
    let pairs = [
        (Status::INVALID_OP, IOC),
        (Status::DIV_BY_ZERO, DZC),
        (Status::OVERFLOW, OFC),
        (Status::UNDERFLOW, UFC),
        (Status::INEXACT, IXC),
    ];
    pairs.iter().filter(|(bit, _)| status.contains(*bit)).map(|(_, flag)| flag).sum()
}

/// Compares a result with the reference. NaNs only as such; underflow not where Arm's detection before
/// rounding may differ from the reference's, at the smallest normal number; overflow not at the largest,
/// where the reference reports a mere inexactness.
fn check<F: Float>(what: &str, format: Format, ours: (u64, u32), theirs: StatusAnd<F>) {
    let (bits, fpsr) = ours;
    if theirs.value.is_nan() {
        assert!(format.abs(bits) > format.infinity(false), "{what}: {bits:x} should be a NaN");
        return;
    }
    assert_eq!(bits, theirs.value.to_bits() as u64, "{what}: the value");
    let ignored = match format.abs(bits) {
        bits if bits == format.power_of_two(false, 1 - format.bias()) => UFC,
        bits if bits == format.max_normal(false) => OFC,
        _ => 0,
    };
    assert_eq!(fpsr & !ignored, flags(theirs.status) & !ignored, "{what}: FPSR");
}

fn arithmetic<F: Float>(format: Format, rounds: u32) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        let bits = [random.operand(format), random.operand(format), random.operand(format)];
        let [a, b, c] = bits.map(|bits| F::from_bits(bits as u128));
        for (mode, round) in MODES {
            let what = |name| format!("{name} {format:?} {bits:x?} {mode:?}");
            let two = |operation: fn(Format, u64, u64, &mut Env) -> u64| {
                let mut env = env(mode);
                (operation(format, bits[0], bits[1], &mut env), env.fpsr)
            };
            check(&what("add"), format, two(add), a.add_r(b, round));
            check(&what("sub"), format, two(sub), a.sub_r(b, round));
            check(&what("mul"), format, two(mul), a.mul_r(b, round));
            check(&what("div"), format, two(div), a.div_r(b, round));
            let mut env = env(mode);
            let fused = mul_add(format, bits[2], bits[0], bits[1], &mut env);
            check(&what("fma"), format, (fused, env.fpsr), a.mul_add_r(b, c, round));
        }
    }
}

#[test]
fn arithmetic_agrees_with_the_reference_in_every_format_and_rounding_mode() {
    arithmetic::<ieee::Half>(Format::Half, 20_000);
    arithmetic::<ieee::BFloat>(Format::Bfloat, 10_000);
    arithmetic::<ieee::Single>(Format::Single, 20_000);
    arithmetic::<ieee::Double>(Format::Double, 20_000);
}

fn rounding<F: Float>(format: Format, rounds: u32) {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for _ in 0..rounds {
        let bits = random.operand(format);
        let value = F::from_bits(bits as u128);
        for (mode, round) in MODES {
            let what = |name: &str| format!("{name} {format:?} {bits:x} {mode:?}");
            let mut exact = env(mode);
            let result = round_to_int(format, bits, mode, true, &mut exact);
            check(&what("to integral"), format, (result, exact.fpsr), value.round_to_integral(round));
            for width in [16, 32, 64] {
                for unsigned in [false, true] {
                    let mut env = env(mode);
                    let int = float_to_fixed(format, bits, 0, unsigned, width, mode, &mut env);
                    let mut is_exact = false;
                    let (theirs, status) = if unsigned {
                        let got = value.to_u128_r(width as usize, round, &mut is_exact);
                        (got.value as u64, got.status)
                    } else {
                        let got = value.to_i128_r(width as usize, round, &mut is_exact);
                        (got.value as u64 & u64::MAX >> (64 - width), got.status)
                    };
                    let what = what(&format!("to {width} unsigned {unsigned}"));
                    assert_eq!((int, env.fpsr), (theirs, flags(status)), "{what}");
                }
            }
        }
    }
}

#[test]
fn rounding_to_integers_agrees_with_the_reference() {
    rounding::<ieee::Half>(Format::Half, 4_000);
    rounding::<ieee::Single>(Format::Single, 8_000);
    rounding::<ieee::Double>(Format::Double, 8_000);
}

fn conversion<F: Float + FloatConvert<T>, T: Float>(from: Format, to: Format) {
    let mut random = Random(0xfeed_beef_dead_cafe);
    for _ in 0..8_000 {
        let bits = random.operand(from);
        for (mode, round) in MODES {
            let mut env = env(mode);
            let result = convert(from, to, bits, mode, &mut env);
            let mut loses = false;
            let theirs: StatusAnd<T> = F::from_bits(bits as u128).convert_r(round, &mut loses);
            check(&format!("{from:?} {bits:x} to {to:?} {mode:?}"), to, (result, env.fpsr), theirs);
        }
    }
}

#[test]
fn conversion_between_formats_agrees_with_the_reference() {
    conversion::<ieee::Half, ieee::Single>(Format::Half, Format::Single);
    conversion::<ieee::Half, ieee::Double>(Format::Half, Format::Double);
    conversion::<ieee::Single, ieee::Half>(Format::Single, Format::Half);
    conversion::<ieee::Single, ieee::BFloat>(Format::Single, Format::Bfloat);
    conversion::<ieee::Single, ieee::Double>(Format::Single, Format::Double);
    conversion::<ieee::Double, ieee::Half>(Format::Double, Format::Half);
    conversion::<ieee::Double, ieee::Single>(Format::Double, Format::Single);
}

fn from_integers<F: Float>(format: Format) {
    let mut random = Random(77);
    for _ in 0..20_000 {
        let int = random.next() >> (random.next() & 63);
        for (mode, round) in MODES {
            let mut signed = env(mode);
            let result = fixed_to_float(format, int, 0, false, 64, &mut signed);
            let theirs = F::from_i128_r(int as i64 as i128, round);
            check(&format!("signed {int:x} {mode:?}"), format, (result, signed.fpsr), theirs);
            let mut unsigned = env(mode);
            let result = fixed_to_float(format, int, 0, true, 64, &mut unsigned);
            check(
                &format!("unsigned {int:x} {mode:?}"),
                format,
                (result, unsigned.fpsr),
                F::from_u128_r(int as u128, round),
            );
        }
    }
}

#[test]
fn conversion_from_integers_agrees_with_the_reference() {
    from_integers::<ieee::Half>(Format::Half);
    from_integers::<ieee::Single>(Format::Single);
    from_integers::<ieee::Double>(Format::Double);
}

#[test]
fn square_roots_are_the_hosts_and_inexact_unless_they_square_back() {
    let mut random = Random(4);
    for _ in 0..50_000 {
        let double = random.operand(Format::Double);
        let mut soft = env(Rounding::NearestEven);
        let root = sqrt(Format::Double, double, &mut soft);
        let host = f64::from_bits(double).sqrt();
        match host.is_nan() {
            true => assert!(f64::from_bits(root).is_nan()),
            false => assert_eq!(root, host.to_bits(), "{double:x}"),
        }
        let single = random.operand(Format::Single);
        let host = f32::from_bits(single as u32).sqrt();
        if host.is_nan() {
            continue;
        }
        let mut soft = env(Rounding::NearestEven);
        assert_eq!(sqrt(Format::Single, single, &mut soft), host.to_bits() as u64);
        // A square of a single fits a double exactly.
        let exact = f64::from(host) * f64::from(host) == f64::from(f32::from_bits(single as u32))
            || host.is_infinite();
        assert_eq!(soft.fpsr == 0, exact, "{single:x}");
        // Rounded towards zero it is the largest root that does not square beyond.
        if host.is_finite() {
            let down = sqrt(Format::Single, single, &mut env(Rounding::Zero)) as u32;
            let expected = if f64::from(host) * f64::from(host) > f64::from(f32::from_bits(single as u32)) {
                host.to_bits() - 1
            } else {
                host.to_bits()
            };
            assert_eq!(down, expected, "{single:x}");
        }
    }
}

#[test]
fn the_short_way_through_the_host_gives_what_the_long_way_gives() {
    type Binary = fn(Format, u64, u64, &mut Env) -> u64;
    let pairs: [(Binary, Binary); 4] = [
        (add, |f, a, b, env| arith::add_or_sub(f, a, b, false, env)),
        (sub, |f, a, b, env| arith::add_or_sub(f, a, b, true, env)),
        (mul, |f, a, b, env| arith::mul_soft(f, a, b, false, env)),
        (div, arith::div_soft),
    ];
    let mut random = Random(99);
    for _ in 0..100_000 {
        for format in [Format::Single, Format::Double] {
            let (a, b) = (random.operand(format), random.operand(format));
            for fpcr in [0, 1 << 24, 1 << 25] {
                for (short, long) in pairs {
                    let (mut one, mut two) = (Env::new(fpcr, IXC), Env::new(fpcr, IXC));
                    let results = (short(format, a, b, &mut one), long(format, a, b, &mut two));
                    assert_eq!(results.0, results.1, "{format:?} {a:x} {b:x}");
                    assert_eq!(one.fpsr, two.fpsr, "{format:?} {a:x} {b:x}");
                }
                let (mut one, mut two) = (Env::new(fpcr, IXC), Env::new(fpcr, IXC));
                assert_eq!(sqrt(format, a, &mut one), arith::sqrt_soft(format, a, &mut two));
                let c = random.operand(format);
                let short = mul_add(format, c, a, b, &mut one);
                assert_eq!(short, arith::mul_add_soft(format, c, a, b, &mut two), "{a:x} {b:x} {c:x}");
                assert_eq!(one.fpsr, two.fpsr);
            }
        }
    }
}

#[test]
fn nans_propagate_signalling_first_then_in_operand_order() {
    let (quiet, signalling) = (0x7fc0_0001, 0x7f80_0002);
    let mut env = Env::new(0, 0);
    assert_eq!(add(Format::Single, quiet, signalling, &mut env), 0x7fc0_0002);
    assert_eq!(env.fpsr, IOC);
    let mut env = Env::new(0, 0);
    assert_eq!(add(Format::Single, quiet, 0xffc0_0003, &mut env), quiet);
    assert_eq!(env.fpsr, 0);
    // A subtraction does not touch the sign of a NaN.
    assert_eq!(sub(Format::Single, 0, 0xffc0_0003, &mut env), 0xffc0_0003);
    let mut default = Env::new(1 << 25, 0);
    assert_eq!(add(Format::Single, 0xffc0_0003, 0, &mut default), 0x7fc0_0000);
}

#[test]
fn a_quiet_addend_does_not_hide_infinity_times_zero() {
    let mut env = Env::new(0, 0);
    let inf = Format::Single.infinity(false);
    assert_eq!(mul_add(Format::Single, 0x7fc0_0123, inf, 0, &mut env), 0x7fc0_0000);
    assert_eq!(env.fpsr, IOC);
    assert_eq!(mulx(Format::Single, inf, 0x8000_0000, &mut env), 0xc000_0000);
}

#[test]
fn flushing_sets_idc_on_the_way_in_and_only_ufc_on_the_way_out() {
    let mut env = Env::new(1 << 24, 0);
    assert_eq!(add(Format::Single, 1, 0x3f80_0000, &mut env), 0x3f80_0000);
    assert_eq!(env.fpsr, IDC);
    let mut env = Env::new(1 << 24, 0);
    assert_eq!(mul(Format::Single, 0x8080_0000, 0x3f00_0000, &mut env), 0x8000_0000);
    assert_eq!(env.fpsr, UFC);
    // Half precision has its own bit, and flushes its operands silently.
    let mut env = Env::new(1 << 24, 0);
    assert_eq!(add(Format::Half, 1, 0, &mut env), 1);
    let mut env = Env::new(1 << 19, 0);
    assert_eq!(add(Format::Half, 1, 0, &mut env), 0);
    assert_eq!(env.fpsr, 0);
}

#[test]
fn tininess_is_detected_before_rounding() {
    // (1 - 2^-24) * 2^-126 rounds up to the smallest normal number.
    let mut env = Env::new(0, 0);
    assert_eq!(mul(Format::Single, 0x3f7f_ffff, 0x0080_0000, &mut env), 0x0080_0000);
    assert_eq!(env.fpsr, UFC | IXC);
}

#[test]
fn the_alternative_half_has_no_infinity_and_no_nan() {
    let mut env = Env::new(1 << 26, 0);
    assert_eq!(convert(Format::Half, Format::Single, 0x7c00, Rounding::NearestEven, &mut env), 0x4780_0000);
    assert_eq!(env.fpsr, 0);
    for (single, half) in [(0x7fc0_0000, 0), (0xff80_0000, 0xffff), (0x4800_0000, 0x7fff)] {
        let mut env = Env::new(1 << 26, 0);
        assert_eq!(convert(Format::Single, Format::Half, single, Rounding::NearestEven, &mut env), half);
        assert_eq!(env.fpsr, IOC);
    }
}

#[test]
fn maximum_and_minimum_know_the_sign_of_zero_and_quiet_nans() {
    let (plus, minus, nan) = (0, 0x8000_0000, 0x7fc0_0000);
    let mut env = Env::new(0, 0);
    assert_eq!(max(Format::Single, minus, plus, &mut env), plus);
    assert_eq!(min(Format::Single, plus, minus, &mut env), minus);
    assert_eq!(max_num(Format::Single, nan, minus, &mut env), minus);
    assert_eq!(max(Format::Single, nan, minus, &mut env), nan);
    assert_eq!(env.fpsr, 0);
    assert_eq!(min_num(Format::Single, 0x7f80_0001, plus, &mut env), 0x7fc0_0001);
    assert_eq!(env.fpsr, IOC);
}

#[test]
fn comparison_signals_as_asked() {
    let mut env = Env::new(0, 0);
    assert_eq!(compare_quiet(Format::Double, 0, 1 << 63, &mut env), Order::Equal);
    let nan = Format::Double.default_nan();
    assert_eq!(compare_quiet(Format::Double, nan, 0, &mut env), Order::Unordered);
    assert_eq!(env.fpsr, 0);
    assert_eq!(compare_signalling(Format::Double, nan, 0, &mut env).nzcv(), 0b0011);
    assert_eq!(env.fpsr, IOC);
}

#[test]
fn javascript_conversion_wraps_and_tells_exactness() {
    let run = |value: f64, fpcr| {
        let mut env = Env::new(fpcr, 0);
        let (int, exact) = float_to_int_javascript(value.to_bits(), &mut env);
        (int as i32, exact, env.fpsr)
    };
    assert_eq!(run(-7.0, 0), (-7, true, 0));
    assert_eq!(run(-7.5, 0), (-7, false, IXC));
    assert_eq!(run(4_294_967_299.0, 0), (3, false, IOC));
    assert_eq!(run(-2_147_483_649.0, 0), (i32::MAX, false, IOC));
    assert_eq!(run((1u128 << 90) as f64 + (1u128 << 40) as f64, 0), (0, false, IOC));
    assert_eq!(run(f64::INFINITY, 0), (0, false, IOC));
    assert_eq!(run(-0.0, 0), (0, false, 0));
    assert_eq!(run(f64::from_bits(1), 1 << 24), (0, false, IDC));
}

#[test]
fn estimates_have_the_architected_values() {
    let mut env = Env::new(0, 0);
    // 1.0 gives the table's first entry: 511 / 512.
    assert_eq!(recip_estimate(Format::Single, 0x3f80_0000, &mut env), 0x3f7f_8000);
    assert_eq!(rsqrt_estimate(Format::Double, 0x4010_0000_0000_0000, &mut env), 0x3fdf_f000_0000_0000);
    assert_eq!(env.fpsr, 0);
    assert_eq!(recip_estimate(Format::Single, 0x8000_0000, &mut env), 0xff80_0000);
    assert_eq!(env.fpsr, DZC);
    let mut env = Env::new(3 << 22, 0);
    assert_eq!(recip_estimate(Format::Single, 1, &mut env), 0x7f7f_ffff);
    assert_eq!(env.fpsr, OFC | IXC);
    assert_eq!(unsigned_recip_estimate(0x8000_0000), 0xff80_0000);
    assert_eq!(unsigned_rsqrt_estimate(0x3fff_ffff), u32::MAX);
}

#[test]
fn bfloat_dot_rounds_to_odd_and_ignores_fpcr() {
    let one = 0x3f80;
    assert_eq!(bfloat_dot(0x3f80_0000, (one, one), (one, one)), 0x4040_0000);
    // 1 + 2^-30 is inexact, so the last bit becomes one.
    assert_eq!(bfloat_dot(0x3f80_0000, (0x3080, 0), (one, one)), 0x3f80_0001);
    // A denormal addend is flushed.
    assert_eq!(bfloat_dot(1, (0, 0), (0, 0)), 0);
}
