//! The parser of device tree source.

use super::{Flat, FlatNode};
use crate::Result;
use crate::error::Error;
use crate::syntax::Cursor;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

const HEADER: &[u8] = b"/dts-v1/";
/// Operators and parentheses within each other.
const MAX_NESTING: usize = 64;

/// What is counted for each node and property beside its bytes, so that a text of many small ones has its bound too.
const OVERHEAD: usize = 64;

/// A node while the text is read. Deleted ones stay in their places, so that numbers of nodes stay right.
struct Work {
    name: String,
    parent: usize,
    properties: Vec<WorkProperty>,
    children: Vec<usize>,
    dead: bool,
}

struct WorkProperty {
    name: String,
    value: Vec<u8>,
    /// Counts how often it was given; references are those of the last time.
    version: u32,
    dead: bool,
}

/// A reference in a property's value.
struct Reference {
    node: usize,
    property: usize,
    version: u32,
    /// Place in the value: of a cell, or where the node's path is inserted.
    at: usize,
    cell: bool,
    to: Target,
    place: usize,
}

enum Target {
    Label(String),
    Path(String),
}

struct Parser<'a> {
    c: Cursor<'a>,
    reservations: Vec<(u64, u64)>,
    /// The first is the root.
    nodes: Vec<Work>,
    /// Node, whether a child is meant rather than a property, name: its number among nodes, or in the node.
    index: BTreeMap<(usize, bool, String), usize>,
    labels: BTreeMap<String, usize>,
    references: Vec<Reference>,
}

pub(super) fn starts(text: &str) -> bool {
    let mut c = Cursor::new(text, false);
    skip(&mut c).is_ok() && c.rest().starts_with(HEADER)
}

/// Blanks, comments, and the line marks of the preprocessor.
fn skip(c: &mut Cursor<'_>) -> Result<()> {
    loop {
        c.skip(true)?;
        let mark = c.rest().strip_prefix(b"# ").or(c.rest().strip_prefix(b"#line "));
        match mark.and_then(|m| m.first()).is_some_and(u8::is_ascii_digit) {
            true => c.skip_line(),
            false => return Ok(()),
        }
    }
}

pub(super) fn parse(text: &str) -> Result<Flat> {
    let limit = crate::MAX_SIZE.saturating_mul(4);
    if text.len() > limit {
        return Err(Error::TooLarge { size: text.len(), limit });
    }
    let mut p = Parser {
        c: Cursor::new(text, false),
        reservations: Vec::new(),
        nodes: Vec::new(),
        index: BTreeMap::new(),
        labels: BTreeMap::new(),
        references: Vec::new(),
    };
    p.node(String::new(), 0)?;
    skip(&mut p.c)?;
    if !p.word(HEADER) {
        return Err(p.c.error("device tree source begins with \"/dts-v1/;\""));
    }
    p.end()?;
    let mut roots = 0usize;
    loop {
        skip(&mut p.c)?;
        if p.c.at_end() {
            break;
        }
        if p.word(HEADER) {
            p.end()?;
        } else if p.word(b"/memreserve/") {
            p.reservation()?;
        } else if p.word(b"/delete-node/") {
            let at = p.place()?;
            p.end()?;
            p.delete(at);
        } else if p.c.rest().starts_with(b"/plugin/") {
            return Err(p.c.error("an overlay (/plugin/), which is no tree"));
        } else if p.c.rest().starts_with(b"/include/") || p.c.rest().starts_with(b"#") {
            return Err(p.c.error(
                "put in what it includes and defines first: cpp -nostdinc -undef -x assembler-with-cpp",
            ));
        } else {
            let label = p.label()?;
            let at = match p.c.peek() {
                Some(b'/') => {
                    p.c.advance(1);
                    roots = roots.saturating_add(1);
                    0
                }
                Some(b'&') => p.place()?,
                _ => return Err(p.c.expected("'/' and the root node")),
            };
            if let Some(label) = label {
                p.labels.insert(label, at);
            }
            p.body(at, 0)?;
            p.end()?;
        }
    }
    if roots == 0 {
        return Err(p.c.error("there is no root node"));
    }
    p.resolve()?;
    let reservations = core::mem::take(&mut p.reservations);
    Ok(Flat { reservations, boot_cpu: 0, root: p.finished(0) })
}

