//! The words of the text form and of edit scripts: a cursor over UTF-8 bytes, and the parser of values.

use crate::Result;
use crate::error::Error;
use crate::value::{Term, Value};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Whether a name may stand without quotes: what Apple's names are made of, and nothing that means something else.
pub(crate) fn is_bare(name: &[u8]) -> bool {
    let ok = |b: &u8| b.is_ascii_alphanumeric() || b"_,.#+-?&@$%!^~".contains(b);
    name.iter().all(ok) && !name.is_empty() && !matches!(name.first(), Some(b','))
}

pub(crate) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    /// In scripts a line's end ends a statement, and `#` begins a comment; in the text form neither.
    script: bool,
    /// Bytes of values made so far: `zeros(…)` is a lot from little.
    made: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, script: bool) -> Cursor<'a> {
        Cursor { text: text.as_bytes(), at: 0, script, made: 0 }
    }

    /// Counts `size` bytes of values, of which a text may make as many as a tree may have.
    pub(crate) fn count(&mut self, size: usize) -> Result<()> {
        self.made = self.made.saturating_add(size);
        if self.made > crate::MAX_SIZE {
            return Err(self.error(alloc::format!("more than {} bytes of values", crate::MAX_SIZE)));
        }
        Ok(())
    }

    pub(crate) fn set_script(&mut self, script: bool) {
        self.script = script;
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn advance(&mut self, n: usize) {
        self.at = self.at.saturating_add(n).min(self.text.len());
    }

    /// 1-based line of the cursor.
    pub(crate) fn line(&self) -> usize {
        let before = self.text.get(..self.at).unwrap_or_default();
        before.iter().filter(|&&b| b == b'\n').count().saturating_add(1)
    }

    /// Where the cursor is, for [`Cursor::error_at`].
    pub(crate) fn place(&self) -> usize {
        self.at
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        self.error_at(self.at, message)
    }

    /// An error about a place before. Lines are counted only now: the text may be long.
    pub(crate) fn error_at(&self, place: usize, message: impl Into<String>) -> Error {
        let before = self.text.get(..place).unwrap_or_default();
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |p| p.saturating_add(1));
        Error::Syntax {
            line: before.iter().filter(|&&b| b == b'\n').count().saturating_add(1),
            column: place.saturating_sub(start).saturating_add(1),
            message: message.into(),
        }
    }

    fn found(&self) -> String {
        match self.peek() {
            None => "the end".into(),
            Some(b) => alloc::format!("'{}'", b.escape_ascii()),
        }
    }

    pub(crate) fn expected(&self, what: &str) -> Error {
        self.error(alloc::format!("expected {what}, found {}", self.found()))
    }

    /// Skips blanks and comments; line ends too, except in a script's statements (`lines` false).
    pub(crate) fn skip(&mut self, lines: bool) -> Result<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.advance(1),
                Some(b'\n') if lines => self.advance(1),
                Some(b'/') if self.rest().starts_with(b"//") && !self.script => self.skip_line(),
                Some(b'/') if self.rest().starts_with(b"/*") && !self.script => {
                    let end = self.rest().windows(2).skip(2).position(|w| w == b"*/");
                    match end {
                        Some(n) => self.advance(n.saturating_add(4)),
                        None => return Err(self.error("this comment has no end (*/)")),
                    }
                }
                Some(b'#') if self.script && lines => self.skip_line(),
                _ => return Ok(()),
            }
        }
    }

    pub(crate) fn skip_line(&mut self) {
        let n = self.rest().iter().position(|&b| b == b'\n').unwrap_or(self.rest().len());
        self.advance(n);
    }

    /// Takes this punctuation, if it is next.
    pub(crate) fn eat(&mut self, c: u8) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.advance(1);
        }
        found
    }

    pub(crate) fn expect(&mut self, c: u8) -> Result<()> {
        if self.eat(c) { Ok(()) } else { Err(self.expected(&alloc::format!("'{}'", c.escape_ascii()))) }
    }

    /// The longest run of bytes that `keep` accepts.
    pub(crate) fn run(&mut self, keep: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let n = rest.iter().position(|&b| !keep(b)).unwrap_or(rest.len());
        self.advance(n);
        rest.get(..n).unwrap_or_default()
    }

    /// A bare word or a quoted string, as names are written.
    pub(crate) fn name(&mut self) -> Result<Vec<u8>> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        let word = self.run(|b| is_bare(&[b]) || b == b',');
        if !is_bare(word) {
            return Err(self.expected("a name"));
        }
        Ok(word.to_vec())
    }

    /// `"…"` with the escapes `\n \t \r \" \\ \xNN` (`\0` too).
    pub(crate) fn quoted(&mut self) -> Result<Vec<u8>> {
        let open = self.at;
        self.expect(b'"')?;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None | Some(b'\n') => {
                    self.at = open;
                    return Err(self.error("this string has no closing quote on its line"));
                }
                Some(b'"') => {
                    self.advance(1);
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.advance(1);
                    let escape = self.peek();
                    self.advance(1);
                    out.push(match escape {
                        Some(b'n') => b'\n',
                        Some(b't') => b'\t',
                        Some(b'r') => b'\r',
                        Some(b'0') => 0,
                        Some(c @ (b'"' | b'\\' | b'\'')) => c,
                        Some(b'x') => {
                            let digits = self.rest().get(..2).unwrap_or_default();
                            let byte = core::str::from_utf8(digits)
                                .ok()
                                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                                .and_then(|d| u8::from_str_radix(d, 16).ok())
                                .ok_or_else(|| self.error("\\x wants two hexadecimal digits"))?;
                            self.advance(2);
                            byte
                        }
                        _ => {
                            return Err(
                                self.error("unknown escape; there are \\n \\t \\r \\0 \\\" \\\\ \\xNN")
                            );
                        }
                    });
                }
                Some(b) => {
                    self.advance(1);
                    out.push(b);
                }
            }
        }
    }

    /// A number, decimal, `0x` hexadecimal, or a quoted character such as `'E'`.
    pub(crate) fn number(&mut self) -> Result<u64> {
        if self.peek() == Some(b'\'') {
            let byte = match self.rest() {
                [b'\'', b, b'\'', ..] if b.is_ascii() && *b != b'\'' => *b,
                _ => return Err(self.expected("a character in quotes, such as 'E'")),
            };
            self.advance(3);
            return Ok(byte.into());
        }
        let start = self.at;
        let word = self.run(|b| b.is_ascii_alphanumeric() || b == b'_');
        let digits: String = word.iter().filter(|&&b| b != b'_').map(|&b| char::from(b)).collect();
        let parsed = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        parsed.map_err(|_| {
            self.at = start;
            self.expected("a number below 2^64 (decimal, or hexadecimal with 0x)")
        })
    }

    /// Numbers up to the closing parenthesis, separated by blanks or commas.
    fn numbers<T: TryFrom<u64>>(&mut self) -> Result<Vec<T>> {
        let mut out = Vec::new();
        loop {
            self.skip(true)?;
            if self.eat(b')') {
                return Ok(out);
            }
            let start = self.at;
            let n = self.number()?;
            out.push(T::try_from(n).map_err(|_| {
                self.at = start;
                self.error(alloc::format!("{n:#x} does not fit {} bytes", size_of::<T>()))
            })?);
            self.skip(true)?;
            self.eat(b',');
        }
    }

    /// Bytes up to the closing bracket, in pairs of hexadecimal digits.
    pub(crate) fn hex(&mut self) -> Result<Vec<u8>> {
        self.expect(b'[')?;
        let mut out = Vec::new();
        loop {
            self.skip(true)?;
            if self.eat(b']') {
                return Ok(out);
            }
            let digits = self.rest().get(..2).unwrap_or_default();
            let byte = core::str::from_utf8(digits)
                .ok()
                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|d| u8::from_str_radix(d, 16).ok())
                .ok_or_else(|| self.expected("two hexadecimal digits or ']'"))?;
            self.advance(2);
            out.push(byte);
        }
    }

    /// `"…"` as C has it: escapes of letters, `\xN`, `\xNN` and up to three octal digits.
    pub(crate) fn text(&mut self) -> Result<Vec<u8>> {
        let open = self.at;
        self.expect(b'"')?;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                None => {
                    self.at = open;
                    return Err(self.error("this text has no closing quote"));
                }
                Some(b'"') => {
                    self.advance(1);
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(b) => {
                    self.advance(1);
                    out.push(b);
                }
            }
        }
    }

    /// An escape of C, from its backslash on.
    fn escape(&mut self) -> Result<u8> {
        self.advance(1);
        let letter = self.peek();
        if let Some(b'0'..=b'7') = letter {
            let digits = self.rest().iter().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
            let word = self.rest().get(..digits).unwrap_or_default();
            self.advance(digits);
            return u8::from_str_radix(core::str::from_utf8(word).unwrap_or_default(), 8)
                .map_err(|_| self.error("an octal escape over \\377"));
        }
        self.advance(1);
        Ok(match letter {
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'v') => 11,
            Some(b'f') => 12,
            Some(b'r') => b'\r',
            Some(b'x') => {
                let digits = self.rest().iter().take(2).take_while(|b| b.is_ascii_hexdigit()).count();
                let word = self.rest().get(..digits).unwrap_or_default();
                let byte = u8::from_str_radix(core::str::from_utf8(word).unwrap_or_default(), 16);
                let byte = byte.map_err(|_| self.error("\\x wants hexadecimal digits"))?;
                self.advance(digits);
                byte
            }
            Some(other) => other,
            None => return Err(self.error("the text ends in an escape")),
        })
    }

    /// `'c'` as C has it.
    pub(crate) fn character(&mut self) -> Result<u64> {
        self.expect(b'\'')?;
        let byte = match self.peek() {
            Some(b'\\') => self.escape()?,
            Some(b) if b != b'\'' && b != b'\n' => {
                self.advance(1);
                b
            }
            _ => return Err(self.expected("a character")),
        };
        self.expect(b'\'')?;
        Ok(byte.into())
    }

    /// A number of C: decimal, `0x`, octal with a leading 0, with the suffixes U, L, UL, LL, ULL.
    pub(crate) fn c_number(&mut self) -> Result<u64> {
        let start = self.at;
        let word = self.run(|b| b.is_ascii_alphanumeric());
        let word = core::str::from_utf8(word).unwrap_or_default();
        let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
        let parsed = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16),
            None if digits.len() > 1 && digits.starts_with('0') => u64::from_str_radix(digits, 8),
            None => digits.parse(),
        };
        parsed.map_err(|_| {
            self.at = start;
            self.expected("a number below 2^64")
        })
    }

    /// Two hexadecimal digits.
    pub(crate) fn hex_byte(&mut self) -> Result<u8> {
        let digits = self.rest().get(..2).unwrap_or_default();
        let byte = core::str::from_utf8(digits)
            .ok()
            .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|d| u8::from_str_radix(d, 16).ok())
            .ok_or_else(|| self.expected("two hexadecimal digits or ']'"))?;
        self.advance(2);
        Ok(byte)
    }

    fn size(&mut self) -> Result<u32> {
        self.skip(true)?;
        let start = self.at;
        let n = self.number()?;
        u32::try_from(n).ok().filter(|&n| n as usize <= crate::MAX_SIZE).ok_or_else(|| {
            self.at = start;
            self.error(alloc::format!("{n:#x} bytes are more than a tree may have"))
        })
    }

    fn close(&mut self) -> Result<()> {
        self.skip(true)?;
        self.expect(b')')
    }

    fn string_argument(&mut self) -> Result<Vec<u8>> {
        self.skip(true)?;
        let s = self.quoted()?;
        self.close()?;
        Ok(s)
    }

    /// One term. `edit` allows what only an edit can mean.
    pub(crate) fn term(&mut self, edit: bool) -> Result<Term> {
        match self.peek() {
            Some(b'"') => return Ok(Term::Str(self.quoted()?)),
            Some(b'[') => return Ok(Term::Bytes(self.hex()?)),
            Some(b) if edit && (b.is_ascii_digit() || b == b'\'') => return Ok(Term::Number(self.number()?)),
            _ => {}
        }
        let start = self.at;
        let word = self.run(|b| b.is_ascii_alphanumeric());
        if word.is_empty() {
            return Err(self.expected("a value, such as \"text\", u32(1), u64(…), zeros(16) or [00 11]"));
        }
        self.skip(true)?;
        if self.peek() != Some(b'(') {
            return Err(self.expected(&alloc::format!("'(' after {}", word.escape_ascii())));
        }
        self.advance(1);
        Ok(match word {
            b"u8" => Term::U8(self.numbers()?),
            b"u16" => Term::U16(self.numbers()?),
            b"u32" => Term::U32(self.numbers()?),
            b"u64" => Term::U64(self.numbers()?),
            b"text" => Term::Text(self.string_argument()?),
            b"fourcc" => {
                let s = self.string_argument()?;
                Term::FourCc(
                    s.as_slice()
                        .try_into()
                        .map_err(|_| self.error("fourcc wants exactly four characters"))?,
                )
            }
            b"zeros" => {
                let n = self.size()?;
                self.close()?;
                Term::Zeros(n)
            }
            b"field" => {
                let n = self.size()?;
                self.skip(true)?;
                self.expect(b',')?;
                let s = self.string_argument()?;
                if s.len() as u64 > u64::from(n) {
                    return Err(self.error(alloc::format!("the text has {} bytes, its field {n}", s.len())));
                }
                Term::Field(n, s)
            }
            b"phandle" if edit => {
                self.skip(true)?;
                let path = self.run(|b| !matches!(b, b')' | b' ' | b'\n' | b'\t'));
                let path = String::from_utf8_lossy(path).to_string();
                self.close()?;
                Term::Phandle(path)
            }
            _ => {
                self.at = start;
                return Err(self.error(alloc::format!(
                    "unknown kind of value {}; there are u8 u16 u32 u64 text field zeros fourcc template{}",
                    word.escape_ascii(),
                    if edit { " phandle" } else { "" }
                )));
            }
        })
    }

    /// Terms separated by commas, or `template(terms)`.
    pub(crate) fn value(&mut self, edit: bool) -> Result<Value> {
        let lines = !edit;
        let mut value = Value::default();
        if self.rest().starts_with(b"template") {
            self.advance(8);
            self.skip(true)?;
            self.expect(b'(')?;
            value.placeholder = true;
            self.skip(true)?;
            if self.eat(b')') {
                return Ok(value);
            }
            value.terms = self.terms(edit, true)?;
            self.close()?;
        } else {
            value.terms = self.terms(edit, lines)?;
        }
        Ok(value)
    }

    fn terms(&mut self, edit: bool, lines: bool) -> Result<Vec<Term>> {
        let mut terms = Vec::new();
        loop {
            self.skip(lines)?;
            if !terms.is_empty() && self.rest().starts_with(b"padding") {
                // The caller's: it belongs to the property, not to the value.
                return Ok(terms);
            }
            terms.push(self.term(edit)?);
            self.skip(lines)?;
            if !self.eat(b',') {
                return Ok(terms);
            }
        }
    }
}
