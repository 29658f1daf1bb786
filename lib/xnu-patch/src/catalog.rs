//! Patches as data: what to look for, and what to write there.
//!
//! A patch file is TOML:
//!
//! ```text
//! [[patch]]
//! name = "secure-root"                      # what --patch takes
//! what = "one line: what the kernel does then"
//! instead = "what does the same without a patch, if anything"
//! source = "who described the place"
//!
//! [[patch.variant]]                         # all variants are tried; together they must find the place once
//! name = "iOS 12 to 14"
//! otherwise = true                          # only if the variants before found nothing
//! trains = [12, 14]                         # iOS majors, first and last; none: any
//! in = "com.apple.driver.AppleImage4"       # a kext; "kernel"; "kexts"; none: all code
//! segments = ["__PPLTEXT", "__TEXT_EXEC"]   # of these the first that there is; none: any
//! find = ["528002c0/ffffffe0", "~2 9b000000/ffe08000"]   # a sequence (see `pattern`), or
//! string = "SecureRootName"                 # code that refers to this C string (string_part: to one that holds it), or
//! symbol = "_IOSecureBSDRoot"               # a symbol, or
//! text = "com.apple.os.update-"             # the C string itself
//! then = ["function"]                       # steps from there to the place
//! hits = 1                                  # how many places there must be, or [least, most]
//! write = ["mov w0, #0", "ret"]             # instructions, from the place on
//! write_text = "..."                        # for `text`: of the same length, or shorter
//!
//! [[set]]
//! name = "..."                              # several patches under one name
//! what = "..."
//! patches = ["...", "..."]
//! ```
//!
//! Steps: `function` (to the start of the function), `follow` (where BL or B goes), `callers`, `+N`, `-N` (instructions),
//! `forward N: SEQUENCE` and `back N: SEQUENCE` (to the nearest place at most N instructions away), `has N: SEQUENCE` and
//! `before N: SEQUENCE` (the same without going there), `X = NUMBER` (what a letter must stand for). Instructions of a
//! sequence in a step are separated by `;`.
//!
//! Written are `keep`, `nop`, `ret`, `always` (the conditional branch that is there becomes unconditional), `mov wN, #NUMBER`
//! and `mov xN, #NUMBER`, and instructions as in patterns, which leave alone what they do not name.

use serde::Deserialize;

use crate::error::Error;
use crate::pattern::{FARTHEST, Instruction, Sequence, distance};

/// The built-in patch files.
const BUILTIN: &[(&str, &str)] = &[
    ("trust.toml", include_str!("../patches/trust.toml")),
    ("storage.toml", include_str!("../patches/storage.toml")),
    ("kernel.toml", include_str!("../patches/kernel.toml")),
];
/// Most steps and written instructions of a variant.
const MOST: usize = 64;
/// Most places that a variant may ask for.
const MOST_HITS: usize = 64;

/// A step from a place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Function,
    Follow,
    Callers,
    Move(i64),
    Forward(u32, Sequence),
    Back(u32, Sequence),
    Has(u32, Sequence),
    Before(u32, Sequence),
    Is(char, u32),
}

/// Where a search begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    Sequence(Sequence),
    String { text: String, whole: bool },
    Symbol(String),
    Text(String),
}

/// What is written over one instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    Keep,
    Always,
    Instruction(Instruction),
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Write {
    Words(Vec<Word>),
    Text(Vec<u8>),
}

/// One way to find a patch's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Name.
    pub name: String,
    /// First and last iOS major that it is for.
    pub trains: Option<(u32, u32)>,
    /// Only if those before found nothing.
    pub otherwise: bool,
    pub(crate) module: Option<String>,
    pub(crate) segments: Vec<String>,
    pub(crate) anchor: Anchor,
    pub(crate) steps: Vec<Step>,
    pub(crate) hits: (usize, usize),
    pub(crate) write: Write,
}

/// A patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Name.
    pub name: String,
    /// What a kernel does with it, one line.
    pub what: String,
    /// What does the same without changing the kernel.
    pub instead: Option<String>,
    /// Who described the place.
    pub source: Option<String>,
    /// Ways to find it.
    pub variants: Vec<Variant>,
}

/// Several patches under one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// Name.
    pub name: String,
    /// What it is for, one line.
    pub what: String,
    /// Names of its patches.
    pub patches: Vec<String>,
}

