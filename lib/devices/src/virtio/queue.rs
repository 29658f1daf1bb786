//! Split virtqueues (Virtio 1.2, section 2.7), seen from the device.

use mem::{Memory, Size};

use super::Broken;

/// Most entries of a queue.
pub const MAX_SIZE: u16 = 256;
/// Most bytes that one request may name: beyond, the driver is out of its mind.
pub const MAX_REQUEST: u64 = 64 << 20;

const DESC_NEXT: u16 = 1;
const DESC_WRITE: u16 = 2;

/// A piece of guest RAM named by a descriptor; whether it is RAM shows when it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    /// Physical address.
    pub pa: u64,
    /// Length in bytes.
    pub len: u64,
}

/// One request: a chain of buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    head: u16,
    /// What the device reads.
    pub readable: Vec<Buffer>,
    /// What the device writes.
    pub writable: Vec<Buffer>,
}

impl Chain {
    /// Bytes that the device may write.
    pub fn writable_len(&self) -> u64 {
        self.writable.iter().map(|b| b.len).sum()
    }

    /// Copies the first bytes of the readable part; an error if there are fewer or they are not RAM.
    pub fn read_header(&self, memory: &Memory, into: &mut [u8]) -> Result<(), Broken> {
        let mut at = 0;
        for b in &self.readable {
            let n = usize::try_from(b.len).unwrap_or(usize::MAX).min(into.len() - at);
            if let Some(part) = into.get_mut(at..at + n) {
                memory.read_bytes(b.pa, part).map_err(|_| Broken)?;
            }
            at += n;
        }
        if at == into.len() { Ok(()) } else { Err(Broken) }
    }
}

/// A queue as the driver set it up.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    size: u16,
    /// Whether the driver said it is live.
    pub ready: bool,
    /// Physical address of the descriptor table.
    pub descriptors: u64,
    /// Physical address of the available ring.
    pub available: u64,
    /// Physical address of the used ring.
    pub used: u64,
    next_available: u16,
    next_used: u16,
}

impl Queue {
    /// Sets the number of entries; one that is no power of two up to [`MAX_SIZE`] leaves it unusable.
    pub fn set_size(&mut self, size: u32) {
        self.size = u16::try_from(size).ok().filter(|n| n.is_power_of_two() && *n <= MAX_SIZE).unwrap_or(0);
    }

    /// Makes it live, from the beginning, or stops it.
    pub fn set_ready(&mut self, ready: bool) {
        self.ready = ready && self.size != 0;
        (self.next_available, self.next_used) = (0, 0);
    }

    fn half(memory: &Memory, pa: Option<u64>) -> Result<u16, Broken> {
        pa.and_then(|pa| memory.read(pa, Size::Half)).map(|v| v as u16).ok_or(Broken)
    }

    /// The next request, if the driver has made one available.
    pub fn pop(&mut self, memory: &Memory) -> Result<Option<Chain>, Broken> {
        if !self.ready {
            return Ok(None);
        }
        let index = Self::half(memory, self.available.checked_add(2))?;
        let waiting = index.wrapping_sub(self.next_available);
        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.size {
            return Err(Broken);
        }
        let slot = u64::from(self.next_available % self.size);
        let head = Self::half(memory, self.available.checked_add(4 + 2 * slot))?;
        let chain = self.chain(memory, head)?;
        self.next_available = self.next_available.wrapping_add(1);
        Ok(Some(chain))
    }

    fn chain(&self, memory: &Memory, head: u16) -> Result<Chain, Broken> {
        let mut chain = Chain { head, readable: Vec::new(), writable: Vec::new() };
        let (mut index, mut total) = (head, 0u64);
        // No chain has more links than the table has entries: a loop ends here.
        for _ in 0..self.size {
            if index >= self.size {
                return Err(Broken);
            }
            let mut d = [0; 16];
            let at = self.descriptors.checked_add(16 * u64::from(index)).ok_or(Broken)?;
            memory.read_bytes(at, &mut d).map_err(|_| Broken)?;
            let [pa @ .., l0, l1, l2, l3, f0, f1, n0, n1] = d;
            let buffer =
                Buffer { pa: u64::from_le_bytes(pa), len: u32::from_le_bytes([l0, l1, l2, l3]).into() };
            let flags = u16::from_le_bytes([f0, f1]);
            total += buffer.len;
            if total > MAX_REQUEST {
                return Err(Broken);
            }
            if flags & DESC_WRITE != 0 {
                chain.writable.push(buffer);
            } else if chain.writable.is_empty() {
                chain.readable.push(buffer);
            } else {
                // All that the device reads comes before all that it writes.
                return Err(Broken);
            }
            if flags & DESC_NEXT == 0 {
                return Ok(chain);
            }
            index = u16::from_le_bytes([n0, n1]);
        }
        Err(Broken)
    }

    /// Gives a request back, `written` bytes of its writable part filled.
    pub fn push(&mut self, memory: &Memory, chain: &Chain, written: u32) -> Result<(), Broken> {
        let slot = u64::from(self.next_used % self.size.max(1));
        let entry = u64::from(chain.head) | u64::from(written) << 32;
        let at = self.used.checked_add(4 + 8 * slot).ok_or(Broken)?;
        memory.write_bytes(at, &entry.to_le_bytes()).map_err(|_| Broken)?;
        self.next_used = self.next_used.wrapping_add(1);
        let index = self.used.checked_add(2).ok_or(Broken)?;
        if memory.write(index, Size::Half, self.next_used.into()) { Ok(()) } else { Err(Broken) }
    }
}
