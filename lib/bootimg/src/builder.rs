//! Making an image: first say which parts, then send their bytes.

use crate::header::PartKind;
use crate::tree::Node;
use crate::{Algorithm, Digest, Error, Hasher, MAX_PART, PAGE, Result, names};
use std::io::{self, Read, Write};

/// A part to be written: what the header says of it. Sizes and digests must be known before the bytes flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartSpec {
    name: String,
    kind: PartKind,
    size: u64,
    digest: Digest,
    description: Option<String>,
    properties: Vec<(&'static str, String)>,
}

impl PartSpec {
    /// A part of which size and digest are known, for instance from a zip directory.
    pub fn new(name: impl Into<String>, kind: PartKind, size: u64, digest: Digest) -> PartSpec {
        PartSpec { name: name.into(), kind, size, digest, description: None, properties: Vec::new() }
    }

    /// A part whose bytes are at hand; its digest is SHA-256.
    pub fn of_bytes(name: impl Into<String>, kind: PartKind, bytes: &[u8]) -> PartSpec {
        PartSpec::new(name, kind, bytes.len() as u64, Digest::of(Algorithm::Sha256, bytes))
    }

    /// A part that can be read twice: now, for its size and SHA-256, and again when it is written.
    pub fn of_reader(name: impl Into<String>, kind: PartKind, r: &mut impl Read) -> Result<PartSpec> {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        let size = pump(r, u64::MAX, |b| {
            hasher.update(b);
            Ok(())
        })?;
        Ok(PartSpec::new(name, kind, size, hasher.finish()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is to the boot.
    pub fn kind(&self) -> PartKind {
        self.kind
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// FIT `description`; without it, the kind's name.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// What the bytes are: `im4p`, `macho`, ...
    pub fn format(self, text: impl Into<String>) -> Self {
        self.property(names::FORMAT, text)
    }

    /// Four-letter IM4P type that the boot gives the part.
    pub fn im4p_type(self, text: impl Into<String>) -> Self {
        self.property(names::IM4P_TYPE, text)
    }

    /// Description string of the IM4P.
    pub fn im4p_description(self, text: impl Into<String>) -> Self {
        self.property(names::IM4P_DESCRIPTION, text)
    }

    /// Path inside the IPSW.
    pub fn source(self, text: impl Into<String>) -> Self {
        self.property(names::SOURCE, text)
    }

    fn property(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.properties.retain(|(n, _)| *n != name);
        self.properties.push((name, text.into()));
        self
    }

    pub(crate) fn node(&self) -> Node {
        let mut node = Node::new(&self.name);
        node.set_text("description", self.description.as_deref().unwrap_or(self.kind.name()));
        node.set_text("type", self.kind.fit_type());
        node.set_text("arch", "arm64");
        node.set_text("os", "darwin");
        node.set_text("compression", "none");
        node.set_text(names::KIND, self.kind.name());
        for (name, value) in &self.properties {
            node.set_text(name, value);
        }
        set_content(&mut node, self.size, Some(&self.digest));
        node
    }
}

/// Writes `data-size` and, if given, the one hash node.
pub(crate) fn set_content(node: &mut Node, size: u64, digest: Option<&Digest>) {
    node.set_cell("data-size", u32::try_from(size).unwrap_or(u32::MAX));
    if let Some(digest) = digest {
        node.children.retain(|c| !c.name.starts_with("hash") && !c.name.starts_with("signature"));
        let mut hash = Node::new("hash-1");
        hash.set("value", digest.value.clone());
        hash.set_text("algo", digest.algorithm.name());
        node.children.push(hash);
    }
}

/// A way to boot to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigurationSpec {
    name: String,
    description: Option<String>,
    parts: Option<Vec<String>>,
    properties: Vec<(&'static str, String)>,
}

impl ConfigurationSpec {
    /// A configuration of all parts.
    pub fn new(name: impl Into<String>) -> Self {
        ConfigurationSpec { name: name.into(), ..Self::default() }
    }

    /// FIT `description`; without it, the name.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Only these parts.
    pub fn parts<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.parts = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// XNU boot arguments.
    pub fn bootargs(self, text: impl Into<String>) -> Self {
        self.property(names::BOOTARGS, text)
    }

    /// Machine to emulate.
    pub fn machine(self, text: impl Into<String>) -> Self {
        self.property(names::MACHINE, text)
    }

    /// Source build.
    pub fn build(self, text: impl Into<String>) -> Self {
        self.property(names::BUILD, text)
    }

    /// Product type.
    pub fn product(self, text: impl Into<String>) -> Self {
        self.property(names::PRODUCT, text)
    }

    fn property(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.properties.retain(|(n, _)| *n != name);
        self.properties.push((name, text.into()));
        self
    }

    /// The node, with the parts sorted into FIT's roles: the first of each kind, the rest as loadables.
    fn node(&self, all: &[PartSpec]) -> Result<Node> {
        let mut node = Node::new(&self.name);
        node.set_text("description", self.description.as_deref().unwrap_or(&self.name));
        let mut loadables = Vec::new();
        let names: Vec<&str> = match &self.parts {
            Some(names) => names.iter().map(String::as_str).collect(),
            None => all.iter().map(|p| p.name.as_str()).collect(),
        };
        for name in names {
            let part = all.iter().find(|p| p.name == name).ok_or_else(|| Error::NoPart {
                name: name.into(),
                parts: all.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", "),
            })?;
            let role = match part.kind {
                PartKind::Kernel => "kernel",
                PartKind::DeviceTree => "fdt",
                PartKind::Ramdisk => "ramdisk",
                _ => "loadables",
            };
            if role == "loadables" || node.get(role).is_some() {
                loadables.extend(crate::tree::text_value(name));
            } else {
                node.set_text(role, name);
            }
        }
        if !loadables.is_empty() {
            node.set("loadables", loadables);
        }
        for (name, value) in &self.properties {
            node.set_text(name, value);
        }
        Ok(node)
    }
}

/// An image in the making.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    description: String,
    timestamp: u32,
    parts: Vec<PartSpec>,
    configurations: Vec<ConfigurationSpec>,
    default: Option<String>,
}

impl Builder {
    /// An empty image; the description is for people.
    pub fn new(description: impl Into<String>) -> Builder {
        Builder { description: description.into(), ..Builder::default() }
    }

    /// Sets the time stamp, seconds since 1970; 0 without this call.
    pub fn timestamp(&mut self, seconds: u32) -> &mut Self {
        self.timestamp = seconds;
        self
    }

    /// Adds a part. Parts are written by kind ([`PartKind::ALL`]), within a kind in the order they were added.
    pub fn add(&mut self, part: PartSpec) -> Result<&mut Self> {
        check_name(&part.name)?;
        if self.parts.iter().any(|p| p.name == part.name) {
            return Err(Error::DuplicateName(part.name));
        }
        if part.size > MAX_PART {
            return Err(Error::TooLarge { part: part.name, size: part.size });
        }
        let at = self.parts.partition_point(|p| p.kind <= part.kind);
        self.parts.insert(at, part);
        Ok(self)
    }

    /// Adds a way to boot; the first one is the default unless [`Builder::default_configuration`] says otherwise.
    pub fn configure(&mut self, configuration: ConfigurationSpec) -> Result<&mut Self> {
        check_name(&configuration.name)?;
        if self.configurations.iter().any(|c| c.name == configuration.name) {
            return Err(Error::DuplicateName(configuration.name));
        }
        self.configurations.push(configuration);
        Ok(self)
    }

    /// Names the configuration that is booted when nobody chooses.
    pub fn default_configuration(&mut self, name: impl Into<String>) -> &mut Self {
        self.default = Some(name.into());
        self
    }

    /// The parts in the order in which their bytes must be written.
    pub fn parts(&self) -> &[PartSpec] {
        &self.parts
    }

    /// The finished header, padded to 16 KiB. Without any configuration one of all parts is made, named `default`.
    pub fn header(&self) -> Result<Vec<u8>> {
        let mut root = Node::default();
        root.set_cell("timestamp", self.timestamp);
        root.set_text("description", &self.description);
        root.set_cell("#address-cells", 1);
        let mut images = Node::new("images");
        images.children = self.parts.iter().map(PartSpec::node).collect();
        root.children.push(images);
        let whole = [ConfigurationSpec::new("default")];
        let specs = if self.configurations.is_empty() { &whole[..] } else { &self.configurations };
        let mut configurations = Node::new("configurations");
        if let Some(default) = self.default.as_ref().or(specs.first().map(|c| &c.name)) {
            if !specs.iter().any(|c| c.name == *default) {
                return Err(Error::NoConfiguration {
                    name: default.clone(),
                    configurations: specs.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
                });
            }
            configurations.set_text("default", default);
        }
        configurations.children = specs.iter().map(|c| c.node(&self.parts)).collect::<Result<_>>()?;
        root.children.push(configurations);
        lay_out(&mut root, self.parts.iter().map(|p| (p.name.as_str(), p.size)))?;
        finished(&root)
    }

    /// Writes the header and gives what takes the parts' bytes.
    pub fn write<W: Write>(&self, mut out: W) -> Result<Writer<W>> {
        let header = self.header()?;
        out.write_all(&header).map_err(Error::Write)?;
        Ok(Writer { out, parts: self.parts.clone(), done: 0 })
    }
}

/// Names end up as node names, file names and command line arguments.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let good = |b: u8| b.is_ascii_alphanumeric() || b",._+-".contains(&b);
    if name.is_empty() || name.len() > 63 || !name.bytes().all(good) || name.starts_with('.') {
        return Err(Error::BadName(name.into()));
    }
    Ok(())
}

/// Gives every part its `data-offset`, in the order given, each on a page boundary, and its node its place.
pub(crate) fn lay_out<'a>(root: &mut Node, order: impl Iterator<Item = (&'a str, u64)>) -> Result<()> {
    let Some(images) = root.child_mut("images") else { return Err(Error::NoImages) };
    let mut at = 0u64;
    let mut sorted = Vec::new();
    for (name, size) in order {
        // The header comes on top, so stay well below 4 GiB.
        let end = at.saturating_add(size);
        if end > u64::from(u32::MAX) - crate::MAX_HEADER - PAGE {
            return Err(Error::TooLarge { part: name.into(), size });
        }
        if let Some(i) = images.children.iter().position(|c| c.name == name) {
            let mut node = images.children.remove(i);
            node.remove("data-position");
            node.set_cell("data-offset", u32::try_from(at).unwrap_or(u32::MAX));
            sorted.push(node);
        }
        at = end.next_multiple_of(PAGE);
    }
    sorted.append(&mut images.children);
    images.children = sorted;
    Ok(())
}

