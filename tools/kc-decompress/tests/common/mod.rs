//! What the tests of the built program share.
#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs the program in a folder.
pub fn tool(folder: &Path, args: &[&str], stdin: Option<&[u8]>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kc-decompress"));
    run(command.args(args), folder, stdin)
}

fn run(command: &mut Command, folder: &Path, stdin: Option<&[u8]>) -> Output {
    let mut child = command
        .current_dir(folder)
        .stdin(if stdin.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = child.stdin.take();
    std::thread::scope(|scope| {
        if let (Some(mut pipe), Some(data)) = (pipe, stdin) {
            // The tool may stop reading: then so do we.
            scope.spawn(move || pipe.write_all(data));
        }
        child.wait_with_output().unwrap()
    })
}

/// Runs another program; `None`, said aloud, if it is not installed.
pub fn other(folder: &Path, program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).current_dir(folder).stdin(Stdio::null()).output() {
        Ok(out) => Some(out),
        Err(_) => {
            eprintln!("passed over: {program} is not installed");
            None
        }
    }
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub fn err(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

pub fn text(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Asserts success and gives standard output as text.
#[track_caller]
pub fn ok(out: &Output) -> String {
    assert_eq!(out.status.code(), Some(0), "{}{}", text(out), err(out));
    text(out)
}

#[track_caller]
pub fn json(out: &Output) -> serde_json::Value {
    serde_json::from_str(&ok(out)).unwrap()
}

/// Asserts a failure with this status, told in one line that has this word.
#[track_caller]
pub fn fails(out: &Output, status: i32, word: &str) {
    let text = err(out);
    assert_eq!(out.status.code(), Some(status), "{text}");
    assert!(text.starts_with("kc-decompress: ") && text.lines().count() == 1, "{text}");
    assert!(text.contains(word), "{word} in {text}");
}
