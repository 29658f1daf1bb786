//! Proxies of the environment, chosen by the scheme of what is asked for, as curl and its like do.
//!
//! A plain http URL goes to an http proxy as a request for the whole URL (`absolute-form`), which is what proxies allow;
//! the client crate would open a tunnel, which many refuse for port 80. So for these the crate is told to connect to the
//! proxy instead of the host ([`ToProxy`]), and the request's first line is completed on its way out ([`Absolute`]).

use crate::{Error, Result};
use std::net::ToSocketAddrs;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// The proxies to use.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// For http URLs.
    pub http: Option<String>,
    /// For https URLs.
    pub https: Option<String>,
    /// Hosts to which no proxy leads, separated by commas: names (also their subdomains), addresses, networks, `*`.
    pub none: Option<String>,
}

impl Proxies {
    /// What the environment says: `http_proxy` (in small letters only, since `HTTP_PROXY` can come from a request where
    /// this runs behind a web server), `https_proxy`, `all_proxy` and `no_proxy`.
    pub fn from_env() -> Proxies {
        let get = |names: &[&str]| {
            let found = names.iter().find_map(|n| std::env::var(n).ok());
            found.filter(|v| !v.trim().is_empty())
        };
        let web_server = std::env::var_os("REQUEST_METHOD").is_some();
        let http: &[&str] = if web_server { &["http_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
        let all = get(&["all_proxy", "ALL_PROXY"]);
        Proxies {
            http: get(http).or_else(|| all.clone()),
            https: get(&["https_proxy", "HTTPS_PROXY"]).or(all),
            none: get(&["no_proxy", "NO_PROXY"]),
        }
    }

    /// The proxy for a URL.
    pub(crate) fn of(&self, uri: &Uri) -> Result<Way> {
        let tls = uri.scheme_str() == Some("https");
        let wanted = if tls { &self.https } else { &self.http };
        let Some(text) = wanted else { return Ok(Way::Direct) };
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        if self.none.as_deref().is_some_and(|list| excepted(list, host, crate::url::place(uri).1)) {
            return Ok(Way::Direct);
        }
        let full = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        let bad = |why: &str| Error::Proxy { proxy: crate::shown(&full), why: why.into() };
        let proxy: Uri = full.parse().map_err(|_| bad("not a URL"))?;
        match proxy.scheme_str() {
            Some("http") if !tls => Ok(Way::Absolute(proxy)),
            Some("http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" | "socks") => {
                Ok(Way::Tunnel(ureq::Proxy::new(&full).map_err(|e| bad(&e.to_string()))?))
            }
            _ => Err(bad("neither an http nor a socks proxy")),
        }
    }
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Way {
    Direct,
    /// Through an http proxy that is asked for whole URLs.
    Absolute(Uri),
    /// Through one that connects and then passes on everything.
    Tunnel(ureq::Proxy),
}

/// Whether a host is in a list as `no_proxy` has it.
fn excepted(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|e| !e.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let Some((network, bits)) = entry.split_once('/') {
            return in_network(network, bits, &host);
        }
        let entry = entry.to_ascii_lowercase();
        let (name, only) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
            _ => (entry.as_str(), None),
        };
        let name = name.trim_start_matches("*.").trim_start_matches('.').trim_matches(['[', ']']);
        let below = host.strip_suffix(name).is_some_and(|front| front.is_empty() || front.ends_with('.'));
        !name.is_empty() && below && only.is_none_or(|p| p == port)
    })
}

