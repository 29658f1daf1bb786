//! What the device tree says of devices, made into devices.

use std::sync::Arc;

use apple_dt::{Node, Tree};
use devices::aic::Aic;
use devices::amcc::{self, Amcc};
use devices::cpu_control::CpuRegisters;
use devices::dockchannel::DockChannel;
use devices::gic::CpuLines;
use devices::gicv3::{self, Gicv3};
use devices::pl011::Pl011;
use devices::pmgr::{Core, Pmgr};
use devices::s5l_uart::S5lUart;
use devices::serial::Outbox;
use devices::unmapped::Named;
use mem::Line;
use xnu_boot::Plan;

use super::cpus::AppleCpu;
use super::read_only_pages;
use crate::Error;
use crate::board::Builder;

/// Most devices looked at in a tree.
const MAX_NODES: usize = 4096;
/// Interrupt numbers of a virtual machine's controller.
const GIC_NUMBERS: u32 = 288;

/// `/arm-io` with its base.
pub(super) struct ArmIo<'a> {
    node: Option<&'a Node>,
    tree: &'a Tree,
    base: u64,
}

impl<'a> ArmIo<'a> {
    pub fn new(tree: &'a Tree) -> Self {
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
    pub fn regions(&self) -> Vec<Named> {
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
    pub fn aic(&self, builder: &mut Builder, irqs: Vec<Line>, clock: &Arc<mem::Clock>) -> Wires {
        let aic = Aic::new(devices::aic::MAX_INPUTS, irqs, Arc::clone(clock));
        let inputs = (0..devices::aic::MAX_INPUTS).map(|n| aic.input(n)).collect();
        let node = self.children().find(|n| Self::is_compatible(n, "aic,1") && n.has("interrupt-controller"));
        let node = node.or_else(|| self.children().find(|n| n.label() == "aic"));
        if let Some((base, len)) = node.and_then(|n| self.range(n, 0)) {
            builder.map_where_free(base, len.max(0x9000), aic);
        }
        Wires(inputs)
    }

    /// The interrupt controller of a virtual machine: `reg` is distributor and redistributors.
    pub fn gic(
        &self,
        builder: &mut Builder,
        cpus: &[AppleCpu],
        lines: &[Arc<mem::Lines>],
    ) -> Result<(Gicv3, Wires), Error> {
        let wires = lines.iter().map(|l| CpuLines { irq: l.line(mem::IRQ), fiq: l.line(mem::FIQ) });
        let gic = Gicv3::new(GIC_NUMBERS, cpus.iter().map(|c| c.mpidr).zip(wires).collect());
        let node = self.children().find(|n| n.label() == "gic");
        if let Some(node) = node {
            let (Some(distributor), Some(redistributors)) = (self.range(node, 0), self.range(node, 1)) else {
                return Err(Error::Option {
                    option: "device tree",
                    why: "/arm-io/gic:reg must be two ranges: distributor and redistributors".into(),
                });
            };
            let need = gicv3::REDISTRIBUTOR.saturating_mul(cpus.len() as u64);
            if redistributors.1 < need {
                return Err(Error::Option {
                    option: "--cpus",
                    why: format!(
                        "/arm-io/gic:reg has room for {} CPUs",
                        redistributors.1 / gicv3::REDISTRIBUTOR
                    ),
                });
            }
            builder.map_where_free(distributor.0, distributor.1.max(0x1_0000), gic.distributor());
            builder.map_where_free(redistributors.0, need, gic.redistributors());
        }
        let inputs = (0..GIC_NUMBERS - 32).map(|n| gic.spi(n)).collect();
        Ok((gic, Wires(inputs)))
    }

    /// The registers that say where CPUs start.
    pub fn cpu_registers(&self, builder: &mut Builder, cpus: &[AppleCpu]) {
        for cpu in cpus {
            if let Some((base, len)) = cpu.registers {
                builder.map_where_free(base, len, CpuRegisters::new(Arc::clone(&cpu.control)));
            }
        }
    }

    pub fn uarts(&self, builder: &mut Builder, wires: &Wires, notes: &mut Vec<String>) {
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
            // The channels' block is the first range, interrupt control the second (XNU pexpert/arm/pe_serial.c).
            let Some((base, len)) = self.range(node, 0) else { continue };
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

    /// Whether it is the machine of Apple's virtualization framework.
    pub fn is_virtual(&self) -> bool {
        let kind = self.node.and_then(|n| n.get("device_type")).and_then(|p| p.str());
        kind.is_some_and(|k| k.starts_with("vmapple"))
    }

    /// Memory controller and power manager, behind the smaller devices that their ranges may cover.
    /// `start`: offset of the power manager's block that starts CPUs, and what it starts.
    pub fn controllers(&self, builder: &mut Builder, plan: &Plan, mut start: Option<(u64, Vec<Core>)>) {
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
                    let pmgr = match start.take() {
                        Some((offset, cores)) => Pmgr::new().with_cores(offset, cores),
                        None => Pmgr::new(),
                    };
                    builder.map_where_free(base, len, pmgr);
                }
                _ => {}
            }
        }
    }
}

/// The interrupt controller's input wires.
pub(super) struct Wires(Vec<Line>);

impl Wires {
    /// The wire of a node's first interrupt.
    fn of(&self, node: &Node) -> Line {
        let number =
            node.get("interrupts").and_then(|p| p.value.first_chunk().map(|b| u32::from_le_bytes(*b)));
        let line = number.and_then(|n| self.0.get(n as usize));
        line.cloned().unwrap_or_else(Line::unconnected)
    }
}
