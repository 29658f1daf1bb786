//! Arm's PL011 UART (DDI 0183), as QEMU's `virt` and Apple's virtual machines have it.
//!
//! Sending takes no time; baud rate, line control and DMA are storage only.

use mem::{Access, Device, Line};

use crate::registers::Stray;
use crate::serial::{Outbox, ReceiveQueue, Serial};

/// Data: a write sends, a read takes the oldest byte.
pub const UARTDR: u64 = 0x000;
/// Receive status: no errors.
pub const UARTRSR: u64 = 0x004;
/// Flags, see `FR_` bits.
pub const UARTFR: u64 = 0x018;
/// IrDA: storage.
pub const UARTILPR: u64 = 0x020;
/// Integer baud divisor: storage.
pub const UARTIBRD: u64 = 0x024;
/// Fractional baud divisor: storage.
pub const UARTFBRD: u64 = 0x028;
/// Line control; bit 4 turns the FIFOs on.
pub const UARTLCR_H: u64 = 0x02c;
/// Control: bit 0 UART, bit 8 transmit, bit 9 receive enable.
pub const UARTCR: u64 = 0x030;
/// FIFO levels: storage.
pub const UARTIFLS: u64 = 0x034;
/// Interrupt mask (1 = enabled).
pub const UARTIMSC: u64 = 0x038;
/// Raw interrupts.
pub const UARTRIS: u64 = 0x03c;
/// Masked interrupts.
pub const UARTMIS: u64 = 0x040;
/// Clears interrupts.
pub const UARTICR: u64 = 0x044;
/// DMA: storage.
pub const UARTDMACR: u64 = 0x048;

/// Flags: transmit FIFO empty.
pub const FR_TXFE: u32 = 1 << 7;
/// Flags: receive FIFO full.
pub const FR_RXFF: u32 = 1 << 6;
/// Flags: receive FIFO empty.
pub const FR_RXFE: u32 = 1 << 4;
/// Flags: clear to send, data set ready, carrier: on.
const FR_MODEM: u32 = 0x7;

/// Interrupt: receive.
pub const INT_RX: u32 = 1 << 4;
/// Interrupt: transmit.
pub const INT_TX: u32 = 1 << 5;
/// Interrupt: receive time-out.
pub const INT_RT: u32 = 1 << 6;

const DEPTH: usize = 16;
/// UARTPeriphID0 to 3 and UARTPCellID0 to 3.
const IDS: [u8; 8] = [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1];

/// The UART.
#[derive(Debug)]
pub struct Pl011 {
    outbox: Outbox,
    line: Line,
    received: ReceiveQueue,
    ilpr: u32,
    ibrd: u32,
    fbrd: u32,
    lcr: u32,
    cr: u32,
    ifls: u32,
    imsc: u32,
    dmacr: u32,
    /// The transmit interrupt is pending.
    tx_pending: bool,
    stray: Stray,
}

impl Pl011 {
    /// A UART that sends to `outbox` and drives `line` with its interrupt.
    pub fn new(outbox: Outbox, line: Line) -> Self {
        Self {
            outbox,
            line,
            received: ReceiveQueue::new(DEPTH),
            ilpr: 0,
            ibrd: 0,
            fbrd: 0,
            lcr: 0,
            cr: 0x300,
            ifls: 0x12,
            imsc: 0,
            dmacr: 0,
            tx_pending: false,
            stray: Stray::default(),
        }
    }

    fn raw(&self) -> u32 {
        let rx = if self.received.is_empty() { 0 } else { INT_RX | INT_RT };
        rx | if self.tx_pending { INT_TX } else { 0 }
    }

    fn update(&self) {
        self.line.set(self.raw() & self.imsc != 0);
    }
}

impl Device for Pl011 {
    fn name(&self) -> &str {
        "pl011"
    }

    fn read(&mut self, offset: u64, _: Access) -> u64 {
        let value = match offset {
            UARTDR => match self.received.pop() {
                Some(byte) => byte.into(),
                None => return self.stray.note(),
            },
            UARTRSR => 0,
            UARTFR => {
                let full = if self.received.is_full() { FR_RXFF } else { 0 };
                let empty = if self.received.is_empty() { FR_RXFE } else { 0 };
                FR_TXFE | FR_MODEM | full | empty
            }
            UARTILPR => self.ilpr,
            UARTIBRD => self.ibrd,
            UARTFBRD => self.fbrd,
            UARTLCR_H => self.lcr,
            UARTCR => self.cr,
            UARTIFLS => self.ifls,
            UARTIMSC => self.imsc,
            UARTRIS => self.raw(),
            UARTMIS => self.raw() & self.imsc,
            UARTDMACR => self.dmacr,
            0xfe0..0x1000 => IDS.get((offset - 0xfe0) as usize / 4).copied().unwrap_or(0).into(),
            _ => return self.stray.note(),
        };
        self.update();
        value.into()
    }

    fn write(&mut self, offset: u64, value: u64, _: Access) {
        let value = value as u32;
        match offset {
            UARTDR => {
                self.outbox.send(value as u8);
                self.tx_pending = true;
            }
            UARTRSR | UARTFR => {}
            UARTILPR => self.ilpr = value,
            UARTIBRD => self.ibrd = value & 0xffff,
            UARTFBRD => self.fbrd = value & 0x3f,
            UARTLCR_H => self.lcr = value & 0xff,
            UARTCR => self.cr = value & 0xffff,
            UARTIFLS => self.ifls = value & 0x3f,
            UARTIMSC => self.imsc = value & 0x7ff,
            UARTICR => self.tx_pending &= value & INT_TX == 0,
            UARTDMACR => self.dmacr = value & 7,
            _ => {
                self.stray.note();
            }
        }
        self.update();
    }

    fn reset(&mut self) {
        *self = Self::new(self.outbox.clone(), self.line.clone());
        self.update();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

impl Serial for Pl011 {
    fn receive(&mut self, bytes: &[u8]) -> usize {
        let n = self.received.offer(bytes);
        self.update();
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{W, Wires};

    #[test]
    fn bytes_go_both_ways_and_interrupts_follow_the_mask() {
        let (out, wires) = (Outbox::new(), Wires::new());
        let mut u = Pl011::new(out.clone(), wires.line(0));
        assert_eq!(u.read(UARTFR, W), (FR_TXFE | FR_RXFE | FR_MODEM).into());
        u.write(UARTDR, b'h'.into(), W);
        assert_eq!(out.take(), b"h");
        assert_eq!(wires.get(), 0);
        u.write(UARTIMSC, (INT_TX | INT_RX).into(), W);
        assert_eq!((wires.get(), u.read(UARTMIS, W)), (1, INT_TX.into()));
        u.write(UARTICR, INT_TX.into(), W);
        assert_eq!(wires.get(), 0);
        assert_eq!(u.receive(&[7; 20]), DEPTH);
        assert_eq!((wires.get(), u.read(UARTFR, W) as u32 & FR_RXFF), (1, FR_RXFF));
        for _ in 0..DEPTH {
            assert_eq!(u.read(UARTDR, W), 7);
        }
        assert_eq!(wires.get(), 0);
        u.read(0x100, W);
        assert_eq!(u.stray(), 1);
    }

    #[test]
    fn it_identifies_itself() {
        let mut u = Pl011::new(Outbox::new(), Line::unconnected());
        let id = (0..4).fold(0, |v, n| v | u.read(0xfe0 + 4 * n, W) << (8 * n));
        assert_eq!(id & 0xfffff, 0x41011);
    }
}
