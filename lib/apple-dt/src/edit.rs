//! Edits: what is to be done to a tree, and the record of what was done.

use crate::Result;
use crate::error::Error;
use crate::placeholder::{self, Resolution};
use crate::select::{Target, glob};
use crate::text::print_value;
use crate::tree::{Name, Node, Property, Tree};
use crate::value::{Context, Term, Value};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// One edit with the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What to do.
    pub action: Action,
    /// Why; shown with `-v`. May be empty.
    pub why: String,
}

/// What an edit does. Each is a statement of the script language, dt-patch(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `set TARGET = VALUE`: gives the property this value in every matching node, adding it where it is missing.
    /// A plain path that is not there is an error in [`Script::apply`](crate::Script::apply)'s strict use only.
    Set(Target, Value),
    /// `fill TARGET = VALUE`: like `set`, but only where the property is missing, a placeholder, or all zero bytes: what
    /// is left to the boot loader. A string put into a larger field of zeros keeps the field's size.
    Fill(Target, Value),
    /// `delete TARGET`: removes nodes, or properties.
    Delete(Target),
    /// `rename TARGET NAME`: gives nodes (their `name` property) or a property another name.
    Rename(Target, String),
    /// `insert /path` or `insert /path { … }`: makes the node and its missing parents; properties in the braces are
    /// set in it, nodes in the braces are added.
    Insert(String, Option<Node>),
    /// `keep TARGET = PATTERN PATTERN …`: removes the children of the matching nodes whose names match no pattern,
    /// except those that what stays refers to by `interrupt-parent`.
    Keep(Target, Vec<String>),
    /// `resolve TARGET`: replaces the placeholders of the matching nodes by the first of their alternatives that can
    /// be had without a device's data; removes those that cannot.
    Resolve(Target),
}

/// One thing that an edit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `set`, `add`, `delete`, `rename`, `insert` or `resolve`.
    pub what: &'static str,
    /// Path of the node.
    pub path: String,
    /// The property, unless the node itself was changed.
    pub property: Option<String>,
    /// What was there, in text form, shortened.
    pub old: Option<String>,
    /// What is there now, in text form, shortened.
    pub new: Option<String>,
    /// The edit's reason.
    pub why: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.path)?;
        if let Some(p) = &self.property {
            write!(f, ":{p}")?;
        }
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, " = {new} (was {old})")?,
            (None, Some(new)) => write!(f, " = {new}")?,
            (Some(old), None) => write!(f, " (was {old})")?,
            (None, None) => {}
        }
        if self.why.is_empty() { Ok(()) } else { write!(f, ": {}", self.why) }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Set(t, v) => write!(f, "set {t} = {v}"),
            Action::Fill(t, v) => write!(f, "fill {t} = {v}"),
            Action::Delete(t) => write!(f, "delete {t}"),
            Action::Rename(t, n) => write!(f, "rename {t} {n}"),
            Action::Insert(p, None) => write!(f, "insert {p}"),
            Action::Insert(p, Some(_)) => write!(f, "insert {p} {{ … }}"),
            Action::Keep(t, names) => write!(f, "keep {t} = {}", names.join(" ")),
            Action::Resolve(t) => write!(f, "resolve {t}"),
        }
    }
}

/// Counts the bytes that an edit makes: a short pattern can match every node, a short placeholder ask for a lot.
#[derive(Default)]
struct Made(usize);

impl Made {
    fn add(&mut self, size: usize) -> Result<()> {
        self.0 = self.0.saturating_add(size);
        if self.0 > crate::MAX_SIZE {
            return Err(Error::TooLarge { size: self.0, limit: crate::MAX_SIZE });
        }
        Ok(())
    }
}

/// How much of a value a change shows.
const SHOWN: usize = 96;

fn shown(p: &Property, node: &Node) -> String {
    shortened(&print_value(p, Context::of(node, None)))
}

fn shortened(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => alloc::format!("{}…", text.get(..at).unwrap_or_default()),
        None if text.is_empty() => "empty".into(),
        None => text,
    }
}

/// Names and child indices to a node.
fn path_of(tree: &Tree, indices: &[usize]) -> String {
    let mut path = String::new();
    let mut node = &tree.root;
    for &i in indices {
        let Some(child) = node.children.get(i) else { break };
        node = child;
        path.push('/');
        path.push_str(&node.label());
    }
    if path.is_empty() { "/".into() } else { path }
}

