//! Self-checks of a plan: each rule whose breach makes a boot fail silently is an error that says what to do.

use super::{Inputs, Kernel, Load, Options, Plan, Range, Source, align_down};
use crate::soc::Soc;
use crate::train::Train;
use crate::{Error, Result};
use apple_dt::{Property, Tree};
use apple_kc::{KernelCache, Layout};

/// The block of the bootstrap map where the chip is not known.
const BLOCK: u64 = super::BLOCK;

struct Checker<'a> {
    plan: &'a mut Plan,
    force: bool,
}

impl Checker<'_> {
    fn warn(&mut self, message: impl Into<String>) {
        self.plan.warnings.push(message.into());
    }

    fn rule(&mut self, holds: bool, rule: &'static str, why: impl FnOnce() -> String) -> Result<()> {
        if holds {
            return Ok(());
        }
        let error = Error::Rule { rule, why: why() };
        if self.force {
            self.plan.warnings.push(error.to_string());
            return Ok(());
        }
        Err(error)
    }
}

pub(super) fn check(plan: &mut Plan, inputs: &Inputs<'_>, options: &Options) -> Result<()> {
    places(plan)?;
    let mut checker = Checker { plan, force: options.force };
    if let Kernel::Xnu(kernel) = &inputs.kernel {
        layout(&mut checker, kernel)?;
        if let Some(tree) = checker.plan.device_tree.take() {
            let result = content(&mut checker, &tree);
            checker.plan.device_tree = Some(tree);
            result?;
        }
        arguments(&mut checker, inputs)?;
    }
    Ok(())
}

fn is_segment(load: &Load) -> bool {
    !load.protection.is_empty()
}

/// Everything lies in RAM, and nothing on anything else. Not to be forced: there is nothing to try.
fn places(plan: &mut Plan) -> Result<()> {
    let mut warnings = Vec::new();
    let mut regions: Vec<(&str, Range, bool)> =
        plan.loads.iter().map(|l| (l.what.as_str(), l.range(), is_segment(l))).collect();
    regions.extend(plan.reserved.iter().map(|r| (r.what, r.range, false)));
    regions.sort_by_key(|(_, r, _)| r.base);
    for (what, range, _) in &regions {
        if range.base < plan.dram.base
            || range.base.checked_add(range.size).is_none_or(|e| e > plan.dram.end())
        {
            return Err(Error::Rule {
                rule: "everything lies in RAM",
                why: format!(
                    "{what} at {:#x} (+{:#x}) does not; give more with --memory",
                    range.base, range.size
                ),
            });
        }
    }
    // Sorted by base, so whatever overlaps something overlaps the furthest-reaching one before it.
    let mut furthest: Option<(&str, Range, bool)> = None;
    for &(what, range, segment) in &regions {
        if let Some((before, other, other_segment)) = furthest
            && other.overlaps(range)
        {
            if !(segment && other_segment) {
                return Err(Error::Overlap { first: before.into(), second: what.into(), pa: range.base });
            }
            warnings
                .push(format!("segments {before} and {what} overlap at {:#x}, as in the file", range.base));
        }
        if furthest.is_none_or(|(_, f, _)| f.end() < range.end()) {
            furthest = Some((what, range, segment));
        }
    }
    plan.warnings.extend(warnings);
    Ok(())
}

