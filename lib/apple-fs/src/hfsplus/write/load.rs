//! An existing volume as the beginning of a new one.

use super::{Builder, HARD_LINK, Object, names};
use crate::fs::FileSystem;
use crate::hfsplus::header::{EPOCH, Fork, ForkKind, cnid};
use crate::hfsplus::{HfsPlus, RESOURCE_FORK};
use crate::tree::{Entry, Kind};
use crate::{Error, Result, Time};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

impl Builder {
    /// Everything that is in a volume: files with both forks, compressed ones as they are, links, devices, owners,
    /// permissions, dates, flags, extended attributes, access control lists, the numbers of objects, its name and
    /// block size. What only serves the file system (journal, backup date) is made anew or left out. The size is not
    /// taken over: without [`Builder::size`] the new volume is as small as can be.
    ///
    /// # Errors
    /// The journal is not empty or the volume has faults, so that something would be lost ([`Builder::salvage`]
    /// takes what can be read); it has hard links to folders.
    pub fn load(volume: &HfsPlus) -> Result<Builder> {
        if volume.has_full_journal() {
            return Err(Error::Unsupported {
                what: "changing a volume whose journal is not empty".into(),
                remedy: ": its journal would have to be replayed first (mount it once, or fsck_hfs)",
            });
        }
        if let Some(warning) = volume.volume().warnings.first() {
            return Err(Error::Unsupported {
                what: format!("changing a volume with faults ({warning})"),
                remedy: ": what could be lost is not known",
            });
        }
        Self::salvage(volume)
    }

    /// As [`Builder::load`], but takes what can be read of a volume with faults; its journal is dropped.
    ///
    /// # Errors
    /// It has hard links to folders, or names that are twice in a folder.
    pub fn salvage(volume: &HfsPlus) -> Result<Builder> {
        let v = volume.volume();
        let mut b = match v.case_sensitive {
            true => Builder::new(&v.name),
            false => Builder::case_insensitive(&v.name),
        };
        b.volume = names::kept(&v.name);
        if b.volume.is_empty() || b.volume.len() > 255 {
            b.volume_name("untitled");
        }
        b.created = v.created.map(|t| t.seconds);
        b.date = v.modified.or(v.created).map_or(0, |t| t.seconds);
        b.block_size = v.block_size.clamp(512, 65536);
        b.finder = volume.header.finder;
        b.next_id = volume.header.next_id.max(cnid::FIRST_USER);
        let tree = volume.tree();
        // Forks that overlap could claim to be far more than there is.
        let mut room = volume.source.len();
        // Which object each entry is; those with one number are one.
        let mut objects: HashMap<u64, usize> = HashMap::from([(u64::from(cnid::ROOT), 0)]);
        let mut of_entry = vec![0usize; tree.entries().len()];
        for (i, entry) in tree.entries().iter().enumerate() {
            if entry.meta.kind == Kind::DirectoryLink {
                return Err(Error::Unsupported {
                    what: format!("changing a volume with hard links to folders ({})", tree.path(i)),
                    remedy: "",
                });
            }
            let object = match objects.get(&entry.id) {
                Some(&there) if i != 0 => there,
                _ => {
                    let object = object(volume, entry)?;
                    if object.finder.starts_with(HARD_LINK) && object.kind == Kind::File {
                        // It leads to nothing: only a volume to be salvaged has such a name.
                        continue;
                    }
                    let forks = [&object.data, &object.resource].into_iter().chain(object.xattrs.values());
                    let bytes = forks.map(|f| f.len()).fold(0, u64::saturating_add);
                    room = room.checked_sub(bytes).ok_or_else(|| Error::Inconsistent {
                        offset: entry.meta.place,
                        what: format!(
                            "the files are larger than the volume; {} is one too many",
                            tree.path(i)
                        ),
                    })?;
                    b.next_id = b.next_id.max(object.id.unwrap_or(0).saturating_add(1));
                    match b.objects.first_mut().filter(|_| i == 0) {
                        Some(root) => {
                            *root = Object { names: 1, ..object };
                            0
                        }
                        None => {
                            b.objects.push(object);
                            b.objects.len().saturating_sub(1)
                        }
                    }
                }
            };
            objects.insert(entry.id, object);
            if let Some(of) = of_entry.get_mut(i) {
                *of = object;
            }
            if i != 0 {
                let folder = of_entry.get(tree.parent(i)).copied().unwrap_or(0);
                let units = names::kept(&entry.name);
                b.odd_names |= !entry.name.is_ascii() && names::stored(&entry.name) != units;
                b.enter(folder, units, object)?;
            }
        }
        Ok(b)
    }
}

fn object(volume: &HfsPlus, entry: &Entry) -> Result<Object> {
    let m = &entry.meta;
    let mut attributes = super::Attributes::new(m.mode);
    (attributes.uid, attributes.gid, attributes.flags) = (m.uid, m.gid, m.flags);
    // No date stays no date.
    let seconds = |t: Option<Time>| Some(t.map_or(-EPOCH, |t| t.seconds));
    attributes.created = seconds(m.created);
    attributes.modified = seconds(m.modified);
    attributes.changed = seconds(m.changed);
    attributes.accessed = seconds(m.accessed);
    let mut o = Object::new(m.kind, &attributes);
    o.names = 0;
    o.device = m.device;
    o.id = u32::try_from(entry.id).ok();
    o.finder = volume.raw_finder(entry)?;
    if matches!(m.kind, Kind::File | Kind::Symlink) {
        let forks = volume.catalog.at(m.place, |r| {
            Ok([
                (Fork::parse(&r.data, 88)?, ForkKind::Data),
                (Fork::parse(&r.data, 168)?, ForkKind::Resource),
            ])
        })?;
        for (fork, kind) in forks {
            if fork.size > 0 {
                let source = Arc::new(volume.fork(entry, kind)?);
                match kind {
                    ForkKind::Data => o.data = source,
                    ForkKind::Resource => o.resource = source,
                }
            }
        }
    }
    if let Some((tree, index)) = &volume.attributes {
        let all = index.sources(tree, &volume.source, &volume.header, o.id.unwrap_or(0))?;
        let units = |name: &str| name.encode_utf16().collect::<Vec<u16>>();
        o.xattrs = all.into_iter().map(|(name, value)| (units(&name), value)).collect::<BTreeMap<_, _>>();
        // No volume has it there; it would be taken for the fork.
        o.xattrs.remove(&units(RESOURCE_FORK));
    }
    Ok(o)
}
