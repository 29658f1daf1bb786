//! As much of a Mach-O as its signature needs: slices, segments, `LC_CODE_SIGNATURE`.
//!
//! 32 and 64-bit little-endian files, fat files with 32 and 64-bit tables. Big-endian (PowerPC) files are not known.

use crate::bytes::{View, index};
use crate::{Error, Result, Signature};

pub(crate) const LC_SEGMENT: u32 = 1;
pub(crate) const LC_SEGMENT_64: u32 = 0x19;
pub(crate) const LC_CODE_SIGNATURE: u32 = 0x1d;
/// `MH_OBJECT`: not linked yet, and never signed.
pub(crate) const OBJECT: u32 = 1;
/// `MH_EXECUTE`.
pub(crate) const EXECUTE: u32 = 2;
/// Slices of a fat file that are believed; the architectures that exist are fewer.
const MAX_SLICES: u32 = 64;
/// Load commands that are believed.
const MAX_COMMANDS: u32 = 16 << 10;

/// Whether bytes start as a Mach-O or fat file does (a Java class, which shares the fat magic, does not).
pub fn is_macho(start: &[u8]) -> bool {
    match start.first_chunk::<4>() {
        Some([0xcf | 0xce, 0xfa, 0xed, 0xfe]) => true,
        Some([0xca, 0xfe, 0xba, 0xbe | 0xbf]) => {
            start.get(4..8).is_some_and(|n| matches!(n, [0, 0, 0, 1..=0x1e]))
        }
        _ => false,
    }
}

/// A file with its slices.
#[derive(Debug, Clone)]
pub struct MachO<'a> {
    slices: Vec<Slice<'a>>,
    pub(crate) fat: Option<Fat>,
}

/// How a fat file keeps its slices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fat {
    /// Table entries with 64-bit offsets.
    pub(crate) wide: bool,
}

/// A slice of a fat file, or the whole of a thin one.
#[derive(Debug, Clone)]
pub struct Slice<'a> {
    /// CPU type, such as 0x0100000c for arm64.
    pub cpu_type: u32,
    /// CPU subtype with its capability bits.
    pub cpu_subtype: u32,
    /// Where it is in the file.
    pub offset: u64,
    /// Its alignment in a fat file, as a power of two.
    pub align: u32,
    /// `MH_EXECUTE` (2), `MH_DYLIB` (6) and so on.
    pub file_type: u32,
    bytes: &'a [u8],
    pub(crate) wide: bool,
    pub(crate) commands: Vec<Command>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) signature: Option<Linked>,
}

/// A load command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    pub(crate) size: u32,
}

/// `linkedit_data_command` and where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linked {
    pub(crate) command: u64,
    pub(crate) offset: u32,
    pub(crate) size: u32,
}

/// A segment.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) name: [u8; 16],
    pub(crate) command: u64,
    pub(crate) vmaddr: u64,
    pub(crate) vmsize: u64,
    pub(crate) fileoff: u64,
    pub(crate) filesize: u64,
    /// Lowest file offset of a section with contents.
    pub(crate) first_section: Option<u64>,
}

