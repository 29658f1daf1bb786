use super::*;
use crate::{Builder, ConfigurationSpec, PartSpec};

fn image() -> Vec<u8> {
    let mut b = Builder::new("test");
    let parts: [(&str, PartKind, &[u8]); 4] = [
        ("devicetree", PartKind::DeviceTree, b"tree"),
        ("trustcache", PartKind::TrustCache, b"trust"),
        ("kernel", PartKind::Kernel, b"kernel"),
        ("restore", PartKind::Ramdisk, b"disk"),
    ];
    for (name, kind, bytes) in parts {
        b.add(PartSpec::of_bytes(name, kind, bytes).format("im4p")).unwrap();
    }
    b.configure(ConfigurationSpec::new("erase").bootargs("rd=md0").machine("iphone8").build("15C114"))
        .unwrap();
    b.configure(ConfigurationSpec::new("bare").parts(["kernel", "devicetree"]).product("iPhone10,3"))
        .unwrap();
    let mut w = b.write(Vec::new()).unwrap();
    for (_, _, bytes) in parts {
        w.part(&mut &bytes[..]).unwrap();
    }
    w.finish().unwrap()
}

#[test]
fn a_header_says_what_was_put_in() {
    let image = image();
    let h = Header::parse(&image).unwrap();
    assert_eq!(h.default.as_deref(), Some("erase"));
    let boot = h.select(None).unwrap();
    assert_eq!((boot.bootargs, boot.machine), (Some("rd=md0"), Some("iphone8")));
    assert_eq!(boot.parts.len(), 4);
    assert_eq!(boot.part(PartKind::TrustCache).unwrap().name, "trustcache");
    let bare = h.select(Some("bare")).unwrap();
    assert_eq!(bare.parts.iter().map(|p| &p.name[..]).collect::<Vec<_>>(), ["kernel", "devicetree"]);
    assert_eq!(bare.configuration.unwrap().product.as_deref(), Some("iPhone10,3"));
    for p in &h.parts {
        p.verify(&image[p.offset as usize..p.end() as usize]).unwrap();
    }
    h.check_len(image.len() as u64).unwrap();
    assert!(matches!(h.check_len(h.end() - 1), Err(Error::Truncated { .. })));
}

#[test]
fn parts_are_found_by_name_and_by_kind() {
    let h = Header::parse(&image()).unwrap();
    assert_eq!(h.part("restore").unwrap().kind, PartKind::Ramdisk);
    assert_eq!(h.part("ramdisk").unwrap().name, "restore");
    let e = h.part("sep").unwrap_err().to_string();
    assert!(e.contains("devicetree, trustcache, kernel, restore"), "{e}");
    assert!(matches!(h.select(Some("update")), Err(Error::NoConfiguration { .. })));
}

#[test]
fn a_damaged_part_is_noticed() {
    let h = Header::parse(&image()).unwrap();
    assert!(matches!(h.part("kernel").unwrap().verify(b"kernal"), Err(Error::Digest { .. })));
    assert!(matches!(h.part("kernel").unwrap().verify(b"kern"), Err(Error::WrongSize { .. })));
}

#[test]
fn every_truncation_of_the_header_is_an_error() {
    let image = image();
    for len in 0..PAGE as usize {
        assert!(Header::parse(&image[..len]).is_err(), "{len} bytes");
        assert!(Header::read(&mut &image[..len]).is_err(), "{len} bytes, streamed");
    }
}

/// Builds a tree of one image node from property names and cells.
fn one(properties: &[(&str, &[u8])]) -> Result<Header> {
    let mut node = Node::new("kernel");
    for (name, value) in properties {
        node.set(name, *value);
    }
    two(node, None)
}

fn two(a: Node, b: Option<Node>) -> Result<Header> {
    let mut images = Node::new("images");
    images.children.push(a);
    images.children.extend(b);
    let mut root = Node::default();
    root.children.push(images);
    Header::parse(&root.to_bytes(16384))
}

const ZERO: &[u8] = &[0; 4];

#[test]
fn placement_is_read_both_ways_and_checked() {
    let by_offset = one(&[("data-offset", &[0, 0, 0x40, 0]), ("data-size", ZERO)]).unwrap();
    assert_eq!(by_offset.parts[0].offset, 0x8000, "relative to the end of the header");
    let by_position = one(&[("data-position", &[0, 0, 0x80, 0]), ("data-size", ZERO)]).unwrap();
    assert_eq!(by_position.parts[0].offset, 0x8000, "absolute");
    let in_header = one(&[("data-position", &[0, 0, 0x10, 0]), ("data-size", &[0, 0, 0, 9])]);
    assert!(matches!(in_header, Err(Error::Overlap { .. })));
    assert!(matches!(one(&[("data-size", ZERO)]), Err(Error::Property { property: "data-offset", .. })));
    assert!(matches!(one(&[("data-offset", ZERO)]), Err(Error::Property { property: "data-size", .. })));
    let odd = one(&[("data-offset", &[0, 0, 0]), ("data-size", ZERO)]);
    assert!(matches!(odd, Err(Error::Property { property: "data-offset", .. })));
    let wraps = one(&[("data-offset", &[0xff; 8]), ("data-size", ZERO)]);
    assert!(matches!(wraps, Err(Error::Property { .. })));
    assert!(matches!(one(&[("data", b"kernel")]), Err(Error::EmbeddedData(_))));
}

#[test]
fn parts_that_share_bytes_are_refused() {
    let node = |name: &str, offset: u32, size: u32| {
        let mut n = Node::new(name);
        n.set_cell("data-offset", offset);
        n.set_cell("data-size", size);
        n
    };
    assert!(two(node("a", 0, 16), Some(node("b", 16, 4))).is_ok());
    assert!(matches!(two(node("a", 0, 16), Some(node("b", 15, 4))), Err(Error::Overlap { .. })));
}

#[test]
fn an_oversized_header_is_refused_before_it_is_read() {
    let mut bytes = image();
    bytes[4..8].copy_from_slice(&0x7fff_0000u32.to_be_bytes());
    assert!(matches!(Header::read(&mut &bytes[..]), Err(Error::HeaderTooLarge(0x7fff_0000))));
}

#[test]
fn sniffing_tells_an_image_from_other_trees_and_files() {
    assert!(crate::sniff(&image()[..4096]));
    assert!(crate::sniff(&image()[..8]));
    let mut root = Node::default();
    root.set_text("model", "some board");
    assert!(!crate::sniff(&root.to_bytes(8)));
    assert!(matches!(Header::parse(&root.to_bytes(8)), Err(Error::NoImages)));
    assert!(!crate::sniff(b"complzss"));
    assert!(!crate::sniff(b""));
}
