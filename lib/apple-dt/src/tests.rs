use super::*;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;
extern crate std;

/// Root with phandle 1, a placeholder, a name; child `chosen` with an empty property. Made by hand from the format's
/// description; another reader rebuilds it identically.
const GOLDEN: &str = "03000000010000004141504c2c7068616e646c65000000000000000000000000000000000000000004000000\
    0100000073657269616c2d6e756d62657200000000000000000000000000000000000000\
    1d000080737973636667 2f53724e6d2f307832302c7a65726f65732f3078323000000000\
    6e616d6500000000000000000000000000000000000000000000000000000000\
    0c0000006465766963652d7472656500\
    03000000000000006e616d6500000000000000000000000000000000000000000000000000000000\
    0700000063686f73656e0000\
    696d616765342d737570706f7274656400000000000000000000000000000000\
    00000000\
    4141504c2c7068616e646c650000000000000000000000000000000000000000 0400000002000000";

pub(crate) fn golden() -> Vec<u8> {
    let digits: Vec<u8> = GOLDEN.bytes().filter(|b| b.is_ascii_hexdigit()).collect();
    digits.chunks(2).map(|c| u8::from_str_radix(core::str::from_utf8(c).unwrap(), 16).unwrap()).collect()
}

pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, n: u64) -> usize {
        (self.next() % n) as usize
    }
}

/// A tree of everything odd: garbage padding, dirty and full name fields, placeholders of any bytes, duplicates.
pub(crate) fn random_tree(r: &mut Random) -> Tree {
    fn node(r: &mut Random, depth: usize) -> Node {
        let names: [&[u8]; 9] = [
            b"name",
            b"reg",
            b"compatible",
            b"function-x",
            b"#size-cells",
            b"odd name",
            b"\xff\"\\",
            b"",
            b"padding",
        ];
        let mut n = Node::default();
        for _ in 0..r.below(6) + usize::from(depth == 0) {
            let mut field = Name::truncated(names[r.below(9)]).0;
            match r.below(12) {
                0 => field[31] = 7,
                1 => field = [b'n'; 32],
                _ => {}
            }
            let mut value: Vec<u8> = (0..r.below(24)).map(|_| r.next() as u8).collect();
            match r.below(6) {
                0 => value = b"text\0more\0".to_vec(),
                1 => value = b"device\0".to_vec(),
                2 => value.fill(0),
                3 => value = b"field\0\0\0\0\0\0\0".to_vec(),
                _ => {}
            }
            let mut padding = [0; 3];
            if r.below(5) == 0 {
                padding = [1, 2, 3];
                for b in padding.iter_mut().skip(bytes::padding_of(value.len())) {
                    *b = 0;
                }
            }
            n.properties.push(Property { name: Name(field), value, placeholder: r.below(4) == 0, padding });
        }
        if depth < 4 {
            for _ in 0..r.below(4) {
                n.children.push(node(r, depth + 1));
            }
        }
        n
    }
    let trailing = (0..r.below(3)).map(|_| r.next() as u8).collect();
    Tree { root: node(r, 0), trailing }
}

#[test]
fn the_golden_tree_is_read_and_written_back() {
    let bytes = golden();
    assert_eq!(bytes.len(), 292);
    let tree = Tree::parse(&bytes).unwrap();
    assert_eq!(tree.root.name(), Some(&b"device-tree"[..]));
    assert_eq!(tree.counts(), (2, 6));
    let serial = tree.property("/", "serial-number").unwrap();
    assert!(serial.placeholder);
    assert_eq!(serial.value, b"syscfg/SrNm/0x20,zeroes/0x20\0");
    assert!(tree.node("/chosen").unwrap().has("image4-supported"));
    assert_eq!(tree.to_bytes(), bytes);
    assert_eq!(tree.placeholders(), ["/:serial-number"]);
    assert!(looks_like(&bytes));
}

#[test]
fn the_golden_tree_prints_as_the_manual_shows_it() {
    let text = print(&Tree::parse(&golden()).unwrap());
    assert_eq!(
        text,
        r#"/apple-dt/ 1;

device-tree {
    AAPL,phandle = u32(1);
    serial-number = template("syscfg/SrNm/0x20,zeroes/0x20");
    name = "device-tree";

    chosen {
        name = "chosen";
        image4-supported;
        AAPL,phandle = u32(2);
    }
}
"#
    );
    assert!(is_text(text.as_bytes()));
    assert!(!is_text(&golden()));
}

