//! The built tool on trees of every nature, in files and in pipes.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const TREE: &str = r#"/apple-dt/ 1;

device-tree {
    compatible = "D22AP", "iPhone10,3", "AppleARM";
    secure-root-prefix = "md";
    serial-number = template("syscfg/SrNm/0x20,zeroes/0x20");
    name = "device-tree";

    chosen {
        name = "chosen";
        debug-enabled = u32(0);
    }

    arm-io {
        name = "arm-io";
        #address-cells = u32(2);
        #size-cells = u32(2);

        uart0 {
            name = "uart0";
            compatible = "uart-1,samsung";
            reg = u64(0x2e600000 0x4000);
        }

        wdt {
            name = "wdt";
            device_type = "wdt";
        }
    }
}
"#;

fn tree() -> Vec<u8> {
    apple_dt::compile(TREE).unwrap().to_bytes()
}

fn im4p(payload: &[u8]) -> Vec<u8> {
    apple_wrap::write::im4p(*b"dtre", "test", payload, apple_wrap::write::Method::None).unwrap()
}

fn fit(tree: &[u8]) -> Vec<u8> {
    use bootimg::{Builder, ConfigurationSpec, PartKind, PartSpec};
    let kernel = vec![0x55; 40_000];
    let ramdisk = vec![0xaa; 70_001];
    let mut builder = Builder::new("test");
    builder.add(PartSpec::of_bytes("devicetree", PartKind::DeviceTree, tree)).unwrap();
    builder.add(PartSpec::of_bytes("kernel", PartKind::Kernel, &kernel)).unwrap();
    builder.add(PartSpec::of_bytes("ramdisk", PartKind::Ramdisk, &ramdisk)).unwrap();
    builder.configure(ConfigurationSpec::new("default")).unwrap();
    let mut out = Vec::new();
    let mut writer = builder.write(&mut out).unwrap();
    for mut part in [tree, &kernel, &ramdisk] {
        writer.part(&mut part).unwrap();
    }
    writer.finish().unwrap();
    out
}

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_dt-patch"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A tool that has seen enough may close its input.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

