//! The volume header, forks and their extents.

use crate::bytes::View;
use crate::{Error, Part, Result, Shared, Source, Time, source::read_vec};
use std::collections::HashMap;

/// Where the volume header is, and how far before the end its copy.
pub(crate) const HEADER_AT: u64 = 1024;
/// Length of the header.
pub(crate) const HEADER_LEN: usize = 512;

/// Catalog node ids that the format fixes.
pub(crate) mod cnid {
    pub(crate) const ROOT_PARENT: u32 = 1;
    pub(crate) const ROOT: u32 = 2;
    pub(crate) const CATALOG: u32 = 4;
    pub(crate) const ATTRIBUTES: u32 = 8;
    pub(crate) const FIRST_USER: u32 = 16;
}

/// Bits of the header's attributes.
pub(crate) mod attributes {
    pub(crate) const UNMOUNTED: u32 = 1 << 8;
    pub(crate) const INCONSISTENT: u32 = 1 << 11 | 1 << 14;
    pub(crate) const JOURNALED: u32 = 1 << 13;
    pub(crate) const EXPANDED_TIMES: u32 = 1 << 29;
}

/// Seconds between 1904-01-01 and 1970-01-01.
pub(crate) const EPOCH: i64 = 2_082_844_800;

/// An HFS+ date: seconds since 1904, or since 1970 where `expanded`; 0 is no date.
pub(crate) fn time(value: u32, expanded: bool) -> Option<Time> {
    let seconds = i64::from(value).saturating_sub(if expanded { 0 } else { EPOCH });
    (value != 0).then_some(Time { seconds, nanoseconds: 0 })
}

/// A run of allocation blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Extent {
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// A fork as a record describes it: 80 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fork {
    /// Bytes.
    pub(crate) size: u64,
    /// Allocation blocks.
    pub(crate) blocks: u32,
    /// The first extents; more are in the overflow file.
    pub(crate) extents: [Extent; 8],
    /// Where the record is, for errors.
    pub(crate) offset: u64,
}

impl Fork {
    pub(crate) const LEN: usize = 80;

    pub(crate) fn parse(v: &View<'_>, at: usize) -> Result<Fork> {
        let v = v.part(at, Fork::LEN, "a fork")?;
        Ok(Fork { size: v.be64(0)?, blocks: v.be32(12)?, extents: extents(&v, 16)?, offset: v.offset(0) })
    }
}

/// Eight extents, as fork and overflow records hold them.
pub(crate) fn extents(v: &View<'_>, at: usize) -> Result<[Extent; 8]> {
    let mut all = [Extent::default(); 8];
    for (i, e) in all.iter_mut().enumerate() {
        let at = at.saturating_add(i.saturating_mul(8));
        *e = Extent { start: v.be32(at)?, count: v.be32(at.saturating_add(4))? };
    }
    Ok(all)
}

/// Which fork of a file, as the keys of the overflow file have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ForkKind {
    Data,
    Resource,
}

/// Extents beyond the first eight: of each fork by the number of blocks before them.
pub(crate) type Overflow = HashMap<(ForkKind, u32), Vec<(u32, [Extent; 8])>>;

/// The volume header.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) case_sensitive_format: bool,
    pub(crate) attributes: u32,
    /// Allocation block of the journal's description.
    pub(crate) journal: u32,
    /// The next number for a new object.
    pub(crate) next_id: u32,
    pub(crate) finder: [u8; 32],
    pub(crate) created: Option<Time>,
    pub(crate) modified: Option<Time>,
    pub(crate) block_size: u32,
    pub(crate) total_blocks: u32,
    pub(crate) free_blocks: u32,
    pub(crate) extents: Fork,
    pub(crate) catalog: Fork,
    pub(crate) attributes_file: Fork,
}

impl Header {
    pub(crate) fn parse(v: &View<'_>) -> Result<Header> {
        let case_sensitive_format = match v.slice(0, 2)? {
            b"H+" => false,
            b"HX" => true,
            _ => return Err(v.bad(0, "the signature of an HFS+ volume", v.be16(0)?)),
        };
        let attributes = v.be32(4)?;
        let expanded = attributes & attributes::EXPANDED_TIMES != 0;
        let block_size = v.be32(40)?;
        if block_size < 512 || !block_size.is_power_of_two() || block_size > 1 << 30 {
            return Err(v.bad(40, "the allocation block size", block_size));
        }
        let mut finder = [0; 32];
        finder.copy_from_slice(v.slice(80, 32)?);
        Ok(Header {
            case_sensitive_format,
            attributes,
            journal: v.be32(12)?,
            next_id: v.be32(64)?,
            finder,
            // The creation date is in local time, of an unknown zone: given as if it were UTC.
            created: time(v.be32(16)?, expanded),
            modified: time(v.be32(20)?, expanded),
            block_size,
            total_blocks: v.be32(44)?,
            free_blocks: v.be32(48)?,
            extents: Fork::parse(v, 192)?,
            catalog: Fork::parse(v, 272)?,
            attributes_file: Fork::parse(v, 352)?,
        })
    }

