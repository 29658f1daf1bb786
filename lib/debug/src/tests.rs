//! A small guest, and clients of good and of ill will.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use cpu::{Connections, Cpu, Engine, Interpreter, Model, Stop};
use mem::{Bus, Clock, Lines, Memory, Region};

use crate::{Client, Event, Kernel, Outcome, Symbols, Target, inspect, serve, tables};

const RAM: u64 = 0x4000_0000;

/// mov x1, #1; add x1, x1, #1; str x1, [x2]; b .-8
const PROGRAM: [u32; 4] = [0xd280_0021, 0x9100_0421, 0xf900_0041, 0x17ff_fffe];

/// One CPU, run in small turns; a client that does not speak ends the wait.
struct Guest {
    cpu: Cpu,
    engine: Interpreter,
    turns: u32,
}

impl Guest {
    fn new() -> Guest {
        let memory = Arc::new(Memory::new(&[Region { base: RAM, len: 1 << 20 }]).unwrap());
        for (n, word) in PROGRAM.iter().enumerate() {
            memory.write_u32(RAM + 4 * n as u64, *word).unwrap();
        }
        let io = Connections::new(
            Arc::new(Bus::ram(memory)),
            Arc::new(Clock::counted(1_000_000, 1_000_000)),
            Lines::new(),
        );
        let mut cpu = Cpu::new(Arc::new(Model::named("a10").unwrap()), 0, 0, io);
        cpu.start_at(RAM, 1);
        cpu.state.set_x(2, RAM + 0x800);
        Guest { cpu, engine: Interpreter::new(), turns: 3 }
    }

    fn word(&self, at: u64) -> u32 {
        self.cpu.io.bus.memory().read_u32(at).unwrap()
    }
}

impl Target for Guest {
    fn cpus(&self) -> usize {
        1
    }
    fn cpu(&self, index: usize) -> Option<&Cpu> {
        (index == 0).then_some(&self.cpu)
    }
    fn cpu_mut(&mut self, index: usize) -> Option<&mut Cpu> {
        (index == 0).then_some(&mut self.cpu)
    }
    fn is_on(&self, _: usize) -> bool {
        true
    }
    fn waits(&self, _: usize) -> bool {
        false
    }
    fn current(&self) -> usize {
        0
    }
    fn hold(&mut self, _: usize, _: bool) {}
    fn run(&mut self, _: BorrowedFd<'_>) -> Event {
        match self.engine.run(&mut self.cpu, 100) {
            stop @ (Stop::Breakpoint | Stop::Watchpoint { .. } | Stop::Step) => Event::Stop { cpu: 0, stop },
            // Everything that a test sends is there before the session begins.
            _ if self.turns > 0 => {
                self.turns -= 1;
                Event::Input
            }
            _ => Event::Left,
        }
    }
    fn wait(&mut self, _: BorrowedFd<'_>) -> bool {
        true
    }
    fn command(&mut self, line: &str) -> String {
        format!("you said {line}")
    }
    fn is_apple(&self) -> bool {
        true
    }
    fn kernel(&self) -> Option<Kernel> {
        Some(Kernel { header: 0xffff_fff0_0700_4000, uuid: Some([0xab; 16]) })
    }
}

fn packets(bodies: &[&str]) -> Vec<u8> {
    bodies.iter().flat_map(|b| crate::packet::packet(b)).collect()
}

/// A session in which the client says `bytes` at once and hangs up.
fn session(guest: &mut Guest, bytes: &[u8]) -> (Outcome, String) {
    let (mut client, mut other) = Client::pair().unwrap();
    other.write_all(bytes).unwrap();
    other.shutdown(std::net::Shutdown::Write).unwrap();
    let outcome = serve(&mut client, guest);
    drop(client);
    (outcome, rest(&mut other))
}

/// A session in which the client waits for each answer; what it heard, without acknowledgements.
fn dialogue(guest: &mut Guest, bodies: &'static [&str]) -> (Outcome, Vec<String>) {
    let (mut client, mut other) = Client::pair().unwrap();
    guest.turns = 0;
    let talk = std::thread::spawn(move || {
        let mut heard = Vec::new();
        for body in bodies {
            other.write_all(&crate::packet::packet(body)).unwrap();
            let (mut answer, mut byte) = (Vec::new(), [0]);
            while answer.iter().rev().nth(2) != Some(&b'#') && other.read(&mut byte).is_ok_and(|n| n == 1) {
                answer.push(byte[0]);
            }
            heard.push(spelled_out(String::from_utf8_lossy(&answer).trim_start_matches('+')));
        }
        heard
    });
    let outcome = serve(&mut client, guest);
    drop(client);
    (outcome, talk.join().unwrap())
}

