//! Putting wrappings on again.

use crate::open::Opener;
use crate::{Error, Key, Kind, Options, Result, lzfse, lzss, sniff};
use apple_img4::write::Im4pParts;
use apple_img4::{Algorithm, Compression, FourCc, Im4p, Img4};
use std::borrow::Cow;

/// How to compress a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Not at all.
    None,
    /// LZSS in a `complzss` frame, as kernelcaches up to iOS 12.
    Lzss,
    /// LZFSE, as kernelcaches from iOS 13. Devices of Apple's may want streams of Apple's own encoder.
    Lzfse,
}

/// Compresses a payload: the bytes, and what an IM4P declares of them (nothing for LZSS, as in Apple's own files).
///
/// # Errors
/// A payload of 4 GiB or more, which these formats cannot hold.
pub fn compress(data: &[u8], method: Method) -> Result<(Cow<'_, [u8]>, Option<Compression>)> {
    let kind = if method == Method::Lzss { Kind::CompLzss } else { Kind::Lzfse };
    let size = data.len() as u64;
    let too_large = || Error::TooLarge { layer: kind, offset: 0, size, limit: u32::MAX.into() };
    match method {
        Method::None => Ok((Cow::Borrowed(data), None)),
        Method::Lzss => {
            let stream = lzss::encode(data);
            let mut out = lzss::header(data, stream.len()).ok_or_else(too_large)?;
            out.extend(stream);
            Ok((Cow::Owned(out), None))
        }
        Method::Lzfse => {
            let out = lzfse::encode(data).map_err(|_| too_large())?;
            let compression = Compression { algorithm: Algorithm::Lzfse, uncompressed_size: size };
            Ok((Cow::Owned(out), Some(compression)))
        }
    }
}

/// An IM4P of a bare component.
///
/// # Errors
/// A payload of 4 GiB or more.
pub fn im4p(kind: [u8; 4], description: &str, payload: &[u8], method: Method) -> Result<Vec<u8>> {
    let (payload, compression) = compress(payload, method)?;
    let parts = Im4pParts { compression, ..Im4pParts::new(FourCc(kind), description, &payload) };
    parts.to_bytes().map_err(|error| Error::Image4 { layer: Kind::Im4p, error })
}

/// The container of `original` around a new payload, which goes in uncompressed and unencrypted. Type, description
/// and payload properties stay; keybags go, and so does the declared compression. An IMG4 keeps its manifest, whose
/// digest no longer fits. A component without a container, or only compressed, gives the payload itself.
///
/// # Errors
/// A container that is damaged, or IMG3, which is not written.
pub fn rewrap(original: &[u8], new_payload: &[u8]) -> Result<Vec<u8>> {
    let fail = |layer| move |error| Error::Image4 { layer, error };
    match sniff(original) {
        Kind::Im4p => {
            let im4p = Im4p::parse(original).map_err(fail(Kind::Im4p))?;
            refill(&im4p, new_payload).map_err(fail(Kind::Im4p))
        }
        Kind::Img4 => {
            let img4 = Img4::parse(original).map_err(fail(Kind::Img4))?;
            let im4p = refill(&img4.im4p, new_payload).map_err(fail(Kind::Im4p))?;
            let manifest = img4.im4m.as_ref().map(|m| m.raw);
            let restore = img4.im4r.as_ref().map(|r| r.raw);
            apple_img4::write::img4(&im4p, manifest, restore).map_err(fail(Kind::Img4))
        }
        Kind::Img3 => Err(Error::Unsupported {
            layer: Kind::Img3,
            offset: 0,
            why: "IMG3 containers are read and not written: write the bare component instead",
        }),
        _ => Ok(new_payload.to_vec()),
    }
}

fn refill(im4p: &Im4p<'_>, payload: &[u8]) -> apple_img4::Result<Vec<u8>> {
    Im4pParts { payload, keybags_raw: None, compression: None, compression_raw: None, ..im4p.parts() }
        .to_bytes()
}

/// What is to be changed in a container; what is `None` stays, byte for byte.
#[derive(Debug, Clone, Default)]
pub struct Change<'a> {
    /// Another type.
    pub kind: Option<[u8; 4]>,
    /// Another description.
    pub description: Option<&'a str>,
    /// Another payload: a bare component, or one that is compressed already if no method is given.
    pub payload: Option<&'a [u8]>,
    /// Another compression: the payload is decompressed and compressed anew.
    pub method: Option<Method>,
    /// Another image behind the compressed kernel; an empty one takes it away.
    pub monitor: Option<&'a [u8]>,
    /// The key of an encrypted payload, which is decrypted for good.
    pub key: Option<&'a Key>,
    /// The most that a payload may decompress to, in bytes.
    pub max_output: u64,
}

impl Change<'_> {
    /// Whether the payload's bytes change.
    pub fn of_payload(&self) -> bool {
        self.payload.is_some() || self.method.is_some() || self.monitor.is_some() || self.key.is_some()
    }
}

