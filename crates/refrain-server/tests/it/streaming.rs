//! Bodies that are answered while they grow, and results with a status, headers and trailers of their own.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use refrain_server::{ErrorAnswer, Finished, GenerateError, Head};
use serde_json::json;

use crate::stage::Step;
use crate::world::{Reply, World, json_request, world};

/// A head that says what it is.
fn head() -> Head {
    Head::new(StatusCode::OK)
        .header(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))
        .header(
            HeaderName::from_static("x-model"),
            HeaderValue::from_static("flux"),
        )
        .header(SET_COOKIE, HeaderValue::from_static("user=1"))
}

async fn open(world: &World, name: &str) -> Response {
    let body = json!({"name": name});
    world
        .open(json_request("/api/generate/stage", &[], &body))
        .await
}

async fn ask(world: &World, name: &str) -> Reply {
    world
        .post("/api/generate/stage", &json!({"name": name}))
        .await
}

fn cache_status(response: &Response) -> &str {
    response.headers()["cache-status"].to_str().unwrap()
}

/// The next bytes; `None` at the end.
async fn next(body: &mut Body) -> Option<Result<String, axum::Error>> {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame());
    let frame = frame.await.expect("a frame in time")?;
    Some(frame.map(|frame| {
        let data = frame.into_data().unwrap_or_default();
        String::from_utf8(data.to_vec()).unwrap()
    }))
}

async fn runs(world: &World, count: u64) {
    world
        .until("the stage runs", |world| world.stage.runs() == count)
        .await;
}

#[tokio::test]
async fn the_first_byte_is_answered_before_the_last_is_made_and_the_whole_is_stored() {
    let world = world();
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    script.send(Step::Write("one ")).unwrap();
    let response = open(&world, "a").await;
    assert_eq!(cache_status(&response), "refrain; fwd=miss");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-model"], "flux");
    assert!(!response.headers().contains_key("set-cookie"));
    assert!(response.headers().contains_key("refrain-key"));
    let mut body = response.into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one ");
    script.send(Step::Write("two")).unwrap();
    script.send(Step::End(Finished::default())).unwrap();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "two");
    assert!(next(&mut body).await.is_none());
    world
        .until_async(async |world| world.stats().await["current_items"] == 1)
        .await;

    let stored = ask(&world, "a").await;
    assert_eq!(stored.cache_status(), "refrain; hit; ttl=86400");
    assert_eq!(stored.body, b"one two");
    assert_eq!(stored.header("content-type"), "text/event-stream");
    assert_eq!(stored.header("x-model"), "flux");
    assert!(stored.header("set-cookie").is_empty());
    assert!(!stored.header("etag").is_empty());
    assert_eq!(world.stage.runs(), 1);
}

#[tokio::test]
async fn a_reader_that_comes_late_gets_everything_so_far_and_then_the_rest() {
    let world = world();
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    script.send(Step::Write("one ")).unwrap();
    let mut first = open(&world, "a").await.into_body();
    assert_eq!(next(&mut first).await.unwrap().unwrap(), "one ");
    let late = open(&world, "a").await;
    assert_eq!(cache_status(&late), "refrain; fwd=miss; collapsed");
    let mut late = late.into_body();
    assert_eq!(next(&mut late).await.unwrap().unwrap(), "one ");
    script.send(Step::Write("two")).unwrap();
    script.send(Step::End(Finished::default())).unwrap();
    for body in [&mut first, &mut late] {
        assert_eq!(next(body).await.unwrap().unwrap(), "two");
        assert!(next(body).await.is_none());
    }
    assert_eq!(world.stage.runs(), 1);
}

#[tokio::test]
async fn readers_that_leave_stop_nothing() {
    let world = world();
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    let (first, second) = (open(&world, "a").await, open(&world, "a").await);
    drop(first);
    script.send(Step::Write("all")).unwrap();
    let mut second = second.into_body();
    assert_eq!(next(&mut second).await.unwrap().unwrap(), "all");
    drop(second);
    script.send(Step::End(Finished::default())).unwrap();
    world
        .until_async(async |world| world.stats().await["current_items"] == 1)
        .await;
    assert_eq!(ask(&world, "a").await.body, b"all");
}

#[tokio::test]
async fn an_error_in_mid_stream_breaks_the_answer_off_and_stores_nothing() {
    let world = world();
    for end in [
        Step::Fail(GenerateError::Failed {
            message: "no GPU".to_owned(),
        }),
        Step::Panic,
    ] {
        let script = world.stage.script("a");
        script.send(Step::Head(head())).unwrap();
        script.send(Step::Write("half")).unwrap();
        let mut body = open(&world, "a").await.into_body();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "half");
        script.send(end).unwrap();
        assert!(next(&mut body).await.unwrap().is_err());
    }
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    script.send(Step::Write("whole")).unwrap();
    script.send(Step::End(Finished::default())).unwrap();
    assert_eq!(ask(&world, "a").await.body, b"whole");
    assert_eq!(world.stage.runs(), 3);
}

