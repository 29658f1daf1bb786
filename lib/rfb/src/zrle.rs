//! The encoding ZRLE: tiles of 64 by 64 pixels, plain or of one colour, through one zlib stream (RFC 6143, 7.7.6).

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::pixel::PixelFormat;

/// Pixels of a side of a tile.
pub const TILE: usize = 64;

/// The zlib stream of a session.
#[derive(Debug)]
pub struct Zrle(Compress);

impl Zrle {
    /// A new stream.
    pub fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    /// A rectangle's data: length and compressed tiles. `pixel` gives the colour at a place of the rectangle.
    pub fn encode(
        &mut self,
        width: usize,
        height: usize,
        format: &PixelFormat,
        pixel: impl Fn(usize, usize) -> [u8; 3],
    ) -> Vec<u8> {
        let mut plain = Vec::new();
        for top in (0..height).step_by(TILE) {
            for left in (0..width).step_by(TILE) {
                let rows = top..height.min(top.saturating_add(TILE));
                let columns = left..width.min(left.saturating_add(TILE));
                let first = pixel(left, top);
                if rows.clone().all(|y| columns.clone().all(|x| pixel(x, y) == first)) {
                    plain.push(1);
                    format.put_compressed(first, &mut plain);
                    continue;
                }
                plain.push(0);
                for y in rows {
                    columns.clone().for_each(|x| format.put_compressed(pixel(x, y), &mut plain));
                }
            }
        }
        let packed = self.deflate(&plain);
        let mut out = u32::try_from(packed.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
        out.extend(packed);
        out
    }

    fn deflate(&mut self, mut plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        loop {
            let before = self.0.total_in();
            let status = self.0.compress_vec(plain, &mut out, FlushCompress::Sync);
            let taken = usize::try_from(self.0.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
            plain = plain.get(taken..).unwrap_or_default();
            // Room left over means that the flush is complete.
            if plain.is_empty() && out.len() < out.capacity() || !matches!(status, Ok(Status::Ok)) {
                return out;
            }
            out.reserve(out.capacity().max(1024));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn tiles_come_out_of_one_stream_and_plain_ones_are_short() {
        let mut zrle = Zrle::new();
        let colour = |x: usize, y: usize| if x < 64 { [1, 2, 3] } else { [x as u8, y as u8, 0] };
        let mut stream = Vec::new();
        for _ in 0..2 {
            let data = zrle.encode(70, 65, &PixelFormat::XRGB, colour);
            assert_eq!(u32::from_be_bytes(data[..4].try_into().unwrap()) as usize, data.len() - 4);
            stream.extend(&data[4..]);
        }
        let mut plain = Vec::new();
        // A stream that goes on has no end: what is there can be read.
        let _ = flate2::read::ZlibDecoder::new(stream.as_slice()).read_to_end(&mut plain);
        let one = 4 + (1 + 6 * 64 * 3) + 4 + (1 + 6 * 3);
        assert_eq!(plain.len(), 2 * one);
        assert_eq!((&plain[..4], plain[4], &plain[5..8]), (&[1, 3, 2, 1][..], 0, &[0, 0, 64][..]));
        assert_eq!(plain[..one], plain[one..]);
    }

    #[test]
    fn much_noise_survives() {
        let mut zrle = Zrle::new();
        let noise = |x: usize, y: usize| {
            let n = (x * 7919 + y * 104_729) as u32;
            let n = n.wrapping_mul(2_654_435_761) ^ n >> 7;
            [n as u8, (n >> 8) as u8, (n >> 16) as u8]
        };
        let data = zrle.encode(640, 640, &PixelFormat::XRGB, noise);
        let mut plain = Vec::new();
        let _ = flate2::read::ZlibDecoder::new(&data[4..]).read_to_end(&mut plain);
        assert_eq!(plain.len(), 100 * (1 + 64 * 64 * 3));
    }
}