/// All patches there are. None is done unless asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The patches.
    pub patches: Vec<Patch>,
    /// The sets.
    pub sets: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    patch: Vec<RawPatch>,
    #[serde(default)]
    set: Vec<Set>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPatch {
    name: String,
    what: String,
    instead: Option<String>,
    source: Option<String>,
    #[serde(default)]
    variant: Vec<RawVariant>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Hits {
    Exactly(usize),
    Between([usize; 2]),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawVariant {
    name: Option<String>,
    trains: Option<[u32; 2]>,
    #[serde(default)]
    otherwise: bool,
    r#in: Option<String>,
    #[serde(default)]
    segments: Vec<String>,
    find: Option<Vec<String>>,
    string: Option<String>,
    string_part: Option<String>,
    symbol: Option<String>,
    text: Option<String>,
    #[serde(default)]
    then: Vec<String>,
    hits: Option<Hits>,
    write: Option<Vec<String>>,
    write_text: Option<String>,
}

impl Catalog {
    /// The built-in patches.
    ///
    /// # Errors
    /// None: the files are part of this crate, and tested.
    pub fn builtin() -> Result<Self, Error> {
        let mut all = Self::default();
        for (name, text) in BUILTIN {
            all.add(name, text)?;
        }
        Ok(all)
    }

    /// Adds a patch file; what has the name of something there already takes its place.
    ///
    /// # Errors
    /// A file that cannot be understood.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), Error> {
        let raw: File = toml::from_str(text)
            .map_err(|e| Error::File { file: file.into(), why: e.to_string().trim().replace('\n', " ") })?;
        for patch in raw.patch {
            let patch = patch.read(file)?;
            self.patches.retain(|p| p.name != patch.name);
            self.patches.push(patch);
        }
        for set in raw.set {
            for name in &set.patches {
                if !self.patches.iter().any(|p| p.name == *name) {
                    return Err(Error::Patch {
                        file: file.into(),
                        patch: set.name.clone(),
                        field: "patches",
                        why: format!("there is no patch {name:?}"),
                    });
                }
            }
            self.sets.retain(|s| s.name != set.name);
            self.sets.push(set);
        }
        Ok(())
    }

    /// The patches of these names, those of sets included, each once.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn chosen<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<&Patch>, Error> {
        let mut found: Vec<&Patch> = Vec::new();
        for name in names {
            let name = name.as_ref();
            let wanted: Vec<&str> = match self.sets.iter().find(|s| s.name == name) {
                Some(set) => set.patches.iter().map(String::as_str).collect(),
                None => vec![name],
            };
            for wanted in wanted {
                let Some(patch) = self.patches.iter().find(|p| p.name == wanted) else {
                    let all = self.patches.iter().map(|p| &p.name).chain(self.sets.iter().map(|s| &s.name));
                    let known = all.map(String::as_str).collect::<Vec<_>>().join(", ");
                    return Err(Error::Unknown { name: name.into(), known });
                };
                if !found.iter().any(|p| p.name == patch.name) {
                    found.push(patch);
                }
            }
        }
        Ok(found)
    }
}

/// A place in a kernel, for who wants to know where it is rather than to write there.
///
/// As text: `pc=ADDRESS`, `symbol=NAME`, `string=TEXT` (code that refers to it) or `pattern=SEQUENCE`, and after each `>` a
/// step: `string=SecureRootName > function`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locator {
    pub(crate) start: Start,
    pub(crate) steps: Vec<Step>,
}

/// Where a [`Locator`] begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Address(u64),
    Anchor(Anchor),
}

impl Locator {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split('>').map(str::trim);
        let (kind, value) = parts
            .next()
            .and_then(|p| p.split_once('='))
            .ok_or_else(|| format!("{text:?}: pc=ADDRESS, symbol=NAME, string=TEXT or pattern=HEX/MASK"))?;
        let value = value.trim();
        let start = match kind.trim() {
            "pc" | "address" => {
                let address = u64::from_str_radix(value.trim_start_matches("0x"), 16);
                Start::Address(address.map_err(|_| format!("{value:?} is no address in hexadecimal"))?)
            }
            "symbol" => Start::Anchor(Anchor::Symbol(value.to_owned())),
            "string" => Start::Anchor(Anchor::String { text: value.to_owned(), whole: true }),
            "pattern" => Start::Anchor(Anchor::Sequence(Sequence::parse_line(value)?)),
            other => return Err(format!("{other:?} is none of pc, symbol, string, pattern")),
        };
        let steps: Vec<Step> = parts.map(step).collect::<Result<_, _>>()?;
        if steps.len() > MOST {
            return Err(format!("more than {MOST} steps"));
        }
        Ok(Self { start, steps })
    }

    /// The address, if it is nothing more than that.
    pub fn address(&self) -> Option<u64> {
        match self.start {
            Start::Address(address) if self.steps.is_empty() => Some(address),
            _ => None,
        }
    }
}

