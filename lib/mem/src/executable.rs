//! Host memory for generated code: one memfd mapped twice, once to write and once to execute, so that no page is ever both.

use std::ptr::NonNull;

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::Error;

/// A piece of memory with a writable and an executable view. Both are unmapped on drop.
#[derive(Debug)]
pub struct Executable {
    write: NonNull<u8>,
    execute: NonNull<u8>,
    len: usize,
}

// SAFETY: the mappings are owned by this value and stay where they are until it is dropped.
unsafe impl Send for Executable {}

fn host(errno: rustix::io::Errno) -> Error {
    Error::Host { what: "memory for generated code", source: errno.into() }
}

impl Executable {
    /// Maps `len` bytes (rounded up to pages) of zeros twice.
    pub fn new(len: usize) -> Result<Self, Error> {
        let len = len.max(1).next_multiple_of(4096);
        let fd = memfd_create("generated-code", MemfdFlags::CLOEXEC).map_err(host)?;
        ftruncate(&fd, len as u64).map_err(host)?;
        let map = |protection| {
            // SAFETY: no address is asked for, so no existing mapping is replaced.
            unsafe {
                mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED | MapFlags::NORESERVE, &fd, 0)
            }
            .map_err(host)
            .and_then(|p| NonNull::new(p.cast::<u8>()).ok_or(host(rustix::io::Errno::NOMEM)))
        };
        let write = map(ProtFlags::READ | ProtFlags::WRITE)?;
        match map(ProtFlags::READ | ProtFlags::EXEC) {
            Ok(execute) => Ok(Self { write, execute, len }),
            Err(e) => {
                // SAFETY: just mapped with this length, and not yet known to anybody.
                let _ = unsafe { munmap(write.as_ptr().cast(), len) };
                Err(e)
            }
        }
    }

    /// Bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Always false.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the executable view begins.
    pub fn address(&self) -> usize {
        self.execute.as_ptr() as usize
    }

    /// Copies `bytes` to `at`, through the writable view; false when they do not fit.
    pub fn write(&mut self, at: usize, bytes: &[u8]) -> bool {
        if at.checked_add(bytes.len()).is_none_or(|end| end > self.len) {
            return false;
        }
        // SAFETY: the range was checked to lie in the mapping; nothing borrows it.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.write.as_ptr().add(at), bytes.len()) };
        true
    }
}

impl Drop for Executable {
    fn drop(&mut self) {
        // SAFETY: both mappings are ours, with this length; whoever runs code in them keeps this value alive.
        let _ = unsafe {
            (munmap(self.write.as_ptr().cast(), self.len), munmap(self.execute.as_ptr().cast(), self.len))
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_seen_by_the_executable_view_and_nothing_outside_is() {
        let mut code = Executable::new(5000).unwrap();
        assert_eq!(code.len(), 8192);
        assert!(code.write(8190, &[1, 2]) && !code.write(8191, &[1, 2]) && !code.write(usize::MAX, &[1]));
        // SAFETY: inside the mapping.
        assert_eq!(unsafe { *((code.address() + 8191) as *const u8) }, 2);
    }
}
