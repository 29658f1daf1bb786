//! `--values`: a device's data for placeholders, seeds, and properties to set, in TOML, JSON or a property list.

use apple_dt::{Action, Edit, Script, Target, Term, Value, Values};
use cli::{Error, Io, Result};
use plist::stream::Event;
use std::io::{Cursor, Read};
use std::path::Path;

/// Such files are small; a SysCfg dump has some ten kilobytes.
const MAX_FILE: u64 = 4 << 20;
const MAX_DEPTH: usize = 8;
const MAX_SEED: u64 = 1 << 16;

/// A value of any of the three languages.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Text(String),
    Bytes(Vec<u8>),
    Number(u64),
    Yes(bool),
    List(Vec<Item>),
    Table(Vec<(String, Item)>),
}

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct Given {
    /// Data for placeholders.
    pub values: Values,
    /// Properties to set after them.
    pub edits: Script,
}

/// Reads a values file.
pub(crate) fn read(path: &Path, io: &Io) -> Result<Given> {
    let data = io.input(Some(path))?.read_all(MAX_FILE)?;
    let name = path.display().to_string();
    given(&parse(&data).map_err(|e| Error::usage(format_args!("{name}: {e}")))?)
        .map_err(|e| Error::usage(format_args!("{name}: {e}")))
}

type Told<T> = std::result::Result<T, String>;

/// By content: a binary or XML property list, JSON, else TOML.
fn parse(data: &[u8]) -> Told<Vec<(String, Item)>> {
    let start = data.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(0);
    let item = if data.starts_with(b"bplist") || data.get(start..).unwrap_or_default().starts_with(b"<") {
        property_list(data)?
    } else {
        let text =
            std::str::from_utf8(data).map_err(|e| format!("offset {:#x}: not UTF-8", e.valid_up_to()))?;
        if text.trim_start().starts_with('{') {
            let value = serde_json::from_str(text).map_err(|e| format!("not readable JSON: {e}"))?;
            json(value, 0)?
        } else {
            let value = toml::from_str(text).map_err(|e| {
                let at = e.span().map_or(0, |s| s.start);
                let line = text.get(..at).unwrap_or_default().lines().count().max(1);
                format!("line {line}: {}", e.message())
            })?;
            toml_item(toml::Value::Table(value), 0)?
        }
    };
    match item {
        Item::Table(entries) => Ok(entries),
        _ => Err("not a table of names and values".into()),
    }
}

fn deeper(depth: usize) -> Told<usize> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(format!("nested deeper than {MAX_DEPTH}")) }
}

fn json(value: serde_json::Value, depth: usize) -> Told<Item> {
    use serde_json::Value as V;
    let depth = deeper(depth)?;
    Ok(match value {
        V::String(s) => Item::Text(s),
        V::Bool(b) => Item::Yes(b),
        V::Number(n) => Item::Number(n.as_u64().ok_or(format!("{n}: not a whole number from 0 on"))?),
        V::Array(a) => Item::List(a.into_iter().map(|v| json(v, depth)).collect::<Told<_>>()?),
        V::Object(o) => {
            Item::Table(o.into_iter().map(|(k, v)| Ok((k, json(v, depth)?))).collect::<Told<_>>()?)
        }
        V::Null => return Err("null says nothing".into()),
    })
}

fn toml_item(value: toml::Value, depth: usize) -> Told<Item> {
    use toml::Value as V;
    let depth = deeper(depth)?;
    Ok(match value {
        V::String(s) => Item::Text(s),
        V::Boolean(b) => Item::Yes(b),
        V::Integer(n) => Item::Number(u64::try_from(n).map_err(|_| format!("{n}: not a number from 0 on"))?),
        V::Array(a) => Item::List(a.into_iter().map(|v| toml_item(v, depth)).collect::<Told<_>>()?),
        V::Table(t) => {
            Item::Table(t.into_iter().map(|(k, v)| Ok((k, toml_item(v, depth)?))).collect::<Told<_>>()?)
        }
        V::Float(n) => return Err(format!("{n}: not a whole number")),
        V::Datetime(_) => return Err("a date: neither a text nor a whole number".into()),
    })
}

/// By the event stream, since the crate's own value would be as deep as the file says.
fn property_list(data: &[u8]) -> Told<Item> {
    let mut open: Vec<(Item, Option<String>)> = Vec::new();
    for event in plist::stream::Reader::new(Cursor::new(data)) {
        let event = event.map_err(|e| format!("not a readable property list: {e}"))?;
        let item = match event {
            Event::StartArray(_) | Event::StartDictionary(_) => {
                deeper(open.len())?;
                let list = matches!(event, Event::StartArray(_));
                open.push((if list { Item::List(Vec::new()) } else { Item::Table(Vec::new()) }, None));
                continue;
            }
            Event::EndCollection => open.pop().ok_or("not a property list of values")?.0,
            Event::String(s) => Item::Text(s.into_owned()),
            Event::Data(d) => Item::Bytes(d.into_owned()),
            Event::Boolean(b) => Item::Yes(b),
            Event::Integer(n) => Item::Number(n.as_unsigned().ok_or("a negative number")?),
            _ => return Err("a value that is neither text, data nor number".into()),
        };
        match open.last_mut() {
            None => return Ok(item),
            Some((Item::List(list), _)) => list.push(item),
            Some((Item::Table(table), key)) => match (key.take(), item) {
                (Some(key), item) => table.push((key, item)),
                (None, Item::Text(text)) => *key = Some(text),
                (None, _) => return Err("a key that is no text".into()),
            },
            Some(_) => return Err("a value inside a value".into()),
        }
    }
    Err("it ends before its first value does".into())
}

