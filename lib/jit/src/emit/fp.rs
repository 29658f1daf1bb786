//! Floating point of single and double precision, scalar and vector, on the host's SSE and AVX.
//!
//! MXCSR has FPCR's rounding mode, and its sticky bits stand for FPSR's until they are folded in. The host computes what Arm
//! does, bit for bit and flag for flag, but for these, which are noticed by the result and left to the executor:
//! * NaN results: which NaN, its sign, FPCR.DN. Of sums, products, quotients, roots and FMADD a NaN that comes from a quiet one
//!   stays, which is so if the host has noted nothing invalid: both take the first operand that is one.
//! * Underflow: Arm looks for tiny results before rounding, the host after. They disagree where a product is rounded up to the
//!   smallest normal number. Sums, quotients and roots never are: what is tiny of them is exact, or too far away.
//! * Conversions to integers that do not fit.
//!
//! The host is never asked for something that sets a flag that Arm would not set. What is not here at all: half-precision
//! arithmetic, estimates and their steps, FMULX, FPCR.FZ and AHP; the executors do them.
//!
//! Facts: Arm manual, shared pseudocode FPRound, FPProcessNaNs, FPMulAdd, FPToFixed; AMD64 manual volume 1, "SSE
//! floating-point exceptions".

use a64::{Op, Word, vfp_expand_imm32, vfp_expand_imm64};
use cpu::exec::Decoded;
use dynasmrt::{DynamicLabel, DynasmApi, DynasmLabelApi, dynasm};

use super::vex::{self, Constant, Rm};
use super::{Cold, Emitter, Flags, Form, x64};
use crate::decode::Context;
use crate::regs::{RCX, ZR};
use crate::thunks::VA;

mod convert;
mod decode;
pub mod estimate;
mod lanes;

pub use decode::decode;

/// How many elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lanes {
    Scalar,
    /// Two singles, the upper half of the result being zero.
    Half,
    Full,
}

/// A floating-point operation.
#[derive(Clone, Copy, Debug)]
pub struct Float {
    kind: Kind,
    double: bool,
    lanes: Lanes,
    rd: u8,
    rn: u8,
    rm: u8,
    ra: u8,
    /// By element: which one of `rm`.
    lane: Option<u8>,
}

/// Rounding modes as the host's ROUND instructions number them; `Away`: ties away from zero, which they lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    Nearest,
    Down,
    Up,
    Zero,
    Away,
    /// That of FPCR.
    Current,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Addition, subtraction, multiplication, division by the host's opcode.
    Two(u8),
    /// FNMUL.
    NegatedProduct,
    /// FABD.
    Difference,
    /// FMULX.
    MulExtended,
    /// FRECPE, and FRSQRTE.
    Estimate {
        root: bool,
    },
    /// FRECPS, and FRSQRTS.
    Step {
        root: bool,
    },
    Sqrt,
    /// FMAX, FMAXNM, FMIN, FMINNM.
    Extreme {
        max: bool,
    },
    /// FMADD and so on; the addend is `ra`.
    Fused(u8),
    /// Comparison to a mask by the host's predicate; of magnitudes; with zero.
    Mask {
        predicate: u8,
        magnitudes: bool,
        zero: bool,
    },
    Abs,
    Neg,
    Immediate(u64),
    /// FCMP and FCMPE.
    Compare {
        signal: bool,
        zero: bool,
    },
    /// FCCMP and FCCMPE.
    CompareIf {
        signal: bool,
        cond: u8,
        nzcv: u8,
    },
    Select {
        cond: u8,
    },
    /// FRINTN and so on; `exact`: FRINTX reports inexactness.
    Round(Round, bool),
    /// To an integer, in general register `rd`, or with `vector` in the vector register.
    ToInt {
        mode: Round,
        unsigned: bool,
        sf: bool,
        fraction: u8,
        vector: bool,
    },
    /// From an integer with fraction bits, in general register `rn` or a vector register.
    FromInt {
        unsigned: bool,
        sf: bool,
        fraction: u8,
        vector: bool,
    },
    /// Single to double.
    Lengthen,
    /// Double to single.
    Shorten,
    /// Half to single or, by way of it, to double.
    FromHalf,
    /// Single to half.
    ToHalf,
    /// FCVTL and FCVTN and their second forms; `half`: between half and single.
    VectorLengthen {
        half: bool,
        upper: bool,
    },
    VectorShorten {
        half: bool,
        upper: bool,
    },
    /// FADDP of vectors; of the two elements of one.
    PairsAdd,
    PairAdd,
    PairsExtreme {
        max: bool,
    },
    PairExtreme {
        max: bool,
    },
    /// FMAXV and so on.
    Across {
        max: bool,
    },
}