impl RawPatch {
    fn read(self, file: &str) -> Result<Patch, Error> {
        let name = self.name;
        let fail = |field, why: String| Error::Patch { file: file.into(), patch: name.clone(), field, why };
        if self.variant.is_empty() {
            return Err(fail("variant", "there is none".into()));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(plain) {
            return Err(fail("name", "letters, digits, -, _ and . only".into()));
        }
        let variants = self.variant.into_iter().enumerate();
        let variants = variants
            .map(|(n, v)| v.read(n).map_err(|(field, why)| fail(field, why)))
            .collect::<Result<_, _>>()?;
        Ok(Patch { name, what: self.what, instead: self.instead, source: self.source, variants })
    }
}

impl RawVariant {
    fn read(self, n: usize) -> Result<Variant, (&'static str, String)> {
        let mut anchors = Vec::new();
        if let Some(lines) = &self.find {
            anchors.push(Anchor::Sequence(Sequence::parse(lines).map_err(|why| ("find", why))?));
        }
        anchors.extend(self.string.map(|text| Anchor::String { text, whole: true }));
        anchors.extend(self.string_part.map(|text| Anchor::String { text, whole: false }));
        anchors.extend(self.symbol.map(Anchor::Symbol));
        anchors.extend(self.text.map(Anchor::Text));
        let anchor = match anchors.pop() {
            Some(anchor) if anchors.is_empty() => anchor,
            _ => return Err(("find", "exactly one of find, string, string_part, symbol, text".into())),
        };
        let write = match (&anchor, self.write, self.write_text) {
            (Anchor::Text(old), None, Some(new)) => {
                if new.len() > old.len() || new.contains('\0') {
                    return Err(("write_text", format!("longer than {old:?}, or holds a zero")));
                }
                let mut bytes = new.into_bytes();
                bytes.resize(old.len(), 0);
                Write::Text(bytes)
            }
            (Anchor::Text(_), _, _) => {
                return Err(("write_text", "what `text` needs, and nothing else".into()));
            }
            (_, Some(words), None) if (1..=MOST).contains(&words.len()) => Write::Words(
                words.iter().map(|w| word(w)).collect::<Result<_, _>>().map_err(|e| ("write", e))?,
            ),
            _ => return Err(("write", format!("1 to {MOST} instructions"))),
        };
        if matches!(anchor, Anchor::Text(_)) && !self.then.is_empty() || self.then.len() > MOST {
            return Err(("then", format!("at most {MOST} steps, and none from `text`")));
        }
        let hits = match self.hits {
            None => (1, 1),
            Some(Hits::Exactly(n)) => (n, n),
            Some(Hits::Between([least, most])) => (least, most),
        };
        if hits.0 == 0 || hits.0 > hits.1 || hits.1 > MOST_HITS {
            return Err(("hits", format!("1 to {MOST_HITS}, the least first")));
        }
        Ok(Variant {
            name: self.name.unwrap_or_else(|| format!("{}", n.saturating_add(1))),
            trains: self.trains.map(|[first, last]| (first, last)),
            otherwise: self.otherwise,
            module: self.r#in,
            segments: self.segments,
            anchor,
            steps: self.then.iter().map(|s| step(s)).collect::<Result<_, _>>().map_err(|e| ("then", e))?,
            hits,
            write,
        })
    }
}

fn step(text: &str) -> Result<Step, String> {
    let text = text.trim();
    let (head, sequence) = match text.split_once(':') {
        Some((head, sequence)) => (head, Some(Sequence::parse_line(sequence)?)),
        None => (text, None),
    };
    let mut words = head.split_whitespace();
    let bad = || format!("{text:?} is no step");
    match (words.next(), words.next(), words.next(), words.next(), sequence) {
        (Some("function"), None, None, None, None) => Ok(Step::Function),
        (Some("follow"), None, None, None, None) => Ok(Step::Follow),
        (Some("callers"), None, None, None, None) => Ok(Step::Callers),
        (Some("forward"), Some(n), None, None, Some(s)) => Ok(Step::Forward(distance(n)?, s)),
        (Some("back"), Some(n), None, None, Some(s)) => Ok(Step::Back(distance(n)?, s)),
        (Some("has"), Some(n), None, None, Some(s)) => Ok(Step::Has(distance(n)?, s)),
        (Some("before"), Some(n), None, None, Some(s)) => Ok(Step::Before(distance(n)?, s)),
        (Some(letter), Some("="), Some(number), None, None) => {
            let mut chars = letter.chars();
            match (chars.next().filter(char::is_ascii_lowercase), chars.next(), number.parse().ok()) {
                (Some(letter), None, Some(number)) => Ok(Step::Is(letter, number)),
                _ => Err(bad()),
            }
        }
        (Some(by), None, None, None, None) if by.starts_with(['+', '-']) => {
            let by: i64 = by.parse().map_err(|_| bad())?;
            if by.unsigned_abs() > FARTHEST.into() { Err(bad()) } else { Ok(Step::Move(by)) }
        }
        _ => Err(bad()),
    }
}

fn word(text: &str) -> Result<Word, String> {
    let text = text.trim();
    let encoded = |word: u32| Ok(Word::Instruction(Instruction::parse(&format!("{word:08x}"))?));
    match text {
        "keep" => return Ok(Word::Keep),
        "always" => return Ok(Word::Always),
        "nop" => return encoded(0xd503_201f),
        "ret" => return encoded(0xd65f_03c0),
        _ => {}
    }
    let Some(operands) = text.strip_prefix("mov ") else {
        return Ok(Word::Instruction(Instruction::parse(text)?));
    };
    let bad = || format!("{text:?}: mov wN or xN and a number up to 0xffff");
    let (register, value) = operands.split_once(',').ok_or_else(bad)?;
    let (wide, number) = match register.trim().split_at_checked(1) {
        Some(("w", n)) => (0, n),
        Some(("x", n)) => (1u32 << 31, n),
        _ => return Err(bad()),
    };
    let number: u32 = number.parse().ok().filter(|n| *n < 31).ok_or_else(bad)?;
    let value = value.trim().trim_start_matches('#');
    let value = match value.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => value.parse().ok(),
    };
    let value = value.filter(|v| *v <= 0xffff).ok_or_else(bad)?;
    encoded(wide | 0x5280_0000 | value << 5 | number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(text: &str) -> Result<Catalog, Error> {
        let mut c = Catalog::default();
        c.add("own.toml", text).map(|()| c)
    }

    const GOOD: &str = r#"
        [[patch]]
        name = "a"
        what = "w"
        [[patch.variant]]
        string = "x"
        then = ["function", "forward 8: d503237f; ~2 94000000/fc000000", "k = 1", "-2", "has 3: d65f03c0"]
        write = ["mov w0, #0x101", "keep", "always", "ret", "mov x8, #0", "52800000/ffffffe0"]
        [[set]]
        name = "s"
        what = "w"
        patches = ["a"]
    "#;

    #[test]
    fn the_built_in_files_are_well_formed_and_their_patches_explained() {
        let all = Catalog::builtin().unwrap();
        assert!(all.patches.len() >= 10, "{}", all.patches.len());
        for p in &all.patches {
            assert!(!p.what.is_empty() && p.source.is_some(), "{}", p.name);
        }
        for s in &all.sets {
            assert!(!all.chosen(&[&s.name]).unwrap().is_empty());
        }
    }

    #[test]
    fn sets_are_their_patches_and_names_are_found_once() {
        let c = add(GOOD).unwrap();
        let names: Vec<_> = c.chosen(&["s", "a"]).unwrap().iter().map(|p| p.name.clone()).collect();
        assert_eq!(names, ["a"]);
        let error = c.chosen(&["b"]).unwrap_err();
        assert_eq!(error.to_string(), "no patch or set of patches is called \"b\"; there are a, s");
    }

    #[test]
    fn a_file_of_the_user_s_replaces_patches_of_the_same_name() {
        let mut c = add(GOOD).unwrap();
        c.add("second.toml", &GOOD.replace("what = \"w\"", "what = \"other\"")).unwrap();
        assert_eq!((c.patches.len(), c.patches[0].what.as_str(), c.sets.len()), (1, "other", 1));
    }

    #[test]
    fn mistakes_are_told_with_file_patch_and_field() {
        for (from, to, part) in [
            ("string = \"x\"", "", "own.toml: patch \"a\": find: exactly one of"),
            ("function", "functions", "then: \"functions\" is no step"),
            ("mov w0, #0x101", "mov w0, #0x10101", "write: "),
            ("forward 8", "forward 9999", "then: "),
            ("[\"a\"]", "[\"b\"]", "patch \"s\": patches: there is no patch \"b\""),
            ("name = \"a\"", "name = \"a b\"", "name: letters"),
            ("what = \"w\"", "wat = \"w\"", "own.toml: TOML"),
            ("write = [", "hits = 0\nwrite = [", "hits: "),
        ] {
            let error = add(&GOOD.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(
                error.contains(part) || part.contains("TOML") && error.starts_with("own.toml: "),
                "{error}"
            );
            assert_eq!(error.lines().count(), 1);
        }
    }
}
