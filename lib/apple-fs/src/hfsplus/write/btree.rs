//! Builds a B-tree file from its sorted records.

use crate::{Error, Result};

/// Node kinds.
const LEAF: u8 = 0xff;
const INDEX: u8 = 0;
const HEADER: u8 = 1;

/// Length of a node's descriptor.
const DESCRIPTOR: usize = 14;
/// Where the header node's map starts: descriptor, header record, 128 bytes for the user.
const MAP_AT: usize = 248;

/// What kind of tree it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) node_size: u16,
    pub(super) max_key: u16,
    /// Bit 1 big keys, bit 2 index keys of variable length.
    pub(super) attributes: u32,
    /// 0xBC binary, 0 where the kind of tree fixes it.
    pub(super) compare: u8,
    pub(super) what: &'static str,
}

/// A record: its key with the length before it, its data. Both of even length.
pub(super) struct Record {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
}

struct Level {
    /// (first key, bytes of the records, number of records)
    nodes: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
}

/// Lays records into nodes one after another.
fn pack(records: impl Iterator<Item = (Vec<u8>, Vec<u8>)>, shape: Shape) -> Result<Level> {
    let size = usize::from(shape.node_size);
    let mut nodes: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
    let mut used = size;
    for (key, data) in records {
        let record = [key.as_slice(), data.as_slice()].concat();
        // Each record takes a slot in the table at the end, and so does the free space.
        let need = record.len().saturating_add(2);
        if DESCRIPTOR.saturating_add(2).saturating_add(need) > size {
            return Err(Error::Invalid(format!(
                "a record of {} bytes is too long for {}",
                record.len(),
                shape.what
            )));
        }
        match nodes.last_mut() {
            Some((_, node)) if used.saturating_add(need) <= size => {
                node.push(record);
                used = used.saturating_add(need);
            }
            _ => {
                nodes.push((key, vec![record]));
                used = DESCRIPTOR.saturating_add(2).saturating_add(need);
            }
        }
    }
    Ok(Level { nodes })
}

fn put(node: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(to) = node.get_mut(at..at.saturating_add(bytes.len())) {
        to.copy_from_slice(bytes);
    }
}

fn node(shape: Shape, kind: u8, height: u8, links: (u32, u32), records: &[Vec<u8>]) -> Vec<u8> {
    let size = usize::from(shape.node_size);
    let mut n = vec![0; size];
    put(&mut n, 0, &links.0.to_be_bytes());
    put(&mut n, 4, &links.1.to_be_bytes());
    put(&mut n, 8, &[kind, height]);
    put(&mut n, 10, &(records.len() as u16).to_be_bytes());
    let mut at = DESCRIPTOR;
    let mut slot = size.saturating_sub(2);
    for r in records {
        put(&mut n, slot, &(at as u16).to_be_bytes());
        put(&mut n, at, r);
        at = at.saturating_add(r.len());
        slot = slot.saturating_sub(2);
    }
    put(&mut n, slot, &(at as u16).to_be_bytes());
    n
}

/// The bytes of the B-tree file that holds `records`, which are in the order of their keys. The file fills whole
/// allocation blocks of `block` bytes; nodes that are left over are free.
pub(super) fn build(records: Vec<Record>, shape: Shape, block: u32) -> Result<Vec<u8>> {
    let too_many = || Error::Invalid(format!("too many records for {}", shape.what));
    let leaf_records = u32::try_from(records.len()).map_err(|_| too_many())?;
    let mut levels: Vec<Level> = Vec::new();
    if leaf_records > 0 {
        levels.push(pack(records.into_iter().map(|r| (r.key, r.data)), shape)?);
    }
    let mut first = 1u32;
    while let Some(level) = levels.last().filter(|l| l.nodes.len() > 1) {
        let count = u32::try_from(level.nodes.len()).map_err(|_| too_many())?;
        let children = (first..).zip(&level.nodes).map(|(n, (k, _))| (k.clone(), n.to_be_bytes().to_vec()));
        let next = pack(children, shape)?;
        first = first.saturating_add(count);
        levels.push(next);
    }
    let depth = u16::try_from(levels.len()).map_err(|_| too_many())?;
    let used = levels.iter().map(|l| l.nodes.len() as u64).sum::<u64>().saturating_add(1);
    let total = used.next_multiple_of(u64::from(block / u32::from(shape.node_size)).max(1));
    let capacity = u64::from(shape.node_size).saturating_sub(256).saturating_mul(8);
    let total = u32::try_from(total).ok().filter(|&t| u64::from(t) <= capacity).ok_or_else(too_many)?;
    let counts = Counts {
        depth,
        leaf_records,
        leaves: levels.first().map_or(0, |l| l.nodes.len() as u32),
        used: used as u32,
        total,
    };
    let mut file = vec![header(shape, &counts)];
    let mut number = 1u32;
    for (level, height) in levels.iter().zip(1u8..) {
        let kind = if height == 1 { LEAF } else { INDEX };
        let last = number.saturating_add(level.nodes.len() as u32).saturating_sub(1);
        let start = number;
        for (_, records) in &level.nodes {
            let forward = if number < last { number.saturating_add(1) } else { 0 };
            let back = if number > start { number.saturating_sub(1) } else { 0 };
            file.push(node(shape, kind, height, (forward, back), records));
            number = number.saturating_add(1);
        }
    }
    let mut file = file.concat();
    file.resize(usize::from(shape.node_size).saturating_mul(total as usize), 0);
    Ok(file)
}

/// What the header record tells.
struct Counts {
    depth: u16,
    leaf_records: u32,
    leaves: u32,
    used: u32,
    total: u32,
}

fn header(shape: Shape, c: &Counts) -> Vec<u8> {
    let size = usize::from(shape.node_size);
    let mut n = vec![0; size];
    put(&mut n, 8, &[HEADER, 0]);
    put(&mut n, 10, &3u16.to_be_bytes());
    // The root is the last node that was made.
    let root = if c.depth == 0 { 0 } else { c.used.saturating_sub(1) };
    put(&mut n, 14, &c.depth.to_be_bytes());
    put(&mut n, 16, &root.to_be_bytes());
    put(&mut n, 20, &c.leaf_records.to_be_bytes());
    put(&mut n, 24, &c.leaves.min(1).to_be_bytes());
    put(&mut n, 28, &c.leaves.to_be_bytes());
    put(&mut n, 32, &shape.node_size.to_be_bytes());
    put(&mut n, 34, &shape.max_key.to_be_bytes());
    put(&mut n, 36, &c.total.to_be_bytes());
    put(&mut n, 40, &c.total.saturating_sub(c.used).to_be_bytes());
    put(&mut n, 46, &u32::from(shape.node_size).to_be_bytes());
    put(&mut n, 51, &[shape.compare]);
    put(&mut n, 52, &shape.attributes.to_be_bytes());
    for used in 0..c.used as usize {
        if let Some(byte) = n.get_mut(MAP_AT.saturating_add(used / 8)) {
            *byte |= 0x80 >> (used % 8);
        }
    }
    for (i, at) in [DESCRIPTOR, 120, MAP_AT, size.saturating_sub(8)].into_iter().enumerate() {
        let slot = size.saturating_sub(i.saturating_add(1).saturating_mul(2));
        put(&mut n, slot, &(at as u16).to_be_bytes());
    }
    n
}
