//! The vectors that are published in `docs/route-vectors.json`.

use std::collections::HashMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use refrain_route::{Asking, Config, Head, Keying, TenantSecret};
use serde_json::{Value, json};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../docs/route-vectors.json")).unwrap()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

fn from_hexadecimal(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What becomes of a request, as the vectors write it.
fn outcome(config: &Config, vectors: &Value, request: &Value) -> Value {
    let text = |of: &Value, member: &str| of[member].as_str().unwrap().to_owned();
    let target = text(request, "target");
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target.as_str(), None),
    };
    let method: Method = text(request, "method").parse().unwrap();
    let mut headers = HeaderMap::new();
    for pair in request["headers"].as_array().unwrap() {
        // One byte to a character, as on the wire.
        let value: Vec<u8> = pair[1]
            .as_str()
            .unwrap()
            .chars()
            .map(|c| u8::try_from(c as u32).unwrap())
            .collect();
        let name: HeaderName = pair[0].as_str().unwrap().parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(&value).unwrap());
    }
    let body = match request.get("body_hex") {
        Some(digits) => from_hexadecimal(digits.as_str().unwrap()),
        None => text(request, "body").into_bytes(),
    };
    let secret = TenantSecret::new(
        from_hexadecimal(&text(vectors, "secret"))
            .try_into()
            .unwrap(),
    );
    let (upstream, fingerprint) = (text(vectors, "upstream"), text(vectors, "fingerprint"));
    let asking = Asking {
        upstream: &upstream,
        fingerprint: &fingerprint,
        secret: &secret,
        random: vectors["random"].as_u64().unwrap(),
    };
    let routes = &config.upstreams[0].routes;
    let (route, captures) = routes.find(&method, path).unwrap();
    assert_eq!(route.name, text(request, "route"));
    let head = Head {
        method: &method,
        query,
        headers: &headers,
    };
    let body = Bytes::from(body);
    match route.keying(head, &captures, &body, &asking) {
        Keying::Keyed(keyed) => {
            let told = route.explain(head, &captures, &body, &asking).unwrap();
            let form = refrain::key::Media::of(&told.form);
            assert_eq!(
                form.digest(),
                keyed.key.as_bytes(),
                "the form is that of the key"
            );
            let form = hexadecimal(&told.form);
            json!({ "namespace": keyed.namespace, "canonical": form, "key": keyed.key.to_string() })
        }
        Keying::Bypass(why) => json!({ "bypass": why.to_string() }),
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_have_the_published_keys_or_reasons() {
    let vectors = vectors();
    let config = Config::read("vectors", vectors["config"].as_str().unwrap()).unwrap();
    let requests = vectors["requests"].as_array().unwrap();
    assert!(requests.len() >= 80);
    let mut results = HashMap::new();
    for request in requests {
        let name = request["name"].as_str().unwrap();
        let outcome = outcome(&config, &vectors, request);
        results.insert(name, outcome);
    }
    // `REFRAIN_ROUTE_VECTORS=FILE` writes what is missing, for a new vector.
    if let Some(file) = std::env::var_os("REFRAIN_ROUTE_VECTORS") {
        std::fs::write(file, serde_json::to_string(&results).unwrap()).unwrap();
        return;
    }
    for request in requests {
        let name = request["name"].as_str().unwrap();
        for (member, value) in results[name].as_object().unwrap() {
            assert_eq!(request.get(member), Some(value), "{name}: {member}");
        }
    }
}

#[test]
fn vectors_that_say_they_are_the_same_share_a_key_and_no_others_do() {
    let vectors = vectors();
    let mut named: HashMap<&str, &str> = HashMap::new();
    for request in vectors["requests"].as_array().unwrap() {
        let name = request["name"].as_str().unwrap();
        if let Some(key) = request.get("key").and_then(Value::as_str)
            && let Some(first) = named.insert(key, name)
        {
            assert!(
                SAME.iter()
                    .any(|group| group.contains(&first) && group.contains(&name)),
                "{first} = {name}"
            );
        }
    }
    for group in SAME {
        let keys: Vec<&Value> = group
            .iter()
            .map(|name| {
                let requests = vectors["requests"].as_array().unwrap();
                &requests
                    .iter()
                    .find(|request| request["name"] == *name)
                    .unwrap()["key"]
            })
            .collect();
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]), "{group:?}");
    }
}

/// The groups of requests that mean the same.
const SAME: [&[&str]; 17] = [
    &[
        "a small object",
        "the same, in another order and spacing",
        "the same, with an escape",
        "the same, at the route's other path",
        "a charset that JSON does not need",
        "a body that is not compressed",
        "JSON without a type",
    ],
    &["a float", "a float, spelled otherwise"],
    &[
        "no header that counts",
        "noise of a client",
        "accepts anything",
        "an empty query",
    ],
    &["two credentials", "two credentials, in the other order"],
    &["two parameters", "two parameters, in the other order"],
    &[
        "what the route ignores",
        "the same without it",
        "the same with defaults spelled out",
        "the same with nulls",
    ],
    &["an ignored parameter and header", "neither"],
    &[
        "a picture as a data URI",
        "the same picture, other media type",
        "the same picture, bare and without padding",
        "the same picture, in lines",
    ],
    &[
        "a form with a picture",
        "the same, other boundary, name, type and order",
        "the same, with an ignored field",
    ],
    &["a form", "the same, spelled otherwise"],
    &["tensors as JSON", "the same without the priority"],
    &["bytes", "the same for another tenant, where tenants share"],
    &[
        "a seed is assigned",
        "the assigned seed, sent by the client",
    ],
    &["null"],
    &["a whole number"],
    &["two pictures under one name"],
    &["captures"],
];
