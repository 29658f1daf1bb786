//! A framebuffer: plain RAM that is looked at. The guest draws by stores; nothing is trapped.

use mem::Memory;

/// Where a framebuffer is and how its pixels lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framebuffer {
    /// Physical address of the first pixel.
    pub base: u64,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row to the next.
    pub row_bytes: u64,
    /// Layout of a pixel.
    pub format: PixelFormat,
}

/// Layout of a pixel, as a little-endian value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// 32 bits: red 23:16, green 15:8, blue 7:0; depth 32 of Apple's boot arguments.
    Xrgb8888,
    /// 30 bits: red 29:20, green 19:10, blue 9:0; depth 30.
    Xrgb2101010,
    /// 16 bits: red 14:10, green 9:5, blue 4:0; depth 16.
    Xrgb1555,
}

impl PixelFormat {
    /// From the depth of Apple's boot arguments.
    pub fn from_depth(depth: u32) -> Option<Self> {
        match depth {
            16 => Some(Self::Xrgb1555),
            30 => Some(Self::Xrgb2101010),
            32 => Some(Self::Xrgb8888),
            _ => None,
        }
    }

    /// Bytes of a pixel.
    pub fn bytes(self) -> usize {
        match self {
            Self::Xrgb1555 => 2,
            Self::Xrgb8888 | Self::Xrgb2101010 => 4,
        }
    }

    fn rgb(self, pixel: &[u8]) -> [u8; 3] {
        let mut bytes = [0; 4];
        for (to, from) in bytes.iter_mut().zip(pixel) {
            *to = *from;
        }
        let v = u32::from_le_bytes(bytes);
        // Five bits are widened by repeating the top ones, so that full stays full.
        let five = |x: u32| (x << 3 | x >> 2) as u8;
        match self {
            Self::Xrgb8888 => [(v >> 16) as u8, (v >> 8) as u8, v as u8],
            Self::Xrgb2101010 => [(v >> 22) as u8, (v >> 12) as u8, (v >> 2) as u8],
            Self::Xrgb1555 => [five(v >> 10 & 31), five(v >> 5 & 31), five(v & 31)],
        }
    }
}

/// A picture: rows of red, green, blue bytes, top left first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `3 * width * height` bytes.
    pub rgb: Vec<u8>,
}

impl Framebuffer {
    /// What it shows now; an error when it does not lie in RAM.
    pub fn picture(&self, memory: &Memory) -> Result<Picture, mem::Error> {
        let row = u64::from(self.width) * self.format.bytes() as u64;
        let all = self.row_bytes.saturating_mul(u64::from(self.height).saturating_sub(1)).saturating_add(row);
        // One look at the whole range first: then no row can fail, and the picture is not larger than RAM.
        if row > self.row_bytes || !memory.contains(self.base, all) {
            return Err(mem::Error::NotRam { pa: self.base, len: all });
        }
        let mut rgb = Vec::new();
        for y in 0..u64::from(self.height) {
            let bytes = memory.read_vec(self.base + y * self.row_bytes, row)?;
            rgb.extend(bytes.chunks_exact(self.format.bytes()).flat_map(|pixel| self.format.rgb(pixel)));
        }
        Ok(Picture { width: self.width, height: self.height, rgb })
    }
}

#[cfg(test)]
mod tests {
    use mem::Region;

    use super::*;

    #[test]
    fn pixels_of_all_formats_become_rgb() {
        let m = Memory::new(&[Region { base: 0x1000, len: 0x1000 }]).unwrap();
        let shot = |value: u32, format| {
            m.write_u32(0x1000, 0).unwrap();
            m.write_u32(0x1010, value).unwrap();
            let f = Framebuffer { base: 0x1000, width: 1, height: 2, row_bytes: 16, format };
            f.picture(&m).unwrap().rgb
        };
        assert_eq!(shot(0xff11_2233, PixelFormat::Xrgb8888), [0, 0, 0, 0x11, 0x22, 0x33]);
        assert_eq!(shot(0x3ff << 20 | 4, PixelFormat::Xrgb2101010), [0, 0, 0, 255, 0, 1]);
        assert_eq!(shot(0x7c00 | 1, PixelFormat::Xrgb1555), [0, 0, 0, 255, 0, 8]);
    }

    #[test]
    fn a_framebuffer_outside_ram_gives_no_picture() {
        let m = Memory::new(&[Region { base: 0x1000, len: 0x1000 }]).unwrap();
        let f = |width, height, row_bytes| Framebuffer {
            base: 0x1000,
            width,
            height,
            row_bytes,
            format: PixelFormat::Xrgb8888,
        };
        assert!(f(16, 64, 64).picture(&m).is_ok());
        assert!(f(16, 65, 64).picture(&m).is_err());
        assert!(f(u32::MAX, u32::MAX, u64::MAX).picture(&m).is_err());
        assert!(f(32, 1, 64).picture(&m).is_err(), "rows overlap");
    }
}
