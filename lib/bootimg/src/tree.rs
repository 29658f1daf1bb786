//! A flattened device tree, read into nodes and written back.
//!
//! Only what a FIT header needs: version 17, no memory reservations kept, no NOPs. It is not a general device tree
//! library, and Apple's own device trees are another format altogether (crate `apple-dt`).
//! Encoding: Devicetree Specification 0.4, chapter 5.
//!
//! Reading is the `fdt` crate's, by its fallible constructor and behind checks, because the tree comes from a file that
//! nobody vouches for: `fdt` 0.2.0-alpha3 adds header fields without looking, takes a tree that ends early for a shorter
//! one, and looks for the end of a name as far as there are bytes. So the header's fields and the lengths of names are
//! looked at before, and what it gave is counted against the size of the structure block after; that count is also
//! where an error is, since the crate names no offsets.
//!
//! Writing is our own: `vm-fdt` refuses node names over 31 characters or not starting with a letter, and a filter must
//! pass on whatever names another maker's image has. The tests hold the bytes against `vm-fdt`'s.

use crate::{Error, Result};
use fdt::helpers::UnalignedFallibleNode;
use fdt::nodes::AsNode;
use fdt::{Fdt, FdtError};
use std::collections::{HashMap, HashSet};

/// First four bytes of a flattened device tree.
pub const MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const END: u32 = 9;
/// A FIT is four levels deep; signatures and the like may add a few.
const MAX_DEPTH: usize = 16;
/// Names are 31 bytes by the specification; a cap keeps a shared string from being copied without bound.
const MAX_NAME: usize = 127;
const HEADER: usize = 40;
/// A root node without anything: BEGIN_NODE, an empty name, END_NODE, END.
const LEAST_TREE: usize = 16;

/// One node: properties and children in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Name; empty for the root.
    pub name: String,
    /// Name and raw value of each property.
    pub properties: Vec<(String, Vec<u8>)>,
    /// Child nodes.
    pub children: Vec<Node>,
}

impl Node {
    /// An empty node.
    pub fn new(name: impl Into<String>) -> Node {
        Node { name: name.into(), ..Node::default() }
    }

    /// A direct child by name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|c| c.name == name)
    }

    /// A direct child by name, to change.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.children.iter_mut().find(|c| c.name == name)
    }

    /// The raw value of a property.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.properties.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_slice())
    }

    /// A property as text: its bytes up to the first NUL, damaged UTF-8 replaced.
    pub fn text(&self, name: &str) -> Option<String> {
        let v = self.get(name)?;
        let end = v.iter().position(|&b| b == 0).unwrap_or(v.len());
        Some(String::from_utf8_lossy(v.get(..end)?).into_owned())
    }

    /// A property as a list of texts, each ended by NUL.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let v = self.get(name).unwrap_or_default();
        let v = v.strip_suffix(&[0]).unwrap_or(v);
        if v.is_empty() {
            return Vec::new();
        }
        v.split(|&b| b == 0).map(|s| String::from_utf8_lossy(s).into_owned()).collect()
    }

    /// A property of one or two cells as a number; `None` if absent or of another length.
    pub fn number(&self, name: &str) -> Option<u64> {
        let v = self.get(name)?;
        match v.len() {
            4 => Some(u64::from(u32::from_be_bytes(v.try_into().ok()?))),
            8 => Some(u64::from_be_bytes(v.try_into().ok()?)),
            _ => None,
        }
    }

    /// Sets a property, in its place if it is there, at the end otherwise.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let value = value.into();
        match self.properties.iter_mut().find(|(n, _)| n == name) {
            Some((_, v)) => *v = value,
            None => self.properties.push((name.to_string(), value)),
        }
    }

    /// Sets a property to a text.
    pub fn set_text(&mut self, name: &str, value: &str) {
        self.set(name, text_value(value));
    }

    /// Sets a property to one 32-bit cell.
    pub fn set_cell(&mut self, name: &str, value: u32) {
        self.set(name, value.to_be_bytes());
    }

    /// Removes a property.
    pub fn remove(&mut self, name: &str) {
        self.properties.retain(|(n, _)| n != name);
    }

    /// Reads a flattened tree; `blob` may be longer than the tree.
    pub fn parse(blob: &[u8]) -> Result<Node> {
        let layout = Layout::check(blob)?;
        let crate_error = |e: FdtError| Error::Tree { offset: 0, what: text(e) };
        let tree = Fdt::new_unaligned_fallible(layout.blob).map_err(crate_error)?;
        let mut walk = Walk { at: layout.start };
        let root = tree.root().map_err(|e| walk.fail(e))?.as_node();
        let root = walk.node(root, 0)?;
        // Whatever else there may be of the structure block, END excepted, was not read.
        if walk.at.saturating_add(4) != layout.end {
            return Err(Error::Tree {
                offset: walk.at,
                what: "the tree cannot be read beyond this place (damaged, or NOP tokens, which are not read)",
            });
        }
        Ok(root)
    }

    /// Writes the flattened tree, version 17, its length a multiple of `align` (a power of two, at least 8).
    pub fn to_bytes(&self, align: usize) -> Vec<u8> {
        let mut out = Flattener::default();
        out.node(self);
        out.cell(END);
        let start = HEADER + 16;
        let strings_start = start + out.tree.len();
        let used = strings_start + out.strings.len();
        let total = used.next_multiple_of(align);
        let mut blob = Vec::with_capacity(total);
        blob.extend_from_slice(&MAGIC);
        let lengths = [total, start, strings_start, HEADER, 17, 16, 0, out.strings.len(), out.tree.len()];
        for n in lengths {
            blob.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
        }
        blob.extend_from_slice(&[0; 16]);
        blob.extend_from_slice(&out.tree);
        blob.extend_from_slice(&out.strings);
        blob.resize(total, 0);
        blob
    }
}

