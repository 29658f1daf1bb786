//! Scalar floating point, Advanced SIMD and cryptography: everything that computes in V registers.
//!
//! An instruction's class, a row of the Arm manual's table C4.1.95, decides which file it is in; scalar and vector
//! forms of one operation are handled together. None of them touches memory or can fail, but for words that
//! the table lets through and no CPU accepts. Loads and stores of V registers are in `ldst` and `ldst_simd`.

use a64::{Op, Word};

use super::Handler;
use crate::Cpu;
use crate::exception::{Exception, Step};

mod crypto_aes;
mod crypto_sha;
mod crypto_sm;
mod scalar_compare;
mod scalar_convert;
mod scalar_data;
mod simd_across;
mod simd_by_element;
mod simd_copy;
mod simd_extension;
mod simd_fp_three_same;
mod simd_fp_two_reg_misc;
mod simd_lanes;
mod simd_permute;
mod simd_shift_imm;
mod simd_three_different;
mod simd_three_same;
mod simd_two_reg_misc;
#[cfg(test)]
mod tests;

fn undefined(_: &mut Cpu, _: Op, _: Word) -> Step {
    Err(Exception::undefined())
}

/// Makes a chain of tests of fixed bits, each with the function of a class. The first match counts.
macro_rules! classes {
    ($word:ident: $($mask:literal $value:literal $function:path,)*) => {
        $(if $word.0 & $mask == $value {
            return |cpu, op, w| {
                super::check_fp(cpu)?;
                $function(&mut cpu.state, op, w)
            };
        })*
    };
}

/// What executes `w`, traps of CPACR and CPTR included: found once, when the word is decoded.
pub fn handler(w: Word) -> Handler {
    // Mask, value: Advanced SIMD scalar (bits 31:28 = 01x1), vector (0xx0), scalar floating point (x0x1).
    classes! { w:
        0xdfe0_8400 0x5e00_0400 simd_copy::execute,
        0xdf60_c400 0x5e40_0400 simd_fp_three_same::execute,
        0xdf7e_0c00 0x5e78_0800 simd_fp_two_reg_misc::execute,
        0xdf20_8400 0x5e00_8400 simd_extension::execute,
        0xdf3e_0c00 0x5e20_0800 simd_two_reg_misc::execute,
        0xdf3e_0c00 0x5e30_0800 simd_fp_three_same::execute_scalar_pair,
        0xdf20_0c00 0x5e20_0000 simd_three_different::execute,
        0xdf20_c400 0x5e20_c400 simd_fp_three_same::execute,
        0xdf20_0400 0x5e20_0400 simd_three_same::execute,
        0xdf80_0400 0x5f00_0400 simd_shift_imm::execute,
        0xdf00_0400 0x5f00_0000 simd_by_element::execute,
        0xbf20_8c00 0x0e00_0000 simd_permute::execute_table,
        0xbf20_8c00 0x0e00_0800 simd_permute::execute,
        0xbf20_8400 0x2e00_0000 simd_permute::execute_extract,
        0x9fe0_8400 0x0e00_0400 simd_copy::execute,
        0x9f60_c400 0x0e40_0400 simd_fp_three_same::execute,
        0x9f7e_0c00 0x0e78_0800 simd_fp_two_reg_misc::execute,
        0x9f20_8400 0x0e00_8400 simd_extension::execute,
        0x9f3e_0c00 0x0e20_0800 simd_two_reg_misc::execute,
        0x9f3e_0c00 0x0e30_0800 simd_across::execute,
        0x9f20_0c00 0x0e20_0000 simd_three_different::execute,
        0xbf60_fc00 0x0e20_ec00 simd_fp_three_same::execute_long,
        0xbf60_fc00 0x2e20_cc00 simd_fp_three_same::execute_long,
        0x9f20_c400 0x0e20_c400 simd_fp_three_same::execute,
        0x9f20_0400 0x0e20_0400 simd_three_same::execute,
        0x9ff8_0400 0x0f00_0400 simd_copy::execute_immediate,
        0x9f80_0400 0x0f00_0400 simd_shift_imm::execute,
        0x9f00_0400 0x0f00_0000 simd_by_element::execute,
        0xff3e_0c00 0x4e28_0800 crypto_aes::execute,
        0xff20_8c00 0x5e00_0000 crypto_sha::execute,
        0xff3e_0c00 0x5e28_0800 crypto_sha::execute,
        0xff80_8000 0xce00_0000 crypto_sha::execute_four,
        0xffe0_0000 0xce80_0000 crypto_sha::execute_four,
        0xff00_0000 0xce00_0000 crypto_sha::execute_512,
        0x7f20_0000 0x1e00_0000 scalar_convert::execute_fixed,
        0x7f20_fc00 0x1e20_0000 scalar_convert::execute_integer,
        0xff20_7c00 0x1e20_4000 scalar_data::execute_one_source,
        0xff20_3c00 0x1e20_2000 scalar_compare::execute,
        0xff20_1c00 0x1e20_1000 scalar_data::execute_immediate,
        0xff20_0c00 0x1e20_0400 scalar_compare::execute_conditional,
        0xff20_0c00 0x1e20_0800 scalar_data::execute_two_sources,
        0xff20_0c00 0x1e20_0c00 scalar_data::execute_select,
        0xff00_0000 0x1f00_0000 scalar_data::execute_three_sources,
    }
    undefined
}
