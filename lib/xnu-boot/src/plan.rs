//! The plan of a boot: what goes where, computed before anything is mapped.
//!
//! [`Plan::new`] takes every decision: addresses, `boot_args`, the device tree's content, what the first instruction
//! is. Who carries it out makes RAM at [`Plan::dram`], does every [`Load`], sets pc and x0, and starts.

mod check;
mod linux;
mod print;
mod raw;
mod xnu;

use crate::boot_args::{BootArgs, Video};
use crate::soc::Soc;
use crate::train::Train;
use crate::{Error, Result};
use apple_dt::{Change, Tree};
use apple_kc::KernelCache;
use serde::Serializer;

pub use linux::LinuxImage;

/// Bytes that `boot_args` gets: one page, so that whatever a kernel reads behind the structure is zero.
pub const BOOT_ARGS_SIZE: u64 = 0x4000;
/// A guest page, the unit of placement.
const PAGE: u64 = 0x4000;
/// What physical and virtual base must agree in: the bootstrap map's blocks with 16 KiB pages.
const BLOCK: u64 = 32 << 20;
/// Where DRAM begins on A-series chips.
const DRAM_BASE: u64 = 0x8_0000_0000;

/// Where it begins in Apple's virtual machines.
const VIRTUAL_DRAM_BASE: u64 = 0x7000_0000;

/// A kernel, as far as its way of being started goes.
#[derive(Debug, Clone)]
pub enum Kernel {
    /// XNU: a Mach-O kernel or kernelcache. File offsets in the plan are offsets in the arm64 Mach-O itself.
    Xnu(Box<KernelCache>),
    /// A raw image that speaks Apple's protocol (m1n1): `boot_args` in x0, an Apple device tree.
    Raw {
        /// Bytes of the image.
        size: u64,
        /// Offset of the first instruction.
        entry: u64,
    },
    /// An arm64 Linux `Image`, or what has its header: flattened device tree in x0.
    Linux(LinuxImage),
}

/// m1n1's raw image has its first instruction here.
const M1N1_ENTRY: u64 = 0x800;
/// The version marker that m1n1's own tools look for.
const M1N1_MARK: &[u8] = b"##m1n1_ver##";

impl Kernel {
    /// Recognises an unwrapped kernel by its content. Raw images other than m1n1 have nothing to be known by: see
    /// [`Kernel::raw`].
    ///
    /// # Errors
    /// A damaged or unknown kernel.
    pub fn recognise(bytes: &[u8]) -> Result<Kernel> {
        if let Some(image) = LinuxImage::parse(bytes) {
            return Ok(Kernel::Linux(image));
        }
        match KernelCache::parse(bytes) {
            Err(apple_kc::Error::NotMachO(_)) if bytes.windows(M1N1_MARK.len()).any(|w| w == M1N1_MARK) => {
                Kernel::raw(bytes.len() as u64, None)
            }
            Err(apple_kc::Error::NotMachO(head)) => Err(Error::Input {
                input: "kernel",
                why: format!(
                    "neither a Mach-O, nor a Linux image, nor m1n1 (it starts {}): unwrap it with kc-decompress, or \
                     say that it is a raw image by its entry offset",
                    head.escape_ascii()
                ),
            }),
            other => Ok(Kernel::Xnu(Box::new(other?))),
        }
    }

    /// A raw image of `size` bytes with its first instruction at `entry` (m1n1's 0x800 if not given).
    ///
    /// # Errors
    /// An entry outside the image or not on an instruction.
    pub fn raw(size: u64, entry: Option<u64>) -> Result<Kernel> {
        let entry = entry.unwrap_or(M1N1_ENTRY);
        if entry >= size || !entry.is_multiple_of(4) {
            return Err(Error::Input {
                input: "kernel",
                why: format!("entry offset {entry:#x} is no instruction of an image of {size:#x} bytes"),
            });
        }
        Ok(Kernel::Raw { size, entry })
    }

    /// A word for listings.
    pub fn kind(&self) -> &'static str {
        match self {
            Kernel::Xnu(_) => "XNU",
            Kernel::Raw { .. } => "raw image",
            Kernel::Linux(_) => "Linux image",
        }
    }
}

