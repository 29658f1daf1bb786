//! Mach-O files of kernels: segments anywhere, filesets with a kernel inside, fixups and relocations.
//!
//! Layouts from `mach-o/loader.h` and `mach-o/fixup-chains.h` (apple-oss-distributions/xnu, EXTERNAL_HEADERS).

const PAGE: u64 = 0x4000;
const LC_SYMTAB: u32 = 2;
const LC_UNIXTHREAD: u32 = 5;
const LC_DYSYMTAB: u32 = 0xb;
const LC_SEGMENT_64: u32 = 0x19;
const LC_UUID: u32 = 0x1b;
const LC_CHAINED_FIXUPS: u32 = 0x8000_0034;
const LC_FILESET_ENTRY: u32 = 0x8000_0035;

/// A section to be: of the segment that it lies in.
#[derive(Debug, Clone)]
pub struct Section {
    pub name: &'static str,
    pub vmaddr: u64,
    pub size: u64,
}

/// A segment to be.
#[derive(Debug, Clone)]
pub struct Segment {
    pub name: &'static str,
    pub vmaddr: u64,
    pub vmsize: u64,
    pub data: Vec<u8>,
    pub protection: u32,
    pub sections: Vec<Section>,
}

impl Segment {
    /// With these bytes and whole pages of memory.
    pub fn new(name: &'static str, vmaddr: u64, data: Vec<u8>, protection: u32) -> Segment {
        let vmsize = (data.len() as u64).next_multiple_of(PAGE);
        Segment { name, vmaddr, vmsize, data, protection, sections: Vec::new() }
    }

    /// A placeholder of no size.
    pub fn empty(name: &'static str, vmaddr: u64, protection: u32) -> Segment {
        Segment { name, vmaddr, vmsize: 0, data: Vec::new(), protection, sections: Vec::new() }
    }
}

/// Four chained pointers in one page.
#[derive(Debug, Clone, Copy)]
pub struct Fixups {
    /// Address of the collection's header.
    pub base: u64,
    /// Address of the first pointer.
    pub place: u64,
    /// Number of the segment that holds it.
    pub segment: usize,
}

/// A Mach-O to be. The first segment holds the header.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub filetype: u32,
    pub subtype: u32,
    pub flags: u32,
    pub uuid: [u8; 16],
    pub entry: Option<u64>,
    pub segments: Vec<Segment>,
    /// Offsets from the first segment of words that a slide changes.
    pub relocations: Vec<u32>,
    pub fixups: Option<Fixups>,
    /// Name and address of the only entry.
    pub fileset: Option<(&'static str, u64)>,
}

impl Image {
    /// Adds `__LINKEDIT` with relocations or fixups.
    pub fn linkedit(mut self, vmaddr: u64) -> Image {
        let mut data = Vec::new();
        for &offset in &self.relocations {
            put32(&mut data, offset);
            put32(&mut data, 3 << 25); // eight bytes, local, a pointer
        }
        if let Some(fixups) = self.fixups {
            data = fixup_bytes(&fixups, &self.segments);
        }
        data.resize(data.len().max(16), 0);
        self.segments.push(Segment::new("__LINKEDIT", vmaddr, data, 1));
        self
    }

    /// File offsets of the segments' bytes.
    fn offsets(&self) -> Vec<u64> {
        let mut at = 0;
        let place = |s: &Segment| {
            let here = if s.data.is_empty() { 0 } else { at };
            at += (s.data.len() as u64).next_multiple_of(PAGE);
            here
        };
        self.segments.iter().map(place).collect()
    }

