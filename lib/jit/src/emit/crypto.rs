//! AES, SHA-1, SHA-256, the logical operations of SHA-3, and CRC-32, on the host's instructions for them.
//!
//! Facts: Arm manual C7.2 and C6.2 ("CRC32"); FIPS 197 and 180-4; AMD64 manual volumes 3 and 4. SHA-512, SM3 and SM4 have no
//! operations here.

use a64::{Op, Word};
use dynasmrt::{DynasmApi, dynasm};

use super::vex::{self, Constant, Insn};
use super::{Emitter, x64};
use crate::decode::Context;
use crate::ir::Ir;
use crate::regs::{RAX, RCX};

/// The polynomial of CRC-32 with its 33 bits reversed: x^32 is bit 0.
pub const POLYNOMIAL: u64 = 0x1_db71_0641;

/// The quotient of x^96 by the polynomial, reversed, without x^0: what a remainder of 64 bits takes (Barrett).
pub const BARRETT: u64 = {
    let polynomial = 0x1_04c1_1db7_u64;
    let (mut rest, mut quotient) = (0u64, 0u64);
    let mut degree = 96;
    while degree >= 0 {
        rest = rest << 1 | (degree == 96) as u64;
        if rest >> 32 & 1 != 0 {
            rest ^= polynomial;
            if degree > 0 && degree <= 64 {
                quotient |= 1 << (64 - degree);
            }
        }
        degree -= 1;
    }
    quotient
};

/// A cryptographic operation.
#[derive(Clone, Copy, Debug)]
pub struct Crypto {
    kind: Kind,
    rd: u8,
    rn: u8,
    rm: u8,
    ra: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// AESE and AESD, alone or with the AESMC or AESIMC of the result that follows: the host's instruction.
    Round(Insn),
    MixColumns,
    UnmixColumns,
    /// SHA1C 0, SHA1P 1, SHA1M 2.
    Sha1(u8),
    Sha1Turn,
    Sha1Schedule0,
    Sha1Schedule1,
    /// SHA256H, and SHA256H2.
    Sha256(bool),
    /// Both on the same state: ABCD is `rd`, EFGH `rn`.
    Sha256Both,
    Sha256Schedule0,
    Sha256Schedule1,
    Eor3,
    Bcax,
    Rax1,
    Xar(u8),
}

impl Crypto {
    /// The vector registers that it names.
    pub fn vectors(&self) -> Vec<u8> {
        match self.kind {
            Kind::Round(_) | Kind::Sha1Schedule1 | Kind::Sha256Schedule0 => vec![self.rd, self.rd, self.rn],
            Kind::MixColumns | Kind::UnmixColumns | Kind::Sha1Turn => vec![self.rd, self.rn],
            Kind::Eor3 | Kind::Bcax => vec![self.rd, self.rn, self.rm, self.ra],
            _ => vec![self.rd, self.rn, self.rm],
        }
    }
}

/// What has an operation of its own.
pub fn decode(context: &Context, op: Op, w: Word) -> Option<Crypto> {
    if context.mode.fp_trapped() {
        return None;
    }
    let of =
        |kind| Some(Crypto { kind, rd: w.rd() as u8, rn: w.rn() as u8, rm: w.rm() as u8, ra: w.ra() as u8 });
    let sha = |kind| if std::is_x86_feature_detected!("sha") { of(kind) } else { None };
    match op {
        Op::Aese => of(Kind::Round(vex::AESENCLAST)),
        Op::Aesd => of(Kind::Round(vex::AESDECLAST)),
        Op::Aesmc => of(Kind::MixColumns),
        Op::Aesimc => of(Kind::UnmixColumns),
        Op::Sha1c => sha(Kind::Sha1(0)),
        Op::Sha1p => sha(Kind::Sha1(1)),
        Op::Sha1m => sha(Kind::Sha1(2)),
        Op::Sha1h => of(Kind::Sha1Turn),
        Op::Sha1su0 => of(Kind::Sha1Schedule0),
        Op::Sha1su1 => of(Kind::Sha1Schedule1),
        Op::Sha256h => sha(Kind::Sha256(false)),
        Op::Sha256h2 => sha(Kind::Sha256(true)),
        Op::Sha256su0 => sha(Kind::Sha256Schedule0),
        Op::Sha256su1 => sha(Kind::Sha256Schedule1),
        Op::Eor3 => of(Kind::Eor3),
        Op::Bcax => of(Kind::Bcax),
        Op::Rax1 => of(Kind::Rax1),
        Op::Xar => of(Kind::Xar(w.imms() as u8)),
        _ => None,
    }
}

