//! The physical address space: RAM and devices.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::{Error, Memory};

/// Width of an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Size {
    /// 1 byte.
    Byte,
    /// 2 bytes.
    Half,
    /// 4 bytes.
    Word,
    /// 8 bytes.
    Double,
}

impl Size {
    /// Bytes moved: 1, 2, 4 or 8.
    #[inline]
    pub const fn bytes(self) -> u64 {
        match self {
            Size::Byte => 1,
            Size::Half => 2,
            Size::Word => 4,
            Size::Double => 8,
        }
    }

    /// The size of so many bytes, if there is one.
    pub const fn from_bytes(bytes: u64) -> Option<Self> {
        match bytes {
            1 => Some(Size::Byte),
            2 => Some(Size::Half),
            4 => Some(Size::Word),
            8 => Some(Size::Double),
            _ => None,
        }
    }

    /// The bits that a value of this size has, set.
    #[inline]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes())
    }
}

/// What a device is told about an access besides its offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Index of the CPU that makes it: some registers are banked by CPU.
    pub cpu: usize,
    /// Width.
    pub size: Size,
}

/// A device with registers in the physical address space.
///
/// Offsets count from the mapping's base and lie inside it, the access included; they need not be
/// aligned. Nothing the guest does here is an error: senseless accesses are counted by the device,
/// read as zero and write nothing.
pub trait Device: Send {
    /// Short name for messages, e.g. `uart0`.
    fn name(&self) -> &str;
    /// A read; bits above the access size are ignored by the bus.
    fn read(&mut self, offset: u64, access: Access) -> u64;
    /// A write; bits above the access size are zero.
    fn write(&mut self, offset: u64, value: u64, access: Access);
    /// Back to the state of power-on.
    fn reset(&mut self) {}
    /// How many accesses made no sense to the device: no such register, a wrong width, a bad request.
    fn stray(&self) -> u64 {
        0
    }
}

/// An access that nothing answers: becomes a synchronous external abort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusFault {
    /// Physical address of the access.
    pub pa: u64,
}

/// A device and where it is.
#[derive(Clone)]
pub struct Mapping {
    /// Name of the device when it was mapped.
    pub name: String,
    /// Physical address of its first byte.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
    device: Arc<Mutex<dyn Device>>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:#x}+{:#x}", self.name, self.base, self.len)
    }
}

impl Mapping {
    /// The device's count of senseless accesses ([`Device::stray`]).
    pub fn stray(&self) -> u64 {
        self.device.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).stray()
    }

    fn holds(&self, pa: u64, len: u64) -> bool {
        pa.checked_sub(self.base).is_some_and(|at| at <= self.len && len <= self.len - at)
    }
}

/// Collects what a [`Bus`] consists of.
#[derive(Debug)]
pub struct BusBuilder {
    memory: Arc<Memory>,
    devices: Vec<Mapping>,
    background: Vec<Mapping>,
}

impl BusBuilder {
    /// Begins with RAM only.
    pub fn new(memory: Arc<Memory>) -> Self {
        Self { memory, devices: Vec::new(), background: Vec::new() }
    }

    /// Maps a device at `[base, base+len)`, which must be free of RAM and other devices. Over ROM it gets the writes.
    pub fn map<D: Device + 'static>(
        &mut self,
        base: u64,
        len: u64,
        device: Arc<Mutex<D>>,
    ) -> Result<(), Error> {
        let mapping = mapping(base, len, device);
        let end = base.checked_add(len);
        let overlaps = |b: u64, l: u64| end.is_none_or(|end| b < end) && base < b.saturating_add(l);
        let ram = self.memory.writable().find(|r| overlaps(r.base, r.len)).map(|_| "RAM".to_owned());
        let other =
            ram.or_else(|| self.devices.iter().find(|m| overlaps(m.base, m.len)).map(|m| m.name.clone()));
        if end.is_none() || len == 0 || other.is_some() {
            let other = other.unwrap_or_else(|| "the end of the address space".into());
            return Err(Error::Overlap { what: mapping.name, base, len, other });
        }
        self.devices.push(mapping);
        Ok(())
    }

    /// Maps a device that answers where nothing else does (and may overlap anything); the first one
    /// mapped wins. Used for regions whose devices are not modelled.
    pub fn map_background<D: Device + 'static>(&mut self, base: u64, len: u64, device: Arc<Mutex<D>>) {
        self.background.push(mapping(base, len, device));
    }

    /// The finished address space.
    pub fn build(mut self) -> Bus {
        self.devices.sort_by_key(|m| m.base);
        Bus {
            memory: self.memory,
            devices: self.devices,
            background: self.background,
            last: AtomicUsize::new(0),
        }
    }
}

fn mapping<D: Device + 'static>(base: u64, len: u64, device: Arc<Mutex<D>>) -> Mapping {
    let name = device.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).name().to_owned();
    Mapping { name, base, len, device }
}

/// The physical address space, immutable once built; each device has a lock of its own.
#[derive(Debug)]
pub struct Bus {
    memory: Arc<Memory>,
    /// Sorted by base, disjoint.
    devices: Vec<Mapping>,
    /// Asked in order when nothing else answers.
    background: Vec<Mapping>,
    /// Index of the device that answered last.
    last: AtomicUsize,
}

impl Bus {
    /// An address space of RAM only.
    pub fn ram(memory: Arc<Memory>) -> Self {
        BusBuilder::new(memory).build()
    }

    /// The RAM in it.
    #[inline]
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The devices, lowest address first, then those in the background.
    pub fn devices(&self) -> impl Iterator<Item = &Mapping> {
        self.devices.iter().chain(&self.background)
    }

    fn find(&self, pa: u64, len: u64) -> Option<&Mapping> {
        // The same as last time, most often.
        let last = self.last.load(Ordering::Relaxed);
        if let Some(m) = self.devices.get(last).filter(|m| m.holds(pa, len)) {
            return Some(m);
        }
        let after = self.devices.partition_point(|m| m.base <= pa);
        let found = after.checked_sub(1).and_then(|i| self.devices.get(i)).filter(|m| m.holds(pa, len));
        if found.is_some() {
            self.last.store(after - 1, Ordering::Relaxed);
        }
        found.or_else(|| self.background.iter().find(|m| m.holds(pa, len)))
    }

    /// Reads RAM or a device register; bits above the size are zero.
    pub fn read(&self, pa: u64, access: Access) -> Result<u64, BusFault> {
        if let Some(value) = self.memory.read(pa, access.size) {
            return Ok(value);
        }
        self.read_device(pa, access)
    }

    /// Reads what is known not to be RAM.
    pub fn read_device(&self, pa: u64, access: Access) -> Result<u64, BusFault> {
        let m = self.find(pa, access.size.bytes()).ok_or(BusFault { pa })?;
        let mut device = m.device.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(device.read(pa - m.base, access) & access.size.mask())
    }

    /// Writes RAM or a device register; bits above the size are ignored.
    pub fn write(&self, pa: u64, value: u64, access: Access) -> Result<(), BusFault> {
        let value = value & access.size.mask();
        if self.memory.write(pa, access.size, value) {
            return Ok(());
        }
        let m = self.find(pa, access.size.bytes()).ok_or(BusFault { pa })?;
        m.device.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).write(pa - m.base, value, access);
        Ok(())
    }

    /// Puts every device back to the state of power-on.
    pub fn reset(&self) {
        for m in self.devices() {
            m.device.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).reset();
        }
    }
}

#[cfg(test)]
mod tests;
