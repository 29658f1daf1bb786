use crate::test_support::{KEXTS, fileset_cache, merged_cache, split_cache};
use crate::{Error, KernelCache, Symbols};

fn resolved(mut bytes: Vec<u8>) -> (Vec<u8>, KernelCache) {
    let cache = KernelCache::parse(&bytes).unwrap();
    cache.resolve_fixups(&mut bytes).unwrap();
    let cache = KernelCache::parse(&bytes).unwrap();
    (bytes, cache)
}

#[test]
fn a_kext_becomes_a_mach_o_with_its_own_segments_and_symbols() {
    for (bytes, symbols) in [(split_cache(), true), (merged_cache(), false), (fileset_cache(), true)] {
        let (bytes, cache) = resolved(bytes);
        let list = cache.kexts(&bytes).unwrap();
        for (i, (id, _)) in KEXTS.iter().enumerate() {
            let kext = list.find(id).unwrap();
            let file = cache.extract_kext(&bytes, kext).unwrap();
            let image = KernelCache::parse(&file).unwrap();
            assert_eq!((image.filetype, image.uuid.unwrap()[0]), (0xb, b'A' + i as u8));
            image.check_complete(&file).unwrap();
            let text = image.segment("__TEXT_EXEC").unwrap();
            assert_eq!((text.vmaddr, text.fileoff), (kext.vmaddr.unwrap(), 0));
            let code = image.section("__TEXT_EXEC", "__text").unwrap().data(&file).unwrap();
            assert_eq!(code[..4], 0xd65f_03c0u32.to_le_bytes());
            let data = image.section("__DATA", "__data").unwrap();
            let variables = data.data(&file).unwrap();
            assert_eq!(
                variables[0x100..0x108],
                (text.vmaddr + 0x808).to_le_bytes(),
                "the pointer is resolved"
            );
            assert!(variables[16..].starts_with(id.as_bytes()));
            let names: Vec<_> = image.symbols(&file).map(|s| (s.name, s.vmaddr)).collect();
            let start = text.vmaddr + 0x800;
            match (symbols, i) {
                (false, _) => assert!(names.is_empty()),
                (true, 0) => assert_eq!(
                    names,
                    [
                        ("_one_start", start),
                        ("__ZN3One5startEv", start + 4),
                        ("_one_data", data.addr + 0x100)
                    ]
                ),
                (true, _) => assert_eq!(names, [("_two_start", start)]),
            }
        }
    }
}

#[test]
fn only_the_names_of_a_kext_s_own_symbols_come_along() {
    let (bytes, cache) = resolved(fileset_cache());
    let list = cache.kexts(&bytes).unwrap();
    let file = cache.extract_kext(&bytes, list.find("Two").unwrap()).unwrap();
    assert!(!file.windows(10).any(|w| w == b"_one_start"));
    let symtab = KernelCache::parse(&file).unwrap().symtab.unwrap();
    assert_eq!((symtab.nsyms, symtab.strsize), (1, 12));
    assert_eq!(Symbols::new(&file, Some(symtab)).count(), 1);
}

#[test]
fn a_kext_without_code_or_with_segments_elsewhere_is_refused() {
    let (bytes, cache) = resolved(split_cache());
    let list = cache.kexts(&bytes).unwrap();
    let e = cache.extract_kext(&bytes, list.find("com.apple.kpi.bsd").unwrap()).unwrap_err();
    assert!(matches!(e, Error::NoExecutable(_)));
    let kext = list.find("One").unwrap();
    let mut damaged = bytes.clone();
    let header = usize::try_from(kext.fileoff.unwrap()).unwrap();
    // The second segment's address.
    damaged[header + 32 + 152 + 30] = 0x11;
    let e = cache.extract_kext(&damaged, kext).unwrap_err();
    assert!(matches!(e, Error::BadField { .. }), "{e}");
    // A segment that claims the whole file a thousand times over.
    let mut damaged = bytes.clone();
    damaged[header + 32 + 48..][..8].copy_from_slice(&(1u64 << 30).to_le_bytes());
    damaged[header + 32 + 32..][..8].copy_from_slice(&(1u64 << 30).to_le_bytes());
    let e = cache.extract_kext(&damaged, kext).unwrap_err();
    assert!(matches!(e, Error::TooMany { .. }), "{e}");
}
