//! Apple's machine, as much of it as a kernel without drivers touches, built from the device tree of the plan.
//!
//! The tree says where devices are (`/arm-io` `ranges` plus each node's `reg`); nothing is hard-coded to a chip.
//! There are: RAM, UARTs, AIC, memory controller registers, power manager; timers and fast IPIs on FIQ. Every
//! other register reads 0 and is counted under its node's name.

use std::sync::Arc;

use apple_dt::{Node, Tree};
use cpu::SystemRegisterHook;
use devices::aic::Aic;
use devices::amcc::{self, Amcc};
use devices::dockchannel::DockChannel;
use devices::framebuffer::{Framebuffer, PixelFormat};
use devices::pl011::Pl011;
use devices::pmgr::Pmgr;
use devices::s5l_uart::S5lUart;
use devices::serial::Outbox;
use devices::unmapped::Named;
use mem::{FIQ, IRQ, Line, Lines, Memory, Region};
use xnu_boot::Plan;

use crate::board::{Board, Builder, Config, Entry, Socket, TIMERS};
use crate::media::{self, Parts};
use crate::wires::{FastIpi, OrGate};
use crate::{Error, Fault};

/// Inputs of an OR gate before FIQ that are not timers.
const GATE_IPI: u32 = 30;
const GATE_PMU: u32 = 31;
/// MPIDR bit that reads as one.
const MPIDR_RES1: u64 = 1 << 31;
/// Most devices looked at in a tree.
const MAX_NODES: usize = 4096;

/// Builds and loads the machine of a plan for XNU or for a raw image of Apple's protocol.
pub fn build(plan: &Plan, parts: &Parts, mut config: Config) -> Result<Board, Error> {
    let ram = Region { base: plan.dram.base, len: plan.dram.size };
    let memory = Arc::new(Memory::new(&[ram]).map_err(Error::memory("guest RAM"))?);
    media::load(plan, parts, &memory)?;
    let empty = Tree::default();
    let tree = plan.device_tree.as_ref().unwrap_or(&empty);
    let clock = config.clock(plan.timebase);
    let timers = if config.faults.contains(&Fault::TimerIrq) { IRQ } else { FIQ };
    let sockets = sockets(tree, plan.cpus, timers)?;
    let irqs: Vec<Line> = sockets.iter().map(|(s, _)| s.lines.line(IRQ)).collect();
    let ipi = FastIpi::new(sockets.iter().map(|(s, gate)| (s.mpidr, gate.input(GATE_IPI))).collect());
    let mut builder = Builder::new(memory);
    let mut notes = Vec::new();
    let io = ArmIo::new(tree);
    builder.regions = io.regions();
    let aic = io.aic(&mut builder, irqs, &clock);
    io.uarts(&mut builder, &aic, &mut notes);
    io.controllers(&mut builder, plan);
    let unmapped = builder.unmapped(config.on_unmapped.take());
    let generation = plan.soc.map_or(13, |s| s.generation);
    let model = config.model(&format!("a{}", generation.clamp(7, 13)))?.with_levels(false, false);
    Ok(Board {
        name: "apple",
        bus: Arc::new(builder.bus.build()),
        clock,
        boot_cpu: 0,
        sockets: sockets.into_iter().map(|(socket, _)| socket).collect(),
        hooks: config
            .faults
            .iter()
            .filter_map(|f| f.hook())
            .chain([ipi as Arc<dyn SystemRegisterHook>])
            .collect(),
        model,
        ports: builder.ports,
        framebuffer: plan.framebuffer.map(|f| Framebuffer {
            base: f.base,
            width: f.width,
            height: f.height,
            row_bytes: f.stride.into(),
            format: PixelFormat::Xrgb8888,
        }),
        unmapped: Some(unmapped),
        entry: Entry { pc: plan.entry, x0: plan.x0 },
        reset_vector: plan.reset_vector,
        entry_level: 1,
        gic: 0,
        apple: true,
        notes,
    })
}

