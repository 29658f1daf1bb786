//! Fat files. Kernelcaches since iOS 13 are often one-slice fat files (blacktop/ipsw issues 7 and 775); everything
//! in the header is big-endian.

use crate::{Error, Kind, Result, u32_be};
use std::ops::Range;

/// The same magic starts Java class files, whose next word is a version of 45 and more.
const MAX_SLICES: u32 = 30;
const CPU_TYPE_ARM64: u32 = 0x0100_000c;

/// One slice of a fat file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// `cputype`.
    pub cputype: u32,
    /// `cpusubtype`, with its capability bits.
    pub cpusubtype: u32,
    /// Where it starts in the fat file.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
}

impl Slice {
    /// Apple's name of the architecture.
    pub fn name(&self) -> String {
        match (self.cputype, self.cpusubtype & 0xff_ffff) {
            (CPU_TYPE_ARM64, 2) => "arm64e".into(),
            (CPU_TYPE_ARM64, _) => "arm64".into(),
            (0x0100_0007, 8) => "x86_64h".into(),
            (0x0100_0007, _) => "x86_64".into(),
            (7, _) => "i386".into(),
            (12, 11) => "armv7s".into(),
            (12, 12) => "armv7k".into(),
            (12, _) => "armv7".into(),
            (0x0200_000c, _) => "arm64_32".into(),
            (cpu, sub) => format!("cputype {cpu:#x} subtype {sub:#x}"),
        }
    }
}

/// Whether a fat header starts the bytes: magic, a small count, and a first slice that lies behind the header.
pub(crate) fn looks_fat(data: &[u8]) -> bool {
    let count = u32_be(data, 4).unwrap_or(0);
    data.starts_with(b"\xca\xfe\xba\xbe") && (1..=MAX_SLICES).contains(&count)
}

/// All slices.
pub(crate) fn slices(data: &[u8], base: u64) -> Result<Vec<Slice>> {
    let count = u32_be(data, 4).unwrap_or(0);
    let mut all = Vec::new();
    let mut records = data.get(8..).unwrap_or_default().chunks_exact(20);
    for i in 0..count.min(MAX_SLICES) {
        let record = records.next().ok_or(Error::Truncated {
            layer: Kind::Fat,
            offset: base,
            what: "the header",
            have: data.len() as u64,
            need: u64::from(count).saturating_mul(20).saturating_add(8),
        })?;
        let field = |at| u32_be(record, at).unwrap_or(0);
        let (offset, size) = (u64::from(field(8)), u64::from(field(12)));
        let at = u64::from(i).saturating_mul(20).saturating_add(base);
        if offset < u64::from(count).saturating_mul(20).saturating_add(8) {
            let at = at.saturating_add(16);
            return Err(Error::BadField {
                layer: Kind::Fat,
                offset: at,
                what: "slice offset",
                value: offset,
            });
        }
        all.push(Slice { cputype: field(0), cpusubtype: field(4), offset, size });
    }
    Ok(all)
}

/// The slice that is meant: the wanted one, or the only one, or the only arm64 one.
pub(crate) fn choose(data: &[u8], base: u64, wanted: Option<&str>) -> Result<(Slice, Range<usize>)> {
    let all = slices(data, base)?;
    let names = || all.iter().map(Slice::name).collect::<Vec<_>>();
    let fits: Vec<&Slice> = match wanted {
        Some(wanted) => all.iter().filter(|s| s.name() == wanted).collect(),
        None if all.len() == 1 => all.iter().collect(),
        None => all.iter().filter(|s| s.cputype == CPU_TYPE_ARM64).collect(),
    };
    let slice = match fits.as_slice() {
        [one] => (*one).clone(),
        [] => {
            let wanted = wanted.unwrap_or("arm64").to_string();
            return Err(Error::NoSlice { wanted, slices: names() });
        }
        _ => return Err(Error::AmbiguousSlices { slices: names() }),
    };
    let start = usize::try_from(slice.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(slice.size).unwrap_or(usize::MAX));
    if data.get(start..end).is_none() {
        return Err(Error::Truncated {
            layer: Kind::Fat,
            offset: base.saturating_add(slice.offset),
            what: "the slice",
            have: (data.len() as u64).saturating_sub(slice.offset),
            need: slice.size,
        });
    }
    Ok((slice, start..end))
}
