//! The machine `apple-m1`: an M1 as far as a boot loader of the flattened-device-tree world needs one.
//!
//! RAM at 0x8_0000_0000, the S5L UART, AIC; entered with a flattened device tree in x0, as m1n1 enters U-Boot and
//! Linux. Addresses are those of Linux's arch/arm64/boot/dts/apple/t8103.dtsi.

use std::sync::Arc;

use bootimg::tree::{Node, text_value};
use cpu::SystemRegisterHook;
use devices::aic::{self, Aic};
use devices::s5l_uart::S5lUart;
use devices::serial::Outbox;
use mem::{FIQ, IRQ, Line, Lines, Memory, Region};

use crate::Error;
use crate::board::{Board, Builder, Config, Entry, Socket};
use crate::firmware::Family;
use crate::media::Media;
use crate::wires::{FastIpi, OrGate};

/// RAM.
pub const RAM: u64 = 0x8_0000_0000;
/// Where the image goes, from the start of RAM.
pub const IMAGE: u64 = 16 << 20;
/// UART.
pub const UART: u64 = 0x2_3520_0000;
/// Interrupt controller.
pub const AIC: u64 = 0x2_3b10_0000;
/// Ticks of the counter.
pub const TIMEBASE: u64 = 24_000_000;
const UART_IRQ: u32 = 605;
const TWO_MIB: u64 = 2 << 20;
/// Room for the tree.
const TREE: u64 = 1 << 20;

/// What the user may choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of RAM.
    pub memory: u64,
    /// Flattened device tree instead of the generated one.
    pub dtb: Option<Vec<u8>>,
    /// Kernel arguments, if they are for anyone.
    pub command_line: String,
}

/// The device tree as the guest gets it.
pub fn device_tree(options: &Options) -> Result<Node, Error> {
    let mut root = match &options.dtb {
        Some(bytes) => Node::parse(bytes)?,
        None => generate(options.memory),
    };
    if !options.command_line.is_empty() {
        if root.child("chosen").is_none() {
            root.children.push(Node::new("chosen"));
        }
        if let Some(chosen) = root.child_mut("chosen") {
            chosen.set_text("bootargs", &options.command_line);
        }
    }
    Ok(root)
}

