use super::*;
use crate::{Builder, ConfigurationSpec, PartKind};

const PARTS: [(&str, PartKind, &[u8]); 4] = [
    ("devicetree", PartKind::DeviceTree, b"tree"),
    ("trustcache", PartKind::TrustCache, &[9; 17_000]),
    ("kernel", PartKind::Kernel, &[7; 20_000]),
    ("ramdisk", PartKind::Ramdisk, &[8; 50_000]),
];

fn image() -> Vec<u8> {
    let mut b = Builder::new("test");
    for (name, kind, bytes) in PARTS {
        b.add(PartSpec::of_bytes(name, kind, bytes)).unwrap();
    }
    b.configure(ConfigurationSpec::new("a").bootargs("x")).unwrap();
    b.configure(ConfigurationSpec::new("b").parts(["kernel"])).unwrap();
    let mut w = b.write(Vec::new()).unwrap();
    for (_, _, bytes) in PARTS {
        w.part(&mut &bytes[..]).unwrap();
    }
    w.finish().unwrap()
}

fn parts(image: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut r = Reader::new(image).unwrap();
    let mut all = Vec::new();
    while let Some(mut p) = r.next_part().unwrap() {
        all.push((p.part().name.clone(), p.read_verified(1 << 30).unwrap()));
    }
    all
}

#[test]
fn no_change_gives_the_same_bytes() {
    let image = image();
    assert!(Rewriter::new(&image[..]).unwrap().finish(Vec::new()).unwrap() == image);
}

#[test]
fn a_new_device_tree_of_any_size_leaves_all_other_parts_alone() {
    let old = image();
    for size in [0, 1, 3, 16_383, 16_384, 16_385, 100_000] {
        let mut r = Rewriter::new(&old[..]).unwrap();
        assert_eq!(r.read("devicetree", 4).unwrap(), b"tree");
        r.replace("devicetree", vec![1; size]).unwrap();
        let new = r.finish(Vec::new()).unwrap();
        assert_eq!(new.len() % 16_384, 0);
        let (old, new) = (parts(&old), parts(&new));
        assert_eq!(new[0], ("devicetree".to_string(), vec![1; size]));
        assert!(old[1..] == new[1..], "size {size}");
    }
}

#[test]
fn a_later_part_can_be_read_first_and_replaced_or_not() {
    let old = image();
    let mut r = Rewriter::new(&old[..]).unwrap();
    assert!(matches!(r.read("kernel", 30_000), Err(Error::OverLimit { .. })), "with what lies before it");
    let mut r = Rewriter::new(&old[..]).unwrap();
    assert_eq!(r.read("kernel", 40_000).unwrap(), PARTS[2].2);
    r.set_property("kernel", names::FORMAT, Some("macho")).unwrap();
    let new = r.finish(Vec::new()).unwrap();
    assert!(parts(&new) == parts(&old));
    let h = Header::parse(&new).unwrap();
    assert_eq!(h.part("kernel").unwrap().format.as_deref(), Some("macho"));
}

#[test]
fn parts_are_replaced_unread_removed_and_added() {
    let old = image();
    let mut r = Rewriter::new(&old[..]).unwrap();
    r.replace("ramdisk", b"new disk".to_vec()).unwrap();
    r.remove("trustcache").unwrap();
    r.add(PartSpec::of_bytes("notes", PartKind::Other, b""), b"some notes".to_vec()).unwrap();
    let announced = r.new_header().unwrap();
    let new = r.finish(Vec::new()).unwrap();
    let h = Header::parse(&new).unwrap();
    assert!(h == announced);
    let names: Vec<_> = h.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["devicetree", "notes", "kernel", "ramdisk"]);
    let nodes: Vec<_> = h.tree().child("images").unwrap().children.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(nodes, names, "nodes stand in the order of the bytes");
    assert_eq!(h.select(Some("a")).unwrap().parts.len(), 4);
    assert_eq!(h.select(Some("b")).unwrap().parts.len(), 2);
    let bytes = parts(&new);
    assert_eq!(bytes[1].1, b"some notes");
    assert_eq!(bytes[2].1, PARTS[2].2);
    assert_eq!(bytes[3].1, b"new disk");
}

#[test]
fn boot_arguments_are_set_where_asked() {
    let old = image();
    let change = |c: Option<&str>| {
        let mut r = Rewriter::new(&old[..]).unwrap();
        r.set_configuration(c, names::BOOTARGS, Some("serial=3")).unwrap();
        r.set_default("b").unwrap();
        let new = r.finish(Vec::new()).unwrap();
        let h = Header::parse(&new).unwrap();
        assert_eq!(h.default.as_deref(), Some("b"));
        h.configurations.iter().map(|c| c.bootargs.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(change(None), ["serial=3", "serial=3"]);
    assert_eq!(change(Some("b")), ["x", "serial=3"]);
    let mut r = Rewriter::new(&old[..]).unwrap();
    assert!(r.set_configuration(Some("c"), names::BOOTARGS, None).is_err());
}

#[test]
fn a_stream_that_ends_early_is_an_error() {
    let old = image();
    for len in [0x4001, 0x8000, 0x8001, 0x10000, old.len() - 16_384] {
        let mut r = Rewriter::new(&old[..len]).unwrap();
        r.replace("devicetree", b"new".to_vec()).unwrap();
        assert!(matches!(r.finish(Vec::new()), Err(Error::Truncated { .. })), "{len:#x}");
    }
}

/// A generator of the same numbers each time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }
}

#[test]
fn random_damage_never_panics_and_never_passes_for_the_image() {
    let good = image();
    let whole = parts(&good);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..5_000 {
        let mut bad = good.clone();
        for _ in 0..=dice.roll(4) {
            // Half of it where it hurts most: in the used part of the header.
            let at = if dice.roll(2) == 0 { dice.roll(1600) } else { dice.roll(good.len()) };
            bad[at] = dice.roll(256) as u8;
        }
        bad.truncate(good.len() - if dice.roll(4) == 0 { dice.roll(good.len()) } else { 0 });
        if let Ok(mut r) = Reader::new(&bad[..]) {
            while let Ok(Some(mut p)) = r.next_part() {
                let has_digest = !p.part().digests.is_empty();
                let name = p.part().name.clone();
                if let Ok(bytes) = p.read_verified(1 << 20)
                    && has_digest
                    && let Some((_, should)) = whole.iter().find(|(n, _)| *n == name)
                {
                    assert!(bytes == *should, "{name}");
                }
            }
        }
        if let Ok(mut r) = Rewriter::new(&bad[..]) {
            let _ = r.read("kernel", 1 << 20);
            let _ = r.replace("devicetree", vec![1; 40_000]);
            let _ = r.finish(std::io::sink());
        }
    }
}
