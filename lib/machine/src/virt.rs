//! The machine `virt`: QEMU's memory map, so that guests made for it run.
//!
//! GICv2 or GICv3, PL011, PL031, fw_cfg, two flash banks, 32 virtio-mmio slots, PSCI; described by a flattened
//! device tree that this module makes (or that the user gives and it completes). Source of the map: QEMU's
//! hw/arm/virt.c and the trees it dumps. No PCIe, no ITS, no secure world.

mod tree;

use std::sync::Arc;

use bootimg::tree::Node;
use cpu::SystemRegisterHook;
use cpu::sys::timer;
use devices::flash::Flash;
use devices::fw_cfg::{self, FwCfg};
use devices::gic::CpuLines;
use devices::gicv2::{self, Gicv2};
use devices::gicv3::{self, Gicv3};
use devices::pl011::Pl011;
use devices::pl031::Pl031;
use devices::serial::Outbox;
use devices::virtio::blk::Blk;
use devices::virtio::console::Console;
use devices::virtio::rng::Rng;
use devices::virtio::{self, VirtioMmio};
use mem::{FIQ, IRQ, Line, Lines, Memory, Region};
use xnu_boot::{Inputs, Kernel, Plan};

use crate::Error;
use crate::board::{Board, Builder, Config, Entry, Socket, TIMERS};
use crate::firmware::Family;
use crate::media::{self, Media, Parts};
use crate::wires::IccRegisters;

/// First flash bank: firmware.
pub const FLASH: u64 = 0x0000_0000;
/// Bytes of each bank; the second follows the first.
pub const FLASH_LEN: u64 = 64 << 20;
/// GIC distributor.
pub const GICD: u64 = 0x0800_0000;
/// GICv2 CPU interface.
pub const GICC: u64 = 0x0801_0000;
/// GICv3 redistributors.
pub const GICR: u64 = 0x080a_0000;
/// PL011.
pub const UART: u64 = 0x0900_0000;
/// PL031.
pub const RTC: u64 = 0x0901_0000;
/// fw_cfg.
pub const FW_CFG: u64 = 0x0902_0000;
/// First of 32 virtio-mmio slots.
pub const VIRTIO: u64 = 0x0a00_0000;
/// Slots.
pub const VIRTIO_SLOTS: u32 = 32;
/// RAM.
pub const RAM: u64 = 0x4000_0000;

/// Shared interrupts (number less 32).
const UART_SPI: u32 = 1;
const RTC_SPI: u32 = 2;
const VIRTIO_SPI: u32 = 16;
/// Interrupt numbers of the controller.
const NUMBERS: u32 = 288;
/// Private interrupts (number less 16) of the timers, in the order of `cpu::sys::timer`.
pub(crate) const fn timer_ppi(index: usize) -> u32 {
    match index {
        timer::PHYSICAL => 14,
        timer::VIRTUAL => 11,
        timer::HYPERVISOR => 10,
        timer::HYPERVISOR_VIRTUAL => 12,
        _ => 13,
    }
}
pub(crate) const PMU_PPI: u32 = 7;

/// Most CPUs.
pub const MAX_CPUS: u32 = 64;
/// 2022-01-01: what the clock shows at the start.
const EPOCH: u32 = 1_640_995_200;
/// Ticks of the counter, as QEMU has them.
pub const TIMEBASE: u64 = 62_500_000;

/// Version of the interrupt controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GicVersion {
    /// GICv2, up to 8 CPUs.
    V2,
    /// GICv3.
    #[default]
    V3,
}

/// What the user may choose.
#[derive(Debug)]
pub struct Options {
    /// Bytes of RAM.
    pub memory: u64,
    /// Number of CPUs.
    pub cpus: u32,
    /// Interrupt controller.
    pub gic: GicVersion,
    /// Firmware for the first flash bank.
    pub bios: Option<Media>,
    /// Flattened device tree instead of the generated one; bootargs and initrd are still set in it.
    pub dtb: Option<Vec<u8>>,
    /// Kernel arguments.
    pub command_line: String,
    /// Raw disk images.
    pub disks: Vec<(std::fs::File, bool)>,
    /// CPUs have EL2, and start there.
    pub virtualization: bool,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            cpus: 1,
            gic: GicVersion::default(),
            bios: None,
            dtb: None,
            command_line: String::new(),
            disks: Vec::new(),
            virtualization: false,
            seed: 0,
        }
    }
}

/// The device tree as the guest gets it, for `--dump-dtb` too. `initrd`: where it was put.
pub fn device_tree(options: &Options, initrd: Option<(u64, u64)>) -> Result<Node, Error> {
    let mut root = match &options.dtb {
        Some(bytes) => Node::parse(bytes)?,
        None => tree::generate(options),
    };
    tree::complete(&mut root, options, initrd);
    Ok(root)
}

