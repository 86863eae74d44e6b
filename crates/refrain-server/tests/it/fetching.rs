//! Stored results by key: conditions and ranges.

use axum::http::{Method, StatusCode};

use crate::probe::Probe;
use crate::world::{Reply, World, request, world};

async fn stored(world: &World) -> (String, Reply) {
    let reply = world.ask("a", "echo").await;
    (reply.header("content-location").to_owned(), reply)
}

#[tokio::test]
async fn a_result_is_fetched_by_key_and_counts_as_no_lookup() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let before = world.stats().await;
    let fetched = world.get(&url).await;
    assert_eq!(fetched.status, StatusCode::OK);
    assert_eq!(fetched.body, generated.body);
    for name in ["etag", "content-type", "content-disposition"] {
        assert_eq!(fetched.header(name), generated.header(name), "{name}");
    }
    assert_eq!(fetched.header("accept-ranges"), "bytes");
    assert_eq!(fetched.header("cache-control"), "no-cache");
    assert!(fetched.header("cache-status").starts_with("refrain; hit"));
    assert_eq!(fetched.header("age"), "0");
    assert_eq!(world.stats().await, before);
}

#[tokio::test]
async fn head_tells_all_but_the_body() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let head = world
        .send(request(Method::HEAD, &url, &[("range", "bytes=0-1")], ""))
        .await;
    assert_eq!(head.status, StatusCode::OK, "a range is for GET only");
    assert!(head.body.is_empty());
    assert_eq!(
        head.header("content-length"),
        generated.body.len().to_string()
    );
    for name in ["etag", "content-type"] {
        assert_eq!(head.header(name), generated.header(name), "{name}");
    }
    assert_eq!(head.header("accept-ranges"), "bytes");
}

#[tokio::test]
async fn a_range_is_a_part() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let whole = Probe::bytes_of("a");
    let length = whole.len();
    for (range, expected, content_range) in [
        ("bytes=0-0", 0..1, "0-0"),
        ("bytes=3-5", 3..6, "3-5"),
        ("bytes=10-", 10..length, "10-12"),
        ("bytes=-2", length - 2..length, "11-12"),
        ("bytes=5-9999", 5..length, "5-12"),
        ("bytes=5-99999999999999999999999999", 5..length, "5-12"),
        ("bytes=-9999", 0..length, "0-12"),
    ] {
        let part = world.get_with(&url, &[("range", range)]).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.header("content-length"), expected.len().to_string());
        assert_eq!(part.header("etag"), generated.header("etag"));
        assert_eq!(part.body, whole[expected]);
        assert_eq!(
            part.header("content-range"),
            format!("bytes {content_range}/{length}")
        );
    }
}

#[tokio::test]
async fn a_range_outside_says_how_long_the_result_is() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let length = generated.body.len();
    for range in ["bytes=100-200", "bytes=100-", "bytes=-0"] {
        let outside = world.get_with(&url, &[("range", range)]).await;
        assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(outside.problem(), "range-not-satisfiable");
        assert_eq!(outside.header("content-range"), format!("bytes */{length}"));
    }
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_ignored() {
    let world = world();
    let (url, generated) = stored(&world).await;
    for range in [
        "bytes=9-5",
        "bytes=a-b",
        "lines=1-2",
        "bytes",
        "bytes=",
        "bytes=1-2-3",
        "bytes=--1",
    ] {
        let whole = world.get_with(&url, &[("range", range)]).await;
        assert_eq!(whole.status, StatusCode::OK, "{range}");
        assert_eq!(whole.body, generated.body, "{range}");
    }
}

#[tokio::test]
async fn several_ranges_are_answered_whole_or_in_parts_but_never_wrongly() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let answer = world.get_with(&url, &[("range", "bytes=0-1,4-5")]).await;
    if answer.status == StatusCode::OK {
        assert_eq!(answer.body, generated.body);
    } else {
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT);
        assert!(
            answer
                .header("content-type")
                .starts_with("multipart/byteranges")
        );
    }
}

#[tokio::test]
async fn a_range_of_another_version_is_answered_in_full() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let etag = generated.header("etag");
    let same = [("range", "bytes=0-0"), ("if-range", etag)];
    assert_eq!(
        world.get_with(&url, &same).await.status,
        StatusCode::PARTIAL_CONTENT
    );
    let weak = format!("W/{etag}");
    for other in ["\"other\"", &weak, "Wed, 21 Oct 2015 07:28:00 GMT"] {
        let other = [("range", "bytes=0-0"), ("if-range", other)];
        assert_eq!(world.get_with(&url, &other).await.body, generated.body);
    }
}

#[tokio::test]
async fn a_client_that_has_the_result_is_sent_none() {
    let world = world();
    let (url, generated) = stored(&world).await;
    let etag = generated.header("etag");
    for condition in [
        etag.to_owned(),
        format!("\"other\", {etag}"),
        format!("W/{etag}"),
        "*".to_owned(),
        format!("\"a\" , {etag} , \"b\""),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let condition = [("if-none-match", condition.as_str())];
            let reply = world.send(request(method, &url, &condition, "")).await;
            assert_eq!(reply.status, StatusCode::NOT_MODIFIED, "{condition:?}");
            assert!(reply.body.is_empty());
            assert_eq!(reply.header("etag"), etag);
            assert!(reply.cache_status().starts_with("refrain; hit"));
        }
    }
    for other in ["\"other\"", "\"a\", \"b\"", "nonsense"] {
        let reply = world.get_with(&url, &[("if-none-match", other)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{other}");
        assert_eq!(reply.body, generated.body);
    }
}

#[tokio::test]
async fn a_key_that_is_not_stored_or_no_key_is_not_found() {
    let world = world();
    let never = "0".repeat(64);
    for key in [never.as_str(), "abc", "..", "%ff", "%00", &"F".repeat(64)] {
        let reply = world.get(&format!("/api/results/{key}")).await;
        assert!(reply.status.is_client_error(), "{key}");
        assert!(["unknown-result", "malformed-request"].contains(&reply.problem().as_str()));
    }
}
