//! Pointers as they stand in a cache, and what they are once the kernel or its loader has set them right.
//!
//! Two ways exist. Static arm64e caches (and the merged ones of iOS 12) thread their pointers into chains that
//! `__TEXT,__thread_starts` begins and that the kernel itself follows very early. Filesets, and single images linked
//! for them, have `LC_DYLD_CHAINED_FIXUPS`. A loader leaves both alone; who wants to read the file must follow them.
//!
//! Chains only ever lead forward within their segment, so they end; how many pointers all of them may have together is
//! bounded by the file's length.
//!
//! Facts: `apple-oss-distributions/xnu` `osfmk/arm/arm_init.c` (xnu-4903), `EXTERNAL_HEADERS/mach-o/fixup-chains.h`,
//! `osfmk/mach/dyld_kernel_fixups.h`.

use crate::image::{KernelCache, u32_le, u64_le};
use crate::{Error, Result};

/// `DYLD_CHAINED_PTR_START_NONE`: a page without fixups.
const NO_START: u16 = 0xffff;
/// `DYLD_CHAINED_PTR_START_MULTI`: a page with several chains, which only 32-bit formats have.
const MULTI: u16 = 0x8000;
/// The end of the list of `__thread_starts`.
const LIST_END: u32 = u32::MAX;
/// Segments with chains; a fileset has one list entry for each of its few segments.
const MAX_SEGMENTS: u32 = 8192;

/// How a signed pointer was to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Auth {
    /// 0 IA, 1 IB, 2 DA, 3 DB.
    pub key: u8,
    /// The discriminator.
    pub diversity: u16,
    /// Whether the pointer's own address is mixed in.
    pub address_diversity: bool,
}

/// What a chained word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An address of this collection, not slid.
    Address(u64),
    /// An offset in another collection: 1 pageable, 3 auxiliary.
    Collection(u8, u64),
    /// An import, by its number: of images that are not linked yet.
    Import(u32),
}

/// One word of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixup {
    /// Its virtual address.
    pub vmaddr: u64,
    /// Its file offset.
    pub offset: u64,
    /// What it stands for.
    pub target: Target,
    /// How it is signed, if it is.
    pub auth: Option<Auth>,
}

/// How the words of a chain are read (`pointer_format`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Format {
    /// `__thread_starts`.
    Threaded = 0,
    /// `DYLD_CHAINED_PTR_ARM64E`.
    Arm64e = 1,
    /// `DYLD_CHAINED_PTR_64`.
    Ptr64 = 2,
    /// `DYLD_CHAINED_PTR_64_OFFSET`.
    Ptr64Offset = 6,
    /// `DYLD_CHAINED_PTR_ARM64E_KERNEL`.
    Arm64eKernel = 7,
    /// `DYLD_CHAINED_PTR_64_KERNEL_CACHE`.
    KernelCache64 = 8,
    /// `DYLD_CHAINED_PTR_ARM64E_USERLAND`.
    Arm64eUserland = 9,
    /// `DYLD_CHAINED_PTR_ARM64E_FIRMWARE`.
    Arm64eFirmware = 10,
    /// `DYLD_CHAINED_PTR_X86_64_KERNEL_CACHE`.
    X86KernelCache = 11,
    /// `DYLD_CHAINED_PTR_ARM64E_USERLAND24`.
    Arm64eUserland24 = 12,
}

impl Format {
    fn from_number(n: u16) -> Option<Format> {
        use Format::{
            Arm64e, Arm64eFirmware, Arm64eKernel, Arm64eUserland, Arm64eUserland24, KernelCache64, Ptr64,
            Ptr64Offset, X86KernelCache,
        };
        [
            Arm64e,
            Ptr64,
            Ptr64Offset,
            Arm64eKernel,
            KernelCache64,
            Arm64eUserland,
            Arm64eFirmware,
            X86KernelCache,
            Arm64eUserland24,
        ]
        .into_iter()
        .find(|f| *f as u16 == n)
    }

