use super::*;
use crate::test_support::{DEFLATED, STORED, archive, streamed};
use std::io::Read;

fn text() -> Vec<u8> {
    (0..40_000u32).flat_map(|n| n.to_string().into_bytes()).collect()
}

fn unpack(zip: &Vec<u8>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for e in directory(zip)? {
        let mut bytes = Vec::new();
        MemberReader::new(zip, &e)?.read_to_end(&mut bytes).map_err(|x| Error::io(&e.name, x))?;
        files.push((e.name.clone(), bytes));
    }
    Ok(files)
}

/// Little-endian 32-bit value at an offset, set.
fn set(zip: &mut [u8], at: usize, value: u32) {
    zip[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// Where the n-th central header is.
fn central_at(zip: &[u8], n: usize) -> usize {
    zip.windows(4).enumerate().filter(|(_, w)| *w == CENTRAL.to_le_bytes()).nth(n).unwrap().0
}

#[test]
fn stored_deflated_zip64_and_streamed_archives_unpack_to_what_went_in() {
    let text = text();
    let files =
        [("a", &text[..], DEFLATED), ("b/c@3x~iphone.im4p", b"stored", STORED), ("empty", b"", STORED)];
    let deflated = [("a", &text[..], DEFLATED), ("b/c", b"", DEFLATED)];
    for zip in [archive(&files, false), archive(&files, true)] {
        let unpacked = unpack(&zip).unwrap();
        for ((name, bytes), (n, b, _)) in unpacked.iter().zip(files) {
            assert_eq!((name.as_str(), bytes.as_slice()), (n, b));
        }
        assert_eq!(unpacked.len(), 3);
    }
    let unpacked = unpack(&streamed(&deflated)).unwrap();
    assert!(unpacked[0].1 == text && unpacked[1].1.is_empty());
}

#[test]
fn every_truncation_is_an_error() {
    let zip = archive(&[("a", b"some text, some text", DEFLATED), ("b", b"bb", STORED)], false);
    for len in 0..zip.len() {
        assert!(directory(&zip[..len].to_vec()).is_err(), "{len} bytes");
    }
    let e = directory(&zip[..40].to_vec()).unwrap_err().to_string();
    assert!(e.contains("is the download complete?"), "{e}");
}

#[test]
fn one_changed_byte_gives_an_error_or_the_same_files() {
    let zip = archive(&[("a", b"some text, some text", DEFLATED), ("b", b"bb", STORED)], false);
    let good = unpack(&zip).unwrap();
    for at in 0..zip.len() {
        for bit in 0..8 {
            let mut bad = zip.clone();
            bad[at] ^= 1 << bit;
            if let Ok(files) = unpack(&bad) {
                // Names are in no checksum; contents are.
                for ((_, bytes), (_, should)) in files.iter().zip(&good) {
                    assert!(bytes == should, "byte {at} bit {bit}");
                }
            }
        }
    }
}

#[test]
fn unsafe_names_are_refused() {
    for name in ["../x", "/etc/passwd", "a/../../x", "c:/x", "a\\b", "a//b", "./a", "a\x1b[2J", ".."] {
        assert!(!is_safe_name(name), "{name:?}");
    }
    for name in ["a", "Firmware/all_flash/", "applelogo@3x~iphone.im4p", "a..b", "...", "058-1.dmg"] {
        assert!(is_safe_name(name), "{name:?}");
    }
    let mut zip = archive(&[("zz/evil", b"x", STORED)], false);
    for at in 0..zip.len() - 2 {
        if &zip[at..at + 2] == b"zz" {
            zip[at..at + 2].copy_from_slice(b"..");
        }
    }
    assert!(matches!(directory(&zip), Err(Error::UnsafeName(n, _)) if n == "../evil"));
}

#[test]
fn two_members_of_one_name_are_refused() {
    let mut zip = archive(&[("one", b"1", STORED), ("two", b"2", STORED)], false);
    for at in 0..zip.len() - 3 {
        if &zip[at..at + 3] == b"two" {
            zip[at..at + 3].copy_from_slice(b"one");
        }
    }
    assert!(matches!(directory(&zip), Err(Error::DuplicateName(n)) if n == "one"));
}

#[test]
fn members_that_share_bytes_are_refused() {
    let mut zip = archive(&[("one", b"1111", STORED), ("two", b"2222", STORED)], false);
    let second = central_at(&zip, 1);
    set(&mut zip, second + 42, 0);
    let e = directory(&zip).unwrap_err().to_string();
    assert!(e.contains("overlap"), "{e}");
}

#[test]
fn sizes_that_deflate_cannot_reach_are_refused() {
    let mut zip = archive(&[("a", &[0; 100_000], DEFLATED)], false);
    let at = central_at(&zip, 0);
    set(&mut zip, at + 24, 0x7fff_ffff);
    let e = directory(&zip).unwrap_err().to_string();
    assert!(e.contains("zip bomb"), "{e}");
}

#[test]
fn a_member_longer_or_shorter_than_said_is_damaged() {
    for (size, what) in [(99_999, "longer"), (100_001, "ends after 100000")] {
        let mut zip = archive(&[("a", &[0; 100_000], DEFLATED)], false);
        let at = central_at(&zip, 0);
        set(&mut zip, at + 24, size);
        let e = unpack(&zip).unwrap_err().to_string();
        assert!(e.contains(what), "{e}");
    }
}

#[test]
fn passwords_and_other_methods_are_named() {
    let zip = archive(&[("a", b"x", STORED)], false);
    let at = central_at(&zip, 0);
    let mut locked = zip.clone();
    locked[at + 8] |= 1;
    assert!(unpack(&locked).unwrap_err().to_string().contains("password"));
    let mut lzma = zip.clone();
    lzma[at + 10] = 14;
    assert!(unpack(&lzma).unwrap_err().to_string().contains("method 14"));
}

#[test]
fn a_symbolic_link_is_seen_as_such() {
    let mut w = ::zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    w.add_symlink("link", "/etc/passwd", ::zip::write::SimpleFileOptions::default()).unwrap();
    let zip = w.finish().unwrap().into_inner();
    assert!(directory(&zip).unwrap()[0].is_symlink);
}

/// Everything that a pipe brings, kept.
fn through_a_pipe(zip: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut stream = stream::Stream::new(zip);
    let mut spool = Vec::new();
    let mut entries = Vec::new();
    loop {
        let place = spool.len() as u64;
        let Some((entry, kept, written)) = stream.next(&mut |_, _| true, &mut spool, place)? else { break };
        assert!(kept);
        assert_eq!(spool.len() as u64, place + written);
        entries.push(entry);
    }
    stream.drain()?;
    let mut files = Vec::new();
    for e in &entries {
        let mut bytes = Vec::new();
        MemberReader::new(&spool, e)?.read_to_end(&mut bytes).map_err(|x| Error::io(&e.name, x))?;
        files.push((e.name.clone(), bytes));
    }
    Ok(files)
}

#[test]
fn a_pipe_brings_the_same_files_as_the_directory() {
    let text = text();
    let files = [("a", &text[..], DEFLATED), ("b", b"stored", STORED), ("c", b"", DEFLATED)];
    let deflated = [("a", &text[..], DEFLATED), ("c", b"xyz", DEFLATED)];
    for zip in [archive(&files, false), archive(&files, true), streamed(&deflated)] {
        assert!(through_a_pipe(&zip).unwrap() == unpack(&zip).unwrap());
    }
}

#[test]
fn a_stored_member_of_unknown_size_cannot_come_through_a_pipe() {
    let e = through_a_pipe(&streamed(&[("a", b"some text", STORED)])).unwrap_err();
    assert!(e.to_string().contains("name the file"), "{e}");
}

#[test]
fn a_pipe_that_ends_early_is_an_error() {
    for zip in [
        archive(&[("a", b"some text, some text", DEFLATED), ("b", b"bb", STORED)], false),
        streamed(&[("a", b"some text, some text", DEFLATED)]),
    ] {
        for len in 0..zip.len() {
            assert!(through_a_pipe(&zip[..len]).is_err(), "{len} bytes");
        }
    }
}
