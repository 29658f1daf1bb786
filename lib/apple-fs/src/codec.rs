//! Decompression of one chunk to a size that is known beforehand.
//!
//! Every function gives exactly `size` bytes or fails; none produces or allocates more than that (plus a fixed
//! window), whatever the input claims. Facts: the chunk types of UDIF and decmpfs, and the compressors behind them:
//! LZFSE (`lzfse/lzfse`), ADC (`Lekensteyn/dmg2img:adc.c`), xz (the .xz file format, version 1.1).

use std::io::{self, Read, Write};

/// What a decompressor complains of.
pub type Complaint = String;

/// Reads exactly `size` bytes; one more byte is looked for, so that a chunk that goes on is noticed.
fn exactly(reader: impl Read, size: usize) -> Result<Vec<u8>, Complaint> {
    let mut out = Vec::new();
    reader
        .take((size as u64).saturating_add(1))
        .read_to_end(&mut out)
        .map_err(|e| format!("{e} after {} of {size} bytes", out.len()))?;
    check(out, size)
}

fn check(out: Vec<u8>, size: usize) -> Result<Vec<u8>, Complaint> {
    match out.len() {
        n if n == size => Ok(out),
        n if n > size => Err(format!("it gives more than the {size} bytes declared")),
        n => Err(format!("it gives {n} bytes, {size} are declared")),
    }
}

/// A zlib stream.
pub fn zlib(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    exactly(flate2::read::ZlibDecoder::new(data), size)
}

pub(crate) fn bzip2(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    exactly(bzip2_rs::DecoderReader::new(data), size)
}

/// An LZFSE stream.
pub fn lzfse(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    let mut decoder = lzfse_rust::LzfseRingDecoder::default();
    let mut out = Vec::new();
    // Chunks may be padded behind the end of the stream: what the reader complains of after the last byte we want
    // is of no interest.
    let result = decoder.reader(data).take(size as u64).read_to_end(&mut out);
    match result {
        Err(e) if out.len() < size => Err(format!("{e} after {} of {size} bytes", out.len())),
        _ => check(out, size),
    }
}

/// A bare LZVN stream, as decmpfs has it: the header and end mark of a one-block LZFSE stream are put around it.
pub(crate) fn lzvn(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    let (Ok(raw), Ok(payload)) = (u32::try_from(size), u32::try_from(data.len())) else {
        return Err("it is too long".into());
    };
    let mut stream = Vec::with_capacity(data.len().saturating_add(16));
    stream.extend_from_slice(b"bvxn");
    stream.extend_from_slice(&raw.to_le_bytes());
    stream.extend_from_slice(&payload.to_le_bytes());
    stream.extend_from_slice(data);
    stream.extend_from_slice(b"bvx$");
    lzfse(&stream, size)
}

/// Apple Data Compression: runs of literals, and matches with distances of up to 64 KiB.
pub(crate) fn adc(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0usize;
    let byte = |at: usize| data.get(at).copied().ok_or_else(|| "it ends early".to_string());
    while out.len() < size && at < data.len() {
        let control = byte(at)?;
        at = at.saturating_add(1);
        if control & 0x80 != 0 {
            let len = usize::from(control & 0x7f).saturating_add(1);
            let end = at.saturating_add(len);
            out.extend_from_slice(data.get(at..end).ok_or("it ends inside literals")?);
            at = end;
            continue;
        }
        let (len, distance) = if control & 0x40 != 0 {
            let d = u16::from_be_bytes([byte(at)?, byte(at.saturating_add(1))?]);
            at = at.saturating_add(2);
            (usize::from(control & 0x3f).saturating_add(4), usize::from(d))
        } else {
            let d = u16::from_be_bytes([control & 3, byte(at)?]);
            at = at.saturating_add(1);
            (usize::from((control & 0x3f) >> 2).saturating_add(3), usize::from(d))
        };
        let from =
            out.len().checked_sub(distance.saturating_add(1)).ok_or("a match reaches before the start")?;
        for i in from..from.saturating_add(len) {
            // Overlap is legal: the source grows while it is read.
            let b = out.get(i).copied().ok_or("a match reaches past the end")?;
            out.push(b);
        }
    }
    check(out, size)
}

