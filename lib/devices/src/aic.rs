//! Apple's interrupt controller, first version (A7 to A14, M1).
//!
//! Level inputs with a mask each and a set of destination CPUs; an acknowledging read that names the source
//! and masks it; two inter-processor interrupts a CPU. Timers do not pass through it: they are wired to
//! FIQ. Not modelled: deferred IPIs (delivered at once), per-die blocks of later versions.
//! Sources: the Asahi Linux project's description (docs/hw/soc/aic.md), Linux
//! drivers/irqchip/irq-apple-aic.c, m1n1.

use std::sync::{Arc, Mutex, MutexGuard};

use mem::{Access, Clock, Device, Line, LineSink};

use crate::registers::{Stray, is_word};

/// Revision.
pub const REV: u64 = 0x0000;
/// Number of inputs in bits 15:0, number of CPUs less 1 in bits 20:16.
pub const CAP0: u64 = 0x0004;
/// Further capabilities: none.
pub const CAP1: u64 = 0x0008;
/// Reset.
pub const RST: u64 = 0x000c;
/// Global configuration: storage.
pub const GLB_CFG: u64 = 0x0010;
/// Index of the CPU that reads.
pub const WHOAMI: u64 = 0x2000;
/// Names the most urgent source, acknowledges and masks it.
pub const IACK: u64 = 0x2004;
/// Sends IPIs: bit n to CPU n, bit 31 to oneself.
pub const IPI_SET: u64 = 0x2008;
/// Withdraws one's own pending IPIs: bit 0 from others, bit 31 from oneself.
pub const IPI_CLR: u64 = 0x200c;
/// Masks one's own IPIs.
pub const IPI_MASK_SET: u64 = 0x2024;
/// Unmasks one's own IPIs.
pub const IPI_MASK_CLR: u64 = 0x2028;
/// As [`IPI_SET`], deferred.
pub const IPI_DEFER_SET: u64 = 0x202c;
/// As [`IPI_CLR`], for deferred ones.
pub const IPI_DEFER_CLR: u64 = 0x2030;
/// Destination CPUs of input n at `+ 4 n`, one bit each.
pub const EIR_DEST: u64 = 0x3000;
/// Raises inputs by software; bit n of word m is input `32 m + n`, here and in the next four.
pub const SW_SET: u64 = 0x4000;
/// Withdraws what software raised.
pub const SW_CLR: u64 = 0x4080;
/// Masks inputs.
pub const MASK_SET: u64 = 0x4100;
/// Unmasks inputs.
pub const MASK_CLR: u64 = 0x4180;
/// Levels of the input wires.
pub const HW_STATE: u64 = 0x4200;
/// The registers from 0x2000 as CPU n sees them, at `+ 0x80 n`.
pub const PER_CPU: u64 = 0x5000;
/// Low half of the system counter.
pub const TIME_LO: u64 = 0x8020;
/// High half of the system counter.
pub const TIME_HI: u64 = 0x8028;

/// Most inputs: as many as the words between the arrays hold.
pub const MAX_INPUTS: u32 = 1024;
const WORDS: usize = MAX_INPUTS as usize / 32;

const IPI_OTHER: u32 = 1 << 0;
const IPI_SELF: u32 = 1 << 31;
const TYPE_EXTERNAL: u32 = 1 << 16;
const TYPE_IPI: u32 = 4 << 16;

#[derive(Debug, Default, Clone)]
struct PerCpu {
    pending: u32,
    mask: u32,
}

#[derive(Debug)]
struct State {
    inputs: u32,
    hardware: [u32; WORDS],
    software: [u32; WORDS],
    mask: [u32; WORDS],
    dest: Vec<u32>,
    cpus: Vec<PerCpu>,
    config: u32,
    lines: Vec<Line>,
}

impl State {
    /// The lowest unmasked raised input that goes to `cpu`.
    fn next_input(&self, cpu: usize) -> Option<u32> {
        let bit = 1u32.checked_shl(u32::try_from(cpu).ok()?)?;
        let words = self.hardware.iter().zip(&self.software).zip(&self.mask);
        for (index, ((hw, sw), mask)) in words.enumerate() {
            let mut raised = (hw | sw) & !mask;
            while raised != 0 {
                let input = index as u32 * 32 + raised.trailing_zeros();
                if self.dest.get(input as usize).is_some_and(|dest| dest & bit != 0) {
                    return Some(input);
                }
                raised &= raised - 1;
            }
        }
        None
    }

    fn update(&self) {
        for (cpu, (line, own)) in self.lines.iter().zip(&self.cpus).enumerate() {
            line.set(own.pending & !own.mask != 0 || self.next_input(cpu).is_some());
        }
    }

    fn acknowledge(&mut self, cpu: usize) -> u32 {
        if let Some(own) = self.cpus.get_mut(cpu) {
            let ipi = own.pending & !own.mask;
            for (bit, number) in [(IPI_OTHER, 1), (IPI_SELF, 2)] {
                if ipi & bit != 0 {
                    own.mask |= bit;
                    return TYPE_IPI | number;
                }
            }
        }
        let Some(input) = self.next_input(cpu) else { return 0 };
        if let Some(mask) = self.mask.get_mut(input as usize / 32) {
            *mask |= 1 << (input % 32);
        }
        TYPE_EXTERNAL | input
    }

