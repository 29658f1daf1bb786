//! `kc-decompress` against the tools that people use for Image4 files (PyIMG4, img4lib's `img4`, img4tool), in one run:
//! time and peak memory for the same jobs. Prints a Markdown table.
//!
//! The input is real machine code, the compiler's own library unless a file is named, cut to 64 MiB. Every program does
//! the same work on the same file, in turn, several times; what it gives is checked by content, since two right encoders
//! need not agree on bytes. Memory is what GNU `time` reports of one more run. Programs that are not installed, or that
//! give something wrong, are named and left out.

use apple_wrap::write::{self, Method};
use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const SIZE: u64 = 64 << 20;
const RUNS: usize = 7;
const OURS: &str = "kc-decompress";
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A program and the arguments with which it does a job.
struct Way {
    name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    times: Vec<Duration>,
    peak: Option<u64>,
}

/// A job: a title, the bytes it works on, and what its output must be.
struct Job<'a> {
    title: &'static str,
    bytes: usize,
    output: &'a Path,
    right: &'a dyn Fn(&[u8]) -> bool,
}

impl Way {
    /// Runs it once, measured; `Ok(false)` if there is no such program.
    fn run(&mut self, job: &Job<'_>) -> Result<bool> {
        let _ = std::fs::remove_file(job.output);
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = match command.status() {
            Ok(status) => status,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e.into()),
        };
        self.times.push(start.elapsed());
        let got = std::fs::read(job.output).unwrap_or_default();
        if !status.success() || !(job.right)(&got) {
            return Err(format!("{} did not give the right bytes ({status})", self.name).into());
        }
        Ok(true)
    }

    /// The largest memory of one run, in KiB, by GNU time.
    fn measure_peak(&mut self, folder: &Path) {
        let report = folder.join("peak");
        let mut command = Command::new("time");
        command.args(["-f", "%M", "-o"]).arg(&report).arg(&self.program).args(&self.args);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if command.status().is_ok_and(|s| s.success()) {
            let text = std::fs::read_to_string(report).unwrap_or_default();
            self.peak = text.lines().last().and_then(|l| l.trim().parse().ok());
        }
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

fn run_job(job: &Job<'_>, mut ways: Vec<Way>, folder: &Path) -> Result<()> {
    let mut absent = Vec::new();
    for round in 0..=RUNS {
        for way in ways.iter_mut().filter(|w| round == 0 || !w.times.is_empty()) {
            match way.run(job) {
                Ok(true) => {}
                Ok(false) => absent.push(format!("{} is not installed", way.name)),
                Err(e) if way.name != OURS => {
                    way.times.clear();
                    absent.push(e.to_string());
                }
                Err(e) => return Err(e),
            }
        }
    }
    // The first round warmed the caches and found out who is there.
    for way in ways.iter_mut().filter(|w| !w.times.is_empty()) {
        way.times = way.times.split_off(1);
        way.measure_peak(folder);
    }
    let others = ways.iter().filter(|w| w.name != OURS && !w.times.is_empty());
    let fastest = others.map(Way::median).min();
    for way in ways.iter().filter(|w| !w.times.is_empty()) {
        let median = way.median().as_secs_f64();
        let speed = job.bytes as f64 / median / 1e6;
        let ratio = fastest.map_or("-".into(), |f| format!("{:.2}", f.as_secs_f64() / median));
        let peak = way.peak.map_or("-".into(), |k| format!("{:.1}", k as f64 / 1024.0));
        println!("| {} | {} | {:.1} | {speed:.0} | {peak} | {ratio} |", job.title, way.name, median * 1000.0);
    }
    for why in absent {
        eprintln!("{}: {why}: left out", job.title);
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

/// Machine code that begins as a Mach-O does.
fn kernel(input: &Path) -> Result<Vec<u8>> {
    let mut code = Vec::from(*b"\xcf\xfa\xed\xfe");
    std::fs::File::open(input)?.take(SIZE).read_to_end(&mut code)?;
    Ok(code)
}

fn run() -> Result<()> {
    let input = std::env::args_os().nth(1).map_or_else(default_input, |f| Ok(f.into()))?;
    let kc = std::env::current_exe()?.parent().ok_or("no folder of the tools")?.join("kc-decompress");
    if !kc.is_file() {
        return Err(format!("{}: not built: cargo build --release", kc.display()).into());
    }
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let put = |name: &str, data: &[u8]| std::fs::write(folder.path().join(name), data);
    let kernel = kernel(&input)?;
    put("kernel", &kernel)?;
    let lzfse = write::im4p(*b"krnl", "bench", &kernel, Method::Lzfse)?;
    put("lzfse.im4p", &lzfse)?;
    put("lzss.im4p", &write::im4p(*b"krnl", "bench", &kernel, Method::Lzss)?)?;
    let manifest = apple_img4::write::im4m(&[], &[1; 256], &[&[0x30, 0]])?;
    put("m.im4m", &manifest)?;
    let img4 = apple_img4::write::img4(&lzfse, Some(&manifest), None)?;
    put("k.img4", &img4)?;
    let output = folder.path().join("out");
    let out = path("out");

    let way = |name, program: &Path, args: &[&str]| Way {
        name,
        program: program.to_path_buf(),
        args: args.iter().map(ToString::to_string).collect(),
        times: Vec::new(),
        peak: None,
    };
    let ours = |args: &[&str]| way(OURS, &kc, args);
    let pyimg4 = |args: &[&str]| way("PyIMG4", Path::new("pyimg4"), args);
    let img4lib = |args: &[&str]| way("img4lib", Path::new("img4"), args);
    let img4tool = |args: &[&str]| way("img4tool", Path::new("img4tool"), args);

    println!("| job | program | ms (median of {RUNS}) | MB/s | peak MiB | times the fastest other |");
    println!("|---|---|---:|---:|---:|---:|");
    let is_kernel = |got: &[u8]| got == kernel;
    let job = |title, right| Job { title, bytes: kernel.len(), output: &output, right };
    for (title, name) in [("take out, LZFSE", "lzfse.im4p"), ("take out, LZSS", "lzss.im4p")] {
        let file = path(name);
        let ways = vec![
            ours(&["extract", &file, "-o", &out]),
            pyimg4(&["im4p", "extract", "-i", &file, "-o", &out]),
            img4lib(&["-i", &file, "-o", &out]),
            img4tool(&["-e", "-o", &out, &file]),
        ];
        run_job(&job(title, &is_kernel), ways, folder.path())?;
    }
    let holds_kernel = |got: &[u8]| {
        apple_wrap::open(got, &apple_wrap::Options::default())
            .is_ok_and(|o| *o.payload == kernel && o.im4p_type == Some(*b"krnl"))
    };
    let file = path("kernel");
    for (title, method, theirs, tihmstar) in
        [("make, LZFSE", "lzfse", "--lzfse", "bvx2"), ("make, LZSS", "lzss", "--lzss", "complzss")]
    {
        let ways = vec![
            ours(&["create", &file, "-t", "krnl", "-d", "bench", "-c", method, "-o", &out]),
            pyimg4(&["im4p", "create", "-i", &file, "-o", &out, "-f", "krnl", "-d", "bench", theirs]),
            img4tool(&["-c", &out, "-t", "krnl", "-d", "bench", "--compression", tihmstar, &file]),
        ];
        run_job(&job(title, &holds_kernel), ways, folder.path())?;
    }
    let file = path("lzfse.im4p");
    let mut retyped = lzfse.clone();
    apple_img4::edit::retype(&mut retyped, apple_img4::FourCc(*b"rkrn"))?;
    let is_retyped = |got: &[u8]| got == retyped;
    let ways = vec![
        ours(&["retype", &file, "rkrn", "-o", &out]),
        img4lib(&["-i", &file, "-o", &out, "-T", "rkrn"]),
        img4tool(&["-n", "rkrn", "-o", &out, &file]),
    ];
    run_job(&Job { bytes: lzfse.len(), ..job("retype", &is_retyped) }, ways, folder.path())?;
    let is_img4 = |got: &[u8]| got == img4;
    let im4m = path("m.im4m");
    let ways = vec![
        ours(&["create", &file, "-m", &im4m, "-o", &out]),
        pyimg4(&["img4", "create", "-p", &file, "-m", &im4m, "-o", &out]),
        img4tool(&["-c", &out, "-p", &file, "-m", &im4m]),
    ];
    run_job(&Job { bytes: lzfse.len(), ..job("make IMG4", &is_img4) }, ways, folder.path())?;
    let is_im4p = |got: &[u8]| got == lzfse;
    let file = path("k.img4");
    let ways = vec![
        ours(&["split", &file, "-p", &out]),
        pyimg4(&["img4", "extract", "-i", &file, "-p", &out]),
        img4tool(&["-e", "-p", &out, &file]),
    ];
    run_job(&Job { bytes: lzfse.len(), ..job("split IMG4", &is_im4p) }, ways, folder.path())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("image4: {e}");
            ExitCode::FAILURE
        }
    }
}
