//! The bytes of a boot's parts, and carrying out a plan's loads.
//!
//! A part is always a range of a file: one on disk, or a memfd that a pipe or a decompressor wrote. So it can be
//! mapped into guest RAM in place, and a machine that resets can load it again.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use mem::Memory;
use xnu_boot::{Plan, Source};

use crate::Error;

/// A part: `len` bytes of `file` from `offset`.
#[derive(Debug, Clone)]
pub struct Media {
    file: Arc<File>,
    offset: u64,
    len: u64,
}

impl Media {
    /// A range of a regular file that will not change while the guest runs.
    pub fn file(file: Arc<File>, offset: u64, len: u64) -> Self {
        Self { file, offset, len }
    }

    /// Bytes, moved into a memfd.
    pub fn bytes(bytes: &[u8]) -> std::io::Result<Self> {
        Self::read(&mut { bytes })
    }

    /// Everything that a stream has, moved into a memfd.
    pub fn read(from: &mut dyn std::io::Read) -> std::io::Result<Self> {
        let mut file = mem::memory_file()?;
        let len = std::io::copy(from, &mut file)?;
        file.flush()?;
        Ok(Self { file: Arc::new(file), offset: 0, len })
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first bytes, at most `most`.
    pub fn head(&self, most: usize) -> std::io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(most).min(most)];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        Ok(bytes)
    }

    /// Fills `into` from `offset` on.
    ///
    /// # Errors
    /// Beyond the end, or what the file says.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> std::io::Result<()> {
        use std::os::unix::fs::FileExt;
        if offset.checked_add(into.len() as u64).is_none_or(|end| end > self.len) {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(into, self.offset.saturating_add(offset))
    }

    /// All bytes, when there are at most `limit`.
    pub fn to_vec(&self, limit: u64) -> std::io::Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        if self.len > limit {
            return Err(std::io::Error::other(format!("{} bytes, more than {limit}", self.len)));
        }
        let mut bytes = vec![0; usize::try_from(self.len).map_err(std::io::Error::other)?];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        Ok(bytes)
    }

    /// Puts `[offset, offset+len)` of the part at `pa`, mapped where alignment allows.
    pub fn place(&self, memory: &Memory, pa: u64, offset: u64, len: u64) -> Result<(), mem::Error> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(mem::Error::ShortFile { offset, len, available: self.len.saturating_sub(offset) });
        }
        memory.map_file(pa, &self.file, self.offset.saturating_add(offset), len)
    }
}

/// The parts that a plan's loads may name.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The unwrapped kernel.
    pub kernel: Option<Media>,
    /// The unwrapped ramdisk, or Linux's initrd.
    pub ramdisk: Option<Media>,
}

/// Carries out a plan's loads in RAM that is still zero.
pub fn load(plan: &Plan, parts: &Parts, memory: &Memory) -> Result<(), Error> {
    // Where a later load begins inside an earlier one, its tail must be zeroed, not only left alone.
    let mut filled_to = 0u64;
    for l in &plan.loads {
        let missing = |part| Error::NoMedia { what: l.what.clone(), part };
        let fail = || Error::memory(format!("{} at {:#x}", l.what, l.pa));
        match &l.source {
            Source::Kernel(r) if r.size > 0 => {
                let kernel = parts.kernel.as_ref().ok_or_else(|| missing("the kernel"))?;
                kernel.place(memory, l.pa, r.base, r.size).map_err(fail())?;
            }
            Source::Ramdisk(r) if r.size > 0 => {
                let ramdisk = parts.ramdisk.as_ref().ok_or_else(|| missing("the ramdisk"))?;
                ramdisk.place(memory, l.pa, r.base, r.size).map_err(fail())?;
            }
            Source::Bytes(bytes) => memory.write_bytes(l.pa, bytes).map_err(fail())?,
            Source::Kernel(_) | Source::Ramdisk(_) | Source::Zero => {}
        }
        let tail = l.pa.saturating_add(l.source.size());
        let end = l.pa.saturating_add(l.size);
        if tail < filled_to.min(end) {
            memory.fill(tail, filled_to.min(end) - tail, 0).map_err(fail())?;
        }
        filled_to = filled_to.max(end);
    }
    Ok(())
}
