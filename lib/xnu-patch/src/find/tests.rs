//! Patches of the catalog on code of the shapes they describe.

use apple_kc::KernelCache;
use apple_kc::test_support::{Seg, mach_o};

use super::*;
use crate::Catalog;

const BASE: u64 = 0xffff_fff0_0700_4000;
const EXEC: u64 = BASE + 0x4000;
const PACIBSP: u32 = 0xd503_237f;
const RET: u32 = 0xd65f_03c0;
const NOP: u32 = 0xd503_201f;
const FRAME: u32 = 0xa9bf_7bfd;

fn words(code: &[u32]) -> Vec<u8> {
    code.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn text(version: &str) -> Vec<u8> {
    let mut text = vec![0; 0x4000];
    let put = |text: &mut Vec<u8>, at: usize, bytes: &[u8]| text[at..at + bytes.len()].copy_from_slice(bytes);
    let full = format!("Darwin Kernel Version {version}: x; root:xnu-1/RELEASE_ARM64_T8015\0");
    put(&mut text, 0x2000, full.as_bytes());
    put(&mut text, 0x2100, b"\0SecureRootName\0not SecureRootName\0com.apple.os.update-\0");
    text
}

/// A static kernel of Darwin `version` with this code.
fn kernel(version: &str, code: &[u32]) -> Vec<u8> {
    let segments = [
        Seg::new("__TEXT", BASE, 0x4000, text(version), 1),
        Seg::new("__TEXT_EXEC", EXEC, 0x8000, words(code), 5),
    ];
    mach_o(0, 2, EXEC, &segments, &[])
}

fn find(file: &[u8], patch: &str) -> Report {
    find_with(file, patch, &Catalog::builtin().unwrap())
}

fn find_with(file: &[u8], patch: &str, catalog: &Catalog) -> Report {
    let kernel = KernelCache::parse(file).unwrap();
    let inner = Image::inner(&kernel, file);
    let image = Image::new(&kernel, file, &inner);
    look(catalog.chosen(&[patch]).unwrap()[0], &image)
}

/// What the code of `kernel` is with a patch.
fn patched(version: &str, code: &[u32], patch: &str) -> Vec<u32> {
    let report = find(&kernel(version, code), patch);
    assert_eq!(report.outcome, Outcome::Found, "{report:?}");
    let mut all = words(code);
    for e in report.edits() {
        let at = (e.address - EXEC) as usize;
        assert_eq!(all[at..at + e.old.len()], e.old);
        all[at..at + e.new.len()].copy_from_slice(&e.new);
    }
    all.chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect()
}

/// adrp x0 and add x0 of an address of `__TEXT`, at instruction `n`.
fn reference(n: u64, address: u64) -> [u32; 2] {
    let pages = (address >> 12).wrapping_sub((EXEC + 4 * n) >> 12) as u32;
    [
        0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5,
        0x9100_0000 | (address as u32 & 0xfff) << 10,
    ]
}

const SECURE_ROOT: u64 = BASE + 0x2101;

#[test]
fn a_function_is_found_by_the_string_it_uses() {
    let [adrp, add] = reference(5, SECURE_ROOT);
    let code = [PACIBSP, FRAME, RET, PACIBSP, FRAME, adrp, NOP, add, RET];
    let done = patched("18.2.0", &code, "secure-root");
    assert_eq!(done[3], RET);
    assert_eq!((done[0], done[4], done[5]), (PACIBSP, FRAME, adrp));
}

#[test]
fn a_string_that_only_ends_in_the_text_is_another_string() {
    let [adrp, add] = reference(1, BASE + 0x2101 + 15 + 4);
    let report = find(&kernel("18.2.0", &[PACIBSP, adrp, add, RET]), "secure-root");
    assert_eq!((report.outcome, report.edits().count()), (Outcome::NotFound, 0));
}

#[test]
fn two_functions_with_the_string_are_refused_and_both_are_named() {
    let ([a, b], [c, d]) = (reference(1, SECURE_ROOT), reference(5, SECURE_ROOT));
    let report = find(&kernel("18.2.0", &[PACIBSP, a, b, RET, PACIBSP, c, d, RET]), "secure-root");
    assert_eq!(report.outcome, Outcome::Ambiguous);
    let places: Vec<u64> = report.hits.iter().map(|h| h.address).collect();
    assert_eq!(places, [EXEC, EXEC + 16]);
    assert_eq!(report.edits().count(), 0, "nothing to write");
    assert_eq!(report.hits[0].module.as_deref(), Some(KERNEL));
}

/// A binary search over entries of 22 bytes with the hash in x`param`.
fn lookup(param: u32) -> Vec<u32> {
    vec![
        RET,
        PACIBSP,
        FRAME,
        0x9100_6108, // add x8, x8, #24
        0x5280_02c9, // mov w9, #22
        0xd341_fd4b, // lsr x11, x10, #1
        0x9b09_216c, // madd x12, x11, x9, x8
        0x3940_2c0d | param << 5,
        RET,
    ]
}

#[test]
fn the_trust_cache_lookup_is_patched_by_the_register_of_its_hash() {
    let done = patched("19.0.0", &lookup(0), "trust-cache-lookup");
    assert_eq!((done[0], &done[1..3]), (RET, &[0x5280_2020, RET][..]));
    let done = patched("19.0.0", &lookup(1), "trust-cache-lookup");
    assert_eq!(done[1..7], [0x5280_0040, 0x3900_0040, 0x5280_0020, 0x3900_0060, 0x5280_0020, RET]);
    assert_eq!(find(&kernel("19.0.0", &lookup(2)), "trust-cache-lookup").outcome, Outcome::NotFound);
}

#[test]
fn variants_for_other_trains_are_passed_over() {
    let report = find(&kernel("22.0.0", &lookup(0)), "trust-cache-lookup");
    assert_eq!(report.outcome, Outcome::NotFound);
    assert_eq!(report.notes.len(), 2, "{report:?}");
    let report = find(&kernel("16.0.0", &[RET; 8]), "trust-cache-lookup");
    assert_eq!(report.outcome, Outcome::OtherTrain);
    let sixteen = [PACIBSP, FRAME, 0xd29d_cfc8, RET];
    assert_eq!(patched("22.0.0", &sixteen, "trust-cache-lookup")[..2], [0x5280_2020, RET]);
}

#[test]
fn the_lookup_in_ppl_code_is_the_one_that_counts() {
    let segments = [
        Seg::new("__TEXT", BASE, 0x4000, text("19.0.0"), 1),
        Seg::new("__TEXT_EXEC", EXEC, 0x4000, words(&lookup(0)), 5),
        Seg::new("__PPLTEXT", EXEC + 0x4000, 0x4000, words(&lookup(1)), 5),
    ];
    let report = find(&mach_o(0, 2, EXEC, &segments, &[]), "trust-cache-lookup");
    let places: Vec<u64> = report.hits.iter().map(|h| h.address).collect();
    assert_eq!((report.outcome, places), (Outcome::Found, vec![EXEC + 0x4004]));
}

#[test]
fn kprintf_s_switch_is_turned_whichever_way_it_branches() {
    let head = [0x9100_43aa, 0xf900_07ea, 0x2a0a_0128];
    let code = |branch: u32| [head.as_slice(), &[branch, RET]].concat();
    assert_eq!(patched("19.0.0", &code(0x3400_0088), "kprintf")[3], 0x1400_0004);
    assert_eq!(patched("19.0.0", &code(0x3500_0088), "kprintf")[3], NOP);
}

#[test]
fn mounts_are_patched_before_the_mask_and_behind_it_only_otherwise() {
    let tbnz = 0x3728_0108;
    let old = [PACIBSP, tbnz, 0x3941_c408 | 9 << 5, 0x321f_2fe9, tbnz, RET];
    assert_eq!(patched("18.0.0", &old, "mount-union")[1..5], [NOP, old[2], old[3], tbnz]);
    assert_eq!(patched("18.0.0", &old, "mount-root")[2], 0x5280_0008);
    let new = [PACIBSP, 0x5283_ffc9, RET, tbnz, RET];
    assert_eq!(patched("20.0.0", &new, "mount-union")[3], NOP);
    assert_eq!(
        find(&kernel("20.0.0", &[PACIBSP, 0x5283_ffc9, RET]), "mount-union").outcome,
        Outcome::NotFound
    );
}

#[test]
fn the_snapshot_s_name_is_changed_in_place_and_once() {
    let file = kernel("20.0.0", &[RET]);
    let report = find(&file, "apfs-snapshot");
    assert_eq!(report.outcome, Outcome::Found);
    let edit = report.edits().next().unwrap();
    assert_eq!((edit.old.as_slice(), edit.old.len()), (&b"com.apple.os.update-"[..], edit.new.len()));
    let at = (edit.address - BASE) as usize;
    assert_eq!(&file[at..at + 20], b"com.apple.os.update-");
    let mut done = file.clone();
    done[at..at + 20].copy_from_slice(&edit.new);
    assert_eq!(find(&done, "apfs-snapshot").outcome, Outcome::Already);
}

#[test]
fn several_places_are_fine_where_the_patch_says_so() {
    // The kernel's own test for memory disks stays as it is; those of two kexts change.
    let shape = [0x7101_b51f, NOP, 0x7101_913f, RET];
    let report = find(&merged(false, &[shape, shape, shape].concat(), 8), "md0");
    let edits: Vec<_> = report.edits().map(|e| (e.address, e.new.clone())).collect();
    let new = 0x7101_911fu32.to_le_bytes().to_vec();
    assert_eq!(edits, [(EXEC + 16, new.clone()), (EXEC + 32, new)], "{report:?}");
    let many = find(&merged(false, &[&shape[..], &shape.repeat(9)].concat(), 8), "md0");
    assert_eq!(many.outcome, Outcome::Ambiguous);
    assert_eq!(find(&kernel("18.0.0", &shape), "md0").outcome, Outcome::NotFound);
}

/// A merged cache: kernel and two kexts in one segment, told apart by `__kmod_info` and `__kmod_start`, with plain or
/// threaded pointers.
fn merged(threaded: bool, code: &[u32], second: usize) -> Vec<u8> {
    let info = BASE + 0x10_0000;
    let tag = |v: u64| if threaded { v & ((1 << 43) - 1) | (v >> 56) << 43 } else { v };
    let mut data = vec![0; 0x1000];
    data[0x10..0x10 + 26].copy_from_slice(b"com.apple.filesystems.apfs");
    data[0x110..0x110 + 10].copy_from_slice(b"com.second");
    for (n, v) in [info, info + 0x100, EXEC + 16, EXEC + 4 * second as u64].into_iter().enumerate() {
        data[0x800 + 8 * n..0x808 + 8 * n].copy_from_slice(&tag(v).to_le_bytes());
    }
    let text = Seg::new("__TEXT", BASE, 0x4000, text("20.0.0"), 1);
    let segments = [
        if threaded { text.section("__thread_starts", 0x3000, 8) } else { text },
        Seg::new("__TEXT_EXEC", EXEC, 0x8000, words(code), 5),
        Seg::new("__PRELINK_INFO", info, 0x1000, data, 1).section("__kmod_info", 0x800, 16).section(
            "__kmod_start",
            0x810,
            16,
        ),
    ];
    mach_o(2, 2, EXEC, &segments, &[])
}

#[test]
fn a_patch_of_a_kext_looks_into_that_kext_alone() {
    // The shape three times: in the kernel, in apfs, in the other kext.
    let shape = [PACIBSP, 0x3940_e108, 0x3728_0048, 0x5280_0a00];
    for threaded in [false, true] {
        let file = merged(threaded, &[shape, shape, shape].concat(), 8);
        let report = find(&file, "apfs-root-auth");
        let places: Vec<_> = report.hits.iter().map(|h| (h.address, h.module.as_deref())).collect();
        assert_eq!(places, [(EXEC + 16, Some("com.apple.filesystems.apfs"))], "threaded: {threaded}");
        assert_eq!(report.outcome, Outcome::Found);
    }
}

#[test]
fn filesets_are_searched_entry_by_entry() {
    let shape = [PACIBSP, 0x3940_e108, 0x3728_0048, 0x5280_0a00];
    // Entries: a kernel and apfs, each with its own header inside the file.
    let kernel = {
        let segments = [
            Seg::new("__TEXT", BASE, 0x4000, text("21.0.0"), 1),
            Seg::new("__TEXT_EXEC", EXEC, 0x4000, words(&shape), 5),
        ];
        mach_o(2, 2, EXEC, &segments, &[])
    };
    let apfs_at = kernel.len().next_multiple_of(0x4000) as u64;
    let apfs = {
        let (at, exec) = (BASE + 0x10_0000, BASE + 0x10_4000);
        let mut head = vec![0; 0x4000];
        head[0x3000] = 1;
        let segments = [
            Seg::new("__TEXT", at, 0x4000, head, 1),
            Seg::new("__TEXT_EXEC", exec, 0x4000, words(&shape), 5),
        ];
        let mut file = mach_o(2, 11, exec, &segments, &[]);
        // File offsets in a fileset are those of the whole file.
        for command in [32, 32 + 72] {
            let at = command + 40;
            let old = u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
            file[at..at + 8].copy_from_slice(&(old + 0x4000 + apfs_at).to_le_bytes());
        }
        file
    };
    let shift = |mut file: Vec<u8>, by: u64| {
        for command in [32, 32 + 72] {
            let at = command + 40;
            let old = u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
            file[at..at + 8].copy_from_slice(&(old + by).to_le_bytes());
        }
        file
    };
    let mut body = vec![0; 0x4000];
    body.extend(shift(kernel, 0x4000));
    body.resize(0x4000 + apfs_at as usize, 0);
    body.extend(apfs);
    let entries = [
        ("com.apple.kernel", BASE, 0x4000),
        ("com.apple.filesystems.apfs", BASE + 0x10_0000, 0x4000 + apfs_at),
    ];
    let outer = [Seg::new("__TEXT", BASE - 0x4000, body.len() as u64, body, 5)];
    let file = mach_o(2, 12, EXEC, &outer, &entries);
    let report = find(&file, "apfs-root-auth");
    let places: Vec<_> = report.hits.iter().map(|h| (h.address, h.module.as_deref())).collect();
    assert_eq!(places, [(BASE + 0x10_4000, Some("com.apple.filesystems.apfs"))], "{report:?}");
}

#[test]
fn a_user_s_patch_can_start_at_a_symbol_and_follow_calls() {
    let mut catalog = Catalog::default();
    let file = r#"
        [[patch]]
        name = "own"
        what = "w"
        [[patch.variant]]
        find = ["d2800540"]
        then = ["function", "callers", "function", "forward 8: 94000000/fc000000", "follow", "+1"]
        write = ["000000000000000000000000000 ddddd"]
    "#;
    catalog.add("own.toml", &file.replace("\"d2800540\"", "\"11010010100 0000000000101010 ddddd\"")).unwrap();
    // f: pacibsp; mov x0, #42; ret. g: pacibsp; bl f; ret
    let code = [PACIBSP, 0xd280_0540, RET, PACIBSP, 0x97ff_fffc, RET];
    let report = find_with(&kernel("18.0.0", &code), "own", &catalog);
    let edit = report.edits().next().unwrap();
    assert_eq!((edit.address, edit.new.as_slice()), (EXEC + 4, &[0, 0, 0, 0][..]));
}

#[test]
fn a_locator_names_places_without_changing_them() {
    let [adrp, add] = reference(2, SECURE_ROOT);
    let file = kernel("18.2.0", &[RET, PACIBSP, adrp, add, RET, 0x97ff_fffc]);
    let kernel = KernelCache::parse(&file).unwrap();
    let image = Image::new(&kernel, &file, &[]);
    let at = |text: &str| locate(&Locator::parse(text).unwrap(), &image);
    assert_eq!(at("string=SecureRootName > function"), [EXEC + 4]);
    assert_eq!(at("pattern=d65f03c0"), [EXEC, EXEC + 16]);
    assert_eq!(at(&format!("pc={:#x} > follow > +1", EXEC + 20)), [EXEC + 8]);
    assert_eq!(at("pc=0xfffffff012345678"), [0xffff_fff0_1234_5678]);
    assert!(at("symbol=_none").is_empty());
    for text in ["", "pc", "pc=x", "where=1", "pattern=12", "pc=1 > nowhere"] {
        assert!(Locator::parse(text).is_err(), "{text}");
    }
}

#[test]
fn reports_are_json_with_addresses_in_hexadecimal() {
    let report = find(&kernel("20.0.0", &[RET]), "apfs-snapshot");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["outcome"], "found");
    assert_eq!(json["hits"][0]["address"], format!("{:#x}", BASE + 0x2101 + 15 + 19));
}