#[tokio::test]
async fn after_an_invalidation_new_callers_get_a_flight_of_their_own_and_old_ones_keep_theirs() {
    let world = world();
    let (old, new) = (world.stage.script("a"), world.stage.script("a"));
    old.send(Step::Head(head())).unwrap();
    old.send(Step::Write("old ")).unwrap();
    let mut before = open(&world, "a").await.into_body();
    assert_eq!(next(&mut before).await.unwrap().unwrap(), "old ");
    world.post("/api/cache/clear", &json!({})).await;

    new.send(Step::Head(head())).unwrap();
    new.send(Step::Write("new")).unwrap();
    let after = open(&world, "a").await;
    assert_eq!(cache_status(&after), "refrain; fwd=miss");
    let mut after = after.into_body();
    assert_eq!(next(&mut after).await.unwrap().unwrap(), "new");
    old.send(Step::Write("end")).unwrap();
    for script in [&old, &new] {
        script.send(Step::End(Finished::default())).unwrap();
    }
    assert_eq!(next(&mut before).await.unwrap().unwrap(), "end");
    assert!(next(&mut before).await.is_none());
    assert!(next(&mut after).await.is_none());
    world
        .until_async(async |world| world.stats().await["current_items"] == 1)
        .await;
    assert_eq!(ask(&world, "a").await.body, b"new");
    assert_eq!(world.stage.runs(), 2);
}

#[tokio::test]
async fn a_result_may_be_empty_and_have_a_status_of_its_own() {
    let world = world();
    for (name, status) in [("ok", StatusCode::OK), ("none", StatusCode::NO_CONTENT)] {
        let script = world.stage.script(name);
        script.send(Step::Head(Head::new(status))).unwrap();
        script.send(Step::End(Finished::default())).unwrap();
        for _ in 0..2 {
            let reply = ask(&world, name).await;
            assert_eq!(reply.status, status);
            assert!(reply.body.is_empty());
        }
    }
    assert_eq!(world.stage.runs(), 2);
}

#[tokio::test]
async fn an_error_status_is_answered_and_not_stored() {
    let world = world();
    for _ in 0..2 {
        let script = world.stage.script("a");
        let head = Head::new(StatusCode::NOT_FOUND);
        script.send(Step::Head(head)).unwrap();
        script.send(Step::Write("no such model")).unwrap();
        script.send(Step::End(Finished::default())).unwrap();
        let reply = ask(&world, "a").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert_eq!(reply.body, b"no such model");
    }
    assert_eq!(world.stage.runs(), 2);
}

#[tokio::test]
async fn an_error_of_another_server_is_passed_on() {
    let world = world();
    let script = world.stage.script("a");
    let mut headers = HeaderMap::new();
    headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(SET_COOKIE, HeaderValue::from_static("user=1"));
    let answer = ErrorAnswer {
        status: StatusCode::TOO_MANY_REQUESTS,
        headers,
        body: r#"{"error": "slow down"}"#.into(),
    };
    script
        .send(Step::Fail(GenerateError::Answered(Box::new(answer))))
        .unwrap();
    let reply = ask(&world, "a").await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(reply.header("retry-after"), "7");
    assert_eq!(reply.header("content-type"), "application/json");
    assert!(reply.header("set-cookie").is_empty());
    assert_eq!(reply.json()["error"], "slow down");
}

#[tokio::test]
async fn a_private_result_is_its_callers_alone_and_the_others_make_their_own() {
    let world = world();
    let (mine, yours) = (world.stage.script("a"), world.stage.script("a"));
    mine.send(Step::Head(head().private())).unwrap();
    mine.send(Step::Write("mine")).unwrap();
    let first = open(&world, "a").await;
    let second = open(&world, "a");
    let (second, ()) = tokio::join!(second, async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(world.stage.runs(), 1, "it waits for what may yet be shared");
        yours.send(Step::Head(head().private())).unwrap();
        yours.send(Step::Write("yours")).unwrap();
        yours.send(Step::End(Finished::default())).unwrap();
        mine.send(Step::End(Finished::default())).unwrap();
    });
    let mut first = first.into_body();
    assert_eq!(next(&mut first).await.unwrap().unwrap(), "mine");
    assert!(next(&mut first).await.is_none());
    let mut second = second.into_body();
    assert_eq!(next(&mut second).await.unwrap().unwrap(), "yours");
    assert!(next(&mut second).await.is_none());
    assert_eq!(world.stats().await["current_items"], 0);
}

