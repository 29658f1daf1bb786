//! `--filter`, `--summary` and `--why`: a tree at a glance, a part of it, and what it came in.

use apple_dt::{Node, Property, Selector, Tree, glob};
use cli::{Error, Result};
use pipeline::PatchedTree;
use serde_json::{Value, json};

/// A tree of the nodes whose names fit a pattern (or paths, if it begins with '/'), with all that is below them and
/// what leads to them.
pub(crate) fn filtered(tree: &Tree, patterns: &[String]) -> Result<Tree> {
    let mut paths = Vec::new();
    for pattern in patterns.iter().filter(|p| p.starts_with('/')) {
        let selector =
            Selector::parse(pattern).map_err(|e| Error::usage(format_args!("--filter {pattern}: {e}")))?;
        paths.extend(selector.find(&tree.root));
    }
    paths.sort();
    let names: Vec<&[u8]> = patterns.iter().filter(|p| !p.starts_with('/')).map(|p| p.as_bytes()).collect();
    let root = part(&tree.root, &names, &paths, &mut Vec::new());
    Ok(Tree { root: root.unwrap_or_default(), trailing: Vec::new() })
}

/// Recursion is bounded by the depth of trees.
fn part(node: &Node, names: &[&[u8]], paths: &[Vec<usize>], at: &mut Vec<usize>) -> Option<Node> {
    let name = node.name().unwrap_or_default();
    if names.iter().any(|p| glob(p, name)) || paths.binary_search(at).is_ok() {
        return Some(node.clone());
    }
    let mut children = Vec::new();
    for (i, child) in node.children.iter().enumerate() {
        at.push(i);
        children.extend(part(child, names, paths, at));
        at.pop();
    }
    // What the values below are shown by, and no more.
    let context = |p: &&Property| matches!(p.name.as_bytes(), b"name" | b"#address-cells" | b"#size-cells");
    (!children.is_empty())
        .then(|| Node { properties: node.properties.iter().filter(context).cloned().collect(), children })
}

/// What matters of a tree, for programs.
pub(crate) fn summary_json(name: &str, tree: &Tree, patched: &[PatchedTree]) -> Value {
    let text = |path: &str, p: &str| tree.property(path, p).and_then(Property::str).map(str::to_string);
    let texts = |node: &Node, p: &str| -> Vec<String> {
        let list = node.get(p).map(|p| p.strings().map(|s| s.escape_ascii().to_string()).collect());
        list.unwrap_or_default()
    };
    let number = |node: &Node, p: &str| node.get(p).and_then(Property::number);
    let (nodes, properties) = tree.counts();
    let cpu = |node: &Node| {
        json!({
            "name": node.label(),
            "compatible": texts(node, "compatible").first(),
            "state": node.get("state").and_then(Property::str),
            "cluster": node.get("cluster-type").and_then(Property::str),
            "timebase_frequency": number(node, "timebase-frequency"),
        })
    };
    let cpus: Vec<Value> =
        tree.node("/cpus").map(|n| n.children.iter().map(cpu).collect()).unwrap_or_default();
    let soc_base = tree.property("/arm-io", "ranges").and_then(|p| p.words64().nth(1));
    let arm_io = tree.node("/arm-io");
    let console = arm_io.and_then(|n| {
        let node = n.children.iter().find(|c| c.has("boot-console")).or_else(|| n.child("uart0"))?;
        let reg = node.get("reg").and_then(|p| p.words64().next());
        Some(json!({
            "path": format!("/arm-io/{}", node.label()),
            "compatible": texts(node, "compatible").first(),
            "address": reg.zip(soc_base).map(|(r, b)| r.wrapping_add(b)),
        }))
    });
    let map = tree.node("/chosen/memory-map");
    let slots = map.map_or(&[][..], |m| m.properties.as_slice());
    let entry = |p: &&Property| p.value.len() == 16 && !p.is_blank();
    let entries: Vec<Value> = slots
        .iter()
        .filter(entry)
        .map(|p| {
            let words: Vec<u64> = p.words64().collect();
            json!({"name": p.name.to_string(), "address": words.first(), "size": words.get(1)})
        })
        .collect();
    let blank = |path: &str| tree.node(path).map(|n| n.properties.iter().filter(|p| p.is_blank()).count());
    let drivers = tree.root.walk().filter(|n| n.has("compatible")).count();
    let wrappings: Vec<&str> = patched.iter().flat_map(|p| &p.wrappings).map(|k| k.name()).collect();
    json!({
        "file": name,
        "part": patched.first().and_then(|p| p.part.clone()),
        "wrappings": wrappings,
        "size": tree.to_bytes().len(),
        "nodes": nodes,
        "properties": properties,
        "depth": depth(&tree.root),
        "nodes_with_compatible": drivers,
        "placeholders": tree.placeholders(),
        "model": text("/", "model"),
        "target": text("/", "target-type"),
        "compatible": texts(&tree.root, "compatible"),
        "soc": arm_io.and_then(|n| n.get("device_type")).and_then(Property::str),
        "soc_generation": text("/arm-io", "soc-generation"),
        "soc_base": soc_base,
        "devices": arm_io.map(|n| n.children.len()),
        "cpus": cpus,
        "console": console,
        "memory_map": entries,
        "memory_map_free": slots.iter().filter(|p| p.name.as_bytes().starts_with(b"MemoryMapReserved")).count(),
        "chosen_blank": blank("/chosen"),
        "boot_args": text("/chosen", "boot-args"),
    })
}