fn given(entries: &[(String, Item)]) -> Told<Given> {
    let mut given = Given::default();
    for (name, item) in entries {
        match (name.as_str(), item) {
            ("syscfg" | "macaddr", Item::Table(table)) => {
                for (key, item) in table {
                    given.values.insert(key, bytes(key, item)?);
                }
            }
            ("set", Item::Table(table)) => {
                for (target, item) in table {
                    given.edits.edits.push(set(target, item)?);
                }
            }
            ("random", Item::Table(table)) => given.edits.edits.extend(random(table)?),
            ("syscfg" | "macaddr" | "set" | "random", _) => return Err(format!("{name}: a table is wanted")),
            _ => given.values.insert(name, bytes(name, item)?),
        }
    }
    Ok(given)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b':').collect();
    let pairs = digits.chunks(2).map(|p| {
        let pair =
            std::str::from_utf8(p).ok().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
        pair.and_then(|p| u8::from_str_radix(p, 16).ok())
    });
    pairs.collect()
}

/// Six pairs of digits with colons between them.
fn is_mac(text: &str) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    parts.len() == 6 && parts.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Data of a key: a text with its NUL, a MAC address, bytes as a list or in hexadecimal, a number.
fn bytes(key: &str, item: &Item) -> Told<Vec<u8>> {
    let bad = |why: &str| Err(format!("{key}: {why}"));
    match item {
        Item::Bytes(b) => Ok(b.clone()),
        Item::Text(t) if is_mac(t) => hex(t).ok_or(format!("{key}: not a MAC address")),
        Item::Text(t) => Ok([t.as_bytes(), &[0]].concat()),
        Item::Number(n) => match u32::try_from(*n) {
            Ok(n) => Ok(n.to_le_bytes().to_vec()),
            Err(_) => Ok(n.to_le_bytes().to_vec()),
        },
        Item::List(list) => list
            .iter()
            .map(|i| match i {
                Item::Number(n) => u8::try_from(*n).map_err(|_| format!("{key}: {n} is no byte")),
                _ => bad("a list is one of bytes").map(|_: Vec<u8>| 0),
            })
            .collect(),
        Item::Table(t) => match t.as_slice() {
            [(kind, Item::Text(text))] if kind == "hex" => match hex(text) {
                Some(b) => Ok(b),
                None => bad("hex wants pairs of hexadecimal digits"),
            },
            _ => bad("a table here is { hex = \"00 11 22\" }"),
        },
        Item::Yes(_) => bad("neither text nor bytes"),
    }
}

fn target(text: &str) -> Told<Target> {
    let target = Target::parse(text).map_err(|e| format!("{text}: {e}"))?;
    match target.property.as_deref() {
        Some(p) if !p.contains(['*', '?']) => Ok(target),
        _ => Err(format!("{text}: one property is wanted, as in \"/chosen:random-seed\"")),
    }
}

/// A text is a value of dt-patch(5) or else a text, as `--set` takes it.
fn set(path: &str, item: &Item) -> Told<Edit> {
    let value = match item {
        Item::Text(t) => match apple_dt::parse_value(t) {
            Ok(value) => value,
            Err(_) if t.is_empty() => Value::default(),
            Err(_) if !t.contains(['(', '"', '[']) => Value::string(t),
            Err(e) => return Err(format!("{path}: {e}")),
        },
        Item::Number(n) => Value::one(Term::Number(*n)),
        Item::Yes(b) => Value::one(Term::Number(u64::from(*b))),
        other => Value::one(Term::Bytes(bytes(path, other)?)),
    };
    Ok(Edit::new(Action::Set(target(path)?, value), "from the values file"))
}

/// Fills bytes.
type Source = Box<dyn FnMut(&mut [u8]) -> Told<()>>;

