//! The files that the command line names as parts.

use crate::{Args, failed};
use bootimg::{PartKind, PartSpec};
use cli::{Error, Io, MAX_COMPONENT, Result};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How much of a large file is looked at to tell what it is.
const HEAD: u64 = 1 << 20;

/// A part to be: what the header says, and where its bytes are.
#[derive(Debug)]
pub struct Source {
    /// For the header.
    pub spec: PartSpec,
    bytes: Bytes,
    name: String,
}

#[derive(Debug)]
enum Bytes {
    /// A regular file, read a second time when it is written.
    File(File),
    Memory(Vec<u8>),
}

impl Source {
    /// The bytes, from the start.
    pub fn reader(&mut self) -> Result<Box<dyn Read + '_>> {
        match &mut self.bytes {
            Bytes::Memory(b) => Ok(Box::new(Cursor::new(b))),
            Bytes::File(f) => {
                f.seek(SeekFrom::Start(0)).map_err(|e| Error::io(&self.name, e))?;
                Ok(Box::new(f))
            }
        }
    }

    /// The bytes in memory.
    pub fn into_bytes(mut self) -> Result<Vec<u8>> {
        if let Bytes::Memory(b) = self.bytes {
            return Ok(b);
        }
        let mut bytes = Vec::new();
        let name = self.name.clone();
        self.reader()?.take(MAX_COMPONENT).read_to_end(&mut bytes).map_err(|e| Error::io(name, e))?;
        Ok(bytes)
    }
}

/// Every part of the command line: name, kind, file.
pub fn named(args: &Args) -> Result<Vec<(String, PartKind, PathBuf)>> {
    let by_kind = [
        (PartKind::DeviceTree, &args.devicetree),
        (PartKind::TrustCache, &args.trustcache),
        (PartKind::Manifest, &args.manifest),
        (PartKind::Kernel, &args.kernel),
        (PartKind::Ramdisk, &args.ramdisk),
    ];
    let mut all: Vec<(String, PartKind, PathBuf)> = by_kind
        .into_iter()
        .filter_map(|(kind, file)| Some((kind.name().to_string(), kind, file.clone()?)))
        .collect();
    for part in args.parts.iter().chain(&args.replace) {
        let (name, file) = name_and_file(part)?;
        all.push((name.into(), PartKind::from_name(name).unwrap_or(PartKind::Other), file.into()));
    }
    Ok(all)
}

/// `NAME=FILE`.
pub fn name_and_file(part: &str) -> Result<(&str, &str)> {
    part.split_once('=')
        .filter(|(n, f)| !n.is_empty() && !f.is_empty())
        .ok_or_else(|| Error::usage(format_args!("{part}: not of the form NAME=FILE")))
}

/// Opens a part's file, and reads it once for size and digest.
pub fn open(io: &Io, name: &str, kind: PartKind, path: &Path) -> Result<Source> {
    let mut input = io.input(Some(path))?;
    let input_name = input.name().to_string();
    let fail = |e| failed(&input_name, e);
    let file = input.seekable().filter(|_| path.as_os_str() != "-").map(File::try_clone).transpose();
    let (mut bytes, head) = match file.map_err(|e| Error::io(&input_name, e))? {
        Some(mut file) => {
            let mut head = Vec::new();
            file.by_ref().take(HEAD).read_to_end(&mut head).map_err(|e| Error::io(&input_name, e))?;
            file.seek(SeekFrom::Start(0)).map_err(|e| Error::io(&input_name, e))?;
            (Bytes::File(file), head)
        }
        None => {
            let bytes = input.read_all(MAX_COMPONENT)?;
            let head = bytes.get(..usize::try_from(HEAD).unwrap_or(usize::MAX)).unwrap_or(&bytes).to_vec();
            (Bytes::Memory(bytes), head)
        }
    };
    let spec = match &mut bytes {
        Bytes::Memory(b) => PartSpec::of_bytes(name, kind, b),
        Bytes::File(f) => PartSpec::of_reader(name, kind, f).map_err(fail)?,
    };
    if spec.size() == 0 {
        return Err(Error::damaged(&input_name, format_args!("is empty: no {name}")));
    }
    let source = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut spec = spec.description(describe(kind)).source(source);
    if let Some(format) = format_name(&head) {
        spec = spec.format(format);
    }
    // What its own IM4P says; a broken one is somebody else's to report, when it is opened.
    if let Ok(opened) = apple_wrap::open(&head, &apple_wrap::Options::default())
        && let Some(t) = opened.im4p_type.and_then(|t| String::from_utf8(t.to_vec()).ok())
    {
        spec = spec.im4p_type(t);
    }
    Ok(Source { spec, bytes, name: input_name })
}

/// The format's name for the header; `None` for what is not recognised.
pub fn format_name(head: &[u8]) -> Option<String> {
    match apple_wrap::sniff(head) {
        apple_wrap::Kind::Unknown => None,
        kind => Some(kind.name().to_ascii_lowercase().replace(' ', "-")),
    }
}

fn describe(kind: PartKind) -> &'static str {
    match kind {
        PartKind::DeviceTree => "Apple device tree",
        PartKind::TrustCache => "Trust cache",
        PartKind::Manifest => "Manifest",
        PartKind::Other => "Part",
        PartKind::Kernel => "Kernel",
        PartKind::Ramdisk => "Ramdisk",
    }
}
