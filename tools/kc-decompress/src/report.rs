//! The listing of wrappings, as text and as JSON.

use apple_wrap::Opened;
use serde_json::{Value, json};

/// Text from firmware without the control characters that would speak to the terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// What `-l` prints.
pub fn list(name: &str, part: Option<&str>, opened: &Opened<'_>, json: bool) -> String {
    if json {
        return pretty(&wrappings(name, part, opened));
    }
    let mut text = String::new();
    let mut line = |depth: usize, s: String| {
        text.push_str(&"  ".repeat(depth));
        text.push_str(&clean(&s));
        text.push('\n');
    };
    line(0, part.map_or_else(|| name.to_string(), |p| format!("{name}, part {p}")));
    let mut depth = 1usize;
    for layer in &opened.layers {
        line(
            depth,
            format!("{:<9} {:>10} bytes at {:#x}: {}", layer.kind, layer.size, layer.offset, layer.detail),
        );
        depth = depth.saturating_add(1);
    }
    line(depth, format!("{:<9} {:>10} bytes", opened.kind, opened.payload.len()));
    if let Some(monitor) = &opened.monitor {
        line(depth, format!("{:<9} {:>10} bytes, behind the compressed kernel", "monitor", monitor.len()));
    }
    text
}

/// The same as a JSON object.
pub fn wrappings(name: &str, part: Option<&str>, opened: &Opened<'_>) -> Value {
    let layers: Vec<Value> = opened
        .layers
        .iter()
        .map(|l| json!({ "kind": l.kind.name(), "offset": l.offset, "size": l.size, "detail": l.detail }))
        .collect();
    json!({
        "file": name,
        "part": part,
        "layers": layers,
        "kind": opened.kind.name(),
        "size": opened.payload.len(),
        "im4p_type": opened.im4p_type.map(|t| String::from_utf8_lossy(&t).into_owned()),
        "description": opened.description,
        "decrypted": opened.decrypted,
        "monitor_size": opened.monitor.as_ref().map(Vec::len),
        "warnings": opened.warnings,
    })
}

/// A UUID as Apple's tools write it.
pub fn uuid(bytes: &[u8; 16]) -> String {
    let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
    let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().concat();
    [part(0..4), part(4..6), part(6..8), part(8..10), part(10..16)].join("-")
}

/// JSON as all tools print it.
pub fn pretty(value: &Value) -> String {
    let mut text = format!("{value:#}");
    text.push('\n');
    text
}
