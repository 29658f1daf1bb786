//! What every board hands over to be run, and the parts of building one that all share.

use std::fmt;
use std::sync::{Arc, Mutex};

use cpu::{SystemRegisterHook, model::Model};
use devices::framebuffer::{Framebuffer, Picture};
use devices::serial::{Outbox, Serial};
use devices::unmapped::{Named, OnFirst, Unmapped};
use mem::{Bus, BusBuilder, Clock, Device, Line, Lines};

use crate::Error;
use crate::firmware::{Family, Power};

/// Number of wires of the generic timers, in the order of `cpu::sys::timer`.
pub const TIMERS: usize = cpu::sys::timer::COUNT;

/// A serial port.
#[derive(Clone)]
pub struct Port {
    /// Name, e.g. `uart0`.
    pub name: String,
    /// What the guest sent.
    pub outbox: Outbox,
    /// The device that takes what the host sends.
    pub device: Arc<Mutex<dyn Serial>>,
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port {}", self.name)
    }
}

/// A CPU as the board wires it.
#[derive(Debug)]
pub struct Socket {
    /// MPIDR_EL1.
    pub mpidr: u64,
    /// MIDR_EL1, where it is not the model's.
    pub midr: Option<u64>,
    /// Its interrupt inputs.
    pub lines: Arc<Lines>,
    /// Outputs of its timers.
    pub timers: [Line; TIMERS],
    /// Output of its PMU.
    pub pmu: Line,
}

/// Where the first CPU begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// First instruction.
    pub pc: u64,
    /// x0 there; x1 to x3 are 0.
    pub x0: u64,
}

/// A board, loaded and wired, without CPUs in its sockets.
#[derive(Debug)]
pub struct Board {
    /// Name of the machine.
    pub name: &'static str,
    /// Physical address space.
    pub bus: Arc<Bus>,
    /// Guest time.
    pub clock: Arc<Clock>,
    /// One a CPU.
    pub sockets: Vec<Socket>,
    /// Registers outside the CPUs.
    pub hooks: Vec<Arc<dyn SystemRegisterHook>>,
    /// CPU model.
    pub model: Model,
    /// Serial ports, the console first.
    pub ports: Vec<Port>,
    /// The screen.
    pub framebuffer: Option<Framebuffer>,
    /// What answers where nothing is modelled.
    pub unmapped: Option<Arc<Mutex<Unmapped>>>,
    /// Index of the CPU that starts.
    pub boot_cpu: usize,
    /// Where it starts.
    pub entry: Entry,
    /// Address at which CPUs come out of reset.
    pub reset_vector: u64,
    /// EL at which CPUs start.
    pub entry_level: u8,
    /// Interrupt controller behind system registers, as ID_AA64PFR0_EL1.GIC says: 1 for GICv3, or 0.
    pub gic: u64,
    /// Whose firmware conventions hold.
    pub family: Family,
    /// What switches CPUs on and off, when devices of the board share it.
    pub power: Option<Arc<Power>>,
    /// Ranges locked by KTRR and CTRR are protected.
    pub enforce_locks: bool,
    /// What to tell the user, e.g. devices of the tree that are not modelled.
    pub notes: Vec<String>,
}

/// A screen, to be looked at from any thread.
#[derive(Debug, Clone)]
pub struct Screen {
    memory: Arc<mem::Memory>,
    framebuffer: Framebuffer,
}

impl Screen {
    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.framebuffer.width, self.framebuffer.height)
    }

    /// What it shows now.
    ///
    /// # Errors
    /// A framebuffer outside RAM.
    pub fn picture(&self) -> Result<Picture, Error> {
        self.framebuffer.picture(&self.memory).map_err(Error::memory("framebuffer"))
    }
}

impl Board {
    /// Reads a device's register as CPU 0 would, with whatever effect that has on the device. None: nothing answers.
    pub fn read_device(&self, pa: u64, size: mem::Size) -> Option<u64> {
        self.bus.read(pa, mem::Access { cpu: 0, size }).ok()
    }

