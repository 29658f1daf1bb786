//! From the collected files to the volume.
//!
//! Order on the volume: header, allocation bitmap, extents overflow file, catalog, attributes, contents in the order
//! in which the files were added, free space, copy of the header.

use super::super::fold::fold;
use super::super::header::{HEADER_AT, HEADER_LEN, attributes, cnid};
use super::btree::{self, Record, Shape};
use super::records::{self, Common, Place, catalog_key};
use super::{Builder, NewVolume, Object};
use crate::bytes::index;
use crate::source::read_vec;
use crate::{Bytes, Error, Kind, Result, Shared};
use std::collections::HashMap;

/// Names that compare as numbers (HFSX), and by folding.
const BINARY: u8 = 0xbc;
const FOLDING: u8 = 0xcf;

const CATALOG: Shape =
    Shape { node_size: 8192, max_key: 516, attributes: 6, compare: BINARY, what: "the catalog" };
const EXTENTS: Shape =
    Shape { node_size: 4096, max_key: 10, attributes: 2, compare: 0, what: "the extents overflow file" };
const ATTRIBUTES: Shape =
    Shape { node_size: 8192, max_key: 266, attributes: 6, compare: 0, what: "the attributes file" };

/// Longer values of extended attributes get blocks of their own: at least two must fit into a node.
const MAX_INLINE: u64 = 3802;

/// Record flags.
const THREAD: u16 = 0x02;
const HAS_ATTRIBUTES: u16 = 0x04;
const HAS_SECURITY: u16 = 0x08;
const FOLDER_COUNT: u16 = 0x10;
const LINK_CHAIN: u16 = 0x20;
const DATE_ADDED: u16 = 0x80;

/// The attribute with an access control list, which a record's flag announces.
const SECURITY: &str = "com.apple.system.Security";

/// The folder of linked files: four NULs and a name.
fn private_folder() -> Vec<u16> {
    std::iter::repeat_n(0, 4).chain("HFS+ Private Data".encode_utf16()).collect()
}

/// Hands out blocks, one run after another, and remembers what goes there.
struct Allocator {
    block: u64,
    next: u64,
    contents: Vec<(u64, Shared)>,
}

impl Allocator {
    fn place(&mut self, data: &Shared) -> Result<Place> {
        let blocks = data.len().div_ceil(self.block);
        let start = self.next;
        self.next = self.next.saturating_add(blocks);
        if self.next.saturating_mul(self.block) > super::MAX_SIZE {
            return Err(Error::Invalid("the contents are too large for one volume".into()));
        }
        if blocks > 0 {
            self.contents.push((start, data.clone()));
        }
        let narrow = |n: u64| u32::try_from(n).map_err(|_| Error::Invalid("too many blocks".into()));
        Ok(Place { size: data.len(), start: narrow(start)?, blocks: narrow(blocks)? })
    }
}

/// A name's place in the builder.
type Key = (usize, Vec<u16>);

/// Numbers of objects and links.
struct Numbers {
    /// Of each object; `None` for one without a name.
    objects: Vec<Option<u32>>,
    /// Of each name that is a link to a file with several names.
    links: HashMap<Key, u32>,
    private: Option<u32>,
    next: u32,
}

impl Numbers {
    fn new(b: &Builder) -> Result<Numbers> {
        // A volume whose numbers run out is numbered afresh.
        let wanted = (b.objects.len() as u64).saturating_add(b.names.len() as u64).saturating_add(1);
        let keep = u64::from(b.next_id).saturating_add(wanted) < u64::from(u32::MAX);
        let mut next = if keep { b.next_id } else { cnid::FIRST_USER };
        let mut take = || {
            let n = next;
            next = next.checked_add(1).ok_or_else(|| Error::Invalid("too many files".into()))?;
            Ok::<u32, Error>(n)
        };
        let linked = |o: &Object| o.names > 1 && o.kind == Kind::File;
        let private = if b.objects.iter().any(linked) { Some(take()?) } else { None };
        let mut objects = Vec::with_capacity(b.objects.len());
        for (i, o) in b.objects.iter().enumerate() {
            objects.push(match (i, o.names, o.id.filter(|_| keep)) {
                (0, ..) => Some(cnid::ROOT),
                (_, 0, _) => None,
                (_, _, Some(id)) => Some(id),
                _ => Some(take()?),
            });
        }
        let mut links = HashMap::new();
        for (key, name) in &b.names {
            if b.objects.get(name.object).is_some_and(linked) {
                links.insert(key.clone(), take()?);
            }
        }
        Ok(Numbers { objects, links, private, next })
    }

