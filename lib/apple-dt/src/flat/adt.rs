//! Apple's tree as a flattened one and back.
//!
//! What the two have in common is carried over: nodes, properties, order, bytes. Numbers, little-endian in one and
//! big-endian in the other, are turned where a value is taken for numbers ([`Value::guess`]). The rest is said by
//! properties whose names begin with `adt,`, written only where they are needed:
//!
//! ```text
//! adt,version = <1>             in the root: this tree was made here
//! adt,trailing = [...]          in the root: bytes behind the Apple tree
//! adt,name                      where the property `name` stood, if not first; with its bytes if they are not the
//!                               node's name (which FDT cannot hold, or to which a unit address was added)
//! adt,no-name                   the node has no property `name`
//! adt,templates = "a", "b"      these properties are placeholders: bit 31 of their lengths is set
//! adt,types = "a=u64", "b=raw"  how these values were turned, where the importer would guess otherwise
//! adt,prop-N = ...              a property that FDT or dtc would not take (the Nth of its node): a second one of the
//!                               same name, `phandle`, unusual characters, several interrupt parents, ...
//! adt,prop-N-name               its name: as a text, or all 32 bytes of the field if it is not zero-filled
//! adt,prop-N-padding            the bytes behind a value, if they are not zero
//! ```
//!
//! `phandle`, which FDT's users follow, is added from `AAPL,phandle` and left out again. Node names get a unit address
//! where `reg` gives one, and a number where two of one name stand side by side.

use super::{Flat, FlatNode};
use crate::Result;
use crate::bytes::padding_of;
use crate::error::Error;
use crate::tree::{Name, Node, Property, Tree};
use crate::value::{Context, Term, Value};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

const VERSION: &str = "adt,version";
const TRAILING: &str = "adt,trailing";
const NAME: &str = "adt,name";
const NO_NAME: &str = "adt,no-name";
const TEMPLATES: &str = "adt,templates";
const TYPES: &str = "adt,types";
const PROP: &str = "adt,prop-";
const ROOT: &str = "device-tree";

/// How a value's bytes are turned; doing it twice undoes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Raw,
    U16,
    U32,
    U64,
}

impl Kind {
    const ALL: [(Kind, &'static str); 4] =
        [(Kind::Raw, "raw"), (Kind::U64, "u64"), (Kind::U32, "u32"), (Kind::U16, "u16")];

    fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(k, _)| *k == self).map_or("raw", |(_, n)| n)
    }

    fn turn(self, bytes: &[u8]) -> Vec<u8> {
        let width = match self {
            Kind::Raw => return bytes.to_vec(),
            Kind::U16 => 2,
            Kind::U32 => 4,
            Kind::U64 => 8,
        };
        // What does not fill a word stays as it is.
        let mut out = bytes.to_vec();
        out.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        out
    }

    /// What an Apple value is taken for.
    fn of(property: &Property, context: Context<'_>) -> Kind {
        let terms = Value::guess(property, context).terms;
        let mut kind = None;
        for term in &terms {
            let this = match term {
                Term::U16(_) => Kind::U16,
                Term::U32(_) | Term::FourCc(_) => Kind::U32,
                Term::U64(_) => Kind::U64,
                _ => Kind::Raw,
            };
            if kind.is_some_and(|k| k != this) {
                return Kind::Raw;
            }
            kind = Some(this);
        }
        kind.unwrap_or(Kind::Raw)
    }

    /// What a flattened value is taken for when nothing is said: what the Apple value that it becomes would be.
    fn guess(name: &Name, bytes: &[u8], context: Context<'_>) -> Kind {
        let fits = |kind: Kind| {
            let p = Property { name: *name, value: kind.turn(bytes), placeholder: false, padding: [0; 3] };
            Kind::of(&p, context) == kind
        };
        match Kind::ALL.iter().map(|(k, _)| *k).find(|k| fits(*k)) {
            // Two cells rather than a number beyond 4 GiB, unless the name says so.
            Some(Kind::U64) if bytes.len() == 8 && bytes.get(..4) != Some(&[0; 4]) => {
                let cells = matches!(name.as_bytes(), b"reg" | b"ranges");
                if cells { Kind::U64 } else { Kind::U32 }
            }
            Some(kind) => kind,
            None => Kind::Raw,
        }
    }
}

