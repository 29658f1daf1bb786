//! Integer arithmetic that several groups share. Arm manual, shared pseudocode (AddWithCarry, ShiftReg, ExtendReg).

/// Sum of two values and a carry, with the flags it sets (N, Z, C, V in bits 31:28). For 32 bits, `sf` = false: the
/// operands' upper halves are ignored and the result's is zero.
#[inline(always)]
pub fn add_with_carry(sf: bool, a: u64, b: u64, carry: bool) -> (u64, u32) {
    if sf {
        let (sum, c1) = a.overflowing_add(b);
        let (sum, c2) = sum.overflowing_add(u64::from(carry));
        let overflow = !(a ^ b) & (a ^ sum);
        let (n, z) = ((sum >> 63) as u32, u32::from(sum == 0));
        (sum, n << 31 | z << 30 | u32::from(c1 | c2) << 29 | ((overflow >> 63) as u32) << 28)
    } else {
        let (a, b) = (a as u32, b as u32);
        let (sum, c1) = a.overflowing_add(b);
        let (sum, c2) = sum.overflowing_add(u32::from(carry));
        let overflow = !(a ^ b) & (a ^ sum);
        let z = u32::from(sum == 0);
        (u64::from(sum), (sum & 1 << 31) | z << 30 | u32::from(c1 | c2) << 29 | (overflow >> 31) << 28)
    }
}

/// N and Z of a result, C and V clear: what ANDS and BICS set.
#[inline(always)]
pub fn logic_flags(sf: bool, value: u64) -> u32 {
    let n = if sf { (value >> 63) as u32 } else { value as u32 >> 31 };
    let zero = if sf { value == 0 } else { value as u32 == 0 };
    n << 31 | u32::from(zero) << 30
}

/// `value` shifted by `amount` (below the register's width): 0 LSL, 1 LSR, 2 ASR, 3 ROR.
#[inline(always)]
pub fn shift(sf: bool, value: u64, kind: u32, amount: u32) -> u64 {
    if sf {
        match kind & 3 {
            0 => value << (amount & 63),
            1 => value >> (amount & 63),
            2 => (value as i64 >> (amount & 63)) as u64,
            _ => value.rotate_right(amount),
        }
    } else {
        let value = value as u32;
        u64::from(match kind & 3 {
            0 => value << (amount & 31),
            1 => value >> (amount & 31),
            2 => (value as i32 >> (amount & 31)) as u32,
            _ => value.rotate_right(amount),
        })
    }
}

/// `value` extended by `option` (UXTB, UXTH, UXTW, UXTX, SXTB, SXTH, SXTW, SXTX) and shifted left.
#[inline(always)]
pub fn extend(value: u64, option: u32, amount: u32) -> u64 {
    let wide = match option & 7 {
        0 => u64::from(value as u8),
        1 => u64::from(value as u16),
        2 => u64::from(value as u32),
        4 => value as i8 as u64,
        5 => value as i16 as u64,
        6 => value as i32 as u64,
        _ => value,
    };
    wide << (amount & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_sums_follow_the_width() {
        assert_eq!(add_with_carry(false, 0x7fff_ffff, 1, false), (0x8000_0000, 0x9000_0000));
        assert_eq!(add_with_carry(true, 0x7fff_ffff, 1, false), (0x8000_0000, 0));
        assert_eq!(add_with_carry(true, u64::MAX, 0, true), (0, 0x6000_0000));
        assert_eq!(add_with_carry(false, 5, !3, true), (2, 0x2000_0000));
    }
}