/// A text with its NUL, as property values hold it.
pub fn text_value(s: &str) -> Vec<u8> {
    let mut v: Vec<u8> = s.bytes().filter(|&b| b != 0).collect();
    v.push(0);
    v
}

fn to_usize(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn be32(blob: &[u8], at: usize) -> Result<usize> {
    blob.get(at..at.saturating_add(4))
        .and_then(|b| b.try_into().ok())
        .map(|b| to_usize(u32::from_be_bytes(b)))
        .ok_or_else(|| Error::Truncated { offset: blob.len() as u64, what: "the header".into() })
}

/// What must hold before the `fdt` crate may see a tree.
struct Layout<'a> {
    /// Exactly `totalsize` bytes.
    blob: &'a [u8],
    /// The structure block, bytes from the start of the blob.
    start: usize,
    end: usize,
}

impl Layout<'_> {
    fn check(blob: &[u8]) -> Result<Layout<'_>> {
        if blob.get(..4) != Some(&MAGIC) {
            return Err(Error::NotFit(blob.iter().take(4).copied().collect()));
        }
        let total = be32(blob, 4)?;
        let blob = blob
            .get(..total)
            .ok_or_else(|| Error::Truncated { offset: blob.len() as u64, what: "the header".into() })?;
        // Version 16 does not say how long the structure block is, and nobody writes it.
        if be32(blob, 20)? < 17 || be32(blob, 24)? > 17 {
            return Err(Error::Tree { offset: 20, what: "device tree version is not 17" });
        }
        let (start, length) = (be32(blob, 8)?, be32(blob, 36)?);
        let end = start.saturating_add(length);
        if start < HEADER || !start.is_multiple_of(4) || end > total || length < LEAST_TREE {
            return Err(Error::Tree {
                offset: 8,
                what: "off_dt_struct or size_dt_struct is outside the header",
            });
        }
        let (strings, length) = (be32(blob, 12)?, be32(blob, 32)?);
        let block = blob.get(strings..strings.saturating_add(length)).ok_or(Error::Tree {
            offset: 12,
            what: "off_dt_strings or size_dt_strings is outside the header",
        })?;
        // The crate takes a name from any place in the block to the next NUL, for every property anew.
        let mut at = strings;
        for name in block.split(|&b| b == 0) {
            if name.len() > MAX_NAME {
                return Err(Error::Tree { offset: at, what: "a name without end, or over 127 bytes" });
            }
            at = at.saturating_add(name.len()).saturating_add(1);
        }
        Ok(Layout { blob, start, end })
    }
}

