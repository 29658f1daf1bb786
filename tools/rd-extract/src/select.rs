//! Which entries are meant: paths, patterns, and links inside the image.

use apple_fs::{Error, FileSystem, Kind, Tree};
use std::collections::HashSet;

/// Symbolic links followed in one path.
const MAX_LINKS: usize = 40;

/// Entries of a tree, each once, in the order of the tree, with the folders that lead to them.
#[derive(Debug, Default)]
pub struct Selection {
    /// The chosen entries and everything below them.
    pub entries: Vec<usize>,
    /// Folders above them that were not chosen themselves.
    pub above: HashSet<usize>,
    /// Patterns that match nothing.
    pub missing: Vec<String>,
}

impl Selection {
    /// What the patterns match; everything if there are none.
    pub fn new(tree: &Tree, patterns: &[String]) -> Selection {
        let total = tree.entries().len();
        let mut selection = Selection::default();
        if patterns.is_empty() {
            selection.entries = (0..total).collect();
            return selection;
        }
        let mut chosen = vec![false; total];
        let mut choose = |i: usize| {
            if let Some(range) = chosen.get_mut(tree.subtree(i)) {
                range.fill(true);
            }
        };
        for pattern in patterns {
            let mut any = false;
            if let Some(i) = tree.find(pattern) {
                choose(i);
                any = true;
            } else if pattern.contains(['*', '?', '[']) {
                for i in 1..total {
                    if fits(pattern, &tree.path(i)) {
                        choose(i);
                        any = true;
                    }
                }
            }
            if !any {
                selection.missing.push(pattern.clone());
            }
        }
        selection.entries = (0..total).filter(|&i| chosen.get(i) == Some(&true)).collect();
        for &i in &selection.entries {
            let mut at = i;
            while at != 0 {
                at = tree.parent(at);
                if chosen.get(at) == Some(&true) || !selection.above.insert(at) {
                    break;
                }
            }
        }
        selection
    }

    /// Whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the chosen files; a file with several names counts once.
    pub fn bytes(&self, tree: &Tree) -> u64 {
        let mut seen = HashSet::new();
        self.entries
            .iter()
            .filter_map(|&i| tree.entries().get(i))
            .filter(|e| e.meta.kind == Kind::File && seen.insert(e.id))
            .fold(0u64, |n, e| n.saturating_add(e.meta.size))
    }
}

/// Whether a path fits a pattern.
pub fn fits(pattern: &str, path: &str) -> bool {
    let parts: Vec<Vec<char>> =
        pattern.split('/').filter(|p| !p.is_empty()).map(|p| p.chars().collect()).collect();
    matches_path(&parts, path)
}

/// Whether a path fits a pattern; `**` stands for any number of names, also none.
fn matches_path(pattern: &[Vec<char>], path: &str) -> bool {
    let path: Vec<Vec<char>> =
        path.split('/').filter(|p| !p.is_empty()).map(|p| p.chars().collect()).collect();
    // fits[j]: the names seen so far fit the first j parts of the pattern.
    let any = |p: &[char]| p == ['*', '*'];
    let mut fits = vec![false; pattern.len().saturating_add(1)];
    let close = |fits: &mut Vec<bool>| {
        for (j, p) in pattern.iter().enumerate() {
            if any(p)
                && fits.get(j) == Some(&true)
                && let Some(next) = fits.get_mut(j.saturating_add(1))
            {
                *next = true;
            }
        }
    };
    if let Some(first) = fits.first_mut() {
        *first = true;
    }
    close(&mut fits);
    for name in &path {
        let mut next = vec![false; fits.len()];
        for (j, p) in pattern.iter().enumerate() {
            if fits.get(j) != Some(&true) {
                continue;
            }
            let to = if any(p) { j } else { j.saturating_add(1) };
            if (any(p) || matches_name(p, name))
                && let Some(slot) = next.get_mut(to)
            {
                *slot = true;
            }
        }
        fits = next;
        close(&mut fits);
    }
    fits.last() == Some(&true)
}

