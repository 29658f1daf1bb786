//! The state a test starts from.
//!
//! Registers hold the values that break things: edges of every width, small numbers, floating-point specials in every
//! lane size. The base register of a load or store is set so that the access falls in the window, a few pages
//! of memory with a known pattern; branch registers point into the test's own slot or to nowhere.

use a64::Encoding;

use crate::rng::Rng;

/// Where the code of a recording's chunk lies.
pub const CODE: u64 = 0x4010_0000;
/// Bytes of code per chunk: slots are numbered anew every `CODE_LEN / slot` tests.
pub const CODE_LEN: u64 = 0x8_0000;
/// Where the window lies: all code reaches it with literal loads.
pub const WINDOW: u64 = 0x4008_0000;
/// Bytes of the window. Around it nothing is mapped.
pub const WINDOW_LEN: u64 = 0x2000;
/// Nothing is mapped here and for 16 MiB on.
pub const NOWHERE: u64 = 0x5000_0000;
/// In multi-word tests X28 points here and stays.
pub const BASE: u64 = WINDOW + 0x1000;

/// The registers of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regs {
    /// X0 to X30.
    pub x: [u64; 31],
    /// SP.
    pub sp: u64,
    /// PC.
    pub pc: u64,
    /// Flags in bits 31:28.
    pub nzcv: u32,
    /// FPSR.
    pub fpsr: u32,
    /// FPCR.
    pub fpcr: u32,
    /// V0 to V31.
    pub v: [u128; 32],
}

/// The pattern the window holds before each test.
pub fn window() -> Vec<u8> {
    let word = |i: u64| {
        let x = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^ x >> 29
    };
    (0..WINDOW_LEN / 8).flat_map(|i| word(i).to_le_bytes()).collect()
}

