//! The state that all routes share, and its builder.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use refrain::{BuildError, Clock};
use refrain_disk::OpenError;
use refrain_route::Routes;
use tokio::sync::Semaphore;

use crate::answer::{AnswerBudget, CompressedResults, Recipient};
use crate::config::{ServerConfig, megabytes};
use crate::door::{Common, Door};
use crate::engine::turns::Turns;
use crate::engine::{Engine, EngineError};
use crate::gateway::{Gateway, GatewayError, Source, Wanted, plans, tenant_secret, wanted};
use crate::generators::{Generator, TurnLimits};
use crate::jobs::Jobs;
use crate::manage::limits::Limits;
use crate::pace::Meter;
use crate::request::body::{BodyBudget, Interned};
use crate::upstream::UpstreamConfig;
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
    pub(crate) bodies: Arc<BodyBudget>,
    answers: AnswerBudget,
    compressed: CompressedResults,
    pub(crate) limits: Limits,
    /// A listing takes memory by the size of the cache, so only one is made at a time.
    pub(crate) listing: Semaphore,
    /// The doors that stand in for other servers.
    pub(crate) gateway: Gateway,
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
    /// The file with which tenants are told apart cannot be used.
    #[error("the file `tenants` in the folder of the disk tier cannot be used")]
    TenantSecret(#[source] std::io::Error),
    /// An upstream is this server itself, which would pass every request to itself for ever.
    #[error("upstream `{url}` is this server itself, which listens on `{address}`")]
    UpstreamIsThisServer {
        /// The upstream.
        url: String,
        /// The address of this server.
        address: SocketAddr,
    },
}

/// Half of the memory of the cache is the most that one answer may take of it, but a large one fits any cache.
const LEAST_MOST_KEPT: u64 = 64 << 20;

fn check_doors(config: &ServerConfig, doors: &[Wanted]) -> Result<(), AppError> {
    let mut addresses = vec![SocketAddr::new(config.host, config.port)];
    addresses.extend(doors.iter().map(|door| door.address));
    for Wanted { upstream, .. } in doors {
        if let Some(address) = addresses.iter().find(|address| upstream.is_at(**address)) {
            return Err(AppError::UpstreamIsThisServer {
                url: upstream.url(),
                address: *address,
            });
        }
    }
    Ok(())
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
    doors: Vec<Wanted>,
    source: Option<Source>,
    clock: Clock,
}

impl App {
    /// An app without generators; each is added by [`AppBuilder::generator`].
    pub fn builder(config: ServerConfig) -> AppBuilder {
        AppBuilder {
            config,
            generators: BTreeMap::new(),
            doors: Vec::new(),
            source: None,
            clock: Clock::monotonic(),
        }
    }

    /// Takes another configuration of the doors, all of it or nothing: other upstreams and routes behind the same addresses.
    ///
    /// Requests that are being answered end as they began.
    ///
    /// # Errors
    ///
    /// [`GatewayError`]: then everything is as before.
    pub async fn reload_gateway(&self, config: &refrain_route::Config) -> Result<(), GatewayError> {
        self.0.gateway.reload(config).await
    }

    /// Reads the configuration of the doors again where it came from, and takes it, all of it or nothing.
    ///
    /// # Errors
    ///
    /// [`GatewayError`]: then everything is as before.
    pub async fn reload_gateway_from_its_source(&self) -> Result<(), GatewayError> {
        self.0.gateway.reload_from_source().await
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
        let routes = Routes::default();
        self.doors.push(Wanted {
            address,
            upstream,
            routes,
        });
        self
    }

    /// Adds the doors of a configuration, with the routes to the servers behind them.
    ///
    /// # Errors
    ///
    /// [`GatewayError`] when a credential is in an environment variable that is not set.
    ///
    /// # Example
    ///
    /// ```
    /// use refrain_route::Config;
    /// use refrain_server::{App, ServerConfig};
    ///
    /// let openai = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").expect("it makes sense");
    /// let app = App::builder(ServerConfig::default()).gateway(&openai)?.build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn gateway(mut self, config: &refrain_route::Config) -> Result<Self, GatewayError> {
        self.doors.extend(wanted(config)?);
        Ok(self)
    }

    /// Where the configuration of the doors is read again on a reload; mistakes are told in words for people.
    #[must_use]
    pub fn gateway_source(
        mut self,
        read: impl Fn() -> Result<refrain_route::Config, String> + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Source(Arc::new(read)));
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
        check_doors(&self.config, &self.doors)?;
        let engine = Engine::new(&self.config, self.clock.clone(), turns.collect())?;
        let bodies = Arc::new(BodyBudget::new(&self.config));
        let folder = self.config.disk_dir.as_deref();
        let folder = folder.filter(|_| self.config.cache_enabled && !self.doors.is_empty());
        let answers = AnswerBudget::new(&self.config);
        let secret = tenant_secret(folder).map_err(AppError::TenantSecret)?;
        let common = Common {
            engine: Arc::clone(&engine),
            bodies: Arc::clone(&bodies),
            answers: answers.clone(),
            secret: secret.clone(),
            interned: Interned::default(),
            allowed_hosts: self.config.allowed_hosts.clone().into(),
            tunnels: Arc::new(Semaphore::new(self.config.max_connections)),
            time_to_live: self.config.ttl,
            most_kept: (megabytes(self.config.max_memory_mb) / 2).max(LEAST_MOST_KEPT),
            clock: self.clock.clone(),
        };
        let doors = plans(self.doors, &[], &self.clock).into_iter();
        let doors = doors.map(|(address, plan)| Door::new(address, plan, common.clone()));
        let gateway = Gateway::new(doors.collect(), secret, self.clock.clone(), self.source);
        let compressed = CompressedResults::new(&self.config, self.clock.clone())?;
        let jobs = Jobs::new(&self.config, Arc::clone(&engine), self.clock)?;
        Ok(App(Arc::new(Shared {
            bodies,
            answers,
            compressed,
            limits: Limits::new(&self.config),
            listing: Semaphore::new(1),
            engine,
            jobs: Arc::new(jobs),
            gateway,
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
            compressed: Some(&self.compressed),
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
