//! Taking the wrappings off.

use crate::{Error, Key, Kind, Result, fat, img3, lzfse, lzss, sniff};
use apple_img4::{FourCc, Im4p, Img4};
use std::borrow::Cow;
use std::ops::Range;

/// Real files have at most four wrappings (IMG4, IM4P, compression, fat).
const MAX_DEPTH: usize = 8;
/// A made-up LZFSE block can expand a hundred thousand times, but an encoder gets 1,700 out of nothing but zeros. A
/// stream larger than [`ALWAYS_ALLOWED`] that expands more than this is a bomb.
const MAX_RATIO: u64 = 2000;
/// Expands as much as it likes: 64 MiB.
const ALWAYS_ALLOWED: u64 = 64 << 20;

/// How to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The key for an encrypted payload.
    pub key: Option<Key>,
    /// The most that anything may decompress to, in bytes.
    pub max_output: u64,
    /// Which slice of a fat file with several is wanted, such as `arm64e`.
    pub arch: Option<String>,
}

impl Default for Options {
    /// No key, 2 GiB, the only arm64 slice.
    fn default() -> Options {
        Options { key: None, max_output: 1 << 31, arch: None }
    }
}

/// One wrapping that was taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// What it is.
    pub kind: Kind,
    /// Where it starts: in the file, as long as no layer around it was decompressed or decrypted, else in what came
    /// out of the innermost of those.
    pub offset: u64,
    /// Its size there, wrapping and content.
    pub size: u64,
    /// What else is to be said: an IM4P's type and description, sizes, keys.
    pub detail: String,
}

/// What was inside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened<'a> {
    /// The wrappings, outermost first. Empty for a bare component.
    pub layers: Vec<Layer>,
    /// What the payload is.
    pub kind: Kind,
    /// Where the payload starts, counted as [`Layer::offset`] is.
    pub offset: u64,
    /// The bare component; borrowed from the input if nothing had to be decompressed or decrypted.
    pub payload: Cow<'a, [u8]>,
    /// Type of the innermost IM4P or IMG3: `krnl`, `dtre`, `rdsk`…
    pub im4p_type: Option<[u8; 4]>,
    /// Description of the innermost IM4P, or version of the IMG3.
    pub description: Option<String>,
    /// The image that stood behind the compressed kernel: the secure monitor of A7 to A9.
    pub monitor: Option<Vec<u8>>,
    /// Whether the payload was decrypted with the key given.
    pub decrypted: bool,
    /// Things that are odd but not wrong enough to stop.
    pub warnings: Vec<String>,
}

/// Opens a component in any wrapping. A bare component is passed through, borrowed.
///
/// What it cannot tell apart it passes through as [`Kind::Unknown`]; the caller knows what it wants and looks at
/// [`Opened::kind`].
///
/// # Errors
/// Damage (with its place), encryption without a key, kinds that are known and cannot be opened (AEA, encrypted UDIF,
/// LZBITMAP, plain HFS), more output than [`Options::max_output`].
pub fn open<'a>(data: &'a [u8], options: &Options) -> Result<Opened<'a>> {
    let (opened, error) = explain(data, options);
    error.map_or(Ok(opened), Err)
}

/// As [`open`], but gives what was found on the way even when it ends in an error: the layers that were taken off, the
/// kind that it stopped at, and the bytes of that.
pub fn explain<'a>(data: &'a [u8], options: &Options) -> (Opened<'a>, Option<Error>) {
    let mut opener = Opener::new(options, data, 0);
    let error = opener.run().err();
    let mut opened = opener.opened;
    opened.offset = opener.base;
    opened.payload = opener.data;
    (opened, error)
}