/// The plan for a Linux image on this machine.
pub fn plan(kernel: Kernel, parts: &Parts, options: &Options) -> Result<Plan, xnu_boot::Error> {
    let choices = xnu_boot::Options {
        memory: Some(options.memory),
        memory_base: Some(RAM),
        command_line: options.command_line.clone(),
        cpus: options.cpus,
        ..xnu_boot::Options::default()
    };
    let ramdisk = parts.ramdisk.as_ref().map(Media::len);
    let draft = Plan::new(&Inputs { ramdisk, ..Inputs::new(kernel.clone()) }, &choices)?;
    let initrd = draft.load("ramdisk").map(|l| (l.pa, l.size));
    let invalid = |why: Error| xnu_boot::Error::Input { input: "device tree", why: why.to_string() };
    let blob = device_tree(options, initrd).map_err(invalid)?.to_bytes(8);
    let inputs = Inputs { ramdisk, flat_tree: Some(&blob), ..Inputs::new(kernel) };
    let mut plan = Plan::new(&inputs, &choices)?;
    plan.timebase = TIMEBASE;
    Ok(plan)
}

/// Builds the machine; `plan` is None when firmware in flash starts it.
pub fn build(
    plan: Option<&Plan>,
    parts: &Parts,
    options: Options,
    mut config: Config,
) -> Result<Board, Error> {
    check(&options)?;
    let ram = Region { base: RAM, len: options.memory };
    let rom = Region { base: FLASH, len: FLASH_LEN };
    let rom: &[Region] = if options.bios.is_some() { &[rom] } else { &[] };
    let memory = Arc::new(Memory::with_rom(&[ram], rom).map_err(Error::memory("guest RAM"))?);
    let entry = match plan {
        Some(plan) => {
            media::load(plan, parts, &memory)?;
            Entry { pc: plan.entry, x0: plan.x0 }
        }
        None => {
            // Firmware finds the tree at the beginning of RAM.
            let blob = device_tree(&options, None)?.to_bytes(8);
            memory.write_bytes(RAM, &blob).map_err(Error::memory("device tree"))?;
            Entry { pc: FLASH, x0: RAM }
        }
    };
    if let Some(bios) = &options.bios {
        if bios.len() > FLASH_LEN {
            return Err(Error::Option {
                option: "--bios",
                why: format!("{} bytes, more than the 64 MiB of the flash bank", bios.len()),
            });
        }
        bios.place(&memory, FLASH, 0, bios.len()).map_err(Error::memory("firmware"))?;
    }
    let clock = config.clock(TIMEBASE);
    let mut builder = Builder::new(Arc::clone(&memory));
    let (sockets, hooks, spi) = gic(&mut builder, &options)?;
    let outbox = Outbox::new();
    let uart = builder.map(UART, 0x1000, Pl011::new(outbox.clone(), spi(UART_SPI)))?;
    builder.port("uart0", outbox, uart);
    builder.map(RTC, 0x1000, Pl031::new(EPOCH, Arc::clone(&clock), spi(RTC_SPI)))?;
    builder.map(FW_CFG, fw_cfg::LEN, configuration(&memory, parts, &options)?)?;
    // The first bank takes writes over the ROM, or is erased flash when there is no firmware.
    builder.map(FLASH, FLASH_LEN, Flash::new(FLASH_LEN as usize, &[]))?;
    builder.map(FLASH + FLASH_LEN, FLASH_LEN, Flash::new(FLASH_LEN as usize, &[]))?;
    let mut slot = 0;
    let mut next = || {
        slot += 1;
        (VIRTIO + u64::from(slot - 1) * virtio::LEN, spi(VIRTIO_SPI + slot - 1))
    };
    let (base, line) = next();
    builder.map(base, virtio::LEN, VirtioMmio::new(Rng::new(options.seed), Arc::clone(&memory), line))?;
    let (base, line) = next();
    let outbox = Outbox::new();
    let console = VirtioMmio::new(Console::new(outbox.clone()), Arc::clone(&memory), line);
    let console = builder.map(base, virtio::LEN, console)?;
    builder.port("hvc0", outbox, console);
    for (file, read_only) in options.disks {
        let (base, line) = next();
        let failed = |source| Error::Host { what: "--drive".into(), source };
        let disk = Blk::new(file, read_only).map_err(failed)?;
        builder.map(base, virtio::LEN, VirtioMmio::new(disk, Arc::clone(&memory), line))?;
    }
    for empty in slot..VIRTIO_SLOTS {
        builder.map(VIRTIO + u64::from(empty) * virtio::LEN, virtio::LEN, virtio::Empty)?;
    }
    let unmapped = builder.unmapped(config.on_unmapped.take());
    let model = config.model("max")?.with_levels(options.virtualization, false);
    Ok(Board {
        name: "virt",
        bus: Arc::new(builder.bus.build()),
        clock,
        sockets,
        hooks,
        model,
        ports: builder.ports,
        framebuffer: None,
        unmapped: Some(unmapped),
        boot_cpu: 0,
        reset_vector: entry.pc,
        entry,
        entry_level: if options.virtualization { 2 } else { 1 },
        gic: if options.gic == GicVersion::V3 { 1 } else { 0 },
        family: Family::Standard,
        power: None,
        enforce_locks: false,
        notes: Vec::new(),
    })
}

