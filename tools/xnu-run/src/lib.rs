//! run XNU and other Arm kernels: an AArch64 full-system emulator
//!
//! The tool gathers what is to be booted ([`source`]), decides machine and plan ([`boot`]), and runs it with the
//! user's terminal around it ([`host`]). Everything else is in the libraries.
#![forbid(unsafe_code)]

pub mod boot;
pub mod chain;
pub mod debugger;
pub mod demo;
pub mod diagnose;
pub mod host;
pub mod monitor;
pub mod names;
pub mod patches;
pub mod screenshot;
pub mod serial;
pub mod source;
pub mod terminal;
pub mod trust;
pub mod vnc;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use boot::{Boot, MachineKind};
use cli::{Doc, Error, Example, Io, Status};
use host::{End, Terminal};
use machine::trace::{Items, Log, Trace};
use machine::{Config, EngineKind, Exit, Machine};
use source::{Loose, Sources};

/// Exit status when `--timeout` is over before `--until` appeared.
const TIMED_OUT: u8 = 124;
/// Exit status when the guest waits and nothing can wake it.
const ASLEEP: u8 = 123;
/// Exit status of a guest reset under `--no-reboot`.
const RESET: u8 = 122;

/// Command line of `xnu-run`.
#[derive(Debug, clap::Parser)]
pub struct Args {
    /// Packed boot image, IPSW, or a bare kernel; `-` or nothing: standard input.
    #[arg(value_name = "BOOTIMG")]
    pub image: Option<PathBuf>,
    /// Configuration of the packed image, instead of its default.
    #[arg(long, value_name = "NAME")]
    pub configuration: Option<String>,
    /// Kernel: Mach-O, IM4P, Linux Image, or raw image.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub kernel: Option<PathBuf>,
    /// Apple device tree, bare or IM4P.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub devicetree: Option<PathBuf>,
    /// Ramdisk, bare or IM4P.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub ramdisk: Option<PathBuf>,
    /// Static trust cache, bare or IM4P.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub trustcache: Option<PathBuf>,
    /// Trust what is in PATH, beside what the trust cache lists: a Mach-O file, a folder or disk image of them, another trust
    /// cache, or the word ramdisk. May be repeated.
    #[arg(long, value_name = "PATH", help_heading = "Loose parts")]
    pub trust: Vec<PathBuf>,
    /// Boot arguments, instead of the image's.
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true, help_heading = "Loose parts")]
    pub append: Option<String>,
    /// Linux initrd.
    #[arg(long, value_name = "FILE", conflicts_with = "ramdisk", help_heading = "Loose parts")]
    pub initrd: Option<PathBuf>,
    /// Flattened device tree instead of the generated one.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub dtb: Option<PathBuf>,
    /// Firmware in the first flash bank of machine virt.
    #[arg(long, value_name = "FILE", help_heading = "Loose parts")]
    pub bios: Option<PathBuf>,
    /// Offset of the first instruction of a raw image that speaks Apple's boot protocol.
    #[arg(long, value_name = "OFFSET", value_parser = number, help_heading = "Loose parts")]
    pub entry: Option<u64>,
    /// Machine; by default what the image names or the kernel is for.
    #[arg(short = 'M', long, value_enum, help_heading = "Machine")]
    pub machine: Option<MachineKind>,
    /// RAM, in bytes or with K, M, G.
    #[arg(short = 'm', long, value_name = "SIZE", value_parser = size, help_heading = "Machine")]
    pub memory: Option<u64>,
    /// Number of CPUs.
    #[arg(long, visible_alias = "smp", value_name = "N", help_heading = "Machine")]
    pub cpus: Option<u32>,
    /// CPU model: a7 to a14, m1, vmapple, cortex-a53, cortex-a72, neoverse-n1, max.
    #[arg(long, value_name = "MODEL", help_heading = "Machine")]
    pub cpu: Option<String>,
    /// Pointer authentication: off, hash, qarma5 or qarma3; by default what the CPU model has.
    #[arg(long, value_name = "ALGORITHM", value_parser = pac, help_heading = "Machine")]
    pub pac: Option<machine::Pac>,
    /// Ignore APRR and SPRR: pages have the permissions that Arm gives them.
    #[arg(long, help_heading = "Machine")]
    pub no_sprr: bool,
    /// Protect the memory that the kernel locks with KTRR or CTRR.
    #[arg(long, visible_alias = "enforce-ctrr", help_heading = "Machine")]
    pub enforce_ktrr: bool,
    /// Version of the interrupt controller of machine virt.
    #[arg(long, value_name = "VERSION", default_value = "3", value_parser = clap::value_parser!(u8).range(2..=3), help_heading = "Machine")]
    pub gic: u8,
    /// CPUs of machine virt have EL2 and start there.
    #[arg(long, help_heading = "Machine")]
    pub virtualization: bool,
    /// Raw disk image of machine virt; FILE,ro for read-only. May be repeated.
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    pub drive: Vec<PathBuf>,
    /// Framebuffer of machine apple, such as 640x1136.
    #[arg(long, value_name = "WxH", value_parser = screen, help_heading = "Machine")]
    pub screen: Option<xnu_boot::Screen>,
    /// KASLR slide, a multiple of 32 MiB.
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = number, help_heading = "Machine")]
    pub slide: u64,
    /// Seed of everything random; equal seeds give equal boots.
    #[arg(long, value_name = "N", default_value = "0", value_parser = number, help_heading = "Machine")]
    pub seed: u64,
    /// Leave Apple's device tree as it is but for addresses.
    #[arg(long, help_heading = "Machine")]
    pub no_fill: bool,
    /// Boot though the plan breaks rules.
    #[arg(long, help_heading = "Machine")]
    pub force: bool,
    /// Patch the kernel: a patch or set of --list-patches. May be repeated.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Kernel")]
    pub patch: Vec<String>,
    /// More patches: a TOML file, or a folder of them. May be repeated.
    #[arg(long, value_name = "FILE", help_heading = "Kernel")]
    pub patch_file: Vec<PathBuf>,
    /// List the patches and, of a kernel, where each would go; change nothing.
    #[arg(long, help_heading = "Kernel")]
    pub list_patches: bool,
    /// Do something at a place in the kernel: pc=ADDR, symbol=NAME, string=TEXT or pattern=HEX/MASK, then `: log`,
    /// `: return=VALUE`, skip, xN=VALUE, goto=ADDR, stop. May be repeated.
    #[arg(long, value_name = "PLACE: ACTIONS", help_heading = "Kernel")]
    pub hook: Vec<String>,
    /// Change Apple's device tree after it was filled in: a statement of dt-patch(5). May be repeated.
    #[arg(long, value_name = "STATEMENT", help_heading = "Kernel")]
    pub dt_edit: Vec<String>,
    /// With --list-patches: JSON.
    #[arg(long, requires = "list_patches", help_heading = "Kernel")]
    pub json: bool,
    /// Serial console: stdio, file:PATH, unix:PATH, pty or none.
    #[arg(long, value_name = "WHERE", default_value = "stdio", help_heading = "Running")]
    pub serial: serial::Spec,
    /// End with success when this regular expression matches the console output.
    #[arg(long, value_name = "REGEX", help_heading = "Running")]
    pub until: Option<regex::bytes::Regex>,
    /// End after so many seconds, with exit status 124.
    #[arg(long, value_name = "SECS", value_parser = seconds, help_heading = "Running")]
    pub timeout: Option<Duration>,
    /// Write what the framebuffer shows at the end, as PNG.
    #[arg(long, value_name = "FILE", help_heading = "Running")]
    pub screenshot: Option<PathBuf>,
    /// Show the framebuffer to VNC clients at ADDR: PORT, HOST:PORT or :DISPLAY; loopback only. Their keys go to the console.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:5900", help_heading = "Running")]
    pub vnc: Option<vnc::Address>,
    /// Execution engine: interpreter, jit, or auto: jit where the host can.
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = engine, help_heading = "Running")]
    pub engine: EngineKind,
    /// Time follows executed instructions, so many a second: runs repeat exactly.
    #[arg(long, value_name = "PER_SECOND", value_parser = size, help_heading = "Running")]
    pub icount: Option<u64>,
    /// Guest delays take as long as they say, instead of being skipped while the guest idles.
    #[arg(long, conflicts_with = "icount", help_heading = "Running")]
    pub realtime: bool,
    /// HLT #0xf000 is semihosting (exit, console output); the default on machine virt.
    #[arg(long, help_heading = "Running")]
    pub semihosting: bool,
    /// End, instead of starting over, when the guest resets the machine (exit status 122).
    #[arg(long, help_heading = "Running")]
    pub no_reboot: bool,
    /// Trace, a list of: in_asm, exec, cpu, int, mmu, unimp, mmio.
    #[arg(short = 'd', value_name = "ITEMS", value_parser = items, help_heading = "Looking")]
    pub trace: Option<Items>,
    /// File for the trace instead of standard error.
    #[arg(short = 'D', value_name = "FILE", requires = "trace", help_heading = "Looking")]
    pub trace_file: Option<PathBuf>,
    /// Names of addresses for traces and the monitor: lines of ADDRESS NAME, as nm writes them, without slide.
    #[arg(long, value_name = "FILE", help_heading = "Looking")]
    pub symbols: Option<PathBuf>,
    /// Let GDB or LLDB attach at ADDR: PORT, HOST:PORT or unix:PATH. Whoever can connect owns the guest.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:1234", help_heading = "Looking")]
    pub gdb: Option<debug::Address>,
    /// Stop before the first instruction until a debugger attaches (default --gdb 127.0.0.1:1234).
    #[arg(short = 'S', long, help_heading = "Looking")]
    pub stopped: bool,
    /// Say at the end where the guest stands and why, whatever happened; and while it runs, when it has made no progress
    /// for SECS (default 20). Without this, only boots that fail are told about.
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "20", value_parser = seconds, help_heading = "Looking")]
    pub diagnose: Option<Duration>,
    /// Never say why a boot failed.
    #[arg(long, conflicts_with = "diagnose", help_heading = "Looking")]
    pub no_diagnosis: bool,
    /// Break the machine, to see what a boot does then: timer-irq, ktrr, apctl. A list.
    #[arg(long = "break", value_name = "WHAT", value_delimiter = ',', help_heading = "Looking")]
    pub broken: Vec<String>,
    /// Print the plan of the boot and stop.
    #[arg(short = 'n', long, help_heading = "Looking")]
    pub dry_run: bool,
    /// Write the flattened device tree that the guest would get, and stop.
    #[arg(long, value_name = "FILE", help_heading = "Looking")]
    pub dump_dtb: Option<PathBuf>,
    /// Boot the demo: an IPSW made in memory, sent through the whole chain.
    #[arg(long, conflicts_with_all = ["image", "kernel", "bios"], help_heading = "Demo")]
    pub demo: bool,
    /// Write the demo IPSW, to try the tools on it, and stop.
    #[arg(long, value_name = "FILE", help_heading = "Demo")]
    pub demo_ipsw: Option<PathBuf>,
    /// Options that every tool has.
    #[command(flatten)]
    pub common: cli::Common,
}

