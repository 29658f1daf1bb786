//! Requests: redirections followed, failures retried, answers checked against what is known of the file.

use crate::proxy::{AbsoluteConnector, ToProxy, Way, authorization};
use crate::url::{follow, parse, place, shown};
use crate::{Error, Options, Result};
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Response, StatusCode, Uri, header};
use ureq::unversioned::transport::{Connector, TcpConnector};
use ureq::{Agent, Body};

/// What browsers follow at most.
const MAX_REDIRECTS: usize = 10;
/// The longest wait before a retry, also where the server asks for a longer one.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// What is known of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// Length in bytes.
    pub size: u64,
    /// `ETag`, weak or strong, as it stands.
    pub etag: Option<String>,
    /// `Last-Modified`, as it stands.
    pub modified: Option<String>,
}

impl About {
    /// The validator for `If-Range`, which takes strong ones only.
    fn if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|e| !e.starts_with("W/"));
        strong.or(self.modified.as_deref().filter(|_| self.etag.is_none()))
    }

    fn of(response: &Response<Body>, size: u64) -> About {
        About {
            size,
            etag: text(response, header::ETAG).map(str::to_string),
            modified: text(response, header::LAST_MODIFIED).map(str::to_string),
        }
    }

    /// What an answer says otherwise than the one before; a server may leave out what it said.
    fn differs(&self, now: &About) -> Option<String> {
        let changed = |a: &Option<String>, b: &Option<String>| a.is_some() && b.is_some() && a != b;
        if changed(&self.etag, &now.etag) {
            return Some("its ETag is another".into());
        }
        // Servers behind one name may have copied the file at different times; an ETag says more.
        if self.etag.is_none() && changed(&self.modified, &now.modified) {
            return Some("its Last-Modified is another".into());
        }
        (self.size != now.size).then(|| format!("{} bytes, before {}", now.size, self.size))
    }
}

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    pub about: About,
    /// Whether the length of a whole file is known.
    pub sized: bool,
    pub body: Box<dyn Read + Send + Sync>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("about", &self.about).finish_non_exhaustive()
    }
}

/// What the first request shows.
pub(crate) enum First {
    Ranges(About),
    Whole(Answer),
}

/// Asks for one file.
pub(crate) struct Client {
    options: Options,
    named: Uri,
    /// Where redirections led the last time.
    at: Mutex<Uri>,
    agents: Mutex<Vec<(Way, Agent)>>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.name()).finish_non_exhaustive()
    }
}

/// How often something may still fail.
pub(crate) struct Patience<'a> {
    options: &'a Options,
    pub tries: u32,
}

impl Patience<'_> {
    /// Counts a failure and waits; false if that was one too many.
    pub fn again(&mut self, asked: Option<Duration>) -> bool {
        self.tries = self.tries.saturating_add(1);
        if self.tries > self.options.retries {
            return false;
        }
        let doubled = self.options.backoff.saturating_mul(1 << (self.tries - 1).min(16));
        std::thread::sleep(asked.unwrap_or(doubled).min(MAX_WAIT));
        true
    }
}

/// What came of one try.
enum Tried {
    Answer(Response<Body>),
    /// May work the next time; after this long, if the server says so.
    Failed(String, Option<Duration>),
}

fn text(response: &Response<Body>, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok().map(str::trim)
}

impl Client {
    pub fn new(url: &str, options: Options) -> Result<Client> {
        let named = parse(url)?;
        for (name, value) in &options.headers {
            let fits =
                HeaderName::try_from(name.as_str()).is_ok() && HeaderValue::try_from(value.as_str()).is_ok();
            if !fits {
                return Err(Error::Header(name.clone()));
            }
        }
        Ok(Client {
            options,
            at: Mutex::new(named.clone()),
            named,
            agents: Mutex::new(Vec::new()),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// The URL, to be shown.
    pub fn name(&self) -> String {
        shown(&self.named.to_string())
    }

    pub fn patience(&self) -> Patience<'_> {
        Patience { options: &self.options, tries: 0 }
    }

    /// Requests made, and bytes of bodies received.
    pub fn traffic(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    pub fn count(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Asks for the first byte: whether there is the file, and whether parts of it can be had.
    pub fn first(&self) -> Result<First> {
        let response = self.get(0, Some(1), None)?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (start, end, size) = self.content_range(&response, 0)?;
                if (start, end) != (0, 1) {
                    return Err(self.answer(0, "the server sends another range than it was asked for"));
                }
                let about = About::of(&response, size);
                let mut rest = Vec::new();
                // Read to its end, so that the connection serves the next request; if that fails, another will.
                let _ = response.into_body().into_reader().take(2).read_to_end(&mut rest);
                self.count(rest.len());
                Ok(First::Ranges(about))
            }
            StatusCode::OK => Ok(First::Whole(self.whole(response)?)),
            StatusCode::RANGE_NOT_SATISFIABLE => Err(self.answer(0, "the file is empty")),
            other => Err(self.answer(0, &format!("the server answers {other}"))),
        }
    }

    /// Asks for bytes from `start` up to `end` of a file of which this is known. The answer may end before.
    pub fn range(&self, start: u64, end: u64, about: &About) -> Result<Answer> {
        let response = self.get(start, Some(end), Some(about))?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let (first, last, size) = self.content_range(&response, start)?;
                self.unchanged(about, &About::of(&response, size))?;
                if first != start {
                    return Err(self.answer(start, &format!("the server sends bytes from {first:#x} on")));
                }
                if last > end {
                    return Err(self.answer(start, &format!("the server sends bytes up to {last:#x}")));
                }
                let body = Box::new(response.into_body().into_reader());
                Ok(Answer { about: about.clone(), sized: true, body })
            }
            // With If-Range this is how a server says that the file is another one.
            StatusCode::OK => {
                let now = About::of(&response, length(&response).unwrap_or(about.size));
                let what = about.differs(&now).unwrap_or("the server sends it anew".into());
                Err(Error::Changed { url: self.name(), what })
            }
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PRECONDITION_FAILED => {
                Err(Error::Changed { url: self.name(), what: "it has no such bytes any more".into() })
            }
            other => Err(self.answer(start, &format!("the server answers {other}"))),
        }
    }

