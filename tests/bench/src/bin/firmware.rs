//! The firmware tools against the programs that people use for the same, in one run: prints a Markdown table.
//!
//! The input is real machine code, the compiler's own library unless a file is named, cut to 64 MiB, with a Mach-O
//! header in front. Every program does the same work on the same file, in turn, several times; what it gives is
//! compared with what went in. The table has the median of each and its ratio to the fastest of the others. Programs
//! that are not installed are named and left out.

use apple_wrap::write::{self, Method};
use sha2::{Digest, Sha384};
use std::error::Error;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const SIZE: usize = 64 << 20;
const RUNS: usize = 9;
/// The ways that are this project's.
const OURS: [&str; 3] = ["kc-decompress", "ipsw-extract", "ipsw-extract --no-verify"];
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One way of doing a task.
struct Way {
    name: &'static str,
    command: Command,
    /// The file it writes; without one it writes to a pipe.
    output: Option<PathBuf>,
    times: Vec<Duration>,
}

impl Way {
    fn new(name: &'static str, program: &Path, args: &[&str], output: Option<PathBuf>) -> Way {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::null()).stderr(Stdio::null());
        command.stdout(if output.is_some() { Stdio::null() } else { Stdio::piped() });
        Way { name, command, output, times: Vec::new() }
    }

    /// Runs it once; gives false if there is no such program.
    fn run(&mut self, should: &[u8]) -> Result<bool> {
        if let Some(old) = &self.output {
            let _ = std::fs::remove_file(old);
        }
        // The memory is there before the clock starts.
        let mut got = Vec::with_capacity(should.len() + 1);
        let start = Instant::now();
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        if let Some(mut pipe) = child.stdout.take() {
            pipe.read_to_end(&mut got)?;
        }
        let status = child.wait()?;
        self.times.push(start.elapsed());
        if let Some(file) = &self.output {
            got = std::fs::read(file)?;
        }
        if !status.success() || got != should {
            return Err(format!("{} did not give the right bytes ({status})", self.name).into());
        }
        Ok(true)
    }

    fn median(&mut self) -> Duration {
        self.times.sort_unstable();
        self.times.get(self.times.len() / 2).copied().unwrap_or_default()
    }
}

/// Runs all ways in turn and prints a row for each.
fn task(title: &str, should: &[u8], mut ways: Vec<Way>) -> Result<()> {
    let mut absent = Vec::new();
    for round in 0..=RUNS {
        for way in ways.iter_mut().filter(|w| round == 0 || !w.times.is_empty()) {
            match way.run(should) {
                Ok(true) => {}
                Ok(false) => absent.push(format!("{} is not installed", way.name)),
                // What others do wrong is said, and not measured.
                Err(e) if !OURS.contains(&way.name) => {
                    way.times.clear();
                    absent.push(e.to_string());
                }
                Err(e) => return Err(e),
            }
        }
    }
    // The first round warmed the caches and found out who is there.
    for way in &mut ways {
        way.times = way.times.split_off(way.times.len().min(1));
    }
    let others = ways.iter_mut().filter(|w| !OURS.contains(&w.name) && !w.times.is_empty());
    let fastest = others.map(Way::median).min();
    for way in &mut ways {
        if way.times.is_empty() {
            continue;
        }
        let median = way.median().as_secs_f64();
        let speed = should.len() as f64 / median / 1e6;
        let ratio = fastest.map_or("-".into(), |f| format!("{:.2}", f.as_secs_f64() / median));
        println!("| {title} | {} | {:.0} | {speed:.0} | {ratio} |", way.name, median * 1000.0);
    }
    for why in absent {
        eprintln!("{title}: {why}: left out");
    }
    Ok(())
}

/// The compiler's library: the largest file of real code that every machine with this repository has.
fn default_input() -> Result<PathBuf> {
    let out = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let folder = PathBuf::from(String::from_utf8(out.stdout)?.trim()).join("lib");
    let files = std::fs::read_dir(folder)?.filter_map(|f| f.ok().map(|f| f.path()));
    files
        .max_by_key(|f| std::fs::metadata(f).map_or(0, |m| m.len()))
        .ok_or_else(|| "no library of the compiler: name a file".into())
}