#[track_caller]
fn ok(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let out = run(arguments, input);
    assert!(out.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

#[track_caller]
fn text(arguments: &[&str], input: &[u8]) -> String {
    String::from_utf8(ok(arguments, input)).unwrap()
}

/// Fails with this status, one line, and nothing on standard output.
#[track_caller]
fn fails(arguments: &[&str], input: &[u8], status: i32, part: &str) {
    let out = run(arguments, input);
    let message = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(status), "{arguments:?}: {message}");
    assert!(message.contains(part) && message.starts_with("dt-patch: "), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(out.stdout.is_empty());
}

#[test]
fn text_and_bytes_go_back_and_forth() {
    assert_eq!(text(&["--text"], &tree()), TREE);
    assert_eq!(text(&["--text"], &im4p(&tree())), TREE);
    assert_eq!(ok(&["--compile"], TREE.as_bytes()), tree());
    assert_eq!(ok(&[], &tree()), tree(), "without edits a tree is as it was");
    assert_eq!(ok(&[], &im4p(&tree())), tree(), "wrapped in, bare out");
    assert_eq!(ok(&["--wrap"], &im4p(&tree())), im4p(&tree()));
    let edited = text(&["--set", "/chosen:debug-enabled=1"], TREE.as_bytes());
    assert_eq!(edited, TREE.replace("debug-enabled = u32(0)", "debug-enabled = u32(1)"), "text in, text out");
}

#[test]
fn what_is_asked_for_is_printed() {
    assert_eq!(text(&["--print", "/arm-io/uart0:reg"], &tree()), "u64(0x2e600000 0x4000)\n");
    assert_eq!(text(&["--print", "/arm-io/uart0/reg"], &tree()), "u64(0x2e600000 0x4000)\n");
    assert!(text(&["--print", "/arm-io/*"], &tree()).contains("wdt {"));
    assert_eq!(text(&["--print", "/chosen:d*"], &tree()), "debug-enabled = u32(0)\n");
    fails(&["--print", "/nothing"], &tree(), 1, "nothing matches /nothing");
    fails(&["--print", "nothing"], &tree(), 2, "begins with '/'");
}

#[test]
fn listings_count_and_json_is_json() {
    let listing = text(&["-l"], &im4p(&tree()));
    assert!(listing.contains("in IM4P") && listing.contains("5 nodes"), "{listing}");
    assert!(listing.contains("uart0 3 uart-1,samsung"), "{listing}");
    let json: serde_json::Value = serde_json::from_slice(&ok(&["-l", "--json"], &tree())).unwrap();
    assert_eq!((&json["nodes"], &json["compatible"][1]), (&5.into(), &"iPhone10,3".into()));
    let json: serde_json::Value = serde_json::from_slice(&ok(&["--json"], &tree())).unwrap();
    assert_eq!(json["children"][0]["properties"][1]["value"], 0);
    assert_eq!(json["properties"][2]["placeholder"], true);
}

#[test]
fn every_kind_of_edit_works_and_is_explained() {
    let out = run(
        &[
            "-v",
            "--insert",
            "/chosen/new",
            "--rename",
            "/arm-io/wdt=watchdog",
            "--delete",
            "/:secure-root-prefix",
            "--set",
            "/chosen/new:a=u64(1)",
            "--set",
            "/chosen/new:b=some text",
            "--set",
            "/chosen/new:c=",
            "--set",
            "/arm-io/*[device_type=wdt]:d=2",
        ],
        &tree(),
    );
    let log = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{log}");
    for line in [
        "insert /chosen/new",
        "rename /arm-io/wdt = watchdog",
        "delete /:secure-root-prefix",
        "add /arm-io/watchdog:d = u32(2)",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    let tree = apple_dt::Tree::parse(&out.stdout).unwrap();
    assert_eq!(tree.property("/chosen/new", "b").unwrap().value, b"some text\0");
    assert!(tree.property("/chosen/new", "c").unwrap().value.is_empty());
    assert!(!tree.root.has("secure-root-prefix") && tree.node("/arm-io/watchdog").is_some());
}

#[test]
fn presets_and_scripts_come_from_names_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let script = put("edits.txt", "set /chosen:x = 7 # a reason\n");
    let preset = put(
        "my.toml",
        "name = \"my\"\nsummary = \"s\"\nextends = [\"serial-only\"]\n[[edit]]\ndo = \"set /chosen:y = 8\"\nwhy = \"mine\"\n",
    );
    let log = text(&["-n", "--preset", &preset, "--script", &script], &tree());
    assert!(log.contains("set /chosen:x") || log.contains("add /chosen:x = u32(7): a reason"), "{log}");
    assert!(log.contains("add /chosen:y = u32(8): mine"), "{log}");
    assert!(log.contains("delete /:secure-root-prefix"), "{log}");
    assert!(text(&["--list-presets"], b"").contains("serial-only"));
    fails(&["--preset", "nothing"], &tree(), 2, "serial-only");
    let bad = put("bad.txt", "set /chosen:x = 1\nfrob\n");
    fails(&["--script", &bad], &tree(), 2, "line 2");
    assert!(
        text(&["-n", "--fill"], &tree()).contains("random")
            || text(&["-n", "--fill"], &tree()).contains("chip-epoch")
    );
}

#[test]
fn only_the_tree_of_a_packed_image_changes_and_its_arguments() {
    let before = fit(&im4p(&tree()));
    let after = ok(&["--preset", "serial-only"], &before);
    let header = |b: &[u8]| bootimg::Header::parse(b).unwrap();
    let part = |image: &[u8], name: &str| {
        let h = header(image);
        let p = h.part(name).unwrap().clone();
        image[p.offset as usize..(p.offset + p.size) as usize].to_vec()
    };
    for name in ["kernel", "ramdisk"] {
        assert_eq!(part(&before, name), part(&after, name));
    }
    let new = apple_dt::Tree::parse(&part(&after, "devicetree")).unwrap();
    assert!(new.node("/arm-io/wdt").is_none());
    let args = header(&after).select(None).unwrap().bootargs.unwrap().to_string();
    assert!(args.contains("serial=3") && args.contains("rd=md0"), "{args}");
    assert_eq!(ok(&["--preset", "serial-only"], &after), after, "a second time changes nothing");
    let kept = ok(&["--preset", "serial-only", "--keep-bootargs", "--wrap"], &before);
    assert_eq!(header(&kept).select(None).unwrap().bootargs, None);
    assert!(part(&kept, "devicetree").starts_with(b"0\x82"), "still an IM4P");
    assert_eq!(ok(&["--bare"], &before), tree());
    assert!(text(&["-l"], &before).contains("part devicetree"));
    assert!(text(&["-n", "--preset", "light"], &before).contains("boot arguments: serial=3"));
    fails(&[], &before, 2, "nothing to do");
    fails(&["--part", "nothing", "--fill"], &before, 1, "nothing");
    fails(&["--part", "x"], &tree(), 2, "packed boot image");
}

#[test]
fn what_is_wrong_is_said_in_one_line_with_the_right_status() {
    fails(&[], b"", 3, "empty");
    fails(&[], b"who knows", 1, "no device tree");
    fails(&[], &tree()[..200], 3, "offset 0x");
    fails(&[], &im4p(&tree())[..100], 3, "offset");
    fails(&[], &[0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 12, 0, 0, 0, 0], 1, "flattened");
    fails(&["--compile"], b"/apple-dt/ 1;\na { b = ; }", 3, "line 2");
    fails(&[], b"/apple-dt/ 1;\na { }", 2, "--compile");
    fails(&["--set", "/nothing:a=1"], &tree(), 1, "nothing matches");
    fails(&["--delete", "/nothing"], &tree(), 1, "nothing matches");
    fails(&["--delete", "/"], &tree(), 2, "root");
    fails(&["--set", "/chosen:a"], &tree(), 2, "PATH:PROPERTY=VALUE");
    fails(&["--set", "/chosen:debug-enabled=u32(x)"], &tree(), 2, "number");
    fails(&["--set", "/chosen:a-name-that-is-longer-than-31-bytes=1"], &tree(), 2, "31 bytes");
    fails(&["nothing-of-this-name"], b"", 4, "nothing-of-this-name");
}

#[test]
fn a_failed_run_leaves_an_output_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    std::fs::write(&path, b"before").unwrap();
    let target = path.display().to_string();
    let image = fit(&tree());
    fails(&["--fill", "-o", &target], &image[..image.len() - 20_000], 3, "ends");
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    ok(&["-o", &target], &tree());
    assert_eq!(std::fs::read(&path).unwrap(), tree());
}

#[test]
fn the_example_trees_compile_and_print_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests/trees");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap().flatten() {
        let source = std::fs::read(file.path()).unwrap();
        let bytes = ok(&["--compile"], &source);
        assert_eq!(ok(&["--compile"], &ok(&["--text"], &bytes)), bytes, "{:?}", file.path());
        count += 1;
    }
    assert!(count >= 2, "{count} trees");
}

