//! Configurations that are right, and what is said of those that are not.

use super::*;
use crate::guard::Otherwise;

const LLAMA: &str = "[[listen]]\naddress = '127.0.0.1:8080'\nupstream = 'llama'\n[upstream.llama]\nurl = 'http://127.0.0.1:8081'\n";

fn told(text: &str) -> Vec<String> {
    let mistakes = Config::read("r.toml", text).map(|_| ()).unwrap_err();
    mistakes.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn tells(text: &str, expected: &str) {
    let told = told(text);
    assert!(
        told.iter().any(|told| told.contains(expected)),
        "{expected}\n{told:#?}"
    );
}

#[test]
fn five_lines_and_a_preset_are_a_configuration() {
    let config = Config::read("r.toml", &format!("{LLAMA}preset = 'openai'\n")).unwrap();
    let llama = config.upstream("llama").unwrap();
    assert_eq!(config.listen[0].upstream, "llama");
    assert!(llama.routes.iter().len() >= 8);
}

#[test]
fn an_override_changes_one_field_and_keeps_the_others() {
    let text = format!(
        "{LLAMA}preset = 'openai'\n[upstream.llama.route.chat.guard]\notherwise = 'pin'\n[upstream.llama.route.chat.cache]\nttl = '1h'\n"
    );
    let config = Config::read("r.toml", &text).unwrap();
    let chat = config.upstreams[0].routes.named("chat").unwrap();
    assert_eq!(chat.guard.otherwise, Otherwise::Pin);
    assert!(!chat.guard.never_when.is_never() && !chat.key.ignore().is_empty());

    let text = format!(
        "{LLAMA}preset = 'openai'\n[[route]]\nname = 'chat'\n[route.guard]\notherwise = {{ variants = 4 }}\n"
    );
    let config = Config::read("r.toml", &text).unwrap();
    let chat = config.upstreams[0].routes.named("chat").unwrap();
    assert!(matches!(chat.guard.otherwise, Otherwise::Variants(count) if count.get() == 4));
}

#[test]
fn a_stream_of_a_preset_can_be_switched_off_and_a_stream_of_ones_own_has_to_be_one() {
    let text =
        format!("{LLAMA}preset = 'openai'\n[upstream.llama.route.chat.exchange]\nkind = 'once'\n");
    let config = Config::read("r.toml", &text).unwrap();
    let chat = config.upstreams[0].routes.named("chat").unwrap();
    assert!(chat.exchange.stream.is_none());
    let own = "[[route]]\nname = 'q'\nmatch = { method = 'POST', path = '/a' }\n";
    tells(
        &format!("{LLAMA}{own}exchange = {{ end = '[DONE]' }}\n"),
        "describes a stream but is of kind `once`",
    );
    tells(
        &format!("{LLAMA}{own}exchange = {{ kind = 'stream' }}\n"),
        "needs `end`",
    );
}

#[test]
fn a_route_of_the_file_takes_the_place_of_a_presets() {
    let text = format!(
        "{LLAMA}preset = 'openai'\n[[route]]\nname = 'mine'\nmatch = {{ method = 'POST', path = '/v1/embeddings' }}\n"
    );
    let config = Config::read("r.toml", &text).unwrap();
    let routes = &config.upstreams[0].routes;
    assert_eq!(
        routes
            .find(&http::Method::POST, "/v1/embeddings")
            .unwrap()
            .0
            .name,
        "mine"
    );
    let other = routes.find(&http::Method::POST, "/embeddings").unwrap();
    assert_eq!(other.0.name, "embeddings");
    let both = text.replace(
        "path = '/v1/embeddings'",
        "path = ['/v1/embeddings', '/embeddings']",
    );
    let config = Config::read("r.toml", &both).unwrap();
    assert!(config.upstreams[0].routes.named("embeddings").is_none());
}

#[test]
fn every_mistake_names_its_line_and_what_is_allowed() {
    tells(
        &format!("{LLAMA}at_onec = 4\n"),
        "r.toml:6:1: upstream `llama` has no `at_onec`; did you mean `at_once`?",
    );
    tells(
        &format!("{LLAMA}preset = 'opnai'\n"),
        "r.toml:6:10: there is no preset `opnai`; did you mean `openai`?",
    );
    tells(
        &format!(
            "{LLAMA}preset = 'openai'\n[upstream.llama.route.chta.guard]\notherwise = 'pin'\n"
        ),
        "r.toml:7:23: upstream `llama` has no route `chta`; did you mean `chat`?",
    );
    tells(
        &format!(
            "{LLAMA}preset = 'openai'\n[upstream.llama.route.chat.gaurd]\notherwise = 'pin'\n"
        ),
        "r.toml:7:28: route `chat` has no `gaurd`; did you mean `guard`?",
    );
    tells(
        &format!("{LLAMA}[[listen]]\naddress = '0.0.0.0:8080'\nupstream = 'llama'\n"),
        "two doors on one port",
    );
    tells(
        "[[listen]]\naddress = '127.0.0.1:1'\nupstream = 'lama'\n[upstream.llama]\nurl = 'http://a'\n",
        "r.toml:1:1: there is no upstream `lama`; did you mean `llama`?",
    );
    tells(
        "[upstream.llama]\nurl = 'http://a'\n",
        "r.toml:1:11: no door leads to upstream `llama`",
    );
    tells("[upstream.llama]\n", "needs the `url`");
    tells(
        "[lsiten]\n",
        "the file has no `lsiten`; did you mean `listen`?",
    );
    tells(
        "[[listen]]\naddress = 'localhost'\nupstream = 'x'\n",
        "an address with a port",
    );
    tells(
        &format!("{LLAMA}url = 'http://b'\n"),
        "r.toml:6:1: this is not TOML: duplicate key",
    );
    for url in ["ftp://a", "http://user:secret@a", "http://a?b", "a:1", ""] {
        tells(
            &format!("[upstream.x]\nurl = '{url}'\n"),
            "the address of a server without credentials or query",
        );
    }
}

#[test]
fn a_route_that_can_never_match_is_refused() {
    let routes = |routes: &str| format!("{LLAMA}{routes}");
    tells(
        &routes(
            "[[route]]\nname = 'all'\nmatch = { method = 'POST', path = '/v1/{x}' }\n[[route]]\nname = 'one'\nmatch = { method = 'POST', path = '/v1/chat' }\n",
        ),
        "r.toml:9:1: route `one` can never match: route `all` stands before it",
    );
    tells(
        &routes("[[route]]\nname = 'q'\nmatch = { method = 'POST', path = '/v1?x=1' }\n"),
        "can never match: a path has no '?'",
    );
    tells(
        &routes("[[route]]\nname = 'q'\nmatch = { method = 'post', path = '/v1' }\n"),
        "write it in capitals",
    );
    tells(
        &routes("[[route]]\nname = 'q'\n"),
        "route `q` needs a match",
    );
    tells(
        &routes(
            "[[route]]\nname = 'q'\nmatch = { method = 'POST', path = '/a' }\n[[route]]\nname = 'q'\nmatch = { method = 'POST', path = '/b' }\n",
        ),
        "two routes of upstream `llama` are called `q`",
    );
    tells(
        &routes(
            "preset = 'kserve'\n[[route]]\nname = 'all'\nmatch = { method = ['GET', 'POST'], path = '/{all...}' }\n",
        ),
        "preset `kserve` can never be reached",
    );
}

#[test]
fn a_credential_is_never_in_a_message() {
    let text = format!(
        "{LLAMA}credentials = {{ authorization = \"Bearer \\nsecret\", x-api-key = {{ evn = 'KEY' }} }}\n"
    );
    let told = told(&text);
    assert!(
        told.iter().any(|told| told.contains("authorization"))
            && !told.iter().any(|told| told.contains("secret")),
        "{told:?}"
    );
    tells(&text, "did you mean `env`?");
}

#[test]
fn the_command_line_is_read_as_a_file_would_be() {
    let mistakes = Config::standing_in("openai", "x\"y", "127.0.0.1:1").unwrap_err();
    assert!(mistakes[0].to_string().starts_with("command line:2:"));
}
