//! Vector instructions of the host by number: an encoder for VEX.128 forms, the names of those that are used, and the
//! constants that they refer to.
//!
//! The assembler's macro wants every instruction spelled out; translations of NEON choose theirs from tables by element size,
//! so here an instruction is a value. Opcodes: Intel's and AMD's manuals, "VEX prefix" and the pages of the instructions.

use dynasmrt::DynasmApi;

use super::Emitter;
use crate::regs::slot_v;

/// A host instruction: prefix, opcode map and opcode, all 128-bit VEX forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insn {
    /// 0 none, 1 66, 2 F3, 3 F2.
    prefix: u8,
    /// 1 0F, 2 0F38, 3 0F3A.
    map: u8,
    /// VEX.W.
    wide: bool,
    opcode: u8,
}

/// No prefix, map 0F.
const fn p0(opcode: u8) -> Insn {
    Insn { prefix: 0, map: 1, wide: false, opcode }
}

/// Prefix 66, map 0F.
const fn p66(opcode: u8) -> Insn {
    Insn { prefix: 1, ..p0(opcode) }
}

/// Prefix 66, map 0F38.
const fn p38(opcode: u8) -> Insn {
    Insn { map: 2, ..p66(opcode) }
}

/// Prefix 66, map 0F3A.
const fn p3a(opcode: u8) -> Insn {
    Insn { map: 3, ..p66(opcode) }
}

/// An instruction with forms for singles and doubles.
const fn packed(double: bool, opcode: u8) -> Insn {
    Insn { prefix: double as u8, ..p0(opcode) }
}

/// A floating-point operation in its four forms: packed or scalar, single or double.
pub const fn float(opcode: u8, scalar: bool, double: bool) -> Insn {
    Insn { prefix: scalar as u8 * 2 + double as u8, ..p0(opcode) }
}

/// A fused multiply-add: the scalar form's opcode is the next one.
pub const fn fused(opcode: u8, scalar: bool, double: bool) -> Insn {
    Insn { wide: double, ..p38(opcode + scalar as u8) }
}

/// Rounding to integral values: opcodes 8 to 11.
pub const fn round(scalar: bool, double: bool) -> Insn {
    p3a(8 + scalar as u8 * 2 + double as u8)
}

/// The element moves of a family by log2 of the element's bytes.
pub type Family = [Insn; 4];

pub const PADD: Family = [p66(0xfc), p66(0xfd), p66(0xfe), p66(0xd4)];
pub const PSUB: Family = [p66(0xf8), p66(0xf9), p66(0xfa), p66(0xfb)];
pub const PCMPEQ: Family = [p66(0x74), p66(0x75), p66(0x76), p38(0x29)];
pub const PCMPGT: Family = [p66(0x64), p66(0x65), p66(0x66), p38(0x37)];
pub const PUNPCKL: Family = [p66(0x60), p66(0x61), p66(0x62), p66(0x6c)];
pub const PUNPCKH: Family = [p66(0x68), p66(0x69), p66(0x6a), p66(0x6d)];
/// Of 8, 16 and 32 bits only.
pub const PMAXS: [Insn; 3] = [p38(0x3c), p66(0xee), p38(0x3d)];
pub const PMINS: [Insn; 3] = [p38(0x38), p66(0xea), p38(0x39)];
pub const PMAXU: [Insn; 3] = [p66(0xde), p38(0x3e), p38(0x3f)];
pub const PMINU: [Insn; 3] = [p66(0xda), p38(0x3a), p38(0x3b)];
pub const PABS: [Insn; 3] = [p38(0x1c), p38(0x1d), p38(0x1e)];
/// Saturating, of 8 and 16 bits only.
pub const PADDS: [Insn; 2] = [p66(0xec), p66(0xed)];
pub const PADDUS: [Insn; 2] = [p66(0xdc), p66(0xdd)];
pub const PSUBS: [Insn; 2] = [p66(0xe8), p66(0xe9)];
pub const PSUBUS: [Insn; 2] = [p66(0xd8), p66(0xd9)];
pub const PAVG: [Insn; 2] = [p66(0xe0), p66(0xe3)];
/// Extension from 8, 16 and 32 bits to twice as many.
pub const PMOVSX: [Insn; 3] = [p38(0x20), p38(0x23), p38(0x25)];
pub const PMOVZX: [Insn; 3] = [p38(0x30), p38(0x33), p38(0x35)];
/// The lowest element to all.
pub const PBROADCAST: Family = [p38(0x78), p38(0x79), p38(0x58), p38(0x59)];
/// Saturating halving of 16 and 32 bits.
pub const PACKSS: [Insn; 2] = [p66(0x63), p66(0x6b)];
pub const PACKUS: [Insn; 2] = [p66(0x67), p38(0x2b)];