fn node_at<'a>(tree: &'a mut Tree, indices: &[usize]) -> Option<&'a mut Node> {
    indices.iter().try_fold(&mut tree.root, |node, &i| node.children.get_mut(i))
}

impl Action {
    /// Whether there is anything in the tree that it would act on, changed by it or not.
    pub fn matches(&self, tree: &Tree) -> bool {
        let (target, property) = match self {
            Action::Set(t, _) | Action::Fill(t, _) => (t, None),
            Action::Delete(t) | Action::Rename(t, _) => (t, t.property.as_deref()),
            Action::Keep(t, _) | Action::Resolve(t) => (t, None),
            Action::Insert(..) => return true,
        };
        target.nodes.find(&tree.root).iter().any(|at| {
            let node = at.iter().try_fold(&tree.root, |n, &i| n.children.get(i));
            let has = |pattern: &str| {
                let named = |p: &Property| glob(pattern.as_bytes(), p.name.as_bytes());
                node.is_some_and(|n| n.properties.iter().any(named))
            };
            property.is_none_or(has)
        })
    }
}

impl Edit {
    /// An edit with its reason.
    pub fn new(action: Action, why: impl Into<String>) -> Edit {
        Edit { action, why: why.into() }
    }

    /// Does it, and says what changed. Nothing matching is no error: the answer is empty.
    ///
    /// # Errors
    /// A value that cannot be made, a name that does not fit, the root deleted.
    pub fn apply(&self, tree: &mut Tree) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        match &self.action {
            Action::Set(target, value) => self.set(tree, target, value, false, &mut changes)?,
            Action::Fill(target, value) => self.set(tree, target, value, true, &mut changes)?,
            Action::Delete(target) => self.delete(tree, target, &mut changes)?,
            Action::Rename(target, name) => self.rename(tree, target, name, &mut changes)?,
            Action::Insert(path, body) => self.insert(tree, path, body.as_ref(), &mut changes)?,
            Action::Keep(target, patterns) => self.keep(tree, target, patterns, &mut changes),
            Action::Resolve(_) => changes = self.resolve_with(tree, &|_| None)?,
        }
        Ok(changes)
    }

    fn change(&self, what: &'static str, path: String, property: Option<String>) -> Change {
        Change { what, path, property, old: None, new: None, why: self.why.clone() }
    }

    fn refuse(&self, why: impl Into<String>) -> Error {
        Error::CannotEdit { edit: self.action.to_string(), why: why.into() }
    }

    fn set(
        &self,
        tree: &mut Tree,
        target: &Target,
        value: &Value,
        fill: bool,
        out: &mut Vec<Change>,
    ) -> Result<()> {
        let name = target
            .property
            .as_deref()
            .filter(|p| !p.contains(['*', '?']))
            .ok_or_else(|| self.refuse("needs one property, /path:name, without a pattern"))?;
        Name::new(name.as_bytes())?;
        let mut made = Made::default();
        for at in target.nodes.find(&tree.root) {
            let old = node_at(tree, &at).and_then(|n| n.get(name).cloned());
            if fill && old.as_ref().is_some_and(|p| !p.placeholder && !p.is_blank()) {
                continue;
            }
            // A property of no bytes is present, which is all it says.
            if fill && old.as_ref().is_some_and(|p| !p.placeholder && p.value.is_empty()) {
                continue;
            }
            let mut bytes = value.encode(Some(tree), old.as_ref())?;
            if fill
                && let [Term::Str(_)] = value.terms.as_slice()
                && let Some(p) = &old
                && !p.placeholder
                && p.value.len() > bytes.len()
            {
                bytes.resize(p.value.len(), 0);
            }
            if old.as_ref().is_some_and(|p| p.value == bytes && p.placeholder == value.placeholder) {
                continue;
            }
            made.add(bytes.len())?;
            let path = path_of(tree, &at);
            let Some(node) = node_at(tree, &at) else { continue };
            let mut change =
                self.change(if old.is_some() { "set" } else { "add" }, path, Some(name.to_string()));
            change.old = old.map(|p| shown(&p, node));
            node.set(name, bytes)?;
            if let Some(p) = node.get_mut(name) {
                p.placeholder = value.placeholder;
            }
            change.new = node.get(name).map(|p| shown(p, node));
            out.push(change);
        }
        Ok(())
    }

    fn delete(&self, tree: &mut Tree, target: &Target, out: &mut Vec<Change>) -> Result<()> {
        let mut found = target.nodes.find(&tree.root);
        if let Some(pattern) = &target.property {
            for at in found {
                let path = path_of(tree, &at);
                let Some(node) = node_at(tree, &at) else { continue };
                let matches = |p: &Property| glob(pattern.as_bytes(), p.name.as_bytes());
                for p in node.properties.iter().filter(|p| matches(p)) {
                    let mut change = self.change("delete", path.clone(), Some(p.name.to_string()));
                    change.old = Some(shown(p, node));
                    out.push(change);
                }
                node.properties.retain(|p| !matches(p));
            }
            return Ok(());
        }
        if found.iter().any(Vec::is_empty) {
            return Err(self.refuse("the root node cannot be deleted"));
        }
        // From the end, so that the indices of those still to come stay right; a parent comes before its children
        // in tree order, so children go first.
        found.reverse();
        for at in found {
            let path = path_of(tree, &at);
            let Some((&last, parent)) = at.split_last() else { continue };
            let Some(parent) = node_at(tree, parent) else { continue };
            if last < parent.children.len() {
                parent.children.remove(last);
                out.push(self.change("delete", path, None));
            }
        }
        out.reverse();
        Ok(())
    }

    fn rename(&self, tree: &mut Tree, target: &Target, new: &str, out: &mut Vec<Change>) -> Result<()> {
        for at in target.nodes.find(&tree.root) {
            let path = path_of(tree, &at);
            let Some(node) = node_at(tree, &at) else { continue };
            match &target.property {
                None => {
                    if new.is_empty() || new.contains('\0') {
                        return Err(self.refuse("a node's name cannot be empty or hold a NUL"));
                    }
                    if node.name() == Some(new.as_bytes()) {
                        continue;
                    }
                    let mut value = new.as_bytes().to_vec();
                    value.push(0);
                    let mut change = self.change("rename", path, None);
                    change.new = Some(new.to_string());
                    node.set("name", value)?;
                    out.push(change);
                }
                Some(old) => {
                    let name = Name::new(new.as_bytes())?;
                    if old.contains(['*', '?']) {
                        return Err(self.refuse("needs one property, without a pattern"));
                    }
                    if old != new && node.has(old) && node.has(new) {
                        return Err(self
                            .refuse(alloc::format!("{path} has a property {new} already; delete it first")));
                    }
                    if let Some(p) = node.get_mut(old).filter(|_| old != new) {
                        p.name = name;
                        let mut change = self.change("rename", path, Some(old.clone()));
                        change.new = Some(new.to_string());
                        out.push(change);
                    }
                }
            }
        }
        Ok(())
    }

    fn insert(&self, tree: &mut Tree, path: &str, body: Option<&Node>, out: &mut Vec<Change>) -> Result<()> {
        if tree.node(path).is_none() {
            out.push(self.change("insert", path.to_string(), None));
        }
        let node = tree.make_node(path)?;
        let Some(body) = body else { return Ok(()) };
        for p in &body.properties {
            let name = p.name.to_string();
            let old = node.get(&name).cloned();
            if old.as_ref().is_some_and(|o| o.value == p.value && o.placeholder == p.placeholder) {
                continue;
            }
            node.set(&name, p.value.clone())?;
            if let Some(new) = node.get_mut(&name) {
                new.placeholder = p.placeholder;
            }
            let mut change =
                self.change(if old.is_some() { "set" } else { "add" }, path.to_string(), Some(name.clone()));
            change.old = old.map(|p| shown(&p, node));
            change.new = Some(shown(p, node));
            out.push(change);
        }
        for child in &body.children {
            let below = alloc::format!("{}/{}", path.trim_end_matches('/'), child.label());
            self.insert(tree, &below, Some(child), out)?;
        }
        Ok(())
    }

    fn keep(&self, tree: &mut Tree, target: &Target, patterns: &[String], out: &mut Vec<Change>) {
        let mut found = target.nodes.find(&tree.root);
        found.reverse();
        for at in found {
            let path = path_of(tree, &at);
            let kept = kept_children(tree, &at, patterns);
            let Some(node) = node_at(tree, &at) else { continue };
            let mut index = 0usize;
            node.children.retain(|child| {
                let stays = kept.get(index).copied().unwrap_or(true);
                index = index.saturating_add(1);
                if !stays {
                    let path = alloc::format!("{}/{}", path.trim_end_matches('/'), child.label());
                    out.push(self.change("delete", path, None));
                }
                stays
            });
        }
    }

    /// Does a `resolve` with a device's data.
    pub(crate) fn resolve_with(
        &self,
        tree: &mut Tree,
        stored: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Vec<Change>> {
        let (mut made, mut out) = (Made::default(), Vec::new());
        let Action::Resolve(target) = &self.action else { return Ok(out) };
        for at in target.nodes.find(&tree.root) {
            let path = path_of(tree, &at);
            let Some(node) = node_at(tree, &at) else { continue };
            let mut removed = Vec::new();
            for (index, p) in node.properties.iter_mut().enumerate().filter(|(_, p)| p.placeholder) {
                let mut change = self.change("resolve", path.clone(), Some(p.name.to_string()));
                let text = p.value.strip_suffix(&[0]).unwrap_or(&p.value);
                change.old = Some(alloc::format!("template(\"{}\")", text.escape_ascii()));
                match placeholder::resolve(&p.value, stored) {
                    Resolution::Value(v) => {
                        made.add(v.len())?;
                        p.value = v;
                        p.placeholder = false;
                        p.padding = [0; 3];
                        change.new = Some(match p.is_blank() {
                            true => alloc::format!("zeros({})", p.value.len()),
                            false => shortened(&print_value(p, Context::default())),
                        });
                    }
                    Resolution::Remove => {
                        change.new = Some("nothing".into());
                        removed.push(index);
                    }
                }
                out.push(change);
            }
            for index in removed.into_iter().rev() {
                node.properties.remove(index);
            }
        }
        Ok(out)
    }
}

