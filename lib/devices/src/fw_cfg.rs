//! QEMU's firmware configuration interface, memory-mapped: named blobs for firmware to read.
//!
//! Source: QEMU's docs/specs/fw_cfg.rst. Items are read-only for the guest.

use std::collections::BTreeMap;
use std::sync::Arc;

use mem::{Access, Device, Memory, Size};

use crate::registers::Stray;

/// Data: each read gives the next bytes of the selected item.
pub const DATA: u64 = 0x00;
/// Selects an item, 16 bits, big-endian.
pub const SELECTOR: u64 = 0x08;
/// Address of a DMA request, 64 bits, big-endian.
pub const DMA: u64 = 0x10;
/// Bytes of the register block.
pub const LEN: u64 = 0x18;

const SIGNATURE: u16 = 0x00;
const ID: u16 = 0x01;
const FILE_DIR: u16 = 0x19;
const FIRST_FILE: u16 = 0x20;

/// DMA control bits.
const DMA_ERROR: u32 = 1;
const DMA_READ: u32 = 2;
const DMA_SKIP: u32 = 4;
const DMA_SELECT: u32 = 8;

/// Bytes copied at a time by DMA.
const CHUNK: u64 = 0x1_0000;

/// The interface.
#[derive(Debug)]
pub struct FwCfg {
    memory: Arc<Memory>,
    items: BTreeMap<u16, Vec<u8>>,
    names: Vec<(String, u16, u32)>,
    selected: u16,
    at: u64,
    dma_high: u32,
    stray: Stray,
}

impl FwCfg {
    /// With the signature and nothing else.
    pub fn new(memory: Arc<Memory>) -> Self {
        let items = BTreeMap::from([(SIGNATURE, b"QEMU".to_vec()), (ID, vec![3, 0, 0, 0])]);
        Self { memory, items, names: Vec::new(), selected: 0, at: 0, dma_high: 0, stray: Stray::default() }
    }

    /// Adds an item with a number of its own.
    pub fn item(&mut self, key: u16, bytes: Vec<u8>) {
        self.items.insert(key, bytes);
    }

    /// Adds a file (its name is cut at 55 bytes).
    pub fn file(&mut self, name: &str, bytes: Vec<u8>) {
        let key = FIRST_FILE + self.names.len() as u16;
        self.names.push((name.to_owned(), key, u32::try_from(bytes.len()).unwrap_or(u32::MAX)));
        self.names.sort();
        self.items.insert(key, bytes);
        let mut directory = (self.names.len() as u32).to_be_bytes().to_vec();
        for (name, key, len) in &self.names {
            directory.extend(len.to_be_bytes());
            directory.extend(key.to_be_bytes());
            directory.extend([0; 2]);
            let mut field: Vec<u8> = name.bytes().take(55).collect();
            field.resize(56, 0);
            directory.extend(field);
        }
        self.items.insert(FILE_DIR, directory);
    }

    fn select(&mut self, key: u16) {
        self.selected = key;
        self.at = 0;
    }

    /// The next `len` bytes of the selected item; zeros behind its end.
    fn next(&mut self, len: u64) -> Vec<u8> {
        let item = self.items.get(&self.selected).map(Vec::as_slice).unwrap_or_default();
        let start = usize::try_from(self.at).unwrap_or(usize::MAX).min(item.len());
        let rest = item.get(start..).unwrap_or_default();
        let mut bytes: Vec<u8> = rest.iter().take(len as usize).copied().collect();
        bytes.resize(len as usize, 0);
        self.at = self.at.saturating_add(len);
        bytes
    }

    /// Carries out the request at `pa`: control, length, address, all big-endian.
    fn dma(&mut self, pa: u64) {
        let mut request = [0; 16];
        if self.memory.read_bytes(pa, &mut request).is_err() {
            self.stray.note();
            return;
        }
        let [c0, c1, c2, c3, l0, l1, l2, l3, address @ ..] = request;
        let control = u32::from_be_bytes([c0, c1, c2, c3]);
        let len = u64::from(u32::from_be_bytes([l0, l1, l2, l3]));
        let address = u64::from_be_bytes(address);
        if control & DMA_SELECT != 0 {
            self.select((control >> 16) as u16);
        }
        let mut result = 0;
        if control & DMA_READ != 0 {
            if self.memory.contains(address, len) {
                let mut done = 0;
                while done < len {
                    let n = CHUNK.min(len - done);
                    let bytes = self.next(n);
                    if self.memory.write_bytes(address + done, &bytes).is_err() {
                        result = DMA_ERROR;
                    }
                    done += n;
                }
            } else {
                self.stray.note();
                result = DMA_ERROR;
            }
        } else if control & DMA_SKIP != 0 {
            self.at = self.at.saturating_add(len);
        } else if control & !(DMA_SELECT | 0xffff_0000) != 0 {
            // Writing to items is not offered.
            result = DMA_ERROR;
        }
        // The request was readable, so its first word is writable unless it lies in ROM.
        if self.memory.write_bytes(pa, &u32::to_be_bytes(result)).is_err() {
            self.stray.note();
        }
    }
}

