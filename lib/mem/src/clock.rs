//! Guest time: what the system counter (CNTPCT_EL0) shows.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NANOS: u64 = 1_000_000_000;

/// Where time comes from.
#[derive(Debug)]
enum Source {
    /// The host's monotonic clock, less what was taken away.
    Host(Host),
    /// Executed instructions, `per_tick` of them to a tick.
    Counted { instructions: AtomicU64, per_tick: u64 },
}

/// The host's time, and how much of it the thread that executes guests really had.
#[derive(Debug)]
struct Host {
    start: Instant,
    /// A thread is being followed.
    followed: AtomicBool,
    /// What tells it from others: an address in its own storage.
    thread: AtomicU64,
    /// Nanoseconds from the start, and of the thread's own time, when last compared.
    wall: AtomicU64,
    own: AtomicU64,
    /// Nanoseconds that do not count.
    lost: AtomicU64,
    /// The latest answer: time never goes back.
    shown: AtomicU64,
}

/// How often the thread's own time is looked at, in nanoseconds: the read is a system call.
const LOOK: u64 = 1_000_000;

impl Host {
    fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            start: Instant::now(),
            followed: AtomicBool::new(false),
            thread: zero(),
            wall: zero(),
            own: zero(),
            lost: zero(),
            shown: zero(),
        }
    }

    /// Nanoseconds that the calling thread has run.
    fn own_time() -> u64 {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        (t.tv_sec as u64).wrapping_mul(NANOS).wrapping_add(t.tv_nsec as u64)
    }

    fn this_thread() -> u64 {
        thread_local! { static HERE: u8 = const { 0 } }
        HERE.with(|here| std::ptr::from_ref(here).addr() as u64)
    }

    fn nanos(&self) -> u64 {
        let passed = self.start.elapsed();
        let wall = passed.as_secs().wrapping_mul(NANOS).wrapping_add(passed.subsec_nanos().into());
        if !self.followed.load(Ordering::Relaxed) {
            return wall.saturating_sub(self.lost.load(Ordering::Relaxed));
        }
        if wall.wrapping_sub(self.wall.load(Ordering::Relaxed)) >= LOOK {
            self.compare(wall);
        }
        let now = wall.saturating_sub(self.lost.load(Ordering::Relaxed));
        now.max(self.shown.fetch_max(now, Ordering::Relaxed))
    }

    /// Takes away what the followed thread spent waiting for a processor.
    fn compare(&self, wall: u64) {
        if self.thread.load(Ordering::Relaxed) != Self::this_thread() {
            return;
        }
        let own = Self::own_time();
        let passed = wall.wrapping_sub(self.wall.swap(wall, Ordering::Relaxed));
        let ran = own.wrapping_sub(self.own.swap(own, Ordering::Relaxed));
        // What was shown before the comparison may count time that was taken away: that much is kept.
        let most = wall.saturating_sub(self.shown.load(Ordering::Relaxed));
        let lost = self.lost.load(Ordering::Relaxed);
        let stolen = passed.saturating_sub(ran);
        self.lost.store(lost.saturating_add(stolen).min(most).max(lost), Ordering::Relaxed);
    }
}

/// Guest time in ticks of the system counter, beginning at 0.
///
/// Time may be warped forward (when every CPU waits for a timer, there is no point in waiting) and
/// frozen (while a debugger holds the guest).
#[derive(Debug)]
pub struct Clock {
    frequency: u64,
    source: Source,
    /// Added to the source's ticks, modulo 2^64.
    offset: AtomicU64,
    frozen: AtomicBool,
    frozen_at: AtomicU64,
}

impl Clock {
    fn new(frequency: u64, source: Source) -> Self {
        Self {
            frequency: frequency.max(1),
            source,
            offset: AtomicU64::new(0),
            frozen: AtomicBool::new(false),
            frozen_at: AtomicU64::new(0),
        }
    }

    /// Follows the host's clock; `frequency` in Hz is that of the guest's counter.
    pub fn realtime(frequency: u64) -> Self {
        Self::new(frequency, Source::Host(Host::new()))
    }

    /// Follows the number of executed instructions: runs are repeatable. `per_second` instructions
    /// make one guest second.
    pub fn counted(frequency: u64, per_second: u64) -> Self {
        let per_tick = (per_second / frequency.max(1)).max(1);
        Self::new(frequency, Source::Counted { instructions: AtomicU64::new(0), per_tick })
    }

    /// Ticks in a guest second.
    pub fn frequency(&self) -> u64 {
        self.frequency
    }

    /// Whether time follows counted instructions.
    pub fn is_counted(&self) -> bool {
        matches!(self.source, Source::Counted { .. })
    }

    fn raw(&self) -> u64 {
        match &self.source {
            Source::Host(host) => {
                (u128::from(host.nanos()) * u128::from(self.frequency) / u128::from(NANOS)) as u64
            }
            Source::Counted { instructions, per_tick } => instructions.load(Ordering::Relaxed) / per_tick,
        }
    }

