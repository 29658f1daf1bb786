//! The tree as JSON, for programs. Each property has its exact bytes beside its typed form.

use crate::bytes::padding_of;
use crate::tree::{Node, Property, Tree};
use crate::value::{Context, Term, Value};
use alloc::string::String;
use core::fmt::Write;

/// The tree as JSON: an object for the root node.
///
/// A node is `{"name", "properties": […], "children": […]}`. A property is `{"name", "size", "type", "value", "hex"}`,
/// and `"placeholder": true` where bit 31 is set. `type` is `empty`, `string`, `strings`, `u8`, `u16`, `u32`, `u64`
/// (with a number, or a list of them) or `bytes` (then there is no `value`). Names and texts that are not ASCII have
/// their bytes as `\u00NN`. Padding that is not zero, a name field that is not clean, and bytes after the tree are
/// given as `padding`, `name_field` and `trailing`, in hexadecimal.
pub fn to_json(tree: &Tree) -> String {
    let mut out = String::new();
    node(&mut out, &tree.root, None, &tree.trailing, 0);
    out.push('\n');
    out
}

fn indent(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

fn node(out: &mut String, it: &Node, parent: Option<&Node>, trailing: &[u8], depth: usize) {
    let inner = depth.saturating_add(1);
    out.push_str("{\"name\": ");
    match it.name() {
        Some(name) => quote(out, name),
        None => out.push_str("null"),
    }
    if !trailing.is_empty() {
        out.push_str(", \"trailing\": ");
        hex(out, trailing);
    }
    out.push_str(", \"properties\": [");
    let context = Context::of(it, parent);
    for (i, p) in it.properties.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        indent(out, inner);
        property(out, p, context);
    }
    out.push_str("], \"children\": [");
    for (i, c) in it.children.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        indent(out, inner);
        node(out, c, Some(it), &[], inner);
    }
    out.push_str("]}");
}

fn property(out: &mut String, p: &Property, context: Context<'_>) {
    out.push_str("{\"name\": ");
    quote(out, p.name.as_bytes());
    if !p.name.is_clean() {
        out.push_str(", \"name_field\": ");
        hex(out, &p.name.0);
    }
    _ = write!(out, ", \"size\": {}", p.value.len());
    if p.placeholder {
        out.push_str(", \"placeholder\": true");
    }
    out.push_str(", \"type\": ");
    let terms = Value::guess(p, context).terms;
    match terms.as_slice() {
        [] => out.push_str("\"empty\""),
        [Term::Str(s)] | [Term::Field(_, s)] => {
            out.push_str("\"string\", \"value\": ");
            quote(out, s);
        }
        list if list.iter().all(|t| matches!(t, Term::Str(_))) => {
            out.push_str("\"strings\", \"value\": [");
            for (i, t) in list.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                if let Term::Str(s) = t {
                    quote(out, s);
                }
            }
            out.push(']');
        }
        [Term::U8(v)] => numbers(out, "u8", v),
        [Term::U16(v)] => numbers(out, "u16", v),
        [Term::U32(v)] => numbers(out, "u32", v),
        [Term::U64(v)] => numbers(out, "u64", v),
        _ => out.push_str("\"bytes\""),
    }
    out.push_str(", \"hex\": ");
    hex(out, &p.value);
    let padding = p.padding.get(..padding_of(p.value.len())).unwrap_or_default();
    if padding.iter().any(|&b| b != 0) {
        out.push_str(", \"padding\": ");
        hex(out, padding);
    }
    out.push('}');
}

fn numbers<T: Copy + core::fmt::Display>(out: &mut String, kind: &str, values: &[T]) {
    _ = write!(out, "\"{kind}\", \"value\": ");
    if let [one] = values {
        _ = write!(out, "{one}");
        return;
    }
    out.push('[');
    for (i, v) in values.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        _ = write!(out, "{v}");
    }
    out.push(']');
}

fn hex(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for b in bytes {
        _ = write!(out, "{b:02x}");
    }
    out.push('"');
}

fn quote(out: &mut String, text: &[u8]) {
    out.push('"');
    for &b in text {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(b)),
            _ => _ = write!(out, "\\u{b:04x}"),
        }
    }
    out.push('"');
}
