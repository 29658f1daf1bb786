//! A kext out of a cache, as a Mach-O of its own that other programs read.
//!
//! In the cache a kext's segments lie wherever the linker put them, often among those of all other kexts, with one
//! `__LINKEDIT` for all. Here each segment is fetched by its address, the file offsets are written anew, and of
//! `__LINKEDIT` only what belongs to the kext is kept: its symbols with their names, function starts and data in code.
//! The addresses stay those that the kext has in the cache. What the cache's linker used up (relocations, imports,
//! signatures) is left out.

use crate::image::{HEADER_SIZE, KernelCache, Layout, SECTION_SIZE, SEGMENT_COMMAND_SIZE, u32_le};
use crate::kexts::Kext;
use crate::{Error, Result};

const PAGE: usize = 0x4000;
/// Room for page alignment beyond the bytes that the cache itself has.
const SLACK: u64 = 64 << 20;
const NLIST: usize = 16;
/// `MH_DYLIB_IN_CACHE`: says that the image is part of a larger file.
const IN_CACHE: u32 = 0x8000_0000;

const LC_SEGMENT_64: u32 = 0x19;
const LC_SYMTAB: u32 = 2;
const LC_DYSYMTAB: u32 = 0xb;
const LC_FUNCTION_STARTS: u32 = 0x26;
const LC_DATA_IN_CODE: u32 = 0x29;
/// `linkedit_data_command`s whose data is not kept: code signature, split info, library signatures, optimisation
/// hints, exports, chained fixups, atom info.
const DROPPED: [u32; 7] = [0x1d, 0x1e, 0x2b, 0x2e, 0x8000_0033, 0x8000_0034, 0x36];
/// `LC_DYLD_INFO` and `LC_DYLD_INFO_ONLY`.
const DYLD_INFO: [u32; 2] = [0x22, 0x8000_0022];

impl KernelCache {
    /// The kext as a Mach-O of its own. Chained pointers are taken as they are: resolve them in the cache first.
    ///
    /// # Errors
    /// A kext without code, or whose header or segments are damaged.
    pub fn extract_kext(&self, bytes: &[u8], kext: &Kext) -> Result<Vec<u8>> {
        let image = self.kext_image(bytes, kext)?;
        let base = kext.fileoff.unwrap_or(0);
        let at = usize::try_from(base).unwrap_or(usize::MAX);
        let len = bytes.len() as u64;
        let truncated = Error::Truncated { offset: base, what: "a kext's header", len };
        let source = bytes.get(at..).ok_or(truncated.clone())?;
        let size = u32_le(source, 20).and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX);
        let head = source.get(..size.saturating_add(HEADER_SIZE)).ok_or(truncated)?;
        let header = kext.vmaddr.unwrap_or(0);

        let mut out = Writer { cache: self, bytes, header, out: head.to_vec(), places: Vec::new() };
        let wanted: u64 = image.segments.iter().fold(0, |sum, s| sum.saturating_add(s.filesize));
        if wanted > len.saturating_add(SLACK) {
            return Err(Error::TooMany { offset: base, what: "bytes of segments in a kext", count: wanted });
        }
        // The segment that the header is the start of comes first: it can stay in one piece with it.
        let holds = |s: &&crate::Segment| s.vmaddr == header;
        let own = || image.segments.iter().filter(|s| s.name != "__LINKEDIT" && s.filesize > 0);
        for segment in own().filter(holds).take(1).chain(own().filter(|s| !holds(s))) {
            out.segment(segment)?;
        }
        // Offsets in `__LINKEDIT` count from the file's start in filesets, else from the kext's own.
        let linkedit = if self.layout == Layout::Fileset { bytes } else { source };
        let mut link =
            Link { source: linkedit, start: out.out.len().next_multiple_of(PAGE), data: Vec::new() };
        out.commands(&image, &mut link);
        if !link.data.is_empty() {
            out.out.resize(link.start, 0);
            out.out.extend(&link.data);
        }
        Ok(out.out)
    }
}