impl Float {
    /// The condition that it evaluates.
    pub fn cond(&self) -> Option<u8> {
        match self.kind {
            Kind::CompareIf { cond, .. } | Kind::Select { cond } => Some(cond),
            _ => None,
        }
    }

    /// The vector registers that it names.
    pub fn vectors(&self) -> Vec<u8> {
        let (rd, rn, rm) = (self.rd, self.rn, self.rm);
        match self.kind {
            Kind::Fused(_) => vec![rd, rn, rm, self.ra],
            Kind::Compare { zero: false, .. } | Kind::CompareIf { .. } => vec![rn, rm],
            Kind::Compare { .. } | Kind::ToInt { vector: false, .. } => vec![rn],
            Kind::FromInt { vector: false, .. } | Kind::Immediate(_) => vec![rd],
            Kind::Mask { zero: true, .. }
            | Kind::Abs
            | Kind::Neg
            | Kind::Sqrt
            | Kind::Estimate { .. }
            | Kind::Round(..)
            | Kind::ToInt { .. }
            | Kind::FromInt { .. }
            | Kind::Lengthen
            | Kind::Shorten
            | Kind::FromHalf
            | Kind::ToHalf
            | Kind::VectorLengthen { .. }
            | Kind::VectorShorten { .. }
            | Kind::PairAdd
            | Kind::PairExtreme { .. }
            | Kind::Across { .. } => vec![rd, rn],
            _ => vec![rd, rn, rm],
        }
    }

    /// Whether all of NZCV is new after it.
    pub fn writes_flags(&self) -> bool {
        matches!(self.kind, Kind::Compare { .. } | Kind::CompareIf { .. })
    }

    /// Whether the host code for it leaves EFLAGS alone.
    pub fn keeps_eflags(&self) -> bool {
        match self.kind {
            Kind::FromInt { unsigned, sf, vector, .. } => !(vector || unsigned && sf),
            Kind::Mask { .. } | Kind::Abs | Kind::Neg | Kind::Immediate(_) | Kind::Select { .. } => true,
            _ => false,
        }
    }
}

/// The way to the executor for what the host does not do as Arm.
struct Rare(DynamicLabel);

/// A look at an unusual result of arithmetic: whether it is a NaN that both would give.
#[derive(Clone, Copy, Debug)]
pub struct Quiet {
    from: DynamicLabel,
    /// The executor does it.
    execute: DynamicLabel,
    /// The result stands.
    accept: DynamicLabel,
    f: Float,
    /// Where the result is.
    t: u8,
    /// It may also have come here because it is the smallest normal number.
    tiny: bool,
    /// The operands were given to the host in the other order.
    swapped: bool,
}

