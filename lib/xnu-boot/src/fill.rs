//! The device tree as iBoot would fill it: what the file leaves blank and the kernel or its kexts read.
//!
//! What each property is for and what happens without it was read in XNU (`pexpert/arm/pe_identify_machine.c`,
//! `pexpert/gen/pe_gen.c`, `osfmk/arm64/machine_routines.c`, `osfmk/arm64/amcc_rorgn.c`, `osfmk/arm/arm_init.c`,
//! `osfmk/arm64/arm_vm_init.c` at 4903.221.2 and 7195.50.7.100.1); values for kexts are those with which
//! `TrungNguyen1909/qemu-t8030` and `ChefKissInc/QEMUAppleSilicon` boot.

use crate::Result;
use crate::plan::Range;
use crate::soc::Soc;
use crate::train::Train;
use apple_dt::{Action, Change, Edit, Script, Target, Term, Tree, Value};

/// Ticks a second of the generic timer on every chip here: what the tree says must be what CNTFRQ says.
pub const TIMEBASE: u64 = 24_000_000;

/// The edits that are the same for every boot.
const STATIC: &str = include_str!("fill.edits");

/// The synthetic memory controller for `/chosen/lock-regs`: one aperture, one plane, at the place and with the
/// offsets that the A13's has. The kernel's driver of it (`amcc_rorgn.c`) takes all of this from the tree.
const LOCK_REGS: &str = "\
insert /chosen/lock-regs/amcc {
    aperture-count = u32(1);
    aperture-size = u32(0x4000);
    aperture-phys-addr = u64(0x200000000);
    plane-count = u32(1);
    cache-status-reg-offset = u32(0x1c00);
    cache-status-reg-mask = u32(0x1f);
    cache-status-reg-value = u32(0);
    amcc-ctrr-a {
        page-size-shift = u32(14);
        lower-limit-reg-offset = u32(0x680);
        lower-limit-reg-mask = u32(0xffffffff);
        upper-limit-reg-offset = u32(0x684);
        upper-limit-reg-mask = u32(0xffffffff);
        lock-reg-offset = u32(0x68c);
        lock-reg-mask = u32(1);
        lock-reg-value = u32(1);
    }
}";

/// What a boot knows that the tree is to say.
#[derive(Debug, Clone, Default)]
pub struct Fill {
    /// RAM: `dram-base`, `dram-size`. Nothing is said if its size is 0.
    pub dram: Range,
    /// CPUs of the machine.
    pub cpus: u32,
    /// Seed of `random-seed`.
    pub seed: u64,
    /// The kernel's train, where it matters; `None` does what harms none.
    pub train: Option<Train>,
    /// The chip.
    pub soc: Option<Soc>,
    /// `/chosen/memory-map`: name, place.
    pub memory_map: Vec<(String, Range)>,
    /// RAM for the panic log, if the machine has it; else `pram` goes.
    pub panic_log: Option<Range>,
    /// RAM for what `/stram` is there for.
    pub sleep_token: Option<Range>,
    /// RAM of the framebuffer, for `/vram`.
    pub framebuffer: Option<Range>,
}

/// 64 bytes for `random-seed`: equal for equal seeds, never all zero.
pub fn random_seed(seed: u64) -> [u8; 64] {
    // SplitMix64, Steele, Lea and Flood 2014: every seed gives eight different words.
    let mut state = seed;
    let mut out = [0; 64];
    for word in out.chunks_exact_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
    }
    out
}

/// Collects changes of edits made from statements and from values.
struct Log<'a> {
    tree: &'a mut Tree,
    changes: Vec<Change>,
}

impl Log<'_> {
    fn say(&mut self, statement: &str, why: &str) -> Result<()> {
        let edit = Edit::new(apple_dt::parse_edit(statement)?, why);
        self.changes.extend(edit.apply(self.tree)?);
        Ok(())
    }

    fn set(&mut self, path: &str, property: &str, term: Term, why: &str) -> Result<()> {
        let target = Target { nodes: apple_dt::Selector::parse(path)?, property: Some(property.into()) };
        let edit = Edit::new(Action::Set(target, Value::one(term)), why);
        self.changes.extend(edit.apply(self.tree)?);
        Ok(())
    }
}

