//! Edit scripts: a statement a line, specified in dt-patch(5). Presets use the same statements.
//!
//! ```text
//! # comment
//! set    /chosen:debug-enabled = u32(1)         # the reason, shown by dt-patch -v
//! fill   /chosen:random-seed = [01 02 03 04]
//! delete /**/dockchannel-uart
//! rename /arm-io/wdt watchdog
//! insert /chosen/lock-regs/amcc { aperture-count = u32(1); }
//! keep   /arm-io = uart0 mcc aic*
//! resolve /**
//! ```

use crate::Result;
use crate::edit::{Action, Change, Edit};
use crate::error::Error;
use crate::select::Target;
use crate::syntax::Cursor;
use crate::text::body;
use crate::tree::Tree;
use crate::value::Value;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The most statements of a script; a guard against nonsense, not a limit anyone meets.
const MAX_EDITS: usize = 100_000;

/// A list of edits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// In the order in which they are done.
    pub edits: Vec<Edit>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// [`Error::Syntax`] with line and column.
    pub fn parse(text: &str) -> Result<Script> {
        let mut c = Cursor::new(text, true);
        let mut edits = Vec::new();
        loop {
            c.skip(true)?;
            if c.eat(b';') {
                continue;
            }
            if c.at_end() {
                return Ok(Script { edits });
            }
            if edits.len() >= MAX_EDITS {
                return Err(c.error(alloc::format!("more than {MAX_EDITS} statements")));
            }
            let action = statement(&mut c)?;
            c.skip(false)?;
            let more = c.eat(b';');
            c.skip(false)?;
            let mut why = String::new();
            if c.eat(b'#') {
                let comment = c.run(|b| b != b'\n');
                why = String::from_utf8_lossy(comment).trim().to_string();
            } else if !more && !c.at_end() && c.peek() != Some(b'\n') {
                return Err(c.expected("the end of the line, or '#' and a reason"));
            }
            edits.push(Edit { action, why });
        }
    }

    /// Does all edits in order; what they changed, in order.
    ///
    /// # Errors
    /// The first edit that cannot be done; the tree then has the changes of those before it.
    pub fn apply(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for edit in &self.edits {
            changes.extend(edit.apply(tree)?);
        }
        Ok(changes)
    }
}

/// Reads one statement, such as a preset's, without a reason.
///
/// # Errors
/// [`Error::Syntax`].
pub fn parse_edit(text: &str) -> Result<Action> {
    let mut c = Cursor::new(text, true);
    c.skip(true)?;
    let action = statement(&mut c)?;
    c.skip(true)?;
    if c.at_end() { Ok(action) } else { Err(c.expected("the end of the statement")) }
}

/// Reads a value as edits write it.
///
/// # Errors
/// [`Error::Syntax`].
pub fn parse_value(text: &str) -> Result<Value> {
    let mut c = Cursor::new(text, true);
    c.skip(true)?;
    let value = c.value(true)?;
    c.skip(true)?;
    if c.at_end() { Ok(value) } else { Err(c.expected("the end of the value")) }
}

fn statement(c: &mut Cursor<'_>) -> Result<Action> {
    let start = c.line();
    let word = c.run(|b| b.is_ascii_alphabetic());
    let action = match word {
        b"set" | b"fill" => {
            c.skip(false)?;
            let target = Target::read(c)?;
            match target.property.as_deref() {
                Some(p) if !p.contains(['*', '?']) => {}
                _ => return Err(c.error("one property is wanted: /path:name")),
            }
            equals(c)?;
            let value = if ends(c) { Value::default() } else { c.value(true)? };
            if word == b"set" { Action::Set(target, value) } else { Action::Fill(target, value) }
        }
        b"delete" => {
            c.skip(false)?;
            Action::Delete(Target::read(c)?)
        }
        b"resolve" => {
            c.skip(false)?;
            let target = Target::read(c)?;
            if target.property.is_some() {
                return Err(c.error("resolve takes nodes, not a property"));
            }
            Action::Resolve(target)
        }
        b"rename" => {
            c.skip(false)?;
            let target = Target::read(c)?;
            c.skip(false)?;
            let name = c.name()?;
            let name = String::from_utf8(name).map_err(|_| c.error("the new name is not UTF-8"))?;
            Action::Rename(target, name)
        }
        b"insert" => {
            c.skip(false)?;
            let target = Target::read(c)?;
            let path = match (target.nodes.literal(), &target.property) {
                (Some(path), None) if path != "/" => path.to_string(),
                (Some(path), None) => path.to_string(),
                _ => return Err(c.error("insert wants a node's plain path, without patterns")),
            };
            c.skip(false)?;
            let node = if c.peek() == Some(b'{') { Some(braces(c)?) } else { None };
            Action::Insert(path, node)
        }
        b"keep" => {
            c.skip(false)?;
            let target = Target::read(c)?;
            equals(c)?;
            let mut names = Vec::new();
            while !ends(c) {
                let name = c.run(|b| b > b' ' && !matches!(b, b';' | b'#'));
                names.push(String::from_utf8_lossy(name).to_string());
                c.skip(false)?;
            }
            Action::Keep(target, names)
        }
        _ => {
            return Err(Error::Syntax {
                line: start,
                column: 1,
                message: alloc::format!(
                    "unknown statement {:?}; there are set fill delete rename insert keep resolve",
                    String::from_utf8_lossy(word)
                ),
            });
        }
    };
    Ok(action)
}

fn equals(c: &mut Cursor<'_>) -> Result<()> {
    c.skip(false)?;
    c.expect(b'=')?;
    c.skip(false)
}

fn ends(c: &Cursor<'_>) -> bool {
    c.at_end() || matches!(c.peek(), Some(b'\n' | b';' | b'#'))
}

/// A node's braces in the text form, inside a script.
fn braces(c: &mut Cursor<'_>) -> Result<crate::Node> {
    // Inside them `#` begins names such as `#address-cells`, and comments are those of the text form.
    c.set_script(false);
    let node = body(c, None, 1);
    c.set_script(true);
    node
}
