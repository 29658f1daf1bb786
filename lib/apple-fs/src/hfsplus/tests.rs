use super::write::{Attributes, Builder};
use super::*;
use crate::Bytes;
use crate::test_support::{contents, corpus, paths, read_all};

fn open(image: Vec<u8>) -> Result<HfsPlus> {
    HfsPlus::open(Bytes::shared(image))
}

fn at<'a>(fs: &'a HfsPlus, path: &str) -> &'a Entry {
    &fs.tree().entries()[fs.tree().find(path).unwrap()]
}

#[test]
fn hard_links_links_and_names_of_another_projects_image_are_right() {
    let fs = open(corpus("hfsp-small.img.xz")).unwrap();
    read_all(&fs).unwrap();
    let files: Vec<_> = paths(&fs).into_iter().filter(|p| p.starts_with("/files/")).collect();
    assert_eq!(
        files,
        [
            "/files/Ac\u{327}ai\u{301}",
            "/files/Fun \u{1f308} today",
            "/files/MixedCase",
            "/files/first",
            "/files/link1",
            "/files/link2",
            "/files/script.sh",
            "/files/second",
            "/files/third",
            "/files/\u{8743}\u{8740}"
        ]
    );
    let (one, two) = (at(&fs, "/files/link1"), at(&fs, "/files/link2"));
    assert_eq!((one.id, one.meta.links, one.meta.mode, one.meta.uid), (two.id, 2, 0o644, 501));
    assert_eq!(contents(&fs, "/files/link2"), b"find me\n");
    assert_eq!(fs.link_target(at(&fs, "/files/third")).unwrap(), b"first");
    assert_eq!(fs.volume().warnings, Vec::<String>::new());
    assert!(!fs.volume().case_sensitive);
}

#[test]
fn fifteen_thousand_files_in_a_tree_of_three_levels_are_all_found() {
    let fs = open(corpus("hfsp-many2.img.xz")).unwrap();
    let files = fs.tree().entries().iter().filter(|e| e.meta.kind == Kind::File).count();
    assert_eq!((fs.tree().entries().len(), files), (15_587, 14_984), "as many as 7z lists");
    assert_eq!(fs.tree().orphans(), 0);
}

#[test]
fn attributes_and_resource_forks_are_shown_as_macos_shows_them() {
    let fs = open(corpus("dfvfs-hfsplus.raw.xz")).unwrap();
    let x = fs.xattrs(at(&fs, "/a_directory/a_file")).unwrap();
    assert_eq!(x.iter().map(|x| x.name.as_str()).collect::<Vec<_>>(), ["myxattr"]);
    let x = fs.xattrs(at(&fs, "/a_directory/a_resourcefork")).unwrap();
    assert_eq!(x.iter().map(|x| x.name.as_str()).collect::<Vec<_>>(), ["com.apple.ResourceFork"]);
    assert!(!at(&fs, "/passwords.txt").meta.has_xattrs);
}

#[test]
fn what_serves_the_volume_itself_is_shown_only_when_asked() {
    let image = corpus("hfsp-small.img.xz");
    let all = HfsPlus::open_with(Bytes::shared(image.clone()), true).unwrap();
    let usual = open(image).unwrap();
    assert!(paths(&all).iter().any(|p| p.ends_with("HFS+ Private Data/iNode27") || p.contains("/iNode")));
    assert!(!paths(&usual).iter().any(|p| p.contains("Private")));
    assert!(!paths(&usual).iter().any(|p| p.contains("journal")));
}

fn sample() -> Vec<u8> {
    let mut b = Builder::new("S");
    b.date(1_600_000_000);
    for i in 0..100 {
        b.file(&format!("/d/file {i}"), &Attributes::new(0o644), vec![i; 5000]).unwrap();
    }
    b.xattr("/d/file 3", "a", &[1; 100]).unwrap();
    b.build().unwrap()
}

