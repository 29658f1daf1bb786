use super::*;

/// A small tree of the kind that phones have.
fn tree() -> Tree {
    apple_dt::compile(
        r#"/apple-dt/ 1; device-tree {
            AAPL,phandle = u32(1); secure-root-prefix = "md"; compatible = "D22AP", "AppleARM";
            chosen { AAPL,phandle = u32(2); }
            cpus { cpu0 { state = "running"; interrupt-parent = u32(5); cpu-uttdbg-reg = u64(1 2); } }
            buttons { interrupt-parent = u32(7); }
            arm-io {
                AAPL,phandle = u32(4); compatible = "arm-io,t8015"; device_type = "t8015-io";
                aic { AAPL,phandle = u32(5); compatible = "aic,1"; interrupt-controller = "master"; }
                uart0 { AAPL,phandle = u32(6); compatible = "uart-1,samsung"; interrupt-parent = u32(5); }
                gpio { AAPL,phandle = u32(7); compatible = "gpio,t8015"; interrupt-parent = u32(5); }
                wdt { device_type = "wdt"; }
                dockchannel-uart { compatible = "aapl,dock-channels"; }
                pmgr { compatible = "pmgr1,t8015"; }
                sep { compatible = "iop,s8000"; }
                mcc { compatible = "mcc,t8015"; reg = u64(0 0x4000); }
            }
            defaults { content-protect; }
        }"#,
    )
    .unwrap()
}

fn names(tree: &Tree, path: &str) -> Vec<String> {
    tree.node(path).unwrap().children.iter().map(apple_dt::Node::label).collect()
}

fn patched(preset: &str) -> (Tree, Vec<Change>) {
    let mut tree = tree();
    let changes = Preset::builtin(preset).unwrap().apply(&mut tree).unwrap();
    (tree, changes)
}

#[test]
fn every_builtin_preset_is_well_formed_and_gives_reasons() {
    for (name, _) in PRESETS {
        let preset = Preset::builtin(name).unwrap();
        assert_eq!(preset.name, *name);
        assert!(preset.bootargs.is_some() && !preset.summary.is_empty());
        assert!(preset.script.edits.iter().all(|e| !e.why.is_empty()));
    }
}

#[test]
fn serial_only_leaves_a_uart_and_what_takes_its_interrupts() {
    let (tree, changes) = patched("serial-only");
    assert_eq!(names(&tree, "/arm-io"), ["aic", "uart0", "mcc"], "aic is the UART's interrupt parent");
    assert_eq!(names(&tree, "/"), ["chosen", "cpus", "arm-io", "defaults"]);
    assert!(!tree.root.has("secure-root-prefix"));
    let compatible = |path| tree.property(path, "compatible").and_then(|p| p.str());
    assert_eq!(compatible("/arm-io/uart0"), Some("uart-1,samsung"));
    assert_eq!(compatible("/arm-io"), Some("arm-io,t8015"));
    assert_eq!((compatible("/arm-io/aic"), compatible("/arm-io/mcc")), (None, None));
    assert!(changes.iter().all(|c| !c.why.is_empty()));
    assert!(!tree.node("/cpus/cpu0").unwrap().has("cpu-uttdbg-reg"));
}

#[test]
fn light_keeps_the_power_manager_and_full_all_but_the_enclave() {
    assert!(patched("light").0.node("/arm-io/pmgr").is_some());
    let (tree, _) = patched("full");
    assert_eq!(names(&tree, "/arm-io"), ["aic", "uart0", "gpio", "pmgr", "mcc"]);
    assert!(!tree.node("/defaults").unwrap().has("content-protect"));
}

#[test]
fn a_preset_done_twice_changes_nothing_the_second_time() {
    for (name, _) in PRESETS {
        let (mut tree, _) = patched(name);
        assert_eq!(Preset::builtin(name).unwrap().apply(&mut tree).unwrap(), [], "{name}");
    }
}

#[test]
fn bad_presets_say_what_is_wrong() {
    for (text, part) in [
        ("name = 1", "line 1"),
        ("name = \"a\"\nsummary = \"b\"\nx = 1", "x"),
        ("name = \"a\"\nsummary = \"b\"\n[[edit]]\ndo = \"frob /\"\nwhy = \"\"", "edit 1"),
        ("name = \"a\"\nsummary = \"b\"\nextends = [\"nothing\"]", "nothing"),
    ] {
        let e = Preset::parse("my.toml", text).unwrap_err().to_string();
        assert!(e.contains(part) && e.contains("my.toml"), "{e}");
    }
    let e = Preset::builtin("nothing").unwrap_err().to_string();
    assert!(e.contains("serial-only"), "{e}");
}
