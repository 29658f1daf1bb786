//! The engines against `qemu-system-aarch64`, on the same guest programs in one run: prints a Markdown table.
//!
//! The programs are `tests/guests/speed`, one image that every machine boots unchanged; each program says when it starts and
//! gives a checksum when it is done, and machines whose checksums differ have not done the same work: that is an error.
//! What is measured is the processor time of the whole emulator (all its threads, by /proc/PID/task/*/schedstat) between
//! those two lines, so that other load on the machine counts little, and the least of several rounds taken in turn.
//!
//! The last row is Debian's installer kernel from power-on to its first program, if `just guests` has fetched it.
//!
//! Usage: engines [--rounds N] [--scale N] [--only NAME,NAME] [--no-interpreter] [--no-linux]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The guest's image.
const GUEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../guests/bin/speed.bin");
/// Debian's installer kernel and its initrd.
const LINUX: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../target/guests/debian-installer-12-netboot-arm64/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64"
);
const LINUX_MARK: &str = "Run /init as init process";
/// Name of the row from the start of the emulator to the guest's last line when it runs no program.
const START: &str = "start and stop";

/// Which machine runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Interpreter,
    Jit,
    Qemu,
}

impl Engine {
    const ALL: [Engine; 3] = [Engine::Interpreter, Engine::Jit, Engine::Qemu];

    fn name(self) -> &'static str {
        match self {
            Engine::Interpreter => "interpreter",
            Engine::Jit => "jit",
            Engine::Qemu => "qemu-system-aarch64",
        }
    }

    /// The command that boots `kernel` on a machine `virt` with one Neoverse N1.
    fn command(self, kernel: &Path, initrd: Option<&Path>, arguments: &str) -> Result<Command> {
        let mut command;
        if self == Engine::Qemu {
            command = Command::new("qemu-system-aarch64");
            command.args(
                "-M virt,gic-version=3 -cpu neoverse-n1 -m 512 -nographic -nodefaults -serial stdio"
                    .split(' '),
            );
            command.arg("-kernel").arg(kernel).args(["-append", arguments]);
            if let Some(initrd) = initrd {
                command.arg("-initrd").arg(initrd);
            }
        } else {
            command = Command::new(ours()?);
            command
                .args("-M virt --cpu neoverse-n1 -m 512M --realtime --no-progress --engine".split(' '))
                .arg(self.name());
            command.arg("--kernel").arg(kernel).args(["--append", arguments]);
            if let Some(initrd) = initrd {
                command.arg("--initrd").arg(initrd);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(command)
    }
}

/// xnu-run of the same build as this program.
fn ours() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    Ok(me.parent().ok_or("this program has no folder")?.join("xnu-run"))
}

/// Processor time that a process and all its threads have used.
fn processor_time(process: &Child) -> Duration {
    let mut total = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", process.id())).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        total += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    }
    Duration::from_nanos(total)
}

/// Least time and checksum of each program.
type Figures = BTreeMap<String, (Duration, String)>;

fn keep(figures: &mut Figures, program: &str, time: Duration, sum: &str) {
    let known = figures.entry(program.to_owned()).or_insert_with(|| (time, sum.to_owned()));
    known.0 = known.0.min(time);
}

/// Boots the guest once; gives the programs in their order, or nothing if there is no such emulator.
fn run(engine: Engine, arguments: &str, figures: &mut Figures) -> Result<Option<Vec<String>>> {
    let mut process = match engine.command(Path::new(GUEST), None, arguments)?.spawn() {
        Ok(process) => process,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut order = Vec::new();
    let mut started = Duration::ZERO;
    let mut done = false;
    for line in BufReader::new(process.stdout.take().ok_or("no output")?).lines() {
        let line = line?;
        let now = processor_time(&process);
        match line.trim().split_once(' ') {
            Some((_, "starts")) => started = now,
            Some(("all", "done")) => {
                done = true;
                if order.is_empty() {
                    keep(figures, START, now, "");
                    order.push(START.to_owned());
                }
            }
            Some((program, sum)) if u64::from_str_radix(sum, 16).is_ok() => {
                keep(figures, program, now - started, sum);
                order.push(program.to_owned());
            }
            _ => return Err(format!("{}: the guest says: {line}", engine.name()).into()),
        }
    }
    process.wait()?;
    if !done {
        return Err(format!("{}: the guest did not come to its end ({})", engine.name(), order.len()).into());
    }
    Ok(Some(order))
}

/// Time until Linux starts its first program.
fn linux(engine: Engine, kernel: &Path, initrd: &Path) -> Result<Duration> {
    let mut process = engine.command(kernel, Some(initrd), "console=ttyAMA0")?.spawn()?;
    let lines = BufReader::new(process.stdout.take().ok_or("no output")?);
    let mut time = None;
    for line in lines.lines() {
        if line?.contains(LINUX_MARK) {
            time = Some(processor_time(&process));
            break;
        }
    }
    process.kill()?;
    process.wait()?;
    time.ok_or_else(|| format!("{}: Linux did not come to its first program", engine.name()).into())
}

/// What the command line asks for.
struct Options {
    rounds: usize,
    scale: u32,
    only: Option<String>,
    engines: Vec<Engine>,
    linux: bool,
}

fn options() -> Result<Options> {
    let mut options = Options { rounds: 3, scale: 4, only: None, engines: Engine::ALL.to_vec(), linux: true };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument}: a value is missing"));
        match argument.as_str() {
            "--rounds" => options.rounds = value()?.parse()?,
            "--scale" => options.scale = value()?.parse()?,
            "--only" => options.only = Some(value()?),
            "--no-interpreter" => options.engines.retain(|e| *e != Engine::Interpreter),
            "--no-linux" => options.linux = false,
            _ => return Err(format!("{argument}: unknown; the head of engines.rs lists the options").into()),
        }
    }
    Ok(options)
}

