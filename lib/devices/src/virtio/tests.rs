use std::io::Write;

use mem::Region;

use super::blk::Blk;
use super::console::Console;
use super::rng::Rng;
use super::*;
use crate::serial::{Outbox, Serial};
use crate::test_support::{B, W, Wires};

const RAM: u64 = 0x10_0000;
const DESC: u64 = RAM;
const AVAIL: u64 = RAM + 0x1000;
const USED: u64 = RAM + 0x2000;
const DATA: u64 = RAM + 0x3000;

struct Driver<T> {
    dev: VirtioMmio<T>,
    mem: Arc<Memory>,
    wires: Arc<Wires>,
    queue: u64,
    made: u16,
}

impl<T: Backend> Driver<T> {
    /// Brings the device up with `queue` live.
    fn new(backend: T, queue: u64) -> Self {
        let mem = Arc::new(Memory::new(&[Region { base: RAM, len: 0x1_0000 }]).unwrap());
        let wires = Wires::new();
        let mut dev = VirtioMmio::new(backend, mem.clone(), wires.line(0));
        assert_eq!((dev.read(MAGIC, W), dev.read(VERSION, W)), (0x7472_6976, 2));
        for (offset, value) in [
            (STATUS, 3),
            (DRIVER_FEATURES_SEL, 1),
            (DRIVER_FEATURES, 1),
            (STATUS, 0xb),
            (QUEUE_SEL, queue),
            (QUEUE_NUM, 8),
            (QUEUE_DESC, DESC),
            (QUEUE_DRIVER, AVAIL),
            (QUEUE_DEVICE, USED),
            (QUEUE_READY, 1),
            (STATUS, 0xf),
        ] {
            dev.write(offset, value, W);
        }
        assert_eq!(dev.read(STATUS, W), 0xf);
        Self { dev, mem, wires, queue, made: 0 }
    }

    fn descriptor(&self, index: u64, pa: u64, len: u32, flags: u16, next: u16) {
        let at = DESC + 16 * index;
        self.mem.write_u64(at, pa).unwrap();
        self.mem.write_u32(at + 8, len).unwrap();
        self.mem.write_u32(at + 12, u32::from(flags) | u32::from(next) << 16).unwrap();
    }

    /// A chain of (address, length, device writes), from descriptor 0 on; the used length.
    fn request(&mut self, buffers: &[(u64, u32, bool)]) -> u32 {
        for (i, &(pa, len, write)) in buffers.iter().enumerate() {
            let more = i + 1 < buffers.len();
            self.descriptor(i as u64, pa, len, u16::from(more) | u16::from(write) << 1, i as u16 + 1);
        }
        self.offer(0);
        let slot = u64::from((self.made - 1) % 8);
        self.mem.read_u32(USED + 8 + 8 * slot).unwrap()
    }

    fn offer(&mut self, head: u16) {
        let slot = u64::from(self.made % 8);
        self.mem.write(AVAIL + 4 + 2 * slot, Size::Half, head.into());
        self.made += 1;
        self.mem.write(AVAIL + 2, Size::Half, self.made.into());
        self.dev.write(QUEUE_NOTIFY, self.queue, W);
    }

    fn used(&self) -> u64 {
        self.mem.read(USED + 2, Size::Half).unwrap()
    }
}

fn disk(bytes: &[u8]) -> Blk {
    let path = disk_path();
    let mut file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file.write_all(bytes).unwrap();
    Blk::new(file, false).unwrap()
}

