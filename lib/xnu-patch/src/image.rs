//! A kernel's bytes by address: its code, its strings, and which kext an address belongs to.

use apple_kc::{KernelCache, Kext, Layout, Segment};
use memchr::memmem;

use crate::pattern::Words;

/// The kernel itself among the modules.
pub const KERNEL: &str = "com.apple.kernel";
/// Most kexts; a cache has a few hundred.
const MAX_KEXTS: usize = 4096;
/// Longest bundle identifier: `KMOD_MAX_NAME`, xnu:osfmk/mach/kmod.h.
const MAX_NAME: usize = 64;
/// Offset of `name` in `kmod_info`: next, info_version, id before it (same header).
const KMOD_NAME: u64 = 0x10;
/// `MH_MAGIC_64` as it lies in memory.
const MACH_O: [u8; 4] = [0xcf, 0xfa, 0xed, 0xfe];

/// A range of code.
#[derive(Debug, Clone, Copy)]
pub struct Code<'a> {
    /// Virtual address of the first instruction.
    pub address: u64,
    /// Name of its segment.
    pub segment: &'a str,
    /// The instructions.
    pub bytes: &'a [u8],
}

impl Code<'_> {
    /// Number of whole instructions.
    pub fn len(&self) -> usize {
        self.bytes.len() / 4
    }

    /// Whether there is not one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Address of the `n`th instruction.
    pub fn at(&self, n: usize) -> u64 {
        self.address.wrapping_add((n as u64).wrapping_mul(4))
    }

    /// Number of the instruction at an address.
    pub fn index(&self, address: u64) -> Option<usize> {
        let offset = address.checked_sub(self.address).filter(|o| o % 4 == 0)?;
        usize::try_from(offset / 4).ok().filter(|n| *n < self.len())
    }
}

impl Words for Code<'_> {
    fn word(&self, n: usize) -> Option<u32> {
        self.bytes.word(n)
    }
}

/// A kext or the kernel, and the addresses that are its.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Bundle identifier.
    pub name: String,
    /// First address and first after it, of each range.
    pub ranges: Vec<(u64, u64)>,
}

impl Module {
    /// Whether the address is its.
    pub fn contains(&self, address: u64) -> bool {
        self.ranges.iter().any(|(from, to)| (*from..*to).contains(&address))
    }
}

/// A kernel to be looked through. Addresses are those of the file: without slide.
#[derive(Debug, Clone)]
pub struct Image<'a> {
    kernel: &'a KernelCache,
    code: Vec<Code<'a>>,
    data: Vec<(u64, &'a [u8])>,
    modules: Vec<Module>,
    symbols: Vec<(&'a str, u64)>,
}

impl<'a> Image<'a> {
    /// Of a kernel and the bytes it was parsed from. `inner`: the Mach-Os of a fileset's entries, from
    /// [`Image::inner`]; empty for others.
    pub fn new(kernel: &'a KernelCache, bytes: &'a [u8], inner: &'a [(String, KernelCache)]) -> Image<'a> {
        let segments: Vec<&Segment> = match inner {
            [] => kernel.loaded().collect(),
            all => all.iter().flat_map(|(_, k)| k.loaded()).collect(),
        };
        let mut code = Vec::new();
        let mut data = Vec::new();
        for s in segments {
            let Some(content) = s.data(bytes).filter(|d| !d.is_empty()) else { continue };
            data.push((s.vmaddr, content));
            if s.initprot & 4 != 0 {
                code.push(Code { address: s.vmaddr, segment: &s.name, bytes: content });
            }
        }
        code.sort_by_key(|c| c.address);
        data.sort_by_key(|(address, _)| *address);
        data.dedup_by_key(|(address, _)| *address);
        let mut symbols: Vec<_> = kernel.symbols(bytes).map(|s| (s.name, s.vmaddr)).collect();
        symbols.extend(inner.iter().flat_map(|(_, k)| k.symbols(bytes)).map(|s| (s.name, s.vmaddr)));
        let modules = match inner {
            [] if kernel.layout == Layout::Split => split(kernel, bytes),
            [] => kexts(kernel, bytes),
            all => all.iter().map(|(name, k)| module(name, k)).collect(),
        };
        Image { kernel, code, data, modules, symbols }
    }

    /// The Mach-Os in a fileset, for [`Image::new`]; damaged ones are left out.
    pub fn inner(kernel: &KernelCache, bytes: &[u8]) -> Vec<(String, KernelCache)> {
        let entries = kernel.fileset.iter().take(MAX_KEXTS);
        entries.filter_map(|e| Some((e.name.clone(), kernel.inner(bytes, e).ok()?))).collect()
    }

    /// The kernel.
    pub fn kernel(&self) -> &'a KernelCache {
        self.kernel
    }

    /// All code, by address.
    pub fn code(&self) -> &[Code<'a>] {
        &self.code
    }

    /// The code that an address lies in, and the number of its instruction.
    pub fn locate(&self, address: u64) -> Option<(&Code<'a>, usize)> {
        self.code.iter().find_map(|c| Some((c, c.index(address)?)))
    }

    /// The bytes from an address to the end of its segment's part of the file.
    pub fn bytes_at(&self, address: u64) -> Option<&'a [u8]> {
        self.data.iter().find_map(|(start, bytes)| {
            bytes.get(usize::try_from(address.checked_sub(*start)?).ok()?..).filter(|b| !b.is_empty())
        })
    }

    /// Kexts, and the kernel where its range is known.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module of this bundle identifier.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|m| m.name == name)
    }

    /// The bundle identifier of the module that an address belongs to.
    pub fn owner(&self, address: u64) -> Option<&str> {
        self.modules.iter().find(|m| m.contains(address)).map(|m| m.name.as_str())
    }

    /// The address of a symbol, with or without the underscore of C names.
    pub fn symbol(&self, name: &str) -> Option<u64> {
        let same = |n: &str| n == name || n.strip_prefix('_') == Some(name);
        self.symbols.iter().find(|(n, _)| same(n)).map(|(_, address)| *address)
    }

    /// Addresses of a C string; `whole`: from its first character to its end, else wherever the text is. At most
    /// `most`.
    pub fn strings(&self, text: &str, whole: bool, most: usize) -> Vec<u64> {
        let needle = text.as_bytes();
        if needle.is_empty() {
            return Vec::new();
        }
        let finder = memmem::Finder::new(needle);
        let is_whole = |bytes: &[u8], at: usize| {
            let before = at.checked_sub(1).and_then(|n| bytes.get(n));
            let after = at.checked_add(needle.len()).and_then(|n| bytes.get(n));
            before.is_none_or(|b| *b == 0) && after.is_none_or(|b| *b == 0)
        };
        let found = self.data.iter().flat_map(|(start, bytes)| {
            let places = finder.find_iter(bytes).filter(move |at| !whole || is_whole(bytes, *at));
            places.map(move |at| start.saturating_add(at as u64))
        });
        found.take(most).collect()
    }
}