fn layout(c: &mut Checker<'_>, kernel: &KernelCache) -> Result<()> {
    let slide = c.plan.slide;
    let header = kernel.header_vmaddr().saturating_add(slide);
    let block = c.plan.soc.map_or(BLOCK, Soc::block);
    let (virt, phys) = (c.plan.virt_base, c.plan.phys_base);
    c.rule(
        virt % block == phys % block,
        "virtBase and physBase agree modulo a block of the first map",
        || format!("{virt:#x} and {phys:#x} differ modulo {block:#x}; choose another memory base"),
    )?;
    let entry = c.plan.entry;
    let at = c.plan.loads.iter().find(|l| is_segment(l) && l.range().contains(entry));
    let executable = at.is_some_and(|l| l.protection.contains('x') && matches!(l.source, Source::Kernel(_)));
    c.rule(executable, "the entry point is in an executable segment", || {
        format!("physical {entry:#x} is not: this is no kernel to boot")
    })?;

    // `start.s` maps whole blocks from the header's on, as many as fit between header and end of memory.
    let first = align_down(header, block);
    let end_va = c.plan.va(phys.saturating_add(c.plan.mem_size));
    let blocks = end_va.saturating_sub(header) / block;
    let mapped = Range { base: first, size: blocks.saturating_mul(block) };
    c.rule(blocks > 0, "memory above the kernel's header holds a block of the first map", || {
        format!("{:#x} bytes are too few; give more with --memory", end_va.saturating_sub(header))
    })?;
    for what in ["device tree", "boot_args"] {
        let Some(load) = c.plan.load(what) else { continue };
        let (va, end) = (load.va, load.va.saturating_add(load.size));
        c.rule(
            va >= mapped.base && end <= mapped.end(),
            "the kernel's first map covers tree and boot_args",
            || {
                format!(
                    "{what} at {va:#x} is not in {:#x}-{:#x}; give more with --memory",
                    mapped.base,
                    mapped.end()
                )
            },
        )?;
    }

    let lowest = c.plan.pa(kernel.lowest_vmaddr().saturating_add(slide));
    let top_segment = c.plan.pa(kernel.highest_vmaddr().saturating_add(slide));
    let top = c.plan.top_of_kernel_data;
    let locked = kernel.layout == Layout::Fileset;
    let odd: Vec<String> = c
        .plan
        .loads
        .iter()
        .filter(|l| !is_segment(l))
        .filter(|l| match l.what.as_str() {
            "trust cache" => l.range().end() > lowest,
            "device tree" if locked && l.range().end() <= lowest => false,
            _ => l.pa < top_segment || l.range().end() > top,
        })
        .map(|l| format!("{} at {:#x}", l.what, l.pa))
        .collect();
    c.rule(
        odd.is_empty(),
        "the trust cache lies below the segments, the rest between them and topOfKernelData",
        || odd.join(", "),
    )?;

    let train = c.plan.train;
    let size = c.plan.mem_size;
    let small = train.is_none_or(|t| t >= Train::IOS13) || size <= 14 << 30;
    c.rule(small, "kernels up to iOS 12 map all memory", || {
        "more than 14 GiB; give less with --memory".into()
    })?;
    let pages_4k = c.plan.soc.is_some_and(Soc::pages_of_4k);
    c.rule(!pages_4k || size <= 2 << 30, "A7 and A8 kernels have room for the tables of 2 GiB", || {
        "more memory overwrites the kernel silently; give less with --memory".into()
    })
}

