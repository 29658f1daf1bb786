use super::*;
use crate::ErrorKind;
use crate::test_support::{Seg, mach_o, tiny_kernel};

const BASE: u64 = 0xffff_fff0_0700_4000;

#[test]
fn a_static_kernel_says_what_it_is() {
    let bytes = tiny_kernel();
    let k = KernelCache::parse(&bytes).unwrap();
    assert_eq!((k.layout, k.arch), (Layout::Plain, Arch::Arm64));
    assert_eq!(k.entry, Some(BASE + 0x4000));
    assert_eq!((k.lowest_vmaddr(), k.highest_vmaddr()), (BASE, BASE + 0x10000));
    assert_eq!(k.kc_base(), 0xffff_fff0_0600_0000);
    assert_eq!(k.header_vmaddr(), BASE);
    assert_eq!(k.version.as_ref().unwrap().soc.as_deref(), Some("T8015"));
    assert_eq!(k.uuid.as_ref().unwrap(), b"0123456789abcdef");
    assert!(k.stripped() && !k.truncated);
    k.check_complete(&bytes).unwrap();
}

#[test]
fn layouts_are_told_by_content() {
    let text = || Seg::new("__TEXT", BASE, 0x4000, vec![0; 0x4000], 5);
    let split = [text(), Seg::new("__PRELINK_TEXT", BASE - 0x300_0000, 0x4000, vec![1; 16], 5)];
    let k = KernelCache::parse(&mach_o(0, 2, BASE, &split, &[])).unwrap();
    assert_eq!(k.layout, Layout::Split);
    assert_eq!(k.header_vmaddr(), BASE, "the header is in __TEXT even where __PRELINK_TEXT is lower");
    assert_eq!(k.kc_base(), 0xffff_fff0_0400_0000);
    let threaded = [text().section("__thread_starts", 0x3000, 8)];
    let k = KernelCache::parse(&mach_o(0xc000_0002, 2, BASE, &threaded, &[])).unwrap();
    assert_eq!((k.layout, k.arch), (Layout::Merged, Arch::Arm64e));
    let k =
        KernelCache::parse(&mach_o(2, 0xc, BASE, &[text()], &[("com.apple.kernel", BASE, 0x1000)])).unwrap();
    assert_eq!(k.layout, Layout::Fileset);
    assert_eq!(k.fileset[0].name, "com.apple.kernel");
}

#[test]
fn a_name_may_fill_its_field() {
    let segments = [
        Seg::new("__TEXT", BASE, 0x4000, vec![0; 0x4000], 5),
        Seg::new("__PLK_DATA_CONST", BASE + 0x4000, 0x4000, vec![], 1),
    ];
    let k = KernelCache::parse(&mach_o(0, 2, BASE, &segments, &[])).unwrap();
    assert!(k.segment("__PLK_DATA_CONST").is_some());
}

#[test]
fn the_head_of_a_cache_can_be_looked_at_but_not_loaded() {
    let bytes = tiny_kernel();
    let head = &bytes[..0x2100];
    let k = KernelCache::parse(head).unwrap();
    assert!(k.truncated);
    assert_eq!(k.check_complete(head).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn other_files_are_named() {
    assert_eq!(KernelCache::parse(b"complzss").unwrap_err().kind(), ErrorKind::NotFound);
    let mut other = tiny_kernel();
    other[4..8].copy_from_slice(&0x0100_0007u32.to_le_bytes());
    assert_eq!(KernelCache::parse(&other).unwrap_err(), Error::WrongCpu(0x0100_0007));
    assert_eq!(KernelCache::parse(&0xfeed_faceu32.to_le_bytes()).unwrap_err(), Error::Arm32);
}

#[test]
fn truncation_and_damage_give_errors_never_panics() {
    let bytes = tiny_kernel();
    for n in 0..0x600.min(bytes.len()) {
        let _ = KernelCache::parse(&bytes[..n]);
    }
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut refused = 0;
    for _ in 0..5000 {
        let mut damaged = bytes[..0x2100].to_vec();
        for _ in 0..1 + random() % 4 {
            let at = (random() % 0x400) as usize;
            damaged[at] = random() as u8;
        }
        match KernelCache::parse(&damaged) {
            Ok(k) => {
                let _ = (k.kc_base(), k.highest_vmaddr(), k.check_complete(&damaged));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "damage to the header is noticed: {refused} of 5000");
}

#[test]
fn a_fileset_s_kernel_gives_the_entry_and_version_that_the_outer_header_lacks() {
    let inner = tiny_kernel();
    // The outer file: its header, and the kernel's Mach-O at 0x4000, whose own file offsets are of the whole.
    let outer_text = Seg::new("__TEXT", BASE - 0x4000, 0x4000, vec![0; 0x4000], 5);
    let body = Seg::new("__REGION", BASE, 0x20000, inner, 5);
    let mut file = mach_o(0xc000_0002, 0xc, 0, &[outer_text, body], &[("com.apple.kernel", BASE, 0x4000)]);
    // Take the outer LC_UNIXTHREAD away: as a kind that nothing reads.
    let thread = file.windows(8).position(|w| w == [5, 0, 0, 0, 0x20, 1, 0, 0]).unwrap();
    file[thread] = 0x29;
    let k = KernelCache::parse(&file).unwrap();
    assert_eq!((k.layout, k.arch), (Layout::Fileset, Arch::Arm64e));
    assert_eq!(k.entry, Some(BASE + 0x4000));
    assert_eq!(k.version.as_ref().unwrap().soc.as_deref(), Some("T8015"));
    let inner = k.inner(&file, k.fileset_entry("com.apple.kernel").unwrap()).unwrap();
    assert_eq!(inner.segment("__TEXT_EXEC").unwrap().vmaddr, BASE + 0x4000);
    assert!(k.inner(&file, &FilesetEntry { name: "x".into(), vmaddr: 0, fileoff: u64::MAX }).is_err());
}

#[test]
fn addresses_lead_to_bytes_and_to_physical_places() {
    let bytes = tiny_kernel();
    let k = KernelCache::parse(&bytes).unwrap();
    assert_eq!(k.phys(BASE, 0x8_0000_0000), Some(0x8_0100_4000));
    assert_eq!(k.phys(0, 0x8_0000_0000), None);
    let entry = k.bytes_at(&bytes, k.entry.unwrap() + 4).unwrap();
    assert_eq!(entry[..4], 0xd65f_03c0u32.to_le_bytes());
    assert_eq!(k.bytes_at(&bytes, BASE - 1), None);
    assert_eq!(
        k.bytes_at(&bytes, BASE + 0x8000 + 0x200),
        None,
        "zero-filled memory has no bytes in the file"
    );
    assert_eq!(k.section("__TEXT", "__const").unwrap().size, 0x100);
}
