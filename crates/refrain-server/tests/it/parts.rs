//! The parts of a result of several files, each at a URL of its own.

use axum::http::{HeaderMap, Method, StatusCode};
use refrain_server::{Finished, Head, ResultPart};
use serde_json::json;

use crate::stage::Step;
use crate::world::{World, request, world, world_with};

fn part(name: &str, media_type: &str, length: u64) -> ResultPart {
    ResultPart {
        name: name.into(),
        media_type: media_type.into(),
        length,
    }
}

/// Stores a result of these parts; where it is.
async fn stored(world: &World, body: &'static str, parts: Vec<ResultPart>) -> String {
    let script = world.stage.script("a");
    let mut finished = Finished::default();
    finished.parts = parts;
    script.send(Step::Head(Head::new(StatusCode::OK))).unwrap();
    script.send(Step::Write(body)).unwrap();
    script.send(Step::End(finished)).unwrap();
    let body = json!({"name": "a"});
    let key = world.post("/api/generate/stage", &body).await;
    let url = format!("/api/results/{}", key.header("refrain-key"));
    world
        .until_async(async |world| world.get(&url).await.status == StatusCode::OK)
        .await;
    url
}

fn three() -> Vec<ResultPart> {
    vec![
        part("cat.png", "image/png", 3),
        part("../../etc/passwd", "text/plain", 0),
        part("..", "no media type\n", 4),
    ]
}

#[tokio::test]
async fn each_part_is_fetched_by_its_number_with_its_type_and_never_by_its_name() {
    let world = world();
    let url = stored(&world, "catdogs", three()).await;
    let whole = world.get(&url).await;
    assert_eq!(
        (whole.header("refrain-parts"), &whole.body[..]),
        ("3", &b"catdogs"[..])
    );
    let mut etags = vec![whole.header("etag").to_owned()];
    for (number, body, media_type, disposition) in [
        (0, "cat", "image/png", "attachment; filename=\"cat.png\""),
        (1, "", "text/plain", ""),
        (2, "dogs", "application/octet-stream", ""),
    ] {
        let part = world.get(&format!("{url}/parts/{number}")).await;
        assert_eq!(part.status, StatusCode::OK);
        assert_eq!(part.body, body.as_bytes());
        assert_eq!(part.header("content-type"), media_type);
        assert_eq!(part.header("content-disposition"), disposition);
        assert!(part.header("cache-status").starts_with("refrain; hit"));
        assert!(!etags.contains(&part.header("etag").to_owned()));
        etags.push(part.header("etag").to_owned());
    }
    for name in [
        "3",
        "-1",
        "x",
        "0x0",
        "18446744073709551616",
        "cat.png",
        "..%2f0",
        "%00",
    ] {
        let part = world.get(&format!("{url}/parts/{name}")).await;
        assert_eq!(part.problem(), "unknown-result", "{name}");
    }
    let unknown = format!("/api/results/{}/parts/0", "0".repeat(64));
    assert_eq!(world.get(&unknown).await.problem(), "unknown-result");
}

#[tokio::test]
async fn ranges_and_conditions_are_of_the_part() {
    let world = world();
    let url = stored(&world, "catdogs", three()).await;
    let part = format!("{url}/parts/2");
    let etag = world.get(&part).await.header("etag").to_owned();
    let range = world.get_with(&part, &[("range", "bytes=1-2")]).await;
    assert_eq!(
        (range.status, &range.body[..]),
        (StatusCode::PARTIAL_CONTENT, &b"og"[..])
    );
    assert_eq!(range.header("content-range"), "bytes 1-2/4");
    let outside = world.get_with(&part, &[("range", "bytes=4-")]).await;
    assert_eq!(outside.problem(), "range-not-satisfiable");
    let known = world.get_with(&part, &[("if-none-match", &etag)]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);
    let head = world.send(request(Method::HEAD, &part, &[], "")).await;
    assert_eq!((head.header("content-length"), head.body.len()), ("4", 0));
}

#[tokio::test]
async fn parts_are_there_after_a_restart_and_a_result_of_one_file_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = || world_with(|config| config.disk_dir = Some(dir.path().to_owned()));
    let before = on_disk();
    let url = stored(&before, "catdogs", three()).await;
    let headers = |headers: &HeaderMap| headers.get("etag").cloned();
    let first = before.get(&format!("{url}/parts/2")).await;
    drop(before);
    let again = on_disk().get(&format!("{url}/parts/2")).await;
    assert_eq!(again.body, b"dogs");
    assert_eq!(headers(&again.headers), headers(&first.headers));

    let world = world();
    let url = stored(&world, "one", Vec::new()).await;
    assert_eq!(world.get(&url).await.header("refrain-parts"), "");
    assert_eq!(
        world.get(&format!("{url}/parts/0")).await.problem(),
        "unknown-result"
    );
}
