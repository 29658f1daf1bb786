//! Entitlements: a property list, and the same in DER, which XNU reads from iOS 15 on.
//!
//! DER: `[APPLICATION 16] { INTEGER 1, dictionary }`; a dictionary is `[16]` of SEQUENCEs of UTF8String and value,
//! ordered by key; an array is a SEQUENCE; booleans, integers and strings are what ASN.1 has for them (Apple's
//! technical note TN3125). Real numbers, dates and data have no form there and are refused.

use crate::{Error, Result};
use plist::stream::{Event, Reader};
use std::collections::BTreeMap;
use std::io::Cursor;

/// The largest list that is taken.
const MAX_LEN: usize = 1 << 20;
const MAX_DEPTH: usize = 32;
const MAX_VALUES: usize = 1 << 16;

/// Flags of the executable segment.
const MAIN_BINARY: u64 = 0x1;
/// What entitlements stand for flags of the executable segment (Security's `signer.cpp`).
const EXEC_FLAGS: &[(&str, u64)] = &[
    ("get-task-allow", 0x10),
    ("run-unsigned-code", 0x10),
    ("com.apple.private.cs.debugger", 0x20),
    ("dynamic-codesigning", 0x40),
    ("com.apple.private.skip-library-validation", 0x80),
    ("com.apple.private.amfi.can-load-cdhash", 0x100),
    ("com.apple.private.amfi.can-execute-cdhash", 0x200),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Dictionary(BTreeMap<String, Item>),
    Array(Vec<Item>),
    Text(String),
    Integer(i64),
    Bool(bool),
}

/// A program's entitlements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlements {
    xml: Vec<u8>,
    items: BTreeMap<String, Item>,
}

impl Entitlements {
    /// Reads a property list. XML is kept byte for byte, a binary list becomes XML.
    ///
    /// # Errors
    /// It is no dictionary, too large, or holds what entitlements cannot.
    pub fn parse(plist: &[u8]) -> Result<Entitlements> {
        let invalid = |what: String| Error::Invalid(format!("entitlements: {what}"));
        if plist.len() > MAX_LEN {
            return Err(invalid(format!("{} bytes, more than {MAX_LEN}", plist.len())));
        }
        let Item::Dictionary(items) = read(plist).map_err(invalid)? else {
            return Err(invalid("a property list, but no dictionary".into()));
        };
        let xml = match plist.starts_with(b"bplist") {
            false => plist.to_vec(),
            true => xml(&items).map_err(invalid)?,
        };
        Ok(Entitlements { xml, items })
    }

    /// The list as XML.
    pub fn xml(&self) -> &[u8] {
        &self.xml
    }

    /// The list in DER.
    pub fn der(&self) -> Vec<u8> {
        let mut content = vec![0x02, 0x01, 0x01];
        content.extend(dictionary(&self.items));
        tlv(0x70, &content)
    }

    /// Whether a key is there with the value true.
    pub fn is_true(&self, key: &str) -> bool {
        self.items.get(key) == Some(&Item::Bool(true))
    }

    /// Flags of the executable segment that follow from the keys; `main`: the file is a program, no library.
    pub(crate) fn exec_flags(this: Option<&Self>, main: bool) -> u64 {
        let mut flags = if main { MAIN_BINARY } else { 0 };
        for (key, flag) in EXEC_FLAGS {
            if main && this.is_some_and(|e| e.is_true(key)) {
                flags |= flag;
            }
        }
        flags
    }
}

/// Builds the value from the parser's events: its own tree would have no limit on nesting.
fn read(plist: &[u8]) -> std::result::Result<Item, String> {
    let mut open: Vec<(Item, Option<String>)> = Vec::new();
    let mut held = 0usize;
    for (count, event) in Reader::new(Cursor::new(plist)).enumerate() {
        if count > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values"));
        }
        let value = match event.map_err(|e| format!("no readable property list: {e}"))? {
            Event::StartArray(_) | Event::StartDictionary(_) if open.len() >= MAX_DEPTH => {
                return Err(format!("nested deeper than {MAX_DEPTH}"));
            }
            Event::StartArray(_) => {
                open.push((Item::Array(Vec::new()), None));
                continue;
            }
            Event::StartDictionary(_) => {
                open.push((Item::Dictionary(BTreeMap::new()), None));
                continue;
            }
            Event::EndCollection => match open.pop() {
                Some((value, None)) => value,
                _ => return Err("a key without a value".into()),
            },
            Event::String(s) => Item::Text(s.into_owned()),
            Event::Boolean(b) => Item::Bool(b),
            Event::Integer(i) => Item::Integer(i.as_signed().ok_or("an integer beyond 63 bits")?),
            _ => return Err("a date, real number or data: DER entitlements cannot hold it".into()),
        };
        if let Item::Text(s) = &value {
            held = held.saturating_add(s.len());
            if held > MAX_LEN {
                return Err("its texts are larger than the file".into());
            }
        }
        match open.last_mut() {
            None => return Ok(value),
            Some((Item::Array(list), _)) => list.push(value),
            Some((Item::Dictionary(map), key)) => match (key.take(), value) {
                (None, Item::Text(name)) => *key = Some(name),
                (None, _) => return Err("a key that is no text".into()),
                (Some(name), value) => {
                    if map.insert(name.clone(), value).is_some() {
                        return Err(format!("the key {name:?} is there twice"));
                    }
                }
            },
            Some(_) => return Err("a value outside of a collection".into()),
        }
    }
    Err("an empty property list".into())
}