    /// The header with its commands; `offset_of` says where in the file an address is.
    fn header(&self, offset_of: &dyn Fn(&Segment) -> u64, linkedit: (u64, u64)) -> Vec<u8> {
        let mut commands: Vec<Vec<u8>> = self.segments.iter().map(|s| segment(s, offset_of(s))).collect();
        commands.push(command(LC_SYMTAB, &[0; 16]));
        let mut tables = vec![0; 72];
        if !self.relocations.is_empty() {
            tables[64..68].copy_from_slice(&(linkedit.0 as u32).to_le_bytes());
            tables[68..72].copy_from_slice(&(self.relocations.len() as u32).to_le_bytes());
        }
        commands.push(command(LC_DYSYMTAB, &tables));
        commands.push(command(LC_UUID, &self.uuid));
        if let Some(entry) = self.entry {
            commands.push(command(LC_UNIXTHREAD, &thread_state(entry)));
        }
        if self.fixups.is_some() {
            let body = [linkedit.0 as u32, linkedit.1 as u32].map(u32::to_le_bytes).concat();
            commands.push(command(LC_CHAINED_FIXUPS, &body));
        }
        if let Some((name, vmaddr)) = self.fileset {
            let mut body = Vec::new();
            put64(&mut body, vmaddr);
            put64(&mut body, vmaddr - self.segments.first().map_or(0, |s| s.vmaddr));
            put32(&mut body, 32);
            put32(&mut body, 0);
            body.extend(name.as_bytes());
            body.push(0);
            commands.push(command(LC_FILESET_ENTRY, &body));
        }
        let sizes: usize = commands.iter().map(Vec::len).sum();
        let mut out = Vec::new();
        let fields =
            [0xfeed_facf, 0x0100_000c, self.subtype, self.filetype, commands.len() as u32, sizes as u32];
        for v in fields.into_iter().chain([self.flags, 0]) {
            put32(&mut out, v);
        }
        out.extend(commands.concat());
        out
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let offsets = self.offsets();
        let offset = |s: &Segment| {
            let n = self.segments.iter().position(|other| std::ptr::eq(other, s)).unwrap_or(0);
            offsets.get(n).copied().unwrap_or(0)
        };
        let linkedit = self.segments.last().map_or((0, 0), |s| (offset(s), s.data.len() as u64));
        let mut file = Vec::new();
        for (s, &at) in self.segments.iter().zip(&offsets).filter(|(s, _)| !s.data.is_empty()) {
            file.resize(at as usize, 0);
            file.extend(&s.data);
        }
        let header = self.header(&offset, linkedit);
        assert!(header.len() <= 0x1000, "the header fits the room that the linker script leaves");
        file[..header.len()].copy_from_slice(&header);
        file
    }

    /// The file of a collection with the header of the kernel inside, whose offsets are those of the whole file.
    pub fn with_inner(&self, inner: &Image, vmaddr: u64) -> Vec<u8> {
        let mut file = self.to_bytes();
        let offsets = self.offsets();
        let offset = |s: &Segment| {
            let outer = self.segments.iter().position(|other| other.vmaddr == s.vmaddr);
            outer.and_then(|n| offsets.get(n)).copied().unwrap_or(0)
        };
        let header = inner.header(&offset, (0, 0));
        assert!(header.len() <= 0x1000, "the header fits the room that the linker script leaves");
        let at = (vmaddr - self.segments.first().map_or(0, |s| s.vmaddr)) as usize;
        file[at..at + header.len()].copy_from_slice(&header);
        file
    }
}

/// `dyld_chained_fixups_header`, starts in image, starts in the one segment.
fn fixup_bytes(fixups: &Fixups, segments: &[Segment]) -> Vec<u8> {
    const STARTS: u32 = 32;
    let mut out = Vec::new();
    // Version, starts, imports, symbols, count of imports, their format, symbols' format.
    for v in [0, STARTS, 0, 0, 0, 1, 0, 0] {
        put32(&mut out, v);
    }
    let count = segments.len() as u32 + 1; // and __LINKEDIT
    put32(&mut out, count);
    let info = (4 + 4 * count).next_multiple_of(8);
    for n in 0..count {
        put32(&mut out, if n as usize == fixups.segment { info } else { 0 });
    }
    out.resize((STARTS + info) as usize, 0);
    let segment = &segments[fixups.segment];
    let page = (fixups.place - segment.vmaddr) / PAGE;
    let pages = page as u16 + 1;
    put32(&mut out, 22 + 2 * u32::from(pages));
    out.extend((PAGE as u16).to_le_bytes());
    out.extend(8u16.to_le_bytes()); // DYLD_CHAINED_PTR_64_KERNEL_CACHE
    put64(&mut out, segment.vmaddr - fixups.base);
    put32(&mut out, 0);
    out.extend(pages.to_le_bytes());
    for n in 0..pages {
        let start = if u64::from(n) == page { (fixups.place % PAGE) as u16 } else { 0xffff };
        out.extend(start.to_le_bytes());
    }
    out
}

fn segment(s: &Segment, offset: u64) -> Vec<u8> {
    let mut body = name(s.name);
    for v in [s.vmaddr, s.vmsize, offset, s.data.len() as u64] {
        put64(&mut body, v);
    }
    for v in [s.protection, s.protection, s.sections.len() as u32, 0] {
        put32(&mut body, v);
    }
    for section in &s.sections {
        body.extend(name(section.name));
        body.extend(name(s.name));
        put64(&mut body, section.vmaddr);
        put64(&mut body, section.size);
        put32(&mut body, (offset + section.vmaddr - s.vmaddr) as u32);
        body.extend([0; 28]);
    }
    command(LC_SEGMENT_64, &body)
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(16, 0);
    bytes
}

/// `arm_thread_state64`: pc is at +0x110 of the command.
fn thread_state(entry: u64) -> Vec<u8> {
    let mut state = Vec::new();
    put32(&mut state, 6);
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
