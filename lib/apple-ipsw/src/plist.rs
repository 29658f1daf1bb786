//! Property lists, XML or binary, built from the `plist` crate's event stream under limits.
//!
//! Its own `Value` is not used: a hostile list can nest so deep that dropping the value overflows the stack, and a
//! binary one can name one large object many times.

use crate::{Error, Result};
use plist::stream::{Event, Reader};
use std::io::Cursor;

/// Largest property list that is read. BuildManifests are some hundred KiB to some MiB.
pub(crate) const MAX_PLIST: u64 = 61 << 20;
const MAX_DEPTH: usize = 64;
const MAX_EVENTS: usize = 1 << 20;

/// A property list, without what no IPSW needs (dates and real numbers are kept as [`Plist::Other`]).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plist {
    Dict(Vec<(String, Plist)>),
    Array(Vec<Plist>),
    Text(String),
    Data(Vec<u8>),
    Integer(i128),
    Bool(bool),
    Other,
}

impl Plist {
    /// Parses `bytes`; `file` is named in errors.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Plist> {
        let fail = |what: String| Error::Plist { file: file.into(), what };
        if bytes.len() as u64 > MAX_PLIST {
            return Err(Error::OverLimit { name: file.into(), size: bytes.len() as u64, limit: MAX_PLIST });
        }
        // Collections still open, with the key that waits for its value.
        let mut open: Vec<(Plist, Option<String>)> = Vec::new();
        // What the values hold together; in a binary list they may be more than the file.
        let mut held = 0usize;
        for (count, event) in Reader::new(Cursor::new(bytes)).enumerate() {
            let event = event.map_err(|e| fail(format!("not a readable property list: {e}")))?;
            if count >= MAX_EVENTS {
                return Err(fail(format!("more than {MAX_EVENTS} values")));
            }
            let value = match event {
                Event::StartArray(_) | Event::StartDictionary(_) => {
                    if open.len() >= MAX_DEPTH {
                        return Err(fail(format!("nested deeper than {MAX_DEPTH}")));
                    }
                    let array = matches!(event, Event::StartArray(_));
                    let empty = if array { Plist::Array(Vec::new()) } else { Plist::Dict(Vec::new()) };
                    open.push((empty, None));
                    continue;
                }
                Event::EndCollection => match open.pop() {
                    Some((value, None)) => value,
                    _ => return Err(fail("a key without a value".into())),
                },
                Event::String(s) => Plist::Text(s.into_owned()),
                Event::Data(d) => Plist::Data(d.into_owned()),
                Event::Boolean(b) => Plist::Bool(b),
                Event::Integer(i) => {
                    let number = i.as_signed().map(i128::from).or(i.as_unsigned().map(i128::from));
                    number.map_or(Plist::Other, Plist::Integer)
                }
                _ => Plist::Other,
            };
            held = held.saturating_add(match &value {
                Plist::Text(s) => s.len(),
                Plist::Data(d) => d.len(),
                _ => 0,
            });
            if held as u64 > 2 * MAX_PLIST {
                return Err(fail("its values are larger than the file can hold".into()));
            }
            match open.last_mut() {
                // A lone word is a list too, in the ASCII form that the crate also reads.
                None if !matches!(value, Plist::Dict(_) | Plist::Array(_)) => {
                    return Err(fail("not a property list of values".into()));
                }
                None => return Ok(value),
                Some((Plist::Array(a), _)) => a.push(value),
                Some((Plist::Dict(d), key)) => match (key.take(), value) {
                    (Some(k), value) => d.push((k, value)),
                    (None, Plist::Text(k)) => *key = Some(k),
                    (None, _) => return Err(fail("a key that is no text".into())),
                },
                Some(_) => return Err(fail("a value inside a value".into())),
            }
        }
        Err(fail("it ends before its first value does".into()))
    }

    pub fn get(&self, key: &str) -> Option<&Plist> {
        match self {
            // The last one counts, as in Apple's own reader.
            Plist::Dict(d) => d.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    pub fn entries(&self) -> &[(String, Plist)] {
        match self {
            Plist::Dict(d) => d,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Plist] {
        match self {
            Plist::Array(a) => a,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Plist::Text(s) => Some(s),
            _ => None,
        }
    }

    pub fn get_text(&self, key: &str) -> Option<String> {
        self.get(key)?.text().map(str::to_string)
    }

    pub fn get_data(&self, key: &str) -> Option<&[u8]> {
        match self.get(key)? {
            Plist::Data(d) => Some(d),
            _ => None,
        }
    }

    pub fn get_bool(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Plist::Bool(true)))
    }

    /// A number: an integer, or text such as `"0x8015"` or `"21"`, as Apple writes them.
    pub fn get_number(&self, key: &str) -> Option<u64> {
        match self.get(key)? {
            Plist::Integer(i) => u64::try_from(*i).ok(),
            Plist::Text(s) => match s.strip_prefix("0x").or(s.strip_prefix("0X")) {
                Some(hex) => u64::from_str_radix(hex, 16).ok(),
                None => s.parse().ok(),
            },
            _ => None,
        }
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let items = self.get(key).map(Plist::items).unwrap_or_default();
        items.iter().filter_map(Plist::text).map(str::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(body: &str) -> Vec<u8> {
        format!("<?xml version=\"1.0\"?><plist version=\"1.0\">{body}</plist>").into_bytes()
    }

    #[test]
    fn values_keep_their_type_and_numbers_may_be_text() {
        let list = xml("<dict><key>a</key><string>0x8015</string><key>b</key><integer>7</integer>\
             <key>c</key><data>AQI=</data><key>d</key><true/><key>e</key><array><string>x</string></array></dict>");
        let p = Plist::parse("x.plist", &list).unwrap();
        assert_eq!((p.get_number("a"), p.get_number("b")), (Some(0x8015), Some(7)));
        assert_eq!(p.get_data("c"), Some(&[1, 2][..]));
        assert!(p.get_bool("d") && !p.get_bool("z"));
        assert_eq!(p.texts("e"), ["x"]);
    }

    #[test]
    fn a_list_nested_a_million_deep_is_refused_without_overflow() {
        let deep = xml(&"<array>".repeat(1 << 20));
        let e = Plist::parse("x.plist", &deep).unwrap_err().to_string();
        assert!(e.contains("nested deeper"), "{e}");
    }

    /// Arrays of two references each to the next array: 2^n values in n objects.
    fn doubling(objects: u8) -> Vec<u8> {
        let mut list = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for i in 0..objects {
            offsets.push(u8::try_from(list.len()).unwrap());
            list.extend([0xa2, i + 1, i + 1]);
        }
        offsets.push(u8::try_from(list.len()).unwrap());
        list.extend([0x51, b'x']);
        let table = list.len() as u64;
        list.extend(&offsets);
        list.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        list.extend((offsets.len() as u64).to_be_bytes());
        list.extend(0u64.to_be_bytes());
        list.extend(table.to_be_bytes());
        list
    }

    #[test]
    fn a_binary_list_that_doubles_itself_is_refused() {
        assert!(Plist::parse("x.plist", &doubling(4)).is_ok());
        let e = Plist::parse("x.plist", &doubling(50)).unwrap_err().to_string();
        assert!(e.contains("more than"), "{e}");
    }

    #[test]
    fn every_truncation_is_an_error() {
        for good in [xml("<dict><key>a</key><array><string>x</string></array></dict>"), doubling(4)] {
            let p = Plist::parse("x.plist", &good).unwrap();
            for len in 0..good.len() {
                // An XML list is complete with its outermost element.
                if let Ok(q) = Plist::parse("x.plist", &good[..len]) {
                    assert!(q == p, "{len} bytes");
                }
            }
        }
    }
}
