//! Makes Mach-O files of flat binaries: a kernel as iBoot loads it, and a program as the kernel's `execve` does.
//!
//! Layouts and numbers from `mach-o/loader.h` (apple-oss-distributions/xnu, EXTERNAL_HEADERS). Only what the guests
//! here need: segments, symbols, UUID, source version, entry by `LC_UNIXTHREAD`.

use crate::symbols::Symbols;

const PAGE: u64 = 0x4000;
const LC_SYMTAB: u32 = 2;
const LC_UNIXTHREAD: u32 = 5;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
const LC_SOURCE_VERSION: u32 = 0x2a;

/// `MH_EXECUTE`.
pub const EXECUTE: u32 = 2;
/// Protection bits.
pub const READ: u32 = 1;
/// Protection bits.
pub const WRITE: u32 = 2;
/// Protection bits.
pub const EXECUTABLE: u32 = 4;

/// A segment to be.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Name, at most 16 bytes.
    pub name: &'static str,
    /// Virtual address.
    pub vmaddr: u64,
    /// Bytes in memory.
    pub vmsize: u64,
    /// Bytes in the file; the first segment of a file begins with room for the header.
    pub data: Vec<u8>,
    /// [`READ`], [`WRITE`], [`EXECUTABLE`].
    pub protection: u32,
}

/// A Mach-O to be.
#[derive(Debug, Clone)]
pub struct MachO {
    /// Segments in the order of their addresses.
    pub segments: Vec<Segment>,
    /// Virtual address of the first instruction.
    pub entry: u64,
    /// `LC_UUID`.
    pub uuid: [u8; 16],
    /// Name and address of the symbols that `__LINKEDIT` shall hold.
    pub symbols: Vec<(String, u64)>,
    /// `MH_` flags.
    pub flags: u32,
}

impl MachO {
    /// The file. The header lies over the beginning of the first segment with content; `__LINKEDIT` with the symbols
    /// is added behind the others.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut segments = self.segments.clone();
        let mut strings = vec![0u8];
        let mut table = Vec::new();
        for (name, address) in &self.symbols {
            put32(&mut table, strings.len() as u32);
            table.extend([0x0f, 1]); // N_SECT | N_EXT, first section
            table.extend(0u16.to_le_bytes());
            put64(&mut table, *address);
            strings.push(b'_');
            strings.extend(name.as_bytes());
            strings.push(0);
        }
        let strings_at = table.len();
        table.extend(&strings);
        let end = segments.last().map_or(0, |s| (s.vmaddr + s.vmsize).next_multiple_of(PAGE));
        let size = (table.len() as u64).next_multiple_of(PAGE);
        segments.push(Segment {
            name: "__LINKEDIT",
            vmaddr: end,
            vmsize: size,
            data: table,
            protection: READ,
        });

        let mut at = 0;
        let mut offsets = Vec::new();
        for s in &segments {
            offsets.push(if s.data.is_empty() { 0 } else { at });
            at += (s.data.len() as u64).next_multiple_of(PAGE);
        }
        let mut commands = Vec::new();
        for (s, &offset) in segments.iter().zip(&offsets) {
            commands.push(segment_command(s, offset));
        }
        let linkedit = offsets.last().copied().unwrap_or(0);
        let mut symtab = Vec::new();
        for v in [linkedit, self.symbols.len() as u64, linkedit + strings_at as u64, strings.len() as u64] {
            put32(&mut symtab, v as u32);
        }
        commands.push(command(LC_SYMTAB, &symtab));
        commands.push(command(LC_UUID, &self.uuid));
        commands.push(command(LC_SOURCE_VERSION, &(1u64 << 40).to_le_bytes()));
        commands.push(command(LC_UNIXTHREAD, &thread_state(self.entry)));

        let mut file = Vec::new();
        let sizes: usize = commands.iter().map(Vec::len).sum();
        for v in [0xfeed_facf, 0x0100_000c, 0, EXECUTE, commands.len() as u32, sizes as u32, self.flags, 0] {
            put32(&mut file, v);
        }
        file.extend(commands.concat());
        for (s, &offset) in segments.iter().zip(&offsets).filter(|(s, _)| !s.data.is_empty()) {
            let skip = if offset == 0 { file.len() } else { 0 };
            assert!(s.data.len() >= skip, "the first segment has room for the header");
            file.resize(file.len().max(offset as usize), 0);
            file.extend(s.data.iter().skip(skip));
        }
        file
    }
}

