//! Selectors: which nodes and properties an edit means.
//!
//! ```text
//! /chosen                  one node
//! /arm-io/uart*            `*` any characters of one name, `?` one
//! /**/dockchannel-uart     `**` any number of nodes between, also none
//! /arm-io/*[compatible]    nodes that have the property
//! /**[device_type=wdt]     nodes whose property has this string among its strings (a pattern too)
//! /chosen:random-seed      a property; its name may be a pattern
//! /:secure-root-prefix     a property of the root
//! ```

use crate::Result;
use crate::error::Error;
use crate::syntax::Cursor;
use crate::tree::Node;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// A pattern for nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    steps: Vec<Step>,
    text: String,
}

/// A node, or a property of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which nodes.
    pub nodes: Selector,
    /// Which of their properties: a name or pattern. `None` means the nodes themselves.
    pub property: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// A name pattern; `None` is `**`.
    name: Option<String>,
    filters: Vec<Filter>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Filter {
    property: String,
    value: Option<String>,
}

/// Whether a name matches a pattern of `*` (any bytes) and `?` (one byte).
pub fn glob(pattern: &[u8], name: &[u8]) -> bool {
    // Greedy with one point of return: linear for patterns with one star, never exponential.
    let (mut p, mut n) = (0usize, 0usize);
    let mut back: Option<(usize, usize)> = None;
    while let Some(&c) = name.get(n) {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p.saturating_add(1), n));
                p = p.saturating_add(1);
            }
            Some(&q) if q == b'?' || q == c => {
                p = p.saturating_add(1);
                n = n.saturating_add(1);
            }
            _ => match back {
                Some((after, from)) => {
                    let next = from.saturating_add(1);
                    back = Some((after, next));
                    p = after;
                    n = next;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&b| b == b'*')
}

impl Target {
    /// Reads `/path` or `/path:property`.
    ///
    /// # Errors
    /// [`Error::Syntax`].
    pub fn parse(text: &str) -> Result<Target> {
        let mut c = Cursor::new(text, true);
        let target = Target::read(&mut c)?;
        if !c.at_end() {
            return Err(c.expected("the end of the path"));
        }
        Ok(target)
    }

    pub(crate) fn read(c: &mut Cursor<'_>) -> Result<Target> {
        let nodes = Selector::read(c)?;
        let property = if c.eat(b':') { Some(word(c, "a property's name")?) } else { None };
        Ok(Target { nodes, property })
    }
}

/// A name or pattern in a selector: quoted, or up to what means something.
fn word(c: &mut Cursor<'_>, what: &str) -> Result<String> {
    let bytes = if c.peek() == Some(b'"') {
        c.quoted()?
    } else {
        c.run(|b| !matches!(b, b'/' | b':' | b'[' | b']' | b'=' | b'{' | b'}' | b';' | b'"') && b > b' ')
            .to_vec()
    };
    match String::from_utf8(bytes) {
        Ok(s) if !s.is_empty() => Ok(s),
        _ => Err(c.expected(what)),
    }
}

impl Selector {
    /// Reads a path pattern.
    ///
    /// # Errors
    /// [`Error::Syntax`].
    pub fn parse(text: &str) -> Result<Selector> {
        let target = Target::parse(text)?;
        match target.property {
            None => Ok(target.nodes),
            Some(_) => {
                Err(Error::Syntax { line: 1, column: 1, message: "a node is wanted, not a property".into() })
            }
        }
    }

    pub(crate) fn read(c: &mut Cursor<'_>) -> Result<Selector> {
        let start = c.rest();
        if c.peek() != Some(b'/') {
            return Err(c.expected("a path, which begins with '/'"));
        }
        let mut steps = Vec::new();
        while c.eat(b'/') {
            let first = steps.is_empty();
            if first && c.peek().is_none_or(|b| b <= b' ' || matches!(b, b':' | b'{' | b';')) {
                break;
            }
            if steps.len() >= crate::MAX_DEPTH {
                return Err(c.error("a path deeper than a tree may be"));
            }
            let name = if first && c.peek() == Some(b'[') { "*".into() } else { word(c, "a node's name")? };
            let mut step = Step { name: (name != "**").then_some(name), filters: Vec::new() };
            while c.eat(b'[') {
                let property = word(c, "a property's name")?;
                let value = if c.eat(b'=') { Some(word(c, "a text or pattern")?) } else { None };
                c.expect(b']')?;
                step.filters.push(Filter { property, value });
            }
            steps.push(step);
        }
        let length = start.len().saturating_sub(c.rest().len());
        let text = String::from_utf8_lossy(start.get(..length).unwrap_or_default()).to_string();
        Ok(Selector { steps, text })
    }

    /// The plain path, if the selector has no patterns: such a node can be made when it is not there.
    pub fn literal(&self) -> Option<&str> {
        let plain =
            |s: &Step| s.filters.is_empty() && s.name.as_ref().is_some_and(|n| !n.contains(['*', '?']));
        (self.steps.iter().all(plain) && !self.text.contains('"')).then_some(self.text.as_str())
    }

    /// The matching nodes, each as the child indices that lead to it from the root, in tree order.
    pub fn find(&self, root: &Node) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        let mut path = Vec::new();
        // Which steps may come next is a set: a `**` can be at several places of the pattern at once.
        walk(&self.steps, root, &[0], &mut path, true, &mut found);
        found
    }
}

fn accepts(step: &Step, node: &Node) -> bool {
    let name = step.name.as_ref().is_none_or(|p| glob(p.as_bytes(), node.name().unwrap_or_default()));
    name && step.filters.iter().all(|f| match (node.get(&f.property), &f.value) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(p), Some(v)) => p.strings().any(|s| glob(v.as_bytes(), s)),
    })
}

/// `states` are the steps that may match `node` next; the root itself is matched by no step.
fn walk(
    steps: &[Step],
    node: &Node,
    states: &[usize],
    path: &mut Vec<usize>,
    is_root: bool,
    found: &mut Vec<Vec<usize>>,
) {
    let mut next: Vec<usize> = Vec::new();
    let mut matched = false;
    let mut add = |state: usize| {
        if !next.contains(&state) {
            next.push(state);
        }
    };
    for &state in states {
        if is_root {
            add(state);
            matched |= steps.is_empty();
            // `**` may stand for no node at all, so the root is among what `/**` matches.
            matched |=
                steps.len() == 1 && steps.first().is_some_and(|s| s.name.is_none() && accepts(s, node));
            continue;
        }
        let mut at = state;
        while let Some(step) = steps.get(at) {
            let last = at.saturating_add(1) == steps.len();
            if step.name.is_some() {
                if accepts(step, node) {
                    matched |= last;
                    add(at.saturating_add(1));
                }
                break;
            }
            // `**` stays; its filters count only where it is the last step.
            add(at);
            matched |= last && accepts(step, node);
            at = at.saturating_add(1);
        }
    }
    if matched {
        found.push(path.clone());
    }
    next.retain(|&s| s < steps.len());
    if next.is_empty() {
        return;
    }
    for (i, child) in node.children.iter().enumerate() {
        path.push(i);
        walk(steps, child, &next, path, false, found);
        path.pop();
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.property {
            Some(p) => write!(f, "{}:{p}", self.nodes),
            None => write!(f, "{}", self.nodes),
        }
    }
}
