//! The text form: what [`print`] writes, [`compile`] turns into the identical bytes. Specified in dt-patch(5).

use crate::Result;
use crate::bytes::padding_of;
use crate::error::Error;
use crate::syntax::{Cursor, is_bare};
use crate::tree::{Name, Node, Property, Tree};
use crate::value::{Context, Term, Value};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

const HEADER: &str = "/apple-dt/";
const VERSION: u64 = 1;
const TRAILING: &str = "/trailing/";

/// Whether bytes are a tree in text form: the first thing that is no blank or comment is `/apple-dt/`.
pub fn is_text(bytes: &[u8]) -> bool {
    // Binary trees have NULs in the first eight bytes; a text has none anywhere near its head.
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let valid = match core::str::from_utf8(head) {
        Ok(s) => s,
        Err(e) => core::str::from_utf8(head.get(..e.valid_up_to()).unwrap_or_default()).unwrap_or_default(),
    };
    let mut cursor = Cursor::new(valid, false);
    cursor.skip(true).is_ok() && cursor.rest().starts_with(HEADER.as_bytes())
}

/// The tree in text form.
pub fn print(tree: &Tree) -> String {
    let mut out = alloc::format!("{HEADER} {VERSION};\n\n");
    node(&mut out, &tree.root, None, 0);
    if !tree.trailing.is_empty() {
        let mut line = String::new();
        bytes(&mut line, &tree.trailing, 0);
        _ = writeln!(out, "{TRAILING} {line};");
    }
    out
}

/// A node in text form, without the file's header: for looking at.
pub fn print_node(it: &Node, parent: Option<&Node>) -> String {
    let mut out = String::new();
    node(&mut out, it, parent, 0);
    out
}

/// A property's value in text form: for looking at, and as the right side of an edit.
pub fn print_value(property: &Property, context: Context<'_>) -> String {
    let mut out = String::new();
    value(&mut out, property, context, 0);
    out
}

impl core::fmt::Display for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut out = String::new();
        terms(&mut out, &self.terms, 0);
        if self.placeholder { write!(f, "template({out})") } else { f.write_str(&out) }
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("    ");
    }
}

fn node(out: &mut String, it: &Node, parent: Option<&Node>, depth: usize) {
    indent(out, depth);
    if let Some(name) = header_name(it) {
        name_text(out, name);
        out.push(' ');
    }
    out.push_str("{\n");
    let context = Context::of(it, parent);
    for p in &it.properties {
        indent(out, depth.saturating_add(1));
        property_name(out, &p.name);
        // An empty value is nothing at all; a placeholder of no bytes is still one.
        if !p.value.is_empty() || p.placeholder {
            out.push_str(" = ");
            value(out, p, context, depth.saturating_add(2));
        }
        out.push_str(";\n");
    }
    for (i, child) in it.children.iter().enumerate() {
        if i > 0 || !it.properties.is_empty() {
            out.push('\n');
        }
        node(out, child, Some(it), depth.saturating_add(1));
    }
    indent(out, depth);
    out.push_str("}\n");
}

/// The name before a node's brace: there only if the `name` property says exactly that.
fn header_name(it: &Node) -> Option<&[u8]> {
    let name = it.name()?;
    let p = it.get("name")?;
    let plain = !p.placeholder && p.value.strip_suffix(&[0]) == Some(name);
    (plain && !name.is_empty()).then_some(name)
}

fn name_text(out: &mut String, name: &[u8]) {
    match core::str::from_utf8(name) {
        Ok(s) if is_bare(name) && name.len() <= Name::MAX => out.push_str(s),
        _ => quote(out, name),
    }
}

fn property_name(out: &mut String, name: &Name) {
    if name.is_clean() {
        name_text(out, name.as_bytes());
    } else {
        bytes(out, &name.0, 0);
    }
}

fn quote(out: &mut String, text: &[u8]) {
    out.push('"');
    for &b in text {
        match b {
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(b)),
            _ => _ = write!(out, "\\x{b:02x}"),
        }
    }
    out.push('"');
}

