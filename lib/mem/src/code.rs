//! Which pages of RAM hold translated code, and who wrote to them.
//!
//! An engine that translates or caches decoded instructions *marks* the lines of 64 bytes it read them from.
//! Whoever then writes to a marked line (a CPU's slow path, a device, a loader) unmarks the line's page, and the
//! page goes into a short log that every engine follows with a cursor of its own. Writes to other lines of a marked page
//! change nothing, so data beside code costs a slow store and no more.
//! The fast path of stores stays free of all this: a soft TLB holds no write entry for a marked page.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Granule of the bookkeeping: 4 KiB, the smallest guest page.
pub const CODE_PAGE: u64 = 4096;

/// What is marked in a page: as many bytes as make a page of 64 lines.
const LINE: u64 = CODE_PAGE / 64;

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

/// A bit for each line of RAM, a word for each page, plus the log.
#[derive(Debug)]
pub(crate) struct CodeMap {
    pages: Box<[AtomicU64]>,
    /// Number of log entries ever made: the cursor of a reader that has seen all.
    written: AtomicU64,
    /// Number of pages ever newly marked.
    marked: AtomicU64,
    log: Mutex<VecDeque<u64>>,
}

impl CodeMap {
    /// For `len` bytes of RAM, counted from the first region's first byte.
    pub(crate) fn new(len: u64) -> Self {
        Self {
            pages: (0..len.div_ceil(CODE_PAGE)).map(|_| AtomicU64::new(0)).collect(),
            written: AtomicU64::new(0),
            marked: AtomicU64::new(0),
            log: Mutex::new(VecDeque::new()),
        }
    }

    fn page(&self, at: u64) -> Option<&AtomicU64> {
        self.pages.get(usize::try_from(at / CODE_PAGE).ok()?)
    }

    /// The lines of `[at, at + len)` in the page of `at`; `len` is at least 1.
    fn lines(at: u64, len: u64) -> u64 {
        let offset = at % CODE_PAGE;
        let (first, last) = (offset / LINE, (offset.saturating_add(len - 1)).min(CODE_PAGE - 1) / LINE);
        u64::MAX >> (63 - last) & u64::MAX << first
    }

    /// Marks the lines of `[at, at + len)`, which lie in one page; true when none of that page was marked before.
    pub(crate) fn mark(&self, at: u64, len: u64) -> bool {
        let Some(page) = self.page(at) else { return false };
        let new = page.fetch_or(Self::lines(at, len.max(1)), Ordering::AcqRel) == 0;
        if new {
            self.marked.fetch_add(1, Ordering::AcqRel);
        }
        new
    }

    /// Whether anything is marked in the page at byte `at`.
    pub(crate) fn is_marked(&self, at: u64) -> bool {
        self.page(at).is_some_and(|page| page.load(Ordering::Acquire) != 0)
    }

    /// Notes a write of `len` bytes at `at`; `pa` is the same place as the guest names it. True when something marked was hit.
    pub(crate) fn note_write(&self, at: u64, pa: u64, len: u64) -> bool {
        if len == 0 {
            return false;
        }
        let first = at / CODE_PAGE;
        let last = at.saturating_add(len - 1) / CODE_PAGE;
        let mut hit = false;
        for number in first..=last {
            let start = at.max(number * CODE_PAGE);
            let Some(page) = self.page(start) else { return hit };
            let marked = page.load(Ordering::Acquire);
            if marked == 0 || marked & Self::lines(start, at.saturating_add(len) - start) == 0 {
                continue;
            }
            page.swap(0, Ordering::AcqRel);
            let page_pa = (pa & !(CODE_PAGE - 1)) + (number - first) * CODE_PAGE;
            let mut log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if log.len() == LOG {
                log.pop_front();
            }
            log.push_back(page_pa);
            // Inside the lock, so that the count and the log agree for `since`.
            self.written.fetch_add(1, Ordering::AcqRel);
            hit = true;
        }
        hit
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
