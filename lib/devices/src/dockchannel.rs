//! The DockChannel UART of A10 and later: a byte pipe to a debug probe, here to the host's console.
//!
//! Only the device block that XNU polls (pexpert/arm/pe_serial.c, T8010.h) and the agent's interrupt
//! control as storage; no channels besides the first.

use mem::{Access, Device};

use crate::registers::Stray;
use crate::serial::{Outbox, ReceiveQueue, Serial};

/// Device block: write one byte.
pub const TX_BYTE: u64 = 0x4004;
/// Device block: free places of the transmit queue.
pub const TX_FREE: u64 = 0x4014;
/// Device block: received byte in bits 15:8, bits 7:0 say how many there are.
pub const RX_BYTE: u64 = 0x401c;
/// Device block: received bytes waiting, without taking any, in bits 6:0.
pub const RX_LEVEL: u64 = 0x4018;
/// Device block: received bytes waiting.
pub const RX_COUNT: u64 = 0x402c;
/// Dock's side of the channel: what drains the queue that nobody reads. Nothing is ever in it.
pub const DOCK_READ: std::ops::Range<u64> = 0xc018..0xc028;

/// Depth of both queues.
const DEPTH: usize = 64;

/// The device block of a DockChannel.
#[derive(Debug)]
pub struct DockChannel {
    outbox: Outbox,
    received: ReceiveQueue,
    stray: Stray,
}

impl DockChannel {
    /// A channel that sends to `outbox`.
    pub fn new(outbox: Outbox) -> Self {
        Self { outbox, received: ReceiveQueue::new(DEPTH), stray: Stray::default() }
    }
}

impl Device for DockChannel {
    fn name(&self) -> &str {
        "dockchannel-uart"
    }

    fn read(&mut self, offset: u64, _: Access) -> u64 {
        match offset {
            TX_FREE => DEPTH as u64,
            RX_COUNT | RX_LEVEL => self.received.len() as u64,
            _ if DOCK_READ.contains(&offset) => 0,
            RX_BYTE => self.received.pop().map_or(0, |byte| u64::from(byte) << 8 | 1),
            _ => self.stray.note(),
        }
    }

    fn write(&mut self, offset: u64, value: u64, _: Access) {
        match offset {
            TX_BYTE => self.outbox.send(value as u8),
            _ => {
                self.stray.note();
            }
        }
    }

    fn reset(&mut self) {
        self.received.clear();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

impl Serial for DockChannel {
    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.received.offer(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::W;

    #[test]
    fn bytes_go_both_ways() {
        let out = Outbox::new();
        let mut d = DockChannel::new(out.clone());
        assert_ne!(d.read(TX_FREE, W) & 0x1ff, 0);
        d.write(TX_BYTE, b'x'.into(), W);
        assert_eq!(out.take(), b"x");
        assert_eq!(d.read(RX_BYTE, W), 0);
        d.receive(b"y");
        assert_eq!((d.read(RX_LEVEL, W), d.read(RX_LEVEL, W)), (1, 1), "looking takes nothing");
        assert_eq!(d.read(RX_BYTE, W), 0x7901);
        d.read(0, W);
        assert_eq!(d.stray(), 1);
    }
}
