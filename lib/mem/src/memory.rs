//! Guest RAM.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use crate::code::{CodeMap, CodeWrites};
use crate::map::{HOST_PAGE, Mapping};
use crate::{Error, Size};

/// One contiguous piece of guest RAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Physical address of its first byte.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
}

impl Region {
    fn holds(&self, pa: u64, len: u64) -> bool {
        pa.checked_sub(self.base).is_some_and(|at| at <= self.len && len <= self.len - at)
    }
}

/// A region and where its bytes are.
#[derive(Debug)]
struct Placed {
    region: Region,
    /// Bytes of RAM before it: its offset in the memfd.
    at: u64,
    /// The guest cannot write it.
    rom: bool,
}

/// Guest RAM: a few regions in one memfd, zero until written.
///
/// Values are little-endian, as the guest sees them. Accesses of up to 8 aligned bytes are single
/// (relaxed atomic) accesses of the host; others may tear between bytes, which is what the
/// architecture allows as well.
#[derive(Debug)]
pub struct Memory {
    placed: Vec<Placed>,
    map: Mapping,
    code: CodeMap,
}

/// Copy buffer for file parts that cannot be mapped.
const CHUNK: usize = 1 << 18;

impl Memory {
    /// RAM made of these regions. Base and length must be multiples of 4 KiB and regions disjoint.
    pub fn new(regions: &[Region]) -> Result<Self, Error> {
        Self::with_rom(regions, &[])
    }

    /// RAM, and ROM that code runs from: loaders write it, guest writes go to the [`crate::Bus`], where a device may
    /// be mapped over it to take them.
    pub fn with_rom(ram: &[Region], rom: &[Region]) -> Result<Self, Error> {
        let mut sorted: Vec<(Region, bool)> =
            ram.iter().map(|r| (*r, false)).chain(rom.iter().map(|r| (*r, true))).collect();
        sorted.sort_by_key(|(r, _)| r.base);
        let mut placed: Vec<Placed> = Vec::new();
        let mut total = 0u64;
        for (region, rom) in sorted {
            let bad = Error::BadRegion { base: region.base, len: region.len, granule: HOST_PAGE };
            if region.len == 0 || !(region.base | region.len).is_multiple_of(HOST_PAGE) {
                return Err(bad);
            }
            let Some(end) = region.base.checked_add(region.len) else { return Err(bad) };
            if let Some(last) = placed.last().map(|p| p.region)
                && last.base + last.len > region.base
            {
                return Err(Error::Overlap {
                    what: "RAM".into(),
                    base: region.base,
                    len: end - region.base,
                    other: format!("RAM at {:#x}", last.base),
                });
            }
            placed.push(Placed { region, at: total, rom });
            total = total.checked_add(region.len).ok_or(bad)?;
        }
        if total == 0 {
            return Err(Error::BadRegion { base: 0, len: 0, granule: HOST_PAGE });
        }
        Ok(Self { placed, map: Mapping::new(total)?, code: CodeMap::new(total) })
    }

