//! Virtio over memory-mapped registers, version 2 (OASIS Virtio 1.2, section 4.2).
//!
//! [`VirtioMmio`] is the transport; what the device does is a [`Backend`]. Rings live in guest RAM and are
//! hostile: [`queue`] bounds every walk, and a queue that breaks the rules is stopped and reported with
//! DEVICE_NEEDS_RESET. Not offered: legacy layout, indirect descriptors, event indexes, packed rings.

pub mod blk;
pub mod console;
pub mod queue;
pub mod rng;

use std::sync::Arc;

use mem::{Access, Device, Line, Memory, Size};

use crate::registers::Stray;
use queue::Queue;

/// "virt".
pub const MAGIC: u64 = 0x000;
/// 2.
pub const VERSION: u64 = 0x004;
/// Kind of device.
pub const DEVICE_ID: u64 = 0x008;
/// Whose implementation.
pub const VENDOR_ID: u64 = 0x00c;
/// 32 features of the device, those selected by the next.
pub const DEVICE_FEATURES: u64 = 0x010;
/// Selects features.
pub const DEVICE_FEATURES_SEL: u64 = 0x014;
/// 32 features that the driver takes.
pub const DRIVER_FEATURES: u64 = 0x020;
/// Selects features.
pub const DRIVER_FEATURES_SEL: u64 = 0x024;
/// Selects a queue for the registers that follow.
pub const QUEUE_SEL: u64 = 0x030;
/// Largest number of entries.
pub const QUEUE_NUM_MAX: u64 = 0x034;
/// Number of entries.
pub const QUEUE_NUM: u64 = 0x038;
/// Queue is live.
pub const QUEUE_READY: u64 = 0x044;
/// The driver says that queue n has new buffers.
pub const QUEUE_NOTIFY: u64 = 0x050;
/// Bit 0: buffers were used; bit 1: configuration changed.
pub const INTERRUPT_STATUS: u64 = 0x060;
/// Clears bits of the above.
pub const INTERRUPT_ACK: u64 = 0x064;
/// Device status; 0 resets.
pub const STATUS: u64 = 0x070;
/// Address of the descriptor table; high half at + 4.
pub const QUEUE_DESC: u64 = 0x080;
/// Address of the available ring; high half at + 4.
pub const QUEUE_DRIVER: u64 = 0x090;
/// Address of the used ring; high half at + 4.
pub const QUEUE_DEVICE: u64 = 0x0a0;
/// Changes when the configuration does: never.
pub const CONFIG_GENERATION: u64 = 0x0fc;
/// Configuration of the device.
pub const CONFIG: u64 = 0x100;
/// Bytes of the register block.
pub const LEN: u64 = 0x200;

/// What [`MAGIC`] reads: "virt".
const VIRT: u64 = 0x7472_6976;
/// Feature: not legacy. Always offered.
const F_VERSION_1: u64 = 1 << 32;
/// Status: the driver has accepted the features.
const STATUS_FEATURES_OK: u32 = 8;
/// Status: the driver is ready.
const STATUS_DRIVER_OK: u32 = 4;
/// Status: the device gave up.
const STATUS_NEEDS_RESET: u32 = 0x40;

/// A queue was set up or filled against the rules; the device stops until it is reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// What a virtio device does.
pub trait Backend: Send {
    /// Short name.
    fn name(&self) -> &str;
    /// Device ID of the specification.
    fn device_id(&self) -> u32;
    /// Feature bits below 24 that it offers.
    fn features(&self) -> u64 {
        0
    }
    /// Number of queues.
    fn queues(&self) -> usize;
    /// A byte of the configuration.
    fn config(&self, _offset: u64) -> u8 {
        0
    }
    /// Works on queue `index`: takes what is available and marks it used. True: something was used.
    fn process(&mut self, index: usize, queue: &mut Queue, memory: &Memory) -> Result<bool, Broken>;
    /// Forgets everything but its contents.
    fn reset(&mut self) {}
}

/// A virtio device.
#[derive(Debug)]
pub struct VirtioMmio<B> {
    /// The device behind the transport.
    pub backend: B,
    memory: Arc<Memory>,
    line: Line,
    queues: Vec<Queue>,
    selected: usize,
    device_features_sel: u32,
    driver_features_sel: u32,
    driver_features: u64,
    interrupts: u32,
    status: u32,
    stray: Stray,
}

impl<B: Backend> VirtioMmio<B> {
    /// A device with rings in `memory` that drives `line`.
    pub fn new(backend: B, memory: Arc<Memory>, line: Line) -> Self {
        let queues = vec![Queue::default(); backend.queues()];
        Self {
            backend,
            memory,
            line,
            queues,
            selected: 0,
            device_features_sel: 0,
            driver_features_sel: 0,
            driver_features: 0,
            interrupts: 0,
            status: 0,
            stray: Stray::default(),
        }
    }

