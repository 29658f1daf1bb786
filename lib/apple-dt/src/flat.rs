//! Flattened device trees, the other format of this name, for people who know `dtc`: read, written, and turned into
//! Apple trees and back without losing a byte.
//!
//! [`Flat`] is the tree as a `.dtb` has it; [`Flat::parse`] and [`Flat::to_bytes`] are the binary form (Devicetree
//! Specification 0.4, chapter 5; versions 16 and 17), [`to_dts`] and [`from_dts`] the source form that `dtc` compiles.
//! [`export`] and [`import`] are the way from and to an Apple tree: how what FDT cannot say is kept is told there.
//!
//! It is no `dtc`: overlays, `/include/` and the C preprocessor are not for it.

mod adt;
mod dts;
mod parse;

pub use adt::{export, import, is_export};
pub use dts::{from_dts, is_dts, to_dts};

use crate::Result;
use crate::error::Error;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// First four bytes of a flattened tree.
pub const FDT_MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;
const HEADER: usize = 40;
/// The specification has 31 bytes; a shared string must not be copied without bound.
const MAX_NAME: usize = 255;

/// A flattened device tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flat {
    /// Memory reservations: address and size.
    pub reservations: Vec<(u64, u64)>,
    /// `boot_cpuid_phys`.
    pub boot_cpu: u32,
    /// The root node, whose name is empty.
    pub root: FlatNode,
}

/// A node of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlatNode {
    /// Name with unit address.
    pub name: String,
    /// Name and bytes of each property, in order.
    pub properties: Vec<(String, Vec<u8>)>,
    /// Children, in order.
    pub children: Vec<FlatNode>,
}

impl FlatNode {
    /// A property's bytes.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    strings: &'a [u8],
    at: usize,
    /// Version 16 and later; before 16, values of 8 bytes and more are aligned, which nobody writes any more.
    made: usize,
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_be_bytes(*b))
}

fn size(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn damaged(offset: usize, what: &'static str) -> Error {
    Error::Flat { offset, what }
}

impl Flat {
    /// Reads the binary form. Bytes behind the tree are passed over.
    ///
    /// # Errors
    /// What contradicts itself or is beyond the limits of this crate.
    pub fn parse(bytes: &[u8]) -> Result<Flat> {
        if !bytes.starts_with(&FDT_MAGIC) {
            return Err(damaged(0, "no flattened device tree (magic d00dfeed)"));
        }
        let field = |at| be32(bytes, at).ok_or(Error::Truncated { offset: bytes.len(), what: "the header" });
        let total = size(field(4)?);
        let bytes = bytes.get(..total).ok_or(Error::Truncated { offset: bytes.len(), what: "the tree" })?;
        if total > crate::MAX_SIZE {
            return Err(Error::TooLarge { size: total, limit: crate::MAX_SIZE });
        }
        let (version, oldest) = (field(20)?, field(24)?);
        if version < 16 || oldest > 17 {
            return Err(damaged(20, "of a version that is not read (16 and 17 are)"));
        }
        let (start, strings, reserved) = (size(field(8)?), size(field(12)?), size(field(16)?));
        let strings_len = size(field(32)?);
        let block = bytes.get(strings..).ok_or(damaged(12, "off_dt_strings is outside the tree"))?;
        let strings = block.get(..strings_len).ok_or(damaged(32, "size_dt_strings is outside the tree"))?;
        let end = match version {
            17.. => start.saturating_add(size(field(36)?)),
            _ => total,
        };
        if start < 28 || start % 4 != 0 {
            return Err(damaged(8, "off_dt_struct is not a place for nodes"));
        }
        let bytes_to_end = bytes.get(..end).ok_or(damaged(36, "size_dt_struct is outside the tree"))?;
        let mut flat = Flat { boot_cpu: field(28)?, ..Flat::default() };
        let mut at = reserved;
        loop {
            let pair = be64(bytes, at).zip(be64(bytes, at.saturating_add(8)));
            let pair = pair.ok_or(damaged(at, "the memory reservations have no end"))?;
            if pair == (0, 0) {
                break;
            }
            flat.reservations.push(pair);
            at = at.saturating_add(16);
        }
        let mut reader = Reader { bytes: bytes_to_end, strings, at: start, made: 0 };
        if reader.token()? != BEGIN_NODE {
            return Err(damaged(start, "no root node"));
        }
        flat.root = reader.node(0)?;
        if reader.token()? != END {
            return Err(damaged(reader.at, "more than one root node"));
        }
        Ok(flat)
    }

    /// Writes the binary form, version 17.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.node(&self.root);
        out.cell(END);
        let reserved = HEADER;
        let entries = self.reservations.len().saturating_add(1);
        let start = reserved.saturating_add(entries.saturating_mul(16));
        let strings = start.saturating_add(out.tree.len());
        let total = strings.saturating_add(out.strings.len());
        let mut bytes = FDT_MAGIC.to_vec();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        for n in [total, start, strings, reserved, 17, 16] {
            bytes.extend(number(n));
        }
        bytes.extend(self.boot_cpu.to_be_bytes());
        bytes.extend(number(out.strings.len()));
        bytes.extend(number(out.tree.len()));
        for (address, size) in self.reservations.iter().chain([&(0, 0)]) {
            bytes.extend(address.to_be_bytes());
            bytes.extend(size.to_be_bytes());
        }
        bytes.extend(out.tree);
        bytes.extend(out.strings);
        bytes
    }
}

