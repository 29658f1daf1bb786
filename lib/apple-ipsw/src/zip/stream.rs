//! An archive that comes through a pipe: members are taken as they come, by their local headers, which the `zip` crate
//! reads, and those that may be wanted are kept, still packed, in a spool file that then serves as the archive.
//!
//! A deflated member whose sizes follow it (data descriptor) ends where its deflate stream ends, which the crate cannot
//! find, so it is found here; a stored one of that kind has no end that can be told, and is refused with the remedy.

use super::{END_LEN, Entry, Method, check_sizes, dos_time, end_record, safe_name, zip_error};
use crate::{Error, Result};
use ::zip::read::{ZipFile, read_zipfile_from_stream_with_options};
use ::zip::{ExtraField, ZipReadOptions};
use flate2::{Decompress, FlushDecompress, Status};
use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

/// What may stand before a descriptor: `PK\7\8`.
const DESCRIPTOR: u32 = 0x0807_4b50;
/// Pieces in which the pipe is read and the spool is written.
const PIECE: usize = 256 << 10;

/// Reads member after member.
pub(crate) struct Stream<R> {
    input: BufReader<R>,
    /// Bytes of the archive read so far.
    at: u64,
    names: HashSet<String>,
    /// The signature after the last member.
    rest: Vec<u8>,
}

/// The pipe as the crate reads it: its bytes are counted, and go elsewhere too.
struct Tee<'t, 'a, R> {
    input: &'t mut R,
    taken: &'t RefCell<Taken<'a>>,
}

struct Taken<'a> {
    at: u64,
    /// The local header, until `to` is known.
    header: Vec<u8>,
    to: Option<&'a mut dyn Write>,
    /// Whether the pipe has come to its end.
    ended: bool,
    /// The crate passes over a member's bytes without telling errors.
    error: Option<Error>,
}

impl<R: Read> Read for Tee<'_, '_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut taken = self.taken.borrow_mut();
        let n = match self.input.read(buf) {
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
            Err(e) => {
                taken.error = Some(Error::io("the pipe", e));
                return Err(io::ErrorKind::Other.into());
            }
        };
        let bytes = buf.get(..n).unwrap_or_default();
        taken.at = taken.at.saturating_add(n as u64);
        taken.ended |= n == 0 && !buf.is_empty();
        let written = match &mut taken.to {
            Some(to) => to.write_all(bytes),
            None => {
                taken.header.extend_from_slice(bytes);
                Ok(())
            }
        };
        if let Err(e) = written {
            taken.error = Some(spool_error(e));
            return Err(io::ErrorKind::Other.into());
        }
        Ok(n)
    }
}

impl<R: Read> Stream<R> {
    pub fn new(input: R) -> Self {
        let input = BufReader::with_capacity(PIECE, input);
        Stream { input, at: 0, names: HashSet::new(), rest: Vec::new() }
    }

    /// Takes the next member: `keep` is asked (packed size `None`: not known yet), and if it says yes the member goes
    /// to `spool`, which is at `place`. Gives the entry and whether it was kept; `None` after the last member.
    pub fn next(
        &mut self,
        keep: &mut dyn FnMut(&str, Option<u64>) -> bool,
        spool: &mut dyn Write,
        place: u64,
    ) -> Result<Option<(Entry, bool, u64)>> {
        let offset = self.at;
        let mut sink = io::sink();
        let mut spool = BufWriter::with_capacity(PIECE, spool);
        let taken =
            RefCell::new(Taken { at: offset, header: Vec::new(), to: None, ended: false, error: None });
        let mut tee = Tee { input: &mut self.input, taken: &taken };
        // The crate refuses what is encrypted or has a descriptor; of the latter it takes the header alone this way.
        let options = ZipReadOptions::new().ignore_encryption_flag(true).override_compressed_size(0);
        let file = match read_zipfile_from_stream_with_options(&mut tee, options) {
            Ok(Some(file)) => file,
            Ok(None) => {
                let mut taken = taken.borrow_mut();
                (self.at, self.rest) = (taken.at, std::mem::take(&mut taken.header));
                return Ok(None);
            }
            Err(e) => return Err(taken.borrow_mut().wrong_header(e, offset)),
        };
        let mut entry = from_local(&file, offset)?;
        if !self.names.insert(entry.name.clone()) {
            return Err(Error::DuplicateName(entry.name));
        }
        let known = !file.flags().is_using_data_descriptor();
        let zip64 = file.extra_data_fields().any(|f| matches!(f, ExtraField::Zip64ExtendedInformation(_)));
        if known {
            check_sizes(&entry)?;
        }
        let kept = keep(&entry.name, known.then_some(entry.packed_size));
        let header_len = {
            let out: &mut dyn Write = if kept { &mut spool } else { &mut sink };
            let mut taken = taken.borrow_mut();
            out.write_all(&taken.header).map_err(spool_error)?;
            taken.to = Some(out);
            taken.header.len() as u64
        };
        // Dropping it reads on to the end of its packed bytes.
        drop(file);
        let taken = taken.into_inner();
        self.at = taken.at;
        if let Some(e) = taken.error {
            return Err(e);
        }
        if known {
            if self.at.saturating_sub(offset) < header_len.saturating_add(entry.packed_size) {
                return Err(cut_off(self.at));
            }
        } else if let Some(out) = taken.to {
            self.until_descriptor(&mut entry, zip64, out)?;
        }
        spool.flush().map_err(spool_error)?;
        entry.offset = place;
        let written = header_len.saturating_add(entry.packed_size);
        Ok(Some((entry, kept, written)))
    }

