//! The built tool on whole IPSWs: verified, compared, explained, in parallel; and on what is inside members.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::Command;
use zip::write::SimpleFileOptions;

struct Folder(tempfile::TempDir);

struct Ran {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
}

impl Ran {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

impl Folder {
    fn new() -> Folder {
        let f = Folder(tempfile::tempdir().unwrap());
        f.write("demo.ipsw", &guests::demo::ipsw().unwrap());
        f
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn run(&self, args: &str) -> Ran {
        let out = Command::new(env!("CARGO_BIN_EXE_ipsw-extract"))
            .args(args.split(' ').filter(|a| !a.is_empty()))
            .current_dir(self.0.path())
            .output()
            .unwrap();
        Ran {
            status: out.status.code().unwrap_or(-1),
            stdout: out.stdout,
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn ok(&self, args: &str) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.status, 0, "{args}: {}", ran.stderr);
        ran
    }

    #[track_caller]
    fn fails(&self, args: &str, status: i32, says: &str) {
        let ran = self.run(args);
        assert_eq!(ran.status, status, "{args}: {}{}", ran.text(), ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.lines().count() == 1, "{args}: {}", ran.stderr);
    }

    /// The demo's files, unpacked.
    fn unpacked(&self) -> Vec<(String, Vec<u8>)> {
        self.ok("demo.ipsw ** -o unpacked");
        let list = self.ok("--json demo.ipsw").json();
        let names = list["files"].as_array().unwrap().iter();
        names
            .map(|f| f["path"].as_str().unwrap().to_string())
            .map(|n| (n.clone(), self.read(&format!("unpacked/{n}"))))
            .collect()
    }
}

fn zipped(files: &[(String, Vec<u8>)], stored: bool) -> Vec<u8> {
    let method = if stored { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
    let mut w = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        w.start_file(name.as_str(), SimpleFileOptions::default().compression_method(method)).unwrap();
        w.write_all(bytes).unwrap();
    }
    w.finish().unwrap().into_inner()
}

#[test]
fn an_archive_is_verified_file_by_file_and_damage_is_found_in_any() {
    let f = Folder::new();
    let good = f.ok("--verify demo.ipsw");
    assert!(
        good.text().contains("kernelcache.release.iphone9: CRC-32 ok; KernelCache: digest ok"),
        "{}",
        good.text()
    );
    assert!(good.text().contains(": 0 bad, 0 missing"), "{}", good.text());
    let json = f.ok("--verify --json demo.ipsw").json();
    assert_eq!((&json["ok"], &json["bad"]), (&true.into(), &0.into()));
    // A byte of each file, one after the other.
    let files = f.unpacked();
    let archive = zipped(&files, true);
    f.write("same.ipsw", &archive);
    f.ok("verify same.ipsw");
    for (name, bytes) in files.iter().filter(|(n, _)| n != "BuildManifest.plist" && n != "Restore.plist") {
        // Right behind its name in its local header: two members may have the same bytes.
        let header = [name.as_bytes(), bytes].concat();
        let at = archive.windows(header.len()).position(|w| w == &header[..]).unwrap() + name.len();
        let at = at + bytes.len() / 2;
        let mut bad = archive.clone();
        bad[at] ^= 1;
        f.write("bad.ipsw", &bad);
        for jobs in ["-j1", "-j4"] {
            let ran = f.run(&format!("--verify bad.ipsw {jobs}"));
            assert_eq!(ran.status, 3, "{name}: {}", ran.stderr);
            assert!(ran.text().contains(&format!("{name}: FAILED")), "{name}: {}", ran.text());
            assert!(ran.stderr.contains("1 of "), "{}", ran.stderr);
        }
    }
    // A file of the manifest that is not there, and one with right CRC-32 and wrong digest.
    let less: Vec<_> = files.iter().filter(|(n, _)| !n.ends_with(".trustcache")).cloned().collect();
    f.write("less.ipsw", &zipped(&less, false));
    let ran = f.run("--verify less.ipsw");
    assert!(ran.status == 1 && ran.text().contains(".trustcache: missing"), "{}", ran.text());
    let mut other = files.clone();
    let kernel = other.iter_mut().find(|(n, _)| n.starts_with("kernelcache")).unwrap();
    kernel.1[5000] ^= 1;
    f.write("other.ipsw", &zipped(&other, false));
    let ran = f.run("--verify other.ipsw");
    assert!(
        ran.status == 3 && ran.text().contains("CRC-32 ok; KernelCache: FAILED (SHA-384 is"),
        "{}",
        ran.text()
    );
    f.ok("--verify unpacked");
    f.fails("--verify demo.ipsw nothing*", 1, "no file nothing*");
}

#[test]
fn many_at_once_give_the_same_as_one_after_the_other() {
    let f = Folder::new();
    f.ok("demo.ipsw ** -o one -j1");
    f.ok("demo.ipsw ** -o many -j8");
    for (name, bytes) in f.unpacked() {
        assert!(
            f.read(&format!("one/{name}")) == bytes && f.read(&format!("many/{name}")) == bytes,
            "{name}"
        );
    }
}

#[test]
fn two_ipsws_are_compared_down_to_kernels_and_trees() {
    let f = Folder::new();
    let same = f.ok("--diff demo.ipsw demo.ipsw");
    assert!(same.stdout.is_empty());
    let mut files = f.unpacked();
    let tree = files.iter_mut().find(|(n, _)| n.contains("DeviceTree")).unwrap();
    let inner = apple_wrap::open(&tree.1, &apple_wrap::Options::default()).unwrap().payload.into_owned();
    let mut parsed = apple_dt::Tree::parse(&inner).unwrap();
    parsed.node_mut("/chosen").unwrap().set("debug-enabled", 7u32.to_le_bytes()).unwrap();
    tree.1 = apple_wrap::rewrap(&tree.1, &parsed.to_bytes()).unwrap();
    let kernel = files.iter_mut().find(|(n, _)| n.starts_with("kernelcache")).unwrap();
    let mut macho =
        apple_wrap::open(&kernel.1, &apple_wrap::Options::default()).unwrap().payload.into_owned();
    let at = macho.windows(22).position(|w| w == b"Darwin Kernel Version ").unwrap();
    macho[at + 22] = b'9';
    kernel.1 = apple_wrap::rewrap(&kernel.1, &macho).unwrap();
    let manifest = files.iter_mut().find(|(n, _)| n == "BuildManifest.plist").unwrap();
    manifest.1 = String::from_utf8(manifest.1.clone()).unwrap().replace("16B92", "16B99").into_bytes();
    files.push(("Firmware/new.im4p".into(), b"new".to_vec()));
    f.write("new.ipsw", &zipped(&files, false));
    for command in ["--diff demo.ipsw new.ipsw", "diff demo.ipsw new.ipsw"] {
        let ran = f.run(command);
        assert_eq!(ran.status, 1, "{}", ran.stderr);
        let text = ran.text();
        for part in [
            "--- demo.ipsw\n+++ new.ipsw\n",
            "build: 16B92 -> 16B99",
            "+ Firmware/new.im4p: 3 bytes",
            "kernel kernelcache.release.iphone9:\n- Darwin Kernel Version ",
            "\n+ Darwin Kernel Version 9",
            "chosen:debug-enabled = u32(7)",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    let json = f.run("--json --diff demo.ipsw new.ipsw").json();
    assert_eq!((&json["same"], &json["builds"][0]["new"]), (&false.into(), &"16B99".into()));
    assert_eq!(json["device_trees"][0]["differences"][0]["property"], "debug-enabled");
    f.fails("--diff demo.ipsw missing.ipsw", 4, "missing.ipsw");
    f.fails("diff demo.ipsw", 2, "two IPSWs");
}

#[test]
fn over_the_air_archives_are_read_like_ipsws() {
    let f = Folder::new();
    let files: Vec<(String, Vec<u8>)> =
        f.unpacked().into_iter().map(|(n, b)| (format!("AssetData/boot/{n}"), b)).collect();
    f.write("ota.zip", &zipped(&files, false));
    let kernel = guests::demo::parts().unwrap().kernelcache;
    assert!(f.ok("ota.zip kernel").stdout == kernel);
    assert!(f.ok("-l ota.zip").text().contains("AssetData/boot/kernelcache.release.iphone9"));
    assert!(f.ok("--why ota.zip").text().contains("an over-the-air archive"));
    f.ok("--verify ota.zip");
    let folder: Vec<(String, Vec<u8>)> =
        f.unpacked().into_iter().map(|(n, b)| (format!("iPhone9,1_12.1/{n}"), b)).collect();
    f.write("folder.zip", &zipped(&folder, false));
    assert!(f.ok("folder.zip kernel").stdout == kernel, "a folder that someone has zipped");
}

/// An Apple Archive of one file and one link.
fn apple_archive(path: &str, content: &[u8]) -> Vec<u8> {
    let text = |s: &str| [&(s.len() as u16).to_le_bytes()[..], s.as_bytes()].concat();
    let entry = |fields: &[Vec<u8>], data: &[u8]| {
        let head = fields.concat();
        [b"AA01", &(head.len() as u16 + 6).to_le_bytes()[..], &head, data].concat()
    };
    let name = [b"PATP".to_vec(), text(path)].concat();
    let size = [b"DATB".to_vec(), (content.len() as u32).to_le_bytes().to_vec()].concat();
    let file = entry(&[b"TYP1F".to_vec(), name, size], content);
    let link =
        [[b"PATP".to_vec(), text("link")].concat(), [b"LNKP".to_vec(), text("/etc")].concat()].concat();
    [file, entry(&[b"TYP1L".to_vec(), link], b"")].concat()
}

/// In chunks that are not packed.
fn pbzx(bytes: &[u8]) -> Vec<u8> {
    let mut out = b"pbzx".to_vec();
    out.extend((1u64 << 16).to_be_bytes());
    for chunk in bytes.chunks(1 << 16) {
        out.extend((chunk.len() as u64).to_be_bytes());
        out.extend((chunk.len() as u64).to_be_bytes());
        out.extend(chunk);
    }
    out
}

#[test]
fn what_is_inside_members_is_listed_and_taken_out() {
    let f = Folder::new();
    let mut files = f.unpacked();
    let dyld = vec![0x5a; 100_000];
    files.push(("Firmware/Mav.bbfw".into(), zipped(&[("sbl1.elf".into(), b"boot".to_vec())], false)));
    files.push(("Firmware/Stored.bbfw".into(), zipped(&[("a/qdsp6.elf".into(), b"modem".to_vec())], true)));
    files.push(("AssetData/payloadv2/payload.000".into(), pbzx(&apple_archive("usr/lib/dyld", &dyld))));
    files.push(("AssetData/payloadv2/payload.001".into(), pbzx(&apple_archive("bin/sh", b"sh"))));
    files.push(("hostile.aa".into(), apple_archive("../../escaped", b"x")));
    for stored in [true, false] {
        f.write("big.ipsw", &zipped(&files, stored));
        assert_eq!(f.ok("big.ipsw Firmware/Mav.bbfw//sbl1.elf").stdout, b"boot");
        assert_eq!(f.ok("big.ipsw *.bbfw//*q*.elf").stdout, b"modem");
        assert!(f.ok("big.ipsw //usr/lib/dyld").stdout == dyld);
        let list = f.ok("-l big.ipsw payload.*//").text();
        assert!(
            list.contains("payload.000//usr/lib/dyld") && list.contains("payload.001//link -> /etc (link)"),
            "{list}"
        );
        let json = f.ok("--json big.ipsw *.bbfw//").json();
        assert_eq!(json.as_array().unwrap().len(), 2);
        let out = f.ok("big.ipsw payload.*//** -o root");
        assert!(out.stderr.contains("2 links"), "{}", out.stderr);
        assert!(f.read("root/usr/lib/dyld") == dyld && f.read("root/bin/sh") == b"sh");
        f.fails("big.ipsw hostile.aa// -o root", 3, "unsafe name");
        assert!(!f.path("escaped").exists());
        f.fails("big.ipsw *.bbfw//", 2, "-o DIR");
        f.fails("big.ipsw *.bbfw//nothing", 1, "nothing in it fits");
        f.fails("big.ipsw BuildManifest.plist//x", 1, "neither an archive");
        f.fails("big.ipsw kernel *.bbfw//x", 2, "cannot be mixed");
    }
    let mut bad = files.clone();
    let payload = bad.iter_mut().find(|(n, _)| n.ends_with("payload.000")).unwrap();
    payload.1.truncate(50_000);
    f.write("bad.ipsw", &zipped(&bad, false));
    f.fails("bad.ipsw //usr/lib/dyld -o out", 3, "payload.000");
    assert!(!f.path("out/usr/lib/dyld").exists(), "what is not whole is not there");
}

#[test]
fn every_layer_is_told_and_what_is_in_the_way() {
    let f = Folder::new();
    let why = f.ok("--why demo.ipsw kernel devicetree").text();
    for part in [
        "an IPSW",
        "component KernelCache",
        "BuildManifest has SHA-384",
        "IM4P at 0x0",
        "kc-decompress reads it",
        "dt-patch reads it",
    ] {
        assert!(why.contains(part), "no {part} in {why}");
    }
    let ran = f.run("--why demo.ipsw SEP");
    assert!(ran.status == 1 && ran.text().contains("stops: no component SEP"), "{}", ran.text());
}

#[test]
fn verbs_and_options_of_ipsw_are_understood() {
    let f = Folder::new();
    let parts = guests::demo::parts().unwrap();
    assert!(f.ok("extract --kernel demo.ipsw").stdout == parts.kernelcache);
    assert!(f.ok("demo.ipsw --dtree").stdout == parts.device_tree);
    assert!(f.ok("extract demo.ipsw --dmg rdisk").stdout == parts.ramdisk);
    f.ok("extract --files demo.ipsw");
    f.ok("extract demo.ipsw --pattern **DeviceTree* --output out --flat");
    assert!(f.path("out/DeviceTree.d10ap.im4p").is_file());
    assert!(f.ok("list demo.ipsw").text().contains("RestoreRamDisk"));
    assert!(f.ok("info demo.ipsw --json").json()["build"] == "16B92");
    f.write("list", &guests::demo::ipsw().unwrap());
    assert!(f.ok("list kernel").stdout == parts.kernelcache, "a file of a verb's name is a file");
}

#[test]
fn any_zip_gives_its_files_and_one_with_an_ipsw_gives_that() {
    let f = Folder::new();
    let kernel = guests::demo::parts().unwrap().kernelcache;
    for stored in [true, false] {
        let outer =
            [("readme.txt".into(), b"hello".to_vec()), ("a/demo.ipsw".into(), guests::demo::ipsw().unwrap())];
        f.write("outer.zip", &zipped(&outer, stored));
        assert!(f.ok("outer.zip kernel").stdout == kernel);
        assert!(f.ok("-l outer.zip").text().starts_with("outer.zip//a/demo.ipsw: 12.1"));
        let plain =
            [("readme.txt".into(), b"hello".to_vec()), ("x/inner.zip".into(), zipped(&outer[..1], stored))];
        f.write("plain.zip", &zipped(&plain, stored));
        assert_eq!(f.ok("plain.zip readme.txt").stdout, b"hello");
        assert_eq!(f.ok("plain.zip *.zip//readme.txt").stdout, b"hello");
        assert!(f.ok("--files plain.zip").text().contains("x/inner.zip"));
        f.ok("--verify plain.zip");
        f.fails("plain.zip", 1, "no IPSW");
        f.fails("plain.zip kernel", 1, "no IPSW");
        assert!(f.run("--why plain.zip").text().contains("a zip archive"));
    }
}
