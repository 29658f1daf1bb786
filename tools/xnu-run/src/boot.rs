//! From sources and options to a board: which machine, which plan.

use cli::{Code, Error, Io};
use machine::virt::{self, GicVersion};
use machine::{Board, Config, Parts, apple, m1};
use xnu_boot::{Inputs, Kernel, Plan, Screen};
use xnu_patch::Edit;

use crate::Args;
use crate::source::{Named, Sources};

/// Largest kernel that is looked into.
const LIMIT: u64 = cli::MAX_COMPONENT;

/// Boot arguments of an XNU kernel for which nobody named any: the console, verbose; no watchdog.
const DEFAULT_ARGUMENTS: &str = "serial=3 -v debug=0x8 wdt=-1";

/// Which machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum MachineKind {
    /// Apple's: boot_args and Apple's device tree.
    #[value(alias = "iphone")]
    Apple,
    /// Apple's virtual machine (VMAPPLE): GICv3, PL011, hypercalls.
    Vmapple,
    /// An M1 entered with a flattened device tree.
    AppleM1,
    /// QEMU's `virt`.
    Virt,
}

/// A boot that is decided.
#[derive(Debug)]
pub struct Boot {
    kind: MachineKind,
    /// The plan, unless firmware or a bare image starts the machine.
    pub plan: Option<Plan>,
    parts: Parts,
    kernel: Option<Named>,
    /// What is changed in the kernel, by virtual address without slide.
    edits: Vec<Edit>,
    flat_tree: Option<Vec<u8>>,
    command_line: String,
}

fn plan_error(name: &str, e: &xnu_boot::Error) -> Error {
    let code = match e.kind() {
        xnu_boot::ErrorKind::Damaged => Code::Damaged,
        xnu_boot::ErrorKind::Unsupported => Code::Unsupported,
        xnu_boot::ErrorKind::NotFound => Code::NotFound,
        xnu_boot::ErrorKind::Usage => Code::Usage,
    };
    Error::new(code, format_args!("{name}: {e}"))
}

/// Failure of the machine, told as the user's mistake or the input's.
pub fn machine_error(e: &machine::Error) -> Error {
    match e {
        machine::Error::Unknown { .. } | machine::Error::Option { .. } => Error::usage(e),
        machine::Error::Tree(_) => Error::new(Code::Damaged, e),
        _ => Error::new(Code::Io, e),
    }
}

