//! The plan for XNU: static kernelcaches and filesets, by the rules of each train.
//!
//! ```text
//! physBase   ...                      free: the kernel gives it to its VM
//!            device tree, trust cache (a locked tree: filesets on chips with KTRR)
//!            trust cache              ends where the lowest segment begins
//!            segments                 at vmaddr - virtBase + physBase
//!            ramdisk                  64 KiB-aligned
//!            device tree              unless above
//!            boot_args                one page
//! topOfKernelData                     up to iOS 13 the kernel's first page tables are written here
//!            ...                      free
//! physBase + memSize
//!            sleep token, panic log, framebuffer: RAM that is not the kernel's
//! ```

use super::{BLOCK, BOOT_ARGS_SIZE, Framebuffer, Inputs, Load, Options, PAGE, Plan, Range, Region, Source};
use super::{add, align_down, align_up, dram};
use crate::boot_args::{BootArgs, Video};
use crate::fill::Fill;
use crate::soc::Soc;
use crate::train::Train;
use crate::virtual_tree::virtual_tree;
use crate::{Error, Result, TIMEBASE, wrap_trust_cache};
use apple_dt::{Change, Tree};
use apple_kc::{KernelCache, Layout};

/// RAM for the panic log, as large as devices have it.
const PANIC_LOG: u64 = 0x8_0000;
/// RAM for the token by which older kernels tell the boot loader of a sleep.
const SLEEP_TOKEN: u64 = PAGE;
/// What must be free above topOfKernelData: first page tables, and something to start with.
const FREE: u64 = 16 << 20;
/// Alignment of ramdisk and topOfKernelData.
const WIDE: u64 = 0x1_0000;

/// Places that depend on nothing but sizes.
struct Layer {
    virt_base: u64,
    trust_cache: u64,
    tree: u64,
    ramdisk: Option<u64>,
    args: u64,
    top: u64,
}

struct Job<'a> {
    kernel: &'a KernelCache,
    inputs: &'a Inputs<'a>,
    options: &'a Options,
    train: Option<Train>,
    soc: Option<Soc>,
    dram: Range,
    trust_cache: Vec<u8>,
    panic_log: Range,
    sleep_token: Option<Range>,
    framebuffer: Option<Framebuffer>,
    mem_size: u64,
    command_line: String,
}

pub(super) fn plan(kernel: &KernelCache, inputs: &Inputs<'_>, options: &Options) -> Result<Plan> {
    let train = options.train.or_else(|| kernel.version.as_ref().and_then(Train::of));
    let named = kernel.version.as_ref().and_then(|v| Soc::by_name(v.soc.as_deref()?));
    let soc = options.soc.or(named).or_else(|| inputs.device_tree.and_then(Soc::of_tree));
    let own;
    let source = match inputs.device_tree {
        Some(tree) => tree,
        None if soc.is_some_and(Soc::is_virtual) => {
            own = virtual_tree(options.cpus)?;
            &own
        }
        None => {
            return Err(Error::Missing {
                input: "device tree",
                why: "XNU finds its devices in one; it is Firmware/all_flash/DeviceTree.*.im4p of the IPSW"
                    .into(),
            });
        }
    };
    supported(kernel, train, soc, options)?;
    let entry_va = kernel.entry.ok_or(Error::Input {
        input: "kernel",
        why: "it has no LC_UNIXTHREAD, which says where to enter it".into(),
    })?;
    let mut warnings = Vec::new();
    if train.is_none() {
        warnings.push("the kernel has no version string: rules that suit every train are used".to_string());
    }
    let job = Job::new(kernel, inputs, options, train, soc, &mut warnings)?;
    // The tree's size must be known to place it, and its content depends on the place. Addresses are always eight
    // bytes, so a tree filled with none has the final size.
    let (draft, _) = job.tree(source, &[])?;
    let tree_size = draft.to_bytes().len() as u64;
    let layer = job.place(tree_size)?;
    let map = job.memory_map(&layer, tree_size)?;
    let (tree, changes) = job.tree(source, &map)?;
    let tree_bytes = tree.to_bytes();
    let length = tree_bytes.len() as u64;
    if length != tree_size {
        return Err(Error::Rule {
            rule: "the device tree's size is known before its content",
            why: format!("{length:#x} bytes rather than {tree_size:#x}"),
        });
    }
    let args = job.boot_args(&layer, length)?;
    let loads = job.loads(&layer, tree_bytes, &args)?;
    let pa = |va: u64| va.wrapping_sub(layer.virt_base).wrapping_add(job.dram.base);
    let entry = pa(add(entry_va, options.slide)?);
    let locked_from =
        layer.trust_cache.min(if layer.tree < layer.trust_cache { layer.tree } else { u64::MAX });
    let read_only = kernel.read_only_end.and_then(|end| {
        let size = pa(end.checked_add(options.slide)?).checked_sub(locked_from)?;
        (size <= job.dram.size).then_some(Range { base: locked_from, size })
    });
    let mut reserved = vec![Region { what: "panic log", range: job.panic_log }];
    reserved.extend(job.sleep_token.map(|range| Region { what: "sleep token", range }));
    if let Some(f) = job.framebuffer {
        reserved.push(Region { what: "framebuffer", range: Range { base: f.base, size: f.size() } });
    }
    Ok(Plan {
        kind: "XNU",
        kernel: describe(kernel),
        train,
        soc,
        dram: job.dram,
        phys_base: job.dram.base,
        virt_base: layer.virt_base,
        mem_size: job.mem_size,
        slide: options.slide,
        top_of_kernel_data: layer.top,
        entry,
        x0: layer.args,
        reset_vector: entry & !0xfff,
        loads,
        read_only,
        reserved,
        framebuffer: job.framebuffer,
        boot_args: Some(args),
        command_line: job.command_line,
        cpus: options.cpus.max(1),
        timebase: TIMEBASE,
        device_tree: Some(tree),
        changes,
        warnings,
    })
}