/// Bytes by chance: from the system, or from a number that makes them the same each time.
fn random(table: &[(String, Item)]) -> Told<Vec<Edit>> {
    let mut source: Source = match table.iter().find(|(k, _)| k == "seed") {
        Some((_, Item::Number(seed))) => {
            let mut state = *seed;
            Box::new(move |to| {
                for chunk in to.chunks_mut(8) {
                    chunk.iter_mut().zip(split_mix(&mut state).to_le_bytes()).for_each(|(to, b)| *to = b);
                }
                Ok(())
            })
        }
        Some(_) => return Err("random.seed: a number is wanted".into()),
        None => Box::new(|to| {
            let mut system = std::fs::File::open("/dev/urandom").map_err(|e| format!("/dev/urandom: {e}"))?;
            system.read_exact(to).map_err(|e| format!("/dev/urandom: {e}"))
        }),
    };
    let mut edits = Vec::new();
    for (path, item) in table.iter().filter(|(k, _)| k != "seed") {
        let size = match item {
            Item::Number(n) if (1..=MAX_SEED).contains(n) => usize::try_from(*n).unwrap_or(0),
            _ => return Err(format!("random: {path}: how many bytes (1 to {MAX_SEED})?")),
        };
        let mut bytes = vec![0; size];
        source(&mut bytes)?;
        let value = Value::one(Term::Bytes(bytes));
        edits.push(Edit::new(Action::Set(target(path)?, value), "by chance, as the values file says"));
    }
    Ok(edits)
}

/// SplitMix64 (Steele, Lea, Flood 2014): for reproducible bytes, not for secrets.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r##"
        "RMd#" = "A1865"
        [syscfg]
        SrNm = "C39TEST00000"
        WMac = "02:00:00:00:00:01"
        CLHS = { hex = "00 11 22ff" }
        BTTx = [1, 2, 255]
        Num4 = 7
        [random]
        seed = 7
        "/chosen:random-seed" = 64
        [set]
        "/chosen:x" = "u64(1)"
        "/:model" = "iPhone10,6"
        "/chosen:n" = 5
    "##;

    #[test]
    fn the_three_languages_say_the_same() {
        let json = r##"{"RMd#": "A1865", "syscfg": {"SrNm": "C39TEST00000", "WMac": "02:00:00:00:00:01",
            "CLHS": {"hex": "001122ff"}, "BTTx": [1, 2, 255], "Num4": 7},
            "random": {"seed": 7, "/chosen:random-seed": 64},
            "set": {"/chosen:x": "u64(1)", "/:model": "iPhone10,6", "/chosen:n": 5}}"##;
        let list = r##"<?xml version="1.0"?><plist version="1.0"><dict><key>RMd#</key><string>A1865</string>
            <key>syscfg</key><dict><key>SrNm</key><string>C39TEST00000</string><key>WMac</key><data>AgAAAAAB</data>
            <key>CLHS</key><data>ABEi/w==</data><key>BTTx</key><data>AQL/</data><key>Num4</key><integer>7</integer></dict>
            <key>random</key><dict><key>seed</key><integer>7</integer><key>/chosen:random-seed</key><integer>64</integer></dict>
            <key>set</key><dict><key>/chosen:x</key><string>u64(1)</string><key>/:model</key><string>iPhone10,6</string>
            <key>/chosen:n</key><integer>5</integer></dict></dict></plist>"##;
        let of = |text: &str| given(&parse(text.as_bytes()).unwrap()).unwrap();
        let toml = of(TOML);
        assert_eq!(toml.values.get("SrNm"), Some(&b"C39TEST00000\0"[..]));
        assert_eq!(toml.values.get("WMac"), Some(&[2, 0, 0, 0, 0, 1][..]));
        assert_eq!(toml.values.get("CLHS"), Some(&[0, 0x11, 0x22, 0xff][..]));
        assert_eq!(toml.values.get("Num4"), Some(&[7, 0, 0, 0][..]));
        assert_eq!(toml.edits.edits.len(), 4);
        for other in [json, list] {
            let other = of(other);
            assert_eq!(other.values, toml.values);
            let sorted = |s: &Script| {
                let mut lines: Vec<String> = s.edits.iter().map(|e| e.action.to_string()).collect();
                lines.sort();
                lines
            };
            assert_eq!(sorted(&other.edits), sorted(&toml.edits));
        }
    }

    #[test]
    fn what_means_nothing_says_where() {
        for (text, part) in [
            ("a = 1.5", "whole number"),
            ("a = [1, 256]", "256 is no byte"),
            ("a = { hex = \"0\" }", "pairs"),
            ("[set]\n\"/chosen\" = 1", "one property is wanted"),
            ("[set]\n\"/chosen:a\" = \"u32(\"", "/chosen:a"),
            ("[random]\n\"/chosen:a\" = 0", "how many bytes"),
            ("syscfg = 1", "a table is wanted"),
            ("x = ", "line 1"),
            ("{\"a\": null}", "null"),
            ("{\"a\": -1}", "whole number"),
            ("<plist><array><string>x</string></array></plist>", "not a table"),
        ] {
            let e = parse(text.as_bytes()).and_then(|e| given(&e)).unwrap_err();
            assert!(e.contains(part), "{text}: {e}");
        }
        let deep = "[".repeat(5000);
        assert!(parse(format!("{{\"a\": {deep}").as_bytes()).is_err());
        let list = format!("<plist>{}", "<array>".repeat(100_000));
        assert!(parse(list.as_bytes()).unwrap_err().contains("deeper"));
    }
}
