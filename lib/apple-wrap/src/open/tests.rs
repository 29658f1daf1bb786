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

/// A fat file of slices (cputype, cpusubtype, bytes).
fn fat(slices: &[(u32, u32, &[u8])]) -> Vec<u8> {
    let mut out = [0xcafe_babeu32, slices.len() as u32].map(u32::to_be_bytes).concat();
    let mut at = 0x1000;
    for (cpu, sub, bytes) in slices {
        for v in [*cpu, *sub, at, bytes.len() as u32, 12] {
            out.extend(v.to_be_bytes());
        }
        at += (bytes.len() as u32).next_multiple_of(0x1000);
    }
    for (_, _, bytes) in slices {
        out.resize(out.len().next_multiple_of(0x1000), 0);
        out.extend(*bytes);
    }
    out
}

const ARM64: u32 = 0x100_000c;

fn kinds(opened: &Opened<'_>) -> Vec<Kind> {
    opened.layers.iter().map(|l| l.kind).collect()
}

#[test]
fn a_one_slice_fat_kernel_inside_lzfse_is_cut_out() {
    let fat = fat(&[(ARM64, 2, &kernel())]);
    let file = write::im4p(*b"krnl", "k", &fat, Method::Lzfse).unwrap();
    let opened = open(&file, &Options::default()).unwrap();
    assert_eq!(*opened.payload, *kernel());
    assert_eq!(kinds(&opened), [Kind::Im4p, Kind::Lzfse, Kind::Fat]);
    assert_eq!(opened.layers[2].detail, "slice arm64e of arm64e");
}

#[test]
fn of_several_slices_the_wanted_one_is_taken_and_none_is_guessed() {
    let (a, b) = (kernel(), [kernel(), vec![1]].concat());
    let both = fat(&[(ARM64, 0, &a), (ARM64, 2, &b), (0x100_0007, 3, b"x86")]);
    let error = open(&both, &Options::default()).unwrap_err();
    assert_eq!(
        error,
        Error::AmbiguousSlices { slices: ["arm64", "arm64e", "x86_64"].map(String::from).to_vec() }
    );
    for (arch, want) in [("arm64", &a), ("arm64e", &b)] {
        let options = Options { arch: Some(arch.into()), ..Options::default() };
        assert_eq!(*open(&both, &options).unwrap().payload, **want);
    }
    let options = Options { arch: Some("armv7".into()), ..Options::default() };
    assert!(matches!(open(&both, &options), Err(Error::NoSlice { .. })));
    let mixed = fat(&[(0x100_0007, 3, b"x86"), (ARM64, 0, &a)]);
    assert_eq!(*open(&mixed, &Options::default()).unwrap().payload, *a);
}

#[test]
fn a_slice_beyond_the_end_is_refused_with_its_offset() {
    let whole = fat(&[(ARM64, 0, &kernel())]);
    let error = open(&whole[..whole.len() - 1], &Options::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { layer: Kind::Fat, offset: 0x1000, .. }), "{error}");
}

#[test]
fn the_monitor_behind_a_compressed_kernel_is_kept() {
    let monitor = b"\xcf\xfa\xed\xfemonitor";
    for method in [Method::Lzss, Method::Lzfse] {
        let stream = write::compress(&kernel(), method).unwrap().0.into_owned();
        let packed = [&stream[..], monitor].concat();
        let file = apple_img4::write::im4p(FourCc(*b"krnl"), "k", &packed, None).unwrap();
        let opened = open(&file, &Options::default()).unwrap();
        assert_eq!(opened.monitor.as_deref(), Some(&monitor[..]));
        assert_eq!(*opened.payload, *kernel());
        let padded = [&stream[..], &[0; 40]].concat();
        let opened = open(&padded, &Options::default()).unwrap();
        assert_eq!((opened.monitor, opened.warnings.len()), (None, 0));
        let odd = [&stream[..], b"something"].concat();
        assert_eq!(open(&odd, &Options::default()).unwrap().warnings.len(), 1);
    }
}