#[test]
fn any_bytes_as_code_are_searched_without_a_stop() {
    let mut state = 1u64;
    let noise: Vec<u32> = (0..4096)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 32) as u32
        })
        .collect();
    let file = kernel("20.0.0", &noise);
    let catalog = Catalog::builtin().unwrap();
    for cut in [file.len(), 0x5003, 0x4001] {
        let Ok(kernel) = KernelCache::parse(&file[..cut]) else { continue };
        let image = Image::new(&kernel, &file[..cut], &[]);
        for p in &catalog.patches {
            assert!(look(p, &image).hits.len() <= MOST * 4, "{}", p.name);
        }
    }
}

#[test]
fn kexts_of_every_layout_are_told_apart() {
    use apple_kc::test_support as caches;
    for (layout, file) in [
        ("split", caches::split_cache()),
        ("merged", caches::merged_cache()),
        ("fileset", caches::fileset_cache()),
    ] {
        let kernel = KernelCache::parse(&file).unwrap();
        let inner = Image::inner(&kernel, &file);
        let image = Image::new(&kernel, &file, &inner);
        let kexts = kernel.kexts(&file).unwrap().kexts;
        for kext in kexts.iter().filter(|k| k.has_code()) {
            let at = kext.vmaddr.unwrap();
            assert_eq!(image.owner(at), Some(kext.id.as_str()), "{layout}: {:#x}: {:?}", at, image.modules());
        }
    }
}
