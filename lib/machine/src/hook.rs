//! What the host does when a guest comes to an address: looks, answers in the place of a function, goes on elsewhere.
//!
//! Nothing of it is seen in guest memory: the CPUs stop before the instruction ([`cpu::Stop::Hook`]). Hooks replace the
//! debugger scripts with which kernels were first brought up, and survive no kernel version unless their addresses are
//! found by pattern (`xnu_patch::Locator`), which is not done here.

use cpu::Cpu;

use crate::trace::Log;

/// Most bytes of a string that is shown.
const LONGEST: usize = 256;

/// A thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Writes a line: this text, in which `{x0}` is a register (also `{lr}`, `{sp}`, `{pc}`) and `{s:x0}` the C string that
    /// it points to.
    Log(String),
    /// Sets a general register.
    Set(u8, u64),
    /// Returns from the function at whose first instruction the hook is, with this in x0 if given.
    Return(Option<u64>),
    /// Goes on so many instructions further.
    Skip(u32),
    /// Goes on at an address.
    Goto(u64),
    /// Ends the run.
    Stop,
}

/// What is done at an address.
#[derive(Debug, Clone)]
pub struct Hook {
    /// Virtual address of an instruction, with slide.
    pub address: u64,
    /// What the log calls it.
    pub name: String,
    /// What to do, in turn.
    pub actions: Vec<Action>,
    /// How often; 0: no more.
    pub left: u64,
    /// Where lines go.
    pub log: Log,
}

impl Action {
    /// Reads a comma-separated list: `log`, `log=TEXT`, `xN=NUMBER`, `return`, `return=NUMBER`, `skip`, `skip=N`, `goto=ADDRESS`, `stop`,
    /// and `times=N` (how often; default: always). A log's text goes to the end of the list.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse_list(text: &str) -> Result<(Vec<Action>, u64), String> {
        let mut actions = Vec::new();
        let mut times = u64::MAX;
        let mut rest = text.trim();
        while !rest.is_empty() {
            if let Some(text) = rest.strip_prefix("log=") {
                actions.push(Action::Log(text.to_owned()));
                break;
            }
            let (item, next) = rest.split_once(',').unwrap_or((rest, ""));
            rest = next.trim();
            let (name, value) = match item.trim().split_once('=') {
                Some((name, value)) => (name.trim(), Some(number(value)?)),
                None => (item.trim(), None),
            };
            let register = name.strip_prefix('x').and_then(|n| n.parse().ok()).filter(|n: &u8| *n < 31);
            actions.push(match (name, value, register) {
                ("log", None, _) => Action::Log("{x0} {x1} {x2} {x3}, from {lr}".into()),
                ("return", value, _) => Action::Return(value),
                ("skip", value, _) => Action::Skip(u32::try_from(value.unwrap_or(1)).map_err(|_| "skip: too far")?),
                ("goto", Some(value), _) => Action::Goto(value),
                ("stop", None, _) => Action::Stop,
                ("times", Some(value), _) => {
                    times = value;
                    continue;
                }
                (_, Some(value), Some(register)) => Action::Set(register, value),
                _ => {
                    return Err(format!(
                        "{item:?} is none of log, log=TEXT, return[=VALUE], skip[=N], xN=VALUE, goto=ADDRESS, stop, times=N"
                    ));
                }
            });
        }
        if actions.is_empty() {
            return Err("nothing to do: log, return=VALUE, skip, ...".into());
        }
        Ok((actions, times))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let parsed = match (text.strip_prefix("0x"), text.strip_prefix('-')) {
        (Some(hex), _) => u64::from_str_radix(hex, 16),
        (_, Some(negative)) => negative.parse::<u64>().map(u64::wrapping_neg),
        _ => text.parse(),
    };
    parsed.map_err(|_| format!("{text:?} is no number"))
}

/// Does what the hooks at the CPU's pc say. True: the run ends.
pub(crate) fn run(hooks: &mut [Hook], cpu: &mut Cpu) -> bool {
    let pc = cpu.state.pc;
    let mut stop = false;
    for hook in hooks.iter_mut().filter(|h| h.address == pc && h.left > 0) {
        hook.left -= 1;
        for action in &hook.actions {
            match action {
                Action::Log(text) => {
                    let (n, name, text) = (cpu.index, &hook.name, expand(cpu, text));
                    hook.log.line(format_args!("hook: cpu {n} {name} at {pc:#x}: {text}"));
                }
                Action::Set(register, value) => cpu.state.set_x((*register).into(), *value),
                Action::Return(value) => {
                    if let Some(value) = value {
                        cpu.state.set_x(0, *value);
                    }
                    cpu.set_pc(debug::inspect::strip(cpu, cpu.state.x(30)));
                }
                Action::Skip(by) => cpu.set_pc(pc.wrapping_add(u64::from(*by) * 4)),
                Action::Goto(address) => cpu.set_pc(*address),
                Action::Stop => stop = true,
            }
        }
    }
    stop
}

/// The text with what is in braces replaced.
fn expand(cpu: &Cpu, text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((field, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let (string, name) = match field.strip_prefix("s:") {
            Some(name) => (true, name),
            None => (false, field),
        };
        match register(cpu, name) {
            None => out.push_str(field),
            Some(value) if string => out.push_str(&c_string(cpu, value)),
            Some(value) => out.push_str(&format!("{name}={value:#x}")),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn register(cpu: &Cpu, name: &str) -> Option<u64> {
    match name {
        "lr" => Some(cpu.state.x(30)),
        "fp" => Some(cpu.state.x(29)),
        "sp" => cpu.state.x.get(31).copied(),
        "pc" => Some(cpu.state.pc),
        _ => name.strip_prefix('x')?.parse().ok().filter(|n| *n < 31).map(|n| cpu.state.x(n)),
    }
}

fn c_string(cpu: &Cpu, address: u64) -> String {
    let mut bytes = vec![0; LONGEST];
    let n = debug::inspect::read(cpu, address, &mut bytes);
    let text = bytes.get(..n).unwrap_or_default().split(|b| *b == 0).next().unwrap_or_default();
    if n == 0 { format!("({address:#x}: not mapped)") } else { format!("\"{}\"", text.escape_ascii()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_actions_are_read_and_a_log_s_text_may_hold_commas() {
        let (actions, times) = Action::parse_list("x1=0x10, return=-1, times=2, log=a, {x0}").unwrap();
        let expected = [Action::Set(1, 16), Action::Return(Some(u64::MAX)), Action::Log("a, {x0}".into())];
        assert_eq!((actions.as_slice(), times), (&expected[..], 2));
        assert_eq!(Action::parse_list("skip").unwrap().0, [Action::Skip(1)]);
        for text in ["", "x31=1", "return=", "skip=5000000000", "jump", "times=1"] {
            assert!(Action::parse_list(text).is_err(), "{text:?}");
        }
    }
}
