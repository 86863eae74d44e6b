//! An accept loop: connections are taken from a listener and served by any HTTP service, within limits.
//!
//! The limits are those of a door and know nothing of what it serves.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::config::ServerConfig;

/// Header bytes of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the clients of one listener may take.
#[derive(Debug, Clone)]
pub(crate) struct DoorLimits {
    /// Connections served at once.
    connections: usize,
    /// How long a head may take to arrive, or a connection to be idle.
    head: Duration,
    /// How long a client may stand still while it reads an answer.
    stall: Duration,
    /// Whether names of headers are passed on as they were written.
    keeps_case: bool,
}

impl DoorLimits {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            connections: config.max_connections.max(1),
            head: config.header_timeout,
            stall: config.body_timeout,
            keeps_case: false,
        }
    }

    /// The same for a door that stands in for another server.
    pub(crate) fn of_another_server(mut self) -> Self {
        self.keeps_case = true;
        self
    }
}

/// Accepts connections and has `service` answer their requests, for as long as it is polled.
///
/// Each connection is one of `connections`, which can end them gracefully once this is dropped.
pub(crate) async fn accept<S>(
    listener: &TcpListener,
    service: S,
    limits: &DoorLimits,
    connections: &GracefulShutdown,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let places = Arc::new(Semaphore::new(limits.connections));
    let builder = builder(limits);
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let served = connection(&builder, stream, service.clone(), limits);
        let served = connections.watch(served);
        tokio::spawn(async move {
            if let Err(error) = served.await {
                tracing::debug!(%error, "connection ended");
            }
            drop(place);
        });
    }
}

fn builder(limits: &DoorLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .preserve_header_case(limits.keeps_case)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
}

fn connection<S>(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    service: S,
    limits: &DoorLimits,
) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send + 'static,
    S::Future: Send,
{
    // An answer goes out at once; without this, its last piece waits for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.stall));
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        service.call(request.map(Body::new))
    });
    builder
        .serve_connection_with_upgrades(TokioIo::new(Box::pin(stream)), service)
        .into_owned()
}