/// Follows the crate through the structure block in the order of its bytes.
struct Walk {
    /// Where the token to come is, bytes from the start of the blob.
    at: usize,
}

impl Walk {
    fn fail(&self, e: FdtError) -> Error {
        Error::Tree { offset: self.at, what: text(e) }
    }

    /// Recursion is bounded by [`MAX_DEPTH`].
    fn node(&mut self, node: UnalignedFallibleNode<'_>, depth: usize) -> Result<Node> {
        let begin = self.at;
        let fail = |what| Error::Tree { offset: begin, what };
        if depth >= MAX_DEPTH {
            return Err(fail("nodes are nested too deep"));
        }
        // For a node without name the crate says "/".
        let name = match node.name().map_err(|e| self.fail(e))?.to_string() {
            name if (name == "/") != (depth == 0) => {
                return Err(fail("a named root node, or a node below it without name"));
            }
            name if depth == 0 && name == "/" => String::new(),
            name => name,
        };
        check_name(&name, begin)?;
        self.at = self.at.saturating_add(4).saturating_add(padded_len(name.len() + 1));
        let mut read = Node::new(name);
        let mut used = HashSet::new();
        for property in node.properties().map_err(|e| self.fail(e))? {
            let property = property.map_err(|e| self.fail(e))?;
            check_name(property.name, self.at)?;
            if !used.insert(property.name) {
                return Err(Error::Tree { offset: self.at, what: "two properties of one name in a node" });
            }
            read.properties.push((property.name.to_string(), property.value.to_vec()));
            self.at = self.at.saturating_add(12).saturating_add(padded_len(property.value.len()));
        }
        let mut used = HashSet::new();
        for child in node.children().map_err(|e| self.fail(e))? {
            let at = self.at;
            let child = self.node(child.map_err(|e| self.fail(e))?, depth + 1)?;
            if !used.insert(child.name.clone()) {
                return Err(Error::Tree { offset: at, what: "two nodes of one name side by side" });
            }
            read.children.push(child);
        }
        self.at = self.at.saturating_add(4);
        Ok(read)
    }
}

/// Bytes that a name or value takes with its padding.
fn padded_len(len: usize) -> usize {
    len.saturating_add(3) & !3
}

fn check_name(name: &str, offset: usize) -> Result<()> {
    if name.len() > MAX_NAME {
        return Err(Error::Tree { offset, what: "a name without end, or over 127 bytes" });
    }
    if !name.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Error::Tree { offset, what: "a name with a byte that is no printable ASCII" });
    }
    Ok(())
}

/// What the crate found wrong, in our words.
fn text(e: FdtError) -> &'static str {
    use fdt::parsing::ParseError;
    match e {
        FdtError::ParseError(ParseError::InvalidTokenValue) => "not a device tree token",
        FdtError::ParseError(ParseError::UnexpectedToken) => "a device tree token that has no place here",
        FdtError::ParseError(ParseError::UnexpectedEndOfData) => "the tree ends inside a node",
        FdtError::ParseError(ParseError::InvalidCStrValue) => "a name without end, or that is no text",
        _ => "a damaged device tree",
    }
}

#[derive(Default)]
struct Flattener {
    tree: Vec<u8>,
    strings: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Flattener {
    fn cell(&mut self, v: u32) {
        self.tree.extend_from_slice(&v.to_be_bytes());
    }

    fn padded(&mut self, v: &[u8]) {
        self.tree.extend_from_slice(v);
        self.tree.resize(padded_len(self.tree.len()), 0);
    }

    /// Recursion is bounded: nodes come from [`Node::parse`], which bounds depth, or from our own builder.
    fn node(&mut self, node: &Node) {
        self.cell(BEGIN_NODE);
        self.padded(&text_value(&node.name));
        for (name, value) in &node.properties {
            let at = match self.known.get(name) {
                Some(&at) => at,
                None => {
                    let at = u32::try_from(self.strings.len()).unwrap_or(u32::MAX);
                    self.strings.extend_from_slice(&text_value(name));
                    self.known.insert(name.clone(), at);
                    at
                }
            };
            self.cell(PROP);
            self.cell(u32::try_from(value.len()).unwrap_or(u32::MAX));
            self.cell(at);
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