pub const PAND: Insn = p66(0xdb);
pub const PANDN: Insn = p66(0xdf);
pub const POR: Insn = p66(0xeb);
pub const PXOR: Insn = p66(0xef);
pub const PSHUFB: Insn = p38(0x00);
pub const PHADDW: Insn = p38(0x01);
pub const PHADDD: Insn = p38(0x02);
pub const PMADDUBSW: Insn = p38(0x04);
pub const PMULHRSW: Insn = p38(0x0b);
pub const PMULLW: Insn = p66(0xd5);
pub const PMULHW: Insn = p66(0xe5);
pub const PMULLD: Insn = p38(0x40);
pub const PMULDQ: Insn = p38(0x28);
pub const PMULUDQ: Insn = p66(0xf4);
pub const PMADDWD: Insn = p66(0xf5);
pub const PSADBW: Insn = p66(0xf6);
pub const PTEST: Insn = p38(0x17);
pub const PSHUFD: Insn = p66(0x70);
pub const PALIGNR: Insn = p3a(0x0f);
/// Choose the second source where the top bit of the register in the immediate's upper half is set.
pub const BLENDVB: Insn = p3a(0x4c);
pub const BLENDVPS: Insn = p3a(0x4a);
pub const BLENDVPD: Insn = p3a(0x4b);
pub const PBLENDW: Insn = p3a(0x0e);
pub const PBLENDD: Insn = p3a(0x02);
pub const INSERTPS: Insn = p3a(0x21);
pub const SHUFPS: Insn = p0(0xc6);
pub const SHUFPD: Insn = p66(0xc6);
pub const MOVQ: Insn = Insn { prefix: 2, ..p0(0x7e) };
pub const MOVDDUP: Insn = Insn { prefix: 3, ..p0(0x12) };
pub const MOVAPS: Insn = p0(0x28);
pub const MOVDQU: Insn = Insn { prefix: 2, ..p0(0x6f) };
pub const HADDPS: Insn = Insn { prefix: 3, ..p0(0x7c) };
pub const HADDPD: Insn = p66(0x7c);
/// Shifts by the elements of a vector: 32 and 64 bits.
pub const PSLLV: [Insn; 2] = [p38(0x47), Insn { wide: true, ..p38(0x47) }];
pub const PSRLV: [Insn; 2] = [p38(0x45), Insn { wide: true, ..p38(0x45) }];
pub const PSRAVD: Insn = p38(0x46);
pub const AESENC: Insn = p38(0xdc);
pub const AESENCLAST: Insn = p38(0xdd);
pub const AESDEC: Insn = p38(0xde);
pub const AESDECLAST: Insn = p38(0xdf);
pub const AESIMC: Insn = p38(0xdb);
pub const PCLMULQDQ: Insn = p3a(0x44);
pub const CVTDQ2PS: Insn = p0(0x5b);
pub const CVTTPS2DQ: Insn = Insn { prefix: 2, ..p0(0x5b) };
pub const CVTPD2PS: Insn = p66(0x5a);
pub const CVTPS2PD: Insn = p0(0x5a);
pub const CVTSS2SD: Insn = Insn { prefix: 2, ..p0(0x5a) };
pub const CVTSD2SS: Insn = Insn { prefix: 3, ..p0(0x5a) };
pub const CVTPH2PS: Insn = p38(0x13);

