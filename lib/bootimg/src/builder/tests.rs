use super::*;
use crate::{ErrorKind, Header};

#[test]
fn parts_are_laid_out_by_kind_each_on_a_page() {
    let mut b = Builder::new("test");
    b.add(PartSpec::of_bytes("rd", PartKind::Ramdisk, &[1; 20_000])).unwrap();
    b.add(PartSpec::of_bytes("kernel", PartKind::Kernel, &[2; 5])).unwrap();
    b.add(PartSpec::of_bytes("dt", PartKind::DeviceTree, &[3; 16_384])).unwrap();
    let h = Header::parse(&b.header().unwrap()).unwrap();
    assert_eq!(h.len, PAGE);
    let places: Vec<_> = h.parts.iter().map(|p| (p.name.as_str(), p.offset, p.size)).collect();
    assert_eq!(places, [("dt", 0x4000, 16_384), ("kernel", 0x8000, 5), ("rd", 0xc000, 20_000)]);
    assert!(h.parts.iter().all(|p| p.is_mappable()));
}

#[test]
fn the_same_parts_give_the_same_bytes() {
    let make = || {
        let mut b = Builder::new("test");
        b.add(PartSpec::of_bytes("kernel", PartKind::Kernel, b"k").format("macho").im4p_type("krnl"))
            .unwrap();
        b.header().unwrap()
    };
    assert_eq!(make(), make());
}

#[test]
fn a_writer_refuses_other_bytes_than_announced() {
    let mut b = Builder::new("test");
    b.add(PartSpec::of_bytes("kernel", PartKind::Kernel, b"kernel")).unwrap();
    let part = |bytes: &[u8]| b.write(Vec::new()).unwrap().part(&mut &bytes[..]);
    assert!(part(b"kernel").is_ok());
    assert!(matches!(part(b"kerne"), Err(Error::WrongSize { got: 5, size: 6, .. })));
    assert!(matches!(part(b"kernels"), Err(Error::WrongSize { .. })));
    assert!(matches!(part(b"kernal"), Err(Error::Digest { .. })));
    assert!(matches!(b.write(Vec::new()).unwrap().finish(), Err(Error::WrongCount(0))));
}

#[test]
fn names_sizes_and_twins_are_checked() {
    let mut b = Builder::new("test");
    for bad in ["", "a/b", "..", "a b", &"x".repeat(64)] {
        let e = b.add(PartSpec::of_bytes(bad, PartKind::Other, b"")).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Usage, "{bad}");
    }
    b.add(PartSpec::of_bytes("a", PartKind::Other, b"")).unwrap();
    assert!(matches!(b.add(PartSpec::of_bytes("a", PartKind::Kernel, b"")), Err(Error::DuplicateName(_))));
    let huge = PartSpec::new("b", PartKind::Other, 1 << 31, Digest::crc32(0));
    assert!(matches!(b.add(huge), Err(Error::TooLarge { .. })));
    b.add(PartSpec::new("c", PartKind::Other, MAX_PART, Digest::crc32(0))).unwrap();
    b.add(PartSpec::new("d", PartKind::Other, MAX_PART, Digest::crc32(0))).unwrap();
    assert!(matches!(b.header(), Err(Error::TooLarge { .. })), "both together are over 4 GiB");
}

#[test]
fn a_configuration_of_unknown_parts_is_refused() {
    let mut b = Builder::new("test");
    b.configure(ConfigurationSpec::new("c").parts(["nothing"])).unwrap();
    assert!(matches!(b.header(), Err(Error::NoPart { .. })));
}