fn in_network(network: &str, bits: &str, host: &str) -> bool {
    use std::net::IpAddr;
    let (Ok(network), Ok(host), Ok(bits)) =
        (network.parse::<IpAddr>(), host.parse::<IpAddr>(), bits.parse::<u32>())
    else {
        return false;
    };
    match (network, host) {
        (IpAddr::V4(n), IpAddr::V4(h)) if bits <= 32 => {
            (n.to_bits() ^ h.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(n), IpAddr::V6(h)) if bits <= 128 => {
            (n.to_bits() ^ h.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Resolves every host to the proxy.
#[derive(Debug)]
pub(crate) struct ToProxy(pub Uri);

impl Resolver for ToProxy {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> std::result::Result<ResolvedSocketAddrs, ureq::Error> {
        let (host, port) = crate::url::place(&self.0);
        let mut found = self.empty();
        // As many as the array takes.
        for address in (host.trim_matches(['[', ']']), port).to_socket_addrs()?.take(16) {
            found.push(address);
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

/// Completes the first line of requests.
#[derive(Debug)]
pub(crate) struct AbsoluteConnector {
    /// A header for the proxy, with its line end, or nothing.
    pub authorization: String,
}

impl<In: Transport> Connector<In> for AbsoluteConnector {
    type Out = Absolute<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> std::result::Result<Option<Absolute<In>>, ureq::Error> {
        // A request with the user's password to the host goes as a header; it is not for the proxy's log.
        let (host, port) = crate::url::place(details.uri);
        let prefix = if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") };
        Ok(chained.map(|inner| Absolute { inner, prefix, authorization: self.authorization.clone() }))
    }
}

/// A connection to a proxy.
#[derive(Debug)]
pub(crate) struct Absolute<T> {
    inner: T,
    prefix: String,
    authorization: String,
}

impl<T: Transport> Transport for Absolute<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(
        &mut self,
        amount: usize,
        timeout: NextTimeout,
    ) -> std::result::Result<(), ureq::Error> {
        let out = self.inner.buffers().output().get(..amount).unwrap_or_default().to_vec();
        let Some(rest) = out.strip_prefix(b"GET /") else {
            return self.inner.transmit_output(amount, timeout);
        };
        let mut whole = format!("GET {}/", self.prefix).into_bytes();
        whole.extend_from_slice(rest);
        if let Some(end) = whole.windows(2).position(|w| w == b"\r\n") {
            let at = end + 2;
            whole.splice(at..at, self.authorization.bytes());
        }
        for piece in whole.chunks(amount.max(1)) {
            if let Some(to) = self.inner.buffers().output().get_mut(..piece.len()) {
                to.copy_from_slice(piece);
            }
            self.inner.transmit_output(piece.len(), timeout)?;
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> std::result::Result<bool, ureq::Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }
}

/// `Proxy-Authorization` for the user and password in a proxy's URL.
pub(crate) fn authorization(proxy: &Uri) -> String {
    let authority = proxy.authority().map(|a| a.as_str()).unwrap_or_default();
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("Proxy-Authorization: Basic {}\r\n", base64(&unescaped(user))),
        None => String::new(),
    }
}

fn unescaped(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&b) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| b == b'%').and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(b);
                at += 1;
            }
        }
    }
    out
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS.get((n >> (18 - 6 * i) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_means_hosts_their_subdomains_ports_and_networks() {
        for (list, host, fits) in [
            ("example.com", "example.com", true),
            ("example.com", "cdn.example.com", true),
            (".example.com", "cdn.Example.com", true),
            ("*.example.com", "cdn.example.com", true),
            ("example.com", "notexample.com", false),
            ("a, b", "b", true),
            ("*", "anything", true),
            ("127.0.0.0/8", "127.0.0.1", true),
            ("127.0.0.0/8", "128.0.0.1", false),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("fe80::/10", "fe80::1", true),
            ("::1", "::1", true),
            ("example.com:8080", "example.com", false),
            ("example.com:80", "example.com", true),
            ("", "x", false),
            (".", "x", false),
        ] {
            assert_eq!(excepted(list, host, 80), fits, "{list} {host}");
        }
    }

    #[test]
    fn the_scheme_chooses_the_proxy_and_the_proxy_the_way() {
        let p = Proxies {
            http: Some("proxy:3128".into()),
            https: Some("http://proxy:3129".into()),
            none: Some("local".into()),
        };
        let way = |url: &str| p.of(&crate::url::parse(url).unwrap()).unwrap();
        assert!(matches!(way("http://h/x"), Way::Absolute(u) if u.port_u16() == Some(3128)));
        assert!(matches!(way("https://h/x"), Way::Tunnel(_)));
        assert_eq!(way("http://a.local/x"), Way::Direct);
        let bad = Proxies { http: Some("quic://x".into()), ..Proxies::default() };
        assert!(bad.of(&crate::url::parse("http://h/").unwrap()).is_err());
    }

    #[test]
    fn passwords_of_proxies_are_unescaped_and_encoded() {
        let proxy = "http://me:p%40ss@proxy".parse().unwrap();
        assert_eq!(authorization(&proxy), "Proxy-Authorization: Basic bWU6cEBzcw==\r\n");
        assert_eq!(authorization(&"http://proxy".parse().unwrap()), "");
    }
}
