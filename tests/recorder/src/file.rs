//! The file: a header, then deflated records of what changed.
//!
//! Header (little-endian): `A64V`, version (u32), seed (u64), number of tests (u32). A record: number of tests left out
//! before this one (one byte, 255 = more follows), number of words (u8), the words (u32 each), outcome and flags
//! (u8), then by flag the PC as the difference to the next instruction (i64), NZCV (u8), FPSR (u32), the general registers that changed
//! (count, then number and value each; 31 is SP), the vector registers, the bytes of memory (offset u16, length u16, bytes).

use std::io::{Read, Write};

use crate::state::{self, Regs};

/// What is wrong with a recording, or with writing one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file does not begin as a recording does.
    #[error("offset 0: no recording of version {VERSION}")]
    Header,
    /// A record is cut short or makes no sense.
    #[error("test {0}: record is damaged")]
    Record(u64),
    /// Reading, writing or inflating failed.
    #[error("recording: {0}")]
    Io(#[from] std::io::Error),
}

/// Changes with every change of [`state::initial`] or of the format.
pub const VERSION: u32 = 2;
const MAGIC: &[u8; 4] = b"A64V";

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All words were executed; the state is the one after the last.
    Done,
    /// The word at PC is undefined.
    Undefined,
    /// The word at PC could not reach its memory.
    Fault,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its number: decides the state before and the address of the words.
    pub index: u64,
    /// The instruction words, placed one after another.
    pub words: Vec<u32>,
    /// The state before.
    pub before: Regs,
    /// How it ended.
    pub outcome: Outcome,
    /// The state at the end; FPCR is that before.
    pub after: Regs,
    /// Offset in the window and new bytes, when the window changed.
    pub memory: Option<(u16, Vec<u8>)>,
}

/// A recording in memory.
#[derive(Clone, Debug)]
pub struct Recording {
    /// What the states before are derived from.
    pub seed: u64,
    /// The tests, by rising number.
    pub tests: Vec<Test>,
}

const PC: u8 = 1 << 2;
const NZCV: u8 = 1 << 3;
const FPSR: u8 = 1 << 4;
const MEMORY: u8 = 1 << 5;

impl Recording {
    /// Writes the recording.
    pub fn write(&self, to: &mut dyn Write) -> Result<(), Error> {
        to.write_all(MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        to.write_all(&self.seed.to_le_bytes())?;
        to.write_all(&(self.tests.len() as u32).to_le_bytes())?;
        let mut deflate = flate2::write::DeflateEncoder::new(to, flate2::Compression::best());
        let mut next = 0;
        for test in &self.tests {
            let record = encode(test, next);
            deflate.write_all(&record)?;
            next = test.index + 1;
        }
        deflate.finish()?;
        Ok(())
    }

    /// Reads a recording.
    pub fn read(bytes: &[u8]) -> Result<Recording, Error> {
        let mut head = Reader { bytes, index: 0 };
        if head.take(4)? != MAGIC || head.u32()? != VERSION {
            return Err(Error::Header);
        }
        let (seed, count) = (head.u64()?, head.u32()?);
        let mut body = Vec::new();
        flate2::read::DeflateDecoder::new(head.bytes).read_to_end(&mut body)?;
        let mut reader = Reader { bytes: &body, index: 0 };
        let mut tests = Vec::new();
        for _ in 0..count {
            let test = reader.test(seed)?;
            reader.index = test.index + 1;
            tests.push(test);
        }
        Ok(Recording { seed, tests })
    }
}

fn encode(test: &Test, next: u64) -> Vec<u8> {
    let (before, after) = (&test.before, &test.after);
    let mut out = Vec::new();
    let mut skip = test.index - next;
    while skip >= 255 {
        out.push(255);
        skip -= 255;
    }
    out.extend([skip as u8, test.words.len() as u8]);
    test.words.iter().for_each(|w| out.extend(w.to_le_bytes()));
    let expected = end(before, test);
    let mut flags = test.outcome as u8;
    let mut fields = Vec::new();
    if after.pc != expected {
        flags |= PC;
        fields.extend(after.pc.wrapping_sub(expected).to_le_bytes());
    }
    if after.nzcv != before.nzcv {
        flags |= NZCV;
        fields.push((after.nzcv >> 28) as u8);
    }
    if after.fpsr != before.fpsr {
        flags |= FPSR;
        fields.extend(after.fpsr.to_le_bytes());
    }
    let general: Vec<_> = (0..32u8)
        .filter(|&n| general(after, n) != general(before, n))
        .map(|n| (n, general(after, n)))
        .collect();
    let vector: Vec<_> = (0..32).filter(|&n| after.v[n] != before.v[n]).collect();
    if let Some((offset, bytes)) = &test.memory {
        flags |= MEMORY;
        fields.extend(offset.to_le_bytes());
        fields.extend((bytes.len() as u16).to_le_bytes());
        fields.extend(bytes);
    }
    out.extend([flags, general.len() as u8, vector.len() as u8]);
    out.extend(fields);
    for (n, value) in general {
        out.push(n);
        out.extend(value.to_le_bytes());
    }
    for n in vector {
        out.push(n as u8);
        out.extend(after.v[n].to_le_bytes());
    }
    out
}

/// Where the PC is at the end unless something happened.
fn end(before: &Regs, test: &Test) -> u64 {
    match test.outcome {
        Outcome::Done => before.pc + 4 * test.words.len() as u64,
        _ => before.pc,
    }
}

fn general(regs: &Regs, n: u8) -> u64 {
    regs.x.get(usize::from(n)).copied().unwrap_or(regs.sp)
}

struct Reader<'a> {
    bytes: &'a [u8],
    index: u64,
}

