//! Golden files, damage and round trips of the four containers.

use apple_img4::{
    Algorithm, Compression, Error, ErrorKind, FourCc, Im4m, Im4p, Im4r, Img4, KeybagKind, Value, sniff, write,
};

const KRNL: FourCc = FourCc(*b"krnl");
const DTRE: FourCc = FourCc(*b"dtre");

/// An IM4P of type `dtre`, description "1", payload 01 02 03 04.
const SMALL: &[u8] = b"\x30\x15\x16\x04IM4P\x16\x04dtre\x16\x011\x04\x04\x01\x02\x03\x04";
/// An IM4R with one nonce, as devices write it.
const NONCE: &[u8] = b"\x30\x21\x16\x04IM4R\x31\x19\xff\x84\x92\xb9\x86\x4e\x12\x30\x10\x16\x04BNCN\x04\x08\x11\x11\x11\x11\x11\x11\x11\x11";

/// An IM4P with keybags and compression, laid out as an iOS 11 boot loader's.
fn encrypted() -> Vec<u8> {
    let keybags = write::keybags(&[(1, &[0x11; 16], &[0x22; 32]), (2, &[0x33; 16], &[0x44; 32])]).unwrap();
    let mut parts = write::Im4pParts::new(KRNL, "1", &[0xaa; 16]);
    parts.keybags_raw = Some(&keybags);
    parts.compression = Some(Compression { algorithm: Algorithm::Lzfse, uncompressed_size: 256 });
    parts.to_bytes().unwrap()
}

fn manifest() -> Vec<u8> {
    fn property(name: &[u8; 4], value: Value<'_>) -> Vec<u8> {
        write::property(FourCc(*name), &value).unwrap()
    }
    let manp = [
        property(b"BNCH", Value::Octets(&[7; 32])),
        property(b"BORD", Value::Integer(6)),
        property(b"CHIP", Value::Integer(0x8015)),
        property(b"CPRO", Value::Boolean(true)),
        property(b"ECID", Value::Integer(0xfedc_ba98_7654_3210)),
    ];
    let image = |name: &[u8; 4], digest: u8| {
        let inside =
            [property(b"DGST", Value::Octets(&[digest; 48])), property(b"EPRO", Value::Boolean(true))];
        write::object(FourCc(*name), &inside).unwrap()
    };
    let objects = [
        write::object(FourCc(*b"MANP"), &manp).unwrap(),
        image(b"dtre", 1),
        image(b"krnl", 2),
        image(b"rdsk", 3),
    ];
    write::im4m(&objects, &[9; 512], &[b"\x30\x03\x02\x01\x05", b"\x30\x00"]).unwrap()
}

fn all() -> Vec<Vec<u8>> {
    let payp = write::payload_properties(&[
        write::property(FourCc(*b"kcep"), &Value::Integer(1)).unwrap(),
        write::property(FourCc(*b"mmap"), &Value::Octets(b"map")).unwrap(),
    ])
    .unwrap();
    let mut parts = write::Im4pParts::new(KRNL, "with properties", b"payload");
    parts.properties_raw = Some(&payp);
    parts.extra = vec![b"\x02\x01\x07"];
    let rich = parts.to_bytes().unwrap();
    let img4 = write::img4(&encrypted(), Some(&manifest()), Some(NONCE)).unwrap();
    vec![SMALL.to_vec(), encrypted(), rich, manifest(), NONCE.to_vec(), img4]
}

/// Reads it as whatever it is.
fn read(data: &[u8]) -> Result<(), Error> {
    match sniff(data) {
        Some(Im4m::MAGIC) => Im4m::parse(data).map(drop),
        Some(Im4r::MAGIC) => Im4r::parse(data).map(drop),
        Some(Img4::MAGIC) => Img4::parse(data).map(drop),
        _ => Im4p::parse(data).map(drop),
    }
}

#[test]
fn a_small_payload_is_read_and_written_byte_for_byte() {
    let im4p = Im4p::parse(SMALL).unwrap();
    assert_eq!((im4p.kind, im4p.description, im4p.payload), (DTRE, &b"1"[..], &[1, 2, 3, 4][..]));
    assert_eq!((im4p.payload_offset, im4p.trailing, im4p.has_keybags()), (19, 0, false));
    assert_eq!(im4p.parts().to_bytes().unwrap(), SMALL);
    assert_eq!(write::im4p(DTRE, "1", &[1, 2, 3, 4], None).unwrap(), SMALL);
}

#[test]
fn keybags_stand_before_compression() {
    let file = encrypted();
    assert_eq!(file.len(), 163);
    assert_eq!(&file[..3], [0x30, 0x81, 0xa0]);
    assert_eq!(&file[file.len() - 11..], [0x44, 0x44, 0x30, 7, 2, 1, 1, 2, 2, 1, 0]);
    let im4p = Im4p::parse(&file).unwrap();
    let kinds: Vec<_> = im4p.keybags.iter().map(|k| (k.kind, k.iv[0], k.key.len())).collect();
    assert_eq!(kinds, [(KeybagKind::Production, 0x11, 32), (KeybagKind::Development, 0x33, 32)]);
    assert_eq!(im4p.compression.unwrap().uncompressed_size, 256);
    assert_eq!(im4p.parts().to_bytes().unwrap(), file);
}

