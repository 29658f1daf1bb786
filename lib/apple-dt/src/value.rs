//! Values with a type, as the text form writes them and as listings show them.
//!
//! The format has no types. [`Value::guess`] takes what fits the bytes best, going by the property's name and by the
//! bytes; a guess only decides how a value is shown. What it shows always means the identical bytes.

use crate::Result;
use crate::error::Error;
use crate::tree::{Node, Property, Tree};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    /// `"text"`: the bytes and a NUL.
    Str(Vec<u8>),
    /// `text("text")`: the bytes without a NUL.
    Text(Vec<u8>),
    /// `field(SIZE, "text")`: the bytes, zero-filled to the size.
    Field(u32, Vec<u8>),
    /// `zeros(SIZE)`.
    Zeros(u32),
    /// `u8(…)`.
    U8(Vec<u8>),
    /// `u16(…)`, little-endian as all numbers.
    U16(Vec<u16>),
    /// `u32(…)`.
    U32(Vec<u32>),
    /// `u64(…)`.
    U64(Vec<u64>),
    /// `fourcc("abcd")`: four characters, stored as one u32, so that the file has them reversed.
    FourCc([u8; 4]),
    /// `[00 11 22]`: bytes.
    Bytes(Vec<u8>),
    /// `phandle(/path)`, in edits only: the u32 `AAPL,phandle` of that node.
    Phandle(String),
    /// A bare number, in edits only: as wide as the value that it replaces, else 4 bytes if it fits, else 8.
    Number(u64),
}

/// A value: terms in order, and whether it is a placeholder (`template(…)` in the text form).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// The parts.
    pub terms: Vec<Term>,
    /// Bit 31 of the length.
    pub placeholder: bool,
}

/// What is known around a property when its type is guessed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    /// Name of the node that has the property.
    pub node: &'a str,
    /// `#address-cells` and `#size-cells` of that node's parent, which give `reg` its shape.
    pub cells: Option<(u64, u64)>,
}

impl<'a> Context<'a> {
    /// For the properties of `node` below `parent`.
    pub fn of(node: &'a Node, parent: Option<&Node>) -> Context<'a> {
        let cells = |name| parent.and_then(|p| p.get(name)).and_then(Property::number);
        Context {
            node: node.name().and_then(|n| core::str::from_utf8(n).ok()).unwrap_or_default(),
            cells: cells("#address-cells").zip(cells("#size-cells")),
        }
    }
}

impl Value {
    /// A value of one term.
    pub fn one(term: Term) -> Value {
        Value { terms: alloc::vec![term], placeholder: false }
    }

    /// A string.
    pub fn string(s: &str) -> Value {
        Value::one(Term::Str(s.as_bytes().to_vec()))
    }

    /// Four bytes.
    pub fn u32(n: u32) -> Value {
        Value::one(Term::U32(alloc::vec![n]))
    }

    /// Eight-byte words.
    pub fn u64s(words: &[u64]) -> Value {
        Value::one(Term::U64(words.to_vec()))
    }

    /// The bytes. `tree` answers `phandle(…)`, `old` gives bare numbers their width.
    ///
    /// # Errors
    /// `phandle` of a node that is not there or has none, or outside an edit; a bare number too large for its place;
    /// more than the largest tree.
    pub fn encode(&self, tree: Option<&Tree>, old: Option<&Property>) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for term in &self.terms {
            term.encode(tree, old, &mut out)?;
            if out.len() > crate::MAX_SIZE {
                return Err(Error::TooLarge { size: out.len(), limit: crate::MAX_SIZE });
            }
        }
        Ok(out)
    }

    /// The typed form that shows these bytes best. It encodes to the identical bytes.
    pub fn guess(property: &Property, context: Context<'_>) -> Value {
        let terms = guess(property, context);
        Value { terms, placeholder: property.placeholder }
    }
}

impl Term {
    fn encode(&self, tree: Option<&Tree>, old: Option<&Property>, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Term::Str(s) => {
                out.extend_from_slice(s);
                out.push(0);
            }
            Term::Text(s) | Term::Bytes(s) | Term::U8(s) => out.extend_from_slice(s),
            Term::Field(size, s) => {
                let size = bounded(*size)?;
                if s.len() > size {
                    return Err(Error::CannotEdit {
                        edit: alloc::format!("field({size}, …)"),
                        why: alloc::format!("the text has {} bytes", s.len()),
                    });
                }
                out.extend_from_slice(s);
                out.resize(out.len().saturating_add(size.saturating_sub(s.len())), 0);
            }
            Term::Zeros(size) => out.resize(out.len().saturating_add(bounded(*size)?), 0),
            Term::U16(v) => out.extend(v.iter().flat_map(|n| n.to_le_bytes())),
            Term::U32(v) => out.extend(v.iter().flat_map(|n| n.to_le_bytes())),
            Term::U64(v) => out.extend(v.iter().flat_map(|n| n.to_le_bytes())),
            Term::FourCc(c) => out.extend(c.iter().rev()),
            Term::Phandle(path) => {
                let tree = tree.ok_or_else(|| Error::CannotEdit {
                    edit: alloc::format!("phandle({path})"),
                    why: "only an edit of a tree can look up a phandle; give the number".into(),
                })?;
                let node = tree
                    .node(path)
                    .ok_or_else(|| Error::NotFound { what: "node", path: path.to_string() })?;
                let phandle = node.get("AAPL,phandle").filter(|p| p.value.len() == 4).ok_or_else(|| {
                    Error::NotFound { what: "property", path: alloc::format!("{path}:AAPL,phandle") }
                })?;
                out.extend_from_slice(&phandle.value);
            }
            Term::Number(n) => {
                let width = match old.map(|p| p.value.len()) {
                    Some(width @ (1 | 2 | 4 | 8)) => width,
                    _ if u32::try_from(*n).is_ok() => 4,
                    _ => 8,
                };
                let (low, high) = n
                    .to_le_bytes()
                    .split_at_checked(width)
                    .map(|(l, h)| (l.to_vec(), h.to_vec()))
                    .unwrap_or_default();
                if high.iter().any(|&b| b != 0) {
                    return Err(Error::CannotEdit {
                        edit: alloc::format!("{n:#x}"),
                        why: alloc::format!(
                            "does not fit the {width} bytes of the value it replaces; give a type, such as u64({n:#x})"
                        ),
                    });
                }
                out.extend(low);
            }
        }
        Ok(())
    }
}

