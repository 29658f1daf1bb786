//! The built program on files of every wrapping, good and bad.

use apple_kc::test_support::tiny_kernel;
use apple_wrap::write::{self, Method};
use bootimg::{Builder, ConfigurationSpec, PartKind, PartSpec};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn tool(folder: &Path, args: &[&str], stdin: Option<&[u8]>) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kc-decompress"))
        .args(args)
        .current_dir(folder)
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        if let (Some(mut pipe), Some(data)) = (pipe, stdin) {
            // The tool may stop reading: then so do we.
            scope.spawn(move || pipe.write_all(data));
        }
        child.wait_with_output().unwrap()
    })
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn err(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn wrapped(method: Method) -> Vec<u8> {
    write::im4p(*b"krnl", "KernelCacheBuilder-1", &tiny_kernel(), method).unwrap()
}

/// A packed image of a device tree, the kernel and a ramdisk.
fn packed(kernel: &[u8]) -> Vec<u8> {
    let ramdisk = b"ramdisk".repeat(5000);
    let parts = [
        ("devicetree", PartKind::DeviceTree, &b"a device tree"[..]),
        ("kernel", PartKind::Kernel, kernel),
        ("ramdisk", PartKind::Ramdisk, &ramdisk),
    ];
    let mut builder = Builder::new("test");
    for (name, kind, bytes) in parts {
        builder.add(PartSpec::of_bytes(name, kind, bytes)).unwrap();
    }
    builder.configure(ConfigurationSpec::new("default").bootargs("serial=3")).unwrap();
    let mut image = Vec::new();
    let mut writer = builder.write(&mut image).unwrap();
    for (_, _, mut bytes) in parts {
        writer.part(&mut bytes).unwrap();
    }
    writer.finish().unwrap();
    image
}

fn parts(image: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut reader = bootimg::Reader::new(image).unwrap();
    let mut all = Vec::new();
    while let Some(mut part) = reader.next_part().unwrap() {
        let bytes = part.read_verified(1 << 24).unwrap();
        all.push((part.part().name.clone(), bytes));
    }
    all
}

#[test]
fn every_wrapping_gives_the_same_mach_o_from_file_and_pipe() {
    let dir = folder();
    let lzss = wrapped(Method::Lzss);
    let img4 = apple_img4::write::img4(&lzss, None, None).unwrap();
    for data in [tiny_kernel(), wrapped(Method::None), lzss, wrapped(Method::Lzfse), img4] {
        std::fs::write(dir.path().join("in"), &data).unwrap();
        let from_file = tool(dir.path(), &["in"], None);
        assert_eq!((from_file.status.code(), err(&from_file).as_str()), (Some(0), ""));
        assert_eq!(from_file.stdout, tiny_kernel());
        let from_pipe = tool(dir.path(), &["-", "-o", "out"], Some(&data));
        assert_eq!((from_pipe.status.code(), from_pipe.stdout.len()), (Some(0), 0));
        assert_eq!(std::fs::read(dir.path().join("out")).unwrap(), tiny_kernel());
    }
}

#[test]
fn of_a_packed_image_only_the_kernel_part_changes() {
    let dir = folder();
    let image = packed(&wrapped(Method::Lzfse));
    let out = tool(dir.path(), &[], Some(&image));
    assert_eq!(out.status.code(), Some(0), "{}", err(&out));
    let (before, after) = (parts(&image), parts(&out.stdout));
    assert_eq!(before.len(), after.len());
    for (old, new) in before.iter().zip(&after) {
        assert_eq!(old.0, new.0);
        if old.0 == "kernel" {
            assert_eq!(new.1, tiny_kernel());
        } else {
            assert_eq!(old.1, new.1, "{}", old.0);
        }
    }
    let header = bootimg::Header::parse(&out.stdout).unwrap();
    assert_eq!(header.select(None).unwrap().bootargs, Some("serial=3"));
    assert_eq!(header.part("kernel").unwrap().format.as_deref(), Some("macho"));
    let bare = tool(dir.path(), &["--bare"], Some(&image));
    assert_eq!(bare.stdout, tiny_kernel());
    let again = tool(dir.path(), &[], Some(&out.stdout));
    assert_eq!(again.stdout, out.stdout, "an image that is done already stays as it is");
}

#[test]
fn an_image_without_a_kernel_or_with_another_part_asked_for_is_status_1() {
    let dir = folder();
    let image = packed(&wrapped(Method::None));
    let out = tool(dir.path(), &["--part", "ramdisk"], Some(&image));
    assert_eq!((out.status.code(), out.stdout.len()), (Some(1), 0), "{}", err(&out));
    let out = tool(dir.path(), &["--part", "nothing"], Some(&image));
    assert_eq!(out.status.code(), Some(1), "{}", err(&out));
    assert!(err(&out).contains("devicetree"), "{}", err(&out));
}

#[test]
fn info_tells_what_the_kernel_is_in_text_and_json() {
    let dir = folder();
    let text = tool(dir.path(), &["--info"], Some(&wrapped(Method::Lzss)));
    let text = String::from_utf8(text.stdout).unwrap();
    for word in [
        "Darwin 18.2.0, iOS 12",
        "T8015 (A11)",
        "arm64 (cpusubtype 0x0)",
        "0xfffffff007008000 virtual, 0x801008000 physical",
        "30313233-3435-3637-3839-616263646566",
        "none (stripped)",
        "__TEXT_EXEC",
        "r-x",
    ] {
        assert!(text.contains(word), "{word} in {text}");
    }
    let json =
        tool(dir.path(), &["--info", "--json", "--phys-base", "0x40000000"], Some(&packed(&tiny_kernel())));
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(value["part"], "kernel");
    let kernel = &value["kernel"];
    assert_eq!(kernel["version"]["soc"], "T8015");
    assert_eq!(kernel["entry"]["paddr"], "0x41008000");
    assert_eq!(kernel["segments"][1]["name"], "__TEXT_EXEC");
    assert_eq!(kernel["segments"][1]["fileoff"], 0x4000);
    assert_eq!(kernel["stripped"], true);
}

#[test]
fn the_list_shows_the_wrappings_outermost_first() {
    let dir = folder();
    let out = tool(dir.path(), &["-l", "--json"], Some(&wrapped(Method::Lzfse)));
    let value: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&value["layers"][0]["kind"], &value["layers"][1]["kind"]), (&"IM4P".into(), &"LZFSE".into()));
    assert_eq!(value["kind"], "Mach-O");
    let other = write::im4p(*b"logo", "x\x1b[2Jy", b"iBootIm\0...", Method::None).unwrap();
    let text = tool(dir.path(), &["-l"], Some(&other));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("iBootIm") && !text.contains('\x1b'), "{text}");
}

