//! Guest programs that exercise the system half of the CPU, assembled by dynasm's aarch64 backend.

use std::sync::Arc;

use dynasmrt::{VecAssembler, aarch64::Aarch64Relocation};
use mem::{Bus, Clock, Lines, Memory, Region};

use crate::engine::{Engine, Stop};
use crate::{Conduit, Connections, Cpu, Firmware, Interpreter, Model};

mod debugging;
mod exceptions;
mod hypervisor;
mod paging;
mod timing;

/// First byte of RAM and of the program.
const RAM: u64 = 0x4000_0000;
/// Where the vector table of a test lies.
const VECTORS: u64 = RAM + 0x1_0000;
/// Where translation tables are built.
const TABLES: u64 = RAM + 0x10_0000;

/// `HLT #0xf000` ends the program with X0 as status.
#[derive(Debug)]
struct Exit;

impl Firmware for Exit {
    fn call(&self, cpu: &mut Cpu, conduit: Conduit) -> bool {
        if conduit == Conduit::Hlt(0xf000) {
            let status = cpu.state.x[0] as u32;
            cpu.request_stop(Stop::Exit(status));
            return true;
        }
        false
    }
}

/// One CPU with 8 MiB of RAM and time counted in instructions.
struct Guest {
    cpu: Cpu,
    engine: Interpreter,
    memory: Arc<Memory>,
    lines: Arc<Lines>,
}

impl Guest {
    /// A model called `name`, started at EL `el` at the beginning of RAM, where `program` is.
    fn new(name: &str, el: u8, program: &[u8]) -> Guest {
        let memory = Arc::new(Memory::new(&[Region { base: RAM, len: 8 << 20 }]).unwrap());
        memory.write_bytes(RAM, program).unwrap();
        let lines = Lines::new();
        let bus = Arc::new(Bus::ram(Arc::clone(&memory)));
        let clock = Arc::new(Clock::counted(1_000_000, 1_000_000));
        let mut io = Connections::new(bus, clock, Arc::clone(&lines));
        io.firmware = Some(Arc::new(Exit));
        io.timers = std::array::from_fn(|_| lines.line(mem::FIQ));
        let mut cpu = Cpu::new(Arc::new(Model::named(name).unwrap()), 0, 0, io);
        cpu.start_at(RAM, el);
        cpu.sys.vbar = [0, VECTORS, VECTORS, VECTORS];
        Guest { cpu, engine: Interpreter::new(), memory, lines }
    }

    fn code(&self, at: u64, program: &[u8]) {
        self.memory.write_bytes(at, program).unwrap();
    }

    /// Puts `program` at every vector of the table, so that it runs for whatever is taken.
    fn handler(&self, program: &[u8]) {
        assert!(program.len() <= 0x80, "a vector holds 128 bytes");
        for offset in (0..0x800).step_by(0x80) {
            self.code(VECTORS + offset, program);
        }
    }

    fn run(&mut self) -> Stop {
        self.engine.run(&mut self.cpu, 1_000_000)
    }

    /// Runs to the end of the program, which must come.
    fn finish(&mut self) -> u64 {
        match self.run() {
            Stop::Exit(_) => self.cpu.state.x[0],
            other => panic!("stopped by {other:?} at {:#x}, {:#x?}", self.cpu.state.pc, self.cpu.sys.esr),
        }
    }
}

/// A system register as dynasm's MSR and MRS want it.
const fn sr(reg: u16) -> u32 {
    reg as u32 & 0x7fff
}

/// Assembles A64.
macro_rules! a64 {
    ($($t:tt)*) => {{
        #[allow(unused_imports, reason = "programs without labels need only the first")]
        use dynasmrt::{DynasmApi, DynasmLabelApi};
        let mut ops = $crate::tests::assembler();
        dynasmrt::dynasm!(ops ; .arch aarch64 $($t)*);
        ops.finalize().unwrap()
    }};
}
use a64;

fn assembler() -> VecAssembler<Aarch64Relocation> {
    VecAssembler::new(0)
}

/// The usual handler: ends the program with the offset of the vector in X0, so that a test sees which one was taken.
fn reporting() -> Vec<u8> {
    a64!(
        ; adr x0, >here
        ; here:
        ; and x0, x0, 0x780
        ; hlt 0xf000
    )
}