impl Emitter<'_> {
    pub(super) fn float(&mut self, f: Float) {
        match f.kind {
            Kind::Compare { signal, zero } => {
                let swapped = matches!(self.next, Some(2..=5 | 8 | 9));
                self.compare(f, signal, zero, swapped);
                self.flags = Flags::Host(if swapped { Form::FloatSwapped } else { Form::Float });
            }
            Kind::CompareIf { signal, cond, nzcv } => self.compare_if(f, signal, cond, nzcv),
            Kind::Select { cond } => self.select_float(f, cond),
            Kind::Immediate(value) => {
                let d = self.target_v(f.rd, 0);
                self.constant_v(d, value, false);
                self.write_v(f.rd, d);
                self.zeros.note(f.rd, f.double);
            }
            Kind::Abs | Kind::Neg => {
                let constant = match (f.kind == Kind::Abs, f.double) {
                    (true, false) => Constant::AbsSingle,
                    (true, true) => Constant::AbsDouble,
                    (false, false) => Constant::SignSingle,
                    (false, true) => Constant::SignDouble,
                };
                let (n, constant) = (self.read_v(f.rn, 1), self.pool(constant));
                self.v(if f.kind == Kind::Abs { vex::PAND } else { vex::PXOR }, 0, n, constant);
                self.float_result(f, 0, f.kind == Kind::Abs && self.zeros.known(f.rn, f.double));
            }
            Kind::Mask { predicate, magnitudes, zero } => self.mask(f, predicate, magnitudes, zero),
            Kind::FromInt { .. } => self.float_of(f),
            _ => {
                let rare = Rare(self.asm.new_dynamic_label());
                match f.kind {
                    Kind::Two(_) | Kind::NegatedProduct | Kind::Difference | Kind::Sqrt | Kind::Fused(_) => {
                        self.arithmetic(f, &rare);
                    }
                    Kind::Estimate { root } => self.estimate(f, root, &rare),
                    Kind::MulExtended | Kind::Step { .. } => self.step(f, &rare),
                    Kind::Extreme { max } => self.extreme(f, max, &rare),
                    Kind::PairsAdd | Kind::PairAdd => self.pairs_add(f, &rare),
                    Kind::PairsExtreme { max } | Kind::PairExtreme { max } => {
                        self.pairs_extreme(f, max, &rare)
                    }
                    Kind::Across { max } => self.across_extreme(f, max, &rare),
                    Kind::Round(mode, exact) => self.round(f, mode, exact, &rare),
                    Kind::ToInt { .. } => self.integer_of(f, &rare),
                    _ => self.reformat(f, &rare),
                }
                self.resume(rare);
            }
        }
    }

    /// Ends an instruction that has a rare case: the executor resumes here.
    fn resume(&mut self, rare: Rare) {
        let decoded = Decoded::new(self.words.get(self.at).copied().unwrap_or(0));
        let record = self.record(decoded, 0);
        if let Some(record) = self.records.get_mut(record) {
            record.pure = true;
        }
        let resume = self.asm.new_dynamic_label();
        x64!(self; =>resume);
        self.cold.push(Cold::Exec { from: rare.0, resume, record, keep_va: false });
    }

    /// Ends a result in `t`. `clean`: a scalar in it has only zeros above it.
    fn float_result(&mut self, f: Float, t: u8, clean: bool) {
        let d = self.target_v(f.rd, t);
        match f.lanes {
            Lanes::Scalar if clean => self.copy_v(d, t),
            Lanes::Scalar if !f.double => self.vi(vex::INSERTPS, d, t, t, 0x0e),
            Lanes::Scalar | Lanes::Half => self.v(vex::MOVQ, d, 0, t),
            Lanes::Full => self.copy_v(d, t),
        }
        self.write_v(f.rd, d);
        if f.lanes != Lanes::Full {
            self.zeros.note(f.rd, f.double || f.lanes == Lanes::Half);
        }
    }

    /// Goes the rare way if the result in `t` is a NaN or, with `tiny`, the smallest normal number. Spoils xmm1.
    fn check(&mut self, f: Float, t: u8, tiny: bool, rare: &Rare) {
        let from = rare.0;
        let abs = self.pool(if f.double { Constant::AbsDouble } else { Constant::AbsSingle });
        let least = self.pool(if f.double { Constant::LeastDouble } else { Constant::LeastSingle });
        match (f.lanes, tiny) {
            (Lanes::Scalar, false) => {
                self.v(vex::ucomi(f.double), t, 0, t);
                x64!(self; jp =>from);
            }
            (Lanes::Scalar, true) => {
                // Unordered looks equal.
                self.v(vex::PAND, 1, t, abs);
                self.v(vex::ucomi(f.double), 1, 0, least);
                x64!(self; je =>from);
            }
            (_, false) => {
                self.vi(vex::float(vex::CMP, false, f.double), 1, t, t, vex::UNORDERED);
                self.v(vex::PTEST, 1, 0, 1);
                x64!(self; jnz =>from);
            }
            (_, true) => {
                self.v(vex::PAND, 1, t, abs);
                self.vi(vex::float(vex::CMP, false, f.double), 1, 1, least, vex::EQUAL_OR_UNORDERED);
                self.v(vex::PTEST, 1, 0, 1);
                x64!(self; jnz =>from);
            }
        }
    }

    /// The same for arithmetic, of which quiet NaNs stay.
    fn check_quiet(&mut self, f: Float, t: u8, tiny: bool, swapped: bool, rare: &Rare) {
        // FMSUB and its like turn the sign of their operands, of NaNs too.
        let turned = matches!(f.kind, Kind::Fused(opcode) if opcode != vex::FMADD231);
        if self.mode.default_nan() || turned {
            self.check(f, t, tiny, rare);
            return;
        }
        let (from, accept) = (self.asm.new_dynamic_label(), self.asm.new_dynamic_label());
        self.check(f, t, tiny, &Rare(from));
        x64!(self; =>accept);
        self.cold.push(Cold::Quiet(Quiet { from, execute: rare.0, accept, f, t, tiny, swapped }));
    }

    /// The cold part of [`Emitter::check_quiet`].
    pub(super) fn quiet(&mut self, q: Quiet) {
        let (f, t, scalar) = (q.f, q.t, q.f.lanes == Lanes::Scalar);
        let (from, execute, accept) = (q.from, q.execute, q.accept);
        let [abs, least, infinity] = if f.double {
            [Constant::AbsDouble, Constant::LeastDouble, Constant::InfinityDouble]
        } else {
            [Constant::AbsSingle, Constant::LeastSingle, Constant::InfinitySingle]
        }
        .map(|c| self.pool(c));
        x64!(self; =>from);
        if q.tiny && scalar {
            self.v(vex::ucomi(f.double), t, 0, t);
            x64!(self; jnp =>execute);
        } else if q.tiny {
            self.v(vex::PAND, 1, t, abs);
            self.vi(vex::float(vex::CMP, false, f.double), 1, 1, least, vex::EQUAL);
            self.v(vex::PTEST, 1, 0, 1);
            x64!(self; jnz =>execute);
        }
        // Invalid operation, which stays set until something folds it in: the executor does.
        x64!(self
            ; stmxcsr [BYTE rsp + VA]
            ; test BYTE [BYTE rsp + VA], 1
            ; jnz =>execute
        );
        if q.swapped {
            // The first operand is now `rm`; its upper part is not that of the result.
            let first = self.read_v(f.rm, 1);
            self.v(vex::ucomi(f.double), first, 0, first);
            x64!(self; jnp =>accept);
            self.v(vex::move_scalar(f.double), t, t, first);
        }
        if let Kind::Fused(_) = f.kind {
            let a = self.float_n(f, f.ra, 1);
            if scalar {
                // A NaN addend is the result, but where the product is of infinity and zero, which the host does not note.
                self.v(vex::ucomi(f.double), a, 0, a);
                x64!(self; jnp =>accept);
                let factors = [self.src(f.rn), self.float_m(f)];
                for factor in factors {
                    self.copy_v(3, factor);
                    self.v(vex::PAND, 3, 3, abs);
                    self.v(vex::ucomi(f.double), 3, 0, infinity);
                    x64!(self; je =>execute);
                }
                let a = self.src(f.ra);
                self.copy_v(t, a);
            } else {
                self.vi(vex::float(vex::CMP, false, f.double), 3, a, a, vex::UNORDERED);
                self.v(vex::PTEST, 3, 0, 3);
                x64!(self; jnz =>execute);
            }
        }
        x64!(self; jmp =>accept);
    }

    /// Whether both operands, `n` and `m`, are numbers below 2^63; else the rare way. Spoils xmm3.
    fn bounded(&mut self, f: Float, operands: &[Rm], rare: &Rare) {
        let from = rare.0;
        let [abs, limit] = if f.double {
            [Constant::AbsDouble, Constant::Double63]
        } else {
            [Constant::AbsSingle, Constant::Single63]
        }
        .map(|c| self.pool(c));
        for &operand in operands {
            self.copy_v(3, operand);
            self.v(vex::PAND, 3, 3, abs);
            if f.lanes == Lanes::Scalar {
                self.v(vex::ucomi(f.double), 3, 0, limit);
                x64!(self; jp =>from; jae =>from);
            } else {
                self.vi(vex::float(vex::CMP, false, f.double), 3, 3, limit, vex::NOT_LESS);
                self.v(vex::PTEST, 3, 0, 3);
                x64!(self; jnz =>from);
            }
        }
    }

    /// FMULX, FRECPS and FRSQRTS of moderate numbers: infinity times zero is something else for each, and not invalid.
    fn step(&mut self, f: Float, rare: &Rare) {
        let scalar = f.lanes == Lanes::Scalar;
        let m = self.float_m(f);
        let n = self.float_n(f, f.rn, 1);
        self.bounded(f, &[Rm::X(n), m], rare);
        let start = match (f.kind, f.double) {
            (Kind::Step { root: false }, false) => Some(Constant::TwoSingle),
            (Kind::Step { root: false }, true) => Some(Constant::TwoDouble),
            (Kind::Step { root: true }, false) => Some(Constant::ThreeSingle),
            (Kind::Step { root: true }, true) => Some(Constant::ThreeDouble),
            _ => None,
        };
        match start {
            Some(start) => {
                let start = self.pool(start);
                self.v(vex::MOVAPS, 0, 0, start);
                self.v(vex::fused(vex::FNMADD231, scalar, f.double), 0, n, m);
                if f.kind == (Kind::Step { root: true }) {
                    // Never near underflow, so halving is exact.
                    let half = self.pool(if f.double { Constant::HalfDouble } else { Constant::HalfSingle });
                    self.v(vex::float(vex::MUL, scalar, f.double), 0, 0, half);
                }
            }
            None => {
                self.v(vex::float(vex::MUL, scalar, f.double), 0, n, m);
                self.check(f, 0, true, rare);
            }
        }
        self.float_result(f, 0, false);
    }

    /// Guest register `r` as an operand of the first kind in a register: itself, or `t`. Of two singles both halves are the
    /// same, so that what is computed above them raises nothing of its own.
    fn float_n(&mut self, f: Float, r: u8, t: u8) -> u8 {
        if f.lanes == Lanes::Half {
            let m = self.src(r);
            self.v(vex::MOVDDUP, t, 0, m);
            return t;
        }
        self.read_v(r, t)
    }

    /// The second operand: `rm`, or an element of it in all lanes, in xmm2 or where it is.
    fn float_m(&mut self, f: Float) -> Rm {
        match f.lane {
            Some(lane) => {
                self.broadcast(2, f.rm, 2 + u8::from(f.double), lane);
                Rm::X(2)
            }
            None if f.lanes == Lanes::Half => {
                let m = self.src(f.rm);
                self.v(vex::MOVDDUP, 2, 0, m);
                Rm::X(2)
            }
            None => self.src(f.rm),
        }
    }

    fn arithmetic(&mut self, f: Float, rare: &Rare) {
        let scalar = f.lanes == Lanes::Scalar;
        let known = |e: &Self, r| e.zeros.known(r, f.double);
        if let Kind::Fused(opcode) = f.kind {
            let m = self.float_m(f);
            let n = self.float_n(f, f.rn, 1);
            let a = self.src(f.ra);
            if f.lanes == Lanes::Half {
                self.v(vex::MOVDDUP, 0, 0, a);
            } else {
                self.copy_v(0, a);
            }
            self.v(vex::fused(opcode, scalar, f.double), 0, n, m);
            self.check_quiet(f, 0, true, false, rare);
            let clean = known(self, f.ra);
            self.float_result(f, 0, clean);
            return;
        }
        if f.kind == Kind::Sqrt {
            let n = self.float_n(f, f.rn, 2);
            self.v(vex::float(vex::SQRT, scalar, f.double), 0, if scalar { n } else { 0 }, n);
            self.check_quiet(f, 0, false, false, rare);
            let clean = known(self, f.rn);
            self.float_result(f, 0, clean);
            return;
        }
        let opcode = match f.kind {
            Kind::Two(opcode) => opcode,
            Kind::NegatedProduct => vex::MUL,
            _ => vex::SUB,
        };
        // A scalar's upper part comes from the first operand; of a sum and a product the order matters to NaNs only.
        let mut f = f;
        let commutes = opcode == vex::ADD || opcode == vex::MUL;
        let swapped = scalar && commutes && f.lane.is_none() && !known(self, f.rn) && known(self, f.rm);
        if swapped {
            (f.rn, f.rm) = (f.rm, f.rn);
        }
        let m = self.float_m(f);
        let n = self.float_n(f, f.rn, 1);
        // The operands must be there for the rare case.
        let t = if f.rd == f.rn || f.rd == f.rm { 0 } else { self.target_v(f.rd, 0) };
        self.v(vex::float(opcode, scalar, f.double), t, n, m);
        self.check_quiet(f, t, opcode == vex::MUL, swapped, rare);
        let mut clean = known(self, f.rn);
        match f.kind {
            Kind::NegatedProduct => {
                let sign = self.pool(if f.double { Constant::SignDouble } else { Constant::SignSingle });
                self.v(vex::PXOR, t, t, sign);
                clean = false;
            }
            Kind::Difference => {
                let abs = self.pool(if f.double { Constant::AbsDouble } else { Constant::AbsSingle });
                self.v(vex::PAND, t, t, abs);
            }
            _ => {}
        }
        self.float_result(f, t, clean);
    }

    fn mask(&mut self, f: Float, predicate: u8, magnitudes: bool, zero: bool) {
        let scalar = f.lanes == Lanes::Scalar;
        let m = if zero { self.pool(Constant::Zero) } else { self.float_m(f) };
        let mut n = self.float_n(f, f.rn, 1);
        let mut m = m;
        if magnitudes {
            let abs = self.pool(if f.double { Constant::AbsDouble } else { Constant::AbsSingle });
            self.copy_v(2, m);
            self.v(vex::PAND, 2, 2, abs);
            self.v(vex::PAND, 1, n, abs);
            (n, m) = (1, Rm::X(2));
        }
        self.vi(vex::float(vex::CMP, scalar, f.double), 0, n, m, predicate);
        let clean = self.zeros.known(f.rn, f.double);
        self.float_result(f, 0, clean);
    }

    /// Compares, the operands exchanged if the condition that follows is easier to tell then.
    fn compare(&mut self, f: Float, signal: bool, zero: bool, swapped: bool) {
        let insn = if signal { vex::comi(f.double) } else { vex::ucomi(f.double) };
        if swapped {
            let n = self.src(f.rn);
            let m = if zero {
                self.v(vex::PXOR, 1, 1, 1);
                1
            } else {
                self.read_v(f.rm, 1)
            };
            self.v(insn, m, 0, n);
        } else {
            let n = self.read_v(f.rn, 1);
            let m = if zero { self.pool(Constant::Zero) } else { self.src(f.rm) };
            self.v(insn, n, 0, m);
        }
    }

    /// Brings what a comparison left to borrow form. Spoils rax.
    pub(super) fn flags_of_float(&mut self, swapped: bool) {
        let ordered = self.asm.new_dynamic_label();
        // Less: 0 - 1. Equal: 0 - 0. Greater: 1 - 0. Unordered: 0x80 - 1, which overflows.
        if swapped {
            x64!(self; seta ah; setb al);
        } else {
            x64!(self; setb ah; seta al);
        }
        x64!(self; jnp =>ordered; mov eax, DWORD 0x0180; =>ordered; cmp al, ah);
    }

    /// Branches right after a comparison of floating-point numbers, without making its flags.
    pub(super) fn float_branch(&mut self, cond: u8, target: u64) -> bool {
        let Flags::Host(form @ (Form::Float | Form::FloatSwapped)) = self.flags else { return false };
        // Unordered looks below and equal.
        let host = match (cond, form) {
            (0 | 1 | 6 | 7, _) => cond,
            (10, Form::Float) | (9, Form::FloatSwapped) => 2,
            (11, Form::Float) | (8, Form::FloatSwapped) => 3,
            (12, Form::Float) | (3 | 4, Form::FloatSwapped) => 8,
            (13, Form::Float) | (2 | 5, Form::FloatSwapped) => 9,
            _ => return false,
        };
        let out = self.side(target);
        let on = self.asm.new_dynamic_label();
        match host {
            0 => x64!(self; jp =>on; je =>out; =>on),
            1 => x64!(self; jp =>out; jne =>out),
            6 => x64!(self; jp =>out),
            7 => x64!(self; jnp =>out),
            cond => self.jcc(cond, out),
        }
        true
    }

    fn compare_if(&mut self, f: Float, signal: bool, cond: u8, nzcv: u8) {
        let otherwise = self.asm.new_dynamic_label();
        let done = self.asm.new_dynamic_label();
        if cond < 14 {
            self.want_flags(matches!(cond >> 1, 1 | 4));
            self.jcc(cond ^ 1, otherwise);
        }
        self.compare(f, signal, false, false);
        self.flags_of_float(false);
        if cond < 14 {
            let image = super::image(nzcv);
            x64!(self
                ; jmp =>done
                ; =>otherwise
                ; mov eax, image
                ; add al, 0x7f
                ; sahf
                ; =>done
            );
        }
        self.flags = Flags::Host(Form::Borrow);
    }

    /// FCSEL, by way of general registers: without a branch.
    fn select_float(&mut self, f: Float, cond: u8) {
        self.want_flags(matches!(cond >> 1, 1 | 4));
        let (m, n) = (self.read_v(f.rm, 1), self.read_v(f.rn, 2));
        let d = self.target_v(f.rd, 0);
        if f.double {
            x64!(self; vmovq rax, Rx(m); vmovq rcx, Rx(n));
            self.cmov(cond, RCX);
            x64!(self; vmovq Rx(d), rax);
        } else {
            x64!(self; vmovd eax, Rx(m); vmovd ecx, Rx(n));
            self.cmov(cond, RCX);
            x64!(self; vmovd Rx(d), eax);
        }
        self.write_v(f.rd, d);
        self.zeros.note(f.rd, f.double);
    }
}
