//! Large zip archives that take no room: stored members that are holes of a file.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// A member: its name, and its bytes or the length of its hole.
pub type Member<'a> = (&'a str, Part<'a>);

/// What a member holds.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// So many zeros.
    Hole(u64),
}

/// CRC-32 of so many zeros.
fn crc_of_zeros(mut n: u64) -> u32 {
    let zeros = vec![0; 1 << 20];
    let mut hash = crc32fast::Hasher::new();
    while n > 0 {
        let piece = n.min(zeros.len() as u64);
        hash.update(&zeros[..piece as usize]);
        n -= piece;
    }
    hash.finalize()
}

/// Writes an archive of stored members, with zip64 fields where a number needs them.
///
/// # Errors
/// What writing gives.
pub fn zip(file: &mut File, members: &[Member<'_>]) -> io::Result<()> {
    let mut directory = Vec::new();
    for (name, part) in members {
        let at = file.stream_position()?;
        let (size, crc) = match part {
            Part::Bytes(b) => (b.len() as u64, crc32fast::hash(b)),
            Part::Hole(n) => (*n, crc_of_zeros(*n)),
        };
        let most = u64::from(u32::MAX);
        let big = size >= most;
        let short = |n: u64| u32::try_from(n.min(most)).unwrap_or(u32::MAX).to_le_bytes();
        let mut common = Vec::new();
        common.extend((if big { 45u16 } else { 20 }).to_le_bytes());
        common.extend([0u8; 4]);
        common.extend([0, 0, 0x21, 0x4b]);
        common.extend(crc.to_le_bytes());
        common.extend(short(size));
        common.extend(short(size));
        common.extend((name.len() as u16).to_le_bytes());
        let sizes: Vec<u8> = if big { [size.to_le_bytes(), size.to_le_bytes()].concat() } else { Vec::new() };
        let extra = |fields: &[u8]| match fields.len() {
            0 => Vec::new(),
            n => [&1u16.to_le_bytes()[..], &(n as u16).to_le_bytes(), fields].concat(),
        };
        let local = extra(&sizes);
        file.write_all(b"PK\x03\x04")?;
        file.write_all(&common)?;
        file.write_all(&(local.len() as u16).to_le_bytes())?;
        file.write_all(name.as_bytes())?;
        file.write_all(&local)?;
        match part {
            Part::Bytes(b) => file.write_all(b)?,
            Part::Hole(n) => {
                let end = file.stream_position()? + n;
                file.set_len(end)?;
                file.seek(SeekFrom::Start(end))?;
            }
        }
        let place = if at >= most { at.to_le_bytes().to_vec() } else { Vec::new() };
        let central = extra(&[sizes, place].concat());
        directory.extend(*b"PK\x01\x02\x2d\x03");
        directory.extend(&common);
        directory.extend((central.len() as u16).to_le_bytes());
        directory.extend([0u8; 6]);
        directory.extend((0o100_644u32 << 16).to_le_bytes());
        directory.extend(short(at));
        directory.extend(name.bytes());
        directory.extend(central);
    }
    let at = file.stream_position()?;
    file.write_all(&directory)?;
    let count = members.len() as u64;
    let record = file.stream_position()?;
    let mut end = b"PK\x06\x06".to_vec();
    end.extend(44u64.to_le_bytes());
    end.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for n in [count, count, directory.len() as u64, at] {
        end.extend(n.to_le_bytes());
    }
    end.extend(*b"PK\x06\x07\0\0\0\0");
    end.extend(record.to_le_bytes());
    end.extend(1u32.to_le_bytes());
    end.extend(*b"PK\x05\x06\0\0\0\0");
    end.extend((count as u16).to_le_bytes());
    end.extend((count as u16).to_le_bytes());
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend(u32::try_from(at).unwrap_or(u32::MAX).to_le_bytes());
    end.extend([0, 0]);
    file.write_all(&end)
}