fn describe(kernel: &KernelCache) -> String {
    let version = kernel.version.as_ref().map_or("no version string", |v| v.text.as_str());
    format!("{version}; {}, {}", kernel.layout.name(), kernel.arch.name())
}

fn supported(kernel: &KernelCache, train: Option<Train>, soc: Option<Soc>, options: &Options) -> Result<()> {
    if kernel.truncated {
        return Err(Error::Input {
            input: "kernel",
            why: "the file is shorter than its segments say: it was cut, or not unwrapped to its end".into(),
        });
    }
    let monitor = soc.is_some_and(|s| s.generation >= 15) && train.is_some_and(|t| t >= Train::IOS17);
    if monitor && !options.force {
        return Err(Error::Unsupported(format!(
            "kernels of {} for {} are started by a secure page table monitor (SPTM), which this does not emulate: use \
             an iOS 16 or older kernel, or one for an older chip",
            train.map_or("iOS 17".into(), |t| t.to_string()),
            soc.map_or("A15", |s| s.market)
        )));
    }
    if options.slide == 0 {
        return Ok(());
    }
    let why = if !options.slide.is_multiple_of(BLOCK) {
        "not a multiple of 32 MiB, the blocks of the kernel's first page tables"
    } else if kernel.layout != Layout::Fileset {
        "a static kernel has to be relocated by its loader to be slid, which is not done: boot it with slide 0, where \
         its addresses are those of its file"
    } else {
        return Ok(());
    };
    Err(Error::Option { option: "slide", why: why.into() })
}

