//! FRECPE and FRSQRTE: eight bits of the fraction from a table, the exponent by subtraction. Arm manual, shared pseudocode
//! FPRecipEstimate and FPRSqrtEstimate; the tables are filled by the interpreter's own functions.

use cpu::fp::{Env, Format, recip_estimate, rsqrt_estimate};
use dynasmrt::{DynasmApi, DynasmLabelApi, dynasm};

use crate::emit::{Emitter, vex, x64};

use super::{Float, Lanes, Rare};

/// Entries of the table of reciprocals: by the top eight bits of the fraction. That of roots follows, with the lowest bit of
/// the exponent above them.
const RECIPROCALS: usize = 256;

/// The tables, to be put where generated code finds them.
pub fn tables() -> Vec<u8> {
    let mut env = Env::new(0, 0);
    let fraction = |single: u64| (single >> 15) as u8;
    let reciprocals = (0..256).map(|n| 127 << 23 | n << 15);
    let mut out: Vec<u8> =
        reciprocals.map(|x| fraction(recip_estimate(Format::Single, x, &mut env))).collect();
    // Exponents 126 and 127.
    let roots = (0..512).map(|n| (126 << 23) + (n << 15));
    out.extend(roots.map(|x| fraction(rsqrt_estimate(Format::Single, x, &mut env))));
    out
}

impl Emitter<'_> {
    pub(super) fn estimate(&mut self, f: Float, root: bool, rare: &Rare) {
        let n = self.read_v(f.rn, 2);
        let count = match (f.lanes, f.double) {
            (Lanes::Scalar, _) => 1,
            (Lanes::Full, false) => 4,
            _ => 2,
        };
        for lane in 0..count {
            self.extract_lane(crate::regs::RAX, n, if f.double { 3 } else { 2 }, lane, 0);
            match (f.double, root) {
                (false, false) => self.reciprocal_single(rare),
                (false, true) => self.root_single(rare),
                (true, false) => self.reciprocal_double(rare),
                (true, true) => self.root_double(rare),
            }
            match (f.double, lane) {
                (false, 0) => x64!(self; vmovd xmm0, eax),
                (true, 0) => x64!(self; vmovq xmm0, rax),
                (false, _) => x64!(self; vpinsrd xmm0, xmm0, eax, BYTE lane as i8),
                (true, _) => x64!(self; vpinsrq xmm0, xmm0, rax, BYTE lane as i8),
            }
        }
        let d = self.target_v(f.rd, 0);
        self.v(vex::MOVAPS, d, 0, 0);
        self.write_v(f.rd, d);
        if f.lanes != Lanes::Full {
            self.zeros.note(f.rd, f.double || f.lanes == Lanes::Half);
        }
    }

    fn estimates(&self, root: bool) -> i64 {
        (self.thunks.estimates + if root { RECIPROCALS } else { 0 }) as i64
    }

    /// The estimate of the reciprocal of the number in eax, to eax: of normal ones whose result is normal. Spoils rcx and rdx.
    fn reciprocal_single(&mut self, rare: &Rare) {
        let (from, table) = (rare.0, self.estimates(false));
        x64!(self
            ; mov ecx, eax
            ; shr ecx, 23
            ; movzx ecx, cl
            ; lea edx, [rcx - 1]
            ; cmp edx, DWORD 251
            ; ja =>from
            ; mov edx, eax
            ; and edx, DWORD i32::MIN
            ; shr eax, 15
            ; movzx eax, al
            ; neg ecx
            ; add ecx, DWORD 253
            ; shl ecx, 23
            ; or edx, ecx
            ; mov rcx, QWORD table
            ; movzx eax, BYTE [rcx + rax]
            ; shl eax, 15
            ; or eax, edx
        );
    }

    fn reciprocal_double(&mut self, rare: &Rare) {
        let (from, table) = (rare.0, self.estimates(false));
        x64!(self
            ; mov rcx, rax
            ; shr rcx, 52
            ; and ecx, DWORD 0x7ff
            ; lea edx, [rcx - 1]
            ; cmp edx, DWORD 2043
            ; ja =>from
            ; mov rdx, rax
            ; shr rdx, 63
            ; shl rdx, 63
            ; shr rax, 44
            ; movzx eax, al
            ; neg ecx
            ; add ecx, DWORD 2045
            ; shl rcx, 52
            ; or rdx, rcx
            ; mov rcx, QWORD table
            ; movzx eax, BYTE [rcx + rax]
            ; shl rax, 44
            ; or rax, rdx
        );
    }

    /// The same of the reciprocal root: of positive normal numbers.
    fn root_single(&mut self, rare: &Rare) {
        let (from, table) = (rare.0, self.estimates(true));
        x64!(self
            ; mov ecx, eax
            ; shr ecx, 23
            ; lea edx, [rcx - 1]
            ; cmp edx, DWORD 253
            ; ja =>from
            ; shr eax, 15
            ; and eax, DWORD 0x1ff
            ; neg ecx
            ; add ecx, DWORD 380
            ; shr ecx, 1
            ; shl ecx, 23
            ; mov rdx, QWORD table
            ; movzx eax, BYTE [rdx + rax]
            ; shl eax, 15
            ; or eax, ecx
        );
    }

    fn root_double(&mut self, rare: &Rare) {
        let (from, table) = (rare.0, self.estimates(true));
        x64!(self
            ; mov rcx, rax
            ; shr rcx, 52
            ; lea edx, [rcx - 1]
            ; cmp edx, DWORD 2045
            ; ja =>from
            ; shr rax, 44
            ; and eax, DWORD 0x1ff
            ; neg ecx
            ; add ecx, DWORD 3068
            ; shr ecx, 1
            ; shl rcx, 52
            ; mov rdx, QWORD table
            ; movzx eax, BYTE [rdx + rax]
            ; shl rax, 44
            ; or rax, rcx
        );
    }
}