/// What is to be booted. All pieces are unwrapped (`apple-wrap`).
#[derive(Debug, Clone)]
pub struct Inputs<'a> {
    /// The kernel.
    pub kernel: Kernel,
    /// Apple's device tree, for XNU and raw images.
    pub device_tree: Option<&'a Tree>,
    /// Bytes of the ramdisk (for Linux: of the initrd).
    pub ramdisk: Option<u64>,
    /// The static trust cache: a bare module as IPSWs hold it, or a whole one.
    pub trust_cache: Option<&'a [u8]>,
    /// The flattened device tree, for Linux: its bytes are the machine's to make, as they are patched with addresses
    /// that only it knows. The plan says where they go.
    pub flat_tree: Option<&'a [u8]>,
}

impl Inputs<'_> {
    /// A kernel alone.
    pub fn new(kernel: Kernel) -> Inputs<'static> {
        Inputs { kernel, device_tree: None, ramdisk: None, trust_cache: None, flat_tree: None }
    }
}

/// A screen wanted through `boot_args` Video: 32 bits a pixel, XRGB8888.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Show the boot logo rather than text (`v_display` 1).
    pub graphics: bool,
}

/// What the user may choose. The default boots without a screen and takes everything else from kernel and tree.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bytes of DRAM, framebuffer and panic log included. By default what the chip's devices have.
    pub memory: Option<u64>,
    /// Physical address of DRAM, a multiple of 32 MiB; by default 0x800000000, for VMAPPLE 0x70000000.
    pub memory_base: Option<u64>,
    /// Boot arguments, complete.
    pub command_line: String,
    /// KASLR slide: a multiple of 32 MiB. Only filesets can be slid by a loader that changes nothing in them.
    pub slide: u64,
    /// CPUs of the machine; 0 means 1.
    pub cpus: u32,
    /// A framebuffer.
    pub screen: Option<Screen>,
    /// Seed of everything random that the kernel is given. Equal seeds give equal boots.
    pub seed: u64,
    /// The train, if the kernel's own word is not to be taken.
    pub train: Option<Train>,
    /// The chip, likewise.
    pub soc: Option<Soc>,
    /// Bytes of the command line field, one of [`crate::LINE_LENGTHS`], likewise.
    pub line_length: Option<usize>,
    /// Leave the device tree's content alone but for memory-map addresses.
    pub no_fill: bool,
    /// Turn broken rules into warnings.
    pub force: bool,
    /// Edits of the device tree after everything was filled in: the user's last word. For XNU only.
    pub edits: Vec<apple_dt::Edit>,
}

/// Addresses from `base` up to `base + size`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Range {
    /// The first address.
    #[serde(serialize_with = "hex")]
    pub base: u64,
    /// Bytes.
    #[serde(serialize_with = "hex")]
    pub size: u64,
}

impl Range {
    /// The first address after it (saturating).
    pub fn end(self) -> u64 {
        self.base.saturating_add(self.size)
    }

    /// Whether the address is in it.
    pub fn contains(self, address: u64) -> bool {
        address >= self.base && address < self.end()
    }

    /// Whether the two share an address.
    pub fn overlaps(self, other: Range) -> bool {
        self.size > 0 && other.size > 0 && self.base < other.end() && other.base < self.end()
    }
}

/// Where a load's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A range of the unwrapped kernel (of the arm64 Mach-O, if it came in a fat file).
    Kernel(Range),
    /// A range of the unwrapped ramdisk.
    Ramdisk(Range),
    /// These bytes.
    Bytes(#[serde(serialize_with = "length")] Vec<u8>),
    /// Nothing: memory that must be zero.
    Zero,
}

impl Source {
    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match self {
            Source::Kernel(r) | Source::Ramdisk(r) => r.size,
            Source::Bytes(b) => b.len() as u64,
            Source::Zero => 0,
        }
    }
}