/// AES-256-CBC, as Apple encrypts payloads: whole blocks, no padding scheme.
fn encrypt(data: &[u8], iv: [u8; 16], key: [u8; 32]) -> Vec<u8> {
    use aes::cipher::{Block, BlockModeEncrypt, KeyIvInit};
    let mut data = data.to_vec();
    data.resize(data.len().next_multiple_of(16), 0);
    let mut cipher = cbc::Encryptor::<aes::Aes256>::new(&key.into(), &iv.into());
    let (blocks, _) = Block::<cbc::Encryptor<aes::Aes256>>::slice_as_chunks_mut(&mut data);
    cipher.encrypt_blocks(blocks);
    data
}

const IV: [u8; 16] = *b"sixteen bytes iv";
const KEY: [u8; 32] = *b"thirty-two bytes of a secret key";

fn encrypted_kernel() -> Vec<u8> {
    let kernel = kernel();
    let (stream, compression) = write::compress(&kernel, Method::Lzfse).unwrap();
    let keybags = apple_img4::write::keybags(&[(1, &[1; 16], &[2; 32]), (2, &[3; 16], &[4; 32])]).unwrap();
    let payload = encrypt(&stream, IV, KEY);
    let mut parts = apple_img4::write::Im4pParts::new(FourCc(*b"krnl"), "k", &payload);
    parts.keybags_raw = Some(&keybags);
    parts.compression = compression;
    parts.to_bytes().unwrap()
}

#[test]
fn an_encrypted_payload_without_a_key_says_what_is_needed() {
    let error = open(&encrypted_kernel(), &Options::default()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Encrypted);
    let text = error.to_string();
    assert!(text.contains("keybags: production, development") && text.contains("--key"), "{text}");
}

#[test]
fn keys_in_either_order_decrypt_and_wrong_ones_are_refused() {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let file = encrypted_kernel();
    for text in [
        hex(&IV) + &hex(&KEY),
        hex(&KEY) + &hex(&IV),
        format!("{}:{}", hex(&IV), hex(&KEY)),
        format!("{}:{}", hex(&KEY), hex(&IV)),
    ] {
        let options = Options { key: Some(Key::parse(&text).unwrap()), ..Options::default() };
        let opened = open(&file, &options).unwrap();
        assert_eq!(*opened.payload, *kernel(), "{text}");
        assert!(opened.decrypted);
    }
    let options = Options { key: Some(Key::new(IV, &[5; 32]).unwrap()), ..Options::default() };
    assert!(matches!(open(&file, &options), Err(Error::WrongKey { .. })));
}

#[test]
fn a_payload_that_somebody_decrypted_needs_no_key() {
    let keybags = apple_img4::write::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let tree = tree();
    let mut parts = apple_img4::write::Im4pParts::new(FourCc(*b"dtre"), "d", &tree);
    parts.keybags_raw = Some(&keybags);
    let file = parts.to_bytes().unwrap();
    let opened = open(&file, &Options::default()).unwrap();
    assert_eq!((opened.kind, opened.decrypted), (Kind::AppleDeviceTree, false));
}

/// An IMG3 of tags (name, data).
fn img3(ident: &[u8; 4], tags: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let reversed = |name: &[u8; 4]| u32::from_be_bytes(*name).to_le_bytes();
    let mut area = Vec::new();
    for (name, data) in tags {
        let total = (12 + data.len()).next_multiple_of(16);
        area.extend(reversed(name));
        area.extend((total as u32).to_le_bytes());
        area.extend((data.len() as u32).to_le_bytes());
        area.extend(*data);
        area.resize(area.len() + total - 12 - data.len(), 0xee);
    }
    let mut out = b"3gmI".to_vec();
    for v in [area.len() as u32 + 0x14, area.len() as u32, 0] {
        out.extend(v.to_le_bytes());
    }
    out.extend(reversed(ident));
    out.extend(area);
    out
}