/// Whether a flattened tree was made by [`export`].
pub fn is_export(flat: &Flat) -> bool {
    flat.root.get(VERSION).is_some()
}

/// An Apple tree as a flattened one, from which [`import`] makes the identical bytes again.
pub fn export(tree: &Tree) -> Flat {
    let mut phandles: BTreeMap<u32, usize> = BTreeMap::new();
    for node in tree.root.walk() {
        if let Some(n) = phandle(node) {
            let count = phandles.entry(n).or_default();
            *count = count.saturating_add(1);
        }
    }
    let mut root = node(&tree.root, None, &phandles);
    root.name = String::new();
    root.properties.insert(0, (VERSION.into(), 1u32.to_be_bytes().to_vec()));
    if !tree.trailing.is_empty() {
        root.properties.push((TRAILING.into(), tree.trailing.clone()));
    }
    Flat { root, ..Flat::default() }
}

fn phandle(node: &Node) -> Option<u32> {
    // With rubbish behind its name the property goes out under an escaped one, and coming back nobody would know it.
    let p = node.get("AAPL,phandle").filter(|p| p.value.len() == 4 && p.name.is_clean())?;
    p.number().and_then(|n| u32::try_from(n).ok()).filter(|n| !matches!(*n, 0 | u32::MAX))
}

/// Whether FDT and `dtc` take a property's name as it is.
fn plain(name: &Name) -> bool {
    let bytes = name.as_bytes();
    let reserved: [&[u8]; 4] = [b"name", b"phandle", b"linux,phandle", b"ibm,phandle"];
    name.is_clean()
        && (1..=Name::MAX).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b",._+*#?-".contains(b))
        && !bytes.starts_with(b"adt,")
        && !reserved.contains(&bytes)
}

/// `dtc` 1.6 takes these for one cell, and ends with an assertion where they are not. Real trees have lists of interrupt
/// parents.
fn breaks_dtc(p: &Property) -> bool {
    let name = p.name.as_bytes();
    let cell = name == b"interrupt-parent" || (name.starts_with(b"#") && name.ends_with(b"-cells"));
    cell && p.value.len() != 4
}

/// The name that a node gets, without unit address.
fn base(node: &Node) -> String {
    let fits = |n: &&[u8]| {
        (1..=Name::MAX).contains(&n.len())
            && n.iter().all(|b| b.is_ascii_alphanumeric() || b",._+-".contains(b))
            && n.first().is_some_and(u8::is_ascii_alphanumeric)
    };
    let name = node.name().filter(fits).and_then(|n| core::str::from_utf8(n).ok());
    name.unwrap_or("node").to_string()
}

/// The address in `reg`, as a unit address has it.
fn unit(it: &Node, parent: &Node) -> Option<String> {
    let reg = it.get("reg").filter(|p| !p.placeholder)?;
    match Value::guess(reg, Context::of(it, Some(parent))).terms.first()? {
        Term::U64(v) => v.first().map(|n| alloc::format!("{n:x}")),
        Term::U32(v) => v.first().map(|n| alloc::format!("{n:x}")),
        _ => None,
    }
}

/// Whether a `name` property says no more than the node's name does.
fn says_name(p: &Property, base: &str) -> bool {
    let clean = p.padding.get(..padding_of(p.value.len())).unwrap_or_default().iter().all(|b| *b == 0);
    !p.placeholder && clean && p.value.strip_suffix(&[0]) == Some(base.as_bytes())
}

