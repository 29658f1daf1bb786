use super::*;
use crate::test_support::{chunks, corpus, sectors, shared, udif};

fn open(bytes: &[u8]) -> Result<Udif> {
    Udif::open(shared(bytes))
}

fn whole(disk: &Udif) -> Vec<u8> {
    read_vec(disk, 0, disk.len()).unwrap()
}

/// One chunk of each type: zeros, unallocated, stored, and all methods of compression.
fn all_types() -> (Vec<u8>, Vec<u8>) {
    let mut list = vec![(0, 3, Vec::new()), (2, 2, Vec::new())];
    let mut disk = vec![0; 5 * 512];
    let mut summed = vec![0; 3 * 512];
    for (kind, bytes) in chunks() {
        list.push((kind, 2, bytes));
        disk.extend(sectors());
        summed.extend(sectors());
    }
    (udif(&list, &summed), disk)
}

#[test]
fn every_chunk_type_gives_its_sectors_at_any_place() {
    let (image, disk) = all_types();
    let udif = open(&image).unwrap();
    assert!(whole(&udif) == disk);
    assert_eq!(udif.methods().len(), 8);
    for at in (0..disk.len() - 1500).step_by(97) {
        assert!(read_vec(&udif, at as u64, 1500).unwrap() == disk[at..at + 1500], "at {at}");
    }
    assert_eq!((udif.zeros_at(0), udif.zeros_at(1600), udif.zeros_at(2560)), (1536, 960, 0));
    assert!(udif.verify().unwrap() && udif.verify_contents().unwrap());
    assert!(udif.read_at(disk.len() as u64 - 1, &mut [0; 2]).is_err());
}

#[test]
fn a_real_image_has_the_checksums_that_apple_wrote() {
    let udif = open(&corpus("hfsplus_zlib.dmg")).unwrap();
    assert_eq!(udif.len(), 3817 * 512);
    assert!(udif.verify_contents().unwrap());
    assert_eq!(udif.tables().len(), 7);
    assert_eq!(udif.tables()[4].name, "disk image (Apple_HFS : 4)");
}

#[test]
fn a_damaged_byte_is_found_by_its_checksum() {
    let (mut image, _) = all_types();
    image[5] ^= 1;
    let udif = open(&image).unwrap();
    assert!(matches!(udif.verify(), Err(Error::Checksum { .. })));
    assert!(matches!(udif.verify_contents(), Err(Error::Checksum { .. })));
}

#[test]
fn truncation_anywhere_is_refused() {
    let (image, _) = all_types();
    for cut in 0..image.len() {
        assert!(open(&image[..cut]).is_err(), "cut at {cut}");
        // The trailer is there, but what it leads to is not.
        let torn = [&image[..cut.min(image.len() - 512)], &image[image.len() - 512..]].concat();
        if cut < image.len() - 512 {
            assert!(open(&torn).and_then(|u| u.verify_contents()).is_err(), "torn at {cut}");
        }
    }
}

#[test]
fn damage_anywhere_never_panics_or_grows() {
    let (image, disk) = all_types();
    for at in 0..image.len() {
        for bits in [0x01, 0x80, 0xff] {
            let mut bad = image.clone();
            bad[at] ^= bits;
            let Ok(udif) = open(&bad) else { continue };
            let _ = udif.verify();
            let mut buf = vec![0; disk.len()];
            let _ = udif.read_at(0, &mut buf);
        }
    }
}

#[test]
fn images_that_cannot_be_are_refused_by_name() {
    let text = sectors();
    let kind = |e: Error| e.kind();
    // A chunk type that nobody knows.
    let e = open(&udif(&[(0x8000_0009, 2, text.clone())], &text)).unwrap_err();
    assert!(e.to_string().contains("0x80000009") && kind(e) == crate::ErrorKind::Unsupported);
    // A stored chunk with too few bytes; a compressed one of a gigabyte; a disk of 2^60 bytes.
    assert!(matches!(open(&udif(&[(1, 3, text.clone())], &[])), Err(Error::Inconsistent { .. })));
    assert!(matches!(open(&udif(&[(0x8000_0005, 1 << 21, text)], &[])), Err(Error::Limit { .. })));
    assert!(open(&udif(&[(0, 1 << 51, Vec::new())], &[])).is_err());
    // Two tables for the same sectors: here one table twice.
    let (image, _) = all_types();
    let xml_at = image.windows(5).position(|w| w == b"<?xml").unwrap();
    let xml = String::from_utf8(image[xml_at..image.len() - 512].to_vec()).unwrap();
    let entry = &xml[xml.find("<array>").unwrap() + 7..xml.find("</array>").unwrap()];
    let twice = xml.replace("</array>", &format!("{entry}</array>"));
    let mut koly = image[image.len() - 512..].to_vec();
    koly[224..232].copy_from_slice(&(twice.len() as u64).to_be_bytes());
    let e = open(&[&image[..xml_at], twice.as_bytes(), &koly].concat()).unwrap_err();
    assert!(e.to_string().contains("same sectors"), "{e}");
    // Lists nested without end would overflow the stack of a recursive reader.
    let deep = "<array>".repeat(100_000);
    koly[224..232].copy_from_slice(&(deep.len() as u64).to_be_bytes());
    assert!(matches!(open(&[&image[..xml_at], deep.as_bytes(), &koly].concat()), Err(Error::Limit { .. })));
}

#[test]
fn encrypted_images_are_named_as_such() {
    let e = encrypted(&crate::Bytes::new([b"encrcdsa".as_slice(), &[0; 100]].concat())).unwrap();
    assert_eq!(e.kind(), crate::ErrorKind::Unsupported);
    assert!(e.to_string().contains("encrypted"));
    assert!(encrypted(&crate::Bytes::new([[0; 100].as_slice(), b"cdsaencr"].concat())).is_some());
    assert!(encrypted(&crate::Bytes::new([0; 100])).is_none());
}
