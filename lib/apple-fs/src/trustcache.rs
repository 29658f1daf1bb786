//! Trust caches: the list of code hashes that a kernel lets run.
//!
//! Read and written as the payload of an IM4P of type `trst`, `rtsc` or `ltrs`. Nothing is signed here, and hashes are
//! not computed from code: the crate `code-signature` does. Facts: `apple-oss-distributions/xnu:osfmk/kern/trustcache.h` (xnu-4903), `osfmk/kern/cs_blobs.h`,
//! `CRKatri/trustcache:trustcache.h`.
//!
//! ```
//! use apple_fs::trustcache::{Entry, HashType, TrustCache};
//!
//! let cache = TrustCache::new(1, [7; 16], vec![Entry::new([0x20; 20], HashType::Sha256Truncated)]);
//! assert_eq!(TrustCache::parse(&cache.to_bytes()), Ok(cache));
//! ```

use crate::bytes::View;
use crate::{Error, Result};
use std::fmt;

/// Length of the header: version, UUID, number of entries.
const HEADER: usize = 24;

/// How a code hash was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashType {
    /// SHA-1 (1).
    Sha1,
    /// SHA-256 (2).
    Sha256,
    /// SHA-256 cut to 20 bytes (3).
    Sha256Truncated,
    /// SHA-384 (4).
    Sha384,
    /// Another number.
    Other(u8),
}

impl HashType {
    /// The type with this number.
    pub fn from_number(n: u8) -> Self {
        match n {
            1 => HashType::Sha1,
            2 => HashType::Sha256,
            3 => HashType::Sha256Truncated,
            4 => HashType::Sha384,
            n => HashType::Other(n),
        }
    }

    /// Its number.
    pub fn number(self) -> u8 {
        match self {
            HashType::Sha1 => 1,
            HashType::Sha256 => 2,
            HashType::Sha256Truncated => 3,
            HashType::Sha384 => 4,
            HashType::Other(n) => n,
        }
    }
}

impl fmt::Display for HashType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HashType::Sha1 => f.write_str("sha1"),
            HashType::Sha256 => f.write_str("sha256"),
            HashType::Sha256Truncated => f.write_str("sha256-truncated"),
            HashType::Sha384 => f.write_str("sha384"),
            HashType::Other(n) => write!(f, "type-{n}"),
        }
    }
}

/// A code hash and what the cache says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// First 20 bytes of the hash of the code directory.
    pub cdhash: [u8; 20],
    /// How the hash was made. Version 0 does not say: SHA-1 or cut SHA-256.
    pub hash_type: HashType,
    /// Bit 0: handled by AMFI's daemon; bit 1: model of the neural engine.
    pub flags: u8,
    /// Constraint category (version 2; 0 for none).
    pub category: u8,
}

impl Entry {
    /// An entry without flags.
    pub fn new(cdhash: [u8; 20], hash_type: HashType) -> Self {
        Entry { cdhash, hash_type, flags: 0, category: 0 }
    }
}

/// A trust cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustCache {
    /// 0, 1 or 2.
    pub version: u32,
    /// Identification; a kernel does not interpret it.
    pub uuid: [u8; 16],
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

fn entry_len(version: u32) -> Option<usize> {
    match version {
        0 => Some(20),
        1 => Some(22),
        2 => Some(24),
        _ => None,
    }
}

impl TrustCache {
    /// A cache with these entries, sorted by hash and without repetitions, as kernels need them for searching.
    /// Versions above 2 become 2.
    pub fn new(version: u32, uuid: [u8; 16], mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable();
        entries.dedup_by_key(|e| e.cdhash);
        TrustCache { version: version.min(2), uuid, entries }
    }

    /// Reads a cache. Bytes behind the last entry must be zeros (padding).
    pub fn parse(bytes: &[u8]) -> Result<TrustCache> {
        let v = View::new(bytes, 0, "the trust cache");
        let version = v.le32(0)?;
        let size = entry_len(version).ok_or_else(|| v.bad(0, "the version of a trust cache", version))?;
        let mut uuid = [0; 16];
        uuid.copy_from_slice(v.slice(4, 16)?);
        let count = v.le32(20)?;
        let room = v.len().saturating_sub(HEADER) / size;
        if count as usize > room {
            return Err(v.bad(20, "the number of entries of a trust cache", count));
        }
        let list = v.slice(HEADER, size.saturating_mul(count as usize))?;
        let mut entries = Vec::with_capacity(count as usize);
        for e in list.chunks_exact(size) {
            let e = View::new(e, 0, "an entry of the trust cache");
            let mut cdhash = [0; 20];
            cdhash.copy_from_slice(e.slice(0, 20)?);
            let (kind, flags) = if version > 0 { (e.u8(20)?, e.u8(21)?) } else { (1, 0) };
            let category = if version > 1 { e.u8(22)? } else { 0 };
            entries.push(Entry { cdhash, hash_type: HashType::from_number(kind), flags, category });
        }
        let rest = v.rest(HEADER.saturating_add(list.len()))?;
        if rest.bytes().iter().any(|&b| b != 0) {
            return Err(Error::Inconsistent {
                offset: rest.offset(0),
                what: format!(
                    "{} bytes that are not zeros follow the trust cache's {count} entries",
                    rest.len()
                ),
            });
        }
        Ok(TrustCache { version, uuid, entries })
    }