    fn of(&self, object: usize) -> u32 {
        self.objects.get(object).copied().flatten().unwrap_or(cnid::ROOT)
    }
}

/// What each folder holds.
#[derive(Default, Clone, Copy)]
struct Held {
    entries: u32,
    folders: u32,
}

/// What goes into the trees, before it is sorted.
struct Trees {
    catalog: Vec<(u32, Vec<u16>, Vec<u8>)>,
    attributes: Vec<(u32, Vec<u16>, Vec<u8>)>,
    files: u32,
    folders: u32,
}

impl Trees {
    fn add(&mut self, folder: bool, id: u32, parent: u32, name: &[u16], record: Vec<u8>) {
        let count = if folder { &mut self.folders } else { &mut self.files };
        *count = count.saturating_add(1);
        self.catalog.push((parent, name.to_vec(), record));
        self.catalog.push((id, Vec::new(), records::thread(folder, parent, name)));
    }
}

pub(super) fn build(b: &Builder) -> Result<NewVolume> {
    b.check_paths()?;
    let numbers = Numbers::new(b)?;
    let mut space = Allocator { block: b.block_size.into(), next: 0, contents: Vec::new() };
    let mut trees = Trees { catalog: Vec::new(), attributes: Vec::new(), files: 0, folders: 0 };
    // Contents are placed from block 0 on first; they move behind the trees when the trees' sizes are known, and
    // record bytes do not change their length by that.
    collect(b, &numbers, &mut space, &mut trees, 0)?;
    let sizes = files(trees, b)?;
    let before = System::new(b, &sizes, space.next)?;

    let mut space = Allocator { block: b.block_size.into(), next: before.first_free, contents: Vec::new() };
    let mut trees = Trees { catalog: Vec::new(), attributes: Vec::new(), files: 0, folders: 0 };
    collect(b, &numbers, &mut space, &mut trees, before.first_free)?;
    let (files_count, folders_count) = (trees.files, trees.folders);
    let files = files(trees, b)?;
    let block = u64::from(b.block_size);
    let total = before.total;
    let used_low = space.next;
    let tail_blocks = HEADER_AT.div_ceil(block);
    let free = total.saturating_sub(used_low).saturating_sub(tail_blocks);
    let header = header(
        b,
        &before,
        &Counts { files: files_count, folders: folders_count, free, used_low, numbers: &numbers },
    );
    let header = Bytes::shared(header);
    let map = Bytes::shared(bitmap(total, used_low, tail_blocks, before.bitmap.size));
    let end = total.saturating_mul(block).saturating_sub(HEADER_AT);
    let mut pieces = vec![(HEADER_AT, header.clone()), (end, header)];
    for (place, bytes) in [
        (before.bitmap, map),
        (before.extents, Bytes::shared(files.extents)),
        (before.catalog, Bytes::shared(files.catalog)),
        (before.attributes, Bytes::shared(files.attributes)),
    ] {
        pieces.push((u64::from(place.start).saturating_mul(block), bytes));
    }
    pieces.extend(space.contents.into_iter().map(|(start, data)| (start.saturating_mul(block), data)));
    Ok(NewVolume::new(total.saturating_mul(block), pieces))
}

/// The trees' bytes.
struct Files {
    extents: Vec<u8>,
    catalog: Vec<u8>,
    attributes: Vec<u8>,
}