#[test]
fn a_damaged_header_is_replaced_by_its_copy() {
    let mut image = sample();
    image[1024..1536].fill(0x55);
    let fs = open(image).unwrap();
    assert!(fs.volume().warnings[0].contains("header is damaged"), "{:?}", fs.volume().warnings);
    assert_eq!(contents(&fs, "/d/file 7"), vec![7; 5000]);
}

#[test]
fn an_unclean_volume_is_told() {
    let mut image = sample();
    image[1024 + 6] = 0;
    assert!(open(image).unwrap().volume().warnings[0].contains("not cleanly unmounted"));
}

/// Where the catalog file is in an image of the writer.
fn catalog(image: &[u8]) -> usize {
    4096 * u32::from_be_bytes(image[1024 + 288..1024 + 292].try_into().unwrap()) as usize
}

#[test]
fn leaves_linked_in_a_circle_are_refused() {
    let mut image = sample();
    let at = catalog(&image);
    // The second leaf leads back to the first.
    assert_eq!(image[at + 2 * 8192 + 8], 0xff, "a leaf");
    image[at + 2 * 8192..at + 2 * 8192 + 4].copy_from_slice(&1u32.to_be_bytes());
    let e = open(image).unwrap_err();
    assert!(e.to_string().contains("circle"), "{e}");
}

#[test]
fn forks_beyond_the_volume_are_refused() {
    let mut image = sample();
    let total = image.len() as u32 / 4096;
    // The catalog's first extent becomes longer than the volume.
    image[1024 + 292..1024 + 296].copy_from_slice(&(total + 1).to_be_bytes());
    image[1024 + 284..1024 + 288].copy_from_slice(&(total + 1).to_be_bytes());
    let e = open(image).unwrap_err();
    assert!(e.to_string().contains("outside the volume"), "{e}");
}

#[test]
fn a_file_in_many_pieces_is_put_together_from_the_overflow_file() {
    // One file of 20 blocks, whose blocks are then scattered: the record keeps eight extents, the overflow file two
    // records with the other twelve.
    let mut b = Builder::new("S");
    let data: Vec<u8> = (0..20u8).flat_map(|i| vec![i; 4096]).collect();
    b.file("/f", &Attributes::new(0o644), data.clone()).unwrap();
    b.spare(40 * 4096);
    let mut image = b.build().unwrap();
    let at = image.windows(4096).position(|w| w == [1; 4096]).unwrap() / 4096 - 1;
    // Block i of the file goes to block 2 i of the space behind.
    let copy = image[at * 4096..(at + 20) * 4096].to_vec();
    let base = at + 20;
    let total = base + 40;
    let tail = image.split_off(total * 4096);
    image.truncate(base * 4096);
    image.resize(total * 4096, 0xee);
    image.extend(tail);
    for i in 0..20 {
        let to = (base + 2 * i) * 4096;
        image[to..to + 4096].copy_from_slice(&copy[i * 4096..(i + 1) * 4096]);
    }
    image[at * 4096..(at + 20) * 4096].fill(0xdd);
    let extents = |from: usize, n: usize| -> Vec<u8> {
        let mut e: Vec<u8> =
            (from..from + n).flat_map(|i| [(base + 2 * i) as u32, 1]).flat_map(u32::to_be_bytes).collect();
        e.resize(64, 0);
        e
    };
    // The file's record: the fork with its 80 bytes.
    let old = [&(20 * 4096u64).to_be_bytes()[..], &[0; 4], &20u32.to_be_bytes(), &(at as u32).to_be_bytes()]
        .concat();
    let fork = image.windows(old.len()).position(|w| w == old).unwrap();
    image[fork + 16..fork + 80].copy_from_slice(&extents(0, 8));
    // The overflow file gets a leaf: two records for the file 16.
    let node = 4096 * u32::from_be_bytes(image[1024 + 208..1024 + 212].try_into().unwrap()) as usize;
    assert_eq!(image[node + 8], 1, "its header node");
    let key = |before: u32| [&[0, 10, 0, 0][..], &16u32.to_be_bytes(), &before.to_be_bytes()].concat();
    let mut leaf = vec![0, 0, 0, 0, 0, 0, 0, 0, 0xff, 1, 0, 2, 0, 0];
    let mut offsets = vec![];
    for (before, n) in [(8, 8), (16, 4)] {
        offsets.push(leaf.len() as u16);
        leaf.extend(key(before as u32));
        leaf.extend(extents(before, n));
    }
    offsets.push(leaf.len() as u16);
    leaf.resize(4096, 0);
    for (i, o) in offsets.iter().enumerate() {
        leaf[4096 - 2 * (i + 1)..4096 - 2 * i].copy_from_slice(&o.to_be_bytes());
    }
    // It takes the first of the file's old blocks, as second extent of the overflow file.
    image[at * 4096..(at + 1) * 4096].copy_from_slice(&leaf);
    image[node + 24..node + 28].copy_from_slice(&1u32.to_be_bytes());
    image[node + 36..node + 40].copy_from_slice(&2u32.to_be_bytes());
    image[1024 + 192..1024 + 200].copy_from_slice(&8192u64.to_be_bytes());
    image[1024 + 204..1024 + 208].copy_from_slice(&2u32.to_be_bytes());
    image[1024 + 216..1024 + 224].copy_from_slice(&[(at as u32).to_be_bytes(), 1u32.to_be_bytes()].concat());
    let fs = open(image).unwrap();
    assert!(contents(&fs, "/f") == data);
}

