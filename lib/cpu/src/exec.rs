//! The meaning of instructions: one file per group of Arm's encoding index.
//!
//! Every group is a function `execute(cpu, op, word) -> Step`. It finds `cpu.state.pc` at the instruction's own
//! address and `next_pc` at the following one; branches replace `next_pc` ([`crate::State::branch`]). An `Err` leaves
//! the registers as they were before the instruction (loads first, then write-back), so that it can be restarted.
//! Field combinations that the table cannot exclude return `Exception::undefined()`.
//! Before an instruction of the FP and SIMD groups runs, the traps of CPACR and CPTR are checked here.

use a64::{Feature, Op, Word};

use crate::Cpu;
use crate::Model;
use crate::exception::{Exception, Step};

pub mod alu;
pub mod atomics;
pub mod branch;
pub mod crc;
pub mod dp_imm;
pub mod dp_reg;
pub mod fp;
pub mod ldst;
pub mod ldst_simd;
pub mod pauth;
pub mod system;

/// Executes one decoded instruction.
pub type Handler = fn(&mut Cpu, Op, Word) -> Step;

/// An instruction word with what is known of it before it runs.
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    /// What executes it.
    pub handler: Handler,
    /// The word itself.
    pub word: Word,
    /// Its operation.
    pub op: Op,
}

impl Decoded {
    /// Decodes `word` as `model` does: what it does not have is undefined, or a NOP in the hint space.
    pub fn of(model: &Model, word: u32) -> Decoded {
        match a64::decode(word) {
            Some(e) if !model.has(e.feature) && !e.is_hint() => {
                Decoded { handler: undefined, word: Word(word), op: Op::Udf }
            }
            _ => Decoded::new(word),
        }
    }

    /// Decodes `word` as a CPU with every feature. Unallocated words decode to something that raises the exception.
    pub fn new(word: u32) -> Decoded {
        match a64::decode(word) {
            Some(e) => Decoded { handler: handler(e.op, e.feature, word), word: Word(word), op: e.op },
            None => Decoded { handler: undefined, word: Word(word), op: Op::Udf },
        }
    }
}

fn undefined(cpu: &mut Cpu, _: Op, word: Word) -> Step {
    cpu.note_undefined(word.0);
    Err(Exception::undefined())
}

fn checked_ldst_simd(cpu: &mut Cpu, op: Op, word: Word) -> Step {
    check_fp(cpu)?;
    ldst_simd::execute(cpu, op, word)
}

#[inline(always)]
pub(crate) fn check_fp(cpu: &Cpu) -> Step {
    match cpu.state.fp_trap {
        0 => Ok(()),
        target => Err(Exception::fp_access(target)),
    }
}

/// The group of an instruction, by bits 28:25 (Arm manual C4.1) and, where groups share a space, by operation.
fn handler(op: Op, feature: Feature, word: u32) -> Handler {
    if feature == Feature::Apple {
        return system::execute;
    }
    match word >> 25 & 15 {
        0b1000 | 0b1001 => dp_imm::execute,
        0b1010 | 0b1011 => control(op),
        0b0101 | 0b1101 => dp_reg::execute,
        0b0111 | 0b1111 => fp::handler(Word(word)),
        0b0100 | 0b1100 | 0b0110 | 0b1110 if word >> 26 & 1 != 0 => checked_ldst_simd,
        0b0100 | 0b1100 | 0b0110 | 0b1110 if is_atomic(word) => atomics::execute,
        0b0100 | 0b1100 | 0b0110 | 0b1110 => ldst::execute,
        _ => undefined,
    }
}

/// Exclusives, ordered accesses, CAS (bits 29:24 = 001000), LSE and LDAPR (111000, bit 21 set, bits 11:10 clear), LDAPUR (011001).
fn is_atomic(word: u32) -> bool {
    match word >> 24 & 0x3f {
        0b00_1000 | 0b01_1001 => true,
        0b11_1000 => word >> 21 & 1 != 0 && word >> 10 & 3 == 0,
        _ => false,
    }
}

/// Branches, exception generation and system instructions.
fn control(op: Op) -> Handler {
    use Op::*;
    match op {
        B | Bl | Br | Braa | Braaz | Brab | Brabz | Blr | Blraa | Blraaz | Blrab | Blrabz | Ret | Retaa
        | Retab | Cbz | Cbnz | BCond | Tbz | Tbnz => branch::execute,
        Xpaclri | Pacia1716 | Pacib1716 | Autia1716 | Autib1716 | Paciaz | Paciasp | Pacibz | Pacibsp
        | Autiaz | Autiasp | Autibz | Autibsp => pauth::execute,
        Cfinv | Xaflag | Axflag => dp_reg::execute,
        _ => system::execute,
    }
}
