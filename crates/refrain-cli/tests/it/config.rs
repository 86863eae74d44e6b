use std::fs;
use std::io::Read;
use std::process::Stdio;

use refrain_server::config::{SETTINGS, Setting};

use crate::program::{Place, repository};

#[test]
fn without_settings_everything_is_the_default() {
    insta::assert_snapshot!(Place::new().succeed(&["config"]).out);
}

fn mixed() -> Place {
    Place::new()
        .file(
            "refrain.toml",
            "[cache]\nmax_memory_mb = 55\n\n[log]\nformat = \"json\"\n",
        )
        .file(
            ".env",
            "# of this project\nCACHE_TTL_SECONDS=44\nCACHE_MAX_SIZE=22\n",
        )
        .variable("CACHE_MAX_SIZE", "33")
        .variable("REFRAIN_ADMIN_TOKEN", "correct-horse")
}

#[test]
fn each_value_is_shown_with_the_place_it_came_from() {
    insta::assert_snapshot!(mixed().succeed(&["config", "--host", "0.0.0.0"]).out);
}

#[test]
fn the_same_as_json_has_everything_known_of_a_setting() {
    let ran = mixed().succeed(&["config", "--json", "--host", "0.0.0.0"]);
    let document: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let settings = document["settings"].as_array().unwrap();
    assert_eq!(settings.len(), SETTINGS.len());
    let shown = |name: &str| {
        let found = settings.iter().find(|setting| setting["name"] == name);
        serde_json::to_string_pretty(found.unwrap()).unwrap()
    };
    let names = [
        "host",
        "admin_token",
        "max_size",
        "max_memory_mb",
        "ttl_seconds",
        "port",
    ];
    insta::assert_snapshot!(names.map(shown).join("\n"));
}

#[test]
fn a_secret_is_never_shown() {
    let place = mixed();
    for arguments in [
        &["config"][..],
        &["config", "--json"],
        &["serve", "--port", "-1"],
    ] {
        let ran = place.run(arguments);
        assert!(!ran.out.contains("correct-horse"), "{}", ran.out);
        assert!(!ran.err.contains("correct-horse"), "{}", ran.err);
    }
}

#[test]
fn a_value_that_makes_no_sense_stops_every_command_that_needs_it() {
    for command in ["serve", "config", "stats"] {
        let refusal = Place::new()
            .variable("CACHE_MAX_SIZE", "many")
            .fail(&[command]);
        assert_eq!(
            refusal,
            "exit code 2\n\
             error: environment variable `CACHE_MAX_SIZE` is `many`, allowed: a whole number from \
             1 to 1000000000\n\
             hint: leave it out for the default, `1000`\n"
        );
    }
}

#[test]
fn refusals_say_where_what_and_what_to_do() {
    let cases: Vec<(&str, Place, &[&str])> = vec![
        ("flag", Place::new(), &["serve", "--ttl-seconds", "-1"]),
        (
            "switch",
            Place::new(),
            &["serve", "--disable-cache=perhaps"],
        ),
        (
            "dotenv",
            Place::new().file(".env", "\nDISABLE_RESULT_CACHE='maybe'\n"),
            &["serve"],
        ),
        (
            "file",
            Place::new().file("refrain.toml", "[server]\nport = '5000'\n"),
            &["serve"],
        ),
        (
            "key",
            Place::new().file("refrain.toml", "[cache]\nmax_sise = 5\n"),
            &["serve"],
        ),
        (
            "syntax",
            Place::new().file("refrain.toml", "[cache\n"),
            &["serve"],
        ),
        (
            "missing",
            Place::new(),
            &["serve", "--config", "other.toml"],
        ),
        ("open", Place::new(), &["serve", "--host", "0.0.0.0"]),
        ("log", Place::new(), &["serve", "--log", "inof"]),
        (
            "directive",
            Place::new(),
            &["config", "--log", "refrain=loud"],
        ),
        (
            "server",
            Place::new().variable("REFRAIN_SERVER", "localhost:5000"),
            &["stats"],
        ),
    ];
    for (name, place, arguments) in cases {
        insta::assert_snapshot!(format!("refusal_{name}"), place.fail(arguments));
    }
}

#[test]
fn a_slip_in_a_name_is_pointed_out_and_stops_nothing() {
    let ran = Place::new()
        .variable("REFRAIN_PROT", "6000")
        .succeed(&["config"]);
    assert_eq!(
        ran.err,
        "warning: environment variable `REFRAIN_PROT` is not a setting; did you mean \
         `REFRAIN_PORT`?\n"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = Place::new()
        .command(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut talk = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut talk)
        .unwrap();
    assert_eq!(talk, "");
    assert!(child.wait().unwrap().success());
}

/// The table of the settings in the document is made from the table in the code. With
/// `REFRAIN_UPDATE_DOCS` set it is written, without it is compared.
#[test]
fn the_document_has_every_setting() {
    let path = repository("docs/configuration.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->\n");
    let from = text.find(begin).unwrap() + begin.len();
    let to = text.find(end).unwrap();
    let expected = table();
    if std::env::var_os("REFRAIN_UPDATE_DOCS").is_some() {
        let text = format!("{}{expected}{}", &text[..from], &text[to..]);
        fs::write(&path, text).unwrap();
    } else {
        assert_eq!(
            &text[from..to],
            expected,
            "set REFRAIN_UPDATE_DOCS=1 to write it"
        );
    }
}

fn table() -> String {
    let heading = "| Flag | Variable | Key | Default | Allowed | Meaning |\n\
                   | --- | --- | --- | --- | --- | --- |\n";
    let mut text = String::new();
    let mut table = "";
    for setting in SETTINGS {
        if setting.table() != table {
            table = setting.table();
            text.extend(["\n### `[", table, "]`\n\n", heading]);
        }
        text.push_str(&row(setting));
    }
    text.push('\n');
    text
}

fn row(setting: &Setting) -> String {
    format!(
        "| `{}` | `{}` | `{}` | {} | {} | {} |\n",
        setting.flag(),
        setting.variable,
        setting.key,
        setting
            .default
            .map_or("not set".to_owned(), |default| format!("`{default}`")),
        setting.kind,
        setting.help,
    )
}