/// Kinds that are recognised so that they can be refused by name.
fn refuse(kind: Kind, offset: u64) -> Result<()> {
    let unsupported = |why| Err(Error::Unsupported { layer: kind, offset, why });
    let encrypted =
        |what: &str, remedy| Err(Error::Encrypted { layer: kind, offset, what: what.to_string(), remedy });
    match kind {
        Kind::Aea => encrypted(
            "an Apple encrypted archive",
            "Apple hands out its key for each build; decrypt it first with a tool that fetches it (restore ramdisks of the same IPSW are not encrypted)",
        ),
        Kind::EncryptedUdif => encrypted(
            "a disk image with a pass phrase or key",
            "decrypt it first (hdiutil, vfdecrypt, dmgwiz)",
        ),
        Kind::LzBitmap => {
            unsupported("LZBITMAP compression is not supported: decompress it first (libzbitmap)")
        }
        Kind::Hfs => {
            unsupported("plain HFS of before 1998 (or its wrapper) is not supported, only HFS+ and HFSX")
        }
        Kind::Pbzx => {
            unsupported("pbzx belongs to over-the-air updates, which are not supported: use an IPSW")
        }
        Kind::MachO32 => unsupported("a 32-bit Mach-O (armv7): only arm64 firmware is supported"),
        _ => Ok(()),
    }
}

pub(crate) struct Opener<'o, 'a> {
    options: &'o Options,
    /// What is still wrapped.
    data: Cow<'a, [u8]>,
    /// Where `data` starts in the file, or in the last thing that was decompressed.
    base: u64,
    opened: Opened<'a>,
}

impl<'o, 'a> Opener<'o, 'a> {
    pub(crate) fn new(options: &'o Options, data: &'a [u8], base: u64) -> Opener<'o, 'a> {
        Opener {
            options,
            data: Cow::Borrowed(data),
            base,
            opened: Opened {
                layers: Vec::new(),
                kind: Kind::Unknown,
                offset: 0,
                payload: Cow::Borrowed(&[]),
                im4p_type: None,
                description: None,
                monitor: None,
                decrypted: false,
                warnings: Vec::new(),
            },
        }
    }

    /// Says what the payload is for, which tells whether a key fits.
    pub(crate) fn payload_type(&mut self, kind: [u8; 4]) {
        self.opened.im4p_type = Some(kind);
    }

    /// What is left, and whether it was decrypted.
    pub(crate) fn into_data(self) -> (Cow<'a, [u8]>, bool) {
        (self.data, self.opened.decrypted)
    }
}

impl Opener<'_, '_> {
    /// Takes off what can be taken off.
    fn run(&mut self) -> Result<()> {
        loop {
            let kind = sniff(&self.data);
            self.opened.kind = kind;
            if kind.is_wrapper() && self.opened.layers.len() >= MAX_DEPTH {
                return Err(Error::TooDeep { offset: self.base, limit: MAX_DEPTH });
            }
            match kind {
                Kind::Img4 => self.img4()?,
                Kind::Im4p => self.im4p()?,
                Kind::Img3 => self.img3()?,
                Kind::CompLzss => self.complzss()?,
                Kind::Lzfse => self.lzfse()?,
                Kind::Fat => self.fat()?,
                _ => return refuse(kind, self.base),
            }
        }
    }

    fn layer(&mut self, kind: Kind, size: usize, detail: String) {
        // Each wrapping starts where the payload of the one around it does.
        self.opened.layers.push(Layer { kind, offset: self.base, size: size as u64, detail });
    }

    /// Goes on with a part of the data.
    fn narrow(&mut self, range: Range<usize>) {
        self.base = self.base.saturating_add(range.start as u64);
        match &mut self.data {
            Cow::Borrowed(data) => *data = data.get(range).unwrap_or_default(),
            Cow::Owned(data) => {
                data.truncate(range.end);
                data.drain(..range.start.min(data.len()));
            }
        }
    }

    /// Goes on with what came out of a decoder.
    fn replace(&mut self, data: Vec<u8>) {
        self.data = Cow::Owned(data);
        self.base = 0;
    }

    fn check_size(&self, layer: Kind, size: u64) -> Result<()> {
        let limit = self.options.max_output;
        if size > limit {
            return Err(Error::TooLarge { layer, offset: self.base, size, limit });
        }
        Ok(())
    }

    fn image4_error(&self, layer: Kind, mut error: apple_img4::Error) -> Error {
        error.offset = error.offset.saturating_add(self.base);
        Error::Image4 { layer, error }
    }