    /// The bytes of the cache.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.version.to_le_bytes());
        out.extend_from_slice(&self.uuid);
        out.extend_from_slice(&u32::try_from(self.entries.len()).unwrap_or(u32::MAX).to_le_bytes());
        for e in &self.entries {
            out.extend_from_slice(&e.cdhash);
            if self.version > 0 {
                out.extend_from_slice(&[e.hash_type.number(), e.flags]);
            }
            if self.version > 1 {
                out.extend_from_slice(&[e.category, 0]);
            }
        }
        out
    }

    /// The entry of a hash.
    pub fn find(&self, cdhash: &[u8; 20]) -> Option<&Entry> {
        // Version 0 has no order, and others may lack it: every entry is looked at.
        self.entries.iter().find(|e| e.cdhash == *cdhash)
    }

    /// Whether the entries are in the order that versions 1 and 2 need.
    pub fn is_sorted(&self) -> bool {
        self.entries.is_sorted_by_key(|e| e.cdhash)
    }
}

impl fmt::Display for TrustCache {
    /// One line for the cache, one for each entry.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex =
            |f: &mut fmt::Formatter<'_>, bytes: &[u8]| bytes.iter().try_for_each(|b| write!(f, "{b:02x}"));
        write!(f, "version {} uuid ", self.version)?;
        hex(f, &self.uuid)?;
        write!(f, " entries {}", self.entries.len())?;
        for e in &self.entries {
            writeln!(f)?;
            hex(f, &e.cdhash)?;
            if self.version > 0 {
                write!(f, " {} flags {:#x}", e.hash_type, e.flags)?;
            }
            if self.version > 1 {
                write!(f, " category {}", e.category)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries, the second with a flag: the vector of the project's reference.
    fn sample() -> Vec<u8> {
        let mut v = vec![1, 0, 0, 0];
        v.extend(0..16u8);
        v.extend([2, 0, 0, 0]);
        v.extend([0x10; 20]);
        v.extend([2, 0]);
        v.extend([0x20; 20]);
        v.extend([2, 1]);
        v
    }

    #[test]
    fn a_cache_reads_and_writes_back_to_the_same_bytes() {
        let cache = TrustCache::parse(&sample()).unwrap();
        assert_eq!((cache.version, cache.entries.len(), cache.is_sorted()), (1, 2, true));
        assert_eq!((cache.entries[1].cdhash, cache.entries[1].flags), ([0x20; 20], 1));
        assert_eq!(cache.to_bytes(), sample());
        let padded = [sample(), vec![0; 100]].concat();
        assert_eq!(TrustCache::parse(&padded).unwrap(), cache);
        assert!(cache.to_string().ends_with("2020202020202020202020202020202020202020 sha256 flags 0x1"));
    }

    #[test]
    fn every_version_round_trips_and_new_ones_are_sorted() {
        let e = |n, category| Entry { category, ..Entry::new([n; 20], HashType::Sha1) };
        for version in 0..3 {
            let c = if version == 2 { 9 } else { 0 };
            let cache = TrustCache::new(version, [5; 16], vec![e(3, c), e(1, c), e(3, c), e(2, c)]);
            assert_eq!(cache.entries.iter().map(|e| e.cdhash[0]).collect::<Vec<_>>(), [1, 2, 3]);
            assert_eq!(TrustCache::parse(&cache.to_bytes()).unwrap(), cache);
        }
    }

    #[test]
    fn truncation_and_false_counts_are_refused() {
        let good = sample();
        for cut in 0..good.len() {
            assert!(TrustCache::parse(&good[..cut]).is_err(), "cut at {cut}");
        }
        let mut bad = good.clone();
        bad[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(TrustCache::parse(&bad), Err(Error::BadField { offset: 20, .. })));
        let mut bad = good.clone();
        bad[0] = 3;
        assert!(matches!(TrustCache::parse(&bad), Err(Error::BadField { offset: 0, .. })));
        let tail = [good, vec![1]].concat();
        assert!(matches!(TrustCache::parse(&tail), Err(Error::Inconsistent { offset: 68, .. })));
    }
}
