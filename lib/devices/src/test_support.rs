//! Accesses and wires for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mem::{Access, LineSink, Size};

pub(crate) const B: Access = Access { cpu: 0, size: Size::Byte };
pub(crate) const H: Access = Access { cpu: 0, size: Size::Half };
pub(crate) const W: Access = Access { cpu: 0, size: Size::Word };
pub(crate) const D: Access = Access { cpu: 0, size: Size::Double };

/// Remembers the level of 64 wires.
#[derive(Default)]
pub(crate) struct Wires(AtomicU64);

impl Wires {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn line(self: &Arc<Self>, index: u32) -> mem::Line {
        mem::Line::new(self.clone(), index)
    }
}

impl LineSink for Wires {
    fn set(&self, index: u32, level: bool) {
        if level {
            self.0.fetch_or(1 << index, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!(1 << index), Ordering::Relaxed);
        }
    }
}
