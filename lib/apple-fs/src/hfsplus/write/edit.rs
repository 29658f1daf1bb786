//! Changes to what a volume holds.

use super::paths::Found;
use super::{Attributes, Builder, names};
use crate::decmpfs::{self, UF_COMPRESSED};
use crate::{Error, Kind, Result, Shared};
use std::collections::HashSet;

/// A name in a volume under construction.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its permissions, owner and dates.
    pub attributes: Attributes,
    /// Bytes of its contents as they are stored; 0 where the file system compressed them.
    pub size: u64,
    /// Whether an earlier node is the same file under another name.
    pub linked: bool,
}

impl Builder {
    /// What a path leads to, without following a link at its end; `None` when it leads to nothing.
    pub fn kind(&self, path: &str) -> Option<Kind> {
        self.find(path).ok().and_then(|o| self.objects.get(o)).map(|o| o.kind)
    }

    /// Whether a path leads to anything, links followed.
    pub fn exists(&self, path: &str) -> bool {
        matches!(self.locate(path, true), Ok(Found::There { .. }))
    }

    /// Whether a path leads to a folder, links followed.
    pub fn is_folder(&self, path: &str) -> bool {
        match self.locate(path, true) {
            Ok(Found::There { object, .. }) => {
                self.objects.get(object).is_some_and(|o| o.kind == Kind::Directory)
            }
            _ => false,
        }
    }

    /// Permissions, owner and dates of what is at a path.
    pub fn attributes(&self, path: &str) -> Result<Attributes> {
        let object = self.find(path)?;
        let o = self.objects.get(object).ok_or_else(|| Error::NotFound(format!("{path} is not there")))?;
        Ok(o.attributes)
    }

    /// The contents of a regular file, or the target of a link, as they are stored.
    ///
    /// # Errors
    /// The file system compressed them: they are not in the data fork.
    pub fn contents(&self, path: &str) -> Result<Shared> {
        let object = self.find(path)?;
        match self.objects.get(object) {
            Some(o) if o.attributes.flags & UF_COMPRESSED != 0 => Err(Error::Unsupported {
                what: format!("{path}: reading a compressed file while it is changed"),
                remedy: "",
            }),
            Some(o) if matches!(o.kind, Kind::File | Kind::Symlink) => Ok(o.data.clone()),
            _ => Err(Error::Invalid(format!("{path} is no file"))),
        }
    }

    /// All names, folders before what is in them.
    pub fn nodes(&self) -> Vec<Node> {
        let mut nodes = Vec::with_capacity(self.names.len());
        let mut seen = HashSet::new();
        let mut todo = vec![(0usize, String::new())];
        while let Some((object, path)) = todo.pop() {
            let Some(o) = self.objects.get(object) else { continue };
            if o.kind == Kind::Directory {
                let below = self.children(object).map(|(_, n)| {
                    let name = names::shown(&n.units);
                    (n.object, format!("{path}/{name}"))
                });
                let mut below: Vec<_> = below.collect();
                below.reverse();
                todo.extend(below);
            }
            if object != 0 {
                nodes.push(Node {
                    path,
                    kind: o.kind,
                    attributes: o.attributes,
                    size: o.data.len(),
                    linked: !seen.insert(object),
                });
            }
        }
        nodes
    }

    /// Removes a name, of a folder with everything below it. Gives the number of names removed.
    pub fn remove(&mut self, path: &str) -> Result<usize> {
        let key = match self.locate(path, false)? {
            Found::There { key: Some(key), .. } => key,
            Found::There { .. } => return Err(Error::Invalid("the root folder cannot be removed".into())),
            Found::Missing { .. } => return Err(Error::NotFound(format!("{path} is not in the volume"))),
        };
        let mut todo = vec![key];
        let mut removed = 0usize;
        while let Some(key) = todo.pop() {
            let Some(name) = self.names.remove(&key) else { continue };
            removed = removed.saturating_add(1);
            let folder = {
                let o = self.object(name.object)?;
                o.names = o.names.saturating_sub(1);
                o.kind == Kind::Directory
            };
            if folder {
                todo.extend(self.children(name.object).map(|(key, _)| key.clone()));
            }
        }
        Ok(removed)
    }

