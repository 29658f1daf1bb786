use super::*;
use crate::tests::{Random, golden, random_tree};
use crate::{Tree, compile};
use std::format;
use std::io::Write;
use std::process::{Command, Stdio};
use std::string::{String, ToString};
use std::vec::Vec;
extern crate std;

/// Runs dtc; `None`, with a line that says so, where it is not installed.
fn dtc(args: &[&str], input: &[u8]) -> Option<(bool, Vec<u8>, String)> {
    let child = Command::new("dtc")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        std::eprintln!("dtc is not installed: not compared with it");
        return None;
    };
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    Some((out.status.success(), out.stdout, String::from_utf8_lossy(&out.stderr).into_owned()))
}

#[test]
fn any_tree_survives_both_forms() {
    let mut r = Random(0x1234_5678_9abc_def1);
    for _ in 0..3000 {
        let tree = random_tree(&mut r);
        let flat = export(&tree);
        let bytes = flat.to_bytes();
        let read = Flat::parse(&bytes).unwrap();
        assert_eq!(read, flat);
        assert_eq!(import(&read).unwrap(), tree, "{}", to_dts(&flat));
        let source = to_dts(&flat);
        let again = from_dts(&source).unwrap_or_else(|e| panic!("{e}\n{source}"));
        assert_eq!(again, flat, "{source}");
        assert!(is_dts(source.as_bytes()) && is_export(&flat));
    }
}

#[test]
fn the_golden_tree_looks_as_people_who_know_dtc_expect() {
    let flat = export(&Tree::parse(&golden()).unwrap());
    assert_eq!(
        to_dts(&flat),
        "/dts-v1/;\n\n/ {\n\tadt,version = <0x1>;\n\tAAPL,phandle = <0x1>;\n\
         \tserial-number = \"syscfg/SrNm/0x20,zeroes/0x20\";\n\tadt,name;\n\
         \tadt,templates = \"serial-number\";\n\tphandle = <0x1>;\n\n\
         \tchosen {\n\t\timage4-supported;\n\t\tAAPL,phandle = <0x2>;\n\t\tphandle = <0x2>;\n\t};\n};\n"
    );
}

#[test]
fn numbers_are_turned_and_nodes_of_one_name_told_apart() {
    let text = r#"/apple-dt/ 1; device-tree { name = "device-tree"; #address-cells = u32(2); #size-cells = u32(2);
        arm-io { name = "arm-io"; #address-cells = u32(2); #size-cells = u32(2);
            uart { name = "uart"; reg = u64(0x12e600000 0x4000); interrupts = u32(1 2); }
            uart { name = "uart"; reg = u64(0x12e600000 0x4000); }
            wdt { name = "wdt"; a = u64(24000000); b = u16(0x1234); }
            wdt { name = "wdt"; interrupt-parent = u32(1 2); function-x = u32(7), fourcc("clkG"); }
        } }"#;
    let flat = export(&compile(text).unwrap());
    if let Some((good, _, says)) = dtc(&["-q", "-q", "-I", "dtb", "-O", "dts", "-"], &flat.to_bytes()) {
        assert!(good, "{says}");
    }
    let source = to_dts(&flat);
    for part in [
        "uart@12e600000 {",
        "uart@12e600000,1 {",
        "reg = <0x1 0x2e600000 0x0 0x4000>;",
        "interrupts = <0x1 0x2>;",
        "wdt {",
        "wdt@1 {",
        "a = <0x0 0x16e3600>;",
        "b = [12 34];",
        "function-x = <0x7 0x636c6b47>;",
        "adt,prop-1 = <0x1 0x2>;",
        "adt,prop-1-name = \"interrupt-parent\";",
    ] {
        assert!(source.contains(part), "no {part} in {source}");
    }
}

#[test]
fn dtc_reads_what_we_write_and_we_read_what_dtc_writes() {
    let mut r = Random(77);
    for round in 0..60 {
        let tree = if round == 0 { Tree::parse(&golden()).unwrap() } else { random_tree(&mut r) };
        let flat = export(&tree);
        let quiet = ["-q", "-q"];
        let Some((good, through_dtb, says)) =
            dtc(&[&quiet[..], &["-I", "dtb", "-O", "dtb", "-"]].concat(), &flat.to_bytes())
        else {
            return;
        };
        assert!(good, "dtc refuses our dtb: {says}\n{}", to_dts(&flat));
        assert_eq!(import(&Flat::parse(&through_dtb).unwrap()).unwrap(), tree, "through dtc, dtb to dtb");
        let (good, compiled, says) =
            dtc(&[&quiet[..], &["-I", "dts", "-O", "dtb", "-"]].concat(), to_dts(&flat).as_bytes()).unwrap();
        assert!(good, "dtc refuses our dts: {says}\n{}", to_dts(&flat));
        assert_eq!(Flat::parse(&compiled).unwrap().root, flat.root, "both compile it to the same");
        let (_, source, _) =
            dtc(&[&quiet[..], &["-I", "dtb", "-O", "dts", "-"]].concat(), &flat.to_bytes()).unwrap();
        let source = String::from_utf8(source).unwrap();
        assert_eq!(from_dts(&source).unwrap().root, flat.root, "{source}");
    }
}