/// The tree's CPUs, the one that runs first in front; at most `count`.
fn sockets(tree: &Tree, count: u32, timers: u32) -> Result<Vec<(Socket, Arc<OrGate>)>, Error> {
    let nodes: Vec<&Node> = tree.node("/cpus").map(|n| n.children.iter().collect()).unwrap_or_default();
    let running = |n: &Node| n.get("state").and_then(|p| p.str()) == Some("running");
    let (first, others): (Vec<&Node>, Vec<&Node>) = nodes.into_iter().partition(|n| running(n));
    let count = count.max(1) as usize;
    let mut affinities: Vec<u64> = first
        .into_iter()
        .chain(others)
        .enumerate()
        .map(|(index, n)| n.get("reg").and_then(|p| p.number()).unwrap_or(index as u64))
        .take(count)
        .collect();
    if affinities.is_empty() {
        affinities.push(0);
    }
    if affinities.len() < count {
        return Err(Error::Option {
            option: "--cpus",
            why: format!("the device tree has {} CPUs, not {count}", affinities.len()),
        });
    }
    Ok(affinities
        .into_iter()
        .map(|affinity| {
            let lines = Lines::new();
            let gate = OrGate::new(lines.line(timers));
            let timers: [Line; TIMERS] = std::array::from_fn(|n| gate.input(n as u32));
            let mpidr = MPIDR_RES1 | affinity & 0xff_ffff;
            (Socket { mpidr, lines, timers, pmu: gate.input(GATE_PMU) }, gate)
        })
        .collect())
}

/// `/arm-io` with its base.
struct ArmIo<'a> {
    node: Option<&'a Node>,
    tree: &'a Tree,
    base: u64,
}

impl<'a> ArmIo<'a> {
    fn new(tree: &'a Tree) -> Self {
        let node = tree.node("/arm-io");
        // ranges: child address, parent address, size; the parent address is the base of every `reg`.
        let base = node.and_then(|n| n.get("ranges")).and_then(|p| p.words64().nth(1)).unwrap_or(0);
        Self { node, tree, base }
    }

