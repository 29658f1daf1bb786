//! The operations: Arm's mnemonic and class, without the size variants.

/// What an encoding does. Several encodings share an operation when the variant (32 or 64 bit, element size,
/// arrangement, acquire and release, write-back of the structure loads) can be read from the word.
///
/// Naming: mnemonic, then the form. `Imm`, `Shift`, `Ext`, `Reg` are the operand forms of integer instructions;
/// `Ldrs` are the sign-extending loads; `Fp` marks loads and stores of SIMD&FP registers and scalar
/// floating-point arithmetic; `Vec`, `Scalar`, `Elem` are Advanced SIMD's vector, scalar and by-element forms;
/// `Half` the separate half-precision classes; `Zero` comparisons with zero; `Fixed` and `Int` conversions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Op {
    /// CLREX: Barriers.
    Clrex,
    /// DSB: Barriers.
    Dsb,
    /// DMB: Barriers.
    Dmb,
    /// ISB: Barriers.
    Isb,
    /// SB: Barriers.
    Sb,
    /// B: Unconditional branch (immediate).
    B,
    /// BL: Unconditional branch (immediate).
    Bl,
    /// BR: Unconditional branch (register).
    Br,
    /// BRAAZ: Unconditional branch (register).
    Braaz,
    /// BRABZ: Unconditional branch (register).
    Brabz,
    /// BLR: Unconditional branch (register).
    Blr,
    /// BLRAAZ: Unconditional branch (register).
    Blraaz,
    /// BLRABZ: Unconditional branch (register).
    Blrabz,
    /// RET: Unconditional branch (register).
    Ret,
    /// RETAA: Unconditional branch (register).
    Retaa,
    /// RETAB: Unconditional branch (register).
    Retab,
    /// ERET: Unconditional branch (register).
    Eret,
    /// ERETAA: Unconditional branch (register).
    Eretaa,
    /// ERETAB: Unconditional branch (register).
    Eretab,
    /// DRPS: Unconditional branch (register).
    Drps,
    /// BRAA: Unconditional branch (register).
    Braa,
    /// BRAB: Unconditional branch (register).
    Brab,
    /// BLRAA: Unconditional branch (register).
    Blraa,
    /// BLRAB: Unconditional branch (register).
    Blrab,
    /// CBZ: Compare and branch (immediate).
    Cbz,
    /// CBNZ: Compare and branch (immediate).
    Cbnz,
    /// B.cond: Conditional branch (immediate).
    BCond,
    /// SVC: Exception generation.
    Svc,
    /// HVC: Exception generation.
    Hvc,
    /// SMC: Exception generation.
    Smc,
    /// BRK: Exception generation.
    Brk,
    /// HLT: Exception generation.
    Hlt,
    /// DCPS1: Exception generation.
    Dcps1,
    /// DCPS2: Exception generation.
    Dcps2,
    /// DCPS3: Exception generation.
    Dcps3,
    /// NOP: Hints.
    Nop,
    /// YIELD: Hints.
    Yield,
    /// WFE: Hints.
    Wfe,
    /// WFI: Hints.
    Wfi,
    /// SEV: Hints.
    Sev,
    /// SEVL: Hints.
    Sevl,
    /// DGH: Hints.
    Dgh,
    /// XPACLRI: Hints.
    Xpaclri,
    /// PACIA1716: Hints.
    Pacia1716,
    /// PACIB1716: Hints.
    Pacib1716,
    /// AUTIA1716: Hints.
    Autia1716,
    /// AUTIB1716: Hints.
    Autib1716,
    /// ESB: Hints.
    Esb,
    /// PSB: Hints.
    Psb,
    /// TSB: Hints.
    Tsb,
    /// CSDB: Hints.
    Csdb,
    /// CLRBHB: Hints.
    Clrbhb,
    /// PACIAZ: Hints.
    Paciaz,
    /// PACIASP: Hints.
    Paciasp,
    /// PACIBZ: Hints.
    Pacibz,
    /// PACIBSP: Hints.
    Pacibsp,
    /// AUTIAZ: Hints.
    Autiaz,
    /// AUTIASP: Hints.
    Autiasp,
    /// AUTIBZ: Hints.
    Autibz,
    /// AUTIBSP: Hints.
    Autibsp,
    /// BTI: Hints.
    Bti,
    /// HINT: Hints.
    Hint,
    /// MSR: PSTATE.
    MsrImm,
    /// CFINV: PSTATE.
    Cfinv,
    /// XAFLAG: PSTATE.
    Xaflag,
    /// AXFLAG: PSTATE.
    Axflag,
    /// SYS: System instructions.
    Sys,
    /// SYSL: System instructions.
    Sysl,
    /// MSR: System register move.
    Msr,
    /// MRS: System register move.
    Mrs,
    /// TBZ: Test and branch (immediate).
    Tbz,
    /// TBNZ: Test and branch (immediate).
    Tbnz,
    /// UDF: Reserved.
    Udf,
    /// ADD: Add/subtract (immediate).
    AddImm,
    /// ADDS: Add/subtract (immediate).
    AddsImm,
    /// SUB: Add/subtract (immediate).
    SubImm,
    /// SUBS: Add/subtract (immediate).
    SubsImm,
    /// SBFM: Bitfield.
    Sbfm,
    /// BFM: Bitfield.
    Bfm,
    /// UBFM: Bitfield.
    Ubfm,
    /// EXTR: Extract.
    Extr,
    /// AND: Logical (immediate).
    AndImm,
    /// ORR: Logical (immediate).
    OrrImm,
    /// EOR: Logical (immediate).
    EorImm,
    /// ANDS: Logical (immediate).
    AndsImm,
    /// MOVN: Move wide (immediate).
    Movn,
    /// MOVZ: Move wide (immediate).
    Movz,
    /// MOVK: Move wide (immediate).
    Movk,
    /// ADR: PC-rel. addressing.
    Adr,
    /// ADRP: PC-rel. addressing.
    Adrp,
    /// ADC: Add/subtract (with carry).
    Adc,
    /// ADCS: Add/subtract (with carry).
    Adcs,
    /// SBC: Add/subtract (with carry).
    Sbc,
    /// SBCS: Add/subtract (with carry).
    Sbcs,
    /// ADD: Add/subtract (extended register).
    AddExt,
    /// ADDS: Add/subtract (extended register).
    AddsExt,
    /// SUB: Add/subtract (extended register).
    SubExt,
    /// SUBS: Add/subtract (extended register).
    SubsExt,
    /// ADD: Add/subtract (shifted register).
    AddShift,
    /// ADDS: Add/subtract (shifted register).
    AddsShift,
    /// SUB: Add/subtract (shifted register).
    SubShift,
    /// SUBS: Add/subtract (shifted register).
    SubsShift,
    /// CCMN: Conditional compare (immediate).
    CcmnImm,
    /// CCMP: Conditional compare (immediate).
    CcmpImm,
    /// CCMN: Conditional compare (register).
    CcmnReg,
    /// CCMP: Conditional compare (register).
    CcmpReg,
    /// CSEL: Conditional select.
    Csel,
    /// CSINC: Conditional select.
    Csinc,
    /// CSINV: Conditional select.
    Csinv,
    /// CSNEG: Conditional select.
    Csneg,
    /// RBIT: Data-processing (1 source).
    Rbit,
    /// REV16: Data-processing (1 source).
    Rev16,
    /// REV: Data-processing (1 source).
    Rev,
    /// CLZ: Data-processing (1 source).
    Clz,
    /// CLS: Data-processing (1 source).
    Cls,
    /// REV32: Data-processing (1 source).
    Rev32,
    /// PACIA: Data-processing (1 source).
    Pacia,
    /// PACIB: Data-processing (1 source).
    Pacib,
    /// PACDA: Data-processing (1 source).
    Pacda,
    /// PACDB: Data-processing (1 source).
    Pacdb,
    /// AUTIA: Data-processing (1 source).
    Autia,
    /// AUTIB: Data-processing (1 source).
    Autib,
    /// AUTDA: Data-processing (1 source).
    Autda,
    /// AUTDB: Data-processing (1 source).
    Autdb,
    /// PACIZA: Data-processing (1 source).
    Paciza,
    /// PACIZB: Data-processing (1 source).
    Pacizb,
    /// PACDZA: Data-processing (1 source).
    Pacdza,
    /// PACDZB: Data-processing (1 source).
    Pacdzb,
    /// AUTIZA: Data-processing (1 source).
    Autiza,
    /// AUTIZB: Data-processing (1 source).
    Autizb,
    /// AUTDZA: Data-processing (1 source).
    Autdza,
    /// AUTDZB: Data-processing (1 source).
    Autdzb,
    /// XPACI: Data-processing (1 source).
    Xpaci,
    /// XPACD: Data-processing (1 source).
    Xpacd,
    /// UDIV: Data-processing (2 source).
    Udiv,
    /// SDIV: Data-processing (2 source).
    Sdiv,
    /// LSLV: Data-processing (2 source).
    Lslv,
    /// LSRV: Data-processing (2 source).
    Lsrv,
    /// ASRV: Data-processing (2 source).
    Asrv,
    /// RORV: Data-processing (2 source).
    Rorv,
    /// CRC32B: Data-processing (2 source).
    Crc32b,
    /// CRC32H: Data-processing (2 source).
    Crc32h,
    /// CRC32W: Data-processing (2 source).
    Crc32w,
    /// CRC32CB: Data-processing (2 source).
    Crc32cb,
    /// CRC32CH: Data-processing (2 source).
    Crc32ch,
    /// CRC32CW: Data-processing (2 source).
    Crc32cw,
    /// PACGA: Data-processing (2 source).
    Pacga,
    /// CRC32X: Data-processing (2 source).
    Crc32x,
    /// CRC32CX: Data-processing (2 source).
    Crc32cx,
    /// MADD: Data-processing (3 source).
    Madd,
    /// MSUB: Data-processing (3 source).
    Msub,
    /// SMADDL: Data-processing (3 source).
    Smaddl,
    /// SMSUBL: Data-processing (3 source).
    Smsubl,
    /// SMULH: Data-processing (3 source).
    Smulh,
    /// UMADDL: Data-processing (3 source).
    Umaddl,
    /// UMSUBL: Data-processing (3 source).
    Umsubl,
    /// UMULH: Data-processing (3 source).
    Umulh,
    /// AND: Logical (shifted register).
    AndShift,
    /// BIC: Logical (shifted register).
    BicShift,
    /// ORR: Logical (shifted register).
    OrrShift,
    /// ORN: Logical (shifted register).
    OrnShift,
    /// EOR: Logical (shifted register).
    EorShift,
    /// EON: Logical (shifted register).
    EonShift,
    /// ANDS: Logical (shifted register).
    AndsShift,
    /// BICS: Logical (shifted register).
    BicsShift,
    /// RMIF: Rotate right into flags.
    Rmif,
    /// SETF8: Evaluate into flags.
    Setf8,
    /// SETF16: Evaluate into flags.
    Setf16,
    /// STRB, STRH, STR: Load/store register (immediate post-indexed).
    StrImmPost,
    /// LDRB, LDRH, LDR: Load/store register (immediate post-indexed).
    LdrImmPost,
    /// LDRSB, LDRSH, LDRSW: Load/store register (immediate post-indexed).
    LdrsImmPost,
    /// STR: Load/store register (immediate post-indexed).
    StrFpImmPost,
    /// LDR: Load/store register (immediate post-indexed).
    LdrFpImmPost,
    /// STRB, STRH, STR: Load/store register (immediate pre-indexed).
    StrImmPre,
    /// LDRB, LDRH, LDR: Load/store register (immediate pre-indexed).
    LdrImmPre,
    /// LDRSB, LDRSH, LDRSW: Load/store register (immediate pre-indexed).
    LdrsImmPre,
    /// STR: Load/store register (immediate pre-indexed).
    StrFpImmPre,
    /// LDR: Load/store register (immediate pre-indexed).
    LdrFpImmPre,
    /// LDRAA: Load/store register (pac).
    Ldraa,
    /// LDRAB: Load/store register (pac).
    Ldrab,
    /// STRB, STRH, STR: Load/store register (unsigned immediate).
    StrImmUnsigned,
    /// LDRB, LDRH, LDR: Load/store register (unsigned immediate).
    LdrImmUnsigned,
    /// LDRSB, LDRSH, LDRSW: Load/store register (unsigned immediate).
    LdrsImmUnsigned,
    /// STR: Load/store register (unsigned immediate).
    StrFpImmUnsigned,
    /// LDR: Load/store register (unsigned immediate).
    LdrFpImmUnsigned,
    /// PRFM: Load/store register (unsigned immediate).
    PrfmImm,
    /// STRB, STRH, STR: Load/store register (register offset).
    StrReg,
    /// LDRB, LDRH, LDR: Load/store register (register offset).
    LdrReg,
    /// LDRSB, LDRSH, LDRSW: Load/store register (register offset).
    LdrsReg,
    /// STR: Load/store register (register offset).
    StrFpReg,
    /// LDR: Load/store register (register offset).
    LdrFpReg,
    /// PRFM: Load/store register (register offset).
    PrfmReg,
    /// STTRB, STTRH, STTR: Load/store register (unprivileged).
    Sttr,
    /// LDTRB, LDTRH, LDTR: Load/store register (unprivileged).
    Ldtr,
    /// LDTRSB, LDTRSH, LDTRSW: Load/store register (unprivileged).
    Ldtrs,
    /// STURB, STURH, STUR: Load/store register (unscaled immediate).
    Stur,
    /// LDURB, LDURH, LDUR: Load/store register (unscaled immediate).
    Ldur,
    /// LDURSB, LDURSH, LDURSW: Load/store register (unscaled immediate).
    Ldurs,
    /// STUR: Load/store register (unscaled immediate).
    SturFp,
    /// LDUR: Load/store register (unscaled immediate).
    LdurFp,
    /// PRFUM: Load/store register (unscaled immediate).
    Prfum,
    /// STNP: Load/store no-allocate pair (offset).
    Stnp,
    /// LDNP: Load/store no-allocate pair (offset).
    Ldnp,
    /// STNP: Load/store no-allocate pair (offset).
    StnpFp,
    /// LDNP: Load/store no-allocate pair (offset).
    LdnpFp,
    /// STP: Load/store register pair (offset).
    StpOffset,
    /// LDP: Load/store register pair (offset).
    LdpOffset,
    /// STP: Load/store register pair (offset).
    StpFpOffset,
    /// LDP: Load/store register pair (offset).
    LdpFpOffset,
    /// LDPSW: Load/store register pair (offset).
    LdpswOffset,
    /// STP: Load/store register pair (post-indexed).
    StpPost,
    /// LDP: Load/store register pair (post-indexed).
    LdpPost,
    /// STP: Load/store register pair (post-indexed).
    StpFpPost,
    /// LDP: Load/store register pair (post-indexed).
    LdpFpPost,
    /// LDPSW: Load/store register pair (post-indexed).
    LdpswPost,
    /// STP: Load/store register pair (pre-indexed).
    StpPre,
    /// LDP: Load/store register pair (pre-indexed).
    LdpPre,
    /// STP: Load/store register pair (pre-indexed).
    StpFpPre,
    /// LDP: Load/store register pair (pre-indexed).
    LdpFpPre,
    /// LDPSW: Load/store register pair (pre-indexed).
    LdpswPre,
    /// LDR: Load register (literal).
    LdrLiteral,
    /// LDR: Load register (literal).
    LdrFpLiteral,
    /// LDRSW: Load register (literal).
    LdrsLiteral,
    /// PRFM: Load register (literal).
    PrfmLiteral,
    /// CASB, ..., CASAL: Compare and swap.
    Cas,
    /// CASP, CASPL, CASPA, CASPAL: Compare and swap pair.
    Casp,
    /// STLURB, STLURH, STLUR: LDAPR/STLR (unscaled immediate).
    Stlur,
    /// LDAPURB, LDAPURH, LDAPUR: LDAPR/STLR (unscaled immediate).
    Ldapur,
    /// LDAPURSB, LDAPURSH, LDAPURSW: LDAPR/STLR (unscaled immediate).
    Ldapurs,
    /// STXP: Load/store exclusive pair.
    Stxp,
    /// STLXP: Load/store exclusive pair.
    Stlxp,
    /// LDXP: Load/store exclusive pair.
    Ldxp,
    /// LDAXP: Load/store exclusive pair.
    Ldaxp,
    /// STXRB, STXRH, STXR: Load/store exclusive register.
    Stxr,
    /// STLXRB, STLXRH, STLXR: Load/store exclusive register.
    Stlxr,
    /// LDXRB, LDXRH, LDXR: Load/store exclusive register.
    Ldxr,
    /// LDAXRB, LDAXRH, LDAXR: Load/store exclusive register.
    Ldaxr,
    /// STLLRB, STLLRH, STLLR: Load/store ordered.
    Stllr,
    /// STLRB, STLRH, STLR: Load/store ordered.
    Stlr,
    /// LDLARB, LDLARH, LDLAR: Load/store ordered.
    Ldlar,
    /// LDARB, LDARH, LDAR: Load/store ordered.
    Ldar,
    /// LDADDB, ..., LDADDAL: Atomic memory operations.
    Ldadd,
    /// LDCLRB, ..., LDCLRAL: Atomic memory operations.
    Ldclr,
    /// LDEORB, ..., LDEORAL: Atomic memory operations.
    Ldeor,
    /// LDSETB, ..., LDSETAL: Atomic memory operations.
    Ldset,
    /// LDSMAXB, ..., LDSMAXAL: Atomic memory operations.
    Ldsmax,
    /// LDSMINB, ..., LDSMINAL: Atomic memory operations.
    Ldsmin,
    /// LDUMAXB, ..., LDUMAXAL: Atomic memory operations.
    Ldumax,
    /// LDUMINB, ..., LDUMINAL: Atomic memory operations.
    Ldumin,
    /// SWPB, ..., SWPAL: Atomic memory operations.
    Swp,
    /// LDAPRB, LDAPRH, LDAPR: Atomic memory operations.
    Ldapr,
    /// ST4, ST1, ST3, ST2: Advanced SIMD load/store multiple structures.
    StStructMultiple,
    /// LD4, LD1, LD3, LD2: Advanced SIMD load/store multiple structures.
    LdStructMultiple,
    /// ST1, ST3, ST2, ST4: Advanced SIMD load/store single structure.
    StStructSingle,
    /// LD1, LD3, LD2, LD4: Advanced SIMD load/store single structure.
    LdStructSingle,
    /// LD1R, LD3R, LD2R, LD4R: Advanced SIMD load/store single structure.
    LdStructReplicate,
    /// SADDLV: Advanced SIMD across lanes.
    Saddlv,
    /// SMAXV: Advanced SIMD across lanes.
    Smaxv,
    /// SMINV: Advanced SIMD across lanes.
    Sminv,
    /// ADDV: Advanced SIMD across lanes.
    Addv,
    /// FMAXNMV: Advanced SIMD across lanes.
    FmaxnmvHalf,
    /// FMAXV: Advanced SIMD across lanes.
    FmaxvHalf,
    /// FMINNMV: Advanced SIMD across lanes.
    FminnmvHalf,
    /// FMINV: Advanced SIMD across lanes.
    FminvHalf,
    /// UADDLV: Advanced SIMD across lanes.
    Uaddlv,
    /// UMAXV: Advanced SIMD across lanes.
    Umaxv,
    /// UMINV: Advanced SIMD across lanes.
    Uminv,
    /// FMAXNMV: Advanced SIMD across lanes.
    Fmaxnmv,
    /// FMAXV: Advanced SIMD across lanes.
    Fmaxv,
    /// FMINNMV: Advanced SIMD across lanes.
    Fminnmv,
    /// FMINV: Advanced SIMD across lanes.
    Fminv,
    /// SADDL: Advanced SIMD three different.
    SaddlVec,
    /// SADDW: Advanced SIMD three different.
    SaddwVec,
    /// SSUBL: Advanced SIMD three different.
    SsublVec,
    /// SSUBW: Advanced SIMD three different.
    SsubwVec,
    /// ADDHN: Advanced SIMD three different.
    AddhnVec,
    /// SABAL: Advanced SIMD three different.
    SabalVec,
    /// SUBHN: Advanced SIMD three different.
    SubhnVec,
    /// SABDL: Advanced SIMD three different.
    SabdlVec,
    /// SMLAL: Advanced SIMD three different.
    SmlalVec,
    /// SQDMLAL: Advanced SIMD three different.
    SqdmlalVec,
    /// SMLSL: Advanced SIMD three different.
    SmlslVec,
    /// SQDMLSL: Advanced SIMD three different.
    SqdmlslVec,
    /// SMULL: Advanced SIMD three different.
    SmullVec,
    /// SQDMULL: Advanced SIMD three different.
    SqdmullVec,
    /// PMULL: Advanced SIMD three different.
    PmullVec,
    /// UADDL: Advanced SIMD three different.
    UaddlVec,
    /// UADDW: Advanced SIMD three different.
    UaddwVec,
    /// USUBL: Advanced SIMD three different.
    UsublVec,
    /// USUBW: Advanced SIMD three different.
    UsubwVec,
    /// RADDHN: Advanced SIMD three different.
    RaddhnVec,
    /// UABAL: Advanced SIMD three different.
    UabalVec,
    /// RSUBHN: Advanced SIMD three different.
    RsubhnVec,
    /// UABDL: Advanced SIMD three different.
    UabdlVec,
    /// UMLAL: Advanced SIMD three different.
    UmlalVec,
    /// UMLSL: Advanced SIMD three different.
    UmlslVec,
    /// UMULL: Advanced SIMD three different.
    UmullVec,
    /// SMLAL: Advanced SIMD vector x indexed element.
    SmlalElem,
    /// SQDMLAL: Advanced SIMD vector x indexed element.
    SqdmlalElem,
    /// SMLSL: Advanced SIMD vector x indexed element.
    SmlslElem,
    /// SQDMLSL: Advanced SIMD vector x indexed element.
    SqdmlslElem,
    /// MUL: Advanced SIMD vector x indexed element.
    MulElem,
    /// SMULL: Advanced SIMD vector x indexed element.
    SmullElem,
    /// SQDMULL: Advanced SIMD vector x indexed element.
    SqdmullElem,
    /// SQDMULH: Advanced SIMD vector x indexed element.
    SqdmulhElem,
    /// SQRDMULH: Advanced SIMD vector x indexed element.
    SqrdmulhElem,
    /// SDOT: Advanced SIMD vector x indexed element.
    SdotElem,
    /// FMLA: Advanced SIMD vector x indexed element.
    FmlaElemHalf,
    /// FMLS: Advanced SIMD vector x indexed element.
    FmlsElemHalf,
    /// FMUL: Advanced SIMD vector x indexed element.
    FmulElemHalf,
    /// SUDOT: Advanced SIMD vector x indexed element.
    SudotElem,
    /// BFDOT: Advanced SIMD vector x indexed element.
    BfdotElem,
    /// FMLA: Advanced SIMD vector x indexed element.
    FmlaElem,
    /// FMLS: Advanced SIMD vector x indexed element.
    FmlsElem,
    /// FMUL: Advanced SIMD vector x indexed element.
    FmulElem,
    /// FMLAL: Advanced SIMD vector x indexed element.
    FmlalElem,
    /// FMLSL: Advanced SIMD vector x indexed element.
    FmlslElem,
    /// USDOT: Advanced SIMD vector x indexed element.
    UsdotElem,
    /// BFMLAL: Advanced SIMD vector x indexed element.
    BfmlalElem,
    /// MLA: Advanced SIMD vector x indexed element.
    MlaElem,
    /// UMLAL: Advanced SIMD vector x indexed element.
    UmlalElem,
    /// MLS: Advanced SIMD vector x indexed element.
    MlsElem,
    /// UMLSL: Advanced SIMD vector x indexed element.
    UmlslElem,
    /// UMULL: Advanced SIMD vector x indexed element.
    UmullElem,
    /// SQRDMLAH: Advanced SIMD vector x indexed element.
    SqrdmlahElem,
    /// UDOT: Advanced SIMD vector x indexed element.
    UdotElem,
    /// SQRDMLSH: Advanced SIMD vector x indexed element.
    SqrdmlshElem,
    /// FMULX: Advanced SIMD vector x indexed element.
    FmulxElemHalf,
    /// FCMLA: Advanced SIMD vector x indexed element.
    FcmlaElem,
    /// FMULX: Advanced SIMD vector x indexed element.
    FmulxElem,
    /// FMLAL2: Advanced SIMD vector x indexed element.
    Fmlal2Elem,
    /// FMLSL2: Advanced SIMD vector x indexed element.
    Fmlsl2Elem,
    /// EXT: Advanced SIMD extract.
    Ext,
    /// MOVI: Advanced SIMD modified immediate.
    MoviVec,
    /// ORR: Advanced SIMD modified immediate.
    OrrImmVec,
    /// FMOV: Advanced SIMD modified immediate.
    FmovImmVec,
    /// MVNI: Advanced SIMD modified immediate.
    MvniVec,
    /// BIC: Advanced SIMD modified immediate.
    BicImmVec,
    /// DUP: Advanced SIMD copy.
    DupElem,
    /// DUP: Advanced SIMD copy.
    DupGeneral,
    /// SMOV: Advanced SIMD copy.
    Smov,
    /// UMOV: Advanced SIMD copy.
    Umov,
    /// INS: Advanced SIMD copy.
    InsGeneral,
    /// INS: Advanced SIMD copy.
    InsElem,
    /// REV64: Advanced SIMD two-register miscellaneous.
    Rev64Vec,
    /// REV16: Advanced SIMD two-register miscellaneous.
    Rev16Vec,
    /// SADDLP: Advanced SIMD two-register miscellaneous.
    SaddlpVec,
    /// SUQADD: Advanced SIMD two-register miscellaneous.
    SuqaddVec,
    /// CLS: Advanced SIMD two-register miscellaneous.
    ClsVec,
    /// CNT: Advanced SIMD two-register miscellaneous.
    CntVec,
    /// SADALP: Advanced SIMD two-register miscellaneous.
    SadalpVec,
    /// SQABS: Advanced SIMD two-register miscellaneous.
    SqabsVec,
    /// CMGT: Advanced SIMD two-register miscellaneous.
    CmgtZeroVec,
    /// CMEQ: Advanced SIMD two-register miscellaneous.
    CmeqZeroVec,
    /// CMLT: Advanced SIMD two-register miscellaneous.
    CmltZeroVec,
    /// ABS: Advanced SIMD two-register miscellaneous.
    AbsVec,
    /// XTN: Advanced SIMD two-register miscellaneous.
    XtnVec,
    /// SQXTN: Advanced SIMD two-register miscellaneous.
    SqxtnVec,
    /// FCVTN: Advanced SIMD two-register miscellaneous.
    FcvtnVec,
    /// FCVTL: Advanced SIMD two-register miscellaneous.
    FcvtlVec,
    /// FRINTN: Advanced SIMD two-register miscellaneous.
    FrintnVec,
    /// FRINTM: Advanced SIMD two-register miscellaneous.
    FrintmVec,
    /// FCVTNS: Advanced SIMD two-register miscellaneous.
    FcvtnsVec,
    /// FCVTMS: Advanced SIMD two-register miscellaneous.
    FcvtmsVec,
    /// FCVTAS: Advanced SIMD two-register miscellaneous.
    FcvtasVec,
    /// SCVTF: Advanced SIMD two-register miscellaneous.
    ScvtfVec,
    /// FRINT32Z: Advanced SIMD two-register miscellaneous.
    Frint32zVec,
    /// FRINT64Z: Advanced SIMD two-register miscellaneous.
    Frint64zVec,
    /// FCMGT: Advanced SIMD two-register miscellaneous.
    FcmgtZeroVec,
    /// FCMEQ: Advanced SIMD two-register miscellaneous.
    FcmeqZeroVec,
    /// FCMLT: Advanced SIMD two-register miscellaneous.
    FcmltZeroVec,
    /// FABS: Advanced SIMD two-register miscellaneous.
    FabsVec,
    /// FRINTP: Advanced SIMD two-register miscellaneous.
    FrintpVec,
    /// FRINTZ: Advanced SIMD two-register miscellaneous.
    FrintzVec,
    /// FCVTPS: Advanced SIMD two-register miscellaneous.
    FcvtpsVec,
    /// FCVTZS: Advanced SIMD two-register miscellaneous.
    FcvtzsVec,
    /// URECPE: Advanced SIMD two-register miscellaneous.
    UrecpeVec,
    /// FRECPE: Advanced SIMD two-register miscellaneous.
    FrecpeVec,
    /// BFCVTN: Advanced SIMD two-register miscellaneous.
    BfcvtnVec,
    /// REV32: Advanced SIMD two-register miscellaneous.
    Rev32Vec,
    /// UADDLP: Advanced SIMD two-register miscellaneous.
    UaddlpVec,
    /// USQADD: Advanced SIMD two-register miscellaneous.
    UsqaddVec,
    /// CLZ: Advanced SIMD two-register miscellaneous.
    ClzVec,
    /// UADALP: Advanced SIMD two-register miscellaneous.
    UadalpVec,
    /// SQNEG: Advanced SIMD two-register miscellaneous.
    SqnegVec,
    /// CMGE: Advanced SIMD two-register miscellaneous.
    CmgeZeroVec,
    /// CMLE: Advanced SIMD two-register miscellaneous.
    CmleZeroVec,
    /// NEG: Advanced SIMD two-register miscellaneous.
    NegVec,
    /// SQXTUN: Advanced SIMD two-register miscellaneous.
    SqxtunVec,
    /// SHLL: Advanced SIMD two-register miscellaneous.
    ShllVec,
    /// UQXTN: Advanced SIMD two-register miscellaneous.
    UqxtnVec,
    /// FCVTXN: Advanced SIMD two-register miscellaneous.
    FcvtxnVec,
    /// FRINTA: Advanced SIMD two-register miscellaneous.
    FrintaVec,
    /// FRINTX: Advanced SIMD two-register miscellaneous.
    FrintxVec,
    /// FCVTNU: Advanced SIMD two-register miscellaneous.
    FcvtnuVec,
    /// FCVTMU: Advanced SIMD two-register miscellaneous.
    FcvtmuVec,
    /// FCVTAU: Advanced SIMD two-register miscellaneous.
    FcvtauVec,
    /// UCVTF: Advanced SIMD two-register miscellaneous.
    UcvtfVec,
    /// FRINT32X: Advanced SIMD two-register miscellaneous.
    Frint32xVec,
    /// FRINT64X: Advanced SIMD two-register miscellaneous.
    Frint64xVec,
    /// NOT: Advanced SIMD two-register miscellaneous.
    NotVec,
    /// RBIT: Advanced SIMD two-register miscellaneous.
    RbitVec,
    /// FCMGE: Advanced SIMD two-register miscellaneous.
    FcmgeZeroVec,
    /// FCMLE: Advanced SIMD two-register miscellaneous.
    FcmleZeroVec,
    /// FNEG: Advanced SIMD two-register miscellaneous.
    FnegVec,
    /// FRINTI: Advanced SIMD two-register miscellaneous.
    FrintiVec,
    /// FCVTPU: Advanced SIMD two-register miscellaneous.
    FcvtpuVec,
    /// FCVTZU: Advanced SIMD two-register miscellaneous.
    FcvtzuVec,
    /// URSQRTE: Advanced SIMD two-register miscellaneous.
    UrsqrteVec,
    /// FRSQRTE: Advanced SIMD two-register miscellaneous.
    FrsqrteVec,
    /// FSQRT: Advanced SIMD two-register miscellaneous.
    FsqrtVec,
    /// FRINTN: Advanced SIMD two-register miscellaneous (FP16).
    FrintnVecHalf,
    /// FRINTM: Advanced SIMD two-register miscellaneous (FP16).
    FrintmVecHalf,
    /// FCVTNS: Advanced SIMD two-register miscellaneous (FP16).
    FcvtnsVecHalf,
    /// FCVTMS: Advanced SIMD two-register miscellaneous (FP16).
    FcvtmsVecHalf,
    /// FCVTAS: Advanced SIMD two-register miscellaneous (FP16).
    FcvtasVecHalf,
    /// SCVTF: Advanced SIMD two-register miscellaneous (FP16).
    ScvtfVecHalf,
    /// FCMGT: Advanced SIMD two-register miscellaneous (FP16).
    FcmgtZeroVecHalf,
    /// FCMEQ: Advanced SIMD two-register miscellaneous (FP16).
    FcmeqZeroVecHalf,
    /// FCMLT: Advanced SIMD two-register miscellaneous (FP16).
    FcmltZeroVecHalf,
    /// FABS: Advanced SIMD two-register miscellaneous (FP16).
    FabsVecHalf,
    /// FRINTP: Advanced SIMD two-register miscellaneous (FP16).
    FrintpVecHalf,
    /// FRINTZ: Advanced SIMD two-register miscellaneous (FP16).
    FrintzVecHalf,
    /// FCVTPS: Advanced SIMD two-register miscellaneous (FP16).
    FcvtpsVecHalf,
    /// FCVTZS: Advanced SIMD two-register miscellaneous (FP16).
    FcvtzsVecHalf,
    /// FRECPE: Advanced SIMD two-register miscellaneous (FP16).
    FrecpeVecHalf,
    /// FRINTA: Advanced SIMD two-register miscellaneous (FP16).
    FrintaVecHalf,
    /// FRINTX: Advanced SIMD two-register miscellaneous (FP16).
    FrintxVecHalf,
    /// FCVTNU: Advanced SIMD two-register miscellaneous (FP16).
    FcvtnuVecHalf,
    /// FCVTMU: Advanced SIMD two-register miscellaneous (FP16).
    FcvtmuVecHalf,
    /// FCVTAU: Advanced SIMD two-register miscellaneous (FP16).
    FcvtauVecHalf,
    /// UCVTF: Advanced SIMD two-register miscellaneous (FP16).
    UcvtfVecHalf,
    /// FCMGE: Advanced SIMD two-register miscellaneous (FP16).
    FcmgeZeroVecHalf,
    /// FCMLE: Advanced SIMD two-register miscellaneous (FP16).
    FcmleZeroVecHalf,
    /// FNEG: Advanced SIMD two-register miscellaneous (FP16).
    FnegVecHalf,
    /// FRINTI: Advanced SIMD two-register miscellaneous (FP16).
    FrintiVecHalf,
    /// FCVTPU: Advanced SIMD two-register miscellaneous (FP16).
    FcvtpuVecHalf,
    /// FCVTZU: Advanced SIMD two-register miscellaneous (FP16).
    FcvtzuVecHalf,
    /// FRSQRTE: Advanced SIMD two-register miscellaneous (FP16).
    FrsqrteVecHalf,
    /// FSQRT: Advanced SIMD two-register miscellaneous (FP16).
    FsqrtVecHalf,
    /// UZP1: Advanced SIMD permute.
    Uzp1,
    /// TRN1: Advanced SIMD permute.
    Trn1,
    /// ZIP1: Advanced SIMD permute.
    Zip1,
    /// UZP2: Advanced SIMD permute.
    Uzp2,
    /// TRN2: Advanced SIMD permute.
    Trn2,
    /// ZIP2: Advanced SIMD permute.
    Zip2,
    /// SHADD: Advanced SIMD three same.
    ShaddVec,
    /// SQADD: Advanced SIMD three same.
    SqaddVec,
    /// SRHADD: Advanced SIMD three same.
    SrhaddVec,
    /// SHSUB: Advanced SIMD three same.
    ShsubVec,
    /// SQSUB: Advanced SIMD three same.
    SqsubVec,
    /// CMGT: Advanced SIMD three same.
    CmgtVec,
    /// CMGE: Advanced SIMD three same.
    CmgeVec,
    /// SSHL: Advanced SIMD three same.
    SshlVec,
    /// SQSHL: Advanced SIMD three same.
    SqshlVec,
    /// SRSHL: Advanced SIMD three same.
    SrshlVec,
    /// SQRSHL: Advanced SIMD three same.
    SqrshlVec,
    /// SMAX: Advanced SIMD three same.
    SmaxVec,
    /// SMIN: Advanced SIMD three same.
    SminVec,
    /// SABD: Advanced SIMD three same.
    SabdVec,
    /// SABA: Advanced SIMD three same.
    SabaVec,
    /// ADD: Advanced SIMD three same.
    AddVec,
    /// CMTST: Advanced SIMD three same.
    CmtstVec,
    /// MLA: Advanced SIMD three same.
    MlaVec,
    /// MUL: Advanced SIMD three same.
    MulVec,
    /// SMAXP: Advanced SIMD three same.
    SmaxpVec,
    /// SMINP: Advanced SIMD three same.
    SminpVec,
    /// SQDMULH: Advanced SIMD three same.
    SqdmulhVec,
    /// ADDP: Advanced SIMD three same.
    AddpVec,
    /// FMAXNM: Advanced SIMD three same.
    FmaxnmVec,
    /// FMLA: Advanced SIMD three same.
    FmlaVec,
    /// FADD: Advanced SIMD three same.
    FaddVec,
    /// FMULX: Advanced SIMD three same.
    FmulxVec,
    /// FCMEQ: Advanced SIMD three same.
    FcmeqVec,
    /// FMAX: Advanced SIMD three same.
    FmaxVec,
    /// FRECPS: Advanced SIMD three same.
    FrecpsVec,
    /// AND: Advanced SIMD three same.
    AndVec,
    /// FMLAL: Advanced SIMD three same.
    FmlalVec,
    /// BIC: Advanced SIMD three same.
    BicVec,
    /// FMINNM: Advanced SIMD three same.
    FminnmVec,
    /// FMLS: Advanced SIMD three same.
    FmlsVec,
    /// FSUB: Advanced SIMD three same.
    FsubVec,
    /// FMIN: Advanced SIMD three same.
    FminVec,
    /// FRSQRTS: Advanced SIMD three same.
    FrsqrtsVec,
    /// ORR: Advanced SIMD three same.
    OrrVec,
    /// FMLSL: Advanced SIMD three same.
    FmlslVec,
    /// ORN: Advanced SIMD three same.
    OrnVec,
    /// UHADD: Advanced SIMD three same.
    UhaddVec,
    /// UQADD: Advanced SIMD three same.
    UqaddVec,
    /// URHADD: Advanced SIMD three same.
    UrhaddVec,
    /// UHSUB: Advanced SIMD three same.
    UhsubVec,
    /// UQSUB: Advanced SIMD three same.
    UqsubVec,
    /// CMHI: Advanced SIMD three same.
    CmhiVec,
    /// CMHS: Advanced SIMD three same.
    CmhsVec,
    /// USHL: Advanced SIMD three same.
    UshlVec,
    /// UQSHL: Advanced SIMD three same.
    UqshlVec,
    /// URSHL: Advanced SIMD three same.
    UrshlVec,
    /// UQRSHL: Advanced SIMD three same.
    UqrshlVec,
    /// UMAX: Advanced SIMD three same.
    UmaxVec,
    /// UMIN: Advanced SIMD three same.
    UminVec,
    /// UABD: Advanced SIMD three same.
    UabdVec,
    /// UABA: Advanced SIMD three same.
    UabaVec,
    /// SUB: Advanced SIMD three same.
    SubVec,
    /// CMEQ: Advanced SIMD three same.
    CmeqVec,
    /// MLS: Advanced SIMD three same.
    MlsVec,
    /// PMUL: Advanced SIMD three same.
    PmulVec,
    /// UMAXP: Advanced SIMD three same.
    UmaxpVec,
    /// UMINP: Advanced SIMD three same.
    UminpVec,
    /// SQRDMULH: Advanced SIMD three same.
    SqrdmulhVec,
    /// FMAXNMP: Advanced SIMD three same.
    FmaxnmpVec,
    /// FADDP: Advanced SIMD three same.
    FaddpVec,
    /// FMUL: Advanced SIMD three same.
    FmulVec,
    /// FCMGE: Advanced SIMD three same.
    FcmgeVec,
    /// FACGE: Advanced SIMD three same.
    FacgeVec,
    /// FMAXP: Advanced SIMD three same.
    FmaxpVec,
    /// FDIV: Advanced SIMD three same.
    FdivVec,
    /// EOR: Advanced SIMD three same.
    EorVec,
    /// FMLAL2: Advanced SIMD three same.
    Fmlal2Vec,
    /// BSL: Advanced SIMD three same.
    BslVec,
    /// FMINNMP: Advanced SIMD three same.
    FminnmpVec,
    /// FABD: Advanced SIMD three same.
    FabdVec,
    /// FCMGT: Advanced SIMD three same.
    FcmgtVec,
    /// FACGT: Advanced SIMD three same.
    FacgtVec,
    /// FMINP: Advanced SIMD three same.
    FminpVec,
    /// BIT: Advanced SIMD three same.
    BitVec,
    /// FMLSL2: Advanced SIMD three same.
    Fmlsl2Vec,
    /// BIF: Advanced SIMD three same.
    BifVec,
    /// SDOT: Advanced SIMD three-register extension.
    SdotVec,
    /// USDOT: Advanced SIMD three-register extension.
    UsdotVec,
    /// SQRDMLAH: Advanced SIMD three-register extension.
    SqrdmlahVec,
    /// SQRDMLSH: Advanced SIMD three-register extension.
    SqrdmlshVec,
    /// UDOT: Advanced SIMD three-register extension.
    UdotVec,
    /// FCMLA: Advanced SIMD three-register extension.
    FcmlaVec,
    /// FCADD: Advanced SIMD three-register extension.
    FcaddVec,
    /// BFDOT: Advanced SIMD three-register extension.
    BfdotVec,
    /// BFMLAL: Advanced SIMD three-register extension.
    BfmlalVec,
    /// SMMLA: Advanced SIMD three-register extension.
    SmmlaVec,
    /// USMMLA: Advanced SIMD three-register extension.
    UsmmlaVec,
    /// BFMMLA: Advanced SIMD three-register extension.
    BfmmlaVec,
    /// UMMLA: Advanced SIMD three-register extension.
    UmmlaVec,
    /// FMAXNM: Advanced SIMD three same (FP16).
    FmaxnmVecHalf,
    /// FMLA: Advanced SIMD three same (FP16).
    FmlaVecHalf,
    /// FADD: Advanced SIMD three same (FP16).
    FaddVecHalf,
    /// FMULX: Advanced SIMD three same (FP16).
    FmulxVecHalf,
    /// FCMEQ: Advanced SIMD three same (FP16).
    FcmeqVecHalf,
    /// FMAX: Advanced SIMD three same (FP16).
    FmaxVecHalf,
    /// FRECPS: Advanced SIMD three same (FP16).
    FrecpsVecHalf,
    /// FMINNM: Advanced SIMD three same (FP16).
    FminnmVecHalf,
    /// FMLS: Advanced SIMD three same (FP16).
    FmlsVecHalf,
    /// FSUB: Advanced SIMD three same (FP16).
    FsubVecHalf,
    /// FMIN: Advanced SIMD three same (FP16).
    FminVecHalf,
    /// FRSQRTS: Advanced SIMD three same (FP16).
    FrsqrtsVecHalf,
    /// FMAXNMP: Advanced SIMD three same (FP16).
    FmaxnmpVecHalf,
    /// FADDP: Advanced SIMD three same (FP16).
    FaddpVecHalf,
    /// FMUL: Advanced SIMD three same (FP16).
    FmulVecHalf,
    /// FCMGE: Advanced SIMD three same (FP16).
    FcmgeVecHalf,
    /// FACGE: Advanced SIMD three same (FP16).
    FacgeVecHalf,
    /// FMAXP: Advanced SIMD three same (FP16).
    FmaxpVecHalf,
    /// FDIV: Advanced SIMD three same (FP16).
    FdivVecHalf,
    /// FMINNMP: Advanced SIMD three same (FP16).
    FminnmpVecHalf,
    /// FABD: Advanced SIMD three same (FP16).
    FabdVecHalf,
    /// FCMGT: Advanced SIMD three same (FP16).
    FcmgtVecHalf,
    /// FACGT: Advanced SIMD three same (FP16).
    FacgtVecHalf,
    /// FMINP: Advanced SIMD three same (FP16).
    FminpVecHalf,
    /// SSHR: Advanced SIMD shift by immediate.
    SshrImmVec,
    /// SSRA: Advanced SIMD shift by immediate.
    SsraImmVec,
    /// SRSHR: Advanced SIMD shift by immediate.
    SrshrImmVec,
    /// SRSRA: Advanced SIMD shift by immediate.
    SrsraImmVec,
    /// SHL: Advanced SIMD shift by immediate.
    ShlImmVec,
    /// SQSHL: Advanced SIMD shift by immediate.
    SqshlImmVec,
    /// SHRN: Advanced SIMD shift by immediate.
    ShrnImmVec,
    /// RSHRN: Advanced SIMD shift by immediate.
    RshrnImmVec,
    /// SQSHRN: Advanced SIMD shift by immediate.
    SqshrnImmVec,
    /// SQRSHRN: Advanced SIMD shift by immediate.
    SqrshrnImmVec,
    /// SSHLL: Advanced SIMD shift by immediate.
    SshllImmVec,
    /// SCVTF: Advanced SIMD shift by immediate.
    ScvtfFixedVec,
    /// FCVTZS: Advanced SIMD shift by immediate.
    FcvtzsFixedVec,
    /// USHR: Advanced SIMD shift by immediate.
    UshrImmVec,
    /// USRA: Advanced SIMD shift by immediate.
    UsraImmVec,
    /// URSHR: Advanced SIMD shift by immediate.
    UrshrImmVec,
    /// URSRA: Advanced SIMD shift by immediate.
    UrsraImmVec,
    /// SRI: Advanced SIMD shift by immediate.
    SriImmVec,
    /// SLI: Advanced SIMD shift by immediate.
    SliImmVec,
    /// SQSHLU: Advanced SIMD shift by immediate.
    SqshluImmVec,
    /// UQSHL: Advanced SIMD shift by immediate.
    UqshlImmVec,
    /// SQSHRUN: Advanced SIMD shift by immediate.
    SqshrunImmVec,
    /// SQRSHRUN: Advanced SIMD shift by immediate.
    SqrshrunImmVec,
    /// UQSHRN: Advanced SIMD shift by immediate.
    UqshrnImmVec,
    /// UQRSHRN: Advanced SIMD shift by immediate.
    UqrshrnImmVec,
    /// USHLL: Advanced SIMD shift by immediate.
    UshllImmVec,
    /// UCVTF: Advanced SIMD shift by immediate.
    UcvtfFixedVec,
    /// FCVTZU: Advanced SIMD shift by immediate.
    FcvtzuFixedVec,
    /// TBL: Advanced SIMD table lookup.
    Tbl,
    /// TBX: Advanced SIMD table lookup.
    Tbx,
    /// SQDMLAL: Advanced SIMD scalar three different.
    SqdmlalScalar,
    /// SQDMLSL: Advanced SIMD scalar three different.
    SqdmlslScalar,
    /// SQDMULL: Advanced SIMD scalar three different.
    SqdmullScalar,
    /// SQDMLAL: Advanced SIMD scalar x indexed element.
    SqdmlalElemScalar,
    /// SQDMLSL: Advanced SIMD scalar x indexed element.
    SqdmlslElemScalar,
    /// SQDMULL: Advanced SIMD scalar x indexed element.
    SqdmullElemScalar,
    /// SQDMULH: Advanced SIMD scalar x indexed element.
    SqdmulhElemScalar,
    /// SQRDMULH: Advanced SIMD scalar x indexed element.
    SqrdmulhElemScalar,
    /// FMLA: Advanced SIMD scalar x indexed element.
    FmlaElemScalarHalf,
    /// FMLS: Advanced SIMD scalar x indexed element.
    FmlsElemScalarHalf,
    /// FMUL: Advanced SIMD scalar x indexed element.
    FmulElemScalarHalf,
    /// FMLA: Advanced SIMD scalar x indexed element.
    FmlaElemScalar,
    /// FMLS: Advanced SIMD scalar x indexed element.
    FmlsElemScalar,
    /// FMUL: Advanced SIMD scalar x indexed element.
    FmulElemScalar,
    /// SQRDMLAH: Advanced SIMD scalar x indexed element.
    SqrdmlahElemScalar,
    /// SQRDMLSH: Advanced SIMD scalar x indexed element.
    SqrdmlshElemScalar,
    /// FMULX: Advanced SIMD scalar x indexed element.
    FmulxElemScalarHalf,
    /// FMULX: Advanced SIMD scalar x indexed element.
    FmulxElemScalar,
    /// SUQADD: Advanced SIMD scalar two-register miscellaneous.
    SuqaddScalar,
    /// SQABS: Advanced SIMD scalar two-register miscellaneous.
    SqabsScalar,
    /// CMGT: Advanced SIMD scalar two-register miscellaneous.
    CmgtZeroScalar,
    /// CMEQ: Advanced SIMD scalar two-register miscellaneous.
    CmeqZeroScalar,
    /// CMLT: Advanced SIMD scalar two-register miscellaneous.
    CmltZeroScalar,
    /// ABS: Advanced SIMD scalar two-register miscellaneous.
    AbsScalar,
    /// SQXTN: Advanced SIMD scalar two-register miscellaneous.
    SqxtnScalar,
    /// FCVTNS: Advanced SIMD scalar two-register miscellaneous.
    FcvtnsScalar,
    /// FCVTMS: Advanced SIMD scalar two-register miscellaneous.
    FcvtmsScalar,
    /// FCVTAS: Advanced SIMD scalar two-register miscellaneous.
    FcvtasScalar,
    /// SCVTF: Advanced SIMD scalar two-register miscellaneous.
    ScvtfScalar,
    /// FCMGT: Advanced SIMD scalar two-register miscellaneous.
    FcmgtZeroScalar,
    /// FCMEQ: Advanced SIMD scalar two-register miscellaneous.
    FcmeqZeroScalar,
    /// FCMLT: Advanced SIMD scalar two-register miscellaneous.
    FcmltZeroScalar,
    /// FCVTPS: Advanced SIMD scalar two-register miscellaneous.
    FcvtpsScalar,
    /// FCVTZS: Advanced SIMD scalar two-register miscellaneous.
    FcvtzsScalar,
    /// FRECPE: Advanced SIMD scalar two-register miscellaneous.
    FrecpeScalar,
    /// FRECPX: Advanced SIMD scalar two-register miscellaneous.
    FrecpxScalar,
    /// USQADD: Advanced SIMD scalar two-register miscellaneous.
    UsqaddScalar,
    /// SQNEG: Advanced SIMD scalar two-register miscellaneous.
    SqnegScalar,
    /// CMGE: Advanced SIMD scalar two-register miscellaneous.
    CmgeZeroScalar,
    /// CMLE: Advanced SIMD scalar two-register miscellaneous.
    CmleZeroScalar,
    /// NEG: Advanced SIMD scalar two-register miscellaneous.
    NegScalar,
    /// SQXTUN: Advanced SIMD scalar two-register miscellaneous.
    SqxtunScalar,
    /// UQXTN: Advanced SIMD scalar two-register miscellaneous.
    UqxtnScalar,
    /// FCVTXN: Advanced SIMD scalar two-register miscellaneous.
    FcvtxnScalar,
    /// FCVTNU: Advanced SIMD scalar two-register miscellaneous.
    FcvtnuScalar,
    /// FCVTMU: Advanced SIMD scalar two-register miscellaneous.
    FcvtmuScalar,
    /// FCVTAU: Advanced SIMD scalar two-register miscellaneous.
    FcvtauScalar,
    /// UCVTF: Advanced SIMD scalar two-register miscellaneous.
    UcvtfScalar,
    /// FCMGE: Advanced SIMD scalar two-register miscellaneous.
    FcmgeZeroScalar,
    /// FCMLE: Advanced SIMD scalar two-register miscellaneous.
    FcmleZeroScalar,
    /// FCVTPU: Advanced SIMD scalar two-register miscellaneous.
    FcvtpuScalar,
    /// FCVTZU: Advanced SIMD scalar two-register miscellaneous.
    FcvtzuScalar,
    /// FRSQRTE: Advanced SIMD scalar two-register miscellaneous.
    FrsqrteScalar,
    /// FCVTNS: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtnsScalarHalf,
    /// FCVTMS: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtmsScalarHalf,
    /// FCVTAS: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtasScalarHalf,
    /// SCVTF: Advanced SIMD scalar two-register miscellaneous FP16.
    ScvtfScalarHalf,
    /// FCMGT: Advanced SIMD scalar two-register miscellaneous FP16.
    FcmgtZeroScalarHalf,
    /// FCMEQ: Advanced SIMD scalar two-register miscellaneous FP16.
    FcmeqZeroScalarHalf,
    /// FCMLT: Advanced SIMD scalar two-register miscellaneous FP16.
    FcmltZeroScalarHalf,
    /// FCVTPS: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtpsScalarHalf,
    /// FCVTZS: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtzsScalarHalf,
    /// FRECPE: Advanced SIMD scalar two-register miscellaneous FP16.
    FrecpeScalarHalf,
    /// FRECPX: Advanced SIMD scalar two-register miscellaneous FP16.
    FrecpxScalarHalf,
    /// FCVTNU: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtnuScalarHalf,
    /// FCVTMU: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtmuScalarHalf,
    /// FCVTAU: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtauScalarHalf,
    /// UCVTF: Advanced SIMD scalar two-register miscellaneous FP16.
    UcvtfScalarHalf,
    /// FCMGE: Advanced SIMD scalar two-register miscellaneous FP16.
    FcmgeZeroScalarHalf,
    /// FCMLE: Advanced SIMD scalar two-register miscellaneous FP16.
    FcmleZeroScalarHalf,
    /// FCVTPU: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtpuScalarHalf,
    /// FCVTZU: Advanced SIMD scalar two-register miscellaneous FP16.
    FcvtzuScalarHalf,
    /// FRSQRTE: Advanced SIMD scalar two-register miscellaneous FP16.
    FrsqrteScalarHalf,
    /// DUP: Advanced SIMD scalar copy.
    DupScalar,
    /// ADDP: Advanced SIMD scalar pairwise.
    AddpScalar,
    /// FMAXNMP: Advanced SIMD scalar pairwise.
    FmaxnmpScalarHalf,
    /// FADDP: Advanced SIMD scalar pairwise.
    FaddpScalarHalf,
    /// FMAXP: Advanced SIMD scalar pairwise.
    FmaxpScalarHalf,
    /// FMINNMP: Advanced SIMD scalar pairwise.
    FminnmpScalarHalf,
    /// FMINP: Advanced SIMD scalar pairwise.
    FminpScalarHalf,
    /// FMAXNMP: Advanced SIMD scalar pairwise.
    FmaxnmpScalar,
    /// FADDP: Advanced SIMD scalar pairwise.
    FaddpScalar,
    /// FMAXP: Advanced SIMD scalar pairwise.
    FmaxpScalar,
    /// FMINNMP: Advanced SIMD scalar pairwise.
    FminnmpScalar,
    /// FMINP: Advanced SIMD scalar pairwise.
    FminpScalar,
    /// SQADD: Advanced SIMD scalar three same.
    SqaddScalar,
    /// SQSUB: Advanced SIMD scalar three same.
    SqsubScalar,
    /// CMGT: Advanced SIMD scalar three same.
    CmgtScalar,
    /// CMGE: Advanced SIMD scalar three same.
    CmgeScalar,
    /// SSHL: Advanced SIMD scalar three same.
    SshlScalar,
    /// SQSHL: Advanced SIMD scalar three same.
    SqshlScalar,
    /// SRSHL: Advanced SIMD scalar three same.
    SrshlScalar,
    /// SQRSHL: Advanced SIMD scalar three same.
    SqrshlScalar,
    /// ADD: Advanced SIMD scalar three same.
    AddScalar,
    /// CMTST: Advanced SIMD scalar three same.
    CmtstScalar,
    /// SQDMULH: Advanced SIMD scalar three same.
    SqdmulhScalar,
    /// FMULX: Advanced SIMD scalar three same.
    FmulxScalar,
    /// FCMEQ: Advanced SIMD scalar three same.
    FcmeqScalar,
    /// FRECPS: Advanced SIMD scalar three same.
    FrecpsScalar,
    /// FRSQRTS: Advanced SIMD scalar three same.
    FrsqrtsScalar,
    /// UQADD: Advanced SIMD scalar three same.
    UqaddScalar,
    /// UQSUB: Advanced SIMD scalar three same.
    UqsubScalar,
    /// CMHI: Advanced SIMD scalar three same.
    CmhiScalar,
    /// CMHS: Advanced SIMD scalar three same.
    CmhsScalar,
    /// USHL: Advanced SIMD scalar three same.
    UshlScalar,
    /// UQSHL: Advanced SIMD scalar three same.
    UqshlScalar,
    /// URSHL: Advanced SIMD scalar three same.
    UrshlScalar,
    /// UQRSHL: Advanced SIMD scalar three same.
    UqrshlScalar,
    /// SUB: Advanced SIMD scalar three same.
    SubScalar,
    /// CMEQ: Advanced SIMD scalar three same.
    CmeqScalar,
    /// SQRDMULH: Advanced SIMD scalar three same.
    SqrdmulhScalar,
    /// FCMGE: Advanced SIMD scalar three same.
    FcmgeScalar,
    /// FACGE: Advanced SIMD scalar three same.
    FacgeScalar,
    /// FABD: Advanced SIMD scalar three same.
    FabdScalar,
    /// FCMGT: Advanced SIMD scalar three same.
    FcmgtScalar,
    /// FACGT: Advanced SIMD scalar three same.
    FacgtScalar,
    /// SQRDMLAH: Advanced SIMD scalar three same extra.
    SqrdmlahScalar,
    /// SQRDMLSH: Advanced SIMD scalar three same extra.
    SqrdmlshScalar,
    /// FMULX: Advanced SIMD scalar three same FP16.
    FmulxScalarHalf,
    /// FCMEQ: Advanced SIMD scalar three same FP16.
    FcmeqScalarHalf,
    /// FRECPS: Advanced SIMD scalar three same FP16.
    FrecpsScalarHalf,
    /// FRSQRTS: Advanced SIMD scalar three same FP16.
    FrsqrtsScalarHalf,
    /// FCMGE: Advanced SIMD scalar three same FP16.
    FcmgeScalarHalf,
    /// FACGE: Advanced SIMD scalar three same FP16.
    FacgeScalarHalf,
    /// FABD: Advanced SIMD scalar three same FP16.
    FabdScalarHalf,
    /// FCMGT: Advanced SIMD scalar three same FP16.
    FcmgtScalarHalf,
    /// FACGT: Advanced SIMD scalar three same FP16.
    FacgtScalarHalf,
    /// SSHR: Advanced SIMD scalar shift by immediate.
    SshrImmScalar,
    /// SSRA: Advanced SIMD scalar shift by immediate.
    SsraImmScalar,
    /// SRSHR: Advanced SIMD scalar shift by immediate.
    SrshrImmScalar,
    /// SRSRA: Advanced SIMD scalar shift by immediate.
    SrsraImmScalar,
    /// SHL: Advanced SIMD scalar shift by immediate.
    ShlImmScalar,
    /// SQSHL: Advanced SIMD scalar shift by immediate.
    SqshlImmScalar,
    /// SQSHRN: Advanced SIMD scalar shift by immediate.
    SqshrnImmScalar,
    /// SQRSHRN: Advanced SIMD scalar shift by immediate.
    SqrshrnImmScalar,
    /// SCVTF: Advanced SIMD scalar shift by immediate.
    ScvtfFixedScalar,
    /// FCVTZS: Advanced SIMD scalar shift by immediate.
    FcvtzsFixedScalar,
    /// USHR: Advanced SIMD scalar shift by immediate.
    UshrImmScalar,
    /// USRA: Advanced SIMD scalar shift by immediate.
    UsraImmScalar,
    /// URSHR: Advanced SIMD scalar shift by immediate.
    UrshrImmScalar,
    /// URSRA: Advanced SIMD scalar shift by immediate.
    UrsraImmScalar,
    /// SRI: Advanced SIMD scalar shift by immediate.
    SriImmScalar,
    /// SLI: Advanced SIMD scalar shift by immediate.
    SliImmScalar,
    /// SQSHLU: Advanced SIMD scalar shift by immediate.
    SqshluImmScalar,
    /// UQSHL: Advanced SIMD scalar shift by immediate.
    UqshlImmScalar,
    /// SQSHRUN: Advanced SIMD scalar shift by immediate.
    SqshrunImmScalar,
    /// SQRSHRUN: Advanced SIMD scalar shift by immediate.
    SqrshrunImmScalar,
    /// UQSHRN: Advanced SIMD scalar shift by immediate.
    UqshrnImmScalar,
    /// UQRSHRN: Advanced SIMD scalar shift by immediate.
    UqrshrnImmScalar,
    /// UCVTF: Advanced SIMD scalar shift by immediate.
    UcvtfFixedScalar,
    /// FCVTZU: Advanced SIMD scalar shift by immediate.
    FcvtzuFixedScalar,
    /// SCVTF: Conversion between floating-point and fixed-point.
    ScvtfFixed,
    /// UCVTF: Conversion between floating-point and fixed-point.
    UcvtfFixed,
    /// FCVTZS: Conversion between floating-point and fixed-point.
    FcvtzsFixed,
    /// FCVTZU: Conversion between floating-point and fixed-point.
    FcvtzuFixed,
    /// FCVTNS: Conversion between floating-point and integer.
    FcvtnsInt,
    /// FCVTNU: Conversion between floating-point and integer.
    FcvtnuInt,
    /// SCVTF: Conversion between floating-point and integer.
    ScvtfInt,
    /// UCVTF: Conversion between floating-point and integer.
    UcvtfInt,
    /// FCVTAS: Conversion between floating-point and integer.
    FcvtasInt,
    /// FCVTAU: Conversion between floating-point and integer.
    FcvtauInt,
    /// FMOV: Conversion between floating-point and integer.
    FmovGeneral,
    /// FCVTPS: Conversion between floating-point and integer.
    FcvtpsInt,
    /// FCVTPU: Conversion between floating-point and integer.
    FcvtpuInt,
    /// FCVTMS: Conversion between floating-point and integer.
    FcvtmsInt,
    /// FCVTMU: Conversion between floating-point and integer.
    FcvtmuInt,
    /// FCVTZS: Conversion between floating-point and integer.
    FcvtzsInt,
    /// FCVTZU: Conversion between floating-point and integer.
    FcvtzuInt,
    /// FJCVTZS: Conversion between floating-point and integer.
    Fjcvtzs,
    /// FCCMP: Floating-point conditional compare.
    Fccmp,
    /// FCCMPE: Floating-point conditional compare.
    Fccmpe,
    /// FCMP: Floating-point compare.
    Fcmp,
    /// FCMPE: Floating-point compare.
    Fcmpe,
    /// FMOV: Floating-point data-processing (1 source).
    FmovFp,
    /// FABS: Floating-point data-processing (1 source).
    FabsFp,
    /// FNEG: Floating-point data-processing (1 source).
    FnegFp,
    /// FSQRT: Floating-point data-processing (1 source).
    FsqrtFp,
    /// FCVT: Floating-point data-processing (1 source).
    FcvtFp,
    /// FRINTN: Floating-point data-processing (1 source).
    FrintnFp,
    /// FRINTP: Floating-point data-processing (1 source).
    FrintpFp,
    /// FRINTM: Floating-point data-processing (1 source).
    FrintmFp,
    /// FRINTZ: Floating-point data-processing (1 source).
    FrintzFp,
    /// FRINTA: Floating-point data-processing (1 source).
    FrintaFp,
    /// FRINTX: Floating-point data-processing (1 source).
    FrintxFp,
    /// FRINTI: Floating-point data-processing (1 source).
    FrintiFp,
    /// FRINT32Z: Floating-point data-processing (1 source).
    Frint32zFp,
    /// FRINT32X: Floating-point data-processing (1 source).
    Frint32xFp,
    /// FRINT64Z: Floating-point data-processing (1 source).
    Frint64zFp,
    /// FRINT64X: Floating-point data-processing (1 source).
    Frint64xFp,
    /// BFCVT: Floating-point data-processing (1 source).
    BfcvtFp,
    /// FMUL: Floating-point data-processing (2 source).
    FmulFp,
    /// FDIV: Floating-point data-processing (2 source).
    FdivFp,
    /// FADD: Floating-point data-processing (2 source).
    FaddFp,
    /// FSUB: Floating-point data-processing (2 source).
    FsubFp,
    /// FMAX: Floating-point data-processing (2 source).
    FmaxFp,
    /// FMIN: Floating-point data-processing (2 source).
    FminFp,
    /// FMAXNM: Floating-point data-processing (2 source).
    FmaxnmFp,
    /// FMINNM: Floating-point data-processing (2 source).
    FminnmFp,
    /// FNMUL: Floating-point data-processing (2 source).
    FnmulFp,
    /// FMADD: Floating-point data-processing (3 source).
    Fmadd,
    /// FMSUB: Floating-point data-processing (3 source).
    Fmsub,
    /// FNMADD: Floating-point data-processing (3 source).
    Fnmadd,
    /// FNMSUB: Floating-point data-processing (3 source).
    Fnmsub,
    /// FMOV: Floating-point immediate.
    FmovImmFp,
    /// FCSEL: Floating-point conditional select.
    Fcsel,
    /// SM3TT1A: Cryptographic three-register, imm2.
    Sm3tt1a,
    /// SM3TT1B: Cryptographic three-register, imm2.
    Sm3tt1b,
    /// SM3TT2A: Cryptographic three-register, imm2.
    Sm3tt2a,
    /// SM3TT2B: Cryptographic three-register, imm2.
    Sm3tt2b,
    /// XAR: Cryptographic three-register, imm6.
    Xar,
    /// EOR3: Cryptographic four-register.
    Eor3,
    /// BCAX: Cryptographic four-register.
    Bcax,
    /// SM3SS1: Cryptographic four-register.
    Sm3ss1,
    /// AESE: Cryptographic AES.
    Aese,
    /// AESD: Cryptographic AES.
    Aesd,
    /// AESMC: Cryptographic AES.
    Aesmc,
    /// AESIMC: Cryptographic AES.
    Aesimc,
    /// SHA1H: Cryptographic two-register SHA.
    Sha1h,
    /// SHA1SU1: Cryptographic two-register SHA.
    Sha1su1,
    /// SHA256SU0: Cryptographic two-register SHA.
    Sha256su0,
    /// SHA1C: Cryptographic three-register SHA.
    Sha1c,
    /// SHA1P: Cryptographic three-register SHA.
    Sha1p,
    /// SHA1M: Cryptographic three-register SHA.
    Sha1m,
    /// SHA1SU0: Cryptographic three-register SHA.
    Sha1su0,
    /// SHA256H: Cryptographic three-register SHA.
    Sha256h,
    /// SHA256H2: Cryptographic three-register SHA.
    Sha256h2,
    /// SHA256SU1: Cryptographic three-register SHA.
    Sha256su1,
    /// SHA512SU0: Cryptographic two-register SHA 512.
    Sha512su0,
    /// SM4E: Cryptographic two-register SHA 512.
    Sm4e,
    /// SHA512H: Cryptographic three-register SHA 512.
    Sha512h,
    /// SHA512H2: Cryptographic three-register SHA 512.
    Sha512h2,
    /// SHA512SU1: Cryptographic three-register SHA 512.
    Sha512su1,
    /// RAX1: Cryptographic three-register SHA 512.
    Rax1,
    /// SM3PARTW1: Cryptographic three-register SHA 512.
    Sm3partw1,
    /// SM3PARTW2: Cryptographic three-register SHA 512.
    Sm3partw2,
    /// SM4EKEY: Cryptographic three-register SHA 512.
    Sm4ekey,
    /// Apple's WKDMC: compress a page (rS to rD, status in rS).
    Wkdmc,
    /// Apple's WKDMD: decompress a page.
    Wkdmd,
    /// Apple's GEXIT: leave guarded mode.
    Gexit,
    /// Apple's GENTER: enter guarded mode.
    Genter,
    /// Apple's AT_AS1ELX: address translation.
    AtAs1elx,
    /// Apple's SDSB: barrier.
    Sdsb,
}