    /// Reads the directory to its end. Nothing of it is needed, but without its end record the archive is cut off, and
    /// the user should know.
    pub fn drain(mut self) -> Result<()> {
        let mut tail = std::mem::take(&mut self.rest);
        let mut buffer = vec![0; PIECE];
        loop {
            let n = match self.input.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(Error::io("the pipe", e)),
            };
            self.at = self.at.saturating_add(n as u64);
            tail.extend_from_slice(buffer.get(..n).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(END_LEN + usize::from(u16::MAX)));
        }
        if end_record(&tail).is_none() {
            return Err(Error::Zip {
                offset: self.at,
                what: "the archive ends here, before the end of its directory".into(),
            });
        }
        Ok(())
    }

    /// Copies a deflated member of unknown size, and fills in what its descriptor and its bytes say.
    fn until_descriptor(&mut self, entry: &mut Entry, zip64: bool, out: &mut dyn Write) -> Result<()> {
        if entry.method != Method::Deflate || entry.encrypted {
            return Err(Error::UnsupportedMember {
                name: entry.name.clone(),
                what: "its size is only in the directory at the end, which a pipe has not shown yet: name the file \
                       instead of a pipe"
                    .into(),
            });
        }
        let mut inflate = Decompress::new(false);
        let mut crc = crc32fast::Hasher::new();
        let mut scratch = vec![0; 64 << 10];
        loop {
            let input = self.input.fill_buf().map_err(|e| Error::io("the pipe", e))?;
            if input.is_empty() {
                return Err(cut_off(self.at));
            }
            let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
            let status = inflate
                .decompress(input, &mut scratch, FlushDecompress::None)
                .map_err(|e| entry.damaged(format!("its deflated bytes are damaged ({e})")))?;
            let used = usize::try_from(inflate.total_in() - before_in).unwrap_or(0);
            let made = usize::try_from(inflate.total_out() - before_out).unwrap_or(0);
            crc.update(scratch.get(..made).unwrap_or_default());
            out.write_all(input.get(..used).unwrap_or_default()).map_err(spool_error)?;
            self.input.consume(used);
            self.at = self.at.saturating_add(used as u64);
            if status == Status::StreamEnd {
                break;
            }
            if used == 0 && made == 0 {
                return Err(entry.damaged("its deflated bytes are damaged (no end)"));
            }
        }
        let crc = crc.finalize();
        (entry.packed_size, entry.size, entry.crc32) = (inflate.total_in(), inflate.total_out(), Some(crc));
        self.descriptor(entry, crc, zip64)
    }

    /// The descriptor: an optional signature, CRC-32, and both sizes in 32 or 64 bits, whichever fits.
    fn descriptor(&mut self, entry: &Entry, crc: u32, zip64: bool) -> Result<()> {
        let mut first = self.word()?;
        if first == DESCRIPTOR && crc != DESCRIPTOR {
            first = self.word()?;
        }
        let (packed, size) = (entry.packed_size.to_le_bytes(), entry.size.to_le_bytes());
        let mut sizes = [self.word()?, self.word()?].map(u32::to_le_bytes).concat();
        let narrow = [&packed[..4], &size[..4]].concat();
        if zip64 || sizes != narrow {
            sizes.extend([self.word()?, self.word()?].map(u32::to_le_bytes).concat());
            if sizes != [packed, size].concat() {
                return Err(entry.damaged("the sizes that follow it are not its own"));
            }
        }
        if first != crc {
            return Err(entry.damaged(format!("CRC-32 is {crc:08x}, should be {first:08x}")));
        }
        Ok(())
    }

    fn word(&mut self) -> Result<u32> {
        let mut b = [0; 4];
        self.fill(&mut b)?;
        Ok(u32::from_le_bytes(b))
    }

    fn fill(&mut self, buf: &mut [u8]) -> Result<()> {
        self.input.read_exact(buf).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => cut_off(self.at),
            _ => Error::io("the pipe", e),
        })?;
        self.at = self.at.saturating_add(buf.len() as u64);
        Ok(())
    }
}

impl Taken<'_> {
    /// What is wrong with a member's header, or with what stands in the place of one.
    fn wrong_header(&mut self, error: ::zip::result::ZipError, offset: u64) -> Error {
        if let Some(e) = self.error.take() {
            return e;
        }
        match self.header.len() {
            0..=4 if offset == 0 => Error::NotZip { started: false },
            _ if self.ended => cut_off(self.at),
            _ => zip_error(error, offset),
        }
    }
}

/// What a local header says of a member.
fn from_local<R: Read>(file: &ZipFile<'_, R>, offset: u64) -> Result<Entry> {
    Ok(Entry {
        name: safe_name(file.name_raw(), offset)?,
        size: file.size(),
        crc32: Some(file.crc32()),
        packed_size: file.compressed_size(),
        method: Method::of(file.compression()),
        dos_time: dos_time(file.last_modified()),
        // Only the directory knows.
        is_symlink: false,
        encrypted: file.encrypted(),
        offset,
        limit: 0,
    })
}

fn cut_off(offset: u64) -> Error {
    Error::Zip { offset, what: "the archive ends here, before its directory".into() }
}

fn spool_error(e: io::Error) -> Error {
    Error::io("temporary file", e)
}
