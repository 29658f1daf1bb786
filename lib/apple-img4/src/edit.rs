//! Changes that leave everything else as it stands, byte for byte: no length is written anew, no set sorted, nothing
//! decompressed.

use crate::{Error, ErrorKind, FourCc, Im4p, Img4, Result, sniff};

/// Gives the IM4P, alone or in an IMG4, another type, in place. Four bytes change. Gives the type it had.
///
/// # Errors
/// Neither an IM4P nor an IMG4, or a damaged one.
pub fn retype(data: &mut [u8], kind: FourCc) -> Result<FourCc> {
    let (old, offset) = match sniff(data) {
        Some(Img4::MAGIC) => {
            let img4 = Img4::parse(data)?;
            (img4.im4p.kind, img4.im4p.kind_offset)
        }
        _ => {
            let im4p = Im4p::parse(data)?;
            (im4p.kind, im4p.kind_offset)
        }
    };
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let place = data.get_mut(start..).and_then(|d| d.get_mut(..4));
    place.ok_or(Error::new(ErrorKind::Truncated, "IM4P type", start))?.copy_from_slice(&kind.0);
    Ok(old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write;
    use std::vec::Vec;

    fn changed(a: &[u8], b: &[u8]) -> Vec<usize> {
        assert_eq!(a.len(), b.len());
        (0..a.len()).filter(|i| a[*i] != b[*i]).collect()
    }

    #[test]
    fn only_the_type_s_bytes_change() {
        let im4p = write::im4p(FourCc(*b"dtre"), "1", &[1, 2, 3, 4], None).unwrap();
        let img4 = write::img4(&im4p, None, Some(&write::im4r(7).unwrap())).unwrap();
        for file in [im4p, img4] {
            let mut new = file.clone();
            assert_eq!(retype(&mut new, FourCc(*b"rdtr")).unwrap(), FourCc(*b"dtre"));
            assert_eq!(changed(&file, &new).len(), 4, "r, d, t and r again differ from d, t, r, e");
            retype(&mut new, FourCc(*b"dtre")).unwrap();
            assert_eq!(new, file);
        }
        assert!(retype(&mut [0x30, 0], FourCc(*b"abcd")).is_err());
    }

    #[test]
    fn lengths_that_are_not_minimal_stay() {
        // SEQUENCE with a length of three bytes where one would do.
        let mut file = std::vec![0x30, 0x83, 0, 0, 21, 0x16, 4];
        file.extend(b"IM4P\x16\x04dtre\x16\x81\x01x\x04\x04\x01\x02\x03\x04");
        file[4] = (file.len() - 5) as u8;
        let mut new = file.clone();
        retype(&mut new, FourCc(*b"krnl")).unwrap();
        assert!(changed(&file, &new).iter().all(|i| (13..17).contains(i)));
    }
}
