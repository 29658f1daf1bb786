//! What kind of input it is, decided on its first bytes.

use crate::formats::Format;
use apple_dt::flat::{self, Flat};
use cli::{Error, Input, Result};
use std::io::{Cursor, Read};

/// Bytes that are looked at before anything is decided.
const PREFIX: u64 = 4096;
/// The most bytes of a tree in text form or in a container: some times what the tree may have.
const LIMIT: u64 = 4 * apple_dt::MAX_SIZE as u64;

/// An input, recognised.
pub(crate) enum Source<'a> {
    /// A packed boot image, from its start.
    Packed(Box<dyn Read + 'a>),
    /// A tree in text form.
    Text(String),
    /// Device tree source.
    Dts(String),
    /// A flattened device tree that is known to be meant.
    Fdt(Vec<u8>),
    /// A tree, or its container.
    Bytes(Vec<u8>),
}

/// Recognises an input, unless the user says what it is; all of it is read unless it is a packed image.
pub(crate) fn read(input: &mut Input, from: Option<Format>) -> Result<Source<'_>> {
    let name = input.name().to_string();
    let mut prefix = Vec::new();
    input.by_ref().take(PREFIX).read_to_end(&mut prefix).map_err(|e| Error::io(&name, e))?;
    if from.is_none_or(|f| f == Format::Adt) && bootimg::sniff(&prefix) {
        return Ok(Source::Packed(Box::new(Cursor::new(prefix).chain(input))));
    }
    let mut data = prefix;
    input
        .by_ref()
        .take(LIMIT.saturating_add(1).saturating_sub(data.len() as u64))
        .read_to_end(&mut data)
        .map_err(|e| Error::io(&name, e))?;
    if data.is_empty() {
        return Err(Error::damaged(name, "offset 0x0: the file is empty"));
    }
    if data.len() as u64 > LIMIT {
        return Err(Error::unsupported(name, format_args!("larger than {LIMIT} bytes: no device tree is")));
    }
    let recognised = match from {
        Some(format) => format,
        None if apple_dt::is_text(&data) => Format::Text,
        None if flat::is_dts(&data) => Format::Dts,
        // Others are some board's: better asked for than taken for an Apple tree by mistake.
        None if Flat::parse(&data).is_ok_and(|f| flat::is_export(&f)) => Format::Fdt,
        None => Format::Adt,
    };
    let text = |data: Vec<u8>| {
        String::from_utf8(data).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            let message = format_args!("offset {at:#x}: a tree in text form is UTF-8, this byte is not");
            Error::damaged(&name, message)
        })
    };
    Ok(match recognised {
        Format::Adt => Source::Bytes(data),
        Format::Text => Source::Text(text(data)?),
        Format::Dts => Source::Dts(text(data)?),
        Format::Fdt => Source::Fdt(data),
        Format::Json => {
            return Err(Error::usage("JSON cannot be read back: it has no way to say all of a tree"));
        }
    })
}
