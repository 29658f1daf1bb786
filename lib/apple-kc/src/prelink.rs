//! The prelink information: the XML that says which kexts a cache holds (`__PRELINK_INFO,__info`).
//!
//! It is what the kernel's own serialiser writes, not a property list: no document type is needed, equal values are
//! written once and referred to (`ID="3"`, later `IDREF="3"`), numbers are hexadecimal with a width, and the section is
//! filled up with zeros. Property list readers fail on the references. Values are kept in one table and shared, as in
//! the kernel, so that a file of nested references takes no more memory than its length.
//!
//! Facts: `apple-oss-distributions/xnu` `libkern/c++/OSUnserializeXML.y` and `libkern/libkern/prelink.h`.

use crate::{Error, Result};
use std::borrow::Cow;
use std::collections::HashMap;

/// Keys of a dictionary that are looked at for one: kexts have some dozens.
const MAX_KEYS: usize = 1024;
/// Containers within containers; real files have about ten.
const MAX_DEPTH: usize = 64;

/// A whole document.
#[derive(Debug, Clone)]
pub struct Prelink<'a> {
    nodes: Vec<Node<'a>>,
    root: usize,
}

#[derive(Debug, Clone)]
enum Node<'a> {
    Dict(Vec<(Cow<'a, str>, usize)>),
    /// `<array>` and `<set>`.
    Array(Vec<usize>),
    Text(Cow<'a, str>),
    Integer(u64),
    Boolean(bool),
    /// The text between the tags, and whether it is hexadecimal instead of base 64.
    Data(&'a str, bool),
}

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub struct Value<'p> {
    document: &'p Prelink<'p>,
    node: usize,
}

/// An element that is open.
#[derive(Debug)]
struct Open<'a> {
    name: &'a str,
    id: Option<&'a str>,
    key: Option<Cow<'a, str>>,
    dict: Vec<(Cow<'a, str>, usize)>,
    items: Vec<usize>,
}

impl<'a> Prelink<'a> {
    /// Reads the XML; `base` is its file offset, for messages.
    ///
    /// # Errors
    /// XML that makes no sense, a reference to nothing, or elements nested too deeply.
    pub fn parse(bytes: &'a [u8], base: u64) -> Result<Prelink<'a>> {
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        let bytes = bytes.get(..end).unwrap_or_default();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(e) => {
                return Err(Error::BadPrelink {
                    offset: at(base, e.valid_up_to()),
                    what: "not UTF-8".into(),
                });
            }
        };
        Reader { text, pos: 0, base, nodes: Vec::new(), ids: HashMap::new() }.document()
    }

    /// The outermost value.
    pub fn root(&self) -> Value<'_> {
        Value { document: self, node: self.root }
    }
}

impl<'p> Value<'p> {
    fn node(self) -> Option<&'p Node<'p>> {
        self.document.nodes.get(self.node)
    }

    /// The value of a key, if this is a dictionary that has it among its first thousand: a dictionary may be shared by
    /// any number of others, so that looking for something in all of them must not take long.
    pub fn get(self, key: &str) -> Option<Value<'p>> {
        self.entries().take(MAX_KEYS).find(|(k, _)| *k == key).map(|(_, v)| v)
    }

    /// Keys and values of a dictionary, in file order; nothing for other values.
    pub fn entries(self) -> impl Iterator<Item = (&'p str, Value<'p>)> {
        let entries = match self.node() {
            Some(Node::Dict(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(move |(k, v)| (k.as_ref(), Value { document: self.document, node: *v }))
    }

    /// The elements of an array or set; nothing for other values.
    pub fn items(self) -> impl Iterator<Item = Value<'p>> {
        let items = match self.node() {
            Some(Node::Array(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |v| Value { document: self.document, node: *v })
    }

    /// The text of a string.
    pub fn text(self) -> Option<&'p str> {
        match self.node()? {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub fn integer(self) -> Option<u64> {
        match self.node()? {
            Node::Integer(n) => Some(*n),
            _ => None,
        }
    }

    /// A truth value.
    pub fn boolean(self) -> Option<bool> {
        match self.node()? {
            Node::Boolean(b) => Some(*b),
            _ => None,
        }
    }

    /// The bytes of `<data>`; `None` for other values and for damaged text.
    pub fn data(self) -> Option<Vec<u8>> {
        match self.node()? {
            Node::Data(text, true) => hex(text),
            Node::Data(text, false) => base64(text),
            _ => None,
        }
    }
}

fn at(base: u64, pos: usize) -> u64 {
    base.saturating_add(pos as u64)
}

struct Reader<'a> {
    text: &'a str,
    pos: usize,
    base: u64,
    nodes: Vec<Node<'a>>,
    ids: HashMap<&'a str, usize>,
}

/// A tag: name, attributes, what kind.
struct Tag<'a> {
    name: &'a str,
    id: Option<&'a str>,
    reference: Option<&'a str>,
    hexadecimal: bool,
    closing: bool,
    empty: bool,
}

impl<'a> Reader<'a> {
    fn fail<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(Error::BadPrelink { offset: at(self.base, self.pos), what: what.into() })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.pos..).unwrap_or_default()
    }

    fn advance(&mut self, n: usize) {
        self.pos = self.pos.saturating_add(n);
    }

    /// Goes behind the next occurrence of a mark and gives what was before it.
    fn until(&mut self, mark: &str, what: &str) -> Result<&'a str> {
        let rest = self.rest();
        match rest.find(mark) {
            Some(n) => {
                self.advance(n.saturating_add(mark.len()));
                Ok(rest.get(..n).unwrap_or_default())
            }
            None => self.fail(format!("the end of {what} is missing")),
        }
    }

    /// Blanks, comments, declarations and document types.
    fn skip(&mut self) -> Result<()> {
        loop {
            let rest = self.rest();
            let blanks = rest.len().saturating_sub(rest.trim_start().len());
            self.advance(blanks);
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.until("-->", "a comment")?;
            } else if rest.starts_with("<?") {
                self.until("?>", "a declaration")?;
            } else if rest.starts_with("<!") {
                self.until(">", "the document type")?;
            } else {
                return Ok(());
            }
        }
    }

    fn tag(&mut self) -> Result<Tag<'a>> {
        self.skip()?;
        let Some(rest) = self.rest().strip_prefix('<') else {
            return self.fail(if self.rest().is_empty() {
                "it ends too early"
            } else {
                "text outside a string"
            });
        };
        self.advance(1);
        let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |r| (true, r));
        self.advance(usize::from(closing));
        let Some(inside) = rest.split_once('>').map(|(inside, _)| inside) else {
            return self.fail("a tag without an end");
        };
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |i| (i, true));
        let name_end = inside.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inside.len());
        let (name, attributes) = inside.split_at_checked(name_end).unwrap_or((inside, ""));
        let mut tag = Tag { name, id: None, reference: None, hexadecimal: false, closing, empty };
        let mut attributes = attributes.trim_start();
        while let Some((key, value)) = attributes.split_once('=') {
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
            let Some((value, more)) = quote.and_then(|q| value.get(1..)?.split_once(q)) else {
                return self.fail(format!("a bad attribute in <{name}>"));
            };
            match key.trim() {
                "ID" => tag.id = Some(value),
                "IDREF" => tag.reference = Some(value),
                "format" => tag.hexadecimal = value == "hex",
                _ => {}
            }
            attributes = more.trim_start();
        }
        self.until(">", "a tag")?;
        Ok(tag)
    }

    fn add(&mut self, node: Node<'a>, id: Option<&'a str>) -> usize {
        let index = self.nodes.len();
        self.nodes.push(node);
        if let Some(id) = id {
            self.ids.insert(id, index);
        }
        index
    }

    fn document(mut self) -> Result<Prelink<'a>> {
        let mut open: Vec<Open<'a>> = Vec::new();
        loop {
            let tag = self.tag()?;
            if tag.name == "plist" && open.is_empty() {
                if tag.closing {
                    return self.fail("nothing inside <plist>");
                }
                continue;
            }
            let value = if tag.closing {
                match open.pop() {
                    Some(element) if element.name == tag.name && element.key.is_none() => {
                        let node = if element.name == "dict" {
                            Node::Dict(element.dict)
                        } else {
                            Node::Array(element.items)
                        };
                        self.add(node, element.id)
                    }
                    _ => return self.fail(format!("</{}> closes nothing", tag.name)),
                }
            } else if let Some(reference) = tag.reference {
                if !tag.empty {
                    self.until("<", "a reference")?;
                    self.until(">", "a reference")?;
                }
                match self.ids.get(reference) {
                    Some(index) => *index,
                    None => return self.fail(format!("IDREF=\"{reference}\" refers to nothing before it")),
                }
            } else if matches!(tag.name, "dict" | "array" | "set") {
                if tag.empty {
                    let node =
                        if tag.name == "dict" { Node::Dict(Vec::new()) } else { Node::Array(Vec::new()) };
                    self.add(node, tag.id)
                } else if open.len() < MAX_DEPTH {
                    let (name, id) = (tag.name, tag.id);
                    open.push(Open { name, id, key: None, dict: Vec::new(), items: Vec::new() });
                    continue;
                } else {
                    return self.fail(format!("more than {MAX_DEPTH} elements inside each other"));
                }
            } else if tag.name == "key" {
                let text = if tag.empty { "" } else { self.until("</key>", "a key")? };
                match open.last_mut() {
                    Some(dict) if dict.name == "dict" && dict.key.is_none() => {
                        dict.key = Some(unescape(text))
                    }
                    _ => return self.fail("a key where none can be"),
                }
                continue;
            } else {
                let node = self.scalar(&tag)?;
                self.add(node, tag.id)
            };
            match open.last_mut() {
                None => return Ok(Prelink { nodes: self.nodes, root: value }),
                Some(dict) if dict.name == "dict" => match dict.key.take() {
                    Some(key) => dict.dict.push((key, value)),
                    None => return self.fail("a value without a key"),
                },
                Some(array) => array.items.push(value),
            }
        }
    }

    fn scalar(&mut self, tag: &Tag<'a>) -> Result<Node<'a>> {
        let mark = match tag.name {
            "true" => return Ok(Node::Boolean(true)),
            "false" => return Ok(Node::Boolean(false)),
            "string" => "</string>",
            "integer" => "</integer>",
            "data" => "</data>",
            "real" => "</real>",
            "date" => "</date>",
            name => {
                return self.fail(format!("<{}> is none of the serialiser's elements", name.escape_debug()));
            }
        };
        let text = if tag.empty { "" } else { self.until(mark, tag.name)? };
        Ok(match tag.name {
            "integer" => match integer(text.trim()) {
                Some(n) => Node::Integer(n),
                None => return self.fail("a number that is none"),
            },
            "data" => Node::Data(text, tag.hexadecimal),
            _ => Node::Text(unescape(text)),
        })
    }
}

