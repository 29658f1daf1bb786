//! The built tool on the demo IPSW.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Folder(tempfile::TempDir);

struct Ran {
    status: i32,
    stdout: Vec<u8>,
    stderr: String,
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

    /// Words are split at spaces; `input` comes through a pipe.
    fn run(&self, args: &str, input: Option<&[u8]>) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ipsw-extract"))
            .args(args.split(' ').filter(|a| !a.is_empty()))
            .current_dir(self.0.path())
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let feeder = input.map(|i| {
            let (mut pipe, bytes) = (child.stdin.take().unwrap(), i.to_vec());
            // The tool may stop reading: that is its right.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)))
        });
        let out = child.wait_with_output().unwrap();
        if let Some(f) = feeder {
            f.join().unwrap();
        }
        Ran {
            status: out.status.code().unwrap_or(-1),
            stdout: out.stdout,
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    #[track_caller]
    fn ok(&self, args: &str) -> Vec<u8> {
        let ran = self.run(args, None);
        assert_eq!(ran.status, 0, "{args}: {}", ran.stderr);
        ran.stdout
    }

    #[track_caller]
    fn fails(&self, args: &str, status: i32, says: &str) {
        let ran = self.run(args, None);
        assert_eq!(ran.status, status, "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.lines().count() == 1, "{args}: {}", ran.stderr);
    }
}

#[test]
fn components_come_out_by_any_name_and_way() {
    let f = Folder::new();
    let parts = guests::demo::parts().unwrap();
    for name in
        ["kernel", "KernelCache", "RestoreKernelCache", "kernelcache.*", "kernelcache.release.iphone9"]
    {
        assert!(f.ok(&format!("demo.ipsw {name}")) == parts.kernelcache, "{name}");
    }
    assert!(f.ok("demo.ipsw ramdisk --device iPhone9,1 --board D10") == parts.ramdisk);
    assert!(f.ok("demo.ipsw ramdisk --variant update") != parts.ramdisk);
    assert!(f.ok("demo.ipsw ramdisk --identity 1") == f.ok("demo.ipsw 048-00002-001.dmg"));
}

#[test]
fn files_keep_their_folders_or_lose_them() {
    let f = Folder::new();
    f.ok("demo.ipsw **DeviceTree* trustcache -o files");
    assert!(f.path("files/Firmware/all_flash/DeviceTree.d10ap.im4p").is_file());
    f.ok("demo.ipsw **DeviceTree* trustcache -o flat --flat");
    assert!(f.path("flat/048-00001-001.dmg.trustcache").is_file());
    f.ok("demo.ipsw -o boot");
    assert!(f.read("boot/kernelcache.release.iphone9") == guests::demo::parts().unwrap().kernelcache);
    assert_eq!(f.ok("demo.ipsw -o none -n").iter().filter(|b| **b == b'\n').count(), 4);
    assert!(!f.path("none").exists());
}

#[test]
fn a_pipe_a_file_and_a_folder_give_the_same_image() {
    let f = Folder::new();
    let image = f.ok("demo.ipsw --append serial=3");
    let piped = f.run("--append serial=3", Some(&f.read("demo.ipsw")));
    assert!(piped.status == 0 && piped.stdout == image, "{}", piped.stderr);
    f.ok("demo.ipsw ** -o unpacked");
    let unpacked = f.ok("unpacked --append serial=3");
    assert!(unpacked.len() == image.len() && unpacked[16_384..] == image[16_384..]);
    f.ok("demo.ipsw --pack --append serial=3 -o boot.fit");
    assert!(f.read("boot.fit") == image);
    let header = bootimg::Header::parse(&image).unwrap();
    assert_eq!(header.select(None).unwrap().bootargs, Some("serial=3"));
}

#[test]
fn lists_are_for_people_and_for_programs() {
    let f = Folder::new();
    let text = String::from_utf8(f.ok("-l --files demo.ipsw")).unwrap();
    for line in
        ["12.1 (16B92) for iPhone9,1", "RestoreRamDisk", "sha384:", "Case-sensitive HFS+", "Restore.plist"]
    {
        assert!(text.contains(line), "no {line} in {text}");
    }
    let json: serde_json::Value = serde_json::from_slice(&f.ok("--json demo.ipsw")).unwrap();
    assert_eq!(json["identities"][1]["variant"], "Customer Update Install (IPSW)");
    assert_eq!(json["identities"][0]["components"][0]["name"], "KernelCache");
    let piped = f.run("--json", Some(&f.read("demo.ipsw")));
    let piped: serde_json::Value = serde_json::from_slice(&piped.stdout).unwrap();
    assert_eq!(piped["identities"], json["identities"]);
}

/// The demo with a byte of the stored kernelcache changed, and its CRC-32 made right in both headers.
fn tampered(good: &[u8]) -> Vec<u8> {
    let kernel = guests::demo::parts().unwrap().kernelcache;
    let at = good.windows(64).position(|w| w == &kernel[..64]).unwrap();
    let mut bad = good.to_vec();
    bad[at + 5000] ^= 1;
    let [old, new] = [&kernel[..], &bad[at..at + kernel.len()]].map(|b| {
        u32::from_be_bytes(bootimg::Digest::of(bootimg::Algorithm::Crc32, b).value.try_into().unwrap())
    });
    let places: Vec<usize> = (0..bad.len() - 4).filter(|i| bad[*i..i + 4] == old.to_le_bytes()).collect();
    assert_eq!(places.len(), 2, "local header and directory");
    for i in places {
        bad[i..i + 4].copy_from_slice(&new.to_le_bytes());
    }
    bad
}

#[test]
fn a_file_other_than_the_manifests_is_refused_in_every_way_of_taking_it() {
    let f = Folder::new();
    f.write("bad.ipsw", &tampered(&f.read("demo.ipsw")));
    let says = "SHA-384 is";
    f.fails("bad.ipsw kernel -o out", 3, says);
    assert!(!f.path("out/kernelcache.release.iphone9").exists());
    f.fails("bad.ipsw kernelcache.*", 3, says);
    f.fails("bad.ipsw --check", 3, says);
    let ran = f.run("bad.ipsw", None);
    assert!(ran.status == 3 && ran.stderr.contains(says), "{}", ran.stderr);
    let mut reader = bootimg::Reader::new(&ran.stdout[..]).unwrap();
    let mut parts = 0;
    while let Ok(Some(mut p)) = reader.next_part() {
        parts += usize::from(p.read_bytes(1 << 20).is_ok());
    }
    assert_eq!(parts, 2, "whoever reads the image sees that it ends in the kernel");
    assert_eq!(f.ok("bad.ipsw kernel --no-verify").len(), guests::demo::parts().unwrap().kernelcache.len());
}

#[test]
fn truncated_and_damaged_archives_are_told_in_one_line() {
    let f = Folder::new();
    let good = f.read("demo.ipsw");
    for len in (0..good.len()).step_by(397) {
        f.write("cut.ipsw", &good[..len]);
        let ran = f.run("cut.ipsw", None);
        assert!(ran.status == 3 && ran.stderr.lines().count() == 1, "{len} bytes: {}", ran.stderr);
        let piped = f.run("", Some(&good[..len]));
        assert!(
            piped.status != 0 && piped.stderr.lines().count() == 1,
            "{len} bytes piped: {}",
            piped.stderr
        );
    }
    for at in (0..good.len()).step_by(211) {
        let mut bad = good.clone();
        bad[at] ^= 0x41;
        f.write("bad.ipsw", &bad);
        let ran = f.run("bad.ipsw", None);
        assert!([0, 1, 3, 5].contains(&ran.status), "byte {at}: {} {}", ran.status, ran.stderr);
        assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
    }
}

#[test]
fn nothing_is_written_through_links() {
    let f = Folder::new();
    std::fs::create_dir_all(f.path("elsewhere")).unwrap();
    std::fs::create_dir_all(f.path("out")).unwrap();
    std::os::unix::fs::symlink(f.path("elsewhere"), f.path("out/Firmware")).unwrap();
    f.fails("demo.ipsw trustcache -o out", 4, "nothing is written through it");
    assert_eq!(std::fs::read_dir(f.path("elsewhere")).unwrap().count(), 0);
}

#[test]
fn what_is_not_there_is_an_error_that_says_what_is() {
    let f = Folder::new();
    f.fails("demo.ipsw SEP", 1, "there are: KernelCache, RestoreKernelCache");
    f.fails("demo.ipsw *.aea", 1, "no file *.aea");
    f.fails("demo.ipsw --board d22", 1, "d10ap (Erase, Update)");
    f.fails("demo.ipsw --device iPhone10,3", 1, "products iPhone9,1");
    f.fails("demo.ipsw --variant Recovery", 1, "variant Recovery");
    f.fails("demo.ipsw kernel ramdisk", 2, "use -o DIR");
    f.fails("missing.ipsw", 4, "missing.ipsw");
}
