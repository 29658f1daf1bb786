use super::object::fletcher64;
use super::*;
use crate::test_support::{contents, corpus, paths, read_all, shared};
use crate::{ErrorKind, FileSystem, Kind};

const BLOCK: usize = 4096;

fn volume(image: &[u8]) -> ApfsVolume {
    Container::open(shared(image)).unwrap().open_volume(0).unwrap()
}

/// Puts the checksum of a block right after it was changed.
fn seal(image: &mut [u8], block: usize) {
    let sum = fletcher64(&image[block * BLOCK + 8..(block + 1) * BLOCK]);
    image[block * BLOCK..block * BLOCK + 8].copy_from_slice(&sum.to_le_bytes());
}

/// The blocks that start objects of a type.
fn objects(image: &[u8], kind: u16) -> Vec<usize> {
    (0..image.len() / BLOCK)
        .filter(|b| {
            let o = &image[b * BLOCK..(b + 1) * BLOCK];
            o[..8] == fletcher64(&o[8..]).to_le_bytes() && o[24..26] == kind.to_le_bytes()
        })
        .collect()
}

fn crc(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

#[test]
fn files_have_the_contents_that_were_written_on_macos() {
    // The contents as the commands in the sample's own documentation wrote them on macOS.
    let fs = volume(&corpus("newtua-apfs_content.bin.xz"));
    read_all(&fs).unwrap();
    assert_eq!(contents(&fs, "/plain.txt"), b"APFS P4 plain file. Hello extents.\n");
    assert_eq!(
        contents(&fs, "/compressed.txt"),
        "The quick brown fox jumps over the lazy dog. ".repeat(4000).as_bytes()
    );
    let sparse = contents(&fs, "/sparse.bin");
    assert!(sparse.len() == 69_632 && sparse[..65_536].iter().all(|&b| b == 0));
    assert!(sparse[65_536..].iter().any(|&b| b != 0));
    let at = |path: &str| &fs.tree().entries()[fs.tree().find(path).unwrap()];
    assert_eq!(fs.link_target(at("/symlink_to_beth")).unwrap(), b"Dir1/Beth.txt");
    assert_eq!(at("/compressed.txt").meta.compression, Some(8));
    let names: Vec<_> = fs.xattrs(at("/plain.txt")).unwrap().into_iter().map(|x| (x.name, x.value)).collect();
    assert_eq!(
        names,
        [
            ("com.example.tag".into(), b"forensic-marker-P4".to_vec()),
            ("user.note".into(), b"second custom attr".to_vec())
        ]
    );
    assert_eq!(fs.xattrs(at("/compressed.txt")).unwrap(), []);
    assert!(!at("/compressed.txt").meta.has_xattrs && !at("/symlink_to_beth").meta.has_xattrs);
}

#[test]
fn compressed_files_are_read_wherever_their_header_is() {
    let fs = volume(&corpus("newtua-apfs_decmpfs.bin.xz"));
    assert_eq!(contents(&fs, "/hello.txt"), b"Hello, newtua!\n");
    assert_eq!(contents(&fs, "/привет.txt"), "Привет, newtua!\n".as_bytes());
    // These two keep the attribute in contents of its own.
    assert_eq!(contents(&fs, "/big.txt"), "newtua corpus payload line\n".repeat(2427).as_bytes());
    assert_eq!(contents(&fs, "/nested/deep/tiny.bin").len(), 256);
}

#[test]
fn an_image_of_another_project_lists_as_documented() {
    let fs = volume(&corpus("dfvfs-apfs.raw.xz"));
    assert_eq!(
        paths(&fs),
        [
            "/",
            "/.fseventsd",
            "/.fseventsd/000000001714941a",
            "/.fseventsd/000000001714941b",
            "/.fseventsd/fseventsd-uuid",
            "/a_directory",
            "/a_directory/a_file",
            "/a_directory/a_resourcefork",
            "/a_directory/another_file",
            "/a_link",
            "/passwords.txt"
        ]
    );
    let fork = &fs.tree().entries()[fs.tree().find("/a_directory/a_resourcefork").unwrap()];
    assert_eq!(fs.xattrs(fork).unwrap().len(), 1);
    assert_eq!(fork.meta.resource_size, fs.xattrs(fork).unwrap()[0].value.len() as u64);
    assert_eq!(fs.tree().entries()[9].meta.kind, Kind::Symlink);
    assert_eq!(
        crc(&contents(&fs, "/passwords.txt")),
        crc(&contents(
            crate::Image::open(shared(&corpus("dfvfs-hfsplus.raw.xz")))
                .unwrap()
                .mount(None, false)
                .unwrap()
                .as_ref(),
            "/passwords.txt"
        ))
    );
}

#[test]
fn encrypted_and_sealed_volumes_are_named() {
    let good = corpus("newtua-apfs_content.bin.xz");
    let change = |at: usize, bits: u8| {
        let mut image = good.clone();
        for block in objects(&good, kind::FS) {
            image[block * BLOCK + at] ^= bits;
            seal(&mut image, block);
        }
        Container::open(shared(&image)).unwrap()
    };
    let encrypted = change(264, 1);
    assert!(encrypted.volumes()[0].encrypted);
    let e = encrypted.open_volume(0).unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("encrypted"), "{e}");
    let sealed = change(56, 0x20);
    assert!(sealed.volumes()[0].sealed);
    let e = sealed.open_volume(0).unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("sealed"), "{e}");
}

#[test]
fn a_damaged_first_superblock_is_replaced_by_the_newest_checkpoint() {
    let mut image = corpus("newtua-apfs_content.bin.xz");
    image[BLOCK - 1] ^= 1;
    let fs = volume(&image);
    assert!(fs.volume().warnings[0].contains("superblock is damaged"), "{:?}", fs.volume().warnings);
    assert_eq!(contents(&fs, "/plain.txt").len(), 35);
}

#[test]
fn damage_with_right_checksums_ends_in_an_answer() {
    let good = corpus("newtua-apfs_content.bin.xz");
    let mut random = crate::test_support::Random(42);
    let blocks: Vec<usize> = [1, 2, 3, 11, 13].iter().flat_map(|&k| objects(&good, k)).collect();
    assert!(blocks.len() > 8);
    let mut refused = 0;
    for _ in 0..1500 {
        let mut bad = good.clone();
        let block = blocks[random.below(blocks.len())];
        let places: Vec<usize> = (8..BLOCK).filter(|i| good[block * BLOCK + i] != 0).collect();
        for _ in 0..1 + random.below(3) {
            let at = block * BLOCK + places[random.below(places.len())];
            bad[at] = if random.below(2) == 0 { 0xff } else { random.below(256) as u8 };
        }
        seal(&mut bad, block);
        refused += usize::from(crate::test_support::read_image(bad).is_err());
    }
    // Most blocks belong to older checkpoints, which nothing reads.
    assert!(refused > 20, "only {refused} of the damaged images were refused");
}