impl Fill {
    /// The part of it that is the same for every boot and depends on no machine.
    ///
    /// # Errors
    /// None: the statements are part of this crate, and tested.
    pub fn script() -> Result<Script> {
        Ok(Script::parse(STATIC)?)
    }

    /// Fills in everything.
    ///
    /// # Errors
    /// An edit that the tree does not allow, such as nodes too deep.
    pub fn apply(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        let mut log = Log { tree, changes: Vec::new() };
        log.changes = Self::script()?.apply(log.tree)?;
        self.chosen(&mut log)?;
        self.cpus(&mut log)?;
        self.lock_registers(&mut log)?;
        self.memory(&mut log)?;
        self.serial(&mut log)?;
        Ok(log.changes)
    }

    /// Fills in only what no boot can do without: addresses, and no placeholder left.
    ///
    /// # Errors
    /// As [`Fill::apply`].
    pub fn minimal(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        let mut log = Log { tree, changes: Vec::new() };
        log.say("resolve /**", "bit 31 would be taken for part of the length")?;
        log.say("insert /chosen/memory-map", "where the pieces are")?;
        self.memory(&mut log)?;
        Ok(log.changes)
    }

    fn chosen(&self, log: &mut Log<'_>) -> Result<()> {
        let seed = random_seed(self.seed).iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        log.say(
            &format!("fill /chosen:random-seed = [{seed}]"),
            "early entropy; deterministic so that a boot can be repeated",
        )?;
        let digits = self.soc.map(|s| s.name.trim_start_matches(|c: char| !c.is_ascii_digit()));
        if let Some(chip) = digits.and_then(|d| u32::from_str_radix(d.get(..4)?, 16).ok()) {
            log.say(&format!("fill /chosen:chip-id = {chip:#x}"), "the chip's number")?;
        }
        Ok(())
    }

    fn cpus(&self, log: &mut Log<'_>) -> Result<()> {
        let count = log.tree.node("/cpus").map_or(0, |n| n.children.len());
        let running = |tree: &Tree| {
            let children = tree.node("/cpus").map_or(&[][..], |n| n.children.as_slice());
            children.iter().position(|c| c.get("state").and_then(|p| p.str()) == Some("running"))
        };
        let boot = running(log.tree).unwrap_or(0);
        // By place, not by name: names of CPU nodes need not differ.
        for index in 0..count {
            let state = if index == boot { "running" } else { "waiting" };
            let why = "exactly one CPU is running at entry: that one is the boot CPU";
            let Some(node) = log.tree.root.child_mut("cpus").and_then(|n| n.children.get_mut(index)) else {
                break;
            };
            let old = node.get("state").cloned();
            if old.as_ref().and_then(|p| p.str()) == Some(state) {
                continue;
            }
            node.set("state", [state.as_bytes(), b"\0"].concat())?;
            log.changes.push(Change {
                what: if old.is_some() { "set" } else { "add" },
                path: format!("/cpus/{}", node.label()),
                property: Some("state".into()),
                old: old.and_then(|p| p.str().map(|s| format!("{s:?}"))),
                new: Some(format!("{state:?}")),
                why: why.into(),
            });
        }
        for name in ["timebase", "fixed", "bus", "memory", "peripheral", "clock"] {
            let value = match log.tree.root.child("cpus").and_then(|n| n.children.get(boot)) {
                // Of either width, as the tree has it.
                Some(node) if node.has(&format!("{name}-frequency")) => format!("{TIMEBASE}"),
                _ => format!("u64({TIMEBASE})"),
            };
            log.say(
                &format!("fill /cpus/*[state=running]:{name}-frequency = {value}"),
                "0 would make all time conversions wrong; must equal the counter's rate",
            )?;
        }
        Ok(())
    }

