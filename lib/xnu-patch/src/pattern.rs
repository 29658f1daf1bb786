//! Patterns of instructions, as text.
//!
//! One instruction is `WORD` or `WORD/MASK` in hexadecimal, or 32 characters (blanks and `_` aside) from the highest bit
//! down: `0`, `1`, `.` for any bit, and letters. Bits under one letter are a number, its highest bit first; where the
//! letter comes again, in the same instruction or a later one, it must be the same number. So `d503237f` is PACIBSP, and
//! `0011100101 000000001011 kkkkk mmmmm` is `ldrb wM, [xK, #0xb]`.
//!
//! A sequence is a list of instructions, one after the other. An instruction with `~N` in front may come up to N
//! places further on: of several that fit, the first is taken, and there is no going back to try another, so the time is
//! bounded by the lengths.

/// Most instructions in a sequence.
const LONGEST: usize = 64;
/// Most places that `~N` may skip, and that steps may walk.
pub const FARTHEST: u32 = 4096;
/// Number of letters.
const LETTERS: usize = 26;

/// The numbers that letters stand for, as far as known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bindings([Option<u32>; LETTERS]);

impl Bindings {
    /// The number under a letter.
    pub fn get(&self, letter: char) -> Option<u32> {
        index(letter).and_then(|n| self.0.get(n).copied().flatten())
    }
}

fn index(letter: char) -> Option<usize> {
    letter.is_ascii_lowercase().then(|| (letter as usize).checked_sub('a' as usize)).flatten()
}

/// Bits of an instruction that a letter names: letter, mask.
type Field = (u8, u32);

/// One instruction of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    value: u32,
    mask: u32,
    fields: Vec<Field>,
}

/// Takes the bits of `word` under `mask` together.
fn extract(word: u32, mask: u32) -> u32 {
    (0..32).rev().filter(|bit| mask >> bit & 1 != 0).fold(0, |number, bit| number << 1 | (word >> bit & 1))
}

/// Spreads the low bits of `number` over the bits under `mask`.
fn deposit(number: u32, mask: u32) -> u32 {
    let bits = (0..32).filter(|bit| mask >> bit & 1 != 0);
    bits.enumerate().fold(0, |word, (n, bit)| word | (number >> n & 1) << bit)
}

impl Instruction {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let compact: String = text.chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
        if compact.len() == 32 && compact.is_ascii() {
            return Self::bits(&compact);
        }
        let hex = |digits: &str| {
            let digits = digits.trim_start_matches("0x");
            let word = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 8);
            word.ok_or_else(|| {
                format!("{text:?} is neither WORD, nor WORD/MASK of 8 hexadecimal digits, nor 32 bits")
            })
        };
        let (value, mask) = match compact.split_once('/') {
            Some((value, mask)) => (hex(value)?, hex(mask)?),
            None => (hex(&compact)?, u32::MAX),
        };
        if value & !mask != 0 {
            return Err(format!("{text:?} has bits outside its mask"));
        }
        Ok(Self { value, mask, fields: Vec::new() })
    }

    fn bits(text: &str) -> Result<Self, String> {
        let mut found = Self { value: 0, mask: 0, fields: Vec::new() };
        for (n, c) in text.chars().enumerate() {
            let bit = (1u32 << 31) >> n;
            match c {
                '0' => found.mask |= bit,
                '1' => {
                    found.mask |= bit;
                    found.value |= bit;
                }
                '.' => {}
                c if c.is_ascii_lowercase() => {
                    // A run of one letter is one field; the letter again after a gap is another.
                    let before = n.checked_sub(1).and_then(|n| text.chars().nth(n));
                    match found.fields.last_mut().filter(|_| before == Some(c)) {
                        Some((_, mask)) => *mask |= bit,
                        None => found.fields.push((c as u8, bit)),
                    }
                }
                _ => return Err(format!("{c:?} is none of 0, 1, . and small letters")),
            }
        }
        Ok(found)
    }

    /// Whether a word fits, with what letters stand for already; if so they stand for what is new in it, too.
    pub fn matches(&self, word: u32, bindings: &mut Bindings) -> bool {
        if word & self.mask != self.value {
            return false;
        }
        let mut new = *bindings;
        for (letter, mask) in &self.fields {
            let number = extract(word, *mask);
            let Some(slot) = index(char::from(*letter)).and_then(|n| new.0.get_mut(n)) else { return false };
            if *slot.get_or_insert(number) != number {
                return false;
            }
        }
        *bindings = new;
        true
    }

    /// The word that comes of `old` when this is written over it: bits that the pattern does not name stay, letters are
    /// what they stand for. None: a letter stands for nothing yet.
    pub fn write(&self, old: u32, bindings: &Bindings) -> Option<u32> {
        let mut word = old & !self.mask | self.value;
        for (letter, mask) in &self.fields {
            word = word & !mask | deposit(bindings.get(char::from(*letter))?, *mask);
        }
        Some(word)
    }
}

/// A sequence of instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence(Vec<(u32, Instruction)>);

