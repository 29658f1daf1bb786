//! The UART of Apple's SoCs, a descendant of Samsung's ("uart-1,samsung", "apple,s5l-uart").
//!
//! One receive queue answers both ways in which drivers poll: UTRSTAT (XNU up to 7195, m1n1) and UFSTAT
//! (XNU from 8019, U-Boot). Sending takes no time. Baud rate, parity and modem lines are storage only.
//! Sources: XNU pexpert S3cUART.h and pe_serial.c (register layout, bits polled); Linux
//! include/linux/serial_s3c.h (interrupt enables and status of Apple's variant).

use mem::{Access, Device, Line};

use crate::registers::Stray;
use crate::serial::{Outbox, ReceiveQueue, Serial};

/// Line control (word length, parity): storage.
pub const ULCON: u64 = 0x00;
/// Control: interrupt enables, see the `UCON_` bits.
pub const UCON: u64 = 0x04;
/// FIFO control: bit 1 empties the receive queue.
pub const UFCON: u64 = 0x08;
/// Modem control: storage.
pub const UMCON: u64 = 0x0c;
/// Transfer status, see the `UTRSTAT_` bits; interrupt bits are cleared by writing 1.
pub const UTRSTAT: u64 = 0x10;
/// Receive errors: always none.
pub const UERSTAT: u64 = 0x14;
/// FIFO status, see the `UFSTAT_` bits.
pub const UFSTAT: u64 = 0x18;
/// Modem status: bit 0, clear to send, is set.
pub const UMSTAT: u64 = 0x1c;
/// UMSTAT: clear to send. XNU does not look at it; the demo kernel takes its absence as the end of input.
const UMSTAT_CTS: u32 = 1 << 0;
/// Transmit holding: a write sends its low byte.
pub const UTXH: u64 = 0x20;
/// Receive holding: a read takes the oldest byte.
pub const URXH: u64 = 0x24;
/// Baud divisor: storage.
pub const UBRDIV: u64 = 0x28;
/// Fraction of the divisor: storage.
pub const UDIVSLOT: u64 = 0x2c;

/// UCON: raise the interrupt when bytes wait though the queue is below its threshold.
pub const UCON_RXTO_ENA: u32 = 1 << 9;
/// UCON: raise the interrupt when bytes wait.
pub const UCON_RXTHRESH_ENA: u32 = 1 << 12;
/// UCON: raise the interrupt when the transmitter has room.
pub const UCON_TXTHRESH_ENA: u32 = 1 << 13;

/// UTRSTAT: a byte can be read from URXH.
pub const UTRSTAT_RX_READY: u32 = 1 << 0;
/// UTRSTAT: transmit buffer empty.
pub const UTRSTAT_TX_BUFFER_EMPTY: u32 = 1 << 1;
/// UTRSTAT: transmitter empty.
pub const UTRSTAT_TX_EMPTY: u32 = 1 << 2;
/// UTRSTAT: receive interrupt pending.
pub const UTRSTAT_RXTHRESH: u32 = 1 << 4;
/// UTRSTAT: transmit interrupt pending.
pub const UTRSTAT_TXTHRESH: u32 = 1 << 5;
/// UTRSTAT: receive time-out interrupt pending.
pub const UTRSTAT_RXTO: u32 = 1 << 9;

/// UFSTAT: mask of the number of bytes that wait (15 when more do).
pub const UFSTAT_RX_COUNT: u32 = 0xf;
/// UFSTAT: the receive queue is full. (Bit 9, transmit queue full, is never set.)
pub const UFSTAT_RX_FULL: u32 = 1 << 8;

/// UFCON: empty the receive queue.
const UFCON_RX_RESET: u32 = 1 << 1;

/// Depth of the receive queue.
const DEPTH: usize = 16;

