//! A reverse proxy's half towards the origin: one server that a door stands in for, its pool of connections, its deadlines and
//! its circuit breaker.
//!
//! The configuration alone says where requests go. Nothing in a request chooses the target, and redirects are not followed.

mod breaker;
mod connecting;
mod hop_by_hop;
mod lent;
mod paced;
mod sending;
mod target;
mod unanswered;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use refrain::Clock;

use crate::config::ServerConfig;
use crate::engine::turns::Turns;
use breaker::Breaker;
pub(crate) use breaker::BreakerState;
use connecting::Connecting;
pub(crate) use hop_by_hop::{asks_for_web_socket, keep_end_to_end};
pub(crate) use lent::{Lent, Outgoing};
pub(crate) use paced::Paced;
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
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    name: String,
    target: Target,
    /// Requests of routes that it works on at once, at least 1. Default 64.
    pub at_once: usize,
    /// Requests of routes that may wait for their turn; beyond it they get 503. Default 1000.
    pub max_queued: usize,
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
            connect_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(30 * 60),
            idle_timeout: Duration::from_secs(5 * 60),
            credentials: Vec::new(),
            idle_connections: 64,
        })
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

/// Servers in Python and Node close a connection that is idle for five seconds, and a request that is just being sent is lost
/// with it: it might have been worked on, so it is not repeated.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// Header bytes of one answer.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// A server behind a door.
pub(crate) struct Upstream {
    config: UpstreamConfig,
    client: Client<Connecting, Lent>,
    breaker: Breaker,
    turns: Arc<Turns>,
}

impl Upstream {
    pub(crate) fn new(config: UpstreamConfig, clock: Clock) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(config.idle_connections)
            .http1_preserve_header_case(true)
            .http1_max_buf_size(MAX_HEADER_BYTES)
            .set_host(false)
            .build(Connecting::new(config.connect_timeout));
        Self {
            client,
            breaker: Breaker::new(clock),
            turns: Arc::new(Turns::new(
                config.at_once,
                config.max_queued,
                ServerConfig::default().queue_timeout,
            )),
            config,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// How long either side may pause within a body.
    pub(crate) fn idle_timeout(&self) -> Duration {
        self.config.idle_timeout
    }

    /// Those in which requests of routes are worked on.
    pub(crate) fn turns(&self) -> &Arc<Turns> {
        &self.turns
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
