//! Kexts, fixups, symbols, layout and explanations, as the program shows them and as others read what it writes.

mod common;

use apple_kc::KernelCache;
use apple_kc::test_support::{
    KEXTS, fileset_cache, kernel_with_symbols, merged_cache, split_cache, tiny_kernel,
};
use apple_wrap::write::{self, Method};
use common::{err, fails, folder, json, ok, other, text, tool};

fn caches() -> [(&'static str, Vec<u8>); 3] {
    [("split", split_cache()), ("merged", merged_cache()), ("fileset", fileset_cache())]
}

#[test]
fn kexts_are_listed_from_all_three_layouts_in_any_wrapping() {
    let dir = folder();
    for (name, cache) in caches() {
        let file = write::im4p(*b"krnl", "k", &cache, Method::Lzfse).unwrap();
        let list = ok(&tool(dir.path(), &["kexts"], Some(&file)));
        for (id, version) in KEXTS {
            let line = list.lines().find(|l| l.ends_with(id)).unwrap_or_else(|| panic!("{id} in {list}"));
            assert!(line.starts_with("0xfffffff00") && line.contains(version), "{name}: {line}");
        }
        assert!(list.lines().any(|l| l.starts_with("- ") && l.ends_with("com.apple.kpi.bsd")), "{list}");
        assert_eq!(ok(&tool(dir.path(), &["--kexts"], Some(&file))), list);
        let value = json(&tool(dir.path(), &["kexts", "-", "One", "--json"], Some(&file)));
        assert_eq!(value["kexts"][0]["id"], KEXTS[0].0);
        assert_eq!(value["kexts"][0]["libraries"][0], "com.apple.kpi.bsd");
        assert_eq!(value["kexts"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_cut_cache_is_listed_as_far_as_it_goes_and_the_error_says_where_it_ends() {
    let dir = folder();
    let cache = merged_cache();
    let lists = KernelCache::parse(&cache).unwrap().section("__PRELINK_INFO", "__kmod_info").unwrap().offset;
    let out = tool(dir.path(), &["kexts"], Some(&cache[..lists as usize]));
    fails(&out, 3, "0 of 2 kexts could be listed: offset 0x10");
    // The lists are there, the XML is not: names from the kexts themselves, and an error.
    let info = KernelCache::parse(&cache).unwrap().section("__PRELINK_INFO", "__info").unwrap().offset;
    let out = tool(dir.path(), &["kexts"], Some(&cache[..info as usize + 10]));
    assert!(text(&out).contains(KEXTS[0].0), "{}", text(&out));
    fails(&out, 3, "prelink information");
    fails(&tool(dir.path(), &["kexts"], Some(&tiny_kernel())), 1, "kernel alone");
    fails(&tool(dir.path(), &["kexts", "-", "no.such.kext"], Some(&cache)), 1, "no.such.kext");
}

#[test]
fn extracted_kexts_are_read_by_other_programs() {
    let dir = folder();
    for (name, cache) in caches() {
        std::fs::write(dir.path().join(name), &cache).unwrap();
        let all = format!("{name}.kexts");
        ok(&tool(dir.path(), &["kexts", name, "-o", &all], None));
        let one = tool(dir.path(), &["extract", name, "com.apple.driver.One"], None);
        ok(&one);
        let file = format!("{all}/com.apple.driver.One");
        for args in
            [&["kexts", name, "-x", "One"][..], &["extract", name, "--kext", "One"], &["-", "--kext", "One"]]
        {
            let stdin = (args[0] == "-").then_some(&cache[..]);
            assert!(tool(dir.path(), args, stdin).stdout == one.stdout, "{args:?}");
        }
        assert_eq!(one.stdout, std::fs::read(dir.path().join(&file)).unwrap());
        let count = std::fs::read_dir(dir.path().join(&all)).unwrap().count();
        assert_eq!(count, if name == "fileset" { 3 } else { 2 });
        let Some(out) = other(dir.path(), "llvm-objdump", &["--macho", "--private-headers", "-d", &file])
        else {
            return;
        };
        let text = ok(&out);
        for word in ["KEXTBUNDLE", "__TEXT_EXEC", "ret"] {
            assert!(text.contains(word), "{name}: {word} in {text}");
        }
        if name != "merged" {
            let symbols = ok(&other(dir.path(), "llvm-nm", &["-n", &file]).unwrap());
            assert!(symbols.contains("S _one_start") || symbols.contains("T _one_start"), "{symbols}");
        }
    }
    fails(&tool(dir.path(), &["extract", "split", "--all"], None), 2, "-o DIR");
    fails(&tool(dir.path(), &["extract", "split", "com.apple.kpi.bsd", "-o", "x"], None), 1, "no executable");
    assert!(!dir.path().join("x").exists());
}

#[test]
fn names_of_kexts_cannot_lead_out_of_the_folder() {
    let dir = folder();
    let mut cache = split_cache();
    let id = b"com.apple.driver.One";
    for at in 0..cache.len() - id.len() {
        if cache[at..].starts_with(id) {
            cache[at..at + 8].copy_from_slice(b"../../..");
        }
    }
    let out = tool(dir.path(), &["kexts", "-", "-o", "inside"], Some(&cache));
    fails(&out, 3, "no safe name");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn fixups_make_pointers_plain_for_the_default_action_and_the_command() {
    let dir = folder();
    for (name, cache) in caches() {
        let by_option = tool(dir.path(), &["--fixups"], Some(&cache));
        let by_command = tool(dir.path(), &["rebase"], Some(&cache));
        ok(&by_option);
        assert_eq!(by_option.stdout, by_command.stdout);
        let mut expected = cache.clone();
        let done = KernelCache::parse(&cache).unwrap().resolve_fixups(&mut expected).unwrap();
        assert!(by_option.stdout == expected, "{name}");
        assert_eq!(err(&by_option).contains("no chained pointers"), done.pointers == 0);
        if done.pointers > 0 {
            let value = json(&tool(dir.path(), &["fixups", "--list", "--json"], Some(&cache)));
            let list = value["fixups"].as_array().unwrap();
            assert_eq!(list.len() as u64, done.pointers);
            let signed = list.iter().find(|f| !f["auth"].is_null()).unwrap();
            assert_eq!(
                (&signed["auth"]["key"], &signed["auth"]["diversity"]),
                (&"DA".into(), &0xabcd.into())
            );
            let lines = ok(&tool(dir.path(), &["fixups", "-l"], Some(&cache)));
            assert_eq!(lines.lines().count() as u64, done.pointers + 1);
        }
    }
}

#[test]
fn symbols_are_those_that_nm_prints() {
    let dir = folder();
    std::fs::write(dir.path().join("kernel"), kernel_with_symbols()).unwrap();
    let ours = ok(&tool(dir.path(), &["nm", "kernel", "--kext", "com.apple.kernel"], None));
    assert!(
        ours.contains("fffffff007008010 T _panic\n") && ours.contains("                 U _missing\n"),
        "{ours}"
    );
    let plain = ok(&tool(dir.path(), &["symbols", "kernel", "-C"], None));
    assert!(
        plain.starts_with("com.apple.kernel:\n") && plain.contains("OSKextLib::load(char const*, bool)"),
        "{plain}"
    );
    let value = json(&tool(dir.path(), &["kernel", "--symbols", "--json"], None));
    assert_eq!(value["images"][0]["symbols"].as_array().unwrap().len(), 7);
    if let Some(theirs) = other(dir.path(), "llvm-nm", &["-n", "kernel"]) {
        // Letters differ: __TEXT_EXEC,__text is code to us.
        let pairs = |text: &str| {
            let mut all: Vec<String> =
                text.lines().map(|l| format!("{} {}", &l[..16], l[18..].trim())).collect();
            all.sort();
            all
        };
        assert_eq!(pairs(&ours), pairs(&ok(&theirs)));
    }
    for (name, cache) in caches() {
        let out = tool(dir.path(), &["symbols", "-", "--kext", "One"], Some(&cache));
        if name == "merged" {
            assert_eq!(out.status.code(), Some(1), "{}", err(&out));
        } else {
            let symbols = ok(&out);
            assert_eq!(symbols.lines().count(), 3, "{symbols}");
            assert!(symbols.contains(" T _one_start") && symbols.contains(" D _one_data"), "{symbols}");
        }
    }
}

#[test]
fn the_layout_is_drawn_as_text_svg_and_json() {
    let dir = folder();
    for (name, cache) in caches() {
        // A file called like a command would be taken for it.
        let name = &format!("{name}.macho");
        std::fs::write(dir.path().join(name), &cache).unwrap();
        let chart = ok(&tool(dir.path(), &[name, "--layout"], None));
        for word in ["__TEXT ", "  com.apple.driver.One", "r-x file 0x0", "phys 0x80"] {
            assert!(chart.contains(word), "{name}: {word} in {chart}");
        }
        assert_eq!(name == "split.macho", chart.contains("(free)"));
        let svg = ok(&tool(dir.path(), &[name, "--layout=svg"], None));
        assert!(svg.starts_with("<svg ") && svg.contains("com.example.kec.Two"));
        ok(&tool(dir.path(), &["layout", name, "-o", "x.svg"], None));
        assert_eq!(std::fs::read_to_string(dir.path().join("x.svg")).unwrap(), svg);
        assert_eq!(ok(&tool(dir.path(), &["map", name, "--svg"], None)), svg);
        let value = json(&tool(dir.path(), &["layout", name, "--json"], None));
        assert!(value.as_array().unwrap().iter().any(|r| r["inside"] == true));
        if let Some(out) =
            other(dir.path(), "python3", &["-c", "import sys,xml.dom.minidom as m; m.parse('x.svg')"])
        {
            ok(&out);
        }
    }
}

#[test]
fn why_names_each_layer_its_mark_and_the_end() {
    let dir = folder();
    let file = write::im4p(*b"krnl", "k", &merged_cache(), Method::Lzss).unwrap();
    for args in [&["why"][..], &["--why"], &["explain", "-"]] {
        let why = ok(&tool(dir.path(), args, Some(&file)));
        for word in [
            "1. IM4P",
            "first string is IM4P",
            "2. complzss",
            "3. Mach-O",
            "merged cache",
            "threaded",
            "stops:",
        ] {
            assert!(why.contains(word), "{word} in {why}");
        }
    }
    let keybags = apple_img4::write::keybags(&[(1, &[1; 16], &[2; 32])]).unwrap();
    let mut parts = apple_img4::write::Im4pParts::new(apple_img4::FourCc(*b"krnl"), "", &[0x5a; 64]);
    parts.keybags_raw = Some(&keybags);
    let out = tool(dir.path(), &["why"], Some(&parts.to_bytes().unwrap()));
    assert!(
        text(&out).contains("stops: IM4P") && text(&out).contains("keybags: production"),
        "{}",
        text(&out)
    );
    fails(&out, 5, "encrypted");
    let value = json(&tool(dir.path(), &["why", "--json"], Some(b"nothing in particular")));
    assert_eq!(value["steps"][0]["what"], "unknown");
    let out = tool(dir.path(), &["why"], Some(&file[..file.len() / 2]));
    assert!(text(&out).contains("stops: "));
    fails(&out, 3, "IM4P");
}