/// One thing to put into memory: the source's bytes at `pa`, zeros after them up to `size`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// What it is: a segment's name, `ramdisk`, `device tree`, `trust cache`, `boot_args`, …
    pub what: String,
    /// The bytes.
    pub source: Source,
    /// Physical address, a multiple of 4 KiB or better for everything but odd segments.
    #[serde(serialize_with = "hex")]
    pub pa: u64,
    /// Virtual address under the kernel's bootstrap map; for others than XNU equal to or unlike `pa` as its
    /// `boot_args` say.
    #[serde(serialize_with = "hex")]
    pub va: u64,
    /// Bytes of memory, at least those of the source.
    #[serde(serialize_with = "hex")]
    pub size: u64,
    /// Protection that the file asks for, as `r-x`; empty for what has none.
    pub protection: String,
}

impl Load {
    /// Where it lies.
    pub fn range(&self) -> Range {
        Range { base: self.pa, size: self.size }
    }
}

/// RAM kept for something that nothing is loaded into.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Region {
    /// What for: `framebuffer`, `panic log`.
    pub what: &'static str,
    /// Where.
    pub range: Range,
}

/// The framebuffer: 32 bits a pixel, XRGB8888 little-endian (bytes B, G, R, X).
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Framebuffer {
    /// Physical address.
    #[serde(serialize_with = "hex")]
    pub base: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Bytes from one row to the next.
    pub stride: u32,
}

/// The most pixels' bytes: 256 MiB, four times the largest device screen.
const MAX_FRAMEBUFFER: u64 = 256 << 20;

impl Framebuffer {
    fn new(screen: Screen, base: u64) -> Result<Framebuffer> {
        let stride = screen.width.checked_mul(4);
        let bytes = stride.map(|s| u64::from(s).saturating_mul(screen.height.into()));
        match (stride, bytes) {
            (Some(stride), Some(bytes)) if bytes > 0 && bytes <= MAX_FRAMEBUFFER => {
                Ok(Framebuffer { base, width: screen.width, height: screen.height, stride })
            }
            _ => Err(Error::Option {
                option: "screen",
                why: format!("{}x{} pixels are none, or more than 256 MiB", screen.width, screen.height),
            }),
        }
    }

    /// Bytes of RAM for it, whole pages.
    pub fn size(&self) -> u64 {
        align_down(u64::from(self.stride).saturating_mul(self.height.into()).saturating_add(PAGE - 1), PAGE)
    }

    fn video(&self, graphics: bool) -> Video {
        Video {
            base: self.base,
            display: graphics.into(),
            row_bytes: self.stride.into(),
            width: self.width.into(),
            height: self.height.into(),
            depth: 32,
        }
    }
}

