//! Panics, as XNU words them on the console and in the panic log.

/// Most frames that are shown.
const MOST_FRAMES: usize = 40;
/// Most bytes of a message that are kept.
const LONGEST: usize = 1024;
/// `EMBEDDED_PANIC_MAGIC`, and the offsets of the packed `embedded_panic_header` (xnu:osfmk/kern/debug.h).
const MAGIC: [u8; 4] = 0x4655_4e4bu32.to_le_bytes();
const LOG_OFFSET: usize = 0x14;
const LOG_LENGTH: usize = 0x18;

/// Lines of a panic report that are worth showing.
const FIELDS: &[&str] = &[
    "Boot args",
    "Kernel version",
    "KernelCache UUID",
    "Fileset Kernelcache UUID",
    "iBoot version",
    "Kernel slide",
    "Kernel text base",
    "Panicked task",
];

/// A panic, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Panic {
    /// The CPU.
    pub cpu: Option<u32>,
    /// Where `panic()` was called from: its return address.
    pub caller: Option<u64>,
    /// The message, without the dump of registers that may follow it.
    pub message: String,
    /// Other lines: name and text.
    pub fields: Vec<(String, String)>,
    /// Registers of the state that the message dumps.
    pub registers: Vec<(String, u64)>,
    /// Return addresses of the frames.
    pub frames: Vec<u64>,
}

impl Panic {
    /// The first panic in a text.
    pub fn find(text: &str) -> Option<Panic> {
        let start = text.find("panic(cpu ")?;
        let rest = text.get(start..)?;
        let (head, message) =
            rest.split_once("): ").filter(|(head, _)| head.len() < 64 && !head.contains('\n'))?;
        let mut words = head.trim_start_matches("panic(cpu ").split_whitespace();
        let cpu = words.next().and_then(|w| w.parse().ok());
        let caller = words.nth(1).and_then(hex);
        let mut panic = Panic { cpu, caller, ..Panic::default() };
        let mut in_message = true;
        for line in message.lines().take(400) {
            let trimmed = line.trim();
            let field = trimmed.split_once(": ").filter(|(name, _)| FIELDS.contains(name));
            if let Some((name, value)) = field {
                in_message = false;
                panic.fields.push((name.to_owned(), value.to_owned()));
                continue;
            }
            if let Some(rest) = trimmed.strip_prefix("lr: ") {
                let address = rest.split_whitespace().next().and_then(hex);
                // The dump of a state has lr, too, but in the middle of a line.
                panic.frames.extend(address.filter(|a| *a != 0 && panic.frames.len() < MOST_FRAMES));
                continue;
            }
            if line.starts_with(['\t', ' ']) && trimmed.contains(": 0x") {
                in_message = false;
                panic.registers.extend(registers(trimmed));
                continue;
            }
            in_message &= !trimmed.is_empty() && !trimmed.starts_with("Debugger message");
            if in_message && panic.message.len() < LONGEST {
                if !panic.message.is_empty() {
                    panic.message.push(' ');
                }
                panic.message.push_str(trimmed);
            }
        }
        panic.message = panic.message.trim_matches('"').to_owned();
        Some(panic)
    }

    /// A register of the dumped state.
    pub fn register(&self, name: &str) -> Option<u64> {
        self.registers.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// The panic as lines, addresses named.
    pub fn describe(&self, name: &dyn Fn(u64) -> String) -> String {
        let mut out = format!("panic: {}\n", self.message);
        if let Some(caller) = self.caller {
            out.push_str(&format!("  called from {}\n", name(caller)));
        }
        if let Some(esr) = self.register("esr") {
            out.push_str(&format!("  {}", crate::esr::describe(esr)));
            if let Some(far) = self.register("far") {
                out.push_str(&format!(", address {far:#x}"));
            }
            out.push('\n');
        }
        for register in ["pc", "lr"] {
            if let Some(value) = self.register(register) {
                out.push_str(&format!("  {register} {}\n", name(value)));
            }
        }
        for frame in &self.frames {
            out.push_str(&format!("  from {}\n", name(*frame)));
        }
        for (field, value) in &self.fields {
            out.push_str(&format!("  {field}: {value}\n"));
        }
        out
    }
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_end_matches([')', ',', '.']).strip_prefix("0x")?, 16).ok()
}