fn module(name: &str, kernel: &KernelCache) -> Module {
    // All entries of a fileset share one __LINKEDIT.
    let own = kernel.loaded().filter(|s| s.name != "__LINKEDIT");
    Module { name: name.to_owned(), ranges: own.map(|s| (s.vmaddr, s.vmend())).collect() }
}

/// The kexts of a split cache, which have Mach-Os of their own; what is in none of them and executable is the kernel's.
fn split(kernel: &KernelCache, bytes: &[u8]) -> Vec<Module> {
    let list = kernel.kexts(bytes).unwrap_or_default().kexts;
    let images = list.iter().take(MAX_KEXTS).filter_map(|k| Some((&k.id, kernel.kext_image(bytes, k).ok()?)));
    let mut modules: Vec<Module> = images.map(|(id, image)| module(id, &image)).collect();
    let own = kernel.loaded().filter(|s| s.initprot & 4 != 0 && !s.name.starts_with("__P"));
    modules.push(Module { name: KERNEL.to_owned(), ranges: own.map(|s| (s.vmaddr, s.vmend())).collect() });
    modules
}

/// The kexts of a merged cache, by `__PRELINK_INFO,__kmod_info` (pointers to `kmod_info`) and `__kmod_start` (pointers to each
/// one's Mach-O header or, where there is none, to its code).
fn kexts(kernel: &KernelCache, bytes: &[u8]) -> Vec<Module> {
    let pointers = |section: &str| {
        let content =
            kernel.section("__PRELINK_INFO", section).and_then(|s| s.data(bytes)).unwrap_or_default();
        let words = content.chunks_exact(8).filter_map(|c| c.first_chunk().map(|b| u64::from_le_bytes(*b)));
        words.take(MAX_KEXTS).map(|v| kernel.untag(v)).collect::<Vec<_>>()
    };
    let (infos, starts) = (pointers("__kmod_info"), pointers("__kmod_start"));
    let mut sorted = starts.clone();
    sorted.sort_unstable();
    let mut modules: Vec<Module> = Vec::new();
    for (info, start) in infos.iter().zip(&starts) {
        let Some(name) = kernel.bytes_at(bytes, info.wrapping_add(KMOD_NAME)).and_then(name) else {
            continue;
        };
        let ranges = match header(kernel, bytes, *start) {
            Some(own) => module(&name, &own).ranges,
            None => code_range(kernel, *start, &sorted),
        };
        modules.push(Module { name, ranges });
    }
    // What lies before the first kext of a segment of code is the kernel's.
    let owned = |a: u64| modules.iter().flat_map(|m| &m.ranges).map(|r| r.0).filter(|s| *s >= a).min();
    let mut own = Vec::new();
    for s in kernel.loaded().filter(|s| s.initprot & 4 != 0 && !s.name.starts_with("__PLK")) {
        let end = owned(s.vmaddr).unwrap_or(s.vmend()).min(s.vmend());
        if end > s.vmaddr && kernel.layout != Layout::Fileset && s.name != "__PRELINK_TEXT" {
            own.push((s.vmaddr, end));
        }
    }
    modules.push(Module { name: KERNEL.to_owned(), ranges: own });
    modules
}

/// From a start to the next one in the same segment.
fn code_range(kernel: &KernelCache, start: u64, sorted: &[u64]) -> Vec<(u64, u64)> {
    let Some(segment) = kernel.segment_at(start) else { return Vec::new() };
    let next = sorted.partition_point(|s| *s <= start);
    let end = sorted.get(next).copied().unwrap_or(u64::MAX).min(segment.vmend());
    vec![(start, end)]
}

/// The Mach-O whose header is at an address; its own addresses are untagged as pointers are.
fn header(kernel: &KernelCache, bytes: &[u8], address: u64) -> Option<KernelCache> {
    kernel.bytes_at(bytes, address).filter(|b| b.starts_with(&MACH_O))?;
    let fileoff = kernel.file_offset(address)?;
    let kext = Kext { vmaddr: Some(address), fileoff: Some(fileoff), ..Kext::default() };
    kernel.kext_image(bytes, &kext).ok()
}

fn name(bytes: &[u8]) -> Option<String> {
    let field = bytes.get(..MAX_NAME.min(bytes.len()))?;
    let end = field.iter().position(|b| *b == 0)?;
    let text = std::str::from_utf8(field.get(..end)?).ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    (!text.is_empty() && text.chars().all(plain)).then(|| text.to_owned())
}
