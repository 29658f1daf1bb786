//! Arm's PL031 real-time clock (DDI 0224): seconds, with an alarm.
//!
//! Counts from a fixed start with guest time, so that runs are repeatable.

use std::sync::Arc;

use mem::{Access, Clock, Device, Line};

use crate::registers::{Stray, is_word};

/// Seconds now.
pub const RTCDR: u64 = 0x00;
/// Alarm time.
pub const RTCMR: u64 = 0x04;
/// Sets the time.
pub const RTCLR: u64 = 0x08;
/// Control: always on.
pub const RTCCR: u64 = 0x0c;
/// Alarm enable.
pub const RTCIMSC: u64 = 0x10;
/// Alarm, raw.
pub const RTCRIS: u64 = 0x14;
/// Alarm, masked.
pub const RTCMIS: u64 = 0x18;
/// Clears the alarm.
pub const RTCICR: u64 = 0x1c;

const IDS: [u8; 8] = [0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The clock. Its alarm is looked at when the guest accesses it.
#[derive(Debug)]
pub struct Pl031 {
    clock: Arc<Clock>,
    line: Line,
    /// Seconds when guest time was 0.
    start: u32,
    offset: u32,
    alarm: u32,
    enabled: bool,
    cleared: bool,
    stray: Stray,
}

impl Pl031 {
    /// Shows `start` (seconds since 1970) when `clock` is 0.
    pub fn new(start: u32, clock: Arc<Clock>, line: Line) -> Self {
        Self {
            clock,
            line,
            start,
            offset: start,
            alarm: 0,
            enabled: false,
            cleared: true,
            stray: Stray::default(),
        }
    }

    fn now(&self) -> u32 {
        self.offset.wrapping_add((self.clock.now() / self.clock.frequency()) as u32)
    }

    fn raised(&self) -> bool {
        !self.cleared && self.now() >= self.alarm
    }
}

impl Device for Pl031 {
    fn name(&self) -> &str {
        "pl031"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        self.line.set(self.enabled && self.raised());
        match offset {
            _ if !is_word(offset, a) => self.stray.note(),
            RTCDR => self.now().into(),
            RTCMR => self.alarm.into(),
            RTCLR => self.offset.into(),
            RTCCR => 1,
            RTCIMSC => self.enabled.into(),
            RTCRIS => self.raised().into(),
            RTCMIS => (self.enabled && self.raised()).into(),
            0xfe0..0x1000 => IDS.get((offset - 0xfe0) as usize / 4).copied().unwrap_or(0).into(),
            _ => self.stray.note(),
        }
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        let value = value as u32;
        match offset {
            _ if !is_word(offset, a) => {
                self.stray.note();
            }
            RTCMR => (self.alarm, self.cleared) = (value, false),
            RTCLR => self.offset = self.offset.wrapping_add(value.wrapping_sub(self.now())),
            RTCCR => {}
            RTCIMSC => self.enabled = value & 1 != 0,
            RTCICR => self.cleared |= value & 1 != 0,
            _ => {
                self.stray.note();
            }
        }
        self.line.set(self.enabled && self.raised());
    }

    fn reset(&mut self) {
        *self = Self::new(self.start, Arc::clone(&self.clock), self.line.clone());
        self.line.set(false);
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{B, W, Wires};

    #[test]
    fn seconds_pass_with_guest_time_and_the_alarm_rings() {
        let (clock, wires) = (Arc::new(Clock::counted(100, 100)), Wires::new());
        let mut r = Pl031::new(1000, clock.clone(), wires.line(0));
        clock.count(250);
        assert_eq!(r.read(RTCDR, W), 1002);
        r.write(RTCMR, 1003, W);
        r.write(RTCIMSC, 1, W);
        assert_eq!(wires.get(), 0);
        clock.count(50);
        assert_eq!((r.read(RTCMIS, W), wires.get()), (1, 1));
        r.write(RTCICR, 1, W);
        assert_eq!((r.read(RTCRIS, W), wires.get()), (0, 0));
        r.write(RTCLR, 5, W);
        assert_eq!(r.read(RTCDR, W), 5);
        r.read(RTCDR, B);
        assert_eq!(r.stray(), 1);
    }
}
