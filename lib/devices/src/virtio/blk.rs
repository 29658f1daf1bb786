//! Virtio block device (section 5.2) on a raw image.

use std::fs::File;
use std::os::unix::fs::FileExt;

use mem::Memory;

use super::queue::{Buffer, Chain, Queue};
use super::{Backend, Broken};

/// Bytes of a sector.
pub const SECTOR: u64 = 512;
/// Feature: read-only.
const F_RO: u64 = 1 << 5;
/// Feature: flush.
const F_FLUSH: u64 = 1 << 9;

const T_IN: u32 = 0;
const T_OUT: u32 = 1;
const T_FLUSH: u32 = 4;
const T_GET_ID: u32 = 8;

const S_OK: u8 = 0;
const S_IOERR: u8 = 1;
const S_UNSUPP: u8 = 2;

/// Bytes copied at a time.
const CHUNK: u64 = 1 << 16;

/// The device.
#[derive(Debug)]
pub struct Blk {
    file: File,
    /// Length in bytes, whole sectors.
    len: u64,
    read_only: bool,
}

impl Blk {
    /// A disk on a regular file or block device; bytes behind the last whole sector are not seen.
    pub fn new(file: File, read_only: bool) -> std::io::Result<Self> {
        use std::io::{Seek, SeekFrom};
        let len = (&file).seek(SeekFrom::End(0))?;
        Ok(Self { file, len: len / SECTOR * SECTOR, read_only })
    }

    /// Moves `buffers` from (or, `write`, to) the file at `offset`; the bytes moved, or None on failure.
    fn transfer(&self, memory: &Memory, buffers: &[Buffer], offset: u64, write: bool) -> Option<u64> {
        let total: u64 = buffers.iter().map(|b| b.len).sum();
        if offset.checked_add(total)? > self.len || !total.is_multiple_of(SECTOR) {
            return None;
        }
        let mut at = offset;
        let mut chunk = vec![0; CHUNK as usize];
        for b in buffers {
            let mut done = 0;
            while done < b.len {
                let n = CHUNK.min(b.len - done);
                let part = chunk.get_mut(..n as usize)?;
                let pa = b.pa.checked_add(done)?;
                if write {
                    memory.read_bytes(pa, part).ok()?;
                    self.file.write_all_at(part, at).ok()?;
                } else {
                    self.file.read_exact_at(part, at).ok()?;
                    memory.write_bytes(pa, part).ok()?;
                }
                done += n;
                at += n;
            }
        }
        Some(total)
    }

    /// Carries a request out; its status and the bytes written before the status byte.
    fn request(&self, memory: &Memory, chain: &Chain, data: &[Buffer]) -> Result<(u8, u64), Broken> {
        let mut header = [0; 16];
        chain.read_header(memory, &mut header)?;
        let [t0, t1, t2, t3, _, _, _, _, sector @ ..] = header;
        let kind = u32::from_le_bytes([t0, t1, t2, t3]);
        let offset = u64::from_le_bytes(sector).checked_mul(SECTOR);
        Ok(match (kind, offset) {
            (T_IN, Some(offset)) => {
                self.transfer(memory, data, offset, false).map_or((S_IOERR, 0), |n| (S_OK, n))
            }
            (T_OUT, Some(offset)) if !self.read_only => {
                let out = skip(&chain.readable, 16);
                self.transfer(memory, &out, offset, true).map_or((S_IOERR, 0), |_| (S_OK, 0))
            }
            (T_IN | T_OUT, _) => (S_IOERR, 0),
            (T_FLUSH, _) => (if self.file.sync_data().is_ok() { S_OK } else { S_IOERR }, 0),
            (T_GET_ID, _) => {
                let mut id = *b"xnuboot\0\0\0\0\0\0\0\0\0\0\0\0\0";
                let Some(first) = data.first() else { return Ok((S_IOERR, 0)) };
                let n = (first.len as usize).min(id.len());
                let part = id.get_mut(..n).unwrap_or_default();
                memory.write_bytes(first.pa, part).map_err(|_| Broken)?;
                (S_OK, n as u64)
            }
            _ => (S_UNSUPP, 0),
        })
    }
}

/// The buffers without their first `n` bytes.
fn skip(buffers: &[Buffer], mut n: u64) -> Vec<Buffer> {
    let mut rest = Vec::new();
    for b in buffers {
        let cut = n.min(b.len);
        n -= cut;
        if cut < b.len {
            rest.push(Buffer { pa: b.pa.saturating_add(cut), len: b.len - cut });
        }
    }
    rest
}

impl Backend for Blk {
    fn name(&self) -> &str {
        "virtio-blk"
    }

    fn device_id(&self) -> u32 {
        2
    }

    fn features(&self) -> u64 {
        F_FLUSH | if self.read_only { F_RO } else { 0 }
    }

    fn queues(&self) -> usize {
        1
    }

    fn config(&self, offset: u64) -> u8 {
        // The first field is the capacity in sectors; features for the others are not offered.
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        (self.len / SECTOR).to_le_bytes().get(at).copied().unwrap_or(0)
    }

    fn process(&mut self, _: usize, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken> {
        let mut used = false;
        while let Some(chain) = queue.pop(memory)? {
            // The last byte that the device may write is the status.
            let Some(last) = chain.writable.last().filter(|b| b.len > 0) else { return Err(Broken) };
            let status_at = last.pa.checked_add(last.len - 1).ok_or(Broken)?;
            let mut data = chain.writable.clone();
            if let Some(b) = data.last_mut() {
                b.len -= 1;
            }
            data.retain(|b| b.len > 0);
            let (status, written) = self.request(memory, &chain, &data)?;
            memory.write_bytes(status_at, &[status]).map_err(|_| Broken)?;
            queue.push(memory, &chain, u32::try_from(written + 1).unwrap_or(u32::MAX))?;
            used = true;
        }
        Ok(used)
    }
}