/// The UART.
#[derive(Debug)]
pub struct S5lUart {
    name: String,
    outbox: Outbox,
    line: Line,
    received: ReceiveQueue,
    /// ULCON, UCON, UFCON, UMCON, UBRDIV, UDIVSLOT.
    lcon: u32,
    con: u32,
    fcon: u32,
    mcon: u32,
    brdiv: u32,
    divslot: u32,
    /// The transmit interrupt is pending: set when a byte leaves or the interrupt is enabled, cleared by
    /// writing UTRSTAT.
    tx_pending: bool,
    /// Nobody is at the other end: CTS falls once everything received has been read.
    hung_up: bool,
    stray: Stray,
}

impl S5lUart {
    /// A UART that sends to `outbox` and drives `line` with its interrupt.
    pub fn new(name: impl Into<String>, outbox: Outbox, line: Line) -> Self {
        Self {
            name: name.into(),
            outbox,
            line,
            received: ReceiveQueue::new(DEPTH),
            lcon: 0,
            con: 0,
            fcon: 0,
            mcon: 0,
            brdiv: 0,
            divslot: 0,
            tx_pending: false,
            hung_up: false,
            stray: Stray::default(),
        }
    }

    fn trstat(&self) -> u32 {
        let mut status = UTRSTAT_TX_BUFFER_EMPTY | UTRSTAT_TX_EMPTY;
        if !self.received.is_empty() {
            status |= UTRSTAT_RX_READY | UTRSTAT_RXTHRESH | UTRSTAT_RXTO;
        }
        if self.tx_pending {
            status |= UTRSTAT_TXTHRESH;
        }
        status
    }

    fn fstat(&self) -> u32 {
        let count = u32::try_from(self.received.len()).unwrap_or(u32::MAX).min(UFSTAT_RX_COUNT);
        if self.received.is_full() { count | UFSTAT_RX_FULL } else { count }
    }

    fn update(&self) {
        let status = self.trstat();
        let raised = [
            (UCON_RXTHRESH_ENA, UTRSTAT_RXTHRESH),
            (UCON_RXTO_ENA, UTRSTAT_RXTO),
            (UCON_TXTHRESH_ENA, UTRSTAT_TXTHRESH),
        ]
        .iter()
        .any(|(enable, pending)| self.con & enable != 0 && status & pending != 0);
        self.line.set(raised);
    }
}

