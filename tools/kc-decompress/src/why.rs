//! `why`: what is recognised at each layer and by what, and why it stops there.

use crate::args::Look;
use crate::load;
use crate::report::{clean, pretty};
use apple_kc::{KernelCache, Layout};
use apple_wrap::{Kind, Opened, explain};
use cli::{Io, Result, Status};
use serde_json::{Value, json};

/// Explains a file.
pub fn run(args: &Look, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let options = load::options(&args.unwrap)?;
    let (opened, error) = explain(&loaded.data, &options);
    let mut steps: Vec<Step> = opened
        .layers
        .iter()
        .map(|l| Step {
            what: l.kind.name().into(),
            at: Some((l.offset, l.size)),
            why: l.kind.mark().into(),
            detail: l.detail.clone(),
        })
        .collect();
    let stopped = Step {
        what: opened.kind.name().into(),
        at: Some((opened.offset, opened.payload.len() as u64)),
        why: opened.kind.mark().into(),
        detail: String::new(),
    };
    steps.push(stopped);
    if let Some(monitor) = &opened.monitor {
        steps.push(Step {
            what: "monitor".into(),
            at: None,
            why: "a Mach-O behind the compressed stream".into(),
            detail: format!("{} bytes", monitor.len()),
        });
    }
    let end = match &error {
        Some(e) => e.to_string(),
        None => stop(&opened, &mut steps),
    };
    if args.json {
        let steps: Vec<Value> = steps.iter().map(Step::json).collect();
        io.print(&pretty(&json!({
            "file": loaded.name,
            "part": loaded.part,
            "steps": steps,
            "warnings": opened.warnings,
            "stops": end,
            "error": error.is_some(),
        })))?;
    } else {
        let mut text = format!("{}, {} bytes\n", clean(&loaded.place()), loaded.data.len());
        for (n, step) in (1u32..).zip(&steps) {
            text.push_str(&step.text(n));
        }
        for warning in &opened.warnings {
            text.push_str(&format!("   odd: {}\n", clean(warning)));
        }
        text.push_str(&format!("stops: {}\n", clean(&end)));
        io.print(&text)?;
    }
    match error {
        Some(e) => Err(load::wrap_error(loaded.place(), &e)),
        None => Ok(Status::Done),
    }
}

struct Step {
    what: String,
    /// Offset and size.
    at: Option<(u64, u64)>,
    why: String,
    detail: String,
}

impl Step {
    fn text(&self, n: u32) -> String {
        let place = self.at.map_or(String::new(), |(at, size)| format!(" at {at:#x}, {size} bytes"));
        let detail =
            if self.detail.is_empty() { String::new() } else { format!("\n   {}", clean(&self.detail)) };
        format!("{n}. {}{place}: {}{detail}\n", clean(&self.what), clean(&self.why))
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "offset": self.at.map(|a| a.0),
            "size": self.at.map(|a| a.1),
            "why": self.why,
            "detail": self.detail,
        })
    }
}

/// Why nothing more is taken off; what a kernel is inside is added to the steps.
fn stop(opened: &Opened<'_>, steps: &mut Vec<Step>) -> String {
    match opened.kind {
        Kind::MachO => match KernelCache::look(&opened.payload) {
            Ok(kernel) => {
                kernel_steps(&kernel, &opened.payload, steps);
                "a bare Mach-O: nothing is wrapped around it".into()
            }
            Err(e) => format!("a Mach-O that is no kernel of use: {e}"),
        },
        Kind::Unknown if opened.im4p_type.is_some() && !opened.decrypted => {
            "the payload is nothing known: code of a boot loader, or encrypted though no keybags say so"
                .into()
        }
        Kind::Unknown => "nothing known: a damaged head, another format, or bare code".into(),
        Kind::AppleDeviceTree => "a bare device tree: dt-patch reads it".into(),
        Kind::IBootIm => "a picture: 'kc-decompress picture' makes PNG of it".into(),
        Kind::TrustCache => "a bare trust cache".into(),
        Kind::Im4m | Kind::Im4r => "a container without a payload: 'kc-decompress info' shows it".into(),
        Kind::Zip => "an archive: ipsw-extract takes components out of it".into(),
        kind if kind.is_disk() => "a disk image: rd-extract reads it".into(),
        kind => format!("{kind} is left to other tools"),
    }
}

fn kernel_steps(kernel: &KernelCache, bytes: &[u8], steps: &mut Vec<Step>) {
    let mut add = |what: &str, why: &str, detail: String| {
        steps.push(Step { what: what.into(), at: None, why: why.into(), detail });
    };
    let (name, why) = match kernel.layout {
        Layout::Plain => ("kernel alone", "no prelink segment has anything in it"),
        Layout::Split => ("split cache", "__PRELINK_TEXT is not empty: kexts are Mach-Os of their own in it"),
        Layout::Merged if kernel.has_thread_starts() => ("merged cache", "__TEXT has __thread_starts"),
        Layout::Merged => ("merged cache", "__PRELINK_INFO has __kmod_info or __kmod_start"),
        Layout::Fileset => ("fileset", "the file type is MH_FILESET, or there are LC_FILESET_ENTRY commands"),
    };
    add(name, why, format!("{}, cpusubtype {:#x}", kernel.arch.name(), kernel.cpusubtype));
    match &kernel.version {
        Some(v) => add("version", "the string \"Darwin Kernel Version\" in __TEXT", v.text.clone()),
        None => add("version", "no string \"Darwin Kernel Version\"", String::new()),
    }
    match kernel.entry {
        Some(entry) => {
            let place = kernel.segment_at(entry).map_or("no segment".into(), |s| s.name.clone());
            add("entry", "pc of LC_UNIXTHREAD", format!("{entry:#x}, in {place}"));
        }
        None => add("entry", "no LC_UNIXTHREAD for arm64: it cannot be started", String::new()),
    }
    let pointers = match kernel.fixups(bytes) {
        Ok(f) if f.formats().is_empty() => "plain: there are no chains".into(),
        Ok(f) => f.formats().iter().map(|f| f.name()).collect::<Vec<_>>().join(", "),
        Err(e) => format!("cannot be followed: {e}"),
    };
    add("pointers", "__thread_starts and LC_DYLD_CHAINED_FIXUPS", pointers);
    let kexts = match kernel.kexts(bytes) {
        Ok(list) => {
            let code = list.kexts.iter().filter(|k| k.has_code()).count();
            let mut detail = format!("{}, {code} with code of their own", list.kexts.len());
            for problem in &list.problems {
                detail.push_str(&format!("; {problem}"));
            }
            detail
        }
        Err(e) => e.to_string(),
    };
    add("kexts", "prelink information, lists of pointers, or fileset entries", kexts);
    let symbols = kernel.symtab.map_or(0, |s| s.nsyms);
    add("symbols", "LC_SYMTAB", if symbols == 0 { "none: stripped".into() } else { symbols.to_string() });
    for e in &kernel.damage {
        add("damage", "a load command that makes no sense was passed over", e.to_string());
    }
    if kernel.truncated {
        add(
            "truncated",
            "the file is shorter than its segments say",
            "it can be looked at, not started".into(),
        );
    }
}