impl cli::HasCommon for Args {
    fn common(&self) -> &cli::Common {
        &self.common
    }
}

/// What the manual page adds to the options.
pub const DOC: Doc = Doc {
    name: "xnu-run",
    summary: "run XNU and other Arm kernels: an AArch64 full-system emulator",
    examples: &[
        Example {
            command: "xnu-run --demo < /dev/null",
            what: "Boots the demo: an IPSW made in memory, through the whole chain to its first program.",
        },
        Example {
            command: "xnu-run demo.ipsw --until 'powering off' --timeout 120 < /dev/null",
            what: "The same from a file: an IPSW is sent through the chain with the preset serial-only.",
        },
        Example {
            command: "xnu-run --list-patches kernelcache",
            what: "What could be patched, and where in this kernel; nothing is changed.",
        },
        Example {
            command: "ipsw-extract demo.ipsw | dt-patch --preset serial-only | xnu-run --until 'powering off' --timeout 120",
            what: "The chain, ending with success when the console says so.",
        },
        Example {
            command: "dt-patch --preset serial-only boot.fit | xnu-run --dry-run",
            what: "Prints where everything would be put, and nothing else.",
        },
        Example {
            command: "xnu-run --kernel kernelcache --devicetree devicetree.im4p --ramdisk ramdisk.dmg --trustcache trustcache.im4p --append 'serial=3 rd=md0' --dry-run",
            what: "The same from loose parts.",
        },
        Example {
            command: "xnu-run -M virt --bios /dev/null --dump-dtb virt.dtb",
            what: "Writes the device tree of the standard machine.",
        },
    ],
    exit_status: &[
        (122, "the guest reset the machine, with --no-reboot"),
        (123, "the guest waits and nothing can wake it any more"),
        (124, "--timeout was over"),
    ],
    see_also: &["ipsw-extract(1)", "dt-patch(1)", "bootimg-pack(1)", "bootimg(5)"],
};

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "a number, decimal or hexadecimal with 0x".into())
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.trim_end_matches(['B', 'b']).trim_end_matches('i') {
        t if t.ends_with(['k', 'K']) => (t.get(..t.len() - 1), 10),
        t if t.ends_with(['m', 'M']) => (t.get(..t.len() - 1), 20),
        t if t.ends_with(['g', 'G']) => (t.get(..t.len() - 1), 30),
        t => (Some(t), 0),
    };
    let value = number(digits.unwrap_or_default())?;
    value.checked_mul(1 << shift).filter(|v| *v > 0).ok_or_else(|| "a size such as 512M".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "a number of seconds".into())
}

