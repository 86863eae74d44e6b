//! A reverse proxy's half towards clients: an address that stands in for one upstream.
//!
//! What no route claims passes through untouched. A door has no routes of this server, so it needs no admin token: what can
//! be reached through it is what the upstream shows at its own address.

mod guarding;
mod passing;
mod refusing;
mod replay;
mod routed;
mod staleness;
mod tunnel;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::EXPECT;
use axum::http::{Request, Response};
use axum::response::IntoResponse as _;
use futures_util::FutureExt as _;
use hyper::service::Service;
use refrain::Clock;
use refrain_route::{Routes, TenantSecret};
use tokio::sync::Semaphore;

use crate::answer::AnswerBudget;
use crate::engine::Engine;
use crate::engine::turns::Turns;
use crate::request::body::{BodyBudget, Drained, Interned};
use crate::upstream::Upstream;
use crate::{Problem, request_log};

/// What a door does with requests: the server behind it, and the calls of that server that are answered from the cache.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) upstream: Arc<Upstream>,
    /// Those in which requests of routes are worked on.
    pub(crate) turns: Arc<Turns>,
    pub(crate) routes: Routes,
}

/// An address, and the server that answers behind it. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    plan: RwLock<Arc<Plan>>,
    common: Common,
}

/// What doors have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) engine: Arc<Engine>,
    pub(crate) bodies: Arc<BodyBudget>,
    pub(crate) answers: AnswerBudget,
    pub(crate) secret: TenantSecret,
    pub(crate) interned: Interned,
    /// Names that requests may give this machine, besides those that no page can own.
    pub(crate) allowed_hosts: Arc<[String]>,
    /// Connections that have become tunnels.
    pub(crate) tunnels: Arc<Semaphore>,
    /// How long results are fresh where the route does not say so; `None` is for ever.
    pub(crate) time_to_live: Option<Duration>,
    /// Bytes of the largest answer that is held to be stored.
    pub(crate) most_kept: u64,
    pub(crate) clock: Clock,
}

impl Door {
    pub(crate) fn new(address: SocketAddr, plan: Plan, common: Common) -> Self {
        Self(Arc::new(Inner {
            address,
            plan: RwLock::new(Arc::new(plan)),
            common,
        }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// What it does now.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.0.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on requests are answered by another plan; those that are being answered end by the old one.
    pub(crate) fn change(&self, plan: Plan) {
        *self.0.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    fn common(&self) -> &Common {
        &self.0.common
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let clock = &self.common().clock;
        let (began, plan) = (clock.elapsed(), self.plan());
        let method = request.method().clone();
        let answered = AssertUnwindSafe(self.answer_or_refuse(&plan, request));
        let response = match answered.catch_unwind().await {
            Ok(answered) => answered.unwrap_or_else(Problem::into_response),
            Err(panic) => request_log::fault(&*panic).into_response(),
        };
        let took = clock.elapsed().saturating_sub(began);
        request_log::passed(plan.upstream.name(), &method, &response, took);
        response
    }

    async fn answer_or_refuse(
        &self,
        plan: &Arc<Plan>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Problem> {
        refusing::check(&request)?;
        let waits_for_continue = request.headers().contains_key(EXPECT);
        let request = request.map(|body| Drained::wrap(body, waits_for_continue));
        match plan.routes.find(request.method(), request.uri().path()) {
            Some((route, _)) => self.answer_by_route(plan, route, request).await,
            None => self.pass(plan, request).await,
        }
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
            .field("plan", &self.plan())
            .finish_non_exhaustive()
    }
}
