//! Results that survive a restart.

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use refrain_server::Finished;
use serde_json::json;

use crate::probe::Probe;
use crate::stage::Step;
use crate::world::{World, world_with};

/// What an answer says whose result survives a restart.
const ON_DISK: &str = "refrain; fwd=miss; stored; detail=\"on disk\"";

fn world_on(dir: &Path) -> World {
    world_with(|config| config.disk_dir = Some(dir.to_owned()))
}

fn files_in(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files
}

#[tokio::test]
async fn after_a_restart_a_repeated_request_is_a_hit_and_nothing_is_generated() {
    let dir = tempfile::tempdir().unwrap();
    let before = {
        let world = world_on(dir.path());
        let first = world.ask("cat", "echo").await;
        assert_eq!(first.cache_status(), ON_DISK);
        world.hands.advance(Duration::from_secs(10));
        world.ask("cat", "echo").await
    };
    let world = world_on(dir.path());
    let again = world.ask("cat", "echo").await;
    assert_eq!(again.body, Probe::bytes_of("cat"));
    assert!(
        again.cache_status().starts_with("refrain; hit; ttl="),
        "{again:?}"
    );
    for header in [
        "etag",
        "content-type",
        "content-disposition",
        "refrain-key",
        "content-location",
    ] {
        assert_eq!(again.header(header), before.header(header));
    }
    assert_eq!(world.probe.runs(), 0);
    let stats = world.stats().await;
    assert_eq!((&stats["hits"], &stats["misses"]), (&json!(1), &json!(0)));
    assert_eq!(
        (&stats["disk"]["hits"], &stats["disk"]["current_items"]),
        (&json!(1), &json!(1))
    );
    // From now on it is in memory.
    world.ask("cat", "echo").await;
    assert_eq!(world.stats().await["disk"]["hits"], 1);
    assert_eq!(world.get("/health").await.json()["disk"], "ok");
}

#[tokio::test]
async fn the_age_of_a_result_goes_on_over_a_restart_and_its_time_to_live_too() {
    let dir = tempfile::tempdir().unwrap();
    {
        let world = world_on(dir.path());
        world.ask("cat", "echo").await;
    }
    // The fake clocks of both worlds begin in 1970, so no time has passed in between.
    let world = world_on(dir.path());
    world.hands.advance(Duration::from_secs(100));
    let strict = [("cache-control", "max-age=50")];
    let again = world.ask_with("cat", "echo", &strict).await;
    assert_eq!(
        again.cache_status(),
        "refrain; fwd=request; stored; detail=\"on disk\""
    );
    assert_eq!(world.probe.runs(), 1);
    drop(world);
    let world = world_on(dir.path());
    let loaded = world.ask("cat", "echo").await;
    assert!(loaded.cache_status().starts_with("refrain; hit"));
    world.hands.advance(Duration::from_secs(86_400));
    let late = world.ask("cat", "echo").await;
    assert_eq!(late.cache_status(), ON_DISK);
}

#[tokio::test]
async fn a_result_can_be_fetched_and_asked_for_without_generating_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let url = {
        let world = world_on(dir.path());
        let reply = world.ask("cat", "echo").await;
        reply.header("content-location").to_owned()
    };
    let world = world_on(dir.path());
    let fetched = world.get(&url).await;
    assert_eq!(
        (fetched.status, &fetched.body),
        (StatusCode::OK, &Probe::bytes_of("cat"))
    );
    assert_eq!(
        world.stats().await["hits"],
        0,
        "fetching is no request for a result"
    );
    let only = [("cache-control", "only-if-cached")];
    let stored = world.ask_with("cat", "echo", &only).await;
    assert_eq!(stored.body, Probe::bytes_of("cat"));
    let too_old = [("cache-control", "only-if-cached, max-age=0")];
    assert_eq!(
        world.ask_with("cat", "echo", &too_old).await.problem(),
        "not-cached"
    );
    assert_eq!(world.probe.runs(), 0);
}

