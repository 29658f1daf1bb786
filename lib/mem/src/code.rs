//! Which pages of RAM hold translated code, and who wrote to them.
//!
//! An engine that translates or caches decoded instructions *marks* the page it read them from.
//! Whoever then writes to a marked page (a CPU's slow path, a device, a loader) unmarks it, and the
//! page goes into a short log that every engine follows with a cursor of its own.
//! The fast path of stores stays free of all this: a soft TLB holds no write entry for a marked page.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Granule of the bookkeeping: 4 KiB, the smallest guest page.
pub const CODE_PAGE: u64 = 4096;

/// Entries kept; an engine that falls further behind is told to drop everything.
const LOG: usize = 4096;

/// What was overwritten since an engine last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeWrites {
    /// These pages (their first physical byte), oldest first, possibly none, possibly repeated.
    Pages(Vec<u64>),
    /// More than the log holds: drop all translations.
    All,
}

/// One bit per page of RAM, plus the log.
#[derive(Debug)]
pub(crate) struct CodeMap {
    bits: Box<[AtomicU64]>,
    /// Number of log entries ever made: the cursor of a reader that has seen all.
    written: AtomicU64,
    /// Number of pages ever newly marked.
    marked: AtomicU64,
    log: Mutex<VecDeque<u64>>,
}

impl CodeMap {
    /// For `len` bytes of RAM, counted from the first region's first byte.
    pub(crate) fn new(len: u64) -> Self {
        let words = len.div_ceil(CODE_PAGE * 64);
        Self {
            bits: (0..words).map(|_| AtomicU64::new(0)).collect(),
            written: AtomicU64::new(0),
            marked: AtomicU64::new(0),
            log: Mutex::new(VecDeque::new()),
        }
    }

    fn word(&self, at: u64) -> Option<(&AtomicU64, u64)> {
        let page = at / CODE_PAGE;
        let word = usize::try_from(page / 64).ok()?;
        Some((self.bits.get(word)?, 1 << (page % 64)))
    }

    /// Marks the page at byte `at` of RAM; true when it was not marked before.
    pub(crate) fn mark(&self, at: u64) -> bool {
        let Some((word, bit)) = self.word(at) else { return false };
        let new = word.fetch_or(bit, Ordering::AcqRel) & bit == 0;
        if new {
            self.marked.fetch_add(1, Ordering::AcqRel);
        }
        new
    }

    /// Whether the page at byte `at` is marked.
    pub(crate) fn is_marked(&self, at: u64) -> bool {
        self.word(at).is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Notes a write of `len` bytes at `at`; `pa` is the same place as the guest names it.
    pub(crate) fn note_write(&self, at: u64, pa: u64, len: u64) {
        if len == 0 {
            return;
        }
        let first = at / CODE_PAGE;
        let last = at.saturating_add(len - 1) / CODE_PAGE;
        for page in first..=last {
            let Some((word, bit)) = self.word(page * CODE_PAGE) else { return };
            if word.load(Ordering::Acquire) & bit == 0 {
                continue;
            }
            word.fetch_and(!bit, Ordering::AcqRel);
            let page_pa = (pa & !(CODE_PAGE - 1)) + (page - first) * CODE_PAGE;
            let mut log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if log.len() == LOG {
                log.pop_front();
            }
            log.push_back(page_pa);
            // Inside the lock, so that the count and the log agree for `since`.
            self.written.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    pub(crate) fn marked(&self) -> u64 {
        self.marked.load(Ordering::Acquire)
    }

    pub(crate) fn since(&self, cursor: &mut u64) -> CodeWrites {
        let log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let end = self.written.load(Ordering::Acquire);
        let missed = end.saturating_sub(*cursor);
        *cursor = end;
        match usize::try_from(missed) {
            Ok(n) if n <= log.len() => CodeWrites::Pages(log.iter().skip(log.len() - n).copied().collect()),
            _ => CodeWrites::All,
        }
    }
}