/// LZMA chunks: an xz stream, or the older `.lzma` form.
pub fn xz(data: &[u8], size: usize) -> Result<Vec<u8>, Complaint> {
    let mut out = Limited { out: Vec::new(), limit: size };
    if data.starts_with(b"\xfd7zXZ\0") {
        let blocks = xz_blocks(data).ok_or("its xz blocks are not well-formed")?;
        // The decoder buffers a whole dictionary run before it writes: see first that no more is declared.
        let declared = blocks.iter().fold(0u64, |n, b| n.saturating_add(b.size));
        if declared != size as u64 {
            return Err(format!("it declares {declared} bytes, {size} are expected"));
        }
        for block in blocks {
            let start = out.out.len();
            let mut input = block.data;
            lzma_rs::lzma2_decompress(&mut input, &mut out).map_err(|e| e.to_string())?;
            let text = out.out.get(start..).unwrap_or_default();
            let right = match block.check {
                [a, b, c, d] => crc32fast::hash(text) == u32::from_le_bytes([*a, *b, *c, *d]),
                &[a, b, c, d, e, f, g, h] => crc64(text) == u64::from_le_bytes([a, b, c, d, e, f, g, h]),
                // None, or SHA-256, which is left to the image's own checksums.
                _ => true,
            };
            if !right {
                return Err("its checksum is wrong".into());
            }
        }
    } else {
        let options = lzma_rs::decompress::Options {
            memlimit: Some(size.max(1 << 16)),
            unpacked_size: lzma_rs::decompress::UnpackedSize::ReadFromHeader,
            allow_incomplete: false,
        };
        let mut input = data;
        lzma_rs::lzma_decompress_with_options(&mut input, &mut out, &options).map_err(|e| e.to_string())?;
    }
    check(out.out, size)
}

/// A block of an xz stream.
struct XzBlock<'a> {
    /// Its LZMA2 chunks.
    data: &'a [u8],
    /// What the chunks decompress to, as they declare.
    size: u64,
    /// The checksum behind it.
    check: &'a [u8],
}

/// The blocks of an xz stream, found without decompressing any; `None` if it is damaged. The crate's own walk over the
/// container can be made to overflow, so only its LZMA2 decoder is used.
fn xz_blocks(data: &[u8]) -> Option<Vec<XzBlock<'_>>> {
    let check_size = match data.get(7)? & 0xf {
        0 => 0usize,
        1 => 4,
        4 => 8,
        10 => 32,
        _ => return None,
    };
    let mut at = 12usize;
    let mut blocks = Vec::new();
    // An index (0) in place of a block header ends the blocks.
    while *data.get(at)? != 0 {
        let start = at;
        at = at.checked_add(usize::from(*data.get(at)?).checked_add(1)?.checked_mul(4)?)?;
        let (header, crc) = data.get(start..at)?.split_last_chunk::<4>()?;
        // LZMA2 alone; executables' filters are not used in disk images.
        if crc32fast::hash(header) != u32::from_le_bytes(*crc) || header.get(1)? & 3 != 0 {
            return None;
        }
        let first = at;
        let mut size = 0u64;
        loop {
            let control = *data.get(at)?;
            let sizes = |i: usize| -> Option<u64> {
                let a = data.get(at.checked_add(i)?..at.checked_add(i)?.checked_add(2)?)?;
                Some(u64::from(u16::from_be_bytes(a.try_into().ok()?)))
            };
            let (header, raw, packed) = match control {
                0 => {
                    at = at.checked_add(1)?;
                    break;
                }
                1 | 2 => {
                    let n = sizes(1)?.checked_add(1)?;
                    (3, n, n)
                }
                0x80.. => {
                    let raw = (u64::from(control & 0x1f) << 16 | sizes(1)?).checked_add(1)?;
                    (if control >= 0xc0 { 6 } else { 5 }, raw, sizes(3)?.checked_add(1)?)
                }
                _ => return None,
            };
            size = size.checked_add(raw)?;
            at = at.checked_add(header)?.checked_add(usize::try_from(packed).ok()?)?;
        }
        let chunks = data.get(first..at)?;
        // Padding to a multiple of four from the block's start, then the check.
        let used = at.checked_sub(start)?;
        let sum = start.checked_add(used.checked_next_multiple_of(4)?)?;
        at = sum.checked_add(check_size)?;
        blocks.push(XzBlock { data: chunks, size, check: data.get(sum..at)? });
    }
    Some(blocks)
}

/// CRC-64 as xz has it (ECMA-182, reflected).
fn crc64(bytes: &[u8]) -> u64 {
    const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;
    let table: [u64; 256] = std::array::from_fn(|i| {
        (0..8).fold(i as u64, |c, _| if c & 1 != 0 { c >> 1 ^ POLYNOMIAL } else { c >> 1 })
    });
    !bytes.iter().fold(!0u64, |c, &b| {
        let i = (c ^ u64::from(b)) & 0xff;
        c >> 8 ^ table.get(i as usize).copied().unwrap_or(0)
    })
}

