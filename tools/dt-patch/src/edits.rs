//! The edits that the command line asks for.

use crate::Args;
use apple_dt::{Action, Edit, Script, Selector, Target, Value};
use cli::{Error, Io, Result};
use pipeline::TreeEdits;
use std::path::Path;
use xnu_boot::{Fill, Preset};

/// The most bytes of a script or preset file.
const MAX_SCRIPT: u64 = 16 << 20;

/// Everything that is to be done.
pub(crate) struct Wanted {
    pub(crate) edits: TreeEdits,
}

impl Wanted {
    /// Reads presets and scripts, and takes the options apart.
    pub(crate) fn new(args: &Args, io: &mut Io) -> Result<Wanted> {
        let mut edits = TreeEdits {
            part: args.part.clone(),
            wrap: args.wrap,
            open: open_options(args)?,
            ..TreeEdits::default()
        };
        for path in &args.values {
            let given = crate::values::read(path, io)?;
            let all = edits.values.get_or_insert_default();
            given
                .values
                .names()
                .for_each(|n| all.insert(n, given.values.get(n).unwrap_or_default().to_vec()));
            edits.scripts.push(given.edits);
        }
        let mut bootargs: Option<String> = None;
        for name in &args.preset {
            let preset = preset(name, io)?;
            if let Some(own) = preset.bootargs {
                bootargs =
                    Some(bootargs.map_or_else(|| own.clone(), |all| xnu_boot::merge_arguments(&all, &own)));
            }
            edits.scripts.push(preset.script);
        }
        edits.bootargs = bootargs.filter(|_| !args.keep_bootargs);
        for path in &args.script {
            let text = text_of(path, io)?;
            let name = path.display();
            edits.scripts.push(Script::parse(&text).map_err(|e| Error::usage(format_args!("{name}: {e}")))?);
        }
        if args.fill {
            let script = Fill::script().map_err(|e| Error::usage(format_args!("--fill: {e}")))?;
            edits.scripts.push(script);
        }
        for path in &args.insert {
            let action = apple_dt::parse_edit(&format!("insert {path}"));
            edits.strict.push(Edit::new(action.map_err(|e| option("--insert", path, e))?, ""));
        }
        for text in &args.rename {
            edits.strict.push(Edit::new(rename(text)?, ""));
        }
        for path in &args.delete {
            let target = Target::parse(path).map_err(|e| option("--delete", path, e))?;
            edits.strict.push(Edit::new(Action::Delete(target), ""));
        }
        for text in &args.set {
            edits.strict.push(Edit::new(set(text)?, ""));
        }
        Ok(Wanted { edits })
    }

    /// Whether there is nothing to do.
    pub(crate) fn none(&self) -> bool {
        let edits = &self.edits;
        edits.scripts.is_empty()
            && edits.strict.is_empty()
            && edits.bootargs.is_none()
            && edits.values.is_none()
    }
}

fn option(name: &str, value: &str, why: impl std::fmt::Display) -> Error {
    Error::usage(format_args!("{name} {value}: {why}"))
}

/// How wrappings are to be taken off.
pub(crate) fn open_options(args: &Args) -> Result<apple_wrap::Options> {
    Ok(apple_wrap::Options { key: key(args)?, ..apple_wrap::Options::default() })
}

fn key(args: &Args) -> Result<Option<apple_wrap::Key>> {
    args.key.as_deref().map(|k| apple_wrap::Key::parse(k).map_err(|e| option("--key", "…", e))).transpose()
}

fn text_of(path: &Path, io: &Io) -> Result<String> {
    let mut input = io.input(Some(path))?;
    let data = input.read_all(MAX_SCRIPT)?;
    String::from_utf8(data).map_err(|_| Error::usage(format_args!("{}: not UTF-8", path.display())))
}

/// A built-in preset by name, else a file.
fn preset(name: &str, io: &Io) -> Result<Preset> {
    let found = if name.contains(['/', '.']) {
        Preset::parse(name, &text_of(Path::new(name), io)?)
    } else {
        Preset::builtin(name)
    };
    found.map_err(|e| Error::usage(format_args!("{e} (a file's name has a '/' or '.' in it)")))
}

/// `PATH[:PROPERTY]=NAME`.
fn rename(text: &str) -> Result<Action> {
    // Filters in the path may hold '=', a new name with '=' must be quoted in a script instead.
    let (target, name) = text
        .rsplit_once('=')
        .ok_or_else(|| option("--rename", text, "give PATH=NAME or PATH:PROPERTY=NAME"))?;
    let target = Target::parse(target).map_err(|e| option("--rename", text, e))?;
    if name.is_empty() {
        return Err(option("--rename", text, "the new name is empty"));
    }
    Ok(Action::Rename(target, name.to_string()))
}

/// `PATH:PROPERTY=VALUE`. A value that is neither a term of the language nor a number is a text, so that the shell's
/// quotes are enough.
fn set(text: &str) -> Result<Action> {
    let at = separator(text).ok_or_else(|| option("--set", text, "give PATH:PROPERTY=VALUE"))?;
    let (target, value) =
        (text.get(..at).unwrap_or_default(), text.get(at.saturating_add(1)..).unwrap_or_default());
    let target = Target::parse(target).map_err(|e| option("--set", text, e))?;
    match target.property.as_deref() {
        Some(p) if !p.contains(['*', '?']) => {}
        _ => return Err(option("--set", text, "one property is wanted: PATH:PROPERTY=VALUE")),
    }
    let plain = !value.contains(['(', '"', '[']);
    let value = match apple_dt::parse_value(value) {
        Ok(v) => v,
        Err(_) if value.is_empty() => Value::default(),
        Err(_) if plain => Value::string(value),
        Err(e) => return Err(option("--set", text, e)),
    };
    Ok(Action::Set(target, value))
}

/// The first `=` outside brackets and quotes.
fn separator(text: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0usize, false);
    text.bytes().position(|b| {
        match b {
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth = depth.saturating_add(1),
            b']' if !quoted => depth = depth.saturating_sub(1),
            b'=' => return !quoted && depth == 0,
            _ => {}
        }
        false
    })
}

/// What `--print` asks for: nodes, and a property's name or pattern.
pub(crate) fn target(path: &str) -> apple_dt::Result<(Selector, Option<String>)> {
    let target = Target::parse(path)?;
    Ok((target.nodes, target.property))
}
