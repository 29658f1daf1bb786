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

#[test]
fn debians_kernel_runs_its_init() {
    let folder = "usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64";
    let package = "debian-installer-12-netboot-arm64";
    let Some(kernel) = guest(package, &format!("{folder}/linux")) else { return };
    let Some(initrd) = guest(package, &format!("{folder}/initrd.gz")) else { return };
    let demo = DemoFolder::new();
    demo.sh(&format!(
        "xnu-run -M virt -m 1G --engine jit --kernel {} --initrd {} --append console=ttyAMA0 --until 'Run /init' \
         --timeout 600 < /dev/null",
        kernel.display(),
        initrd.display()
    ))
    .ok();
}
