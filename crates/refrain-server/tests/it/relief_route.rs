//! `relief` behind its route: however a request is written, it is the same request.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::pictures::{base64, picture};
use crate::world::{Reply, World, json_request, request, world};

const PATH: &str = "/api/generate/relief";

async fn ask(world: &World, body: &Value) -> Reply {
    world.post(PATH, body).await
}

async fn ask_text(world: &World, body: String) -> Reply {
    let mut request = json_request(PATH, &[], &json!({}));
    *request.body_mut() = body.into();
    world.send(request).await
}

fn form(boundary: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, file_name, bytes) in parts {
        let file = file_name.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    let content_type = format!("multipart/form-data; boundary={boundary}");
    request(Method::POST, PATH, &[("content-type", &content_type)], body)
}

#[tokio::test]
async fn a_picture_becomes_a_file_of_the_asked_format() {
    let world = world();
    for (format, media_type, start) in [
        ("stl", "model/stl", &b""[..]),
        ("obj", "model/obj", b""),
        ("ply", "application/ply", b"ply\n"),
        ("glb", "model/gltf-binary", b"glTF"),
    ] {
        let body = json!({"image": base64(&picture(0)), "quality": 1, "format": format});
        let reply = ask(&world, &body).await;
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!(reply.header("content-type"), media_type);
        let name = format!("attachment; filename=\"relief.{format}\"");
        assert_eq!(reply.header("content-disposition"), name);
        assert!(reply.body.starts_with(start));
    }
}

