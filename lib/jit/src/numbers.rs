//! Numbers that stand for "the translations of this half of the address space, seen in this mode".
//!
//! Tags of indirect targets and the checks of jumps across pages hold such numbers, so neither a change of address space
//! nor TLB maintenance has to find and change generated code: what holds another number does not match any more.

use cpu::Cpu;

use crate::block::Map;
use crate::mode::Mode;

/// Numbers before all are given out again: tags have 15 bits for them.
const MOST: u32 = 0x7fff;

/// Contexts whose numbers are found without hashing. A power of two.
const RECENT: usize = 16;

/// What the CPU is in now, as far as code is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    serials: [u64; 2],
    pub mode: Mode,
}

impl Context {
    /// The context of a CPU now.
    pub fn of(cpu: &Cpu) -> Context {
        Context { serials: cpu.fetch_serials(), mode: Mode::of(cpu) }
    }
}

#[derive(Debug)]
pub struct Numbers {
    given: Map<(u64, u32, u32), u32>,
    last: u32,
    recent: [Option<(Context, [u32; 2])>; RECENT],
}

impl Numbers {
    pub fn new() -> Numbers {
        Numbers { given: Map::default(), last: 0, recent: [None; RECENT] }
    }

    /// The numbers of the lower and the upper half in `context`; None when no number is left.
    pub fn of(&mut self, context: Context) -> Option<[u32; 2]> {
        let hash = context.serials[0] ^ context.serials[1] << 2 ^ u64::from(context.mode.el()) << 1;
        let slot = hash as usize % RECENT;
        if let Some((known, numbers)) = self.recent[slot]
            && known == context
        {
            return Some(numbers);
        }
        let mut numbers = [0; 2];
        for (half, number) in numbers.iter_mut().enumerate() {
            let key = (context.serials[half], context.mode.0, half as u32);
            *number = match self.given.get(&key) {
                Some(&number) => number,
                None if self.last >= MOST => return None,
                None => {
                    self.last += 1;
                    self.given.insert(key, self.last);
                    self.last
                }
            };
        }
        self.recent[slot] = Some((context, numbers));
        Some(numbers)
    }

    /// Forgets all: everything that holds a number must be made not to match.
    pub fn clear(&mut self) {
        *self = Numbers::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(low: u64, high: u64, mode: u32) -> Context {
        Context { serials: [low, high], mode: Mode(mode) }
    }

    #[test]
    fn a_number_belongs_to_one_half_one_serial_and_one_mode() {
        let mut numbers = Numbers::new();
        let [a, k] = numbers.of(context(1, 9, 16)).unwrap();
        let [b, same] = numbers.of(context(2, 9, 16)).unwrap();
        let [c, other] = numbers.of(context(1, 9, 0)).unwrap();
        assert!(k == same && a != b && a != c && k != other && a != k);
        assert_eq!(numbers.of(context(1, 9, 16)), Some([a, k]));
    }

    #[test]
    fn numbers_run_out_and_start_again() {
        let mut numbers = Numbers::new();
        let given = (1..).take_while(|n| numbers.of(context(*n, 1, 0)).is_some()).count();
        assert_eq!(given as u32, MOST - 1);
        numbers.clear();
        assert!(numbers.of(context(1, 1, 0)).is_some());
    }
}
