//! The code cache: where generated code is put, one piece after another, until it is full and everything is dropped.

use mem::Executable;

use crate::Error;

/// Bytes of the cache. Jumps inside reach everywhere.
const SIZE: usize = 64 << 20;

#[derive(Debug)]
pub struct Cache {
    memory: Executable,
    /// What is kept when everything else is dropped: the thunks.
    kept: usize,
    used: usize,
}

impl Cache {
    pub fn new() -> Result<Cache, Error> {
        Ok(Cache { memory: Executable::new(SIZE)?, kept: 0, used: 0 })
    }

    /// Address of the next piece.
    pub fn next(&self) -> usize {
        self.memory.address() + self.used
    }

    /// Whether a piece of `len` bytes fits.
    pub fn has_room(&self, len: usize) -> bool {
        self.used + len + 64 <= self.memory.len()
    }

    /// Puts a piece at [`Cache::next`]; false when it does not fit.
    pub fn push(&mut self, code: &[u8]) -> bool {
        if !self.has_room(code.len()) || !self.memory.write(self.used, code) {
            return false;
        }
        self.used = (self.used + code.len()).next_multiple_of(16);
        true
    }

    /// Keeps all that is there now when the cache is cleared.
    pub fn keep(&mut self) {
        self.kept = self.used;
    }

    /// Drops all but what is kept.
    pub fn clear(&mut self) {
        self.used = self.kept;
    }

    /// Overwrites four bytes at an executable address.
    pub fn patch(&mut self, address: usize, value: u32) {
        let at = address.wrapping_sub(self.memory.address());
        self.memory.write(at, &value.to_le_bytes());
    }
}
