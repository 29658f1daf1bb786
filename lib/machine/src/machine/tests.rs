//! Machines run small programs, assembled by hand below.

use super::*;
use crate::board::Config;
use crate::media::{Media, Parts};
use crate::{m1, virt};

/// A host that remembers output and types what it is told to.
#[derive(Default)]
struct Script {
    output: Vec<u8>,
    typed: Vec<u8>,
    slept: Vec<Wait>,
    patience: usize,
}

impl Host for Script {
    fn output(&mut self, port: usize, bytes: &[u8]) {
        assert_eq!(port, 0);
        self.output.extend_from_slice(bytes);
    }
    fn input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.typed)
    }
    fn poll(&mut self, _: &Machine, wait: Wait) -> Action {
        self.slept.push(wait);
        if self.slept.len() > self.patience { Action::Quit } else { Action::Continue }
    }
    fn hung_up(&self) -> bool {
        false
    }

    fn may_wake(&self) -> bool {
        false
    }
}

fn patient() -> Script {
    Script { patience: 1000, ..Script::default() }
}

/// MOVZ (first) or MOVK of every 16-bit piece of a value.
fn load(rd: u32, value: u64) -> Vec<u32> {
    (0..4u32)
        .map(|hw| {
            let opcode = if hw == 0 { 0xd280_0000 } else { 0xf280_0000 };
            opcode | hw << 21 | ((value >> (16 * hw)) as u32 & 0xffff) << 5 | rd
        })
        .collect()
}

/// STR Wt, [Xn, #offset]
fn str_w(rt: u32, rn: u32, offset: u32) -> u32 {
    0xb900_0000 | (offset / 4) << 10 | rn << 5 | rt
}

/// LDR Wt, [Xn, #offset]
fn ldr_w(rt: u32, rn: u32, offset: u32) -> u32 {
    0xb940_0000 | (offset / 4) << 10 | rn << 5 | rt
}

const HVC: u32 = 0xd400_0002;
const WFI: u32 = 0xd503_207f;
/// HLT #0xf000
const SEMIHOSTING: u32 = 0xd45e_0000;
/// TBZ W3, #0, -4
const LOOP_WHILE_BIT_0_CLEAR: u32 = 0x3607_ffe3;
/// B . - 4
const BACK_ONE: u32 = 0x17ff_ffff;
const SYSTEM_OFF: u64 = 0x8400_0008;

fn off() -> Vec<u32> {
    [load(0, SYSTEM_OFF), vec![HVC]].concat()
}

fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn m1(program: &[u32], options: Options) -> Machine {
    let image = Media::bytes(&bytes(program)).unwrap();
    let board_options = m1::Options { memory: 64 << 20, dtb: None, command_line: String::new() };
    let config = Config { instructions_per_second: Some(24_000_000), ..Config::new() };
    Machine::new(m1::build(&image, &board_options, config).unwrap(), options)
}

#[test]
fn a_program_prints_and_switches_off() {
    let program = [load(1, m1::UART), load(2, b'A'.into()), vec![str_w(2, 1, 0x20)], off()].concat();
    let mut host = patient();
    assert_eq!(m1(&program, Options::default()).run(&mut host), Exit::Guest(0));
    assert_eq!(host.output, b"A");
}

#[test]
fn what_is_typed_reaches_the_program() {
    let echo = vec![ldr_w(3, 1, 0x10), LOOP_WHILE_BIT_0_CLEAR, ldr_w(3, 1, 0x24), str_w(3, 1, 0x20)];
    let program = [load(1, m1::UART), echo, off()].concat();
    let mut host = Script { typed: b"z".to_vec(), ..patient() };
    assert_eq!(m1(&program, Options::default()).run(&mut host), Exit::Guest(0));
    assert_eq!(host.output, b"z");
}

#[test]
fn semihosting_ends_with_the_guests_status_when_it_is_on() {
    let block = m1::RAM + 0x1000;
    // STR X2, [X1]; STR X2, [X1, #8]
    let (first, second) = (0xf900_0022, 0xf900_0422);
    let program = [
        load(1, block),
        load(2, 0x2_0026),
        vec![first],
        load(2, 7),
        vec![second],
        load(0, 0x18),
        vec![SEMIHOSTING],
        off(),
    ]
    .concat();
    let options = Options { semihosting: true, ..Options::default() };
    assert_eq!(m1(&program, options).run(&mut patient()), Exit::Guest(7));
    // Otherwise it is an undefined instruction, whose vector has nothing but zeros: the host must end it.
    let mut host = Script { patience: 3, ..Script::default() };
    assert_eq!(m1(&program, Options::default()).run(&mut host), Exit::Host);
}

/// Sets the virtual timer to `ticks` from now and waits for it.
fn wait_for(ticks: u64) -> Vec<u32> {
    // MSR CNTV_TVAL_EL0, X0; MSR CNTV_CTL_EL0, X2
    [load(0, ticks), load(2, 1), vec![0xd51b_e300, 0xd51b_e322, WFI]].concat()
}