#[test]
fn the_monitor_is_written_on_request_and_missed_otherwise() {
    let dir = folder();
    let stream = write::compress(&tiny_kernel(), Method::Lzss).unwrap().0.into_owned();
    let monitor = b"\xcf\xfa\xed\xfe the monitor";
    let file = [&stream[..], monitor].concat();
    let out = tool(dir.path(), &["--monitor", "kpp", "-o", "kernel"], Some(&file));
    assert_eq!((out.status.code(), err(&out).as_str()), (Some(0), ""));
    assert_eq!(std::fs::read(dir.path().join("kpp")).unwrap(), monitor);
    assert_eq!(std::fs::read(dir.path().join("kernel")).unwrap(), tiny_kernel());
    let out = tool(dir.path(), &[], Some(&file));
    assert!(out.status.success() && err(&out).contains("--monitor"), "{}", err(&out));
    let out = tool(dir.path(), &["--monitor", "none", "-o", "none"], Some(&stream));
    assert_eq!(out.status.code(), Some(1));
    assert!(!dir.path().join("none").exists());
}

#[test]
fn nothing_is_written_on_a_dry_run() {
    let dir = folder();
    for data in [wrapped(Method::Lzfse), packed(&wrapped(Method::Lzfse))] {
        let out = tool(dir.path(), &["-n", "-o", "out"], Some(&data));
        assert_eq!(out.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&out.stdout).contains("would write"), "{}", err(&out));
        assert!(!dir.path().join("out").exists());
    }
}

