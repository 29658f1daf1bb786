//! Moves comparisons down to where their flags are used.
//!
//! Compilers put distance between a comparison and its branch; the host, nearly all of whose operations spoil EFLAGS, wants
//! them side by side. Only operations between which nothing can fault, leave the block or look at flags change
//! places, so the state is the guest's own wherever it can be seen.

use crate::ir::{Ir, Operand};
use crate::regs::ZR;

fn bit(register: u8) -> u64 {
    if register == ZR { 0 } else { 1 << register }
}

fn operand(b: Operand) -> u64 {
    match b {
        Operand::Imm(_) => 0,
        Operand::Reg(r) | Operand::Shifted(r, ..) | Operand::Extended(r, ..) => bit(r),
    }
}

/// Registers read and written by an integer operation, one bit each; None for all that is more than that.
fn effects(op: &Ir) -> Option<(u64, u64)> {
    Some(match *op {
        Ir::Nop => (0, 0),
        Ir::Const { rd, .. } => (0, bit(rd)),
        Ir::Movk { rd, .. } => (bit(rd), bit(rd)),
        Ir::AddSub { rd, rn, b, .. } | Ir::Logic { rd, rn, b, .. } => (bit(rn) | operand(b), bit(rd)),
        Ir::Extract { rd, rn, .. } | Ir::Unary { rd, rn, .. } => (bit(rn), bit(rd)),
        Ir::Insert { rd, rn, .. } => (bit(rn) | bit(rd), bit(rd)),
        Ir::Extr { rd, rn, rm, .. }
        | Ir::Shift { rd, rn, rm, .. }
        | Ir::MulHigh { rd, rn, rm, .. }
        | Ir::Div { rd, rn, rm, .. } => (bit(rn) | bit(rm), bit(rd)),
        Ir::Mul { rd, rn, rm, ra, .. } => (bit(rn) | bit(rm) | bit(ra), bit(rd)),
        _ => return None,
    })
}

/// Reorders a block in place.
pub fn schedule(ops: &mut [Ir]) {
    for start in 0..ops.len() {
        let Some(producer) = ops.get(start) else { return };
        if !matches!(producer, Ir::AddSub { flags: true, .. } | Ir::Logic { flags: true, .. }) {
            continue;
        }
        let Some((reads, writes)) = effects(producer) else { continue };
        let mut at = start;
        while let Some(next) = ops.get(at + 1) {
            let Some((r, w)) = effects(next) else { break };
            if next.writes_flags() || w & (reads | writes) != 0 || r & writes != 0 {
                break;
            }
            ops.swap(at, at + 1);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cmp(rn: u8) -> Ir {
        Ir::AddSub { sf: true, sub: true, flags: true, rd: ZR, rn, b: Operand::Imm(1) }
    }

    fn kinds(ops: &[Ir]) -> String {
        ops.iter()
            .map(|op| match op {
                Ir::AddSub { flags: true, .. } => 'c',
                Ir::Const { .. } => 'k',
                Ir::BCond { .. } => 'b',
                Ir::Access(_) => 'm',
                _ => '?',
            })
            .collect()
    }

    fn scheduled(mut ops: Vec<Ir>) -> String {
        schedule(&mut ops);
        kinds(&ops)
    }

    #[test]
    fn a_comparison_goes_down_to_its_branch_but_not_past_what_changes_its_operand_or_may_fault() {
        let constant = |rd| Ir::Const { rd, value: 0 };
        let branch = Ir::BCond { cond: 0, target: 0 };
        assert_eq!(scheduled(vec![cmp(1), constant(2), constant(3), branch]), "kkcb");
        assert_eq!(scheduled(vec![cmp(1), constant(2), constant(1), branch]), "kckb");
        let load = Ir::Access(crate::ir::Access {
            load: true,
            data: crate::ir::Data::General(4, None, 0),
            size: 3,
            address: crate::ir::Address::Offset(5, 0),
            aligned: false,
        });
        assert_eq!(scheduled(vec![cmp(1), load, constant(2), branch]), "cmkb");
        assert_eq!(scheduled(vec![cmp(1), cmp(2), branch]), "ccb");
    }
}
