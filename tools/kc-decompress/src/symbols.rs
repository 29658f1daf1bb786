//! `symbols`: as nm prints them.

use crate::args::Symbols as Args;
use crate::kexts;
use crate::load::{self, kernel_error};
use crate::report::{clean, pretty};
use apple_kc::{Error as KcError, KernelCache, Layout, SymbolEntry, SymbolKind};
use cli::{Io, Result, Status};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write;

/// The kernel's own name among the images.
const KERNEL: &str = "com.apple.kernel";

/// Prints the symbols of the kernel and of every kext that has any.
pub fn run(args: &Args, io: &Io) -> Result<Status> {
    let loaded = load::load(io, args.file.as_deref(), args.unwrap.part.as_deref())?;
    let place = loaded.place();
    let fail = |e: KcError| kernel_error(place.clone(), &e);
    let (opened, kernel) = loaded.look(&args.unwrap, io)?;
    let bytes = &opened.payload[..];
    let mut out = Printer { args, text: String::new(), images: Vec::new(), count: 0 };
    let own = args.kext.as_deref().is_none_or(|k| k == KERNEL);
    if own && kernel.layout != Layout::Fileset {
        out.image(KERNEL, &kernel, bytes);
    }
    // A kernel alone, or a cache whose list is lost, still has symbols of its own.
    let list = match kernel.kexts(bytes) {
        Ok(list) => list.kexts,
        Err(e) if args.kext.as_deref().is_some_and(|k| k != KERNEL) => return Err(fail(e)),
        Err(_) => Vec::new(),
    };
    let list = apple_kc::Kexts { kexts: list, ..apple_kc::Kexts::default() };
    let wanted: Vec<_> = match args.kext.as_deref() {
        Some(KERNEL) if kernel.layout != Layout::Fileset => Vec::new(),
        Some(id) => vec![list.find(id).map_err(fail)?],
        None => list.kexts.iter().filter(|k| k.has_code()).collect(),
    };
    let mut left = kexts::most(bytes.len());
    for kext in wanted {
        // Out of the cache its symbols are where its own header says, whatever the layout.
        let image = kernel.extract_kext(bytes, kext).map_err(fail)?;
        left = left.checked_sub(image.len()).ok_or_else(|| kexts::overlapping(&place))?;
        let parsed = KernelCache::parse(&image).map_err(fail)?;
        out.image(&kext.id, &parsed, &image);
    }
    if out.count == 0 {
        io.warn(format_args!("{place}: no symbols: the kernel is stripped, as release kernels are"));
        return Ok(Status::NothingFound);
    }
    if args.json {
        io.print(&pretty(&json!({ "file": loaded.name, "part": loaded.part, "images": out.images })))?;
    } else {
        io.print(&out.text)?;
    }
    Ok(Status::Done)
}

struct Printer<'a> {
    args: &'a Args,
    text: String,
    images: Vec<Value>,
    count: usize,
}

impl Printer<'_> {
    fn image(&mut self, id: &str, image: &KernelCache, bytes: &[u8]) {
        let mut all: Vec<SymbolEntry<'_>> =
            image.symbols(bytes).entries().filter(|s| !matches!(s.kind, SymbolKind::Debug(_))).collect();
        if all.is_empty() {
            return;
        }
        self.count = self.count.saturating_add(all.len());
        // Undefined symbols have no address: last.
        all.sort_by_key(|s| (s.kind == SymbolKind::Undefined, s.value));
        let sections: Vec<(&str, &str)> = image
            .segments
            .iter()
            .flat_map(|s| s.sections.iter().map(|x| (s.name.as_str(), x.name.as_str())))
            .collect();
        if self.args.json {
            let symbols: Vec<Value> = all.iter().map(|s| self.json(s, &sections)).collect();
            self.images.push(json!({ "image": id, "symbols": symbols }));
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        if self.args.kext.is_none() {
            let _ = writeln!(self.text, "{}:", clean(id));
        }
        for s in &all {
            let name = self.name(&s.name);
            let _ = match s.kind {
                SymbolKind::Undefined => {
                    writeln!(self.text, "{:16} {} {}", "", letter(s, &sections), clean(&name))
                }
                _ => writeln!(self.text, "{:016x} {} {}", s.value, letter(s, &sections), clean(&name)),
            };
        }
    }

    fn name<'s>(&self, name: &'s str) -> Cow<'s, str> {
        if self.args.demangle { demangled(name).map_or(name.into(), Cow::Owned) } else { name.into() }
    }

    fn json(&self, s: &SymbolEntry<'_>, sections: &[(&str, &str)]) -> Value {
        let section = match s.kind {
            SymbolKind::Section(n) => sections.get(usize::from(n).saturating_sub(1)),
            _ => None,
        };
        let mut value = json!({
            "name": s.name,
            "address": (s.kind != SymbolKind::Undefined).then(|| format!("{:#x}", s.value)),
            "type": letter(s, sections).to_string(),
            "external": s.external,
            "section": section.map(|(segment, section)| format!("{segment},{section}")),
        });
        if let (true, Value::Object(map)) = (self.args.demangle, &mut value) {
            map.insert("demangled".into(), demangled(&s.name).into());
        }
        value
    }
}

/// nm's letter: T code, D data, B zero-filled, S any other section, A absolute, U undefined, I indirect; lower case for
/// symbols that other files cannot refer to.
fn letter(s: &SymbolEntry<'_>, sections: &[(&str, &str)]) -> char {
    let letter = match s.kind {
        SymbolKind::Undefined => 'U',
        SymbolKind::Absolute => 'A',
        SymbolKind::Indirect => 'I',
        SymbolKind::Section(n) => match sections.get(usize::from(n).saturating_sub(1)) {
            Some(("__TEXT" | "__TEXT_EXEC", "__text")) => 'T',
            Some((_, "__data")) => 'D',
            Some((_, "__bss")) => 'B',
            _ => 'S',
        },
        _ => '?',
    };
    if s.external { letter } else { letter.to_ascii_lowercase() }
}

/// A C++ name as it was written; Mach-O has an underscore before it.
fn demangled(name: &str) -> Option<String> {
    let mangled = name.strip_prefix('_')?;
    let symbol = cpp_demangle::Symbol::new(mangled).ok()?;
    symbol.demangle().ok()
}
