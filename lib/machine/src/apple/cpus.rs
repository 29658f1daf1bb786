//! The CPUs of the tree: their numbers, kinds, wires, and what starts those that wait.
//!
//! A waiting CPU begins at its own RVBAR when the power manager is told so; Apple's virtual machines use PSCI.
//! Sources: m1n1 src/smp.c, Asahi Linux docs/hw/cpu/smp.md, XNU osfmk/arm64/start.s and machine_routines.c.

use std::sync::Arc;

use apple_dt::{Node, Tree};
use devices::cpu_control::CpuControl;
use devices::pmgr::Core;
use mem::{Line, LineSink};

use crate::Error;
use crate::firmware::Power;

/// MPIDR bit that reads as one.
const MPIDR_RES1: u64 = 1 << 31;
/// MPIDR bit of performance cores (Aff2 = 1).
const MPIDR_PERFORMANCE: u64 = 1 << 16;

/// A CPU of the machine.
#[derive(Debug)]
pub struct AppleCpu {
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// Number in its cluster, and cluster, as the tree's `reg` has them.
    pub core: (u32, u32),
    /// It is an efficiency core.
    pub efficiency: bool,
    /// Physical range of its control registers, when the tree has one.
    pub registers: Option<(u64, u64)>,
    /// What those registers control.
    pub control: Arc<CpuControl>,
}

/// The tree's CPUs, the one that runs first in front; at most `count`. `virtual_machine`: MPIDR is the number alone.
pub fn find(
    tree: &Tree,
    count: u32,
    reset_vector: u64,
    virtual_machine: bool,
) -> Result<Vec<AppleCpu>, Error> {
    let nodes: Vec<&Node> = tree.node("/cpus").map(|n| n.children.iter().collect()).unwrap_or_default();
    let running = |n: &Node| n.get("state").and_then(|p| p.str()) == Some("running");
    let place = |n: &Node| nodes.iter().position(|other| std::ptr::eq(*other, n)).unwrap_or(0);
    let (first, others): (Vec<&Node>, Vec<&Node>) = nodes.iter().copied().partition(|n| running(n));
    let count = count.max(1) as usize;
    let mut cpus: Vec<AppleCpu> = first
        .into_iter()
        .chain(others)
        .take(count)
        .map(|n| cpu(tree, n, place(n), reset_vector, virtual_machine))
        .collect();
    if cpus.is_empty() {
        cpus.push(AppleCpu {
            mpidr: MPIDR_RES1,
            core: (0, 0),
            efficiency: false,
            registers: None,
            control: CpuControl::new(reset_vector),
        });
    }
    if cpus.len() < count {
        return Err(Error::Option {
            option: "--cpus",
            why: format!("the device tree has {} CPUs, not {count}", cpus.len()),
        });
    }
    Ok(cpus)
}

fn cpu(tree: &Tree, node: &Node, place: usize, reset_vector: u64, virtual_machine: bool) -> AppleCpu {
    let reg = node.get("reg").and_then(|p| p.number()).unwrap_or(place as u64);
    let kind = node.get("cluster-type").and_then(|p| p.str()).unwrap_or_default();
    let performance = if kind == "P" && !virtual_machine { MPIDR_PERFORMANCE } else { 0 };
    AppleCpu {
        mpidr: MPIDR_RES1 | reg & 0xff_ffff | performance,
        core: ((reg & 0xff) as u32, (reg >> 8 & 7) as u32),
        efficiency: kind == "E",
        registers: registers(tree, node, place),
        control: CpuControl::new(reset_vector),
    }
}

/// `cpu-impl-reg`; older trees have `reg-private`, or pairs in `/arm-io` `reg` behind the first. All are absolute.
fn registers(tree: &Tree, node: &Node, place: usize) -> Option<(u64, u64)> {
    let pair = |words: Vec<u64>, at: usize| {
        let (base, len) = (*words.get(at)?, words.get(at + 1).copied().unwrap_or(0x1000));
        (base != 0 && base.checked_add(len).is_some()).then_some((base, len.clamp(0x200, 0x1_0000)))
    };
    let of = |name: &str| pair(node.get(name)?.words64().collect(), 0);
    let shared = || pair(tree.property("/arm-io", "reg")?.words64().collect(), 2 * place + 2);
    of("cpu-impl-reg").or_else(|| of("reg-private")).or_else(shared)
}