/// The tree as header bytes, within the limit that every reader applies.
pub(crate) fn finished(root: &Node) -> Result<Vec<u8>> {
    let bytes = root.to_bytes(usize::try_from(PAGE).unwrap_or(usize::MAX));
    if bytes.len() as u64 > crate::MAX_HEADER {
        return Err(Error::HeaderTooLarge(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Takes the parts' bytes after the header is written.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    parts: Vec<PartSpec>,
    done: usize,
}

impl<W: Write> Writer<W> {
    /// The part whose bytes are to come.
    pub fn next(&self) -> Option<&PartSpec> {
        self.parts.get(self.done)
    }

    /// Writes the next part from `r`, which must give exactly the announced bytes: size and digest are checked.
    pub fn part(&mut self, r: &mut impl Read) -> Result<()> {
        let Some(part) = self.parts.get(self.done) else { return Err(Error::WrongCount(self.done + 1)) };
        let mut hasher = Hasher::new(part.digest.algorithm);
        let wrong = |got| Error::WrongSize { part: part.name.clone(), got, size: part.size };
        let mut got = 0u64;
        pump(r, u64::MAX, |b| {
            got = got.saturating_add(b.len() as u64);
            if got > part.size {
                return Err(wrong(got));
            }
            hasher.update(b);
            self.out.write_all(b).map_err(Error::Write)
        })?;
        if got != part.size {
            return Err(wrong(got));
        }
        let is = hasher.finish();
        if is != part.digest {
            return Err(Error::Digest {
                part: part.name.clone(),
                algorithm: is.algorithm.name(),
                is: is.hex(),
                should: part.digest.hex(),
            });
        }
        pad(&mut self.out, part.size)?;
        self.done += 1;
        Ok(())
    }

    /// An error unless every part was written; gives the output back.
    pub fn finish(mut self) -> Result<W> {
        if self.done != self.parts.len() {
            return Err(Error::WrongCount(self.done));
        }
        self.out.flush().map_err(Error::Write)?;
        Ok(self.out)
    }
}

/// Zeros up to the next page boundary after `size` bytes.
pub(crate) fn pad(out: &mut impl Write, size: u64) -> Result<()> {
    let gap = size.next_multiple_of(PAGE).saturating_sub(size);
    io::copy(&mut io::repeat(0).take(gap), out).map(|_| ()).map_err(Error::Write)
}

/// Reads up to `limit` bytes in large pieces into `sink`; gives the number of bytes.
pub(crate) fn pump(r: &mut impl Read, limit: u64, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0u64;
    while total < limit {
        let want = usize::try_from(limit - total).unwrap_or(usize::MAX).min(buffer.len());
        let n = match r.read(buffer.get_mut(..want).unwrap_or_default()) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::Read(e)),
        };
        sink(buffer.get(..n).unwrap_or_default())?;
        total = total.saturating_add(n as u64);
    }
    Ok(total)
}

#[cfg(test)]
mod tests;
