//! The header of a packed image: which parts it has, where they are, and which boots they make.

use crate::tree::Node;
use crate::{Algorithm, Digest, Error, Hasher, MAX_HEADER, PAGE, Result, names};
use std::io::Read;

/// What a part is to the boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// Apple device tree.
    DeviceTree,
    /// Trust cache.
    TrustCache,
    /// IM4M or another file about the others.
    Manifest,
    /// Anything else.
    Other,
    /// Kernel or kernelcache.
    Kernel,
    /// Ramdisk.
    Ramdisk,
}

impl PartKind {
    /// All kinds, in the order in which our images hold them: small and often edited first.
    pub const ALL: [PartKind; 6] = [
        PartKind::DeviceTree,
        PartKind::TrustCache,
        PartKind::Manifest,
        PartKind::Other,
        PartKind::Kernel,
        PartKind::Ramdisk,
    ];

    /// The name in our `xnuboot,kind` property, which is also the usual name of the part.
    pub fn name(self) -> &'static str {
        match self {
            PartKind::DeviceTree => "devicetree",
            PartKind::TrustCache => "trustcache",
            PartKind::Manifest => "manifest",
            PartKind::Other => "other",
            PartKind::Kernel => "kernel",
            PartKind::Ramdisk => "ramdisk",
        }
    }

    /// From the name in our `xnuboot,kind` property.
    pub fn from_name(name: &str) -> Option<PartKind> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// The FIT `type` of such a part, so that U-Boot's tools show something sensible.
    pub fn fit_type(self) -> &'static str {
        match self {
            PartKind::DeviceTree => "flat_dt",
            PartKind::Kernel => "kernel",
            PartKind::Ramdisk => "ramdisk",
            PartKind::TrustCache | PartKind::Manifest | PartKind::Other => "firmware",
        }
    }

    /// For images of other makers, which have no `xnuboot,kind`: by FIT type, then by name.
    fn guess(fit_type: &str, name: &str) -> PartKind {
        match fit_type {
            "kernel" | "kernel_noload" => PartKind::Kernel,
            "ramdisk" => PartKind::Ramdisk,
            "flat_dt" => PartKind::DeviceTree,
            _ => {
                let name = name.to_ascii_lowercase().replace(['-', '_'], "");
                match name {
                    n if n.contains("trustcache") => PartKind::TrustCache,
                    n if n.contains("devicetree") => PartKind::DeviceTree,
                    n if n.contains("kernel") => PartKind::Kernel,
                    n if n.contains("ramdisk") => PartKind::Ramdisk,
                    n if n.contains("manifest") || n.contains("ticket") => PartKind::Manifest,
                    _ => PartKind::Other,
                }
            }
        }
    }
}

/// One part, as the header describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its name: that of its node under `/images`.
    pub name: String,
    /// What it is to the boot.
    pub kind: PartKind,
    /// Where it starts, in bytes from the start of the image (not of the data area).
    pub offset: u64,
    /// Its exact size in bytes.
    pub size: u64,
    /// Its digests; at least one in our images.
    pub digests: Vec<Digest>,
    /// Digest algorithms that are there but that we do not compute, such as `md5`.
    pub unknown_digests: Vec<String>,
    /// FIT `description`.
    pub description: String,
    /// FIT `type`, such as `kernel`.
    pub fit_type: String,
    /// FIT `compression`: `none` in our images, whose parts carry their own wrappers.
    pub compression: String,
    /// What the bytes are, as the writer knew it: `im4p`, `macho`, `apple-devicetree`, ... A hint: look at the bytes.
    pub format: Option<String>,
    /// Four-letter IM4P type that the boot gives the part (`krnl`, `rkrn`, `dtre`, ...).
    pub im4p_type: Option<String>,
    /// Description string of the IM4P.
    pub im4p_description: Option<String>,
    /// Path inside the IPSW it came from.
    pub source: Option<String>,
    /// FIT `load` address, if any. Ours have none: the load plan decides.
    pub load: Option<u64>,
    /// FIT `entry` address, if any.
    pub entry: Option<u64>,
}

