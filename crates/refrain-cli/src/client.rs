//! The HTTP client of the commands: one server, its address and its token.

mod events;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use refrain_server::config::Configuration;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::args::{ClientArguments, SettingFlags};
use crate::failure::Failure;

pub(crate) use events::Events;

/// How long to wait until a server takes a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a server may take to say that it is one.
const HEALTH: Duration = Duration::from_secs(2);
/// Largest answer that is read: more than any result the memory of a client has room for.
const LARGEST_ANSWER: u64 = 1 << 40;

/// A server to talk to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    base: String,
    admin_token: Option<String>,
    named_by: NamedBy,
}

/// The place that named the server to talk to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Flag,
    Environment,
    Configuration,
}

/// The kind of answer at the address of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Refrain,
    SomethingElse,
    Nobody,
}

impl Client {
    /// The server that flags, environment and configuration name, in this order.
    pub(crate) fn new(arguments: &ClientArguments) -> Result<Self, Failure> {
        let flags =
            SettingFlags::of_client(arguments.config.clone(), arguments.admin_token.clone());
        let configuration = flags.load()?;
        let (base, named_by) = match (&arguments.server, std::env::var("REFRAIN_SERVER")) {
            (Some(url), _) => (url.clone(), NamedBy::Flag),
            (None, Ok(url)) => (url, NamedBy::Environment),
            (None, Err(_)) => (local_url(&configuration), NamedBy::Configuration),
        };
        let admin_token = configuration.server.admin_token;
        Ok(Self {
            agent: agent(&base, named_by)?,
            base: base.trim_end_matches('/').to_owned(),
            admin_token: admin_token.map(|token| token.expose().to_owned()),
            named_by,
        })
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) fn named_by(&self) -> NamedBy {
        self.named_by
    }

    /// Asks whether a Refrain server answers.
    pub(crate) fn presence(&self) -> Presence {
        let request = self.agent.get(self.url("/health"));
        let answer = request.config().timeout_global(Some(HEALTH)).build().call();
        let Ok(mut answer) = answer else {
            return Presence::Nobody;
        };
        let healthy = answer.body_mut().read_json::<Value>().is_ok_and(|health| {
            health.get("status") == Some(&Value::from("ok")) && health.get("version").is_some()
        });
        if healthy {
            Presence::Refrain
        } else {
            Presence::SomethingElse
        }
    }

    /// `GET path` of the management API.
    pub(crate) fn manage(&self, path: &str) -> Result<Value, Failure> {
        let mut request = self.agent.get(self.url(path));
        if let Some(token) = &self.admin_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.json(request.call())
    }

    /// `POST path` of the management API, without a body.
    pub(crate) fn command(&self, path: &str) -> Result<Value, Failure> {
        let mut request = self.agent.post(self.url(path));
        if let Some(token) = &self.admin_token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.json(request.send_empty())
    }

    /// Hands in a request and answers the document of its job.
    pub(crate) fn submit<T: DeserializeOwned>(
        &self,
        generator: &str,
        request: &Value,
    ) -> Result<T, Failure> {
        let answer = self
            .agent
            .post(self.url(&format!("/api/generate/{generator}")))
            .header("Prefer", "respond-async")
            .send_json(request);
        self.json(answer)
    }

    /// `GET path` as JSON.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.json(self.agent.get(self.url(path)).call())
    }

    /// `GET path` as a stream of events.
    pub(crate) fn events(&self, path: &str) -> Result<Events, Failure> {
        let answer = self.agent.get(self.url(path)).call();
        Ok(Events::new(
            self.accepted(answer)?.into_body().into_reader(),
        ))
    }

    /// The bytes at `path`.
    pub(crate) fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let answer = self.agent.get(self.url(path)).call();
        let body = self.accepted(answer)?.into_body();
        let read = body.into_with_config().limit(LARGEST_ANSWER).read_to_vec();
        read.map_err(|error| self.unreadable(error))
    }

    /// `DELETE path`; what comes of it does not matter any more.
    pub(crate) fn leave(&self, path: &str) {
        let _ = self.agent.delete(self.url(path)).call();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn json<T: DeserializeOwned>(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<T, Failure> {
        let body = self.accepted(answer)?.into_body();
        let read = body.into_with_config().limit(LARGEST_ANSWER).read_json();
        read.map_err(|error| self.unreadable(error))
    }

    /// The answer, unless there is none or it is a refusal.
    fn accepted(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, Failure> {
        let mut answer = answer.map_err(|error| {
            Failure::new(format!("no answer from a server at {}", self.base))
                .because(error)
                .hint("start one with `refrain serve`, or name another with `--server URL`")
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let problem = answer.body_mut().read_json::<Value>().ok();
        Err(self.refusal(answer.status(), problem.as_ref()))
    }

    fn refusal(&self, status: StatusCode, problem: Option<&Value>) -> Failure {
        let text = |name| problem.and_then(|problem| problem.get(name)?.as_str());
        let Some(detail) = text("detail").or_else(|| text("title")) else {
            return Failure::new(format!("{} answered {status}", self.base))
                .hint("check that the address is that of a Refrain server");
        };
        let failure = Failure::new(format!("the server refused: {detail}"));
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            let hint = match self.admin_token {
                None => "the server asks for its admin token: set `REFRAIN_ADMIN_TOKEN` to it",
                Some(_) => "the token is not the server's: check `REFRAIN_ADMIN_TOKEN`",
            };
            return failure.hint(hint);
        }
        failure
    }

    fn unreadable(&self, error: ureq::Error) -> Failure {
        Failure::new(format!("cannot read the answer of {}", self.base)).because(error)
    }
}

/// The `error` of a job, as a failure.
pub(crate) fn problem_failure(problem: Option<&Value>) -> Failure {
    let text = |name| problem.and_then(|problem| problem.get(name)?.as_str());
    match text("detail").or_else(|| text("title")) {
        Some(detail) => Failure::new(format!("the server refused: {detail}")),
        None => Failure::new("the server did not say why the generation failed"),
    }
}

/// Where a server with this configuration is reached from its own machine.
fn local_url(configuration: &Configuration) -> String {
    let host = loopback_for(configuration.server.host);
    let address = SocketAddr::new(host, configuration.server.port);
    format!("http://{address}")
}

/// `host`, or loopback where it stands for every address of this machine.
pub(crate) fn loopback_for(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}

fn agent(base: &str, named_by: NamedBy) -> Result<Agent, Failure> {
    let place = match named_by {
        NamedBy::Flag => "flag `--server`",
        NamedBy::Environment => "environment variable `REFRAIN_SERVER`",
        NamedBy::Configuration => "the address of the configuration",
    };
    let uri: Option<Uri> = base.parse().ok();
    let usable = uri
        .filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none());
    let Some(host) = usable.as_ref().and_then(Uri::host) else {
        return Err(Failure::usage(format!(
            "{place} is `{base}`, allowed: an address that begins with http:// or https://"
        ))
        .hint("leave it out for the default, `http://127.0.0.1:5000`"));
    };
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .max_redirects(0)
        .user_agent(concat!("refrain/", env!("CARGO_PKG_VERSION")));
    if is_loopback(host) {
        // A proxy cannot reach this machine's loopback.
        config = config.proxy(None);
    }
    Ok(config.build().into())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
