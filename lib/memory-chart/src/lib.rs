//! What lies where in an address space, drawn as text and as SVG: a column of boxes from low addresses to high, what
//! lies inside a box beside it, gaps and overlaps named.
//!
//! It knows nothing of what it draws. Equal charts give equal bytes: no dates, no random names.
//!
//! ```
//! use memory_chart::{Area, Chart, Class};
//!
//! let mut chart = Chart::new("a kernel");
//! chart.add(Area::new(0x4000, 0x8000, "__TEXT", Class::Code).note("r-x"));
//! chart.add(Area::new(0x10000, 0x4000, "__DATA", Class::Data).note("rw-"));
//! let text = chart.to_text();
//! assert!(text.contains("__TEXT") && text.contains("(free)"));
//! assert!(chart.to_svg().starts_with("<svg "));
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations)]
#![cfg_attr(
    not(test),
    warn(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

mod svg;
mod text;

/// What an area is for, which decides its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Code that is executed.
    Code,
    /// What is only read.
    Constant,
    /// What is written.
    Data,
    /// Tables of linkers and loaders.
    Link,
    /// Something inside another area: a kext.
    Inside,
    /// Anything else.
    Other,
    /// Nothing: space between areas.
    Free,
}

impl Class {
    /// The class of memory with this protection: bit 0 read, 1 write, 2 execute.
    pub fn of_protection(bits: u32) -> Class {
        match bits & 7 {
            p if p & 4 != 0 => Class::Code,
            p if p & 2 != 0 => Class::Data,
            1 => Class::Constant,
            _ => Class::Other,
        }
    }

    /// The colour of its boxes.
    fn colour(self) -> &'static str {
        match self {
            Class::Code => "#9ecbff",
            Class::Constant => "#c5e1a5",
            Class::Data => "#ffcc80",
            Class::Link => "#d7ccc8",
            Class::Inside => "#e1bee7",
            Class::Other => "#eeeeee",
            Class::Free => "none",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Class::Code => "code",
            Class::Constant => "read only",
            Class::Data => "data",
            Class::Link => "tables",
            Class::Inside => "inside",
            Class::Other => "other",
            Class::Free => "free",
        }
    }
}

/// One thing that lies somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Name.
    pub name: String,
    /// What else is to be said of it, short.
    pub note: String,
    /// What it is for.
    pub class: Class,
}

impl Area {
    /// An area without a note.
    pub fn new(start: u64, size: u64, name: impl Into<String>, class: Class) -> Area {
        Area { start, size, name: clean(&name.into()), note: String::new(), class }
    }

    /// With a note.
    pub fn note(mut self, note: impl Into<String>) -> Area {
        self.note = clean(&note.into());
        self
    }

    /// The first address behind it (saturating).
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// Names come from strangers: no control character reaches a terminal or a drawing.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Areas of one address space.
#[derive(Debug, Clone, Default)]
pub struct Chart {
    title: String,
    areas: Vec<Area>,
    inside: Vec<Area>,
    bounds: Option<(u64, u64)>,
}

/// A line of the chart: an area, a gap, or something inside the area above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What lies there; a gap has [`Class::Free`].
    pub area: Area,
    /// Whether it lies inside the last row that does not.
    pub inside: bool,
    /// Bytes that it shares with something before it.
    pub overlap: u64,
}

impl Chart {
    /// An empty chart.
    pub fn new(title: impl Into<String>) -> Chart {
        Chart { title: clean(&title.into()), ..Chart::default() }
    }

    /// Says where the address space begins and ends, so that free space there is drawn too.
    pub fn bounds(&mut self, start: u64, end: u64) {
        self.bounds = Some((start, end));
    }

    /// Adds an area. Areas without bytes are not drawn.
    pub fn add(&mut self, area: Area) {
        if area.size > 0 {
            self.areas.push(area);
        }
    }

    /// Adds something that lies inside an area, or across several.
    pub fn add_inside(&mut self, area: Area) {
        if area.size > 0 {
            self.inside.push(area);
        }
    }

    /// Everything in order of address, with the gaps between areas.
    pub fn rows(&self) -> Vec<Row> {
        let mut areas: Vec<&Area> = self.areas.iter().collect();
        areas.sort_by_key(|a| (a.start, std::cmp::Reverse(a.size)));
        let mut inside: Vec<&Area> = self.inside.iter().collect();
        inside.sort_by_key(|a| a.start);
        let mut inside = inside.into_iter().peekable();
        let mut rows: Vec<Row> = Vec::new();
        let mut end = self.bounds.map(|b| b.0);
        for area in areas {
            // What starts before this area and did not find a place inside another one.
            while let Some(kext) = inside.next_if(|k| k.start < area.start) {
                rows.push(Row { area: kext.clone(), inside: true, overlap: 0 });
            }
            let overlap = match end {
                Some(end) if area.start > end => {
                    let size = area.start.saturating_sub(end);
                    let free = Area::new(end, size, "(free)", Class::Free);
                    rows.push(Row { area: free, inside: false, overlap: 0 });
                    0
                }
                Some(end) => end.min(area.end()).saturating_sub(area.start),
                None => 0,
            };
            rows.push(Row { area: area.clone(), inside: false, overlap });
            end = Some(end.unwrap_or(0).max(area.end()));
        }
        if let (Some(end), Some((_, last))) = (end, self.bounds)
            && last > end
        {
            let free = Area::new(end, last.saturating_sub(end), "(free)", Class::Free);
            rows.push(Row { area: free, inside: false, overlap: 0 });
        }
        rows.extend(inside.map(|kext| Row { area: kext.clone(), inside: true, overlap: 0 }));
        rows
    }
}

/// A size as people say it, with the unit that keeps three figures.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit.
    let mut tenths = u128::from(bytes).saturating_mul(10) / 1024;
    for unit in UNITS {
        if tenths < 10_240 {
            let (whole, rest) = (tenths / 10, tenths % 10);
            return if whole >= 100 { format!("{whole} {unit}") } else { format!("{whole}.{rest} {unit}") };
        }
        tenths /= 1024;
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests;