/// `x0: 0x… x1:  0x… pc: …` as names and values.
fn registers(line: &str) -> Vec<(String, u64)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pairs = words.windows(2).filter_map(|pair| match pair {
        [name, value] => Some((name.strip_suffix(':')?.to_owned(), hex(value)?)),
        _ => None,
    });
    pairs.collect()
}

/// The text in a panic log's RAM: what the kernel wrote there although no console showed it.
pub fn panic_log(ram: &[u8]) -> Option<String> {
    if !ram.starts_with(&MAGIC) {
        return None;
    }
    let number = |at: usize| {
        let bytes = ram.get(at..)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    let (offset, length) = (number(LOG_OFFSET)?, number(LOG_LENGTH)?);
    // A kernel that died while it panicked has not written the length yet: then the text ends with a zero.
    let rest = ram.get(offset..)?;
    let text = match length {
        0 => rest.split(|b| *b == 0).next()?,
        n => rest.get(..n.min(rest.len()))?,
    };
    let text = String::from_utf8_lossy(text).into_owned();
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "noise\npanic(cpu 1 caller 0xfffffff007123456): \"Kernel data abort.\" (saved state: 0xffffffe001230000)\n\
        \t  x0: 0x0000000000000001  x1:  0x0000000000000002  x2:  0x0  x3:  0x0\n\
        \t  x28: 0x0 fp:  0xffffffe000001000  lr:  0xfffffff007200000  sp:  0xffffffe000000f00\n\
        \t  pc:  0xfffffff007100000 cpsr: 0x60400204         esr: 0x96000045          far: 0x0000000000000010\n\n\
        Debugger message: panic\n\
        Boot args: serial=3 rd=md0\n\
        Kernel slide:     0x0000000000000000\n\
        Panicked thread: 0xffffffe000, backtrace: 0xffffffe001230000, tid: 100\n\
        \t\t  lr: 0xfffffff007300000  fp: 0xffffffe000001000\n\
        \t\t  lr: 0xfffffff007400000  fp: 0xffffffe000002000\n";

    #[test]
    fn a_panic_is_taken_apart_and_described_with_names() {
        let p = Panic::find(TEXT).unwrap();
        assert_eq!((p.cpu, p.caller), (Some(1), Some(0xffff_fff0_0712_3456)));
        assert_eq!(p.message, "Kernel data abort.\" (saved state: 0xffffffe001230000)");
        assert_eq!((p.register("pc"), p.register("far")), (Some(0xffff_fff0_0710_0000), Some(16)));
        assert_eq!(p.frames, [0xffff_fff0_0730_0000, 0xffff_fff0_0740_0000]);
        assert_eq!(p.fields[0], ("Boot args".into(), "serial=3 rd=md0".into()));
        let text = p.describe(&|a| format!("<{a:x}>"));
        for part in [
            "called from <fffffff007123456>",
            "a write, address 0x10",
            "pc <fffffff007100000>",
            "from <fffffff007400000>",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_message_over_several_lines_is_one_and_other_text_is_no_panic() {
        let p = Panic::find("panic(cpu 0 caller 0x1): one\ntwo\n\nthree").unwrap();
        assert_eq!(p.message, "one two");
        for text in ["", "panic", "panic(cpu 0", "panic(cpu \n): x", "no panic(cpu here"] {
            assert_eq!(Panic::find(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_log_s_text_is_found_by_its_header_and_by_nothing_else() {
        let mut ram = vec![0; 0x100];
        ram[..4].copy_from_slice(b"KNUF");
        ram[0x14..0x18].copy_from_slice(&0x40u32.to_le_bytes());
        ram[0x18..0x1c].copy_from_slice(&5u32.to_le_bytes());
        ram[0x40..0x47].copy_from_slice(b"panicky");
        assert_eq!(panic_log(&ram).as_deref(), Some("panic"));
        ram[0x18] = 0;
        assert_eq!(panic_log(&ram).as_deref(), Some("panicky"));
        ram[0x14..0x18].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(panic_log(&ram), None);
        for n in 0..0x1c {
            assert_eq!(panic_log(&ram[..n]), None);
        }
        assert_eq!(panic_log(&[0; 64]), None);
    }
}
