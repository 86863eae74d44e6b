//! What generate requests are answered with, and what a client can ask of the cache.

use std::time::Duration;

use axum::http::StatusCode;

use crate::probe::Probe;
use crate::world::{world, world_with};

#[tokio::test]
async fn the_first_request_generates_and_the_second_is_a_hit_with_equal_bytes() {
    let world = world();
    let first = world.ask("a", "echo").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.cache_status(), "refrain; fwd=miss; stored");
    assert_eq!(first.header("age"), "0");

    world.hands.advance(Duration::from_secs(5));
    let second = world.ask("a", "echo").await;
    assert_eq!(second.cache_status(), "refrain; hit; ttl=86395");
    assert_eq!(second.header("age"), "5");
    assert_eq!(second.body, Probe::bytes_of("a"));
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("etag"), first.header("etag"));
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn an_answer_describes_its_bytes_and_where_to_fetch_them() {
    let world = world();
    let reply = world.ask("a", "echo").await;
    assert_eq!(reply.header("content-type"), "text/plain");
    assert_eq!(
        reply.header("content-disposition"),
        "attachment; filename=\"probe.txt\""
    );
    let digest = blake3::hash(&reply.body).to_hex();
    assert_eq!(reply.header("etag"), format!("\"{digest}\""));
    let key = reply.header("refrain-key");
    assert_eq!(key.len(), 64);
    assert_eq!(
        reply.header("content-location"),
        format!("/api/results/{key}")
    );
    assert_eq!(
        world.get(reply.header("content-location")).await.body,
        reply.body
    );
}

