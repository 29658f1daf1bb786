//! Synthetic Mach-O kernels and caches for tests, here and in crates above. Not part of the interface.

mod caches;

pub use caches::{KEXTS, fileset_cache, kernel_with_symbols, merged_cache, split_cache};

const PAGE: u64 = 0x4000;

/// A segment to be: name, address, bytes in memory, bytes in the file, protection, sections as (name, offset, size).
#[derive(Debug, Clone)]
pub struct Seg {
    /// Name.
    pub name: &'static str,
    /// Virtual address.
    pub vmaddr: u64,
    /// Bytes in memory.
    pub vmsize: u64,
    /// Its bytes in the file.
    pub data: Vec<u8>,
    /// Protection.
    pub prot: u32,
    /// Sections: name, offset in the segment, size.
    pub sections: Vec<(&'static str, u64, u64)>,
}

impl Seg {
    /// A segment without sections.
    pub fn new(name: &'static str, vmaddr: u64, vmsize: u64, data: Vec<u8>, prot: u32) -> Seg {
        Seg { name, vmaddr, vmsize, data, prot, sections: Vec::new() }
    }

    /// With a section.
    pub fn section(mut self, name: &'static str, offset: u64, size: u64) -> Seg {
        self.sections.push((name, offset, size));
        self
    }
}

/// A symbol to be: name, `n_type`, number of its section from 1, value.
pub type Sym = (&'static str, u8, u8, u64);

/// A Mach-O to be.
#[derive(Debug, Clone, Default)]
pub struct Image {
    /// `cpusubtype`.
    pub cpusubtype: u32,
    /// `filetype`.
    pub filetype: u32,
    /// pc of `LC_UNIXTHREAD`; without one there is none.
    pub entry: Option<u64>,
    /// Segments, the first with room for the header.
    pub segments: Vec<Seg>,
    /// Fileset entries: name, vmaddr, fileoff.
    pub entries: Vec<(String, u64, u64)>,
    /// Symbols, for an `LC_SYMTAB` and a `__LINKEDIT` of its own.
    pub symbols: Vec<Sym>,
    /// Data of `LC_DYLD_CHAINED_FIXUPS`, in the same `__LINKEDIT`.
    pub fixups: Option<Vec<u8>>,
    /// Added to every file offset: where the image stands in a fileset.
    pub base: u64,
    /// First bytes of the UUID.
    pub uuid: u8,
}

fn name16(name: &str) -> [u8; 16] {
    let mut field = [0; 16];
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    field
}

#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "test data of known sizes"
)]
impl Image {
    /// Where each segment's bytes start in the image, each on a page; and behind the last one.
    pub fn offsets(&self) -> (Vec<u64>, u64) {
        let mut at = 0u64;
        let offsets = self
            .segments
            .iter()
            .map(|s| {
                let here = at;
                at = (at + s.data.len() as u64).next_multiple_of(PAGE);
                here
            })
            .collect();
        (offsets, at)
    }

    /// `__LINKEDIT`: symbols, names, fixups; and where each is in it.
    fn linkedit(&self) -> (Vec<u8>, [u64; 3]) {
        let (mut table, mut names) = (Vec::new(), vec![b' ', 0]);
        for (name, kind, section, value) in &self.symbols {
            table.extend((names.len() as u32).to_le_bytes());
            table.extend([*kind, *section, 0, 0]);
            table.extend(value.to_le_bytes());
            names.extend(name.bytes());
            names.push(0);
        }
        let mut data = table;
        let names_at = data.len() as u64;
        data.extend(names);
        data.resize(data.len().next_multiple_of(8), 0);
        let fixups_at = data.len() as u64;
        data.extend(self.fixups.clone().unwrap_or_default());
        (data, [0, names_at, fixups_at])
    }

