//! The raw image: the file system as a kernel would mount it.

use crate::put::Wrapping;
use crate::source;
use crate::{Job, fail, trust};
use apple_fs::{Image, Source};
use cli::{Error, Io, Output, Result, Status};
use std::io::{Seek, SeekFrom};
use std::path::Path;

/// What is copied at once.
const STEP: u64 = 1 << 20;

impl Job<'_> {
    /// Writes the raw image, into its place in the packed boot image if it came from one.
    pub fn raw(&self, image: &Image, opened: source::Source<'_>, io: &mut Io) -> Result<Status> {
        let content = if self.args.whole { image.disk() } else { image.content() };
        self.within_limit(content.len())?;
        if let Some(udif) = image.udif().filter(|_| !self.args.no_verify) {
            let any = udif.verify().map_err(|e| fail(self.name, &e))?;
            io.verbose(if any {
                "the disk image's checksums are right"
            } else {
                "the disk image has no checksums"
            });
        }
        if self.args.dry_run {
            io.print(&format!("{} bytes would be written\n", content.len()))?;
            return Ok(Status::Done);
        }
        let output = self.args.output.as_deref();
        let wrapping = Wrapping::of(self.args, None)?;
        if let Some(packed) = opened.packed {
            return self.repack(packed, content.as_ref(), &wrapping, output, io);
        }
        if !matches!(wrapping, Wrapping::Raw) {
            return crate::put::write(content.as_ref(), &wrapping, self.args, output, io);
        }
        let mut out = io.output(output)?;
        copy_disk(content.as_ref(), &mut out, output, self.name, io)?;
        out.finish()?;
        Ok(Status::Done)
    }

    /// A trust cache has no files; it can be listed.
    pub fn trust_cache(&self, opened: &source::Source<'_>, io: &mut Io) -> Result<Status> {
        if !self.args.list {
            let what =
                "a trust cache, no ramdisk: -l prints it, --find looks into it, --trust-cache merges it";
            return Err(Error::not_found(self.name, what));
        }
        trust::show(&trust::read(self.name, opened)?, self.args.json, io)
    }
}

/// Copies a disk; long runs of zeros become holes in a file.
pub fn copy_disk(
    content: &dyn Source,
    out: &mut Output,
    output: Option<&Path>,
    name: &str,
    io: &Io,
) -> Result<()> {
    let bar = io.progress("writing", content.len());
    let sparse = output.is_some_and(|o| o.as_os_str() != "-")
        && out.as_file().and_then(|f| f.metadata().ok()).is_some_and(|m| m.is_file());
    let mut buf = vec![0; STEP as usize];
    let mut at = 0u64;
    let mut hole = false;
    while at < content.len() {
        let zeros = if sparse { content.zeros_at(at) } else { 0 };
        if zeros >= STEP
            && let Some(mut file) = out.as_file()
        {
            let skip = i64::try_from(zeros).unwrap_or(i64::MAX);
            file.seek(SeekFrom::Current(skip)).map_err(|e| Error::io(out.name(), e))?;
            at = at.saturating_add(zeros);
            hole = true;
            bar.add(zeros);
            continue;
        }
        let n = STEP.min(content.len().saturating_sub(at));
        let part = buf.get_mut(..n as usize).unwrap_or_default();
        content.read_at(at, part).map_err(|e| fail(name, &e))?;
        out.put(part)?;
        at = at.saturating_add(n);
        bar.add(n);
    }
    if hole && let Some(file) = out.as_file() {
        file.set_len(content.len()).map_err(|e| Error::io(out.name(), e))?;
    }
    Ok(())
}
