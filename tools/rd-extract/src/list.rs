//! The listing, for people and for programs.

use crate::extract::Failures;
use crate::select::Selection;
use crate::source::Source;
use crate::{Job, fail};
use apple_fs::{Entry, FileSystem, Image, Kind, Time, decmpfs};
use cli::Io;
use serde_json::{Map, Value, json};
use std::fmt::Write;

impl Job<'_> {
    /// Prints the chosen entries.
    pub fn list(
        &self,
        opened: &Source<'_>,
        image: &Image,
        fs: &dyn FileSystem,
        selection: &Selection,
        io: &mut Io,
    ) -> cli::Result<()> {
        if self.args.json {
            return self.json(opened, image, fs, selection, io);
        }
        let v = fs.volume();
        let free = v.free_blocks.map(|n| format!(", {n} free")).unwrap_or_default();
        let mut failures = Failures::default();
        let mut text = String::new();
        for layer in opened.layers.iter().chain(image.layers()) {
            let _ = writeln!(text, "# {}", visible(layer));
        }
        let _ = writeln!(
            text,
            "# {} volume {:?}, {} blocks of {}{free}",
            v.format.name(),
            v.name,
            v.total_blocks,
            v.block_size
        );
        for &i in &selection.entries {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            let mut name = visible(&fs.tree().path(i));
            if e.meta.kind == Kind::Symlink {
                let target = fs.link_target(e).unwrap_or_else(|x| {
                    failures.add(io, &fs.tree().path(i), x);
                    b"?".to_vec()
                });
                let _ = write!(name, " -> {}", visible(&String::from_utf8_lossy(&target)));
            }
            let _ = writeln!(text, "{} {name}", line(e));
            // In pieces, so that a long listing flows.
            if text.len() > 1 << 16 {
                io.print(&text)?;
                text.clear();
            }
        }
        io.print(&text)?;
        failures.result(self.name)
    }

    fn json(
        &self,
        opened: &Source<'_>,
        image: &Image,
        fs: &dyn FileSystem,
        selection: &Selection,
        io: &mut Io,
    ) -> cli::Result<()> {
        let v = fs.volume();
        let mut failures = Failures::default();
        let mut entries = Vec::with_capacity(selection.entries.len());
        for &i in &selection.entries {
            let Some(e) = fs.tree().entries().get(i) else { continue };
            let path = fs.tree().path(i);
            let (mut value, result) = entry(fs, e, &path);
            if let Err(x) = result {
                value.insert("error".into(), x.to_string().into());
                failures.add(io, &path, x);
            }
            entries.push(Value::Object(value));
        }
        let volumes: Vec<Value> = image
            .apfs_volumes()
            .iter()
            .map(|v| {
                json!({"name": v.name, "role": v.role, "encrypted": v.encrypted, "sealed": v.sealed,
                       "case_sensitive": v.case_sensitive})
            })
            .collect();
        let mut all = json!({
            "layers": opened.layers.iter().chain(image.layers()).collect::<Vec<_>>(),
            "volume": {
                "format": v.format.name(), "name": v.name, "block_size": v.block_size,
                "total_blocks": v.total_blocks, "free_blocks": v.free_blocks,
                "case_sensitive": v.case_sensitive, "created": v.created.map(iso),
                "modified": v.modified.map(iso), "warnings": v.warnings,
            },
        });
        if let Some(map) = all.as_object_mut() {
            if !volumes.is_empty() {
                map.insert("volumes".into(), volumes.into());
            }
            map.insert("entries".into(), entries.into());
        }
        let text = serde_json::to_string_pretty(&all).map_err(|e| fail(self.name, &invalid(&e)))?;
        io.print(&text)?;
        io.print("\n")?;
        failures.result(self.name)
    }
}

fn invalid(e: &serde_json::Error) -> apple_fs::Error {
    apple_fs::Error::Invalid(e.to_string())
}

/// What is known of an entry, and the failure to read more.
fn entry(fs: &dyn FileSystem, e: &Entry, path: &str) -> (Map<String, Value>, Result<(), apple_fs::Error>) {
    let mut o = Map::new();
    let result = fill(fs, e, path, &mut o);
    (o, result)
}

