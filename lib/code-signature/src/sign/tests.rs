use super::*;
use crate::sample::{fat, sample, sample_with};
use crate::{CdHash, SlotState, cdhashes};

fn entitlements() -> Entitlements {
    Entitlements::parse(
        b"<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>get-task-allow</key><true/></dict></plist>",
    )
    .unwrap()
}

#[test]
fn a_signed_program_says_what_was_chosen_and_its_hashes_fit() {
    let mut s = Signer::new("org.example.hello");
    s.entitlements = Some(entitlements());
    s.team = Some("TEAM".into());
    s.flags = flags::RUNTIME;
    s.info = Some(b"info".to_vec());
    s.resources = Some(b"resources".to_vec());
    s.digests = vec![Digest::Sha1, Digest::Sha256];
    let file = s.sign(&sample()).unwrap();
    let parsed = MachO::parse(&file).unwrap();
    let signature = parsed.slices()[0].signature().unwrap().unwrap();
    let best = signature.best();
    assert_eq!((best.digest, best.slot, best.version), (Digest::Sha256, 0x1000, 0x2_0400));
    assert_eq!((best.identifier.as_str(), best.team.as_deref()), ("org.example.hello", Some("TEAM")));
    assert_eq!(best.flags, flags::ADHOC | flags::RUNTIME);
    assert_eq!(best.exec_segment, Some((0, 0x4000, 0x11)));
    assert_eq!((best.code_limit, best.code_slots, best.special_slots), (0x4000 + 1008, 5, 7));
    assert_eq!(best.special_hash(1), Some(Digest::Sha256.hash(b"info").as_slice()));
    assert_eq!(best.special_hash(3), Some(Digest::Sha256.hash(b"resources").as_slice()));
    assert_eq!(signature.blobs().iter().map(|b| b.slot).collect::<Vec<_>>(), [0, 2, 5, 7, 0x1000, 0x10000]);
    let check = signature.check(parsed.slices()[0].bytes()).unwrap();
    assert!(check.is_good() && check.pages == 10, "{check:?}");
    assert_eq!(check.slots.iter().filter(|s| s.state == SlotState::Good).count(), 6);
    assert_eq!(cdhashes(&file).unwrap(), [("arm64".to_string(), Some(signature.cdhash()))]);
    // Nothing of the code changed but the load commands.
    assert_eq!(file[0x1000..0x4000 + 1001], sample()[0x1000..]);
}

#[test]
fn a_changed_byte_is_found_in_its_page() {
    let mut file = Signer::new("x").sign(&sample()).unwrap();
    file[0x2345] ^= 1;
    let parsed = MachO::parse(&file).unwrap();
    let check = parsed.slices()[0].signature().unwrap().unwrap().check(&file).unwrap();
    assert_eq!(check.bad_pages, [(Digest::Sha256, 2)]);
    assert!(!check.is_good());
}

#[test]
fn signing_again_gives_the_same_bytes_and_keeps_what_was_said() {
    let mut s = Signer::new("id");
    s.entitlements = Some(entitlements());
    s.page_shift = 14;
    let once = s.sign(&sample()).unwrap();
    assert!(s.sign(&once).unwrap() == once);
    let parsed = MachO::parse(&once).unwrap();
    let like = Signer::like(&parsed.slices()[0].signature().unwrap().unwrap()).unwrap();
    assert!(like.sign(&once).unwrap() == once);
    // A larger and then a smaller signature: the file ends where it did.
    s.digests = vec![Digest::Sha1, Digest::Sha256, Digest::Sha384];
    assert!(like.sign(&s.sign(&once).unwrap()).unwrap() == once);
}

#[test]
fn every_slice_of_a_fat_file_is_signed_and_aligned() {
    let file = Signer::new("id").sign(&fat()).unwrap();
    let parsed = MachO::parse(&file).unwrap();
    let names: Vec<_> = parsed.slices().iter().map(Slice::name).collect();
    assert_eq!(names, ["arm64", "arm64e"]);
    for s in parsed.slices() {
        assert_eq!(s.offset % 0x4000, 0);
        assert!(s.signature().unwrap().unwrap().check(s.bytes()).unwrap().is_good());
    }
    let hashes: Vec<CdHash> = cdhashes(&file).unwrap().into_iter().filter_map(|h| h.1).collect();
    assert!(hashes.len() == 2 && hashes[0] != hashes[1]);
}

#[test]
fn what_cannot_be_signed_is_refused_with_the_reason() {
    let fails = |file: &[u8], word: &str| {
        let e = Signer::new("x").sign(file).unwrap_err().to_string();
        assert!(e.contains(word), "{e}");
    };
    fails(b"#!/bin/sh\n", "no Mach-O");
    let mut object = sample();
    object[12] = 1;
    fails(&object, "object file");
    let mut none = sample();
    none[32 + 152 + 8..32 + 152 + 18].copy_from_slice(b"__OTHERSEG");
    fails(&none, "no __LINKEDIT");
    let mut full = sample();
    full[256..260].fill(1);
    fails(&full, "-headerpad");
    let mut close = sample();
    // Its section begins right behind the commands.
    close[32 + 72 + 48..32 + 72 + 52].copy_from_slice(&256u32.to_le_bytes());
    fails(&close, "there are 0 bytes");
    fails(&[sample(), vec![7]].concat(), "behind __LINKEDIT");
    let mut s = Signer::new("x");
    s.digests.clear();
    assert!(s.sign(&sample()).is_err());
    assert!(Signer::new("").sign(&sample()).is_err() && Signer::new("a\0b").sign(&sample()).is_err());
    s = Signer::new("x");
    s.page_shift = 13;
    assert!(s.sign(&sample()).is_err());
}

