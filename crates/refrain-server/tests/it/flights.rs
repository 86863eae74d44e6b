//! Many requests at once: one generation, whichever caller leaves and however it ends.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;

use crate::probe::Probe;
use crate::world::{Reply, World, asking, world, world_with};

/// How many of the answers say this about the cache.
fn count(replies: &[Reply], status: &str) -> usize {
    replies
        .iter()
        .filter(|reply| reply.cache_status() == status)
        .count()
}

#[tokio::test]
async fn fifty_identical_requests_at_once_generate_once() {
    let world = world();
    let requests = join_all((0..50).map(|_| world.ask("a", "wait")));
    let (replies, ()) = tokio::join!(requests, async {
        world
            .until("the probe waits", |world| world.probe.waiting() == 1)
            .await;
        world.probe.open_gate();
    });
    assert_eq!(world.probe.runs(), 1);
    assert!(
        replies
            .iter()
            .all(|reply| reply.body == Probe::bytes_of("a"))
    );
    assert_eq!(count(&replies, "refrain; fwd=miss; stored"), 1);
    assert_eq!(count(&replies, "refrain; fwd=miss; collapsed"), 49);
    let stats = world.stats().await;
    assert_eq!(
        (&stats["collapsed"], &stats["generations"]),
        (&49.into(), &1.into())
    );
}

#[tokio::test]
async fn the_work_goes_on_when_the_first_who_asked_hangs_up() {
    let world = world();
    let leader = tokio::spawn(world.router.clone().oneshot_of("a"));
    world
        .until("the probe waits", |world| world.probe.waiting() == 1)
        .await;
    let follower = tokio::spawn(world.router.clone().oneshot_of("a"));
    tokio::task::yield_now().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    world.probe.open_gate();
    assert_eq!(follower.await.unwrap(), StatusCode::OK);
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn the_work_goes_on_when_everybody_hangs_up() {
    let world = world();
    let only = tokio::spawn(world.router.clone().oneshot_of("a"));
    world
        .until("the probe waits", |world| world.probe.waiting() == 1)
        .await;
    only.abort();
    assert!(only.await.unwrap_err().is_cancelled());
    world.probe.open_gate();
    for _ in 0..1000 {
        if world.stats().await["current_items"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(
        world
            .ask("a", "wait")
            .await
            .cache_status()
            .starts_with("refrain; hit")
    );
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_failure_is_everybodys_and_is_not_stored() {
    let world = world();
    for (deed, status, kind) in [
        (
            "fail",
            StatusCode::INTERNAL_SERVER_ERROR,
            "generation-failed",
        ),
        ("refuse", StatusCode::BAD_REQUEST, "unreadable-image"),
        (
            "panic",
            StatusCode::INTERNAL_SERVER_ERROR,
            "generation-failed",
        ),
    ] {
        let replies = join_all((0..5).map(|_| world.ask("a", deed))).await;
        for reply in replies {
            assert_eq!(reply.status, status);
            assert_eq!(reply.problem(), kind);
        }
    }
    assert_eq!(world.stats().await["current_items"], 0);
    assert_eq!(world.ask("a", "echo").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_generator_that_gives_up_by_itself_is_not_asked_for_ever() {
    let world = world();
    let reply = world.ask("a", "give up").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(reply.problem(), "cancelled");
    assert!(world.probe.runs() <= 3);
}

#[tokio::test]
async fn a_panic_does_not_tell_its_message() {
    let world = world();
    let reply = world.ask("a", "panic").await;
    assert!(!String::from_utf8_lossy(&reply.body).contains("told to panic"));
}

#[tokio::test]
async fn a_generation_that_was_cleared_meanwhile_is_answered_and_not_stored() {
    let world = world();
    let (reply, ()) = tokio::join!(world.ask("a", "wait"), async {
        world
            .until("the probe waits", |world| world.probe.waiting() == 1)
            .await;
        world.post("/api/cache/clear", &serde_json::json!({})).await;
        world.probe.open_gate();
    });
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(
        reply.cache_status(),
        "refrain; fwd=miss; detail=\"invalidated meanwhile\""
    );
    assert_eq!(world.stats().await["current_items"], 0);
}

#[tokio::test]
async fn requests_beyond_the_queue_are_told_to_come_again() {
    let world = world_with(|config| {
        config.generation_threads = 1;
        config.max_queued = 1;
    });
    let running = tokio::spawn(world.router.clone().oneshot_of("a"));
    world
        .until("the probe waits", |world| world.probe.waiting() == 1)
        .await;
    let queued = tokio::spawn(world.router.clone().oneshot_of("b"));
    for _ in 0..1000 {
        if world.get("/health").await.json()["queued"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let refused = world.ask("c", "wait").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.problem(), "busy");
    assert_eq!(refused.header("retry-after"), "5");
    world.probe.open_gate();
    assert_eq!(running.await.unwrap(), StatusCode::OK);
    assert_eq!(queued.await.unwrap(), StatusCode::OK);
}

/// A request that a test can hang up on.
trait OneshotOf {
    fn oneshot_of(self, name: &str) -> impl Future<Output = StatusCode> + Send + 'static;
}

impl OneshotOf for axum::Router {
    fn oneshot_of(self, name: &str) -> impl Future<Output = StatusCode> + Send + 'static {
        let request = asking(name, "wait", &[]);
        async move {
            let answer = tower::ServiceExt::oneshot(self, request).await;
            answer.unwrap().status()
        }
    }
}

/// Flights begun, and the requests counted as a hit.
async fn flights_and_hits(world: &World) -> (u64, u64) {
    let stats = world.stats().await;
    let count = |name: &str| stats[name].as_u64().unwrap();
    (count("flights_begun"), count("hits"))
}

#[tokio::test]
async fn a_hit_begins_no_flight_however_it_is_asked_for() {
    let world = world();
    let first = world.ask("a", "echo").await;
    assert_eq!(flights_and_hits(&world).await, (1, 0));
    let url = first.header("content-location").to_owned();
    for _ in 0..100 {
        let hit = world.ask("a", "echo").await;
        assert!(hit.cache_status().starts_with("refrain; hit"), "{hit:?}");
        let young_enough = [("cache-control", "max-age=60, min-fresh=60")];
        let hit = world.ask_with("a", "echo", &young_enough).await;
        assert!(hit.cache_status().starts_with("refrain; hit"), "{hit:?}");
        assert_eq!(world.get(&url).await.body, first.body);
    }
    assert_eq!(flights_and_hits(&world).await, (1, 200));
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_client_that_refuses_what_is_stored_begins_a_flight() {
    let world = world();
    world.ask("a", "echo").await;
    for flights in 2..5 {
        let refusing = [("cache-control", "no-cache")];
        world.ask_with("a", "echo", &refusing).await;
        assert_eq!(flights_and_hits(&world).await, (flights, 0));
    }
    world.hands.advance(Duration::from_secs(90));
    let young = [("cache-control", "max-age=60")];
    let reply = world.ask_with("a", "echo", &young).await;
    assert_eq!(reply.cache_status(), "refrain; fwd=request; stored");
    assert_eq!(flights_and_hits(&world).await, (5, 0));
    let only_stored = [("cache-control", "max-age=60, only-if-cached")];
    assert_eq!(
        world.ask_with("b", "echo", &only_stored).await.status,
        StatusCode::GATEWAY_TIMEOUT
    );
    assert_eq!(
        flights_and_hits(&world).await,
        (5, 0),
        "it looks and no more"
    );
}