impl Part {
    /// The offset just after its last byte.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    /// Whether it can be mapped in place onto 16 KiB guest pages.
    pub fn is_mappable(&self) -> bool {
        self.offset.is_multiple_of(PAGE)
    }

    /// Compares `data` with every known digest. Without any, only the size is compared.
    pub fn verify(&self, data: &[u8]) -> Result<()> {
        let mut v = self.verifier();
        v.update(data);
        v.finish()
    }

    /// The same for bytes that come in pieces.
    pub fn verifier(&self) -> Verifier<'_> {
        Verifier {
            part: self,
            seen: 0,
            hashers: self.digests.iter().map(|d| Hasher::new(d.algorithm)).collect(),
        }
    }
}

/// Compares a part's bytes with its digests as they pass.
#[derive(Debug)]
pub struct Verifier<'a> {
    part: &'a Part,
    seen: u64,
    hashers: Vec<Hasher>,
}

impl Verifier<'_> {
    /// Takes more bytes.
    pub fn update(&mut self, data: &[u8]) {
        self.seen = self.seen.saturating_add(data.len() as u64);
        for h in &mut self.hashers {
            h.update(data);
        }
    }

    /// An error unless the bytes were the part.
    pub fn finish(self) -> Result<()> {
        if self.seen != self.part.size {
            return Err(Error::WrongSize {
                part: self.part.name.clone(),
                got: self.seen,
                size: self.part.size,
            });
        }
        for (h, should) in self.hashers.into_iter().zip(&self.part.digests) {
            let is = h.finish();
            if is != *should {
                return Err(Error::Digest {
                    part: self.part.name.clone(),
                    algorithm: should.algorithm.name(),
                    is: is.hex(),
                    should: should.hex(),
                });
            }
        }
        Ok(())
    }
}

/// One way to boot: which parts, with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Its name: that of its node under `/configurations`.
    pub name: String,
    /// FIT `description`.
    pub description: String,
    /// Names of all its parts, the role-bearing ones first.
    pub parts: Vec<String>,
    /// XNU boot arguments (`xnuboot,bootargs`).
    pub bootargs: Option<String>,
    /// Machine to emulate (`xnuboot,machine`), as `xnu-run -M` takes it.
    pub machine: Option<String>,
    /// Source build, such as `15C114`.
    pub build: Option<String>,
    /// Product type, such as `iPhone10,3`.
    pub product: Option<String>,
}

/// A configuration with its parts looked up: what a loader boots.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// The configuration, or `None` if the image has none at all and all parts are taken.
    pub configuration: Option<&'a Configuration>,
    /// Every part of it.
    pub parts: Vec<&'a Part>,
    /// Boot arguments: the configuration's, else the image's.
    pub bootargs: Option<&'a str>,
    /// Machine: the configuration's, else the image's.
    pub machine: Option<&'a str>,
}

impl<'a> Selection<'a> {
    /// The first part of a kind.
    pub fn part(&self, kind: PartKind) -> Option<&'a Part> {
        self.parts.iter().copied().find(|p| p.kind == kind)
    }
}

/// The header of a packed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Length of the header in bytes; the data area starts here (rounded up to 4).
    pub len: u64,
    /// FIT `description`.
    pub description: String,
    /// FIT `timestamp`, seconds since 1970; 0 in reproducible images.
    pub timestamp: u32,
    /// The parts in the order of their bytes.
    pub parts: Vec<Part>,
    /// The configurations in the order of the file.
    pub configurations: Vec<Configuration>,
    /// Name of the default configuration.
    pub default: Option<String>,
    /// Boot arguments for configurations that have none.
    pub bootargs: Option<String>,
    /// Machine for configurations that name none.
    pub machine: Option<String>,
    pub(crate) tree: Node,
}

impl Header {
    /// Reads the header at the start of `image`, which may be the whole image or any prefix that holds the header.
    pub fn parse(image: &[u8]) -> Result<Header> {
        let len = header_len(image)?;
        let tree = Node::parse(image)?;
        Header::from_tree(tree, len)
    }