/// Opcodes for [`float`].
pub const ADD: u8 = 0x58;
pub const MUL: u8 = 0x59;
pub const SUB: u8 = 0x5c;
pub const MIN: u8 = 0x5d;
pub const DIV: u8 = 0x5e;
pub const MAX: u8 = 0x5f;
pub const SQRT: u8 = 0x51;
/// With a predicate as the immediate.
pub const CMP: u8 = 0xc2;

/// Predicates of [`CMP`]: quiet NaNs are invalid to the ordered ones but not to these three.
pub const EQUAL: u8 = 0;
pub const UNORDERED: u8 = 3;
pub const EQUAL_OR_UNORDERED: u8 = 8;
/// Not less, or unordered; quiet.
pub const NOT_LESS: u8 = 0x15;
pub const LESS: u8 = 1;
pub const AT_MOST: u8 = 2;
pub const AT_LEAST: u8 = 0x0d;
pub const GREATER: u8 = 0x0e;

/// Opcodes for [`fused`]: the first operand is added to the product of the others.
pub const FMADD231: u8 = 0xb8;
pub const FMSUB231: u8 = 0xba;
pub const FNMADD231: u8 = 0xbc;
pub const FNMSUB231: u8 = 0xbe;

/// UCOMISS and UCOMISD.
pub const fn ucomi(double: bool) -> Insn {
    packed(double, 0x2e)
}

/// COMISS and COMISD: quiet NaNs are invalid too.
pub const fn comi(double: bool) -> Insn {
    packed(double, 0x2f)
}

/// MOVSS and MOVSD between registers: the low element of the second operand into the first.
pub const fn move_scalar(double: bool) -> Insn {
    Insn { prefix: 2 + double as u8, ..p0(0x10) }
}

/// A shift by an immediate: the instruction and what stands in its register field.
pub type Shift = (Insn, u8);

/// Shifts left of 16, 32 and 64 bits, by log2 of the bytes.
pub const PSLL: [Shift; 4] = [(p66(0x71), 6), (p66(0x71), 6), (p66(0x72), 6), (p66(0x73), 6)];
/// Shifts right, zeros coming in.
pub const PSRL: [Shift; 4] = [(p66(0x71), 2), (p66(0x71), 2), (p66(0x72), 2), (p66(0x73), 2)];
/// Shifts right, the sign coming in: 16 and 32 bits only.
pub const PSRA: [Shift; 3] = [(p66(0x71), 4), (p66(0x71), 4), (p66(0x72), 4)];
/// Shifts of all 128 bits by bytes.
pub const PSRLDQ: Shift = (p66(0x73), 3);
pub const PSLLDQ: Shift = (p66(0x73), 7);

/// The operand that may be in memory.
#[derive(Clone, Copy, Debug)]
pub enum Rm {
    /// A host vector register.
    X(u8),
    /// A byte offset from rbp.
    State(i32),
    /// An address that rip reaches: a constant of the pool.
    Pool(usize),
    /// A byte offset from rax: guest memory.
    Rax(i8),
}

impl From<u8> for Rm {
    fn from(register: u8) -> Rm {
        Rm::X(register)
    }
}

