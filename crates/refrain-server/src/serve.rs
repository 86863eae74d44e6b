//! A listening server: accepting, serving, and ending without losing work.

pub(crate) mod accept;
mod answering;
mod places;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use futures_util::future::{join_all, maybe_done};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use accept::{DoorLimits, accept};

use crate::app::{App, AppError};
use crate::config::ConfigError;
use crate::door::Door;
use crate::engine::Engine;

/// After the grace, how long cancelled work may take to say so to its clients.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cache or its disk tier cannot be had as configured.
    #[error(transparent)]
    App(#[from] AppError),
    /// The address cannot be listened on.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Server {
    app: App,
    listener: TcpListener,
    address: SocketAddr,
    doors: Vec<(Door, TcpListener)>,
}

/// Listens and serves until `shutdown` is ready, then lets running generations finish within the grace.
///
/// # Errors
///
/// [`ServeError`] when the server cannot start; once it runs, it runs.
///
/// # Example
///
/// ```
/// use refrain_server::{App, ServerConfig, serve};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let config = ServerConfig { port: 0, ..ServerConfig::default() };
/// let app = App::builder(config).build()?;
/// serve(app, async { /* ready at once: the server stops as soon as it runs */ }).await?;
/// # Ok::<(), refrain_server::ServeError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn serve(app: App, shutdown: impl Future<Output = ()> + Send) -> Result<(), ServeError> {
    Server::bind(app).await?.run(shutdown).await;
    Ok(())
}

impl Server {
    /// Listens as the configuration of `app` says.
    ///
    /// There is no other configuration: the admin token that is checked here is the one that the routes ask for.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the configuration makes no sense or the address cannot be listened on.
    pub async fn bind(app: App) -> Result<Self, ServeError> {
        let config = &app.shared().config;
        config.check_bind()?;
        let (listener, address) = listen(SocketAddr::new(config.host, config.port)).await?;
        let mut doors = Vec::new();
        for door in app.shared().gateway.doors() {
            let (listener, _) = listen(door.address()).await?;
            doors.push((door.clone(), listener));
        }
        Ok(Self {
            app,
            listener,
            address,
            doors,
        })
    }

    /// The address that clients reach it at, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The addresses of the doors that stand in for other servers, with the ports that were taken.
    pub fn door_addrs(&self) -> Vec<SocketAddr> {
        let listeners = self.doors.iter().map(|(_, listener)| listener);
        listeners
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }

    /// Serves until `shutdown` is ready, then ends: no new connections, running generations finish within
    /// [`ServerConfig::shutdown_grace`](crate::ServerConfig::shutdown_grace), what is left is cancelled.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        tracing::info!(address = %self.address, "listening");
        let connections = GracefulShutdown::new();
        let service = TowerToHyperService::new(self.app.router());
        let limits = DoorLimits::new(&self.app.shared().config);
        let of_others = limits.clone().of_another_server();
        let limits = limits.always_answering(is_vital);
        let doors = self
            .doors
            .iter()
            .map(|(door, listener)| accept(listener, door.clone(), &of_others, &connections));
        tokio::select! {
            () = accept(&self.listener, service, &limits, &connections) => {}
            _ = join_all(doors), if !self.doors.is_empty() => {}
            () = shutdown => {}
            () = self.app.shared().engine.keep_learned() => {}
            () = self.app.shared().gateway.keep_fingerprints() => {}
        }
        drop((self.listener, self.doors));
        let grace = self.app.shared().config.shutdown_grace;
        tracing::info!(grace_seconds = grace.as_secs(), "stopping");
        let engine = &self.app.shared().engine;
        let told = StoppedAtLast(engine);
        let mut closing = pin!(maybe_done(connections.shutdown()));
        let mut idle = pin!(maybe_done(engine.idle()));
        let mut ended = async |within| {
            let both = async { tokio::join!(closing.as_mut(), idle.as_mut()) };
            tokio::time::timeout(within, both).await.is_ok()
        };
        let in_time = ended(grace).await;
        drop(told);
        let _ = tokio::time::timeout(LAST_WORDS, engine.save_learned()).await;
        if in_time || ended(LAST_WORDS).await {
            tracing::info!(in_time, "stopped");
        } else {
            tracing::warn!("stopped although work would not end");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    let bound = bound.await;
    bound.map_err(|source| ServeError::Bind { address, source })
}

/// Tells the work to stop, also when its end is not waited for.
struct StoppedAtLast<'a>(&'a Engine);

impl Drop for StoppedAtLast<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Operators see and change the server however many clients it has.
fn is_vital(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    matches!(path, "/health" | "/metrics") || path.starts_with("/api/cache/")
}
