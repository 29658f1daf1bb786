//! Makes UDIF disk images (`.dmg`): one table over the whole disk, chunks stored or compressed with zlib.
//!
//! No partition map is put around a volume. Facts as in the reader; names and numbers that no reader needs are those
//! of images that `hdiutil` makes of a device.

use super::{KOLY, MAX_DISK, SECTOR};
use crate::bytes::index;
use crate::{Error, Result, Source};
use std::io::{self, Write};

/// Sectors of a chunk: 512 KiB.
const CHUNK: u64 = 1024;
/// Chunk types.
const ZERO: u32 = 0;
const STORED: u32 = 1;
const ZLIB: u32 = 0x8000_0005;
const END: u32 = 0xffff_ffff;
/// The number of CRC-32 among checksums.
const CRC32: u32 = 2;

struct Chunk {
    kind: u32,
    /// First sector and their number.
    sectors: (u64, u64),
    /// Place in the data.
    data: (u64, u64),
}

/// Writes `disk` as a disk image; with `compress` its chunks go through zlib where that makes them smaller. Errors of
/// reading the disk are those that [`Error::from_io`] turns back.
///
/// # Errors
/// The disk is no whole number of sectors or too large, cannot be read, or the output cannot be written.
pub fn write(disk: &dyn Source, compress: bool, out: &mut dyn Write) -> io::Result<()> {
    if !disk.len().is_multiple_of(SECTOR) || disk.len() > MAX_DISK {
        let what = format!("a disk of {} bytes does not fit into a disk image", disk.len());
        return Err(Error::Invalid(what).into());
    }
    let total = disk.len() / SECTOR;
    let mut chunks: Vec<Chunk> = Vec::new();
    let (mut disk_sum, mut data_sum) = (crc32fast::Hasher::new(), crc32fast::Hasher::new());
    let (mut sector, mut at) = (0u64, 0u64);
    while sector < total {
        let count = CHUNK.min(total.saturating_sub(sector));
        let mut bytes = vec![0; index(count.saturating_mul(SECTOR))];
        disk.read_at(sector.saturating_mul(SECTOR), &mut bytes)?;
        disk_sum.update(&bytes);
        let (kind, stored) = if bytes.iter().all(|&b| b == 0) {
            (ZERO, Vec::new())
        } else {
            match compress.then(|| zlib(&bytes)).transpose()?.filter(|z| z.len() < bytes.len()) {
                Some(smaller) => (ZLIB, smaller),
                None => (STORED, bytes),
            }
        };
        match chunks.last_mut() {
            Some(last) if kind == ZERO && last.kind == ZERO => {
                last.sectors.1 = last.sectors.1.saturating_add(count);
            }
            _ => chunks.push(Chunk { kind, sectors: (sector, count), data: (at, stored.len() as u64) }),
        }
        data_sum.update(&stored);
        out.write_all(&stored)?;
        at = at.saturating_add(stored.len() as u64);
        sector = sector.saturating_add(count);
    }
    chunks.push(Chunk { kind: END, sectors: (total, 0), data: (at, 0) });
    let sum = disk_sum.finalize();
    let xml = list(table(&chunks, total, sum)).map_err(io::Error::other)?;
    out.write_all(&xml)?;
    // The sum over the sums of all tables: there is one.
    let master = crc32fast::hash(&sum.to_be_bytes());
    out.write_all(&trailer(at, xml.len() as u64, data_sum.finalize(), master, total))
}

fn zlib(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    z.write_all(bytes)?;
    z.finish()
}

fn push(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|w| w.to_be_bytes()));
}

/// The table of chunks: `mish`.
fn table(chunks: &[Chunk], total: u64, sum: u32) -> Vec<u8> {
    let mut t = b"mish\0\0\0\x01".to_vec();
    for n in [0, total, 0] {
        t.extend_from_slice(&u64::to_be_bytes(n));
    }
    // Sectors that a reader has to buffer; the number of the table; reserved.
    push(&mut t, &[CHUNK as u32 + 8, 0xffff_fffe, 0, 0, 0, 0, 0, 0, CRC32, 32, sum]);
    t.resize(200, 0);
    push(&mut t, &[chunks.len() as u32]);
    for c in chunks {
        push(&mut t, &[c.kind, 0]);
        for n in [c.sectors.0, c.sectors.1, c.data.0, c.data.1] {
            t.extend_from_slice(&n.to_be_bytes());
        }
    }
    t
}