    /// Gives something another name or folder. Nothing may be at the new path.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let Found::There { object, key: Some(key) } = self.locate(from, false)? else {
            return Err(Error::NotFound(format!("{from} is not in the volume, or is its root")));
        };
        if let Found::There { object: there, .. } = self.locate(to, false)? {
            // A change of case alone leads to the same name.
            if there != object || self.case_sensitive {
                return Err(Error::Invalid(format!("{to} is there already")));
            }
        }
        let Some(name) = self.names.remove(&key) else {
            return Err(Error::NotFound(format!("{from} is not in the volume")));
        };
        // With its name gone a folder cannot be reached, so it cannot be put into itself: the path is then made of
        // new folders of those names, hence this check of what is asked.
        let inside = |path: &str, of: &str| {
            let parts =
                |p: &str| p.split('/').filter(|x| !x.is_empty()).map(String::from).collect::<Vec<_>>();
            parts(path).starts_with(&parts(of))
        };
        let moved = match inside(to, from)
            && self.objects.get(object).is_some_and(|o| o.kind == Kind::Directory)
            && !inside(from, to)
        {
            true => Err(Error::Invalid(format!("{to} lies in {from}"))),
            false => self.name(to, object),
        };
        match moved {
            Ok(()) => {
                let o = self.object(object)?;
                o.names = o.names.saturating_sub(1);
                Ok(())
            }
            Err(e) => {
                self.names.insert(key, name);
                Err(e)
            }
        }
    }

    /// Replaces the contents of a regular file; owner, permissions and extended attributes stay, a resource fork and
    /// the file system's compression go.
    pub fn replace(&mut self, path: &str, contents: Shared) -> Result<()> {
        let Found::There { object, .. } = self.locate(path, true)? else {
            return Err(Error::NotFound(format!("{path} is not in the volume")));
        };
        let o = self.object(object)?;
        if o.kind != Kind::File {
            return Err(Error::Invalid(format!("{path} is a {}, no regular file", o.kind.name())));
        }
        o.data = contents;
        o.resource = crate::Bytes::shared([]);
        o.attributes.flags &= !UF_COMPRESSED;
        let compression: Vec<u16> = decmpfs::XATTR.encode_utf16().collect();
        o.xattrs.remove(&compression);
        Ok(())
    }

    /// Changes permissions, owner or dates of what is at a path, a link at its end followed, and with `recursive` of
    /// everything below.
    pub fn change(
        &mut self,
        path: &str,
        recursive: bool,
        mut f: impl FnMut(Kind, &mut Attributes),
    ) -> Result<()> {
        let Found::There { object, .. } = self.locate(path, true)? else {
            return Err(Error::NotFound(format!("{path} is not in the volume")));
        };
        let mut todo = vec![object];
        let mut done = HashSet::new();
        while let Some(object) = todo.pop() {
            if !done.insert(object) {
                continue;
            }
            if recursive {
                todo.extend(self.children(object).map(|(_, n)| n.object));
            }
            let o = self.object(object)?;
            let compressed = o.attributes.flags & UF_COMPRESSED;
            f(o.kind, &mut o.attributes);
            // Whether a file is compressed is not a matter of its flags alone.
            o.attributes.flags = o.attributes.flags & !UF_COMPRESSED | compressed;
        }
        Ok(())
    }

    /// Removes an extended attribute; whether it was there.
    pub fn remove_xattr(&mut self, path: &str, name: &str) -> Result<bool> {
        let object = self.find(path)?;
        let o = self.object(object)?;
        if name == decmpfs::XATTR && o.attributes.flags & UF_COMPRESSED != 0 {
            return Err(Error::Invalid(format!("{path} is compressed: {name} holds its contents")));
        }
        Ok(match name {
            super::super::FINDER_INFO => {
                let there = o.finder.iter().any(|&b| b != 0);
                o.finder = [0; 32];
                there
            }
            decmpfs::RESOURCE_FORK if o.kind == Kind::File => {
                if o.attributes.flags & UF_COMPRESSED != 0 {
                    return Err(Error::Invalid(format!("{path} is compressed: {name} holds its contents")));
                }
                let there = !o.resource.is_empty();
                o.resource = crate::Bytes::shared([]);
                there
            }
            _ => o.xattrs.remove(&name.encode_utf16().collect::<Vec<u16>>()).is_some(),
        })
    }
}
