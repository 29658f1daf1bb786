//! Requests that `gdbstub` does not know, or answers with less than LLDB wants.
//!
//! Formats: LLDB's `docs/resources/lldbgdbremote.md`. CPU types: Apple's `mach/machine.h`.

use std::fmt::Write;

use cpu::Cpu;

use crate::target::Target;
use crate::{inspect, packet, tables};

/// CPU_TYPE_ARM64.
const CPU_TYPE_ARM64: u32 = 0x0100_000c;
/// Most bytes that one `m` may ask for: its answer must fit a packet.
const MOST_READ: u64 = packet::PACKET as u64 / 2;

/// The answer to a request, when it is answered here.
pub fn answer(guest: &dyn Target, body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    let cpu = guest.cpu(guest.current())?;
    match text.split_once(':').unwrap_or((text, "")) {
        ("qHostInfo", _) => Some(host(guest, cpu)),
        ("qProcessInfo", _) => Some(process(guest)),
        ("qGDBServerVersion", _) => Some(format!("name:xnu-run;version:{};", env!("CARGO_PKG_VERSION"))),
        // Unlimited here; LLDB wants a number.
        ("qWatchpointSupportInfo", _) => Some("num:64;".into()),
        ("qMemoryRegionInfo", at) if !at.is_empty() => Some(region(cpu, at)),
        _ => text.strip_prefix('m').and_then(refused_read),
    }
}

/// An error for reads that no client of good will sends.
fn refused_read(arguments: &str) -> Option<String> {
    let (address, len) = arguments.split_once(',')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let len = u64::from_str_radix(len, 16).ok();
    let fits = len.is_some_and(|len| len <= MOST_READ && address.checked_add(len).is_some());
    // EINVAL.
    (!fits).then(|| "E16".into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn host(guest: &dyn Target, cpu: &Cpu) -> String {
    let mut out = match guest.is_apple() {
        true => format!("cputype:{CPU_TYPE_ARM64};cpusubtype:0;ostype:ios;vendor:apple;"),
        false => format!("triple:{};", hex(b"aarch64-unknown-none")),
    };
    out.push_str("endian:little;ptrsize:8;watchpoint_exceptions_received:before;default_packet_timeout:30;");
    let (low, high) = (inspect::address_bits(cpu, 0), inspect::address_bits(cpu, u64::MAX));
    if low < 64 && high < 64 {
        // Writing to a String cannot fail; so below.
        let _ = write!(
            out,
            "addressing_bits:{};low_mem_addressing_bits:{low};high_mem_addressing_bits:{high};",
            low.max(high)
        );
    }
    out
}

fn process(guest: &dyn Target) -> String {
    let mut out = String::from("pid:1;parent-pid:0;endian:little;ptrsize:8;");
    if guest.is_apple() {
        let _ = write!(out, "cputype:{CPU_TYPE_ARM64:x};cpusubtype:0;ostype:ios;vendor:apple;");
    } else {
        let _ = write!(out, "triple:{};", hex(b"aarch64-unknown-none"));
    }
    if let Some(kernel) = guest.kernel() {
        let _ = write!(out, "main-binary-address:{:x};", kernel.header);
        if let Some(uuid) = kernel.uuid {
            let u = hex(&uuid);
            let part = |range| u.get(range).unwrap_or_default();
            let _ = write!(
                out,
                "main-binary-uuid:{}-{}-{}-{}-{};",
                part(0..8),
                part(8..12),
                part(12..16),
                part(16..20),
                part(20..32)
            );
        }
    }
    out
}

fn region(cpu: &Cpu, at: &str) -> String {
    let Ok(va) = u64::from_str_radix(at.trim_end_matches(';'), 16) else { return "E16".into() };
    let region = tables::region(cpu, va);
    let mut out = format!("start:{:x};size:{:x};", region.va, region.len);
    if let Some(leaf) = region.leaf {
        let rights = leaf.user | leaf.privileged;
        let flag = |bit, name| if rights & bit != 0 { name } else { "" };
        use cpu::mmu::walk::perm;
        let _ = write!(
            out,
            "permissions:{}{}{};",
            flag(perm::READ, "r"),
            flag(perm::WRITE, "w"),
            flag(perm::EXECUTE, "x")
        );
    }
    out
}