struct Writer<'a> {
    cache: &'a KernelCache,
    bytes: &'a [u8],
    /// Address of the kext's header.
    header: u64,
    out: Vec<u8>,
    /// Address and new file offset of each segment that has bytes, in order.
    places: Vec<(u64, usize)>,
}

impl Writer<'_> {
    /// Puts a segment's bytes behind what is there, or around the header if it is the one that starts with it.
    fn segment(&mut self, segment: &crate::Segment) -> Result<()> {
        let missing =
            |offset| Error::Truncated { offset, what: "a kext's segment", len: self.bytes.len() as u64 };
        let offset = self.cache.file_offset(segment.vmaddr).ok_or(Error::BadField {
            offset: segment.fileoff,
            what: "the address of a kext's segment (nowhere in the cache)",
            value: segment.vmaddr,
        })?;
        let data = usize::try_from(offset)
            .ok()
            .and_then(|start| self.bytes.get(start..)?.get(..usize::try_from(segment.filesize).ok()?))
            .ok_or(missing(offset))?;
        if segment.vmaddr == self.header {
            // The load commands are already there, and stay; what follows them comes from the segment.
            self.out.extend(data.get(self.out.len()..).unwrap_or_default());
            self.places.push((segment.vmaddr, 0));
            return Ok(());
        }
        let start = self.out.len().next_multiple_of(PAGE);
        self.out.resize(start, 0);
        self.out.extend(data);
        self.places.push((segment.vmaddr, start));
        Ok(())
    }

    /// Writes the load commands anew.
    fn commands(&mut self, image: &KernelCache, link: &mut Link<'_>) {
        let flags = u32_le(&self.out, 24).unwrap_or(0);
        put(&mut self.out, 24, &(flags & !IN_CACHE).to_le_bytes());
        let count = u32_le(&self.out, 16).unwrap_or(0);
        let end = u32_le(&self.out, 20)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(0)
            .saturating_add(HEADER_SIZE);
        let (mut at, mut segments) = (HEADER_SIZE, image.segments.iter());
        let mut linkedit = None;
        for _ in 0..count {
            let (Some(kind), Some(size)) = (u32_le(&self.out, at), u32_le(&self.out, at.saturating_add(4)))
            else {
                break;
            };
            let next = at.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
            if next > end || size < 8 {
                break;
            }
            match kind {
                LC_SEGMENT_64 => {
                    let Some(segment) = segments.next() else { break };
                    if segment.name == "__LINKEDIT" {
                        linkedit = Some(at);
                    } else {
                        self.segment_command(at, segment);
                    }
                }
                LC_SYMTAB => link.symbols(&mut self.out, at),
                LC_DYSYMTAB => {
                    // Everything but the ranges of local, defined and undefined symbols.
                    for field in (32..80).step_by(4) {
                        put(&mut self.out, at.saturating_add(field), &[0; 4]);
                    }
                }
                LC_FUNCTION_STARTS | LC_DATA_IN_CODE => link.blob(&mut self.out, at),
                kind if DROPPED.contains(&kind) => put(&mut self.out, at.saturating_add(8), &[0; 8]),
                kind if DYLD_INFO.contains(&kind) => put(&mut self.out, at.saturating_add(8), &[0; 40]),
                _ => {}
            }
            at = next;
        }
        if let Some(at) = linkedit {
            let size = link.data.len();
            let start = if size == 0 { 0 } else { link.start };
            let memory = size.next_multiple_of(PAGE);
            for (field, value) in [(32, memory), (40, start), (48, size)] {
                put(&mut self.out, at.saturating_add(field), &(value as u64).to_le_bytes());
            }
        }
    }

    fn segment_command(&mut self, at: usize, segment: &crate::Segment) {
        let place = self.places.iter().find(|(vmaddr, _)| *vmaddr == segment.vmaddr && segment.filesize > 0);
        let fileoff = place.map_or(0, |(_, offset)| *offset);
        put(&mut self.out, at.saturating_add(24), &segment.vmaddr.to_le_bytes());
        put(&mut self.out, at.saturating_add(40), &(fileoff as u64).to_le_bytes());
        for (i, section) in segment.sections.iter().enumerate() {
            let record =
                at.saturating_add(SEGMENT_COMMAND_SIZE).saturating_add(i.saturating_mul(SECTION_SIZE));
            let within = section.addr.saturating_sub(segment.vmaddr);
            let in_file = place.is_some() && section.offset != 0 && within < segment.filesize;
            let offset = if in_file { (fileoff as u64).saturating_add(within) } else { 0 };
            put(&mut self.out, record.saturating_add(32), &section.addr.to_le_bytes());
            put(&mut self.out, record.saturating_add(48), &u32::try_from(offset).unwrap_or(0).to_le_bytes());
            // Relocations were used up by the linker.
            put(&mut self.out, record.saturating_add(56), &[0; 8]);
        }
    }
}

