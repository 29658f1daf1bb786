//! The walls between the crates: which may know which, where unsafe code may live, who may use certain crates.
//!
//! Data flows one way: bytes → format crates → boot image → machine plan → CPU → devices → console. Format crates know
//! nothing of machines, the CPU nothing of Apple's files, devices nothing of the CPU.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Each library and the libraries of ours that it may depend on.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("a64", &[]),
    ("apple-dt", &[]),
    ("apple-fs", &["apple-wrap"]),
    ("apple-img4", &[]),
    ("apple-ipsw", &["apple-img4"]),
    ("apple-kc", &["apple-wrap"]),
    ("apple-ota", &["apple-fs"]),
    ("apple-wrap", &["apple-img4"]),
    ("bootimg", &[]),
    ("cli", &[]),
    ("code-signature", &[]),
    ("cpu", &["a64", "mem"]),
    ("debug", &["a64", "cpu", "mem"]),
    ("devices", &["mem"]),
    ("diagnosis", &["apple-dt", "cpu", "debug", "machine", "mem", "xnu-boot"]),
    ("img4-verify", &["apple-img4"]),
    ("jit", &["a64", "cpu", "mem"]),
    ("machine", &["a64", "apple-dt", "bootimg", "cpu", "debug", "devices", "jit", "mem", "xnu-boot"]),
    ("mem", &[]),
    ("memory-chart", &[]),
    ("pipeline", &["apple-dt", "apple-img4", "apple-ipsw", "apple-wrap", "bootimg", "xnu-boot"]),
    ("remote", &[]),
    ("rfb", &[]),
    ("xnu-boot", &["apple-dt", "apple-kc", "apple-wrap", "bootimg"]),
    ("xnu-patch", &["apple-kc"]),
];

/// Crates of others that only one of ours may use directly.
const RESERVED: &[(&str, &[&str])] = &[
    ("clap", &["cli", "manual"]),
    ("der", &["apple-img4"]),
    ("dynasmrt", &["jit"]),
    ("fdt", &["bootimg"]),
    ("gdbstub", &["debug"]),
    ("goblin", &["apple-kc"]),
    ("indicatif", &["cli"]),
    ("ring", &["img4-verify"]),
    ("rustls", &["remote"]),
    ("ureq", &["remote"]),
    ("rustix", &["mem", "rd-extract", "xnu-run"]),
    ("zip", &["apple-ipsw", "bench", "guests"]),
];

/// Crates in which unsafe code may be written, each block with its SAFETY reason.
const UNSAFE: &[&str] = &["mem", "cpu", "jit"];

struct Package {
    name: String,
    folder: String,
    normal: BTreeSet<String>,
}

fn packages() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(&root)
        .output()
        .expect("cargo metadata runs");
    let metadata: Value = serde_json::from_slice(&out.stdout).expect("cargo metadata prints JSON");
    let list = |v: &Value| v.as_array().cloned().unwrap_or_default();
    list(&metadata["packages"])
        .iter()
        .map(|p| Package {
            name: p["name"].as_str().unwrap_or_default().to_string(),
            folder: p["manifest_path"]
                .as_str()
                .unwrap_or_default()
                .trim_end_matches("Cargo.toml")
                .to_string(),
            normal: list(&p["dependencies"])
                .iter()
                .filter(|d| d["kind"].is_null())
                .map(|d| d["name"].as_str().unwrap_or_default().to_string())
                .collect(),
        })
        .collect()
}

#[test]
fn libraries_know_only_what_is_below_them() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|p| p.name.as_str()).collect();
    let allowed: BTreeMap<_, _> = LIBRARIES.iter().copied().collect();
    for p in packages.iter().filter(|p| p.folder.contains("/lib/") && p.name != "xnu-kit") {
        let Some(may) = allowed.get(p.name.as_str()) else {
            panic!("lib/{} has no line in tests/layering.rs: say what it may depend on", p.name)
        };
        for d in p.normal.iter().filter(|d| ours.contains(d.as_str())) {
            assert!(may.contains(&d.as_str()), "{} must not depend on {d}", p.name);
        }
    }
}

#[test]
fn tools_depend_on_libraries_and_never_on_each_other() {
    let packages = packages();
    let tools: BTreeSet<&str> =
        packages.iter().filter(|p| p.folder.contains("/tools/")).map(|p| p.name.as_str()).collect();
    assert_eq!(tools.len(), 6, "six tools: {tools:?}");
    for p in packages.iter().filter(|p| tools.contains(p.name.as_str())) {
        for d in &p.normal {
            assert!(!tools.contains(d.as_str()), "{} must not depend on the tool {d}", p.name);
        }
        assert!(p.normal.contains("cli"), "{} does not behave like the others: no cli", p.name);
    }
}

#[test]
fn reserved_crates_stay_behind_their_wall() {
    for p in packages() {
        let tool = p.folder.contains("/tools/");
        for (krate, users) in RESERVED {
            let may = users.contains(&p.name.as_str()) || (tool && *krate == "clap");
            assert!(!p.normal.contains(*krate) || may, "{} must not use {krate}: only {users:?} may", p.name);
        }
    }
}

#[test]
fn the_facade_re_exports_every_library_but_cli() {
    let packages = packages();
    let facade = packages.iter().find(|p| p.name == "xnu-kit").expect("xnu-kit is there");
    for p in packages.iter().filter(|p| p.folder.contains("/lib/")) {
        let outside = ["xnu-kit", "cli"].contains(&p.name.as_str());
        assert!(outside || facade.normal.contains(&p.name), "xnu-kit does not re-export {}", p.name);
    }
}

#[test]
fn unsafe_code_is_forbidden_where_it_has_no_business() {
    for p in packages().iter().filter(|p| p.folder.contains("/lib/") || p.folder.contains("/tools/")) {
        let root = std::fs::read_to_string(Path::new(&p.folder).join("src/lib.rs")).expect("a library root");
        let forbidden = root.contains("#![forbid(unsafe_code)]");
        assert!(forbidden || UNSAFE.contains(&p.name.as_str()), "{} does not forbid unsafe code", p.name);
    }
}