#[test]
fn any_tree_survives_bytes_and_text() {
    let mut r = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..3000 {
        let tree = random_tree(&mut r);
        let bytes = tree.to_bytes();
        assert_eq!(Tree::parse(&bytes).unwrap(), tree);
        let text = print(&tree);
        let again = compile(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_eq!(again.to_bytes(), bytes, "{text}");
        to_json(&tree);
    }
}

#[test]
fn a_cut_at_any_byte_is_an_error_with_an_offset() {
    let bytes = golden();
    for n in 0..bytes.len() {
        let e = Tree::parse(&bytes[..n]).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Damaged, "{n}: {e}");
        assert!(e.to_string().starts_with("offset 0x"), "{e}");
    }
}

#[test]
fn random_damage_is_an_error_or_another_tree_that_writes_back() {
    let mut r = Random(7);
    let clean = golden();
    for _ in 0..20_000 {
        let mut bytes = clean.clone();
        for _ in 0..=r.below(3) {
            let at = r.below(bytes.len() as u64);
            bytes[at] = r.next() as u8;
        }
        if let Ok(tree) = Tree::parse(&bytes) {
            assert_eq!(tree.to_bytes(), bytes);
            assert_eq!(compile(&print(&tree)).unwrap().to_bytes(), bytes);
        }
    }
}

#[test]
fn counts_that_cannot_fit_are_refused_before_anything_is_allocated() {
    let mut bytes = golden();
    bytes[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Tree::parse(&bytes), Err(Error::TooMany { offset: 0, what: "properties", .. })));
    let mut bytes = golden();
    bytes[4..8].copy_from_slice(&100u32.to_le_bytes());
    assert!(matches!(
        Tree::parse(&bytes),
        Err(Error::TooMany { offset: 4, what: "children", limit: 35, .. })
    ));
}

#[test]
fn nodes_within_nodes_without_end_are_refused() {
    let one = [0u32.to_le_bytes(), 1u32.to_le_bytes()].concat();
    let mut bytes = golden()[..0].to_vec();
    for _ in 0..5000 {
        bytes.extend(&one);
    }
    assert!(matches!(Tree::parse(&bytes), Err(Error::TooDeep { .. })));
    let text = format!("/apple-dt/ 1; {}", "{".repeat(100_000));
    assert!(matches!(compile(&text), Err(Error::TooDeep { .. })));
}

#[test]
fn a_flattened_tree_is_named() {
    assert_eq!(Tree::parse(&[0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 0]), Err(Error::FlatDeviceTree));
}

#[test]
fn texts_that_mean_nothing_say_where() {
    for (text, line, column, part) in [
        ("", 1, 1, "/apple-dt/ 1;"),
        ("/apple-dt/ 2; a {}", 1, 13, "version 2"),
        ("/apple-dt/ 1;\na { b = u32(0x100000000); }", 2, 13, "does not fit 4 bytes"),
        ("/apple-dt/ 1;\na { b = \"x; }", 2, 9, "no closing quote"),
        ("/apple-dt/ 1;\na { b = u9(1); }", 2, 9, "unknown kind of value u9"),
        ("/apple-dt/ 1;\na { name = \"c\"; }", 2, 17, "headed a but its name property says c"),
        ("/apple-dt/ 1;\na { b = u8(1), padding [00]; }", 2, 28, "3 bytes of padding, not 1"),
        ("/apple-dt/ 1;\na { b = [0]; }", 2, 10, "hexadecimal"),
        ("/apple-dt/ 1;\na { b = field(2, \"abc\"); }", 2, 24, "its field 2"),
        ("/apple-dt/ 1;\na { } b", 2, 7, "the end of the text"),
        ("/apple-dt/ 1;\n{ }", 2, 4, "no properties"),
        ("/apple-dt/ 1;\na { b = phandle(/x); }", 2, 9, "unknown kind of value phandle"),
        ("/apple-dt/ 1;\na { /* b", 2, 5, "no end"),
        ("/apple-dt/ 1;\na { 0123456789012345678901234567890x; }", 2, 37, "does not fit"),
    ] {
        let e = compile(text).unwrap_err();
        let Error::Syntax { line: l, column: c, message } = &e else { panic!("{text}: {e}") };
        assert!(message.contains(part), "{text}: {message}");
        assert_eq!((*l, *c), (line, column), "{text}: {message}");
    }
}