    /// Asks for the whole file again.
    pub fn again(&self, about: &About, sized: bool) -> Result<Answer> {
        let response = self.get(0, None, Some(about))?;
        if response.status() != StatusCode::OK {
            return Err(self.answer(0, &format!("the server answers {}", response.status())));
        }
        let answer = self.whole(response)?;
        if sized {
            self.unchanged(about, &answer.about)?;
        }
        Ok(answer)
    }

    fn whole(&self, response: Response<Body>) -> Result<Answer> {
        let size = length(&response);
        let about = About::of(&response, size.unwrap_or(0));
        Ok(Answer { about, sized: size.is_some(), body: Box::new(response.into_body().into_reader()) })
    }

    fn unchanged(&self, before: &About, now: &About) -> Result<()> {
        match before.differs(now) {
            Some(what) => Err(Error::Changed { url: self.name(), what }),
            None => Ok(()),
        }
    }

    fn answer(&self, offset: u64, what: &str) -> Error {
        Error::Answer { url: self.name(), offset, what: what.into() }
    }

    /// `Content-Range`: first byte, byte after the last, length of the file.
    fn content_range(&self, response: &Response<Body>, offset: u64) -> Result<(u64, u64, u64)> {
        let value = text(response, header::CONTENT_RANGE);
        let parts = value.and_then(|v| {
            let (range, size) = v.strip_prefix("bytes")?.trim().split_once('/')?;
            let (first, last) = range.split_once('-')?;
            let number = |s: &str| s.trim().parse::<u64>().ok();
            Some((number(first)?, number(last)?.checked_add(1)?, number(size)?))
        });
        match parts {
            Some((first, end, size)) if first < end && end <= size => Ok((first, end, size)),
            _ => {
                let what =
                    format!("Content-Range {:?} is not that of a file of known length", value.unwrap_or(""));
                Err(self.answer(offset, &what))
            }
        }
    }

    /// Asks until there is an answer that says something about the file.
    fn get(&self, start: u64, end: Option<u64>, about: Option<&About>) -> Result<Response<Body>> {
        let mut patience = self.patience();
        loop {
            let (what, wait) = match self.ask(start, end, about)? {
                Tried::Answer(response) => return Ok(response),
                Tried::Failed(what, wait) => (what, wait),
            };
            if !patience.again(wait) {
                return Err(Error::Lost {
                    url: self.name(),
                    offset: start,
                    tries: patience.tries,
                    error: what,
                });
            }
        }
    }

