//! The chart as SVG 1.1: one file without scripts, fonts or links, readable in any browser and by any editor.

use crate::{Area, Chart, Class, Row, size};

const WIDTH: u32 = 1080;
const LEFT: u32 = 170;
const BOX: u32 = 440;
const LINE: u32 = 16;
const TOP: u32 = 56;
const FREE: u32 = 26;

/// Height of an area's box: grows with the logarithm of its size, and has room for what lies inside, two in a row.
fn height(area: &Area, inside: u32) -> u32 {
    if area.class == Class::Free {
        return FREE;
    }
    let doublings = 64u32.saturating_sub(area.size.leading_zeros()).saturating_sub(12);
    let own = doublings.saturating_mul(3).saturating_add(24);
    own.max(inside.div_ceil(2).saturating_mul(LINE).saturating_add(LINE).saturating_add(10))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            // Not allowed in XML at all, even escaped.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// At most so many characters, with a mark where something is missing.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

impl Chart {
    /// The chart as an SVG document, lowest address at the top.
    pub fn to_svg(&self) -> String {
        let rows = self.rows();
        let mut groups: Vec<(&Row, Vec<&Row>)> = Vec::new();
        for row in &rows {
            match groups.last_mut() {
                Some((_, inside)) if row.inside => inside.push(row),
                _ => groups.push((row, Vec::new())),
            }
        }
        let tall = |(row, inside): &(&Row, Vec<&Row>)| {
            height(&row.area, u32::try_from(inside.len()).unwrap_or(u32::MAX / 64))
        };
        let total = groups.iter().map(tall).fold(TOP, u32::saturating_add).saturating_add(40);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{total}\" viewBox=\"0 0 {WIDTH} {total}\" \
             font-family=\"monospace\" font-size=\"12\">\n<title>{title}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{total}\" fill=\"white\"/>\n\
             <text x=\"12\" y=\"24\" font-size=\"16\">{title}</text>\n",
            title = escape(&self.title)
        );
        legend(&mut out);
        let mut y = TOP;
        for group in &groups {
            let (row, inside) = group;
            let h = tall(group);
            area(&mut out, &row.area, row.overlap, y, h);
            for (n, kext) in (0u32..).zip(inside) {
                let at = y.saturating_add(LINE).saturating_add((n / 2).saturating_mul(LINE));
                let x = LEFT.saturating_add(8).saturating_add((n % 2).saturating_mul(BOX / 2));
                kext_box(&mut out, &kext.area, x, at);
            }
            y = y.saturating_add(h);
        }
        if let Some((row, _)) = groups.last() {
            let (x, y) = (LEFT.saturating_sub(8), y.saturating_add(4));
            out.push_str(&format!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\">{:#x}</text>\n",
                row.area.end()
            ));
        }
        out.push_str("</svg>\n");
        out
    }
}

fn legend(out: &mut String) {
    let classes = [Class::Code, Class::Constant, Class::Data, Class::Link, Class::Inside, Class::Other];
    for (n, class) in (0u32..).zip(classes) {
        let x = LEFT.saturating_add(n.saturating_mul(100));
        out.push_str(&format!(
            "<rect x=\"{x}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{}\" stroke=\"#555\"/>\
             <text x=\"{}\" y=\"44\">{}</text>\n",
            class.colour(),
            x.saturating_add(16),
            class.meaning()
        ));
    }
}

fn area(out: &mut String, a: &Area, overlap: u64, y: u32, h: u32) {
    let free = a.class == Class::Free;
    let stroke = if overlap > 0 { "#d50000" } else { "#555" };
    let dash = if free { " stroke-dasharray=\"3 3\"" } else { "" };
    let text = y.saturating_add(13);
    out.push_str(&format!(
        "<g><title>{name}: {from:#x} to {to:#x}, {bytes} bytes</title>\
         <rect x=\"{LEFT}\" y=\"{y}\" width=\"{BOX}\" height=\"{h}\" fill=\"{colour}\" stroke=\"{stroke}\"{dash}/>\
         <text x=\"{left}\" y=\"{text}\" text-anchor=\"end\">{from:#x}</text>\
         <text x=\"{inner}\" y=\"{text}\"{weight}>{label}</text>\
         <text x=\"{right}\" y=\"{text}\">{size}{overlap}</text>\
         <text x=\"{notes}\" y=\"{text}\" fill=\"#333\">{note}</text></g>\n",
        name = escape(&a.name),
        from = a.start,
        to = a.end(),
        bytes = a.size,
        colour = a.class.colour(),
        left = LEFT.saturating_sub(8),
        inner = LEFT.saturating_add(8),
        weight = if free { " fill=\"#777\"" } else { " font-weight=\"bold\"" },
        label = escape(&short(&a.name, 56)),
        right = LEFT.saturating_add(BOX).saturating_add(8),
        size = size(a.size),
        overlap = if overlap > 0 { " OVERLAPS" } else { "" },
        notes = LEFT.saturating_add(BOX).saturating_add(110),
        note = escape(&short(&a.note, 50)),
    ));
}

fn kext_box(out: &mut String, a: &Area, x: u32, y: u32) {
    out.push_str(&format!(
        "<g font-size=\"10\"><title>{name}: {from:#x} to {to:#x}, {note}</title>\
         <rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{colour}\" stroke=\"#777\"/>\
         <text x=\"{tx}\" y=\"{ty}\">{label}</text></g>\n",
        name = escape(&a.name),
        from = a.start,
        to = a.end(),
        note = escape(&a.note),
        w = BOX / 2 - 16,
        h = LINE - 2,
        colour = a.class.colour(),
        tx = x.saturating_add(4),
        ty = y.saturating_add(10),
        label = escape(&short(&a.name, 32)),
    ));
}
