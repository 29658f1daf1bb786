//! The host side of RAM: one memfd, mapped once.
//!
//! All `unsafe` calls to the host's memory management are here.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;

/// Granule of host mappings; file parts at other alignments are copied instead.
pub(crate) const HOST_PAGE: u64 = 4096;

/// A shared, readable and writable mapping of a whole memfd; unmapped on drop.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
    fd: OwnedFd,
}

// SAFETY: the mapping is plain memory owned by this value; `start` stays valid on every thread until
// drop, and what is done through it is the caller's (memory.rs's) business.
unsafe impl Send for Mapping {}
// SAFETY: as above; no method here reads or writes the mapped bytes.
unsafe impl Sync for Mapping {}

fn host(what: &'static str) -> impl Fn(rustix::io::Errno) -> Error {
    move |errno| Error::Host { what, source: errno.into() }
}

/// An empty file without a name, in the host's memory: for parts that came through a pipe or out of a decompressor
/// and shall be mapped like files.
pub fn memory_file() -> std::io::Result<File> {
    Ok(memfd_create("part", MemfdFlags::CLOEXEC)?.into())
}

impl Mapping {
    /// Maps `len` zero bytes; the host supplies pages when they are touched.
    pub(crate) fn new(len: u64) -> Result<Self, Error> {
        let size = usize::try_from(len)
            .map_err(|_| Error::Host { what: "guest RAM", source: std::io::ErrorKind::OutOfMemory.into() })?;
        let fd = memfd_create("guest-ram", MemfdFlags::CLOEXEC).map_err(host("guest RAM: memfd"))?;
        ftruncate(&fd, len).map_err(host("guest RAM: size"))?;
        // SAFETY: no address is asked for, so no existing mapping is replaced.
        let start = unsafe {
            mmap(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED | MapFlags::NORESERVE,
                &fd,
                0,
            )
        }
        .map_err(host("guest RAM: map"))?;
        let start = NonNull::new(start.cast::<u8>())
            .ok_or(Error::Host { what: "guest RAM: map", source: std::io::ErrorKind::OutOfMemory.into() })?;
        Ok(Self { start, len: size, fd })
    }

    /// First byte.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// The memfd behind it, for engines that map a second view.
    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Replaces `len` bytes at `at` by a private copy-on-write view of `file` from `offset`.
    /// All three must be multiples of [`HOST_PAGE`]; a range outside the mapping is refused.
    pub(crate) fn overlay(&self, at: usize, file: &File, offset: u64, len: usize) -> Result<(), Error> {
        let inside = at.checked_add(len).is_some_and(|end| end <= self.len);
        let page = HOST_PAGE as usize;
        if !inside
            || len == 0
            || !at.is_multiple_of(page)
            || !len.is_multiple_of(page)
            || !offset.is_multiple_of(HOST_PAGE)
        {
            return Err(Error::NotRam { pa: at as u64, len: len as u64 });
        }
        // SAFETY: the range was just checked to lie inside our own mapping, which nothing borrows as a
        // Rust reference; the replacement has the same protection, so every pointer stays usable.
        unsafe {
            mmap(
                self.start.as_ptr().add(at).cast(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
                file.as_fd(),
                offset,
            )
        }
        .map(|_| ())
        .map_err(host("file part: map into guest RAM"))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: start and len are what mmap gave in `new`; the value is going away, and pointers
        // handed out by `Memory::host` are documented not to outlive the `Memory`.
        // A failure leaves the pages mapped, which harms nobody.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}
