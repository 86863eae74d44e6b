//! A tunnel: two connections joined after both sides have agreed to speak WebSocket (RFC 6455) on them.
//!
//! What goes through is not looked at. A tunnel ends with either side, or with the server.

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::{self, OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::passing::switched;
use super::{Door, Plan};
use crate::upstream::{Unanswered, asks_for_web_socket};
use crate::{Problem, ProblemKind};

/// The client's half of a tunnel to be, and its place among the tunnels.
pub(super) struct Half {
    client: OnUpgrade,
    place: OwnedSemaphorePermit,
}

impl Door {
    /// The client's half, if it asks for a tunnel.
    ///
    /// # Errors
    ///
    /// A problem when there are too many.
    pub(super) fn tunnel_for(
        &self,
        plan: &Plan,
        request: &mut Request<Body>,
    ) -> Result<Option<Half>, Problem> {
        if !asks_for_web_socket(request.headers()) {
            return Ok(None);
        }
        if !plan.upstream.config().web_sockets {
            let detail = "no WebSocket goes through this door";
            return Err(Problem::new(ProblemKind::NotFound, detail));
        }
        let tunnels = self.common().tunnels.clone();
        let place = tunnels.try_acquire_owned().map_err(|_| {
            Problem::busy(
                "as many tunnels are open as connections are allowed: ask again later",
                5,
            )
        })?;
        let client = upgrade::on(request);
        Ok(Some(Half { client, place }))
    }

    /// Joins both halves once the client has the head that is returned here.
    ///
    /// # Errors
    ///
    /// A problem when the client did not ask to switch.
    pub(super) fn join_tunnel(
        &self,
        plan: &Plan,
        half: Option<Half>,
        mut response: Response<Incoming>,
    ) -> Result<Response<Body>, Problem> {
        let Some(half) = half else {
            return Err(Problem::from(Unanswered::Broken {
                upstream: plan.upstream.name().to_owned(),
                why: "it switches to another protocol, for which it was not asked".to_owned(),
            }));
        };
        let server = upgrade::on(&mut response);
        let stop = self.common().engine.stopping();
        tokio::spawn(async move {
            tokio::select! {
                () = joined(half, server) => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(switched(response))
    }
}

async fn joined(half: Half, server: OnUpgrade) {
    let (Ok(client), Ok(server)) = tokio::join!(half.client, server) else {
        return;
    };
    let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
        tracing::debug!(%error, "tunnel ended");
    }
    drop(half.place);
}
