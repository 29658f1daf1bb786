//! `--demo`: the whole chain in one process, from an IPSW made in memory.

use std::path::Path;

use apple_ipsw::Ipsw;
use cli::{Code, Error, Io};
use pipeline::{BootOptions, BootSet};

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
    let mut image = Vec::new();
    let said = crate::chain::patch(packed.as_slice(), &mut image).map_err(|e| failed("the chain")(&e))?;
    said.iter().for_each(|line| io.verbose(line));
    Ok(image)
}
