//! A tunnel: two connections joined after both sides have agreed to speak WebSocket (RFC 6455) on them.
//!
//! What goes through is not looked at. A tunnel ends with either side, or with the server.

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::{self, OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::Door;
use super::passing::switched;
use crate::Problem;
use crate::upstream::{Unanswered, asks_for_web_socket};

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
    pub(super) fn tunnel_for(&self, request: &mut Request<Body>) -> Result<Option<Half>, Problem> {
        if !asks_for_web_socket(request.headers()) {
            return Ok(None);
        }
        let tunnels = self.0.tunnels.clone();
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
        half: Option<Half>,
        mut response: Response<Incoming>,
    ) -> Result<Response<Body>, Problem> {
        let Some(half) = half else {
            return Err(Problem::from(Unanswered::Broken {
                upstream: self.upstream().name().to_owned(),
                why: "it switches to another protocol, for which it was not asked".to_owned(),
            }));
        };
        let server = upgrade::on(&mut response);
        let stop = self.0.stop.clone();
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
