//! What is to be booted: the parts of a packed image, or loose files, unwrapped.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apple_dt::Tree;
use apple_wrap::Kind;
use bootimg::{Header, PartKind, Reader};
use cli::{Code, Error, Input, Io};
use machine::Media;

use crate::chain::Chain;

/// Bytes by which an input is recognised.
const HEAD: usize = 4096;
/// Largest part that is held in memory to be unwrapped.
const LIMIT: u64 = cli::MAX_COMPONENT;

/// A part and where it came from.
#[derive(Debug, Clone)]
pub struct Named {
    /// For messages: file, or image and part.
    pub name: String,
    /// Its bytes, unwrapped.
    pub media: Media,
}

/// Everything of a boot.
#[derive(Debug, Default)]
pub struct Sources {
    /// Kernel, raw image or firmware payload.
    pub kernel: Option<Named>,
    /// Apple's device tree.
    pub tree: Option<Tree>,
    /// A flattened device tree in place of Apple's.
    pub flat_tree: Option<Vec<u8>>,
    /// Ramdisk or initrd.
    pub ramdisk: Option<Named>,
    /// Trust cache.
    pub trust_cache: Option<Vec<u8>>,
    /// Boot arguments of the image.
    pub bootargs: Option<String>,
    /// Machine that the image names.
    pub machine: Option<String>,
    /// What the image says it is.
    pub description: Option<String>,
    /// Standard input was the image, so nobody types on it.
    pub stdin_is_taken: bool,
}

/// Failure of a library, told with the file.
pub fn damaged(name: &str, e: impl std::fmt::Display) -> Error {
    Error::damaged(name, e)
}

fn wrap_error(name: &str, e: &apple_wrap::Error) -> Error {
    let code = match e.kind() {
        apple_wrap::ErrorKind::Damaged => Code::Damaged,
        _ => Code::Unsupported,
    };
    Error::new(code, format_args!("{name}: {e}"))
}

impl Sources {
    /// Reads the packed image, or whatever was given in its place.
    pub fn image(path: Option<&Path>, configuration: Option<&str>, io: &Io) -> Result<Self, Error> {
        let mut input = io.input(path)?;
        let name = input.name().to_owned();
        let mut sources =
            Self { stdin_is_taken: path.is_none_or(|p| p.as_os_str() == "-"), ..Self::default() };
        let head = peek(&mut input)?;
        let kind = apple_wrap::sniff(&head);
        if bootimg::sniff(&head) {
            match regular(&input)? {
                Some(file) => sources.packed_file(&name, file, configuration)?,
                None => sources.packed_stream(&name, head.as_slice().chain(input), configuration, io)?,
            }
            return Ok(sources);
        }
        match kind {
            Kind::Zip => {
                let Some((file, _)) = regular(&input)? else {
                    return Err(Error::usage(format_args!(
                        "{name}: an IPSW on a pipe: send it through the chain: ipsw-extract | dt-patch --preset serial-only | xnu-run"
                    )));
                };
                let mut chain = Chain::start(file)?;
                let read = sources.packed_stream(&name, &mut chain.image, configuration, io);
                // A step that failed says more than the image that ended too early.
                chain.finish(&name)?.iter().for_each(|line| io.verbose(line));
                read?;
                Ok(sources)
            }
            _ if head.is_empty() => Err(Error::damaged(&name, "empty: a packed boot image was expected")),
            // A bare kernel in the place of an image.
            _ => {
                let media = match regular(&input)? {
                    Some((file, len)) => Media::file(file, 0, len),
                    None => stream(&name, &mut head.as_slice().chain(input))?,
                };
                sources.kernel = Some(open(&name, media)?);
                Ok(sources)
            }
        }
    }

    /// An image that is in memory already.
    pub fn bytes(name: &str, image: &[u8], io: &Io) -> Result<Self, Error> {
        let mut sources = Self::default();
        sources.packed_stream(name, image, None, io)?;
        Ok(sources)
    }