    fn lock_registers(&self, log: &mut Log<'_>) -> Result<()> {
        let ktrr = self.soc.is_none_or(Soc::has_ktrr);
        let since = |train| self.train.is_none_or(|t| t >= train);
        if ktrr && since(Train::IOS14) && log.tree.node("/chosen/lock-regs/amcc").is_none() {
            log.say(LOCK_REGS, "the kernel panics without lock-regs; a controller of our own layout")?;
        }
        let mcc = self.train.is_none_or(|t| t < Train::IOS14) && ktrr;
        if mcc && log.tree.node("/arm-io").is_some() && log.tree.property("/arm-io/mcc", "reg").is_none() {
            log.say(
                "insert /arm-io/mcc { reg = u64(0 0x4000); }",
                "the kernel maps the memory controller's registers without a check",
            )?;
        }
        Ok(())
    }

    fn memory(&self, log: &mut Log<'_>) -> Result<()> {
        if self.dram.size > 0 {
            log.set(
                "/chosen",
                "dram-base",
                Term::U64(vec![self.dram.base]),
                "the kernel panics without it (iOS 14 on)",
            )?;
            log.set(
                "/chosen",
                "dram-size",
                Term::U64(vec![self.dram.size]),
                "the kernel panics without it (iOS 14 on)",
            )?;
        }
        for (name, range) in &self.memory_map {
            log.set(
                "/chosen/memory-map",
                name,
                Term::U64(vec![range.base, range.size]),
                "where the loader put it",
            )?;
        }
        if let Some(range) = self.sleep_token
            && (log.tree.node("/stram").is_some() || self.soc.is_some_and(Soc::has_sleep_token))
        {
            log.say("insert /stram", "kernels for A7 and A8 panic without it: \"No sleep token buffer\"")?;
            let reg = Term::U64(vec![range.base, range.size]);
            log.set("/stram", "reg", reg, "RAM that the kernel maps for its sleep token")?;
        }
        let Some(panic_log) = self.panic_log else { return Ok(()) };
        if log.tree.node("/pram").is_some() {
            let reg = Term::U64(vec![panic_log.base, panic_log.size]);
            log.set("/pram", "reg", reg, "the panic log's RAM, which the kernel maps and clears")?;
            let size = Term::U32(vec![u32::try_from(panic_log.size).unwrap_or(u32::MAX)]);
            log.set("/chosen", "embedded-panic-log-size", size, "without it panics nest")?;
        }
        if let Some(range) = self.framebuffer
            && log.tree.node("/vram").is_some()
        {
            log.set("/vram", "reg", Term::U64(vec![range.base, range.size]), "the framebuffer's RAM")?;
        }
        Ok(())
    }

