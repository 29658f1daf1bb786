//! Partition maps: GPT, and Apple's older map.
//!
//! Only what is needed to find file systems: no map is repaired, and a GPT's copy at the end is not read. Facts: UEFI
//! specification 2.10 section 5.3; Inside Macintosh: Devices, chapter 3.

use crate::bytes::View;
use crate::source::{Source, read_vec};
use crate::{Error, Result};

/// Most entries of a map that are read.
const MAX_ENTRIES: u32 = 1024;

/// Which map a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// GUID partition table.
    Gpt,
    /// Apple partition map.
    Apm,
}

impl Scheme {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Gpt => "GPT",
            Scheme::Apm => "Apple partition map",
        }
    }
}

/// A part of a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// What it is for, such as `Apple_HFS`; a GUID where unknown.
    pub kind: String,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub len: u64,
}

/// GUIDs as they are stored, and what they stand for.
const GUIDS: &[(&str, &str)] = &[
    ("48465300-0000-11aa-aa11-00306543ecac", "Apple_HFS"),
    ("7c3457ef-0000-11aa-aa11-00306543ecac", "Apple_APFS"),
    ("69646961-6700-11aa-aa11-00306543ecac", "Apple_APFS_ISC"),
    ("52637672-7900-11aa-aa11-00306543ecac", "Apple_APFS_Recovery"),
    ("426f6f74-0000-11aa-aa11-00306543ecac", "Apple_Boot"),
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI"),
];

/// The partitions of a disk in the order of its map; `None` when it has no map.
pub fn read(source: &dyn Source) -> Result<Option<(Scheme, Vec<Partition>)>> {
    for sector in [512u64, 4096] {
        if let Ok(head) = read_vec(source, sector, 92)
            && head.starts_with(b"EFI PART")
        {
            return gpt(source, sector, &head).map(|p| Some((Scheme::Gpt, p)));
        }
    }
    match read_vec(source, 512, 512) {
        Ok(first) if first.starts_with(b"PM") => apm(source, &first).map(|p| Some((Scheme::Apm, p))),
        _ => Ok(None),
    }
}

fn gpt(source: &dyn Source, sector: u64, head: &[u8]) -> Result<Vec<Partition>> {
    let v = View::new(head, sector, "the GPT header");
    let (table, count, size) = (v.le64(72)?.saturating_mul(sector), v.le32(80)?, v.le32(84)?);
    if !(128..=4096).contains(&size) {
        return Err(v.bad(84, "the size of a GPT entry", size));
    }
    if count > MAX_ENTRIES {
        let what = "the number of GPT entries";
        return Err(Error::Limit {
            offset: v.offset(80),
            what,
            value: count.into(),
            limit: MAX_ENTRIES.into(),
        });
    }
    let entries = read_vec(source, table, u64::from(count).saturating_mul(size.into()))?;
    let mut all = Vec::new();
    for (entry, at) in entries.chunks_exact(size as usize).zip((table..).step_by(size as usize)) {
        let e = View::new(entry, at, "a GPT entry");
        let guid = e.slice(0, 16)?;
        if guid.iter().all(|&b| b == 0) {
            continue;
        }
        let (first, last) = (e.le64(32)?, e.le64(40)?);
        let sectors =
            last.checked_sub(first).ok_or_else(|| e.bad(40, "the last sector of a partition", last))?;
        let name: Vec<u16> = e
            .slice(56, 72)?
            .chunks_exact(2)
            .map(|c| c.iter().rev().fold(0u16, |n, &b| n << 8 | u16::from(b)))
            .take_while(|&u| u != 0)
            .collect();
        let guid = guid_text(&e)?;
        let kind = GUIDS.iter().find(|(g, _)| *g == guid).map_or(guid.clone(), |(_, n)| n.to_string());
        all.push(Partition {
            name: String::from_utf16_lossy(&name),
            kind,
            start: first.saturating_mul(sector),
            len: sectors.saturating_add(1).saturating_mul(sector),
        });
    }
    Ok(all)
}

/// The first three fields are little-endian, the rest is bytes.
fn guid_text(e: &View<'_>) -> Result<String> {
    let hex = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{}-{}",
        e.le32(0)?,
        e.le16(4)?,
        e.le16(6)?,
        hex(e.slice(8, 2)?),
        hex(e.slice(10, 6)?)
    ))
}

fn apm(source: &dyn Source, first: &[u8]) -> Result<Vec<Partition>> {
    let v = View::new(first, 512, "the first entry of the Apple partition map");
    let count = v.be32(4)?;
    if count > MAX_ENTRIES {
        let what = "the number of entries of the Apple partition map";
        return Err(Error::Limit { offset: 516, what, value: count.into(), limit: MAX_ENTRIES.into() });
    }
    let mut all = Vec::new();
    for i in 1..=u64::from(count) {
        let at = i.saturating_mul(512);
        let entry = read_vec(source, at, 512)?;
        let e = View::new(&entry, at, "an entry of the Apple partition map");
        if e.slice(0, 2)? != b"PM" {
            break;
        }
        let text = |at| -> Result<String> {
            let bytes = e.slice(at, 32)?;
            let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
            Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
        };
        all.push(Partition {
            name: text(16)?,
            kind: text(48)?,
            start: u64::from(e.be32(8)?).saturating_mul(512),
            len: u64::from(e.be32(12)?).saturating_mul(512),
        });
    }
    Ok(all)
}