/// For each child of a node whether it stays: its name matches, or something that stays has it, or a node in it, as
/// interrupt parent (IOKit follows these phandles without a check, `IOKit/IODeviceTreeSupport`).
fn kept_children(tree: &Tree, at: &[usize], patterns: &[String]) -> Vec<bool> {
    let Some(node) = at.iter().try_fold(&tree.root, |n, &i| n.children.get(i)) else { return Vec::new() };
    let name_stays = |c: &Node| patterns.iter().any(|p| glob(p.as_bytes(), c.name().unwrap_or_default()));
    let mut kept: Vec<bool> = node.children.iter().map(name_stays).collect();
    // Of several nodes with one phandle the first counts, as for XNU.
    let mut owners = BTreeMap::new();
    for (index, child) in node.children.iter().enumerate() {
        for phandle in child.walk().filter_map(|n| n.get("AAPL,phandle")?.number()) {
            owners.entry(phandle).or_insert(index);
        }
    }
    let mut wanted: Vec<u64> = Vec::new();
    // What lies outside this node stays anyway; nodes inside count once they stay.
    outside(&tree.root, node, &mut wanted);
    for (child, _) in node.children.iter().zip(&kept).filter(|(_, stays)| **stays) {
        parents_in(child, &mut wanted);
    }
    while let Some(p) = wanted.pop() {
        if let Some(&index) = owners.get(&p)
            && let Some(stays) = kept.get_mut(index)
            && !*stays
        {
            *stays = true;
            if let Some(child) = node.children.get(index) {
                parents_in(child, &mut wanted);
            }
        }
    }
    kept
}

fn outside(node: &Node, except: &Node, wanted: &mut Vec<u64>) {
    interrupt_parents(node, wanted);
    if !core::ptr::eq(node, except) {
        node.children.iter().for_each(|c| outside(c, except, wanted));
    }
}

fn parents_in(node: &Node, wanted: &mut Vec<u64>) {
    node.walk().for_each(|n| interrupt_parents(n, wanted));
}

fn interrupt_parents(node: &Node, wanted: &mut Vec<u64>) {
    let value = node.get("interrupt-parent").map_or(&[][..], |p| p.value.as_slice());
    let words = value.chunks_exact(4).filter_map(|c| c.first_chunk::<4>());
    wanted.extend(words.map(|w| u64::from(u32::from_le_bytes(*w))));
}
