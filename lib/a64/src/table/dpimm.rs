//! Encodings: data processing with an immediate. Derived from Arm's AARCHMRS data, see LICENSE-ARM in this crate.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    // Add/subtract (immediate)
    e("ADD_32_addsub_imm", 0xff800000, 0x11000000, Op::AddImm, Base, "add {Wd}, {Wn}, {imm12}", &[]),
    e("ADDS_32S_addsub_imm", 0xff800000, 0x31000000, Op::AddsImm, Base, "adds {wd}, {Wn}, {imm12}", &[]),
    e("SUB_32_addsub_imm", 0xff800000, 0x51000000, Op::SubImm, Base, "sub {Wd}, {Wn}, {imm12}", &[]),
    e("SUBS_32S_addsub_imm", 0xff800000, 0x71000000, Op::SubsImm, Base, "subs {wd}, {Wn}, {imm12}", &[]),
    e("ADD_64_addsub_imm", 0xff800000, 0x91000000, Op::AddImm, Base, "add {Xd}, {Xn}, {imm12}", &[]),
    e("ADDS_64S_addsub_imm", 0xff800000, 0xb1000000, Op::AddsImm, Base, "adds {xd}, {Xn}, {imm12}", &[]),
    e("SUB_64_addsub_imm", 0xff800000, 0xd1000000, Op::SubImm, Base, "sub {Xd}, {Xn}, {imm12}", &[]),
    e("SUBS_64S_addsub_imm", 0xff800000, 0xf1000000, Op::SubsImm, Base, "subs {xd}, {Xn}, {imm12}", &[]),
    // Bitfield
    e("SBFM_32M_bitfield", 0xffc00000, 0x13000000, Op::Sbfm, Base, "sbfm {wd}, {wn}, #{u21:16}, #{u15:10}", &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("BFM_32M_bitfield", 0xffc00000, 0x33000000, Op::Bfm, Base, "bfm {wd}, {wn}, #{u21:16}, #{u15:10}", &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("UBFM_32M_bitfield", 0xffc00000, 0x53000000, Op::Ubfm, Base, "ubfm {wd}, {wn}, #{u21:16}, #{u15:10}", &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("SBFM_64M_bitfield", 0xffc00000, 0x93400000, Op::Sbfm, Base, "sbfm {xd}, {xn}, #{u21:16}, #{u15:10}", &[]),
    e("BFM_64M_bitfield", 0xffc00000, 0xb3400000, Op::Bfm, Base, "bfm {xd}, {xn}, #{u21:16}, #{u15:10}", &[]),
    e("UBFM_64M_bitfield", 0xffc00000, 0xd3400000, Op::Ubfm, Base, "ubfm {xd}, {xn}, #{u21:16}, #{u15:10}", &[]),
    // Extract
    e("EXTR_32_extract", 0xffe08000, 0x13800000, Op::Extr, Base, "extr {wd}, {wn}, {wm}, #{u15:10}", &[]),
    e("EXTR_64_extract", 0xffe00000, 0x93c00000, Op::Extr, Base, "extr {xd}, {xn}, {xm}, #{u15:10}", &[]),
    // Logical (immediate)
    e("AND_32_log_imm", 0xffc00000, 0x12000000, Op::AndImm, Base, "and {Wd}, {wn}, {bitmask}", &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("ORR_32_log_imm", 0xffc00000, 0x32000000, Op::OrrImm, Base, "orr {Wd}, {wn}, {bitmask}", &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("EOR_32_log_imm", 0xffc00000, 0x52000000, Op::EorImm, Base, "eor {Wd}, {wn}, {bitmask}", &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("ANDS_32S_log_imm", 0xffc00000, 0x72000000, Op::AndsImm, Base, "ands {wd}, {wn}, {bitmask}", &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("AND_64_log_imm", 0xff800000, 0x92000000, Op::AndImm, Base, "and {Xd}, {xn}, {bitmask}", &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("ORR_64_log_imm", 0xff800000, 0xb2000000, Op::OrrImm, Base, "orr {Xd}, {xn}, {bitmask}", &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("EOR_64_log_imm", 0xff800000, 0xd2000000, Op::EorImm, Base, "eor {Xd}, {xn}, {bitmask}", &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("ANDS_64S_log_imm", 0xff800000, 0xf2000000, Op::AndsImm, Base, "ands {xd}, {xn}, {bitmask}", &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    // Move wide (immediate)
    e("MOVN_32_movewide", 0xffc00000, 0x12800000, Op::Movn, Base, "movn {wd}, #{u20:5}{hw}", &[]),
    e("MOVZ_32_movewide", 0xffc00000, 0x52800000, Op::Movz, Base, "movz {wd}, #{u20:5}{hw}", &[]),
    e("MOVK_32_movewide", 0xffc00000, 0x72800000, Op::Movk, Base, "movk {wd}, #{u20:5}{hw}", &[]),
    e("MOVN_64_movewide", 0xff800000, 0x92800000, Op::Movn, Base, "movn {xd}, #{u20:5}{hw}", &[]),
    e("MOVZ_64_movewide", 0xff800000, 0xd2800000, Op::Movz, Base, "movz {xd}, #{u20:5}{hw}", &[]),
    e("MOVK_64_movewide", 0xff800000, 0xf2800000, Op::Movk, Base, "movk {xd}, #{u20:5}{hw}", &[]),
    // PC-rel. addressing
    e("ADR_only_pcreladdr", 0x9f000000, 0x10000000, Op::Adr, Base, "adr {xd}, {adr}", &[]),
    e("ADRP_only_pcreladdr", 0x9f000000, 0x90000000, Op::Adrp, Base, "adrp {xd}, {adrp}", &[]),
];
