//! A flattened device tree, read into nodes and written back.
//!
//! Only what a FIT header needs: version 16 or 17, no memory reservations kept, no NOPs written. It is not a general
//! device tree library, and Apple's own device trees are another format altogether (crate `apple-dt`).
//! Encoding: Devicetree Specification 0.4, chapter 5. Reading is bounded: depth, name lengths, and every offset is
//! checked, since the tree comes from a file that nobody vouches for. Own code rather than a crate because every
//! error names the offset; the tests hold it against `fdt` and `vm-fdt`.

use crate::{Error, Result};
use std::collections::{HashMap, HashSet};

/// First four bytes of a flattened device tree.
pub const MAGIC: [u8; 4] = [0xd0, 0x0d, 0xfe, 0xed];

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const NOP: u32 = 4;
const END: u32 = 9;
/// A FIT is four levels deep; signatures and the like may add a few.
const MAX_DEPTH: usize = 16;
/// Names are 31 bytes by the specification; a cap keeps a shared string from being copied without bound.
const MAX_NAME: usize = 127;
const HEADER: usize = 40;

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
        if blob.get(..4) != Some(&MAGIC) {
            return Err(Error::NotFit(blob.iter().take(4).copied().collect()));
        }
        let total = to_usize(be32(blob, 4)?);
        let blob = blob
            .get(..total)
            .ok_or_else(|| Error::Truncated { offset: blob.len() as u64, what: "the header".into() })?;
        let version = be32(blob, 20)?;
        if version < 16 || be32(blob, 24)? > 17 {
            return Err(Error::Tree { offset: 20, what: "device tree version not 16 or 17" });
        }
        let start = to_usize(be32(blob, 8)?);
        let strings_start = to_usize(be32(blob, 12)?);
        let strings_len = to_usize(be32(blob, 32)?);
        let end = if version >= 17 { start.saturating_add(to_usize(be32(blob, 36)?)) } else { total };
        if start < HEADER || !start.is_multiple_of(4) || end > total || end < start {
            return Err(Error::Tree {
                offset: 8,
                what: "off_dt_struct or size_dt_struct is outside the header",
            });
        }
        let strings =
            blob.get(strings_start..strings_start.saturating_add(strings_len)).ok_or(Error::Tree {
                offset: 12,
                what: "off_dt_strings or size_dt_strings is outside the header",
            })?;
        Parser { blob: blob.get(..end).unwrap_or_default(), at: start, strings }.root()
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

fn be32(blob: &[u8], at: usize) -> Result<u32> {
    blob.get(at..at.saturating_add(4))
        .and_then(|b| b.try_into().ok())
        .map(u32::from_be_bytes)
        .ok_or_else(|| Error::Truncated { offset: blob.len() as u64, what: "the header".into() })
}

struct Parser<'a> {
    blob: &'a [u8],
    at: usize,
    strings: &'a [u8],
}

impl Parser<'_> {
    fn root(mut self) -> Result<Node> {
        // The open nodes, outermost first, with the names each has used; no recursion.
        let mut open: Vec<(Node, HashSet<String>)> = Vec::new();
        loop {
            let token_at = self.at;
            let fail = |what| Err(Error::Tree { offset: token_at, what });
            match self.cell()? {
                NOP => {}
                BEGIN_NODE => {
                    let name = self.node_name()?;
                    if open.len() >= MAX_DEPTH {
                        return fail("nodes are nested too deep");
                    }
                    let fresh = match open.last_mut() {
                        None => name.is_empty(),
                        // The slash keeps names of nodes and of properties apart.
                        Some((_, used)) => used.insert(format!("/{name}")),
                    };
                    if !fresh {
                        return fail("a named root node, or two nodes of one name side by side");
                    }
                    open.push((Node::new(name), HashSet::new()));
                }
                PROP => {
                    let len = to_usize(self.cell()?);
                    let name_at = to_usize(self.cell()?);
                    let name = self.property_name(name_at, token_at)?;
                    let value = self.bytes(len)?;
                    let Some((node, used)) = open.last_mut() else {
                        return fail("a property outside the root node");
                    };
                    if !used.insert(name.clone()) {
                        return fail("two properties of one name in a node");
                    }
                    node.properties.push((name, value));
                }
                END_NODE => {
                    let Some((node, _)) = open.pop() else {
                        return fail("the end of a node that did not begin");
                    };
                    match open.last_mut() {
                        Some((parent, _)) => parent.children.push(node),
                        None => return Ok(node),
                    }
                }
                END => return fail("the tree ends inside a node"),
                _ => return fail("not a device tree token"),
            }
        }
    }

    fn cell(&mut self) -> Result<u32> {
        let v = be32(self.blob, self.at)?;
        self.at += 4;
        Ok(v)
    }

    fn align(&mut self) {
        self.at = self.at.next_multiple_of(4);
    }

    fn bytes(&mut self, len: usize) -> Result<Vec<u8>> {
        let value = self
            .blob
            .get(self.at..self.at.saturating_add(len))
            .ok_or(Error::Tree { offset: self.at, what: "a property's value runs out of the tree" })?
            .to_vec();
        self.at += len;
        self.align();
        Ok(value)
    }

    fn node_name(&mut self) -> Result<String> {
        let at = self.at;
        let name = name_at(self.blob, at, at)?;
        self.at += name.len() + 1;
        self.align();
        Ok(name)
    }

    fn property_name(&self, name: usize, token_at: usize) -> Result<String> {
        name_at(self.strings, name, token_at)
    }
}

/// The NUL-ended name at `at`; `offset` is what an error points to.
fn name_at(block: &[u8], at: usize, offset: usize) -> Result<String> {
    let rest = block.get(at..).unwrap_or_default();
    let len = rest
        .iter()
        .take(MAX_NAME + 1)
        .position(|&b| b == 0)
        .ok_or(Error::Tree { offset, what: "a name without end, or over 127 bytes" })?;
    let name = rest.get(..len).unwrap_or_default();
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(Error::Tree { offset, what: "a name with a byte that is no printable ASCII" });
    }
    Ok(String::from_utf8_lossy(name).into_owned())
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
        self.tree.resize(self.tree.len().next_multiple_of(4), 0);
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
