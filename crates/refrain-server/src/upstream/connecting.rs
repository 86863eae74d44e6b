//! The connector: TCP, and TLS for `https`, within one deadline.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

type Boxed = Box<dyn std::error::Error + Send + Sync>;

/// Connects, or gives up at the deadline.
#[derive(Clone)]
pub(super) struct Connecting {
    inner: HttpsConnector<HttpConnector>,
    within: Duration,
}

/// No connection within the deadline.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {within:?}")]
pub(super) struct TooSlow {
    within: Duration,
}

impl Connecting {
    pub(super) fn new(within: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let inner = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self { inner, within }
    }
}

impl Service<Uri> for Connecting {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = Boxed;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Boxed>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Boxed>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (within, connecting) = (self.within, self.inner.call(uri));
        Box::pin(async move {
            match tokio::time::timeout(within, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(TooSlow { within }.into()),
            }
        })
    }
}
