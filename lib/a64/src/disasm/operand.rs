//! Operands: what each name in a template's braces means.
//!
//! Registers are a letter and a field: `x`, `w` (31 is the zero register), `X`, `W` (31 is the stack pointer), `b`, `h`, `s`,
//! `d`, `q`, `v`; `d`, `n`, `m`, `a` for Rd or Rt, Rn, Rm or Rs, Ra or Rt2, and `+` for the next one. `f0` to `f5` are scalars whose
//! width comes from size, sz, size + 1, immh, immh + 1, imm5; `T0` to `T9` the arrangements, `e0` ... the element letters
//! and `ix0` ... the element indexes found the same way. `uH:L` is an unsigned field, `xH:L` the same in hexadecimal. The
//! others are listed in [`write`].

use core::fmt::{Formatter, Result};

use crate::{SysReg, Word, advsimd_expand_imm, decode_bit_masks, vfp_expand_imm64};

pub(super) const CONDITIONS: [&str; 16] =
    ["eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"];
const EXTENSIONS: [&str; 8] = ["uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"];
const SHIFTS: [&str; 4] = ["lsl", "lsr", "asr", "ror"];
const BARRIERS: [&str; 16] = [
    "", "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh", "", "ishld", "ishst", "ish", "", "ld", "st",
    "sy",
];
const ELEMENTS: [char; 5] = ['b', 'h', 's', 'd', 'q'];
const ARRANGEMENTS: [[&str; 5]; 2] = [["8b", "4h", "2s", "1d", "1q"], ["16b", "8h", "4s", "2d", "1q"]];

/// Register number `field` of the word.
fn number(field: &str, w: Word) -> usize {
    match field.as_bytes().first() {
        Some(b'd') => w.rd(),
        Some(b'n') => w.rn(),
        Some(b'm') => w.rm(),
        _ => w.ra(),
    }
}

/// Writes a general register: 64 bits or 32, with 31 as stack pointer or zero.
pub(super) fn general(f: &mut Formatter<'_>, wide: bool, sp: bool, n: usize) -> Result {
    match (n, sp, wide) {
        (31, true, true) => f.write_str("sp"),
        (31, true, false) => f.write_str("wsp"),
        _ => match (n, wide) {
            (31, true) => f.write_str("xzr"),
            (31, false) => f.write_str("wzr"),
            (_, true) => write!(f, "x{n}"),
            (_, false) => write!(f, "w{n}"),
        },
    }
}

/// log2 of the bytes that the lowest set bit of imm5 says.
fn imm5(w: Word) -> u32 {
    w.bits(20, 16).trailing_zeros()
}

/// log2 of the bytes that the highest set bit of immh says.
fn immh(w: Word) -> u32 {
    31 - w.bits(22, 19).max(1).leading_zeros()
}

fn scalar_width(code: char, w: Word) -> u32 {
    match code {
        '0' => w.esize(),
        '1' => 2 + w.bits(22, 22),
        '2' => w.esize() + 1,
        '3' => immh(w),
        '4' => immh(w) + 1,
        _ => imm5(w),
    }
}

fn element(width: u32) -> char {
    ELEMENTS.get(width as usize).copied().unwrap_or('?')
}

fn arrangement(f: &mut Formatter<'_>, full: bool, width: u32) -> Result {
    let names = &ARRANGEMENTS[usize::from(full)];
    f.write_str(names.get(width as usize).copied().unwrap_or("?"))
}

fn arrangements(f: &mut Formatter<'_>, code: &str, w: Word) -> Result {
    let (q, sz) = (w.q(), w.bits(22, 22));
    match code {
        "0" => arrangement(f, q, w.esize()),
        "1" => arrangement(f, true, w.esize() + 1),
        "2" => arrangement(f, q, 2 + sz),
        "2p" => arrangement(f, sz != 0, 2 + sz),
        "2s" => arrangement(f, q, 2),
        "3" => arrangement(f, q, 1),
        // Half of the lanes of a narrower type: FMLAL.
        "3q" => f.write_str(if q { "4h" } else { "2h" }),
        "4" => arrangement(f, q, 0),
        "5" => arrangement(f, q, immh(w)),
        "6" => arrangement(f, true, immh(w) + 1),
        "7" => arrangement(f, q, imm5(w)),
        "8" => arrangement(f, q, w.esize() + 1),
        "9" => arrangement(f, true, 2 + sz),
        "9n" => arrangement(f, q, 1 + sz),
        "S" => arrangement(f, q, w.bits(11, 10)),
        _ => f.write_str(code),
    }
}

