//! B-trees of HFS+, read leaf by leaf along their chain: no key is ever searched for, so no order has to be trusted.

use super::header::ForkSource;
use crate::bytes::View;
use crate::{Error, Result, Source, source::read_vec};
use std::collections::HashSet;

const LEAF: i8 = -1;
const HEADER_NODE: i8 = 1;

/// An opened B-tree file.
#[derive(Debug)]
pub(crate) struct BTree {
    fork: ForkSource,
    node_size: usize,
    nodes: u32,
    first_leaf: u32,
    /// 0xBC: keys compare as binary numbers; 0xCF: names compare without case.
    pub(crate) compare: u8,
    what: &'static str,
}

/// A leaf record: its key without the length, its data.
pub(crate) struct Record<'a> {
    /// Where the tree finds it again.
    pub(crate) place: u64,
    pub(crate) key: View<'a>,
    pub(crate) data: View<'a>,
}

impl BTree {
    /// Reads the header node.
    pub(crate) fn open(fork: ForkSource, what: &'static str) -> Result<BTree> {
        let head = read_vec(&fork, 0, 512)?;
        let v = View::new(&head, 0, what);
        if v.u8(8)? as i8 != HEADER_NODE {
            return Err(v.bad(8, "the kind of a B-tree's first node", v.u8(8)?));
        }
        let node_size = v.be16(32)?;
        if node_size < 512 || !node_size.is_power_of_two() {
            return Err(v.bad(32, "the node size of a B-tree", node_size));
        }
        // More nodes than the file has room for are not believed.
        let room = u32::try_from(fork.len() / u64::from(node_size)).unwrap_or(u32::MAX);
        Ok(BTree {
            node_size: usize::from(node_size),
            nodes: v.be32(36)?.min(room),
            first_leaf: v.be32(24)?,
            compare: v.u8(51)?,
            fork,
            what,
        })
    }

    fn node(&self, number: u32) -> Result<(u64, Vec<u8>)> {
        let offset = u64::from(number).saturating_mul(self.node_size as u64);
        if number >= self.nodes {
            return Err(Error::BadField {
                offset,
                what: "the number of a B-tree node",
                value: number.into(),
            });
        }
        Ok((offset, read_vec(&self.fork, offset, self.node_size as u64)?))
    }

    /// The bytes of record `i` of a node.
    fn record<'a>(&self, node: &View<'a>, i: u16) -> Result<View<'a>> {
        let slot = |i: usize| {
            let at = self.node_size.checked_sub(i.saturating_add(1).saturating_mul(2));
            node.be16(at.unwrap_or(usize::MAX)).map(usize::from)
        };
        let (start, end) = (slot(usize::from(i))?, slot(usize::from(i).saturating_add(1))?);
        match end.checked_sub(start) {
            Some(len) if start >= 14 => node.part(start, len, self.what),
            _ => Err(node.bad(start.min(self.node_size), "the offset of a B-tree record", start as u64)),
        }
    }

    fn split<'a>(&self, record: &View<'a>) -> Result<(View<'a>, View<'a>)> {
        let len = usize::from(record.be16(0)?);
        let key = record.part(2, len, self.what)?;
        // Data are aligned to two bytes.
        let at = len.saturating_add(3) & !1;
        Ok((key, record.rest(at.min(record.len()))?))
    }

    /// Hands every leaf record to `f`, in the order of the chain.
    pub(crate) fn leaves(&self, mut f: impl FnMut(Record<'_>) -> Result<()>) -> Result<()> {
        let mut seen = HashSet::new();
        let mut number = self.first_leaf;
        while number != 0 {
            let (offset, bytes) = self.node(number)?;
            if !seen.insert(number) {
                let what = format!("the leaves of {} are linked in a circle at node {number}", self.what);
                return Err(Error::Inconsistent { offset, what });
            }
            let node = View::new(&bytes, offset, self.what);
            if node.u8(8)? as i8 != LEAF {
                return Err(node.bad(8, "the kind of a B-tree leaf", node.u8(8)?));
            }
            for i in 0..node.be16(10)? {
                let record = self.record(&node, i)?;
                let (key, data) = self.split(&record)?;
                f(Record { place: u64::from(number) << 16 | u64::from(i), key, data })?;
            }
            number = node.be32(0)?;
        }
        Ok(())
    }

    /// Reads one record again by its place.
    pub(crate) fn at<T>(&self, place: u64, f: impl FnOnce(Record<'_>) -> Result<T>) -> Result<T> {
        let (offset, bytes) = self.node(u32::try_from(place >> 16).unwrap_or(u32::MAX))?;
        let record = self.record(&View::new(&bytes, offset, self.what), (place & 0xffff) as u16)?;
        let (key, data) = self.split(&record)?;
        f(Record { place, key, data })
    }
}
