//! B-trees of APFS: every leaf record in order, by descent through all nodes; nothing is searched for by key.

use super::object::{Blocks, Object, kind};
use crate::bytes::View;
use crate::{Error, Result};
use std::collections::{HashMap, HashSet};

/// Node flags.
const ROOT: u16 = 1;
const LEAF: u16 = 2;
const FIXED: u16 = 4;
const HASHED: u16 = 8;

/// Roots are never higher than this: each level multiplies the records by dozens.
const MAX_LEVEL: u16 = 16;

/// Length of the information at the end of a root node.
const INFO: usize = 40;

/// Where the blocks of virtual objects are.
pub(super) type Map = HashMap<u64, u64>;

/// A leaf record.
pub(super) struct Record<'a> {
    pub(super) key: View<'a>,
    pub(super) value: View<'a>,
    /// Block and index, to find it again with [`at`].
    pub(super) place: (u64, u32),
}

/// A node of a tree.
struct Node {
    object: Object,
    flags: u16,
    level: u16,
    keys: u32,
    /// Where the table of contents starts and where keys are counted from.
    table: usize,
    area: usize,
    /// Where values are counted back from.
    end: usize,
    /// Sizes of keys and values, where they are fixed.
    fixed: (usize, usize),
}

impl Node {
    fn read(blocks: &Blocks, block: u64, fixed: Option<(usize, usize)>, what: &'static str) -> Result<Node> {
        let object = blocks.object(block, &[kind::BTREE, kind::BTREE_NODE], what)?;
        let v = object.view();
        let (flags, level, keys) = (v.le16(32)?, v.le16(34)?, v.le32(36)?);
        if flags & HASHED != 0 {
            return Err(sealed());
        }
        let table = usize::from(v.le16(40)?).saturating_add(56);
        let area = table.saturating_add(usize::from(v.le16(42)?));
        let end = v.len().saturating_sub(if flags & ROOT != 0 { INFO } else { 0 });
        let entry = if flags & FIXED != 0 { 4u64 } else { 8 };
        if area > end || u64::from(keys).saturating_mul(entry) > (area.saturating_sub(table)) as u64 {
            return Err(v.bad(36, "the number of keys in a B-tree node", keys));
        }
        let fixed = match fixed {
            Some(sizes) => sizes,
            None => (v.le32(end.saturating_add(8))? as usize, v.le32(end.saturating_add(12))? as usize),
        };
        Ok(Node { flags, level, keys, table, area, end, fixed, object })
    }

    fn leaf(&self) -> bool {
        self.flags & LEAF != 0
    }

    /// Key and value of an entry. A value may be absent.
    fn entry(&self, i: u32) -> Result<(View<'_>, Option<View<'_>>)> {
        let v = self.object.view();
        let i = i as usize;
        let (key_at, key_len, value_at, value_len) = if self.flags & FIXED != 0 {
            let at = self.table.saturating_add(i.saturating_mul(4));
            let len = if self.leaf() { self.fixed.1 } else { 8 };
            (v.le16(at)?, self.fixed.0, v.le16(at.saturating_add(2))?, len)
        } else {
            let at = self.table.saturating_add(i.saturating_mul(8));
            let field = |n: usize| v.le16(at.saturating_add(n));
            (field(0)?, usize::from(field(2)?), field(4)?, usize::from(field(6)?))
        };
        let key = v.part(self.area.saturating_add(usize::from(key_at)), key_len, "a key of a B-tree")?;
        if value_at == 0xffff {
            return Ok((key, None));
        }
        let start = self
            .end
            .checked_sub(usize::from(value_at))
            .ok_or_else(|| v.bad(self.table, "the place of a value in a B-tree node", value_at))?;
        Ok((key, Some(v.part(start, value_len, "a value of a B-tree")?)))
    }
}

/// The error for a sealed volume.
pub(super) fn sealed() -> Error {
    Error::Unsupported {
        what: "a sealed APFS volume (signed system volume or cryptex)".into(),
        remedy: ": restore ramdisks before iOS 15 and unsealed images are read",
    }
}

/// Hands every leaf record of the tree with its root in `root` to `f`. Children of a tree of virtual objects are
/// found through `map`; without it they are physical blocks.
pub(super) fn walk(
    blocks: &Blocks,
    root: u64,
    map: Option<&Map>,
    what: &'static str,
    mut f: impl FnMut(Record<'_>) -> Result<()>,
) -> Result<()> {
    let top = Node::read(blocks, root, None, what)?;
    // Levels go down to 0 one by one, so this bounds the depth.
    if top.level > MAX_LEVEL {
        return Err(top.object.view().bad(34, "the level of a B-tree's root", top.level));
    }
    let fixed = top.fixed;
    let mut seen = HashSet::from([root]);
    let mut stack = vec![(root, top, 0u32)];
    while let Some((block, node, next)) = stack.last_mut() {
        if *next >= node.keys {
            stack.pop();
            continue;
        }
        let i = *next;
        *next = next.saturating_add(1);
        let (key, value) = node.entry(i)?;
        if node.leaf() {
            let empty = View::new(&[], key.offset(0), what);
            f(Record { key, value: value.unwrap_or(empty), place: (*block, i) })?;
            continue;
        }
        let child = value.ok_or_else(|| key.bad(0, "an absent child of a B-tree node", 0u32))?;
        let oid = child.le64(0)?;
        let at = match map {
            Some(map) => {
                *map.get(&oid).ok_or_else(|| child.bad(0, "a virtual object that has no block", oid))?
            }
            None => oid,
        };
        if !seen.insert(at) {
            return Err(child.bad(0, "a B-tree node that is met twice", oid));
        }
        let level = node.level;
        let node = Node::read(blocks, at, Some(fixed), what)?;
        if u32::from(node.level).saturating_add(1) != u32::from(level) || node.leaf() != (node.level == 0) {
            return Err(node.object.view().bad(34, "the level of a B-tree node", node.level));
        }
        stack.push((at, node, 0));
    }
    Ok(())
}

/// Reads the value of a record of a tree with keys of variable length again.
pub(super) fn at<T>(
    blocks: &Blocks,
    place: (u64, u32),
    what: &'static str,
    f: impl FnOnce(View<'_>) -> Result<T>,
) -> Result<T> {
    let node = Node::read(blocks, place.0, Some((0, 0)), what)?;
    if place.1 >= node.keys {
        return Err(node.object.view().bad(36, "the number of keys in a B-tree node", node.keys));
    }
    match node.entry(place.1)? {
        (_, Some(value)) => f(value),
        (key, None) => Err(key.bad(0, "an absent value", 0u32)),
    }
}