fn list(table: Vec<u8>) -> std::result::Result<Vec<u8>, plist::Error> {
    let block = plist::Dictionary::from_iter([
        ("Attributes".to_string(), plist::Value::from("0x0050")),
        ("Data".to_string(), plist::Value::Data(table)),
        ("ID".to_string(), "0".into()),
        ("Name".to_string(), "whole disk (Apple_HFSX : 0)".into()),
    ]);
    let fork = plist::Dictionary::from_iter([("blkx", plist::Value::from(vec![block.into()]))]);
    let all = plist::Dictionary::from_iter([("resource-fork", plist::Value::from(fork))]);
    let mut xml = Vec::new();
    plist::Value::from(all).to_writer_xml(&mut xml)?;
    Ok(xml)
}

fn trailer(data: u64, xml: u64, data_sum: u32, master: u32, total: u64) -> Vec<u8> {
    let mut k = b"koly".to_vec();
    push(&mut k, &[4, KOLY as u32, 1]);
    for n in [0, 0, data, 0, 0] {
        k.extend_from_slice(&u64::to_be_bytes(n));
    }
    // One segment of one, without an identifier.
    push(&mut k, &[1, 1, 0, 0, 0, 0, CRC32, 32, data_sum]);
    k.resize(216, 0);
    for n in [data, xml] {
        k.extend_from_slice(&n.to_be_bytes());
    }
    k.resize(352, 0);
    push(&mut k, &[CRC32, 32, master]);
    k.resize(488, 0);
    push(&mut k, &[1]);
    k.extend_from_slice(&total.to_be_bytes());
    k.resize(index(KOLY), 0);
    k
}

/// As [`write()`], into memory.
pub fn to_bytes(disk: &dyn Source, compress: bool) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(disk, compress, &mut out).map_err(|e| Error::from_io(&e))?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Bytes;
    use crate::udif::Udif;

    fn disk() -> Vec<u8> {
        let mut d: Vec<u8> = (0..3_000_000u32).map(|i| (i / 1000) as u8).collect();
        d[600_000..2_000_000].fill(0);
        let mut seed = 1u32;
        for b in &mut d[2_600_000..] {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *b = (seed >> 24) as u8;
        }
        d.resize(3_000_320, 0);
        d
    }

    #[test]
    fn an_image_reads_back_and_its_sums_are_right() {
        for compress in [false, true] {
            let image = to_bytes(&Bytes::new(disk()), compress).unwrap();
            assert!(image.len() < if compress { 700_000 } else { 2_500_000 }, "{}", image.len());
            let udif = Udif::open(Bytes::shared(image)).unwrap();
            assert!(udif.verify().unwrap());
            let mut back = vec![0; disk().len()];
            udif.read_at(0, &mut back).unwrap();
            assert!(back == disk());
        }
        assert!(to_bytes(&Bytes::new(vec![0; 511]), false).is_err());
    }

    #[test]
    fn another_reader_gives_the_same_disk() {
        let dir = std::env::temp_dir().join(format!("apple-fs-udif-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        for compress in [false, true] {
            let path = dir.join("a.dmg");
            std::fs::write(&path, to_bytes(&Bytes::new(disk()), compress).unwrap()).unwrap();
            let mut qemu = std::process::Command::new("qemu-img");
            qemu.args(["convert", "-f", "dmg", "-O", "raw"]).arg(&path).arg(dir.join("raw"));
            match qemu.output() {
                Err(e) => eprintln!("skipped: qemu-img (Debian: qemu-utils) cannot be run: {e}"),
                Ok(out) => {
                    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                    assert!(std::fs::read(dir.join("raw")).unwrap() == disk());
                }
            }
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
