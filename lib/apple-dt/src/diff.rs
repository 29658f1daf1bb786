//! What two trees say differently, phandles followed to the nodes that they mean.
//!
//! Nodes are matched by path (of several of one name, the first with the first, and so on), properties by name. The
//! order of properties and the numbers of phandles say nothing and make no difference.

use crate::text::print_value;
use crate::tree::{Node, Property, Tree};
use crate::value::Context;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// One difference between an old and a new tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Path of the node; where several have one name, with `[1]` and so on behind the later ones.
    pub path: String,
    /// The property; `None`: the node itself is there in one tree only.
    pub property: Option<String>,
    /// What was there, in text form; of a node, how much is in it.
    pub old: Option<String>,
    /// What is there.
    pub new: Option<String>,
    /// The property's bytes as they were.
    pub old_bytes: Option<Vec<u8>>,
    /// The property's bytes as they are.
    pub new_bytes: Option<Vec<u8>>,
}

/// Lines as `diff` has them: what was there after `-`, what is there after `+`.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |mark: char, value: &str| match &self.property {
            Some(p) if value.is_empty() => writeln!(f, "{mark}{}:{p}", self.path),
            Some(p) => writeln!(f, "{mark}{}:{p} = {value}", self.path),
            None => writeln!(f, "{mark}{} {value}", self.path),
        };
        if let Some(old) = &self.old {
            line('-', old)?;
        }
        if let Some(new) = &self.new {
            line('+', new)?;
        }
        Ok(())
    }
}

/// All differences, in the order of the old tree, what is only in the new one after its neighbours.
pub fn diff(old: &Tree, new: &Tree) -> Vec<Difference> {
    let mut all = Vec::new();
    let (old_paths, new_paths) = (Phandles::of(old), Phandles::of(new));
    let mut walk = Walk { old: old_paths, new: new_paths, all: &mut all };
    walk.node(Pair { old: &old.root, new: &new.root, above: (None, None) }, &mut String::new());
    all
}

/// Paths of nodes by their phandles; of several with one number the first counts, as for XNU.
struct Phandles(BTreeMap<u32, String>);

impl Phandles {
    fn of(tree: &Tree) -> Phandles {
        let mut known = BTreeMap::new();
        crate::tree::each(&tree.root, &mut String::new(), &mut |path, node| {
            let number = node.get("AAPL,phandle").and_then(Property::number);
            if let Some(n) = number.and_then(|n| u32::try_from(n).ok()) {
                known.entry(n).or_insert_with(|| path.to_string());
            }
        });
        Phandles(known)
    }

    /// A value that holds phandles, with the words that are such by their paths.
    fn follow(&self, p: &Property) -> Option<Vec<Word<'_>>> {
        let name = p.name.as_bytes();
        let holds = |part: &[u8]| name.windows(part.len()).any(|w| w == part);
        let list = holds(b"-parent") || name.ends_with(b"-provider");
        let function = name.starts_with(b"function-");
        if p.placeholder || p.value.is_empty() || !p.value.len().is_multiple_of(4) || !(list || function) {
            return None;
        }
        let words = p.value.chunks_exact(4).filter_map(|c| c.first_chunk()).map(|c| u32::from_le_bytes(*c));
        let word = |(i, n): (usize, u32)| match self.0.get(&n).filter(|_| list || i == 0) {
            Some(path) => Word::Node(path),
            None => Word::Number(n),
        };
        Some(words.enumerate().map(word).collect())
    }
}

#[derive(PartialEq, Eq)]
enum Word<'a> {
    Node(&'a str),
    Number(u32),
}

struct Pair<'a> {
    old: &'a Node,
    new: &'a Node,
    above: (Option<&'a Node>, Option<&'a Node>),
}

struct Walk<'a> {
    old: Phandles,
    new: Phandles,
    all: &'a mut Vec<Difference>,
}

/// Each with a number that tells those of one name apart.
fn numbered<'a, T>(items: &'a [T], name: impl Fn(&'a T) -> &'a [u8]) -> Vec<((&'a [u8], usize), &'a T)> {
    let mut seen: BTreeMap<&[u8], usize> = BTreeMap::new();
    let number = |item: &'a T| {
        let name = name(item);
        let n = seen.entry(name).or_default();
        let this = *n;
        *n = n.saturating_add(1);
        ((name, this), item)
    };
    items.iter().map(number).collect()
}

