//! `iBootIm`: the boot loader's pictures. Read only.
//!
//! A header of 0x40 bytes, little-endian, then compressed pixels. One file may hold several, one behind the other (the
//! frames of an animation). Colours are blue, green, red, alpha; greys are grey, alpha. Alpha is inverted: 0 is opaque,
//! as the ten pictures of an iPhone X show, whose empty parts are white with alpha 255.
//!
//! | offset | size | field |
//! |---|---|---|
//! | 0x00 | 8 | `iBootIm\0` |
//! | 0x08 | 4 | adler32 from 0x0c to the end of the compressed data |
//! | 0x0c | 4 | compression: `lzss` as a number |
//! | 0x10 | 4 | pixels: `argb` or `grey` as a number |
//! | 0x14 | 4 | width and height |
//! | 0x18 | 4 | x and y, signed: where it goes, from the middle of the screen |
//! | 0x1c | 4 | bytes of compressed data |

use crate::{Error, Kind, Result, lzfse, lzss, u32_le};

const HEADER: usize = 0x40;
const LZSS: u32 = u32::from_be_bytes(*b"lzss");
const ARGB: u32 = u32::from_be_bytes(*b"argb");
const GREY: u32 = u32::from_be_bytes(*b"grey");
/// More than any screen, and little enough to be decoded without a thought.
const MAX_SIDE: u16 = 16_384;
/// The frames of an animation are some dozens.
const MAX_PICTURES: usize = 4096;

/// A picture, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Where it goes on the screen, from its middle.
    pub x: i16,
    /// Where it goes on the screen, from its middle.
    pub y: i16,
    /// Whether its pixels are grey instead of coloured.
    pub grey: bool,
    /// Rows from the top; each pixel red, green, blue, alpha, or grey, alpha. An alpha of 255 is opaque.
    pub pixels: Vec<u8>,
}

/// All pictures of a file, in order, and how many bytes follow the last one.
///
/// # Errors
/// Not a picture, or a damaged one: the error says which field of which picture, by its offset.
pub fn pictures(data: &[u8], max_output: u64) -> Result<(Vec<Picture>, usize)> {
    let (mut all, mut at, mut total) = (Vec::new(), 0usize, 0u64);
    while data.get(at..).is_some_and(|d| d.starts_with(b"iBootIm\0")) || all.is_empty() {
        let (picture, size) = picture(data.get(at..).unwrap_or_default(), at as u64)?;
        total = total.saturating_add(picture.pixels.len() as u64);
        if total > max_output || all.len() >= MAX_PICTURES {
            let (layer, limit) = (Kind::IBootIm, max_output);
            return Err(Error::TooLarge { layer, offset: at as u64, size: total, limit });
        }
        all.push(picture);
        at = at.saturating_add(size);
    }
    Ok((all, data.len().saturating_sub(at)))
}