/// A fresh name in the temporary folder.
fn disk_path() -> std::path::PathBuf {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("devices-virtio-{}-{n}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn the_rng_fills_buffers_repeatably_and_interrupts() {
    let mut d = Driver::new(Rng::new(1), 0);
    assert_eq!(d.request(&[(DATA, 13, true)]), 13);
    assert_eq!(d.wires.get(), 1);
    assert_eq!(d.dev.read(INTERRUPT_STATUS, W), 1);
    d.dev.write(INTERRUPT_ACK, 1, W);
    assert_eq!(d.wires.get(), 0);
    let first = d.mem.read_vec(DATA, 14).unwrap();
    assert!(first[..13].iter().any(|&b| b != 0) && first[13] == 0);
    let mut again = Driver::new(Rng::new(1), 0);
    again.request(&[(DATA, 13, true)]);
    assert_eq!(again.mem.read_vec(DATA, 14).unwrap(), first);
}

#[test]
fn the_disk_reads_writes_and_tells_its_size() {
    let mut d = Driver::new(disk(&[7; 4 * 512 + 100]), 0);
    assert_eq!((d.dev.read(CONFIG, W), d.dev.read(CONFIG + 8, B)), (4, 0));
    let (header, status) = (DATA, DATA + 0x800);
    let ask = |d: &mut Driver<Blk>, kind: u32, sector: u64, data: (u64, u32, bool)| {
        d.mem.write_u64(header, kind.into()).unwrap();
        d.mem.write_u64(header + 8, sector).unwrap();
        d.mem.fill(status, 1, 0xff).unwrap();
        let used = d.request(&[(header, 16, false), data, (status, 1, true)]);
        (d.mem.read(status, Size::Byte).unwrap(), used)
    };
    assert_eq!(ask(&mut d, 0, 3, (DATA + 0x100, 512, true)), (0, 513));
    assert_eq!(d.mem.read_vec(DATA + 0x100, 512).unwrap(), [7; 512]);
    d.mem.fill(DATA + 0x100, 512, 9).unwrap();
    assert_eq!(ask(&mut d, 1, 1, (DATA + 0x100, 512, false)), (0, 1));
    d.mem.fill(DATA + 0x100, 512, 0).unwrap();
    assert_eq!(ask(&mut d, 0, 1, (DATA + 0x100, 512, true)), (0, 513));
    assert_eq!(d.mem.read_vec(DATA + 0x100, 512).unwrap(), [9; 512]);
    assert_eq!(ask(&mut d, 0, 4, (DATA + 0x100, 512, true)).0, 1, "behind the end");
    assert_eq!(ask(&mut d, 0, u64::MAX, (DATA + 0x100, 512, true)).0, 1);
    assert_eq!(ask(&mut d, 0, 0, (DATA + 0x100, 100, true)).0, 1, "no whole sector");
    assert_eq!(ask(&mut d, 0, 0, (u64::MAX - 4, 512, true)).0, 1, "not RAM");
    assert_eq!(ask(&mut d, 77, 0, (DATA + 0x100, 512, true)).0, 2);
    assert_eq!(ask(&mut d, 8, 0, (DATA + 0x100, 20, true)), (0, 21));
    assert_eq!(d.mem.read_vec(DATA + 0x100, 7).unwrap(), b"xnuboot");
    assert_eq!(d.dev.stray(), 0);
}

#[test]
fn the_console_sends_and_receives() {
    let out = Outbox::new();
    let mut d = Driver::new(Console::new(out.clone()), 1);
    d.mem.write_bytes(DATA, b"hello").unwrap();
    d.request(&[(DATA, 2, false), (DATA + 2, 3, false)]);
    assert_eq!(out.take(), b"hello");
    let mut d = Driver::new(Console::new(out), 0);
    assert_eq!(d.dev.receive(b"abc"), 3);
    assert_eq!(d.used(), 0, "no room offered yet");
    assert_eq!(d.request(&[(DATA, 16, true)]), 3);
    assert_eq!(d.mem.read_vec(DATA, 3).unwrap(), b"abc");
    assert_eq!(d.dev.receive(&[0; 5000]), 4096);
}

#[test]
fn rings_that_break_the_rules_stop_the_device_until_reset() {
    type Damage = fn(&mut Driver<Rng>);
    let damages: [Damage; 6] = [
        |d| {
            d.descriptor(0, DATA, 1, 3, 0);
            d.offer(0);
        },
        |d| d.offer(8),
        |d| {
            d.descriptor(0, DATA, 1, 3, 9);
            d.offer(0);
        },
        |d| {
            d.request(&[(u64::MAX - 1, 4, true)]);
        },
        |d| {
            d.request(&[(DATA, 4, true), (DATA, 4, false)]);
        },
        |d| {
            d.mem.write(AVAIL + 2, Size::Half, 500);
            d.dev.write(QUEUE_NOTIFY, 0, W);
        },
    ];
    for (n, damage) in damages.iter().enumerate() {
        let mut d = Driver::new(Rng::new(1), 0);
        damage(&mut d);
        assert_eq!(d.dev.read(STATUS, W), 0x4f, "case {n}");
        assert_eq!((d.dev.read(INTERRUPT_STATUS, W) & 2, d.wires.get()), (2, 1), "case {n}");
        d.dev.write(QUEUE_NOTIFY, 0, W);
        d.dev.write(STATUS, 0, W);
        assert_eq!((d.dev.read(STATUS, W), d.wires.get()), (0, 0), "case {n}");
    }
}

#[test]
fn queues_outside_ram_or_of_odd_size_do_nothing_bad() {
    for (offset, value) in
        [(QUEUE_DESC + 4, 0xffff_ffff), (QUEUE_DRIVER + 4, 0xffff_ffff), (QUEUE_DEVICE + 4, 0xffff_ffff)]
    {
        let mut d = Driver::new(Rng::new(1), 0);
        d.dev.write(offset, value, W);
        d.descriptor(0, DATA, 4, 2, 0);
        d.offer(0);
        assert_eq!(d.dev.read(STATUS, W), 0x4f, "{offset:#x}");
    }
    let mut d = Driver::new(Rng::new(1), 0);
    d.dev.write(QUEUE_READY, 0, W);
    d.dev.write(QUEUE_NUM, 3, W);
    d.dev.write(QUEUE_READY, 1, W);
    assert_eq!(d.dev.read(QUEUE_READY, W), 0);
    d.dev.write(QUEUE_SEL, 5, W);
    assert_eq!(d.dev.read(QUEUE_NUM_MAX, W), 0);
    d.dev.write(QUEUE_NUM, 8, W);
    d.dev.read(MAGIC, B);
    assert_eq!(d.dev.stray(), 2);
}

#[test]
fn unknown_features_are_refused() {
    let mut d = Driver::new(Rng::new(1), 0);
    d.dev.write(STATUS, 0, W);
    d.dev.write(DRIVER_FEATURES_SEL, 0, W);
    d.dev.write(DRIVER_FEATURES, 1 << 20, W);
    d.dev.write(STATUS, 0xb, W);
    assert_eq!(d.dev.read(STATUS, W), 3);
}
