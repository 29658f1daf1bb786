//! Looking for the places of a patch, and what writing there would change.

use serde::{Serialize, Serializer};

use crate::catalog::{Anchor, Locator, Patch, Start, Step, Variant, Word, Write};
use crate::code;
use crate::image::{Code, Image, KERNEL};
use crate::pattern::{Bindings, Sequence, Words};

/// Most places that are followed from one variant: more are no answer anyway.
const MOST: usize = 256;
/// In a patch file: every kext, the kernel not.
const KEXTS: &str = "kexts";
/// Most strings of one text that are looked at.
const MOST_STRINGS: usize = 64;

fn hex<S: Serializer>(n: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{n:#x}"))
}

fn hex_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

/// Bytes of the kernel to be replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// Virtual address, without slide.
    #[serde(serialize_with = "hex")]
    pub address: u64,
    /// What is there.
    #[serde(serialize_with = "hex_bytes")]
    pub old: Vec<u8>,
    /// What takes its place, as many bytes.
    #[serde(serialize_with = "hex_bytes")]
    pub new: Vec<u8>,
}

/// A place that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The variant that found it.
    pub variant: String,
    /// Its address, without slide.
    #[serde(serialize_with = "hex")]
    pub address: u64,
    /// Bundle identifier of the kext that it is in, where known.
    pub module: Option<String>,
    /// What would be written, by address.
    pub edits: Vec<Edit>,
}

/// Whether a patch can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The place was found: it can.
    Found,
    /// The place was found, and everything is there already.
    Already,
    /// The place was not found.
    NotFound,
    /// There are more places than there may be: it would be a guess.
    Ambiguous,
    /// No variant is for the kernel's train.
    OtherTrain,
}

impl Outcome {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Outcome::Found => "found",
            Outcome::Already => "done already",
            Outcome::NotFound => "not found",
            Outcome::Ambiguous => "found more than once",
            Outcome::OtherTrain => "not for this kernel",
        }
    }
}

/// What came of looking for a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The patch.
    pub name: String,
    /// What it does.
    pub what: String,
    /// What does the same without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Whether it can be done.
    pub outcome: Outcome,
    /// The places.
    pub hits: Vec<Hit>,
    /// What was odd: variants passed over, kexts not located.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Report {
    /// What to write, when the patch can be done.
    pub fn edits(&self) -> impl Iterator<Item = &Edit> {
        let wanted = self.outcome == Outcome::Found;
        self.hits.iter().filter(move |_| wanted).flat_map(|h| &h.edits)
    }
}

/// Looks for the places of a patch in a kernel.
pub fn look(patch: &Patch, image: &Image<'_>) -> Report {
    let version = image.kernel().version.as_ref().and_then(apple_kc::Version::ios);
    let mut report = Report {
        name: patch.name.clone(),
        what: patch.what.clone(),
        instead: patch.instead.clone(),
        outcome: Outcome::OtherTrain,
        hits: Vec::new(),
        notes: Vec::new(),
    };
    let mut bounds: Option<(usize, usize)> = None;
    for variant in &patch.variants {
        if let (Some((first, last)), Some(ios)) = (variant.trains, version)
            && !(first..=last).contains(&ios)
        {
            report.notes.push(format!("variant {:?} is for iOS {first} to {last}", variant.name));
            continue;
        }
        if variant.otherwise && !report.hits.is_empty() {
            continue;
        }
        let search = Search { variant, image };
        let hits = search.hits(&mut report.notes);
        // Variants may find the same place; then the first one's words count.
        for hit in hits {
            if !report.hits.iter().any(|h| h.address == hit.address) {
                report.hits.push(hit);
            }
        }
        let (least, most) = bounds.unwrap_or((usize::MAX, 0));
        bounds = Some((least.min(variant.hits.0), most.max(variant.hits.1)));
    }
    report.hits.sort_by_key(|h| h.address);
    if let Some((least, most)) = bounds {
        let nothing_new = || report.hits.iter().flat_map(|h| &h.edits).all(|e| e.old == e.new);
        report.outcome = match report.hits.len() {
            n if n > most => Outcome::Ambiguous,
            n if n < least => Outcome::NotFound,
            _ if nothing_new() => Outcome::Already,
            _ => Outcome::Found,
        };
    }
    report
}

