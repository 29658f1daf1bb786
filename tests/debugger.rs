//! GDB and LLDB attach to the demo, stop it in its kernel and in its first program, and let it go on to its end.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use suite::tools;

/// `kernel_main` of the demo's kernel (tests/guests/bin/demo-kernel.sym).
const KERNEL_MAIN: &str = "0xfffffff007009a80";
/// `print` there, which `kernel_main` calls.
const PRINT: &str = "0xfffffff00700a440";
/// Entry of the demo's launchd.
const LAUNCHD: &str = "0x100001000";

/// A demo that waits for a debugger at a socket of its own.
struct Demo {
    child: Option<Child>,
    address: String,
    folder: tempfile::TempDir,
}

impl Demo {
    fn start(options: &[&str]) -> Demo {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let console = std::fs::File::create(folder.path().join("console")).expect("a file");
        let messages = std::fs::File::create(folder.path().join("messages")).expect("a file");
        let child = Command::new(tools().join("xnu-run"))
            .args(["--demo", "--gdb", "127.0.0.1:0", "-S", "--timeout", "100"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(messages)
            .spawn()
            .expect("xnu-run starts");
        let mut demo = Demo { child: Some(child), address: String::new(), folder };
        let deadline = Instant::now() + Duration::from_secs(30);
        while demo.address.is_empty() {
            let messages = std::fs::read_to_string(demo.folder.path().join("messages")).expect("messages");
            if let Some((_, address)) = messages.split_once("attach at ")
                && let Some((address, _)) = address.split_once('\n')
            {
                demo.address = address.to_owned();
            }
            assert!(Instant::now() < deadline, "xnu-run does not listen: {messages}");
            std::thread::sleep(Duration::from_millis(10));
        }
        demo
    }

    /// Runs a debugger with a script; what it printed. None: it is not installed.
    fn script(&self, program: &str, arguments: &[&str], script: &str) -> Option<String> {
        let path = self.folder.path().join("script");
        std::fs::write(&path, script.replace("ADDRESS", &self.address)).expect("written");
        let run = Command::new(program).args(arguments).arg(&path).stdin(Stdio::null()).output();
        match run {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("passed over: {program} is not installed");
                None
            }
            Err(e) => panic!("{program}: {e}"),
            Ok(out) => Some(format!(
                "{}{}",
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            )),
        }
    }

    /// The console's text after the guest has ended, which it must do well.
    fn finish(mut self) -> String {
        let status = self.child.take().expect("a child").wait().expect("xnu-run ends");
        let text = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        assert!(status.success(), "{status}: {}", text("messages"));
        text("console")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The part of `text` between two marks that the script echoes.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("no {from} in\n{text}")) + from.len();
    let end = text[start..].find(to).unwrap_or_else(|| panic!("no {to} in\n{text}"));
    text[start..start + end].trim()
}

fn gdb(engine: &str) {
    let demo = Demo::start(&["--engine", engine]);
    let script = format!(
        "set pagination off\nset confirm off\nset architecture aarch64\ntarget remote ADDRESS\n\
         break *{KERNEL_MAIN}\ncontinue\n\
         echo <pc1>\\n\nprint/x $pc\necho <code>\\n\nx/2xw $pc\necho <el1>\\n\nprint $CURRENTEL >> 2\n\
         echo <step>\\n\nstepi\nprint/x $pc\necho <bt>\\n\nbacktrace 2\necho <regs>\\n\ninfo registers sp ESR_EL1 VBAR_EL1\n\
         echo <sp>\\n\nset $top = $sp\nx/1xg $sp\n\
         echo <watch>\\n\nwatch -l *(long *)($sp + 0x10)\ncontinue\nprint/x $pc\ndelete\n\
         break *{PRINT}\ncontinue\nmonitor bt\ndelete\n\
         echo <el0>\\n\nbreak *{LAUNCHD}\ncontinue\nprint/x $pc\nprint $CURRENTEL >> 2\n\
         echo <kernel>\\n\nx/2xw {KERNEL_MAIN}\necho <pt>\\n\nmonitor pt {LAUNCHD}\necho <threads>\\n\ninfo threads\n\
         delete\necho <end>\\n\ndetach\n"
    );
    let Some(out) = demo.script("gdb-multiarch", &["-nx", "-batch", "-x"], &script) else { return };
    assert!(between(&out, "<pc1>", "<code>").contains(KERNEL_MAIN), "{out}");
    let code = "0xa9a87bfd\t0xaa0003e1";
    assert!(between(&out, "<code>", "<el1>").contains(code), "memory at the breakpoint has changed:\n{out}");
    assert!(between(&out, "<el1>", "<step>").ends_with("= 1"), "{out}");
    assert!(between(&out, "<step>", "<bt>").contains("0xfffffff007009a84"), "{out}");
    assert!(between(&out, "<bt>", "<regs>").contains("#0  0xfffffff007009a84"), "{out}");
    assert!(between(&out, "<regs>", "<sp>").contains("VBAR_EL1"), "{out}");
    // stp x19, x20, [sp, #0x10]: the watchpoint stops there, and GDB steps over it.
    assert!(between(&out, "<watch>", "<el0>").contains("0xfffffff007009a94"), "{out}");
    assert!(between(&out, "<watch>", "<el0>").contains("Hardware watchpoint"), "{out}");
    let el0 = between(&out, "<el0>", "<kernel>");
    assert!(el0.contains(LAUNCHD) && el0.ends_with("= 0"), "{out}");
    assert!(between(&out, "<kernel>", "<pt>").contains(code), "the kernel is not readable from EL0:\n{out}");
    // What `monitor` prints goes to GDB's standard error.
    assert!(out.contains("in a 16K page or block, EL1 r-- EL0 r-x Normal"), "{out}");
    let frames = out.lines().filter(|l| l.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    assert!(frames.filter(|l| l.contains(" fffffff00700")).count() >= 2, "no calls in\n{out}");
    assert!(between(&out, "<threads>", "<end>").contains("CPU 0: EL0"), "{out}");
    assert!(demo.finish().contains("demo kernel: powering off"));
}

#[test]
fn gdb_stops_the_demo_in_kernel_and_program_and_lets_it_end() {
    gdb("interpreter");
}

#[test]
fn gdb_sees_the_same_when_the_translator_runs() {
    gdb("jit");
}

#[test]
fn lldb_stops_the_demo_in_kernel_and_program_and_lets_it_end() {
    let demo = Demo::start(&[]);
    let script = format!(
        "gdb-remote ADDRESS\nbreakpoint set -a {KERNEL_MAIN}\ncontinue\nregister read pc cpsr\n\
         memory read -s 4 -f x -c 2 {KERNEL_MAIN}\nthread step-inst\nthread backtrace -c 2\nregister read x29 sp\n\
         watchpoint set expression -w write -s 8 -- $sp+0x10\n\
         breakpoint delete -f\nbreakpoint set -a {LAUNCHD}\ncontinue\nwatchpoint delete -f\n\
         continue\nregister read pc\ndetach\nquit\n"
    );
    let Some(out) = demo.script("lldb", &["--no-lldbinit", "--batch", "-s"], &script) else { return };
    assert!(out.contains("pc = 0xfffffff007009a80"), "{out}");
    assert!(out.contains("0xa9a87bfd 0xaa0003e1"), "memory at the breakpoint has changed:\n{out}");
    assert!(out.contains("stop reason = instruction step"), "{out}");
    assert!(out.contains("frame #0: 0xfffffff007009a84"), "{out}");
    assert!(out.contains("stop reason = watchpoint"), "{out}");
    assert!(out.contains("pc = 0x0000000100001000"), "{out}");
    assert!(demo.finish().contains("demo kernel: powering off"));
}

#[test]
fn a_client_that_talks_nonsense_is_thrown_out_and_the_guest_is_not_hurt() {
    use std::io::{Read, Write};
    let demo = Demo::start(&[]);
    let nonsense: [&[u8]; 8] = [
        b"GET / HTTP/1.0\r\n\r\n",
        b"$mffffffffffffff00,ffffffffffffffff#00",
        b"$m0,ffffffff#2b",
        b"$\xff\xfe\x00#fd",
        b"$vCont;s:ffffffffffffffff#00",
        b"$Z9,0,0#00",
        b"-----$$$$$#######",
        &[b'$'; 40_000],
    ];
    for bytes in nonsense {
        let mut stream = std::net::TcpStream::connect(&demo.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        // It may hang up at any moment.
        let _ = stream.write_all(bytes);
        let _ = stream.read(&mut [0; 4096]);
    }
    let mut stream = std::net::TcpStream::connect(&demo.address).expect("a connection");
    stream.write_all(b"$D#44").expect("detached");
    assert!(demo.finish().contains("demo kernel: powering off"));
}

/// The trace of a demo run with `-d items`.
fn trace(items: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("trace");
    let out = Command::new(tools().join("xnu-run"))
        .args(["--demo", "--timeout", "100", "-d", items, "-D"])
        .arg(&file)
        .args(options)
        .stdin(Stdio::null())
        .output()
        .expect("xnu-run runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::read_to_string(file).expect("a trace")
}

#[test]
fn traces_name_instructions_faults_and_device_registers() {
    for engine in ["interpreter", "jit"] {
        let text = trace("in_asm,int,mmu,mmio", &["--engine", engine]);
        for line in [
            "in_asm: cpu 0 EL1 0xfffffff007009a80 <_kernel_main> a9a87bfd stp x29, x30, [sp, #-384]!",
            "in_asm: cpu 0 EL0 0x0000000100001000 a9bf7bfd stp x29, x30, [sp, #-16]!",
            "int: cpu 0 Svc from EL0 to EL1 at ",
            "mmu: cpu 0 EL1 read at 0xfffffff007009a00 <_probe_read>: fffffff8deadb000: translation fault, stage 1",
            "mmio: cpu 0 uart0+0x20 <- 0x44 (32 bits) at 0xfffffff00700a",
        ] {
            assert!(text.contains(line), "no {line:?} with the {engine}");
        }
        let first = text.matches("in_asm: cpu 0 EL1 0xfffffff007009a80 ").count();
        assert_eq!(first, 1, "in_asm shows an instruction once");
    }
}

/// Sends a packet (or bytes outside packets) and reads until the answer's checksum.
fn ask(stream: &mut std::net::TcpStream, bytes: &[u8]) -> String {
    use std::io::{Read, Write};
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.write_all(bytes).expect("sent");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while answer.iter().rev().nth(2) != Some(&b'#') && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        answer.push(byte[0]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_interrupt_stops_a_running_guest_and_a_lost_client_leaves_it_as_it_was() {
    // The console is a terminal that nobody types on: the demo waits for a line until it is let go.
    // Tracing makes it slow enough to be interrupted before it comes there.
    let demo = Demo::start(&["--serial", "pty", "--until", "type a line", "-d", "exec", "-D", "/dev/null"]);
    let connect = || std::net::TcpStream::connect(&demo.address).expect("a connection");
    let mut first = connect();
    let packet = |body: &str| {
        format!("${body}#{:02x}", body.bytes().fold(0u8, |sum, b| sum.wrapping_add(b))).into_bytes()
    };
    assert!(ask(&mut first, &packet("Z0,1000,4")).contains("$OK#"));
    std::io::Write::write_all(&mut first, &packet("vCont;c")).expect("sent");
    std::thread::sleep(Duration::from_millis(5));
    let stopped = ask(&mut first, &[3]);
    assert!(stopped.contains("$T02thread:"), "{stopped}");
    drop(first);
    let mut second = connect();
    let pc = ask(&mut second, &packet("p20"));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(ask(&mut second, &packet("p20")), pc, "the guest stands still for the next client");
    assert!(ask(&mut second, &packet("D")).contains("$OK#"));
    drop(second);
    demo.finish();
}
