//! The plan for a raw image that is entered as XNU is: m1n1.
//!
//! It is position-independent, takes `boot_args` in x0 and Apple's device tree (`AsahiLinux/m1n1`, `src/startup.c`),
//! and has its heap at topOfKernelData.

use super::{
    BLOCK, BOOT_ARGS_SIZE, Framebuffer, Inputs, Load, Options, PAGE, Plan, Range, Region, Screen, Source,
};
use super::{add, align_up, dram};
use crate::boot_args::BootArgs;
use crate::fill::Fill;
use crate::{Error, Result, TIMEBASE};

/// Virtual address of physBase: any will do, this one is not its own physical address by accident.
const VIRT_BASE: u64 = 0xffff_fe00_0000_0000;
/// Zeros after the image: m1n1 looks for payloads behind itself.
const BEHIND: u64 = 1 << 20;
/// m1n1's allocator wants 4 MiB.
const FREE: u64 = 8 << 20;
const DEFAULT_SCREEN: Screen = Screen { width: 640, height: 480, graphics: false };
/// m1n1 takes the older layout of `boot_args` for granted below this iBoot.
const IBOOT_OF_IOS13: u32 = 5540;

pub(super) fn plan(size: u64, entry: u64, inputs: &Inputs<'_>, options: &Options) -> Result<Plan> {
    let source = inputs.device_tree.ok_or(Error::Missing {
        input: "device tree",
        why: "a raw image is entered by Apple's boot protocol, which gives it one: --devicetree".into(),
    })?;
    let dram = dram(options, None, 1 << 30)?;
    let mut loads = Vec::new();
    let mut reserved = Vec::new();
    let va = |pa: u64| pa.wrapping_sub(dram.base).wrapping_add(VIRT_BASE);
    let mut put = |what: &str, source: Source, pa: u64, size: u64| {
        loads.push(Load { what: what.into(), source, pa, va: va(pa), size, protection: String::new() });
    };
    // One block up, so that a stray pointer near 0 of the image's own maps is not the image.
    let base = add(dram.base, BLOCK)?;
    put("kernel", Source::Kernel(Range { base: 0, size }), base, add(size, BEHIND)?);
    let mut next = align_up(add(base, add(size, BEHIND)?)?, PAGE)?;
    // Below topOfKernelData, since m1n1 draws through its map of memSize.
    // m1n1 does not start without a framebuffer.
    let screen = options.screen.unwrap_or(DEFAULT_SCREEN);
    let framebuffer = Framebuffer::new(screen, next)?;
    let size = framebuffer.size();
    reserved.push(Region { what: "framebuffer", range: Range { base: next, size } });
    next = add(next, size)?;
    let ramdisk_at = match inputs.ramdisk {
        Some(size) => {
            let at = align_up(next, 0x1_0000)?;
            put("ramdisk", Source::Ramdisk(Range { base: 0, size }), at, align_up(size, PAGE)?);
            next = align_up(add(at, size)?, PAGE)?;
            Some(Range { base: at, size })
        }
        None => None,
    };
    let tree_at = next;
    let mut fill = Fill { dram, cpus: options.cpus.max(1), seed: options.seed, ..Fill::default() };
    if let Some(ramdisk) = ramdisk_at {
        fill.memory_map.push(("RAMDisk".into(), ramdisk));
    }
    let mut tree = source.clone();
    let changes = fill.minimal(&mut tree)?;
    let tree_bytes = tree.to_bytes();
    let tree_size = tree_bytes.len() as u64;
    put("device tree", Source::Bytes(tree_bytes), tree_at, align_up(tree_size, PAGE)?);
    let args_at = align_up(add(tree_at, tree_size)?, PAGE)?;
    let top = align_up(add(args_at, BOOT_ARGS_SIZE)?, 0x1_0000)?;
    if add(top, FREE)? > dram.end() {
        return Err(Error::Memory {
            memory: dram.size,
            needed: top.saturating_add(FREE).saturating_sub(dram.base),
            what: "the image, its data and a heap",
        });
    }
    let iboot = tree.property("/chosen", "firmware-version").and_then(|p| p.str()).and_then(iboot_version);
    let line_length = options.line_length.unwrap_or(match iboot {
        Some(version) if version < IBOOT_OF_IOS13 => 256,
        _ => 608,
    });
    let args = BootArgs {
        // m1n1 tells the layouts apart by this number.
        revision: match line_length {
            256 => 1,
            608 => 2,
            _ => 3,
        },
        version: 2,
        virt_base: VIRT_BASE,
        phys_base: dram.base,
        mem_size: dram.size,
        top_of_kernel_data: top,
        video: framebuffer.video(screen.graphics),
        machine_type: 0,
        device_tree: va(tree_at),
        device_tree_length: u32::try_from(tree_size).unwrap_or(u32::MAX),
        command_line: options.command_line.clone(),
        boot_flags: 0,
        mem_size_actual: dram.size,
        line_length,
    };
    put("boot_args", Source::Bytes(args.to_bytes()?), args_at, BOOT_ARGS_SIZE);
    let entry = add(base, entry)?;
    Ok(Plan {
        kind: "raw image",
        kernel: "raw image, Apple's boot protocol".into(),
        train: None,
        soc: options.soc.or_else(|| crate::Soc::of_tree(&tree)),
        dram,
        phys_base: dram.base,
        virt_base: VIRT_BASE,
        mem_size: dram.size,
        slide: 0,
        top_of_kernel_data: top,
        entry,
        x0: args_at,
        reset_vector: entry & !0xfff,
        loads,
        read_only: None,
        reserved,
        framebuffer: Some(framebuffer),
        boot_args: Some(args),
        command_line: options.command_line.clone(),
        cpus: options.cpus.max(1),
        timebase: TIMEBASE,
        device_tree: Some(tree),
        changes,
        warnings: Vec::new(),
    })
}

/// 4513 of `iBoot-4513.230.10`.
fn iboot_version(text: &str) -> Option<u32> {
    text.strip_prefix("iBoot-")?.split('.').next()?.parse().ok()
}
