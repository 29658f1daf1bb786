//! Apple's machine, as much of it as a kernel without drivers touches, built from the device tree of the plan.
//!
//! The tree says where devices are (`/arm-io` `ranges` plus each node's `reg`); nothing is hard-coded to a chip.
//! There are: RAM, UARTs, AIC, memory controller registers, power manager; timers and fast IPIs on FIQ; other CPUs,
//! which the power manager starts. Apple's virtual machines (VMAPPLE) have a GICv3 whose group 0 is FIQ, a PL011 and
//! hypercalls instead. Every other register reads 0 and is counted under its node's name.

mod cpus;
mod io;

use std::sync::Arc;

use apple_dt::Tree;
use cpu::SystemRegisterHook;
use devices::framebuffer::{Framebuffer, PixelFormat};
use mem::{FIQ, IRQ, Line, Lines, Memory, Region};
use xnu_boot::Plan;

use crate::board::{Board, Builder, Config, Entry, Socket, TIMERS};
use crate::firmware::{Family, Power};
use crate::media::{self, Parts};
use crate::wires::{FastIpi, IccRegisters, OrGate};
use crate::{Error, Fault};
use cpus::AppleCpu;
use io::ArmIo;

/// Inputs of an OR gate before FIQ that are not timers.
const GATE_IPI: u32 = 30;
const GATE_PMU: u32 = 31;

/// Builds and loads the machine of a plan for XNU or for a raw image of Apple's protocol.
pub fn build(plan: &Plan, parts: &Parts, mut config: Config) -> Result<Board, Error> {
    let ram = Region { base: plan.dram.base, len: plan.dram.size };
    let memory = Arc::new(Memory::new(&[ram]).map_err(Error::memory("guest RAM"))?);
    media::load(plan, parts, &memory)?;
    let empty = Tree::default();
    let tree = plan.device_tree.as_ref().unwrap_or(&empty);
    let clock = config.clock(plan.timebase);
    let io = ArmIo::new(tree);
    let virtual_machine = io.is_virtual() || plan.soc.is_some_and(xnu_boot::Soc::is_virtual);
    let cpus = cpus::find(tree, plan.cpus, plan.reset_vector, virtual_machine)?;
    let power = Power::new(&cpus.iter().map(|c| c.mpidr).collect::<Vec<_>>())
        .with_controls(cpus.iter().map(|c| Arc::clone(&c.control)).collect());
    let power = Arc::new(power);
    let mut builder = Builder::new(memory);
    let mut notes = Vec::new();
    builder.regions = io.regions();
    let generation = plan.soc.map_or(13, |s| s.generation);
    let default_model = match generation {
        _ if virtual_machine => "vmapple".to_owned(),
        14.. if plan.soc.is_some_and(|s| s.market.starts_with('M')) => "m1".to_owned(),
        14.. => "a14".to_owned(),
        _ => format!("a{}", generation.max(7)),
    };
    let model = config.model(&default_model)?.with_levels(false, false);
    let (sockets, hooks, wires) = if virtual_machine {
        virtual_sockets(&io, &mut builder, &cpus)?
    } else {
        let timers = if config.faults.contains(&Fault::TimerIrq) { IRQ } else { FIQ };
        let (sockets, gates) = sockets(&cpus, &model, timers);
        let irqs: Vec<Line> = sockets.iter().map(|s| s.lines.line(IRQ)).collect();
        let gated = sockets.iter().zip(&gates).map(|(s, gate)| (s.mpidr, gate.input(GATE_IPI)));
        let ipi: Arc<dyn SystemRegisterHook> = FastIpi::new(gated.collect());
        let wires = io.aic(&mut builder, irqs, &clock);
        (sockets, vec![ipi], wires)
    };
    io.uarts(&mut builder, &wires, &mut notes);
    let start = cpus::start_offset(plan.soc);
    if start.is_none() && cpus.len() > 1 && !virtual_machine {
        notes.push("how this chip's power manager starts CPUs is not known: only PSCI does".into());
    }
    io.controllers(&mut builder, plan, start.map(|offset| (offset, cpus::cores(&cpus, &power))));
    io.cpu_registers(&mut builder, &cpus);
    let unmapped = builder.unmapped(config.on_unmapped.take());
    Ok(Board {
        name: if virtual_machine { "vmapple" } else { "apple" },
        bus: Arc::new(builder.bus.build()),
        clock,
        boot_cpu: 0,
        sockets,
        hooks: config.faults.iter().filter_map(|f| f.hook()).chain(hooks).collect(),
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
        gic: u64::from(virtual_machine),
        family: if virtual_machine { Family::AppleVirtual } else { Family::Apple },
        power: Some(power),
        enforce_locks: config.enforce_locks,
        notes,
    })
}

/// Sockets whose timers, IPIs and PMU are FIQs (`wire`, or what stands in for it), and the gates that join these.
fn sockets(cpus: &[AppleCpu], model: &cpu::Model, wire: u32) -> (Vec<Socket>, Vec<Arc<OrGate>>) {
    cpus.iter()
        .map(|cpu| {
            let lines = Lines::new();
            let gate = OrGate::new(lines.line(wire));
            let timers: [Line; TIMERS] = std::array::from_fn(|n| gate.input(n as u32));
            let midr = if cpu.efficiency { model.efficiency_midr } else { None };
            (Socket { mpidr: cpu.mpidr, midr, lines, timers, pmu: gate.input(GATE_PMU) }, gate)
        })
        .unzip()
}

/// CPUs' sockets, what system registers do outside the CPUs, and the wires of devices.
type Sockets = (Vec<Socket>, Vec<Arc<dyn SystemRegisterHook>>, io::Wires);

/// Sockets behind a GICv3.
fn virtual_sockets(io: &ArmIo<'_>, builder: &mut Builder, cpus: &[AppleCpu]) -> Result<Sockets, Error> {
    let lines: Vec<Arc<Lines>> = cpus.iter().map(|_| Lines::new()).collect();
    let (gic, wires) = io.gic(builder, cpus, &lines)?;
    let sockets = cpus.iter().zip(lines).enumerate().map(|(index, (cpu, lines))| Socket {
        mpidr: cpu.mpidr,
        midr: None,
        lines,
        timers: std::array::from_fn(|n| gic.ppi(index, crate::virt::timer_ppi(n))),
        pmu: gic.ppi(index, crate::virt::PMU_PPI),
    });
    let hook: Arc<dyn SystemRegisterHook> = Arc::new(IccRegisters(gic.clone()));
    Ok((sockets.collect(), vec![hook], wires))
}

/// First and last 16 KiB page, from the DRAM base, of what the kernel expects to be locked read-only.
fn read_only_pages(plan: &Plan) -> Option<(u32, u32)> {
    let range = plan.read_only?;
    let page = |pa: u64| u32::try_from(pa.checked_sub(plan.dram.base)? >> 14).ok();
    Some((page(range.base)?, page(range.end().checked_sub(1)?)?))
}