fn files(mut trees: Trees, b: &Builder) -> Result<Files> {
    let block = b.block_size;
    let shape = Shape { compare: if b.case_sensitive { BINARY } else { FOLDING }, ..CATALOG };
    match b.case_sensitive {
        true => trees.catalog.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1))),
        false => trees.catalog.sort_by_cached_key(|r| (r.0, fold(&r.1))),
    }
    trees.attributes.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let record = |key: Vec<u8>, data| Record { key, data };
    let catalog = trees.catalog.into_iter().map(|(p, n, d)| record(catalog_key(p, &n), d)).collect();
    let attributes =
        trees.attributes.into_iter().map(|(f, n, d)| record(records::attribute_key(f, &n), d)).collect();
    Ok(Files {
        extents: btree::build(Vec::new(), EXTENTS, block)?,
        catalog: btree::build(catalog, shape, block)?,
        attributes: btree::build(attributes, ATTRIBUTES, block)?,
    })
}

/// Where the system's own files are.
struct System {
    bitmap: Place,
    extents: Place,
    catalog: Place,
    attributes: Place,
    first_free: u64,
    total: u64,
}

impl System {
    fn new(b: &Builder, files: &Files, contents: u64) -> Result<System> {
        let block = u64::from(b.block_size);
        let head = HEADER_AT.saturating_add(HEADER_LEN as u64).div_ceil(block);
        let tail = HEADER_AT.div_ceil(block);
        let blocks = |bytes: usize| (bytes as u64).div_ceil(block);
        let trees = [files.extents.len(), files.catalog.len(), files.attributes.len()];
        let fixed = trees
            .iter()
            .map(|&n| blocks(n))
            .fold(head.saturating_add(tail).saturating_add(contents), u64::saturating_add)
            .saturating_add(b.spare.div_ceil(block));
        // The bitmap has a bit for every block, those of the bitmap included.
        let mut total = fixed;
        let mut map = 0;
        for _ in 0..8 {
            map = total.max(b.size / block).div_ceil(8).div_ceil(block);
            total = fixed.saturating_add(map);
        }
        if b.size != 0 {
            if b.size / block < total {
                return Err(Error::Invalid(format!(
                    "the files need a volume of {} bytes, {} are not enough",
                    total.saturating_mul(block),
                    b.size
                )));
            }
            total = b.size / block;
        }
        if total.saturating_mul(block) > super::MAX_SIZE {
            return Err(Error::Invalid(format!("a volume of {} blocks is too large", total)));
        }
        let mut next = head;
        let mut place = |size: u64| {
            let n = size.div_ceil(block);
            let start = next;
            next = next.saturating_add(n);
            Place {
                size,
                start: u32::try_from(start).unwrap_or(u32::MAX),
                blocks: u32::try_from(n).unwrap_or(u32::MAX),
            }
        };
        let bitmap = place(map.saturating_mul(block));
        let [extents, catalog, attributes] = trees.map(|n| place(blocks(n).saturating_mul(block)));
        Ok(System { bitmap, extents, catalog, attributes, first_free: next, total })
    }
}