#[test]
fn properties_and_unknown_elements_are_kept() {
    let file = &all()[2];
    let im4p = Im4p::parse(file).unwrap();
    assert_eq!(im4p.properties[0].integer(), Some(1));
    assert_eq!(im4p.properties[1].octets(), Some(&b"map"[..]));
    assert_eq!(im4p.extra, [b"\x02\x01\x07"]);
    assert_eq!(&im4p.parts().to_bytes().unwrap(), file);
}

#[test]
fn a_manifest_gives_digests_and_typed_properties() {
    let file = manifest();
    let im4m = Im4m::parse(&file).unwrap();
    let property = |name: &[u8; 4]| im4m.property(FourCc(*name)).unwrap();
    assert_eq!(property(b"CHIP").integer(), Some(0x8015));
    assert_eq!(property(b"ECID").integer(), Some(0xfedc_ba98_7654_3210));
    assert_eq!(property(b"CPRO").boolean(), Some(true));
    assert_eq!(im4m.digest(KRNL), Some(&[2; 48][..]));
    assert_eq!(im4m.digest(FourCc(*b"logo")), None);
    assert_eq!(im4m.objects.iter().map(|o| o.name.0).collect::<Vec<_>>(), [*b"dtre", *b"krnl", *b"rdsk"]);
    assert_eq!((im4m.signature.len(), im4m.certificates.len()), (512, 2));
    let chip = property(b"CHIP");
    assert_eq!(&file[chip.offset as usize..][..chip.raw.len()], chip.raw);
}

#[test]
fn restore_information_gives_the_generator() {
    assert_eq!(Im4r::parse(NONCE).unwrap().generator(), Some(0x1111_1111_1111_1111));
    assert_eq!(write::im4r(0x1111_1111_1111_1111).unwrap(), NONCE);
}

#[test]
fn an_img4_holds_the_containers_unchanged() {
    let file = write::img4(&encrypted(), Some(&manifest()), Some(NONCE)).unwrap();
    let img4 = Img4::parse(&file).unwrap();
    assert_eq!(img4.im4p.raw, encrypted());
    assert_eq!(img4.im4m.unwrap().raw, manifest());
    assert_eq!(img4.im4r.unwrap().raw, NONCE);
    let at = img4.im4p.payload_offset as usize;
    assert_eq!(&file[at..at + 16], [0xaa; 16]);
}

#[test]
fn names_of_containers_are_found_by_their_head_alone() {
    for (file, magic) in all().iter().zip([b"IM4P", b"IM4P", b"IM4P", b"IM4M", b"IM4R", b"IMG4"]) {
        assert_eq!(sniff(&file[..12]), Some(FourCc(*magic)));
        assert_eq!(sniff(&file[1..]), None);
    }
}

#[test]
fn lengths_need_not_be_minimal_but_must_be_definite() {
    let long = [b"\x30\x84\x00\x00\x00\x15", &SMALL[2..]].concat();
    assert_eq!(Im4p::parse(&long).unwrap().payload, [1, 2, 3, 4]);
    let indefinite = [b"\x30\x80", &SMALL[2..], b"\0\0"].concat();
    assert_eq!(Im4p::parse(&indefinite).unwrap_err().kind, ErrorKind::BadLength);
}

#[test]
fn bytes_after_the_container_are_counted_and_not_read() {
    let padded = [SMALL, b"\0\0\0"].concat();
    assert_eq!(Im4p::parse(&padded).unwrap().trailing, 3);
}

#[test]
fn errors_name_the_field_and_its_offset() {
    let mut bad = SMALL.to_vec();
    bad[18] = 9;
    let error = Im4p::parse(&bad).unwrap_err();
    assert_eq!((error.field, error.offset, error.kind), ("IM4P payload", 17, ErrorKind::OutOfBounds));
    let error = Im4m::parse(SMALL).unwrap_err();
    assert_eq!(error.kind, ErrorKind::WrongMagic(Im4p::MAGIC));
    assert_eq!(error.to_string(), "offset 0x2: IM4M: \"IM4P\" stands in its place");
}

#[test]
fn every_truncation_is_refused() {
    for file in all() {
        assert_eq!(read(&file), Ok(()));
        for n in 0..file.len() {
            assert!(read(&file[..n]).is_err(), "{n} of {} bytes", file.len());
        }
    }
}

#[test]
fn random_damage_never_panics_and_what_is_read_can_be_written() {
    let mut x = 0x2545_f491u32;
    let mut random = |n: usize| {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as usize % n
    };
    let (mut accepted, mut refused) = (0, 0);
    for file in all() {
        for _ in 0..4000 {
            let mut bad = file.clone();
            for _ in 0..=random(3) {
                let at = random(bad.len().min(256));
                bad[at] = random(256) as u8;
            }
            match read(&bad) {
                Ok(()) => accepted += 1,
                Err(e) => {
                    refused += 1;
                    assert!(e.offset <= bad.len() as u64, "{e}");
                }
            }
            if let Ok(im4p) = Im4p::parse(&bad) {
                let again = im4p.parts().to_bytes().unwrap();
                assert_eq!(Im4p::parse(&again).unwrap().payload, im4p.payload);
            }
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn deeply_nested_sets_end_with_an_error() {
    let mut value = write::property(KRNL, &Value::Integer(1)).unwrap();
    for _ in 0..2000 {
        value = write::object(KRNL, &[value]).unwrap();
    }
    let file = write::im4m(&[value], &[], &[]).unwrap();
    assert_eq!(Im4m::parse(&file).unwrap_err().kind, ErrorKind::TooDeep);
}