/// An answer with its run-length coding undone: `*` and the count of repetitions plus 29 (GDB manual, E.1).
fn spelled_out(answer: &str) -> String {
    let mut out = String::new();
    let mut chars = answer.chars();
    while let Some(c) = chars.next() {
        match (c, out.chars().last()) {
            ('*', Some(last)) => {
                let count = chars.next().map_or(0, |n| n as usize - 29);
                out.extend(std::iter::repeat_n(last, count));
            }
            _ => out.push(c),
        }
    }
    out
}

fn rest(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    // A peer that hung up with unread input makes this an error; what came before counts.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_breakpoint_stops_the_guest_and_leaves_no_trace() {
    let mut guest = Guest::new();
    let (outcome, heard) = dialogue(
        &mut guest,
        &["Z0,40000008,4", "vCont;c", "p1", "m40000008,4", "z0,40000008,4", "vCont;s:1", "p20", "D"],
    );
    assert!(matches!(outcome, Outcome::Detached), "{outcome:?} {heard:?}");
    assert!(heard[1].starts_with("$T05thread:") && heard[1].contains("swbreak:;"), "{heard:?}");
    assert!(heard[2].starts_with("$0200000000000000#"), "x1 is 2: {heard:?}");
    assert!(heard[3].starts_with("$410000f9#"), "the code is unchanged: {heard:?}");
    assert!(heard[5].starts_with("$T05thread:"), "{heard:?}");
    assert!(heard[6].starts_with("$0c00004000000000#"), "one step on: {heard:?}");
    assert_eq!(guest.word(RAM + 8), PROGRAM[2]);
    assert!(guest.word(RAM + 0x800) >= 2, "the step did the store");
}

#[test]
fn a_watchpoint_names_the_address_and_the_store_has_not_happened() {
    let mut guest = Guest::new();
    let (outcome, heard) = dialogue(&mut guest, &["Z2,40000802,1", "vCont;c", "k"]);
    assert!(matches!(outcome, Outcome::Killed), "{outcome:?}");
    assert!(heard[1].contains("watch:40000802;"), "{heard:?}");
    assert_eq!((guest.cpu.state.pc, guest.word(RAM + 0x800)), (RAM + 8, 0));
}

#[test]
fn lldb_learns_what_the_guest_is_and_where_its_kernel_is() {
    let mut guest = Guest::new();
    let (_, heard) = dialogue(
        &mut guest,
        &["qHostInfo", "qProcessInfo", "mfffffff000004010,8", "mffffffffffffff00,1000", "D"],
    );
    assert!(
        heard[0].contains("cputype:16777228;") && heard[0].contains("watchpoint_exceptions_received:before;")
    );
    assert!(heard[1].contains("main-binary-address:fffffff007004000;"), "{heard:?}");
    assert!(heard[1].contains("main-binary-uuid:abababab-abab-abab-abab-abababababab;"), "{heard:?}");
    assert!(heard[2].starts_with("$00400007f0ffffff#"), "{heard:?}");
    assert!(heard[3].starts_with("$E16#"), "a read beyond the end of addresses: {heard:?}");
}

#[test]
fn memory_that_is_not_there_is_an_error_and_is_not_written() {
    let mut guest = Guest::new();
    let said = packets(&["m0,4", "M400ffffe,4:01020304", "M40000900,4:01020304", "D"]);
    let (_, heard) = session(&mut guest, &said);
    assert_eq!(heard.matches("$E0e#").count(), 2, "{heard}");
    assert_eq!(guest.word(RAM + 0xf_fffc), 0, "all or nothing");
    assert_eq!(guest.word(RAM + 0x900), 0x0403_0201);
}

#[test]
fn random_packets_neither_panic_nor_hang() {
    const WORDS: &[&str] = &[
        "g",
        "G00",
        "p0",
        "p44",
        "pffffffffffffffff",
        "P1=00",
        "P20=0000004000000000",
        "m40000000,8",
        "m0,0",
        "M40000000,2:00",
        "X40000000,4:abcd",
        "Z0,40000004,4",
        "Z1,0,0",
        "Z2,40000800,8",
        "Z4,ffffffffffffffff,ff",
        "z0,40000004,4",
        "z2,40000800,8",
        "c",
        "s",
        "vCont?",
        "vCont;c",
        "vCont;s:1",
        "vCont;s",
        "vCont;s:2;c",
        "vCont;r40000000,40000010:1",
        "Hg0",
        "Hg1",
        "Hg7",
        "Hc-1",
        "?",
        "qC",
        "qfThreadInfo",
        "qsThreadInfo",
        "T1",
        "T99",
        "qSupported:multiprocess+",
        "QStartNoAckMode",
        "qRcmd,7074",
        "qRcmd,zz",
        "qXfer:features:read:target.xml:0,100",
        "qXfer:features:read:target.xml:ffffffff,ffffffff",
        "qMemoryRegionInfo:40000000",
        "qMemoryRegionInfo:zz",
        "qThreadExtraInfo,1",
        "qThreadExtraInfo,0",
        "qHostInfo",
        "vMustReplyEmpty",
        "vKill;1",
        "bc",
        "_M10,rw",
        "jThreadsInfo",
    ];
    let mut seed = 1u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    for _ in 0..1500 {
        let mut said = Vec::new();
        for _ in 0..random(12) + 1 {
            let mut body = WORDS[random(WORDS.len())].as_bytes().to_vec();
            if random(3) == 0 && !body.is_empty() {
                let at = random(body.len());
                body[at] = b"0f;:,#$%}*\x03\xff"[random(12)];
            }
            if random(4) == 0 {
                body.truncate(random(body.len() + 1));
            }
            match std::str::from_utf8(&body) {
                Ok(body) => said.extend(crate::packet::packet(body)),
                Err(_) => said.extend([&b"$"[..], &body, b"#00"].concat()),
            }
            if random(8) == 0 {
                said.push(3);
            }
        }
        let _ = session(&mut Guest::new(), &said);
    }
}

