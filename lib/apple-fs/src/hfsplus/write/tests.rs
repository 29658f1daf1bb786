use super::*;
use crate::decmpfs;
use crate::hfsplus::HfsPlus;
use crate::test_support::corpus;
use crate::{Bytes, Entry, FileSystem, Time, Xattr};

fn open(image: Vec<u8>) -> HfsPlus {
    HfsPlus::open(Bytes::shared(image)).unwrap()
}

fn contents(fs: &HfsPlus, path: &str) -> Vec<u8> {
    fs.read(&fs.tree().entries()[fs.tree().find(path).unwrap()], 1 << 30).unwrap()
}

/// A volume with some of everything.
fn sample() -> Builder {
    let mut b = Builder::new("Sample");
    b.date(1_600_000_000);
    b.directory("/bin", &Attributes { mode: 0o1777, gid: 80, ..Default::default() }).unwrap();
    let mut sh = Attributes::new(0o4755);
    sh.uid = 501;
    sh.modified = Some(1_500_000_000);
    b.file("/bin/sh", &sh, vec![7u8; 10_000]).unwrap();
    b.hard_link("/bin/bash", "/bin/sh").unwrap();
    b.hard_link("/sh", "/bin/sh").unwrap();
    b.symlink("/etc", &Attributes::new(0o755), "private/etc").unwrap();
    b.file("/private/etc/A\u{e7}a\u{ed}: \u{1f600}", &Attributes::new(0o644), "x").unwrap();
    b.file("/empty", &Attributes::new(0o600), "").unwrap();
    b.special("/dev/console", &Attributes::new(0o622), Kind::CharDevice, 5 << 24 | 1).unwrap();
    b.special("/dev/pipe", &Attributes::new(0o600), Kind::Fifo, 0).unwrap();
    b.xattr("/bin/sh", "user.small", b"value").unwrap();
    b.xattr("/bin/sh", "user.large", &[9; 9000]).unwrap();
    b.xattr("/bin", "user.folder", b"").unwrap();
    b.xattr("/empty", "com.apple.ResourceFork", b"fork").unwrap();
    b.xattr("/empty", "com.apple.FinderInfo", &[b'T'; 32]).unwrap();
    b
}

#[test]
fn a_volume_reads_back_as_it_was_put_in() {
    let fs = open(sample().build().unwrap());
    let tree = fs.tree();
    let paths: Vec<String> = (0..tree.entries().len()).map(|i| tree.path(i)).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/bin",
            "/bin/bash",
            "/bin/sh",
            "/dev",
            "/dev/console",
            "/dev/pipe",
            "/empty",
            "/etc",
            "/private",
            "/private/etc",
            "/private/etc/Ac\u{327}ai\u{301}: \u{1f600}",
            "/sh"
        ]
    );
    let at = |path: &str| &tree.entries()[tree.find(path).unwrap()];
    let sh = at("/bin/sh");
    assert_eq!((sh.meta.kind, sh.meta.mode, sh.meta.uid, sh.meta.links), (Kind::File, 0o4755, 501, 3));
    assert_eq!(sh.meta.modified, Some(Time { seconds: 1_500_000_000, nanoseconds: 0 }));
    assert_eq!((at("/bin/bash").id, at("/sh").id), (sh.id, sh.id));
    assert_eq!((at("/bin").meta.mode, at("/bin").meta.gid), (0o1777, 80));
    assert_eq!(contents(&fs, "/bin/bash"), vec![7; 10_000]);
    assert_eq!(fs.link_target(at("/etc")).unwrap(), b"private/etc");
    assert_eq!(at("/dev/console").meta.kind, Kind::CharDevice);
    assert_eq!(at("/dev/console").meta.device, 5 << 24 | 1);
    assert_eq!(at("/dev/pipe").meta.kind, Kind::Fifo);
    let names = |path: &str| fs.xattrs(at(path)).unwrap().into_iter().map(|x| x.name).collect::<Vec<_>>();
    assert_eq!(names("/sh"), ["user.large", "user.small"]);
    assert_eq!(fs.xattrs(sh).unwrap()[0].value, [9; 9000]);
    assert_eq!(names("/bin"), ["user.folder"]);
    assert_eq!(names("/empty"), ["com.apple.FinderInfo", "com.apple.ResourceFork"]);
    assert_eq!(fs.xattrs(at("/empty")).unwrap()[1].value, b"fork");
    assert_eq!((fs.volume().name.as_str(), fs.volume().case_sensitive), ("Sample", true));
    assert_eq!(fs.volume().warnings, Vec::<String>::new());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert!(sample().build().unwrap() == sample().build().unwrap());
}