    /// The screen; None when there is none.
    pub fn screen(&self) -> Option<Screen> {
        let framebuffer = self.framebuffer?;
        Some(Screen { memory: Arc::clone(self.bus.memory()), framebuffer })
    }
}

/// What the user may choose about any board.
pub struct Config {
    /// CPU model by name; None: what the board has.
    pub cpu: Option<String>,
    /// Pointer authentication; None: what the model has.
    pub pac: Option<cpu::model::Pac>,
    /// APRR and SPRR are ignored: pages have the permissions that Arm gives them.
    pub arm_permissions: bool,
    /// Ranges that the guest locks with KTRR or CTRR are protected, as on hardware.
    pub enforce_locks: bool,
    /// Time follows executed instructions, so many a second, instead of the host's clock.
    pub instructions_per_second: Option<u64>,
    /// What Apple's machine shall not have.
    pub faults: Vec<crate::Fault>,
    /// Called at the first access to each register that nothing models.
    pub on_unmapped: Option<OnFirst>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("cpu", &self.cpu).finish_non_exhaustive()
    }
}

impl Config {
    /// Everything as the board has it.
    pub fn new() -> Self {
        Self {
            cpu: None,
            pac: None,
            arm_permissions: false,
            enforce_locks: false,
            instructions_per_second: None,
            faults: Vec::new(),
            on_unmapped: None,
        }
    }

    /// The clock of a guest whose counter ticks at `frequency` Hz.
    pub(crate) fn clock(&self, frequency: u64) -> Arc<Clock> {
        Arc::new(match self.instructions_per_second {
            Some(n) => Clock::counted(frequency, n),
            None => Clock::realtime(frequency),
        })
    }

    /// The chosen model, else `default`.
    pub(crate) fn model(&self, default: &str) -> Result<Model, Error> {
        let name = self.cpu.as_deref().unwrap_or(default);
        let model = Model::named(name).ok_or_else(|| Error::Unknown {
            option: "--cpu",
            value: name.to_owned(),
            known: cpu::model::NAMES.join(", "),
        })?;
        let model = if self.arm_permissions { model.with_arm_permissions() } else { model };
        Ok(match self.pac {
            Some(pac) => model.with_pac(pac),
            None => model,
        })
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// Collects devices, and with them the names of regions.
pub(crate) struct Builder {
    pub bus: BusBuilder,
    pub regions: Vec<Named>,
    pub ports: Vec<Port>,
}

impl Builder {
    pub fn new(memory: Arc<mem::Memory>) -> Self {
        Self { bus: BusBuilder::new(memory), regions: Vec::new(), ports: Vec::new() }
    }

    /// Maps a device at a free place.
    pub fn map<D: Device + 'static>(
        &mut self,
        base: u64,
        len: u64,
        device: D,
    ) -> Result<Arc<Mutex<D>>, Error> {
        let device = Arc::new(Mutex::new(device));
        self.bus.map(base, len, Arc::clone(&device)).map_err(Error::memory("physical map"))?;
        Ok(device)
    }

    /// Maps a device where a tree of the user's says, which may overlap others: those mapped before win.
    pub fn map_where_free<D: Device + 'static>(&mut self, base: u64, len: u64, device: D) -> Arc<Mutex<D>> {
        let device = Arc::new(Mutex::new(device));
        if self.bus.map(base, len, Arc::clone(&device)).is_err() {
            self.bus.map_background(base, len, Arc::clone(&device));
        }
        device
    }

    /// Registers a serial port.
    pub fn port<D: Device + Serial + 'static>(&mut self, name: &str, outbox: Outbox, device: Arc<Mutex<D>>) {
        self.ports.push(Port { name: name.to_owned(), outbox, device });
    }

    /// Adds the census device behind everything.
    pub fn unmapped(&mut self, on_first: Option<OnFirst>) -> Arc<Mutex<Unmapped>> {
        let unmapped = Unmapped::new(std::mem::take(&mut self.regions), on_first);
        let unmapped = Arc::new(Mutex::new(unmapped));
        self.bus.map_background(0, u64::MAX, Arc::clone(&unmapped));
        unmapped
    }
}
