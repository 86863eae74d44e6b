//! An upstream: the server that a door stands in for, with all that is known of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};

use crate::language::{Node, Section, Value};
use crate::pattern::Pattern;
use crate::routes::Routes;

/// A server, its limits, its credentials, and the routes to it.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Its name, in keys, messages and metrics.
    pub name: String,
    /// `http://host:port`, perhaps with a path in front of all paths.
    pub url: Uri,
    /// The presets its routes come from.
    pub presets: Vec<String>,
    /// Requests of routes that it works on at once.
    pub at_once: Option<NonZeroUsize>,
    /// Requests of routes that may wait for their turn.
    pub queued: Option<usize>,
    /// What changes when the same request may give another result.
    pub fingerprint: Fingerprint,
    /// Headers that are sent in the place of the client's.
    pub credentials: Vec<(HeaderName, Secret)>,
    /// How connections are kept.
    pub pool: Pool,
    /// How long it may take.
    pub deadlines: Deadlines,
    /// When it is given a rest.
    pub breaker: Breaker,
    /// What becomes of `Upgrade: websocket`.
    pub websocket: WebSocket,
    /// How its calls are cached.
    pub routes: Routes,
}

/// What identifies the model behind an upstream, for keys.
///
/// ```
/// assert!(refrain_route::Fingerprint::default().probe.is_none());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// A text that its operator changes.
    pub text: String,
    /// What is asked of the server itself; nothing is stored while it does not answer.
    pub probe: Option<Probe>,
}

/// A question to the server about its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Path and query of a GET.
    pub get: String,
    /// Places of the JSON answer that count; all of it if empty.
    pub at: Vec<Pattern>,
    /// How often it is asked.
    pub every: Duration,
}

/// A credential, or the environment variable it is in.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The value itself.
    Value(HeaderValue),
    /// The name of an environment variable.
    Environment(String),
}

/// How connections to an upstream are kept; none: as the server has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pool {
    /// Idle connections that are kept.
    pub connections: Option<usize>,
    /// How long they are kept.
    pub idle: Option<Duration>,
}

/// How long an upstream may take; none: as the server has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deadlines {
    /// To connect.
    pub connect: Option<Duration>,
    /// To the head of the answer.
    pub head: Option<Duration>,
    /// Between two pieces of a body.
    pub idle: Option<Duration>,
    /// In all.
    pub total: Option<Duration>,
}

/// After how many failures an upstream is left alone, and for how long; none: as the server has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row.
    pub failures: Option<u32>,
    /// The rest it gets.
    pub pause: Option<Duration>,
}

/// What becomes of a request to upgrade to a WebSocket.
///
/// ```
/// assert_eq!(refrain_route::WebSocket::default(), refrain_route::WebSocket::Tunnel);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WebSocket {
    /// It is passed through untouched.
    #[default]
    Tunnel,
    /// It is refused.
    Refuse,
}

impl std::fmt::Debug for Secret {
    /// Never the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(_) => f.write_str("Value(…)"),
            Self::Environment(name) => f.debug_tuple("Environment").field(name).finish(),
        }
    }
}

impl Upstream {
    /// Reads a table `[upstream.NAME]`, but for the routes and presets, which need the whole file.
    pub(crate) fn read(section: &Section<'_>, name: &str) -> Option<Self> {
        let url = read_url(section);
        let at_once = section.count("at_once", 1..=100_000);
        let upstream = Self {
            name: name.to_owned(),
            url: url.clone().unwrap_or_default(),
            presets: Vec::new(),
            at_once: at_once.and_then(|count| NonZeroUsize::new(usize::try_from(count).ok()?)),
            queued: number(section, "queued"),
            fingerprint: read_fingerprint(section),
            credentials: read_credentials(section),
            pool: part(section, "pool", |pool| Pool {
                connections: number(pool, "connections"),
                idle: pool.duration("idle"),
            }),
            deadlines: part(section, "deadlines", |deadlines| Deadlines {
                connect: deadlines.duration("connect"),
                head: deadlines.duration("head"),
                idle: deadlines.duration("idle"),
                total: deadlines.duration("total"),
            }),
            breaker: part(section, "breaker", |breaker| Breaker {
                failures: breaker
                    .count("failures", 1..=1000)
                    .and_then(|count| u32::try_from(count).ok()),
                pause: breaker.duration("pause"),
            }),
            websocket: match section.word("websocket", &["tunnel", "refuse"]) {
                Some(1) => WebSocket::Refuse,
                _ => WebSocket::Tunnel,
            },
            routes: Routes::default(),
        };
        url.map(|_| upstream)
    }
}