#[test]
fn thousands_of_files_make_index_levels_that_lead_to_every_leaf() {
    let mut b = Builder::new("many");
    for i in 0..15_000 {
        b.file(&format!("/folder {}/file number {i}", i % 50), &Attributes::new(0o644), format!("{i}"))
            .unwrap();
    }
    let image = b.build().unwrap();
    let catalog_at = 4096 * u32::from_be_bytes(image[1024 + 288..1024 + 292].try_into().unwrap()) as usize;
    let depth = u16::from_be_bytes(image[catalog_at + 14..catalog_at + 16].try_into().unwrap());
    assert_eq!(depth, 3);
    let be32 = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap());
    let be16 = |at: usize| u16::from_be_bytes(image[at..at + 2].try_into().unwrap()) as usize;
    // Every index record's key is the first key of its child, and the leaves are met in the order of their chain.
    let node = |n: u32| catalog_at + n as usize * 8192;
    let first_key = |n: u32| {
        let k = node(n) + 14;
        image[k..k + 2 + be16(k)].to_vec()
    };
    let mut leaves = Vec::new();
    let mut todo = vec![be32(catalog_at + 16)];
    while let Some(n) = todo.pop() {
        if image[node(n) + 8] == 0xff {
            leaves.push(n);
            continue;
        }
        let mut children = Vec::new();
        for i in 0..be16(node(n) + 10) {
            let at = node(n) + be16(node(n) + 8192 - 2 * (i + 1));
            let len = 2 + be16(at);
            let child = be32(at + len);
            assert_eq!(image[at..at + len], first_key(child));
            children.push(child);
        }
        todo.extend(children.into_iter().rev());
    }
    let mut chain = vec![be32(catalog_at + 24)];
    while let Some(next) = chain.last().map(|&n| be32(node(n))).filter(|&n| n != 0) {
        chain.push(next);
    }
    assert_eq!(leaves, chain);
    let fs = open(image);
    assert_eq!(fs.tree().entries().len(), 1 + 50 + 15_000);
    assert_eq!(contents(&fs, "/folder 7/file number 12357"), b"12357");
}

#[test]
fn sizes_are_kept_and_too_small_ones_refused() {
    let mut b = sample();
    let small = b.build().unwrap().len();
    b.spare(100_000);
    assert_eq!(b.build().unwrap().len(), small + 25 * 4096);
    b.size(64 << 20);
    let image = b.build().unwrap();
    assert_eq!(image.len(), 64 << 20);
    assert_eq!(image[1024..1536], image[(64 << 20) - 1024..(64 << 20) - 512], "the copy of the header");
    // The bitmap counts as many free blocks as the header.
    let free = u32::from_be_bytes(image[1024 + 48..1024 + 52].try_into().unwrap());
    let map = &image[4096..4096 + (64 << 20) / 4096 / 8];
    assert_eq!(map.iter().map(|b| b.count_zeros()).sum::<u32>(), free);
    b.size(8192);
    assert_eq!(b.build().unwrap_err().kind(), crate::ErrorKind::Invalid);
    for block in [512, 1024, 65536] {
        let mut b = sample();
        b.block_size(block).unwrap();
        assert_eq!(contents(&open(b.build().unwrap()), "/sh").len(), 10_000, "blocks of {block}");
    }
}

