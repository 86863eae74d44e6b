use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::table::setting_of_variable;
use super::*;

/// A directory with the two files, an environment and flags, to be loaded.
struct Start {
    directory: TempDir,
    sources: Sources,
}

impl Start {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let sources = Sources {
            directory: directory.path().to_owned(),
            ..Sources::default()
        };
        Self { directory, sources }
    }

    fn flag(mut self, name: &'static str, value: &str) -> Self {
        self.sources.flags.push((name, value.to_owned()));
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.push((name.into(), value.into()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn load(&self) -> Result<Configuration, LoadError> {
        self.sources.load()
    }

    /// The message and hint of a refused start, with the directory's name cut out.
    fn refusal(&self) -> String {
        let error = self.load().expect_err("the start is refused");
        let directory = format!("{}{}", self.directory.path().display(), '/');
        let message = match error.hint() {
            Some(hint) => format!("{error} | {hint}"),
            None => error.to_string(),
        };
        message.replace(&directory, "")
    }
}

#[test]
fn a_start_without_settings_has_the_defaults() {
    let configuration = Start::new().load().unwrap();
    assert_eq!(configuration.server, ServerConfig::default());
    assert_eq!(configuration.log, LogConfig::default());
}

#[test]
fn every_setting_reaches_the_configuration() {
    let defaults = format!("{:?}", Start::new().load().unwrap().server);
    for setting in SETTINGS {
        let other = match setting.kind {
            Kind::Switch => "1",
            Kind::Whole { .. } | Kind::WholeOr { .. } => "77",
            Kind::Number { .. } => "500.5",
            Kind::Address => "127.7.7.7",
            Kind::HostNames => "cache.example,other.example",
            Kind::Choice(words) => words[words.len() - 1],
            Kind::Text | Kind::Token => "sesame",
        };
        let configuration = Start::new().flag(setting.name, other).load().unwrap();
        let changed = format!("{:?}", configuration.server) != defaults
            || configuration.log != LogConfig::default();
        assert!(changed, "{} = {other}", setting.name);
        let shown = configuration.setting(setting.name).value.as_ref();
        let expected = if setting.kind == Kind::Token {
            "[redacted]"
        } else {
            other
        };
        assert_eq!(shown.unwrap().to_string(), expected);
    }
}

#[test]
fn names_in_the_table_are_unique_and_follow_one_scheme() {
    for (index, setting) in SETTINGS.iter().enumerate() {
        assert!(!setting.table().is_empty(), "{}", setting.name);
        assert!(!setting.help.ends_with('.'), "{}", setting.name);
        for other in &SETTINGS[..index] {
            assert_ne!(setting.name, other.name);
            assert_ne!(setting.variable, other.variable);
            assert_ne!(setting.key, other.key);
        }
    }
}

#[test]
fn the_four_variables_users_already_have_are_in_the_table() {
    for name in [
        "DISABLE_RESULT_CACHE",
        "CACHE_MAX_SIZE",
        "CACHE_MAX_MEMORY_MB",
        "CACHE_TTL_SECONDS",
    ] {
        assert!(setting_of_variable(name).is_some(), "{name}");
    }
}

#[test]
fn each_place_wins_over_those_below_it() {
    let mut start = Start::new().file("refrain.toml", "[cache]\n\nmax_size = 1\n");
    let effective = |start: &Start| {
        let configuration = start.load().unwrap();
        let found = configuration.setting("max_size");
        let directory = format!("{}/", start.directory.path().display());
        (
            configuration.server.max_entries,
            found.source.to_string().replace(&directory, ""),
        )
    };
    assert_eq!(
        effective(&start),
        (1, "refrain.toml:3 cache.max_size".to_owned())
    );
    start = start.file(".env", "# limits\nexport CACHE_MAX_SIZE=2\n");
    assert_eq!(effective(&start), (2, ".env:2 CACHE_MAX_SIZE".to_owned()));
    start = start.variable("CACHE_MAX_SIZE", "3");
    assert_eq!(
        effective(&start),
        (3, "environment CACHE_MAX_SIZE".to_owned())
    );
    start = start.flag("max_size", "4");
    assert_eq!(effective(&start), (4, "flag --max-size".to_owned()));
}

#[test]
fn a_flag_overrides_a_wrong_value_below_it() {
    let start = Start::new()
        .variable("CACHE_MAX_SIZE", "many")
        .flag("max_size", "4");
    assert_eq!(start.load().unwrap().server.max_entries, 4);
}

#[test]
fn reading_a_dotenv_file_leaves_the_environment_alone() {
    let start = Start::new().file(".env", "REFRAIN_LOG=debug\nREFRAIN_DOTENV_PROBE=1\n");
    start.load().unwrap();
    assert!(std::env::var_os("REFRAIN_DOTENV_PROBE").is_none());
}

#[test]
fn the_last_line_of_a_dotenv_file_wins() {
    let start = Start::new().file(".env", "\u{feff}REFRAIN_PORT=1\r\nREFRAIN_PORT='2'\r\n");
    let configuration = start.load().unwrap();
    assert_eq!(configuration.server.port, 2);
    assert!(matches!(
        configuration.setting("port").source,
        Source::DotEnv { line: 2, .. }
    ));
}

/// Each line looked for in all of them would take minutes.
#[test]
fn a_dotenv_file_of_many_lines_is_read_line_by_line() {
    let lines = "OTHER=b\nOTHER PROGRAM=b c\n".repeat(100_000);
    let start = Start::new().file(".env", &format!("{lines}REFRAIN_PORT=2\n{lines}"));
    assert!(matches!(
        start.load().unwrap().setting("port").source,
        Source::DotEnv { line: 200_001, .. }
    ));
}

#[cfg(unix)]
#[test]
fn a_dotenv_file_that_is_a_named_pipe_is_refused_and_not_waited_for() {
    let start = Start::new();
    let made = std::process::Command::new("mkfifo")
        .arg(start.directory.path().join(".env"))
        .status();
    assert!(made.unwrap().success());
    assert_eq!(start.refusal(), "cannot read `.env`");
}

#[test]
fn a_named_file_is_read_instead_of_the_usual_one_and_must_exist() {
    let mut start = Start::new()
        .file("refrain.toml", "[server]\nport = 1\n")
        .file("other.toml", "[server]\nport = 2\n");
    start.sources.file = Some(start.directory.path().join("other.toml"));
    assert_eq!(start.load().unwrap().server.port, 2);
    start.sources.file = Some(start.directory.path().join("missing.toml"));
    assert_eq!(
        start.refusal(),
        "cannot read `missing.toml` | check the path given with `--config`"
    );
}

#[test]
fn a_refused_variable_is_named_with_its_value_and_what_is_allowed() {
    let cases = [
        (
            ("CACHE_MAX_SIZE", "many"),
            "environment variable `CACHE_MAX_SIZE` is `many`, allowed: a whole number from 1 to \
             1000000000 | leave it out for the default, `1000`",
        ),
        (
            ("CACHE_MAX_SIZE", "0"),
            "environment variable `CACHE_MAX_SIZE` is `0`, allowed: a whole number from 1 to \
             1000000000 | to turn the cache off, set `DISABLE_RESULT_CACHE=1` or give \
             `--disable-cache`",
        ),
        (
            ("CACHE_MAX_MEMORY_MB", "-1"),
            "environment variable `CACHE_MAX_MEMORY_MB` is `-1`, allowed: a number from 0.001 to \
             1073741824 | leave it out for the default, `512`",
        ),
        (
            ("CACHE_TTL_SECONDS", "0"),
            "environment variable `CACHE_TTL_SECONDS` is `0`, allowed: a whole number from 1 to \
             3153600000, or never | to keep results for ever, write `never`",
        ),
        (
            ("DISABLE_RESULT_CACHE", "maybe"),
            "environment variable `DISABLE_RESULT_CACHE` is `maybe`, allowed: 1, true, yes, on, \
             0, false, no, off | leave it out for the default, `0`",
        ),
        (
            ("REFRAIN_LOG_FORMAT", "xml"),
            "environment variable `REFRAIN_LOG_FORMAT` is `xml`, allowed: human, json | leave it \
             out for the default, `human`",
        ),
        (
            ("REFRAIN_ADMIN_TOKEN", "hünter2"),
            "environment variable `REFRAIN_ADMIN_TOKEN` is `[redacted]`, allowed: a text of \
             visible ASCII characters that is not empty | leave it out if you do not need it",
        ),
    ];
    for ((name, value), message) in cases {
        assert_eq!(Start::new().variable(name, value).refusal(), message);
    }
}

#[test]
fn values_that_make_no_sense_stop_the_start() {
    let cases: &[(&str, &[&str])] = &[
        (
            "CACHE_MAX_SIZE",
            &[
                "",
                " ",
                "1.5",
                "1e3",
                "-1",
                "+1",
                "1_000",
                "0x10",
                "18446744073709551616",
                "NaN",
            ],
        ),
        (
            "CACHE_MAX_MEMORY_MB",
            &["", "0", "-0.5", "NaN", "inf", "512MB", "1e300", "1,5"],
        ),
        ("CACHE_TTL_SECONDS", &["", "-1", "1.5", "1h", "inf"]),
        ("DISABLE_RESULT_CACHE", &["", "2", "-1", "disable"]),
        ("REFRAIN_PORT", &["", "-1", "65536", "http"]),
        (
            "REFRAIN_HOST",
            &["", "localhost:5000", "256.0.0.1", "example.org"],
        ),
        ("REFRAIN_ALLOWED_HOSTS", &["", "a,,b", "a:80", "ftp://a"]),
        ("REFRAIN_GENERATION_THREADS", &["", "0", "all"]),
        ("REFRAIN_LOG", &["", "  "]),
    ];
    for (name, values) in cases {
        for value in *values {
            let start = Start::new().variable(name, value);
            let refusal = start.refusal();
            assert!(refusal.contains(name), "{name}={value:?}: {refusal}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_named() {
    use std::os::unix::ffi::OsStringExt;

    let mut start = Start::new();
    let value = std::ffi::OsString::from_vec(vec![0xff, b'1']);
    start
        .sources
        .environment
        .push(("CACHE_MAX_SIZE".into(), value));
    assert!(
        start
            .refusal()
            .contains("`CACHE_MAX_SIZE` is `(not UTF-8)`")
    );
}

#[test]
fn a_refused_value_in_a_file_is_named_with_its_line_as_it_was_written() {
    let cases = [
        (
            "[server]\n# public\nport = \"5000\"\n",
            "`refrain.toml` line 3: `server.port` is `\"5000\"`, allowed: a whole number from 0 \
             to 65535, without quotes | leave it out for the default, `5000`",
        ),
        (
            "cache = { disabled = 1 }\n",
            "`refrain.toml` line 1: `cache.disabled` is `1`, allowed: true, false | leave it out \
             for the default, `0`",
        ),
        (
            "[log]\nformat = 'xml'\n",
            "`refrain.toml` line 2: `log.format` is `'xml'`, allowed: \"human\", \"json\" | leave \
             it out for the default, `human`",
        ),
        (
            "[cache]\nttl_seconds = nan\n",
            "`refrain.toml` line 2: `cache.ttl_seconds` is `nan`, allowed: a whole number from 1 \
             to 3153600000 without quotes, or \"never\" | leave it out for the default, `86400`",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(Start::new().file("refrain.toml", text).refusal(), message);
    }
}

#[test]
fn a_key_that_is_not_a_setting_is_refused_with_the_one_that_was_meant() {
    let cases = [
        (
            "[cache]\nmax_sise = 5\n",
            "`refrain.toml` line 2: `cache.max_sise` is not a setting | did you mean \
             `cache.max_size`?",
        ),
        (
            "max_size = 5\n",
            "`refrain.toml` line 1: `max_size` is not a setting | did you mean `cache.max_size`?",
        ),
        (
            "\nCACHE_MAX_SIZE = 5\n",
            "`refrain.toml` line 2: `CACHE_MAX_SIZE` is not a setting | did you mean \
             `cache.max_size`?",
        ),
        (
            "[cache]\nport = 5\n",
            "`refrain.toml` line 2: `cache.port` is not a setting | did you mean `server.port`?",
        ),
        (
            "[kitchen]\nsink = 5\n",
            "`refrain.toml` line 1: `kitchen` is not a setting | `refrain config` lists every \
             setting",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(Start::new().file("refrain.toml", text).refusal(), message);
    }
}

#[test]
fn a_section_is_left_to_its_reader_and_every_other_table_is_refused() {
    let text = "[cache]\nmax_size = 7\n\n[[kitchen]]\nsink = 1\n";
    let mut start = Start::new().file("refrain.toml", text);
    assert_eq!(
        start.refusal(),
        "`refrain.toml` line 4: `kitchen` is not a setting | `refrain config` lists every setting"
    );

    start.sources.sections = vec!["kitchen"];
    let configuration = start.load().unwrap();
    assert_eq!(configuration.server.max_entries, 7);
    let file = configuration.file.unwrap();
    assert!(file.has("kitchen") && !file.has("cellar"));

    let start = start.file("refrain.toml", "[kitchens]\nsink = 1\n");
    assert_eq!(
        start.refusal(),
        "`refrain.toml` line 1: `kitchens` is not a setting | did you mean `kitchen`?"
    );
}

#[test]
fn a_refusal_in_a_section_names_the_character_of_the_line() {
    let mut start = Start::new().file(
        "refrain.toml",
        "\u{feff}[kitchen]\n\"gr\u{f6}\u{df}e\" = 1\n",
    );
    start.sources.sections = vec!["kitchen"];
    let file = start.load().unwrap().file.unwrap();
    let refused = |offset| file.refuse(offset, "no", Some("yes".to_owned()));
    let one = file.text().find('1').unwrap();
    assert!(
        refused(one)
            .to_string()
            .ends_with("refrain.toml` line 2, column 11: no")
    );
    assert_eq!(refused(one).hint().as_deref(), Some("yes"));
    assert_eq!(file.place(usize::MAX), file.place(file.text().len()));
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let refusal = Start::new()
        .file("refrain.toml", "[server]\nport = = 5\n")
        .refusal();
    assert!(refusal.starts_with("`refrain.toml` line 2: "), "{refusal}");

    let refusal = Start::new()
        .file("refrain.toml", "[server]\nport = 5\nport = 6\n")
        .refusal();
    assert_eq!(refusal, "`refrain.toml` line 3: duplicate key `port`");

    let refusal = Start::new()
        .file(
            ".env",
            "REFRAIN_PORT=1\nREFRAIN_ADMIN_TOKEN=two secret words\n",
        )
        .refusal();
    assert!(refusal.starts_with("`.env` line 2: "), "{refusal}");
    assert!(!refusal.contains("secret words"), "{refusal}");
}

#[test]
fn a_line_that_only_another_program_understands_is_passed_over() {
    let start = Start::new().file(".env", "OTHER=two words\nREFRAIN_PORT=1 ");
    assert_eq!(start.load().unwrap().server.port, 1);
    let refusal = Start::new()
        .file(".env", "OTHER='never closed\nREFRAIN_PORT=1\n")
        .refusal();
    assert!(refusal.starts_with("`.env` line 1: "), "{refusal}");
}

#[test]
fn values_of_a_file_have_their_types() {
    let start = Start::new().file(
        "refrain.toml",
        "[server]\nhost = \"::1\"\nadmin_token = 'correct-horse'\n\
         allowed_hosts = ['Cache.example', 'https://Models.example:8443']\n\
         [cache]\ndisabled = true\nmax_memory_mb = 1.5\nttl_seconds = \"never\"\n",
    );
    let config = start.load().unwrap().server;
    assert_eq!(config.host.to_string(), "::1");
    assert_eq!(
        config.allowed_hosts,
        ["cache.example", "https://models.example:8443"]
    );
    assert_eq!(config.admin_token, AdminToken::new("correct-horse"));
    assert!(!config.cache_enabled);
    assert_eq!(megabytes(config.max_memory_mb), 1_572_864);
    assert_eq!(config.ttl, None);
}

#[test]
fn an_address_other_machines_can_reach_needs_an_admin_token() {
    for host in ["0.0.0.0", "::", "192.168.1.7", "::ffff:192.168.1.7"] {
        let start = Start::new().variable("REFRAIN_HOST", host);
        let refusal = start.refusal();
        assert!(refusal.contains(host), "{refusal}");
        assert!(refusal.contains("REFRAIN_ADMIN_TOKEN"), "{refusal}");
        let start = start.variable("REFRAIN_ADMIN_TOKEN", "correct-horse");
        assert_eq!(start.load().unwrap().server.host.to_string(), host);
    }
    for host in ["127.0.0.1", "127.8.8.8", "::1", "localhost"] {
        let start = Start::new().variable("REFRAIN_HOST", host);
        assert!(start.load().is_ok(), "{host}");
    }
}

#[test]
fn bodies_together_may_take_at_least_as_much_as_one() {
    assert_eq!(
        Start::new().flag("max_body_mb", "600").refusal(),
        "flag `--max-body-mb` is `600`, allowed: at most `body_memory_mb`, which is 512 | leave \
         it out for the default, `70`"
    );
    assert_eq!(
        Start::new().flag("body_memory_mb", "60").refusal(),
        "flag `--body-memory-mb` is `60`, allowed: at least `max_body_mb`, which is 70 | leave \
         it out for the default, `512`"
    );
    let both = Start::new()
        .flag("max_body_mb", "600")
        .flag("body_memory_mb", "600");
    assert!(both.load().is_ok());
}

#[test]
fn a_variable_that_is_almost_a_setting_is_pointed_out() {
    let start = Start::new()
        .variable("CACHE_MAX_SIZES", "5")
        .variable("REFRAIN_KITCHEN_SINK", "5")
        .variable("REFRAIN_SERVER", "http://127.0.0.1:5000")
        .variable("CACHE_DIRECTORY", "/var/cache")
        .file(".env", "\nREFRAIN_PROT=5\n");
    let directory = format!("{}/", start.directory.path().display());
    let suggestions: Vec<String> = start
        .load()
        .unwrap()
        .suggestions
        .iter()
        .map(|suggestion| suggestion.to_string().replace(&directory, ""))
        .collect();
    assert_eq!(
        suggestions,
        [
            "environment variable `CACHE_MAX_SIZES` is not a setting; did you mean \
             `CACHE_MAX_SIZE`?",
            "environment variable `REFRAIN_KITCHEN_SINK` is not a setting",
            "`.env` line 2: `REFRAIN_PROT` is not a setting; did you mean `REFRAIN_PORT`?",
        ]
    );
}

#[test]
fn a_secret_is_in_no_listing() {
    let start = Start::new().variable("REFRAIN_ADMIN_TOKEN", "correct-horse");
    let configuration = start.load().unwrap();
    let shown = format!("{configuration:?}");
    assert!(!shown.contains("correct-horse"), "{shown}");
    let value = configuration.setting("admin_token").value.clone().unwrap();
    assert_eq!(value.to_string(), "[redacted]");
    assert_eq!(serde_json::to_string(&value).unwrap(), "\"[redacted]\"");
}

proptest! {
    #[test]
    fn no_text_whatever_makes_reading_panic(text in "\\PC{0,40}", file in "[\\[\\]a-z_=.\"'0-9\n ]{0,80}") {
        for setting in SETTINGS {
            let _ = setting.kind.read(&text);
        }
        let start = Start::new().file(".env", &text).file("refrain.toml", &file);
        let _ = start.load();
    }

    #[test]
    fn a_whole_number_is_read_exactly_when_it_is_in_range(number in any::<u64>(), min in 0_u64..100, max in 100_u64..u64::MAX) {
        let read = Kind::Whole { min, max }.read(&number.to_string());
        prop_assert_eq!(read, (min..=max).contains(&number).then_some(Value::Whole(number)));
    }
}

#[test]
fn a_directory_in_the_place_of_a_file_is_reported() {
    let start = Start::new();
    fs::create_dir(start.directory.path().join("refrain.toml")).unwrap();
    assert_eq!(start.refusal(), "cannot read `refrain.toml`");
}
