//! The state that all routes share, and its builder.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use refrain::{BuildError, Clock};
use refrain_disk::OpenError;
use tokio::sync::Semaphore;

use crate::answer::{AnswerBudget, Recipient};
use crate::config::ServerConfig;
use crate::door::Door;
use crate::engine::turns::Turns;
use crate::engine::{Engine, EngineError};
use crate::generators::{Generator, TurnLimits};
use crate::jobs::Jobs;
use crate::manage::limits::Limits;
use crate::pace::Meter;
use crate::request::body::BodyBudget;
use crate::upstream::{Upstream, UpstreamConfig};
use crate::{Problem, ProblemKind};

/// A running Refrain: the cache, its generators and its jobs. Cloning shares it.
///
/// # Example
///
/// ```
/// use refrain_server::{App, ServerConfig};
///
/// let app = App::builder(ServerConfig::default()).build()?;
/// let mine: axum::Router = axum::Router::new().nest("/refrain", app.router());
/// # Ok::<(), refrain_server::AppError>(())
/// ```
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the routes work with.
pub(crate) struct Shared {
    pub(crate) config: ServerConfig,
    pub(crate) engine: Arc<Engine>,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) bodies: BodyBudget,
    answers: AnswerBudget,
    pub(crate) limits: Limits,
    /// A listing takes memory by the size of the cache, so only one is made at a time.
    pub(crate) listing: Semaphore,
    /// The doors that stand in for other servers.
    pub(crate) doors: Vec<Door>,
    generators: BTreeMap<String, Registered>,
}

/// A generator, and the turns in which it works.
pub(crate) struct Registered {
    pub(crate) generator: Arc<dyn Generator>,
    pub(crate) turns: Arc<Turns>,
}

/// Why an app cannot be put together.
///
/// # Example
///
/// ```
/// use refrain_server::{App, AppError, ServerConfig};
///
/// let disk_dir = Some("/dev/null/cache".into());
/// let refused = App::builder(ServerConfig { disk_dir, ..ServerConfig::default() }).build();
/// assert!(matches!(refused, Err(AppError::Disk(_))));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The cache cannot be built as configured.
    #[error("cannot build the cache")]
    Cache(#[from] BuildError),
    /// The disk tier cannot be opened.
    #[error(transparent)]
    Disk(#[from] OpenError),
    /// An upstream is this server itself, which would pass every request to itself for ever.
    #[error("upstream `{url}` is this server itself, which listens on `{address}`")]
    UpstreamIsThisServer {
        /// The upstream.
        url: String,
        /// The address of this server.
        address: SocketAddr,
    },
}

impl From<EngineError> for AppError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Cache(error) => Self::Cache(error),
            EngineError::Disk(error) => Self::Disk(error),
        }
    }
}

/// Puts an [`App`] together.
pub struct AppBuilder {
    config: ServerConfig,
    generators: BTreeMap<String, Arc<dyn Generator>>,
    doors: Vec<(SocketAddr, UpstreamConfig)>,
    clock: Clock,
}

impl App {
    /// An app without generators; each is added by [`AppBuilder::generator`].
    pub fn builder(config: ServerConfig) -> AppBuilder {
        AppBuilder {
            config,
            generators: BTreeMap::new(),
            doors: Vec::new(),
            clock: Clock::monotonic(),
        }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0
    }
}

impl AppBuilder {
    /// Adds a generator; one of the same name is replaced.
    #[must_use]
    pub fn generator(mut self, generator: impl Generator) -> Self {
        let name = generator.name().to_owned();
        self.generators.insert(name, Arc::new(generator));
        self
    }

    /// Adds a door: a server that is behind this one, at the address that its clients keep.
    ///
    /// The doors are opened by [`Server::bind`](crate::Server::bind); a mounted router has none.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_server::{App, ServerConfig, UpstreamConfig};
    ///
    /// let llama = UpstreamConfig::new("llama", "http://127.0.0.1:8081")?;
    /// let app = App::builder(ServerConfig::default()).door("127.0.0.1:8080".parse()?, llama).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn door(mut self, address: SocketAddr, upstream: UpstreamConfig) -> Self {
        self.doors.push((address, upstream));
        self
    }

    /// The clock of the cache. Default: the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the app.
    ///
    /// # Errors
    ///
    /// [`AppError`]. Opening the disk tier takes time: it looks at each of its files.
    pub fn build(self) -> Result<App, AppError> {
        let usual = TurnLimits {
            at_once: self.config.generation_threads,
            max_queued: self.config.max_queued,
        };
        let patience = self.config.queue_timeout;
        let registered = |(name, generator): (String, Arc<dyn Generator>)| {
            let limits = generator.turns().unwrap_or(usual);
            let turns = Arc::new(Turns::new(limits.at_once, limits.max_queued, patience));
            (name, Registered { generator, turns })
        };
        let generators: BTreeMap<_, _> = self.generators.into_iter().map(registered).collect();
        let turns = generators.values().map(|one| Arc::clone(&one.turns));
        let own = SocketAddr::new(self.config.host, self.config.port);
        let mut addresses = vec![own];
        addresses.extend(self.doors.iter().map(|(address, _)| *address));
        for (_, upstream) in &self.doors {
            if let Some(address) = addresses.iter().find(|address| upstream.is_at(**address)) {
                return Err(AppError::UpstreamIsThisServer {
                    url: upstream.url(),
                    address: *address,
                });
            }
        }
        let opened = |(address, config): (SocketAddr, UpstreamConfig)| {
            (address, Arc::new(Upstream::new(config, self.clock.clone())))
        };
        let opened: Vec<_> = self.doors.into_iter().map(opened).collect();
        let turns = turns.chain(
            opened
                .iter()
                .map(|(_, upstream)| Arc::clone(upstream.turns())),
        );
        let engine = Engine::new(&self.config, self.clock.clone(), turns.collect())?;
        let tunnels = Arc::new(Semaphore::new(self.config.max_connections));
        let door = |(address, upstream)| {
            Door::new(
                address,
                upstream,
                Arc::clone(&tunnels),
                engine.stopping(),
                self.clock.clone(),
            )
        };
        let doors = opened.into_iter().map(door).collect();
        let jobs = Jobs::new(&self.config, Arc::clone(&engine), self.clock)?;
        Ok(App(Arc::new(Shared {
            bodies: BodyBudget::new(&self.config),
            answers: AnswerBudget::new(&self.config),
            limits: Limits::new(&self.config),
            listing: Semaphore::new(1),
            engine,
            jobs: Arc::new(jobs),
            doors,
            generators,
            config: self.config,
        })))
    }
}

impl Shared {
    /// Where answers to a client go that keeps up as `meter` says.
    pub(crate) fn recipient(&self, meter: Option<&Meter>) -> Recipient<'_> {
        Recipient {
            budget: &self.answers,
            meter: meter.cloned(),
        }
    }

    /// The generator of this name.
    pub(crate) fn generator(&self, name: &str) -> Result<&Registered, Problem> {
        self.generators.get(name).ok_or_else(|| {
            let known: Vec<_> = self.generators.keys().map(String::as_str).collect();
            Problem::new(
                ProblemKind::UnknownGenerator,
                format!("there is no such generator; there is: {}", known.join(", ")),
            )
        })
    }

    pub(crate) fn generators(&self) -> impl Iterator<Item = (&str, &dyn Generator)> {
        let named = self.generators.iter();
        named.map(|(name, one)| (name.as_str(), one.generator.as_ref()))
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AppBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