/// `{ v1.4s, v2.4s }`, or `{ v1.s, v2.s }` with a lone element letter.
fn list(f: &mut Formatter<'_>, count: usize, first: usize, suffix: &str, w: Word) -> Result {
    f.write_str("{ ")?;
    for i in 0..count {
        write!(f, "{}v{}.", if i > 0 { ", " } else { "" }, (first + i) % 32)?;
        arrangements(f, suffix, w)?;
    }
    f.write_str(" }")
}

fn field(spec: &str, w: Word) -> u32 {
    let (hi, lo) = spec.split_once(':').unwrap_or((spec, spec));
    let (hi, lo): (u32, u32) = (hi.parse().unwrap_or(0), lo.parse().unwrap_or(0));
    w.bits(hi.max(lo).min(lo + 30), lo)
}

/// log2 of the bytes of a load or store of one register.
fn access_scale(w: Word) -> u32 {
    if w.bit(26) { w.bits(23, 23) << 2 | w.size() } else { w.size() }
}

fn offset(f: &mut Formatter<'_>, value: i64) -> Result {
    if value != 0 { write!(f, ", #{value}") } else { Ok(()) }
}

fn target(f: &mut Formatter<'_>, pc: u64, by: i64) -> Result {
    write!(f, "{:#x}", pc.wrapping_add_signed(by))
}