/// A buffer that refuses to grow beyond its limit.
struct Limited {
    out: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.out.len().saturating_add(buf.len()) > self.limit {
            return Err(io::Error::other("more data than declared"));
        }
        self.out.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::hex;

    const TEXT: &[u8] = b"hello hello hello hello, kernel\n";
    // Made by xz 5.4 (`xz -6`, CRC64) and bzip2 1.0.8 from TEXT.
    const XZ: &str = include_str!("codec/text.xz.hex");
    const BZIP2: &str = include_str!("codec/text.bz2.hex");

    type Decoder = fn(&[u8], usize) -> Result<Vec<u8>, Complaint>;

    fn samples() -> Vec<(&'static str, Decoder, Vec<u8>)> {
        let mut z = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        z.write_all(TEXT).unwrap();
        let mut lz = Vec::new();
        lzfse_rust::encode_bytes(TEXT, &mut lz).unwrap();
        // "hello " as literals, a match of 18 at distance 6 (long form), then the rest as literals.
        let mut a = vec![0x85];
        a.extend_from_slice(b"hello ");
        a.extend_from_slice(&[0x40 | 13, 0, 5, 0x80 | 8]);
        a.extend_from_slice(&TEXT[23..]);
        let mut old = Vec::new();
        lzma_rs::lzma_compress(&mut &TEXT[..], &mut old).unwrap();
        vec![
            ("zlib", zlib, z.finish().unwrap()),
            ("lzfse", lzfse, lz),
            ("adc", adc, a),
            ("xz", xz, hex(XZ)),
            ("lzma", xz, old),
            ("bzip2", bzip2, hex(BZIP2)),
        ]
    }

    #[test]
    fn each_method_gives_the_text_back() {
        for (name, decode, data) in samples() {
            assert_eq!(decode(&data, TEXT.len()).as_deref(), Ok(TEXT), "{name}");
        }
        // A short ADC match: three bytes at distance 1.
        assert_eq!(adc(&[0x80, b'a', 0x00, 0x00], 4).unwrap(), b"aaaa");
        // A bare LZVN stream: five literals, then the end mark.
        assert_eq!(lzvn(b"\xe5hello\x06\0\0\0\0\0\0\0", 5).unwrap(), b"hello");
    }

    #[test]
    fn a_size_that_does_not_fit_is_refused() {
        for (name, decode, data) in samples() {
            assert!(decode(&data, TEXT.len() + 1).is_err(), "{name} too long");
            // An LZFSE chunk may be longer than what is wanted of it.
            assert!(name == "lzfse" || decode(&data, TEXT.len() - 1).is_err(), "{name} too short");
        }
    }

    #[test]
    fn damage_anywhere_ends_in_an_error_or_in_the_declared_size() {
        for (name, decode, data) in samples() {
            for cut in 0..data.len() {
                if let Ok(out) = decode(&data[..cut], TEXT.len()) {
                    assert_eq!(out.len(), TEXT.len(), "{name} cut at {cut}");
                }
                for bit in 0..8 {
                    let mut bad = data.clone();
                    bad[cut] ^= 1 << bit;
                    if let Ok(out) = decode(&bad, TEXT.len()) {
                        assert_eq!(out.len(), TEXT.len(), "{name} damaged at {cut}");
                    }
                }
            }
        }
    }

    #[test]
    fn xz_checksums_are_compared() {
        assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
        let good = hex(XZ);
        let check = xz_blocks(&good).unwrap()[0].check;
        let at = check.as_ptr() as usize - good.as_ptr() as usize;
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert!(xz(&bad, TEXT.len()).unwrap_err().contains("checksum"));
    }

    #[test]
    fn an_xz_index_that_lies_is_of_no_consequence() {
        // All bits set in what stands behind the blocks made the crate's own reader add beyond 32 bits.
        let good = hex(XZ);
        for at in good.len() - 40..good.len() {
            let mut bad = good.clone();
            bad[at..].fill(0xff);
            let _ = xz(&bad, TEXT.len());
        }
    }

    #[test]
    fn an_xz_bomb_is_refused_before_it_is_decompressed() {
        // The one block's first chunk declares 2 MiB instead of 32 bytes.
        let mut data = hex(XZ);
        let block = 12 + (usize::from(data[12]) + 1) * 4;
        assert_eq!(xz_blocks(&data).unwrap()[0].size, TEXT.len() as u64);
        data[block] = if data[block] >= 0x80 { 0xff } else { data[block] };
        data[block + 1] = 0xff;
        assert!(xz(&data, TEXT.len()).unwrap_err().contains("declares"));
    }
}