fn screen(text: &str) -> Result<xnu_boot::Screen, String> {
    let (width, height) = text.split_once('x').ok_or("width x height, such as 640x1136")?;
    let pixels = |t: &str| t.parse().map_err(|_| "width x height, such as 640x1136".to_owned());
    Ok(xnu_boot::Screen { width: pixels(width)?, height: pixels(height)?, graphics: false })
}

fn pac(text: &str) -> Result<machine::Pac, String> {
    Ok(match text {
        "off" => machine::Pac::Off,
        "hash" => machine::Pac::Hash,
        "qarma5" | "qarma" => machine::Pac::Qarma5,
        "qarma3" => machine::Pac::Qarma3,
        _ => return Err("off, hash, qarma5 or qarma3".into()),
    })
}

fn engine(text: &str) -> Result<EngineKind, String> {
    EngineKind::named(text).ok_or_else(|| EngineKind::NAMES.join(", "))
}

fn items(text: &str) -> Result<Items, String> {
    Items::parse(text).map_err(|e| e.to_string())
}

/// Runs the tool.
///
/// # Errors
/// Whatever keeps the guest from starting; what the guest does afterwards is told by the exit status.
pub fn run(args: Args, io: &mut Io) -> Result<Status, Error> {
    if let Some(path) = &args.demo_ipsw {
        demo::write(path, io)?;
        return Ok(Status::Done);
    }
    let anything = args.image.is_some() || args.kernel.is_some() || args.demo;
    if args.list_patches && !anything && std::io::stdin().is_terminal() {
        return patches::list(&args, None, io);
    }
    let sources = gather(&args, io)?;
    if args.list_patches {
        return patches::list(&args, sources.kernel.as_ref(), io);
    }
    let stdin_is_taken = sources.stdin_is_taken;
    if let Some(text) = &sources.description {
        io.verbose(text);
    }
    let boot = Boot::new(&args, sources, io)?;
    if let Some(path) = &args.dump_dtb {
        let mut out = io.output(Some(path))?;
        out.put(&boot.flat_tree(&args, io)?)?;
        out.finish()?;
        return Ok(Status::Done);
    }
    if let Some(plan) = &boot.plan {
        for warning in &plan.warnings {
            io.warn(warning);
        }
        if args.dry_run {
            io.print(&plan.to_string())?;
        } else {
            plan.to_string().lines().for_each(|line| io.verbose(line));
        }
        plan.changes.iter().for_each(|change| io.debug(format_args!("device tree: {change}")));
    }
    if args.dry_run {
        return Ok(Status::Done);
    }
    execute(&args, &boot, stdin_is_taken, io)
}