    /// The file. Header and commands are the head of the first segment's own bytes.
    pub fn build(&self) -> Vec<u8> {
        let (offsets, end) = self.offsets();
        let has_link = !self.symbols.is_empty() || self.fixups.is_some();
        let (link, [symbols_at, names_at, fixups_at]) = self.linkedit();
        let mut segments = self.segments.clone();
        let mut offsets = offsets;
        if has_link {
            let vmaddr =
                segments.iter().map(|s| s.vmaddr + s.vmsize).max().unwrap_or(0).next_multiple_of(PAGE);
            let size = (link.len() as u64).next_multiple_of(PAGE);
            segments.push(Seg::new("__LINKEDIT", vmaddr, size, link, 1));
            offsets.push(end);
        }
        let mut commands: Vec<Vec<u8>> = Vec::new();
        for (s, &off) in segments.iter().zip(&offsets) {
            let off = off + self.base;
            let mut c = Vec::new();
            c.extend(0x19u32.to_le_bytes());
            c.extend((72 + 80 * s.sections.len() as u32).to_le_bytes());
            c.extend(name16(s.name));
            for v in [s.vmaddr, s.vmsize, off, s.data.len() as u64] {
                c.extend(v.to_le_bytes());
            }
            for v in [s.prot, s.prot, s.sections.len() as u32, 0] {
                c.extend(v.to_le_bytes());
            }
            for (name, o, size) in &s.sections {
                c.extend(name16(name));
                c.extend(name16(s.name));
                c.extend((s.vmaddr + o).to_le_bytes());
                c.extend(size.to_le_bytes());
                c.extend(((off + o) as u32).to_le_bytes());
                c.extend([0; 28]);
            }
            commands.push(c);
        }
        let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
        let mut uuid = vec![0x1b, 0, 0, 0, 24, 0, 0, 0];
        uuid.extend(*b"0123456789abcdef");
        if self.uuid != 0 {
            uuid[8] = self.uuid;
        }
        commands.push(uuid);
        if let Some(entry) = self.entry {
            let mut thread = words(&[5, 0x120, 6, 68]);
            thread.resize(0x110, 0);
            thread.extend(entry.to_le_bytes());
            thread.resize(0x120, 0);
            commands.push(thread);
        }
        let link_at = (end + self.base) as u32;
        if !self.symbols.is_empty() {
            let (symoff, stroff) = (link_at + symbols_at as u32, link_at + names_at as u32);
            let count = self.symbols.len() as u32;
            commands.push(words(&[2, 24, symoff, count, stroff, fixups_at as u32 - names_at as u32]));
            let mut dynamic = words(&[0xb, 80, 0, count]);
            dynamic.resize(80, 0);
            commands.push(dynamic);
        }
        if let Some(fixups) = &self.fixups {
            commands.push(words(&[0x8000_0034, 16, link_at + fixups_at as u32, fixups.len() as u32]));
        }
        for (name, vmaddr, fileoff) in &self.entries {
            let size = (32 + name.len() + 1).next_multiple_of(8);
            let mut c = words(&[0x8000_0035, size as u32]);
            c.extend(vmaddr.to_le_bytes());
            c.extend(fileoff.to_le_bytes());
            c.extend(words(&[32, 0]));
            c.extend(name.as_bytes());
            c.resize(size, 0);
            commands.push(c);
        }
        let size: usize = commands.iter().map(Vec::len).sum();
        let (count, kind) = (commands.len() as u32, self.filetype);
        let mut out =
            words(&[0xfeed_facf, 0x100_000c, self.cpusubtype, kind, count, size as u32, 0x20_0001, 0]);
        out.extend(commands.concat());
        for (i, (s, &off)) in segments.iter().zip(&offsets).enumerate() {
            if i == 0 {
                assert!(s.data.len() >= out.len(), "the first segment has room for the header");
                out.extend(s.data.iter().skip(out.len()));
            } else {
                out.resize(off as usize, 0);
                out.extend(&s.data);
            }
        }
        out
    }
}

/// Builds a Mach-O file: segment bytes are laid out one after another on 16 KiB boundaries from offset 0, the first
/// segment holding the header. `entries` become fileset entries (name, vmaddr, fileoff).
pub fn mach_o(
    cpusubtype: u32,
    filetype: u32,
    entry: u64,
    segments: &[Seg],
    entries: &[(&str, u64, u64)],
) -> Vec<u8> {
    Image {
        cpusubtype,
        filetype,
        entry: Some(entry),
        segments: segments.to_vec(),
        entries: entries.iter().map(|(name, vmaddr, at)| ((*name).to_string(), *vmaddr, *at)).collect(),
        ..Image::default()
    }
    .build()
}

/// The version string of a train, for a kernel's `__const`.
fn version(text: &mut [u8], at: usize) {
    let version = b"Darwin Kernel Version 18.2.0: x; root:xnu-4903.232.2~1/RELEASE_ARM64_T8015\0";
    for (to, from) in text.iter_mut().skip(at).zip(version) {
        *to = *from;
    }
}

/// A small static kernel: `__TEXT` with a version string, `__TEXT_EXEC` with the entry, `__DATA`.
pub fn tiny_kernel() -> Vec<u8> {
    let mut text = vec![0; 0x4000];
    version(&mut text, 0x2000);
    let base = 0xffff_fff0_0700_4000u64;
    let segments = [
        Seg::new("__TEXT", base, 0x4000, text, 5).section("__const", 0x2000, 0x100),
        Seg::new(
            "__TEXT_EXEC",
            base.wrapping_add(0x4000),
            0x4000,
            0xd65f_03c0u32.to_le_bytes().repeat(64),
            5,
        ),
        Seg::new("__DATA", base.wrapping_add(0x8000), 0x8000, vec![1; 0x100], 3),
    ];
    mach_o(0, 2, base.wrapping_add(0x4000), &segments, &[])
}