impl Boot {
    /// Decides.
    pub fn new(args: &Args, sources: Sources, io: &Io) -> Result<Self, Error> {
        let kernel = sources.kernel.as_ref().map(|k| recognise(k, args)).transpose()?;
        let named = match sources.machine.as_deref() {
            Some("apple" | "iphone") => Some(MachineKind::Apple),
            Some("vmapple") => Some(MachineKind::Vmapple),
            Some("apple-m1") => Some(MachineKind::AppleM1),
            Some("virt") => Some(MachineKind::Virt),
            Some(other) => {
                io.warn(format_args!("the image names machine {other:?}, which is not known here; guessing"));
                None
            }
            None => None,
        };
        let guess = match &kernel {
            _ if args.bios.is_some() => MachineKind::Virt,
            Some(Kernel::Linux(_)) => MachineKind::Virt,
            _ => MachineKind::Apple,
        };
        let kind = args.machine.or(named).unwrap_or(guess);
        let command_line = match (&args.append, &sources.bootargs) {
            (Some(own), _) => own.clone(),
            (None, Some(image)) => image.clone(),
            (None, None) if kind == MachineKind::Apple && matches!(kernel, Some(Kernel::Xnu(_))) => {
                // What makes a kernel speak, and take the ramdisk as its root.
                let root = if sources.ramdisk.is_some() { " rd=md0" } else { "" };
                let line = format!("{DEFAULT_ARGUMENTS}{root}");
                io.verbose(format_args!("boot arguments, as none were given: {line}"));
                line
            }
            (None, None) => String::new(),
        };
        let parts = Parts {
            kernel: sources.kernel.as_ref().map(|k| k.media.clone()),
            ramdisk: sources.ramdisk.as_ref().map(|r| r.media.clone()),
        };
        let name = sources.kernel.as_ref().map_or("--kernel", |k| k.name.as_str());
        let edits = crate::patches::edits(args, sources.kernel.as_ref(), io)?;
        let mut boot = Self {
            kind,
            plan: None,
            parts,
            kernel: sources.kernel.clone(),
            edits,
            flat_tree: sources.flat_tree,
            command_line,
        };
        match kind {
            MachineKind::Apple | MachineKind::Vmapple => {
                let kernel = kernel
                    .ok_or_else(|| no_kernel("an XNU kernel or another image of Apple's boot protocol"))?;
                let inputs = Inputs {
                    device_tree: sources.tree.as_ref(),
                    ramdisk: boot.parts.ramdisk.as_ref().map(machine::Media::len),
                    trust_cache: sources.trust_cache.as_deref(),
                    ..Inputs::new(kernel)
                };
                let options = xnu_boot::Options {
                    memory: args.memory,
                    command_line: boot.command_line.clone(),
                    slide: args.slide,
                    cpus: args.cpus.unwrap_or(1),
                    screen: args.screen.or_else(|| {
                        let wanted = args.screenshot.is_some() || args.vnc.is_some();
                        wanted.then_some(Screen { width: 640, height: 1136, graphics: false })
                    }),
                    seed: args.seed,
                    no_fill: args.no_fill,
                    force: args.force,
                    edits: args
                        .dt_edit
                        .iter()
                        .map(|text| {
                            let action = apple_dt::parse_edit(text)
                                .map_err(|e| Error::usage(format_args!("--dt-edit {text:?}: {e}")))?;
                            Ok(apple_dt::Edit::new(action, "--dt-edit"))
                        })
                        .collect::<Result<_, Error>>()?,
                    soc: (kind == MachineKind::Vmapple).then(|| xnu_boot::Soc::by_name("VMAPPLE")).flatten(),
                    ..xnu_boot::Options::default()
                };
                boot.plan = Some(Plan::new(&inputs, &options).map_err(|e| plan_error(name, &e))?);
            }
            MachineKind::Virt if args.bios.is_none() => {
                let kernel = kernel.ok_or_else(|| no_kernel("a Linux image or --bios"))?;
                let options = boot.virt_options(args, io)?;
                boot.plan =
                    Some(virt::plan(kernel, &boot.parts, &options).map_err(|e| plan_error(name, &e))?);
            }
            MachineKind::Virt => {}
            MachineKind::AppleM1 => {
                if boot.parts.kernel.is_none() {
                    return Err(no_kernel("a raw image"));
                }
            }
        }
        Ok(boot)
    }

    fn virt_options(&self, args: &Args, io: &Io) -> Result<virt::Options, Error> {
        let mut disks = Vec::new();
        for drive in &args.drive {
            let (path, read_only) = match drive.to_str().and_then(|s| s.strip_suffix(",ro")) {
                Some(path) => (std::path::PathBuf::from(path), true),
                None => (drive.clone(), false),
            };
            let file = std::fs::File::options()
                .read(true)
                .write(!read_only)
                .open(&path)
                .map_err(|e| Error::io(path.display(), e))?;
            disks.push((file, read_only));
        }
        Ok(virt::Options {
            memory: args.memory.unwrap_or(512 << 20),
            cpus: args.cpus.unwrap_or(1),
            gic: if args.gic == 2 { GicVersion::V2 } else { GicVersion::V3 },
            bios: args.bios.as_ref().map(|p| crate::source::whole(p, io)).transpose()?,
            dtb: self.flat_tree.clone(),
            command_line: self.command_line.clone(),
            disks,
            virtualization: args.virtualization,
            seed: args.seed,
        })
    }

    fn m1_options(&self, args: &Args) -> m1::Options {
        m1::Options {
            memory: args.memory.unwrap_or(512 << 20),
            dtb: self.flat_tree.clone(),
            command_line: self.command_line.clone(),
        }
    }