/// The kernel: `__TEXT` (header, constants), `__TEXT_EXEC`, `__LAST`, `__DATA`, as XNU's own segments are called.
pub fn kernel(binary: &[u8], symbols: &Symbols) -> MachO {
    let at = |name: &str| symbols.address(name);
    let (text, exec, last) = (at("text_start"), at("text_exec_start"), at("text_exec_end"));
    let (data, end) = (at("data_start"), at("kernel_end"));
    let image = image(binary);
    let part = |from: u64, to: u64| image_part(&image, text, from, to);
    let segment = |name, from: u64, to: u64, protection| Segment {
        name,
        vmaddr: from,
        vmsize: to - from,
        data: part(from, to),
        protection,
    };
    MachO {
        segments: vec![
            segment("__TEXT", text, exec, READ),
            segment("__TEXT_EXEC", exec, last, READ | EXECUTABLE),
            segment("__LAST", last, data, READ),
            segment("__DATA", data, end, READ | WRITE),
        ],
        entry: at("start"),
        uuid: *b"xnuboot demo k.\0",
        symbols: symbols.iter().map(|(name, address)| (name.to_string(), address)).collect(),
        flags: 0x20_0001, // MH_NOUNDEFS | MH_PIE
    }
}

/// A program: `__PAGEZERO`, `__TEXT`, `__DATA` if it has any.
pub fn program(binary: &[u8], symbols: &Symbols) -> MachO {
    let at = |name: &str| symbols.address(name);
    let (text, data, end) = (at("text_start"), at("data_start"), at("kernel_end"));
    let image = image(binary);
    let mut segments = vec![
        Segment { name: "__PAGEZERO", vmaddr: 0, vmsize: text, data: Vec::new(), protection: 0 },
        Segment {
            name: "__TEXT",
            vmaddr: text,
            vmsize: data - text,
            data: padded(image_part(&image, text, text, data), data - text),
            protection: READ | EXECUTABLE,
        },
    ];
    if end > data {
        segments.push(Segment {
            name: "__DATA",
            vmaddr: data,
            vmsize: end - data,
            data: image_part(&image, text, data, end),
            protection: READ | WRITE,
        });
    }
    MachO {
        segments,
        entry: at("start"),
        uuid: *b"xnuboot demo pid",
        symbols: Vec::new(),
        flags: 0x1, // MH_NOUNDEFS
    }
}

/// The flat binary with the room for the header, which the linker scripts leave, in front.
pub(crate) fn image(binary: &[u8]) -> Vec<u8> {
    const HEADER_ROOM: usize = 0x1000;
    let mut image = vec![0; HEADER_ROOM];
    image.extend(binary);
    image
}

fn image_part(image: &[u8], base: u64, from: u64, to: u64) -> Vec<u8> {
    let end = ((to - base) as usize).min(image.len());
    image.get((from - base) as usize..end).unwrap_or_default().to_vec()
}

fn padded(mut data: Vec<u8>, size: u64) -> Vec<u8> {
    data.resize(size as usize, 0);
    data
}

fn segment_command(s: &Segment, offset: u64) -> Vec<u8> {
    let mut body = Vec::new();
    let mut name = [0; 16];
    for (to, from) in name.iter_mut().zip(s.name.bytes()) {
        *to = from;
    }
    body.extend(name);
    for v in [s.vmaddr, s.vmsize, offset, s.data.len() as u64] {
        put64(&mut body, v);
    }
    for v in [s.protection, s.protection, 0, 0] {
        put32(&mut body, v);
    }
    command(LC_SEGMENT_64, &body)
}

/// `arm_thread_state64`: x0..x28, fp, lr, sp, pc, cpsr, pad; pc is at +0x110 of the command.
fn thread_state(entry: u64) -> Vec<u8> {
    let mut state = Vec::new();
    put32(&mut state, 6); // ARM_THREAD_STATE64
    put32(&mut state, 68);
    state.resize(0x110 - 8, 0);
    put64(&mut state, entry);
    state.resize(8 + 68 * 4, 0);
    state
}

fn command(kind: u32, body: &[u8]) -> Vec<u8> {
    let size = (body.len() + 8).next_multiple_of(8);
    let mut c = Vec::new();
    put32(&mut c, kind);
    put32(&mut c, size as u32);
    c.extend(body);
    c.resize(size, 0);
    c
}

fn put32(to: &mut Vec<u8>, v: u32) {
    to.extend(v.to_le_bytes());
}

fn put64(to: &mut Vec<u8>, v: u64) {
    to.extend(v.to_le_bytes());
}