    /// Apple's name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Threaded => "threaded (__thread_starts)",
            Format::Arm64e => "ARM64E",
            Format::Ptr64 => "64",
            Format::Ptr64Offset => "64_OFFSET",
            Format::Arm64eKernel => "ARM64E_KERNEL",
            Format::KernelCache64 => "64_KERNEL_CACHE",
            Format::Arm64eUserland => "ARM64E_USERLAND",
            Format::Arm64eFirmware => "ARM64E_FIRMWARE",
            Format::X86KernelCache => "X86_64_KERNEL_CACHE",
            Format::Arm64eUserland24 => "ARM64E_USERLAND24",
        }
    }

    /// What one step of a chain is in bytes.
    fn stride(self) -> u64 {
        match self {
            Format::Arm64e | Format::Arm64eUserland | Format::Arm64eUserland24 => 8,
            Format::X86KernelCache => 1,
            _ => 4,
        }
    }

    /// Whether plain targets count from the header instead of from zero.
    fn offsets(self) -> bool {
        !matches!(self, Format::Threaded | Format::Arm64e | Format::Ptr64 | Format::Arm64eFirmware)
    }
}

/// The part of `v` from bit `low` on, `width` bits wide.
fn bits(v: u64, low: u32, width: u32) -> u64 {
    v >> low & u64::MAX >> 64u32.saturating_sub(width)
}

fn small<T: TryFrom<u64> + Default>(v: u64) -> T {
    T::try_from(v).unwrap_or_default()
}

/// Reads a chained word: what it stands for, how it is signed, how many strides further the next one is.
fn decode(word: u64, format: Format, header: u64) -> (Target, Option<Auth>, u64) {
    let place =
        |target: u64| Target::Address(if format.offsets() { header.wrapping_add(target) } else { target });
    let auth = |low: u32| Auth {
        diversity: small(bits(word, low, 16)),
        address_diversity: bits(word, low.saturating_add(16), 1) == 1,
        key: small(bits(word, low.saturating_add(17), 2)),
    };
    match format {
        Format::KernelCache64 | Format::X86KernelCache => {
            let (target, level): (u64, u8) = (bits(word, 0, 30), small(bits(word, 30, 2)));
            let target = if level == 0 { place(target) } else { Target::Collection(level, target) };
            (target, (word >> 63 == 1).then(|| auth(32)), bits(word, 51, 12))
        }
        Format::Ptr64 | Format::Ptr64Offset => {
            let next = bits(word, 51, 12);
            if word >> 63 == 1 {
                return (Target::Import(small(bits(word, 0, 24))), None, next);
            }
            let high = bits(word, 36, 8) << 56;
            let target = match place(bits(word, 0, 36)) {
                Target::Address(a) => Target::Address(a | high),
                other => other,
            };
            (target, None, next)
        }
        _ => {
            let next = bits(word, 51, 11);
            let signed = word >> 63 == 1;
            let auth = signed.then(|| auth(32));
            if bits(word, 62, 1) == 1 {
                let width = if format == Format::Arm64eUserland24 { 24 } else { 16 };
                return (Target::Import(small(bits(word, 0, width))), auth, next);
            }
            if signed {
                // Always from the header, in every format.
                return (Target::Address(header.wrapping_add(bits(word, 0, 32))), auth, next);
            }
            let low = bits(word, 0, 43);
            let target = if format == Format::Threaded {
                // Sign-extended, with eight bits of its own on top.
                let extended = ((low << 21).cast_signed() >> 21).cast_unsigned();
                Target::Address((word << 13) & 0xff00_0000_0000_0000 | extended & 0x00ff_ffff_ffff_ffff)
            } else {
                match place(low) {
                    Target::Address(a) => Target::Address(a | bits(word, 43, 8) << 56),
                    other => other,
                }
            };
            (target, None, next)
        }
    }
}

/// One chain to follow.
#[derive(Debug, Clone, Copy)]
struct Chain {
    /// Where it starts.
    vmaddr: u64,
    /// The first address that does not belong to it any more.
    end: u64,
    format: Format,
    stride: u64,
}