impl<'a> Reader<'a> {
    fn token(&mut self) -> Result<u32> {
        loop {
            let token = be32(self.bytes, self.at)
                .ok_or(Error::Truncated { offset: self.at, what: "the structure block" })?;
            self.at = self.at.saturating_add(4);
            if token != NOP {
                return Ok(token);
            }
        }
    }

    fn name(&self, from: &'a [u8], offset: usize) -> Result<&'a str> {
        let head = from.get(..from.len().min(MAX_NAME.saturating_add(1))).unwrap_or_default();
        let end = head.iter().position(|&b| b == 0).ok_or(damaged(offset, "a name without end"))?;
        let name = head.get(..end).unwrap_or_default();
        match core::str::from_utf8(name) {
            Ok(s) if s.bytes().all(|b| b.is_ascii_graphic()) => Ok(s),
            _ => Err(damaged(offset, "a name with a byte that is no printable ASCII")),
        }
    }

    fn pad(&mut self, n: usize) {
        self.at = self.at.saturating_add(n).saturating_add(3) & !3;
    }

    /// After its BEGIN_NODE. Recursion is bounded by the depth.
    fn node(&mut self, depth: usize) -> Result<FlatNode> {
        if depth >= crate::MAX_DEPTH {
            return Err(Error::TooDeep { offset: self.at, limit: crate::MAX_DEPTH });
        }
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let name = self.name(rest, self.at)?;
        if name.is_empty() != (depth == 0) {
            return Err(damaged(self.at, "a root node with a name, or another without one"));
        }
        self.pad(name.len().saturating_add(1));
        let mut node = FlatNode { name: name.into(), ..FlatNode::default() };
        loop {
            let at = self.at;
            match self.token()? {
                PROP => {
                    let property = self.property()?;
                    if !node.children.is_empty() {
                        return Err(damaged(at, "a property behind a node"));
                    }
                    node.properties.push(property);
                }
                BEGIN_NODE => node.children.push(self.node(depth.saturating_add(1))?),
                END_NODE => return Ok(node),
                _ => return Err(damaged(at, "not a token that has its place here")),
            }
        }
    }

    fn property(&mut self) -> Result<(String, Vec<u8>)> {
        let at = self.at;
        let field = |n: usize| be32(self.bytes, at.saturating_add(n));
        let (length, name) =
            field(0).zip(field(4)).ok_or(Error::Truncated { offset: at, what: "a property" })?;
        let (length, place) = (size(length), size(name));
        let value = at.saturating_add(8);
        let bytes = self
            .bytes
            .get(value..)
            .and_then(|b| b.get(..length))
            .ok_or(Error::Truncated { offset: at, what: "a property's value" })?;
        let from = self.strings.get(place..).ok_or(damaged(at, "a name outside the strings"))?;
        let name = self.name(from, at)?;
        if name.is_empty() {
            return Err(damaged(at, "a property without name"));
        }
        // Names are shared: a small file could name a long one many times.
        self.made = self.made.saturating_add(name.len()).saturating_add(length);
        if self.made > crate::MAX_SIZE {
            return Err(Error::TooLarge { size: self.made, limit: crate::MAX_SIZE });
        }
        self.at = value;
        self.pad(length);
        Ok((name.into(), bytes.to_vec()))
    }
}

#[derive(Default)]
struct Writer {
    tree: Vec<u8>,
    strings: Vec<u8>,
    known: BTreeMap<String, u32>,
}

impl Writer {
    fn cell(&mut self, n: u32) {
        self.tree.extend(n.to_be_bytes());
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.tree.extend_from_slice(bytes);
        while !self.tree.len().is_multiple_of(4) {
            self.tree.push(0);
        }
    }

    fn node(&mut self, node: &FlatNode) {
        self.cell(BEGIN_NODE);
        let mut name = node.name.as_bytes().to_vec();
        name.push(0);
        self.padded(&name);
        for (name, value) in &node.properties {
            let place = match self.known.get(name) {
                Some(place) => *place,
                None => {
                    let place = u32::try_from(self.strings.len()).unwrap_or(u32::MAX);
                    self.strings.extend_from_slice(name.as_bytes());
                    self.strings.push(0);
                    self.known.insert(name.clone(), place);
                    place
                }
            };
            self.cell(PROP);
            self.cell(u32::try_from(value.len()).unwrap_or(u32::MAX));
            self.cell(place);
            self.padded(value);
        }
        for child in &node.children {
            self.node(child);
        }
        self.cell(END_NODE);
    }
}

#[cfg(test)]
mod tests;