    /// Reads exactly the header from a stream: 8 bytes, then the rest of it.
    pub fn read(r: &mut impl Read) -> Result<Header> {
        Header::parse(&read_header(r)?)
    }

    pub(crate) fn from_tree(tree: Node, len: u64) -> Result<Header> {
        let images = tree.child("images").ok_or(Error::NoImages)?;
        let base = len.next_multiple_of(4);
        let mut parts = images.children.iter().map(|n| part(n, base)).collect::<Result<Vec<_>>>()?;
        // Stable: parts of no size stay in the order of the file.
        parts.sort_by_key(|p| (p.offset, p.end()));
        let (mut end, mut with) = (len, "the header".to_string());
        for p in &parts {
            if p.offset < end {
                return Err(Error::Overlap { part: p.name.clone(), offset: p.offset, with });
            }
            end = p.end();
            with = format!("part {}", p.name);
        }
        let none = Node::default();
        let configurations = tree.child("configurations").unwrap_or(&none);
        Ok(Header {
            len,
            description: tree.text("description").unwrap_or_default(),
            timestamp: tree.number("timestamp").and_then(|t| u32::try_from(t).ok()).unwrap_or(0),
            configurations: configurations.children.iter().map(configuration).collect(),
            default: configurations.text("default"),
            bootargs: tree.text(names::BOOTARGS),
            machine: tree.text(names::MACHINE),
            parts,
            tree,
        })
    }

    /// A part by name, or by the name of its kind (`kernel`, `devicetree`, ...) if only one part is of that kind.
    pub fn part(&self, name: &str) -> Result<&Part> {
        if let Some(p) = self.parts.iter().find(|p| p.name == name) {
            return Ok(p);
        }
        let mut of_kind = self.parts.iter().filter(|p| p.kind != PartKind::Other && p.kind.name() == name);
        match (of_kind.next(), of_kind.next()) {
            (Some(p), None) => Ok(p),
            _ => Err(Error::NoPart { name: name.into(), parts: list(self.parts.iter().map(|p| &p.name)) }),
        }
    }

    /// What to boot: the named configuration, else the default one, else the only one, else all parts.
    pub fn select(&self, name: Option<&str>) -> Result<Selection<'_>> {
        let wanted = name.or(self.default.as_deref());
        let configuration = match wanted {
            Some(wanted) => Some(self.configurations.iter().find(|c| c.name == wanted).ok_or_else(|| {
                Error::NoConfiguration {
                    name: wanted.into(),
                    configurations: list(self.configurations.iter().map(|c| &c.name)),
                }
            })?),
            None => self.configurations.first(),
        };
        let parts = match configuration {
            None => self.parts.iter().collect(),
            Some(c) => c.parts.iter().map(|n| self.exact(n)).collect::<Result<Vec<_>>>()?,
        };
        Ok(Selection {
            configuration,
            parts,
            bootargs: configuration.and_then(|c| c.bootargs.as_deref()).or(self.bootargs.as_deref()),
            machine: configuration.and_then(|c| c.machine.as_deref()).or(self.machine.as_deref()),
        })
    }

    fn exact(&self, name: &str) -> Result<&Part> {
        self.parts.iter().find(|p| p.name == name).ok_or_else(|| Error::NoPart {
            name: name.into(),
            parts: list(self.parts.iter().map(|p| &p.name)),
        })
    }

    /// The offset just after the last part's bytes: the least length that the image must have.
    pub fn end(&self) -> u64 {
        self.parts.last().map_or(self.len, Part::end)
    }

    /// An error if a file of `len` bytes cannot hold all parts.
    pub fn check_len(&self, len: u64) -> Result<()> {
        match self.parts.iter().find(|p| p.end() > len) {
            Some(p) => Err(Error::Truncated { offset: len, what: format!("part {}", p.name) }),
            None => Ok(()),
        }
    }

    /// The header as a tree, with every property, known to us or not.
    pub fn tree(&self) -> &Node {
        &self.tree
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}

