//! Boots that are broken on purpose: each obstacle on the way to launchd, left uncleared, gets its diagnosis; cleared, the
//! same kernel goes on (tests/guests/obstacles). Patches and hooks on the same kernel.

use std::path::Path;

use suite::{DemoFolder, Ran};

/// A folder with the obstacle kernel, a device tree of the preset serial-only, and ramdisks.
struct Obstacles(DemoFolder);

impl Obstacles {
    fn new() -> Obstacles {
        let folder = DemoFolder::new();
        let put = |name: &str, data: &[u8]| std::fs::write(folder.path().join(name), data).expect("written");
        put("kernel", &guests::obstacles::kernel());
        let program = guests::demo::launchd().expect("the demo packs");
        let mut other = program.clone();
        other[4..8].copy_from_slice(&0x0100_0007u32.to_le_bytes());
        for (name, launchd) in [
            ("good.dmg", Some(program.as_slice())),
            ("empty.dmg", None),
            ("text.dmg", Some(&b"#!/bin/sh\n"[..])),
            ("x86.dmg", Some(other.as_slice())),
        ] {
            put(name, &guests::obstacles::ramdisk(launchd).expect("a ramdisk"));
        }
        folder.sh("dt-patch --preset serial-only devicetree.im4p > tree").ok();
        Obstacles(folder)
    }