    fn packed_file(
        &mut self,
        name: &str,
        (file, len): (Arc<std::fs::File>, u64),
        configuration: Option<&str>,
    ) -> Result<(), Error> {
        use std::os::unix::fs::FileExt;
        let mut head = vec![0; usize::try_from(len.min(bootimg::MAX_HEADER)).unwrap_or(0)];
        file.read_exact_at(&mut head, 0).map_err(|e| Error::io(name, e))?;
        let header = Header::parse(&head).map_err(|e| damaged(name, e))?;
        header.check_len(len).map_err(|e| damaged(name, e))?;
        let selection = header.select(configuration).map_err(|e| Error::not_found(name, e))?;
        self.describe(&header, &selection);
        for part in &selection.parts {
            let media = Media::file(Arc::clone(&file), part.offset, part.size);
            // A ramdisk that will be mapped in place is not read here; everything else is, and checked.
            if part.kind != PartKind::Ramdisk {
                let bytes = media.to_vec(LIMIT).map_err(|e| Error::io(name, e))?;
                part.verify(&bytes).map_err(|e| damaged(name, e))?;
            }
            self.part(&format!("{name}: part {}", part.name), part.kind, media)?;
        }
        Ok(())
    }

    fn packed_stream(
        &mut self,
        name: &str,
        input: impl Read,
        configuration: Option<&str>,
        io: &Io,
    ) -> Result<(), Error> {
        let mut reader = Reader::new(input).map_err(|e| damaged(name, e))?;
        let header = reader.header().clone();
        let selection = header.select(configuration).map_err(|e| Error::not_found(name, e))?;
        self.describe(&header, &selection);
        let progress = io.progress("reading", selection.parts.iter().map(|p| p.size).sum());
        while let Some(part) = reader.next_part().map_err(|e| damaged(name, e))? {
            let which = part.part().clone();
            if !selection.parts.iter().any(|p| p.name == which.name) {
                continue;
            }
            let mut checked = Checked { inner: part, verifier: which.verifier(), progress: &progress };
            let media = stream(name, &mut checked)?;
            checked.verifier.finish().map_err(|e| damaged(name, e))?;
            self.part(&format!("{name}: part {}", which.name), which.kind, media)?;
        }
        reader.drain().map_err(|e| damaged(name, e))
    }

    fn describe(&mut self, header: &Header, selection: &bootimg::Selection<'_>) {
        self.bootargs = selection.bootargs.map(str::to_owned);
        self.machine = selection.machine.map(str::to_owned);
        let configuration = selection.configuration.map(|c| c.name.as_str()).unwrap_or("no configuration");
        self.description = Some(format!("{} ({configuration})", header.description));
    }

    fn part(&mut self, name: &str, kind: PartKind, media: Media) -> Result<(), Error> {
        match kind {
            PartKind::Kernel => self.kernel = Some(open(name, media)?),
            PartKind::Ramdisk => self.ramdisk = Some(open(name, media)?),
            PartKind::DeviceTree => self.device_tree(name, &media)?,
            PartKind::TrustCache => self.trust_cache = Some(open_bytes(name, &media)?),
            // Manifests and others are not the machine's business.
            _ => {}
        }
        Ok(())
    }

    /// Takes a device tree of either kind.
    fn device_tree(&mut self, name: &str, media: &Media) -> Result<(), Error> {
        let bytes = media.to_vec(LIMIT).map_err(|e| Error::io(name, e))?;
        if bootimg::is_fdt(&bytes) {
            self.flat_tree = Some(bytes);
            return Ok(());
        }
        let options = apple_wrap::Options::default();
        let (_, tree) = pipeline::open_tree(&bytes, &options).map_err(|e| match &e {
            pipeline::TreeError::Wrap(e) => wrap_error(name, e),
            e => damaged(name, e),
        })?;
        self.tree = Some(tree);
        Ok(())
    }