#[test]
fn values_are_shown_by_what_they_most_likely_are() {
    let text = r#"/apple-dt/ 1;

device-tree {
    name = "device-tree";
    compatible = "D22AP", "iPhone10,3", "AppleARM";
    cluster-type = "E";
    kern.sched = "amp";
    debug-enabled = u32(0);
    timebase-frequency = u64(24000000);
    unique-chip-id = u64(0x1122334455667788);
    firmware-version = field(256, "iBoot-4513");
    nvram-proxy-data = zeros(8192);
    reg = u64(0x2e600000 0x4000);
    interrupts = u32(1 2 3);
    function-tx = u32(7), fourcc("clkG"), u32(1);
    mac = [00 11 22 33 44 55];
    one = u8(255);
}
"#;
    assert_eq!(print(&compile(text).unwrap()), text);
}

#[test]
fn frequencies_are_decimal_and_addresses_are_not() {
    let values = "u64(24000000 0x8074c4000 0xffffffffffffffff 999 0x4000 1000)";
    assert_eq!(parse_value(values).unwrap().to_string(), values);
}

fn tree(body: &str) -> Tree {
    compile(&format!("/apple-dt/ 1; device-tree {{ {body} }}")).unwrap()
}

fn changes(tree: &mut Tree, script: &str) -> Vec<String> {
    Script::parse(script).unwrap().apply(tree).unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn selectors_find_by_name_pattern_depth_and_property() {
    let t = tree(
        r#"chosen { memory-map { } } arm-io { uart0 { compatible = "uart-1,samsung"; } uart1 { } wdt { device_type = "wdt"; } }"#,
    );
    for (selector, n) in [
        ("/", 1),
        ("/chosen", 1),
        ("/chosen/nothing", 0),
        ("/*", 2),
        ("/**", 7),
        ("/**/memory-map", 1),
        ("/arm-io/uart*", 2),
        ("/arm-io/uart?", 2),
        ("/arm-io/*[compatible]", 1),
        ("/**[compatible=uart-1,*]", 1),
        ("/**[device_type=wdt]", 1),
        ("/**/**/uart0", 1),
        ("/arm-io/**", 3),
    ] {
        assert_eq!(Selector::parse(selector).unwrap().find(&t.root).len(), n, "{selector}");
    }
}

#[test]
fn a_pattern_of_many_stars_ends_soon() {
    let name = [b'a'; 4096];
    let pattern = "*a".repeat(200) + "b";
    assert!(!glob(pattern.as_bytes(), &name));
    assert!(glob(b"*a*a", &name));
    assert!(glob(b"", b"") && !glob(b"", b"x") && glob(b"*", b""));
}

#[test]
fn edits_change_what_they_say_and_record_it() {
    let mut t =
        tree("AAPL,phandle = u32(1); chosen { AAPL,phandle = u32(2); old = u32(5); seed = zeros(8); }");
    let log = changes(
        &mut t,
        "set /chosen:old = 6 # because\n\
         fill /chosen:seed = u64(9)\n\
         fill /chosen:old = u32(9) # is set already\n\
         set /chosen:me = phandle(/chosen)\n\
         insert /chosen/lock-regs/amcc { #address-cells = u32(2); /* no */ }   # needed\n\
         rename /chosen:old new; rename /chosen/lock-regs regs\n\
         delete /chosen:se*",
    );
    assert_eq!(
        log,
        [
            "set /chosen:old = u32(6) (was u32(5)): because",
            "set /chosen:seed = u64(9) (was u64(0))",
            "add /chosen:me = u32(2)",
            "insert /chosen/lock-regs/amcc: needed",
            "add /chosen/lock-regs/amcc:#address-cells = u32(2): needed",
            "rename /chosen:old = new",
            "rename /chosen/lock-regs = regs",
            "delete /chosen:seed (was u64(9))",
        ]
    );
    assert_eq!(t.property("/chosen/regs/amcc", "AAPL,phandle").unwrap().number(), Some(4));
    assert_eq!(t.property("/chosen", "new").unwrap().number(), Some(6));
}

#[test]
fn a_string_filled_into_a_field_keeps_the_fields_size() {
    let mut t = tree("chosen { firmware-version = zeros(256); }");
    changes(&mut t, "fill /chosen:firmware-version = \"iBoot\"");
    assert_eq!(t.property("/chosen", "firmware-version").unwrap().value.len(), 256);
}

#[test]
fn keep_removes_the_others_but_not_who_takes_their_interrupts() {
    let mut t = tree(
        "arm-io { uart0 { interrupt-parent = u32(9); } aic { AAPL,phandle = u32(9); } wdt { } gpio { interrupt-parent = u32(9); } }",
    );
    let log = changes(&mut t, "keep /arm-io = uart*");
    assert_eq!(log, ["delete /arm-io/wdt", "delete /arm-io/gpio"]);
    assert!(t.node("/arm-io/aic").is_some());
}

#[test]
fn placeholders_resolve_to_zeros_or_to_nothing() {
    let mut t = tree(
        r#"a = template("syscfg/SrNm/0x20,zeroes/0x20"); b = template("syscfg/CLHS"); c = template("macaddr/wifiaddr,syscfg/WMac/6"); d = template("syscfg/CLHS,zeroes/3");"#,
    );
    changes(&mut t, "resolve /**");
    let size = |n| t.property("/", n).map(|p| p.value.len());
    assert_eq!((size("a"), size("b"), size("c"), size("d")), (Some(0x20), None, Some(6), Some(3)));
    assert!(t.placeholders().is_empty());
}

#[test]
fn nested_deletes_and_the_root_are_handled() {
    let mut t = tree("a { a { } } b { a { } }");
    assert_eq!(changes(&mut t, "delete /**/a"), ["delete /a", "delete /a/a", "delete /b/a"]);
    assert_eq!(t.counts().0, 2);
    assert!(Script::parse("delete /").unwrap().apply(&mut t).is_err());
}

#[test]
fn scripts_that_mean_nothing_say_where() {
    for (script, line) in [
        ("set /a = 1", 1),
        ("\n\nfrob /a", 3),
        ("delete a", 1),
        ("set /a:b = u32(1) nonsense", 1),
        ("delete /a[", 1),
        ("insert /a/*", 1),
        ("set /a:b* = 1", 1),
        ("insert /a {", 1),
    ] {
        match Script::parse(script) {
            Err(Error::Syntax { line: l, .. }) => assert_eq!(l, line, "{script}"),
            other => panic!("{script}: {other:?}"),
        }
    }
}

#[test]
fn random_text_never_panics() {
    let mut r = Random(99);
    let sample = print(&Tree::parse(&golden()).unwrap());
    let script = "set /a/b[c=d]:e = u32(1), \"x\", [00]\nkeep /a = b c\ninsert /x { y = template(\"z\"); }";
    for _ in 0..20_000 {
        for source in [sample.as_str(), script] {
            let mut bytes = source.as_bytes().to_vec();
            for _ in 0..=r.below(4) {
                let at = r.below(bytes.len() as u64);
                bytes[at] = b"/{}[]()\"\\';=#*, \n0x9az"[r.below(22)];
            }
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(tree) = compile(&text) {
                assert_eq!(compile(&print(&tree)).unwrap(), tree);
            }
            if let Ok(script) = Script::parse(&text) {
                _ = script.apply(&mut Tree::parse(&golden()).unwrap());
            }
        }
    }
}

#[test]
fn a_little_text_cannot_ask_for_a_lot_of_memory() {
    let many = "a = zeros(0x3000000); ".repeat(100);
    let e = compile(&format!("/apple-dt/ 1; x {{ {many} }}")).unwrap_err();
    assert!(e.to_string().contains("bytes of values"), "{e}");
    let nodes = "n { }".repeat(100);
    let mut t = tree(&nodes);
    assert!(Script::parse("set /*:a = zeros(0x1000000)").unwrap().apply(&mut t).is_err());
    let placeholders = "n { a = template(\"zeroes/0x100000\"); }".repeat(100);
    let mut t = tree(&placeholders);
    assert!(Script::parse("resolve /**").unwrap().apply(&mut t).is_err());
}

#[test]
fn keeping_children_of_a_large_tree_is_not_quadratic() {
    let mut t = tree("arm-io { }");
    let arm_io = t.node_mut("/arm-io").unwrap();
    for n in 0..30_000u32 {
        let mut child = Node::named("x");
        child.set("AAPL,phandle", (n + 10).to_le_bytes()).unwrap();
        child.set("interrupt-parent", (n + 11).to_le_bytes()).unwrap();
        arm_io.children.push(child);
    }
    arm_io.children[0].set("name", b"first\0").unwrap();
    let start = std::time::Instant::now();
    assert!(
        changes(&mut t, "keep /arm-io = first").is_empty(),
        "each is the interrupt parent of the one before"
    );
    assert!(start.elapsed().as_secs() < 20, "an hour at quadratic cost for the largest trees");
}

#[test]
fn a_devices_data_goes_where_the_boot_loader_puts_it() {
    let mut t = tree(
        r#"a = template("syscfg/SrNm/0x20,zeroes/0x20"); b = template("syscfg/CLHS"); c = template("macaddr/wifiaddr,syscfg/WMac/6"); d = template("macaddr/btaddr,syscfg/BMac/6,zeroes/6"); e = template("syscfg/Long/4"); f = template("syscfg/None");"#,
    );
    let mut values = Values::new();
    values.insert("SrNm", b"C39TEST\0".to_vec());
    values.insert("CLHS", b"\x01\x02\x03".to_vec());
    values.insert("WMac", [2, 0, 0, 0, 0, 1].to_vec());
    values.insert("btaddr", [2, 0, 0, 0, 0, 2].to_vec());
    values.insert("Long", [9; 8].to_vec());
    let log = values.expand(&mut t).unwrap();
    assert_eq!(log.len(), 6);
    assert_eq!(log[0].new.as_deref(), Some("field(32, \"C39TEST\")"));
    let value = |n| t.property("/", n).map(|p| p.value.clone());
    assert_eq!(value("a").unwrap(), [&b"C39TEST"[..], &[0; 25]].concat());
    assert_eq!(value("b").unwrap(), [1, 2, 3], "as long as it is stored");
    assert_eq!((value("c").unwrap()[5], value("d").unwrap()[5]), (1, 2), "the first that can be had");
    assert_eq!(value("e").unwrap(), [9; 4], "cut to the size that is asked for");
    assert_eq!(value("f"), None, "what cannot be had goes");
    assert!(t.placeholders().is_empty());
}

fn differences(old: &str, new: &str) -> String {
    diff(&tree(old), &tree(new)).iter().map(ToString::to_string).collect()
}

#[test]
fn differences_are_those_of_content_not_of_order_or_numbers() {
    let aic = "aic { AAPL,phandle = u32(5); } uart { interrupt-parent = u32(5); function-x = u32(5), fourcc(\"clkG\"); }";
    let moved = "uart { function-x = u32(9), fourcc(\"clkG\"); interrupt-parent = u32(9); } aic { AAPL,phandle = u32(9); }";
    assert_eq!(differences(aic, moved), "");
    let other = "aic { AAPL,phandle = u32(5); } gpio { AAPL,phandle = u32(6); } uart { interrupt-parent = u32(6); function-x = u32(5), fourcc(\"clkH\"); }";
    assert_eq!(
        differences(aic, other),
        "-/uart:interrupt-parent = phandle(/aic)\n+/uart:interrupt-parent = phandle(/gpio)\n\
         -/uart:function-x = phandle(/aic), fourcc(\"clkG\")\n+/uart:function-x = phandle(/aic), fourcc(\"clkH\")\n\
         +/gpio {2 properties}\n"
    );
    assert_eq!(differences("a; b = u32(1);", "b = u32(2);"), "-/:a\n-/:b = u32(1)\n+/:b = u32(2)\n");
    assert_eq!(differences("a = template(\"x\");", "a = \"x\";"), "-/:a = template(\"x\")\n+/:a = \"x\"\n");
    assert_eq!(differences("n { a; } n { b; }", "n { a; } n { c; }"), "-/n[1]:b\n+/n[1]:c\n");
    // One number that means another node.
    assert_ne!(differences(aic, &aic.replace("aic {", "gic {")), "");
}