/// One picture and its size in the file.
fn picture(data: &[u8], base: u64) -> Result<(Picture, usize)> {
    let layer = Kind::IBootIm;
    let truncated = |what, have: usize, need: usize| {
        Err(Error::Truncated { layer, offset: base, what, have: have as u64, need: need as u64 })
    };
    let bad = |at: u64, what, value: u32| {
        Err(Error::BadField { layer, offset: base.saturating_add(at), what, value: value.into() })
    };
    let Some(header) = data.first_chunk::<HEADER>() else {
        return truncated("the header", data.len(), HEADER);
    };
    let field = |at| u32_le(header, at).unwrap_or(0);
    let half = |at: usize| header.get(at..).and_then(|h| h.first_chunk::<2>()).copied().unwrap_or_default();
    if !header.starts_with(b"iBootIm\0") {
        return bad(0, "the name", u32_le(header, 0).unwrap_or(0));
    }
    let bytes = match field(0x10) {
        ARGB => 4,
        GREY => 2,
        other => return bad(0x10, "the pixel format (neither argb nor grey)", other),
    };
    let (width, height) = (u16::from_le_bytes(half(0x14)), u16::from_le_bytes(half(0x16)));
    if width > MAX_SIDE || height > MAX_SIDE {
        return bad(0x14, "width and height", field(0x14));
    }
    let packed = usize::try_from(field(0x1c)).unwrap_or(usize::MAX);
    let Some(size) = HEADER.checked_add(packed).filter(|n| *n <= data.len()) else {
        return truncated("the compressed pixels", data.len().saturating_sub(HEADER), packed);
    };
    let found = lzss::adler32(data.get(0xc..size).unwrap_or_default());
    if found != field(8) {
        let (declared, found) = (field(8).into(), found.into());
        return Err(Error::Mismatch {
            layer,
            offset: base.saturating_add(8),
            what: "adler32",
            declared,
            found,
        });
    }
    let stream = data.get(HEADER..size).unwrap_or_default();
    let wanted = usize::from(width).saturating_mul(usize::from(height)).saturating_mul(bytes);
    let at = base.saturating_add(HEADER as u64);
    let mut pixels = if field(0xc) == LZSS {
        // Seventeen bytes give at most eight matches of eighteen.
        if wanted > packed.saturating_mul(9) {
            return bad(0x14, "width and height (more pixels than the stream can hold)", field(0x14));
        }
        lzss::decode(stream, wanted)
    } else if crate::sniff(stream) == Kind::Lzfse {
        let extent = lzfse::extent(stream, at)?;
        if extent.size != wanted as u64 {
            return bad(0x14, "width and height (unlike the stream's size)", field(0x14));
        }
        lzfse::decode(stream, at, extent)?
    } else {
        return bad(0xc, "the compression (neither lzss nor LZFSE)", field(0xc));
    };
    if pixels.len() != wanted {
        let (why, decoded) = (format!("it ends before the {wanted:#x} bytes of pixels"), pixels.len() as u64);
        return Err(Error::BadStream { layer, offset: at, why, decoded });
    }
    for pixel in pixels.chunks_exact_mut(bytes) {
        if bytes == 4 {
            pixel.swap(0, 2);
        }
        if let Some(alpha) = pixel.last_mut() {
            *alpha = !*alpha;
        }
    }
    let (x, y) = (i16::from_le_bytes(half(0x18)), i16::from_le_bytes(half(0x1a)));
    Ok((Picture { width, height, x, y, grey: bytes == 2, pixels }, size))
}

/// A file of one picture, as [`pictures`] reads it: for tests.
#[doc(hidden)]
pub fn encode(picture: &Picture) -> Vec<u8> {
    let bytes = if picture.grey { 2 } else { 4 };
    let mut pixels = picture.pixels.clone();
    for pixel in pixels.chunks_exact_mut(bytes) {
        if bytes == 4 {
            pixel.swap(0, 2);
        }
        if let Some(alpha) = pixel.last_mut() {
            *alpha = !*alpha;
        }
    }
    let stream = lzss::encode(&pixels);
    let mut tail = Vec::new();
    for word in [LZSS, if picture.grey { GREY } else { ARGB }] {
        tail.extend(word.to_le_bytes());
    }
    for half in [picture.width, picture.height, picture.x.cast_unsigned(), picture.y.cast_unsigned()] {
        tail.extend(half.to_le_bytes());
    }
    tail.extend(u32::try_from(stream.len()).unwrap_or(0).to_le_bytes());
    tail.resize(HEADER - 0xc, 0);
    tail.extend(stream);
    [b"iBootIm\0", &lzss::adler32(&tail).to_le_bytes()[..], &tail].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(grey: bool) -> Picture {
        let n = if grey { 2 } else { 4 };
        let pixels = (0..40 * 30 * n).map(|i| (i / 7) as u8).collect();
        Picture { width: 40, height: 30, x: -3, y: 4, grey, pixels }
    }

    #[test]
    fn pictures_one_behind_the_other_are_all_read() {
        let all = [sample(false), sample(true), sample(false)];
        let file: Vec<u8> = all.iter().flat_map(encode).chain([0; 5]).collect();
        assert_eq!(pictures(&file, 1 << 20).unwrap(), (all.to_vec(), 5));
        assert!(matches!(pictures(&file, 6000), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn colours_stand_in_the_file_as_blue_green_red_and_inverted_alpha() {
        let one = Picture { width: 1, height: 1, x: 0, y: 0, grey: false, pixels: vec![1, 2, 3, 255] };
        let file = encode(&one);
        // A flag byte, then four literals.
        assert_eq!(file[HEADER..], [0x0f, 3, 2, 1, 0]);
    }

    #[test]
    fn damage_is_refused_with_its_place() {
        let file = encode(&sample(false));
        for n in 0..file.len() {
            assert!(pictures(&file[..n], 1 << 20).is_err(), "{n}");
        }
        for at in 8..file.len() {
            let mut bad = file.clone();
            bad[at] ^= 0x10;
            assert!(pictures(&bad, 1 << 20).is_err(), "{at:#x}");
        }
        assert!(matches!(pictures(b"", 1), Err(Error::Truncated { .. })));
    }
}
