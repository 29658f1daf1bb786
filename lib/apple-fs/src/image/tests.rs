use super::*;
use crate::hfsplus::write::{Attributes, Builder};
use crate::test_support::{Random, chunks, contents, corpus, read_image, sectors, shared, udif};

fn volume() -> Vec<u8> {
    let mut b = Builder::new("V");
    b.file("/a", &Attributes::new(0o644), "text").unwrap();
    b.build().unwrap()
}

fn guid(text: &str) -> Vec<u8> {
    let mut b = crate::test_support::hex(text);
    b[0..4].reverse();
    b[4..6].reverse();
    b[6..8].reverse();
    b
}

/// A disk with an EFI partition at sector 40 and the volume at 48.
fn gpt(volume: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; 48 * 512];
    disk[512..520].copy_from_slice(b"EFI PART");
    disk[512 + 72] = 2;
    disk[512 + 80] = 4;
    disk[512 + 84] = 128;
    let last = 47 + volume.len() as u64 / 512;
    for (i, kind, first, last) in [
        (0, "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", 40u64, 47),
        (2, "48465300-0000-11aa-aa11-00306543ecac", 48, last),
    ] {
        let at = 1024 + i * 128;
        disk[at..at + 16].copy_from_slice(&guid(kind));
        disk[at + 32..at + 40].copy_from_slice(&first.to_le_bytes());
        disk[at + 40..at + 48].copy_from_slice(&last.to_le_bytes());
        disk[at + 56..at + 60].copy_from_slice(b"V\0\xe9\0");
    }
    [disk, volume.to_vec()].concat()
}

/// A disk with Apple's map: the map itself and the volume at sector 16.
fn apm(volume: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; 16 * 512];
    disk[..2].copy_from_slice(b"ER");
    for (i, kind, first, count) in
        [(1, "Apple_partition_map", 1u32, 15u32), (2, "Apple_HFS", 16, volume.len() as u32 / 512)]
    {
        let at = i * 512;
        disk[at..at + 8].copy_from_slice(b"PM\0\0\0\0\0\x02");
        disk[at + 8..at + 12].copy_from_slice(&first.to_be_bytes());
        disk[at + 12..at + 16].copy_from_slice(&count.to_be_bytes());
        disk[at + 48..at + 48 + kind.len()].copy_from_slice(kind.as_bytes());
    }
    [disk, volume.to_vec()].concat()
}

fn as_udif(disk: &[u8]) -> Vec<u8> {
    udif(&[(1, disk.len() as u64 / 512, disk.to_vec())], disk)
}

#[test]
fn a_file_system_is_found_in_every_wrapping() {
    let v = volume();
    for (name, bytes, layers) in [
        ("bare", v.clone(), 0),
        ("GPT", gpt(&v), 1),
        ("APM", apm(&v), 1),
        ("UDIF", as_udif(&v), 1),
        ("GPT in UDIF", as_udif(&gpt(&v)), 2),
    ] {
        let image = Image::open(shared(&bytes)).unwrap();
        assert_eq!(image.layers().len(), layers, "{name}: {:?}", image.layers());
        assert_eq!(image.content().len(), v.len() as u64, "{name}");
        assert_eq!(contents(image.mount(None, false).unwrap().as_ref(), "/a"), b"text", "{name}");
    }
    let image = Image::open(shared(&gpt(&v))).unwrap();
    assert!(image.layers()[0].contains("partition 2 \"V\u{e9}\" (Apple_HFS)"), "{:?}", image.layers());
    assert_eq!(image.disk().len(), 48 * 512 + v.len() as u64);
    assert_eq!(image.mount(Some("W"), false).unwrap_err().kind(), crate::ErrorKind::NotFound);
    assert!(image.mount(Some("V"), false).is_ok());
}

#[test]
fn volumes_of_a_container_are_chosen_by_name_and_number() {
    let image = Image::open(shared(&corpus("dfvfs-apfs.raw.xz"))).unwrap();
    for wanted in [None, Some("1"), Some("apfs_test")] {
        assert_eq!(image.mount(wanted, false).unwrap().volume().name, "apfs_test");
    }
    for wanted in ["2", "0", "data", "x"] {
        assert_eq!(image.mount(Some(wanted), false).unwrap_err().kind(), crate::ErrorKind::NotFound);
    }
}