    /// Boots with these options; `tree` and `good.dmg` unless they say otherwise.
    fn boot(&self, options: &str) -> Ran {
        let tree = if options.contains("--devicetree") { "" } else { "--devicetree tree" };
        let ramdisk = if options.contains("--ramdisk") || options.contains("--none") {
            ""
        } else {
            "--ramdisk good.dmg"
        };
        let append = if options.contains("--append") { "" } else { "--append 'serial=3 rd=md0'" };
        let timeout = if options.contains("--timeout") { "" } else { "--timeout 60" };
        let options = options.replace("--none", "");
        self.0
            .sh(&format!("xnu-run --kernel kernel {tree} {ramdisk} {options} {append} {timeout} < /dev/null"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The diagnosis that a run printed.
#[track_caller]
fn diagnosis(ran: &Ran) -> String {
    let (_, text) = ran.stderr.split_once("diagnosis: ").unwrap_or_else(|| panic!("no diagnosis: {ran:?}"));
    text.to_owned()
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn with_every_obstacle_cleared_the_kernel_starts_launchd_and_nothing_is_diagnosed() {
    let o = Obstacles::new();
    for engine in ["interpreter", "jit"] {
        let ran = o.boot(&format!("--engine {engine}"));
        contains(
            &ran.text(),
            &["timer taken as FIQ", "AppleImage4: started", "BSD root: md0", "launchd: started"],
        );
        assert_eq!(ran.status, 0, "{ran:?}");
        assert!(!ran.stderr.contains("diagnosis"), "{ran:?}");
    }
}

#[test]
fn a_missing_chip_epoch_is_named() {
    let o = Obstacles::new();
    let ran = o.boot("--dt-edit 'delete /chosen:chip-epoch' --until 'launchd: started' --timeout 4");
    assert_eq!(ran.status, 124, "{ran:?}");
    contains(&diagnosis(&ran), &["/chosen:chip-epoch is missing", "0x60", "set /chosen:chip-epoch = u32(1)"]);
    let ran = o.boot("--dt-edit 'set /chosen:chip-epoch = u64(1)' --until 'launchd: started' --timeout 4");
    contains(&diagnosis(&ran), &["has 8 bytes", "0x54"]);
}

#[test]
fn timers_on_irq_are_noticed() {
    let o = Obstacles::new();
    let ran = o.boot("--break timer-irq --diagnose 2 --timeout 6");
    let text = diagnosis(&ran);
    contains(&text, &["timer CNTP: due", "IRQ pending, masked", "takes its timers as FIQ", "wait_for_timer"]);
}

#[test]
fn registers_of_the_read_only_range_that_do_not_read_back_are_named() {
    let o = Obstacles::new();
    let text = diagnosis(&o.boot("--break ktrr --timeout 4"));
    contains(
        &text,
        &["the kernel panicked: rorgn: KTRR limits do not read back", "check_ktrr", "S3_4_C15_C2_0"],
    );
}

#[test]
fn rd_md0_without_a_ramdisk_is_refused_and_when_forced_its_panic_is_explained() {
    let o = Obstacles::new();
    let ran = o.boot("--none");
    assert_eq!(ran.status, 2, "{ran:?}");
    contains(&ran.stderr, &["rd=md0 names a ramdisk", "--ramdisk"]);
    let text = diagnosis(&o.boot("--none --force --timeout 4"));
    contains(&text, &["specified root memory device", "give one with --ramdisk FILE, or take rd=md0 out"]);
    let text = diagnosis(&o.boot("--none --append serial=3 --until never --timeout 4"));
    contains(&text, &["no root device has appeared"]);
}

#[test]
fn a_kept_secure_root_prefix_is_named() {
    let o = Obstacles::new();
    let ran = o.boot("--dt-edit 'set /:secure-root-prefix = \"md\"' --until 'launchd: started' --timeout 4");
    let text = diagnosis(&ran);
    contains(&text, &["/:secure-root-prefix is in the device tree", "dt-patch", "in WFI", "timer CNTP: in"]);
}

#[test]
fn programs_that_cannot_be_started_are_explained() {
    let o = Obstacles::new();
    for (ramdisk, parts) in [
        ("empty.dmg", ["errno 2", "not in the root file system"]),
        ("text.dmg", ["errno 8", "no Mach-O"]),
        ("x86.dmg", ["errno 86", "another architecture"]),
    ] {
        let ran = o.boot(&format!("--ramdisk {ramdisk} --timeout 4"));
        contains(&diagnosis(&ran), &parts);
        contains(&diagnosis(&ran), &["the kernel panicked: Process 1 exec of /sbin/launchd failed"]);
    }
}

#[test]
fn a_panic_that_no_console_showed_is_found_in_the_panic_log_and_named() {
    let o = Obstacles::new();
    let ran = o.boot("--append 'serial=3 rd=md0 bad-pointer silent-panic' --timeout 4");
    assert!(!ran.text().contains("panic"), "{ran:?}");
    let text = diagnosis(&ran);
    contains(
        &text,
        &["the kernel panicked: Kernel data abort.", "not mapped", "a write, address 0xfffffff8deadb000"],
    );
    contains(&text, &["pc 0x", "kernel_main+0x", "panic log in RAM"]);
}

#[test]
fn an_exception_before_the_mmu_is_on_is_told_at_once() {
    let o = Obstacles::new();
    let patch = "[[patch]]\nname = \"undefined\"\nwhat = \"w\"\n[[patch.variant]]\nsymbol = \"mmu_bootstrap\"\nwrite = [\"00000000\"]\n";
    std::fs::write(o.path().join("own.toml"), patch).expect("written");
    let ran = o.boot("--patch-file own.toml --patch undefined --timeout 3");
    let text = diagnosis(&ran);
    contains(
        &text,
        &[
            "an exception before the MMU was on",
            "undefined instruction",
            "ELR 0x",
            "mmu_bootstrap",
            "instruction 00000000",
        ],
    );
    // A read of nowhere instead: ldr x0, [x30, #0x7ff8] with x30 made odd is an alignment fault; brk is simplest.
    std::fs::write(o.path().join("own.toml"), patch.replace("00000000", "d4200020")).expect("written");
    let ran = o.boot("--patch-file own.toml --patch undefined --engine jit --timeout 3");
    contains(&diagnosis(&ran), &["BRK #0x1", "EL1, MMU off, masked DAIF", "low_vectors"]);
}

#[test]
fn a_kernel_that_waits_for_a_key_bit_is_told_which_register_it_reads() {
    let o = Obstacles::new();
    // mrs x0, s3_4_c15_c0_4; tbz x0, #1, -1: as kernels for A12 wait for their keys.
    let patch = "[[patch]]\nname = \"wait\"\nwhat = \"w\"\n[[patch.variant]]\nsymbol = \"check_cpus\"\nwrite = [\"d53cf080\", \"360fffe0\"]\n";
    std::fs::write(o.path().join("own.toml"), patch).expect("written");
    let ran = o.boot("--patch-file own.toml --patch wait --break apctl --diagnose 2 --timeout 6");
    let text = diagnosis(&ran);
    contains(&text, &["cpu 0 loops and changes nothing", "the loop reads", "M key valid", "check_cpus"]);
}

#[test]
fn the_monitor_can_be_asked_why() {
    let o = Obstacles::new();
    let ran = o.boot("--diagnose --timeout 60");
    assert_eq!(ran.status, 0, "{ran:?}");
    contains(
        &diagnosis(&ran),
        &["devices used last:", "uart0+0x20", "last line of the console: launchd: started"],
    );
}

#[test]
fn patches_are_listed_with_their_places_and_done_only_when_asked_for() {
    let o = Obstacles::new();
    let patch = r#"
        [[patch]]
        name = "root"
        what = "the kernel looks for no secure root"
        [[patch.variant]]
        string = "secure-root-prefix"
        then = ["forward 12: 94000000/fc000000"]
        write = ["mov x0, #0"]
        [[patch]]
        name = "many"
        what = "returns"
        [[patch.variant]]
        find = ["d65f03c0"]
        write = ["nop"]
    "#;
    std::fs::write(o.path().join("own.toml"), patch).expect("written");
    let ran = o.0.sh("xnu-run --patch-file own.toml --list-patches kernel");
    contains(
        &ran.text(),
        &["root                 found:", "-> d2800000 mov", "many                 found more than once"],
    );
    let ran = o.0.sh("xnu-run --patch-file own.toml --list-patches --json --kernel kernel");
    let json: serde_json::Value = serde_json::from_str(&ran.text()).expect("JSON");
    let root = json["patches"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|p| p["name"] == "root")
        .expect("it is there");
    assert_eq!(root["outcome"], "found");
    let kept = "--dt-edit 'set /:secure-root-prefix = \"md\"' --until 'launchd: started'";
    assert_eq!(o.boot(&format!("{kept} --timeout 3")).status, 124);
    assert_eq!(o.boot(&format!("{kept} --patch-file own.toml --patch root")).status, 0);
    for (name, part) in
        [("many", "found more than once"), ("kprintf", "not found"), ("nothing", "no patch or set")]
    {
        let ran = o.boot(&format!("--patch-file own.toml --patch {name}"));
        assert!(ran.status != 0 && ran.text().is_empty(), "{ran:?}");
        contains(&ran.stderr, &[part]);
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
    }
}

#[test]
fn hooks_answer_functions_by_symbol_and_by_string() {
    let o = Obstacles::new();
    let ran = o
        .boot("--break ktrr --hook 'symbol=check_ktrr: log=skipped {lr}' --hook 'symbol=check_ktrr: return'");
    assert_eq!(ran.status, 0, "{ran:?}");
    contains(&ran.stderr, &["hook: cpu 0 symbol=check_ktrr at 0xfffffff", "skipped lr=0xfffffff"]);
    let ran = o.boot("--hook 'pattern=d53be020 > function: stop'");
    assert!(ran.status == 0 || ran.stderr.contains("places"), "{ran:?}");
    let ran = o.boot("--hook 'symbol=none: log'");
    assert_eq!((ran.status, ran.stderr.lines().count()), (1, 1), "{ran:?}");
}

#[test]
fn programs_named_by_trust_are_in_the_trust_cache_of_the_plan() {
    let o = Obstacles::new();
    std::fs::create_dir(o.path().join("programs")).expect("a folder");
    let program = guests::demo::launchd().expect("the demo packs");
    std::fs::write(o.path().join("programs/launchd"), &program).expect("written");
    std::fs::write(o.path().join("programs/notes"), "no program").expect("written");
    // The same program from a folder, from a disk image, from the boot's ramdisk, by itself; the demo's cache lists it already.
    for trust in ["programs", "good.dmg", "ramdisk", "programs/launchd"] {
        let ran = o.boot(&format!("--trust {trust} --dry-run -v"));
        assert_eq!(ran.status, 0, "{ran:?}");
        contains(&ran.stderr, &["trust cache: 1 code hashes added", "launchd (arm64): "]);
    }
    let ran = o.boot("--trust programs --trust trustcache.im4p --trustcache trustcache.im4p --dry-run -v");
    contains(&ran.stderr, &["trust cache: 1 code hashes added"]);
    for (trust, part) in
        [("kernel", "no code signature"), ("programs/notes", "--trust"), ("nowhere", "nowhere")]
    {
        let ran = o.boot(&format!("--trust {trust} --dry-run"));
        contains(&ran.stderr, &[part]);
    }
    // And the diagnosis of a program that was not started says what is known of it.
    let text = diagnosis(&o.boot("--ramdisk x86.dmg --timeout 4"));
    contains(&text, &["/sbin/launchd: in the ramdisk; x86_64: "]);
}

/// What a VNC client of others does: `vncdo` (vncdotool) takes a picture and types, `gvnccapture` (Debian's gvncviewer) takes a
/// picture. None of them: None.
fn vnc_client() -> Option<(&'static str, bool)> {
    let runs = |program: &str| {
        std::process::Command::new(program).arg("--help").output().is_ok_and(|o| o.status.success())
    };
    if runs("vncdo") {
        return Some(("vncdo -t 20 -s $host::$port capture seen.png type hello key enter pause 1", true));
    }
    if runs("gvnccapture") {
        return Some(("gvnccapture $host:$((port - 5900)) seen.png", false));
    }
    eprintln!("passed over: neither vncdo (vncdotool) nor gvnccapture (gvncviewer) is installed");
    None
}

#[test]
fn a_vnc_client_of_others_sees_what_the_screenshot_shows_and_types_on_the_console() {
    let Some((client, types)) = vnc_client() else { return };
    let o = Obstacles::new();
    let script = format!(
        "xnu-run --demo --vnc 127.0.0.1:0 --screenshot shot.png --timeout 60 > console 2> messages & run=$!\n\
         for n in $(seq 200); do at=$(sed -n 's/.*may connect to //p' messages 2> /dev/null); \
           [ -n \"$at\" ] && grep -q 'type a line' console && break; sleep 0.1; done\n\
         host=${{at%:*}} port=${{at##*:}}\n\
         {client}\n\
         {}\n\
         wait $run; cat console messages",
        if types { "" } else { "kill -TERM $run" }
    );
    let ran = o.0.sh(&script);
    if types {
        contains(&ran.text(), &["hello"]);
    }
    let picture = |name: &str| {
        let file =
            std::fs::File::open(o.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}: {ran:?}"));
        let mut decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().expect("a PNG file");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("a picture");
        pixels.truncate(info.buffer_size());
        let channels = info.color_type.samples();
        let rgb: Vec<u8> = pixels.chunks(channels).flat_map(|p| p[..3].to_vec()).collect();
        (info.width, info.height, rgb)
    };
    let (ours, theirs) = (picture("shot.png"), picture("seen.png"));
    assert_eq!((ours.0, ours.1), (theirs.0, theirs.1));
    assert!(ours.2 == theirs.2, "the pictures differ");
    assert!(ours.2.chunks(3).any(|p| p == [255, 255, 0]), "the demo's bars are there");
}

#[test]
fn an_ipsw_boots_by_itself_and_a_damaged_one_is_told_in_a_line() {
    let o = Obstacles::new();
    let ran = o.0.sh("xnu-run demo.ipsw --until 'powering off' --timeout 100 < /dev/null");
    assert_eq!(ran.status, 0, "{ran:?}");
    contains(&ran.text(), &["command line \"serial=3", "launchd: hello from EL0"]);
    o.0.sh("head -c 20000 demo.ipsw > cut.ipsw").ok();
    o.0.sh("xnu-run cut.ipsw").fails(3, "xnu-run");
}

#[test]
fn a_kernel_for_which_nobody_named_boot_arguments_gets_some_that_let_it_speak() {
    let o = Obstacles::new();
    let ran =
        o.0.sh("xnu-run --kernel kernel --devicetree tree --ramdisk good.dmg --timeout 60 -v < /dev/null");
    assert_eq!(ran.status, 0, "{ran:?}");
    contains(&ran.stderr, &["as none were given: serial=3", "rd=md0"]);
    contains(&ran.text(), &["launchd: started"]);
}
