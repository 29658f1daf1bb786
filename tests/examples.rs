//! Every example of every manual page (and of `--help`, which shows the same) runs as written.

use suite::DemoFolder;

#[test]
fn the_examples_of_the_manual_pages_run_as_written() {
    let mut failed = Vec::new();
    for doc in manual::DOCS {
        for example in doc.examples {
            let ran = DemoFolder::new().sh(example.command);
            if ran.status != 0 {
                failed.push(format!(
                    "{}: `{}` ended with {}: {}",
                    doc.name, example.command, ran.status, ran.stderr
                ));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn every_tool_has_help_with_examples_a_version_and_completions() {
    let folder = DemoFolder::new();
    for doc in manual::DOCS {
        let help = folder.sh(&format!("{} --help", doc.name)).ok().text();
        assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
        folder.sh(&format!("{} --version", doc.name)).ok();
        for shell in ["bash", "zsh", "fish"] {
            let script = folder.sh(&format!("{} --completions {shell}", doc.name)).ok();
            assert!(script.text().contains(doc.name), "{}", script.command);
        }
        folder.sh(&format!("{} --no-such-option", doc.name)).status.eq(&2).then_some(()).expect("usage is 2");
    }
}

#[test]
fn the_manual_pages_have_no_errors_in_their_markup() {
    let folder = DemoFolder::new();
    if folder.sh("man --version >/dev/null 2>&1 || groff --version >/dev/null").status != 0 {
        eprintln!("passed over: groff is not installed");
        return;
    }
    for page in std::fs::read_dir(suite::root().join("man")).expect("man/ is there").flatten() {
        let path = page.path();
        if path.is_file() {
            let ran = folder.sh(&format!("groff -man -ww -z -Tutf8 {}", path.display()));
            assert!(ran.status == 0 && ran.stderr.is_empty(), "{}: {}", path.display(), ran.stderr);
        }
    }
}