/// A round of AES and the mixing of its result, as one operation: nothing can be seen between the two.
pub fn fuse(first: &Ir, second: &Ir) -> Option<Ir> {
    let (Ir::Crypto(first), Ir::Crypto(second)) = (first, second) else { return None };
    if second.rn != first.rd || second.rd != first.rd {
        return None;
    }
    let insn = match (first.kind, second.kind) {
        (Kind::Round(vex::AESENCLAST), Kind::MixColumns) => vex::AESENC,
        (Kind::Round(vex::AESDECLAST), Kind::UnmixColumns) => vex::AESDEC,
        _ => return None,
    };
    Some(Ir::Crypto(Crypto { kind: Kind::Round(insn), ..*first }))
}

/// SHA256H and SHA256H2 after a copy of ABCD for the second one, as compilers write them: the same four rounds, done once.
pub fn fuse_sha256(copy: &Ir, first: &Ir, second: &Ir) -> Option<Ir> {
    let (Ir::Vector(copy), Ir::Crypto(first), Ir::Crypto(second)) = (copy, first, second) else {
        return None;
    };
    let (kept, abcd) = copy.copied()?;
    let same = first.kind == Kind::Sha256(false)
        && second.kind == Kind::Sha256(true)
        && first.rd == abcd
        && second.rn == kept
        && second.rd == first.rn
        && second.rm == first.rm;
    let apart = kept != abcd && kept != first.rn && abcd != first.rn;
    let schedule_stays = first.rm != abcd && first.rm != first.rn;
    (same && apart && schedule_stays).then_some(Ir::Crypto(Crypto { kind: Kind::Sha256Both, ..*first }))
}

