//! The A64 instruction set as data: decode table, system registers, disassembly text.
//!
//! Everything that must know instructions reads this one table: the interpreter and the translator dispatch on
//! [`Op`], the disassembler expands the line's text, coverage is counted in lines. It covers the base set, floating-point,
//! Advanced SIMD and the Cryptographic Extension up to Armv8.5 with BF16 and I8MM, and Apple's own few. Not here: SVE,
//! SME, memory tagging, MOPS and what came with Armv8.6 or later: those words are unallocated to us, so undefined.
//!
//! No I/O, no allocation, no dependency, and no meaning: what an instruction does is `cpu`'s business.
//!
//! Sources: Arm's machine-readable architecture (AARCHMRS, BSD 3-clause, see LICENSE-ARM), by way of the crate
//! `aarchmrs-instructions` 0.5.0-2026-09; names, fixed bits and field positions are its. The operation, the feature and
//! the reserved values were added by hand and checked against LLVM 19's disassembler.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]

mod disasm;
mod encoding;
mod imm;
mod op;
mod sysreg;
mod table;
mod word;

pub use disasm::{Text, disassemble};
pub use encoding::{Encoding, Feature, decode};
pub use imm::{advsimd_expand_imm, decode_bit_masks, vfp_expand_imm16, vfp_expand_imm32, vfp_expand_imm64};
pub use op::Op;
pub use sysreg::{SYSREGS, SysReg};
pub use table::{COUNT, ENCODINGS};
pub use word::Word;
