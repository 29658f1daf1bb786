//! Encodings of system registers, named as in the Arm manual: `op0<<14 | op1<<11 | CRn<<7 | CRm<<3 | op2`.
//!
//! The packed form is the 16-bit number gdb uses too. The full list with names is `a64`'s; these are the ones the
//! processor gives a meaning to. Sources: Arm manual D24; Apple's from xnu-machine.md 6.

/// Packs the five fields of a system register's encoding.
pub const fn pack(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u16 {
    (op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2) as u16
}

/// The register named by an MSR or MRS (register) or SYS instruction.
pub const fn of_word(word: u32) -> u16 {
    (word >> 5 & 0xffff) as u16
}

macro_rules! registers {
    ($($name:ident $op0:literal $op1:literal $crn:literal $crm:literal $op2:literal)*) => {
        $(#[doc = stringify!($name)] pub const $name: u16 = pack($op0, $op1, $crn, $crm, $op2);)*
    };
}

registers! {
    OSDTRRX_EL1 2 0 0 0 2
    MDCCINT_EL1 2 0 0 2 0
    MDSCR_EL1 2 0 0 2 2
    OSDTRTX_EL1 2 0 0 3 2
    OSECCR_EL1 2 0 0 6 2
    MDCCSR_EL0 2 3 0 1 0
    DBGDTR_EL0 2 3 0 4 0
    DBGDTRTX_EL0 2 3 0 5 0
    MDRAR_EL1 2 0 1 0 0
    OSLAR_EL1 2 0 1 0 4
    OSLSR_EL1 2 0 1 1 4
    OSDLR_EL1 2 0 1 3 4
    DBGPRCR_EL1 2 0 1 4 4
    DBGCLAIMSET_EL1 2 0 7 8 6
    DBGCLAIMCLR_EL1 2 0 7 9 6
    DBGAUTHSTATUS_EL1 2 0 7 14 6
    DBGVCR32_EL2 2 4 0 7 0

    MIDR_EL1 3 0 0 0 0
    MPIDR_EL1 3 0 0 0 5
    REVIDR_EL1 3 0 0 0 6
    ID_AA64PFR0_EL1 3 0 0 4 0
    ID_AA64PFR1_EL1 3 0 0 4 1
    ID_AA64ZFR0_EL1 3 0 0 4 4
    ID_AA64SMFR0_EL1 3 0 0 4 5
    ID_AA64DFR0_EL1 3 0 0 5 0
    ID_AA64DFR1_EL1 3 0 0 5 1
    ID_AA64AFR0_EL1 3 0 0 5 4
    ID_AA64AFR1_EL1 3 0 0 5 5
    ID_AA64ISAR0_EL1 3 0 0 6 0
    ID_AA64ISAR1_EL1 3 0 0 6 1
    ID_AA64ISAR2_EL1 3 0 0 6 2
    ID_AA64MMFR0_EL1 3 0 0 7 0
    ID_AA64MMFR1_EL1 3 0 0 7 1
    ID_AA64MMFR2_EL1 3 0 0 7 2
    SCTLR_EL1 3 0 1 0 0
    ACTLR_EL1 3 0 1 0 1
    CPACR_EL1 3 0 1 0 2
    TTBR0_EL1 3 0 2 0 0
    TTBR1_EL1 3 0 2 0 1
    TCR_EL1 3 0 2 0 2
    APIAKEYLO_EL1 3 0 2 1 0
    APIAKEYHI_EL1 3 0 2 1 1
    APIBKEYLO_EL1 3 0 2 1 2
    APIBKEYHI_EL1 3 0 2 1 3
    APDAKEYLO_EL1 3 0 2 2 0
    APDAKEYHI_EL1 3 0 2 2 1
    APDBKEYLO_EL1 3 0 2 2 2
    APDBKEYHI_EL1 3 0 2 2 3
    APGAKEYLO_EL1 3 0 2 3 0
    APGAKEYHI_EL1 3 0 2 3 1
    SPSR_EL1 3 0 4 0 0
    ELR_EL1 3 0 4 0 1
    SP_EL0 3 0 4 1 0
    SPSEL 3 0 4 2 0
    CURRENTEL 3 0 4 2 2
    PAN 3 0 4 2 3
    UAO 3 0 4 2 4
    AFSR0_EL1 3 0 5 1 0
    AFSR1_EL1 3 0 5 1 1
    ESR_EL1 3 0 5 2 0
    ERRIDR_EL1 3 0 5 3 0
    ERRSELR_EL1 3 0 5 3 1
    FAR_EL1 3 0 6 0 0
    PAR_EL1 3 0 7 4 0
    PMINTENSET_EL1 3 0 9 14 1
    PMINTENCLR_EL1 3 0 9 14 2
    PMMIR_EL1 3 0 9 14 6
    MAIR_EL1 3 0 10 2 0
    AMAIR_EL1 3 0 10 3 0
    LORSA_EL1 3 0 10 4 0
    LOREA_EL1 3 0 10 4 1
    LORN_EL1 3 0 10 4 2
    LORC_EL1 3 0 10 4 3
    LORID_EL1 3 0 10 4 7
    VBAR_EL1 3 0 12 0 0
    RVBAR_EL1 3 0 12 0 1
    RMR_EL1 3 0 12 0 2
    ISR_EL1 3 0 12 1 0
    DISR_EL1 3 0 12 1 1
    CONTEXTIDR_EL1 3 0 13 0 1
    TPIDR_EL1 3 0 13 0 4
    SCXTNUM_EL1 3 0 13 0 7
    CNTKCTL_EL1 3 0 14 1 0
    CCSIDR_EL1 3 1 0 0 0
    CLIDR_EL1 3 1 0 0 1
    AIDR_EL1 3 1 0 0 7
    CSSELR_EL1 3 2 0 0 0
    CTR_EL0 3 3 0 0 1
    DCZID_EL0 3 3 0 0 7
    RNDR 3 3 2 4 0
    RNDRRS 3 3 2 4 1
    NZCV 3 3 4 2 0
    DAIF 3 3 4 2 1
    DIT 3 3 4 2 5
    SSBS 3 3 4 2 6
    TCO 3 3 4 2 7
    FPCR 3 3 4 4 0
    FPSR 3 3 4 4 1
    DSPSR_EL0 3 3 4 5 0
    DLR_EL0 3 3 4 5 1
    PMCR_EL0 3 3 9 12 0
    PMCNTENSET_EL0 3 3 9 12 1
    PMCNTENCLR_EL0 3 3 9 12 2
    PMOVSCLR_EL0 3 3 9 12 3
    PMSWINC_EL0 3 3 9 12 4
    PMSELR_EL0 3 3 9 12 5
    PMCEID0_EL0 3 3 9 12 6
    PMCEID1_EL0 3 3 9 12 7
    PMCCNTR_EL0 3 3 9 13 0
    PMXEVTYPER_EL0 3 3 9 13 1
    PMXEVCNTR_EL0 3 3 9 13 2
    PMUSERENR_EL0 3 3 9 14 0
    PMOVSSET_EL0 3 3 9 14 3
    PMCCFILTR_EL0 3 3 14 15 7
    TPIDR_EL0 3 3 13 0 2
    TPIDRRO_EL0 3 3 13 0 3
    SCXTNUM_EL0 3 3 13 0 7
    CNTFRQ_EL0 3 3 14 0 0
    CNTPCT_EL0 3 3 14 0 1
    CNTVCT_EL0 3 3 14 0 2
    CNTPCTSS_EL0 3 3 14 0 5
    CNTVCTSS_EL0 3 3 14 0 6
    CNTP_TVAL_EL0 3 3 14 2 0
    CNTP_CTL_EL0 3 3 14 2 1
    CNTP_CVAL_EL0 3 3 14 2 2
    CNTV_TVAL_EL0 3 3 14 3 0
    CNTV_CTL_EL0 3 3 14 3 1
    CNTV_CVAL_EL0 3 3 14 3 2

    VPIDR_EL2 3 4 0 0 0
    VMPIDR_EL2 3 4 0 0 5
    SCTLR_EL2 3 4 1 0 0
    ACTLR_EL2 3 4 1 0 1
    HCR_EL2 3 4 1 1 0
    MDCR_EL2 3 4 1 1 1
    CPTR_EL2 3 4 1 1 2
    HSTR_EL2 3 4 1 1 3
    HACR_EL2 3 4 1 1 7
    TTBR0_EL2 3 4 2 0 0
    TTBR1_EL2 3 4 2 0 1
    TCR_EL2 3 4 2 0 2
    VTTBR_EL2 3 4 2 1 0
    VTCR_EL2 3 4 2 1 2
    DACR32_EL2 3 4 3 0 0
    SPSR_EL2 3 4 4 0 0
    ELR_EL2 3 4 4 0 1
    SP_EL1 3 4 4 1 0
    SPSR_IRQ 3 4 4 3 0
    SPSR_ABT 3 4 4 3 1
    SPSR_UND 3 4 4 3 2
    SPSR_FIQ 3 4 4 3 3
    IFSR32_EL2 3 4 5 0 1
    AFSR0_EL2 3 4 5 1 0
    AFSR1_EL2 3 4 5 1 1
    ESR_EL2 3 4 5 2 0
    VSESR_EL2 3 4 5 2 3
    FPEXC32_EL2 3 4 5 3 0
    FAR_EL2 3 4 6 0 0
    HPFAR_EL2 3 4 6 0 4
    MAIR_EL2 3 4 10 2 0
    AMAIR_EL2 3 4 10 3 0
    VBAR_EL2 3 4 12 0 0
    RVBAR_EL2 3 4 12 0 1
    RMR_EL2 3 4 12 0 2
    VDISR_EL2 3 4 12 1 1
    ICH_AP0R0_EL2 3 4 12 8 0
    ICH_AP1R0_EL2 3 4 12 9 0
    ICH_HCR_EL2 3 4 12 11 0
    ICH_VTR_EL2 3 4 12 11 1
    ICH_MISR_EL2 3 4 12 11 2
    ICH_EISR_EL2 3 4 12 11 3
    ICH_ELRSR_EL2 3 4 12 11 5
    ICH_VMCR_EL2 3 4 12 11 7
    ICH_LR0_EL2 3 4 12 12 0
    ICH_LR3_EL2 3 4 12 12 3
    CONTEXTIDR_EL2 3 4 13 0 1
    TPIDR_EL2 3 4 13 0 2
    SCXTNUM_EL2 3 4 13 0 7
    CNTVOFF_EL2 3 4 14 0 3
    CNTHCTL_EL2 3 4 14 1 0
    CNTHP_TVAL_EL2 3 4 14 2 0
    CNTHP_CTL_EL2 3 4 14 2 1
    CNTHP_CVAL_EL2 3 4 14 2 2
    CNTHV_TVAL_EL2 3 4 14 3 0
    CNTHV_CTL_EL2 3 4 14 3 1
    CNTHV_CVAL_EL2 3 4 14 3 2

    SCTLR_EL12 3 5 1 0 0
    CPACR_EL12 3 5 1 0 2
    TTBR0_EL12 3 5 2 0 0
    TTBR1_EL12 3 5 2 0 1
    TCR_EL12 3 5 2 0 2
    SPSR_EL12 3 5 4 0 0
    ELR_EL12 3 5 4 0 1
    AFSR0_EL12 3 5 5 1 0
    AFSR1_EL12 3 5 5 1 1
    ESR_EL12 3 5 5 2 0
    FAR_EL12 3 5 6 0 0
    MAIR_EL12 3 5 10 2 0
    AMAIR_EL12 3 5 10 3 0
    VBAR_EL12 3 5 12 0 0
    CONTEXTIDR_EL12 3 5 13 0 1
    CNTKCTL_EL12 3 5 14 1 0
    CNTP_TVAL_EL02 3 5 14 2 0
    CNTP_CTL_EL02 3 5 14 2 1
    CNTP_CVAL_EL02 3 5 14 2 2
    CNTV_TVAL_EL02 3 5 14 3 0
    CNTV_CTL_EL02 3 5 14 3 1
    CNTV_CVAL_EL02 3 5 14 3 2

    SCTLR_EL3 3 6 1 0 0
    ACTLR_EL3 3 6 1 0 1
    SCR_EL3 3 6 1 1 0
    SDER32_EL3 3 6 1 1 1
    CPTR_EL3 3 6 1 1 2
    MDCR_EL3 3 6 1 3 1
    TTBR0_EL3 3 6 2 0 0
    TCR_EL3 3 6 2 0 2
    SPSR_EL3 3 6 4 0 0
    ELR_EL3 3 6 4 0 1
    SP_EL2 3 6 4 1 0
    AFSR0_EL3 3 6 5 1 0
    AFSR1_EL3 3 6 5 1 1
    ESR_EL3 3 6 5 2 0
    FAR_EL3 3 6 6 0 0
    MAIR_EL3 3 6 10 2 0
    AMAIR_EL3 3 6 10 3 0
    VBAR_EL3 3 6 12 0 0
    RVBAR_EL3 3 6 12 0 1
    RMR_EL3 3 6 12 0 2
    TPIDR_EL3 3 6 13 0 2
    SCXTNUM_EL3 3 6 13 0 7
    CNTPS_TVAL_EL1 3 7 14 2 0
    CNTPS_CTL_EL1 3 7 14 2 1
    CNTPS_CVAL_EL1 3 7 14 2 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packed_form_is_the_words_own_bits() {
        // mrs x5, sctlr_el1; op0's upper bit is always 1 in the word.
        assert_eq!(of_word(0xd538_1005), SCTLR_EL1);
        assert_eq!(MIDR_EL1, 0xc000);
    }
}
