//! Telling a packed boot image from a single component by the first bytes, without seeking.

use cli::{Error, Input, MAX_COMPONENT, Result};
use std::io::{Chain, Cursor, Read};

/// What `bootimg` wants to see to be sure.
const PREFIX: u64 = 4096;

/// An input, recognised.
pub enum Source<'a> {
    /// A single component, whole in memory.
    Bare(Vec<u8>),
    /// A packed boot image, from its first byte on.
    Packed(Chain<Cursor<Vec<u8>>, &'a mut Input>),
}

/// Reads the input's start, and all of it if it is a single component.
pub fn read(input: &mut Input) -> Result<Source<'_>> {
    let name = input.name().to_string();
    let length = input.seekable().and_then(|f| f.metadata().ok()).map_or(0, |m| m.len().min(MAX_COMPONENT));
    let mut data = Vec::new();
    // One allocation of the file's size: a kernel is read without a copy.
    data.try_reserve_exact(usize::try_from(length.saturating_add(1)).unwrap_or(0))
        .map_err(|e| Error::unsupported(&name, e))?;
    input.by_ref().take(PREFIX).read_to_end(&mut data).map_err(|e| Error::io(&name, e))?;
    if bootimg::sniff(&data) {
        return Ok(Source::Packed(Cursor::new(data).chain(input)));
    }
    input.by_ref().take(MAX_COMPONENT).read_to_end(&mut data).map_err(|e| Error::io(&name, e))?;
    if data.len() as u64 > MAX_COMPONENT {
        return Err(Error::unsupported(
            name,
            format_args!("larger than {MAX_COMPONENT} bytes, the most this tool takes"),
        ));
    }
    if data.is_empty() {
        return Err(Error::damaged(name, "empty: nothing to read"));
    }
    Ok(Source::Bare(data))
}
