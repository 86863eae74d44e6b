//! The management API: statistics, limits, entries.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::world::{Reply, World, json_request, world, world_with};

async fn config(world: &World) -> Value {
    world.get("/api/cache/config").await.json()["config"].clone()
}

/// Fills the cache with entries of these names, a second apart.
async fn filled(world: &World, names: &[&str]) {
    for name in names {
        world.ask(name, "echo").await;
        world.hands.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn statistics_have_the_agreed_names_and_two_decimals() {
    let world = world_with(|config| {
        config.max_entries = 3;
        config.max_memory_mb = 2.0;
    });
    world.ask("a", "large").await;
    world.ask("a", "large").await;
    world.ask("b", "echo").await;
    let answer = world.get("/api/cache/stats").await.json();
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["cache_enabled"], true);
    assert!(answer["timestamp"].as_str().unwrap().ends_with('Z'));
    let stats = &answer["stats"];
    for (name, value) in [
        ("hits", json!(1)),
        ("misses", json!(2)),
        ("hit_rate_percent", json!(33.33)),
        ("evictions", json!(0)),
        ("evictions_by_count", json!(0)),
        ("evictions_by_size", json!(0)),
        ("current_items", json!(2)),
        ("current_memory_mb", json!(0.29)),
        ("max_items", json!(3)),
        ("max_memory_mb", json!(2.0)),
        ("memory_utilization_percent", json!(14.72)),
        ("max_memory_seen_mb", json!(0.29)),
    ] {
        assert_eq!(stats[name], value, "{name}");
    }
    let versus = &stats["versus_lru"];
    assert_eq!(versus["requests"], json!(3.0));
    assert_eq!(
        (&versus["hits"], &versus["lru_hits"]),
        (&json!(1.0), &json!(1.0))
    );
}

#[tokio::test]
async fn evictions_count_once_and_by_cause() {
    let world = world_with(|config| {
        config.max_entries = 2;
        config.max_memory_mb = 0.4;
    });
    // The large ones first: beside small ones of the same cost they would not be let in.
    world.ask("a", "large").await;
    world.ask("b", "large").await;
    filled(&world, &["c", "d", "e"]).await;
    let stats = world.stats().await;
    let count = |name: &str| stats[name].as_u64().unwrap();
    assert!(count("evictions_by_count") >= 1);
    assert!(count("evictions_by_size") >= 1);
    assert_eq!(
        count("evictions"),
        count("evictions_by_count") + count("evictions_by_size")
    );
}

#[tokio::test]
async fn a_reset_zeroes_the_counters_and_keeps_the_entries() {
    let world = world();
    filled(&world, &["a", "a", "b"]).await;
    let reset = world.post("/api/cache/stats/reset", &json!({})).await;
    assert_eq!(reset.json(), json!({"status": "ok"}));
    let stats = world.stats().await;
    for name in ["hits", "misses", "evictions", "generations", "bytes_saved"] {
        assert_eq!(stats[name], 0, "{name}");
    }
    assert_eq!(stats["current_items"], 2);
    world.ask("a", "echo").await;
    let stats = world.stats().await;
    assert_eq!(
        (&stats["hits"], &stats["hit_rate_percent"]),
        (&json!(1), &json!(100.0))
    );
}

#[tokio::test]
async fn looking_at_the_cache_counts_nothing() {
    let world = world();
    filled(&world, &["a", "b"]).await;
    let before = world.stats().await;
    for path in [
        "/health",
        "/api/cache/stats",
        "/api/cache/config",
        "/api/cache/entries",
        "/api/openapi.json",
    ] {
        assert_eq!(world.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(world.stats().await, before);
    let entries = world.get("/api/cache/entries").await.json();
    assert_eq!(entries["entries"][0]["access_count"], 0);
}

#[tokio::test]
async fn clearing_removes_every_entry_and_keeps_the_counters() {
    let world = world();
    filled(&world, &["a", "b", "c", "c"]).await;
    let before = world.stats().await;
    let cleared = world.post("/api/cache/clear", &json!({})).await;
    assert_eq!(
        cleared.json(),
        json!({"status": "ok", "message": "Cache cleared: 3 entries removed", "cleared": 3})
    );
    let stats = world.stats().await;
    assert_eq!(
        (&stats["current_items"], &stats["current_memory_mb"]),
        (&json!(0), &json!(0.0))
    );
    for name in [
        "hits",
        "misses",
        "hit_rate_percent",
        "evictions",
        "max_memory_seen_mb",
    ] {
        assert_eq!(stats[name], before[name], "{name}");
    }
    assert_eq!(
        world.ask("a", "echo").await.cache_status(),
        "refrain; fwd=miss; stored"
    );
    let again = world.post("/api/cache/clear", &json!({})).await;
    assert_eq!(again.json()["cleared"], 1);
}

#[tokio::test]
async fn limits_are_told_and_changed_one_by_one_or_together() {
    let world = world();
    let start = json!({
        "max_size": 1000, "max_memory_mb": 512.0, "default_ttl_seconds": 86400, "cache_enabled": true
    });
    assert_eq!(config(&world).await, start);
    let changed = world
        .post("/api/cache/config", &json!({"max_size": 10}))
        .await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["config"]["max_size"], 10);
    assert_eq!(changed.json()["config"]["max_memory_mb"], 512.0);

    let all = json!({"max_size": u64::MAX, "max_memory_mb": 0.1, "default_ttl_seconds": 1.5});
    world.post("/api/cache/config", &all).await;
    let now = config(&world).await;
    for name in ["max_size", "max_memory_mb", "default_ttl_seconds"] {
        assert_eq!(now[name], all[name], "{name}");
    }
    assert_eq!(world.stats().await["max_items"], u64::MAX);

    world
        .post("/api/cache/config", &json!({"default_ttl_seconds": null}))
        .await;
    assert_eq!(config(&world).await["default_ttl_seconds"], Value::Null);
    assert_eq!(world.ask("a", "echo").await.status, StatusCode::OK);
    assert_eq!(world.ask("a", "echo").await.cache_status(), "refrain; hit");
}

/// Changes the limits by a body as it is written.
async fn send_config(world: &World, body: &[u8]) -> Reply {
    let mut request = json_request("/api/cache/config", &[], &json!({}));
    *request.body_mut() = body.to_vec().into();
    world.send(request).await
}

#[tokio::test]
async fn a_bad_field_is_named_and_changes_nothing() {
    let world = world();
    let before = config(&world).await;
    let good = r#""max_size": 7, "max_memory_mb": 9, "default_ttl_seconds": 5"#;
    for (field, value) in [
        ("max_size", "0"),
        ("max_size", "-1"),
        ("max_size", "1.5"),
        ("max_size", "1e3"),
        ("max_size", "18446744073709551616"),
        ("max_size", "\"10\""),
        ("max_size", "\"many\""),
        ("max_size", "null"),
        ("max_size", "true"),
        ("max_size", "[]"),
        ("max_memory_mb", "0"),
        ("max_memory_mb", "-0.5"),
        ("max_memory_mb", "false"),
        ("max_memory_mb", "1e300"),
        ("max_memory_mb", "1e400"),
        ("max_memory_mb", "0.0000001"),
        ("max_memory_mb", "\"512\""),
        ("max_memory_mb", "null"),
        ("max_memory_mb", "{}"),
        ("default_ttl_seconds", "0"),
        ("default_ttl_seconds", "-1"),
        ("default_ttl_seconds", "1e-10"),
        ("default_ttl_seconds", "3153600001"),
        ("default_ttl_seconds", "1e300"),
        ("default_ttl_seconds", "1e400"),
        ("default_ttl_seconds", "\"long\""),
        ("default_ttl_seconds", "{}"),
        ("default_ttl_seconds", "false"),
    ] {
        let bad = format!("\"{field}\": {value}");
        let others = good.split(", ").filter(|pair| !pair.contains(field));
        let others: Vec<&str> = others.collect();
        let others = others.join(", ");
        // Whatever is good is not taken over, before the bad one or after it.
        for body in [
            format!("{{{others}, {bad}}}"),
            format!("{{{bad}, {others}}}"),
        ] {
            let refused = send_config(&world, body.as_bytes()).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
            assert_eq!(refused.problem(), "invalid-value");
            assert_eq!(refused.json()["field"], field, "{body}");
            assert_eq!(config(&world).await, before);
        }
    }
    for body in [
        b"".as_slice(),
        b"{",
        b"null",
        b"[]",
        b"7",
        b"\"text\"",
        b"{\"max_size\":5,\"max_size\":6}",
        b"{\"max_size\":NaN}",
        b"\xff\xfe{}",
    ] {
        let refused = send_config(&world, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body:?}");
        refused.problem();
        assert_eq!(config(&world).await, before);
    }
    let unknown = json!({"max_size": 7, "max_sizes": 8});
    let refused = world.post("/api/cache/config", &unknown).await;
    assert_eq!(refused.problem(), "unknown-field");
    assert_eq!(refused.json()["field"], "max_sizes");
    let nothing = world.post("/api/cache/config", &json!({})).await;
    assert_eq!(nothing.status, StatusCode::OK);
    assert_eq!(config(&world).await, before);
}

#[tokio::test]
async fn shrinking_evicts_at_once() {
    let world = world();
    filled(&world, &["a", "b", "c", "d"]).await;
    world
        .post("/api/cache/config", &json!({"max_size": 1}))
        .await;
    let stats = world.stats().await;
    assert_eq!(
        (&stats["current_items"], &stats["evictions_by_count"]),
        (&json!(1), &json!(3))
    );
}

#[tokio::test]
async fn a_new_time_to_live_is_for_later_results() {
    let world = world();
    world.ask("a", "echo").await;
    world
        .post("/api/cache/config", &json!({"default_ttl_seconds": 10}))
        .await;
    world.ask("b", "echo").await;
    assert_eq!(
        world.ask("a", "echo").await.cache_status(),
        "refrain; hit; ttl=86400"
    );
    assert_eq!(
        world.ask("b", "echo").await.cache_status(),
        "refrain; hit; ttl=10"
    );
}

#[tokio::test]
async fn entries_have_the_agreed_names() {
    let world = world();
    filled(&world, &["a", "a"]).await;
    let answer = world.get("/api/cache/entries").await.json();
    assert_eq!(
        (
            &answer["total"],
            &answer["page"],
            &answer["per_page"],
            &answer["pages"]
        ),
        (&json!(1), &json!(1), &json!(100), &json!(1))
    );
    let entry = &answer["entries"][0];
    assert_eq!(entry["key"].as_str().unwrap().len(), 64);
    for (name, value) in [
        ("size_mb", json!(0.0)),
        ("age_seconds", json!(2.0)),
        ("access_count", json!(1)),
        ("expired", json!(false)),
    ] {
        assert_eq!(entry[name], value, "{name}");
    }
    let time = |value: &Value| -> jiff::Timestamp { value.as_str().unwrap().parse().unwrap() };
    let lifetime = time(&entry["expires_at"]).duration_since(time(&entry["timestamp"]));
    assert_eq!(lifetime.as_secs(), 86_400);
    let age = time(&answer["timestamp"]).duration_since(time(&entry["timestamp"]));
    assert_eq!(age.as_secs(), 2);
}

#[tokio::test]
async fn entries_are_sorted_as_asked() {
    let world = world();
    world.ask("a", "large").await;
    world.hands.advance(Duration::from_secs(1));
    world
        .post("/api/cache/config", &json!({"default_ttl_seconds": null}))
        .await;
    world.ask("bb", "echo").await;
    world.hands.advance(Duration::from_secs(1));
    world
        .post("/api/cache/config", &json!({"default_ttl_seconds": 5}))
        .await;
    for _ in 0..3 {
        world.ask("ccc", "echo").await;
    }
    let entries = |query: String| {
        let world = &world;
        async move {
            world
                .get(&format!("/api/cache/entries?{query}"))
                .await
                .json()["entries"]
                .clone()
        }
    };
    let number = |entry: &Value, field: &str| entry[field].as_f64();
    for (sort, field) in [
        ("size", "size_bytes"),
        ("age", "age_seconds"),
        ("access_count", "access_count"),
    ] {
        let listed = entries(format!("sort={sort}")).await;
        let listed: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| number(entry, field))
            .collect();
        assert_eq!(listed.len(), 3);
        assert!(listed.is_sorted(), "{sort}: {listed:?}");
        assert!(listed.first() < listed.last(), "{sort}: {listed:?}");
    }
    for (sort, field) in [("key", "key"), ("timestamp", "timestamp")] {
        let listed = entries(format!("sort={sort}")).await;
        let text = |entry: &Value| entry[field].as_str().unwrap().to_owned();
        let up: Vec<_> = listed.as_array().unwrap().iter().map(text).collect();
        assert!(up.is_sorted(), "{sort}: {up:?}");
        let listed = entries(format!("sort={sort}&order=desc")).await;
        let mut down: Vec<_> = listed.as_array().unwrap().iter().map(text).collect();
        down.reverse();
        assert_eq!(up, down);
    }
    let expiring = entries("sort=expires_at".to_owned()).await;
    assert!(expiring[0]["expires_at"].as_str() < expiring[1]["expires_at"].as_str());
    assert!(
        expiring[2]["expires_at"].is_null(),
        "what never expires comes last"
    );
}

#[tokio::test]
async fn pages_hold_every_entry_once() {
    let world = world();
    let names: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    for name in &names {
        world.ask(name, "echo").await;
    }
    for per_page in [1, 5, 10, 25, 100] {
        let pages = names.len().div_ceil(per_page);
        let mut keys = Vec::new();
        for page in 1..=pages {
            let query = format!("page={page}&per_page={per_page}&sort=key");
            let answer = world
                .get(&format!("/api/cache/entries?{query}"))
                .await
                .json();
            assert_eq!(
                (&answer["total"], &answer["pages"], &answer["page"]),
                (&json!(25), &json!(pages), &json!(page))
            );
            let entries = answer["entries"].as_array().unwrap();
            assert_eq!(entries.len(), per_page.min(25 - per_page * (page - 1)));
            keys.extend(
                entries
                    .iter()
                    .map(|entry| entry["key"].as_str().unwrap().to_owned()),
            );
        }
        assert_eq!(keys.len(), 25);
        assert!(
            keys.is_sorted_by(|one, other| one < other),
            "in order, and each once"
        );
        let query = format!("page={}&per_page={per_page}", pages + 1);
        let beyond = world.get(&format!("/api/cache/entries?{query}")).await;
        assert_eq!(beyond.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_page_beyond_the_end_is_not_found() {
    let world = world();
    let empty = world.get("/api/cache/entries").await;
    assert_eq!(
        (&empty.json()["entries"], &empty.json()["total"]),
        (&json!([]), &json!(0))
    );
    for page in ["2", "18446744073709551615"] {
        let beyond = world.get(&format!("/api/cache/entries?page={page}")).await;
        assert_eq!(beyond.status, StatusCode::NOT_FOUND);
        assert_eq!(beyond.problem(), "page-beyond-end");
    }
}

#[tokio::test]
async fn a_bad_query_is_refused_by_name() {
    let world = world();
    for (query, field, kind) in [
        ("page=0", "page", "invalid-value"),
        ("page=-1", "page", "invalid-value"),
        ("page=x", "page", "invalid-value"),
        ("page=", "page", "invalid-value"),
        ("page=1.5", "page", "invalid-value"),
        ("page=99999999999999999999999", "page", "invalid-value"),
        ("per_page=0", "per_page", "invalid-value"),
        ("per_page=1001", "per_page", "invalid-value"),
        ("per_page=-5", "per_page", "invalid-value"),
        ("per_page=NaN", "per_page", "invalid-value"),
        ("sort=color", "sort", "invalid-value"),
        ("sort=KEY", "sort", "invalid-value"),
        ("sort=", "sort", "invalid-value"),
        ("order=up", "order", "invalid-value"),
        ("limit=5", "limit", "unknown-field"),
        ("page=1&page=1", "page", "duplicate-field"),
    ] {
        let refused = world.get(&format!("/api/cache/entries?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(refused.problem(), kind, "{query}");
        assert_eq!(refused.json()["field"], field, "{query}");
    }
}

#[tokio::test]
async fn one_entry_is_removed() {
    let world = world();
    let (first, second) = (world.ask("a", "echo").await, world.ask("b", "echo").await);
    let key = first.header("refrain-key");
    let url = format!("/api/cache/entries/{key}");
    assert_eq!(
        world.delete(&url).await.json(),
        json!({"status": "ok", "key": key, "removed": true})
    );
    let stats = world.stats().await;
    assert_eq!(
        (&stats["current_items"], &stats["evictions"]),
        (&json!(1), &json!(0))
    );
    for (reply, status) in [(&first, StatusCode::NOT_FOUND), (&second, StatusCode::OK)] {
        let fetched = world.get(reply.header("content-location")).await;
        assert_eq!(fetched.status, status);
    }
    let again = world.delete(&url).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(again.problem(), "unknown-entry");
    for key in ["x", "0", &"z".repeat(64), &"A".repeat(64), "..", "%00"] {
        let refused = world.delete(&format!("/api/cache/entries/{key}")).await;
        assert_eq!(refused.problem(), "unknown-entry", "{key}");
    }
}

#[tokio::test]
async fn health_tells_that_it_works() {
    let world = world();
    world.hands.advance(Duration::from_secs(3));
    let health = world.get("/health").await.json();
    assert_eq!(health["status"], "ok");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["uptime_seconds"], 3.0);
    assert_eq!(health["generators"], json!(["probe", "relief", "stage"]));
}
