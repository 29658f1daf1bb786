//! Paths in a volume under construction. Symbolic links above the last name are followed inside the volume, as a
//! kernel follows them; the last name is taken for itself.

use super::{Attributes, Builder, Name, Object, names};
use crate::hfsplus::fold::fold;
use crate::source::read_vec;
use crate::{Error, Kind, MAX_DEPTH, MAX_PATH, Result};

/// Symbolic links followed in one path.
const MAX_LINKS: usize = 40;

/// Where a path leads.
pub(super) enum Found {
    /// To an object, by the name with this key; the root has none.
    There { object: usize, key: Option<(usize, Vec<u16>)> },
    /// To nothing: the last folder that is there, and the names below it that are not.
    Missing { folder: usize, rest: Vec<String> },
}

impl Builder {
    /// Follows a path.
    pub(super) fn locate(&self, path: &str, follow: bool) -> Result<Found> {
        // Last part first; with each whether a link brought it in, since only links may go up.
        let parts = |path: &str, link: bool| -> Vec<(String, bool)> {
            let parts = path.split('/').filter(|p| !p.is_empty() && *p != ".");
            parts.map(|p| (p.to_string(), link)).rev().collect()
        };
        let mut todo = parts(path, false);
        let mut trail = vec![(0usize, None)];
        let mut links = 0usize;
        while let Some((part, link)) = todo.pop() {
            if link && part == ".." {
                if trail.len() > 1 {
                    trail.pop();
                }
                continue;
            }
            if trail.len().saturating_add(todo.len()) >= MAX_DEPTH {
                return Err(Error::Invalid(format!("a path is nested deeper than {MAX_DEPTH} folders")));
            }
            let units = names::checked(&part)?;
            let folder = trail.last().map_or(0, |t| t.0);
            if self.objects.get(folder).is_none_or(|o| o.kind != Kind::Directory) {
                return Err(Error::Invalid(format!("{path} lies in something that is no folder")));
            }
            let Some((key, object)) = self.child(folder, &part, &units) else {
                let rest = std::iter::once(part).chain(todo.into_iter().rev().map(|t| t.0)).collect();
                return Ok(Found::Missing { folder, rest });
            };
            let target = match self.objects.get(object) {
                Some(o) if o.kind == Kind::Symlink && (follow || !todo.is_empty()) => &o.data,
                _ => {
                    trail.push((object, Some(key)));
                    continue;
                }
            };
            links = links.saturating_add(1);
            if links > MAX_LINKS || todo.len() > 4096 {
                return Err(Error::Invalid(format!("{path} leads through too many symbolic links")));
            }
            let target = read_vec(target.as_ref(), 0, target.len().min(16 << 10))?;
            let target = String::from_utf8_lossy(&target);
            if target.starts_with('/') {
                trail.truncate(1);
            }
            todo.extend(parts(target.trim_end_matches('\0'), true));
        }
        let (object, key) = trail.pop().unwrap_or((0, None));
        Ok(Found::There { object, key })
    }

    /// The object with a name in a folder, and the name's key. A name that the volume spells in another Unicode form
    /// is found too.
    fn child(&self, folder: usize, part: &str, units: &[u16]) -> Option<((usize, Vec<u16>), usize)> {
        use unicode_normalization::UnicodeNormalization;
        let key = (folder, self.compared(units));
        if let Some(name) = self.names.get(&key) {
            return Some((key, name.object));
        }
        if part.is_ascii() || !self.odd_names {
            return None;
        }
        self.children(folder)
            .find(|(_, name)| names::shown(&name.units).nfc().eq(part.nfc()))
            .map(|(key, name)| (key.clone(), name.object))
    }

    /// The names in a folder.
    pub(super) fn children(&self, folder: usize) -> impl Iterator<Item = (&(usize, Vec<u16>), &Name)> {
        self.names.range((folder, Vec::new())..).take_while(move |(key, _)| key.0 == folder)
    }

    /// A stored name as it is compared in this volume.
    pub(super) fn compared(&self, units: &[u16]) -> Vec<u16> {
        if self.case_sensitive { units.to_vec() } else { fold(units) }
    }

    /// The object at a path.
    pub(super) fn find(&self, path: &str) -> Result<usize> {
        match self.locate(path, false)? {
            Found::There { object, .. } => Ok(object),
            Found::Missing { .. } => Err(Error::NotFound(format!("{path} is not in the volume"))),
        }
    }

    /// Whether every path is one that can be read again. Folders that were moved may have become too deep.
    pub(super) fn check_paths(&self) -> Result<()> {
        let mut todo = vec![(0usize, 0usize, 0usize)];
        while let Some((folder, depth, len)) = todo.pop() {
            for (_, name) in self.children(folder) {
                let len = len.saturating_add(names::shown(&name.units).len()).saturating_add(1);
                let depth = depth.saturating_add(1);
                if len > MAX_PATH || depth >= MAX_DEPTH {
                    let name = names::shown(&name.units);
                    return Err(Error::Invalid(format!(
                        "the path of {name:?} is longer than {MAX_PATH} bytes or {MAX_DEPTH} folders"
                    )));
                }
                if self.objects.get(name.object).is_some_and(|o| o.kind == Kind::Directory) {
                    todo.push((name.object, depth, len));
                }
            }
        }
        Ok(())
    }

    /// Gives an object a name. Folders above it that are missing are made.
    pub(super) fn name(&mut self, path: &str, object: usize) -> Result<()> {
        let (mut folder, mut rest) = match self.locate(path, false)? {
            Found::There { key: None, .. } => {
                return Err(Error::Invalid("the root folder is there already".into()));
            }
            Found::There { .. } => return Err(Error::Invalid(format!("{path} is there already"))),
            Found::Missing { folder, rest } => (folder, rest),
        };
        let Some(last) = rest.pop() else { return Err(Error::Invalid(format!("{path} has no name"))) };
        let last = names::checked(&last)?;
        let above = rest.iter().map(|part| names::checked(part)).collect::<Result<Vec<_>>>()?;
        for units in above {
            let new = self.objects.len();
            self.objects.push(Object::new(Kind::Directory, &Attributes::new(0o755)));
            self.names.insert((folder, self.compared(&units)), Name { units, object: new });
            folder = new;
        }
        self.enter(folder, last, object)
    }

    /// Puts a name into a folder.
    pub(super) fn enter(&mut self, folder: usize, units: Vec<u16>, object: usize) -> Result<()> {
        let key = (folder, self.compared(&units));
        if self.names.contains_key(&key) {
            return Err(Error::Invalid(format!("{:?} is twice in a folder", names::shown(&units))));
        }
        self.names.insert(key, Name { units, object });
        let o = self.object(object)?;
        o.names = o.names.saturating_add(1);
        Ok(())
    }
}
