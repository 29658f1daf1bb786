//! Encodings: branches, exceptions and system. Derived from Arm's AARCHMRS data, see LICENSE-ARM in this crate.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    // Barriers
    e("CLREX_BN_barriers", 0xfffff0ff, 0xd503305f, Op::Clrex, Base, &[]),
    e("DSB_BO_barriers", 0xfffff0ff, 0xd503309f, Op::Dsb, Base, &[]),
    e("DMB_BO_barriers", 0xfffff0ff, 0xd50330bf, Op::Dmb, Base, &[]),
    e("ISB_BI_barriers", 0xfffff0ff, 0xd50330df, Op::Isb, Base, &[]),
    e("SB_only_barriers", 0xffffffff, 0xd50330ff, Op::Sb, Sb, &[]),
    // Unconditional branch (immediate)
    e("B_only_branch_imm", 0xfc000000, 0x14000000, Op::B, Base, &[]),
    e("BL_only_branch_imm", 0xfc000000, 0x94000000, Op::Bl, Base, &[]),
    // Unconditional branch (register)
    e("BR_64_branch_reg", 0xfffffc1f, 0xd61f0000, Op::Br, Base, &[]),
    e("BRAAZ_64_branch_reg", 0xfffffc1f, 0xd61f081f, Op::Braaz, Pauth, &[]),
    e("BRABZ_64_branch_reg", 0xfffffc1f, 0xd61f0c1f, Op::Brabz, Pauth, &[]),
    e("BLR_64_branch_reg", 0xfffffc1f, 0xd63f0000, Op::Blr, Base, &[]),
    e("BLRAAZ_64_branch_reg", 0xfffffc1f, 0xd63f081f, Op::Blraaz, Pauth, &[]),
    e("BLRABZ_64_branch_reg", 0xfffffc1f, 0xd63f0c1f, Op::Blrabz, Pauth, &[]),
    e("RET_64R_branch_reg", 0xfffffc1f, 0xd65f0000, Op::Ret, Base, &[]),
    e("RETAA_64E_branch_reg", 0xffffffff, 0xd65f0bff, Op::Retaa, Pauth, &[]),
    e("RETAB_64E_branch_reg", 0xffffffff, 0xd65f0fff, Op::Retab, Pauth, &[]),
    e("ERET_64E_branch_reg", 0xffffffff, 0xd69f03e0, Op::Eret, Base, &[]),
    e("ERETAA_64E_branch_reg", 0xffffffff, 0xd69f0bff, Op::Eretaa, Pauth, &[]),
    e("ERETAB_64E_branch_reg", 0xffffffff, 0xd69f0fff, Op::Eretab, Pauth, &[]),
    e("DRPS_64E_branch_reg", 0xffffffff, 0xd6bf03e0, Op::Drps, Base, &[]),
    e("BRAA_64P_branch_reg", 0xfffffc00, 0xd71f0800, Op::Braa, Pauth, &[]),
    e("BRAB_64P_branch_reg", 0xfffffc00, 0xd71f0c00, Op::Brab, Pauth, &[]),
    e("BLRAA_64P_branch_reg", 0xfffffc00, 0xd73f0800, Op::Blraa, Pauth, &[]),
    e("BLRAB_64P_branch_reg", 0xfffffc00, 0xd73f0c00, Op::Blrab, Pauth, &[]),
    // Compare and branch (immediate)
    e("CBZ_32_compbranch", 0xff000000, 0x34000000, Op::Cbz, Base, &[]),
    e("CBNZ_32_compbranch", 0xff000000, 0x35000000, Op::Cbnz, Base, &[]),
    e("CBZ_64_compbranch", 0xff000000, 0xb4000000, Op::Cbz, Base, &[]),
    e("CBNZ_64_compbranch", 0xff000000, 0xb5000000, Op::Cbnz, Base, &[]),
    // Conditional branch (immediate)
    e("B_only_condbranch", 0xff000010, 0x54000000, Op::BCond, Base, &[]),
    // Exception generation
    e("SVC_EX_exception", 0xffe0001f, 0xd4000001, Op::Svc, Base, &[]),
    e("HVC_EX_exception", 0xffe0001f, 0xd4000002, Op::Hvc, Base, &[]),
    e("SMC_EX_exception", 0xffe0001f, 0xd4000003, Op::Smc, Base, &[]),
    e("BRK_EX_exception", 0xffe0001f, 0xd4200000, Op::Brk, Base, &[]),
    e("HLT_EX_exception", 0xffe0001f, 0xd4400000, Op::Hlt, Base, &[]),
    e("DCPS1_DC_exception", 0xffe0001f, 0xd4a00001, Op::Dcps1, Base, &[]),
    e("DCPS2_DC_exception", 0xffe0001f, 0xd4a00002, Op::Dcps2, Base, &[]),
    e("DCPS3_DC_exception", 0xffe0001f, 0xd4a00003, Op::Dcps3, Base, &[]),
    // Hints
    e("NOP_HI_hints", 0xffffffff, 0xd503201f, Op::Nop, Base, &[]),
    e("YIELD_HI_hints", 0xffffffff, 0xd503203f, Op::Yield, Base, &[]),
    e("WFE_HI_hints", 0xffffffff, 0xd503205f, Op::Wfe, Base, &[]),
    e("WFI_HI_hints", 0xffffffff, 0xd503207f, Op::Wfi, Base, &[]),
    e("SEV_HI_hints", 0xffffffff, 0xd503209f, Op::Sev, Base, &[]),
    e("SEVL_HI_hints", 0xffffffff, 0xd50320bf, Op::Sevl, Base, &[]),
    e("DGH_HI_hints", 0xffffffff, 0xd50320df, Op::Dgh, Base, &[]),
    e("XPACLRI_HI_hints", 0xffffffff, 0xd50320ff, Op::Xpaclri, Pauth, &[]),
    e("PACIA1716_HI_hints", 0xffffffff, 0xd503211f, Op::Pacia1716, Pauth, &[]),
    e("PACIB1716_HI_hints", 0xffffffff, 0xd503215f, Op::Pacib1716, Pauth, &[]),
    e("AUTIA1716_HI_hints", 0xffffffff, 0xd503219f, Op::Autia1716, Pauth, &[]),
    e("AUTIB1716_HI_hints", 0xffffffff, 0xd50321df, Op::Autib1716, Pauth, &[]),
    e("ESB_HI_hints", 0xffffffff, 0xd503221f, Op::Esb, Ras, &[]),
    e("PSB_HC_hints", 0xffffffff, 0xd503223f, Op::Psb, Base, &[]),
    e("TSB_HC_hints", 0xffffffff, 0xd503225f, Op::Tsb, Base, &[]),
    e("CSDB_HI_hints", 0xffffffff, 0xd503229f, Op::Csdb, Base, &[]),
    e("CLRBHB_HI_hints", 0xffffffff, 0xd50322df, Op::Clrbhb, Base, &[]),
    e("PACIAZ_HI_hints", 0xffffffff, 0xd503231f, Op::Paciaz, Pauth, &[]),
    e("PACIASP_HI_hints", 0xffffffff, 0xd503233f, Op::Paciasp, Pauth, &[]),
    e("PACIBZ_HI_hints", 0xffffffff, 0xd503235f, Op::Pacibz, Pauth, &[]),
    e("PACIBSP_HI_hints", 0xffffffff, 0xd503237f, Op::Pacibsp, Pauth, &[]),
    e("AUTIAZ_HI_hints", 0xffffffff, 0xd503239f, Op::Autiaz, Pauth, &[]),
    e("AUTIASP_HI_hints", 0xffffffff, 0xd50323bf, Op::Autiasp, Pauth, &[]),
    e("AUTIBZ_HI_hints", 0xffffffff, 0xd50323df, Op::Autibz, Pauth, &[]),
    e("AUTIBSP_HI_hints", 0xffffffff, 0xd50323ff, Op::Autibsp, Pauth, &[]),
    e("BTI_HB_hints", 0xffffff3f, 0xd503241f, Op::Bti, Bti, &[]),
    e("HINT_HM_hints", 0xfffff01f, 0xd503201f, Op::Hint, Base, &[]),
    // PSTATE
    e("MSR_SI_pstate", 0xfff8f01f, 0xd500401f, Op::MsrImm, Base, &[]),
    e("CFINV_M_pstate", 0xffffffff, 0xd500401f, Op::Cfinv, FlagM, &[]),
    e("XAFLAG_M_pstate", 0xffffffff, 0xd500403f, Op::Xaflag, FlagM2, &[]),
    e("AXFLAG_M_pstate", 0xffffffff, 0xd500405f, Op::Axflag, FlagM2, &[]),
    // System instructions
    e("SYS_CR_systeminstrs", 0xfff80000, 0xd5080000, Op::Sys, Base, &[]),
    e("SYSL_RC_systeminstrs", 0xfff80000, 0xd5280000, Op::Sysl, Base, &[]),
    // System register move
    e("MSR_SR_systemmove", 0xfff00000, 0xd5100000, Op::Msr, Base, &[]),
    e("MRS_RS_systemmove", 0xfff00000, 0xd5300000, Op::Mrs, Base, &[]),
    // Test and branch (immediate)
    e("TBZ_only_testbranch", 0x7f000000, 0x36000000, Op::Tbz, Base, &[]),
    e("TBNZ_only_testbranch", 0x7f000000, 0x37000000, Op::Tbnz, Base, &[]),
    // Reserved
    e("UDF_only_perm_undef", 0xffff0000, 0x00000000, Op::Udf, Base, &[]),
];