    /// Takes loose files, which win over the image's parts.
    pub fn loose(&mut self, files: &Loose, io: &Io) -> Result<(), Error> {
        let load = |path: &PathBuf| -> Result<(String, Media), Error> {
            let mut input = io.input(Some(path))?;
            let name = input.name().to_owned();
            let media = match regular(&input)? {
                Some((file, len)) => Media::file(file, 0, len),
                None => stream(&name, &mut input)?,
            };
            Ok((name, media))
        };
        if let Some(path) = &files.kernel {
            let (name, media) = load(path)?;
            self.kernel = Some(open(&name, media)?);
        }
        if let Some(path) = &files.ramdisk {
            let (name, media) = load(path)?;
            self.ramdisk = Some(open(&name, media)?);
        }
        if let Some(path) = &files.initrd {
            let (name, media) = load(path)?;
            self.ramdisk = Some(Named { name, media });
        }
        if let Some(path) = &files.trust_cache {
            let (name, media) = load(path)?;
            self.trust_cache = Some(open_bytes(&name, &media)?);
        }
        for path in files.device_tree.iter().chain(&files.dtb) {
            let (name, media) = load(path)?;
            self.device_tree(&name, &media)?;
        }
        Ok(())
    }
}

/// Files named one by one.
#[derive(Debug, Default)]
pub struct Loose {
    /// `--kernel`
    pub kernel: Option<PathBuf>,
    /// `--devicetree`
    pub device_tree: Option<PathBuf>,
    /// `--dtb`
    pub dtb: Option<PathBuf>,
    /// `--ramdisk`
    pub ramdisk: Option<PathBuf>,
    /// `--initrd`
    pub initrd: Option<PathBuf>,
    /// `--trustcache`
    pub trust_cache: Option<PathBuf>,
}

/// A file as media, whole.
pub fn whole(path: &Path, io: &Io) -> Result<Media, Error> {
    let mut input = io.input(Some(path))?;
    let name = input.name().to_owned();
    match regular(&input)? {
        Some((file, len)) => Ok(Media::file(file, 0, len)),
        None => stream(&name, &mut input),
    }
}

/// A part without its wrappings.
pub fn unwrapped(name: &str, media: Media) -> Result<Media, Error> {
    Ok(open(name, media)?.media)
}

fn regular(input: &Input) -> Result<Option<(Arc<std::fs::File>, u64)>, Error> {
    let Some(file) = input.seekable() else { return Ok(None) };
    let failed = |e| Error::io(input.name(), e);
    let len = file.metadata().map_err(failed)?.len();
    Ok(Some((Arc::new(file.try_clone().map_err(failed)?), len)))
}

fn peek(input: &mut Input) -> Result<Vec<u8>, Error> {
    let mut head = Vec::new();
    let name = input.name().to_owned();
    input.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(|e| Error::io(name, e))?;
    Ok(head)
}

/// Moves a stream into memory that can be mapped; no part is larger than a packed image can hold.
fn stream(name: &str, from: &mut dyn Read) -> Result<Media, Error> {
    let media = Media::read(&mut from.take(LIMIT + 1)).map_err(|e| Error::io(name, e))?;
    if media.len() > LIMIT {
        return Err(Error::unsupported(name, format_args!("larger than {LIMIT} bytes")));
    }
    Ok(media)
}

/// Takes the wrappings off; a bare part stays where it is.
fn open(name: &str, media: Media) -> Result<Named, Error> {
    let head = media.head(HEAD).map_err(|e| Error::io(name, e))?;
    let kind = apple_wrap::sniff(&head);
    let name = name.to_owned();
    if kind == Kind::Gzip || kind == Kind::Xz {
        // An initrd; a Linux kernel would be refused later, by what it is not.
        return Ok(Named { name, media });
    }
    if !kind.is_wrapper() {
        return Ok(Named { name, media });
    }
    let media = Media::bytes(&open_bytes(&name, &media)?).map_err(|e| Error::io(&name, e))?;
    Ok(Named { name, media })
}

fn open_bytes(name: &str, media: &Media) -> Result<Vec<u8>, Error> {
    let bytes = media.to_vec(LIMIT).map_err(|e| Error::io(name, e))?;
    let opened =
        apple_wrap::open(&bytes, &apple_wrap::Options::default()).map_err(|e| wrap_error(name, &e))?;
    Ok(opened.payload.into_owned())
}

/// Hashes and counts what is read.
struct Checked<'a, R> {
    inner: R,
    verifier: bootimg::Verifier<'a>,
    progress: &'a cli::Progress,
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.verifier.update(buffer.get(..n).unwrap_or_default());
        self.progress.add(n as u64);
        Ok(n)
    }
}
