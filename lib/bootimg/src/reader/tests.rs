use super::*;
use crate::{Builder, PartKind, PartSpec};

fn image(parts: &[(&str, PartKind, &[u8])]) -> Vec<u8> {
    let mut b = Builder::new("test");
    for (name, kind, bytes) in parts {
        b.add(PartSpec::of_bytes(*name, *kind, bytes)).unwrap();
    }
    let mut w = b.write(Vec::new()).unwrap();
    while let Some(spec) = w.next() {
        let bytes = parts.iter().find(|p| p.0 == spec.name()).unwrap().2;
        w.part(&mut &bytes[..]).unwrap();
    }
    w.finish().unwrap()
}

const PARTS: [(&str, PartKind, &[u8]); 3] = [
    ("devicetree", PartKind::DeviceTree, b"tree"),
    ("kernel", PartKind::Kernel, &[7; 20_000]),
    ("ramdisk", PartKind::Ramdisk, b"disk"),
];

/// Gives one byte at a time and cannot seek: the worst pipe.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(1).min(self.0.len());
        buf[..n].copy_from_slice(&self.0[..n]);
        self.0 = &self.0[n..];
        Ok(n)
    }
}

#[test]
fn parts_come_in_order_from_a_pipe_that_drips() {
    let image = image(&PARTS);
    let mut r = Reader::new(Drip(&image)).unwrap();
    let mut seen = Vec::new();
    while let Some(mut p) = r.next_part().unwrap() {
        seen.push((p.part().name.clone(), p.read_verified(1 << 20).unwrap()));
    }
    for ((name, bytes), part) in seen.iter().zip(PARTS) {
        assert_eq!((name.as_str(), bytes.as_slice()), (part.0, part.2));
    }
    assert_eq!(seen.len(), 3);
}

#[test]
fn unread_parts_are_passed_over() {
    let image = image(&PARTS);
    let mut r = Reader::new(&image[..]).unwrap();
    r.next_part().unwrap();
    r.next_part().unwrap();
    let mut disk = [0; 4];
    r.next_part().unwrap().unwrap().read_into(&mut disk).unwrap();
    assert_eq!(&disk, b"disk");
    assert!(r.next_part().unwrap().is_none());
    r.drain().unwrap();
}

#[test]
fn a_short_stream_is_named_as_such() {
    let image = image(&PARTS);
    let mut r = Reader::new(&image[..0x9000]).unwrap();
    r.next_part().unwrap().unwrap().read_verified(100).unwrap();
    let e = r.next_part().unwrap().unwrap().read_verified(1 << 20).unwrap_err();
    assert!(matches!(&e, Error::Truncated { offset: 0x9000, what } if what.contains("kernel")), "{e}");
}

#[test]
fn a_part_over_the_limit_is_not_read() {
    let image = image(&PARTS);
    let mut r = Reader::new(&image[..]).unwrap();
    let e = r.next_part().unwrap().unwrap().read_bytes(3).unwrap_err();
    assert!(matches!(e, Error::OverLimit { size: 4, limit: 3, .. }));
}
