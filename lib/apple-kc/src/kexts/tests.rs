use super::*;
use crate::ErrorKind;
use crate::test_support::{KEXTS, fileset_cache, merged_cache, split_cache, tiny_kernel};

#[test]
fn kexts_are_listed_from_all_three_layouts() {
    for (layout, bytes) in
        [(Layout::Split, split_cache()), (Layout::Merged, merged_cache()), (Layout::Fileset, fileset_cache())]
    {
        let cache = KernelCache::parse(&bytes).unwrap();
        assert_eq!(cache.layout, layout);
        let list = cache.kexts(&bytes).unwrap();
        assert_eq!(list.problems, []);
        for (i, (id, version)) in KEXTS.iter().enumerate() {
            let kext = list.find(id).unwrap();
            assert_eq!(kext.version.as_deref(), Some(*version), "{layout:?}");
            assert_eq!(kext.uuid.unwrap()[0], b'A' + i as u8, "{layout:?}");
            assert_eq!(kext.libraries, ["com.apple.kpi.bsd"]);
            assert_eq!(kext.size, 0x1200);
            assert_eq!(cache.file_offset(kext.vmaddr.unwrap()), kext.fileoff, "{layout:?}");
            if layout != Layout::Fileset {
                assert_eq!(kext.start, kext.vmaddr.map(|a| a + 0x800), "{layout:?}");
            }
            let path = kext.path.as_deref().unwrap();
            assert!(path.ends_with(".kext") && kext.executable.is_some(), "{path}");
        }
        let resource = list.find("com.apple.kpi.bsd").unwrap();
        assert!(!resource.has_code() && resource.version.as_deref() == Some("18.2.0"));
        assert_eq!(list.find("Two").unwrap().id, "com.example.kec.Two");
        assert!(matches!(list.find("Three"), Err(Error::NoSuchKext(_))));
    }
}

#[test]
fn a_merged_cache_without_prelink_information_still_names_its_kexts() {
    let mut bytes = merged_cache();
    let at = bytes.windows(5).position(|w| w == b"<dict").unwrap();
    bytes[at] = b'?';
    let cache = KernelCache::parse(&bytes).unwrap();
    let list = cache.kexts(&bytes).unwrap();
    assert!(matches!(list.problems[..], [Error::BadPrelink { .. }]));
    let names: Vec<_> = list.kexts.iter().map(|k| (k.id.as_str(), k.version.as_deref().unwrap())).collect();
    assert_eq!(names, KEXTS);
    assert!(list.kexts.iter().all(Kext::has_code));
}

#[test]
fn a_cut_cache_says_how_many_kexts_it_had_and_where_the_list_should_be() {
    let bytes = merged_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    let lists = cache.section("__PRELINK_INFO", "__kmod_info").unwrap().offset as usize;
    let list = cache.kexts(&bytes[..lists]).unwrap();
    assert_eq!((list.kexts.len(), list.declared), (0, Some(2)));
    assert!(list.problems.iter().all(|e| matches!(e, Error::Truncated { .. })) && !list.problems.is_empty());
    let split = split_cache();
    let cache = KernelCache::parse(&split).unwrap();
    let e = cache.kexts(&split[..0x8000]).unwrap_err();
    assert!(matches!(e, Error::Truncated { .. }), "{e}");
}

#[test]
fn a_segment_that_claims_more_sections_than_it_has_is_looked_at_and_not_parsed() {
    let mut bytes = merged_cache();
    // `nsects` of the second segment.
    let at = bytes.windows(11).position(|w| w == b"__TEXT_EXEC").unwrap() + 56;
    bytes[at + 3] = 0x10;
    let e = KernelCache::parse(&bytes).unwrap_err();
    assert!(matches!(e, Error::BadField { what, .. } if what.starts_with("nsects")), "{e}");
    let cache = KernelCache::look(&bytes).unwrap();
    assert_eq!(cache.damage, [e]);
    assert_eq!(cache.kexts(&bytes).unwrap().kexts.len(), 3);
}

#[test]
fn a_kernel_alone_has_no_kexts() {
    let bytes = tiny_kernel();
    let e = KernelCache::parse(&bytes).unwrap().kexts(&bytes).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

#[test]
fn damage_gives_fewer_kexts_or_an_error() {
    let mut seed = 0x1234_5678_9abc_def1u64;
    for bytes in [split_cache(), merged_cache(), fileset_cache()] {
        let reach = bytes.len();
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..8 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = (seed >> 8) as usize % if seed & 1 == 0 { 0x800 } else { reach };
                damaged[at] = seed as u8;
            }
            let Ok(cache) = KernelCache::parse(&damaged) else { continue };
            if let Ok(list) = cache.kexts(&damaged) {
                for kext in &list.kexts {
                    let _ = cache.extract_kext(&damaged, kext);
                }
            }
            let _ = cache.resolve_fixups(&mut damaged);
        }
    }
}

#[test]
fn a_list_of_references_to_one_large_dictionary_is_bounded_and_said_to_be_damaged() {
    let mut text = String::from("<dict><key>_PrelinkInfoDictionary</key><array><dict ID=\"0\">");
    text.push_str(&format!("<key>CFBundleIdentifier</key><string>{}</string>", "long.".repeat(2000)));
    text.push_str("<key>OSBundleLibraries</key><dict ID=\"1\">");
    for i in 0..2000 {
        text.push_str(&format!("<key>com.example.library.{i}</key><true/>"));
    }
    text.push_str("</dict></dict>");
    text.push_str(&"<dict IDREF=\"0\"/>".repeat(100_000));
    text.push_str("</array></dict>");
    let size = text.len() as u64;
    let base = 0xffff_fff0_0700_4000u64;
    let segments = [
        crate::test_support::Seg::new("__TEXT", base, 0x4000, vec![0; 0x4000], 5),
        crate::test_support::Seg::new("__PRELINK_TEXT", base - 0x4000, 0x4000, vec![1; 16], 5),
        crate::test_support::Seg::new("__PRELINK_INFO", base + 0x4000, size, text.into_bytes(), 1)
            .section("__info", 0, size),
    ];
    let bytes = crate::test_support::mach_o(0, 2, base, &segments, &[]);
    let list = KernelCache::parse(&bytes).unwrap().kexts(&bytes).unwrap();
    assert!(matches!(list.problems[..], [Error::TooMany { .. }]), "{:?}", list.problems);
    let held: usize = list.kexts.iter().map(|k| k.id.len() + k.libraries.concat().len()).sum();
    assert!(list.kexts.len() <= MAX_KEXTS && held <= bytes.len(), "{held}");
}