    /// Lets the backend work on queue `index`, for instance because the host has something to say.
    pub fn process(&mut self, index: usize) {
        if self.status & STATUS_DRIVER_OK == 0 || self.status & STATUS_NEEDS_RESET != 0 {
            return;
        }
        let Some(queue) = self.queues.get_mut(index).filter(|q| q.ready) else {
            self.stray.note();
            return;
        };
        match self.backend.process(index, queue, &self.memory) {
            Ok(used) => self.interrupts |= u32::from(used),
            Err(Broken) => {
                self.stray.note();
                self.status |= STATUS_NEEDS_RESET;
                self.interrupts |= 2;
            }
        }
        self.line.set(self.interrupts != 0);
    }

    fn features(&self) -> u64 {
        F_VERSION_1 | self.backend.features()
    }

    fn restart(&mut self) {
        self.queues.fill(Queue::default());
        (self.selected, self.device_features_sel, self.driver_features_sel) = (0, 0, 0);
        (self.driver_features, self.interrupts, self.status) = (0, 0, 0);
        self.backend.reset();
        self.line.set(false);
    }
}

/// A slot without a device: it says so (device ID 0), and every write is dropped.
#[derive(Debug, Default)]
pub struct Empty;

impl Device for Empty {
    fn name(&self) -> &str {
        "virtio-mmio (empty)"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        match offset {
            _ if a.size != Size::Word => 0,
            MAGIC => VIRT,
            VERSION => 2,
            VENDOR_ID => u32::from_le_bytes(*b"xnub").into(),
            _ => 0,
        }
    }

    fn write(&mut self, _: u64, _: u64, _: Access) {}
}

fn half(features: u64, select: u32) -> u64 {
    match select {
        0 => features & 0xffff_ffff,
        1 => features >> 32,
        _ => 0,
    }
}

impl<B: Backend> Device for VirtioMmio<B> {
    fn name(&self) -> &str {
        self.backend.name()
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        if offset >= CONFIG {
            return (0..a.size.bytes())
                .fold(0, |v, i| v | u64::from(self.backend.config(offset - CONFIG + i)) << (8 * i));
        }
        if a.size != Size::Word {
            return self.stray.note();
        }
        match offset {
            MAGIC => VIRT,
            VERSION => 2,
            DEVICE_ID => self.backend.device_id().into(),
            VENDOR_ID => u32::from_le_bytes(*b"xnub").into(),
            DEVICE_FEATURES => half(self.features(), self.device_features_sel),
            QUEUE_NUM_MAX => self.queues.get(self.selected).map_or(0, |_| queue::MAX_SIZE.into()),
            QUEUE_READY => self.queues.get(self.selected).map_or(0, |q| q.ready.into()),
            INTERRUPT_STATUS => self.interrupts.into(),
            STATUS => self.status.into(),
            CONFIG_GENERATION => 0,
            // Shared memory regions: none, which is said with a length of all ones.
            0x0b0..0x0c0 => 0xffff_ffff,
            _ => self.stray.note(),
        }
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        if a.size != Size::Word || offset >= CONFIG {
            self.stray.note();
            return;
        }
        let value = value as u32;
        let low = |old: u64| old & !0xffff_ffff | u64::from(value);
        let high = |old: u64| old & 0xffff_ffff | u64::from(value) << 32;
        match offset {
            DEVICE_FEATURES_SEL => self.device_features_sel = value,
            DRIVER_FEATURES_SEL => self.driver_features_sel = value,
            DRIVER_FEATURES => match self.driver_features_sel {
                0 => self.driver_features = low(self.driver_features),
                1 => self.driver_features = high(self.driver_features),
                _ => {}
            },
            QUEUE_SEL => self.selected = value as usize,
            QUEUE_NOTIFY => self.process(value as usize),
            INTERRUPT_ACK => {
                self.interrupts &= !value;
                self.line.set(self.interrupts != 0);
            }
            STATUS if value == 0 => self.restart(),
            STATUS => {
                let refused =
                    self.driver_features & !self.features() != 0 || self.driver_features & F_VERSION_1 == 0;
                let mut status = value & 0xbf | self.status & STATUS_NEEDS_RESET;
                if refused {
                    status &= !STATUS_FEATURES_OK;
                }
                self.status = status;
            }
            _ => {
                let Some(q) = self.queues.get_mut(self.selected) else {
                    self.stray.note();
                    return;
                };
                match offset {
                    QUEUE_NUM => q.set_size(value),
                    QUEUE_READY => q.set_ready(value & 1 != 0),
                    QUEUE_DESC => q.descriptors = low(q.descriptors),
                    0x084 => q.descriptors = high(q.descriptors),
                    QUEUE_DRIVER => q.available = low(q.available),
                    0x094 => q.available = high(q.available),
                    QUEUE_DEVICE => q.used = low(q.used),
                    0x0a4 => q.used = high(q.used),
                    _ => {
                        self.stray.note();
                    }
                }
            }
        }
    }

    fn reset(&mut self) {
        self.restart();
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
pub(crate) mod tests;
