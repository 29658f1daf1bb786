//! The flattened device tree of `virt`.
//!
//! Bindings: Linux Documentation/devicetree/bindings (arm,gic, arm,gic-v3, arm,psci, arm,armv8-timer, pl011, pl031,
//! virtio-mmio, qemu,fw-cfg-mmio, cfi-flash).

use bootimg::tree::Node;

use super::{
    FLASH, FLASH_LEN, FW_CFG, GICC, GICD, GICR, GicVersion, Options, PMU_PPI, RAM, RTC, RTC_SPI, UART,
    UART_SPI, VIRTIO, VIRTIO_SLOTS, VIRTIO_SPI, mpidr, timer_ppi,
};

const GIC_PHANDLE: u32 = 0x8001;
const CLOCK_PHANDLE: u32 = 0x8000;
/// Interrupt specifiers: kind and flags.
const SPI: u32 = 0;
const PPI: u32 = 1;
const EDGE: u32 = 1;
const LEVEL: u32 = 4;

fn cells(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// Address and length, two cells each.
fn reg(ranges: &[(u64, u64)]) -> Vec<u8> {
    ranges.iter().flat_map(|(base, len)| [base.to_be_bytes(), len.to_be_bytes()].concat()).collect()
}

fn texts(values: &[&str]) -> Vec<u8> {
    values.iter().flat_map(|v| bootimg::tree::text_value(v)).collect()
}

/// A node with these properties.
fn node(name: impl Into<String>, properties: &[(&str, Vec<u8>)]) -> Node {
    let mut node = Node::new(name);
    for (name, value) in properties {
        node.set(name, value.clone());
    }
    node
}

/// The tree of a machine with these options, without what a boot adds ([`complete`]).
pub(super) fn generate(options: &Options) -> Node {
    let mut root = node(
        "",
        &[
            ("interrupt-parent", cells(&[GIC_PHANDLE])),
            ("model", texts(&["linux,dummy-virt"])),
            ("#size-cells", cells(&[2])),
            ("#address-cells", cells(&[2])),
            ("compatible", texts(&["linux,dummy-virt"])),
        ],
    );
    let method = if options.virtualization { "smc" } else { "hvc" };
    root.children.push(node(
        "psci",
        &[
            ("compatible", texts(&["arm,psci-1.0", "arm,psci-0.2", "arm,psci"])),
            ("method", texts(&[method])),
            ("cpu_suspend", cells(&[0xc400_0001])),
            ("cpu_off", cells(&[0x8400_0002])),
            ("cpu_on", cells(&[0xc400_0003])),
            ("migrate", cells(&[0xc400_0005])),
        ],
    ));
    root.children.push(cpus(options));
    root.children.push(timers(options));
    root.children.push(node(
        "pmu",
        &[
            ("compatible", texts(&["arm,armv8-pmuv3"])),
            ("interrupts", cells(&[PPI, PMU_PPI, ppi_flags(options, LEVEL)])),
        ],
    ));
    root.children.push(gic(options.gic));
    root.children.push(node(
        "apb-pclk",
        &[
            ("compatible", texts(&["fixed-clock"])),
            ("#clock-cells", cells(&[0])),
            ("clock-frequency", cells(&[24_000_000])),
            ("clock-output-names", texts(&["clk24mhz"])),
            ("phandle", cells(&[CLOCK_PHANDLE])),
        ],
    ));
    devices(&mut root);
    root.children.push(Node::new("aliases"));
    if let Some(aliases) = root.child_mut("aliases") {
        aliases.set_text("serial0", &format!("/pl011@{UART:x}"));
    }
    root
}

/// GICv2 wants the target CPUs in a private interrupt's flags.
fn ppi_flags(options: &Options, trigger: u32) -> u32 {
    match options.gic {
        GicVersion::V2 => trigger | ((1 << options.cpus.min(8)) - 1) << 8,
        GicVersion::V3 => trigger,
    }
}

fn cpus(options: &Options) -> Node {
    let mut cpus = node("cpus", &[("#address-cells", cells(&[1])), ("#size-cells", cells(&[0]))]);
    for index in 0..options.cpus {
        let affinity = mpidr(index, options.gic) as u32 & 0xff_ffff;
        cpus.children.push(node(
            format!("cpu@{affinity:x}"),
            &[
                ("device_type", texts(&["cpu"])),
                ("compatible", texts(&["arm,armv8"])),
                ("enable-method", texts(&["psci"])),
                ("reg", cells(&[affinity])),
            ],
        ));
    }
    cpus
}

fn timers(options: &Options) -> Node {
    use cpu::sys::timer::{HYPERVISOR, PHYSICAL, SECURE, VIRTUAL};
    let interrupts: Vec<u32> = [SECURE, PHYSICAL, VIRTUAL, HYPERVISOR]
        .into_iter()
        .flat_map(|n| [PPI, timer_ppi(n), ppi_flags(options, LEVEL)])
        .collect();
    node(
        "timer",
        &[
            ("compatible", texts(&["arm,armv8-timer", "arm,armv7-timer"])),
            ("always-on", Vec::new()),
            ("interrupts", cells(&interrupts)),
        ],
    )
}

fn gic(version: GicVersion) -> Node {
    let (compatible, ranges) = match version {
        GicVersion::V2 => ("arm,cortex-a15-gic", [(GICD, 0x1_0000), (GICC, 0x1_0000)]),
        GicVersion::V3 => ("arm,gic-v3", [(GICD, 0x1_0000), (GICR, 0xf6_0000)]),
    };
    node(
        format!("intc@{GICD:x}"),
        &[
            ("compatible", texts(&[compatible])),
            ("interrupt-controller", Vec::new()),
            ("#interrupt-cells", cells(&[3])),
            ("#address-cells", cells(&[2])),
            ("#size-cells", cells(&[2])),
            ("ranges", Vec::new()),
            ("reg", reg(&ranges)),
            ("phandle", cells(&[GIC_PHANDLE])),
        ],
    )
}

fn devices(root: &mut Node) {
    let clocks = cells(&[CLOCK_PHANDLE, CLOCK_PHANDLE]);
    root.children.push(node(
        format!("pl011@{UART:x}"),
        &[
            ("compatible", texts(&["arm,pl011", "arm,primecell"])),
            ("reg", reg(&[(UART, 0x1000)])),
            ("interrupts", cells(&[SPI, UART_SPI, LEVEL])),
            ("clocks", clocks),
            ("clock-names", texts(&["uartclk", "apb_pclk"])),
        ],
    ));
    root.children.push(node(
        format!("pl031@{RTC:x}"),
        &[
            ("compatible", texts(&["arm,pl031", "arm,primecell"])),
            ("reg", reg(&[(RTC, 0x1000)])),
            ("interrupts", cells(&[SPI, RTC_SPI, LEVEL])),
            ("clocks", cells(&[CLOCK_PHANDLE])),
            ("clock-names", texts(&["apb_pclk"])),
        ],
    ));
    root.children.push(node(
        format!("fw-cfg@{FW_CFG:x}"),
        &[
            ("compatible", texts(&["qemu,fw-cfg-mmio"])),
            ("reg", reg(&[(FW_CFG, 0x18)])),
            ("dma-coherent", Vec::new()),
        ],
    ));
    root.children.push(node(
        format!("flash@{FLASH:x}"),
        &[
            ("compatible", texts(&["cfi-flash"])),
            ("reg", reg(&[(FLASH, FLASH_LEN), (FLASH + FLASH_LEN, FLASH_LEN)])),
            ("bank-width", cells(&[4])),
        ],
    ));
    for slot in 0..VIRTIO_SLOTS {
        let base = VIRTIO + u64::from(slot) * 0x200;
        root.children.push(node(
            format!("virtio_mmio@{base:x}"),
            &[
                ("compatible", texts(&["virtio,mmio"])),
                ("reg", reg(&[(base, 0x200)])),
                ("interrupts", cells(&[SPI, VIRTIO_SPI + slot, EDGE])),
                ("dma-coherent", Vec::new()),
            ],
        ));
    }
}

/// Adds what belongs to this boot: RAM (unless the tree names some), arguments, initrd, seeds.
pub(super) fn complete(root: &mut Node, options: &Options, initrd: Option<(u64, u64)>) {
    if !root.children.iter().any(|c| c.name.split('@').next() == Some("memory")) {
        root.children.push(node(
            format!("memory@{RAM:x}"),
            &[("device_type", texts(&["memory"])), ("reg", reg(&[(RAM, options.memory)]))],
        ));
    }
    let uart = root.children.iter().find(|c| c.name.starts_with("pl011@")).map(|c| c.name.clone());
    if root.child("chosen").is_none() {
        root.children.push(Node::new("chosen"));
    }
    let Some(chosen) = root.child_mut("chosen") else { return };
    if let Some(uart) = uart.filter(|_| chosen.get("stdout-path").is_none()) {
        chosen.set_text("stdout-path", &format!("/{uart}"));
    }
    if !options.command_line.is_empty() {
        chosen.set_text("bootargs", &options.command_line);
    }
    if let Some((base, len)) = initrd {
        chosen.set("linux,initrd-start", base.to_be_bytes());
        chosen.set("linux,initrd-end", base.saturating_add(len).to_be_bytes());
    }
    let seed = xnu_boot::random_seed(options.seed);
    chosen.set("rng-seed", seed.get(..32).unwrap_or_default());
    chosen.set("kaslr-seed", seed.get(32..40).unwrap_or_default());
}
