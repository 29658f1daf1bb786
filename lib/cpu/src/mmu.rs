//! Address translation and the slow path of memory accesses.

use mem::{Access, Size};

use crate::Cpu;
use crate::access::Kind;
use crate::exception::Exception;

/// The data abort of a misaligned access.
pub fn alignment_fault(va: u64, write: bool) -> Exception {
    Exception::data_abort(0x21 | u32::from(write) << 6, va)
}

impl Cpu {
    /// Loads `size` bytes (1 to 16) without the soft TLB's help.
    #[cold]
    #[inline(never)]
    pub fn load_slow(&mut self, va: u64, kind: Kind, size: u64) -> Result<u128, Exception> {
        if size == 16 {
            let low = self.load_slow(va, kind, 8)?;
            let high = self.load_slow(va.wrapping_add(8), kind, 8)?;
            return Ok(high << 64 | low);
        }
        let access = Access { cpu: self.index, size: Size::from_bytes(size).unwrap_or(Size::Byte) };
        self.io.bus.read(va, access).map(u128::from).map_err(|_| Exception::data_abort(0x10, va))
    }

    /// Stores `size` bytes (1 to 16) without the soft TLB's help.
    #[cold]
    #[inline(never)]
    pub fn store_slow(&mut self, va: u64, kind: Kind, size: u64, value: u128) -> Result<(), Exception> {
        if size == 16 {
            self.store_slow(va, kind, 8, value & u128::from(u64::MAX))?;
            return self.store_slow(va.wrapping_add(8), kind, 8, value >> 64);
        }
        let access = Access { cpu: self.index, size: Size::from_bytes(size).unwrap_or(Size::Byte) };
        self.io.bus.write(va, value as u64, access).map_err(|_| Exception::data_abort(0x50, va))
    }

    /// Raises the fault that a write would raise.
    pub(crate) fn probe_write(&mut self, _va: u64, _kind: Kind, _size: u64) -> Result<(), Exception> {
        Ok(())
    }

    /// Whether SCTLR_ELx.SA or SA0 checks SP at this EL.
    pub(crate) fn sp_alignment_checked(&self) -> bool {
        match self.state.el {
            0 => self.sys.sctlr[1] >> 4 & 1 != 0,
            el => self.sys.sctlr[usize::from(el & 3)] >> 3 & 1 != 0,
        }
    }
}