    /// The flattened device tree that the guest will get, for `--dump-dtb`.
    pub fn flat_tree(&self, args: &Args, io: &Io) -> Result<Vec<u8>, Error> {
        let tree = match self.kind {
            MachineKind::Virt => {
                let initrd = self.plan.as_ref().and_then(|p| p.load("ramdisk")).map(|l| (l.pa, l.size));
                virt::device_tree(&self.virt_options(args, io)?, initrd)
            }
            MachineKind::AppleM1 => m1::device_tree(&self.m1_options(args)),
            MachineKind::Apple | MachineKind::Vmapple => {
                return Err(Error::usage(
                    "--dump-dtb: Apple's machines have no flattened device tree; dt-patch shows Apple's",
                ));
            }
        };
        Ok(tree.map_err(|e| machine_error(&e))?.to_bytes(8))
    }

    /// The kernel's bytes, when it is small enough to be looked into.
    pub fn kernel_bytes(&self) -> Option<Vec<u8>> {
        self.parts.kernel.as_ref()?.to_vec(LIMIT).ok()
    }

    /// The kernel.
    pub fn kernel(&self) -> Option<&Named> {
        self.kernel.as_ref()
    }

    /// The ramdisk and the trust cache, for who wants to know about programs.
    pub fn trusted(&self) -> (Option<machine::Media>, Vec<u8>) {
        let load = self.plan.as_ref().and_then(|p| p.load("trust cache"));
        let bytes = match load.map(|l| &l.source) {
            Some(xnu_boot::Source::Bytes(bytes)) => bytes.clone(),
            _ => Vec::new(),
        };
        (self.parts.ramdisk.clone(), bytes)
    }

    /// Writes what `--patch` asks for into the loaded kernel.
    fn patch(&self, board: &Board) -> Result<(), Error> {
        let Some(plan) = &self.plan else { return Ok(()) };
        for e in &self.edits {
            let pa = plan.pa(e.address.wrapping_add(plan.slide));
            board
                .bus
                .memory()
                .write_bytes(pa, &e.new)
                .map_err(|why| Error::new(Code::Io, format_args!("--patch at {:#x}: {why}", e.address)))?;
        }
        Ok(())
    }

    /// Which machine it is.
    pub fn kind(&self) -> MachineKind {
        self.kind
    }

    /// Builds and loads the board.
    pub fn board(&self, args: &Args, config: Config, io: &Io) -> Result<Board, Error> {
        let board = match (self.kind, &self.plan, &self.parts.kernel) {
            (MachineKind::Apple | MachineKind::Vmapple, Some(plan), _) => {
                apple::build(plan, &self.parts, config)
            }
            (MachineKind::AppleM1, _, Some(image)) => m1::build(image, &self.m1_options(args), config),
            (MachineKind::Virt, plan, _) => {
                virt::build(plan.as_ref(), &self.parts, self.virt_options(args, io)?, config)
            }
            _ => return Err(no_kernel("a kernel")),
        };
        let board = board.map_err(|e| machine_error(&e))?;
        self.patch(&board)?;
        Ok(board)
    }
}

fn no_kernel(what: &str) -> Error {
    Error::usage(format_args!(
        "nothing to boot: this machine needs {what} (a packed image, or --kernel FILE)"
    ))
}

/// What kind of kernel it is. For machines that take any image it need not be known.
fn recognise(kernel: &Named, args: &Args) -> Result<Kernel, Error> {
    let raw = |entry| Kernel::raw(kernel.media.len(), entry).map_err(|e| plan_error(&kernel.name, &e));
    if args.entry.is_some() {
        return raw(args.entry);
    }
    if args.machine == Some(MachineKind::AppleM1) {
        return raw(Some(0));
    }
    let bytes = kernel.media.to_vec(LIMIT).map_err(|e| Error::io(&kernel.name, e))?;
    Kernel::recognise(&bytes).map_err(|e| plan_error(&kernel.name, &e))
}