/// Machine code behind the header of a Mach-O with one segment over all of it.
fn kernel(input: &Path) -> Result<Vec<u8>> {
    let mut code = Vec::new();
    std::fs::File::open(input)?.take(SIZE as u64).read_to_end(&mut code)?;
    let mut bytes = Vec::new();
    // mach_header_64: magic, arm64, all, MH_EXECUTE, 1 command of 72 bytes, MH_NOUNDEFS, reserved.
    for word in [0xfeed_facfu32, 0x0100_000c, 0, 2, 1, 72, 1, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0x19u32, 72].map(u32::to_le_bytes).concat());
    bytes.extend(*b"__TEXT\0\0\0\0\0\0\0\0\0\0");
    let size = (code.len() as u64 + 104).next_multiple_of(0x4000);
    bytes.extend([0xffff_fff0_0700_4000u64, size, 0, size].map(u64::to_le_bytes).concat());
    bytes.extend([5u32, 5, 0, 0].map(u32::to_le_bytes).concat());
    bytes.extend(code);
    bytes.resize(usize::try_from(size)?, 0);
    Ok(bytes)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |n: u32| char::from(DIGITS[n as usize & 63]);
    // A digest is 48 bytes: no padding.
    let words = bytes.chunks_exact(3).map(|c| c.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)));
    words.flat_map(|w| [18, 12, 6, 0].map(|s| digit(w >> s))).collect()
}

/// An IPSW of one component, deflated.
fn ipsw(component: &[u8]) -> Result<Vec<u8>> {
    let manifest = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict><key>ProductVersion</key>\
         <string>1</string><key>ProductBuildVersion</key><string>1A1</string><key>SupportedProductTypes</key><array/>\
         <key>BuildIdentities</key><array><dict><key>Info</key><dict><key>DeviceClass</key><string>d22ap</string>\
         <key>RestoreBehavior</key><string>Erase</string></dict><key>Manifest</key><dict><key>KernelCache</key><dict>\
         <key>Digest</key><data>{}</data><key>Info</key><dict><key>Path</key><string>kernelcache</string></dict>\
         </dict></dict></dict></array></dict></plist>",
        base64(&Sha384::digest(component))
    );
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in [("BuildManifest.plist", manifest.as_bytes()), ("kernelcache", component)] {
        zip.start_file(name, zip::write::SimpleFileOptions::default())?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn run() -> Result<()> {
    let input = std::env::args_os().nth(1).map_or_else(default_input, |f| Ok(f.into()))?;
    let tools = std::env::current_exe()?.parent().ok_or("no folder of the tools")?.to_path_buf();
    let (kc, extract) = (tools.join("kc-decompress"), tools.join("ipsw-extract"));
    for tool in [&kc, &extract] {
        if !tool.is_file() {
            return Err(format!("{}: not built: cargo build --release", tool.display()).into());
        }
    }
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name);
    let kernel = kernel(&input)?;
    let lzfse = write::compress(&kernel, Method::Lzfse)?.0.into_owned();
    std::fs::write(file("kernel.lzfse"), lzfse)?;
    std::fs::write(file("lzfse.im4p"), write::im4p(*b"krnl", "bench", &kernel, Method::Lzfse)?)?;
    std::fs::write(file("lzss.im4p"), write::im4p(*b"krnl", "bench", &kernel, Method::Lzss)?)?;
    std::fs::write(file("bench.ipsw"), ipsw(&kernel)?)?;
    let out = file("out");
    let path = |name: &str| file(name).display().to_string();
    let o = path("out");

    println!("| task | program | ms (median of {RUNS}) | MB/s | times the fastest other |");
    println!("|---|---|---:|---:|---:|");
    let (im4p, raw) = (path("lzfse.im4p"), path("kernel.lzfse"));
    let decode = vec![
        Way::new("kc-decompress", &kc, &[&im4p, "-o", &o], Some(out.clone())),
        Way::new(
            "Apple's lzfse (payload only)",
            Path::new("lzfse"),
            &["-decode", "-i", &raw, "-o", &o],
            Some(out.clone()),
        ),
        Way::new(
            "PyIMG4",
            Path::new("pyimg4"),
            &["im4p", "extract", "-i", &im4p, "-o", &o],
            Some(out.clone()),
        ),
    ];
    task("kernelcache, LZFSE", &kernel, decode)?;
    let im4p = path("lzss.im4p");
    let decode = vec![
        Way::new("kc-decompress", &kc, &[&im4p, "-o", &o], Some(out.clone())),
        Way::new(
            "PyIMG4",
            Path::new("pyimg4"),
            &["im4p", "extract", "-i", &im4p, "-o", &o],
            Some(out.clone()),
        ),
    ];
    task("kernelcache, LZSS", &kernel, decode)?;
    let ipsw = path("bench.ipsw");
    let copy = vec![
        Way::new("ipsw-extract", &extract, &[&ipsw, "KernelCache"], None),
        Way::new("ipsw-extract --no-verify", &extract, &["--no-verify", &ipsw, "KernelCache"], None),
        Way::new("unzip -p", Path::new("unzip"), &["-p", &ipsw, "kernelcache"], None),
    ];
    task("file of an IPSW to a pipe", &kernel, copy)
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("firmware: {e}");
            ExitCode::FAILURE
        }
    }
}