    fn img4(&mut self) -> Result<()> {
        let (range, size, detail) = {
            let img4 = Img4::parse(&self.data).map_err(|e| self.image4_error(Kind::Img4, e))?;
            let mut detail = match &img4.im4m {
                Some(m) => format!("with a manifest of {} images", m.objects.len()),
                None => "without a manifest".to_string(),
            };
            if img4.im4r.is_some() {
                detail.push_str(", with restore information");
            }
            let start = usize::try_from(img4.im4p.offset).unwrap_or(usize::MAX);
            (start..start.saturating_add(img4.im4p.raw.len()), img4.raw.len(), detail)
        };
        self.trailing(Kind::Img4, size);
        self.layer(Kind::Img4, size, detail);
        self.narrow(range);
        Ok(())
    }

    /// Bytes behind a container: zeros are padding, anything else is worth a word.
    fn trailing(&mut self, kind: Kind, size: usize) {
        let rest = self.data.get(size..).unwrap_or_default();
        if rest.iter().any(|b| *b != 0) {
            self.opened.warnings.push(format!("{} bytes follow the {kind} and are ignored", rest.len()));
        }
    }

    fn im4p(&mut self) -> Result<()> {
        let (range, size, detail, keybags, compression) = {
            let im4p = Im4p::parse(&self.data).map_err(|e| self.image4_error(Kind::Im4p, e))?;
            self.opened.im4p_type = Some(im4p.kind.0);
            self.opened.description = Some(im4p.description_text().into_owned());
            let mut detail = format!("{} \"{}\"", im4p.kind, im4p.description_text());
            let bags = im4p.keybags.iter().map(|k| k.kind.to_string()).collect::<Vec<_>>().join(", ");
            let keybags = im4p.has_keybags().then(|| format!("keybags: {bags}"));
            if let Some(k) = &keybags {
                detail.push_str(", ");
                detail.push_str(k);
            }
            if let Some(c) = im4p.compression {
                detail.push_str(&format!(", {} of {} bytes", c.algorithm, c.uncompressed_size));
            }
            let start = usize::try_from(im4p.payload_offset).unwrap_or(usize::MAX);
            let range = start..start.saturating_add(im4p.payload.len());
            (range, im4p.raw.len(), detail, keybags, im4p.compression)
        };
        self.trailing(Kind::Im4p, size);
        self.layer(Kind::Im4p, size, detail);
        self.narrow(range);
        self.decrypt(Kind::Im4p, keybags, None)?;
        if let (Some(c), Kind::Lzfse) = (compression, sniff(&self.data))
            && let Ok(extent) = lzfse::extent(&self.data, self.base)
            && extent.size != c.uncompressed_size
        {
            self.opened.warnings.push(format!(
                "the IM4P declares {} bytes uncompressed, its stream {}",
                c.uncompressed_size, extent.size
            ));
        }
        Ok(())
    }

    fn img3(&mut self) -> Result<()> {
        let img3 = img3::parse(&self.data, self.base)?;
        let tags: Vec<String> = img3.tags.iter().map(|t| FourCc(t.name).to_string()).collect();
        let detail = format!("{}, tags {}", FourCc(img3.ident), tags.join(" "));
        self.opened.im4p_type = Some(img3.ident);
        self.opened.description.clone_from(&img3.version);
        self.trailing(Kind::Img3, img3.size);
        self.layer(Kind::Img3, img3.size, detail);
        let keybags = (!img3.keybags.is_empty()).then(|| {
            let bits: Vec<String> = img3.keybags.iter().map(|b| format!("{b} bits")).collect();
            format!("keybags: {}", bits.join(", "))
        });
        let length = img3.data.len();
        // The padding is encrypted with the data, so that it makes whole blocks.
        self.narrow(if keybags.is_some() { img3.padded } else { img3.data });
        self.decrypt(Kind::Img3, keybags, Some(length))
    }