fn gather(args: &Args, io: &Io) -> Result<Sources, Error> {
    let loose = Loose {
        kernel: args.kernel.clone(),
        device_tree: args.devicetree.clone(),
        dtb: args.dtb.clone(),
        ramdisk: args.ramdisk.clone(),
        initrd: args.initrd.clone(),
        trust_cache: args.trustcache.clone(),
    };
    let mut sources = if args.demo {
        Sources::bytes("demo", &demo::image(io)?, io)?
    } else if args.image.is_some() || (args.kernel.is_none() && args.bios.is_none()) {
        Sources::image(args.image.as_deref(), args.configuration.as_deref(), io)?
    } else {
        Sources::default()
    };
    sources.loose(&loose, io)?;
    trust::extend(&mut sources, &args.trust, io)?;
    Ok(sources)
}

fn execute(args: &Args, boot: &Boot, stdin_is_taken: bool, io: &Io) -> Result<Status, Error> {
    let log = match (&args.trace, &args.trace_file) {
        (None, _) => None,
        (Some(_), Some(path)) => {
            let file = std::fs::File::create(path).map_err(|e| Error::io(path.display(), e))?;
            Some(Log::new(Box::new(std::io::BufWriter::new(file))))
        }
        (Some(_), None) => Some(Log::new(Box::new(std::io::stderr()))),
    };
    let items = args.trace.unwrap_or_default();
    let hook_log = log.clone().unwrap_or_else(|| Log::new(Box::new(std::io::stderr())));
    let slide = boot.plan.as_ref().map_or(0, |p| p.slide);
    let hooks = patches::hooks(args, boot.kernel(), slide, &hook_log)?;
    let names = names::Names::gather(boot, args.symbols.as_deref(), io)?;
    let trace = log.clone().map(|log| Trace::new(items, log, names.symbols.clone()));
    let recorder = diagnose::recorder(trace.clone());
    let options = machine::Options {
        engine: args.engine,
        realtime: args.realtime,
        semihosting: args.semihosting || boot.kind() == MachineKind::Virt,
        // Remembering device accesses costs little, but what nobody diagnoses need not pay it.
        tracer: if args.no_diagnosis {
            trace.map(|t| t as _)
        } else {
            Some(std::sync::Arc::clone(&recorder) as _)
        },
        hooks,
    };
    let faults = args
        .broken
        .iter()
        .map(|name| machine::Fault::named(name))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::usage)?;
    let build = || {
        let config = Config {
            cpu: args.cpu.clone(),
            pac: args.pac,
            arm_permissions: args.no_sprr,
            enforce_locks: args.enforce_ktrr,
            instructions_per_second: args.icount,
            faults: faults.clone(),
            on_unmapped: log.as_ref().filter(|_| items.mmio).map(Log::on_unmapped),
        };
        boot.board(args, config, io)
    };
    // Everything that can fail has failed before the terminal is touched.
    let board = build()?;
    board.notes.iter().for_each(|note| io.warn(note));
    let address = args.gdb.clone().or_else(|| args.stopped.then(debug::Address::default));
    let server = address.as_ref().map(debug::Server::bind).transpose();
    let server = server.map_err(|e| Error::new(cli::Code::Io, format_args!("--gdb: {e}")))?;
    if let Some(server) = &server {
        io.warn(format_args!("debuggers may attach at {}", server.address()));
    }
    let vnc = args.vnc.map(vnc::Server::start).transpose()?;
    if let Some(vnc) = &vnc {
        let screen = board.screen().ok_or_else(|| Error::usage("--vnc: this machine has no framebuffer"))?;
        vnc.show(Some(screen));
        io.warn(format_args!("VNC clients may connect to {}", vnc.address()));
    }
    let console = serial::Console::open(&args.serial, stdin_is_taken, io)?;
    let mut host = Terminal::new(console, args.until.clone(), args.timeout)?;
    if !args.no_diagnosis {
        let apple = boot.kind() == MachineKind::Apple;
        let patience = args.diagnose.or_else(|| apple.then_some(diagnose::PATIENCE));
        let modules = patches::modules(boot.kernel(), slide);
        let (ramdisk, trusted) = boot.trusted();
        let program = Box::new(move |path: &str| trust::program(ramdisk.as_ref(), &trusted, path));
        let mut d =
            diagnose::Diagnosis::new(boot.plan.as_ref(), &names, modules, recorder, patience, program);
        d.always = args.diagnose.is_some();
        host.diagnosis = Some(d);
    }
    host.names = names;
    host.keys = vnc.as_ref().map(|v| v.keys.try_clone()).transpose().map_err(|e| Error::io("--vnc", e))?;
    let mut machine = Machine::new(board, options.clone());
    let mut failed = None;
    let exit = debugger::run(
        &mut machine,
        &mut host,
        server.as_ref(),
        args.stopped,
        &mut |machine| {
            if args.no_reboot {
                return false;
            }
            match build() {
                Ok(board) => {
                    if let Some(vnc) = &vnc {
                        vnc.show(board.screen());
                    }
                    *machine = Machine::new(board, options.clone());
                }
                Err(e) => failed = Some(e),
            }
            failed.is_none()
        },
        io,
    );
    host.finish(io);
    if let Some(e) = failed {
        return Err(e);
    }
    if let Some(log) = &log {
        log.flush();
    }
    if let Some(path) = &args.screenshot {
        screenshot::write(&machine, path, io)?;
    }
    report(&machine, io);
    let status = status(&machine, exit, host.end, args.until.is_some(), io);
    let left = matches!(host.end, Some(End::Left | End::Signal(_)));
    if let Some(text) =
        host.diagnosis.as_ref().and_then(|d| d.at_end(&machine, status != Status::Done && !left))
    {
        text.trim_end().lines().for_each(|line| io.warn(line));
    }
    Ok(status)
}