    fn send(&mut self, from: usize, targets: u32) {
        for (cpu, own) in self.cpus.iter_mut().enumerate() {
            if cpu < 31 && targets & 1 << cpu != 0 {
                own.pending |= IPI_OTHER;
            }
            if cpu == from && targets & IPI_SELF != 0 {
                own.pending |= IPI_SELF;
            }
        }
    }
}

/// The controller. Its input wires come from [`Aic::input`].
#[derive(Debug)]
pub struct Aic {
    state: Arc<Mutex<State>>,
    clock: Arc<Clock>,
    stray: Stray,
}

/// The receiving end of the input wires.
struct Inputs(Arc<Mutex<State>>);

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl LineSink for Inputs {
    fn set(&self, index: u32, level: bool) {
        let mut state = lock(&self.0);
        if index < state.inputs
            && let Some(word) = state.hardware.get_mut(index as usize / 32)
        {
            let bit = 1 << (index % 32);
            if level {
                *word |= bit
            } else {
                *word &= !bit
            }
            state.update();
        }
    }
}

impl Aic {
    /// A controller of `inputs` inputs (at most [`MAX_INPUTS`]) that drives one IRQ line a CPU.
    pub fn new(inputs: u32, lines: Vec<Line>, clock: Arc<Clock>) -> Self {
        let inputs = inputs.min(MAX_INPUTS);
        let state = State {
            inputs,
            hardware: [0; WORDS],
            software: [0; WORDS],
            mask: [u32::MAX; WORDS],
            dest: vec![0; inputs as usize],
            cpus: vec![PerCpu { pending: 0, mask: u32::MAX }; lines.len()],
            config: 0,
            lines,
        };
        Self { state: Arc::new(Mutex::new(state)), clock, stray: Stray::default() }
    }

    /// The wire to input `index`; one beyond the last input goes nowhere.
    pub fn input(&self, index: u32) -> Line {
        Line::new(Arc::new(Inputs(Arc::clone(&self.state))), index)
    }
}

/// Which word of a bit array an offset names.
fn word(offset: u64, array: u64) -> usize {
    ((offset - array) / 4) as usize
}

impl Device for Aic {
    fn name(&self) -> &str {
        "aic"
    }

    fn read(&mut self, offset: u64, access: Access) -> u64 {
        if !is_word(offset, access) {
            return self.stray.note();
        }
        let mut state = lock(&self.state);
        let (cpu, offset) = own_view(offset, access.cpu);
        let at = |words: &[u32; WORDS], array| words.get(word(offset, array)).copied().unwrap_or(0);
        let value = match offset {
            REV => 2,
            CAP0 => state.inputs | (state.cpus.len().saturating_sub(1) as u32 & 0x1f) << 16,
            CAP1 | RST => 0,
            GLB_CFG => state.config,
            WHOAMI => cpu as u32,
            IACK => {
                let source = state.acknowledge(cpu);
                state.update();
                source
            }
            IPI_SET | IPI_CLR | IPI_DEFER_SET | IPI_DEFER_CLR => {
                state.cpus.get(cpu).map_or(0, |own| own.pending)
            }
            IPI_MASK_SET | IPI_MASK_CLR => state.cpus.get(cpu).map_or(0, |own| own.mask),
            EIR_DEST..SW_SET => state.dest.get(word(offset, EIR_DEST)).copied().unwrap_or(0),
            SW_SET..SW_CLR => at(&state.software, SW_SET),
            SW_CLR..MASK_SET => at(&state.software, SW_CLR),
            MASK_SET..MASK_CLR => at(&state.mask, MASK_SET),
            MASK_CLR..HW_STATE => at(&state.mask, MASK_CLR),
            HW_STATE..0x4280 => at(&state.hardware, HW_STATE),
            TIME_LO => self.clock.now() as u32,
            TIME_HI => (self.clock.now() >> 32) as u32,
            _ => {
                drop(state);
                return self.stray.note();
            }
        };
        value.into()
    }

