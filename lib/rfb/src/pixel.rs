//! Pixels as a client wants them (RFC 6143, 7.4).

use crate::Error;

/// A pixel format with true colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelFormat {
    /// Bytes of a pixel: 1, 2 or 4.
    pub bytes: usize,
    /// Bits of a pixel that are used.
    pub depth: u8,
    /// Highest byte first.
    pub big_endian: bool,
    /// Highest values of red, green and blue.
    pub max: [u16; 3],
    /// How far each is shifted to the left.
    pub shift: [u8; 3],
}

impl PixelFormat {
    /// 32 bits a pixel, little-endian: blue, green, red, nothing.
    pub const XRGB: Self = Self { bytes: 4, depth: 24, big_endian: false, max: [255; 3], shift: [16, 8, 0] };

    /// The 16 bytes of the format.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut out = [0; 16];
        let [r, g, b] = self.max.map(u16::to_be_bytes);
        let bits = u8::try_from(self.bytes.saturating_mul(8)).unwrap_or(0);
        let fields = [bits, self.depth, self.big_endian.into(), 1, r[0], r[1], g[0], g[1], b[0], b[1]];
        for (to, from) in out.iter_mut().zip(fields.into_iter().chain(self.shift)) {
            *to = from;
        }
        out
    }

    /// Reads the 16 bytes.
    ///
    /// # Errors
    /// Formats with a colour map, and those that do not fit their pixels.
    pub fn parse(bytes: &[u8; 16]) -> Result<Self, Error> {
        let [bits, depth, big, true_colour, r0, r1, g0, g1, b0, b1, rs, gs, bs, ..] = *bytes;
        if true_colour == 0 {
            return Err(Error::PixelFormat("colour maps are not supported"));
        }
        let bytes = match bits {
            8 => 1,
            16 => 2,
            32 => 4,
            _ => return Err(Error::PixelFormat("pixels have 8, 16 or 32 bits")),
        };
        let shift = [rs, gs, bs];
        if shift.iter().any(|s| *s > 31) {
            return Err(Error::PixelFormat("a colour is shifted out of the pixel"));
        }
        let max = [[r0, r1], [g0, g1], [b0, b1]].map(u16::from_be_bytes);
        Ok(Self { bytes, depth, big_endian: big != 0, max, shift })
    }

    /// Puts a pixel at the end of `out`.
    pub fn put(&self, rgb: [u8; 3], out: &mut Vec<u8>) {
        let bytes = self.value(rgb).to_le_bytes();
        let used = bytes.get(..self.bytes).unwrap_or(&bytes);
        if self.big_endian { out.extend(used.iter().rev()) } else { out.extend(used) }
    }

    /// Puts a "compressed pixel" at the end of `out`: of 32-bit pixels with at most 24 bits in three bytes, only those
    /// (RFC 6143, 7.7.5).
    pub fn put_compressed(&self, rgb: [u8; 3], out: &mut Vec<u8>) {
        let bytes = self.value(rgb).to_le_bytes();
        let three = match self.three() {
            Some(three) => three,
            None => return self.put(rgb, out),
        };
        let used = bytes.get(three).unwrap_or(&bytes);
        if self.big_endian { out.extend(used.iter().rev()) } else { out.extend(used) }
    }

    /// Which three of a pixel's four bytes hold all its bits.
    fn three(&self) -> Option<std::ops::Range<usize>> {
        let white = self.value([255; 3]);
        match (self.bytes == 4 && self.depth <= 24, white & 0xff00_0000, white & 0xff) {
            (true, 0, _) => Some(0..3),
            (true, _, 0) => Some(1..4),
            _ => None,
        }
    }

    fn value(&self, rgb: [u8; 3]) -> u32 {
        let parts = rgb.iter().zip(self.max).zip(self.shift);
        parts.fold(0, |value, ((colour, max), shift)| {
            let scaled = u32::from(*colour).saturating_mul(max.into()).saturating_add(127) / 255;
            value | scaled.checked_shl(shift.into()).unwrap_or(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(format: PixelFormat, rgb: [u8; 3]) -> (Vec<u8>, Vec<u8>) {
        let (mut whole, mut compressed) = (Vec::new(), Vec::new());
        format.put(rgb, &mut whole);
        format.put_compressed(rgb, &mut compressed);
        (whole, compressed)
    }

    #[test]
    fn pixels_have_the_client_s_layout() {
        let rgb = [0x11, 0x22, 0x33];
        assert_eq!(put(PixelFormat::XRGB, rgb), (vec![0x33, 0x22, 0x11, 0], vec![0x33, 0x22, 0x11]));
        let big = PixelFormat { big_endian: true, ..PixelFormat::XRGB };
        assert_eq!(put(big, rgb), (vec![0, 0x11, 0x22, 0x33], vec![0x11, 0x22, 0x33]));
        let high = PixelFormat { shift: [8, 16, 24], ..PixelFormat::XRGB };
        assert_eq!(put(high, rgb), (vec![0, 0x11, 0x22, 0x33], vec![0x11, 0x22, 0x33]));
        let rgb565 =
            PixelFormat { bytes: 2, depth: 16, big_endian: false, max: [31, 63, 31], shift: [11, 5, 0] };
        assert_eq!(put(rgb565, [255, 0, 255]).0, 0xf81fu16.to_le_bytes());
        let bgr233 = PixelFormat { bytes: 1, depth: 8, big_endian: false, max: [7, 7, 3], shift: [0, 3, 6] };
        assert_eq!(put(bgr233, [255, 255, 255]).1, [0xff]);
    }

    #[test]
    fn formats_are_read_as_they_are_written_and_impossible_ones_refused() {
        let format =
            PixelFormat { bytes: 2, depth: 15, big_endian: true, max: [31, 31, 31], shift: [10, 5, 0] };
        assert_eq!(PixelFormat::parse(&format.to_bytes()), Ok(format));
        for (at, value) in [(0, 24), (3, 0), (10, 32)] {
            let mut bytes = format.to_bytes();
            bytes[at] = value;
            assert!(PixelFormat::parse(&bytes).is_err(), "{at}");
        }
    }
}
