//! An accept loop: connections are taken from a listener and served by any HTTP service, within limits.
//!
//! The limits are those of a door and know nothing of what it serves: places for connections, time for a head, and the
//! pace of bodies and answers.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use tokio::net::{TcpListener, TcpStream};

use super::answering::Answering;
use super::places::{Place, Places};
use crate::Problem;
use crate::client::Client;
use crate::config::ServerConfig;
use crate::pace::{Meter, PaceLimits, PacedBody, PacedStream};

/// Header bytes of one request.
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a head may take to arrive on a connection of the reserve.
const RESERVED_HEAD: Duration = Duration::from_secs(2);
/// How long a request on a connection of the reserve waits for an ordinary place.
const RESERVED_WAIT: Duration = Duration::from_secs(10);

/// What the clients of one listener may take.
#[derive(Debug, Clone)]
pub(crate) struct DoorLimits {
    /// Connections served at once.
    connections: usize,
    /// How long a head may take to arrive, or a connection to be idle.
    head: Duration,
    pace: PaceLimits,
    /// Whether names of headers are passed on as they were written.
    keeps_case: bool,
    /// Whether a request is answered on a connection of the reserve too.
    is_vital: fn(&Request<Body>) -> bool,
}

impl DoorLimits {
    /// The limits of the configuration; no request is vital.
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            connections: config.max_connections.max(1),
            head: config.header_timeout,
            pace: PaceLimits::new(config),
            keeps_case: false,
            is_vital: |_| false,
        }
    }

    /// The same for a door that stands in for another server.
    pub(crate) fn of_another_server(mut self) -> Self {
        self.keeps_case = true;
        self
    }

    /// Says which requests are answered even when all connections are taken.
    pub(crate) fn always_answering(self, is_vital: fn(&Request<Body>) -> bool) -> Self {
        Self { is_vital, ..self }
    }
}

/// Accepts connections and has `service` answer their requests, for as long as it is polled.
///
/// Each connection is one of `connections`, which can end them gracefully once this is dropped. Each request carries its
/// [`Meter`] and its [`Client`] as extensions.
pub(crate) async fn accept<S>(
    listener: &TcpListener,
    service: S,
    limits: &DoorLimits,
    connections: &GracefulShutdown,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let places = Places::new(limits.connections);
    let ordinary = builder(limits, limits.head);
    let reserved = builder(limits, limits.head.min(RESERVED_HEAD));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let meter = Meter::new(limits.pace);
        let place = places.take(&meter).await;
        let builder = if place.is_reserved() {
            &reserved
        } else {
            &ordinary
        };
        let requests = Requests {
            service: service.clone(),
            meter: meter.clone(),
            place: Arc::new(place),
            peer: peer.ip(),
            is_vital: limits.is_vital,
        };
        let served = connections.watch(connection(builder, stream, requests));
        tokio::spawn(async move {
            tokio::select! {
                ended = served => if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                },
                () = meter.ended() => tracing::debug!("connection ended to make room"),
            }
        });
    }
}

fn builder(limits: &DoorLimits, head: Duration) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .preserve_header_case(limits.keeps_case)
        .max_buf_size(MAX_HEADER_BYTES);
    builder
}

fn connection<S>(
    builder: &auto::Builder<TokioExecutor>,
    stream: TcpStream,
    requests: Requests<S>,
) -> impl GracefulConnection<Error = Box<dyn std::error::Error + Send + Sync>> + Send + 'static
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + Sync + 'static,
    S::Future: Send,
{
    // An answer goes out at once; without this, its last piece waits for the client's acknowledgement.
    let _ = stream.set_nodelay(true);
    let stream = PacedStream::new(stream, &requests.meter);
    let service = service_fn(move |request: Request<Incoming>| {
        let requests = requests.clone();
        async move { Ok::<_, Infallible>(requests.answer(request).await) }
    });
    builder
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .into_owned()
}

/// What answers the requests of one connection.
#[derive(Clone)]
struct Requests<S> {
    service: S,
    meter: Meter,
    place: Arc<Place>,
    peer: IpAddr,
    is_vital: fn(&Request<Body>) -> bool,
}

impl<S> Requests<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        self.meter.begin();
        // Dropped with this future too, when the client hangs up.
        let answering = Answering::new(self.meter.clone());
        let mut request = request.map(|body| PacedBody::wrap(Body::new(body), &self.meter));
        let is_let_in = !self.place.is_reserved()
            || (self.is_vital)(&request)
            || self.place.promote(RESERVED_WAIT).await;
        if !is_let_in {
            let full = "all connections of this server are taken: ask again later";
            let mut response = Problem::busy(full, 5).into_response();
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
            return response.map(|body| answering.of(body));
        }
        let client = Client::of(self.peer, request.headers());
        request.extensions_mut().insert(client);
        request.extensions_mut().insert(self.meter.clone());
        let Ok(response) = self.service.call(request).await;
        response.map(|body| answering.of(body))
    }
}
