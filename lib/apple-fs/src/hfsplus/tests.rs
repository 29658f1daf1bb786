use super::*;
use crate::Bytes;

fn corpus(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/corpus/fs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn unpacked(name: &str) -> Vec<u8> {
    let mut out = Vec::new();
    lzma_rs::xz_decompress(&mut &corpus(name)[..], &mut out).unwrap();
    out
}

fn open(image: Vec<u8>) -> Result<HfsPlus> {
    HfsPlus::open(Bytes::shared(image))
}

fn paths(fs: &HfsPlus) -> Vec<String> {
    (0..fs.tree().entries().len()).map(|i| fs.tree().path(i)).collect()
}

/// Reads all there is to read; gives the number of bytes, or the first error.
fn read_all(fs: &HfsPlus) -> Result<u64> {
    let mut total = 0;
    for e in fs.tree().entries() {
        fs.xattrs(e)?;
        if matches!(e.meta.kind, Kind::File | Kind::Symlink) {
            let mut out = FileSystem::open(fs, e)?;
            let n = std::io::copy(&mut out, &mut std::io::sink()).map_err(|e| Error::from_io(&e))?;
            assert_eq!(n, e.meta.size, "{}", e.name);
            total += n;
        }
    }
    Ok(total)
}

#[test]
fn the_small_image_of_another_project_lists_links_and_names() {
    let fs = open(unpacked("hfsp-small.img.xz")).unwrap();
    for (i, e) in fs.tree().entries().iter().enumerate() {
        eprintln!(
            "{} {:?} {:o} {} {}",
            fs.tree().path(i),
            e.meta.kind,
            e.meta.mode,
            e.meta.size,
            e.meta.links
        );
    }
    eprintln!("{:?}", fs.volume());
    read_all(&fs).unwrap();
}
