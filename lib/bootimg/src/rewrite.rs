//! Changing an image as it streams by: what every filter does with a packed image.
//!
//! Nothing is written before [`Rewriter::finish`]. Parts that were asked for, and those that lie before them, are held
//! in memory, because the new header must come first and needs their sizes; our images have the device tree first, so
//! for `dt-patch` that is the device tree alone. All other parts pass through byte for byte, with the digests they
//! had; they are not compared with them, since whoever boots the image does that.

use crate::builder::{check_name, finished, lay_out, pad, pump, set_content};
use crate::reader::skip;
use crate::tree::text_value;
use crate::{Algorithm, Digest, Error, Header, MAX_PART, Part, PartSpec, Reader, Result, names};
use std::io::{Read, Write};

/// An image being changed.
#[derive(Debug)]
pub struct Rewriter<R> {
    reader: Reader<R>,
    tree: crate::tree::Node,
    /// Parts read so far, in order.
    held: Vec<Held>,
    changes: Vec<(String, Change)>,
    added: Vec<(PartSpec, Vec<u8>)>,
}

#[derive(Debug)]
struct Held {
    name: String,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum Change {
    Replace(Vec<u8>),
    Remove,
}

impl<R: Read> Rewriter<R> {
    /// Reads the header.
    pub fn new(input: R) -> Result<Self> {
        let reader = Reader::new(input)?;
        let tree = reader.header().tree().clone();
        Ok(Rewriter { reader, tree, held: Vec::new(), changes: Vec::new(), added: Vec::new() })
    }

    /// The header as it was read.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// The bytes of a part as they were, compared with their digests; parts are named as [`Header::part`] has it.
    /// `limit` is the most bytes to hold in memory for it and the parts before it together.
    pub fn read(&mut self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let name = self.header().part(name)?.name.clone();
        loop {
            if let Some(held) = self.held.iter().find(|h| h.name == name) {
                return Ok(held.bytes.clone());
            }
            let sum: u64 = self.held.iter().map(|h| h.bytes.len() as u64).sum();
            let Some(mut part) = self.reader.next_part()? else {
                return Err(Error::NoPart { name, parts: String::new() });
            };
            let bytes = part.read_bytes(limit.saturating_sub(sum))?;
            let part = part.part();
            if part.name == name {
                part.verify(&bytes)?;
            }
            self.held.push(Held { name: part.name.clone(), bytes });
        }
    }

    /// Gives a part new bytes. Its digest becomes SHA-256; other properties stay ([`Rewriter::set_property`]).
    pub fn replace(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let name = self.header().part(name)?.name.clone();
        let size = bytes.len() as u64;
        if size > MAX_PART {
            return Err(Error::TooLarge { part: name, size });
        }
        let digest = Digest::of(Algorithm::Sha256, &bytes);
        if let Some(node) = self.tree.child_mut("images").and_then(|i| i.child_mut(&name)) {
            set_content(node, size, Some(&digest));
        }
        self.changes.retain(|(n, _)| *n != name);
        self.changes.push((name, Change::Replace(bytes)));
        Ok(())
    }

    /// Takes a part out, and out of every configuration.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        let name = self.header().part(name)?.name.clone();
        if let Some(images) = self.tree.child_mut("images") {
            images.children.retain(|c| c.name != name);
        }
        if let Some(configurations) = self.tree.child_mut("configurations") {
            for c in &mut configurations.children {
                for role in names::ROLES {
                    let left: Vec<u8> =
                        c.texts(role).iter().filter(|n| **n != name).flat_map(|n| text_value(n)).collect();
                    if left.is_empty() {
                        c.remove(role);
                    } else {
                        c.set(role, left);
                    }
                }
            }
        }
        self.changes.retain(|(n, _)| *n != name);
        self.changes.push((name, Change::Remove));
        Ok(())
    }

    /// Adds a part, at the end of the image or before the first part whose kind comes later, and to every
    /// configuration. Its size and digest are those of `bytes`, whatever the specification says.
    pub fn add(&mut self, part: PartSpec, bytes: Vec<u8>) -> Result<()> {
        check_name(part.name())?;
        let size = bytes.len() as u64;
        if size > MAX_PART {
            return Err(Error::TooLarge { part: part.name().into(), size });
        }
        let Some(images) = self.tree.child_mut("images") else { return Err(Error::NoImages) };
        if images.child(part.name()).is_some() {
            return Err(Error::DuplicateName(part.name().into()));
        }
        let mut node = part.node();
        set_content(&mut node, size, Some(&Digest::of(Algorithm::Sha256, &bytes)));
        images.children.push(node);
        let role = match part.kind() {
            crate::PartKind::Kernel => "kernel",
            crate::PartKind::DeviceTree => "fdt",
            crate::PartKind::Ramdisk => "ramdisk",
            _ => "loadables",
        };
        if let Some(configurations) = self.tree.child_mut("configurations") {
            for c in &mut configurations.children {
                let role = if c.get(role).is_some() { "loadables" } else { role };
                let mut value = c.get(role).unwrap_or_default().to_vec();
                value.extend(text_value(part.name()));
                c.set(role, value);
            }
        }
        self.changes.retain(|(n, _)| n != part.name());
        self.added.push((part, bytes));
        Ok(())
    }

