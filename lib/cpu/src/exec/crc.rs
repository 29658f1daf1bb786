//! CRC32 and CRC32C instructions: bit-reversed remainders modulo 0x04C11DB7 and 0x1EDC6F41, with no inversion
//! before or after. Arm manual C6.2.79.

const fn table(polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut c = n as u32;
        let mut bit = 0;
        while bit < 8 {
            c = if c & 1 != 0 { c >> 1 ^ polynomial } else { c >> 1 };
            bit += 1;
        }
        table[n] = c;
        n += 1;
    }
    table
}

static IEEE: [u32; 256] = table(0xedb8_8320);
static CASTAGNOLI: [u32; 256] = table(0x82f6_3b78);

fn update(table: &[u32; 256], mut crc: u32, value: u64, bytes: usize) -> u32 {
    for byte in value.to_le_bytes().into_iter().take(bytes) {
        crc = table[usize::from(crc as u8 ^ byte)] ^ crc >> 8;
    }
    crc
}

/// CRC32B, H, W, X: accumulates the low `bytes` bytes of `value`.
pub fn crc32(crc: u32, value: u64, bytes: usize) -> u32 {
    update(&IEEE, crc, value, bytes)
}

/// CRC32CB, CH, CW, CX.
pub fn crc32c(crc: u32, value: u64, bytes: usize) -> u32 {
    update(&CASTAGNOLI, crc, value, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_both_polynomials_come_out() {
        let run = |f: fn(u32, u64, usize) -> u32| {
            let crc = f(!0, u64::from_le_bytes(*b"12345678"), 8);
            !f(crc, u64::from(b'9'), 1)
        };
        assert_eq!(run(crc32), 0xcbf4_3926);
        assert_eq!(run(crc32c), 0xe306_9283);
    }
}