    fn write(&mut self, offset: u64, value: u64, access: Access) {
        if !is_word(offset, access) {
            self.stray.note();
            return;
        }
        let value = value as u32;
        let mut state = lock(&self.state);
        let (cpu, offset) = own_view(offset, access.cpu);
        let change = |words: &mut [u32; WORDS], array: u64, set: bool| {
            if let Some(word) = words.get_mut(word(offset, array)) {
                if set { *word |= value } else { *word &= !value }
            }
        };
        let own = |state: &mut State, change: fn(&mut PerCpu, u32)| {
            if let Some(own) = state.cpus.get_mut(cpu) {
                change(own, value);
            }
        };
        match offset {
            RST => {}
            GLB_CFG => state.config = value,
            IPI_SET | IPI_DEFER_SET => state.send(cpu, value),
            IPI_CLR | IPI_DEFER_CLR => own(&mut state, |own, bits| own.pending &= !bits),
            IPI_MASK_SET => own(&mut state, |own, bits| own.mask |= bits),
            IPI_MASK_CLR => own(&mut state, |own, bits| own.mask &= !bits),
            EIR_DEST..SW_SET => {
                if let Some(dest) = state.dest.get_mut(word(offset, EIR_DEST)) {
                    *dest = value;
                }
            }
            SW_SET..SW_CLR => change(&mut state.software, SW_SET, true),
            SW_CLR..MASK_SET => change(&mut state.software, SW_CLR, false),
            MASK_SET..MASK_CLR => change(&mut state.mask, MASK_SET, true),
            MASK_CLR..HW_STATE => change(&mut state.mask, MASK_CLR, false),
            _ => {
                self.stray.note();
            }
        }
        state.update();
    }

    fn reset(&mut self) {
        let mut state = lock(&self.state);
        state.software = [0; WORDS];
        state.mask = [u32::MAX; WORDS];
        state.dest.fill(0);
        state.cpus.fill(PerCpu { pending: 0, mask: u32::MAX });
        state.config = 0;
        state.update();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

/// An access to CPU n's mirror of the banked registers is one by CPU n to the registers themselves.
fn own_view(offset: u64, cpu: usize) -> (usize, u64) {
    match offset.checked_sub(PER_CPU) {
        Some(at) if at < 0x1000 => ((at / 0x80) as usize, WHOAMI + at % 0x80),
        _ => (cpu, offset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{B, W, Wires};
    use mem::Size;

    const CPU1: Access = Access { cpu: 1, size: Size::Word };

    fn aic() -> (Aic, Arc<Wires>) {
        let wires = Wires::new();
        let lines = vec![wires.line(0), wires.line(1)];
        (Aic::new(64, lines, Arc::new(Clock::counted(24_000_000, 24_000_000))), wires)
    }

    #[test]
    fn an_input_reaches_its_destination_once_until_unmasked() {
        let (mut a, wires) = aic();
        let input = a.input(33);
        input.set(true);
        assert_eq!(wires.get(), 0, "masked at reset");
        a.write(MASK_CLR + 4, 1 << 1, W);
        assert_eq!(wires.get(), 0, "no destination");
        a.write(EIR_DEST + 4 * 33, 2, W);
        assert_eq!(wires.get(), 2);
        assert_eq!(a.read(IACK, W), 0, "not for CPU 0");
        assert_eq!(a.read(IACK, CPU1), 0x1_0021);
        assert_eq!(wires.get(), 0, "acknowledging masks");
        assert_eq!(a.read(IACK, CPU1), 0);
        a.write(MASK_CLR + 4, 1 << 1, W);
        assert_eq!(wires.get(), 2, "still high");
        input.set(false);
        assert_eq!(wires.get(), 0);
    }

    #[test]
    fn software_raises_inputs_too() {
        let (mut a, wires) = aic();
        a.write(EIR_DEST, 1, W);
        a.write(MASK_CLR, 1, W);
        a.write(SW_SET, 1, W);
        assert_eq!(wires.get(), 1);
        a.write(SW_CLR, 1, W);
        assert_eq!(wires.get(), 0);
    }

    #[test]
    fn ipis_go_to_others_and_to_oneself() {
        let (mut a, wires) = aic();
        a.write(IPI_MASK_CLR, 0x8000_0001, W);
        a.write(PER_CPU + 0x80 + (IPI_MASK_CLR - WHOAMI), 1, W);
        a.write(IPI_SET, 1 << 1, W);
        assert_eq!(wires.get(), 2);
        assert_eq!(a.read(IACK, CPU1), 0x4_0001);
        a.write(IPI_CLR, 1, CPU1);
        a.write(IPI_MASK_CLR, 1, CPU1);
        assert_eq!(wires.get(), 0);
        a.write(IPI_SET, 1 << 31, W);
        assert_eq!(wires.get(), 1);
        assert_eq!(a.read(IACK, W), 0x4_0002);
    }

    #[test]
    fn it_says_what_it_is() {
        let (mut a, _) = aic();
        assert_eq!(a.read(CAP0, W), 0x1_0040);
        assert_eq!(a.read(WHOAMI, CPU1), 1);
        assert_eq!(a.read(PER_CPU + 0x80, W), 1);
        a.clock.count(1 << 33);
        assert_eq!((a.read(TIME_LO, W), a.read(TIME_HI, W)), (0, 2));
    }

    #[test]
    fn accesses_off_the_map_are_counted() {
        let (mut a, _) = aic();
        a.read(CAP0, B);
        a.read(0x9000, W);
        a.write(0x4200, 1, W);
        a.write(PER_CPU + 0xf80 + (IPI_CLR - WHOAMI), 1, W);
        a.write(EIR_DEST + 4 * 900, 1, W);
        a.input(5000).set(true);
        assert_eq!(a.stray(), 3);
    }
}
