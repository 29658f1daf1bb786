//! U-Boot's own tools (Debian u-boot-tools, with dtc for mkimage) read what we write, and we read what they write.
//! Without the tools the tests say so and pass; CI installs them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bootimg::{Builder, ConfigurationSpec, Header, PartKind, PartSpec, Reader, Rewriter};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("bootimg-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether a tool is there; says so when it is not.
fn have(tool: &str) -> bool {
    let there = Command::new(tool).arg("-V").output().is_ok();
    if !there {
        println!("skipped: {tool} is not installed (Debian: u-boot-tools, device-tree-compiler)");
    }
    there
}

fn run(command: &mut Command) -> String {
    let out = command.output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {text}");
    text
}

fn parts() -> [(&'static str, PartKind, Vec<u8>); 4] {
    [
        ("devicetree", PartKind::DeviceTree, vec![1; 70_001]),
        ("trustcache", PartKind::TrustCache, b"trust".to_vec()),
        ("kernel", PartKind::Kernel, (0..=255).cycle().take(300_000).collect()),
        ("ramdisk", PartKind::Ramdisk, vec![4; 16_384]),
    ]
}

fn ours() -> Vec<u8> {
    let mut b = Builder::new("XNU packed boot image");
    for (name, kind, bytes) in parts() {
        b.add(PartSpec::of_bytes(name, kind, &bytes).format("im4p").im4p_type("krnl")).unwrap();
    }
    b.configure(ConfigurationSpec::new("iphone10,3-erase").bootargs("serial=3")).unwrap();
    let mut w = b.write(Vec::new()).unwrap();
    for (_, _, bytes) in parts() {
        w.part(&mut &bytes[..]).unwrap();
    }
    w.finish().unwrap()
}

fn dumpimage_reads(image: &Path, folder: &Folder) {
    let list = run(Command::new("dumpimage").arg("-l").arg(image));
    for line in [
        "FIT description: XNU packed boot image",
        "Image 0 (devicetree)",
        "Type:         Flat Device Tree",
        "Image 2 (kernel)",
        "Type:         Kernel Image",
        "Data Size:    300000 Bytes",
        "Architecture: AArch64",
        "Type:         RAMDisk Image",
        "Hash algo:    sha256",
        "Default Configuration: 'iphone10,3-erase'",
        "Kernel:       kernel",
        "FDT:          devicetree",
        "Init Ramdisk: ramdisk",
        "Loadables:    trustcache",
    ] {
        assert!(list.contains(line), "no {line:?} in:\n{list}");
    }
    for (i, (name, _, bytes)) in parts().iter().enumerate() {
        let out = folder.file(name);
        run(Command::new("dumpimage")
            .args(["-T", "flat_dt", "-p", &i.to_string(), "-o"])
            .arg(&out)
            .arg(image));
        assert!(std::fs::read(&out).unwrap() == *bytes, "{name} differs");
    }
}

#[test]
fn dumpimage_lists_and_extracts_what_we_write() {
    if !have("dumpimage") {
        return;
    }
    let folder = Folder::new("dumpimage");
    let image = folder.file("boot.fit");
    std::fs::write(&image, ours()).unwrap();
    dumpimage_reads(&image, &folder);
}

#[test]
fn dumpimage_reads_what_a_filter_has_changed() {
    if !have("dumpimage") {
        return;
    }
    let folder = Folder::new("changed");
    let image = folder.file("boot.fit");
    let ours = ours();
    let mut r = Rewriter::new(&ours[..]).unwrap();
    r.replace("devicetree", vec![9; 10]).unwrap();
    r.replace("devicetree", parts()[0].2.clone()).unwrap();
    std::fs::write(&image, r.finish(Vec::new()).unwrap()).unwrap();
    dumpimage_reads(&image, &folder);
}

#[test]
fn images_of_stock_mkimage_are_read_with_offsets_and_with_positions() {
    if !have("mkimage") || !have("dtc") {
        return;
    }
    let folder = Folder::new("mkimage");
    let mut its = String::from("/dts-v1/;\n/ { description = \"stock\"; #address-cells = <1>; images {\n");
    for (name, kind, bytes) in parts() {
        std::fs::write(folder.file(name), bytes).unwrap();
        its += &format!(
            "{name} {{ description = \"{name}\"; data = /incbin/(\"{name}\"); type = \"{}\"; arch = \"arm64\"; \
             os = \"linux\"; compression = \"none\"; load = <0x4000000>; entry = <0x4000000>; \
             hash-1 {{ algo = \"crc32\"; }}; hash-2 {{ algo = \"sha1\"; }}; hash-3 {{ algo = \"md5\"; }}; }};\n",
            kind.fit_type()
        );
    }
    its += "}; configurations { default = \"conf-1\"; conf-1 { kernel = \"kernel\"; fdt = \"devicetree\"; \
            ramdisk = \"ramdisk\"; loadables = \"trustcache\"; }; }; };\n";
    std::fs::write(folder.file("boot.its"), its).unwrap();
    for (options, mappable) in
        [(&["-E", "-B", "4000"][..], true), (&["-E"], false), (&["-E", "-p", "10000"], false)]
    {
        run(Command::new("mkimage")
            .current_dir(&folder.0)
            .args(["-f", "boot.its"])
            .args(options)
            .arg("boot.fit"));
        let image = std::fs::read(folder.file("boot.fit")).unwrap();
        let h = Header::parse(&image).unwrap();
        h.check_len(image.len() as u64).unwrap();
        assert_eq!(h.parts.len(), 4);
        assert!(!mappable || h.parts.iter().all(|p| p.is_mappable()), "{options:?}");
        for (name, kind, bytes) in parts() {
            let p = h.part(name).unwrap();
            assert_eq!((p.kind, p.load), (kind, Some(0x400_0000)), "{name}");
            assert_eq!((p.digests.len(), p.unknown_digests.as_slice()), (2, &["md5".to_string()][..]));
            let place = usize::try_from(p.offset).unwrap()..usize::try_from(p.end()).unwrap();
            assert!(image[place.clone()] == bytes, "{name} differs, {options:?}");
            p.verify(&image[place]).unwrap();
        }
        assert_eq!(h.select(None).unwrap().parts.len(), 4);
        // In one pass, and through the rewriter, which brings it into our layout.
        let mut r = Reader::new(&image[..]).unwrap();
        while let Some(mut p) = r.next_part().unwrap() {
            p.read_verified(1 << 20).unwrap();
        }
        let rewritten = Rewriter::new(&image[..]).unwrap().finish(Vec::new()).unwrap();
        assert!(Header::parse(&rewritten).unwrap().parts.iter().all(|p| p.is_mappable()));
    }
}
