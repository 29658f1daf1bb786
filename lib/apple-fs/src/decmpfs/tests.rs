use super::*;
use crate::Bytes;
use std::io::Write;

fn header(kind: u32, size: usize) -> Vec<u8> {
    let mut v = b"fpmc".to_vec();
    v.extend_from_slice(&kind.to_le_bytes());
    v.extend_from_slice(&(size as u64).to_le_bytes());
    v
}

fn read(value: &[u8], fork: Option<Vec<u8>>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    Reader::open(value, fork.map(Bytes::shared))?.read_to_end(&mut out).map_err(|e| Error::from_io(&e))?;
    Ok(out)
}

fn deflate(data: &[u8]) -> Vec<u8> {
    let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    z.write_all(data).unwrap();
    z.finish().unwrap()
}

fn lzfse(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    lzfse_rust::encode_bytes(data, &mut out).unwrap();
    out
}

/// Three chunks, the last one short.
fn content() -> Vec<u8> {
    (0..140_000u32).flat_map(|i| (i / 7).to_le_bytes()).take(140_001).collect()
}

fn offsets(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut at = 4 * (chunks.len() + 1);
    let mut fork = Vec::new();
    for len in chunks.iter().map(Vec::len).chain([0]) {
        fork.extend_from_slice(&(at as u32).to_le_bytes());
        at += len;
    }
    fork.extend(chunks.iter().flatten());
    fork
}

fn resource(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut table = (chunks.len() as u32).to_le_bytes().to_vec();
    let mut at = 4 + 8 * chunks.len();
    for c in chunks {
        table.extend_from_slice(&(at as u32).to_le_bytes());
        table.extend_from_slice(&(c.len() as u32).to_le_bytes());
        at += c.len();
    }
    table.extend(chunks.iter().flatten());
    let mut fork = vec![0; 0x100];
    fork[..4].copy_from_slice(&0x100u32.to_be_bytes());
    fork.extend_from_slice(&(table.len() as u32).to_be_bytes());
    fork.extend(table);
    fork.extend([0; 50]);
    fork
}

/// Name, attribute, fork, contents.
type Sample = (&'static str, Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// Every type that can be read.
fn samples() -> Vec<Sample> {
    let small = b"hello".to_vec();
    let long = content();
    let inline = |kind, data: &[u8]| [header(kind, 5), data.to_vec()].concat();
    let chunked = |f: &dyn Fn(&[u8]) -> Vec<u8>| long.chunks(65536).map(f).collect::<Vec<_>>();
    let marked = |m: u8| move |c: &[u8]| [&[m], c].concat();
    let fork = |kind| header(kind, long.len());
    vec![
        ("1", inline(1, b"hello"), None, small.clone()),
        ("3", inline(3, &deflate(b"hello")), None, small.clone()),
        ("3 stored", inline(3, b"\xffhello"), None, small.clone()),
        ("7", inline(7, b"\xe5hello\x06\0\0\0\0\0\0\0"), None, small.clone()),
        ("7 stored", inline(7, b"\x06hello"), None, small.clone()),
        ("9", inline(9, b"\xcchello"), None, small.clone()),
        ("11", inline(11, &lzfse(b"hello")), None, small.clone()),
        ("11 stored", inline(11, b"\xffhello"), None, small),
        ("4", fork(4), Some(resource(&chunked(&deflate))), long.clone()),
        ("4 stored", fork(4), Some(resource(&chunked(&marked(0xff)))), long.clone()),
        ("8 stored", fork(8), Some(offsets(&chunked(&marked(6)))), long.clone()),
        ("10", fork(10), Some(offsets(&chunked(&marked(0xcc)))), long.clone()),
        ("12", fork(12), Some(offsets(&chunked(&lzfse))), long.clone()),
        ("empty 4", header(4, 0), Some(resource(&[])), Vec::new()),
        ("empty 8", header(8, 0), Some(offsets(&[])), Vec::new()),
    ]
}

#[test]
fn every_type_gives_its_contents() {
    for (name, value, fork, content) in samples() {
        assert_eq!(read(&value, fork).as_deref(), Ok(&content[..]), "type {name}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    for (kind, word) in
        [(5, "generation"), (13, "LZBITMAP"), (14, "LZBITMAP"), (0x8000_0001, "dataless"), (99, "0x63")]
    {
        let e = read(&header(kind, 5), None).unwrap_err();
        assert_eq!(e.kind(), crate::ErrorKind::Unsupported);
        assert!(e.to_string().contains(word), "{e}");
    }
    assert_eq!(Header::parse(b"cmpf"), None);
}

#[test]
fn a_truncated_or_damaged_one_fails_and_never_grows() {
    for (name, value, fork, content) in samples() {
        for cut in 0..value.len() {
            let out = read(&value[..cut], fork.clone());
            assert!(out.is_err() || out.unwrap().len() <= content.len(), "type {name} cut at {cut}");
        }
        let Some(fork) = fork else { continue };
        if content.is_empty() {
            continue;
        }
        for cut in (0..fork.len() - 60).step_by(997) {
            assert!(read(&value, Some(fork[..cut].to_vec())).is_err(), "type {name}, fork cut at {cut}");
        }
        for at in 0..320.min(fork.len()) {
            let mut bad = fork.clone();
            bad[at] ^= 0xff;
            let _ = read(&value, Some(bad)).map(|out| assert_eq!(out.len(), content.len()));
        }
    }
}

#[test]
fn a_size_without_the_chunks_for_it_is_refused() {
    let e = read(&header(4, usize::MAX), Some(resource(&[deflate(b"x")]))).unwrap_err();
    assert!(matches!(e, Error::Limit { .. }), "{e}");
    let e = read(&[header(3, usize::MAX), deflate(b"x")].concat(), None).unwrap_err();
    assert!(matches!(e, Error::Limit { .. }), "{e}");
}
