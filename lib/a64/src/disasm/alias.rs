//! Preferred disassembly: the aliases that LLVM prints instead of the instruction's own name.

use core::fmt::{Formatter, Result};

use super::operand::{self, CONDITIONS, general};
use crate::{Encoding, Op, Word, decode_bit_masks};

/// Writes the alias of `w`, if it has one; false if not.
pub(super) fn write(
    f: &mut Formatter<'_>,
    e: &Encoding,
    w: Word,
    pc: u64,
) -> core::result::Result<bool, core::fmt::Error> {
    let sf = w.sf();
    let (rd, rn, rm) = (w.rd(), w.rn(), w.rm());
    let mut a = Alias { f, w, pc };
    match e.op {
        Op::AddImm if w.imm12() == 0 && !w.bit(22) && (rd == 31 || rn == 31) => a.line("mov", "SD, SN")?,
        Op::AddsImm if rd == 31 => a.line("cmn", "SN, imm12")?,
        Op::SubsImm if rd == 31 => a.line("cmp", "SN, imm12")?,
        Op::AndsImm if rd == 31 => a.line("tst", "RN, bitmask")?,
        Op::OrrImm if rn == 31 && !wide_move_preferred(w) => {
            let value = decode_bit_masks(w.n(), w.imms(), w.immr(), true, if sf { 64 } else { 32 });
            let value = value.unwrap_or((0, 0)).0;
            a.line("mov", "SD")?;
            write!(a.f, ", #{}", if sf { value as i64 } else { i64::from(value as i32) })?;
        }
        Op::Movz if w.imm16() != 0 || w.bits(22, 21) == 0 => {
            let value = w.imm16() << (16 * w.bits(22, 21));
            a.move_immediate(if sf { value as i64 } else { i64::from(value as i32) })?;
        }
        Op::Movn if (w.imm16() != 0 || w.bits(22, 21) == 0) && (sf || w.imm16() != 0xffff) => {
            let value = !(w.imm16() << (16 * w.bits(22, 21)));
            a.move_immediate(if sf { value as i64 } else { i64::from(value as i32) })?;
        }
        Op::Sbfm | Op::Ubfm | Op::Bfm => return a.bitfield(e.op),
        Op::Extr if rn == rm => {
            a.line("ror", "RD, RN")?;
            write!(a.f, ", #{}", w.imms())?;
        }
        Op::SubsShift if rd == 31 => a.line("cmp", "RN, RM shift")?,
        Op::AddsShift if rd == 31 => a.line("cmn", "RN, RM shift")?,
        Op::SubShift if rn == 31 => a.line("neg", "RD, RM shift")?,
        Op::SubsShift if rn == 31 => a.line("negs", "RD, RM shift")?,
        Op::AndsShift if rd == 31 => a.line("tst", "RN, RM shift")?,
        Op::OrrShift if rn == 31 && w.bits(23, 22) == 0 && w.imms() == 0 => a.line("mov", "RD, RM")?,
        Op::OrnShift if rn == 31 => a.line("mvn", "RD, RM shift")?,
        Op::AddsExt if rd == 31 => a.line("cmn", "SN, rmx ext")?,
        Op::SubsExt if rd == 31 => a.line("cmp", "SN, rmx ext")?,
        Op::Sbc if rn == 31 => a.line("ngc", "RD, RM")?,
        Op::Sbcs if rn == 31 => a.line("ngcs", "RD, RM")?,
        Op::Csinc | Op::Csinv if rn == 31 && rm == 31 && w.cond() < 14 => {
            a.line(if e.op == Op::Csinc { "cset" } else { "csetm" }, "RD")?;
            a.inverted_condition()?;
        }
        Op::Csinc | Op::Csinv if rn == rm && rn != 31 && w.cond() < 14 => {
            a.line(if e.op == Op::Csinc { "cinc" } else { "cinv" }, "RD, RN")?;
            a.inverted_condition()?;
        }
        Op::Csneg if rn == rm && w.cond() < 14 => {
            a.line("cneg", "RD, RN")?;
            a.inverted_condition()?;
        }
        Op::Madd if w.ra() == 31 => a.line("mul", "RD, RN, RM")?,
        Op::Msub if w.ra() == 31 => a.line("mneg", "RD, RN, RM")?,
        Op::Smaddl if w.ra() == 31 => a.line("smull", "xd, wn, wm")?,
        Op::Smsubl if w.ra() == 31 => a.line("smnegl", "xd, wn, wm")?,
        Op::Umaddl if w.ra() == 31 => a.line("umull", "xd, wn, wm")?,
        Op::Umsubl if w.ra() == 31 => a.line("umnegl", "xd, wn, wm")?,
        Op::Ldadd | Op::Ldclr | Op::Ldeor | Op::Ldset | Op::Ldsmax | Op::Ldsmin | Op::Ldumax | Op::Ldumin
            if w.rt() == 31 && !w.bit(23) =>
        {
            a.store_only(e)?;
        }
        Op::OrrVec if rn == rm => {
            let t = if w.q() { "16b" } else { "8b" };
            write!(a.f, "mov v{rd}.{t}, v{rn}.{t}")?;
        }
        Op::Umov if w.bits(18, 16) == 4 => {
            write!(a.f, "mov w{}, v{rn}.s[{}]", Zero(rd), w.bits(20, 19))?;
        }
        Op::Dsb if w.bits(11, 8) == 0 => a.f.write_str("ssbb")?,
        Op::Dsb if w.bits(11, 8) == 4 => a.f.write_str("pssbb")?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// A W register's number, 31 as `zr`.
struct Zero(usize);

impl core::fmt::Display for Zero {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0 == 31 { f.write_str("zr") } else { write!(f, "{}", self.0) }
    }
}

struct Alias<'a, 'b> {
    f: &'a mut Formatter<'b>,
    w: Word,
    pc: u64,
}

impl Alias<'_, '_> {
    /// Writes a name and operands: RD, RN, RM and SD, SN (31 is SP) have the width that sf says; others as in templates.
    fn line(&mut self, name: &str, operands: &str) -> Result {
        let (w, wide) = (self.w, self.w.sf());
        self.f.write_str(name)?;
        for (n, token) in operands.split(' ').enumerate() {
            let comma = token.ends_with(',');
            let glued = matches!(token, "shift" | "ext");
            if n == 0 || !glued {
                self.f.write_str(" ")?;
            }
            match token.trim_end_matches(',') {
                "RD" => general(self.f, wide, false, w.rd())?,
                "RN" => general(self.f, wide, false, w.rn())?,
                "RM" => general(self.f, wide, false, w.rm())?,
                "SD" => general(self.f, wide, true, w.rd())?,
                "SN" => general(self.f, wide, true, w.rn())?,
                other => operand::write(self.f, other, w, self.pc)?,
            }
            if comma {
                self.f.write_str(",")?;
            }
        }
        Ok(())
    }

    fn move_immediate(&mut self, value: i64) -> Result {
        self.line("mov", "RD")?;
        write!(self.f, ", #{value}")
    }

    fn inverted_condition(&mut self) -> Result {
        write!(self.f, ", {}", CONDITIONS[(self.w.cond() ^ 1) as usize & 15])
    }

    /// STADD and the like: LDADD without acquire into the zero register.
    fn store_only(&mut self, e: &Encoding) -> Result {
        let (w, size) = (self.w, self.w.size());
        let base = match e.op {
            Op::Ldadd => "add",
            Op::Ldclr => "clr",
            Op::Ldeor => "eor",
            Op::Ldset => "set",
            Op::Ldsmax => "smax",
            Op::Ldsmin => "smin",
            Op::Ldumax => "umax",
            _ => "umin",
        };
        let release = if w.bit(22) { "l" } else { "" };
        write!(self.f, "st{base}{release}{} ", ["b", "h", "", ""][size as usize & 3])?;
        general(self.f, size == 3, false, w.rs())?;
        self.f.write_str(", [")?;
        general(self.f, true, true, w.rn())?;
        self.f.write_str("]")
    }

    fn bitfield(&mut self, op: Op) -> core::result::Result<bool, core::fmt::Error> {
        let (w, sf) = (self.w, self.w.sf());
        let (r, s, size) = (w.immr(), w.imms(), if sf { 64 } else { 32 });
        let name = match op {
            Op::Sbfm if s == size - 1 => "asr",
            Op::Sbfm if r == 0 && s == 7 => "sxtb",
            Op::Sbfm if r == 0 && s == 15 => "sxth",
            Op::Sbfm if r == 0 && s == 31 && sf => "sxtw",
            Op::Sbfm if s < r => "sbfiz",
            Op::Sbfm => "sbfx",
            Op::Ubfm if s == size - 1 => "lsr",
            Op::Ubfm if s + 1 == r => "lsl",
            Op::Ubfm if r == 0 && s == 7 && !sf => "uxtb",
            Op::Ubfm if r == 0 && s == 15 && !sf => "uxth",
            Op::Ubfm if s < r => "ubfiz",
            Op::Ubfm => "ubfx",
            _ if (s < r || r == 0) && w.rn() == 31 => "bfc",
            _ if s < r => "bfi",
            _ => "bfxil",
        };
        match name {
            "sxtb" | "sxth" | "sxtw" | "uxtb" | "uxth" => self.line(name, "RD, wn")?,
            "bfc" => {
                self.line(name, "RD")?;
                write!(self.f, ", #{}, #{}", (size - r) % size, s + 1)?;
            }
            _ => {
                self.line(name, "RD, RN")?;
                match name {
                    "asr" | "lsr" => write!(self.f, ", #{r}")?,
                    "lsl" => write!(self.f, ", #{}", size - 1 - s)?,
                    "sbfx" | "ubfx" | "bfxil" => write!(self.f, ", #{r}, #{}", s - r + 1)?,
                    _ => write!(self.f, ", #{}, #{}", size - r, s + 1)?,
                }
            }
        }
        Ok(true)
    }
}

/// Whether MOVZ or MOVN can make this logical immediate; then ORR keeps its name (MoveWidePreferred).
fn wide_move_preferred(w: Word) -> bool {
    let bits = if w.sf() { 64 } else { 32 };
    let Some((value, _)) = decode_bit_masks(w.n(), w.imms(), w.immr(), true, bits) else { return true };
    let fits = |value: u64| (0..bits).step_by(16).any(|at| value & !(0xffff << at) == 0);
    let inverted = if bits == 64 { !value } else { !value & 0xffff_ffff };
    fits(value) || fits(inverted)
}