impl Device for FwCfg {
    fn name(&self) -> &str {
        "fw-cfg"
    }

    fn read(&mut self, offset: u64, a: Access) -> u64 {
        match offset {
            DATA..SELECTOR => {
                let mut value = [0; 8];
                let n = a.size.bytes();
                for (to, from) in value.iter_mut().zip(self.next(n)) {
                    *to = from;
                }
                u64::from_le_bytes(value)
            }
            // "QEMU CFG": DMA is there.
            DMA if a.size == Size::Double => u64::from_le_bytes(*b"QEMU CFG"),
            DMA => u32::from_le_bytes(*b"QEMU").into(),
            0x14 => u32::from_le_bytes(*b" CFG").into(),
            _ => self.stray.note(),
        }
    }

    fn write(&mut self, offset: u64, value: u64, a: Access) {
        match (offset, a.size) {
            (SELECTOR, Size::Half) => self.select((value as u16).swap_bytes()),
            (SELECTOR, Size::Word) => self.select((value as u32).swap_bytes() as u16),
            (DMA, Size::Double) => self.dma(value.swap_bytes()),
            (DMA, Size::Word) => self.dma_high = (value as u32).swap_bytes(),
            (0x14, Size::Word) => {
                let pa = u64::from(self.dma_high) << 32 | u64::from((value as u32).swap_bytes());
                self.dma_high = 0;
                self.dma(pa);
            }
            _ => {
                self.stray.note();
            }
        }
    }

    fn reset(&mut self) {
        self.select(0);
        self.dma_high = 0;
    }

    fn stray(&self) -> u64 {
        self.stray.count()
    }
}

#[cfg(test)]
mod tests {
    use mem::Region;

    use super::*;
    use crate::test_support::{B, D, H, W};

    fn fixture() -> (FwCfg, Arc<Memory>) {
        let memory = Arc::new(Memory::new(&[Region { base: 0x1000, len: 0x1000 }]).unwrap());
        let mut f = FwCfg::new(memory.clone());
        f.file("etc/b", b"second".to_vec());
        f.file("etc/a", b"first".to_vec());
        (f, memory)
    }

    #[test]
    fn items_are_read_byte_by_byte_and_end_in_zeros() {
        let (mut f, _) = fixture();
        let signature: Vec<u64> = (0..5).map(|_| f.read(DATA, B)).collect();
        assert_eq!(signature, [b'Q'.into(), b'E'.into(), b'M'.into(), b'U'.into(), 0]);
        f.write(SELECTOR, u64::from(0x19u16.swap_bytes()), H);
        assert_eq!((f.read(DATA, W) as u32).swap_bytes(), 2);
        assert_eq!((f.read(DATA, D)).swap_bytes(), 5 << 32 | 0x21 << 16, "sorted by name");
    }

    #[test]
    fn dma_reads_into_ram_and_reports_bad_requests() {
        let (mut f, m) = fixture();
        let request = |control: u32, len: u32, address: u64| {
            [&control.to_be_bytes()[..], &len.to_be_bytes(), &address.to_be_bytes()].concat()
        };
        m.write_bytes(0x1000, &request(0x0020_000a, 8, 0x1100)).unwrap();
        f.write(DMA, 0x1000u64.swap_bytes(), D);
        assert_eq!(m.read_vec(0x1100, 8).unwrap(), b"second\0\0");
        assert_eq!(m.read_u32(0x1000).unwrap(), 0);
        m.write_bytes(0x1000, &request(2, u32::MAX, 0x1100)).unwrap();
        f.write(DMA, 0, W);
        f.write(DMA + 4, 0x1000u32.swap_bytes().into(), W);
        assert_eq!(m.read_u32(0x1000).unwrap().swap_bytes(), DMA_ERROR);
        f.write(DMA, u64::MAX, D);
        f.read(9, W);
        assert_eq!(f.stray(), 3);
    }
}
