//! A server without a socket, its clock and its probe.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use refrain::{Clock, FakeClock};
use refrain_server::{App, Relief, ServerConfig};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::probe::Probe;
use crate::stage::Stage;

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) probe: Probe,
    pub(crate) stage: Stage,
    pub(crate) hands: FakeClock,
}

/// An answer that was read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn world() -> World {
    world_with(|_| {})
}

/// A world whose configuration is changed first.
pub(crate) fn world_with(change: impl FnOnce(&mut ServerConfig)) -> World {
    let mut config = ServerConfig {
        max_body_mb: 1.0,
        generation_threads: 4,
        ..ServerConfig::default()
    };
    change(&mut config);
    let (clock, hands) = Clock::fake();
    let probe = Probe::default();
    let stage = Stage::default();
    let app = App::builder(config)
        .generator(Relief)
        .generator(probe.clone())
        .generator(stage.clone())
        .clock(clock)
        .build()
        .unwrap();
    World {
        router: app.router(),
        probe,
        stage,
        hands,
    }
}

impl World {
    /// Sends a request and does not read the answer's body.
    pub(crate) async fn open(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let (head, body) = self.open(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path, &[], "")).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(request(Method::GET, path, headers, "")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(request(Method::DELETE, path, &[], "")).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(json_request(path, &[], body)).await
    }

    /// Asks the probe.
    pub(crate) async fn ask(&self, name: &str, deed: &str) -> Reply {
        self.ask_with(name, deed, &[]).await
    }

    pub(crate) async fn ask_with(&self, name: &str, deed: &str, headers: &[(&str, &str)]) -> Reply {
        self.send(asking(name, deed, headers)).await
    }

    pub(crate) async fn stats(&self) -> Value {
        self.get("/api/cache/stats").await.json()["stats"].clone()
    }

    /// Waits until `condition` holds; for what happens on other threads.
    pub(crate) async fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..5000 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain until {what}");
    }

    /// The same for a condition that asks the server.
    pub(crate) async fn until_async(&self, condition: impl AsyncFn(&Self) -> bool) {
        for _ in 0..5000 {
            if condition(self).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain");
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// What the cache did, from `Cache-Status`.
    pub(crate) fn cache_status(&self) -> &str {
        self.header("cache-status")
    }

    /// Checks that this is a well-formed problem and gives its short type.
    #[track_caller]
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{self:?}"
        );
        let document = self.json();
        assert_eq!(document["status"], self.status.as_u16());
        assert!(!document["title"].as_str().unwrap().is_empty());
        assert!(!document["detail"].as_str().unwrap().is_empty());
        let urn = document["type"].as_str().unwrap();
        urn.strip_prefix("urn:refrain:problem:").unwrap().to_owned()
    }
}

pub(crate) fn request(
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).unwrap()
}

pub(crate) fn json_request(path: &str, headers: &[(&str, &str)], body: &Value) -> Request<Body> {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    request(Method::POST, path, &headers, body.to_string())
}

/// A request to the probe.
pub(crate) fn asking(name: &str, deed: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let body = json!({"name": name, "do": deed});
    json_request("/api/generate/probe", headers, &body)
}