#[test]
fn waiting_for_a_timer_takes_no_time_unless_it_must() {
    let program = [wait_for(24_000_000 * 3), off()].concat();
    let mut host = patient();
    let mut machine = m1(&program, Options::default());
    assert_eq!(machine.run(&mut host), Exit::Guest(0));
    assert!(machine.board().clock.now() >= 72_000_000);
    assert!(host.slept.iter().all(|w| *w == Wait::No), "{:?}", host.slept);
}

#[test]
fn polling_the_counter_until_a_timer_is_due_takes_no_time_either_unless_it_must() {
    // MRS X4, CNTVCT_EL0; MRS X3, CNTV_CTL_EL0; TBZ W3, #2, . - 8: as XNU idles while no driver lets it use WFI.
    let poll = vec![0xd53b_e044, 0xd53b_e323, 0x3617_ffc3];
    // MSR CNTV_TVAL_EL0, X0; MSR CNTV_CTL_EL0, X2
    let arm = |ticks| [load(0, ticks), load(2, 1), vec![0xd51b_e300, 0xd51b_e322]].concat();
    let program = |seconds: u64| [arm(24_000_000 * seconds), poll.clone(), off()].concat();
    for engine in [EngineKind::Interpreter, EngineKind::Jit] {
        let mut machine = m1(&program(300), Options { engine, ..Options::default() });
        assert_eq!(machine.run(&mut patient()), Exit::Guest(0));
        assert!(machine.board().clock.now() >= 24_000_000 * 300);
        assert!(machine.instructions() < 24_000_000, "{} instructions", machine.instructions());
    }
    let mut machine = m1(&program(1), Options { realtime: true, ..Options::default() });
    let mut host = Script { patience: 100_000, ..Script::default() };
    assert_eq!(machine.run(&mut host), Exit::Guest(0));
    assert!(machine.instructions() >= 23_000_000, "{} instructions", machine.instructions());
}

#[test]
fn a_boot_without_a_word_may_wait_for_minutes_and_a_shell_may_not_run_hot() {
    let mut machine = m1(&[wait_for(24_000_000 * 400), off()].concat(), Options::default());
    machine.board.clock = Arc::new(mem::Clock::realtime(24_000_000));
    let mut host = patient();
    assert!(matches!(machine.idle(&host), Ok(Wait::No)));
    machine.processors[0].waits = true;
    machine.processors[0].cpu.sys.timers[1].ctl = 1;
    machine.processors[0].cpu.sys.timers[1].cval = 24_000_000 * 400;
    machine.processors[0].cpu.update_timers();
    machine.board.clock.warp_to(24_000_000 * 100);
    assert_eq!(machine.idle(&host), Ok(Wait::No), "nobody has typed");
    machine.board.clock = Arc::new(mem::Clock::realtime(24_000_000));
    machine.board.clock.warp_to(24_000_000 * 100);
    host.typed = b"x".to_vec();
    machine.traffic(&mut host);
    machine.board.clock.warp_to(24_000_000 * 200);
    assert!(matches!(machine.idle(&host), Ok(Wait::For(_))), "a minute after the last key");
}

#[test]
fn a_cpu_that_nothing_can_wake_is_reported() {
    assert_eq!(m1(&[WFI, BACK_ONE], Options::default()).run(&mut patient()), Exit::Asleep);
    let off = [load(0, 0x8400_0002), vec![HVC]].concat();
    assert_eq!(m1(&off, Options::default()).run(&mut patient()), Exit::Asleep, "CPU_OFF of the last CPU");
}

#[test]
fn a_reset_is_handed_to_the_caller() {
    let program = [load(0, 0x8400_0009), vec![HVC]].concat();
    assert_eq!(m1(&program, Options::default()).run(&mut patient()), Exit::Reset);
}

#[test]
fn a_second_cpu_starts_where_it_is_told_with_its_argument() {
    for gic in [virt::GicVersion::V2, virt::GicVersion::V3] {
        // CPU_ON of CPU 1 at 0x1000 with '2' as argument, then sleep.
        let boot = [
            load(0, 0xc400_0003),
            load(1, 1),
            load(2, 0x1000),
            load(3, b'2'.into()),
            vec![HVC, WFI, BACK_ONE],
        ]
        .concat();
        let mut image = bytes(&boot);
        image.resize(0x1000, 0);
        image.extend(bytes(&[load(1, virt::UART), vec![str_w(0, 1, 0)], off()].concat()));
        let options = virt::Options {
            cpus: 2,
            memory: 64 << 20,
            bios: Some(Media::bytes(&image).unwrap()),
            gic,
            ..virt::Options::default()
        };
        let board = virt::build(None, &Parts::default(), options, Config::new()).unwrap();
        let mut host = patient();
        let mut machine = Machine::new(board, Options::default());
        assert_eq!(machine.run(&mut host), Exit::Guest(0));
        assert_eq!(host.output, b"2");
        assert!(machine.is_on(1) && machine.cpus() == 2);
    }
}

