//! What this crate reads and writes, against the `object` crate, which walks chained fixups of its own.

use apple_kc::test_support::{KEXTS, fileset_cache, merged_cache, split_cache};
use apple_kc::{KernelCache, Target};
use object::macho;
use object::read::macho::{Fixup, MachHeader, Segment};
use object::{Endianness, Object, ObjectSection, ObjectSymbol};

/// Address, target's offset from the header; key, discriminator, address diversity.
type Seen = (u64, u64, Option<(u8, u16, bool)>);

/// Every fixup, as `object` sees them.
fn theirs(data: &[u8]) -> Vec<Seen> {
    let header = macho::MachHeader64::<Endianness>::parse(data, 0).unwrap();
    let endian = header.endian().unwrap();
    let mut commands = header.load_commands(endian, data, 0).unwrap();
    let (mut segments, mut fixups) = (Vec::new(), None);
    while let Some(command) = commands.next().unwrap() {
        if let Some((segment, _)) = command.segment_64().unwrap() {
            segments.push((segment.vmaddr.get(endian), segment.data(endian, data).unwrap()));
        }
        if command.cmd() == macho::LC_DYLD_CHAINED_FIXUPS {
            fixups = Some(command.data::<macho::LinkeditDataCommand<Endianness>>().unwrap());
        }
    }
    let base = segments[0].0;
    let fixups = fixups.unwrap().chained_fixups(endian, data).unwrap();
    let mut all = Vec::new();
    let mut with_fixups = fixups.segments(endian).unwrap();
    while let Some(segment) = with_fixups.next().unwrap() {
        let (vmaddr, bytes) = segments[segment.index() as usize];
        let mut walk = segment.fixups(endian, base, bytes);
        while let Some((offset, fixup)) = walk.next().unwrap() {
            let Fixup::KernelCacheRebase(f) = fixup else { panic!("{fixup:?}") };
            assert_eq!(f.cache_level, 0);
            let auth = f.auth.map(|a| (a.key as u8, a.diversity, a.addr_div));
            all.push((vmaddr + offset, f.target_offset, auth));
        }
    }
    all
}

#[test]
fn chained_fixups_of_a_fileset_are_those_that_object_finds() {
    let bytes = fileset_cache();
    let cache = KernelCache::parse(&bytes).unwrap();
    let mut fixups = cache.fixups(&bytes).unwrap();
    let mut ours = Vec::new();
    while let Some(fixup) = fixups.next(&bytes) {
        let fixup = fixup.unwrap();
        let Target::Address(target) = fixup.target else { panic!("{fixup:?}") };
        let auth = fixup.auth.map(|a| (a.key, a.diversity, a.address_diversity));
        ours.push((fixup.vmaddr, target - cache.header_vmaddr(), auth));
    }
    assert_eq!(ours, theirs(&bytes));
    let mut resolved = bytes.clone();
    cache.resolve_fixups(&mut resolved).unwrap();
    assert_eq!(theirs(&resolved), [], "nobody follows the chains again");
}

#[test]
fn kexts_taken_out_are_whole_files_to_object() {
    for (mut bytes, symbols) in [(split_cache(), true), (merged_cache(), false), (fileset_cache(), true)] {
        KernelCache::parse(&bytes).unwrap().resolve_fixups(&mut bytes).unwrap();
        let cache = KernelCache::parse(&bytes).unwrap();
        let list = cache.kexts(&bytes).unwrap();
        let kext = list.find(KEXTS[0].0).unwrap();
        let image = cache.extract_kext(&bytes, kext).unwrap();
        let file = object::File::parse(&*image).unwrap();
        assert_eq!(file.mach_uuid().unwrap(), kext.uuid);
        let text = file.section_by_name("__text").unwrap();
        assert_eq!(text.address(), kext.vmaddr.unwrap() + 0x800);
        assert!(text.data().unwrap().starts_with(&0xd65f_03c0u32.to_le_bytes()));
        let names: Vec<&str> = file.symbols().map(|s| s.name().unwrap()).collect();
        let expected: &[&str] = if symbols { &["_one_start", "__ZN3One5startEv", "_one_data"] } else { &[] };
        assert_eq!(names, expected);
    }
}
