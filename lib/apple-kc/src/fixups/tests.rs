use super::*;
use crate::test_support::{fileset_cache, merged_cache, tiny_kernel};

const BASE: u64 = 0xffff_fff0_0700_4000;

fn all(bytes: &[u8]) -> Vec<Fixup> {
    let cache = KernelCache::parse(bytes).unwrap();
    let mut fixups = cache.fixups(bytes).unwrap();
    std::iter::from_fn(|| fixups.next(bytes)).collect::<Result<_>>().unwrap()
}

#[test]
fn words_are_decoded_as_the_kernel_does() {
    // A tagged pointer of an iOS 12 kernelcache, as published: two strides on, 0xfffffff007c95908.
    let (target, auth, next) = decode(0x0017_fff0_07c9_5908, Format::Threaded, BASE);
    assert_eq!((target, auth, next), (Target::Address(0xffff_fff0_07c9_5908), None, 2));
    // Signed: key DB, no address diversity, discriminator 0x1234, offset 0x5678, the last of its chain.
    let word = 1 << 63 | 3 << 49 | 0x1234u64 << 32 | 0x5678;
    let auth = Auth { key: 3, diversity: 0x1234, address_diversity: false };
    assert_eq!(decode(word, Format::Threaded, BASE), (Target::Address(BASE + 0x5678), Some(auth), 0));
    // Collections: level 0, and the pageable one.
    let word = 5u64 << 51 | 0x1_2345;
    assert_eq!(decode(word, Format::KernelCache64, BASE), (Target::Address(BASE + 0x1_2345), None, 5));
    assert_eq!(decode(word | 1 << 30, Format::KernelCache64, BASE).0, Target::Collection(1, 0x1_2345));
    // Plain pointers by offset with a top byte, and imports.
    let word = 0x80u64 << 36 | 0x4000;
    assert_eq!(decode(word, Format::Ptr64Offset, 0x1_0000_0000).0, Target::Address(0x8000_0001_0000_4000));
    assert_eq!(decode(1 << 63 | 7, Format::Ptr64, 0).0, Target::Import(7));
    assert_eq!(decode(1 << 62 | 9, Format::Arm64eKernel, 0).0, Target::Import(9));
    assert_eq!(
        decode(0x80 << 43 | 0x10, Format::Arm64eKernel, BASE).0,
        Target::Address(BASE | 0x8000_0000_0000_0000 | 0x4010)
    );
}

#[test]
fn threads_lead_to_every_pointer_and_resolving_leaves_none() {
    let mut bytes = merged_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    let found = all(&bytes);
    // Four in each kext's load commands, one in its data, two and three in the lists.
    assert_eq!(found.len(), 2 * 4 + 2 + 5);
    assert_eq!(found.iter().filter(|f| f.auth.is_some()).count(), 2);
    for fixup in &found {
        let Target::Address(address) = fixup.target else { panic!("{fixup:?}") };
        assert!(cache.segment_at(address).is_some() || address == BASE + 0x4000 + 0x3000, "{fixup:x?}");
        assert_eq!(cache.file_offset(fixup.vmaddr), Some(fixup.offset));
    }
    let done = cache.resolve_fixups(&mut bytes).unwrap();
    assert_eq!((done.pointers, done.signed, done.elsewhere), (15, 2, 0));
    assert_eq!(done.formats, ["threaded (__thread_starts)"]);
    for fixup in &found {
        let Target::Address(address) = fixup.target else { continue };
        assert_eq!(u64_le(&bytes, fixup.offset as usize), Some(address));
    }
    assert_eq!(all(&bytes), [], "the chains are gone");
    let before = bytes.clone();
    KernelCache::parse(&bytes).unwrap().resolve_fixups(&mut bytes).unwrap();
    assert!(bytes == before, "a second time changes nothing");
}

#[test]
fn chained_fixups_of_a_fileset_are_resolved() {
    let mut bytes = fileset_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    let found = all(&bytes);
    assert_eq!(found.len(), 6);
    let done = cache.resolve_fixups(&mut bytes).unwrap();
    assert_eq!((done.pointers, done.signed, done.formats), (6, 2, vec!["64_KERNEL_CACHE"]));
    let kext = cache.fileset_entry("com.apple.driver.One").unwrap();
    let data = usize::try_from(kext.fileoff).unwrap() + 0x4000;
    assert_eq!(u64_le(&bytes, data + 180), Some(kext.vmaddr + 0x800));
    assert_eq!(u64_le(&bytes, data + 0x100), Some(kext.vmaddr + 0x808));
    assert_eq!(all(&bytes), []);
}

#[test]
fn a_kernel_of_plain_pointers_stays_as_it_is() {
    let mut bytes = tiny_kernel();
    let cache = KernelCache::parse(&bytes).unwrap();
    assert!(!cache.has_fixups());
    assert_eq!(cache.resolve_fixups(&mut bytes).unwrap(), Resolved::default());
    assert!(bytes == tiny_kernel());
}

#[test]
fn chains_that_lead_nowhere_are_refused_with_their_place() {
    let whole = merged_cache();
    let cache = KernelCache::parse(&whole).unwrap();
    let starts = cache.section("__TEXT", "__thread_starts").unwrap().offset as usize;
    let mut bytes = whole.clone();
    bytes[starts + 4..][..4].copy_from_slice(&0x7fff_0000u32.to_le_bytes());
    let e = cache.fixups(&bytes).unwrap_err();
    assert!(matches!(e, Error::BadField { offset, .. } if offset == starts as u64 + 4), "{e}");
    // The last word of the chain goes on out of its segment.
    let found = all(&whole);
    let last = found.iter().rfind(|f| f.vmaddr < BASE + 0x10000).unwrap();
    let mut bytes = whole.clone();
    bytes[last.offset as usize + 6..][..2].copy_from_slice(&0x3ff8u16.to_le_bytes());
    assert!(matches!(cache.resolve_fixups(&mut bytes), Err(Error::BadField { .. })));
    // All starts at the same word.
    let mut bytes = fileset_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    let (offset, _) = cache.chained_fixups.unwrap();
    bytes[offset as usize + 52 + 6] = 3;
    assert!(
        matches!(cache.fixups(&bytes), Err(Error::BadField { what, .. }) if what.contains("pointer_format"))
    );
}

#[test]
fn many_chains_over_the_same_words_end() {
    let mut bytes = merged_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    // A list of a million starts would be longer than the file: what it has room for all lead to one long chain.
    let data = cache.section("__TEXT_EXEC", "__text").unwrap().offset as usize;
    for at in (data..data + 0x7ff0).step_by(8) {
        bytes[at..][..8].copy_from_slice(&(1u64 << 51).to_le_bytes());
    }
    let starts = cache.section("__TEXT", "__thread_starts").unwrap().offset as usize;
    let text = bytes.windows(16).position(|w| w.starts_with(b"__thread_starts")).unwrap();
    bytes[text + 40..][..8].copy_from_slice(&0x1000u64.to_le_bytes());
    for at in (starts + 4..0x4000).step_by(4) {
        bytes[at..][..4].copy_from_slice(&0x4000u32.to_le_bytes());
    }
    let cache = KernelCache::parse(&bytes).unwrap();
    let mut fixups = cache.fixups(&bytes).unwrap();
    let mut n = 0u64;
    let end = loop {
        match fixups.next(&bytes) {
            Some(Ok(_)) => n += 1,
            other => break other,
        }
    };
    assert!(matches!(end, Some(Err(_))) && n <= bytes.len() as u64 / 4, "{n} {end:?}");
    assert!(fixups.next(&bytes).is_none());
}
