//! An archive that need not be an IPSW: baseband firmware, an archive within one.

use crate::read_at::Slice;
use crate::zip::{self, Entry, MemberReader, Method};
use crate::{Error, ReadAt, Result};
use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// A zip archive, wherever its bytes are.
pub struct Archive {
    source: Arc<dyn ReadAt>,
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archive").field("members", &self.entries.len()).finish_non_exhaustive()
    }
}

impl Archive {
    /// Reads its directory.
    pub fn open(source: Arc<dyn ReadAt>) -> Result<Archive> {
        let entries = zip::directory(&source)?;
        let index = entries.iter().enumerate().map(|(i, e)| (e.name.clone(), i)).collect();
        Ok(Archive { source, entries, index })
    }

    /// All members, in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A member by its path.
    pub fn entry(&self, path: &str) -> Result<&Entry> {
        let found = self.index.get(path).and_then(|i| self.entries.get(*i));
        found.ok_or_else(|| Error::NoFile(path.into()))
    }

    /// Reads a member; size and CRC-32 are checked on the way.
    pub fn reader(&self, path: &str) -> Result<MemberReader<'_>> {
        MemberReader::new(self.source.as_ref(), self.entry(path)?)
    }

    /// A member's bytes to be read at any place: where they are if they are stored (then nothing but what is read is
    /// checked), else unpacked into `spool`, which is asked for a temporary file.
    pub fn inner(
        &self,
        path: &str,
        spool: &mut dyn FnMut() -> std::io::Result<std::fs::File>,
    ) -> Result<Arc<dyn ReadAt>> {
        inner(&self.source, self.entry(path)?, spool)
    }
}

/// The bytes of a member of an archive, as [`Archive::inner`].
pub(crate) fn inner(
    source: &Arc<dyn ReadAt>,
    entry: &Entry,
    spool: &mut dyn FnMut() -> std::io::Result<std::fs::File>,
) -> Result<Arc<dyn ReadAt>> {
    let mut reader = MemberReader::new(source.as_ref(), entry)?;
    if entry.method == Method::Stored {
        let (start, len) = reader.place();
        return Ok(Arc::new(Slice { source: source.clone(), start, len }));
    }
    let io = |e| Error::io(&entry.name, e);
    let mut file = spool().map_err(io)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => file.write_all(buffer.get(..n).unwrap_or_default()).map_err(io)?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(io(e)),
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    Ok(Arc::new(file))
}