    /// The regions, lowest address first, ROM included.
    pub fn regions(&self) -> impl Iterator<Item = Region> + '_ {
        self.placed.iter().map(|p| p.region)
    }

    /// The regions that the guest can write.
    pub(crate) fn writable(&self) -> impl Iterator<Item = Region> + '_ {
        self.placed.iter().filter(|p| !p.rom).map(|p| p.region)
    }

    /// Whether `pa` is in ROM.
    pub fn is_rom(&self, pa: u64) -> bool {
        self.placed.iter().any(|p| p.rom && p.region.holds(pa, 1))
    }

    /// Sum of the regions' lengths in bytes.
    pub fn len(&self) -> u64 {
        self.regions().map(|r| r.len).sum()
    }

    /// Always false: a `Memory` has at least one region.
    pub fn is_empty(&self) -> bool {
        self.placed.is_empty()
    }

    /// The memfd that holds RAM, regions in address order without gaps. A second view of it does not
    /// show parts that [`Memory::map_file`] overlaid.
    pub fn fd(&self) -> &OwnedFd {
        self.map.fd()
    }

    /// Offset in the memfd of `[pa, pa+len)`, when it lies inside one region.
    #[inline]
    fn at(&self, pa: u64, len: u64) -> Option<u64> {
        self.placed.iter().find(|p| p.region.holds(pa, len)).map(|p| p.at + (pa - p.region.base))
    }

    /// Host address of `[pa, pa+len)`, when the whole range lies inside one region.
    ///
    /// The pointer is valid for reads and writes of `len` bytes for as long as this `Memory` lives.
    /// Whoever uses it must not make Rust references from it (the guest writes at any time), and must
    /// call [`Memory::note_write`] for writes to pages that may be marked as code.
    #[inline]
    pub fn host(&self, pa: u64, len: u64) -> Option<NonNull<u8>> {
        let at = usize::try_from(self.at(pa, len)?).ok()?;
        // SAFETY: `at + len` was checked to lie inside a region, hence inside the mapping.
        Some(unsafe { self.map.start().add(at) })
    }

    /// As [`Memory::host`], for a write by the guest: None for ROM as well.
    #[inline]
    pub fn host_for_write(&self, pa: u64, len: u64) -> Option<NonNull<u8>> {
        if self.placed.iter().any(|p| p.rom) && self.is_rom(pa) {
            return None;
        }
        self.host(pa, len)
    }

    /// Whether the whole range is RAM, inside one region.
    pub fn contains(&self, pa: u64, len: u64) -> bool {
        self.at(pa, len).is_some()
    }

    fn host_or(&self, pa: u64, len: u64) -> Result<NonNull<u8>, Error> {
        self.host(pa, len).ok_or(Error::NotRam { pa, len })
    }

    /// Copies RAM out.
    pub fn read_bytes(&self, pa: u64, into: &mut [u8]) -> Result<(), Error> {
        let from = self.host_or(pa, into.len() as u64)?;
        // SAFETY: `host` vouches for the source, the slice for the destination; a slice of ours cannot
        // overlap guest RAM, of which no references exist.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Copies `len` bytes of RAM into a new vector; the length is checked against RAM first.
    pub fn read_vec(&self, pa: u64, len: u64) -> Result<Vec<u8>, Error> {
        self.host_or(pa, len)?;
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| Error::NotRam { pa, len })?];
        self.read_bytes(pa, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes into RAM.
    pub fn write_bytes(&self, pa: u64, from: &[u8]) -> Result<(), Error> {
        let len = from.len() as u64;
        let into = self.host_or(pa, len)?;
        // SAFETY: as in `read_bytes`, the other way round.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), into.as_ptr(), from.len()) };
        self.note_write(pa, len);
        Ok(())
    }

    /// Sets `len` bytes to `value`.
    pub fn fill(&self, pa: u64, len: u64, value: u8) -> Result<(), Error> {
        let into = self.host_or(pa, len)?;
        let size = usize::try_from(len).map_err(|_| Error::NotRam { pa, len })?;
        // SAFETY: `host` vouches for `len` writable bytes.
        unsafe { into.as_ptr().write_bytes(value, size) };
        self.note_write(pa, len);
        Ok(())
    }

    /// Puts `len` bytes of a regular file from `offset` at `pa`, without copying where page alignment
    /// allows: whole pages become a private view of the file (guest writes never reach it), the rest
    /// is read. The file must not shrink while the guest runs. For pipes use [`Memory::read_from`].
    pub fn map_file(&self, pa: u64, file: &File, offset: u64, len: u64) -> Result<(), Error> {
        let size = file.metadata().map_err(|source| Error::Host { what: "file part: size", source })?.len();
        if size.checked_sub(offset).is_none_or(|left| left < len) {
            return Err(Error::ShortFile { offset, len, available: size.saturating_sub(offset) });
        }
        let at = self.at(pa, len).ok_or(Error::NotRam { pa, len })?;
        let whole = if (at | offset).is_multiple_of(HOST_PAGE) { len & !(HOST_PAGE - 1) } else { 0 };
        if whole != 0 {
            let not_ram = |_| Error::NotRam { pa, len };
            self.map.overlay(
                usize::try_from(at).map_err(not_ram)?,
                file,
                offset,
                usize::try_from(whole).map_err(not_ram)?,
            )?;
            self.note_write(pa, whole);
        }
        let mut done = whole;
        let mut chunk = vec![0u8; CHUNK.min(usize::try_from(len - whole).unwrap_or(CHUNK))];
        while done < len {
            let n = chunk.len().min(usize::try_from(len - done).unwrap_or(CHUNK));
            let part = chunk.get_mut(..n).unwrap_or_default();
            file.read_exact_at(part, offset + done)
                .map_err(|source| Error::Host { what: "file part: read", source })?;
            self.write_bytes(pa + done, part)?;
            done += n as u64;
        }
        Ok(())
    }

    /// Reads exactly `len` bytes from a stream straight into RAM at `pa`.
    pub fn read_from(&self, pa: u64, from: &mut dyn std::io::Read, len: u64) -> Result<(), Error> {
        self.host_or(pa, len)?;
        let mut chunk = vec![0u8; CHUNK.min(usize::try_from(len).unwrap_or(CHUNK))];
        let mut done = 0;
        while done < len {
            let n = chunk.len().min(usize::try_from(len - done).unwrap_or(CHUNK));
            let part = chunk.get_mut(..n).unwrap_or_default();
            from.read_exact(part).map_err(|source| Error::Host { what: "stream: read", source })?;
            self.write_bytes(pa + done, part)?;
            done += n as u64;
        }
        Ok(())
    }

    /// One value of 1, 2, 4 or 8 bytes, zero-extended; None when it is not RAM.
    #[inline]
    pub fn read(&self, pa: u64, size: Size) -> Option<u64> {
        let p = self.host(pa, size.bytes())?.as_ptr();
        if !pa.is_multiple_of(size.bytes()) {
            let mut bytes = [0u8; 8];
            let n = size.bytes() as usize;
            self.read_bytes(pa, bytes.get_mut(..n)?).ok()?;
            return Some(u64::from_le_bytes(bytes));
        }
        // SAFETY: `host` vouches for the bytes, the test above for alignment (regions begin on pages);
        // all concurrent accesses are atomic or come from raw copies whose tearing is the guest's.
        Some(unsafe {
            match size {
                Size::Byte => AtomicU8::from_ptr(p).load(Ordering::Relaxed).into(),
                Size::Half => u16::from_le(AtomicU16::from_ptr(p.cast()).load(Ordering::Relaxed)).into(),
                Size::Word => u32::from_le(AtomicU32::from_ptr(p.cast()).load(Ordering::Relaxed)).into(),
                Size::Double => u64::from_le(AtomicU64::from_ptr(p.cast()).load(Ordering::Relaxed)),
            }
        })
    }

    /// Writes the low 1, 2, 4 or 8 bytes of `value`; false when it is not RAM, or is ROM.
    #[inline]
    pub fn write(&self, pa: u64, size: Size, value: u64) -> bool {
        let Some(p) = self.host_for_write(pa, size.bytes()) else { return false };
        if !pa.is_multiple_of(size.bytes()) {
            let bytes = value.to_le_bytes();
            let part = bytes.get(..size.bytes() as usize).unwrap_or_default();
            return self.write_bytes(pa, part).is_ok();
        }
        let p = p.as_ptr();
        // SAFETY: as in `read`.
        unsafe {
            match size {
                Size::Byte => AtomicU8::from_ptr(p).store(value as u8, Ordering::Relaxed),
                Size::Half => AtomicU16::from_ptr(p.cast()).store((value as u16).to_le(), Ordering::Relaxed),
                Size::Word => AtomicU32::from_ptr(p.cast()).store((value as u32).to_le(), Ordering::Relaxed),
                Size::Double => AtomicU64::from_ptr(p.cast()).store(value.to_le(), Ordering::Relaxed),
            }
        }
        self.note_write(pa, size.bytes());
        true
    }

    /// A 32-bit little-endian value.
    pub fn read_u32(&self, pa: u64) -> Result<u32, Error> {
        self.read(pa, Size::Word).map(|v| v as u32).ok_or(Error::NotRam { pa, len: 4 })
    }

    /// A 64-bit little-endian value.
    pub fn read_u64(&self, pa: u64) -> Result<u64, Error> {
        self.read(pa, Size::Double).ok_or(Error::NotRam { pa, len: 8 })
    }

    /// Writes a 32-bit little-endian value.
    pub fn write_u32(&self, pa: u64, value: u32) -> Result<(), Error> {
        if self.write(pa, Size::Word, value.into()) { Ok(()) } else { Err(Error::NotRam { pa, len: 4 }) }
    }

    /// Writes a 64-bit little-endian value.
    pub fn write_u64(&self, pa: u64, value: u64) -> Result<(), Error> {
        if self.write(pa, Size::Double, value) { Ok(()) } else { Err(Error::NotRam { pa, len: 8 }) }
    }

    /// Marks the 4 KiB page of `pa` as one that an engine holds translations of; true when it was not.
    ///
    /// The caller then drops write entries for it from its CPU's soft TLB; other CPUs see
    /// [`Memory::mark_epoch`] change and drop theirs before they run on.
    pub fn mark_code(&self, pa: u64) -> bool {
        self.mark_code_lines(pa & !(crate::CODE_PAGE - 1), crate::CODE_PAGE)
    }

    /// Marks only the lines of 64 bytes that `len` bytes at `pa` touch; they must lie in one page of 4 KiB. True when no line
    /// of that page was marked. Writes to its other lines take the slow path too, but are not logged.
    pub fn mark_code_lines(&self, pa: u64, len: u64) -> bool {
        self.at(pa, len).is_some_and(|at| self.code.mark(at, len))
    }

    /// Whether the page of `pa` is marked as code, or is ROM: such a page gets no write entry in a soft TLB.
    #[inline]
    pub fn is_code(&self, pa: u64) -> bool {
        let placed = self.placed.iter().find(|p| p.region.holds(pa, 1));
        placed.is_some_and(|p| p.rom || self.code.is_marked(p.at + (pa - p.region.base)))
    }

    /// To be called after a write that went through [`Memory::host`]: unmarks the code pages touched
    /// and logs them; true when there were any. All writing methods here call it themselves.
    #[inline]
    pub fn note_write(&self, pa: u64, len: u64) -> bool {
        self.at(pa, len).is_some_and(|at| self.code.note_write(at, pa, len))
    }

    /// A number that grows with each overwritten code page: engines compare it, in one load, with
    /// the cursor they last gave to [`Memory::code_writes`].
    #[inline]
    pub fn code_epoch(&self) -> u64 {
        self.code.written()
    }

    /// A number that grows with each newly marked code page (see [`Memory::mark_code`]).
    #[inline]
    pub fn mark_epoch(&self) -> u64 {
        self.code.marked()
    }

    /// Code pages overwritten since `cursor` (0 at first), which moves to now. Each engine follows
    /// the log with a cursor of its own.
    pub fn code_writes(&self, cursor: &mut u64) -> CodeWrites {
        self.code.since(cursor)
    }
}

#[cfg(test)]
mod tests;