#[test]
fn truncation_at_every_byte_is_an_error_or_a_failed_check_and_never_more() {
    for file in [Signer::new("x").sign(&sample_with((0x0100_000c, 0), 40)).unwrap(), fat()] {
        for cut in (0..file.len()).step_by(if file.len() > 0x8000 { 7 } else { 1 }) {
            let cut = &file[..cut];
            let Ok(parsed) = MachO::parse(cut) else { continue };
            for s in parsed.slices() {
                if let Ok(Some(signature)) = s.signature() {
                    let _ = signature.check(s.bytes());
                }
            }
            let _ = Signer::new("y").sign(cut);
        }
    }
}

#[test]
fn damage_at_random_is_refused_or_signed_again_and_never_falls() {
    let mut seed = 0x1234_5678_9abc_def1u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    let mut s = Signer::new("x");
    s.entitlements = Some(entitlements());
    let good = s.sign(&sample_with((0x0100_000c, 0), 40)).unwrap();
    for _ in 0..4000 {
        let mut bad = good.clone();
        for _ in 0..1 + next() % 3 {
            // Headers and the signature are what is read.
            let at = if next() % 2 == 0 { next() % 0x200 } else { 0x4020 + next() % (good.len() - 0x4020) };
            bad[at] = next() as u8;
        }
        if let Ok(parsed) = MachO::parse(&bad)
            && let Ok(Some(signature)) = parsed.slices()[0].signature()
        {
            let _ = (signature.check(&bad), Signer::like(&signature).map(|l| l.sign(&bad)));
        }
        if let Ok(again) = s.sign(&bad) {
            let parsed = MachO::parse(&again).unwrap();
            assert!(parsed.slices()[0].signature().unwrap().unwrap().check(&again).unwrap().is_good());
        }
    }
}

#[test]
fn a_linkers_signature_is_read_and_right_and_an_independent_reader_takes_ours() {
    let dir = std::env::temp_dir().join(format!("code-signature-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let sh = |command: &str| {
        let out = std::process::Command::new("sh").args(["-c", command]).current_dir(&dir).output();
        out.map(|o| (o.status.success(), String::from_utf8_lossy(&o.stdout).into_owned())).unwrap_or_default()
    };
    std::fs::write(
        dir.join("a.c"),
        "int data[9000] = {1}; void start(void) __asm__(\"start\"); void start(void) { data[1]++; }\n",
    )
    .unwrap();
    let link = "-arch arm64 -platform_version ios 14.0 14.0 -e start a.o";
    let built = sh(&format!(
        "clang --target=arm64-apple-ios14 -c a.c -o a.o && for l in ld64.lld ld64.lld-19 ld64.lld-14; do \
         if command -v $l; then $l {link} -adhoc_codesign -o signed && $l {link} -no_adhoc_codesign -o unsigned; exit; \
         fi; done; exit 1"
    ));
    if !built.0 {
        eprintln!("skipped: clang and ld64.lld (Debian: clang, lld) cannot link a Mach-O here");
        std::fs::remove_dir_all(dir).unwrap();
        return;
    }
    let file = std::fs::read(dir.join("signed")).unwrap();
    let parsed = MachO::parse(&file).unwrap();
    let signature = parsed.slices()[0].signature().unwrap().unwrap();
    assert!(signature.check(&file).unwrap().is_good());
    assert_eq!(signature.best().flags, flags::ADHOC | flags::LINKER_SIGNED);
    // Signing what the linker signed, and what it did not, with the linker's own identifier.
    for name in ["signed", "unsigned"] {
        let file = std::fs::read(dir.join(name)).unwrap();
        let again = Signer::new("signed").sign(&file).unwrap();
        std::fs::write(dir.join("ours"), &again).unwrap();
        let ours = MachO::parse(&again).unwrap();
        let ours = ours.slices()[0].signature().unwrap().unwrap();
        assert!(ours.check(&again).unwrap().is_good());
        let linker = signature.best();
        // The linker's directory and ours have the same form: the executable segment, the pages behind the header.
        assert_eq!(ours.best().exec_segment, linker.exec_segment, "{name}");
        let pages =
            |d: &crate::Directory<'_>| (1..7).map(|p| d.page_hash(p).map(<[u8]>::to_vec)).collect::<Vec<_>>();
        assert_eq!(pages(ours.best()), pages(linker), "{name}");
        let dump = sh(
            "llvm-objdump-19 --macho --private-headers ours || llvm-objdump --macho --private-headers ours",
        );
        assert!(dump.0 && dump.1.contains("LC_CODE_SIGNATURE"), "{}", dump.1);
    }
    std::fs::remove_dir_all(dir).unwrap();
}