    /// Now, in ticks.
    pub fn now(&self) -> u64 {
        if self.frozen.load(Ordering::Acquire) {
            return self.frozen_at.load(Ordering::Acquire);
        }
        self.raw().wrapping_add(self.offset.load(Ordering::Acquire))
    }

    /// From now on the calling thread executes the guest: time in which the host has it wait for a processor does not
    /// pass for the guest. A counted clock ignores it.
    pub fn follow_thread(&self) {
        if let Source::Host(host) = &self.source {
            let passed = host.start.elapsed();
            let wall = passed.as_secs().wrapping_mul(NANOS).wrapping_add(passed.subsec_nanos().into());
            host.wall.store(wall, Ordering::Relaxed);
            host.shown.fetch_max(wall.saturating_sub(host.lost.load(Ordering::Relaxed)), Ordering::Relaxed);
            host.own.store(Host::own_time(), Ordering::Relaxed);
            host.thread.store(Host::this_thread(), Ordering::Relaxed);
            host.followed.store(true, Ordering::Relaxed);
        }
    }

    /// The thread sleeps or does other things: all of the host's time passes again.
    pub fn follow_host(&self) {
        if let Source::Host(host) = &self.source
            && host.followed.load(Ordering::Relaxed)
        {
            self.now();
            host.followed.store(false, Ordering::Relaxed);
        }
    }

    /// Tells a counted clock that `n` instructions were executed; a realtime one ignores it.
    pub fn count(&self, n: u64) {
        if let Source::Counted { instructions, .. } = &self.source {
            instructions.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Instructions until `deadline` for a counted clock (at least 1), None for a realtime one: an
    /// engine bounds its budget by it so that timers are exact.
    pub fn instructions_until(&self, deadline: u64) -> Option<u64> {
        match &self.source {
            Source::Host(_) => None,
            Source::Counted { per_tick, .. } => {
                Some(deadline.saturating_sub(self.now()).saturating_mul(*per_tick).max(1))
            }
        }
    }

    /// Moves time forward to `deadline`; never backward.
    pub fn warp_to(&self, deadline: u64) {
        let now = self.now();
        if deadline > now {
            if self.frozen.load(Ordering::Acquire) {
                self.frozen_at.store(deadline, Ordering::Release);
            } else {
                self.offset.fetch_add(deadline - now, Ordering::AcqRel);
            }
        }
    }

    /// Stops time.
    pub fn freeze(&self) {
        if !self.frozen.load(Ordering::Acquire) {
            self.frozen_at.store(self.now(), Ordering::Release);
            self.frozen.store(true, Ordering::Release);
        }
    }

    /// Lets time run on from where it was stopped.
    pub fn resume(&self) {
        if self.frozen.load(Ordering::Acquire) {
            let at = self.frozen_at.load(Ordering::Acquire);
            self.offset.store(at.wrapping_sub(self.raw()), Ordering::Release);
            self.frozen.store(false, Ordering::Release);
        }
    }

    /// Host time that `ticks` take when time follows the host.
    pub fn duration(&self, ticks: u64) -> Duration {
        let seconds = ticks / self.frequency;
        let nanos = u128::from(ticks % self.frequency) * u128::from(NANOS) / u128::from(self.frequency);
        Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_time_moves_only_with_instructions() {
        let clock = Clock::counted(24_000_000, 240_000_000);
        assert_eq!(clock.now(), 0);
        clock.count(25);
        assert_eq!(clock.now(), 2);
        assert_eq!(clock.instructions_until(10), Some(80));
        assert_eq!(clock.instructions_until(0), Some(1));
    }

    #[test]
    fn a_warp_goes_forward_only() {
        let clock = Clock::counted(100, 100);
        clock.warp_to(50);
        clock.warp_to(20);
        assert_eq!(clock.now(), 50);
        clock.count(1);
        assert_eq!(clock.now(), 51);
    }

    #[test]
    fn time_stands_still_while_frozen_and_loses_nothing() {
        let clock = Clock::counted(100, 100);
        clock.count(7);
        clock.freeze();
        clock.count(100);
        assert_eq!(clock.now(), 7);
        clock.resume();
        clock.count(1);
        assert_eq!(clock.now(), 8);
    }

    #[test]
    fn time_that_a_followed_thread_does_not_run_does_not_pass() {
        let clock = Clock::realtime(1_000_000_000);
        clock.follow_thread();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(100));
        let after = clock.now();
        assert!(after >= before, "{before} to {after}");
        assert!(after - before < 50_000_000, "{} ns of a sleep passed", after - before);
        let mut last = after;
        for _ in 0..100_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
        clock.follow_host();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        assert!(clock.now() - before >= 20_000_000, "a sleep that is the guest's own passes");
    }

    #[test]
    fn realtime_ticks_convert_to_host_time() {
        let clock = Clock::realtime(24_000_000);
        assert_eq!(clock.duration(36_000_000), Duration::from_millis(1500));
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() - before >= 48_000);
    }
}