/// A boot, decided.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Plan {
    /// `XNU`, `raw image` or `Linux image`.
    pub kind: &'static str,
    /// The kernel's word on itself: its version string, layout and instruction set.
    pub kernel: String,
    /// Release train, if known.
    pub train: Option<Train>,
    /// Chip, if known.
    pub soc: Option<Soc>,
    /// All RAM that the machine must have.
    pub dram: Range,
    /// `boot_args` physBase: what `virt_base` maps.
    #[serde(serialize_with = "hex")]
    pub phys_base: u64,
    /// `boot_args` virtBase.
    #[serde(serialize_with = "hex")]
    pub virt_base: u64,
    /// `boot_args` memSize: bytes that the kernel may use, from `phys_base`.
    #[serde(serialize_with = "hex")]
    pub mem_size: u64,
    /// KASLR slide.
    #[serde(serialize_with = "hex")]
    pub slide: u64,
    /// First free physical address after everything loaded.
    #[serde(serialize_with = "hex")]
    pub top_of_kernel_data: u64,
    /// Physical address of the first instruction.
    #[serde(serialize_with = "hex")]
    pub entry: u64,
    /// x0 at the first instruction: physical address of `boot_args`, or of the flattened tree.
    #[serde(serialize_with = "hex")]
    pub x0: u64,
    /// Physical address at which every CPU comes out of reset (RVBAR): the entry's 4 KiB page.
    #[serde(serialize_with = "hex")]
    pub reset_vector: u64,
    /// What to put into memory, by ascending physical address. Nothing overlaps but segments that do so in the file;
    /// later ones win.
    pub loads: Vec<Load>,
    /// What the kernel will lock (KTRR, CTRR), as the boot loader tells the memory controller: from trust cache or locked
    /// tree to the end of `__LAST`; none for kernels without that segment.
    pub read_only: Option<Range>,
    /// RAM that is not the kernel's.
    pub reserved: Vec<Region>,
    /// The framebuffer, if one was wanted.
    pub framebuffer: Option<Framebuffer>,
    /// `boot_args` as loaded; none for Linux.
    pub boot_args: Option<BootArgs>,
    /// The boot arguments, whatever carries them.
    pub command_line: String,
    /// CPUs of the machine.
    pub cpus: u32,
    /// Ticks a second of the counter: CNTFRQ, and what the tree says.
    pub timebase: u64,
    /// Apple's device tree as loaded: where devices are is read from it.
    #[serde(skip)]
    pub device_tree: Option<Tree>,
    /// What was changed in the device tree, and why.
    #[serde(serialize_with = "lines")]
    pub changes: Vec<Change>,
    /// What is odd but may work.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Plans a boot.
    ///
    /// # Errors
    /// Whatever would make the boot fail, with what to do about it.
    pub fn new(inputs: &Inputs<'_>, options: &Options) -> Result<Plan> {
        let mut plan = match &inputs.kernel {
            Kernel::Xnu(kernel) => xnu::plan(kernel, inputs, options)?,
            Kernel::Raw { size, entry } => raw::plan(*size, *entry, inputs, options)?,
            Kernel::Linux(image) => linux::plan(image, inputs, options)?,
        };
        plan.loads.sort_by_key(|l| l.pa);
        check::check(&mut plan, inputs, options)?;
        Ok(plan)
    }

    /// The load of this name.
    pub fn load(&self, what: &str) -> Option<&Load> {
        self.loads.iter().find(|l| l.what == what)
    }

    /// The physical address of a virtual one under the bootstrap map.
    pub fn pa(&self, va: u64) -> u64 {
        va.wrapping_sub(self.virt_base).wrapping_add(self.phys_base)
    }

    /// The virtual address of a physical one under the bootstrap map.
    pub fn va(&self, pa: u64) -> u64 {
        pa.wrapping_sub(self.phys_base).wrapping_add(self.virt_base)
    }
}

/// Rounds up to a power of two, or says that there is no such address.
fn align_up(n: u64, to: u64) -> Result<u64> {
    n.checked_next_multiple_of(to)
        .ok_or(Error::Rule { rule: "addresses are below 2^64", why: format!("{n:#x} cannot be rounded up") })
}

fn align_down(n: u64, to: u64) -> u64 {
    n & !(to.wrapping_sub(1))
}

/// A sum of addresses and sizes, some of which come from files.
fn add(a: u64, b: u64) -> Result<u64> {
    a.checked_add(b).ok_or(Error::Rule {
        rule: "addresses are below 2^64",
        why: format!("{a:#x} + {b:#x} is beyond: a size in an input is wrong"),
    })
}

/// DRAM as the options say, checked for what every plan needs of it.
fn dram(options: &Options, soc: Option<Soc>, default: u64) -> Result<Range> {
    let usual = if soc.is_some_and(Soc::is_virtual) { VIRTUAL_DRAM_BASE } else { DRAM_BASE };
    let base = options.memory_base.unwrap_or(usual);
    if !base.is_multiple_of(BLOCK) {
        return Err(Error::Option {
            option: "memory base",
            why: format!("{base:#x} is no multiple of 32 MiB, which the kernel's first page tables need"),
        });
    }
    let size = align_down(options.memory.unwrap_or(default), PAGE);
    if size == 0 || base.checked_add(size).is_none_or(|end| end > 1 << 48) {
        return Err(Error::Option {
            option: "memory",
            why: format!("{size:#x} bytes at {base:#x} do not lie in a physical address space of 48 bits"),
        });
    }
    Ok(Range { base, size })
}

fn hex<S: Serializer>(n: &u64, s: S) -> std::result::Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{n:#x}"))
}

fn length<S: Serializer>(bytes: &[u8], s: S) -> std::result::Result<S::Ok, S::Error> {
    s.collect_str(&format_args!("{:#x}", bytes.len()))
}

fn lines<S: Serializer>(changes: &[Change], s: S) -> std::result::Result<S::Ok, S::Error> {
    s.collect_seq(changes.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests;