#[test]
fn bad_input_has_the_right_status_one_line_and_no_output_file() {
    let dir = folder();
    let whole = wrapped(Method::Lzss);
    let mut flipped = whole.clone();
    let last = flipped.len() - 2;
    flipped[last] ^= 4;
    let tree =
        [&[1u32, 0].map(u32::to_le_bytes).concat()[..], b"name", &[0; 28], &4u32.to_le_bytes(), b"abc\0"]
            .concat();
    let keybags = apple_img4::write::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let mut parts = apple_img4::write::Im4pParts::new(apple_img4::FourCc(*b"krnl"), "", &[0x5a; 64]);
    parts.keybags_raw = Some(&keybags);
    let encrypted = parts.to_bytes().unwrap();
    let broken_image = packed(&whole)[..0x9000].to_vec();
    let cases: [(&str, Vec<u8>, i32, &str); 9] = [
        ("truncated", whole[..whole.len() - 1].to_vec(), 3, "IM4P"),
        ("damaged", flipped, 3, "adler32"),
        ("tree", tree, 1, "Apple device tree"),
        ("zip", b"PK\x03\x04zip".to_vec(), 1, "ipsw-extract"),
        ("encrypted", encrypted, 5, "production"),
        ("aea", b"AEA1\0\0\0\0".to_vec(), 5, "AEA"),
        ("noise", b"nothing in particular".to_vec(), 1, "unknown"),
        ("image", broken_image, 3, "image"),
        ("empty", Vec::new(), 3, "empty"),
    ];
    for (name, data, status, word) in cases {
        std::fs::write(dir.path().join(name), data).unwrap();
        let out = tool(dir.path(), &[name, "-o", "out"], None);
        let text = err(&out);
        assert_eq!(out.status.code(), Some(status), "{name}: {text}");
        assert!(text.contains(word) && text.contains(name) && text.lines().count() == 1, "{name}: {text}");
        assert!(!dir.path().join("out").exists(), "{name}");
    }
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 9, "no temporary file is left behind");
    for args in [&["--json"][..], &["--key", "xy"], &["--iv", "00"], &["-l", "-i"], &["--phys-base", "x"]] {
        assert_eq!(tool(dir.path(), args, Some(b"")).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn truncation_anywhere_ends_with_an_error_and_no_output() {
    let dir = folder();
    for data in [wrapped(Method::Lzfse), packed(&wrapped(Method::Lzss))] {
        let end = data.iter().rposition(|b| *b != 0).unwrap();
        for n in (0..end).step_by(end / 40) {
            let out = tool(dir.path(), &["-o", "out"], Some(&data[..n]));
            assert!(matches!(out.status.code(), Some(1 | 3)), "{n}: {}", err(&out));
            assert!(!dir.path().join("out").exists(), "{n}");
        }
    }
}

#[test]
fn a_key_in_any_form_opens_an_encrypted_kernel() {
    // Encrypted with `openssl enc -aes-256-cbc -nopad`: a Mach-O magic and zeros, key bytes 00..1f, IV bytes 20..2f.
    let dir = folder();
    let hex = |range: std::ops::Range<u8>| range.map(|b| format!("{b:02x}")).collect::<String>();
    let (key, iv) = (hex(0..0x20), hex(0x20..0x30));
    let cipher = include_bytes!("mach_o_magic.aes");
    let keybags = apple_img4::write::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let mut parts = apple_img4::write::Im4pParts::new(apple_img4::FourCc(*b"krnl"), "", cipher);
    parts.keybags_raw = Some(&keybags);
    let file = parts.to_bytes().unwrap();
    let (joined, split) = (format!("{iv}{key}"), format!("{key}:{iv}"));
    for args in [&["--key", &joined][..], &["--key", &split], &["--iv", &iv, "--key", &key]] {
        let out = tool(dir.path(), args, Some(&file));
        assert_eq!(out.status.code(), Some(0), "{}", err(&out));
        assert_eq!(out.stdout[..8], [0xcf, 0xfa, 0xed, 0xfe, 0, 0, 0, 0]);
    }
    let out = tool(dir.path(), &["--key", &joined.replace('0', "1")], Some(&file));
    assert_eq!(out.status.code(), Some(5), "{}", err(&out));
}
