//! Chooses the words of a recording.

use a64::{ENCODINGS, Encoding, Feature, Word, decode};

use crate::rng::Rng;
use crate::state::{Access, WINDOW, WINDOW_LEN};

/// The encodings that a user process can run alone and that mean the same everywhere.
pub fn encodings() -> Vec<&'static Encoding> {
    ENCODINGS.iter().filter(|e| recordable(e)).collect()
}

fn recordable(e: &Encoding) -> bool {
    const SYSTEM: [&str; 6] = ["hint", "barriers", "exception", "systeminstrs", "systemmove", "MSR_SI"];
    let system = SYSTEM.iter().any(|part| e.name.contains(part));
    // A store exclusive depends on the monitor, so on what ran before.
    let exclusive_store = ["STXR", "STLXR", "STXP", "STLXP"].iter().any(|m| e.name.starts_with(m));
    let privileged = e.name.starts_with("ERET") || e.name.starts_with("DRPS");
    let never = matches!(e.feature, Feature::Pauth | Feature::Apple);
    !(system || exclusive_store || privileged || never)
}

/// A random word of `e` for a test at `pc`, or None when this draw is not usable.
pub fn word(e: &Encoding, pc: u64, rng: &mut Rng) -> Option<u32> {
    let mut word = e.value | rng.next() as u32 & !e.mask;
    if rng.one_in(8) {
        // Registers that meet: Rd = Rn, Rm = Rn, and the zero register.
        word = with(word, 9, 5, rng.pick(&[word & 31, 31, word >> 16 & 31])) & !e.mask | e.value;
    }
    word = branch(e, word, rng);
    if e.name.contains("loadlit") {
        let address = WINDOW + WINDOW_LEN / 2 + 4 * rng.below(0x100);
        word = with(word, 23, 5, (address.wrapping_sub(pc) >> 2) as u32);
    }
    if e.name.contains("ldapstl_unscaled") {
        word &= !(15 << 12);
    }
    if e.name.contains("ldstord") {
        // Should-be-one fields: QEMU 7.2 ignores them, 10.0 finds them undefined; the architecture allows both.
        word |= 31 << 16 | 31 << 10;
    }
    if e.name.contains("MULH_64") {
        word |= 31 << 10;
    }
    let w = Word(word);
    let ours = decode(word).is_some_and(|d| d.name == e.name);
    (ours && !unpredictable(e, w) && !clashes(e, w)).then_some(word)
}

fn with(word: u32, hi: u32, lo: u32, value: u32) -> u32 {
    let mask = (u32::MAX >> (31 - (hi - lo))) << lo;
    word & !mask | value << lo & mask
}

/// Branches go to a BRK of their own slot, or so far that nothing is there.
fn branch(e: &Encoding, word: u32, rng: &mut Rng) -> u32 {
    let near = rng.pick(&[-7i32, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7]);
    let far = rng.one_in(8);
    if e.name.contains("branch_imm") {
        let miles = (1 << 23) + (rng.next() as i32 & 0xff_ffff);
        let offset = if !far {
            near
        } else if rng.one_in(2) {
            miles
        } else {
            -miles
        };
        with(word, 25, 0, offset as u32)
    } else if e.name.contains("condbranch") || e.name.contains("compbranch") {
        let offset = if !far { near } else { rng.pick(&[-0x4_0000, 0x3_ffff]) };
        with(word, 23, 5, offset as u32)
    } else if e.name.contains("testbranch") {
        let offset = if !far { near } else { rng.pick(&[-0x2000 + 1, 0x1fff]) };
        with(word, 18, 5, offset as u32)
    } else {
        word
    }
}

/// What the architecture leaves open: results differ between correct processors.
fn unpredictable(e: &Encoding, w: Word) -> bool {
    let has = |part| e.name.contains(part);
    let vector = w.bit(26);
    let pair = has("ldstpair") || has("ldstnapair");
    let load = w.bit(22);
    let write_back = has("pair_pre") || has("pair_post") || has("immpre") || has("immpost");
    let meets = |n: usize| n == w.rn() && n != 31;
    pair && load && w.rt() == w.rt2()
        || pair && write_back && !vector && (meets(w.rt()) || meets(w.rt2()))
        || !pair && write_back && !vector && meets(w.rt())
        || has("ldstexclp") && w.rt() == w.rt2()
}