/// `totalsize` of the header that starts `prefix`, checked against the limit.
fn header_len(prefix: &[u8]) -> Result<u64> {
    if !crate::is_fdt(prefix) {
        return Err(Error::NotFit(prefix.iter().take(4).copied().collect()));
    }
    let len = prefix
        .get(4..8)
        .and_then(|b| b.try_into().ok())
        .map(u32::from_be_bytes)
        .ok_or_else(|| Error::Truncated { offset: prefix.len() as u64, what: "the header".into() })?;
    let len = u64::from(len);
    if len > MAX_HEADER {
        return Err(Error::HeaderTooLarge(len));
    }
    Ok(len)
}

pub(crate) fn read_header(r: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    r.by_ref().take(8).read_to_end(&mut bytes).map_err(Error::Read)?;
    let len = header_len(&bytes)?;
    r.by_ref().take(len.saturating_sub(8)).read_to_end(&mut bytes).map_err(Error::Read)?;
    if (bytes.len() as u64) < len {
        return Err(Error::Truncated { offset: bytes.len() as u64, what: "the header".into() });
    }
    Ok(bytes)
}

fn part(node: &Node, base: u64) -> Result<Part> {
    let path = || format!("/images/{}", node.name);
    let number = |property: &'static str| match (node.get(property), node.number(property)) {
        (None, _) => Ok(None),
        (Some(_), Some(n)) => Ok(Some(n)),
        (Some(_), None) => {
            Err(Error::Property { node: path(), property, what: "is neither one nor two cells long" })
        }
    };
    let missing = |property| Error::Property { node: path(), property, what: "is missing" };
    if node.get("data").is_some() {
        return Err(Error::EmbeddedData(node.name.clone()));
    }
    let offset = match (number("data-position")?, number("data-offset")?) {
        (Some(p), _) => Some(p),
        (None, Some(o)) => base.checked_add(o),
        (None, None) => return Err(missing("data-offset")),
    };
    let size = number("data-size")?.ok_or_else(|| missing("data-size"))?;
    let offset = offset.filter(|o| o.checked_add(size).is_some()).ok_or_else(|| Error::Property {
        node: path(),
        property: "data-offset",
        what: "and data-size go beyond 64 bits",
    })?;
    let (mut digests, mut unknown_digests) = (Vec::new(), Vec::new());
    for hash in node.children.iter().filter(|c| c.name.starts_with("hash")) {
        let algorithm = hash.text("algo").unwrap_or_default();
        match (Algorithm::from_name(&algorithm), hash.get("value")) {
            (Some(algorithm), Some(value)) => digests.push(Digest { algorithm, value: value.to_vec() }),
            _ => unknown_digests.push(algorithm),
        }
    }
    let fit_type = node.text("type").unwrap_or_default();
    let kind = node.text(names::KIND).and_then(|k| PartKind::from_name(&k));
    Ok(Part {
        kind: kind.unwrap_or_else(|| PartKind::guess(&fit_type, &node.name)),
        name: node.name.clone(),
        offset,
        size,
        digests,
        unknown_digests,
        description: node.text("description").unwrap_or_default(),
        fit_type,
        compression: node.text("compression").unwrap_or_else(|| "none".into()),
        format: node.text(names::FORMAT),
        im4p_type: node.text(names::IM4P_TYPE),
        im4p_description: node.text(names::IM4P_DESCRIPTION),
        source: node.text(names::SOURCE),
        load: node.number("load"),
        entry: node.number("entry"),
    })
}

fn configuration(node: &Node) -> Configuration {
    let mut parts: Vec<String> = Vec::new();
    for property in names::ROLES {
        for name in node.texts(property) {
            if !parts.contains(&name) {
                parts.push(name);
            }
        }
    }
    Configuration {
        name: node.name.clone(),
        description: node.text("description").unwrap_or_default(),
        parts,
        bootargs: node.text(names::BOOTARGS),
        machine: node.text(names::MACHINE),
        build: node.text(names::BUILD),
        product: node.text(names::PRODUCT),
    }
}

#[cfg(test)]
mod tests;
