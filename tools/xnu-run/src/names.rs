//! Names for addresses in the guest: the kernel's own symbols, and those of `--symbols`.

use std::path::Path;

use apple_kc::KernelCache;
use cli::{Error, Io};
use debug::{Kernel, Symbols};

use crate::boot::Boot;

/// Largest symbol file.
const LIMIT: u64 = 256 << 20;

/// What a debugger and a trace call things.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Symbols, slid.
    pub symbols: Symbols,
    /// The kernel, if it is a Mach-O.
    pub kernel: Option<Kernel>,
}

impl Names {
    /// From the kernel that is booted and the user's file (`ADDRESS NAME` lines, as `nm` writes them, slide 0), whose names
    /// come first.
    ///
    /// # Errors
    /// When the file cannot be read or has no symbols.
    pub fn gather(boot: &Boot, file: Option<&Path>, io: &Io) -> Result<Names, Error> {
        let slide = boot.plan.as_ref().map_or(0, |p| p.slide);
        let mut all: Vec<(u64, String)> = Vec::new();
        if let Some(path) = file {
            let size = std::fs::metadata(path).map_err(|e| Error::io(path.display(), e))?.len();
            if size > LIMIT {
                return Err(Error::usage(format_args!(
                    "{}: {size} bytes are no list of symbols",
                    path.display()
                )));
            }
            let text = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
            let own = Symbols::parse(&String::from_utf8_lossy(&text));
            if own.is_empty() {
                return Err(Error::new(
                    cli::Code::NotFound,
                    format_args!(
                        "{}: no symbols; each line is an address in hexadecimal and a name",
                        path.display()
                    ),
                ));
            }
            all.extend(own.iter().map(|(address, name)| (address, name.to_owned())));
        }
        let bytes = boot.kernel_bytes();
        let parsed = bytes.as_deref().and_then(|b| KernelCache::parse(b).ok());
        let kernel =
            parsed.as_ref().map(|k| Kernel { header: k.header_vmaddr().wrapping_add(slide), uuid: k.uuid });
        if let (Some(kernel), Some(bytes)) = (&parsed, &bytes) {
            all.extend(kernel.symbols(bytes).map(|s| (s.vmaddr, s.name.to_owned())));
        }
        let symbols = Symbols::new(all).slid(slide);
        io.debug(format_args!("{} symbols", symbols.len()));
        Ok(Names { symbols, kernel })
    }
}
