//! TLB invalidations for other CPUs: one mailbox each.
//!
//! The sender posts, the receiver looks before it runs on. While CPUs take turns on one host thread that is exact; with a
//! thread each, DSB will have to wait until mailboxes are empty.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::tlb::Invalidate;

/// Requests kept for one CPU; beyond that it flushes everything.
const KEPT: usize = 64;

/// The mailboxes of a machine's CPUs.
#[derive(Debug)]
pub struct Shootdown {
    boxes: Vec<(AtomicBool, Mutex<Vec<Invalidate>>)>,
}

impl Shootdown {
    /// Mailboxes for `cpus` CPUs.
    pub fn new(cpus: usize) -> Shootdown {
        Shootdown { boxes: (0..cpus).map(|_| Default::default()).collect() }
    }

    /// Posts to every CPU but `from`.
    pub fn post(&self, from: usize, what: Invalidate) {
        for (index, (flag, requests)) in self.boxes.iter().enumerate() {
            if index == from {
                continue;
            }
            let mut requests = requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if requests.len() >= KEPT {
                requests.clear();
                requests.push(Invalidate::All);
            } else if requests.last() != Some(&what) {
                requests.push(what);
            }
            flag.store(true, Ordering::Release);
        }
    }

    /// What was posted to CPU `to`.
    pub fn take(&self, to: usize) -> Vec<Invalidate> {
        let Some((flag, requests)) = self.boxes.get(to) else { return Vec::new() };
        if !flag.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        std::mem::take(&mut *requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_but_the_sender_gets_a_request_once() {
        let s = Shootdown::new(3);
        s.post(1, Invalidate::All);
        assert_eq!(s.take(0), [Invalidate::All]);
        assert!(s.take(0).is_empty() && s.take(1).is_empty());
        assert_eq!(s.take(2).len(), 1);
    }

    #[test]
    fn a_flood_becomes_one_full_flush() {
        let s = Shootdown::new(2);
        for asid in 0..1000 {
            s.post(0, Invalidate::Asid(crate::mmu::walk::Regime::El10, asid));
        }
        let got = s.take(1);
        assert!(got.len() <= KEPT && got.contains(&Invalidate::All));
    }
}