fn put(folder: &tempfile::TempDir, name: &str, data: &[u8]) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, data).unwrap();
    path.display().to_string()
}

#[test]
fn flattened_trees_and_their_source_come_back_as_the_identical_bytes() {
    let fdt = ok(&["--to", "fdt"], &im4p(&tree()));
    assert!(fdt.starts_with(&[0xd0, 0x0d, 0xfe, 0xed]));
    assert_eq!(ok(&["-I", "dtb"], &fdt), tree());
    assert_eq!(ok(&[], &fdt), tree(), "what was made here is recognised");
    let dts = text(&["-O", "dts"], &tree());
    assert!(dts.contains("uart0@2e600000 {") && dts.contains("reg = <0x0 0x2e600000 0x0 0x4000>;"), "{dts}");
    assert_eq!(ok(&[], dts.as_bytes()), tree(), "source gives bytes, as dtc does");
    assert_eq!(text(&["-I", "dts", "-O", "text"], dts.as_bytes()), TREE);
    let edited = dts.replace("debug-enabled = <0x0>", "debug-enabled = <0x1>");
    assert_eq!(ok(&["-I", "dts"], edited.as_bytes()), ok(&["--set", "/chosen:debug-enabled=1"], &tree()));
    assert_eq!(text(&["-O", "dts", "--bare"], &fit(&im4p(&tree()))), dts);
    // Another maker's tree is not taken for Apple's unless the user says so.
    let other = apple_dt::flat::from_dts("/dts-v1/; / { compatible = \"x\"; #size-cells = <1>; };")
        .unwrap()
        .to_bytes();
    fails(&[], &other, 1, "--from fdt");
    assert!(text(&["--from", "fdt", "--to", "text"], &other).contains("#size-cells = u32(1)"));
    fails(&["--from", "fdt"], &tree(), 3, "magic");
    fails(&["--from", "dts"], b"/dts-v1/; / { a = <&b>; };", 3, "line 1");
    fails(&["--from", "json"], b"{}", 2, "cannot be read back");
    for cut in (1..fdt.len()).step_by(7) {
        fails(&["--from", "fdt"], &fdt[..cut], 3, "offset");
    }
}