impl Device for S5lUart {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&mut self, offset: u64, _: Access) -> u64 {
        let value = match offset {
            ULCON => self.lcon,
            UCON => self.con,
            UFCON => self.fcon,
            UMCON => self.mcon,
            UTRSTAT => self.trstat(),
            UERSTAT => 0,
            UFSTAT => self.fstat(),
            UMSTAT => u32::from(!self.hung_up || !self.received.is_empty()) * UMSTAT_CTS,
            URXH => match self.received.pop() {
                Some(byte) => u32::from(byte),
                None => return self.stray.note(),
            },
            UBRDIV => self.brdiv,
            UDIVSLOT => self.divslot,
            _ => return self.stray.note(),
        };
        self.update();
        value.into()
    }

    fn write(&mut self, offset: u64, value: u64, _: Access) {
        let value = value as u32;
        match offset {
            ULCON => self.lcon = value,
            UCON => {
                if value & !self.con & UCON_TXTHRESH_ENA != 0 {
                    self.tx_pending = true;
                }
                self.con = value;
            }
            UFCON => {
                if value & UFCON_RX_RESET != 0 {
                    self.received.clear();
                }
                self.fcon = value & !UFCON_RX_RESET;
            }
            UMCON => self.mcon = value,
            UTRSTAT => self.tx_pending &= value & UTRSTAT_TXTHRESH == 0,
            UTXH => {
                self.outbox.send(value as u8);
                self.tx_pending = true;
            }
            UBRDIV => self.brdiv = value,
            UDIVSLOT => self.divslot = value,
            // Errors and status: some drivers clear them by writing.
            UERSTAT | UFSTAT | UMSTAT => {}
            _ => {
                self.stray.note();
            }
        }
        self.update();
    }

    fn reset(&mut self) {
        *self = Self::new(std::mem::take(&mut self.name), self.outbox.clone(), self.line.clone());
        self.update();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

impl Serial for S5lUart {
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let n = self.received.offer(bytes);
        self.update();
        n
    }

    fn hang_up(&mut self, hung_up: bool) {
        self.hung_up = hung_up;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{W, Wires};

    fn uart() -> (S5lUart, Outbox, std::sync::Arc<Wires>) {
        let (outbox, wires) = (Outbox::new(), Wires::new());
        (S5lUart::new("uart0", outbox.clone(), wires.line(0)), outbox, wires)
    }

    #[test]
    fn sent_bytes_come_out_and_the_transmitter_is_always_ready() {
        let (mut u, out, _) = uart();
        for byte in b"ok" {
            assert_eq!(u.read(UTRSTAT, W) & 6, 6);
            assert_eq!(u.read(UFSTAT, W) & 0x2f0, 0, "what drains wait for");
            u.write(UTXH, (*byte).into(), W);
        }
        assert_eq!(out.take(), b"ok");
        assert!(out.take().is_empty());
    }

    #[test]
    fn both_ways_of_polling_see_received_bytes() {
        let (mut u, _, _) = uart();
        assert_eq!((u.read(UTRSTAT, W) & 1, u.read(UFSTAT, W)), (0, 0));
        assert_eq!(u.receive(b"ab"), 2);
        assert_eq!((u.read(UTRSTAT, W) & 1, u.read(UFSTAT, W)), (1, 2));
        assert_eq!((u.read(URXH, W), u.read(URXH, W)), (b'a'.into(), b'b'.into()));
        assert_eq!(u.read(UFSTAT, W), 0);
        assert_eq!(u.read(URXH, W), 0, "nothing there");
        assert_eq!(u.stray(), 1);
    }

    #[test]
    fn a_full_queue_takes_no_more() {
        let (mut u, _, _) = uart();
        assert_eq!(u.receive(&[1; 40]), DEPTH);
        assert_eq!(u.read(UFSTAT, W), 0x10f);
        assert_eq!(u.receive(&[2]), 0);
        u.write(UFCON, 3, W);
        assert_eq!(u.read(UFSTAT, W), 0, "emptied");
    }

    #[test]
    fn clear_to_send_falls_when_the_other_end_is_gone_and_all_is_read() {
        let (mut uart, _, _) = uart();
        let a = W;
        assert_eq!(uart.read(UMSTAT, a) & 1, 1);
        uart.receive(b"x");
        uart.hang_up(true);
        assert_eq!(uart.read(UMSTAT, a) & 1, 1);
        uart.read(URXH, a);
        assert_eq!(uart.read(UMSTAT, a) & 1, 0);
    }

    #[test]
    fn interrupts_follow_their_enables() {
        let (mut u, _, wires) = uart();
        u.receive(b"x");
        assert_eq!(wires.get(), 0, "not enabled");
        u.write(UCON, UCON_RXTHRESH_ENA.into(), W);
        assert_eq!(wires.get(), 1);
        u.read(URXH, W);
        assert_eq!(wires.get(), 0, "drained");
        u.write(UCON, UCON_TXTHRESH_ENA.into(), W);
        assert_eq!(wires.get(), 1, "room to send");
        u.write(UTRSTAT, UTRSTAT_TXTHRESH.into(), W);
        assert_eq!(wires.get(), 0, "acknowledged");
        u.write(UTXH, 1, W);
        assert_eq!(wires.get(), 1);
        u.reset();
        assert_eq!((wires.get(), u.read(UCON, W)), (0, 0));
    }

    #[test]
    fn unknown_registers_are_counted() {
        let (mut u, _, _) = uart();
        assert_eq!(u.read(0x3ffc, W), 0);
        u.write(0x40, 1, W);
        assert_eq!(u.stray(), 2);
    }
}
