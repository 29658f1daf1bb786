//! The property list and the chunk tables in it.

use super::{Method, SECTOR, Sum};
use crate::bytes::View;
use crate::{Error, Result};

/// Lists and dictionaries that a property list may hold; hundreds are usual. It bounds how deep they can nest.
const MAX_NODES: usize = 4096;

/// A table: one part of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, such as `disk image (Apple_HFS : 4)`.
    pub name: String,
    /// Its first byte on the disk.
    pub start: u64,
    /// Its bytes.
    pub len: u64,
    pub(super) sum: Sum,
}

/// A run of the disk and where its bytes are in the file.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    pub(super) table: usize,
    pub(super) method: Method,
    /// First byte on the disk, and bytes there.
    pub(super) start: u64,
    pub(super) len: u64,
    /// First byte in the file, and bytes there.
    pub(super) offset: u64,
    pub(super) packed: u64,
}

/// Reads all tables of the property list `plist`, which is at `at` in the file; chunks are counted from `data`.
pub(super) fn read(plist: &[u8], at: u64, data: u64) -> Result<(Vec<Table>, Vec<Chunk>)> {
    let bad = |what: String| Error::Inconsistent { offset: at, what };
    let nodes = plist.windows(5).filter(|w| w.starts_with(b"<dict") || w.starts_with(b"<arra")).count();
    if nodes > MAX_NODES {
        let what = "the number of lists in a disk image's property list";
        return Err(Error::Limit { offset: at, what, value: nodes as u64, limit: MAX_NODES as u64 });
    }
    let value = plist::Value::from_reader_xml(plist)
        .map_err(|e| bad(format!("the property list of the disk image is damaged: {e}")))?;
    let blocks = value
        .as_dictionary()
        .and_then(|d| d.get("resource-fork"))
        .and_then(plist::Value::as_dictionary)
        .and_then(|d| d.get("blkx"))
        .and_then(plist::Value::as_array)
        .ok_or_else(|| bad("the property list of the disk image has no resource-fork, blkx".into()))?;
    let (mut tables, mut chunks) = (Vec::new(), Vec::new());
    for block in blocks {
        let block = block.as_dictionary().ok_or_else(|| bad("an entry of blkx is no dictionary".into()))?;
        let text = |key| block.get(key).and_then(plist::Value::as_string).unwrap_or_default();
        let name = Some(text("Name")).filter(|n| !n.is_empty()).unwrap_or(text("CFName"));
        let bytes = block
            .get("Data")
            .and_then(plist::Value::as_data)
            .ok_or_else(|| bad(format!("the entry {name:?} of blkx has no Data")))?;
        // The table is encoded as text within the property list: offsets are those within the table.
        let v = View::new(bytes, 0, "a chunk table of the disk image");
        tables.push(table(&v, name, tables.len(), data, &mut chunks)?);
    }
    Ok((tables, chunks))
}

fn table(v: &View<'_>, name: &str, number: usize, data: u64, chunks: &mut Vec<Chunk>) -> Result<Table> {
    if v.slice(0, 4)? != b"mish" {
        return Err(v.bad(0, "the signature of a chunk table", v.be32(0)?));
    }
    let first = v.be64(8)?;
    let base = data.saturating_add(v.be64(24)?);
    let count = v.be32(200)?;
    let list = v.rest(204)?;
    if u64::from(count).saturating_mul(40) > list.len() as u64 {
        return Err(v.bad(200, "the number of chunks in a table", count));
    }
    for (c, n) in list.bytes().chunks_exact(40).zip(0..count as usize) {
        let at = n.saturating_mul(40).saturating_add(204);
        let c = View::new(c, at as u64, "a chunk of the disk image");
        let kind = c.be32(0)?;
        match kind {
            0xffff_ffff => break,
            0x7fff_fffe => continue,
            _ => {}
        }
        let method = Method::from_type(kind).ok_or_else(|| Error::Unsupported {
            what: format!("chunk type {kind:#x} of the disk image (table {name:?}, chunk {n})"),
            remedy: "",
        })?;
        let sectors = |at| -> Result<u64> {
            let n = c.be64(at)?;
            n.checked_mul(SECTOR)
                .filter(|&b| b <= super::MAX_DISK)
                .ok_or_else(|| c.bad(at, "a sector number", n))
        };
        let start = sectors(8)?.saturating_add(
            first.checked_mul(SECTOR).ok_or_else(|| v.bad(8, "the first sector of a table", first))?,
        );
        let len = sectors(16)?;
        if start.saturating_add(len) > super::MAX_DISK {
            return Err(c.bad(8, "the place of a chunk", start));
        }
        if len > 0 {
            chunks.push(Chunk {
                table: number,
                method,
                start,
                len,
                offset: base.saturating_add(c.be64(24)?),
                packed: c.be64(32)?,
            });
        }
    }
    Ok(Table {
        name: name.to_string(),
        start: first.saturating_mul(SECTOR),
        len: v.be64(16)?.saturating_mul(SECTOR),
        sum: Sum::parse(v, 64)?,
    })
}