#[tokio::test]
async fn a_result_expires_after_its_time_to_live() {
    let world = world_with(|config| config.ttl = Some(Duration::from_secs(60)));
    world.ask("a", "echo").await;
    world.hands.advance(Duration::from_secs(59));
    assert_eq!(
        world.ask("a", "echo").await.cache_status(),
        "refrain; hit; ttl=1"
    );
    world.hands.advance(Duration::from_secs(1));
    let late = world.ask("a", "echo").await;
    assert_eq!(late.cache_status(), "refrain; fwd=miss; stored");
    world.hands.advance(Duration::from_secs(60));
    let gone = world.get(late.header("content-location")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_time_to_live_a_hit_tells_none() {
    let world = world_with(|config| config.ttl = None);
    world.ask("a", "echo").await;
    world.hands.advance(Duration::from_secs(1_000_000_000));
    assert_eq!(world.ask("a", "echo").await.cache_status(), "refrain; hit");
}

#[tokio::test]
async fn no_cache_generates_anew_and_stores() {
    let world = world();
    for run in 1..=2 {
        // The first time there is nothing to pass by.
        let fresh = world
            .ask_with("a", "echo", &[("cache-control", "no-cache")])
            .await;
        assert_eq!(fresh.cache_status(), "refrain; fwd=request; stored");
        assert_eq!(fresh.header("age"), "0");
        assert_eq!(world.probe.runs(), run);
        world.hands.advance(Duration::from_secs(10));
    }
    let hit = world.ask("a", "echo").await;
    assert!(hit.cache_status().starts_with("refrain; hit"));
    assert_eq!(hit.header("age"), "10", "it is the new one");
}

#[tokio::test]
async fn cache_control_is_read_as_a_list_and_in_any_case() {
    let world = world();
    world.ask("a", "echo").await;
    for value in [
        "No-Cache",
        "foo, no-cache",
        "no-cache ,foo=1",
        "x=\"y, z\", NO-CACHE",
    ] {
        let reply = world
            .ask_with("a", "echo", &[("cache-control", value)])
            .await;
        assert_eq!(
            reply.cache_status(),
            "refrain; fwd=request; stored",
            "{value}"
        );
    }
}

#[tokio::test]
async fn other_cache_control_directives_change_nothing() {
    let world = world();
    world.ask("a", "echo").await;
    for value in [
        "",
        ",,,",
        "=",
        "unknown-directive",
        "extension=\"no-store\"",
        "max-stale",
        "max-age=1000",
    ] {
        let reply = world
            .ask_with("a", "echo", &[("cache-control", value)])
            .await;
        assert!(reply.cache_status().starts_with("refrain; hit"), "{value}");
    }
    assert_eq!(world.probe.runs(), 1);
}

/// A limit that cannot be read counts as the strictest.
#[tokio::test]
async fn what_is_stored_is_not_served_against_the_wish_of_the_client() {
    let world = world();
    world.ask("a", "echo").await;
    for value in [
        "max-age=0",
        "max-age=abc",
        "max-age",
        "min-fresh=9999999",
        "no-cache=x",
    ] {
        let reply = world
            .ask_with("a", "echo", &[("cache-control", value)])
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{value}");
        assert_eq!(
            reply.cache_status(),
            "refrain; fwd=request; stored",
            "{value}"
        );
    }
}

#[tokio::test]
async fn no_store_generates_anew_and_keeps_nothing() {
    let world = world();
    let reply = world
        .ask_with("a", "echo", &[("cache-control", "no-store")])
        .await;
    assert_eq!(reply.cache_status(), "refrain; fwd=request");
    assert_eq!(reply.header("content-location"), "");
    assert_eq!(world.stats().await["current_items"], 0);
    assert_eq!(
        world.ask("a", "echo").await.cache_status(),
        "refrain; fwd=miss; stored"
    );
    assert_eq!(world.probe.runs(), 2);
}

#[tokio::test]
async fn only_if_cached_generates_nothing() {
    let world = world();
    let only = [("cache-control", "only-if-cached")];
    let missing = world.ask_with("a", "echo", &only).await;
    assert_eq!(missing.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(missing.problem(), "not-cached");
    assert_eq!(world.probe.runs(), 0);

    world.ask("a", "echo").await;
    let found = world.ask_with("a", "echo", &only).await;
    assert!(found.cache_status().starts_with("refrain; hit"));
    let contradiction = [("cache-control", "only-if-cached, no-cache")];
    let refused = world.ask_with("a", "echo", &contradiction).await;
    assert_eq!(refused.problem(), "not-cached");
}

#[tokio::test]
async fn a_client_can_ask_for_a_younger_or_longer_lasting_result() {
    let world = world_with(|config| config.ttl = Some(Duration::from_secs(100)));
    world.ask("a", "echo").await;
    world.hands.advance(Duration::from_secs(40));
    for (directive, is_hit) in [
        ("max-age=41", true),
        ("max-age=40", true),
        ("min-fresh=60", true),
        ("max-stale=1000", true),
        ("max-age=39", false),
    ] {
        let reply = world
            .ask_with("a", "echo", &[("cache-control", directive)])
            .await;
        let expected = if is_hit {
            "refrain; hit; ttl=60"
        } else {
            "refrain; fwd=request; stored"
        };
        assert_eq!(reply.cache_status(), expected, "{directive}");
    }
    world.hands.advance(Duration::from_secs(1));
    let lasting = world
        .ask_with("a", "echo", &[("cache-control", "min-fresh=100")])
        .await;
    assert_eq!(lasting.cache_status(), "refrain; fwd=request; stored");
}

#[tokio::test]
async fn a_client_that_has_the_result_is_sent_none() {
    let world = world();
    let first = world.ask("a", "echo").await;
    let condition = [("if-none-match", first.header("etag"))];
    let second = world.ask_with("a", "echo", &condition).await;
    assert_eq!(second.status, StatusCode::NOT_MODIFIED);
    assert!(second.body.is_empty());
    assert_eq!(second.header("etag"), first.header("etag"));
    assert!(second.cache_status().starts_with("refrain; hit"));
    let other = world.ask_with("b", "echo", &condition).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn a_switched_off_cache_generates_every_time_and_says_so() {
    let world = world_with(|config| config.cache_enabled = false);
    for run in 1..=2 {
        let reply = world.ask("a", "echo").await;
        assert_eq!(
            reply.cache_status(),
            "refrain; fwd=bypass; detail=\"DISABLE_RESULT_CACHE\""
        );
        assert_eq!(world.probe.runs(), run);
    }
    let stats = world.get("/api/cache/stats").await.json();
    assert_eq!(stats["cache_enabled"], false);
    assert_eq!(stats["stats"]["bypasses"], 2);
    let only = [("cache-control", "only-if-cached")];
    assert_eq!(
        world.ask_with("a", "echo", &only).await.problem(),
        "not-cached"
    );
}

#[tokio::test]
async fn a_result_larger_than_the_cache_is_answered_and_not_stored() {
    let world = world_with(|config| config.max_memory_mb = 0.25);
    world.ask("small", "echo").await;
    let large = world.ask("a", "large").await;
    assert_eq!(large.status, StatusCode::OK);
    assert_eq!(
        large.cache_status(),
        "refrain; fwd=miss; detail=\"larger than the cache\""
    );
    assert_eq!(large.header("content-location"), "");
    let stats = world.stats().await;
    assert_eq!(
        (&stats["current_items"], &stats["evictions"]),
        (&1.into(), &0.into())
    );
}