#[tokio::test]
async fn what_is_removed_is_gone_from_the_disk_too() {
    let dir = tempfile::tempdir().unwrap();
    let key = {
        let world = world_on(dir.path());
        world.ask("dog", "echo").await;
        let reply = world.ask("cat", "echo").await;
        reply.header("refrain-key").to_owned()
    };
    {
        let world = world_on(dir.path());
        let removed = world.delete(&format!("/api/cache/entries/{key}")).await;
        assert_eq!(removed.status, StatusCode::OK, "though it was on disk only");
        assert_eq!(world.ask("cat", "echo").await.cache_status(), ON_DISK);
        world.ask("cow", "echo").await;
        let cleared = world.post("/api/cache/clear", &json!({})).await.json();
        assert_eq!(cleared["cleared"], 3, "one of them was on disk only");
    }
    let world = world_on(dir.path());
    assert_eq!(world.stats().await["disk"]["current_items"], 0);
    world.ask("cat", "echo").await;
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_result_that_is_generated_while_the_cache_is_cleared_is_not_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_on(dir.path());
    let asking = world.ask("cat", "wait");
    let clearing = async {
        world
            .until("it is generated", |world| world.probe.waiting() == 1)
            .await;
        world.post("/api/cache/clear", &json!({})).await;
        world.probe.open_gate();
    };
    let (reply, ()) = tokio::join!(asking, clearing);
    assert_eq!(reply.body, Probe::bytes_of("cat"));
    assert_eq!(world.stats().await["disk"]["current_items"], 0);
    world.ask("cat", "wait").await;
    assert_eq!(world.probe.runs(), 2);
}