impl<'a> Job<'a> {
    fn new(
        kernel: &'a KernelCache,
        inputs: &'a Inputs<'a>,
        options: &'a Options,
        train: Option<Train>,
        soc: Option<Soc>,
        warnings: &mut Vec<String>,
    ) -> Result<Job<'a>> {
        let dram = dram(options, soc, soc.map_or(2 << 30, |s| s.memory))?;
        // Carve-outs lie above memSize, or the kernel would take them for free memory.
        let mut end = dram.end();
        let mut framebuffer = None;
        if let Some(screen) = options.screen {
            let size = Framebuffer::new(screen, 0)?.size();
            end = align_down(end.saturating_sub(size), PAGE);
            framebuffer = Some(Framebuffer::new(screen, end)?);
        }
        end = end.saturating_sub(PANIC_LOG);
        let panic_log = Range { base: end, size: PANIC_LOG };
        let has_stram = inputs.device_tree.is_some_and(|t| t.node("/stram").is_some());
        let mut sleep_token = None;
        if has_stram || soc.is_some_and(Soc::has_sleep_token) {
            end = end.saturating_sub(SLEEP_TOKEN);
            sleep_token = Some(Range { base: end, size: SLEEP_TOKEN });
        }
        if end <= dram.base {
            return Err(Error::Memory {
                memory: dram.size,
                needed: dram.end().saturating_sub(end),
                what: "framebuffer and panic log alone",
            });
        }
        let mut command_line = options.command_line.clone();
        if train.is_some_and(|t| t >= Train::IOS16 && t < Train::IOS17)
            && !soc.is_some_and(Soc::is_virtual)
            && !command_line.contains("use-legacy-uart")
        {
            command_line = format!("{command_line} use-legacy-uart=1").trim_start().to_string();
            warnings.push("added use-legacy-uart=1: kernels of iOS 16 do not use the UART without it".into());
        }
        Ok(Job {
            kernel,
            inputs,
            options,
            train,
            soc,
            dram,
            trust_cache: wrap_trust_cache(inputs.trust_cache)?,
            panic_log,
            sleep_token,
            framebuffer,
            mem_size: end.saturating_sub(dram.base),
            command_line,
        })
    }

    /// The tree as handed over, with these entries in its memory map (or with placeholders of the same size).
    fn tree(&self, source: &Tree, map: &[(String, Range)]) -> Result<(Tree, Vec<Change>)> {
        let mut tree = source.clone();
        let names = self.names();
        let fill = Fill {
            dram: self.dram,
            cpus: self.options.cpus.max(1),
            seed: self.options.seed,
            train: self.train,
            soc: self.soc,
            memory_map: names
                .into_iter()
                .map(|name| {
                    let range = map.iter().find(|(n, _)| *n == name).map(|(_, r)| *r).unwrap_or_default();
                    (name, range)
                })
                .collect(),
            panic_log: Some(self.panic_log),
            sleep_token: self.sleep_token,
            framebuffer: self.framebuffer.map(|f| Range { base: f.base, size: f.size() }),
        };
        let mut changes =
            if self.options.no_fill { fill.minimal(&mut tree)? } else { fill.apply(&mut tree)? };
        for edit in &self.options.edits {
            changes.extend(edit.apply(&mut tree)?);
        }
        Ok((tree, changes))
    }

    /// Names of the memory map's entries. `Kernel-` and a segment's name can be longer than a property's name.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for s in self.kernel.loaded() {
            let name = format!("Kernel-{}", s.name);
            if name.len() <= apple_dt::Name::MAX && !names.contains(&name) {
                names.push(name);
            }
        }
        names.extend(["BootArgs", "DeviceTree", "TrustCache"].map(String::from));
        if self.inputs.ramdisk.is_some() {
            names.push("RAMDisk".into());
        }
        names
    }

    fn memory_map(&self, layer: &Layer, tree_size: u64) -> Result<Vec<(String, Range)>> {
        let mut map = Vec::new();
        for s in self.kernel.loaded() {
            let base = self.pa(layer, s.vmaddr)?;
            map.push((format!("Kernel-{}", s.name), Range { base, size: s.vmsize }));
        }
        map.push(("BootArgs".into(), Range { base: layer.args, size: BOOT_ARGS_SIZE }));
        map.push(("DeviceTree".into(), Range { base: layer.tree, size: tree_size }));
        let size = self.trust_cache.len() as u64;
        map.push(("TrustCache".into(), Range { base: layer.trust_cache, size }));
        if let (Some(base), Some(size)) = (layer.ramdisk, self.inputs.ramdisk) {
            // The kernel counts in 4 KiB and drops what is left over.
            map.push(("RAMDisk".into(), Range { base, size: align_up(size, 0x1000)? }));
        }
        Ok(map)
    }

    /// Physical address of an address in the file.
    fn pa(&self, layer: &Layer, vmaddr: u64) -> Result<u64> {
        let offset = add(vmaddr, self.options.slide)?.checked_sub(layer.virt_base);
        add(offset.unwrap_or(0), self.dram.base)
    }

    /// Whether tree and trust cache are locked together below the kernel: filesets (iOS 14 on) on chips that can lock
    /// (`osfmk/arm64/arm_vm_init.c` of xnu-7195). Elsewhere memory below the trust cache is freed.
    fn locked_tree(&self) -> bool {
        self.kernel.layout == Layout::Fileset
            && self.soc.is_some_and(Soc::has_ktrr)
            && self.train.is_none_or(|t| t >= Train::IOS14)
    }

    fn place(&self, tree_size: u64) -> Result<Layer> {
        let slide = self.options.slide;
        let lowest = add(self.kernel.lowest_vmaddr(), slide)?;
        let header = add(self.kernel.header_vmaddr(), slide)?;
        let cache_size = align_up(self.trust_cache.len() as u64, PAGE)?;
        let tree_pages = align_up(tree_size, PAGE)?;
        let below = align_down(lowest, PAGE);
        // The bootstrap map begins at the header's block; the tree is read under it.
        let block = self.soc.map_or(BLOCK, Soc::block);
        let room = below.saturating_sub(align_down(header, block));
        let locked = self.locked_tree() && room >= add(cache_size, tree_pages)?;
        let wanted = if locked { add(cache_size, tree_pages)? } else { cache_size };
        let first = below.checked_sub(wanted).ok_or(Error::Rule {
            rule: "the trust cache lies below the lowest segment",
            why: format!("the lowest segment is at {lowest:#x}, which leaves no room below it"),
        })?;
        let virt_base = align_down(first, BLOCK);
        let pa = |va: u64| add(va.saturating_sub(virt_base), self.dram.base);
        let mut next = align_up(pa(add(self.kernel.highest_vmaddr(), slide)?)?, PAGE)?;
        let trust_cache = pa(below.saturating_sub(cache_size))?;
        let ramdisk = match self.inputs.ramdisk {
            Some(size) => {
                let at = align_up(next, WIDE)?;
                next = align_up(add(at, size)?, PAGE)?;
                Some(at)
            }
            None => None,
        };
        let tree = if locked {
            trust_cache.saturating_sub(tree_pages)
        } else {
            let at = next;
            next = add(at, tree_pages)?;
            at
        };
        let args = next;
        let top = align_up(add(args, BOOT_ARGS_SIZE)?, WIDE)?;
        if add(top, FREE)?.saturating_sub(self.dram.base) > self.mem_size {
            return Err(Error::Memory {
                memory: self.dram.size,
                needed: top
                    .saturating_add(FREE)
                    .saturating_sub(self.dram.base)
                    .saturating_add(self.dram.size.saturating_sub(self.mem_size)),
                what: "kernel, ramdisk and what the kernel starts with",
            });
        }
        Ok(Layer { virt_base, trust_cache, tree, ramdisk, args, top })
    }

    fn boot_args(&self, layer: &Layer, tree_size: u64) -> Result<BootArgs> {
        let by_train = self.train.map_or(256, Train::line_length);
        let longest = self.options.line_length.unwrap_or(by_train);
        // A short line with zeros behind it reads the same under every layout; only a longer one has to choose.
        if self.command_line.len() >= longest {
            return Err(Error::CommandLine {
                length: self.command_line.len(),
                limit: longest.saturating_sub(1),
            });
        }
        let args = BootArgs {
            revision: if longest == 1024 { 3 } else { 2 },
            version: 2,
            virt_base: layer.virt_base,
            phys_base: self.dram.base,
            mem_size: self.mem_size,
            top_of_kernel_data: layer.top,
            video: self
                .framebuffer
                .map_or(Video::default(), |f| f.video(self.options.screen.is_some_and(|s| s.graphics))),
            machine_type: 0,
            device_tree: layer.tree.wrapping_sub(self.dram.base).wrapping_add(layer.virt_base),
            device_tree_length: u32::try_from(tree_size).unwrap_or(u32::MAX),
            command_line: self.command_line.clone(),
            boot_flags: 0,
            mem_size_actual: 0,
            line_length: longest,
        };
        Ok(args)
    }

    fn loads(&self, layer: &Layer, tree: Vec<u8>, args: &BootArgs) -> Result<Vec<Load>> {
        let va = |pa: u64| pa.wrapping_sub(self.dram.base).wrapping_add(layer.virt_base);
        let piece = |what: &str, source: Source, pa: u64, size: u64| Load {
            what: what.into(),
            source,
            pa,
            va: va(pa),
            size,
            protection: String::new(),
        };
        let mut loads = Vec::new();
        for s in self.kernel.loaded() {
            let source = match s.filesize.min(s.vmsize) {
                0 => Source::Zero,
                size => Source::Kernel(Range { base: s.fileoff, size }),
            };
            let mut load = piece(&s.name, source, self.pa(layer, s.vmaddr)?, s.vmsize);
            load.protection = s.protection();
            loads.push(load);
        }
        let cache_size = align_up(self.trust_cache.len() as u64, PAGE)?;
        loads.push(piece(
            "trust cache",
            Source::Bytes(self.trust_cache.clone()),
            layer.trust_cache,
            cache_size,
        ));
        if let (Some(at), Some(size)) = (layer.ramdisk, self.inputs.ramdisk) {
            loads.push(piece("ramdisk", Source::Ramdisk(Range { base: 0, size }), at, align_up(size, PAGE)?));
        }
        let tree_pages = align_up(tree.len() as u64, PAGE)?;
        loads.push(piece("device tree", Source::Bytes(tree), layer.tree, tree_pages));
        loads.push(piece("boot_args", Source::Bytes(args.to_bytes()?), layer.args, BOOT_ARGS_SIZE));
        Ok(loads)
    }
}