/// Offset of the power manager's block that starts CPUs, by chip; None: not known.
pub fn start_offset(soc: Option<xnu_boot::Soc>) -> Option<u64> {
    Some(match soc?.name {
        "S5L8960X" | "T7000" | "T7001" => 0x3_0000,
        "S8000" | "S8001" | "S8003" | "T8010" | "T8011" | "T8012" | "T8015" | "T8020" | "T8027" | "T8030" => {
            0xd_4000
        }
        "T8101" | "T8103" | "T6000" | "T6001" => 0x5_4000,
        "T8110" | "T8112" => 0x3_4000,
        _ => return None,
    })
}

/// Raised by the power manager to start CPU `index`.
struct Button {
    power: Arc<Power>,
    controls: Vec<Arc<CpuControl>>,
}

impl LineSink for Button {
    fn set(&self, index: u32, level: bool) {
        if level && let Some(control) = self.controls.get(index as usize) {
            self.power.release(index as usize, control.reset_vector());
        }
    }
}

/// The cores as the power manager knows them.
pub fn cores(cpus: &[AppleCpu], power: &Arc<Power>) -> Vec<Core> {
    let controls = cpus.iter().map(|c| Arc::clone(&c.control)).collect();
    let button: Arc<dyn LineSink> = Arc::new(Button { power: Arc::clone(power), controls });
    let core = |(index, cpu): (usize, &AppleCpu)| Core {
        core: cpu.core.0,
        cluster: cpu.core.1,
        start: Line::new(Arc::clone(&button), index as u32),
    };
    cpus.iter().enumerate().map(core).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        apple_dt::compile(
            r#"/apple-dt/ 1; device-tree {
                cpus {
                    cpu0 { reg = u32(0); state = "waiting"; cluster-type = "E"; }
                    cpu1 { reg = u32(1); state = "running"; cluster-type = "E"; reg-private = u64(0x208150000); }
                    cpu4 { reg = u32(4); state = "waiting"; cluster-type = "P"; }
                    cpu5 { reg = u32(0x101); state = "waiting"; cluster-type = "P"; cpu-impl-reg = u64(0x210000000 0x8000); }
                }
                arm-io { reg = u64(0 0x1000 0x208050000 0x8000 1 2 0x208450000 0x8000); }
            }"#,
        )
        .unwrap()
    }

    #[test]
    fn the_running_cpu_comes_first_and_numbers_kinds_and_registers_are_the_trees() {
        let cpus = find(&tree(), 4, 0x8_0400_4123, false).unwrap();
        let mpidrs: Vec<u64> = cpus.iter().map(|c| c.mpidr & !MPIDR_RES1).collect();
        assert_eq!(mpidrs, [1, 0, 0x1_0004, 0x1_0101]);
        assert_eq!(cpus.iter().map(|c| c.core).collect::<Vec<_>>(), [(1, 0), (0, 0), (4, 0), (1, 1)]);
        assert_eq!(cpus.iter().map(|c| c.efficiency).collect::<Vec<_>>(), [true, true, false, false]);
        let registers: Vec<_> = cpus.iter().map(|c| c.registers.map(|r| r.0)).collect();
        assert_eq!(
            registers,
            [Some(0x2_0815_0000), Some(0x2_0805_0000), Some(0x2_0845_0000), Some(0x2_1000_0000)]
        );
        assert_eq!(cpus[0].control.reset_vector(), 0x8_0400_4000);
        assert!(find(&tree(), 5, 0, false).is_err());
        assert_eq!(find(&tree(), 3, 0, true).unwrap()[2].mpidr & !MPIDR_RES1, 4);
        assert_eq!(find(&Tree::default(), 1, 0, false).unwrap().len(), 1);
    }

    #[test]
    fn a_button_starts_its_cpu_at_its_own_vector() {
        let cpus = find(&tree(), 4, 0x1000, false).unwrap();
        let power = Arc::new(Power::new(&cpus.iter().map(|c| c.mpidr).collect::<Vec<_>>()));
        let cores = cores(&cpus, &power);
        power.set(0, true);
        cores[0].start.set(true);
        cores[2].start.set(true);
        assert_eq!(power.take_start(0), None, "it is on already");
        assert_eq!(power.take_start(2).map(|s| s.pc), Some(0x1000));
        assert_eq!(power.take_start(1), None);
    }
}