#[test]
fn what_a_client_asked_for_is_gone_when_it_is() {
    let mut guest = Guest::new();
    let (outcome, _) = session(&mut guest, &packets(&["Z0,40000008,4", "Z2,40000800,8"]));
    assert!(matches!(outcome, Outcome::Lost { stopped: true, error: None }), "{outcome:?}");
    assert_eq!(guest.engine.run(&mut guest.cpu, 100), Stop::Budget);
}

/// 16 KiB pages, 39 bits of addresses below; the tables at RAM + 0x10000 (level 2, concatenated by TnSZ) and above.
fn paged() -> Guest {
    let mut guest = Guest::new();
    let memory = Arc::clone(guest.cpu.io.bus.memory());
    let (level2, level3) = (RAM + 0x1_0000, RAM + 0x1_4000);
    // 0x0200_0000: a table of two pages in a row, and one with its access flag clear.
    memory.write_u64(level2 + 8, level3 | 3).unwrap();
    memory.write_u64(level3, RAM | 0x403).unwrap();
    memory.write_u64(level3 + 8, (RAM + 0x4000) | 0x403).unwrap();
    memory.write_u64(level3 + 24, RAM | 3).unwrap();
    // 0x0400_0000: the table itself, which makes a cycle.
    memory.write_u64(level2 + 16, level2 | 3).unwrap();
    guest.cpu.sys.mair[1] = 0xff;
    guest.cpu.sys.tcr[1] = 28 | 2 << 14 | 1 << 23 | 2 << 32;
    guest.cpu.sys.ttbr0[1] = level2;
    guest.cpu.sys.sctlr[1] |= 1;
    guest
}

#[test]
fn the_map_merges_pages_that_follow_each_other_and_ends_in_spite_of_cycles() {
    let guest = paged();
    let map = tables::map(&guest.cpu);
    assert!(!map.cut);
    let first = map.ranges.first().unwrap();
    assert_eq!((first.va, first.len, first.pa, first.shift), (0x200_0000, 0x8000, RAM, 14));
    let second = map.ranges.get(1).unwrap();
    assert_eq!((second.va, second.leaf), (0x200_c000, None), "its access flag is clear");
    let text = tables::dump(&guest.cpu);
    assert!(text.contains("0000000002000000-0000000002007fff 000040000000  16K rwx"), "{text}");
    assert!(tables::explain(&guest.cpu, 0x200_4010).contains("-> 40004010, in a 16K page"));
    assert!(tables::explain(&guest.cpu, 0x100).contains("translation fault, stage 1, level 2"));
    assert_eq!(inspect::translate(&guest.cpu, 0x200_4010), Some(RAM + 0x4010));
}

#[test]
fn instructions_are_shown_with_their_names_and_the_next_one_marked() {
    let guest = Guest::new();
    let symbols = Symbols::parse("40000000 start\n40000004 again");
    let text = inspect::disassembly(&guest.cpu, RAM, 2, &symbols);
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "start:");
    assert!(lines[1].starts_with("=> 0000000040000000  d2800021  mov x1, #1"), "{text}");
    assert_eq!(lines[2], "again:");
    assert!(inspect::disassembly(&guest.cpu, 0, 9, &symbols).ends_with("????????\n"));
}

#[test]
fn a_backtrace_follows_frames_and_stops_at_damage() {
    let mut guest = Guest::new();
    let memory = Arc::clone(guest.cpu.io.bus.memory());
    for (at, next, back) in [(0x1000, RAM + 0x1100, RAM + 4), (0x1100, RAM + 0x1000, RAM + 8)] {
        memory.write_u64(RAM + at, next).unwrap();
        memory.write_u64(RAM + at + 8, back).unwrap();
    }
    guest.cpu.state.set_x(29, RAM + 0x1000);
    let text = inspect::backtrace(&guest.cpu, &Symbols::default());
    assert_eq!(text.lines().count(), 4, "pc, x30, and two frames though they form a ring:\n{text}");
}
