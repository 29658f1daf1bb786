//! `layout`: what lies where in memory.

use crate::args::{Form, Layout as Args};
use crate::load::{self, kernel_error};
use crate::report::pretty;
use apple_kc::KernelCache;
use cli::{Io, Result, Status};
use memory_chart::{Area, Chart, Class};
use serde_json::{Value, json};
use std::path::Path;

/// Draws the layout.
pub fn run(args: &Args, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let (opened, kernel) = loaded.look(&args.unwrap, io)?;
    let form = match () {
        () if args.svg => Form::Svg,
        () if args.json => Form::Json,
        () => args.form,
    };
    let chart = chart(&loaded.place(), &kernel, &opened.payload, args.phys_base, io);
    draw(&chart, form, args.output.as_deref(), io)
}

/// Writes a chart in the form that is meant.
pub fn draw(chart: &Chart, form: Form, output: Option<&Path>, io: &Io) -> Result<Status> {
    let svg = output.and_then(Path::extension).is_some_and(|e| e.eq_ignore_ascii_case("svg"));
    let text = match form {
        Form::Svg => chart.to_svg(),
        Form::Auto if svg => chart.to_svg(),
        Form::Auto | Form::Text => chart.to_text(),
        Form::Json => pretty(&rows(chart)),
    };
    load::write_text(io, output, &text)?;
    Ok(Status::Done)
}

fn rows(chart: &Chart) -> Value {
    let rows = chart.rows().into_iter().map(|r| {
        json!({
            "start": format!("{:#x}", r.area.start),
            "end": format!("{:#x}", r.area.end()),
            "size": r.area.size,
            "name": r.area.name,
            "note": r.area.note,
            "inside": r.inside,
            "free": r.area.class == Class::Free,
            "overlap": r.overlap,
        })
    });
    Value::Array(rows.collect())
}

/// Segments, with the kexts in them.
pub fn chart(title: &str, kernel: &KernelCache, bytes: &[u8], phys_base: u64, io: &Io) -> Chart {
    let mut chart = Chart::new(format!("{title}: {}, {}", kernel.arch.name(), kernel.layout.name()));
    for s in kernel.loaded() {
        let class = match s.name.as_str() {
            "__LINKEDIT" | "__PRELINK_INFO" | "__PLK_LINKEDIT" => Class::Link,
            _ => Class::of_protection(s.initprot),
        };
        let phys = kernel.phys(s.vmaddr, phys_base).map_or(String::new(), |p| format!(" phys {p:#x}"));
        let filled = s.vmsize.saturating_sub(s.filesize);
        let zero = if filled > 0 { format!(" +{filled:#x} zero") } else { String::new() };
        let note = format!("{} file {:#x}{zero}{phys}", s.protection(), s.fileoff);
        chart.add(Area::new(s.vmaddr, s.vmsize, &s.name, class).note(note));
    }
    let list = match kernel.kexts(bytes) {
        Ok(list) => list,
        Err(e) if e.kind() == apple_kc::ErrorKind::NotFound => return chart,
        Err(e) => {
            io.warn(format_args!("kexts are not drawn: {}", kernel_error(title.to_string(), &e)));
            return chart;
        }
    };
    for problem in &list.problems {
        io.warn(format_args!("not all kexts are drawn: {}", kernel_error(title.to_string(), problem)));
    }
    for kext in list.kexts.iter().filter(|k| k.has_code()) {
        let start = kext.vmaddr.unwrap_or(0);
        // Its segments may lie far apart: the one with the header is drawn.
        let size = kernel.kext_image(bytes, kext).ok().and_then(|image| {
            let own = image.segments.iter().find(|s| s.contains(start));
            own.map(|s| s.vmend().saturating_sub(start))
        });
        let note = format!("{} {:#x} bytes in all", kext.version.as_deref().unwrap_or("-"), kext.size);
        chart.add_inside(Area::new(start, size.unwrap_or(kext.size), &kext.id, Class::Inside).note(note));
    }
    chart
}
