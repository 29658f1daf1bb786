//! The plan for a Linux `Image`, and for what is started like one (u-boot).
//!
//! `Documentation/arch/arm64/booting.rst` of Linux: 64-byte header, magic `ARM\x64` at 0x38, load at a 2 MiB boundary
//! plus the offset it names, x0 = physical address of the flattened device tree (at most 2 MiB, 8-aligned), MMU off.

use super::{Inputs, Kernel, Load, Options, Plan, Range, Source, add, align_up, dram};
use crate::{Error, Result, TIMEBASE};

const MAGIC: &[u8; 4] = b"ARM\x64";
const TWO_MIB: u64 = 2 << 20;
/// The largest flattened tree the protocol allows.
const MAX_TREE: u64 = TWO_MIB;

/// The header of a Linux `Image`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinuxImage {
    /// Bytes of the file.
    pub file_size: u64,
    /// Offset from a 2 MiB boundary.
    pub text_offset: u64,
    /// Bytes it takes in memory, BSS included.
    pub image_size: u64,
    /// Bits 1–2: page size (1: 4 KiB, 2: 16 KiB, 3: 64 KiB); bit 3: may lie anywhere.
    pub flags: u64,
}

impl LinuxImage {
    /// Reads the header, if this is such an image.
    pub fn parse(bytes: &[u8]) -> Option<LinuxImage> {
        if bytes.get(0x38..0x3c)? != MAGIC {
            return None;
        }
        let word = |at: usize| bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b));
        let (offset, size) = (word(8)?, word(16)?);
        let file_size = bytes.len() as u64;
        // Images of before 3.17 have no size and the fixed offset.
        let text_offset = if size == 0 { 0x80000 } else { offset };
        Some(LinuxImage { file_size, text_offset, image_size: size.max(file_size), flags: word(24)? })
    }
}

pub(super) fn plan(image: &LinuxImage, inputs: &Inputs<'_>, options: &Options) -> Result<Plan> {
    let dram = dram(options, None, 1 << 30)?;
    let tree = inputs.flat_tree.unwrap_or_default();
    if tree.len() as u64 > MAX_TREE {
        return Err(Error::Input { input: "device tree", why: "larger than 2 MiB, Linux's limit".into() });
    }
    // QEMU keeps its own boot code in the first page of RAM and moves such images to the next boundary (hw/arm/boot.c):
    // bare-metal programs are linked for where it puts them.
    let boundary = if image.text_offset < 0x1000 { TWO_MIB } else { 0 };
    let start = add(add(dram.base, boundary)?, image.text_offset)?;
    let mut loads = vec![Load {
        what: "kernel".into(),
        source: Source::Kernel(Range { base: 0, size: image.file_size }),
        pa: start,
        va: start,
        size: image.image_size,
        protection: String::new(),
    }];
    let mut next = align_up(add(start, image.image_size)?, TWO_MIB)?;
    if let Some(size) = inputs.ramdisk {
        loads.push(Load {
            what: "ramdisk".into(),
            source: Source::Ramdisk(Range { base: 0, size }),
            pa: next,
            va: next,
            size,
            protection: String::new(),
        });
        next = align_up(add(next, size)?, TWO_MIB)?;
    }
    let tree_at = next;
    loads.push(Load {
        what: "device tree".into(),
        source: Source::Bytes(tree.to_vec()),
        pa: tree_at,
        va: tree_at,
        size: MAX_TREE,
        protection: String::new(),
    });
    let top = add(tree_at, MAX_TREE)?;
    if top > dram.end() {
        return Err(Error::Memory {
            memory: dram.size,
            needed: top.saturating_sub(dram.base),
            what: "kernel, initrd and device tree",
        });
    }
    let pages = match (image.flags >> 1) & 3 {
        1 => "4 KiB pages",
        2 => "16 KiB pages",
        3 => "64 KiB pages",
        _ => "pages of unstated size",
    };
    Ok(Plan {
        kind: Kernel::Linux(*image).kind(),
        kernel: format!("Linux image, {pages}"),
        train: None,
        soc: None,
        dram,
        phys_base: dram.base,
        virt_base: dram.base,
        mem_size: dram.size,
        slide: 0,
        top_of_kernel_data: top,
        entry: start,
        x0: tree_at,
        reset_vector: start & !0xfff,
        loads,
        read_only: None,
        reserved: Vec::new(),
        framebuffer: None,
        boot_args: None,
        command_line: options.command_line.clone(),
        cpus: options.cpus.max(1),
        timebase: TIMEBASE,
        device_tree: None,
        changes: Vec::new(),
        warnings: Vec::new(),
    })
}
