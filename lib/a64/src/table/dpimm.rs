//! Encodings: data processing with an immediate. Derived from Arm's AARCHMRS data, see LICENSE-ARM in this crate.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    // Add/subtract (immediate)
    e("ADD_32_addsub_imm", 0xff800000, 0x11000000, Op::AddImm, Base, &[]),
    e("ADDS_32S_addsub_imm", 0xff800000, 0x31000000, Op::AddsImm, Base, &[]),
    e("SUB_32_addsub_imm", 0xff800000, 0x51000000, Op::SubImm, Base, &[]),
    e("SUBS_32S_addsub_imm", 0xff800000, 0x71000000, Op::SubsImm, Base, &[]),
    e("ADD_64_addsub_imm", 0xff800000, 0x91000000, Op::AddImm, Base, &[]),
    e("ADDS_64S_addsub_imm", 0xff800000, 0xb1000000, Op::AddsImm, Base, &[]),
    e("SUB_64_addsub_imm", 0xff800000, 0xd1000000, Op::SubImm, Base, &[]),
    e("SUBS_64S_addsub_imm", 0xff800000, 0xf1000000, Op::SubsImm, Base, &[]),
    // Bitfield
    e("SBFM_32M_bitfield", 0xffc00000, 0x13000000, Op::Sbfm, Base, &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("BFM_32M_bitfield", 0xffc00000, 0x33000000, Op::Bfm, Base, &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("UBFM_32M_bitfield", 0xffc00000, 0x53000000, Op::Ubfm, Base, &[(0x00008000, 0x00008000), (0x00200000, 0x00200000)]),
    e("SBFM_64M_bitfield", 0xffc00000, 0x93400000, Op::Sbfm, Base, &[]),
    e("BFM_64M_bitfield", 0xffc00000, 0xb3400000, Op::Bfm, Base, &[]),
    e("UBFM_64M_bitfield", 0xffc00000, 0xd3400000, Op::Ubfm, Base, &[]),
    // Extract
    e("EXTR_32_extract", 0xffe08000, 0x13800000, Op::Extr, Base, &[]),
    e("EXTR_64_extract", 0xffe00000, 0x93c00000, Op::Extr, Base, &[]),
    // Logical (immediate)
    e("AND_32_log_imm", 0xffc00000, 0x12000000, Op::AndImm, Base, &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("ORR_32_log_imm", 0xffc00000, 0x32000000, Op::OrrImm, Base, &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("EOR_32_log_imm", 0xffc00000, 0x52000000, Op::EorImm, Base, &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("ANDS_32S_log_imm", 0xffc00000, 0x72000000, Op::AndsImm, Base, &[(0x00007c00, 0x00007c00), (0x0000bc00, 0x0000bc00), (0x0000dc00, 0x0000dc00), (0x0000ec00, 0x0000ec00), (0x0000f400, 0x0000f400), (0x0000f800, 0x0000f800)]),
    e("AND_64_log_imm", 0xff800000, 0x92000000, Op::AndImm, Base, &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("ORR_64_log_imm", 0xff800000, 0xb2000000, Op::OrrImm, Base, &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("EOR_64_log_imm", 0xff800000, 0xd2000000, Op::EorImm, Base, &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    e("ANDS_64S_log_imm", 0xff800000, 0xf2000000, Op::AndsImm, Base, &[(0x00407c00, 0x00007c00), (0x0040bc00, 0x0000bc00), (0x0040dc00, 0x0000dc00), (0x0040ec00, 0x0000ec00), (0x0040f400, 0x0000f400), (0x0040f800, 0x0000f800), (0x0000fc00, 0x0000fc00)]),
    // Move wide (immediate)
    e("MOVN_32_movewide", 0xffc00000, 0x12800000, Op::Movn, Base, &[]),
    e("MOVZ_32_movewide", 0xffc00000, 0x52800000, Op::Movz, Base, &[]),
    e("MOVK_32_movewide", 0xffc00000, 0x72800000, Op::Movk, Base, &[]),
    e("MOVN_64_movewide", 0xff800000, 0x92800000, Op::Movn, Base, &[]),
    e("MOVZ_64_movewide", 0xff800000, 0xd2800000, Op::Movz, Base, &[]),
    e("MOVK_64_movewide", 0xff800000, 0xf2800000, Op::Movk, Base, &[]),
    // PC-rel. addressing
    e("ADR_only_pcreladdr", 0x9f000000, 0x10000000, Op::Adr, Base, &[]),
    e("ADRP_only_pcreladdr", 0x9f000000, 0x90000000, Op::Adrp, Base, &[]),
];
