//! The obstacle kernel (`obstacles/`), which stumbles where XNU does, and ramdisks for it.

use crate::demo::Error;
use crate::macho;
use crate::symbols::Symbols;

const KERNEL: &[u8] = include_bytes!("../bin/obstacles.bin");
const KERNEL_SYMBOLS: &str = include_str!("../bin/obstacles.sym");

/// The kernel as a Mach-O.
pub fn kernel() -> Vec<u8> {
    macho::kernel(KERNEL, &Symbols::parse(KERNEL_SYMBOLS)).to_bytes()
}

/// A ramdisk whose `/sbin/launchd` is this; without one, there is no such file.
///
/// # Errors
/// A defect of the writer.
pub fn ramdisk(launchd: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    use apple_fs::hfsplus::write::{Attributes, Builder};
    let mut volume = Builder::new("Obstacles");
    volume.directory("/sbin", &Attributes::new(0o755))?;
    if let Some(program) = launchd {
        volume.file("/sbin/launchd", &Attributes::new(0o755), program)?;
    }
    Ok(volume.build()?)
}
