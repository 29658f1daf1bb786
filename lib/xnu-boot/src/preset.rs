//! Presets: lists of device tree edits and boot arguments for a way to boot, as data files.
//!
//! A preset is TOML:
//!
//! ```text
//! name = "serial-only"
//! summary = "one line"
//! bootargs = "serial=3 -v"          # what images get, unless they have theirs
//! extends = ["common"]              # presets done before, built-in ones by name
//! [[edit]]
//! do = "delete /:secure-root-prefix"    # a statement of dt-patch(5)
//! why = "reason"
//! ```

use crate::{Error, Result};
use apple_dt::{Change, Edit, Script, Tree};
use serde::Deserialize;

/// The built-in presets: name and file.
pub const PRESETS: &[(&str, &str)] = &[
    ("serial-only", include_str!("../presets/serial-only.toml")),
    ("light", include_str!("../presets/light.toml")),
    ("full", include_str!("../presets/full.toml")),
];

/// What the built-in ones have in common; not offered by itself.
const COMMON: (&str, &str) = ("common", include_str!("../presets/common.toml"));

/// A preset, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub summary: String,
    /// Boot arguments; of several levels the last that has some.
    pub bootargs: Option<String>,
    /// The edits, those of extended presets first.
    pub script: Script,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    summary: String,
    bootargs: Option<String>,
    #[serde(default)]
    extends: Vec<String>,
    #[serde(default)]
    edit: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    r#do: String,
    why: String,
}

impl Preset {
    /// The built-in preset of this name.
    ///
    /// # Errors
    /// [`Error::Preset`] that lists those there are.
    pub fn builtin(name: &str) -> Result<Preset> {
        match PRESETS.iter().find(|(n, _)| *n == name) {
            Some((_, text)) => Self::parse(name, text),
            None => Err(Error::Preset {
                name: name.into(),
                why: format!(
                    "there is none of this name; there are {}, and files",
                    PRESETS.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ")
                ),
            }),
        }
    }

    /// Reads a preset file. `file` names it in errors.
    ///
    /// # Errors
    /// [`Error::Preset`] with the line, or the edit that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Preset> {
        Self::read(file, text, 0)
    }

    fn read(file: &str, text: &str, depth: u32) -> Result<Preset> {
        let bad = |why: String| Error::Preset { name: file.into(), why };
        let parsed: File = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(0, |s| text.get(..s.start).unwrap_or_default().lines().count());
            bad(format!("line {}: {}", line.max(1), e.message()))
        })?;
        if depth > 4 {
            return Err(bad("presets extend each other without end".into()));
        }
        let mut preset =
            Preset { name: parsed.name, summary: parsed.summary, bootargs: None, script: Script::default() };
        for base in &parsed.extends {
            let Some((name, text)) = PRESETS.iter().chain([&COMMON]).find(|(n, _)| n == base) else {
                return Err(bad(format!("extends {base}, which is no built-in preset")));
            };
            let base = Self::read(name, text, depth + 1)?;
            preset.script.edits.extend(base.script.edits);
            preset.bootargs = base.bootargs.or(preset.bootargs);
        }
        preset.bootargs = parsed.bootargs.or(preset.bootargs);
        for (i, line) in parsed.edit.into_iter().enumerate() {
            let action = apple_dt::parse_edit(&line.r#do)
                .map_err(|e| bad(format!("edit {} ({}): {e}", i + 1, line.r#do.escape_debug())))?;
            preset.script.edits.push(Edit::new(action, line.why));
        }
        Ok(preset)
    }

    /// Does the edits.
    ///
    /// # Errors
    /// An edit that the tree does not allow.
    pub fn apply(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        Ok(self.script.apply(tree)?)
    }
}

#[cfg(test)]
mod tests;
