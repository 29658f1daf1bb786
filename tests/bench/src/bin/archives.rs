//! Archives against the programs that people use for the same, in one run: time and peak memory as a Markdown table.
//!
//! The archive has 24 members of 8 MiB of real machine code (the compiler's library unless a file is named), deflated,
//! and a manifest. Each program takes all of it out, tests all of it, or takes one member of it from a server that
//! counts what it sends. What is taken out is compared with what went in. Peak memory is the high-water mark that Linux
//! keeps of a process, looked at until it ends. Programs that are not installed are named and left out.

use httpd::{Behaviour, Content, Server};
use std::error::Error;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const MEMBERS: usize = 24;
const SIZE: usize = 8 << 20;
const RUNS: usize = 5;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One way of doing a task.
struct Way {
    name: String,
    program: PathBuf,
    args: Vec<String>,
    /// Times, and peak memory in KiB.
    runs: Vec<(Duration, u64)>,
    /// Bytes that a server sent the last time.
    sent: Option<u64>,
}

impl Way {
    fn new(name: &str, program: impl Into<PathBuf>, args: &[&str]) -> Way {
        let args = args.iter().map(ToString::to_string).collect();
        Way { name: name.into(), program: program.into(), args, runs: Vec::new(), sent: None }
    }

    /// Runs it once; false if there is no such program.
    fn run(&mut self, folder: &Path) -> Result<bool> {
        let out = folder.join("out");
        let _ = std::fs::remove_dir_all(&out);
        std::fs::create_dir(&out)?;
        let start = Instant::now();
        let child = Command::new(&self.program)
            .args(&self.args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        let status_file = format!("/proc/{}/status", child.id());
        let mut peak = 0u64;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            let text = std::fs::read_to_string(&status_file).unwrap_or_default();
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kib = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok());
            peak = peak.max(kib.unwrap_or(0));
            std::thread::sleep(Duration::from_millis(1));
        };
        if !status.success() {
            return Err(format!("{} failed ({status})", self.name).into());
        }
        self.runs.push((start.elapsed(), peak));
        Ok(true)
    }

    fn median(&self) -> Duration {
        let mut times: Vec<Duration> = self.runs.iter().map(|r| r.0).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

/// Runs all ways in turn and prints a row for each; `check` looks at what is in the folder.
fn task(
    title: &str,
    folder: &Path,
    mut ways: Vec<Way>,
    server: Option<&Server>,
    check: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    let mut absent = Vec::new();
    for round in 0..RUNS {
        for way in ways.iter_mut().filter(|w| round == 0 || !w.runs.is_empty()) {
            let before = server.map(Server::bytes);
            match way.run(folder) {
                Ok(true) if check(&folder.join("out")) => {}
                Ok(true) => return Err(format!("{title}: {} gave other bytes", way.name).into()),
                Ok(false) => absent.push(format!("{} is not installed", way.name)),
                Err(e) => absent.push(e.to_string()),
            }
            way.sent = server.map(|s| s.bytes() - before.unwrap_or(0));
        }
    }
    let ours = |w: &Way| w.name.starts_with("ipsw-extract");
    let fastest = ways.iter().filter(|w| !ours(w) && !w.runs.is_empty()).map(Way::median).min();
    for way in ways.iter().filter(|w| !w.runs.is_empty()) {
        let median = way.median().as_secs_f64();
        let peak = way.runs.iter().map(|r| r.1).max().unwrap_or(0) as f64 / 1024.0;
        let ratio = fastest.map_or("-".into(), |f| format!("{:.2}", f.as_secs_f64() / median));
        let sent = way.sent.map_or("-".into(), |n| n.to_string());
        println!("| {title} | {} | {:.0} | {ratio} | {peak:.0} | {sent} |", way.name, median * 1000.0);
    }
    for why in absent {
        eprintln!("{title}: {why}: left out");
    }
    Ok(())
}

/// The compiler's library: real code that every machine with this repository has.
fn default_input() -> Result<PathBuf> {
    let out = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let folder = PathBuf::from(String::from_utf8(out.stdout)?.trim()).join("lib");
    let files = std::fs::read_dir(folder)?.filter_map(|f| f.ok().map(|f| f.path()));
    files
        .max_by_key(|f| std::fs::metadata(f).map_or(0, |m| m.len()))
        .ok_or_else(|| "no library of the compiler: name a file".into())
}

fn run() -> Result<()> {
    let input = std::env::args_os().nth(1).map_or_else(default_input, |f| Ok(f.into()))?;
    let extract = std::env::current_exe()?.parent().ok_or("no folder of the tools")?.join("ipsw-extract");
    if !extract.is_file() {
        return Err(format!("{}: not built: cargo build --release", extract.display()).into());
    }
    let mut code = Vec::new();
    std::fs::File::open(input)?.take((MEMBERS * SIZE) as u64).read_to_end(&mut code)?;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let manifest = "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>BuildIdentities</key><array/></dict></plist>";
    zip.start_file("BuildManifest.plist", zip::write::SimpleFileOptions::default())?;
    zip.write_all(manifest.as_bytes())?;
    let part = |i: usize| {
        let at = (i * SIZE) % code.len().saturating_sub(SIZE).max(1);
        code.get(at..(at + SIZE).min(code.len())).unwrap_or_default()
    };
    for i in 0..MEMBERS {
        zip.start_file(format!("member{i:02}"), zip::write::SimpleFileOptions::default())?;
        zip.write_all(part(i))?;
    }
    let archive = zip.finish()?.into_inner();
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.zip"), &archive)?;
    let all = |out: &Path| {
        (0..MEMBERS).all(|i| std::fs::read(out.join(format!("member{i:02}"))).is_ok_and(|b| b == part(i)))
    };
    let last = |out: &Path| std::fs::read(out.join("member20")).is_ok_and(|b| b == part(20));

    println!(
        "| task | program | ms (median of {RUNS}) | times the fastest other | MiB at most | bytes sent |"
    );
    println!("|---|---|---:|---:|---:|---:|");
    let ways = vec![
        Way::new("ipsw-extract", &extract, &["a.zip", "**", "-o", "out"]),
        Way::new("ipsw-extract -j1", &extract, &["a.zip", "**", "-o", "out", "-j1"]),
        Way::new("unzip", "unzip", &["-q", "a.zip", "-d", "out"]),
        Way::new("7z x", "7z", &["x", "-y", "-oout", "a.zip"]),
    ];
    task("all files of an archive", folder.path(), ways, None, &all)?;
    let ways = vec![
        Way::new("ipsw-extract --verify", &extract, &["--verify", "a.zip"]),
        Way::new("ipsw-extract --verify -j1", &extract, &["--verify", "-j1", "a.zip"]),
        Way::new("unzip -t", "unzip", &["-tq", "a.zip"]),
        Way::new("7z t", "7z", &["t", "a.zip"]),
    ];
    task("test of an archive", folder.path(), ways, None, &|_| true)?;
    let etag = Some("\"bench\"".to_string());
    let server = Server::start(Content::Bytes(archive), Behaviour { etag, ..Behaviour::default() });
    let url = server.url("/a.zip");
    let ways = vec![
        Way::new("ipsw-extract URL", &extract, &[&url, "**member20", "-o", "out"]),
        Way::new("remotezip", "remotezip", &[&url, "member20", "-o", "out"]),
    ];
    task("one file of an archive on a server", folder.path(), ways, Some(&server), &last)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("archives: {e}");
            ExitCode::FAILURE
        }
    }
}
