//! LZFSE: finding the end of a stream, and decoding it with bounded memory.
//!
//! A stream is a run of blocks, each with its size in its header, closed by `bvx$`. Walking the headers first gives
//! the exact size of the output and the exact end: firmware often has padding or more data behind it, and the bytes
//! `bvx$` may occur inside a block, so they are never searched for.

use crate::{Error, Kind, Result, u32_le};

/// Where a stream ends and what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Bytes of the stream, end mark included.
    pub packed: usize,
    /// Bytes it decompresses to.
    pub size: u64,
}

/// Walks the block headers.
pub(crate) fn extent(data: &[u8], base: u64) -> Result<Extent> {
    let mut at = 0usize;
    let mut size = 0u64;
    loop {
        let offset = base.saturating_add(at as u64);
        let block = data.get(at..).unwrap_or_default();
        let truncated = |need: u64| Error::Truncated {
            layer: Kind::Lzfse,
            offset,
            what: "a block",
            have: block.len() as u64,
            need,
        };
        let magic = block.first_chunk::<4>().ok_or(truncated(4))?;
        let field = |at: usize| u32_le(block, at).map(u64::from);
        let long = |at: usize| -> Option<u64> {
            block.get(at..)?.first_chunk::<8>().copied().map(u64::from_le_bytes)
        };
        let (packed, raw) = match magic {
            b"bvx$" => return Ok(Extent { packed: at.saturating_add(4), size }),
            b"bvx-" => {
                let raw = field(4).ok_or(truncated(8))?;
                (raw.saturating_add(8), raw)
            }
            b"bvxn" => {
                let (raw, payload) = field(4).zip(field(8)).ok_or(truncated(12))?;
                (payload.saturating_add(12), raw)
            }
            b"bvx1" => {
                let fields = field(4).zip(field(20)).zip(field(24)).ok_or(truncated(772))?;
                let ((raw, literals), lmds) = fields;
                (literals.saturating_add(lmds).saturating_add(772), raw)
            }
            b"bvx2" => {
                let words = field(4).zip(long(8)).zip(long(16)).zip(field(24)).ok_or(truncated(32))?;
                let (((raw, v0), v1), header) = words;
                if header < 32 {
                    let offset = offset.saturating_add(24);
                    return Err(Error::BadField {
                        layer: Kind::Lzfse,
                        offset,
                        what: "header size",
                        value: header,
                    });
                }
                let (literals, lmds) = (v0 >> 20 & 0xf_ffff, v1 >> 40 & 0xf_ffff);
                (header.saturating_add(literals).saturating_add(lmds), raw)
            }
            _ => {
                let value = u32::from_le_bytes(*magic).into();
                return Err(Error::BadField { layer: Kind::Lzfse, offset, what: "a block's magic", value });
            }
        };
        size = size.saturating_add(raw);
        let next = usize::try_from(packed).ok().filter(|n| *n <= block.len()).ok_or(truncated(packed))?;
        at = at.saturating_add(next);
    }
}

/// Decodes a stream whose extent is known.
pub(crate) fn decode(data: &[u8], base: u64, extent: Extent) -> Result<Vec<u8>> {
    let fail = |why: String, decoded: usize| Error::BadStream {
        layer: Kind::Lzfse,
        offset: base,
        why,
        decoded: decoded as u64,
    };
    let stream = data.get(..extent.packed).unwrap_or_default();
    let mut out = Vec::new();
    // The decoder asks for some room beyond the end, for its wide copies.
    let room = usize::try_from(extent.size).ok().and_then(|n| n.checked_add(4096));
    let room = room.ok_or_else(|| fail("too large for this machine".into(), 0))?;
    out.try_reserve_exact(room).map_err(|e| fail(e.to_string(), 0))?;
    lzfse_rust::decode_bytes(stream, &mut out).map_err(|e| fail(e.to_string(), out.len()))?;
    if out.len() as u64 != extent.size {
        return Err(fail("its blocks are not as long as they say".into(), out.len()));
    }
    Ok(out)
}

/// Encodes.
pub(crate) fn encode(data: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len() / 2);
    lzfse_rust::encode_bytes(data, &mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000u32).flat_map(|i| format!("line {} of a text\n", i % 317).into_bytes()).collect()
    }

    #[test]
    fn the_end_is_found_by_the_blocks_and_not_by_the_mark() {
        let inner = [b"bvx$ inside ", &b"x".repeat(20)[..]].concat();
        let mut stream = encode(&inner).unwrap();
        let packed = stream.len();
        stream.extend(b"padding bvx$");
        let extent = extent(&stream, 0).unwrap();
        assert_eq!((extent.packed, extent.size), (packed, inner.len() as u64));
        assert_eq!(decode(&stream, 0, extent).unwrap(), inner);
    }

    #[test]
    fn every_truncation_is_refused_with_its_place() {
        for data in [&text()[..], &text()[..3000], b"short"] {
            let stream = encode(data).unwrap();
            assert_eq!(extent(&stream, 0).unwrap().size, data.len() as u64);
            for n in (0..stream.len()).step_by(stream.len() / 500 + 1) {
                assert!(matches!(extent(&stream[..n], 0), Err(Error::Truncated { .. })), "{n}");
            }
        }
    }
}