/// The addresses of a place, without slide: at most a few hundred.
pub fn locate(locator: &Locator, image: &Image<'_>) -> Vec<u64> {
    let variant = |anchor| Variant {
        name: String::new(),
        trains: None,
        otherwise: false,
        module: None,
        segments: Vec::new(),
        anchor,
        steps: locator.steps.clone(),
        hits: (1, 1),
        write: Write::Words(vec![Word::Keep]),
    };
    let mut found = match &locator.start {
        Start::Address(address) if locator.steps.is_empty() => vec![*address],
        Start::Address(address) => {
            let variant = variant(Anchor::Symbol(String::new()));
            let search = Search { variant: &variant, image };
            let place = search.place(*address, Bindings::default());
            search.follow(place.into_iter().collect()).iter().map(|p| p.code.at(p.n)).collect()
        }
        Start::Anchor(anchor) => {
            let variant = variant(anchor.clone());
            let search = Search { variant: &variant, image };
            let places = search.anchors(&mut Vec::new());
            search.follow(places).iter().map(|p| p.code.at(p.n)).collect()
        }
    };
    found.sort_unstable();
    found.dedup();
    found
}

/// A place on the way: which code, which instruction, what letters stand for.
#[derive(Clone, Copy)]
struct Place<'a> {
    code: Code<'a>,
    n: usize,
    letters: Bindings,
}

struct Search<'a> {
    variant: &'a Variant,
    image: &'a Image<'a>,
}

impl<'a> Search<'a> {
    fn hits(&self, notes: &mut Vec<String>) -> Vec<Hit> {
        if let (Anchor::Text(text), Write::Text(new)) = (&self.variant.anchor, &self.variant.write) {
            let mut places = self.image.strings(text, true, MOST_STRINGS);
            if places.is_empty()
                && let Ok(changed) = std::str::from_utf8(new)
            {
                places = self.image.strings(changed.trim_end_matches('\0'), true, MOST_STRINGS);
            }
            let hit = |address: u64| {
                let old = self.image.bytes_at(address)?.get(..new.len())?.to_vec();
                Some(self.hit(address, vec![Edit { address, old, new: new.clone() }]))
            };
            return places.into_iter().filter_map(hit).collect();
        }
        let places = self.follow(self.anchors(notes));
        let mut hits: Vec<Hit> = places.iter().filter_map(|p| self.write(p)).collect();
        if self.variant.module.as_deref() == Some(KEXTS) {
            hits.retain(|h| h.module.as_deref().is_some_and(|m| m != KERNEL));
        }
        hits.sort_by_key(|h| h.address);
        hits.dedup_by_key(|h| h.address);
        hits
    }

    /// Takes all the steps.
    fn follow(&self, mut places: Vec<Place<'a>>) -> Vec<Place<'a>> {
        for step in &self.variant.steps {
            places = places.iter().flat_map(|p| self.step(step, p)).take(MOST).collect();
        }
        places
    }

    fn hit(&self, address: u64, edits: Vec<Edit>) -> Hit {
        let module = self.image.owner(address).map(str::to_owned);
        Hit { variant: self.variant.name.clone(), address, module, edits }
    }

    /// The code that the variant is about.
    fn scope(&self, notes: &mut Vec<String>) -> Vec<Code<'a>> {
        let mut all: Vec<Code<'a>> = self.image.code().to_vec();
        let present =
            self.variant.segments.iter().find(|name| all.iter().any(|c| c.segment == name.as_str()));
        if let Some(segment) = present {
            all.retain(|c| c.segment == segment.as_str());
        }
        let Some(wanted) = self.variant.module.as_deref().filter(|m| *m != KEXTS) else { return all };
        let wanted = if wanted == "kernel" { KERNEL } else { wanted };
        let Some(module) = self.image.module(wanted).filter(|m| !m.ranges.is_empty()) else {
            notes.push(format!(
                "variant {:?}: {wanted} is not to be told apart; all code was searched",
                self.variant.name
            ));
            return all;
        };
        let mut parts = Vec::new();
        for c in all {
            for (from, to) in &module.ranges {
                let end = c.address.saturating_add(c.bytes.len() as u64);
                let (from, to) = ((*from).max(c.address), (*to).min(end));
                let part = |at: u64| usize::try_from(at.saturating_sub(c.address)).ok();
                if let (Some(a), Some(b)) = (part(from), part(to))
                    && let Some(bytes) = c.bytes.get(a..b)
                {
                    parts.push(Code { address: from, bytes, ..c });
                }
            }
        }
        parts
    }