fn node(it: &Node, parent: Option<&Node>, phandles: &BTreeMap<u32, usize>) -> FlatNode {
    let context = Context::of(it, parent);
    let base = if parent.is_none() { ROOT.to_string() } else { base(it) };
    let mut flat = FlatNode { name: base.clone(), ..FlatNode::default() };
    let (mut templates, mut types) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let names = it.properties.iter().filter(|p| p.name.as_bytes() == b"name").count();
    if names == 0 {
        flat.properties.push((NO_NAME.into(), Vec::new()));
    }
    for (index, p) in it.properties.iter().enumerate() {
        let first = seen.insert(p.name);
        let padding = p.padding.get(..padding_of(p.value.len())).unwrap_or_default();
        let padded = padding.iter().any(|b| *b != 0);
        let is_name = first && p.name == Name::truncated(b"name");
        if is_name && !padded && !p.placeholder && !p.value.is_empty() {
            match says_name(p, &base) {
                true if index == 0 && names == 1 => {}
                true => flat.properties.push((NAME.into(), Vec::new())),
                false => flat.properties.push((NAME.into(), p.value.clone())),
            }
            continue;
        }
        let kind = Kind::of(p, context);
        if first && plain(&p.name) && !padded && !breaks_dtc(p) {
            let name = p.name.to_string();
            let value = kind.turn(&p.value);
            if Kind::guess(&p.name, &value, context) != kind {
                types.push(alloc::format!("{name}={}", kind.name()));
            }
            if p.placeholder {
                templates.push(name.clone());
            }
            flat.properties.push((name, value));
            continue;
        }
        let name = alloc::format!("{PROP}{index}");
        if p.placeholder {
            templates.push(name.clone());
        }
        if kind != Kind::Raw {
            types.push(alloc::format!("{name}={}", kind.name()));
        }
        flat.properties.push((name.clone(), kind.turn(&p.value)));
        let field = match p.name.is_clean() && p.name.as_bytes().iter().all(u8::is_ascii_graphic) {
            true => [p.name.as_bytes(), &[0]].concat(),
            false => p.name.0.to_vec(),
        };
        flat.properties.push((alloc::format!("{name}-name"), field));
        if padded {
            flat.properties.push((alloc::format!("{name}-padding"), padding.to_vec()));
        }
    }
    let list = |items: &[String]| items.iter().flat_map(|s| s.bytes().chain([0])).collect::<Vec<u8>>();
    for (name, items) in [(TEMPLATES, &templates), (TYPES, &types)] {
        if !items.is_empty() {
            flat.properties.push((name.into(), list(items)));
        }
    }
    if let Some(n) = phandle(it).filter(|n| phandles.get(n) == Some(&1)) {
        flat.properties.push(("phandle".into(), n.to_be_bytes().to_vec()));
    }
    let mut used: BTreeSet<String> = BTreeSet::new();
    // How often each name was wanted, so that thousands of equal ones do not look for a free one each.
    let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
    for child in &it.children {
        let mut new = node(child, Some(it), phandles);
        let mark = match unit(child, it) {
            Some(unit) => {
                _ = write!(new.name, "@{unit}");
                ','
            }
            None => '@',
        };
        let before = wanted.entry(new.name.clone()).or_default();
        let name = new.name.clone();
        while !used.insert(new.name.clone()) {
            *before = before.saturating_add(1);
            new.name = alloc::format!("{name}{mark}{before}");
        }
        flat.children.push(new);
    }
    flat
}

/// An Apple tree of a flattened one: of one that [`export`] made, the identical one; of any other, one that says the
/// same, with numbers turned where they are taken for such.
///
/// # Errors
/// Names that do not fit, or `adt,` properties that say nothing.
pub fn import(flat: &Flat) -> Result<Tree> {
    let root = imported(&flat.root, None, "")?;
    if root.properties.is_empty() {
        return Err(Error::NotATree { why: "its root node has no properties" });
    }
    Ok(Tree { root, trailing: flat.root.get(TRAILING).unwrap_or_default().to_vec() })
}

fn bad(path: &str, name: &str, why: &'static str) -> Error {
    Error::CannotImport { place: alloc::format!("{}:{name}", if path.is_empty() { "/" } else { path }), why }
}

fn strings(bytes: Option<&[u8]>) -> Vec<&str> {
    let bytes = bytes.unwrap_or_default();
    let body = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    body.split(|b| *b == 0).filter_map(|s| core::str::from_utf8(s).ok()).filter(|s| !s.is_empty()).collect()
}

