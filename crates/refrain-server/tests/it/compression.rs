//! Compressed answers: the same result in fewer bytes, for clients that ask for it, with validators of their own.

use axum::http::StatusCode;
use serde_json::json;

use crate::pictures::{base64, picture};
use crate::world::{Reply, World, world, world_with};

async fn relief(world: &World, accept: &str) -> Reply {
    let body = json!({"image": base64(&picture(0)), "quality": 7});
    let headers = [("accept-encoding", accept)];
    let path = "/api/generate/relief";
    world
        .send(crate::world::json_request(path, &headers, &body))
        .await
}

fn decoded(reply: &Reply) -> Vec<u8> {
    use std::io::Read as _;

    let mut plain = Vec::new();
    match reply.header("content-encoding") {
        "zstd" => plain = zstd::stream::decode_all(&reply.body[..]).unwrap(),
        "gzip" => {
            let mut decoder = flate2::read::GzDecoder::new(&reply.body[..]);
            decoder.read_to_end(&mut plain).unwrap();
        }
        _ => plain.clone_from(&reply.body),
    }
    plain
}

#[tokio::test]
async fn a_mesh_of_6_7_mb_is_sent_in_less_than_half_and_is_the_same() {
    let world = world();
    let plain = relief(&world, "identity").await;
    assert_eq!(plain.body.len(), 6_707_284);
    assert!(!plain.headers.contains_key("content-encoding"));
    assert_eq!(plain.header("vary"), "accept-encoding");
    for coding in ["zstd", "gzip"] {
        let reply = relief(&world, coding).await;
        assert_eq!(reply.header("content-encoding"), coding);
        assert_eq!(reply.header("vary"), "accept-encoding");
        assert!(
            reply.body.len() < plain.body.len() / 2,
            "{coding}: {}",
            reply.body.len()
        );
        assert!(decoded(&reply) == plain.body, "{coding}: other bytes");
        let tag = plain.header("etag").trim_matches('"');
        assert_eq!(reply.header("etag"), format!("\"{tag}-{coding}\""));
    }
    assert_eq!(relief(&world, "br").await.body.len(), plain.body.len());
}

#[tokio::test]
async fn a_stored_result_is_compressed_in_whole_and_plain_in_part() {
    let world = world();
    let plain = relief(&world, "identity").await;
    let url = plain.header("content-location").to_owned();
    let zstd = ("accept-encoding", "zstd");
    let whole = world.get_with(&url, &[zstd]).await;
    assert_eq!(whole.header("content-encoding"), "zstd");
    assert!(decoded(&whole) == plain.body);

    let part = world
        .get_with(&url, &[zstd, ("range", "bytes=100-199")])
        .await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert!(!part.headers.contains_key("content-encoding"));
    assert_eq!(part.body, plain.body[100..200]);
    assert_eq!(part.header("etag"), plain.header("etag"));
    // The rest of what was begun in a coding is none of the plain bytes.
    let resumed = [
        zstd,
        ("range", "bytes=100-199"),
        ("if-range", whole.header("etag")),
    ];
    let resumed = world.get_with(&url, &resumed).await;
    assert_eq!(resumed.status, StatusCode::OK);
    assert!(decoded(&resumed) == plain.body);

    for (accept, tag) in [("zstd", &whole), ("zstd", &plain), ("identity", &plain)] {
        let headers = [
            ("accept-encoding", accept),
            ("if-none-match", tag.header("etag")),
        ];
        let same = world.get_with(&url, &headers).await;
        assert_eq!(same.status, StatusCode::NOT_MODIFIED, "{accept}");
        assert_eq!(same.header("etag"), tag.header("etag"));
        assert_eq!(same.header("vary"), "accept-encoding");
    }
    let other = [("if-none-match", whole.header("etag"))];
    assert_eq!(world.get_with(&url, &other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_stored_or_too_large_is_sent_plain() {
    let world = world();
    let body = json!({"image": base64(&picture(0)), "quality": 3});
    let headers = [("accept-encoding", "zstd"), ("cache-control", "no-store")];
    let request = crate::world::json_request("/api/generate/relief", &headers, &body);
    assert!(
        !world
            .send(request)
            .await
            .headers
            .contains_key("content-encoding")
    );

    let world = world_with(|config| config.compressed_memory_mb = 8.0);
    assert!(
        !relief(&world, "zstd")
            .await
            .headers
            .contains_key("content-encoding")
    );
}