    fn anchors(&self, notes: &mut Vec<String>) -> Vec<Place<'a>> {
        let mut places = Vec::new();
        let letters = Bindings::default();
        match &self.variant.anchor {
            Anchor::Sequence(sequence) => {
                let (value, mask) = sequence.first();
                for code in self.scope(notes) {
                    for (n, chunk) in code.bytes.chunks_exact(4).enumerate() {
                        let word = chunk.first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
                        let mut letters = Bindings::default();
                        if word & mask == value && sequence.matches(&code, n, &mut letters) {
                            places.push(Place { code, n, letters });
                        }
                        if places.len() > MOST {
                            return places;
                        }
                    }
                }
            }
            Anchor::String { text, whole } => {
                let scope = self.scope(notes);
                for address in self.image.strings(text, *whole, MOST_STRINGS) {
                    for code in &scope {
                        code::references(code, address, |n| {
                            if places.len() <= MOST {
                                places.push(Place { code: *code, n, letters });
                            }
                        });
                    }
                }
            }
            Anchor::Symbol(name) => {
                let place = self.image.symbol(name).and_then(|address| self.place(address, letters));
                places.extend(place);
            }
            Anchor::Text(_) => {}
        }
        places
    }

    fn place(&self, address: u64, letters: Bindings) -> Option<Place<'a>> {
        let (code, n) = self.image.locate(address)?;
        Some(Place { code: *code, n, letters })
    }

    fn step(&self, step: &Step, from: &Place<'a>) -> Vec<Place<'a>> {
        let to = |n: Option<usize>| n.filter(|n| *n < from.code.len()).map(|n| Place { n, ..*from });
        let nearest = |numbers: &mut dyn Iterator<Item = usize>, sequence: &Sequence| {
            for n in numbers {
                let mut letters = from.letters;
                if sequence.matches(&from.code, n, &mut letters) {
                    return Some(Place { n, letters, ..*from });
                }
            }
            None
        };
        // Forward looks at the place itself too; back begins before it.
        let ahead = |far: u32| from.n..=from.n.saturating_add(far as usize);
        let behind = |far: u32| (from.n.saturating_sub(far as usize)..from.n).rev();
        let found = match step {
            Step::Function => to(code::function(&from.code, from.n)),
            Step::Follow => code::target(&from.code, from.n).and_then(|a| self.place(a, from.letters)),
            Step::Callers => {
                let all = code::callers(self.image, from.code.at(from.n), MOST);
                return all.into_iter().filter_map(|a| self.place(a, from.letters)).collect();
            }
            Step::Move(by) => to(usize::try_from(*by).map_or_else(
                |_| from.n.checked_sub(usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX)),
                |by| from.n.checked_add(by),
            )),
            Step::Forward(far, sequence) => nearest(&mut ahead(*far), sequence),
            Step::Back(far, sequence) => nearest(&mut behind(*far), sequence),
            Step::Has(far, sequence) => nearest(&mut ahead(*far), sequence).map(|p| Place { n: from.n, ..p }),
            Step::Before(far, sequence) => {
                nearest(&mut behind(*far), sequence).map(|p| Place { n: from.n, ..p })
            }
            Step::Is(letter, number) => Some(*from).filter(|p| p.letters.get(*letter) == Some(*number)),
        };
        found.into_iter().collect()
    }

    fn write(&self, place: &Place<'_>) -> Option<Hit> {
        let Write::Words(words) = &self.variant.write else { return None };
        let mut edits = Vec::new();
        for (k, word) in words.iter().enumerate() {
            let n = place.n.checked_add(k)?;
            let old = place.code.word(n)?;
            let new = match word {
                Word::Keep => continue,
                Word::Always => code::unconditional(old)?,
                Word::Instruction(i) => i.write(old, &place.letters)?,
            };
            let (old, new) = (old.to_le_bytes().to_vec(), new.to_le_bytes().to_vec());
            edits.push(Edit { address: place.code.at(n), old, new });
        }
        Some(self.hit(place.code.at(place.n), edits))
    }
}

#[cfg(test)]
mod tests;