impl Sequence {
    /// Reads a list of instructions.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse<S: AsRef<str>>(lines: &[S]) -> Result<Self, String> {
        if lines.is_empty() || lines.len() > LONGEST {
            return Err(format!("a sequence has 1 to {LONGEST} instructions, not {}", lines.len()));
        }
        let mut all = Vec::new();
        for line in lines {
            let line = line.as_ref().trim();
            let (skip, rest) = match line.strip_prefix('~') {
                None => (0, line),
                Some(rest) => {
                    let (number, rest) = rest
                        .split_once(char::is_whitespace)
                        .ok_or_else(|| format!("{line:?}: ~N and an instruction"))?;
                    (distance(number)?, rest)
                }
            };
            all.push((skip, Instruction::parse(rest)?));
        }
        if all.first().is_some_and(|(skip, _)| *skip != 0) {
            return Err("the first instruction of a sequence has no ~N".into());
        }
        Ok(Self(all))
    }

    /// Reads instructions separated by `;`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse_line(text: &str) -> Result<Self, String> {
        Self::parse(&text.split(';').collect::<Vec<_>>())
    }

    /// Value and mask of the first instruction, for a quick look.
    pub fn first(&self) -> (u32, u32) {
        self.0.first().map_or((0, 0), |(_, i)| (i.value, i.mask))
    }

    /// Whether the sequence begins at `words[at]`.
    pub fn matches(&self, words: &impl Words, at: usize, bindings: &mut Bindings) -> bool {
        let mut new = *bindings;
        let mut next = at;
        for (skip, instruction) in &self.0 {
            let mut tries = (next..=next.saturating_add(*skip as usize))
                .map_while(|n| words.word(n).map(|word| (n, word)));
            let Some((n, _)) = tries.find(|(_, word)| instruction.matches(*word, &mut new)) else {
                return false;
            };
            next = n.saturating_add(1);
        }
        *bindings = new;
        true
    }
}

/// A number of instructions.
///
/// # Errors
/// Not a number, or beyond [`FARTHEST`].
pub fn distance(text: &str) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|n| *n <= FARTHEST);
    number.ok_or_else(|| format!("{text:?} is no number of instructions up to {FARTHEST}"))
}

/// Instructions in a row.
pub trait Words {
    /// The `n`th.
    fn word(&self, n: usize) -> Option<u32>;
}

impl Words for &[u8] {
    fn word(&self, n: usize) -> Option<u32> {
        let at = n.checked_mul(4)?;
        self.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_le_bytes()).collect()
    }

    #[test]
    fn words_masks_and_bits_say_the_same() {
        let mut none = Bindings::default();
        for text in [
            "d503237f",
            "0xd503237f/ffffffff",
            "1101_0101 0000_0011 0010 0011 0111 1111",
            "d5032300/ffffff00",
        ] {
            let i = Instruction::parse(text).unwrap();
            assert!(i.matches(0xd503_237f, &mut none) && !i.matches(0xd503_237e << 1, &mut none), "{text}");
        }
    }

    #[test]
    fn a_letter_is_one_number_wherever_it_comes() {
        // mov wN, #22; lsr of either width; madd.
        let s = Sequence::parse(&[
            "01010010100 0000000000010110 ddddd",
            "f10100110 f ...... f11111 nnnnn .....",
            "~2 f0011011000 ..... 0 ..... ..... .....",
        ])
        .unwrap();
        let code = bytes(&[0x5280_02c9, 0xd341_fd0a, 0xd503_201f, 0x9b09_2d4a]);
        let mut b = Bindings::default();
        assert!(s.matches(&code.as_slice(), 0, &mut b));
        assert_eq!((b.get('d'), b.get('f'), b.get('n'), b.get('z')), (Some(9), Some(1), Some(8), None));
        let mixed = bytes(&[0x5280_02c9, 0xd341_fd0a, 0x1b09_2d4a]);
        assert!(!s.matches(&mixed.as_slice(), 0, &mut Bindings::default()), "64-bit lsr, 32-bit madd");
    }

    #[test]
    fn writing_keeps_what_the_pattern_does_not_name() {
        let i = Instruction::parse("52800000/ffffffe0").unwrap();
        assert_eq!(i.write(0x1234_5673, &Bindings::default()), Some(0x5280_0013));
        let letter = Instruction::parse("10101010000 00000 000000 11111 ddddd").unwrap();
        assert_eq!(letter.write(0, &Bindings::default()), None, "d is not known");
        let mut b = Bindings::default();
        assert!(Instruction::parse("00000000000000000000000000 . ddddd").unwrap().matches(8, &mut b));
        assert_eq!(letter.write(u32::MAX, &b), Some(0xaa00_03e8));
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for text in ["", "xyz", "1234/ff00/1", "12345/00000", "0101", &"2".repeat(32), &"A".repeat(32)] {
            assert!(Instruction::parse(text).is_err(), "{text:?}");
        }
        assert!(Sequence::parse::<&str>(&[]).is_err());
        assert!(Sequence::parse(&["~1 d503237f"]).is_err());
        assert!(Sequence::parse(&["d503237f", "~99999 d503237f"]).is_err());
        assert!(Sequence::parse(&vec!["d503237f"; 65]).is_err());
    }
}
