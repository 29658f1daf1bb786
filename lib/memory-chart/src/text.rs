//! The chart as text: a line for each area.

use crate::{Chart, Class, size};

/// The longest bar.
const BAR: u32 = 24;

/// A bar whose length grows with the logarithm of the size, so that small areas beside large ones are seen.
fn bar(bytes: u64, class: Class) -> String {
    // From 4 KiB, one character for each doubling.
    let n = (64u32.saturating_sub(bytes.leading_zeros())).saturating_sub(11).clamp(1, BAR);
    let mark = match class {
        Class::Code => "x",
        Class::Constant => "r",
        Class::Data => "w",
        Class::Free => ".",
        _ => "-",
    };
    mark.repeat(n as usize)
}

impl Chart {
    /// The chart as text, lowest address first. The bars are logarithmic: one character more is twice the size.
    pub fn to_text(&self) -> String {
        let rows = self.rows();
        let name = |r: &crate::Row| r.area.name.chars().count().saturating_add(if r.inside { 2 } else { 0 });
        let width = rows.iter().map(name).max().unwrap_or(0).clamp(8, 60);
        let mut text = String::new();
        if !self.title.is_empty() {
            text.push_str(&format!("{}\n", self.title));
        }
        let bars = BAR as usize;
        text.push_str(&format!(
            "{:<18} {:<18} {:>10}  {:<width$} {:<bars$} note\n",
            "from", "to", "size", "name", ""
        ));
        for row in &rows {
            let a = &row.area;
            let name = if row.inside { format!("  {}", a.name) } else { a.name.clone() };
            let mut note = a.note.clone();
            if row.overlap > 0 {
                note = format!("OVERLAPS what is before it by {:#x} bytes {note}", row.overlap);
            }
            let bar = if row.inside { String::new() } else { bar(a.size, a.class) };
            let line = format!(
                "{:#018x} {:#018x} {:>10}  {name:<width$} {bar:<bars$} {note}",
                a.start,
                a.end(),
                size(a.size)
            );
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}
