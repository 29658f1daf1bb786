//! The load plan of an image: what `xnu-run` would put where.

use crate::{Args, change, failed, pack};
use bootimg::{Part, PartKind, Reader};
use cli::{Code, Error, Io, MAX_COMPONENT, Result};
use memory_chart::{Area, Chart, Class};
use std::io::Read;
use xnu_boot::{Inputs, Kernel, Options, Plan, Source};

/// A number of bytes: decimal or 0x, with K, M or G behind it.
pub fn size(text: &str) -> std::result::Result<u64, String> {
    let (digits, shift) = match text.as_bytes().last().map(u8::to_ascii_uppercase) {
        Some(b'K') => (text.get(..text.len() - 1), 10),
        Some(b'M') => (text.get(..text.len() - 1), 20),
        Some(b'G') => (text.get(..text.len() - 1), 30),
        _ => (Some(text), 0),
    };
    let digits = digits.unwrap_or_default();
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    let number =
        number.map_err(|_| format!("{text:?} is no number of bytes such as 0x2000000, 512M or 2G"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is more than 64 bits hold"))
}

/// Prints the plan of the image, with the changes that the command line asks for.
pub fn run(args: &Args, io: &Io) -> Result<()> {
    let mut image = Vec::new();
    let name = if args.makes() {
        pack::build(args, io, &mut image, "new image")?;
        "new image".to_string()
    } else {
        let mut input = io.input(args.image.as_deref())?;
        let name = input.name().to_string();
        if args.changes() {
            change::changed(args, io, input, &name)?.finish(&mut image).map_err(|e| failed(&name, e))?;
        } else {
            image = input.read_all(2 * MAX_COMPONENT)?;
        }
        name
    };
    let plan = plan(args, &name, &image[..])?;
    if let Some(path) = &args.svg {
        let mut out = io.text_output(Some(path))?;
        out.put(chart(&name, &plan).to_svg().as_bytes())?;
        out.finish()?;
        if path.as_os_str() == "-" {
            return Ok(());
        }
    }
    if args.json {
        let mut text = serde_json::to_string_pretty(&plan).map_err(|e| Error::new(Code::Io, e))?;
        text.push('\n');
        return io.print(&text);
    }
    io.print(&format!("{plan}\n"))
}

/// The plan as a drawing of the machine's memory.
fn chart(name: &str, plan: &Plan) -> Chart {
    let mut chart = Chart::new(format!("{name}: {} {}", plan.kind, plan.kernel));
    chart.bounds(plan.dram.base, plan.dram.end());
    for load in &plan.loads {
        let bits = [('r', 1), ('w', 2), ('x', 4)];
        let bits = bits.iter().filter(|(c, _)| load.protection.contains(*c)).map(|(_, bit)| bit).sum();
        let class = match &load.source {
            Source::Ramdisk(_) => Class::Data,
            Source::Bytes(_) => Class::Link,
            _ if load.what.contains("LINKEDIT") || load.what.contains("PRELINK_INFO") => Class::Link,
            _ => Class::of_protection(bits),
        };
        let source = match &load.source {
            Source::Kernel(r) => format!(" kernel {:#x}+{:#x}", r.base, r.size),
            Source::Ramdisk(r) => format!(" ramdisk {:#x}+{:#x}", r.base, r.size),
            Source::Bytes(b) => format!(" made, {:#x} bytes", b.len()),
            Source::Zero => " zeros".into(),
        };
        let note = format!("{}{source} va {:#x}", load.protection, load.va);
        chart.add(Area::new(load.pa, load.size, &load.what, class).note(note.trim()));
    }
    for region in &plan.reserved {
        chart
            .add(Area::new(region.range.base, region.range.size, region.what, Class::Other).note("reserved"));
    }
    chart
}

/// The parts that a plan looks at, unwrapped.
struct Bare {
    kind: PartKind,
    bytes: Vec<u8>,
}

fn plan(args: &Args, name: &str, image: impl Read) -> Result<Plan> {
    let mut reader = Reader::new(image).map_err(|e| failed(name, e))?;
    let boot = reader.header().select(args.configuration.as_deref()).map_err(|e| failed(name, e))?;
    let command_line = boot.bootargs.unwrap_or_default().to_string();
    let wanted: Vec<Part> = [PartKind::Kernel, PartKind::DeviceTree, PartKind::Ramdisk, PartKind::TrustCache]
        .into_iter()
        .filter_map(|k| boot.part(k).cloned())
        .collect();
    let mut bare = Vec::new();
    while let Some(mut part) = reader.next_part().map_err(|e| failed(name, e))? {
        let Some(what) = wanted.iter().find(|w| w.name == part.part().name) else { continue };
        let bytes = part.read_verified(MAX_COMPONENT).map_err(|e| failed(name, e))?;
        let opened = apple_wrap::open(&bytes, &apple_wrap::Options::default())
            .map_err(|e| wrapped(name, &what.name, &e))?;
        bare.push(Bare { kind: what.kind, bytes: opened.payload.into_owned() });
    }
    let of = |kind| bare.iter().find(|b| b.kind == kind).map(|b| b.bytes.as_slice());
    let kernel = of(PartKind::Kernel).ok_or_else(|| Error::not_found(name, "no kernel to load"))?;
    let fail = |e: xnu_boot::Error| refused(name, &e);
    let kernel = Kernel::recognise(kernel).map_err(fail)?;
    let tree = of(PartKind::DeviceTree)
        .map(apple_dt::Tree::parse)
        .transpose()
        .map_err(|e| Error::damaged(name, e))?;
    let inputs = Inputs {
        device_tree: tree.as_ref(),
        ramdisk: of(PartKind::Ramdisk).map(|b| b.len() as u64),
        trust_cache: of(PartKind::TrustCache),
        ..Inputs::new(kernel)
    };
    let options =
        Options { memory: args.memory, slide: args.slide.unwrap_or(0), command_line, ..Options::default() };
    Plan::new(&inputs, &options).map_err(fail)
}

fn wrapped(name: &str, part: &str, e: &apple_wrap::Error) -> Error {
    let code = match e.kind() {
        apple_wrap::ErrorKind::Damaged => Code::Damaged,
        _ => Code::Unsupported,
    };
    Error::new(code, format_args!("{name}: part {part}: {e}"))
}

fn refused(name: &str, e: &xnu_boot::Error) -> Error {
    let code = match e.kind() {
        xnu_boot::ErrorKind::Damaged => Code::Damaged,
        xnu_boot::ErrorKind::NotFound => Code::NotFound,
        xnu_boot::ErrorKind::Usage => Code::Usage,
        xnu_boot::ErrorKind::Unsupported => Code::Unsupported,
    };
    Error::new(code, format_args!("{name}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("0x2000000"), Ok(0x200_0000));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("512m"), Ok(512 << 20));
        for bad in ["", "G", "x", "-1", "99999999999G", "é"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }
}
