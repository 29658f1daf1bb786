//! Fat ("universal") files. Kernelcaches since iOS 13 are often one-slice fat files (blacktop/ipsw issues 7 and 775);
//! everything in the header is big-endian.

use crate::error::Error;
use crate::image::{CPU_TYPE_ARM64, u32_be};

const FAT_MAGIC: u32 = 0xcafe_babe;
/// The header's slice count is bounded: the same magic starts Java class files, whose next word is a version.
const MAX_SLICES: u32 = 32;

/// The arm64 slice of a fat file; the bytes themselves if they are not fat.
///
/// # Errors
/// A fat file without an arm64 slice, or whose slice lies outside the file.
pub fn slice_of_fat(bytes: &[u8]) -> Result<&[u8], Error> {
    if u32_be(bytes, 0) != Some(FAT_MAGIC) {
        return Ok(bytes);
    }
    let len = bytes.len() as u64;
    let truncated = |offset: usize| Error::Truncated { offset: offset as u64, what: "the fat header", len };
    let count = u32_be(bytes, 4).ok_or(truncated(4))?;
    if count > MAX_SLICES {
        return Err(Error::TooMany { offset: 4, what: "slices in the fat header", count: count.into() });
    }
    let mut others = Vec::new();
    for (i, arch) in bytes.get(8..).unwrap_or_default().chunks_exact(20).take(count as usize).enumerate() {
        let field = |at: usize| u32_be(arch, at).unwrap_or(0);
        if field(0) != CPU_TYPE_ARM64 {
            others.push(field(0));
            continue;
        }
        let (offset, size) = (field(8) as usize, field(12) as usize);
        return offset
            .checked_add(size)
            .and_then(|end| bytes.get(offset..end))
            .ok_or(Error::Truncated { offset: offset as u64, what: "the arm64 slice", len })
            .inspect(|_| debug_assert!(i < MAX_SLICES as usize));
    }
    if others.len() < count as usize {
        return Err(truncated(8));
    }
    Err(Error::NoSlice(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fat(cputype: u32, offset: u32, size: u32) -> Vec<u8> {
        let mut v = Vec::new();
        for w in [FAT_MAGIC, 1, cputype, 0, offset, size, 14] {
            v.extend(w.to_be_bytes());
        }
        v.resize(64, 0);
        v.extend(b"slice");
        v
    }

    #[test]
    fn the_slice_is_cut_out() {
        assert_eq!(slice_of_fat(&fat(CPU_TYPE_ARM64, 64, 5)).unwrap(), b"slice");
    }

    #[test]
    fn a_slice_beyond_the_end_and_a_foreign_one_are_refused() {
        assert!(matches!(slice_of_fat(&fat(CPU_TYPE_ARM64, 64, 6)), Err(Error::Truncated { .. })));
        assert!(matches!(
            slice_of_fat(&fat(CPU_TYPE_ARM64, u32::MAX, u32::MAX)),
            Err(Error::Truncated { .. })
        ));
        assert_eq!(slice_of_fat(&fat(7, 64, 5)), Err(Error::NoSlice(vec![7])));
        let whole = fat(CPU_TYPE_ARM64, 64, 5);
        for n in 4..whole.len() {
            assert!(slice_of_fat(&whole[..n]).is_err(), "{n} bytes");
        }
    }
}
