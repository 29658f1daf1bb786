//! IPSWs on servers.

use crate::{Args, Opened, of_archive, spooled};
use ::remote::{ErrorKind, Options, RemoteFile, open as open_url, shown};
use apple_ipsw::ReadAt;
use cli::{Code, Error, Io, Result};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// A file on a server as the library reads archives.
struct Archive(Arc<RemoteFile>);

impl ReadAt for Archive {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.size())
    }

    fn will_read(&self, range: Range<u64>) {
        self.0.will_read(range);
    }
}

/// Opens a URL: by parts, or, if the user allows it, as a whole.
pub fn open(args: &Args, io: &Io, url: &str) -> Result<Opened> {
    let name = shown(url);
    let fail = |e: ::remote::Error| {
        let code = match e.kind() {
            ErrorKind::Usage => Code::Usage,
            ErrorKind::NotFound => Code::NotFound,
            ErrorKind::Unsupported => Code::Unsupported,
            ErrorKind::Io => Code::Io,
        };
        Error::new(code, format_args!("{name}: {e}"))
    };
    let mut options = Options { retries: args.retries, ..Options::default() };
    for header in &args.header {
        let (n, v) = header
            .split_once(':')
            .ok_or_else(|| Error::usage(format_args!("--header {header:?}: give 'Name: value'")))?;
        options.headers.push((n.trim().to_string(), v.trim().to_string()));
    }
    match open_url(url, options).map_err(fail)? {
        ::remote::Opened::Ranges(file) => {
            let file = Arc::new(file);
            let mut opened = of_archive(name, Arc::new(Archive(file.clone())), io)?;
            opened.server = Some(file);
            Ok(opened)
        }
        ::remote::Opened::Whole(file) if args.allow_full_download => {
            let ipsw = spooled(args, &name, file)?;
            Ok(Opened { name, ipsw, server: None, plain: false })
        }
        ::remote::Opened::Whole(file) => {
            let size = file.size().map_or("all of it".to_string(), |n| format!("all {n} bytes"));
            let message = format_args!(
                "the server sends no parts of files (no range requests): --allow-full-download takes {size}, in order"
            );
            Err(Error::unsupported(&name, message))
        }
    }
}
