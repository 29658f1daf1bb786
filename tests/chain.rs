//! The chain, end to end, as a user types it.

use suite::DemoFolder;

/// What the demo's console must show, in this order.
const STORY: &[&str] = &[
    "console: uart0 (uart-1,samsung) at 0x20a0c0000, found in the device tree",
    "Darwin Kernel Version 18.2.0: the demo kernel of xnuboot",
    "EL1, MMU on with 16 KiB pages",
    "boot_args: revision ",
    "command line \"",
    "rd=md0",
    "memory map of the device tree:",
    "RAMDisk at 0x",
    "3 ticks of 10 ms taken as FIQ, none too early",
    "exception: BRK at 0xfffffff0070",
    "ESR 0xf2007e57",
    "data abort, FAR 0xfffffff8deadb000",
    "recovered",
    "ramdisk: HFS+ mounted",
    "ramdisk: /private/etc/motd: ",
    "launchd: /sbin/launchd",
    "launchd: hello from EL0, pid 1; 1000 * sqrt(2) = 1414",
    "launchd: /private/etc/fstab: /dev/md0 / hfs ro",
    "launchd: a file that is not there: errno 2",
    "launchd: type a line: ",
    "launchd ended with status 0",
    "demo kernel: powering off",
];

#[track_caller]
fn assert_in_order(console: &str, lines: &[&str]) {
    let mut rest = console;
    for line in lines {
        let Some(at) = rest.find(line) else { panic!("{line:?} is missing or out of order in\n{console}") };
        rest = &rest[at + line.len()..];
    }
}

#[test]
fn the_demo_tells_its_story_and_ends_well() {
    let ran = DemoFolder::new().sh("xnu-run --demo").ok();
    assert_in_order(&ran.text(), STORY);
}

#[test]
fn the_pipe_of_three_tools_boots_the_demo_ipsw() {
    let ran = DemoFolder::new().sh("ipsw-extract demo.ipsw | dt-patch --preset serial-only | xnu-run").ok();
    assert_in_order(&ran.text(), STORY);
}

#[test]
fn the_demo_ipsw_written_out_is_the_one_that_boots() {
    let folder = DemoFolder::new();
    folder.sh("xnu-run --demo-ipsw other.ipsw").ok();
    assert!(folder.read("other.ipsw") == folder.read("demo.ipsw"), "two ways to the demo give two files");
}

#[test]
fn what_is_typed_is_echoed_by_the_program_at_el0() {
    let ran = DemoFolder::new()
        .sh("ipsw-extract demo.ipsw | dt-patch --preset serial-only > boot.img && echo 'so says the user' | xnu-run boot.img")
        .ok();
    assert_in_order(
        &ran.text(),
        &["launchd: type a line: ", "launchd: you typed \"so says the user\"", "status 0"],
    );
}

#[test]
fn loose_parts_boot_like_a_packed_image() {
    let folder = DemoFolder::new();
    folder.sh("dt-patch --preset serial-only devicetree.im4p -o dt.bin").ok();
    let ran = folder
        .sh("xnu-run --kernel kernelcache --devicetree dt.bin --ramdisk ramdisk.dmg --trustcache trustcache.im4p --append 'serial=3 rd=md0'")
        .ok();
    assert_in_order(&ran.text(), STORY);
}

#[test]
fn dt_patch_in_a_pipe_changes_the_device_tree_part_and_nothing_else() {
    let folder = DemoFolder::new();
    folder.sh("dt-patch --preset serial-only < boot.fit > patched.fit").ok();
    folder.sh("bootimg-pack --unpack before boot.fit && bootimg-pack --unpack after patched.fit").ok();
    let mut compared = 0;
    for part in std::fs::read_dir(folder.path().join("before")).expect("unpacked").flatten() {
        let name = part.file_name().to_string_lossy().into_owned();
        let same = folder.read(&format!("before/{name}")) == folder.read(&format!("after/{name}"));
        assert_eq!(same, !name.starts_with("devicetree"), "{name}");
        compared += 1;
    }
    assert!(compared >= 4, "only {compared} parts");
}

#[test]
fn dumpimage_lists_and_extracts_what_ipsw_extract_writes() {
    let folder = DemoFolder::new();
    if folder.sh("dumpimage -V").status != 0 {
        eprintln!("passed over: dumpimage (package u-boot-tools) is not installed");
        return;
    }
    let listing = folder.sh("dumpimage -l boot.fit").ok().text();
    for word in ["Kernel Image", "RAMDisk Image", "Flat Device Tree", "AArch64", "Default Configuration"] {
        assert!(listing.contains(word), "no {word} in\n{listing}");
    }
    folder.sh("bootimg-pack -x kernel boot.fit -o kernel.ours").ok();
    let number = listing.lines().find_map(|l| l.trim().strip_prefix("Image ")?.strip_suffix(" (kernel)"));
    let number = number.expect("an image called kernel");
    folder.sh(&format!("dumpimage -T flat_dt -p {number} -o kernel.theirs boot.fit")).ok();
    assert!(folder.read("kernel.ours") == folder.read("kernel.theirs"), "two readers, two kernels");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = DemoFolder::new();
    for command in [
        "ipsw-extract demo.ipsw",
        "dt-patch --text devicetree.im4p",
        "rd-extract ramdisk.dmg",
        "kc-decompress kernelcache",
    ] {
        let ran =
            folder.sh(&format!("set +o pipefail; {command} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"));
        assert!(ran.status == 0 && ran.stderr.is_empty(), "`{command}`: {} {}", ran.status, ran.stderr);
    }
}

#[test]
fn the_load_plan_is_drawn_with_every_part_and_the_space_between() {
    let folder = DemoFolder::new();
    folder.sh("bootimg-pack boot.fit --dry-run --svg plan.svg").ok();
    let svg = String::from_utf8(folder.read("plan.svg")).expect("text");
    for word in ["<svg ", "__TEXT", "ramdisk", "device tree", "boot_args", "(free)", "</svg>"] {
        assert!(svg.contains(word), "{word} in {svg}");
    }
    let only = folder.sh("bootimg-pack boot.fit --dry-run --svg -").ok();
    assert_eq!(only.text(), svg, "alone on standard output");
}

#[test]
fn the_kernel_s_layout_is_drawn_and_its_layers_explained() {
    let folder = DemoFolder::new();
    folder.sh("kc-decompress kernelcache --layout -o layout.svg").ok();
    assert!(folder.read("layout.svg").starts_with(b"<svg "));
    let text = folder.sh("kc-decompress --layout boot.fit").ok().text();
    assert!(text.contains("__TEXT") && text.contains("phys 0x8"), "{text}");
    let why = folder.sh("bootimg-pack boot.fit --why && kc-decompress --why kernelcache").ok().text();
    assert!(why.contains("first string is IM4P") && why.contains("stops: "), "{why}");
}