impl<'a> MachO<'a> {
    /// Finds the slices of a file and reads their load commands.
    ///
    /// # Errors
    /// The file is none, or its tables lead outside of it.
    pub fn parse(file: &'a [u8]) -> Result<MachO<'a>> {
        let v = View::new(file, "the fat header");
        let start = || file.get(..file.len().min(8)).unwrap_or_default().to_vec();
        if !is_macho(file) {
            return Err(Error::NotMachO(start()));
        }
        let wide = match file.get(..4) {
            Some([0xca, 0xfe, 0xba, last]) => *last == 0xbf,
            _ => return Ok(MachO { slices: vec![Slice::parse(file, 0, 14)?], fat: None }),
        };
        let count = v.be32(4)?;
        if count > MAX_SLICES {
            return Err(v.bad(4, "the number of slices", count));
        }
        let mut slices = Vec::new();
        let mut end = 0;
        let entry = if wide { 32 } else { 20 };
        for i in 0..u64::from(count) {
            let at = i.saturating_mul(entry).saturating_add(8);
            let (offset, size, align) = match wide {
                true => (v.be64(at.saturating_add(8))?, v.be64(at.saturating_add(16))?, 24),
                false => (v.be32(at.saturating_add(8))?.into(), v.be32(at.saturating_add(12))?.into(), 16),
            };
            let align = v.be32(at.saturating_add(align))?;
            if align > 24 {
                return Err(v.bad(at, "the alignment of a slice", align));
            }
            if offset < end {
                return Err(v.bad(at, "the offset of a slice that overlaps the one before", offset));
            }
            let bytes = View::new(file, "a slice").slice(offset, size)?;
            end = offset.saturating_add(size);
            slices.push(Slice::parse(bytes, offset, align)?);
        }
        Ok(MachO { slices, fat: Some(Fat { wide }) })
    }

    /// Its slices, in the order of the file; one for a thin file.
    pub fn slices(&self) -> &[Slice<'a>] {
        &self.slices
    }

    /// Whether it is a fat file.
    pub fn is_fat(&self) -> bool {
        self.fat.is_some()
    }

    /// Whether every slice has a signature.
    pub fn is_signed(&self) -> bool {
        self.slices.iter().all(|s| s.signature.is_some())
    }

    /// Whether it is something that gets signed: linked, not an object file.
    pub fn can_be_signed(&self) -> bool {
        self.slices.iter().all(|s| s.file_type != OBJECT)
    }
}

impl<'a> Slice<'a> {
    fn parse(bytes: &'a [u8], offset: u64, align: u32) -> Result<Slice<'a>> {
        let v = View::new(bytes, "a Mach-O");
        let wide = match v.slice(0, 4)? {
            [0xcf, 0xfa, 0xed, 0xfe] => true,
            [0xce, 0xfa, 0xed, 0xfe] => false,
            other => return Err(Error::NotMachO(other.to_vec())),
        };
        let header = if wide { 32u64 } else { 28 };
        let (count, total) = (v.le32(16)?, v.le32(20)?);
        if count > MAX_COMMANDS {
            return Err(v.bad(16, "the number of load commands", count));
        }
        let end = header.saturating_add(total.into());
        v.slice(header, total.into())?;
        let mut slice = Slice {
            cpu_type: v.le32(4)?,
            cpu_subtype: v.le32(8)?,
            file_type: v.le32(12)?,
            offset,
            align,
            bytes,
            wide,
            commands: Vec::new(),
            segments: Vec::new(),
            signature: None,
        };
        let mut at = header;
        for _ in 0..count {
            let (kind, size) = (v.le32(at)?, v.le32(at.saturating_add(4))?);
            let next = at.saturating_add(size.into());
            if size < 8 || next > end {
                return Err(v.bad(at.saturating_add(4), "the size of a load command", size));
            }
            slice.commands.push(Command { kind, offset: at, size });
            match kind {
                LC_SEGMENT | LC_SEGMENT_64 if (kind == LC_SEGMENT_64) == wide => {
                    slice.segments.push(segment(&v, at, next, wide)?);
                }
                LC_CODE_SIGNATURE => {
                    if size != 16 {
                        return Err(v.bad(at.saturating_add(4), "the size of LC_CODE_SIGNATURE", size));
                    }
                    if slice.signature.is_some() {
                        return Err(v.bad(at, "a second load command of the kind", kind));
                    }
                    let linked = Linked {
                        command: at,
                        offset: v.le32(at.saturating_add(8))?,
                        size: v.le32(at.saturating_add(12))?,
                    };
                    View::new(bytes, "the code signature").slice(linked.offset.into(), linked.size.into())?;
                    slice.signature = Some(linked);
                }
                _ => {}
            }
            at = next;
        }
        Ok(slice)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its architecture as `lipo` and `-arch` call it.
    pub fn name(&self) -> String {
        let sub = self.cpu_subtype & 0x00ff_ffff;
        match (self.cpu_type, sub) {
            (0x0100_000c, 2) => "arm64e".into(),
            (0x0100_000c, 1) => "arm64v8".into(),
            (0x0100_000c, _) => "arm64".into(),
            (0x0200_000c, _) => "arm64_32".into(),
            (0xc, 12) => "armv7k".into(),
            (0xc, 11) => "armv7s".into(),
            (0xc, 9) => "armv7".into(),
            (0xc, 6) => "armv6".into(),
            (0xc, _) => "arm".into(),
            (0x0100_0007, 8) => "x86_64h".into(),
            (0x0100_0007, _) => "x86_64".into(),
            (7, _) => "i386".into(),
            (cpu, sub) => format!("cpu-{cpu:#x}-{sub:#x}"),
        }
    }

    /// Whether `LC_CODE_SIGNATURE` is there.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Reads its signature; `None` when there is none.
    ///
    /// # Errors
    /// The signature is one that XNU refuses.
    pub fn signature(&self) -> Result<Option<Signature<'a>>> {
        let Some(linked) = self.signature else { return Ok(None) };
        let bytes =
            View::new(self.bytes, "the code signature").slice(linked.offset.into(), linked.size.into())?;
        Signature::parse(bytes).map(Some)
    }

    /// The segment of that name.
    pub(crate) fn segment(&self, name: &[u8]) -> Option<&Segment> {
        self.segments.iter().find(|s| {
            let end = s.name.iter().position(|&b| b == 0).unwrap_or(16);
            s.name.get(..end) == Some(name)
        })
    }

    /// Contents of a section in a segment, such as the `Info.plist` that is linked into a program.
    pub(crate) fn section(&self, segment: &str, section: &str) -> Option<&'a [u8]> {
        let v = View::new(self.bytes, "a section");
        let (head, each, size_at, offset_at) = if self.wide { (72, 80, 40, 48) } else { (56, 68, 36, 40) };
        for c in self.commands.iter().filter(|c| matches!(c.kind, LC_SEGMENT | LC_SEGMENT_64)) {
            let count = u64::from(c.size).saturating_sub(head) / each;
            for i in 0..count {
                let at = c.offset.saturating_add(head).saturating_add(i.saturating_mul(each));
                let named = |at, name: &str| {
                    v.slice(at, 16).is_ok_and(|n| n.split(|&b| b == 0).next() == Some(name.as_bytes()))
                };
                if named(at, section) && named(at.saturating_add(16), segment) {
                    let size = match self.wide {
                        true => v.le64(at.saturating_add(size_at)).ok()?,
                        false => v.le32(at.saturating_add(size_at)).ok()?.into(),
                    };
                    let offset = v.le32(at.saturating_add(offset_at)).ok()?;
                    return v.slice(offset.into(), size).ok();
                }
            }
        }
        None
    }