const SOURCE: &str = r#"/dts-v1/;
# 1 "board.dts"
/memreserve/ 0x1000 (0x100 * 16);
/ {
    #address-cells = <2>; /* cells */
    #size-cells = <(1 + 1)>;
    compatible = "a,b", "c\x41\101\n";
    chosen { stdout-path = &uart; };
    intc: interrupt-controller@8000000 { reg = <0x0 0x8000000 0x0 0x10000>; phandle = <7>; };
    uart: serial@9000000 {
        interrupt-parent = <&intc>;
        numbers = <1 0x2 (3 << 4) 'a' (-1) (1 ? 5 : 6) (~0 & 0xff)>;
        bytes = [00 11 2233], "text", <1>;
        half = /bits/ 16 <1 2 0xffff>;
        long = /bits/ 64 <0x1122334455667788>;
        gone = <1>;
        empty;
        clock = <&{/clk} 5>;
    };
    clk { l: m: };
};
"#;

#[test]
fn source_is_read_as_dtc_reads_it() {
    let source = SOURCE.replace("clk { l: m: };", "clk: clk { }; old { deep { }; };")
        + "&uart { /delete-property/ gone; more = <2>; };\n/ { /delete-node/ old; added { }; };\n";
    let ours = from_dts(&source).unwrap();
    let uart = &ours.root.children[2];
    assert_eq!(uart.name, "serial@9000000");
    assert!(uart.get("gone").is_none() && uart.get("more") == Some(&[0, 0, 0, 2]));
    assert_eq!(uart.get("interrupt-parent"), Some(&[0, 0, 0, 7][..]));
    assert_eq!(uart.get("clock"), Some(&[0, 0, 0, 8, 0, 0, 0, 5][..]), "the first number that is free above");
    assert_eq!(ours.root.children[0].get("stdout-path"), Some(&b"/serial@9000000\0"[..]));
    assert_eq!(ours.reservations, [(0x1000, 0x1000)]);
    if let Some((good, dtb, says)) = dtc(&["-q", "-q", "-I", "dts", "-O", "dtb", "-"], source.as_bytes()) {
        assert!(good, "{says}");
        let mut theirs = Flat::parse(&dtb).unwrap();
        // dtc counts phandles from 1.
        let clk = theirs.root.children[3].properties.pop().unwrap();
        assert_eq!(clk.0, "phandle");
        let mut same = ours.clone();
        same.root.children[3].properties.pop();
        let of = |f: &mut Flat| f.root.children[2].properties.retain(|(n, _)| n != "clock");
        of(&mut theirs);
        of(&mut same);
        assert_eq!(theirs, same);
    }
}

#[test]
fn another_makers_tree_becomes_an_apple_tree_that_says_the_same() {
    let source = SOURCE.replace("clk { l: m: };", "clk { };");
    let tree = import(&from_dts(&source).unwrap()).unwrap();
    let uart = tree.node("/serial").unwrap();
    assert_eq!(uart.get("interrupt-parent").unwrap().number(), Some(7));
    assert_eq!(tree.by_phandle(7).unwrap().name(), Some(&b"interrupt-controller"[..]));
    assert_eq!(tree.property("/interrupt-controller", "reg").unwrap().words64().next(), Some(0x800_0000));
    assert_eq!(tree.property("/", "compatible").unwrap().strings().count(), 2);
    assert!(uart.has("empty"));
    assert_eq!(import(&export(&tree)).unwrap(), tree);
}

