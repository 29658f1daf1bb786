//! The static trust cache as the loader hands it over ("EXTRADATA").
//!
//! Layout (`osfmk/kern/trustcache.h` of xnu-4903 and xnu-6153): u32 count, u32 offset[count], then modules of
//! {u32 version, u8 uuid[16], u32 entries, entries of 22 bytes (24 in version 2)}.

use crate::{Error, Result};

/// {count 1, offset 8}.
const HEADER: [u8; 8] = [1, 0, 0, 0, 8, 0, 0, 0];
/// Version, uuid, number of entries.
const MODULE_HEADER: usize = 24;

/// The trust cache to load. What an IPSW holds is one bare module, to which the header is added; what has the header
/// already is taken as it is; without any, an empty cache is made, since newer systems do not go on without one.
///
/// # Errors
/// A module whose entries do not fit its bytes, or an unknown version.
pub fn wrap_trust_cache(data: Option<&[u8]>) -> Result<Vec<u8>> {
    let Some(data) = data else {
        let mut empty = HEADER.to_vec();
        empty.extend(1u32.to_le_bytes());
        empty.resize(HEADER.len() + MODULE_HEADER, 0);
        return Ok(empty);
    };
    if data.starts_with(&HEADER) && module_fits(data.get(HEADER.len()..).unwrap_or_default()) {
        return Ok(data.to_vec());
    }
    if several(data) {
        return Ok(data.to_vec());
    }
    if !module_fits(data) {
        return Err(Error::Input {
            input: "trust cache",
            why: "neither a module of version 0 to 2 nor a cache of such modules, or its entries do not fit its bytes"
                .into(),
        });
    }
    Ok([&HEADER, data].concat())
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn module_fits(module: &[u8]) -> bool {
    let (Some(version), Some(entries)) = (u32_at(module, 0), u32_at(module, 20)) else { return false };
    let size = match version {
        0 => 20,
        1 => 22,
        2 => 24,
        _ => return false,
    };
    u64::from(entries) * size + MODULE_HEADER as u64 <= module.len() as u64
}

/// Whether this is a header of several modules, all of which fit.
fn several(data: &[u8]) -> bool {
    let Some(count) = u32_at(data, 0).map(|n| n as usize).filter(|n| (2..=64).contains(n)) else {
        return false;
    };
    (0..count).all(|i| {
        let offset = u32_at(data, 4 + 4 * i).map(|o| o as usize);
        offset.is_some_and(|o| o >= 4 + 4 * count && data.get(o..).is_some_and(module_fits))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(entries: u32) -> Vec<u8> {
        let mut m = 1u32.to_le_bytes().to_vec();
        m.extend([9; 16]);
        m.extend(entries.to_le_bytes());
        m.resize(24 + 22 * entries as usize, 3);
        m
    }

    #[test]
    fn a_bare_module_gets_the_header_and_a_whole_cache_does_not() {
        let bare = module(2);
        let whole = wrap_trust_cache(Some(&bare)).unwrap();
        assert_eq!(whole, [&HEADER[..], &bare].concat());
        assert_eq!(wrap_trust_cache(Some(&whole)).unwrap(), whole);
        let two = [&[2, 0, 0, 0, 12, 0, 0, 0, 36, 0, 0, 0][..], &module(0), &module(0)].concat();
        assert_eq!(wrap_trust_cache(Some(&two)).unwrap(), two);
    }

    #[test]
    fn none_gives_an_empty_cache_of_32_bytes() {
        let empty = wrap_trust_cache(None).unwrap();
        assert_eq!((empty.len(), empty[8], empty[28]), (32, 1, 0));
    }

    #[test]
    fn entries_beyond_the_bytes_are_refused() {
        let mut m = module(2);
        m[20] = 3;
        assert!(wrap_trust_cache(Some(&m)).is_err());
        for n in 0..24 {
            assert!(wrap_trust_cache(Some(&module(2)[..n])).is_err(), "{n}");
        }
    }
}
