//! The tree in memory: everything that the bytes say, in their order, and the look-ups that need no pattern.

use crate::Result;
use crate::error::Error;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A whole device tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The root node, whose name is `device-tree`.
    pub root: Node,
    /// Bytes after the root node's end; files normally have none.
    pub trailing: Vec<u8>,
}

/// A node: properties in file order (which looks random in Apple's trees, and is kept), then children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// Properties, also those of equal names.
    pub properties: Vec<Property>,
    /// Children.
    pub children: Vec<Node>,
}

/// A property. There is no type information in the format: see [`crate::Value::guess`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// The name field.
    pub name: Name,
    /// The value.
    pub value: Vec<u8>,
    /// Bit 31 of the length: the boot loader is to replace the value. XNU knows nothing of this bit.
    pub placeholder: bool,
    /// The bytes that fill the value up to a multiple of 4, of which as many count as are needed. Zero in every tree
    /// seen; kept so that writing gives the identical bytes.
    pub padding: [u8; 3],
}

/// A property's name: the 32 bytes of its field. Text up to the first NUL; what follows is zero unless the file is odd.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub [u8; 32]);

impl Name {
    /// The longest name that leaves room for its NUL.
    pub const MAX: usize = 31;

    /// A name for a new property.
    ///
    /// # Errors
    /// Empty, longer than 31 bytes, or with a NUL inside.
    pub fn new(name: &[u8]) -> Result<Name> {
        let bad = |why| Error::BadName { name: name.escape_ascii().to_string(), why };
        if name.is_empty() {
            return Err(bad("a name cannot be empty"));
        }
        if name.len() > Name::MAX {
            return Err(bad("longer than 31 bytes, the most that a property's name field holds"));
        }
        if name.contains(&0) {
            return Err(bad("holds a NUL byte"));
        }
        Ok(Name::truncated(name))
    }

    /// The first 32 bytes of `name`, zero-filled.
    pub(crate) fn truncated(name: &[u8]) -> Name {
        let mut field = [0; 32];
        for (to, from) in field.iter_mut().zip(name) {
            *to = *from;
        }
        Name(field)
    }

    /// The name's bytes, without its NUL.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        self.0.get(..end).unwrap_or_default()
    }

    /// Whether everything after the name is zero, as it should be.
    pub fn is_clean(&self) -> bool {
        Name::truncated(self.as_bytes()) == *self
    }
}

/// Shows the name with unusual bytes escaped.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Property {
    /// A property with zero padding that is no placeholder.
    ///
    /// # Errors
    /// A name that does not fit, see [`Name::new`].
    pub fn new(name: &str, value: Vec<u8>) -> Result<Property> {
        Ok(Property { name: Name::new(name.as_bytes())?, value, placeholder: false, padding: [0; 3] })
    }

    /// The value as a little-endian number, if it is 1, 2, 4 or 8 bytes long.
    pub fn number(&self) -> Option<u64> {
        if !matches!(self.value.len(), 1 | 2 | 4 | 8) {
            return None;
        }
        Some(self.value.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// The value up to its first NUL, if that is UTF-8.
    pub fn str(&self) -> Option<&str> {
        core::str::from_utf8(self.strings().next()?).ok()
    }

    /// The value's NUL-separated strings, as in `compatible`. What follows the last NUL counts if it is not empty.
    pub fn strings(&self) -> impl Iterator<Item = &[u8]> {
        let value = self.value.strip_suffix(&[0]).unwrap_or(&self.value);
        value.split(|&b| b == 0)
    }

    /// The value as little-endian 64-bit words; what is left of them is dropped.
    pub fn words64(&self) -> impl Iterator<Item = u64> {
        self.value.chunks_exact(8).map(|c| c.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    /// Whether there is no byte but zero in the value: what trees have where the boot loader is to fill in.
    pub fn is_blank(&self) -> bool {
        self.value.iter().all(|&b| b == 0)
    }
}

impl Node {
    /// A node with a `name` property.
    pub fn named(name: &str) -> Node {
        let mut value = name.as_bytes().to_vec();
        value.push(0);
        let name = Property { name: Name::truncated(b"name"), value, placeholder: false, padding: [0; 3] };
        Node { properties: alloc::vec![name], children: Vec::new() }
    }

    /// The node's name: its `name` property up to the NUL. `None` without one, as XNU's look-ups see it.
    pub fn name(&self) -> Option<&[u8]> {
        let value = &self.get("name")?.value;
        Some(value.split(|&b| b == 0).next().unwrap_or_default())
    }

    /// The name for messages: escaped, `?` if there is none.
    pub fn label(&self) -> String {
        self.name().map_or_else(|| "?".into(), |n| n.escape_ascii().to_string())
    }

    /// The first property of this name.
    pub fn get(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name.as_bytes() == name.as_bytes())
    }

    /// The first property of this name.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties.iter_mut().find(|p| p.name.as_bytes() == name.as_bytes())
    }

    /// Whether there is a property of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a property's value, in its place if it is there, else at the end. It is no placeholder afterwards.
    ///
    /// # Errors
    /// A name that does not fit.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) -> Result<()> {
        let value = value.into();
        match self.get_mut(name) {
            Some(p) => {
                p.value = value;
                p.placeholder = false;
                p.padding = [0; 3];
            }
            None => self.properties.push(Property::new(name, value)?),
        }
        Ok(())
    }

    /// Removes every property of this name; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.properties.len();
        self.properties.retain(|p| p.name.as_bytes() != name.as_bytes());
        self.properties.len() != before
    }

    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Node> {
        self.children.iter().find(|c| c.name() == Some(name.as_bytes()))
    }

    /// The first child of this name.
    pub fn child_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.children.iter_mut().find(|c| c.name() == Some(name.as_bytes()))
    }

    /// This node and everything below it, parents first.
    pub fn walk(&self) -> impl Iterator<Item = &Node> {
        let mut stack = alloc::vec![self];
        core::iter::from_fn(move || {
            let node = stack.pop()?;
            stack.extend(node.children.iter().rev());
            Some(node)
        })
    }
}