/// What the generator cannot set up: one register that is both base and something else with a value of its own.
fn clashes(e: &Encoding, w: Word) -> bool {
    Access::of(e, w.0).is_some_and(|a| a.register && w.rm() == w.rn() && w.rm() != 31)
}

/// A word that no line of the table claims.
pub fn unallocated(rng: &mut Rng) -> u32 {
    loop {
        // Half of them near allocated ones: one bit away.
        let word = if rng.one_in(2) {
            rng.next() as u32
        } else {
            let e = &ENCODINGS[rng.below(ENCODINGS.len() as u64) as usize];
            (e.value | rng.next() as u32 & !e.mask) ^ 1 << rng.below(32)
        };
        // QEMU 7.2 ends its process at some unallocated words of the half-precision two-register class.
        let deadly = word & 0x0f7e_0c00 == 0x0e78_0800;
        if decode(word).is_none() && !deadly {
            return word;
        }
    }
}

/// 8 to 32 words that run one after another: everything recordable but branches and what depends on PC; loads and stores
/// through X28, which no other instruction writes.
pub fn sequence(rng: &mut Rng) -> Vec<u32> {
    let len = 8 + rng.below(25) as usize;
    let all = encodings();
    let mut words = Vec::new();
    while words.len() < len {
        if rng.one_in(12) && words.len() + 3 <= len {
            words.extend(exclusive(&all, rng));
        }
        let e = all[rng.below(all.len() as u64) as usize];
        if let Some(word) = word(e, 0, rng).and_then(|w| in_sequence(e, w, rng)) {
            words.push(word);
        }
    }
    words
}

/// A load exclusive, sometimes something else (a store to the same place, say), and a store exclusive of the same size:
/// what another size does is not defined.
fn exclusive(all: &[&'static Encoding], rng: &mut Rng) -> Vec<u32> {
    let size = rng.below(4) as u32;
    let pair = size > 1 && rng.one_in(3);
    let acquire = (rng.next() as u32 & 1) << 15;
    let at = 28 << 5;
    let free = |rng: &mut Rng, n: u32| 4 * rng.below(7) as u32 + n;
    let (t, t2, s, u) = (free(rng, 0), free(rng, 1), free(rng, 2), free(rng, 3));
    let load = size << 30 | 0x085f_0000 | u32::from(pair) << 21 | acquire | t2 << 10 | at | t;
    let store = size << 30 | 0x0800_0000 | u32::from(pair) << 21 | s << 16 | acquire | t2 << 10 | at | u;
    let mut words = vec![load];
    let e = all[rng.below(all.len() as u64) as usize];
    if rng.one_in(2) && !e.name.contains("ldstexcl") {
        words.extend(word(e, 0, rng).and_then(|w| in_sequence(e, w, rng)));
    }
    words.push(store);
    // A pair of bytes or halves does not exist; some other draw will do.
    if words.iter().all(|&w| decode(w).is_some()) { words } else { Vec::new() }
}

fn in_sequence(e: &Encoding, word: u32, rng: &mut Rng) -> Option<u32> {
    let has = |part| e.name.contains(part);
    if has("branch") || has("pcreladdr") || has("loadlit") || has("perm_undef") {
        return None;
    }
    let Some(access) = Access::of(e, word) else {
        // Rd is in bits 4:0 wherever there is one.
        return (word & 31 != 28).then_some(word);
    };
    if access.register
        || has("immpre")
        || has("immpost")
        || has("_post")
        || has("_pre")
        || has("sep_")
        || has("sop_")
    {
        return None;
    }
    // Small offsets, so that what is stored is loaded again.
    let mut word = with(word, 9, 5, 28);
    if has("ldst_pos") {
        word = with(word, 21, 10, rng.below(8) as u32);
    } else if has("ldst_unscaled") || has("ldst_unpriv") {
        word = with(word, 20, 12, rng.below(64) as u32);
    } else if has("pair") {
        word = with(word, 21, 15, rng.below(8) as u32);
    }
    let w = Word(word);
    let written = if w.bit(26) { [0, 0, 0, 0] } else { [w.rt(), w.rt() | 1, w.rt2(), w.rs() | 1] };
    let fits = !written.contains(&28) && w.rs() != 28 && w.rt() != 28 || w.bit(26);
    (fits && decode(word).is_some_and(|d| d.name == e.name) && !unpredictable(e, w)).then_some(word)
}
