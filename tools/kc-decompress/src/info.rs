//! What `--info` prints: everything a kernel says of itself.

use crate::Args;
use crate::report::{clean, pretty, uuid, wrappings};
use apple_kc::{KernelCache, Segment, chip_name};
use apple_wrap::Opened;
use serde_json::{Value, json};

/// Text or JSON.
pub fn print(
    name: &str,
    part: Option<&str>,
    opened: &Opened<'_>,
    kernel: &KernelCache,
    args: &Args,
) -> String {
    if args.json {
        return pretty(&value(name, part, opened, kernel, args.phys_base));
    }
    text(name, part, opened, kernel, args.phys_base)
}

/// The wrappings, and the kernel under `kernel`.
pub fn value(
    name: &str,
    part: Option<&str>,
    opened: &Opened<'_>,
    kernel: &KernelCache,
    phys_base: u64,
) -> Value {
    let mut value = wrappings(name, part, opened);
    if let Value::Object(map) = &mut value {
        map.insert("kernel".into(), as_json(kernel, phys_base));
    }
    value
}

fn hex(v: u64) -> String {
    format!("{v:#x}")
}

fn layout(kernel: &KernelCache) -> String {
    let pointers = if kernel.has_thread_starts() {
        ", threaded pointers"
    } else if kernel.chained_fixups.is_some() {
        ", chained fixups"
    } else {
        ""
    };
    format!("{}{pointers}", kernel.layout.name())
}

fn platform_name(platform: u32) -> String {
    match platform {
        1 => "macOS".into(),
        2 => "iOS".into(),
        3 => "tvOS".into(),
        4 => "watchOS".into(),
        5 => "bridgeOS".into(),
        11 => "visionOS".into(),
        n => format!("platform {n}"),
    }
}

fn train(kernel: &KernelCache) -> Option<String> {
    kernel.version.as_ref()?.train(kernel.build_version.as_ref().map(|b| b.0))
}

fn as_json(kernel: &KernelCache, phys_base: u64) -> Value {
    let phys = |v: u64| kernel.phys(v, phys_base).map(hex);
    let version = kernel.version.as_ref().map(|v| {
        json!({
            "text": v.text,
            "darwin": format!("{}.{}.{}", v.darwin.0, v.darwin.1, v.darwin.2),
            "xnu": v.xnu,
            "train": train(kernel),
            "flavor": v.flavor,
            "soc": v.soc,
            "chip": v.soc.as_deref().and_then(chip_name),
        })
    });
    let segments: Vec<Value> = kernel
        .segments
        .iter()
        .map(|s| {
            let sections: Vec<Value> = s
                .sections
                .iter()
                .map(|x| json!({ "name": x.name, "addr": hex(x.addr), "size": x.size, "offset": x.offset }))
                .collect();
            json!({
                "name": s.name,
                "fileoff": s.fileoff,
                "filesize": s.filesize,
                "vmaddr": hex(s.vmaddr),
                "paddr": (s.vmsize > 0).then(|| phys(s.vmaddr)).flatten(),
                "vmsize": s.vmsize,
                "protection": s.protection(),
                "sections": sections,
            })
        })
        .collect();
    let fileset: Vec<Value> = kernel
        .fileset
        .iter()
        .map(|e| json!({ "name": e.name, "vmaddr": hex(e.vmaddr), "fileoff": e.fileoff }))
        .collect();
    json!({
        "version": version,
        "arch": kernel.arch.name(),
        "cpusubtype": hex(kernel.cpusubtype.into()),
        "layout": kernel.layout.name(),
        "threaded": kernel.has_thread_starts(),
        "chained_fixups": kernel.chained_fixups.is_some(),
        "entry": kernel.entry.map(|e| json!({ "vmaddr": hex(e), "paddr": phys(e) })),
        "uuid": kernel.uuid.as_ref().map(uuid),
        "stripped": kernel.stripped(),
        "symbols": kernel.symtab.map_or(0, |s| s.nsyms),
        "source_version": kernel.source_version,
        "build_version": kernel.build_version.as_ref().map(|(p, v)| json!({ "platform": platform_name(*p), "minos": v })),
        "link_address": hex(kernel.header_vmaddr()),
        "lowest_vmaddr": hex(kernel.lowest_vmaddr()),
        "highest_vmaddr": hex(kernel.highest_vmaddr()),
        "base": hex(kernel.kc_base()),
        "phys_base": hex(phys_base),
        "truncated": kernel.truncated,
        "segments": segments,
        "fileset": fileset,
    })
}

