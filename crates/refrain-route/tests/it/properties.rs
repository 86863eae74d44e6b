//! Two requests share a key only if they mean the same, for requests that nobody has thought of.

use proptest::prelude::*;
use refrain_route::Config;
use serde_json::{Map, Value};

use crate::asking::{Outcome, Request, ask};

/// A route that ignores, reads media and takes null for absent, so that all rules meet.
fn config() -> Config {
    let text = r#"
[[listen]]
address = "127.0.0.1:1"
upstream = "u"
[upstream.u]
url = "http://127.0.0.1:2"
[[route]]
name  = "json"
match = { method = "POST", path = "/do" }
key   = { body = "json", ignore = ["/body/a/*/b", "/body/c"], null_is_absent = true }
guard = { repeatable_when = "always" }
"#;
    Config::read("x", text).unwrap()
}

/// What is left of a body when the rules have been applied, by other means than the crate's.
fn meaning(mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.remove("c");
        match fields.get_mut("a") {
            Some(Value::Object(inner)) => inner.values_mut().for_each(without_b),
            Some(Value::Array(inner)) => inner.iter_mut().for_each(without_b),
            _ => {}
        }
    }
    drop_nulls(&mut body);
    body
}

fn without_b(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.remove("b");
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        (-2_i64..3).prop_map(Into::into),
        prop::sample::select(vec!["", "a", "1", "null"]).prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Into::into),
            prop::collection::btree_map("[abc]", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key(config: &Config, body: &Value) -> Outcome {
    ask(config, &Request::post("/do", body.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn two_bodies_share_a_key_exactly_when_they_mean_the_same(one in json(), other in json()) {
        let config = config();
        prop_assert_eq!(key(&config, &one) == key(&config, &other), meaning(one.clone()) == meaning(other.clone()));
        // Small bodies often differ; a body and what is left of it do not.
        prop_assert_eq!(key(&config, &one), key(&config, &meaning(one)));
    }

    #[test]
    fn any_body_and_any_type_end_without_panic(
        body in prop::collection::vec(any::<u8>(), 0..80),
        content_type in prop::sample::select(vec!["application/json", "multipart/form-data; boundary=a", "application/x-www-form-urlencoded", "text/plain"]),
        target in prop::sample::select(vec!["/v1/chat/completions", "/v1/images/edits", "/v1/audio/transcriptions", "/v1/responses"]),
    ) {
        let config = crate::asking::preset("openai");
        let request = Request::post(target, body).with("content-type", content_type);
        let _ = ask(&config, &request);
    }

    #[test]
    fn two_forms_share_a_key_exactly_when_their_fields_are_equal(
        one in fields(), other in fields(), boundaries in ("[a-z]{3,8}", "[A-Z0-9]{3,8}"),
    ) {
        let config = crate::asking::preset("openai");
        let form = |boundary: &str, fields: &[(String, String)]| {
            let heads: Vec<String> = fields.iter().map(|(name, _)| format!("name=\"{name}\"")).collect();
            let parts: Vec<(&str, &str)> = heads.iter().zip(fields).map(|(head, (_, value))| (head.as_str(), value.as_str())).collect();
            ask(&config, &Request::form("/v1/audio/transcriptions", boundary, &parts))
        };
        let sorted = |fields: &[(String, String)]| {
            let mut fields = fields.to_vec();
            // Stable: values of one name keep their order.
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields
        };
        let share = form(&boundaries.0, &one) == form(&boundaries.1, &other);
        prop_assert_eq!(share, sorted(&one) == sorted(&other));
    }
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[ab]", "[x ]{0,2}"), 1..4)
}
