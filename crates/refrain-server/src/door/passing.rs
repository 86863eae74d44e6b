//! The pass-through: a request goes to the upstream and its answer to the client, both as they come.
//!
//! Nothing is held whole, so a body of any length passes. A client that hangs up drops all of this, which closes the
//! connection to the upstream.

use axum::body::Body;
use axum::http::header::{CONNECTION, UPGRADE};
use axum::http::{HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;

use super::{Door, Plan};
use crate::Problem;
use crate::upstream::{Lent, Outgoing, Paced, keep_end_to_end};

impl Door {
    /// Passes a request on, and the answer back.
    ///
    /// # Errors
    ///
    /// A problem where the upstream gave no answer; one that it gave is passed on, whatever it says.
    pub(super) async fn pass(
        &self,
        plan: &Plan,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Problem> {
        let upgrade = self.tunnel_for(plan, &mut request)?;
        let (head, body) = request.into_parts();
        let asked = plan.upstream.asked(&head)?;
        let body = Lent::new(passing(plan, body));
        let response = plan.upstream.send(&asked, body).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.join_tunnel(plan, upgrade, response);
        }
        Ok(passed_back(plan, response, ()))
    }
}

/// A body that goes on as it comes.
pub(super) fn passing(plan: &Plan, body: Body) -> Outgoing {
    Outgoing::Passing(Paced::new(body, plan.upstream.config().idle_timeout))
}

/// The answer of the upstream, as it comes. `held` is let go of when it has ended.
pub(super) fn passed_back(
    plan: &Plan,
    mut response: Response<Incoming>,
    held: impl Send + Unpin + 'static,
) -> Response<Body> {
    keep_end_to_end(response.headers_mut());
    let idle = plan.upstream.config().idle_timeout;
    response.map(|body| Body::new(Paced::new(body, idle).holding(held)))
}

/// The head with which a connection becomes a tunnel.
pub(super) fn switched<B>(response: Response<B>) -> Response<Body> {
    let mut response = response.map(|_| Body::empty());
    let headers = response.headers_mut();
    keep_end_to_end(headers);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    response
}
