//! Putting wrappings on again.

use crate::{Error, Kind, Result, lzfse, lzss, sniff};
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
    Im4pParts { payload, keybags_raw: None, compression: None, ..im4p.parts() }.to_bytes()
}