fn check(options: &Options) -> Result<(), Error> {
    let most = if options.gic == GicVersion::V2 { gicv2::MAX_CPUS as u32 } else { MAX_CPUS };
    if options.cpus == 0 || options.cpus > most {
        return Err(Error::Option {
            option: "--cpus",
            why: format!("{} CPUs, but this machine takes 1 to {most}", options.cpus),
        });
    }
    if options.memory < 16 << 20 || options.memory > 255 << 30 || !options.memory.is_multiple_of(0x1_0000) {
        return Err(Error::Option {
            option: "--memory",
            why: "16 MiB to 255 GiB, a multiple of 64 KiB".into(),
        });
    }
    if options.disks.len() as u32 > VIRTIO_SLOTS - 2 {
        return Err(Error::Option { option: "--drive", why: "at most 30 disks".into() });
    }
    Ok(())
}

/// MPIDR of CPU `index`: clusters of 8 with GICv2, of 16 with GICv3, as the SGI registers count.
fn mpidr(index: u32, gic: GicVersion) -> u64 {
    let cluster = if gic == GicVersion::V2 { 8 } else { 16 };
    1 << 31 | u64::from(index / cluster) << 8 | u64::from(index % cluster)
}

/// Makes wires of shared interrupts.
type Spi = Box<dyn Fn(u32) -> Line>;
type Wired = (Vec<Socket>, Vec<Arc<dyn SystemRegisterHook>>, Spi);

fn gic(builder: &mut Builder, options: &Options) -> Result<Wired, Error> {
    let lines: Vec<Arc<Lines>> = (0..options.cpus).map(|_| Lines::new()).collect();
    let wires = lines.iter().map(|l| CpuLines { irq: l.line(IRQ), fiq: l.line(FIQ) });
    let mpidrs: Vec<u64> = (0..options.cpus).map(|n| mpidr(n, options.gic)).collect();
    let socket = |index: usize, lines: &Arc<Lines>, ppi: &dyn Fn(usize, u32) -> Line| Socket {
        mpidr: mpidrs.get(index).copied().unwrap_or(0),
        midr: None,
        lines: Arc::clone(lines),
        timers: std::array::from_fn::<Line, TIMERS, _>(|n| ppi(index, timer_ppi(n))),
        pmu: ppi(index, PMU_PPI),
    };
    Ok(match options.gic {
        GicVersion::V2 => {
            let gic = Gicv2::new(NUMBERS, wires.collect());
            builder.map(GICD, 0x1000, gic.distributor())?;
            builder.map(GICC, 0x2000, gic.cpu_interface())?;
            let ppi = |cpu, n| gic.ppi(cpu, n);
            let sockets = lines.iter().enumerate().map(|(n, l)| socket(n, l, &ppi)).collect();
            (sockets, Vec::new(), Box::new(move |n| gic.spi(n)) as Spi)
        }
        GicVersion::V3 => {
            let gic = Gicv3::new(NUMBERS, mpidrs.iter().copied().zip(wires).collect());
            builder.map(GICD, 0x1_0000, gic.distributor())?;
            builder.map(GICR, gicv3::REDISTRIBUTOR * u64::from(options.cpus), gic.redistributors())?;
            let ppi = |cpu, n| gic.ppi(cpu, n);
            let sockets = lines.iter().enumerate().map(|(n, l)| socket(n, l, &ppi)).collect();
            let hook: Arc<dyn SystemRegisterHook> = Arc::new(IccRegisters(gic.clone()));
            (sockets, vec![hook], Box::new(move |n| gic.spi(n)) as Spi)
        }
    })
}

/// What firmware may ask for: number of CPUs, and the kernel that the user gave.
fn configuration(memory: &Arc<Memory>, parts: &Parts, options: &Options) -> Result<FwCfg, Error> {
    let mut cfg = FwCfg::new(Arc::clone(memory));
    cfg.item(0x05, (options.cpus as u16).to_le_bytes().to_vec());
    if options.bios.is_none() {
        return Ok(cfg);
    }
    let mut blob = |size_key, data_key, media: &Option<Media>, what: &str| -> Result<(), Error> {
        let Some(media) = media else { return Ok(()) };
        let failed = |source| Error::Host { what: what.to_owned(), source };
        let bytes = media.to_vec(1 << 30).map_err(failed)?;
        cfg.item(size_key, (bytes.len() as u32).to_le_bytes().to_vec());
        cfg.item(data_key, bytes);
        Ok(())
    };
    blob(0x08, 0x11, &parts.kernel, "--kernel")?;
    blob(0x0b, 0x12, &parts.ramdisk, "--initrd")?;
    let mut line = options.command_line.clone().into_bytes();
    line.push(0);
    cfg.item(0x14, (line.len() as u32).to_le_bytes().to_vec());
    cfg.item(0x15, line);
    Ok(cfg)
}

#[cfg(test)]
mod tests;