    /// Decrypts the payload if it needs it. `length` cuts padding off that was encrypted too.
    pub(crate) fn decrypt(
        &mut self,
        layer: Kind,
        keybags: Option<String>,
        length: Option<usize>,
    ) -> Result<()> {
        let clear = |data: &[u8]| sniff(data) != Kind::Unknown;
        if let Some(length) = length
            && keybags.is_none()
        {
            self.narrow(0..length.min(self.data.len()));
            return Ok(());
        }
        if clear(&self.data) || (keybags.is_none() && self.options.key.is_none()) {
            // Somebody decrypted it already, or it never was encrypted.
            if let Some(length) = length {
                self.narrow(0..length.min(self.data.len()));
            }
            return Ok(());
        }
        let Some(key) = &self.options.key else {
            return Err(Error::Encrypted {
                layer,
                offset: self.base,
                what: keybags.unwrap_or_default(),
                remedy: "give the image's IV and key with --key (what the keybags hold is itself encrypted with the device's key and cannot be used)",
            });
        };
        if !self.data.len().is_multiple_of(16) && layer == Kind::Im4p {
            return Err(Error::WrongKey {
                layer,
                offset: self.base,
                why: "the payload is no multiple of 16 bytes and so not encrypted: leave --key out",
            });
        }
        let candidates = key.candidates();
        let fitting = candidates.iter().find(|key| {
            // The start is enough for every compressed or executable kind; a file system needs its second kilobyte.
            let mut head = self.data.get(..self.data.len().min(4096)).unwrap_or_default().to_vec();
            key.decrypt(&mut head);
            clear(&head)
        });
        let known_type =
            self.opened.im4p_type.is_some_and(|t| matches!(&t, b"krnl" | b"rkrn" | b"dtre" | b"rdtr"));
        let key = match (fitting, candidates.first()) {
            (Some(key), _) => key,
            // Boot loaders are bare code: nothing tells whether the key was right.
            (None, Some(key)) if !known_type => key,
            _ => {
                return Err(Error::WrongKey {
                    layer,
                    offset: self.base,
                    why: "the key does not fit: what it decrypts to is nothing known",
                });
            }
        };
        let mut data = self.data.to_vec();
        key.decrypt(&mut data);
        if let Some(length) = length {
            data.truncate(length);
        }
        self.opened.decrypted = true;
        self.replace(data);
        Ok(())
    }

    fn complzss(&mut self) -> Result<()> {
        let frame = lzss::frame(&self.data, self.base)?;
        self.check_size(Kind::CompLzss, frame.size.into())?;
        let out = lzss::checked(&self.data, &frame, self.base)?;
        self.behind(Kind::CompLzss, frame.stream.end);
        self.layer(
            Kind::CompLzss,
            frame.stream.end,
            format!("{} bytes, adler32 {:#010x}", frame.size, frame.adler32),
        );
        self.replace(out);
        Ok(())
    }

    fn lzfse(&mut self) -> Result<()> {
        let extent = lzfse::extent(&self.data, self.base)?;
        self.check_size(Kind::Lzfse, extent.size)?;
        let limit = (extent.packed as u64).saturating_mul(MAX_RATIO).max(ALWAYS_ALLOWED);
        if extent.size > limit {
            return Err(Error::TooLarge { layer: Kind::Lzfse, offset: self.base, size: extent.size, limit });
        }
        let out = lzfse::decode(&self.data, self.base, extent)?;
        self.behind(Kind::Lzfse, extent.packed);
        self.layer(Kind::Lzfse, extent.packed, format!("{} bytes", extent.size));
        self.replace(out);
        Ok(())
    }

    /// What follows a compressed stream: padding, or the monitor.
    fn behind(&mut self, kind: Kind, end: usize) {
        let rest = self.data.get(end..).unwrap_or_default();
        if rest.iter().all(|b| *b == 0) {
            return;
        }
        if matches!(sniff(rest), Kind::MachO | Kind::MachO32) {
            self.opened.monitor = Some(rest.to_vec());
        } else {
            self.opened.warnings.push(format!("{} bytes follow the {kind} data and are ignored", rest.len()));
        }
    }

    fn fat(&mut self) -> Result<()> {
        let (slice, range) = fat::choose(&self.data, self.base, self.options.arch.as_deref())?;
        let all = fat::slices(&self.data, self.base)?;
        let names: Vec<String> = all.iter().map(fat::Slice::name).collect();
        let detail = format!("slice {} of {}", slice.name(), names.join(", "));
        self.layer(Kind::Fat, self.data.len(), detail);
        self.narrow(range);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
