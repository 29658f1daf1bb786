//! Immediates that are encoded, not stored: logical, vector and floating-point ones. Arm manual, shared pseudocode
//! (DecodeBitMasks, AdvSIMDExpandImm, VFPExpandImm).

/// The masks of a logical immediate or a bitfield instruction: (wmask, tmask), for `bits` = 32 or 64.
///
/// None for the reserved combinations. `immediate` is true for the logical instructions, which may not encode
/// all ones; the bitfield instructions may.
pub const fn decode_bit_masks(
    n: bool,
    imms: u32,
    immr: u32,
    immediate: bool,
    bits: u32,
) -> Option<(u64, u64)> {
    // The element size is given by the highest set bit of N:NOT(imms).
    let key = (n as u32) << 6 | (!imms & 0x3f);
    if key < 2 {
        return None;
    }
    let len = 31 - key.leading_zeros();
    let esize = 1 << len;
    if esize > bits {
        return None;
    }
    let levels = esize - 1;
    if immediate && imms & levels == levels {
        return None;
    }
    let (s, r) = (imms & levels, immr & levels);
    let diff = s.wrapping_sub(r) & levels;
    let wmask = rotate_element(ones(s + 1), r, esize);
    Some((replicate(wmask, esize, bits), replicate(ones(diff + 1), esize, bits)))
}

/// `n` ones, 1 to 64.
const fn ones(n: u32) -> u64 {
    u64::MAX >> (64 - n)
}

const fn rotate_element(value: u64, by: u32, esize: u32) -> u64 {
    if by == 0 { value } else { (value >> by | value << (esize - by)) & ones(esize) }
}

const fn replicate(value: u64, esize: u32, bits: u32) -> u64 {
    let mut out = value & ones(esize);
    let mut width = esize;
    while width < bits {
        out |= out << width;
        width *= 2;
    }
    out
}

/// The 64-bit pattern of an Advanced SIMD modified immediate. `op` is bit 29. Half-precision FMOV, which shares its
/// cmode and op with single precision, is [`vfp_expand_imm16`] four times.
pub const fn advsimd_expand_imm(op: bool, cmode: u32, imm8: u8) -> u64 {
    let i = imm8 as u64;
    match cmode >> 1 & 7 {
        0 => twice(i),
        1 => twice(i << 8),
        2 => twice(i << 16),
        3 => twice(i << 24),
        4 => i * 0x0001_0001_0001_0001,
        5 => (i << 8) * 0x0001_0001_0001_0001,
        6 if cmode & 1 == 0 => twice(i << 8 | 0xff),
        6 => twice(i << 16 | 0xffff),
        _ if cmode & 1 == 0 && !op => i * 0x0101_0101_0101_0101,
        _ if cmode & 1 == 0 => {
            let mut out = 0;
            let mut bit = 0;
            while bit < 8 {
                if i >> bit & 1 != 0 {
                    out |= 0xff << (8 * bit);
                }
                bit += 1;
            }
            out
        }
        _ if !op => twice(vfp_expand_imm32(imm8) as u64),
        _ => vfp_expand_imm64(imm8),
    }
}

const fn twice(word: u64) -> u64 {
    word << 32 | word
}

/// VFPExpandImm for half precision.
pub const fn vfp_expand_imm16(imm8: u8) -> u16 {
    let i = imm8 as u16;
    (i & 0x80) << 8 | if i & 0x40 != 0 { 0x3000 } else { 0x4000 } | (i & 0x3f) << 6
}

/// VFPExpandImm for single precision.
pub const fn vfp_expand_imm32(imm8: u8) -> u32 {
    let i = imm8 as u32;
    (i & 0x80) << 24 | if i & 0x40 != 0 { 0x3e00_0000 } else { 0x4000_0000 } | (i & 0x3f) << 19
}

/// VFPExpandImm for double precision.
pub const fn vfp_expand_imm64(imm8: u8) -> u64 {
    let i = imm8 as u64;
    (i & 0x80) << 56 | if i & 0x40 != 0 { 0x3fc0 << 48 } else { 0x4000 << 48 } | (i & 0x3f) << 48
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logical_immediates_expand_as_assemblers_write_them() {
        // and x0, x0, #0x5555555555555555; #0xff00; #0x8000000000000001; w: #0xfffffffe
        assert_eq!(
            decode_bit_masks(false, 0b111100, 0, true, 64),
            Some((0x5555_5555_5555_5555, 0x5555_5555_5555_5555))
        );
        assert_eq!(decode_bit_masks(true, 7, 56, true, 64).map(|m| m.0), Some(0xff00));
        assert_eq!(decode_bit_masks(true, 1, 1, true, 64).map(|m| m.0), Some(0x8000_0000_0000_0001));
        assert_eq!(decode_bit_masks(false, 30, 31, true, 32).map(|m| m.0), Some(0xffff_fffe));
    }

    #[test]
    fn reserved_logical_immediates_are_refused() {
        assert_eq!(decode_bit_masks(true, 63, 0, true, 64), None);
        assert_eq!(decode_bit_masks(false, 0b111110, 0, true, 64), None);
        assert_eq!(decode_bit_masks(false, 0b111111, 0, true, 64), None);
        assert_eq!(decode_bit_masks(true, 3, 0, true, 32), None);
        assert!(decode_bit_masks(true, 63, 0, false, 64).is_some());
    }

    #[test]
    fn floating_point_immediates_are_the_numbers_they_stand_for() {
        assert_eq!(f32::from_bits(vfp_expand_imm32(0x70)), 1.0);
        assert_eq!(f64::from_bits(vfp_expand_imm64(0x80)), -2.0);
        assert_eq!(f64::from_bits(vfp_expand_imm64(0x3f)), 31.0);
        assert_eq!(vfp_expand_imm16(0x70), 0x3c00);
    }

    #[test]
    fn vector_immediates_expand_by_cmode() {
        assert_eq!(advsimd_expand_imm(false, 0b0010, 0xab), 0x0000_ab00_0000_ab00);
        assert_eq!(advsimd_expand_imm(false, 0b1010, 0xab), 0xab00_ab00_ab00_ab00);
        assert_eq!(advsimd_expand_imm(false, 0b1101, 0xab), 0x00ab_ffff_00ab_ffff);
        assert_eq!(advsimd_expand_imm(false, 0b1110, 0xab), 0xabab_abab_abab_abab);
        assert_eq!(advsimd_expand_imm(true, 0b1110, 0x81), 0xff00_0000_0000_00ff);
        assert_eq!(advsimd_expand_imm(false, 0b1111, 0x70), 0x3f80_0000_3f80_0000);
    }
}
