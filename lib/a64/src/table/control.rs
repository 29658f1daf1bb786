//! Encodings: branches, exceptions and system. Derived from Arm's AARCHMRS data, see LICENSE-ARM in this crate.

use crate::encoding::{Encoding, Feature::*, e};
use crate::op::Op;

#[rustfmt::skip]
pub(super) const TABLE: &[Encoding] = &[
    // Barriers
    e("CLREX_BN_barriers", 0xfffff0ff, 0xd503305f, Op::Clrex, Base, "clrex{crm15}", &[]),
    e("DSB_BO_barriers", 0xfffff0ff, 0xd503309f, Op::Dsb, Base, "dsb {barrier}", &[]),
    e("DMB_BO_barriers", 0xfffff0ff, 0xd50330bf, Op::Dmb, Base, "dmb {barrier}", &[]),
    e("ISB_BI_barriers", 0xfffff0ff, 0xd50330df, Op::Isb, Base, "isb{isb}", &[]),
    e("SB_only_barriers", 0xffffffff, 0xd50330ff, Op::Sb, Sb, "sb", &[]),
    // Unconditional branch (immediate)
    e("B_only_branch_imm", 0xfc000000, 0x14000000, Op::B, Base, "b {l26}", &[]),
    e("BL_only_branch_imm", 0xfc000000, 0x94000000, Op::Bl, Base, "bl {l26}", &[]),
    // Unconditional branch (register)
    e("BR_64_branch_reg", 0xfffffc1f, 0xd61f0000, Op::Br, Base, "br {xn}", &[]),
    e("BRAAZ_64_branch_reg", 0xfffffc1f, 0xd61f081f, Op::Braaz, Pauth, "braaz {xn}", &[]),
    e("BRABZ_64_branch_reg", 0xfffffc1f, 0xd61f0c1f, Op::Brabz, Pauth, "brabz {xn}", &[]),
    e("BLR_64_branch_reg", 0xfffffc1f, 0xd63f0000, Op::Blr, Base, "blr {xn}", &[]),
    e("BLRAAZ_64_branch_reg", 0xfffffc1f, 0xd63f081f, Op::Blraaz, Pauth, "blraaz {xn}", &[]),
    e("BLRABZ_64_branch_reg", 0xfffffc1f, 0xd63f0c1f, Op::Blrabz, Pauth, "blrabz {xn}", &[]),
    e("RET_64R_branch_reg", 0xfffffc1f, 0xd65f0000, Op::Ret, Base, "ret{ret}", &[]),
    e("RETAA_64E_branch_reg", 0xffffffff, 0xd65f0bff, Op::Retaa, Pauth, "retaa", &[]),
    e("RETAB_64E_branch_reg", 0xffffffff, 0xd65f0fff, Op::Retab, Pauth, "retab", &[]),
    e("ERET_64E_branch_reg", 0xffffffff, 0xd69f03e0, Op::Eret, Base, "eret", &[]),
    e("ERETAA_64E_branch_reg", 0xffffffff, 0xd69f0bff, Op::Eretaa, Pauth, "eretaa", &[]),
    e("ERETAB_64E_branch_reg", 0xffffffff, 0xd69f0fff, Op::Eretab, Pauth, "eretab", &[]),
    e("DRPS_64E_branch_reg", 0xffffffff, 0xd6bf03e0, Op::Drps, Base, "drps", &[]),
    e("BRAA_64P_branch_reg", 0xfffffc00, 0xd71f0800, Op::Braa, Pauth, "braa {xn}, {Xd}", &[]),
    e("BRAB_64P_branch_reg", 0xfffffc00, 0xd71f0c00, Op::Brab, Pauth, "brab {xn}, {Xd}", &[]),
    e("BLRAA_64P_branch_reg", 0xfffffc00, 0xd73f0800, Op::Blraa, Pauth, "blraa {xn}, {Xd}", &[]),
    e("BLRAB_64P_branch_reg", 0xfffffc00, 0xd73f0c00, Op::Blrab, Pauth, "blrab {xn}, {Xd}", &[]),
    // Compare and branch (immediate)
    e("CBZ_32_compbranch", 0xff000000, 0x34000000, Op::Cbz, Base, "cbz {wd}, {l19}", &[]),
    e("CBNZ_32_compbranch", 0xff000000, 0x35000000, Op::Cbnz, Base, "cbnz {wd}, {l19}", &[]),
    e("CBZ_64_compbranch", 0xff000000, 0xb4000000, Op::Cbz, Base, "cbz {xd}, {l19}", &[]),
    e("CBNZ_64_compbranch", 0xff000000, 0xb5000000, Op::Cbnz, Base, "cbnz {xd}, {l19}", &[]),
    // Conditional branch (immediate)
    e("B_only_condbranch", 0xff000010, 0x54000000, Op::BCond, Base, "b.{cond0} {l19}", &[]),
    // Exception generation
    e("SVC_EX_exception", 0xffe0001f, 0xd4000001, Op::Svc, Base, "svc #{x20:5}", &[]),
    e("HVC_EX_exception", 0xffe0001f, 0xd4000002, Op::Hvc, Base, "hvc #{x20:5}", &[]),
    e("SMC_EX_exception", 0xffe0001f, 0xd4000003, Op::Smc, Base, "smc #{x20:5}", &[]),
    e("BRK_EX_exception", 0xffe0001f, 0xd4200000, Op::Brk, Base, "brk #{x20:5}", &[]),
    e("HLT_EX_exception", 0xffe0001f, 0xd4400000, Op::Hlt, Base, "hlt #{x20:5}", &[]),
    e("DCPS1_DC_exception", 0xffe0001f, 0xd4a00001, Op::Dcps1, Base, "dcps1{dcps}", &[]),
    e("DCPS2_DC_exception", 0xffe0001f, 0xd4a00002, Op::Dcps2, Base, "dcps2{dcps}", &[]),
    e("DCPS3_DC_exception", 0xffe0001f, 0xd4a00003, Op::Dcps3, Base, "dcps3{dcps}", &[]),
    // Hints
    e("NOP_HI_hints", 0xffffffff, 0xd503201f, Op::Nop, Base, "nop", &[]),
    e("YIELD_HI_hints", 0xffffffff, 0xd503203f, Op::Yield, Base, "yield", &[]),
    e("WFE_HI_hints", 0xffffffff, 0xd503205f, Op::Wfe, Base, "wfe", &[]),
    e("WFI_HI_hints", 0xffffffff, 0xd503207f, Op::Wfi, Base, "wfi", &[]),
    e("SEV_HI_hints", 0xffffffff, 0xd503209f, Op::Sev, Base, "sev", &[]),
    e("SEVL_HI_hints", 0xffffffff, 0xd50320bf, Op::Sevl, Base, "sevl", &[]),
    e("DGH_HI_hints", 0xffffffff, 0xd50320df, Op::Dgh, Base, "dgh", &[]),
    e("XPACLRI_HI_hints", 0xffffffff, 0xd50320ff, Op::Xpaclri, Pauth, "xpaclri", &[]),
    e("PACIA1716_HI_hints", 0xffffffff, 0xd503211f, Op::Pacia1716, Pauth, "pacia1716", &[]),
    e("PACIB1716_HI_hints", 0xffffffff, 0xd503215f, Op::Pacib1716, Pauth, "pacib1716", &[]),
    e("AUTIA1716_HI_hints", 0xffffffff, 0xd503219f, Op::Autia1716, Pauth, "autia1716", &[]),
    e("AUTIB1716_HI_hints", 0xffffffff, 0xd50321df, Op::Autib1716, Pauth, "autib1716", &[]),
    e("ESB_HI_hints", 0xffffffff, 0xd503221f, Op::Esb, Ras, "esb", &[]),
    e("PSB_HC_hints", 0xffffffff, 0xd503223f, Op::Psb, Base, "psb csync", &[]),
    e("TSB_HC_hints", 0xffffffff, 0xd503225f, Op::Tsb, Base, "tsb csync", &[]),
    e("CSDB_HI_hints", 0xffffffff, 0xd503229f, Op::Csdb, Base, "csdb", &[]),
    e("CLRBHB_HI_hints", 0xffffffff, 0xd50322df, Op::Clrbhb, Base, "clrbhb", &[]),
    e("PACIAZ_HI_hints", 0xffffffff, 0xd503231f, Op::Paciaz, Pauth, "paciaz", &[]),
    e("PACIASP_HI_hints", 0xffffffff, 0xd503233f, Op::Paciasp, Pauth, "paciasp", &[]),
    e("PACIBZ_HI_hints", 0xffffffff, 0xd503235f, Op::Pacibz, Pauth, "pacibz", &[]),
    e("PACIBSP_HI_hints", 0xffffffff, 0xd503237f, Op::Pacibsp, Pauth, "pacibsp", &[]),
    e("AUTIAZ_HI_hints", 0xffffffff, 0xd503239f, Op::Autiaz, Pauth, "autiaz", &[]),
    e("AUTIASP_HI_hints", 0xffffffff, 0xd50323bf, Op::Autiasp, Pauth, "autiasp", &[]),
    e("AUTIBZ_HI_hints", 0xffffffff, 0xd50323df, Op::Autibz, Pauth, "autibz", &[]),
    e("AUTIBSP_HI_hints", 0xffffffff, 0xd50323ff, Op::Autibsp, Pauth, "autibsp", &[]),
    e("BTI_HB_hints", 0xffffff3f, 0xd503241f, Op::Bti, Bti, "bti{bti}", &[]),
    e("HINT_HM_hints", 0xfffff01f, 0xd503201f, Op::Hint, Base, "hint #{u11:5}", &[]),
    // PSTATE
    e("MSR_SI_pstate", 0xfff8f01f, 0xd500401f, Op::MsrImm, Base, "msr {pstate}", &[]),
    e("CFINV_M_pstate", 0xffffffff, 0xd500401f, Op::Cfinv, FlagM, "cfinv", &[]),
    e("XAFLAG_M_pstate", 0xffffffff, 0xd500403f, Op::Xaflag, FlagM2, "xaflag", &[]),
    e("AXFLAG_M_pstate", 0xffffffff, 0xd500405f, Op::Axflag, FlagM2, "axflag", &[]),
    // System instructions
    e("SYS_CR_systeminstrs", 0xfff80000, 0xd5080000, Op::Sys, Base, "{sys}", &[]),
    e("SYSL_RC_systeminstrs", 0xfff80000, 0xd5280000, Op::Sysl, Base, "sysl {xd}, #{u18:16}, c{u15:12}, c{u11:8}, #{u7:5}", &[]),
    // System register move
    e("MSR_SR_systemmove", 0xfff00000, 0xd5100000, Op::Msr, Base, "msr {sysreg}, {xd}", &[]),
    e("MRS_RS_systemmove", 0xfff00000, 0xd5300000, Op::Mrs, Base, "mrs {xd}, {sysreg}", &[]),
    // Test and branch (immediate)
    e("TBZ_only_testbranch", 0x7f000000, 0x36000000, Op::Tbz, Base, "tbz {rtb}, #{tb}, {l14}", &[]),
    e("TBNZ_only_testbranch", 0x7f000000, 0x37000000, Op::Tbnz, Base, "tbnz {rtb}, #{tb}, {l14}", &[]),
    // Reserved
    e("UDF_only_perm_undef", 0xffff0000, 0x00000000, Op::Udf, Base, "udf #{u15:0}", &[]),
];