#[tokio::test]
async fn however_a_request_is_written_it_is_the_same_request() {
    let world = world();
    let picture = picture(0);
    let image = base64(&picture);
    let first = ask(&world, &json!({"image": image, "quality": 1})).await;
    assert_eq!(first.cache_status(), "refrain; fwd=miss; stored");
    let same = [
        format!(r#"{{"quality":1,"image":"{image}"}}"#),
        format!("\n{{ \"quality\" :\t1 , \"image\": \"{image}\" }}  "),
        format!(r#"{{"quality":1,"image":"data:image/png;base64,{image}"}}"#),
        format!(r#"{{"quality":1,"image":"data:;base64,{image}"}}"#),
        format!(
            r#"{{"\u0071uality":1,"image":"{}"}}"#,
            image.replace('/', "\\/")
        ),
        format!(r#"{{"quality":1,"image":"{image}","format":"stl"}}"#),
        format!(r#"{{"quality":1,"image":"{image}","dimensions":{{}}}}"#),
        format!(r#"{{"quality":1,"image":"{image}","dimensions":{{"width":100}}}}"#),
        format!(
            r#"{{"quality":1,"image":"{image}","dimensions":{{"width":100.0,"depth":2e1,"height":1.00e2}}}}"#
        ),
        format!(r#"{{"quality":1,"image":"{image}","base":2.000,"invert":false}}"#),
    ];
    for body in same {
        let reply = ask_text(&world, body.clone()).await;
        assert!(
            reply.cache_status().starts_with("refrain; hit"),
            "{body:.60} {reply:?}"
        );
        assert_eq!(reply.body, first.body);
        assert_eq!(reply.header("refrain-key"), first.header("refrain-key"));
    }
    let file = ("image", Some("any name.jpg"), picture.as_slice());
    let forms = [
        form("x", &[file, ("quality", None, b"1")]),
        form(
            "another",
            &[("quality", None, b"1"), ("image", Some("b"), &picture)],
        ),
        form(
            "x",
            &[
                file,
                ("quality", None, b"1"),
                ("dimensions", None, br#"{"width": 100}"#),
            ],
        ),
        form(
            "x",
            &[
                file,
                ("quality", None, b"1"),
                ("dimensions.width", None, b"100.0"),
            ],
        ),
        form(
            "x",
            &[
                file,
                ("quality", None, b"1"),
                ("invert", None, b"false"),
                ("format", None, b"stl"),
            ],
        ),
        form(
            "x",
            &[("image", None, image.as_bytes()), ("quality", None, b"1")],
        ),
    ];
    for form in forms {
        let reply = world.send(form).await;
        assert!(
            reply.cache_status().starts_with("refrain; hit"),
            "{reply:?}"
        );
    }
    assert_eq!(world.stats().await["generations"], 1);
}

#[tokio::test]
async fn whatever_changes_the_result_changes_the_key() {
    let world = world();
    let image = base64(&picture(0));
    let other = base64(&picture(1));
    let mut keys = std::collections::HashSet::new();
    let bodies = [
        json!({"image": image, "quality": 1}),
        json!({"image": other, "quality": 1}),
        json!({"image": image, "quality": 2}),
        json!({"image": image, "quality": 1, "format": "glb"}),
        json!({"image": image, "quality": 1, "base": 2.5}),
        json!({"image": image, "quality": 1, "invert": true}),
        json!({"image": image, "quality": 1, "dimensions": {"width": 50}}),
        json!({"image": image, "quality": 1, "dimensions": {"height": 50}}),
        json!({"image": image, "quality": 1, "dimensions": {"depth": 50}}),
    ];
    for body in &bodies {
        let reply = ask(&world, body).await;
        assert_eq!(reply.cache_status(), "refrain; fwd=miss; stored");
        keys.insert(reply.header("refrain-key").to_owned());
    }
    assert_eq!(keys.len(), bodies.len());
}

#[tokio::test]
async fn bad_parts_of_a_form_are_refused_by_name() {
    let world = world();
    let picture = picture(0);
    let image = ("image", Some("a.png"), picture.as_slice());
    for (form, kind, field) in [
        (form("x", &[]), "missing-field", Some("image")),
        (
            form("x", &[("quality", None, b"1")]),
            "missing-field",
            Some("image"),
        ),
        (form("x", &[image, image]), "duplicate-field", Some("image")),
        (
            form("x", &[image, ("colour", None, b"red")]),
            "unknown-field",
            Some("colour"),
        ),
        (
            form("x", &[image, ("quality", None, b"\xff\xfe")]),
            "invalid-value",
            Some("quality"),
        ),
        (
            form("x", &[image, ("quality", None, b"high")]),
            "invalid-value",
            Some("quality"),
        ),
        (
            form("x", &[image, ("quality", None, b"")]),
            "invalid-value",
            Some("quality"),
        ),
        (
            form("x", &[image, ("quality", Some("q"), b"1")]),
            "invalid-value",
            Some("quality"),
        ),
        (
            form("x", &[image, ("base", None, b"NaN")]),
            "invalid-value",
            Some("base"),
        ),
        (
            form("x", &[image, ("invert", None, b"yes")]),
            "invalid-value",
            Some("invert"),
        ),
        (
            form("x", &[image, ("dimensions", None, b"10")]),
            "invalid-value",
            Some("dimensions"),
        ),
        (
            form("x", &[image, ("dimensions", None, b"{")]),
            "invalid-value",
            Some("dimensions"),
        ),
        (
            form("x", &[image, ("dimensions", None, br#"{"width": 0}"#)]),
            "invalid-value",
            Some("dimensions.width"),
        ),
        (
            form("x", &[image, ("dimensions.size", None, b"1")]),
            "unknown-field",
            Some("dimensions.size"),
        ),
        (
            form("x", &[("image", None, &picture)]),
            "invalid-value",
            Some("image"),
        ),
        (
            form("x", &[("image", None, b"not base64!")]),
            "invalid-value",
            Some("image"),
        ),
        (
            form("x", &[("image", Some("a"), b"")]),
            "unreadable-image",
            Some("image"),
        ),
        (
            form("x", &[("image", Some("a"), b"text")]),
            "unreadable-image",
            Some("image"),
        ),
        (form("x", &[("", None, b"1")]), "malformed-request", None),
    ] {
        let refused = world.send(form).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{refused:?}");
        assert_eq!(refused.problem(), kind);
        assert_eq!(refused.json()["field"].as_str(), field);
    }
}

#[tokio::test]
async fn a_form_that_breaks_off_is_refused() {
    let world = world();
    for body in [
        "",
        "--x",
        "--x\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\nabc",
        "nonsense",
    ] {
        let content_type = ("content-type", "multipart/form-data; boundary=x");
        let refused = world
            .send(request(Method::POST, PATH, &[content_type], body))
            .await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.problem(), "malformed-request", "{body}");
    }
}