fn depth(node: &Node) -> usize {
    node.children.iter().map(depth).max().unwrap_or(0) + 1
}

/// The same for people. Texts of the tree may hold anything; a terminal must not obey it.
pub(crate) fn summary(name: &str, tree: &Tree, patched: &[PatchedTree]) -> String {
    let all = summary_json(name, tree, patched);
    let hex = |v: &Value| v.as_u64().map_or("?".into(), |n| format!("{n:#x}"));
    let word = |v: &Value| v.as_str().unwrap_or("?").escape_default().to_string();
    let list = |v: &Value| -> String {
        let words: Vec<String> = v.as_array().into_iter().flatten().map(word).collect();
        words.join(", ")
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    let within = list(&all["wrappings"]);
    let size = format!(
        "{} bytes, {} nodes ({} with a driver's name), {} properties, {} deep",
        all["size"], all["nodes"], all["nodes_with_compatible"], all["properties"], all["depth"]
    );
    rows.push(("tree", if within.is_empty() { size } else { format!("in {within}; {size}") }));
    rows.push((
        "model",
        format!("{} ({}): {}", word(&all["model"]), word(&all["target"]), list(&all["compatible"])),
    ));
    rows.push((
        "SoC",
        format!(
            "{} ({}), registers from {}, {} devices",
            word(&all["soc"]),
            word(&all["soc_generation"]),
            hex(&all["soc_base"]),
            all["devices"].as_u64().unwrap_or(0)
        ),
    ));
    for cpu in all["cpus"].as_array().into_iter().flatten() {
        let timebase = match cpu["timebase_frequency"].as_u64() {
            Some(0) => ", timebase to be filled in".to_string(),
            Some(n) => format!(", timebase {n} Hz"),
            None => String::new(),
        };
        let (state, kind) = (word(&cpu["state"]), word(&cpu["compatible"]));
        rows.push(("cpu", format!("{}: {kind}, {state}{timebase}", word(&cpu["name"]))));
    }
    if all["console"].is_object() {
        let c = &all["console"];
        rows.push((
            "console",
            format!("{} ({}) at {}", word(&c["path"]), word(&c["compatible"]), hex(&c["address"])),
        ));
    }
    for entry in all["memory_map"].as_array().into_iter().flatten() {
        let (address, size) = (hex(&entry["address"]), hex(&entry["size"]));
        rows.push(("memory map", format!("{}: {address}, {size} bytes", word(&entry["name"]))));
    }
    rows.push(("memory map", format!("{} slots free", all["memory_map_free"])));
    if let Some(n) = all["chosen_blank"].as_u64().filter(|n| *n > 0) {
        rows.push(("chosen", format!("{n} properties left for the boot loader to fill in")));
    }
    let left = all["placeholders"].as_array().map_or(0, Vec::len);
    rows.push((
        "placeholders",
        format!("{left}{}", if left > 0 { ": to be expanded before a boot (--values, --fill)" } else { "" }),
    ));
    let mut text = format!("{name}\n");
    for (what, line) in rows {
        text.push_str(&format!("  {what:<13} {line}\n"));
    }
    text
}

/// What was recognised at each layer of a file, and why it stops where it does.
pub(crate) fn why(name: &str, data: &[u8], options: &apple_wrap::Options) -> (String, bool) {
    let mut text = format!("{name}: {} bytes\n", data.len());
    let opened = match apple_wrap::open(data, options) {
        Ok(opened) => opened,
        Err(e) => {
            text.push_str(&format!("  recognised: {}\n  stops: {e}\n", apple_wrap::sniff(data).name()));
            return (text, false);
        }
    };
    for layer in &opened.layers {
        let detail = if layer.detail.is_empty() { String::new() } else { format!(": {}", layer.detail) };
        text.push_str(&format!(
            "  {} at {:#x}, {} bytes{detail}\n",
            layer.kind.name(),
            layer.offset,
            layer.size
        ));
    }
    for warning in &opened.warnings {
        text.push_str(&format!("  odd: {warning}\n"));
    }
    let kind = opened.kind;
    let (line, good) = match pipeline::open_tree(data, options) {
        Ok((_, tree)) => {
            let (nodes, properties) = tree.counts();
            let left = tree.placeholders().len();
            (
                format!(
                    "Apple device tree, {} bytes, {nodes} nodes, {properties} properties, {left} placeholders: nothing is in the way",
                    opened.payload.len()
                ),
                true,
            )
        }
        Err(e) => (format!("{}, {} bytes\n  stops: {e}", kind.name(), opened.payload.len()), false),
    };
    text.push_str(&format!("  {line}\n"));
    (text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect(), good)
}
