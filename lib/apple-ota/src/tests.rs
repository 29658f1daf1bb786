use super::*;
use sha2::{Digest, Sha256};
use std::io::{Cursor, Write};
use std::process::{Command, Stdio};

/// A field with a number.
fn field(out: &mut Vec<u8>, key: &[u8; 4], value: &[u8]) {
    out.extend(key);
    out.extend(value);
}

fn entry(fields: &[(&[u8; 4], Vec<u8>)], blobs: &[&[u8]]) -> Vec<u8> {
    let mut head = Vec::new();
    fields.iter().for_each(|(k, v)| field(&mut head, k, v));
    let mut out = b"AA01".to_vec();
    out.extend((head.len() as u16 + 6).to_le_bytes());
    out.extend(head);
    blobs.iter().for_each(|b| out.extend(*b));
    out
}

fn text(s: &str) -> Vec<u8> {
    [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat()
}

const CONTENT: &[u8] = b"#!/bin/sh\necho an update\n";

fn archive() -> Vec<u8> {
    let sha = Sha256::digest(CONTENT).to_vec();
    let size = (CONTENT.len() as u32).to_le_bytes().to_vec();
    [
        entry(
            &[(b"TYP1", b"D".to_vec()), (b"PATP", text("")), (b"MOD2", 0o755u16.to_le_bytes().to_vec())],
            &[],
        ),
        entry(
            &[
                (b"TYP1", b"F".to_vec()),
                (b"PATP", text("usr/bin/x")),
                (b"UID1", vec![0]),
                (b"GID1", vec![80]),
                (b"MOD2", 0o755u16.to_le_bytes().to_vec()),
                (b"MTMT", [1_600_000_000u64.to_le_bytes().to_vec(), vec![0; 4]].concat()),
                (b"XATA", vec![5, 0]),
                (b"DATB", size),
                (b"SH2H", sha),
            ],
            &[b"xattr", CONTENT],
        ),
        entry(&[(b"TYP1", b"L".to_vec()), (b"PATP", text("bin")), (b"LNKP", text("usr/bin"))], &[]),
        entry(
            &[(b"TYP1", b"F".to_vec()), (b"PATP", text("empty")), (b"DATA", vec![0, 0]), (b"HLC*", vec![])],
            &[],
        ),
    ]
    .concat()
}

/// Chunks that are not packed, which any reader takes.
fn pbz(method: u8, bytes: &[u8], chunk: usize, pack: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut out = b"pbz".to_vec();
    out.push(method);
    out.extend((chunk as u64).to_be_bytes());
    for piece in bytes.chunks(chunk) {
        let packed = pack(piece);
        let packed = if packed.len() < piece.len() { packed } else { piece.to_vec() };
        out.extend((piece.len() as u64).to_be_bytes());
        out.extend((packed.len() as u64).to_be_bytes());
        out.extend(packed);
    }
    out
}

fn seen(payload: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    walk(&mut Cursor::new(payload), &mut |e, data| {
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes)?;
        all.push((e.path.clone(), bytes));
        Ok(())
    })?;
    Ok(all)
}

fn expected() -> Vec<(String, Vec<u8>)> {
    [("", &b""[..]), ("usr/bin/x", CONTENT), ("bin", b""), ("empty", b"")]
        .map(|(p, b)| (p.to_string(), b.to_vec()))
        .to_vec()
}

#[test]
fn entries_are_read_with_their_fields_and_contents() {
    let bytes = archive();
    let mut a = Archive::new(&bytes[..]);
    a.next_entry().unwrap();
    let file = a.next_entry().unwrap().unwrap();
    assert_eq!((file.kind, file.size, file.mode, file.gid), (EntryKind::File, 25, Some(0o755), Some(80)));
    assert_eq!(file.modified, Some(1_600_000_000));
    let link = a.next_entry().unwrap().unwrap();
    assert_eq!(
        (link.kind, link.link.as_deref()),
        (EntryKind::Link, Some("usr/bin")),
        "unread contents are passed"
    );
    assert_eq!(seen(&bytes).unwrap(), expected());
}