#[test]
fn source_that_means_nothing_says_where() {
    for (source, part) in [
        ("", "/dts-v1/"),
        ("/dts-v1/; / { a = <&b>; };", "no node with the label b"),
        ("/dts-v1/; / { a = <0x100000000>; };", "does not fit 32 bits"),
        ("/dts-v1/; / { a = <(1 / 0)>; };", "division by zero"),
        ("/dts-v1/; / { a = /bits/ 7 <1>; };", "/bits/"),
        ("/dts-v1/; / { a = \"x; };", "closing quote"),
        ("/dts-v1/; / { a = [0]; };", "hexadecimal"),
        ("/dts-v1/; / { a } ;", "';'"),
        ("/dts-v1/; /include/ \"x\"", "cpp"),
        ("/dts-v1/; #include <x>", "cpp"),
        ("/dts-v1/; /plugin/; / { };", "overlay"),
        ("/dts-v1/; &x { };", "no such node"),
        ("/dts-v1/;", "no root node"),
        ("/dts-v1/; / { a = <((((1) }; };", "')'"),
    ] {
        let e = from_dts(source).unwrap_err().to_string();
        assert!(e.contains(part), "{source}: {e}");
    }
    let deep = format!("/dts-v1/; / {{ a = <{}", "(".repeat(100_000));
    assert!(from_dts(&deep).unwrap_err().to_string().contains("nested too deep"));
    let deep = format!("/dts-v1/; / {{ {}", "a { ".repeat(100_000));
    assert!(from_dts(&deep).is_err());
    // A label on a deep node cannot be used to go deeper.
    let label = format!("/dts-v1/; / {{ {} x: a {{ }}; {} }}; ", "a { ".repeat(60), "}; ".repeat(60));
    let deeper = format!("{label} &x {{ {} {} }};", "a { ".repeat(60), "}; ".repeat(60));
    assert!(from_dts(&label).is_ok() && from_dts(&deeper).is_err());
}

#[test]
fn many_nodes_properties_and_references_take_no_longer_than_they_must() {
    let n = 30_000;
    let nodes: String = (0..n).map(|i| format!("l{i}: n{i} {{ p = <&l{}>; }};\n", (i + 1) % n)).collect();
    let properties: String = (0..n).map(|i| format!("p{} = <1>;\n", i % 30_000)).collect();
    let source = format!("/dts-v1/; / {{ {properties} {nodes} }};");
    let start = std::time::Instant::now();
    let flat = from_dts(&source).unwrap();
    assert_eq!((flat.root.properties.len(), flat.root.children.len()), (30_000, n));
    let mut tree = Tree::new();
    tree.root.children = (0..n).map(|_| crate::Node::named("same")).collect();
    assert_eq!(import(&export(&tree)).unwrap(), tree);
    assert!(start.elapsed().as_secs() < 45, "minutes at quadratic cost");
}

#[test]
fn damage_is_an_error_or_another_tree() {
    let good = export(&Tree::parse(&golden()).unwrap()).to_bytes();
    for n in 0..good.len() {
        assert!(Flat::parse(&good[..n]).is_err(), "{n} bytes");
    }
    let mut r = Random(5);
    for _ in 0..30_000 {
        let mut bytes = good.clone();
        for _ in 0..=r.below(3) {
            let at = r.below(bytes.len() as u64);
            bytes[at] = r.next() as u8;
        }
        if let Ok(flat) = Flat::parse(&bytes) {
            assert_eq!(Flat::parse(&flat.to_bytes()).unwrap(), flat);
            if let Ok(tree) = import(&flat) {
                assert_eq!(import(&export(&tree)).unwrap(), tree);
            }
        }
        let source = SOURCE.replace("clk { l: m: };", "clk { };");
        let mut bytes = source.into_bytes();
        for _ in 0..=r.below(4) {
            let at = r.below(bytes.len() as u64);
            bytes[at] = b"/{}[]()<>&\"\\';=#*, \n0x9a:"[r.below(25)];
        }
        let text = String::from_utf8_lossy(&bytes).to_string();
        if let Ok(flat) = from_dts(&text)
            && let Ok(tree) = import(&flat)
        {
            assert_eq!(import(&export(&tree)).unwrap(), tree, "{text}");
        }
    }
}

/// The `fdt` crate's view of what we write.
#[test]
fn another_reader_sees_the_same_nodes_and_properties() {
    use fdt::nodes::AsNode;
    fn walk<'a>(
        node: impl AsNode<'a, (fdt::parsing::unaligned::UnalignedParser<'a>, fdt::parsing::NoPanic)>,
    ) -> (usize, usize) {
        let node = node.as_node();
        let mut found = (1, node.properties().unwrap().into_iter().filter(|p| p.is_ok()).count());
        for child in node.children().unwrap() {
            let below = walk(child.unwrap());
            found = (found.0 + below.0, found.1 + below.1);
        }
        found
    }
    let mut r = Random(3);
    for _ in 0..200 {
        let flat = export(&random_tree(&mut r));
        let bytes = flat.to_bytes();
        let tree = fdt::Fdt::new_unaligned_fallible(&bytes).unwrap();
        fn count(n: &FlatNode) -> (usize, usize) {
            n.children.iter().map(count).fold((1, n.properties.len()), |a, b| (a.0 + b.0, a.1 + b.1))
        }
        let root = tree.root().unwrap();
        assert_eq!(walk(root), count(&flat.root));
    }
}