/// The kext's own `__LINKEDIT`, as it grows.
struct Link<'a> {
    source: &'a [u8],
    /// Its file offset in the new file.
    start: usize,
    data: Vec<u8>,
}

impl<'a> Link<'a> {
    fn take(&self, offset: u32, size: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok().filter(|o| *o != 0)?;
        self.source.get(start..)?.get(..usize::try_from(size).ok()?)
    }

    /// Appends bytes on a boundary of eight and gives their new file offset.
    fn append(&mut self, data: &[u8]) -> u32 {
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        let offset = self.start.saturating_add(self.data.len());
        self.data.extend(data);
        u32::try_from(offset).unwrap_or(0)
    }

    fn blob(&mut self, out: &mut [u8], at: usize) {
        let (offset, size) = (u32_le(out, at.saturating_add(8)), u32_le(out, at.saturating_add(12)));
        let data =
            offset.zip(size).and_then(|(offset, size)| self.take(offset, size.into())).unwrap_or_default();
        let offset = if data.is_empty() { 0 } else { self.append(data) };
        put(out, at.saturating_add(8), &offset.to_le_bytes());
        put(out, at.saturating_add(12), &u32::try_from(data.len()).unwrap_or(0).to_le_bytes());
    }

    /// Symbols, and of the names only those that they have.
    fn symbols(&mut self, out: &mut [u8], at: usize) {
        let field = |n: usize| u32_le(out, at.saturating_add(n)).unwrap_or(0);
        let entries =
            self.take(field(8), u64::from(field(12)).saturating_mul(NLIST as u64)).unwrap_or_default();
        let names = self.take(field(16), field(20).into()).unwrap_or_default();
        let (mut table, mut text) = (Vec::new(), vec![0u8]);
        for entry in entries.chunks_exact(NLIST) {
            let name = u32_le(entry, 0)
                .and_then(|n| names.get(usize::try_from(n).ok()?..))
                .and_then(|rest| rest.split(|b| *b == 0).next())
                .filter(|name| !name.is_empty() && text.len().saturating_add(name.len()) < self.source.len());
            let index = name.map_or(0, |_| u32::try_from(text.len()).unwrap_or(0));
            if let Some(name) = name {
                text.extend(name);
                text.push(0);
            }
            table.extend(index.to_le_bytes());
            table.extend(entry.get(4..).unwrap_or_default());
        }
        let mut values = [0u32; 4];
        if !table.is_empty() {
            let count = u32::try_from(table.len() / NLIST).unwrap_or(0);
            let size = u32::try_from(text.len()).unwrap_or(0);
            values = [self.append(&table), count, self.append(&text), size];
        }
        for (i, value) in values.iter().enumerate() {
            put(out, at.saturating_add(8).saturating_add(i.saturating_mul(4)), &value.to_le_bytes());
        }
    }
}

/// Writes at an offset, if it is there.
fn put(out: &mut [u8], at: usize, value: &[u8]) {
    let place = at.checked_add(value.len()).and_then(|end| out.get_mut(at..end));
    if let Some(place) = place {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests;