/// Changes an IM4P, or the one in an IMG4, and leaves everything else as it stands: an encrypted payload, its keybags, a
/// compressed stream, what follows it, payload properties, unknown elements. Without a change of payload nothing is
/// decompressed; with only another type four bytes differ. An IMG4 keeps its manifest, whose digest fits no more.
///
/// # Errors
/// Neither an IM4P nor an IMG4, a damaged one, or a payload that cannot be changed because it is encrypted.
pub fn change(original: &[u8], change: &Change<'_>) -> Result<Vec<u8>> {
    let fail = |layer| move |error| Error::Image4 { layer, error };
    let is_img4 = sniff(original) == Kind::Img4;
    if !change.of_payload() && change.description.is_none() {
        let mut out = original.to_vec();
        if let Some(kind) = change.kind {
            apple_img4::edit::retype(&mut out, FourCc(kind)).map_err(fail(Kind::Im4p))?;
        }
        return Ok(out);
    }
    if is_img4 {
        let img4 = Img4::parse(original).map_err(fail(Kind::Img4))?;
        let im4p = changed(&img4.im4p, change)?;
        let manifest = img4.im4m.as_ref().map(|m| m.raw);
        let restore = img4.im4r.as_ref().map(|r| r.raw);
        return apple_img4::write::img4(&im4p, manifest, restore).map_err(fail(Kind::Img4));
    }
    changed(&Im4p::parse(original).map_err(fail(Kind::Im4p))?, change)
}

fn changed(im4p: &Im4p<'_>, change: &Change<'_>) -> Result<Vec<u8>> {
    let mut parts = im4p.parts();
    if let Some(kind) = change.kind {
        parts.kind = FourCc(kind);
    }
    if let Some(description) = change.description {
        parts.description = description.as_bytes();
    }
    let payload;
    if change.of_payload() {
        payload = new_payload(im4p, change, &mut parts)?;
        parts.payload = &payload;
    }
    parts.to_bytes().map_err(|error| Error::Image4 { layer: Kind::Im4p, error })
}

/// The payload's new bytes; what the container declares of them is set right in `parts`.
fn new_payload(im4p: &Im4p<'_>, change: &Change<'_>, parts: &mut Im4pParts<'_>) -> Result<Vec<u8>> {
    let clear = match change.payload {
        Some(payload) => Cow::Borrowed(payload),
        None => {
            let (clear, decrypted) = decrypted(im4p, change.key)?;
            if decrypted {
                parts.keybags_raw = None;
            }
            clear
        }
    };
    if change.payload.is_some() {
        parts.keybags_raw = None;
        parts.compression_raw = None;
        parts.compression = None;
    }
    if change.method.is_none() && change.monitor.is_none() {
        return Ok(clear.into_owned());
    }
    // Only the compression itself: a fat file around the kernel stays.
    let old = uncompressed(&clear, change.max_output)?;
    let behind = change.monitor.unwrap_or(old.behind);
    let Some(wanted) = change.method else {
        // Another monitor behind the same stream.
        if old.method == Method::None && !behind.is_empty() {
            return Err(no_stream(im4p));
        }
        let stream = clear.len().saturating_sub(old.behind.len());
        return Ok([clear.get(..stream).unwrap_or_default(), behind].concat());
    };
    let (bytes, declared) = compress(&old.data, wanted)?;
    parts.compression_raw = None;
    parts.compression = declared;
    if wanted == Method::None && behind.iter().any(|b| *b != 0) {
        return Err(no_stream(im4p));
    }
    let mut out = bytes.into_owned();
    if wanted != Method::None {
        out.extend_from_slice(behind);
    }
    Ok(out)
}

fn no_stream(im4p: &Im4p<'_>) -> Error {
    Error::Unsupported {
        layer: Kind::Im4p,
        offset: im4p.payload_offset,
        why: "an image can only stand behind a compressed kernel: choose a compression, or take it away",
    }
}

/// The payload without its encryption, and whether there was one.
fn decrypted<'a>(im4p: &Im4p<'a>, key: Option<&Key>) -> Result<(Cow<'a, [u8]>, bool)> {
    let options = Options { key: key.cloned(), ..Options::default() };
    let mut opener = Opener::new(&options, im4p.payload, im4p.payload_offset);
    opener.payload_type(im4p.kind.0);
    let bags = im4p.keybags.iter().map(|k| k.kind.to_string()).collect::<Vec<_>>().join(", ");
    opener.decrypt(Kind::Im4p, im4p.has_keybags().then(|| format!("keybags: {bags}")), None)?;
    Ok(opener.into_data())
}

/// A payload with one compression taken off.
struct Stream<'a> {
    data: Cow<'a, [u8]>,
    /// How it was compressed.
    method: Method,
    /// What follows the stream.
    behind: &'a [u8],
}

fn uncompressed(payload: &[u8], max_output: u64) -> Result<Stream<'_>> {
    let too_large = |layer, size| Error::TooLarge { layer, offset: 0, size, limit: max_output };
    match sniff(payload) {
        Kind::CompLzss => {
            let frame = lzss::frame(payload, 0)?;
            if u64::from(frame.size) > max_output {
                return Err(too_large(Kind::CompLzss, frame.size.into()));
            }
            let behind = payload.get(frame.stream.end..).unwrap_or_default();
            let data = Cow::Owned(lzss::checked(payload, &frame, 0)?);
            Ok(Stream { data, method: Method::Lzss, behind })
        }
        Kind::Lzfse => {
            let extent = lzfse::extent(payload, 0)?;
            if extent.size > max_output {
                return Err(too_large(Kind::Lzfse, extent.size));
            }
            let behind = payload.get(extent.packed..).unwrap_or_default();
            let data = Cow::Owned(lzfse::decode(payload, 0, extent)?);
            Ok(Stream { data, method: Method::Lzfse, behind })
        }
        _ => Ok(Stream { data: Cow::Borrowed(payload), method: Method::None, behind: &[] }),
    }
}

#[cfg(test)]
mod tests;
