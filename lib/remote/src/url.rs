//! The little of URLs that is needed: which they are, how they are shown, where redirections lead.

use crate::{Error, Result};
use ureq::http::Uri;

/// Whether a text is an http or https URL, rather than a file's name.
pub fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|s| s.eq_ignore_ascii_case("http") || s.eq_ignore_ascii_case("https"))
}

/// A URL for messages: without user name and password, query or control characters.
pub fn shown(url: &str) -> String {
    let plain: String = url.chars().filter(|c| !c.is_control()).collect();
    let plain = plain.split(['?', '#']).next().unwrap_or_default().to_string();
    let Some((scheme, rest)) = plain.split_once("://") else { return plain };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or(host);
    format!("{scheme}://{host}{path}")
}

/// Takes a text for a URL; blanks and the like in it are escaped, as people paste them.
pub(crate) fn parse(text: &str) -> Result<Uri> {
    let bad = |why: &str| Error::Url { url: shown(text), why: why.into() };
    if !is_url(text) {
        return Err(bad("not an http or https URL"));
    }
    let text = text.split('#').next().unwrap_or_default();
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '!'..='~' if !"\"<>\\^`{|}".contains(c) => escaped.push(c),
            c => {
                let mut buffer = [0; 4];
                for b in c.encode_utf8(&mut buffer).bytes() {
                    escaped.push_str(&format!("%{b:02X}"));
                }
            }
        }
    }
    let uri: Uri = escaped.parse().map_err(|_| bad("not a URL that can be understood"))?;
    match uri.host() {
        Some(h) if !h.is_empty() => Ok(uri),
        _ => Err(bad("names no host")),
    }
}

/// Where a redirection leads: a URL, or a path seen from the one that was asked for.
pub(crate) fn follow(from: &Uri, location: &str) -> Result<Uri> {
    let location = location.trim();
    let scheme = from.scheme_str().unwrap_or("http");
    let authority = from.authority().map(|a| a.as_str()).unwrap_or_default();
    // User and password are for the host that was named, not for where it sends us; the same host keeps them below.
    let absolute = if is_url(location) {
        location.to_string()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') {
        format!("{scheme}://{authority}{}{location}", from.path())
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let to = parse(&absolute).map_err(|e| Error::Redirect {
        url: shown(&from.to_string()),
        why: format!("redirected to a place that is none ({e})"),
    })?;
    if scheme == "https" && to.scheme_str() != Some("https") {
        return Err(Error::Redirect {
            url: shown(&from.to_string()),
            why: format!("redirected from https to {}, which is not followed", shown(&absolute)),
        });
    }
    Ok(to)
}

/// Host and port, which say whether two URLs are of one server.
pub(crate) fn place(uri: &Uri) -> (String, u16) {
    let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (uri.host().unwrap_or_default().to_ascii_lowercase(), uri.port_u16().unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_files_and_shown_without_secrets() {
        assert!(is_url("http://a/b") && is_url("HTTPS://a") && !is_url("a/http://b") && !is_url("file:///x"));
        assert_eq!(shown("https://me:secret@host:8/a b?token=x"), "https://host:8/a b");
        assert_eq!(parse("http://h/a b\u{e9}").unwrap().to_string(), "http://h/a%20b%C3%A9");
        assert!(parse("http:///x").is_err() && parse("ftp://x/y").is_err());
    }

    #[test]
    fn redirections_lead_where_browsers_go() {
        let from = parse("http://h:81/a/b.zip?x").unwrap();
        for (location, to) in [
            ("http://other/c", "http://other/c"),
            ("//other/c", "http://other/c"),
            ("/c", "http://h:81/c"),
            ("c", "http://h:81/a/c"),
            ("?y", "http://h:81/a/b.zip?y"),
        ] {
            assert_eq!(follow(&from, location).unwrap().to_string(), to, "{location}");
        }
        assert!(follow(&parse("https://h/a").unwrap(), "http://h/a").is_err(), "no way down from https");
        assert!(
            follow(&from, "gopher://x").is_ok_and(|u| u.path().contains("gopher")),
            "a strange relative name"
        );
    }
}