/// The eight bytes of the window at `address`.
fn window_at(address: u64) -> u64 {
    let bytes: Vec<u8> = window().into_iter().skip((address - WINDOW) as usize).take(8).collect();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

/// The slot of test `index` and the address of its first word.
pub fn place(index: u64, words: usize) -> (u64, u64) {
    let slot = slot_len(words);
    let start = CODE + index % (CODE_LEN / slot) * slot;
    (start, start + slot / 2 - if words > 1 { slot / 4 } else { 0 })
}

/// Bytes of a slot: 64 for one word, 256 for up to 32 words.
pub fn slot_len(words: usize) -> u64 {
    if words > 1 { 256 } else { 64 }
}

/// The registers that test `index` of a recording with `seed` starts from.
pub fn initial(words: &[u32], index: u64, seed: u64) -> Regs {
    let mut rng = Rng::new(seed, index);
    let (_, pc) = place(index, words.len());
    let mut regs = Regs {
        x: std::array::from_fn(|_| integer(&mut rng)),
        sp: integer(&mut rng) & !15,
        pc,
        nzcv: (rng.next() as u32) << 28,
        fpsr: 0,
        fpcr: fpcr(&mut rng),
        v: [0; 32],
    };
    let lanes = rng.below(4) as u32;
    regs.v = std::array::from_fn(|_| vector(&mut rng, lanes));
    match words {
        [word] => {
            if let Some(e) = a64::decode(*word) {
                adjust(&mut regs, e, *word, &mut rng);
            }
        }
        _ => regs.x[28] = BASE,
    }
    regs
}

/// A general register's value.
fn integer(rng: &mut Rng) -> u64 {
    const EDGES: [u64; 16] = [
        0,
        1,
        u64::MAX,
        1 << 63,
        i64::MAX as u64,
        1 << 31,
        0x7fff_ffff,
        0xffff_ffff,
        1 << 32,
        0xffff_ffff_8000_0000,
        0x80,
        0x7f,
        0x8000,
        0x7fff,
        0x5555_5555_5555_5555,
        0xaaaa_aaaa_aaaa_aaaa,
    ];
    match rng.below(8) {
        0 => rng.pick(&EDGES),
        1 => rng.below(256),
        2 => rng.below(256).wrapping_neg(),
        3 => rng.next() & 0xffff_ffff,
        _ => rng.next(),
    }
}

/// Mostly 0; else a rounding mode, FZ, DN, FZ16, or several.
fn fpcr(rng: &mut Rng) -> u32 {
    const DN: u32 = 1 << 25;
    const FZ: u32 = 1 << 24;
    const FZ16: u32 = 1 << 19;
    match rng.below(16) {
        0..8 => 0,
        8 => 1 << 22,
        9 => 2 << 22,
        10 => 3 << 22,
        11 => FZ,
        12 => DN,
        13 => FZ16,
        14 => FZ | DN,
        _ => (rng.next() as u32) & (DN | FZ | FZ16 | 3 << 22),
    }
}

/// A vector register's value, with lanes of half (1), single (2) or double precision (3), or plain bits (0).
fn vector(rng: &mut Rng, lanes: u32) -> u128 {
    let lane = |rng: &mut Rng| match lanes {
        1 => u128::from(half(rng)),
        2 => u128::from(single(rng)),
        3 => u128::from(double(rng)),
        _ => u128::from(integer(rng)),
    };
    let bits = [64, 16, 32, 64][lanes as usize & 3];
    (0..128 / bits).fold(0, |v, _| v << bits | lane(rng))
}

fn half(rng: &mut Rng) -> u16 {
    const SPECIAL: [u16; 18] = [
        0, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01, 0xfd00, 1, 0x83ff, 0x0400, 0x8400, 0x7bff, 0xfbff,
        0x3c00, 0xbc00, 0x7800, 0x3800,
    ];
    match rng.below(8) {
        0..3 => rng.pick(&SPECIAL),
        3 => rng.next() as u16 & 0x83ff | 15 << 10,
        _ => rng.next() as u16,
    }
}

fn single(rng: &mut Rng) -> u32 {
    const SPECIAL: [u32; 24] = [
        0,
        0x8000_0000,
        0x7f80_0000,
        0xff80_0000,
        0x7fc0_0000,
        0xffc0_1234,
        0x7f80_0001,
        0xffa0_0000,
        1,
        0x807f_ffff,
        0x0080_0000,
        0x8080_0000,
        0x7f7f_ffff,
        0xff7f_ffff,
        0x3f80_0000,
        0xbf80_0000,
        0x3f00_0000,
        0x4f00_0000,
        0xcf00_0000,
        0x5f00_0000,
        0x4f7f_ffff,
        0x4b00_0001,
        0x477f_e000,
        0x3880_0000,
    ];
    match rng.below(8) {
        0..3 => rng.pick(&SPECIAL),
        3 | 4 => rng.next() as u32 & 0x807f_ffff | (110 + rng.below(40) as u32) << 23,
        _ => rng.next() as u32,
    }
}

fn double(rng: &mut Rng) -> u64 {
    const SPECIAL: [u64; 24] = [
        0,
        1 << 63,
        0x7ff0 << 48,
        0xfff0 << 48,
        0x7ff8 << 48,
        0xfff8_0000_0000_1234,
        0x7ff0_0000_0000_0001,
        0xfff4 << 48,
        1,
        0x800f_ffff_ffff_ffff,
        0x0010 << 48,
        0x8010 << 48,
        0x7fef_ffff_ffff_ffff,
        0xffef_ffff_ffff_ffff,
        0x3ff0 << 48,
        0xbff0 << 48,
        0x3fe0 << 48,
        0x41e0 << 48,
        0xc1e0 << 48,
        0x43e0 << 48,
        0xc3e0 << 48,
        0x47ef_ffff_e000_0000,
        0x3810 << 48,
        0x4330_0000_0000_0001,
    ];
    match rng.below(8) {
        0..3 => rng.pick(&SPECIAL),
        3 | 4 => rng.next() & 0x800f_ffff_ffff_ffff | (990 + rng.below(70)) << 52,
        _ => rng.next(),
    }
}

/// Sets the registers that hold addresses.
fn adjust(regs: &mut Regs, e: &Encoding, word: u32, rng: &mut Rng) {
    let w = a64::Word(word);
    if e.name.ends_with("branch_reg") {
        let (slot, _) = place(regs.pc.wrapping_sub(CODE) / slot_len(1), 1);
        let target = if rng.one_in(2) { slot + 4 * rng.below(8) } else { NOWHERE + 4 * rng.below(1 << 22) };
        set(regs, w.rn(), target);
        return;
    }
    let Some(access) = Access::of(e, word) else { return };
    let mut address = WINDOW + WINDOW_LEN / 2 + rng.below(0x200);
    if access.aligned || rng.below(10) < 7 {
        address &= !15;
    }
    if !access.aligned {
        // Sometimes nothing is there, sometimes only the beginning or only the end. Vector registers always find all or
        // nothing: what an access that faults half-way leaves behind there is not defined.
        let whole = w.bit(26);
        match rng.below(64) {
            1 | 2 if whole => {}
            0 => address = NOWHERE + rng.below(0x1000),
            1 => address = WINDOW + WINDOW_LEN - rng.below(32),
            2 => address = WINDOW - rng.below(32),
            _ => {}
        }
    }
    let mut base = address.wrapping_sub(access.offset as u64);
    if access.register && w.rm() != 31 {
        let small = rng.below(0x200).wrapping_sub(0x100);
        let (value, extended) = match w.option() {
            2 => ((rng.next() << 32) | small & 0x1ff, small & 0x1ff),
            6 => ((rng.next() << 32) | small & 0xffff_ffff, small),
            _ => (small, small),
        };
        set(regs, w.rm(), value);
        base = base.wrapping_sub(extended << if w.bit(12) { access.scale } else { 0 });
    }
    if w.rn() == 31 && (base & 15) != 0 {
        base &= !15;
    }
    set(regs, w.rn(), base);
    // Let half of the compare and swaps succeed.
    let mapped = (WINDOW..WINDOW + WINDOW_LEN - 16).contains(&address);
    if e.name.starts_with("CAS") && rng.one_in(2) && mapped && w.rs() != w.rn() && w.rs() + 1 != w.rn() {
        let here = window_at(address);
        match (e.name.starts_with("CASP"), w.bit(30)) {
            (false, _) => set_x(regs, w.rs(), here),
            (true, false) => {
                set_x(regs, w.rs(), here);
                set_x(regs, w.rs() + 1, here >> 32);
            }
            (true, true) => {
                set_x(regs, w.rs(), here);
                set_x(regs, w.rs() + 1, window_at(address + 8));
            }
        }
    }
}

fn set_x(regs: &mut Regs, n: usize, value: u64) {
    if let Some(x) = regs.x.get_mut(n) {
        *x = value;
    }
}

/// Base registers: 31 is SP.
fn set(regs: &mut Regs, n: usize, value: u64) {
    match regs.x.get_mut(n) {
        Some(x) => *x = value,
        None => regs.sp = value,
    }
}

/// How a load or store finds its address.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Added to the base register before the access.
    pub offset: i64,
    /// A register is added too.
    pub register: bool,
    /// log2 of the bytes, where the offset is scaled.
    pub scale: u32,
    /// The address must be aligned.
    pub aligned: bool,
}

