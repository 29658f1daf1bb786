//! An instruction word and its fields, by the names the Arm manual gives them.

/// An A64 instruction word. The accessors cut fields at the place where nearly all encodings have them; what is
/// particular to one class is cut with [`Word::bits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Word(pub u32);

impl Word {
    /// Bits `hi` down to `lo`, both included. `hi - lo` must be below 31.
    #[inline(always)]
    pub const fn bits(self, hi: u32, lo: u32) -> u32 {
        self.0 >> lo & ((1 << (hi - lo + 1)) - 1)
    }

    /// One bit.
    #[inline(always)]
    pub const fn bit(self, n: u32) -> bool {
        self.0 >> n & 1 != 0
    }

    /// Bits `hi` down to `lo` as a signed number.
    #[inline(always)]
    pub const fn sbits(self, hi: u32, lo: u32) -> i64 {
        ((self.0 << (31 - hi)) as i32 >> (31 - hi + lo)) as i64
    }

    /// Rd, bits 4:0. Also Rt of loads and stores, see [`Word::rt`].
    #[inline(always)]
    pub const fn rd(self) -> usize {
        (self.0 & 31) as usize
    }

    /// Rt, bits 4:0.
    #[inline(always)]
    pub const fn rt(self) -> usize {
        (self.0 & 31) as usize
    }

    /// Rn, bits 9:5.
    #[inline(always)]
    pub const fn rn(self) -> usize {
        (self.0 >> 5 & 31) as usize
    }

    /// Ra, bits 14:10. Also Rt2.
    #[inline(always)]
    pub const fn ra(self) -> usize {
        (self.0 >> 10 & 31) as usize
    }

    /// Rt2, bits 14:10.
    #[inline(always)]
    pub const fn rt2(self) -> usize {
        (self.0 >> 10 & 31) as usize
    }

    /// Rm, bits 20:16.
    #[inline(always)]
    pub const fn rm(self) -> usize {
        (self.0 >> 16 & 31) as usize
    }

    /// Rs, bits 20:16: the status register of exclusives, the source of atomics.
    #[inline(always)]
    pub const fn rs(self) -> usize {
        (self.0 >> 16 & 31) as usize
    }

    /// sf, bit 31: 64-bit form of an integer instruction.
    #[inline(always)]
    pub const fn sf(self) -> bool {
        self.bit(31)
    }

    /// Q, bit 30: 128-bit form of a vector instruction.
    #[inline(always)]
    pub const fn q(self) -> bool {
        self.bit(30)
    }

    /// size of loads and stores, bits 31:30: log2 of the bytes.
    #[inline(always)]
    pub const fn size(self) -> u32 {
        self.0 >> 30
    }

    /// size of Advanced SIMD elements, bits 23:22: log2 of the bytes. Also ftype and shift.
    #[inline(always)]
    pub const fn esize(self) -> u32 {
        self.bits(23, 22)
    }

    /// ftype of scalar floating-point, bits 23:22: 0 single, 1 double, 3 half.
    #[inline(always)]
    pub const fn ftype(self) -> u32 {
        self.bits(23, 22)
    }

    /// imm12, bits 21:10.
    #[inline(always)]
    pub const fn imm12(self) -> u64 {
        self.bits(21, 10) as u64
    }

    /// imm16, bits 20:5, of moves and exception-generating instructions.
    #[inline(always)]
    pub const fn imm16(self) -> u64 {
        self.bits(20, 5) as u64
    }

    /// imm9, bits 20:12, signed, of unscaled and indexed loads and stores.
    #[inline(always)]
    pub const fn simm9(self) -> i64 {
        self.sbits(20, 12)
    }

    /// imm7, bits 21:15, signed, of pairs. Not scaled.
    #[inline(always)]
    pub const fn simm7(self) -> i64 {
        self.sbits(21, 15)
    }

    /// imm19, bits 23:5, signed and times four: conditional branches, compare and branch, literals.
    #[inline(always)]
    pub const fn simm19(self) -> i64 {
        self.sbits(23, 5) << 2
    }

    /// imm26, bits 25:0, signed and times four: B and BL.
    #[inline(always)]
    pub const fn simm26(self) -> i64 {
        self.sbits(25, 0) << 2
    }

    /// imm14, bits 18:5, signed and times four: test and branch.
    #[inline(always)]
    pub const fn simm14(self) -> i64 {
        self.sbits(18, 5) << 2
    }

    /// immhi:immlo of ADR and ADRP, signed, not scaled.
    #[inline(always)]
    pub const fn simm21(self) -> i64 {
        self.sbits(23, 5) << 2 | self.bits(30, 29) as i64
    }

    /// cond, bits 15:12: conditional select and compare. B.cond has it in bits 3:0.
    #[inline(always)]
    pub const fn cond(self) -> u32 {
        self.bits(15, 12)
    }

    /// nzcv, bits 3:0, of conditional compares.
    #[inline(always)]
    pub const fn nzcv(self) -> u32 {
        self.0 & 15
    }

    /// option, bits 15:13: the extension of an extended register.
    #[inline(always)]
    pub const fn option(self) -> u32 {
        self.bits(15, 13)
    }

    /// immr, bits 21:16.
    #[inline(always)]
    pub const fn immr(self) -> u32 {
        self.bits(21, 16)
    }

    /// imms, bits 15:10. Also imm6 of shifted registers.
    #[inline(always)]
    pub const fn imms(self) -> u32 {
        self.bits(15, 10)
    }

    /// N, bit 22, of logical immediates and bitfields.
    #[inline(always)]
    pub const fn n(self) -> bool {
        self.bit(22)
    }

    /// immh:immb, bits 22:16, of Advanced SIMD shifts by immediate.
    #[inline(always)]
    pub const fn immhb(self) -> u32 {
        self.bits(22, 16)
    }

    /// a:b:c:d:e:f:g:h, bits 18:16 and 9:5: the 8-bit immediate of Advanced SIMD modified immediates.
    #[inline(always)]
    pub const fn abcdefgh(self) -> u8 {
        (self.bits(18, 16) << 5 | self.bits(9, 5)) as u8
    }

    /// cmode, bits 15:12, of Advanced SIMD modified immediates.
    #[inline(always)]
    pub const fn cmode(self) -> u32 {
        self.bits(15, 12)
    }

    /// op0:op1:CRn:CRm:op2 of MSR, MRS, SYS and SYSL, packed as `op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2`.
    /// For SYS and SYSL op0 is 1.
    #[inline(always)]
    pub const fn sysreg(self) -> u16 {
        (self.0 >> 5) as u16
    }
}