/// A table for people.
pub fn text(
    name: &str,
    part: Option<&str>,
    opened: &Opened<'_>,
    kernel: &KernelCache,
    phys_base: u64,
) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: String| text.push_str(&format!("{key:<13} {}\n", clean(&value)));
    line("file", part.map_or_else(|| name.to_string(), |p| format!("{name}, part {p}")));
    let wrapped: Vec<String> = opened.layers.iter().map(|l| format!("{} ({})", l.kind, l.detail)).collect();
    line("wrapping", if wrapped.is_empty() { "none".into() } else { wrapped.join(", ") });
    let none = || "unknown: no version string found".to_string();
    line("version", kernel.version.as_ref().map_or_else(none, |v| v.text.clone()));
    if let Some(v) = &kernel.version {
        let train = train(kernel).map(|t| format!(", {t}")).unwrap_or_default();
        let xnu = if v.xnu.is_empty() { "unknown" } else { &v.xnu };
        line("xnu", format!("{xnu} (Darwin {}.{}.{}{train})", v.darwin.0, v.darwin.1, v.darwin.2));
        let soc = v.soc.as_deref().unwrap_or("unknown");
        let chip = chip_name(soc).map(|c| format!(" ({c})")).unwrap_or_default();
        line("soc", format!("{soc}{chip}"));
        line("build", if v.flavor.is_empty() { "unknown".into() } else { v.flavor.clone() });
    }
    line("architecture", format!("{} (cpusubtype {:#x})", kernel.arch.name(), kernel.cpusubtype));
    line("layout", layout(kernel));
    let phys = |v: u64| kernel.phys(v, phys_base).map_or_else(|| "-".into(), hex);
    line(
        "entry",
        kernel.entry.map_or_else(|| "none".into(), |e| format!("{e:#x} virtual, {} physical", phys(e))),
    );
    line("uuid", kernel.uuid.as_ref().map_or_else(|| "none".into(), uuid));
    let symbols = match kernel.symtab {
        Some(s) if s.nsyms > 0 => s.nsyms.to_string(),
        _ => "none (stripped)".into(),
    };
    line("symbols", symbols);
    if let Some(v) = &kernel.source_version {
        line("source", v.clone());
    }
    if let Some((platform, minos)) = &kernel.build_version {
        line("platform", format!("{} {minos}", platform_name(*platform)));
    }
    line("link address", hex(kernel.header_vmaddr()));
    let (low, high) = (kernel.lowest_vmaddr(), kernel.highest_vmaddr());
    line("memory", format!("{low:#x} to {high:#x}, {} bytes", high.saturating_sub(low)));
    line("base", format!("{:#x} virtual, {phys_base:#x} physical", kernel.kc_base()));
    if let Some(monitor) = &opened.monitor {
        line("monitor", format!("{} bytes behind the compressed kernel", monitor.len()));
    }
    if kernel.truncated {
        line("truncated", "yes: the file is shorter than its segments say".into());
    }
    text.push_str(&format!(
        "\n{:<16} {:>10} {:>10} {:>18} {:>18} {:>10} prot\n",
        "segment", "file at", "in file", "virtual", "physical", "in memory"
    ));
    for s in &kernel.segments {
        text.push_str(&segment(s, kernel, phys_base));
    }
    if !kernel.fileset.is_empty() {
        text.push_str(&format!("\n{:<10} {:<18} fileset entry\n", "file at", "virtual"));
        for e in &kernel.fileset {
            text.push_str(&format!("{:<#10x} {:#018x} {}\n", e.fileoff, e.vmaddr, clean(&e.name)));
        }
    }
    text
}

fn segment(s: &Segment, kernel: &KernelCache, phys_base: u64) -> String {
    let phys = (s.vmsize > 0).then(|| kernel.phys(s.vmaddr, phys_base)).flatten();
    format!(
        "{:<16} {:>#10x} {:>#10x} {:>#18x} {:>18} {:>#10x} {}\n",
        clean(&s.name),
        s.fileoff,
        s.filesize,
        s.vmaddr,
        phys.map_or_else(|| "-".into(), hex),
        s.vmsize,
        s.protection()
    )
}