/// A segment that has bytes in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First address.
    start: u64,
    /// First address that is not in the file.
    end: u64,
    /// File offset of the first.
    offset: u64,
}

/// The segments by address, since a file may have thousands of them and millions of pointers.
#[derive(Debug, Clone)]
struct Map(Vec<Place>);

impl Map {
    fn new(kernel: &KernelCache) -> Map {
        let segments = kernel.segments.iter().filter(|s| s.filesize > 0);
        let mut places: Vec<Place> = segments
            .map(|s| Place { start: s.vmaddr, end: s.vmaddr.saturating_add(s.filesize), offset: s.fileoff })
            .collect();
        places.sort_by_key(|p| p.start);
        Map(places)
    }

    fn find(&self, vmaddr: u64) -> Option<Place> {
        let after = self.0.partition_point(|p| p.start <= vmaddr);
        self.0.get(after.checked_sub(1)?).copied().filter(|p| vmaddr < p.end)
    }
}

/// All chains of an image, and a place in them.
#[derive(Debug, Clone)]
pub struct Fixups {
    header: u64,
    chains: std::vec::IntoIter<Chain>,
    current: Option<Chain>,
    /// Words that may still come.
    left: u64,
    map: Map,
    formats: Vec<Format>,
    failed: bool,
}

impl Fixups {
    /// The formats that the image's chains have, each once.
    pub fn formats(&self) -> &[Format] {
        &self.formats
    }

    /// The next word of the chains. `bytes` is the file, whose words already given may have been overwritten.
    ///
    /// # Errors
    /// A chain that leaves its segment or the file. Nothing more comes after an error.
    pub fn next(&mut self, bytes: &[u8]) -> Option<Result<Fixup>> {
        if self.failed {
            return None;
        }
        let chain = match self.current.take() {
            Some(chain) => chain,
            None => self.chains.next()?,
        };
        let found = self.read(bytes, chain);
        self.failed = found.is_err();
        Some(found)
    }

    fn read(&mut self, bytes: &[u8], chain: Chain) -> Result<Fixup> {
        let outside = Error::BadField {
            offset: 0,
            what: "a chained pointer's address (outside its segment)",
            value: chain.vmaddr,
        };
        let place = self.map.find(chain.vmaddr).ok_or(outside.clone())?;
        let offset = place.offset.saturating_add(chain.vmaddr.saturating_sub(place.start));
        if chain.vmaddr.saturating_add(8) > place.end.min(chain.end) {
            return Err(outside);
        }
        let truncated = Error::Truncated { offset, what: "a chained pointer", len: bytes.len() as u64 };
        let word = usize::try_from(offset).ok().and_then(|at| u64_le(bytes, at)).ok_or(truncated)?;
        self.left = self.left.checked_sub(1).ok_or(Error::TooMany {
            offset,
            what: "chained pointers (more than the file has words)",
            count: (bytes.len() / 4) as u64,
        })?;
        let (target, auth, next) = decode(word, chain.format, self.header);
        if next != 0 {
            let vmaddr = chain.vmaddr.saturating_add(next.saturating_mul(chain.stride));
            self.current = Some(Chain { vmaddr, ..chain });
        }
        Ok(Fixup { vmaddr: chain.vmaddr, offset, target, auth })
    }
}

/// What [`KernelCache::resolve_fixups`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resolved {
    /// Pointers that are plain addresses now.
    pub pointers: u64,
    /// How many of them were to be signed.
    pub signed: u64,
    /// Pointers into other collections, which stay as they were.
    pub elsewhere: u64,
    /// Imports, which stay as they were.
    pub imports: u64,
    /// Names of the formats met.
    pub formats: Vec<&'static str>,
}

impl KernelCache {
    /// Whether there is anything for [`KernelCache::fixups`] to follow.
    pub fn has_fixups(&self) -> bool {
        self.has_thread_starts() || self.chained_fixups.is_some()
    }

