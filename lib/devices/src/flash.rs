//! CFI NOR flash as QEMU's `virt` has it: two 16-bit Intel-command chips side by side on a 32-bit bus.
//!
//! Reading, block erase, word and buffered programming; no locking, no suspend. Contents live in the
//! emulator, not in guest RAM, so code cannot run from it: a board maps firmware as ROM instead.
//! Source: JEDEC JESD68.01 (query table), Intel StrataFlash command set.

use mem::{Access, Device, Size};

use crate::registers::Stray;

/// Bytes of an erase block of the pair.
pub const BLOCK: u64 = 256 << 10;
/// Bytes of the pair's write buffer.
const BUFFER: u64 = 4096;
/// Status: ready, no error (both chips).
const READY: u32 = 0x0080_0080;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Array,
    Status,
    Query,
    Identify,
    /// A program command was given: the next write is data.
    Program,
    /// An erase command was given: the next write confirms.
    Erase,
    /// A buffered write was announced: the next write is its length in words less 1.
    BufferLength,
    /// So many bytes of the buffer are still to come.
    Buffer(u64),
    /// The buffer is full: the next write confirms.
    BufferConfirm,
}

/// The pair of chips.
#[derive(Debug)]
pub struct Flash {
    bytes: Vec<u8>,
    mode: Mode,
    buffered: Vec<(u64, u32, Size)>,
    stray: Stray,
}

impl Flash {
    /// `len` bytes (a multiple of [`BLOCK`]), erased, with `contents` at the beginning.
    pub fn new(len: usize, contents: &[u8]) -> Self {
        let mut bytes = vec![0xff; len];
        for (to, from) in bytes.iter_mut().zip(contents) {
            *to = *from;
        }
        Self { bytes, mode: Mode::Array, buffered: Vec::new(), stray: Stray::default() }
    }

    /// The contents, to be saved.
    pub fn contents(&self) -> &[u8] {
        &self.bytes
    }

    fn range(&self, offset: u64, len: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        (end <= self.bytes.len()).then_some(start..end)
    }

    fn array(&self, offset: u64, size: Size) -> u64 {
        let found = self.range(offset, size.bytes()).and_then(|r| self.bytes.get(r)).unwrap_or_default();
        found.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
    }

    /// Programming only clears bits.
    fn program(&mut self, offset: u64, value: u32, size: Size) {
        if let Some(range) = self.range(offset, size.bytes())
            && let Some(bytes) = self.bytes.get_mut(range)
        {
            for (to, from) in bytes.iter_mut().zip(value.to_le_bytes()) {
                *to &= from;
            }
        }
    }

    fn erase(&mut self, offset: u64) {
        let start = offset / BLOCK * BLOCK;
        if let Some(range) = self.range(start, BLOCK)
            && let Some(bytes) = self.bytes.get_mut(range)
        {
            bytes.fill(0xff);
        }
    }

    /// A byte of the query table, index as in the standard (in units of the 16-bit device).
    fn query(&self, index: u64) -> u8 {
        // Each chip is half of the pair.
        let size = (self.bytes.len() / 2).max(1).ilog2() as u8;
        let blocks = (self.bytes.len() as u64 / BLOCK).saturating_sub(1);
        match index {
            0x10 => b'Q',
            0x11 => b'R',
            0x12 => b'Y',
            // Intel extended command set; its own table at 0x31.
            0x13 => 1,
            0x15 => 0x31,
            // 4.5 to 5.5 V, as everyone claims.
            0x1b => 0x45,
            0x1c => 0x55,
            // Typical and maximal times, powers of two.
            0x1f | 0x20 => 7,
            0x21 => 10,
            0x23 | 0x24 => 4,
            0x25 => 4,
            0x27 => size,
            0x28 => 2,
            0x2a => (BUFFER / 2).ilog2() as u8,
            0x2c => 1,
            0x2d => blocks as u8,
            0x2e => (blocks >> 8) as u8,
            // Block size of one chip in units of 256 bytes.
            0x2f => (BLOCK / 2 / 256) as u8,
            0x30 => ((BLOCK / 2 / 256) >> 8) as u8,
            0x31 => b'P',
            0x32 => b'R',
            0x33 => b'I',
            0x34 => b'1',
            0x35 => b'0',
            _ => 0,
        }
    }
}

