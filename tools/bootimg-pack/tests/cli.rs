//! The built tool on small files of its own.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
}

impl Folder {
    /// With `kernel`, `tree`, `disk` and an image of them.
    fn new() -> Folder {
        let f = Folder(tempfile::tempdir().unwrap());
        f.write("kernel", &[0xaa; 40_000]);
        f.write("tree", b"a device tree");
        f.write("disk", &[0xdd; 16_384]);
        let made = f.run("--kernel kernel --devicetree tree --ramdisk disk --append -v -c main -o boot.fit");
        assert_eq!((made.status, made.stderr.as_str()), (0, ""));
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

    /// Words are split at spaces.
    fn run(&self, args: &str) -> Ran {
        self.piped(args, None)
    }

    fn piped(&self, args: &str, input: Option<&[u8]>) -> Ran {
        let mut child = Command::new(env!("CARGO_BIN_EXE_bootimg-pack"))
            .args(args.split(' '))
            .current_dir(self.0.path())
            .env_remove("SOURCE_DATE_EPOCH")
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
    fn fails(&self, args: &str, status: i32, says: &str) {
        let ran = self.run(args);
        assert_eq!(ran.status, status, "{args}: {}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.lines().count() == 1, "{args}: {}", ran.stderr);
    }

    fn files(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_was_packed_unpacks_to_the_same_bytes() {
    let f = Folder::new();
    assert_eq!(f.run("boot.fit --unpack out").status, 0);
    for (part, file) in [("kernel", "kernel"), ("devicetree", "tree"), ("ramdisk", "disk")] {
        assert!(f.read(&format!("out/{part}")) == f.read(file), "{part}");
        assert!(f.run(&format!("boot.fit -x {part}")).stdout == f.read(file), "{part}");
    }
    let list = f.run("boot.fit").text();
    assert!(list.contains("configuration main (default)") && list.contains("boot arguments: -v"), "{list}");
    let json = f.run("boot.fit --json").text();
    assert!(json.contains("\"bootargs\": \"-v\"") && json.contains("\"size\": 40000"), "{json}");
}

#[test]
fn packing_is_reproducible_also_from_a_pipe() {
    let f = Folder::new();
    let again = f.run("--kernel kernel --devicetree tree --ramdisk disk --append -v -c main");
    assert!(again.stdout == f.read("boot.fit"));
    let args = "--kernel - --devicetree tree --ramdisk disk --append -v -c main";
    let piped = f.piped(args, Some(&f.read("kernel")));
    assert_eq!(piped.status, 0, "{}", piped.stderr);
    // A pipe has no file name to note.
    assert_eq!(piped.stdout.len(), f.read("boot.fit").len());
    assert!(piped.stdout[16_384..] == f.read("boot.fit")[16_384..]);
}

#[test]
fn a_change_keeps_all_other_parts_and_can_be_done_in_place() {
    let f = Folder::new();
    f.write("other", &[1; 50_000]);
    assert_eq!(f.run("boot.fit --replace devicetree=other --append serial=3 -o new.fit").status, 0);
    assert!(f.run("new.fit -x devicetree").stdout == [1; 50_000]);
    assert!(f.run("new.fit -x kernel").stdout == f.read("kernel"));
    assert!(f.run("new.fit").text().contains("boot arguments: serial=3"));
    let piped = f.piped("--replace devicetree=other --append serial=3", Some(&f.read("boot.fit")));
    assert!(piped.stdout == f.read("new.fit"), "{}", piped.stderr);
    assert_eq!(f.run("boot.fit -i --replace devicetree=other --append serial=3").status, 0);
    assert!(f.read("boot.fit") == f.read("new.fit"));
    assert_eq!(
        f.run("boot.fit -i --remove ramdisk --part notes=tree --set xnuboot,machine=iphone8").status,
        0
    );
    let list = f.run("-l boot.fit").text();
    assert!(list.contains("parts: kernel, devicetree, notes") && list.contains("machine: iphone8"), "{list}");
}

#[test]
fn a_change_that_fails_leaves_the_file_and_nothing_else() {
    let f = Folder::new();
    let good = f.read("boot.fit");
    f.write("cut.fit", &good[..40_000]);
    let before = f.files();
    f.fails("cut.fit -i --replace devicetree=disk", 3, "the image ends in the middle of part kernel");
    f.fails("boot.fit -i --remove sep", 1, "no part sep; it holds: devicetree, kernel, ramdisk");
    f.fails("boot.fit -i --replace sep=tree", 1, "no part sep");
    f.fails("boot.fit -i --append x -c other", 1, "no configuration other; it has: main");
    assert_eq!(f.files(), before);
    assert!(f.read("boot.fit") == good && f.read("cut.fit") == good[..40_000]);
}

#[test]
fn damage_is_found_by_check_and_by_whoever_takes_the_part() {
    let f = Folder::new();
    let text = f.run("--check boot.fit").text();
    assert_eq!(text.matches("sha256 ok").count(), 3, "{text}");
    let mut bad = f.read("boot.fit");
    bad[50_000] ^= 1;
    f.write("bad.fit", &bad);
    f.fails("--check bad.fit", 3, "part kernel: sha256 is");
    f.fails("bad.fit -x kernel -o kernel.out", 3, "part kernel: sha256 is");
    assert!(!Path::new(&f.path("kernel.out")).exists());
    assert_eq!(f.run("bad.fit -x ramdisk").status, 0);
}

#[test]
fn every_truncation_is_told_in_one_line() {
    let f = Folder::new();
    let good = f.read("boot.fit");
    let last_byte = 0x4000 + 0x4000 + 0xc000 + 16_384;
    for len in (0..last_byte).step_by(1009).chain([1, 8, 0x4000, 0x8000, last_byte - 1]) {
        f.write("cut.fit", &good[..len]);
        for args in ["-l cut.fit", "--check cut.fit", "cut.fit -x ramdisk -o out", "-n cut.fit"] {
            let ran = f.run(args);
            assert_eq!(ran.status, 3, "{args}, {len} bytes: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        }
    }
    assert!(!f.files().contains(&"out".to_string()));
}

#[test]
fn senseless_command_lines_are_refused() {
    let f = Folder::new();
    f.write("empty", b"");
    f.fails("--kernel empty -o x", 3, "is empty");
    f.fails("--part kernel -o x", 2, "NAME=FILE");
    f.fails("--part a/b=tree -o x", 2, "name \"a/b\"");
    f.fails("--kernel kernel --part kernel=tree -o x", 2, "named kernel");
    f.fails("boot.fit --set kernel=x", 2, "use --part");
    f.fails("boot.fit --check --append x", 2, "do not go together");
    f.fails("tree", 3, "not a packed image: it starts");
    f.fails("missing.fit", 4, "missing.fit");
    assert!(!f.files().contains(&"x".to_string()));
}

#[test]
fn why_says_of_each_part_what_is_in_it() {
    let f = Folder::new();
    let text = f.run("boot.fit --why").text();
    for line in [
        "packed boot image (starts d0 0d fe ed",
        "part kernel, 40000 bytes",
        "sha256 right",
        "stops: unknown",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let value: serde_json::Value = serde_json::from_slice(&f.run("boot.fit --why --json").stdout).unwrap();
    assert_eq!(value["parts"].as_array().unwrap().len(), 3);
    f.fails("tree --why", 1, "not a packed boot image");
    f.fails("boot.fit --why --check", 2, "do not go together");
    f.fails("boot.fit -n --svg plan.svg", 3, "kernel");
    assert!(!f.files().contains(&"plan.svg".to_string()));
    let mut damaged = f.read("boot.fit");
    damaged[0x8000 + 5] ^= 1;
    f.write("damaged.fit", &damaged);
    let ran = f.run("damaged.fit --why");
    assert!(ran.status == 3 && ran.text().contains("part devicetree"), "{} {}", ran.text(), ran.stderr);
}
