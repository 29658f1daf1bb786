//! Synthetic Mach-O kernels for tests, here and in crates above. Not part of the interface.

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

fn name16(name: &str) -> [u8; 16] {
    let mut field = [0; 16];
    for (to, from) in field.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    field
}

/// A Mach-O of the segments. The first segment's file bytes begin with the header and load commands, as in a real
/// kernel; the others follow on 16 KiB. `entries` are fileset entries (name, vmaddr, fileoff).
#[allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "test data of known sizes"
)]
pub fn mach_o(
    cpusubtype: u32,
    filetype: u32,
    entry: u64,
    segments: &[Seg],
    entries: &[(&str, u64, u64)],
) -> Vec<u8> {
    const PAGE: u64 = 0x4000;
    let mut offsets = Vec::new();
    let mut at = 0u64;
    for s in segments {
        offsets.push(at);
        at = (at + s.data.len() as u64).next_multiple_of(PAGE);
    }
    let mut commands: Vec<Vec<u8>> = Vec::new();
    for (s, &off) in segments.iter().zip(&offsets) {
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
    let mut uuid = vec![0x1b, 0, 0, 0, 24, 0, 0, 0];
    uuid.extend(*b"0123456789abcdef");
    commands.push(uuid);
    let mut thread = Vec::new();
    for v in [5u32, 0x120, 6, 68] {
        thread.extend(v.to_le_bytes());
    }
    thread.resize(0x110, 0);
    thread.extend(entry.to_le_bytes());
    thread.resize(0x120, 0);
    commands.push(thread);
    for (name, vmaddr, fileoff) in entries {
        let size = (32 + name.len() + 1).next_multiple_of(8);
        let mut c = Vec::new();
        c.extend(0x8000_0035u32.to_le_bytes());
        c.extend((size as u32).to_le_bytes());
        c.extend(vmaddr.to_le_bytes());
        c.extend(fileoff.to_le_bytes());
        c.extend(32u32.to_le_bytes());
        c.extend([0; 4]);
        c.extend(name.as_bytes());
        c.resize(size, 0);
        commands.push(c);
    }
    let mut out = Vec::new();
    let size: usize = commands.iter().map(Vec::len).sum();
    for v in
        [0xfeed_facfu32, 0x100_000c, cpusubtype, filetype, commands.len() as u32, size as u32, 0x20_0001, 0]
    {
        out.extend(v.to_le_bytes());
    }
    out.extend(commands.concat());
    for (i, (s, &off)) in segments.iter().zip(&offsets).enumerate() {
        if i == 0 {
            // Header and commands are the head of the first segment's own bytes.
            assert!(s.data.len() >= out.len(), "the first segment has room for the header");
            out.extend(s.data.iter().skip(out.len()));
        } else {
            out.resize(off as usize, 0);
            out.extend(&s.data);
        }
    }
    out
}

/// A small static kernel: `__TEXT` with a version string, `__TEXT_EXEC` with the entry, `__DATA`.
pub fn tiny_kernel() -> Vec<u8> {
    let mut text = vec![0; 0x4000];
    let version = b"Darwin Kernel Version 18.2.0: x; root:xnu-4903.232.2~1/RELEASE_ARM64_T8015\0";
    for (to, from) in text.iter_mut().skip(0x2000).zip(version) {
        *to = *from;
    }
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
