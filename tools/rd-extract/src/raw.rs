//! The raw image: the file system as a kernel would mount it.

use crate::source::{Source, pack_error};
use crate::{Job, fail};
use apple_fs::{Image, Shared, trustcache::TrustCache};
use cli::{Error, Io, MAX_COMPONENT, Output, Result, Status};
use std::io::{Seek, SeekFrom};

/// What is copied at once.
const STEP: u64 = 1 << 20;

impl Job<'_> {
    /// Writes the raw image, into its place in the packed boot image if it came from one.
    pub fn raw(&self, image: &Image, opened: Source<'_>, io: &mut Io) -> Result<Status> {
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
        if let Some((mut rewriter, part)) = opened.packed {
            if content.len() > MAX_COMPONENT {
                let what =
                    format!("a ramdisk of {} bytes is too large for a packed boot image", content.len());
                return Err(Error::unsupported(self.name, what));
            }
            let mut bytes = vec![0; usize::try_from(content.len()).unwrap_or(0)];
            content.read_at(0, &mut bytes).map_err(|e| fail(self.name, &e))?;
            let error = |e| pack_error(self.name, &e);
            rewriter.replace(&part, bytes).map_err(error)?;
            rewriter.set_property(&part, bootimg::names::FORMAT, Some("raw")).map_err(error)?;
            let mut out = io.output(self.args.output.as_deref())?;
            rewriter.finish(&mut out).map_err(error)?;
            out.finish()?;
            return Ok(Status::Done);
        }
        let mut out = io.output(self.args.output.as_deref())?;
        self.copy_disk(content, &mut out, io)?;
        out.finish()?;
        Ok(Status::Done)
    }

    /// Copies a disk; long runs of zeros become holes in a file.
    fn copy_disk(&self, content: &Shared, out: &mut Output, io: &Io) -> Result<()> {
        let bar = io.progress("writing", content.len());
        let sparse = self.args.output.as_ref().is_some_and(|o| o.as_os_str() != "-")
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
            content.read_at(at, part).map_err(|e| fail(self.name, &e))?;
            out.put(part)?;
            at = at.saturating_add(n);
            bar.add(n);
        }
        if hole && let Some(file) = out.as_file() {
            file.set_len(content.len()).map_err(|e| Error::io(out.name(), e))?;
        }
        Ok(())
    }

    /// A trust cache has no files; it can be listed.
    pub fn trust_cache(&self, opened: &Source<'_>, io: &mut Io) -> Result<Status> {
        if !self.args.list || self.args.json {
            return Err(Error::not_found(self.name, "a trust cache, no ramdisk: -l prints it"));
        }
        let mut bytes = vec![0; usize::try_from(opened.source.len()).unwrap_or(0)];
        opened.source.read_at(0, &mut bytes).map_err(|e| fail(self.name, &e))?;
        let cache = TrustCache::parse(&bytes).map_err(|e| fail(self.name, &e))?;
        io.print(&format!("{cache}\n"))?;
        Ok(Status::Done)
    }
}
