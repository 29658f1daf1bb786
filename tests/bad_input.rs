//! Hostile input: cut at every byte, damaged at random, and the finds of fuzzing. Readers refuse; they do not fall.

use readers::{READERS, reader};
use std::time::{Duration, Instant};
use suite::DemoFolder;

/// Small, repeatable randomness (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Samples for each reader, of the demo.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let parts = guests::demo::parts().expect("the demo packs");
    let tree = guests::demo::device_tree().expect("the demo packs");
    let parsed = apple_dt::Tree::parse(&tree).expect("the demo's tree is right");
    let text = apple_dt::print(&parsed);
    let flat = apple_dt::flat::export(&parsed);
    let boot = DemoFolder::new().read("boot.fit");
    let open = |data: &[u8]| {
        apple_wrap::open(data, &apple_wrap::Options::default()).expect("opens").payload.into_owned()
    };
    let ramdisk = open(&parts.ramdisk);
    vec![
        ("trustcache", open(&parts.trust_cache)),
        ("img4", parts.trust_cache.clone()),
        ("wrap", parts.kernelcache.clone()),
        ("devicetree", tree),
        ("devicetree_text", text.into_bytes()),
        ("fdt", flat.to_bytes()),
        ("dts", apple_dt::flat::to_dts(&flat).into_bytes()),
        ("bootimg", boot),
        ("kernelcache", guests::demo::kernel()),
        ("zip", guests::demo::ipsw().expect("the demo packs")),
        ("disk", ramdisk),
        ("ota", include_bytes!("corpus/fuzz/ota/small.pbzx").to_vec()),
        ("code_signature", guests::demo::launchd().expect("the demo packs")),
    ]
}

#[test]
fn input_cut_at_any_byte_is_refused_in_time() {
    let started = Instant::now();
    for (name, sample) in samples() {
        for cut in 0..sample.len() {
            reader(name)(&sample[..cut]);
        }
    }
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}

#[test]
fn damaged_input_is_refused_or_read_in_time() {
    let started = Instant::now();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for (name, sample) in samples() {
        for round in 0..150 {
            let mut damaged = sample.clone();
            // Half of the damage goes to the head, where counts and lengths are.
            for _ in 0..=random.below(4) {
                let reach = if round % 2 == 0 { damaged.len().min(512) } else { damaged.len() };
                let at = random.below(reach);
                damaged[at] = random.next() as u8;
            }
            reader(name)(&damaged);
        }
    }
    assert!(started.elapsed() < Duration::from_secs(120), "{:?}", started.elapsed());
}

#[test]
fn what_fuzzing_found_stays_mended() {
    let corpus = suite::root().join("tests/corpus/fuzz");
    let mut seen = 0;
    for (name, read) in READERS {
        for file in std::fs::read_dir(corpus.join(name)).into_iter().flatten().flatten() {
            read(&std::fs::read(file.path()).expect("a corpus file"));
            seen += 1;
        }
    }
    assert!(seen >= READERS.len(), "only {seen} corpus files under {}", corpus.display());
}

#[test]
fn damage_is_told_in_one_line_with_its_exit_status() {
    let folder = DemoFolder::new();
    folder.sh("head -c 3000 kernelcache > cut.im4p").ok();
    folder.sh("kc-decompress cut.im4p -o kernel").fails(3, "kc-decompress");
    assert!(!folder.path().join("kernel").exists(), "a half-written output");
    folder.sh("head -c 3000 devicetree.im4p > cut.dt").ok();
    folder.sh("dt-patch --preset serial-only cut.dt -o dt").fails(3, "dt-patch");
    assert!(!folder.path().join("dt").exists(), "a half-written output");
    folder.sh("head -c 40000 boot.fit > cut.fit").ok();
    folder.sh("bootimg-pack --check cut.fit").fails(3, "bootimg-pack");
    folder.sh("head -c 15000 demo.ipsw > cut.ipsw").ok();
    folder.sh("ipsw-extract -l cut.ipsw").fails(3, "ipsw-extract");
    folder.sh("head -c 60000 ramdisk.dmg > cut.dmg").ok();
    folder.sh("rd-extract -l cut.dmg").fails(3, "rd-extract");
    folder.sh("xnu-run cut.fit").fails(3, "xnu-run");
    folder.sh("xnu-run no-such-file").fails(4, "xnu-run");
}