    /// The chains of the image.
    ///
    /// # Errors
    /// Lists of chains that lie outside the file, contradict themselves or are of an unknown format.
    pub fn fixups(&self, bytes: &[u8]) -> Result<Fixups> {
        let map = Map::new(self);
        let mut chains = Vec::new();
        self.threads(bytes, &map, &mut chains)?;
        if let Some((offset, size)) = self.chained_fixups {
            self.chained(bytes, offset, size, &mut chains)?;
        }
        let mut formats: Vec<Format> = Vec::new();
        for chain in &chains {
            // There are ten at most.
            if !formats.contains(&chain.format) {
                formats.push(chain.format);
            }
        }
        Ok(Fixups {
            header: self.header_vmaddr(),
            chains: chains.into_iter(),
            current: None,
            left: (bytes.len() / 4) as u64,
            map,
            formats,
            failed: false,
        })
    }

    fn threads(&self, bytes: &[u8], map: &Map, chains: &mut Vec<Chain>) -> Result<()> {
        let Some(section) = self.section("__TEXT", "__thread_starts").filter(|s| s.size > 0) else {
            return Ok(());
        };
        let truncated = Error::Truncated {
            offset: section.offset.into(),
            what: "__thread_starts",
            len: bytes.len() as u64,
        };
        let list = section.data(bytes).ok_or(truncated)?;
        let stride = if u32_le(list, 0).unwrap_or(0) & 1 == 1 { 8 } else { 4 };
        for at in (4..list.len()).step_by(4) {
            let Some(start) = u32_le(list, at).filter(|start| *start != LIST_END) else { break };
            let vmaddr = self.header_vmaddr().saturating_add(start.into());
            let Some(place) = map.find(vmaddr) else {
                return Err(Error::BadField {
                    offset: u64::from(section.offset).saturating_add(at as u64),
                    what: "a thread start (in no segment of the file)",
                    value: start.into(),
                });
            };
            chains.push(Chain { vmaddr, end: place.end, format: Format::Threaded, stride });
        }
        Ok(())
    }

    fn chained(&self, bytes: &[u8], offset: u32, size: u32, chains: &mut Vec<Chain>) -> Result<()> {
        let base = u64::from(offset);
        let len = bytes.len() as u64;
        let at = |within: u64| base.saturating_add(within);
        let data = usize::try_from(offset)
            .ok()
            .and_then(|start| bytes.get(start..)?.get(..usize::try_from(size).ok()?))
            .ok_or(Error::Truncated { offset: base, what: "the chained fixups", len })?;
        let word = |within: u64, what| {
            usize::try_from(within).ok().and_then(|n| u32_le(data, n)).ok_or(Error::BadField {
                offset: base,
                what,
                value: within,
            })
        };
        let half = |within: u64, what| {
            let bytes = usize::try_from(within).ok().and_then(|n| data.get(n..)?.first_chunk::<2>());
            bytes.map(|b| u16::from_le_bytes(*b)).ok_or(Error::BadField { offset: base, what, value: within })
        };
        let version = word(0, "the chained fixups' header")?;
        if version != 0 {
            return Err(Error::BadField { offset: base, what: "fixups_version", value: version.into() });
        }
        let starts = u64::from(word(4, "starts_offset")?);
        let count = word(starts, "starts_offset (outside the fixups)")?;
        if count > MAX_SEGMENTS {
            return Err(Error::TooMany {
                offset: at(starts),
                what: "segments with fixups",
                count: count.into(),
            });
        }
        for i in 0..u64::from(count) {
            let entry = starts.saturating_add(4).saturating_add(i.saturating_mul(4));
            let info = u64::from(word(entry, "seg_info_offset (outside the fixups)")?);
            if info == 0 {
                continue;
            }
            let info = starts.saturating_add(info);
            let field = |n: u64| info.saturating_add(n);
            let page_size = u64::from(half(field(4), "page_size")?);
            let number = half(field(6), "pointer_format")?;
            let low = u64::from(word(field(8), "segment_offset")?);
            let high = u64::from(word(field(12), "segment_offset")?);
            let pages = half(field(20), "page_count")?;
            let Some(format) = Format::from_number(number) else {
                return Err(Error::BadField {
                    offset: at(field(6)),
                    what: "pointer_format (not one of arm64)",
                    value: number.into(),
                });
            };
            if page_size == 0 {
                return Err(Error::BadField { offset: at(field(4)), what: "page_size", value: 0 });
            }
            let segment = self.header_vmaddr().wrapping_add(high << 32 | low);
            for page in 0..u64::from(pages) {
                let place = field(22).saturating_add(page.saturating_mul(2));
                let start = half(place, "page_start (outside the fixups)")?;
                if start == NO_START {
                    continue;
                }
                if start & MULTI != 0 {
                    return Err(Error::BadField {
                        offset: at(place),
                        what: "page_start (several chains in a page, which 64-bit images do not have)",
                        value: start.into(),
                    });
                }
                let first = segment.saturating_add(page.saturating_mul(page_size));
                chains.push(Chain {
                    vmaddr: first.saturating_add(start.into()),
                    end: first.saturating_add(page_size).saturating_add(8),
                    format,
                    stride: format.stride(),
                });
            }
        }
        Ok(())
    }