fn value(out: &mut String, p: &Property, context: Context<'_>, depth: usize) {
    let mut guess = Value::guess(p, context);
    if guess.encode(None, None).as_deref() != Ok(p.value.as_slice()) {
        guess.terms = alloc::vec![Term::Bytes(p.value.clone())];
    }
    if p.placeholder {
        out.push_str("template(");
    }
    terms(out, &guess.terms, depth);
    if p.placeholder {
        out.push(')');
    }
    let padding = p.padding.get(..padding_of(p.value.len())).unwrap_or_default();
    if padding.iter().any(|&b| b != 0) {
        out.push_str(", padding ");
        bytes(out, padding, depth);
    }
}

fn terms(out: &mut String, terms: &[Term], depth: usize) {
    for (i, term) in terms.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        match term {
            Term::Str(s) => quote(out, s),
            Term::Text(s) => call(out, "text", |out| quote(out, s)),
            Term::Field(n, s) => call(out, "field", |out| {
                _ = write!(out, "{n}, ");
                quote(out, s);
            }),
            Term::Zeros(n) => _ = write!(out, "zeros({n})"),
            Term::U8(v) => list(out, "u8", v, 16, depth),
            Term::U16(v) => list(out, "u16", v, 8, depth),
            Term::U32(v) => list(out, "u32", v, 8, depth),
            Term::U64(v) => list(out, "u64", v, 4, depth),
            Term::FourCc(c) => call(out, "fourcc", |out| quote(out, c)),
            Term::Bytes(b) => bytes(out, b, depth),
            Term::Phandle(path) => _ = write!(out, "phandle({path})"),
            Term::Number(n) => number(out, *n),
        }
    }
}

fn call(out: &mut String, word: &str, inner: impl FnOnce(&mut String)) {
    out.push_str(word);
    out.push('(');
    inner(out);
    out.push(')');
}

fn list<T: Copy + Into<u64>>(out: &mut String, word: &str, values: &[T], line: usize, depth: usize) {
    call(out, word, |out| {
        let wrap = values.len() > line && depth > 0;
        for (i, &v) in values.iter().enumerate() {
            if wrap && i.checked_rem(line) == Some(0) {
                out.push('\n');
                indent(out, depth);
            } else if i > 0 {
                out.push(' ');
            }
            number(out, v.into());
        }
    });
}

/// Small numbers in decimal, and round ones that are shorter so (frequencies are); all others in hexadecimal.
fn number(out: &mut String, n: u64) {
    let digits = |mut n: u64, base: u64| {
        while n != 0 && n.is_multiple_of(base) {
            n = n.checked_div(base).unwrap_or(0);
        }
        core::iter::successors(Some(n), |n| n.checked_div(base).filter(|&n| n != 0)).count()
    };
    let round = n.is_multiple_of(1000) && digits(n, 10) < digits(n, 16);
    _ = if n < 1000 || round { write!(out, "{n}") } else { write!(out, "{n:#x}") };
}

fn bytes(out: &mut String, bytes: &[u8], depth: usize) {
    const LINE: usize = 32;
    let wrap = bytes.len() > LINE && depth > 0;
    out.push('[');
    for (i, b) in bytes.iter().enumerate() {
        if wrap && i.checked_rem(LINE) == Some(0) {
            out.push('\n');
            indent(out, depth);
        } else if i > 0 {
            out.push(' ');
        }
        _ = write!(out, "{b:02x}");
    }
    out.push(']');
}

/// Compiles the text form.
///
/// # Errors
/// [`Error::Syntax`] with line and column; [`Error::TooDeep`].
pub fn compile(text: &str) -> Result<Tree> {
    if text.len() > crate::MAX_SIZE.saturating_mul(4) {
        return Err(Error::TooLarge { size: text.len(), limit: crate::MAX_SIZE.saturating_mul(4) });
    }
    let mut c = Cursor::new(text, false);
    c.skip(true)?;
    if !c.rest().starts_with(HEADER.as_bytes()) {
        return Err(c.error("a tree in text form begins with \"/apple-dt/ 1;\""));
    }
    c.advance(HEADER.len());
    c.skip(true)?;
    let version = c.number()?;
    if version != VERSION {
        return Err(
            c.error(alloc::format!("version {version} of the text form is not known, only {VERSION}"))
        );
    }
    c.skip(true)?;
    c.expect(b';')?;
    c.skip(true)?;
    let root = match c.peek() {
        Some(b'{') => body(&mut c, None, 0)?,
        _ => {
            let name = c.name()?;
            c.skip(true)?;
            body(&mut c, Some(name), 0)?
        }
    };
    c.skip(true)?;
    let mut tree = Tree { root, trailing: Vec::new() };
    if c.rest().starts_with(TRAILING.as_bytes()) {
        c.advance(TRAILING.len());
        c.skip(true)?;
        tree.trailing = c.hex()?;
        c.skip(true)?;
        c.expect(b';')?;
        c.skip(true)?;
    }
    if !c.at_end() {
        return Err(c.expected("the end of the text after the root node"));
    }
    if tree.root.properties.is_empty() {
        return Err(c.error("the root node has no properties: XNU takes such a node for none"));
    }
    Ok(tree)
}

