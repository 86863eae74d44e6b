//! Bad input: a clear problem each, and a server that is well afterwards.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::pictures::{base64, picture};
use crate::world::{json_request, request, world, world_with};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn every_bad_body_is_refused_with_its_kind_and_field() {
    let world = world();
    let picture = base64(&picture(0));
    let with = |rest: &str| format!(r#"{{"image": "{picture}", {rest}}}"#);
    let image = |text: &str| format!(r#"{{"image": {text}}}"#);
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let malformed = "malformed-request";
    let invalid = "invalid-value";
    let unknown = "unknown-field";
    let duplicate = "duplicate-field";
    let unreadable = "unreadable-image";
    let table: Vec<(String, &str, Option<&str>)> = vec![
        (String::new(), malformed, None),
        (" ".into(), malformed, None),
        ("{".into(), malformed, None),
        ("{}}".into(), malformed, None),
        ("null".into(), malformed, None),
        ("[]".into(), malformed, None),
        ("\"text\"".into(), malformed, None),
        ("7".into(), malformed, None),
        ("{'image': 1}".into(), malformed, None),
        ("{\"image\": \"a\",}".into(), malformed, None),
        ("{\"image\": \"\\ud800\"}".into(), malformed, Some("image")),
        ("image=abc".into(), malformed, None),
        (deep.clone(), malformed, Some("")),
        (image(&deep), malformed, Some("")),
        ("{}".into(), "missing-field", Some("image")),
        (image("null"), invalid, Some("image")),
        (image("7"), invalid, Some("image")),
        (image("true"), invalid, Some("image")),
        (image("[]"), invalid, Some("image")),
        (image("{}"), invalid, Some("image")),
        (image("\"not base64!\""), invalid, Some("image")),
        (image("\"aGk\""), invalid, Some("image")),
        (image("\"aG k=\""), invalid, Some("image")),
        (image("\"aGk=\\n\""), invalid, Some("image")),
        (image("\"data:image/png,hello\""), invalid, Some("image")),
        (image("\"data:image/png;base64\""), invalid, Some("image")),
        (
            image("\"data:image/png;base64,!!\""),
            invalid,
            Some("image"),
        ),
        (
            image("\"https://example.com/a.png\""),
            invalid,
            Some("image"),
        ),
        (image("\"\""), unreadable, Some("image")),
        (image("\"data:;base64,\""), unreadable, Some("image")),
        (image("\"aGVsbG8gd29ybGQ=\""), unreadable, Some("image")),
        (
            image(&format!("{:?}", &picture[..60])),
            unreadable,
            Some("image"),
        ),
        (with(r#""colour": 1"#), unknown, Some("colour")),
        (with(r#""Format": "stl""#), unknown, Some("Format")),
        (with(r#""width": 10"#), unknown, Some("width")),
        (
            with(r#""dimensions.width": 10"#),
            unknown,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"size": 1}"#),
            unknown,
            Some("dimensions.size"),
        ),
        (with(r#""": 1"#), unknown, Some("")),
        (with(r#""image": "x""#), duplicate, Some("image")),
        (
            with(r#""quality": 1, "quality": 1"#),
            duplicate,
            Some("quality"),
        ),
        (
            with(r#""quality": 1, "\u0071uality": 2"#),
            duplicate,
            Some("quality"),
        ),
        (
            with(r#""dimensions": {"width": 1, "width": 1}"#),
            duplicate,
            Some("dimensions.width"),
        ),
        (with(r#""format": "fbx""#), invalid, Some("format")),
        (with(r#""format": "STL""#), invalid, Some("format")),
        (with(r#""format": """#), invalid, Some("format")),
        (with(r#""format": null"#), invalid, Some("format")),
        (with(r#""format": 1"#), invalid, Some("format")),
        (with(r#""format": ["stl"]"#), invalid, Some("format")),
        (with(r#""quality": 0"#), invalid, Some("quality")),
        (with(r#""quality": 11"#), invalid, Some("quality")),
        (with(r#""quality": -1"#), invalid, Some("quality")),
        (with(r#""quality": 7.5"#), invalid, Some("quality")),
        (with(r#""quality": "7""#), invalid, Some("quality")),
        (with(r#""quality": "high""#), invalid, Some("quality")),
        (with(r#""quality": null"#), invalid, Some("quality")),
        (with(r#""quality": true"#), invalid, Some("quality")),
        (
            with(r#""quality": 18446744073709551617"#),
            invalid,
            Some("quality"),
        ),
        (with(r#""quality": 1e400"#), invalid, Some("quality")),
        (with(r#""quality": NaN"#), malformed, Some("quality")),
        (with(r#""quality": Infinity"#), malformed, Some("quality")),
        (with(r#""quality": 07"#), malformed, Some("quality")),
        (
            with(r#""quality": 1e9999999999"#),
            malformed,
            Some("quality"),
        ),
        (with(r#""base": NaN"#), malformed, Some("base")),
        (with(r#""base": 0"#), invalid, Some("base")),
        (with(r#""base": -2"#), invalid, Some("base")),
        (with(r#""base": 20"#), invalid, Some("base")),
        (with(r#""base": 1000"#), invalid, Some("base")),
        (with(r#""base": 1e400"#), invalid, Some("base")),
        (with(r#""base": -1e400"#), invalid, Some("base")),
        (with(r#""base": "2""#), invalid, Some("base")),
        (with(r#""base": null"#), invalid, Some("base")),
        (with(r#""base": {}"#), invalid, Some("base")),
        (with(r#""invert": 1"#), invalid, Some("invert")),
        (with(r#""invert": "true""#), invalid, Some("invert")),
        (with(r#""invert": null"#), invalid, Some("invert")),
        (with(r#""dimensions": null"#), invalid, Some("dimensions")),
        (with(r#""dimensions": 100"#), invalid, Some("dimensions")),
        (
            with(r#""dimensions": [1, 2, 3]"#),
            invalid,
            Some("dimensions"),
        ),
        (
            with(r#""dimensions": "100x100""#),
            invalid,
            Some("dimensions"),
        ),
        (
            with(r#""dimensions": {"width": 0}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"width": 0.999}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"width": 1000.1}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"width": -5}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"width": "100"}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"width": null}"#),
            invalid,
            Some("dimensions.width"),
        ),
        (
            with(r#""dimensions": {"height": 1001}"#),
            invalid,
            Some("dimensions.height"),
        ),
        (
            with(r#""dimensions": {"height": 1e400}"#),
            invalid,
            Some("dimensions.height"),
        ),
        (
            with(r#""dimensions": {"height": []}"#),
            invalid,
            Some("dimensions.height"),
        ),
        (
            with(r#""dimensions": {"depth": 501}"#),
            invalid,
            Some("dimensions.depth"),
        ),
        (
            with(r#""dimensions": {"depth": 0}"#),
            invalid,
            Some("dimensions.depth"),
        ),
        (
            with(r#""base": 2, "dimensions": {"depth": 1}"#),
            invalid,
            Some("base"),
        ),
    ];
    assert!(table.len() >= 80);
    for (body, kind, field) in table {
        let shown = body
            .get(..body.len().min(160))
            .unwrap_or_default()
            .to_owned();
        let refused = world
            .send(request(Method::POST, "/api/generate/relief", &[JSON], body))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{shown}");
        assert_eq!(refused.problem(), kind, "{shown}");
        // An empty field here is one whose path is not worth spelling out.
        if field != Some("") {
            assert_eq!(refused.json()["field"].as_str(), field, "{shown}");
        }
        assert!(refused.body.len() < 1000, "{shown}");
    }
    assert_eq!(world.stats().await["current_items"], 0);
    let good = format!(r#"{{"image": "{picture}", "quality": 1}}"#);
    let well = world
        .send(request(Method::POST, "/api/generate/relief", &[JSON], good))
        .await;
    assert_eq!(well.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_of_another_type_is_not_read() {
    let world = world();
    for (headers, kind) in [
        (vec![], "unsupported-media-type"),
        (
            vec![("content-type", "text/plain")],
            "unsupported-media-type",
        ),
        (
            vec![("content-type", "application/json+x")],
            "unsupported-media-type",
        ),
        (
            vec![("content-type", "application/x-www-form-urlencoded")],
            "unsupported-media-type",
        ),
        (
            vec![("content-type", "image/png")],
            "unsupported-media-type",
        ),
        (vec![("content-type", "")], "unsupported-media-type"),
        (
            vec![JSON, ("content-encoding", "gzip")],
            "unsupported-media-type",
        ),
        (
            vec![("content-type", "multipart/form-data")],
            "malformed-request",
        ),
    ] {
        let refused = world
            .send(request(Method::POST, "/api/generate/probe", &headers, "{}"))
            .await;
        assert_eq!(refused.problem(), kind, "{headers:?}");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let headers = [("content-type", content_type)];
        let body = r#"{"name": "a"}"#;
        let read = world
            .send(request(Method::POST, "/api/generate/probe", &headers, body))
            .await;
        assert_eq!(read.status, StatusCode::OK);
    }
    let form = [("content-type", "multipart/form-data; boundary=x")];
    for path in ["/api/batch", "/api/cache/config"] {
        let refused = world.send(request(Method::POST, path, &form, "")).await;
        assert_eq!(refused.problem(), "unsupported-media-type", "{path}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_so() {
    let world = world_with(|config| config.max_body_mb = 0.01);
    let large = json!({"name": "x".repeat(20_000)}).to_string();
    let length = large.len().to_string();
    let declared = [JSON, ("content-length", length.as_str())];
    for headers in [&declared[..], &[JSON][..]] {
        for path in ["/api/generate/probe", "/api/batch", "/api/cache/config"] {
            let refused = world
                .send(request(Method::POST, path, headers, large.clone()))
                .await;
            assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
            assert_eq!(refused.problem(), "body-too-large");
        }
    }
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let part =
        format!("--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n{large}\r\n--x--\r\n");
    let refused = world
        .send(request(Method::POST, "/api/generate/probe", &form, part))
        .await;
    assert_eq!(refused.problem(), "body-too-large");
}

#[tokio::test]
async fn a_body_that_stops_arriving_is_given_up() {
    let world = world_with(|config| config.body_timeout = std::time::Duration::from_millis(20));
    let endless = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let body = axum::body::Body::from_stream(endless);
    let refused = world
        .send(request(Method::POST, "/api/generate/probe", &[JSON], body))
        .await;
    assert_eq!(refused.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(refused.problem(), "request-timeout");
}

#[tokio::test]
async fn wrong_paths_and_methods_are_problems_too() {
    let world = world();
    for (method, path, status, kind) in [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/api", 404, "not-found"),
        ("GET", "/api/cache/stats/", 404, "not-found"),
        ("POST", "/api/generate/", 404, "not-found"),
        ("POST", "/api/generate/nobody", 404, "unknown-generator"),
        ("POST", "/api/generate/Relief", 404, "unknown-generator"),
        ("POST", "/api/generate/%2e%2e", 404, "unknown-generator"),
        ("POST", "/api/generate/%ff", 400, "malformed-request"),
        ("GET", "/api/generate/relief", 405, "method-not-allowed"),
        ("DELETE", "/api/cache/stats", 405, "method-not-allowed"),
        ("PUT", "/api/cache/config", 405, "method-not-allowed"),
        ("POST", "/health", 405, "method-not-allowed"),
        ("GET", "/api/jobs/x", 404, "unknown-job"),
        ("DELETE", "/api/jobs/x", 404, "unknown-job"),
        ("GET", "/api/results/x", 404, "unknown-result"),
    ] {
        let method = method.parse().unwrap();
        let refused = world.send(request(method, path, &[], "")).await;
        assert_eq!(refused.status.as_u16(), status, "{path}");
        assert_eq!(refused.problem(), kind, "{path}");
        if status == 405 {
            assert!(!refused.header("allow").is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_message_does_not_repeat_what_was_sent_at_length() {
    let world = world();
    let long = "y".repeat(50_000);
    for body in [
        json!({ &long: 1, "name": "a" }),
        json!({"name": "a", "do": &long}),
    ] {
        let refused = world
            .send(json_request("/api/generate/probe", &[], &body))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.body.len() < 1000);
    }
}

#[tokio::test]
async fn a_query_that_is_not_read_is_refused_on_every_route() {
    let world = world();
    let key = "0".repeat(64);
    for (method, path) in [
        (Method::GET, "/".to_owned()),
        (Method::GET, "/health".to_owned()),
        (Method::GET, "/api/openapi.json".to_owned()),
        (Method::POST, "/api/batch".to_owned()),
        (Method::GET, "/api/jobs/x".to_owned()),
        (Method::DELETE, "/api/jobs/x".to_owned()),
        (Method::GET, "/api/jobs/x/events".to_owned()),
        (Method::GET, "/api/jobs/x/result".to_owned()),
        (Method::GET, format!("/api/results/{key}")),
        (Method::GET, "/api/cache/stats".to_owned()),
        (Method::POST, "/api/cache/stats/reset".to_owned()),
        (Method::GET, "/api/cache/config".to_owned()),
        (Method::POST, "/api/cache/config".to_owned()),
        (Method::POST, "/api/cache/clear".to_owned()),
        (Method::GET, "/api/cache/entries".to_owned()),
        (Method::DELETE, format!("/api/cache/entries/{key}")),
    ] {
        let asked = request(method.clone(), &format!("{path}?nonsense=1"), &[], "");
        let refused = world.send(asked).await;
        assert_eq!(refused.problem(), "unknown-field", "{method} {path}");
        let empty = world
            .send(request(method.clone(), &format!("{path}?"), &[], ""))
            .await;
        assert!(
            empty.status != StatusCode::BAD_REQUEST || empty.problem() != "unknown-field",
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn fields_may_be_given_in_the_query_and_in_one_place_only() {
    let world = world();
    let image = base64(&picture(0));
    let send = async |path: &str, body: serde_json::Value| world.post(path, &body).await;
    let path = "/api/generate/relief";
    let whole = json!({"image": image, "quality": 1, "invert": true, "dimensions": {"width": 50}});
    let expected = send(path, whole).await;
    let by_query = format!("{path}?quality=1&invert=true&dimensions.width=50");
    let same = send(&by_query, json!({"image": image})).await;
    assert_eq!(same.header("refrain-key"), expected.header("refrain-key"));
    let form = [("content-type", "multipart/form-data; boundary=x")];
    let part =
        format!("--x\r\nContent-Disposition: form-data; name=image\r\n\r\n{image}\r\n--x--\r\n");
    let same = world
        .send(request(Method::POST, &by_query, &form, part))
        .await;
    assert_eq!(same.header("refrain-key"), expected.header("refrain-key"));

    for (query, kind) in [
        ("nonsense=1", "unknown-field"),
        ("quality=11", "invalid-value"),
        ("quality=1&quality=1", "duplicate-field"),
        ("image=x", "duplicate-field"),
    ] {
        let refused = send(&format!("{path}?{query}"), json!({"image": image})).await;
        assert_eq!(refused.problem(), kind, "{query}");
    }
    // What is in the body has the type it is written in.
    let refused = send(
        &format!("{path}?invert=true"),
        json!({"image": image, "quality": "1"}),
    )
    .await;
    assert_eq!(refused.problem(), "invalid-value");
}

#[tokio::test]
async fn a_file_is_a_file_however_its_name_is_written() {
    let world = world();
    for head in [
        &b"; filename=\"a.png\""[..],
        b"; filename*=utf-8''gr%C3%B6%C3%9Fe.png",
        b"; filename=\"gr\xf6\xdfe.png\"",
        b"\r\nContent-Type: image/png",
    ] {
        let mut body = b"--x\r\nContent-Disposition: form-data; name=\"image\"".to_vec();
        body.extend_from_slice(head);
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&picture(0));
        body.extend_from_slice(b"\r\n--x--\r\n");
        let form = [("content-type", "multipart/form-data; boundary=x")];
        let made = world
            .send(request(
                Method::POST,
                "/api/generate/relief?quality=1",
                &form,
                body,
            ))
            .await;
        assert_eq!(
            made.status,
            StatusCode::OK,
            "{}",
            String::from_utf8_lossy(head)
        );
    }
}