    /// Writes the address that every chained pointer stands for into the file, so that a disassembler reads it right,
    /// and empties the lists of chains, so that it does not follow them again. Signatures are left out: a pointer that
    /// the kernel would sign becomes its plain address.
    ///
    /// # Errors
    /// As for [`KernelCache::fixups`] and [`Fixups::next`]; what was resolved before the error is counted in neither,
    /// and the bytes should not be used. Imports are refused: an image that has them is not linked yet.
    pub fn resolve_fixups(&self, bytes: &mut [u8]) -> Result<Resolved> {
        let mut done = Resolved::default();
        let mut fixups = self.fixups(bytes)?;
        done.formats = fixups.formats().iter().map(|f| f.name()).collect();
        while let Some(fixup) = fixups.next(bytes) {
            let fixup = fixup?;
            match fixup.target {
                Target::Address(address) => {
                    done.pointers = done.pointers.saturating_add(1);
                    done.signed = done.signed.saturating_add(fixup.auth.is_some().into());
                    put(bytes, fixup.offset, &address.to_le_bytes());
                }
                Target::Collection(..) => done.elsewhere = done.elsewhere.saturating_add(1),
                Target::Import(number) => {
                    return Err(Error::Imports { offset: fixup.offset, number });
                }
            }
        }
        self.empty_lists(bytes);
        Ok(done)
    }

    /// Takes all chains out of the lists. Both lists were read without an error before.
    fn empty_lists(&self, bytes: &mut [u8]) {
        if let Some(section) = self.section("__TEXT", "__thread_starts") {
            let start = u64::from(section.offset).saturating_add(4);
            for n in 0..section.size.saturating_sub(4) / 4 {
                put(bytes, start.saturating_add(n.saturating_mul(4)), &LIST_END.to_le_bytes());
            }
        }
        if let Some((offset, _)) = self.chained_fixups {
            let word =
                |bytes: &[u8], at: u64| usize::try_from(at).ok().and_then(|n| u32_le(bytes, n)).unwrap_or(0);
            let starts =
                u64::from(offset).saturating_add(word(bytes, u64::from(offset).saturating_add(4)).into());
            for n in 0..u64::from(word(bytes, starts).min(MAX_SEGMENTS)) {
                put(bytes, starts.saturating_add(4).saturating_add(n.saturating_mul(4)), &[0; 4]);
            }
        }
    }

    /// The address that a word of a static cache stands for: tags are taken off, what has none stays.
    pub fn untag(&self, word: u64) -> u64 {
        // A plain kernel address has all its upper bits set, a chained word its bind bit (62) clear.
        if word >> 48 == 0xffff || word == 0 {
            return word;
        }
        match decode(word, Format::Threaded, self.header_vmaddr()).0 {
            Target::Address(address) => address,
            _ => word,
        }
    }
}

fn put(bytes: &mut [u8], offset: u64, value: &[u8]) {
    let place = usize::try_from(offset).ok().and_then(|at| bytes.get_mut(at..)?.get_mut(..value.len()));
    if let Some(place) = place {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests;
