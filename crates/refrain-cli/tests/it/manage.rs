use serde_json::Value;

use crate::program::{Place, picture};

#[test]
fn without_a_server_every_command_says_how_to_start_one() {
    let place = Place::new();
    for command in ["stats", "entries", "clear"] {
        let refusal = place.fail(&[command]);
        assert_eq!(
            refusal,
            "exit code 1\n\
             error: no answer from a server at http://127.0.0.1:9\n  \
             caused by: io: Connection refused (os error 111)\n\
             hint: start one with `refrain serve`, or name another with `--server URL`\n"
        );
    }
}

#[test]
fn statistics_entries_and_clear() {
    let place = Place::new().file("picture.png", picture(32));
    let server = place.serve(&["--ttl-seconds", "3600"]);
    let place = place.variable("REFRAIN_SERVER", server.url());
    let json = |arguments: &[&str]| -> Value {
        serde_json::from_str(&place.succeed(arguments).out).unwrap()
    };
    for depth in ["5", "6", "6"] {
        place.succeed(&[
            "generate",
            "relief",
            "picture.png",
            "--quality",
            "1",
            "--depth",
            depth,
        ]);
    }

    let stats = json(&["stats", "--json"]);
    assert_eq!(stats["stats"]["hits"], 1);
    assert_eq!(stats["stats"]["misses"], 2);
    let shown = place.succeed(&["stats"]).out;
    assert!(shown.contains("hits           1 (33.33 %)\n"), "{shown}");
    assert!(shown.contains("entries        2 of 1000\n"), "{shown}");

    let entries = json(&["entries", "--json", "--sort", "access_count"]);
    let first = &entries["entries"][0];
    assert_eq!(first["access_count"], 1);
    let shown = place
        .succeed(&["entries", "--sort", "access_count", "--per-page", "1"])
        .out;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3, "{shown}");
    assert!(
        lines[1].starts_with(&first["key"].as_str().unwrap()[..16]),
        "{shown}"
    );
    assert!(
        lines[1].ends_with("in 59 min 59 s") || lines[1].ends_with("in 60 min 0 s"),
        "{shown}"
    );
    assert_eq!(lines[2], "page 1 of 2, 2 entries in all");

    let refusal = place.fail(&["entries", "--page", "9"]);
    assert!(
        refusal.starts_with("exit code 1\nerror: the server refused: "),
        "{refusal}"
    );

    assert_eq!(place.succeed(&["clear"]).out, "2 entries removed\n");
    assert_eq!(
        place.succeed(&["clear", "--yes"]).out,
        "0 entries removed\n"
    );
    assert_eq!(json(&["clear", "--json"])["cleared"], 0);
    assert_eq!(place.succeed(&["entries"]).out, "The cache is empty.\n");
}

#[test]
fn a_server_with_a_token_is_managed_with_it() {
    let place = Place::new();
    let server = place.serve(&["--admin-token", "correct-horse"]);
    let place = place.variable("REFRAIN_SERVER", server.url());
    let refusal = place.fail(&["stats"]);
    assert!(refusal.contains("token"), "{refusal}");
    assert!(
        refusal.ends_with("set `REFRAIN_ADMIN_TOKEN` to it\n"),
        "{refusal}"
    );
    let refusal = place.fail(&["stats", "--admin-token", "wrong"]);
    assert!(
        refusal.ends_with("check `REFRAIN_ADMIN_TOKEN`\n"),
        "{refusal}"
    );
    place.succeed(&["stats", "--admin-token", "correct-horse"]);
    let place = place.variable("REFRAIN_ADMIN_TOKEN", "correct-horse");
    place.succeed(&["clear"]);
}