impl Parser<'_> {
    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.c.rest().starts_with(word);
        if found {
            self.c.advance(word.len());
        }
        found
    }

    fn end(&mut self) -> Result<()> {
        skip(&mut self.c)?;
        self.c.expect(b';')
    }

    fn reservation(&mut self) -> Result<()> {
        let mut pair = [0; 2];
        for n in &mut pair {
            skip(&mut self.c)?;
            *n = self.primary(0)?;
        }
        let [address, size] = pair;
        self.reservations.push((address, size));
        self.end()
    }

    /// `name:`, if there is one.
    fn label(&mut self) -> Result<Option<String>> {
        let rest = self.c.rest();
        let n = rest.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(rest.len());
        if n == 0 || rest.get(n) != Some(&b':') {
            return Ok(None);
        }
        let label = String::from_utf8_lossy(rest.get(..n).unwrap_or_default()).to_string();
        self.c.advance(n.saturating_add(1));
        skip(&mut self.c)?;
        Ok(Some(label))
    }

    /// `&label` or `&{/path}`.
    fn target(&mut self) -> Result<Target> {
        self.c.expect(b'&')?;
        if self.c.eat(b'{') {
            let path = self.c.run(|b| b != b'}' && b > b' ');
            let path = String::from_utf8_lossy(path).to_string();
            self.c.expect(b'}')?;
            return Ok(Target::Path(path));
        }
        let label = self.c.run(|b| b.is_ascii_alphanumeric() || b == b'_');
        match label.is_empty() {
            true => Err(self.c.expected("a label or {/path}")),
            false => Ok(Target::Label(String::from_utf8_lossy(label).to_string())),
        }
    }

    /// Adds a node.
    fn node(&mut self, name: String, parent: usize) -> Result<usize> {
        self.c.count(OVERHEAD)?;
        let number = self.nodes.len();
        if number > 0 {
            self.index.insert((parent, true, name.clone()), number);
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.children.push(number);
            }
        }
        let (properties, children) = (Vec::new(), Vec::new());
        self.nodes.push(Work { name, parent, properties, children, dead: false });
        Ok(number)
    }

    fn look_up(&self, target: &Target) -> Option<usize> {
        let number = match target {
            Target::Label(label) => *self.labels.get(label)?,
            Target::Path(path) => path
                .split('/')
                .filter(|c| !c.is_empty())
                .try_fold(0, |at, name| self.index.get(&(at, true, name.to_string())).copied())?,
        };
        // What is below a deleted node is deleted.
        let mut at = number;
        for _ in 0..=crate::MAX_DEPTH {
            let node = self.nodes.get(at).filter(|n| !n.dead)?;
            if at == 0 {
                return Some(number);
            }
            at = node.parent;
        }
        None
    }

    /// A node that must be there already.
    fn place(&mut self) -> Result<usize> {
        skip(&mut self.c)?;
        let target = self.target()?;
        self.look_up(&target).ok_or_else(|| self.c.error("there is no such node before this place"))
    }

    fn delete(&mut self, number: usize) {
        if let Some(node) = self.nodes.get_mut(number) {
            node.dead = true;
            self.index.remove(&(node.parent, true, node.name.clone()));
        }
    }

    /// A property that is given from here on: its number in the node, and its version.
    fn property(&mut self, node: usize, name: String) -> Result<(usize, u32)> {
        self.c.count(OVERHEAD)?;
        let known = self.index.get(&(node, false, name.clone())).copied();
        let Some(it) = self.nodes.get_mut(node) else { return Err(self.c.error("no place for a property")) };
        if let Some(number) = known
            && let Some(p) = it.properties.get_mut(number)
        {
            p.version = p.version.wrapping_add(1);
            return Ok((number, p.version));
        }
        let number = it.properties.len();
        self.index.insert((node, false, name.clone()), number);
        it.properties.push(WorkProperty { name, value: Vec::new(), version: 0, dead: false });
        Ok((number, 0))
    }

    fn finished(&mut self, number: usize) -> FlatNode {
        let Some(node) = self.nodes.get_mut(number) else { return FlatNode::default() };
        let mut flat = FlatNode { name: core::mem::take(&mut node.name), ..FlatNode::default() };
        let properties = core::mem::take(&mut node.properties).into_iter().filter(|p| !p.dead);
        flat.properties = properties.map(|p| (p.name, p.value)).collect();
        // Depth is bounded by that of the text's braces.
        for child in core::mem::take(&mut node.children) {
            if self.nodes.get(child).is_some_and(|c| !c.dead) {
                flat.children.push(self.finished(child));
            }
        }
        flat
    }

    /// Braces and what is in them. Recursion is bounded by the depth, which a reference to a deep node cannot add to.
    fn body(&mut self, node: usize, depth: usize) -> Result<()> {
        let mut real = 0usize;
        let mut at = node;
        while at != 0 && real <= crate::MAX_DEPTH {
            at = self.nodes.get(at).map_or(0, |n| n.parent);
            real = real.saturating_add(1);
        }
        if real.max(depth) >= crate::MAX_DEPTH {
            return Err(Error::TooDeep { offset: self.c.line(), limit: crate::MAX_DEPTH });
        }
        skip(&mut self.c)?;
        self.c.expect(b'{')?;
        loop {
            skip(&mut self.c)?;
            if self.c.eat(b'}') {
                return Ok(());
            }
            if self.word(b"/delete-property/") {
                let name = self.name()?;
                if let Some(number) = self.index.remove(&(node, false, name))
                    && let Some(p) = self.nodes.get_mut(node).and_then(|n| n.properties.get_mut(number))
                {
                    p.dead = true;
                }
                self.end()?;
                continue;
            }
            if self.word(b"/delete-node/") {
                let name = self.name()?;
                if let Some(number) = self.index.get(&(node, true, name)) {
                    self.delete(*number);
                }
                self.end()?;
                continue;
            }
            let _ = self.word(b"/omit-if-no-ref/");
            skip(&mut self.c)?;
            if self.c.rest().starts_with(b"/include/") {
                return Err(self.c.error("put in what it includes first"));
            }
            let label = self.label()?;
            let name = self.name()?;
            skip(&mut self.c)?;
            match self.c.peek() {
                Some(b'{') => {
                    let child = match self.index.get(&(node, true, name.clone())) {
                        Some(number) => *number,
                        None => self.node(name, node)?,
                    };
                    if let Some(label) = label {
                        self.labels.insert(label, child);
                    }
                    self.body(child, depth.saturating_add(1))?;
                }
                Some(b'=') => {
                    self.c.advance(1);
                    let (number, version) = self.property(node, name)?;
                    let value = self.value(node, number, version)?;
                    self.c.count(value.len())?;
                    if let Some(p) = self.nodes.get_mut(node).and_then(|n| n.properties.get_mut(number)) {
                        p.value = value;
                    }
                }
                _ => {
                    let (number, _) = self.property(node, name)?;
                    if let Some(p) = self.nodes.get_mut(node).and_then(|n| n.properties.get_mut(number)) {
                        p.value = Vec::new();
                    }
                }
            }
            self.end()?;
        }
    }

    fn name(&mut self) -> Result<String> {
        skip(&mut self.c)?;
        let name = self.c.run(|b| b.is_ascii_alphanumeric() || b",._+*#?@-".contains(&b));
        match core::str::from_utf8(name) {
            Ok(name) if (1..=super::MAX_NAME).contains(&name.len()) => Ok(name.to_string()),
            _ => Err(self.c.expected("the name of a property or node")),
        }
    }

    fn value(&mut self, node: usize, property: usize, version: u32) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let refer = |at, cell, to, place| Reference { node, property, version, at, cell, to, place };
        loop {
            skip(&mut self.c)?;
            self.label()?;
            let mut bits = 32;
            if self.word(b"/bits/") {
                skip(&mut self.c)?;
                bits = self.primary(0)?;
                if !matches!(bits, 8 | 16 | 32 | 64) {
                    return Err(self.c.error("/bits/ wants 8, 16, 32 or 64"));
                }
                skip(&mut self.c)?;
            }
            match self.c.peek() {
                Some(b'"') => {
                    out.extend(self.c.text()?);
                    out.push(0);
                }
                Some(b'[') => {
                    self.c.advance(1);
                    loop {
                        skip(&mut self.c)?;
                        self.label()?;
                        if self.c.eat(b']') {
                            break;
                        }
                        out.push(self.c.hex_byte()?);
                    }
                }
                Some(b'<') => {
                    self.c.advance(1);
                    loop {
                        skip(&mut self.c)?;
                        self.label()?;
                        if self.c.eat(b'>') {
                            break;
                        }
                        if self.c.peek() == Some(b'&') {
                            if bits != 32 {
                                return Err(self.c.error("references are cells of 32 bits"));
                            }
                            let place = self.c.place();
                            let target = self.target()?;
                            self.references.push(refer(out.len(), true, target, place));
                            out.extend([0xff; 4]);
                            continue;
                        }
                        let n = self.primary(0)?;
                        let unused = 64u32.saturating_sub(u32::try_from(bits).unwrap_or(64));
                        let width = usize::try_from(bits).unwrap_or(32).checked_div(8).unwrap_or(4);
                        // A negative number fits if its sign does.
                        let free = n.leading_zeros().max(n.leading_ones().saturating_sub(1));
                        if free < unused {
                            return Err(self.c.error(alloc::format!("{n:#x} does not fit {bits} bits")));
                        }
                        out.extend(n.to_be_bytes().get(8usize.saturating_sub(width)..).unwrap_or_default());
                    }
                }
                Some(b'&') => {
                    let place = self.c.place();
                    let target = self.target()?;
                    self.references.push(refer(out.len(), false, target, place));
                }
                _ => {
                    return Err(self.c.expected("a value: \"text\", <cells>, [bytes] or &reference"));
                }
            }
            skip(&mut self.c)?;
            self.label()?;
            if !self.c.eat(b',') {
                return Ok(out);
            }
        }
    }

    /// A number, a character, or an expression in parentheses.
    fn primary(&mut self, depth: usize) -> Result<u64> {
        if depth > MAX_NESTING {
            return Err(self.c.error("an expression nested too deep"));
        }
        let below = depth.saturating_add(1);
        skip(&mut self.c)?;
        match self.c.peek() {
            Some(b'(') => {
                self.c.advance(1);
                let n = self.expression(0, below)?;
                skip(&mut self.c)?;
                self.c.expect(b')')?;
                Ok(n)
            }
            Some(b'-') if depth > 0 => {
                self.c.advance(1);
                Ok(self.primary(below)?.wrapping_neg())
            }
            Some(b'~') if depth > 0 => {
                self.c.advance(1);
                Ok(!self.primary(below)?)
            }
            Some(b'!') if depth > 0 => {
                self.c.advance(1);
                Ok(u64::from(self.primary(below)? == 0))
            }
            Some(b'\'') => self.c.character(),
            _ => self.c.c_number(),
        }
    }

    /// Operators of C by their precedence, and `?:`, which has the lowest.
    fn expression(&mut self, least: u8, depth: usize) -> Result<u64> {
        if depth > MAX_NESTING {
            return Err(self.c.error("an expression nested too deep"));
        }
        let below = depth.saturating_add(1);
        let mut left = self.primary(below)?;
        loop {
            skip(&mut self.c)?;
            if least == 0 && self.c.eat(b'?') {
                let yes = self.expression(0, below)?;
                skip(&mut self.c)?;
                self.c.expect(b':')?;
                let no = self.expression(0, below)?;
                return Ok(if left != 0 { yes } else { no });
            }
            let rest = self.c.rest();
            let Some((text, level)) = OPERATORS.iter().find(|(t, _)| rest.starts_with(t.as_bytes())) else {
                return Ok(left);
            };
            if *level < least.max(1) {
                return Ok(left);
            }
            self.c.advance(text.len());
            let right = self.expression(level.saturating_add(1), below)?;
            left = operate(text, left, right).ok_or_else(|| self.c.error("a division by zero"))?;
        }
    }

    /// Gives referenced nodes a phandle, and references their numbers and paths.
    fn resolve(&mut self) -> Result<()> {
        let number = |p: &WorkProperty| {
            let named = !p.dead && matches!(p.name.as_str(), "phandle" | "linux,phandle");
            p.value.first_chunk::<4>().filter(|_| named).map(|n| u32::from_be_bytes(*n))
        };
        let mut known: BTreeMap<usize, u32> = BTreeMap::new();
        for (i, node) in self.nodes.iter().enumerate() {
            if let Some(n) = node.properties.iter().find_map(number) {
                known.insert(i, n);
            }
        }
        let mut most = known.values().copied().filter(|n| *n != u32::MAX).max().unwrap_or(0);
        let mut inserted = 0usize;
        // From the end, so that what a path inserts moves nothing that is still to be filled in.
        for reference in core::mem::take(&mut self.references).into_iter().rev() {
            let current = self.nodes.get(reference.node).and_then(|n| n.properties.get(reference.property));
            if current.is_none_or(|p| p.dead || p.version != reference.version) {
                continue;
            }
            let missing =
                |what: &str| self.c.error_at(reference.place, alloc::format!("there is no node {what}"));
            let target = self.look_up(&reference.to).ok_or_else(|| match &reference.to {
                Target::Label(l) => missing(&alloc::format!("with the label {l}")),
                Target::Path(p) => missing(p),
            })?;
            let bytes = if reference.cell {
                let number = match known.get(&target) {
                    Some(n) => *n,
                    None => {
                        most = most.saturating_add(1);
                        known.insert(target, most);
                        let (property, _) = self.property(target, "phandle".into())?;
                        let it = self.nodes.get_mut(target).and_then(|n| n.properties.get_mut(property));
                        if let Some(p) = it {
                            p.value = most.to_be_bytes().to_vec();
                        }
                        most
                    }
                };
                number.to_be_bytes().to_vec()
            } else {
                let path = self.path(target);
                inserted = inserted.saturating_add(path.len());
                if inserted > crate::MAX_SIZE {
                    return Err(Error::TooLarge { size: inserted, limit: crate::MAX_SIZE });
                }
                path
            };
            let it =
                self.nodes.get_mut(reference.node).and_then(|n| n.properties.get_mut(reference.property));
            if let Some(p) = it {
                let end = reference.at.saturating_add(if reference.cell { 4 } else { 0 });
                if end <= p.value.len() {
                    p.value.splice(reference.at..end, bytes);
                }
            }
        }
        Ok(())
    }

    /// A node's path with its NUL.
    fn path(&self, number: usize) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = number;
        while let Some(node) = self.nodes.get(at).filter(|_| at != 0 && names.len() <= crate::MAX_DEPTH) {
            names.push(node.name.as_str());
            at = node.parent;
        }
        let mut path: Vec<u8> = names.iter().rev().flat_map(|n| [b"/", n.as_bytes()].concat()).collect();
        if path.is_empty() {
            path.push(b'/');
        }
        path.push(0);
        path
    }
}

/// Longer ones first where one begins like another.
const OPERATORS: &[(&str, u8)] = &[
    ("||", 1),
    ("&&", 2),
    ("==", 6),
    ("!=", 6),
    ("<<", 8),
    (">>", 8),
    ("<=", 7),
    (">=", 7),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

fn operate(operator: &str, a: u64, b: u64) -> Option<u64> {
    let shift = u32::try_from(b).unwrap_or(u32::MAX);
    Some(match operator {
        "||" => u64::from(a != 0 || b != 0),
        "&&" => u64::from(a != 0 && b != 0),
        "==" => u64::from(a == b),
        "!=" => u64::from(a != b),
        "<=" => u64::from(a <= b),
        ">=" => u64::from(a >= b),
        "<" => u64::from(a < b),
        ">" => u64::from(a > b),
        "<<" => a.checked_shl(shift).unwrap_or(0),
        ">>" => a.checked_shr(shift).unwrap_or(0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" => a.checked_div(b)?,
        _ => a.checked_rem(b)?,
    })
}
