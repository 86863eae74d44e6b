//! Requests that are answered later.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::probe::Probe;
use crate::world::{Reply, World, request, world, world_with};

const ASYNC: [(&str, &str); 1] = [("prefer", "respond-async")];

async fn begin(world: &World, name: &str, deed: &str) -> (String, Reply) {
    let reply = world.ask_with(name, deed, &ASYNC).await;
    (reply.header("location").to_owned(), reply)
}

async fn at_gate(world: &World) {
    world
        .until("the probe waits", |world| world.probe.waiting() == 1)
        .await;
}

/// The job once it has ended.
async fn ended(world: &World, url: &str) -> Value {
    for _ in 0..5000 {
        let job = world.get(url).await.json();
        if !job["finished_at"].is_null() {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the job did not end");
}

#[tokio::test]
async fn a_job_is_accepted_runs_and_says_where_its_result_is() {
    let world = world();
    let (url, accepted) = begin(&world, "a", "wait").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    assert_eq!(accepted.header("preference-applied"), "respond-async");
    let job = accepted.json();
    assert_eq!(job["url"], url.as_str());
    assert_eq!(job["events_url"], format!("{url}/events"));
    assert_eq!(
        (&job["generator"], &job["error"]),
        (&"probe".into(), &Value::Null)
    );

    at_gate(&world).await;
    let running = world.get(&url).await.json();
    assert_eq!(running["state"], "running");
    assert_eq!(
        (&running["progress"], &running["step"]),
        (&0.5.into(), &"waiting".into())
    );
    assert!(running["result_url"].is_null());

    world.probe.open_gate();
    let done = ended(&world, &url).await;
    assert_eq!(
        (&done["state"], &done["outcome"]),
        (&"done".into(), &"miss".into())
    );
    assert_eq!(done["progress"], 1.0);
    let result = world.get(done["result_url"].as_str().unwrap()).await;
    assert_eq!(result.body, Probe::bytes_of("a"));
    assert_eq!(
        done["result_url"],
        format!("/api/results/{}", done["key"].as_str().unwrap())
    );
}

#[tokio::test]
async fn a_job_for_a_stored_result_is_done_at_once() {
    let world = world();
    world.ask("a", "echo").await;
    let (_, accepted) = begin(&world, "a", "echo").await;
    assert_eq!(accepted.status, StatusCode::ACCEPTED);
    let job = accepted.json();
    assert_eq!(
        (&job["state"], &job["outcome"]),
        (&"done".into(), &"hit".into())
    );
    assert!(!job["result_url"].is_null());
}

#[tokio::test]
async fn two_jobs_of_one_request_share_the_generation_and_its_progress() {
    let world = world();
    let (first, _) = begin(&world, "a", "wait").await;
    at_gate(&world).await;
    let (second, _) = begin(&world, "a", "wait").await;
    assert_ne!(first, second);
    assert_eq!(world.get(&second).await.json()["progress"], 0.5);
    world.probe.open_gate();
    assert_eq!(ended(&world, &first).await["outcome"], "miss");
    assert_eq!(ended(&world, &second).await["outcome"], "collapsed");
    assert_eq!(world.probe.runs(), 1);
}

#[tokio::test]
async fn a_failed_job_has_the_problem_in_it() {
    let world = world();
    let (url, _) = begin(&world, "a", "refuse").await;
    let job = ended(&world, &url).await;
    assert_eq!(job["state"], "failed");
    assert_eq!(job["error"]["type"], "urn:refrain:problem:unreadable-image");
    assert_eq!(job["error"]["field"], "image");
    assert!(job["result_url"].is_null());
}

#[tokio::test]
async fn the_last_to_leave_stops_the_work() {
    let world = world();
    let (first, _) = begin(&world, "a", "wait").await;
    at_gate(&world).await;
    let (second, _) = begin(&world, "a", "wait").await;

    assert_eq!(world.delete(&first).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ended(&world, &first).await["state"], "cancelled");
    assert_eq!(world.get(&second).await.json()["state"], "running");
    assert_eq!(world.probe.waiting(), 1, "the second still wants it");

    assert_eq!(world.delete(&second).await.status, StatusCode::NO_CONTENT);
    world
        .until("the work stops", |world| world.probe.waiting() == 0)
        .await;
    assert_eq!(ended(&world, &second).await["state"], "cancelled");
    assert_eq!(world.stats().await["current_items"], 0);
}

#[tokio::test]
async fn who_asks_after_a_cancellation_gets_a_generation_of_its_own() {
    let world = world();
    let (first, _) = begin(&world, "a", "wait").await;
    at_gate(&world).await;
    world.delete(&first).await;
    let (second, _) = begin(&world, "a", "wait").await;
    world.probe.open_gate();
    assert_eq!(ended(&world, &second).await["state"], "done");
}

#[tokio::test]
async fn leaving_a_job_that_ended_changes_nothing() {
    let world = world();
    let (url, _) = begin(&world, "a", "echo").await;
    ended(&world, &url).await;
    assert_eq!(world.delete(&url).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.get(&url).await.json()["state"], "done");
}

#[tokio::test]
async fn a_job_is_forgotten_after_a_while() {
    let world = world_with(|config| config.job_retention = Duration::from_secs(60));
    let (url, _) = begin(&world, "a", "echo").await;
    ended(&world, &url).await;
    world.hands.advance(Duration::from_secs(59));
    assert_eq!(world.get(&url).await.status, StatusCode::OK);
    world.hands.advance(Duration::from_secs(1));
    let gone = world.get(&url).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(gone.problem(), "unknown-job");
}

#[tokio::test]
async fn ended_jobs_make_room_and_running_ones_do_not() {
    let world = world_with(|config| config.max_jobs = 2);
    let (ended_job, _) = begin(&world, "a", "echo").await;
    ended(&world, &ended_job).await;
    let (_running, _) = begin(&world, "b", "wait").await;
    let (_also, third) = begin(&world, "c", "wait").await;
    assert_eq!(third.status, StatusCode::ACCEPTED);
    assert_eq!(world.get(&ended_job).await.status, StatusCode::NOT_FOUND);
    let (_, fourth) = begin(&world, "d", "wait").await;
    assert_eq!(fourth.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(fourth.problem(), "busy");
    world.probe.open_gate();
}

#[tokio::test]
async fn a_result_that_is_not_stored_is_kept_for_its_job() {
    let world = world_with(|config| config.cache_enabled = false);
    let (url, _) = begin(&world, "a", "echo").await;
    let job = ended(&world, &url).await;
    assert_eq!(job["result_url"], format!("{url}/result"));
    let part = [("range", "bytes=0-5")];
    assert_eq!(
        world.get_with(&format!("{url}/result"), &part).await.body,
        b"result"
    );
}

#[tokio::test]
async fn the_result_of_a_job_that_keeps_none_is_not_found() {
    let world = world();
    let (url, _) = begin(&world, "a", "echo").await;
    ended(&world, &url).await;
    let reply = world.get(&format!("{url}/result")).await;
    assert_eq!(reply.problem(), "unknown-result");
}

#[tokio::test]
async fn who_waits_gets_the_result_in_time_or_a_job() {
    let world = world();
    let patient = world
        .ask_with("a", "echo", &[("prefer", "respond-async, wait=60")])
        .await;
    assert_eq!(patient.status, StatusCode::OK);
    assert_eq!(
        patient.header("preference-applied"),
        "respond-async, wait=60"
    );
    let impatient = world.ask_with("b", "wait", &[("prefer", "wait=0")]).await;
    assert_eq!(impatient.status, StatusCode::ACCEPTED);
    world.probe.open_gate();
    assert_eq!(
        ended(&world, impatient.header("location")).await["state"],
        "done"
    );
}

#[tokio::test]
async fn the_preference_is_read_as_a_list_and_in_any_case() {
    let world = world();
    for preference in [
        "respond-async, wait=0",
        "RESPOND-ASYNC",
        "handling=lenient, respond-async",
    ] {
        let reply = world.ask_with("a", "echo", &[("prefer", preference)]).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{preference}");
    }
    let other = world
        .ask_with("a", "echo", &[("prefer", "return=minimal")])
        .await;
    assert_eq!(other.status, StatusCode::OK);
    assert_eq!(other.header("preference-applied"), "");
}

#[tokio::test]
async fn a_bad_request_is_refused_and_becomes_no_job() {
    let world = world();
    let (_, refused) = begin(&world, "a", "dance").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.get("/health").await.json()["jobs"], 0);
}

#[tokio::test]
async fn events_tell_of_the_job_until_it_ends() {
    let world = world();
    let (url, _) = begin(&world, "a", "wait").await;
    at_gate(&world).await;
    let opened = world
        .open(request(Method::GET, &format!("{url}/events"), &[], ""))
        .await;
    assert_eq!(opened.headers()["content-type"], "text/event-stream");
    let mut body = opened.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    world.probe.open_gate();
    let rest = body.collect().await.unwrap().to_bytes();
    let text = first + std::str::from_utf8(&rest).unwrap();

    let events: Vec<(String, Value)> = text
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .map(|event| {
            let field = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap().trim().to_owned()
            };
            assert_eq!(field("retry:"), "2000");
            (
                field("event:"),
                serde_json::from_str(&field("data:")).unwrap(),
            )
        })
        .collect();
    let (name, job) = &events[0];
    assert_eq!(
        (name.as_str(), &job["state"]),
        ("progress", &"running".into())
    );
    let (name, job) = events.last().unwrap();
    assert_eq!((name.as_str(), &job["state"]), ("done", &"done".into()));
    let finals = events.iter().filter(|(name, _)| name != "progress").count();
    assert_eq!(finals, 1);
    let progress: Vec<f64> = events
        .iter()
        .map(|(_, job)| job["progress"].as_f64().unwrap())
        .collect();
    assert!(progress.is_sorted());
}

#[tokio::test]
async fn events_of_a_job_that_is_left_end_with_cancelled() {
    let world = world();
    let (url, _) = begin(&world, "a", "wait").await;
    at_gate(&world).await;
    let opened = world
        .open(request(Method::GET, &format!("{url}/events"), &[], ""))
        .await;
    assert_eq!(world.delete(&url).await.status, StatusCode::NO_CONTENT);
    let events = opened.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&events).unwrap();
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.contains("event: cancelled"), "{text}");
    assert!(last.contains("\"state\":\"cancelled\""), "{text}");
}

#[tokio::test]
async fn events_of_a_job_that_ended_are_its_end() {
    let world = world();
    let (url, _) = begin(&world, "a", "fail").await;
    ended(&world, &url).await;
    let events = world.get(&format!("{url}/events")).await;
    let text = String::from_utf8(events.body).unwrap();
    assert_eq!(text.matches("event: ").count(), 1);
    assert!(text.contains("event: failed"));
}

#[tokio::test]
async fn a_job_that_never_was_is_not_found() {
    let world = world();
    let long = "0".repeat(64);
    let ids = [
        "0",
        &long[..32],
        &long,
        "unknown",
        "..",
        "%2e%2e",
        "a%20b",
        "%20",
    ];
    for id in ids.into_iter().chain(["%27%3B%20drop%20table%20jobs"]) {
        let url = format!("/api/jobs/{id}");
        for reply in [
            world.get(&url).await,
            world.delete(&url).await,
            world.get(&format!("{url}/events")).await,
        ] {
            assert_eq!(reply.status, StatusCode::NOT_FOUND, "{id}");
            assert_eq!(reply.problem(), "unknown-job", "{id}");
        }
    }
}