/// XML of what was a binary list, in the form that macOS writes.
fn xml(items: &BTreeMap<String, Item>) -> std::result::Result<Vec<u8>, String> {
    fn value(item: &Item) -> plist::Value {
        match item {
            Item::Dictionary(map) => {
                plist::Value::Dictionary(map.iter().map(|(k, v)| (k.clone(), value(v))).collect())
            }
            Item::Array(list) => plist::Value::Array(list.iter().map(value).collect()),
            Item::Text(s) => plist::Value::String(s.clone()),
            Item::Integer(n) => plist::Value::Integer((*n).into()),
            Item::Bool(b) => plist::Value::Boolean(*b),
        }
    }
    let mut out = Vec::new();
    value(&Item::Dictionary(items.clone())).to_writer_xml(&mut out).map_err(|e| e.to_string())?;
    out.push(b'\n');
    Ok(out)
}

fn dictionary(map: &BTreeMap<String, Item>) -> Vec<u8> {
    let entries: Vec<u8> =
        map.iter().flat_map(|(k, v)| tlv(0x30, &[tlv(0x0c, k.as_bytes()), encode(v)].concat())).collect();
    tlv(0xb0, &entries)
}

/// Nesting is bounded by the reader.
fn encode(item: &Item) -> Vec<u8> {
    match item {
        Item::Dictionary(map) => dictionary(map),
        Item::Array(list) => tlv(0x30, &list.iter().flat_map(encode).collect::<Vec<_>>()),
        Item::Text(s) => tlv(0x0c, s.as_bytes()),
        Item::Bool(b) => vec![1, 1, if *b { 0xff } else { 0 }],
        Item::Integer(n) => {
            let bytes = n.to_be_bytes();
            // The fewest bytes that keep the sign.
            let spare = bytes
                .iter()
                .zip(bytes.iter().skip(1))
                .take_while(|(a, b)| **a == 0 && **b < 0x80 || **a == 0xff && **b >= 0x80)
                .count();
            tlv(0x02, bytes.get(spare..).unwrap_or_default())
        }
    }
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let len = content.len();
    match u8::try_from(len) {
        Ok(n) if n < 0x80 => out.push(n),
        _ => {
            let bytes = len.to_be_bytes();
            let bytes = bytes.get(bytes.iter().take_while(|b| **b == 0).count()..).unwrap_or_default();
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(body: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">{body}</plist>\n")
            .into_bytes()
    }

    #[test]
    fn a_list_becomes_the_der_that_the_note_describes() {
        let e = Entitlements::parse(&list(
            "<dict><key>n</key><integer>-129</integer><key>b</key><true/><key>a</key><array><string>x</string>\
             </array><key>d</key><dict><key>z</key><integer>128</integer></dict></dict>",
        ))
        .unwrap();
        let want: &[&[u8]] = &[
            &[0x70, 46, 2, 1, 1, 0xb0, 41],
            &[0x30, 8, 0x0c, 1, b'a', 0x30, 3, 0x0c, 1, b'x'],
            &[0x30, 6, 0x0c, 1, b'b', 1, 1, 0xff],
            &[0x30, 14, 0x0c, 1, b'd', 0xb0, 9, 0x30, 7, 0x0c, 1, b'z', 2, 2, 0, 0x80],
            &[0x30, 7, 0x0c, 1, b'n', 2, 2, 0xff, 0x7f],
        ];
        let mut want = want.concat();
        let body = want.len() - 7;
        want[1] = (body + 5) as u8;
        want[6] = body as u8;
        assert_eq!(e.der(), want);
    }

    #[test]
    fn keys_turn_into_flags_of_the_executable_segment() {
        let e = Entitlements::parse(&list("<dict><key>get-task-allow</key><true/></dict>")).unwrap();
        assert_eq!(Entitlements::exec_flags(Some(&e), true), 0x11);
        assert_eq!(Entitlements::exec_flags(Some(&e), false), 0);
        assert_eq!(Entitlements::exec_flags(None, true), 1);
    }

    #[test]
    fn what_is_no_list_of_entitlements_is_refused() {
        for bad in [
            list("<array/>"),
            list("<dict><key>a</key></dict>"),
            list("<dict><key>a</key><data>AA==</data></dict>"),
            list("<dict><key>a</key><real>1</real></dict>"),
            list("<dict><key>a</key><true/><key>a</key><true/></dict>"),
            list(&format!("{}{}", "<array>".repeat(100), "</array>".repeat(100))),
            b"".to_vec(),
            b"text".to_vec(),
            vec![b' '; MAX_LEN + 1],
        ] {
            assert!(
                Entitlements::parse(&bad).is_err(),
                "{:?}",
                String::from_utf8_lossy(&bad[..bad.len().min(200)])
            );
        }
    }

    #[test]
    fn a_binary_list_is_embedded_as_xml() {
        let mut d = plist::Dictionary::new();
        d.insert("get-task-allow".into(), true.into());
        let mut binary = Vec::new();
        plist::Value::Dictionary(d).to_writer_binary(&mut binary).unwrap();
        let e = Entitlements::parse(&binary).unwrap();
        assert!(e.xml().starts_with(b"<?xml") && e.is_true("get-task-allow"));
        assert_eq!(Entitlements::parse(e.xml()).unwrap().der(), e.der());
    }
}
