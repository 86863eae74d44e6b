//! Access control: the requests that are refused.

use axum::http::{Method, StatusCode};
use refrain_server::AdminToken;
use serde_json::json;

use crate::world::{World, asking, json_request, request, world, world_with};

const MANAGEMENT: [(&str, &str); 7] = [
    ("GET", "/api/cache/stats"),
    ("POST", "/api/cache/stats/reset"),
    ("GET", "/api/cache/config"),
    ("POST", "/api/cache/config"),
    ("POST", "/api/cache/clear"),
    ("GET", "/api/cache/entries"),
    (
        "DELETE",
        "/api/cache/entries/0000000000000000000000000000000000000000000000000000000000000000",
    ),
];

fn guarded() -> World {
    world_with(|config| config.admin_token = AdminToken::new("sesame"))
}

#[tokio::test]
async fn management_routes_need_the_token_when_there_is_one() {
    let world = guarded();
    for (method, path) in MANAGEMENT {
        let method: Method = method.parse().unwrap();
        let content_type = ("content-type", "application/json");
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer sesam",
            "Bearer sesame2",
            "Basic sesame",
            "sesame",
        ] {
            let headers = [content_type, ("authorization", wrong)];
            let refused = world
                .send(request(method.clone(), path, &headers, "{}"))
                .await;
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{path} {wrong}");
            assert_eq!(refused.problem(), "unauthorized");
            assert!(refused.header("www-authenticate").starts_with("Bearer"));
        }
        for right in ["Bearer sesame", "bearer sesame"] {
            let headers = [content_type, ("authorization", right)];
            let reply = world
                .send(request(method.clone(), path, &headers, "{}"))
                .await;
            assert_ne!(reply.status, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn everything_else_is_open() {
    let world = guarded();
    assert_eq!(world.ask("a", "echo").await.status, StatusCode::OK);
    for path in ["/", "/health", "/api/openapi.json"] {
        assert_eq!(world.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_request_for_another_host_is_refused_everywhere() {
    let world = world();
    let evil = [("host", "evil.example")];
    for path in ["/", "/health", "/api/cache/stats", "/nothing"] {
        let refused = world.get_with(path, &evil).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(refused.problem(), "host-not-allowed");
    }
    assert_eq!(
        world.send(asking("a", "echo", &evil)).await.problem(),
        "host-not-allowed"
    );
    assert_eq!(world.probe.runs(), 0);
}

#[tokio::test]
async fn off_loopback_any_host_is_answered() {
    let world = world_with(|config| {
        config.host = "0.0.0.0".parse().unwrap();
        config.admin_token = AdminToken::new("sesame");
    });
    let reply = world
        .get_with("/health", &[("host", "models.example")])
        .await;
    assert_eq!(reply.status, StatusCode::OK);
}

#[tokio::test]
async fn a_foreign_page_changes_nothing() {
    let world = world();
    world.ask("a", "echo").await;
    let origin = [("origin", "https://evil.example")];
    let refused = world
        .send(json_request("/api/cache/clear", &origin, &json!({})))
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.problem(), "cross-origin");
    assert_eq!(world.stats().await["current_items"], 1);
    let own = [("origin", "http://localhost")];
    let done = world
        .send(json_request("/api/cache/clear", &own, &json!({})))
        .await;
    assert_eq!(done.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_forbids_sniffing_and_none_allows_other_origins() {
    let world = world();
    for path in ["/", "/nothing", "/api/cache/stats", "/api/results/x"] {
        let reply = world
            .get_with(path, &[("origin", "https://other.example")])
            .await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), "");
    }
}