/// What `-v` tells about a run.
fn report(machine: &Machine, io: &Io) {
    io.verbose(format_args!("{} instructions", machine.instructions()));
    if io.verbosity() >= 1 {
        for m in machine.board().bus.devices().filter(|m| m.stray() > 0) {
            io.verbose(format_args!("{} at {:#x}: {} senseless accesses", m.name, m.base, m.stray()));
        }
        monitor::census(machine).lines().for_each(|line| io.debug(line));
    }
}

fn status(machine: &Machine, exit: Exit, end: Option<End>, until: bool, io: &Io) -> Status {
    match (end, exit) {
        (Some(End::Found), _) => Status::Done,
        (Some(End::TimedOut), _) => {
            io.warn(if until { "time is over and the text did not appear" } else { "time is over" });
            io.verbose(monitor::registers(machine, 0));
            Status::Code(TIMED_OUT)
        }
        (Some(End::Signal(signal)), _) => Status::Code(u8::try_from(128 + signal).unwrap_or(255)),
        (Some(End::Left), _) | (None, Exit::Host | Exit::Attention) => Status::Done,
        (None, Exit::Guest(code)) if until => {
            io.warn(format_args!("the guest ended (status {code}) and the text did not appear"));
            Status::NothingFound
        }
        (None, Exit::Guest(code)) => match u8::try_from(code).unwrap_or(255) {
            0 => Status::Done,
            code => Status::Code(code),
        },
        (None, Exit::Hook) => Status::Done,
        (None, Exit::Reset) => Status::Code(RESET),
        (None, Exit::Asleep) => {
            io.warn("the guest waits, and nothing can wake it: no timer is set and no input can come");
            io.verbose(monitor::registers(machine, 0));
            Status::Code(ASLEEP)
        }
        (None, Exit::Debug { cpu, stop }) => {
            io.warn(format_args!("cpu {cpu} stopped for a debugger that is not there: {stop:?}"));
            Status::Code(ASLEEP)
        }
    }
}

#[cfg(test)]
mod tests;
