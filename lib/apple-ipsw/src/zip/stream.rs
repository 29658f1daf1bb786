//! An archive that comes through a pipe: members are taken as they come, by their local headers, and those that may
//! be wanted are kept, still packed, in a spool file that then serves as the archive.
//!
//! A deflated member whose sizes follow it (data descriptor) ends where its deflate stream ends; a stored one of that
//! kind has no end that can be told, and is refused with the remedy.

use super::{
    DESCRIPTOR, END_LEN, Entry, FLAG_DESCRIPTOR, FLAG_ENCRYPTED, LOCAL, LOCAL_LEN, Method, Record, Sizes,
    check_sizes, end_record, safe_name,
};
use crate::{Error, Result};
use flate2::{Decompress, FlushDecompress, Status};
use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Read, Write};

/// Reads member after member.
pub(crate) struct Stream<R> {
    input: BufReader<R>,
    /// Bytes of the archive read so far.
    at: u64,
    names: HashSet<String>,
}

/// A local header with all its bytes.
struct Local {
    raw: Vec<u8>,
    entry: Entry,
    descriptor: bool,
    zip64: bool,
}

impl<R: Read> Stream<R> {
    pub fn new(input: R) -> Self {
        Stream { input: BufReader::with_capacity(256 << 10, input), at: 0, names: HashSet::new() }
    }

    /// Takes the next member: `keep` is asked (packed size `None`: not known yet), and if it says yes the member goes
    /// to `spool`, which is at `place`. Gives the entry and whether it was kept; `None` after the last member.
    pub fn next(
        &mut self,
        keep: &mut dyn FnMut(&str, Option<u64>) -> bool,
        spool: &mut dyn Write,
        place: u64,
    ) -> Result<Option<(Entry, bool, u64)>> {
        let Some(mut local) = self.local()? else { return Ok(None) };
        let entry = &mut local.entry;
        if !self.names.insert(entry.name.clone()) {
            return Err(Error::DuplicateName(entry.name.clone()));
        }
        let known = !local.descriptor;
        let kept = keep(&entry.name, known.then_some(entry.packed_size));
        let mut sink = io::sink();
        let out: &mut dyn Write = if kept { spool } else { &mut sink };
        out.write_all(&local.raw).map_err(spool_error)?;
        if known {
            check_sizes(entry)?;
            let mut packed = self.input.by_ref().take(entry.packed_size);
            let n = copy(&mut packed, out)?;
            self.at = self.at.saturating_add(n);
            if n < entry.packed_size {
                return Err(cut_off(self.at));
            }
        } else {
            self.until_descriptor(entry, local.zip64, out)?;
        }
        let mut entry = local.entry;
        entry.offset = place;
        let written = (local.raw.len() as u64).saturating_add(entry.packed_size);
        Ok(Some((entry, kept, written)))
    }

    /// Reads the directory to its end. Nothing of it is needed, but without its end record the archive is cut off, and
    /// the user should know.
    pub fn drain(mut self) -> Result<()> {
        let mut tail: Vec<u8> = Vec::new();
        let mut buffer = vec![0; 256 << 10];
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
                what: "the archive ends here, before the end of its directory",
            });
        }
        Ok(())
    }

    /// The next local header; `None` where the directory starts.
    fn local(&mut self) -> Result<Option<Local>> {
        let offset = self.at;
        let mut raw = vec![0; LOCAL_LEN as usize];
        let signature = raw.get_mut(..4).unwrap_or_default();
        self.fill(signature)?;
        match Record(&raw).u32(0) {
            Some(LOCAL) => {}
            Some(_) if offset == 0 => return Err(Error::NotZip { started: false }),
            // Anything else is the directory or what may precede it; members end there.
            _ => return Ok(None),
        }
        let rest = raw.get_mut(4..).unwrap_or_default();
        self.fill(rest)?;
        let r = Record(&raw);
        let half = |at| usize::from(r.u16(at).unwrap_or(0));
        let (flags, method, name_len, extra_len) = (half(6), r.u16(8).unwrap_or(0), half(26), half(28));
        let word = |at| r.u32(at).unwrap_or(0);
        let mut sizes = Sizes { size: word(22).into(), packed: word(18).into(), offset: None, zip64: false };
        let (crc32, dos_time) = (word(14), word(10));
        raw.resize(LOCAL_LEN as usize + name_len + extra_len, 0);
        let variable = raw.get_mut(LOCAL_LEN as usize..).unwrap_or_default();
        self.fill(variable)?;
        let (name, extra) = variable.split_at_checked(name_len).unwrap_or_default();
        let name = safe_name(name, offset)?;
        sizes.widen(extra).ok_or_else(|| Error::Member {
            name: name.clone(),
            offset,
            what: "its zip64 field is cut off".into(),
        })?;
        let has = |bit: u16| flags & usize::from(bit) != 0;
        let entry = Entry {
            name,
            size: sizes.size,
            crc32: Some(crc32),
            packed_size: sizes.packed,
            method: Method::from_number(method),
            dos_time,
            // Only the directory knows.
            is_symlink: false,
            encrypted: has(FLAG_ENCRYPTED),
            offset,
        };
        Ok(Some(Local { raw, entry, descriptor: has(FLAG_DESCRIPTOR), zip64: sizes.zip64 }))
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
            io::ErrorKind::UnexpectedEof if self.at == 0 => Error::NotZip { started: false },
            io::ErrorKind::UnexpectedEof => cut_off(self.at),
            _ => Error::io("the pipe", e),
        })?;
        self.at = self.at.saturating_add(buf.len() as u64);
        Ok(())
    }
}

fn cut_off(offset: u64) -> Error {
    Error::Zip { offset, what: "the archive ends here, before its directory" }
}

fn spool_error(e: io::Error) -> Error {
    Error::io("temporary file", e)
}

/// Copies, telling apart which side failed.
fn copy(from: &mut dyn Read, to: &mut dyn Write) -> Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0u64;
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(Error::io("the pipe", e)),
        };
        to.write_all(buffer.get(..n).unwrap_or_default()).map_err(spool_error)?;
        total = total.saturating_add(n as u64);
    }
}