impl Emitter<'_> {
    /// Emits `i d, n, m`. Instructions with one source take 0 for `n`.
    pub(super) fn v(&mut self, i: Insn, d: u8, n: u8, m: impl Into<Rm>) {
        self.encode(i, d, n, m.into(), None);
    }

    /// The same with an immediate.
    pub(super) fn vi(&mut self, i: Insn, d: u8, n: u8, m: impl Into<Rm>, imm: u8) {
        self.encode(i, d, n, m.into(), Some(imm));
    }

    /// A shift of `n` by an immediate, to `d`.
    pub(super) fn vshift(&mut self, shift: Shift, d: u8, n: u8, by: u8) {
        self.encode(shift.0, shift.1, d, Rm::X(n), Some(by));
    }

    fn encode(&mut self, i: Insn, d: u8, n: u8, m: Rm, imm: Option<u8>) {
        let far = matches!(m, Rm::X(8..));
        let tail = (!n & 15) << 3 | i.prefix;
        let r = (!d & 8) << 4;
        if far || i.map != 1 || i.wide {
            self.asm.push(0xc4);
            self.asm.push(r | 0x40 | if far { 0 } else { 0x20 } | i.map);
            self.asm.push(u8::from(i.wide) << 7 | tail);
        } else {
            self.asm.push(0xc5);
            self.asm.push(r | tail);
        }
        self.asm.push(i.opcode);
        let field = (d & 7) << 3;
        match m {
            Rm::X(h) => self.asm.push(0xc0 | field | h & 7),
            Rm::State(offset) => match i8::try_from(offset) {
                Ok(offset) => {
                    self.asm.push(0x45 | field);
                    self.asm.push_i8(offset);
                }
                Err(_) => {
                    self.asm.push(0x85 | field);
                    self.asm.push_i32(offset);
                }
            },
            Rm::Pool(address) => {
                self.asm.push(0x05 | field);
                let next = self.base + self.asm.offset().0 + 4 + usize::from(imm.is_some());
                self.asm.push_i32(address.wrapping_sub(next) as i32);
            }
            Rm::Rax(offset) => {
                self.asm.push(0x40 | field);
                self.asm.push_i8(offset);
            }
        }
        if let Some(imm) = imm {
            self.asm.push(imm);
        }
    }

    /// A constant of the pool as an operand.
    pub(super) fn pool(&self, constant: Constant) -> Rm {
        Rm::Pool(self.thunks.pool + 16 * constant as usize)
    }

    /// Guest vector register `v` as an operand.
    pub(super) fn src(&self, v: u8) -> Rm {
        match self.host_of(v) {
            Some(h) => Rm::X(h),
            None => Rm::State(slot_v(v)),
        }
    }

    /// The host register that has guest vector register `v`: its own, or `t` after loading it.
    pub(super) fn read_v(&mut self, v: u8, t: u8) -> u8 {
        match self.src(v) {
            Rm::X(h) => h,
            slot => {
                self.v(MOVAPS, t, 0, slot);
                t
            }
        }
    }

    /// Copies an operand to `d`, if it is not there.
    pub(super) fn copy_v(&mut self, d: u8, m: impl Into<Rm>) {
        let m = m.into();
        if !matches!(m, Rm::X(h) if h == d) {
            self.v(MOVAPS, d, 0, m);
        }
    }

    /// Where a result for guest vector register `v` may be computed at once: its own register, or `t`.
    pub(super) fn target_v(&self, v: u8, t: u8) -> u8 {
        self.host_of(v).unwrap_or(t)
    }

    /// Ends a result in host register `h` for guest vector register `v`: all 128 bits count.
    pub(super) fn write_v(&mut self, v: u8, h: u8) {
        self.zeros.forget(v);
        match self.src(v) {
            Rm::X(own) => self.copy_v(own, h),
            slot => self.store_v(slot, h),
        }
    }

    /// Writes the low half of `h` to guest vector register `v`: all of it, or with `upper` its upper half.
    pub(super) fn write_half(&mut self, v: u8, h: u8, upper: bool) {
        match self.src(v) {
            Rm::X(d) if upper => self.v(PUNPCKL[3], d, d, h),
            Rm::State(slot) if upper => self.store_low(Rm::State(slot + 8), h),
            Rm::X(d) => self.v(MOVQ, d, 0, h),
            slot => {
                self.v(MOVQ, h, 0, h);
                self.store_v(slot, h);
            }
        }
        self.zeros.forget(v);
        if !upper {
            self.zeros.note(v, true);
        }
    }

    /// Stores 16 bytes, aligned or not.
    pub(super) fn store_v(&mut self, to: Rm, h: u8) {
        self.encode(p0(0x11), h, 0, to, None);
    }

    /// Stores the low 8 bytes.
    pub(super) fn store_low(&mut self, to: Rm, h: u8) {
        self.encode(p66(0xd6), h, 0, to, None);
    }
}