fn content(node: &Node) -> String {
    let (nodes, properties) = node
        .walk()
        .fold((0usize, 0usize), |(n, p), x| (n.saturating_add(1), p.saturating_add(x.properties.len())));
    match nodes {
        1 => alloc::format!("{{{properties} properties}}"),
        n => alloc::format!("{{{n} nodes, {properties} properties}}"),
    }
}

impl Walk<'_> {
    /// Recursion is bounded by the depth of trees.
    fn node(&mut self, pair: Pair<'_>, path: &mut String) {
        self.properties(&pair, path);
        fn name(n: &Node) -> &[u8] {
            n.name().unwrap_or_default()
        }
        let old = numbered(&pair.old.children, name);
        let new = numbered(&pair.new.children, name);
        let in_new: BTreeMap<_, _> = new.iter().copied().collect();
        let in_old: BTreeMap<_, _> = old.iter().copied().collect();
        let length = path.len();
        let step = |path: &mut String, key: &(&[u8], usize), node: &Node| {
            path.truncate(length);
            path.push('/');
            path.push_str(&node.label());
            if key.1 > 0 {
                path.push_str(&alloc::format!("[{}]", key.1));
            }
        };
        for (key, child) in &old {
            step(path, key, child);
            match in_new.get(key) {
                Some(other) => {
                    let above = (Some(pair.old), Some(pair.new));
                    self.node(Pair { old: child, new: other, above }, path);
                }
                None => self.only(path, Some(content(child)), None),
            }
        }
        for (key, child) in new.iter().filter(|(k, _)| !in_old.contains_key(k)) {
            step(path, key, child);
            self.only(path, None, Some(content(child)));
        }
        path.truncate(length);
    }

    fn only(&mut self, path: &str, old: Option<String>, new: Option<String>) {
        let (old_bytes, new_bytes) = (None, None);
        self.all.push(Difference { path: path.into(), property: None, old, new, old_bytes, new_bytes });
    }

    fn properties(&mut self, pair: &Pair<'_>, path: &str) {
        fn name(p: &Property) -> &[u8] {
            p.name.as_bytes()
        }
        let old = numbered(&pair.old.properties, name);
        let new = numbered(&pair.new.properties, name);
        let in_new: BTreeMap<_, _> = new.iter().copied().collect();
        let in_old: BTreeMap<_, _> = old.iter().copied().collect();
        for (key, p) in &old {
            let other = in_new.get(key).copied();
            if !other.is_some_and(|q| self.same(p, q)) {
                self.differs(pair, path, Some(p), other);
            }
        }
        for (_, p) in new.iter().filter(|(k, _)| !in_old.contains_key(k)) {
            self.differs(pair, path, None, Some(p));
        }
    }

    fn same(&self, old: &Property, new: &Property) -> bool {
        let number = old.name.as_bytes() == b"AAPL,phandle";
        if old.placeholder != new.placeholder {
            return false;
        }
        old.value == new.value && (self.old.follow(old) == self.new.follow(new))
            || (number && old.value.len() == 4 && new.value.len() == 4)
            || matches!((self.old.follow(old), self.new.follow(new)), (Some(a), Some(b)) if a == b)
    }

    fn differs(&mut self, pair: &Pair<'_>, path: &str, old: Option<&Property>, new: Option<&Property>) {
        let name = old.or(new).map(|p| p.name.to_string());
        let old_text = old.map(|p| shown(p, Context::of(pair.old, pair.above.0), &self.old));
        let new_text = new.map(|p| shown(p, Context::of(pair.new, pair.above.1), &self.new));
        self.all.push(Difference {
            path: if path.is_empty() { "/".into() } else { path.into() },
            property: name,
            old: old_text,
            new: new_text,
            old_bytes: old.map(|p| p.value.clone()),
            new_bytes: new.map(|p| p.value.clone()),
        });
    }
}

/// A value on one line, with the paths of nodes for their phandles.
fn shown(p: &Property, context: Context<'_>, phandles: &Phandles) -> String {
    let text = print_value(p, context);
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some(words) = phandles.follow(p)
        && words.iter().any(|w| matches!(w, Word::Node(_)))
    {
        let function = p.name.as_bytes().starts_with(b"function-");
        let terms: Vec<String> = words
            .iter()
            .map(|w| match w {
                Word::Node(path) => alloc::format!("phandle({path})"),
                Word::Number(n) => alloc::format!("u32({n:#x})"),
            })
            .collect();
        // The words after a function's phandle are shown as the text form does.
        line = match (function, terms.first(), line.split_once(", ")) {
            (true, Some(first), Some((_, rest))) => alloc::format!("{first}, {rest}"),
            _ => terms.join(", "),
        };
    }
    line
}