impl Access {
    /// The access of a word, if it has a base register.
    pub fn of(e: &Encoding, word: u32) -> Option<Access> {
        let w = a64::Word(word);
        let vector = w.bit(26);
        let scale = if vector { w.bits(23, 23) << 2 | w.size() } else { w.size() };
        let plain = Access { offset: 0, register: false, scale, aligned: false };
        let has = |part| e.name.contains(part);
        Some(if has("ldst_pos") {
            Access { offset: (w.imm12() << scale) as i64, ..plain }
        } else if has("ldst_immpre") || has("ldst_unscaled") || has("ldst_unpriv") {
            Access { offset: w.simm9(), ..plain }
        } else if has("ldst_regoff") {
            Access { register: true, ..plain }
        } else if has("ldapstl_unscaled") {
            Access { offset: w.simm9(), aligned: true, ..plain }
        } else if has("ldstpair_post") {
            plain
        } else if has("ldstpair") || has("ldstnapair") {
            let unit = if vector { w.size() + 2 } else { 2 + w.bits(31, 31) };
            Access { offset: w.simm7() << unit, ..plain }
        } else if has("ldst_immpost") || has("asisdls") {
            plain
        } else if has("ldstexcl") || has("ldstord") || has("memop") || has("comswap") {
            Access { aligned: true, ..plain }
        } else {
            return None;
        })
    }
}
