//! The tree as bytes, both ways.

use crate::Result;
use crate::error::Error;
use crate::tree::{Name, Node, Property, Tree};
use alloc::string::ToString;
use alloc::vec::Vec;

/// The most properties of a node. Real trees have up to a hundred; m1n1 refuses more than 2048.
pub const MAX_PROPERTIES: u32 = 65_536;
/// The most children of a node.
pub const MAX_CHILDREN: u32 = 65_536;
/// The most nodes within nodes. Real trees go six deep, m1n1 refuses more than 8.
pub const MAX_DEPTH: usize = 64;
/// The most bytes of a tree: far beyond any (real ones have 150 to 600 KB), small enough that the smallest nodes
/// (8 bytes here, six times that in memory) cannot use up a machine.
pub const MAX_SIZE: usize = 64 << 20;

const NODE_HEADER: usize = 8;
const PROPERTY_HEADER: usize = 36;
const PLACEHOLDER: u32 = 1 << 31;
const FDT_MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8]> {
        let slice = self
            .at
            .checked_add(n)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or(Error::Truncated { offset: self.at, what })?;
        self.at = self.at.saturating_add(n);
        Ok(slice)
    }

    fn u32(&mut self, what: &'static str) -> Result<u32> {
        Ok(self.take(4, what)?.first_chunk().map_or(0, |b| u32::from_le_bytes(*b)))
    }

    fn left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// A count of things that take at least `each` bytes.
    fn count(&mut self, what: &'static str, each: usize, most: u32) -> Result<usize> {
        let offset = self.at;
        let count = self.u32("a node's header")?;
        let room = self.left().checked_div(each).unwrap_or(0);
        let limit = most.min(u32::try_from(room).unwrap_or(u32::MAX));
        if count > limit {
            return Err(Error::TooMany { offset, what, count, limit });
        }
        usize::try_from(count).map_err(|_| Error::TooMany { offset, what, count, limit })
    }

    fn node(&mut self, depth: usize) -> Result<Node> {
        if depth >= MAX_DEPTH {
            return Err(Error::TooDeep { offset: self.at, limit: MAX_DEPTH });
        }
        let properties = self.count("properties", PROPERTY_HEADER, MAX_PROPERTIES)?;
        let children = self.count("children", NODE_HEADER, MAX_CHILDREN)?;
        // Both counts fit the bytes that are left, so neither vector can outgrow the input by much.
        let mut node = Node {
            properties: Vec::with_capacity(properties),
            children: Vec::with_capacity(children.min(1024)),
        };
        for _ in 0..properties {
            node.properties.push(self.property()?);
        }
        for _ in 0..children {
            node.children.push(self.node(depth.saturating_add(1))?);
        }
        Ok(node)
    }

    fn property(&mut self) -> Result<Property> {
        let mut name = [0; 32];
        name.copy_from_slice(self.take(32, "a property's name")?);
        let name = Name(name);
        let offset = self.at;
        let field = self.u32("a property's length")?;
        let length = field & !PLACEHOLDER;
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > self.left() {
            return Err(Error::Length { offset, name: name.to_string(), length, left: self.left() });
        }
        let value = self.take(size, "a property's value")?.to_vec();
        let mut padding = [0; 3];
        let fill = self.take(padding_of(size), "a property's padding")?;
        for (to, from) in padding.iter_mut().zip(fill) {
            *to = *from;
        }
        Ok(Property { name, value, placeholder: field & PLACEHOLDER != 0, padding })
    }
}

/// How many bytes fill a value of this size up to a multiple of 4.
pub(crate) fn padding_of(size: usize) -> usize {
    size.wrapping_neg() & 3
}

impl Tree {
    /// Reads a bare tree. Everything is kept: placeholders, odd names, padding, bytes after the end.
    ///
    /// # Errors
    /// Counts or lengths that do not fit the bytes or the limits of this crate; a flattened device tree.
    pub fn parse(bytes: &[u8]) -> Result<Tree> {
        if bytes.len() > MAX_SIZE {
            return Err(Error::TooLarge { size: bytes.len(), limit: MAX_SIZE });
        }
        if bytes.starts_with(&FDT_MAGIC) {
            return Err(Error::FlatDeviceTree);
        }
        let mut reader = Reader { bytes, at: 0 };
        let root = reader.node(0)?;
        if root.properties.is_empty() {
            // XNU takes a node without properties for no node at all.
            return Err(Error::NotATree { why: "its root node has no properties" });
        }
        Ok(Tree { root, trailing: bytes.get(reader.at..).unwrap_or_default().to_vec() })
    }

    /// Writes the tree. What was parsed and not changed comes out as the identical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_node(&self.root, &mut out);
        out.extend_from_slice(&self.trailing);
        out
    }
}

fn write_node(node: &Node, out: &mut Vec<u8>) {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    out.extend(count(node.properties.len()));
    out.extend(count(node.children.len()));
    for p in &node.properties {
        out.extend(p.name.0);
        let flag = if p.placeholder { PLACEHOLDER } else { 0 };
        let length = u32::try_from(p.value.len()).unwrap_or(u32::MAX) & !PLACEHOLDER;
        out.extend((length | flag).to_le_bytes());
        out.extend_from_slice(&p.value);
        out.extend(p.padding.iter().take(padding_of(p.value.len())));
    }
    for c in &node.children {
        write_node(c, out);
    }
}

/// Whether bytes look like the beginning of a tree: counts that real trees have, and a first property whose name is
/// printable and zero-filled. The format has no magic, so this is for after everything that has one.
pub fn looks_like(head: &[u8]) -> bool {
    let mut reader = Reader { bytes: head, at: 0 };
    let (Ok(properties), Ok(children)) = (reader.u32("head"), reader.u32("head")) else { return false };
    if !(1..=4096).contains(&properties) || children > 4096 {
        return false;
    }
    let Ok(field) = reader.take(32, "head") else { return false };
    let mut name = [0; 32];
    name.copy_from_slice(field);
    let name = Name(name);
    let printable = name.as_bytes().iter().all(u8::is_ascii_graphic);
    printable && !name.as_bytes().is_empty() && name.as_bytes().len() <= Name::MAX && name.is_clean()
}