impl Emitter<'_> {
    pub(super) fn crypto(&mut self, c: Crypto) {
        let zero = self.pool(Constant::Zero);
        match c.kind {
            Kind::Round(insn) => {
                // Arm adds the key first, the host last.
                let (d, n) = (self.read_v(c.rd, 1), self.src(c.rn));
                self.v(vex::PXOR, 0, d, n);
                let d = self.target_v(c.rd, 0);
                self.v(insn, d, 0, zero);
                self.write_v(c.rd, d);
                return;
            }
            Kind::MixColumns => {
                // The last inverse round undoes all of a round but the mixing.
                let n = self.read_v(c.rn, 1);
                self.v(vex::AESDECLAST, 0, n, zero);
                self.v(vex::AESENC, 0, 0, zero);
            }
            Kind::UnmixColumns => {
                let n = self.src(c.rn);
                self.v(vex::AESIMC, 0, 0, n);
            }
            Kind::Sha1(function) => self.sha1(c, function),
            Kind::Sha1Turn => {
                let n = self.read_v(c.rn, 1);
                self.vshift(vex::PSLL[2], 0, n, 30);
                self.vshift(vex::PSRL[2], 1, n, 2);
                self.v(vex::POR, 0, 0, 1);
                self.vi(vex::INSERTPS, 0, 0, 0, 0x0e);
            }
            Kind::Sha1Schedule0 => {
                let (d, n, m) = (self.read_v(c.rd, 1), self.src(c.rn), self.src(c.rm));
                self.vi(vex::SHUFPD, 0, d, n, 1);
                self.v(vex::PXOR, 0, 0, d);
                self.v(vex::PXOR, 0, 0, m);
            }
            Kind::Sha1Schedule1 => {
                let (n, d) = (self.read_v(c.rn, 1), self.src(c.rd));
                self.vshift(vex::PSRLDQ, 1, n, 4);
                self.v(vex::PXOR, 1, 1, d);
                self.vshift(vex::PSLL[2], 0, 1, 1);
                self.vshift(vex::PSRL[2], 2, 1, 31);
                self.v(vex::POR, 0, 0, 2);
                // The last word takes the first one, which is new, once more.
                self.vshift(vex::PSLLDQ, 1, 1, 12);
                self.vshift(vex::PSLL[2], 2, 1, 2);
                self.vshift(vex::PSRL[2], 1, 1, 30);
                self.v(vex::PXOR, 0, 0, 1);
                self.v(vex::PXOR, 0, 0, 2);
            }
            Kind::Sha256(second) => {
                let (abcd, efgh) = if second { (c.rn, c.rd) } else { (c.rd, c.rn) };
                self.sha256(abcd, efgh, c.rm);
                self.vi(vex::SHUFPS, 0, 2, 1, if second { 0x11 } else { 0xbb });
            }
            Kind::Sha256Both => {
                self.sha256(c.rd, c.rn, c.rm);
                self.vi(vex::SHUFPS, 0, 2, 1, 0x11);
                self.write_v(c.rn, 0);
                self.vi(vex::SHUFPS, 0, 2, 1, 0xbb);
            }
            Kind::Sha256Schedule0 => {
                let (d, n) = (self.src(c.rd), self.read_v(c.rn, 1));
                self.copy_v(0, d);
                x64!(self; sha256msg1 xmm0, Rx(n));
            }
            Kind::Sha256Schedule1 => {
                let (m, n, d) = (self.read_v(c.rm, 1), self.src(c.rn), self.src(c.rd));
                self.vi(vex::PALIGNR, 0, m, n, 4);
                self.v(vex::PADD[2], 0, 0, d);
                x64!(self; sha256msg2 xmm0, Rx(m));
            }
            Kind::Eor3 => {
                let (n, m, a) = (self.read_v(c.rn, 1), self.src(c.rm), self.src(c.ra));
                self.v(vex::PXOR, 0, n, m);
                self.v(vex::PXOR, 0, 0, a);
            }
            Kind::Bcax => {
                let (a, m, n) = (self.read_v(c.ra, 1), self.src(c.rm), self.src(c.rn));
                self.v(vex::PANDN, 0, a, m);
                self.v(vex::PXOR, 0, 0, n);
            }
            Kind::Rax1 => {
                let (m, n) = (self.read_v(c.rm, 1), self.src(c.rn));
                self.vshift(vex::PSRL[3], 0, m, 63);
                self.v(vex::PADD[3], 1, m, m);
                self.v(vex::POR, 0, 0, 1);
                self.v(vex::PXOR, 0, 0, n);
            }
            Kind::Xar(by) => {
                let (n, m) = (self.read_v(c.rn, 1), self.src(c.rm));
                self.v(vex::PXOR, 0, n, m);
                if by != 0 {
                    self.vshift(vex::PSLL[3], 1, 0, 64 - by);
                    self.vshift(vex::PSRL[3], 0, 0, by);
                    self.v(vex::POR, 0, 0, 1);
                }
            }
        }
        self.write_v(c.rd, 0);
    }

    /// Four rounds of SHA-1. The host has the words in the opposite order, adds the constants, and wants E added to the first
    /// word of the schedule.
    fn sha1(&mut self, c: Crypto, function: u8) {
        let constant = [Constant::Sha1C, Constant::Sha1P, Constant::Sha1M][usize::from(function).min(2)];
        let constant = self.pool(constant);
        let m = self.read_v(c.rm, 1);
        self.v(vex::PSUB[2], 1, m, constant);
        let e = self.read_v(c.rn, 2);
        self.vi(vex::INSERTPS, 2, e, e, 0x0e);
        self.v(vex::PADD[2], 1, 1, 2);
        self.vi(vex::PSHUFD, 1, 0, 1, 0x1b);
        let d = self.src(c.rd);
        self.vi(vex::PSHUFD, 0, 0, d, 0x1b);
        x64!(self; sha1rnds4 xmm0, xmm1, function as i8);
        self.vi(vex::PSHUFD, 0, 0, 0, 0x1b);
    }

    /// Four rounds of SHA-256. The host does two at a time on ABEF and CDGH; Arm has ABCD and EFGH, in two instructions.
    /// The new ABEF is in xmm2, CDGH in xmm1.
    fn sha256(&mut self, abcd: u8, efgh: u8, m: u8) {
        let (abcd, efgh) = (self.src(abcd), self.read_v(efgh, 3));
        self.vi(vex::SHUFPS, 1, efgh, abcd, 0xbb);
        self.vi(vex::SHUFPS, 2, efgh, abcd, 0x11);
        let m = self.src(m);
        self.copy_v(0, m);
        x64!(self; sha256rnds2 xmm1, xmm2);
        self.vi(vex::PSHUFD, 0, 0, 0, 0x0e);
        x64!(self; sha256rnds2 xmm2, xmm1);
    }

    /// CRC32B, H, W, X. What is divided goes to the top of 64 bits, of which the remainder is taken by two products without
    /// carries: with the quotient, of which the low half counts, and with the polynomial.
    pub(super) fn crc32(&mut self, rd: u8, rn: u8, rm: u8, size: u8) {
        let quotient = self.pool(Constant::Crc);
        self.load(RAX, rm);
        let n = self.read(rn, RCX);
        x64!(self; mov ecx, Rd(n); xor rax, rcx);
        let bits = 8i8 << (size & 3);
        if size < 3 {
            x64!(self; shl rax, BYTE (64 - i16::from(bits)) as i8);
        }
        x64!(self; vmovq xmm0, rax);
        self.vi(vex::PCLMULQDQ, 0, 0, quotient, 0);
        self.vi(vex::PCLMULQDQ, 0, 0, quotient, 0x10);
        x64!(self; vpextrd eax, xmm0, 2);
        if size < 2 {
            // The bits of the old remainder that were not reached move down.
            x64!(self; shr ecx, BYTE bits; xor eax, ecx);
        }
        self.write(rd, RAX);
    }
}
