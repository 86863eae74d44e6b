//! The document that describes the server.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use refrain_server::ProblemKind;
use serde_json::Value;

use crate::world::{World, world};

/// Every operation that the server is meant to have.
const OPERATIONS: [(&str, &str); 19] = [
    ("/", "get"),
    ("/health", "get"),
    ("/api/openapi.json", "get"),
    ("/api/generate/{generator}", "post"),
    ("/api/batch", "post"),
    ("/api/jobs/{id}", "get"),
    ("/api/jobs/{id}", "delete"),
    ("/api/jobs/{id}/events", "get"),
    ("/api/jobs/{id}/result", "get"),
    ("/api/results/{key}", "get"),
    ("/api/results/{key}/parts/{number}", "get"),
    ("/api/cache/stats", "get"),
    ("/api/cache/stats/reset", "post"),
    ("/api/cache/config", "get"),
    ("/api/cache/config", "post"),
    ("/api/cache/clear", "post"),
    ("/api/cache/explain", "post"),
    ("/api/gateway/reload", "post"),
    ("/api/cache/entries", "get"),
];

async fn document(world: &World) -> Value {
    world.get("/api/openapi.json").await.json()
}

#[tokio::test]
async fn every_operation_is_described_and_answered() {
    let world = world();
    let document = document(&world).await;
    let paths = document["paths"].as_object().unwrap();
    let described: BTreeSet<(String, String)> = paths
        .iter()
        .flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let mut expected: BTreeSet<_> = OPERATIONS
        .iter()
        .map(|(path, method)| ((*path).to_owned(), (*method).to_owned()))
        .collect();
    expected.insert(("/api/cache/entries/{key}".to_owned(), "delete".to_owned()));
    assert_eq!(described, expected);

    for (path, method) in described {
        let path = path.replace("{generator}", "probe").replace(['{', '}'], "");
        let method = method.to_uppercase().parse().unwrap();
        let reply = world
            .send(crate::world::request(method, &path, &[], ""))
            .await;
        assert_ne!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        if reply.status == StatusCode::NOT_FOUND {
            assert_ne!(reply.problem(), "not-found", "{path}");
        }
    }
}

#[tokio::test]
async fn every_operation_has_its_errors_as_problems() {
    let document = document(&world()).await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let errors: Vec<_> = responses
                .iter()
                .filter(|(status, _)| status.starts_with(['4', '5']))
                .collect();
            assert!(errors.len() >= 3, "{method} {path}");
            for (status, response) in errors {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(
                    schema, "#/components/schemas/ProblemDocument",
                    "{method} {path} {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(reference)) = map.get("$ref") {
                    found.insert(reference.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document(&world()).await;
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 10);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn a_generator_is_described_field_by_field() {
    let document = document(&world()).await;
    let text = document["components"]["schemas"]["generate.relief"].to_string();
    for field in ["image", "format", "dimensions", "quality", "base", "invert"] {
        assert!(text.contains(&format!("\"{field}\"")), "{field}");
    }
}

#[test]
fn every_kind_of_problem_is_in_the_documentation() {
    let page = include_str!("../../../../docs/http-api.md");
    for kind in ProblemKind::ALL {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| {} |", kind.status().as_u16())));
        let name = format!("`{}`", kind.name());
        assert!(row.is_some_and(|row| row.contains(&name)), "{name}");
    }
}