    /// Reads the header, or its copy at the end when the first is damaged; then also the reason.
    pub(crate) fn read(source: &dyn Source) -> Result<(Header, Option<String>)> {
        let first = Self::read_at(source, HEADER_AT);
        let error = match first {
            Ok(header) => return Ok((header, None)),
            Err(e) => e,
        };
        match source.len().checked_sub(HEADER_AT).map(|at| Self::read_at(source, at)) {
            Some(Ok(header)) => {
                let why = format!("the volume header is damaged ({error}); its copy at the end was used");
                Ok((header, Some(why)))
            }
            _ => Err(error),
        }
    }

    fn read_at(source: &dyn Source, at: u64) -> Result<Header> {
        let bytes = read_vec(source, at, HEADER_LEN as u64)?;
        Self::parse(&View::new(&bytes, at, "the volume header"))
    }
}

/// A fork's bytes as a source: where each run of it is on the volume, and its length.
#[derive(Debug, Clone)]
pub(crate) struct ForkSource {
    volume: Shared,
    /// (first byte in the fork, first byte on the volume, bytes)
    runs: Vec<(u64, u64, u64)>,
    len: u64,
}

impl ForkSource {
    /// Collects the extents of `fork`, those beyond the eighth from `overflow`.
    pub(crate) fn new(
        volume: &Shared,
        header: &Header,
        fork: &Fork,
        overflow: &[(u32, [Extent; 8])],
    ) -> Result<ForkSource> {
        let inconsistent = |what: String| Error::Inconsistent { offset: fork.offset, what };
        let block = u64::from(header.block_size);
        let mut runs: Vec<(u64, u64, u64)> = Vec::new();
        let mut have = 0u64;
        let mut groups = std::iter::once((0, fork.extents)).chain(overflow.iter().copied());
        while have < u64::from(fork.blocks) {
            let Some((before, group)) = groups.next() else {
                return Err(inconsistent(format!(
                    "a fork has extents for {have} of its {} blocks",
                    fork.blocks
                )));
            };
            if u64::from(before) != have {
                return Err(inconsistent(format!(
                    "extents of a fork continue at block {before} instead of {have}"
                )));
            }
            for e in group.iter().filter(|e| e.count != 0) {
                let end = u64::from(e.start).saturating_add(u64::from(e.count));
                let after = have.saturating_add(u64::from(e.count));
                // A fork with more blocks than the volume would let few bytes claim to be many.
                if end > u64::from(header.total_blocks) || after > u64::from(header.total_blocks) {
                    return Err(inconsistent(format!(
                        "an extent of {} blocks at block {} is outside the volume's {} blocks",
                        e.count, e.start, header.total_blocks
                    )));
                }
                let (at, start) = (have.saturating_mul(block), u64::from(e.start).saturating_mul(block));
                let len = u64::from(e.count).saturating_mul(block);
                match runs.last_mut() {
                    Some((_, s, l)) if s.saturating_add(*l) == start => *l = l.saturating_add(len),
                    _ => runs.push((at, start, len)),
                }
                have = after;
            }
        }
        if fork.size > have.saturating_mul(block) {
            return Err(inconsistent(format!(
                "a fork of {} bytes has only {have} blocks of {block}",
                fork.size
            )));
        }
        Ok(ForkSource { volume: volume.clone(), runs, len: fork.size })
    }
}

impl Source for ForkSource {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > self.len) {
            return Err(Error::Truncated { offset, what: "a fork", len: self.len });
        }
        let mut buf = buf;
        let mut offset = offset;
        let mut run = self.runs.partition_point(|&(at, _, len)| at.saturating_add(len) <= offset);
        while !buf.is_empty() {
            let Some(&(at, start, len)) = self.runs.get(run) else {
                return Err(Error::Truncated { offset, what: "a fork", len: self.len });
            };
            let skip = offset.saturating_sub(at);
            let n = crate::bytes::index(len.saturating_sub(skip)).min(buf.len());
            let (now, later) = buf.split_at_mut(n);
            self.volume.read_at(start.saturating_add(skip), now)?;
            buf = later;
            offset = offset.saturating_add(n as u64);
            run = run.saturating_add(1);
        }
        Ok(())
    }
}

/// The HFS+ volume inside an old HFS wrapper (signature `BD`), or the reason why there is none.
pub(crate) fn unwrap_hfs(source: &Shared) -> Result<Shared> {
    let bytes = read_vec(source.as_ref(), HEADER_AT, 162)?;
    let v = View::new(&bytes, HEADER_AT, "the HFS master directory block");
    if v.slice(0x7c, 2)? != b"H+" {
        return Err(Error::Unsupported {
            what: "plain HFS (Mac OS Standard, signature BD)".into(),
            remedy: ": only HFS+, HFSX and APFS volumes are read",
        });
    }
    let block = u64::from(v.be32(0x14)?);
    let start = u64::from(v.be16(0x1c)?)
        .saturating_mul(512)
        .saturating_add(u64::from(v.be16(0x7e)?).saturating_mul(block));
    let len = u64::from(v.be16(0x80)?).saturating_mul(block);
    Ok(std::sync::Arc::new(Part::new(source.clone(), start, len)))
}