#[tokio::test]
async fn many_who_ask_at_once_after_a_restart_have_it_loaded_once() {
    let dir = tempfile::tempdir().unwrap();
    world_on(dir.path()).ask("cat", "large").await;
    let world = world_on(dir.path());
    let asked = (0..20).map(|_| world.ask("cat", "large"));
    let replies = futures_util::future::join_all(asked).await;
    assert!(
        replies
            .iter()
            .all(|reply| reply.cache_status().starts_with("refrain; hit"))
    );
    let stats = world.stats().await;
    assert_eq!(stats["hits"], 20);
    assert_eq!(
        (&stats["misses"], &stats["collapsed"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(stats["disk"]["hits"], 1);
    assert_eq!(world.probe.runs(), 0);
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_answered_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_with(|config| {
        config.disk_dir = Some(dir.path().to_owned());
        config.max_memory_mb = 0.1;
    });
    let first = world.ask("cat", "large").await;
    assert_eq!(first.cache_status(), ON_DISK, "the disk alone has it");
    let fetched = world.get(first.header("content-location")).await;
    assert_eq!(fetched.body, first.body);
    for _ in 0..3 {
        let again = world.ask("cat", "large").await;
        assert_eq!(again.cache_status(), "refrain; hit; ttl=86400");
    }
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_client_that_refuses_what_is_on_disk_is_told_that_it_was_generated_for_it() {
    let dir = tempfile::tempdir().unwrap();
    world_on(dir.path()).ask("cat", "echo").await;
    let world = world_on(dir.path());
    world.hands.advance(Duration::from_secs(90));
    let young = [("cache-control", "max-age=60")];
    let reply = world.ask_with("cat", "echo", &young).await;
    assert_eq!(
        reply.cache_status(),
        "refrain; fwd=request; stored; detail=\"on disk\""
    );
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_damaged_file_is_generated_again() {
    let dir = tempfile::tempdir().unwrap();
    world_on(dir.path()).ask("cat", "echo").await;
    let files = files_in(&dir.path().join("v2"));
    let mut bytes = std::fs::read(&files[0]).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&files[0], bytes).unwrap();
    let world = world_on(dir.path());
    let reply = world.ask("cat", "echo").await;
    assert_eq!(reply.body, Probe::bytes_of("cat"));
    assert_eq!(reply.cache_status(), ON_DISK);
    assert_eq!(world.stats().await["disk"]["damaged"], 1);
}

#[tokio::test]
async fn a_disk_that_fails_is_only_a_slower_cache() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_on(dir.path());
    world.ask("cat", "echo").await;
    // A file where the folder was: nothing can be read or written any more.
    std::fs::remove_dir_all(dir.path().join("v2")).unwrap();
    std::fs::write(dir.path().join("v2"), b"").unwrap();
    for n in 0..6 {
        let reply = world.ask(&format!("dog {n}"), "echo").await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.cache_status(), "refrain; fwd=miss; stored");
    }
    assert_eq!(
        world.ask("cat", "echo").await.cache_status(),
        "refrain; hit; ttl=86400"
    );
    let stats = world.stats().await;
    assert_eq!(
        (&stats["disk"]["errors"], &stats["disk"]["skipped"]),
        (&json!(3), &json!(3))
    );
    assert_eq!(world.get("/health").await.json()["disk"], "suspended");
    // Put right, it is used again within five seconds.
    std::fs::remove_file(dir.path().join("v2")).unwrap();
    world.hands.advance(Duration::from_secs(5));
    world.ask("cow", "echo").await;
    assert_eq!(world.get("/health").await.json()["disk"], "ok");
    assert_eq!(files_in(&dir.path().join("v2")).len(), 1);
}

#[tokio::test]
async fn a_removal_that_the_disk_refuses_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let world = world_on(dir.path());
    let key = world
        .ask("cat", "echo")
        .await
        .header("refrain-key")
        .to_owned();
    let folder = dir.path().join("v2").join(&key[..2]);
    std::fs::remove_file(folder.join(&key)).unwrap();
    std::fs::create_dir(folder.join(&key)).unwrap();
    let refused = world.delete(&format!("/api/cache/entries/{key}")).await;
    assert_eq!(refused.problem(), "disk-failed");
    let reply = world.ask("cat", "echo").await;
    assert!(
        reply.cache_status().starts_with("refrain; fwd=miss"),
        "it is not served again"
    );
}

#[tokio::test]
async fn without_a_disk_or_with_the_cache_off_nothing_is_written() {
    let world = crate::world::world();
    world.ask("cat", "echo").await;
    assert_eq!(world.stats().await.get("disk"), None);
    assert_eq!(world.get("/health").await.json().get("disk"), None);
    let dir = tempfile::tempdir().unwrap();
    let world = world_with(|config| {
        config.disk_dir = Some(dir.path().join("cache"));
        config.cache_enabled = false;
    });
    world.ask("cat", "echo").await;
    assert!(!dir.path().join("cache").exists());
}

#[tokio::test]
async fn two_servers_share_a_folder_and_generate_once() {
    let dir = tempfile::tempdir().unwrap();
    let (one, other) = (world_on(dir.path()), world_on(dir.path()));
    let (first, second) = tokio::join!(one.ask("cat", "echo"), other.ask("cat", "echo"));
    let said = [first.cache_status(), second.cache_status()];
    assert_eq!(first.body, second.body);
    let generated = said.iter().filter(|said| **said == ON_DISK).count();
    assert_eq!(generated, 1, "{said:?}");
}

#[tokio::test]
async fn a_large_result_stays_on_disk_and_is_answered_from_there_piece_by_piece() {
    let dir = tempfile::tempdir().unwrap();
    let first = world_on(dir.path()).ask("cat", "huge").await;
    assert_eq!(first.cache_status(), ON_DISK);

    let world = world_on(dir.path());
    let again = world.ask("cat", "huge").await;
    assert!(again.cache_status().starts_with("refrain; hit; ttl="));
    assert_eq!(again.body, Probe::huge());
    assert_eq!(again.header("content-length"), (9 << 20).to_string());
    assert_eq!(again.header("etag"), first.header("etag"));

    let url = again.header("content-location");
    let range = [("range", "bytes=5000001-6000000")];
    let part = world.get_with(url, &range).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body, &Probe::huge()[5_000_001..=6_000_000]);
    let head = [("if-none-match", first.header("etag"))];
    assert_eq!(
        world.get_with(url, &head).await.status,
        StatusCode::NOT_MODIFIED
    );
    let stats = world.stats().await;
    assert_eq!(
        (
            &stats["hits"],
            &stats["current_items"],
            &stats["generations"]
        ),
        (&json!(1), &json!(0), &json!(0))
    );
}

#[tokio::test]
async fn a_result_of_any_shape_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let name = axum::http::HeaderName::from_static("x-model");
    let value = axum::http::HeaderValue::from_static("flux");
    let body = json!({"name": "a"});
    {
        let world = world_on(dir.path());
        let script = world.stage.script("a");
        let head = refrain_server::Head::new(StatusCode::CREATED).header(name, value);
        script.send(Step::Head(head)).unwrap();
        script.send(Step::Write("all")).unwrap();
        script.send(Step::End(Finished::default())).unwrap();
        let made = world.post("/api/generate/stage", &body).await;
        assert_eq!(made.status, StatusCode::CREATED);
        world
            .until_async(async |world| world.stats().await["current_items"] == 1)
            .await;
        // The answer has been read, and what is left of its wait is on a task of its own.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let world = world_on(dir.path());
    let again = world.post("/api/generate/stage", &body).await;
    assert!(again.cache_status().starts_with("refrain; hit"));
    assert_eq!(again.status, StatusCode::CREATED);
    assert_eq!(again.header("x-model"), "flux");
    assert_eq!(again.body, b"all");
}
