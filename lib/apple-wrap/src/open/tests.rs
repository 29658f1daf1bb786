use super::*;
use crate::write::{self, Method};

fn tree() -> Vec<u8> {
    let mut t = [1u32, 0].map(u32::to_le_bytes).concat();
    t.extend(b"name");
    t.resize(40, 0);
    t.extend(12u32.to_le_bytes());
    t.extend(b"device-tree\0");
    t
}

fn kernel() -> Vec<u8> {
    let mut k = b"\xcf\xfa\xed\xfe".to_vec();
    k.extend((0..20_000u32).flat_map(|i| (i / 7).to_le_bytes()));
    k
}

#[test]
fn a_bare_component_is_passed_through_without_a_copy() {
    let kernel = kernel();
    let opened = open(&kernel, &Options::default()).unwrap();
    assert!(matches!(opened.payload, Cow::Borrowed(_)));
    assert_eq!((opened.kind, opened.layers.len()), (Kind::MachO, 0));
}

#[test]
fn an_uncompressed_im4p_gives_a_borrowed_payload() {
    let file = write::im4p(*b"dtre", "EmbeddedDeviceTrees-1", &tree(), Method::None).unwrap();
    let opened = open(&file, &Options::default()).unwrap();
    assert!(matches!(opened.payload, Cow::Borrowed(_)));
    assert_eq!(*opened.payload, *tree());
    assert_eq!(opened.im4p_type, Some(*b"dtre"));
    assert_eq!(opened.description.as_deref(), Some("EmbeddedDeviceTrees-1"));
}

#[test]
fn both_compressions_inside_im4p_inside_img4_are_taken_off() {
    for (method, kind) in [(Method::Lzss, Kind::CompLzss), (Method::Lzfse, Kind::Lzfse)] {
        let im4p = write::im4p(*b"krnl", "KernelCacheBuilder-1", &kernel(), method).unwrap();
        let img4 = apple_img4::write::img4(&im4p, None, None).unwrap();
        let opened = open(&img4, &Options::default()).unwrap();
        assert_eq!(*opened.payload, *kernel());
        assert_eq!(opened.layers.iter().map(|l| l.kind).collect::<Vec<_>>(), [Kind::Img4, Kind::Im4p, kind]);
        assert_eq!(opened.warnings, Vec::<String>::new());
    }
}
