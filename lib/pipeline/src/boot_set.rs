//! IPSW to packed image: kernelcache, device tree, restore ramdisk and its trust cache, as they lie in the archive.
//!
//! The header is made from the zip directory, whose CRC-32 is that of a FIT's hash node, so the first byte goes out
//! before any file is read; the files then stream through, compared with BuildManifest's digests. They stay IM4P;
//! unwrapping is for the tools behind.

use crate::{Error, Result};
use apple_ipsw::{BuildManifest, Choice, Component, Identity, Ipsw, Verdict};
use bootimg::{Builder, ConfigurationSpec, Digest, PartKind, PartSpec};
use std::io::{self, Read, Write};

/// How many bytes of a file tell its IM4P type and description.
const HEAD: u64 = 512;

/// What goes into an image.
#[derive(Debug, Clone)]
pub struct BootOptions {
    /// Which boot.
    pub choice: Choice,
    /// One configuration for every fitting way to install, instead of the best one only.
    pub all_ways: bool,
    /// Components beyond the boot set, by name.
    pub extra: Vec<String>,
    /// XNU boot arguments for every configuration.
    pub bootargs: Option<String>,
    /// Machine for every configuration.
    pub machine: Option<String>,
    /// Compare files with BuildManifest's digests, and fail where they differ.
    pub verify: bool,
    /// FIT time stamp.
    pub timestamp: u32,
}

impl Default for BootOptions {
    fn default() -> Self {
        BootOptions {
            choice: Choice::default(),
            all_ways: false,
            extra: Vec::new(),
            bootargs: None,
            machine: None,
            verify: true,
            timestamp: 0,
        }
    }
}

/// A packed image that is decided but not yet written.
#[derive(Debug)]
pub struct BootSet<'a> {
    ipsw: &'a Ipsw,
    builder: Builder,
    parts: Vec<Planned<'a>>,
    verify: bool,
}

#[derive(Debug)]
struct Planned<'a> {
    name: String,
    component: &'a Component,
}

/// The components of a restore's boot: what to call the part, and Apple's names for it, best first.
const BOOT: [(PartKind, &[&str]); 4] = [
    (PartKind::DeviceTree, &["RestoreDeviceTree", "DeviceTree"]),
    (PartKind::TrustCache, &["RestoreTrustCache", "StaticTrustCache"]),
    (PartKind::Kernel, &["RestoreKernelCache", "KernelCache"]),
    (PartKind::Ramdisk, &["RestoreRamDisk"]),
];
/// The components whose files must not differ between boards for the choice to be clear.
const DECISIVE: [&str; 3] = ["RestoreKernelCache", "RestoreDeviceTree", "RestoreRamDisk"];
/// The same for manifests that only have the plain ones.
const DECISIVE_PLAIN: [&str; 2] = ["KernelCache", "DeviceTree"];

/// The identities that `options` mean.
fn identities<'m>(manifest: &'m BuildManifest, options: &BootOptions) -> Result<Vec<&'m Identity>> {
    let decisive: Vec<&str> = DECISIVE.iter().chain(&DECISIVE_PLAIN).copied().collect();
    let best = manifest.choose(&options.choice, &decisive)?;
    if !options.all_ways {
        return Ok(vec![best]);
    }
    let mut all = manifest.fitting(&options.choice)?;
    all.retain(|i| i.board == best.board);
    all.sort_by_key(|i| i.index != best.index);
    Ok(all)
}

/// The components of one identity's boot, each with its kind.
fn boot_components<'m>(identity: &'m Identity, extra: &[String]) -> Result<Vec<(PartKind, &'m Component)>> {
    let mut found = Vec::new();
    for (kind, names) in BOOT {
        let component = names.iter().find_map(|n| identity.component(n).ok().filter(|c| c.path.is_some()));
        match component {
            Some(c) => found.push((kind, c)),
            // Trust caches came with iOS 12; there may be no ramdisk in an over-the-air archive.
            None if matches!(kind, PartKind::TrustCache | PartKind::Ramdisk) => {}
            None => {
                identity.component(names.first().copied().unwrap_or_default())?;
            }
        }
    }
    for name in extra {
        let component = identity.component(name)?;
        if !found.iter().any(|(_, c)| c.path == component.path) {
            found.push((PartKind::Other, component));
        }
    }
    Ok(found)
}

