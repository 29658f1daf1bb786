//! What the tests of several modules share: samples, damage, disk images made by hand.

use crate::{Bytes, Error, FileSystem, Image, Kind, Result, Shared};
use std::io::{Read, Write};

/// A file of the corpus, without its xz.
pub fn corpus(name: &str) -> Vec<u8> {
    let path = format!("{}/../../tests/corpus/fs/{name}", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    if !name.ends_with(".xz") {
        return bytes;
    }
    let mut out = Vec::new();
    lzma_rs::xz_decompress(&mut &bytes[..], &mut out).unwrap();
    out
}

/// The paths of all entries.
pub fn paths(fs: &dyn FileSystem) -> Vec<String> {
    (0..fs.tree().entries().len()).map(|i| fs.tree().path(i)).collect()
}

/// The contents at a path.
pub fn contents(fs: &dyn FileSystem, path: &str) -> Vec<u8> {
    let index = fs.tree().find(path).unwrap_or_else(|| panic!("{path} is not there"));
    fs.read(&fs.tree().entries()[index], 1 << 30).unwrap()
}

/// Reads all there is to read, at most 64 MiB of it; gives the first error.
pub fn read_all(fs: &dyn FileSystem) -> Result<()> {
    let mut left = 64u64 << 20;
    for e in fs.tree().entries() {
        fs.xattrs(e)?;
        if matches!(e.meta.kind, Kind::File | Kind::Symlink) {
            let mut from = fs.open(e)?.take(left);
            let n = std::io::copy(&mut from, &mut std::io::sink()).map_err(|e| Error::from_io(&e))?;
            assert!(n == e.meta.size || n == left, "{}: {n} of {} bytes", e.name, e.meta.size);
            left -= n;
        }
    }
    Ok(())
}

/// Opens an image and reads everything of all its volumes.
pub fn read_image(bytes: Vec<u8>) -> Result<()> {
    let image = Image::open(Bytes::shared(bytes))?;
    if let Some(udif) = image.udif() {
        udif.verify_contents()?;
    }
    match image.apfs_volumes().len() {
        0 => read_all(image.mount(None, true)?.as_ref()),
        n => (1..=n).try_for_each(|i| read_all(image.mount(Some(&i.to_string()), false)?.as_ref())),
    }
}

/// A generator of the same numbers every time (xorshift).
pub struct Random(pub u64);

impl Random {
    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// The bytes of a text of hexadecimal digits.
pub fn hex(s: &str) -> Vec<u8> {
    let d: Vec<u8> = s.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    d.chunks(2).map(|p| p[0] << 4 | p[1]).collect()
}

/// Two sectors of text.
pub fn sectors() -> Vec<u8> {
    let text: String = (0..61).map(|i| format!("sector text {i:04}\n")).collect();
    text.as_bytes()[..1024].to_vec()
}

/// [`sectors`], as a chunk of each type that stores bytes: type, bytes.
pub fn chunks() -> Vec<(u32, Vec<u8>)> {
    let text = sectors();
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    zlib.write_all(&text).unwrap();
    let mut lzfse = Vec::new();
    lzfse_rust::encode_bytes(&text, &mut lzfse).unwrap();
    let adc = text.chunks(128).flat_map(|c| [&[0x80 | (c.len() - 1) as u8], c].concat()).collect();
    vec![
        (1, text),
        (0x8000_0004, adc),
        (0x8000_0005, zlib.finish().unwrap()),
        (0x8000_0006, hex(include_str!("codec/sectors.bz2.hex"))),
        (0x8000_0007, lzfse),
        (0x8000_0008, hex(include_str!("codec/sectors.xz.hex"))),
    ]
}

/// A disk image of one table with these chunks: type, sectors, stored bytes. `contents` is the disk without the
/// chunks of type 2, for the checksum.
pub fn udif(chunks: &[(u32, u64, Vec<u8>)], contents: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut mish = b"mish\0\0\0\x01".to_vec();
    let total: u64 = chunks.iter().map(|c| c.1).sum();
    for n in [0, total, 0] {
        mish.extend_from_slice(&n.to_be_bytes());
    }
    mish.resize(64, 0);
    for n in [2, 32, crc32fast::hash(contents)] {
        mish.extend_from_slice(&n.to_be_bytes());
    }
    mish.resize(200, 0);
    mish.extend_from_slice(&(chunks.len() as u32 + 1).to_be_bytes());
    let mut sector = 0u64;
    for (kind, count, bytes) in chunks.iter().chain([&(0xffff_ffff, 0, Vec::new())]) {
        mish.extend_from_slice(&kind.to_be_bytes());
        mish.extend_from_slice(&[0; 4]);
        for n in [sector, *count, data.len() as u64, bytes.len() as u64] {
            mish.extend_from_slice(&n.to_be_bytes());
        }
        sector += count;
        data.extend_from_slice(bytes);
    }
    let mut block = plist::Dictionary::new();
    block.insert("Name".into(), "disk image (Apple_HFS : 1)".into());
    block.insert("Data".into(), plist::Value::Data(mish.clone()));
    let mut fork = plist::Dictionary::new();
    fork.insert("blkx".into(), vec![plist::Value::Dictionary(block)].into());
    let mut all = plist::Dictionary::new();
    all.insert("resource-fork".into(), fork.into());
    let mut xml = Vec::new();
    plist::Value::Dictionary(all).to_writer_xml(&mut xml).unwrap();
    let mut koly = b"koly\0\0\0\x04\0\0\x02\0\0\0\0\x01".to_vec();
    let put = |koly: &mut Vec<u8>, at: usize, bytes: &[u8]| {
        koly.resize(koly.len().max(at + bytes.len()), 0);
        koly[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(&mut koly, 32, &(data.len() as u64).to_be_bytes());
    for (at, sum) in [(80, crc32fast::hash(&data)), (352, crc32fast::hash(&mish[72..76]))] {
        put(&mut koly, at, &[2u32, 32, sum].map(u32::to_be_bytes).concat());
    }
    put(&mut koly, 216, &(data.len() as u64).to_be_bytes());
    put(&mut koly, 224, &(xml.len() as u64).to_be_bytes());
    put(&mut koly, 492, &total.to_be_bytes());
    koly.resize(512, 0);
    [data, xml, koly].concat()
}

/// `bytes` as a source.
pub fn shared(bytes: &[u8]) -> Shared {
    Bytes::shared(bytes)
}