fn content(c: &mut Checker<'_>, tree: &Tree) -> Result<()> {
    let train = c.plan.train;
    let left = tree.placeholders();
    c.rule(left.is_empty(), "no placeholder is left in the device tree", || {
        format!("{}: resolve them (dt-patch: resolve /**)", left.join(", "))
    })?;
    for (path, why) in [
        ("/chosen/memory-map", "the kernel looks up the trust cache in it"),
        ("/cpus", "the kernel panics without CPUs"),
        ("/defaults", "pmap uses it without a check"),
        ("/arm-io", "the kernel finds the console through it"),
    ] {
        c.rule(tree.node(path).is_some(), "the device tree has what the kernel reads unchecked", || {
            format!("no {path}: {why}")
        })?;
    }
    let cpus = tree.node("/cpus").map_or(&[][..], |n| n.children.as_slice());
    let state = |n: &&apple_dt::Node| n.get("state").and_then(Property::str) == Some("running");
    let running: Vec<_> = cpus.iter().filter(state).collect();
    c.rule(running.len() == 1, "one CPU is running", || {
        format!("{} of {} are: set the state of one to \"running\"", running.len(), cpus.len())
    })?;
    if let Some(cpu) = running.first() {
        let rate = cpu.get("timebase-frequency").and_then(Property::number);
        c.rule(rate != Some(0), "the counter's rate is known", || {
            "timebase-frequency is 0: set it to 24000000".into()
        })?;
        if rate.is_some_and(|r| r != c.plan.timebase && r != 0) {
            let r = rate.unwrap_or_default();
            c.plan.timebase = r;
            c.warn(format!("the tree's timebase is {r} Hz: the counter runs at that rate"));
        }
        let reg = cpu.has("reg");
        c.rule(reg, "the boot CPU has a number", || format!("/cpus/{} has no reg", cpu.label()))?;
    }
    let seed = tree.property("/chosen", "random-seed");
    c.rule(seed.is_some_and(|p| !p.is_blank()), "there is a random-seed", || {
        "/chosen:random-seed is missing or zero".into()
    })?;
    if train.is_some_and(|t| t >= Train::IOS14) {
        for name in ["dram-base", "dram-size"] {
            c.rule(
                tree.property("/chosen", name).is_some(),
                "kernels from iOS 14 on need dram-base and dram-size",
                || format!("no /chosen:{name}"),
            )?;
        }
        let ktrr = c.plan.soc.is_some_and(Soc::has_ktrr);
        c.rule(
            !ktrr || tree.node("/chosen/lock-regs/amcc").is_some(),
            "kernels from iOS 14 on need lock-regs",
            || "no /chosen/lock-regs/amcc".into(),
        )?;
    } else if matches!(c.plan.soc.map(|s| s.generation), Some(10 | 11)) {
        c.rule(
            tree.property("/arm-io/mcc", "reg").is_some(),
            "A10 and A11 kernels map the memory controller",
            || "no /arm-io/mcc with reg".into(),
        )?;
    }
    console(c, tree);
    if tree.root.has("secure-root-prefix") && c.plan.command_line.contains("rd=md") {
        c.warn("/:secure-root-prefix is there: IOKit will wait for a root check that no driver makes (delete it)");
    }
    let debug = tree.property("/chosen", "debug-enabled").and_then(Property::number).unwrap_or(0);
    if debug == 0 && c.plan.command_line.contains("debug=") {
        c.warn("/chosen:debug-enabled is 0: the kernel will ignore most of debug=");
    }
    Ok(())
}

/// What keeps a boot silent.
fn console(c: &mut Checker<'_>, tree: &Tree) {
    let Some(arm_io) = tree.node("/arm-io") else { return };
    let uarts = || arm_io.children.iter().filter(|n| n.has("boot-console") || n.label().starts_with("uart"));
    let samsung = |n: &apple_dt::Node| n.get("compatible").and_then(Property::str) == Some("uart-1,samsung");
    if !arm_io.has("ranges") {
        c.warn("/arm-io has no ranges: device addresses are unknown, there will be no console");
    }
    if c.plan.soc.is_some_and(Soc::is_virtual) {
        return;
    }
    if arm_io.walk().any(|n| n.label() == "dockchannel-uart") {
        c.warn("there is a dockchannel-uart: the kernel will wait for it at each character unless the machine has one");
    }
    if uarts().next().is_none() {
        c.warn("no uart0 below /arm-io: there will be no serial console");
    } else if !uarts().any(samsung) {
        c.warn("no UART below /arm-io is \"uart-1,samsung\": there will be no serial console");
    }
}

fn arguments(c: &mut Checker<'_>, inputs: &Inputs<'_>) -> Result<()> {
    let from_memory = c.plan.command_line.split_whitespace().any(|a| a == "rd=md0");
    c.rule(!from_memory || inputs.ramdisk.is_some(), "rd=md0 names a ramdisk", || {
        "there is none, and the kernel would panic: give one with --ramdisk, or take rd=md0 away".into()
    })?;
    if inputs.ramdisk.is_some() && !from_memory {
        c.warn(
            "there is a ramdisk but no rd=md0 in the boot arguments: the kernel will not take it as its root",
        );
    }
    let line = c.plan.command_line.as_str();
    if !line.split_whitespace().any(|a| a.starts_with("serial=")) && c.plan.framebuffer.is_some() {
        c.warn("no serial= in the boot arguments: the kernel's text goes to the screen only");
    }
    Ok(())
}
