//! Whether a volume's journal is empty. It is never replayed here.
//!
//! Facts: `apple-oss-distributions/xnu:bsd/vfs/vfs_journal.h` (journal_header), `apple-oss-distributions/hfs:core/hfs_format.h`
//! (JournalInfoBlock). The journal's header is in the byte order of the machine that wrote it.

use super::header::Header;
use crate::bytes::View;
use crate::source::read_vec;
use crate::{Result, Source};

/// The journal is in the volume itself.
const IN_VOLUME: u32 = 1;
/// The journal has to be set up before its first use: it is empty.
const NEEDS_INIT: u32 = 4;
/// `JNLx` and the byte order mark behind it.
const MAGIC: u32 = 0x4a4e_4c78;
const ORDER: u32 = 0x1234_5678;

/// Whether the journal holds nothing; an error when that cannot be found out.
pub(super) fn is_empty(volume: &dyn Source, header: &Header) -> Result<bool> {
    let at = u64::from(header.journal).saturating_mul(header.block_size.into());
    let info = read_vec(volume, at, 52)?;
    let v = View::new(&info, at, "the description of the journal");
    let flags = v.be32(0)?;
    if flags & NEEDS_INIT != 0 {
        return Ok(true);
    }
    if flags & IN_VOLUME == 0 {
        // On another device: what it holds is not known.
        return Ok(false);
    }
    let at = v.be64(36)?;
    let journal = read_vec(volume, at, 24)?;
    let v = View::new(&journal, at, "the header of the journal");
    let little = v.le32(0)? == MAGIC && v.le32(4)? == ORDER;
    if !little && (v.be32(0)? != MAGIC || v.be32(4)? != ORDER) {
        return Err(v.bad(0, "the magic number of the journal", v.be32(0)?));
    }
    // Empty when start and end are the same.
    Ok(v.be64(8)? == v.be64(16)?)
}
