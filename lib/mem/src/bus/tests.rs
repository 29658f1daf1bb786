use super::*;
use crate::Region;

#[derive(Default)]
struct Probe {
    writes: Vec<(u64, u64, Access)>,
}

impl Device for Probe {
    fn name(&self) -> &str {
        "probe"
    }
    fn read(&mut self, offset: u64, _: Access) -> u64 {
        0xffff_ffff_ffff_ff00 | offset
    }
    fn write(&mut self, offset: u64, value: u64, access: Access) {
        self.writes.push((offset, value, access));
    }
    fn reset(&mut self) {
        self.writes.clear();
    }
}

const W: Access = Access { cpu: 0, size: Size::Word };

fn builder() -> BusBuilder {
    BusBuilder::new(Arc::new(Memory::new(&[Region { base: 0x1_0000, len: 0x1000 }]).unwrap()))
}

#[test]
fn accesses_go_to_ram_or_to_the_device_that_holds_them() {
    let probe = Arc::new(Mutex::new(Probe::default()));
    let mut b = builder();
    b.map(0x2000, 0x10, probe.clone()).unwrap();
    let bus = b.build();
    bus.write(0x1_0004, 0x1_2345_6789, W).unwrap();
    assert_eq!(bus.read(0x1_0004, W), Ok(0x2345_6789));
    assert_eq!(bus.read(0x2004, Access { cpu: 0, size: Size::Half }), Ok(0xff04));
    let from = Access { cpu: 3, size: Size::Byte };
    bus.write(0x200f, 0x1ff, from).unwrap();
    assert_eq!(probe.lock().unwrap().writes, [(0xf, 0xff, from)]);
    bus.reset();
    assert!(probe.lock().unwrap().writes.is_empty());
}

#[test]
fn an_access_that_nothing_holds_faults() {
    let mut b = builder();
    b.map(0x2000, 0x10, Arc::new(Mutex::new(Probe::default()))).unwrap();
    let bus = b.build();
    assert_eq!(bus.read(0x1ffe, W), Err(BusFault { pa: 0x1ffe }));
    assert_eq!(bus.read(0x200e, W), Err(BusFault { pa: 0x200e }), "leaves the device");
    assert_eq!(bus.write(u64::MAX, 0, W), Err(BusFault { pa: u64::MAX }));
}

#[test]
fn the_background_answers_last() {
    let back = Arc::new(Mutex::new(Probe::default()));
    let mut b = builder();
    b.map(0x2000, 0x10, Arc::new(Mutex::new(Probe::default()))).unwrap();
    b.map_background(0, u64::MAX, back.clone());
    let bus = b.build();
    bus.write(0x2000, 1, W).unwrap();
    assert!(back.lock().unwrap().writes.is_empty());
    bus.write(0x9000, 1, W).unwrap();
    assert_eq!(back.lock().unwrap().writes, [(0x9000, 1, W)]);
}

#[test]
fn a_device_over_rom_gets_the_writes() {
    let probe = Arc::new(Mutex::new(Probe::default()));
    let rom = Region { base: 0, len: 0x1000 };
    let memory = Memory::with_rom(&[Region { base: 0x1_0000, len: 0x1000 }], &[rom]).unwrap();
    let mut b = BusBuilder::new(Arc::new(memory));
    b.map(0, 0x1000, probe.clone()).unwrap();
    let bus = b.build();
    bus.write(4, 7, W).unwrap();
    assert_eq!(bus.read(4, W), Ok(0));
    assert_eq!(probe.lock().unwrap().writes, [(4, 7, W)]);
}

#[test]
fn mappings_that_overlap_are_refused() {
    let probe = || Arc::new(Mutex::new(Probe::default()));
    let mut b = builder();
    b.map(0x2000, 0x1000, probe()).unwrap();
    assert!(b.map(0x2fff, 1, probe()).is_err());
    assert!(b.map(0x1fff, 2, probe()).is_err());
    assert!(b.map(0xffff, 2, probe()).is_err(), "RAM");
    assert!(b.map(u64::MAX, 2, probe()).is_err());
    assert!(b.map(0x3000, 0, probe()).is_err());
    b.map(0x3000, 1, probe()).unwrap();
}
