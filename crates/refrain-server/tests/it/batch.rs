//! Many requests in one.

use axum::http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::probe::Probe;
use crate::world::{Reply, World, json_request, world, world_with};

fn item(name: &str, deed: &str) -> Value {
    json!({"generator": "probe", "request": {"name": name, "do": deed}})
}

fn lines(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let text = std::str::from_utf8(&reply.body).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

async fn send(world: &World, items: &[Value]) -> Vec<Value> {
    lines(&world.post("/api/batch", &json!({"items": items})).await)
}

#[tokio::test]
async fn every_item_has_its_line_in_order() {
    let world = world();
    world.ask("b", "echo").await;
    let lines = send(
        &world,
        &[item("a", "echo"), item("b", "echo"), item("c", "fail")],
    )
    .await;
    let fields = |name: &str| {
        lines
            .iter()
            .map(|line| line[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fields("item"), [0, 1, 2].map(Value::from));
    assert_eq!(fields("status"), [200, 200, 500].map(Value::from));
    assert_eq!(fields("outcome"), ["miss", "hit", "error"].map(Value::from));
    assert_eq!(
        lines[2]["error"]["type"],
        "urn:refrain:problem:generation-failed"
    );
    assert_eq!(lines[0]["error"], Value::Null);
    assert_eq!(lines[0]["bytes"], Probe::bytes_of("a").len());
    assert!(lines.iter().all(|line| line["milliseconds"].is_number()));

    let fetched = world.get(lines[0]["result_url"].as_str().unwrap()).await;
    assert_eq!(fetched.body, Probe::bytes_of("a"));
    assert_eq!(fetched.header("etag"), lines[0]["etag"]);
}

#[tokio::test]
async fn repeats_in_one_batch_are_generated_once() {
    let world = world();
    let items: Vec<Value> = (0..100)
        .map(|number| item(&(number % 30).to_string(), "echo"))
        .collect();
    let lines = send(&world, &items).await;
    assert_eq!(lines.len(), 100);
    assert_eq!(world.probe.runs(), 30);
    let misses = lines
        .iter()
        .filter(|line| line["outcome"] == "miss")
        .count();
    assert_eq!(misses, 30);
    assert!(lines.iter().all(|line| line["status"] == 200));
}

#[tokio::test]
async fn a_bare_list_is_a_batch_too_and_an_empty_one_has_no_lines() {
    let world = world();
    let bare = world.post("/api/batch", &json!([item("a", "echo")])).await;
    assert_eq!(lines(&bare).len(), 1);
    assert!(send(&world, &[]).await.is_empty());
}

#[tokio::test]
async fn a_line_comes_as_soon_as_it_is_ready() {
    let world = world();
    let batch = json!([item("a", "echo"), item("b", "wait")]);
    let opened = world.open(json_request("/api/batch", &[], &batch)).await;
    let mut body = opened.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(first["item"], 0);
    let (rest, ()) = tokio::join!(body.collect(), async {
        let runs = |world: &World| world.probe.waiting() == 1;
        world.until("the second item runs", runs).await;
        world.probe.open_gate();
    });
    let rest = rest.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&rest).unwrap()["item"], 1);
}

#[tokio::test]
async fn lines_come_in_order_whatever_finishes_first() {
    for parallel in [2, 16] {
        let world = world();
        let items = [item("slow", "wait"), item("b", "echo"), item("c", "echo")];
        let batch = json!({"items": items, "parallel": parallel});
        let (reply, ()) = tokio::join!(world.post("/api/batch", &batch), async {
            let others_ended =
                |world: &World| world.probe.waiting() == 1 && world.probe.runs() >= 2;
            world.until("another item runs", others_ended).await;
            world.probe.open_gate();
        });
        let lines = lines(&reply);
        let order: Vec<_> = lines.iter().map(|line| line["item"].clone()).collect();
        assert_eq!(order, [0, 1, 2].map(Value::from));
    }
}

#[tokio::test]
async fn bad_items_have_problems_of_their_own() {
    let world = world();
    let lines = send(
        &world,
        &[
            json!({"generator": "nobody", "request": {}}),
            json!({"generator": 7, "request": {}}),
            json!({"request": {}}),
            json!({"generator": "probe"}),
            json!({"generator": "probe", "request": []}),
            json!({"generator": "probe", "request": {"name": "a"}, "extra": 1}),
            json!({"generator": "probe", "request": {"name": "a", "extra": 1}}),
            json!(7),
            json!(null),
            json!({}),
            item("a", "echo"),
        ],
    )
    .await;
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| {
            let urn = line["error"]["type"].as_str().unwrap_or("none");
            urn.rsplit(':').next().unwrap()
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "unknown-generator",
            "invalid-value",
            "missing-field",
            "missing-field",
            "invalid-value",
            "unknown-field",
            "unknown-field",
            "malformed-request",
            "malformed-request",
            "missing-field",
            "none"
        ]
    );
    for line in &lines[..10] {
        assert_eq!(line["status"], line["error"]["status"]);
        assert!(line["result_url"].is_null());
    }
}

#[tokio::test]
async fn a_bad_batch_is_refused_as_a_whole() {
    let world = world_with(|config| config.max_batch_items = 3);
    for (body, field) in [
        (json!({}), "items"),
        (json!({"items": 7}), "items"),
        (json!({"items": {}}), "items"),
        (json!({"items": null}), "items"),
        (json!({"items": "all"}), "items"),
        (json!({"items": [], "parallel": 0}), "parallel"),
        (json!({"items": [], "parallel": 65}), "parallel"),
        (json!({"items": [], "parallel": -1}), "parallel"),
        (json!({"items": [], "parallel": "many"}), "parallel"),
        (json!({"items": [], "parallel": 1.5}), "parallel"),
        (json!({"items": [], "colour": 1}), "colour"),
        (json!({"items": vec![item("a", "echo"); 4]}), "items"),
    ] {
        let refused = world.post("/api/batch", &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        refused.problem();
        assert_eq!(refused.json()["field"], field, "{body}");
    }
    for body in [json!("x"), json!(7), json!(null)] {
        let refused = world.post("/api/batch", &body).await;
        assert_eq!(refused.problem(), "malformed-request", "{body}");
    }
}

#[tokio::test]
async fn hanging_up_stops_what_nobody_else_waits_for() {
    let world = world();
    let other = tokio::spawn({
        let job = world.ask_with("shared", "wait", &[("prefer", "respond-async")]);
        let job = job.await;
        async move { job }
    });
    world
        .until("the job runs", |world| world.probe.waiting() == 1)
        .await;
    let batch = json!([item("alone", "wait"), item("shared", "wait")]);
    let opened = world.open(json_request("/api/batch", &[], &batch)).await;
    let reading = tokio::spawn(opened.into_body().collect());
    world
        .until("both run", |world| world.probe.waiting() == 2)
        .await;
    reading.abort();
    world
        .until("one stops", |world| world.probe.waiting() == 1)
        .await;
    let job = other.await.unwrap();
    assert_eq!(
        world.get(job.header("location")).await.json()["state"],
        "running"
    );
    world.probe.open_gate();
}

#[tokio::test]
async fn a_batch_obeys_the_cache_directives_of_its_request() {
    let world = world();
    world.ask("a", "echo").await;
    let batch = json!([item("a", "echo"), item("b", "echo")]);
    let only = [("cache-control", "only-if-cached")];
    let lines = lines(&world.send(json_request("/api/batch", &only, &batch)).await);
    assert_eq!(
        (&lines[0]["outcome"], &lines[1]["status"]),
        (&json!("hit"), &json!(504))
    );
}