#[test]
fn psci_tells_what_it_has() {
    // PSCI_VERSION, then SYSTEM_OFF with the low byte of the answer printed.
    let program = [
        load(0, 0x8400_0000),
        vec![HVC, 0xaa00_03e4],
        load(1, m1::UART),
        vec![str_w(4, 1, 0x20)],
        load(0, 0xdead_beef),
        vec![HVC, str_w(0, 1, 0x20)],
        off(),
    ]
    .concat();
    let mut host = patient();
    assert_eq!(m1(&program, Options::default()).run(&mut host), Exit::Guest(0));
    assert_eq!(host.output, [1, 0xff], "version 1.1; unknown calls are not supported");
}

#[test]
fn wild_programs_end_when_the_host_says_so() {
    for words in [vec![0u32; 64], vec![0xffff_ffff; 64], vec![0x1400_0000]] {
        let mut host = Script { patience: 2, ..Script::default() };
        assert_eq!(m1(&words, Options::default()).run(&mut host), Exit::Host);
    }
}

/// Calls a function of another page five times and exits with the sum of what it returned: 1 each.
fn caller() -> Vec<u32> {
    const PAGE: usize = 0x4000 / 4;
    let mut program = [load(19, 0), load(20, 5)].concat();
    let call = program.len();
    // BL f; ADD X19, X19, X0; SUBS X20, X20, #1; B.NE call
    program.push(0x9400_0000 | (PAGE - call) as u32);
    program.extend([0x8b00_0273, 0xf100_0694, 0x54ff_ffa1]);
    program.extend(load(1, m1::UART));
    // STR W19, [X1, #0x20]
    program.push(str_w(19, 1, 0x20));
    program.extend(off());
    program.resize(PAGE, 0);
    // MOV X0, #1; RET
    program.extend([0xd280_0020, 0xd65f_03c0]);
    program
}

fn hook(address: u64, actions: &str) -> Hook {
    let (actions, left) = hook::Action::parse_list(actions).unwrap();
    let log = crate::trace::Log::new(Box::new(std::io::sink()));
    Hook { address, name: "f".into(), actions, left, log }
}

#[test]
fn hooks_answer_in_the_place_of_functions_in_both_engines() {
    for engine in [EngineKind::Interpreter, EngineKind::Jit] {
        let sum = |hooks| {
            let mut host = patient();
            let options = Options { hooks, engine, ..Options::default() };
            assert_eq!(m1(&caller(), options).run(&mut host), Exit::Guest(0));
            host.output[0]
        };
        let f = m1::RAM + m1::IMAGE + 0x4000;
        assert_eq!(sum(vec![]), 5);
        assert_eq!(sum(vec![hook(f, "return=7")]), 35);
        assert_eq!(sum(vec![hook(f, "return=7,times=2")]), 17);
        assert_eq!(sum(vec![hook(f, "x0=3,skip")]), 15);
        assert_eq!(sum(vec![hook(f + 4, "log")]), 5, "a hook that only looks changes nothing");
    }
}

#[test]
fn a_hook_can_end_the_run_and_it_can_go_on_from_there() {
    let f = m1::RAM + m1::IMAGE + 0x4000;
    let options = Options { hooks: vec![hook(f, "stop")], ..Options::default() };
    let mut machine = m1(&caller(), options);
    for n in 0..5 {
        assert_eq!(machine.run(&mut patient()), Exit::Hook);
        let cpu = machine.cpu(0).unwrap();
        assert_eq!((cpu.state.pc, cpu.state.x(19)), (f, n));
    }
    assert_eq!(machine.run(&mut patient()), Exit::Guest(0));
}

#[test]
fn breakpoints_are_reported_each_time_in_both_engines_and_hooks_stay_when_a_debugger_leaves() {
    for engine in [EngineKind::Interpreter, EngineKind::Jit] {
        let f = m1::RAM + m1::IMAGE + 0x4000;
        let options = Options { hooks: vec![hook(f, "return=7")], engine, ..Options::default() };
        let mut machine = m1(&caller(), options);
        let back = m1::RAM + m1::IMAGE + 4 * 9;
        // Some of it is translated before the breakpoint comes.
        machine.cpu_mut(0).unwrap().set_breakpoint(f + 4, true);
        machine.cpu_mut(0).unwrap().set_breakpoint(back, true);
        for n in 1..=3u64 {
            assert_eq!(machine.run(&mut patient()), Exit::Debug { cpu: 0, stop: Stop::Breakpoint });
            let cpu = machine.cpu(0).unwrap();
            assert_eq!((cpu.state.pc, cpu.state.x(19)), (back, 7 * (n - 1)), "{engine:?}");
        }
        machine.cpu_mut(0).unwrap().clear_debugger();
        let mut host = patient();
        assert_eq!(machine.run(&mut host), Exit::Guest(0));
        assert_eq!(host.output, [35]);
    }
}
