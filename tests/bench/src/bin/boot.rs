//! How long a boot takes, from the start of `xnu-run` to the first line of the console and to the first program at EL0, and
//! what skipping idle time is worth to a kernel that waits for 30 seconds: prints a Markdown table.
//!
//! The guests are the project's own: the demo, through its whole chain in memory, and the obstacle kernel. `xnu-run` is the
//! built program beside this one, or what `--program` names. Another kernel is measured with
//! `boot -- xnu-run's arguments`, to the lines that match --first and --second (texts, not patterns).

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A boot and the text of its console whose times are wanted.
struct Boot {
    name: String,
    arguments: Vec<String>,
    marks: Vec<String>,
}

/// Runs a boot once; when each mark came. An empty mark is the first line.
fn run(program: &Path, boot: &Boot) -> Result<Vec<Duration>> {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(&boot.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut found: Vec<Option<Duration>> = vec![None; boot.marks.len()];
    let out = child.stdout.take().ok_or("no pipe")?;
    let mut lines = BufReader::new(out);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line).into_owned();
        for (mark, at) in boot.marks.iter().zip(&mut found) {
            if text.contains(mark.as_str()) {
                at.get_or_insert(start.elapsed());
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
        line.clear();
    }
    let _ = child.kill();
    child.wait()?;
    let missing = || format!("{}: the console never said {:?}", boot.name, boot.marks);
    found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| missing().into())
}

fn measure(program: &Path, boot: &Boot) -> Result<()> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); boot.marks.len()];
    // The first round warms the caches of files.
    for round in 0..=ROUNDS {
        for (all, time) in times.iter_mut().zip(run(program, boot)?) {
            if round > 0 {
                all.push(time);
            }
        }
    }
    let median = |mut all: Vec<Duration>| {
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let cells: Vec<String> =
        times.into_iter().map(|t| format!("{:.0}", median(t).as_secs_f64() * 1000.0)).collect();
    println!("| {} | {} |", boot.name, cells.join(" | "));
    Ok(())
}

fn strings(all: &[&str]) -> Vec<String> {
    all.iter().map(|s| (*s).to_owned()).collect()
}

fn measure_all() -> Result<()> {
    let mut program = std::env::current_exe()?.with_file_name("xnu-run");
    let (mut first, mut second) = (String::new(), String::new());
    let mut own: Option<Vec<String>> = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument}: a value is missing"));
        match argument.as_str() {
            "--program" => program = PathBuf::from(value()?),
            "--first" => first = value()?,
            "--second" => second = value()?,
            "--" => own = Some(arguments.by_ref().collect()),
            other => return Err(format!("{other}: --program, --first, --second or --").into()),
        }
    }
    if let Some(arguments) = own {
        println!("| boot | {first:?} ms | {second:?} ms |\n|---|---:|---:|");
        let marks = vec![first, second];
        return measure(&program, &Boot { name: arguments.join(" "), arguments, marks });
    }
    println!("| boot (median of {ROUNDS}) | first line, ms | EL0, ms |\n|---|---:|---:|");
    for engine in ["interpreter", "jit"] {
        let name = format!("demo, {engine}");
        let arguments = strings(&["--demo", "--engine", engine, "--timeout", "60"]);
        measure(&program, &Boot { name, arguments, marks: strings(&["", "hello from EL0"]) })?;
    }
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let launchd = guests::demo::launchd()?;
    std::fs::write(path("kernel"), guests::obstacles::kernel())?;
    std::fs::write(path("tree"), guests::demo::device_tree()?)?;
    std::fs::write(path("ramdisk"), guests::obstacles::ramdisk(Some(&launchd))?)?;
    println!(
        "\n| a kernel that waits for 30 s, then starts (median of {ROUNDS}) | before, ms | after, ms |\n|---|---:|---:|"
    );
    for (name, extra) in [("idle time skipped", None), ("--realtime", Some("--realtime"))] {
        let mut arguments =
            strings(&["--append", "serial=3 rd=md0 wait", "--timeout", "90", "--engine", "jit"]);
        arguments.extend(strings(&["--dt-edit", "delete /:secure-root-prefix"]));
        for (option, file) in [("--kernel", "kernel"), ("--devicetree", "tree"), ("--ramdisk", "ramdisk")] {
            arguments.extend([option.to_owned(), path(file)]);
        }
        arguments.extend(extra.map(str::to_owned));
        let marks = strings(&["AppleImage4: started", "waited 30 s"]);
        measure(&program, &Boot { name: name.into(), arguments, marks })?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match measure_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("boot: {e}");
            ExitCode::FAILURE
        }
    }
}