#[test]
fn layers_are_opened_one_within_the_other() {
    let plain = |b: &[u8]| b.to_vec();
    for payload in [pbz(b'x', &archive(), 100, &plain), pbz(b'-', &archive(), 1 << 20, &plain)] {
        assert_eq!(seen(&payload).unwrap(), expected());
    }
    let inner = pbz(b'x', &archive(), 4096, &plain);
    let size = (inner.len() as u64).to_le_bytes().to_vec();
    let operation =
        [(b"TYP1", b"M".to_vec()), (b"YOP1", b"E".to_vec()), (b"LBLP", text("main")), (b"DATC", size)];
    let outer = pbz(b'x', &entry(&operation, &[&inner]), 64, &plain);
    assert_eq!(seen(&outer).unwrap(), expected(), "an operation's archive");
    let manifest = entry(
        &[(b"TYP1", b"M".to_vec()), (b"YOP1", b"M".to_vec()), (b"SIZ1", vec![9]), (b"DATA", vec![5, 0])],
        &[b"hello"],
    );
    assert_eq!(seen(&manifest).unwrap(), [(String::new(), b"hello".to_vec())]);
    let mut deep = archive();
    for _ in 0..10 {
        deep = pbz(b'x', &deep, 1 << 20, &plain);
    }
    assert_eq!(seen(&deep).unwrap_err().kind(), ErrorKind::Unsupported);
}

/// Packed by xz itself, if it is there.
#[test]
fn chunks_packed_by_xz_are_unpacked() {
    let xz = |piece: &[u8]| {
        let mut child = Command::new("xz")
            .args(["-c", "-6"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        child.stdin.take()?.write_all(piece).ok()?;
        Some(child.wait_with_output().ok()?.stdout)
    };
    if xz(b"x").is_none() {
        eprintln!("xz is not installed: its chunks are not tried");
        return;
    }
    let sha = Sha256::digest([7; 300_000]).to_vec();
    let size = 300_000u32.to_le_bytes().to_vec();
    let fields = [(b"TYP1", b"F".to_vec()), (b"PATP", text("big")), (b"DATB", size), (b"SH2H", sha)];
    let bytes = entry(&fields, &[&[7; 300_000]]);
    let payload = pbz(b'x', &bytes, 1 << 16, &|p| xz(p).unwrap());
    assert!(payload.len() < 10_000, "{}", payload.len());
    assert_eq!(seen(&payload).unwrap(), [("big".to_string(), vec![7; 300_000])]);
}

#[test]
fn a_wrong_digest_is_found_before_the_last_bytes_are_given() {
    let mut bytes = archive();
    let at = bytes.windows(CONTENT.len()).position(|w| w == CONTENT).unwrap();
    bytes[at] ^= 1;
    let e = seen(&bytes).unwrap_err();
    assert!(e.to_string().contains("SHA-256"), "{e}");
}

#[test]
fn what_is_not_read_is_named() {
    for (payload, says) in [
        (&b"pbz4\0\0\0\0\0\x10\0\0"[..], "LZ4"),
        (b"pbzb\0\0\0\0\0\x10\0\0", "LZBITMAP"),
        (b"\x10\x03\0\0 and more", "before iOS 14"),
        (b"what?", "no payload that is known"),
    ] {
        let e = seen(payload).unwrap_err();
        assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains(says), "{e}");
    }
}

#[test]
fn cuts_and_damage_are_errors_and_never_take_room_on_a_payloads_word() {
    let plain = |b: &[u8]| b.to_vec();
    let whole = archive();
    let starts: Vec<usize> = (0..whole.len()).filter(|i| whole[*i..].starts_with(b"AA01")).collect();
    for len in 1..whole.len() {
        let cut = seen(&whole[..len]);
        assert_eq!(cut.is_ok(), starts.contains(&len), "{len} bytes: an archive ends where an entry does");
    }
    let packed = pbz(b'x', &whole, 100, &plain);
    let mut state = 1u64;
    for _ in 0..50_000 {
        let mut bytes = if state & 64 == 0 { packed.clone() } else { whole.clone() };
        for _ in 0..=state & 3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % bytes.len();
            bytes[at] = (state >> 20) as u8;
        }
        let _ = seen(&bytes);
    }
    let huge = [
        &b"pbzx"[..],
        &(64u64 << 20).to_be_bytes(),
        &(64u64 << 20).to_be_bytes(),
        &(63u64 << 20).to_be_bytes(),
    ]
    .concat();
    assert!(seen(&huge).unwrap_err().to_string().contains("in the middle of a chunk"));
    let endless = entry(&[(b"TYP1", b"F".to_vec()), (b"DATC", u64::MAX.to_le_bytes().to_vec())], &[b"x"]);
    assert!(seen(&endless).unwrap_err().to_string().contains("contents"));
}
