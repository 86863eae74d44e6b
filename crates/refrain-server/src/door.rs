//! A reverse proxy's half towards clients: an address that stands in for one upstream.
//!
//! What no route claims passes through untouched. A door has no routes of this server, so it needs no admin token: what can
//! be reached through it is what the upstream shows at its own address.

mod passing;
mod refusing;
mod tunnel;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::EXPECT;
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use hyper::service::Service;
use refrain::Clock;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::request::body::Drained;
use crate::upstream::Upstream;
use crate::{Problem, request_log};

/// An address, and the server that answers behind it. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    upstream: Arc<Upstream>,
    /// Connections that have become tunnels.
    tunnels: Arc<Semaphore>,
    /// Cancelled when the server ends.
    stop: CancellationToken,
    clock: Clock,
}

impl Door {
    pub(crate) fn new(
        address: SocketAddr,
        upstream: Arc<Upstream>,
        tunnels: Arc<Semaphore>,
        stop: CancellationToken,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            address,
            upstream,
            tunnels,
            stop,
            clock,
        }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.0.upstream
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let began = self.0.clock.elapsed();
        let method = request.method().clone();
        let answered = AssertUnwindSafe(self.clone().answer_or_refuse(request));
        let response = match answered.catch_unwind().await {
            Ok(answered) => answered.unwrap_or_else(Problem::into_response),
            Err(panic) => request_log::fault(&*panic).into_response(),
        };
        let took = self.0.clock.elapsed().saturating_sub(began);
        request_log::passed(self.upstream().name(), &method, &response, took);
        response
    }

    async fn answer_or_refuse(self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        refusing::check(&request)?;
        let waits_for_continue = request.headers().contains_key(EXPECT);
        let request = request.map(|body| Drained::wrap(body, waits_for_continue));
        self.pass(request).await
    }
}

impl Service<Request<Body>> for Door {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(request).map(Ok))
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door")
            .field("address", &self.0.address)
            .field("upstream", &self.0.upstream)
            .finish_non_exhaustive()
    }
}
