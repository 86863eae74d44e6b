//! What is stored and what is not, of answers as real servers give them.

use super::*;
use crate::config::Config;

fn route(preset: &str, name: &str) -> Route {
    let config = Config::standing_in(preset, "http://127.0.0.1:1", "127.0.0.1:2").unwrap();
    Route::clone(config.upstreams[0].routes.named(name).unwrap())
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| {
            (
                header::HeaderName::from_static(name),
                value.parse().unwrap(),
            )
        })
        .collect()
}

fn judged(route: &Route, pairs: &[(&'static str, &str)], body: &[u8]) -> Result<(), NotAResult> {
    let mut results = Vec::new();
    for piece in [1, 7, 1 << 20] {
        let result = || {
            let mut judge = route.judge(StatusCode::OK, &headers(pairs))?;
            body.chunks(piece)
                .try_for_each(|piece| judge.update(piece))?;
            judge.finish(|| Bytes::copy_from_slice(body))
        };
        results.push(result());
    }
    assert!(
        results
            .windows(2)
            .all(|pair| pair[0].is_ok() == pair[1].is_ok()),
        "{results:?}"
    );
    results.swap_remove(0)
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const SSE: &[(&str, &str)] = &[("content-type", "text/event-stream; charset=utf-8")];
const NDJSON: &[(&str, &str)] = &[("content-type", "application/x-ndjson")];

fn chunk(finish: &str) -> String {
    format!(
        "data: {{\"id\": \"x\", \"choices\": [{{\"index\": 0, \"delta\": {{}}, \"finish_reason\": {finish}}}]}}\n\n"
    )
}

#[test]
fn the_seven_bad_answers_are_no_results() {
    let chat = route("openai", "chat");
    let good = [
        chunk("null"),
        chunk("\"stop\""),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    assert_eq!(judged(&chat, SSE, good.as_bytes()), Ok(()));
    // Cut anywhere.
    for length in 0..good.len() {
        assert!(
            judged(&chat, SSE, &good.as_bytes()[..length]).is_err(),
            "{length}"
        );
    }
    // An error event with a clean end.
    let error = [
        chunk("null"),
        "data: {\"error\": {\"message\": \"no\"}}\n\n".to_owned(),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat();
    assert_eq!(
        judged(&chat, SSE, error.as_bytes()),
        Err(NotAResult::Failed)
    );
    // A clean end without its mark.
    assert!(judged(&chat, SSE, chunk("\"stop\"").as_bytes()).is_err());
    // A mark without a reason.
    assert!(
        judged(
            &chat,
            SSE,
            [chunk("null"), "data: [DONE]\n\n".to_owned()]
                .concat()
                .as_bytes()
        )
        .is_err()
    );
    // 200 with an error, cut JSON, no choices, and what a filter has changed.
    assert_eq!(
        judged(&chat, JSON, br#"{"choices": [{"finish_reason": "stop"}]}"#),
        Ok(())
    );
    for body in [
        r#"{"error": {"message": "no"}}"#,
        r#"{"choices": [{"finish_reason": "stop"}]"#,
        r#"{"choices": []}"#,
        r#"{"choices": [{"finish_reason": "content_filter"}]}"#,
        r#"{"choices": [{"finish_reason": "stop"}, {"finish_reason": "content_filter"}]}"#,
        r#"{"choices": [{"finish_reason": null}]}"#,
        "",
    ] {
        assert!(judged(&chat, JSON, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn comments_and_pings_do_not_count_and_nothing_may_follow_the_end() {
    let chat = route("openai", "chat");
    let with = |before: &str, behind: &str| {
        judged(
            &chat,
            SSE,
            [before, &chunk("\"stop\""), "data: [DONE]\n\n", behind]
                .concat()
                .as_bytes(),
        )
    };
    assert_eq!(with(": ping\n\n\n\n", ": bye\n\n"), Ok(()));
    assert!(with("", &chunk("null")).is_err());
    assert_eq!(with("\u{feff}", ""), Ok(()));
}

#[test]
fn streams_of_other_servers_end_in_their_own_ways() {
    let messages = route("anthropic", "messages");
    let event = |name: &str, data: &str| format!("event: {name}\ndata: {data}\n\n");
    let stop = |reason: &str| {
        event(
            "message_delta",
            &format!(r#"{{"type": "message_delta", "delta": {{"stop_reason": "{reason}"}}}}"#),
        )
    };
    let end = event("message_stop", r#"{"type": "message_stop"}"#);
    let ping = event("ping", r#"{"type": "ping"}"#);
    assert_eq!(
        judged(
            &messages,
            SSE,
            [ping.clone(), stop("end_turn"), ping, end.clone()]
                .concat()
                .as_bytes()
        ),
        Ok(())
    );
    assert!(judged(&messages, SSE, stop("end_turn").as_bytes()).is_err());
    assert!(
        judged(
            &messages,
            SSE,
            [stop("refusal"), end.clone()].concat().as_bytes()
        )
        .is_err()
    );
    let overloaded = event(
        "error",
        r#"{"type": "error", "error": {"type": "overloaded_error"}}"#,
    );
    assert!(
        judged(
            &messages,
            SSE,
            [stop("end_turn"), overloaded, end].concat().as_bytes()
        )
        .is_err()
    );

    let chat = route("ollama", "ollama-chat");
    let done = "{\"done\": false}\n{\"done\": true, \"done_reason\": \"stop\"}";
    assert_eq!(
        judged(&chat, NDJSON, format!("{done}\n").as_bytes()),
        Ok(())
    );
    assert_eq!(judged(&chat, NDJSON, done.as_bytes()), Ok(()));
    assert!(judged(&chat, NDJSON, &done.as_bytes()[..done.len() - 1]).is_err());
    assert!(judged(&chat, NDJSON, b"{\"done\": false}\n{\"error\": \"no\"}\n").is_err());
    assert!(
        judged(
            &chat,
            NDJSON,
            b"{\"done\": true, \"done_reason\": \"load\"}\n"
        )
        .is_err()
    );
}

#[test]
fn files_in_json_have_to_be_whole() {
    let images = route("openai", "images");
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR0123456789abcCRC!\0\0\0\x01IDATxCRC!\0\0\0\0IEND\xaeB`\x82";
    let answer = |bytes: &[u8]| {
        format!(
            r#"{{"created": 1, "data": [{{"b64_json": "{}"}}]}}"#,
            base64_simd::STANDARD.encode_to_string(bytes)
        )
    };
    assert_eq!(judged(&images, JSON, answer(png).as_bytes()), Ok(()));
    assert!(judged(&images, JSON, answer(&png[..40]).as_bytes()).is_err());
    for body in [
        r#"{"data": [{"url": "https://x"}]}"#,
        r#"{"data": [{"b64_json": "%"}]}"#,
        r#"{"data": [{"b64_json": ""}]}"#,
        r#"{"data": []}"#,
    ] {
        assert!(judged(&images, JSON, body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn a_head_may_forbid_storing() {
    let embeddings = route("openai", "embeddings");
    let body = br#"{"data": [{"embedding": [1.0]}]}"#;
    assert_eq!(
        judged(
            &embeddings,
            &[
                ("content-type", "application/json"),
                ("cache-control", "no-cache, private"),
                ("set-cookie", "a=b")
            ],
            body
        ),
        Ok(())
    );
    for pair in [
        ("cache-control", "private, no-store"),
        ("content-encoding", "gzip"),
        ("vary", "Origin, *"),
        ("content-range", "bytes 0-1/2"),
        ("content-type", "text/event-stream"),
    ] {
        assert!(judged(&embeddings, &[pair], body).is_err(), "{pair:?}");
    }
    assert_eq!(
        embeddings
            .judge(StatusCode::CREATED, &HeaderMap::new())
            .err(),
        Some(NotAResult::Status(StatusCode::CREATED))
    );
}

#[test]
fn a_body_of_unknown_type_is_judged_by_its_beginning() {
    let generate = route("hunyuan3d", "generate");
    let octets = &[("content-type", "application/octet-stream")];
    let glb = [
        b"glTF",
        &2_u32.to_le_bytes()[..],
        &24_u32.to_le_bytes(),
        &4_u32.to_le_bytes(),
        b"JSON",
        b"{}  ",
    ]
    .concat();
    assert_eq!(judged(&generate, octets, &glb), Ok(()));
    assert!(judged(&generate, octets, &glb[..23]).is_err());
    assert!(judged(&generate, &[("content-type", "text/html")], &glb).is_err());
}
