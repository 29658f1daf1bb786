use std::io::Write;

use super::*;

const BASE: u64 = 0x8_0000_0000;

fn ram() -> Memory {
    Memory::new(&[Region { base: BASE, len: 0x10000 }, Region { base: 0x4000, len: 0x1000 }]).unwrap()
}

#[test]
fn values_come_back_at_every_size_and_alignment() {
    let m = ram();
    for size in [Size::Byte, Size::Half, Size::Word, Size::Double] {
        for at in 0..9 {
            assert!(m.write(BASE + 0x100 + at, size, 0x1122_3344_5566_7788));
            assert_eq!(m.read(BASE + 0x100 + at, size), Some(0x1122_3344_5566_7788 & size.mask()));
        }
    }
    m.write_u32(0x4ffc, 5).unwrap();
    assert_eq!(m.read_u32(0x4ffc).unwrap(), 5);
}

#[test]
fn ranges_that_leave_a_region_are_refused() {
    let m = ram();
    assert!(m.host(0x4fff, 2).is_none());
    assert!(m.host(0x3fff, 1).is_none());
    assert!(m.host(0x5000, 0).is_some(), "an empty range at the end is inside");
    assert!(m.host(0x5001, 0).is_none());
    assert!(m.host(u64::MAX, 8).is_none());
    assert!(m.host(BASE, u64::MAX).is_none());
    assert_eq!(m.read(0x4ffd, Size::Word), None);
    assert!(!m.write(u64::MAX - 3, Size::Double, 0));
    assert!(m.read_vec(BASE, 1 << 60).is_err());
    assert!(m.fill(BASE + 1, 0x10000, 0).is_err());
}

#[test]
fn regions_must_be_aligned_and_apart() {
    let bad = |r: &[(u64, u64)]| {
        let r: Vec<_> = r.iter().map(|&(base, len)| Region { base, len }).collect();
        Memory::new(&r).is_err()
    };
    assert!(bad(&[]));
    assert!(bad(&[(0, 0)]));
    assert!(bad(&[(0x800, 0x1000)]));
    assert!(bad(&[(0, 0x1001)]));
    assert!(bad(&[(0x1000, 0x2000), (0x2000, 0x1000)]));
    assert!(bad(&[(u64::MAX - 0xfff, 0x2000)]));
    assert!(!bad(&[(0x2000, 0x1000), (0x1000, 0x1000)]));
}

#[test]
fn a_mapped_file_part_is_seen_and_never_written_back() {
    let mut file = crate::memory_file().unwrap();
    let bytes: Vec<u8> = (0..0x3123u32).map(|i| (i * 7 % 251) as u8).collect();
    file.write_all(&bytes).unwrap();
    let m = ram();
    m.map_file(BASE + 0x1000, &file, 0x1000, 0x2123).unwrap();
    assert_eq!(m.read_vec(BASE + 0x1000, 0x2123).unwrap(), bytes[0x1000..]);
    assert_eq!(m.read(BASE + 0x3123, Size::Byte), Some(0), "nothing beyond the part");
    m.fill(BASE + 0x1000, 0x2000, 0xff).unwrap();
    let mut back = vec![0; bytes.len()];
    file.read_exact_at(&mut back, 0).unwrap();
    assert_eq!(back, bytes);
    m.map_file(BASE + 0x8001, &file, 3, 0x2000).unwrap();
    assert_eq!(m.read_vec(BASE + 0x8001, 0x2000).unwrap(), bytes[3..0x2003], "unaligned parts are copied");
}

#[test]
fn a_file_part_beyond_the_file_or_ram_is_refused() {
    let mut file = crate::memory_file().unwrap();
    file.write_all(&[1; 0x1000]).unwrap();
    let m = ram();
    assert!(matches!(m.map_file(BASE, &file, 0x800, 0x1000), Err(Error::ShortFile { available: 0x800, .. })));
    assert!(matches!(m.map_file(BASE, &file, u64::MAX, 1), Err(Error::ShortFile { .. })));
    assert!(matches!(m.map_file(BASE + 0xf001, &file, 0, 0x1000), Err(Error::NotRam { .. })));
    assert!(m.read_from(BASE, &mut &[1u8; 3][..], 4).is_err());
}

#[test]
fn a_write_to_a_code_page_is_logged_once() {
    let m = ram();
    let mut cursor = 0;
    assert!(m.mark_code(BASE + 0x2004));
    assert!(!m.mark_code(BASE + 0x2ffc), "same page");
    assert!(!m.mark_code(0x9000), "not RAM");
    m.write_u32(BASE + 0x3000, 1).unwrap();
    assert_eq!(m.code_epoch(), 0, "another page");
    m.fill(BASE + 0x1ff0, 0x20, 0).unwrap();
    assert_eq!(m.code_epoch(), 1);
    assert!(!m.is_code(BASE + 0x2000));
    m.write_u32(BASE + 0x2000, 1).unwrap();
    assert_eq!(m.code_writes(&mut cursor), CodeWrites::Pages(vec![BASE + 0x2000]));
    assert_eq!(m.code_writes(&mut cursor), CodeWrites::Pages(vec![]));
}

#[test]
fn rom_is_written_by_loaders_only() {
    let ram = Region { base: 0x10000, len: 0x1000 };
    let m = Memory::with_rom(&[ram], &[Region { base: 0, len: 0x1000 }]).unwrap();
    m.write_bytes(8, b"firmware").unwrap();
    assert!(!m.write(8, Size::Word, 0) && m.write(0x10000, Size::Word, 0));
    assert_eq!(m.read_vec(8, 8).unwrap(), b"firmware");
    assert!(m.is_code(8) && m.is_rom(8) && !m.is_code(0x10000));
    assert!(m.host_for_write(8, 4).is_none() && m.host_for_write(0x10000, 4).is_some());
}

#[test]
fn a_reader_too_far_behind_drops_everything() {
    let m = ram();
    let (mut early, mut late) = (0, 0);
    for i in 0..5000 {
        m.mark_code(BASE);
        m.write_u32(BASE, i).unwrap();
        if i == 4000 {
            m.code_writes(&mut late);
        }
    }
    assert_eq!(m.code_writes(&mut early), CodeWrites::All);
    assert_eq!(m.code_writes(&mut late), CodeWrites::Pages(vec![BASE; 999]));
    assert_eq!(m.code_writes(&mut early), CodeWrites::Pages(vec![]));
}

#[test]
fn only_writes_to_marked_lines_of_a_code_page_are_logged() {
    let m = ram();
    assert!(m.mark_code_lines(BASE + 0x1080, 68));
    assert!(!m.mark_code_lines(BASE + 0x1ffc, 4), "the page has marks already");
    for untouched in [0x1040, 0x1100, 0x1fb8, 0x2000, 0x0ff8] {
        assert!(!m.note_write(BASE + untouched, 8), "{untouched:x}");
    }
    assert_eq!(m.code_epoch(), 0);
    assert!(m.note_write(BASE + 0x0fc0, 0xc1), "up to the first byte of the line");
    assert!(!m.is_code(BASE + 0x1ffc), "all of the page is unmarked");
    assert_eq!(m.code_epoch(), 1);
    assert!(m.mark_code_lines(BASE + 0x1ffc, 4) && m.note_write(BASE + 0x1fff, 1));
}