/// Writes one operand.
pub(super) fn write(f: &mut Formatter<'_>, token: &str, w: Word, pc: u64) -> Result {
    let next = token.ends_with('+');
    match token {
        // Integer operands.
        "imm12" => {
            write!(f, "#{}", w.imm12())?;
            if w.bit(22) { f.write_str(", lsl #12") } else { Ok(()) }
        }
        "bitmask" => {
            let masks = decode_bit_masks(w.n(), w.imms(), w.immr(), true, if w.sf() { 64 } else { 32 });
            write!(f, "#{:#x}", masks.unwrap_or((0, 0)).0)
        }
        "hw" if w.bits(22, 21) != 0 => write!(f, ", lsl #{}", w.bits(22, 21) * 16),
        "hw" => Ok(()),
        "shift" if w.bits(23, 22) != 0 || w.imms() != 0 => {
            write!(f, ", {} #{}", SHIFTS[w.bits(23, 22) as usize], w.imms())
        }
        "shift" => Ok(()),
        // The 32-bit additions have W registers whatever the extension.
        "rmx" => {
            let narrow = w.bits(28, 24) == 0b01011 && !w.sf();
            general(f, w.option() & 3 == 3 && !narrow, false, w.rm())
        }
        "ext" => extension(f, w),
        "mext" => memory_extension(f, w),
        "cond" => f.write_str(CONDITIONS[w.cond() as usize]),
        "cond0" => f.write_str(CONDITIONS[w.bits(3, 0) as usize]),
        // Addresses.
        "l26" => target(f, pc, w.simm26()),
        "l19" => target(f, pc, w.simm19()),
        "l14" => target(f, pc, w.simm14()),
        "adr" => target(f, pc, w.simm21()),
        "adrp" => target(f, pc & !0xfff, w.simm21() << 12),
        "rtb" => general(f, w.bit(31), false, w.rt()),
        "tb" => write!(f, "{}", w.bits(31, 31) << 5 | w.bits(23, 19)),
        "ret" if w.rn() != 30 => {
            f.write_str(" ")?;
            general(f, true, false, w.rn())
        }
        "ret" => Ok(()),
        "upos" => offset(f, (w.imm12() << access_scale(w)) as i64),
        "s9" => offset(f, w.simm9()),
        "s9b" => write!(f, "{}", w.simm9()),
        "s10" => offset(f, (w.sbits(22, 22) << 9 | i64::from(w.bits(20, 12))) << 3),
        "s10w" => write!(f, ", #{}", (w.sbits(22, 22) << 9 | i64::from(w.bits(20, 12))) << 3),
        "s7" => offset(f, pair_offset(w)),
        "s7b" => write!(f, "{}", pair_offset(w)),
        "prfop" => prefetch(f, w),
        "structb" => write!(f, "{}", structure_bytes(w)),
        "laneb" => write!(f, "{}", w.bits(30, 30) << 3 | w.bits(12, 12) << 2 | w.bits(11, 10)),
        "laneh" => write!(f, "{}", w.bits(30, 30) << 2 | w.bits(12, 12) << 1 | w.bits(11, 11)),
        "lanes" => write!(f, "{}", w.bits(30, 30) << 1 | w.bits(12, 12)),
        "laned" => write!(f, "{}", w.bits(30, 30)),
        "lanebytes" => write!(f, "{}", lane_bytes(w)),
        // System.
        "sysreg" => sysreg(f, w),
        "sys" => system(f, w),
        "pstate" => pstate(f, w),
        "barrier" => match BARRIERS[w.bits(11, 8) as usize] {
            "" => write!(f, "#{}", w.bits(11, 8)),
            name => f.write_str(name),
        },
        "isb" | "crm15" if w.bits(11, 8) == 15 => Ok(()),
        "isb" | "crm15" => write!(f, " #{}", w.bits(11, 8)),
        "bti" => f.write_str(["", " c", " j", " jc"][w.bits(7, 6) as usize]),
        "dcps" if w.imm16() != 0 => write!(f, " #{:#x}", w.imm16()),
        "dcps" => Ok(()),
        // Floating-point and Advanced SIMD.
        "fbits" => write!(f, "{}", 64 - w.imms()),
        "fimm" => write!(f, "{:.8}", f64::from_bits(vfp_expand_imm64(w.bits(20, 13) as u8))),
        "fimmv" => write!(f, "{:.8}", f64::from_bits(vfp_expand_imm64(w.abcdefgh()))),
        "imm8" => write!(f, "{}", w.abcdefgh()),
        "ximm" => write!(f, "{:#016x}", advsimd_expand_imm(true, 14, w.abcdefgh())),
        "lsl32" if w.cmode() >> 1 & 3 != 0 => write!(f, ", lsl #{}", 8 * (w.cmode() >> 1 & 3)),
        "lsl16" if w.cmode() >> 1 & 1 != 0 => f.write_str(", lsl #8"),
        "lsl32" | "lsl16" => Ok(()),
        "msl" => f.write_str(if w.cmode() & 1 != 0 { "16" } else { "8" }),
        "rot11" => write!(f, "{}", 90 * w.bits(12, 11)),
        "rot12" => write!(f, "{}", if w.bit(12) { 270 } else { 90 }),
        "rot13" => write!(f, "{}", 90 * w.bits(14, 13)),
        "bt" => f.write_str(if w.q() { "t" } else { "b" }),
        "2" => f.write_str(if w.q() { "2" } else { "" }),
        "shr" => write!(f, "{}", (16 << immh(w)) - w.immhb()),
        "shl" => write!(f, "{}", w.immhb() - (8 << immh(w))),
        "shll" => write!(f, "{}", 8 << w.esize()),
        "r5n" => general(f, imm5(w) == 3, false, w.rn()),
        // By-element operands: half and single registers have four and five bits.
        "vm0" => write!(f, "v{}", if w.esize() == 1 { w.rm() & 15 } else { w.rm() }),
        "vm0c" => write!(f, "v{}", w.rm()),
        "vmh" => write!(f, "v{}", w.rm() & 15),
        "e0" => write!(f, "{}", element(w.esize())),
        "e1" => write!(f, "{}", element(2 + w.bits(22, 22))),
        "e5" => write!(f, "{}", element(imm5(w))),
        "ix0" if w.esize() == 1 => write!(f, "{}", element_index(w)),
        "ix0" | "ixs" => write!(f, "{}", w.bits(11, 11) << 1 | w.bits(21, 21)),
        "ixh" => write!(f, "{}", element_index(w)),
        "ix1" if w.bit(22) => write!(f, "{}", w.bits(11, 11)),
        "ix1" => write!(f, "{}", w.bits(11, 11) << 1 | w.bits(21, 21)),
        "ixc" if w.esize() == 1 => write!(f, "{}", w.bits(11, 11) << 1 | w.bits(21, 21)),
        "ixc" => write!(f, "{}", w.bits(11, 11)),
        "ix5" => write!(f, "{}", w.bits(20, 16) >> (imm5(w) + 1)),
        "ix4" => write!(f, "{}", w.bits(14, 11) >> imm5(w)),
        _ => {
            let (kind, rest) = token.split_at_checked(1).unwrap_or((token, ""));
            let n = (number(rest, w) + usize::from(next)) % 32;
            match kind {
                "x" | "u" if rest.contains(':') => {
                    if kind == "x" && field(rest, w) != 0 {
                        write!(f, "{:#x}", field(rest, w))
                    } else {
                        write!(f, "{}", field(rest, w))
                    }
                }
                "x" | "w" => general(f, kind == "x", false, n),
                "X" | "W" => general(f, kind == "X", true, n),
                "f" => {
                    let (code, reg) = rest.split_at_checked(1).unwrap_or((rest, ""));
                    let width = scalar_width(code.chars().next().unwrap_or('0'), w);
                    write!(f, "{}{}", element(width), number(reg, w))
                }
                "T" => arrangements(f, rest, w),
                "l" | "t" => {
                    // listN:T?, tblN
                    let digits = token.trim_start_matches(|c: char| c.is_ascii_alphabetic());
                    let (count, suffix) = digits.split_once(":T").unwrap_or((digits, "16b"));
                    let first = if kind == "l" { w.rt() } else { w.rn() };
                    list(f, count.parse().unwrap_or(1), first, suffix, w)
                }
                _ => write!(f, "{kind}{n}"),
            }
        }
    }
}