/// Whether a name fits a pattern with `*`, `?` and `[...]`. One step back to the last star is enough, so the time is
/// bounded by the product of the lengths.
fn matches_name(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0usize, 0usize);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match step(pattern.get(p..).unwrap_or_default(), name.get(n).copied().unwrap_or_default()) {
            Step::Star => {
                star = Some((p, n));
                p = p.saturating_add(1);
                continue;
            }
            Step::Fits(used) => {
                p = p.saturating_add(used);
                n = n.saturating_add(1);
                continue;
            }
            Step::No => {}
        }
        match star {
            Some((at, from)) => {
                star = Some((at, from.saturating_add(1)));
                p = at.saturating_add(1);
                n = from.saturating_add(1);
            }
            None => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|&c| c == '*')
}

enum Step {
    Star,
    Fits(usize),
    No,
}

/// How the beginning of a pattern takes one character.
fn step(pattern: &[char], c: char) -> Step {
    match pattern {
        ['*', ..] => Step::Star,
        ['?', ..] => Step::Fits(1),
        ['[', rest @ ..] => {
            let Some(end) = rest.iter().skip(1).position(|&e| e == ']').map(|i| i.saturating_add(1)) else {
                return if c == '[' { Step::Fits(1) } else { Step::No };
            };
            let set = rest.get(..end).unwrap_or_default();
            let (not, set) = match set {
                ['!' | '^', rest @ ..] if !rest.is_empty() => (true, rest),
                _ => (false, set),
            };
            let mut inside = false;
            let mut left = set;
            loop {
                left = match left {
                    [a, '-', b, rest @ ..] => {
                        inside |= (*a..=*b).contains(&c);
                        rest
                    }
                    [a, rest @ ..] => {
                        inside |= *a == c;
                        rest
                    }
                    [] => break,
                };
            }
            if inside != not { Step::Fits(end.saturating_add(2)) } else { Step::No }
        }
        [a, ..] if *a == c => Step::Fits(1),
        _ => Step::No,
    }
}

/// The entry of a path, with symbolic links followed inside the image.
pub fn resolve(fs: &dyn FileSystem, path: &str) -> Result<usize, Error> {
    let tree = fs.tree();
    let missing = || Error::NotFound(format!("nothing is called {path:?}"));
    let mut todo: Vec<String> = path.split('/').rev().map(String::from).collect();
    let mut at = 0usize;
    let mut links = 0usize;
    while let Some(part) = todo.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                at = tree.parent(at);
                continue;
            }
            _ => {}
        }
        // `find` takes a path from the root; a name alone is looked up among the children.
        let next = tree.find_in(at, &part).ok_or_else(missing)?;
        let entry = tree.entries().get(next).ok_or_else(missing)?;
        if entry.meta.kind != Kind::Symlink {
            at = next;
            continue;
        }
        links = links.saturating_add(1);
        let target = String::from_utf8_lossy(&fs.link_target(entry)?).into_owned();
        if links > MAX_LINKS || todo.len() > 4096 {
            return Err(Error::NotFound(format!("{path:?} leads through too many symbolic links")));
        }
        if target.starts_with('/') {
            at = 0;
        }
        todo.extend(target.split('/').rev().map(String::from));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names_and_paths() {
        for (pattern, path) in [
            ("/sbin/*", "/sbin/launchd"),
            ("**/launchd", "/sbin/launchd"),
            ("**/launchd", "/launchd"),
            ("/a/**/b", "/a/b"),
            ("/a/**/b", "/a/x/y/b"),
            ("*.[ch]", "/x.c"),
            ("[!a]b?", "/xbc"),
            ("[]x]", "/]"),
            ("[a-cx]", "/b"),
            ("a*b*c", "/aXXbYYbc"),
            ("[", "/["),
        ] {
            assert!(fits(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/sbin/*", "/sbin/a/b"),
            ("*.c", "/x.cc"),
            ("[!a]b", "/ab"),
            ("a?", "/a"),
            ("**/x/y", "/y"),
            ("a*b", "/ac"),
        ] {
            assert!(!fits(pattern, path), "{pattern} {path}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let name = "a".repeat(250);
        assert!(!fits(&format!("{}b", "a*".repeat(100)), &format!("/{name}")));
        assert!(!fits(&format!("{}b", "**/".repeat(200)), &format!("/{}", "a/".repeat(500))));
    }
}