#[test]
fn compressed_files_are_read_through_both_forms() {
    let mut b = Builder::new("S");
    let mut a = Attributes::new(0o644);
    a.flags = decmpfs::UF_COMPRESSED;
    b.file("/inline", &a, "").unwrap();
    let header = |kind: u32, size: u64| [&b"fpmc"[..], &kind.to_le_bytes(), &size.to_le_bytes()].concat();
    b.xattr("/inline", decmpfs::XATTR, &[header(9, 5), b"\xcchello".to_vec()].concat()).unwrap();
    b.file("/fork", &a, "").unwrap();
    b.xattr("/fork", decmpfs::XATTR, &header(10, 70_000)).unwrap();
    let mut fork: Vec<u8> =
        [12u32, 12 + 65_537, 12 + 65_537 + 4465].into_iter().flat_map(u32::to_le_bytes).collect();
    fork.push(0);
    fork.resize(12 + 65_537, b'x');
    fork.push(0);
    fork.resize(12 + 65_537 + 4465, b'y');
    b.xattr("/fork", RESOURCE_FORK, &fork).unwrap();
    b.file("/bitmap", &a, "").unwrap();
    b.xattr("/bitmap", decmpfs::XATTR, &header(13, 5)).unwrap();
    let fs = open(b.build().unwrap()).unwrap();
    assert_eq!(contents(&fs, "/inline"), b"hello");
    assert_eq!(contents(&fs, "/fork"), [vec![b'x'; 65_536], vec![b'y'; 4464]].concat());
    assert_eq!(at(&fs, "/fork").meta.size, 70_000);
    assert_eq!(fs.xattrs(at(&fs, "/fork")).unwrap(), []);
    let e = FileSystem::open(&fs, at(&fs, "/bitmap")).err().unwrap();
    assert!(e.kind() == crate::ErrorKind::Unsupported && e.to_string().contains("LZBITMAP"), "{e}");
}

#[test]
fn truncation_at_every_block_is_noticed_and_the_rest_still_read() {
    let image = sample();
    let mut listed = 0;
    for cut in (0..image.len()).step_by(512) {
        match open(image[..cut].to_vec()) {
            Ok(fs) => {
                assert!(fs.volume().warnings.iter().any(|w| w.contains("cut")), "cut at {cut}");
                listed += usize::from(fs.tree().entries().len() == 102);
            }
            Err(e) => assert!(matches!(e, Error::Truncated { .. } | Error::BadField { .. }), "{e}"),
        }
    }
    assert!(listed > 50, "{listed}");
}