    /// Bytes up to `limit`, cut to what there is.
    pub(crate) fn up_to(&self, limit: u64) -> &'a [u8] {
        self.bytes.get(..index(limit).min(self.bytes.len())).unwrap_or_default()
    }
}

fn segment(v: &View<'_>, at: u64, end: u64, wide: bool) -> Result<Segment> {
    let (head, each) = if wide { (72u64, 80u64) } else { (56, 68) };
    if at.saturating_add(head) > end {
        return Err(v.bad(at.saturating_add(4), "the size of a segment command", end.saturating_sub(at)));
    }
    let mut name = [0; 16];
    name.copy_from_slice(v.slice(at.saturating_add(8), 16)?);
    let word = |i: u64| -> Result<u64> {
        match wide {
            true => v.le64(at.saturating_add(24).saturating_add(i.saturating_mul(8))),
            false => v.le32(at.saturating_add(24).saturating_add(i.saturating_mul(4))).map(u64::from),
        }
    };
    let count = v.le32(at.saturating_add(if wide { 64 } else { 48 }))?;
    if u64::from(count) > end.saturating_sub(at).saturating_sub(head) / each {
        return Err(v.bad(at, "the number of sections", count));
    }
    let mut first_section: Option<u64> = None;
    for i in 0..u64::from(count) {
        let s = at.saturating_add(head).saturating_add(i.saturating_mul(each));
        let offset = u64::from(v.le32(s.saturating_add(if wide { 48 } else { 40 }))?);
        let kind = v.le32(s.saturating_add(if wide { 64 } else { 56 }))? & 0xff;
        // Sections of zeros (S_ZEROFILL, S_GB_ZEROFILL, S_THREAD_LOCAL_ZEROFILL) have no contents.
        if offset != 0 && !matches!(kind, 1 | 0xc | 0x12) {
            first_section = Some(first_section.map_or(offset, |f| f.min(offset)));
        }
    }
    Ok(Segment {
        name,
        command: at,
        vmaddr: word(0)?,
        vmsize: word(1)?,
        fileoff: word(2)?,
        filesize: word(3)?,
        first_section,
    })
}