/// One row; the ratio says how many times as fast as QEMU the translator is.
fn row(program: &str, times: &[Option<Duration>; 3]) -> Option<f64> {
    let cell = |t: Option<Duration>| t.map_or("-".to_owned(), |t| format!("{:.0}", t.as_secs_f64() * 1e3));
    // What the clock did not see has no ratio.
    let ratio =
        |t: Option<Duration>| Some(times[2]?.as_secs_f64() / t?.as_secs_f64()).filter(|r| r.is_finite());
    let text = |r: Option<f64>| r.map_or("-".to_owned(), |r| format!("{r:.2}"));
    let [interpreter, jit, qemu] = times.map(cell);
    println!(
        "| {program} | {interpreter} | {jit} | {qemu} | {} | {} |",
        text(ratio(times[0])),
        text(ratio(times[1]))
    );
    ratio(times[1])
}

fn measure() -> Result<()> {
    let options = options()?;
    let mut figures = [Figures::new(), Figures::new(), Figures::new()];
    let mut order = Vec::new();
    let programs = options.only.map_or(String::new(), |only| format!(" speed={only}"));
    for round in 0..options.rounds {
        for &engine in &options.engines {
            let place = &mut figures[engine as usize];
            // The interpreter is there to compare answers, and takes ten times as long.
            if engine == Engine::Interpreter && round > 0 {
                continue;
            }
            run(engine, "speed=none", place)?;
            match run(engine, &format!("scale={}{programs}", options.scale), place)? {
                Some(programs) => order = programs,
                None if round == 0 => eprintln!("{} is not installed", engine.name()),
                None => {}
            }
        }
    }
    println!(
        "| program | interpreter, ms | jit, ms | QEMU, ms | interpreter to QEMU | jit to QEMU |\n|---|---:|---:|---:|---:|---:|"
    );
    let mut ratios = Vec::new();
    order.insert(0, START.to_owned());
    for program in &order {
        let known: Vec<_> = figures.iter().filter_map(|f| f.get(program)).collect();
        if known.windows(2).any(|pair| pair[0].1 != pair[1].1) {
            return Err(format!(
                "{program}: the checksums differ: {:?}",
                known.iter().map(|k| &k.1).collect::<Vec<_>>()
            )
            .into());
        }
        let times = [0, 1, 2].map(|i| figures[i].get(program).map(|k| k.0));
        ratios.extend(row(program, &times).filter(|_| program != START));
    }
    let (kernel, initrd) = (Path::new(LINUX).join("linux"), Path::new(LINUX).join("initrd.gz"));
    if options.linux && !kernel.exists() {
        eprintln!("Debian's kernel is not there: `just guests` fetches it");
    } else if options.linux {
        let mut times = [None; 3];
        for _ in 0..options.rounds {
            for &engine in options.engines.iter().filter(|e| **e != Engine::Interpreter) {
                let time = linux(engine, &kernel, &initrd)?;
                let place = &mut times[engine as usize];
                *place = Some(place.map_or(time, |t: Duration| t.min(time)));
            }
        }
        row("Debian's kernel to its first program", &times);
    }
    if !ratios.is_empty() {
        let mean = (ratios.iter().map(|r| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        println!(
            "\nGeometric mean of the translator's ratios {mean:.2}, least {least:.2}, over {} programs.",
            ratios.len()
        );
    }
    Ok(())
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("engines: {e}");
            ExitCode::FAILURE
        }
    }
}
