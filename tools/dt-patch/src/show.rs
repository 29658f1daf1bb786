//! What the tool prints for people and programs to look at.

use crate::edits;
use apple_dt::{Change, Context, Node, Tree, glob};
use cli::Result;
use pipeline::PatchedTree;
use serde_json::json;
use xnu_boot::{PRESETS, Preset};

/// The built-in presets with what they are for and the boot arguments they bring.
pub(crate) fn presets() -> Result<String> {
    let mut text = String::new();
    for (name, _) in PRESETS {
        let preset = Preset::builtin(name).map_err(cli::Error::usage)?;
        text.push_str(&format!("{name:<12} {}\n", preset.summary));
        if let Some(args) = preset.bootargs {
            text.push_str(&format!("{:<12}   boot arguments: {args}\n", ""));
        }
        text.push_str(&format!("{:<12}   {} edits\n", "", preset.script.edits.len()));
    }
    Ok(text)
}

/// Changes, a line each.
pub(crate) fn changes(changes: &[Change], part: Option<&str>) -> String {
    let prefix = part.map_or_else(String::new, |p| format!("part {p}: "));
    if changes.is_empty() {
        return format!("{prefix}nothing would change\n");
    }
    changes.iter().map(|c| format!("{prefix}{c}\n")).collect()
}

/// `name (what it came in): size, counts`, then the nodes, indented, with their numbers of properties.
pub(crate) fn list(name: &str, tree: &Tree, patched: &[PatchedTree]) -> String {
    let mut text = String::new();
    let (nodes, properties) = tree.counts();
    let wrappings: Vec<&str> = patched.iter().flat_map(|p| &p.wrappings).map(|k| k.name()).collect();
    let part = patched.first().and_then(|p| p.part.as_deref());
    let within =
        if wrappings.is_empty() { "bare".to_string() } else { format!("in {}", wrappings.join(", ")) };
    let place = part.map_or_else(|| name.to_string(), |p| format!("{name}: part {p}"));
    text.push_str(&format!(
        "{place}: Apple device tree, {within}, {} bytes, {nodes} nodes, {properties} properties, {} placeholders\n",
        tree.to_bytes().len(),
        tree.placeholders().len()
    ));
    outline(&mut text, &tree.root, 0);
    text
}

fn outline(text: &mut String, node: &Node, depth: usize) {
    let compatible =
        node.get("compatible").and_then(|p| p.strings().next().map(|s| s.escape_ascii().to_string()));
    let blank = node.properties.iter().filter(|p| p.placeholder).count();
    text.push_str(&format!("{:width$}{} {}", "", node.label(), node.properties.len(), width = depth * 2));
    if blank > 0 {
        text.push_str(&format!(" ({blank} placeholders)"));
    }
    if let Some(c) = compatible {
        text.push_str(&format!(" {c}"));
    }
    text.push('\n');
    for child in &node.children {
        outline(text, child, depth + 1);
    }
}

/// The listing for programs.
pub(crate) fn list_json(name: &str, tree: &Tree, patched: &[PatchedTree]) -> String {
    let (nodes, properties) = tree.counts();
    let wrappings: Vec<&str> = patched.iter().flat_map(|p| &p.wrappings).map(|k| k.name()).collect();
    let value = json!({
        "file": name,
        "part": patched.first().and_then(|p| p.part.clone()),
        "wrappings": wrappings,
        "size": tree.to_bytes().len(),
        "nodes": nodes,
        "properties": properties,
        "placeholders": tree.placeholders(),
        "model": tree.property("/", "model").and_then(|p| p.str()),
        "compatible": tree.property("/", "compatible").map(|p| {
            p.strings().map(|s| s.escape_ascii().to_string()).collect::<Vec<_>>()
        }),
        "root": node_json(&tree.root),
    });
    format!("{value:#}\n")
}

fn node_json(node: &Node) -> serde_json::Value {
    json!({
        "name": node.label(),
        "properties": node.properties.len(),
        "children": node.children.iter().map(node_json).collect::<Vec<_>>(),
    })
}

/// Nodes in text form, or values of properties; empty if there is nothing of that path. `/path/name` is taken for a
/// property where there is no node of that name.
pub(crate) fn print(tree: &Tree, path: &str) -> apple_dt::Result<String> {
    let (nodes, property) = edits::target(path)?;
    let text = printed(tree, &nodes, property.as_deref());
    if !text.is_empty() || property.is_some() {
        return Ok(text);
    }
    match path.rsplit_once('/') {
        Some((parent, name)) if !name.is_empty() => {
            let (nodes, property) =
                edits::target(&format!("{}:{name}", if parent.is_empty() { "/" } else { parent }))?;
            Ok(printed(tree, &nodes, property.as_deref()))
        }
        _ => Ok(text),
    }
}

fn printed(tree: &Tree, nodes: &apple_dt::Selector, property: Option<&str>) -> String {
    let mut text = String::new();
    for at in nodes.find(&tree.root) {
        let node = |at: &[usize]| at.iter().try_fold(&tree.root, |n, &i| n.children.get(i));
        let Some(it) = node(&at) else { continue };
        let parent = at.split_last().and_then(|(_, above)| node(above));
        match property {
            None => text.push_str(&apple_dt::print_node(it, parent)),
            Some(pattern) => {
                let context = Context::of(it, parent);
                let several = pattern.contains(['*', '?']);
                for p in it.properties.iter().filter(|p| glob(pattern.as_bytes(), p.name.as_bytes())) {
                    if several {
                        text.push_str(&format!("{} = ", p.name));
                    }
                    text.push_str(&apple_dt::print_value(p, context));
                    text.push('\n');
                }
            }
        }
    }
    text
}