/// Makes all records; contents go into `space`.
fn collect(
    b: &Builder,
    numbers: &Numbers,
    space: &mut Allocator,
    trees: &mut Trees,
    first: u64,
) -> Result<()> {
    space.next = first;
    let mut held = vec![Held::default(); b.objects.len()];
    for (key, name) in &b.names {
        let folder = b.objects.get(name.object).is_some_and(|o| o.kind == Kind::Directory);
        if let Some(h) = held.get_mut(key.0) {
            h.entries = h.entries.saturating_add(1);
            h.folders = h.folders.saturating_add(folder.into());
        }
    }
    if let (Some(_), Some(root)) = (numbers.private, held.first_mut()) {
        root.entries = root.entries.saturating_add(1);
        root.folders = root.folders.saturating_add(1);
    }
    let mut names_of: HashMap<usize, Vec<&Key>> = HashMap::new();
    for (key, name) in &b.names {
        names_of.entry(name.object).or_default().push(key);
    }
    let mut linked = 0u32;
    for (i, object) in b.objects.iter().enumerate() {
        let Some(id) = numbers.objects.get(i).copied().flatten() else { continue };
        let names = names_of.get(&i).map(Vec::as_slice).unwrap_or_default();
        let several = names.len() > 1 && numbers.private.is_some();
        let first_link = names.first().and_then(|&n| numbers.links.get(n)).copied().unwrap_or(0);
        let record = record(
            b,
            object,
            id,
            held.get(i).copied().unwrap_or_default(),
            several.then_some(first_link),
            space,
        )?;
        for (name, value) in &object.xattrs {
            let data = match value.len() {
                0..=MAX_INLINE => records::attribute_inline(&read_vec(value.as_ref(), 0, value.len())?),
                _ => records::attribute_fork(&space.place(value)?),
            };
            trees.attributes.push((id, name.clone(), data));
        }
        let folder = object.kind == Kind::Directory;
        match (several, names.first().and_then(|&n| Some((n.0, b.names.get(n)?))), numbers.private) {
            (true, _, Some(private)) => {
                let inode: Vec<u16> = format!("iNode{id}").encode_utf16().collect();
                trees.add(false, id, private, &inode, record);
                linked = linked.saturating_add(1);
                links(b, numbers, names, id, trees);
            }
            (_, Some((parent, name)), _) => trees.add(folder, id, numbers.of(parent), &name.units, record),
            (_, None, _) => trees.add(true, id, cnid::ROOT_PARENT, &b.volume, record),
        }
    }
    if let Some(id) = numbers.private {
        let created = volume_created(b);
        let mut r = Common {
            folder: true,
            flags: folder_count(b),
            count: linked,
            id,
            created,
            modified: created,
            changed: created,
            accessed: created,
            uid: 0,
            gid: 0,
            bsd: 0,
            mode: 0o040_000,
            special: 1,
        }
        .bytes();
        // Invisible, name locked, and far outside of every window: what Apple's driver gives this folder.
        let mut info = [0u8; 32];
        for (to, from) in info.iter_mut().skip(8).zip([0x50, 0x00, 0x57, 0xbc, 0x57, 0xbc]) {
            *to = from;
        }
        records::finder(&mut r, &info, 0);
        trees.add(true, id, cnid::ROOT, &private_folder(), r);
    }
    // The root folder is not counted.
    trees.folders = trees.folders.saturating_sub(1);
    Ok(())
}

/// The record of an object itself. `first_link`: it has several names, and this is the first of them.
fn record(
    b: &Builder,
    object: &Object,
    id: u32,
    held: Held,
    first_link: Option<u32>,
    space: &mut Allocator,
) -> Result<Vec<u8>> {
    let folder = object.kind == Kind::Directory;
    let a = &object.attributes;
    let mut flags = if folder { folder_count(b) } else { THREAD };
    if !object.xattrs.is_empty() {
        flags |= HAS_ATTRIBUTES;
    }
    if object.xattrs.keys().any(|name| name.iter().copied().eq(SECURITY.encode_utf16())) {
        flags |= HAS_SECURITY;
    }
    let finder = records::finder_of(object);
    if finder.get(20..24).is_some_and(|d| d != [0; 4]) && object.kind != Kind::Symlink {
        flags |= DATE_ADDED;
    }
    if first_link.is_some() {
        flags |= LINK_CHAIN;
    }
    let modified = records::date(a.modified.unwrap_or(b.date));
    let special = match (object.kind, first_link) {
        (Kind::CharDevice | Kind::BlockDevice, _) => object.device,
        (_, Some(_)) => object.names,
        _ => 1,
    };
    let mut r = Common {
        folder,
        flags,
        count: if folder { held.entries } else { first_link.unwrap_or(0) },
        id,
        created: records::date(a.created.unwrap_or(b.date)),
        modified,
        changed: a.changed.map_or(modified, records::date),
        accessed: a.accessed.map_or(modified, records::date),
        uid: a.uid,
        gid: a.gid,
        bsd: a.flags,
        mode: records::type_bits(object.kind) | a.mode & 0o7777,
        special,
    }
    .bytes();
    // The number of folders in a folder is kept on HFSX only.
    records::finder(&mut r, &finder, if folder && b.case_sensitive { held.folders } else { 0 });
    if !folder {
        r.extend(space.place(&object.data)?.fork(0));
        r.extend(space.place(&object.resource)?.fork(0));
    }
    Ok(r)
}