#[test]
fn two_trees_are_compared_in_whatever_form_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let old = put(&folder, "old.bin", &im4p(&tree()));
    let new =
        put(&folder, "new.txt", TREE.replace("debug-enabled = u32(0)", "debug-enabled = u32(1)").as_bytes());
    let same = put(&folder, "same.dts", &ok(&["-O", "dts"], &tree()));
    let image = put(&folder, "boot.fit", &fit(&im4p(&tree())));
    for other in [&same, &image, &old] {
        assert_eq!(text(&["--diff", &old, other], b""), "");
    }
    for args in [vec!["--diff", &old, &new], vec!["diff", &old, &new]] {
        let out = run(&args, b"");
        let said = String::from_utf8_lossy(&out.stdout);
        assert_eq!(out.status.code(), Some(1));
        assert!(
            said.contains("-/chosen:debug-enabled = u32(0)\n+/chosen:debug-enabled = u32(1)\n"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 4, "{said}");
    }
    let out = run(&["--diff", "--json", &old, &new], b"");
    assert_eq!(out.status.code(), Some(2), "--diff takes its two files at once");
    let out = run(&["--json", "--diff", &old, &new], b"");
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["differences"][0]["new_hex"], "01000000");
    assert_eq!(run(&["--diff", &old, &new, "--filter", "arm-io"], b"").status.code(), Some(0));
    fails(&["diff", &old], b"", 2, "two files");
    fails(&["--diff", &old, "nothing-of-this-name"], b"", 4, "nothing-of-this-name");
}

#[test]
fn a_devices_data_is_filled_in_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let values = put(
        &folder,
        "values.toml",
        b"SrNm = \"C39TEST\"\n[set]\n\"/chosen:x\" = \"u64(7)\"\n[random]\nseed = 1\n\"/chosen:random-seed\" = 16\n",
    );
    let json = put(&folder, "values.json", br#"{"syscfg": {"SrNm": "C39TEST"}}"#);
    let done =
        apple_dt::Tree::parse(&ok(&["--values", &values, "--preset", "serial-only"], &tree())).unwrap();
    let serial = done.property("/", "serial-number").unwrap();
    assert!(serial.value.starts_with(b"C39TEST\0") && serial.value.len() == 32 && !serial.placeholder);
    assert_eq!(done.property("/chosen", "x").unwrap().number(), Some(7));
    assert_eq!(done.property("/chosen", "random-seed").unwrap().value.len(), 16);
    let again = ok(&["--values", &values], &tree());
    assert_eq!(again, ok(&["--values", &values], &tree()), "a seed gives the same bytes each time");
    let log = text(&["-n", "--values", &json], &tree());
    assert!(log.contains("resolve /:serial-number = field(32, \"C39TEST\")"), "{log}");
    let bad = put(&folder, "bad.toml", b"SrNm = 1.5\n");
    fails(&["--values", &bad], &tree(), 2, "bad.toml");
}

#[test]
fn trees_are_shown_at_a_glance_and_in_part() {
    let summary = text(&["--summary"], &im4p(&tree()));
    for part in ["in IM4P", "D22AP, iPhone10,3", "console       /arm-io/uart0", "placeholders  1"] {
        assert!(summary.contains(part), "no {part} in {summary}");
    }
    let json: serde_json::Value = serde_json::from_slice(&ok(&["--summary", "--json"], &tree())).unwrap();
    assert_eq!(json["console"]["path"], "/arm-io/uart0");
    let part = text(&["--text", "--filter", "uart*"], &tree());
    assert!(part.contains("uart0 {") && !part.contains("wdt") && !part.contains("chosen"), "{part}");
    let part = text(&["-l", "--filter", "/**[device_type=wdt]"], &tree());
    assert!(part.contains("wdt") && !part.contains("uart"), "{part}");
    let json: serde_json::Value =
        serde_json::from_slice(&ok(&["--json", "--filter", "chosen"], &tree())).unwrap();
    assert_eq!(json["children"][0]["name"], "chosen");
    fails(&["-l", "--filter", "nothing"], &tree(), 1, "no node fits");
    fails(&["--filter", "uart*"], &tree(), 2, "cuts no bytes");
}

#[test]
fn what_was_recognised_is_told_layer_by_layer() {
    let why = text(&["--why"], &im4p(&tree()));
    assert!(why.contains("IM4P at 0x0") && why.contains("nothing is in the way"), "{why}");
    assert!(text(&["--why"], &fit(&im4p(&tree()))).contains("part devicetree"));
    let out = run(&["--why"], b"complzss nonsense, and some more of it");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.code() == Some(1) && said.contains("stops:"), "{said}");
    let out = run(&["--why"], &tree()[..200]);
    assert!(
        out.status.code() == Some(1) && String::from_utf8_lossy(&out.stdout).contains("stops: offset 0x")
    );
}

#[test]
fn verbs_of_other_tools_are_understood() {
    let folder = tempfile::tempdir().unwrap();
    let file = put(&folder, "dt.im4p", &im4p(&tree()));
    let txt = put(&folder, "dt.txt", TREE.as_bytes());
    assert_eq!(text(&["decompile", &file], b""), TREE);
    assert_eq!(ok(&["compile", &txt], b""), tree());
    assert!(text(&["list", &file], b"").contains("5 nodes"));
    assert!(text(&["info", &file], b"").contains("placeholders"));
    fails(&[&file, &txt], b"", 2, "one file at a time");
}
