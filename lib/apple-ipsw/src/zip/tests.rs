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
    zip.windows(4).enumerate().filter(|(_, w)| *w == b"PK\x01\x02").nth(n).unwrap().0
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

#[test]
fn an_archive_that_claims_many_members_makes_nobody_allocate() {
    let zip = archive(&[("a", b"x", STORED)], true);
    let end = zip.len() - 22;
    let mut bad = zip.clone();
    bad[end + 8..end + 12].fill(0xff);
    assert!(directory(&bad).is_err());
    // A zip64 end record with its locator before the end record, and as many members as 64 bits can say.
    let mut record = b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x2d\0\x2d\0\0\0\0\0\0\0\0\0".to_vec();
    let start = zip.windows(4).position(|w| w == b"PK\x01\x02").unwrap() as u64;
    for n in [u64::MAX, u64::MAX, u64::MAX, start] {
        record.extend(n.to_le_bytes());
    }
    record.extend(b"PK\x06\x07\0\0\0\0");
    record.extend((end as u64).to_le_bytes());
    record.extend(1u32.to_le_bytes());
    let mut bad = [&zip[..end], &record, &zip[end..]].concat();
    let end = bad.len() - 22;
    bad[end + 8..end + 20].fill(0xff);
    assert!(directory(&bad).is_err());
    // The same with a record far before its locator, which the crate would read whole.
    let locator = bad.len() - 22 - 20;
    let gap = vec![0; 200_000];
    let far = [&bad[..locator], &gap, &bad[locator..]].concat();
    let e = directory(&far).unwrap_err().to_string();
    assert!(e.contains("zip64 end record"), "{e}");
}

#[test]
fn errors_of_the_directory_say_where() {
    let mut zip = archive(&[("one", b"1", STORED), ("two", b"2", STORED)], false);
    let second = central_at(&zip, 1);
    zip[second] = 0;
    match directory(&zip) {
        Err(Error::Zip { offset, .. }) => assert_eq!(offset, second as u64),
        other => panic!("{other:?}"),
    }
}

#[test]
fn in_a_pipe_twins_are_refused_and_locked_members_passed_over() {
    let mut twins = archive(&[("one", b"1", STORED), ("two", b"2", STORED)], false);
    for at in 0..twins.len() - 3 {
        if &twins[at..at + 3] == b"two" {
            twins[at..at + 3].copy_from_slice(b"one");
        }
    }
    assert!(matches!(through_a_pipe(&twins), Err(Error::DuplicateName(n)) if n == "one"));
    let mut locked = archive(&[("a", b"1", STORED), ("b", b"2", STORED)], false);
    locked[6] |= 1;
    let mut stream = stream::Stream::new(&locked[..]);
    let mut names = Vec::new();
    while let Some((entry, ..)) = stream.next(&mut |_, _| false, &mut Vec::new(), 0).unwrap() {
        names.push((entry.name, entry.encrypted));
    }
    assert_eq!(names, [("a".to_string(), true), ("b".to_string(), false)]);
    stream.drain().unwrap();
}

#[test]
fn a_pipe_that_fails_is_an_io_error() {
    struct Broken(usize, Vec<u8>);
    impl Read for Broken {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            match self.1.get(self.0) {
                None => Err(std::io::Error::other("unplugged")),
                Some(b) => {
                    buf[0] = *b;
                    self.0 += 1;
                    Ok(1)
                }
            }
        }
    }
    let zip = archive(&[("a", b"some text, some text", STORED)], false);
    for len in [0, 10, 40] {
        let mut stream = stream::Stream::new(Broken(0, zip[..len].to_vec()));
        let e = stream.next(&mut |_, _| true, &mut Vec::new(), 0).unwrap_err();
        assert!(matches!(&e, Error::Io { .. }) && e.to_string().contains("unplugged"), "{len}: {e}");
    }
}
