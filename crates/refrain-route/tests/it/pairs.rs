//! Pairs of requests to each preset that must share a key, or must not; and requests that go past the cache.

use crate::asking::{Outcome, Request, ask, preset};

const CHAT: &str = "/v1/chat/completions";

/// A chat with `members` in front of the messages.
fn chat(members: &str) -> Request {
    Request::post(
        CHAT,
        format!(
            r#"{{"model": "m", {members}"temperature": 0, "messages": [{{"role": "user", "content": "hi"}}]}}"#
        ),
    )
}

fn said(content: &str) -> Request {
    Request::post(
        CHAT,
        format!(
            r#"{{"model": "m", "temperature": 0, "messages": [{{"role": "user", "content": {content}}}]}}"#
        ),
    )
}

#[track_caller]
fn key(preset_name: &str, request: &Request) -> String {
    match ask(&preset(preset_name), request) {
        Outcome::Keyed(key) => key,
        other => panic!("{other:?}: {request:?}"),
    }
}

/// What must share a key with the first request of each row.
fn equal_chats() -> Vec<(&'static str, Request)> {
    let base = r#"{"model":"m","temperature":0,"messages":[{"role":"user","content":"hi"}]}"#;
    vec![
        (
            "order of members",
            Request::post(
                CHAT,
                r#"{"messages":[{"content":"hi","role":"user"}],"temperature":0,"model":"m"}"#,
            ),
        ),
        (
            "spacing",
            Request::post(CHAT, base.replace(':', " :\n").replace(',', " , ")),
        ),
        (
            "escapes",
            Request::post(CHAT, base.replace("hi", "\\u0068\\u0069")),
        ),
        (
            "escaped name",
            Request::post(CHAT, base.replace("model", "mod\\u0065l")),
        ),
        ("user", chat(r#""user": "ann", "#)),
        ("safety identifier", chat(r#""safety_identifier": "x", "#)),
        (
            "prompt cache key",
            chat(r#""prompt_cache_key": "x", "prompt_cache_retention": "24h", "#),
        ),
        ("metadata", chat(r#""metadata": {"trace": "1"}, "#)),
        ("explicit null", chat(r#""top_p": null, "tools": null, "#)),
        (
            "message ids that a client draws",
            Request::post(CHAT, base.replace(r#""role""#, r#""id":"run-1","role""#)),
        ),
        ("retry count", chat("").with("x-stainless-retry-count", "2")),
        (
            "another build of the client",
            chat("")
                .with("user-agent", "OpenAI/JS 7.59.0")
                .with("x-stainless-lang", "js"),
        ),
        (
            "tracing",
            chat("")
                .with("traceparent", "00-a-b-01")
                .with("x-request-id", "7")
                .with("x-amzn-trace-id", "Root=1"),
        ),
        (
            "another idempotency key",
            chat("").with("idempotency-key", "1"),
        ),
        (
            "encodings that the client reads",
            chat("").with("accept-encoding", "br"),
        ),
        (
            "a charset",
            chat("")
                .with("content-type", "application/json; charset=utf-8")
                .with("x-forwarded-for", "::1"),
        ),
        ("accepts anything", chat("").with("accept", "*/*")),
        (
            "without the prefix",
            Request::post("/chat/completions", base),
        ),
        (
            "caching directives of the client",
            chat("")
                .with("cache-control", "no-cache")
                .with("pragma", "no-cache"),
        ),
    ]
}

#[test]
fn chats_that_mean_the_same_share_a_key() {
    let expected = key("openai", &chat(""));
    for (what, request) in equal_chats() {
        // A charset of JSON means nothing: RFC 8259 knows one encoding.
        assert_eq!(key("openai", &request), expected, "{what}");
    }
}

#[test]
fn pictures_are_known_by_their_bytes() {
    let shown = |url: &str| {
        said(&format!(
            r#"[{{"type": "image_url", "image_url": {{"url": "{url}"}}}}]"#
        ))
    };
    let png = key("openai", &shown("data:image/png;base64,iVBORw0KGgo="));
    assert_eq!(
        key("openai", &shown("data:image/PNG;base64,iVBORw0KGgo")),
        png
    );
    assert_eq!(
        key(
            "openai",
            &shown("data:image/png;name=a;base64,iVBORw0K\\nGgo=")
        ),
        png
    );
    assert_ne!(
        key("openai", &shown("data:image/png;base64,iVBORw0KGgs=")),
        png
    );
    let address = ask(&preset("openai"), &shown("https://example.org/cat.png"));
    assert!(matches!(address, Outcome::Bypass(_)), "{address:?}");
}

/// What must have a key of its own: no two of these are the same.
fn different_chats() -> Vec<(&'static str, Request)> {
    let with = |what: &'static str, members: &str| (what, chat(members));
    vec![
        with("nothing more", ""),
        with("stream", r#""stream": true, "#),
        with("stream, said to be none", r#""stream": false, "#),
        with(
            "stream with usage",
            r#""stream": true, "stream_options": {"include_usage": true}, "#,
        ),
        with("seed of 64 bits", r#""seed": 18446744073709551615, "#),
        with(
            "seed of 64 bits, last digit",
            r#""seed": 18446744073709551614, "#,
        ),
        with("seed beyond a float", r#""seed": 9007199254740993, "#),
        with(
            "seed beyond a float, last digit",
            r#""seed": 9007199254740992, "#,
        ),
        with("max_tokens", r#""max_tokens": 5, "#),
        with("max_completion_tokens", r#""max_completion_tokens": 5, "#),
        with("top_p", r#""top_p": 0.9, "#),
        with("top_p, as a default", r#""top_p": 1, "#),
        with("top_p, as a float", r#""top_p": 1.0, "#),
        with("top_p, nearly", r#""top_p": 0.90000001, "#),
        with("top_k", r#""top_k": 1, "#),
        with("min_p", r#""min_p": 0.1, "#),
        with("n", r#""n": 2, "#),
        with("stop", r#""stop": "a", "#),
        with("stop, as a list", r#""stop": ["a"], "#),
        with("stop, in another order", r#""stop": ["b", "a"], "#),
        with("stop, in order", r#""stop": ["a", "b"], "#),
        with("logprobs", r#""logprobs": true, "#),
        with("top_logprobs", r#""logprobs": true, "top_logprobs": 2, "#),
        with("logit_bias", r#""logit_bias": {"1": 1}, "#),
        with("frequency_penalty", r#""frequency_penalty": 1, "#),
        with("presence_penalty", r#""presence_penalty": 1, "#),
        with("reasoning_effort", r#""reasoning_effort": "low", "#),
        with(
            "response_format",
            r#""response_format": {"type": "json_object"}, "#,
        ),
        with("tool_choice", r#""tool_choice": "none", "#),
        with(
            "tools",
            r#""tools": [{"type": "function", "function": {"name": "f"}}], "#,
        ),
        with("service_tier", r#""service_tier": "flex", "#),
        with(
            "thinking, of a template",
            r#""chat_template_kwargs": {"enable_thinking": false}, "#,
        ),
        with(
            "thinking, of a template, on",
            r#""chat_template_kwargs": {"enable_thinking": true}, "#,
        ),
        with("guided choice", r#""guided_choice": ["a"], "#),
        with("modalities", r#""modalities": ["text"], "#),
        with("verbosity", r#""verbosity": "low", "#),
        with("a field that nobody knows", r#""new_in_2027": 1, "#),
        with("an empty object", r#""logit_bias": {}, "#),
        with("an empty list", r#""tools": [], "#),
        ("another letter case", said("\"Hi\"")),
        ("a space behind", said("\"hi \"")),
        ("a full stop", said("\"hi.\"")),
        ("two spaces", said("\"h  i\"")),
        ("one space", said("\"h i\"")),
        ("composed", said("\"\u{e9}\"")),
        ("decomposed", said("\"e\u{301}\"")),
        ("a negation", said("\"do not undo\"")),
        ("without it", said("\"do undo\"")),
        ("parts", said(r#"[{"type": "text", "text": "hi"}]"#)),
        (
            "detail of a picture",
            said(
                r#"[{"type": "image_url", "image_url": {"url": "data:;base64,QQ==", "detail": "low"}}]"#,
            ),
        ),
        (
            "another detail",
            said(
                r#"[{"type": "image_url", "image_url": {"url": "data:;base64,QQ==", "detail": "high"}}]"#,
            ),
        ),
        (
            "another model",
            Request::post(
                CHAT,
                r#"{"model": "M", "temperature": 0, "messages": [{"role": "user", "content": "hi"}]}"#,
            ),
        ),
        (
            "another role",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0, "messages": [{"role": "system", "content": "hi"}]}"#,
            ),
        ),
        (
            "a system prompt",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0, "messages": [{"role": "system", "content": "French"}, {"role": "user", "content": "hi"}]}"#,
            ),
        ),
        (
            "another turn",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "hi"}]}"#,
            ),
        ),
        (
            "a tool's result",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0, "messages": [{"role": "tool", "tool_call_id": "call_1", "content": "1"}]}"#,
            ),
        ),
        (
            "of another call",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0, "messages": [{"role": "tool", "tool_call_id": "call_2", "content": "1"}]}"#,
            ),
        ),
        (
            "temperature as a float",
            Request::post(
                CHAT,
                r#"{"model": "m", "temperature": 0.0, "messages": [{"role": "user", "content": "hi"}]}"#,
            ),
        ),
        (
            "another route",
            Request::post(
                "/v1/completions",
                r#"{"model": "m", "temperature": 0, "prompt": "hi"}"#,
            ),
        ),
        ("one API key", chat("").with("authorization", "Bearer a")),
        (
            "another API key",
            chat("").with("authorization", "Bearer b"),
        ),
        (
            "a key in another header",
            chat("").with("api-key", "Bearer a"),
        ),
        ("a cookie", chat("").with("cookie", "session=1")),
        (
            "a key in the query",
            Request {
                target: format!("{CHAT}?key=a"),
                ..chat("")
            },
        ),
        (
            "a version in the query",
            Request {
                target: format!("{CHAT}?api-version=1"),
                ..chat("")
            },
        ),
        (
            "another version in the query",
            Request {
                target: format!("{CHAT}?api-version=2"),
                ..chat("")
            },
        ),
        ("an organization", chat("").with("openai-organization", "o")),
        ("a project", chat("").with("openai-project", "o")),
        ("a beta", chat("").with("openai-beta", "o")),
        (
            "an unknown header",
            chat("").with("x-inference-mode", "fast"),
        ),
        (
            "another media type",
            chat("").with("accept", "text/event-stream"),
        ),
        (
            "a body under another type",
            chat("").with("content-type", "text/plain"),
        ),
    ]
}

#[test]
fn chats_that_may_have_other_answers_have_keys_of_their_own() {
    let table = different_chats();
    let keys: Vec<_> = table
        .iter()
        .map(|(what, request)| (what, key("openai", request)))
        .collect();
    for (index, (what, key)) in keys.iter().enumerate() {
        for (other, other_key) in &keys[..index] {
            assert_ne!(key, other_key, "{what} is taken for: {other}");
        }
    }
    let rows = table.len() - 1 + equal_chats().len();
    assert!(rows >= 80, "{rows} pairs");
}

#[test]
fn bodies_that_differ_in_their_last_byte_have_keys_of_their_own() {
    for length in [1_000, 100_000, 600_000] {
        let text = "a".repeat(length);
        let one = said(&format!("\"{text}b\""));
        let other = said(&format!("\"{text}c\""));
        assert_ne!(key("openai", &one), key("openai", &other));
        let media = |last: &str| {
            said(&format!(
                r#"[{{"type": "input_audio", "input_audio": {{"data": "{}{last}"}}}}]"#,
                "A".repeat(length / 4 * 4)
            ))
        };
        assert_ne!(key("openai", &media("AAAB")), key("openai", &media("AAAC")));
    }
}

/// Preset, a request, another one, and whether they share a key.
fn other_presets() -> Vec<(&'static str, Request, Request, bool)> {
    let json = |target: &str, body: &str| Request::post(target, body);
    let messages = |members: &str| {
        json(
            "/v1/messages",
            &format!(
                r#"{{"model": "m", "max_tokens": 5, "temperature": 0, {members}"messages": []}}"#
            ),
        )
    };
    let generate = |members: &str| {
        json(
            "/api/generate",
            &format!(r#"{{"model": "m", {members}"prompt": "hi", "options": {{"seed": 1}}}}"#),
        )
    };
    let infer = |body: &str| json("/v2/models/m/infer", body);
    let shape = |members: &str| {
        json(
            "/generate",
            &format!(r#"{{{members}"image": "iVBORw0KGgo="}}"#),
        )
    };
    let draw = |members: &str| {
        json(
            "/sdapi/v1/txt2img",
            &format!(r#"{{{members}"prompt": "cat", "seed": 1}}"#),
        )
    };
    let edit = |boundary: &str, file: &str, content: &str| {
        let file = format!("name=\"image\"; filename=\"{file}\"");
        Request::form(
            "/v1/images/edits",
            boundary,
            &[
                ("name=\"prompt\"", "a hat"),
                ("name=\"seed\"", "7"),
                (&file, content),
            ],
        )
    };
    let spoken = |members: &str| {
        json(
            "/v1/audio/speech",
            &format!(r#"{{{members}"input": "hi", "voice": "alloy"}}"#),
        )
    };
    vec![
        (
            "anthropic",
            messages(""),
            messages(r#""metadata": {"user_id": "a"}, "#),
            true,
        ),
        (
            "anthropic",
            messages(""),
            messages("").with("anthropic-dangerous-direct-browser-access", "true"),
            true,
        ),
        (
            "anthropic",
            messages(""),
            messages("").with("anthropic-version", "2026-10-21"),
            false,
        ),
        (
            "anthropic",
            messages("").with("anthropic-beta", "a"),
            messages("").with("anthropic-beta", "b"),
            false,
        ),
        (
            "anthropic",
            messages("").with("x-api-key", "a"),
            messages("").with("x-api-key", "b"),
            false,
        ),
        (
            "anthropic",
            messages(""),
            messages(r#""thinking": {"type": "enabled"}, "#),
            false,
        ),
        (
            "anthropic",
            messages(""),
            messages(r#""stream": true, "#),
            false,
        ),
        (
            "anthropic",
            messages(""),
            messages(r#""system": "French", "#),
            false,
        ),
        (
            "ollama",
            generate(""),
            generate(r#""keep_alive": "5m", "#),
            true,
        ),
        (
            "ollama",
            generate(""),
            generate(r#""keep_alive": 0, "raw": null, "#),
            true,
        ),
        (
            "ollama",
            generate(""),
            generate(r#""stream": false, "#),
            false,
        ),
        (
            "ollama",
            generate(""),
            generate(r#""context": [1], "#),
            false,
        ),
        (
            "ollama",
            generate(""),
            generate(r#""think": true, "#),
            false,
        ),
        (
            "ollama",
            generate(r#""images": ["QQ=="], "#),
            generate(r#""images": ["QQ"], "#),
            true,
        ),
        (
            "ollama",
            generate(r#""images": ["QQ=="], "#),
            generate(r#""images": ["Qg=="], "#),
            false,
        ),
        (
            "kserve",
            infer(r#"{"inputs": [{"name": "x", "data": [1]}]}"#),
            infer(r#"{"inputs":[{"data":[1],"name":"x"}],"parameters":{"priority":1}}"#),
            false,
        ),
        (
            "kserve",
            infer(r#"{"inputs": [], "parameters": {"timeout": 1}}"#),
            infer(r#"{"inputs": [], "parameters": {"timeout": 2}}"#),
            true,
        ),
        (
            "kserve",
            infer(r#"{"inputs": []}"#),
            json("/v2/models/n/infer", r#"{"inputs": []}"#),
            false,
        ),
        (
            "kserve",
            infer(r#"{"inputs": []}"#),
            json("/v2/models/m/versions/1/infer", r#"{"inputs": []}"#),
            false,
        ),
        (
            "kserve",
            infer(r#"{"inputs": [], "id": "1"}"#),
            infer(r#"{"inputs": [], "id": "2"}"#),
            false,
        ),
        (
            "kserve",
            infer("{}12").with("inference-header-content-length", "2"),
            infer("{}13").with("inference-header-content-length", "2"),
            false,
        ),
        (
            "hunyuan3d",
            shape(""),
            shape("").with("user-agent", "blender"),
            true,
        ),
        (
            "hunyuan3d",
            shape(""),
            json(
                "/generate",
                r#"{"image": "data:image/png;base64,iVBORw0KGgo"}"#,
            ),
            true,
        ),
        ("hunyuan3d", shape(""), shape(r#""seed": 1234, "#), false),
        ("hunyuan3d", shape(""), shape(r#""mc_level": 0.1, "#), false),
        ("hunyuan3d", shape(""), shape(r#""texture": true, "#), false),
        (
            "hunyuan3d",
            shape(r#""type": "glb", "#),
            shape(r#""type": "stl", "#),
            false,
        ),
        (
            "a1111",
            draw(""),
            draw(r#""force_task_id": "1", "save_images": true, "do_not_save_grid": true, "#),
            true,
        ),
        ("a1111", draw(""), draw(r#""sampler_name": null, "#), true),
        (
            "a1111",
            draw(""),
            draw(r#""override_settings": {"sd_vae": "a"}, "#),
            false,
        ),
        ("a1111", draw(""), draw(r#""negative_prompt": "", "#), false),
        ("a1111", draw(""), draw(r#""hr_scale": 2, "#), false),
        (
            "a1111",
            draw(r#""hr_scale": 2, "#),
            draw(r#""hr_scale": 2.0, "#),
            false,
        ),
        (
            "openai",
            edit("b1", "a.png", "PNG"),
            edit("b2", "b.jpg", "PNG"),
            true,
        ),
        (
            "openai",
            edit("b1", "a.png", "PNG"),
            edit("b1", "a.png", "PNH"),
            false,
        ),
        ("openai", spoken(""), spoken(r#""speed": null, "#), true),
        ("openai", spoken(""), spoken(r#""speed": 1.5, "#), false),
        (
            "openai",
            spoken(""),
            spoken(r#""response_format": "wav", "#),
            false,
        ),
        (
            "openai",
            json("/v1/embeddings", r#"{"input": "a"}"#),
            json("/v1/embeddings", r#"{"input": "a", "user": "x"}"#),
            true,
        ),
        (
            "openai",
            json("/v1/embeddings", r#"{"input": "a"}"#),
            json("/v1/embeddings", r#"{"input": ["a"]}"#),
            false,
        ),
        (
            "openai",
            json("/v1/embeddings", r#"{"input": "a"}"#),
            json(
                "/v1/embeddings",
                r#"{"input": "a", "encoding_format": "base64"}"#,
            ),
            false,
        ),
        (
            "openai",
            json("/v1/embeddings", r#"{"input": ["a", "b"]}"#),
            json("/v1/embeddings", r#"{"input": ["b", "a"]}"#),
            false,
        ),
        (
            "openai",
            json("/v1/embeddings", r#"{"input": "a"}"#),
            json("/v1/embeddings", r#"{"input": "a", "dimensions": 8}"#),
            false,
        ),
        (
            "llama.cpp",
            json("/completion", r#"{"prompt": "a", "temperature": 0}"#),
            json(
                "/completion",
                r#"{"prompt": "a", "temperature": 0, "id_slot": 1}"#,
            ),
            true,
        ),
        (
            "llama.cpp",
            json("/completion", r#"{"prompt": "a", "temperature": 0}"#),
            json(
                "/completion",
                r#"{"prompt": "a", "temperature": 0, "n_probs": 1}"#,
            ),
            false,
        ),
        (
            "llama.cpp",
            json("/rerank", r#"{"query": "a", "documents": ["b"]}"#),
            json("/v1/reranking", r#"{"documents": ["b"], "query": "a"}"#),
            true,
        ),
    ]
}

#[test]
fn pairs_of_the_other_presets_share_a_key_or_do_not() {
    for (name, one, other, share) in other_presets() {
        assert_eq!(
            key(name, &one) == key(name, &other),
            share,
            "{name}: {one:?} {other:?}"
        );
    }
}

/// Preset, and a request that goes past the cache; nothing where it is for no route at all.
fn bypassed() -> Vec<(&'static str, Request, Option<&'static str>)> {
    let json = |target: &str, body: &str| Request::post(target, body);
    let response = |members: &str| {
        json(
            "/v1/responses",
            &format!(r#"{{"model": "m", {members}"temperature": 0, "input": "hi"}}"#),
        )
    };
    let messages = |members: &str| {
        json(
            "/v1/messages",
            &format!(r#"{{"model": "m", {members}"temperature": 0, "messages": []}}"#),
        )
    };
    let random = Some("the answer is random");
    vec![
        ("openai", json(CHAT, r#"{"messages": []}"#), random),
        (
            "openai",
            json(CHAT, r#"{"messages": [], "seed": null}"#),
            random,
        ),
        (
            "openai",
            json(CHAT, r#"{"messages": [], "seed": -1}"#),
            random,
        ),
        (
            "openai",
            json(CHAT, r#"{"messages": [], "temperature": 0.7}"#),
            random,
        ),
        (
            "openai",
            chat(r#""store": true, "#),
            Some("never cached because of /body/store"),
        ),
        (
            "openai",
            chat(r#""web_search_options": {}, "#),
            Some("never cached because of /body/web_search_options"),
        ),
        (
            "openai",
            json(CHAT, r#"{"seed": 1, "seed": 2}"#),
            Some("duplicate name seed"),
        ),
        (
            "openai",
            chat("").with("content-encoding", "gzip"),
            Some("the body is compressed"),
        ),
        (
            "openai",
            response(""),
            Some("never cached because of /body/store"),
        ),
        (
            "openai",
            response(r#""store": true, "#),
            Some("never cached because of /body/store"),
        ),
        (
            "openai",
            response(r#""store": false, "previous_response_id": "resp_1", "#),
            Some("never cached because of /body/previous_response_id"),
        ),
        (
            "openai",
            response(r#""store": false, "background": true, "#),
            Some("never cached because of /body/background"),
        ),
        (
            "openai",
            response(r#""store": false, "conversation": "c", "#),
            Some("never cached because of /body/conversation"),
        ),
        (
            "openai",
            response(r#""store": false, "tools": [{"type": "web_search_preview"}], "#),
            Some("never cached because of /body/tools/*/type"),
        ),
        (
            "openai",
            json("/v1/images/generations", r#"{"prompt": "cat"}"#),
            random,
        ),
        ("openai", json("/v1/files", "{}"), None),
        ("openai", json("/v1/batches", "{}"), None),
        (
            "openai",
            Request {
                method: http::Method::GET,
                ..json("/v1/models", "")
            },
            None,
        ),
        (
            "anthropic",
            json("/v1/messages", r#"{"messages": []}"#),
            random,
        ),
        (
            "anthropic",
            messages(r#""container": "c", "#),
            Some("never cached because of /body/container"),
        ),
        (
            "anthropic",
            messages(r#""mcp_servers": [{"url": "x"}], "#),
            Some("never cached because of /body/mcp_servers/*"),
        ),
        (
            "anthropic",
            messages(r#""tools": [{"type": "web_search_20250305"}], "#),
            Some("never cached because of /body/tools/*/type"),
        ),
        (
            "anthropic",
            json(
                "/v1/messages",
                r#"{"temperature": 0, "messages": [{"content": [{"source": {"type": "url", "url": "https://a"}}]}]}"#,
            ),
            Some("never cached because of /body/messages/*/content/*/source/type"),
        ),
        ("anthropic", json("/v1/messages/batches", "{}"), None),
        (
            "ollama",
            json("/api/generate", r#"{"prompt": "a"}"#),
            random,
        ),
        (
            "ollama",
            json(
                "/api/generate",
                r#"{"prompt": "a", "options": {"seed": -1}}"#,
            ),
            random,
        ),
        ("ollama", json("/api/pull", "{}"), None),
        (
            "llama.cpp",
            json("/completion", r#"{"prompt": "a", "seed": 4294967295}"#),
            Some("never cached because of /body/seed"),
        ),
        (
            "llama.cpp",
            json(CHAT, r#"{"messages": [], "seed": 4294967295}"#),
            Some("never cached because of /body/seed"),
        ),
        (
            "kserve",
            json(
                "/v2/models/m/infer",
                r#"{"parameters": {"sequence_id": 1}}"#,
            ),
            Some("never cached because of /body/json/parameters/sequence_id"),
        ),
        (
            "hunyuan3d",
            json("/generate", r#"{"image": "https://example.org/a.png"}"#),
            Some("body.image cannot be keyed"),
        ),
        ("hunyuan3d", json("/send", "{}"), None),
        (
            "a1111",
            json("/sdapi/v1/txt2img", r#"{"seed": -1}"#),
            random,
        ),
        ("a1111", json("/sdapi/v1/txt2img", "{}"), random),
        (
            "a1111",
            json(
                "/sdapi/v1/txt2img",
                r#"{"seed": 1, "subseed": -1, "subseed_strength": 0.5}"#,
            ),
            random,
        ),
        (
            "a1111",
            json(
                "/sdapi/v1/img2img",
                r#"{"seed": 1, "init_images": ["http://a/b.png"]}"#,
            ),
            Some("body.init_images[0] cannot be keyed"),
        ),
        ("a1111", json("/sdapi/v1/options", "{}"), None),
    ]
}

#[test]
fn what_is_random_or_depends_on_more_than_the_request_goes_past_the_cache() {
    for (name, request, expected) in bypassed() {
        let outcome = ask(&preset(name), &request);
        let expected = expected.map_or(Outcome::PassesThrough, |why| {
            Outcome::Bypass(why.to_owned())
        });
        assert_eq!(outcome, expected, "{name}: {request:?}");
    }
    // What webuiapi sends each time: a random second seed that has no strength.
    let webui = Request::post(
        "/sdapi/v1/txt2img",
        r#"{"seed": 1, "subseed": -1, "subseed_strength": 0}"#,
    );
    assert!(matches!(ask(&preset("a1111"), &webui), Outcome::Keyed(_)));
}

#[test]
fn every_preset_reads_without_a_mistake_and_says_what_it_is_for() {
    for preset in refrain_route::Preset::all() {
        let config = crate::asking::preset(preset.name);
        assert!(
            config.upstreams[0].routes.iter().len() > 0,
            "{}",
            preset.name
        );
        for route in config.upstreams[0].routes.iter() {
            let is_commented = preset.text.contains(&format!("\"{}\"", route.name))
                || preset.text.contains("include");
            assert!(is_commented, "{}: {}", preset.name, route.name);
        }
        let blocks = preset.text.split("[[route]]").count();
        assert!(
            preset.text.matches("\n# ").count() + 2 >= blocks,
            "{}: each route has a comment",
            preset.name
        );
    }
}