    /// Sets (or, with `None`, removes) a text property of a part, such as [`names::FORMAT`].
    pub fn set_property(&mut self, part: &str, property: &str, value: Option<&str>) -> Result<()> {
        let name = self.header().part(part)?.name.clone();
        if let Some(node) = self.tree.child_mut("images").and_then(|i| i.child_mut(&name)) {
            match value {
                Some(v) => node.set_text(property, v),
                None => node.remove(property),
            }
        }
        Ok(())
    }

    /// Sets (or removes) a text property of a configuration, such as [`names::BOOTARGS`]; of all configurations if
    /// none is named, or of the root if there are none.
    pub fn set_configuration(
        &mut self,
        configuration: Option<&str>,
        property: &str,
        value: Option<&str>,
    ) -> Result<()> {
        if let Some(name) = configuration {
            self.header().select(Some(name))?;
        }
        let change = |node: &mut crate::tree::Node| match value {
            Some(v) => node.set_text(property, v),
            None => node.remove(property),
        };
        match self.tree.child_mut("configurations").filter(|c| !c.children.is_empty()) {
            Some(c) => {
                c.children.iter_mut().filter(|c| configuration.is_none_or(|n| n == c.name)).for_each(change);
            }
            None => change(&mut self.tree),
        }
        Ok(())
    }

    /// Sets the configuration that is booted when nobody chooses.
    pub fn set_default(&mut self, configuration: &str) -> Result<()> {
        self.header().select(Some(configuration))?;
        if let Some(c) = self.tree.child_mut("configurations") {
            c.set_text("default", configuration);
        }
        Ok(())
    }

    /// The order in which parts will be written: as they were, added ones by kind.
    fn order(&self) -> Vec<Planned> {
        let kept = self.header().parts.iter().filter_map(|p| {
            let change = self.changes.iter().find(|(n, _)| *n == p.name).map(|(_, c)| c);
            match change {
                Some(Change::Remove) => None,
                Some(Change::Replace(b)) => Some((p.kind, p.name.clone(), b.len() as u64, None)),
                None => Some((p.kind, p.name.clone(), p.size, None)),
            }
        });
        let mut order: Vec<_> = kept.collect();
        for (i, (spec, bytes)) in self.added.iter().enumerate() {
            let at = order.iter().position(|(k, ..)| *k > spec.kind()).unwrap_or(order.len());
            order.insert(at, (spec.kind(), spec.name().into(), bytes.len() as u64, Some(i)));
        }
        order.into_iter().map(|(_, name, size, added)| Planned { name, size, added }).collect()
    }

    /// The header as it will be written.
    pub fn new_header(&self) -> Result<Header> {
        let mut tree = self.tree.clone();
        lay_out(&mut tree, self.order().iter().map(|p| (p.name.as_str(), p.size)))?;
        Header::parse(&finished(&tree)?)
    }

    /// Writes the changed image and reads the input to its end.
    pub fn finish<W: Write>(mut self, mut out: W) -> Result<W> {
        let order = self.order();
        lay_out(&mut self.tree, order.iter().map(|p| (p.name.as_str(), p.size)))?;
        out.write_all(&finished(&self.tree)?).map_err(Error::Write)?;
        let (mut input, header, mut at, mut next) = self.reader.into_parts();
        for planned in order {
            let bytes = match planned.added {
                Some(i) => self.added.get(i).map(|(_, b)| b.as_slice()),
                None => match self.changes.iter().find(|(n, _)| *n == planned.name) {
                    Some((_, Change::Replace(b))) => Some(b.as_slice()),
                    _ => self.held.iter().find(|h| h.name == planned.name).map(|h| h.bytes.as_slice()),
                },
            };
            match bytes {
                Some(b) => out.write_all(b).map_err(Error::Write)?,
                None => {
                    let part = ahead(&header, &mut next, &planned.name)?;
                    copy(&mut input, &mut at, part, &mut out)?;
                }
            }
            pad(&mut out, planned.size)?;
        }
        out.flush().map_err(Error::Write)?;
        std::io::copy(&mut input, &mut std::io::sink()).map_err(Error::Read)?;
        Ok(out)
    }
}

struct Planned {
    name: String,
    size: u64,
    added: Option<usize>,
}

/// Finds the named part among those that are still to come.
fn ahead<'a>(header: &'a Header, next: &mut usize, name: &str) -> Result<&'a Part> {
    while let Some(part) = header.parts.get(*next) {
        *next += 1;
        if part.name == name {
            return Ok(part);
        }
    }
    Err(Error::NoPart { name: name.into(), parts: "(it has passed already)".into() })
}

fn copy(input: &mut impl Read, at: &mut u64, part: &Part, out: &mut impl Write) -> Result<()> {
    skip(input, at, part)?;
    let n = pump(input, part.size, |b| out.write_all(b).map_err(Error::Write))?;
    *at = at.saturating_add(n);
    if n < part.size {
        return Err(Error::Truncated { offset: *at, what: format!("part {}", part.name) });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
