//! The structure at whose physical address x0 points when XNU is entered.
//!
//! `pexpert/pexpert/arm/boot.h` of XNU at every release tag. Little-endian, natural alignment.
//!
//! ```text
//! 0x00 u16 Revision          0x28 u64 Video.v_baseAddr    0x60 u64 deviceTreeP (virtual)
//! 0x02 u16 Version           0x30 u64 Video.v_display     0x68 u32 deviceTreeLength
//! 0x08 u64 virtBase          0x38 u64 Video.v_rowBytes    0x6c char CommandLine[N]
//! 0x10 u64 physBase          0x40 u64 Video.v_width            u64 bootFlags        (8-aligned)
//! 0x18 u64 memSize           0x48 u64 Video.v_height           u64 memSizeActual
//! 0x20 u64 topOfKernelData   0x50 u64 Video.v_depth
//!                            0x58 u32 machineType
//! ```
//! N is 256 up to iOS 12, 608 from iOS 13, 1024 from iOS 17. A line shorter than 256 bytes with both numbers behind it
//! zero is the same in all three layouts.

use crate::{Error, Result};

/// The lengths that the command line field has had.
pub const LINE_LENGTHS: [usize; 3] = [256, 608, 1024];

/// Where the command line starts.
const LINE: usize = 0x6c;

/// `boot_args`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct BootArgs {
    /// 1 or 2; loaders write 3 for the layout with the 1024-byte line.
    pub revision: u16,
    /// 2; not looked at.
    pub version: u16,
    /// Virtual address that maps `phys_base`.
    pub virt_base: u64,
    /// First physical address of the kernel's memory.
    pub phys_base: u64,
    /// Bytes of memory from `phys_base`.
    pub mem_size: u64,
    /// Physical address of the first byte after everything loaded.
    pub top_of_kernel_data: u64,
    /// The framebuffer, all zero for none.
    pub video: Video,
    /// Not looked at by the kernel proper.
    pub machine_type: u32,
    /// Virtual address of the device tree.
    pub device_tree: u64,
    /// Its length in bytes; from iOS 14 it bounds every access.
    pub device_tree_length: u32,
    /// Boot arguments.
    pub command_line: String,
    /// Bit 0: dark boot.
    pub boot_flags: u64,
    /// All memory of the device, 0 if the kernel is to take `mem_size`.
    pub mem_size_actual: u64,
    /// Bytes of the command line field, one of [`LINE_LENGTHS`].
    pub line_length: usize,
}

/// `Boot_Video`: all fields u64.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Video {
    /// Physical address.
    pub base: u64,
    /// 0: text console; 1: graphics.
    pub display: u64,
    /// Bytes from one row to the next.
    pub row_bytes: u64,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Bits 0–7 bits per pixel, 8–15 rotation, 16–23 scale − 1.
    pub depth: u64,
}

impl BootArgs {
    /// The bytes: the structure up to and with `memSizeActual`.
    ///
    /// # Errors
    /// A command line that does not fit its field with its NUL, or that holds a NUL.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let line = self.command_line.as_bytes();
        if line.len() >= self.line_length {
            return Err(Error::CommandLine { length: line.len(), limit: self.line_length.saturating_sub(1) });
        }
        if line.contains(&0) {
            return Err(Error::Option { option: "boot arguments", why: "they hold a NUL byte".into() });
        }
        let mut out = Vec::with_capacity(self.line_length.saturating_add(0x90));
        out.extend(self.revision.to_le_bytes());
        out.extend(self.version.to_le_bytes());
        out.extend([0; 4]);
        let v = &self.video;
        for word in [
            self.virt_base,
            self.phys_base,
            self.mem_size,
            self.top_of_kernel_data,
            v.base,
            v.display,
            v.row_bytes,
            v.width,
            v.height,
            v.depth,
        ] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.machine_type.to_le_bytes());
        out.extend([0; 4]);
        out.extend(self.device_tree.to_le_bytes());
        out.extend(self.device_tree_length.to_le_bytes());
        debug_assert_eq!(out.len(), LINE, "the fields before the command line");
        out.extend(line);
        out.resize(LINE.saturating_add(self.line_length).next_multiple_of(8), 0);
        out.extend(self.boot_flags.to_le_bytes());
        out.extend(self.mem_size_actual.to_le_bytes());
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(line_length: usize) -> BootArgs {
        BootArgs {
            revision: 2,
            version: 2,
            virt_base: 0xffff_fff0_0600_0000,
            phys_base: 0x8_0000_0000,
            mem_size: 0x4000_0000,
            top_of_kernel_data: 0x8_0200_0000,
            video: Video { base: 1, display: 2, row_bytes: 3, width: 4, height: 5, depth: 6 },
            machine_type: 7,
            device_tree: 0xffff_fff0_0700_0000,
            device_tree_length: 0x1234,
            command_line: "serial=3".into(),
            boot_flags: 0x11,
            mem_size_actual: 0x22,
            line_length,
        }
    }

    fn u64_at(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn fields_are_where_boot_h_has_them_in_all_three_layouts() {
        for (n, flags) in [(256, 0x170), (608, 0x2d0), (1024, 0x470)] {
            let b = sample(n).to_bytes().unwrap();
            assert_eq!(b.len(), flags + 16, "{n}");
            assert_eq!(&b[..4], &[2, 0, 2, 0]);
            assert_eq!(u64_at(&b, 0x08), 0xffff_fff0_0600_0000);
            assert_eq!(u64_at(&b, 0x20), 0x8_0200_0000);
            for (i, at) in (0x28..0x58).step_by(8).enumerate() {
                assert_eq!(u64_at(&b, at), i as u64 + 1);
            }
            assert_eq!(b[0x58], 7);
            assert_eq!(u64_at(&b, 0x60), 0xffff_fff0_0700_0000);
            assert_eq!(&b[0x68..0x6c], &0x1234u32.to_le_bytes());
            assert_eq!(&b[0x6c..0x75], b"serial=3\0");
            assert_eq!((u64_at(&b, flags), u64_at(&b, flags + 8)), (0x11, 0x22));
        }
    }

    #[test]
    fn a_line_that_does_not_fit_is_refused_with_its_limit() {
        let mut args = sample(256);
        args.command_line = "x".repeat(255);
        assert!(args.to_bytes().is_ok());
        args.command_line = "x".repeat(256);
        assert!(args.to_bytes().unwrap_err().to_string().contains("255"));
    }
}