impl Reader<'_> {
    fn take(&mut self, n: usize) -> Result<&[u8], Error> {
        let (now, rest) = self.bytes.split_at_checked(n).ok_or(Error::Record(self.index))?;
        self.bytes = rest;
        Ok(now)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let index = self.index;
        self.take(N)?.try_into().map_err(|_| Error::Record(index))
    }

    fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    fn u16(&mut self) -> Result<u16, Error> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Error> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn test(&mut self, seed: u64) -> Result<Test, Error> {
        let mut index = self.index;
        loop {
            let skip = self.u8()?;
            index += u64::from(skip);
            if skip < 255 {
                break;
            }
        }
        let count = self.u8()?;
        let mut words = Vec::new();
        for _ in 0..count {
            words.push(self.u32()?);
        }
        let before = state::initial(&words, index, seed);
        let (flags, generals, vectors) = (self.u8()?, self.u8()?, self.u8()?);
        let outcome = match flags & 3 {
            0 => Outcome::Done,
            1 => Outcome::Undefined,
            2 => Outcome::Fault,
            _ => return Err(Error::Record(index)),
        };
        let mut test = Test { index, words, after: before.clone(), before, outcome, memory: None };
        test.after.pc = end(&test.before, &test);
        if flags & PC != 0 {
            test.after.pc = test.after.pc.wrapping_add(self.u64()?);
        }
        if flags & NZCV != 0 {
            test.after.nzcv = u32::from(self.u8()?) << 28;
        }
        if flags & FPSR != 0 {
            test.after.fpsr = self.u32()?;
        }
        if flags & MEMORY != 0 {
            let (offset, len) = (self.u16()?, self.u16()?);
            test.memory = Some((offset, self.take(usize::from(len))?.to_vec()));
        }
        for _ in 0..generals {
            let (n, value) = (self.u8()?, self.u64()?);
            match test.after.x.get_mut(usize::from(n)) {
                Some(x) => *x = value,
                None => test.after.sp = value,
            }
        }
        for _ in 0..vectors {
            let (n, value) = (self.u8()?, u128::from_le_bytes(self.array()?));
            *test.after.v.get_mut(usize::from(n)).ok_or(Error::Record(index))? = value;
        }
        Ok(test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_reads_back_as_written() {
        let mut tests = Vec::new();
        for (index, word) in [(0, 0x9100_0400u32), (3, 0xffff_ffff), (700, 0xf900_0001)] {
            let before = state::initial(&[word], index, 9);
            let mut after = before.clone();
            after.x[3] ^= 1;
            after.sp ^= 16;
            after.v[31] ^= 1 << 99;
            after.nzcv ^= 1 << 31;
            after.fpsr = 0x10;
            after.pc = 0x1234;
            let memory = (index == 3).then(|| (77, vec![1, 2, 3]));
            let outcome = if index == 3 { Outcome::Fault } else { Outcome::Done };
            tests.push(Test { index, words: vec![word], before, outcome, after, memory });
        }
        let recording = Recording { seed: 9, tests };
        let mut bytes = Vec::new();
        recording.write(&mut bytes).expect("writes");
        let back = Recording::read(&bytes).expect("reads");
        assert_eq!(back.tests, recording.tests);
        for cut in 0..bytes.len() {
            assert!(Recording::read(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }
}