fn cells(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

fn texts(values: &[&str]) -> Vec<u8> {
    values.iter().flat_map(|v| text_value(v)).collect()
}

fn reg(base: u64, len: u64) -> Vec<u8> {
    [base.to_be_bytes(), len.to_be_bytes()].concat()
}

fn node(name: &str, properties: &[(&str, Vec<u8>)], children: Vec<Node>) -> Node {
    let properties = properties.iter().map(|(n, v)| ((*n).to_owned(), v.clone())).collect();
    Node { name: name.to_owned(), properties, children }
}

fn generate(memory: u64) -> Node {
    const AIC_PHANDLE: u32 = 1;
    const CLOCK: u32 = 2;
    let two = [("#address-cells", cells(&[2])), ("#size-cells", cells(&[2]))];
    let serial = node(
        &format!("serial@{UART:x}"),
        &[
            ("compatible", texts(&["apple,s5l-uart"])),
            ("reg", reg(UART, 0x1000)),
            ("reg-io-width", cells(&[4])),
            ("interrupt-parent", cells(&[AIC_PHANDLE])),
            ("interrupts", cells(&[0, UART_IRQ, 4])),
            ("clocks", cells(&[CLOCK, CLOCK])),
            ("clock-names", texts(&["uart", "clk_uart_baud0"])),
        ],
        Vec::new(),
    );
    let aic = node(
        &format!("interrupt-controller@{AIC:x}"),
        &[
            ("compatible", texts(&["apple,t8103-aic", "apple,aic"])),
            ("#interrupt-cells", cells(&[3])),
            ("interrupt-controller", Vec::new()),
            ("reg", reg(AIC, 0x8000)),
            ("phandle", cells(&[AIC_PHANDLE])),
        ],
        Vec::new(),
    );
    let mut soc = two.to_vec();
    soc.extend([
        ("compatible", texts(&["apple,t8103", "apple,arm-platform", "simple-bus"])),
        ("ranges", Vec::new()),
        ("nonposted-mmio", Vec::new()),
    ]);
    let cpu = node(
        "cpu@0",
        &[
            ("compatible", texts(&["apple,icestorm"])),
            ("device_type", texts(&["cpu"])),
            ("reg", cells(&[0, 0])),
        ],
        Vec::new(),
    );
    // Timers come as FIQs 0 to 3 of the AIC binding: hypervisor physical, virtual, then guest ones.
    let timer = node(
        "timer",
        &[
            ("compatible", texts(&["arm,armv8-timer"])),
            ("interrupt-parent", cells(&[AIC_PHANDLE])),
            ("interrupt-names", texts(&["phys", "virt", "hyp-phys", "hyp-virt"])),
            ("interrupts", cells(&[1, 2, 4, 1, 3, 4, 1, 0, 4, 1, 1, 4])),
        ],
        Vec::new(),
    );
    let clock = node(
        "clock-ref",
        &[
            ("compatible", texts(&["fixed-clock"])),
            ("#clock-cells", cells(&[0])),
            ("clock-frequency", cells(&[24_000_000])),
            ("clock-output-names", texts(&["clkref"])),
            ("phandle", cells(&[CLOCK])),
        ],
        Vec::new(),
    );
    let path = format!("/soc/serial@{UART:x}");
    let mut root = two.to_vec();
    root.extend([
        ("compatible", texts(&["apple,j274", "apple,t8103", "apple,arm-platform"])),
        ("model", texts(&["Apple Mac mini (M1), emulated"])),
    ]);
    node(
        "",
        &root,
        vec![
            node("aliases", &[("serial0", texts(&[&path]))], Vec::new()),
            node("chosen", &[("stdout-path", texts(&["serial0"]))], Vec::new()),
            node("cpus", &[("#address-cells", cells(&[2])), ("#size-cells", cells(&[0]))], vec![cpu]),
            timer,
            clock,
            node(
                &format!("memory@{RAM:x}"),
                &[("device_type", texts(&["memory"])), ("reg", reg(RAM, memory))],
                Vec::new(),
            ),
            node("soc", &soc, vec![serial, aic]),
        ],
    )
}

/// Builds and loads the machine with a raw image whose first byte is its first instruction.
pub fn build(image: &Media, options: &Options, mut config: Config) -> Result<Board, Error> {
    let blob = device_tree(options)?.to_bytes(8);
    let tree_at = (RAM + IMAGE).saturating_add(image.len()).next_multiple_of(TWO_MIB).saturating_add(TWO_MIB);
    let fits = tree_at.saturating_add(TREE) <= RAM.saturating_add(options.memory);
    if !fits || !options.memory.is_multiple_of(0x4000) || options.memory > 1 << 40 || blob.len() as u64 > TREE
    {
        return Err(Error::Option {
            option: "--memory",
            why: format!("{:#x} bytes do not hold the image and its device tree", options.memory),
        });
    }
    let ram = Region { base: RAM, len: options.memory };
    let memory = Arc::new(Memory::new(&[ram]).map_err(Error::memory("guest RAM"))?);
    image.place(&memory, RAM + IMAGE, 0, image.len()).map_err(Error::memory("image"))?;
    memory.write_bytes(tree_at, &blob).map_err(Error::memory("device tree"))?;
    let clock = config.clock(TIMEBASE);
    let lines = Lines::new();
    let gate = OrGate::new(lines.line(FIQ));
    let timers = std::array::from_fn(|n| gate.input(n as u32));
    let socket =
        Socket { mpidr: 1 << 31, midr: None, lines: Arc::clone(&lines), timers, pmu: gate.input(31) };
    let ipi = FastIpi::new(vec![(0, gate.input(30))]);
    let mut builder = Builder::new(memory);
    let aic = Aic::new(aic::MAX_INPUTS, vec![lines.line(IRQ)], Arc::clone(&clock));
    let line: Line = aic.input(UART_IRQ);
    builder.map(AIC, 0x9000, aic)?;
    let outbox = Outbox::new();
    let uart = builder.map(UART, 0x1000, S5lUart::new("uart0", outbox.clone(), line))?;
    builder.port("uart0", outbox, uart);
    let unmapped = builder.unmapped(config.on_unmapped.take());
    let entry = Entry { pc: RAM + IMAGE, x0: tree_at };
    Ok(Board {
        name: "apple-m1",
        bus: Arc::new(builder.bus.build()),
        clock,
        sockets: vec![socket],
        hooks: vec![ipi as Arc<dyn SystemRegisterHook>],
        model: config.model("a13")?.with_levels(false, false),
        ports: builder.ports,
        framebuffer: None,
        unmapped: Some(unmapped),
        boot_cpu: 0,
        reset_vector: entry.pc,
        entry,
        entry_level: 1,
        gic: 0,
        family: Family::Apple,
        power: None,
        enforce_locks: false,
        notes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(memory: u64) -> Options {
        Options { memory, dtb: None, command_line: "a=b".into() }
    }

    #[test]
    fn the_tree_reads_back() {
        let tree = device_tree(&options(512 << 20)).unwrap();
        assert_eq!(Node::parse(&tree.to_bytes(8)).unwrap(), tree);
        assert_eq!(tree.child("chosen").unwrap().text("bootargs").as_deref(), Some("a=b"));
    }

    #[test]
    fn memory_that_cannot_hold_the_image_is_refused() {
        let image = Media::bytes(&[0; 0x1000]).unwrap();
        for memory in [0, 1 << 20, 16 << 20, (64 << 20) + 1, !0x3fff] {
            assert!(build(&image, &options(memory), Config::new()).is_err(), "{memory:#x}");
        }
        let board = build(&image, &options(64 << 20), Config::new()).unwrap();
        assert!(board.bus.memory().read_vec(board.entry.x0, 4).unwrap() == [0xd0, 0x0d, 0xfe, 0xed]);
    }
}