impl Tree {
    /// A tree of a root node named `device-tree`.
    pub fn new() -> Tree {
        Tree { root: Node::named("device-tree"), trailing: Vec::new() }
    }

    /// The node at a path such as `/arm-io/uart0`. Names are compared exactly; of several the first is taken.
    pub fn node(&self, path: &str) -> Option<&Node> {
        components(path).try_fold(&self.root, |node, name| node.child(name))
    }

    /// The node at a path, to change.
    pub fn node_mut(&mut self, path: &str) -> Option<&mut Node> {
        components(path).try_fold(&mut self.root, |node, name| node.child_mut(name))
    }

    /// The property of a node.
    pub fn property(&self, path: &str, name: &str) -> Option<&Property> {
        self.node(path)?.get(name)
    }

    /// The node with this `AAPL,phandle`.
    pub fn by_phandle(&self, phandle: u32) -> Option<&Node> {
        self.root.walk().find(|n| n.get("AAPL,phandle").and_then(Property::number) == Some(phandle.into()))
    }

    /// A phandle that no node has, for a new one. Existing ones are never renumbered: others refer to them.
    pub fn free_phandle(&self) -> u32 {
        let used = self.root.walk().filter_map(|n| n.get("AAPL,phandle")?.number());
        u32::try_from(used.max().unwrap_or(0).saturating_add(1)).unwrap_or(u32::MAX)
    }

    /// The node at a path, made with all missing parents. New nodes get a name, and a fresh `AAPL,phandle` if the
    /// tree's root has one.
    ///
    /// # Errors
    /// A path with more components than a tree may be deep.
    pub fn make_node(&mut self, path: &str) -> Result<&mut Node> {
        let wants_phandle = self.root.has("AAPL,phandle");
        let mut phandle = self.free_phandle();
        if components(path).count() >= crate::MAX_DEPTH {
            return Err(Error::TooDeep { offset: 0, limit: crate::MAX_DEPTH });
        }
        let mut node = &mut self.root;
        for name in components(path) {
            let at = match node.children.iter().position(|c| c.name() == Some(name.as_bytes())) {
                Some(at) => at,
                None => {
                    let mut new = Node::named(name);
                    if wants_phandle {
                        new.set("AAPL,phandle", phandle.to_le_bytes())?;
                        phandle = phandle.saturating_add(1);
                    }
                    node.children.push(new);
                    node.children.len().saturating_sub(1)
                }
            };
            node = node
                .children
                .get_mut(at)
                .ok_or_else(|| Error::NotFound { what: "node", path: path.to_string() })?;
        }
        Ok(node)
    }

    /// Counts nodes and properties.
    pub fn counts(&self) -> (usize, usize) {
        self.root
            .walk()
            .fold((0, 0), |(n, p), node| (n.saturating_add(1), p.saturating_add(node.properties.len())))
    }

    /// Every placeholder left, as `path:property`. XNU must see none: it takes bit 31 for part of the length.
    pub fn placeholders(&self) -> Vec<String> {
        let mut found = Vec::new();
        each(&self.root, &mut String::new(), &mut |path, node| {
            for p in node.properties.iter().filter(|p| p.placeholder) {
                found.push(alloc::format!("{path}:{}", p.name));
            }
        });
        found
    }
}

/// Calls `visit` with every node and its path (`/` is the root), parents first.
pub(crate) fn each(node: &Node, path: &mut String, visit: &mut impl FnMut(&str, &Node)) {
    visit(if path.is_empty() { "/" } else { path }, node);
    let length = path.len();
    for child in &node.children {
        path.push('/');
        path.push_str(&child.label());
        each(child, path, visit);
        path.truncate(length);
    }
}

pub(crate) fn components(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|c| !c.is_empty())
}