    /// One request with all its redirections.
    fn ask(&self, start: u64, end: Option<u64>, about: Option<&About>) -> Result<Tried> {
        let mut uri = self.at.lock().map(|u| u.clone()).unwrap_or_else(|_| self.named.clone());
        for _ in 0..=MAX_REDIRECTS {
            let response = match self.send(&uri, start, end, about)? {
                Tried::Answer(response) => response,
                failed => return Ok(failed),
            };
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                let Some(location) = text(&response, header::LOCATION) else {
                    return Err(Error::Redirect {
                        url: shown(&uri.to_string()),
                        why: "redirected nowhere".into(),
                    });
                };
                uri = follow(&uri, location)?;
                continue;
            }
            // A place that redirections led to may be good for a time only: ask the named one for another.
            let refused = status.is_client_error() && status != StatusCode::RANGE_NOT_SATISFIABLE;
            if refused && uri != self.named && self.at.lock().is_ok_and(|at| *at != self.named) {
                if let Ok(mut at) = self.at.lock() {
                    *at = self.named.clone();
                }
                return Ok(Tried::Failed(format!("the server says {status}"), Some(Duration::ZERO)));
            }
            if let Ok(mut at) = self.at.lock() {
                *at = uri;
            }
            return self.judge(response);
        }
        Err(Error::Redirect { url: self.name(), why: format!("more than {MAX_REDIRECTS} redirections") })
    }

    /// Statuses that say nothing of the file are failures, of which some pass.
    fn judge(&self, response: Response<Body>) -> Result<Tried> {
        let status = response.status();
        let wait = text(&response, header::RETRY_AFTER).and_then(|s| s.parse().ok()).map(Duration::from_secs);
        match status.as_u16() {
            200 | 206 | 416 | 412 => {
                let coded = text(&response, header::CONTENT_ENCODING)
                    .is_some_and(|c| c != "identity" && !c.is_empty());
                if coded {
                    return Err(
                        self.answer(0, "the server sends it compressed, although it was asked not to")
                    );
                }
                Ok(Tried::Answer(response))
            }
            408 | 425 | 429 | 500 | 502 | 503 | 504 => {
                Ok(Tried::Failed(format!("the server says {status}"), wait))
            }
            code => Err(Error::Status {
                url: self.name(),
                status: status.to_string(),
                missing: matches!(code, 404 | 410),
                tries: 1,
            }),
        }
    }

    /// One request.
    fn send(&self, uri: &Uri, start: u64, end: Option<u64>, about: Option<&About>) -> Result<Tried> {
        if uri.scheme_str() == Some("https") && !cfg!(feature = "https") {
            return Err(Error::NoTls(self.name()));
        }
        let agent = self.agent(uri)?;
        let mut request =
            agent.get(uri).header(header::ACCEPT_ENCODING, "identity").header(header::ACCEPT, "*/*");
        if place(uri) == place(&self.named) {
            for (name, value) in &self.options.headers {
                request = request.header(name.as_str(), value.as_str());
            }
        }
        if let Some(end) = end {
            request = request.header(header::RANGE, format!("bytes={start}-{}", end.saturating_sub(1)));
            if let Some(validator) = about.and_then(About::if_range) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let fatal = |why: String| Error::Url { url: self.name(), why };
        match request.call() {
            Ok(response) => Ok(Tried::Answer(response)),
            // What TLS finds wrong with a certificate stays wrong.
            Err(ureq::Error::Io(e)) if e.kind() == io::ErrorKind::InvalidData => {
                Err(self.answer(start, &format!("no secure connection: {e}")))
            }
            Err(ureq::Error::HostNotFound) if about.is_none() => {
                Err(fatal(format!("no such host: {}", uri.host().unwrap_or_default())))
            }
            Err(
                e @ (ureq::Error::Io(_)
                | ureq::Error::Timeout(_)
                | ureq::Error::ConnectionFailed
                | ureq::Error::HostNotFound),
            ) => Ok(Tried::Failed(reason(e), None)),
            Err(e) => Err(fatal(e.to_string())),
        }
    }

    /// The client for a URL: one for each way to reach hosts, so that connections are used again.
    fn agent(&self, uri: &Uri) -> Result<Agent> {
        let way = self.options.proxies.of(uri)?;
        let mut agents = self.agents.lock().map_err(|_| self.answer(0, "another reader failed"))?;
        if let Some((_, agent)) = agents.iter().find(|(w, _)| *w == way) {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("xnuboot/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(self.options.timeout))
            .timeout_per_read(Some(self.options.timeout))
            .timeout_per_write(Some(self.options.timeout))
            .timeout_recv_response(Some(self.options.timeout.saturating_mul(2)))
            .max_idle_connections_per_host(16)
            .max_idle_connections(32)
            .proxy(match &way {
                Way::Tunnel(proxy) => Some(proxy.clone()),
                _ => None,
            });
        config = tls(config);
        let agent = match &way {
            Way::Absolute(proxy) => {
                let connector =
                    TcpConnector::default().chain(AbsoluteConnector { authorization: authorization(proxy) });
                Agent::with_parts(config.build(), connector, ToProxy(proxy.clone()))
            }
            _ => Agent::new_with_config(config.build()),
        };
        agents.push((way, agent.clone()));
        Ok(agent)
    }
}

/// An error of the client crate, without what is said anyway.
fn reason(e: ureq::Error) -> String {
    match e {
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof => "the connection was closed".into(),
        ureq::Error::Io(e) => e.to_string(),
        ureq::Error::HostNotFound => "the host is not to be found".into(),
        e => e.to_string(),
    }
}

fn length(response: &Response<Body>) -> Option<u64> {
    text(response, header::CONTENT_LENGTH)?.parse().ok()
}

type Builder = ureq::config::ConfigBuilder<ureq::typestate::AgentScope>;

/// The certificates that the system trusts (`SSL_CERT_FILE` and `SSL_CERT_DIR` are followed).
#[cfg(feature = "https")]
fn tls(config: Builder) -> Builder {
    use std::sync::Arc;
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<ureq::tls::Certificate<'static>> =
        found.certs.iter().map(|c| ureq::tls::Certificate::from_der(c.as_ref()).to_owned()).collect();
    config.tls_config(
        ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build(),
    )
}

#[cfg(not(feature = "https"))]
fn tls(config: Builder) -> Builder {
    config
}
