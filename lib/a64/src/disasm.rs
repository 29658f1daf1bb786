//! Disassembly text, from the templates in the table, in LLVM's syntax.
//!
//! A template is text with operands in braces, explained in `operand.rs`; where the preferred disassembly
//! is an alias (`cmp` for SUBS, `mov`, `lsl` ...) `alias.rs` writes it instead. Branch targets and literal addresses
//! are absolute, in hexadecimal, since the reader of a trace wants to follow them; LLVM prints them relative.

mod alias;
mod operand;

use core::fmt;

use crate::{Encoding, Word, decode};

/// An instruction to be written as text.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    word: Word,
    pc: u64,
}

/// The text of `word` at address `pc`. Unallocated words become `.inst`.
pub fn disassemble(word: u32, pc: u64) -> Text {
    Text { word: Word(word), pc }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(e) = decode(self.word.0) else { return write!(f, ".inst {:#010x}", self.word.0) };
        if !alias::write(f, e, self.word, self.pc)? {
            expand(f, e, self.word, self.pc)?;
        }
        Ok(())
    }
}

/// Writes the template of `e` filled in.
fn expand(f: &mut fmt::Formatter<'_>, e: &Encoding, w: Word, pc: u64) -> fmt::Result {
    let mut rest = e.text;
    while let Some((before, after)) = rest.split_once('{') {
        f.write_str(before)?;
        let (token, after) = after.split_once('}').unwrap_or((after, ""));
        operand::write(f, token, w, pc)?;
        rest = after;
    }
    f.write_str(rest)
}