fn part<T: Default>(section: &Section<'_>, key: &str, read: impl Fn(&Section<'_>) -> T) -> T {
    let Some(part) = section.section(key) else {
        return T::default();
    };
    let value = read(&part);
    part.end();
    value
}

fn number(section: &Section<'_>, key: &str) -> Option<usize> {
    let count = section.count(key, 0..=1_000_000)?;
    usize::try_from(count).ok()
}

fn read_url(section: &Section<'_>) -> Option<Uri> {
    let Some(node) = section.get("url") else {
        section.wrong(format!(
            "{} needs the `url` of its server, such as \"http://127.0.0.1:8081\"",
            section.title()
        ));
        return None;
    };
    let url = node.as_text().and_then(|text| text.parse::<Uri>().ok());
    let url = url.filter(|url| {
        let is_http = matches!(url.scheme_str(), Some("http" | "https"));
        let is_bare = url.query().is_none()
            && url
                .authority()
                .is_some_and(|host| !host.as_str().contains('@'));
        is_http && is_bare
    });
    if url.is_none() {
        section.expected("url", node, "the address of a server without credentials or query, such as \"http://127.0.0.1:8081\"");
    }
    url
}

fn read_fingerprint(section: &Section<'_>) -> Fingerprint {
    let Some(node) = section.get("fingerprint") else {
        return Fingerprint::default();
    };
    if let Value::Text(text) = &node.value {
        return Fingerprint {
            text: text.clone(),
            probe: None,
        };
    }
    part(section, "fingerprint", |fingerprint| {
        let get = fingerprint.text("get");
        let at = Pattern::read_list(fingerprint, "at");
        let every = fingerprint.duration("every");
        if let (None, Some(_)) = (get, every) {
            fingerprint.wrong("a fingerprint with `every` needs `get`, the path to ask");
        }
        if get.is_some_and(|get| !get.starts_with('/')) {
            fingerprint
                .wrong("`get` of a fingerprint is a path of the same server, such as \"/props\"");
        }
        Fingerprint {
            text: fingerprint.text("text").unwrap_or_default().to_owned(),
            probe: get.map(|get| Probe {
                get: get.to_owned(),
                at,
                every: every.unwrap_or(Duration::from_secs(30)),
            }),
        }
    })
}

/// `credentials = { authorization = "Bearer …", x-api-key = { env = "KEY" } }`
fn read_credentials(section: &Section<'_>) -> Vec<(HeaderName, Secret)> {
    let Some(credentials) = section.section("credentials") else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, place, node) in credentials.named() {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else {
            section
                .mistakes()
                .add(place, format!("`{name}` is no name of a header"));
            continue;
        };
        match read_secret(&credentials, name, node) {
            Some(secret) => headers.push((header, secret)),
            // The message must not show the value.
            None => section.mistakes().add(
                &node.place,
                format!(
                    "the credential `{name}` is the value of a header, or {{ env = \"VARIABLE\" }}"
                ),
            ),
        }
    }
    headers
}

fn read_secret(section: &Section<'_>, name: &str, node: &Node) -> Option<Secret> {
    if let Value::Text(text) = &node.value {
        let mut value = HeaderValue::from_str(text).ok()?;
        value.set_sensitive(true);
        return Some(Secret::Value(value));
    }
    let table = section.section(name)?;
    let variable = table.text("env").map(str::to_owned);
    table.end();
    variable.map(Secret::Environment)
}