impl Device for Flash {
    fn name(&self) -> &str {
        "flash"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        if !offset.is_multiple_of(a.size.bytes()) {
            return self.stray.note();
        }
        let both = |v: u32| u64::from(v | v << 16) >> (8 * (offset & 3));
        match self.mode {
            Mode::Array => self.array(offset, a.size),
            Mode::Query => both(self.query(offset / 4).into()),
            // Manufacturer Intel, device 0x18; block lock status 0.
            Mode::Identify => both(match offset / 4 % (BLOCK / 4) {
                0 => 0x89,
                1 => 0x18,
                _ => 0,
            }),
            _ => u64::from(READY) >> (8 * (offset & 3)),
        }
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        if !offset.is_multiple_of(a.size.bytes()) || a.size == Size::Double {
            self.stray.note();
            return;
        }
        let value = value as u32;
        self.mode = match self.mode {
            Mode::Program => {
                self.program(offset, value, a.size);
                Mode::Status
            }
            Mode::Erase => {
                if value & 0xff == 0xd0 {
                    self.erase(offset);
                }
                Mode::Status
            }
            Mode::BufferLength => {
                self.buffered.clear();
                Mode::Buffer(((u64::from(value & 0xffff) + 1) * 4).min(BUFFER))
            }
            Mode::Buffer(left) => {
                self.buffered.push((offset, value, a.size));
                match left.saturating_sub(a.size.bytes()) {
                    0 => Mode::BufferConfirm,
                    left => Mode::Buffer(left),
                }
            }
            Mode::BufferConfirm => {
                let buffered = std::mem::take(&mut self.buffered);
                if value & 0xff == 0xd0 {
                    for (offset, value, size) in buffered {
                        self.program(offset, value, size);
                    }
                }
                Mode::Status
            }
            _ => match value & 0xff {
                0x10 | 0x40 => Mode::Program,
                0x20 => Mode::Erase,
                0x50 => Mode::Array,
                0x60 | 0x70 => Mode::Status,
                0x90 => Mode::Identify,
                0x98 => Mode::Query,
                0xe8 => Mode::BufferLength,
                0x00 | 0xf0 | 0xff => Mode::Array,
                // Confirm of a lock command, which there is nothing to do for.
                0x01 | 0xd0 => Mode::Status,
                _ => {
                    self.stray.note();
                    Mode::Array
                }
            },
        };
    }

    fn reset(&mut self) {
        self.mode = Mode::Array;
        self.buffered.clear();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{B, D, W};

    #[test]
    fn it_reads_its_contents_and_answers_the_query() {
        let mut f = Flash::new(BLOCK as usize * 4, b"firmware");
        assert_eq!(f.read(0, D), u64::from_le_bytes(*b"firmware"));
        f.write(0x55 * 4, 0x98_0098, W);
        let query: Vec<u64> = (0x10..0x13).map(|n| f.read(n * 4, W)).collect();
        assert_eq!(query, [0x51_0051, 0x52_0052, 0x59_0059]);
        assert_eq!(f.read(0x27 * 4, B) as u8, 19, "512 KiB a chip");
        f.write(0, 0xff_00ff, W);
        assert_eq!(f.read(8, W), 0xffff_ffff);
    }

    #[test]
    fn programming_clears_bits_and_erasing_sets_them() {
        let mut f = Flash::new(BLOCK as usize * 2, &[]);
        for value in [0xffff_0fff, 0xff00_ffff] {
            f.write(BLOCK, 0x40_0040, W);
            f.write(BLOCK + 8, value, W);
            assert_eq!(f.read(BLOCK, W), READY.into());
        }
        f.write(0, 0xff_00ff, W);
        assert_eq!(f.read(BLOCK + 8, W), 0xff00_0fff);
        f.write(BLOCK + 100, 0x20_0020, W);
        f.write(BLOCK + 100, 0xd0_00d0, W);
        f.write(0, 0xff_00ff, W);
        assert_eq!(f.read(BLOCK + 8, W), 0xffff_ffff);
    }

    #[test]
    fn a_buffered_write_happens_only_when_confirmed() {
        let mut f = Flash::new(BLOCK as usize, &[]);
        for (confirm, expected) in [(0x00, [0xffff_ffff; 2]), (0xd0_00d0, [1, 2])] {
            f.write(0, 0xe8_00e8, W);
            f.write(0, 0x1_0001, W);
            f.write(0x40, 1, W);
            f.write(0x44, 2, W);
            f.write(0, confirm, W);
            f.write(0, 0xff_00ff, W);
            assert_eq!([f.read(0x40, W), f.read(0x44, W)], expected);
        }
    }

    #[test]
    fn accesses_off_the_chips_are_harmless() {
        let mut f = Flash::new(BLOCK as usize, &[]);
        f.write(1, 0, W);
        f.write(0, 0xe8, W);
        f.write(0, 0xffff, W);
        for i in 0..3000 {
            f.write(u64::MAX - 3 - 4 * i, 0, W);
        }
        f.write(0, 0xd0, W);
        f.write(0, 0x20, W);
        f.write(u64::MAX - 3, 0xd0, W);
        f.write(0, 0xff, W);
        assert_eq!(f.read(u64::MAX - 7, D), 0);
        assert_eq!(f.stray(), 1);
    }
}