/// The link records of a file with several names, chained to each other.
fn links(b: &Builder, numbers: &Numbers, names: &[&Key], inode: u32, trees: &mut Trees) {
    let ids: Vec<u32> = names.iter().map(|&n| numbers.links.get(n).copied().unwrap_or(0)).collect();
    for (i, (&n, &id)) in names.iter().zip(&ids).enumerate() {
        let Some(name) = b.names.get(n) else { continue };
        let created = volume_created(b);
        let mut r = Common {
            folder: false,
            flags: THREAD | LINK_CHAIN,
            count: 0,
            id,
            // A link is one only if it has the volume's own creation date.
            created,
            modified: created,
            changed: created,
            accessed: created,
            // Owner and group of a link are its neighbours in the chain.
            uid: i.checked_sub(1).and_then(|p| ids.get(p)).copied().unwrap_or(0),
            gid: ids.get(i.saturating_add(1)).copied().unwrap_or(0),
            bsd: 2,
            mode: 0o100_444,
            special: inode,
        }
        .bytes();
        records::finder(&mut r, &records::type_creator(super::HARD_LINK), 0);
        r.resize(248, 0);
        trees.add(false, id, numbers.of(n.0), &name.units, r);
    }
}

/// The volume's own date of creation.
fn volume_created(b: &Builder) -> u32 {
    records::date(b.created.unwrap_or(b.date))
}

/// The flag of folders that count the folders in them, which HFS+ proper does not know.
fn folder_count(b: &Builder) -> u16 {
    if b.case_sensitive { FOLDER_COUNT } else { 0 }
}

/// One bit for each block: used from 0 to `low` and in the last `tail` ones.
fn bitmap(total: u64, low: u64, tail: u64, bytes: u64) -> Vec<u8> {
    let mut map = vec![0u8; index(bytes)];
    let mut fill = |from: u64, to: u64| {
        for block in from..to {
            if let Some(byte) = map.get_mut(index(block / 8)) {
                *byte |= 0x80 >> (block % 8);
            }
        }
    };
    fill(0, low);
    fill(total.saturating_sub(tail), total);
    map
}

struct Counts<'a> {
    files: u32,
    folders: u32,
    free: u64,
    used_low: u64,
    numbers: &'a Numbers,
}

fn header(b: &Builder, system: &System, counts: &Counts<'_>) -> Vec<u8> {
    let date = records::date(b.date);
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let mut h = if b.case_sensitive { b"HX\0\x05".to_vec() } else { b"H+\0\x04".to_vec() };
    let clump = b.block_size.max(65536);
    for field in [
        attributes::UNMOUNTED,
        u32::from_be_bytes(*b"10.0"),
        0, // no journal
        volume_created(b),
        date,
        0, // never backed up
        date,
        counts.files,
        counts.folders,
        b.block_size,
        narrow(system.total),
        narrow(counts.free),
        narrow(counts.used_low),
        clump,
        clump,
        counts.numbers.next,
        1, // write count
    ] {
        h.extend_from_slice(&field.to_be_bytes());
    }
    // Text encodings in use: MacRoman, as everyone sets it.
    h.extend_from_slice(&1u64.to_be_bytes());
    h.extend_from_slice(&b.finder);
    h.extend(system.bitmap.fork(narrow(system.bitmap.size)));
    h.extend(system.extents.fork(narrow(system.extents.size)));
    h.extend(system.catalog.fork(narrow(system.catalog.size)));
    h.extend(system.attributes.fork(narrow(system.attributes.size)));
    h.extend([0; 80]);
    h
}