#[test]
fn what_a_volume_cannot_hold_is_refused() {
    let mut b = sample();
    let a = Attributes::new(0o644);
    for path in ["/bin/sh", "/bin/sh/x", "/", "/a/../b", "/\0"] {
        assert_eq!(b.file(path, &a, "").unwrap_err().kind(), crate::ErrorKind::Invalid, "{path:?}");
    }
    assert!(b.hard_link("/x", "/bin").is_err() && b.hard_link("/x", "/none").is_err());
    assert!(b.symlink("/l", &a, "").is_err());
    assert!(b.xattr("/bin/sh", "com.apple.FinderInfo", b"short").is_err());
    assert!(b.xattr("/bin/sh", "com.apple.FinderInfo", b"hlnkhfs+------------------------").is_err());
    assert!(b.directory("/bin/sh", &a).is_err());
    // None of it left a trace.
    assert!(b.build().unwrap() == sample().build().unwrap());
}

#[test]
fn another_reader_lists_and_extracts_the_same() {
    let dir = std::env::temp_dir().join(format!("apple-fs-write-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let image = dir.join("image");
    let mut b = Builder::new("Sample");
    b.file("/bin/sh", &Attributes::new(0o755), vec![7; 10_000]).unwrap();
    b.symlink("/etc", &Attributes::new(0o755), "private/etc").unwrap();
    std::fs::write(&image, b.build().unwrap()).unwrap();
    let out = std::process::Command::new("7z").arg("x").arg("-y").arg(&image).current_dir(&dir).output();
    match out {
        Err(e) => eprintln!("skipped: 7z (Debian: p7zip-full) cannot be run: {e}"),
        Ok(out) => {
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stdout));
            assert_eq!(std::fs::read(dir.join("Sample/bin/sh")).unwrap(), vec![7; 10_000]);
            assert_eq!(std::fs::read_link(dir.join("Sample/etc")).unwrap().to_str(), Some("private/etc"));
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn apples_own_checker_finds_nothing_to_complain_of() {
    let mut images = vec![("empty", Builder::new("empty").build().unwrap())];
    for block in [512, 1024, 4096, 65536] {
        let mut b = sample();
        b.block_size(block).unwrap().spare(300_000);
        images.push(("sample", b.build().unwrap()));
    }
    let mut b = Builder::new("many");
    for i in 0..15_000 {
        let path = format!("/folder {}/file number {i}", i % 50);
        b.file(&path, &Attributes::new(0o644), format!("{i}")).unwrap();
        b.xattr(&path, "user.number", path.as_bytes()).unwrap();
        if i % 100 == 0 {
            b.hard_link(&format!("/links/{i}"), &path).unwrap();
            b.hard_link(&format!("/{i} again"), &path).unwrap();
        }
    }
    b.size(128 << 20);
    images.push(("many", b.build().unwrap()));
    let path = std::env::temp_dir().join(format!("apple-fs-fsck-{}", std::process::id()));
    for (name, image) in images {
        std::fs::write(&path, &image).unwrap();
        let out = std::process::Command::new("fsck.hfsplus").args(["-f", "-n"]).arg(&path).output();
        match out {
            Err(e) => {
                eprintln!("skipped: fsck.hfsplus (Debian: hfsprogs) cannot be run: {e}");
                break;
            }
            Ok(out) => assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stdout)),
        }
    }
    std::fs::remove_file(path).unwrap();
}

type Told = (String, Entry, Option<Vec<u8>>, Vec<Xattr>);

/// What a volume holds, for comparing: what a reader is told of each entry, but where it is stored.
fn told(fs: &HfsPlus) -> Vec<Told> {
    let mut all = Vec::new();
    for (i, e) in fs.tree().entries().iter().enumerate() {
        let data = matches!(e.meta.kind, Kind::File | Kind::Symlink).then(|| fs.read(e, 1 << 30).unwrap());
        let mut entry = e.clone();
        entry.meta.place = 0;
        all.push((fs.tree().path(i), entry, data, fs.xattrs(e).unwrap()));
    }
    all
}

/// Asks Apple's checker; `false` when it is not installed.
fn checked_by_apple(name: &str, image: &[u8]) -> bool {
    let path = std::env::temp_dir().join(format!("apple-fs-{name}-{}", std::process::id()));
    std::fs::write(&path, image).unwrap();
    let out = std::process::Command::new("fsck.hfsplus").args(["-f", "-n"]).arg(&path).output();
    std::fs::remove_file(path).unwrap();
    match out {
        Err(e) => {
            eprintln!("skipped: fsck.hfsplus (Debian: hfsprogs) cannot be run: {e}");
            false
        }
        Ok(out) => {
            let text = String::from_utf8_lossy(&out.stdout);
            assert!(out.status.success(), "{name}: {text}");
            true
        }
    }
}

#[test]
fn a_loaded_volume_is_written_again_with_everything_in_it() {
    let mut b = sample();
    let header = |kind: u32, size: u64| [&b"fpmc"[..], &kind.to_le_bytes(), &size.to_le_bytes()].concat();
    let mut a = Attributes::new(0o644);
    a.flags = decmpfs::UF_COMPRESSED;
    (a.created, a.changed, a.accessed) = (Some(1_400_000_000), Some(1_500_000_001), Some(1_500_000_002));
    b.file("/compressed", &a, "").unwrap();
    b.xattr("/compressed", decmpfs::XATTR, &[header(9, 5), b"\xcchello".to_vec()].concat()).unwrap();
    b.xattr("/compressed", "user.a/b", b"").unwrap();
    let old = open(b.build().unwrap());
    let image = Builder::load(&old).unwrap().build().unwrap();
    let new = open(image.clone());
    assert!(told(&new) == told(&old));
    assert_eq!(contents(&new, "/compressed"), b"hello");
    assert_eq!(
        new.xattrs(&new.tree().entries()[new.tree().find("/compressed").unwrap()]).unwrap()[0].name,
        "user.a/b"
    );
    assert_eq!(new.volume().created, old.volume().created);
    // Once more gives the same volume but for the numbers of new links.
    assert!(told(&open(Builder::load(&new).unwrap().build().unwrap())) == told(&old));
    checked_by_apple("loaded", &image);
}

#[test]
fn volumes_of_other_makers_are_written_again_with_everything_in_them() {
    for name in ["hfsp-blank.img.xz", "hfsp-small.img.xz", "hfsp-many2.img.xz", "dfvfs-hfsplus.raw.xz"] {
        let old = open(corpus(name));
        assert!(!old.has_full_journal(), "{name}");
        let b = Builder::load(&old).unwrap();
        assert_eq!(b.is_case_sensitive(), old.volume().case_sensitive, "{name}");
        let image = b.build().unwrap();
        let new = open(image.clone());
        assert!(told(&new) == told(&old), "{name}");
        assert_eq!(new.volume().warnings, Vec::<String>::new());
        checked_by_apple(name, &image);
    }
}

#[test]
fn a_volume_grows_and_shrinks() {
    let mut b = sample();
    b.size(8 << 20);
    let old = open(b.build().unwrap());
    let mut b = Builder::load(&old).unwrap();
    for size in [32 << 20, 1 << 20] {
        b.size(size);
        let image = b.build().unwrap();
        assert_eq!(image.len() as u64, size);
        checked_by_apple("resized", &image);
        assert!(told(&open(image)) == told(&old));
    }
    let e = b.size(16 << 10).build().unwrap_err();
    assert!(e.to_string().contains("are not enough"), "{e}");
}

#[test]
fn changes_are_all_in_the_new_volume_and_nothing_else_is() {
    let old = open(sample().build().unwrap());
    let mut b = Builder::load(&old).unwrap();
    assert_eq!(b.remove("/private").unwrap(), 3);
    assert_eq!(b.remove("/bin/bash").unwrap(), 1);
    b.rename("/dev/pipe", "/tmp/fifo").unwrap();
    b.replace("/empty", Bytes::shared("filled")).unwrap();
    b.file("/etc/motd", &Attributes::new(0o644), "through the link").unwrap();
    b.change("/bin", true, |_, a| {
        a.uid = 7;
        a.mode &= !0o022;
    })
    .unwrap();
    b.xattr("/bin/sh", "user.new", b"1").unwrap();
    assert!(b.remove_xattr("/bin/sh", "user.large").unwrap() && !b.remove_xattr("/bin/sh", "none").unwrap());
    let image = b.build().unwrap();
    checked_by_apple("changed", &image);
    let new = open(image);
    let paths: Vec<String> = (0..new.tree().entries().len()).map(|i| new.tree().path(i)).collect();
    assert_eq!(
        paths,
        [
            "/",
            "/bin",
            "/bin/sh",
            "/dev",
            "/dev/console",
            "/empty",
            "/etc",
            "/private",
            "/private/etc",
            "/private/etc/motd",
            "/sh",
            "/tmp",
            "/tmp/fifo"
        ]
    );
    let at = |path: &str| &new.tree().entries()[new.tree().find(path).unwrap()];
    assert_eq!((at("/sh").meta.uid, at("/sh").meta.links, at("/bin").meta.mode), (7, 2, 0o1755));
    assert_eq!(contents(&new, "/empty"), b"filled");
    assert_eq!(
        new.xattrs(at("/empty")).unwrap().len(),
        1,
        "the resource fork went, the Finder information stayed"
    );
    let names: Vec<_> = new.xattrs(at("/sh")).unwrap().into_iter().map(|x| x.name).collect();
    assert_eq!(names, ["user.new", "user.small"]);
    assert_eq!(at("/bin/sh").id, old.tree().entries()[old.tree().find("/sh").unwrap()].id);
}

#[test]
fn changes_that_cannot_be_are_refused_and_change_nothing() {
    let mut b = sample();
    let before = b.build().unwrap();
    assert!(b.remove("/").is_err() && b.remove("/none").is_err() && b.remove("/bin/../sh").is_err());
    assert!(b.rename("/bin", "/bin/x").is_err() && b.rename("/bin/sh", "/empty").is_err());
    assert!(b.rename("/bin", "/bin").is_err() && b.rename("/none", "/x").is_err());
    assert!(
        b.replace("/bin", Bytes::shared("x")).is_err() && b.replace("/none", Bytes::shared("x")).is_err()
    );
    assert!(b.change("/none", true, |_, _| ()).is_err());
    b.symlink("/loop", &Attributes::new(0o755), "loop").unwrap();
    assert!(b.file("/loop/x", &Attributes::new(0o644), "").is_err() && !b.is_folder("/loop"));
    b.remove("/loop").unwrap();
    assert!(b.build().unwrap() == before);
}

#[test]
fn paths_that_could_not_be_read_again_are_refused() {
    let a = Attributes::new(0o644);
    let mut b = Builder::new("deep");
    assert!(b.file(&"a/".repeat(2000), &a, "").is_err());
    b.file(&format!("{}f", "a/".repeat(600)), &a, "").unwrap();
    assert!(b.build().is_ok());
    b.rename("/a", &format!("{}a", "b/".repeat(600))).unwrap();
    assert!(b.build().unwrap_err().to_string().contains("folders"));
    let mut b = Builder::new("long");
    let name = "n".repeat(255);
    b.file(&format!("{}x", format!("{name}/").repeat(65)), &a, "").unwrap();
    assert!(b.build().unwrap_err().to_string().contains("bytes"));
    // A link that leads to itself by a longer and longer path.
    let mut b = Builder::new("link");
    b.symlink("/l", &a, &"x/".repeat(500)).unwrap();
    b.symlink(&format!("{}m", "x/".repeat(499)), &a, "/l").unwrap();
    let _ = b.file(&format!("/l{}/f", "/m".repeat(100)), &a, "");
    assert!(b.nodes().len() < 3000);
}

#[test]
fn names_without_case_are_found_in_any_case_and_sorted_as_the_checker_wants() {
    let mut b = Builder::case_insensitive("Insensitive");
    let a = Attributes::new(0o644);
    b.file("/Folder/ReadMe", &a, "1").unwrap();
    assert!(b.file("/folder/README", &a, "2").is_err());
    b.file("/FOLDER/other", &a, "2").unwrap();
    b.rename("/folder/readme", "/folder/README").unwrap();
    // A file for each character of the scripts that have cases: the order of the catalog is the checker's business.
    for c in (1..0x3000u32).chain(0xf900..0x1_0000).filter_map(char::from_u32) {
        let _ = b.file(&format!("/c/{c}x"), &a, "");
    }
    b.hard_link("/link", "/folder/readme").unwrap();
    let image = b.build().unwrap();
    assert_eq!(&image[1024..1028], b"H+\0\x04");
    checked_by_apple("insensitive", &image);
    let fs = open(image);
    assert!(!fs.volume().case_sensitive && fs.tree().find("/Folder/README").is_some());
    assert!(fs.tree().entries().len() > 10_000);
    assert_eq!(Builder::load(&fs).unwrap().kind("/fOLDER/oTHER"), Some(Kind::File));
}

#[test]
fn a_volume_with_a_full_journal_or_faults_is_loaded_only_to_salvage_it() {
    let image = corpus("hfsp-small.img.xz");
    let be = |at: usize| u32::from_be_bytes(image[at..at + 4].try_into().unwrap()) as usize;
    if be(1024 + 4) & 1 << 13 != 0 {
        let info = be(1024 + 12) * be(1024 + 40);
        let journal = u64::from_be_bytes(image[info + 36..info + 44].try_into().unwrap()) as usize;
        let mut full = image.clone();
        full[journal + 17] ^= 1;
        let fs = open(full);
        assert!(fs.has_full_journal());
        assert!(Builder::load(&fs).unwrap_err().to_string().contains("journal"));
        assert!(Builder::salvage(&fs).is_ok());
    }
    // A link that leads to nothing is left out.
    let mut broken = sample().build().unwrap();
    let link = broken.windows(8).position(|w| w == HARD_LINK).unwrap();
    broken[link - 4..link].copy_from_slice(&0x7fff_u32.to_be_bytes());
    let fs = open(broken);
    assert!(Builder::load(&fs).is_err());
    let salvaged = open(Builder::salvage(&fs).unwrap().build().unwrap());
    assert_eq!(salvaged.tree().entries().len() + 1, fs.tree().entries().len());
    assert_eq!(salvaged.volume().warnings, Vec::<String>::new());
    let mut unclean = sample().build().unwrap();
    unclean[1024 + 6] = 0;
    let fs = open(unclean);
    assert!(Builder::load(&fs).is_err() && Builder::salvage(&fs).is_ok());
}

#[test]
fn a_new_volume_is_read_in_pieces_as_it_is_as_a_whole() {
    let mut b = sample();
    b.size(2 << 20);
    let (whole, volume) = (b.build().unwrap(), b.lay_out().unwrap());
    let mut seed = 1u64;
    for _ in 0..500 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = (seed >> 33) as usize % whole.len();
        let len = (seed >> 20) as usize % 9000 % (whole.len() - at);
        let mut buf = vec![0xaa; len];
        volume.read_at(at as u64, &mut buf).unwrap();
        assert!(buf == whole[at..at + len]);
        let zeros = volume.zeros_at(at as u64) as usize;
        assert!(whole[at..at + zeros].iter().all(|&b| b == 0));
    }
    assert!(volume.zeros_at(1 << 20) > 900_000);
    assert!(volume.read_at(2 << 20, &mut [0]).is_err());
}
