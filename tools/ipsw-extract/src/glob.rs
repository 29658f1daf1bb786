//! Shell patterns over paths: `*` and `?` stay within a path's component, `**` does not. A pattern without a slash is
//! compared with the last component, as people expect of `*.im4p`.

/// Whether a path fits a pattern. Takes at most pattern × path steps, whatever the pattern.
pub fn fits(pattern: &str, path: &str) -> bool {
    let path = if pattern.contains('/') { path } else { path.rsplit('/').next().unwrap_or(path) };
    let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), path.chars().collect());
    // Which prefixes of the pattern fit the text so far.
    let mut states = vec![false; p.len() + 1];
    let mut next = states.clone();
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    skip_stars(&p, &mut states);
    for c in t {
        next.fill(false);
        for (i, pattern) in p.iter().enumerate() {
            if !states.get(i).copied().unwrap_or(false) {
                continue;
            }
            let double =
                pattern == &'*' && (p.get(i + 1) == Some(&'*') || (i > 0 && p.get(i - 1) == Some(&'*')));
            let (stay, step) = match pattern {
                '*' => (double || c != '/', false),
                '?' => (false, c != '/'),
                other => (false, *other == c),
            };
            for (at, on) in [(i, stay), (i + 1, step)] {
                if let Some(state) = next.get_mut(at).filter(|_| on) {
                    *state = true;
                }
            }
        }
        std::mem::swap(&mut states, &mut next);
        skip_stars(&p, &mut states);
    }
    states.last().copied().unwrap_or(false)
}

/// A star fits nothing, too.
fn skip_stars(pattern: &[char], states: &mut [bool]) {
    for i in 0..pattern.len() {
        if pattern.get(i) == Some(&'*')
            && states.get(i) == Some(&true)
            && let Some(after) = states.get_mut(i + 1)
        {
            *after = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_a_shell() {
        for (pattern, path, fit) in [
            ("*.im4p", "Firmware/all_flash/DeviceTree.d22ap.im4p", true),
            ("*.im4p", "Firmware/a.im4p.plist", false),
            ("Firmware/*.im4p", "Firmware/all_flash/x.im4p", false),
            ("Firmware/**.im4p", "Firmware/all_flash/x.im4p", true),
            ("**/x.im4p", "Firmware/all_flash/x.im4p", true),
            ("DeviceTree.d22?p.*", "Firmware/DeviceTree.d22ap.im4p", true),
            ("?", "a/b", true),
            ("a?b", "a/b", false),
            ("kernelcache*", "kernelcache.release.iphone10b", true),
            ("", "a", false),
            ("*", "a", true),
        ] {
            assert_eq!(fits(pattern, path), fit, "{pattern} {path}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern = "*a".repeat(200);
        assert!(!fits(&pattern, &"a".repeat(5000).replace("aa", "ab")[..4999].replace('a', "b")));
    }
}