#[test]
fn what_holds_no_file_system_is_said_so() {
    let e = |bytes: &[u8]| Image::open(shared(bytes)).unwrap_err();
    assert_eq!(e(b"").kind(), crate::ErrorKind::NotFound);
    assert_eq!(e(&[7; 5000]).kind(), crate::ErrorKind::NotFound);
    assert_eq!(e(&gpt(&vec![0; 8192])).kind(), crate::ErrorKind::NotFound);
    assert_eq!(e(&[b"AEA1".as_slice(), &[0; 5000]].concat()).kind(), crate::ErrorKind::Unsupported);
    assert_eq!(e(&[b"encrcdsa".as_slice(), &[0; 5000]].concat()).kind(), crate::ErrorKind::Unsupported);
    let mut hfs = vec![0; 5000];
    hfs[1024..1026].copy_from_slice(b"BD");
    let image = Image::open(shared(&hfs)).unwrap();
    let e = image.mount(None, false).unwrap_err();
    assert!(e.to_string().contains("plain HFS"), "{e}");
}

#[test]
fn an_hfs_wrapper_is_looked_through() {
    let v = volume();
    let mut hfs = vec![0; 4096];
    hfs[1024..1026].copy_from_slice(b"BD");
    hfs[1024 + 0x14..1024 + 0x18].copy_from_slice(&512u32.to_be_bytes());
    hfs[1024 + 0x1c..1024 + 0x1e].copy_from_slice(&4u16.to_be_bytes());
    hfs[1024 + 0x7c..1024 + 0x7e].copy_from_slice(b"H+");
    hfs[1024 + 0x7e..1024 + 0x80].copy_from_slice(&4u16.to_be_bytes());
    hfs[1024 + 0x80..1024 + 0x82].copy_from_slice(&(v.len() as u16 / 512).to_be_bytes());
    hfs.extend_from_slice(&v);
    let mut wrapped = hfs.clone();
    // The volume in it is HFS+, not HFSX, as wrappers have it; the reader does not mind.
    wrapped.truncate(hfs.len());
    let image = Image::open(shared(&wrapped)).unwrap();
    assert_eq!(contents(image.mount(None, false).unwrap().as_ref(), "/a"), b"text");
}

/// Images small enough to be damaged thousands of times.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let v = volume();
    let mut list: Vec<_> = chunks().into_iter().map(|(kind, bytes)| (kind, 2, bytes)).collect();
    let mut disk: Vec<u8> = list.iter().flat_map(|_| sectors()).collect();
    list.push((1, v.len() as u64 / 512, v.clone()));
    disk.extend_from_slice(&v);
    vec![
        ("volume", v.clone()),
        ("gpt", gpt(&v)),
        ("apm", apm(&v)),
        ("udif", as_udif(&gpt(&v))),
        ("chunks", udif(&list, &disk)),
        ("dmg", corpus("hfsplus_zlib.dmg")),
        ("small", corpus("hfsp-small.img.xz")),
        ("apfs", corpus("newtua-apfs_decmpfs.bin.xz")),
        ("links", corpus("newtua-apfs_content.bin.xz")),
    ]
}

#[test]
fn random_damage_ends_in_an_answer() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (name, good) in samples() {
        // Where there is something: most of a volume is zeros.
        let places: Vec<usize> = (0..good.len()).filter(|&i| good[i] != 0).collect();
        let rounds = if good.len() > 500_000 { 150 } else { 600 };
        for round in 0..rounds {
            let mut bad = good.clone();
            for _ in 0..1 + round % 4 {
                let at = places[random.below(places.len())];
                bad[at] = match random.below(4) {
                    0 => 0xff,
                    1 => 0,
                    _ => random.below(256) as u8,
                };
            }
            if let Err(e) = read_image(bad) {
                assert!(!e.to_string().is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn truncation_ends_in_an_answer() {
    for (name, good) in samples() {
        let step = if good.len() < 40_000 { 61 } else { 16 * 1024 + 1 };
        let mut refused = 0;
        for cut in (0..good.len()).step_by(step) {
            refused += usize::from(read_image(good[..cut].to_vec()).is_err());
        }
        assert!(refused > 0, "{name}: no truncation was noticed");
    }
}