#[tokio::test]
async fn a_request_without_a_key_goes_past_the_cache_and_says_why() {
    let world = world();
    for _ in 0..2 {
        let script = world.stage.script("a");
        script.send(Step::Head(head())).unwrap();
        script.send(Step::Write("dice")).unwrap();
        let body = json!({"name": "a", "random": true});
        let request = json_request("/api/generate/stage", &[], &body);
        let response = world.open(request).await;
        let status = "refrain; fwd=bypass; detail=\"random\"";
        assert_eq!(cache_status(&response), status);
        assert!(!response.headers().contains_key("refrain-key"));
        let mut body = response.into_body();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "dice");
        script.send(Step::End(Finished::default())).unwrap();
        assert!(next(&mut body).await.is_none());
    }
    assert_eq!(world.stage.runs(), 2);
    let stats = world.stats().await;
    assert_eq!(
        (&stats["bypasses"], &stats["current_items"]),
        (&2.into(), &0.into())
    );
}

#[tokio::test]
async fn a_client_that_leaves_a_body_of_its_own_stops_the_work() {
    let world = world();
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    let body = json!({"name": "a", "random": true});
    let response = world
        .open(json_request("/api/generate/stage", &[], &body))
        .await;
    drop(response);
    world
        .until("the work stops", |_| script.send(Step::Write("x")).is_err())
        .await;
}

#[tokio::test]
async fn trailers_follow_a_growing_body_and_a_stored_one() {
    let world = world();
    let script = world.stage.script("a");
    let mut finished = Finished::default();
    let name = HeaderName::from_static("x-seconds");
    finished
        .trailers
        .insert(name, HeaderValue::from_static("12"));
    script.send(Step::Head(head())).unwrap();
    let growing = open(&world, "a").await;
    script.send(Step::Write("all")).unwrap();
    script.send(Step::End(finished)).unwrap();
    let growing = growing.into_body().collect().await.unwrap();
    assert_eq!(growing.trailers().unwrap()["x-seconds"], "12");
    world
        .until_async(async |world| world.stats().await["current_items"] == 1)
        .await;
    let stored = open(&world, "a").await;
    assert_eq!(stored.headers()["trailer"], "x-seconds");
    let stored = stored.into_body().collect().await.unwrap();
    assert_eq!(stored.trailers().unwrap()["x-seconds"], "12");
    assert_eq!(stored.to_bytes(), "all");
}

#[tokio::test]
async fn a_job_waits_for_the_whole_and_keeps_its_status() {
    let world = world();
    let script = world.stage.script("a");
    script.send(Step::Head(head())).unwrap();
    script.send(Step::Write("all")).unwrap();
    let asked = world
        .send(json_request(
            "/api/generate/stage",
            &[("prefer", "respond-async")],
            &json!({"name": "a"}),
        ))
        .await;
    assert_eq!(asked.status, StatusCode::ACCEPTED);
    script.send(Step::End(Finished::default())).unwrap();
    let url = asked.header("location").to_owned();
    world
        .until_async(async |world| world.get(&url).await.json()["state"] == "done")
        .await;
    let result = world.get(&url).await.json()["result_url"].clone();
    let result = world.get(result.as_str().unwrap()).await;
    assert_eq!(result.body, b"all");
    assert_eq!(result.header("content-type"), "text/event-stream");
}

#[tokio::test]
async fn after_an_invalidation_a_new_job_has_progress_of_its_own() {
    let world = world();
    let prefer = [("prefer", "respond-async")];
    let old = world.ask_with("a", "wait", &prefer).await;
    world
        .until("the probe waits", |world| world.probe.waiting() == 1)
        .await;
    world.post("/api/cache/clear", &json!({})).await;
    let new = world.ask_with("a", "wait", &prefer).await;
    world
        .until("both wait", |world| world.probe.waiting() == 2)
        .await;
    // The new one is left, which is not the old one's affair.
    world.delete(new.header("location")).await;
    world
        .until("one is left", |world| world.probe.waiting() == 1)
        .await;
    let job = world.get(old.header("location")).await.json();
    assert_eq!(job["state"], "running");
    world.probe.open_gate();
    world
        .until_async(async |world| {
            world.get(old.header("location")).await.json()["state"] == "done"
        })
        .await;
}

#[tokio::test]
async fn generators_do_not_wait_for_each_others_turns() {
    let world = crate::world::world_with(|config| config.generation_threads = 1);
    let busy = world.ask("a", "wait");
    let (_, ()) = tokio::join!(busy, async {
        world
            .until("the probe waits", |world| world.probe.waiting() == 1)
            .await;
        let script = world.stage.script("a");
        script.send(Step::Head(head())).unwrap();
        script.send(Step::Write("x")).unwrap();
        script.send(Step::End(Finished::default())).unwrap();
        assert_eq!(ask(&world, "a").await.body, b"x");
        runs(&world, 1).await;
        world.probe.open_gate();
    });
}