/// Decimal or `0x`; negative numbers wrap, as in the kernel.
fn integer(text: &str) -> Option<u64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |d| (true, d));
    let n = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { n.wrapping_neg() } else { n })
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    const ENTITIES: [(&str, char); 5] =
        [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"'), ("&apos;", '\'')];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, _)) = rest.split_once('&') {
        out.push_str(before);
        rest = rest.get(before.len()..).unwrap_or_default();
        let (c, n) = ENTITIES
            .iter()
            .find(|(entity, _)| rest.starts_with(entity))
            .map_or(('&', 1), |(entity, c)| (*c, entity.len()));
        out.push(c);
        rest = rest.get(n..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|p| p.iter().fold(0, |n, d| n << 4 | d)).collect())
}

/// The bytes of base 64 text, blanks and padding left out; `None` if there is anything else in it.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut out, mut bits, mut held) = (Vec::new(), 0u32, 0u32);
    for c in text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'=') {
        let digit = match c {
            b'A'..=b'Z' => c.wrapping_sub(b'A'),
            b'a'..=b'z' => c.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => c.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(digit);
        held = held.saturating_add(6);
        if held >= 8 {
            held = held.saturating_sub(8);
            out.push(u8::try_from(bits >> held & 0xff).unwrap_or(0));
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_the_values_they_refer_to() {
        let text = br#"<dict><key>_PrelinkInfoDictionary</key><array ID="0"><dict>
            <key>CFBundleIdentifier</key><string ID="1">com.apple.a&amp;b</string>
            <key>_PrelinkExecutableLoadAddr</key><integer size="64" ID="2">0xfffffff005000000</integer>
            <key>OSKernelResource</key><true/><key>x</key><string IDREF="1"/></dict>
            <dict><key>CFBundleIdentifier</key><string IDREF="1"></string><key>d</key><data>AQID/w==</data>
            <key>h</key><data format="hex">01 ff</data><key>n</key><integer size="32">-1</integer><key>e</key><array/>
            </dict></array></dict>"#;
        let text = [&text[..], &[0; 100]].concat();
        let p = Prelink::parse(&text, 0).unwrap();
        let kexts: Vec<_> = p.root().get("_PrelinkInfoDictionary").unwrap().items().collect();
        assert_eq!(kexts.len(), 2);
        assert_eq!(kexts[0].get("CFBundleIdentifier").unwrap().text(), Some("com.apple.a&b"));
        assert_eq!(
            kexts[0].get("_PrelinkExecutableLoadAddr").unwrap().integer(),
            Some(0xffff_fff0_0500_0000)
        );
        assert_eq!(kexts[0].get("OSKernelResource").unwrap().boolean(), Some(true));
        assert_eq!(kexts[1].get("CFBundleIdentifier").unwrap().text(), Some("com.apple.a&b"));
        assert_eq!(kexts[1].get("d").unwrap().data().unwrap(), [1, 2, 3, 255]);
        assert_eq!(kexts[1].get("h").unwrap().data().unwrap(), [1, 255]);
        assert_eq!(kexts[1].get("n").unwrap().integer(), Some(u64::MAX));
        assert_eq!(kexts[1].get("e").unwrap().items().count(), 0);
    }

    #[test]
    fn a_property_list_around_it_is_understood() {
        let text = b"<?xml version=\"1.0\"?><!DOCTYPE plist PUBLIC \"x\">\n<plist version=\"1.0\"><!-- c --><array><false/></array></plist>";
        let p = Prelink::parse(text, 0).unwrap();
        assert_eq!(p.root().items().next().unwrap().boolean(), Some(false));
    }

    #[test]
    fn nonsense_is_refused_with_its_place() {
        for bad in [
            "",
            "x",
            "<dict>",
            "<dict><string>a</string></dict>",
            "<dict><key>a</dict>",
            "</dict>",
            "<array></dict>",
            "<string IDREF=\"7\"/>",
            "<array><key>k</key></array>",
            "<integer>x</integer>",
            "<blink/>",
            "<dict",
            "<string>",
            "<dict><key>a</key></dict>",
            "<array ID=x></array>",
            "<plist></plist>",
        ] {
            let e = Prelink::parse(bad.as_bytes(), 0x1000).unwrap_err();
            assert!(matches!(e, Error::BadPrelink { offset, .. } if offset >= 0x1000), "{bad}: {e}");
        }
        let deep = "<array>".repeat(100_000);
        assert!(matches!(Prelink::parse(deep.as_bytes(), 0), Err(Error::BadPrelink { .. })));
        assert!(matches!(Prelink::parse(b"<array>\xff", 0), Err(Error::BadPrelink { offset: 7, .. })));
    }

    #[test]
    fn references_to_references_take_no_more_than_their_text() {
        let mut text = String::from("<array><array ID=\"0\"><true/></array>");
        for i in 0..60 {
            text.push_str(&format!(
                "<array ID=\"{}\"><array IDREF=\"{i}\"/><array IDREF=\"{i}\"/></array>",
                i + 1
            ));
        }
        text.push_str("</array>");
        let p = Prelink::parse(text.as_bytes(), 0).unwrap();
        assert_eq!(p.root().items().count(), 61);
        assert!(p.nodes.len() < 100);
    }
}
