//! From what the user names to files: components of the chosen identity first, then patterns of paths.

use crate::{Args, glob};
use apple_ipsw::{BuildManifest, Component, Identity, Ipsw, Result, Wanted};
use std::collections::HashSet;

/// A file to write, with the component whose digest it must have.
#[derive(Debug)]
pub struct Item<'a> {
    /// Path in the archive.
    pub path: String,
    /// The component, if BuildManifest knows the file.
    pub component: Option<&'a Component>,
}

/// Whether a name can only be a pattern of paths.
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '/', '.'])
}

/// The files of a command line, each once, in the order of its names. Without names, the boot set's.
pub fn items<'a>(args: &Args, ipsw: &'a Ipsw) -> Result<Vec<Item<'a>>> {
    let manifest = ipsw.manifest();
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut add = |path: String, component| {
        if !items.iter().any(|i| i.path == path) {
            items.push(Item { path, component });
        }
    };
    if args.names.is_empty() {
        for path in boot_paths(args, manifest)? {
            let component = of_path(args, manifest, &path);
            add(path, component);
        }
    }
    let components: Vec<&str> = args.names.iter().map(String::as_str).filter(|n| !is_pattern(n)).collect();
    for name in &args.names {
        if !is_pattern(name) {
            let component = manifest.choose(&args.choice(), &components)?.component(name)?;
            let path = ipsw.component_entry(component)?.name.clone();
            add(path, Some(component));
            continue;
        }
        let entries = ipsw.entries().iter().filter(|e| !e.is_folder());
        let fitting: Vec<_> = entries.filter(|e| e.name == *name || glob::fits(name, &e.name)).collect();
        if fitting.is_empty() {
            let passed = ipsw.passed().iter().find(|e| glob::fits(name, &e.name));
            // The entry's own error says whether it was passed over in a pipe or is not there.
            ipsw.entry(passed.map_or(name, |e| &e.name))?;
        }
        for entry in fitting {
            add(entry.name.clone(), of_path(args, manifest, &entry.name));
        }
    }
    Ok(items)
}

/// A component with a digest for a path: of the chosen identities first.
fn of_path<'a>(args: &Args, manifest: &'a BuildManifest, path: &str) -> Option<&'a Component> {
    let chosen: Vec<&Identity> = manifest.fitting(&args.choice()).unwrap_or_default();
    let all = manifest.identities.iter();
    let components = chosen.into_iter().chain(all).flat_map(|i| &i.components);
    let mut of_path = components.filter(|c| c.path.as_deref() == Some(path));
    let first = of_path.next()?;
    Some(if first.digest.is_some() { first } else { of_path.find(|c| c.digest.is_some()).unwrap_or(first) })
}

fn boot_paths(args: &Args, manifest: &BuildManifest) -> Result<Vec<String>> {
    let options = pipeline::BootOptions { extra: Vec::new(), ..args.boot_options() };
    pipeline::boot_paths(manifest, &options).map_err(ipsw_error)
}

/// Choosing fails in one way only.
fn ipsw_error(e: pipeline::Error) -> apple_ipsw::Error {
    match e {
        pipeline::Error::Ipsw(e) => e,
        e => apple_ipsw::Error::Io { name: "packed image".into(), error: std::io::Error::other(e) },
    }
}

/// What to keep of an archive that comes through a pipe.
pub fn wanted_paths(args: &Args, manifest: &BuildManifest) -> Result<Wanted> {
    if args.verify {
        return Ok(Box::new(|_| true));
    }
    if args.is_listing() {
        return Ok(Box::new(|_| false));
    }
    if args.check {
        let chosen = manifest.fitting(&args.choice())?;
        let paths: HashSet<String> =
            chosen.iter().flat_map(|i| &i.components).filter_map(|c| c.path.clone()).collect();
        return Ok(Box::new(move |path| paths.contains(path)));
    }
    if args.packs() {
        let paths = pipeline::boot_paths(manifest, &args.boot_options()).map_err(ipsw_error)?;
        return Ok(Box::new(move |path| paths.iter().any(|p| p == path)));
    }
    let mut paths = HashSet::new();
    if args.names.is_empty() {
        paths.extend(boot_paths(args, manifest)?);
    }
    let (patterns, components): (Vec<String>, Vec<String>) =
        args.names.iter().cloned().partition(|n| is_pattern(n));
    let names: Vec<&str> = components.iter().map(String::as_str).collect();
    for name in &names {
        paths.extend(manifest.choose(&args.choice(), &names)?.component(name)?.path.clone());
    }
    Ok(Box::new(move |path| paths.contains(path) || patterns.iter().any(|p| glob::fits(p, path))))
}
