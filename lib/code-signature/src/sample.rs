//! Small Mach-O files for the tests.

/// An unsigned arm64 program: `__TEXT` with a section at 0x1000, `__LINKEDIT` with `tail` bytes.
pub(crate) fn sample_with(cpu: (u32, u32), tail: usize) -> Vec<u8> {
    let mut f = Vec::new();
    let put = |f: &mut Vec<u8>, v: u32| f.extend(v.to_le_bytes());
    let put64 = |f: &mut Vec<u8>, v: u64| f.extend(v.to_le_bytes());
    for v in [0xfeed_facf, cpu.0, cpu.1, 2, 2, 72 + 80 + 72, 0x85, 0] {
        put(&mut f, v);
    }
    let name = |s: &str| {
        let mut n = s.as_bytes().to_vec();
        n.resize(16, 0);
        n
    };
    for v in [0x19, 72 + 80] {
        put(&mut f, v);
    }
    f.extend(name("__TEXT"));
    for v in [0x1_0000_0000, 0x4000, 0, 0x4000u64] {
        put64(&mut f, v);
    }
    for v in [5, 5, 1, 0] {
        put(&mut f, v);
    }
    f.extend(name("__text"));
    f.extend(name("__TEXT"));
    put64(&mut f, 0x1_0000_1000);
    put64(&mut f, 0x3000);
    for v in [0x1000, 2, 0, 0, 0x8000_0400, 0, 0, 0] {
        put(&mut f, v);
    }
    for v in [0x19, 72] {
        put(&mut f, v);
    }
    f.extend(name("__LINKEDIT"));
    for v in [0x1_0000_4000, 0x4000, 0x4000, tail as u64] {
        put64(&mut f, v);
    }
    for v in [1, 1, 0, 0] {
        put(&mut f, v);
    }
    f.resize(0x1000, 0);
    f.extend((0..0x3000u32).map(|i| (i / 7) as u8));
    f.extend((0..tail).map(|i| i as u8));
    f
}

/// An arm64 program whose end is not aligned.
pub(crate) fn sample() -> Vec<u8> {
    sample_with((0x0100_000c, 0), 1001)
}

/// arm64 and arm64e in a fat file.
pub(crate) fn fat() -> Vec<u8> {
    let slices = [((0x0100_000c, 0), 1001), ((0x0100_000c, 0x8000_0002), 50)];
    let mut f = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2];
    let mut at = 0x4000u32;
    let mut body = Vec::new();
    for (cpu, tail) in slices {
        let s = sample_with(cpu, tail);
        for v in [cpu.0, cpu.1, at, s.len() as u32, 14] {
            f.extend(v.to_be_bytes());
        }
        at = (at + s.len() as u32).next_multiple_of(0x4000);
        body.extend(s);
        body.resize(at as usize - 0x4000, 0);
    }
    f.resize(0x4000, 0);
    f.extend(body);
    f
}
