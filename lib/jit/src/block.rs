//! Translated blocks and how to find them.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::runtime::Record;

/// A place where a block is left for a known pc.
#[derive(Debug)]
#[repr(C)]
pub struct Exit {
    /// Where the guest goes.
    pub pc: u64,
    /// The block it belongs to and its number there.
    pub block: u32,
    pub index: u32,
    /// Executable address of the displacement of the jump; 0 when it cannot be chained.
    pub site: usize,
    /// Where the jump goes when it is not chained.
    pub stub: usize,
    /// Executable address of the immediate that the translations' number is compared with; 0 when there is none.
    pub check: usize,
}

/// One block.
#[derive(Debug)]
pub struct Block {
    pub pc: u64,
    pub pa: u64,
    /// The words it was made from.
    pub words: Box<[u32]>,
    /// Executable address.
    pub entry: usize,
    pub exits: Vec<Exit>,
    /// What its calls into Rust are about; generated code holds pointers to these.
    pub _records: Vec<Record>,
    /// Exits of other blocks that were chained to this one: (block, exit).
    pub incoming: Vec<(u32, u32)>,
    /// False after a write to the page, until the words were compared.
    pub valid: bool,
}

/// Key of a block.
pub type Key = (u64, u64, u32);

/// A multiplying hash: keys are addresses.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(23) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub type Map<K, V> = HashMap<K, V, BuildHasherDefault<AddressHasher>>;

/// All blocks.
#[derive(Debug, Default)]
pub struct Blocks {
    pub all: Vec<Block>,
    pub by_key: Map<Key, u32>,
    /// Blocks with words in a physical page, and what is marked of it.
    pub pages: Map<u64, Page>,
}

#[derive(Debug, Default)]
pub struct Page {
    pub blocks: Vec<u32>,
    /// Lines of 64 bytes that this engine has marked.
    pub marked: u64,
}

impl Blocks {
    pub fn clear(&mut self) {
        self.all.clear();
        self.by_key.clear();
        self.pages.clear();
    }

    pub fn get(&self, index: u32) -> Option<&Block> {
        self.all.get(index as usize)
    }

    pub fn exit(&self, block: u32, exit: u32) -> Option<&Exit> {
        self.get(block)?.exits.get(exit as usize)
    }
}
