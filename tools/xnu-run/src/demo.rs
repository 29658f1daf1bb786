//! `--demo`: the whole chain in one process, from an IPSW made in memory.

use std::path::Path;

use apple_ipsw::Ipsw;
use bootimg::Rewriter;
use cli::{Code, Error, Io};
use pipeline::{BootOptions, BootSet, TreeEdits};
use xnu_boot::Preset;

/// The preset that makes a first boot of a driverless kernel.
const PRESET: &str = "serial-only";

fn failed(step: &str) -> impl Fn(&dyn std::fmt::Display) -> Error + '_ {
    move |e| Error::new(Code::Damaged, format_args!("demo: {step}: {e}"))
}

/// The demo IPSW.
pub fn ipsw() -> Result<Vec<u8>, Error> {
    guests::demo::ipsw().map_err(|e| failed("packing")(&e))
}

/// Writes the demo IPSW to a file.
pub fn write(path: &Path, io: &Io) -> Result<(), Error> {
    let mut out = io.output(Some(path))?;
    out.put(&ipsw()?)?;
    out.finish()
}

/// The packed boot image of the demo: what `ipsw-extract demo.ipsw | dt-patch --preset serial-only` writes.
pub fn image(io: &Io) -> Result<Vec<u8>, Error> {
    let ipsw = Ipsw::open(ipsw()?).map_err(|e| failed("ipsw-extract")(&e))?;
    let set = BootSet::new(&ipsw, &BootOptions::default()).map_err(|e| failed("ipsw-extract")(&e))?;
    let packed = set
        .write(Vec::new(), &mut |_| {}, &mut |component, verdict| {
            io.verbose(format_args!("ipsw-extract: {}: {}", component.name, verdict.text()));
        })
        .map_err(|e| failed("ipsw-extract")(&e))?;
    let preset = Preset::builtin(PRESET).map_err(|e| failed("dt-patch")(&e))?;
    let edits = TreeEdits { scripts: vec![preset.script], bootargs: preset.bootargs, ..TreeEdits::default() };
    let mut rewriter = Rewriter::new(packed.as_slice()).map_err(|e| failed("dt-patch")(&e))?;
    let done = pipeline::patch_device_tree(&mut rewriter, &edits).map_err(|e| failed("dt-patch")(&e))?;
    for change in done.trees.iter().flat_map(|t| &t.changes) {
        io.verbose(format_args!("dt-patch: {change}"));
    }
    let mut image = Vec::new();
    rewriter.finish(&mut image).map_err(|e| failed("dt-patch")(&e))?;
    Ok(image)
}
