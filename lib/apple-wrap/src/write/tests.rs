use super::*;
use crate::{ErrorKind, open};
use apple_img4::write as image4;

fn kernel() -> Vec<u8> {
    let mut k = b"\xcf\xfa\xed\xfe a kernel ".to_vec();
    k.extend((0..40_000u32).flat_map(|i| (i / 5).to_le_bytes()));
    k
}

const MONITOR: &[u8] = b"\xcf\xfa\xed\xfe the monitor";

/// Keybags are left in by who decrypted it; properties, an unknown element, a monitor.
fn full(method: Method) -> Vec<u8> {
    let kernel = kernel();
    let (stream, compression) = compress(&kernel, method).unwrap();
    let payload = [&stream[..], MONITOR].concat();
    let bags = image4::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let kcep = image4::property(FourCc(*b"kcep"), &apple_img4::Value::Integer(7)).unwrap();
    let properties = image4::payload_properties(&[kcep]).unwrap();
    let parts = Im4pParts {
        keybags_raw: Some(&bags),
        compression,
        properties_raw: Some(&properties),
        extra: vec![&[0xa5, 1, 0xff]],
        ..Im4pParts::new(FourCc(*b"krnl"), "KernelCacheBuilder-1", &payload)
    };
    parts.to_bytes().unwrap()
}

fn all() -> Change<'static> {
    Change { max_output: 1 << 30, ..Change::default() }
}

#[test]
fn another_type_is_four_bytes_and_another_description_nothing_else() {
    for file in [full(Method::Lzss), full(Method::Lzfse)] {
        let new = change(&file, &Change { kind: Some(*b"rkrn"), ..all() }).unwrap();
        let differing = file.iter().zip(&new).filter(|(a, b)| a != b).count();
        assert!(new.len() == file.len() && differing == 4, "{differing}");
        let new = change(&file, &Change { description: Some("another"), ..all() }).unwrap();
        let differences = apple_img4::diff(&file, &new).unwrap();
        let paths: Vec<&str> = differences.iter().map(|d| d.path.as_str()).collect();
        assert_eq!(paths, ["IM4P.description"]);
        assert_eq!(
            change(&new, &Change { description: Some("KernelCacheBuilder-1"), ..all() }).unwrap(),
            file
        );
        assert_eq!(change(&file, &all()).unwrap(), file);
    }
}

#[test]
fn recompressed_payloads_keep_monitor_properties_and_unknown_elements() {
    for from in [Method::Lzss, Method::Lzfse] {
        for to in [Method::Lzss, Method::Lzfse] {
            let new = change(&full(from), &Change { method: Some(to), ..all() }).unwrap();
            let opened = open(&new, &Options::default()).unwrap();
            assert_eq!((&opened.payload[..], opened.monitor.as_deref()), (&kernel()[..], Some(MONITOR)));
            let im4p = Im4p::parse(&new).unwrap();
            assert_eq!((im4p.properties[0].integer(), im4p.extra.len()), (Some(7), 1));
            assert!(im4p.has_keybags(), "keybags go only when a key was used");
            assert_eq!(im4p.compression.is_some(), to == Method::Lzfse);
        }
    }
    let e = change(&full(Method::Lzss), &Change { method: Some(Method::None), ..all() }).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    let plain = Change { method: Some(Method::None), monitor: Some(b""), ..all() };
    let new = change(&full(Method::Lzfse), &plain).unwrap();
    let im4p = Im4p::parse(&new).unwrap();
    assert_eq!((im4p.payload, im4p.compression), (&kernel()[..], None));
}

#[test]
fn another_monitor_leaves_the_stream_as_it_is() {
    for method in [Method::Lzss, Method::Lzfse] {
        let file = full(method);
        let monitor = b"\xcf\xfa\xed\xfe another";
        let new = change(&file, &Change { monitor: Some(monitor), ..all() }).unwrap();
        let (a, b) = (Im4p::parse(&file).unwrap(), Im4p::parse(&new).unwrap());
        let stream = a.payload.len() - MONITOR.len();
        assert_eq!(a.payload[..stream], b.payload[..stream]);
        assert_eq!(&b.payload[stream..], monitor);
        assert_eq!((a.compression_raw, a.properties_raw), (b.compression_raw, b.properties_raw));
    }
    let plain = im4p(*b"krnl", "", &kernel(), Method::None).unwrap();
    assert!(change(&plain, &Change { monitor: Some(MONITOR), ..all() }).is_err());
}

#[test]
fn an_encrypted_payload_is_retyped_but_not_recompressed_without_its_key() {
    let bags = image4::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let parts = Im4pParts { keybags_raw: Some(&bags), ..Im4pParts::new(FourCc(*b"krnl"), "", &[0x5a; 64]) };
    let file = parts.to_bytes().unwrap();
    assert!(change(&file, &Change { kind: Some(*b"rkrn"), ..all() }).is_ok());
    let e = change(&file, &Change { method: Some(Method::Lzfse), ..all() }).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Encrypted);
}

#[test]
fn an_img4_keeps_what_stands_around_the_payload() {
    let manifest = image4::im4m(&[], &[1], &[]).unwrap();
    let restore = image4::im4r(5).unwrap();
    let file = image4::img4(&full(Method::Lzss), Some(&manifest), Some(&restore)).unwrap();
    let new = change(&file, &Change { method: Some(Method::Lzfse), kind: Some(*b"rkrn"), ..all() }).unwrap();
    let img4 = Img4::parse(&new).unwrap();
    assert_eq!((img4.im4m.unwrap().raw, img4.im4r.unwrap().raw), (&manifest[..], &restore[..]));
    assert_eq!(img4.im4p.kind, FourCc(*b"rkrn"));
    let new = change(&file, &Change { payload: Some(b"new"), ..all() }).unwrap();
    let im4p = Img4::parse(&new).unwrap().im4p;
    assert!(im4p.payload == b"new" && im4p.compression.is_none() && !im4p.has_keybags());
    assert!(change(b"neither", &Change { description: Some(""), ..all() }).is_err());
}
