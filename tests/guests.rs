//! Guests that nobody here wrote, from Debian by name: they boot, and say what they are known to say.
//!
//! `just guests` (tests/guests/fetch.sh) fetches them into target/guests; a test whose guest is not there says so and
//! passes. XNUBOOT_GUESTS names another folder.

use std::path::PathBuf;

use suite::{DemoFolder, root};

/// A file of a fetched package, or a printed reason why the test is skipped.
fn guest(package: &str, file: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("XNUBOOT_GUESTS").map_or_else(|| root().join("target/guests"), PathBuf::from);
    let path = folder.join(package).join(file);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {package} is not in {} (just guests fetches it)", folder.display());
    None
}

const ENGINES: [&str; 2] = ["interpreter", "jit"];

#[test]
fn m1n1_reaches_its_proxy_with_pages_of_4_and_16_kib() {
    let Some(m1n1) = guest("m1n1", "usr/lib/m1n1/m1n1.bin") else { return };
    let demo = DemoFolder::new();
    let tree = root().join("tests/guests/trees/m1n1.adt.txt");
    demo.sh(&format!("dt-patch --compile {} -o m1n1.adt", tree.display())).ok();
    demo.sh(&format!("bootimg-pack --kernel {} --devicetree m1n1.adt -o m1n1.fit", m1n1.display())).ok();
    // The a8 has pages of 4 KiB, the a11 of 16 KiB: m1n1 looks and follows.
    for cpu in ["a8", "a11"] {
        for engine in ENGINES {
            let ran = demo
                .sh(&format!(
                    "xnu-run m1n1.fit --cpu {cpu} --engine {engine} --screen 640x480 --screenshot shot.png \
                     --until 'Running proxy' --timeout 120 < /dev/null"
                ))
                .ok();
            let text = ran.text();
            for line in
                ["Running in EL1", "MMU: running with MMU and caches enabled!", "Initialization complete."]
            {
                assert!(text.contains(line), "{cpu} {engine}: {line}\n{text}");
            }
            assert!(demo.read("shot.png").len() > 2000, "the log and the logo are on the screen");
        }
    }
}

#[test]
fn u_boot_for_apple_silicon_computes_the_right_crc() {
    let Some(image) = guest("u-boot-asahi", "usr/lib/u-boot/apple_m1/u-boot-nodtb.bin") else { return };
    let demo = DemoFolder::new();
    for engine in ENGINES {
        demo.sh(&format!(
            "(sleep 6; echo 'mw.q 801000000 123456789abcdef0 1000'; sleep 2; echo 'crc32 801000000 8000'; sleep 20) | \
             xnu-run -M apple-m1 --kernel {} --engine {engine} --until 'f76da5fb' --timeout 120",
            image.display()
        ))
        .ok();
    }
}

#[test]
fn u_boot_for_virt_switches_the_machine_off() {
    let Some(image) = guest("u-boot-qemu", "usr/lib/u-boot/qemu_arm64/u-boot.bin") else { return };
    let demo = DemoFolder::new();
    for (engine, gic) in ENGINES.into_iter().zip([2, 3]) {
        let ran = demo
            .sh(&format!(
                "(sleep 8; echo; sleep 2; echo poweroff; sleep 10) | \
                 xnu-run -M virt --gic {gic} --bios {} --engine {engine} --timeout 120",
                image.display()
            ))
            .ok();
        assert!(ran.text().contains("poweroff ..."), "{}", ran.text());
    }
}

/// Debian's installer: its kernel, with pages of 4 KiB, or its initrd.
fn installer(file: &str) -> Option<PathBuf> {
    let folder = "usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64";
    guest("debian-installer-12-netboot-arm64", &format!("{folder}/{file}"))
}

/// Boots `kernel` with the check initramfs and compares what its programs compute with what testing.md, section 7.4,
/// lists: the same on every machine. The guest's own comparison is not trusted.
fn runs_the_checks(kernel: &std::path::Path) {
    let Some(initrd) = guest(".", "check.cpio.gz") else { return };
    let demo = DemoFolder::new();
    let ran = demo
        .sh(&format!(
            "xnu-run -M virt -m 768M --engine jit --kernel {} --initrd {} --append console=ttyAMA0 --until 'all OK' \
             --timeout 600 < /dev/null",
            kernel.display(),
            initrd.display()
        ))
        .ok();
    let text = ran.text();
    for line in [
        "md5: 0e10426a1d5bddffcef02f1345787128",
        "sha256-busybox: 5af7b95208fdcff454bab3f5eddf567a688a3796c703d4fef91072e38645c062",
        "sha256-openssl: 5af7b95208fdcff454bab3f5eddf567a688a3796c703d4fef91072e38645c062",
        "sha3-256: 130b9a214402b48914590ac4553de92f569fc192bdcd466aaa80770997dc068e",
        "aes-256-ctr: 899bbe90965d2e26d981c3db13d1fa715a0d3642a001b7e2d2a19646a9bd9dee",
        "gzip: e8b0bc38e7082b0687f3adc6b6139fab62394669f8caaa9814be034d32abe050",
        "bzip2: 4b4a2510f0f9fd7a8175a8f6b6173e1e89dd1b0fc7c21cb35a642648326bc3d7",
        "factor: 1234567890123456789: 3 3 101 3541 3607 3803 27961",
        "sum: 1.043937618060285",
        "gamma: 1871.2543057977882",
        "mersenne: 767202521",
        "power: 886513556671526534",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn debians_kernel_and_programs_compute_what_they_should() {
    let Some(kernel) = installer("linux") else { return };
    runs_the_checks(&kernel);
}

#[test]
fn debians_kernel_with_pages_of_16_kib_and_programs_compute_what_they_should() {
    let Some(folder) = guest("linux-image-arm64-16k", "boot") else { return };
    let kernel = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("vmlinuz")))
        .expect("the package holds a kernel");
    runs_the_checks(&kernel);
}

#[test]
fn debians_installer_shows_its_menu() {
    let (Some(kernel), Some(initrd)) = (installer("linux"), installer("initrd.gz")) else { return };
    let demo = DemoFolder::new();
    demo.sh(&format!(
        "xnu-run -M virt -m 1G --engine jit --kernel {} --initrd {} --append console=ttyAMA0 \
         --until 'Select a language' --timeout 600 < /dev/null",
        kernel.display(),
        initrd.display()
    ))
    .ok();
}

#[test]
fn edk2_shows_its_shell() {
    let Some(image) = guest("qemu-efi-aarch64", "usr/share/qemu-efi-aarch64/QEMU_EFI.fd") else { return };
    let demo = DemoFolder::new();
    for engine in ENGINES {
        demo.sh(&format!(
            "xnu-run -M virt --engine {engine} --bios {} --until 'Shell>' --timeout 300 < /dev/null",
            image.display()
        ))
        .ok();
    }
}
