//! A plan as text, for `--dry-run`.

use super::{Plan, Range, Source};
use std::fmt;

/// A size as people say it.
fn human(n: u64) -> String {
    for (shift, unit) in [(30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if n >= 1 << shift {
            let whole = n >> shift;
            let tenth = ((n & ((1 << shift) - 1)) * 10) >> shift;
            return if tenth == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenth} {unit}") };
        }
    }
    format!("{n} B")
}

struct Row<'a> {
    what: &'a str,
    source: String,
    range: Range,
    protection: &'a str,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kernel            {}: {}", self.kind, self.kernel)?;
        if let Some(train) = self.train {
            writeln!(f, "train             {train}")?;
        }
        if let Some(soc) = self.soc {
            writeln!(f, "chip              {soc}")?;
        }
        writeln!(f, "cpus              {}, counter at {} Hz", self.cpus, self.timebase)?;
        writeln!(
            f,
            "memory            {:#x}-{:#x} ({})",
            self.dram.base,
            self.dram.end(),
            human(self.dram.size)
        )?;
        writeln!(f, "physBase          {:#x}", self.phys_base)?;
        writeln!(f, "virtBase          {:#x}", self.virt_base)?;
        writeln!(f, "memSize           {:#x} ({})", self.mem_size, human(self.mem_size))?;
        writeln!(f, "slide             {:#x}", self.slide)?;
        writeln!(f, "topOfKernelData   {:#x}", self.top_of_kernel_data)?;
        writeln!(f, "entry             {:#x}", self.entry)?;
        writeln!(f, "x0                {:#x}", self.x0)?;
        if let Some(args) = &self.boot_args {
            writeln!(
                f,
                "boot_args         revision {}, version {}, line of {} bytes, device tree {:#x} (+{:#x})",
                args.revision, args.version, args.line_length, args.device_tree, args.device_tree_length
            )?;
        }
        if let Some(v) = &self.framebuffer {
            writeln!(
                f,
                "framebuffer       {}x{}, 32 bits, {} bytes a row, at {:#x}",
                v.width, v.height, v.stride, v.base
            )?;
        }
        writeln!(f, "boot arguments    {}", self.command_line.escape_debug())?;
        writeln!(f)?;
        writeln!(
            f,
            "{:<18} {:<23} {:<25} {:<18} {:>10} prot",
            "what", "file", "physical", "virtual", "size"
        )?;
        for row in self.rows() {
            writeln!(
                f,
                "{:<18} {:<23} {:<25} {:<18} {:>10} {}",
                row.what,
                row.source,
                format!("{:#x}-{:#x}", row.range.base, row.range.end()),
                format!("{:#x}", self.va(row.range.base)),
                human(row.range.size),
                row.protection,
            )?;
        }
        for w in &self.warnings {
            writeln!(f, "warning: {w}")?;
        }
        Ok(())
    }
}

impl Plan {
    /// Loads, reserved regions, and the gaps between them, by address.
    fn rows(&self) -> Vec<Row<'_>> {
        let source = |s: &Source| match s {
            Source::Kernel(r) => format!("kernel {:#x}+{:#x}", r.base, r.size),
            Source::Ramdisk(r) => format!("ramdisk {:#x}+{:#x}", r.base, r.size),
            Source::Bytes(b) => format!("made, {:#x}", b.len()),
            Source::Zero => "zeros".into(),
        };
        let mut rows: Vec<Row<'_>> = self
            .loads
            .iter()
            .map(|l| Row {
                what: &l.what,
                source: source(&l.source),
                range: l.range(),
                protection: &l.protection,
            })
            .chain(self.reserved.iter().map(|r| Row {
                what: r.what,
                source: "reserved".into(),
                range: r.range,
                protection: "",
            }))
            .collect();
        rows.sort_by_key(|r| r.range.base);
        let mut all = Vec::with_capacity(rows.len() * 2);
        let mut at = self.dram.base;
        let gap = |base: u64, end: u64| Row {
            what: "(free)",
            source: String::new(),
            range: Range { base, size: end - base },
            protection: "",
        };
        for row in rows {
            if row.range.base > at {
                all.push(gap(at, row.range.base));
            }
            at = at.max(row.range.end());
            all.push(row);
        }
        if self.dram.end() > at {
            all.push(gap(at, self.dram.end()));
        }
        all
    }
}
