//! Not filled in yet: every instruction of this group is undefined.

use a64::{Op, Word};

use crate::Cpu;
use crate::exception::{Exception, Step};

/// Executes one instruction of this group.
pub fn execute(_cpu: &mut Cpu, _op: Op, _word: Word) -> Step {
    Err(Exception::undefined())
}
