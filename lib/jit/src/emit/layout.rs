//! Vector registers in loops: a block that branches to its own start may have other guest registers in the host's.
//!
//! Between blocks the layout is that of `regs`, always. A loop that uses guest registers which have no host register there, and
//! leaves some that have one alone, exchanges them on the way in and back on every way out, calls of Rust included. So
//! exceptions stay precise: whoever looks finds the usual layout.

use crate::emit::Emitter;
use crate::emit::vex::{self, Rm};
use crate::ir::{Data, Ir};
use crate::regs::{PINNED_V, host_v, slot_v};

/// Guest register `out` gives its host register to `inside`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    out: u8,
    inside: u8,
    host: u8,
}

/// Uses that make an exchange worth it: it costs four moves for each time the loop is entered.
const WORTH: u32 = 2;

/// The exchanges for a block at `start`; none for most.
pub fn choose(ops: &[Ir], start: u64) -> Vec<Exchange> {
    let again = match ops.last() {
        Some(
            Ir::BCond { target, .. }
            | Ir::Cbz { target, .. }
            | Ir::Tbz { target, .. }
            | Ir::B { target, link: false },
        ) => *target == start,
        _ => false,
    };
    if !again || !ops.iter().all(plain) {
        return Vec::new();
    }
    let mut uses = [0u32; 32];
    for op in ops {
        for v in vectors(op) {
            if let Some(n) = uses.get_mut(usize::from(v & 31)) {
                *n += 1;
            }
        }
    }
    let count = |v: u8| uses.get(usize::from(v)).copied().unwrap_or(0);
    let mut homeless: Vec<u8> = (0..32).filter(|&v| host_v(v).is_none() && count(v) >= WORTH).collect();
    homeless.sort_by_key(|&v| std::cmp::Reverse(count(v)));
    let mut housed = PINNED_V;
    housed.sort_by_key(|&(v, _)| count(v));
    let pairs = homeless.into_iter().zip(housed);
    pairs
        .take_while(|&(inside, (out, _))| count(inside) >= count(out) + WORTH)
        .map(|(inside, (out, host))| Exchange { out, inside, host })
        .collect()
}

/// Whether an operation reaches Rust by the executor's slow path only, if at all.
fn plain(op: &Ir) -> bool {
    matches!(
        op,
        Ir::Nop
            | Ir::Const { .. }
            | Ir::Movk { .. }
            | Ir::AddSub { .. }
            | Ir::Logic { .. }
            | Ir::AddCarry { .. }
            | Ir::Extract { .. }
            | Ir::Insert { .. }
            | Ir::Extr { .. }
            | Ir::Select { .. }
            | Ir::Ccmp { .. }
            | Ir::Shift { .. }
            | Ir::Mul { .. }
            | Ir::MulHigh { .. }
            | Ir::Div { .. }
            | Ir::Unary { .. }
            | Ir::Crc32c { .. }
            | Ir::Crc32 { .. }
            | Ir::Access(_)
            | Ir::Structure(_)
            | Ir::Vector(_)
            | Ir::Float(_)
            | Ir::Crypto(_)
            | Ir::BCond { .. }
            | Ir::Cbz { .. }
            | Ir::Tbz { .. }
            | Ir::B { link: false, .. }
    )
}

/// The guest vector registers that an operation names.
fn vectors(op: &Ir) -> Vec<u8> {
    match op {
        Ir::Access(access) => match access.data {
            Data::Vector(v, second) => std::iter::once(v).chain(second).collect(),
            Data::General(..) => Vec::new(),
        },
        Ir::Structure(s) => s.vectors(),
        Ir::Vector(v) => v.vectors(),
        Ir::Float(f) => f.vectors(),
        Ir::Crypto(c) => c.vectors(),
        _ => Vec::new(),
    }
}

impl Emitter<'_> {
    /// From the usual layout to that of the block. Keeps EFLAGS and all but the exchanged registers.
    pub(super) fn exchange_in(&mut self) {
        for n in 0..self.exchanges.len() {
            if let Some(&Exchange { out, inside, host }) = self.exchanges.get(n) {
                self.store_v(Rm::State(slot_v(out)), host);
                self.v(vex::MOVAPS, host, 0, Rm::State(slot_v(inside)));
            }
        }
    }

    /// Back to the usual layout.
    pub(super) fn exchange_out(&mut self) {
        for n in 0..self.exchanges.len() {
            if let Some(&Exchange { out, inside, host }) = self.exchanges.get(n) {
                self.store_v(Rm::State(slot_v(inside)), host);
                self.v(vex::MOVAPS, host, 0, Rm::State(slot_v(out)));
            }
        }
    }

    /// The host register that has guest vector register `v` in this block, if one does.
    pub(super) fn host_of(&self, v: u8) -> Option<u8> {
        for exchange in &self.exchanges {
            if v == exchange.inside {
                return Some(exchange.host);
            }
            if v == exchange.out {
                return None;
            }
        }
        host_v(v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Access, Address};

    fn load(v: u8) -> Ir {
        let data = Data::Vector(v, None);
        Ir::Access(Access { load: true, data, size: 4, address: Address::Offset(0, 0), aligned: false })
    }

    fn back(target: u64) -> Ir {
        Ir::BCond { cond: 1, target }
    }

    #[test]
    fn a_loop_gets_host_registers_for_what_it_uses_most() {
        let ops = [load(8), load(8), load(8), load(0), load(0), back(64)];
        let exchanges = choose(&ops, 64);
        assert_eq!(exchanges.len(), 1);
        assert_eq!(exchanges[0].inside, 8);
        assert_ne!(exchanges[0].out, 0);
    }

    #[test]
    fn what_is_no_loop_or_uses_a_register_once_keeps_the_usual_layout() {
        assert_eq!(choose(&[load(8), load(8), load(8), back(4)], 64), []);
        assert_eq!(choose(&[load(8), back(64)], 64), []);
        assert_eq!(choose(&[load(0), load(0), back(64)], 64), []);
    }
}