#[test]
fn img3_gives_its_data_clear_or_with_a_key() {
    let version = [&5u32.to_le_bytes()[..], b"v1.2\0"].concat();
    let clear = img3(b"dtre", &[(b"TYPE", b"ertd"), (b"DATA", &tree()), (b"VERS", &version)]);
    let opened = open(&clear, &Options::default()).unwrap();
    assert_eq!(*opened.payload, *tree());
    assert_eq!((opened.im4p_type, opened.description.as_deref()), (Some(*b"dtre"), Some("v1.2")));
    assert_eq!(opened.layers[0].detail, "dtre, tags TYPE DATA VERS");

    let bag = [&1u32.to_le_bytes()[..], &256u32.to_le_bytes(), &[0; 48]].concat();
    let locked = img3(b"dtre", &[(b"DATA", &encrypt(&tree(), IV, KEY)), (b"KBAG", &bag)]);
    assert!(matches!(open(&locked, &Options::default()), Err(Error::Encrypted { layer: Kind::Img3, .. })));
    let options = Options { key: Some(Key::new(IV, &KEY).unwrap()), ..Options::default() };
    let opened = open(&locked, &options).unwrap();
    assert_eq!(opened.payload[..tree().len()], tree());
}

#[test]
fn kinds_that_cannot_be_opened_are_refused_by_name() {
    let with = |len: usize, at: usize, magic: &[u8]| {
        let mut v = vec![0; len];
        v[at..at + magic.len()].copy_from_slice(magic);
        v
    };
    use crate::ErrorKind::{Encrypted, Unsupported};
    for (bytes, kind, word) in [
        (with(64, 0, b"AEA1"), Encrypted, "AEA"),
        (with(4096, 0, b"encrcdsa"), Encrypted, "encrypted UDIF"),
        (with(64, 0, b"ZBM\x09"), Unsupported, "LZBITMAP"),
        (with(4096, 1024, b"BD"), Unsupported, "HFS"),
        (with(64, 0, b"\xce\xfa\xed\xfe"), Unsupported, "32-bit"),
    ] {
        let wrapped = apple_img4::write::im4p(FourCc(*b"rdsk"), "", &bytes, None).unwrap();
        for data in [&bytes, &wrapped] {
            let error = open(data, &Options::default()).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[test]
fn bombs_are_refused_before_they_are_decoded() {
    let zeros = write::im4p(*b"rdsk", "", &vec![0; 1 << 20], Method::Lzfse).unwrap();
    let options = Options { max_output: (1 << 20) - 1, ..Options::default() };
    assert!(matches!(open(&zeros, &options), Err(Error::TooLarge { size: 0x10_0000, .. })));
    // Zeros are as far as an encoder goes; four blocks of 23 million bytes in 132 are further.
    let zeros = write::im4p(*b"rdsk", "", &vec![0; 80 << 20], Method::Lzfse).unwrap();
    assert!(open(&zeros, &Options::default()).is_ok());
    let mut block = b"bvx2".to_vec();
    block.extend(23_000_000u32.to_le_bytes());
    block.extend([0; 16]);
    block.extend(32u64.to_le_bytes());
    let bomb = [&block.repeat(4)[..], b"bvx$"].concat();
    assert!(matches!(open(&bomb, &Options::default()), Err(Error::TooLarge { size: 92_000_000, .. })));
    // A stored block of 4 GiB in 12 bytes, and an LZSS frame that claims the same.
    assert!(open(b"bvx-\xff\xff\xff\xffbvx$", &Options::default()).is_err());
    let mut frame = b"complzss\0\0\0\0\xff\xff\xff\xff\0\0\0\x01\0\0\0\x01".to_vec();
    frame.resize(0x181, 0);
    assert!(matches!(open(&frame, &Options::default()), Err(Error::BadField { .. })));
}

#[test]
fn wrappings_without_end_are_refused() {
    let mut data = tree();
    for _ in 0..20 {
        data = write::im4p(*b"dtre", "", &data, Method::None).unwrap();
    }
    assert!(matches!(open(&data, &Options::default()), Err(Error::TooDeep { .. })));
}

#[test]
fn a_flipped_bit_in_a_complzss_kernel_is_noticed() {
    let stream = write::compress(&kernel(), Method::Lzss).unwrap().0.into_owned();
    for at in [0x180, 0x200, stream.len() - 3] {
        let mut bad = stream.clone();
        bad[at] ^= 0x10;
        let error = open(&bad, &Options::default()).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Damaged, "{error}");
    }
}

#[test]
fn rewrapping_keeps_what_is_around_the_payload() {
    let changed = [tree(), vec![0; 4]].concat();
    let file = write::im4p(*b"dtre", "Trees-1", &tree(), Method::Lzfse).unwrap();
    let again = crate::rewrap(&file, &changed).unwrap();
    let opened = open(&again, &Options::default()).unwrap();
    assert_eq!(*opened.payload, *changed);
    assert_eq!((opened.im4p_type, opened.description.as_deref()), (Some(*b"dtre"), Some("Trees-1")));
    assert_eq!(kinds(&opened), [Kind::Im4p]);

    let nonce = apple_img4::write::im4r(7).unwrap();
    let img4 = apple_img4::write::img4(&file, None, Some(&nonce)).unwrap();
    let again = crate::rewrap(&img4, &changed).unwrap();
    assert_eq!(Img4::parse(&again).unwrap().im4r.unwrap().raw, nonce);
    assert_eq!(crate::rewrap(&tree(), &changed).unwrap(), changed);
    assert!(crate::rewrap(&img3(b"dtre", &[(b"DATA", b"x")]), &changed).is_err());
}

fn samples() -> Vec<Vec<u8>> {
    let small =
        [b"\xcf\xfa\xed\xfe".to_vec(), (0..600u32).flat_map(|i| (i / 5).to_le_bytes()).collect()].concat();
    let lzss = write::im4p(*b"krnl", "k", &small, Method::Lzss).unwrap();
    vec![
        apple_img4::write::img4(&lzss, None, None).unwrap(),
        write::im4p(*b"krnl", "k", &small, Method::Lzfse).unwrap(),
        write::im4p(*b"krnl", "k", &kernel()[..9000], Method::Lzfse).unwrap(),
        fat(&[(ARM64, 2, &small)]),
        img3(b"krnl", &[(b"DATA", &small), (b"KBAG", &[0; 24])]),
        encrypted_kernel()[..4000].to_vec(),
    ]
}

#[test]
fn every_truncation_of_a_wrapped_kernel_is_refused_or_seen_as_unknown() {
    for file in samples().iter().take(5) {
        assert!(open(file, &Options::default()).is_ok());
        for n in 0..file.len() {
            if let Ok(opened) = open(&file[..n], &Options::default()) {
                assert_eq!(opened.kind, Kind::Unknown, "{n} of {} bytes", file.len());
            }
        }
    }
}

#[test]
fn random_damage_never_panics() {
    let mut x = 0x9e37_79b9u32;
    let mut random = |n: usize| {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        x as usize % n
    };
    let options =
        Options { key: Some(Key::new(IV, &KEY).unwrap()), max_output: 1 << 20, ..Options::default() };
    let (mut accepted, mut refused) = (0, 0);
    for file in samples() {
        for round in 0..3000 {
            let mut bad = file.clone();
            let reach = if round % 2 == 0 { bad.len() } else { bad.len().min(900) };
            for _ in 0..=random(4) {
                let at = random(reach);
                bad[at] = random(256) as u8;
            }
            match open(&bad, &options) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
        }
    }
    assert!(accepted > 100 && refused > 1000, "{accepted} accepted, {refused} refused");
}