/// The paths of the files that an image of `options` needs: what to keep of an archive in a pipe.
pub fn boot_paths(manifest: &BuildManifest, options: &BootOptions) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for identity in identities(manifest, options)? {
        for (_, c) in boot_components(identity, &options.extra)? {
            paths.extend(c.path.clone());
        }
    }
    Ok(paths)
}

impl<'a> BootSet<'a> {
    /// Decides which files go in. For an unpacked folder, which has no CRC-32 of them, they are read once here.
    pub fn new(ipsw: &'a Ipsw, options: &BootOptions) -> Result<BootSet<'a>> {
        let manifest = ipsw.manifest();
        let chosen = identities(manifest, options)?;
        let mut builder =
            Builder::new(format!("XNU packed boot image, {} ({})", manifest.version, manifest.build));
        builder.timestamp(options.timestamp);
        let mut parts: Vec<Planned<'a>> = Vec::new();
        for identity in &chosen {
            let mut names = Vec::new();
            for (kind, component) in boot_components(identity, &options.extra)? {
                let there = parts.iter().find(|p| p.component.path == component.path);
                if let Some(there) = there {
                    names.push(there.name.clone());
                    continue;
                }
                let name = part_name(kind, component, identity, &parts);
                builder.add(part(ipsw, &name, kind, component)?)?;
                names.push(name.clone());
                parts.push(Planned { name, component });
            }
            builder.configure(configuration(manifest, identity, options).parts(names))?;
        }
        Ok(BootSet { ipsw, builder, parts, verify: options.verify })
    }

    /// The header that will be written, for a look before.
    pub fn header(&self) -> Result<bootimg::Header> {
        Ok(bootimg::Header::parse(&self.builder.header()?)?)
    }

    /// Bytes of all parts together.
    pub fn total(&self) -> u64 {
        self.builder.parts().iter().map(PartSpec::size).sum()
    }

    /// Writes the image. `progress` hears of bytes as they pass, `note` how each file compares with its digest.
    ///
    /// A file that is not what BuildManifest says is an error before its last bytes go out, so that whoever reads
    /// the image notices.
    pub fn write<W: Write>(
        &self,
        out: W,
        progress: &mut dyn FnMut(u64),
        note: &mut dyn FnMut(&Component, Verdict),
    ) -> Result<W> {
        let mut writer = self.builder.write(out)?;
        while let Some(spec) = writer.next() {
            let Some(part) = self.parts.iter().find(|p| p.name == spec.name()) else { break };
            if self.verify {
                let reader = self.ipsw.component_reader(part.component)?;
                let mut counted = Counted { inner: reader, progress };
                writer.part(&mut counted).map_err(unpacked)?;
                note(part.component, counted.inner.verdict().unwrap_or(Verdict::Absent));
            } else {
                let path = part.component.path.as_deref().unwrap_or_default();
                writer.part(&mut Counted { inner: self.ipsw.reader(path)?, progress }).map_err(unpacked)?;
            }
        }
        Ok(writer.finish()?)
    }
}

/// An error of the IPSW that came through the image writer's reader.
fn unpacked(e: bootimg::Error) -> Error {
    match e {
        bootimg::Error::Read(e) => apple_ipsw::Error::io("IPSW", e).into(),
        e => e.into(),
    }
}

struct Counted<'p, R> {
    inner: R,
    progress: &'p mut dyn FnMut(u64),
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        (self.progress)(n as u64);
        Ok(n)
    }
}