fn fill(
    fs: &dyn FileSystem,
    e: &Entry,
    path: &str,
    o: &mut Map<String, Value>,
) -> Result<(), apple_fs::Error> {
    let m = &e.meta;
    o.insert("path".into(), path.into());
    o.insert("type".into(), m.kind.name().into());
    o.insert("mode".into(), format!("{:04o}", m.mode).into());
    o.insert("uid".into(), m.uid.into());
    o.insert("gid".into(), m.gid.into());
    o.insert("id".into(), e.id.into());
    if m.flags != 0 {
        o.insert("flags".into(), m.flags.into());
    }
    match m.kind {
        Kind::File => {
            o.insert("size".into(), m.size.into());
            o.insert("links".into(), m.links.into());
        }
        Kind::Symlink => {
            o.insert("target".into(), String::from_utf8_lossy(&fs.link_target(e)?).into());
        }
        Kind::CharDevice | Kind::BlockDevice => {
            o.insert("device".into(), json!([m.device >> 24, m.device & 0xff_ffff]));
        }
        _ => {}
    }
    for (name, time) in [("created", m.created), ("modified", m.modified)] {
        if let Some(t) = time {
            o.insert(name.into(), iso(t).into());
        }
    }
    if let Some(kind) = m.compression {
        o.insert("compression".into(), json!({"type": kind, "method": decmpfs::kind_name(kind)}));
    }
    if m.has_xattrs || m.resource_size > 0 {
        let sizes: Map<String, Value> =
            fs.xattrs(e)?.into_iter().map(|x| (x.name, x.value.len().into())).collect();
        if !sizes.is_empty() {
            o.insert("xattrs".into(), sizes.into());
        }
    }
    Ok(())
}

/// Everything of a line but the name, as `ls -ln` has it.
fn line(e: &Entry) -> String {
    let m = &e.meta;
    let mut mode = String::from(m.kind.letter());
    for (shift, special, letter) in [(6u16, 0o4000u16, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = m.mode >> shift;
        mode.push(if bits & 4 != 0 { 'r' } else { '-' });
        mode.push(if bits & 2 != 0 { 'w' } else { '-' });
        mode.push(match (m.mode & special != 0, bits & 1 != 0) {
            (false, false) => '-',
            (false, true) => 'x',
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
        });
    }
    mode.push(match (m.compression, m.has_xattrs) {
        (Some(_), _) => '%',
        (_, true) => '@',
        _ => ' ',
    });
    let size = match m.kind {
        Kind::CharDevice | Kind::BlockDevice => format!("{},{}", m.device >> 24, m.device & 0xff_ffff),
        _ => m.size.to_string(),
    };
    let time =
        m.modified.map_or_else(|| "-".into(), |t| iso(t).get(..16).unwrap_or_default().replace('T', " "));
    format!("{mode} {:>3} {:>5} {:>5} {size:>10} {time:>16}", m.links, m.uid, m.gid)
}

/// `2019-02-21T19:23:26Z`.
pub fn iso(t: Time) -> String {
    let (days, seconds) = (t.seconds.div_euclid(86_400), t.seconds.rem_euclid(86_400));
    // Days to a date of the proleptic Gregorian calendar, counted from 1 March of year 0.
    let z = days.saturating_add(719_468);
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era.saturating_add(era.saturating_mul(400)).saturating_add(i64::from(month <= 2));
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// A name without anything that a terminal would act on.
pub fn visible(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        // Also the marks that turn the direction of writing.
        if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |seconds| iso(Time { seconds, nanoseconds: 0 });
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(1_550_777_006), "2019-02-21T19:23:26Z");
        assert_eq!(at(-2_082_844_800), "1904-01-01T00:00:00Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn no_control_character_of_a_name_is_printed() {
        assert_eq!(visible("a\x1b[2J\n\u{202e}é"), "a\\u{1b}[2J\\u{a}\\u{202e}é");
    }
}
