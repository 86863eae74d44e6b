//! A reverse proxy's half towards the origin: one server that a door stands in for, its pool of connections, its deadlines and
//! its circuit breaker.
//!
//! The configuration alone says where requests go. Nothing in a request chooses the target, and redirects are not followed.

mod breaker;
mod connecting;
mod fingerprint;
mod hop_by_hop;
mod lent;
mod paced;
mod sending;
mod target;
mod unanswered;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use refrain::Clock;

use crate::config::ServerConfig;
use breaker::Breaker;
pub(crate) use breaker::BreakerState;
use connecting::Connecting;
use fingerprint::Fingerprint;
pub use fingerprint::ProbeConfig;
pub(crate) use hop_by_hop::{asks_for_web_socket, drop_named_by_connection, keep_end_to_end};
pub(crate) use lent::{Lent, Outgoing};
pub(crate) use paced::Paced;
pub(crate) use sending::Asked;
pub use target::BadUrl;
use target::Target;
pub(crate) use unanswered::Unanswered;

/// Everything an upstream is told.
///
/// # Example
///
/// ```
/// use refrain_server::UpstreamConfig;
///
/// let mut upstream = UpstreamConfig::new("llama", "http://127.0.0.1:8081")?;
/// upstream.at_once = 4;
/// assert_eq!(upstream.url(), "http://127.0.0.1:8081");
/// assert!(UpstreamConfig::new("llama", "127.0.0.1:8081").is_err());
/// # Ok::<(), refrain_server::BadUrl>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamConfig {
    name: String,
    target: Target,
    /// Requests of routes that it works on at once, at least 1. Default 64.
    pub at_once: usize,
    /// Requests of routes that may wait for their turn; beyond it they get 503. Default 1000.
    pub max_queued: usize,
    /// How long they may wait. Default: as long as other generations, 10 minutes.
    pub queue_timeout: Duration,
    /// How long a connection may take, TLS included. Default 5 seconds.
    pub connect_timeout: Duration,
    /// How long the head of an answer may take, and so a generation. Default 30 minutes.
    pub head_timeout: Duration,
    /// How long either side may pause within a body. Default 5 minutes.
    pub idle_timeout: Duration,
    /// Sent with every request, in the place of what the client sent under these names. Default: none.
    pub credentials: Vec<(HeaderName, HeaderValue)>,
    /// Connections that are kept open for the next request. Default 64.
    pub idle_connections: usize,
    /// How long they are kept. Default 4 seconds: servers in Python and Node close a connection that is idle for five,
    /// and a request that is just being sent is lost with it. It might have been worked on, so it is not repeated.
    pub idle_connection_timeout: Duration,
    /// Failures to reach it in a row after which it is left alone. Default 5.
    pub failures: u32,
    /// How long it is left alone before one request may try. Default 2 seconds.
    pub pause: Duration,
    /// How long a generation may take in all. Default: there is no limit.
    pub total_timeout: Option<Duration>,
    /// Whether a `WebSocket` goes through. Default: it does.
    pub web_sockets: bool,
    /// What its operator says of its model; part of every key. Default: nothing.
    pub fingerprint: String,
    /// What it is asked about its model; nothing is stored while it does not answer. Default: nothing.
    pub probe: Option<ProbeConfig>,
}

impl UpstreamConfig {
    /// The server at `url`, which is `http://host:port` or `https://host`, with a path or without.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] when it is no such URL.
    pub fn new(name: impl Into<String>, url: &str) -> Result<Self, BadUrl> {
        Ok(Self {
            name: name.into(),
            target: Target::parse(url)?,
            at_once: 64,
            max_queued: 1000,
            queue_timeout: ServerConfig::default().queue_timeout,
            connect_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(30 * 60),
            idle_timeout: Duration::from_secs(5 * 60),
            credentials: Vec::new(),
            idle_connections: 64,
            idle_connection_timeout: Duration::from_secs(4),
            failures: 5,
            pause: Duration::from_secs(2),
            total_timeout: None,
            web_sockets: true,
            fingerprint: String::new(),
            probe: None,
        })
    }

    /// Its name, in keys, messages and metrics.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.target.to_string()
    }

    /// Whether this is the server that listens on `address`: it would pass its requests to itself.
    pub(crate) fn is_at(&self, address: SocketAddr) -> bool {
        let (host, port) = self.target.host_and_port();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let ip = match host.parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_) if host.eq_ignore_ascii_case("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Err(_) => return false,
        };
        let is_there = ip == address.ip()
            || (ip.is_loopback() && (address.ip().is_unspecified() || address.ip().is_loopback()));
        port == address.port() && is_there
    }
}

/// Header bytes of one answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// A server behind a door.
pub(crate) struct Upstream {
    config: UpstreamConfig,
    client: Client<Connecting, Lent>,
    breaker: Breaker,
    fingerprint: Fingerprint,
}

impl Upstream {
    pub(crate) fn new(config: UpstreamConfig, clock: Clock) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_connection_timeout)
            .pool_max_idle_per_host(config.idle_connections)
            .http1_preserve_header_case(true)
            .http1_max_buf_size(MAX_HEADER_BYTES)
            .set_host(false)
            .build(Connecting::new(config.connect_timeout));
        Self {
            client,
            breaker: Breaker::new(clock, config.failures, config.pause),
            fingerprint: Fingerprint::new(config.fingerprint.clone(), config.probe.as_ref()),
            config,
        }
    }

    pub(crate) fn config(&self) -> &UpstreamConfig {
        &self.config
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether it is asked at all now.
    pub(crate) fn breaker(&self) -> BreakerState {
        self.breaker.state()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("name", &self.config.name)
            .finish_non_exhaustive()
    }
}