fn bounded(size: u32) -> Result<usize> {
    usize::try_from(size)
        .ok()
        .filter(|&n| n <= crate::MAX_SIZE)
        .ok_or(Error::TooLarge { size: usize::MAX, limit: crate::MAX_SIZE })
}

fn printable(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\t' | b'\n')
}

fn words32(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).filter_map(|c| c.first_chunk()).map(|c| u32::from_le_bytes(*c)).collect()
}

fn words64(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks_exact(8).filter_map(|c| c.first_chunk()).map(|c| u64::from_le_bytes(*c)).collect()
}

/// Names whose values are lists of u32, whatever the bytes look like.
const U32_LISTS: &[&str] =
    &["AAPL,phandle", "interrupt-parent", "interrupts", "clock-ids", "clock-gates", "power-gates"];

fn guess(property: &Property, context: Context<'_>) -> Vec<Term> {
    let bytes = property.value.as_slice();
    let name = core::str::from_utf8(property.name.as_bytes()).unwrap_or_default();
    if bytes.is_empty() {
        return Vec::new();
    }
    let whole = |size: usize| bytes.len().checked_rem(size) == Some(0);
    if !property.placeholder {
        if whole(4) && (U32_LISTS.contains(&name) || name.ends_with("-cells")) {
            return alloc::vec![Term::U32(words32(bytes))];
        }
        if name.starts_with("function-")
            && let Some(terms) = function(bytes)
        {
            return terms;
        }
        if matches!(name, "reg" | "ranges") && whole(4) {
            let odd = context.cells.is_some_and(|(a, s)| a % 2 != 0 || s % 2 != 0);
            return alloc::vec![if whole(8) && !odd {
                Term::U64(words64(bytes))
            } else {
                Term::U32(words32(bytes))
            }];
        }
        if context.node == "memory-map" && bytes.len() == 16 {
            return alloc::vec![Term::U64(words64(bytes))];
        }
    }
    strings(bytes).or_else(|| field(bytes)).unwrap_or_else(|| alloc::vec![numbers(bytes)])
}

/// `function-…`: phandle, fourcc, arguments.
fn function(bytes: &[u8]) -> Option<Vec<Term>> {
    let (phandle, rest) = bytes.split_first_chunk::<4>()?;
    let (code, arguments) = rest.split_first_chunk::<4>()?;
    let mut code = *code;
    code.reverse();
    if arguments.len() % 4 != 0 || !code.iter().all(|b| matches!(b, b' '..=b'~')) {
        return None;
    }
    let mut terms = alloc::vec![Term::U32(alloc::vec![u32::from_le_bytes(*phandle)]), Term::FourCc(code)];
    if !arguments.is_empty() {
        terms.push(Term::U32(words32(arguments)));
    }
    Some(terms)
}

/// One string or several, each with its NUL.
fn strings(bytes: &[u8]) -> Option<Vec<Term>> {
    let body = bytes.strip_suffix(&[0])?;
    let parts: Vec<&[u8]> = body.split(|&b| b == 0).collect();
    let fits = parts.iter().all(|p| !p.is_empty() && p.iter().copied().all(printable));
    // Four or eight bytes are more often a number than a list of one-letter strings.
    let telling = parts.iter().any(|p| p.len() > 1) || bytes.len() == 2;
    (fits && telling).then(|| parts.into_iter().map(|p| Term::Str(p.to_vec())).collect())
}

/// A text in a larger zero-filled field.
fn field(bytes: &[u8]) -> Option<Vec<Term>> {
    let end = bytes.iter().position(|&b| b == 0)?;
    let (text, rest) = bytes.split_at_checked(end)?;
    let fits = bytes.len() > 8
        && text.len() > 1
        && text.iter().copied().all(printable)
        && rest.iter().all(|&b| b == 0);
    let size = u32::try_from(bytes.len()).ok()?;
    fits.then(|| alloc::vec![Term::Field(size, text.to_vec())])
}

fn numbers(bytes: &[u8]) -> Term {
    let blank = bytes.iter().all(|&b| b == 0);
    match (bytes.len(), bytes.first()) {
        (1, Some(&b)) => Term::U8(alloc::vec![b]),
        (2, _) => Term::U16(bytes.first_chunk().map(|c| u16::from_le_bytes(*c)).into_iter().collect()),
        (4, _) => Term::U32(words32(bytes)),
        (8, _) => Term::U64(words64(bytes)),
        (n, _) if blank => u32::try_from(n).map_or_else(|_| Term::Bytes(bytes.to_vec()), Term::Zeros),
        (n, _) if n % 4 == 0 && n <= 1024 && words32(bytes).iter().all(|&w| w < 0x1_0000) => {
            Term::U32(words32(bytes))
        }
        _ => Term::Bytes(bytes.to_vec()),
    }
}
