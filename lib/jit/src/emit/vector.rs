//! Operations on vector registers.

use a64::{Op, Word};

use super::Emitter;
use crate::decode::Context;

/// An operation of the vector unit.
#[derive(Clone, Copy, Debug)]
pub enum Vector {
    None,
}

/// What has an operation of its own.
pub fn decode(_: &Context, _: Op, _: Word) -> Option<Vector> {
    None
}

impl Vector {
    pub fn cond(&self) -> Option<u8> {
        None
    }
    pub fn writes_flags(&self) -> bool {
        false
    }
    pub fn may_call(&self) -> bool {
        true
    }
    pub fn keeps_eflags(&self) -> bool {
        false
    }
}

impl Emitter<'_> {
    pub(super) fn vector(&mut self, _: Vector) {}
}