/// H:L:M, the index of a half-precision element.
fn element_index(w: Word) -> u32 {
    w.bits(11, 11) << 2 | w.bits(21, 20)
}

/// `, uxtb #2`; LSL where an operand is the stack pointer and the extension is none.
fn extension(f: &mut Formatter<'_>, w: Word) -> Result {
    let (option, amount) = (w.option(), w.bits(12, 10));
    let plain = if w.sf() { 3 } else { 2 };
    let sets_flags = w.bit(29);
    let sp = w.rn() == 31 || w.rd() == 31 && !sets_flags;
    match (option == plain && sp, amount) {
        (true, 0) => Ok(()),
        (true, n) => write!(f, ", lsl #{n}"),
        (false, 0) => write!(f, ", {}", EXTENSIONS[option as usize]),
        (false, n) => write!(f, ", {} #{n}", EXTENSIONS[option as usize]),
    }
}

/// `, lsl #3` of a register offset.
fn memory_extension(f: &mut Formatter<'_>, w: Word) -> Result {
    let scale = access_scale(w);
    match (w.option(), w.bit(12)) {
        (3, false) => Ok(()),
        (3, true) => write!(f, ", lsl #{scale}"),
        (option, false) => write!(f, ", {}", EXTENSIONS[option as usize]),
        (option, true) => write!(f, ", {} #{scale}", EXTENSIONS[option as usize]),
    }
}

fn pair_offset(w: Word) -> i64 {
    let scale = if w.bit(26) { w.size() + 2 } else { 2 + w.bits(31, 31) };
    w.simm7() << scale
}

fn structure_bytes(w: Word) -> u32 {
    let registers = match w.bits(15, 12) {
        0b0000 | 0b0010 => 4,
        0b0100 | 0b0110 => 3,
        0b0111 => 1,
        _ => 2,
    };
    registers * if w.q() { 16 } else { 8 }
}

fn lane_bytes(w: Word) -> u32 {
    let registers = (w.bits(13, 13) << 1 | w.bits(21, 21)) + 1;
    let scale = match w.bits(15, 14) {
        3 => w.bits(11, 10),
        2 if w.bits(11, 10) & 1 != 0 => 3,
        n => n,
    };
    registers << scale
}

fn prefetch(f: &mut Formatter<'_>, w: Word) -> Result {
    let n = w.bits(4, 0);
    let (kind, level) = (n >> 3, n >> 1 & 3);
    if kind > 2 || level > 2 {
        return write!(f, "#{n}");
    }
    let policy = if n & 1 != 0 { "strm" } else { "keep" };
    write!(f, "{}l{}{policy}", ["pld", "pli", "pst"][kind as usize], level + 1)
}

fn sysreg(f: &mut Formatter<'_>, w: Word) -> Result {
    let reg = SysReg::of(w.0);
    if reg.name() == Some("DBGDTRRX_EL0") && !w.bit(21) {
        return f.write_str("DBGDTRTX_EL0");
    }
    write!(f, "{reg}")
}

fn pstate(f: &mut Formatter<'_>, w: Word) -> Result {
    let name = match (w.bits(18, 16), w.bits(7, 5)) {
        (0, 3) => "UAO",
        (0, 4) => "PAN",
        (0, 5) => "SPSel",
        (3, 1) => "SSBS",
        (3, 2) => "DIT",
        (3, 4) => "TCO",
        (3, 6) => "DAIFSet",
        (3, 7) => "DAIFClr",
        (op1, op2) => return write!(f, "S0_{op1}_C4_C{}_{op2}, xzr", w.bits(11, 8)),
    };
    write!(f, "{name}, #{}", w.bits(11, 8))
}

fn system(f: &mut Formatter<'_>, w: Word) -> Result {
    let reg = SysReg::of(w.0);
    match crate::sysreg::operation(reg.0) {
        Some((name, true)) => {
            write!(f, "{name}, ")?;
            general(f, true, false, w.rt())
        }
        Some((name, false)) if w.rt() == 31 => f.write_str(name),
        _ => {
            let [_, op1, crn, crm, op2] = reg.fields();
            write!(f, "sys #{op1}, c{crn}, c{crm}, #{op2}")?;
            if w.rt() == 31 {
                return Ok(());
            }
            f.write_str(", ")?;
            general(f, true, false, w.rt())
        }
    }
}