/// Recursion is bounded by the depth of the flattened tree.
fn imported(flat: &FlatNode, parent: Option<&Node>, path: &str) -> Result<Node> {
    let base = match flat.name.split('@').next().unwrap_or_default() {
        "" => ROOT,
        name => name,
    };
    let named = [base.as_bytes(), &[0]].concat();
    let name_field = Name::truncated(b"name");
    let mut it = Node::default();
    // Which of the flattened names each property has, to find what is said of it.
    let mut labels: Vec<&str> = Vec::new();
    let mut push = |it: &mut Node, label, name, value| {
        labels.push(label);
        it.properties.push(Property { name, value, placeholder: false, padding: [0; 3] });
    };
    let own_name = |(n, v): &(String, Vec<u8>)| {
        let escaped = n.starts_with(PROP) && n.ends_with("-name") && v.starts_with(b"name\0");
        n == NAME || n == NO_NAME || escaped
    };
    // Looked up by name, since there may be many.
    let by_name: BTreeMap<&str, &[u8]> =
        flat.properties.iter().rev().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let get = |name: &str| by_name.get(name).copied();
    if !flat.properties.iter().any(own_name) {
        push(&mut it, "", name_field, named.clone());
    }
    let has_phandle = get("AAPL,phandle").is_some();
    for (label, value) in &flat.properties {
        match label.as_str() {
            VERSION | TRAILING | NO_NAME | TEMPLATES | TYPES => {}
            NAME => {
                push(&mut it, "", name_field, if value.is_empty() { named.clone() } else { value.clone() })
            }
            "phandle" | "linux,phandle" if has_phandle => {}
            // Another maker's tree: the number under Apple's name. The two that FDT has say the same.
            "phandle" => push(&mut it, "phandle", Name::truncated(b"AAPL,phandle"), value.clone()),
            "linux,phandle" if get("phandle").is_some() => {}
            "linux,phandle" => push(&mut it, "phandle", Name::truncated(b"AAPL,phandle"), value.clone()),
            // Before version 16 this was the node's name, which is taken from the node.
            "name" => {}
            _ if label.starts_with(PROP) => {
                if label.ends_with("-name") || label.ends_with("-padding") {
                    continue;
                }
                let field = get(&alloc::format!("{label}-name"));
                let field = field.ok_or_else(|| bad(path, label, "its name is missing (adt,prop-N-name)"))?;
                let name = match field.len() {
                    32 => Name::truncated(field),
                    n if n <= 33 => Name::truncated(field.strip_suffix(&[0]).unwrap_or(field)),
                    _ => return Err(bad(path, label, "its name is longer than 32 bytes")),
                };
                push(&mut it, label, name, value.clone());
                let padding = get(&alloc::format!("{label}-padding")).unwrap_or_default();
                if let (false, Some(p)) = (padding.is_empty(), it.properties.last_mut()) {
                    if padding.len() != padding_of(p.value.len()) {
                        return Err(bad(path, label, "its padding does not fill it up to a multiple of 4"));
                    }
                    p.padding.iter_mut().zip(padding).for_each(|(to, from)| *to = *from);
                }
            }
            _ => {
                let name = Name::new(label.as_bytes()).map_err(|_| {
                    bad(
                        path,
                        label,
                        "longer than 31 bytes, the most that an Apple tree's property names have",
                    )
                })?;
                push(&mut it, label, name, value.clone());
            }
        }
    }
    let places: BTreeMap<&str, usize> = labels.iter().enumerate().map(|(i, l)| (*l, i)).collect();
    for label in strings(get(TEMPLATES)) {
        let p = places.get(label).and_then(|i| it.properties.get_mut(*i));
        p.ok_or_else(|| bad(path, TEMPLATES, "names a property that is not there"))?.placeholder = true;
    }
    let mut said: BTreeMap<&str, Kind> = BTreeMap::new();
    for entry in strings(get(TYPES)) {
        let kind = entry
            .rsplit_once('=')
            .and_then(|(label, kind)| Some((label, Kind::ALL.iter().find(|(_, n)| *n == kind)?.0)));
        let (label, kind) =
            kind.ok_or_else(|| bad(path, TYPES, "is not a list of \"name=u32\" and the like"))?;
        said.insert(label, kind);
    }
    let turned: Vec<Vec<u8>> = {
        let context = Context::of(&it, parent);
        let turn = |(p, label): (&Property, &&str)| {
            let exact = label.is_empty() || label.starts_with(PROP);
            let kind = match said.get(*label) {
                Some(kind) => *kind,
                None if exact => Kind::Raw,
                None => Kind::guess(&p.name, &p.value, context),
            };
            kind.turn(&p.value)
        };
        it.properties.iter().zip(&labels).map(turn).collect()
    };
    for (p, value) in it.properties.iter_mut().zip(turned) {
        p.value = value;
    }
    let children: Result<Vec<Node>> =
        flat.children.iter().map(|c| imported(c, Some(&it), &alloc::format!("{path}/{}", c.name))).collect();
    it.children = children?;
    Ok(it)
}
