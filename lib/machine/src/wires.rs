//! Wiring between CPUs and devices that no device owns.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cpu::SystemRegisterHook;
use devices::gicv3::Gicv3;
use mem::{Line, LineSink};

/// An OR gate: its output is high while any of up to 32 inputs is.
#[derive(Debug)]
pub struct OrGate {
    inputs: AtomicU32,
    output: Line,
}

impl OrGate {
    /// A gate that drives `output`.
    pub fn new(output: Line) -> Arc<Self> {
        Arc::new(Self { inputs: AtomicU32::new(0), output })
    }

    /// Input `index`, 0 to 31.
    pub fn input(self: &Arc<Self>, index: u32) -> Line {
        Line::new(Arc::<Self>::clone(self) as Arc<dyn LineSink>, index)
    }
}

impl LineSink for OrGate {
    fn set(&self, index: u32, level: bool) {
        let bit = 1u32.checked_shl(index).unwrap_or(0);
        let now = if level {
            self.inputs.fetch_or(bit, Ordering::AcqRel) | bit
        } else {
            self.inputs.fetch_and(!bit, Ordering::AcqRel) & !bit
        };
        self.output.set(now != 0);
    }
}

/// GICv3's CPU interface as system registers.
#[derive(Debug)]
pub struct IccRegisters(pub Gicv3);

impl SystemRegisterHook for IccRegisters {
    fn read(&self, cpu: usize, reg: u16) -> Option<u64> {
        self.0.read_register(cpu, reg)
    }

    fn write(&self, cpu: usize, reg: u16, value: u64) -> bool {
        self.0.write_register(cpu, reg, value)
    }
}

/// Apple's fast inter-processor interrupts (A11 and later): FIQs between CPUs by system registers.
///
/// Deferred and no-wake requests are delivered at once. Source: XNU osfmk/arm64/proc_reg.h, Asahi Linux
/// docs/hw/cpu/system-registers.md.
#[derive(Debug)]
pub struct FastIpi {
    /// MPIDR of each CPU and its FIQ wire.
    cpus: Vec<(u64, Line)>,
}

const IPI_RR_LOCAL: u16 = cpu::reg::pack(3, 5, 15, 0, 0);
const IPI_RR_GLOBAL: u16 = cpu::reg::pack(3, 5, 15, 0, 1);
const IPI_SR: u16 = cpu::reg::pack(3, 5, 15, 1, 1);

impl FastIpi {
    /// For these CPUs.
    pub fn new(cpus: Vec<(u64, Line)>) -> Arc<Self> {
        Arc::new(Self { cpus })
    }

    fn send(&self, core: u64, cluster: u64) {
        for (mpidr, line) in &self.cpus {
            if mpidr & 0xff == core && mpidr >> 8 & 0xff == cluster {
                line.set(true);
            }
        }
    }
}

impl SystemRegisterHook for FastIpi {
    fn read(&self, cpu: usize, reg: u16) -> Option<u64> {
        match reg {
            IPI_RR_LOCAL | IPI_RR_GLOBAL => Some(0),
            IPI_SR => self.cpus.get(cpu).map(|(_, line)| line.get().into()),
            _ => None,
        }
    }

    fn write(&self, cpu: usize, reg: u16, value: u64) -> bool {
        // Type 1 retracts a deferred request: there are none.
        let retract = value >> 28 & 3 == 1;
        match reg {
            IPI_RR_LOCAL | IPI_RR_GLOBAL if retract => {}
            IPI_RR_LOCAL => {
                let cluster = self.cpus.get(cpu).map_or(0, |(mpidr, _)| mpidr >> 8 & 0xff);
                self.send(value & 0xff, cluster);
            }
            IPI_RR_GLOBAL => self.send(value & 0xff, value >> 16 & 0xff),
            IPI_SR => {
                if value & 1 != 0
                    && let Some((_, line)) = self.cpus.get(cpu)
                {
                    line.set(false);
                }
            }
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use mem::{FIQ, Lines};

    use super::*;

    #[test]
    fn the_gate_is_high_while_any_input_is() {
        let lines = Lines::new();
        let gate = OrGate::new(lines.line(FIQ));
        let (a, b) = (gate.input(0), gate.input(31));
        a.set(true);
        b.set(true);
        a.set(false);
        assert_eq!(lines.get(), FIQ);
        b.set(false);
        assert_eq!(lines.get(), 0);
    }

    #[test]
    fn fast_ipis_reach_the_named_core_and_are_cleared_by_it() {
        let lines: Vec<_> = (0..2).map(|_| Lines::new()).collect();
        let ipi = FastIpi::new(vec![(0, lines[0].line(FIQ)), (0x101, lines[1].line(FIQ))]);
        assert!(ipi.write(0, IPI_RR_GLOBAL, 1 << 16 | 1));
        assert_eq!((lines[0].get(), lines[1].get()), (0, FIQ));
        assert_eq!(ipi.read(1, IPI_SR), Some(1));
        ipi.write(1, IPI_SR, 1);
        assert_eq!((lines[1].get(), ipi.read(1, IPI_SR)), (0, Some(0)));
        ipi.write(1, IPI_RR_LOCAL, 1 | 1 << 28);
        assert_eq!(lines[1].get(), 0, "retracts only");
        ipi.write(1, IPI_RR_LOCAL, 1);
        assert_eq!(lines[1].get(), FIQ);
        assert!(!ipi.write(0, 0, 0) && ipi.read(0, 0).is_none());
        ipi.write(9, IPI_SR, 1);
    }
}
