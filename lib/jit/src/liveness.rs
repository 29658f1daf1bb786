//! Where NZCV is still needed: one walk backward over a block.

use crate::ir::Ir;

/// For each operation: whether the flags that hold *after* it are needed by something other than it.
///
/// Exits of the block and operations that may show the state to Rust code need them.
pub fn flags_after(ops: &[Ir]) -> Vec<bool> {
    let mut live = true;
    let mut after = vec![true; ops.len()];
    for (slot, op) in after.iter_mut().zip(ops).rev() {
        *slot = live;
        if op.writes_flags() {
            live = false;
        }
        if op.reads_flags() || op.observes() || op.leaves() {
            live = true;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Operand;

    fn cmp() -> Ir {
        Ir::AddSub { sf: true, sub: true, flags: true, rd: 32, rn: 0, b: Operand::Imm(0) }
    }

    #[test]
    fn flags_are_dead_between_two_compares_unless_something_may_fault_there() {
        let middle = Ir::Const { rd: 0, value: 1 };
        assert_eq!(flags_after(&[cmp(), middle, cmp()]), [false, false, true]);
        let exit = Ir::Cbz { sf: true, nonzero: false, rt: 0, target: 0 };
        assert_eq!(flags_after(&[cmp(), exit, cmp()]), [true, false, true]);
    }
}