/// The kind's name; a second part of a kind gets the way to install behind it, and if need be a number.
fn part_name(kind: PartKind, component: &Component, identity: &Identity, taken: &[Planned<'_>]) -> String {
    let plain = match kind {
        PartKind::Other => node_name(&component.name),
        kind => kind.name().to_string(),
    };
    let with_way = node_name(&format!("{plain}-{}", identity.way()));
    let numbered = (2..).map(|n| format!("{plain}-{n}"));
    let free = |name: &String| !taken.iter().any(|p| p.name == *name);
    [plain.clone(), with_way].into_iter().chain(numbered).find(free).unwrap_or(plain)
}

/// A text as a node may be named: lower case, other characters as dashes.
fn node_name(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || ",._+".contains(c);
    let name: String =
        text.to_ascii_lowercase().chars().map(|c| if good(c) { c } else { '-' }).take(48).collect();
    let name = name.trim_matches(|c| c == '-' || c == '.');
    if name.is_empty() { "part".into() } else { name.into() }
}

fn part(ipsw: &Ipsw, name: &str, kind: PartKind, component: &Component) -> Result<PartSpec> {
    let entry = ipsw.component_entry(component)?;
    let mut head = Vec::new();
    let read = |e| Error::from(apple_ipsw::Error::io(&entry.name, e));
    ipsw.reader(&entry.name)?.take(HEAD).read_to_end(&mut head).map_err(read)?;
    let spec = match entry.crc32 {
        Some(crc) => PartSpec::new(name, kind, entry.size, Digest::crc32(crc)),
        None => PartSpec::of_reader(name, kind, &mut ipsw.reader(&entry.name)?).map_err(unpacked)?,
    };
    let mut spec = spec.description(&component.name).source(&entry.name);
    match im4p(&head) {
        Some((own_type, description)) => {
            spec = spec.format("im4p").im4p_type(component.im4p_type.as_deref().unwrap_or(&own_type));
            if !description.is_empty() {
                spec = spec.im4p_description(description);
            }
        }
        None => spec = spec.format(apple_wrap::sniff(&head).name().to_ascii_lowercase().replace(' ', "-")),
    }
    Ok(spec)
}

/// Type and description of the IM4P that starts with `head`.
fn im4p(head: &[u8]) -> Option<(String, String)> {
    let at = apple_ipsw::type_offset(head)?;
    let kind = head.get(at..at + 4)?;
    let rest = head.get(at + 4..)?;
    let description = match rest {
        // IA5String with a short or a one-byte long length.
        [0x16, n @ ..=0x7f, text @ ..] | [0x16, 0x81, n, text @ ..] => text.get(..usize::from(*n)),
        _ => None,
    };
    let text = |b: &[u8]| String::from_utf8_lossy(b).chars().filter(|c| !c.is_control()).collect::<String>();
    Some((text(kind), description.map(text).unwrap_or_default()))
}

fn configuration(manifest: &BuildManifest, identity: &Identity, options: &BootOptions) -> ConfigurationSpec {
    let product = identity.product.clone().or_else(|| match manifest.products.as_slice() {
        [only] => Some(only.clone()),
        all => {
            let of_board = apple_ipsw::devices::products(&identity.board);
            of_board.iter().find(|p| all.iter().any(|a| a == *p)).map(|p| p.to_string())
        }
    });
    let mut name = node_name(&format!("{}-{}", identity.board, identity.way()));
    if options.all_ways {
        let twins =
            manifest.identities.iter().filter(|i| i.board == identity.board && i.way() == identity.way());
        if twins.count() > 1 {
            name = format!("{name}-{}", identity.index);
        }
    }
    let build = if identity.build.is_empty() { &manifest.build } else { &identity.build };
    let mut spec = ConfigurationSpec::new(name).build(build).description(format!(
        "{} {} ({build}), {}",
        product.as_deref().unwrap_or(&identity.board),
        manifest.version,
        identity.variant
    ));
    if let Some(product) = product {
        spec = spec.product(product);
    }
    if let Some(args) = &options.bootargs {
        spec = spec.bootargs(args);
    }
    if let Some(machine) = &options.machine {
        spec = spec.machine(machine);
    }
    spec
}

#[cfg(test)]
mod tests;
