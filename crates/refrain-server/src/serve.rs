//! A listening server: accepting, serving, and ending without losing work.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures_util::future::maybe_done;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::app::{App, AppError};
use crate::config::ConfigError;

/// Header bytes of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// After the grace, how long cancelled work may take to say so to its clients.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
        let address = SocketAddr::new(config.host, config.port);
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound
            .await
            .map_err(|source| ServeError::Bind { address, source })?;
        Ok(Self {
            app,
            listener,
            address,
        })
    }

    /// The address that clients reach it at, with the port that was taken.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is ready, then ends: no new connections, running generations finish within
    /// [`ServerConfig::shutdown_grace`](crate::ServerConfig::shutdown_grace), what is left is cancelled.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        tracing::info!(address = %self.address, "listening");
        let connections = GracefulShutdown::new();
        tokio::select! {
            () = self.accept(&connections) => {}
            () = shutdown => {}
            () = self.app.shared().engine.keep_learned() => {}
        }
        drop(self.listener);
        let grace = self.app.shared().config.shutdown_grace;
        tracing::info!(grace_seconds = grace.as_secs(), "stopping");
        let engine = &self.app.shared().engine;
        let mut closing = pin!(maybe_done(connections.shutdown()));
        let mut idle = pin!(maybe_done(engine.idle()));
        let mut ended = async |within| {
            let both = async { tokio::join!(closing.as_mut(), idle.as_mut()) };
            tokio::time::timeout(within, both).await.is_ok()
        };
        let in_time = ended(grace).await;
        engine.stop();
        let _ = tokio::time::timeout(LAST_WORDS, engine.save_learned()).await;
        if in_time || ended(LAST_WORDS).await {
            tracing::info!(in_time, "stopped");
        } else {
            tracing::warn!("stopped although work would not end");
        }
    }

    async fn accept(&self, connections: &GracefulShutdown) {
        let config = &self.app.shared().config;
        let places = Arc::new(Semaphore::new(config.max_connections.max(1)));
        let router = self.app.router();
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(config.header_timeout)
            .max_buf_size(MAX_HEADER_BYTES);
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let connection = connections.watch(connection(
                &builder,
                stream,
                router.clone(),
                config.body_timeout,
            ));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection ended");
                }
                drop(place);
            });
        }
    }
}

fn connection(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    router: Router,
    stall: Duration,
) -> impl hyper_util::server::graceful::GracefulConnection<
    Error = Box<dyn std::error::Error + Send + Sync>,
> + Send
+ 'static {
    // An answer goes out at once; without this, its last piece waits for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(stall));
    builder
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(router),
        )
        .into_owned()
}