/// Which guest vector registers are known to have only zeros above their low 64 or 32 bits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zeros {
    above_64: u32,
    above_32: u32,
}

impl Zeros {
    /// Nothing is known of `v` any more.
    pub fn forget(&mut self, v: u8) {
        self.above_64 &= !(1 << (v & 31));
        self.above_32 &= !(1 << (v & 31));
    }

    /// All but the low 64 bits of `v`, or without `double` the low 32, are zero.
    pub fn note(&mut self, v: u8, double: bool) {
        self.forget(v);
        self.above_64 |= 1 << (v & 31);
        self.above_32 |= u32::from(!double) << (v & 31);
    }

    /// Whether all but the low 64 bits, or without `double` the low 32, are known to be zero.
    pub fn known(self, v: u8, double: bool) -> bool {
        (if double { self.above_64 } else { self.above_32 }) >> (v & 31) & 1 != 0
    }
}

macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident = $value:expr,)*) => {
        /// What is in the pool, 16 bytes each.
        #[derive(Clone, Copy, Debug)]
        pub enum Constant {
            $($(#[$doc])* $name,)*
        }

        /// The pool as it lies in the code cache.
        pub const POOL: &[u128] = &[$($value,)*];
    };
}

/// `lane` of `bytes` bytes in all lanes.
const fn splat(lane: u64, bytes: u32) -> u128 {
    let (mut out, mut n) = (0, 0);
    while n < 16 / bytes {
        out |= (lane as u128) << (8 * bytes * n);
        n += 1;
    }
    out
}

/// A byte shuffle by the first hex digits: byte 0 of the result is named first. Those that are not named become zero.
const fn shuffle(from: &[u8]) -> u128 {
    let (mut out, mut n) = (0, 0);
    while n < 16 {
        out |= (if n < from.len() { from[n] } else { 0x80 } as u128) << (8 * n);
        n += 1;
    }
    out
}

/// The bits of `n` counted, for all 16 nibbles.
const fn nibbles(of: &[u8; 16]) -> u128 {
    shuffle(of)
}

constants! {
    Zero = 0,
    Ones = u128::MAX,
    AbsSingle = splat(0x7fff_ffff, 4),
    AbsDouble = splat(u64::MAX >> 1, 8),
    SignSingle = splat(1 << 31, 4),
    SignDouble = splat(1 << 63, 8),
    /// The smallest normal numbers.
    LeastSingle = splat(0x0080_0000, 4),
    LeastDouble = splat(0x0010_0000_0000_0000, 8),
    OneSingle = splat(0x3f80_0000, 4),
    OneDouble = splat(0x3ff0_0000_0000_0000, 8),
    HalfSingle = splat(0x3f00_0000, 4),
    HalfDouble = splat(0x3fe0_0000_0000_0000, 8),
    TwoSingle = splat(0x4000_0000, 4),
    TwoDouble = splat(0x4000_0000_0000_0000, 8),
    ThreeSingle = splat(0x4040_0000, 4),
    ThreeDouble = splat(0x4008_0000_0000_0000, 8),
    InfinitySingle = splat(0x7f80_0000, 4),
    InfinityDouble = splat(0x7ff0_0000_0000_0000, 8),
    /// From here on every number is an integer: 2^23, 2^52.
    WholeSingle = splat(0x4b00_0000, 4),
    WholeDouble = splat(0x4330_0000_0000_0000, 8),
    /// 2^31 and 2^63: the first numbers that signed integers do not hold.
    Single31 = splat(0x4f00_0000, 4),
    Single63 = splat(0x5f00_0000, 4),
    Double63 = splat(0x43e0_0000_0000_0000, 8),
    /// 2^16 as a single.
    Single65536 = splat(0x4780_0000, 4),
    /// The smallest normal half.
    LeastHalf = splat(0x0400, 2),
    AbsHalf = splat(0x7fff, 2),
    InfinityHalf = splat(0x7c00, 2),
    Ones8 = splat(1, 1),
    Ones16 = splat(1, 2),
    Ones32 = splat(1, 4),
    Ones64 = splat(1, 8),
    Sign8 = splat(0x80, 1),
    Sign16 = splat(0x8000, 2),
    Eight16 = splat(8, 2),
    Sixteen32 = splat(16, 4),
    Low8Of16 = splat(0xff, 2),
    Low16Of32 = splat(0xffff, 4),
    Low32Of64 = splat(0xffff_ffff, 8),
    LowNibbles = splat(0x0f, 1),
    /// Added to an index with saturation, it sets bit 7 of those above 15.
    Clamp = splat(0x70, 1),
    Bytes16 = splat(16, 1),
    /// The highest index into tables of one to four registers.
    Last1 = splat(15, 1),
    Last2 = splat(31, 1),
    Last3 = splat(47, 1),
    Last4 = splat(63, 1),
    Largest8 = splat(0x7f, 1),
    Largest16 = splat(0x7fff, 2),
    Largest32 = splat(0x7fff_ffff, 4),
    Largest64 = splat(u64::MAX >> 1, 8),
    Reverse16 = shuffle(&[1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14]),
    Reverse32 = shuffle(&[3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12]),
    Reverse32Of16 = shuffle(&[2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13]),
    Reverse64 = shuffle(&[7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8]),
    Reverse64Of16 = shuffle(&[6, 7, 4, 5, 2, 3, 0, 1, 14, 15, 12, 13, 10, 11, 8, 9]),
    /// Even bytes to the low half, odd ones to the upper half; the same for 16 bits.
    Sort8 = shuffle(&[0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15]),
    Sort16 = shuffle(&[0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15]),
    /// Four words of four bytes, columns for rows; and halves 0 and 4, 1 and 5, and so on.
    Transpose8 = shuffle(&[0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]),
    Interleave16 = shuffle(&[0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15]),
    CountNibbles = nibbles(&[0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4]),
    /// Nibbles with their bits reversed, and the same moved to the upper half of the byte.
    FlipNibbles = nibbles(&[0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]),
    FlipNibblesUp = nibbles(&[0, 0x80, 0x40, 0xc0, 0x20, 0xa0, 0x60, 0xe0, 0x10, 0x90, 0x50, 0xd0, 0x30, 0xb0, 0x70, 0xf0]),
    /// Leading zeros of nibbles.
    ZerosOfNibbles = nibbles(&[4, 3, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
    /// Round constants that the host's SHA-1 instruction adds and Arm's does not.
    Sha1C = splat(0x5a82_7999, 4),
    Sha1P = splat(0x6ed9_eba1, 4),
    Sha1M = splat(0x8f1b_bcdc, 4),
    /// Low half: the quotient of the reduction of CRC-32, upper half: its polynomial. See `crypto`.
    Crc = super::crypto::BARRETT as u128 | (super::crypto::POLYNOMIAL as u128) << 64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splat_fills_all_lanes() {
        assert_eq!(splat(0x80, 1), 0x8080_8080_8080_8080_8080_8080_8080_8080);
        assert_eq!(splat(1 << 63, 8), 1 << 63 | 1 << 127);
    }
}