    fn children(&self) -> impl Iterator<Item = &'a Node> {
        self.node.into_iter().flat_map(|n| n.children.iter()).take(MAX_NODES)
    }

    /// The `index`th address and length of a node, on the bus.
    fn range(&self, node: &Node, index: usize) -> Option<(u64, u64)> {
        let words: Vec<u64> = node.get("reg")?.words64().collect();
        let (base, len) = (words.get(2 * index)?, words.get(2 * index + 1)?);
        let base = self.base.checked_add(*base)?;
        base.checked_add(*len)?;
        (*len > 0).then_some((base, *len))
    }

    /// Every range of every node, by name.
    fn regions(&self) -> Vec<Named> {
        let mut regions = Vec::new();
        for node in self.children() {
            let mut index = 0;
            while let Some((base, len)) = self.range(node, index).filter(|_| index < 64) {
                let name = if index == 0 { node.label() } else { format!("{}[{index}]", node.label()) };
                regions.push(Named { base, len, name });
                index += 1;
            }
        }
        regions
    }

    fn is_compatible(node: &Node, name: &str) -> bool {
        node.get("compatible").is_some_and(|p| p.strings().any(|s| s == name.as_bytes()))
    }

    /// The interrupt controller, mapped if the tree has one; its wires exist in any case.
    fn aic(&self, builder: &mut Builder, irqs: Vec<Line>, clock: &Arc<mem::Clock>) -> Wires {
        let aic = Aic::new(devices::aic::MAX_INPUTS, irqs, Arc::clone(clock));
        let inputs = (0..devices::aic::MAX_INPUTS).map(|n| aic.input(n)).collect();
        let node = self.children().find(|n| Self::is_compatible(n, "aic,1") && n.has("interrupt-controller"));
        let node = node.or_else(|| self.children().find(|n| n.label() == "aic"));
        if let Some((base, len)) = node.and_then(|n| self.range(n, 0)) {
            builder.map_where_free(base, len.max(0x9000), aic);
        }
        Wires(inputs)
    }

    fn uarts(&self, builder: &mut Builder, wires: &Wires, notes: &mut Vec<String>) {
        let mut found: Vec<(bool, &Node)> = self
            .children()
            .filter(|n| {
                let label = n.label();
                let numbered = label.strip_prefix("uart").is_some_and(|rest| rest.parse::<u8>().is_ok());
                numbered || Self::is_compatible(n, "uart-1,samsung")
            })
            .map(|n| (n.has("boot-console") || n.label() == "uart0", n))
            .collect();
        // The console's port comes first.
        found.sort_by_key(|(console, _)| !console);
        for (_, node) in &found {
            let Some((base, len)) = self.range(node, 0) else { continue };
            let name = node.label();
            let outbox = Outbox::new();
            let line = wires.of(node);
            if Self::is_compatible(node, "arm,pl011") || self.is_virtual() {
                let uart = builder.map_where_free(base, len.max(0x1000), Pl011::new(outbox.clone(), line));
                builder.port(&name, outbox, uart);
            } else {
                let uart = S5lUart::new(name.clone(), outbox.clone(), line);
                let uart = builder.map_where_free(base, len.clamp(0x30, 0x4000), uart);
                builder.port(&name, outbox, uart);
            }
        }
        for node in self.children().filter(|n| n.label() == "dockchannel-uart") {
            // The device block is the second range; some trees have only one.
            let Some((base, len)) = self.range(node, 1).or_else(|| self.range(node, 0)) else { continue };
            let outbox = Outbox::new();
            let dock = builder.map_where_free(base, len, DockChannel::new(outbox.clone()));
            builder.port("dockchannel-uart", outbox, dock);
        }
        if builder.ports.is_empty() {
            notes.push(
                "the device tree has no UART (/arm-io/uart0): nothing will be seen on the console".into(),
            );
        }
    }

    fn is_virtual(&self) -> bool {
        let kind = self.node.and_then(|n| n.get("device_type")).and_then(|p| p.str());
        kind.is_some_and(|k| k.starts_with("vmapple"))
    }

    /// Memory controller and power manager, behind the smaller devices that their ranges may cover.
    fn controllers(&self, builder: &mut Builder, plan: &Plan) {
        let lock_regs = self.tree.node("/chosen/lock-regs/amcc").and_then(|n| {
            let number = |name| n.get(name).and_then(|p| p.number());
            let base = number("aperture-phys-addr")?;
            Some((base, number("aperture-size").unwrap_or(0x4000), n))
        });
        if let Some((base, len, node)) = lock_regs {
            let mut amcc = Amcc::new("amcc");
            if let Some((first, last)) = read_only_pages(plan) {
                let plane = node.child("amcc-ctrr-a");
                let register = |name| plane.and_then(|p| p.get(name)).and_then(|p| p.number());
                amcc = amcc.with(register("lower-limit-reg-offset").unwrap_or(amcc::CTRR_LOWER), first);
                amcc = amcc.with(register("upper-limit-reg-offset").unwrap_or(amcc::CTRR_UPPER), last);
            }
            builder.map_where_free(base, len, amcc);
        }
        for node in self.children() {
            let Some((base, len)) = self.range(node, 0) else { continue };
            match node.label().as_str() {
                "mcc" => {
                    let mut amcc = Amcc::new("mcc");
                    if let Some((first, last)) = read_only_pages(plan) {
                        amcc = amcc.with(amcc::RORGN_BASE, first).with(amcc::RORGN_END, last);
                    }
                    builder.map_where_free(base, len, amcc);
                }
                "pmgr" => {
                    builder.map_where_free(base, len, Pmgr::new());
                }
                _ => {}
            }
        }
    }
}

/// The interrupt controller's input wires.
struct Wires(Vec<Line>);

impl Wires {
    /// The wire of a node's first interrupt.
    fn of(&self, node: &Node) -> Line {
        let number =
            node.get("interrupts").and_then(|p| p.value.first_chunk().map(|b| u32::from_le_bytes(*b)));
        let line = number.and_then(|n| self.0.get(n as usize));
        line.cloned().unwrap_or_else(Line::unconnected)
    }
}

/// First and last 16 KiB page, from the DRAM base, of what the kernel expects to be locked read-only: from the
/// trust cache or else the lowest segment to the end of `__LAST`.
fn read_only_pages(plan: &Plan) -> Option<(u32, u32)> {
    let last = plan.loads.iter().find(|l| l.what.contains("__LAST"))?;
    let trust = plan.loads.iter().find(|l| l.what.contains("trust"));
    let lowest = plan.loads.iter().filter(|l| l.what.starts_with("__")).map(|l| l.pa).min();
    let first = trust.map(|l| l.pa).or(lowest)?;
    let page = |pa: u64| u32::try_from(pa.checked_sub(plan.dram.base)? >> 14).ok();
    Some((page(first)?, page(last.pa.checked_add(last.size.max(1) - 1)?)?))
}