/// A node's braces and what is in them.
pub(crate) fn body(c: &mut Cursor<'_>, name: Option<Vec<u8>>, depth: usize) -> Result<Node> {
    if depth >= crate::MAX_DEPTH {
        return Err(Error::TooDeep { offset: c.line(), limit: crate::MAX_DEPTH });
    }
    c.expect(b'{')?;
    let mut node = Node::default();
    loop {
        c.skip(true)?;
        match c.peek() {
            Some(b'}') => break,
            Some(b'{') => node.children.push(body(c, None, depth.saturating_add(1))?),
            Some(b'[') => {
                let field = c.hex()?;
                let field = field.as_slice().try_into();
                let name = Name(field.map_err(|_| c.error("a name in bytes has exactly 32 of them"))?);
                let p = property(c, name)?;
                node.properties.push(p);
            }
            _ => {
                let quoted = c.peek() == Some(b'"');
                let word = c.name()?;
                c.skip(true)?;
                if c.peek() == Some(b'{') {
                    node.children.push(body(c, Some(word), depth.saturating_add(1))?);
                    continue;
                }
                let most = if quoted { 32 } else { Name::MAX };
                if word.len() > most || word.contains(&0) || (word.is_empty() && !quoted) {
                    return Err(c.error(alloc::format!(
                        "property name {} does not fit: at most 31 bytes, no NUL",
                        word.escape_ascii()
                    )));
                }
                let p = property(c, Name::truncated(&word))?;
                node.properties.push(p);
            }
        }
    }
    if let Some(name) = name {
        match node.name() {
            None => {
                let mut named = Node::default();
                let mut value = name;
                if value.contains(&0) {
                    return Err(c.error("a node's name cannot hold a NUL"));
                }
                value.push(0);
                named.set("name", value)?;
                named.properties.append(&mut node.properties);
                node.properties = named.properties;
            }
            Some(property) if property == name.as_slice() => {}
            Some(property) => {
                return Err(c.error(alloc::format!(
                    "this node is headed {} but its name property says {}: change both",
                    name.escape_ascii(),
                    property.escape_ascii()
                )));
            }
        }
    }
    c.advance(1);
    Ok(node)
}

/// What follows a property's name.
fn property(c: &mut Cursor<'_>, name: Name) -> Result<Property> {
    let mut p = Property { name, value: Vec::new(), placeholder: false, padding: [0; 3] };
    c.skip(true)?;
    if c.eat(b';') {
        return Ok(p);
    }
    if !c.eat(b'=') {
        return Err(c.expected(&alloc::format!("';', '=' or '{{' after {name}")));
    }
    c.skip(true)?;
    let value = c.value(false)?;
    p.value = value.encode(None, None).map_err(|e| c.error(e.to_string()))?;
    c.count(p.value.len())?;
    p.placeholder = value.placeholder;
    c.skip(true)?;
    c.eat(b',');
    c.skip(true)?;
    if c.rest().starts_with(b"padding") {
        c.advance(b"padding".len());
        c.skip(true)?;
        let fill = c.hex()?;
        if fill.len() != padding_of(p.value.len()) {
            return Err(c.error(alloc::format!(
                "a value of {} bytes has {} bytes of padding, not {}",
                p.value.len(),
                padding_of(p.value.len()),
                fill.len()
            )));
        }
        for (to, from) in p.padding.iter_mut().zip(fill) {
            *to = from;
        }
        c.skip(true)?;
    }
    c.expect(b';')?;
    Ok(p)
}
