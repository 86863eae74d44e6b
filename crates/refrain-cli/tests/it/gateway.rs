use crate::program::Place;

const DOORS: &str = r#"
[[listen]]
address  = "127.0.0.1:8080"
upstream = "llama"
[upstream.llama]
url    = "http://127.0.0.1:8081"
preset = "openai"
"#;

#[test]
fn presets_are_listed_and_shown_as_files_to_make_ones_own() {
    let place = Place::new();
    let listed = place.succeed(&["presets", "list"]).out;
    for name in [
        "openai",
        "anthropic",
        "ollama",
        "llama.cpp",
        "kserve",
        "hunyuan3d",
        "a1111",
    ] {
        assert!(listed.contains(name), "{listed}");
    }
    let shown = place.succeed(&["presets", "show", "openai"]).out;
    assert!(shown.contains("[[route]]"), "{shown}");
    let failed = place.fail(&["presets", "show", "opena"]);
    assert!(
        failed.contains("there is no preset `opena`") && failed.contains("openai"),
        "{failed}"
    );
}

#[test]
fn routes_are_checked_and_each_mistake_has_its_place() {
    let place = Place::new().file("refrain.toml", DOORS);
    let told = place.succeed(&["routes", "check"]).out;
    assert!(
        told.contains("127.0.0.1:8080") && told.contains("POST /v1/embeddings"),
        "{told}"
    );

    let place = Place::new().file("refrain.toml", DOORS.replace("preset", "presed"));
    for command in [&["routes", "check"][..], &["serve", "--port", "0"]] {
        let failed = place.fail(command);
        assert!(
            failed.contains("refrain.toml:7:1: ") && failed.contains("did you mean `preset`?"),
            "{failed}"
        );
    }
    let failed = Place::new()
        .file("refrain.toml", "")
        .fail(&["routes", "check"]);
    assert!(failed.contains("`refrain.toml` has no doors"), "{failed}");
}

#[test]
fn a_request_is_explained_from_a_file() {
    let request = "POST /v1/embeddings HTTP/1.1\r\nuser-agent: x\r\n\r\n{\"input\": \"a\", \"model\": \"e\", \"user\": \"ann\"}";
    let place = Place::new()
        .file("refrain.toml", DOORS)
        .file("request.txt", request);
    let by_file = place
        .succeed(&["routes", "explain", "--request", "request.txt"])
        .out;
    for line in [
        "outcome   keyed",
        "route     embeddings",
        "counts    /body/input ",
        "ignored   /body/user: ",
        "ignored   /headers/user-agent: ",
    ] {
        assert!(by_file.contains(line), "{line} in {by_file}");
    }
    let by_preset = place
        .succeed(&[
            "routes",
            "explain",
            "--preset",
            "openai",
            "--request",
            "request.txt",
        ])
        .out;
    assert!(by_preset.contains("outcome   keyed"), "{by_preset}");
    let failed = place.fail(&["routes", "explain", "--request", "refrain.toml"]);
    assert!(failed.contains("it is no HTTP request"), "{failed}");
}

#[test]
fn a_server_to_stand_in_for_is_given_whole_and_once() {
    let place = Place::new();
    let failed = place.fail(&["serve", "--preset", "openai"]);
    assert!(
        failed.contains("--upstream") && failed.contains("--listen"),
        "{failed}"
    );
    let flags = [
        "serve",
        "--preset",
        "openai",
        "--upstream",
        "http://127.0.0.1:1",
        "--listen",
        "127.0.0.1:0",
    ];
    let failed = Place::new().file("refrain.toml", DOORS).fail(&flags);
    assert!(failed.contains("give the one or the other"), "{failed}");
    let failed = place.fail(&[
        "serve",
        "--preset",
        "openai",
        "--upstream",
        "http://127.0.0.1:8080",
        "--listen",
        "127.0.0.1:8080",
    ]);
    assert!(failed.contains("is this server itself"), "{failed}");
}