    /// From iOS 18 the console is the node of one phandle.
    fn serial(&self, log: &mut Log<'_>) -> Result<()> {
        if self.train.is_some_and(|t| t < Train::IOS18) || log.tree.node("/arm-io/uart0").is_none() {
            return Ok(());
        }
        if log.tree.property("/arm-io/uart0", "AAPL,phandle").is_none() {
            let phandle = log.tree.free_phandle();
            log.set(
                "/arm-io/uart0",
                "AAPL,phandle",
                Term::U32(vec![phandle]),
                "for serial-device to name it",
            )?;
        }
        log.say(
            "fill /defaults:serial-device = phandle(/arm-io/uart0)",
            "from iOS 18 there is no serial console without it",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_statements_are_well_formed_and_each_has_a_reason() {
        let script = Script::parse(STATIC).unwrap();
        assert!(script.edits.len() > 20);
        for e in script.edits {
            assert!(!e.why.is_empty(), "{}", e.action);
        }
    }

    #[test]
    fn stram_is_ram_where_it_is_and_is_made_where_the_kernel_panics_without_it() {
        let text =
            |node: &str| format!("/apple-dt/ 1; device-tree {{ chosen {{ }} cpus {{ cpu0 {{ }} }} {node} }}");
        let ram = Range { base: 0x8_3ff0_0000, size: 0x4000 };
        for (node, soc, expected) in [
            ("stram { reg = u64(0x83fff4000 0x4000); }", "T8010", Some(vec![ram.base, ram.size])),
            ("", "T8010", None),
            ("", "S5L8960X", Some(vec![ram.base, ram.size])),
            ("", "T7000", Some(vec![ram.base, ram.size])),
            ("", "S8000", None),
        ] {
            let mut tree = apple_dt::compile(&text(node)).unwrap();
            let fill = Fill { sleep_token: Some(ram), soc: Soc::by_name(soc), ..Fill::default() };
            fill.apply(&mut tree).unwrap();
            let reg = tree.property("/stram", "reg").map(|p| p.words64().collect::<Vec<_>>());
            assert_eq!(reg, expected, "{soc} {node}");
        }
    }

    #[test]
    fn seeds_repeat_and_differ() {
        assert_eq!(random_seed(0), random_seed(0));
        assert_ne!(random_seed(0), random_seed(1));
        assert!(random_seed(0).iter().any(|&b| b != 0));
    }

    #[test]
    fn a_blank_tree_gets_one_running_cpu_frequencies_and_what_panics_without() {
        let mut tree = apple_dt::compile(
            r#"/apple-dt/ 1; device-tree {
                serial-number = template("syscfg/SrNm/0x20,zeroes/0x20");
                chosen { random-seed = zeros(64); debug-enabled = u32(0);
                         memory-map { MemoryMapReserved-0 = zeros(16); MemoryMapReserved-1 = zeros(16); } }
                cpus { cpu0 { state = "waiting"; timebase-frequency = u32(0); } cpu1 { state = "waiting"; } }
                arm-io { uart0 { } }
            }"#,
        )
        .unwrap();
        let fill = Fill {
            dram: Range { base: 0x8_0000_0000, size: 0x4000_0000 },
            memory_map: vec![("RAMDisk".into(), Range { base: 1, size: 2 })],
            ..Fill::default()
        };
        let changes = fill.apply(&mut tree).unwrap();
        assert!(changes.iter().all(|c| !c.why.is_empty()), "{changes:?}");
        let number = |path: &str, name: &str| tree.property(path, name).and_then(apple_dt::Property::number);
        assert_eq!(tree.property("/cpus/cpu0", "state").unwrap().str(), Some("running"));
        assert_eq!(tree.property("/cpus/cpu1", "state").unwrap().str(), Some("waiting"));
        let timebase = tree.property("/cpus/cpu0", "timebase-frequency").unwrap();
        assert_eq!((timebase.value.len(), timebase.number()), (4, Some(TIMEBASE)));
        assert_eq!(number("/cpus/cpu0", "fixed-frequency"), Some(TIMEBASE));
        assert_eq!(number("/cpus/cpu1", "fixed-frequency"), None);
        assert_eq!(number("/chosen", "dram-base"), Some(0x8_0000_0000));
        assert_eq!(number("/chosen", "debug-enabled"), Some(1));
        assert_eq!(tree.property("/chosen", "chip-epoch").unwrap().value.len(), 4);
        assert_eq!(tree.property("/chosen", "random-seed").unwrap().value, random_seed(0));
        let map: Vec<_> =
            tree.node("/chosen/memory-map").unwrap().properties.iter().map(|p| p.name.to_string()).collect();
        assert_eq!(map, ["name", "RAMDisk"]);
        assert!(
            tree.node("/defaults").is_some() && tree.node("/chosen/lock-regs/amcc/amcc-ctrr-a").is_some()
        );
        assert_eq!(number("/defaults", "serial-device"), number("/arm-io/uart0", "AAPL,phandle"));
        assert_eq!(tree.property("/", "serial-number").unwrap().value.len(), 32);
        assert!(tree.placeholders().is_empty());
        let before = tree.clone();
        assert!(fill.apply(&mut tree).unwrap().is_empty(), "a second time changes nothing");
        assert_eq!(before, tree);
    }
}
